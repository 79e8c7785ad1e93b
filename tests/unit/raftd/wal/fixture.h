/*
 * fixture.h - a node's disk for tests: opens, submits, waits, and remembers
 * what came back, as text where that reads well.
 */
#ifndef MOOTHALL_TESTS_UNIT_RAFTD_WAL_FIXTURE_H
#define MOOTHALL_TESTS_UNIT_RAFTD_WAL_FIXTURE_H

#include "raftd/wal/wal.h"
#include "tests/lib/disk_fault.h"

struct fixture {
	const char *directory;
	struct loop *loop;
	struct loop_timer *limit;	/* no wait lasts longer */
	bool timed_out;
	struct wal *wal;
	struct wal_recovered recovered;
	enum err err;			/* of wal_open or wal_recover */
	char *sentence;
	struct buf state;		/* "a=1 b=2", in key order */
	struct buf log;			/* "5:2=x 6:2=y": index, term, payload */

	uint64_t persisted;
	unsigned persisted_calls;
	unsigned space_calls;
	struct wal_space space;
	unsigned failed_calls;
	enum err failed_why;
	char *failed_sentence;
	unsigned fetched_calls;
	struct buf fetched_ids;		/* "7 8 9": all that were answered */
	struct raft_position fetched_prev;
	struct buf fetched;		/* as log */
	unsigned snapshot_calls;
	unsigned lost_calls;
	uint64_t lost;			/* the last of them */
	struct raft_position snapshot_position;
	struct buf snapshot;		/* as state */
	struct buf snapshot_raw;	/* list of state_record */
	bool snapshot_last;
};

/* Open directory and recover; then err says how it went and, if well, it runs. */
void fixture_open(struct fixture *fixture, const char *directory, const char *name);
void fixture_open_unsynced(struct fixture *fixture, const char *directory, const char *name);
/* In a new temporary directory, as "n1"; asserts that it went well. */
void fixture_new(struct fixture *fixture);
/* Close and free. Asserts nothing about failures seen. */
void fixture_close(struct fixture *fixture);
/* Close and open again; asserts that both went well. */
void fixture_reopen(struct fixture *fixture);

/* Run the loop until *counter reaches at least wanted. Asserts that it does. */
void fixture_wait(struct fixture *fixture, const unsigned *counter, unsigned wanted);
void fixture_wait_persisted(struct fixture *fixture, uint64_t ticket);
/* Run the loop until the upkeep has nothing left to do, and all it did is synced. */
void fixture_settle(struct fixture *fixture);
/* Submit and wait. */
void fixture_write(struct fixture *fixture, const struct wal_turn *turn);
/* Entries first..last of that term, payload "INDEX", with hard state of the term. */
uint64_t fixture_submit_entries(struct fixture *fixture, raft_index first, raft_index last,
    raft_term term);
void fixture_write_entries(struct fixture *fixture, raft_index first, raft_index last,
    raft_term term);
/* "a=1 b= c=3" as a list of state_records, in a static buffer. */
struct slice fixture_records(const char *text);
/* Applied index with those records. */
void fixture_apply(struct fixture *fixture, raft_index index, raft_term term, const char *text);
/* NUL-terminated view. */
const char *fixture_text(struct buf *buf);

#endif
