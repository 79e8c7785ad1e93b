/* Tests of common/diag_format.c: every form of a line. */
#include "tests/lib/test.h"

#include "common/diag_format.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#define WALL_NS UINT64_C(1763825363647000000)	/* 2025-11-22T15:29:23.647Z */

static const char *
format(struct slice part, const char *text, enum diag_level level, enum diag_place place, bool json)
{
	static char line[DIAG_SENTENCE_BYTES_MAX + 1];
	struct diag_record record = { .level = level, .wall_ns = WALL_NS, .node = "machine1",
		.program = "raftd", .pid = 4712, .part = part, .text = slice_text(text) };
	size_t size = diag_format(&record, place, json, line);

	assert_true(size <= DIAG_SENTENCE_BYTES_MAX);
	line[size] = '\0';
	return line;
}

static const char *
line_of(const char *text, enum diag_level level, enum diag_place place, bool json)
{
	return format(SLICE_LITERAL("raft"), text, level, place, json);
}

TEST(a_line_in_every_form)
{
	static const char text[] = "became leader term=3";

	setenv("TZ", "UTC", 1);
	tzset();
	assert_string_equal(line_of(text, DIAG_INFO, DIAG_IN_FILE, false),
	    "2025-11-22T15:29:23.647Z machine1 raftd[4712] info raft: became leader term=3\n");
	assert_string_equal(line_of(text, DIAG_INFO, DIAG_ON_CONSOLE, false),
	    "2025-11-22T15:29:23.647Z machine1 raftd[4712] info raft: became leader term=3\n");
	assert_string_equal(line_of(text, DIAG_INFO, DIAG_IN_JOURNAL, false),
	    "<6>machine1 raftd[4712] info raft: became leader term=3\n");
	assert_string_equal(line_of(text, DIAG_WARN, DIAG_IN_SYSLOG, false),
	    "<28>Nov 22 15:29:23 raftd[4712]: machine1 warn raft: became leader term=3");
	assert_string_equal(line_of(text, DIAG_INFO, DIAG_IN_FILE, true),
	    "{\"time\":\"2025-11-22T15:29:23.647Z\",\"node\":\"machine1\",\"proc\":\"raftd\","
	    "\"pid\":4712,\"level\":\"info\",\"part\":\"raft\",\"msg\":\"became leader "
	    "term=3\"}\n");
	assert_true(strncmp(line_of(text, DIAG_ERROR, DIAG_IN_JOURNAL, true), "<3>{\"time\"",
	    10) == 0);
	assert_true(strncmp(line_of(text, DIAG_DEBUG, DIAG_IN_SYSLOG, true),
	    "<31>Nov 22 15:29:23 raftd[4712]: {\"time\"", 39) == 0);
}

TEST(a_sentence_stands_alone_where_a_person_reads_it)
{
	assert_string_equal(format(SLICE_EMPTY, "ready", DIAG_INFO, DIAG_ON_CONSOLE, false),
	    "ready\n");
	assert_string_equal(format(SLICE_EMPTY, "ready", DIAG_ERROR, DIAG_IN_JOURNAL, false),
	    "<3>ready\n");
	assert_string_equal(format(SLICE_EMPTY, "ready", DIAG_INFO, DIAG_IN_FILE, false),
	    "2025-11-22T15:29:23.647Z machine1 raftd[4712] info say: ready\n");
}

TEST(nothing_from_outside_reaches_a_terminal_or_makes_a_line)
{
	const char *line = line_of("a\nb\x1b[31m\x7f\xc3\xa9 \x9b \xc2\x9b \xff", DIAG_INFO,
	    DIAG_IN_FILE, false);

	assert_non_null(strstr(line, ": a\\x0ab\\x1b[31m\\x7f\xc3\xa9 \\x9b \\xc2\\x9b \\xff\n"));
	line = line_of("\" \\ \n \xc3\xa9 \xc2\x9b \xff", DIAG_INFO, DIAG_IN_FILE, true);
	assert_non_null(strstr(line,
	    "\"msg\":\"\\\" \\\\ \\u000a \xc3\xa9 \\u009b \\ufffd\"}\n"));
	/* Nor does it turn a line round or hide in it. */
	line = line_of("\xe2\x80\xae \xe2\x80\x8b", DIAG_INFO, DIAG_ON_CONSOLE, false);
	assert_non_null(strstr(line, ": \\xe2\\x80\\xae \\xe2\\x80\\x8b\n"));
	line = line_of("\xe2\x80\xae \xf3\xa0\x81\x81", DIAG_INFO, DIAG_IN_JOURNAL, true);
	assert_non_null(strstr(line, "\"msg\":\"\\u202e \\udb40\\udc41\"}\n"));
	/* A part comes from a child, who may be anybody. */
	line = format(SLICE_LITERAL("\n\""), "x", DIAG_INFO, DIAG_IN_FILE, true);
	assert_non_null(strstr(line, "\"part\":\"\\u000a\\\"\""));
}

TEST(no_line_is_longer_than_a_kibibyte_in_any_form)
{
	static const enum diag_place places[] = { DIAG_ON_CONSOLE, DIAG_IN_FILE, DIAG_IN_JOURNAL,
		DIAG_IN_SYSLOG };
	char text[5000], node[300];

	for (int byte = 1; byte < 256; byte++) {
		memset(text, byte, sizeof(text) - 1);
		text[sizeof(text) - 1] = '\0';
		memset(node, byte, sizeof(node) - 1);
		node[sizeof(node) - 1] = '\0';
		for (size_t i = 0; i < 2 * ARRAY_COUNT(places); i++) {
			struct diag_record record = { .level = DIAG_TRACE, .wall_ns = UINT64_MAX,
				.node = node, .program = "supervisor", .pid = 2147483647,
				.part = slice_text(text), .text = slice_text(text) };
			char line[DIAG_SENTENCE_BYTES_MAX];

			assert_true(diag_format(&record, places[i / 2], i % 2 == 1, line) <=
			    DIAG_LINE_BYTES_MAX);
			record.part = SLICE_EMPTY;
			assert_true(diag_format(&record, places[i / 2], i % 2 == 1, line) <=
			    DIAG_SENTENCE_BYTES_MAX);
		}
	}
}
