/*
 * path_test.c - keys: canonical form, what is below, what is hidden.
 */
#include "raftd/replica/store/path.h"

#include "common/xmem.h"
#include "tests/lib/test.h"

#include <stdlib.h>

TEST(canonical_keys_have_no_empty_and_no_dot_names)
{
	static const char *const good[] = {
		"/", "/a", "/a/b", "/...", "/..b", "/.a", "/ ", "/_", "/a b/c", "/\xff\x01",
	};
	static const char *const bad[] = {
		"", "a", "a/b", "//", "/a/", "/a//b", "//a", "/.", "/..", "/a/./b", "/a/..", " /a",
	};
	size_t i;

	for (i = 0; i < ARRAY_COUNT(good); i++)
		assert_true(path_is_canonical(slice_text(good[i])));
	for (i = 0; i < ARRAY_COUNT(bad); i++)
		assert_false(path_is_canonical(slice_text(bad[i])));
	assert_true(path_is_canonical(slice_of("/a\0b", 4)));
	assert_false(path_is_canonical(SLICE_EMPTY));
}

TEST(the_longest_key_is_a_key_and_one_byte_more_is_none)
{
	uint8_t *bytes = xmalloc(PATH_BYTES_MAX + 1);

	memset(bytes, 'x', PATH_BYTES_MAX + 1);
	bytes[0] = '/';
	assert_true(path_is_canonical(slice_of(bytes, PATH_BYTES_MAX)));
	assert_false(path_is_canonical(slice_of(bytes, PATH_BYTES_MAX + 1)));
	free(bytes);
}

TEST(names_come_from_the_top)
{
	struct path_names names = path_names(SLICE_LITERAL("/a/bc/d"));
	struct slice name;

	assert_true(path_next(&names, &name));
	assert_true(slice_equal(name, SLICE_LITERAL("a")));
	assert_true(path_next(&names, &name));
	assert_true(slice_equal(name, SLICE_LITERAL("bc")));
	assert_true(path_next(&names, &name));
	assert_true(slice_equal(name, SLICE_LITERAL("d")));
	assert_false(path_next(&names, &name));
	names = path_names(SLICE_LITERAL("/"));
	assert_false(path_next(&names, &name));
}

TEST(below_is_asked_name_by_name)
{
	static const struct {
		const char *path, *top;
		bool below;
	} table[] = {
		{ "/d/a", "/d", true }, { "/d/a/b", "/d", true }, { "/d", "/", true },
		{ "/dd", "/d", false }, { "/d", "/d", false }, { "/", "/", false },
		{ "/", "/d", false }, { "/d", "/d/a", false }, { "/e/a", "/d", false },
		{ "/d-x/y", "/d", false },
	};
	size_t i;

	for (i = 0; i < ARRAY_COUNT(table); i++) {
		struct slice path = slice_text(table[i].path), top = slice_text(table[i].top);

		assert_int_equal(path_is_below(path, top), table[i].below);
		assert_int_equal(path_is_at_or_below(path, top),
		    table[i].below || slice_equal(path, top));
	}
}

TEST(the_last_hidden_name_is_found)
{
	static const struct {
		const char *path;
		size_t at;
	} table[] = {
		{ "/", 0 }, { "/a", 0 }, { "/a_b/c_", 0 }, { "/_", 1 }, { "/_h", 1 },
		{ "/_h/x", 1 }, { "/_h/_x", 4 }, { "/_h/_x/y", 4 }, { "/a/__", 3 },
	};
	size_t i;

	for (i = 0; i < ARRAY_COUNT(table); i++)
		assert_int_equal(path_last_hidden(slice_text(table[i].path)), table[i].at);
}
