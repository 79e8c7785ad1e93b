/*
 * message_test.c - the tables of messages and enums, as data.
 */
#include "httpd/v3/message.h"

#include "common/limits.h"

#include "tests/lib/test.h"

#define FIELD_OF(tag, text) v3_field_by_name(v3_##tag##_type(), SLICE_LITERAL(text))

TEST(fields_stand_in_the_order_of_their_numbers)
{
	for (size_t t = 0; t < v3_type_count; t++) {
		const struct v3_type *type = v3_types[t]();
		unsigned before = 0;

		/* As bits they fit in 64. */
		assert_true(type->field_count < 64);
		for (size_t i = 0; i < type->field_count; i++) {
			const struct v3_field *field = &type->fields[i];

			assert_true(field->number > before);
			before = field->number;
			assert_true(field->offset < type->size);
			assert_ptr_equal(v3_field_by_number(type, field->number), field);
			assert_ptr_equal(v3_field_by_name(type, slice_text(field->name)), field);
		}
		assert_null(v3_field_by_number(type, before + 1));
		assert_null(v3_field_by_number(type, 0));
		assert_null(v3_field_by_number(type, UINT64_MAX));
	}
}

TEST(no_two_messages_have_one_name)
{
	for (size_t t = 0; t < v3_type_count; t++)
		for (size_t u = 0; u < t; u++)
			assert_string_not_equal(v3_types[t]()->name, v3_types[u]()->name);
}

/* That is: of choices, of what is a slice, of parts; and none is in a oneof. */
TEST(lists_are_of_what_reading_knows)
{
	for (size_t t = 0; t < v3_type_count; t++) {
		const struct v3_type *type = v3_types[t]();

		for (size_t i = 0; i < type->field_count; i++) {
			const struct v3_field *field = &type->fields[i];

			if (field->list)
				assert_true(field->kind >= V3_KIND_choice);
			assert_false(field->list && field->in_oneof);
		}
	}
}

TEST(a_name_is_found_as_it_is_or_in_lower_camel_case)
{
	const struct v3_field *field = FIELD_OF(range_request, "max_create_revision");

	assert_int_equal(field->number, 13);
	assert_ptr_equal(FIELD_OF(range_request, "maxCreateRevision"), field);
	assert_null(FIELD_OF(range_request, "max_createRevision"));
	assert_null(FIELD_OF(range_request, "maxCreate_revision"));
	assert_null(FIELD_OF(range_request, "maxcreaterevision"));
	assert_null(FIELD_OF(range_request, "MaxCreateRevision"));
	assert_null(FIELD_OF(range_request, "maxCreateRevisionn"));
	assert_null(FIELD_OF(range_request, "maxCreateRevisio"));
	assert_null(FIELD_OF(range_request, ""));
	assert_int_equal(FIELD_OF(lease_grant_request, "TTL")->number, 1);
	assert_null(FIELD_OF(lease_grant_request, "ttl"));
	assert_int_equal(FIELD_OF(txn_compare, "rangeEnd")->number, 64);
	assert_int_equal(FIELD_OF(status_response, "raftAppliedIndex")->number, 7);
	assert_null(FIELD_OF(status_request, "header"));
}

TEST(an_enum_knows_its_names_and_numbers)
{
	const struct v3_choice *choice = FIELD_OF(range_request, "sort_order")->of.choice;
	int32_t number = 99;

	assert_string_equal(choice->name, "etcdserverpb.RangeRequest_SortOrder");
	assert_string_equal(v3_choice_name(choice, V3_SORT_DESCEND), "DESCEND");
	assert_null(v3_choice_name(choice, 3));
	assert_null(v3_choice_name(choice, -1));
	assert_true(v3_choice_number(choice, SLICE_LITERAL("ASCEND"), &number));
	assert_int_equal(number, V3_SORT_ASCEND);
	assert_false(v3_choice_number(choice, SLICE_LITERAL("ascend"), &number));
	assert_false(v3_choice_number(choice, SLICE_EMPTY, &number));
}

/* Is there a way of at most so many parts from one type to another? */
static bool
reaches(const struct v3_type *from, const struct v3_type *to, unsigned parts)
{
	for (size_t i = 0; i < from->field_count && parts > 0; i++) {
		const struct v3_type *part;

		if (from->fields[i].kind != V3_KIND_part)
			continue;
		part = from->fields[i].of.part();
		if (part == to || reaches(part, to, parts - 1))
			return true;
	}
	return false;
}

TEST(only_transactions_nest_without_end)
{
	for (size_t t = 0; t < v3_type_count; t++) {
		const struct v3_type *type = v3_types[t]();
		bool is_answer = type == v3_txn_response_type() || type == v3_response_op_type();

		assert_int_equal(reaches(type, type, 4), v3_type_nests(type) || is_answer);
	}
	/* A transaction may have so many operations one in the other, each of them two messages,
	 * and what is in the last one. */
	assert_true(2 * V3_DEPTH_MAX + 2 <= V3_NESTED_MAX);
}
