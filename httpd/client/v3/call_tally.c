/*
 * call_tally.c - see call_tally.h.
 */
#include "httpd/client/v3/call_tally.h"

#include "common/limits.h"
#include "common/metric.h"
#include "common/xmem.h"

#include <stdlib.h>

#define CODES (V3_UNAUTHENTICATED + 1)

struct call_tally {
	struct metric_series *began[V3_METHODS];	/* NULL: none did yet */
	struct metric_series *ended[V3_METHODS][CODES];
	struct metric_series *others;	/* NULL: there is room */
	size_t kinds;			/* of ended */
};

struct call_tally *
call_tally_new(void)
{
	return xzalloc(sizeof(struct call_tally));
}

void
call_tally_free(struct call_tally **tally)
{
	free(*tally);
	*tally = NULL;
}

static const char *
type_of(const struct v3_method *method)
{
	static const char *const types[] = { [V3_UNARY] = "unary",
		[V3_SERVER_STREAM] = "server_stream", [V3_BOTH_STREAM] = "bidi_stream" };

	return types[method->kind];
}

/* The rows' texts are of literals, so zero-terminated. */
static const char *
text(struct slice literal)
{
	return (const char *)literal.data;
}

void
call_tally_began(struct call_tally *tally, const struct v3_method *method)
{
	struct metric_series **series = &tally->began[method->tag];

	if (*series == NULL) {
		const char *values[] = { text(method->name), text(method->service),
			type_of(method) };

		*series = metric_series(METRIC_v3_calls_began, values);
	}
	metric_series_add(*series, 1);
}

static struct metric_series *
others(struct call_tally *tally)
{
	const char *values[] = { "other", "other", "other", "other" };

	if (tally->others == NULL)
		tally->others = metric_series(METRIC_v3_calls_ended, values);
	return tally->others;
}

static struct metric_series *
series_of(struct call_tally *tally, const struct v3_method *method, enum v3_code code)
{
	struct metric_series **series = &tally->ended[method->tag][code];
	const char *values[] = { v3_code_name(code), text(method->name), text(method->service),
		type_of(method) };

	if (*series != NULL)
		return *series;
	if (tally->kinds == V3_TALLY_SERIES_MAX)
		return others(tally);
	tally->kinds++;
	*series = metric_series(METRIC_v3_calls_ended, values);
	return *series;
}

void
call_tally_ended(struct call_tally *tally, const struct v3_method *method, enum v3_code code)
{
	metric_series_add(series_of(tally, method, code), 1);
}
