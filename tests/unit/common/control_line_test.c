/*
 * control_line_test.c - the flat objects of the control socket.
 */
#include "common/control_line.h"

#include "tests/lib/test.h"

#include <stdio.h>

#define FIELDS { { "command", NULL }, { "ok", NULL } }

static void
assert_malformed(const char *text)
{
	struct control_field fields[] = FIELDS;

	assert_int_equal(control_line_read(slice_text(text), fields, 2), ERR_MALFORMED);
	assert_null(fields[0].value);
	assert_null(fields[1].value);
}

TEST(texts_and_bools_are_found_by_name)
{
	struct control_field fields[] = FIELDS;

	assert_int_equal(control_line_read(slice_text("{\"x\":[1,{\"command\":\"no\"}],\"ok\":true,"
	    "\"command\":\"a \\\"b\\\"\"}"), fields, 2), ERR_NONE);
	assert_string_equal(fields[0].value, "a \"b\"");
	assert_string_equal(fields[1].value, "true");
	control_line_free(fields, 2);
}

TEST(a_field_that_is_not_there_stays_empty)
{
	struct control_field fields[] = FIELDS;

	assert_int_equal(control_line_read(slice_text("{\"ok\":{\"a\":\"b\"},\"command\":null}"),
	    fields, 2), ERR_NONE);
	assert_null(fields[0].value);
	assert_null(fields[1].value);
}

TEST(what_is_no_object_is_refused)
{
	assert_malformed("");
	assert_malformed("[]");
	assert_malformed("\"command\"");
	assert_malformed("{\"command\":\"a\"");
	assert_malformed("{\"command\":\"a\"} {");
	assert_malformed("{\"command\":\"a\",\"command\":\"b\"}");
}

TEST(depth_is_bounded)
{
	char deep[512];
	int size = snprintf(deep, sizeof(deep), "{\"x\":");

	for (int i = 0; i < 200; i++)
		deep[size++] = '[';
	deep[size] = '\0';
	assert_malformed(deep);
}
