/*
 * request.h - what is asked of the v3 key space, taken apart and checked: one operation, or a
 * txn with others in it.
 *
 * A flat list: a txn stands before those that are in it, and knows where its two branches end.
 * Nothing here goes as deep as the nesting. The bytes are those of the lists of command_v3_write.
 */
#ifndef MOOTHALL_RAFTD_REPLICA_MVCC_REQUEST_H
#define MOOTHALL_RAFTD_REPLICA_MVCC_REQUEST_H

#include "common/blob.h"
#include "common/ipc/v3.h"
#include "common/limits.h"
#include "common/v3_error.h"

struct mvcc_op {
	uint8_t kind;			/* enum v3_op_kind */
	struct slice body;		/* a record of its kind */
	/* Of a txn: success is [its place + 1, success_end), failure [success_end, failure_end);
	 * compares is [first_compare, first_compare + compare_count) of those. */
	uint32_t success_end, failure_end;
	uint32_t first_compare, compare_count;
};

struct mvcc_request {
	struct mvcc_op *ops;		/* the first is the whole */
	size_t op_count;
	struct v3_compare *compares;
	size_t compare_count;
	struct blob *holder;		/* of the bytes; NULL: they are borrowed */
};

/*
 * Take lists of v3_compare and v3_op apart. holder: whose bytes they are, referenced; NULL: the
 * caller keeps them as long as the request.
 *
 * V3_MALFORMED: no such lists, or more than limits.h allows; else what is wrong with the first
 * compare or operation that no state makes right: an empty key, V3_VALUE_PROVIDED,
 * V3_LEASE_PROVIDED, V3_SORT_OPTION, V3_REQUEST_TOO_LARGE. Then *request is NULL.
 * Whether a key is put twice is not asked: it would do no harm.
 */
enum v3_error mvcc_request_new(struct slice compares, struct slice ops, struct blob *holder,
    struct mvcc_request **request) MUST_CHECK;
/* Accepts NULL in *request. */
void mvcc_request_free(struct mvcc_request **request);
/* Of one operation alone, as a list of them; appended. */
void mvcc_op_put_range(struct buf *ops, const struct v3_range *range);
void mvcc_op_put_put(struct buf *ops, const struct v3_put *put);
void mvcc_op_put_delete(struct buf *ops, const struct v3_delete *del);
void mvcc_op_put_branch(struct buf *ops, const struct v3_branch *branch);

/* An operation's record; the request was taken apart, so it is one. */
struct v3_range mvcc_op_range(const struct mvcc_op *op);
struct v3_put mvcc_op_put(const struct mvcc_op *op);
struct v3_delete mvcc_op_delete(const struct mvcc_op *op);
/* Has it anything that writes? */
bool mvcc_request_writes(const struct mvcc_request *request);
/* Has it a put, on whatever way through it? */
bool mvcc_request_puts(const struct mvcc_request *request);

/*
 * The operations that are done, given which branch each txn takes:
 *
 *	mvcc_path_begin(&path, request);
 *	while ((op = mvcc_path_next(&path)) != NULL)
 *		if (op->kind == V3_OP_TXN)
 *			mvcc_path_take(&path, whether it succeeds);
 */
struct mvcc_path {
	const struct mvcc_request *request;
	uint32_t at;			/* the next one */
	unsigned depth;
	struct {
		uint32_t end, goes_on;	/* behind a branch, and behind its txn */
	} stack[V3_DEPTH_MAX + 1];
};
void mvcc_path_begin(struct mvcc_path *path, const struct mvcc_request *request);
/* NULL: it ends. */
const struct mvcc_op *mvcc_path_next(struct mvcc_path *path);
/* Of the txn that came last. */
void mvcc_path_take(struct mvcc_path *path, bool success);

/* An int64 of the API, as it is sent. */
static inline int64_t
mvcc_int64(uint64_t number)
{
	return number <= INT64_MAX ? (int64_t)number : -(int64_t)(UINT64_MAX - number) - 1;
}

/* A range of the API, as it is meant: [from, to), or from on; empty if to is not after from. */
struct mvcc_span {
	struct slice from, to;
	bool point;			/* from alone */
	bool open;			/* no end */
};

static inline struct mvcc_span
mvcc_span_of(struct slice key, struct slice end)
{
	bool open = end.size == 1 && end.data[0] == 0;

	return (struct mvcc_span){ .from = key, .to = open ? SLICE_EMPTY : end,
		.point = end.size == 0, .open = open };
}

static inline bool
mvcc_span_is_before_end(const struct mvcc_span *span, struct slice name)
{
	if (span->point)
		return slice_equal(name, span->from);
	return span->open || slice_compare(name, span->to) < 0;
}

static inline bool
mvcc_span_has(const struct mvcc_span *span, struct slice name)
{
	return slice_compare(name, span->from) >= 0 && mvcc_span_is_before_end(span, name);
}

#endif
