/*
 * etcd3_flags.c - see etcd3_flags.h.
 */
#include "supervisor/etcd3_flags.h"

#include "common/diag.h"
#include "common/xmem.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#define PREFIX "ETCD_"

enum etcd3_fate { ACCEPTED, REFUSED };
enum etcd3_kind { VALUE, BOOL };

static const struct {
	const char *flag;
	enum etcd3_kind kind;
	enum etcd3_fate fate;
	const char *usual, *sentence;
} rows[ETCD3_FLAGS] = {
#define ETCD3_FLAG(name, flag, kind, fate, usual, sentence) \
	[ETCD3_##name] = { flag, kind, fate, usual, sentence },
#include "supervisor/etcd3_flag_table.h"
};

void
etcd3_given_free(struct etcd3_given *given)
{
	for (size_t i = 0; i < ETCD3_FLAGS; i++)
		free(given->values[i]);
	memset(given, 0, sizeof(*given));
}

enum etcd3_flag
etcd3_by_flag(const char *flag)
{
	enum etcd3_flag i = 0;

	while (i < ETCD3_FLAGS && strcmp(rows[i].flag, flag) != 0)
		i++;
	return i;
}

/* Is it the variable of that flag? */
static bool
is_variable(const char *variable, const char *flag)
{
	if (strncmp(variable, PREFIX, strlen(PREFIX)) != 0)
		return false;
	for (variable += strlen(PREFIX); *flag != '\0'; flag++, variable++)
		if (*variable != (*flag == '-' ? '_' : toupper((unsigned char)*flag)))
			return false;
	return *variable == '\0';
}

enum etcd3_flag
etcd3_by_environment(const char *variable)
{
	enum etcd3_flag i = 0;

	while (i < ETCD3_FLAGS && !is_variable(variable, rows[i].flag))
		i++;
	return i;
}

bool
etcd3_is_bool(enum etcd3_flag flag)
{
	return rows[flag].kind == BOOL;
}

void
etcd3_give(struct etcd3_given *given, enum etcd3_flag flag, const char *value,
    bool by_environment)
{
	free(given->values[flag]);
	given->values[flag] = xstrdup(value);
	given->by_environment[flag] = by_environment;
}

/* Is it among words that "|" stands between? */
static bool
is_among(const char *value, const char *words)
{
	size_t size = strlen(value);

	for (;;) {
		size_t length = strcspn(words, "|");

		if (length == size && strncmp(words, value, size) == 0)
			return true;
		if (words[length] == '\0')
			return false;
		words += length + 1;
	}
}

static bool
is_usual(const struct etcd3_given *given, enum etcd3_flag flag)
{
	static const struct {
		const char *word, *means;
	} truths[] = { { "1", "true" }, { "t", "true" }, { "TRUE", "true" }, { "True", "true" },
		{ "0", "false" }, { "f", "false" }, { "FALSE", "false" }, { "False", "false" } };
	const char *value = given->values[flag];

	if (value == NULL || value[0] == '\0')
		return true;
	for (size_t i = 0; rows[flag].kind == BOOL && i < ARRAY_COUNT(truths); i++)
		if (strcmp(value, truths[i].word) == 0)
			return is_among(truths[i].means, rows[flag].usual);
	return is_among(value, rows[flag].usual);
}

/* As it was written, freed by the caller. */
static char *
written(const struct etcd3_given *given, enum etcd3_flag flag)
{
	char *name = xasprintf("%s%s", given->by_environment[flag] ? PREFIX : "-",
	    rows[flag].flag);

	for (char *at = name; given->by_environment[flag] && *at != '\0'; at++)
		*at = (char)(*at == '-' ? '_' : toupper((unsigned char)*at));
	return name;
}

char *
etcd3_problem(const struct etcd3_given *given)
{
	for (enum etcd3_flag i = 0; i < ETCD3_FLAGS; i++)
		if (rows[i].fate == REFUSED && !is_usual(given, i)) {
			char *name = written(given, i);
			char *problem = xasprintf("%s: \"%s\": %s", name, given->values[i],
			    rows[i].sentence);

			free(name);
			return problem;
		}
	return NULL;
}

void
etcd3_tell(const struct etcd3_given *given)
{
	for (enum etcd3_flag i = 0; i < ETCD3_FLAGS; i++)
		if (rows[i].fate == ACCEPTED && !is_usual(given, i)) {
			char *name = written(given, i);

			diag_info("options", "%s is accepted: %s", name, rows[i].sentence);
			free(name);
		}
}
