/*
 * option.h - the one table of options, and a configuration made from it.
 *
 * option_table.h has a row for each option; flags, environment names, file
 * keys, defaults, bounds, help, manual and sample file follow from it. The
 * supervisor fills a struct config from defaults, files, environment and flags;
 * each child gets the effective values in msg_settings and fills its own.
 *
 * Source: docs/operations.md, "Where options come from".
 */
#ifndef MOOTHALL_COMMON_OPTION_H
#define MOOTHALL_COMMON_OPTION_H

#include "common/buf.h"
#include "common/err.h"

/* Kinds of value and their C types in struct config. */
enum option_kind {
	OPTION_KIND_TEXT,	/* char *, never NULL, "" if not set */
	OPTION_KIND_PATH,	/* char *, made absolute by the supervisor */
	OPTION_KIND_ADDRESS,	/* char *, host:port */
	OPTION_KIND_LIST,	/* char *, items joined by "," without blanks or empty items */
	OPTION_KIND_BOOL,	/* bool */
	OPTION_KIND_NUMBER,	/* uint64_t within the row's bounds */
	OPTION_KIND_MS,		/* uint64_t, given in milliseconds */
	OPTION_KIND_SECONDS,	/* uint64_t milliseconds, given in seconds, fraction allowed */
	OPTION_KIND_SIZE,	/* uint64_t bytes, given with K M G */
};

#define OPTION_TYPE_TEXT char *
#define OPTION_TYPE_PATH char *
#define OPTION_TYPE_ADDRESS char *
#define OPTION_TYPE_LIST char *
#define OPTION_TYPE_BOOL bool
#define OPTION_TYPE_NUMBER uint64_t
#define OPTION_TYPE_MS uint64_t
#define OPTION_TYPE_SECONDS uint64_t
#define OPTION_TYPE_SIZE uint64_t

/* Where a value came from; later wins. */
enum option_source {
	OPTION_FROM_DEFAULT,
	OPTION_FROM_SYSTEM_FILE,
	OPTION_FROM_FILE,	/* of -config */
	OPTION_FROM_ENVIRONMENT,
	OPTION_FROM_FLAG,
	OPTION_FROM_SUPERVISOR,	/* worked out, or handed to a child */
};

/* The effective values: one field per row, named as its flag with "_". */
struct config {
#define OPTION(name, flag, env, file_key, kind, initial, min, max, argument, help) \
	OPTION_TYPE_##kind name;
#include "common/option_table.h"
};

/* Which row; OPTION_COUNT of them. */
enum option_id {
#define OPTION(name, flag, env, file_key, kind, initial, min, max, argument, help) OPTION_##name,
#include "common/option_table.h"
	OPTION_COUNT
};

struct option_row {
	const char *name;	/* of the field */
	const char *flag;	/* without dash; NULL: internal, set by the supervisor only */
	const char *env;	/* NULL: none */
	const char *file_key;	/* "peer.addr"; NULL: none */
	enum option_kind kind;
	const char *initial;	/* as text; "" for none */
	uint64_t min, max;	/* of numbers, in the unit of the C type */
	const char *argument;	/* for help: "HOST:PORT" */
	const char *help;
	size_t offset;		/* of the field in struct config */
};

extern const struct option_row option_rows[OPTION_COUNT];

/* All defaults. */
void config_init(struct config *config);
void config_free(struct config *config);
/*
 * Set one field from text.
 *
 * ERR_NONE, or ERR_INVALID with *problem: what is wrong, e.g. `"x" is not a
 * whole number`; freed by the caller. Nothing changes then.
 */
enum err config_set(struct config *config, enum option_id id, const char *text,
    char **problem) MUST_CHECK;
/* The value of an option that is a text of some kind; borrowed. */
const char *config_text(const struct config *config, enum option_id id);
/* The row of that flag (without dashes), or of that alias; NULL if none. */
const struct option_row *option_by_flag(const char *flag);
/* True for an old name that is to be told its new one. */
bool option_flag_deprecated(const char *flag);
/* The row of that environment variable, or of an old name of it; NULL if none. */
const struct option_row *option_by_environment(const char *env);
/* The row of that file key, "peer.addr", or of an old key of it; NULL if none. */
const struct option_row *option_by_file_key(const char *key);
/* True if a running node takes a new value of it over. */
bool option_reloadable(enum option_id id);
/* What is wrong with a host:port, freed by the caller; NULL: nothing. */
char *option_address_problem(const char *text);
/* The flag most like a wrong one, or NULL if none is near. */
const char *option_nearest(const char *flag);
/* The same for a file key. One that only stands in a wrong table is near. */
const char *option_nearest_file_key(const char *key);
/* Append a field as text that config_set takes back. */
void config_print(const struct config *config, enum option_id id, struct buf *out);
/* All fields as a list of setting_record, and back (for children). */
void config_to_settings(const struct config *config, struct buf *out);
enum err config_from_settings(struct config *config, struct slice settings) MUST_CHECK;
/* Give one field the value it has in from. */
void config_copy(struct config *config, const struct config *from, enum option_id id);
/* The value as config_print writes it; freed by the caller. */
char *config_value(const struct config *config, enum option_id id);

#endif
