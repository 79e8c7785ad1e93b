/*
 * handshake.c - reading, writing and checking the handshake (see handshake.h).
 */
#include "httpd/peer/handshake.h"

#include "common/member_name.h"
#include "httpd/peer/identity.h"

#include <inttypes.h>
#include <stdio.h>

/* "1-2": two numbers, the first not above the second. */
static bool
range_parse(struct slice text, uint64_t max, uint64_t *low, uint64_t *high)
{
	const uint8_t *dash = text.size == 0 ? NULL : memchr(text.data, '-', text.size);
	size_t at;

	if (dash == NULL)
		return false;
	at = (size_t)(dash - text.data);
	return peer_number_parse(slice_of(text.data, at), max, low) &&
	    peer_number_parse(slice_of(dash + 1, text.size - at - 1), max, high) && *low <= *high;
}

enum err
handshake_read(handshake_lookup lookup, const void *source, struct handshake *theirs,
    const char **header)
{
	uint64_t low, high;
	struct slice name;

	*header = "X-Raft-Cluster";
	if (!peer_id_parse(lookup(source, *header), &theirs->cluster))
		return ERR_MALFORMED;
	*header = "X-Raft-From";
	if (!peer_id_parse(lookup(source, *header), &theirs->from))
		return ERR_MALFORMED;
	*header = "X-Raft-To";
	if (!peer_id_parse(lookup(source, *header), &theirs->to))
		return ERR_MALFORMED;
	*header = "X-Raft-Name";
	name = lookup(source, *header);
	if (!member_name_valid(name))
		return ERR_MALFORMED;
	memcpy(theirs->name, name.data, name.size);
	theirs->name[name.size] = '\0';
	*header = "X-Raft-Protocol";
	if (!range_parse(lookup(source, *header), UINT32_MAX, &low, &high))
		return ERR_MALFORMED;
	theirs->protocol_min = (uint32_t)low;
	theirs->protocol_max = (uint32_t)high;
	*header = "X-Raft-Timing";
	if (!range_parse(lookup(source, *header), UINT32_MAX, &theirs->heartbeat_ms,
		&theirs->election_ms))
		return ERR_MALFORMED;
	return ERR_NONE;
}

void
handshake_write(const struct handshake *ours,
    void (*put)(void *argument, const char *header, const char *value), void *argument)
{
	char text[48];

	snprintf(text, sizeof(text), "%" PRIx64, ours->cluster);
	put(argument, "X-Raft-Cluster", text);
	snprintf(text, sizeof(text), "%" PRIx64, ours->from);
	put(argument, "X-Raft-From", text);
	snprintf(text, sizeof(text), "%" PRIx64, ours->to);
	put(argument, "X-Raft-To", text);
	put(argument, "X-Raft-Name", ours->name);
	snprintf(text, sizeof(text), "%" PRIu32 "-%" PRIu32, ours->protocol_min,
	    ours->protocol_max);
	put(argument, "X-Raft-Protocol", text);
	snprintf(text, sizeof(text), "%" PRIu64 "-%" PRIu64, ours->heartbeat_ms, ours->election_ms);
	put(argument, "X-Raft-Timing", text);
}

enum err
handshake_check(const struct handshake *ours, const struct handshake *theirs,
    char sentence[HANDSHAKE_SENTENCE_BYTES])
{
	if (theirs->cluster != ours->cluster) {
		snprintf(sentence, HANDSHAKE_SENTENCE_BYTES,
		    "%s is in cluster %" PRIx64 ", %s is in cluster %" PRIx64, ours->name,
		    ours->cluster, theirs->name, theirs->cluster);
		return ERR_FOREIGN;
	}
	if (theirs->to != ours->from) {
		snprintf(sentence, HANDSHAKE_SENTENCE_BYTES,
		    "this is node %" PRIx64 " (%s), %s looks for node %" PRIx64, ours->from,
		    ours->name, theirs->name, theirs->to);
		return ERR_FOREIGN;
	}
	if (ours->to != 0 ? theirs->from != ours->to : theirs->from == ours->from) {
		snprintf(sentence, HANDSHAKE_SENTENCE_BYTES,
		    "%s is node %" PRIx64 ", not the node %" PRIx64 " that was looked for",
		    theirs->name, theirs->from, ours->to);
		return ERR_FOREIGN;
	}
	if (theirs->protocol_min > ours->protocol_max ||
	    theirs->protocol_max < ours->protocol_min) {
		snprintf(sentence, HANDSHAKE_SENTENCE_BYTES,
		    "%s speaks protocol %" PRIu32 "-%" PRIu32 ", %s speaks %" PRIu32 "-%" PRIu32
		    ": stop all nodes, and start them with one version",
		    ours->name, ours->protocol_min, ours->protocol_max, theirs->name,
		    theirs->protocol_min, theirs->protocol_max);
		return ERR_UNSUPPORTED;
	}
	return ERR_NONE;
}

static bool
more_than_twice(uint64_t a, uint64_t b)
{
	return a > 2 * b || b > 2 * a;
}

bool
handshake_timing_differs(const struct handshake *ours, const struct handshake *theirs)
{
	return more_than_twice(ours->heartbeat_ms, theirs->heartbeat_ms) ||
	    more_than_twice(ours->election_ms, theirs->election_ms);
}
