/*
 * v3_work.h - random operations on v3 keys: few keys and revisions about where the store stands, so
 * that they meet, and every option.
 */
#ifndef MOOTHALL_TESTS_UNIT_RAFTD_REPLICA_MVCC_V3_WORK_H
#define MOOTHALL_TESTS_UNIT_RAFTD_REPLICA_MVCC_V3_WORK_H

#include "common/rand.h"
#include "tests/unit/raftd/replica/mvcc/v3_model.h"

struct v3_work {
	struct rand *rand;
	const struct v3_model *model;	/* says where the store stands */
};

/* Static bytes, some that are no text; and what a range may end with. */
struct slice v3_work_key(struct v3_work *w);
struct slice v3_work_end(struct v3_work *w);
/* 0 to 5. */
uint64_t v3_work_lease(struct v3_work *w);
/* About the present one, the compacted one, below 0. */
uint64_t v3_work_revision(struct v3_work *w);
/* Appended to a list of v3_op. */
void v3_work_range(struct v3_work *w, struct buf *ops);
void v3_work_put(struct v3_work *w, struct buf *ops);
void v3_work_delete(struct v3_work *w, struct buf *ops);
/* A txn and all that is in it, behind so many others; how many there are then. */
uint32_t v3_work_txn(struct v3_work *w, struct buf *compares, struct buf *ops, uint32_t place,
    unsigned depth, bool reads);

#endif
