/* Tests of common/base.h, common/slice.h, common/xmem.c and common/blob.c. */
#include "tests/lib/test.h"

#include "common/blob.h"
#include "common/pool.h"
#include "common/xmem.h"

#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

TEST(a_broken_promise_is_named_and_ends_with_its_exit_code)
{
	char text[4096];
	ssize_t size;
	int status, ends[2];
	pid_t pid;

	assert_int_equal(pipe(ends), 0);
	pid = fork();
	assert_int_not_equal(pid, -1);
	if (pid == 0) {
		dup2(ends[1], STDERR_FILENO);
		ASSERT(ends[0] == -1);
		_exit(0);
	}
	close(ends[1]);
	size = read(ends[0], text, sizeof(text) - 1);
	assert_true(size > 0);
	text[size] = '\0';
	close(ends[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), EXIT_INTERNAL);
	assert_non_null(strstr(text, "broken promise: ends[0] == -1 ("));
	assert_non_null(strstr(text, "base_test.c:"));
}

TEST(slices_are_ordered_by_bytes_and_a_prefix_comes_first)
{
	assert_true(slice_compare(SLICE_LITERAL("a"), SLICE_LITERAL("b")) < 0);
	assert_true(slice_compare(SLICE_LITERAL("a"), SLICE_LITERAL("aa")) < 0);
	assert_true(slice_compare(SLICE_LITERAL("\xff"), SLICE_LITERAL("a")) > 0);
	assert_true(slice_compare(SLICE_EMPTY, SLICE_LITERAL("a")) < 0);
	assert_int_equal(slice_compare(SLICE_EMPTY, SLICE_EMPTY), 0);
	assert_true(slice_equal(SLICE_EMPTY, SLICE_LITERAL("")));
	assert_false(slice_equal(SLICE_LITERAL("a"), SLICE_LITERAL("b")));
	assert_true(slice_starts_with(SLICE_LITERAL("/a/b"), SLICE_LITERAL("/a")));
	assert_false(slice_starts_with(SLICE_LITERAL("/a"), SLICE_LITERAL("/a/b")));
}

TEST(arrays_grow_by_doubling_and_keep_their_members)
{
	size_t capacity = 0;
	int *numbers = NULL;

	for (int i = 0; i < 1000; i++) {
		numbers = xgrow(numbers, &capacity, (size_t)i + 1, sizeof(*numbers));
		numbers[i] = i;
	}
	assert_int_equal(capacity, 1024);
	for (int i = 0; i < 1000; i++)
		assert_int_equal(numbers[i], i);
	free(numbers);
}

TEST(sizes_of_zero_are_memory_too)
{
	void *memory = xmalloc(0);

	assert_non_null(memory);
	free(memory);
	memory = xzalloc(0);
	assert_non_null(memory);
	free(memory);
}

/* Built in a buffer, copied or taken over: the same bytes, and the buffer is ready again. */
TEST(a_blob_is_built_in_a_buffer)
{
	static const size_t sizes[] = { 0, 1, POOL_PIECE_BYTES_MAX - 1, POOL_PIECE_BYTES_MAX,
		POOL_PIECE_BYTES_MAX + 1, 3 * MIB };
	struct pool *pools[] = { NULL, pool_new() };
	struct buf out = BUF_INIT;

	for (size_t i = 0; i < 2 * ARRAY_COUNT(sizes); i++) {
		size_t size = sizes[i / 2];
		struct blob *blob;

		blob_begin(&out);
		if (size > 0) {
			memset(buf_reserve(&out, size), 'a' + (int)i, size);
			buf_added(&out, size);
		}
		blob = blob_end(&out, pools[i % 2]);
		assert_int_equal(out.size, 0);
		assert_int_equal(blob->size, size);
		assert_int_equal(blob->references, 1);
		for (size_t k = 0; k < size; k++)
			if (blob->data[k] != 'a' + (int)i)
				fail();
		blob_unref(&blob);
	}
	buf_free(&out);
	pool_free(&pools[1]);
}

TEST(a_blob_lives_until_its_last_reference_goes)
{
	struct blob *blob = blob_new(SLICE_LITERAL("value"));
	struct blob *other = blob_ref(blob), *none = NULL;

	blob_unref(&blob);
	assert_null(blob);
	assert_true(slice_equal(blob_slice(other), SLICE_LITERAL("value")));
	assert_int_equal(other->references, 1);
	blob_unref(&other);
	blob_unref(&none);
	assert_null(blob_ref(NULL));
	assert_int_equal(blob_slice(NULL).size, 0);
}
