/*
 * retire_test.c - a removed node's directory becomes that of a new one, wherever
 * that is interrupted, and the old data is never opened as a node's again.
 */
#include "tests/unit/raftd/wal/fixture.h"

#include "common/xmem.h"
#include "raftd/wal/retire.h"
#include "tests/lib/test.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define PEERS "http://a:7001,http://b:7001"

/* What is renamed, in this order. */
static const char *const names[] = { "FORMAT", "db.mark", "db" };

static void
move(const char *from_dir, const char *from, const char *to_dir, const char *to)
{
	char *from_path = xasprintf("%s/%s", from_dir, from);
	char *to_path = xasprintf("%s/%s", to_dir, to);

	assert_int_equal(rename(from_path, to_path), 0);
	free(from_path);
	free(to_path);
}

static void
put_away(const char *directory, const char *name)
{
	char *away = xasprintf("%s.removed", name);

	move(directory, name, directory, away);
	free(away);
}

static bool
there(const char *directory, const char *name)
{
	char *path = xasprintf("%s/%s", directory, name);
	bool found = access(path, F_OK) == 0;

	free(path);
	return found;
}

/* A node with some entries, stopped; its id. */
static uint64_t
make_node(const char *directory)
{
	struct fixture f;
	uint64_t id;

	fixture_open(&f, directory, "n1");
	assert_int_equal(f.err, ERR_NONE);
	id = f.recovered.identity.node_id;
	fixture_write_entries(&f, 1, 3, 1);
	fixture_close(&f);
	return id;
}

static void
mark(const char *directory, uint64_t wait_ms)
{
	char *sentence = NULL;

	assert_int_equal(retire_mark(directory, SLICE_LITERAL(PEERS), wait_ms, &sentence),
	    ERR_NONE);
}

/* Asserts whom the next start asks, NULL: nobody, and when. */
static void
assert_begins(const char *directory, const char *expected, uint64_t expected_ms)
{
	char *peers, *sentence = NULL;
	uint64_t wait_ms;

	assert_int_equal(retire_begin(directory, &peers, &wait_ms, &sentence), ERR_NONE);
	if (expected == NULL)
		assert_null(peers);
	else
		assert_string_equal(peers, expected);
	assert_int_equal(wait_ms, expected_ms);
	free(peers);
}

/* Asserts what is there now, and returns its id. */
static uint64_t
assert_opens(const char *directory, bool is_new, raft_index last)
{
	struct fixture f;
	uint64_t id;

	fixture_open(&f, directory, "n1");
	assert_int_equal(f.err, ERR_NONE);
	assert_int_equal(f.recovered.is_new, is_new);
	assert_int_equal(f.recovered.last.index, last);
	id = f.recovered.identity.node_id;
	fixture_close(&f);
	return id;
}

TEST(a_node_that_was_not_removed_starts_as_it_is)
{
	const char *directory = disk_temporary();
	uint64_t id;

	assert_begins(directory, NULL, 0);
	id = make_node(directory);
	assert_begins(directory, NULL, 0);
	assert_true(assert_opens(directory, false, 3) == id);
}

TEST(a_removed_node_gives_its_place_to_a_new_one)
{
	const char *directory = disk_temporary(), *old = disk_temporary();
	uint64_t id = make_node(directory), fresh;

	mark(directory, 5000);
	assert_begins(directory, PEERS, 5000);
	fresh = assert_opens(directory, true, 0);
	assert_true(fresh != id);
	/* The new one knows whom to ask for as long as the old data is there, and at once. */
	assert_begins(directory, PEERS, 0);
	assert_true(assert_opens(directory, false, 0) == fresh);
	/* What was put away is a stopped node's directory. */
	for (size_t i = 0; i < ARRAY_COUNT(names); i++) {
		char *away = xasprintf("%s.removed", names[i]);

		move(directory, away, old, names[i]);
		free(away);
	}
	assert_true(assert_opens(old, false, 3) == id);
	assert_begins(directory, NULL, 0);
}

TEST(wherever_it_is_interrupted_the_next_start_goes_on)
{
	for (size_t done = 0; done <= ARRAY_COUNT(names); done++) {
		const char *directory = disk_temporary();
		uint64_t id = make_node(directory);

		mark(directory, 700);
		for (size_t i = 0; i < done; i++)
			put_away(directory, names[i]);
		assert_begins(directory, PEERS, done == ARRAY_COUNT(names) ? 0 : 700);
		assert_false(there(directory, "FORMAT"));
		assert_false(there(directory, "db"));
		assert_true(there(directory, "db.removed"));
		assert_true(assert_opens(directory, true, 0) != id);
	}
}

TEST(one_who_is_removed_again_leaves_one_copy)
{
	const char *directory = disk_temporary(), *old = disk_temporary();
	uint64_t first = make_node(directory), second, third;

	mark(directory, 0);
	assert_begins(directory, PEERS, 0);
	second = make_node(directory);
	mark(directory, 900);
	assert_begins(directory, PEERS, 900);
	third = assert_opens(directory, true, 0);
	assert_true(first != second && second != third && first != third);
	/* It is that of the second. */
	for (size_t i = 0; i < ARRAY_COUNT(names); i++) {
		char *away = xasprintf("%s.removed", names[i]);

		move(directory, away, old, names[i]);
		free(away);
	}
	assert_true(assert_opens(old, false, 3) == second);
}

TEST(a_mark_that_could_not_be_synced_is_none)
{
	const char *directory = disk_temporary();
	uint64_t id = make_node(directory);
	char *sentence = NULL;

	disk_fault_arm(directory);
	disk_fault_fail(DISK_SYNC, 1, 0, EIO);
	assert_int_equal(retire_mark(directory, SLICE_LITERAL(PEERS), 1, &sentence), ERR_IO);
	assert_non_null(strstr(sentence, "RETIRED"));
	free(sentence);
	disk_fault_arm(NULL);
	assert_begins(directory, NULL, 0);
	assert_true(assert_opens(directory, false, 3) == id);
	mark(directory, 1);
	assert_begins(directory, PEERS, 1);
}

TEST(a_mark_that_says_nothing_is_damage)
{
	const char *directory = disk_temporary();
	char *path, *peers, *sentence = NULL;
	uint64_t wait_ms;
	FILE *file;

	make_node(directory);
	path = xasprintf("%s/db/RETIRED", directory);
	file = fopen(path, "w");
	assert_non_null(file);
	fputs("moothall removed 1 5000", file);
	fclose(file);
	assert_int_equal(retire_begin(directory, &peers, &wait_ms, &sentence), ERR_CORRUPT);
	assert_null(peers);
	assert_non_null(strstr(sentence, path));
	free(sentence);
	free(path);
}
