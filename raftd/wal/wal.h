/*
 * wal.h - the node's disk: identity, log, hard state and applied state, in one
 * LevelDB that no other code knows.
 *
 * Owns DATA_DIR/db and DATA_DIR/FORMAT (the supervisor owns the lock and the
 * directory itself). One thread writes (writer.c), one reads old data for
 * peers (reader.c); completions come back on the loop's thread. Called by
 * main.c only, which is the real node_io.
 *
 * The applied state is an opaque map of keys to values (state_record); its
 * meaning is the store's and raftd's. It has a generation: a snapshot is
 * received into the next one and becomes current in one batch.
 *
 * Every batch is synced. The first error of a write, sync or read poisons the
 * handle: failed() is called once and the process must end with EXIT_DATA. A full
 * disk is no error: what was submitted waits until there is space (space.h), and
 * space() says so.
 * Source: docs/testing.md, "What shows what"; README.md beside this file.
 */
#ifndef MOOTHALL_RAFTD_WAL_WAL_H
#define MOOTHALL_RAFTD_WAL_WAL_H

#include "common/buf.h"
#include "common/err.h"
#include "common/ipc/message.h"
#include "common/loop.h"
#include "common/tails.h"
#include "raftd/raft/types.h"
#include "raftd/wal/space.h"

struct wal;

struct wal_identity {
	uint64_t node_id;		/* never 0 */
	uint64_t cluster_id;		/* 0: not yet a member of one */
	bool founded;			/* that cluster was started by this node, empty */
	char name[NAME_BYTES_MAX + 1];
};

/* Everything of one turn that must be on disk together. */
struct wal_turn {
	bool hard_state_set;
	struct raft_hard_state hard_state;
	raft_index truncate_from;	/* delete entries >= this before adding; 0: none */
	size_t entry_count;
	const struct raft_entry *entries; /* borrowed until wal_submit returns; payloads
					   * are copied into the batch, large ones referenced */
	struct slice effects;		/* list of state_record; an empty value deletes:
					 * no record of the applied state has one */
	struct buf *effects_owner;	/* all that is in it; may be taken, and is empty
					 * then. NULL: they are copied */
	struct tails *tails;		/* of effects; may be taken, too. NULL: it has none */
	bool applied_set;
	struct raft_position applied;	/* the applied state is of this entry after the batch */
	raft_index commit;		/* known committed; 0: unchanged */
	raft_index compact_to;		/* delete entries <= this; 0: none */
	uint64_t cluster_id;		/* 0: unchanged; set once, when a join is answered or */
	bool founded;			/* when this node has started a cluster; */
	uint64_t node_id;		/* then: who it is there. 0: as before */
};

struct wal_recovered {
	struct wal_identity identity;
	bool is_new;			/* the directory was empty: identity made now */
	struct raft_hard_state hard_state;
	struct raft_position compacted;
	struct raft_position applied;
	raft_index commit;
	struct raft_position last;	/* of the log */
};

struct wal_options {
	const char *data_dir;		/* exists, mode 0700, locked by our supervisor */
	const char *name;		/* for a new identity; must match an old one if not empty */
	size_t cache_bytes;		/* LevelDB block cache */
	bool sync;			/* false: tests only */
	bool rebuilding;		/* we make it of something else: directory.h */
};

struct wal_callbacks {
	/* The batch with this ticket and all before it are synced. */
	void (*persisted)(void *argument, uint64_t ticket);
	/* Answer to wal_fetch. count 0: compacted meanwhile. Entries with their
	 * payloads are borrowed until return (reference what is kept). */
	void (*fetched)(void *argument, uint64_t fetch, struct raft_position prev,
	    const struct raft_entry *entries, size_t count);
	/* Answer to wal_snapshot_read: what position the image is of (the same
	 * each time) and the next list of state_records; last: no more come. Borrowed. */
	void (*snapshot_read)(void *argument, uint64_t snapshot, struct raft_position position,
	    struct slice records, bool last);
	/* What is left of that image, or was asked of it, does not come: LevelDB was
	 * closed, as a write found no space. It is still to be ended. */
	void (*snapshot_lost)(void *argument, uint64_t snapshot);
	/* Space became scarce or is there again; also the answer to wal_look. */
	void (*space)(void *argument, const struct wal_space *space);
	/* The disk failed: say sentence (borrowed) and end with EXIT_DATA. Nothing
	 * works any more: calls are taken, and nothing comes of them. */
	void (*failed)(void *argument, enum err why, const char *sentence);
	void *argument;
};

/*
 * Open the directory or make a new one.
 *
 * ERR_NONE; ERR_FOREIGN: data of another program or format; ERR_CORRUPT;
 * ERR_BUSY: LevelDB's lock is held (retried for 2 s before); ERR_DENIED,
 * ERR_IO, ERR_NO_SPACE; ERR_INVALID: the name is not the one on disk. On any
 * of them *sentence is set to what to tell the operator; the caller frees it.
 */
enum err wal_open(const struct wal_options *options, struct wal **wal,
    struct wal_recovered *recovered, char **sentence) MUST_CHECK;

/* Before wal_start, in this order: every state record of the current
 * generation in key order, then every log entry from the first on. Checks
 * checksums, contiguous indexes, terms that never fall, and that the log
 * reaches at least to what was applied. A callback that does not return
 * ERR_NONE ends it with that, and *sentence is left alone. */
enum err wal_recover(struct wal *wal,
    enum err (*state)(void *argument, struct slice key, struct slice value),
    enum err (*entry)(void *argument, const struct raft_entry *entry),
    void *argument, char **sentence) MUST_CHECK;

/* Start both threads; completions are delivered by loop. */
void wal_start(struct wal *wal, struct loop *loop, struct wal_callbacks callbacks);
/* Finish what was submitted (unless the disk is full: it was not acknowledged), sync,
 * close, free. No callbacks are made. Not to be called from one. Accepts NULL. */
void wal_close(struct wal **wal);

/*
 * Hand a turn to the writer; after wal_recover, also before wal_start. One
 * batch is on its way at a time; turns that come meanwhile share the next one
 * (self-clocking group commit). The turn is copied, or taken where it says so. Tickets
 * rise by one from 1.
 */
uint64_t wal_submit(struct wal *wal, const struct wal_turn *turn);

/* How much space is there? Answered by space(), late if the disk hangs. */
void wal_look(struct wal *wal);

/* Ask the reader for entries from index on (and the position before it), at
 * most bytes_max of payload but at least one; answered by fetched(fetch): a number
 * of the caller's, by which it knows an answer that it waits for no longer. */
void wal_fetch(struct wal *wal, uint64_t fetch, raft_index from, size_t bytes_max);

/*
 * A consistent image of the applied state as of the last synced batch. The id
 * names it until wal_snapshot_end. Reading is by the reader thread.
 */
uint64_t wal_snapshot_begin(struct wal *wal);
/* The next records, about bytes_max in all; answered by snapshot_read. */
void wal_snapshot_read(struct wal *wal, uint64_t snapshot, size_t bytes_max);
void wal_snapshot_end(struct wal *wal, uint64_t snapshot);

/*
 * Receive a snapshot: records go to the next generation. begin drops what an
 * earlier, unfinished one left. Each returns a ticket as wal_submit does, in
 * the same order; nothing shows before commit.
 */
uint64_t wal_install_begin(struct wal *wal);
/* A list that the caller has decoded before: asserts that it can be. */
uint64_t wal_install_records(struct wal *wal, struct slice records);
/*
 * Make it current: generation, applied = position, and drop the log up to it;
 * the rest of the log too unless keep_log_after. The old generation is deleted
 * bit by bit afterwards.
 */
uint64_t wal_install_commit(struct wal *wal, struct raft_position position, bool keep_log_after);

#endif
