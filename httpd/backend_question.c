/*
 * backend_question.c - what is asked of raftd and not answered yet, whatever it is:
 * where it waits, its id, for how long, and what becomes of it when raftd goes or this
 * node is removed (see backend.h).
 *
 *	nowhere --> waiting	a write: the window is full		[question_begin]
 *	nowhere --> writes, asked	it goes out if raftd is there	[question_begin]
 *	waiting --> writes	lower ones were answered		[question_admit]
 *	asked ----> resting	a piece came, the next one was not asked for
 *								[question_move]
 *	resting --> asked	it was					[question_ask]
 *	asked ----> nowhere	a watch is answered, and goes on	[question_leave]
 *	any ------> over	answered, cancelled or failed		[question_over]
 *
 * Each list is in the order in which its questions were asked, so a look at the front
 * of it finds what has waited too long.
 */
#include "common/rand.h"
#include "httpd/backend_priv.h"

static uint64_t
now_ms(const struct backend *backend)
{
	return loop_now(backend->worker->loop).monotonic_ms;
}

/* ---- ids --------------------------------------------------------------------------- */

static bool
question_matches(const struct hash_link *link, struct slice key)
{
	const struct question *question = CONTAINER_OF(link, const struct question, by_id);

	return slice_equal(slice_of(&question->id, sizeof(question->id)), key);
}

static void
insert_id(struct backend *backend, struct question *question)
{
	hash_insert(&backend->by_id[question->kind->ids], &question->by_id,
	    slice_of(&question->id, sizeof(question->id)));
}

struct question *
question_find(const struct backend *backend, const struct question_kind *kind, uint64_t id)
{
	struct hash_link *link = hash_find(&backend->by_id[kind->ids], slice_of(&id, sizeof(id)));
	struct question *question;

	if (link == NULL)
		return NULL;
	question = CONTAINER_OF(link, struct question, by_id);
	return question->kind == kind ? question : NULL;
}

/* ---- places ------------------------------------------------------------------------- */

void
question_begin(struct backend *backend, struct question *question,
    const struct question_kind *kind, uint64_t id, enum question_place place)
{
	question->kind = kind;
	question->id = id;
	question->asked_ms = now_ms(backend);
	question->place = (uint8_t)place;
	question->patience = PATIENCE_TIMED;
	question->begun = false;
	if (id != 0)
		insert_id(backend, question);
	if (place == PLACE_NOWHERE)
		return;
	TAILQ_INSERT_TAIL(&backend->lists[place], question, link);
	backend_tick_soon(backend);
}

void
question_leave(struct backend *backend, struct question *question)
{
	if (question->place != PLACE_NOWHERE)
		TAILQ_REMOVE(&backend->lists[question->place], question, link);
	question->place = PLACE_NOWHERE;
}

void
question_move(struct backend *backend, struct question *question, enum question_place place)
{
	question_leave(backend, question);
	question->place = (uint8_t)place;
	TAILQ_INSERT_TAIL(&backend->lists[place], question, link);
}

void
question_admit(struct backend *backend, struct question *question, uint64_t id)
{
	ASSERT(question->id == 0);
	question->id = id;
	insert_id(backend, question);
	question_move(backend, question, PLACE_WRITES);
}

void
question_ask(struct backend *backend, struct question *question)
{
	question->asked_ms = now_ms(backend);
	question_move(backend, question, PLACE_ASKED);
	backend_tick_soon(backend);
}

void
question_replace(struct backend *backend, struct question *question, struct question *by)
{
	struct hash *ids = &backend->by_id[question->kind->ids];

	ASSERT(question->id != 0);
	ASSERT(question->place != PLACE_NOWHERE);
	*by = *question;
	hash_remove(ids, &question->by_id);
	insert_id(backend, by);
	TAILQ_INSERT_BEFORE(question, by, link);
	TAILQ_REMOVE(&backend->lists[question->place], question, link);
}

void
question_over(struct backend *backend, struct question *question)
{
	question_leave(backend, question);
	if (question->id != 0)
		hash_remove(&backend->by_id[question->kind->ids], &question->by_id);
	question->id = 0;
}

/* ---- of all of them ------------------------------------------------------------------ */

void
question_send_all(struct backend *backend)
{
	struct question *question;

	TAILQ_FOREACH(question, &backend->lists[PLACE_WRITES], link)
		question->kind->send(backend, question);
	TAILQ_FOREACH(question, &backend->lists[PLACE_ASKED], link)
		question->kind->send(backend, question);
}

void
question_interrupt(struct backend *backend)
{
	struct question_list *resting = &backend->lists[PLACE_RESTING];
	struct question *question, *next;

	for (question = TAILQ_FIRST(&backend->lists[PLACE_ASKED]); question != NULL;
	    question = next) {
		next = TAILQ_NEXT(question, link);
		if (question->begun)
			question_move(backend, question, PLACE_RESTING);
	}
	/* One that cannot begin anew may take others with it. */
	while ((question = TAILQ_FIRST(resting)) != NULL)
		question->kind->lost(backend, question);
}

void
question_fail_all(struct backend *backend)
{
	static const enum question_place places[] = { PLACE_WRITES, PLACE_WAITING, PLACE_ASKED };
	struct question *question;

	/* A write that ends lets one that waits in. */
	for (size_t i = 0; i < ARRAY_COUNT(places); i++)
		while ((question = TAILQ_FIRST(&backend->lists[places[i]])) != NULL)
			question->kind->fail(backend, question, FAILED_REMOVED);
}

/* One with more patience may wait longer than what was asked behind it. */
static struct question *
first_overdue(const struct backend *backend, const struct question_list *list, uint64_t now)
{
	struct question *question;

	TAILQ_FOREACH(question, list, link) {
		if (backend_is_overdue(backend, question->asked_ms, question->patience, now))
			return question;
		if (!backend_is_overdue(backend, question->asked_ms, PATIENCE_TIMED, now))
			break;
	}
	return NULL;
}

bool
question_expire(struct backend *backend)
{
	static const enum question_place places[] = { PLACE_WRITES, PLACE_WAITING, PLACE_ASKED };
	struct question *question;
	bool any = false;

	for (size_t i = 0; i < ARRAY_COUNT(places); i++) {
		struct question_list *list = &backend->lists[places[i]];

		while ((question = first_overdue(backend, list, now_ms(backend))) != NULL)
			question->kind->fail(backend, question, FAILED_LATE);
		any = any || !TAILQ_EMPTY(list);
	}
	return any;
}

/* ---- life ------------------------------------------------------------------------------ */

void
question_start(struct backend *backend)
{
	for (int place = 0; place < PLACE_COUNT; place++)
		TAILQ_INIT(&backend->lists[place]);
	for (int ids = 0; ids < IDS_COUNT; ids++)
		hash_init(&backend->by_id[ids], rand_entropy(), question_matches);
	backend->next_id = READ_ID;
}

void
question_finish(struct backend *backend)
{
	struct question *question;
	struct hash_link *link;

	for (int place = 0; place < PLACE_COUNT; place++) {
		while ((question = TAILQ_FIRST(&backend->lists[place])) != NULL) {
			question_over(backend, question);
			question->kind->drop(question);
		}
	}
	for (int ids = 0; ids < IDS_COUNT; ids++) {
		while ((link = hash_pop(&backend->by_id[ids])) != NULL)
			CONTAINER_OF(link, struct question, by_id)->id = 0;
		hash_free(&backend->by_id[ids]);
	}
}
