/*
 * params.h - the parameters of a keys request: found, decoded, checked.
 *
 * They come from the form first and then from the query, and all are checked on
 * every method, in one order, before anything else.
 * Source: docs/api.md, "Operations".
 */
#ifndef MOOTHALL_HTTPD_CLIENT_PARAMS_H
#define MOOTHALL_HTTPD_CLIENT_PARAMS_H

#include "common/err.h"
#include "common/limits.h"
#include "httpd/http/request.h"

enum params_bool {
	PARAMS_ABSENT,
	PARAMS_FALSE,
	PARAMS_TRUE,
};

struct params {
	struct slice value;		/* empty if absent */
	bool has_ttl;
	uint64_t ttl_s;
	bool has_prev_value;
	struct slice prev_value;
	uint64_t prev_index;		/* 0: no condition */
	uint64_t wait_index;		/* 0: from now on */
	enum params_bool prev_exist, refresh;
	bool recursive, sorted, wait, dir, quorum, stream;
	bool consistent;		/* exactly "true" */
	bool no_value;			/* the answer of a write has no nodes */
};

/*
 * Read the parameters.
 *
 *	form	body of a form, or empty
 *	params	out: slices borrowed from query, form or the arena
 *	cause	out: what is wrong, static or in the arena
 *
 * ERR_NONE or the API error of the first check that failed.
 */
enum err params_read(struct arena *arena, enum request_method method, struct slice query,
    struct slice form, struct params *params, struct slice *cause) MUST_CHECK;

/*
 * The same for a write of the first series: value, ttl, prevValue, where an empty one is
 * prev_exist PARAMS_FALSE; and for a watch from an index. Nothing else is looked at.
 */
enum err params_read_v1_set(struct arena *arena, struct slice query, struct slice form,
    struct params *params, struct slice *cause) MUST_CHECK;
enum err params_read_v1_watch(struct arena *arena, struct slice query, struct slice form,
    struct params *params, struct slice *cause) MUST_CHECK;

/* Parameters of a lock or a leader, as they came; empty: absent, which is the same there. */
struct lock_params {
	struct slice ttl, timeout, value, index, name, field;
};
enum err params_read_lock(struct arena *arena, struct slice query, struct slice form,
    struct lock_params *params, struct slice *cause) MUST_CHECK;

/* A number in decimal, of digits only. False: it is none, or above 2^64 - 1. */
bool params_number(struct slice text, uint64_t *number);

/* True if a body of that Content-Type is read for parameters. */
bool params_is_form(struct slice content_type);

#endif
