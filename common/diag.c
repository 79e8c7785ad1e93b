/*
 * diag.c - what operators read.
 *
 * The one module with state of its own: there is one log in a process, and a
 * message must not need a way to it through every argument list. Other threads
 * than the loop's must not call it.
 */
#include "common/diag.h"

#include "common/clock.h"
#include "common/diag_format.h"
#include "common/diag_rate.h"
#include "common/limits.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static void tell_held_back(const struct diag_rate_message *message);

static struct {
	const char *program;
	char node[NAME_BYTES_MAX + 1];
	bool levels_set;
	struct diag_levels levels;
	bool json;
	bool keys_hidden;
	void (*writer)(void *argument, const struct diag_record *record);
	void *writer_argument;
	struct diag_rate rate;
} diag = { .program = "-", .node = "-", .rate = { .over = tell_held_back } };

void
diag_start(const char *program)
{
	diag.program = program;
}

void
diag_set_node(const char *name)
{
	size_t size = 0;

	for (; *name != '\0' && size < sizeof(diag.node) - 1; name++)
		diag.node[size++] = *name;
	diag.node[size] = '\0';
}

const char *
diag_node(void)
{
	return diag.node;
}

void
diag_set_levels(const struct diag_levels *levels)
{
	diag.levels = *levels;
	diag.levels_set = true;
}

void
diag_set_level(enum diag_level level)
{
	diag_levels_all(&diag.levels, level);
	diag.levels_set = true;
}

void
diag_set_json(bool json)
{
	diag.json = json;
}

void
diag_set_keys(bool shown)
{
	diag.keys_hidden = !shown;
}

bool
diag_keys(void)
{
	return !diag.keys_hidden;
}

void
diag_set_writer(void (*writer)(void *argument, const struct diag_record *record), void *argument)
{
	diag.writer = writer;
	diag.writer_argument = argument;
}

bool
diag_enabled(enum diag_level level, const char *part)
{
	if (!diag.levels_set)
		diag_set_level(DIAG_INFO);
	return level <= diag.levels.most && level <= diag_levels_of(&diag.levels, part);
}

/* One write for a line, so that lines of several processes do not mix. */
static void
write_to_stderr(const struct diag_record *record)
{
	char text[DIAG_SENTENCE_BYTES_MAX];
	char *line = text;
	size_t size = diag_format(record, DIAG_ON_CONSOLE, diag.json, line);

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
write_record(enum diag_level level, const char *part, const char *text)
{
	struct diag_record record = {
		.level = level,
		.wall_ns = clock_now().wall_ns,
		.node = diag.node,
		.program = diag.program,
		.pid = (long)getpid(),
		.part = slice_text(part),
		.text = slice_text(text),
	};

	if (diag.writer != NULL)
		diag.writer(diag.writer_argument, &record);
	else
		write_to_stderr(&record);
}

static void
tell_held_back(const struct diag_rate_message *message)
{
	char text[DIAG_LINE_BYTES_MAX];

	snprintf(text, sizeof(text), "... repeated %u times: %s", message->held_back,
	    message->words[0] != '\0' ? message->words : message->format);
	write_record(message->level, message->part, text);
}

void
diag_tick(void)
{
	diag_rate_tick(&diag.rate, clock_monotonic_ns());
}

void
diag_line(enum diag_level level, const char *part, const char *format, ...)
{
	char text[DIAG_LINE_BYTES_MAX];
	va_list arguments;

	if (!diag_enabled(level, part))
		return;
	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	if (diag_rate_take(&diag.rate, level, part, format, text, clock_monotonic_ns()))
		write_record(level, part, text);
}

void
diag_made_line(enum diag_level level, const char *part, const char *format, const char *text)
{
	if (diag_enabled(level, part) &&
	    diag_rate_take(&diag.rate, level, part, format, text, clock_monotonic_ns()))
		write_record(level, part, text);
}

void
diag_trace(const char *part, const char *text)
{
	if (diag_enabled(DIAG_TRACE, part))
		write_record(DIAG_TRACE, part, text);
}

PRINTF_LIKE(2, 0) static void
say(enum diag_level level, const char *format, va_list arguments)
{
	char text[DIAG_SENTENCE_BYTES_MAX];

	vsnprintf(text, sizeof(text), format, arguments);
	write_record(level, "", text);
}

void
diag_say(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	say(DIAG_INFO, format, arguments);
	va_end(arguments);
}

void
diag_say_failure(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	say(DIAG_ERROR, format, arguments);
	va_end(arguments);
}
