/*
 * log_ahead_test.c - a log gets room before it is written to, and nothing else changes.
 */
#include "raftd/wal/log_ahead.h"

#include "tests/lib/disk_fault.h"
#include "tests/lib/test.h"

#include "common/xmem.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct room {
	const char *path;
	int directory;
	struct log_ahead ahead;
};

static void
room_begin(struct room *room)
{
	room->path = disk_temporary();
	room->directory = open(room->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(room->directory != -1);
	log_ahead_begin(&room->ahead, room->directory);
	if (room->ahead.directory_fd == -1)	/* not on a disk that is written over in place */
		room->ahead.directory_fd = room->directory;
}

static void
room_end(struct room *room)
{
	log_ahead_end(&room->ahead);
	close(room->directory);
}

/* A log that LevelDB has begun and written so much to. */
static int
begin_log(const struct room *room, const char *name, size_t size)
{
	int fd = openat(room->directory, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	uint8_t *bytes = xmalloc(size);

	assert_true(fd != -1);
	memset(bytes, 'w', size);
	assert_int_equal(write(fd, bytes, size), size);
	free(bytes);
	return fd;
}

static uint64_t
size_of(const struct room *room, const char *name)
{
	struct stat status;

	assert_int_equal(fstatat(room->directory, name, &status, 0), 0);
	return (uint64_t)status.st_size;
}

/* Of the file: how much was written, with nothing but zeros behind it. */
static size_t
written_of(const struct room *room, const char *name)
{
	int fd = openat(room->directory, name, O_RDONLY | O_CLOEXEC);
	uint8_t bytes[4096];
	size_t written = 0;
	bool ended = false;
	ssize_t got;

	while ((got = read(fd, bytes, sizeof(bytes))) > 0) {
		for (ssize_t i = 0; i < got; i++) {
			if (bytes[i] == 0)
				ended = true;
			else if (ended)
				fail_msg("%s has zeros before byte %zu", name, written);
			else
				written++;
		}
	}
	close(fd);
	return written;
}

TEST(room_is_given_before_it_is_needed_and_not_again_while_there_is_some)
{
	struct room room;
	int fd;

	room_begin(&room);
	fd = begin_log(&room, "000003.log", 1000);
	log_ahead_find(&room.ahead);
	assert_int_equal(size_of(&room, "000003.log"), 1000);
	log_ahead_extend(&room.ahead, 500);
	assert_int_equal(size_of(&room, "000003.log"), 1500 + LOG_AHEAD_BYTES);
	assert_int_equal(write(fd, "ww", 2), 2);
	for (uint64_t bytes = 0; bytes < LOG_AHEAD_BYTES; bytes += 256)
		log_ahead_extend(&room.ahead, 256);
	assert_int_equal(size_of(&room, "000003.log"), 1500 + LOG_AHEAD_BYTES);
	assert_int_equal(written_of(&room, "000003.log"), 1002);
	log_ahead_extend(&room.ahead, 1);
	assert_int_equal(size_of(&room, "000003.log"), 1501 + 2 * LOG_AHEAD_BYTES);
	assert_int_equal(written_of(&room, "000003.log"), 1002);
	close(fd);
	room_end(&room);
}

/* The guess of how far LevelDB has come may be wrong by any amount. */
TEST(what_was_written_is_never_written_over)
{
	struct room room;
	uint8_t byte = 'w';
	size_t written = 10;
	int fd;

	room_begin(&room);
	fd = begin_log(&room, "000003.log", written);
	log_ahead_find(&room.ahead);
	for (; written < 3 * LOG_AHEAD_BYTES; written++) {
		if (written % 65536 == 0)
			log_ahead_extend(&room.ahead, 1);
		assert_int_equal(write(fd, &byte, 1), 1);
	}
	assert_int_equal(written_of(&room, "000003.log"), written);
	close(fd);
	room_end(&room);
}

TEST(large_batches_get_no_room)
{
	struct room room;
	int fd;

	room_begin(&room);
	fd = begin_log(&room, "000003.log", 10);
	log_ahead_find(&room.ahead);
	log_ahead_extend(&room.ahead, LOG_AHEAD_BATCH_BYTES + 1);
	assert_int_equal(size_of(&room, "000003.log"), 10);
	log_ahead_extend(&room.ahead, LOG_AHEAD_BATCH_BYTES);
	assert_int_equal(size_of(&room, "000003.log"),
	    10 + 2 * LOG_AHEAD_BATCH_BYTES + 1 + LOG_AHEAD_BYTES);
	close(fd);
	room_end(&room);
}

TEST(the_newest_log_gets_it)
{
	struct room room;
	int first, second, other;

	room_begin(&room);
	first = begin_log(&room, "000009.log", 10);
	log_ahead_find(&room.ahead);
	second = begin_log(&room, "000010.log", 20);
	other = begin_log(&room, "000011.ldb", 20);
	log_ahead_extend(&room.ahead, 1);
	log_ahead_find(&room.ahead);
	log_ahead_extend(&room.ahead, 1);
	assert_int_equal(size_of(&room, "000009.log"), 11 + LOG_AHEAD_BYTES);
	assert_int_equal(size_of(&room, "000010.log"), 21 + LOG_AHEAD_BYTES);
	assert_int_equal(size_of(&room, "000011.ldb"), 20);
	/* Closed and opened again: LevelDB begins another one. */
	log_ahead_end(&room.ahead);
	log_ahead_extend(&room.ahead, LOG_AHEAD_BATCH_BYTES);
	assert_int_equal(size_of(&room, "000010.log"), 21 + LOG_AHEAD_BYTES);
	close(first);
	close(second);
	close(other);
	room_end(&room);
}

/* A log that is a link, or cannot be written, or has no room: LevelDB will say so itself. */
TEST(an_error_is_none)
{
	struct room room;
	int fd;

	room_begin(&room);
	fd = begin_log(&room, "victim", 10);
	assert_int_equal(symlinkat("victim", room.directory, "000003.log"), 0);
	log_ahead_find(&room.ahead);
	log_ahead_extend(&room.ahead, 1);
	assert_int_equal(size_of(&room, "victim"), 10);
	close(fd);
	fd = begin_log(&room, "000004.log", 10);
	disk_fault_arm(room.path);
	for (unsigned nth = 1; nth <= 3; nth++) {
		log_ahead_end(&room.ahead);
		log_ahead_find(&room.ahead);
		disk_fault_fail(DISK_AHEAD, nth, 0, ENOSPC);
		log_ahead_extend(&room.ahead, LOG_AHEAD_BATCH_BYTES);
		assert_int_equal(room.ahead.fd, -1);
		log_ahead_extend(&room.ahead, LOG_AHEAD_BATCH_BYTES);
		assert_int_equal(written_of(&room, "000004.log"), 10);
	}
	disk_fault_arm(NULL);
	close(fd);
	room_end(&room);
}

TEST(files_in_memory_are_left_as_they_are)
{
	struct log_ahead ahead;
	int directory = open("/dev/shm", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (directory == -1)
		TEST_LEAVE("there is no /dev/shm");
	log_ahead_begin(&ahead, directory);
	log_ahead_find(&ahead);
	log_ahead_extend(&ahead, 1);
	assert_int_equal(ahead.fd, -1);
	log_ahead_end(&ahead);
	close(directory);
}
