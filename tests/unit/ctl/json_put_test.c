#include "ctl/json_put.h"

#include "tests/lib/test.h"

TEST(commas_stand_between_and_nowhere_else)
{
	struct buf text = BUF_INIT;

	json_put_open(&text, NULL, '{');
	json_put_text(&text, "name", slice_text("a\"<"));
	json_put_open(&text, "list", '[');
	json_put_text(&text, NULL, slice_text("x"));
	json_put_text(&text, NULL, slice_text("y:"));
	json_put_close(&text, ']');
	json_put_u64(&text, "index", UINT64_MAX);
	json_put_bool(&text, "leader", false);
	json_put_ms(&text, "took_ms", 1002003);
	json_put_open(&text, "empty", '{');
	json_put_close(&text, '}');
	json_put_close(&text, '}');
	buf_append_byte(&text, '\0');
	assert_string_equal((const char *)text.data,
	    "{\"name\":\"a\\\"\\u003c\",\"list\":[\"x\",\"y:\"],\"index\":18446744073709551615,"
	    "\"leader\":false,\"took_ms\":1.002,\"empty\":{}}");
	buf_free(&text);
}
