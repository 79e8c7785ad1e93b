/*
 * node_stats.c - GET /v2/stats/node: all that is known of this node, in one document.
 *
 *	asked ----> viewed	the supervisor said what it knows, or did not in time  [viewed]
 *	viewed ---> answered	the only member, or one that has no raftd now	[finish]
 *	viewed ---> measured	raftd says what it knows of the others		[measured]
 *	measured -> answered							[finish]
 *
 * Counters come from the memory that all processes share, so nobody is asked for them, and no key
 * is looked at. Nothing here is of a key, a value or a client.
 *
 * Source: docs/api.md, "What a node knows of itself".
 */
#include "common/clock.h"
#include "common/condition.h"
#include "common/ipc/wire.h"
#include "common/json_put.h"
#include "common/metric.h"
#include "common/version.h"
#include "httpd/backend.h"
#include "httpd/client/inquiry.h"
#include "httpd/client/figures.h"
#include "httpd/client/handlers.h"
#include "httpd/client/roster.h"
#include "httpd/client/problems.h"
#include "httpd/cluster.h"
#include "httpd/worker.h"

#ifdef WITH_V3
#define HAS_V3 true
#else
#define HAS_V3 false
#endif

#define DAY_S UINT64_C(86400)

/* In the request's arena. */
struct node_request {
	struct inquiry_call call;
	struct backend_stats_call progress_call;
	struct request *request;
	bool measuring;			/* raftd is asked; else the supervisor */
	bool seen;			/* view is there */
	struct msg_view view;
	struct slice progress;		/* list of progress_record; empty: not known */
	struct condition own;		/* of this node */
	uint64_t now_s;			/* wall */
};

static struct slice
keep(struct request *request, struct slice bytes)
{
	return bytes.size == 0 ? SLICE_EMPTY : arena_copy(&request->arena, bytes);
}

static void
put_time(struct json_put *json, const char *name, uint64_t wall_ns)
{
	char text[CLOCK_TEXT_BYTES] = "";

	if (wall_ns != 0)
		clock_format(wall_ns, 3, true, text);
	json_put_text(json, name, slice_text(text));
}

static void
put_seconds(struct json_put *json, const char *name, uint64_t ns)
{
	json_put_decimal(json, name, (double)ns / (double)NS_PER_SECOND, 6);
}

static void
put_null(struct json_put *json, const char *name)
{
	json_put_raw(json, name, "null");
}

/* ---- the node ------------------------------------------------------------------------- */

static const char *
state_of(const struct cluster *cluster)
{
	switch (cluster->phase) {
	case PHASE_JOINING:
		return "joining";
	case PHASE_MEMBER:
		return wire_role_name(cluster->role);
	case PHASE_REMOVED:
		return "removed";
	case PHASE_STANDBY:
		return "standby";
	default:
		return "starting";
	}
}

static void
put_node(struct json_put *json, const struct worker *worker, const struct node_figures *figures)
{
	const struct cluster *cluster = worker->cluster;
	const struct cluster_member *self = cluster_member(cluster, cluster->node_id);
	const struct cluster_member *leader = cluster_member(cluster, cluster->leader_id);

	json_put_text(json, "name", slice_text(worker->config.name));
	json_put_id(json, "id", self == NULL ? cluster->node_id : self->shown_id);
	json_put_text(json, "version", slice_text(version_text));
	put_time(json, "now", loop_now(worker->loop).wall_ns);
	put_time(json, "startTime", cluster->started_ns);
	json_put_text(json, "ui", slice_text(worker->config.ui));
	json_put_bool(json, "v3", HAS_V3);
	json_put_text(json, "state", slice_text(state_of(cluster)));
	json_put_number(json, "term", cluster->term);
	if (leader == NULL)
		json_put_text(json, "leader", SLICE_EMPTY);
	else
		json_put_id(json, "leader", leader->shown_id);
	put_time(json, "leaderSince", leader == NULL ? 0 : cluster->leader_since_ns);
	json_put_number(json, "applied", MAX_OF(figures->applied, cluster->applied));
	json_put_number(json, "committed", MAX_OF(figures->committed, cluster->commit));
	json_put_number(json, "storeIndex", MAX_OF(figures->store_index, cluster->store_index));
	json_put_number(json, "keys", figures->keys);
	json_put_number(json, "watchers", figures->watchers);
	json_put_number(json, "connections", figures->connections);
}

/* ---- conditions -------------------------------------------------------------------------- */

static void
put_certificates(struct json_put *json, const struct condition *condition, uint64_t now_s)
{
	json_put_open(json, "certificates", '[');
	for (size_t i = 0; i < condition->certificate_count; i++) {
		uint64_t ends_s = condition->certificates[i].ends_s;

		json_put_open(json, NULL, '{');
		json_put_text(json, "name", slice_text(condition->certificates[i].port));
		json_put_number(json, "daysLeft", ends_s > now_s ? (ends_s - now_s) / DAY_S : 0);
		json_put_close(json, '}');
	}
	json_put_close(json, ']');
}

/* NULL: it is not known. */
static void
put_condition(struct json_put *json, const struct condition *condition, uint64_t now_s)
{
	if (condition == NULL || !condition->syncs_known)
		put_null(json, "sync");
	else
		figures_put_syncs(json, "sync", condition->syncs);
	if (condition == NULL) {
		put_null(json, "restarts");
		put_null(json, "certificates");
		return;
	}
	json_put_open(json, "restarts", '[');
	for (size_t i = 0; i < condition->restart_count; i++) {
		json_put_open(json, NULL, '{');
		json_put_text(json, "process", slice_text(condition->restarts[i].process));
		json_put_number(json, "count", condition->restarts[i].count);
		json_put_close(json, '}');
	}
	json_put_close(json, ']');
	put_certificates(json, condition, now_s);
}

/* How far its clock is before that of this node; negative: behind. */
static void
put_clock(struct json_put *json, const struct progress_record *progress)
{
	double ahead = (double)progress->ahead_ns - (double)progress->behind_ns;

	json_put_decimal(json, "clockSeconds", ahead / (double)NS_PER_SECOND, 3);
}

/* ---- members ---------------------------------------------------------------------------- */

static bool
find_progress(struct slice list, uint64_t id, struct progress_record *progress)
{
	struct reader in = reader_of(list);

	while (!reader_done(&in) && progress_record_get(&in, progress))
		if (progress->id == id)
			return true;
	return false;
}

static int
reach_of(struct slice list, uint64_t id)
{
	struct reader in = reader_of(list);
	struct reach_record record;

	while (!reader_done(&in) && reach_record_get(&in, &record))
		if (record.id == id)
			return record.reach;
	return REACH_UNKNOWN;
}

/* Of another member: what it told, what the leader knows of it, whether this node reaches it. */
static void
put_other(struct json_put *json, const struct node_request *asked, uint64_t id,
    uint64_t committed)
{
	struct progress_record progress = { .id = id };
	bool known = find_progress(asked->progress, id, &progress), told;
	int reach = reach_of(asked->view.reach, id);
	struct condition condition;
	uint64_t applied;

	told = known && progress.condition.size > 0 &&
	    condition_get(&condition, progress.condition);
	json_put_text(json, "version", told ? slice_text(condition.version) : SLICE_EMPTY);
	applied = MAX_OF(progress.match, progress.applied);
	if (applied > 0) {
		json_put_number(json, "applied", applied);
		json_put_number(json, "behind", committed - MIN_OF(committed, applied));
	} else {
		put_null(json, "applied");
		put_null(json, "behind");
	}
	if (progress.answered_ns != 0)
		put_seconds(json, "roundTripSeconds", progress.answered_ns);
	else
		put_null(json, "roundTripSeconds");
	if (reach == REACH_UNKNOWN)
		put_null(json, "active");
	else
		json_put_bool(json, "active", reach == REACH_UP &&
		    progress.owes_ms < PROBLEM_SILENT_MS);
	if (told)
		put_clock(json, &progress);
	else
		put_null(json, "clockSeconds");
	put_condition(json, told ? &condition : NULL, asked->now_s);
}

static void
put_self(struct json_put *json, const struct node_request *asked, uint64_t applied,
    uint64_t committed)
{
	json_put_text(json, "version", slice_text(version_text));
	json_put_number(json, "applied", applied);
	json_put_number(json, "behind", committed - MIN_OF(committed, applied));
	put_null(json, "roundTripSeconds");
	json_put_bool(json, "active", true);
	json_put_number(json, "clockSeconds", 0);
	put_condition(json, &asked->own, asked->now_s);
}

static void
put_member(struct json_put *json, const struct node_request *asked,
    const struct node_figures *figures, const struct cluster_member *member)
{
	const struct cluster *cluster = asked->request->worker->cluster;
	uint64_t committed = MAX_OF(figures->committed, cluster->commit);
	bool self = member->id == cluster->node_id;

	json_put_open(json, NULL, '{');
	json_put_id(json, "id", member->shown_id);
	json_put_text(json, "name", slice_text(member->name));
	json_put_text(json, "role", slice_text(member->role == MEMBER_VOTER ? "voter" : "learner"));
	json_put_bool(json, "leader", member->id == cluster->leader_id);
	json_put_bool(json, "self", self);
	roster_put_urls(json, "clientURLs", member->client_url);
	roster_put_urls(json, "peerURLs", member->peer_url);
	if (self)
		put_self(json, asked, MAX_OF(figures->applied, cluster->applied), committed);
	else
		put_other(json, asked, member->id, committed);
	json_put_close(json, '}');
}

static void
put_place(struct json_put *json, const struct cluster_place *place)
{
	json_put_open(json, NULL, '{');
	json_put_id(json, "id", place->id);
	json_put_text(json, "name", SLICE_EMPTY);
	json_put_text(json, "role", SLICE_LITERAL("place"));
	json_put_bool(json, "leader", false);
	json_put_bool(json, "self", false);
	roster_put_urls(json, "clientURLs", "");
	roster_put_urls(json, "peerURLs", place->peer_urls);
	json_put_text(json, "version", SLICE_EMPTY);
	put_null(json, "applied");
	put_null(json, "behind");
	put_null(json, "roundTripSeconds");
	put_null(json, "active");
	put_null(json, "clockSeconds");
	put_condition(json, NULL, 0);
	json_put_close(json, '}');
}

static void
put_members(struct json_put *json, const struct node_request *asked,
    const struct node_figures *figures)
{
	const struct cluster *cluster = asked->request->worker->cluster;

	json_put_open(json, "members", '[');
	for (size_t i = 0; i < cluster->member_count; i++)
		put_member(json, asked, figures, &cluster->members[i]);
	for (size_t i = 0; i < cluster->place_count; i++)
		put_place(json, &cluster->places[i]);
	json_put_close(json, ']');
}

/* ---- what the supervisor knows ------------------------------------------------------------ */

static void
put_processes(struct json_put *json, struct slice list, const struct node_figures *figures)
{
	struct reader in = reader_of(list);
	struct process_record process;

	json_put_open(json, "processes", '[');
	while (!reader_done(&in) && process_record_get(&in, &process)) {
		struct figures_process used = figures_process(figures, process.role,
		    process.number);

		json_put_open(json, NULL, '{');
		json_put_text(json, "name", process.name);
		json_put_number(json, "pid", process.pid);
		json_put_number(json, "restarts", process.restarts);
		put_time(json, "startTime", process.started_ns);
		put_seconds(json, "cpuSeconds", used.cpu_ns);
		json_put_number(json, "residentBytes", used.resident);
		json_put_close(json, '}');
	}
	json_put_close(json, ']');
}

static const char *
mark_name(uint8_t kind)
{
	return kind == MARK_ELECTION ? "election" : kind == MARK_RESTART ? "restart" : "membership";
}

static void
put_marks(struct json_put *json, struct slice list)
{
	struct reader in = reader_of(list);
	struct mark_record mark;

	json_put_open(json, "marks", '[');
	while (!reader_done(&in) && mark_record_get(&in, &mark)) {
		json_put_open(json, NULL, '{');
		put_time(json, "time", mark.time_ns);
		json_put_text(json, "kind", slice_text(mark_name(mark.kind)));
		json_put_text(json, "text", mark.text);
		json_put_close(json, '}');
	}
	json_put_close(json, ']');
}

/* ---- steps ---------------------------------------------------------------------------------- */

static void
finish(struct node_request *asked)
{
	struct request *request = asked->request;
	const struct worker *worker = request->worker;
	struct node_figures *figures = arena_zalloc(&request->arena, sizeof(*figures));
	struct buf body = BUF_INIT;
	struct json_put json = json_put_into(&body);

	request->gone = NULL;
	figures_take(figures);
	condition_take(&asked->own);
	asked->now_s = loop_now(worker->loop).wall_ns / NS_PER_SECOND;
	json_put_open(&json, NULL, '{');
	put_node(&json, worker, figures);
	problems_put(&(struct problem_facts){ .worker = worker,
	    .view = asked->seen ? &asked->view : NULL, .own = &asked->own,
	    .progress = asked->progress, .now_s = asked->now_s,
	    .v3_size = figures->v3_size, .v3_quota = figures->v3_quota,
	    .v3_alarms = figures->v3_alarms,
	    .stalls = inquiry_sees_stalls(worker->inquiries, figures->disk_stalls) }, &json);
	put_members(&json, asked, figures);
	put_processes(&json, asked->view.processes, figures);
	figures_put(figures, &json);
	put_certificates(&json, &asked->own, asked->now_s);
	put_marks(&json, asked->view.marks);
	json_put_close(&json, '}');
	buf_append_byte(&body, '\n');
	response_header(request, "Cache-Control", "no-store");
	response_send(request, 200, "application/json", buf_slice(&body));
	buf_free(&body);
}

static void
measured(struct backend_stats_call *call, const struct msg_stats *stats)
{
	struct node_request *asked = CONTAINER_OF(call, struct node_request, progress_call);

	if (stats->error == ERR_NONE)
		asked->progress = keep(asked->request, stats->followers);
	finish(asked);
}

static void
measure(struct node_request *asked)
{
	struct worker *worker = asked->request->worker;

	if (worker->cluster->member_count < 2 || !backend_connected(worker->backend) ||
	    backend_is_silent(worker->backend) || backend_is_full(worker->backend)) {
		finish(asked);
		return;
	}
	asked->measuring = true;
	asked->progress_call.done = measured;
	backend_stats(worker->backend, &asked->progress_call, STATS_PROGRESS);
}

static void
viewed(struct inquiry_call *call, const struct msg_view *view)
{
	struct node_request *asked = CONTAINER_OF(call, struct node_request, call);
	struct request *request = asked->request;

	asked->seen = view != NULL;
	if (view != NULL)
		asked->view = (struct msg_view){ .waiting = keep(request, view->waiting),
			.notice = keep(request, view->notice),
			.processes = keep(request, view->processes),
			.reach = keep(request, view->reach), .marks = keep(request, view->marks) };
	measure(asked);
}

static void
gone(struct request *request)
{
	struct node_request *asked = request->state;

	if (asked->measuring)
		backend_stats_cancel(request->worker->backend, &asked->progress_call);
	else
		inquiry_cancel(request->worker->inquiries, &asked->call);
}

void
stats_node_handle(struct request *request)
{
	struct node_request *asked = arena_zalloc(&request->arena, sizeof(*asked));

	asked->request = request;
	asked->call.viewed = viewed;
	request->state = asked;
	request->gone = gone;
	if (inquiry_ask(request->worker->inquiries, &asked->call,
	    &(struct msg_ask){ .what = ASK_VIEW }))
		return;
	request->gone = NULL;
	metric_add(METRIC_rejected_requests, 1);
	response_header(request, "Retry-After", "1");
	response_plain_error(request, 503, "too many requests are under way");
}
