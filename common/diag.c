/*
 * diag.c - what operators read.
 *
 * The one module with state of its own: there is one standard error in a
 * process, and a message must not need a way to it through every argument
 * list. Other threads than the loop's must not call it.
 *
 * Rate: a format string is the identity of a message. Each has a window of
 * WINDOW_NS from its first line; lines beyond LINES_PER_WINDOW in it are
 * counted, and told as one line when the window is over and any line is made.
 * At most FORMATS_MAX formats are followed; the one of the oldest window
 * makes room.
 */
#include "common/diag.h"
#include "common/clock.h"
#include "common/limits.h"
#include "common/utf8.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define LINE_BYTES_MAX 1024
#define SENTENCE_BYTES_MAX 4096
#define NODE_BYTES_MAX 300	/* of a line, however many escapes the name has */
#define FORMATS_MAX 64
#define WINDOW_NS (5 * NS_PER_SECOND)
#define LINES_PER_WINDOW 10

struct rate {
	const char *format;	/* NULL: free */
	const char *part;
	enum diag_level level;
	uint64_t window_start_ns;
	unsigned lines;
	unsigned held_back;
};

static struct {
	const char *program;
	char node[NAME_BYTES_MAX + 1];
	enum diag_level level;
	bool json;
	struct rate rates[FORMATS_MAX];
} diag = { .program = "-", .node = "-", .level = DIAG_INFO };

static const char *const level_names[] = {
	[DIAG_ERROR] = "error",
	[DIAG_WARN] = "warn",
	[DIAG_INFO] = "info",
	[DIAG_DEBUG] = "debug",
	[DIAG_TRACE] = "trace",
};

void
diag_start(const char *program)
{
	diag.program = program;
}

/* Append text to line with control bytes as \xNN, up to limit bytes; returns the new size. */
static size_t
append_escaped(char *line, size_t size, size_t limit, const char *text)
{
	static const char hex[] = "0123456789abcdef";

	for (; *text != '\0'; text++) {
		unsigned char byte = (unsigned char)*text;
		bool is_control = byte < 0x20 || byte == 0x7f;

		if (size + (is_control ? 4 : 1) > limit)
			break;
		if (is_control) {
			line[size++] = '\\';
			line[size++] = 'x';
			line[size++] = hex[byte >> 4];
			line[size++] = hex[byte & 15];
		} else {
			line[size++] = (char)byte;
		}
	}
	return size;
}

void
diag_set_node(const char *name)
{
	size_t size = 0;

	for (; *name != '\0' && size < sizeof(diag.node) - 1; name++)
		diag.node[size++] = *name;
	diag.node[size] = '\0';
}

void
diag_set_level(enum diag_level level)
{
	diag.level = level;
}

bool
diag_level_parse(const char *text, enum diag_level *level)
{
	for (size_t i = 0; i < ARRAY_COUNT(level_names); i++) {
		if (strcmp(text, level_names[i]) == 0) {
			*level = (enum diag_level)i;
			return true;
		}
	}
	return false;
}

void
diag_set_json(bool json)
{
	diag.json = json;
}

bool
diag_enabled(enum diag_level level)
{
	return level <= diag.level;
}

/* The same as the inside of a JSON string: also quotes, and what is no UTF-8. */
static size_t
append_json(char *line, size_t size, size_t limit, const char *text)
{
	struct slice rest = slice_text(text);

	while (rest.size > 0) {
		size_t bytes = utf8_size(rest);
		char piece[8];

		if (bytes == 0)
			snprintf(piece, sizeof(piece), "\\ufffd");
		else if (rest.data[0] < ' ' || rest.data[0] == 0x7f)
			snprintf(piece, sizeof(piece), "\\u%04x", rest.data[0]);
		else
			snprintf(piece, sizeof(piece), "%s%.*s",
			    rest.data[0] == '"' || rest.data[0] == '\\' ? "\\" : "", (int)bytes,
			    (const char *)rest.data);
		if (size + strlen(piece) > limit)
			break;
		memcpy(line + size, piece, strlen(piece));
		size += strlen(piece);
		rest = slice_of(rest.data + MAX_OF(bytes, (size_t)1), rest.size - MAX_OF(bytes, (size_t)1));
	}
	return size;
}

/* One write for a line, so that lines of several processes do not mix. */
static void
write_line(char *line, size_t size)
{
	line[size++] = '\n';
	while (size > 0) {
		ssize_t written = write(STDERR_FILENO, line, size);

		/* Nobody is left to be told that nobody listens. */
		if (written <= 0)
			return;
		line += written;
		size -= (size_t)written;
	}
}

static void
write_json(enum diag_level level, const char *part, const char *text)
{
	char line[LINE_BYTES_MAX], time[CLOCK_TEXT_BYTES], middle[128];
	size_t limit = sizeof(line) - sizeof("\"}\n");
	size_t size;

	clock_format(clock_now().wall_ns, 3, false, time);
	size = (size_t)snprintf(line, sizeof(line), "{\"time\":\"%s\",\"node\":\"", time);
	size = append_json(line, size, size + NODE_BYTES_MAX, diag.node);
	/* What is written here is ours and needs no escapes. */
	snprintf(middle, sizeof(middle), "\",\"proc\":\"%s\",\"pid\":%ld,\"level\":\"%s\","
	    "\"part\":\"%s\",\"msg\":\"", diag.program, (long)getpid(), level_names[level], part);
	memcpy(line + size, middle, strlen(middle));
	size = append_json(line, size + strlen(middle), limit, text);
	line[size++] = '"';
	line[size++] = '}';
	write_line(line, size);
}

static void
write_text(enum diag_level level, const char *part, const char *text)
{
	char line[LINE_BYTES_MAX], time[CLOCK_TEXT_BYTES], middle[96];
	size_t limit = sizeof(line) - 1;	/* room for the line's end */
	size_t size;

	if (diag.json) {
		write_json(level, part, text);
		return;
	}
	clock_format(clock_now().wall_ns, 3, false, time);
	size = append_escaped(line, 0, limit, time);
	line[size++] = ' ';
	size = append_escaped(line, size, limit, diag.node);
	snprintf(middle, sizeof(middle), " %s[%ld] %s %s: ", diag.program, (long)getpid(),
	    level_names[level], part);
	size = append_escaped(line, size, limit, middle);
	size = append_escaped(line, size, limit, text);
	write_line(line, size);
}

/* The window is over: say what was held back, and make the slot free. */
static void
close_window(struct rate *rate)
{
	char text[LINE_BYTES_MAX];

	if (rate->held_back > 0) {
		snprintf(text, sizeof(text), "repeated %u times: %s", rate->held_back,
		    rate->format);
		write_text(rate->level, rate->part, text);
	}
	rate->format = NULL;
}

/* True if a line of this format may be written now; else it is counted. */
static bool
take_rate(enum diag_level level, const char *part, const char *format)
{
	uint64_t now_ns = clock_monotonic_ns();
	struct rate *found = NULL, *room = &diag.rates[0];

	for (size_t i = 0; i < FORMATS_MAX; i++) {
		struct rate *rate = &diag.rates[i];

		if (rate->format != NULL && now_ns - rate->window_start_ns >= WINDOW_NS)
			close_window(rate);
		if (rate->format == format)
			found = rate;
		if (rate->format == NULL || (room->format != NULL &&
		    rate->window_start_ns < room->window_start_ns))
			room = rate;
	}
	if (found == NULL) {
		if (room->format != NULL)
			close_window(room);
		*room = (struct rate){ .format = format, .part = part, .level = level,
			.window_start_ns = now_ns };
		found = room;
	}
	if (found->lines == LINES_PER_WINDOW) {
		found->held_back++;
		return false;
	}
	found->lines++;
	return true;
}

void
diag_line(enum diag_level level, const char *part, const char *format, ...)
{
	char text[LINE_BYTES_MAX];
	va_list arguments;

	if (!diag_enabled(level) || !take_rate(level, part, format))
		return;
	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	write_text(level, part, text);
}

void
diag_say(const char *format, ...)
{
	char text[SENTENCE_BYTES_MAX], line[SENTENCE_BYTES_MAX];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	if (diag.json)
		write_json(DIAG_INFO, "say", text);
	else
		write_line(line, append_escaped(line, 0, sizeof(line) - 1, text));
}
