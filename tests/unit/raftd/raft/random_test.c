/*
 * random_test.c - small clusters on a bad network with bad disks, from a seed.
 *
 * Messages are lost, doubled and reordered, links cut, batches synced late,
 * nodes killed with what was not synced, members changed, logs compacted. The
 * five properties of the paper's figure 3 are checked as it goes, and that a
 * linearizable read is never older than what was committed when it was asked.
 * A failure names its seed.
 */
#include "tests/unit/raftd/raft/fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/xmem.h"

#define SEEDS 40
#define STEPS 20000
#define NODES 5
#define INDEXES_MAX 8192
#define TERMS_MAX 4096
#define READS_MAX 32768

struct world {
	struct net *net;
	struct rand rand;
	uint64_t seed;
	peer_id leader_of[TERMS_MAX];
	struct raft_entry applied[INDEXES_MAX];	/* by anybody; payloads referenced */
	raft_index applied_last;
	raft_index read_least[READS_MAX];	/* committed somewhere when it was asked */
	size_t reads, reads_done;
	size_t elections, changes, snapshots;
};

#define CHECK(world, condition) \
	do { \
		if (!(condition)) \
			fail_msg("seed %llu: %s", (unsigned long long)(world)->seed, #condition); \
	} while (0)

static raft_index
commit_anywhere(const struct world *world)
{
	raft_index commit = 0;

	for (peer_id id = 1; id <= world->net->count; id++)
		if (world->net->cores[id]->up)
			commit = MAX_OF(commit, raft_commit(world->net->cores[id]->raft));
	return commit;
}

/* Figure 3, State Machine Safety: "no other server will ever apply a different
 * log entry for the same index". */
static void
check_applied(struct world *world, struct core *core)
{
	for (size_t i = 0; i < core->done_count; i++) {
		struct raft_entry *done = &core->done[i];
		struct raft_entry *known;

		CHECK(world, done->index < INDEXES_MAX);
		known = &world->applied[done->index];
		if (known->index == 0) {
			CHECK(world, done->index == world->applied_last + 1);
			*known = *done;
			blob_ref(known->payload);
			world->applied_last = done->index;
		}
		CHECK(world, known->term == done->term);
		CHECK(world, known->type == done->type);
		CHECK(world, known->conf_op == done->conf_op);
		CHECK(world, known->conf_peer == done->conf_peer);
		CHECK(world, known->time_ns == done->time_ns);
		CHECK(world, slice_equal(blob_slice(known->payload), blob_slice(done->payload)));
		CHECK(world, done->index == 1 ||
		    world->applied[done->index - 1].time_ns <= done->time_ns);
		blob_unref(&done->payload);
	}
	core->done_count = 0;
}

/* Figure 3, Election Safety: "at most one leader can be elected in a given
 * term"; Leader Completeness: "If a log entry is committed in a given term,
 * then that entry will be present in the logs of the leaders for all
 * higher-numbered terms". */
static void
check_leader(struct world *world, struct core *core)
{
	raft_term term = raft_current_term(core->raft);
	raft_index last = raft_last(core->raft).index;

	if (raft_role(core->raft) != RAFT_LEADER)
		return;
	CHECK(world, term < TERMS_MAX);
	CHECK(world, world->leader_of[term] == 0 || world->leader_of[term] == core->config.id);
	if (world->leader_of[term] != 0)
		return;
	world->leader_of[term] = core->config.id;
	world->elections++;
	CHECK(world, last >= world->applied_last);
	for (raft_index index = 1; index <= world->applied_last; index++) {
		raft_term found = raft_term_at(core->raft, index);

		CHECK(world, found == 0 || found == world->applied[index].term);
	}
}

/* Figure 3, Log Matching: "if two logs contain an entry with the same index and
 * term, then the logs are identical in all entries up through the given
 * index". */
static void
check_logs(struct world *world)
{
	struct net *net = world->net;

	for (peer_id a = 1; a <= net->count; a++) {
		for (peer_id b = 1; b < a; b++) {
			raft_index index;
			bool same = false;

			if (!net->cores[a]->up || !net->cores[b]->up)
				continue;
			index = MIN_OF(raft_last(net->cores[a]->raft).index,
			    raft_last(net->cores[b]->raft).index);
			for (; index > 0; index--) {
				raft_term in_a = raft_term_at(net->cores[a]->raft, index);
				raft_term in_b = raft_term_at(net->cores[b]->raft, index);

				if (in_a == 0 || in_b == 0)
					break;
				same = same || in_a == in_b;
				CHECK(world, !same || in_a == in_b);
			}
		}
	}
}

static void
check_core(struct world *world, struct core *core)
{
	check_applied(world, core);
	for (size_t i = 0; i < core->read_count; i++)
		CHECK(world, core->reads[i].index >= world->read_least[core->reads[i].id]);
	world->reads_done += core->read_count;
	core->read_count = 0;
	core->dropped_count = 0;
	if (core->up)
		check_leader(world, core);
}

/* A snapshot that a leader was asked for arrives, or does not. */
static void
send_snapshots(struct world *world, struct core *core)
{
	struct net *net = world->net;

	while (core->snapshot_count > 0) {
		peer_id to = core->snapshots[--core->snapshot_count];
		struct core *peer = net->cores[to];
		bool taken = to <= net->count && peer->up && !net->cut[core->config.id][to] &&
		    rand_chance(&world->rand, 800);

		if (taken) {
			raft_index index = core->applied.index;

			world->snapshots += core_install(peer, core);
			raft_snapshot_sent(core->raft, to, index);
			net_collect(net, peer);
			check_core(world, peer);
		} else {
			raft_snapshot_sent(core->raft, to, 0);
		}
		core_turn(core);
	}
}

static void
settle_core(struct world *world, struct core *core)
{
	if (core->up)
		send_snapshots(world, core);
	net_collect(world->net, core);
	check_core(world, core);
}

static void
deliver(struct world *world)
{
	struct net *net = world->net;
	struct raft_message message;
	struct core *core;
	size_t place;

	if (net->queue_count == 0)
		return;
	/* Mostly in order, sometimes any. */
	place = rand_chance(&world->rand, 800) ? 0 :
	    (size_t)rand_below(&world->rand, net->queue_count);
	message = net->queue[place];
	core = net->cores[message.to];
	if (core->up && !net->cut[message.from][message.to] && !rand_chance(&world->rand, 30)) {
		core_step_with(core, message);
		if (rand_chance(&world->rand, 30))
			core_step_with(core, message);
	}
	if (!rand_chance(&world->rand, 20)) {
		net->queue_count--;
		memmove(net->queue + place, net->queue + place + 1,
		    (net->queue_count - place) * sizeof(message));
		message_free(&message);
	}
	settle_core(world, core);
}

static void
change_members(struct world *world, struct core *leader)
{
	enum raft_conf_op op = (enum raft_conf_op)(1 + rand_below(&world->rand, 3));
	peer_id peer = 1 + rand_below(&world->rand, world->net->count);

	/* Two voters stay, so that losing one is not the end. */
	if (op == RAFT_CONF_REMOVE && raft_conf(leader->raft)->voter_count < 3 &&
	    conf_has_voter(raft_conf(leader->raft), peer))
		return;
	world->changes += core_propose_conf(leader, op, peer) == ERR_NONE;
}

static void
compact(struct world *world, struct core *core)
{
	raft_index keep = rand_below(&world->rand, 6);

	while (core->batch_count > 0)
		core_sync(core);
	if (core->applied.index > keep)
		core_compact(core, core->applied.index - keep);
}

/* ---- what happens to a core that is up ---------------------------------------------- */

static void
time_goes_by(struct world *world, struct core *core)
{
	core_wait(core, 1 + rand_below(&world->rand, 2 * HEARTBEAT));
}

static void
disk_syncs(struct world *world UNUSED, struct core *core)
{
	core_sync(core);
}

static void
client_writes(struct world *world, struct core *core)
{
	struct raft_position position;
	struct blob *payload;
	char text[32];

	if (raft_role(core->raft) != RAFT_LEADER)
		return;
	(void)snprintf(text, sizeof(text), "%llu", (unsigned long long)rand_next(&world->rand));
	if (!raft_can_change_conf(core->raft) && !rand_chance(&world->rand, 500))
		return;
	payload = blob_new(slice_text(text));
	if (raft_propose(core->raft, payload, &position) == ERR_NONE)
		core_turn(core);
	blob_unref(&payload);
}

static void
client_reads(struct world *world, struct core *core)
{
	if (world->reads == READS_MAX)
		return;
	world->read_least[world->reads] = commit_anywhere(world);
	raft_read(core->raft, world->reads++);
	core_turn(core);
}

static void
process_dies(struct world *world, struct core *core)
{
	if (rand_chance(&world->rand, 150))
		core_crash(core);
}

static void
network_splits_or_heals(struct world *world, struct core *core)
{
	if (rand_chance(&world->rand, 150))
		net_isolate(world->net, core->config.id);
	else if (rand_chance(&world->rand, 500))
		net_heal(world->net);
}

static void
link_changes(struct world *world, struct core *core)
{
	peer_id to = 1 + rand_below(&world->rand, world->net->count);

	world->net->cut[core->config.id][to] = rand_chance(&world->rand, 300);
}

static void
members_change(struct world *world, struct core *core)
{
	if (raft_role(core->raft) == RAFT_LEADER)
		change_members(world, core);
}

static void
log_is_trimmed(struct world *world, struct core *core)
{
	if (rand_chance(&world->rand, 300))
		compact(world, core);
}

static void
peer_is_gone_or_back(struct world *world, struct core *core)
{
	if (raft_leader(core->raft) != 0 && rand_chance(&world->rand, 200))
		raft_peer_unreachable(core->raft, raft_leader(core->raft));
	else
		raft_peer_connected(core->raft, 1 + rand_below(&world->rand, world->net->count));
	core_turn(core);
}

static void
leadership_moves(struct world *world, struct core *core)
{
	if (rand_chance(&world->rand, 100) && raft_transfer(core->raft, 0) == ERR_NONE)
		core_turn(core);
}

static void
nothing(struct world *world UNUSED, struct core *core UNUSED)
{
}

static const struct action {
	unsigned weight;
	void (*happens)(struct world *world, struct core *core);
} actions[] = {
	{ 4, time_goes_by },
	{ 4, disk_syncs },
	{ 3, client_writes },
	{ 2, client_reads },
	{ 1, process_dies },
	{ 1, network_splits_or_heals },
	{ 1, link_changes },
	{ 1, members_change },
	{ 1, log_is_trimmed },
	{ 1, peer_is_gone_or_back },
	{ 1, leadership_moves },
	{ 4, nothing },
};

static const struct action *
draw_action(struct world *world)
{
	unsigned all = 0, drawn;
	size_t i = 0;

	for (size_t n = 0; n < ARRAY_COUNT(actions); n++)
		all += actions[n].weight;
	drawn = (unsigned)rand_below(&world->rand, all);
	while (drawn >= actions[i].weight)
		drawn -= actions[i++].weight;
	return &actions[i];
}

static void
act(struct world *world)
{
	struct core *core = world->net->cores[1 + rand_below(&world->rand, world->net->count)];

	if (core->up)
		draw_action(world)->happens(world, core);
	else if (rand_chance(&world->rand, 100))
		core_start(core);
	settle_core(world, core);
}

/* When all is well again there is one leader and one log. */
static void
recover(struct world *world)
{
	struct net *net = world->net;
	struct core *leader = NULL;

	net_heal(net);
	for (peer_id id = 1; id <= net->count; id++) {
		if (!net->cores[id]->up)
			core_start(net->cores[id]);
		raft_peer_connected(net->cores[id]->raft, id % net->count + 1);
		net->cores[id]->slow_disk = false;
		core_turn(net->cores[id]);
		settle_core(world, net->cores[id]);
	}
	for (raft_tick tick = 0; tick < 40 * ELECTION; tick++) {
		bool same = true;

		for (peer_id id = 1; id <= net->count; id++) {
			net_wait(net, 0);
			core_wait(net->cores[id], 1);
			settle_core(world, net->cores[id]);
		}
		net_settle(net);
		for (peer_id id = 1; id <= net->count; id++)
			settle_core(world, net->cores[id]);
		leader = net_leader(net);
		if (leader == NULL || !raft_can_change_conf(leader->raft))
			continue;
		for (peer_id id = 1; id <= net->count; id++)
			same = same && (raft_commit(net->cores[id]->raft) ==
			    raft_commit(leader->raft) ||
			    (!conf_has_voter(raft_conf(leader->raft), id) &&
			    !raft_is_learner(leader->raft, id)));
		if (same && raft_commit(leader->raft) == raft_last(leader->raft).index)
			return;
	}
	fail_msg("seed %llu: no recovery", (unsigned long long)world->seed);
}

static void
run(struct world *world, uint64_t seed)
{
	*world = (struct world){ .seed = seed };
	rand_seed(&world->rand, seed);
	world->net = net_bootstrap(NODES);
	for (peer_id id = 1; id <= NODES; id++) {
		struct core *core = world->net->cores[id];

		check_core(world, core);
		core->config.seed = seed * 1000 + id;
		core->config.memory_bytes_max = 512;
		core->config.inflight_messages_max = 3;
		core->config.append_bytes_max = 300;
		core_crash(core);
		core->slow_disk = true;
		core_start(core);
	}
	for (size_t step = 0; step < STEPS; step++) {
		if (rand_chance(&world->rand, 600))
			deliver(world);
		else
			act(world);
		if (step % 256 == 0)
			check_logs(world);
	}
	recover(world);
	check_logs(world);
	for (raft_index index = 1; index <= world->applied_last; index++)
		blob_unref(&world->applied[index].payload);
	net_free(&world->net);
}

TEST(figure_3_holds_on_a_bad_network)
{
	struct world *world = xzalloc(sizeof(*world));
	size_t elections = 0, changes = 0, snapshots = 0, reads = 0;
	raft_index applied = 0;

	for (uint64_t seed = 1; seed <= SEEDS; seed++) {
		run(world, seed);
		elections += world->elections;
		changes += world->changes;
		snapshots += world->snapshots;
		reads += world->reads_done;
		applied += world->applied_last;
	}
	free(world);
	/* It did happen, or nothing was checked. */
	assert_true(elections > 3 * SEEDS);
	assert_true(changes > SEEDS);
	assert_true(snapshots > SEEDS / 2);
	assert_true(reads > SEEDS);
	assert_true(applied > 20 * SEEDS);
}
