/*
 * protobuf_read.c - bytes to messages (see protobuf.h).
 *
 * The levels that are open are an array. A list is counted when its first item comes, by
 * going over the rest of its message once: so it is one piece, of its exact size. That is done
 * once for each list of a message, so bytes are looked at a few times at most.
 */
#include "httpd/v3/protobuf.h"

#include "common/limits.h"

enum wire_type {
	WIRE_VARINT = 0,
	WIRE_FIXED64 = 1,
	WIRE_BYTES = 2,
	WIRE_FIXED32 = 5,
};

#define NUMBER_MAX ((UINT64_C(1) << 29) - 1)

struct open_message {
	const struct v3_type *type;
	uint8_t *message;
	const uint8_t *end;
};

struct decoding {
	const uint8_t *at;
	struct arena *arena;
	size_t room;			/* bytes of the arena that may still be taken */
	enum err err;			/* why not, */
	const char *problem;		/* a phrase, static, */
	const struct v3_field *field;	/* and of which field; NULL: of none that is known */
	struct v3_key_value checked;	/* a KeyValue that stays in wire form */
	size_t depth;
	struct open_message open[V3_NESTED_MAX];
};

/* ---- pieces ------------------------------------------------------------ */

/* False: it is cut, or too long. */
static bool
take_varint(const uint8_t **at, const uint8_t *end, uint64_t *number)
{
	const uint8_t *byte = *at;
	uint64_t result = 0;

	for (unsigned shift = 0; shift < 7 * VARINT_BYTES_MAX; shift += 7) {
		if (byte == end)
			return false;
		/* Of the tenth byte there is room for one bit; the original drops the rest. */
		result |= (uint64_t)(*byte & 0x7fU) << shift;
		if (*byte++ < 0x80) {
			*at = byte;
			*number = result;
			return true;
		}
	}
	return false;
}

/* A length and as many bytes. */
static bool
take_bytes(const uint8_t **at, const uint8_t *end, struct slice *bytes)
{
	uint64_t size;

	if (!take_varint(at, end, &size) || size > (uint64_t)(end - *at))
		return false;
	*bytes = slice_of(*at, (size_t)size);
	*at += size;
	return true;
}

static bool
take_tag(const uint8_t **at, const uint8_t *end, uint64_t *number, unsigned *wire)
{
	uint64_t tag;

	if (*at != end && **at < 0x80)
		tag = *(*at)++;
	else if (!take_varint(at, end, &tag))
		return false;
	*wire = (unsigned)(tag & 7);
	*number = tag >> 3;
	return *number >= 1 && *number <= NUMBER_MAX;
}

/* Go past the value of a field. False: its wire type is none, or it is cut. */
static bool
pass_by(const uint8_t **at, const uint8_t *end, unsigned wire)
{
	size_t fixed = wire == WIRE_FIXED64 ? 8 : 4;
	struct slice bytes;
	uint64_t number;

	switch (wire) {
	case WIRE_VARINT:
		return take_varint(at, end, &number);
	case WIRE_BYTES:
		return take_bytes(at, end, &bytes);
	case WIRE_FIXED64:
	case WIRE_FIXED32:
		if ((size_t)(end - *at) < fixed)
			return false;
		*at += fixed;
		return true;
	default:
		return false;
	}
}

/* How many varints there are in packed bytes: each has one byte below 0x80. */
static size_t
count_packed(struct slice bytes)
{
	size_t count = 0;

	for (size_t i = 0; i < bytes.size; i++)
		count += bytes.data[i] < 0x80;
	return count;
}

/* ---- memory ------------------------------------------------------------ */

/* Both return false. */
static bool
malformed(struct decoding *decoding, const struct v3_field *field, const char *problem)
{
	decoding->err = ERR_MALFORMED;
	decoding->field = field;
	decoding->problem = problem;
	return false;
}

static bool
too_big(struct decoding *decoding, const struct v3_field *field, const char *problem)
{
	(void)malformed(decoding, field, problem);
	decoding->err = ERR_TOO_BIG;
	return false;
}

/* Memory of zeros, at least a byte. NULL: there is no more room. */
static void *
take_memory(struct decoding *decoding, const struct v3_field *field, size_t size)
{
	if (size > decoding->room) {
		(void)too_big(decoding, field, "has too many items");
		return NULL;
	}
	decoding->room -= size;
	return arena_zalloc(decoding->arena, MAX_OF(size, (size_t)1));
}

/* How many items of a list follow in its message, of what can be read there. */
static size_t
count_more(const struct v3_field *field, const uint8_t *at, const uint8_t *end)
{
	bool is_choice = field->kind == V3_KIND_choice;
	size_t count = 0;
	uint64_t number;
	unsigned wire;

	while (at != end && take_tag(&at, end, &number, &wire)) {
		struct slice bytes;

		if (number != field->number || wire != WIRE_BYTES) {
			count += number == field->number && is_choice;
			if (!pass_by(&at, end, wire))
				break;
		} else if (take_bytes(&at, end, &bytes)) {
			count += is_choice ? count_packed(bytes) : 1;
		} else {
			break;
		}
	}
	return count;
}

/* Where the next items of a list go, of which there are so many now. NULL: no room. */
static uint8_t *
next_items(struct decoding *decoding, const struct open_message *open,
    const struct v3_field *field, size_t count)
{
	size_t item_size = v3_field_item_size(field);
	struct v3_list list = v3_list_of(field, open->message);
	uint8_t *next;

	/* Not NULL any more, so that this is done once, even of no items. */
	if (list.items == NULL)
		list.items = take_memory(decoding, field,
		    (count + count_more(field, decoding->at, open->end)) * item_size);
	if (list.items == NULL)
		return NULL;
	memcpy(&next, &list.items, sizeof(next));
	next += list.count * item_size;
	list.count += count;
	memcpy(open->message + field->offset, &list, sizeof(list));
	return next;
}

/* ---- fields ------------------------------------------------------------ */

static bool
open_message(struct decoding *decoding, const struct v3_field *field,
    const struct v3_type *type, void *message, struct slice bytes)
{
	struct open_message *open = &decoding->open[decoding->depth];

	if (decoding->depth == V3_NESTED_MAX)
		return too_big(decoding, field, "is nested too deeply");
	decoding->depth++;
	decoding->at = bytes.data;
	*open = (struct open_message){ type, message, bytes.data + bytes.size };
	return true;
}

static bool
read_part(struct decoding *decoding, const struct open_message *open,
    const struct v3_field *field, struct slice bytes)
{
	const struct v3_type *type = field->of.part();
	uint8_t *part;

	if (field->list) {
		part = next_items(decoding, open, field, 1);
	} else {
		part = take_memory(decoding, field, type->size);
		memcpy(open->message + field->offset, &part, sizeof(part));
	}
	return part != NULL && open_message(decoding, field, type, part, bytes);
}

static bool
read_slice(struct decoding *decoding, const struct open_message *open,
    const struct v3_field *field, struct slice bytes)
{
	uint8_t *place = open->message + field->offset;

	if (field->list)
		place = next_items(decoding, open, field, 1);
	if (place == NULL)
		return false;
	memcpy(place, &bytes, sizeof(bytes));
	if (field->kind != V3_KIND_key_value)
		return true;
	return open_message(decoding, field, v3_key_value_type(), &decoding->checked, bytes);
}

/* Numbers of a list: one, or packed. */
static bool
read_choices(struct decoding *decoding, const struct open_message *open,
    const struct v3_field *field, unsigned wire)
{
	const uint8_t *at = decoding->at;
	struct slice bytes;
	uint64_t number;
	uint8_t *place;

	if (wire == WIRE_VARINT) {
		if (!take_varint(&decoding->at, open->end, &number))
			return malformed(decoding, field, "is cut short");
		bytes = slice_of(at, (size_t)(decoding->at - at));
	} else if (wire != WIRE_BYTES) {
		return malformed(decoding, field, "has a wrong wire type");
	} else if (!take_bytes(&decoding->at, open->end, &bytes)) {
		return malformed(decoding, field, "goes beyond the end");
	}
	place = next_items(decoding, open, field, count_packed(bytes));
	if (place == NULL)
		return false;
	for (at = bytes.data; at != bytes.data + bytes.size; place += sizeof(int32_t)) {
		if (!take_varint(&at, bytes.data + bytes.size, &number))
			return malformed(decoding, field, "is cut short");
		v3_number_set(V3_KIND_choice, place, number);
	}
	return true;
}

static bool
read_field(struct decoding *decoding, struct open_message *open, const struct v3_field *field,
    unsigned wire)
{
	struct slice bytes;
	uint64_t number;

	if (field->in_oneof) {
		uint32_t which = field->number;

		memcpy(open->message + field->which_offset, &which, sizeof(which));
	}
	if (field->kind < V3_KIND_bytes) {
		if (field->list)
			return read_choices(decoding, open, field, wire);
		if (wire != WIRE_VARINT)
			return malformed(decoding, field, "has a wrong wire type");
		if (!take_varint(&decoding->at, open->end, &number))
			return malformed(decoding, field, "is cut short");
		v3_number_set(field->kind, open->message + field->offset, number);
		return true;
	}
	if (wire != WIRE_BYTES)
		return malformed(decoding, field, "has a wrong wire type");
	if (!take_bytes(&decoding->at, open->end, &bytes))
		return malformed(decoding, field, "goes beyond the end");
	if (field->kind == V3_KIND_part)
		return read_part(decoding, open, field, bytes);
	return read_slice(decoding, open, field, bytes);
}

static bool
read_fields(struct decoding *decoding)
{
	while (decoding->depth > 0) {
		struct open_message *open = &decoding->open[decoding->depth - 1];
		const struct v3_field *field;
		uint64_t number;
		unsigned wire;

		/* The end of a part is where its message goes on. */
		if (decoding->at == open->end) {
			decoding->depth--;
			continue;
		}
		if (!take_tag(&decoding->at, open->end, &number, &wire))
			return malformed(decoding, NULL, "has a field without a number");
		field = v3_field_by_number(open->type, number);
		if (field != NULL) {
			if (!read_field(decoding, open, field, wire))
				return false;
		} else if (!pass_by(&decoding->at, open->end, wire)) {
			return malformed(decoding, NULL, "has an unknown field that is malformed");
		}
	}
	return true;
}

/* ---- the whole --------------------------------------------------------- */

static enum err
refuse(const struct decoding *decoding, struct v3_status *refusal)
{
	const struct v3_type *type = decoding->open[decoding->depth - 1].type;
	const struct v3_field *field = decoding->field;

	/* As if each operation had been counted: no transaction that is taken has so many. */
	if (decoding->err == ERR_TOO_BIG && v3_type_nests(type)) {
		*refusal = v3_status_of(V3_REFUSE_TOO_MANY_OPS);
		return ERR_TOO_BIG;
	}
	refusal->code = decoding->err == ERR_TOO_BIG ? V3_RESOURCE_EXHAUSTED : V3_INTERNAL;
	refusal->text = arena_printf(decoding->arena,
	    "grpc: error unmarshalling request: %s%s%s %s", type->name, field == NULL ? "" : ".",
	    field == NULL ? "" : field->name, decoding->problem);
	return decoding->err;
}

static void
begin(struct decoding *decoding, const struct v3_type *type, struct slice bytes, void *message)
{
	decoding->at = bytes.data;
	decoding->room = V3_DECODED_BYTES_MAX;
	decoding->depth = 1;
	decoding->open[0] = (struct open_message){ type, message,
	    bytes.size == 0 ? bytes.data : bytes.data + bytes.size };
	memset(message, 0, type->size);
}

enum err
v3_protobuf_read(const struct v3_type *type, struct slice bytes, struct arena *arena,
    void *message, struct v3_status *refusal)
{
	struct decoding decoding;

	begin(&decoding, type, bytes, message);
	decoding.arena = arena;
	if (read_fields(&decoding))
		return ERR_NONE;
	return refuse(&decoding, refusal);
}

bool
v3_key_value_read(struct slice bytes, struct v3_key_value *key_value)
{
	struct decoding decoding;

	/* It has neither parts nor lists, so that nothing is taken of an arena. */
	begin(&decoding, v3_key_value_type(), bytes, key_value);
	decoding.arena = NULL;
	return read_fields(&decoding);
}
