/*
 * wiring.h - the socket pair between raftd and each worker.
 *
 * Both ends travel over the control channels with a random token, so no child
 * looks up, connects to or authenticates another. After a death there is a new
 * pair with the one that follows; after a channel broke between two that live,
 * another for these:
 *
 *	paired ----> broken	one end says so, and why	[wiring_lost]
 *	broken ----> paired	at once, or after a back-off	[wiring_again]
 *	broken ----> replaced	the worker whose channel broke so often in a row is
 *				killed, and started as after any death; never raftd
 *	any -------> paired	one of the two was started	[wiring_add]
 *
 * If all that is known is that the channel was closed, one of the two may have
 * died: then its end is awaited for a moment.
 */
#ifndef MOOTHALL_SUPERVISOR_WIRING_H
#define MOOTHALL_SUPERVISOR_WIRING_H

#include "supervisor/process.h"

/*
 * Connect two client workers: the connections of from go to to when from drains,
 * which it is to be told after this. Without a pair they end as they do alone.
 */
void wiring_hand_over(struct process *from, struct process *to);

/* process has just been started: connect it with all it belongs to. */
void wiring_add(struct process_list *processes, struct process *process);
/* sender, raftd or a worker, says that a channel between them has ended. */
void wiring_lost(struct process_list *processes, struct process *sender,
    const struct msg_channel_lost *lost);
/* The pause before another channel for that worker is over. */
void wiring_again(struct process_list *processes, struct process *worker);

/* A connection to the peer worker, as if to its port, but plain HTTP; -1: it is not
 * up, or errno says why not. The caller's. */
int wiring_visit(struct process_list *processes);

#endif
