/*
 * members.c - /v2/members: what clients of the 2.x series ask for first.
 */
#include "common/json_put.h"
#include "httpd/api_error.h"
#include "httpd/client/handlers.h"
#include "httpd/cluster.h"
#include "httpd/worker.h"

static void
put_urls(struct json_put *json, const char *name, const char *url)
{
	json_put_open(json, name, '[');
	if (url[0] != '\0')
		json_put_text(json, NULL, slice_text(url));
	json_put_close(json, ']');
}

static void
put_member(struct json_put *json, const struct cluster_member *member)
{
	json_put_open(json, NULL, '{');
	json_put_id(json, "id", member->id);
	json_put_text(json, "name", slice_text(member->name));
	put_urls(json, "peerURLs", member->peer_url);
	put_urls(json, "clientURLs", member->client_url);
	json_put_close(json, '}');
}

static void
send_json(struct request *request, unsigned status, struct buf *body)
{
	buf_append_byte(body, '\n');
	cluster_id_header(request);
	response_send(request, status, "application/json", buf_slice(body));
	buf_free(body);
}

/* Clients of the 2.x series show the sentence of a 409, and of a 405 the number only. */
static void
send_no_change(struct request *request)
{
	struct buf body = BUF_INIT;
	struct json_put json = json_put_into(&body);

	json_put_raw(&json, NULL,
	    "{\"message\":\"members change at a peer port: a machine joins with -peers, "
	    "DELETE /v2/admin/machines/NAME removes one\"}");
	response_header(request, "Allow", "GET,HEAD");
	send_json(request, request->method == METHOD_DELETE ? 405 : 409, &body);
}

void
members_handle(struct request *request)
{
	const struct cluster *cluster = request->worker->cluster;
	struct buf body = BUF_INIT;
	struct json_put json = json_put_into(&body);

	if (request->method != METHOD_GET && request->method != METHOD_HEAD) {
		send_no_change(request);
		return;
	}
	if (!slice_equal(request->path, slice_text("/v2/members"))) {
		response_plain_error(request, 404, "404 page not found");
		return;
	}
	json_put_open(&json, NULL, '{');
	json_put_open(&json, "members", '[');
	for (size_t i = 0; i < cluster->member_count; i++)
		put_member(&json, &cluster->members[i]);
	json_put_close(&json, ']');
	json_put_close(&json, '}');
	send_json(request, 200, &body);
}

void
members_leader_handle(struct request *request)
{
	const struct cluster *cluster = request->worker->cluster;
	const struct cluster_member *leader = cluster_member(cluster, cluster->leader_id);
	struct buf body = BUF_INIT;
	struct json_put json = json_put_into(&body);

	if (leader == NULL) {
		json_put_raw(&json, NULL, "{\"message\":\"During election\"}");
		send_json(request, 503, &body);
		return;
	}
	put_member(&json, leader);
	send_json(request, 200, &body);
}
