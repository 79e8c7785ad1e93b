/*
 * cause.c - see cause.h.
 */
#include "common/cause.h"

static const struct row {
	const char *text;
	enum fate fate;
} rows[] = {
#define CAUSE(tag, fate, text) [CAUSE_##tag] = { text, FATE_##fate },
#include "common/cause_table.h"
};

const char *
cause_text(enum cause cause)
{
	return rows[cause].text;
}

enum fate
cause_fate(struct slice text)
{
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++)
		if (slice_equal(text, slice_text(rows[i].text)))
			return rows[i].fate;
	return FATE_UNKNOWN;
}
