/*
 * show.c - see show.h.
 */
#include "httpd/v3/show.h"

#include "common/ipc/message.h"
#include "common/limits.h"
#include "httpd/v3/protobuf.h"

struct showing {
	struct arena *arena;
	struct reader results;		/* that were not taken yet */
	const uint8_t *at, *end;	/* KeyValues, the same */
	const struct v3_response_header *header;
};

/* ---- KeyValues ------------------------------ */

static bool
take_varint(struct showing *s, uint64_t *number)
{
	*number = 0;
	for (unsigned i = 0; i < VARINT_BYTES_MAX && s->at < s->end; i++) {
		uint8_t byte = *s->at++;

		*number |= (uint64_t)(byte & 0x7f) << 7 * i;
		if (byte < 0x80)
			return true;
	}
	return false;
}

/* A tag, a length, and so many bytes. */
static bool
take_key_value(struct showing *s, struct slice *key_value)
{
	uint64_t size;

	if (s->at == s->end)
		return false;
	s->at++;
	if (!take_varint(s, &size) || size > (uint64_t)(s->end - s->at))
		return false;
	*key_value = slice_of(s->at, (size_t)size);
	s->at += size;
	return true;
}

static bool
take_key_values(struct showing *s, const struct v3_result *result, struct v3_slices *list)
{
	struct slice *items;

	/* Each takes two bytes at least. */
	if (result->kvs > (uint64_t)(s->end - s->at) / 2)
		return false;
	if (result->kvs == 0)
		return true;
	items = arena_alloc(s->arena, (size_t)result->kvs * sizeof(*items));
	for (uint64_t i = 0; i < result->kvs; i++)
		if (!take_key_value(s, &items[i]))
			return false;
	*list = (struct v3_slices){ items, (size_t)result->kvs };
	return true;
}

/* ---- results ------------------------------ */

static bool
take_result(struct showing *s, enum v3_op_kind kind, struct v3_result *result)
{
	return v3_result_get(&s->results, result) && result->kind == kind &&
	    (result->flags & ~V3_RESULT_ALL) == 0;
}

static bool
show_range(struct showing *s, const struct v3_result *result, struct v3_range_response *range)
{
	*range = (struct v3_range_response){ .header = s->header,
		.more = (result->flags & V3_RESULT_MORE) != 0, .count = (int64_t)result->count };
	return take_key_values(s, result, &range->kvs);
}

static bool
show_put(struct showing *s, const struct v3_result *result, struct v3_put_response *put)
{
	*put = (struct v3_put_response){ .header = s->header };
	return result->kvs == 0 || (result->kvs == 1 && take_key_value(s, &put->prev_kv));
}

static bool
show_delete(struct showing *s, const struct v3_result *result,
    struct v3_delete_range_response *delete)
{
	*delete = (struct v3_delete_range_response){ .header = s->header,
		.deleted = (int64_t)result->count };
	return take_key_values(s, result, &delete->prev_kvs);
}

/* ---- txns ------------------------------ */

/* Responses of a txn that are being made. */
struct open_responses {
	struct v3_response_op *items;
	uint64_t at, count;
};

static bool
open_txn(struct showing *s, const struct v3_result *result, struct v3_txn_response *txn,
    struct open_responses *open)
{
	if (result->responses > reader_left(&s->results))
		return false;
	*open = (struct open_responses){ .count = result->responses };
	if (result->responses > 0)
		open->items = arena_zalloc(s->arena, result->responses * sizeof(*open->items));
	*txn = (struct v3_txn_response){ .header = s->header,
		.succeeded = (result->flags & V3_RESULT_SUCCEEDED) != 0 };
	txn->responses.items = open->items;
	txn->responses.count = result->responses;
	return true;
}

/* Operations have a revision in their header and nothing else; a txn not even that. */
static bool
show_op(struct showing *s, const struct v3_result *result, struct v3_response_op *op,
    struct open_responses *nested)
{
	struct v3_response_header *header = arena_zalloc(s->arena, sizeof(*header));
	union v3_shown *shown = arena_zalloc(s->arena, sizeof(*shown));

	header->revision = (int64_t)result->revision;
	s->header = header;
	switch ((enum v3_op_kind)result->kind) {
	case V3_OP_RANGE:
		op->which = V3_IS_response_range;
		op->response_range = &shown->range;
		return show_range(s, result, &shown->range);
	case V3_OP_PUT:
		op->which = V3_IS_response_put;
		op->response_put = &shown->put;
		return show_put(s, result, &shown->put);
	case V3_OP_DELETE:
		op->which = V3_IS_response_delete_range;
		op->response_delete_range = &shown->delete_range;
		return show_delete(s, result, &shown->delete_range);
	case V3_OP_TXN:
		op->which = V3_IS_response_txn;
		op->response_txn = &shown->txn;
		return open_txn(s, result, &shown->txn, nested);
	}
	return false;
}

static bool
show_txn(struct showing *s, const struct v3_result *result, struct v3_txn_response *txn)
{
	struct open_responses open[V3_DEPTH_MAX + 1];
	size_t depth = 1;

	if (!open_txn(s, result, txn, &open[0]))
		return false;
	while (depth > 0) {
		struct open_responses *top = &open[depth - 1];
		struct open_responses nested = { NULL, 0, 0 };
		struct v3_result next;

		if (top->at == top->count) {
			depth--;
			continue;
		}
		if (!v3_result_get(&s->results, &next) ||
		    !show_op(s, &next, &top->items[top->at++], &nested))
			return false;
		if (next.kind != V3_OP_TXN)
			continue;
		if (depth == ARRAY_COUNT(open))
			return false;
		open[depth++] = nested;
	}
	return true;
}

/* ---- a response ------------------------------ */

static bool
show(struct showing *s, enum v3_method_tag method, const struct v3_answer *answer,
    union v3_shown *shown)
{
	struct v3_result result;

	switch (method) {
	case V3_METHOD_range:
		return take_result(s, V3_OP_RANGE, &result) &&
		    show_range(s, &result, &shown->range);
	case V3_METHOD_put:
		return take_result(s, V3_OP_PUT, &result) && show_put(s, &result, &shown->put);
	case V3_METHOD_delete_range:
		return take_result(s, V3_OP_DELETE, &result) &&
		    show_delete(s, &result, &shown->delete_range);
	case V3_METHOD_txn:
		return take_result(s, V3_OP_TXN, &result) && show_txn(s, &result, &shown->txn);
	case V3_METHOD_compact:
		shown->compact = (struct v3_compaction_response){ .header = s->header };
		return true;
	case V3_METHOD_lease_grant:
		shown->grant = (struct v3_lease_grant_response){ .header = s->header,
			.TTL = (int64_t)answer->ttl_s };
		return true;
	case V3_METHOD_lease_revoke:
		shown->revoke = (struct v3_lease_revoke_response){ .header = s->header };
		return true;
	default:
		return false;
	}
}

enum err
v3_show(enum v3_method_tag method, struct slice event, struct arena *arena,
    struct v3_response_header *header, union v3_shown *shown, enum v3_error *error)
{
	struct showing s = { .arena = arena, .header = header };
	struct reader in = reader_of(event);
	struct v3_answer answer;

	if (!v3_answer_get(&in, &answer))
		return ERR_MALFORMED;
	*error = v3_error_from_number(answer.error);
	if (*error != V3_NONE)
		return ERR_NONE;
	s.results = reader_of(answer.results);
	s.at = in.at;
	s.end = in.end;
	header->revision = (int64_t)answer.revision;
	return show(&s, method, &answer, shown) && reader_done(&s.results) && s.at == s.end ?
	    ERR_NONE : ERR_MALFORMED;
}
