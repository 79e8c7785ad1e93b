/*
 * outqueue.c - answer bytes on their way to a client (see outqueue.h).
 */
#include "httpd/http/outqueue.h"
#include "common/xmem.h"

#include <stdlib.h>

#define SHARE_BYTES_MIN 4096	/* below, a copy costs less than a part */
#define PART_BYTES_FIRST 512	/* room for a usual answer */
#define PART_BYTES_FULL ((size_t)64 * 1024) /* memory comes back when a part was taken whole */

struct outqueue_part {
	TAILQ_ENTRY(outqueue_part) link;
	struct blob *blob;		/* NULL: the bytes are in own */
	struct buf own;
	size_t taken;
};

void
outqueue_init(struct outqueue *queue)
{
	TAILQ_INIT(&queue->parts);
}

static struct slice
part_bytes(const struct outqueue_part *part)
{
	struct slice all = part->blob != NULL ? blob_slice(part->blob) : buf_slice(&part->own);

	return slice_of(all.data + part->taken, all.size - part->taken);
}

static void
drop_first(struct outqueue *queue)
{
	struct outqueue_part *part = TAILQ_FIRST(&queue->parts);

	TAILQ_REMOVE(&queue->parts, part, link);
	blob_unref(&part->blob);
	buf_free(&part->own);
	free(part);
}

void
outqueue_clear(struct outqueue *queue)
{
	while (!TAILQ_EMPTY(&queue->parts))
		drop_first(queue);
}

bool
outqueue_is_empty(const struct outqueue *queue)
{
	return TAILQ_EMPTY(&queue->parts);
}

size_t
outqueue_size(const struct outqueue *queue)
{
	const struct outqueue_part *part;
	size_t size = 0;

	TAILQ_FOREACH(part, &queue->parts, link)
		size += part_bytes(part).size;
	return size;
}

size_t
outqueue_size_beside_one(const struct outqueue *queue)
{
	const struct outqueue_part *part;
	size_t size = 0, largest = 0;

	TAILQ_FOREACH(part, &queue->parts, link) {
		size_t left = part_bytes(part).size;

		size += left;
		if (part->blob != NULL)
			largest = MAX_OF(largest, left);
	}
	return size - largest;
}

size_t
outqueue_memory(const struct outqueue *queue)
{
	const struct outqueue_part *part;
	size_t size = 0;

	TAILQ_FOREACH(part, &queue->parts, link)
		size += part->blob != NULL ? part->blob->size / part->blob->references :
		    part->own.size;
	return size;
}

static struct outqueue_part *
add_part(struct outqueue *queue)
{
	struct outqueue_part *part = xzalloc(sizeof(*part));

	TAILQ_INSERT_TAIL(&queue->parts, part, link);
	return part;
}

struct buf *
outqueue_tail(struct outqueue *queue)
{
	struct outqueue_part *last = TAILQ_LAST(&queue->parts, outqueue_parts);

	if (last == NULL || last->blob != NULL || last->own.size >= PART_BYTES_FULL) {
		last = add_part(queue);
		buf_reserve(&last->own, PART_BYTES_FIRST);
	}
	return &last->own;
}

void
outqueue_put_blob(struct outqueue *queue, struct blob *blob)
{
	if (blob->size < SHARE_BYTES_MIN)
		buf_append_slice(outqueue_tail(queue), blob_slice(blob));
	else
		add_part(queue)->blob = blob_ref(blob);
}

void
outqueue_move(struct outqueue *queue, struct outqueue *from)
{
	TAILQ_CONCAT(&queue->parts, &from->parts, link);
}

int
outqueue_pieces(const struct outqueue *queue, struct iovec *pieces, int count_max)
{
	const struct outqueue_part *part;
	int count = 0;

	TAILQ_FOREACH(part, &queue->parts, link) {
		struct slice bytes = part_bytes(part);

		if (count == count_max)
			break;
		/* writev does not write to what it is given. */
		pieces[count++] = (struct iovec){ (void *)(uintptr_t)bytes.data, bytes.size };
	}
	return count;
}

void
outqueue_consume(struct outqueue *queue, size_t size)
{
	for (;;) {
		struct outqueue_part *part = TAILQ_FIRST(&queue->parts);
		size_t left;

		if (part == NULL)
			return;
		left = part_bytes(part).size;
		if (size < left) {
			part->taken += size;
			return;
		}
		size -= left;
		drop_first(queue);
	}
}
