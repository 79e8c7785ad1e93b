#include "httpd/client/attempts.h"

#include "tests/lib/test.h"

#include "common/limits.h"
#include "common/xmem.h"

#include <stdio.h>
#include <stdlib.h>

#define AT_ONCE 2
#define WRONG true
#define RIGHT false

static uint64_t again_ms;

static void
add(struct attempts *attempts, struct password_attempt *attempt, const char *from, uint64_t now_ms)
{
	assert_int_equal(attempts_add(attempts, attempt, from, now_ms), ATTEMPT_WAITS);
}

TEST(one_of_an_address_runs_at_a_time_and_addresses_take_turns)
{
	struct attempts *attempts = attempts_new(AT_ONCE);
	struct password_attempt one[3] = { 0 }, other = { .running = false };

	for (size_t i = 0; i < ARRAY_COUNT(one); i++)
		add(attempts, &one[i], "10.0.0.1:5", 0);
	add(attempts, &other, "10.0.0.2:5", 0);
	assert_ptr_equal(attempts_next(attempts, 0, &again_ms), &one[0]);
	assert_ptr_equal(attempts_next(attempts, 0, &again_ms), &other);
	assert_null(attempts_next(attempts, 0, &again_ms));
	assert_int_equal(again_ms, UINT64_MAX);
	attempts_over(attempts, &one[0], RIGHT, 0);
	assert_ptr_equal(attempts_next(attempts, 0, &again_ms), &one[1]);
	/* Whose client hung up waits no more; who runs may be given up. */
	attempts_cancel(attempts, &one[2]);
	attempts_cancel(attempts, &one[1]);
	attempts_cancel(attempts, &one[1]);
	attempts_over(attempts, &other, RIGHT, 0);
	assert_null(attempts_next(attempts, 0, &again_ms));
	assert_int_equal(attempts_count(attempts), 0);
	attempts_free(&attempts);
}

/* Of 100 addresses, too: the others have not begun, and can be given up. */
TEST(no_more_run_at_once_than_may)
{
	struct attempts *attempts = attempts_new(AT_ONCE);
	struct password_attempt many[5] = { 0 };
	char from[32];

	for (size_t i = 0; i < ARRAY_COUNT(many); i++) {
		snprintf(from, sizeof(from), "10.0.0.%zu:1", i);
		add(attempts, &many[i], from, 0);
	}
	for (size_t i = 0; i < AT_ONCE; i++)
		assert_ptr_equal(attempts_next(attempts, 0, &again_ms), &many[i]);
	assert_null(attempts_next(attempts, 0, &again_ms));
	assert_int_equal(again_ms, UINT64_MAX);
	attempts_cancel(attempts, &many[2]);
	attempts_cancel(attempts, &many[0]);
	assert_ptr_equal(attempts_next(attempts, 0, &again_ms), &many[3]);
	assert_null(attempts_next(attempts, 0, &again_ms));
	attempts_over(attempts, &many[1], WRONG, 0);
	assert_ptr_equal(attempts_next(attempts, 0, &again_ms), &many[4]);
	attempts_over(attempts, &many[3], RIGHT, 0);
	attempts_over(attempts, &many[4], RIGHT, 0);
	attempts_free(&attempts);
}

/* Ports do not count, nor which address of a network of IPv6. */
TEST(after_ten_wrong_ones_in_a_minute_the_next_of_that_address_wait_longer_and_longer)
{
	static const char *const names[] = { "[2001:db8::1]:1", "[2001:db8::ffff]:2" };
	struct attempts *attempts = attempts_new(AT_ONCE);
	struct password_attempt attempt = { .running = false }, other = { .running = false };
	uint64_t now_ms = 1000, delay_ms = AUTH_DELAY_MS;

	for (int i = 0; i < AUTH_WRONG_MAX; i++) {
		add(attempts, &attempt, names[i % 2], now_ms);
		assert_ptr_equal(attempts_next(attempts, now_ms, &again_ms), &attempt);
		attempts_over(attempts, &attempt, WRONG, now_ms);
	}
	for (int i = 0; i < 4; i++) {
		add(attempts, &attempt, names[i % 2], now_ms);
		add(attempts, &other, "10.0.0.2:5", now_ms);
		assert_ptr_equal(attempts_next(attempts, now_ms, &again_ms), &other);
		attempts_over(attempts, &other, RIGHT, now_ms);
		assert_null(attempts_next(attempts, now_ms + delay_ms - 1, &again_ms));
		assert_int_equal(again_ms, now_ms + delay_ms);
		now_ms += delay_ms;
		assert_ptr_equal(attempts_next(attempts, now_ms, &again_ms), &attempt);
		attempts_over(attempts, &attempt, WRONG, now_ms);
		delay_ms *= 2;
	}
	/* A minute later it begins anew; the last delay holds. */
	now_ms += AUTH_WRONG_MS;
	for (int i = 0; i < AUTH_WRONG_MAX - 1; i++) {
		add(attempts, &attempt, names[0], now_ms);
		assert_ptr_equal(attempts_next(attempts, now_ms, &again_ms), &attempt);
		attempts_over(attempts, &attempt, WRONG, now_ms);
	}
	attempts_free(&attempts);
}

TEST(a_delay_has_an_end)
{
	struct attempts *attempts = attempts_new(AT_ONCE);
	struct password_attempt attempt = { .running = false };
	uint64_t now_ms = 1000;

	for (int i = 0; i < 100; i++) {
		add(attempts, &attempt, "10.0.0.1:5", now_ms);
		if (attempts_next(attempts, now_ms, &again_ms) == NULL) {
			assert_true(again_ms - now_ms <= AUTH_DELAY_MS_MAX);
			now_ms = again_ms;
			assert_non_null(attempts_next(attempts, now_ms, &again_ms));
		}
		attempts_over(attempts, &attempt, WRONG, now_ms);
	}
	attempts_free(&attempts);
}

TEST(so_many_wait_of_an_address_and_in_all_and_no_more)
{
	struct attempts *attempts = attempts_new(AT_ONCE);
	struct password_attempt *waiting = xzalloc((AUTH_CHECKS_MAX + 1) * sizeof(waiting[0]));
	struct password_attempt more = { .running = false };
	char from[32];

	for (size_t i = 0; i < AUTH_CHECKS_MAX; i++) {
		snprintf(from, sizeof(from), "10.0.0.%zu:1", i / AUTH_CHECKS_ADDRESS_MAX);
		add(attempts, &waiting[i], from, 0);
		if ((i + 1) % AUTH_CHECKS_ADDRESS_MAX == 0 && i + 1 < AUTH_CHECKS_MAX)
			assert_int_equal(attempts_add(attempts, &more, from, 0),
			    ATTEMPT_ADDRESS_FULL);
	}
	assert_int_equal(attempts_add(attempts, &more, "10.0.1.1:1", 0), ATTEMPT_FULL);
	for (size_t i = 0; i < AUTH_CHECKS_MAX; i++)
		attempts_cancel(attempts, &waiting[i]);
	add(attempts, &more, "10.0.1.1:1", 0);
	attempts_cancel(attempts, &more);
	attempts_free(&attempts);
	free(waiting);
}

TEST(addresses_are_forgotten_those_of_longest_ago_first)
{
	struct attempts *attempts = attempts_new(AT_ONCE);
	struct password_attempt attempt = { .running = false };
	char from[32];

	for (int i = 0; i < 2 * AUTH_ADDRESSES_MAX; i++) {
		snprintf(from, sizeof(from), "10.%d.%d.1:1", i / 256, i % 256);
		add(attempts, &attempt, from, 1000);
		assert_non_null(attempts_next(attempts, 1000, &again_ms));
		attempts_over(attempts, &attempt, WRONG, 1000);
	}
	attempts_free(&attempts);
}
