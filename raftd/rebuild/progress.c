/*
 * progress.c - see progress.h.
 */
#include "raftd/rebuild/progress.h"

#include "common/clock.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define QUIET_NS NS_PER_SECOND
#define TERMINAL_STEP_NS (NS_PER_SECOND / 10)
#define LINE_STEP_NS (10 * NS_PER_SECOND)
#define PROGRESS_SIZE_BYTES 24
#define WIPE "\r\033[K"

static bool
is_terminal(void)
{
	const char *term = getenv("TERM");
	const char *plain = getenv("NO_COLOR");

	return isatty(STDERR_FILENO) == 1 && term != NULL && strcmp(term, "dumb") != 0 &&
	    (plain == NULL || plain[0] == '\0');
}

void
rebuild_progress_start(struct rebuild_progress *progress, const char *what, uint64_t total_bytes)
{
	*progress = (struct rebuild_progress){
		.what = what,
		.total_bytes = total_bytes,
		.started_ns = clock_monotonic_ns(),
		.terminal = is_terminal(),
	};
	progress->next_ns = progress->started_ns + (progress->terminal ? QUIET_NS : LINE_STEP_NS);
}

static void
rebuild_progress_size(uint64_t bytes, char text[PROGRESS_SIZE_BYTES])
{
	static const char *const units[] = { "KiB", "MiB", "GiB", "TiB" };
	double value = (double)bytes / 1024;
	size_t unit = 0;

	if (bytes < 1024) {
		snprintf(text, PROGRESS_SIZE_BYTES, "%" PRIu64 " B", bytes);
		return;
	}
	while (value >= 1024 && unit + 1 < ARRAY_COUNT(units)) {
		value /= 1024;
		unit++;
	}
	snprintf(text, PROGRESS_SIZE_BYTES, "%.1f %s", value, units[unit]);
}

void
rebuild_progress_show(struct rebuild_progress *progress, uint64_t done_bytes)
{
	uint64_t now_ns = clock_monotonic_ns();
	char done[PROGRESS_SIZE_BYTES], rate[PROGRESS_SIZE_BYTES], left[40] = "";
	double seconds, per_second;

	if (now_ns < progress->next_ns)
		return;
	progress->next_ns = now_ns + (progress->terminal ? TERMINAL_STEP_NS : LINE_STEP_NS);
	seconds = (double)(now_ns - progress->started_ns) / (double)NS_PER_SECOND;
	per_second = (double)done_bytes / seconds;
	rebuild_progress_size(done_bytes, done);
	rebuild_progress_size((uint64_t)per_second, rate);
	if (progress->total_bytes > done_bytes && per_second > 0)
		snprintf(left, sizeof(left), ", %.0f s left",
		    (double)(progress->total_bytes - done_bytes) / per_second);
	fprintf(stderr, "%s%s: %s, %s/s%s%s", progress->terminal ? WIPE : "", progress->what, done,
	    rate, left, progress->terminal ? "" : "\n");
	fflush(stderr);
	progress->shown = progress->terminal;
}

void
rebuild_progress_end(struct rebuild_progress *progress)
{
	if (progress->shown)
		fputs(WIPE, stderr);
	progress->shown = false;
}
