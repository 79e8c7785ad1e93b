/*
 * marks_test.c - what happened lately: the newest, in order, and cut.
 */
#include "supervisor/marks.h"

#include "common/ipc/message.h"
#include "common/ipc/wire.h"
#include "tests/lib/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

TEST(the_newest_are_kept_in_order)
{
	struct marks *marks = calloc(1, sizeof(*marks));

	assert_non_null(marks);
	for (unsigned i = 0; i < 3 * MARKS_MAX + 1; i++) {
		size_t kept = MIN_OF((size_t)i + 1, (size_t)MARKS_MAX), count = 0;
		struct buf out = BUF_INIT;
		struct mark_record mark = { .time_ns = 0 };
		struct reader in;
		char text[16];

		snprintf(text, sizeof(text), "%u", i);
		marks_add(marks, i, MARK_RESTART, text);
		marks_put(marks, &out);
		in = reader_of(buf_slice(&out));
		while (!reader_done(&in)) {
			assert_true(mark_record_get(&in, &mark));
			assert_int_equal(mark.time_ns, i + 1 - kept + count++);
			assert_int_equal(mark.kind, MARK_RESTART);
		}
		assert_int_equal(count, kept);
		assert_true(slice_equal(mark.text, slice_text(text)));
		buf_free(&out);
	}
	free(marks);
}

TEST(a_text_is_as_long_as_it_may_be_and_not_longer)
{
	struct marks *marks = calloc(1, sizeof(*marks));
	char text[MARK_TEXT_BYTES_MAX + 2];
	struct buf out = BUF_INIT;
	struct mark_record mark;
	struct reader in;

	assert_non_null(marks);
	memset(text, 'x', sizeof(text));
	text[MARK_TEXT_BYTES_MAX + 1] = '\0';
	marks_add(marks, 1, MARK_ELECTION, text);
	text[MARK_TEXT_BYTES_MAX] = '\0';
	marks_add(marks, 1, MARK_ELECTION, text);
	marks_put(marks, &out);
	in = reader_of(buf_slice(&out));
	for (int i = 0; i < 2; i++) {
		assert_true(mark_record_get(&in, &mark));
		assert_int_equal(mark.text.size, MARK_TEXT_BYTES_MAX);
	}
	buf_free(&out);
	free(marks);
}
