/*
 * query.c - clients waiting for a read.
 *
 * A plain read is answered at the end of its turn from the applied state; a
 * quorum read asks the core first (ReadIndex, thesis 6.4) and becomes a plain
 * one when the applied index has reached what the quorum confirmed.
 *
 * Plain ones stay where they are while their worker has not taken what waits for it,
 * those of other workers pass them by; a turn answers a bounded amount. What is too
 * much for one answer goes to listing.c.
 */
#include "raftd/node_priv.h"

#include "common/cause.h"
#include "common/xmem.h"

#include <stdlib.h>

/* One who leads no more refuses at once, before we hear of it: do not ask it
 * again and again meanwhile. */
#define ASK_AGAIN_MS 10
/* What one that is found not to be small counts for. */
#define MISS_BYTES (1 * KIB)
/* The part of a turn, one of so many, that small answers leave to others. */
#define OTHERS_PART 4

void
queries_init(struct queries *queries)
{
	TAILQ_INIT(&queries->idle);
	TAILQ_INIT(&queries->asked);
	TAILQ_INIT(&queries->confirmed);
	TAILQ_INIT(&queries->plain);
}

static void
list_free(struct query_list *list, uint64_t session, bool all)
{
	struct query *query, *next;

	for (query = TAILQ_FIRST(list); query != NULL; query = next) {
		next = TAILQ_NEXT(query, link);
		if (!all && query->session != session)
			continue;
		TAILQ_REMOVE(list, query, link);
		free(query);
	}
}

void
queries_free(struct queries *queries)
{
	list_free(&queries->idle, 0, true);
	list_free(&queries->asked, 0, true);
	list_free(&queries->confirmed, 0, true);
	list_free(&queries->plain, 0, true);
}

void
queries_session_gone(struct node *node, uint64_t session)
{
	list_free(&node->queries.idle, session, false);
	list_free(&node->queries.asked, session, false);
	list_free(&node->queries.confirmed, session, false);
	list_free(&node->queries.plain, session, false);
}

static struct query *
new_query(const struct node *node, uint64_t session, uint64_t request_id, struct slice key)
{
	struct query *query = xzalloc(sizeof(*query) + key.size);

	query->session = session;
	query->request_id = request_id;
	query->started_ns = node->now.monotonic_ns;
	query->deadline_ms = node->now.monotonic_ms + node->config.request_timeout_ms;
	query->leader_deadline_ms = node->now.monotonic_ms + node_leader_wait_ms(node);
	query->key_bytes = key.size;
	if (key.size > 0)
		memcpy(query->key, key.data, key.size);
	return query;
}

void
queries_add(struct node *node, uint64_t session, uint64_t request_id, const struct msg_read *read)
{
	struct query *query = new_query(node, session, request_id, read->key);

	query->flags = read->flags;
	if (read->flags & READ_FLAG_QUORUM)
		TAILQ_INSERT_TAIL(&node->queries.idle, query, link);
	else
		TAILQ_INSERT_TAIL(&node->queries.plain, query, link);
}

void
queries_add_look(struct node *node, uint64_t session, uint64_t request_id,
    const struct msg_lock_look *look)
{
	struct query *query = new_query(node, session, request_id, look->key);

	query->looks = true;
	query->lock_index = look->index;
	TAILQ_INSERT_TAIL(&node->queries.idle, query, link);
}

void
queries_add_v3(struct node *node, uint64_t session, uint64_t request_id,
    const struct msg_v3_read *read)
{
	struct buf lists = BUF_INIT;
	struct query *query;

	buf_append_slice(&lists, read->compares);
	buf_append_slice(&lists, read->ops);
	query = new_query(node, session, request_id, buf_slice(&lists));
	buf_free(&lists);
	query->v3 = true;
	query->compares_bytes = read->compares.size;
	if (read->quorum != 0)
		TAILQ_INSERT_TAIL(&node->queries.idle, query, link);
	else
		TAILQ_INSERT_TAIL(&node->queries.plain, query, link);
}

void
queries_add_v3_state(struct node *node, uint64_t session, uint64_t request_id,
    const struct msg_v3_state *m)
{
	struct query *query = new_query(node, session, request_id, SLICE_EMPTY);

	query->state = m->what;
	query->revision = m->revision;
	if (m->quorum != 0)
		TAILQ_INSERT_TAIL(&node->queries.idle, query, link);
	else
		TAILQ_INSERT_TAIL(&node->queries.plain, query, link);
}

void
queries_catch_up(struct node *node)
{
	struct query *query = xzalloc(sizeof(*query));

	query->deadline_ms = node->now.monotonic_ms + node_leader_wait_ms(node);
	query->leader_deadline_ms = query->deadline_ms;
	TAILQ_INSERT_TAIL(&node->queries.idle, query, link);
}

/* The core answers in the order it was asked, so this finds it near the front. */
static struct query *
find_asked(struct node *node, uint64_t read_id)
{
	struct query *query;

	TAILQ_FOREACH(query, &node->queries.asked, link)
		if (query->read_id == read_id)
			return query;
	return NULL;
}

void
queries_ready(struct node *node, const struct raft_ready *ready)
{
	struct query *query;

	for (size_t i = 0; i < ready->read_count; i++) {
		query = find_asked(node, ready->reads[i].id);
		if (query == NULL)
			continue;
		TAILQ_REMOVE(&node->queries.asked, query, link);
		query->read_index = ready->reads[i].index;
		if (node->io.took != NULL && query->session != 0)
			node->io.took(node->io.argument, NODE_SPAN_READ_INDEX,
			    node->now.monotonic_ns - query->started_ns);
		TAILQ_INSERT_TAIL(&node->queries.confirmed, query, link);
	}
	for (size_t i = 0; i < ready->dropped_count; i++) {
		query = find_asked(node, ready->reads_dropped[i]);
		if (query == NULL)
			continue;
		TAILQ_REMOVE(&node->queries.asked, query, link);
		TAILQ_INSERT_TAIL(&node->queries.idle, query, link);
		node->queries.ask_at_ms = node->now.monotonic_ms + ASK_AGAIN_MS;
	}
}

static void
fail_late(struct node *node, struct query_list *list, bool leaderless)
{
	uint64_t now = node->now.monotonic_ms;
	struct query *query, *next;

	for (query = TAILQ_FIRST(list); query != NULL; query = next) {
		next = TAILQ_NEXT(query, link);
		if (query->deadline_ms > now && !(leaderless && query->leader_deadline_ms <= now))
			continue;
		if (query->session == 0)
			node->current = true;
		else
			node_answer_error(node, query->session, query->request_id,
			    ERR_RAFT_INTERNAL,
			    cause_text(leaderless ? CAUSE_LEADERLESS_READ : CAUSE_LATE_READ));
		TAILQ_REMOVE(list, query, link);
		free(query);
	}
}

void
queries_turn(struct node *node)
{
	struct queries *queries = &node->queries;
	struct query *query, *next;

	if (node_has_leader(node) && queries->ask_at_ms <= node->now.monotonic_ms) {
		while ((query = TAILQ_FIRST(&queries->idle)) != NULL) {
			TAILQ_REMOVE(&queries->idle, query, link);
			query->read_id = ++queries->next_read_id;
			TAILQ_INSERT_TAIL(&queries->asked, query, link);
			raft_read(node->raft, query->read_id);
		}
	}
	for (query = TAILQ_FIRST(&queries->confirmed); query != NULL; query = next) {
		next = TAILQ_NEXT(query, link);
		if (query->read_index > node->applied.index)
			continue;
		TAILQ_REMOVE(&queries->confirmed, query, link);
		TAILQ_INSERT_TAIL(&queries->plain, query, link);
	}
	fail_late(node, &queries->idle, true);
	fail_late(node, &queries->asked, false);
	fail_late(node, &queries->confirmed, false);
}

/* What answering may still take in this turn. */
struct share {
	size_t bytes, nodes;
	size_t answer_bytes;		/* of one; what is more waits for the next pass */
	size_t miss_bytes;		/* what it counts for when one is found to be more */
	size_t session_bytes;		/* that may wait for a worker */
	uint64_t session;		/* that was looked at last; 0: none */
	size_t room;			/* in its queue */
};

/* False: it is too much for one answer. */
static bool
answer_at_once(struct node *node, const struct query *query, struct share *share)
{
	struct node_outcome outcome = {
		.store_index = store_index(node->replica->store),
		.raft_index = node->applied.index,
		.raft_term = raft_current_term(node->raft),
	};
	struct slice key = slice_of(query->key, query->key_bytes);
	struct blob *cause = NULL;
	size_t bytes;

	if (query->v3) {
		if (!node_v3_answer_at_once(node, query, &share->nodes, share->answer_bytes,
		    &bytes)) {
			share->bytes -= MIN_OF(share->bytes, share->miss_bytes);
			return false;
		}
		share->bytes -= MIN_OF(share->bytes, bytes);
		share->room -= MIN_OF(share->room, bytes);
		return true;
	}
	buf_clear(&node->event);
	if (query->looks)
		outcome.error = store_lock_look(node->replica->store, key, query->lock_index,
		    &share->nodes, &node->event, &cause);
	else
		outcome.error = store_get_small(node->replica->store, key, query->flags,
		    node_time_ns(node), share->answer_bytes, &share->nodes, &node->event, &cause);
	if (outcome.error == ERR_AGAIN) {
		share->bytes -= MIN_OF(share->bytes, share->miss_bytes);
		return false;
	}
	if (outcome.error == ERR_NONE)
		outcome.event = buf_slice(&node->event);
	outcome.cause = blob_slice(cause);
	node->io.outcome(node->io.argument, query->session, query->request_id, &outcome);
	share->bytes -= MIN_OF(share->bytes, node->event.size);
	share->room -= MIN_OF(share->room, node->event.size);
	blob_unref(&cause);
	return true;
}

/* May its worker be sent more? */
static bool
has_room(struct node *node, const struct query *query, struct share *share)
{
	size_t queued;

	if (query->session != share->session) {
		queued = node->io.queued(node->io.argument, query->session);
		share->session = query->session;
		share->room = share->session_bytes - MIN_OF(share->session_bytes, queued);
	}
	return share->room > 0;
}

static void
refuse(struct node *node, const struct query *query)
{
	node->io.outcome(node->io.argument, query->session, query->request_id,
	    &(struct node_outcome){
		.error = ERR_RAFT_INTERNAL,
		.cause = slice_text(cause_text(CAUSE_READS_BUSY)),
		.store_index = store_index(node->replica->store),
		.raft_index = node->applied.index,
		.raft_term = raft_current_term(node->raft),
	    });
}

/* There is room for it. True if it is on its way; else *retry_ms is when to try again. */
static bool
begin_answer(struct node *node, struct query *query, struct share *share, uint64_t *retry_ms)
{
	/* It is not to see a part of what is being written. */
	if ((query->v3 || query->state != 0) && mvcc_is_under_way(node->replica->mvcc))
		return false;
	if (query->state != 0) {
		node_v3_state_take(node, query->session, query->request_id, query->state,
		    query->revision);
		return true;
	}
	if (query->size != QUERY_LARGE) {
		if (answer_at_once(node, query, share))
			return true;
		query->size++;
	}
	if (query->size != QUERY_LARGE)
		return false;
	return query->v3 ? node_v3_begin(node, query) : views_begin(node, query, retry_ms);
}

/* True if it is over; else *due_ms is when to look at it again. */
static bool
answer(struct node *node, struct query *query, struct share *share, uint64_t *due_ms)
{
	uint64_t retry_ms = UINT64_MAX;

	if (query->session == 0) {
		node->current = true;
		return true;
	}
	if (has_room(node, query, share) && begin_answer(node, query, share, &retry_ms))
		return true;
	if (query->deadline_ms <= node->now.monotonic_ms) {
		refuse(node, query);
		return true;
	}
	*due_ms = MIN_OF(*due_ms, MIN_OF(query->deadline_ms, retry_ms));
	return false;
}

/* Answer those that are small, as far as is known, or the others. */
static void
answer_those(struct node *node, bool small, struct share *share)
{
	struct queries *queries = &node->queries;
	struct query *query, *next;

	for (query = TAILQ_FIRST(&queries->plain); query != NULL; query = next) {
		next = TAILQ_NEXT(query, link);
		if ((query->size == QUERY_SMALL) != small)
			continue;
		if (share->bytes == 0 || share->nodes == 0) {
			queries->plain_due_ms = 0;
			return;
		}
		if (!answer(node, query, share, &queries->plain_due_ms))
			continue;
		TAILQ_REMOVE(&queries->plain, query, link);
		free(query);
	}
}

/* One worker speaks for many clients, of whom one may ask for much. So the small answers,
 * which most want, go first, and have a part of the worker's queue for themselves. */
void
queries_answer(struct node *node)
{
	size_t most = node->config.session_answer_bytes;
	struct share share = {
		.bytes = ANSWER_TURN_BYTES,
		.nodes = ANSWER_TURN_NODES,
		.answer_bytes = MIN_OF(ANSWER_SMALL_BYTES, node->config.answer_piece_bytes),
		.miss_bytes = MISS_BYTES,
		.session_bytes = most,
	};
	const struct query *query;

	node->queries.plain_due_ms = UINT64_MAX;
	answer_those(node, true, &share);
	share.bytes = MAX_OF(share.bytes, ANSWER_TURN_BYTES / OTHERS_PART);
	share.nodes = MAX_OF(share.nodes, ANSWER_TURN_NODES / OTHERS_PART);
	share.answer_bytes = node->config.answer_piece_bytes;
	share.miss_bytes = share.answer_bytes;
	share.session_bytes = MIN_OF(SESSION_PIECES_BYTES, most);
	share.session = 0;
	answer_those(node, false, &share);
	node->queries.plain_count = 0;
	TAILQ_FOREACH(query, &node->queries.plain, link)
		node->queries.plain_count++;
	buf_recycle(&node->event, 64 * KIB);
}

uint64_t
queries_deadline(const struct node *node)
{
	const struct queries *queries = &node->queries;
	uint64_t due = UINT64_MAX;

	if (!TAILQ_EMPTY(&queries->plain))
		due = queries->plain_due_ms;
	if (!TAILQ_EMPTY(&queries->idle))
		due = MIN_OF(due, MIN_OF(TAILQ_FIRST(&queries->idle)->deadline_ms,
		    TAILQ_FIRST(&queries->idle)->leader_deadline_ms));
	if (!TAILQ_EMPTY(&queries->idle) && queries->ask_at_ms > node->now.monotonic_ms)
		due = MIN_OF(due, queries->ask_at_ms);
	if (!TAILQ_EMPTY(&queries->asked))
		due = MIN_OF(due, TAILQ_FIRST(&queries->asked)->deadline_ms);
	if (!TAILQ_EMPTY(&queries->confirmed))
		due = MIN_OF(due, TAILQ_FIRST(&queries->confirmed)->deadline_ms);
	return due;
}
