/*
 * torn_test.c - the small files beside LevelDB, damaged in every way, alone and together:
 * the node opens with all it had, or refuses with a sentence that says how to go on.
 */
#include "tests/unit/raftd/wal/fixture.h"

#include "common/diag.h"
#include "common/rand.h"
#include "common/xmem.h"
#include "raftd/wal/directory.h"
#include "raftd/wal/mark.h"
#include "raftd/wal/retire.h"
#include "tests/lib/test.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_BYTES_MAX (2 * MARK_FILE_BYTES)
#define PEERS "http://a:7001,http://b:7001"
#define TOGETHER 150

/* What a sentence has to have in it. */
static const char *const remedies[] = {
	"choose another -data-dir",
	"write \"moothall 7\" into it",
	"move the directory away and join again as new, or restore a backup",
	"start it with -restore FILE again",
};

struct content {
	char *path;
	uint8_t bytes[FILE_BYTES_MAX];
	size_t size;
};

static void
content_read(struct content *content, const char *directory, const char *name)
{
	int fd;
	ssize_t size;

	content->path = xasprintf("%s/%s", directory, name);
	fd = open(content->path, O_RDONLY | O_CLOEXEC);
	assert_true(fd != -1);
	size = read(fd, content->bytes, sizeof(content->bytes));
	assert_true(size > 0);
	content->size = (size_t)size;
	close(fd);
}

static void
content_write(const char *path, const uint8_t *bytes, size_t size)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd != -1);
	assert_int_equal(write(fd, bytes, size), size);
	close(fd);
}

/* The n-th damage of a file: all truncations, all bits, all zeros. False: there is none. */
static bool
content_damage(const struct content *content, size_t number)
{
	uint8_t bytes[FILE_BYTES_MAX];
	size_t size = content->size;

	memcpy(bytes, content->bytes, size);
	if (number < size) {
		content_write(content->path, bytes, number);
		return true;
	}
	number -= size;
	if (number < 8 * size) {
		bytes[number / 8] ^= (uint8_t)(1 << number % 8);
		content_write(content->path, bytes, size);
		return true;
	}
	number -= 8 * size;
	if (number >= size)
		return false;
	memset(bytes + number, 0, size - number);
	content_write(content->path, bytes, size);
	return true;
}

static size_t
damages_of(const struct content *content)
{
	return 10 * content->size;
}

static void
content_free(struct content *content)
{
	content_write(content->path, content->bytes, content->size);
	free(content->path);
}

static void
assert_says_what_to_do(const char *sentence)
{
	for (size_t i = 0; i < ARRAY_COUNT(remedies); i++) {
		if (strstr(sentence, remedies[i]) != NULL)
			return;
	}
	fail_msg("\"%s\" does not say how to go on", sentence);
}

/* Open it as a start does. True: all of it is there. */
static bool
starts(const char *directory, uint64_t id)
{
	char *peers, *sentence = NULL;
	uint64_t wait_ms;
	struct fixture f;
	bool opened;

	if (retire_begin(directory, &peers, &wait_ms, &sentence) != ERR_NONE) {
		assert_says_what_to_do(sentence);
		free(sentence);
		return false;
	}
	free(peers);
	fixture_open_unsynced(&f, directory, "n1");
	opened = f.err == ERR_NONE;
	if (opened) {
		assert_true(f.recovered.identity.node_id == id);
		assert_string_equal(fixture_text(&f.log), "1:1=1 2:1=2 3:1=3");
	} else {
		assert_says_what_to_do(f.sentence);
	}
	fixture_close(&f);
	return opened;
}

static uint64_t
make_node(const char *directory)
{
	struct fixture f;
	uint64_t id;

	diag_set_level(DIAG_ERROR);	/* damage is worth a warning */
	fixture_open(&f, directory, "n1");
	assert_int_equal(f.err, ERR_NONE);
	id = f.recovered.identity.node_id;
	fixture_write_entries(&f, 1, 2, 1);
	fixture_write_entries(&f, 3, 3, 1);
	fixture_close(&f);
	return id;
}

TEST(a_damaged_format_file_is_refused_with_what_to_do)
{
	const char *directory = disk_temporary();
	uint64_t id = make_node(directory);
	struct content format;
	unsigned opened = 0;

	content_read(&format, directory, "FORMAT");
	for (size_t i = 0; content_damage(&format, i); i++)
		opened += starts(directory, id);
	/* A zero in the place of the newline; and numbers of before, which are read. */
	assert_true(opened <= 4);
	/* As the sentence says. */
	content_write(format.path, (const uint8_t *)"moothall 7\n", 11);
	assert_true(starts(directory, id));
	content_free(&format);
}

/* Whatever one slot says, the other one is of the batch before. */
TEST(a_mark_with_any_damage_of_one_slot_still_says_what_was_synced)
{
	const char *directory = disk_temporary();
	struct disk_synced whole, found;
	struct content content;
	char *sentence = NULL;
	struct mark *mark;

	(void)make_node(directory);
	assert_int_equal(mark_open(directory, false, &mark, &whole, &sentence), ERR_NONE);
	mark_close(&mark);
	assert_true(whole.batch >= 3);
	content_read(&content, directory, MARK_FILE_NAME);
	assert_int_equal(content.size, MARK_FILE_BYTES);
	for (size_t i = 0; i < damages_of(&content); i++) {
		assert_true(content_damage(&content, i));
		assert_int_equal(mark_open(directory, false, &mark, &found, &sentence), ERR_NONE);
		mark_close(&mark);
		/* Cut or zeroed within the first slot there is none any more. */
		if ((i >= MARK_SLOT_BYTES && i < 9 * content.size) ||
		    i >= 9 * content.size + MARK_SLOT_BYTES) {
			assert_true(found.batch == whole.batch || found.batch + 1 == whole.batch);
			assert_true(found.node_id == whole.node_id);
		}
	}
	content_free(&content);
}

TEST(a_damaged_mark_stops_no_node)
{
	const char *directory = disk_temporary();
	uint64_t id = make_node(directory);
	struct content content;

	content_read(&content, directory, MARK_FILE_NAME);
	for (size_t i = 0; i < damages_of(&content); i++) {
		/* Between the slots there is nothing: here and there. */
		size_t at = i < content.size ? i : i < 9 * content.size ?
		    (i - content.size) / 8 : i - 9 * content.size;

		if (at > MARK_SLOT_BYTES && at < MARK_SLOT_STEP && at % 512 != 0)
			continue;
		assert_true(content_damage(&content, i));
		assert_true(starts(directory, id));
	}
	content_free(&content);
}

/* A database that lost its last batch, and a mark whose newest slot is torn. */
TEST(a_torn_mark_still_refuses_a_database_below_it)
{
	const char *old = disk_temporary();
	struct fixture f;
	struct content content;
	size_t refused = 0;

	diag_set_level(DIAG_ERROR);
	fixture_new(&f);
	fixture_write_entries(&f, 1, 1, 1);
	disk_copy_tree(f.directory, old);
	fixture_write_entries(&f, 2, 2, 1);
	fixture_write_entries(&f, 3, 3, 1);
	content_read(&content, f.directory, MARK_FILE_NAME);
	fixture_close(&f);
	free(content.path);
	content.path = xasprintf("%s/" MARK_FILE_NAME, old);
	for (size_t slot = 0; slot < MARK_SLOTS; slot++) {
		for (size_t at = 0; at < MARK_SLOT_BYTES; at++) {
			uint8_t bytes[MARK_FILE_BYTES];

			memcpy(bytes, content.bytes, sizeof(bytes));
			memset(bytes + slot * MARK_SLOT_STEP + at, 0, MARK_SLOT_BYTES - at);
			content_write(content.path, bytes, sizeof(bytes));
			fixture_open_unsynced(&f, old, "n1");
			assert_int_equal(f.err, ERR_CORRUPT);
			assert_non_null(strstr(f.sentence, "was synced"));
			assert_says_what_to_do(f.sentence);
			fixture_close(&f);
			refused++;
		}
	}
	assert_int_equal(refused, MARK_SLOTS * MARK_SLOT_BYTES);
	free(content.path);
}

TEST(a_mark_of_an_earlier_version_is_read_and_made_longer)
{
	const char *directory = disk_temporary();
	struct disk_synced synced = { .node_id = 7, .batch = 9 }, found;
	struct content content;
	char *sentence = NULL;
	struct mark *mark;

	assert_int_equal(mark_open(directory, true, &mark, &found, &sentence), ERR_NONE);
	assert_int_equal(found.batch, 0);
	assert_int_equal(mark_write(mark, &synced, &sentence), ERR_NONE);
	mark_close(&mark);
	content_read(&content, directory, MARK_FILE_NAME);
	assert_int_equal(truncate(content.path, MARK_SLOT_BYTES), 0);
	assert_int_equal(mark_open(directory, true, &mark, &found, &sentence), ERR_NONE);
	assert_int_equal(found.batch, 9);
	synced.batch = 10;
	assert_int_equal(mark_write(mark, &synced, &sentence), ERR_NONE);
	mark_close(&mark);
	free(content.path);
	content_read(&content, directory, MARK_FILE_NAME);
	assert_int_equal(content.size, MARK_FILE_BYTES);
	/* The newer one was written to the other place. */
	assert_int_equal(truncate(content.path, MARK_SLOT_BYTES), 0);
	assert_int_equal(mark_open(directory, true, &mark, &found, &sentence), ERR_NONE);
	assert_int_equal(found.batch, 9);
	mark_close(&mark);
	free(content.path);
}

/* A removed node has nothing to lose; but it may not wait for ever, or ask anybody else. */
TEST(a_damaged_mark_of_a_removed_node_is_refused_with_what_to_do)
{
	const char *directory = disk_temporary();
	struct content content;
	char *peers, *sentence = NULL;
	uint64_t wait_ms;

	(void)make_node(directory);
	assert_int_equal(retire_mark(directory, SLICE_LITERAL(PEERS), 5000, &sentence), ERR_NONE);
	content_read(&content, directory, "db/RETIRED");
	for (size_t i = 0; content_damage(&content, i); i++) {
		assert_int_equal(retire_begin(directory, &peers, &wait_ms, &sentence),
		    ERR_CORRUPT);
		assert_null(peers);
		assert_says_what_to_do(sentence);
		free(sentence);
		sentence = NULL;
	}
	content_free(&content);
	assert_int_equal(retire_begin(directory, &peers, &wait_ms, &sentence), ERR_NONE);
	assert_string_equal(peers, PEERS);
	assert_int_equal(wait_ms, 5000);
	free(peers);
}

/* The new node may be a member already. */
TEST(a_damaged_mark_of_what_was_put_away_stops_no_node)
{
	const char *directory = disk_temporary();
	struct content content;
	char *peers, *sentence = NULL;
	uint64_t wait_ms, id;

	(void)make_node(directory);
	assert_int_equal(retire_mark(directory, SLICE_LITERAL(PEERS), 5000, &sentence), ERR_NONE);
	assert_int_equal(retire_begin(directory, &peers, &wait_ms, &sentence), ERR_NONE);
	free(peers);
	id = make_node(directory);
	content_read(&content, directory, "db.removed/RETIRED");
	for (size_t i = 0; content_damage(&content, i); i++) {
		assert_int_equal(retire_begin(directory, &peers, &wait_ms, &sentence), ERR_NONE);
		assert_string_equal(peers, "");
		assert_int_equal(wait_ms, 0);
		free(peers);
	}
	assert_true(starts(directory, id));
	content_free(&content);
}

TEST(the_first_format_of_a_removed_node_is_read)
{
	static const char text[] = "moothall removed 1 700 " PEERS "\n";
	const char *directory = disk_temporary();
	char *path = xasprintf("%s/db/RETIRED", directory);
	char *peers, *sentence = NULL;
	uint64_t wait_ms;

	(void)make_node(directory);
	content_write(path, (const uint8_t *)text, strlen(text));
	assert_int_equal(retire_begin(directory, &peers, &wait_ms, &sentence), ERR_NONE);
	assert_string_equal(peers, PEERS);
	assert_int_equal(wait_ms, 700);
	free(peers);
	free(path);
}

TEST(an_unfinished_directory_is_told_by_the_name_alone)
{
	const char *directory = disk_temporary();
	char *path = xasprintf("%s/UNFINISHED", directory);
	uint64_t id = make_node(directory);

	content_write(path, (const uint8_t *)"", 0);
	assert_false(starts(directory, id));
	content_write(path, (const uint8_t *)"\0\0\0", 3);
	assert_false(starts(directory, id));
	assert_int_equal(unlink(path), 0);
	assert_true(starts(directory, id));
	free(path);
}

TEST(all_of_them_damaged_together)
{
	static const char *const names[] = { "FORMAT", MARK_FILE_NAME };
	const char *directory = disk_temporary();
	uint64_t id = make_node(directory);
	struct content contents[ARRAY_COUNT(names)];
	unsigned opened = 0;
	struct rand rand;

	rand_seed(&rand, 5);
	for (size_t i = 0; i < ARRAY_COUNT(names); i++)
		content_read(&contents[i], directory, names[i]);
	for (unsigned round = 0; round < TOGETHER; round++) {
		for (size_t i = 0; i < ARRAY_COUNT(names); i++)
			assert_true(content_damage(&contents[i],
			    rand_below(&rand, damages_of(&contents[i]))));
		opened += starts(directory, id);
	}
	assert_true(opened < TOGETHER);
	for (size_t i = 0; i < ARRAY_COUNT(names); i++)
		content_free(&contents[i]);
	assert_true(starts(directory, id));
}
