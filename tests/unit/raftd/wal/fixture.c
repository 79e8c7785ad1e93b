/*
 * fixture.c - see fixture.h.
 */
#include "tests/unit/raftd/wal/fixture.h"

#include "common/xmem.h"
#include "raftd/wal/wal_priv.h"
#include "tests/lib/test.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define WAIT_MS 30000
#define ENTRIES_MAX 4096

static void
add_space(struct buf *buf)
{
	if (buf->size > 0)
		buf_append_byte(buf, ' ');
}

static void
add_entry(struct buf *buf, const struct raft_entry *entry)
{
	add_space(buf);
	buf_printf(buf, "%" PRIu64 ":%" PRIu64 "=", entry->index, entry->term);
	buf_append_slice(buf, blob_slice(entry->payload));
}

static void
add_record(struct buf *buf, struct slice key, struct slice value)
{
	add_space(buf);
	buf_append_slice(buf, key);
	buf_append_byte(buf, '=');
	buf_append_slice(buf, value);
}

const char *
fixture_text(struct buf *buf)
{
	buf_append_byte(buf, '\0');
	buf->size--;
	return (const char *)buf->data;
}

/* ---- callbacks -------------------------------------------------------------- */

static enum err
on_state(void *argument, struct slice key, struct slice value)
{
	struct fixture *fixture = argument;

	add_record(&fixture->state, key, value);
	return ERR_NONE;
}

static enum err
on_entry(void *argument, const struct raft_entry *entry)
{
	struct fixture *fixture = argument;

	add_entry(&fixture->log, entry);
	return ERR_NONE;
}

static void
on_persisted(void *argument, uint64_t ticket)
{
	struct fixture *fixture = argument;

	assert_true(ticket > fixture->persisted);
	assert_int_equal(fixture->failed_calls, 0);
	fixture->persisted = ticket;
	fixture->persisted_calls++;
}

static void
on_fetched(void *argument, uint64_t fetch, struct raft_position prev,
    const struct raft_entry *entries, size_t count)
{
	struct fixture *fixture = argument;

	fixture->fetched_calls++;
	add_space(&fixture->fetched_ids);
	buf_printf(&fixture->fetched_ids, "%" PRIu64, fetch);
	fixture->fetched_prev = prev;
	buf_clear(&fixture->fetched);
	for (size_t i = 0; i < count; i++)
		add_entry(&fixture->fetched, &entries[i]);
}

static void
on_snapshot_read(void *argument, uint64_t snapshot UNUSED, struct raft_position position,
    struct slice records, bool last)
{
	struct fixture *fixture = argument;
	struct reader in = reader_of(records);
	struct state_record record;

	fixture->snapshot_calls++;
	fixture->snapshot_position = position;
	fixture->snapshot_last = last;
	buf_append_slice(&fixture->snapshot_raw, records);
	while (state_record_get(&in, &record))
		add_record(&fixture->snapshot, record.key, record.value);
	assert_true(reader_done(&in));
}

static void
on_snapshot_lost(void *argument, uint64_t snapshot)
{
	struct fixture *fixture = argument;

	fixture->lost_calls++;
	fixture->lost = snapshot;
}

static void
on_space(void *argument, const struct wal_space *space)
{
	struct fixture *fixture = argument;

	fixture->space_calls++;
	fixture->space = *space;
}

static void
on_failed(void *argument, enum err why, const char *sentence)
{
	struct fixture *fixture = argument;

	fixture->failed_calls++;
	fixture->failed_why = why;
	free(fixture->failed_sentence);
	fixture->failed_sentence = xstrdup(sentence);
}

static void
on_turn_end(void *argument)
{
	struct fixture *fixture = argument;

	loop_stop(fixture->loop, 0);
}

static void
on_limit(void *argument)
{
	struct fixture *fixture = argument;

	fixture->timed_out = true;
}

/* ---- life --------------------------------------------------------------------- */

static void
open_with(struct fixture *fixture, const char *directory, const char *name, bool sync)
{
	struct wal_options options = {
		.data_dir = directory,
		.name = name,
		.cache_bytes = 1 * MIB,
		.sync = sync,
	};
	struct wal_callbacks callbacks = {
		.persisted = on_persisted,
		.fetched = on_fetched,
		.snapshot_read = on_snapshot_read,
		.snapshot_lost = on_snapshot_lost,
		.space = on_space,
		.failed = on_failed,
		.argument = fixture,
	};

	*fixture = (struct fixture){ .directory = directory };
	fixture->err = wal_open(&options, &fixture->wal, &fixture->recovered, &fixture->sentence);
	if (fixture->err != ERR_NONE)
		return;
	fixture->err = wal_recover(fixture->wal, on_state, on_entry, fixture, &fixture->sentence);
	if (fixture->err != ERR_NONE)
		return;
	fixture->loop = loop_new();
	loop_at_turn_end(fixture->loop, on_turn_end, fixture);
	fixture->limit = loop_timer_new(fixture->loop, on_limit, fixture);
	wal_start(fixture->wal, fixture->loop, callbacks);
}

void
fixture_open(struct fixture *fixture, const char *directory, const char *name)
{
	open_with(fixture, directory, name, true);
}

void
fixture_open_unsynced(struct fixture *fixture, const char *directory, const char *name)
{
	open_with(fixture, directory, name, false);
}

void
fixture_new(struct fixture *fixture)
{
	fixture_open(fixture, disk_temporary(), "n1");
	assert_int_equal(fixture->err, ERR_NONE);
}

void
fixture_close(struct fixture *fixture)
{
	wal_close(&fixture->wal);
	if (fixture->loop != NULL) {
		loop_timer_free(&fixture->limit);
		loop_free(&fixture->loop);
	}
	free(fixture->sentence);
	free(fixture->failed_sentence);
	buf_free(&fixture->state);
	buf_free(&fixture->log);
	buf_free(&fixture->fetched);
	buf_free(&fixture->fetched_ids);
	buf_free(&fixture->snapshot);
	buf_free(&fixture->snapshot_raw);
}

void
fixture_reopen(struct fixture *fixture)
{
	const char *directory = fixture->directory;

	fixture_close(fixture);
	fixture_open(fixture, directory, NULL);
	if (fixture->err != ERR_NONE)
		fail_msg("%s", fixture->sentence);
}

/* ---- doing -------------------------------------------------------------------- */

static void
run_turn(struct fixture *fixture)
{
	loop_run(fixture->loop, 0);
	if (fixture->timed_out)
		fail_msg("nothing happened for %d ms", WAIT_MS);
}

void
fixture_wait(struct fixture *fixture, const unsigned *counter, unsigned wanted)
{
	loop_timer_set(fixture->limit, WAIT_MS);
	while (*counter < wanted)
		run_turn(fixture);
	loop_timer_cancel(fixture->limit);
}

void
fixture_wait_persisted(struct fixture *fixture, uint64_t ticket)
{
	loop_timer_set(fixture->limit, WAIT_MS);
	while (fixture->persisted < ticket)
		run_turn(fixture);
	loop_timer_cancel(fixture->limit);
}

void
fixture_settle(struct fixture *fixture)
{
	struct wal_turn turn = { .commit = 0 };
	const struct wal *wal = fixture->wal;

	loop_timer_set(fixture->limit, WAIT_MS);
	while (wal->sweep != SWEEP_IDLE || wal->sweep_wanted ||
	    wal->marks.trimmed <= wal->marks.compacted_index)
		run_turn(fixture);
	fixture_wait_persisted(fixture, wal_submit(fixture->wal, &turn));
}

void
fixture_write(struct fixture *fixture, const struct wal_turn *turn)
{
	fixture_wait_persisted(fixture, wal_submit(fixture->wal, turn));
}

uint64_t
fixture_submit_entries(struct fixture *fixture, raft_index first, raft_index last, raft_term term)
{
	static struct raft_entry entries[ENTRIES_MAX];
	struct wal_turn turn = {
		.hard_state_set = true,
		.hard_state = { .term = term, .vote = 7 },
		.entries = entries,
	};
	uint64_t ticket;

	assert_true(last - first < ENTRIES_MAX);
	for (raft_index index = first; index <= last; index++) {
		char text[24];

		snprintf(text, sizeof(text), "%" PRIu64, index);
		entries[turn.entry_count++] = (struct raft_entry){
			.term = term,
			.index = index,
			.time_ns = index * 10,
			.type = RAFT_ENTRY_COMMAND,
			.payload = blob_new(slice_text(text)),
		};
	}
	ticket = wal_submit(fixture->wal, &turn);
	for (size_t i = 0; i < turn.entry_count; i++)
		blob_unref(&entries[i].payload);
	return ticket;
}

void
fixture_write_entries(struct fixture *fixture, raft_index first, raft_index last, raft_term term)
{
	fixture_wait_persisted(fixture, fixture_submit_entries(fixture, first, last, term));
}

struct slice
fixture_records(const char *text)
{
	static uint8_t bytes[8192];
	struct buf buf = BUF_INIT;
	size_t size;

	while (*text != '\0') {
		size_t whole = strcspn(text, " "), key = strcspn(text, "=");
		struct state_record record = {
			.key = slice_of(text, key),
			.value = slice_of(text + key + 1, whole - key - 1),
		};

		state_record_put(&buf, &record);
		text += whole + strspn(text + whole, " ");
	}
	size = buf.size;
	assert_true(size <= sizeof(bytes));
	if (size > 0)
		memcpy(bytes, buf.data, size);
	buf_free(&buf);
	return slice_of(bytes, size);
}

void
fixture_apply(struct fixture *fixture, raft_index index, raft_term term, const char *text)
{
	struct wal_turn turn = {
		.effects = fixture_records(text),
		.applied_set = true,
		.applied = { index, term },
		.commit = index,
	};

	fixture_write(fixture, &turn);
}
