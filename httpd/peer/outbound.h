/*
 * outbound.h - the stream we keep open to one member.
 *
 *	waiting --> asking	back-off is over, or outbound_kick	[outbound_ask]
 *	asking  --> up		101 and a handshake that fits		[outbound_done]
 *	asking  --> waiting	refused, no answer, wrong node		[outbound_retry]
 *	up      --> asking	closed: at once, a dead node shows by its refusal
 *								[outbound_closed]
 *
 * Back-off: none at first, then 2 ms doubling to 1 s with jitter, from its start
 * again after a kick; 1 s to 5 s if the other side is not who we look for. The
 * main stream lasts as long as the membership. The bulk stream is made for its
 * first frame, tries once, keeps what it is given meanwhile, and ends after 30 s
 * without a frame.
 */
#ifndef MOOTHALL_HTTPD_PEER_OUTBOUND_H
#define MOOTHALL_HTTPD_PEER_OUTBOUND_H

#include "httpd/peer/peer_priv.h"

/* Begin to keep a stream to that member; the peer's address must be usable. */
struct outbound *outbound_new(struct peer *peer, enum stream_kind kind);
/* Close it without telling anybody; accepts NULL in *outbound. */
void outbound_free(struct outbound **outbound);

/* False for NULL too. */
bool outbound_is_up(const struct outbound *outbound);
/* How the last attempt ended; REACH_UNKNOWN for NULL too. */
/* Its stream; NULL: it is not up, or outbound is NULL. */
struct stream *outbound_stream(const struct outbound *outbound);
/* The worker ends: raftd keeps what it was given. Fine for NULL. */
void outbound_leave(struct outbound *outbound);
enum reach outbound_reach(const struct outbound *outbound);
/* There is news of the node: try again now if it waits (but not while the other
 * side is the wrong node), then with short pauses. */
void outbound_kick(struct outbound *outbound);
/* The member's address is another: forget what was learnt of the old one. */
void outbound_readdress(struct outbound *outbound);
/* Queue a frame. False: dropped (not up, or its queue is full). */
bool outbound_send(struct outbound *outbound, const struct frame *frame);

#endif
