/*
 * clock.c - the only reader of clocks.
 */
#include "common/clock.h"

#include <stdio.h>
#include <time.h>

static uint64_t
read_ns(clockid_t id)
{
	struct timespec now;
	/* Fails only for a clock that does not exist. */
	int result = clock_gettime(id, &now);

	ASSERT(result == 0);
	return (uint64_t)now.tv_sec * NS_PER_SECOND + (uint64_t)now.tv_nsec;
}

struct clock_time
clock_now(void)
{
	uint64_t monotonic_ns = clock_monotonic_ns();

	return (struct clock_time){
		.monotonic_ms = monotonic_ns / NS_PER_MS,
		.wall_ns = read_ns(CLOCK_REALTIME),
		.monotonic_ns = monotonic_ns,
	};
}

uint64_t
clock_monotonic_ns(void)
{
	return read_ns(CLOCK_MONOTONIC);
}

void
clock_format(uint64_t wall_ns, unsigned digits, bool trim, char text[CLOCK_TEXT_BYTES])
{
	time_t seconds = (time_t)(wall_ns / NS_PER_SECOND);
	struct tm parts;
	size_t size;

	ASSERT(digits <= 9);
	MUST(gmtime_r(&seconds, &parts) != NULL);
	size = strftime(text, CLOCK_TEXT_BYTES, "%Y-%m-%dT%H:%M:%S", &parts);
	ASSERT(size > 0);
	if (digits > 0) {
		snprintf(text + size, CLOCK_TEXT_BYTES - size, ".%09u",
		    (unsigned)(wall_ns % NS_PER_SECOND));
		size += 1 + digits;
		while (trim && text[size - 1] == '0')
			size--;
		if (text[size - 1] == '.')
			size--;
	}
	text[size] = 'Z';
	text[size + 1] = '\0';
}

void
clock_format_local(uint64_t wall_ns, char text[CLOCK_TEXT_BYTES])
{
	/* The C locale's: programs read these names. */
	static const char months[12][4] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug",
		"Sep", "Oct", "Nov", "Dec" };
	time_t second = (time_t)(wall_ns / NS_PER_SECOND);
	struct tm parts;

	MUST(localtime_r(&second, &parts) != NULL);
	snprintf(text, CLOCK_TEXT_BYTES, "%s %2d %02d:%02d:%02d", months[parts.tm_mon % 12],
	    parts.tm_mday % 32, parts.tm_hour % 24, parts.tm_min % 60, parts.tm_sec % 61);
}
