/*
 * cluster_time_test.c - wall clocks that are wrong, and what TTLs count in.
 */
#include "raftd/cluster_time.h"

#include "tests/lib/test.h"

#define START (1000000 * NS_PER_SECOND)

static struct clock_time
clocks(uint64_t monotonic_ms, int64_t wall_wrong_ms)
{
	return (struct clock_time){
		.monotonic_ms = monotonic_ms,
		.monotonic_ns = monotonic_ms * NS_PER_MS,
		.wall_ns = START + monotonic_ms * NS_PER_MS +
		    (uint64_t)(wall_wrong_ms * (int64_t)NS_PER_MS),
	};
}

TEST(with_clocks_that_are_right_it_is_the_wall_clock)
{
	struct cluster_time time = { 0 };

	for (uint64_t ms = 0; ms < 100000; ms += 37) {
		assert_false(cluster_time_turn(&time, clocks(ms, 0), 0, ms > 5000));
		assert_int_equal(time.ns, clocks(ms, 0).wall_ns);
	}
}

TEST(a_wall_clock_that_is_set_is_not_believed)
{
	for (int64_t wrong_ms = -3600000; wrong_ms <= 3600000; wrong_ms += 7200000) {
		struct cluster_time time = { 0 };
		uint64_t right, error;
		size_t said = 0;

		cluster_time_turn(&time, clocks(1, 0), 0, true);
		for (uint64_t ms = 10; ms <= 100000; ms += 10)
			said += cluster_time_turn(&time, clocks(ms, wrong_ms), 0, true);
		assert_int_equal(said, 1);
		right = clocks(100000, 0).wall_ns;
		error = right > time.ns ? right - time.ns : time.ns - right;
		assert_true(error <= 100 * NS_PER_SECOND / 20000);
		/* But it does go that way. */
		assert_true(error >= 90 * NS_PER_SECOND / 20000);
		assert_int_equal(time.ns > right, wrong_ms > 0);
	}
}

TEST(a_new_leader_goes_on_where_the_last_one_was)
{
	struct cluster_time time = { 0 };

	cluster_time_turn(&time, clocks(0, 3600000), 0, false);
	cluster_time_heard(&time, clocks(50, 0).wall_ns);
	cluster_time_turn(&time, clocks(50, 3600000), 0, false);
	assert_int_equal(time.ns, clocks(50, 0).wall_ns);
	cluster_time_turn(&time, clocks(250, 3600000), 0, false);
	assert_int_equal(time.ns, clocks(250, 0).wall_ns);
	/* What a leader says that is one no more does not count. */
	cluster_time_heard(&time, START + 7200 * NS_PER_SECOND);
	cluster_time_turn(&time, clocks(251, 3600000), 0, true);
	assert_true(time.ns < clocks(252, 0).wall_ns);
}

TEST(a_late_heartbeat_does_not_set_a_follower_back)
{
	struct cluster_time time = { 0 };

	/* The first one is taken as it is: until then there was only a wall clock. */
	cluster_time_turn(&time, clocks(0, 100), 0, false);
	cluster_time_heard(&time, clocks(10, 0).wall_ns);
	cluster_time_turn(&time, clocks(10, 100), 0, false);
	assert_int_equal(time.ns, clocks(10, 0).wall_ns);
	cluster_time_heard(&time, clocks(20, -80).wall_ns);
	cluster_time_turn(&time, clocks(20, 100), 0, false);
	assert_true(clocks(20, 0).wall_ns - time.ns <= 10 * NS_PER_MS / 20000);
	/* One that was less late than all before. */
	cluster_time_heard(&time, clocks(30, 1).wall_ns);
	cluster_time_turn(&time, clocks(30, 100), 0, false);
	assert_int_equal(time.ns, clocks(30, 1).wall_ns);
	/* Not late: another time. */
	cluster_time_heard(&time, clocks(40, -5000).wall_ns);
	cluster_time_turn(&time, clocks(40, 100), 0, false);
	assert_int_equal(time.ns, clocks(40, -5000).wall_ns);
}

/* Else the lateness of heartbeats would add up, and come back at a restart. But a
 * new leader whose clock is ahead must not end what the last one has begun. */
TEST(a_new_leader_nears_its_wall_clock_without_a_jump)
{
	struct cluster_time time = { 0 };

	cluster_time_turn(&time, clocks(0, 0), 0, false);
	cluster_time_heard(&time, clocks(50, -60).wall_ns);
	cluster_time_turn(&time, clocks(50, 0), 0, false);
	assert_int_equal(time.ns, clocks(50, -60).wall_ns);
	for (uint64_t ms = 60; ms <= 1000000; ms += 10) {
		uint64_t last_ns = time.ns;

		cluster_time_turn(&time, clocks(ms, 0), 0, true);
		assert_true(time.ns - last_ns <= 10 * NS_PER_MS + 10 * NS_PER_MS / 20000);
	}
	assert_true(time.ns < clocks(1000000, 0).wall_ns);
	for (uint64_t ms = 1000010; ms <= 1300000; ms += 10)
		cluster_time_turn(&time, clocks(ms, 0), 0, true);
	assert_int_equal(time.ns, clocks(1300000, 0).wall_ns);
}

TEST(it_never_goes_back_at_a_leader)
{
	struct cluster_time time = { 0 };
	uint64_t last = 0;

	for (uint64_t ms = 0; ms < 5000; ms++) {
		cluster_time_turn(&time, clocks(ms, (int64_t)(ms * 37 % 501) - 250), 0, true);
		assert_true(time.ns >= last);
		last = time.ns;
	}
}

TEST(it_is_never_before_what_was_applied_and_goes_on_from_there)
{
	struct cluster_time time = { 0 };
	uint64_t applied = START + 500 * NS_PER_SECOND;

	cluster_time_turn(&time, clocks(0, 0), applied, false);
	assert_int_equal(time.ns, applied);
	cluster_time_turn(&time, clocks(1000, 0), applied, false);
	assert_int_equal(time.ns, applied + NS_PER_SECOND);
}
