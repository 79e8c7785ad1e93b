/*
 * damage_test.c - files that were cut, zeroed or flipped: the node opens with
 * the right data or refuses, never with a smaller or another tree below its mark.
 *
 * Everything that touches LevelDB runs in a child: it may be left without
 * closing, as a kill leaves it, and a crash of it is seen. The history: turn i
 * brings entry i and sets "n" to i in the applied state, which is applied to i.
 */
#include "tests/unit/raftd/wal/fixture.h"

#include "common/diag.h"
#include "common/xmem.h"
#include "raftd/wal/db.h"
#include "tests/lib/test.h"

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define TURNS 60
#define FILES_MAX 32
#define PLACES 10

/* What a child found. */
enum { FOUND_ALL, FOUND_PREFIX, REFUSED, WRONG };

/* A child in which a failed assert is the end, and not the next test. */
static pid_t
fork_child(void)
{
	pid_t child = fork();

	if (child == 0)
		setenv("CMOCKA_TEST_ABORT", "1", 1);
	return child;
}

static int
wait_for(pid_t child)
{
	int status;

	assert_true(child > 0);
	assert_int_equal(waitpid(child, &status, 0), child);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* ---- making the history -------------------------------------------------------------- */

static void
write_turn(struct fixture *f, raft_index index, struct blob *padding)
{
	char number[24];
	struct raft_entry entry = { .term = 1 + index / 20, .index = index,
		.time_ns = index, .type = RAFT_ENTRY_COMMAND, .payload = padding };
	struct state_record record = { .key = SLICE_LITERAL("n") };
	struct buf effects = BUF_INIT;
	struct wal_turn turn = {
		.hard_state_set = true,
		.hard_state = { .term = entry.term, .vote = 1 },
		.entry_count = 1,
		.entries = &entry,
		.applied_set = true,
		.applied = { index, entry.term },
		.commit = index,
	};

	snprintf(number, sizeof(number), "%" PRIu64, index);
	record.value = slice_text(number);
	state_record_put(&effects, &record);
	turn.effects = buf_slice(&effects);
	fixture_write(f, &turn);
	buf_free(&effects);
}

/* In a child: a killed node of TURNS turns. With tables: a restart after half
 * of them. With two logs: LevelDB is still busy with the older; all of it is
 * less than two write buffers, or the writer would wait for that. */
static void
make_history(const char *directory, bool tables, bool two_logs)
{
	struct blob *padding = blob_alloc(two_logs ? DB_WRITE_BUFFER_BYTES / 35 : 500);
	struct fixture f;
	pid_t child = fork_child();

	memset(padding->data, 'p', padding->size);
	if (child == 0) {
		fixture_open(&f, directory, "n1");
		if (two_logs) {
			disk_fault_arm(directory);
			disk_fault_close_gate(".ldb");
		}
		for (raft_index index = 1; index <= TURNS / 2; index++)
			write_turn(&f, index, padding);
		if (tables)
			fixture_reopen(&f);
		for (raft_index index = TURNS / 2 + 1; index <= TURNS; index++)
			write_turn(&f, index, padding);
		if (two_logs && !disk_fault_wait_at_gate())
			_exit(1);
		kill(getpid(), SIGKILL);
	}
	assert_int_equal(wait_for(child), 128 + SIGKILL);
	blob_unref(&padding);
}

/* ---- looking at what is left ------------------------------------------------------------ */

/* Parses as much of "INDEX:TERM=..." as needed: the log is 1 to last. */
static bool
log_is_whole(struct fixture *f, raft_index last)
{
	const char *at = fixture_text(&f->log);
	raft_index index = 0;

	while (at != NULL && *at != '\0') {
		if (strtoull(at, NULL, 10) != ++index)
			return false;
		at = strchr(at, ' ');
		if (at != NULL)
			at++;
	}
	return index == last;
}

/* What is there, and whether a refusal says words. */
static int
look(const char *directory, const char *words)
{
	static struct fixture f;	/* not lost when the child ends */
	char expected[32];
	raft_index last;

	fixture_open_unsynced(&f, directory, "n1");
	if (f.err == ERR_CORRUPT && strstr(f.sentence, words) != NULL)
		return REFUSED;
	if (f.err != ERR_NONE) {
		fprintf(stderr, "# refused, but as error %d: %s\n", (int)f.err, f.sentence);
		return WRONG;
	}
	last = f.recovered.last.index;
	snprintf(expected, sizeof(expected), "n=%" PRIu64, last);
	if (f.recovered.applied.index != last || f.recovered.commit != last ||
	    !log_is_whole(&f, last))
		return WRONG;
	if (last > 0 && strcmp(fixture_text(&f.state), expected) != 0)
		return WRONG;
	return last == TURNS ? FOUND_ALL : FOUND_PREFIX;
}

/* Open it in a child. */
static int
look_for(const char *directory, const char *words)
{
	pid_t child = fork_child();

	if (child == 0) {
		diag_set_level(DIAG_ERROR);	/* a damaged mark is worth a warning */
		_exit(look(directory, words));
	}
	return wait_for(child);
}

static int
look_at(const char *directory)
{
	return look_for(directory, "move the directory away and join again");
}

/* ---- damage ------------------------------------------------------------------------------- */

enum damage { FLIP, CUT, ZERO_BLOCK, ZERO_REST, DAMAGES };

static void
damage_file(const char *path, enum damage damage, off_t offset)
{
	static const uint8_t zeros[4096];
	int fd = open(path, O_RDWR | O_CLOEXEC);
	struct stat status;
	uint8_t byte;

	assert_true(fd != -1);
	assert_int_equal(fstat(fd, &status), 0);
	switch (damage) {
	case FLIP:
		assert_int_equal(pread(fd, &byte, 1, offset), 1);
		byte ^= 0x10;
		assert_int_equal(pwrite(fd, &byte, 1, offset), 1);
		break;
	case CUT:
		assert_int_equal(ftruncate(fd, offset), 0);
		break;
	case ZERO_BLOCK:
		assert_true(pwrite(fd, zeros, (size_t)MIN_OF(512, status.st_size - offset),
		    offset) > 0);
		break;
	case ZERO_REST:
		for (; offset < status.st_size; offset += (off_t)sizeof(zeros))
			assert_true(pwrite(fd, zeros, (size_t)MIN_OF((off_t)sizeof(zeros),
			    status.st_size - offset), offset) > 0);
		break;
	case DAMAGES:
		break;
	}
	close(fd);
}

/* Of the first record: longer than the rest of the file. */
static void
damage_length(const char *path)
{
	int fd = open(path, O_RDWR | O_CLOEXEC);
	uint8_t byte;

	assert_true(fd != -1);
	assert_int_equal(pread(fd, &byte, 1, 5), 1);
	byte |= 0x7f;
	assert_int_equal(pwrite(fd, &byte, 1, 5), 1);
	close(fd);
}

struct file {
	char name[64];
	off_t size;	/* of what was written: behind it a log may have room */
};

/* Where the zeros begin that are its end. */
static off_t
written_of(const char *path, off_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	uint8_t byte = 0;

	assert_true(fd != -1);
	while (size > 0 && pread(fd, &byte, 1, size - 1) == 1 && byte == 0)
		size--;
	close(fd);
	return size;
}

/* The files of db/ that hold data. */
static size_t
list_files(const char *directory, struct file files[FILES_MAX])
{
	char *db = xasprintf("%s/db", directory);
	DIR *list = opendir(db);
	struct dirent *file;
	size_t count = 0;

	assert_non_null(list);
	while ((file = readdir(list)) != NULL) {
		char *path = xasprintf("%s/%s", db, file->d_name);
		struct stat status;

		assert_int_equal(stat(path, &status), 0);
		if (S_ISREG(status.st_mode) && status.st_size > 0 &&
		    strncmp(file->d_name, "LOG", 3) != 0) {
			assert_true(count < FILES_MAX);
			snprintf(files[count].name, sizeof(files[count].name), "%.60s",
			    file->d_name);
			files[count++].size = strstr(file->d_name, ".log") == NULL ?
			    status.st_size : written_of(path, status.st_size);
		}
		free(path);
	}
	closedir(list);
	free(db);
	return count;
}

/* Empty a directory tree and copy another into it. */
static void
copy_again(const char *from, const char *to)
{
	char *db = xasprintf("%s/db", to);
	DIR *list = opendir(db);
	struct dirent *file;

	while (list != NULL && (file = readdir(list)) != NULL)
		unlinkat(dirfd(list), file->d_name, 0);
	if (list != NULL)
		closedir(list);
	free(db);
	disk_copy_tree(from, to);
}

struct tally {
	unsigned found_all, found_prefix, refused;
};

/* Every kind of damage at places spread over every file of the history. */
static struct tally
damage_all(const char *directory, bool prefix_allowed)
{
	const char *copy = disk_temporary();
	struct tally tally = { 0, 0, 0 };
	struct file files[FILES_MAX];
	size_t count = list_files(directory, files);

	for (size_t i = 0; i < count * DAMAGES * PLACES; i++) {
		const struct file *file = &files[i / (DAMAGES * PLACES)];
		enum damage damage = (enum damage)(i / PLACES % DAMAGES);
		off_t offset = file->size * (off_t)(i % PLACES) / PLACES +
		    (off_t)(i * 7919 % 61);
		char *path = xasprintf("%s/db/%s", copy, file->name);
		int found;

		if (offset >= file->size)
			offset = file->size - 1;
		copy_again(directory, copy);
		damage_file(path, damage, offset);
		found = look_at(copy);
		tally.found_all += found == FOUND_ALL;
		tally.found_prefix += found == FOUND_PREFIX;
		tally.refused += found == REFUSED;
		if (found > REFUSED || (found == FOUND_PREFIX && !prefix_allowed))
			fail_msg("%s: damage %d at %lld of %lld: found %d", file->name,
			    (int)damage, (long long)offset, (long long)file->size, found);
		free(path);
	}
	print_message("# %u right, %u torn tail, %u refused\n", tally.found_all,
	    tally.found_prefix, tally.refused);
	return tally;
}

/* ---- tests ---------------------------------------------------------------------------------- */

TEST(killed_node_has_everything)
{
	const char *directory = disk_temporary();

	make_history(directory, true, false);
	assert_int_equal(look_at(directory), FOUND_ALL);
}

/* Pitfalls unseen-damage and torn-tail: paranoid checks, checksums, and the mark. */
TEST(damage_to_log_and_tables_is_refused_or_harmless)
{
	const char *directory = disk_temporary();
	struct tally tally;

	make_history(directory, true, false);
	tally = damage_all(directory, false);
	assert_true(tally.refused > 50);
}

/* LevelDB accepts a torn tail of the older log in front of the newer. */
TEST(damage_to_the_older_of_two_logs_is_refused_or_harmless)
{
	const char *directory = disk_temporary();
	struct tally tally;

	make_history(directory, false, true);
	assert_int_equal(look_at(directory), FOUND_ALL);
	tally = damage_all(directory, false);
	assert_true(tally.refused > 20);
}

/* A tail above the mark may be torn; then a whole turn less is there. */
TEST(torn_tail_above_the_mark_opens_with_whole_turns)
{
	const char *directory = disk_temporary();
	struct tally tally;
	char *mark;

	make_history(directory, false, false);
	mark = xasprintf("%s/db.mark", directory);
	assert_int_equal(truncate(mark, 0), 0);	/* the crash lost it: it says nothing */
	tally = damage_all(directory, true);
	assert_true(tally.found_prefix > 5);
	assert_true(tally.refused > 5);
	free(mark);
}

/* The path of the one log of a directory; the size of what was written to it. */
static char *
find_log(const char *directory, off_t *size)
{
	struct file files[FILES_MAX];
	size_t count = list_files(directory, files);

	for (size_t i = 0; i < count; i++) {
		if (strstr(files[i].name, ".log") != NULL) {
			*size = files[i].size;
			return xasprintf("%s/db/%s", directory, files[i].name);
		}
	}
	fail_msg("there is no log");
	return NULL;
}

static off_t
size_of(const char *path)
{
	struct stat status;

	assert_int_equal(stat(path, &status), 0);
	return status.st_size;
}

/* The file is as long as it was to be, but some blocks were not written: to LevelDB that
 * is damage. Behind it nothing begins. */
TEST(a_torn_block_of_the_last_write_is_cut_off)
{
	static const enum damage damages[] = { FLIP, ZERO_BLOCK, ZERO_REST };
	const char *directory = disk_temporary();
	char *mark;

	make_history(directory, false, false);
	mark = xasprintf("%s/db.mark", directory);
	assert_int_equal(truncate(mark, 0), 0);
	free(mark);
	/* A turn has 500 bytes of padding; the piece's length is not damaged. */
	for (off_t back = 1; back < 400; back += 13) {
		for (size_t i = 0; i < ARRAY_COUNT(damages); i++) {
			/* Another one each time: an earlier look leaves a newer log. */
			const char *copy = disk_temporary();
			off_t size;
			char *log;
			int found;

			disk_copy_tree(directory, copy);
			log = find_log(copy, &size);
			damage_file(log, damages[i], size - back);
			free(log);
			found = look_at(copy);
			/* What is zero already is not changed by zeros. */
			assert_true(found == FOUND_PREFIX ||
			    (found == FOUND_ALL && damages[i] != FLIP));
		}
	}
}

/* What a log was given ahead has no data: a bit that flips in it loses none. LevelDB takes the
 * head of a piece that is not zero for damage; then nothing begins behind it. */
TEST(a_flipped_bit_in_the_room_of_a_log_is_harmless)
{
	const char *directory = disk_temporary(), *copy = disk_temporary();
	off_t written, whole, at;
	char *log;

	make_history(directory, false, false);
	copy_again(directory, copy);
	log = find_log(copy, &written);
	whole = size_of(log);
	if (whole == written)
		TEST_LEAVE("this file system is not written over in place");
	/* A record ends with a number, in the end of which up to seven bytes are zeros. */
	for (at = written + 7; at < whole; at += at < written + 24 ? 1 : 3067) {
		copy_again(directory, copy);
		damage_file(log, FLIP, at);
		assert_int_equal(look_at(copy), FOUND_ALL);
	}
	/* Where the next blocks of the log have their heads. */
	for (off_t block = written / 32768 * 32768 + 32768; block < whole; block += 32768) {
		for (at = block; at < block + 8 && at < whole; at++) {
			copy_again(directory, copy);
			damage_file(log, FLIP, at);
			assert_int_equal(look_at(copy), FOUND_ALL);
		}
	}
	free(log);
}

/* Others begin behind it: they were synced, and so was it. */
TEST(a_block_before_the_last_write_is_refused_and_stays)
{
	const char *directory = disk_temporary(), *copy = disk_temporary();
	char *log;
	off_t size, whole;

	make_history(directory, false, false);
	copy_again(directory, copy);
	log = find_log(copy, &size);
	whole = size_of(log);
	for (off_t at = 0; at < size - 4000; at += size / 40) {
		copy_again(directory, copy);
		damage_file(log, ZERO_BLOCK, at);
		assert_int_equal(look_at(copy), REFUSED);
		assert_int_equal(size_of(log), whole);
	}
	free(log);
}

/* Bits of what was synced and acknowledged have changed: the mark tells. */
TEST(a_torn_block_below_the_mark_is_refused_each_time)
{
	const char *directory = disk_temporary();
	char *log;
	off_t size;

	make_history(directory, false, false);
	log = find_log(directory, &size);
	damage_file(log, ZERO_BLOCK, size - 300);
	assert_int_equal(look_for(directory, "was synced"), REFUSED);
	assert_int_equal(look_for(directory, "was synced"), REFUSED);
	free(log);
}

/* Footprints: what no mark and no gap in the log would show. */
TEST(lost_middle_is_refused_even_without_a_mark)
{
	const char *directory = disk_temporary();
	struct file files[FILES_MAX];
	char *path, *older = NULL;
	size_t count;

	make_history(directory, false, true);
	path = xasprintf("%s/db.mark", directory);
	assert_int_equal(truncate(path, 0), 0);
	free(path);
	count = list_files(directory, files);
	for (size_t i = 0; i < count; i++) {
		size_t length = strlen(files[i].name);

		if (length > 4 && strcmp(files[i].name + length - 4, ".log") == 0 &&
		    (older == NULL || strcmp(files[i].name, older) < 0))
			older = files[i].name;
	}
	assert_non_null(older);
	path = xasprintf("%s/db/%s", directory, older);
	damage_file(path, CUT, DB_WRITE_BUFFER_BYTES / 7 * 4);
	free(path);
	assert_int_equal(look_for(directory, ": damaged data (batch "), REFUSED);
}

TEST(damaged_mark_is_as_good_as_none)
{
	const char *directory = disk_temporary(), *copy = disk_temporary();
	char *path = xasprintf("%s/db.mark", copy);

	make_history(directory, false, false);
	for (off_t offset = 0; offset < 53; offset++) {
		copy_again(directory, copy);
		damage_file(path, FLIP, offset);
		assert_int_equal(look_at(copy), FOUND_ALL);
	}
	free(path);
}

/* A damaged length in the one file whose name contains part: its place is told, and more. */
static void
refuses_length_in(const char *part, const char *more)
{
	const char *directory = disk_temporary(), *copy = disk_temporary();
	struct file files[FILES_MAX];
	size_t count, damaged = 0;

	make_history(directory, true, false);
	count = list_files(directory, files);
	for (size_t i = 0; i < count; i++) {
		char *path = xasprintf("%s/db/%s", copy, files[i].name);
		char *place = xasprintf("%s at byte 0%s", files[i].name, more);

		if (strstr(files[i].name, part) != NULL) {
			/* All of it is in one block. */
			assert_true(files[i].size < 32768);
			copy_again(directory, copy);
			damage_length(path);
			assert_int_equal(look_for(copy, place), REFUSED);
			damaged++;
		}
		free(place);
		free(path);
	}
	assert_int_equal(damaged, 1);
}

/* Such a record is taken for the torn end of its file, and then all of it is missing. */
TEST(a_damaged_length_in_a_manifest_is_refused_by_name)
{
	refuses_length_in("MANIFEST-", "");
}

/* What followed was synced, and LevelDB deletes the log: its name is known from before. */
TEST(a_damaged_length_in_a_log_is_refused_by_name)
{
	refuses_length_in(".log", " is cut off");
}

/* What looks like a torn end is cut off first; if that does not mend it, the file that was
 * found damaged is named, not what its cut left behind. */
TEST(a_flipped_bit_anywhere_in_a_manifest_is_refused_by_name)
{
	const char *directory = disk_temporary(), *copy = disk_temporary();
	struct file files[FILES_MAX];
	size_t count, refused = 0;

	make_history(directory, true, false);
	count = list_files(directory, files);
	for (size_t i = 0; i < count; i++) {
		char *path = xasprintf("%s/db/%s", copy, files[i].name);

		for (off_t at = 0; strstr(files[i].name, "MANIFEST-") != NULL &&
		    at < files[i].size; at++) {
			copy_again(directory, copy);
			damage_file(path, FLIP, at);
			assert_int_equal(look_for(copy, files[i].name), REFUSED);
			refused++;
		}
		free(path);
	}
	assert_int_not_equal(refused, 0);
}

TEST(missing_files_are_refused)
{
	const char *directory = disk_temporary(), *copy = disk_temporary();
	struct file files[FILES_MAX];
	size_t count;

	make_history(directory, true, false);
	count = list_files(directory, files);
	assert_true(count >= 4);
	for (size_t i = 0; i < count; i++) {
		char *path = xasprintf("%s/db/%s", copy, files[i].name);

		copy_again(directory, copy);
		assert_int_equal(unlink(path), 0);
		if (look_at(copy) != REFUSED)
			fail_msg("%s", files[i].name);
		free(path);
	}
}
