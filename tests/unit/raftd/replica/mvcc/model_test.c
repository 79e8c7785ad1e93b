/*
 * model_test.c - random work on two replicas and on a model of their v3 keys (v3_model.h).
 *
 * Each command gets the same answer from the model, and from both replicas, whose hash tables
 * have other seeds; their records have the same bytes. Answers are read in pieces of any size,
 * also while more is written. Now and then a third replica is made of what is on the disk: it
 * must be the same, and may take the place of the first. One watches all and several watch
 * some, live and from the past, and together are told what the model has.
 *
 *	MOOTHALL_V3_SEED=N MOOTHALL_V3_OPERATIONS=N tests/unit/raftd/replica/mvcc/model_test
 */
#include "tests/unit/raftd/replica/mvcc/v3_work.h"

#include "common/ipc/wire.h"
#include "common/rand.h"
#include "common/xmem.h"
#include "raftd/replica/mvcc/key.h"
#include "raftd/replica/part.h"
#include "raftd/replica/replica.h"
#include "tests/lib/test.h"
#include "tests/unit/raftd/replica/store/fixture.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define OPERATIONS 200000
#define SESSION 7
#define OWNERS 3
#define WATCHES 8
#define OPEN_MAX 6
#define KEY_VALUE_MAX 300	/* bytes of a KeyValue of ours */
#define HISTORY_MAX 400		/* changes; then it is compacted */

struct open_answer {
	struct mvcc_answer *answer;	/* NULL: none */
	struct v3_model_answer expected;
	struct buf bytes;
	bool measured;
	uint64_t bytes_left;
};

struct test_watch {
	bool used, behind;
	uint64_t owner, id;
	struct blob *key, *end;
	unsigned flags;
	uint64_t from;			/* told is compared from there on */
	struct buf told, expected;	/* a line for each change */
	uint64_t expected_to;		/* revision up to which expected is, */
	uint64_t served;		/* and up to which told is, of one that is behind */
};

struct world {
	struct rand rand;
	struct v3_work work;
	struct replica *a, *b;
	struct v3_model model;
	struct disk disk;
	struct buf effects_a, effects_b;
	uint64_t index, sequence, time_ns;
	struct open_answer open[OPEN_MAX];
	struct test_watch watches[WATCHES];
	uint64_t next_watch;
};

static uint64_t
below(struct world *w, uint64_t bound)
{
	return rand_below(&w->rand, bound);
}

static bool
chance(struct world *w, unsigned per_mille)
{
	return rand_chance(&w->rand, per_mille);
}

/* ---- answers ------------------------------ */

static void
compare_results(const struct mvcc_answer *answer, const struct v3_model_answer *expected,
    uint64_t *bytes)
{
	size_t count;
	const struct mvcc_result *results = mvcc_answer_results(answer, &count);
	struct buf lines = BUF_INIT;

	*bytes = 0;
	for (size_t i = 0; i < count; i++) {
		const struct mvcc_result *result = &results[i];

		v3_model_line(&lines, result->kind, result->more, result->succeeded,
		    result->responses, result->revision, result->kind == V3_OP_PUT ? 0 :
		    result->count, result->kvs);
		*bytes += result->bytes;
	}
	buf_append_byte(&lines, '\0');
	if (lines.size != expected->results.size + 1 ||
	    memcmp(lines.data, expected->results.data, expected->results.size) != 0)
		fail_msg("answer:\n%sexpected:\n%.*s", (const char *)lines.data,
		    SLICE_ARGS(buf_slice(&expected->results)));
	buf_free(&lines);
}

/* A piece of it. True: it is whole, and as expected. */
static bool
read_piece(struct world *w, struct open_answer *open)
{
	size_t looks = 1 + below(w, 12), given = open->bytes.size, bytes_max = 1 + below(w, 100);
	enum v3_error error;
	enum mvcc_answer_state state = mvcc_answer_read(open->answer, &open->bytes, bytes_max,
	    &looks, &error);

	assert_int_not_equal(state, MVCC_ANSWER_LOST);
	assert_true(open->bytes.size < given + bytes_max + KEY_VALUE_MAX);
	if (state == MVCC_ANSWER_MEASURES) {
		assert_int_equal(open->bytes.size, given);
		return false;
	}
	if (!open->measured)
		compare_results(open->answer, &open->expected, &open->bytes_left);
	open->measured = true;
	if (state == MVCC_ANSWER_MORE)
		return false;
	assert_int_equal(open->bytes.size, open->bytes_left);
	assert_true(slice_equal(buf_slice(&open->bytes), buf_slice(&open->expected.bytes)));
	return true;
}

static void
close_answer(struct open_answer *open)
{
	mvcc_answer_close(&open->answer);
	v3_model_answer_free(&open->expected);
	buf_free(&open->bytes);
	*open = (struct open_answer){ .answer = NULL };
}

/* Takes answer and expected: read at once, or as time goes by. */
static void
keep_answer(struct world *w, struct mvcc_answer *answer, struct v3_model_answer *expected)
{
	struct open_answer *place = &w->open[below(w, OPEN_MAX)];
	struct open_answer now = { .answer = answer, .expected = *expected };

	if (place->answer == NULL && chance(w, 300)) {
		*place = now;
		return;
	}
	while (!read_piece(w, &now))
		;
	close_answer(&now);
}

static void
read_on(struct world *w)
{
	struct open_answer *open = &w->open[below(w, OPEN_MAX)];

	if (open->answer != NULL && read_piece(w, open))
		close_answer(open);
}

/* ---- watches ------------------------------ */

static void
tell(struct buf *out, struct slice wire, struct slice previous, bool gone)
{
	buf_printf(out, "%d %zu %zu ", gone, wire.size, previous.size);
	buf_append_slice(out, wire);
	buf_append_slice(out, previous);
	buf_append_byte(out, '\n');
}

static void
tell_hit(struct test_watch *watch, const struct mvcc_hit *hit)
{
	struct buf wire = BUF_INIT, previous = BUF_INIT;

	mvcc_change_put_wire(hit->change, false, &wire);
	/* That of the past may be compacted meanwhile, which what is live is not. */
	if (hit->previous != NULL && (watch->flags & MVCC_WATCH_PREV_KV) != 0)
		mvcc_change_put_wire(hit->previous, false, &previous);
	tell(&watch->told, buf_slice(&wire), buf_slice(&previous), hit->change->gone);
	buf_free(&wire);
	buf_free(&previous);
}

/* What the model has of it that is new. */
static void
expect(struct world *w, struct test_watch *watch)
{
	struct slice key = blob_slice(watch->key);

	for (size_t i = 0; i < w->model.count; i++) {
		const struct v3_model_change *change = &w->model.changes[i];
		const struct v3_model_change *before = v3_model_previous(&w->model, change);
		struct buf wire = BUF_INIT, previous = BUF_INIT;

		if (change->revision <= watch->expected_to || change->revision < watch->from ||
		    !v3_model_in_range(change->key, key, blob_slice(watch->end)) ||
		    (watch->flags & (change->gone ? MVCC_WATCH_NO_DELETE : MVCC_WATCH_NO_PUT)))
			continue;
		v3_model_wire(&wire, 0, change, false);
		if (before != NULL && (watch->flags & MVCC_WATCH_PREV_KV) != 0)
			v3_model_wire(&previous, 0, before, false);
		/* Without the tag and the length in front of it. */
		for (struct buf *each = &wire; each != NULL;
		    each = each == &wire ? &previous : NULL)
			if (each->size > 0)
				buf_consume(each, each->data[1] < 128 ? 2 : 3);
		tell(&watch->expected, buf_slice(&wire), buf_slice(&previous), change->gone);
		buf_free(&wire);
		buf_free(&previous);
	}
	watch->expected_to = w->model.revision;
}

static struct test_watch *
find_watch(struct world *w, uint64_t owner, uint64_t id)
{
	for (size_t i = 0; i < WATCHES; i++)
		if (w->watches[i].used && w->watches[i].owner == owner && w->watches[i].id == id)
			return &w->watches[i];
	return NULL;
}

static void
take_hits(struct world *w)
{
	const struct mvcc_hit *hits;
	size_t count = mvcc_take_hits(w->a->mvcc, &hits);

	for (size_t i = 0; i < count; i++)
		for (size_t n = 0; n < hits[i].id_count; n++) {
			struct test_watch *watch = find_watch(w, hits[i].owner, hits[i].ids[n]);

			assert_non_null(watch);
			assert_false(watch->behind);
			tell_hit(watch, &hits[i]);
		}
}

static void
end_watch(struct test_watch *watch)
{
	blob_unref(&watch->key);
	blob_unref(&watch->end);
	buf_free(&watch->told);
	buf_free(&watch->expected);
	*watch = (struct test_watch){ .used = false };
}

static void
compare_watch(struct world *w, struct test_watch *watch)
{
	expect(w, watch);
	if (watch->behind)
		return;
	if (!slice_equal(buf_slice(&watch->told), buf_slice(&watch->expected)))
		fail_msg("told:\n%.*s\nexpected:\n%.*s", SLICE_ARGS(buf_slice(&watch->told)),
		    SLICE_ARGS(buf_slice(&watch->expected)));
	buf_clear(&watch->told);
	buf_clear(&watch->expected);
}

static void
begin_watch(struct world *w, struct test_watch *watch)
{
	struct mvcc_watch asked = { .owner = below(w, OWNERS), .id = w->next_watch++,
		.key = v3_work_key(&w->work), .end = v3_work_end(&w->work),
		.flags = (unsigned)below(w, 8) };
	bool open = asked.end.size == 1 && asked.end.data[0] == 0, behind;
	enum v3_error error;

	if (chance(w, 600))
		asked.start_revision = v3_work_revision(&w->work);
	if ((int64_t)asked.start_revision < 0)
		asked.start_revision = 0;
	error = mvcc_watch_add(w->a->mvcc, &asked, &behind);
	if (asked.end.size > 0 && !open && slice_compare(asked.end, asked.key) <= 0) {
		assert_int_equal(error, V3_WATCH_RANGE_EMPTY);
		return;
	}
	if (asked.start_revision != 0 && (int64_t)asked.start_revision < w->model.compacted) {
		assert_int_equal(error, V3_COMPACTED);
		return;
	}
	assert_int_equal(error, V3_NONE);
	*watch = (struct test_watch){ .used = true, .behind = behind, .owner = asked.owner,
		.id = asked.id, .key = blob_new(asked.key), .end = blob_new(asked.end),
		.flags = asked.flags, .from = asked.start_revision == 0 ? w->model.revision + 1 :
		asked.start_revision };
	assert_int_equal(behind, watch->from <= w->model.revision);
	watch->expected_to = watch->from - 1;
	watch->served = watch->from - 1;
	if (!behind)
		return;
	/* What it is given of before now. */
	watch->expected_to = 0;
	expect(w, watch);
}

/* The next piece for one that is behind, in whole revisions. */
static void
catch_up(struct world *w, struct test_watch *watch)
{
	struct mvcc_past past = { .revisions_max = 1 + below(w, 5), .bytes_max = 1 + below(w, 300),
		.looks = below(w, 30) + 1 };
	const struct mvcc_hit *hits;
	size_t count;
	uint64_t first = 0, last = 0, revisions = 0;
	enum v3_error error = mvcc_watch_past(w->a->mvcc, watch->owner, watch->id, &past, &hits,
	    &count);

	if (error == V3_COMPACTED) {
		end_watch(watch);
		return;
	}
	assert_int_equal(error, V3_NONE);
	assert_true(past.behind);
	for (size_t i = 0; i < count; i++) {
		first = first == 0 ? hits[i].change->revision : first;
		revisions += hits[i].change->revision != last;
		last = hits[i].change->revision;
		tell_hit(watch, &hits[i]);
	}
	/* No revision comes in two pieces. */
	assert_true(count == 0 || first > watch->served);
	assert_true(revisions <= past.revisions_max);
	assert_true(past.served >= last);
	assert_int_equal(past.live, past.served == w->model.revision);
	watch->behind = !past.live;
	watch->served = past.served;
}

static void
some_watch(struct world *w)
{
	struct test_watch *watch = &w->watches[below(w, WATCHES)];

	take_hits(w);
	if (!watch->used)
		begin_watch(w, watch);
	else if (watch->behind)
		catch_up(w, watch);
	else
		compare_watch(w, watch);
	if (watch->used && chance(w, 20)) {
		if (chance(w, 500))
			mvcc_watch_remove(w->a->mvcc, watch->owner, watch->id);
		else {
			mvcc_watch_remove_all(w->a->mvcc, watch->owner);
			for (size_t i = 0; i < WATCHES; i++)
				if (w->watches[i].owner == watch->owner && &w->watches[i] != watch)
					end_watch(&w->watches[i]);
		}
		end_watch(watch);
	}
}

/* Before the model forgets what was. */
static void
note_all_watches(struct world *w)
{
	take_hits(w);
	for (size_t i = 0; i < WATCHES; i++)
		if (w->watches[i].used)
			expect(w, &w->watches[i]);
}

/* What was before a change may not be shown any more to those who are still to be given it. */
static void
expect_again(struct world *w)
{
	for (size_t i = 0; i < WATCHES; i++) {
		struct test_watch *watch = &w->watches[i];

		if (!watch->used || !watch->behind)
			continue;
		assert_true(slice_starts_with(buf_slice(&watch->expected),
		    buf_slice(&watch->told)));
		buf_clear(&watch->expected);
		buf_append_slice(&watch->expected, buf_slice(&watch->told));
		watch->expected_to = watch->served;
		expect(w, watch);
	}
}

/* ---- commands ------------------------------ */

static void
to_disk(struct world *w)
{
	struct reader in = reader_of(buf_slice(&w->effects_a));
	struct state_record record;

	while (!reader_done(&in)) {
		assert_true(state_record_get(&in, &record));
		disk_put(&w->disk, record.key, record.value);
	}
	buf_clear(&w->effects_a);
}

/* Takes payload. The outcome, owned; NULL: there is none. */
static struct blob *
apply(struct world *w, struct blob *payload)
{
	struct raft_entry entry = { .term = 1, .index = ++w->index, .time_ns = w->time_ns,
		.type = RAFT_ENTRY_COMMAND, .payload = payload };
	struct replica_facts a, b;
	size_t before = w->effects_a.size;

	buf_clear(&w->effects_b);
	assert_true(replica_apply(w->a, &entry, SIZE_MAX, &w->effects_a, &a));
	/* In one go, and in steps: what becomes of it is the same. */
	while (!replica_apply(w->b, &entry, chance(w, 50) ? 1 : 3, &w->effects_b, &b))
		replica_invariants(w->b);
	assert_int_equal(a.result.error, ERR_NONE);
	assert_true(slice_equal(blob_slice(a.result.cause), blob_slice(b.result.cause)));
	assert_true(slice_equal(slice_of(w->effects_a.data + before, w->effects_a.size - before),
	    buf_slice(&w->effects_b)));
	blob_unref(&b.result.cause);
	/* Once more: nothing comes of it, but the same answer. */
	if (a.session != 0 && chance(w, 20)) {
		before = w->effects_a.size;
		entry.index = ++w->index;
		assert_true(replica_apply(w->a, &entry, SIZE_MAX, &w->effects_a, &b));
		assert_int_equal(b.seen, REQUEST_KNOWN);
		assert_int_equal(w->effects_a.size, before);
		assert_true(slice_equal(blob_slice(a.result.cause), blob_slice(b.result.cause)));
		blob_unref(&b.result.cause);
		assert_true(replica_apply(w->b, &entry, SIZE_MAX, &w->effects_b, &b));
		blob_unref(&b.result.cause);
	}
	blob_unref(&payload);
	return a.result.cause;
}

static uint64_t
next_sequence(struct world *w)
{
	return ++w->sequence;
}

/* Takes the blob; the outcome is the caller's to free. */
static void
parse_outcome(struct blob *blob, struct mvcc_outcome *outcome)
{
	assert_true(mvcc_outcome_parse(blob_slice(blob), outcome));
	blob_unref(&blob);
}

static void
open_and_keep(struct world *w, struct slice compares, struct slice ops,
    const struct mvcc_outcome *outcome, struct v3_model_answer *expected)
{
	struct blob *holder = blob_alloc(compares.size + ops.size);
	struct mvcc_request *request;
	struct mvcc_answer *answer;

	if (compares.size > 0)
		memcpy(holder->data, compares.data, compares.size);
	memcpy(holder->data + compares.size, ops.data, ops.size);
	assert_int_equal(mvcc_request_new(slice_of(holder->data, compares.size),
	    slice_of(holder->data + compares.size, ops.size), holder, &request), V3_NONE);
	blob_unref(&holder);
	assert_int_equal(mvcc_answer_open(w->a->mvcc, request, outcome, 0, &answer), V3_NONE);
	keep_answer(w, answer, expected);
}

static void
some_write(struct world *w)
{
	struct buf compares = BUF_INIT, ops = BUF_INIT;
	struct v3_model_answer expected = { .error = V3_NONE };
	struct mvcc_outcome outcome;
	uint64_t kind = below(w, 10);

	if (kind < 5)
		v3_work_put(&w->work, &ops);
	else if (kind < 7)
		v3_work_delete(&w->work, &ops);
	else
		v3_work_txn(&w->work, &compares, &ops, 0, 0, false);
	v3_model_write(&w->model, buf_slice(&compares), buf_slice(&ops), &expected);
	parse_outcome(apply(w, command_new_v3_write(SESSION, next_sequence(w),
	    &(struct msg_v3_write){ .low = w->sequence, .compares = buf_slice(&compares),
	    .ops = buf_slice(&ops) })), &outcome);
	assert_int_equal(outcome.error, expected.error);
	assert_int_equal(outcome.revision, expected.revision);
	if (outcome.error == V3_NONE)
		open_and_keep(w, buf_slice(&compares), buf_slice(&ops), &outcome, &expected);
	else
		v3_model_answer_free(&expected);
	mvcc_outcome_free(&outcome);
	buf_free(&compares);
	buf_free(&ops);
}

static void
some_read(struct world *w)
{
	struct buf compares = BUF_INIT, ops = BUF_INIT;
	struct v3_model_answer expected = { .error = V3_NONE };
	struct mvcc_request *request;
	struct mvcc_answer *answer;

	if (chance(w, 600))
		v3_work_range(&w->work, &ops);
	else
		v3_work_txn(&w->work, &compares, &ops, 0, 0, true);
	v3_model_read(&w->model, buf_slice(&compares), buf_slice(&ops), &expected);
	if (expected.error == V3_NONE) {
		open_and_keep(w, buf_slice(&compares), buf_slice(&ops), NULL, &expected);
	} else {
		assert_int_equal(mvcc_request_new(buf_slice(&compares), buf_slice(&ops), NULL,
		    &request), V3_NONE);
		assert_int_equal(mvcc_answer_open(w->a->mvcc, request, NULL, 0, &answer),
		    expected.error);
		v3_model_answer_free(&expected);
	}
	buf_free(&compares);
	buf_free(&ops);
}

static void
some_compaction(struct world *w)
{
	uint64_t revision = w->model.count > HISTORY_MAX ?
	    w->model.revision - below(w, 20) : v3_work_revision(&w->work);
	struct mvcc_outcome outcome;

	note_all_watches(w);
	parse_outcome(apply(w, command_new_v3_compact(SESSION, next_sequence(w),
	    &(struct msg_v3_compact){ .low = w->sequence, .revision = revision })), &outcome);
	assert_int_equal(outcome.error, v3_model_compact(&w->model, (int64_t)revision));
	mvcc_outcome_free(&outcome);
	expect_again(w);
}

static void
some_sweep(struct world *w)
{
	bool more = mvcc_has_to_sweep(w->a->mvcc);
	struct buf nowhere = BUF_INIT;

	if (!more)
		assert_false(mvcc_sweep(w->a->mvcc, 100, &w->effects_a));
	else
		(void)mvcc_sweep(w->a->mvcc, 1 + below(w, 20), &w->effects_a);
	if (chance(w, 300))
		(void)mvcc_sweep(w->b->mvcc, 1 + below(w, 200), &nowhere);
	if (chance(w, 10))
		assert_false(mvcc_sweep(w->b->mvcc, SIZE_MAX, &nowhere));
	/* There it is read by nobody. */
	if (mvcc_is_swept(w->b->mvcc, w->model.compacted)) {
		assert_false(mvcc_has_to_sweep(w->b->mvcc));
		assert_int_equal(mvcc_change_count(w->b->mvcc), w->model.count);
	}
	buf_free(&nowhere);
}

static void
compare_ttl(struct world *w, uint64_t id)
{
	const struct v3_model_lease *lease = v3_model_lease(&w->model, id);
	struct mvcc_lease_view view;
	struct buf keys = BUF_INIT;
	bool there = mvcc_lease_look(w->a->mvcc, id, w->time_ns, &view, &keys);
	size_t count = 0;

	assert_int_equal(there, lease != NULL);
	if (there) {
		struct reader in = reader_of(buf_slice(&keys));
		struct slice key;

		assert_int_equal(view.granted_s, lease->ttl_s);
		for (; !reader_done(&in); count++)
			assert_true(codec_get_bytes(&in, &key));
		assert_int_equal(count, view.key_count);
	}
	buf_free(&keys);
}

static void
some_lease_work(struct world *w)
{
	uint64_t id = v3_work_lease(&w->work), granted = 0, kind = below(w, 10);
	int64_t ttl_s = (int64_t)below(w, 100) - 10;
	struct mvcc_outcome outcome = { .error = V3_NONE };
	struct buf list = BUF_INIT;
	uint64_t expiry_ns = chance(w, 300) ? 0 : w->time_ns + below(w, 100) * 1000000000;
	uint64_t term = chance(w, 900) ? 1 : 2;

	compare_ttl(w, id);
	switch (kind) {
	case 0:
	case 1:
	case 2:
	case 3:
		if (chance(w, 30))
			ttl_s = INT64_C(9000000000) + (int64_t)below(w, 2);
		parse_outcome(apply(w, command_new_v3_grant(SESSION, next_sequence(w),
		    &(struct msg_v3_grant){ .low = w->sequence, .id = id,
		    .ttl_s = (uint64_t)ttl_s })), &outcome);
		assert_int_equal(outcome.error, v3_model_grant(&w->model, id, ttl_s, w->time_ns,
		    &granted));
		assert_int_equal(outcome.ttl_s, granted);
		break;
	case 4:
		parse_outcome(apply(w, command_new_v3_revoke(SESSION, next_sequence(w),
		    &(struct msg_v3_revoke){ .low = w->sequence, .id = id })), &outcome);
		assert_int_equal(outcome.error, v3_model_revoke(&w->model, id));
		break;
	case 5:
		assert_null(apply(w, command_new_v3_expire(term, (const uint64_t[]){ id, 3 }, 2)));
		for (size_t i = 0; term == 1 && i < 2; i++)
			v3_model_expire(&w->model, i == 0 ? id : 3, w->time_ns);
		break;
	default:
		command_v3_lease_put(&list, &(struct command_v3_lease){ id, expiry_ns });
		assert_null(apply(w, command_new_v3_checkpoint(term, buf_slice(&list))));
		if (term == 1)
			v3_model_checkpoint(&w->model, id, expiry_ns);
		break;
	}
	mvcc_outcome_free(&outcome);
	buf_free(&list);
}

/* ---- snapshots ------------------------------ */

static void
close_all(struct world *w)
{
	for (size_t i = 0; i < OPEN_MAX; i++)
		if (w->open[i].answer != NULL)
			close_answer(&w->open[i]);
}

/* What is on the disk is the same; maybe it goes on as the first. */
static void
load_again(struct world *w, uint64_t seed)
{
	struct replica *fresh = replica_new(seed);
	const char *where = "";
	struct buf again = BUF_INIT;

	replica_flush(w->a, &w->effects_a);
	replica_flush(w->b, &again);
	buf_free(&again);
	to_disk(w);
	for (size_t i = 0; i < w->disk.count; i++)
		assert_int_equal(replica_load(fresh, blob_slice(w->disk.records[i].key),
		    blob_slice(w->disk.records[i].value)), ERR_NONE);
	assert_int_equal(replica_loaded(fresh, &where), ERR_NONE);
	replica_invariants(fresh);
	assert_int_equal(replica_hash(fresh), replica_hash(w->a));
	assert_int_equal(replica_hash(fresh), replica_hash(w->b));
	assert_int_equal(mvcc_change_count(fresh->mvcc), mvcc_change_count(w->a->mvcc));
	if (chance(w, 500)) {
		take_hits(w);
		close_all(w);
		replica_adopt(fresh, w->a);
		replica_free(&w->a);
		w->a = fresh;
		return;
	}
	replica_free(&fresh);
}

static void
step(struct world *w)
{
	uint64_t kind = below(w, 100);

	w->time_ns += below(w, 1000000000);
	if (kind < 50)
		some_write(w);
	else if (kind < 70)
		some_read(w);
	else if (kind < 78)
		some_watch(w);
	else if (kind < 86)
		some_lease_work(w);
	else if (kind < 92)
		some_sweep(w);
	else if (kind < 98)
		read_on(w);
	else if (kind < 99 || w->model.count > HISTORY_MAX)
		some_compaction(w);
}

static uint64_t
number_of(const char *name, uint64_t otherwise)
{
	const char *text = getenv(name);

	return text == NULL ? otherwise : strtoull(text, NULL, 10);
}

TEST(two_replicas_and_the_model_are_one)
{
	uint64_t operations = number_of("MOOTHALL_V3_OPERATIONS", OPERATIONS);
	uint64_t seed = number_of("MOOTHALL_V3_SEED", 1);
	struct world *w = xzalloc(sizeof(*w));

	rand_seed(&w->rand, seed);
	w->a = replica_new(seed);
	w->b = replica_new(seed + 1);
	w->time_ns = 1;
	v3_model_init(&w->model);
	w->work = (struct v3_work){ &w->rand, &w->model };
	for (uint64_t i = 0; i < operations; i++) {
		step(w);
		if (w->effects_a.size > 64 * KIB)
			to_disk(w);
		if (i % 500 == 0) {
			replica_invariants(w->a);
			replica_invariants(w->b);
			assert_int_equal(mvcc_hash(w->a->mvcc), mvcc_hash(w->b->mvcc));
		}
		if (i % 2000 == 0)
			load_again(w, i + seed);
	}
	take_hits(w);
	for (size_t i = 0; i < WATCHES; i++) {
		while (w->watches[i].used && w->watches[i].behind)
			catch_up(w, &w->watches[i]);
		if (w->watches[i].used) {
			compare_watch(w, &w->watches[i]);
			end_watch(&w->watches[i]);
		}
	}
	close_all(w);
	v3_model_free(&w->model);
	disk_free(&w->disk);
	buf_free(&w->effects_a);
	buf_free(&w->effects_b);
	replica_free(&w->a);
	replica_free(&w->b);
	free(w);
}
