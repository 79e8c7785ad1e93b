/*
 * batch_test.c - what a batch for the disk takes while it is made.
 */
#include "raftd/wal/batch.h"

#include "common/xmem.h"
#include "tests/lib/test.h"

#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define ENTRIES 4
#define ENTRY_BYTES (8 * MIB)
#define RECORDS 4000
#define ROOM (4 * MIB)

static void
put_small(struct wal_batch *batch, unsigned first)
{
	for (unsigned i = first; i < first + RECORDS; i++) {
		char key[32];

		snprintf(key, sizeof(key), "key-%08u", i);
		batch_put_state(batch, 1, slice_text(key), SLICE_LITERAL("a value of some bytes"));
	}
}

/* In a child, which may take no more than the batch is large, and some room. */
static int
make_large(void)
{
	static const struct disk_marks marks = { .batch = 1 };
	struct wal_batch batch;
	struct rlimit limit;
	int made;

	batch_init(&batch);
	put_small(&batch, 0);
	for (raft_index index = 1; index <= ENTRIES; index++) {
		struct raft_entry entry = { .term = 1, .index = index,
			.type = RAFT_ENTRY_COMMAND, .payload = blob_alloc(ENTRY_BYTES) };

		memset(entry.payload->data, 'e', ENTRY_BYTES);
		batch_put_entry(&batch, &entry);
		blob_unref(&entry.payload);
		put_small(&batch, (unsigned)index * RECORDS);
	}
	/* A record's own buffer is as large as the largest of them. */
	limit.rlim_cur = test_writable_bytes() + ENTRIES * ENTRY_BYTES + 2 * ENTRY_BYTES + ROOM;
	limit.rlim_max = RLIM_INFINITY;
	if (setrlimit(RLIMIT_DATA, &limit) != 0)
		return 2;
	batch_finish(&batch);
	batch_put_marks(&batch, &marks);
	made = batch.entries == ENTRIES && batch.bytes > ENTRIES * ENTRY_BYTES;
	batch_release(&batch);
	batch_free(&batch);
	return made ? 0 : 1;
}

TEST(a_large_batch_takes_its_size_and_not_twice_as_much)
{
	pid_t child;
	int status;

#ifdef WITH_SANITIZERS
	TEST_LEAVE("sanitizers have memory of their own");
#endif
	child = fork();
	if (child == 0)
		_exit(make_large());
	assert_true(child > 0);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}
