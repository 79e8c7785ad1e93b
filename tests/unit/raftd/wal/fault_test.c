/*
 * fault_test.c - the node's disk when it is slow, fails, fills up, or loses
 * power: nothing is acknowledged that is not synced, and what was is there.
 */
#include "tests/unit/raftd/wal/fixture.h"

#include "common/xmem.h"
#include "raftd/wal/db.h"
#include "tests/lib/test.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* ---- slow ------------------------------------------------------------------------ */

TEST(turns_that_come_during_a_sync_share_the_next)
{
	struct fixture f;

	fixture_new(&f);
	disk_fault_arm(f.directory);
	disk_fault_close_gate(".log");
	assert_int_equal(fixture_submit_entries(&f, 1, 1, 1), 1);
	assert_true(disk_fault_wait_at_gate());
	for (raft_index index = 2; index <= 11; index++)
		assert_int_equal(fixture_submit_entries(&f, index, index, 1), index);
	disk_fault_open_gate();
	fixture_wait_persisted(&f, 11);
	assert_int_equal(disk_fault_count(DISK_SYNC), 2);
	assert_true(f.persisted_calls <= 2);
	disk_fault_arm(NULL);
	fixture_close(&f);
}

/* Pitfalls vote-not-durable, ack-not-durable and late-heartbeats: no answer before the
 * sync; reads do not wait for it. */
TEST(nothing_is_acknowledged_while_the_sync_runs)
{
	struct fixture f;

	fixture_new(&f);
	fixture_write_entries(&f, 1, 3, 1);
	disk_fault_arm(f.directory);
	disk_fault_close_gate(".log");
	fixture_submit_entries(&f, 4, 4, 1);
	assert_true(disk_fault_wait_at_gate());
	wal_fetch(f.wal, 1, 1, 1000);
	fixture_wait(&f, &f.fetched_calls, 1);
	/* What is not synced is not shown either. */
	assert_string_equal(fixture_text(&f.fetched), "1:1=1 2:1=2 3:1=3");
	assert_int_equal(f.persisted, 1);
	disk_fault_open_gate();
	fixture_wait_persisted(&f, 2);
	disk_fault_arm(NULL);
	fixture_close(&f);
}

TEST(each_turn_that_is_waited_for_costs_one_sync)
{
	struct fixture f;

	fixture_new(&f);
	disk_fault_arm(f.directory);
	for (raft_index index = 1; index <= 5; index++)
		fixture_write_entries(&f, index, index, 1);
	assert_int_equal(disk_fault_count(DISK_SYNC), 5);
	disk_fault_arm(NULL);
	fixture_close(&f);
}

/* Pitfall directory-sync: LevelDB syncs its directory only with its manifest, and begins
 * a new log file before. */
TEST(directory_is_synced_before_a_write_to_a_new_file_is_acknowledged)
{
	struct blob *payload = blob_alloc(DB_WRITE_BUFFER_BYTES / 5 * 2);
	struct fixture f;

	memset(payload->data, 'x', payload->size);
	fixture_new(&f);
	disk_fault_arm(f.directory);
	for (raft_index index = 1; index <= 6; index++) {
		struct raft_entry entry = { .term = 1, .index = index,
			.type = RAFT_ENTRY_COMMAND, .payload = payload };
		struct wal_turn turn = { .entry_count = 1, .entries = &entry };

		fixture_write(&f, &turn);
	}
	assert_true(disk_fault_count(DISK_SYNC_DIRECTORY) >= 3);
	disk_fault_arm(NULL);
	blob_unref(&payload);
	fixture_close(&f);
}

/* ---- failing ---------------------------------------------------------------------- */

/* Let the loop look for what may have come, without waiting. */
static void
run_idle_turns(struct fixture *f)
{
	for (unsigned i = 0; i < 20; i++) {
		loop_again(f->loop);
		loop_run(f->loop, 0);
	}
}

/* Turns of one entry each until the disk fails or all are acknowledged. */
static void
write_until_failed(struct fixture *f, raft_index count)
{
	for (raft_index index = 1; index <= count && f->failed_calls == 0; index++) {
		uint64_t ticket = fixture_submit_entries(f, index, index, 1);

		while (f->persisted < ticket && f->failed_calls == 0)
			loop_run(f->loop, 0);
	}
}

/* Asserts that the poisoned handle does nothing more, reopens the directory and
 * asserts that at least what was acknowledged is there. */
static void
check_after_failure(struct fixture *f)
{
	const char *directory = f->directory;
	uint64_t acknowledged = f->persisted;
	unsigned writes = disk_fault_count(DISK_WRITE);

	assert_int_equal(f->failed_calls, 1);
	assert_true(strlen(f->failed_sentence) > 20);
	for (raft_index index = 500; index < 503; index++) {
		struct wal_turn turn = { .commit = 0 };

		wal_submit(f->wal, &turn);
		wal_fetch(f->wal, 1, 1, 1000);
	}
	run_idle_turns(f);
	assert_int_equal(f->failed_calls, 1);
	assert_int_equal(f->fetched_calls, 0);
	assert_int_equal(f->persisted, acknowledged);
	fixture_close(f);
	assert_int_equal(disk_fault_count(DISK_WRITE), writes);
	disk_fault_arm(NULL);
	fixture_open(f, directory, "n1");
	if (f->err != ERR_NONE)
		fail_msg("%s", f->sentence);
	assert_true(f->recovered.last.index >= acknowledged);
}

/* Pitfalls sync-again and on-after-error: the first error ends it, also if the next call
 * would do. */
static void
fail_each(enum disk_call call, int errno_value, bool short_writes, enum err expected)
{
	bool failed = true;
	unsigned nth;

	for (nth = 1; failed; nth++) {
		struct fixture f;

		fixture_new(&f);
		disk_fault_arm(f.directory);
		disk_fault_fail(call, nth, 0, errno_value);
		disk_fault_short_writes(short_writes);
		write_until_failed(&f, 6);
		failed = f.failed_calls > 0;
		if (failed) {
			assert_int_equal(f.failed_why, expected);
			assert_true(f.persisted < 6);
			check_after_failure(&f);
		}
		disk_fault_arm(NULL);
		fixture_close(&f);
	}
	assert_true(nth > 6);
}

TEST(any_failing_sync_is_final)
{
	fail_each(DISK_SYNC, EIO, false, ERR_IO);
}

TEST(any_failing_write_is_final)
{
	fail_each(DISK_WRITE, EIO, false, ERR_IO);
}

TEST(any_failing_mark_is_final)
{
	fail_each(DISK_PWRITE, EIO, false, ERR_IO);
}

/* The log has no room ahead then, and gets longer with each batch. */
TEST(failing_to_give_a_log_room_is_no_failure)
{
	unsigned failed = 0;
	bool met = true;

	for (unsigned nth = 1; met; nth += 13) {
		struct fixture f;

		fixture_new(&f);
		disk_fault_arm(f.directory);
		disk_fault_fail(DISK_AHEAD, nth, 1, EIO);
		for (raft_index index = 1; index <= 4; index++)
			fixture_write_entries(&f, index, index, 1);
		met = disk_fault_count(DISK_AHEAD) >= nth;
		failed += met;
		assert_int_equal(f.failed_calls, 0);
		disk_fault_arm(NULL);
		fixture_reopen(&f);
		assert_string_equal(fixture_text(&f.log), "1:1=1 2:1=2 3:1=3 4:1=4");
		fixture_close(&f);
	}
	assert_true(failed > 2);
}

/* ---- full ------------------------------------------------------------------------- */

static void
wait_space(struct fixture *f, bool full)
{
	while (f->space_calls == 0 || f->space.full != full)
		fixture_wait(f, &f->space_calls, f->space_calls + 1);
}

/* Others fill the disk. What was seen lately is believed for a while. */
static void
fill_up_to(struct fixture *f, uint64_t free_bytes)
{
	disk_fault_space(free_bytes);
	wal_look(f->wal);
	wait_space(f, true);
}

/* Pitfalls on-after-error and disk-full: the handle whose write failed is given up,
 * and the next one has all that was acknowledged and takes the rest. */
TEST(full_disk_for_one_write_loses_nothing)
{
	static const enum disk_call calls[] = { DISK_WRITE, DISK_PWRITE, DISK_SYNC };
	unsigned filled = 0;

	for (size_t i = 0; i < ARRAY_COUNT(calls); i++) {
		bool met = true;

		for (unsigned nth = 1; met; nth++) {
			struct fixture f;

			fixture_new(&f);
			disk_fault_arm(f.directory);
			disk_fault_fail(calls[i], nth, 0, ENOSPC);
			disk_fault_short_writes(true);
			for (raft_index index = 1; index <= 4; index++)
				fixture_write_entries(&f, index, index, 1);
			met = disk_fault_count(calls[i]) >= nth && f.space_calls > 0;
			filled += met;
			assert_int_equal(f.failed_calls, 0);
			disk_fault_arm(NULL);
			fixture_reopen(&f);
			assert_string_equal(fixture_text(&f.log), "1:1=1 2:1=2 3:1=3 4:1=4");
			fixture_close(&f);
		}
	}
	assert_true(filled > 8);
}

TEST(writes_wait_for_space_and_reads_go_on)
{
	struct fixture f;
	unsigned writes;

	fixture_new(&f);
	disk_fault_arm(f.directory);
	fixture_write_entries(&f, 1, 3, 1);
	fill_up_to(&f, SPACE_HELD_BYTES);
	fixture_submit_entries(&f, 4, 4, 1);
	writes = disk_fault_count(DISK_WRITE);
	wal_fetch(f.wal, 1, 1, 1000);
	fixture_wait(&f, &f.fetched_calls, 1);
	assert_string_equal(fixture_text(&f.fetched), "1:1=1 2:1=2 3:1=3");
	fixture_submit_entries(&f, 5, 5, 1);
	run_idle_turns(&f);
	assert_int_equal(f.persisted, 1);
	assert_int_equal(disk_fault_count(DISK_WRITE), writes);
	disk_fault_space(SPACE_ENOUGH_BYTES);
	fixture_wait_persisted(&f, 3);
	wait_space(&f, false);
	disk_fault_arm(NULL);
	fixture_close(&f);
}

/* The marks of space.h: what is below the first is told, and written all the same. */
TEST(scarce_space_is_told_and_kept_in_mind_until_there_is_plenty)
{
	struct fixture f;

	fixture_new(&f);
	disk_fault_arm(f.directory);
	disk_fault_space(SPACE_FULL_BYTES);
	wal_look(f.wal);
	wait_space(&f, false);
	disk_fault_space(SPACE_FULL_BYTES - 1);
	fixture_write_entries(&f, 1, 1, 1);
	wait_space(&f, true);
	assert_int_equal(f.space.free_bytes, SPACE_FULL_BYTES - 1);
	disk_fault_space(SPACE_ENOUGH_BYTES - 1);
	wal_look(f.wal);
	fixture_wait(&f, &f.space_calls, f.space_calls + 1);
	assert_true(f.space.full);
	disk_fault_space(SPACE_ENOUGH_BYTES);
	fixture_write_entries(&f, 2, 2, 1);
	wait_space(&f, false);
	disk_fault_arm(NULL);
	fixture_close(&f);
}

TEST(a_disk_with_plenty_of_space_is_looked_at_once_in_a_while)
{
	struct fixture f;
	uint64_t begun_ns;
	unsigned looks;

	fixture_new(&f);
	disk_fault_arm(f.directory);
	disk_fault_space(SPACE_ENOUGH_BYTES + 100000);
	begun_ns = clock_monotonic_ns();
	for (raft_index index = 1; index <= 50; index++)
		fixture_write_entries(&f, index, index, 1);
	looks = disk_fault_count(DISK_LOOK);
	assert_in_range(looks, 1, 1 + (clock_monotonic_ns() - begun_ns) / NS_PER_SECOND);
	/* Not that much: so for each of these. */
	disk_fault_space(SPACE_ENOUGH_BYTES);
	wal_look(f.wal);
	fixture_wait(&f, &f.space_calls, f.space_calls + 1);
	looks = disk_fault_count(DISK_LOOK);
	for (raft_index index = 51; index <= 53; index++)
		fixture_write_entries(&f, index, index, 1);
	assert_int_equal(disk_fault_count(DISK_LOOK), looks + 3);
	disk_fault_arm(NULL);
	fixture_close(&f);
}

/* What waits was not acknowledged; nothing behind it may be written without it. */
TEST(closing_does_not_wait_for_space)
{
	struct fixture f;
	const char *directory;

	fixture_new(&f);
	directory = f.directory;
	disk_fault_arm(f.directory);
	fixture_write_entries(&f, 1, 1, 1);
	fill_up_to(&f, 0);
	fixture_submit_entries(&f, 2, 2, 1);
	fixture_submit_entries(&f, 3, 3, 1);
	fixture_close(&f);
	disk_fault_arm(NULL);
	fixture_open(&f, directory, "n1");
	assert_int_equal(f.err, ERR_NONE);
	assert_int_equal(f.recovered.last.index, 1);
	fixture_close(&f);
}

TEST(image_is_not_read_on_after_the_database_was_opened_again)
{
	struct fixture f;
	uint64_t snapshot;

	fixture_new(&f);
	fixture_write_entries(&f, 1, 1, 1);
	fixture_apply(&f, 1, 1, "a=1 b=2 c=3");
	disk_fault_arm(f.directory);
	snapshot = wal_snapshot_begin(f.wal);
	wal_snapshot_read(f.wal, snapshot, 1);
	fixture_wait(&f, &f.snapshot_calls, 1);
	disk_fault_fail(DISK_WRITE, 1, 0, ENOSPC);
	fixture_write_entries(&f, 2, 2, 1);
	wal_snapshot_read(f.wal, snapshot, 1);
	wal_snapshot_end(f.wal, snapshot);
	/* A new one reads all of it. */
	snapshot = wal_snapshot_begin(f.wal);
	while (!f.snapshot_last) {
		wal_snapshot_read(f.wal, snapshot, 1000);
		fixture_wait(&f, &f.snapshot_calls, f.snapshot_calls + 1);
	}
	assert_non_null(strstr(fixture_text(&f.snapshot), "a=1"));
	assert_int_equal(f.failed_calls, 0);
	disk_fault_arm(NULL);
	fixture_close(&f);
}

TEST(an_image_lost_to_a_full_disk_is_told_while_it_is_still_full)
{
	struct fixture f;
	uint64_t half_read, read, ended;

	fixture_new(&f);
	fixture_write_entries(&f, 1, 1, 1);
	fixture_apply(&f, 1, 1, "a=1 b=2 c=3");
	disk_fault_arm(f.directory);
	half_read = wal_snapshot_begin(f.wal);
	wal_snapshot_read(f.wal, half_read, 1);
	fixture_wait(&f, &f.snapshot_calls, 1);
	assert_false(f.snapshot_last);
	/* Nobody waits for more of these two. */
	read = wal_snapshot_begin(f.wal);
	wal_snapshot_read(f.wal, read, 1000);
	ended = wal_snapshot_begin(f.wal);
	wal_snapshot_end(f.wal, ended);
	fixture_wait(&f, &f.snapshot_calls, 2);
	assert_true(f.snapshot_last);
	wal_fetch(f.wal, 1, 1, 1000);
	fixture_wait(&f, &f.fetched_calls, 1);
	disk_fault_fail(DISK_WRITE, 1, 0, ENOSPC);
	disk_fault_space(SPACE_ENOUGH_BYTES - 1);
	fixture_submit_entries(&f, 2, 2, 1);
	fixture_wait(&f, &f.lost_calls, 1);
	assert_int_equal(f.lost, half_read);
	assert_int_equal(f.persisted, 2);
	disk_fault_space(SPACE_ENOUGH_BYTES);
	fixture_wait_persisted(&f, 3);
	assert_int_equal(f.lost_calls, 1);
	disk_fault_arm(NULL);
	fixture_close(&f);
}

TEST(turns_behind_a_failing_one_are_not_acknowledged)
{
	struct fixture f;
	const char *directory;

	fixture_new(&f);
	directory = f.directory;
	fixture_write_entries(&f, 1, 1, 1);
	disk_fault_arm(f.directory);
	disk_fault_close_gate(".log");
	disk_fault_fail(DISK_SYNC, 1, 0, EIO);
	fixture_submit_entries(&f, 2, 2, 1);
	assert_true(disk_fault_wait_at_gate());
	fixture_submit_entries(&f, 3, 3, 1);
	disk_fault_open_gate();
	fixture_wait(&f, &f.failed_calls, 1);
	run_idle_turns(&f);
	assert_int_equal(f.persisted, 1);
	fixture_close(&f);
	disk_fault_arm(NULL);
	fixture_open(&f, directory, "n1");
	assert_int_equal(f.err, ERR_NONE);
	/* The third was never written; the second may be there. */
	assert_in_range(f.recovered.last.index, 1, 2);
	fixture_close(&f);
}

/* Here LevelDB itself has seen no error: it is we who write nothing any more. */
TEST(turns_behind_a_failing_mark_are_not_written)
{
	struct fixture f;
	const char *directory;

	fixture_new(&f);
	directory = f.directory;
	disk_fault_arm(f.directory);
	disk_fault_close_gate(".log");
	disk_fault_fail(DISK_PWRITE, 1, 0, EIO);
	fixture_submit_entries(&f, 1, 1, 1);
	assert_true(disk_fault_wait_at_gate());
	fixture_submit_entries(&f, 2, 2, 1);
	disk_fault_open_gate();
	fixture_wait(&f, &f.failed_calls, 1);
	assert_int_equal(f.persisted, 0);
	fixture_close(&f);
	disk_fault_arm(NULL);
	fixture_open(&f, directory, "n1");
	assert_int_equal(f.err, ERR_NONE);
	assert_int_equal(f.recovered.last.index, 1);
	fixture_close(&f);
}

/* The path of some file of db/ that ends in suffix; the caller frees it. */
static char *
find_file(const char *directory, const char *suffix)
{
	char *db = xasprintf("%s/db", directory), *path = NULL;
	DIR *list = opendir(db);
	struct dirent *file;

	assert_non_null(list);
	while ((file = readdir(list)) != NULL) {
		size_t length = strlen(file->d_name);

		if (path == NULL && length > strlen(suffix) &&
		    strcmp(file->d_name + length - strlen(suffix), suffix) == 0)
			path = xasprintf("%s/%s", db, file->d_name);
	}
	closedir(list);
	free(db);
	assert_non_null(path);
	return path;
}

TEST(damage_found_while_reading_for_a_peer_is_final)
{
	static const char junk[64] = "damaged";
	struct fixture f;
	char *path;
	int fd;

	fixture_new(&f);
	fixture_write_entries(&f, 1, 500, 1);
	fixture_reopen(&f);	/* the log of LevelDB becomes a table */
	path = find_file(f.directory, ".ldb");
	fd = open(path, O_WRONLY | O_CLOEXEC);
	assert_true(fd != -1);
	for (off_t offset = 8192; offset < 16384; offset += 1024)
		assert_int_equal(pwrite(fd, junk, sizeof(junk), offset), sizeof(junk));
	close(fd);
	free(path);
	wal_fetch(f.wal, 1, 1, 1 * MIB);
	fixture_wait(&f, &f.failed_calls, 1);
	assert_int_equal(f.failed_why, ERR_CORRUPT);
	fixture_submit_entries(&f, 501, 501, 1);
	run_idle_turns(&f);
	assert_int_equal(f.persisted, 0);
	assert_int_equal(f.failed_calls, 1);
	fixture_close(&f);
}

/* ---- start ------------------------------------------------------------------------- */

/* Pitfall short-read: read errors and short reads are not the end of the file. */
TEST(reads_that_fail_or_stop_short_at_start_never_lose_entries)
{
	static const int failures[] = { EIO, 0 };

	for (size_t i = 0; i < ARRAY_COUNT(failures); i++) {
		bool met = true;

		for (unsigned nth = 1; met; nth++) {
			struct fixture f;
			const char *directory;

			fixture_new(&f);
			directory = f.directory;
			for (raft_index index = 1; index <= 901; index += 100)
				fixture_write_entries(&f, index, index + 99, 1);
			fixture_close(&f);
			disk_fault_arm(directory);
			disk_fault_fail(DISK_READ, nth, 0, failures[i]);
			fixture_open(&f, directory, "n1");
			met = disk_fault_count(DISK_READ) >= nth;
			disk_fault_arm(NULL);
			if (f.err == ERR_NONE)
				assert_int_equal(f.recovered.last.index, 1000);
			else
				assert_true(strlen(f.sentence) > 20);
			fixture_close(&f);
		}
	}
}

TEST(any_failing_call_while_a_directory_is_made_can_be_tried_again)
{
	static const enum disk_call calls[] = { DISK_WRITE, DISK_PWRITE, DISK_SYNC,
		DISK_SYNC_DIRECTORY };

	for (size_t i = 0; i < ARRAY_COUNT(calls); i++) {
		unsigned failures = 0;
		bool failed = true;

		for (unsigned nth = 1; failed; nth++) {
			const char *directory = disk_temporary();
			struct fixture f;

			disk_fault_arm(directory);
			disk_fault_fail(calls[i], nth, 0, ENOSPC);
			fixture_open(&f, directory, "n1");
			failed = f.err != ERR_NONE;
			disk_fault_arm(NULL);
			failures += failed;
			if (failed)
				assert_int_equal(f.err, ERR_NO_SPACE);
			fixture_close(&f);
			fixture_open(&f, directory, "n1");
			assert_int_equal(f.err, ERR_NONE);
			assert_true(f.recovered.identity.node_id != 0);
			fixture_close(&f);
		}
		assert_true(failures > 0);
	}
}

/* ---- power cuts and kills ------------------------------------------------------------ */

static const unsigned keeps[] = { 0, 300, 500, 999, 1000 };

/* Open a copy of the armed directory as it would be found now, and close the original's
 * part in it: the copy is another directory. */
static void
open_copy(struct fixture *copy, unsigned keep_per_mille)
{
	const char *to = disk_temporary();

	disk_fault_copy(to, keep_per_mille);
	fixture_open_unsynced(copy, to, "n1");
	if (copy->err != ERR_NONE)
		fail_msg("%s", copy->sentence);
}

TEST(power_cut_during_a_sync_leaves_the_turn_whole_or_out)
{
	struct wal_turn turn = { .hard_state_set = true, .hard_state = { .term = 1, .vote = 1 } };
	struct fixture f, copy;

	fixture_new(&f);
	disk_fault_arm(f.directory);
	fixture_write_entries(&f, 1, 3, 1);
	disk_fault_close_gate(".log");
	/* One turn: five entries and what applying two of them changed. */
	fixture_submit_entries(&f, 4, 8, 2);
	turn.applied_set = true;
	turn.applied = (struct raft_position){ 2, 1 };
	turn.effects = fixture_records("a=1 b=2");
	assert_true(disk_fault_wait_at_gate());
	wal_submit(f.wal, &turn);
	for (size_t i = 0; i < ARRAY_COUNT(keeps); i++) {
		open_copy(&copy, keeps[i]);
		assert_true(copy.recovered.last.index == 3 || copy.recovered.last.index == 8);
		assert_int_equal(copy.recovered.hard_state.term,
		    copy.recovered.last.index == 8 ? 2 : 1);
		assert_int_equal(copy.state.size, 0);
		if (keeps[i] == 0)
			assert_int_equal(copy.recovered.last.index, 3);
		fixture_close(&copy);
	}
	disk_fault_open_gate();
	fixture_wait_persisted(&f, 3);
	open_copy(&copy, 0);
	assert_int_equal(copy.recovered.last.index, 8);
	assert_string_equal(fixture_text(&copy.state), "a=1 b=2");
	fixture_close(&copy);
	disk_fault_arm(NULL);
	fixture_close(&f);
}

/* Pitfalls ack-not-durable and no-sync: every acknowledged write is there after a power
 * cut. */
TEST(power_cut_after_any_turn_keeps_what_was_acknowledged)
{
	struct fixture f, copy;

	fixture_new(&f);
	disk_fault_arm(f.directory);
	for (raft_index index = 1; index <= 20; index++) {
		char text[64];

		fixture_write_entries(&f, index, index, index / 4 + 1);
		snprintf(text, sizeof(text), "n=%u", (unsigned)index);
		fixture_apply(&f, index, index / 4 + 1, text);
		open_copy(&copy, 0);
		assert_int_equal(copy.recovered.last.index, index);
		assert_int_equal(copy.recovered.applied.index, index);
		assert_string_equal(fixture_text(&copy.state), text);
		fixture_close(&copy);
	}
	disk_fault_arm(NULL);
	fixture_close(&f);
}

/* Take copies while the turn that was just submitted is being synced, then let it go.
 * Each copy has the old state and log in whole, or the new. */
static void
copy_at_gate(struct fixture *f, uint64_t ticket, const char *new_state)
{
	static const char old_state[] = "a=1 b=2";

	assert_true(disk_fault_wait_at_gate());
	for (size_t i = 0; i < ARRAY_COUNT(keeps); i++) {
		struct fixture copy;
		bool is_old;

		open_copy(&copy, keeps[i]);
		is_old = strcmp(fixture_text(&copy.state), old_state) == 0;
		if (is_old) {
			assert_int_equal(copy.recovered.applied.index, 2);
			assert_string_equal(fixture_text(&copy.log), "1:1=1 2:1=2 3:1=3");
		} else {
			assert_string_equal(fixture_text(&copy.state), new_state);
			assert_int_equal(copy.recovered.applied.index, 50);
			assert_int_equal(copy.recovered.compacted.index, 50);
			assert_int_equal(copy.log.size, 0);
		}
		fixture_close(&copy);
	}
	disk_fault_open_gate();
	fixture_wait_persisted(f, ticket);
	disk_fault_close_gate(".log");
}

/* Pitfall stepwise-snapshot: a crash leaves the old state and log or the new, at each
 * step. */
TEST(snapshot_is_installed_whole_or_not_at_all)
{
	struct fixture f, copy;

	fixture_new(&f);
	fixture_write_entries(&f, 1, 3, 1);
	fixture_apply(&f, 2, 1, "a=1 b=2");
	fixture_reopen(&f);
	disk_fault_arm(f.directory);
	disk_fault_close_gate(".log");
	copy_at_gate(&f, wal_install_begin(f.wal), "-");
	copy_at_gate(&f, wal_install_records(f.wal, fixture_records("b=7 c=8")), "-");
	copy_at_gate(&f, wal_install_records(f.wal, fixture_records("d=9")), "-");
	copy_at_gate(&f, wal_install_commit(f.wal, (struct raft_position){ 50, 4 }, false),
	    "b=7 c=8 d=9");
	disk_fault_open_gate();
	open_copy(&copy, 0);
	assert_string_equal(fixture_text(&copy.state), "b=7 c=8 d=9");
	fixture_close(&copy);
	fixture_close(&f);
	disk_fault_arm(NULL);
}

/* Pitfall torn-tail: a database that ends before what was synced is noticed. */
TEST(database_below_its_mark_is_refused)
{
	const char *old = disk_temporary();
	struct fixture f;
	char *from, *to;

	fixture_new(&f);
	fixture_write_entries(&f, 1, 2, 1);
	disk_copy_tree(f.directory, old);
	fixture_write_entries(&f, 3, 4, 1);
	from = xasprintf("%s/db.mark", f.directory);
	to = xasprintf("%s/db.mark", old);
	assert_int_equal(rename(from, to), 0);
	fixture_close(&f);
	fixture_open(&f, old, "n1");
	assert_int_equal(f.err, ERR_CORRUPT);
	assert_non_null(strstr(f.sentence, "with entry 2, but batch 3 with entry 4 was synced"));
	fixture_close(&f);
	/* It is refused again the next time. */
	fixture_open(&f, old, "n1");
	assert_int_equal(f.err, ERR_CORRUPT);
	fixture_close(&f);
	free(from);
	free(to);
}

TEST(mark_of_another_node_is_refused)
{
	struct fixture f, other;
	const char *directory;
	char *from, *to;

	fixture_new(&f);
	fixture_new(&other);
	fixture_write_entries(&f, 1, 1, 1);
	fixture_write_entries(&other, 1, 1, 1);
	directory = f.directory;
	from = xasprintf("%s/db.mark", other.directory);
	to = xasprintf("%s/db.mark", directory);
	assert_int_equal(rename(from, to), 0);
	fixture_close(&f);
	fixture_close(&other);
	fixture_open(&f, directory, "n1");
	assert_int_equal(f.err, ERR_CORRUPT);
	assert_non_null(strstr(f.sentence, "db.mark is of another node"));
	fixture_close(&f);
	free(from);
	free(to);
}
