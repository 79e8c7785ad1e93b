/*
 * handshake.h - what two nodes tell each other before frames flow.
 *
 * Both the request (GET /raft/stream or /raft/snapshot, Upgrade: moothall-raft)
 * and the answer 101 carry these headers, each seen from its sender:
 *
 *	X-Raft-Cluster	cluster id, hex
 *	X-Raft-From	the sender's node id, hex
 *	X-Raft-To	the node id the sender believes to talk to, hex
 *	X-Raft-Name	the sender's name
 *	X-Raft-Protocol	range of versions of the frames it speaks: "8-8"
 *	X-Raft-Timing	heartbeat and election timeout in milliseconds: "50-200"
 *	X-Raft-Url	the sender's peer URL; may be missing
 *
 * Each side checks the other's before it trusts a frame. Pure: no I/O.
 */
#ifndef MOOTHALL_HTTPD_PEER_HANDSHAKE_H
#define MOOTHALL_HTTPD_PEER_HANDSHAKE_H

#include "common/buf.h"
#include "common/err.h"
#include "common/limits.h"

#define HANDSHAKE_UPGRADE "moothall-raft"
#define HANDSHAKE_PROTOCOL_MIN UINT32_C(8)
#define HANDSHAKE_PROTOCOL_MAX UINT32_C(8)

struct handshake {
	uint64_t cluster, from, to;
	char name[NAME_BYTES_MAX + 1];
	char url[URL_BYTES_MAX + 1];	/* empty: not said, or none that can be used */
	uint32_t protocol_min, protocol_max;
	uint64_t heartbeat_ms, election_ms;
};

/* The value of a header, empty if absent; source is what the caller gave. */
typedef struct slice (*handshake_lookup)(const void *source, const char *header);

/* ERR_NONE, or ERR_MALFORMED with *header: which one is missing or wrong. */
enum err handshake_read(handshake_lookup lookup, const void *source, struct handshake *theirs,
    const char **header) MUST_CHECK;

/* Call put once for each header line of ours. */
void handshake_write(const struct handshake *ours,
    void (*put)(void *argument, const char *header, const char *value), void *argument);

/* Room for one sentence. */
#define HANDSHAKE_SENTENCE_BYTES 640

/* Is theirs of a member of another cluster that has our address in its list? */
bool handshake_is_foreign(const struct handshake *ours, const struct handshake *theirs);

/*
 * May frames flow? ours->to is who we meant to reach, 0 if anybody (a listener).
 *
 * ERR_NONE; ERR_FOREIGN: other cluster or other node, and ERR_UNSUPPORTED: no
 * version in common; then sentence names both values.
 */
enum err handshake_check(const struct handshake *ours, const struct handshake *theirs,
    char sentence[HANDSHAKE_SENTENCE_BYTES]) MUST_CHECK;

/* True if a time of one side is more than twice that of the other. */
bool handshake_timing_differs(const struct handshake *ours, const struct handshake *theirs);

#endif
