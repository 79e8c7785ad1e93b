/*
 * replay.c - see replay.h.
 */
#include "raftd/rebuild/replay.h"

#include "common/limits.h"
#include "common/rand.h"
#include "common/xmem.h"

#include <stdlib.h>

struct replay {
	struct replica *replica;
	struct raft_position applied;
	struct raft_entry *log;		/* behind applied, until replay_run; payloads are ours */
	size_t log_count, log_capacity;
	struct buf effects;
};

struct replay *
replay_new(struct raft_position applied)
{
	struct replay *replay = xzalloc(sizeof(*replay));

	replay->replica = replica_new(rand_entropy());
	replay->applied = applied;
	return replay;
}

static void
drop_log(struct replay *replay)
{
	for (size_t i = 0; i < replay->log_count; i++)
		blob_unref(&replay->log[i].payload);
	free(replay->log);
	replay->log = NULL;
	replay->log_count = replay->log_capacity = 0;
}

void
replay_free(struct replay **freed)
{
	struct replay *replay = *freed;

	if (replay == NULL)
		return;
	drop_log(replay);
	replica_free(&replay->replica);
	buf_free(&replay->effects);
	free(replay);
	*freed = NULL;
}

/* ---- loading -------------------------------------------------------------------------- */

enum err
replay_load_state(struct replay *replay, struct slice key, struct slice value)
{
	return replica_load(replay->replica, key, value);
}

enum err
replay_load_entry(struct replay *replay, const struct raft_entry *entry)
{
	/* Else it could not be sent to anybody. */
	if (blob_slice(entry->payload).size > COMMAND_BYTES_MAX)
		return ERR_CORRUPT;
	if (entry->index <= replay->applied.index)
		return ERR_NONE;
	replay->log = xgrow(replay->log, &replay->log_capacity, replay->log_count + 1,
	    sizeof(*replay->log));
	replay->log[replay->log_count++] = *entry;
	blob_ref(entry->payload);
	return ERR_NONE;
}

/* ---- applying --------------------------------------------------------------------------- */

static void
apply(struct replay *replay, const struct raft_entry *entry)
{
	struct replica_facts facts;
	bool whole;

	ASSERT(entry->index == replay->applied.index + 1);
	whole = replica_apply(replay->replica, entry, SIZE_MAX, &replay->effects, &facts);
	/* Nobody watches, so nothing is applied in parts. */
	ASSERT(whole);
	replay->applied = (struct raft_position){ entry->index, entry->term };
	blob_unref(&facts.result.cause);
	blob_unref(&facts.event);
}

static void
give_effects(struct replay *replay, const struct replay_effects *effects)
{
	replica_flush(replay->replica, &replay->effects);
	effects->take(effects->argument, buf_slice(&replay->effects));
	buf_recycle(&replay->effects, 256 * KIB);
}

enum err
replay_run(struct replay *replay, const struct replay_effects *effects, const char **where)
{
	if (replica_loaded(replay->replica, where) != ERR_NONE)
		return ERR_CORRUPT;
	for (size_t i = 0; i < replay->log_count; i++) {
		apply(replay, &replay->log[i]);
		give_effects(replay, effects);
	}
	drop_log(replay);
	return ERR_NONE;
}

void
replay_renew(struct replay *replay, const struct replay_effects *effects)
{
	replica_renew(replay->replica, effects->take, effects->argument);
}

const struct replica *
replay_replica(const struct replay *replay)
{
	return replay->replica;
}

/* ---- the new cluster ---------------------------------------------------------------------- */

/* One more entry, behind the last. */
static void
apply_change(struct replay *replay, enum raft_conf_op op, const struct command_member *member)
{
	struct raft_entry entry = {
		.index = replay->applied.index + 1,
		.term = replay->applied.term,
		.time_ns = replay->replica->applied_ns,
		.type = RAFT_ENTRY_CONF,
		.conf_op = op,
		.conf_peer = member->id,
		.payload = command_new_member(0, 0, 0, member),
	};

	apply(replay, &entry);
	blob_unref(&entry.payload);
}

/* With its name kept back the registry entry stays, for who takes its place. */
static void
remove_member(struct replay *replay, const struct member *member, struct slice kept)
{
	struct slice name = slice_text(member->name);
	struct command_member command = {
		.op = MEMBER_REMOVE,
		.id = member->id,
		.name = slice_equal(name, kept) ? SLICE_EMPTY : name,
	};

	apply_change(replay, RAFT_CONF_REMOVE, &command);
}

static void
remove_place(struct replay *replay, uint64_t id)
{
	struct command_place command = { .op = PLACE_REMOVE, .id = id };
	struct raft_entry entry = {
		.index = replay->applied.index + 1,
		.term = replay->applied.term,
		.time_ns = replay->replica->applied_ns,
		.type = RAFT_ENTRY_COMMAND,
		.payload = command_new_place(0, 0, 0, &command),
	};

	apply(replay, &entry);
	blob_unref(&entry.payload);
}

struct raft_position
replay_recreate_cluster(struct replay *replay, const struct replay_first_member *first,
    const struct replay_effects *effects)
{
	struct command_member self = {
		.op = MEMBER_JOIN,
		.id = first->node_id,
		.cluster_id = first->cluster_id,
		.name = first->name,
		.peer_url = first->peer_url,
		.client_url = first->client_url,
	};

	while (replay->replica->members.count > 0)
		remove_member(replay, &replay->replica->members.list[0], first->name);
	/* Those that were taken went with their members. */
	while (replay->replica->members.places.count > 0)
		remove_place(replay, replay->replica->members.places.list[0].id);
	apply_change(replay, RAFT_CONF_ADD_VOTER, &self);
	give_effects(replay, effects);
	return replay->applied;
}
