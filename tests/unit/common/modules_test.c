#include "common/modules.h"

#include "tests/lib/test.h"

TEST(a_list_of_modules_is_read)
{
	static const struct {
		const char *list, *unknown;
		unsigned modules;
	} rows[] = {
		{ "", "", 0 },
		{ "lock", "", MODULE_LOCK },
		{ "leader,lock", "", MODULE_LOCK | MODULE_LEADER },
		{ " lock ,\tlock,", "", MODULE_LOCK },
		{ ",,leader", "", MODULE_LEADER },
		{ "locks", "locks", 0 },
		{ "lock,dashboard,other", "dashboard", MODULE_LOCK },
		{ "lock leader", "lock leader", 0 },
		{ "Lock", "Lock", 0 },
	};

	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		struct slice unknown;

		assert_int_equal(modules_read(rows[i].list, &unknown), rows[i].modules);
		assert_true(slice_equal(unknown, slice_text(rows[i].unknown)));
	}
}
