/*
 * outqueue.h - answer bytes on their way to a client: own bytes and shared ones
 * in one order. An empty queue has no memory.
 */
#ifndef MOOTHALL_HTTPD_HTTP_OUTQUEUE_H
#define MOOTHALL_HTTPD_HTTP_OUTQUEUE_H

#include "common/blob.h"
#include "common/buf.h"

#include <sys/queue.h>
#include <sys/uio.h>

struct outqueue_part;

struct outqueue {
	TAILQ_HEAD(outqueue_parts, outqueue_part) parts;
};

void outqueue_init(struct outqueue *queue);
/* Drop all bytes; the queue may be used again. */
void outqueue_clear(struct outqueue *queue);
bool outqueue_is_empty(const struct outqueue *queue);
/* How many bytes wait. */
size_t outqueue_size(const struct outqueue *queue);
/* The same without the largest part that is a blob's. */
size_t outqueue_size_beside_one(const struct outqueue *queue);
/* How many bytes of memory they take, of what is shared a share. */
size_t outqueue_memory(const struct outqueue *queue);
/* The buffer at the end, to append to; valid until the next call. */
struct buf *outqueue_tail(struct outqueue *queue);
/* Append a blob's bytes: by reference, or copied if they are few. */
void outqueue_put_blob(struct outqueue *queue, struct blob *blob);
/* Append all of from, which is empty then. */
void outqueue_move(struct outqueue *queue, struct outqueue *from);
/* The first bytes as pieces for writev; returns how many pieces. */
int outqueue_pieces(const struct outqueue *queue, struct iovec *pieces, int count_max);
/* The first size bytes were taken. */
void outqueue_consume(struct outqueue *queue, size_t size);

#endif
