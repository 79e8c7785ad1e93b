/*
 * trim.c - memory that was freed goes back to the system (see trim.h).
 */
#include "common/trim.h"
#include "common/limits.h"
#include "common/xmem.h"

#include <stdlib.h>

#define TRIM_BYTES (16 * MIB)	/* less is not worth it */
#define TRIM_MS 5000		/* after that much was freed, and so between two */

struct trim {
	struct loop_timer *timer;
	size_t freed;		/* since the last one */
	bool due;		/* the timer is set */
};

static void
give_back(void *argument)
{
	struct trim *trim = argument;

	trim->due = false;
	trim->freed = 0;
	xtrim();
}

struct trim *
trim_new(struct loop *loop)
{
	struct trim *trim = xzalloc(sizeof(*trim));

	trim->timer = loop_timer_new(loop, give_back, trim);
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
trim_freed(struct trim *trim, size_t bytes)
{
	trim->freed += bytes;
	if (trim->due || trim->freed < TRIM_BYTES)
		return;
	trim->due = true;
	loop_timer_set(trim->timer, TRIM_MS);
}
