/*
 * fixture.c - a core with a disk of its own, and a network of such cores.
 */
#include "tests/unit/raftd/raft/fixture.h"

#include <stdlib.h>
#include <string.h>

#include "common/xmem.h"

/* ---- small things --------------------------------------------------------- */

static struct raft_entry *
entries_copy(const struct raft_entry *entries, size_t count)
{
	struct raft_entry *copy = count == 0 ? NULL : xmalloc(count * sizeof(*copy));

	for (size_t i = 0; i < count; i++) {
		copy[i] = entries[i];
		blob_ref(copy[i].payload);
	}
	return copy;
}

static void
entries_free(struct raft_entry *entries, size_t count)
{
	for (size_t i = 0; i < count; i++)
		blob_unref(&entries[i].payload);
	free(entries);
}

void
message_free(struct raft_message *message)
{
	entries_free((struct raft_entry *)(uintptr_t)message->entries, message->entry_count);
	*message = (struct raft_message){ 0 };
}

static struct raft_message
message_copy(const struct raft_message *message)
{
	struct raft_message copy = *message;

	copy.entries = entries_copy(message->entries, message->entry_count);
	return copy;
}

static void
sent_push(struct core *core, struct raft_message message)
{
	core->sent = xgrow(core->sent, &core->sent_capacity, core->sent_count + 1,
	    sizeof(message));
	core->sent[core->sent_count++] = message;
}

static void
log_push(struct core *core, const struct raft_entry *entry)
{
	core->log = xgrow(core->log, &core->log_capacity, core->log_count + 1, sizeof(*entry));
	core->log[core->log_count] = *entry;
	blob_ref(entry->payload);
	core->log_count++;
}

static void
log_truncate(struct core *core, raft_index from)
{
	while (core->log_count > 0 && core->log[core->log_count - 1].index >= from)
		blob_unref(&core->log[--core->log_count].payload);
}

static raft_term
log_term(const struct core *core, raft_index index)
{
	if (index == core->disk.compacted.index)
		return core->disk.compacted.term;
	assert_true(index > core->disk.compacted.index);
	assert_true(index - core->disk.compacted.index <= core->log_count);
	return core->log[index - core->disk.compacted.index - 1].term;
}

static void
log_drop(struct core *core, raft_index index)
{
	size_t count = 0;
	struct raft_position compacted = core->disk.compacted;

	while (count < core->log_count && core->log[count].index <= index) {
		compacted = (struct raft_position){ core->log[count].index, core->log[count].term };
		blob_unref(&core->log[count++].payload);
	}
	if (count > 0)
		memmove(core->log, core->log + count,
		    (core->log_count - count) * sizeof(*core->log));
	core->log_count -= count;
	core->disk.compacted = compacted;
}

const struct raft_entry *
entries_of(raft_index first, const raft_term *terms, size_t count)
{
	static struct raft_entry entries[64];

	assert_true(count <= ARRAY_COUNT(entries));
	for (size_t i = 0; i < count; i++)
		entries[i] = (struct raft_entry){ .term = terms[i], .index = first + i,
			.type = RAFT_ENTRY_COMMAND };
	return entries;
}

/* ---- the disk ------------------------------------------------------------- */

static struct core_batch *
batch_add(struct core *core)
{
	core->batches = xgrow(core->batches, &core->batch_capacity, core->batch_count + 1,
	    sizeof(*core->batches));
	core->batches[core->batch_count] = (struct core_batch){ 0 };
	return &core->batches[core->batch_count++];
}

static void
batch_clear(struct core_batch *batch)
{
	entries_free(batch->entries, batch->entry_count);
	for (size_t i = 0; i < batch->held_count; i++)
		message_free(&batch->held[i]);
	free(batch->held);
}

static void
batch_write(struct core *core, const struct core_batch *batch)
{
	if (batch->snapshot) {
		if (!batch->keep_log)
			log_truncate(core, 0);
		else
			log_drop(core, batch->applied.index);
		core->disk.compacted = batch->applied;
	}
	if (batch->hard_state_set)
		core->disk.hard_state = batch->hard_state;
	if (batch->truncate_from != 0) {
		assert_true(batch->truncate_from > core->disk.commit);
		log_truncate(core, batch->truncate_from);
	}
	for (size_t i = 0; i < batch->entry_count; i++) {
		raft_index last = core->disk.compacted.index + core->log_count;

		/* The log on disk has no gap and no entry twice. */
		assert_int_equal(batch->entries[i].index, last + 1);
		log_push(core, &batch->entries[i]);
	}
	core->disk.commit = MAX_OF(core->disk.commit, batch->commit);
	if (batch->applied.index < core->disk.applied.index)
		return;
	core->disk.applied = batch->applied;
	core->disk.conf = batch->conf;
	core->disk_ns = batch->applied_ns;
}

static bool
disk_sync(struct core *core)
{
	struct core_batch batch;
	struct raft_position position = { 0, 0 };

	if (core->batch_count == 0)
		return false;
	batch = core->batches[0];
	core->batch_count--;
	memmove(core->batches, core->batches + 1, core->batch_count * sizeof(batch));
	batch_write(core, &batch);
	if (batch.entry_count > 0)
		position = (struct raft_position){ batch.entries[batch.entry_count - 1].index,
			batch.entries[batch.entry_count - 1].term };
	if (batch.for_raft)
		raft_persisted(core->raft, position);
	for (size_t i = 0; i < batch.held_count; i++)
		sent_push(core, batch.held[i]);
	batch.held_count = 0;
	batch_clear(&batch);
	return true;
}

/* ---- one core ------------------------------------------------------------- */

static void
core_apply(struct core *core, const struct raft_entry *entry)
{
	assert_int_equal(entry->index, core->applied.index + 1);
	if (entry->type == RAFT_ENTRY_CONF)
		conf_change(&core->conf, entry->conf_op, entry->conf_peer);
	core->applied = (struct raft_position){ entry->index, entry->term };
	core->applied_ns = entry->time_ns;
	core->done = xgrow(core->done, &core->done_capacity, core->done_count + 1,
	    sizeof(*entry));
	core->done[core->done_count] = *entry;
	blob_ref(entry->payload);
	core->done_count++;
}

static void
core_hold(struct core *core, const struct raft_message *message)
{
	struct core_batch *batch;

	if (!message->after_persist || core->batch_count == 0) {
		sent_push(core, message_copy(message));
		return;
	}
	batch = &core->batches[core->batch_count - 1];
	batch->held = xgrow(batch->held, &batch->held_capacity, batch->held_count + 1,
	    sizeof(*message));
	batch->held[batch->held_count++] = message_copy(message);
}

static void
core_take(struct core *core, const struct raft_ready *ready)
{
	for (size_t i = 0; i < ready->committed_count; i++)
		core_apply(core, &ready->committed[i]);
	if (ready->hard_state_changed || ready->truncate_from != 0 || ready->entry_count > 0) {
		struct core_batch *batch = batch_add(core);

		batch->for_raft = true;
		batch->hard_state_set = ready->hard_state_changed;
		batch->hard_state = ready->hard_state;
		batch->truncate_from = ready->truncate_from;
		batch->entries = entries_copy(ready->entries, ready->entry_count);
		batch->entry_count = ready->entry_count;
		batch->applied = core->applied;
		batch->commit = raft_commit(core->raft);
		batch->conf = core->conf;
		batch->applied_ns = core->applied_ns;
	}
	for (size_t i = 0; i < ready->message_count; i++)
		core_hold(core, &ready->messages[i]);
	for (size_t i = 0; i < ready->read_count && core->read_count < 64; i++)
		core->reads[core->read_count++] = ready->reads[i];
	for (size_t i = 0; i < ready->dropped_count && core->dropped_count < 64; i++)
		core->dropped[core->dropped_count++] = ready->reads_dropped[i];
	for (size_t i = 0; i < ready->fetch_count; i++) {
		assert_true(core->fetch_count < ARRAY_COUNT(core->fetches));
		core->fetches[core->fetch_count++] = ready->fetches[i];
	}
	for (size_t i = 0; i < ready->snapshot_count; i++) {
		assert_true(core->snapshot_count < ARRAY_COUNT(core->snapshots));
		core->snapshots[core->snapshot_count++] = ready->snapshots[i];
	}
}

void
core_turn(struct core *core)
{
	struct raft_ready ready;
	bool again;

	do {
		raft_ready(core->raft, &ready);
		again = ready.more;
		core_take(core, &ready);
		raft_advance(core->raft);
		while (!core->slow_disk && disk_sync(core))
			again = true;
		while (!core->slow_reader && core->fetch_count > 0) {
			core_fetch(core);
			again = true;
		}
	} while (again);
}

bool
core_sync(struct core *core)
{
	bool synced = disk_sync(core);

	core_turn(core);
	return synced;
}

/* As a conductor must: wall time is never before what was applied. */
static void
core_clock(struct core *core)
{
	raft_time(core->raft, core->now, MAX_OF(core->wall_ns, core->applied_ns));
}

void
core_start(struct core *core)
{
	/* Another seed than before, as every start has. */
	core->config.seed++;
	core->raft = raft_new(&core->config, &core->disk);
	for (size_t i = 0; i < core->log_count; i++)
		raft_restore_entry(core->raft, &core->log[i]);
	core->applied = core->disk.applied;
	core->conf = core->disk.conf;
	core->applied_ns = core->disk_ns;
	core->up = true;
	if (core->bootstrap) {
		struct blob *payload = blob_new(SLICE_LITERAL("first"));

		core->bootstrap = false;
		raft_bootstrap(core->raft, payload, core->wall_ns);
		blob_unref(&payload);
	}
	core_clock(core);
	core_turn(core);
}

void
core_crash(struct core *core)
{
	raft_free(&core->raft);
	for (size_t i = 0; i < core->batch_count; i++)
		batch_clear(&core->batches[i]);
	core->batch_count = 0;
	core_forget(core);
	for (size_t i = 0; i < core->done_count; i++)
		blob_unref(&core->done[i].payload);
	core->done_count = 0;
	core->up = false;
}

void
core_forget(struct core *core)
{
	for (size_t i = 0; i < core->sent_count; i++)
		message_free(&core->sent[i]);
	core->sent_count = 0;
	core->read_count = 0;
	core->dropped_count = 0;
	core->fetch_count = 0;
	core->snapshot_count = 0;
}

struct core *
core_new_with(struct core_options options)
{
	struct core *core = xzalloc(sizeof(*core));
	raft_term last_term = 0;

	core->config = (struct raft_config){
		.id = options.id == 0 ? 1 : options.id,
		.heartbeat_ticks = HEARTBEAT,
		.election_ticks = ELECTION,
		.seed = 100 + options.id,
		.append_bytes_max = options.append_bytes_max == 0 ? MIB : options.append_bytes_max,
		.inflight_messages_max =
		    options.inflight_messages_max == 0 ? 8 : options.inflight_messages_max,
		.inflight_bytes_max =
		    options.inflight_bytes_max == 0 ? 8 * MIB : options.inflight_bytes_max,
		.memory_bytes_max =
		    options.memory_bytes_max == 0 ? 8 * MIB : options.memory_bytes_max,
	};
	core->slow_disk = options.slow_disk;
	for (peer_id id = 1; id <= options.voters + options.learners; id++)
		conf_change(&core->disk.conf,
		    id <= options.voters ? RAFT_CONF_ADD_VOTER : RAFT_CONF_ADD_LEARNER, id);
	for (size_t i = 0; options.log_terms[i] != 0; i++) {
		struct raft_position position = { i + 1, options.log_terms[i] };

		last_term = position.term;
		if (position.index <= options.applied)
			core->disk.applied = position;
		log_push(core, &(struct raft_entry){ .term = position.term,
		    .index = position.index, .type = RAFT_ENTRY_COMMAND });
	}
	core->disk.commit = core->disk.applied.index;
	core->disk.hard_state = (struct raft_hard_state){
		options.term == 0 ? last_term : options.term, options.vote };
	log_drop(core, options.compacted);
	core->wall_ns = 1000;
	core->bootstrap = options.bootstrap;
	core_start(core);
	return core;
}

void
core_free(struct core **core)
{
	if (*core == NULL)
		return;
	core_crash(*core);
	log_truncate(*core, 0);
	free((*core)->log);
	free((*core)->batches);
	free((*core)->sent);
	free((*core)->done);
	free(*core);
	*core = NULL;
}

void
core_wait(struct core *core, raft_tick ticks)
{
	raft_tick end = core->now + ticks;

	do {
		raft_tick deadline = raft_deadline(core->raft);

		core->now = MIN_OF(end, MAX_OF(deadline, core->now + 1));
		core->wall_ns++;
		core_clock(core);
		core_turn(core);
	} while (core->now < end);
}

void
core_step_with(struct core *core, struct raft_message message)
{
	raft_step(core->raft, &message);
	core_turn(core);
}

struct raft_position
core_propose(struct core *core, const char *text)
{
	struct raft_position position = { 0, 0 };
	struct blob *payload = blob_new(slice_text(text));

	assert_int_equal(raft_propose(core->raft, payload, &position), ERR_NONE);
	blob_unref(&payload);
	core_turn(core);
	return position;
}

enum err
core_propose_conf(struct core *core, enum raft_conf_op op, peer_id peer)
{
	struct raft_position position;
	enum err err = raft_propose_conf(core->raft, op, peer, NULL, &position);

	core_turn(core);
	return err;
}

void
core_compact(struct core *core, raft_index index)
{
	assert_int_equal(core->batch_count, 0);
	/* The applied state is on disk before the log below it goes. */
	core->disk.applied = core->applied;
	core->disk.conf = core->conf;
	core->disk_ns = core->applied_ns;
	core->disk.commit = MAX_OF(core->disk.commit, core->applied.index);
	log_drop(core, index);
	raft_compacted(core->raft, index);
}

void
core_fetch(struct core *core)
{
	struct raft_fetch fetch;
	struct raft_position prev = { 0, 0 };
	size_t count = 0;

	assert_true(core->fetch_count > 0);
	fetch = core->fetches[0];
	core->fetch_count--;
	memmove(core->fetches, core->fetches + 1, core->fetch_count * sizeof(fetch));
	if (fetch.from > core->disk.compacted.index) {
		size_t first = (size_t)(fetch.from - core->disk.compacted.index) - 1;

		prev = (struct raft_position){ fetch.from - 1, log_term(core, fetch.from - 1) };
		count = MIN_OF(core->log_count - first, (size_t)3);
		raft_fetched(core->raft, fetch.id, prev, core->log + first, count);
	} else {
		raft_fetched(core->raft, fetch.id, prev, NULL, 0);
	}
}

bool
core_install(struct core *core, const struct core *from)
{
	struct core_batch *batch;
	struct raft_position position = from->applied;
	bool keep = raft_term_at(core->raft, position.index) == position.term;

	if (!raft_wants_snapshot(core->raft, position, raft_current_term(from->raft)))
		return false;
	raft_snapshot_progress(core->raft, from->config.id, raft_current_term(from->raft));
	assert_true(raft_snapshot_installed(core->raft, position, &from->conf));
	core->applied = position;
	core->conf = from->conf;
	core->applied_ns = from->applied_ns;
	batch = batch_add(core);
	batch->snapshot = true;
	batch->keep_log = keep;
	batch->applied = position;
	batch->commit = position.index;
	batch->conf = from->conf;
	batch->applied_ns = from->applied_ns;
	core_turn(core);
	return true;
}

static bool
message_is(const struct raft_message *message, enum raft_message_type type, peer_id to)
{
	return message->type == type && (to == 0 || message->to == to);
}

const struct raft_message *
core_sent(const struct core *core, enum raft_message_type type, peer_id to)
{
	for (size_t i = core->sent_count; i > 0; i--)
		if (message_is(&core->sent[i - 1], type, to))
			return &core->sent[i - 1];
	return NULL;
}

size_t
core_count(const struct core *core, enum raft_message_type type, peer_id to)
{
	size_t count = 0;

	for (size_t i = 0; i < core->sent_count; i++)
		count += message_is(&core->sent[i], type, to);
	return count;
}

void
core_elect(struct core *core, bool settled)
{
	struct raft_conf conf = *raft_conf(core->raft);
	bool slow_disk = core->slow_disk;
	raft_term term = raft_current_term(core->raft) + 1;

	core->slow_disk = false;
	while (raft_role(core->raft) == RAFT_FOLLOWER)
		core_wait(core, 1);
	for (size_t i = 0; i < conf.voter_count; i++)
		core_step(core, .type = RAFT_VOTE_REPLY, .from = conf.voters[i], .term = term,
		    .pre = true);
	for (size_t i = 0; i < conf.voter_count; i++)
		core_step(core, .type = RAFT_VOTE_REPLY, .from = conf.voters[i], .term = term);
	assert_int_equal(raft_role(core->raft), RAFT_LEADER);
	for (size_t i = 0; settled && i < conf.voter_count; i++)
		core_step(core, .type = RAFT_APPEND_REPLY, .from = conf.voters[i], .term = term,
		    .log.index = raft_last(core->raft).index);
	core->slow_disk = slow_disk;
	core_forget(core);
}

/* ---- a network ------------------------------------------------------------ */

struct net *
net_new(size_t voters, size_t learners)
{
	struct net *net = xzalloc(sizeof(*net));

	net->count = voters + learners;
	assert_true(net->count <= NODES_MAX);
	for (peer_id id = 1; id <= net->count; id++)
		net->cores[id] = core_new(.id = id, .voters = voters, .learners = learners);
	return net;
}

struct net *
net_bootstrap(size_t count)
{
	struct net *net = xzalloc(sizeof(*net));

	assert_true(count <= NODES_MAX);
	for (net->count = 0; net->count < count; net->count++)
		net->cores[net->count + 1] = core_new(.id = net->count + 1,
		    .bootstrap = net->count == 0);
	return net;
}

void
net_free(struct net **net)
{
	for (size_t i = 0; i < (*net)->queue_count; i++)
		message_free(&(*net)->queue[i]);
	free((*net)->queue);
	for (peer_id id = 1; id <= (*net)->count; id++)
		core_free(&(*net)->cores[id]);
	free(*net);
	*net = NULL;
}

void
net_collect(struct net *net, struct core *core)
{
	for (size_t i = 0; i < core->sent_count; i++) {
		struct raft_message *message = &core->sent[i];

		if (message->to > net->count || net->cut[message->from][message->to]) {
			message_free(message);
			continue;
		}
		net->queue = xgrow(net->queue, &net->queue_capacity, net->queue_count + 1,
		    sizeof(*message));
		net->queue[net->queue_count++] = *message;
	}
	core->sent_count = 0;
}

static void
net_collect_all(struct net *net)
{
	for (peer_id id = 1; id <= net->count; id++)
		net_collect(net, net->cores[id]);
}

void
net_settle(struct net *net)
{
	net_collect_all(net);
	for (size_t steps = 0; net->queue_count > 0; steps++) {
		struct raft_message message = net->queue[0];
		struct core *core = net->cores[message.to];

		assert_true(steps < 100000);
		net->queue_count--;
		memmove(net->queue, net->queue + 1, net->queue_count * sizeof(message));
		if (core->up && !net->cut[message.from][message.to])
			core_step_with(core, message);
		message_free(&message);
		net_collect_all(net);
	}
}

void
net_wait(struct net *net, raft_tick ticks)
{
	net_settle(net);
	for (raft_tick tick = 0; tick < ticks; tick++) {
		for (peer_id id = 1; id <= net->count; id++) {
			if (net->cores[id]->up)
				core_wait(net->cores[id], 1);
			net_settle(net);
		}
	}
}

void
net_isolate(struct net *net, peer_id id)
{
	for (peer_id other = 0; other <= net->count; other++) {
		net->cut[id][other] = true;
		net->cut[other][id] = true;
	}
}

void
net_heal(struct net *net)
{
	memset(net->cut, 0, sizeof(net->cut));
}

struct core *
net_leader(const struct net *net)
{
	struct core *leader = NULL;

	for (peer_id id = 1; id <= net->count; id++) {
		struct core *core = net->cores[id];

		if (core->up && raft_role(core->raft) == RAFT_LEADER && (leader == NULL ||
		    raft_current_term(core->raft) > raft_current_term(leader->raft)))
			leader = core;
	}
	return leader;
}

struct core *
net_elect(struct net *net)
{
	for (raft_tick tick = 0; tick < 20 * ELECTION; tick++) {
		struct core *leader = net_leader(net);

		if (leader != NULL && raft_can_change_conf(leader->raft))
			return leader;
		net_wait(net, 1);
	}
	fail_msg("no leader");
	return NULL;
}

void
net_make_leader(struct net *net, peer_id id)
{
	struct core *leader = net_elect(net);

	if (leader->config.id == id)
		return;
	assert_int_equal(raft_transfer(leader->raft, id), ERR_NONE);
	core_turn(leader);
	net_settle(net);
	assert_ptr_equal(net_elect(net), net->cores[id]);
}

void
net_campaign(struct net *net, peer_id id)
{
	struct core *core = net->cores[id];
	raft_term term = raft_current_term(core->raft);

	/* It believes only the leader of its term. */
	for (peer_id from = 1; from <= net->count && raft_current_term(core->raft) == term; from++)
		core_step(core, .type = RAFT_TIMEOUT_NOW, .from = from, .term = term);
	net_settle(net);
}
