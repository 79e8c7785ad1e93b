/*
 * missed_test.c - a watch from before the window waits when it is sure that it missed
 * nothing, and gets error 401 else: the store against a model that forgets nothing.
 *
 *	MOOTHALL_MISSED_OPERATIONS=N	so many random operations instead of a few
 */
#include "tests/unit/raftd/replica/store/fixture.h"

#include "common/limits.h"
#include "common/rand.h"
#include "raftd/replica/store/effect.h"
#include "raftd/replica/store/history.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- by hand ----------------------------------------------------------------- */

/* So many events elsewhere; the window has passed what was before. */
static void
write_elsewhere(struct fixture *f, size_t count)
{
	for (size_t i = 0; i < count; i++)
		fixture_run(f, "set /busy x");
}

static void
restart(struct fixture *f, uint64_t seed)
{
	const char *where;
	struct store *again = disk_load(&f->disk, seed, &where);

	assert_non_null(again);
	assert_int_equal(store_hash(again), store_hash(f->store));
	store_free(&f->store);
	f->store = again;
	store_use_tails(f->store, &f->tails);
	store_invariants(f->store);
}

#define CLEARED(first, since) \
	"error 401 the requested history has been cleared [" #first "/" #since "]"

TEST(a_watch_on_a_quiet_key_waits_though_the_window_has_passed_it)
{
	struct fixture *f = fixture_new(1);

	fixture_run(f, "set /quiet/a 1");
	fixture_run(f, "set /quiet/b 1");
	write_elsewhere(f, 1500);
	for (uint64_t seed = 1; seed <= 2; seed++) {
		EXPECT(f, "watch 1 1 /quiet/a since=2", "watching");
		EXPECT(f, "watch 1 2 /quiet/b since=3", "watching");
		EXPECT(f, "watch 1 3 /quiet recursive since=3", "watching");
		EXPECT(f, "watch 1 4 /quiet/c since=3 stream", "watching");
		EXPECT(f, "watch 1 5 /quiet/a/below since=2", "watching");
		EXPECT(f, "watch 1 6 /quiet/b since=2", CLEARED(503, 2));
		EXPECT(f, "watch 1 7 /quiet recursive since=2", CLEARED(503, 2));
		EXPECT(f, "watch 1 8 /quiet/c since=2", CLEARED(503, 2));
		EXPECT(f, "watch 1 9 / recursive since=500", CLEARED(503, 500));
		restart(f, seed);
	}
	EXPECT(f, "watch 1 1 /quiet/a since=2", "watching");
	EXPECT(f, "watch 1 4 /quiet/c since=3 stream", "watching");
	EXPECT(f, "set /quiet/a 2", "200 set /quiet/a=2 m1503 c1503 < /quiet/a=1 m1 c1");
	EXPECT(f, "set /quiet/c 2", "201 set /quiet/c=2 m1504 c1504");
	EXPECT(f, "hits", "1[1] set /quiet/a=2 m1503 c1503 < /quiet/a=1 m1 c1; "
	    "1[4] set /quiet/c=2 m1504 c1504");
	fixture_free(&f);
}

/* Of all that can happen to what is watched: each command is event 4 or none. */
TEST(whatever_happened_to_what_is_watched_is_remembered)
{
	static const struct {
		const char *command, *watch;
		bool seen;
	} cases[] = {
		{ "set /d/a 2", "/d/a", true },
		{ "delete /d/a", "/d/a", true },
		{ "delete /d/a", "/d recursive", true },
		{ "delete /d/a", "/d/e recursive", false },
		{ "delete /d/a", "/d/z", true },
		{ "delete /d/e recursive", "/d/e/f", true },
		{ "delete /d/e recursive", "/d/e/f/g", true },
		{ "delete /d/e recursive", "/d/a", false },
		{ "delete /d recursive", "/d/e/f", true },
		{ "delete /d recursive", "/", true },
		{ "expire 60", "/d/t", true },
		{ "expire 60", "/d recursive", true },
		{ "expire 60", "/d/e/f", false },
		{ "set /d/a 1 ttl=9 refresh", "/d/e/f", false },
		{ "set /d/a 1 ttl=9 refresh", "/d recursive", false },
		{ "update /d/t ttl=9 refresh", "/d recursive", false },
		{ "update /d/e ttl=9", "/d/e", true },
		{ "update /d/e ttl=9", "/d recursive", true },
		{ "update /d/e ttl=9", "/d/e/f", false },
		{ "update /d/e ttl=9 refresh", "/d/e recursive", false },
		{ "create /d/e/n/m 1", "/d/e/n", true },
		{ "post /d/e 1", "/d/e recursive", true },
		{ "set /d/a dir", "/d/a/x", true },
		{ "set /d/a dir", "/d/e/f", false },
	};

	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct fixture *f = fixture_new(i);
		char watch[80];

		fixture_run(f, "set /d/e/f 1");
		fixture_run(f, "set /d/t 1 ttl=50");
		fixture_run(f, "set /d/a 1");
		fixture_run(f, cases[i].command);
		write_elsewhere(f, HISTORY_EVENTS_DEFAULT);
		snprintf(watch, sizeof(watch), "watch 1 1 %s since=4", cases[i].watch);
		for (unsigned again = 0; again < 2; again++) {
			bool waits = strcmp(fixture_run(f, watch), "watching") == 0;

			if (waits == cases[i].seen)
				fail_msg("after \"%s\" \"%s\" %s", cases[i].command, watch,
				    waits ? "waits" : "is refused");
			restart(f, i);
		}
		fixture_free(&f);
	}
}

TEST(a_refresh_moves_nothing_also_after_the_next_start)
{
	struct fixture *f = fixture_new(1);
	size_t records;

	fixture_run(f, "set /d/quiet 1");
	fixture_run(f, "set /d/beat 1 ttl=9");
	fixture_run(f, "update /d/beat ttl=9 refresh");
	records = f->disk.count;
	for (unsigned i = 0; i < 1100; i++)
		fixture_run(f, "update /d/beat ttl=9 refresh");
	EXPECT(f, "watch 1 1 /d recursive since=3", "watching");
	restart(f, 2);
	EXPECT(f, "watch 1 1 /d recursive since=3", "watching");
	EXPECT(f, "watch 1 2 /d recursive since=2", CLEARED(104, 2));
	/* An event on it counts again. */
	fixture_run(f, "set /d/beat 2 ttl=9");
	write_elsewhere(f, HISTORY_EVENTS_DEFAULT);
	restart(f, 3);
	EXPECT(f, "watch 1 1 /d recursive since=1104", CLEARED(1105, 1104));
	assert_true(f->disk.count >= records);
	fixture_free(&f);
}

/* What only a removal says costs one record: that of the directory it was in. */
TEST(a_write_is_written_down_as_before_and_a_removal_with_its_directory)
{
	struct fixture *f = fixture_new(1);
	static const struct {
		const char *command;
		size_t records;		/* node or directory */
	} cases[] = {
		{ "set /a/b/c/d 2", 1 },
		{ "set /a/b/c/e 2", 1 },
		{ "update /a/b/c/e 2 refresh", 2 },
		{ "update /a/b/c/e 2 refresh", 1 },
		{ "delete /a/b/c/d", 2 },
		{ "set /f 2", 1 },
		{ "delete /f", 1 },
	};

	fixture_run(f, "set /a/b/c/d 1");
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct disk before = { 0 };
		size_t changed = 0;

		for (size_t n = 0; n < f->disk.count; n++)
			disk_put(&before, blob_slice(f->disk.records[n].key),
			    blob_slice(f->disk.records[n].value));
		fixture_run(f, cases[i].command);
		for (size_t n = 0; n < f->disk.count; n++) {
			const struct disk_record *now = &f->disk.records[n];
			bool same = false;

			if (now->key->data[0] != EFFECT_NODE)
				continue;
			for (size_t o = 0; o < before.count && !same; o++)
				same = slice_equal(blob_slice(before.records[o].key),
				    blob_slice(now->key)) &&
				    slice_equal(blob_slice(before.records[o].value),
				    blob_slice(now->value));
			changed += !same;
		}
		for (size_t o = 0; o < before.count; o++) {
			bool there = false;

			if (before.records[o].key->data[0] != EFFECT_NODE)
				continue;
			for (size_t n = 0; n < f->disk.count && !there; n++)
				there = slice_equal(blob_slice(before.records[o].key),
				    blob_slice(f->disk.records[n].key));
			changed += !there;
		}
		if (changed != cases[i].records)
			fail_msg("%s writes %zu records", cases[i].command, changed);
		disk_free(&before);
	}
	fixture_free(&f);
}

TEST(a_watch_that_is_behind_goes_on_when_the_window_passes_it_and_it_missed_nothing)
{
	struct fixture *f = fixture_new(1);

	fixture_run(f, "set /a 1");
	fixture_run(f, "set /b 1");
	fixture_run(f, "set /c 1");
	EXPECT(f, "watch 1 1 /a stream since=1 past", "behind");
	EXPECT(f, "watch 1 2 /b recursive stream since=1 past", "behind");
	EXPECT(f, "catch_up looks=1", "more");
	write_elsewhere(f, HISTORY_EVENTS_DEFAULT + 5);
	fixture_run(f, "catch_up");
	/* The first has its event, the second has missed one. */
	EXPECT(f, "taken", "1[1] set /a=1 m1 c1; 1[2] cleared; 1[1] live");
	fixture_free(&f);
}

TEST(a_snapshot_ends_only_the_watches_that_may_have_missed_something)
{
	struct fixture *old = fixture_new(1), *fresh = fixture_new(2);

	for (struct fixture *f = old; f != NULL; f = f == old ? fresh : NULL) {
		fixture_run(f, "set /quiet/a 1");
		fixture_run(f, "set /loud/a 1");
		fixture_run(f, "set /gone/a 1");
	}
	EXPECT(old, "watch 1 1 /quiet/a", "watching");
	EXPECT(old, "watch 1 2 /quiet recursive stream", "watching");
	EXPECT(old, "watch 1 3 /loud/a", "watching");
	EXPECT(old, "watch 1 4 /gone/a", "watching");
	EXPECT(old, "watch 1 5 / recursive", "watching");
	EXPECT(old, "watch 1 6 /none", "watching");
	fixture_run(fresh, "set /loud/a 2");
	fixture_run(fresh, "delete /gone recursive");
	for (size_t i = 0; i < HISTORY_EVENTS_DEFAULT; i++)
		fixture_run(fresh, "set /quiet2/x y");
	store_adopt(fresh->store, old->store);
	EXPECT(fresh, "taken", "1[3 4 5 6] cleared");
	EXPECT(fresh, "set /quiet/a 2", "200 set /quiet/a=2 m1006 c1006 < /quiet/a=1 m1 c1");
	EXPECT(fresh, "taken", "1[1 2] set /quiet/a=2 m1006 c1006 < /quiet/a=1 m1 c1");
	fixture_free(&old);
	fixture_free(&fresh);
}

/* ---- upgrade --------------------------------------------------------------------- */

/* The records as a program before this one left them: directories say nothing of removals. */
static void
make_old(struct disk *disk)
{
	for (size_t i = 0; i < disk->count; i++) {
		struct blob *key = blob_ref(disk->records[i].key);
		struct slice value = blob_slice(disk->records[i].value);
		struct reader in = reader_of(value);
		struct stored_bounds bounds;
		struct stored_dir dir;
		struct buf old = BUF_INIT;

		if (key->data[0] == EFFECT_NODE && value.data[0] == EFFECT_DIR_VERSION) {
			assert_true(stored_dir_get(&in, &dir));
			stored_node_put(&old, &(struct stored_node){ .version = EFFECT_VERSION,
			    .flags = dir.flags, .created = dir.created, .modified = dir.created,
			    .expire_at_ns = dir.expire_at_ns });
		} else if (key->data[0] == EFFECT_INDEX) {
			assert_true(stored_bounds_get(&in, &bounds));
			stored_window_put(&old, &(struct stored_window){
			    .version = EFFECT_WINDOW_VERSION, .store_index = bounds.store_index,
			    .first = bounds.first });
		} else if (key->data[0] == EFFECT_NODE &&
		    (value.data[1] & EFFECT_REFRESHED) != 0) {
			buf_append_slice(&old, value);
			old.data[1] &= (uint8_t)~EFFECT_REFRESHED;
		}
		if (old.size > 0)
			disk_put(disk, blob_slice(key), buf_slice(&old));
		buf_free(&old);
		blob_unref(&key);
	}
}

TEST(of_what_was_removed_before_an_upgrade_nothing_is_taken_for_known)
{
	struct fixture *f = fixture_new(1);
	const char *where;

	fixture_run(f, "set /d/a 1");
	fixture_run(f, "set /d/b 1");
	fixture_run(f, "delete /d/b");
	write_elsewhere(f, HISTORY_EVENTS_DEFAULT);
	make_old(&f->disk);
	store_free(&f->store);
	f->store = disk_load(&f->disk, 1, &where);
	assert_non_null(f->store);
	store_use_tails(f->store, &f->tails);
	store_invariants(f->store);
	EXPECT(f, "watch 1 1 /d recursive since=3", CLEARED(4, 3));
	EXPECT(f, "watch 1 2 /d/b since=3", CLEARED(4, 3));
	/* A file tells for itself. */
	EXPECT(f, "watch 1 3 /d/a since=3", "watching");
	write_elsewhere(f, HISTORY_EVENTS_DEFAULT);
	restart(f, 2);
	EXPECT(f, "watch 1 1 /d recursive since=1003", CLEARED(1004, 1003));
	write_elsewhere(f, HISTORY_EVENTS_DEFAULT);
	EXPECT(f, "watch 1 1 /d recursive since=1003", CLEARED(2004, 1003));
	EXPECT(f, "watch 1 1 /d recursive since=1004", "watching");
	fixture_free(&f);
}

/* They ran the program before to different places, and saw different refreshes as events. */
TEST(nodes_that_were_upgraded_at_different_times_agree)
{
	static const char *const commands[] = { "set /d/a 1", "set /d/e/b 1 ttl=9", "set /busy 1",
		"update /d/e/b ttl=8 refresh", "delete /d/a", "set /d/c 1 ttl=9",
		"update /d/c ttl=9 refresh", "set /e/f 1", "delete /e/f" };
	struct fixture *nodes[ARRAY_COUNT(commands)];
	uint32_t agreed = 0;
	const char *where;

	for (size_t n = 0; n < ARRAY_COUNT(nodes); n++) {
		struct fixture *f = nodes[n] = fixture_new(n);

		for (size_t i = 0; i < ARRAY_COUNT(commands); i++) {
			fixture_run(f, commands[i]);
			if (i != n)
				continue;
			make_old(&f->disk);
			store_free(&f->store);
			f->store = disk_load(&f->disk, n, &where);
			assert_non_null(f->store);
			store_use_tails(f->store, &f->tails);
			assert_false(store_is_agreed(f->store));
		}
		assert_false(store_is_agreed(f->store));
		store_agree(f->store, &f->effects);
		fixture_flush(f);
		assert_true(store_is_agreed(f->store));
		if (n == 0)
			agreed = store_hash(f->store);
		assert_int_equal(store_hash(f->store), agreed);
		restart(f, n);
		fixture_run(f, "update /d/c ttl=9 refresh");
		fixture_run(f, "set /d/e/b 2");
		restart(f, n + 1);
		fixture_run(f, "delete /d/e/b");
		restart(f, n + 2);
		/* Twice is once. */
		store_agree(f->store, &f->effects);
		assert_int_equal(f->effects.size, 0);
		EXPECT(f, "watch 1 1 /d recursive since=11", "watching");
	}
	for (size_t n = 1; n < ARRAY_COUNT(nodes); n++)
		assert_int_equal(store_hash(nodes[n]->store), store_hash(nodes[0]->store));
	for (size_t n = 0; n < ARRAY_COUNT(nodes); n++)
		fixture_free(&nodes[n]);
}

/* ---- the model --------------------------------------------------------------------- */

#define NAMES 3
#define DEPTH 3
#define PLACES (1 + NAMES + NAMES * NAMES + NAMES * NAMES * NAMES)

/*
 * Every path there can be, and what the events so far, all of them, mean for it: at[p], the
 * newest on p itself or the removal of what it was in; below[p], the newest at or below p.
 */
struct model {
	char paths[PLACES][2 * DEPTH + 2];
	size_t depth[PLACES];
	uint64_t at[PLACES], below[PLACES], removed[PLACES];
	uint64_t index;
};

static void
model_init(struct model *model)
{
	size_t count = 1;

	memset(model, 0, sizeof(*model));
	for (size_t i = 0; count < PLACES; i++)
		for (char name = 'a'; name < 'a' + NAMES; name++) {
			model->depth[count] = model->depth[i] + 1;
			snprintf(model->paths[count++], sizeof(model->paths[0]), "%s/%c",
			    model->paths[i], name);
		}
}

static const char *
path_of(const struct model *model, size_t place)
{
	return place == 0 ? "/" : model->paths[place];
}

static size_t
above(size_t place)
{
	return (place - 1) / NAMES;
}

static size_t
place_of(const struct model *model, struct slice key)
{
	for (size_t i = 1; i < PLACES; i++)
		if (slice_equal(slice_text(model->paths[i]), key))
			return i;
	assert_true(key.size == 1);
	return 0;
}

/* One event of an answer or of an expiry. */
static void
model_event(struct model *model, struct slice bytes)
{
	struct reader in = reader_of(bytes);
	struct event_record event;
	struct node_record node;
	size_t place, up;

	assert_true(event_record_get(&in, &event));
	in = reader_of(event.nodes);
	assert_true(node_record_get(&in, &node));
	assert_int_equal(event.store_index, model->index + 1);
	model->index = event.store_index;
	if ((event.flags & EVENT_REFRESH) != 0)
		return;
	place = place_of(model, node.key);
	model->at[place] = model->index;
	for (up = place; up != 0; up = above(up))
		model->below[up] = model->index;
	model->below[0] = model->index;
	if ((node.flags & NODE_DIR) != 0 &&
	    (event.action == ACTION_DELETE || event.action == ACTION_EXPIRE))
		model->removed[place] = model->index;
}

/* The newest event that a watch on place would have got. */
static uint64_t
model_newest(const struct model *model, size_t place, bool recursive)
{
	uint64_t newest = recursive ? model->below[place] : model->at[place];

	for (size_t up = place; up != 0;) {
		up = above(up);
		newest = MAX_OF(newest, model->removed[up]);
	}
	return newest;
}

/* What the rule takes for it: of the node, or of the nearest that is there. */
static uint64_t
model_rule(const struct model *model, struct store *store, size_t place)
{
	struct buf event = BUF_INIT;
	struct blob *cause = NULL;
	struct event_record head;
	struct node_record node;
	struct reader in;

	while (place != 0 && !store_exists(store, slice_text(model->paths[place])))
		place = above(place);
	assert_int_equal(store_get(store, slice_text(path_of(model, place)), 0, 0, &event, &cause),
	    ERR_NONE);
	in = reader_of(buf_slice(&event));
	assert_true(event_record_get(&in, &head));
	in = reader_of(head.nodes);
	assert_true(node_record_get(&in, &node));
	buf_free(&event);
	return (node.flags & NODE_DIR) != 0 ? model->below[place] : node.modified;
}

struct run {
	struct fixture *f;
	struct model model;
	struct rand rand;
	uint64_t seed;
	size_t waited, refused;
};

static void
random_write(struct run *run)
{
	static const uint8_t ops[] = { WRITE_SET, WRITE_SET, WRITE_SET, WRITE_UPDATE, WRITE_UPDATE,
		WRITE_CREATE, WRITE_COMPARE_AND_SWAP, WRITE_DELETE, WRITE_DELETE,
		WRITE_COMPARE_AND_DELETE };
	struct command_write write = { .op = ops[rand_below(&run->rand, ARRAY_COUNT(ops))] };
	/* Most at two busy places, so that the others are quiet. */
	size_t place = rand_chance(&run->rand, 600) ? PLACES - 1 - rand_below(&run->rand, 2) :
	    1 + rand_below(&run->rand, PLACES - 1);
	struct store_outcome outcome;

	write.key = slice_text(run->model.paths[place]);
	write.value = SLICE_LITERAL("v");
	write.prev_value = SLICE_LITERAL("v");
	if (write.op == WRITE_COMPARE_AND_SWAP || write.op == WRITE_COMPARE_AND_DELETE)
		write.flags |= WRITE_FLAG_PREV_VALUE;
	if (write.op == WRITE_DELETE && rand_chance(&run->rand, 500))
		write.flags |= WRITE_FLAG_RECURSIVE | WRITE_FLAG_DIR;
	if (write.op == WRITE_SET && rand_chance(&run->rand, 100))
		write.flags |= WRITE_FLAG_DIR;
	if (write.op == WRITE_UPDATE && rand_chance(&run->rand, 300))
		write.value = SLICE_EMPTY;
	if (rand_chance(&run->rand, 300)) {
		write.flags |= WRITE_FLAG_TTL;
		write.ttl_s = 1 + rand_below(&run->rand, 60);
	}
	if (write.op <= WRITE_UPDATE && rand_chance(&run->rand, 400))
		write.flags |= WRITE_FLAG_REFRESH;
	outcome = fixture_write(run->f, &write, false);
	if (outcome.error == ERR_NONE)
		model_event(&run->model, blob_slice(outcome.event));
	fixture_outcome_free(&outcome);
}

static void
random_expiry(struct run *run)
{
	struct fixture *f = run->f;
	uint64_t before = store_index(f->store);

	f->time_ns += rand_below(&run->rand, 10) * NS_PER_SECOND;
	store_expire(f->store, f->time_ns, (struct store_budget){ 2, SIZE_MAX }, f->time_ns,
	    &f->effects);
	fixture_flush(f);
	while (before++ < store_index(f->store))
		model_event(&run->model, blob_slice(store_event(f->store, before)));
}

static void
sweep(struct run *run)
{
	store_sweep(run->f->store, 3, &run->f->effects);
	fixture_flush(run->f);
}

static void
limit(struct fixture *f)
{
	store_limit_history(f->store, &(struct history_limits){ 5, HISTORY_BYTES_DEFAULT },
	    &f->effects);
	fixture_flush(f);
}

/* Another store from the disk, or from a snapshot, which are the same records. */
static void
random_restart(struct run *run)
{
	restart(run->f, rand_next(&run->rand));
	limit(run->f);
}

static void
random_watch(struct run *run)
{
	struct store *store = run->f->store;
	size_t place = rand_below(&run->rand, PLACES);
	bool recursive = rand_chance(&run->rand, 500), behind;
	uint64_t since = 1 + rand_below(&run->rand, run->model.index + 1);
	uint64_t newest = model_newest(&run->model, place, recursive);
	uint64_t rule = model_rule(&run->model, store, place);
	struct blob *cause;
	enum err err;

	/* Where it matters: at the edge of what the rule says. */
	if (rand_chance(&run->rand, 700)) {
		since = rule + rand_below(&run->rand, 3);
		since = MAX_OF(since, 1);
	}
	err = store_watch(store, 1, 1, slice_text(path_of(&run->model, place)),
	    recursive ? WATCH_FLAG_RECURSIVE : 0, since, &behind, &cause);
	if (err == ERR_NONE && !behind && newest >= since)
		fail_msg("seed %" PRIu64 ": %s waits from %" PRIu64 " and missed %" PRIu64,
		    run->seed, path_of(&run->model, place), since, newest);
	if (err == ERR_EVENT_INDEX_CLEARED && rule < since)
		fail_msg("seed %" PRIu64 ": %s is refused from %" PRIu64 ", %" PRIu64
		    " was the last", run->seed, path_of(&run->model, place), since, rule);
	if (err != ERR_NONE)
		run->refused++;
	else if (!behind)
		run->waited++;
	store_unwatch(store, 1, 1);
	blob_unref(&cause);
}

static void
run_model(uint64_t seed, size_t operations, size_t *waited, size_t *refused)
{
	struct run run = { .f = fixture_new(seed), .seed = seed };

	model_init(&run.model);
	rand_seed(&run.rand, seed);
	limit(run.f);
	for (size_t i = 0; i < operations; i++) {
		uint64_t kind = rand_below(&run.rand, 100);

		if (kind < 60)
			random_write(&run);
		else if (kind < 65)
			random_expiry(&run);
		else if (kind < 70)
			sweep(&run);
		else if (kind < 71)
			random_restart(&run);
		else
			random_watch(&run);
	}
	store_invariants(run.f->store);
	*waited += run.waited;
	*refused += run.refused;
	fixture_free(&run.f);
}

#define SEEDS 40
#define OPERATIONS_EACH 2500

TEST(whoever_waits_missed_nothing_of_a_history_without_end)
{
	const char *asked = getenv("MOOTHALL_MISSED_OPERATIONS");
	size_t seeds = SEEDS, waited = 0, refused = 0;

	if (asked != NULL)
		seeds = MAX_OF((size_t)strtoull(asked, NULL, 10) / OPERATIONS_EACH, 1);
	for (uint64_t seed = 1; seed <= seeds; seed++)
		run_model(seed, OPERATIONS_EACH, &waited, &refused);
	if (asked != NULL)
		printf("# %zu operations: %zu watches waited, %zu were refused\n",
		    seeds * OPERATIONS_EACH, waited, refused);
	assert_true(waited > seeds * 100);
	assert_true(refused > seeds * 10);
}
