/*
 * answer.c - what an operation shows, read in two passes: how much it is, and then its bytes.
 *
 * An answer is of one moment: each of its operations looks at a position in history, which
 * stays as it is while writes go on (need; compaction.c). So the first time, and a repeat of a
 * write, are one: all that had to be remembered of it is its outcome. Between two pieces a walk
 * stands by the name of the key that it was at, not by a pointer.
 *
 *	opened ---> measures	each part in turn: how many, how long	[measure_part]
 *	measures -> streams	each part in turn again			[stream_part]
 *	any ------> unkept	it took long, so history is not kept for it any more [let_go]
 *	any ------> lost	history is gone, or the keys are others now
 *
 * Nothing here relies on an outcome to be of that request: a worker could repeat a write with
 * another body.
 */
#include "raftd/replica/mvcc/answer_priv.h"

#include "common/ipc/wire.h"
#include "common/xmem.h"

#include <stdlib.h>

/* ---- KeyValues ------------------------------------------------------------------------ */

size_t
mvcc_framed_size(const struct mvcc_change *change, bool keys_only)
{
	size_t size = mvcc_change_wire_size(change, keys_only);

	return 1 + mvcc_varint_size(size) + size;
}

void
mvcc_put_framed(struct buf *out, uint8_t tag, const struct mvcc_change *change, bool keys_only)
{
	size_t size = mvcc_change_wire_size(change, keys_only);
	uint8_t head[1 + MVCC_VARINT_BYTES_MAX];

	head[0] = tag;
	buf_append(out, head, (size_t)(mvcc_varint_put(head + 1, size) - head));
	mvcc_change_put_wire(change, keys_only, out);
}

/* ---- puts and deletes ------------------------------ */

/* What a put shows of before, or NULL. */
static struct mvcc_change *
before_put(const struct mvcc_answer *answer, const struct answer_part *part)
{
	struct v3_put put = mvcc_op_put(part->op);
	const struct mvcc_key *key;

	if ((put.flags & V3_PUT_PREV_KV) == 0)
		return NULL;
	key = mvcc_keys_find(&answer->mvcc->keys, put.key);
	return key == NULL ? NULL : mvcc_key_at(key, mvcc_answer_position(answer, part));
}

/* The i-th key that a delete took, as it was before; NULL: it was not that delete. */
static struct mvcc_change *
before_delete(const struct mvcc_answer *answer, const struct answer_part *part, size_t i)
{
	const struct journal *journal = &answer->mvcc->journal;
	struct mvcc_position position = { answer->base + 1, part->sub + (uint32_t)i };
	size_t place = journal_find(journal, position);
	const struct mvcc_change *gone;
	struct mvcc_change *before;

	if (place == journal->count)
		return NULL;
	gone = journal_at(journal, place);
	if (!gone->gone || gone->revision != position.revision || gone->sub != position.sub)
		return NULL;
	before = mvcc_key_before(gone->key, gone);
	return before == NULL || before->gone ? NULL : before;
}

/* Go on with the keys that a delete took; out NULL: measure. True: those were all. */
static bool
go_over_delete(struct mvcc_answer *answer, struct answer_part *part, size_t *looks,
    struct streaming *s)
{
	struct v3_delete delete = mvcc_op_delete(part->op);

	if ((delete.flags & V3_DELETE_PREV_KV) == 0)
		return true;
	for (; answer->place < part->result.count && *looks > 0; --*looks) {
		const struct mvcc_change *before;

		if (s != NULL && streaming_is_full(s))
			return false;
		before = before_delete(answer, part, answer->place);
		if (before == NULL)
			return true;
		answer->place++;
		if (s != NULL) {
			mvcc_put_framed(s->out, TAG_FIELD_3, before, false);
			continue;
		}
		part->result.kvs++;
		part->result.bytes += mvcc_framed_size(before, false);
	}
	return answer->place == part->result.count;
}

/* ---- parts ------------------------------ */

static void
drop_sorted(struct mvcc_answer *answer, struct answer_part *part)
{
	if (answer->mvcc != NULL)
		answer->mvcc->sorted_count -= part->sorted_count;
	free(part->sorted);
	part->sorted = NULL;
	part->sorted_count = 0;
	part->sorted_capacity = 0;
}

static void
next_part(struct mvcc_answer *answer)
{
	answer->at++;
	answer->begun = false;
	answer->counted = false;
	answer->place = 0;
}

/* False: it is not done yet. */
static bool
measure_part(struct mvcc_answer *answer, struct answer_part *part, size_t *looks, bool *full)
{
	const struct mvcc_change *before;

	switch ((enum v3_op_kind)part->op->kind) {
	case V3_OP_RANGE:
		return mvcc_measure_range(answer, part, looks, full);
	case V3_OP_PUT:
		before = before_put(answer, part);
		part->result.kvs = before != NULL;
		part->result.bytes = before == NULL ? 0 : mvcc_framed_size(before, false);
		break;
	case V3_OP_DELETE:
		return go_over_delete(answer, part, looks, NULL);
	case V3_OP_TXN:
		break;
	}
	return true;
}

static bool
stream_part(struct mvcc_answer *answer, struct answer_part *part, size_t *looks,
    struct streaming *s)
{
	const struct mvcc_change *before;

	if (part->result.kvs == 0)
		return true;
	switch ((enum v3_op_kind)part->op->kind) {
	case V3_OP_RANGE:
		return mvcc_stream_range(answer, part, looks, s);
	case V3_OP_PUT:
		before = before_put(answer, part);
		if (before != NULL)
			mvcc_put_framed(s->out, TAG_FIELD_2, before, false);
		break;
	case V3_OP_DELETE:
		return go_over_delete(answer, part, looks, s);
	case V3_OP_TXN:
		break;
	}
	return true;
}

static void
end_measuring(struct mvcc_answer *answer)
{
	answer->results = xmalloc(answer->count * sizeof(answer->results[0]));
	for (size_t i = 0; i < answer->count; i++)
		answer->results[i] = answer->parts[i].result;
	answer->at = 0;
}

static void
lose(struct mvcc_answer *answer)
{
	struct mvcc *mvcc = answer->mvcc;

	for (size_t i = 0; i < answer->count; i++)
		drop_sorted(answer, &answer->parts[i]);
	TAILQ_REMOVE(answer->kept ? &mvcc->answers : &mvcc->unkept, answer, link);
	mvcc->answer_count--;
	answer->mvcc = NULL;
}

static bool
has_sorted(const struct mvcc_answer *answer)
{
	for (size_t i = 0; i < answer->count; i++)
		if (answer->parts[i].sorted_count > 0)
			return true;
	return false;
}

/* What is sorted holds changes and memory of all, so it does not go on without being kept. */
static void
let_go(struct mvcc_answer *answer)
{
	if (answer->results == NULL || has_sorted(answer)) {
		lose(answer);
		return;
	}
	TAILQ_REMOVE(&answer->mvcc->answers, answer, link);
	TAILQ_INSERT_TAIL(&answer->mvcc->unkept, answer, link);
	answer->kept = false;
}

/* Is all there that it has to look at? */
static bool
is_there(const struct mvcc *mvcc, const struct mvcc_answer *answer)
{
	return answer->need == UINT64_MAX || mvcc->compacted < 0 ||
	    answer->need >= (uint64_t)mvcc->compacted;
}

enum mvcc_answer_state
mvcc_answer_read(struct mvcc_answer *answer, struct buf *out, size_t bytes_max, size_t *looks,
    enum v3_error *error)
{
	struct streaming s = { .out = out, .begun = out->size, .bytes_max = bytes_max };
	bool full = false;

	*error = V3_TIMED_OUT;
	if (answer->mvcc != NULL && !answer->kept && !is_there(answer->mvcc, answer))
		lose(answer);
	if (answer->mvcc == NULL)
		return MVCC_ANSWER_LOST;
	while (answer->results == NULL && *looks > 0) {
		--*looks;
		if (!measure_part(answer, &answer->parts[answer->at], looks, &full)) {
			if (full) {
				*error = V3_TOO_MANY_REQUESTS;
				lose(answer);
				return MVCC_ANSWER_LOST;
			}
			continue;
		}
		next_part(answer);
		if (answer->at == answer->count)
			end_measuring(answer);
	}
	*error = V3_NONE;
	if (answer->results == NULL)
		return MVCC_ANSWER_MEASURES;
	while (answer->at < answer->count && !streaming_is_full(&s)) {
		struct answer_part *part = &answer->parts[answer->at];

		if (!stream_part(answer, part, looks, &s))
			return MVCC_ANSWER_MORE;
		drop_sorted(answer, part);
		next_part(answer);
	}
	return answer->at == answer->count ? MVCC_ANSWER_END : MVCC_ANSWER_MORE;
}

const struct mvcc_result *
mvcc_answer_results(const struct mvcc_answer *answer, size_t *count)
{
	*count = answer->results == NULL ? 0 : answer->count;
	return answer->results;
}

/* ---- opened and closed ------------------------------ */

/* What the outcome says of the way, as far as it goes. */
struct outcome_reader {
	const struct mvcc_outcome *outcome;
	size_t txns;
	const uint8_t *at, *end;	/* of the counts */
	uint32_t sub;
};

static bool
next_branch(struct outcome_reader *from)
{
	size_t txn = from->txns++;
	const struct buf *path = &from->outcome->path;

	return txn / 8 < path->size && (path->data[txn / 8] >> txn % 8 & 1) != 0;
}

static uint64_t
next_count(struct outcome_reader *from)
{
	uint64_t count = 0;

	if (from->at < from->end && !mvcc_varint_get(&from->at, from->end, &count))
		from->at = from->end;
	return MIN_OF(count, from->outcome->changes - MIN_OF(from->sub, from->outcome->changes));
}

/* The result of an operation, as far as it is known without looking at keys. */
static void
add_part(struct mvcc_answer *answer, const struct mvcc_op *op, struct outcome_reader *from)
{
	struct answer_part part = { .op = op, .sub = from->sub, .result.kind = op->kind };
	struct mvcc_result *result = &part.result;

	switch ((enum v3_op_kind)op->kind) {
	case V3_OP_RANGE:
		result->revision = answer->base + (from->sub > 0);
		break;
	case V3_OP_PUT:
		from->sub++;
		result->revision = answer->base + 1;
		break;
	case V3_OP_DELETE:
		result->count = next_count(from);
		from->sub += (uint32_t)result->count;
		result->revision = answer->base + (from->sub > 0);
		break;
	case V3_OP_TXN:
		result->succeeded = next_branch(from);
		result->revision = answer->count == 0 ? from->outcome->revision : 0;
		break;
	}
	answer->parts = xgrow(answer->parts, &answer->capacity, answer->count + 1,
	    sizeof(answer->parts[0]));
	answer->parts[answer->count++] = part;
}

static void
make_parts(struct mvcc_answer *answer, const struct mvcc_outcome *outcome)
{
	struct outcome_reader from = { .outcome = outcome, .at = outcome->counts.data };
	size_t around[V3_DEPTH_MAX + 2];
	struct mvcc_path path;
	const struct mvcc_op *op;

	from.end = outcome->counts.size == 0 ? from.at : from.at + outcome->counts.size;
	mvcc_path_begin(&path, answer->request);
	while ((op = mvcc_path_next(&path)) != NULL) {
		if (path.depth > 0)
			answer->parts[around[path.depth - 1]].result.responses++;
		add_part(answer, op, &from);
		if (op->kind != V3_OP_TXN)
			continue;
		around[path.depth] = answer->count - 1;
		mvcc_path_take(&path, answer->parts[answer->count - 1].result.succeeded);
	}
}

/* The revision that a part has to be read at, or before; UINT64_MAX: it shows no key. */
static uint64_t
need_of(const struct mvcc_answer *answer, const struct answer_part *part, uint32_t changes)
{
	struct v3_range range;

	switch ((enum v3_op_kind)part->op->kind) {
	case V3_OP_RANGE:
		range = mvcc_op_range(part->op);
		if (mvcc_int64(range.revision) > 0)
			return range.revision;
		return answer->base + (changes > 0 && part->sub == changes);
	case V3_OP_PUT:
		return (mvcc_op_put(part->op).flags & V3_PUT_PREV_KV) != 0 ? answer->base :
		    UINT64_MAX;
	case V3_OP_DELETE:
		return (mvcc_op_delete(part->op).flags & V3_DELETE_PREV_KV) != 0 &&
		    part->result.count > 0 ? answer->base : UINT64_MAX;
	case V3_OP_TXN:
		break;
	}
	return UINT64_MAX;
}

static enum v3_error
fill_answer(struct mvcc *mvcc, struct mvcc_answer *answer, const struct mvcc_outcome *outcome)
{
	struct mvcc_outcome now = { .revision = mvcc->revision };
	enum v3_error error = V3_NONE;

	if (outcome == NULL) {
		ASSERT(!mvcc_is_under_way(mvcc));
		error = mvcc_choose_path(mvcc, answer->request, &now);
		if (error == V3_NONE)
			error = mvcc_check_ranges(mvcc, answer->request, &now);
		outcome = &now;
	}
	if (error == V3_NONE) {
		answer->base = outcome->revision - (outcome->changes > 0);
		make_parts(answer, outcome);
		for (size_t i = 0; i < answer->count; i++)
			answer->need = MIN_OF(answer->need,
			    need_of(answer, &answer->parts[i], outcome->changes));
		if (!is_there(mvcc, answer))
			error = V3_TIMED_OUT;
	}
	mvcc_outcome_free(&now);
	return error;
}

static void
answer_free(struct mvcc_answer **freed)
{
	struct mvcc_answer *answer = *freed;

	mvcc_request_free(&answer->request);
	free(answer->parts);
	free(answer->results);
	buf_free(&answer->last);
	free(answer);
	*freed = NULL;
}

enum v3_error
mvcc_answer_open(struct mvcc *mvcc, struct mvcc_request *request,
    const struct mvcc_outcome *outcome, uint64_t now_ms, struct mvcc_answer **result)
{
	struct mvcc_answer *answer = xzalloc(sizeof(*answer));
	enum v3_error error = V3_TOO_MANY_REQUESTS;

	answer->request = request;
	answer->need = UINT64_MAX;
	answer->opened_ms = now_ms;
	if (mvcc->answer_count < V3_ANSWERS_MAX)
		error = fill_answer(mvcc, answer, outcome);
	if (error != V3_NONE) {
		answer_free(&answer);
	} else {
		answer->mvcc = mvcc;
		answer->kept = true;
		TAILQ_INSERT_TAIL(&mvcc->answers, answer, link);
		mvcc->answer_count++;
	}
	*result = answer;
	return error;
}

void
mvcc_answer_close(struct mvcc_answer **answer)
{
	if (*answer == NULL)
		return;
	if ((*answer)->mvcc != NULL)
		lose(*answer);
	answer_free(answer);
}

void
mvcc_answers_expire(struct mvcc *mvcc, uint64_t before_ms)
{
	struct mvcc_answer *first;

	while ((first = TAILQ_FIRST(&mvcc->answers)) != NULL && first->opened_ms < before_ms)
		let_go(first);
}

void
mvcc_answers_lose(struct mvcc *mvcc)
{
	while (!TAILQ_EMPTY(&mvcc->answers))
		lose(TAILQ_FIRST(&mvcc->answers));
	while (!TAILQ_EMPTY(&mvcc->unkept))
		lose(TAILQ_FIRST(&mvcc->unkept));
	ASSERT(mvcc->answer_count == 0);
}

uint64_t
mvcc_answers_need(const struct mvcc *mvcc)
{
	const struct mvcc_answer *answer;
	uint64_t need = UINT64_MAX;

	TAILQ_FOREACH(answer, &mvcc->answers, link)
		need = MIN_OF(need, answer->need);
	return need;
}
