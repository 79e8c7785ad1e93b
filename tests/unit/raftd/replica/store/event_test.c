/*
 * event_test.c - events as bytes, and looking back.
 */
#include "raftd/replica/store/event.h"

#include "tests/lib/test.h"

static struct blob *
encode(const struct event_record *head, const struct node_record *node,
    const struct node_record *previous)
{
	struct buf out = BUF_INIT;
	size_t begun = event_begin(&out, head->action, head->flags, head->store_index,
	    head->now_ns);
	struct blob *record;

	if (node != NULL)
		node_record_put(&out, node);
	if (previous != NULL)
		node_record_put(&out, previous);
	event_end(&out, begun);
	record = blob_new(buf_slice(&out));
	buf_free(&out);
	return record;
}

static struct node_record
sample(void)
{
	return (struct node_record){
		.flags = NODE_DIR, .key = SLICE_LITERAL("/d"), .modified = 9, .created = 2,
	};
}

TEST(what_is_encoded_is_read_again)
{
	struct event_record head = {
		.action = ACTION_DELETE, .flags = EVENT_PREVIOUS, .store_index = 9, .now_ns = 77,
	};
	struct node_record node = sample();
	struct blob *record = encode(&head, &node, &node);
	struct reader in = reader_of(blob_slice(record));
	struct event_record read;
	struct event event;

	assert_true(event_record_get(&in, &read));
	assert_true(reader_done(&in));
	assert_int_equal(read.now_ns, 77);
	assert_true(event_parse(record, &event));
	assert_int_equal(event.action, ACTION_DELETE);
	assert_int_equal(event.store_index, 9);
	assert_true(slice_equal(event.key, SLICE_LITERAL("/d")));
	assert_true(event_removes_dir(&event));
	assert_false(event_is_refresh(&event));
	blob_unref(&record);
}

TEST(bytes_that_are_no_event_are_refused)
{
	static const struct {
		struct event_record head;
		bool node, previous;
	} table[] = {
		{ { .action = ACTION_GET }, true, false },
		{ { .action = ACTION_EXPIRE + 1 }, true, false },
		{ { .action = ACTION_SET }, false, false },
		{ { .action = ACTION_SET, .flags = EVENT_PREVIOUS }, true, false },
		{ { .action = ACTION_SET }, true, true },
	};
	struct node_record node = sample();
	struct event event;
	struct blob *record;
	size_t i;

	for (i = 0; i < ARRAY_COUNT(table); i++) {
		record = encode(&table[i].head, table[i].node ? &node : NULL,
		    table[i].previous ? &node : NULL);
		assert_false(event_parse(record, &event));
		blob_unref(&record);
	}
}

TEST(a_cut_event_is_refused_at_every_length)
{
	struct event_record head = { .action = ACTION_SET, .store_index = 9 };
	struct node_record node = sample();
	struct blob *whole = encode(&head, &node, NULL);
	struct event event;
	size_t size;

	for (size = 0; size < whole->size; size++) {
		struct blob *record = blob_new(slice_of(whole->data, size));

		assert_false(event_parse(record, &event));
		blob_unref(&record);
	}
	assert_true(event_parse(whole, &event));
	blob_unref(&whole);
}

/* Keys API 10.3: "Fitting here means ..." */
TEST(looking_back_fits_by_name_not_by_text)
{
	static const struct {
		const char *event_key;
		enum event_action action;
		bool dir;
		const char *watched;
		bool recursive, fits;
	} table[] = {
		{ "/a", ACTION_SET, false, "/a", false, true },
		{ "/a", ACTION_SET, false, "/b", false, false },
		{ "/d/a", ACTION_SET, false, "/d", false, false },
		{ "/d/a", ACTION_SET, false, "/d", true, true },
		{ "/dd/a", ACTION_SET, false, "/d", true, false },
		{ "/d/_h", ACTION_SET, false, "/d", true, true },
		{ "/d/a", ACTION_SET, false, "/", true, true },
		{ "/d", ACTION_DELETE, true, "/d/a", false, true },
		{ "/d", ACTION_EXPIRE, true, "/d/a/b", true, true },
		{ "/d", ACTION_DELETE, true, "/dd", false, false },
		{ "/d", ACTION_DELETE, false, "/d/a", false, false },
		{ "/d", ACTION_SET, true, "/d/a", false, false },
		{ "/d", ACTION_UPDATE, true, "/d/a", true, false },
	};
	size_t i;

	for (i = 0; i < ARRAY_COUNT(table); i++) {
		struct event event = {
			.key = slice_text(table[i].event_key),
			.action = (uint8_t)table[i].action,
			.dir = table[i].dir,
		};
		struct slice watched = slice_text(table[i].watched);

		assert_int_equal(event_fits_past(&event, watched, table[i].recursive),
		    table[i].fits);
		event.flags = EVENT_REFRESH;
		assert_false(event_fits_past(&event, watched, table[i].recursive));
	}
}
