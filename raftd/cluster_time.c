/*
 * cluster_time.c - see cluster_time.h.
 */
#include "raftd/cluster_time.h"

/* The wall clock is neared by one part of this many of what passes: as much as a
 * quartz is wrong by anyway. Any faster, and keys would go early. */
#define SLEW 20000
/* What is heard to be earlier by more than that is no late heartbeat. */
#define LATE_NS NS_PER_SECOND
/* Said when it lasts, not when heartbeats are late. */
#define APART_NS NS_PER_SECOND
#define APART_WAIT_NS (5 * NS_PER_SECOND)

static uint64_t
distance(uint64_t a, uint64_t b)
{
	return a > b ? a - b : b - a;
}

static uint64_t
nearer(uint64_t ns, uint64_t goal_ns, uint64_t step_ns)
{
	uint64_t step = MIN_OF(step_ns, distance(ns, goal_ns));

	return goal_ns > ns ? ns + step : ns - step;
}

static uint64_t
leaders_time(const struct cluster_time *time, struct clock_time now)
{
	uint64_t passed_ns = now.monotonic_ns - time->monotonic_ns;

	return nearer(time->ns + passed_ns, now.wall_ns, passed_ns / SLEW);
}

/* A heartbeat comes late, never early: the one that was least late counts, until
 * what it said is off by what a quartz may be wrong. */
static uint64_t
followers_time(const struct cluster_time *time, struct clock_time now)
{
	uint64_t passed_ns = now.monotonic_ns - time->monotonic_ns;
	uint64_t ns = time->ns + passed_ns;

	if (time->heard_ns == 0)
		return ns;
	if (!time->followed || time->heard_ns > ns || ns - time->heard_ns > LATE_NS)
		return time->heard_ns;
	return nearer(ns, time->heard_ns, passed_ns / SLEW);
}

bool
cluster_time_turn(struct cluster_time *time, struct clock_time now, uint64_t applied_ns,
    bool leads)
{
	if (!time->begun)
		time->ns = now.wall_ns;
	else if (leads)
		time->ns = leaders_time(time, now);
	else
		time->ns = followers_time(time, now);
	time->begun = true;
	time->followed = time->followed || leads || time->heard_ns != 0;
	time->heard_ns = 0;
	time->monotonic_ns = now.monotonic_ns;
	time->ns = MAX_OF(time->ns, applied_ns);

	if (distance(time->ns, now.wall_ns) < APART_NS) {
		time->apart_ns = 0;
		time->said = false;
	} else if (time->apart_ns == 0) {
		time->apart_ns = now.monotonic_ns;
	} else if (!time->said && now.monotonic_ns - time->apart_ns >= APART_WAIT_NS) {
		time->said = true;
		return true;
	}
	return false;
}

void
cluster_time_heard(struct cluster_time *time, uint64_t ns)
{
	time->heard_ns = ns;
}
