#include "ctl/json_read.h"

#include "common/buf.h"
#include "tests/lib/test.h"

static enum err
read_text(const char *text)
{
	struct json_doc doc;
	enum err err = json_doc_read(slice_text(text), &doc);

	if (err == ERR_NONE)
		json_doc_free(&doc);
	return err;
}

TEST(members_are_found_by_name_and_kind)
{
	struct json_doc doc;
	const struct json *object;

	assert_int_equal(json_doc_read(slice_text("{\"a\":\"x\\u0000y\",\"n\":18446744073709551615,"
	    "\"t\":true,\"o\":{\"a\":null},\"l\":[1,2,3]}"), &doc), ERR_NONE);
	object = doc.root;
	assert_true(slice_equal(json_string(object, "a"), slice_of("x\0y", 3)));
	assert_true(json_u64(object, "n") == UINT64_MAX);
	assert_true(json_true(object, "t"));
	assert_int_equal(json_member(json_member(object, "o"), "a")->type, JSON_NULL);
	assert_true(slice_equal(json_member(object, "l")->last->text, slice_text("3")));
	assert_null(json_member(object, "none"));
	assert_null(json_member(NULL, "a"));
	assert_null(json_member(json_member(object, "l"), "a"));
	assert_int_equal(json_string(object, "n").size, 0);
	assert_int_equal(json_u64(object, "a"), 0);
	json_doc_free(&doc);
}

TEST(numbers_that_do_not_fit_are_none)
{
	static const char *const bad[] = { "{\"n\":-1}", "{\"n\":1.5}", "{\"n\":1e3}",
		"{\"n\":18446744073709551616}", "{\"n\":\"7\"}" };

	for (size_t i = 0; i < ARRAY_COUNT(bad); i++) {
		struct json_doc doc;

		assert_int_equal(json_doc_read(slice_text(bad[i]), &doc), ERR_NONE);
		assert_int_equal(json_u64(doc.root, "n"), 0);
		json_doc_free(&doc);
	}
}

TEST(what_is_no_json_is_refused)
{
	assert_int_equal(read_text(""), ERR_MALFORMED);
	assert_int_equal(read_text("{"), ERR_MALFORMED);
	assert_int_equal(read_text("<html>"), ERR_MALFORMED);
	assert_int_equal(read_text("{\"a\":1}x"), ERR_MALFORMED);
	assert_int_equal(read_text("{\"a\":1,\"a\":2}"), ERR_MALFORMED);
	assert_int_equal(read_text("\"\xff\""), ERR_MALFORMED);
}

TEST(depth_and_width_are_bounded)
{
	struct buf text = BUF_INIT;
	struct json_doc doc;

	for (size_t i = 0; i < CTL_JSON_DEPTH_MAX; i++)
		buf_append_byte(&text, '[');
	for (size_t i = 0; i < CTL_JSON_DEPTH_MAX; i++)
		buf_append_byte(&text, ']');
	assert_int_equal(json_doc_read(buf_slice(&text), &doc), ERR_NONE);
	json_doc_free(&doc);
	buf_clear(&text);
	for (size_t i = 0; i <= CTL_JSON_DEPTH_MAX; i++)
		buf_append_byte(&text, '[');
	assert_int_equal(json_doc_read(buf_slice(&text), &doc), ERR_TOO_BIG);
	buf_clear(&text);
	buf_append_byte(&text, '{');
	for (size_t i = 0; i <= CTL_JSON_MEMBERS_MAX; i++)
		buf_printf(&text, "%s\"%zu\":0", i == 0 ? "" : ",", i);
	buf_append_byte(&text, '}');
	assert_int_equal(json_doc_read(buf_slice(&text), &doc), ERR_TOO_BIG);
	buf_free(&text);
}
