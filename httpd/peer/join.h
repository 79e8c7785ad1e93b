/*
 * join.h - asking to become a member, on behalf of a node that is none.
 *
 * Runs while raftd is in PHASE_JOINING without a cluster, and -peers or a
 * discovery service name somebody. Ends with msg_joined to raftd, or with the end of the node.
 * Source: docs/architecture.md, "A join".
 */
#ifndef MOOTHALL_HTTPD_PEER_JOIN_H
#define MOOTHALL_HTTPD_PEER_JOIN_H

struct join;
struct peers;

/* Begin the first attempt; list: "host:port,host:port", copied. */
struct join *join_new(struct peers *peers, const char *list);
/* Stop, whatever is under way; accepts NULL in *join. */
void join_free(struct join **join);
/* raftd is another or came back: if the join was answered, tell it again. */
void join_repeat(struct join *join);

#endif
