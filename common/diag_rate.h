/*
 * diag_rate.h - the same message at most DIAG_RATE_LINES times in a while.
 *
 * A message is known by its format, which is a literal, or, if it was made
 * elsewhere, by its words up to the first value. Each has a window of
 * DIAG_RATE_WINDOW_NS from its first line; lines beyond DIAG_RATE_LINES in it
 * are counted, and told when the window is over. DIAG_RATE_MESSAGES are followed
 * at a time; the one of the oldest window makes room. Pure: time is an argument.
 */
#ifndef MOOTHALL_COMMON_DIAG_RATE_H
#define MOOTHALL_COMMON_DIAG_RATE_H

#include "common/diag_level.h"

#define DIAG_RATE_LINES 10
#define DIAG_RATE_WINDOW_NS UINT64_C(5000000000)
#define DIAG_RATE_MESSAGES 64
#define DIAG_RATE_WORDS_BYTES 80

struct diag_rate_message {
	const char *format;	/* NULL: free */
	char words[DIAG_RATE_WORDS_BYTES]; /* of one that was made elsewhere; else empty */
	const char *part;
	enum diag_level level;
	uint64_t window_start_ns;
	unsigned lines;
	unsigned held_back;
};

/* All zero: nothing was said yet. */
struct diag_rate {
	struct diag_rate_message messages[DIAG_RATE_MESSAGES];
	/* A window is over in which lines were held back; set it before use. */
	void (*over)(const struct diag_rate_message *message);
};

/* Of a message that was made elsewhere: its format is DIAG_RATE_MADE, and text is
 * looked at. True if the line may be written now; else it is counted. */
#define DIAG_RATE_MADE "%s"
bool diag_rate_take(struct diag_rate *rate, enum diag_level level, const char *part,
    const char *format, const char *text, uint64_t now_ns);
/* Close the windows that are over. */
void diag_rate_tick(struct diag_rate *rate, uint64_t now_ns);

#endif
