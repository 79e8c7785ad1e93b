/* Tests of common/key_limits.c: how many names and bytes a key may have. */
#include "common/key_limits.h"

#include "common/ipc/wire.h"
#include "common/xmem.h"
#include "tests/lib/test.h"

#include <stdlib.h>
#include <string.h>

static const unsigned all_ops[] = { 0, WRITE_SET, WRITE_CREATE, WRITE_UPDATE,
	WRITE_COMPARE_AND_SWAP, WRITE_DELETE, WRITE_COMPARE_AND_DELETE, WRITE_CREATE_IN_ORDER };

/* A key of that many names and bytes; bytes >= 2 * names. */
static struct slice
key_of(char *room, size_t names, size_t bytes)
{
	memset(room, 'x', bytes);
	for (size_t i = 0; i < names; i++)
		room[2 * i] = '/';
	return slice_of(room, bytes);
}

static void
expect(const struct key_limits *limits, struct slice key, unsigned op, const char *wanted)
{
	char cause[KEY_CAUSE_BYTES] = "";

	assert_int_equal(key_allowed(limits, key, op, cause), wanted == NULL);
	assert_string_equal(cause, wanted == NULL ? "" : wanted);
}

TEST(what_can_make_a_node_is_held_to_the_limits_of_the_cluster)
{
	struct key_limits limits = { 3, 100 };
	char *room = xmalloc(KEY_BYTES_MAX + 1);

	for (size_t i = 0; i < ARRAY_COUNT(all_ops); i++) {
		unsigned op = all_ops[i];
		bool makes = op == WRITE_SET || op == WRITE_CREATE || op == WRITE_CREATE_IN_ORDER;
		size_t added = op == WRITE_CREATE_IN_ORDER ? 1 : 0;

		assert_int_equal(key_is_made_by(op), makes);
		expect(&limits, key_of(room, 3 - added, 100 - 21 * added), op, NULL);
		expect(&limits, key_of(room, 4 - added, 50), op,
		    makes ? "the key has 4 names, more than 3 (maxKeyNames)" : NULL);
		expect(&limits, key_of(room, 1, 101 - 21 * added), op,
		    makes ? "the key has 101 bytes, more than 100 (maxKeyBytes)" : NULL);
	}
	free(room);
}

TEST(all_is_held_to_the_maximum)
{
	char *room = xmalloc(KEY_BYTES_MAX + 1);

	for (size_t i = 0; i < ARRAY_COUNT(all_ops); i++) {
		unsigned op = all_ops[i];
		size_t added = op == WRITE_CREATE_IN_ORDER ? 1 : 0;

		expect(&KEY_LIMITS_MAX, key_of(room, 1024 - added, 49152 - 21 * added), op, NULL);
		expect(&KEY_LIMITS_MAX, key_of(room, 1025 - added, 4000), op,
		    "the key has 1025 names, more than 1024");
		expect(&KEY_LIMITS_MAX, key_of(room, 5, 49153 - 21 * added), op,
		    "the key has 49153 bytes, more than 49152");
	}
	free(room);
}

TEST(the_root_has_no_name)
{
	struct key_limits least = { KEY_NAMES_MIN, KEY_BYTES_MIN };

	expect(&least, SLICE_LITERAL("/"), WRITE_SET, NULL);
	expect(&least, SLICE_LITERAL("/"), WRITE_CREATE_IN_ORDER, NULL);
	expect(&least, SLICE_LITERAL("/a"), WRITE_SET, NULL);
	expect(&least, SLICE_LITERAL("/a"), WRITE_CREATE_IN_ORDER,
	    "the key has 2 names, more than 1 (maxKeyNames)");
}
