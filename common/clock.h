/*
 * clock.h - the only reader of clocks.
 *
 * Monotonic time drives timeouts; wall time is only ever stamped on log
 * entries and shown to people.
 */
#ifndef MOOTHALL_COMMON_CLOCK_H
#define MOOTHALL_COMMON_CLOCK_H

#include "common/base.h"

#define NS_PER_SECOND UINT64_C(1000000000)
#define NS_PER_MS UINT64_C(1000000)

struct clock_time {
	uint64_t monotonic_ms;
	uint64_t wall_ns;	/* since 1970-01-01 UTC */
	uint64_t monotonic_ns;	/* as monotonic_ms, for how long something took */
};

struct clock_time clock_now(void);
uint64_t clock_monotonic_ns(void);

/* "2026-11-22T15:29:23.647Z" with that many digits of fraction (0..9) and,
 * if trim, without trailing zeros of it. text has room for 32 bytes. */
#define CLOCK_TEXT_BYTES 32
void clock_format(uint64_t wall_ns, unsigned digits, bool trim, char text[CLOCK_TEXT_BYTES]);
/* "Nov  2 15:29:23", the local time. */
void clock_format_local(uint64_t wall_ns, char text[CLOCK_TEXT_BYTES]);

#endif
