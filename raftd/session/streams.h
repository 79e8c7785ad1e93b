/*
 * streams.h - connections with other nodes that raftd reads and writes itself.
 *
 * A stream without TLS is given to raftd by the peer worker when the handshake is over: from
 * then on frames need not pass two workers more. The worker keeps a copy of the descriptor,
 * by which it can end it, is told of its end, and makes the next one; raftd can open none.
 * If the worker dies, they go on. What comes is foreign, as it is when a worker passes it on:
 * a frame in another name, of a type that does not travel between nodes or above the limit
 * ends the stream.
 *
 *	given --> open --> ended	closed by either node, an error, senseless bytes,
 *					or replaced: a newer one of the same node and opener
 */
#ifndef MOOTHALL_RAFTD_SESSION_STREAMS_H
#define MOOTHALL_RAFTD_SESSION_STREAMS_H

#include "common/loop.h"
#include "raftd/node.h"

struct streams;

/*
 * Frames that come are the node's; what goes out leaves at streams_flush.
 *
 *	over	a stream has ended, of that number (msg_peer_stream); not at streams_free
 */
struct streams *streams_new(struct loop *loop, struct node *node,
    void (*over)(void *argument, uint64_t number), void *argument);
/* Ends them all; accepts NULL in *streams. */
void streams_free(struct streams **streams);

/* Is a message of that type, of the peer worker, to be taken here? */
bool streams_takes(uint16_t type);
/*
 * Take a stream.
 *
 *	frame	borrowed
 *	fd	of its connection, owned by the callee; -1: there is none
 *
 * ERR_MALFORMED: no message of the peer worker, or its values may not be. What cannot be
 * used otherwise (no connection over a network, of another node than this one is now, too
 * many) is closed with a line, and over is called.
 */
enum err streams_take(struct streams *streams, const struct frame *frame, int fd) MUST_CHECK;

/*
 * Let a frame leave for the node that its request id names; that is replaced by ours.
 *
 *	bytes	one whole frame, borrowed until streams_flush
 *
 * False: there is no stream to it, nothing was done. A stream whose queue is full
 * (PEER_QUEUE_BYTES_MAX) drops it, and true is returned.
 */
bool streams_send(struct streams *streams, uint8_t *bytes, size_t size) MUST_CHECK;
/* Write what is queued as far as the sockets take it; the rest follows. */
void streams_flush(struct streams *streams);
/* The worker that gave them is gone: nobody is told of their ends any more. */
void streams_orphaned(struct streams *streams);
/* Bytes that wait for sockets to take them. */
size_t streams_queued(const struct streams *streams);

#endif
