/*
 * budget.c - bytes that a server keeps for its connections (see budget.h).
 */
#include "httpd/http/budget.h"

#include "common/diag.h"
#include "common/limits.h"
#include "common/metric.h"
#include "common/trim.h"
#include "common/xmem.h"
#include "httpd/http/callers.h"
#include "httpd/http/conn_priv.h"

#include <inttypes.h>
#include <stdlib.h>

#define SMALL_BYTES (4 * KIB)		/* less is not counted */
#define MUCH_BYTES (64 * KIB)		/* who has less to take is not cut */
#define CROWDED_MS 1000			/* an upload has waited so long, */
#define IDLE_MS 2000			/* and who gives way has taken nothing for so long */
#define CROWDED_FREE_MS 5000		/* an upload may come as slowly as it likes so long; */
#define CROWDED_BYTES_PER_S (64 * KIB)	/* then at this pace, while others wait for it */

struct budget {
	struct loop *loop;
	struct trim *trim;
	size_t bytes;			/* of all */
	bool over;			/* a limit may be passed: look at the turn's end */
	bool freed;			/* there may be room for who waits */
	TAILQ_HEAD(, budget_share) much;
	TAILQ_HEAD(, budget_share) uploads; /* admitted */
	TAILQ_HEAD(, budget_share) waiting;
};

static struct conn *
conn_of(struct budget_share *share)
{
	return CONTAINER_OF(share, struct conn, share);
}

struct budget *
budget_new(struct loop *loop)
{
	struct budget *budget = xzalloc(sizeof(*budget));

	budget->loop = loop;
	budget->trim = trim_new(loop);
	TAILQ_INIT(&budget->much);
	TAILQ_INIT(&budget->uploads);
	TAILQ_INIT(&budget->waiting);
	return budget;
}

void
budget_free(struct budget **budget)
{
	if (*budget == NULL)
		return;
	ASSERT((*budget)->bytes == 0);
	trim_free(&(*budget)->trim);
	free(*budget);
	*budget = NULL;
}

/* ---- counting ------------------------------------------------------------------- */

size_t
budget_bytes(const struct budget *budget)
{
	return budget->bytes;
}

static uint64_t
caller_bytes(const struct conn *conn)
{
	return conn->caller == NULL ? 0 : callers_held(conn->caller);
}

static bool
is_over(const struct budget *budget, const struct conn *conn)
{
	return budget->bytes > WORKER_HELD_BYTES_MAX ||
	    caller_bytes(conn) > ADDRESS_HELD_BYTES_MAX;
}

static uint64_t
now_ms(const struct budget *budget)
{
	return loop_now(budget->loop).monotonic_ms;
}

static void
list(struct budget *budget, struct budget_share *share, bool listed)
{
	if (share->listed)
		TAILQ_REMOVE(&budget->much, share, link);
	share->listed = listed;
	if (!listed)
		return;
	TAILQ_INSERT_TAIL(&budget->much, share, link);
	share->progress_ms = now_ms(budget);
}

static void
set_bytes(struct budget *budget, struct conn *conn, size_t bytes)
{
	struct budget_share *share = &conn->share;

	if (bytes < share->bytes)
		budget->freed = true;
	budget->bytes = budget->bytes - share->bytes + bytes;
	trim_held(budget->trim, budget->bytes);
	if (conn->caller != NULL)
		callers_hold(conn->caller, share->bytes, bytes);
	share->bytes = bytes;
}

void
budget_count(struct budget *budget, struct conn *conn, size_t bytes, size_t answer_bytes)
{
	struct budget_share *share = &conn->share;

	bytes = MAX_OF(bytes < SMALL_BYTES ? 0 : bytes, share->upload_bytes);
	if (share->listed != (answer_bytes >= MUCH_BYTES))
		list(budget, share, answer_bytes >= MUCH_BYTES);
	if (bytes == share->bytes)
		return;
	set_bytes(budget, conn, bytes);
	budget->over = budget->over || is_over(budget, conn);
}

void
budget_progress(struct budget *budget, struct conn *conn)
{
	if (conn->share.listed)
		list(budget, &conn->share, true);
}

bool
budget_is_pressed(const struct budget *budget, const struct conn *conn)
{
	return budget->bytes > WORKER_HELD_BYTES_MAX / 2 ||
	    caller_bytes(conn) > ADDRESS_HELD_BYTES_MAX / 2;
}

/* ---- uploads ---------------------------------------------------------------------- */

/* Is there too little room for so many bytes of it, at its address or in all? */
static bool
address_is_full(const struct conn *conn, size_t bytes)
{
	return caller_bytes(conn) - MIN_OF(caller_bytes(conn), conn->share.bytes) + bytes >
	    ADDRESS_HELD_BYTES_MAX;
}

static bool
worker_is_full(const struct budget *budget, const struct conn *conn, size_t bytes)
{
	return budget->bytes - conn->share.bytes + bytes > WORKER_HELD_BYTES_MAX;
}

static void
admit(struct budget *budget, struct conn *conn, size_t bytes)
{
	struct budget_share *share = &conn->share;

	ASSERT(bytes > 0);
	share->upload_bytes = bytes;
	share->since_ms = now_ms(budget);
	TAILQ_INSERT_TAIL(&budget->uploads, share, upload_link);
	set_bytes(budget, conn, MAX_OF(bytes, share->bytes));
}

bool
budget_admit(struct budget *budget, struct conn *conn, size_t bytes)
{
	struct budget_share *share = &conn->share;

	if (share->upload_bytes > 0)
		return true;
	if (share->waits)
		return false;
	if (!address_is_full(conn, bytes) && !worker_is_full(budget, conn, bytes)) {
		admit(budget, conn, bytes);
		return true;
	}
	share->waits = true;
	share->since_ms = now_ms(budget);
	TAILQ_INSERT_TAIL(&budget->waiting, share, upload_link);
	return false;
}

void
budget_upload_over(struct budget *budget, struct conn *conn)
{
	struct budget_share *share = &conn->share;

	if (share->waits)
		TAILQ_REMOVE(&budget->waiting, share, upload_link);
	else if (share->upload_bytes > 0)
		TAILQ_REMOVE(&budget->uploads, share, upload_link);
	share->waits = false;
	share->upload_bytes = 0;
}

/* Who came first goes first, but for those whose address has no room. */
static void
admit_waiting(struct budget *budget)
{
	struct budget_share *share, *next;

	for (share = TAILQ_FIRST(&budget->waiting); share != NULL; share = next) {
		struct conn *conn = conn_of(share);
		size_t bytes = conn_body_bytes(conn);

		next = TAILQ_NEXT(share, upload_link);
		if (worker_is_full(budget, conn, bytes))
			return;
		if (address_is_full(conn, bytes))
			continue;
		budget_upload_over(budget, conn);
		admit(budget, conn, bytes);
		conn_body_goes_on(conn);
		/* It may have come to the turn's end already. */
		loop_again(budget->loop);
	}
}

/* Would it help this upload, which waits, if that connection went? */
static bool
stands_in_the_way(const struct budget *budget, const struct conn *upload,
    const struct conn *conn)
{
	size_t bytes = conn_body_bytes(upload);

	if (address_is_full(upload, bytes))
		return conn->caller == upload->caller;
	return worker_is_full(budget, upload, bytes);
}

static void
cut(struct budget *budget, struct conn *conn)
{
	metric_add(METRIC_rejected_memory, 1);
	diag_warn("http", "connection cut, much is kept for it that it does not take, others need "
	    "the room: bytes=%zu address_bytes=%" PRIu64 " all_bytes=%zu", conn->share.bytes,
	    caller_bytes(conn), budget->bytes);
	conn_close(conn);
}

/* One of those in the way of the upload goes, if it is idle or too slow. */
static void
make_room(struct budget *budget, const struct conn *upload)
{
	struct budget_share *share;
	struct conn *conn;

	TAILQ_FOREACH(share, &budget->much, link) {
		conn = conn_of(share);
		if (now_ms(budget) - share->progress_ms < IDLE_MS)
			break;
		if (!stands_in_the_way(budget, upload, conn))
			continue;
		cut(budget, conn);
		return;
	}
	TAILQ_FOREACH(share, &budget->uploads, upload_link) {
		uint64_t elapsed_ms = now_ms(budget) - share->since_ms;

		conn = conn_of(share);
		if (elapsed_ms < CROWDED_FREE_MS)
			break;
		if (!stands_in_the_way(budget, upload, conn) || conn->last->body_bytes.size >=
		    (elapsed_ms - CROWDED_FREE_MS) * CROWDED_BYTES_PER_S / 1000)
			continue;
		conn_refuse_late(conn, METRIC_rejected_body_rate);
		conn_touch(conn);
		return;
	}
}

void
budget_tick(struct budget *budget)
{
	struct budget_share *share, *next;

	for (share = TAILQ_FIRST(&budget->waiting); share != NULL; share = next) {
		next = TAILQ_NEXT(share, upload_link);
		if (now_ms(budget) - share->since_ms < CROWDED_MS)
			break;
		make_room(budget, conn_of(share));
	}
}

/* ---- the turn's end ------------------------------------------------------------------ */

void
budget_leave(struct budget *budget, struct conn *conn)
{
	budget_upload_over(budget, conn);
	set_bytes(budget, conn, 0);
	list(budget, &conn->share, false);
}

void
budget_turn(struct budget *budget)
{
	struct budget_share *share, *next;

	if (budget->over) {
		budget->over = false;
		for (share = TAILQ_FIRST(&budget->much); share != NULL; share = next) {
			next = TAILQ_NEXT(share, link);
			if (is_over(budget, conn_of(share)))
				cut(budget, conn_of(share));
		}
	}
	if (budget->freed) {
		budget->freed = false;
		admit_waiting(budget);
	}
}
