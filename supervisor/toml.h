/*
 * toml.h - reads the part of TOML 0.4 that a file of options needs.
 *
 * Tables, texts of one line, integers, floats, booleans, arrays of one kind of
 * these, comments. What TOML has beyond that is refused with a sentence, never
 * read as something else: texts of several lines, keys in quotes or with dots,
 * tables in braces, arrays of tables and of arrays, dates, hexadecimal numbers,
 * inf, nan, numbers beyond 64 bits, \u0000 and \U00000000 in a text.
 *
 * Source: https://toml.io/en/v0.4.0; control bytes as in 1.0.
 */
#ifndef MOOTHALL_SUPERVISOR_TOML_H
#define MOOTHALL_SUPERVISOR_TOML_H

#include "common/err.h"
#include "common/limits.h"
#include "common/slice.h"

enum toml_kind {
	TOML_TEXT,
	TOML_INTEGER,
	TOML_FLOAT,
	TOML_BOOL,
	TOML_TABLE,		/* a header */
};

struct toml_entry {
	char *key;		/* with its table: "peer.addr" */
	unsigned line;
	enum toml_kind kind;	/* of all values; TOML_TEXT if there is none */
	bool is_array;
	char **values;		/* UTF-8; numbers without "_" and leading "+"; "true", "false" */
	size_t count;		/* 1 unless is_array; 0 of a header */
	size_t capacity;
};

struct toml {
	struct toml_entry *entries;	/* in the order of the text */
	size_t count, capacity;
};

/*
 *	toml	out: to be freed by toml_free
 *	line	out, on failure: where
 *	problem	out, on failure: a sentence, freed by the caller
 *
 * ERR_NONE, or ERR_MALFORMED: toml is empty.
 */
enum err toml_read(struct slice text, struct toml *toml, unsigned *line, char **problem)
    MUST_CHECK;
void toml_free(struct toml *toml);

#endif
