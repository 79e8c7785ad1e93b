/*
 * maintenance.c - the Maintenance service of the v3 API: how this member is, its alarms, sums
 * over what it holds. And the health service of gRPC.
 *
 * Nothing is to be defragmented: LevelDB gives space back by itself. Alarms are a part of the
 * applied state (raftd/replica/v3_alarms.h): a client raises one, or the quota does. A disk that is
 * full is shown as the alarm NOSPACE of its member besides, which goes by itself.
 *
 * Source: docs/api.md, "v3".
 */
#include "common/limits.h"
#include "common/version.h"
#include "httpd/client/health.h"
#include "httpd/client/inquiry.h"
#include "httpd/client/operate.h"
#include "httpd/client/v3/asked.h"
#include "httpd/client/v3/methods.h"
#include "httpd/cluster.h"
#include "httpd/worker.h"

#include <inttypes.h>

static void
ask_state(struct v3_call *call, uint8_t what, uint64_t revision,
    void (*show)(struct v3_asked *asked, const struct msg_outcome *outcome))
{
	if (call_may_ask(call))
		backend_v3_state(call->request->worker->backend,
		    &asked_new_shown(call, show)->call,
		    &(struct msg_v3_state){ .what = what, .revision = revision });
}

/* False: it is an error, and the call is over. */
static bool
read_state(struct v3_asked *asked, const struct msg_outcome *outcome,
    struct v3_state_answer *answer, struct v3_response_header *header)
{
	struct reader in = reader_of(outcome->event);

	if (!v3_state_answer_get(&in, answer)) {
		asked_fail(asked);
		return false;
	}
	if (asked_is_refused(asked, answer->error))
		return false;
	*header = call_header(asked->of, outcome->raft_term);
	header->revision = (int64_t)answer->revision;
	return true;
}

/* ---- how it is ------------------------------ */

/* All that stand, each once, though two raised it; 1 or 0 more if the disk is full. */
static struct v3_alarm_member *
alarms_of(struct v3_call *call, const struct v3_state_answer *state, uint64_t self, size_t *count)
{
	struct v3_alarm_member *items = arena_zalloc(&call->request->arena,
	    (V3_ALARMS_MAX + 1) * sizeof(*items));
	struct reader in = reader_of(state->alarms);
	struct v3_alarm_record record;
	bool full = cluster_disk_is_full(call->request->worker->cluster);

	*count = 0;
	while (*count < V3_ALARMS_MAX && v3_alarm_record_get(&in, &record)) {
		const struct v3_alarm_member *last = *count == 0 ? NULL : &items[*count - 1];

		full = full && (record.member != self || record.type != ALARM_NOSPACE);
		if (last == NULL || last->memberID != record.member ||
		    last->alarm != record.type)
			items[(*count)++] = (struct v3_alarm_member){
				.memberID = record.member, .alarm = record.type };
	}
	if (full)
		items[(*count)++] = (struct v3_alarm_member){
			.memberID = self, .alarm = V3_ALARM_NOSPACE };
	return items;
}

static struct v3_slices
errors_of(struct v3_call *call, const struct v3_state_answer *state, uint64_t self)
{
	struct arena *arena = &call->request->arena;
	struct v3_alarm_member *alarms;
	size_t alarm_count, count = 0;
	struct slice *items;

	alarms = alarms_of(call, state, self, &alarm_count);
	items = arena_alloc(arena, (alarm_count + 1) * sizeof(*items));
	if (call->request->worker->cluster->leader_id == 0)
		items[count++] = SLICE_LITERAL("etcdserver: no leader");
	for (size_t i = 0; i < alarm_count; i++)
		items[count++] = slice_text(arena_printf(arena, "memberID:%" PRIu64 " alarm:%s ",
		    alarms[i].memberID,
		    alarms[i].alarm == V3_ALARM_NOSPACE ? "NOSPACE" : "CORRUPT"));
	return (struct v3_slices){ items, count };
}

static void
show_status(struct v3_asked *asked, const struct msg_outcome *outcome)
{
	const struct cluster *cluster = asked->of->request->worker->cluster;
	const struct cluster_member *leader = cluster_member(cluster, cluster->leader_id);
	const struct cluster_member *self = cluster_member(cluster, cluster->node_id);
	struct v3_response_header header;
	struct v3_state_answer state;
	struct v3_status_response response;

	if (!read_state(asked, outcome, &state, &header))
		return;
	response = (struct v3_status_response){
		.header = &header,
		.version = SLICE_LITERAL(API_VERSION),
		/* What the quota is for; what compaction leaves is given back at once. */
		.dbSize = (int64_t)state.bytes,
		.dbSizeInUse = (int64_t)state.bytes,
		.leader = leader == NULL ? cluster->leader_id : leader->shown_id,
		.raftIndex = state.commit,
		.raftTerm = outcome->raft_term,
		.raftAppliedIndex = state.applied,
		.errors = errors_of(asked->of, &state, header.member_id),
		.isLearner = self != NULL && self->role == MEMBER_LEARNER,
	};
	call_answer(asked->of, &response);
}

void
serve_status(struct v3_call *call, const void *message UNUSED)
{
	ask_state(call, V3_STATE_FIGURES, 0, show_status);
}

/* ---- alarms ------------------------------ */

static void
show_alarms(struct v3_asked *asked, const struct msg_outcome *outcome)
{
	struct v3_alarm_response response = { .alarms = { NULL, 0 } };
	struct v3_response_header header;
	struct v3_alarm_member *all;
	struct v3_state_answer state;
	size_t count, shown = 0;

	if (!read_state(asked, outcome, &state, &header))
		return;
	all = alarms_of(asked->of, &state, header.member_id, &count);
	for (size_t i = 0; i < count; i++)
		if (asked->alarm.alarm == V3_ALARM_NONE || all[i].alarm == asked->alarm.alarm)
			all[shown++] = all[i];
	response.header = &header;
	response.alarms.items = all;
	response.alarms.count = shown;
	call_answer(asked->of, &response);
}

/* It is raised, or it is taken back and was there. */
static void
show_changed(struct v3_asked *asked, const struct msg_outcome *outcome)
{
	struct v3_response_header header = call_header(asked->of, outcome->raft_term);
	struct v3_alarm_response response = { .header = &header };
	struct reader in = reader_of(outcome->event);
	struct v3_answer answer;

	if (!v3_answer_get(&in, &answer)) {
		asked_fail(asked);
	} else if (!asked_is_refused(asked, answer.error)) {
		header.revision = (int64_t)answer.revision;
		response.alarms.items = &asked->alarm;
		response.alarms.count = answer.alarms > 0;
		call_answer(asked->of, &response);
	}
}

static void
ask_alarm(struct v3_call *call, const struct v3_alarm_request *request, uint8_t op)
{
	struct v3_asked *asked;

	if (!call_may_ask(call))
		return;
	asked = asked_new_shown(call, show_changed);
	asked->alarm = (struct v3_alarm_member){ .memberID = request->memberID,
		.alarm = request->alarm };
	call->decided = true;
	backend_v3_alarm(call->request->worker->backend, &asked->call, &(struct msg_v3_alarm){
	    CALL_WHO(call), .op = op, .type = (uint8_t)request->alarm,
	    .member = request->memberID });
}

static bool
is_of_a_type(const struct v3_alarm_request *request)
{
	return request->alarm == V3_ALARM_NOSPACE || request->alarm == V3_ALARM_CORRUPT;
}

void
serve_alarm(struct v3_call *call, const void *message)
{
	const struct v3_alarm_request *request = message;
	struct v3_asked *asked;

	if (request->action == V3_ALARM_ACTIVATE && !is_of_a_type(request)) {
		call_end(call, (struct v3_status){ V3_INVALID_ARGUMENT,
		    "an alarm that is raised is NOSPACE or CORRUPT" });
	} else if (request->action == V3_ALARM_ACTIVATE) {
		ask_alarm(call, request, ALARM_RAISE);
	} else if (request->action == V3_ALARM_DEACTIVATE && is_of_a_type(request)) {
		ask_alarm(call, request, ALARM_TAKE);
	} else if (call_may_ask(call)) {
		asked = asked_new_shown(call, show_alarms);
		asked->alarm.alarm = request->alarm;
		/* Of a type that there is none of nothing can be taken back. */
		if (request->action == V3_ALARM_DEACTIVATE)
			asked->alarm.alarm = -1;
		backend_v3_state(call->request->worker->backend, &asked->call,
		    &(struct msg_v3_state){ .what = V3_STATE_FIGURES });
	}
}

/* ---- the database ------------------------------ */

static void
show_defragmented(struct v3_asked *asked, const struct msg_outcome *outcome)
{
	struct v3_response_header header;
	struct v3_state_answer state;

	if (read_state(asked, outcome, &state, &header))
		call_answer(asked->of, &(struct v3_defragment_response){ .header = &header });
}

void
serve_defragment(struct v3_call *call, const void *message UNUSED)
{
	ask_state(call, V3_STATE_FIGURES, 0, show_defragmented);
}

static void
show_hash(struct v3_asked *asked, const struct msg_outcome *outcome)
{
	struct v3_response_header header;
	struct v3_state_answer state;

	if (read_state(asked, outcome, &state, &header))
		call_answer(asked->of, &(struct v3_hash_response){ .header = &header,
		    .hash = state.hash });
}

/* Over all that is readable now: of etcd's it is of a file, and compared with nothing. */
void
serve_hash(struct v3_call *call, const void *message UNUSED)
{
	ask_state(call, V3_STATE_HASH, 0, show_hash);
}

static void
show_hash_kv(struct v3_asked *asked, const struct msg_outcome *outcome)
{
	struct v3_response_header header;
	struct v3_state_answer state;

	if (read_state(asked, outcome, &state, &header))
		call_answer(asked->of, &(struct v3_hash_kv_response){ .header = &header,
		    .hash = state.hash, .compact_revision = (int64_t)state.compacted,
		    .hash_revision = (int64_t)state.hash_revision });
}

void
serve_hash_kv(struct v3_call *call, const void *message)
{
	const struct v3_hash_kv_request *request = message;

	ask_state(call, V3_STATE_HASH, (uint64_t)request->revision, show_hash_kv);
}

/* ---- the lead ------------------------------ */

/* In the call's arena. */
struct move {
	struct inquiry_call call;
	struct v3_call *of;
};

static void
answer_moved(struct v3_call *call)
{
	struct v3_response_header header = call_header(call, call->request->worker->cluster->term);

	call_answer(call, &(struct v3_move_leader_response){ .header = &header });
}

static void
moved(struct inquiry_call *inquiry, const struct msg_told *told)
{
	struct v3_call *call = CONTAINER_OF(inquiry, struct move, call)->of;

	if (told == NULL)
		call_end(call, v3_status_of(V3_REFUSE_TIMED_OUT));
	else if (told->problem.size > 0)
		call_end(call, (struct v3_status){ V3_UNAVAILABLE, arena_printf(
		    &call->request->arena, "%.*s", SLICE_ARGS(told->problem)) });
	else
		answer_moved(call);
}

static void
move_gone(struct v3_call *call)
{
	struct move *move = call->state;

	inquiry_cancel(call->request->worker->inquiries, &move->call);
}

static void
ask_lead(struct v3_call *call, const struct cluster_member *to)
{
	struct move *move = arena_zalloc(&call->request->arena, sizeof(*move));
	struct slice asker = slice_text(request_from(call->request));

	asker.size = MIN_OF(asker.size, (size_t)ASKER_BYTES_MAX);
	move->of = call;
	move->call.told = moved;
	call->state = move;
	call->gone = move_gone;
	if (inquiry_ask(call->request->worker->inquiries, &move->call, &(struct msg_ask){
	    .what = ASK_LEAD, .asker = asker, .name = slice_text(to->name) }))
		return;
	call->gone = NULL;
	call_end(call, v3_status_of(V3_REFUSE_TOO_MANY_REQUESTS));
}

void
serve_move_leader(struct v3_call *call, const void *message)
{
	const struct v3_move_leader_request *request = message;
	const struct cluster *cluster = call->request->worker->cluster;
	const char *problem = operate_change_problem(call->request);
	const struct cluster_member *to = NULL;

	for (size_t i = 0; i < cluster->member_count; i++)
		if (cluster->members[i].shown_id == request->targetID &&
		    cluster->members[i].role == MEMBER_VOTER)
			to = &cluster->members[i];
	if (problem != NULL)
		call_end(call, (struct v3_status){ V3_PERMISSION_DENIED, problem });
	else if (to == NULL)
		call_end(call, v3_status_of(V3_REFUSE_BAD_TRANSFEREE));
	else if (cluster->role != NODE_ROLE_LEADER)
		call_end(call, v3_status_of(V3_REFUSE_NOT_LEADER));
	else if (to->id == cluster->leader_id)
		answer_moved(call);
	else
		ask_lead(call, to);
}

/* ---- health ------------------------------ */

void
serve_health_check(struct v3_call *call, const void *message)
{
	const struct v3_health_check_request *request = message;
	const struct worker *worker = call->request->worker;

	if (request->service.size > 0)
		call_end(call, v3_status_of(V3_REFUSE_SERVICE_NOT_FOUND));
	else
		call_answer(call, &(struct v3_health_check_response){ .status =
		    health_problem(worker) == NULL ? V3_SERVING : V3_NOT_SERVING });
}
