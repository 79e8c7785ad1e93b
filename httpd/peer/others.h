/*
 * others.h - of what cluster are the nodes that -peers name?
 *
 * Runs while this node is alone in its cluster and has -peers, which do not count then:
 * whoever wrote them wants it in the cluster of those, and may not know that it has one
 * of its own. raftd judges (raftd/foreign.c).
 */
#ifndef MOOTHALL_HTTPD_PEER_OTHERS_H
#define MOOTHALL_HTTPD_PEER_OTHERS_H

struct others;
struct peers;

/* Ask each of -peers, and again and again: they may come later. */
struct others *others_new(struct peers *peers);
/* Stop, whatever is under way; accepts NULL in *others. */
void others_free(struct others **others);

#endif
