/*
 * srv.h - the nodes of -discovery-srv DOMAIN, as the SRV records of DOMAIN say.
 *
 * As -initial-cluster, but for the names of the nodes, which no record has: the cluster begins
 * with names that follow from the hosts and ports, the same ones on every node, and each node
 * tells its own when it has begun (raftd/propose.c).
 *
 *	asking --> known	both names were looked up, and this node is there	[answered]
 *	asking --> asking	name servers do not answer: again, -max-retry-attempts times
 *	asking --> the end	no records, or none of this node; or the last attempt
 *
 * Runs in the peer worker while raftd is in PHASE_JOINING without a cluster. A node with data
 * never asks.
 * Source: docs/operations.md, "Discovery by DNS".
 */
#ifndef MOOTHALL_HTTPD_PEER_SRV_H
#define MOOTHALL_HTTPD_PEER_SRV_H

#include "common/initial_cluster.h"

struct peers;
struct srv;

/* known is called from the loop, once. */
struct srv *srv_new(struct peers *peers, void (*known)(struct peers *peers));
/* Stop, whatever is under way; accepts NULL in *srv. */
void srv_free(struct srv **srv);
/* False: not yet. */
bool srv_is_known(const struct srv *srv);
/* All nodes, with this one; owned by the caller. Once. */
struct initial_cluster srv_take_cluster(struct srv *srv);
/* The others, "host:port,host:port"; borrowed. "": there are none. */
const char *srv_others(const struct srv *srv);

#endif
