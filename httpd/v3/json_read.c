/*
 * json_read.c - JSON to messages (see json.h).
 *
 * yajl cuts the text to tokens. Each message that is open is a level; what is under a name
 * that is not known is passed by, with a count of its brackets.
 */
#include "httpd/v3/json.h"

#include "common/base64.h"
#include "common/json_text.h"
#include "common/limits.h"
#include "common/printable.h"
#include "httpd/v3/protobuf.h"

#include <inttypes.h>

#include <yajl/yajl_parse.h>

#define SHOWN_BYTES ((size_t)64)	/* of a value that is refused */
#define LIST_ITEMS_MIN ((size_t)4)

struct open_object {
	const struct v3_type *type;
	uint8_t *message;
	uint64_t seen;			/* fields that had a value, as bits */
	const struct v3_field *field;	/* whose value is next; NULL: its name is not known */
	bool in_list;			/* the values are its items */
	size_t capacity;		/* of that list */
	uint8_t *key_value;		/* this is a KeyValue that goes there, in wire form */
};

struct gateway_reading {
	struct arena *arena;
	size_t room;			/* bytes of the arena that may still be taken */
	enum err err;
	struct v3_status refusal;
	enum v3_code code;		/* of what is malformed */
	const struct v3_type *type;	/* of the whole */
	void *message;
	bool done;			/* its object has ended */
	size_t passed_by;		/* brackets that are open of what is not known */
	size_t depth;
	struct open_object open[V3_NESTED_MAX];
};

/* yajl's callbacks go on or stop. */
enum { STOP = 0, GO_ON = 1 };

/* ---- refusals ---------------------------------------------------------- */

static struct open_object *
innermost(struct gateway_reading *reading)
{
	return reading->depth == 0 ? NULL : &reading->open[reading->depth - 1];
}

static int
refuse(struct gateway_reading *reading, enum err err, const char *text)
{
	reading->err = err;
	reading->refusal = (struct v3_status){ reading->code, text };
	return STOP;
}

/* The field whose value came is wrong: what it is to be. */
static int
refuse_field(struct gateway_reading *reading, const char *wanted)
{
	const struct open_object *open = innermost(reading);

	return refuse(reading, ERR_MALFORMED, arena_printf(reading->arena,
	    "field \"%s\" of %s %s", open->field->name, open->type->name, wanted));
}

/* As text between quotes, no longer than may be shown. */
static const char *
shown(struct gateway_reading *reading, struct slice text)
{
	struct buf out = BUF_INIT;
	const char *result;

	buf_append_byte(&out, '"');
	printable_put(&out, slice_of(text.data, MIN_OF(text.size, SHOWN_BYTES)));
	buf_append_text(&out, text.size > SHOWN_BYTES ? "...\"" : "\"");
	result = arena_text(reading->arena, buf_slice(&out));
	buf_free(&out);
	return result;
}

/* What a field takes. */
static const char *const wanted[] = {
	[V3_KIND_int64] = "an integer of 64 bits",
	[V3_KIND_uint64] = "an integer of 64 bits from 0 on",
	[V3_KIND_uint32] = "an integer of 32 bits from 0 on",
	[V3_KIND_boolean] = "true or false",
	[V3_KIND_choice] = "a name or an integer of 32 bits",
	[V3_KIND_bytes] = "base64 of the standard alphabet with padding",
	[V3_KIND_string] = "a string of UTF-8",
	[V3_KIND_secret] = "a string of UTF-8",
	[V3_KIND_key_value] = "an object",
	[V3_KIND_part] = "an object",
};

/* The value that came is none that its field takes. That of a secret is not shown. */
static int
refuse_value(struct gateway_reading *reading, struct slice text)
{
	enum v3_kind kind = innermost(reading)->field->kind;

	if (kind == V3_KIND_secret)
		return refuse_field(reading,
		    arena_printf(reading->arena, "is not %s, as is wanted", wanted[kind]));
	return refuse_field(reading, arena_printf(reading->arena, "is %s: %s is wanted",
	    shown(reading, text), wanted[kind]));
}

static int
refuse_size(struct gateway_reading *reading, const char *text)
{
	const struct open_object *open = innermost(reading);

	(void)refuse(reading, ERR_TOO_BIG, text);
	if (open != NULL && v3_type_nests(open->type))
		reading->refusal = v3_status_of(V3_REFUSE_TOO_MANY_OPS);
	return STOP;
}

/* ---- places ------------------------------------------------------------ */

static void *
take_memory(struct gateway_reading *reading, size_t size)
{
	if (size > reading->room) {
		(void)refuse_size(reading, "the request has too many parts");
		return NULL;
	}
	reading->room -= size;
	return arena_zalloc(reading->arena, size);
}

/* The field has a value: once, and no other of its oneof has. */
static bool
note_value(struct gateway_reading *reading, struct open_object *open)
{
	const struct v3_field *field = open->field;
	uint64_t bit = UINT64_C(1) << (field - open->type->fields);
	uint32_t which = field->number;

	if ((open->seen & bit) != 0) {
		(void)refuse_field(reading, "stands twice");
		return false;
	}
	open->seen |= bit;
	if (!field->in_oneof)
		return true;
	if (v3_which(field, open->message) != 0) {
		(void)refuse_field(reading, "stands beside another member of the same oneof");
		return false;
	}
	memcpy(open->message + field->which_offset, &which, sizeof(which));
	return true;
}

static uint8_t *
next_item(struct gateway_reading *reading, struct open_object *open)
{
	size_t size = v3_field_item_size(open->field);
	struct v3_list list = v3_list_of(open->field, open->message);
	uint8_t *items;

	if (list.count == open->capacity) {
		size_t capacity = MAX_OF(2 * open->capacity, LIST_ITEMS_MIN);

		items = take_memory(reading, capacity * size);
		if (items == NULL)
			return NULL;
		if (list.count > 0)
			memcpy(items, list.items, list.count * size);
		list.items = items;
		open->capacity = capacity;
	}
	memcpy(&items, &list.items, sizeof(items));
	items += list.count++ * size;
	memcpy(open->message + open->field->offset, &list, sizeof(list));
	return items;
}

/* Where the value that has come goes. NULL: refused. */
static uint8_t *
place_of_value(struct gateway_reading *reading, struct open_object *open)
{
	if (open->in_list)
		return next_item(reading, open);
	if (open->field->list) {
		(void)refuse_field(reading, "is a list");
		return NULL;
	}
	return note_value(reading, open) ? open->message + open->field->offset : NULL;
}

/* ---- values ------------------------------------------------------------ */

/* False: text is no integer of JSON, or has more than 64 bits. */
static bool
parse_integer(struct slice text, bool *negative, uint64_t *magnitude)
{
	*magnitude = 0;
	*negative = text.size > 0 && text.data[0] == '-';
	if (*negative)
		text = slice_of(text.data + 1, text.size - 1);
	if (text.size == 0 || (text.size > 1 && text.data[0] == '0'))
		return false;
	for (size_t i = 0; i < text.size; i++) {
		uint8_t digit = (uint8_t)(text.data[i] - '0');

		if (digit > 9 || __builtin_mul_overflow(*magnitude, 10, magnitude) ||
		    __builtin_add_overflow(*magnitude, digit, magnitude))
			return false;
	}
	return true;
}

/* What a kind has room for. */
static const struct range {
	uint64_t below;		/* the magnitude of the lowest */
	uint64_t above;		/* 0: it is no number */
} ranges[V3_KIND_part + 1] = {
	[V3_KIND_int64] = { (uint64_t)INT64_MAX + 1, INT64_MAX },
	[V3_KIND_uint64] = { 0, UINT64_MAX },
	[V3_KIND_uint32] = { 0, UINT32_MAX },
	[V3_KIND_choice] = { (uint64_t)INT32_MAX + 1, INT32_MAX },
};

static int
read_number(struct gateway_reading *reading, uint8_t *place, struct slice text)
{
	enum v3_kind kind = innermost(reading)->field->kind;
	uint64_t magnitude;
	bool negative;

	if (ranges[kind].above == 0 || !parse_integer(text, &negative, &magnitude) ||
	    magnitude > (negative ? ranges[kind].below : ranges[kind].above))
		return refuse_value(reading, text);
	v3_number_set(kind, place, negative ? -magnitude : magnitude);
	return GO_ON;
}

static int
read_choice(struct gateway_reading *reading, uint8_t *place, struct slice text)
{
	const struct v3_choice *choice = innermost(reading)->field->of.choice;
	int32_t number;

	/* The sentence of the original. */
	if (!v3_choice_number(choice, text, &number))
		return refuse(reading, ERR_MALFORMED, arena_printf(reading->arena,
		    "unknown value %s for enum %s", shown(reading, text), choice->name));
	memcpy(place, &number, sizeof(number));
	return GO_ON;
}

static int
read_bytes(struct gateway_reading *reading, uint8_t *place, struct slice text)
{
	uint8_t *bytes = arena_alloc(reading->arena, text.size / 4 * 3);
	struct slice result;
	size_t size;

	if (!base64_read(text, bytes, &size))
		return refuse_value(reading, text);
	result = slice_of(bytes, size);
	memcpy(place, &result, sizeof(result));
	return GO_ON;
}

static int
read_text(struct gateway_reading *reading, uint8_t *place, struct slice text)
{
	struct slice result;

	if (!json_text_valid(text))
		return refuse_value(reading, text);
	result = arena_copy(reading->arena, text);
	memcpy(place, &result, sizeof(result));
	return GO_ON;
}

static int
read_string(struct gateway_reading *reading, uint8_t *place, struct slice text)
{
	switch ((enum v3_kind)innermost(reading)->field->kind) {
	case V3_KIND_bytes:
		return read_bytes(reading, place, text);
	case V3_KIND_string:
	case V3_KIND_secret:
		return read_text(reading, place, text);
	case V3_KIND_choice:
		return read_choice(reading, place, text);
	case V3_KIND_int64:
	case V3_KIND_uint64:
	case V3_KIND_uint32:
	case V3_KIND_boolean:
		return read_number(reading, place, text);
	case V3_KIND_key_value:
	case V3_KIND_part:
		break;
	}
	return refuse_value(reading, text);
}

/* A value that is neither object nor array has come. Is it wanted? */
static bool
is_wanted(struct gateway_reading *reading, int *result)
{
	*result = GO_ON;
	if (reading->passed_by > 0)
		return false;
	if (reading->depth == 0) {
		*result = refuse(reading, ERR_MALFORMED, "the request is no JSON object");
		return false;
	}
	return innermost(reading)->field != NULL;
}

static int
on_null(void *argument)
{
	struct gateway_reading *reading = argument;
	int result;

	if (is_wanted(reading, &result) && innermost(reading)->in_list)
		return refuse_field(reading, "has an item that is null");
	return result;
}

static int
on_boolean(void *argument, int value)
{
	struct gateway_reading *reading = argument;
	struct open_object *open = innermost(reading);
	uint8_t *place;
	int result;

	if (!is_wanted(reading, &result))
		return result;
	if (open->field->kind != V3_KIND_boolean)
		return refuse_value(reading, slice_text(value != 0 ? "true" : "false"));
	place = place_of_value(reading, open);
	if (place == NULL)
		return STOP;
	v3_number_set(V3_KIND_boolean, place, value != 0);
	return GO_ON;
}

static int
on_number(void *argument, const char *text, size_t size)
{
	struct gateway_reading *reading = argument;
	uint8_t *place;
	int result;

	if (!is_wanted(reading, &result))
		return result;
	place = place_of_value(reading, innermost(reading));
	return place == NULL ? STOP : read_number(reading, place, slice_of(text, size));
}

static int
on_string(void *argument, const unsigned char *text, size_t size)
{
	struct gateway_reading *reading = argument;
	uint8_t *place;
	int result;

	if (!is_wanted(reading, &result))
		return result;
	place = place_of_value(reading, innermost(reading));
	return place == NULL ? STOP : read_string(reading, place, slice_of(text, size));
}

/* ---- objects and arrays ------------------------------------------------ */

static int
pass_by(struct gateway_reading *reading)
{
	if (reading->passed_by == V3_NESTED_MAX)
		return refuse(reading, ERR_TOO_BIG, "the request is nested too deeply");
	reading->passed_by++;
	return GO_ON;
}

static int
on_key(void *argument, const unsigned char *text, size_t size)
{
	struct gateway_reading *reading = argument;
	struct open_object *open = innermost(reading);

	if (reading->passed_by == 0)
		open->field = v3_field_by_name(open->type, slice_of(text, size));
	return GO_ON;
}

static int
open_object(struct gateway_reading *reading, const struct v3_type *type, void *message,
    uint8_t *key_value)
{
	if (reading->depth == V3_NESTED_MAX)
		return refuse_size(reading, "the request is nested too deeply");
	reading->open[reading->depth++] = (struct open_object){ .type = type, .message = message,
		.key_value = key_value };
	return GO_ON;
}

/* The part, or the KeyValue, that the field is of begins. */
static int
open_part(struct gateway_reading *reading, struct open_object *open)
{
	const struct v3_field *field = open->field;
	const struct v3_type *type;
	void *message;
	uint8_t *place;

	if (field->kind != V3_KIND_part && field->kind != V3_KIND_key_value)
		return refuse_field(reading, "is no object");
	place = place_of_value(reading, open);
	if (place == NULL)
		return STOP;
	if (field->kind == V3_KIND_part && field->list)
		return open_object(reading, field->of.part(), place, NULL);
	type = field->kind == V3_KIND_part ? field->of.part() : v3_key_value_type();
	message = take_memory(reading, type->size);
	if (message == NULL)
		return STOP;
	if (field->kind == V3_KIND_key_value)
		return open_object(reading, type, message, place);
	memcpy(place, &message, sizeof(message));
	return open_object(reading, type, message, NULL);
}

static int
on_object(void *argument)
{
	struct gateway_reading *reading = argument;
	struct open_object *open = innermost(reading);

	if (reading->passed_by > 0)
		return pass_by(reading);
	if (open == NULL)
		return open_object(reading, reading->type, reading->message, NULL);
	return open->field == NULL ? pass_by(reading) : open_part(reading, open);
}

/* A KeyValue is whole: from now on it is its wire form. */
static void
store_key_value(struct gateway_reading *reading, const struct open_object *open)
{
	struct buf wire = BUF_INIT;
	struct slice result;

	v3_protobuf_put(&wire, open->type, open->message);
	result = slice_of(arena_alloc(reading->arena, wire.size), wire.size);
	if (wire.size > 0)
		result = arena_copy(reading->arena, buf_slice(&wire));
	memcpy(open->key_value, &result, sizeof(result));
	buf_free(&wire);
}

static int
on_object_end(void *argument)
{
	struct gateway_reading *reading = argument;

	if (reading->passed_by > 0) {
		reading->passed_by--;
		return GO_ON;
	}
	if (innermost(reading)->key_value != NULL)
		store_key_value(reading, innermost(reading));
	reading->depth--;
	reading->done = reading->depth == 0;
	return GO_ON;
}

static int
on_array(void *argument)
{
	struct gateway_reading *reading = argument;
	struct open_object *open = innermost(reading);

	if (reading->passed_by > 0)
		return pass_by(reading);
	if (open == NULL)
		return refuse(reading, ERR_MALFORMED, "the request is no JSON object");
	if (open->field == NULL)
		return pass_by(reading);
	if (!open->field->list || open->in_list)
		return refuse_field(reading,
		    open->in_list ? "has a list in its list" : "is no list");
	if (!note_value(reading, open))
		return STOP;
	open->in_list = true;
	open->capacity = 0;
	return GO_ON;
}

static int
on_array_end(void *argument)
{
	struct gateway_reading *reading = argument;

	if (reading->passed_by > 0)
		reading->passed_by--;
	else
		innermost(reading)->in_list = false;
	return GO_ON;
}

/* ---- the whole --------------------------------------------------------- */

static const yajl_callbacks callbacks = {
	.yajl_null = on_null,
	.yajl_boolean = on_boolean,
	.yajl_number = on_number,
	.yajl_string = on_string,
	.yajl_start_map = on_object,
	.yajl_map_key = on_key,
	.yajl_end_map = on_object_end,
	.yajl_start_array = on_array,
	.yajl_end_array = on_array_end,
};

static struct slice
without_blanks(struct slice text)
{
	while (text.size > 0 && memchr(" \t\r\n", text.data[0], 4) != NULL)
		text = slice_of(text.data + 1, text.size - 1);
	return text;
}

/* One document at the start of text, which is not empty. */
static enum err
read_document(struct gateway_reading *reading, struct slice *text)
{
	yajl_handle handle = yajl_alloc(&callbacks, NULL, reading);
	yajl_status status;
	size_t used;

	ASSERT(handle != NULL);
	memset(reading->message, 0, reading->type->size);
	yajl_config(handle, yajl_allow_trailing_garbage, 1);
	status = yajl_parse(handle, text->data, text->size);
	used = yajl_get_bytes_consumed(handle);
	yajl_free(handle);
	if (status == yajl_status_ok && !reading->done)
		(void)refuse(reading, ERR_MALFORMED, "the JSON of the request ends too early");
	else if (status == yajl_status_error)
		(void)refuse(reading, ERR_MALFORMED, arena_printf(reading->arena,
		    "the request is no JSON, near byte %zu", used));
	*text = slice_of(text->data + used, text->size - used);
	return reading->err;
}

static void
begin(struct gateway_reading *reading, const struct v3_type *type, struct arena *arena,
    void *message)
{
	reading->arena = arena;
	reading->room = V3_DECODED_BYTES_MAX;
	reading->err = ERR_NONE;
	reading->type = type;
	reading->message = message;
	reading->done = false;
	reading->passed_by = 0;
	reading->depth = 0;
}

enum err
v3_json_read_next(const struct v3_type *type, struct slice *text, struct arena *arena,
    void *message, struct v3_status *refusal)
{
	struct gateway_reading reading;

	*text = without_blanks(*text);
	if (text->size == 0)
		return ERR_CLOSED;
	begin(&reading, type, arena, message);
	reading.code = V3_UNKNOWN;
	if (read_document(&reading, text) != ERR_NONE)
		*refusal = reading.refusal;
	return reading.err;
}

enum err
v3_json_read(const struct v3_type *type, struct slice text, struct arena *arena, void *message,
    struct v3_status *refusal)
{
	struct gateway_reading reading;

	begin(&reading, type, arena, message);
	reading.code = V3_INVALID_ARGUMENT;
	text = without_blanks(text);
	if (text.size == 0)
		memset(message, 0, type->size);
	else if (read_document(&reading, &text) == ERR_NONE && without_blanks(text).size > 0)
		(void)refuse(&reading, ERR_MALFORMED, "something stands behind the request's JSON");
	if (reading.err != ERR_NONE)
		*refusal = reading.refusal;
	return reading.err;
}
