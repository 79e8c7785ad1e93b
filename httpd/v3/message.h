/*
 * message.h - the messages of the v3 API as structs, and what is known of each.
 *
 * Made from message_table.h and choice_table.h. For each MESSAGE row there are
 *
 *	struct v3_TAG		its fields, by their names in the protocol
 *	v3_TAG_type()		the same as data, for what reads and writes any message:
 *				protobuf.h, json.h, print.h
 *
 * and for a message with a oneof enum v3_TAG_which: V3_NO_TAG, or V3_IS_NAME for the member
 * that is there. For each CHOICE_TYPE row enum v3_TAG
 * (of shared ones in common/ipc/wire.h); a field of it is a number, since a
 * client may send one that no row has.
 *
 * A struct of zeros is a message that is empty. A part that is not there is NULL. Pointers
 * and slices of a message that was read are borrowed: from the arena that it was read into,
 * and from the bytes it was read of. One that is written owns nothing either.
 */
#ifndef MOOTHALL_HTTPD_V3_MESSAGE_H
#define MOOTHALL_HTTPD_V3_MESSAGE_H

#include "common/ipc/wire.h"
#include "common/slice.h"

/* ---- values ------------------------------------------------------------ */

#define CHOICE_TYPE(tag, name, ...) enum v3_##tag { __VA_ARGS__ };
#define SHARED_CHOICE_TYPE(tag, name, ...)
#define VALUE(number, value, text) value = number,
#include "httpd/v3/choice_table.h"

struct v3_slices {
	const struct slice *items;
	size_t count;
};

struct v3_choices {
	const int32_t *items;
	size_t count;
};

#define V3_C_TYPE_int64 int64_t
#define V3_C_TYPE_uint64 uint64_t
#define V3_C_TYPE_uint32 uint32_t
#define V3_C_TYPE_boolean bool
#define V3_C_TYPE_bytes struct slice
#define V3_C_TYPE_string struct slice
#define V3_C_TYPE_secret struct slice
#define V3_C_TYPE_key_value struct slice

/* ---- messages ---------------------------------------------------------- */

#define MESSAGE(tag, name, ...) __VA_ARGS__
#define FIELD(number, kind, name)
#define LIST(number, kind, name)
#define CHOICE(number, choice, name)
#define CHOICES(number, choice, name)
#define PART(number, part, name)
#define PARTS(number, part, name)
#define ONEOF(tag, ...) enum v3_##tag##_which { V3_NO_##tag = 0, __VA_ARGS__ };
#define OR_FIELD(number, kind, name) V3_IS_##name = number,
#define OR_PART(number, part, name) V3_IS_##name = number,
#define NOTHING
#include "httpd/v3/message_table.h"

#define MESSAGE(tag, name, ...) \
	struct v3_##tag { \
		__VA_ARGS__ \
	};
#define FIELD(number, kind, name) V3_C_TYPE_##kind name;
#define LIST(number, kind, name) struct v3_slices name;
#define CHOICE(number, choice, name) int32_t name;
#define CHOICES(number, choice, name) struct v3_choices name;
#define PART(number, part, name) const struct v3_##part *name;
#define PARTS(number, part, name) \
	struct { \
		const struct v3_##part *items; \
		size_t count; \
	} name;
#define ONEOF(tag, ...) \
	enum v3_##tag##_which which; \
	union { \
		__VA_ARGS__ \
	};
#define OR_FIELD(number, kind, name) FIELD(number, kind, name)
#define OR_PART(number, part, name) PART(number, part, name)
#define NOTHING char nothing;	/* a struct of C has a member at least */
#include "httpd/v3/message_table.h"

/* ---- what is known of them --------------------------------------------- */

enum v3_kind {
	V3_KIND_int64,
	V3_KIND_uint64,
	V3_KIND_uint32,
	V3_KIND_boolean,
	V3_KIND_choice,
	/* From here on a length goes before the value in protobuf. */
	V3_KIND_bytes,
	V3_KIND_string,
	V3_KIND_secret,
	V3_KIND_key_value,
	V3_KIND_part,
};

struct v3_choice_value {
	int32_t number;
	const char *name;
};

struct v3_choice {
	const char *name;	/* package and name, as the original has it in texts */
	size_t count;
	const struct v3_choice_value *values;
};

struct v3_type;

struct v3_field {
	const char *name;	/* in the protocol, in JSON, in the struct */
	union {
		const struct v3_type *(*part)(void);	/* V3_KIND_part */
		const struct v3_choice *choice;		/* V3_KIND_choice */
	} of;
	uint16_t offset;	/* in the struct */
	uint16_t which_offset;	/* of the oneof's which, if it is in one */
	uint8_t number;
	uint8_t kind;		/* enum v3_kind */
	bool list;		/* any number: items and count */
	bool in_oneof;
};

struct v3_type {
	const char *name;	/* package and name */
	const struct v3_field *fields;	/* by number */
	uint16_t field_count;
	uint16_t size;		/* of the struct */
};

#define MESSAGE(tag, name, ...) const struct v3_type *v3_##tag##_type(void);
#include "httpd/v3/message_table.h"

/* Can a request of that type hold itself, so that it nests without end? */
bool v3_type_nests(const struct v3_type *type);
/* All types, in the order of the table. */
extern const struct v3_type *(*const v3_types[])(void);
extern const size_t v3_type_count;

/* NULL: the type has no such field. */
const struct v3_field *v3_field_by_number(const struct v3_type *type, uint64_t number);
/* By its name as it is, or in lowerCamelCase. */
const struct v3_field *v3_field_by_name(const struct v3_type *type, struct slice name);
/* NULL: no value has that number. */
const char *v3_choice_name(const struct v3_choice *choice, int32_t number);
bool v3_choice_number(const struct v3_choice *choice, struct slice name, int32_t *number)
    MUST_CHECK;

/* ---- a field of a message whose type is known as data only -------------- */

/* Of one value: an item of a list, or the field itself. */
size_t v3_field_item_size(const struct v3_field *field);

/* The items of a field that is a list. Whose they are, v3_slices, v3_choices and lists of
 * parts are all made like this. */
struct v3_list {
	const void *items;
	size_t count;
};

static inline struct v3_list
v3_list_of(const struct v3_field *field, const void *message)
{
	struct v3_list list;

	memcpy(&list, (const uint8_t *)message + field->offset, sizeof(list));
	return list;
}

/* Which member of its oneof a message has, by its number; 0: none. */
static inline uint32_t
v3_which(const struct v3_field *field, const void *message)
{
	uint32_t which;

	memcpy(&which, (const uint8_t *)message + field->which_offset, sizeof(which));
	return which;
}

/* The part of a field that is no list; NULL: it is not there. */
static inline const void *
v3_part_of(const struct v3_field *field, const void *message)
{
	const void *part;

	if (field->in_oneof && v3_which(field, message) != field->number)
		return NULL;
	memcpy(&part, (const uint8_t *)message + field->offset, sizeof(part));
	return part;
}

/* A slice at that place: of any kind from V3_KIND_bytes on that is no part. */
static inline struct slice
v3_slice_at(const void *place)
{
	struct slice slice;

	memcpy(&slice, place, sizeof(slice));
	return slice;
}

/* A number of one of the other kinds; a negative one as protobuf sends it, in 64 bits. */
uint64_t v3_number_at(enum v3_kind kind, const void *place);
void v3_number_set(enum v3_kind kind, void *place, uint64_t number);

/* Is a field there that is neither a part nor a list? What is zero is not, but in a oneof. */
bool v3_field_is_set(const struct v3_field *field, const void *message);

#endif
