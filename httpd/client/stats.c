/*
 * stats.c - /v2/stats/self, store, leader: raftd's counters as JSON.
 *
 * Source: docs/api.md, "Client port".
 */
#include "common/ipc/wire.h"
#include "common/json_put.h"
#include "common/metric.h"
#include "httpd/api_error.h"
#include "httpd/backend.h"
#include "httpd/client/handlers.h"
#include "httpd/cluster.h"
#include "httpd/worker.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#define NUMBERS_MAX 32
_Static_assert((int)STORE_STAT_COUNT <= NUMBERS_MAX, "all store counters are taken");
_Static_assert((int)SELF_STAT_COUNT <= NUMBERS_MAX, "all self counters are taken");

struct stats_request {
	struct backend_stats_call call;
	struct request *request;
	void (*put)(struct json_put *json, const struct worker *worker,
	    const struct msg_stats *stats, const uint64_t *numbers);
};

static void
answered(struct backend_stats_call *call, const struct msg_stats *stats)
{
	struct stats_request *asked = CONTAINER_OF(call, struct stats_request, call);
	struct request *request = asked->request;
	struct reader in = reader_of(stats->numbers);
	uint64_t numbers[NUMBERS_MAX] = { 0 };
	struct buf body = BUF_INIT;
	struct json_put json = json_put_into(&body);

	if (stats->error == ERR_NOT_LEADER) {
		response_send(request, 403, "application/json",
		    SLICE_LITERAL("{\"message\":\"not current leader\"}"));
		return;
	}
	if (stats->error != ERR_NONE) {
		api_error(request, err_from_number(stats->error), SLICE_EMPTY,
		    request->worker->cluster->store_index);
		return;
	}
	for (size_t i = 0; i < NUMBERS_MAX && codec_get_u64(&in, &numbers[i]); i++)
		continue;
	json_put_open(&json, NULL, '{');
	asked->put(&json, request->worker, stats, numbers);
	json_put_close(&json, '}');
	response_send(request, 200, "application/json", buf_slice(&body));
	buf_free(&body);
}

static void
gone(struct request *request)
{
	struct stats_request *asked = request->state;

	backend_stats_cancel(request->worker->backend, &asked->call);
}

static void
ask(struct request *request, int kind, void (*put)(struct json_put *, const struct worker *,
    const struct msg_stats *, const uint64_t *))
{
	struct stats_request *asked;

	if (backend_is_full(request->worker->backend)) {
		metric_add(METRIC_rejected_requests, 1);
		response_header(request, "Retry-After", "1");
		response_plain_error(request, 503, "too many requests are under way");
		return;
	}
	asked = arena_zalloc(&request->arena, sizeof(*asked));
	asked->call.done = answered;
	asked->request = request;
	asked->put = put;
	request->state = asked;
	request->gone = gone;
	backend_stats(request->worker->backend, &asked->call, kind);
}

/* ---- store ------------------------------------------------------------------------ */

static void
put_store(struct json_put *json, const struct worker *worker UNUSED,
    const struct msg_stats *stats UNUSED, const uint64_t *numbers)
{
	static const char *const names[STORE_STAT_COUNT] = {
		"getsSuccess", "getsFail", "setsSuccess", "setsFail",
		"deleteSuccess", "deleteFail", "updateSuccess", "updateFail",
		"createSuccess", "createFail",
		"compareAndSwapSuccess", "compareAndSwapFail",
		"compareAndDeleteSuccess", "compareAndDeleteFail",
		"expireCount", "watchers",
	};

	for (int i = 0; i < STORE_STAT_COUNT; i++)
		json_put_number(json, names[i], numbers[i]);
}

void
stats_store_handle(struct request *request)
{
	ask(request, STATS_STORE, put_store);
}

/* ---- self --------------------------------------------------------------------------- */

static void
put_time(struct json_put *json, const char *name, uint64_t wall_ns)
{
	char text[CLOCK_TEXT_BYTES];

	clock_format(wall_ns, 9, true, text);
	json_put_text(json, name, slice_text(text));
}

/* "1h2m3.5s", "812.5ms": as the original writes durations. */
static void
put_duration(struct json_put *json, const char *name, uint64_t ns)
{
	static const struct {
		uint64_t ns;
		const char *unit;
	} small[] = { { NS_PER_SECOND, "s" }, { NS_PER_MS, "ms" }, { 1000, "\xc2\xb5s" } };
	struct buf text = BUF_INIT;
	size_t unit = 0;

	if (ns >= 3600 * NS_PER_SECOND)
		buf_printf(&text, "%" PRIu64 "h", ns / (3600 * NS_PER_SECOND));
	if (ns >= 60 * NS_PER_SECOND)
		buf_printf(&text, "%" PRIu64 "m", ns / (60 * NS_PER_SECOND) % 60);
	ns %= 60 * NS_PER_SECOND;
	while (text.size == 0 && ns > 0 && ns < small[unit].ns && unit + 1 < ARRAY_COUNT(small))
		unit++;
	buf_append_u64(&text, ns / small[unit].ns);
	if (ns % small[unit].ns != 0) {
		char fraction[16];
		int digits = unit == 0 ? 9 : unit == 1 ? 6 : 3;
		int size = snprintf(fraction, sizeof(fraction), ".%0*" PRIu64, digits,
		    ns % small[unit].ns);

		while (fraction[size - 1] == '0')
			size--;
		buf_append(&text, fraction, (size_t)size);
	}
	buf_append_text(&text, small[unit].unit);
	json_put_text(json, name, buf_slice(&text));
	buf_free(&text);
}

static void
put_rate(struct json_put *json, const char *name, uint64_t per_second_1000)
{
	if (per_second_1000 == 0)
		return;
	json_put_decimal(json, name, (double)per_second_1000 / 1000, 3);
}

/* The 0.4 series knows no learners. */
static const char *
state_name(int role)
{
	return wire_role_name(role == NODE_ROLE_LEARNER ? NODE_ROLE_FOLLOWER : role);
}

static void
put_self(struct json_put *json, const struct worker *worker, const struct msg_stats *stats UNUSED,
    const uint64_t *numbers)
{
	const struct cluster *cluster = worker->cluster;
	const struct cluster_member *self = cluster_member(cluster, cluster->node_id);
	const struct cluster_member *leader = cluster_member(cluster, cluster->leader_id);
	uint64_t now_ns = loop_now(worker->loop).wall_ns;

	json_put_text(json, "name", slice_text(worker->config.name));
	json_put_id(json, "id", self == NULL ? cluster->node_id : self->shown_id);
	json_put_text(json, "state", slice_text(state_name(cluster->role)));
	put_time(json, "startTime", cluster->started_ns);
	json_put_open(json, "leaderInfo", '{');
	if (leader == NULL)
		json_put_text(json, "leader", SLICE_EMPTY);
	else
		json_put_id(json, "leader", leader->shown_id);
	json_put_text(json, "leaderName", leader == NULL ? SLICE_EMPTY : slice_text(leader->name));
	put_duration(json, "uptime", leader == NULL || now_ns < cluster->leader_since_ns ? 0 :
	    now_ns - cluster->leader_since_ns);
	put_time(json, "startTime", cluster->leader_since_ns);
	json_put_close(json, '}');
	json_put_number(json, "recvAppendRequestCnt", numbers[SELF_RECV_APPEND_COUNT]);
	put_rate(json, "recvPkgRate", numbers[SELF_RECV_PKG_RATE]);
	put_rate(json, "recvBandwidthRate", numbers[SELF_RECV_BANDWIDTH_RATE]);
	json_put_number(json, "sendAppendRequestCnt", numbers[SELF_SEND_APPEND_COUNT]);
	put_rate(json, "sendPkgRate", numbers[SELF_SEND_PKG_RATE]);
	put_rate(json, "sendBandwidthRate", numbers[SELF_SEND_BANDWIDTH_RATE]);
}

void
stats_self_handle(struct request *request)
{
	ask(request, STATS_SELF, put_self);
}

/* ---- leader ---------------------------------------------------------------------------- */

static void
put_ms(struct json_put *json, const char *name, double ms)
{
	json_put_decimal(json, name, ms, 6);
}

static void
put_follower(struct json_put *json, const struct cluster *cluster,
    const struct follower_record *follower)
{
	const struct cluster_member *member = cluster_member_named(cluster, follower->name);
	double count = (double)MAX_OF(follower->successes, UINT64_C(1));
	double average_ms = (double)follower->latency_sum / 1e6 / count;
	double square_ms = (double)follower->latency_square_sum_us / 1e6 / count;
	double variance_ms = square_ms - average_ms * average_ms;
	char id[17];

	/* One that went with the status that came behind these numbers. */
	if (member == NULL)
		return;
	snprintf(id, sizeof(id), "%016" PRIx64, member->shown_id);
	json_put_open(json, id, '{');
	json_put_text(json, "name", follower->name);
	json_put_open(json, "latency", '{');
	put_ms(json, "current", (double)follower->latency_current / 1e6);
	put_ms(json, "average", average_ms);
	put_ms(json, "standardDeviation", variance_ms > 0 ? sqrt(variance_ms) : 0);
	put_ms(json, "minimum", (double)follower->latency_minimum / 1e6);
	put_ms(json, "maximum", (double)follower->latency_maximum / 1e6);
	json_put_close(json, '}');
	json_put_open(json, "counts", '{');
	json_put_number(json, "fail", follower->failures);
	json_put_number(json, "success", follower->successes);
	json_put_close(json, '}');
	json_put_close(json, '}');
}

static void
put_leader(struct json_put *json, const struct worker *worker, const struct msg_stats *stats,
    const uint64_t *numbers UNUSED)
{
	const struct cluster *cluster = worker->cluster;
	const struct cluster_member *self = cluster_member(cluster, cluster->node_id);
	struct reader in = reader_of(stats->followers);
	struct follower_record follower;

	if (self == NULL)
		json_put_text(json, "leader", SLICE_EMPTY);
	else
		json_put_id(json, "leader", self->shown_id);
	json_put_open(json, "followers", '{');
	while (!reader_done(&in) && follower_record_get(&in, &follower))
		put_follower(json, cluster, &follower);
	json_put_close(json, '}');
}

void
stats_leader_handle(struct request *request)
{
	ask(request, STATS_LEADER, put_leader);
}
