/*
 * output.h - what people read: tables within 80 columns, sizes, colours,
 * progress, and the question before what cannot be undone.
 *
 * Whether a stream is a terminal is looked at once, by output_init.
 */
#ifndef MOOTHALL_CTL_OUTPUT_H
#define MOOTHALL_CTL_OUTPUT_H

#include "common/buf.h"
#include "ctl/arguments.h"

enum output_format { FORMAT_SIMPLE, FORMAT_EXTENDED, FORMAT_JSON };

enum color { COLOR_NONE, COLOR_GOOD, COLOR_BAD, COLOR_FAINT };

struct output {
	enum output_format format;
	bool wide;
	bool out_is_terminal;
	bool err_is_terminal;
	bool out_colors;
};

void output_init(struct output *out, const struct arguments *arguments);

/* "etcdctl: TEXT" on standard error; returns code. */
int output_fail(int code, const char *format, ...) PRINTF_LIKE(2, 3);

/* ---- text ---- */

/* "7.9 MiB", "512 B"; "1.2 s", "35 ms", "740 us"; "12 s", "3 min", "2 h", "5 d". */
#define OUTPUT_TEXT_BYTES 32
const char *output_size(uint64_t bytes, char text[OUTPUT_TEXT_BYTES]);
const char *output_time(uint64_t ns, char text[OUTPUT_TEXT_BYTES]);
const char *output_age(uint64_t seconds, char text[OUTPUT_TEXT_BYTES]);

/* To standard output. On a terminal control bytes are shown as '?', so that no
 * name from a cluster can move the cursor; elsewhere bytes go out as they are. */
void output_name(const struct output *out, struct slice text);

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
/* The next cell; text is copied. */
void table_add(struct table *table, enum color color, const char *format, ...)
    PRINTF_LIKE(3, 4);
/* Append the table as text: not above 80 columns unless wide, or what may not be cut
 * needs more. */
void table_render(const struct table *table, bool wide, bool colors, struct buf *text);
void table_print(const struct output *out, const struct table *table);

/* ---- progress ---- */

struct progress {
	const struct output *out;
	const char *what;
	uint64_t begun_ns, shown_ns;
	bool shown;
};

/* Nothing is shown in the first second. */
void progress_begin(struct progress *progress, const struct output *out, const char *what);
/* total 0: not known. On a terminal one line, at most 10 times a second; else a
 * line every 10 s. */
void progress_show(struct progress *progress, uint64_t done, uint64_t total);
void progress_end(struct progress *progress);

/* ---- asking ---- */

/*
 * Print what will be done and ask. True: go on. Without a terminal --yes has to
 * stand in the command line: else the sentence says so and the answer is no.
 */
bool output_confirm(const struct output *out, const struct arguments *arguments,
    const char *what) MUST_CHECK;

#endif
