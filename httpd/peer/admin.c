/*
 * admin.c - what the peer port answers to people and scripts, from memory.
 *
 * Everything here is known in this process (the configuration, raftd's last
 * status) and answered at once; what changes the members is in change.c.
 * Source: docs/api.md, "Peer port".
 */
#include "httpd/peer/peer.h"

#include "common/json_put.h"
#include "common/url_list.h"
#include "common/xmem.h"
#include "httpd/api_error.h"
#include "httpd/cluster.h"
#include "httpd/peer/change.h"
#include "httpd/peer/handshake.h"
#include "httpd/peer/identity.h"
#include "httpd/peer/join_text.h"
#include "httpd/worker.h"

#include <stdlib.h>

#define TEXT_TYPE "text/plain; charset=utf-8"
#define JSON_TYPE "application/json"
/* What joiners and old scripts compare: the store's generation, not ours. */
#define INTERNAL_VERSION "2"

void
peer_version_handle(struct request *request)
{
	response_send(request, 200, TEXT_TYPE, SLICE_LITERAL(INTERNAL_VERSION));
}

/* /version/N/check */
void
peer_version_check_handle(struct request *request)
{
	static const struct slice check = { (const uint8_t *)"/check", 6 };
	struct slice rest = request->path;
	size_t prefix = sizeof("/version/") - 1;
	struct slice number;

	if (rest.size < prefix + check.size ||
	    !slice_equal(slice_of(rest.data + rest.size - check.size, check.size), check)) {
		response_plain_error(request, 404, "404 page not found");
		return;
	}
	number = slice_of(rest.data + prefix, rest.size - prefix - check.size);
	if (slice_equal(number, SLICE_LITERAL(INTERNAL_VERSION)))
		response_send(request, 200, TEXT_TYPE, SLICE_EMPTY);
	else
		response_send(request, 403, TEXT_TYPE, SLICE_EMPTY);
}

void
peer_name_handle(struct request *request)
{
	response_send(request, 200, TEXT_TYPE, slice_text(request->worker->config.name));
}

void
peer_client_url_handle(struct request *request)
{
	response_send(request, 200, TEXT_TYPE,
	    url_list_first(slice_text(request->worker->config.client_url)));
}

void
peer_goraft_handle(struct request *request)
{
	response_plain_error(request, 501, "this cluster does not speak the 0.4 raft protocol");
}

static void
put_text(struct json_put *json, const char *name, const char *text)
{
	json_put_text(json, name, slice_text(text));
}

static void
put_machine(struct json_put *json, const struct cluster *cluster,
    const struct cluster_member *member)
{
	json_put_open(json, NULL, '{');
	put_text(json, "name", member->name);
	put_text(json, "state", member->id == cluster->leader_id ? "leader" : "follower");
	json_put_text(json, "clientURL", url_list_first(slice_text(member->client_url)));
	json_put_text(json, "peerURL", url_list_first(slice_text(member->peer_url)));
	json_put_close(json, '}');
}

static void
send_json(struct request *request, unsigned status, struct buf *body)
{
	buf_append_byte(body, '\n');
	response_send(request, status, JSON_TYPE, buf_slice(body));
	buf_free(body);
}

static int
compare_names(const void *a, const void *b)
{
	const struct cluster_member *const *left = a;
	const struct cluster_member *const *right = b;

	return strcmp((*left)->name, (*right)->name);
}

void
peer_machines_handle(struct request *request)
{
	const struct cluster *cluster = request->worker->cluster;
	const struct cluster_member **sorted;
	struct buf body = BUF_INIT;
	struct json_put json = json_put_into(&body);

	sorted = arena_alloc(&request->arena, (cluster->member_count + 1) * sizeof(*sorted));
	for (size_t i = 0; i < cluster->member_count; i++)
		sorted[i] = &cluster->members[i];
	qsort(sorted, cluster->member_count, sizeof(*sorted), compare_names);
	json_put_open(&json, NULL, '[');
	for (size_t i = 0; i < cluster->member_count; i++)
		put_machine(&json, cluster, sorted[i]);
	json_put_close(&json, ']');
	send_json(request, 200, &body);
}

static const char *
phase_text(int phase)
{
	switch (phase) {
	case PHASE_JOINING:
		return "joining";
	case PHASE_MEMBER:
		return "member";
	case PHASE_REMOVED:
		return "removed";
	case PHASE_STANDBY:
		return "standby";
	default:
		return "recovering";
	}
}

/* /v2/admin/machines/N and /remove/N */
void
peer_machine_handle(struct request *request)
{
	static const struct slice prefixes[] = {
		{ (const uint8_t *)"/v2/admin/machines/", 19 },
		{ (const uint8_t *)"/remove/", 8 },
	};
	const struct cluster *cluster = request->worker->cluster;
	const struct cluster_member *member;
	struct slice name = SLICE_EMPTY;
	struct buf body = BUF_INIT;
	struct json_put json = json_put_into(&body);

	for (size_t i = 0; i < ARRAY_COUNT(prefixes); i++)
		if (slice_starts_with(request->path, prefixes[i]))
			name = slice_of(request->path.data + prefixes[i].size,
			    request->path.size - prefixes[i].size);
	if (name.size == 0) {
		response_plain_error(request, 404, "404 page not found");
		return;
	}
	if (request->method == METHOD_DELETE) {
		change_remove(request, name);
		return;
	}
	member = cluster_member_named(cluster, name);
	/* A node that knows of no member yet, not even itself, cannot say that this is none. */
	if (cluster->member_count == 0) {
		api_error(request, ERR_RAFT_INTERNAL, slice_text(phase_text(cluster->phase)), 0);
		return;
	}
	if (member == NULL)
		json_put_raw(&json, NULL, "null");
	else
		put_machine(&json, cluster, member);
	send_json(request, member == NULL ? 404 : 200, &body);
}

void
peer_status_handle(struct request *request)
{
	const struct worker *worker = request->worker;
	const struct cluster *cluster = worker->cluster;
	const struct cluster_member *leader = cluster_member(cluster, cluster->leader_id);
	struct buf body = BUF_INIT;
	struct json_put json = json_put_into(&body);

	json_put_open(&json, NULL, '{');
	put_text(&json, "name", worker->config.name);
	json_put_id(&json, "id", cluster->node_id);
	json_put_id(&json, "clusterId", cluster->cluster_id);
	put_text(&json, "phase", phase_text(cluster->phase));
	put_text(&json, "state", wire_role_name(cluster->role));
	json_put_number(&json, "term", cluster->term);
	json_put_number(&json, "commit", cluster->commit);
	json_put_number(&json, "applied", cluster->applied);
	json_put_number(&json, "storeIndex", cluster->store_index);
	put_text(&json, "leader", leader == NULL ? "" : leader->name);
	json_put_open(&json, "protocol", '{');
	json_put_number(&json, "min", HANDSHAKE_PROTOCOL_MIN);
	json_put_number(&json, "max", HANDSHAKE_PROTOCOL_MAX);
	json_put_close(&json, '}');
	json_put_name(&json, "members");
	join_members_put(&json, cluster);
	json_put_close(&json, '}');
	send_json(request, 200, &body);
}
