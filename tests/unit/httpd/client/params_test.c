/*
 * params_test.c - parameters of keys requests.
 */
#include "httpd/client/params.h"
#include "tests/lib/test.h"

#include <stdio.h>
#include <stdlib.h>

struct reading {
	struct arena arena;
	struct params params;
	struct slice cause;
	enum err err;
};

static struct reading
read_params(enum request_method method, const char *query, const char *form)
{
	struct reading reading;

	arena_init(&reading.arena);
	reading.cause = SLICE_EMPTY;
	reading.err = params_read(&reading.arena, method, slice_text(query), slice_text(form),
	    &reading.params, &reading.cause);
	return reading;
}

static void
expect_error(enum request_method method, const char *query, const char *form, enum err err,
    const char *cause)
{
	struct reading reading = read_params(method, query, form);

	if (reading.err != err || !slice_equal(reading.cause, slice_text(cause)))
		fail_msg("%d \"%.*s\" for %s | %s", (int)reading.err, SLICE_ARGS(reading.cause),
		    query, form);
	arena_free(&reading.arena);
}

/* Keys API 4.4: each row alone, on methods that do not use it. */
TEST(every_row_is_checked_on_every_method)
{
	static const enum request_method methods[] = { METHOD_GET, METHOD_HEAD, METHOD_PUT,
		METHOD_POST, METHOD_DELETE };
	static const struct {
		const char *query;
		enum err err;
		const char *cause;
	} rows[] = {
		{ "a=%zz", ERR_INVALID_FORM, "invalid URL escape \"%zz\"" },
		{ "a;b", ERR_INVALID_FORM, "invalid semicolon separator in query" },
		{ "prevIndex=x", ERR_INDEX_NOT_NUMBER, "invalid value for \"prevIndex\"" },
		{ "prevIndex=", ERR_INDEX_NOT_NUMBER, "invalid value for \"prevIndex\"" },
		{ "waitIndex=-1", ERR_INDEX_NOT_NUMBER, "invalid value for \"waitIndex\"" },
		{ "waitIndex", ERR_INDEX_NOT_NUMBER, "invalid value for \"waitIndex\"" },
		{ "recursive=x", ERR_INVALID_FIELD, "invalid value for \"recursive\"" },
		{ "recursive=", ERR_INVALID_FIELD, "invalid value for \"recursive\"" },
		{ "sorted=yes", ERR_INVALID_FIELD, "invalid value for \"sorted\"" },
		{ "wait=2", ERR_INVALID_FIELD, "invalid value for \"wait\"" },
		{ "dir=tRUE", ERR_INVALID_FIELD, "invalid value for \"dir\"" },
		{ "quorum=on", ERR_INVALID_FIELD, "invalid value for \"quorum\"" },
		{ "stream=x", ERR_INVALID_FIELD, "invalid value for \"stream\"" },
		{ "prevValue=", ERR_PREV_VALUE_REQUIRED, "\"prevValue\" cannot be empty" },
		{ "noValueOnSuccess=x", ERR_INVALID_FIELD,
		    "invalid value for \"noValueOnSuccess\"" },
		{ "noValueOnSuccess=&ttl=x", ERR_INVALID_FIELD,
		    "invalid value for \"noValueOnSuccess\"" },
		{ "ttl=x", ERR_TTL_NOT_NUMBER, "invalid value for \"ttl\"" },
		{ "ttl=-1", ERR_TTL_NOT_NUMBER, "invalid value for \"ttl\"" },
		{ "ttl=%2B5", ERR_TTL_NOT_NUMBER, "invalid value for \"ttl\"" },
		{ "ttl=1e3", ERR_TTL_NOT_NUMBER, "invalid value for \"ttl\"" },
		{ "ttl=0x5", ERR_TTL_NOT_NUMBER, "invalid value for \"ttl\"" },
		{ "ttl=+5", ERR_TTL_NOT_NUMBER, "invalid value for \"ttl\"" },
		{ "ttl=18446744073709551616", ERR_TTL_NOT_NUMBER, "invalid value for \"ttl\"" },
		{ "prevExist=x", ERR_INVALID_FIELD, "invalid value for prevExist" },
		{ "prevExist=", ERR_INVALID_FIELD, "invalid value for prevExist" },
		{ "refresh=x", ERR_INVALID_FIELD, "invalid value for refresh" },
		{ "refresh=true&value=v", ERR_REFRESH_VALUE, "A value was provided on a refresh" },
		{ "refresh=true", ERR_REFRESH_TTL_REQUIRED, "No TTL value set" },
		{ "refresh=true&ttl=", ERR_REFRESH_TTL_REQUIRED, "No TTL value set" },
	};

	for (size_t i = 0; i < ARRAY_COUNT(rows); i++)
		for (size_t j = 0; j < ARRAY_COUNT(methods); j++)
			expect_error(methods[j], rows[i].query, "", rows[i].err, rows[i].cause);
}

TEST(wait_belongs_to_get)
{
	static const char cause[] = "\"wait\" can only be used with GET requests";

	expect_error(METHOD_HEAD, "wait=true", "", ERR_INVALID_FIELD, cause);
	expect_error(METHOD_PUT, "wait=true", "", ERR_INVALID_FIELD, cause);
	expect_error(METHOD_POST, "", "wait=1", ERR_INVALID_FIELD, cause);
	expect_error(METHOD_DELETE, "wait=t", "", ERR_INVALID_FIELD, cause);
	expect_error(METHOD_PUT, "wait=false", "", ERR_NONE, "");
	expect_error(METHOD_GET, "wait=true", "", ERR_NONE, "");
}

/* Drop the first row of a list of wrong ones: the next is reported. */
TEST(the_first_wrong_one_is_reported)
{
	static const struct {
		const char *pair;
		enum err err;
	} order[] = {
		{ "prevIndex=x", ERR_INDEX_NOT_NUMBER }, { "waitIndex=x", ERR_INDEX_NOT_NUMBER },
		{ "recursive=x", ERR_INVALID_FIELD }, { "sorted=x", ERR_INVALID_FIELD },
		{ "dir=x", ERR_INVALID_FIELD }, { "quorum=x", ERR_INVALID_FIELD },
		{ "stream=x", ERR_INVALID_FIELD }, { "wait=true", ERR_INVALID_FIELD },
		{ "prevValue=", ERR_PREV_VALUE_REQUIRED }, { "ttl=x", ERR_TTL_NOT_NUMBER },
		{ "prevExist=x", ERR_INVALID_FIELD },
	};
	static const char *const causes[] = {
		"\"prevIndex\"", "\"waitIndex\"", "\"recursive\"", "\"sorted\"", "\"dir\"",
		"\"quorum\"", "\"stream\"", "\"wait\"", "\"prevValue\"", "\"ttl\"", "prevExist",
	};

	for (size_t first = 0; first < ARRAY_COUNT(order); first++) {
		char query[256] = "";
		char cause[64];
		struct reading reading;

		/* Written backwards: their place in the query does not matter. */
		for (size_t i = ARRAY_COUNT(order); i-- > first;) {
			strcat(query, order[i].pair);
			strcat(query, "&");
		}
		reading = read_params(METHOD_PUT, query, "");
		assert_int_equal(reading.err, order[first].err);
		snprintf(cause, sizeof(cause), "%.*s", SLICE_ARGS(reading.cause));
		assert_non_null(strstr(cause, causes[first]));
		arena_free(&reading.arena);
	}
}

TEST(the_form_comes_before_the_query)
{
	struct reading reading = read_params(METHOD_PUT, "value=q&ttl=x&dir=true", "value=&ttl=7");

	assert_int_equal(reading.err, ERR_NONE);
	assert_int_equal(reading.params.value.size, 0);
	assert_true(reading.params.has_ttl);
	assert_int_equal(reading.params.ttl_s, 7);
	assert_true(reading.params.dir);
	arena_free(&reading.arena);
}

TEST(the_first_of_equal_names_counts_and_later_ones_are_not_checked)
{
	struct reading reading = read_params(METHOD_GET, "recursive=true&recursive=x", "");

	assert_int_equal(reading.err, ERR_NONE);
	assert_true(reading.params.recursive);
	arena_free(&reading.arena);
	expect_error(METHOD_GET, "recursive=x&recursive=true", "", ERR_INVALID_FIELD,
	    "invalid value for \"recursive\"");
}

TEST(odd_forms_are_read)
{
	static const struct {
		const char *form, *value;
	} rows[] = {
		{ "value", "" }, { "&&value=1&&", "1" }, { "value=a=b=c", "a=b=c" },
		    { "=x&value=1", "1" },
		{ "va%6Cue=1", "1" }, { "VALUE=1", "" }, { "value=a+b%2Bc%20d%25", "a b+c d%" },
		{ "value=a;b", "a;b" },
	};

	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		struct reading reading = read_params(METHOD_PUT, "", rows[i].form);

		assert_int_equal(reading.err, ERR_NONE);
		assert_true(slice_equal(reading.params.value, slice_text(rows[i].value)));
		arena_free(&reading.arena);
	}
}

TEST(values_at_their_bounds)
{
	struct reading reading = read_params(METHOD_PUT,
	    "ttl=0&prevIndex=18446744073709551615&waitIndex=007&prevExist=F&consistent=true", "");

	assert_int_equal(reading.err, ERR_NONE);
	assert_true(reading.params.has_ttl);
	assert_int_equal(reading.params.ttl_s, 0);
	assert_true(reading.params.prev_index == UINT64_MAX);
	assert_int_equal(reading.params.wait_index, 7);
	assert_int_equal(reading.params.prev_exist, PARAMS_FALSE);
	assert_int_equal(reading.params.refresh, PARAMS_ABSENT);
	assert_true(reading.params.consistent);
	arena_free(&reading.arena);
	reading = read_params(METHOD_PUT, "ttl=&consistent=1", "");
	assert_int_equal(reading.err, ERR_NONE);
	assert_false(reading.params.has_ttl);
	assert_false(reading.params.consistent);
	arena_free(&reading.arena);
}

TEST(the_number_of_parameters_has_a_limit)
{
	struct buf query = BUF_INIT;

	for (int i = 0; i < PARAMS_FIELDS_MAX; i++)
		buf_append_text(&query, "a=b&");
	buf_append_byte(&query, '\0');
	expect_error(METHOD_PUT, (char *)query.data, "", ERR_NONE, "");
	expect_error(METHOD_PUT, (char *)query.data, "value=1", ERR_INVALID_FORM,
	    "too many parameters");
	buf_free(&query);
}

TEST(only_forms_are_forms)
{
	static const char *const forms[] = {
		"application/x-www-form-urlencoded", "APPLICATION/X-WWW-FORM-URLENCODED",
		"application/x-www-form-urlencoded; charset=utf-8",
		"application/x-www-form-urlencoded ;x",
	};
	static const char *const others[] = {
		"", "text/plain", "application/json", "multipart/form-data; boundary=x",
		"application/x-www-form-urlencodedx",
	};

	for (size_t i = 0; i < ARRAY_COUNT(forms); i++)
		assert_true(params_is_form(slice_text(forms[i])));
	for (size_t i = 0; i < ARRAY_COUNT(others); i++)
		assert_false(params_is_form(slice_text(others[i])));
}

TEST(the_first_series_asks_for_a_value_then_for_a_good_ttl)
{
	static const struct {
		const char *query, *form;
		enum err err;
		const char *cause;
	} rows[] = {
		{ "", "", ERR_VALUE_REQUIRED, "Set" },
		{ "", "value=", ERR_VALUE_REQUIRED, "Set" },
		{ "ttl=x", "value=", ERR_VALUE_REQUIRED, "Set" },
		{ "", "value=v&ttl=x", ERR_TTL_NOT_NUMBER, "Set" },
		{ "", "value=v&ttl=-1", ERR_TTL_NOT_NUMBER, "Set" },
		{ "value=v", "", ERR_NONE, "" },
		{ "", "value=v&ttl=", ERR_NONE, "" },
		/* Nothing else is looked at. */
		{ "recursive=x&prevIndex=y&dir=z", "value=v", ERR_NONE, "" },
		{ "a=%zz", "value=v", ERR_INVALID_FORM, "invalid URL escape \"%zz\"" },
		{ "a;b", "value=v", ERR_INVALID_FORM,
		    "invalid semicolon separator in query" },
	};
	struct arena arena;
	struct params params;

	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		struct slice cause = SLICE_EMPTY;

		arena_init(&arena);
		assert_int_equal(params_read_v1_set(&arena, slice_text(rows[i].query),
		    slice_text(rows[i].form), &params, &cause), rows[i].err);
		if (rows[i].err != ERR_NONE)
			assert_true(slice_equal(cause, slice_text(rows[i].cause)));
		arena_free(&arena);
	}
}

TEST(an_empty_prev_value_of_the_first_series_asks_that_nothing_is_there)
{
	static const struct {
		const char *form;
		bool has_prev_value;
		enum params_bool prev_exist;
	} rows[] = {
		{ "value=v", false, PARAMS_ABSENT },
		{ "value=v&prevValue=", false, PARAMS_FALSE },
		{ "value=v&prevValue", false, PARAMS_FALSE },
		{ "value=v&prevValue=x", true, PARAMS_ABSENT },
	};
	struct arena arena;
	struct params params;
	struct slice cause;

	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		arena_init(&arena);
		assert_int_equal(params_read_v1_set(&arena, SLICE_EMPTY, slice_text(rows[i].form),
		    &params, &cause), ERR_NONE);
		assert_int_equal(params.has_prev_value, rows[i].has_prev_value);
		assert_int_equal(params.prev_exist, rows[i].prev_exist);
		arena_free(&arena);
	}
}

TEST(a_watch_of_the_first_series_has_an_index_that_is_a_number)
{
	static const struct {
		const char *form;
		enum err err;
		uint64_t index;
	} rows[] = {
		{ "index=7", ERR_NONE, 7 }, { "index=0", ERR_NONE, 0 },
		{ "index=18446744073709551615", ERR_NONE, UINT64_MAX },
		{ "index=18446744073709551616", ERR_INDEX_NOT_NUMBER, 0 },
		{ "index=", ERR_INDEX_NOT_NUMBER, 0 }, { "index=-1", ERR_INDEX_NOT_NUMBER, 0 },
		{ "index=x", ERR_INDEX_NOT_NUMBER, 0 }, { "", ERR_INDEX_NOT_NUMBER, 0 },
		{ "waitIndex=7", ERR_INDEX_NOT_NUMBER, 0 },
	};
	struct arena arena;
	struct params params;
	struct slice cause;

	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		arena_init(&arena);
		assert_int_equal(params_read_v1_watch(&arena, SLICE_EMPTY,
		    slice_text(rows[i].form), &params, &cause), rows[i].err);
		if (rows[i].err == ERR_NONE)
			assert_true(params.wait_index == rows[i].index);
		else
			assert_true(slice_equal(cause, SLICE_LITERAL("Watch From Index")));
		arena_free(&arena);
	}
}
