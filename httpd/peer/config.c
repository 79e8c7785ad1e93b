/*
 * config.c - GET and PUT /v2/admin/config: how large the cluster is to be.
 *
 * The numbers are the cluster's, replicated by raftd and pushed with its
 * status; a change is answered from the status that came before its outcome.
 * Source: docs/api.md, "Peer port"; docs/operations.md, "Members".
 */
#include "httpd/peer/peer.h"

#include "common/ipc/message.h"
#include "common/limits.h"
#include "httpd/apierror.h"
#include "httpd/backend.h"
#include "httpd/cluster.h"
#include "httpd/json.h"
#include "httpd/peer/json_walk.h"

#include <stdio.h>
#include <stdlib.h>

/* Text of a number in JSON is as long as its writer likes. */
#define NUMBER_BYTES_MAX 64

_Static_assert(VOTERS_MAX == 31, "the sentence about activeSize says so");

/* A change that waits for its outcome; in the request's arena. */
struct config_change {
	struct backend_call call;
	struct request *request;
};

struct config_reader {
	struct msg_config_change change;
	const char *wrong;		/* with what was refused here; else NULL */
};

static void
send_config(struct request *request)
{
	const struct cluster *cluster = request->worker->cluster;
	struct buf body = BUF_INIT;
	struct json json = json_into(&body);

	json_open(&json, '{');
	json_name(&json, "activeSize");
	json_number(&json, cluster->active_size);
	json_name(&json, "removeDelay");
	json_decimal(&json, (double)cluster->remove_delay_ms / 1000, 3);
	json_name(&json, "syncInterval");
	json_decimal(&json, (double)cluster->sync_interval_ms / 1000, 3);
	json_close(&json, '}');
	buf_append_byte(&body, '\n');
	response_send(request, 200, "application/json", buf_slice(&body));
	buf_free(&body);
}

/* Anything below one is one, which raftd raises to the least that is allowed. */
static bool
take_number(enum json_kind kind, struct slice text, double scale, bool whole, uint64_t *result)
{
	char copy[NUMBER_BYTES_MAX + 1];
	double number;

	if (kind != JSON_NUMBER || text.size > NUMBER_BYTES_MAX)
		return false;
	memcpy(copy, text.data, text.size);
	copy[text.size] = '\0';
	if (whole && strpbrk(copy, ".eE") != NULL)
		return false;
	number = strtod(copy, NULL) * scale;
	*result = number < 1 ? 1 : (uint64_t)MIN_OF(number, (double)CLUSTER_TIME_MS_MAX);
	return true;
}

static bool
config_take(void *argument, const char *place, enum json_kind kind, struct slice text)
{
	struct config_reader *reader = argument;
	struct msg_config_change *change = &reader->change;
	const char *wrong = NULL;

	if (strcmp(place, "") == 0) {
		if (kind != JSON_OBJECT && kind != JSON_OBJECT_END)
			wrong = "it is not an object";
	} else if (strcmp(place, "activeSize") == 0) {
		if (!take_number(kind, text, 1, true, &change->active_size))
			wrong = "\"activeSize\" is not a whole number";
		else if (change->active_size > VOTERS_MAX)
			wrong = "\"activeSize\" is above the maximum 31";
	} else if (strcmp(place, "removeDelay") == 0) {
		if (!take_number(kind, text, 1000, false, &change->remove_delay_ms))
			wrong = "\"removeDelay\" is not a number of seconds";
	} else if (strcmp(place, "syncInterval") == 0) {
		if (!take_number(kind, text, 1000, false, &change->sync_interval_ms))
			wrong = "\"syncInterval\" is not a number of seconds";
	}
	reader->wrong = wrong;
	return wrong == NULL;
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
	struct config_reader reader = { 0 };
	struct config_change *change;
	const char *broken = NULL;
	char sentence[192];

	if (json_walk(request->body, (struct json_walker){ config_take, &reader }, &broken) !=
	    ERR_NONE) {
		snprintf(sentence, sizeof(sentence), "cluster configuration refused: %s",
		    reader.wrong != NULL ? reader.wrong : broken);
		response_plain_error(request, 400, sentence);
		return;
	}
	change = arena_zalloc(&request->arena, sizeof(*change));
	change->request = request;
	change->call.done = config_done;
	request->state = change;
	request->gone = config_gone;
	backend_config_change(request->worker->backend, &change->call, &reader.change);
}

void
peer_config_handle(struct request *request)
{
	if (request->worker->cluster->cluster_id == 0)
		api_error(request, ERR_RAFT_INTERNAL, SLICE_LITERAL("joining"), 0);
	else if (request->method == METHOD_PUT)
		config_put(request);
	else
		send_config(request);
}
