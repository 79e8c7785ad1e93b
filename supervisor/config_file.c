/*
 * config_file.c - a file of options, read and written.
 *
 * Reading may wait for the disk: before the first fork, or at an operator's
 * order.
 */
#include "supervisor/config_file.h"

#include "common/diag.h"
#include "common/limits.h"
#include "common/program.h"
#include "common/xmem.h"
#include "supervisor/toml.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

/* What has to stand in a file for each kind of option, as a message says it. */
static const char *
expected_of(const struct option_row *row)
{
	switch (row->kind) {
	case OPTION_KIND_TEXT:
	case OPTION_KIND_PATH:
	case OPTION_KIND_ADDRESS:
		return "a text";
	case OPTION_KIND_LIST:
		return "an array of texts";
	case OPTION_KIND_BOOL:
		return "true or false";
	case OPTION_KIND_NUMBER:
	case OPTION_KIND_MS:
		return "a whole number";
	case OPTION_KIND_SECONDS:
		return "a number";
	case OPTION_KIND_SIZE:
		return "a number, or a text as \"64K\",";
	}
	return "another value";
}

static const char *
found_in(const struct toml_entry *entry)
{
	if (entry->is_array)
		return "an array";
	switch (entry->kind) {
	case TOML_TEXT:
		return "a text";
	case TOML_INTEGER:
		return "a number";
	case TOML_FLOAT:
		return "a number with a fraction";
	case TOML_BOOL:
		return "true or false";
	case TOML_TABLE:
		break;
	}
	return "a table";
}

static bool
is_expected(const struct option_row *row, const struct toml_entry *entry)
{
	if (entry->is_array)
		return row->kind == OPTION_KIND_LIST && entry->kind == TOML_TEXT;
	switch (row->kind) {
	case OPTION_KIND_TEXT:
		/* "N|auto": a number is one of the texts. */
		return entry->kind == TOML_TEXT ||
		    (entry->kind == TOML_INTEGER && strncmp(row->argument, "N|", 2) == 0);
	case OPTION_KIND_PATH:
	case OPTION_KIND_ADDRESS:
		return entry->kind == TOML_TEXT;
	case OPTION_KIND_LIST:
		return false;
	case OPTION_KIND_BOOL:
		return entry->kind == TOML_BOOL;
	case OPTION_KIND_NUMBER:
	case OPTION_KIND_MS:
		return entry->kind == TOML_INTEGER;
	case OPTION_KIND_SECONDS:
		return entry->kind == TOML_INTEGER || entry->kind == TOML_FLOAT;
	case OPTION_KIND_SIZE:
		return entry->kind == TOML_INTEGER || entry->kind == TOML_TEXT;
	}
	return false;
}

/* The value as config_set takes it; NULL with *wrong. */
static char *
value_text(const struct toml_entry *entry, char **wrong)
{
	struct buf list = BUF_INIT;
	char *text;

	/* Options have no exponents. */
	if (entry->kind == TOML_FLOAT && strpbrk(entry->values[0], "eE") != NULL)
		return xasprintf("%.3f", strtod(entry->values[0], NULL));
	if (!entry->is_array)
		return xstrdup(entry->values[0]);
	for (size_t i = 0; i < entry->count; i++) {
		if (strchr(entry->values[i], ',') != NULL) {
			*wrong = xasprintf("\"%s\": an item cannot have a comma in it",
			    entry->values[i]);
			buf_free(&list);
			return NULL;
		}
		buf_printf(&list, "%s%s", i == 0 ? "" : ",", entry->values[i]);
	}
	text = xasprintf("%.*s", (int)list.size, list.size == 0 ? "" : (const char *)list.data);
	buf_free(&list);
	return text;
}

/* written: "FILE:LINE: KEY". */
static enum err
take_value(struct arguments *arguments, const struct option_row *row,
    const struct toml_entry *entry, enum option_source source, const char *written, char **problem)
{
	enum option_id id = arguments_row_id(row);
	char *wrong = NULL;
	char *text;
	enum err err;

	if (!is_expected(row, entry)) {
		*problem = xasprintf("%s: %s is expected, this is %s", written, expected_of(row),
		    found_in(entry));
		return ERR_INVALID;
	}
	text = value_text(entry, &wrong);
	if (text == NULL) {
		*problem = xasprintf("%s: %s", written, wrong);
		free(wrong);
		return ERR_INVALID;
	}
	if (text[0] == '\0')
		err = arguments_set(arguments, row, row->initial, OPTION_FROM_DEFAULT, written,
		    problem);
	else
		err = arguments_set(arguments, row, text, source, written, problem);
	arguments->line[id] = entry->line;
	free(text);
	return err;
}

static bool
is_in_table(const char *key, const char *table)
{
	size_t length = strlen(table);

	return strncmp(key, table, length) == 0 && key[length] == '.';
}

static bool
is_known_table(const char *table)
{
	for (enum option_id id = 0; id < OPTION_COUNT; id++) {
		if (option_rows[id].file_key != NULL &&
		    is_in_table(option_rows[id].file_key, table))
			return true;
	}
	return false;
}

/* Its table is unknown, which is said once, and not of each key in it. */
static bool
is_in_unknown_table(const struct toml *toml, const char *key)
{
	for (size_t i = 0; i < toml->count; i++) {
		if (toml->entries[i].kind == TOML_TABLE && !is_known_table(toml->entries[i].key) &&
		    is_in_table(key, toml->entries[i].key))
			return true;
	}
	return false;
}

static void
say_unknown(const struct toml *toml, const struct toml_entry *entry, const char *path)
{
	const char *nearest = option_nearest_file_key(entry->key);

	if (is_in_unknown_table(toml, entry->key))
		return;
	if (entry->kind == TOML_TABLE)
		diag_say("%s: %s:%u: [%s]: no such table, ignored", program_own(), path,
		    entry->line, entry->key);
	else if (nearest == NULL)
		diag_say("%s: %s:%u: %s: no such option, ignored", program_own(), path, entry->line,
		    entry->key);
	else
		diag_say("%s: %s:%u: %s: no such option, ignored; did you mean %s?",
		    program_own(), path, entry->line, entry->key, nearest);
}

static enum err
take_entries(struct arguments *arguments, const struct toml *toml, const char *path,
    enum option_source source, char **problem)
{
	enum err err = ERR_NONE;

	for (size_t i = 0; err == ERR_NONE && i < toml->count; i++) {
		const struct toml_entry *entry = &toml->entries[i];
		const struct option_row *row = option_by_file_key(entry->key);
		char *written;

		if (row == NULL && (entry->kind != TOML_TABLE || !is_known_table(entry->key)))
			say_unknown(toml, entry, path);
		if (row == NULL)
			continue;
		written = xasprintf("%s:%u: %s", path, entry->line, entry->key);
		err = take_value(arguments, row, entry, source, written, problem);
		free(written);
	}
	return err;
}

/* ERR_NOT_FOUND: there is no such file. */
static enum err
read_bytes(const char *path, struct buf *text, char **problem)
{
	FILE *file = fopen(path, "re");
	char piece[4096];
	size_t size;
	enum err err = ERR_NONE;

	if (file == NULL && (errno == ENOENT || errno == ENOTDIR))
		return ERR_NOT_FOUND;
	while (file != NULL && (size = fread(piece, 1, sizeof(piece), file)) > 0)
		buf_append(text, piece, size);
	if (file == NULL || ferror(file) != 0 || text->overflowed) {
		*problem = xasprintf("cannot read %s: %s", path,
		    text->overflowed ? "it is too long for a file of options" : strerror(errno));
		err = ERR_INVALID;
	}
	if (file != NULL)
		fclose(file);
	return err;
}

enum err
config_file_read(struct arguments *arguments, const char *path, enum option_source source,
    char **problem)
{
	struct buf text = { .limit = TOML_BYTES_MAX };
	char **name = source == OPTION_FROM_FILE ? &arguments->file : &arguments->system_file;
	char *wrong = NULL;
	struct toml toml;
	unsigned line;
	enum err err = read_bytes(path, &text, problem);

	if (err == ERR_NONE && toml_read(buf_slice(&text), &toml, &line, &wrong) != ERR_NONE) {
		*problem = xasprintf("%s:%u: %s", path, line, wrong);
		free(wrong);
		err = ERR_INVALID;
	} else if (err == ERR_NONE) {
		free(*name);
		*name = xstrdup(path);
		err = take_entries(arguments, &toml, path, source, problem);
		toml_free(&toml);
	}
	buf_free(&text);
	if (err == ERR_NOT_FOUND && source == OPTION_FROM_SYSTEM_FILE)
		return ERR_NONE;
	if (err == ERR_NOT_FOUND)
		*problem = xasprintf("cannot read %s: %s", path, strerror(ENOENT));
	return err == ERR_NONE ? ERR_NONE : ERR_INVALID;
}

static void
print_quoted(struct slice text, struct buf *out)
{
	buf_append_byte(out, '"');
	for (size_t i = 0; i < text.size; i++) {
		static const char from[] = "\b\t\n\f\r\"\\", names[] = "btnfr\"\\";
		const char *found = text.data[i] == '\0' ? NULL : strchr(from, text.data[i]);

		if (found != NULL)
			buf_printf(out, "\\%c", names[found - from]);
		else
			buf_append_byte(out, text.data[i]);
	}
	buf_append_byte(out, '"');
}

static void
print_list(const char *items, struct buf *out)
{
	buf_append_byte(out, '[');
	while (*items != '\0') {
		size_t length = strcspn(items, ",");

		print_quoted(slice_of(items, length), out);
		items += length;
		if (*items == ',') {
			buf_append_text(out, ", ");
			items++;
		}
	}
	buf_append_byte(out, ']');
}

static void
print_value(const struct option_row *row, const char *value, struct buf *out)
{
	switch (row->kind) {
	case OPTION_KIND_TEXT:
	case OPTION_KIND_PATH:
	case OPTION_KIND_ADDRESS:
		print_quoted(slice_text(value), out);
		break;
	case OPTION_KIND_LIST:
		print_list(value, out);
		break;
	case OPTION_KIND_BOOL:
	case OPTION_KIND_NUMBER:
	case OPTION_KIND_MS:
	case OPTION_KIND_SECONDS:
		buf_append_text(out, value);
		break;
	case OPTION_KIND_SIZE:
		if (value[strspn(value, "0123456789")] == '\0')
			buf_append_text(out, value);
		else
			print_quoted(slice_text(value), out);
		break;
	}
}

/* Where a value came from, for a comment. */
static void
print_source(const struct arguments *arguments, enum option_id id, struct buf *out)
{
	char *value = config_value(&arguments->config, id);
	char *given = config_value(&arguments->given, id);
	char *source = arguments_source(arguments, id);
	bool worked_out = strcmp(value, given) != 0;

	if (arguments->source[id] != OPTION_FROM_DEFAULT)
		buf_printf(out, "  # %s%s", source, worked_out ? ", completed" : "");
	else
		buf_append_text(out, worked_out ? "  # worked out" : "  # default");
	free(value);
	free(given);
	free(source);
}

/* The part of a file key before its dot; empty if it has none. */
static struct slice
table_of(const char *file_key)
{
	const char *dot = strrchr(file_key, '.');

	return slice_of(file_key, dot == NULL ? 0 : (size_t)(dot - file_key));
}

/* The key inside of its table. */
static const char *
key_of(const char *file_key)
{
	const char *dot = strrchr(file_key, '.');

	return dot == NULL ? file_key : dot + 1;
}

/* True if no row before this one has its table. */
static bool
is_first_of_table(enum option_id id)
{
	for (enum option_id before = 0; before < id; before++) {
		if (option_rows[before].file_key != NULL &&
		    slice_equal(table_of(option_rows[before].file_key),
		    table_of(option_rows[id].file_key)))
			return false;
	}
	return true;
}

/* Call print for each option of a file, a table after the other. */
static void
for_each_key(void (*print)(const void *argument, enum option_id id, struct buf *out),
    const void *argument, struct buf *out)
{
	for (enum option_id first = 0; first < OPTION_COUNT; first++) {
		struct slice table;

		if (option_rows[first].file_key == NULL || !is_first_of_table(first))
			continue;
		table = table_of(option_rows[first].file_key);
		/* The keys without a table are first, because "name" is in the first rows. */
		if (table.size > 0)
			buf_printf(out, "\n[%.*s]\n", SLICE_ARGS(table));
		for (enum option_id id = first; id < OPTION_COUNT; id++) {
			if (option_rows[id].file_key != NULL &&
			    slice_equal(table_of(option_rows[id].file_key), table))
				print(argument, id, out);
		}
	}
}

static void
print_effective(const void *argument, enum option_id id, struct buf *out)
{
	const struct arguments *arguments = argument;
	char *value = config_value(&arguments->config, id);

	buf_printf(out, "%s = ", key_of(option_rows[id].file_key));
	print_value(&option_rows[id], value, out);
	print_source(arguments, id, out);
	buf_append_byte(out, '\n');
	free(value);
}

void
config_file_print(const struct arguments *arguments, struct buf *out)
{
	for_each_key(print_effective, arguments, out);
	buf_append_text(out, "\n# Not in a file:\n");
	for (enum option_id id = 0; id < OPTION_COUNT; id++) {
		char *value;

		if (option_rows[id].flag == NULL || option_rows[id].file_key != NULL)
			continue;
		value = config_value(&arguments->config, id);
		buf_printf(out, "# -%s = ", option_rows[id].flag);
		print_value(&option_rows[id], value, out);
		print_source(arguments, id, out);
		buf_append_byte(out, '\n');
		free(value);
	}
}

static void
print_sample(const void *argument UNUSED, enum option_id id, struct buf *out)
{
	const struct option_row *row = &option_rows[id];

	buf_printf(out, "\n# %s\n#%s = ", row->help, key_of(row->file_key));
	print_value(row, row->initial, out);
	buf_append_byte(out, '\n');
}

void
config_file_sample(struct buf *out)
{
	buf_printf(out,
	    "# Options of %s as TOML: every one, with its default.\n"
	    "#\n"
	    "# Later wins: this file, the file of -config, environment, command line.\n"
	    "# %s -print-config shows what is in effect, %s -check-config checks it.\n",
	    program_etcd(), program_etcd(), program_etcd());
	for_each_key(print_sample, NULL, out);
}
