/*
 * cluster.c - the Cluster service of the v3 API: who is in the cluster, and changes of that.
 *
 * A member is not made here: a place for one is, as by /v2/members, which the machine takes that
 * joins with its peer URL, and which is shown as a learner without a name until then. A machine
 * votes by itself when it has caught up, so there is nothing to promote.
 *
 * Source: docs/api.md, "v3".
 */
#include "common/rand.h"
#include "common/url_list.h"
#include "httpd/client/operate.h"
#include "httpd/client/roster.h"
#include "httpd/client/v3/asked.h"
#include "httpd/client/v3/methods.h"
#include "httpd/cluster.h"
#include "httpd/worker.h"

static struct v3_slices
urls_of(struct arena *arena, const char *list)
{
	struct slice rest = slice_text(list), url, *items;
	struct v3_slices urls = { NULL, 0 };

	while (url_list_next(&rest, &url))
		urls.count++;
	items = arena_alloc(arena, (urls.count + 1) * sizeof(*items));
	rest = slice_text(list);
	for (size_t i = 0; url_list_next(&rest, &url); i++)
		items[i] = url;
	urls.items = items;
	return urls;
}

struct listed {
	struct v3_member *items;
	size_t count;
};

static struct listed
members_of(const struct v3_call *call)
{
	const struct cluster *cluster = call->request->worker->cluster;
	struct arena *arena = &call->request->arena;
	struct v3_member *items = arena_zalloc(arena,
	    (cluster->member_count + cluster->place_count + 1) * sizeof(*items));
	size_t count = 0;

	for (size_t i = 0; i < cluster->member_count; i++)
		items[count++] = (struct v3_member){
			.ID = cluster->members[i].shown_id,
			.name = slice_text(cluster->members[i].name),
			.peerURLs = urls_of(arena, cluster->members[i].peer_url),
			.clientURLs = urls_of(arena, cluster->members[i].client_url),
			.isLearner = cluster->members[i].role == MEMBER_LEARNER,
		};
	for (size_t i = 0; i < cluster->place_count; i++)
		items[count++] = (struct v3_member){
			.ID = cluster->places[i].id,
			.peerURLs = urls_of(arena, cluster->places[i].peer_urls),
			.isLearner = true,
		};
	return (struct listed){ items, count };
}

static void
answer_members(struct v3_call *call, uint64_t raft_term)
{
	struct v3_response_header header = call_header(call, raft_term);
	struct listed listed = members_of(call);

	call_answer(call, &(struct v3_member_list_response){ .header = &header,
	    .members = { listed.items, listed.count } });
}

/* raftd has told before who they are by now; a change that another worker answered may not have
 * been read here without that. */
static void
show_members(struct v3_asked *asked, const struct msg_outcome *outcome)
{
	answer_members(asked->of, outcome->raft_term);
}

void
serve_member_list(struct v3_call *call, const void *message)
{
	const struct v3_member_list_request *request = message;

	if (!call_may_ask(call))
		return;
	backend_v3_state(call->request->worker->backend,
	    &asked_new_shown(call, show_members)->call,
	    &(struct msg_v3_state){ .what = V3_STATE_FIGURES, .quorum = request->linearizable });
}

/* ---- changes ------------------------------ */

/* In the call's arena. */
struct change {
	struct backend_call call;
	struct v3_call *of;
	enum place_op op;
	uint64_t id;
};

static struct v3_status
refusal_of(struct v3_call *call, const struct msg_outcome *outcome)
{
	switch (outcome->error) {
	case ERR_PEER_ADDRESS_EXISTS:
		return v3_status_of(V3_REFUSE_PEER_URL_EXISTS);
	case ERR_NOT_FOUND:
	case ERR_REMOVED:
		return v3_status_of(V3_REFUSE_MEMBER_NOT_FOUND);
	case ERR_NO_MORE_PEER:
		return (struct v3_status){ V3_FAILED_PRECONDITION,
			"the cluster has as many members, and places for them, as it wants" };
	case ERR_INVALID:
		return (struct v3_status){ V3_FAILED_PRECONDITION, arena_printf(
		    &call->request->arena, "%.*s", SLICE_ARGS(outcome->cause)) };
	default:
		return call_failure(outcome);
	}
}

/* The responses of a removal and of an update are made alike; that of a new one has it before. */
static void
answer_change(const struct change *change, uint64_t raft_term)
{
	struct v3_response_header header = call_header(change->of, raft_term);
	struct listed listed = members_of(change->of);
	const struct v3_member *made = NULL;

	if (change->op != PLACE_MAKE) {
		answer_members(change->of, raft_term);
		return;
	}
	for (size_t i = 0; i < listed.count; i++)
		if (listed.items[i].ID == change->id)
			made = &listed.items[i];
	call_answer(change->of, &(struct v3_member_add_response){ .header = &header,
	    .member = made, .members = { listed.items, listed.count } });
}

static void
changed(struct backend_call *call, const struct msg_outcome *outcome)
{
	struct change *change = CONTAINER_OF(call, struct change, call);

	if (outcome->error != ERR_NONE)
		call_end(change->of, refusal_of(change->of, outcome));
	else
		answer_change(change, outcome->raft_term);
}

static void
gone(struct v3_call *call)
{
	struct change *change = call->state;

	backend_cancel(call->request->worker->backend, &change->call);
}

/* urls: borrowed. */
static void
ask_change(struct v3_call *call, enum place_op op, uint64_t id, struct slice urls)
{
	struct change *change = arena_zalloc(&call->request->arena, sizeof(*change));
	struct slice asker = slice_text(request_from(call->request));

	asker.size = MIN_OF(asker.size, (size_t)ASKER_BYTES_MAX);
	change->call.done = changed;
	change->of = call;
	change->op = op;
	change->id = id;
	call->state = change;
	call->gone = gone;
	call->decided = true;
	backend_place_change(call->request->worker->backend, &change->call,
	    &(struct msg_place_change){ .op = (uint8_t)op, .id = id, .peer_urls = urls,
	    .asker = asker });
}

/* False: the call is over. */
static bool
may_change(struct v3_call *call)
{
	const char *problem = operate_change_problem(call->request);

	if (problem == NULL)
		return call_may_ask(call);
	call_end(call, (struct v3_status){ V3_PERMISSION_DENIED, problem });
	return false;
}

/* As a place has them, in the call's arena. False: they are none, and the call is over. */
static bool
take_urls(struct v3_call *call, const struct v3_slices *list, struct slice *taken)
{
	char problem[ROSTER_PROBLEM_BYTES];
	struct buf urls = BUF_INIT;
	enum err err = roster_urls_take(list->items, list->count, &urls, problem);

	if (err == ERR_NONE)
		*taken = arena_copy(&call->request->arena, buf_slice(&urls));
	else
		call_end(call, v3_status_of(V3_REFUSE_MEMBER_URLS));
	buf_free(&urls);
	return err == ERR_NONE;
}

/* raftd tells who they are by now before it answers: another worker may have changed them. */
static struct v3_asked *
ask_who_they_are(struct v3_call *call,
    void (*show)(struct v3_asked *asked, const struct msg_outcome *outcome))
{
	struct v3_asked *asked = asked_new_shown(call, show);

	backend_v3_state(call->request->worker->backend, &asked->call,
	    &(struct msg_v3_state){ .what = V3_STATE_FIGURES });
	return asked;
}

/* One at a time, as the original has it. */
static bool
has_learner(const struct cluster *cluster)
{
	for (size_t i = 0; i < cluster->member_count; i++)
		if (cluster->members[i].role == MEMBER_LEARNER)
			return true;
	return cluster->place_count > 0;
}

static void
add_learner(struct v3_asked *asked, const struct msg_outcome *outcome UNUSED)
{
	if (has_learner(asked->of->request->worker->cluster))
		call_end(asked->of, v3_status_of(V3_REFUSE_TOO_MANY_LEARNERS));
	else
		ask_change(asked->of, PLACE_MAKE, rand_entropy(), asked->urls);
}

void
serve_member_add(struct v3_call *call, const void *message)
{
	const struct v3_member_add_request *request = message;
	struct slice urls;

	if (!may_change(call) || !take_urls(call, &request->peerURLs, &urls))
		return;
	if (request->isLearner)
		ask_who_they_are(call, add_learner)->urls = urls;
	else
		ask_change(call, PLACE_MAKE, rand_entropy(), urls);
}

void
serve_member_update(struct v3_call *call, const void *message)
{
	const struct v3_member_update_request *request = message;
	struct slice urls;

	if (may_change(call) && take_urls(call, &request->peerURLs, &urls))
		ask_change(call, PLACE_MOVE, request->ID, urls);
}

void
serve_member_remove(struct v3_call *call, const void *message)
{
	const struct v3_member_remove_request *request = message;

	if (!may_change(call))
		return;
	if (request->ID == 0)
		call_end(call, v3_status_of(V3_REFUSE_MEMBER_NOT_FOUND));
	else
		ask_change(call, PLACE_REMOVE, request->ID, SLICE_EMPTY);
}

static void
refuse_promotion(struct v3_asked *asked, const struct msg_outcome *outcome UNUSED)
{
	struct v3_call *call = asked->of;
	struct listed listed = members_of(call);
	enum v3_refusal refusal = V3_REFUSE_MEMBER_NOT_FOUND;

	for (size_t i = 0; i < listed.count; i++)
		if (listed.items[i].ID == asked->member)
			refusal = listed.items[i].isLearner ? V3_REFUSE_LEARNER_NOT_READY :
			    V3_REFUSE_MEMBER_NOT_LEARNER;
	call_end(call, v3_status_of(refusal));
}

void
serve_member_promote(struct v3_call *call, const void *message)
{
	const struct v3_member_promote_request *request = message;

	if (may_change(call))
		ask_who_they_are(call, refuse_promotion)->member = request->ID;
}
