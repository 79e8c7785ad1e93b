/*
 * params.c - the parameters of a keys request (see params.h).
 *
 * Two passes: the first decodes every pair and keeps the first of each known
 * name, the second checks them in the order of the rows below.
 */
#include "httpd/client/params.h"
#include "common/metric.h"
#include "httpd/http/head.h"
#include "httpd/http/url.h"

enum param {
	PARAM_PREV_INDEX,
	PARAM_WAIT_INDEX,
	PARAM_RECURSIVE,
	PARAM_SORTED,
	PARAM_WAIT,
	PARAM_DIR,
	PARAM_QUORUM,
	PARAM_STREAM,
	PARAM_PREV_VALUE,
	PARAM_TTL,
	PARAM_PREV_EXIST,
	PARAM_REFRESH,
	PARAM_VALUE,
	PARAM_CONSISTENT,
	PARAM_NO_VALUE,
	PARAM_INDEX,
	PARAM_TIMEOUT,
	PARAM_NAME,
	PARAM_FIELD,
	PARAM_COUNT
};

static const char *const param_names[PARAM_COUNT] = {
	[PARAM_PREV_INDEX] = "prevIndex",
	[PARAM_WAIT_INDEX] = "waitIndex",
	[PARAM_RECURSIVE] = "recursive",
	[PARAM_SORTED] = "sorted",
	[PARAM_WAIT] = "wait",
	[PARAM_DIR] = "dir",
	[PARAM_QUORUM] = "quorum",
	[PARAM_STREAM] = "stream",
	[PARAM_PREV_VALUE] = "prevValue",
	[PARAM_TTL] = "ttl",
	[PARAM_PREV_EXIST] = "prevExist",
	[PARAM_REFRESH] = "refresh",
	[PARAM_VALUE] = "value",
	[PARAM_CONSISTENT] = "consistent",
	[PARAM_NO_VALUE] = "noValueOnSuccess",
	[PARAM_INDEX] = "index",
	[PARAM_TIMEOUT] = "timeout",
	[PARAM_NAME] = "name",
	[PARAM_FIELD] = "field",
};

struct found_params {
	bool present[PARAM_COUNT];
	struct slice text[PARAM_COUNT];
	size_t fields;
};

bool
params_is_form(struct slice content_type)
{
	const uint8_t *semicolon = content_type.size == 0 ? NULL :
	    memchr(content_type.data, ';', content_type.size);

	if (semicolon != NULL)
		content_type.size = (size_t)(semicolon - content_type.data);
	while (content_type.size > 0 && (content_type.data[content_type.size - 1] == ' ' ||
	    content_type.data[content_type.size - 1] == '\t'))
		content_type.size--;
	return head_name_equal(content_type, "application/x-www-form-urlencoded");
}

/* ---- decoding ---------------------------------------------------------------------- */

static struct slice
bad_escape(struct arena *arena, struct slice broken)
{
	char *text = arena_printf(arena, "invalid URL escape \"%.*s\"", SLICE_ARGS(broken));

	return slice_text(text);
}

static enum err
take_pair(struct arena *arena, struct slice pair, struct found_params *found, struct slice *cause)
{
	const uint8_t *equals = memchr(pair.data, '=', pair.size);
	struct slice name = pair;
	struct slice text = SLICE_EMPTY;
	struct slice broken;

	if (++found->fields > PARAMS_FIELDS_MAX) {
		metric_add(METRIC_rejected_form_fields, 1);
		*cause = SLICE_LITERAL("too many parameters");
		return ERR_INVALID_FORM;
	}
	if (equals != NULL) {
		name.size = (size_t)(equals - pair.data);
		text = slice_of(equals + 1, pair.size - name.size - 1);
	}
	if (url_decode(arena, URL_FORM, name, &name, &broken) != ERR_NONE ||
	    url_decode(arena, URL_FORM, text, &text, &broken) != ERR_NONE) {
		*cause = bad_escape(arena, broken);
		return ERR_INVALID_FORM;
	}
	for (int i = 0; i < PARAM_COUNT; i++) {
		if (found->present[i] || !slice_equal(name, slice_text(param_names[i])))
			continue;
		found->present[i] = true;
		found->text[i] = text;
		break;
	}
	return ERR_NONE;
}

static enum err
take_pairs(struct arena *arena, struct slice text, struct found_params *found, struct slice *cause)
{
	while (text.size > 0) {
		const uint8_t *end = memchr(text.data, '&', text.size);
		struct slice pair = text;
		enum err err;

		if (end != NULL)
			pair.size = (size_t)(end - text.data);
		if (pair.size > 0) {
			err = take_pair(arena, pair, found, cause);
			if (err != ERR_NONE)
				return err;
		}
		if (end == NULL)
			break;
		text = slice_of(end + 1, text.size - pair.size - 1);
	}
	return ERR_NONE;
}

/* ---- kinds of value -------------------------------------------------------------------- */

bool
params_number(struct slice text, uint64_t *number)
{
	uint64_t result = 0;

	if (text.size == 0)
		return false;
	for (size_t i = 0; i < text.size; i++) {
		uint8_t byte = text.data[i];

		if (byte < '0' || byte > '9')
			return false;
		if (__builtin_mul_overflow(result, UINT64_C(10), &result) ||
		    __builtin_add_overflow(result, (uint64_t)(byte - '0'), &result))
			return false;
	}
	*number = result;
	return true;
}

static bool
read_bool(struct slice text, bool *result)
{
	static const char *const names[2][6] = {
		{ "0", "f", "F", "false", "FALSE", "False" },
		{ "1", "t", "T", "true", "TRUE", "True" },
	};

	for (size_t truth = 0; truth < 2; truth++) {
		for (size_t i = 0; i < ARRAY_COUNT(names[truth]); i++) {
			if (slice_equal(text, slice_text(names[truth][i]))) {
				*result = truth == 1;
				return true;
			}
		}
	}
	return false;
}

static bool
read_tristate(const struct found_params *found, enum param param, enum params_bool *result)
{
	bool truth;

	*result = PARAMS_ABSENT;
	if (!found->present[param])
		return true;
	if (!read_bool(found->text[param], &truth))
		return false;
	*result = truth ? PARAMS_TRUE : PARAMS_FALSE;
	return true;
}

/* Of an empty one it is as if it were not there. */
static bool
read_ttl(const struct found_params *found, struct params *params)
{
	params->has_ttl = found->text[PARAM_TTL].size > 0;
	return !params->has_ttl || params_number(found->text[PARAM_TTL], &params->ttl_s);
}

/* ---- checks, in the order in which the API answers them --------------------------------- */

/* Indexes and booleans. */
static enum err
check_plain(struct arena *arena, const struct found_params *found, struct params *params,
    struct slice *cause)
{
	const struct {
		enum param param;
		uint64_t *number;
		bool *truth;
	} rows[] = {
		{ PARAM_PREV_INDEX, &params->prev_index, NULL },
		{ PARAM_WAIT_INDEX, &params->wait_index, NULL },
		{ PARAM_RECURSIVE, NULL, &params->recursive },
		{ PARAM_SORTED, NULL, &params->sorted },
		{ PARAM_WAIT, NULL, &params->wait },
		{ PARAM_DIR, NULL, &params->dir },
		{ PARAM_QUORUM, NULL, &params->quorum },
		{ PARAM_STREAM, NULL, &params->stream },
	};

	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		struct slice text = found->text[rows[i].param];

		if (!found->present[rows[i].param])
			continue;
		if (rows[i].number != NULL ? params_number(text, rows[i].number) :
		    read_bool(text, rows[i].truth))
			continue;
		*cause = slice_text(arena_printf(arena, "invalid value for \"%s\"",
		    param_names[rows[i].param]));
		return rows[i].number != NULL ? ERR_INDEX_NOT_NUMBER : ERR_INVALID_FIELD;
	}
	return ERR_NONE;
}

/* What the method and the parameters ask of each other. */
static enum err
check_meaning(enum request_method method, const struct found_params *found, struct params *params,
    struct slice *cause)
{
	if (params->wait && method != METHOD_GET) {
		*cause = SLICE_LITERAL("\"wait\" can only be used with GET requests");
		return ERR_INVALID_FIELD;
	}
	params->has_prev_value = found->present[PARAM_PREV_VALUE];
	params->prev_value = found->text[PARAM_PREV_VALUE];
	if (params->has_prev_value && params->prev_value.size == 0) {
		*cause = SLICE_LITERAL("\"prevValue\" cannot be empty");
		return ERR_PREV_VALUE_REQUIRED;
	}
	if (found->present[PARAM_NO_VALUE] &&
	    !read_bool(found->text[PARAM_NO_VALUE], &params->no_value)) {
		*cause = SLICE_LITERAL("invalid value for \"noValueOnSuccess\"");
		return ERR_INVALID_FIELD;
	}
	if (!read_ttl(found, params)) {
		*cause = SLICE_LITERAL("invalid value for \"ttl\"");
		return ERR_TTL_NOT_NUMBER;
	}
	if (!read_tristate(found, PARAM_PREV_EXIST, &params->prev_exist)) {
		*cause = SLICE_LITERAL("invalid value for prevExist");
		return ERR_INVALID_FIELD;
	}
	if (!read_tristate(found, PARAM_REFRESH, &params->refresh)) {
		*cause = SLICE_LITERAL("invalid value for refresh");
		return ERR_INVALID_FIELD;
	}
	if (params->refresh == PARAMS_TRUE && params->value.size > 0) {
		*cause = SLICE_LITERAL("A value was provided on a refresh");
		return ERR_REFRESH_VALUE;
	}
	if (params->refresh == PARAMS_TRUE && !params->has_ttl) {
		*cause = SLICE_LITERAL("No TTL value set");
		return ERR_REFRESH_TTL_REQUIRED;
	}
	return ERR_NONE;
}

static enum err
find_all(struct arena *arena, struct slice query, struct slice form, struct found_params *found,
    struct slice *cause)
{
	enum err err = take_pairs(arena, form, found, cause);

	if (err != ERR_NONE)
		return err;
	/* Once a separator like "&": what was meant cannot be known. */
	if (query.size > 0 && memchr(query.data, ';', query.size) != NULL) {
		*cause = SLICE_LITERAL("invalid semicolon separator in query");
		return ERR_INVALID_FORM;
	}
	return take_pairs(arena, query, found, cause);
}

enum err
params_read(struct arena *arena, enum request_method method, struct slice query,
    struct slice form, struct params *params, struct slice *cause)
{
	struct found_params found = { .fields = 0 };
	enum err err;

	*params = (struct params){ .prev_exist = PARAMS_ABSENT };
	if (query.size == 0 && form.size == 0)
		return ERR_NONE;
	err = find_all(arena, query, form, &found, cause);
	if (err != ERR_NONE)
		return err;
	params->value = found.text[PARAM_VALUE];
	params->consistent = slice_equal(found.text[PARAM_CONSISTENT], SLICE_LITERAL("true"));
	err = check_plain(arena, &found, params, cause);
	if (err != ERR_NONE)
		return err;
	return check_meaning(method, &found, params, cause);
}

enum err
params_read_v1_set(struct arena *arena, struct slice query, struct slice form,
    struct params *params, struct slice *cause)
{
	struct found_params found = { .fields = 0 };
	enum err err = find_all(arena, query, form, &found, cause);

	*params = (struct params){ .prev_exist = PARAMS_ABSENT };
	if (err != ERR_NONE)
		return err;
	*cause = SLICE_LITERAL("Set");
	params->value = found.text[PARAM_VALUE];
	if (params->value.size == 0)
		return ERR_VALUE_REQUIRED;
	if (!read_ttl(&found, params))
		return ERR_TTL_NOT_NUMBER;
	params->prev_value = found.text[PARAM_PREV_VALUE];
	params->has_prev_value = params->prev_value.size > 0;
	if (found.present[PARAM_PREV_VALUE] && !params->has_prev_value)
		params->prev_exist = PARAMS_FALSE;
	return ERR_NONE;
}

enum err
params_read_v1_watch(struct arena *arena, struct slice query, struct slice form,
    struct params *params, struct slice *cause)
{
	struct found_params found = { .fields = 0 };
	enum err err = find_all(arena, query, form, &found, cause);

	*params = (struct params){ .prev_exist = PARAMS_ABSENT };
	if (err != ERR_NONE)
		return err;
	*cause = SLICE_LITERAL("Watch From Index");
	return params_number(found.text[PARAM_INDEX], &params->wait_index) ? ERR_NONE :
	    ERR_INDEX_NOT_NUMBER;
}

enum err
params_read_lock(struct arena *arena, struct slice query, struct slice form,
    struct lock_params *params, struct slice *cause)
{
	struct found_params found = { .fields = 0 };
	enum err err = find_all(arena, query, form, &found, cause);

	*params = (struct lock_params){
		.ttl = found.text[PARAM_TTL],
		.timeout = found.text[PARAM_TIMEOUT],
		.value = found.text[PARAM_VALUE],
		.index = found.text[PARAM_INDEX],
		.name = found.text[PARAM_NAME],
		.field = found.text[PARAM_FIELD],
	};
	return err;
}
