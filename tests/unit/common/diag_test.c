/* Tests of common/diag.c: what arrives on standard error. */
#include "tests/lib/test.h"

#include "common/diag.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define CAPTURE_BYTES 65536
#define LINE_MAX_BYTES 1024

static int saved_stderr, capture[2];

static void
capture_start(void)
{
	assert_int_equal(pipe(capture), 0);
	assert_int_equal(fcntl(capture[0], F_SETFL, O_NONBLOCK), 0);
	saved_stderr = dup(STDERR_FILENO);
	dup2(capture[1], STDERR_FILENO);
	close(capture[1]);
}

/* What was written since capture_start. */
static const char *
capture_end(void)
{
	static char text[CAPTURE_BYTES];
	ssize_t size = read(capture[0], text, sizeof(text) - 1);

	text[MAX_OF(size, 0)] = '\0';
	dup2(saved_stderr, STDERR_FILENO);
	close(saved_stderr);
	close(capture[0]);
	return text;
}

static unsigned
lines_in(const char *text)
{
	unsigned count = 0;

	for (; *text != '\0'; text++)
		count += *text == '\n';
	return count;
}

TEST(a_line_has_time_node_process_level_and_part)
{
	char expected[128];
	const char *line;

	diag_start("raftd");
	diag_set_node("machine1");
	diag_set_level(DIAG_INFO);
	capture_start();
	diag_info("raft", "became leader term=%d", 3);
	line = capture_end();
	snprintf(expected, sizeof(expected),
	    " machine1 raftd[%ld] info raft: became leader term=3\n", (long)getpid());
	assert_string_equal(line + strlen("2026-11-22T15:29:23.647Z"), expected);
	assert_int_equal(line[10], 'T');
	assert_int_equal(line[23], 'Z');
}

TEST(levels_below_the_one_set_are_silent)
{
	struct diag_levels levels;

	diag_set_level(DIAG_WARN);
	capture_start();
	diag_info("test", "quiet");
	diag_debug("test", "quieter");
	diag_warn("test", "heard");
	assert_int_equal(lines_in(capture_end()), 1);
	assert_false(diag_enabled(DIAG_INFO, "raft"));
	assert_true(diag_enabled(DIAG_ERROR, "raft"));
	assert_null(diag_levels_parse("error,raft=debug", &levels));
	diag_set_levels(&levels);
	capture_start();
	diag_warn("http", "quiet");
	diag_debug("raft", "heard");
	assert_int_equal(lines_in(capture_end()), 1);
	diag_set_level(DIAG_INFO);
}

TEST(control_bytes_cannot_forge_a_line)
{
	const char *line;

	diag_set_node("m\n1");
	capture_start();
	diag_info("test", "name=%s", "a\nb\x1b[31m\x7f\xc3\xa9");
	line = capture_end();
	diag_set_node("machine1");
	assert_int_equal(lines_in(line), 1);
	assert_non_null(strstr(line, " m\\x0a1 "));
	assert_non_null(strstr(line, "name=a\\x0ab\\x1b[31m\\x7f\xc3\xa9\n"));
}

TEST(a_line_ends_at_one_kibibyte)
{
	char text[3000];
	const char *line;

	memset(text, '\n', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	capture_start();
	diag_info("test", "long=%s", text);
	line = capture_end();
	assert_int_equal(lines_in(line), 1);
	assert_in_range(strlen(line), 1000, 1024);
}

TEST(the_same_message_comes_at_most_ten_times)
{
	const char *text;

	capture_start();
	for (unsigned i = 0; i < 100; i++)
		diag_info("test", "again and again i=%u", i);
	diag_info("test", "something else");
	text = capture_end();
	assert_int_equal(lines_in(text), 11);
	assert_non_null(strstr(text, "i=9\n"));
	assert_null(strstr(text, "i=10\n"));
	assert_non_null(strstr(text, "something else\n"));
}

/* The table of formats is bounded; who is driven out of it is told first. */
TEST(lines_held_back_are_counted_when_a_format_is_forgotten)
{
	static char formats[200][16];
	const char *text;

	for (unsigned i = 0; i < ARRAY_COUNT(formats); i++)
		snprintf(formats[i], sizeof(formats[i]), "format %u", i);
	capture_start();
	for (unsigned i = 0; i < 25; i++)
		diag_info("test", "held back");
	for (unsigned i = 0; i < ARRAY_COUNT(formats); i++)
		diag_info("test", formats[i], 0);
	text = capture_end();
	assert_non_null(strstr(text, "info test: ... repeated 15 times: held back\n"));
	assert_non_null(strstr(text, "format 199\n"));
}

TEST(a_sentence_is_said_without_a_prefix)
{
	const char *text;

	capture_start();
	diag_say("etcd: -name: is %s", "em\tpty");
	text = capture_end();
	assert_string_equal(text, "etcd: -name: is em\\x09pty\n");
}

TEST(a_line_can_be_a_json_object)
{
	char expected[256], text[2 * LINE_MAX_BYTES];
	const char *line;

	diag_start("raftd");
	diag_set_node("a\"b");
	diag_set_level(DIAG_INFO);
	diag_set_json(true);
	capture_start();
	diag_warn("raft", "x \\ \n \xc3\xa9 \xff");
	line = capture_end();
	snprintf(expected, sizeof(expected),
	    "\",\"node\":\"a\\\"b\",\"proc\":\"raftd\",\"pid\":%ld,"
	    "\"level\":\"warn\",\"part\":\"raft\",\"msg\":\"x \\\\ \\u000a \xc3\xa9 \\ufffd\"}\n",
	    (long)getpid());
	assert_string_equal(line + strlen("{\"time\":\"2026-11-22T15:29:23.647Z"), expected);
	memset(text, '"', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	capture_start();
	diag_say("%s", text);
	line = capture_end();
	assert_true(strlen(line) <= LINE_MAX_BYTES && strlen(line) >= LINE_MAX_BYTES - 3);
	assert_string_equal(line + strlen(line) - 5, "\\\"\"}\n");
	diag_set_json(false);
}

/* raftd's notes are made by its conductor, and told as "%s". */
TEST(messages_that_were_made_elsewhere_are_told_apart_by_their_words)
{
	const char *text;

	capture_start();
	for (unsigned i = 0; i < 12; i++) {
		char note[32];

		snprintf(note, sizeof(note), "member joined name=m%u", i);
		diag_info("raft", "%s", note);
	}
	diag_info("raft", "%s", "member left name=m1");
	text = capture_end();
	assert_int_equal(lines_in(text), 11);
	assert_non_null(strstr(text, "member left name=m1\n"));
}

static unsigned records;

static void
count_record(void *argument, const struct diag_record *record)
{
	assert_ptr_equal(argument, &records);
	assert_true(slice_equal(record->part, SLICE_LITERAL("")));
	assert_true(slice_equal(record->text, SLICE_LITERAL("etcd: a\nb")));
	assert_int_equal(record->level, DIAG_ERROR);
	records++;
}

TEST(a_writer_gets_what_is_said_as_it_is)
{
	diag_set_writer(count_record, &records);
	capture_start();
	diag_say_failure("etcd: %s", "a\nb");
	diag_set_writer(NULL, NULL);
	assert_string_equal(capture_end(), "");
	assert_int_equal(records, 1);
}
