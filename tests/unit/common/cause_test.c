/*
 * cause_test.c - causes: what became of a request is known by its text alone.
 */
#include "common/cause.h"

#include "tests/lib/test.h"

#include <string.h>

TEST(each_text_is_of_one_cause_and_says_what_became_of_it)
{
	static const struct {
		const char *text;
		enum fate fate;
	} rows[] = {
#define CAUSE(tag, fate, text) { text, FATE_##fate },
#include "common/cause_table.h"
	};

	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		assert_string_equal(cause_text((enum cause)i), rows[i].text);
		assert_int_equal(cause_fate(slice_text(rows[i].text)), rows[i].fate);
		for (size_t other = 0; other < i; other++)
			assert_string_not_equal(rows[i].text, rows[other].text);
	}
}

/* Who reads a text, and who goes by the fate, hear the same. */
TEST(a_text_says_of_a_write_what_its_fate_says)
{
	static const struct {
		const char *text;
		enum fate fate;
	} rows[] = {
#define CAUSE(tag, fate, text) { text, FATE_##fate },
#include "common/cause_table.h"
	};

	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		if (strstr(rows[i].text, "may or may not") != NULL)
			assert_int_equal(rows[i].fate, FATE_UNKNOWN);
		if (strstr(rows[i].text, "was not applied") != NULL)
			assert_int_not_equal(rows[i].fate, FATE_UNKNOWN);
	}
}

TEST(what_nobody_says_is_of_unknown_fate)
{
	assert_int_equal(cause_fate(SLICE_EMPTY), FATE_UNKNOWN);
	assert_int_equal(cause_fate(SLICE_LITERAL("no leader, the write was not applie")),
	    FATE_UNKNOWN);
}
