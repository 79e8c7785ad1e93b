/*
 * db_test.c - LevelDB as the wal has it: its errors, and what it is made to do.
 */
#include "raftd/wal/db.h"

#include "common/xmem.h"
#include "tests/lib/test.h"
#include "tests/unit/raftd/wal/fixture.h"

#include <dirent.h>
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>

/* Errors of LevelDB are text, mapped in one place. Those that a disk can be made
 * to give are made in fault_test.c and damage_test.c too. */
TEST(error_texts_are_told_apart)
{
	assert_int_equal(db_error("NotFound: /d/000005.ldb: No such file or directory"),
	    ERR_NOT_FOUND);
	assert_int_equal(db_error("Corruption: checksum mismatch"), ERR_CORRUPT);
	assert_int_equal(db_error("Not implemented: x"), ERR_UNSUPPORTED);
	assert_int_equal(db_error("Invalid argument: /d: exists (error_if_exists is true)"),
	    ERR_INVALID);
	assert_int_equal(db_error("IO error: /d/000005.log: Input/output error"), ERR_IO);
	assert_int_equal(db_error("IO error: /d/000005.ldb: Invalid argument"), ERR_CORRUPT);
	assert_int_equal(db_error("IO error: /d/000005.log: No space left on device"),
	    ERR_NO_SPACE);
	assert_int_equal(db_error("IO error: /d/000005.log: Disk quota exceeded"), ERR_NO_SPACE);
	assert_int_equal(db_error("IO error: lock /d/LOCK: already held by process"), ERR_BUSY);
	assert_int_equal(db_error("IO error: /d/LOCK: Permission denied"), ERR_DENIED);
	assert_int_equal(db_error("something new"), ERR_IO);
}

TEST(missing_key_is_no_failure)
{
	struct fixture f;
	char *path, *sentence = NULL;
	struct buf value = BUF_INIT;
	struct db *db;

	fixture_new(&f);
	path = xasprintf("%s/db", f.directory);
	fixture_close(&f);
	assert_int_equal(db_open(path, false, MIB, true, &db, &sentence), ERR_NONE);
	assert_int_equal(db_get(db, SLICE_LITERAL("zzz"), &value, &sentence), ERR_NOT_FOUND);
	assert_null(sentence);
	db_close(&db);
	free(path);
	buf_free(&value);
}

/* The number in the name of the log file that is written to. */
static unsigned
log_number(const char *path)
{
	DIR *directory = opendir(path);
	const struct dirent *entry;
	unsigned highest = 0;

	assert_non_null(directory);
	while ((entry = readdir(directory)) != NULL) {
		unsigned number;
		char end;

		if (sscanf(entry->d_name, "%u.lo%c", &number, &end) == 2 && end == 'g')
			highest = MAX_OF(highest, number);
	}
	closedir(directory);
	return highest;
}

static void
write_small(struct db *db, unsigned count)
{
	leveldb_writebatch_t *batch = leveldb_writebatch_create();
	char *sentence = NULL;

	leveldb_writebatch_put(batch, "b", 1, "1", 1);
	for (unsigned i = 0; i < count; i++)
		assert_int_equal(db_write(db, batch, 64, &sentence), ERR_NONE);
	leveldb_writebatch_destroy(batch);
}

/* What is small does not fill a log file, but its footprints would not have room any more. */
TEST(a_log_file_has_a_bounded_number_of_batches)
{
	char *sentence = NULL;
	struct fixture f;
	struct db *db;
	unsigned before;
	char *path;

	fixture_new(&f);
	path = xasprintf("%s/db", f.directory);
	fixture_close(&f);
	assert_int_equal(db_open(path, false, MIB, false, &db, &sentence), ERR_NONE);
	before = log_number(path);
	for (unsigned round = 0; round < 2; round++) {
		write_small(db, DB_LOG_BATCHES_MAX - 1);
		assert_int_equal(log_number(path), before);
		write_small(db, 1);
		assert_true(log_number(path) > before);
		before = log_number(path);
	}
	db_close(&db);
	assert_int_equal(db_open(path, false, MIB, false, &db, &sentence), ERR_NONE);
	db_close(&db);
	free(path);
}

#if SIZE_MAX == UINT64_MAX && !defined(WITH_SANITIZERS)
TEST(what_leveldb_takes_is_no_larger_than_it_needs_and_goes_back)
{
	/* What C++ calls for new char[size] and delete[]. */
	void *(*new_array)(size_t) = NULL;
	void (*delete_array)(void *) = NULL;
	size_t before = test_writable_bytes(), size = 2 * MIB + 1;
	uint8_t *pieces[20];

	*(void **)&new_array = dlsym(RTLD_DEFAULT, "_Znam");
	*(void **)&delete_array = dlsym(RTLD_DEFAULT, "_ZdaPv");
	assert_true(new_array != NULL && delete_array != NULL);
	for (size_t i = 0; i < ARRAY_COUNT(pieces); i++) {
		pieces[i] = new_array(size);
		pieces[i][0] = pieces[i][size - 1] = 1;
	}
	assert_in_range(test_writable_bytes(), before + 40 * MIB, before + 41 * MIB);
	for (size_t i = 0; i < ARRAY_COUNT(pieces); i++)
		delete_array(pieces[i]);
	assert_in_range(test_writable_bytes(), 0, before + MIB);
}
#endif
