/*
 * view_test.c - a listing as it was, read in pieces while writes go on.
 */
#include "tests/unit/raftd/replica/store/fixture.h"
#include "tests/unit/raftd/replica/store/reading.h"

#include "common/limits.h"
#include "common/xmem.h"
#include "raftd/replica/store/overlay.h"

#include <stdio.h>
#include <stdlib.h>

/* Carry out commands, each ended by ";". */
static void
run(struct fixture *f, const char *commands)
{
	char *text = xstrdup(commands), *rest = text, *command;

	while ((command = strsep(&rest, ";")) != NULL && command[0] != 0)
		fixture_run(f, command);
	free(text);
}

static void
put(struct fixture *f, const char *key, size_t size, uint8_t byte)
{
	uint8_t *bytes = xmalloc(size + 1);
	struct command_write write = {
		.op = WRITE_SET, .key = slice_text(key), .value = slice_of(bytes, size),
	};
	struct store_outcome outcome;

	memset(bytes, byte, size);
	outcome = store_write(f->store, &write, f->time_ns, false, &f->effects);
	assert_int_equal(outcome.error, ERR_NONE);
	fixture_outcome_free(&outcome);
	fixture_flush(f);
	free(bytes);
}

static void
begin(struct reading *reading, struct fixture *f, const char *key, unsigned flags)
{
	reading_open(reading, f->store, slice_text(key), flags, f->time_ns);
}

/* ---- every change at every byte ----------------------------------------------- */

static const char *const world =
    "set /p/d/_h/x 1;set /p/d/a 1;set /p/d/a-b 2;set /p/d/b/c/x 3;set /p/d/b/c/y 4;"
    "set /p/d/b/d/z 5;set /p/d/b- 6;set /p/d/e dir;set /p/d/g 7 ttl=9;"
    "set /p/d/h ttl=9 dir;set /p/d/h/i/j 8;set /p/d/h/k 9;set /p/z 10;";

static const char *const changes[] = {
	"set /p/d/a changed-to-something-longer;",
	"set /p/d/a;set /p/d/a again;",
	"set /p/d/a changed dir;set /p/d/a/new 1;",
	"set /p/d/b/c/y changed;",
	"update /p/d/g changed;",
	"update /p/d/b ttl=50;update /p/d/b/c ttl=60;",
	"swap /p/d/b/c/x changed prev=3;",
	"set /p/d/a ttl=5 refresh;",
	"delete /p/d/a;",
	"delete /p/d/a;set /p/d/a/b/c new;",
	"cad /p/d/b- prev=6;",
	"delete /p/d/e dir;",
	"delete /p/d/e dir;set /p/d/e new;",
	"update /p/d/e ttl=70;delete /p/d/e dir;set /p/d/e/f new;",
	"delete /p/d/b/c recursive;",
	"delete /p/d/b/c/x;delete /p/d/b/c recursive;",
	"update /p/d/b/c ttl=50;delete /p/d/b/c recursive;set /p/d/b/c/x new;",
	"delete /p/d/b/c recursive;delete /p/d/b recursive;",
	"delete /p/d/b/c recursive;set /p/d/b/c/new 1;delete /p/d/b recursive;set /p/d/b new;",
	"delete /p/d/b/c/x;delete /p/d/b/c/y;delete /p/d/b/c dir;delete /p/d/b recursive;",
	"set /p/d/b/d/z changed;delete /p/d/b recursive;set /p/d/b/d/z 5;",
	"delete /p/d recursive;",
	"delete /p/d recursive;set /p/d/a 1;set /p/d/b/c/x 3;delete /p/d recursive;",
	"delete /p/d/b/c recursive;delete /p recursive;",
	"set /p/d/h/k changed;delete /p recursive;set /p/d file;",
	"expire 9;",
	"expire 9;set /p/d/h/i/j new;set /p/d/g new;",
	"set /p/d/! new;set /p/d/0 new;set /p/d/b/c/xx new;set /p/d/zz new;post /p/d/b new;",
	"set /p/d/_h/x changed;set /p/d/_i new;delete /p/d/_h recursive;",
	"set /p/d/_h changed;",
	"set /p/z changed;delete /p/z;",
};

static const struct {
	const char *key;
	unsigned flags;
} begins[] = {
	{ "/p/d", READ_FLAG_RECURSIVE }, { "/p/d", 0 }, { "/", READ_FLAG_RECURSIVE },
	{ "/p/d/b", READ_FLAG_RECURSIVE }, { "/p/d/b", 0 }, { "/p/d/a", 0 },
	{ "/p/d/e", READ_FLAG_RECURSIVE }, { "/p/d/_h", READ_FLAG_RECURSIVE },
	{ "/p/d/_h/x", 0 },
};

TEST(every_change_at_every_byte_is_not_seen)
{
	size_t i, j, at;

	for (i = 0; i < ARRAY_COUNT(begins); i++) {
		for (j = 0; j < ARRAY_COUNT(changes); j++) {
			size_t size = 1;

			/* At every byte for the first, here and there for the others. */
			for (at = 0; at < size; at += i == 0 ? 1 : 3) {
				struct fixture *f = fixture_new(at);
				struct reading reading;

				run(f, world);
				begin(&reading, f, begins[i].key, begins[i].flags);
				size = reading.expected.size;
				assert_int_equal(reading_read(&reading, at, SIZE_MAX), VIEW_MORE);
				assert_int_equal(reading.out.size, at);
				run(f, changes[j]);
				reading_end(&reading, SIZE_MAX);
				fixture_free(&f);
			}
		}
	}
}

TEST(two_changes_at_two_places_are_not_seen)
{
	size_t i, j, at;

	for (i = 0; i < ARRAY_COUNT(changes); i++) {
		for (j = 0; j < ARRAY_COUNT(changes); j++) {
			for (at = 1; at < 700; at += 23) {
				struct fixture *f = fixture_new(at + i);
				struct reading reading;

				run(f, world);
				begin(&reading, f, "/p/d", READ_FLAG_RECURSIVE);
				assert_int_equal(reading_read(&reading, at / 2, SIZE_MAX),
				    VIEW_MORE);
				run(f, changes[i]);
				(void)reading_read(&reading, at - at / 2, SIZE_MAX);
				run(f, changes[j]);
				reading_end(&reading, 3);
				fixture_free(&f);
			}
		}
	}
}

TEST(a_change_between_any_two_pieces_is_not_seen)
{
	size_t bytes, i, j;

	for (bytes = 1; bytes < 100; bytes += 3) {
		for (i = 0; i < ARRAY_COUNT(begins); i++) {
			struct fixture *f = fixture_new(bytes);
			struct reading reading;

			run(f, world);
			begin(&reading, f, begins[i].key, begins[i].flags);
			j = bytes;
			while (reading_read(&reading, bytes, 1) == VIEW_MORE)
				run(f, changes[j++ % ARRAY_COUNT(changes)]);
			reading_close(&reading);
			fixture_free(&f);
		}
	}
}

TEST(views_of_different_times_each_show_their_own)
{
	struct reading readings[ARRAY_COUNT(changes)];
	struct fixture *f = fixture_new(1);
	size_t i, j;

	for (i = 0; i < ARRAY_COUNT(changes); i++) {
		run(f, world);
		begin(&readings[i], f, "/", READ_FLAG_RECURSIVE);
		for (j = 0; j <= i; j++)
			(void)reading_read(&readings[j], 40, SIZE_MAX);
		run(f, changes[i]);
	}
	for (i = 0; i < ARRAY_COUNT(changes); i++)
		reading_end(&readings[i], 100);
	fixture_free(&f);
}

/* ---- opening -------------------------------------------------------------------- */

TEST(what_cannot_be_got_cannot_be_viewed)
{
	static const char *const keys[] = { "/x", "/a/x", "/a/x/y", "a", "/a/", "" };
	struct fixture *f = fixture_new(1);
	size_t i;

	run(f, "set /a 1;");
	for (i = 0; i < ARRAY_COUNT(keys); i++) {
		struct blob *got_cause, *cause;
		struct buf event = BUF_INIT;
		struct store_view *view;
		enum err got = store_get(f->store, slice_text(keys[i]), 0, 0, &event, &got_cause);
		enum err err = store_view_open(f->store, slice_text(keys[i]), 0, 0, &view, &cause);

		assert_int_not_equal(err, ERR_NONE);
		assert_int_equal(err, got);
		assert_true(slice_equal(blob_slice(cause), blob_slice(got_cause)));
		blob_unref(&cause);
		blob_unref(&got_cause);
	}
	fixture_free(&f);
}

TEST(a_view_counts_as_one_get)
{
	uint64_t before[STORE_STAT_COUNT], after[STORE_STAT_COUNT];
	struct fixture *f = fixture_new(1);
	struct store_view *view;
	struct blob *cause;
	struct buf out = BUF_INIT;

	run(f, "set /a 1;");
	store_stats(f->store, before);
	assert_int_equal(store_view_open(f->store, SLICE_LITERAL("/a"), 0, 0, &view, &cause),
	    ERR_NONE);
	while (store_view_read(view, &out, 1, 1) == VIEW_MORE)
		;
	store_view_close(&view);
	assert_int_equal(store_view_open(f->store, SLICE_LITERAL("/b"), 0, 0, &view, &cause),
	    ERR_KEY_NOT_FOUND);
	blob_unref(&cause);
	store_stats(f->store, after);
	assert_int_equal(after[STAT_GETS_SUCCESS], before[STAT_GETS_SUCCESS] + 1);
	assert_int_equal(after[STAT_GETS_FAIL], before[STAT_GETS_FAIL] + 1);
	buf_free(&out);
	fixture_free(&f);
}

TEST(a_view_may_be_closed_at_any_time)
{
	size_t at;

	for (at = 0; at < 700; at += 7) {
		struct fixture *f = fixture_new(1);
		struct reading a, b;

		run(f, world);
		begin(&a, f, "/p", READ_FLAG_RECURSIVE);
		begin(&b, f, "/", READ_FLAG_RECURSIVE);
		(void)reading_read(&a, at, SIZE_MAX);
		(void)reading_read(&b, at / 2, SIZE_MAX);
		run(f, "set /p/d/b/c/x 0;delete /p/d recursive;");
		reading_close(&a);
		run(f, "delete /p recursive;");
		reading_end(&b, 10);
		fixture_free(&f);
	}
}

TEST(a_view_outlives_its_store_as_a_lost_one)
{
	struct fixture *f = fixture_new(1);
	struct reading a, b;

	run(f, world);
	begin(&a, f, "/p", READ_FLAG_RECURSIVE);
	begin(&b, f, "/p", READ_FLAG_RECURSIVE);
	(void)reading_read(&a, 100, SIZE_MAX);
	run(f, "set /p/d/h/k changed;delete /p recursive;");
	fixture_free(&f);
	assert_int_equal(reading_read(&a, 100, 1), VIEW_LOST);
	assert_int_equal(reading_read(&a, 100, 1), VIEW_LOST);
	assert_int_equal(a.out.size, 100);
	assert_int_equal(reading_read(&b, 100, 1), VIEW_LOST);
	reading_close(&a);
	reading_close(&b);
}

TEST(a_view_of_a_store_that_a_snapshot_replaced_is_lost)
{
	struct fixture *f = fixture_new(1);
	struct store *fresh = store_new(2);
	struct reading reading, ended;

	run(f, world);
	begin(&reading, f, "/p", READ_FLAG_RECURSIVE);
	begin(&ended, f, "/p", 0);
	while (reading_read(&ended, 100, 1) != VIEW_END)
		;
	store_adopt(fresh, f->store);
	assert_int_equal(reading_read(&reading, 100, 1), VIEW_LOST);
	/* What has come to its end has nothing to lose. */
	assert_int_equal(reading_read(&ended, 100, 1), VIEW_END);
	store_free(&fresh);
	fixture_free(&f);
	reading_close(&reading);
	reading_close(&ended);
}

/* ---- work per piece ---------------------------------------------------------------- */

TEST(hidden_nodes_are_steps_too)
{
	struct fixture *f = fixture_new(1);
	struct reading reading;
	unsigned i, reads;
	char key[32];

	for (i = 0; i < 1000; i++) {
		snprintf(key, sizeof(key), "/d/_%u", i);
		put(f, key, 1, 'v');
	}
	begin(&reading, f, "/d", READ_FLAG_RECURSIVE);
	/* So are those that are younger. */
	for (i = 0; i < 1000; i++) {
		snprintf(key, sizeof(key), "/d/a%u", i);
		put(f, key, 1, 'v');
	}
	for (reads = 0; reading_read(&reading, 1000, 10) == VIEW_MORE; reads++)
		;
	assert_int_equal(reads, 2001 / 10);
	reading_close(&reading);
	fixture_free(&f);
}

TEST(what_is_only_kept_is_a_step_too)
{
	struct fixture *f = fixture_new(1);
	struct reading reading;
	unsigned i, reads;
	char key[32];

	for (i = 0; i < 1000; i++) {
		snprintf(key, sizeof(key), "/d/%u", i);
		put(f, key, 1, 'v');
	}
	begin(&reading, f, "/d", READ_FLAG_RECURSIVE);
	run(f, "delete /d recursive;");
	for (reads = 0; reading_read(&reading, 100000, 10) == VIEW_MORE; reads++)
		;
	assert_int_equal(reads, 1001 / 10);
	reading_close(&reading);
	fixture_free(&f);
}

TEST(a_long_path_is_several_steps)
{
	struct fixture *f = fixture_new(1);
	char *key = xzalloc(8 * KIB + 8);
	struct reading reading;
	unsigned i, reads;

	memset(key, 'n', 8 * KIB);
	memcpy(key, "/d/_", 4);
	for (i = 0; i < 100; i++) {
		snprintf(key + 8 * KIB, 8, "%03u", i);
		put(f, key, 1, 'v');
	}
	begin(&reading, f, "/d", READ_FLAG_RECURSIVE);
	for (reads = 0; reading_read(&reading, 1000, 90) == VIEW_MORE; reads++)
		;
	/* 9 steps for each: 10 nodes at a time. */
	assert_int_equal(reads, 10);
	reading_close(&reading);
	free(key);
	fixture_free(&f);
}

TEST(the_end_comes_with_the_last_byte)
{
	struct fixture *f = fixture_new(1);
	struct reading reading;

	run(f, world);
	begin(&reading, f, "/p", READ_FLAG_RECURSIVE);
	assert_int_equal(reading_read(&reading, reading.expected.size, SIZE_MAX), VIEW_END);
	reading_close(&reading);
	begin(&reading, f, "/p", READ_FLAG_RECURSIVE);
	assert_int_equal(reading_read(&reading, reading.expected.size - 1, SIZE_MAX), VIEW_MORE);
	assert_int_equal(reading_read(&reading, 0, SIZE_MAX), VIEW_MORE);
	assert_int_equal(reading_read(&reading, 1, SIZE_MAX), VIEW_END);
	reading_close(&reading);
	fixture_free(&f);
}

TEST(depth_is_no_burden)
{
	struct fixture *f = fixture_new(1);
	struct reading reading;
	char key[2048 + 1];
	unsigned i;

	for (i = 0; i < 1024; i++)
		memcpy(key + 2 * i, "/a", 2);
	key[2048] = 0;
	store_set_limits(f->store, &KEY_LIMITS_MAX);
	put(f, key, 10, 'v');
	begin(&reading, f, "/", READ_FLAG_RECURSIVE);
	assert_int_equal(reading_read(&reading, reading.expected.size / 2, SIZE_MAX), VIEW_MORE);
	run(f, "delete /a/a/a recursive;delete /a recursive;");
	reading_end(&reading, 20000);
	fixture_free(&f);
}

/* ---- what may be kept ---------------------------------------------------------------- */

#define VALUE (10 * MIB)
#define ENTRY (sizeof(struct kept_node) + 2)	/* of a key of two bytes */

TEST(a_value_in_many_pieces_is_whole_though_it_is_changed)
{
	static const char *const works[] = {
		"", "set /a new;", "delete /a;", "set /a dir;set /a/b 1;", "set /a new;delete /a;",
	};
	size_t i, piece;

	for (i = 0; i < ARRAY_COUNT(works); i++) {
		for (piece = 10; piece < 256 * KIB; piece *= 13) {
			struct fixture *f = fixture_new(1);
			struct reading reading;

			put(f, "/a", 512 * KIB, 'v');
			run(f, "set /b 1;");
			begin(&reading, f, "/", READ_FLAG_RECURSIVE);
			assert_int_equal(reading_read(&reading, piece, SIZE_MAX), VIEW_MORE);
			run(f, works[i]);
			assert_int_equal(reading_read(&reading, piece, 1), VIEW_MORE);
			run(f, "set /b new;");
			reading_end(&reading, 100 * KIB);
			fixture_free(&f);
		}
	}
}

/* Change /a and /b, whose values weigh so much; what does the view say then? */
static enum view_state
after_two_changes(size_t bytes)
{
	struct fixture *f = fixture_new(1);
	struct reading reading;
	enum view_state state;

	put(f, "/a", VALUE, 'a');
	put(f, "/b", bytes - VALUE - 2 * ENTRY, 'b');
	begin(&reading, f, "/", READ_FLAG_RECURSIVE);
	assert_int_equal(reading_read(&reading, 10, SIZE_MAX), VIEW_MORE);
	run(f, "set /b new;set /a new;set /b newer;delete /a;");
	state = reading_read(&reading, SIZE_MAX, SIZE_MAX);
	assert_int_equal(reading_read(&reading, SIZE_MAX, SIZE_MAX), state);
	reading_close(&reading);
	fixture_free(&f);
	return state;
}

TEST(a_view_is_lost_above_what_may_be_kept)
{
	assert_int_equal(after_two_changes(VIEW_KEPT_BYTES_MAX), VIEW_END);
	assert_int_equal(after_two_changes(VIEW_KEPT_BYTES_MAX + 1), VIEW_LOST);
}

/* The same when /a is being given out. */
static enum view_state
after_two_changes_in_the_middle(size_t bytes, const char *work)
{
	struct fixture *f = fixture_new(1);
	struct reading reading;
	enum view_state state;

	put(f, "/a", VALUE, 'a');
	put(f, "/b", bytes - VALUE - ENTRY, 'b');
	begin(&reading, f, "/", READ_FLAG_RECURSIVE);
	assert_int_equal(reading_read(&reading, 1 * MIB, SIZE_MAX), VIEW_MORE);
	run(f, work);
	state = reading_read(&reading, SIZE_MAX, SIZE_MAX);
	reading_close(&reading);
	fixture_free(&f);
	return state;
}

TEST(the_value_that_is_being_given_out_counts_once_it_is_changed)
{
	static const char *const works[] = {
		"set /a new;set /b new;", "set /b new;set /a new;set /a newer;",
		"delete /b;delete /a;",
	};
	size_t i;

	for (i = 0; i < ARRAY_COUNT(works); i++) {
		assert_int_equal(after_two_changes_in_the_middle(VIEW_KEPT_BYTES_MAX, works[i]),
		    VIEW_END);
		assert_int_equal(after_two_changes_in_the_middle(VIEW_KEPT_BYTES_MAX + 1, works[i]),
		    VIEW_LOST);
	}
	/* Unchanged, it is no burden. */
	assert_int_equal(after_two_changes_in_the_middle(VIEW_KEPT_BYTES_MAX + 1, "set /b new;"),
	    VIEW_END);
}

TEST(a_kept_value_counts_until_its_last_byte_is_out)
{
	size_t more;

	for (more = 0; more < 2; more++) {
		struct fixture *f = fixture_new(1);
		struct reading reading;

		put(f, "/a", VALUE, 'a');
		put(f, "/b", VIEW_KEPT_BYTES_MAX - VALUE - ENTRY + more, 'b');
		begin(&reading, f, "/", READ_FLAG_RECURSIVE);
		run(f, "set /a new;");
		assert_int_equal(reading_read(&reading, 1 * MIB, SIZE_MAX), VIEW_MORE);
		run(f, "set /b new;");
		assert_int_equal(reading_read(&reading, SIZE_MAX, SIZE_MAX),
		    more == 0 ? VIEW_END : VIEW_LOST);
		reading_close(&reading);
		fixture_free(&f);
	}
}

TEST(a_kept_value_that_is_out_does_not_count)
{
	struct fixture *f = fixture_new(1);
	struct reading reading;

	put(f, "/a", VALUE, 'a');
	put(f, "/b", 2 * MIB, 'b');
	put(f, "/c", VALUE, 'c');
	begin(&reading, f, "/", READ_FLAG_RECURSIVE);
	run(f, "set /a new;");
	assert_int_equal(reading_read(&reading, 1 * MIB, SIZE_MAX), VIEW_MORE);
	assert_int_equal(reading_read(&reading, VALUE, SIZE_MAX), VIEW_MORE);
	run(f, "set /c new;");
	reading_end(&reading, 1 * MIB);
	fixture_free(&f);
}

TEST(what_is_passed_does_not_count)
{
	struct fixture *f = fixture_new(1);
	struct reading reading;
	char key[32];
	unsigned i;

	for (i = 0; i < 4; i++) {
		snprintf(key, sizeof(key), "/%u", i);
		put(f, key, VALUE, 'v');
	}
	begin(&reading, f, "/", READ_FLAG_RECURSIVE);
	for (i = 0; i < 4; i++) {
		snprintf(key, sizeof(key), "/%u", i);
		put(f, key, 1, 'n');
		assert_int_equal(reading_read(&reading, VALUE + 200, SIZE_MAX),
		    i < 3 ? VIEW_MORE : VIEW_END);
		put(f, key, 1, 'x');
	}
	reading_close(&reading);
	fixture_free(&f);
}

TEST(what_is_hidden_above_or_beside_a_view_does_not_count)
{
	static const char *const keys[] = { "/p/a", "/p/_h/x", "/p/b/d/e", "/q", "/p/b/_x" };
	struct fixture *f = fixture_new(1);
	struct reading reading;
	size_t i;

	run(f, "set /p/b/c 1;");
	for (i = 0; i < ARRAY_COUNT(keys); i++)
		put(f, keys[i], VALUE, 'v');
	begin(&reading, f, "/p/b", 0);
	for (i = 0; i < ARRAY_COUNT(keys); i++)
		put(f, keys[i], 1, 'n');
	run(f, "delete /p/_h recursive;");
	reading_end(&reading, 100);
	fixture_free(&f);
}

/* Remove that many directories that a view has to show. */
static enum view_state
after_removals(size_t count)
{
	struct fixture *f = fixture_new(1);
	struct reading reading;
	enum view_state state;
	char text[64];
	size_t i;

	for (i = 0; i < count; i++) {
		snprintf(text, sizeof(text), "/d%05zu/f", i);
		put(f, text, 1, 'v');
	}
	begin(&reading, f, "/", READ_FLAG_RECURSIVE);
	for (i = 0; i < count; i++) {
		struct command_write write = { .op = WRITE_DELETE, .flags = WRITE_FLAG_RECURSIVE };
		struct store_outcome outcome;

		snprintf(text, sizeof(text), "/d%05zu", i);
		write.key = slice_text(text);
		outcome = store_write(f->store, &write, 0, false, &f->effects);
		assert_int_equal(outcome.error, ERR_NONE);
		fixture_outcome_free(&outcome);
		fixture_flush(f);
	}
	state = reading_read(&reading, SIZE_MAX, SIZE_MAX);
	reading_close(&reading);
	fixture_free(&f);
	return state;
}

TEST(a_view_is_lost_above_the_directories_that_may_be_held)
{
	size_t each = sizeof(struct kept_node) + strlen("/d00000") + VIEW_HELD_BYTES;
	size_t count = VIEW_KEPT_BYTES_MAX / each;

	assert_int_equal(after_removals(count), VIEW_END);
	assert_int_equal(after_removals(count + 1), VIEW_LOST);
}

/* Views hold /d, then the tree grows, then /e is removed: are the views lost? */
static void
hold_and_grow(size_t more, enum view_state *older, enum view_state *newer)
{
	size_t node = sizeof(struct tree_node) + 1;
	size_t base = node + node + VALUE + node + node + VALUE / 2;
	size_t left = base + VIEWS_HELD_BYTES_MAX + more;
	struct fixture *f = fixture_new(1);
	struct reading a, b, c;
	char key[3] = "/x";

	put(f, "/d/f", VALUE, 'v');
	put(f, "/e/f", VALUE / 2, 'v');
	begin(&a, f, "/", 0);
	begin(&b, f, "/", READ_FLAG_RECURSIVE);
	begin(&c, f, "/d", READ_FLAG_RECURSIVE);
	run(f, "delete /d recursive;");
	for (key[1] = 'm'; left > 0; key[1]++) {
		size_t size = MIN_OF(left, VALUE);

		put(f, key, size - node, 'v');
		left -= size;
	}
	run(f, "delete /e recursive;");
	/* It holds nothing. */
	reading_end(&a, 1 * MIB);
	*older = reading_read(&b, SIZE_MAX, SIZE_MAX);
	*newer = reading_read(&c, SIZE_MAX, SIZE_MAX);
	reading_close(&b);
	reading_close(&c);
	fixture_free(&f);
}

TEST(the_oldest_view_lets_go_above_what_all_may_hold)
{
	enum view_state older, newer;

	hold_and_grow(0, &older, &newer);
	assert_int_equal(older, VIEW_END);
	assert_int_equal(newer, VIEW_END);
	hold_and_grow(1, &older, &newer);
	assert_int_equal(older, VIEW_LOST);
	assert_int_equal(newer, VIEW_END);
}

TEST(the_view_with_the_most_is_lost_above_what_may_be_kept_for_all)
{
	size_t count = VIEWS_KEPT_BYTES_MAX / (VALUE + ENTRY), i;
	size_t rest = VIEWS_KEPT_BYTES_MAX - count * (VALUE + ENTRY);
	struct store_view *views[VIEWS_KEPT_BYTES_MAX / VALUE];
	struct fixture *f = fixture_new(1);
	struct buf out = BUF_INIT;
	struct reading small;
	struct blob *cause;

	put(f, "/a", VALUE, 'a');
	put(f, "/b", rest - ENTRY, 'b');
	put(f, "/c", 1, 'c');
	for (i = 0; i < count; i++)
		assert_int_equal(store_view_open(f->store, SLICE_LITERAL("/a"), 0, 0, &views[i],
		    &cause), ERR_NONE);
	begin(&small, f, "/", READ_FLAG_RECURSIVE);
	while (small.out.size < VALUE)
		assert_int_equal(reading_read(&small, VALUE + 300, 1), VIEW_MORE);
	run(f, "set /a new;set /b new;");
	for (i = 0; i < count; i++)
		assert_int_equal(store_view_read(views[i], &out, 1, 1), VIEW_MORE);
	run(f, "set /c new;");
	/* Of equal ones the first. */
	for (i = 0; i < count; i++) {
		assert_int_equal(store_view_read(views[i], &out, 1, 1),
		    i == 0 ? VIEW_LOST : VIEW_MORE);
		store_view_close(&views[i]);
	}
	reading_end(&small, 100 * KIB);
	buf_free(&out);
	fixture_free(&f);
}

TEST(a_lost_view_is_no_burden_to_others)
{
	struct fixture *f = fixture_new(1);
	struct reading lost, other;

	put(f, "/a/a", VALUE, 'a');
	put(f, "/a/b", VALUE, 'b');
	put(f, "/c", VALUE, 'c');
	begin(&other, f, "/c", 0);
	begin(&lost, f, "/", READ_FLAG_RECURSIVE);
	run(f, "set /a/a new;set /a/b new;");
	/* It holds nothing any more. */
	run(f, "set /c new;delete /a recursive;");
	reading_end(&other, 1 * MIB);
	assert_int_equal(reading_read(&lost, 10, 1), VIEW_LOST);
	assert_false(store_sweep(f->store, 10, &f->effects));
	fixture_flush(f);
	assert_int_equal(store_key_count(f->store), 1);
	reading_close(&lost);
	fixture_free(&f);
}
