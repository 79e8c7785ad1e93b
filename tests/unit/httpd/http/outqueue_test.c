/*
 * outqueue_test.c - own and shared bytes leave in the order they came.
 */
#include "common/rand.h"
#include "httpd/http/outqueue.h"
#include "tests/lib/test.h"

#include <stdlib.h>

/* Take what a socket would: up to room bytes. */
static void
take(struct outqueue *queue, size_t room, struct buf *out)
{
	struct iovec pieces[4];
	int count = outqueue_pieces(queue, pieces, 4);
	size_t taken = 0;

	for (int i = 0; i < count && taken < room; i++) {
		size_t size = MIN_OF(pieces[i].iov_len, room - taken);

		buf_append(out, pieces[i].iov_base, size);
		taken += size;
	}
	outqueue_consume(queue, taken);
}

TEST(bytes_leave_in_the_order_they_came)
{
	struct rand rand;
	struct outqueue queue;
	struct buf put = BUF_INIT;
	struct buf taken = BUF_INIT;
	uint8_t bytes[10000];

	rand_seed(&rand, 7);
	outqueue_init(&queue);
	for (int i = 0; i < 500; i++) {
		size_t size = rand_below(&rand, sizeof(bytes));

		for (size_t j = 0; j < size; j++)
			bytes[j] = (uint8_t)rand_next(&rand);
		if (rand_chance(&rand, 500)) {
			struct blob *blob = blob_new(slice_of(bytes, size));

			outqueue_put_blob(&queue, blob);
			blob_unref(&blob);
		} else {
			buf_append(outqueue_tail(&queue), bytes, size);
		}
		buf_append(&put, bytes, size);
		take(&queue, rand_below(&rand, sizeof(bytes)), &taken);
		assert_int_equal(outqueue_size(&queue), put.size - taken.size);
	}
	while (!outqueue_is_empty(&queue))
		take(&queue, 4096, &taken);
	assert_true(slice_equal(buf_slice(&put), buf_slice(&taken)));
	buf_free(&put);
	buf_free(&taken);
}

TEST(large_blobs_are_shared_and_let_go)
{
	struct outqueue one, two;
	struct blob *blob = blob_alloc(100000);

	memset(blob->data, 'x', blob->size);
	outqueue_init(&one);
	outqueue_init(&two);
	outqueue_put_blob(&one, blob);
	outqueue_put_blob(&two, blob);
	assert_int_equal(blob->references, 3);
	outqueue_move(&one, &two);
	assert_true(outqueue_is_empty(&two));
	assert_int_equal(outqueue_size(&one), 200000);
	outqueue_consume(&one, 100000);
	assert_int_equal(blob->references, 2);
	outqueue_clear(&one);
	assert_int_equal(blob->references, 1);
	blob_unref(&blob);
}
