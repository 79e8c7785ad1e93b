/*
 * history_test.c - the window, and events that answers still refer to.
 */
#include "tests/unit/raftd/replica/store/fixture.h"

#include "common/limits.h"
#include "common/xmem.h"
#include "raftd/replica/store/effect.h"

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
	write_many(f, HISTORY_EVENTS);
	assert_int_equal(events_on_disk(f), HISTORY_EVENTS);
	assert_non_null(store_event(f->store, 1));
	write_many(f, 1);
	assert_int_equal(events_on_disk(f), HISTORY_EVENTS);
	assert_null(store_event(f->store, 1));
	assert_non_null(store_event(f->store, 2));
	assert_non_null(store_event(f->store, HISTORY_EVENTS + 1));
	assert_null(store_event(f->store, HISTORY_EVENTS + 2));
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
	write_many(f, HISTORY_EVENTS + 10);
	assert_int_equal(events_on_disk(f), HISTORY_EVENTS + 1);
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
	assert_int_equal(events_on_disk(f), HISTORY_EVENTS);
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
	write_many(f, HISTORY_EVENTS);
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
	assert_int_equal(events_on_disk(f), HISTORY_EVENTS + 1);
	release(f, 2);
	assert_null(store_event(store, 2));
	assert_int_equal(events_on_disk(f), HISTORY_EVENTS);
	/* The window goes on from where it was. */
	EXPECT(f, "set /f y", "200 set /f=y m1004 c1004 < /f=x m1003 c1003");
	assert_int_equal(events_on_disk(f), HISTORY_EVENTS);
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
	store_limit_history(f->store, bytes_max, &f->effects);
	fixture_flush(f);
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
	store_limit_history(store, size, NULL);
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
