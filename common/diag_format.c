/*
 * diag_format.c - records as lines (see diag_format.h). Pure.
 */
#include "common/diag_format.h"

#include "common/clock.h"
#include "common/printable.h"

#include <stdio.h>
#include <string.h>

#define NODE_BYTES_MAX 300	/* of a line, however many escapes the name has */
#define PART_BYTES_MAX 64
#define FACILITY_DAEMON (3 << 3)

/* Almost everything is: so much of text needs no escape, as text or as JSON. */
static size_t
ascii_size(struct slice text)
{
	size_t size = 0;

	while (size < text.size && text.data[size] >= ' ' && text.data[size] < 0x7f &&
	    text.data[size] != '"' && text.data[size] != '\\')
		size++;
	return size;
}

/* Append that; returns the new size. */
static size_t
take_ascii(char *line, size_t size, size_t limit, struct slice *text)
{
	size_t taken = MIN_OF(ascii_size(*text), limit - MIN_OF(size, limit));

	memcpy(line + size, text->data, taken);
	*text = slice_of(text->data + taken, text->size - taken);
	return size + taken;
}

size_t
diag_escape(char *line, size_t size, size_t limit, struct slice text)
{
	if (text.size > 0)
		size = take_ascii(line, size, limit, &text);
	while (text.size > 0) {
		size_t bytes = printable_size(text);
		size_t taken = MAX_OF(bytes, (size_t)1);
		char piece[8];

		if (bytes == 0)
			snprintf(piece, sizeof(piece), "\\x%02x", text.data[0]);
		if (size + (bytes == 0 ? strlen(piece) : bytes) > limit)
			break;
		memcpy(line + size, bytes == 0 ? piece : (const char *)text.data,
		    bytes == 0 ? strlen(piece) : bytes);
		size += bytes == 0 ? strlen(piece) : bytes;
		text = slice_of(text.data + taken, text.size - taken);
	}
	return size;
}

size_t
diag_escape_json(char *line, size_t size, size_t limit, struct slice text)
{
	if (text.size > 0)
		size = take_ascii(line, size, limit, &text);
	while (text.size > 0) {
		size_t taken = printable_size(text);
		char piece[PRINTABLE_ESCAPE_BYTES];

		if (taken == 0)
			taken = printable_json_escape(text, piece);
		else
			snprintf(piece, sizeof(piece), "%s%.*s",
			    text.data[0] == '"' || text.data[0] == '\\' ? "\\" : "", (int)taken,
			    (const char *)text.data);
		if (size + strlen(piece) > limit)
			break;
		memcpy(line + size, piece, strlen(piece));
		size += strlen(piece);
		text = slice_of(text.data + taken, text.size - taken);
	}
	return size;
}

/* What is ours and needs no escapes. */
static size_t
put(char *line, size_t size, const char *text)
{
	memcpy(line + size, text, strlen(text));
	return size + strlen(text);
}

/* As syslog(3) has them. */
static int
priority(enum diag_level level)
{
	switch (level) {
	case DIAG_ERROR:
		return 3;
	case DIAG_WARN:
		return 4;
	case DIAG_INFO:
		return 6;
	case DIAG_DEBUG:
	case DIAG_TRACE:
		break;
	}
	return 7;
}

static struct slice
part_of(const struct diag_record *record)
{
	return record->part.size == 0 ? SLICE_LITERAL("say") : record->part;
}

static size_t
put_json(char *line, size_t size, size_t limit, const struct diag_record *record)
{
	char time[CLOCK_TEXT_BYTES], middle[128];

	clock_format(record->wall_ns, 3, false, time);
	size = put(line, size, "{\"time\":\"");
	size = put(line, size, time);
	size = put(line, size, "\",\"node\":\"");
	size = diag_escape_json(line, size, size + NODE_BYTES_MAX, slice_text(record->node));
	snprintf(middle, sizeof(middle),
	    "\",\"proc\":\"%s\",\"pid\":%ld,\"level\":\"%s\",\"part\":\"", record->program,
	    record->pid, diag_level_name(record->level));
	size = put(line, size, middle);
	size = diag_escape_json(line, size, size + PART_BYTES_MAX, part_of(record));
	size = put(line, size, "\",\"msg\":\"");
	size = diag_escape_json(line, size, limit - strlen("\"}"), record->text);
	return put(line, size, "\"}");
}

static size_t
put_time(char *line, const struct diag_record *record)
{
	char time[CLOCK_TEXT_BYTES];

	clock_format(record->wall_ns, 3, false, time);
	return put(line, put(line, 0, time), " ");
}

/* The local time, as those who read such datagrams expect it. */
static size_t
put_syslog_head(char *line, const struct diag_record *record)
{
	char head[96], time[CLOCK_TEXT_BYTES];

	clock_format_local(record->wall_ns, time);
	snprintf(head, sizeof(head), "<%d>%s %s[%ld]: ", FACILITY_DAEMON + priority(record->level),
	    time, record->program, record->pid);
	return put(line, 0, head);
}

static size_t
put_process(char *line, size_t size, const struct diag_record *record)
{
	char text[64];

	snprintf(text, sizeof(text), " %s[%ld]", record->program, record->pid);
	return put(line, size, text);
}

static size_t
put_words(char *line, size_t size, size_t limit, const struct diag_record *record)
{
	char text[16];

	snprintf(text, sizeof(text), " %s ", diag_level_name(record->level));
	size = put(line, size, text);
	size = diag_escape(line, size, size + PART_BYTES_MAX, part_of(record));
	size = put(line, size, ": ");
	return diag_escape(line, size, limit, record->text);
}

size_t
diag_format(const struct diag_record *record, enum diag_place place, bool json,
    char line[DIAG_SENTENCE_BYTES_MAX])
{
	size_t limit = DIAG_LINE_BYTES_MAX - 1;	/* room for the line's end */
	bool sentence = record->part.size == 0;
	size_t size = 0;
	char text[8];

	switch (place) {
	case DIAG_ON_CONSOLE:
		if (sentence && !json) {
			size = diag_escape(line, 0, DIAG_SENTENCE_BYTES_MAX - 1, record->text);
			line[size++] = '\n';
			return size;
		}
		break;
	case DIAG_IN_FILE:
		break;
	case DIAG_IN_JOURNAL:
		snprintf(text, sizeof(text), "<%d>", priority(record->level));
		size = put(line, 0, text);
		break;
	case DIAG_IN_SYSLOG:
		size = put_syslog_head(line, record);
		break;
	}
	if (json) {
		size = put_json(line, size, limit, record);
	} else if (sentence && place == DIAG_IN_JOURNAL) {
		size = diag_escape(line, size, limit, record->text);
	} else {
		if (place == DIAG_ON_CONSOLE || place == DIAG_IN_FILE)
			size = put_time(line, record);
		size = diag_escape(line, size, size + NODE_BYTES_MAX, slice_text(record->node));
		if (place != DIAG_IN_SYSLOG)
			size = put_process(line, size, record);
		size = put_words(line, size, limit, record);
	}
	if (place != DIAG_IN_SYSLOG)
		line[size++] = '\n';
	return size;
}
