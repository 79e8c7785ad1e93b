/*
 * handover.h - client connections go from one client worker to another.
 *
 * A worker that is replaced gives its connections to its successor, so that no
 * client sees the change: the socket by descriptor passing, and beside it what
 * only the worker knew: bytes read and not used, bytes not written, and of a
 * waiting watch the index it waits for next. A connection goes when it rests: no
 * request of it is in work but a watch whose headers are out, or one that waits for a lock.
 * One with TLS has its keys in the process and stays; it is ended as HTTP allows.
 *
 * The supervisor makes a pair of sockets between the two, gives one end to each,
 * and then tells the old one to drain.
 *
 *	attached --> open	the taker's hello is right		[take_hello]
 *	open ------> open	as many connections as the taker has room for
 *				are on their way			[handover_send]
 *	any -------> gone	the giver has ended, or one of them failed: the
 *				giver keeps what is left and ends it	[closed]
 *
 * The taker lends room, HANDOVER_WINDOW connections at a time, so neither its
 * descriptors nor the kernel's limit of descriptors under way are used up.
 *
 * Owned by the worker; httpd/http/conn_move.c says what a connection is made of.
 */
#ifndef MOOTHALL_HTTPD_HANDOVER_H
#define MOOTHALL_HTTPD_HANDOVER_H

#include "common/ipc/message.h"
#include "common/limits.h"

_Static_assert(HANDOVER_BYTES_MAX + KEY_BYTES_MAX + HEAD_BYTES_MAX + FRAME_ROOM <= FRAME_BYTES_MAX,
    "a connection with the key and the target of its watch fits in one frame");

struct handover;
struct worker;

struct handover *handover_new(struct worker *worker);
/* What is on its way is lost. Accepts NULL in *handover. */
void handover_free(struct handover **handover);
/* One end of a pair with another worker. give: ours go there; else take those
 * that come. Takes fd. */
void handover_attach(struct handover *handover, bool give, uint64_t token, int fd);

/* Is there somebody who takes the connections of this worker? Accepts NULL. */
bool handover_gives(const struct handover *handover);
/* Is there room for one now? */
bool handover_has_room(const struct handover *handover);
/* It goes; fd stays the caller's. Only with room. */
void handover_send(struct handover *handover, const struct msg_handed *handed, int fd);

/* Turn end: write what is queued, lend room. Accepts NULL. */
void handover_flush(struct handover *handover);
/* True if nothing is on its way here or there. Accepts NULL. */
bool handover_is_quiet(const struct handover *handover);

#endif
