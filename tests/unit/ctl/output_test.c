#include "ctl/output.h"

#include "tests/lib/test.h"

TEST(sizes_have_binary_units)
{
	char text[OUTPUT_TEXT_BYTES];

	assert_string_equal(output_size(0, text), "0 B");
	assert_string_equal(output_size(1023, text), "1023 B");
	assert_string_equal(output_size(1024, text), "1.0 KiB");
	assert_string_equal(output_size(8283750, text), "7.9 MiB");
	assert_string_equal(output_size(1048575, text), "1.0 MiB");
	assert_string_equal(output_size(UINT64_MAX, text), "16777216.0 TiB");
}

TEST(times_and_ages_are_rounded_to_what_matters)
{
	char text[OUTPUT_TEXT_BYTES];

	assert_string_equal(output_time(0, text), "0 us");
	assert_string_equal(output_time(740400, text), "740 us");
	assert_string_equal(output_time(999600, text), "1.0 ms");
	assert_string_equal(output_time(1990000, text), "2.0 ms");
	assert_string_equal(output_time(35400000, text), "35 ms");
	assert_string_equal(output_time(1240000000, text), "1.2 s");
	assert_string_equal(output_age(12, text), "12 s");
	assert_string_equal(output_age(119, text), "119 s");
	assert_string_equal(output_age(200, text), "3 min");
	assert_string_equal(output_age(10000, text), "2 h");
	assert_string_equal(output_age(500000, text), "5 d");
}

static const struct table_column columns[] = { { "NAME", false, true }, { "N", true, false },
	{ "URL", false, true } };

static void
renders_as(struct table *table, bool wide, bool colors, const char *wanted)
{
	struct buf text = BUF_INIT;

	table_render(table, wide, colors, &text);
	buf_append_byte(&text, '\0');
	assert_string_equal((const char *)text.data, wanted);
	buf_free(&text);
}

TEST(columns_are_as_wide_as_they_have_to_be)
{
	struct table table;

	table_init(&table, columns, ARRAY_COUNT(columns));
	table_add(&table, COLOR_NONE, "%s", "m\xc3\xbcnster");
	table_add(&table, COLOR_BAD, "%d", 7);
	table_add(&table, COLOR_NONE, "http://a");
	table_add(&table, COLOR_NONE, "b\033[2J");
	table_add(&table, COLOR_NONE, "%d", 4711);
	table_add(&table, COLOR_NONE, "-");
	renders_as(&table, false, false,
	    "NAME         N  URL\nm\xc3\xbcnster      7  http://a\nb\\x1b[2J  4711  -\n");
	renders_as(&table, false, true,
	    "NAME         N  URL\nm\xc3\xbcnster      \033[31m7\033[0m  http://a\n"
	    "b\\x1b[2J  4711  -\n");
	table_free(&table);
}

TEST(a_table_is_cut_to_80_columns_unless_it_may_be_wide)
{
	struct buf text = BUF_INIT;
	struct table table;
	size_t width;

	table_init(&table, columns, ARRAY_COUNT(columns));
	table_add(&table, COLOR_NONE, "name");
	table_add(&table, COLOR_NONE, "%d", 1);
	table_add(&table, COLOR_NONE, "%0100d", 5);
	table_render(&table, false, false, &text);
	width = text.size - 1 - (size_t)((uint8_t *)memchr(text.data, '\n', text.size) + 1 -
	    text.data);
	assert_int_equal(width, 80);
	assert_memory_equal(text.data + text.size - 4, "...\n", 4);
	buf_clear(&text);
	table_render(&table, true, false, &text);
	assert_memory_equal(text.data + text.size - 3, "05\n", 3);
	buf_free(&text);
	table_free(&table);
}
