/*
 * event_json_test.c - events and nodes, to the byte.
 */
#include "common/clock.h"
#include "common/ipc/wire.h"
#include "httpd/client/event_json.h"
#include "tests/lib/test.h"

#include <stdlib.h>

/* 2026-11-22T15:29:23.647Z */
#define NOW (UINT64_C(1795361363) * NS_PER_SECOND + 647 * NS_PER_MS)

/* In pieces that end at these places (0, 0: one byte each). */
static void
expect_pieces(enum event_form form, struct slice encoded, size_t first, size_t second,
    const char *json)
{
	struct event_json *event = event_json_new(form);
	struct buf out = BUF_INIT;

	for (size_t at = 0; at < encoded.size;) {
		size_t end = at < first ? first : at < second ? second : encoded.size;

		if (second == 0)
			end = at + 1;
		assert_int_equal(event_json_feed(event, slice_of(encoded.data + at, end - at),
		    &out), ERR_NONE);
		at = end;
	}
	assert_int_equal(event_json_end(event, &out), ERR_NONE);
	event_json_free(&event);
	buf_append_byte(&out, '\0');
	assert_string_equal((char *)out.data, json);
	buf_free(&out);
}

/* Every cut at every byte gives the same, and nothing less than the whole is one. */
static void
expect_cuts(enum event_form form, struct slice encoded, const char *json)
{
	expect_pieces(form, encoded, 0, 0, json);
	for (size_t at = 1; at < encoded.size; at++) {
		struct event_json *event = event_json_new(form);
		struct buf out = BUF_INIT;

		expect_pieces(form, encoded, at, at + 1 + at % 5 > encoded.size ? encoded.size :
		    at + 1 + at % 5, json);
		assert_int_equal(event_json_feed(event, slice_of(encoded.data, at), &out),
		    ERR_NONE);
		/* Without a length it may end behind any node of its last tree. */
		if (encoded.data[18] != 0xff)
			assert_int_equal(event_json_end(event, &out), ERR_MALFORMED);
		event_json_free(&event);
		buf_free(&out);
	}
}

static void
expect_in(enum event_form form, const struct event_record *event, const struct node_record *nodes,
    size_t count, const char *json)
{
	/* Only what is read comes in pieces in the first form. */
	bool pieces = form == EVENT_FORM_V2 ||
	    (event->action == ACTION_GET && (event->flags & EVENT_PREVIOUS) == 0);
	struct event_record whole = *event;
	struct buf list = BUF_INIT;
	struct buf encoded = BUF_INIT;
	struct buf out = BUF_INIT;
	uint32_t list_bytes;
	bool created;

	for (size_t i = 0; i < count; i++)
		node_record_put(&list, &nodes[i]);
	list_bytes = (uint32_t)list.size;
	whole.nodes = buf_slice(&list);
	whole.now_ns = NOW;
	event_record_put(&encoded, &whole);
	assert_int_equal(event_json_put(&out, form, buf_slice(&encoded), &created), ERR_NONE);
	assert_int_equal(created, (event->flags & EVENT_CREATED) != 0);
	buf_append_byte(&out, '\0');
	assert_string_equal((char *)out.data, json);
	if (pieces)
		expect_cuts(form, buf_slice(&encoded), json);
	memset(encoded.data + 18, 0xff, 4);
	if (pieces)
		expect_cuts(form, buf_slice(&encoded), json);
	memcpy(encoded.data + 18, &list_bytes, sizeof(list_bytes));
	/* Nothing less than the whole is an event. */
	for (size_t size = 0; size < encoded.size; size++) {
		buf_clear(&out);
		assert_int_equal(event_json_put(&out, form, slice_of(encoded.data, size), NULL),
		    ERR_MALFORMED);
	}
	buf_free(&list);
	buf_free(&encoded);
	buf_free(&out);
}

static void
expect(const struct event_record *event, const struct node_record *nodes, size_t count,
    const char *json)
{
	expect_in(EVENT_FORM_V2, event, nodes, count, json);
}

#define KEY(text) .key = SLICE_LITERAL(text)
#define VALUE(text) .flags = NODE_VALUE, .value = SLICE_LITERAL(text)

TEST(a_set_with_its_previous_node)
{
	const struct node_record nodes[] = {
		{ KEY("/a"), VALUE("2"), .modified = 7, .created = 7 },
		{ KEY("/a"), VALUE(""), .modified = 3, .created = 2 },
	};

	expect(&(struct event_record){ .action = ACTION_SET, .flags = EVENT_PREVIOUS }, nodes, 2,
	    "{\"action\":\"set\",\"node\":{\"key\":\"/a\",\"value\":\"2\",\"modifiedIndex\":7,"
	    "\"createdIndex\":7},\"prevNode\":{\"key\":\"/a\",\"value\":\"\",\"modifiedIndex\":3,"
	    "\"createdIndex\":2}}\n");
}

TEST(ttl_is_rounded_up_and_left_out_when_over)
{
	struct node_record node = { KEY("/a"), .flags = NODE_VALUE | NODE_EXPIRES, .modified = 1,
		.created = 1 };
	static const struct {
		int64_t left_ns;
		const char *json;
	} rows[] = {
		{ 100000000000, "\"expiration\":\"2026-11-22T15:31:03.647Z\",\"ttl\":100," },
		{ 99000000001, "\"expiration\":\"2026-11-22T15:31:02.647000001Z\",\"ttl\":100," },
		{ 353000000, "\"expiration\":\"2026-11-22T15:29:24Z\",\"ttl\":1," },
		{ 1, "\"expiration\":\"2026-11-22T15:29:23.647000001Z\",\"ttl\":1," },
		{ 0, "\"expiration\":\"2026-11-22T15:29:23.647Z\"," },
		{ -7, "\"expiration\":\"2026-11-22T15:29:23.646999993Z\"," },
	};

	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		struct buf json = BUF_INIT;

		node.expire_at_ns = NOW + (uint64_t)rows[i].left_ns;
		buf_printf(&json,
		    "{\"action\":\"create\",\"node\":{\"key\":\"/a\",\"value\":\"\",%s"
		    "\"modifiedIndex\":1,\"createdIndex\":1}}\n", rows[i].json);
		buf_append_byte(&json, '\0');
		expect(&(struct event_record){ .action = ACTION_CREATE, .flags = EVENT_CREATED },
		    &node, 1, (char *)json.data);
		buf_free(&json);
	}
}

TEST(a_listing_is_nested_by_depth)
{
	const struct node_record nodes[] = {
		{ KEY("/"), .flags = NODE_DIR },
		{ KEY("/a"), .depth = 1, .flags = NODE_DIR, .modified = 1, .created = 1 },
		{ KEY("/a/b"), .depth = 2, .flags = NODE_DIR, .modified = 2, .created = 2 },
		{ KEY("/a/b/c"), .depth = 3, VALUE("x"), .modified = 3, .created = 3 },
		{ KEY("/a/d"), .depth = 2, VALUE("y"), .modified = 4, .created = 4 },
		{ KEY("/e"), .depth = 1, .flags = NODE_DIR, .modified = 5, .created = 5 },
	};

	expect(&(struct event_record){ .action = ACTION_GET }, nodes, ARRAY_COUNT(nodes),
	    "{\"action\":\"get\",\"node\":{\"key\":\"/\",\"dir\":true,\"nodes\":["
	    "{\"key\":\"/a\",\"dir\":true,\"nodes\":["
	    "{\"key\":\"/a/b\",\"dir\":true,\"nodes\":["
	    "{\"key\":\"/a/b/c\",\"value\":\"x\",\"modifiedIndex\":3,\"createdIndex\":3}],"
	    "\"modifiedIndex\":2,\"createdIndex\":2},"
	    "{\"key\":\"/a/d\",\"value\":\"y\",\"modifiedIndex\":4,\"createdIndex\":4}],"
	    "\"modifiedIndex\":1,\"createdIndex\":1},"
	    "{\"key\":\"/e\",\"dir\":true,\"modifiedIndex\":5,\"createdIndex\":5}]}}\n");
}

TEST(a_removal_shows_no_value)
{
	const struct node_record nodes[] = {
		{ KEY("/a"), .modified = 9, .created = 2 },
		{ KEY("/a"), VALUE("v"), .modified = 2, .created = 2 },
	};

	expect(&(struct event_record){ .action = ACTION_EXPIRE, .flags = EVENT_PREVIOUS }, nodes, 2,
	    "{\"action\":\"expire\",\"node\":{\"key\":\"/a\",\"modifiedIndex\":9,"
	    "\"createdIndex\":2},\"prevNode\":{\"key\":\"/a\",\"value\":\"v\",\"modifiedIndex\":2,"
	    "\"createdIndex\":2}}\n");
}

TEST(texts_are_escaped_as_the_original_does)
{
	const struct node_record node = { KEY("/\xff"), VALUE("<&>\"\\\n\x01\xe2\x80\xa8\xc3\xa4"),
		.modified = UINT64_MAX, .created = 1 };

	expect(&(struct event_record){ .action = ACTION_GET }, &node, 1,
	    "{\"action\":\"get\",\"node\":{\"key\":\"/\\ufffd\",\"value\":"
	    "\"\\u003c\\u0026\\u003e\\\"\\\\\\n\\u0001\\u2028\xc3\xa4\","
	    "\"modifiedIndex\":18446744073709551615,\"createdIndex\":1}}\n");
}

TEST(a_character_may_be_cut)
{
	const struct node_record node = {
		KEY("/\xe2\x82\xac\xf0\x9f\x98\x80\xe2\x82/\xc3"),
		VALUE("\xf0\x9f\x98\xf0\x9f\x98\x80\xe2\x80\xa9\xed\xa0\x80\xe2\xe2\x82\xac\xf4"),
		.modified = 2, .created = 1 };

	expect(&(struct event_record){ .action = ACTION_GET }, &node, 1,
	    "{\"action\":\"get\",\"node\":{\"key\":\"/\xe2\x82\xac\xf0\x9f\x98\x80\\ufffd\\ufffd"
	    "/\\ufffd\",\"value\":\"\\ufffd\\ufffd\\ufffd\xf0\x9f\x98\x80\\u2029\\ufffd\\ufffd"
	    "\\ufffd\\ufffd\xe2\x82\xac\\ufffd\",\"modifiedIndex\":2,\"createdIndex\":1}}\n");
}

TEST(pieces_of_no_event_are_refused)
{
	struct node_record nodes[] = {
		{ KEY("/a"), VALUE("2"), .modified = 7, .created = 7 },
		{ KEY("/a/b"), VALUE("1"), .depth = 2, .modified = 3, .created = 2 },
	};
	static const struct {
		uint16_t depth;
		uint8_t flags;
		uint32_t size;		/* told of the nodes; 0: as it is */
	} rows[] = {
		{ 2, 0, 0 },			/* a level is skipped */
		{ 0, 0, 0 },			/* two nodes, and no previous one */
		{ 1, EVENT_PREVIOUS, 0 },	/* no previous one */
		{ 1, 0, 40 },			/* less than there is */
		{ 1, 0, 4000 },			/* more */
	};

	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		struct event_json *event = event_json_new(EVENT_FORM_V2);
		struct buf list = BUF_INIT, encoded = BUF_INIT, out = BUF_INIT;
		enum err err;

		nodes[1].depth = rows[i].depth;
		node_record_put(&list, &nodes[0]);
		node_record_put(&list, &nodes[1]);
		event_record_put(&encoded, &(struct event_record){ .flags = rows[i].flags,
		    .nodes = buf_slice(&list) });
		if (rows[i].size != 0)
			memcpy(encoded.data + 18, &rows[i].size, 4);
		err = event_json_feed(event, buf_slice(&encoded), &out);
		if (err == ERR_NONE)
			err = event_json_end(event, &out);
		assert_int_equal(err, ERR_MALFORMED);
		event_json_free(&event);
		buf_free(&list);
		buf_free(&encoded);
		buf_free(&out);
	}
}

TEST(the_first_form_of_a_write_is_flat)
{
	const struct node_record nodes[] = {
		{ KEY("/foo"), .flags = NODE_VALUE | NODE_EXPIRES, .value = SLICE_LITERAL("baz"),
		    .modified = 4, .created = 4, .expire_at_ns = NOW + 30 * NS_PER_SECOND },
		{ KEY("/foo"), VALUE("bar"), .modified = 3, .created = 2 },
		{ KEY("/foo"), .modified = 4, .created = 2 },
		{ KEY("/d"), .flags = NODE_DIR, .modified = 4, .created = 2 },
	};
	static const struct {
		uint8_t action, flags;
		unsigned from, count;
		const char *json;
	} rows[] = {
		{ ACTION_SET, EVENT_CREATED, 1, 1, "{\"action\":\"set\",\"key\":\"/foo\","
		    "\"value\":\"bar\",\"newKey\":true,\"index\":9}" },
		{ ACTION_SET, EVENT_PREVIOUS, 0, 2, "{\"action\":\"set\",\"key\":\"/foo\","
		    "\"prevValue\":\"bar\",\"value\":\"baz\","
		    "\"expiration\":\"2026-11-22T15:29:53.647Z\",\"ttl\":30,\"index\":9}" },
		{ ACTION_SET, EVENT_CREATED, 0, 1, "{\"action\":\"set\",\"key\":\"/foo\","
		    "\"value\":\"baz\",\"expiration\":\"2026-11-22T15:29:53.647Z\","
		    "\"ttl\":30,\"newKey\":true,\"index\":9}" },
		{ ACTION_CREATE, EVENT_CREATED, 1, 1, "{\"action\":\"testAndSet\","
		    "\"key\":\"/foo\",\"value\":\"bar\",\"newKey\":true,\"index\":9}" },
		{ ACTION_UPDATE, 0, 1, 1,
		    "{\"action\":\"update\",\"key\":\"/foo\",\"value\":\"bar\",\"index\":9}" },
		{ ACTION_COMPARE_AND_SWAP, 0, 1, 1,
		    "{\"action\":\"testAndSet\",\"key\":\"/foo\",\"value\":\"bar\","
		    "\"index\":9}" },
		{ ACTION_GET, 0, 1, 1,
		    "{\"action\":\"get\",\"key\":\"/foo\",\"value\":\"bar\",\"index\":9}" },
		{ ACTION_DELETE, 0, 2, 1, "{\"action\":\"delete\",\"key\":\"/foo\",\"index\":9}" },
		{ ACTION_COMPARE_AND_DELETE, 0, 2, 1,
		    "{\"action\":\"compareAndDelete\",\"key\":\"/foo\",\"index\":9}" },
		{ ACTION_EXPIRE, 0, 3, 1,
		    "{\"action\":\"expire\",\"key\":\"/d\",\"dir\":true,\"index\":9}" },
	};

	for (size_t i = 0; i < ARRAY_COUNT(rows); i++)
		expect_in(EVENT_FORM_V1, &(struct event_record){ .action = rows[i].action,
		    .flags = rows[i].flags, .store_index = 9 }, &nodes[rows[i].from],
		    rows[i].count, rows[i].json);
}

TEST(the_first_form_of_a_directory_is_a_list_of_one_level)
{
	const struct node_record nodes[] = {
		{ KEY("/d"), .flags = NODE_DIR, .modified = 3, .created = 3 },
		{ KEY("/d/a"), .depth = 1, .flags = NODE_VALUE | NODE_EXPIRES,
		    .value = SLICE_LITERAL("1"), .modified = 4, .created = 4,
		    .expire_at_ns = NOW + 1 },
		{ KEY("/d/s"), .depth = 1, .flags = NODE_DIR, .modified = 5, .created = 5 },
	};

	expect_in(EVENT_FORM_V1, &(struct event_record){ .store_index = 9 }, nodes, 3,
	    "[{\"action\":\"get\",\"key\":\"/d/a\",\"value\":\"1\",\"index\":9},"
	    "{\"action\":\"get\",\"key\":\"/d/s\",\"dir\":true,\"index\":9}]");
	expect_in(EVENT_FORM_V1, &(struct event_record){ .store_index = 9 }, nodes, 1, "[]");
}

/* The fields at which pieces of a read and its whole have to say the same. */
TEST(what_is_no_list_of_one_level_has_no_first_form)
{
	static const struct {
		uint8_t flags, action, event_flags;
		uint16_t depth;		/* of the second node */
	} rows[] = {
		{ NODE_DIR, ACTION_GET, 0, 2 },			/* a level is skipped */
		{ NODE_DIR, ACTION_GET, 0, 0 },			/* a second node */
		{ NODE_VALUE, ACTION_GET, 0, 1 },		/* below a file */
		{ NODE_VALUE, ACTION_SET, EVENT_PREVIOUS, 1 },	/* no previous one */
	};

	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		struct event_json *event = event_json_new(EVENT_FORM_V1);
		struct buf list = BUF_INIT, encoded = BUF_INIT, out = BUF_INIT;

		node_record_put(&list, &(struct node_record){ KEY("/d"), .flags = rows[i].flags });
		node_record_put(&list, &(struct node_record){ KEY("/d/a"),
		    .depth = rows[i].depth });
		event_record_put(&encoded, &(struct event_record){ .action = rows[i].action,
		    .flags = rows[i].event_flags, .nodes = buf_slice(&list) });
		assert_int_equal(event_json_put(&out, EVENT_FORM_V1, buf_slice(&encoded), NULL),
		    ERR_MALFORMED);
		assert_int_equal(event_json_feed(event, buf_slice(&encoded), &out), ERR_MALFORMED);
		event_json_free(&event);
		buf_free(&list);
		buf_free(&encoded);
		buf_free(&out);
	}
}

TEST(a_bare_answer_has_the_action_of_what_set_a_node)
{
	static const char *const actions[] = {
		[ACTION_SET] = "set", [ACTION_CREATE] = "create", [ACTION_UPDATE] = "update",
		[ACTION_COMPARE_AND_SWAP] = "compareAndSwap", [ACTION_DELETE] = NULL,
		[ACTION_COMPARE_AND_DELETE] = NULL,
	};

	for (uint8_t action = ACTION_SET; action < ARRAY_COUNT(actions); action++) {
		struct buf list = BUF_INIT, encoded = BUF_INIT, out = BUF_INIT, json = BUF_INIT;
		bool created;

		node_record_put(&list, &(struct node_record){ KEY("/a"), .modified = 2 });
		event_record_put(&encoded, &(struct event_record){ .action = action,
		    .flags = EVENT_CREATED, .nodes = buf_slice(&list) });
		if (actions[action] != NULL)
			buf_printf(&json, "{\"action\":\"%s\"}\n", actions[action]);
		else
			assert_int_equal(event_json_put(&json, EVENT_FORM_V2, buf_slice(&encoded),
			    NULL), ERR_NONE);
		assert_int_equal(event_json_put(&out, EVENT_FORM_BARE, buf_slice(&encoded),
		    &created), ERR_NONE);
		assert_true(created);
		assert_true(slice_equal(buf_slice(&out), buf_slice(&json)));
		buf_free(&list);
		buf_free(&encoded);
		buf_free(&out);
		buf_free(&json);
	}
}

TEST(a_listing_may_be_as_deep_as_a_head_allows)
{
	struct buf list = BUF_INIT;
	struct buf encoded = BUF_INIT;
	struct buf out = BUF_INIT;
	size_t closed = 0;

	for (unsigned depth = 0; depth < 32768; depth++)
		node_record_put(&list, &(struct node_record){ KEY("/d"), .flags = NODE_DIR,
		    .depth = (uint16_t)depth });
	event_record_put(&encoded, &(struct event_record){ .action = ACTION_GET,
	    .nodes = buf_slice(&list) });
	assert_int_equal(event_json_put(&out, EVENT_FORM_V2, buf_slice(&encoded), NULL), ERR_NONE);
	for (size_t i = 0; i < out.size; i++)
		closed += out.data[i] == '}';
	assert_int_equal(closed, 32768 + 1);
	buf_free(&list);
	buf_free(&encoded);
	buf_free(&out);
}

TEST(a_listing_that_skips_a_level_is_none)
{
	struct buf list = BUF_INIT;
	struct buf encoded = BUF_INIT;
	struct buf out = BUF_INIT;

	node_record_put(&list, &(struct node_record){ KEY("/"), .flags = NODE_DIR });
	node_record_put(&list, &(struct node_record){ KEY("/a/b"), .depth = 2 });
	event_record_put(&encoded, &(struct event_record){ .action = ACTION_GET,
	    .nodes = buf_slice(&list) });
	assert_int_equal(event_json_put(&out, EVENT_FORM_V2, buf_slice(&encoded), NULL),
	    ERR_MALFORMED);
	buf_free(&list);
	buf_free(&encoded);
	buf_free(&out);
}

/* argument: the only key that is a file and shown; directories that lead to it are, too. */
static bool
leads_there(void *argument, struct slice key, bool is_directory)
{
	struct slice shown = slice_text(argument);

	return slice_equal(key, shown) || (is_directory && slice_starts_with(shown, key));
}

/* Whole, and cut into pieces of every size; err: what it ends with. */
static void
expect_shown(struct slice encoded, const char *key, enum err err, const char *json)
{
	struct event_json_filter filter = { leads_there, (void *)(uintptr_t)key };
	struct buf out = BUF_INIT;

	assert_int_equal(event_json_put_shown(&out, encoded, &filter), err);
	for (size_t step = 0; step <= encoded.size; step++) {
		struct event_json *event = event_json_new(EVENT_FORM_V2);
		enum err got = ERR_NONE;

		if (err == ERR_NONE) {
			buf_append_byte(&out, '\0');
			assert_string_equal((char *)out.data, json);
		}
		buf_clear(&out);
		event_json_show(event, filter);
		for (size_t at = 0; got == ERR_NONE && at < encoded.size; at += step + 1)
			got = event_json_feed(event, slice_of(encoded.data + at,
			    MIN_OF(step + 1, encoded.size - at)), &out);
		if (got == ERR_NONE)
			got = event_json_end(event, &out);
		assert_int_equal(got, err);
		event_json_free(&event);
	}
	buf_free(&out);
}

TEST(what_is_not_shown_of_a_listing_is_left_out_whole_and_in_pieces)
{
	static const struct node_record nodes[] = {
		{ .flags = NODE_DIR, .depth = 0, .key = { (const uint8_t *)"/", 1 } },
		{ .flags = NODE_DIR, .depth = 1, .key = { (const uint8_t *)"/a", 2 } },
		{ .flags = NODE_VALUE, .depth = 2, .key = { (const uint8_t *)"/a/k", 4 },
		  .value = { (const uint8_t *)"secret", 6 } },
		{ .flags = NODE_VALUE, .depth = 1, .key = { (const uint8_t *)"/a", 2 },
		  .value = { (const uint8_t *)"secret", 6 } },
		{ .flags = NODE_DIR, .depth = 1, .key = { (const uint8_t *)"/b", 2 } },
		{ .flags = NODE_VALUE, .depth = 2, .key = { (const uint8_t *)"/b/k", 4 },
		  .value = { (const uint8_t *)"v", 1 }, .modified = 7, .created = 7 },
		{ .flags = NODE_VALUE, .depth = 2, .key = { (const uint8_t *)"/b/l", 4 },
		  .value = { (const uint8_t *)"secret", 6 } },
	};
	struct buf list = BUF_INIT, encoded = BUF_INIT;

	for (size_t i = 0; i < ARRAY_COUNT(nodes); i++)
		node_record_put(&list, &nodes[i]);
	event_record_put(&encoded, &(struct event_record){ .nodes = buf_slice(&list) });
	expect_shown(buf_slice(&encoded), "/b/k", ERR_NONE,
	    "{\"action\":\"get\",\"node\":{\"key\":\"/\",\"dir\":true,\"nodes\":[{\"key\":\"/b\","
	    "\"dir\":true,\"nodes\":[{\"key\":\"/b/k\",\"value\":\"v\",\"modifiedIndex\":7,"
	    "\"createdIndex\":7}]}]}}\n");
	expect_shown(buf_slice(&encoded), "/c", ERR_NONE,
	    "{\"action\":\"get\",\"node\":{\"key\":\"/\",\"dir\":true}}\n");
	/* The first node itself. */
	expect_shown(buf_slice(&encoded), "c", ERR_DENIED, NULL);
	buf_free(&list);
	buf_free(&encoded);
}
