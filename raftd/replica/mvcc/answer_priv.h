/*
 * answer_priv.h - an answer that is being read, for answer.c and range.c only.
 */
#ifndef MOOTHALL_RAFTD_REPLICA_MVCC_ANSWER_PRIV_H
#define MOOTHALL_RAFTD_REPLICA_MVCC_ANSWER_PRIV_H

#include "raftd/replica/mvcc/mvcc_priv.h"

/* Of the field in the response of the API that KeyValues stand in. */
#define TAG_FIELD_2 0x12u
#define TAG_FIELD_3 0x1au

struct sorted {
	struct mvcc_change *change;
	uint64_t number;		/* it is sorted by; 0 for values */
	uint32_t place;			/* by key: what is equal keeps that order */
};

/* One operation that is on the way. */
struct answer_part {
	const struct mvcc_op *op;
	uint32_t sub;			/* changes of the write before it */
	struct mvcc_result result;
	struct sorted *sorted;		/* result.kvs of them are shown */
	size_t sorted_count, sorted_capacity;
	size_t sorted_bytes;		/* of values that make the order */
};

struct mvcc_answer {
	TAILQ_ENTRY(mvcc_answer) link;
	struct mvcc *mvcc;		/* NULL: lost */
	bool kept;			/* history is, for it */
	struct mvcc_request *request;
	uint64_t base;			/* revision before its changes */
	uint64_t need;			/* of what is not below it nothing may be freed */
	uint64_t opened_ms;
	struct answer_part *parts;
	size_t count, capacity;
	struct mvcc_result *results;	/* NULL: not measured */
	/* Where it stands, in this pass: */
	size_t at;			/* part */
	bool begun;			/* of it */
	bool counted;			/* a range: result.count is right, nothing is to be added */
	uint64_t left;			/* a range: that may be shown yet */
	size_t place;			/* of those that are numbered */
	struct buf last;		/* the key that was looked at last */
};

/* Where the bytes of a piece go. */
struct streaming {
	struct buf *out;
	size_t begun, bytes_max;
};

static inline bool
streaming_is_full(const struct streaming *s)
{
	return s->out->size - s->begun >= s->bytes_max;
}

/* Where in history it looks, if it does not say where. */
static inline struct mvcc_position
mvcc_answer_position(const struct mvcc_answer *answer, const struct answer_part *part)
{
	return (struct mvcc_position){ answer->base + 1, part->sub };
}

/* answer.c. A KeyValue with its tag and length. */
size_t mvcc_framed_size(const struct mvcc_change *change, bool keys_only);
void mvcc_put_framed(struct buf *out, uint8_t tag, const struct mvcc_change *change,
    bool keys_only);

/* range.c. Both go on from where the answer stands. True: it is measured; *full: too many keys
 * were to be put in order. */
bool mvcc_measure_range(struct mvcc_answer *answer, struct answer_part *part, size_t *looks,
    bool *full);
/* True: all of it is in out. */
bool mvcc_stream_range(struct mvcc_answer *answer, struct answer_part *part, size_t *looks,
    struct streaming *s);

#endif
