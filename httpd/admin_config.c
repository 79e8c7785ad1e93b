/*
 * admin_config.c - GET and PUT /v2/admin/config: what the cluster is to be like.
 *
 * The numbers are the cluster's (common/cluster_config_table.h), replicated by
 * raftd and pushed with its status; a change is answered from the status that
 * came before its outcome.
 * Source: docs/api.md, "Peer port"; docs/operations.md, "Members".
 */
#include "httpd/admin.h"

#include "common/cluster_config.h"
#include "common/ipc/message.h"
#include "common/json_put.h"
#include "common/limits.h"
#include "common/nearest.h"
#include "common/printable.h"
#include "httpd/api_error.h"
#include "httpd/backend.h"
#include "httpd/cluster.h"
#include "httpd/json_walk.h"
#include "httpd/worker.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/* Text of a number in JSON is as long as its writer likes. */
#define NUMBER_BYTES_MAX 64
#define WRONG_BYTES_MAX 256

/* A change that waits for its outcome; in the request's arena. */
struct config_change {
	struct backend_call call;
	struct request *request;
};

struct config_reader {
	struct buf items;		/* list of config_item */
	char wrong[WRONG_BYTES_MAX];	/* what was refused here; else empty */
};

static void
send_config(struct request *request)
{
	const struct cluster *cluster = request->worker->cluster;
	struct buf body = BUF_INIT;
	struct json_put json = json_put_into(&body);

	json_put_open(&json, NULL, '{');
	for (size_t i = 0; i < CONFIG_ROWS; i++) {
		const struct config_row *row = &config_rows[i];
		uint64_t value = cluster_config_value(&cluster->config, row);

		json_put_name(&json, row->json);
		if (row->kind == CONFIG_BOOL)
			json_put_raw(&json, NULL, value == CONFIG_YES ? "true" : "false");
		else if (row->kind == CONFIG_MS)
			json_put_decimal(&json, NULL, (double)value / 1000, 3);
		else
			json_put_number(&json, NULL, value);
	}
	json_put_close(&json, '}');
	buf_append_byte(&body, '\n');
	response_send(request, 200, "application/json", buf_slice(&body));
	buf_free(&body);
}

/* Anything below one is one, which raftd raises to the least that is allowed. */
static bool
take_number(enum json_kind kind, struct slice text, double scale, bool whole, double *result)
{
	char copy[NUMBER_BYTES_MAX + 1];

	if (kind != JSON_NUMBER || text.size > NUMBER_BYTES_MAX)
		return false;
	memcpy(copy, text.data, text.size);
	copy[text.size] = '\0';
	if (whole && strpbrk(copy, ".eE") != NULL)
		return false;
	*result = MAX_OF(strtod(copy, NULL) * scale, 1);
	return true;
}

/* A number too large is refused, a time too long is the longest. */
static void
take_row(struct config_reader *reader, const struct config_row *row, enum json_kind kind,
    struct slice text)
{
	bool time = row->kind == CONFIG_MS;
	double number;

	if (row->kind == CONFIG_BOOL) {
		if (kind == JSON_BOOL)
			cluster_config_put_item(&reader->items, row,
			    slice_equal(text, SLICE_LITERAL("true")) ? CONFIG_YES : CONFIG_NO);
		else
			snprintf(reader->wrong, sizeof(reader->wrong),
			    "\"%s\" is not true or false", row->json);
		return;
	}
	if (!take_number(kind, text, time ? 1000 : 1, !time, &number))
		snprintf(reader->wrong, sizeof(reader->wrong), "\"%s\" is not a %s", row->json,
		    time ? "number of seconds" : "whole number");
	else if (!time && number > (double)row->max)
		snprintf(reader->wrong, sizeof(reader->wrong),
		    "\"%s\" is above the maximum %" PRIu64, row->json, row->max);
	else
		cluster_config_put_item(&reader->items, row,
		    (uint64_t)MIN_OF(number, (double)row->max));
}

/* Taken for done, a value that was misspelled would be missed when it is needed. */
static void
refuse_unknown(struct config_reader *reader, const char *place)
{
	struct nearest nearest = nearest_to(place);
	struct slice text = slice_text(place);
	struct buf shown = BUF_INIT;

	for (size_t i = 0; i < CONFIG_ROWS; i++)
		nearest_try(&nearest, config_rows[i].json);
	text.size = MIN_OF(text.size, (size_t)40);
	printable_put(&shown, text);
	if (nearest.word != NULL)
		snprintf(reader->wrong, sizeof(reader->wrong),
		    "\"%.*s\" is not known; did you mean \"%s\"?", SLICE_ARGS(shown),
		    nearest.word);
	else
		snprintf(reader->wrong, sizeof(reader->wrong), "\"%.*s\" is not known; GET shows "
		    "what is", SLICE_ARGS(shown));
	buf_free(&shown);
}

static bool
config_take(void *argument, const char *place, enum json_kind kind, struct slice text)
{
	struct config_reader *reader = argument;
	bool known = strcmp(place, "") == 0;

	if (known && kind != JSON_OBJECT && kind != JSON_OBJECT_END)
		snprintf(reader->wrong, sizeof(reader->wrong), "it is not an object");
	for (size_t i = 0; i < CONFIG_ROWS; i++)
		if (strcmp(place, config_rows[i].json) == 0) {
			take_row(reader, &config_rows[i], kind, text);
			known = true;
		}
	if (!known)
		refuse_unknown(reader, place);
	return reader->wrong[0] == '\0';
}

static void
config_gone(struct request *request)
{
	struct config_change *change = request->state;

	backend_cancel(request->worker->backend, &change->call);
}

static void
config_done(struct backend_call *call, const struct msg_outcome *outcome)
{
	struct config_change *change = CONTAINER_OF(call, struct config_change, call);
	struct request *request = change->request;
	enum err err = err_from_number(outcome->error);

	request->gone = NULL;
	if (err == ERR_NONE)
		send_config(request);
	else
		api_error(request, err, outcome->cause, outcome->store_index);
}

static void
config_put(struct request *request)
{
	struct config_reader reader = { .items = BUF_INIT };
	struct config_change *change;
	const char *broken = NULL;
	char sentence[WRONG_BYTES_MAX + 64];

	if (json_walk(request->body, (struct json_walker){ config_take, &reader }, &broken) !=
	    ERR_NONE) {
		snprintf(sentence, sizeof(sentence), "cluster configuration refused: %s",
		    reader.wrong[0] != '\0' ? reader.wrong : broken);
		response_plain_error(request, 400, sentence);
		buf_free(&reader.items);
		return;
	}
	change = arena_zalloc(&request->arena, sizeof(*change));
	change->request = request;
	change->call.done = config_done;
	request->state = change;
	request->gone = config_gone;
	backend_config_change(request->worker->backend, &change->call,
	    &(struct msg_config_change){ .items = buf_slice(&reader.items) });
	buf_free(&reader.items);
}

void
admin_config_handle(struct request *request)
{
	if (request->worker->cluster->cluster_id == 0)
		api_error(request, ERR_RAFT_INTERNAL, SLICE_LITERAL("joining"), 0);
	else if (request->method == METHOD_PUT)
		config_put(request);
	else
		send_config(request);
}
