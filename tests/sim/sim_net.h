/*
 * sim_net.h - the network between the machines, as raftd sees it through its
 * peer worker: whole frames, lost, late, doubled or out of order.
 *
 * Frames are addressed by the receiver's node id and arrive with the sender's.
 * A stream that comes up is told to both ends (peer_connected); one that is
 * refused because the whole node is gone is told to the end that lives
 * (peer_unreachable).
 */
#ifndef MOOTHALL_TESTS_SIM_NET_H
#define MOOTHALL_TESTS_SIM_NET_H

#include "common/ipc/frame.h"
#include "tests/sim/sim_world.h"

struct sim_net *sim_net_new(void);
void sim_net_free(struct sim_net **net);

/* A frame left the raftd of machine; request id is the receiver's node id. */
void sim_net_send(struct machine *from, const struct frame *frame);

/* Cut or mend one direction. Frames under way may still arrive. */
void sim_net_cut(struct world *world, size_t from, size_t to, bool cut);
bool sim_net_is_cut(const struct world *world, size_t from, size_t to);
/* Mend all; nothing is lost or doubled from now on. */
void sim_net_heal(struct world *world);

/* The node at the machine is up: streams with all that can be reached come up. */
void sim_net_up(struct machine *machine);
/* Its whole node ended: connects are refused. */
void sim_net_refused(struct machine *machine);
/* A firewall refuses on its behalf though it lives: the hint is false. */
void sim_net_false_hint(struct machine *at, const struct machine *about);

#endif
