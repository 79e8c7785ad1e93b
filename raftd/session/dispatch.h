/*
 * dispatch.h - a frame of a worker becomes a call of the conductor.
 *
 * Pure, as the conductor: no channel, no clock, no diag. So the simulator has its workers
 * heard by the same rules as session.c.
 */
#ifndef MOOTHALL_RAFTD_SESSION_DISPATCH_H
#define MOOTHALL_RAFTD_SESSION_DISPATCH_H

#include "common/ipc/message.h"
#include "raftd/node.h"

/* A worker as the conductor knows it. */
struct asker {
	struct node *node;
	unsigned sender;	/* FROM_CLIENT_WORKER or FROM_PEER_WORKER */
	uint64_t session;	/* chosen by the worker, not 0 */
	size_t asked;		/* requests that are not answered to their end */
};

/*
 * What its frame asks for is begun.
 *
 * ERR_MALFORMED: it is no message of such a worker, or its values may not be; nothing was
 * begun. Frames of other nodes, which the peer worker passes on, are node_peer_frame's.
 */
enum err session_dispatch(struct asker *asker, const struct frame *frame) MUST_CHECK;
/* One of its requests is answered to its end. */
void asker_answered(struct asker *asker);

#endif
