/* lock_text_test.c - a text that a crash has torn says nothing, and never another name. */
#include "tests/lib/test.h"

#include "common/lock_text.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define BYTES_MAX 5000
#define RUN_DIR "/run/a b"

/* What lock_text_write writes for that name. */
static size_t
written(const char *name, char bytes[BYTES_MAX])
{
	FILE *file = tmpfile();
	ssize_t size;

	assert_non_null(file);
	assert_int_equal(lock_text_write(fileno(file), name, RUN_DIR), ERR_NONE);
	size = pread(fileno(file), bytes, BYTES_MAX, 0);
	assert_true(size > 0);
	fclose(file);
	return (size_t)size;
}

static void
assert_says_nothing(const char *bytes, size_t size)
{
	struct lock_text text;

	assert_false(lock_text_parse(slice_of(bytes, size), &text));
	assert_int_equal(text.pid, 0);
	assert_string_equal(text.since, "");
	assert_string_equal(text.name, "");
	assert_string_equal(text.run_dir, "");
}

TEST(what_is_written_is_read)
{
	static const char *const names[] = { "n2", "", "a", "machine-1.example" };
	char bytes[BYTES_MAX], longest[NAME_BYTES_MAX + 1];
	struct lock_text text;

	for (size_t i = 0; i < ARRAY_COUNT(names); i++) {
		assert_true(lock_text_parse(slice_of(bytes, written(names[i], bytes)), &text));
		assert_int_equal(text.pid, getpid());
		assert_string_equal(text.name, names[i]);
		assert_string_equal(text.run_dir, RUN_DIR);
		assert_int_equal(strlen(text.since), strlen("2026-01-01T00:00:00Z"));
	}
	memset(longest, 'x', NAME_BYTES_MAX);
	longest[NAME_BYTES_MAX] = '\0';
	assert_true(lock_text_parse(slice_of(bytes, written(longest, bytes)), &text));
	assert_string_equal(text.name, longest);
}

TEST(a_shorter_text_takes_the_place_of_a_longer_one)
{
	FILE *file = tmpfile();
	struct lock_text text;

	assert_non_null(file);
	assert_false(lock_text_read(fileno(file), &text));
	assert_int_equal(lock_text_write(fileno(file), "a-rather-long-name", "/run"), ERR_NONE);
	assert_int_equal(lock_text_write(fileno(file), "n2", ""), ERR_NONE);
	assert_true(lock_text_read(fileno(file), &text));
	assert_string_equal(text.name, "n2");
	fclose(file);
}

TEST(a_path_that_does_not_fit_on_a_line_is_not_said)
{
	char path[LOCK_PATH_BYTES_MAX + 2];
	struct lock_text text;

	for (int over = 0; over <= 1; over++) {
		FILE *file = tmpfile();

		assert_non_null(file);
		memset(path, 'd', sizeof(path));
		path[0] = '/';
		path[LOCK_PATH_BYTES_MAX + over] = '\0';
		assert_int_equal(lock_text_write(fileno(file), "n", path), ERR_NONE);
		assert_true(lock_text_read(fileno(file), &text));
		assert_string_equal(text.run_dir, over ? "" : path);
		assert_int_equal(lock_text_write(fileno(file), "n", "/a\nb"), ERR_NONE);
		assert_true(lock_text_read(fileno(file), &text));
		assert_string_equal(text.name, "n");
		assert_string_equal(text.run_dir, "");
		fclose(file);
	}
}

TEST(that_of_an_earlier_version_says_nothing)
{
	static const char text[] = "4711\n2026-01-01T00:00:00Z\nn2\n";

	assert_says_nothing(text, strlen(text));
}

TEST(a_text_with_any_damage_says_nothing)
{
	char bytes[BYTES_MAX];
	size_t size = written("n2", bytes);

	for (size_t cut = 0; cut < size; cut++)
		assert_says_nothing(bytes, cut);
	for (size_t at = 0; at < size; at++) {
		for (unsigned bit = 0; bit < 8; bit++) {
			bytes[at] = (char)(bytes[at] ^ 1 << bit);
			assert_says_nothing(bytes, size);
			bytes[at] = (char)(bytes[at] ^ 1 << bit);
		}
	}
	for (size_t from = 0; from < size; from++) {
		for (size_t end = from + 1; end <= size; end++) {
			char zeroed[BYTES_MAX];

			memcpy(zeroed, bytes, size);
			memset(zeroed + from, 0, end - from);
			assert_says_nothing(zeroed, size);
		}
	}
}

/* The beginning is new and the rest old, or the other way round: it is one of them, or nothing. */
TEST(a_text_of_two_halves_is_one_or_none)
{
	char old[BYTES_MAX], new[BYTES_MAX], torn[BYTES_MAX];
	size_t old_size = written("machine-1", old), new_size = written("n2", new);
	struct lock_text text;

	for (size_t at = 0; at <= old_size; at++) {
		memcpy(torn, old, old_size);
		memcpy(torn, new, MIN_OF(at, new_size));
		if (lock_text_parse(slice_of(torn, old_size), &text))
			assert_string_equal(text.name, "machine-1");
		if (lock_text_parse(slice_of(torn, new_size), &text))
			assert_string_equal(text.name, "n2");
	}
}
