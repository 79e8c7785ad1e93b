/*
 * base.c - the end of a process whose own promise broke.
 *
 * Uses only what works in a damaged process: no allocation by us, no stdio
 * buffers, no exit handlers.
 */
#include "common/base.h"

#include <execinfo.h>
#include <stdio.h>
#include <unistd.h>

#define FRAMES_SHOWN_MAX 32

void
assert_fail(const char *condition, const char *file, int line)
{
	void *frames[FRAMES_SHOWN_MAX];
	char text[512];
	int size;

	size = snprintf(text, sizeof(text), "broken promise: %s (%s:%d, pid %ld)\n",
	    condition, file, line, (long)getpid());
	if (size > 0) {
		size_t shown = MIN_OF((size_t)size, sizeof(text) - 1);

		/* Nothing is left to do about a failed write. */
		if (write(STDERR_FILENO, text, shown) == -1)
			_exit(EXIT_INTERNAL);
	}
	backtrace_symbols_fd(frames, backtrace(frames, FRAMES_SHOWN_MAX), STDERR_FILENO);
	_exit(EXIT_INTERNAL);
}
