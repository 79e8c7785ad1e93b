/*
 * requests_test.c - at most once: what the session table remembers, forgets and
 * brings back from the disk.
 */
#include "raftd/replica/requests.h"

#include "common/xmem.h"
#include "raftd/replica/state.h"
#include "tests/lib/test.h"

#include <stdlib.h>

struct sessions {
	struct requests *requests;
	struct store *store;
	struct buf effects;
	raft_index raft_index;
};

static struct sessions
table_new(void)
{
	return (struct sessions){ .requests = requests_new(1), .store = store_new(1) };
}

static void
table_free(struct sessions *t)
{
	requests_free(&t->requests);
	store_free(&t->store);
	buf_free(&t->effects);
}

/* A set of a key of its own, recorded for that request. Returns its index. */
static uint64_t
apply(struct sessions *t, uint64_t session, uint64_t sequence, uint64_t low)
{
	struct command_write write = { .op = WRITE_SET, .key = SLICE_LITERAL("/k") };
	struct store_outcome outcome;

	outcome = store_write(t->store, &write, 1000, false, &t->effects);
	assert_int_equal(outcome.error, ERR_NONE);
	requests_record(t->requests, t->store, session, sequence, low, (struct request_result){
	    .store_index = outcome.store_index, .raft_index = ++t->raft_index,
	    .raft_term = 1, .event = true }, &t->effects);
	blob_unref(&outcome.event);
	return outcome.store_index;
}

static enum request_seen
seen(const struct sessions *t, uint64_t session, uint64_t sequence)
{
	const struct request_result *result;

	return requests_find(t->requests, session, sequence, &result);
}

TEST(a_repeat_finds_the_first_answer)
{
	struct sessions t = table_new();
	const struct request_result *result;
	uint64_t index = apply(&t, 7, 3, 1);

	assert_int_equal(seen(&t, 7, 4), REQUEST_NEW);
	assert_int_equal(seen(&t, 8, 3), REQUEST_NEW);
	assert_int_equal(requests_find(t.requests, 7, 3, &result), REQUEST_KNOWN);
	assert_int_equal(result->store_index, index);
	table_free(&t);
}

TEST(results_that_come_out_of_order_are_all_found)
{
	static const uint64_t order[] = { 5, 2, 9, 1, 7, 3 };
	struct sessions t = table_new();

	for (size_t i = 0; i < ARRAY_COUNT(order); i++)
		apply(&t, 7, order[i], 1);
	for (uint64_t sequence = 1; sequence < 10; sequence++) {
		bool applied = false;

		for (size_t i = 0; i < ARRAY_COUNT(order); i++)
			applied = applied || order[i] == sequence;
		assert_int_equal(seen(&t, 7, sequence), applied ? REQUEST_KNOWN : REQUEST_NEW);
	}
	table_free(&t);
}

TEST(what_is_below_low_is_forgotten_and_never_new_again)
{
	struct sessions t = table_new();

	apply(&t, 7, 1, 1);
	apply(&t, 7, 2, 1);
	apply(&t, 7, 5, 4);
	assert_int_equal(seen(&t, 7, 1), REQUEST_FORGOTTEN);
	assert_int_equal(seen(&t, 7, 3), REQUEST_FORGOTTEN);
	assert_int_equal(seen(&t, 7, 4), REQUEST_NEW);
	table_free(&t);
}

TEST(a_low_above_its_own_sequence_does_not_lose_the_answer)
{
	struct sessions t = table_new();

	apply(&t, 7, 5, 100);
	assert_int_equal(seen(&t, 7, 5), REQUEST_KNOWN);
	table_free(&t);
}

TEST(the_event_of_an_answer_outlives_the_window)
{
	struct sessions t = table_new();
	uint64_t index = apply(&t, 7, 1, 1);

	for (uint64_t i = 0; i < HISTORY_EVENTS_DEFAULT + 10; i++)
		apply(&t, 8, i + 1, i + 1);
	assert_non_null(store_event(t.store, index));
	apply(&t, 7, 2, 2);
	assert_null(store_event(t.store, index));
	table_free(&t);
}

TEST(the_least_recently_applied_session_goes)
{
	struct sessions t = table_new();

	for (uint64_t session = 1; session <= SESSIONS_MAX; session++)
		apply(&t, session, 1, 1);
	apply(&t, 1, 2, 1);
	apply(&t, SESSIONS_MAX + 1, 1, 1);
	assert_int_equal(seen(&t, 1, 1), REQUEST_KNOWN);
	assert_int_equal(seen(&t, 2, 1), REQUEST_NEW);
	assert_int_equal(seen(&t, 3, 1), REQUEST_KNOWN);
	table_free(&t);
}

TEST(a_session_keeps_a_bounded_number_of_results)
{
	struct sessions t = table_new();

	for (uint64_t i = 1; i <= SESSION_RESULTS_MAX + 5; i++)
		apply(&t, 7, i, 1);
	assert_int_equal(seen(&t, 7, 5), REQUEST_FORGOTTEN);
	assert_int_equal(seen(&t, 7, 6), REQUEST_KNOWN);
	table_free(&t);
}

/* Play effects into a second table as recovery does: last value of a key wins. */
static enum err
reload(const struct sessions *t, struct sessions *fresh)
{
	struct reader in = reader_of(buf_slice(&t->effects));
	struct state_record *records = NULL, record;
	size_t count = 0, capacity = 0;
	const char *where;
	enum err err = ERR_NONE;

	while (!reader_done(&in)) {
		assert_true(state_record_get(&in, &record));
		for (size_t i = 0; i < count; i++)
			if (slice_equal(records[i].key, record.key))
				records[i] = records[--count];
		records = xgrow(records, &capacity, count + 1, sizeof(*records));
		if (record.value.size > 0)
			records[count++] = record;
	}
	for (size_t i = 0; i < count && err == ERR_NONE; i++)
		err = strchr("SR", records[i].key.data[0]) != NULL ?
		    requests_load(fresh->requests, records[i].key, records[i].value) :
		    store_load(fresh->store, records[i].key, records[i].value);
	free(records);
	if (err == ERR_NONE)
		err = store_loaded(fresh->store, &where);
	return err != ERR_NONE ? err : requests_loaded(fresh->requests, fresh->store);
}

TEST(the_table_comes_back_from_its_effects)
{
	struct sessions t = table_new(), fresh = table_new();

	for (uint64_t i = 1; i < 200; i++)
		apply(&t, i % 7 + 1, i, i > 20 ? i - 20 : 1);
	requests_flush(t.requests, &t.effects);
	assert_int_equal(reload(&t, &fresh), ERR_NONE);
	assert_int_equal(requests_hash(fresh.requests), requests_hash(t.requests));
	assert_int_equal(seen(&fresh, 3, 198), seen(&t, 3, 198));
	assert_int_equal(store_hash(fresh.store), store_hash(t.store));
	table_free(&t);
	table_free(&fresh);
}

TEST(a_result_without_its_session_is_damage)
{
	struct sessions t = table_new(), fresh = table_new();

	apply(&t, 7, 1, 1);
	assert_int_equal(reload(&t, &fresh), ERR_CORRUPT);
	table_free(&t);
	table_free(&fresh);
}

TEST(records_of_another_shape_are_refused)
{
	struct sessions t = table_new();
	uint8_t key[STATE_KEY_BYTES];

	assert_int_equal(requests_load(t.requests, SLICE_LITERAL("S"), SLICE_LITERAL("x")),
	    ERR_CORRUPT);
	assert_int_equal(requests_load(t.requests, state_key(key, STATE_SESSION, 1),
	    SLICE_LITERAL("\1")), ERR_CORRUPT);
	assert_int_equal(requests_load(t.requests, SLICE_LITERAL("Z"), SLICE_LITERAL("x")),
	    ERR_CORRUPT);
	table_free(&t);
}
