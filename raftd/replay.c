/*
 * replay.c - an applied state without a world: what was loaded is checked and
 * brought up to the end of its log, and made into that of a new cluster of one.
 *
 * For directories of stopped nodes and for backups. No node_start, no turn, no
 * Raft: what is in the log is applied as it is, whether a quorum had it or not,
 * because nobody is left who could tell.
 *
 * The new cluster's first member comes by the same entries as always: the old
 * ones are removed, one joins. So members, registry keys, events and indexes
 * change as they would in a running cluster, and the store index goes on.
 */
#include "raftd/node_priv.h"

#include <stdlib.h>

static void
give_effects(struct node *node, const struct node_effects *effects)
{
	replica_flush(node->replica, &node->effects);
	effects->take(effects->argument, buf_slice(&node->effects));
	buf_recycle(&node->effects, 256 * KIB);
	node->applied_dirty = false;
}

/* Nobody watches, so nothing is applied in parts. */
static void
apply_whole(struct node *node, const struct raft_entry *entry)
{
	bool whole = node_apply(node, entry);

	ASSERT(whole);
}

void
node_renew(struct node *node, const struct node_effects *effects)
{
	replica_renew(node->replica, effects->take, effects->argument);
}

enum err
node_replay(struct node *node, const struct node_effects *effects, const char **where)
{
	if (replica_loaded(node->replica, where) != ERR_NONE)
		return ERR_CORRUPT;
	for (size_t i = node->loaded_first; i < node->loaded_count; i++) {
		const struct raft_entry *entry = &node->loaded[i];

		if (entry->index <= node->applied.index)
			continue;
		apply_whole(node, entry);
		give_effects(node, effects);
	}
	return ERR_NONE;
}

uint64_t
node_replayed_store_index(const struct node *node)
{
	return store_index(node->replica->store);
}

void
node_replayed_members(const struct node *node, struct buf *members)
{
	members_encode(&node->replica->members, members);
}

/* One more entry, behind the last. */
static void
apply_change(struct node *node, enum raft_conf_op op, const struct command_member *member)
{
	struct raft_entry entry = {
		.index = node->applied.index + 1,
		.term = node->applied.term,
		.time_ns = node->replica->applied_ns,
		.type = RAFT_ENTRY_CONF,
		.conf_op = op,
		.conf_peer = member->id,
		.payload = command_new_member(0, 0, 0, member),
	};

	apply_whole(node, &entry);
	blob_unref(&entry.payload);
}

/* With its name kept back the registry entry stays, for who takes its place. */
static void
remove_member(struct node *node, const struct member *member, struct slice kept)
{
	struct slice name = slice_text(member->name);
	struct command_member command = {
		.op = MEMBER_REMOVE,
		.id = member->id,
		.name = slice_equal(name, kept) ? SLICE_EMPTY : name,
	};

	apply_change(node, RAFT_CONF_REMOVE, &command);
}

struct raft_position
node_found(struct node *node, const struct node_founder *founder,
    const struct node_effects *effects)
{
	struct command_member self = {
		.op = MEMBER_JOIN,
		.id = founder->node_id,
		.cluster_id = founder->cluster_id,
		.name = founder->name,
		.peer_url = founder->peer_url,
		.client_url = founder->client_url,
	};

	node->cluster_id = 0;
	while (node->replica->members.count > 0)
		remove_member(node, &node->replica->members.list[0], founder->name);
	apply_change(node, RAFT_CONF_ADD_VOTER, &self);
	give_effects(node, effects);
	return node->applied;
}
