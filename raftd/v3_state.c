/*
 * v3_state.c - what is asked on all of the v3 keys: figures, leases, a checksum of history,
 * whether what was compacted is freed.
 *
 *	asked --quorum, if it wants one--> taken	[queries_add_v3_state, node_v3_state_take]
 *	taken --> answered	at once; a checksum goes on in every turn until it is done, who
 *				waits for compaction does until that is	[node_v3_states_turn]
 *	taken --deadline--> failed
 *
 * One checksum is worked on at a time: those that came later wait.
 */
#include "raftd/node_priv.h"

#include "common/v3_error.h"
#include "common/xmem.h"
#include "raftd/replica/mvcc/mvcc.h"

#include <stdlib.h>

struct v3_state_ask {
	TAILQ_ENTRY(v3_state_ask) link;
	uint64_t session, request_id;
	uint64_t deadline_ms;
	uint8_t what;
	int64_t revision;
	bool begun;			/* its checksum */
	struct mvcc_checksum checksum;
};

void
node_v3_states_init(struct v3_states *states)
{
	TAILQ_INIT(&states->list);
}

static void
forget(struct v3_states *states, struct v3_state_ask *ask)
{
	TAILQ_REMOVE(&states->list, ask, link);
	mvcc_checksum_free(&ask->checksum);
	free(ask);
}

void
node_v3_states_free(struct v3_states *states)
{
	while (!TAILQ_EMPTY(&states->list))
		forget(states, TAILQ_FIRST(&states->list));
}

void
node_v3_states_session_gone(struct node *node, uint64_t session)
{
	struct v3_state_ask *ask, *next;

	for (ask = TAILQ_FIRST(&node->v3_states.list); ask != NULL; ask = next) {
		next = TAILQ_NEXT(ask, link);
		if (ask->session == session)
			forget(&node->v3_states, ask);
	}
}

void
node_v3_state(struct node *node, uint64_t session, uint64_t request_id,
    const struct msg_v3_state *m)
{
	queries_add_v3_state(node, session, request_id, m);
}

/* ---- answers ------------------------------ */

static void
answer(struct node *node, uint64_t session, uint64_t request_id, struct v3_state_answer *answer)
{
	answer->compacted = (uint64_t)mvcc_compacted(node->replica->mvcc);
	answer->commit = raft_commit(node->raft);
	answer->applied = node->applied.index;
	answer->bytes = mvcc_size(node->replica->mvcc);
	buf_clear(&node->event);
	v3_state_answer_put(&node->event, answer);
	node->io.outcome(node->io.argument, session, request_id, &(struct node_outcome){
	    .store_index = store_index(node->replica->store),
	    .raft_index = node->applied.index,
	    .raft_term = raft_current_term(node->raft),
	    .event = buf_slice(&node->event),
	});
	buf_recycle(&node->event, 64 * KIB);
}

static void
answer_leases(struct node *node, uint64_t session, uint64_t request_id)
{
	const struct mvcc *mvcc = node->replica->mvcc;
	struct v3_state_answer said = { .revision = mvcc_revision(mvcc) };
	struct buf ids = BUF_INIT;

	if (mvcc_lease_count(mvcc) > V3_LEASES_SHOWN_MAX)
		said.error = V3_TOO_MANY_LEASES;
	else
		mvcc_lease_ids(mvcc, &ids);
	said.leases = buf_slice(&ids);
	answer(node, session, request_id, &said);
	buf_free(&ids);
}

static void
answer_figures(struct node *node, uint64_t session, uint64_t request_id)
{
	struct buf alarms = BUF_INIT;

	v3_alarms_encode(&node->replica->v3_alarms, &alarms);
	answer(node, session, request_id, &(struct v3_state_answer){
	    .revision = mvcc_revision(node->replica->mvcc), .alarms = buf_slice(&alarms) });
	buf_free(&alarms);
}

static bool
takes_time(uint8_t what)
{
	return what == V3_STATE_HASH || what == V3_STATE_SWEPT;
}

void
node_v3_state_take(struct node *node, uint64_t session, uint64_t request_id, uint8_t what,
    uint64_t revision)
{
	struct v3_state_ask *ask;

	if (what == V3_STATE_LEASES)
		answer_leases(node, session, request_id);
	else if (!takes_time(what))
		answer_figures(node, session, request_id);
	if (!takes_time(what))
		return;
	ask = xzalloc(sizeof(*ask));
	ask->session = session;
	ask->request_id = request_id;
	ask->deadline_ms = node->now.monotonic_ms + node->config.request_timeout_ms;
	ask->what = what;
	ask->revision = (int64_t)revision;
	TAILQ_INSERT_TAIL(&node->v3_states.list, ask, link);
}

/* ---- the turn ------------------------------ */

static bool
go_on_hash(struct node *node, struct v3_state_ask *ask)
{
	const struct mvcc *mvcc = node->replica->mvcc;
	enum v3_error error = V3_NONE;
	bool done = false;

	/* Between entries only: the rest of one would be missed, or seen by half. */
	if (mvcc_is_under_way(mvcc))
		return false;
	if (!ask->begun)
		error = mvcc_checksum_begin(mvcc, ask->revision, &ask->checksum);
	ask->begun = true;
	if (error == V3_NONE)
		error = mvcc_checksum_go_on(mvcc, &ask->checksum, &node->v3_states.looks, &done);
	if (error == V3_NONE && !done)
		return false;
	answer(node, ask->session, ask->request_id, &(struct v3_state_answer){
	    .error = (uint16_t)error,
	    .revision = mvcc_revision(mvcc),
	    .hash_revision = ask->checksum.revision,
	    .hash = ask->checksum.sum });
	return true;
}

static bool
is_swept(struct node *node, const struct v3_state_ask *ask)
{
	const struct mvcc *mvcc = node->replica->mvcc;

	if (mvcc_compacted(mvcc) < ask->revision || !mvcc_is_swept(mvcc, ask->revision))
		return false;
	answer(node, ask->session, ask->request_id, &(struct v3_state_answer){
	    .revision = mvcc_revision(mvcc) });
	return true;
}

static bool
go_on(struct node *node, struct v3_state_ask *ask)
{
	if (ask->what == V3_STATE_HASH ? go_on_hash(node, ask) : is_swept(node, ask))
		return true;
	if (ask->deadline_ms > node->now.monotonic_ms)
		return false;
	answer(node, ask->session, ask->request_id, &(struct v3_state_answer){
	    .error = V3_TIMED_OUT });
	return true;
}

bool
node_v3_states_want_sweep(const struct node *node)
{
	const struct v3_state_ask *ask;

	TAILQ_FOREACH(ask, &node->v3_states.list, link)
		if (ask->what == V3_STATE_SWEPT)
			return true;
	return false;
}

void
node_v3_states_turn(struct node *node)
{
	struct v3_state_ask *ask, *next;

	node->v3_states.looks = V3_CHECKSUM_LOOKS;
	for (ask = TAILQ_FIRST(&node->v3_states.list); ask != NULL; ask = next) {
		next = TAILQ_NEXT(ask, link);
		if (go_on(node, ask))
			forget(&node->v3_states, ask);
	}
}

uint64_t
node_v3_states_deadline(const struct node *node)
{
	const struct v3_state_ask *ask;
	uint64_t due = UINT64_MAX;

	TAILQ_FOREACH(ask, &node->v3_states.list, link) {
		if (ask->what == V3_STATE_HASH)
			return node->now.monotonic_ms;
		due = MIN_OF(due, ask->deadline_ms);
	}
	return due;
}
