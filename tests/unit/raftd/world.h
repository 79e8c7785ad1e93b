/*
 * world.h - a conductor in a world of memory: a disk that syncs when it is told
 * to, workers that write down what they hear, no other node.
 *
 * All time is the test's. For unit tests and for the fuzzer, so what must hold
 * here is an ASSERT.
 */
#ifndef MOOTHALL_TESTS_UNIT_RAFTD_WORLD_H
#define MOOTHALL_TESTS_UNIT_RAFTD_WORLD_H

#include "common/buf.h"
#include "raftd/node.h"

#define WORLD_SESSION 77	/* of the one worker */
#define WORLD_TRIM_ENTRIES 100

struct world {
	struct node *node;
	struct clock_time now;
	uint64_t tickets, synced;
	raft_index stored;		/* what was applied up to it went to the disk last */
	struct buf peer_out;		/* frames for nodes: of the last call of a part for it, */
	bool keeps_peer_out;		/* or all */
	struct buf said;		/* what went to workers, as words in order */
	size_t v3_bytes;		/* of keys and values in what watches of the v3 keys got */
	size_t events;			/* so many watches were told of one, each event counted */
	struct node_outcome last;	/* slices are not kept */
	char last_cause[256];
	size_t outcomes;
	size_t queued;			/* what raftd is told that waits for the worker, */
	uint64_t queued_session;	/* for this one; 0: WORLD_SESSION */
	uint64_t last_session;		/* whose the last outcome was */
	struct buf event;		/* of all outcomes, one behind the other */
	enum exit_code ended;
	char end_sentence[512];
	bool retired;
	uint64_t retire_wait_ms;
	char retire_peers[128];
	char notice[512];		/* the last; empty: none */
	size_t images, image_reads;	/* open; asked for and not given */
	struct msg_stats stats;		/* the last; slices are not kept, */
	struct buf progress;		/* but for its followers */
	size_t conditions;		/* so often was asked what the node tells of itself */
	uint64_t pieces;
	enum err piece_error;
	struct msg_backup_piece piece;	/* the last; slices are not kept */
};

/* Of nodes that are made from now on; 0: as in production. */
extern size_t world_v3_piece_bytes;

/* Node 0xa1, "machine1", with an empty disk; join: it waits for a cluster to join. */
struct world *world_new(bool join, uint64_t trim_entries);
/* One that leads a cluster of its own. */
struct world *world_leading(void);
/* The same, and the operator named these peers since. */
struct world *world_leading_with(const char *peers);
/* One with an entry in its log, whose raftd alone was started again. */
struct world *world_restarted(void);
void world_free(struct world *w);

void world_turn(struct world *w, uint64_t later_ms);
/* All that was submitted is on the disk. */
void world_sync(struct world *w);
/* Turns and syncs until nothing more comes at this time. */
void world_settle(struct world *w);

/* As the worker asks; a read waits for its answer. */
void world_write(struct world *w, uint64_t sequence, const char *key, uint64_t ttl_s);
enum err world_read(struct world *w, uint64_t id, const char *key, uint8_t flags);
/* What went to the worker since w->said was cleared, as words in order. */
const char *world_said(struct world *w);

#endif
