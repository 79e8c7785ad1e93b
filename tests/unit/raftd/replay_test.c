/*
 * replay_test.c - an applied state without a world: logs of stopped nodes, and the
 * first member of the cluster that is made of them.
 */
#include "raftd/node.h"

#include "common/ipc/wire.h"
#include "common/xmem.h"
#include "raftd/command.h"
#include "tests/lib/test.h"

#include <stdlib.h>
#include <string.h>

static void
note(void *argument UNUSED, enum diag_level level UNUSED, const char *format UNUSED,
    const char *text UNUSED)
{
}

static void
take_effects(void *argument, struct slice records)
{
	buf_append_slice(argument, records);
}

static struct node *
worldless_node(uint64_t node_id, struct raft_position applied)
{
	struct node_config config = { .seed = 3 };
	struct node_io io = { .note = note };
	struct wal_recovered recovered = { .identity = { .node_id = node_id, .name = "old" },
		.applied = applied, .last = applied };

	return node_new(&config, io, &recovered);
}

static void
load_log_entry(struct node *node, raft_index index, enum raft_entry_type type,
    enum raft_conf_op op, struct buf *bytes)
{
	struct raft_entry entry = { .index = index, .term = 2, .time_ns = 1000 * index,
	    .type = type,
		.conf_op = op, .payload = blob_new(buf_slice(bytes)) };

	assert_int_equal(node_load_entry(node, &entry), ERR_NONE);
	blob_unref(&entry.payload);
	buf_free(bytes);
}

static void
load_join(struct node *node, raft_index index, uint64_t id, const char *name)
{
	struct command_head head = { .kind = COMMAND_MEMBER };
	struct command_member body = { .op = MEMBER_JOIN, .id = id, .name = slice_text(name),
		.peer_url = slice_text(name), .client_url = slice_text(name) };
	struct buf bytes = BUF_INIT;

	command_head_put(&bytes, &head);
	command_member_put(&bytes, &body);
	load_log_entry(node, index, RAFT_ENTRY_CONF, RAFT_CONF_ADD_VOTER, &bytes);
}

static void
load_set(struct node *node, raft_index index, const char *key)
{
	struct command_head head = { .kind = COMMAND_WRITE, .session = 5, .sequence = index };
	struct command_write body = { .op = WRITE_SET, .key = slice_text(key),
		.value = SLICE_LITERAL("v") };
	struct buf bytes = BUF_INIT;

	command_head_put(&bytes, &head);
	command_write_put(&bytes, &body);
	load_log_entry(node, index, RAFT_ENTRY_COMMAND, RAFT_CONF_NONE, &bytes);
}

static void
load_effects(struct node *node, struct slice records)
{
	struct reader in = reader_of(records);
	struct state_record record;

	/* As a disk would have it: the last value of each key, deleted ones not. */
	while (!reader_done(&in)) {
		struct reader later;
		struct state_record other;
		bool last = true;

		assert_true(state_record_get(&in, &record));
		for (later = in; !reader_done(&later);) {
			assert_true(state_record_get(&later, &other));
			last = last && !slice_equal(other.key, record.key);
		}
		if (last && record.value.size > 0)
			assert_int_equal(node_load_state(node, record.key, record.value), ERR_NONE);
	}
}

/* An entry that was written before there were limits: it fails, and costs nothing. */
TEST(a_log_that_holds_a_key_above_the_limits_is_survived)
{
	struct node *node = worldless_node(1, (struct raft_position){ 0 });
	struct buf records = BUF_INIT;
	struct node_effects effects = { take_effects, &records };
	char *key = xzalloc(65001);
	const char *where;

	for (size_t i = 0; i < 65000; i += 2)
		memcpy(key + i, "/a", 2);
	load_join(node, 1, 1, "a");
	for (raft_index index = 2; index < 10; index++)
		load_set(node, index, key);
	load_set(node, 10, "/key");
	assert_int_equal(node_replay(node, &effects, &where), ERR_NONE);
	assert_int_equal(node_replayed_store_index(node), 2);
	assert_true(records.size < 4 * KIB);
	node_free(&node);
	buf_free(&records);
	free(key);
}

TEST(a_log_is_replayed_and_the_effects_are_the_state)
{
	struct node *node = worldless_node(1, (struct raft_position){ 0 }), *again;
	struct buf records = BUF_INIT;
	struct node_effects effects = { take_effects, &records };
	struct node_first_member first = {
		.node_id = 9, .cluster_id = 99, .name = SLICE_LITERAL("b"),
		.peer_url = SLICE_LITERAL("p"), .client_url = SLICE_LITERAL("c"),
	};
	struct raft_position position;
	struct buf members = BUF_INIT;
	struct member_record member;
	struct reader in;
	const char *where;

	load_join(node, 1, 1, "a");
	load_join(node, 2, 2, "b");
	load_set(node, 3, "/key");
	assert_int_equal(node_replay(node, &effects, &where), ERR_NONE);
	assert_int_equal(node_replayed_store_index(node), 3);
	position = node_recreate_cluster(node, &first, &effects);
	/* Two went and one came; "a" lost its registry entry, "b" has another value. */
	assert_int_equal(position.index, 6);
	assert_int_equal(position.term, 2);
	assert_int_equal(node_replayed_store_index(node), 5);
	node_replayed_members(node, &members);
	in = reader_of(buf_slice(&members));
	assert_true(member_record_get(&in, &member));
	assert_true(reader_done(&in));
	assert_int_equal(member.id, 9);
	assert_true(slice_equal(member.peer_url, SLICE_LITERAL("p")));

	again = worldless_node(9, position);
	load_effects(again, buf_slice(&records));
	assert_int_equal(node_replay(again, &effects, &where), ERR_NONE);
	assert_int_equal(node_hash(again), node_hash(node));
	node_free(&again);
	node_free(&node);
	buf_free(&members);
	buf_free(&records);
}
