/*
 * trim.c - memory that was freed goes back to the system (see trim.h).
 */
#include "common/trim.h"
#include "common/limits.h"
#include "common/xmem.h"

#include <stdlib.h>

#define TRIM_BYTES (16 * MIB)	/* less is not worth it; it goes back */
#define TRIM_MS 5000		/* so long after it was freed, */
#define TRIM_NOW_BYTES (64 * MIB) /* so much at once */

struct trim {
	struct loop_timer *timer;
	size_t most;		/* held since the last one */
	size_t held;
	bool due;		/* the timer is set */
	size_t count;
};

static size_t
freed(const struct trim *trim)
{
	return trim->most - trim->held;
}

static void
give_back(struct trim *trim)
{
	trim->most = trim->held;
	trim->count++;
	xtrim();
}

static void
time_passed(void *argument)
{
	struct trim *trim = argument;

	trim->due = false;
	if (freed(trim) >= TRIM_BYTES)
		give_back(trim);
}

struct trim *
trim_new(struct loop *loop)
{
	struct trim *trim = xzalloc(sizeof(*trim));

	trim->timer = loop_timer_new(loop, time_passed, trim);
	return trim;
}

void
trim_free(struct trim **trim)
{
	if (*trim == NULL)
		return;
	loop_timer_free(&(*trim)->timer);
	free(*trim);
	*trim = NULL;
}

void
trim_held(struct trim *trim, size_t bytes)
{
	trim->held = bytes;
	trim->most = MAX_OF(trim->most, bytes);
	if (freed(trim) >= TRIM_NOW_BYTES)
		give_back(trim);
	if (trim->due || freed(trim) < TRIM_BYTES)
		return;
	trim->due = true;
	loop_timer_set(trim->timer, TRIM_MS);
}

size_t
trim_count(const struct trim *trim)
{
	return trim->count;
}
