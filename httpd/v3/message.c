/*
 * message.c - the messages of the v3 API as data (see message.h).
 *
 * The places of fields are known inside of a function only, where the row's struct has the
 * name "here" for all of its fields: so each type is behind a function.
 */
#include "httpd/v3/message.h"

/* ---- values ------------------------------------------------------------ */

#define CHOICE_TYPE(tag, name, ...) \
	static const struct v3_choice_value values_of_##tag[] = { __VA_ARGS__ };
#define SHARED_CHOICE_TYPE(...) CHOICE_TYPE(__VA_ARGS__)
#define VALUE(number, value, text) { number, text },
#include "httpd/v3/choice_table.h"

#define CHOICE_TYPE(tag, text, ...) \
	static const struct v3_choice choice_##tag = { text, ARRAY_COUNT(values_of_##tag), \
		values_of_##tag };
#define SHARED_CHOICE_TYPE(...) CHOICE_TYPE(__VA_ARGS__)
#include "httpd/v3/choice_table.h"

const char *
v3_choice_name(const struct v3_choice *choice, int32_t number)
{
	for (size_t i = 0; i < choice->count; i++)
		if (choice->values[i].number == number)
			return choice->values[i].name;
	return NULL;
}

bool
v3_choice_number(const struct v3_choice *choice, struct slice name, int32_t *number)
{
	for (size_t i = 0; i < choice->count; i++) {
		if (slice_equal(slice_text(choice->values[i].name), name)) {
			*number = choice->values[i].number;
			return true;
		}
	}
	return false;
}

/* ---- messages ---------------------------------------------------------- */

#define ROW(number, kind, list, name, ...) \
	{ #name, { __VA_ARGS__ }, offsetof(here, name), 0, number, V3_KIND_##kind, list, false },
#define OR_ROW(number, kind, name, ...) \
	{ #name, { __VA_ARGS__ }, offsetof(here, name), offsetof(here, which), number, \
		V3_KIND_##kind, false, true },
#define MESSAGE(tag, text, ...) \
	const struct v3_type *v3_##tag##_type(void) \
	{ \
		typedef struct v3_##tag here; \
		static const struct v3_field fields[] = { __VA_ARGS__ { .number = 0 } }; \
		static const struct v3_type type = { text, fields, ARRAY_COUNT(fields) - 1, \
			sizeof(here) }; \
\
		return &type; \
	}
#define FIELD(number, kind, name) ROW(number, kind, false, name, NULL)
#define LIST(number, kind, name) ROW(number, kind, true, name, NULL)
#define CHOICE(number, type, name) ROW(number, choice, false, name, .choice = &choice_##type)
#define CHOICES(number, type, name) ROW(number, choice, true, name, .choice = &choice_##type)
#define PART(number, tag, name) ROW(number, part, false, name, .part = v3_##tag##_type)
#define PARTS(number, tag, name) ROW(number, part, true, name, .part = v3_##tag##_type)
#define ONEOF(tag, ...) __VA_ARGS__
#define OR_FIELD(number, kind, name) OR_ROW(number, kind, name, NULL)
#define OR_PART(number, tag, name) OR_ROW(number, part, name, .part = v3_##tag##_type)
#define NOTHING
#include "httpd/v3/message_table.h"
#undef OR_ROW
#undef ROW

const struct v3_type *(*const v3_types[])(void) = {
#define MESSAGE(tag, text, ...) v3_##tag##_type,
#include "httpd/v3/message_table.h"
};
const size_t v3_type_count = ARRAY_COUNT(v3_types);

bool
v3_type_nests(const struct v3_type *type)
{
	return type == v3_txn_request_type() || type == v3_request_op_type();
}

const struct v3_field *
v3_field_by_number(const struct v3_type *type, uint64_t number)
{
	/* Nearly all types count their fields from 1 on without a gap. */
	if (number - 1 < type->field_count && type->fields[number - 1].number == number)
		return &type->fields[number - 1];
	for (size_t i = 0; i < type->field_count; i++)
		if (type->fields[i].number == number)
			return &type->fields[i];
	return NULL;
}

/* Is text the name as it is, or in lowerCamelCase? */
static bool
is_name(const char *name, struct slice text)
{
	size_t at = 0;

	if (slice_equal(slice_text(name), text))
		return true;
	for (; *name != '\0'; name++, at++) {
		uint8_t wanted = (uint8_t)*name;

		if (wanted == '_' && name[1] >= 'a' && name[1] <= 'z')
			wanted = (uint8_t)(*++name - 'a' + 'A');
		if (at == text.size || text.data[at] != wanted)
			return false;
	}
	return at == text.size;
}

const struct v3_field *
v3_field_by_name(const struct v3_type *type, struct slice name)
{
	for (size_t i = 0; i < type->field_count; i++)
		if (is_name(type->fields[i].name, name))
			return &type->fields[i];
	return NULL;
}

/* ---- fields ------------------------------------------------------------ */

size_t
v3_field_item_size(const struct v3_field *field)
{
	switch ((enum v3_kind)field->kind) {
	case V3_KIND_int64:
	case V3_KIND_uint64:
		return sizeof(uint64_t);
	case V3_KIND_uint32:
	case V3_KIND_choice:
		return sizeof(uint32_t);
	case V3_KIND_boolean:
		return sizeof(bool);
	case V3_KIND_bytes:
	case V3_KIND_string:
	case V3_KIND_secret:
	case V3_KIND_key_value:
		return sizeof(struct slice);
	case V3_KIND_part:
		break;
	}
	return field->of.part()->size;
}

uint64_t
v3_number_at(enum v3_kind kind, const void *place)
{
	uint64_t number = 0;
	int32_t choice;
	uint32_t half;
	bool truth;

	switch (kind) {
	case V3_KIND_uint32:
		memcpy(&half, place, sizeof(half));
		return half;
	case V3_KIND_choice:
		memcpy(&choice, place, sizeof(choice));
		return (uint64_t)(int64_t)choice;
	case V3_KIND_boolean:
		memcpy(&truth, place, sizeof(truth));
		return truth;
	case V3_KIND_int64:
	case V3_KIND_uint64:
	case V3_KIND_bytes:
	case V3_KIND_string:
	case V3_KIND_secret:
	case V3_KIND_key_value:
	case V3_KIND_part:
		break;
	}
	memcpy(&number, place, sizeof(number));
	return number;
}

void
v3_number_set(enum v3_kind kind, void *place, uint64_t number)
{
	uint32_t half = (uint32_t)number;
	bool truth = number != 0;

	switch (kind) {
	case V3_KIND_uint32:
	case V3_KIND_choice:
		memcpy(place, &half, sizeof(half));
		return;
	case V3_KIND_boolean:
		memcpy(place, &truth, sizeof(truth));
		return;
	case V3_KIND_int64:
	case V3_KIND_uint64:
	case V3_KIND_bytes:
	case V3_KIND_string:
	case V3_KIND_secret:
	case V3_KIND_key_value:
	case V3_KIND_part:
		break;
	}
	memcpy(place, &number, sizeof(number));
}

bool
v3_field_is_set(const struct v3_field *field, const void *message)
{
	const uint8_t *place = (const uint8_t *)message + field->offset;

	if (field->in_oneof)
		return v3_which(field, message) == field->number;
	if (field->kind == V3_KIND_key_value)
		return v3_slice_at(place).data != NULL;
	if (field->kind >= V3_KIND_bytes)
		return v3_slice_at(place).size != 0;
	return v3_number_at(field->kind, place) != 0;
}
