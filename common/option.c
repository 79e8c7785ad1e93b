/*
 * option.c - the table of options made into rows, and text into values.
 *
 * Owns nothing but the tables. Every text that comes from a flag, the
 * environment, a file or the supervisor goes through config_set, so there is
 * one place that says what is wrong with a value.
 */
#include "common/option.h"

#include "common/ipc/message.h"
#include "common/nearest.h"
#include "common/xmem.h"

#include <ctype.h>
#include <stdlib.h>

const struct option_row option_rows[OPTION_COUNT] = {
#define OPTION(name, flag, env, file_key, kind, initial, min, max, argument, help) \
	{ #name, flag, env, file_key, OPTION_KIND_##kind, initial, min, max, argument, help, \
	    offsetof(struct config, name) },
#include "common/option_table.h"
};

/* Other names of an option, old ones mostly; the new name is told for those. */
static const struct option_alias {
	const char *flag;
	enum option_id id;
	bool deprecated;
} option_aliases[] = {
#define OPTION_ALIAS(flag, name, deprecated) { flag, OPTION_##name, deprecated },
#define OPTION_ENVIRONMENT_ALIAS(env, name)
#define OPTION_FILE_ALIAS(file_key, name)
#include "common/option_alias_table.h"
};

static const struct option_environment_alias {
	const char *env;
	enum option_id id;
} option_environment_aliases[] = {
#define OPTION_ALIAS(flag, name, deprecated)
#define OPTION_ENVIRONMENT_ALIAS(env, name) { env, OPTION_##name },
#define OPTION_FILE_ALIAS(file_key, name)
#include "common/option_alias_table.h"
};

static const struct option_file_alias {
	const char *file_key;
	enum option_id id;
} option_file_aliases[] = {
#define OPTION_ALIAS(flag, name, deprecated)
#define OPTION_ENVIRONMENT_ALIAS(env, name)
#define OPTION_FILE_ALIAS(file_key, name) { file_key, OPTION_##name },
#include "common/option_alias_table.h"
};

static const bool option_reloadables[OPTION_COUNT] = {
#define OPTION_RELOADABLE(name) [OPTION_##name] = true,
#include "common/option_reload_table.h"
};

static bool
kind_is_text(enum option_kind kind)
{
	return kind == OPTION_KIND_TEXT || kind == OPTION_KIND_PATH ||
	    kind == OPTION_KIND_ADDRESS || kind == OPTION_KIND_LIST;
}

static char **
text_field(struct config *config, const struct option_row *row)
{
	return (char **)(void *)((char *)config + row->offset);
}

const char *
config_text(const struct config *config, enum option_id id)
{
	ASSERT(kind_is_text(option_rows[id].kind));
	return *(char *const *)(const void *)((const char *)config + option_rows[id].offset);
}

static uint64_t *
number_field(struct config *config, const struct option_row *row)
{
	return (uint64_t *)(void *)((char *)config + row->offset);
}

static bool *
bool_field(struct config *config, const struct option_row *row)
{
	return (bool *)(void *)((char *)config + row->offset);
}

void
config_init(struct config *config)
{
	char *problem;

	memset(config, 0, sizeof(*config));
	for (enum option_id id = 0; id < OPTION_COUNT; id++) {
		const struct option_row *row = &option_rows[id];

		if (kind_is_text(row->kind) && row->initial[0] == '\0') {
			*text_field(config, row) = xstrdup("");
			continue;
		}
		MUST(config_set(config, id, row->initial, &problem) == ERR_NONE);
	}
}

void
config_free(struct config *config)
{
	for (enum option_id id = 0; id < OPTION_COUNT; id++) {
		if (kind_is_text(option_rows[id].kind))
			free(*text_field(config, &option_rows[id]));
	}
	memset(config, 0, sizeof(*config));
}

/* Items without blanks around them and without empty ones. */
static char *
list_tidy(const char *text)
{
	char *tidy = xmalloc(strlen(text) + 1);
	size_t used = 0;

	while (*text != '\0') {
		size_t length = strcspn(text, ",");
		const char *item = text;
		const char *end = text + length;

		while (item < end && isspace((unsigned char)*item))
			item++;
		while (end > item && isspace((unsigned char)end[-1]))
			end--;
		if (end > item) {
			if (used > 0)
				tidy[used++] = ',';
			memcpy(tidy + used, item, (size_t)(end - item));
			used += (size_t)(end - item);
		}
		text += length;
		if (*text == ',')
			text++;
	}
	tidy[used] = '\0';
	return tidy;
}

static bool
port_valid(const char *text)
{
	unsigned port = 0;
	size_t i;

	for (i = 0; text[i] != '\0'; i++) {
		if (text[i] < '0' || text[i] > '9' || i == 5)
			return false;
		port = port * 10 + (unsigned)(text[i] - '0');
	}
	return i > 0 && port <= 65535;
}

char *
option_address_problem(const char *text)
{
	const char *scheme = strstr(text, "://");
	const char *colon = strrchr(text, ':');
	const char *end;

	if (scheme != NULL)
		return xasprintf("\"%s\": no scheme here; write %s", text,
		    scheme[3] == '\0' ? "host:port" : scheme + 3);
	if (text[0] == '[') {
		end = strchr(text, ']');
		if (end == NULL)
			return xasprintf("\"%s\": a ] is missing; write [address]:port", text);
		if (end[1] != ':')
			return xasprintf("\"%s\": no port; write host:port", text);
		colon = end + 1;
	} else if (colon == NULL) {
		return xasprintf("\"%s\": no port; write host:port", text);
	} else if (strchr(text, ':') != colon) {
		return xasprintf("\"%s\": an IPv6 address needs brackets; write [address]:port",
		    text);
	}
	if (colon == text || (text[0] == '[' && colon == text + 2))
		return xasprintf("\"%s\": no host; write host:port", text);
	if (!port_valid(colon + 1))
		return xasprintf("\"%s\": \"%s\" is not a port", text, colon + 1);
	for (const char *at = text; at < colon; at++) {
		if (isspace((unsigned char)*at) || *at == '/' || *at == ',')
			return xasprintf("\"%s\": a host cannot have \"%c\" in it", text, *at);
	}
	return NULL;
}

static char *
bool_parse(const char *text, bool *value)
{
	static const char *const yes[] = { "1", "t", "true", "TRUE", "True" };
	static const char *const no[] = { "0", "f", "false", "FALSE", "False" };

	for (size_t i = 0; i < ARRAY_COUNT(yes); i++) {
		if (strcmp(text, yes[i]) == 0 || strcmp(text, no[i]) == 0) {
			*value = strcmp(text, yes[i]) == 0;
			return NULL;
		}
	}
	return xasprintf("\"%s\" is neither true nor false", text);
}

/* A number in the unit of the C type, as the operator writes it. */
static void
number_print(const struct option_row *row, uint64_t value, struct buf *out)
{
	if (row->kind != OPTION_KIND_SECONDS || value % 1000 == 0) {
		buf_append_u64(out, row->kind == OPTION_KIND_SECONDS ? value / 1000 : value);
		return;
	}
	buf_printf(out, "%llu.%03u", (unsigned long long)(value / 1000), (unsigned)(value % 1000));
	while (out->data[out->size - 1] == '0')
		out->size--;
}

/*
 * Digits [ . digits ] [ suffix ] to the unit of the C type. *huge is set for
 * what no uint64_t holds, so that it is reported as above the maximum.
 */
static bool
magnitude_parse(enum option_kind kind, const char *text, uint64_t *value, bool *huge)
{
	uint64_t number = 0;
	uint64_t unit = kind == OPTION_KIND_SECONDS ? 1000 : 1;

	if (*text < '0' || *text > '9')
		return false;
	for (; *text >= '0' && *text <= '9'; text++) {
		if (__builtin_mul_overflow(number, UINT64_C(10), &number) ||
		    __builtin_add_overflow(number, (uint64_t)(*text - '0'), &number))
			*huge = true;
	}
	if (kind == OPTION_KIND_SIZE && *text != '\0') {
		static const char suffixes[] = "KMG";
		const char *suffix = strchr(suffixes, toupper((unsigned char)*text));

		if (suffix == NULL)
			return false;
		unit = UINT64_C(1) << (10 * (suffix - suffixes + 1));
		text++;
	}
	if (__builtin_mul_overflow(number, unit, &number))
		*huge = true;
	if (kind == OPTION_KIND_SECONDS && *text == '.') {
		uint64_t fraction = 0;
		uint64_t digit_ms = 100;

		if (text[1] == '\0')
			return false;
		for (text++; *text >= '0' && *text <= '9'; text++, digit_ms /= 10)
			fraction += (uint64_t)(*text - '0') * digit_ms;
		if (__builtin_add_overflow(number, fraction, &number))
			*huge = true;
	}
	*value = number;
	return *text == '\0';
}

static char *
number_parse(const struct option_row *row, const char *text, uint64_t *result)
{
	bool negative = text[0] == '-';
	struct buf bound = BUF_INIT;
	const char *relation = NULL;
	char *problem = NULL;
	uint64_t value = 0;
	bool huge = false;

	if (!magnitude_parse(row->kind, negative ? text + 1 : text, &value, &huge)) {
		switch (row->kind) {
		case OPTION_KIND_SECONDS:
			return xasprintf("\"%s\" is not a number of seconds", text);
		case OPTION_KIND_SIZE:
			return xasprintf("\"%s\" is not a size; write a number, or one with K, "
			    "M or G", text);
		case OPTION_KIND_TEXT:
		case OPTION_KIND_PATH:
		case OPTION_KIND_ADDRESS:
		case OPTION_KIND_LIST:
		case OPTION_KIND_BOOL:
		case OPTION_KIND_NUMBER:
		case OPTION_KIND_MS:
			return xasprintf("\"%s\" is not a whole number", text);
		}
	}
	if ((negative && (value != 0 || huge)) || (!huge && value < row->min)) {
		relation = "below the minimum";
		number_print(row, row->min, &bound);
	} else if (huge || value > row->max) {
		relation = "above the maximum";
		number_print(row, row->max, &bound);
	}
	if (relation != NULL)
		problem = xasprintf("%s is %s %.*s", text, relation, SLICE_ARGS(buf_slice(&bound)));
	else
		*result = value;
	buf_free(&bound);
	return problem;
}

enum err
config_set(struct config *config, enum option_id id, const char *text, char **problem)
{
	const struct option_row *row = &option_rows[id];
	char *wrong = NULL;
	char *owned = NULL;
	uint64_t number = 0;
	bool truth = false;

	switch (row->kind) {
	case OPTION_KIND_ADDRESS:
		wrong = option_address_problem(text);
		if (wrong == NULL)
			owned = xstrdup(text);
		break;
	case OPTION_KIND_TEXT:
	case OPTION_KIND_PATH:
		owned = xstrdup(text);
		break;
	case OPTION_KIND_LIST:
		owned = list_tidy(text);
		break;
	case OPTION_KIND_BOOL:
		wrong = bool_parse(text, &truth);
		break;
	case OPTION_KIND_NUMBER:
	case OPTION_KIND_MS:
	case OPTION_KIND_SECONDS:
	case OPTION_KIND_SIZE:
		wrong = number_parse(row, text, &number);
		break;
	}
	if (wrong != NULL) {
		*problem = wrong;
		return ERR_INVALID;
	}
	if (owned != NULL) {
		free(*text_field(config, row));
		*text_field(config, row) = owned;
	} else if (row->kind == OPTION_KIND_BOOL) {
		*bool_field(config, row) = truth;
	} else {
		*number_field(config, row) = number;
	}
	return ERR_NONE;
}

const struct option_row *
option_by_flag(const char *flag)
{
	for (size_t i = 0; i < OPTION_COUNT; i++) {
		if (option_rows[i].flag != NULL && strcmp(option_rows[i].flag, flag) == 0)
			return &option_rows[i];
	}
	for (size_t i = 0; i < ARRAY_COUNT(option_aliases); i++) {
		if (strcmp(option_aliases[i].flag, flag) == 0)
			return &option_rows[option_aliases[i].id];
	}
	return NULL;
}

bool
option_flag_deprecated(const char *flag)
{
	for (size_t i = 0; i < ARRAY_COUNT(option_aliases); i++) {
		if (strcmp(option_aliases[i].flag, flag) == 0)
			return option_aliases[i].deprecated;
	}
	return false;
}

const struct option_row *
option_by_environment(const char *env)
{
	for (size_t i = 0; i < OPTION_COUNT; i++) {
		if (option_rows[i].env != NULL && strcmp(option_rows[i].env, env) == 0)
			return &option_rows[i];
	}
	for (size_t i = 0; i < ARRAY_COUNT(option_environment_aliases); i++) {
		if (strcmp(option_environment_aliases[i].env, env) == 0)
			return &option_rows[option_environment_aliases[i].id];
	}
	return NULL;
}

const struct option_row *
option_by_file_key(const char *key)
{
	for (size_t i = 0; i < OPTION_COUNT; i++) {
		if (option_rows[i].file_key != NULL && strcmp(option_rows[i].file_key, key) == 0)
			return &option_rows[i];
	}
	for (size_t i = 0; i < ARRAY_COUNT(option_file_aliases); i++) {
		if (strcmp(option_file_aliases[i].file_key, key) == 0)
			return &option_rows[option_file_aliases[i].id];
	}
	return NULL;
}

bool
option_reloadable(enum option_id id)
{
	return option_reloadables[id];
}

const char *
option_nearest(const char *flag)
{
	struct nearest nearest = nearest_to(flag);

	for (size_t i = 0; i < OPTION_COUNT; i++)
		nearest_try(&nearest, option_rows[i].flag);
	return nearest.word;
}

static const char *
behind_table(const char *key)
{
	const char *dot = strrchr(key, '.');

	return dot == NULL ? key : dot + 1;
}

const char *
option_nearest_file_key(const char *key)
{
	struct nearest nearest = nearest_to(key);

	for (size_t i = 0; i < OPTION_COUNT; i++) {
		const char *file_key = option_rows[i].file_key;

		nearest_try(&nearest, file_key);
		if (file_key != NULL && strcmp(behind_table(key), behind_table(file_key)) == 0)
			return file_key;
	}
	return nearest.word;
}

void
config_print(const struct config *config, enum option_id id, struct buf *out)
{
	const struct option_row *row = &option_rows[id];
	const char *field = (const char *)config + row->offset;

	switch (row->kind) {
	case OPTION_KIND_TEXT:
	case OPTION_KIND_PATH:
	case OPTION_KIND_ADDRESS:
	case OPTION_KIND_LIST:
		buf_append_text(out, *(char *const *)(const void *)field);
		break;
	case OPTION_KIND_BOOL:
		buf_append_text(out, *(const bool *)(const void *)field ? "true" : "false");
		break;
	case OPTION_KIND_NUMBER:
	case OPTION_KIND_MS:
	case OPTION_KIND_SECONDS:
	case OPTION_KIND_SIZE:
		number_print(row, *(const uint64_t *)(const void *)field, out);
		break;
	}
}

void
config_to_settings(const struct config *config, struct buf *out)
{
	struct buf text = BUF_INIT;

	for (enum option_id id = 0; id < OPTION_COUNT; id++) {
		buf_clear(&text);
		config_print(config, id, &text);
		setting_record_put(out, &(struct setting_record){
		    .name = slice_text(option_rows[id].name), .value = buf_slice(&text) });
	}
	buf_free(&text);
}

static bool
option_id_by_name(struct slice name, enum option_id *id)
{
	for (enum option_id i = 0; i < OPTION_COUNT; i++) {
		if (slice_equal(name, slice_text(option_rows[i].name))) {
			*id = i;
			return true;
		}
	}
	return false;
}

enum err
config_from_settings(struct config *config, struct slice settings)
{
	struct reader in = reader_of(settings);

	while (!reader_done(&in)) {
		struct setting_record setting;
		enum option_id id;
		enum err err;
		char *problem;
		char *text;

		if (!setting_record_get(&in, &setting))
			return ERR_MALFORMED;
		if (!option_id_by_name(setting.name, &id))
			return ERR_INVALID;
		/* An address may be empty only because nobody set it. */
		if (setting.value.size == 0 && kind_is_text(option_rows[id].kind)) {
			**text_field(config, &option_rows[id]) = '\0';
			continue;
		}
		text = xasprintf("%.*s", SLICE_ARGS(setting.value));
		err = config_set(config, id, text, &problem);
		free(text);
		if (err != ERR_NONE) {
			free(problem);
			return err;
		}
	}
	return ERR_NONE;
}

char *
config_value(const struct config *config, enum option_id id)
{
	struct buf text = BUF_INIT;
	char *value;

	config_print(config, id, &text);
	value = xasprintf("%.*s", (int)text.size, text.size == 0 ? "" : (const char *)text.data);
	buf_free(&text);
	return value;
}

void
config_copy(struct config *config, const struct config *from, enum option_id id)
{
	const struct option_row *row = &option_rows[id];

	if (kind_is_text(row->kind)) {
		char *copy = xstrdup(config_text(from, id));

		free(*text_field(config, row));
		*text_field(config, row) = copy;
	} else if (row->kind == OPTION_KIND_BOOL) {
		*bool_field(config, row) = *(const bool *)((const char *)from + row->offset);
	} else {
		*number_field(config, row) =
		    *(const uint64_t *)(const void *)((const char *)from + row->offset);
	}
}
