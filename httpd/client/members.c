/*
 * members.c - /v2/members: who is in the cluster, and changes of that, as the 2.x series has it.
 *
 * A POST makes a place for a machine that is to join, which is listed without a name until that
 * is a member; a PUT gives a place or a member other peer URLs; a DELETE removes either. The body
 * is judged here, everything else by raftd when the change is applied. May be asked of any node.
 *
 * Source: docs/api.md, "Members".
 */
#include "common/json_put.h"
#include "common/limits.h"
#include "common/rand.h"
#include "httpd/api_error.h"
#include "httpd/backend.h"
#include "httpd/client/handlers.h"
#include "httpd/client/operate.h"
#include "httpd/client/roster.h"
#include "httpd/cluster.h"
#include "httpd/worker.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define MEMBERS_PATH "/v2/members"

/* A change that waits for its outcome; in the request's arena. */
struct place_request {
	struct backend_call call;
	struct request *request;
	enum place_op op;
	uint64_t id;
	struct slice peer_urls;
};

static void
put_member(struct json_put *json, const struct cluster_member *member)
{
	json_put_open(json, NULL, '{');
	json_put_id(json, "id", member->shown_id);
	json_put_text(json, "name", slice_text(member->name));
	roster_put_urls(json, "peerURLs", member->peer_url);
	roster_put_urls(json, "clientURLs", member->client_url);
	json_put_close(json, '}');
}

static void
put_place(struct json_put *json, uint64_t id, const char *peer_urls)
{
	put_member(json, &(struct cluster_member){ .shown_id = id, .name = "",
	    .peer_url = peer_urls, .client_url = "" });
}

static void
send_json(struct request *request, unsigned status, struct buf *body)
{
	buf_append_byte(body, '\n');
	cluster_id_header(request);
	response_send(request, status, "application/json", buf_slice(body));
	buf_free(body);
}

/* An error as clients of the 2.x series read it. */
static void
send_message(struct request *request, unsigned status, const char *message)
{
	struct buf body = BUF_INIT;
	struct json_put json = json_put_into(&body);

	json_put_open(&json, NULL, '{');
	json_put_text(&json, "message", slice_text(message));
	json_put_close(&json, '}');
	send_json(request, status, &body);
}

/* ---- changes ---------------------------------------------------------------------- */

static void
gone(struct request *request)
{
	struct place_request *change = request->state;

	backend_cancel(request->worker->backend, &change->call);
}

static void
send_made(struct request *request, const struct place_request *change)
{
	struct buf body = BUF_INIT;
	struct json_put json = json_put_into(&body);

	put_place(&json, change->id, arena_text(&request->arena, change->peer_urls));
	send_json(request, 201, &body);
}

static void
send_refused(struct request *request, const struct place_request *change, enum err err,
    struct slice cause)
{
	char text[192];

	switch (err) {
	case ERR_PEER_ADDRESS_EXISTS:
		send_message(request, 409, "etcdserver: peerURL exists");
		return;
	case ERR_NO_MORE_PEER:
		snprintf(text, sizeof(text), "the cluster has as many members, and places for "
		    "them, as it wants: %.*s", (int)MIN_OF(cause.size, (size_t)64),
		    cause.size > 0 ? (const char *)cause.data : "");
		send_message(request, 409, text);
		return;
	case ERR_NOT_FOUND:
		snprintf(text, sizeof(text), "No such member: %016" PRIx64, change->id);
		send_message(request, 404, text);
		return;
	case ERR_REMOVED:
		snprintf(text, sizeof(text), "Member permanently removed: %016" PRIx64, change->id);
		send_message(request, 410, text);
		return;
	case ERR_INVALID:
		snprintf(text, sizeof(text), "%.*s", (int)MIN_OF(cause.size, sizeof(text) - 1),
		    cause.size > 0 ? (const char *)cause.data : "");
		send_message(request, change->op == PLACE_REMOVE ? 409 : 400, text);
		return;
	default:
		send_message(request, 500, "Internal Server Error");
	}
}

static void
done(struct backend_call *call, const struct msg_outcome *outcome)
{
	struct place_request *change = CONTAINER_OF(call, struct place_request, call);
	struct request *request = change->request;
	enum err err = err_from_number(outcome->error);

	request->gone = NULL;
	if (err != ERR_NONE) {
		send_refused(request, change, err, outcome->cause);
	} else if (change->op == PLACE_MAKE) {
		send_made(request, change);
	} else {
		cluster_id_header(request);
		response_send(request, 204, NULL, SLICE_EMPTY);
	}
}

static void
ask(struct request *request, enum place_op op, uint64_t id, struct slice peer_urls)
{
	struct place_request *change = arena_zalloc(&request->arena, sizeof(*change));
	struct slice asker = slice_text(request_from(request));

	asker.size = MIN_OF(asker.size, (size_t)ASKER_BYTES_MAX);
	change->call.done = done;
	change->request = request;
	change->op = op;
	change->id = id;
	change->peer_urls = arena_copy(&request->arena, peer_urls);
	request->state = change;
	request->gone = gone;
	backend_place_change(request->worker->backend, &change->call, &(struct msg_place_change){
	    .op = (uint8_t)op, .id = id, .peer_urls = change->peer_urls, .asker = asker });
}

/* The peer URLs of a POST or PUT. False: it was answered. */
static bool
read_urls(struct request *request, struct buf *urls)
{
	char problem[ROSTER_PROBLEM_BYTES];

	if (!operate_is_json(request->content_type)) {
		snprintf(problem, sizeof(problem),
		    "Bad Content-Type %.*s, accept application/json",
		    (int)MIN_OF(request->content_type.size, (size_t)128),
		    request->content_type.size > 0 ? (const char *)request->content_type.data : "");
		send_message(request, 415, problem);
		return false;
	}
	if (request->body.size > MEMBERS_BODY_BYTES_MAX) {
		snprintf(problem, sizeof(problem), "the body is longer than %zu bytes",
		    MEMBERS_BODY_BYTES_MAX);
		send_message(request, 413, problem);
		return false;
	}
	if (roster_body_parse(request->body, urls, problem) != ERR_NONE) {
		send_message(request, 400, problem);
		return false;
	}
	return true;
}

/* PUT and DELETE of /v2/members/ID. */
static void
change_member(struct request *request, struct slice text)
{
	struct buf urls = BUF_INIT;
	char sentence[128];
	uint64_t id;

	if (!roster_id_parse(text, &id)) {
		snprintf(sentence, sizeof(sentence), "No such member: %.*s",
		    (int)MIN_OF(text.size, (size_t)64), (const char *)text.data);
		send_message(request, 404, sentence);
	} else if (request->method == METHOD_DELETE) {
		ask(request, PLACE_REMOVE, id, SLICE_EMPTY);
	} else if (read_urls(request, &urls)) {
		ask(request, PLACE_MOVE, id, buf_slice(&urls));
	}
	buf_free(&urls);
}

static void
change(struct request *request, struct slice rest)
{
	struct buf urls = BUF_INIT;

	if (!operate_may_change(request))
		return;
	if (request->method == METHOD_POST && rest.size > 0) {
		response_plain_error(request, 404, "404 page not found");
	} else if (request->method == METHOD_POST) {
		if (read_urls(request, &urls))
			ask(request, PLACE_MAKE, rand_entropy(), buf_slice(&urls));
	} else if (rest.size == 0) {
		response_header(request, "Allow", "GET,POST,HEAD");
		response_plain_error(request, 405, "Method Not Allowed");
	} else {
		change_member(request, rest);
	}
	buf_free(&urls);
}

/* ---- handlers --------------------------------------------------------------------- */

/* In the request's arena. */
struct members_asked {
	struct backend_call call;
	struct request *request;
};

static void
list_gone(struct request *request)
{
	struct members_asked *asked = request->state;

	backend_cancel(request->worker->backend, &asked->call);
}

/* Whatever raftd answers, who they are by now it has told before; and as far as that is known
 * here they are shown if it did not. */
static void
show(struct backend_call *call, const struct msg_outcome *outcome)
{
	struct request *request = CONTAINER_OF(call, struct members_asked, call)->request;
	const struct cluster *cluster = request->worker->cluster;
	struct buf body = BUF_INIT;
	struct json_put json = json_put_into(&body);

	(void)outcome;
	request->gone = NULL;
	json_put_open(&json, NULL, '{');
	json_put_open(&json, "members", '[');
	for (size_t i = 0; i < cluster->member_count; i++)
		put_member(&json, &cluster->members[i]);
	for (size_t i = 0; i < cluster->place_count; i++)
		put_place(&json, cluster->places[i].id, cluster->places[i].peer_urls);
	json_put_close(&json, ']');
	json_put_close(&json, '}');
	send_json(request, 200, &body);
}

/* A change that another worker answered may not have been read here yet. */
static void
list(struct request *request)
{
	struct members_asked *asked = arena_zalloc(&request->arena, sizeof(*asked));

	asked->call.done = show;
	asked->request = request;
	request->state = asked;
	request->gone = list_gone;
	backend_v3_state(request->worker->backend, &asked->call,
	    &(struct msg_v3_state){ .what = V3_STATE_FIGURES });
}

void
members_handle(struct request *request)
{
	static const size_t prefix = sizeof(MEMBERS_PATH "/") - 1;
	struct slice rest = SLICE_EMPTY;

	if (request->path.size > prefix)
		rest = slice_of(request->path.data + prefix, request->path.size - prefix);
	if (request->method != METHOD_GET && request->method != METHOD_HEAD)
		change(request, rest);
	else if (slice_equal(request->path, slice_text(MEMBERS_PATH)))
		list(request);
	else
		response_plain_error(request, 404, "404 page not found");
}

void
members_leader_handle(struct request *request)
{
	const struct cluster *cluster = request->worker->cluster;
	const struct cluster_member *leader = cluster_member(cluster, cluster->leader_id);
	struct buf body = BUF_INIT;
	struct json_put json = json_put_into(&body);

	if (request->method == METHOD_POST) {
		operate_move_lead(request);
		return;
	}
	if (leader == NULL) {
		send_message(request, 503, "During election");
		return;
	}
	put_member(&json, leader);
	send_json(request, 200, &body);
}
