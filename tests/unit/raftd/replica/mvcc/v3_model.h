/*
 * v3_model.h - what the v3 key space has to do, said a second time and simply: a list of all
 * changes, from which the state at any moment is made by going over it.
 *
 * Slow, recursive, and without any code of raftd/replica/mvcc. Source: docs/decisions.md.
 */
#ifndef MOOTHALL_TESTS_UNIT_RAFTD_REPLICA_MVCC_V3_MODEL_H
#define MOOTHALL_TESTS_UNIT_RAFTD_REPLICA_MVCC_V3_MODEL_H

#include "common/buf.h"
#include "common/ipc/v3.h"
#include "common/v3_error.h"

struct v3_model_change {
	uint64_t revision, sub;
	bool gone;
	struct slice key, value;	/* owned */
	uint64_t create, version, lease;
};

struct v3_model_lease {
	uint64_t id, ttl_s, expiry_ns;
	bool settled;
};

struct v3_model {
	struct v3_model_change *changes;	/* in order */
	size_t count, capacity;
	struct v3_model_lease *leases;	/* in order of ids */
	size_t lease_count, lease_capacity;
	uint64_t revision;
	int64_t compacted;
};

/* What a write or a read came to. */
struct v3_model_answer {
	enum v3_error error;
	uint64_t revision;		/* of the store after it */
	struct buf results;		/* a line of text for each operation that was done */
	struct buf bytes;		/* of its KeyValues */
};

void v3_model_init(struct v3_model *model);
void v3_model_free(struct v3_model *model);
void v3_model_answer_free(struct v3_model_answer *answer);

/* Lists as of command_v3_write; they are sound. */
void v3_model_write(struct v3_model *model, struct slice compares, struct slice ops,
    struct v3_model_answer *answer);
/* The same of one that writes nothing. */
void v3_model_read(struct v3_model *model, struct slice compares, struct slice ops,
    struct v3_model_answer *answer);
enum v3_error v3_model_compact(struct v3_model *model, int64_t revision);
enum v3_error v3_model_grant(struct v3_model *model, uint64_t id, int64_t ttl_s, uint64_t now_ns,
    uint64_t *granted_s);
enum v3_error v3_model_revoke(struct v3_model *model, uint64_t id);
void v3_model_expire(struct v3_model *model, uint64_t id, uint64_t now_ns);
void v3_model_checkpoint(struct v3_model *model, uint64_t id, uint64_t expiry_ns);
struct v3_model_lease *v3_model_lease(struct v3_model *model, uint64_t id);

/* A result as a line. */
void v3_model_line(struct buf *out, uint8_t kind, bool more, bool succeeded, uint64_t responses,
    uint64_t revision, uint64_t count, uint64_t kvs);
/* The KeyValue of a change, as a field of that tag. */
void v3_model_wire(struct buf *out, uint8_t tag, const struct v3_model_change *change,
    bool keys_only);
bool v3_model_in_range(struct slice name, struct slice key, struct slice end);
/* The put before that change of its key, as history shows it, or NULL. */
const struct v3_model_change *v3_model_previous(const struct v3_model *model,
    const struct v3_model_change *change);

#endif
