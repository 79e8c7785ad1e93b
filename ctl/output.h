/*
 * output.h - the one way out: everything that etcdctl prints goes through here, also
 * tables within 80 columns, colours, progress, and the question before what cannot be
 * undone.
 *
 * What goes to a terminal is printable text (common/printable.h), whoever wrote it;
 * into a pipe or a file bytes go as they are. Standard output and standard error are
 * judged each for itself. tests/tidy/terminal sees to it that nothing in ctl/ prints
 * past this file.
 */
#ifndef MOOTHALL_CTL_OUTPUT_H
#define MOOTHALL_CTL_OUTPUT_H

#include "common/buf.h"
#include "common/json_put.h"
#include "ctl/arguments.h"

#include <stdio.h>

enum output_format { FORMAT_SIMPLE, FORMAT_EXTENDED, FORMAT_JSON };

enum color { COLOR_NONE, COLOR_GOOD, COLOR_BAD, COLOR_FAINT };

struct output {
	enum output_format format;
	bool wide;
	bool out_is_terminal;
	bool err_is_terminal;
	bool out_colors;
};

void output_init(struct output *out, const struct ctl_arguments *arguments);

/* ---- to standard output ---- */

/* Lines of ours, with newlines where the format has them. A string in them is a part of
 * its line: on a terminal a newline of it is spelled as well (ctl/format.h). */
void output_print(const struct output *out, const char *format, ...) PRINTF_LIKE(2, 3);
/* Text that may have lines of its own, such as a value. */
void output_text(const struct output *out, struct slice text);
/* JSON; on a terminal it means the same in other letters. */
void output_json(const struct output *out, struct slice json);
/* What was written so far and a newline; then json begins anew. */
void output_json_line(const struct output *out, struct json_put *json);
/* Whoever reads a pipe gets now what was printed. False: something could not be written. */
bool output_flush(void);

/* ---- to standard error, behind what was printed ---- */

/* As output_print. */
void output_say(const char *format, ...) PRINTF_LIKE(1, 2);
void output_say_json(struct slice json);
/* "etcdctl: TEXT" and a newline; returns code. */
int output_fail(int code, const char *format, ...) PRINTF_LIKE(2, 3);
/* "Error: TEXT" and a newline, as the commands of v3 have it; returns code. */
int output_error(int code, const char *format, ...) PRINTF_LIKE(2, 3);
/* To a terminal that was opened for it. */
void output_ask(FILE *terminal, const char *format, ...) PRINTF_LIKE(2, 3);

/* ---- text ---- */

/* "7.9 MiB", "512 B"; "1.2 s", "35 ms", "740 us"; "12 s", "3 min", "2 h", "5 d". */
#define OUTPUT_TEXT_BYTES 32
const char *output_size(uint64_t bytes, char text[OUTPUT_TEXT_BYTES]);
const char *output_time(uint64_t ns, char text[OUTPUT_TEXT_BYTES]);
const char *output_age(uint64_t seconds, char text[OUTPUT_TEXT_BYTES]);

/* ---- tables ---- */

#define TABLE_COLUMNS_MAX 10

struct table_column {
	const char *title;
	bool right;		/* numbers */
	bool shrinks;		/* cut first when the line is too long */
};

struct table {
	const struct table_column *columns;
	size_t column_count;
	struct table_cell {
		char *text;
		enum color color;
	} *cells;		/* row by row */
	size_t cell_count, cell_capacity;
};

void table_init(struct table *table, const struct table_column *columns, size_t count);
void table_free(struct table *table);
/* The next cell. It is spelled wherever the table goes: a newline would be a row of its own. */
void table_add(struct table *table, enum color color, const char *format, ...)
    PRINTF_LIKE(3, 4);
/* Append the table as text: not above 80 columns unless wide, or what may not be cut
 * needs more. */
void table_render(const struct table *table, bool wide, bool colors, struct buf *text);
void table_print(const struct output *out, const struct table *table);

/* ---- progress ---- */

struct output_progress {
	const struct output *out;
	const char *what;	/* words of ours */
	uint64_t begun_ns, shown_ns;
	bool shown;
};

/* Nothing is shown in the first second. */
void output_progress_begin(struct output_progress *progress, const struct output *out,
    const char *what);
/* total 0: not known. On a terminal one line, at most 10 times a second; else a
 * line every 10 s. */
void output_progress_show(struct output_progress *progress, uint64_t done, uint64_t total);
void output_progress_end(struct output_progress *progress);

/* ---- asking ---- */

/*
 * Print what will be done and ask. True: go on. Without a terminal --yes has to
 * stand in the command line: else the sentence says so and the answer is no.
 */
bool output_confirm(const struct output *out, const struct ctl_arguments *arguments,
    const char *what) MUST_CHECK;

#endif
