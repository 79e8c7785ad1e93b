/*
 * request.c - see request.h.
 *
 * Hostile bytes come here: lists are counted before there is room for them, branches have to
 * lie within those around them, and compares have to be as many as the txns ask for.
 */
#include "raftd/replica/mvcc/request.h"

#include "common/ipc/wire.h"
#include "common/xmem.h"

#include <stdlib.h>

/* ---- to bytes ------------------------------ */

#define PUT(kind_, record) \
	do { \
		struct buf body_ = BUF_INIT; \
		record##_put(&body_, value); \
		v3_op_put(ops, &(struct v3_op){ .kind = (kind_), .body = buf_slice(&body_) }); \
		buf_free(&body_); \
	} while (0)

void
mvcc_op_put_range(struct buf *ops, const struct v3_range *value)
{
	PUT(V3_OP_RANGE, v3_range);
}

void
mvcc_op_put_put(struct buf *ops, const struct v3_put *value)
{
	PUT(V3_OP_PUT, v3_put);
}

void
mvcc_op_put_delete(struct buf *ops, const struct v3_delete *value)
{
	PUT(V3_OP_DELETE, v3_delete);
}

void
mvcc_op_put_branch(struct buf *ops, const struct v3_branch *value)
{
	PUT(V3_OP_TXN, v3_branch);
}

/* ---- from bytes ------------------------------ */

struct v3_range
mvcc_op_range(const struct mvcc_op *op)
{
	struct reader in = reader_of(op->body);
	struct v3_range range;

	MUST(v3_range_get(&in, &range));
	return range;
}

struct v3_put
mvcc_op_put(const struct mvcc_op *op)
{
	struct reader in = reader_of(op->body);
	struct v3_put put;

	MUST(v3_put_get(&in, &put));
	return put;
}

struct v3_delete
mvcc_op_delete(const struct mvcc_op *op)
{
	struct reader in = reader_of(op->body);
	struct v3_delete delete;

	MUST(v3_delete_get(&in, &delete));
	return delete;
}

bool
mvcc_request_writes(const struct mvcc_request *request)
{
	for (size_t i = 0; i < request->op_count; i++)
		if (request->ops[i].kind == V3_OP_PUT || request->ops[i].kind == V3_OP_DELETE)
			return true;
	return false;
}

bool
mvcc_request_puts(const struct mvcc_request *request)
{
	for (size_t i = 0; i < request->op_count; i++)
		if (request->ops[i].kind == V3_OP_PUT)
			return true;
	return false;
}

static enum v3_error
check_range(struct reader *in)
{
	struct v3_range range;

	if (!v3_range_get(in, &range) || !reader_done(in))
		return V3_MALFORMED;
	if (range.key.size == 0)
		return V3_KEY_EMPTY;
	return range.order > V3_SORT_DESCEND || range.target > V3_SORT_VALUE ? V3_SORT_OPTION :
	    V3_NONE;
}

static enum v3_error
check_put(struct reader *in)
{
	struct v3_put put;

	if (!v3_put_get(in, &put) || !reader_done(in))
		return V3_MALFORMED;
	if (put.key.size == 0)
		return V3_KEY_EMPTY;
	if ((put.flags & V3_PUT_IGNORE_VALUE) != 0 && put.value.size > 0)
		return V3_VALUE_PROVIDED;
	if ((put.flags & V3_PUT_IGNORE_LEASE) != 0 && put.lease != 0)
		return V3_LEASE_PROVIDED;
	return put.key.size + put.value.size > V3_PUT_BYTES_MAX ? V3_REQUEST_TOO_LARGE : V3_NONE;
}

static enum v3_error
check_delete(struct reader *in)
{
	struct v3_delete delete;

	if (!v3_delete_get(in, &delete) || !reader_done(in))
		return V3_MALFORMED;
	return delete.key.size == 0 ? V3_KEY_EMPTY : V3_NONE;
}

/* Where branches end, while the list is gone over. */
struct nesting {
	uint32_t next_compare;
	unsigned depth;
	uint32_t ends[V3_DEPTH_MAX + 1];	/* of the txns around */
	uint32_t turns[V3_DEPTH_MAX + 1];	/* where failure begins */
};

static enum v3_error
check_branch(const struct mvcc_request *request, struct mvcc_op *op, struct reader *in,
    struct nesting *nesting)
{
	uint32_t place = (uint32_t)(op - request->ops);
	struct v3_branch branch;

	if (!v3_branch_get(in, &branch) || !reader_done(in) ||
	    nesting->depth > V3_DEPTH_MAX || branch.success_end <= place ||
	    branch.failure_end < branch.success_end || branch.failure_end > request->op_count ||
	    branch.compares > request->compare_count - nesting->next_compare)
		return V3_MALFORMED;
	op->success_end = branch.success_end;
	op->failure_end = branch.failure_end;
	op->first_compare = nesting->next_compare;
	op->compare_count = branch.compares;
	nesting->next_compare += branch.compares;
	for (size_t i = 0; i < op->compare_count; i++) {
		const struct v3_compare *compare = &request->compares[op->first_compare + i];

		if (compare->key.size == 0)
			return V3_KEY_EMPTY;
		if (compare->result > V3_NOT_EQUAL || compare->target > V3_COMPARE_LEASE)
			return V3_MALFORMED;
	}
	return V3_NONE;
}

/* An operation begins at that place: branches that end there are over. */
static void
leave_branches(struct nesting *nesting, uint32_t place)
{
	while (nesting->depth > 0 && nesting->ends[nesting->depth - 1] <= place)
		nesting->depth--;
}

/* A txn has to end within the branch that it is in. */
static bool
lies_within(const struct nesting *nesting, uint32_t place, uint32_t end)
{
	unsigned around = nesting->depth;

	if (around == 0)
		return true;
	if (place < nesting->turns[around - 1])
		return end <= nesting->turns[around - 1];
	return end <= nesting->ends[around - 1];
}

static enum v3_error
check_op(struct mvcc_request *request, uint32_t place, struct nesting *nesting)
{
	struct mvcc_op *op = &request->ops[place];
	struct reader in = reader_of(op->body);
	enum v3_error error;

	leave_branches(nesting, place);
	/* The whole is one operation. */
	if (place > 0 && nesting->depth == 0)
		return V3_MALFORMED;
	switch ((enum v3_op_kind)op->kind) {
	case V3_OP_RANGE:
		return check_range(&in);
	case V3_OP_PUT:
		return check_put(&in);
	case V3_OP_DELETE:
		return check_delete(&in);
	case V3_OP_TXN:
		error = check_branch(request, op, &in, nesting);
		if (error != V3_NONE)
			return error;
		if (!lies_within(nesting, place, op->failure_end))
			return V3_MALFORMED;
		nesting->turns[nesting->depth] = op->success_end;
		nesting->ends[nesting->depth++] = op->failure_end;
		return V3_NONE;
	}
	return V3_MALFORMED;
}

static bool
get_compares(struct slice bytes, struct mvcc_request *request)
{
	struct reader in = reader_of(bytes);
	size_t count = 0, capacity = 0;

	while (!reader_done(&in)) {
		if (count == V3_COMPARES_MAX)
			return false;
		request->compares = xgrow(request->compares, &capacity, count + 1,
		    sizeof(*request->compares));
		if (!v3_compare_get(&in, &request->compares[count++]))
			return false;
	}
	request->compare_count = count;
	return true;
}

static bool
get_ops(struct slice bytes, struct mvcc_request *request)
{
	struct reader in = reader_of(bytes);
	size_t count = 0, capacity = 0;
	struct v3_op op;

	while (!reader_done(&in)) {
		if (count == V3_OPS_MAX || !v3_op_get(&in, &op))
			return false;
		request->ops = xgrow(request->ops, &capacity, count + 1, sizeof(*request->ops));
		request->ops[count++] = (struct mvcc_op){ .kind = op.kind, .body = op.body };
	}
	request->op_count = count;
	return count > 0;
}

enum v3_error
mvcc_request_new(struct slice compares, struct slice ops, struct blob *holder,
    struct mvcc_request **result)
{
	struct mvcc_request *request = xzalloc(sizeof(*request));
	struct nesting nesting = { .depth = 0 };
	enum v3_error error = V3_NONE;

	request->holder = blob_ref(holder);
	if (!get_compares(compares, request) || !get_ops(ops, request))
		error = V3_MALFORMED;
	for (uint32_t i = 0; error == V3_NONE && i < request->op_count; i++)
		error = check_op(request, i, &nesting);
	if (error == V3_NONE && nesting.next_compare != request->compare_count)
		error = V3_MALFORMED;
	if (error != V3_NONE)
		mvcc_request_free(&request);
	*result = request;
	return error;
}

void
mvcc_request_free(struct mvcc_request **freed)
{
	struct mvcc_request *request = *freed;

	if (request == NULL)
		return;
	free(request->ops);
	free(request->compares);
	blob_unref(&request->holder);
	free(request);
	*freed = NULL;
}

/* ---- the path ------------------------------ */

void
mvcc_path_begin(struct mvcc_path *path, const struct mvcc_request *request)
{
	path->request = request;
	path->at = 0;
	path->depth = 0;
}

const struct mvcc_op *
mvcc_path_next(struct mvcc_path *path)
{
	while (path->depth > 0 && path->at == path->stack[path->depth - 1].end)
		path->at = path->stack[--path->depth].goes_on;
	return path->at >= path->request->op_count ? NULL : &path->request->ops[path->at++];
}

void
mvcc_path_take(struct mvcc_path *path, bool success)
{
	const struct mvcc_op *op = &path->request->ops[path->at - 1];

	ASSERT(path->depth <= V3_DEPTH_MAX);
	path->stack[path->depth].end = success ? op->success_end : op->failure_end;
	path->stack[path->depth++].goes_on = op->failure_end;
	if (!success)
		path->at = op->success_end;
}
