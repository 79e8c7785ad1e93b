/*
 * reading.c - a view that is read in pieces, beside what store_get answered.
 */
#include "tests/unit/raftd/replica/store/reading.h"

#define LENGTH_AT 18			/* of the nodes, in an event_record */

void
reading_open(struct reading *reading, struct store *store, struct slice key, unsigned flags,
    uint64_t now_ns)
{
	struct blob *cause;

	memset(reading, 0, sizeof(*reading));
	assert_int_equal(store_get(store, key, flags, now_ns, &reading->expected, &cause),
	    ERR_NONE);
	memset(reading->expected.data + LENGTH_AT, 0xff, 4);
	assert_int_equal(store_view_open(store, key, flags, now_ns, &reading->view, &cause),
	    ERR_NONE);
	assert_int_equal(store_view_index(reading->view), store_index(store));
}

enum view_state
reading_read(struct reading *reading, size_t bytes_max, size_t steps_max)
{
	struct buf *out = &reading->out;
	size_t before = out->size;
	enum view_state state = store_view_read(reading->view, out, bytes_max, steps_max);

	assert_true(out->size - before <= bytes_max);
	assert_true(out->size <= reading->expected.size);
	if (out->size > before)
		assert_memory_equal(out->data + before, reading->expected.data + before,
		    out->size - before);
	if (state == VIEW_END)
		assert_int_equal(out->size, reading->expected.size);
	return state;
}

void
reading_end(struct reading *reading, size_t bytes_max)
{
	enum view_state state;

	while ((state = reading_read(reading, bytes_max, SIZE_MAX)) == VIEW_MORE)
		;
	assert_int_equal(state, VIEW_END);
	/* It stays there. */
	assert_int_equal(reading_read(reading, bytes_max, SIZE_MAX), VIEW_END);
	reading_close(reading);
}

void
reading_close(struct reading *reading)
{
	store_view_close(&reading->view);
	assert_null(reading->view);
	buf_free(&reading->expected);
	buf_free(&reading->out);
}
