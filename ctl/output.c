/*
 * output.c - the way out, texts, tables, progress and questions (see output.h).
 */
#include "ctl/output.h"

#include "common/clock.h"
#include "common/printable.h"
#include "common/program.h"
#include "common/utf8.h"
#include "common/xmem.h"
#include "ctl/format.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define WIDTH_MAX 80
#define GAP 2			/* blanks between columns */
#define SHOWN_EVERY_NS (NS_PER_SECOND / 10)
#define TOLD_EVERY_NS (10 * NS_PER_SECOND)
#define QUIET_NS NS_PER_SECOND
#define WIPE "\r\033[K"		/* the line that the cursor is in */

static bool
may_color(const char *choice, bool is_terminal)
{
	const char *terminal = getenv("TERM");
	const char *no_color = getenv("NO_COLOR");

	if (strcmp(choice, "auto") != 0)
		return strcmp(choice, "always") == 0;
	return is_terminal && (terminal == NULL || strcmp(terminal, "dumb") != 0) &&
	    (no_color == NULL || no_color[0] == '\0');
}

static bool
err_is_terminal(void)
{
	return isatty(STDERR_FILENO) == 1;
}

void
output_init(struct output *out, const struct ctl_arguments *arguments)
{
	const char *format = ctl_arguments_text(arguments, OPT_OUTPUT);
	const char *choice = ctl_arguments_text(arguments, OPT_COLOR);

	/* The other grammar has forms of its own, and no colours. */
	if (format == NULL)
		format = "simple";
	out->format = strcmp(format, "json") == 0 ? FORMAT_JSON :
	    strcmp(format, "extended") == 0	  ? FORMAT_EXTENDED :
						    FORMAT_SIMPLE;
	out->wide = ctl_arguments_flag(arguments, OPT_WIDE);
	out->out_is_terminal = isatty(STDOUT_FILENO) == 1;
	out->err_is_terminal = err_is_terminal();
	out->out_colors = may_color(choice == NULL ? "never" : choice, out->out_is_terminal);
}

/* ---- the way out --------------------------------------------------------------- */

enum content {
	CONTENT_TEXT,
	CONTENT_JSON,
	CONTENT_OWN,	/* colours and wiping, and nothing else that was not spelled before */
};

/* Everything that this program prints comes by here. */
static void
emit(FILE *stream, bool is_terminal, struct slice text, enum content content)
{
	struct buf shown = BUF_INIT;

	if (is_terminal && content != CONTENT_OWN) {
		if (content == CONTENT_JSON)
			printable_put_json(&shown, text);
		else
			printable_put_lines(&shown, text);
		text = buf_slice(&shown);
	}
	if (text.size > 0)
		fwrite(text.data, 1, text.size, stream);
	buf_free(&shown);
}

PRINTF_LIKE(3, 0) static void
emit_format(FILE *stream, bool is_terminal, const char *format, va_list values)
{
	struct buf text = BUF_INIT;

	format_put(&text, is_terminal, format, values);
	emit(stream, is_terminal, buf_slice(&text), CONTENT_TEXT);
	buf_free(&text);
}

void
output_print(const struct output *out, const char *format, ...)
{
	va_list values;

	va_start(values, format);
	emit_format(stdout, out->out_is_terminal, format, values);
	va_end(values);
}

void
output_text(const struct output *out, struct slice text)
{
	emit(stdout, out->out_is_terminal, text, CONTENT_TEXT);
}

void
output_json(const struct output *out, struct slice json)
{
	emit(stdout, out->out_is_terminal, json, CONTENT_JSON);
}

void
output_json_line(const struct output *out, struct json_put *json)
{
	buf_append_byte(json->out, '\n');
	output_json(out, buf_slice(json->out));
	buf_clear(json->out);
	*json = json_put_into(json->out);
}

bool
output_flush(void)
{
	return fflush(stdout) == 0 && !ferror(stdout);
}

void
output_say(const char *format, ...)
{
	va_list values;

	fflush(stdout);
	va_start(values, format);
	emit_format(stderr, err_is_terminal(), format, values);
	va_end(values);
}

void
output_say_json(struct slice json)
{
	fflush(stdout);
	emit(stderr, err_is_terminal(), json, CONTENT_JSON);
}

int
output_error(int code, const char *format, ...)
{
	struct buf text = BUF_INIT;
	va_list values;

	va_start(values, format);
	format_put(&text, err_is_terminal(), format, values);
	va_end(values);
	output_say("Error: %.*s\n", SLICE_ARGS(text));
	buf_free(&text);
	return code;
}

int
output_fail(int code, const char *format, ...)
{
	bool is_terminal = err_is_terminal();
	struct buf text = BUF_INIT;
	va_list values;

	fflush(stdout);
	buf_printf(&text, "%s: ", program_own());
	va_start(values, format);
	format_put(&text, is_terminal, format, values);
	va_end(values);
	buf_append_byte(&text, '\n');
	emit(stderr, is_terminal, buf_slice(&text), CONTENT_TEXT);
	buf_free(&text);
	return code;
}

void
output_ask(FILE *terminal, const char *format, ...)
{
	va_list values;

	va_start(values, format);
	emit_format(terminal, true, format, values);
	va_end(values);
	fflush(terminal);
}

/* ---- text ---------------------------------------------------------------------- */

const char *
output_size(uint64_t bytes, char text[OUTPUT_TEXT_BYTES])
{
	static const char *const units[] = { "KiB", "MiB", "GiB", "TiB" };
	double size = (double)bytes / 1024;
	size_t unit = 0;

	if (bytes < 1024) {
		snprintf(text, OUTPUT_TEXT_BYTES, "%" PRIu64 " B", bytes);
		return text;
	}
	/* From 1023.95 on it would be rounded to 1024.0. */
	while (size >= 1023.95 && unit + 1 < ARRAY_COUNT(units)) {
		size /= 1024;
		unit++;
	}
	snprintf(text, OUTPUT_TEXT_BYTES, "%.1f %s", size, units[unit]);
	return text;
}

const char *
output_time(uint64_t ns, char text[OUTPUT_TEXT_BYTES])
{
	if (ns < 999500)
		snprintf(text, OUTPUT_TEXT_BYTES, "%.0f us", (double)ns / 1e3);
	else if (ns < 9950000)
		snprintf(text, OUTPUT_TEXT_BYTES, "%.1f ms", (double)ns / 1e6);
	else if (ns < 999500000)
		snprintf(text, OUTPUT_TEXT_BYTES, "%.0f ms", (double)ns / 1e6);
	else
		snprintf(text, OUTPUT_TEXT_BYTES, "%.1f s", (double)ns / 1e9);
	return text;
}

const char *
output_age(uint64_t seconds, char text[OUTPUT_TEXT_BYTES])
{
	if (seconds < 120)
		snprintf(text, OUTPUT_TEXT_BYTES, "%" PRIu64 " s", seconds);
	else if (seconds < 7200)
		snprintf(text, OUTPUT_TEXT_BYTES, "%" PRIu64 " min", seconds / 60);
	else if (seconds < UINT64_C(172800))
		snprintf(text, OUTPUT_TEXT_BYTES, "%" PRIu64 " h", seconds / 3600);
	else
		snprintf(text, OUTPUT_TEXT_BYTES, "%" PRIu64 " d", seconds / 86400);
	return text;
}

/* ---- tables -------------------------------------------------------------------- */

void
table_init(struct table *table, const struct table_column *columns, size_t count)
{
	ASSERT(count <= TABLE_COLUMNS_MAX);
	*table = (struct table){ .columns = columns, .column_count = count };
}

void
table_free(struct table *table)
{
	for (size_t i = 0; i < table->cell_count; i++)
		free(table->cells[i].text);
	free(table->cells);
	*table = (struct table){ 0 };
}

void
table_add(struct table *table, enum color color, const char *format, ...)
{
	struct buf text = BUF_INIT, shown = BUF_INIT;
	va_list values;

	va_start(values, format);
	format_put(&text, false, format, values);
	va_end(values);
	printable_put(&shown, buf_slice(&text));
	buf_append_byte(&shown, '\0');
	buf_free(&text);
	table->cells = xgrow(table->cells, &table->cell_capacity, table->cell_count + 1,
	    sizeof(*table->cells));
	table->cells[table->cell_count++] = (struct table_cell){ (char *)shown.data, color };
}

/* Columns on the screen: characters, not bytes. */
static size_t
width_of(const char *text)
{
	struct slice rest = slice_text(text);
	size_t width = 0;

	while (rest.size > 0) {
		size_t size = MAX_OF(utf8_size(rest), 1U);

		rest = slice_of(rest.data + size, rest.size - size);
		width++;
	}
	return width;
}

static void
measure(const struct table *table, bool wide, size_t widths[TABLE_COLUMNS_MAX])
{
	size_t total = 0;

	for (size_t i = 0; i < table->column_count; i++)
		widths[i] = strlen(table->columns[i].title);
	for (size_t i = 0; i < table->cell_count; i++) {
		size_t column = i % table->column_count;

		widths[column] = MAX_OF(widths[column], width_of(table->cells[i].text));
	}
	for (size_t i = 0; i < table->column_count; i++)
		total += widths[i] + (i == 0 ? 0 : GAP);
	while (!wide && total > WIDTH_MAX) {
		size_t widest = SIZE_MAX;

		for (size_t i = 0; i < table->column_count; i++) {
			if (table->columns[i].shrinks && widths[i] > 8 &&
			    (widest == SIZE_MAX || widths[i] > widths[widest]))
				widest = i;
		}
		if (widest == SIZE_MAX)
			return;
		widths[widest]--;
		total--;
	}
}

static const char *
color_code(enum color color)
{
	switch (color) {
	case COLOR_GOOD:
		return "\033[32m";
	case COLOR_BAD:
		return "\033[31m";
	case COLOR_FAINT:
		return "\033[2m";
	case COLOR_NONE:
		break;
	}
	return "";
}

/* As many characters as fit; three dots when something is cut. */
static void
put_cut(struct buf *text, const char *cell, size_t width)
{
	struct slice rest = slice_text(cell);
	bool cut = width_of(cell) > width;
	size_t room = cut ? width - 3 : width;

	while (rest.size > 0 && room > 0) {
		size_t size = MAX_OF(utf8_size(rest), 1U);

		buf_append(text, rest.data, size);
		rest = slice_of(rest.data + size, rest.size - size);
		room--;
	}
	if (cut)
		buf_append_text(text, "...");
}

static void
put_cell(struct buf *text, const char *cell, size_t width, bool right, bool last, const char *code)
{
	size_t shown = MIN_OF(width_of(cell), width);

	for (size_t i = shown; right && i < width; i++)
		buf_append_byte(text, ' ');
	buf_append_text(text, code);
	put_cut(text, cell, width);
	if (code[0] != '\0')
		buf_append_text(text, "\033[0m");
	for (size_t i = shown; !right && !last && i < width; i++)
		buf_append_byte(text, ' ');
	if (!last) {
		for (size_t i = 0; i < GAP; i++)
			buf_append_byte(text, ' ');
	} else {
		buf_append_byte(text, '\n');
	}
}

void
table_render(const struct table *table, bool wide, bool colors, struct buf *text)
{
	size_t widths[TABLE_COLUMNS_MAX];
	size_t count = table->column_count;

	measure(table, wide, widths);
	for (size_t i = 0; i < count; i++)
		put_cell(text, table->columns[i].title, widths[i], table->columns[i].right,
		    i + 1 == count, "");
	for (size_t i = 0; i < table->cell_count; i++) {
		size_t column = i % count;

		put_cell(text, table->cells[i].text, widths[column], table->columns[column].right,
		    column + 1 == count, colors ? color_code(table->cells[i].color) : "");
	}
}

void
table_print(const struct output *out, const struct table *table)
{
	struct buf text = BUF_INIT;

	table_render(table, out->wide, out->out_colors, &text);
	emit(stdout, out->out_is_terminal, buf_slice(&text), CONTENT_OWN);
	buf_free(&text);
}

/* ---- progress ------------------------------------------------------------------ */

void
output_progress_begin(struct output_progress *progress, const struct output *out, const char *what)
{
	*progress = (struct output_progress){
		.out = out, .what = what, .begun_ns = clock_monotonic_ns(),
	};
	progress->shown_ns = progress->begun_ns;
}

void
output_progress_show(struct output_progress *progress, uint64_t done, uint64_t total)
{
	bool terminal = progress->out->err_is_terminal;
	uint64_t now = clock_monotonic_ns();
	double seconds = (double)(now - progress->begun_ns) / 1e9;
	double rate = (double)done / seconds;
	struct buf text = BUF_INIT;
	char age[OUTPUT_TEXT_BYTES];

	if (now - progress->begun_ns < QUIET_NS ||
	    now - progress->shown_ns < (terminal ? SHOWN_EVERY_NS : TOLD_EVERY_NS))
		return;
	progress->shown_ns = now;
	progress->shown = true;
	buf_printf(&text, "%s%s: %" PRIu64, terminal ? WIPE : "", progress->what, done);
	if (total > 0)
		buf_printf(&text, " of %" PRIu64, total);
	buf_printf(&text, ", %.0f/s", rate);
	if (total > done && rate > 0)
		buf_printf(&text, ", %s left",
		    output_age((uint64_t)((double)(total - done) / rate), age));
	buf_append_text(&text, terminal ? "" : "\n");
	emit(stderr, terminal, buf_slice(&text), CONTENT_OWN);
	buf_free(&text);
}

void
output_progress_end(struct output_progress *progress)
{
	if (progress->shown && progress->out->err_is_terminal)
		emit(stderr, true, SLICE_LITERAL(WIPE), CONTENT_OWN);
	progress->shown = false;
}

/* ---- asking -------------------------------------------------------------------- */

bool
output_confirm(const struct output *out, const struct ctl_arguments *arguments, const char *what)
{
	char answer[16] = "";

	if (ctl_arguments_flag(arguments, OPT_YES))
		return true;
	if (!out->err_is_terminal || isatty(STDIN_FILENO) != 1) {
		output_say("%s: this will %s: give --yes to go on\n", program_own(), what);
		return false;
	}
	output_say("This will %s.\nGo on? [y/N] ", what);
	if (fgets(answer, sizeof(answer), stdin) == NULL)
		return false;
	return answer[0] == 'y' || answer[0] == 'Y';
}
