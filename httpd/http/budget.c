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
	struct budget_owner owner;
	struct trim *trim;
	size_t bytes;			/* of all */
	bool over;			/* a limit may be passed: look at the turn's end */
	bool freed;			/* there may be room for who waits */
	TAILQ_HEAD(, budget_share) much;
	TAILQ_HEAD(, budget_share) uploads; /* admitted */
	TAILQ_HEAD(, budget_share) waiting;
};

struct budget *
budget_new(struct loop *loop, struct budget_owner owner)
{
	struct budget *budget = xzalloc(sizeof(*budget));

	budget->loop = loop;
	budget->owner = owner;
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
caller_bytes(const struct budget_share *share)
{
	return share->caller == NULL ? 0 : callers_held(share->caller);
}

static bool
is_over(const struct budget *budget, const struct budget_share *share)
{
	return budget->bytes > WORKER_HELD_BYTES_MAX ||
	    caller_bytes(share) > ADDRESS_HELD_BYTES_MAX;
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
set_bytes(struct budget *budget, struct budget_share *share, size_t bytes)
{
	if (bytes < share->bytes)
		budget->freed = true;
	budget->bytes = budget->bytes - share->bytes + bytes;
	trim_held(budget->trim, budget->bytes);
	if (share->caller != NULL)
		callers_hold(share->caller, share->bytes, bytes);
	share->bytes = bytes;
}

void
budget_count(struct budget *budget, struct budget_share *share, size_t bytes,
    size_t answer_bytes)
{
	bytes = MAX_OF(bytes < SMALL_BYTES ? 0 : bytes, share->upload_bytes);
	if (share->listed != (answer_bytes >= MUCH_BYTES))
		list(budget, share, answer_bytes >= MUCH_BYTES);
	if (bytes == share->bytes)
		return;
	set_bytes(budget, share, bytes);
	budget->over = budget->over || is_over(budget, share);
}

void
budget_progress(struct budget *budget, struct budget_share *share)
{
	if (share->listed)
		list(budget, share, true);
}

bool
budget_is_pressed(const struct budget *budget, const struct budget_share *share)
{
	return budget->bytes > WORKER_HELD_BYTES_MAX / 2 ||
	    caller_bytes(share) > ADDRESS_HELD_BYTES_MAX / 2;
}

/* ---- uploads ---------------------------------------------------------------------- */

/* Is there too little room for so many bytes of it, at its address or in all? */
static bool
address_is_full(const struct budget_share *share, size_t bytes)
{
	return caller_bytes(share) - MIN_OF(caller_bytes(share), share->bytes) + bytes >
	    ADDRESS_HELD_BYTES_MAX;
}

static bool
worker_is_full(const struct budget *budget, const struct budget_share *share, size_t bytes)
{
	return budget->bytes - share->bytes + bytes > WORKER_HELD_BYTES_MAX;
}

static void
admit(struct budget *budget, struct budget_share *share, size_t bytes)
{
	ASSERT(bytes > 0);
	share->upload_bytes = bytes;
	share->since_ms = now_ms(budget);
	TAILQ_INSERT_TAIL(&budget->uploads, share, upload_link);
	set_bytes(budget, share, MAX_OF(bytes, share->bytes));
}

bool
budget_admit(struct budget *budget, struct budget_share *share, size_t bytes)
{
	if (share->upload_bytes > 0)
		return true;
	if (share->waits)
		return false;
	if (!address_is_full(share, bytes) && !worker_is_full(budget, share, bytes)) {
		admit(budget, share, bytes);
		return true;
	}
	share->waits = true;
	share->since_ms = now_ms(budget);
	TAILQ_INSERT_TAIL(&budget->waiting, share, upload_link);
	return false;
}

void
budget_upload_over(struct budget *budget, struct budget_share *share)
{
	if (share->waits)
		TAILQ_REMOVE(&budget->waiting, share, upload_link);
	else if (share->upload_bytes > 0)
		TAILQ_REMOVE(&budget->uploads, share, upload_link);
	share->waits = false;
	share->upload_bytes = 0;
}

/* The one that came first goes first, but for those whose address has no room. */
static void
admit_waiting(struct budget *budget)
{
	struct budget_share *share, *next;

	for (share = TAILQ_FIRST(&budget->waiting); share != NULL; share = next) {
		size_t bytes = budget->owner.upload_bytes(share);

		next = TAILQ_NEXT(share, upload_link);
		if (worker_is_full(budget, share, bytes))
			return;
		if (address_is_full(share, bytes))
			continue;
		budget_upload_over(budget, share);
		admit(budget, share, bytes);
		budget->owner.go_on(share);
		/* It may have come to the turn's end already. */
		loop_again(budget->loop);
	}
}

/* Would it help this upload, which waits, if that connection went? */
static bool
stands_in_the_way(const struct budget *budget, const struct budget_share *upload,
    const struct budget_share *share)
{
	size_t bytes = budget->owner.upload_bytes(upload);

	if (address_is_full(upload, bytes))
		return share->caller == upload->caller;
	return worker_is_full(budget, upload, bytes);
}

static void
cut(struct budget *budget, struct budget_share *share)
{
	metric_add(METRIC_rejected_memory, 1);
	diag_warn("http", "connection cut, much is kept for it that it does not take, others need "
	    "the room: bytes=%zu address_bytes=%" PRIu64 " all_bytes=%zu", share->bytes,
	    caller_bytes(share), budget->bytes);
	budget->owner.cut(share);
}

/* One of those in the way of the upload goes, if it is idle or too slow. */
static void
make_room(struct budget *budget, const struct budget_share *upload)
{
	struct budget_share *share;

	TAILQ_FOREACH(share, &budget->much, link) {
		if (now_ms(budget) - share->progress_ms < IDLE_MS)
			break;
		if (!stands_in_the_way(budget, upload, share))
			continue;
		cut(budget, share);
		return;
	}
	TAILQ_FOREACH(share, &budget->uploads, upload_link) {
		uint64_t elapsed_ms = now_ms(budget) - share->since_ms;

		if (elapsed_ms < CROWDED_FREE_MS)
			break;
		if (!stands_in_the_way(budget, upload, share) || budget->owner.upload_came(share) >=
		    (elapsed_ms - CROWDED_FREE_MS) * CROWDED_BYTES_PER_S / 1000)
			continue;
		budget->owner.refuse(share);
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
		make_room(budget, share);
	}
}

/* ---- the turn's end ------------------------------------------------------------------ */

void
budget_leave(struct budget *budget, struct budget_share *share)
{
	budget_upload_over(budget, share);
	set_bytes(budget, share, 0);
	list(budget, share, false);
}

void
budget_turn(struct budget *budget)
{
	struct budget_share *share, *next;

	if (budget->over) {
		budget->over = false;
		for (share = TAILQ_FIRST(&budget->much); share != NULL; share = next) {
			next = TAILQ_NEXT(share, link);
			if (is_over(budget, share))
				cut(budget, share);
		}
	}
	if (budget->freed) {
		budget->freed = false;
		admit_waiting(budget);
	}
}
