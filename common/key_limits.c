/*
 * key_limits.c - see key_limits.h.
 */
#include "common/key_limits.h"

#include "common/ipc/wire.h"

#include <inttypes.h>
#include <stdio.h>

bool
key_is_made_by(unsigned write_op)
{
	return write_op == WRITE_SET || write_op == WRITE_CREATE ||
	    write_op == WRITE_CREATE_IN_ORDER || write_op == WRITE_LOCK_ACQUIRE;
}

static uint64_t
count_names(struct slice key)
{
	uint64_t count = 0;

	if (key.size <= 1)
		return 0;
	for (size_t i = 0; i < key.size; i++)
		count += key.data[i] == '/';
	return count;
}

/* "the key has 129 names, more than 128 (maxKeyNames)" */
static void
tell(char cause[KEY_CAUSE_BYTES], uint64_t found, const char *what, uint64_t limit, uint64_t max,
    const char *option)
{
	snprintf(cause, KEY_CAUSE_BYTES, "the key has %" PRIu64 " %s, more than %" PRIu64 "%s",
	    found, what, limit, limit < max ? option : "");
}

bool
key_limits_allow(const struct key_limits *limits, struct slice key, unsigned op,
    char cause[KEY_CAUSE_BYTES])
{
	bool added = op == WRITE_CREATE_IN_ORDER || op == WRITE_LOCK_ACQUIRE;
	uint64_t bytes = key.size;
	uint64_t names;

	/* Below the root the slash is there already. */
	if (added)
		bytes += KEY_ORDER_DIGITS + (key.size > 1 ? 1U : 0U);
	if (bytes > limits->bytes) {
		tell(cause, bytes, "bytes", limits->bytes, KEY_BYTES_MAX, " (maxKeyBytes)");
		return false;
	}
	names = count_names(key) + (added ? 1 : 0);
	if (names > limits->names) {
		tell(cause, names, "names", limits->names, KEY_NAMES_MAX, " (maxKeyNames)");
		return false;
	}
	return true;
}

bool
key_allowed(const struct key_limits *cluster, struct slice key, unsigned op,
    char cause[KEY_CAUSE_BYTES])
{
	return key_limits_allow(key_is_made_by(op) ? cluster : &KEY_LIMITS_MAX, key, op, cause);
}
