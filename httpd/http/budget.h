/*
 * budget.h - bytes that a server keeps for its connections: counted in all and for
 * each client's address, and what is done when they are too many.
 *
 * Counted are, at the end of each turn, the answers that wait to be taken, and of
 * requests what has come and what their handlers keep (conn_held). An upload has its
 * whole size counted from the moment it is more than a little.
 *
 *	above half a limit	answers are not collected any more, but sent as they come,
 *				and a connection has one request in work, not 32
 *	no room for an upload	it is not read on until there is; others have to come at a
 *				pace, and who does not take his answers is cut
 *	above a limit		the connection that has not taken anything of its answers for
 *				the longest time is cut, and the next one, until it is not
 *
 * Watches with much in their heads, and all behind them, count as what is not taken.
 *
 * So who takes his answers is served, and who does not costs a bounded amount, from
 * one address a quarter of it.
 *
 * Owned by the server. A connection is known by its share, and is ended, refused or gone
 * on with by the server (budget_owner).
 */
#ifndef MOOTHALL_HTTPD_HTTP_BUDGET_H
#define MOOTHALL_HTTPD_HTTP_BUDGET_H

#include "common/base.h"

#include <sys/queue.h>

struct budget;
struct caller;
struct loop;

/* A connection's part of it; embedded there. Zeroed at first, but for caller. */
struct budget_share {
	struct caller *caller;		/* the server's; NULL: not counted there */
	TAILQ_ENTRY(budget_share) link;	/* by progress, the least recent first: */
	bool listed;			/* much of it is of answers, */
	uint64_t progress_ms;		/* some of which were taken last then */
	TAILQ_ENTRY(budget_share) upload_link;	/* by start: */
	size_t bytes;			/* as they are counted; small numbers as 0 */
	size_t upload_bytes;		/* of the body that is being received; 0: not admitted, */
	bool waits;			/* and not read on, */
	uint64_t since_ms;		/* either since then */
};

/* What is done with a connection, by its share. */
struct budget_owner {
	/* End it: it takes nothing, and others need the room. budget_leave follows in it. */
	void (*cut)(struct budget_share *share);
	/* Refuse its upload, which is too slow: budget_upload_over follows in it. */
	void (*refuse)(struct budget_share *share);
	/* There is room for its upload, which waited. */
	void (*go_on)(struct budget_share *share);
	/* Bytes of its upload, in all and those that have come. */
	size_t (*upload_bytes)(const struct budget_share *share);
	size_t (*upload_came)(const struct budget_share *share);
};

struct budget *budget_new(struct loop *loop, struct budget_owner owner);
/* No share may have bytes. Accepts NULL. */
void budget_free(struct budget **budget);

/* The connection keeps so many bytes now, of which so many are of answers. */
void budget_count(struct budget *budget, struct budget_share *share, size_t bytes,
    size_t answer_bytes);
/* The client took some of its answers. */
void budget_progress(struct budget *budget, struct budget_share *share);
/* Its request's body is to have so many bytes. False: it waits, touched again later. */
bool budget_admit(struct budget *budget, struct budget_share *share, size_t bytes);
/* The body is whole, or not wanted. */
void budget_upload_over(struct budget *budget, struct budget_share *share);
/* Above half of what it may be. */
bool budget_is_pressed(const struct budget *budget, const struct budget_share *share);
/* Of all connections. */
size_t budget_bytes(const struct budget *budget);
/* The connection is gone. */
void budget_leave(struct budget *budget, struct budget_share *share);
/* The turn's end: cut who has to be, admit who can be. */
void budget_turn(struct budget *budget);
/* Now and then: see to it that an upload that waits is not the last one to. */
void budget_tick(struct budget *budget);

#endif
