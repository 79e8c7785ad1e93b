/*
 * operate.c - see operate.h; POST /v2/members/leader, GET /v2/stats/log, and who may PUT
 * /v2/admin/config.
 *
 * Source: docs/api.md, "Members" and "What a node knows of itself".
 */
#include "httpd/client/operate.h"

#include "common/ipc/wire.h"
#include "common/limits.h"
#include "common/metric.h"
#include "httpd/admin.h"
#include "httpd/api_error.h"
#include "httpd/client/cors.h"
#include "httpd/client/gate.h"
#include "httpd/client/handlers.h"
#include "httpd/client/inquiry.h"
#include "httpd/client/roster.h"
#include "httpd/client/v3_users.h"
#include "httpd/cluster.h"
#include "httpd/json_walk.h"
#include "httpd/worker.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define LOG_LINES 200			/* unless another number is asked for */
#define LOG_LINES_MAX 10000
#define SENTENCE_BYTES 256

/* In the request's arena. */
struct operation {
	struct inquiry_call call;
	struct request *request;
};

static void
refuse(struct request *request, unsigned status, const char *text)
{
	gate_send_message(request, status, slice_text(text));
}

const char *
operate_change_problem(const struct request *request)
{
	const struct config *config = &request->worker->config;

	if (strcmp(config->member_changes, "off") == 0)
		return "members are not changed at the client port of this node "
		    "(-member-changes off)";
	/* As on the peer port: members are not for pages to change, but our own and those
	 * of -cors. */
	if (config->cors[0] == '\0' && request_header(request, "origin").data != NULL &&
	    !cors_is_own(request))
		return "members take no changes from web pages (header Origin) but the node's "
		    "own, by an address or a name of -host-names";
	return NULL;
}

bool
operate_may_change(struct request *request)
{
	const char *problem = operate_change_problem(request);

	if (problem != NULL)
		refuse(request, 403, problem);
	return problem == NULL;
}

bool
operate_is_json(struct slice type)
{
	static const struct slice json = { (const uint8_t *)"application/json", 16 };

	return slice_starts_with(type, json) &&
	    (type.size == json.size || type.data[json.size] == ';' ||
		type.data[json.size] == ' ');
}

static void
gone(struct request *request)
{
	struct operation *operation = request->state;

	inquiry_cancel(request->worker->inquiries, &operation->call);
}

static void
ask(struct request *request, const struct msg_ask *message,
    void (*told)(struct inquiry_call *call, const struct msg_told *told))
{
	struct operation *operation = arena_zalloc(&request->arena, sizeof(*operation));

	operation->request = request;
	operation->call.told = told;
	request->state = operation;
	request->gone = gone;
	if (inquiry_ask(request->worker->inquiries, &operation->call, message))
		return;
	request->gone = NULL;
	metric_add(METRIC_rejected_requests, 1);
	response_header(request, "Retry-After", "1");
	response_plain_error(request, 503, "too many requests are under way");
}

/* ---- the lead --------------------------------------------------------------------------- */

struct lead_reader {
	char id[24];			/* empty: nobody was named */
	bool wrong;
};

static bool
take_lead(void *argument, const char *place, enum json_kind kind, struct slice text)
{
	struct lead_reader *reader = argument;

	if (strcmp(place, "") == 0)
		reader->wrong = kind != JSON_OBJECT && kind != JSON_OBJECT_END;
	else if (strcmp(place, "id") == 0)
		reader->wrong = !json_walk_text(kind, text, reader->id, sizeof(reader->id));
	return !reader->wrong;
}

static void
lead_moved(struct inquiry_call *call, const struct msg_told *told)
{
	struct request *request = CONTAINER_OF(call, struct operation, call)->request;

	request->gone = NULL;
	if (told == NULL) {
		refuse(request, 503, "the supervisor did not answer in time");
	} else if (told->problem.size > 0) {
		gate_send_message(request, 409, told->problem);
	} else {
		cluster_id_header(request);
		response_send(request, 204, NULL, SLICE_EMPTY);
	}
}

static const struct cluster_member *
member_shown_as(const struct cluster *cluster, uint64_t shown_id)
{
	for (size_t i = 0; i < cluster->member_count; i++)
		if (cluster->members[i].shown_id == shown_id)
			return &cluster->members[i];
	return NULL;
}

/* Its own supervisor moves it, so somebody else's has to be asked. */
static void
send_to_leader(struct request *request)
{
	const struct cluster *cluster = request->worker->cluster;
	const struct cluster_member *leader = cluster_member(cluster, cluster->leader_id);
	char text[SENTENCE_BYTES + URL_BYTES_MAX];

	if (leader == NULL) {
		refuse(request, 503, "During election");
		return;
	}
	snprintf(text, sizeof(text), "this node does not lead: %s does, ask it at %s", leader->name,
	    leader->client_url);
	refuse(request, 409, text);
}

static void
ask_lead(struct request *request, const struct cluster_member *to)
{
	const struct cluster *cluster = request->worker->cluster;
	struct slice asker = slice_text(request_from(request));

	if (to != NULL && to->id == cluster->leader_id) {
		cluster_id_header(request);
		response_send(request, 204, NULL, SLICE_EMPTY);
		return;
	}
	if (cluster->role != NODE_ROLE_LEADER) {
		send_to_leader(request);
		return;
	}
	asker.size = MIN_OF(asker.size, (size_t)ASKER_BYTES_MAX);
	ask(request, &(struct msg_ask){ .what = ASK_LEAD, .asker = asker,
	    .name = to == NULL ? SLICE_EMPTY : slice_text(to->name) }, lead_moved);
}

void
operate_move_lead(struct request *request)
{
	const struct cluster_member *to = NULL;
	struct lead_reader reader = { .id = "" };
	const char *broken = "";
	char sentence[SENTENCE_BYTES];
	uint64_t id;

	if (!operate_may_change(request))
		return;
	if (request->body.size > MEMBERS_BODY_BYTES_MAX) {
		snprintf(sentence, sizeof(sentence), "the body is longer than %zu bytes",
		    MEMBERS_BODY_BYTES_MAX);
		refuse(request, 413, sentence);
		return;
	}
	if (request->body.size > 0 && !operate_is_json(request->content_type)) {
		refuse(request, 415, "Bad Content-Type, accept application/json");
		return;
	}
	if (request->body.size > 0 && json_walk(request->body,
	    (struct json_walker){ take_lead, &reader }, &broken) != ERR_NONE) {
		snprintf(sentence, sizeof(sentence), "body refused: %s", reader.wrong ?
		    "not an object, or the id is not a member's" : broken);
		refuse(request, 400, sentence);
		return;
	}
	if (reader.id[0] != '\0') {
		if (roster_id_parse(slice_text(reader.id), &id))
			to = member_shown_as(request->worker->cluster, id);
		if (to == NULL) {
			snprintf(sentence, sizeof(sentence), "No such member: %s", reader.id);
			refuse(request, 404, sentence);
			return;
		}
	}
	ask_lead(request, to);
}

/* ---- what the cluster is to be like --------------------------------------------------------- */

void
client_config_handle(struct request *request)
{
	if (request->method != METHOD_PUT || operate_may_change(request))
		admin_config_handle(request);
}

/* What is made for it costs raftd several times the largest value: not for whoever comes. */
void
client_backup_handle(struct request *request)
{
	if (gate_is_closed(request->worker) || v3_users_count(request->worker))
		admin_backup_handle(request);
	else
		refuse(request, 403, "a backup at the client port is for root, and authentication "
		    "is off: make it at the peer port, or with etcdctl control backup FILE");
}

/* ---- the log ------------------------------------------------------------------------------ */

static void
log_came(struct inquiry_call *call, const struct msg_told *told)
{
	struct request *request = CONTAINER_OF(call, struct operation, call)->request;

	request->gone = NULL;
	if (told == NULL) {
		response_plain_error(request, 503, "the supervisor did not answer in time");
		return;
	}
	response_header(request, "X-Content-Type-Options", "nosniff");
	response_header(request, "Cache-Control", "no-store");
	response_send(request, 200, "text/plain; charset=utf-8", told->text);
}

/*
 * The log may have the hashes of passwords, at its most detailed: it is root's once there is a
 * user, and before users count nobody is known as that. False: it was answered.
 */
static bool
may_see_log(struct request *request)
{
	if (!gate_hides_hashes(request->worker))
		return true;
	refuse(request, 403, "the hashes of passwords may be in the log, and authentication is "
	    "off: enable it first");
	return false;
}

/* The whole query is lines=N, or nothing. */
static bool
read_lines(struct slice query, uint32_t *lines)
{
	static const struct slice name = { (const uint8_t *)"lines=", 6 };
	uint32_t number = 0;

	*lines = LOG_LINES;
	if (query.size == 0)
		return true;
	if (!slice_starts_with(query, name) || query.size == name.size)
		return false;
	for (size_t i = name.size; i < query.size; i++) {
		if (query.data[i] < '0' || query.data[i] > '9' || number > LOG_LINES_MAX)
			return false;
		number = number * 10 + (uint32_t)(query.data[i] - '0');
	}
	*lines = number;
	return number > 0 && number <= LOG_LINES_MAX;
}

void
stats_log_handle(struct request *request)
{
	char sentence[SENTENCE_BYTES];
	uint32_t lines;

	if (!may_see_log(request))
		return;
	if (!read_lines(request->query, &lines)) {
		snprintf(sentence, sizeof(sentence), "\"%.*s\" is not lines=N with N from 1 to %d",
		    (int)MIN_OF(request->query.size, (size_t)64),
		    (const char *)request->query.data, LOG_LINES_MAX);
		response_plain_error(request, 400, sentence);
		return;
	}
	ask(request, &(struct msg_ask){ .what = ASK_LOG, .lines = lines }, log_came);
}
