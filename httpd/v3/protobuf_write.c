/*
 * protobuf_write.c - messages to bytes (see protobuf.h).
 *
 * A length goes before its bytes. So the size of the whole is found first, and then all of it
 * is written from its end to its beginning: the length of each part is how far the writing has
 * come since its end. Both passes need nothing but the levels of a walk.
 */
#include "httpd/v3/protobuf.h"

#include "httpd/v3/walk.h"

/* Kinds that have a length before them are wire type 2, the others 0. */
static uint64_t
tag_of(const struct v3_field *field)
{
	bool has_length = field->list || field->kind >= V3_KIND_bytes;

	return (uint64_t)field->number << 3 | (has_length ? 2 : 0);
}

/* ---- sizes ------------------------------------------------------------- */

static size_t
bytes_size(size_t size)
{
	return v3_varint_size(size) + size;
}

/* Of the numbers of a list without what stands before them. */
static size_t
packed_size(struct v3_list list)
{
	const int32_t *numbers = list.items;
	size_t size = 0;

	for (size_t i = 0; i < list.count; i++)
		size += v3_varint_size((uint64_t)(int64_t)numbers[i]);
	return size;
}

static size_t
list_size(const struct v3_field *field, struct v3_list list)
{
	size_t tag_size = v3_varint_size(tag_of(field));
	const struct slice *slices = list.items;
	size_t size = 0;

	if (field->kind == V3_KIND_choice)
		return tag_size + bytes_size(packed_size(list));
	for (size_t i = 0; i < list.count; i++)
		size += tag_size + bytes_size(slices[i].size);
	return size;
}

static size_t
value_size(const struct v3_walk *walk, const struct v3_level *level)
{
	const struct v3_field *field = walk->field;
	size_t tag_size = v3_varint_size(tag_of(field));

	if (field->list)
		return list_size(field, v3_list_of(field, level->message));
	if (field->kind >= V3_KIND_bytes)
		return tag_size + bytes_size(v3_slice_at(walk->place).size);
	return tag_size + v3_varint_size(v3_number_at(field->kind, walk->place));
}

size_t
v3_protobuf_size(const struct v3_type *type, const void *message)
{
	const struct v3_level *left;
	struct v3_walk walk;

	/* Each level's mark is the size of its message as far as it is known. */
	v3_walk_begin(&walk, type, message, false);
	for (;;) {
		switch (v3_walk_next(&walk)) {
		case V3_WALK_VALUE:
			v3_walk_level(&walk)->mark += value_size(&walk, v3_walk_level(&walk));
			break;
		case V3_WALK_ENTERED:
			break;
		case V3_WALK_LEFT:
			left = v3_walk_left(&walk);
			if (left->field == NULL)
				return left->mark;
			v3_walk_level(&walk)->mark += v3_varint_size(tag_of(left->field)) +
			    bytes_size(left->mark);
			break;
		}
	}
}

/* ---- bytes, from the end ----------------------------------------------- */

static uint8_t *
varint_before(uint8_t *at, uint64_t number)
{
	uint8_t *end = at -= v3_varint_size(number);

	while (number >= 0x80) {
		*end++ = (uint8_t)(number | 0x80U);
		number >>= 7;
	}
	*end = (uint8_t)number;
	return at;
}

static uint8_t *
slice_before(uint8_t *at, uint64_t tag, struct slice bytes)
{
	at -= bytes.size;
	if (bytes.size > 0)
		memcpy(at, bytes.data, bytes.size);
	return varint_before(varint_before(at, bytes.size), tag);
}

static uint8_t *
list_before(uint8_t *at, const struct v3_field *field, struct v3_list list)
{
	const struct slice *slices = list.items;
	const int32_t *numbers = list.items;
	const uint8_t *end = at;

	if (field->kind == V3_KIND_choice) {
		for (size_t i = list.count; i > 0; i--)
			at = varint_before(at, (uint64_t)(int64_t)numbers[i - 1]);
		at = varint_before(at, (uint64_t)(end - at));
		return varint_before(at, tag_of(field));
	}
	for (size_t i = list.count; i > 0; i--)
		at = slice_before(at, tag_of(field), slices[i - 1]);
	return at;
}

static uint8_t *
value_before(uint8_t *at, const struct v3_walk *walk, const struct v3_level *level)
{
	const struct v3_field *field = walk->field;

	if (field->list)
		return list_before(at, field, v3_list_of(field, level->message));
	if (field->kind >= V3_KIND_bytes)
		return slice_before(at, tag_of(field), v3_slice_at(walk->place));
	at = varint_before(at, v3_number_at(field->kind, walk->place));
	return varint_before(at, tag_of(field));
}

void
v3_protobuf_put(struct buf *out, const struct v3_type *type, const void *message)
{
	size_t size = v3_protobuf_size(type, message);
	uint8_t *start = buf_reserve(out, size);
	const struct v3_level *left;
	struct v3_walk walk;
	uint8_t *at;

	if (start == NULL)
		return;
	/* Each level's mark is how many bytes there are from its end to that of the whole. */
	at = start + size;
	v3_walk_begin(&walk, type, message, true);
	for (;;) {
		switch (v3_walk_next(&walk)) {
		case V3_WALK_VALUE:
			at = value_before(at, &walk, v3_walk_level(&walk));
			break;
		case V3_WALK_ENTERED:
			v3_walk_level(&walk)->mark = (size_t)(start + size - at);
			break;
		case V3_WALK_LEFT:
			left = v3_walk_left(&walk);
			if (left->field == NULL) {
				ASSERT(at == start);
				buf_added(out, size);
				return;
			}
			at = varint_before(at, (size_t)(start + size - at) - left->mark);
			at = varint_before(at, tag_of(left->field));
			break;
		}
	}
}
