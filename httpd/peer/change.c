/*
 * change.c - requests on the peer port that change who is a member.
 *
 * The body is judged here; whether the change may be made is the leader's
 * decision, which raftd asks for and brings back as an outcome. The answer to
 * a joiner is written from the status that was pushed before the outcome, so
 * it has the joiner in it.
 */
#include "httpd/peer/change.h"

#include "common/diag.h"
#include "common/ipc/wire.h"
#include "common/json_put.h"
#include "httpd/api_error.h"
#include "httpd/backend.h"
#include "httpd/cluster.h"
#include "httpd/peer/handshake.h"
#include "httpd/peer/join_text.h"
#include "httpd/peer/peer.h"
#include "httpd/worker.h"

#include <inttypes.h>
#include <stdio.h>

/* A request that waits for its outcome; in the request's arena. */
struct change_request {
	struct backend_call call;
	struct request *request;
	struct slice name;
	bool remove;
};

static void
change_gone(struct request *request)
{
	struct change_request *change = request->state;

	backend_cancel(request->worker->backend, &change->call);
}

static void
change_send(struct request *request, struct buf *body)
{
	response_send(request, 200, "application/json", buf_slice(body));
	buf_free(body);
}

static void
change_done(struct backend_call *call, const struct msg_outcome *outcome)
{
	struct change_request *change = CONTAINER_OF(call, struct change_request, call);
	struct request *request = change->request;
	enum err err = err_from_number(outcome->error);
	struct buf body = BUF_INIT;
	struct json_put json = json_put_into(&body);

	request->gone = NULL;
	if (err != ERR_NONE) {
		diag_info("peer", "%s of %.*s refused: %s: %.*s",
		    change->remove ? "removal" : "join", SLICE_ARGS(change->name), err_text(err),
		    SLICE_ARGS(outcome->cause));
		api_error(request, err, outcome->cause, outcome->store_index);
		return;
	}
	diag_info("peer", "%s of %.*s done asked-by=%s", change->remove ? "removal" : "join",
	    SLICE_ARGS(change->name), request_from(request));
	if (!change->remove) {
		join_answer_put(&body, request->worker->cluster);
		change_send(request, &body);
		return;
	}
	json_put_open(&json, NULL, '{');
	json_put_text(&json, "removed", change->name);
	json_put_number(&json, "index", outcome->store_index);
	json_put_close(&json, '}');
	buf_append_byte(&body, '\n');
	change_send(request, &body);
}

static void
change_ask(struct request *request, struct msg_member_change *message)
{
	struct change_request *change = arena_zalloc(&request->arena, sizeof(*change));

	change->request = request;
	change->name = arena_copy(&request->arena, message->name);
	change->remove = message->op != MEMBER_JOIN;
	change->call.done = change_done;
	request->state = change;
	request->gone = change_gone;
	backend_member_change(request->worker->backend, &change->call, message);
}

/* The value of forget in the query; empty if it is not there. */
static struct slice
query_forget(struct slice query)
{
	static const struct slice name = { (const uint8_t *)"forget=", 7 };

	while (query.size > 0) {
		const uint8_t *end = memchr(query.data, '&', query.size);
		size_t size = end == NULL ? query.size : (size_t)(end - query.data);
		struct slice pair = slice_of(query.data, size);

		if (slice_starts_with(pair, name))
			return slice_of(pair.data + name.size, pair.size - name.size);
		size = MIN_OF(size + 1, query.size);
		query = slice_of(query.data + size, query.size - size);
	}
	return SLICE_EMPTY;
}

void
change_remove(struct request *request, struct slice name)
{
	struct msg_member_change message = { .op = MEMBER_REMOVE, .name = name };
	struct slice forget = query_forget(request->query);
	char sentence[96];

	if (slice_equal(forget, SLICE_LITERAL("true"))) {
		message.op = MEMBER_FORGET;
	} else if (forget.size > 0 && !slice_equal(forget, SLICE_LITERAL("false"))) {
		snprintf(sentence, sizeof(sentence), "forget is \"%.*s\", it can be true or false",
		    (int)MIN_OF(forget.size, (size_t)32), (const char *)forget.data);
		response_plain_error(request, 400, sentence);
		return;
	}
	if (name.size > NAME_BYTES_MAX)
		api_error(request, ERR_KEY_NOT_FOUND, name, request->worker->cluster->store_index);
	else
		change_ask(request, &message);
}

void
peer_join_handle(struct request *request)
{
	const struct cluster *cluster = request->worker->cluster;
	struct join_request join;
	struct msg_member_change message;
	const char *problem;
	char sentence[192];
	enum err err;

	err = join_request_parse(request->body, &join, &problem);
	if (err == ERR_UNSUPPORTED) {
		response_plain_error(request, 501,
		    "this cluster cannot be joined by a machine of the 0.4 series");
		return;
	}
	if (err != ERR_NONE) {
		snprintf(sentence, sizeof(sentence), "join body refused: %s", problem);
		response_plain_error(request, 400, sentence);
		return;
	}
	if (join.protocol_min > HANDSHAKE_PROTOCOL_MAX ||
	    join.protocol_max < HANDSHAKE_PROTOCOL_MIN) {
		snprintf(sentence, sizeof(sentence),
		    "the joiner speaks protocol %" PRIu64 "-%" PRIu64
		    ", this cluster speaks %" PRIu32 "-%" PRIu32
		    ": it needs the version of the others", join.protocol_min,
		    join.protocol_max, HANDSHAKE_PROTOCOL_MIN, HANDSHAKE_PROTOCOL_MAX);
		response_plain_error(request, 412, sentence);
		return;
	}
	if (cluster->cluster_id == 0) {
		api_error(request, ERR_RAFT_INTERNAL, SLICE_LITERAL("joining"), 0);
		return;
	}
	message = (struct msg_member_change){
		.op = MEMBER_JOIN,
		.id = join.id,
		.name = slice_text(join.name),
		.peer_url = slice_text(join.peer_url),
		.client_url = slice_text(join.client_url),
	};
	change_ask(request, &message);
}
