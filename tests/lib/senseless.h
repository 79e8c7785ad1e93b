/*
 * senseless.h - random frames of a worker that was taken over: well formed by the message
 * table, and senseless.
 *
 * Each field of a message is filled by its kind and name: ids that were used before, are
 * used now, never were; sizes at and above the limits; keys with hostile names and of any
 * depth. A tame frame is one for which a channel is not closed. One seed, one sequence.
 */
#ifndef MOOTHALL_TESTS_LIB_SENSELESS_H
#define MOOTHALL_TESTS_LIB_SENSELESS_H

#include "common/ipc/message.h"
#include "common/rand.h"

#define SENSELESS_IDS 64

struct senseless {
	struct rand rand;
	unsigned sender;		/* FROM_CLIENT_WORKER or FROM_PEER_WORKER */
	const char *top;		/* all keys that are written are below it */
	unsigned big_per_mille;		/* chance of a value of some MiB */
	uint64_t peers[4];		/* node ids that frames of nodes come from; 0: none */
	/* Frames by which no cluster changes its leader, its log, its members or its users. */
	bool harmless;
	/* What is filled in by the way. */
	uint64_t ids[SENSELESS_IDS];	/* request ids that were used */
	size_t id_count;
	uint64_t next_id;
	uint64_t index;			/* a store index that was heard of; */
	uint64_t term, log_index;	/* and from a status: of the log */
	struct buf bytes;		/* what the fields of one frame point into */
	size_t used;
};

/* Memory for fields is taken here, once. */
void senseless_init(struct senseless *s, uint64_t seed, unsigned sender, const char *top);
void senseless_free(struct senseless *s);
/* What raftd said, from which some of it is taken: a status or an outcome. */
void senseless_hear(struct senseless *s, const struct frame *frame);
/* Append one frame for which no channel is closed. */
void senseless_tame(struct senseless *s, struct buf *out);
/* Append bytes for which one is: a field, a length, a type or a phase is wrong. */
void senseless_wild(struct senseless *s, struct buf *out);

#endif
