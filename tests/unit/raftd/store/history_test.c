/*
 * history_test.c - the window, and events that answers still refer to.
 */
#include "tests/unit/raftd/store/fixture.h"

#include "common/limits.h"
#include "raftd/store/effect.h"

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
