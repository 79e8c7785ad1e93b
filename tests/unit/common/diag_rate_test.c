/* Tests of common/diag_rate.c: time is an argument. */
#include "tests/lib/test.h"

#include "common/diag_rate.h"

#include <stdio.h>
#include <string.h>

static unsigned told, told_count;

static void
over(const struct diag_rate_message *message)
{
	told++;
	told_count += message->held_back;
}

static bool
take(struct diag_rate *rate, const char *format, uint64_t now_ns)
{
	return diag_rate_take(rate, DIAG_INFO, "test", format, "", now_ns);
}

TEST(ten_lines_go_through_and_the_others_are_counted)
{
	struct diag_rate rate = { .over = over };

	told = told_count = 0;
	for (unsigned i = 0; i < 10; i++)
		assert_true(take(&rate, "same", i));
	for (unsigned i = 0; i < 7; i++)
		assert_false(take(&rate, "same", 1000));
	assert_true(take(&rate, "other", 1000));
	diag_rate_tick(&rate, DIAG_RATE_WINDOW_NS - 1);
	assert_int_equal(told, 0);
	diag_rate_tick(&rate, DIAG_RATE_WINDOW_NS);
	assert_int_equal(told, 1);
	assert_int_equal(told_count, 7);
	diag_rate_tick(&rate, 2 * DIAG_RATE_WINDOW_NS);
	assert_int_equal(told, 1);
}

TEST(a_new_window_begins_with_a_line)
{
	struct diag_rate rate = { .over = over };

	told = told_count = 0;
	for (unsigned i = 0; i < 11; i++)
		(void)take(&rate, "same", 0);
	assert_true(take(&rate, "same", DIAG_RATE_WINDOW_NS));
	assert_int_equal(told_count, 1);
	for (unsigned i = 0; i < 9; i++)
		assert_true(take(&rate, "same", 2 * DIAG_RATE_WINDOW_NS - 1));
	assert_false(take(&rate, "same", 2 * DIAG_RATE_WINDOW_NS - 1));
}

TEST(the_oldest_message_makes_room_and_tells_what_it_held_back)
{
	static char formats[DIAG_RATE_MESSAGES][16];
	struct diag_rate rate = { .over = over };

	told = told_count = 0;
	for (unsigned i = 0; i < 13; i++)
		(void)take(&rate, "oldest", 0);
	for (unsigned i = 0; i < DIAG_RATE_MESSAGES; i++) {
		snprintf(formats[i], sizeof(formats[i]), "format %u", i);
		assert_true(take(&rate, formats[i], 1 + i));
	}
	assert_int_equal(told_count, 3);
	assert_true(take(&rate, "oldest", 100));
}

TEST(messages_made_elsewhere_are_known_by_their_words)
{
	struct diag_rate rate = { .over = over };

	for (unsigned i = 0; i < 10; i++)
		assert_true(diag_rate_take(&rate, DIAG_INFO, "raft", "%s", "joined name=a", 0));
	assert_false(diag_rate_take(&rate, DIAG_INFO, "raft", "%s", "joined name=b", 0));
	assert_true(diag_rate_take(&rate, DIAG_INFO, "raft", "%s", "left name=b", 0));
}
