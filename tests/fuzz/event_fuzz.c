/*
 * event_fuzz.c - an encoded event as JSON: at once, and in pieces.
 *
 * The first byte says how the rest is cut. Any bytes: both say the same of them,
 * and give the same text.
 */
#include "tests/fuzz/fuzz.h"

#include "httpd/client/event_json.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct event_json *event = event_json_new();
	struct buf whole = BUF_INIT, pieces = BUF_INIT;
	enum err expected, err = ERR_NONE;
	size_t step, at = 1;

	if (size > 0) {
		step = 1 + data[0];
		expected = event_json_put(&whole, slice_of(data + 1, size - 1));
		while (err == ERR_NONE && at < size) {
			size_t end = MIN_OF(size, at + step);

			err = event_json_feed(event, slice_of(data + at, end - at), &pieces);
			at = end;
		}
		if (err == ERR_NONE)
			err = event_json_end(event, &pieces);
		/* In pieces, the length of the nodes may be left open. */
		ASSERT(expected != ERR_NONE || err == ERR_NONE);
		ASSERT(expected == ERR_NONE || err != ERR_NONE ||
		    (size > 22 && memcmp(data + 19, "\xff\xff\xff\xff", 4) == 0));
		if (expected == ERR_NONE)
			ASSERT(slice_equal(buf_slice(&whole), buf_slice(&pieces)));
	}
	event_json_free(&event);
	buf_free(&whole);
	buf_free(&pieces);
	return 0;
}
