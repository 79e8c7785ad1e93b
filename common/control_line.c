/*
 * control_line.c - yajl's callbacks, with a depth instead of a tree.
 */
#include "common/control_line.h"

#include "common/xmem.h"

#include <stdlib.h>
#include <yajl/yajl_parse.h>


struct line_reading {
	struct control_field *fields;
	size_t count;
	struct control_field *current;	/* whose value comes next; NULL: skipped */
	unsigned depth;
	bool is_object;
};

/* Takes text. */
static int
take(struct line_reading *reading, char *text)
{
	/* The last of two members of one name would hide the first. */
	bool twice = reading->current != NULL && reading->current->value != NULL;

	if (reading->depth == 1 && reading->current != NULL && !twice)
		reading->current->value = text;
	else
		free(text);
	return twice ? 0 : 1;
}

static int
on_boolean(void *argument, int value)
{
	return take(argument, xstrdup(value != 0 ? "true" : "false"));
}

static int
on_number(void *argument, const char *text, size_t size)
{
	return take(argument, xasprintf("%.*s", (int)size, text));
}

static int
on_string(void *argument, const unsigned char *text, size_t size)
{
	return take(argument, xasprintf("%.*s", (int)size, (const char *)text));
}

static int
on_null(void *argument UNUSED)
{
	return 1;
}

static int
on_key(void *argument, const unsigned char *text, size_t size)
{
	struct line_reading *reading = argument;

	if (reading->depth != 1)
		return 1;
	reading->current = NULL;
	for (size_t i = 0; i < reading->count; i++) {
		if (slice_equal(slice_of(text, size), slice_text(reading->fields[i].name)))
			reading->current = &reading->fields[i];
	}
	return 1;
}

static int
on_start_map(void *argument)
{
	struct line_reading *reading = argument;

	if (reading->depth == 0)
		reading->is_object = true;
	return ++reading->depth <= CONTROL_DEPTH_MAX ? 1 : 0;
}

static int
on_start_array(void *argument)
{
	struct line_reading *reading = argument;

	return ++reading->depth <= CONTROL_DEPTH_MAX ? 1 : 0;
}

static int
on_end(void *argument)
{
	struct line_reading *reading = argument;

	reading->depth--;
	return 1;
}

enum err
control_line_read(struct slice line, struct control_field *fields, size_t count)
{
	static const yajl_callbacks callbacks = { .yajl_null = on_null, .yajl_boolean = on_boolean,
		.yajl_number = on_number, .yajl_string = on_string, .yajl_map_key = on_key,
		.yajl_start_map = on_start_map, .yajl_end_map = on_end,
		.yajl_start_array = on_start_array, .yajl_end_array = on_end };
	struct line_reading reading = { .fields = fields, .count = count };
	yajl_handle handle = yajl_alloc(&callbacks, NULL, &reading);
	bool good;

	for (size_t i = 0; i < count; i++)
		fields[i].value = NULL;
	ASSERT(handle != NULL);
	good = yajl_parse(handle, line.data, line.size) == yajl_status_ok &&
	    yajl_complete_parse(handle) == yajl_status_ok && reading.is_object;
	yajl_free(handle);
	if (good)
		return ERR_NONE;
	control_line_free(fields, count);
	return ERR_MALFORMED;
}

void
control_line_free(struct control_field *fields, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		free(fields[i].value);
		fields[i].value = NULL;
	}
}
