/*
 * field_list_test.c - a field's value falls into its items, whatever stands between them.
 */
#include "common/field_list.h"

#include "tests/lib/test.h"

#include <string.h>

TEST(items_come_without_blanks_and_empty_ones_too)
{
	static const char *const rows[][2] = {
		{ "a", "a|" }, { "a,b", "a|b|" }, { " a\t, b ;q=1 ,c", "a|b ;q=1|c|" },
		{ ",", "|" }, { ",, a", "||a|" }, { "  ", "|" }, { "a,", "a|" },
	};

	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		struct slice rest = slice_text(rows[i][0]);
		char found[64] = "";

		while (rest.size > 0) {
			struct slice item = field_list_next(&rest, ',');

			strncat(found, (const char *)item.data, item.size);
			strcat(found, "|");
		}
		assert_string_equal(found, rows[i][1]);
		assert_int_equal(field_list_next(&rest, ',').size, 0);
	}
}
