/*
 * access.c - lines about requests (see access.h).
 */
#include "httpd/access.h"

#include "common/diag.h"
#include "common/diag_format.h"
#include "common/diag_pipe.h"
#include "common/xmem.h"
#include "httpd/routes.h"
#include "httpd/worker.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define LINE_BYTES_MAX 1024
#define TAIL_BYTES_MAX 160		/* of a line, behind the path */
#define TARGET_BYTES_MAX 512		/* of a slow request's line, before escapes */

struct access {
	bool json;
	bool keys;			/* paths may be shown */
	long pid;
	struct buf lines;
	size_t count;
	uint64_t time_ms;		/* wall; of the text */
	char time[CLOCK_TEXT_BYTES];
};

struct access *
access_new(const struct worker *worker)
{
	const struct config *config = &worker->config;
	struct access *access;

	if (strcmp(config->access_log, "off") == 0)
		return NULL;
	access = xzalloc(sizeof(*access));
	access->json = strcmp(config->log_format, "json") == 0;
	access->keys = config->log_keys;
	access->pid = (long)getpid();
	return access;
}

void
access_free(struct access **access)
{
	if (*access == NULL)
		return;
	access_flush(*access);
	buf_free(&(*access)->lines);
	free(*access);
	*access = NULL;
}

void
access_flush(struct access *access)
{
	if (access == NULL || access->count == 0)
		return;
	diag_pipe_access(buf_slice(&access->lines), access->count);
	buf_clear(&access->lines);
	access->count = 0;
}

/* ---- what may be shown of a target ------------------------------------------------ */

static size_t
put(char *text, size_t size, size_t limit, struct slice piece, bool json)
{
	return json ? diag_escape_json(text, size, limit, piece) :
	    diag_escape(text, size, limit, piece);
}

/* "?wait=true&value=x" as "?wait&value". */
static size_t
put_names(char *text, size_t size, size_t limit, struct slice query, bool json)
{
	char mark = '?';

	while (query.size > 0) {
		const uint8_t *and = memchr(query.data, '&', query.size);
		size_t item = and == NULL ? query.size : (size_t)(and - query.data);
		const uint8_t *equals = memchr(query.data, '=', item);
		size_t name = equals == NULL ? item : (size_t)(equals - query.data);

		size = put(text, size, limit, slice_of(&mark, 1), json);
		size = put(text, size, limit, slice_of(query.data, name), json);
		mark = '&';
		item += and == NULL ? 0 : 1;
		query = slice_of(query.data + item, query.size - item);
	}
	return size;
}

/* Path and names of parameters, or the route. A blank ends a path in a line of
 * text, and none can be in it: the gate refused such targets. */
static size_t
put_target(char *text, size_t size, size_t limit, const struct request *request, bool keys,
    bool json)
{
	struct slice target = request->target;
	const uint8_t *mark = target.size == 0 ? NULL : memchr(target.data, '?', target.size);

	if (target.size == 0)
		return put(text, size, limit, SLICE_LITERAL("-"), json);
	if (!keys)
		return put(text, size, limit, slice_text(route_name(request->route)), json);
	if (mark != NULL)
		target.size = (size_t)(mark - target.data);
	size = put(text, size, limit, target, json);
	return put_names(text, size, limit, request->query, json);
}

/* ---- lines -------------------------------------------------------------------------- */

static const char *
time_text(struct access *access, struct clock_time now)
{
	if (now.wall_ns / NS_PER_MS != access->time_ms) {
		access->time_ms = now.wall_ns / NS_PER_MS;
		clock_format(now.wall_ns, 3, false, access->time);
	}
	return access->time;
}

static const char *
method_of(const struct request *request)
{
	return request->target.size == 0 ? "-" : request_method_name(request->method);
}

static unsigned
status_of(const struct request *request)
{
	return request->status == 0 ? ACCESS_CLIENT_LEFT : request->status;
}

static size_t
put_text_line(struct access *access, const struct request *request, struct clock_time now,
    char line[LINE_BYTES_MAX])
{
	uint64_t took_us = (now.monotonic_ns - request->begun_ns) / 1000;
	size_t size;

	size = (size_t)snprintf(line, LINE_BYTES_MAX, "%s %.255s httpd[%ld] %s %s ",
	    time_text(access, now), diag_node(), access->pid, request_from(request),
	    method_of(request));
	size = put_target(line, size, LINE_BYTES_MAX - TAIL_BYTES_MAX, request, access->keys,
	    false);
	size += (size_t)snprintf(line + size, LINE_BYTES_MAX - size, " %u in=%" PRIu64
	    " out=%" PRIu64 " ms=%" PRIu64 ".%03u id=%u-%" PRIu64 "\n", status_of(request),
	    request->bytes_in, request->bytes_out, took_us / 1000, (unsigned)(took_us % 1000),
	    (unsigned)request->worker->number, request->number);
	return size;
}

static size_t
put_json_line(struct access *access, const struct request *request, struct clock_time now,
    char line[LINE_BYTES_MAX])
{
	uint64_t took_us = (now.monotonic_ns - request->begun_ns) / 1000;
	size_t size;

	size = (size_t)snprintf(line, LINE_BYTES_MAX, "{\"time\":\"%s\",\"node\":\"%.255s\","
	    "\"proc\":\"httpd\",\"pid\":%ld,\"client\":\"%s\",\"method\":\"%s\",\"path\":\"",
	    time_text(access, now), diag_node(), access->pid, request_from(request),
	    method_of(request));
	size = put_target(line, size, LINE_BYTES_MAX - TAIL_BYTES_MAX, request, access->keys,
	    true);
	size += (size_t)snprintf(line + size, LINE_BYTES_MAX - size,
	    "\",\"status\":%u,\"in\":%" PRIu64 ",\"out\":%" PRIu64 ",\"ms\":%" PRIu64
	    ".%03u,\"id\":\"%u-%" PRIu64 "\"}\n", status_of(request), request->bytes_in,
	    request->bytes_out, took_us / 1000, (unsigned)(took_us % 1000),
	    (unsigned)request->worker->number, request->number);
	return size;
}

void
access_put(struct access *access, const struct request *request)
{
	struct clock_time now = loop_now(request->worker->loop);
	char line[LINE_BYTES_MAX];
	size_t size;

	size = access->json ? put_json_line(access, request, now, line) :
	    put_text_line(access, request, now, line);
	ASSERT(size < sizeof(line));
	if (access->lines.size + size > DIAG_PIPE_LINES_BYTES_MAX)
		access_flush(access);
	buf_append(&access->lines, line, size);
	access->count++;
}

static double
ms_between(uint64_t from_ns, uint64_t to_ns)
{
	return from_ns == 0 || to_ns < from_ns ? 0 : (double)(to_ns - from_ns) / (double)NS_PER_MS;
}

/* What was never sent waited all the time. */
void
access_tell_slow(const struct request *request, uint64_t now_ns)
{
	uint64_t sent_ns = request->sent_ns == 0 ? now_ns : request->sent_ns;
	char target[TARGET_BYTES_MAX + 1];
	size_t size;

	size = put_target(target, 0, TARGET_BYTES_MAX, request, request->worker->config.log_keys,
	    false);
	target[size] = '\0';
	diag_warn("http", "slow request: ms=%.1f method=%s path=%s status=%u id=%u-%" PRIu64
	    " read_ms=%.1f wait_ms=%.1f raftd_ms=%.1f", ms_between(request->whole_ns, now_ns),
	    method_of(request), target, request->status, (unsigned)request->worker->number,
	    request->number, ms_between(request->begun_ns, request->whole_ns),
	    ms_between(request->whole_ns, sent_ns), ms_between(sent_ns, now_ns));
}
