/*
 * data_dir_test.c - which directory may become a node's data directory.
 */
#include "common/data_dir.h"
#include "tests/lib/test.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct fixture {
	char path[32];
	int fd;
};

static int
remove_entry(const char *path, const struct stat *status UNUSED, int type UNUSED,
    struct FTW *walk UNUSED)
{
	return remove(path);
}

static void
drop(struct fixture *f)
{
	close(f->fd);
	assert_int_equal(nftw(f->path, remove_entry, 8, FTW_DEPTH | FTW_PHYS), 0);
}

static struct fixture
make(void)
{
	struct fixture f = { .path = "/tmp/moothall-XXXXXX" };

	assert_non_null(mkdtemp(f.path));
	f.fd = open(f.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_int_not_equal(f.fd, -1);
	return f;
}

static void
put(const struct fixture *f, const char *name, const char *text)
{
	int fd = openat(f->fd, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_int_not_equal(fd, -1);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

static void
expect(const struct fixture *f, const char *const *expected, const char *strangers)
{
	char *found = data_dir_strangers(f->fd, expected);

	if (strangers == NULL)
		assert_null(found);
	else
		assert_string_equal(found, strangers);
	free(found);
}

TEST(an_empty_one_and_what_a_node_makes_in_it_are_no_strangers)
{
	struct fixture f = make();

	expect(&f, NULL, NULL);
	for (size_t i = 0; data_dir_names[i] != NULL; i++)
		if (strcmp(data_dir_names[i], "FORMAT") != 0)
			put(&f, data_dir_names[i], "");
	assert_int_equal(mkdirat(f.fd, "lost+found", 0700), 0);
	expect(&f, NULL, NULL);
	drop(&f);
}

TEST(three_of_the_others_are_named_in_order)
{
	struct fixture f = make();

	put(&f, "lock", "");
	put(&f, "c", "");
	expect(&f, NULL, "\"c\"");
	put(&f, "b\033[2J", "");
	expect(&f, NULL, "\"b\\x1b[2J\", \"c\"");
	put(&f, ".a", "");
	expect(&f, NULL, "\".a\", \"b\\x1b[2J\", \"c\"");
	put(&f, "aa", "");
	put(&f, "d", "");
	expect(&f, NULL, "\".a\", \"aa\", \"b\\x1b[2J\" and 2 more");
	drop(&f);
}

TEST(what_is_expected_is_no_stranger)
{
	static const char *const expected[] = { "etcd.conf", "etcd.pid", NULL };
	struct fixture f = make();

	put(&f, "etcd.conf", "");
	expect(&f, expected, NULL);
	put(&f, "etcd.conf.d", "");
	expect(&f, expected, "\"etcd.conf.d\"");
	drop(&f);
}

/* A FORMAT of another program, or a damaged one, says nothing of what stands beside it. */
TEST(with_a_format_of_ours_it_may_have_anything)
{
	struct fixture f = make();

	put(&f, "notes", "");
	put(&f, "FORMAT", "moothall 4\n");
	expect(&f, NULL, NULL);
	put(&f, "FORMAT", "moothal");
	expect(&f, NULL, "\"notes\"");
	put(&f, "FORMAT", "PNG and JPEG\n");
	expect(&f, NULL, "\"notes\"");
	assert_int_equal(unlinkat(f.fd, "FORMAT", 0), 0);
	assert_int_equal(symlinkat("notes", f.fd, "FORMAT"), 0);
	put(&f, "notes", "moothall 4\n");
	expect(&f, NULL, "\"notes\"");
	/* raftd says what is to be done about that. */
	assert_int_equal(mkdirat(f.fd, "db", 0700), 0);
	put(&f, "db/CURRENT", "");
	expect(&f, NULL, "\"notes\"");
	put(&f, "db.mark", "");
	expect(&f, NULL, NULL);
	drop(&f);
}

static bool
there(const struct fixture *f, const char *name)
{
	return faccessat(f->fd, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

/* As after a removal: data of before, and of now. */
static struct fixture
make_old_and_new(void)
{
	static const char *const folders[] = { "db", "db.removed" };
	struct fixture f = make();

	for (size_t i = 0; i < ARRAY_COUNT(folders); i++)
		assert_int_equal(mkdirat(f.fd, folders[i], 0700), 0);
	put(&f, "db/000005.log", "x");
	put(&f, "db.removed/000005.log", "x");
	put(&f, "db.removed/RETIRED", "x");
	put(&f, "db.mark", "x");
	put(&f, "db.mark.removed", "x");
	put(&f, "FORMAT", "x");
	put(&f, "FORMAT.removed", "x");
	put(&f, "lock", "x");
	return f;
}

TEST(what_a_removed_node_left_goes_and_nothing_else)
{
	struct fixture f = make_old_and_new();

	for (int again = 0; again <= 1; again++) {
		assert_int_equal(data_dir_remove_removed(f.path), ERR_NONE);
		assert_false(there(&f, "db.removed"));
		assert_false(there(&f, "db.mark.removed"));
		assert_false(there(&f, "FORMAT.removed"));
		assert_true(there(&f, "db/000005.log"));
		assert_true(there(&f, "db.mark"));
		assert_true(there(&f, "FORMAT"));
	}
	drop(&f);
}

TEST(a_nodes_state_goes_and_nothing_else)
{
	struct fixture f = make_old_and_new();

	assert_int_equal(data_dir_remove_state(f.path), ERR_NONE);
	assert_false(there(&f, "db"));
	assert_false(there(&f, "db.mark"));
	assert_false(there(&f, "FORMAT"));
	assert_true(there(&f, "db.removed/RETIRED"));
	assert_true(there(&f, "lock"));
	drop(&f);
}

TEST(a_link_in_the_place_of_a_database_is_not_followed)
{
	struct fixture f = make();

	assert_int_equal(mkdirat(f.fd, "other", 0700), 0);
	put(&f, "other/file", "x");
	assert_int_equal(symlinkat("other", f.fd, "db.removed"), 0);
	assert_int_not_equal(data_dir_remove_removed(f.path), ERR_NONE);
	assert_true(there(&f, "other/file"));
	drop(&f);
}

/* It is a child's, too, that has inherited it, and his alone once it is closed here. */
TEST(what_was_left_is_locked_as_long_as_somebody_has_the_descriptor)
{
	struct fixture f = make();
	int lock = data_dir_lock_removed(f.path, false);
	int inherited;

	assert_int_not_equal(lock, -1);
	inherited = dup(lock);
	assert_int_equal(data_dir_lock_removed(f.path, false), -1);
	assert_int_equal(errno, EWOULDBLOCK);
	close(lock);
	assert_int_equal(data_dir_lock_removed(f.path, false), -1);
	close(inherited);
	lock = data_dir_lock_removed(f.path, true);
	assert_int_not_equal(lock, -1);
	close(lock);
	drop(&f);
}

/* Whoever may open a file that is locked may hold its lock: so it is nobody else's. */
TEST(the_lock_is_of_a_file_that_only_its_owner_may_open)
{
	struct fixture f = make();
	struct stat status;
	mode_t before = umask(0);
	int lock;

	assert_int_equal(fchmod(f.fd, 0755), 0);
	lock = data_dir_lock_removed(f.path, false);
	umask(before);
	assert_int_not_equal(lock, -1);
	assert_int_equal(fstat(lock, &status), 0);
	assert_true(S_ISREG(status.st_mode));
	assert_int_equal(status.st_mode & 0777, 0600);
	close(lock);
	/* A link is not followed. */
	assert_int_equal(unlinkat(f.fd, "removed.lock", 0), 0);
	assert_int_equal(symlinkat("/dev/null", f.fd, "removed.lock"), 0);
	assert_int_equal(data_dir_lock_removed(f.path, false), -1);
	assert_int_equal(errno, ELOOP);
	drop(&f);
}

TEST(each_of_the_names_that_were_left_counts)
{
	static const char *const names[] = { "db.removed", "db.mark.removed", "FORMAT.removed" };

	for (size_t i = 0; i < ARRAY_COUNT(names); i++) {
		struct fixture f = make();

		put(&f, "FORMAT", "moothall 4\n");
		put(&f, "removed.lock", "");
		assert_false(data_dir_has_removed(f.path));
		put(&f, names[i], "");
		assert_true(data_dir_has_removed(f.path));
		drop(&f);
	}
}

TEST(where_no_directory_is_there_is_no_lock)
{
	assert_int_equal(data_dir_lock_removed("/nonexistent", true), -1);
	assert_int_equal(errno, ENOENT);
}
