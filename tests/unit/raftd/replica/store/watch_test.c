/*
 * watch_test.c - who gets which event, live and looking back.
 */
#include "tests/unit/raftd/replica/store/fixture.h"

#include "common/limits.h"
#include "common/rand.h"
#include "common/xmem.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static bool
everybody_has_room(void *argument UNUSED, uint64_t owner UNUSED)
{
	return true;
}

TEST(a_watch_gets_one_event_and_is_gone)
{
	struct fixture *f = fixture_new(1);

	EXPECT(f, "watch 1 7 /a", "watching");
	assert_int_equal(store_watch_count(f->store), 1);
	EXPECT(f, "set /b 1", "201 set /b=1 m1 c1");
	EXPECT(f, "hits", "none");
	EXPECT(f, "set /a 1", "201 set /a=1 m2 c2");
	assert_int_equal(store_watch_count(f->store), 0);
	EXPECT(f, "set /a 2", "200 set /a=2 m3 c3 < /a=1 m2 c2");
	EXPECT(f, "hits", "1[7] set /a=1 m2 c2");
	EXPECT(f, "hits", "none");
	fixture_free(&f);
}

TEST(a_stream_gets_them_all)
{
	struct fixture *f = fixture_new(1);

	EXPECT(f, "watch 1 7 /a stream", "watching");
	EXPECT(f, "set /a 1", "201 set /a=1 m1 c1");
	EXPECT(f, "update /a 2", "200 update /a=2 m2 c1 < /a=1 m1 c1");
	EXPECT(f, "delete /a", "200 delete /a m3 c1 < /a=2 m2 c1");
	EXPECT(f, "hits", "1[7] set /a=1 m1 c1; 1[7] update /a=2 m2 c1 < /a=1 m1 c1; "
	    "1[7] delete /a m3 c1 < /a=2 m2 c1");
	assert_int_equal(store_watch_count(f->store), 1);
	fixture_free(&f);
}

/* Keys API 10.2, rules 1 and 2, and 11. */
TEST(which_live_events_a_watch_gets)
{
	static const struct {
		const char *watched, *written;
		bool plain, recursive;	/* does such a watch get it? */
	} table[] = {
		{ "/a", "/a", true, true },
		{ "/d", "/d/a", false, true },
		{ "/d", "/d/x/y/z", false, true },
		{ "/", "/a", false, true },
		{ "/", "/d/a", false, true },
		{ "/d", "/dd", false, false },
		{ "/d", "/d-x/y", false, false },
		{ "/d/a", "/d", false, false },
		{ "/a", "/A", false, false },
		{ "/", "/_h", false, false },
		{ "/", "/a/_h/b", false, false },
		{ "/d", "/d/_h", false, false },
		{ "/_h", "/_h", true, true },
		{ "/_h", "/_h/x", false, true },
		{ "/_h", "/_h/_x", false, false },
		{ "/_h/_x", "/_h/_x/y", false, true },
	};
	size_t i;

	for (i = 0; i < ARRAY_COUNT(table); i++) {
		struct fixture *f = fixture_new(1);
		char line[64], expected[64];
		bool plain = table[i].plain, recursive = table[i].recursive;

		snprintf(line, sizeof(line), "watch 1 1 %s", table[i].watched);
		EXPECT(f, line, "watching");
		snprintf(line, sizeof(line), "watch 1 2 %s recursive", table[i].watched);
		EXPECT(f, line, "watching");
		snprintf(line, sizeof(line), "set %s v", table[i].written);
		fixture_run(f, line);
		snprintf(expected, sizeof(expected), "1[%s] set %s=v m1 c1",
		    plain && recursive ? "1 2" : "2", table[i].written);
		EXPECT(f, "hits", plain || recursive ? expected : "none");
		fixture_free(&f);
	}
}

/* Keys API 10.2, rule 3. */
TEST(the_removal_of_a_directory_reaches_those_who_watch_what_existed_below)
{
	static const char *const removals[] = { "delete /d recursive", "expire 5" };
	static const char *const answers[] = {
		"200 delete /d/ m4 c1 < /d/ m1 c1 @5", "1",
	};
	static const char *const events[] = {
		"delete /d/ m4 c1 < /d/ m1 c1 @5", "expire /d/ m4 c1 < /d/ m1 c1 @5",
	};
	size_t i;

	for (i = 0; i < ARRAY_COUNT(removals); i++) {
		struct fixture *f = fixture_new(1);
		char expected[96];

		EXPECT(f, "set /d/a 1", "201 set /d/a=1 m1 c1");
		EXPECT(f, "set /d/b/_c 2", "201 set /d/b/_c=2 m2 c2");
		EXPECT(f, "update /d ttl=5", "200 update /d/ m3 c1 @5 < /d/ m1 c1");
		EXPECT(f, "watch 1 1 /d/a", "watching");
		EXPECT(f, "watch 1 2 /d/b/_c", "watching");
		EXPECT(f, "watch 1 3 /d/b", "watching");
		EXPECT(f, "watch 1 4 /d/b recursive", "watching");
		EXPECT(f, "watch 1 5 /d stream", "watching");
		EXPECT(f, "watch 1 6 /d/none", "watching");
		EXPECT(f, "watch 1 7 /d/none/x recursive", "watching");
		EXPECT(f, "watch 1 8 /d/a/x", "watching");
		EXPECT(f, "watch 1 9 /dd", "watching");
		EXPECT(f, "watch 1 10 / recursive stream", "watching");
		EXPECT(f, removals[i], answers[i]);
		snprintf(expected, sizeof(expected), "1[1 2 3 4 5 10] %s", events[i]);
		EXPECT(f, "hits", expected);
		assert_int_equal(store_watch_count(f->store), 6);
		fixture_free(&f);
	}
}

TEST(replacing_a_file_wakes_nobody_below_it)
{
	struct fixture *f = fixture_new(1);

	EXPECT(f, "set /a 1", "201 set /a=1 m1 c1");
	EXPECT(f, "watch 1 1 /a/b", "watching");
	EXPECT(f, "watch 1 2 /a", "watching");
	EXPECT(f, "set /a dir", "200 set /a/ m2 c2 < /a=1 m1 c1");
	EXPECT(f, "delete /a dir", "200 delete /a/ m3 c2 < /a/ m2 c2");
	EXPECT(f, "hits", "1[2] set /a/ m2 c2 < /a=1 m1 c1");
	fixture_free(&f);
}

TEST(directories_on_the_way_and_refreshes_are_not_seen)
{
	struct fixture *f = fixture_new(1);

	EXPECT(f, "watch 1 1 /x stream", "watching");
	EXPECT(f, "watch 1 2 /x/y stream", "watching");
	EXPECT(f, "set /x/y 1", "201 set /x/y=1 m1 c1");
	EXPECT(f, "update /x/y refresh ttl=9", "200 update /x/y=1 m2 c1 @9 < /x/y=1 m1 c1");
	EXPECT(f, "swap /x/y 2 prev=0", "error 101 [0 != 1]");
	EXPECT(f, "hits", "1[2] set /x/y=1 m1 c1");
	EXPECT(f, "watch 1 3 /x/y since=2", "watching");
	EXPECT(f, "hits", "none");
	EXPECT(f, "update /x/y 3", "200 update /x/y=3 m3 c1 < /x/y=1 m2 c1 @9");
	EXPECT(f, "hits", "1[2 3] update /x/y=3 m3 c1 < /x/y=1 m2 c1 @9");
	fixture_free(&f);
}

TEST(hits_come_by_index_and_once_for_each_owner)
{
	struct fixture *f = fixture_new(1);
	const struct store_hit *hits;

	EXPECT(f, "watch 2 1 /a stream", "watching");
	EXPECT(f, "watch 1 9 /a stream", "watching");
	EXPECT(f, "watch 1 3 / recursive stream", "watching");
	EXPECT(f, "set /a 1", "201 set /a=1 m1 c1");
	EXPECT(f, "set /b 1", "201 set /b=1 m2 c2");
	EXPECT(f, "watch 3 5 / recursive stream since=1", "watching");
	EXPECT(f, "catch_up", "");
	assert_int_equal(store_take_hits(f->store, &hits), 6);
	assert_int_equal(hits[5].kind, HIT_LIVE);
	/* One event is one blob, however many want it. */
	assert_ptr_equal(hits[0].event, hits[1].event);
	EXPECT(f, "set /a 2", "200 set /a=2 m3 c3 < /a=1 m1 c1");
	EXPECT(f, "hits", "1[3 9] set /a=2 m3 c3 < /a=1 m1 c1; "
	    "2[1] set /a=2 m3 c3 < /a=1 m1 c1; 3[5] set /a=2 m3 c3 < /a=1 m1 c1");
	fixture_free(&f);
}

TEST(an_ended_watch_gets_nothing_more_not_even_what_was_not_taken)
{
	struct fixture *f = fixture_new(1);

	EXPECT(f, "watch 1 1 /a stream", "watching");
	EXPECT(f, "watch 1 2 /a", "watching");
	EXPECT(f, "watch 1 3 /a stream", "watching");
	EXPECT(f, "watch 2 3 /a", "watching");
	EXPECT(f, "set /a 1", "201 set /a=1 m1 c1");
	EXPECT(f, "unwatch 1 1", "");
	EXPECT(f, "unwatch 1 2", "");
	EXPECT(f, "unwatch 9 9", "");
	EXPECT(f, "hits", "1[3] set /a=1 m1 c1; 2[3] set /a=1 m1 c1");
	EXPECT(f, "set /a 2", "200 set /a=2 m2 c2 < /a=1 m1 c1");
	EXPECT(f, "watch 1 4 /b", "watching");
	EXPECT(f, "unwatch 1", "");
	EXPECT(f, "unwatch 1", "");
	EXPECT(f, "hits", "none");
	assert_int_equal(store_watch_count(f->store), 0);
	fixture_free(&f);
}

TEST(an_id_used_again_is_the_new_watch)
{
	struct fixture *f = fixture_new(1);

	EXPECT(f, "watch 1 1 /a stream", "watching");
	EXPECT(f, "set /a 1", "201 set /a=1 m1 c1");
	EXPECT(f, "watch 1 1 /b", "watching");
	EXPECT(f, "hits", "none");
	EXPECT(f, "set /a 2", "200 set /a=2 m2 c2 < /a=1 m1 c1");
	EXPECT(f, "set /b 1", "201 set /b=1 m3 c3");
	EXPECT(f, "hits", "1[1] set /b=1 m3 c3");
	fixture_free(&f);
}

/* Keys API 10.3. */
TEST(a_watch_that_goes_on_is_not_shown_what_was_hidden_from_it)
{
	struct fixture *f = fixture_new(1);

	EXPECT(f, "set /d/_h 1", "201 set /d/_h=1 m1 c1");
	EXPECT(f, "set /d/x 1", "201 set /d/x=1 m2 c2");
	EXPECT(f, "watch 1 1 /d recursive since=1", "watching");
	EXPECT(f, "watch 1 2 /d recursive goes_on since=1", "watching");
	EXPECT(f, "watch 1 3 / recursive goes_on since=1", "watching");
	EXPECT(f, "watch 1 4 /d/_h goes_on since=1", "watching");
	EXPECT(f, "watch 1 5 /d/_h recursive goes_on since=1", "watching");
	EXPECT(f, "hits", "1[1 4 5] set /d/_h=1 m1 c1; 1[2 3] set /d/x=1 m2 c2");
	fixture_free(&f);
}

TEST(looking_back_finds_the_first_that_fits)
{
	struct fixture *f = fixture_new(1);

	EXPECT(f, "set /a 1", "201 set /a=1 m1 c1");
	EXPECT(f, "set /d/_h 1", "201 set /d/_h=1 m2 c2");
	EXPECT(f, "set /a 2", "200 set /a=2 m3 c3 < /a=1 m1 c1");
	EXPECT(f, "delete /d recursive", "200 delete /d/ m4 c2 < /d/ m2 c2");
	EXPECT(f, "watch 1 1 /a since=1", "watching");
	EXPECT(f, "hits", "1[1] set /a=1 m1 c1");
	EXPECT(f, "watch 1 2 /a since=2", "watching");
	EXPECT(f, "hits", "1[2] set /a=2 m3 c3 < /a=1 m1 c1");
	EXPECT(f, "watch 1 3 /d recursive since=1", "watching");
	EXPECT(f, "hits", "1[3] set /d/_h=1 m2 c2");
	EXPECT(f, "watch 1 4 /d/never/was since=3", "watching");
	EXPECT(f, "hits", "1[4] delete /d/ m4 c2 < /d/ m2 c2");
	assert_int_equal(store_watch_count(f->store), 0);
	EXPECT(f, "watch 1 5 /dd since=1", "watching");
	EXPECT(f, "watch 1 6 /a since=4", "watching");
	EXPECT(f, "watch 1 7 /a since=7", "watching");
	EXPECT(f, "watch 1 8 /a since=0", "watching");
	EXPECT(f, "hits", "none");
	EXPECT(f, "set /a 3", "200 set /a=3 m5 c5 < /a=2 m3 c3");
	EXPECT(f, "hits", "1[6 8] set /a=3 m5 c5 < /a=2 m3 c3");
	EXPECT(f, "set /dd 3", "201 set /dd=3 m6 c6");
	EXPECT(f, "set /a 4", "200 set /a=4 m7 c7 < /a=3 m5 c5");
	EXPECT(f, "hits", "1[5] set /dd=3 m6 c6; 1[7] set /a=4 m7 c7 < /a=3 m5 c5");
	fixture_free(&f);
}

TEST(a_stream_from_the_past_goes_on_live_and_repeats_nothing)
{
	struct fixture *f = fixture_new(1);

	EXPECT(f, "set /a 1", "201 set /a=1 m1 c1");
	EXPECT(f, "set /a 2", "200 set /a=2 m2 c2 < /a=1 m1 c1");
	EXPECT(f, "set /b 2", "201 set /b=2 m3 c3");
	EXPECT(f, "watch 1 1 /a stream since=1", "watching");
	EXPECT(f, "set /a 3", "200 set /a=3 m4 c4 < /a=2 m2 c2");
	EXPECT(f, "hits", "1[1] set /a=1 m1 c1; 1[1] set /a=2 m2 c2 < /a=1 m1 c1; "
	    "1[1] set /a=3 m4 c4 < /a=2 m2 c2");
	fixture_free(&f);
}

TEST(the_window_is_a_thousand_events_to_the_index)
{
	struct fixture *f = fixture_new(1);
	unsigned i;

	EXPECT(f, "watch 1 1 /f since=1", "watching");
	for (i = 1; i <= HISTORY_EVENTS_DEFAULT; i++)
		fixture_run(f, "set /f x");
	fixture_run(f, "hits");
	EXPECT(f, "watch 1 2 /f since=1", "watching");
	EXPECT(f, "hits", "1[2] set /f=x m1 c1");
	fixture_run(f, "set /f x");
	EXPECT(f, "watch 1 3 /f since=1",
	    "error 401 the requested history has been cleared [2/1]");
	EXPECT(f, "watch 1 3 /f since=1 stream",
	    "error 401 the requested history has been cleared [2/1]");
	assert_int_equal(store_watch_count(f->store), 0);
	EXPECT(f, "watch 1 3 /f since=2", "watching");
	EXPECT(f, "hits", "1[3] set /f=x m2 c2 < /f=x m1 c1");
	EXPECT(f, "watch 1 3 /g since=2", "watching");
	assert_int_equal(store_watch_count(f->store), 1);
	fixture_free(&f);
}

TEST(thousands_watch_and_only_those_concerned_are_hit)
{
	struct fixture *f = fixture_new(1);
	const struct store_hit *hits;
	char line[64];
	unsigned i;

	for (i = 0; i < 5000; i++) {
		snprintf(line, sizeof(line), "set /d/k%u v", i);
		fixture_run(f, line);
		snprintf(line, sizeof(line), "watch 1 %u /d/k%u", i, i);
		EXPECT(f, line, "watching");
		snprintf(line, sizeof(line), "watch 2 %u /e/k%u", i, i);
		EXPECT(f, line, "watching");
	}
	EXPECT(f, "hits", "none");
	EXPECT(f, "delete /d/k17", "200 delete /d/k17 m5001 c18 < /d/k17=v m18 c18");
	EXPECT(f, "hits", "1[17] delete /d/k17 m5001 c18 < /d/k17=v m18 c18");
	EXPECT(f, "delete /d recursive", "200 delete /d/ m5002 c1 < /d/ m1 c1");
	assert_int_equal(store_take_hits(f->store, &hits), 1);
	assert_int_equal(hits[0].id_count, 4999);
	assert_int_equal(store_watch_count(f->store), 5000);
	fixture_free(&f);
}

/* ---- the past, in pieces ------------------------------------------------------------ */

TEST(a_watch_is_behind_only_if_the_past_has_something_for_it)
{
	struct fixture *f = fixture_new(1);

	EXPECT(f, "set /a 1", "201 set /a=1 m1 c1");
	EXPECT(f, "set /b 2", "201 set /b=2 m2 c2");
	EXPECT(f, "watch 1 1 /c since=1 past", "watching");
	EXPECT(f, "watch 1 2 /b since=1 past", "behind");
	EXPECT(f, "watch 1 3 /b stream since=3 past", "watching");
	EXPECT(f, "watch 1 4 /b stream past", "watching");
	assert_int_equal(store_watch_count(f->store), 4);
	EXPECT(f, "taken", "none");
	EXPECT(f, "catch_up", "");
	EXPECT(f, "taken", "1[2] set /b=2 m2 c2");
	assert_int_equal(store_watch_count(f->store), 3);
	fixture_free(&f);
}

/* Events of one step come in the order of indexes, and the last one may pass the bytes. */
TEST(the_past_comes_in_steps_of_so_many_bytes)
{
	struct fixture *f = fixture_new(1);

	EXPECT(f, "set /a 1", "201 set /a=1 m1 c1");
	EXPECT(f, "set /a 2", "200 set /a=2 m2 c2 < /a=1 m1 c1");
	EXPECT(f, "watch 1 1 /a stream since=1 past", "behind");
	EXPECT(f, "watch 1 2 /a stream since=1 past", "behind");
	EXPECT(f, "watch 2 1 /a stream since=2 past", "behind");
	EXPECT(f, "watch 1 3 /a stream since=1 past", "behind");
	EXPECT(f, "catch_up bytes=1", "more");
	/* The second costs a little, too. */
	EXPECT(f, "taken", "1[1 2] set /a=1 m1 c1");
	/* It is the turn of the other owner, then of the other watch. */
	EXPECT(f, "catch_up bytes=1", "more");
	EXPECT(f, "taken", "2[1] set /a=2 m2 c2 < /a=1 m1 c1; 2[1] live");
	EXPECT(f, "catch_up bytes=1", "more");
	EXPECT(f, "taken", "1[3] set /a=1 m1 c1");
	EXPECT(f, "unwatch 1 3", "");
	/* What happens meanwhile comes behind what was before. */
	EXPECT(f, "set /a 3", "200 set /a=3 m3 c3 < /a=2 m2 c2");
	EXPECT(f, "taken", "2[1] set /a=3 m3 c3 < /a=2 m2 c2");
	EXPECT(f, "catch_up", "");
	EXPECT(f, "taken", "1[1 2] set /a=2 m2 c2 < /a=1 m1 c1; "
	    "1[1 2] set /a=3 m3 c3 < /a=2 m2 c2; 1[1 2] live");
	EXPECT(f, "set /a 4", "200 set /a=4 m4 c4 < /a=3 m3 c3");
	EXPECT(f, "taken", "1[1 2] set /a=4 m4 c4 < /a=3 m3 c3; 2[1] set /a=4 m4 c4 < /a=3 m3 c3");
	fixture_free(&f);
}

TEST(a_watch_that_has_its_piece_waits_until_it_is_asked_for_more)
{
	struct fixture *f = fixture_new(1);

	EXPECT(f, "set /a 1", "201 set /a=1 m1 c1");
	EXPECT(f, "set /a 2", "200 set /a=2 m2 c2 < /a=1 m1 c1");
	EXPECT(f, "watch 1 1 /a stream since=1 past", "behind");
	EXPECT(f, "more 1 1", "");
	EXPECT(f, "catch_up piece=1", "");
	EXPECT(f, "taken", "1[1] set /a=1 m1 c1");
	EXPECT(f, "catch_up piece=1", "");
	EXPECT(f, "taken", "none");
	assert_int_equal(store_watch_count(f->store), 1);
	EXPECT(f, "more 1 9", "");
	EXPECT(f, "more 9 1", "");
	EXPECT(f, "more 1 1", "");
	EXPECT(f, "more 1 1", "");
	EXPECT(f, "catch_up piece=1", "");
	/* It has all, but nobody has said that it was taken. */
	EXPECT(f, "taken", "1[1] set /a=2 m2 c2 < /a=1 m1 c1");
	EXPECT(f, "set /a 3", "200 set /a=3 m3 c3 < /a=2 m2 c2");
	EXPECT(f, "catch_up piece=1", "");
	EXPECT(f, "taken", "none");
	EXPECT(f, "more 1 1", "");
	EXPECT(f, "catch_up", "");
	EXPECT(f, "taken", "1[1] set /a=3 m3 c3 < /a=2 m2 c2; 1[1] live");
	EXPECT(f, "more 1 1", "");
	EXPECT(f, "catch_up", "");
	EXPECT(f, "taken", "none");
	fixture_free(&f);
}

/* One event for all who want it: the first pays for it, the others for a copy at most. */
TEST(an_event_that_many_want_goes_out_once)
{
	struct fixture *f = fixture_new(1);
	struct store_catch_up how = { .bytes_max = 64 * KIB, .looks_max = 1000,
		.piece_bytes = 1, .untaken_max = 1, .has_room = everybody_has_room };
	struct command_write write = { .op = WRITE_SET, .key = SLICE_LITERAL("/big") };
	uint8_t *value = xzalloc(100 * KIB);
	const struct store_hit *hits;
	char line[64];
	unsigned i;

	write.value = slice_of(value, 100 * KIB);
	for (i = 0; i < 2; i++) {
		struct store_outcome outcome = fixture_write(f, &write, false);

		fixture_outcome_free(&outcome);
	}
	for (i = 1; i <= 100; i++) {
		snprintf(line, sizeof(line), "watch 1 %u /big stream since=1", i);
		EXPECT(f, line, "watching");
	}
	store_catch_up(f->store, &how);
	assert_int_equal(store_take_hits(f->store, &hits), 1);
	/* Of 100 KiB, and so many of 4 KiB as go into 64. */
	assert_int_equal(hits[0].id_count, 1 + 16);
	assert_int_equal(hits[0].past_bytes, hits[0].event->size + 16 * CATCH_UP_SHARED_BYTES);
	assert_int_equal(hits[0].ids[16], 17);
	/* Until that is worked off there is nothing more for this owner. */
	assert_false(store_may_catch_up(f->store, &how));
	store_catch_up(f->store, &how);
	snprintf(line, sizeof(line), "take 1 %u", (unsigned)hits[0].past_bytes);
	assert_int_equal(store_take_hits(f->store, &hits), 0);
	EXPECT(f, line, "");
	assert_true(store_may_catch_up(f->store, &how));
	store_catch_up(f->store, &how);
	/* Those who have not had it go on where the others were. */
	assert_int_equal(store_take_hits(f->store, &hits), 1);
	assert_int_equal(hits[0].id_count, 17);
	assert_int_equal(hits[0].ids[0], 18);
	/* More than was given is not owed. */
	EXPECT(f, "take 1 18446744073709551615", "");
	EXPECT(f, "take 9 1", "");
	assert_true(store_may_catch_up(f->store, &how));
	/* What is dropped before it is taken need not be worked off. */
	store_catch_up(f->store, &how);
	for (i = 35; i <= 51; i++) {
		snprintf(line, sizeof(line), "unwatch 1 %u", i);
		EXPECT(f, line, "");
	}
	assert_int_equal(store_take_hits(f->store, &hits), 0);
	assert_true(store_may_catch_up(f->store, &how));
	free(value);
	fixture_free(&f);
}

TEST(an_owner_without_room_holds_nobody_up)
{
	struct fixture *f = fixture_new(1);

	EXPECT(f, "set /a 1", "201 set /a=1 m1 c1");
	EXPECT(f, "watch 1 1 /a stream since=1 past", "behind");
	EXPECT(f, "watch 2 1 /a stream since=1 past", "behind");
	EXPECT(f, "watch 3 1 /a since=1 past", "behind");
	EXPECT(f, "catch_up full=1", "");
	EXPECT(f, "taken", "2[1] set /a=1 m1 c1; 3[1] set /a=1 m1 c1; 2[1] live");
	EXPECT(f, "catch_up full=1", "");
	EXPECT(f, "taken", "none");
	EXPECT(f, "catch_up", "");
	EXPECT(f, "taken", "1[1] set /a=1 m1 c1; 1[1] live");
	fixture_free(&f);
}

TEST(looks_are_bounded_also_when_nothing_fits)
{
	struct fixture *f = fixture_new(1);
	unsigned i;

	for (i = 0; i < 100; i++)
		fixture_run(f, "set /a x");
	fixture_run(f, "set /b x");
	/* A step of one look leaves those who come after it one look, too. */
	EXPECT(f, "catch_up looks=1", "");
	EXPECT(f, "watch 1 1 /b stream since=1 past", "behind");
	EXPECT(f, "watch 1 2 /c since=1 past", "behind");
	for (i = 0; i < 2 * 99; i++) {
		EXPECT(f, "catch_up looks=1", "more");
		EXPECT(f, "taken", "none");
	}
	EXPECT(f, "catch_up looks=2", "more");
	EXPECT(f, "taken", "1[1] set /b=x m101 c101");
	EXPECT(f, "catch_up", "");
	EXPECT(f, "taken", "1[1 2] live");
	fixture_free(&f);
}

TEST(a_watch_that_the_window_has_passed_is_cleared)
{
	struct fixture *f = fixture_new(1);
	unsigned i;

	EXPECT(f, "set /a 1", "201 set /a=1 m1 c1");
	EXPECT(f, "set /a 2", "200 set /a=2 m2 c2 < /a=1 m1 c1");
	EXPECT(f, "watch 1 1 /a stream since=1 past", "behind");
	EXPECT(f, "watch 1 2 /a stream since=2 past", "behind");
	EXPECT(f, "watch 1 3 /a since=1 past", "behind");
	EXPECT(f, "watch 1 4 /a stream since=1 past", "behind");
	EXPECT(f, "catch_up piece=1 full=1", "");
	for (i = 2; i < HISTORY_EVENTS_DEFAULT + 1; i++)
		fixture_run(f, "set /b x");
	EXPECT(f, "unwatch 1 4", "");
	EXPECT(f, "taken", "none");
	EXPECT(f, "catch_up", "");
	EXPECT(f, "taken", "1[2] set /a=2 m2 c2 < /a=1 m1 c1; 1[1 3] cleared; 1[2] live");
	assert_int_equal(store_watch_count(f->store), 1);
	fixture_free(&f);
}

TEST(one_that_is_behind_can_be_ended_and_its_id_used_again)
{
	struct fixture *f = fixture_new(1);
	size_t bytes = store_watch_bytes(f->store);

	EXPECT(f, "set /a/b/c 1", "201 set /a/b/c=1 m1 c1");
	EXPECT(f, "set /a/b/c 2", "200 set /a/b/c=2 m2 c2 < /a/b/c=1 m1 c1");
	EXPECT(f, "watch 1 1 /a/b/c stream since=1 past", "behind");
	EXPECT(f, "watch 1 2 /a/b/c stream since=1 past", "behind");
	EXPECT(f, "watch 2 3 /a/b/c stream since=1 past", "behind");
	assert_int_equal(store_watch_count_of(f->store, 1), 2);
	EXPECT(f, "catch_up piece=1 bytes=1", "more");
	/* Paused, queued, with hits and without. */
	EXPECT(f, "unwatch 1 1", "");
	EXPECT(f, "watch 1 2 /a/b/c stream since=2 past", "behind");
	EXPECT(f, "unwatch 2", "");
	EXPECT(f, "catch_up", "");
	EXPECT(f, "taken", "1[2] set /a/b/c=2 m2 c2 < /a/b/c=1 m1 c1; 1[2] live");
	assert_int_equal(store_watch_count(f->store), 1);
	assert_true(store_watch_bytes(f->store) > bytes + strlen("abc"));
	EXPECT(f, "unwatch 1", "");
	assert_int_equal(store_watch_count_of(f->store, 1), 0);
	assert_int_equal(store_watch_bytes(f->store), bytes);
	fixture_free(&f);
}

/* Keys API 10.3: what was there when it was asked for is past, what came then is not. */
TEST(what_happens_while_a_watch_is_behind_is_hidden_as_if_it_had_waited)
{
	struct fixture *f = fixture_new(1);

	EXPECT(f, "set /d/_h 1", "201 set /d/_h=1 m1 c1");
	EXPECT(f, "watch 1 1 /d recursive stream since=1 past", "behind");
	EXPECT(f, "set /d/_h 2", "200 set /d/_h=2 m2 c2 < /d/_h=1 m1 c1");
	EXPECT(f, "set /d/x 3", "201 set /d/x=3 m3 c3");
	EXPECT(f, "hits", "1[1] set /d/_h=1 m1 c1; 1[1] set /d/x=3 m3 c3");
	fixture_free(&f);
}

struct random_watches {
	uint64_t next[64];		/* index that the watch of that id waits for */
	unsigned count;
};

/* Each write fits every watch, so each comes once to each, and none is left out. */
static void
check_hits(struct fixture *f, struct random_watches *watches)
{
	const struct store_hit *hits;
	size_t count = store_take_hits(f->store, &hits);

	for (size_t n = 0; n < count; n++) {
		struct reader in = reader_of(hits[n].event == NULL ? SLICE_EMPTY :
		    blob_slice(hits[n].event));
		struct event_record event;

		if (hits[n].kind != HIT_EVENT)
			continue;
		assert_true(event_record_get(&in, &event));
		for (size_t k = 0; k < hits[n].id_count; k++)
			assert_true(watches->next[hits[n].ids[k]]++ == event.store_index);
	}
}

static void
take_random_step(struct fixture *f, struct rand *rand, struct random_watches *watches)
{
	char line[128];

	snprintf(line, sizeof(line), "catch_up bytes=%u looks=%u piece=%u untaken=%u full=%u",
	    1 + (unsigned)rand_below(rand, 300), 1 + (unsigned)rand_below(rand, 20),
	    1 + (unsigned)rand_below(rand, 200), 1 + (unsigned)rand_below(rand, 400),
	    (unsigned)rand_below(rand, 4));
	fixture_run(f, line);
	check_hits(f, watches);
	for (unsigned id = 0; id < watches->count; id++) {
		snprintf(line, sizeof(line), "more %u %u", (unsigned)rand_below(rand, 3) + 1, id);
		fixture_run(f, line);
	}
	snprintf(line, sizeof(line), "take %u %u", (unsigned)rand_below(rand, 3) + 1,
	    (unsigned)rand_below(rand, 500));
	fixture_run(f, line);
}

/* Whatever the steps, each gets what it gets in one, in the same order. */
TEST(steps_of_any_size_give_the_same_events)
{
	for (uint64_t seed = 1; seed <= 200; seed++) {
		struct fixture *f = fixture_new(seed);
		struct random_watches watches = { .count = 0 };
		struct rand rand;
		char line[128];
		uint64_t last;

		rand_seed(&rand, seed);
		for (last = 1; last <= 40 + rand_below(&rand, 60); last++) {
			snprintf(line, sizeof(line), "set /a/b/c%u %u",
			    (unsigned)rand_below(&rand, 3), (unsigned)last);
			fixture_run(f, line);
			if (watches.count < ARRAY_COUNT(watches.next) && rand_chance(&rand, 300)) {
				uint64_t since = 1 + rand_below(&rand, last + 2);

				snprintf(line, sizeof(line), "watch %u %u %s stream recursive "
				    "since=%u", (unsigned)rand_below(&rand, 3) + 1, watches.count,
				    rand_chance(&rand, 500) ? "/a" : "/a/b", (unsigned)since);
				EXPECT(f, line, "watching");
				watches.next[watches.count++] = since;
			}
			while (rand_chance(&rand, 600))
				take_random_step(f, &rand, &watches);
		}
		/* In the end everybody has everything. */
		for (unsigned id = 0; id < watches.count; id++)
			for (unsigned owner = 1; owner <= 3; owner++) {
				snprintf(line, sizeof(line), "more %u %u", owner, id);
				fixture_run(f, line);
			}
		EXPECT(f, "catch_up", "");
		check_hits(f, &watches);
		for (unsigned id = 0; id < watches.count; id++)
			assert_true(watches.next[id] > store_index(f->store));
		fixture_free(&f);
	}
}

/* ---- store_adopt ------------------------------------------------------------------ */

/* A store made from what a fixture's disk holds, as by a snapshot. */
static struct store *
snapshot_of(struct fixture *f)
{
	const char *where;
	struct store *store = disk_load(&f->disk, 77, &where);

	assert_non_null(store);
	return store;
}

TEST(a_new_store_takes_over_the_watches_with_what_they_missed)
{
	struct fixture *f = fixture_new(1), *ahead = fixture_new(2);
	uint64_t numbers[STORE_STAT_COUNT];
	struct store *fresh;

	EXPECT(f, "set /d/a 1", "201 set /d/a=1 m1 c1");
	EXPECT(f, "watch 1 1 /d/a", "watching");
	EXPECT(f, "watch 1 2 /d/a stream", "watching");
	EXPECT(f, "watch 1 3 /d/a since=4", "watching");
	EXPECT(f, "watch 1 4 / recursive", "watching");
	EXPECT(f, "watch 1 5 /other stream", "watching");
	EXPECT(f, "watch 1 6 /d/a stream since=1", "watching");

	fixture_run(ahead, "set /d/a 1");
	fixture_run(ahead, "set /d/a 2 ttl=9");
	fixture_run(ahead, "update /d/a refresh ttl=9");
	fixture_run(ahead, "delete /d recursive");
	fresh = snapshot_of(ahead);
	store_adopt(fresh, f->store);
	store_free(&f->store);
	f->store = fresh;

	EXPECT(f, "hits", "1[6] set /d/a=1 m1 c1; "
	    "1[1 2 4 6] set /d/a=2 m2 c2 @9 < /d/a=1 m1 c1; "
	    "1[2 3 6] delete /d/ m4 c1 < /d/ m1 c1");
	assert_int_equal(store_watch_count(f->store), 3);
	EXPECT(f, "set /other 1", "201 set /other=1 m5 c5");
	EXPECT(f, "hits", "1[5] set /other=1 m5 c5");
	store_stats(f->store, numbers);
	assert_int_equal(numbers[STAT_SETS_SUCCESS], 2);
	assert_int_equal(numbers[STAT_WATCHERS], 3);
	fixture_free(&f);
	fixture_free(&ahead);
}

TEST(a_watch_that_a_new_store_cannot_serve_is_cleared)
{
	struct fixture *f = fixture_new(1), *ahead = fixture_new(2);
	struct store *fresh;
	unsigned i;

	EXPECT(f, "watch 1 1 /a stream", "watching");
	EXPECT(f, "watch 2 2 /a", "watching");
	EXPECT(f, "watch 2 3 /a since=20", "watching");
	EXPECT(f, "watch 2 4 /a since=20000", "watching");
	EXPECT(f, "set /a 1", "201 set /a=1 m1 c1");
	for (i = 0; i < HISTORY_EVENTS_DEFAULT + 10; i++)
		fixture_run(ahead, "set /a x");
	fresh = snapshot_of(ahead);
	store_adopt(fresh, f->store);
	store_free(&f->store);
	f->store = fresh;
	EXPECT(f, "hits", "1[1] set /a=1 m1 c1; 2[2] set /a=1 m1 c1; "
	    "2[3] set /a=x m20 c20 < /a=x m19 c19; 1[1] cleared");
	assert_int_equal(store_watch_count(f->store), 1);
	fixture_free(&f);
	fixture_free(&ahead);
}

TEST(those_that_are_behind_go_on_in_a_new_store)
{
	struct fixture *f = fixture_new(1), *ahead = fixture_new(2);
	struct store *fresh;
	unsigned i;

	EXPECT(f, "set /a x", "201 set /a=x m1 c1");
	EXPECT(f, "set /a x", "200 set /a=x m2 c2 < /a=x m1 c1");
	for (i = 3; i <= 20; i++)
		fixture_run(f, "set /a x");
	EXPECT(f, "watch 1 1 /a stream since=1 past", "behind");
	EXPECT(f, "watch 1 2 /a stream since=19 past", "behind");
	EXPECT(f, "watch 2 1 /a since=18 past", "behind");
	EXPECT(f, "catch_up piece=1 bytes=1", "more");
	EXPECT(f, "taken", "1[1] set /a=x m1 c1");
	EXPECT(f, "more 1 1", "");
	for (i = 1; i <= HISTORY_EVENTS_DEFAULT + 17; i++)
		fixture_run(ahead, i <= 20 ? "set /a x" : "set /b x");
	fresh = snapshot_of(ahead);
	store_adopt(fresh, f->store);
	store_free(&f->store);
	f->store = fresh;
	EXPECT(f, "taken", "none");
	EXPECT(f, "catch_up", "");
	EXPECT(f, "taken", "2[1] set /a=x m18 c18 < /a=x m17 c17; "
	    "1[2] set /a=x m19 c19 < /a=x m18 c18; "
	    "1[2] set /a=x m20 c20 < /a=x m19 c19; 1[1] cleared; 1[2] live");
	EXPECT(f, "set /a y", "200 set /a=y m1018 c1018 < /a=x m20 c20");
	EXPECT(f, "taken", "1[2] set /a=y m1018 c1018 < /a=x m20 c20");
	fixture_free(&f);
	fixture_free(&ahead);
}
