/*
 * ask.c - see ask.h.
 *
 * A txn is first laid flat, and looked at as it is: nothing here goes as deep as it nests.
 * Then its operations are written, since a txn says where its branches end.
 */
#include "httpd/v3/ask.h"

#include "common/ipc/v3.h"
#include "common/limits.h"
#include "httpd/v3/duplicate.h"

#define FLAT_OPS_FIRST ((size_t)16)

static const struct v3_status fine = { V3_OK, "" };

void
v3_ask_free(struct v3_ask *ask)
{
	buf_free(&ask->compares);
	buf_free(&ask->ops);
}

/* ---- what is looked at ------------------------------ */

static struct v3_status
check_range(const struct v3_range_request *range)
{
	if (range->key.size == 0)
		return v3_status_of(V3_REFUSE_EMPTY_KEY);
	if (range->sort_order < V3_SORT_NONE || range->sort_order > V3_SORT_DESCEND ||
	    range->sort_target < V3_SORT_KEY || range->sort_target > V3_SORT_VALUE)
		return v3_status_of(V3_REFUSE_SORT_OPTION);
	return fine;
}

static struct v3_status
check_put(const struct v3_put_request *put)
{
	if (put->key.size == 0)
		return v3_status_of(V3_REFUSE_EMPTY_KEY);
	if (put->ignore_value && put->value.size > 0)
		return v3_status_of(V3_REFUSE_VALUE_PROVIDED);
	if (put->ignore_lease && put->lease != 0)
		return v3_status_of(V3_REFUSE_LEASE_PROVIDED);
	return fine;
}

static struct v3_status
check_delete(const struct v3_delete_range_request *delete)
{
	return delete->key.size == 0 ? v3_status_of(V3_REFUSE_EMPTY_KEY) : fine;
}

static struct v3_status
check_compare(const struct v3_txn_compare *compare)
{
	if (compare->key.size == 0)
		return v3_status_of(V3_REFUSE_EMPTY_KEY);
	if (compare->result < V3_EQUAL || compare->result > V3_NOT_EQUAL ||
	    compare->target < V3_COMPARE_VERSION || compare->target > V3_COMPARE_LEASE)
		return v3_status_of(V3_REFUSE_COMPARE);
	return fine;
}

/* ---- written ------------------------------ */

static void
put_op(struct buf *ops, enum v3_op_kind kind, const struct buf *body)
{
	v3_op_put(ops, &(struct v3_op){ .kind = (uint8_t)kind, .body = buf_slice(body) });
}

static void
write_range(struct buf *ops, const struct v3_range_request *range)
{
	struct buf body = BUF_INIT;

	v3_range_put(&body, &(struct v3_range){
	    .key = range->key,
	    .end = range->range_end,
	    .flags = (uint8_t)((range->keys_only ? V3_RANGE_KEYS_ONLY : 0) |
		(range->count_only ? V3_RANGE_COUNT_ONLY : 0)),
	    .order = (uint8_t)range->sort_order,
	    .target = (uint8_t)range->sort_target,
	    .limit = (uint64_t)range->limit,
	    .revision = (uint64_t)range->revision,
	    .min_mod = (uint64_t)range->min_mod_revision,
	    .max_mod = (uint64_t)range->max_mod_revision,
	    .min_create = (uint64_t)range->min_create_revision,
	    .max_create = (uint64_t)range->max_create_revision,
	});
	put_op(ops, V3_OP_RANGE, &body);
	buf_free(&body);
}

static void
write_put(struct buf *ops, const struct v3_put_request *put)
{
	struct buf body = BUF_INIT;

	v3_put_put(&body, &(struct v3_put){
	    .key = put->key,
	    .value = put->value,
	    .lease = (uint64_t)put->lease,
	    .flags = (uint8_t)((put->prev_kv ? V3_PUT_PREV_KV : 0) |
		(put->ignore_value ? V3_PUT_IGNORE_VALUE : 0) |
		(put->ignore_lease ? V3_PUT_IGNORE_LEASE : 0)),
	});
	put_op(ops, V3_OP_PUT, &body);
	buf_free(&body);
}

static void
write_delete(struct buf *ops, const struct v3_delete_range_request *delete)
{
	struct buf body = BUF_INIT;

	v3_delete_put(&body, &(struct v3_delete){
	    .key = delete->key,
	    .end = delete->range_end,
	    .flags = delete->prev_kv ? V3_DELETE_PREV_KV : 0,
	});
	put_op(ops, V3_OP_DELETE, &body);
	buf_free(&body);
}

static void
write_branch(struct buf *ops, const struct v3_flat_op *op)
{
	struct buf body = BUF_INIT;

	v3_branch_put(&body, &(struct v3_branch){ .compares = op->compares,
	    .success_end = op->success_end, .failure_end = op->failure_end });
	put_op(ops, V3_OP_TXN, &body);
	buf_free(&body);
}

/* What is given: a member that does not fit the target counts as zero. */
static uint64_t
given_number(const struct v3_txn_compare *compare)
{
	switch ((enum v3_compare_target)compare->target) {
	case V3_COMPARE_VERSION:
		return compare->which == V3_IS_version ? (uint64_t)compare->version : 0;
	case V3_COMPARE_CREATE:
		return compare->which == V3_IS_create_revision ?
		    (uint64_t)compare->create_revision : 0;
	case V3_COMPARE_MOD:
		return compare->which == V3_IS_mod_revision ? (uint64_t)compare->mod_revision : 0;
	case V3_COMPARE_LEASE:
		return compare->which == V3_IS_lease ? (uint64_t)compare->lease : 0;
	case V3_COMPARE_VALUE:
		break;
	}
	return 0;
}

static void
write_compare(struct buf *compares, const struct v3_txn_compare *compare)
{
	bool has_value = compare->target == V3_COMPARE_VALUE && compare->which == V3_IS_value;

	v3_compare_put(compares, &(struct v3_compare){
	    .result = (uint8_t)compare->result,
	    .target = (uint8_t)compare->target,
	    .key = compare->key,
	    .end = compare->range_end,
	    .number = given_number(compare),
	    .value = has_value ? compare->value : SLICE_EMPTY,
	});
}

/* ---- txns ------------------------------ */

/* A txn that is being laid flat. */
struct open_txn {
	const struct v3_txn_request *txn;
	uint32_t place;
	uint64_t left;			/* operations that may be in it, on any path */
	bool failure;			/* its success is over */
	size_t next;			/* in the branch */
};

struct flattening {
	struct v3_ask *ask;
	struct arena *arena;
	struct v3_flat_op *ops;
	size_t count, capacity, compares;
	size_t depth;
	struct open_txn open[V3_DEPTH_MAX + 1];
};

static void
more_room(struct flattening *f)
{
	struct v3_flat_op *ops;

	f->capacity = MAX_OF(2 * f->capacity, FLAT_OPS_FIRST);
	ops = arena_alloc(f->arena, f->capacity * sizeof(*ops));
	if (f->count > 0)
		memcpy(ops, f->ops, f->count * sizeof(*ops));
	f->ops = ops;
}

/* NULL: there are too many. */
static struct v3_flat_op *
add_op(struct flattening *f, enum v3_op_kind kind, const void *message)
{
	struct v3_flat_op *op;

	if (f->count == V3_OPS_MAX)
		return NULL;
	if (f->count == f->capacity)
		more_room(f);
	op = &f->ops[f->count++];
	*op = (struct v3_flat_op){ .kind = (uint8_t)kind, .message = message };
	return op;
}

/* left: operations that may be on a path from here on. */
static struct v3_status
enter_txn(struct flattening *f, const struct v3_txn_request *txn, uint64_t left)
{
	size_t most = MAX_OF(txn->compare.count,
	    MAX_OF(txn->success.count, txn->failure.count));
	struct v3_flat_op *op = add_op(f, V3_OP_TXN, txn);

	if (most > left || op == NULL || f->depth == ARRAY_COUNT(f->open) ||
	    txn->compare.count > V3_COMPARES_MAX - f->compares)
		return v3_status_of(V3_REFUSE_TOO_MANY_OPS);
	for (size_t i = 0; i < txn->compare.count; i++) {
		struct v3_status status = check_compare(&txn->compare.items[i]);

		if (status.code != V3_OK)
			return status;
		write_compare(&f->ask->compares, &txn->compare.items[i]);
	}
	f->compares += txn->compare.count;
	op->compares = (uint32_t)txn->compare.count;
	f->open[f->depth++] = (struct open_txn){ .txn = txn, .place = (uint32_t)f->count - 1,
		.left = left - most };
	return fine;
}

static struct v3_status
take_range(struct flattening *f, const struct v3_range_request *range)
{
	struct v3_status status = check_range(range);

	if (status.code == V3_OK && add_op(f, V3_OP_RANGE, range) == NULL)
		status = v3_status_of(V3_REFUSE_TOO_MANY_OPS);
	f->ask->serializable = f->ask->serializable && range->serializable;
	return status;
}

static struct v3_status
take_put(struct flattening *f, const struct v3_put_request *put)
{
	struct v3_status status = check_put(put);
	struct v3_flat_op *op;

	if (status.code != V3_OK)
		return status;
	op = add_op(f, V3_OP_PUT, put);
	if (op == NULL)
		return v3_status_of(V3_REFUSE_TOO_MANY_OPS);
	op->key = put->key;
	f->ask->writes = true;
	return fine;
}

static struct v3_status
take_delete(struct flattening *f, const struct v3_delete_range_request *delete)
{
	struct v3_status status = check_delete(delete);
	struct v3_flat_op *op;

	if (status.code != V3_OK)
		return status;
	op = add_op(f, V3_OP_DELETE, delete);
	if (op == NULL)
		return v3_status_of(V3_REFUSE_TOO_MANY_OPS);
	op->key = delete->key;
	op->end = delete->range_end;
	f->ask->writes = true;
	return fine;
}

static struct v3_status
take_op(struct flattening *f, const struct v3_request_op *op, uint64_t left)
{
	switch (op->which) {
	case V3_IS_request_range:
		return take_range(f, op->request_range);
	case V3_IS_request_put:
		return take_put(f, op->request_put);
	case V3_IS_request_delete_range:
		return take_delete(f, op->request_delete_range);
	case V3_IS_request_txn:
		return enter_txn(f, op->request_txn, left);
	case V3_NO_request_op:
		break;
	}
	return v3_status_of(V3_REFUSE_KEY_NOT_FOUND);
}

static struct v3_status
flatten(struct flattening *f, const struct v3_txn_request *txn, size_t most)
{
	struct v3_status status = enter_txn(f, txn, most);

	while (status.code == V3_OK && f->depth > 0) {
		struct open_txn *top = &f->open[f->depth - 1];
		const struct v3_request_op *items = top->failure ? top->txn->failure.items :
		    top->txn->success.items;
		size_t count = top->failure ? top->txn->failure.count : top->txn->success.count;

		if (top->next < count) {
			status = take_op(f, &items[top->next++], top->left);
		} else if (!top->failure) {
			f->ops[top->place].success_end = (uint32_t)f->count;
			top->failure = true;
			top->next = 0;
		} else {
			f->ops[top->place].failure_end = (uint32_t)f->count;
			f->depth--;
		}
	}
	return status;
}

static void
write_flat(struct buf *ops, const struct v3_flat_op *op)
{
	switch ((enum v3_op_kind)op->kind) {
	case V3_OP_RANGE:
		write_range(ops, op->message);
		break;
	case V3_OP_PUT:
		write_put(ops, op->message);
		break;
	case V3_OP_DELETE:
		write_delete(ops, op->message);
		break;
	case V3_OP_TXN:
		write_branch(ops, op);
		break;
	}
}

static struct v3_status
ask_txn(const struct v3_txn_request *txn, size_t most, struct arena *arena, struct v3_ask *ask)
{
	struct flattening *f = arena_zalloc(arena, sizeof(*f));
	struct v3_status status;

	f->ask = ask;
	f->arena = arena;
	ask->serializable = true;
	status = flatten(f, txn, most);
	if (status.code != V3_OK)
		return status;
	if (v3_has_duplicate(f->ops, f->count, arena))
		return v3_status_of(V3_REFUSE_DUPLICATE_KEY);
	for (size_t i = 0; i < f->count; i++)
		write_flat(&ask->ops, &f->ops[i]);
	return fine;
}

/* ---- a request ------------------------------ */

struct v3_status
v3_ask_make(enum v3_method_tag method, const void *request, size_t most, struct arena *arena,
    struct v3_ask *ask)
{
	struct v3_status status;

	switch (method) {
	case V3_METHOD_range:
		status = check_range(request);
		ask->serializable = ((const struct v3_range_request *)request)->serializable;
		if (status.code == V3_OK)
			write_range(&ask->ops, request);
		return status;
	case V3_METHOD_put:
		status = check_put(request);
		ask->writes = true;
		if (status.code == V3_OK)
			write_put(&ask->ops, request);
		return status;
	case V3_METHOD_delete_range:
		status = check_delete(request);
		ask->writes = true;
		if (status.code == V3_OK)
			write_delete(&ask->ops, request);
		return status;
	case V3_METHOD_txn:
		return ask_txn(request, most, arena, ask);
	default:
		break;
	}
	ASSERT(method == V3_METHOD_range);
	return fine;
}
