/*
 * json_write.c - messages to JSON (see json.h).
 */
#include "httpd/v3/json.h"

#include "common/base64.h"
#include "httpd/v3/protobuf.h"
#include "httpd/v3/walk.h"

#include <inttypes.h>
#include <stdio.h>

static void
put_integer(struct json_put *json, const char *name, uint64_t number, bool has_sign)
{
	bool negative = has_sign && (int64_t)number < 0;

	json_put_raw(json, name, negative ? "\"-" : "\"");
	buf_append_u64(json->out, negative ? -number : number);
	buf_append_byte(json->out, '"');
}

static void
put_choice(struct json_put *json, const char *name, const struct v3_choice *choice,
    int32_t number)
{
	const char *value = v3_choice_name(choice, number);
	char digits[sizeof("-2147483648")];

	if (value != NULL) {
		json_put_text(json, name, slice_text(value));
		return;
	}
	snprintf(digits, sizeof(digits), "%" PRId32, number);
	json_put_raw(json, name, digits);
}

static void
put_bytes(struct json_put *json, const char *name, struct slice bytes)
{
	json_put_raw(json, name, "\"");
	base64_put(json->out, bytes);
	buf_append_byte(json->out, '"');
}

/* By its names and not by its type: a long answer has thousands. */
bool
v3_json_put_key_value(struct json_put *json, const char *name, struct slice wire)
{
	struct v3_key_value kv;

	if (!v3_key_value_read(wire, &kv))
		return false;
	json_put_open(json, name, '{');
	if (kv.key.size > 0)
		put_bytes(json, "key", kv.key);
	if (kv.create_revision != 0)
		put_integer(json, "create_revision", (uint64_t)kv.create_revision, true);
	if (kv.mod_revision != 0)
		put_integer(json, "mod_revision", (uint64_t)kv.mod_revision, true);
	if (kv.version != 0)
		put_integer(json, "version", (uint64_t)kv.version, true);
	if (kv.value.size > 0)
		put_bytes(json, "value", kv.value);
	if (kv.lease != 0)
		put_integer(json, "lease", (uint64_t)kv.lease, true);
	json_put_close(json, '}');
	return true;
}

/* A value of any kind but a part. */
static bool
put_value(struct json_put *json, const char *name, const struct v3_field *field,
    const void *place)
{
	switch ((enum v3_kind)field->kind) {
	case V3_KIND_int64:
	case V3_KIND_uint64:
		put_integer(json, name, v3_number_at(field->kind, place),
		    field->kind == V3_KIND_int64);
		return true;
	case V3_KIND_uint32:
		json_put_number(json, name, v3_number_at(V3_KIND_uint32, place));
		return true;
	case V3_KIND_boolean:
		json_put_bool(json, name, v3_number_at(V3_KIND_boolean, place) != 0);
		return true;
	case V3_KIND_choice:
		put_choice(json, name, field->of.choice,
		    (int32_t)(int64_t)v3_number_at(V3_KIND_choice, place));
		return true;
	case V3_KIND_bytes:
		put_bytes(json, name, v3_slice_at(place));
		return true;
	case V3_KIND_string:
	case V3_KIND_secret:
		json_put_text(json, name, v3_slice_at(place));
		return true;
	case V3_KIND_key_value:
	case V3_KIND_part:
		break;
	}
	return v3_json_put_key_value(json, name, v3_slice_at(place));
}

static bool
put_list(struct json_put *json, const struct v3_field *field, struct v3_list list)
{
	size_t size = v3_field_item_size(field);
	const uint8_t *item = list.items;
	bool good = true;

	json_put_open(json, field->name, '[');
	for (size_t i = 0; i < list.count && good; i++, item += size)
		good = put_value(json, NULL, field, item);
	json_put_close(json, ']');
	return good;
}

static void
put_begin_of_part(struct json_put *json, const struct v3_level *level)
{
	const struct v3_field *field = level->field;

	if (field->list && level->item == 0)
		json_put_open(json, field->name, '[');
	json_put_open(json, field->list ? NULL : field->name, '{');
}

static void
put_end_of_part(struct json_put *json, const struct v3_level *level)
{
	json_put_close(json, '}');
	if (level->field->list && level->item == level->items - 1)
		json_put_close(json, ']');
}

bool
v3_json_put_members(struct json_put *json, const struct v3_type *type, const void *message)
{
	const struct v3_level *left;
	struct v3_walk walk;
	bool good = true;

	v3_walk_begin(&walk, type, message, false);
	while (good) {
		switch (v3_walk_next(&walk)) {
		case V3_WALK_VALUE:
			good = walk.field->list ?
			    put_list(json, walk.field,
				v3_list_of(walk.field, v3_walk_level(&walk)->message)) :
			    put_value(json, walk.field->name, walk.field, walk.place);
			break;
		case V3_WALK_ENTERED:
			put_begin_of_part(json, v3_walk_level(&walk));
			break;
		case V3_WALK_LEFT:
			left = v3_walk_left(&walk);
			if (left->field == NULL)
				return true;
			put_end_of_part(json, left);
			break;
		}
	}
	return false;
}

bool
v3_json_put(struct json_put *json, const char *name, const struct v3_type *type,
    const void *message)
{
	bool good;

	json_put_open(json, name, '{');
	good = v3_json_put_members(json, type, message);
	json_put_close(json, '}');
	return good;
}

bool
v3_json_put_line(struct buf *out, const struct v3_type *type, const void *message)
{
	struct json_put json = json_put_into(out);
	bool good;

	json_put_open(&json, NULL, '{');
	good = v3_json_put(&json, "result", type, message);
	json_put_close(&json, '}');
	buf_append_byte(out, '\n');
	return good;
}
