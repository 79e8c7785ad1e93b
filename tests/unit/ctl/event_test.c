#include "ctl/event.h"

#include "tests/lib/test.h"

static void
renders_as(const char *event, enum output_format format, const char *wanted)
{
	struct buf text = BUF_INIT;
	struct json_doc doc;

	assert_int_equal(json_doc_read(slice_text(event), &doc), ERR_NONE);
	api_event_render(doc.root, 9, format, false, &text);
	buf_append_byte(&text, '\0');
	assert_string_equal((const char *)text.data, wanted);
	buf_free(&text);
	json_doc_free(&doc);
}

static const char set_event[] =
    "{\"action\":\"set\",\"node\":{\"key\":\"/a\",\"value\":\"<b>\\u0000\",\"expiration\":"
    "\"2026-11-22T20:54:07.5Z\",\"ttl\":100,\"modifiedIndex\":7,\"createdIndex\":6},"
    "\"prevNode\":{\"key\":\"/a\",\"value\":\"old\",\"modifiedIndex\":6,\"createdIndex\":6}}";
static const char delete_event[] =
    "{\"action\":\"delete\",\"node\":{\"key\":\"/a\",\"modifiedIndex\":8,\"createdIndex\":6},"
    "\"prevNode\":{\"key\":\"/a\",\"value\":\"old\",\"modifiedIndex\":7,\"createdIndex\":6}}";

TEST(json_is_that_of_the_2_x_clients)
{
	renders_as(set_event, FORMAT_JSON,
	    "{\"action\":\"set\",\"node\":{\"key\":\"/a\",\"value\":\"\\u003cb\\u003e\\u0000\","
	    "\"nodes\":null,\"createdIndex\":6,\"modifiedIndex\":7,\"expiration\":"
	    "\"2026-11-22T20:54:07.5Z\",\"ttl\":100},\"prevNode\":{\"key\":\"/a\","
	    "\"value\":\"old\","
	    "\"nodes\":null,\"createdIndex\":6,\"modifiedIndex\":6}}\n");
	renders_as("{\"action\":\"get\",\"node\":{\"key\":\"/\",\"dir\":true,"
	    "\"nodes\":[{\"key\":\"/d\","
	    "\"dir\":true,\"nodes\":[{\"key\":\"/d/x\",\"value\":\"\"}]},{\"key\":\"/e\"}]}}",
	    FORMAT_JSON,
	    "{\"action\":\"get\",\"node\":{\"key\":\"/\",\"dir\":true,\"value\":\"\",\"nodes\":["
	    "{\"key\":\"/d\",\"dir\":true,\"value\":\"\",\"nodes\":[{\"key\":\"/d/x\","
	    "\"value\":\"\","
	    "\"nodes\":null,\"createdIndex\":0,\"modifiedIndex\":0}],\"createdIndex\":0,"
	    "\"modifiedIndex\":0},{\"key\":\"/e\",\"value\":\"\",\"nodes\":null,\"createdIndex\":0,"
	    "\"modifiedIndex\":0}],\"createdIndex\":0,\"modifiedIndex\":0},\"prevNode\":null}\n");
}

TEST(a_deletion_shows_what_was_there)
{
	renders_as(delete_event, FORMAT_SIMPLE, "PrevNode.Value: old\n");
	renders_as(delete_event, FORMAT_EXTENDED,
	    "Key: /a\nCreated-Index: 6\nModified-Index: 8\nPrevNode.Value: old\nTTL: 0\nIndex: "
	    "9\n");
}

TEST(on_a_terminal_a_key_is_one_line_and_a_value_is_left_to_the_output)
{
	static const char event[] = "{\"action\":\"set\",\"node\":{\"key\":\"/a\\nTTL: 9\","
	    "\"value\":\"b\\n\\u001b\",\"modifiedIndex\":7,\"createdIndex\":6}}";
	struct buf text = BUF_INIT;
	struct json_doc doc;

	assert_int_equal(json_doc_read(slice_text(event), &doc), ERR_NONE);
	api_event_render(doc.root, 9, FORMAT_EXTENDED, true, &text);
	buf_append_byte(&text, '\0');
	assert_string_equal((const char *)text.data, "Key: /a\\x0aTTL: 9\nCreated-Index: 6\n"
	    "Modified-Index: 7\nTTL: 0\nIndex: 9\n\nb\n\033\n");
	buf_free(&text);
	json_doc_free(&doc);
}

TEST(events_without_their_parts_are_rendered_too)
{
	renders_as("{}", FORMAT_SIMPLE, "\n");
	renders_as("{\"node\":[]}", FORMAT_SIMPLE, "\n");
	renders_as("{\"action\":7,\"node\":{\"nodes\":{\"a\":1}}}", FORMAT_JSON,
	    "{\"action\":\"\",\"node\":{\"key\":\"\",\"value\":\"\",\"nodes\":null,"
	    "\"createdIndex\":0,"
	    "\"modifiedIndex\":0},\"prevNode\":null}\n");
	renders_as("{\"action\":\"delete\"}", FORMAT_SIMPLE, "PrevNode.Value: \n");
}

TEST(a_listing_is_walked_in_the_order_of_a_tree)
{
	static const char *const wanted[] = { "/a", "/a/b", "/a/b/c", "/a/d", "/e" };
	const struct json *root, *node;
	struct json_doc doc;
	size_t count = 0;

	assert_int_equal(json_doc_read(slice_text("{\"key\":\"/\",\"nodes\":[{\"key\":\"/a\","
	    "\"nodes\":["
	    "{\"key\":\"/a/b\",\"nodes\":[{\"key\":\"/a/b/c\"}]},{\"key\":\"/a/d\",\"nodes\":[]}]},"
	    "{\"key\":\"/e\"}]}"), &doc), ERR_NONE);
	root = doc.root;
	for (node = api_event_next(root, root); node != NULL; node = api_event_next(root, node)) {
		assert_true(count < ARRAY_COUNT(wanted));
		assert_true(slice_equal(json_string(node, "key"), slice_text(wanted[count])));
		count++;
	}
	assert_int_equal(count, ARRAY_COUNT(wanted));
	json_doc_free(&doc);
}
