/* Tests of supervisor/log.c and log_sink.c: children are not believed, and nothing waits. */
#include "tests/lib/test.h"

#include "common/diag.h"
#include "common/ipc/message.h"
#include "common/xmem.h"
#include "supervisor/log.h"
#include "supervisor/log_sink.h"
#include "tests/lib/samples.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define CHILD_PID 4711

struct fixture {
	char directory[64];
	char *path, *access_path;
	struct config config;
	struct loop *loop;
	struct log *log;
	struct log_source *source;
	int child_fd;
};

static void
fixture_open_for(struct fixture *fixture, const char *program)
{
	snprintf(fixture->directory, sizeof(fixture->directory), "/tmp/moothall-log-XXXXXX");
	assert_non_null(mkdtemp(fixture->directory));
	fixture->path = xasprintf("%s/log", fixture->directory);
	fixture->access_path = xasprintf("%s/access", fixture->directory);
	config_init(&fixture->config);
	assert_int_equal(config_set(&fixture->config, OPTION_log_output, fixture->path, NULL),
	    ERR_NONE);
	assert_int_equal(config_set(&fixture->config, OPTION_access_log, fixture->access_path,
	    NULL), ERR_NONE);
	diag_start("etcd");
	diag_set_node("m1");
	fixture->loop = loop_new();
	fixture->log = log_new(NULL);
	assert_null(log_prepare(fixture->log, &fixture->config));
	log_apply(fixture->log, &fixture->config);
	log_run(fixture->log, fixture->loop);
	fixture->source = log_source_new(fixture->log, program, CHILD_PID, &fixture->child_fd);
	assert_non_null(fixture->source);
}

static void
fixture_open(struct fixture *fixture)
{
	fixture_open_for(fixture, "httpd");
}

static void
fixture_close(struct fixture *fixture)
{
	log_source_free(&fixture->source);
	close(fixture->child_fd);
	log_free(&fixture->log);
	loop_free(&fixture->loop);
	config_free(&fixture->config);
	unlink(fixture->path);
	unlink(fixture->access_path);
	rmdir(fixture->directory);
	free(fixture->path);
	free(fixture->access_path);
}

static const char *
content(const char *path)
{
	static char text[1 << 20];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t size = read(fd, text, sizeof(text) - 1);

	assert_true(size >= 0);
	close(fd);
	text[size] = '\0';
	return text;
}

static void
child_says(const struct fixture *fixture, const struct buf *bytes)
{
	assert_int_equal(write(fixture->child_fd, bytes->data, bytes->size), (ssize_t)bytes->size);
}

static void
child_says_line(const struct fixture *fixture, uint8_t level, struct slice part, struct slice text)
{
	struct buf frame = BUF_INIT;

	msg_diag_frame(&frame, 0, &(struct msg_diag){ .wall_ns = 0, .level = level, .part = part,
	    .text = text });
	child_says(fixture, &frame);
	buf_free(&frame);
}

TEST(a_child_cannot_speak_for_another)
{
	struct fixture fixture;

	fixture_open(&fixture);
	child_says_line(&fixture, DIAG_INFO, SLICE_LITERAL("raft"),
	    SLICE_LITERAL("x\n1970-01-01T00:00:00.000Z m1 raftd[1] info raft: forged\x1b[2J"));
	log_source_free(&fixture.source);
	assert_string_equal(content(fixture.path),
	    "1970-01-01T00:00:00.000Z m1 httpd[4711] info raft: "
	    "x\\x0a1970-01-01T00:00:00.000Z m1 raftd[1] info raft: forged\\x1b[2J\n");
	fixture_close(&fixture);
}

TEST(bytes_that_are_no_frames_are_the_last_that_are_read)
{
	static const char *const wrong[] = { "\xff\xff\xff\xff garbage of a child", "plain text, "
	    "which somebody wrote into the pipe\n" };
	static char own[] = "etcd";

	program_invocation_short_name = own;
	for (size_t i = 0; i < ARRAY_COUNT(wrong); i++) {
		struct buf bytes = BUF_INIT;
		struct fixture fixture;

		fixture_open(&fixture);
		buf_append(&bytes, wrong[i], i == 0 ? 4 : strlen(wrong[i]));
		for (int n = 0; n < 1000; n++)
			buf_append_text(&bytes, "more of it ");
		child_says(&fixture, &bytes);
		log_source_free(&fixture.source);
		assert_non_null(strstr(content(fixture.path), " m1 etcd["));
		assert_non_null(strstr(content(fixture.path),
		    "error log: lines of a child cannot be read, "
		    "and are not any more: process=httpd pid=4711\n"));
		buf_free(&bytes);
		fixture_close(&fixture);
	}
}

TEST(a_level_or_message_that_is_none_is_refused)
{
	struct buf frame = BUF_INIT;
	struct fixture fixture;

	fixture_open(&fixture);
	child_says_line(&fixture, DIAG_TRACE + 1, SLICE_LITERAL("raft"), SLICE_LITERAL("loud"));
	log_source_free(&fixture.source);
	assert_null(strstr(content(fixture.path), "loud"));
	assert_non_null(strstr(content(fixture.path), "cannot be read"));
	fixture_close(&fixture);
	fixture_open(&fixture);
	msg_stop_frame(&frame, 0, &(struct msg_stop){ .how = 1 });
	child_says(&fixture, &frame);
	log_source_free(&fixture.source);
	assert_non_null(strstr(content(fixture.path), "cannot be read"));
	buf_free(&frame);
	fixture_close(&fixture);
}

/* raftd has no access log. */
TEST(a_child_says_lines_by_this_pipe_and_nothing_else)
{
	static const uint16_t of_children[] = { MSG_diag, MSG_access_lines };
	static const char *const programs[] = { "raftd", "httpd" };
	uint16_t type;

	for (size_t i = 0; sample_type(i, &type); i++) {
		for (size_t n = 0; n < SAMPLES * ARRAY_COUNT(programs); n++) {
			enum sample sample = (enum sample)(n % SAMPLES);
			size_t program = n / SAMPLES;
			bool taken = sample == SAMPLE_GOOD &&
			    sample_is_of(type, of_children, program + 1);
			struct buf frame = BUF_INIT;
			struct fixture fixture;

			fixture_open_for(&fixture, programs[program]);
			sample_put(&frame, type, sample, 0);
			child_says(&fixture, &frame);
			log_source_free(&fixture.source);
			assert_true((strstr(content(fixture.path), "cannot be read") == NULL) ==
			    taken);
			buf_free(&frame);
			fixture_close(&fixture);
		}
	}
}

TEST(lines_of_the_access_log_are_printable_and_whole)
{
	static const char *const wrong[] = { "no end", "a\x1b[2J\n", "tab\t\n", "",
		"a\xc2\x9b[2J\n", "\xe2\x80\xae\n", "\xff\n" };
	struct buf frame = BUF_INIT;
	struct fixture fixture;

	fixture_open(&fixture);
	msg_access_lines_frame(&frame, 0, &(struct msg_access_lines){
	    .lines = SLICE_LITERAL("one\ntwo \xc3\xa9\n") });
	child_says(&fixture, &frame);
	log_source_free(&fixture.source);
	assert_string_equal(content(fixture.access_path), "one\ntwo \xc3\xa9\n");
	fixture_close(&fixture);
	for (size_t i = 0; i < ARRAY_COUNT(wrong); i++) {
		fixture_open(&fixture);
		buf_clear(&frame);
		msg_access_lines_frame(&frame, 0, &(struct msg_access_lines){
		    .lines = slice_text(wrong[i]) });
		child_says(&fixture, &frame);
		log_source_free(&fixture.source);
		assert_string_equal(content(fixture.access_path), "");
		fixture_close(&fixture);
	}
	buf_free(&frame);
}

TEST(a_reader_that_takes_nothing_costs_lines_and_no_time)
{
	int ends[2], saved = dup(STDOUT_FILENO);
	struct log_sink *sink;
	char line[1001], *problem;
	uint64_t dropped;
	size_t lines = 0;

	assert_int_equal(pipe(ends), 0);
	dup2(ends[1], STDOUT_FILENO);
	sink = log_sink_open("stdout", "log-output", NULL, &problem);
	memset(line, 'x', sizeof(line));
	line[sizeof(line) - 1] = '\n';
	for (int i = 0; i < 1000; i++) {
		log_sink_put(sink, slice_of(line, sizeof(line)));
		(void)log_sink_flush(sink);
	}
	dropped = log_sink_take_dropped(sink);
	assert_in_range(dropped, 600, 800);
	assert_int_equal(log_sink_take_dropped(sink), 0);
	/* What was kept comes whole and in its order when there is room again. */
	assert_int_equal(fcntl(ends[0], F_SETFL, O_NONBLOCK), 0);
	for (bool empty = false; !empty; empty = log_sink_flush(sink)) {
		char text[65536];
		ssize_t size = read(ends[0], text, sizeof(text));

		for (ssize_t i = 0; i < size; i++)
			lines += text[i] == '\n';
	}
	for (ssize_t size = 1; size > 0;) {
		char text[65536];

		size = read(ends[0], text, sizeof(text));
		for (ssize_t i = 0; i < size; i++)
			lines += text[i] == '\n';
	}
	assert_int_equal(lines, 1000 - dropped);
	log_sink_free(&sink);
	dup2(saved, STDOUT_FILENO);
	close(saved);
	close(ends[0]);
	close(ends[1]);
}

TEST(a_sink_that_cannot_be_opened_says_why)
{
	static const struct {
		const char *where, *problem;
	} cases[] = {
		{ "/nonexistent/log",
		    "-log-output: cannot write /nonexistent/log: No such file or directory" },
		{ "/tmp", "-log-output: cannot write /tmp: Is a directory" },
		{ "syslog:",
		    "-log-output: syslog: needs the path of a socket, or none and no \":\"" },
	};

	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		char *problem = NULL;

		assert_null(log_sink_open(cases[i].where, "log-output", NULL, &problem));
		assert_string_equal(problem, cases[i].problem);
		free(problem);
	}
}
