/*
 * log_ring_test.c - the newest lines that are kept.
 */
#include "supervisor/log_ring.h"

#include "common/limits.h"
#include "tests/lib/test.h"

#include <stdio.h>
#include <string.h>

static void
put(struct log_ring *ring, const char *line)
{
	log_ring_put(ring, slice_text(line));
}

static void
expect(const struct log_ring *ring, size_t count, const char *lines)
{
	struct slice tail = log_ring_tail(ring, count);

	assert_int_equal(tail.size, strlen(lines));
	if (tail.size > 0)
		assert_memory_equal(tail.data, lines, tail.size);
}

TEST(the_last_lines_are_given_and_no_more_than_there_are)
{
	struct log_ring ring = { .lines = BUF_INIT };

	expect(&ring, 5, "");
	put(&ring, "one\n");
	put(&ring, "two\n");
	put(&ring, "three\n");
	expect(&ring, 0, "");
	expect(&ring, 1, "three\n");
	expect(&ring, 2, "two\nthree\n");
	expect(&ring, 3, "one\ntwo\nthree\n");
	expect(&ring, 99, "one\ntwo\nthree\n");
	log_ring_free(&ring);
}

/* Lines of 64 bytes, so many that they fill it to the byte, and more. */
TEST(as_many_whole_lines_are_kept_as_fit)
{
	struct log_ring ring = { .lines = BUF_INIT };
	size_t fit = LOG_KEPT_BYTES_MAX / 64;
	char line[65];

	for (unsigned i = 0; i < 5 * fit; i++) {
		struct slice tail;

		snprintf(line, sizeof(line), "%063u\n", i);
		put(&ring, line);
		tail = log_ring_tail(&ring, SIZE_MAX);
		assert_int_equal(tail.size, 64 * MIN_OF((size_t)i + 1, fit));
		assert_memory_equal(tail.data + tail.size - 64, line, 64);
		assert_in_range(ring.lines.size, 64, 2 * LOG_KEPT_BYTES_MAX);
	}
	put(&ring, "short\n");
	assert_int_equal(log_ring_tail(&ring, SIZE_MAX).size, 64 * (fit - 1) + 6);
	log_ring_free(&ring);
}
