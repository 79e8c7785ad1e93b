/*
 * silence.c - time without a sign of life (see silence.h).
 *
 * A healthy raftd is seen at least every ALIVE_INTERVAL_MS. If then everything
 * stops, the first look afterwards may find that long a silence and all of its own
 * absence; so of the time between two looks less than the rest counts.
 */
#include "httpd/silence.h"

#include "common/limits.h"

#define LOOK_MS_MAX 750

_Static_assert(ALIVE_INTERVAL_MS + LOOK_MS_MAX < RAFTD_SILENT_MS,
    "one pause of the whole machine does not make a healthy raftd silent");

void
silence_begin(struct silence *silence, uint64_t now_ms, uint64_t beats)
{
	*silence = (struct silence){ .looked_ms = now_ms, .beats = beats };
}

bool
silence_look(struct silence *silence, uint64_t now_ms, uint64_t beats)
{
	if (beats == silence->beats)
		silence->silent_ms += MIN_OF(now_ms - silence->looked_ms, (uint64_t)LOOK_MS_MAX);
	else
		silence->silent_ms = 0;
	silence->beats = beats;
	silence->looked_ms = now_ms;
	return silence->silent_ms >= RAFTD_SILENT_MS;
}

bool
silence_is_suspected(const struct silence *silence)
{
	return silence->silent_ms > 0 && silence->silent_ms < RAFTD_SILENT_MS;
}
