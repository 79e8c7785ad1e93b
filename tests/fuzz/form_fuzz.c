/*
 * form_fuzz.c - any bytes as query and form of a keys request, of either series, or of a
 * lock, and as a path.
 *
 * The first byte chooses the method, the first line is the query, the rest the
 * form; all of it is a path too.
 */
#include "tests/fuzz/fuzz.h"

#include "httpd/client/params.h"
#include "httpd/http/url.h"

static void
try_params(enum request_method method, struct slice query, struct slice form)
{
	struct arena arena;
	struct params params;
	struct lock_params lock;
	struct slice cause = SLICE_EMPTY;
	uint64_t number;
	enum err err;

	arena_init(&arena);
	err = params_read(&arena, method, query, form, &params, &cause);
	ASSERT(err == ERR_NONE || (err_is_api(err) && cause.size > 0));
	if (err == ERR_NONE)
		ASSERT(!params.has_prev_value || params.prev_value.size > 0);
	err = params_read_v1_set(&arena, query, form, &params, &cause);
	ASSERT(err == ERR_NONE || (err_is_api(err) && cause.size > 0));
	if (err == ERR_NONE)
		ASSERT(params.value.size > 0 && params.has_prev_value ==
		    (params.prev_value.size > 0));
	err = params_read_v1_watch(&arena, query, form, &params, &cause);
	ASSERT(err == ERR_NONE || (err_is_api(err) && cause.size > 0));
	err = params_read_lock(&arena, query, form, &lock, &cause);
	ASSERT(err == ERR_NONE || (err_is_api(err) && cause.size > 0));
	if (err == ERR_NONE)
		(void)params_number(lock.index, &number);
	arena_free(&arena);
}

/* A clean path, decoded, is clean, and cleaning it again changes nothing. */
static void
try_path(struct slice text)
{
	struct buf path = BUF_INIT;
	struct buf clean = BUF_INIT;
	struct buf again = BUF_INIT;
	struct slice decoded, broken;
	struct arena arena;

	arena_init(&arena);
	buf_append_byte(&path, '/');
	buf_append_slice(&path, text);
	if (url_decode(&arena, URL_PATH, buf_slice(&path), &decoded, &broken) == ERR_NONE) {
		url_path_put_clean(decoded, &clean);
		MUST(url_decode(&arena, URL_PATH, buf_slice(&clean), &decoded, &broken) ==
		    ERR_NONE);
		ASSERT(url_path_is_clean(decoded));
		url_path_put_clean(decoded, &again);
		ASSERT(slice_equal(buf_slice(&clean), buf_slice(&again)));
	} else {
		ASSERT(broken.size >= 1 && broken.size <= 3);
		ASSERT(broken.data[0] == '%');
	}
	buf_free(&path);
	buf_free(&clean);
	buf_free(&again);
	arena_free(&arena);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const enum request_method methods[] = { METHOD_GET, METHOD_HEAD, METHOD_PUT,
		METHOD_POST, METHOD_DELETE };
	struct slice query, form;
	const uint8_t *end;

	if (size == 0)
		return 0;
	query = slice_of(data + 1, size - 1);
	form = SLICE_EMPTY;
	end = query.size == 0 ? NULL : memchr(query.data, '\n', query.size);
	if (end != NULL) {
		query.size = (size_t)(end - query.data);
		form = slice_of(end + 1, size - query.size - 2);
	}
	try_params(methods[data[0] % 5], query, form);
	try_path(slice_of(data, size));
	return 0;
}
