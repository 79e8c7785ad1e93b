/*
 * diag_level.c - levels by part (see diag_level.h). Pure.
 */
#include "common/diag_level.h"

#include "common/buf.h"
#include "common/xmem.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

static const char *const level_names[] = {
	[DIAG_ERROR] = "error",
	[DIAG_WARN] = "warn",
	[DIAG_INFO] = "info",
	[DIAG_DEBUG] = "debug",
	[DIAG_TRACE] = "trace",
};

static const char *const parts[] = {
#define DIAG_PART(name, most) name,
#include "common/diag_part_table.h"
};
/* What a level without a part gives to each. */
static const enum diag_level most[] = {
#define DIAG_PART(name, most) most,
#include "common/diag_part_table.h"
};
_Static_assert(ARRAY_COUNT(parts) == DIAG_PART_COUNT, "every part has a level");

const char *
diag_level_name(enum diag_level level)
{
	return level_names[level];
}

bool
diag_level_parse(const char *text, enum diag_level *level)
{
	for (size_t i = 0; i < ARRAY_COUNT(level_names); i++) {
		if (strcmp(text, level_names[i]) == 0) {
			*level = (enum diag_level)i;
			return true;
		}
	}
	return false;
}

void
diag_levels_all(struct diag_levels *levels, enum diag_level level)
{
	levels->most = level;
	for (size_t i = 0; i < DIAG_PART_COUNT; i++)
		levels->of[i] = MIN_OF(level, most[i]);
}

static size_t
find_part(const char *name)
{
	size_t i = 0;

	while (i < DIAG_PART_COUNT && strcmp(parts[i], name) != 0)
		i++;
	return i;
}

enum diag_level
diag_levels_of(const struct diag_levels *levels, const char *part)
{
	size_t i = find_part(part);

	return i == DIAG_PART_COUNT ? levels->most : levels->of[i];
}

/* One item without the blanks around it; cuts the text that it stands in. */
static char *
trim(char *item)
{
	size_t size;

	while (isspace((unsigned char)*item))
		item++;
	size = strlen(item);
	while (size > 0 && isspace((unsigned char)item[size - 1]))
		item[--size] = '\0';
	return item;
}

static char *
join(const char *before, const char *value, const char *const *names, size_t count)
{
	struct buf text = BUF_INIT;
	char *result;

	buf_printf(&text, "\"%s\" %s", value, before);
	for (size_t i = 0; i < count; i++)
		buf_printf(&text, "%s%s", i == 0 ? " " : ", ", names[i]);
	result = xasprintf("%.*s", SLICE_ARGS(buf_slice(&text)));
	buf_free(&text);
	return result;
}

/* set: which parts have a level of their own. */
static char *
take_item(char *item, struct diag_levels *levels, bool *set, enum diag_level *general)
{
	char *mark = strchr(item, '=');
	enum diag_level level;
	size_t part;

	if (!diag_level_parse(mark == NULL ? item : trim(mark + 1), &level))
		return join("is none of", mark == NULL ? item : trim(mark + 1), level_names,
		    ARRAY_COUNT(level_names));
	if (mark == NULL) {
		*general = level;
		return NULL;
	}
	*mark = '\0';
	part = find_part(trim(item));
	if (part == DIAG_PART_COUNT)
		return join("is no part; there are", trim(item), parts, ARRAY_COUNT(parts));
	levels->of[part] = level;
	set[part] = true;
	return NULL;
}

char *
diag_levels_parse(const char *text, struct diag_levels *levels)
{
	struct diag_levels fresh = { .most = DIAG_ERROR };
	enum diag_level general = DIAG_INFO;
	bool set[DIAG_PART_COUNT] = { false };
	char *copy = xstrdup(text);
	char *rest = copy;
	char *problem = NULL;
	char *item;

	if (trim(copy)[0] == '\0')
		problem = join("is none of", "", level_names, ARRAY_COUNT(level_names));
	while (problem == NULL && (item = strsep(&rest, ",")) != NULL) {
		item = trim(item);
		if (item[0] != '\0')
			problem = take_item(item, &fresh, set, &general);
	}
	free(copy);
	if (problem != NULL)
		return problem;
	for (size_t i = 0; i < DIAG_PART_COUNT; i++) {
		if (!set[i])
			fresh.of[i] = MIN_OF(general, most[i]);
		fresh.most = MAX_OF(fresh.most, fresh.of[i]);
	}
	*levels = fresh;
	return NULL;
}
