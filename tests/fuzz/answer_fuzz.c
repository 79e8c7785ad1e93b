/*
 * answer_fuzz.c - HTTP answers of another node, and the handshake in them.
 *
 * Any bytes: the reader ends or waits, never passes its limits, and says the same
 * whether the bytes come at once or one by one.
 */
#include "tests/fuzz/fuzz.h"

#include "common/limits.h"
#include "httpd/peer/answer.h"
#include "httpd/peer/handshake.h"

static struct slice
lookup(const void *source, const char *header)
{
	return answer_header(source, header);
}

static void
use(const struct answer *answer)
{
	static const struct handshake ours = { .cluster = 1, .from = 2, .to = 3, .name = "us",
		.protocol_min = 1, .protocol_max = 1, .heartbeat_ms = 50, .election_ms = 200 };
	char sentence[HANDSHAKE_SENTENCE_BYTES];
	struct handshake theirs;
	const char *header;

	ASSERT(answer_body(answer).size <= ANSWER_BODY_BYTES_MAX);
	if (handshake_read(lookup, answer, &theirs, &header) != ERR_NONE)
		return;
	ASSERT(theirs.from != 0);
	ASSERT(strlen(theirs.name) <= NAME_BYTES_MAX);
	ASSERT(theirs.protocol_min <= theirs.protocol_max);
	(void)!handshake_check(&ours, &theirs, sentence);
	(void)handshake_timing_differs(&ours, &theirs);
}

static bool
is_wrong(enum err err)
{
	return err == ERR_MALFORMED || err == ERR_TOO_BIG;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct answer *whole = answer_new();
	struct answer *pieces = answer_new();
	enum err err = ERR_AGAIN;
	size_t used = 0;
	size_t used_all = 0;
	enum err expected = answer_take(whole, slice_of(data, size), &used);

	for (size_t i = 0; i < size && err == ERR_AGAIN; i++) {
		size_t one;

		err = answer_take(pieces, slice_of(data + i, 1), &one);
		used_all = i + 1;
	}
	/* Where an answer is wrong in two ways the first that is met is told. */
	ASSERT(is_wrong(err) ? is_wrong(expected) : err == expected);
	if (expected == ERR_NONE) {
		ASSERT(used == used_all);
		ASSERT(answer_status(whole) == answer_status(pieces));
		ASSERT(slice_equal(answer_body(whole), answer_body(pieces)));
		use(whole);
	}
	if (expected == ERR_AGAIN && answer_ended(pieces) == ERR_NONE)
		use(pieces);
	answer_free(&whole);
	answer_free(&pieces);
	return 0;
}
