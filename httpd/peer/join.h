/*
 * join.h - asking to become a member, on behalf of a node that is none.
 *
 * Runs while raftd is in PHASE_JOINING without a cluster, and -peers or a
 * discovery service name somebody. Ends with msg_joined to raftd, or with the end of the node.
 * Source: docs/architecture.md, "A join".
 */
#ifndef MOOTHALL_HTTPD_PEER_JOIN_H
#define MOOTHALL_HTTPD_PEER_JOIN_H

#include "common/base.h"

struct join;
struct peers;

/* Begin the first attempt; list: "host:port,host:port", copied. */
struct join *join_new(struct peers *peers, const char *list);
/* The same for one who was removed. It stands by from the beginning: there is no last
 * attempt. wait_ms: it asks to join then; until then it only finds the leader. */
struct join *join_again_new(struct peers *peers, const char *list, uint64_t wait_ms);
/* Stop, whatever is under way; accepts NULL in *join. */
void join_free(struct join **join);
/* raftd is another or came back: if the join was answered, tell it again. */
void join_repeat(struct join *join);

#endif
