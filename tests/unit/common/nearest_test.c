#include "common/nearest.h"

#include "tests/lib/test.h"

static const char *
nearest(const char *text)
{
	static const char *const words[] = { "activeSize", NULL, "removeDelay", "set", "get" };
	struct nearest nearest = nearest_to(text);

	for (size_t i = 0; i < ARRAY_COUNT(words); i++)
		nearest_try(&nearest, words[i]);
	return nearest.word;
}

TEST(the_nearest_word_is_what_was_meant)
{
	assert_string_equal(nearest("activesize"), "activeSize");
	assert_string_equal(nearest("activSize"), "activeSize");
	assert_string_equal(nearest("removedDelay"), "removeDelay");
	assert_string_equal(nearest("sett"), "set");
}

/* A wrong guess is worse than none. */
TEST(what_has_a_third_of_its_letters_wrong_is_another_word)
{
	assert_null(nearest("put"));
	assert_null(nearest(""));
	assert_null(nearest("quorum"));
	assert_null(nearest("activeactiveactiveactiveactiveactiveactiveSize"));
}
