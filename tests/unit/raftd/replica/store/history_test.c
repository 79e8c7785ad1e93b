/*
 * history_test.c - the window, and events that answers still refer to.
 */
#include "tests/unit/raftd/replica/store/fixture.h"

#include "common/limits.h"
#include "common/xmem.h"
#include "raftd/replica/store/effect.h"
#include "raftd/replica/store/history.h"

#include <stdlib.h>

static void
write_many(struct fixture *f, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++)
		fixture_run(f, "set /f x");
}

static size_t
events_on_disk(const struct fixture *f)
{
	size_t count = 0;
	size_t i;

	for (i = 0; i < f->disk.count; i++)
		count += f->disk.records[i].key->data[0] == EFFECT_EVENT;
	return count;
}

static void
release(struct fixture *f, uint64_t store_index)
{
	store_event_release(f->store, store_index, &f->effects);
	fixture_flush(f);
}

TEST(events_leave_the_window_and_the_disk)
{
	struct fixture *f = fixture_new(1);

	assert_null(store_event(f->store, 0));
	assert_null(store_event(f->store, 1));
	write_many(f, HISTORY_EVENTS_DEFAULT);
	assert_int_equal(events_on_disk(f), HISTORY_EVENTS_DEFAULT);
	assert_non_null(store_event(f->store, 1));
	write_many(f, 1);
	assert_int_equal(events_on_disk(f), HISTORY_EVENTS_DEFAULT);
	assert_null(store_event(f->store, 1));
	assert_non_null(store_event(f->store, 2));
	assert_non_null(store_event(f->store, HISTORY_EVENTS_DEFAULT + 1));
	assert_null(store_event(f->store, HISTORY_EVENTS_DEFAULT + 2));
	fixture_free(&f);
}

TEST(a_retained_event_stays_until_its_last_release)
{
	struct fixture *f = fixture_new(1);
	struct blob *event;

	write_many(f, 5);
	store_event_retain(f->store, 2);
	store_event_retain(f->store, 2);
	store_event_retain(f->store, 3);
	store_event_retain(f->store, 99);
	release(f, 3);
	release(f, 4);
	event = store_event(f->store, 2);
	write_many(f, HISTORY_EVENTS_DEFAULT + 10);
	assert_int_equal(events_on_disk(f), HISTORY_EVENTS_DEFAULT + 1);
	assert_ptr_equal(store_event(f->store, 2), event);
	assert_null(store_event(f->store, 3));
	/* It is kept, but a watch cannot reach it. */
	EXPECT(f, "watch 1 1 /f since=2",
	    "error 401 the requested history has been cleared [16/2]");
	store_event_retain(f->store, 2);
	release(f, 2);
	release(f, 2);
	assert_non_null(store_event(f->store, 2));
	release(f, 2);
	assert_null(store_event(f->store, 2));
	assert_int_equal(events_on_disk(f), HISTORY_EVENTS_DEFAULT);
	release(f, 2);
	fixture_free(&f);
}

TEST(what_is_loaded_past_the_window_waits_for_those_who_retain_it)
{
	struct fixture *f = fixture_new(1);
	const char *where;
	struct store *store;

	write_many(f, 3);
	store_event_retain(f->store, 1);
	store_event_retain(f->store, 2);
	write_many(f, HISTORY_EVENTS_DEFAULT);
	store = disk_load(&f->disk, 9, &where);
	assert_non_null(store);
	assert_int_equal(store_hash(store), store_hash(f->store));
	store_free(&f->store);
	f->store = store;
	assert_non_null(store_event(store, 1));
	assert_null(store_event(store, 3));
	store_event_retain(store, 1);
	store_event_retain(store, 2);
	release(f, 1);
	assert_null(store_event(store, 1));
	assert_non_null(store_event(store, 2));
	assert_int_equal(events_on_disk(f), HISTORY_EVENTS_DEFAULT + 1);
	release(f, 2);
	assert_null(store_event(store, 2));
	assert_int_equal(events_on_disk(f), HISTORY_EVENTS_DEFAULT);
	/* The window goes on from where it was. */
	EXPECT(f, "set /f y", "200 set /f=y m1004 c1004 < /f=x m1003 c1003");
	assert_int_equal(events_on_disk(f), HISTORY_EVENTS_DEFAULT);
	fixture_free(&f);
}

/* Sets /f to that many bytes. */
static void
write_big(struct fixture *f, size_t size)
{
	uint8_t *bytes = xmalloc(size);
	struct command_write write = { .op = WRITE_SET, .key = SLICE_LITERAL("/f"),
		.value = slice_of(bytes, size) };
	struct store_outcome outcome;

	memset(bytes, 'x', size);
	outcome = fixture_write(f, &write, false);
	assert_int_equal(outcome.error, ERR_NONE);
	fixture_outcome_free(&outcome);
	free(bytes);
}

static void
limit(struct fixture *f, size_t bytes_max)
{
	store_limit_history(f->store, &(struct history_limits){ HISTORY_EVENTS_DEFAULT, bytes_max },
	    &f->effects);
	fixture_flush(f);
}

static void
limit_events(struct fixture *f, size_t events_max)
{
	store_limit_history(f->store, &(struct history_limits){ events_max,
	    HISTORY_BYTES_DEFAULT }, &f->effects);
	fixture_flush(f);
}

static void
start_again(struct fixture *f, size_t events_max)
{
	const char *where;
	struct store *store = disk_load(&f->disk, 3, &where);

	assert_non_null(store);
	store_limit_history(store, &(struct history_limits){ events_max, HISTORY_BYTES_DEFAULT },
	    NULL);
	assert_int_equal(store_hash(store), store_hash(f->store));
	store_free(&f->store);
	f->store = store;
	store_use_tails(f->store, &f->tails);
	store_invariants(f->store);
}

TEST(a_window_has_as_many_events_as_the_cluster_wants)
{
	static const size_t limits[] = { HISTORY_EVENTS_MIN, 511, 512, 513, 2500 };

	for (size_t i = 0; i < ARRAY_COUNT(limits); i++) {
		struct fixture *f = fixture_new(1);

		limit_events(f, limits[i]);
		write_many(f, limits[i]);
		assert_int_equal(events_on_disk(f), limits[i]);
		assert_non_null(store_event(f->store, 1));
		for (size_t past = 1; past <= 3; past++) {
			write_many(f, 1);
			assert_int_equal(events_on_disk(f), limits[i]);
			assert_null(store_event(f->store, past));
			assert_non_null(store_event(f->store, past + 1));
			start_again(f, limits[i]);
		}
		EXPECT(f, "watch 1 1 /f since=3",
		    "error 401 the requested history has been cleared [4/3]");
		EXPECT(f, "watch 1 1 /f since=4", "watching");
		fixture_free(&f);
	}
}

TEST(a_window_that_is_lowered_goes_in_steps)
{
	struct fixture *f = fixture_new(1);
	size_t left = 2 * HISTORY_EVENTS_SHED + 300;

	limit_events(f, 5000);
	write_many(f, left);
	limit_events(f, 200);
	left -= HISTORY_EVENTS_SHED;
	assert_int_equal(events_on_disk(f), left);
	store_invariants(f->store);
	start_again(f, 200);
	write_many(f, 1);
	left = left + 1 - HISTORY_EVENTS_SHED;
	assert_int_equal(events_on_disk(f), left);
	write_many(f, 1);
	assert_int_equal(events_on_disk(f), 200);
	store_invariants(f->store);
	/* The limit of bytes alike: the last one stays. */
	limit(f, 1);
	assert_int_equal(events_on_disk(f), 1);
	fixture_free(&f);
}

/* Once around the ring, and a bit more. */
TEST(the_greatest_window_there_can_be_goes_on_where_it_began)
{
	struct history history;
	struct buf out = BUF_INIT;
	struct effects effects = { .out = &out };
	size_t size = 0;

	history_init(&history, 1, NULL);
	history_limit(&history, &(struct history_limits){ HISTORY_EVENTS_MAX,
	    HISTORY_BYTES_MAX }, &effects);
	for (uint64_t at = 1; at <= HISTORY_EVENTS_MAX + 100000; at++) {
		struct event event = { .store_index = at,
			.record = blob_new(slice_of(&at, sizeof(at))) };

		history_add(&history, event, &effects);
		size = MAX_OF(size, out.size);
		buf_clear(&out);
	}
	assert_int_equal(history_first(&history), 100001);
	for (uint64_t at = history_first(&history); at <= history.last; at++)
		assert_memory_equal(history_at(&history, at)->record->data, &at, sizeof(at));
	assert_in_range(size, 1, 200);
	buf_clear(&out);
	history_limit(&history, &(struct history_limits){ HISTORY_EVENTS_MIN,
	    HISTORY_BYTES_MAX }, &effects);
	/* What one step costs: so many keys without a value. */
	assert_in_range(out.size, HISTORY_EVENTS_SHED, 25 * HISTORY_EVENTS_SHED);
	assert_int_equal(history_first(&history), 100001 + HISTORY_EVENTS_SHED);
	buf_free(&out);
	effects_free(&effects);
	history_free(&history);
}

TEST(the_window_is_bounded_in_bytes_to_the_byte)
{
	struct fixture *f = fixture_new(1);
	size_t size;

	write_big(f, 1000);
	write_big(f, 1000);
	/* Its event holds the value before it, too. */
	size = store_event(f->store, 2)->size;
	limit(f, 2 * size);
	write_big(f, 1000);
	assert_null(store_event(f->store, 1));
	assert_non_null(store_event(f->store, 2));
	EXPECT(f, "watch 1 1 /f since=1",
	    "error 401 the requested history has been cleared [2/1]");
	EXPECT(f, "watch 1 1 /f since=2", "watching");
	limit(f, 2 * size - 1);
	assert_null(store_event(f->store, 2));
	assert_int_equal(events_on_disk(f), 1);
	fixture_free(&f);
}

TEST(the_last_event_stays_whatever_it_weighs)
{
	struct fixture *f = fixture_new(1);

	limit(f, 1000);
	write_many(f, 10);
	write_big(f, 100000);
	assert_int_equal(events_on_disk(f), 1);
	assert_non_null(store_event(f->store, 11));
	write_many(f, 1);
	/* It has the big one as its previous value. */
	assert_int_equal(events_on_disk(f), 1);
	write_many(f, 2);
	assert_int_equal(events_on_disk(f), 2);
	fixture_free(&f);
}

TEST(retained_events_are_bounded_too_and_the_oldest_go)
{
	struct fixture *f = fixture_new(1);
	const char *where;
	struct store *store;
	size_t size;

	write_big(f, 1000);
	write_big(f, 1000);
	size = store_event(f->store, 2)->size;
	limit(f, size);
	for (uint64_t at = 2; at <= 7; at++) {
		store_event_retain(f->store, at);
		write_big(f, 1000);
	}
	/* One in the window, HISTORY_KEPT_TIMES aside: 4, 5, 6, 7 and 8. */
	assert_int_equal(events_on_disk(f), 5);
	assert_null(store_event(f->store, 3));
	assert_non_null(store_event(f->store, 4));
	release(f, 3);
	release(f, 4);
	assert_int_equal(events_on_disk(f), 4);
	store = disk_load(&f->disk, 9, &where);
	assert_non_null(store);
	store_limit_history(store, &(struct history_limits){ HISTORY_EVENTS_DEFAULT, size }, NULL);
	assert_int_equal(store_hash(store), store_hash(f->store));
	for (uint64_t at = 5; at <= 7; at++)
		store_event_retain(store, at);
	store_free(&f->store);
	f->store = store;
	/* What was loaded is bounded by age as before. */
	limit(f, size / 2);
	assert_null(store_event(f->store, 5));
	assert_non_null(store_event(f->store, 6));
	fixture_free(&f);
}

TEST(a_window_that_lost_an_event_is_refused)
{
	struct fixture *f = fixture_new(1);
	const char *where;

	write_many(f, 20);
	for (size_t i = 0; i < f->disk.count; i++) {
		struct blob *key = blob_ref(f->disk.records[i].key);
		struct blob *value = blob_ref(f->disk.records[i].value);

		if (key->data[0] == EFFECT_EVENT) {
			disk_put(&f->disk, blob_slice(key), SLICE_EMPTY);
			assert_null(disk_load(&f->disk, 1, &where));
			assert_string_equal(where, "an event of the history window is missing");
			disk_put(&f->disk, blob_slice(key), blob_slice(value));
		}
		blob_unref(&key);
		blob_unref(&value);
	}
	fixture_free(&f);
}
