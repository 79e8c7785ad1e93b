/*
 * samples.h - for tests of who receives: a frame of each message of the table, as it should
 * be, cut, or with a byte too much; hellos with one thing wrong; and what is said of them in
 * the log.
 */
#ifndef MOOTHALL_TESTS_LIB_SAMPLES_H
#define MOOTHALL_TESTS_LIB_SAMPLES_H

#include "common/ipc/message.h"
#include "tests/lib/test.h"

#include <stdio.h>

/* As it should be: one that its receiver takes, and that moves nothing in a test. */
enum sample { SAMPLE_GOOD, SAMPLE_CUT, SAMPLE_LONG, SAMPLES };

/* Every type of the table, then some that it has not. False: place is behind the last. */
bool sample_type(size_t place, uint16_t *type);
/* Append one; id: its request id. */
void sample_put(struct buf *out, uint16_t type, enum sample sample, uint64_t id);
/* Is type among these? */
bool sample_is_of(uint16_t type, const uint16_t *types, size_t count);

enum hello_flaw {
	HELLO_GOOD, HELLO_CUT, HELLO_LONG, HELLO_MAGIC, HELLO_PROTOCOL, HELLO_ROLE, HELLO_NUMBER,
	HELLO_TOKEN,
	HELLO_SESSION,			/* none if it should have one, one if it should not */
	HELLO_PROTOCOL_AND_ROLE,
	HELLO_FLAWS
};
#define HELLO_OTHER_ROLE 9		/* of nobody */

/* Append a hello as good is but for that; its magic and protocol are filled in. */
void sample_hello(struct buf *out, enum hello_flaw flaw, const struct msg_hello *good);

/* From now on warnings and errors are kept, however many there are of one kind. */
void said_begin(void);
/* Those since then: "PART: TEXT\n" each. */
const char *said(void);
/* The same, and that it was this: a printf. */
#define assert_said(...) \
	do { \
		char expected_text[512]; \
\
		snprintf(expected_text, sizeof(expected_text), __VA_ARGS__); \
		assert_string_equal(said(), expected_text); \
	} while (0)

/* How many descriptors this process has open. */
size_t sample_open_files(void);

#endif
