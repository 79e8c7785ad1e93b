/*
 * wal_test.c - the node's disk when it works: what was written is there after a
 * restart, in whole turns; images and installed snapshots are whole; garbage goes.
 */
#include "tests/unit/raftd/wal/fixture.h"

#include "common/xmem.h"
#include "raftd/wal/batch.h"
#include "raftd/wal/db.h"
#include "tests/lib/test.h"

#include <stdio.h>
#include <stdlib.h>

/* How many LevelDB keys begin with that letter. The node is closed. */
static unsigned
count_keys(const char *directory, char letter)
{
	char *path = xasprintf("%s/db", directory), *sentence = NULL;
	struct db *db;
	leveldb_iterator_t *iterator;
	unsigned count = 0;

	assert_int_equal(db_open(path, false, MIB, false, &db, &sentence), ERR_NONE);
	iterator = db_iterate(db, NULL);
	db_iterator_seek(iterator, slice_of(&letter, 1));
	while (leveldb_iter_valid(iterator) && db_iterator_key(iterator).data[0] == letter) {
		count++;
		leveldb_iter_next(iterator);
	}
	assert_int_equal(db_iterator_error(db, iterator, &sentence), ERR_NONE);
	leveldb_iter_destroy(iterator);
	db_close(&db);
	free(path);
	return count;
}

/* ---- turns --------------------------------------------------------------------- */

TEST(turn_is_there_after_a_restart)
{
	struct raft_entry entry = {
		.term = 3,
		.index = 1,
		.time_ns = 99,
		.type = RAFT_ENTRY_COMMAND,
		.payload = blob_new(SLICE_LITERAL("set a 1")),
	};
	struct wal_turn turn = {
		.hard_state_set = true,
		.hard_state = { .term = 4, .vote = 11 },
		.entry_count = 1,
		.entries = &entry,
		.effects = fixture_records("a=1 b=2"),
		.applied_set = true,
		.applied = { 1, 3 },
		.commit = 1,
	};
	struct fixture f;

	fixture_new(&f);
	assert_int_equal(wal_submit(f.wal, &turn), 1);
	fixture_wait_persisted(&f, 1);
	blob_unref(&entry.payload);
	fixture_reopen(&f);
	assert_int_equal(f.recovered.hard_state.term, 4);
	assert_int_equal(f.recovered.hard_state.vote, 11);
	assert_int_equal(f.recovered.applied.index, 1);
	assert_int_equal(f.recovered.applied.term, 3);
	assert_int_equal(f.recovered.commit, 1);
	assert_int_equal(f.recovered.last.index, 1);
	assert_int_equal(f.recovered.last.term, 3);
	assert_string_equal(fixture_text(&f.log), "1:3=set a 1");
	assert_string_equal(fixture_text(&f.state), "a=1 b=2");
	fixture_close(&f);
}

TEST(close_writes_what_was_submitted)
{
	struct fixture f;

	fixture_new(&f);
	for (raft_index index = 1; index <= 20; index++)
		fixture_submit_entries(&f, index, index, 1);
	fixture_reopen(&f);
	assert_int_equal(f.recovered.last.index, 20);
	fixture_close(&f);
}

TEST(empty_value_deletes_a_record)
{
	struct fixture f;

	fixture_new(&f);
	fixture_write_entries(&f, 1, 2, 1);
	fixture_apply(&f, 1, 1, "a=1 b=2 c=3");
	fixture_apply(&f, 2, 1, "b= c=4");
	fixture_reopen(&f);
	assert_string_equal(fixture_text(&f.state), "a=1 c=4");
	fixture_close(&f);
}

/* Pitfall split-truncation: a shorter new suffix must not leave old entries behind it. */
TEST(conflicting_suffix_is_replaced_in_one_turn)
{
	struct raft_entry entry = { .term = 2, .index = 3, .type = RAFT_ENTRY_NOOP };
	struct wal_turn turn = { .truncate_from = 3, .entry_count = 1, .entries = &entry };
	struct fixture f;

	fixture_new(&f);
	fixture_write_entries(&f, 1, 6, 1);
	fixture_write(&f, &turn);
	fixture_reopen(&f);
	assert_string_equal(fixture_text(&f.log), "1:1=1 2:1=2 3:2=");
	assert_int_equal(f.recovered.last.index, 3);
	assert_int_equal(f.recovered.last.term, 2);
	fixture_close(&f);
}

TEST(truncation_without_new_entries_leaves_the_rest)
{
	struct wal_turn turn = { .truncate_from = 2 };
	struct fixture f;

	fixture_new(&f);
	fixture_write_entries(&f, 1, 3, 1);
	fixture_write_entries(&f, 4, 5, 2);
	fixture_write(&f, &turn);
	fixture_write_entries(&f, 2, 2, 5);
	fixture_reopen(&f);
	assert_string_equal(fixture_text(&f.log), "1:1=1 2:5=2");
	fixture_close(&f);
}

TEST(truncation_of_entries_that_wait_for_the_same_batch)
{
	struct wal_turn turn = { .truncate_from = 3 };
	struct fixture f;

	fixture_new(&f);
	disk_fault_arm(f.directory);
	disk_fault_close_gate(".log");
	fixture_submit_entries(&f, 1, 1, 1);
	assert_true(disk_fault_wait_at_gate());
	fixture_submit_entries(&f, 2, 5, 1);
	wal_submit(f.wal, &turn);
	disk_fault_open_gate();
	fixture_write_entries(&f, 3, 3, 2);
	disk_fault_arm(NULL);
	fixture_reopen(&f);
	assert_string_equal(fixture_text(&f.log), "1:1=1 2:1=2 3:2=3");
	fixture_close(&f);
}

TEST(entry_larger_than_the_write_buffer_is_kept)
{
	struct blob *payload = blob_alloc(3 * MIB);
	struct raft_entry entry = { .term = 1, .index = 1, .type = RAFT_ENTRY_COMMAND,
		.payload = payload };
	struct wal_turn turn = { .entry_count = 1, .entries = &entry };
	struct fixture f;

	for (size_t i = 0; i < payload->size; i++)
		payload->data[i] = (uint8_t)('a' + i % 26);
	fixture_new(&f);
	fixture_write(&f, &turn);
	fixture_reopen(&f);
	assert_int_equal(f.log.size, strlen("1:1=") + 3 * MIB);
	assert_memory_equal(f.log.data + 4, payload->data, payload->size);
	blob_unref(&payload);
	fixture_close(&f);
}

static struct blob *
payload_of(char letter, size_t size)
{
	struct blob *payload = blob_alloc(size);

	memset(payload->data, letter, size);
	return payload;
}

/* Submitted while another batch is at the gate: three entries around the limit, effects at it. */
static void
submit_large(struct fixture *f, struct blob *const payloads[3], struct buf *effects)
{
	struct raft_entry entries[3];
	struct wal_turn turn = { .entry_count = 3, .entries = entries,
		.effects = buf_slice(effects), .effects_owner = effects };

	for (size_t i = 0; i < 3; i++)
		entries[i] = (struct raft_entry){ .term = 1, .index = 2 + i,
			.type = RAFT_ENTRY_COMMAND, .payload = payloads[i] };
	wal_submit(f->wal, &turn);
}

static void
put_large(struct buf *effects, const char *key, size_t size)
{
	struct blob *value = payload_of('v', size);

	state_record_put(effects, &(struct state_record){ .key = slice_text(key),
		.value = blob_slice(value) });
	blob_unref(&value);
}

/* Of large pieces the writer's thread takes care: in their order among all others of the
 * batch, and nobody holds them when it is on the disk. */
TEST(large_pieces_keep_their_place_in_the_batch)
{
	struct blob *payloads[3] = { payload_of('x', BATCH_LARGE_BYTES - 1),
		payload_of('y', BATCH_LARGE_BYTES), payload_of('z', BATCH_LARGE_BYTES + 1) };
	struct wal_turn then = { .truncate_from = 4, .effects = fixture_records("a=2 b=") };
	struct buf effects = BUF_INIT;
	char *wanted;
	struct fixture f;

	put_large(&effects, "a", BATCH_LARGE_BYTES);
	put_large(&effects, "b", 1);
	put_large(&effects, "c", 3);
	fixture_new(&f);
	disk_fault_arm(f.directory);
	disk_fault_close_gate(".log");
	fixture_submit_entries(&f, 1, 1, 1);
	assert_true(disk_fault_wait_at_gate());
	submit_large(&f, payloads, &effects);
	assert_int_equal(effects.size, 0);
	assert_int_equal(payloads[0]->references, 1);
	assert_int_equal(payloads[1]->references, 2);
	assert_int_equal(payloads[2]->references, 2);
	wal_submit(f.wal, &then);
	disk_fault_open_gate();
	fixture_write_entries(&f, 4, 4, 2);
	disk_fault_arm(NULL);
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(payloads[i]->references, 1);
	fixture_reopen(&f);
	assert_string_equal(fixture_text(&f.state), "a=2 c=vvv");
	wanted = xasprintf("1:1=1 2:1=%.*s 3:1=%.*s 4:2=4", (int)payloads[0]->size,
	    (const char *)payloads[0]->data, (int)payloads[1]->size,
	    (const char *)payloads[1]->data);
	assert_string_equal(fixture_text(&f.log), wanted);
	free(wanted);
	for (size_t i = 0; i < 3; i++)
		blob_unref(&payloads[i]);
	buf_free(&effects);
	fixture_close(&f);
}

/* So it is with values that are in no list: a turn of a few bytes has a large tail. */
TEST(tails_are_joined_with_their_records_on_the_disk)
{
	struct blob *value = payload_of('t', BATCH_LARGE_BYTES);
	struct buf effects = BUF_INIT;
	struct tails tails = { .min = 7 };
	struct wal_turn turn = { .effects_owner = &effects, .tails = &tails };
	char *wanted;
	struct fixture f;

	put_large(&effects, "a", 2);
	tails_add(&tails, effects.size, value, blob_slice(value));
	put_large(&effects, "b", 2);
	put_large(&effects, "c", 1);
	tails_add(&tails, effects.size, value, slice_of(value->data, 3));
	turn.effects = buf_slice(&effects);
	fixture_new(&f);
	disk_fault_arm(f.directory);
	disk_fault_close_gate(".log");
	fixture_submit_entries(&f, 1, 1, 1);
	assert_true(disk_fault_wait_at_gate());
	wal_submit(f.wal, &turn);
	assert_int_equal(effects.size, 0);
	assert_int_equal(tails.count, 0);
	assert_int_equal(tails.bytes, 0);
	assert_int_equal(tails.min, 7);
	assert_int_equal(value->references, 3);
	disk_fault_open_gate();
	fixture_write_entries(&f, 2, 2, 1);
	disk_fault_arm(NULL);
	assert_int_equal(value->references, 1);
	fixture_reopen(&f);
	wanted = xasprintf("a=vv%.*s b=vv c=vttt", (int)value->size, (const char *)value->data);
	assert_string_equal(fixture_text(&f.state), wanted);
	free(wanted);
	blob_unref(&value);
	fixture_close(&f);
}

TEST(what_is_small_or_has_no_owner_is_copied)
{
	struct fixture f;
	struct buf effects = BUF_INIT;
	struct wal_turn turn;

	fixture_new(&f);
	put_large(&effects, "a", BATCH_LARGE_BYTES - 64);
	turn = (struct wal_turn){ .effects = buf_slice(&effects), .effects_owner = &effects };
	fixture_write(&f, &turn);
	assert_true(effects.size > 0);
	put_large(&effects, "b", 64);
	turn = (struct wal_turn){ .effects = buf_slice(&effects) };
	fixture_write(&f, &turn);
	assert_true(effects.size >= BATCH_LARGE_BYTES);
	buf_free(&effects);
	fixture_close(&f);
}

/* Closed, failed or full with large pieces that nobody wrote: they are given back. */
TEST(large_pieces_that_are_not_written_are_given_back)
{
	struct blob *payloads[3] = { payload_of('x', BATCH_LARGE_BYTES),
		payload_of('y', BATCH_LARGE_BYTES), payload_of('z', BATCH_LARGE_BYTES) };
	struct buf effects = BUF_INIT;
	struct tails tails = { 0 };
	struct wal_batch batch;

	put_large(&effects, "a", BATCH_LARGE_BYTES);
	tails_add(&tails, effects.size, payloads[0], blob_slice(payloads[0]));
	batch_init(&batch);
	for (size_t i = 0; i < 3; i++)
		batch_put_entry(&batch, &(struct raft_entry){ .term = 1, .index = 1 + i,
			.type = RAFT_ENTRY_COMMAND, .payload = payloads[i] });
	batch_put_records(&batch, 1, buf_slice(&effects), &effects, &tails);
	assert_int_equal(payloads[0]->references, 3);
	batch_free(&batch);
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(payloads[i]->references, 1);
		blob_unref(&payloads[i]);
	}
	buf_free(&effects);
}

static enum err
refuse_state(void *argument UNUSED, struct slice key UNUSED, struct slice value UNUSED)
{
	return ERR_MALFORMED;
}

static enum err
refuse_entry(void *argument UNUSED, const struct raft_entry *entry UNUSED)
{
	return ERR_TOO_BIG;
}

TEST(recovery_ends_with_what_a_callback_says)
{
	struct wal_options options = { .name = "n1", .cache_bytes = MIB, .sync = true };
	struct wal_recovered recovered;
	struct fixture f;
	struct wal *wal;
	char *sentence = NULL;

	fixture_new(&f);
	options.data_dir = f.directory;
	fixture_write_entries(&f, 1, 1, 1);
	fixture_close(&f);
	assert_int_equal(wal_open(&options, &wal, &recovered, &sentence), ERR_NONE);
	assert_int_equal(wal_recover(wal, refuse_state, refuse_entry, NULL, &sentence),
	    ERR_TOO_BIG);
	assert_null(sentence);
	wal_close(&wal);
	fixture_open(&f, options.data_dir, "n1");
	fixture_apply(&f, 1, 1, "a=1");
	fixture_close(&f);
	assert_int_equal(wal_open(&options, &wal, &recovered, &sentence), ERR_NONE);
	assert_int_equal(wal_recover(wal, refuse_state, refuse_entry, NULL, &sentence),
	    ERR_MALFORMED);
	wal_close(&wal);
}

/* ---- compaction ------------------------------------------------------------------ */

TEST(compacted_log_begins_behind_and_knows_the_term)
{
	struct wal_turn turn = { .compact_to = 4 };
	struct fixture f;

	fixture_new(&f);
	fixture_write_entries(&f, 1, 2, 1);
	fixture_write_entries(&f, 3, 6, 3);
	fixture_apply(&f, 5, 3, "a=1");
	fixture_write(&f, &turn);
	fixture_reopen(&f);
	assert_int_equal(f.recovered.compacted.index, 4);
	assert_int_equal(f.recovered.compacted.term, 3);
	assert_string_equal(fixture_text(&f.log), "5:3=5 6:3=6");
	/* And goes on from there. */
	fixture_write_entries(&f, 7, 7, 4);
	turn.compact_to = 5;
	fixture_write(&f, &turn);
	fixture_reopen(&f);
	assert_string_equal(fixture_text(&f.log), "6:3=6 7:4=7");
	fixture_close(&f);
}

TEST(whole_log_can_be_compacted)
{
	struct wal_turn turn = { .compact_to = 3 };
	struct fixture f;

	fixture_new(&f);
	fixture_write_entries(&f, 1, 3, 2);
	fixture_apply(&f, 3, 2, "a=1");
	fixture_write(&f, &turn);
	fixture_reopen(&f);
	assert_int_equal(f.log.size, 0);
	assert_int_equal(f.recovered.last.index, 3);
	assert_int_equal(f.recovered.last.term, 2);
	fixture_write_entries(&f, 4, 4, 2);
	fixture_reopen(&f);
	assert_string_equal(fixture_text(&f.log), "4:2=4");
	fixture_close(&f);
}

/* When the upkeep is through, so many keys of that letter are left. Closes. */
static void
settle(struct fixture *f, const char *directory, char letter, unsigned wanted)
{
	fixture_settle(f);
	fixture_close(f);
	assert_int_equal(count_keys(directory, letter), wanted);
}

TEST(compacted_entries_are_deleted_in_pieces)
{
	struct wal_turn turn = { .compact_to = 3900 };
	struct fixture f;
	const char *directory;

	fixture_new(&f);
	directory = f.directory;
	fixture_write_entries(&f, 1, 4000, 1);
	fixture_apply(&f, 4000, 1, "");
	fixture_write(&f, &turn);
	settle(&f, directory, 'l', 100);
}

/* Pitfall deleted-scan: start-up time after many entries and compactions. */
TEST(start_is_quick_after_many_entries_were_deleted)
{
	struct wal_turn turn = { .applied_set = true };
	struct fixture f;
	const char *directory = disk_temporary();
	uint64_t start_ns;
	raft_index last = 0;

	fixture_open_unsynced(&f, directory, "n1");
	assert_int_equal(f.err, ERR_NONE);
	while (last < 300000) {
		fixture_submit_entries(&f, last + 1, last + 1000, 1);
		last += 1000;
		turn.applied = (struct raft_position){ last, 1 };
		turn.compact_to = last - 500;
		fixture_write(&f, &turn);
	}
	fixture_close(&f);
	start_ns = clock_monotonic_ns();
	fixture_open_unsynced(&f, directory, "n1");
	assert_int_equal(f.err, ERR_NONE);
	assert_true(clock_monotonic_ns() - start_ns < 2 * NS_PER_SECOND);
	assert_int_equal(f.recovered.last.index, last);
	assert_int_equal(f.recovered.compacted.index, last - 500);
	fixture_close(&f);
}

/* ---- fetching -------------------------------------------------------------------- */

static void
fetch(struct fixture *f, raft_index from, size_t bytes_max)
{
	unsigned before = f->fetched_calls;

	wal_fetch(f->wal, 42, from, bytes_max);
	fixture_wait(f, &f->fetched_calls, before + 1);
}

TEST(entries_are_fetched_with_the_position_before_them)
{
	struct wal_turn turn = { .compact_to = 2 };
	struct fixture f;

	fixture_new(&f);
	fixture_write_entries(&f, 1, 2, 1);
	fixture_write_entries(&f, 3, 5, 4);
	fixture_apply(&f, 5, 4, "");
	fetch(&f, 1, 1000);
	assert_string_equal(fixture_text(&f.fetched), "1:1=1 2:1=2 3:4=3 4:4=4 5:4=5");
	assert_int_equal(f.fetched_prev.index, 0);
	fixture_write(&f, &turn);
	fetch(&f, 4, 1000);
	assert_string_equal(fixture_text(&f.fetched), "4:4=4 5:4=5");
	assert_int_equal(f.fetched_prev.index, 3);
	assert_int_equal(f.fetched_prev.term, 4);
	/* The position before the first is the compacted one. */
	fetch(&f, 3, 1000);
	assert_string_equal(fixture_text(&f.fetched), "3:4=3 4:4=4 5:4=5");
	assert_int_equal(f.fetched_prev.index, 2);
	assert_int_equal(f.fetched_prev.term, 1);
	/* Compacted meanwhile, and not there yet. */
	fetch(&f, 2, 1000);
	assert_int_equal(f.fetched.size, 0);
	fetch(&f, 6, 1000);
	assert_int_equal(f.fetched.size, 0);
	fixture_close(&f);
}

TEST(fetch_is_bounded_but_brings_one_entry)
{
	struct fixture f;

	fixture_new(&f);
	fixture_write_entries(&f, 1, 100, 1);
	fetch(&f, 5, 0);
	assert_string_equal(fixture_text(&f.fetched), "5:1=5");
	fetch(&f, 5, 200);
	assert_true(f.fetched.size > strlen("5:1=5"));
	assert_true(f.fetched.size < 200);
	fixture_close(&f);
}

/* Each answer says whose it is, though all ask for the same; the asker may want it no more. */
TEST(each_fetch_is_answered_by_its_own_number)
{
	struct fixture f;

	fixture_new(&f);
	fixture_write_entries(&f, 1, 3, 1);
	for (uint64_t id = 7; id <= 9; id++)
		wal_fetch(f.wal, id, 2, 1000);
	fixture_wait(&f, &f.fetched_calls, 3);
	assert_string_equal(fixture_text(&f.fetched_ids), "7 8 9");
	assert_string_equal(fixture_text(&f.fetched), "2:1=2 3:1=3");
	fixture_close(&f);
}

/* ---- images and installing ---------------------------------------------------------- */

TEST(image_does_not_change_while_it_is_read)
{
	struct fixture f;
	uint64_t snapshot;

	fixture_new(&f);
	fixture_write_entries(&f, 1, 2, 3);
	fixture_apply(&f, 1, 3, "a=1 b=2 c=3 d=4");
	snapshot = wal_snapshot_begin(f.wal);
	wal_snapshot_read(f.wal, snapshot, 1);
	fixture_wait(&f, &f.snapshot_calls, 1);
	assert_string_equal(fixture_text(&f.snapshot), "a=1");
	assert_false(f.snapshot_last);
	fixture_apply(&f, 2, 3, "b= c=9 e=5");
	while (!f.snapshot_last) {
		wal_snapshot_read(f.wal, snapshot, 1);
		fixture_wait(&f, &f.snapshot_calls, f.snapshot_calls + 1);
	}
	assert_string_equal(fixture_text(&f.snapshot), "a=1 b=2 c=3 d=4");
	assert_int_equal(f.snapshot_position.index, 1);
	assert_int_equal(f.snapshot_position.term, 3);
	wal_snapshot_end(f.wal, snapshot);
	fixture_close(&f);
}

TEST(image_of_nothing_is_empty_and_ends)
{
	struct fixture f;
	uint64_t snapshot;

	fixture_new(&f);
	snapshot = wal_snapshot_begin(f.wal);
	wal_snapshot_read(f.wal, snapshot, 1000);
	fixture_wait(&f, &f.snapshot_calls, 1);
	assert_true(f.snapshot_last);
	assert_int_equal(f.snapshot_raw.size, 0);
	wal_snapshot_end(f.wal, snapshot);
	fixture_close(&f);
}

TEST(ended_image_is_not_answered_any_more)
{
	struct fixture f;
	uint64_t first, second;

	fixture_new(&f);
	first = wal_snapshot_begin(f.wal);
	second = wal_snapshot_begin(f.wal);
	wal_snapshot_read(f.wal, first, 1000);
	wal_snapshot_end(f.wal, first);
	wal_snapshot_read(f.wal, second, 1000);
	fixture_wait(&f, &f.snapshot_calls, 1);
	fetch(&f, 1, 1);
	assert_int_equal(f.snapshot_calls, 1);
	fixture_close(&f);
}

TEST(installed_snapshot_replaces_state_and_log)
{
	struct fixture f;
	const char *directory;
	uint64_t ticket;

	fixture_new(&f);
	directory = f.directory;
	fixture_write_entries(&f, 1, 5, 1);
	fixture_apply(&f, 2, 1, "a=1 b=2");
	wal_install_begin(f.wal);
	wal_install_records(f.wal, fixture_records("b=7"));
	wal_install_records(f.wal, fixture_records("c=8"));
	ticket = wal_install_commit(f.wal, (struct raft_position){ 100, 6 }, false);
	fixture_wait_persisted(&f, ticket);
	fixture_reopen(&f);
	assert_string_equal(fixture_text(&f.state), "b=7 c=8");
	assert_int_equal(f.log.size, 0);
	assert_int_equal(f.recovered.applied.index, 100);
	assert_int_equal(f.recovered.applied.term, 6);
	assert_int_equal(f.recovered.compacted.index, 100);
	assert_int_equal(f.recovered.last.index, 100);
	assert_int_equal(f.recovered.commit, 100);
	fixture_write_entries(&f, 101, 102, 6);
	fixture_apply(&f, 101, 6, "d=9");
	fixture_reopen(&f);
	assert_string_equal(fixture_text(&f.state), "b=7 c=8 d=9");
	assert_string_equal(fixture_text(&f.log), "101:6=101 102:6=102");
	settle(&f, directory, 's', 3);
	assert_int_equal(count_keys(directory, 'l'), 2);
}

/* Pitfall old-snapshot: if the log holds its last (index, term), keep the entries after
 * it. */
TEST(installed_snapshot_can_keep_the_log_behind_it)
{
	struct fixture f;
	uint64_t ticket;

	fixture_new(&f);
	fixture_write_entries(&f, 1, 5, 1);
	fixture_apply(&f, 1, 1, "a=1");
	wal_install_begin(f.wal);
	wal_install_records(f.wal, fixture_records("a=3"));
	ticket = wal_install_commit(f.wal, (struct raft_position){ 3, 1 }, true);
	fixture_wait_persisted(&f, ticket);
	fixture_reopen(&f);
	assert_string_equal(fixture_text(&f.state), "a=3");
	assert_string_equal(fixture_text(&f.log), "4:1=4 5:1=5");
	assert_int_equal(f.recovered.compacted.index, 3);
	fixture_close(&f);
}

TEST(nothing_shows_of_a_snapshot_before_its_commit)
{
	struct fixture f;
	const char *directory;

	fixture_new(&f);
	directory = f.directory;
	fixture_write_entries(&f, 1, 1, 1);
	fixture_apply(&f, 1, 1, "a=1");
	wal_install_begin(f.wal);
	fixture_wait_persisted(&f, wal_install_records(f.wal, fixture_records("a=9 x=9")));
	fixture_reopen(&f);
	assert_string_equal(fixture_text(&f.state), "a=1");
	settle(&f, directory, 's', 1);
}

TEST(snapshot_begun_again_drops_the_unfinished_one)
{
	struct fixture f;
	const char *directory;
	uint64_t ticket;

	fixture_new(&f);
	directory = f.directory;
	wal_install_begin(f.wal);
	wal_install_records(f.wal, fixture_records("a=1 b=1"));
	fixture_wait_persisted(&f, wal_install_begin(f.wal));
	wal_install_records(f.wal, fixture_records("b=2 c=2"));
	ticket = wal_install_commit(f.wal, (struct raft_position){ 10, 2 }, false);
	fixture_wait_persisted(&f, ticket);
	fixture_reopen(&f);
	assert_string_equal(fixture_text(&f.state), "b=2 c=2");
	settle(&f, directory, 's', 2);
}

TEST(old_generation_is_deleted_while_a_new_one_is_received)
{
	struct fixture f;
	const char *directory;
	char text[64];
	uint64_t ticket;

	fixture_new(&f);
	directory = f.directory;
	fixture_write_entries(&f, 1, 1, 1);
	for (unsigned i = 0; i < 3000; i++) {
		struct wal_turn turn = { .effects = { NULL, 0 } };

		snprintf(text, sizeof(text), "old%u=x", i);
		turn.effects = fixture_records(text);
		wal_submit(f.wal, &turn);
	}
	wal_install_begin(f.wal);
	wal_install_records(f.wal, fixture_records("new=1"));
	ticket = wal_install_commit(f.wal, (struct raft_position){ 5, 1 }, false);
	fixture_wait_persisted(&f, ticket);
	/* The sweep is on its way; another snapshot comes at once. */
	wal_install_begin(f.wal);
	wal_install_records(f.wal, fixture_records("newer=1 newest=1"));
	fixture_settle(&f);
	ticket = wal_install_commit(f.wal, (struct raft_position){ 6, 1 }, false);
	fixture_wait_persisted(&f, ticket);
	settle(&f, directory, 's', 2);
}
