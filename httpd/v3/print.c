/*
 * print.c - messages for people (see print.h).
 */
#include "httpd/v3/print.h"

#include "common/ipc/codec.h"
#include "httpd/v3/protobuf.h"
#include "httpd/v3/walk.h"

#include <inttypes.h>

static void
print_key_value(FILE *out, const char *name, struct slice wire, size_t shown)
{
	struct v3_key_value kv;

	if (!v3_key_value_read(wire, &kv)) {
		fprintf(out, " %s=malformed", name);
		return;
	}
	fprintf(out, " %s{", name);
	codec_print_bytes(out, "key", kv.key, shown);
	fprintf(out, " create_revision=%" PRId64 " mod_revision=%" PRId64 " version=%" PRId64,
	    kv.create_revision, kv.mod_revision, kv.version);
	codec_print_bytes(out, "value", kv.value, shown);
	fprintf(out, " lease=%" PRId64 " }", kv.lease);
}

static void
print_choice(FILE *out, const struct v3_field *field, int32_t number)
{
	const char *value = v3_choice_name(field->of.choice, number);

	if (value != NULL)
		fprintf(out, " %s=%s", field->name, value);
	else
		fprintf(out, " %s=%" PRId32, field->name, number);
}

static void
print_value(FILE *out, const struct v3_field *field, const void *place, size_t shown)
{
	uint64_t number;

	switch ((enum v3_kind)field->kind) {
	case V3_KIND_int64:
		fprintf(out, " %s=%" PRId64, field->name,
		    (int64_t)v3_number_at(V3_KIND_int64, place));
		return;
	case V3_KIND_uint64:
	case V3_KIND_uint32:
	case V3_KIND_boolean:
		number = v3_number_at(field->kind, place);
		fprintf(out, " %s=%" PRIu64, field->name, number);
		return;
	case V3_KIND_choice:
		print_choice(out, field, (int32_t)(int64_t)v3_number_at(V3_KIND_choice, place));
		return;
	case V3_KIND_bytes:
	case V3_KIND_string:
		codec_print_bytes(out, field->name, v3_slice_at(place), shown);
		return;
	case V3_KIND_secret:
		codec_print_secret(out, field->name, v3_slice_at(place), shown);
		return;
	case V3_KIND_key_value:
	case V3_KIND_part:
		break;
	}
	print_key_value(out, field->name, v3_slice_at(place), shown);
}

static void
print_list(FILE *out, const struct v3_field *field, struct v3_list list, size_t shown)
{
	size_t size = v3_field_item_size(field);
	const uint8_t *item = list.items;

	for (size_t i = 0; i < list.count; i++, item += size)
		print_value(out, field, item, shown);
}

void
v3_print(FILE *out, const struct v3_type *type, const void *message, size_t shown)
{
	struct v3_walk walk;

	fputs(type->name, out);
	v3_walk_begin(&walk, type, message, false);
	for (;;) {
		switch (v3_walk_next(&walk)) {
		case V3_WALK_VALUE:
			if (walk.field->list)
				print_list(out, walk.field,
				    v3_list_of(walk.field, v3_walk_level(&walk)->message), shown);
			else
				print_value(out, walk.field, walk.place, shown);
			break;
		case V3_WALK_ENTERED:
			fprintf(out, " %s{", v3_walk_level(&walk)->field->name);
			break;
		case V3_WALK_LEFT:
			if (v3_walk_left(&walk)->field == NULL)
				return;
			fputs(" }", out);
			break;
		}
	}
}
