/*
 * shared_index_test.c - what one side writes the other reads, and descriptors
 * that are no such page are refused.
 */
#include "common/ipc/shared_index.h"

#include "tests/lib/test.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

TEST(a_reader_sees_what_was_set)
{
	struct shared_index *writer = shared_index_new(), *reader;

	assert_int_equal(shared_index_open(dup(shared_index_fd(writer)), &reader), ERR_NONE);
	assert_true(shared_index_get(reader) == 0);
	shared_index_set(writer, UINT64_C(1) << 40);
	assert_true(shared_index_get(reader) == UINT64_C(1) << 40);
	shared_index_free(&writer);
	assert_true(shared_index_get(reader) == UINT64_C(1) << 40);
	shared_index_free(&reader);
	shared_index_free(&reader);
}

TEST(a_reader_sees_signs_of_life)
{
	struct shared_index *writer = shared_index_new(), *reader;
	uint64_t beats;

	assert_int_equal(shared_index_open(dup(shared_index_fd(writer)), &reader), ERR_NONE);
	beats = shared_index_beats(reader);
	shared_index_set(writer, 5);
	assert_true(shared_index_beats(reader) == beats);
	shared_index_beat(writer);
	assert_true(shared_index_beats(reader) != beats);
	assert_true(shared_index_get(reader) == 5);
	shared_index_free(&writer);
	shared_index_free(&reader);
}

/* A worker that was taken over must not decide what the others answer. */
TEST(a_reader_cannot_write)
{
	struct shared_index *writer = shared_index_new();
	int fd = dup(shared_index_fd(writer));

	assert_ptr_equal(mmap(NULL, 8, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0), MAP_FAILED);
	assert_int_equal(write(fd, "12345678", 8), -1);
	close(fd);
	shared_index_set(writer, 7);
	assert_true(shared_index_get(writer) == 7);
	shared_index_free(&writer);
}

TEST(a_descriptor_that_could_shrink_is_refused)
{
	struct shared_index *reader;
	int fd = memfd_create("other", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	assert_int_equal(ftruncate(fd, 8), 0);
	assert_int_equal(shared_index_open(fd, &reader), ERR_MALFORMED);
	assert_int_equal(close(fd), -1);
}

TEST(a_descriptor_that_is_no_memory_is_refused)
{
	struct shared_index *reader;
	int ends[2];

	assert_int_equal(pipe(ends), 0);
	assert_int_equal(shared_index_open(ends[0], &reader), ERR_MALFORMED);
	close(ends[1]);
}
