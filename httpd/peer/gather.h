/*
 * gather.h - before a cluster begins at all its nodes together: do the others agree?
 *
 * The nodes of -initial-cluster make the same cluster of it, each for itself (see
 * common/initial_cluster.h), so there is nothing to negotiate. What has to be known is
 * whether this node may begin: with an empty directory it has forgotten what it ever
 * promised to the others, if it did. So it asks each of them before it takes part.
 *
 *	GET /raft/begin, with the headers of the handshake (handshake.h)
 *	200 waiting	same cluster, and who answers waits as well
 *	200 open	the cluster has begun, and this member has never taken part
 *	200 known	it has: its data was lost
 *	200 gone	it was a member, or is none any more
 *	412		another cluster: a sentence that says so
 *	503		cannot say yet
 *
 * It begins when all agree (waiting or open), or a quorum does and the others have had
 * their time; it ends for good when one says known or gone, or when so many are of another
 * cluster that there can be no quorum.
 *
 * Source: docs/architecture.md, "All nodes at once".
 */
#ifndef MOOTHALL_HTTPD_PEER_GATHER_H
#define MOOTHALL_HTTPD_PEER_GATHER_H

#include "httpd/peer/peer_priv.h"

struct gather;

/* Ask the others of peers->initial, from the next turn of the loop on, until this node
 * has begun or ends. */
struct gather *gather_new(struct peers *peers);
/* Ask nobody any more. Accepts NULL. */
void gather_free(struct gather **gather);

#endif
