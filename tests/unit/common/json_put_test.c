#include "common/json_put.h"

#include "tests/lib/test.h"

static void
assert_written(struct buf *text, const char *expected)
{
	buf_append_byte(text, '\0');
	assert_string_equal((const char *)text->data, expected);
	buf_free(text);
}

TEST(commas_stand_between_and_nowhere_else)
{
	struct buf text = BUF_INIT;
	struct json_put json = json_put_into(&text);

	json_put_open(&json, NULL, '{');
	json_put_text(&json, "name", slice_text("a\"<"));
	json_put_open(&json, "list", '[');
	json_put_text(&json, NULL, slice_text("x"));
	json_put_text(&json, NULL, slice_text("y:"));
	json_put_open(&json, NULL, '[');
	json_put_close(&json, ']');
	json_put_number(&json, NULL, 7);
	json_put_close(&json, ']');
	json_put_number(&json, "index", UINT64_MAX);
	json_put_bool(&json, "leader", false);
	json_put_open(&json, "empty", '{');
	json_put_close(&json, '}');
	json_put_close(&json, '}');
	assert_written(&text,
	    "{\"name\":\"a\\\"\\u003c\",\"list\":[\"x\",\"y:\",[],7],"
	    "\"index\":18446744073709551615,\"leader\":false,\"empty\":{}}");
}

TEST(a_value_written_by_somebody_else_stands_behind_its_name)
{
	struct buf text = BUF_INIT;
	struct json_put json = json_put_into(&text);

	json_put_open(&json, NULL, '{');
	json_put_name(&json, "node");
	json_put_open(&json, NULL, '{');
	json_put_close(&json, '}');
	json_put_name_slice(&json, slice_text("of\nothers"));
	json_put_raw(&json, NULL, "null");
	json_put_raw(&json, "raw", "[1,2]");
	json_put_close(&json, '}');
	assert_written(&text, "{\"node\":{},\"of\\nothers\":null,\"raw\":[1,2]}");
}

TEST(numbers_have_the_digits_that_they_need)
{
	struct buf text = BUF_INIT;
	struct json_put json = json_put_into(&text);

	json_put_open(&json, NULL, '[');
	json_put_ms(&json, NULL, 1002003);
	json_put_decimal(&json, NULL, 1.5, 3);
	json_put_decimal(&json, NULL, 20, 6);
	json_put_decimal(&json, NULL, 0.0004, 3);
	json_put_decimal(&json, NULL, 10, 0);
	json_put_id(&json, NULL, UINT64_C(0xab));
	json_put_close(&json, ']');
	assert_written(&text, "[1.002,1.5,20,0,10,\"00000000000000ab\"]");
}

TEST(what_stood_in_the_buffer_gets_no_comma)
{
	struct buf text = BUF_INIT;
	struct json_put json;

	buf_append_text(&text, "before");
	json = json_put_into(&text);
	json_put_text(&json, NULL, SLICE_EMPTY);
	assert_written(&text, "before\"\"");
}
