/*
 * json_read.c - a tree from yajl's callbacks (see json_read.h).
 */
#include "ctl/json_read.h"

#include "common/base.h"

#include <yajl/yajl_parse.h>

struct json_reading {
	struct json_doc *doc;
	struct json *open;	/* the object or array that values go into */
	struct slice name;	/* of the next value */
	size_t depth;
	enum err err;
};

static int
refuse(struct json_reading *reading, enum err err)
{
	reading->err = err;
	return 0;
}

static struct json *
add(struct json_reading *reading, enum json_type type)
{
	struct json *value = arena_zalloc(&reading->doc->arena, sizeof(*value));

	value->type = type;
	value->name = reading->name;
	value->parent = reading->open;
	reading->name = SLICE_EMPTY;
	if (reading->open == NULL)
		reading->doc->root = value;
	else if (reading->open->last == NULL)
		reading->open->first = value;
	else
		reading->open->last->next = value;
	if (reading->open != NULL)
		reading->open->last = value;
	return value;
}

static int
on_null(void *argument)
{
	(void)add(argument, JSON_NULL);
	return 1;
}

static int
on_boolean(void *argument, int truth)
{
	(void)add(argument, truth != 0 ? JSON_TRUE : JSON_FALSE);
	return 1;
}

static int
on_number(void *argument, const char *text, size_t size)
{
	struct json_reading *reading = argument;

	add(reading, JSON_NUMBER)->text = arena_copy(&reading->doc->arena, slice_of(text, size));
	return 1;
}

static int
on_string(void *argument, const unsigned char *text, size_t size)
{
	struct json_reading *reading = argument;

	add(reading, JSON_STRING)->text = arena_copy(&reading->doc->arena, slice_of(text, size));
	return 1;
}

static int
on_key(void *argument, const unsigned char *text, size_t size)
{
	struct json_reading *reading = argument;
	size_t count = 0;

	for (const struct json *i = reading->open->first; i != NULL; i = i->next) {
		if (slice_equal(i->name, slice_of(text, size)))
			return refuse(reading, ERR_MALFORMED);
		if (++count == CTL_JSON_MEMBERS_MAX)
			return refuse(reading, ERR_TOO_BIG);
	}
	reading->name = arena_copy(&reading->doc->arena, slice_of(text, size));
	return 1;
}

static int
go_in(struct json_reading *reading, enum json_type type)
{
	if (++reading->depth > CTL_JSON_DEPTH_MAX)
		return refuse(reading, ERR_TOO_BIG);
	reading->open = add(reading, type);
	return 1;
}

static int
on_start_map(void *argument)
{
	return go_in(argument, JSON_OBJECT);
}

static int
on_start_array(void *argument)
{
	return go_in(argument, JSON_ARRAY);
}

static int
on_end(void *argument)
{
	struct json_reading *reading = argument;

	reading->depth--;
	reading->open = reading->open->parent;
	return 1;
}

enum err
json_doc_read(struct slice text, struct json_doc *doc)
{
	static const yajl_callbacks callbacks = { .yajl_null = on_null, .yajl_boolean = on_boolean,
		.yajl_number = on_number, .yajl_string = on_string, .yajl_map_key = on_key,
		.yajl_start_map = on_start_map, .yajl_end_map = on_end,
		.yajl_start_array = on_start_array, .yajl_end_array = on_end };
	struct json_reading reading = { .doc = doc, .err = ERR_MALFORMED };
	yajl_handle handle = yajl_alloc(&callbacks, NULL, &reading);
	bool good;

	ASSERT(handle != NULL);
	*doc = (struct json_doc){ 0 };
	arena_init(&doc->arena);
	good = yajl_parse(handle, text.data, text.size) == yajl_status_ok &&
	    yajl_complete_parse(handle) == yajl_status_ok && doc->root != NULL;
	yajl_free(handle);
	if (good)
		return ERR_NONE;
	json_doc_free(doc);
	return reading.err;
}

void
json_doc_free(struct json_doc *doc)
{
	arena_free(&doc->arena);
	*doc = (struct json_doc){ 0 };
}

const struct json *
json_member(const struct json *object, const char *name)
{
	if (object == NULL || object->type != JSON_OBJECT)
		return NULL;
	for (const struct json *i = object->first; i != NULL; i = i->next) {
		if (slice_equal(i->name, slice_text(name)))
			return i;
	}
	return NULL;
}

struct slice
json_string(const struct json *object, const char *name)
{
	const struct json *value = json_member(object, name);

	return value != NULL && value->type == JSON_STRING ? value->text : SLICE_EMPTY;
}

uint64_t
json_u64(const struct json *object, const char *name)
{
	const struct json *value = json_member(object, name);
	uint64_t number = 0;

	if (value == NULL || value->type != JSON_NUMBER)
		return 0;
	for (size_t i = 0; i < value->text.size; i++) {
		unsigned digit = (unsigned)value->text.data[i] - '0';

		if (digit > 9 || number > (UINT64_MAX - digit) / 10)
			return 0;
		number = number * 10 + digit;
	}
	return number;
}

bool
json_true(const struct json *object, const char *name)
{
	const struct json *value = json_member(object, name);

	return value != NULL && value->type == JSON_TRUE;
}
