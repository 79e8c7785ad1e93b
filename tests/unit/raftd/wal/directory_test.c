/*
 * directory_test.c - whose directory it is: a new one is made, an old one is
 * found again, and other people's data is left alone.
 */
#include "tests/unit/raftd/wal/fixture.h"

#include "common/xmem.h"
#include "raftd/wal/directory.h"
#include "tests/lib/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static void
write_file(const char *directory, const char *name, const char *text)
{
	char *path = xasprintf("%s/%s", directory, name);
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	fputs(text, file);
	fclose(file);
	free(path);
}

static void
make_directory(const char *directory, const char *name)
{
	char *path = xasprintf("%s/%s", directory, name);

	assert_int_equal(mkdir(path, 0700), 0);
	free(path);
}

static mode_t
mode_of(const char *directory, const char *name)
{
	char *path = xasprintf("%s/%s", directory, name);
	struct stat status;

	assert_int_equal(stat(path, &status), 0);
	free(path);
	return status.st_mode & 0777;
}

/* Asserts that opening is refused with err and a sentence that has those words. */
static void
assert_refused(const char *directory, const char *name, enum err err, const char *words)
{
	struct fixture f;

	fixture_open(&f, directory, name);
	assert_int_equal(f.err, err);
	if (strstr(f.sentence, words) == NULL)
		fail_msg("\"%s\" does not say \"%s\"", f.sentence, words);
	fixture_close(&f);
}

TEST(new_directory_gets_an_identity_that_stays)
{
	struct fixture f;
	uint64_t id;

	fixture_new(&f);
	assert_true(f.recovered.is_new);
	assert_string_equal(f.recovered.identity.name, "n1");
	id = f.recovered.identity.node_id;
	assert_true(id != 0);
	assert_int_equal(f.recovered.identity.cluster_id, 0);
	assert_int_equal(f.recovered.last.index, 0);
	assert_int_equal(mode_of(f.directory, "db"), 0700);
	fixture_reopen(&f);
	assert_false(f.recovered.is_new);
	assert_true(f.recovered.identity.node_id == id);
	assert_string_equal(f.recovered.identity.name, "n1");
	fixture_close(&f);
}

TEST(format_file_says_what_it_is)
{
	struct fixture f;
	char text[32] = "", *path;
	FILE *file;

	fixture_new(&f);
	path = xasprintf("%s/FORMAT", f.directory);
	file = fopen(path, "r");
	assert_non_null(file);
	assert_true(fread(text, 1, sizeof(text) - 1, file) > 0);
	assert_string_equal(text, "moothall 7\n");
	fclose(file);
	free(path);
	fixture_close(&f);
}

TEST(other_name_is_refused_with_both_names)
{
	struct wal_turn turn = { .cluster_id = 0xabcdef };
	struct fixture f;
	const char *directory;

	fixture_new(&f);
	fixture_write(&f, &turn);
	directory = f.directory;
	fixture_close(&f);
	assert_refused(directory, "n2", ERR_INVALID, "belongs to node n1, not to n2");
	fixture_open(&f, directory, "");
	assert_int_equal(f.err, ERR_NONE);
	assert_string_equal(f.recovered.identity.name, "n1");
	fixture_close(&f);
}

/* Its name was taken, say: what is advised then is to take another one. */
TEST(who_was_in_no_cluster_may_be_called_otherwise)
{
	struct wal_turn turn = { .cluster_id = 0xabcdef };
	struct fixture f;
	const char *directory;
	uint64_t id;

	fixture_new(&f);
	directory = f.directory;
	id = f.recovered.identity.node_id;
	fixture_close(&f);
	fixture_open(&f, directory, "n2");
	assert_int_equal(f.err, ERR_NONE);
	assert_string_equal(f.recovered.identity.name, "n2");
	assert_true(f.recovered.identity.node_id == id);
	fixture_write(&f, &turn);
	fixture_reopen(&f);
	assert_string_equal(f.recovered.identity.name, "n2");
	fixture_close(&f);
	assert_refused(directory, "n1", ERR_INVALID, "belongs to node n2, not to n1");
}

TEST(new_node_needs_a_name)
{
	const char *directory = disk_temporary();

	assert_refused(directory, "", ERR_INVALID, "-name");
	assert_refused(directory, NULL, ERR_INVALID, "-name");
}

TEST(cluster_id_and_who_founded_it_are_kept_once_they_are_set)
{
	for (int founded = 0; founded <= 1; founded++) {
		struct wal_turn turn = { .cluster_id = 0xabcdef, .founded = founded };
		struct fixture f;

		fixture_new(&f);
		fixture_write(&f, &turn);
		fixture_reopen(&f);
		assert_int_equal(f.recovered.identity.cluster_id, 0xabcdef);
		assert_int_equal(f.recovered.identity.founded, founded);
		fixture_close(&f);
	}
}

TEST(data_of_the_go_servers_is_refused)
{
	const char *modern = disk_temporary(), *old = disk_temporary();

	make_directory(modern, "member");
	make_directory(modern, "member/wal");
	assert_refused(modern, "n1", ERR_FOREIGN,
	    "holds data of another etcd (member/wal); choose another -data-dir");
	write_file(old, "log", "");
	write_file(old, "conf", "");
	assert_refused(old, "n1", ERR_FOREIGN, "holds data of another etcd (log, conf)");
}

TEST(other_formats_are_refused)
{
	const char *later = disk_temporary(), *strange = disk_temporary(), *db = disk_temporary();

	write_file(later, "FORMAT", "moothall 1\n");
	assert_refused(later, "n1", ERR_FOREIGN, "format 1, this program reads formats 2 to 7; "
	    "start the version that wrote it, make a backup with it");
	write_file(strange, "FORMAT", "some\x1b[31mthing else\n");
	assert_refused(strange, "n1", ERR_FOREIGN, "says \"some\" and not \"moothall 7\"");
	make_directory(db, "db");
	assert_refused(db, "n1", ERR_FOREIGN, "db without FORMAT");
}

/* Of an earlier format; what is written from now on only this program can read. */
static void
becomes_ours(const char *format)
{
	struct wal_turn turn = { .cluster_id = 0xabcdef };
	char text[32] = "", *path;
	struct fixture f;
	uint64_t id;
	FILE *file;

	fixture_new(&f);
	fixture_write(&f, &turn);
	id = f.recovered.identity.node_id;
	write_file(f.directory, "FORMAT", format);
	fixture_reopen(&f);
	assert_false(f.recovered.is_new);
	assert_true(f.recovered.identity.node_id == id);
	assert_int_equal(f.recovered.identity.cluster_id, 0xabcdef);
	path = xasprintf("%s/FORMAT", f.directory);
	file = fopen(path, "r");
	assert_non_null(file);
	assert_true(fread(text, 1, sizeof(text) - 1, file) > 0);
	assert_string_equal(text, "moothall 7\n");
	fclose(file);
	free(path);
	fixture_close(&f);
}

TEST(a_directory_of_a_format_before_becomes_one_of_this)
{
	becomes_ours("moothall 2\n");
	becomes_ours("moothall 3\n");
	becomes_ours("moothall 5\n");
}

TEST(directory_half_made_is_finished)
{
	struct fixture f;
	const char *directory;
	char *path;
	uint64_t id;

	fixture_new(&f);
	directory = f.directory;
	id = f.recovered.identity.node_id;
	fixture_close(&f);
	path = xasprintf("%s/FORMAT", directory);
	assert_int_equal(unlink(path), 0);
	free(path);
	fixture_open(&f, directory, "n1");
	assert_int_equal(f.err, ERR_NONE);
	assert_true(f.recovered.is_new);
	assert_true(f.recovered.identity.node_id == id);
	fixture_close(&f);
}

TEST(lost_format_file_of_a_used_directory_is_refused)
{
	struct fixture f;
	const char *directory;
	char *path;

	fixture_new(&f);
	directory = f.directory;
	fixture_write_entries(&f, 1, 1, 1);
	fixture_close(&f);
	path = xasprintf("%s/FORMAT", directory);
	assert_int_equal(unlink(path), 0);
	free(path);
	assert_refused(directory, "n1", ERR_CORRUPT, "FORMAT is missing");
}

TEST(lost_database_is_refused_and_not_made_anew)
{
	struct fixture f;
	const char *directory;
	char *from, *to;

	fixture_new(&f);
	directory = f.directory;
	fixture_close(&f);
	from = xasprintf("%s/db", directory);
	to = xasprintf("%s/gone", directory);
	assert_int_equal(rename(from, to), 0);
	assert_refused(directory, "n1", ERR_CORRUPT, "/db");
	assert_int_equal(mkdir(from, 0700), 0);
	assert_refused(directory, "n1", ERR_CORRUPT, "/db");
	free(from);
	free(to);
}

TEST(missing_directory_and_missing_rights_are_named)
{
	char *path = xasprintf("%s/none", disk_temporary());

	assert_refused(path, "n1", ERR_NOT_FOUND, path);
	if (geteuid() != 0) {
		const char *closed = disk_temporary();

		assert_int_equal(chmod(closed, 0500), 0);
		assert_refused(closed, "n1", ERR_DENIED, closed);
		assert_int_equal(chmod(closed, 0700), 0);
	}
	free(path);
}

/* Guard: the lock is waited for 2 s, then somebody else has it. */
TEST(directory_in_use_is_busy)
{
	struct fixture f;

	fixture_new(&f);
	assert_refused(f.directory, "n1", ERR_BUSY, "in use");
	fixture_close(&f);
}

TEST(a_directory_in_the_making_is_opened_by_its_maker_only)
{
	const struct wal_options options = { .data_dir = disk_temporary(), .name = "n1",
		.cache_bytes = 65536, .rebuilding = true };
	const char *directory = options.data_dir;
	struct wal_recovered recovered;
	char *sentence = NULL;
	struct wal *wal;
	struct fixture f;

	assert_int_equal(wal_directory_rebuild(directory, &sentence), ERR_NONE);
	assert_refused(directory, "n1", ERR_FOREIGN, "a restore into it ended early");
	assert_int_equal(wal_open(&options, &wal, &recovered, &sentence), ERR_NONE);
	wal_close(&wal);
	/* It looks like a node's now, but for the mark. */
	assert_int_equal(mode_of(directory, "FORMAT"), 0600);
	assert_refused(directory, "n1", ERR_FOREIGN, "UNFINISHED");
	assert_int_equal(wal_directory_rebuilt(directory, &sentence), ERR_NONE);
	fixture_open(&f, directory, "n1");
	assert_int_equal(f.err, ERR_NONE);
	fixture_close(&f);
}

TEST(what_an_unfinished_making_left_is_made_anew_but_no_data_is)
{
	const char *directory = disk_temporary();
	char *sentence = NULL;
	struct fixture f;

	fixture_open(&f, directory, "n1");
	assert_int_equal(f.err, ERR_NONE);
	fixture_close(&f);
	assert_int_equal(wal_directory_rebuild(directory, &sentence), ERR_INVALID);
	assert_non_null(strstr(sentence, "holds data already (FORMAT)"));
	free(sentence);
	write_file(directory, "UNFINISHED", "");
	assert_int_equal(wal_directory_rebuild(directory, &sentence), ERR_NONE);
	assert_int_equal(wal_directory_rebuilt(directory, &sentence), ERR_NONE);
	/* Nothing is left of it: this is another node. */
	fixture_open(&f, directory, "n2");
	assert_int_equal(f.err, ERR_NONE);
	assert_true(f.recovered.is_new);
	fixture_close(&f);
}
