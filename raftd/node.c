/*
 * node.c - the conductor: its life, the turn, and what waits for the disk.
 *
 * A turn:
 *	1 time; deadlines; proposals, changes and reads go to the core
 *	2 the core's output: reads confirmed, messages, committed entries applied, as
 *	  many as a turn may do; what is left comes in the next one, at once
 *	3 one batch for the disk: new entries, hard state, and now and then the
 *	  effects of what was applied since (submit.c)
 *	4 status, changed paths, events, outcomes
 *
 * Order on disk is order of submission, so an effect is never there before its
 * entry, and what answers an entry or a vote waits in the batch's frames until
 * the batch is synced.
 */
#include "raftd/node_priv.h"

#include "common/xmem.h"
#include "raftd/v3_quota.h"

#include <stdarg.h>
#include <stdlib.h>

/* A new leader waits at least so long for its followers before it gives up. */
#define LEADER_WAIT_MS 1000

/* ---- life -------------------------------------------------------------------- */

struct node *
node_new(const struct node_config *config, struct node_io io,
    const struct wal_recovered *recovered)
{
	struct node *node = xzalloc(sizeof(*node));

	node->config = *config;
	if (config->effects_entries_max == 0)
		node->config.effects_entries_max = EFFECTS_ENTRIES_MAX;
	if (config->effects_bytes_max == 0)
		node->config.effects_bytes_max = EFFECTS_BYTES_MAX;
	if (config->tail_bytes_min == 0)
		node->config.tail_bytes_min = TAIL_BYTES_MIN;
	if (config->sweep_nodes_max == 0)
		node->config.sweep_nodes_max = SWEEP_NODES_MAX;
	if (config->turn_hits_max == 0)
		node->config.turn_hits_max = TURN_HITS_MAX;
	if (node->config.answer_piece_bytes == 0)
		node->config.answer_piece_bytes = ANSWER_PIECE_BYTES;
	if (node->config.session_answer_bytes == 0)
		node->config.session_answer_bytes = SESSION_ANSWER_BYTES;
	node->io = io;
	snprintf(node->name, sizeof(node->name), "%s", recovered->identity.name);
	node->id = recovered->identity.node_id;
	node->cluster_id = recovered->identity.cluster_id;
	node->founded = recovered->identity.founded;
	node->fresh = recovered->last.index == 0 && recovered->applied.index == 0;
	node->restored = (struct raft_restored){
		.hard_state = recovered->hard_state,
		.compacted = recovered->compacted,
		.applied = recovered->applied,
		.commit = MAX_OF(recovered->commit, recovered->applied.index),
	};
	node->applied = recovered->applied;
	node->stored = recovered->applied.index;
	node->compaction.compacted = recovered->compacted.index;
	node->replica = replica_new(config->seed);
	/* Of another raftd it would be another one. */
	node->v3_tokens.version = config->seed & UINT32_MAX;
	node->role = RAFT_FOLLOWER;
	node->standby = config->rejoin != NULL && node->cluster_id == 0;
	node->belonged = config->resumes && !node->fresh;
	proposals_init(&node->proposals, config->seed);
	queries_init(&node->queries);
	views_init(&node->views);
	node_v3_init(&node->v3);
	node_v3_watches_init(&node->v3_watches, config);
	node_v3_states_init(&node->v3_states);
	node_lease_asks_init(&node->lease_asks, config->seed);
	TAILQ_INIT(&node->changes);
	STAILQ_INIT(&node->batches);
	return node;
}

enum err
node_load_state(struct node *node, struct slice key, struct slice value)
{
	return replica_load(node->replica, key, value);
}

static size_t
log_memory(const struct node *node)
{
	return node->config.log_memory_bytes != 0 ? node->config.log_memory_bytes :
	    LOG_MEMORY_BYTES;
}

static size_t
loaded_bytes(const struct raft_entry *entry)
{
	return sizeof(*entry) + blob_slice(entry->payload).size;
}

/* The first one. */
static void
drop_loaded(struct node *node)
{
	struct raft_entry *entry = &node->loaded[node->loaded_first++];

	node->loaded_bytes -= loaded_bytes(entry);
	blob_unref(&entry->payload);
}

enum err
node_load_entry(struct node *node, const struct raft_entry *entry)
{
	/* Else it could not be sent to anybody. */
	if (blob_slice(entry->payload).size > COMMAND_BYTES_MAX)
		return ERR_CORRUPT;
	node->loaded = xgrow(node->loaded, &node->loaded_capacity, node->loaded_count + 1,
	    sizeof(*node->loaded));
	node->loaded[node->loaded_count] = *entry;
	blob_ref(entry->payload);
	node->loaded_count++;
	node->loaded_bytes += loaded_bytes(entry);
	/* What is applied is on the disk for who asks: all of a log is no matter of memory. */
	while (node->loaded_bytes > log_memory(node) &&
	    node->loaded[node->loaded_first].index < node->applied.index)
		drop_loaded(node);
	return ERR_NONE;
}

enum err
node_start(struct node *node, struct clock_time now, const char **where)
{
	struct raft_config config = {
		.id = node->id,
		.heartbeat_ticks = node->config.heartbeat_ms,
		.election_ticks = node->config.election_ms,
		.seed = node->config.seed,
		.append_bytes_max = node->config.append_bytes_max != 0 ?
		    node->config.append_bytes_max : APPEND_BYTES_MAX,
		.inflight_messages_max = INFLIGHT_MESSAGES_MAX,
		.inflight_bytes_max = INFLIGHT_BYTES_MAX,
		.memory_bytes_max = log_memory(node),
	};

	if (replica_loaded(node->replica, where) != ERR_NONE)
		return ERR_CORRUPT;
#ifdef WITH_SANITIZERS
	replica_invariants(node->replica);
#endif
	node->tails.min = node->config.tail_bytes_min;
	store_use_tails(node->replica->store, &node->tails);
	node->now = now;
	(void)cluster_time_turn(&node->time, now, node->replica->applied_ns, false);
	node->started_ns = now.wall_ns;
	members_conf(&node->replica->members, &node->restored.conf);
	node->raft = raft_new(&config, &node->restored);
	while (node->loaded_first < node->loaded_count) {
		raft_restore_entry(node->raft, &node->loaded[node->loaded_first]);
		drop_loaded(node);
	}
	free(node->loaded);
	node->loaded = NULL;
	node->loaded_first = 0;
	node->loaded_count = 0;
	node->started = true;
	node->told_after = raft_last(node->raft).index;
	node->v3_tokens.kept_until_ms = now.monotonic_ms + V3_TOKEN_MS;
	node->members_told = node->fresh && !node->config.join;
	node->status_due = true;
	node->announced = store_index(node->replica->store);
	begin_at_start(node);
	return ERR_NONE;
}

void
node_catch_up(struct node *node)
{
	if (node->fresh)
		node->current = true;
	else
		queries_catch_up(node);
}

bool
node_is_current(const struct node *node)
{
	return node->current;
}

void
node_free(struct node **freed)
{
	struct node *node = *freed;
	struct disk_batch *batch;

	if (node == NULL)
		return;
	while (node->loaded_first < node->loaded_count)
		drop_loaded(node);
	free(node->loaded);
	while ((batch = STAILQ_FIRST(&node->batches)) != NULL) {
		STAILQ_REMOVE_HEAD(&node->batches, link);
		buf_free(&batch->frames);
		free(batch);
	}
	for (size_t i = 0; i < node->answer_count; i++) {
		blob_unref(&node->answers[i].cause);
		blob_unref(&node->answers[i].event);
	}
	free(node->answers);
	proposals_free(&node->proposals);
	changes_clear(node);
	queries_free(&node->queries);
	views_free(&node->views);
	node_v3_free(&node->v3);
	node_v3_watches_free(&node->v3_watches);
	node_v3_states_free(&node->v3_states);
	node_lease_asks_free(&node->lease_asks);
	compact_free(node);
	node_auto_compact_free(node);
	replica_free(&node->replica);
	members_clear(&node->joined_with);
	inbox_free(&node->inbox);
	conditions_free(node);
	raft_free(&node->raft);
	buf_free(&node->effects);
	tails_free(&node->tails);
	buf_free(&node->scratch);
	buf_free(&node->event);
	buf_free(&node->member_bytes);
	buf_free(&node->place_bytes);
	buf_free(&node->config_bytes);
	buf_free(&node->auth_bytes);
	node_v3_tokens_free(&node->v3_tokens);
	buf_free(&node->foreign.sentence);
	buf_free(&node->foreign.other);
	buf_free(&node->foreign.notice);
	free(node);
	*freed = NULL;
}

/* ---- what the parts share ------------------------------------------------------ */

void
node_note(struct node *node, enum diag_level level, const char *format, ...)
{
	char text[768];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	node->io.note(node->io.argument, level, format, text);
}

uint64_t
node_time_ns(const struct node *node)
{
	return MAX_OF(node->time.ns, node->replica->applied_ns);
}

/* What is read back, or copied from others, has happened before: one line for all of it. */
static void
tell_members(struct node *node)
{
	const struct members *members = &node->replica->members;
	struct buf text = BUF_INIT;

	if (node->members_told || node->applied.index < node->told_after ||
	    members_find(members, node->id) == NULL)
		return;
	for (size_t i = 0; i < members->count; i++)
		buf_printf(&text, "%s%s%s", i == 0 ? "" : ", ", members->list[i].name,
		    members->list[i].role == MEMBER_LEARNER ? " (learner)" : "");
	buf_append_byte(&text, '\0');
	node_note(node, DIAG_INFO, "%s has the list of members: %s", node->name,
	    (const char *)text.data);
	buf_free(&text);
	node->members_told = true;
	begin_tell_options(node);
}

bool
node_was_removed(const struct node *node)
{
	return members_was_removed(&node->replica->members, node->id);
}

void
node_note_member(struct node *node)
{
	raft_index commit;

	if (!node->belonged && raft_met_leader(node->raft, &commit) &&
	    node->applied.index >= commit)
		node->belonged = members_find(&node->replica->members, node->id) != NULL;
}

bool
node_has_leader(const struct node *node)
{
	return raft_leader(node->raft) != 0;
}

uint64_t
node_leader_wait_ms(const struct node *node)
{
	return MIN_OF(MAX_OF(2 * node->config.election_ms, LEADER_WAIT_MS),
	    node->config.request_timeout_ms);
}

void
node_answer(struct node *node, struct waiting_outcome answer)
{
	node->answers = xgrow(node->answers, &node->answer_capacity, node->answer_count + 1,
	    sizeof(*node->answers));
	node->answers[node->answer_count++] = answer;
}

void
node_answer_error(struct node *node, uint64_t session, uint64_t request_id, enum err error,
    const char *cause)
{
	node_answer(node, (struct waiting_outcome){
	    .session = session,
	    .request_id = request_id,
	    .error = error,
	    .cause = blob_new(slice_text(cause)),
	    .store_index = store_index(node->replica->store),
	    .raft_index = node->applied.index,
	    .raft_term = node->applied.term,
	});
}

struct buf *
node_after(struct node *node, uint64_t ticket)
{
	struct disk_batch *batch;

	if (ticket <= node->synced_ticket)
		return node->io.peer_out(node->io.argument);
	STAILQ_FOREACH(batch, &node->batches, link)
		if (batch->ticket >= ticket)
			return &batch->frames;
	batch = xzalloc(sizeof(*batch));
	batch->ticket = ticket;
	batch->submitted_ms = node->now.monotonic_ms;
	node->last_ticket = ticket;
	STAILQ_INSERT_TAIL(&node->batches, batch, link);
	return &batch->frames;
}

const char *
node_name(const struct node *node)
{
	return node->name;
}

const struct raft *
node_raft(const struct node *node)
{
	return node->raft;
}

uint32_t
node_hash(const struct node *node)
{
	return replica_hash(node->replica);
}

/* ---- the disk answers ------------------------------------------------------------------ */

void
node_persisted(struct node *node, uint64_t ticket)
{
	struct disk_batch *batch;

	node->synced_ticket = MAX_OF(node->synced_ticket, ticket);
	while ((batch = STAILQ_FIRST(&node->batches)) != NULL && batch->ticket <= ticket) {
		if (batch->raft)
			raft_persisted(node->raft, batch->position);
		if (batch->compacted != 0)
			raft_compacted(node->raft, batch->compacted);
		buf_append_slice(node->io.peer_out(node->io.argument), buf_slice(&batch->frames));
		disk_synced(node, batch->submitted_ms);
		node->unsynced_bytes -= batch->bytes;
		STAILQ_REMOVE_HEAD(&node->batches, link);
		buf_free(&batch->frames);
		free(batch);
	}
}

void
node_fetched(struct node *node, uint64_t fetch, struct raft_position prev,
    const struct raft_entry *entries, size_t count)
{
	raft_fetched(node->raft, fetch, prev, entries, count);
}

void
node_snapshot_read(struct node *node, uint64_t snapshot, struct raft_position position,
    struct slice records, bool last)
{
	if (!backups_read(node, snapshot, position, records, last))
		compact_read(node, snapshot, position, records, last);
}

void
node_snapshot_lost(struct node *node, uint64_t snapshot)
{
	if (!backups_lost(node, snapshot))
		compact_lost(node, snapshot);
}

/* ---- the turn ---------------------------------------------------------------------------- */

static void
take_time(struct node *node)
{
	bool leads = raft_role(node->raft) == RAFT_LEADER;

	if (!cluster_time_turn(&node->time, node->now, node->replica->applied_ns, leads))
		return;
	node_note(node, DIAG_WARN, "the wall clock is %" PRId64 " ms from the cluster's time, by "
	    "which keys expire; is it right?",
	    ((int64_t)node->now.wall_ns - (int64_t)node->time.ns) / (int64_t)NS_PER_MS);
}

static void
send_messages(struct node *node, const struct raft_ready *ready, uint64_t ticket)
{
	struct buf *now = node->io.peer_out(node->io.argument);

	for (size_t i = 0; i < ready->message_count; i++) {
		const struct raft_message *message = &ready->messages[i];
		struct buf *out = message->after_persist ? node_after(node, ticket) : now;

		followers_sent(node, message);
		outbox_encode(out, &node->scratch, message);
	}
}

static bool
core_needs_disk(const struct raft_ready *ready)
{
	return ready->hard_state_changed || ready->truncate_from != 0 || ready->entry_count > 0;
}

bool
node_hits_are_many(const struct node *node)
{
	const struct mvcc *mvcc = node->replica->mvcc;

	/* Of a write that takes several turns nothing can be told before its end. */
	return store_hits_waiting(node->replica->store) >= node->config.turn_hits_max ||
	    (mvcc_hits_waiting(mvcc) >= node->config.turn_hits_max &&
	    !mvcc_is_under_way(mvcc));
}

/* As far as the effects fit into one batch, a small entry may have great ones, and as
 * those who watch can be told in one turn. */
static void
apply_all(struct node *node, const struct raft_ready *ready)
{
	bool measured = node->io.applying != NULL && ready->committed_count > 0;
	size_t count = 0;

	if (measured)
		node->io.applying(node->io.argument, true);
	node_note_member(node);
	tell_members(node);
	while (count < ready->committed_count && !submit_is_due_at_once(node) &&
	    !node_hits_are_many(node) && node_apply(node, &ready->committed[count])) {
		count++;
		node_note_member(node);
		tell_members(node);
	}
	raft_took(node->raft, count);
	if (measured)
		node->io.applying(node->io.argument, false);
}

/* True if the core has more for us at once. */
static bool
take_ready(struct node *node)
{
	struct raft_ready ready;
	peer_id lagging[MEMBERS_MAX];
	size_t lagging_count;
	uint64_t ticket = node->last_ticket;
	bool more;

	raft_ready(node->raft, &ready);
	queries_ready(node, &ready);
	node_lease_asks_ready(node, &ready);
	apply_all(node, &ready);
	if (core_needs_disk(&ready) || submit_is_due_at_once(node))
		ticket = submit_batch(node, &ready);
	send_messages(node, &ready, ticket);
	for (size_t i = 0; i < ready.fetch_count; i++)
		node->io.fetch(node->io.argument, ready.fetches[i].id, ready.fetches[i].from,
		    ready.fetches[i].bytes_max);
	lagging_count = MIN_OF(ready.snapshot_count, ARRAY_COUNT(lagging));
	for (size_t i = 0; i < lagging_count; i++)
		lagging[i] = ready.snapshots[i];
	more = ready.more || ready.committed_count > 0;
	raft_advance(node->raft);
	for (size_t i = 0; i < lagging_count; i++)
		compact_send(node, lagging[i]);
	return more;
}

/* History waits for those who do not take what they have. */
static bool
has_room(void *argument, uint64_t session)
{
	const struct node *node = argument;

	return node->io.queued == NULL ||
	    node->io.queued(node->io.argument, session) < CATCH_UP_QUEUE_BYTES;
}

static struct store_catch_up
catch_up_how(const struct node *node)
{
	const struct node_config *config = &node->config;

	return (struct store_catch_up){
		.bytes_max = config->catch_up_bytes != 0 ? config->catch_up_bytes : CATCH_UP_BYTES,
		.looks_max = config->catch_up_looks != 0 ? config->catch_up_looks : CATCH_UP_LOOKS,
		.piece_bytes = config->watch_piece_bytes != 0 ? config->watch_piece_bytes :
		    WATCH_PIECE_BYTES,
		.untaken_max = config->catch_up_untaken != 0 ? config->catch_up_untaken :
		    CATCH_UP_UNTAKEN_BYTES,
		.has_room = has_room,
		.argument = (void *)(uintptr_t)node,
	};
}

static void
send_events(struct node *node)
{
	struct store_catch_up how = catch_up_how(node);
	const struct store_hit *hits;
	size_t count;

	store_catch_up(node->replica->store, &how);
	count = store_take_hits(node->replica->store, &hits);
	for (size_t i = 0; i < count; i++) {
		struct msg_watching message = {
			.error = hits[i].kind == HIT_CLEARED ? ERR_WATCHER_CLEARED : ERR_NONE,
			.store_index = store_index(node->replica->store),
			.raft_index = node->applied.index,
			.raft_term = raft_current_term(node->raft),
		};

		if (hits[i].kind == HIT_EVENT) {
			node->io.event(node->io.argument, hits[i].owner, hits[i].ids,
			    hits[i].id_count, blob_slice(hits[i].event),
			    hits[i].past_bytes);
			continue;
		}
		for (size_t n = 0; n < hits[i].id_count; n++)
			node->io.watching(node->io.argument, hits[i].owner, hits[i].ids[n],
			    &message);
	}
}

static void
send_answers(struct node *node)
{
	for (size_t i = 0; i < node->answer_count; i++) {
		struct waiting_outcome *answer = &node->answers[i];
		struct node_outcome outcome = {
			.error = answer->error,
			.cause = blob_slice(answer->cause),
			.store_index = answer->store_index,
			.raft_index = answer->raft_index,
			.raft_term = answer->raft_term,
			.event = blob_slice(answer->event),
			.record = answer->event,
			.more = answer->more,
		};

		node->io.outcome(node->io.argument, answer->session, answer->request_id,
		    &outcome);
		blob_unref(&answer->cause);
		blob_unref(&answer->event);
	}
	node->answer_count = 0;
}

/* Changes of the v3 keys that came since some were freed last. */
static size_t
came_since_sweep(const struct node *node)
{
	size_t now = mvcc_change_count(node->replica->mvcc);

	return now - MIN_OF(now, node->sweep_changes);
}

/* What was removed is freed while nothing waits for it; not in the middle of an entry, where
 * what it leaves for the disk has to wait; and no faster than the disk takes it: what the
 * core writes would wait behind it. If it does write, the disk is its own in between; but for
 * who writes so much that freeing would not keep up. */
static uint64_t
sweep_deadline(const struct node *node)
{
	if ((!store_has_to_sweep(node->replica->store) &&
	    !mvcc_has_to_sweep(node->replica->mvcc)) ||
	    replica_is_within_entry(node->replica) || node->synced_ticket < node->swept_ticket)
		return UINT64_MAX;
	return came_since_sweep(node) >= V3_REMOVED_CHANGES_MAX ? 0 : node->sweep_at_ms;
}

/* More than what came, so that all comes to an end. */
static size_t
sweep_looks(const struct node *node)
{
	return MIN_OF(MAX_OF(V3_REMOVED_CHANGES_MAX, 2 * came_since_sweep(node)),
	    V3_REMOVED_AT_ONCE_MAX);
}

static void
sweep(struct node *node)
{
	struct mvcc *mvcc = node->replica->mvcc;

	if (!mvcc_has_to_sweep(mvcc))
		node->sweep_changes = mvcc_change_count(mvcc);
	if (node->now.monotonic_ms < sweep_deadline(node))
		return;
	submit_begin_effects(node);
	/* The last part, mostly of a small directory, goes with what else was applied. */
	if (store_sweep(node->replica->store, node->config.sweep_nodes_max, &node->effects))
		node->swept = true;
	if (mvcc_sweep(mvcc, sweep_looks(node), &node->effects))
		node->swept = true;
	node->sweep_changes = mvcc_change_count(mvcc);
	node->sweep_at_ms = node->now.monotonic_ms;
	if (node->wrote)
		node->sweep_at_ms += node_v3_states_want_sweep(node) ? SWEEP_PAUSE_MS_MIN :
		    SWEEP_PAUSE_MS;
	node->wrote = false;
}

void
node_turn(struct node *node, struct clock_time now)
{
	node->now = now;
	take_time(node);
	node_v3_turn_begins(node);
	raft_time(node->raft, now.monotonic_ms, node_time_ns(node));
	compact_turn(node);
	disk_turn(node);
	expiry_turn(node);
	node_leases_turn(node);
	node_v3_quota_turn(node);
	node_auto_compact_turn(node);
	known_turn(node);
	node->turn_bytes = 0;
	node->behind = true;
	for (unsigned i = 0; node->behind && i < READY_ROUNDS_MAX &&
	    node->turn_bytes < TURN_EFFECTS_BYTES && !node_hits_are_many(node); i++) {
		proposals_turn(node);
		changes_turn(node);
		demote_turn(node);
		queries_turn(node);
		node_lease_asks_turn(node);
		node->behind = take_ready(node);
	}
	queries_turn(node);
	node_lease_asks_answer(node);
	sweep(node);
	submit_turn(node);
	if (submit_is_due(node) || node->written_cluster_id != 0)
		submit_batch(node, NULL);
	backups_turn(node);
	move_turn(node);
	foreign_turn(node);
	announce_auth(node);
	node_v3_tokens_turn(node);
	status_turn(node);
	announce_turn(node);
	send_events(node);
	node_v3_watches_turn(node);
	send_answers(node);
	queries_answer(node);
	views_turn(node);
	node_v3_turn(node);
	node_v3_states_turn(node);
	ending_turn(node);
}

uint64_t
node_deadline(const struct node *node)
{
	uint64_t due = MIN_OF(raft_deadline(node->raft), compact_deadline(node));
	struct store_catch_up how = catch_up_how(node);

	if (node->behind || store_may_catch_up(node->replica->store, &how))
		return node->now.monotonic_ms;
	due = MIN_OF(due, sweep_deadline(node));
	due = MIN_OF(due, proposals_deadline(node));
	due = MIN_OF(due, changes_deadline(node));
	due = MIN_OF(due, demote_deadline(node));
	due = MIN_OF(due, queries_deadline(node));
	due = MIN_OF(due, views_deadline(node));
	due = MIN_OF(due, node_v3_deadline(node));
	due = MIN_OF(due, node_v3_watches_deadline(node));
	due = MIN_OF(due, node_v3_states_deadline(node));
	due = MIN_OF(due, expiry_deadline(node));
	due = MIN_OF(due, node_leases_deadline(node));
	due = MIN_OF(due, node_v3_quota_deadline(node));
	due = MIN_OF(due, node_auto_compact_deadline(node));
	due = MIN_OF(due, node_lease_asks_deadline(node));
	due = MIN_OF(due, node_v3_tokens_deadline(node));
	due = MIN_OF(due, backups_deadline(node));
	due = MIN_OF(due, disk_deadline(node));
	due = MIN_OF(due, submit_deadline(node));
	due = MIN_OF(due, move_deadline(node));
	due = MIN_OF(due, status_deadline(node));
	return due;
}
