/*
 * event_fuzz.c - an encoded event as JSON: at once, and in pieces.
 *
 * The first byte says how the rest is cut. Any bytes: both say the same of them,
 * and give the same text, in either form.
 */
#include "tests/fuzz/fuzz.h"

#include "common/ipc/wire.h"
#include "httpd/client/event_json.h"

static void
try_form(enum event_form form, const uint8_t *data, size_t size)
{
	struct event_json *event = event_json_new(form);
	struct buf whole = BUF_INIT, pieces = BUF_INIT;
	enum err expected, err = ERR_NONE;
	size_t step = 1 + data[0], at = 1;
	/* In the first form nothing else comes in pieces. */
	bool may_be_cut = form == EVENT_FORM_V2 || size < 3 ||
	    (data[1] == ACTION_GET && (data[2] & EVENT_PREVIOUS) == 0);

	expected = event_json_put(&whole, form, slice_of(data + 1, size - 1), NULL);
	while (err == ERR_NONE && at < size) {
		size_t end = MIN_OF(size, at + step);

		err = event_json_feed(event, slice_of(data + at, end - at), &pieces);
		at = end;
	}
	if (err == ERR_NONE)
		err = event_json_end(event, &pieces);
	/* In pieces, the length of the nodes may be left open. */
	ASSERT(expected != ERR_NONE || err == ERR_NONE || !may_be_cut);
	ASSERT(expected == ERR_NONE || err != ERR_NONE ||
	    (size > 22 && memcmp(data + 19, "\xff\xff\xff\xff", 4) == 0));
	if (expected == ERR_NONE && may_be_cut)
		ASSERT(slice_equal(buf_slice(&whole), buf_slice(&pieces)));
	event_json_free(&event);
	buf_free(&whole);
	buf_free(&pieces);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size > 0) {
		try_form(EVENT_FORM_V2, data, size);
		try_form(EVENT_FORM_V1, data, size);
	}
	return 0;
}
