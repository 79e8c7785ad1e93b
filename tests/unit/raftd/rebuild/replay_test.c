/*
 * replay_test.c - an applied state without a node: logs of stopped nodes, and the
 * first member of the cluster that is made of them. With a part of the state that only tests
 * have: nobody on this way knows it.
 */
#include "raftd/rebuild/replay.h"

#include "common/backup.h"
#include "common/crc32c.h"
#include "common/ipc/wire.h"
#include "common/xmem.h"
#include "raftd/command.h"
#include "tests/lib/test.h"
#include "tests/unit/raftd/replica/store/fixture.h"
#include "tests/unit/raftd/replica/toy.h"

#include <stdlib.h>
#include <string.h>

static void
take_effects(void *argument, struct slice records)
{
	buf_append_slice(argument, records);
}

static void
load_log_entry(struct replay *replay, raft_index index, enum raft_entry_type type,
    enum raft_conf_op op, struct buf *bytes)
{
	struct raft_entry entry = { .index = index, .term = 2, .time_ns = 1000 * index,
	    .type = type,
		.conf_op = op, .payload = blob_new(buf_slice(bytes)) };

	assert_int_equal(replay_load_entry(replay, &entry), ERR_NONE);
	blob_unref(&entry.payload);
	buf_free(bytes);
}

static void
load_join(struct replay *replay, raft_index index, uint64_t id, const char *name)
{
	struct command_head head = { .kind = COMMAND_MEMBER };
	struct command_member body = { .op = MEMBER_JOIN, .id = id, .name = slice_text(name),
		.peer_url = slice_text(name), .client_url = slice_text(name) };
	struct buf bytes = BUF_INIT;

	command_head_put(&bytes, &head);
	command_member_put(&bytes, &body);
	load_log_entry(replay, index, RAFT_ENTRY_CONF, RAFT_CONF_ADD_VOTER, &bytes);
}

static void
load_set(struct replay *replay, raft_index index, const char *key)
{
	struct command_head head = { .kind = COMMAND_WRITE, .session = 5, .sequence = index };
	struct command_write body = { .op = WRITE_SET, .key = slice_text(key),
		.value = SLICE_LITERAL("v") };
	struct buf bytes = BUF_INIT;

	command_head_put(&bytes, &head);
	command_write_put(&bytes, &body);
	load_log_entry(replay, index, RAFT_ENTRY_COMMAND, RAFT_CONF_NONE, &bytes);
}

static void
load_place(struct replay *replay, raft_index index, uint64_t id, const char *url)
{
	struct command_head head = { .kind = COMMAND_PLACE };
	struct command_place body = { .op = PLACE_MAKE, .id = id, .peer_urls = slice_text(url) };
	struct buf bytes = BUF_INIT;

	command_head_put(&bytes, &head);
	command_place_put(&bytes, &body);
	load_log_entry(replay, index, RAFT_ENTRY_COMMAND, RAFT_CONF_NONE, &bytes);
}

static void
load_effects(struct replay *replay, struct slice records)
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
			assert_int_equal(replay_load_state(replay, record.key, record.value),
			    ERR_NONE);
	}
}

/* An entry that was written before there were limits: it fails, and costs nothing. */
TEST(a_log_that_holds_a_key_above_the_limits_is_survived)
{
	struct replay *replay = replay_new((struct raft_position){ 0 });
	struct buf records = BUF_INIT;
	struct replay_effects effects = { take_effects, &records };
	char *key = xzalloc(65001);
	const char *where;

	for (size_t i = 0; i < 65000; i += 2)
		memcpy(key + i, "/a", 2);
	load_join(replay, 1, 1, "a");
	for (raft_index index = 2; index < 10; index++)
		load_set(replay, index, key);
	load_set(replay, 10, "/key");
	assert_int_equal(replay_run(replay, &effects, &where), ERR_NONE);
	assert_int_equal(store_index(replay_replica(replay)->store), 2);
	assert_true(records.size < 4 * KIB);
	replay_free(&replay);
	buf_free(&records);
	free(key);
}

TEST(a_log_is_replayed_and_the_effects_are_the_state)
{
	struct replay *replay = replay_new((struct raft_position){ 0 }), *again;
	struct buf records = BUF_INIT;
	struct replay_effects effects = { take_effects, &records };
	struct replay_first_member first = { .node_id = 9, .cluster_id = 99,
		.name = SLICE_LITERAL("b"), .peer_url = SLICE_LITERAL("p"),
		.client_url = SLICE_LITERAL("c") };
	struct raft_position position;
	const struct members *members;
	const char *where;

	load_join(replay, 1, 1, "a");
	load_join(replay, 2, 2, "b");
	load_set(replay, 3, "/key");
	assert_int_equal(replay_run(replay, &effects, &where), ERR_NONE);
	assert_int_equal(store_index(replay_replica(replay)->store), 3);
	position = replay_recreate_cluster(replay, &first, &effects);
	/* Two went and one came; "a" lost its registry entry, "b" has another value. */
	assert_int_equal(position.index, 6);
	assert_int_equal(position.term, 2);
	assert_int_equal(store_index(replay_replica(replay)->store), 5);
	members = &replay_replica(replay)->members;
	assert_int_equal(members->count, 1);
	assert_int_equal(members->list[0].id, 9);
	assert_string_equal(members->list[0].peer_url, "p");

	again = replay_new(position);
	load_effects(again, buf_slice(&records));
	assert_int_equal(replay_run(again, &effects, &where), ERR_NONE);
	assert_int_equal(replica_hash(replay_replica(again)),
	    replica_hash(replay_replica(replay)));
	replay_free(&again);
	replay_free(&replay);
	buf_free(&records);
}

/* ---- a part that is a row more -------------------------------------------------------- */

static void
load_add(struct replay *replay, raft_index index, uint8_t letter, uint64_t amount)
{
	struct raft_entry entry = { .index = index, .term = 2, .time_ns = 1000 * index,
		.type = RAFT_ENTRY_COMMAND, .payload = toy_new_add(5, index, letter, amount) };

	assert_int_equal(replay_load_entry(replay, &entry), ERR_NONE);
	blob_unref(&entry.payload);
}

/* As one disk has them: sorted, the last of each key, nothing of what is deleted. */
static void
image_of(struct slice effects, struct buf *image)
{
	struct disk disk = { .count = 0 };
	struct reader in = reader_of(effects);
	struct state_record record;

	while (!reader_done(&in)) {
		assert_true(state_record_get(&in, &record));
		if (record.value.size == 0)
			disk_put(&disk, record.key, SLICE_LITERAL("to be deleted"));
		disk_put(&disk, record.key, record.value);
	}
	for (size_t i = 0; i < disk.count; i++)
		state_record_put(image, &(struct state_record){
		    blob_slice(disk.records[i].key), blob_slice(disk.records[i].value) });
	disk_free(&disk);
}

static void
write_backup(struct slice image, struct buf *file)
{
	struct backup_writer *writer = backup_writer_new();

	backup_put_head(writer, &(struct backup_head){ .raft_index = 5, .raft_term = 2,
	    .name = SLICE_LITERAL("old") }, file);
	backup_put_records(writer, image, crc32c(0, image), file);
	backup_put_end(writer, 2, file);
	backup_writer_free(&writer);
}

static enum err
take_backup_records(void *argument, struct slice records)
{
	struct reader in = reader_of(records);
	struct state_record record;
	enum err err = ERR_NONE;

	while (err == ERR_NONE && !reader_done(&in))
		err = state_record_get(&in, &record) ?
		    replay_load_state(argument, record.key, record.value) : ERR_MALFORMED;
	return err;
}

static void
read_backup(struct slice file, struct replay *replay)
{
	struct backup_reader *reader = backup_reader_new((struct backup_owner){
	    .records = take_backup_records, .argument = replay });

	assert_int_equal(backup_reader_feed(reader, file), ERR_NONE);
	assert_int_equal(backup_reader_finish(reader), ERR_NONE);
	backup_reader_free(&reader);
}

/* Taken or not: who is to join the new cluster is another matter. */
TEST(places_of_the_old_cluster_are_none_of_the_new_one)
{
	struct replay *replay = replay_new((struct raft_position){ 0 }), *again;
	struct buf records = BUF_INIT;
	struct replay_effects effects = { take_effects, &records };
	struct replay_first_member first = { .node_id = 9, .cluster_id = 99,
		.name = SLICE_LITERAL("b"), .peer_url = SLICE_LITERAL("b"),
		.client_url = SLICE_LITERAL("c") };
	struct raft_position position;
	const struct members *members;
	const char *where;

	load_join(replay, 1, 1, "a");
	load_place(replay, 2, 5, "b");
	load_place(replay, 3, 6, "c");
	load_join(replay, 4, 2, "b");
	assert_int_equal(replay_run(replay, &effects, &where), ERR_NONE);
	members = &replay_replica(replay)->members;
	assert_int_equal(places_of_node(&members->places, 2)->id, 5);
	assert_int_equal(members->places.count, 2);
	position = replay_recreate_cluster(replay, &first, &effects);
	assert_int_equal(members->places.count, 0);
	assert_true(places_was_removed(&members->places, 5));
	again = replay_new(position);
	load_effects(again, buf_slice(&records));
	assert_int_equal(replay_run(again, &effects, &where), ERR_NONE);
	assert_int_equal(replica_hash(replay_replica(again)), replica_hash(replay_replica(replay)));
	replay_free(&again);
	replay_free(&replay);
	buf_free(&records);
}

TEST(a_row_more_comes_through_a_log_and_a_backup)
{
	struct replay *old = replay_new((struct raft_position){ 0 });
	struct replay *fresh = replay_new((struct raft_position){ 5, 2 });
	struct buf records = BUF_INIT, image = BUF_INIT, file = BUF_INIT;
	struct replay_effects effects = { take_effects, &records };
	struct replay_first_member first = { .node_id = 9, .cluster_id = 99,
		.name = SLICE_LITERAL("b"), .peer_url = SLICE_LITERAL("p"),
		.client_url = SLICE_LITERAL("c") };
	const char *where;

	load_join(old, 1, 1, "a");
	load_add(old, 2, 'a', 3);
	load_set(old, 3, "/key");
	load_add(old, 4, 'a', 4);
	load_add(old, 5, 'z', 1);
	assert_int_equal(replay_run(old, &effects, &where), ERR_NONE);
	assert_int_equal(toy_of(replay_replica(old))->counts['a'], 7);

	image_of(buf_slice(&records), &image);
	write_backup(buf_slice(&image), &file);
	read_backup(buf_slice(&file), fresh);
	assert_int_equal(replay_run(fresh, &effects, &where), ERR_NONE);
	assert_int_equal(replica_hash(replay_replica(fresh)), replica_hash(replay_replica(old)));
	replica_invariants(replay_replica(fresh));
	assert_int_equal(*toy_of(replay_replica(fresh))->looks, 1);
	/* It stays when the cluster is another one. */
	(void)replay_recreate_cluster(fresh, &first, &effects);
	assert_int_equal(toy_of(replay_replica(fresh))->counts['a'], 7);
	assert_int_equal(toy_of(replay_replica(fresh))->counts['z'], 1);
	replay_free(&fresh);
	replay_free(&old);
	buf_free(&records);
	buf_free(&image);
	buf_free(&file);
}
