/*
 * random_message.c - messages by chance (see random_message.h).
 *
 * Numbers are often at an edge: of a sign, of the bytes of a varint, of the type.
 */
#include "tests/unit/httpd/v3/random_message.h"

#include "httpd/v3/protobuf.h"

#define LIST_MAX 4

static uint64_t
random_number(struct rand *rand)
{
	static const uint64_t edges[] = { 0, 1, 127, 128, 16383, 16384, INT32_MAX,
		(uint64_t)INT32_MAX + 1, UINT32_MAX, INT64_MAX, (uint64_t)INT64_MAX + 1, UINT64_MAX,
		UINT64_MAX - 1, (uint64_t)INT64_MIN };

	if (rand_chance(rand, 500))
		return edges[rand_below(rand, ARRAY_COUNT(edges))];
	return rand_next(rand) >> rand_below(rand, 64);
}

static struct slice
random_bytes(struct rand *rand, struct arena *arena)
{
	size_t size = (size_t)rand_below(rand, rand_chance(rand, 50) ? 300 : 9);
	uint8_t *bytes = arena_alloc(arena, size);

	for (size_t i = 0; i < size; i++)
		bytes[i] = (uint8_t)rand_next(rand);
	return slice_of(bytes, size);
}

/* UTF-8: what JSON keeps as it is. */
static struct slice
random_text(struct rand *rand, struct arena *arena)
{
	static const char *const pieces[] = { "a", "\"", "\\", "<", "&", "\x01", "\n", "\x7f",
		"\xc3\xbc", "\xe2\x80\xa8", "\xf0\x9f\x98\x80", "/v3", "%" };
	size_t count = (size_t)rand_below(rand, 6);
	char *text = arena_alloc(arena, 4 * count + 1);
	size_t size = 0;

	for (size_t i = 0; i < count; i++) {
		const char *piece = pieces[rand_below(rand, ARRAY_COUNT(pieces))];

		memcpy(text + size, piece, strlen(piece));
		size += strlen(piece);
	}
	return slice_of(text, size);
}

static struct slice
random_key_value(struct rand *rand, struct arena *arena)
{
	struct v3_key_value key_value;
	struct buf wire = BUF_INIT;
	struct slice result;

	random_message(rand, arena, v3_key_value_type(), 1, &key_value);
	v3_protobuf_put(&wire, v3_key_value_type(), &key_value);
	/* An empty one is there, too: its slice is not NULL. */
	result = slice_of(arena_text(arena, buf_slice(&wire)), wire.size);
	buf_free(&wire);
	return result;
}

static void
random_value(struct rand *rand, struct arena *arena, const struct v3_field *field,
    uint8_t *place)
{
	struct slice slice;

	switch ((enum v3_kind)field->kind) {
	case V3_KIND_int64:
	case V3_KIND_uint64:
	case V3_KIND_uint32:
	case V3_KIND_boolean:
		v3_number_set(field->kind, place, random_number(rand));
		return;
	case V3_KIND_choice:
		v3_number_set(field->kind, place,
		    rand_chance(rand, 800) ? rand_below(rand, 5) : random_number(rand));
		return;
	case V3_KIND_bytes:
		slice = random_bytes(rand, arena);
		break;
	case V3_KIND_string:
	case V3_KIND_secret:
		slice = random_text(rand, arena);
		break;
	case V3_KIND_key_value:
		slice = random_key_value(rand, arena);
		break;
	case V3_KIND_part:
		return;
	}
	memcpy(place, &slice, sizeof(slice));
}

static void
random_list(struct rand *rand, struct arena *arena, const struct v3_field *field,
    unsigned depth, uint8_t *place)
{
	size_t count = (size_t)rand_below(rand, LIST_MAX);
	size_t size = v3_field_item_size(field);
	uint8_t *items = arena_zalloc(arena, count * size + 1);
	struct v3_list list = { items, count };

	for (size_t i = 0; i < count; i++) {
		if (field->kind == V3_KIND_part)
			random_message(rand, arena, field->of.part(), depth - 1, items + i * size);
		else
			random_value(rand, arena, field, items + i * size);
	}
	memcpy(place, &list, sizeof(list));
}

void
random_message(struct rand *rand, struct arena *arena, const struct v3_type *type,
    unsigned depth, void *message)
{
	uint8_t *bytes = message;

	memset(message, 0, type->size);
	for (size_t i = 0; i < type->field_count; i++) {
		const struct v3_field *field = &type->fields[i];
		uint32_t which = field->number;
		void *part;

		if (!rand_chance(rand, 600) || (field->kind == V3_KIND_part && depth == 1))
			continue;
		if (field->in_oneof) {
			if (v3_which(field, message) != 0)
				continue;
			memcpy(bytes + field->which_offset, &which, sizeof(which));
		}
		if (field->list) {
			random_list(rand, arena, field, depth, bytes + field->offset);
		} else if (field->kind == V3_KIND_part) {
			part = arena_alloc(arena, field->of.part()->size);
			random_message(rand, arena, field->of.part(), depth - 1, part);
			memcpy(bytes + field->offset, &part, sizeof(part));
		} else {
			random_value(rand, arena, field, bytes + field->offset);
		}
	}
}
