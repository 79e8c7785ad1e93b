/* Tests of common/diag_pipe.c: a reader that does not read keeps nobody waiting. */
#include "tests/lib/test.h"

#include "common/diag.h"
#include "common/diag_pipe.h"
#include "common/ipc/message.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

static int ends[2];

static void
open_pipe(void)
{
	assert_int_equal(pipe2(ends, O_NONBLOCK | O_CLOEXEC), 0);
	diag_pipe_open(ends[1]);
}

/* All that is in the pipe; count: out, frames of it. The last line's text. */
static const char *
read_lines(size_t *count)
{
	static char text[8192];
	struct buf in = BUF_INIT;
	size_t at = 0, used;
	struct frame frame;
	ssize_t size;

	do {
		size = read(ends[0], buf_reserve(&in, 65536), 65536);
		buf_added(&in, (size_t)MAX_OF(size, 0));
	} while (size > 0);
	*count = 0;
	while (frame_parse(slice_of(in.data + at, in.size - at), &frame, &used) == ERR_NONE) {
		struct msg_diag line;

		assert_int_equal(frame.type, MSG_diag);
		assert_int_equal(msg_diag_decode(frame.payload, &line), ERR_NONE);
		snprintf(text, sizeof(text), "%.*s: %.*s", SLICE_ARGS(line.part),
		    SLICE_ARGS(line.text));
		at += used;
		(*count)++;
	}
	/* Whole frames only. */
	assert_int_equal(at, in.size);
	buf_free(&in);
	return text;
}

TEST(lines_that_find_no_room_are_counted_and_told_where_they_are_missing)
{
	size_t count, kept;

	open_pipe();
	for (unsigned i = 0; i < 2000; i++)
		diag_say("%01000u", i);
	(void)read_lines(&kept);
	assert_in_range(kept, 30, 70);
	diag_say("room again");
	assert_string_equal(read_lines(&count), ": room again");
	assert_int_equal(count, 2);
	diag_say("and no more is told");
	(void)read_lines(&count);
	assert_int_equal(count, 1);
	close(ends[0]);
}

TEST(the_count_that_is_told_is_right)
{
	char expected[80];
	size_t count, kept;
	const char *text;

	open_pipe();
	for (unsigned i = 0; i < 500; i++)
		diag_say("%01000u", i);
	(void)read_lines(&kept);
	/* A pipe with room for little more than the line that tells. */
	assert_int_equal(fcntl(ends[1], F_SETPIPE_SZ, 4096), 4096);
	diag_say("%04090u", 1);
	text = read_lines(&count);
	snprintf(expected, sizeof(expected), "log: lines dropped, they came faster than they were "
	    "written: count=%zu", 500 - kept);
	assert_int_equal(count, 1);
	assert_string_equal(text, expected);
	diag_say("room again");
	(void)read_lines(&count);
	assert_int_equal(count, 2);
	close(ends[0]);
}

TEST(a_line_longer_than_a_frame_is_cut)
{
	size_t count;

	open_pipe();
	diag_say("%04090u", 1);
	(void)read_lines(&count);
	assert_int_equal(count, 1);
	close(ends[0]);
}

TEST(without_a_reader_lines_go_to_standard_error)
{
	int saved = dup(STDERR_FILENO), capture[2];
	char text[64] = "";

	signal(SIGPIPE, SIG_IGN);
	open_pipe();
	close(ends[0]);
	assert_int_equal(pipe(capture), 0);
	dup2(capture[1], STDERR_FILENO);
	diag_say("lost");
	diag_say("kept");
	dup2(saved, STDERR_FILENO);
	close(capture[1]);
	close(saved);
	assert_true(read(capture[0], text, sizeof(text) - 1) > 0);
	close(capture[0]);
	assert_non_null(strstr(text, "kept\n"));
}
