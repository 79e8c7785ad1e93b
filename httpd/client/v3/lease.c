/*
 * lease.c - the Lease service of the v3 API: granted, revoked, looked at, listed. Who keeps them
 * alive is in keep_alive.c.
 *
 * Source: docs/api.md, "v3".
 */
#include "common/limits.h"
#include "common/rand.h"
#include "httpd/client/v3/asked.h"
#include "httpd/client/v3/methods.h"
#include "httpd/worker.h"

#include <stdlib.h>

/* The id is chosen before it is asked for: so a repeat is the same grant. */
void
serve_grant(struct v3_call *call, const void *message)
{
	const struct v3_lease_grant_request *grant = message;
	struct v3_asked *asked;

	if (!call_may_ask(call))
		return;
	asked = asked_new(call);
	call->decided = true;
	asked->lease = (uint64_t)grant->ID;
	while (asked->lease == 0)
		asked->lease = rand_entropy() & INT64_MAX;
	backend_v3_grant(call->request->worker->backend, &asked->call,
	    &(struct msg_v3_grant){ CALL_WHO(call), .id = asked->lease,
	    .ttl_s = (uint64_t)grant->TTL });
}

void
serve_revoke(struct v3_call *call, const void *message)
{
	const struct v3_lease_revoke_request *revoke = message;

	if (!call_may_ask(call))
		return;
	call->decided = true;
	backend_v3_revoke(call->request->worker->backend, &asked_new(call)->call,
	    &(struct msg_v3_revoke){ CALL_WHO(call), .id = (uint64_t)revoke->ID });
}

/* ---- looked at ------------------------------ */

static int
compare_slices(const void *a, const void *b)
{
	return slice_compare(*(const struct slice *)a, *(const struct slice *)b);
}

/* Sorted here: raftd has others to answer. False: they are no keys. */
static bool
read_keys(struct slice list, struct arena *arena, struct v3_slices *keys)
{
	struct reader in = reader_of(list);
	struct slice *items, key;
	size_t count = 0;

	for (; !reader_done(&in); count++)
		if (!codec_get_bytes(&in, &key))
			return false;
	items = arena_alloc(arena, (count + 1) * sizeof(*items));
	in = reader_of(list);
	for (size_t i = 0; i < count && codec_get_bytes(&in, &key); i++)
		items[i] = key;
	qsort(items, count, sizeof(*items), compare_slices);
	*keys = (struct v3_slices){ items, count };
	return true;
}

/* The keys that hang on it are shown to who may read all of them. */
static bool
may_see(const struct v3_call *call, const struct v3_slices *keys)
{
	for (size_t i = 0; v3_users_count(call->request->worker) && i < keys->count; i++)
		if (!call_may(call, V3_AUTH_READ, keys->items[i], SLICE_EMPTY))
			return false;
	return true;
}

static void
show_time_to_live(struct v3_asked *asked, const struct msg_outcome *outcome)
{
	struct v3_call *call = asked->of;
	struct v3_response_header header = call_header(call, outcome->raft_term);
	struct v3_lease_time_to_live_response response = { .header = &header,
		.ID = (int64_t)asked->lease };
	struct reader in = reader_of(outcome->event);
	struct v3_lease_answer answer;

	if (!v3_lease_answer_get(&in, &answer) ||
	    !read_keys(answer.keys, &call->request->arena, &response.keys)) {
		asked_fail(asked);
		return;
	}
	if (asked_is_refused(asked, answer.error))
		return;
	if (!may_see(call, &response.keys)) {
		call_end(call, v3_status_of(V3_REFUSE_PERMISSION));
		return;
	}
	header.revision = (int64_t)answer.revision;
	response.TTL = answer.found != 0 ? (int64_t)answer.left_s : -1;
	response.grantedTTL = (int64_t)answer.granted_s;
	call_answer(call, &response);
}

void
serve_time_to_live(struct v3_call *call, const void *message)
{
	const struct v3_lease_time_to_live_request *request = message;
	struct v3_asked *asked;

	if (!call_may_ask(call))
		return;
	asked = asked_new_shown(call, show_time_to_live);
	asked->lease = (uint64_t)request->ID;
	backend_v3_lease(call->request->worker->backend, &asked->call, &(struct msg_v3_lease){
	    .what = request->keys ? V3_LEASE_LOOK_KEYS : V3_LEASE_LOOK, .id = asked->lease });
}

/* ---- listed ------------------------------ */

static int
compare_statuses(const void *a, const void *b)
{
	const struct v3_lease_status *left = a, *right = b;

	return (left->ID > right->ID) - (left->ID < right->ID);
}

static void
show_leases(struct v3_asked *asked, const struct msg_outcome *outcome)
{
	struct v3_call *call = asked->of;
	struct v3_response_header header = call_header(call, outcome->raft_term);
	struct v3_lease_leases_response response = { .header = &header };
	struct reader in = reader_of(outcome->event);
	struct v3_state_answer answer;
	struct v3_lease_status *items;
	uint64_t id;

	if (!v3_state_answer_get(&in, &answer)) {
		asked_fail(asked);
		return;
	}
	if (asked_is_refused(asked, answer.error))
		return;
	items = arena_zalloc(&call->request->arena,
	    (answer.leases.size / sizeof(id) + 1) * sizeof(*items));
	in = reader_of(answer.leases);
	while (!reader_done(&in) && codec_get_u64(&in, &id))
		items[response.leases.count++].ID = (int64_t)id;
	qsort(items, response.leases.count, sizeof(*items), compare_statuses);
	response.leases.items = items;
	header.revision = (int64_t)answer.revision;
	call_answer(call, &response);
}

void
serve_leases(struct v3_call *call, const void *message UNUSED)
{
	if (call_may_ask(call))
		backend_v3_state(call->request->worker->backend,
		    &asked_new_shown(call, show_leases)->call,
		    &(struct msg_v3_state){ .what = V3_STATE_LEASES, .quorum = 1 });
}
