/*
 * toml.c - one pass over a copy of the text.
 *
 * The copy is checked first: it is UTF-8, has no control bytes but tabs and
 * line ends, and "\n" for "\r\n". So the reader can look at the next byte
 * without a bound: a zero byte ends the text.
 */
#include "supervisor/toml.h"

#include "common/buf.h"
#include "common/utf8.h"
#include "common/xmem.h"

#include <errno.h>
#include <math.h>
#include <regex.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define EXAMPLE "name = \"machine1\""
#define BARE "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_-"

struct parser {
	struct toml *toml;
	const char *at;
	unsigned line;
	char *table;		/* "peer", or "" before the first header */
	char *problem;
};

/* The first problem counts. Always false. */
static bool PRINTF_LIKE(2, 3)
fail(struct parser *parser, const char *format, ...)
{
	char sentence[160];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(sentence, sizeof(sentence), format, arguments);
	va_end(arguments);
	if (parser->problem == NULL)
		parser->problem = xstrdup(sentence);
	return false;
}

static bool
is_one_of(char byte, const char *set)
{
	return byte != '\0' && strchr(set, byte) != NULL;
}

static bool
copy_checked(struct parser *parser, struct slice text, struct buf *copy)
{
	for (size_t size = 0; text.size > 0; text = slice_of(text.data + size, text.size - size)) {
		uint8_t byte = text.data[0];

		size = 1;
		if (byte == '\r' && text.size > 1 && text.data[1] == '\n')
			continue;
		size = utf8_size(text);
		if (size == 0 || byte == 0x7f || (byte < ' ' && byte != '\t' && byte != '\n'))
			return fail(parser, "byte 0x%02x cannot stand here in a text of UTF-8",
			    byte);
		parser->line += byte == '\n' ? 1 : 0;
		buf_append(copy, text.data, size);
	}
	buf_append_byte(copy, '\0');
	parser->line = 1;
	return true;
}

static void
skip_blanks(struct parser *parser)
{
	parser->at += strspn(parser->at, " \t");
}

/* Blanks, comments, ends of lines. */
static void
skip_lines(struct parser *parser)
{
	for (;; parser->at++, parser->line++) {
		skip_blanks(parser);
		if (*parser->at == '#')
			parser->at += strcspn(parser->at, "\n");
		if (*parser->at != '\n')
			return;
	}
}

/* "text" or 'text', up to behind its last quote; NULL: it has none. */
static char *
read_text(struct parser *parser)
{
	static const char names[] = "btnfr\"\\", bytes[] = "\b\t\n\f\r\"\\";
	char quote = *parser->at++;
	char *text = xmalloc(strcspn(parser->at, "\n") + 1);
	size_t size = 0;
	bool good = strncmp(parser->at, quote == '"' ? "\"\"" : "\'\'", 2) != 0 ||
	    fail(parser, "a text of several lines is not supported");

	while (good && *parser->at != quote) {
		text[size] = *parser->at++;
		if (is_one_of(text[size], "\n") || text[size] == '\0')
			good = fail(parser, "a text has no %c at its end", quote);
		if (text[size] == '\\' && quote == '"') {
			if (is_one_of(*parser->at, names))
				text[size] = bytes[strchr(names, *parser->at++) - names];
			else
				good = fail(parser,
				    "of \\ in a text only \\b \\t \\n \\f \\r \\\" \\\\ "
				    "are supported");
		}
		size++;
	}
	parser->at++;
	text[good ? size : 0] = '\0';
	return text;
}

static bool
is_number(const char *word)
{
	regex_t number;
	bool matches;

	MUST(regcomp(&number, "^[+-]?(0|[1-9](_?[0-9])*)(\\.[0-9](_?[0-9])*)?"
	    "([eE][+-]?[0-9](_?[0-9])*)?$", REG_EXTENDED | REG_NOSUB) == 0);
	matches = regexec(&number, word, 0, NULL, 0) == 0;
	regfree(&number);
	return matches;
}

/* A number, true or false. */
static char *
read_word(struct parser *parser, enum toml_kind *kind)
{
	char *word = xasprintf("%.*s", (int)strspn(parser->at, BARE "+.:"), parser->at);
	size_t size = 0;

	parser->at += strlen(word);
	*kind = strpbrk(word, ".eE") == NULL ? TOML_INTEGER : TOML_FLOAT;
	errno = 0;
	if (word[0] == '\0')
		fail(parser, "a value is missing: \"text\", number, true, false or [array]");
	else if (strcmp(word, "true") == 0 || strcmp(word, "false") == 0)
		*kind = TOML_BOOL;
	else if (!is_number(word))
		fail(parser, "%.40s is neither a number, true nor false; a text needs quotes",
		    word);
	for (const char *from = word + (*word == '+' ? 1 : 0); *from != '\0'; from++) {
		if (*from != '_')
			word[size++] = *from;
	}
	word[size] = '\0';
	if ((*kind == TOML_INTEGER && strtoll(word, NULL, 10) != 0 && errno == ERANGE) ||
	    (*kind == TOML_FLOAT && isinf(strtod(word, NULL))))
		fail(parser, "%.40s is too large", word);
	return word;
}

/* One value that is no array, as another item of the entry. */
static bool
read_item(struct parser *parser, struct toml_entry *entry)
{
	enum toml_kind kind = TOML_TEXT;
	char *value = is_one_of(*parser->at, "\"'") ? read_text(parser) : read_word(parser, &kind);

	entry->values = xgrow(entry->values, &entry->capacity, entry->count + 1, sizeof(char *));
	entry->values[entry->count++] = value;
	if (entry->count > TOML_ENTRIES_MAX)
		fail(parser, "an array has more than %d items", TOML_ENTRIES_MAX);
	if (entry->count > 1 && kind != entry->kind)
		fail(parser, "the items of an array have to be of one kind");
	entry->kind = kind;
	return parser->problem == NULL;
}

static bool
read_array(struct parser *parser, struct toml_entry *entry)
{
	entry->is_array = true;
	parser->at++;
	for (skip_lines(parser); *parser->at != ']'; skip_lines(parser)) {
		if (is_one_of(*parser->at, "[{"))
			return fail(parser, "an array of arrays or tables is not supported");
		if (!read_item(parser, entry))
			return false;
		skip_lines(parser);
		if (*parser->at != ',' && *parser->at != ']')
			return fail(parser, "a , or ] is missing in an array");
		parser->at += *parser->at == ',' ? 1 : 0;
	}
	parser->at++;
	return true;
}

/* A bare key to the end of name, with a dot before it if it is not the first. */
static bool
read_key(struct parser *parser, char **name)
{
	int size = (int)strspn(parser->at, BARE);
	char *longer;

	if (*parser->at == '{')
		return fail(parser, "a key is missing; this looks like JSON, and the file is TOML: "
		    EXAMPLE);
	if (size == 0)
		return fail(parser, is_one_of(*parser->at, "\"'") ?
		    "a key in quotes is not supported" :
		    "a key is missing: letters, digits, _ and -");
	longer = xasprintf("%s%s%.*s", *name, (*name)[0] == '\0' ? "" : ".", size, parser->at);
	free(*name);
	*name = longer;
	parser->at += size;
	skip_blanks(parser);
	return true;
}

/* True for "a.b" inside of "a", and for "a" itself. */
static bool
is_inside(const char *name, const char *outer)
{
	size_t size = strlen(outer);

	return strncmp(name, outer, size) == 0 && (name[size] == '\0' || name[size] == '.');
}

/* The last entry's key is neither there already, nor part of one, nor has parts. */
static bool
check_new(struct parser *parser, const struct toml_entry *entry)
{
	bool table = entry->kind == TOML_TABLE;

	for (const struct toml_entry *other = parser->toml->entries; other < entry; other++) {
		if (strcmp(entry->key, other->key) == 0 ||
		    (table && other->kind != TOML_TABLE && is_inside(entry->key, other->key)) ||
		    (!table && other->kind == TOML_TABLE && is_inside(other->key, entry->key)))
			return fail(parser, "%.60s is there already, in line %u", other->key,
			    other->line);
	}
	return true;
}

/* [name]; takes what is behind it until the next header. */
static bool
read_header(struct parser *parser, struct toml_entry *entry)
{
	entry->kind = TOML_TABLE;
	entry->key[0] = '\0';
	if (parser->at[1] == '[')
		return fail(parser, "an array of tables is not supported");
	do {
		parser->at++;
		skip_blanks(parser);
		if (!read_key(parser, &entry->key))
			return false;
	} while (*parser->at == '.');
	if (*parser->at++ != ']')
		return fail(parser, "a ] is missing behind [%.60s", entry->key);
	free(parser->table);
	parser->table = xstrdup(entry->key);
	return check_new(parser, entry);
}

/* key = value */
static bool
read_pair(struct parser *parser, struct toml_entry *entry)
{
	if (!read_key(parser, &entry->key))
		return false;
	if (*parser->at == '.')
		return fail(parser, "a key with dots is not supported; write [%.60s]", entry->key);
	if (*parser->at == ':')
		return fail(parser, "a = is missing behind %.40s; this looks like YAML, and the "
		    "file is TOML: " EXAMPLE, entry->key);
	if (*parser->at++ != '=')
		return fail(parser, "a = is missing behind %.60s", entry->key);
	skip_blanks(parser);
	if (*parser->at == '{')
		return fail(parser, "a table in braces is not supported; write [%.60s]",
		    entry->key);
	return check_new(parser, entry) &&
	    (*parser->at == '[' ? read_array(parser, entry) : read_item(parser, entry));
}

static bool
read_entry(struct parser *parser)
{
	struct toml *toml = parser->toml;
	struct toml_entry *entry;

	if (toml->count == TOML_ENTRIES_MAX)
		return fail(parser, "there are more than %d keys", TOML_ENTRIES_MAX);
	toml->entries = xgrow(toml->entries, &toml->capacity, toml->count + 1, sizeof(*entry));
	entry = &toml->entries[toml->count++];
	*entry = (struct toml_entry){ .key = xstrdup(parser->table), .line = parser->line };
	if (*parser->at == '[' ? !read_header(parser, entry) : !read_pair(parser, entry))
		return false;
	skip_blanks(parser);
	return is_one_of(*parser->at, "#\n") || *parser->at == '\0' ||
	    fail(parser, "the end of the line is expected behind a value or a header");
}

enum err
toml_read(struct slice text, struct toml *toml, unsigned *line, char **problem)
{
	struct parser parser = { .toml = toml, .line = 1, .table = xstrdup("") };
	struct buf copy = BUF_INIT;
	bool good;

	*toml = (struct toml){ 0 };
	good = text.size <= TOML_BYTES_MAX ? copy_checked(&parser, text, &copy) :
	    fail(&parser, "it has more than %zu bytes", TOML_BYTES_MAX);
	for (parser.at = (const char *)copy.data; good;) {
		skip_lines(&parser);
		if (*parser.at == '\0')
			break;
		good = read_entry(&parser);
	}
	if (!good) {
		*line = parser.line;
		*problem = parser.problem;
		toml_free(toml);
	}
	buf_free(&copy);
	free(parser.table);
	return good ? ERR_NONE : ERR_MALFORMED;
}

void
toml_free(struct toml *toml)
{
	for (size_t i = 0; i < toml->count; i++) {
		for (size_t j = 0; j < toml->entries[i].count; j++)
			free(toml->entries[i].values[j]);
		free(toml->entries[i].values);
		free(toml->entries[i].key);
	}
	free(toml->entries);
	*toml = (struct toml){ 0 };
}
