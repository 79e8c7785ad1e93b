/*
 * election.c - the Election service of the v3 API, but for observe: keys with a value that wait
 * for each other. The first is the leader's.
 *
 * Source: docs/api.md, "Locks and elections of v3".
 */
#include "httpd/client/v3/kv.h"
#include "httpd/client/v3/methods.h"
#include "httpd/client/v3/waiter.h"

/* ---- campaign ------------------------------ */

static void
elected(struct v3_call *call, const struct waiter_first *first)
{
	const struct v3_leader_key leader = { .name = first->name, .key = first->key,
		.rev = first->created, .lease = first->lease };

	call_answer(call, &(struct v3_campaign_response){ .header = &first->header,
	    .leader = &leader });
}

void
serve_campaign(struct v3_call *call, const void *message)
{
	const struct v3_campaign_request *asked = message;

	waiter_begin(call, &(struct waiter_wish){ .name = asked->name, .lease = asked->lease,
	    .value = asked->value, .proclaims = true, .first = elected,
	    .lost = v3_status_of(V3_REFUSE_NOT_ELECTION_LEADER) });
}

/* ---- what a leader does ------------------------------ */

static void
proclaimed(struct v3_call *call, struct kv_answer *answer)
{
	struct v3_response_header header = kv_header(call, answer);

	if (answer->shown.txn.succeeded)
		call_answer(call, &(struct v3_proclaim_response){ .header = &header });
	else
		call_end(call, v3_status_of(V3_REFUSE_NOT_ELECTION_LEADER));
}

void
serve_proclaim(struct v3_call *call, const void *message)
{
	const struct v3_proclaim_request *asked = message;
	const struct v3_leader_key *leader = asked->leader;
	struct v3_put_request put = { .value = asked->value };
	struct v3_request_op op = { .which = V3_IS_request_put, .request_put = &put };

	if (leader == NULL) {
		call_end(call, v3_status_of(V3_REFUSE_LEADER_KEY_MISSING));
		return;
	}
	/* The revision 0 would stand for a key that is not there, which is no leader's. */
	if (leader->rev == 0) {
		call_end(call, v3_status_of(V3_REFUSE_NOT_ELECTION_LEADER));
		return;
	}
	put.key = leader->key;
	put.lease = leader->lease;
	kv_begin_choice(call, &(struct kv_choice){ .key = leader->key,
	    .created = leader->rev, .then = &op }, proclaimed);
}

static void
resigned(struct v3_call *call, struct kv_answer *answer)
{
	struct v3_response_header header = kv_header(call, answer);

	call_answer(call, &(struct v3_resign_response){ .header = &header });
}

void
serve_resign(struct v3_call *call, const void *message)
{
	const struct v3_resign_request *asked = message;
	const struct v3_leader_key *leader = asked->leader;
	struct v3_delete_range_request delete = { .prev_kv = false };
	struct v3_request_op op = { .which = V3_IS_request_delete_range,
		.request_delete_range = &delete };

	if (leader == NULL) {
		call_end(call, v3_status_of(V3_REFUSE_LEADER_KEY_MISSING));
		return;
	}
	delete.key = leader->key;
	kv_begin_choice(call, &(struct kv_choice){ .key = leader->key,
	    .created = leader->rev, .then = &op }, resigned);
}

/* ---- leader ------------------------------ */

static void
found(struct v3_call *call, struct kv_answer *answer)
{
	const struct v3_slices *kvs = &answer->shown.range.kvs;
	struct v3_response_header header = kv_header(call, answer);

	if (kvs->count > 0)
		call_answer(call, &(struct v3_leader_response){ .header = &header,
		    .kv = kvs->items[0] });
	else
		call_end(call, v3_status_of(V3_REFUSE_NO_ELECTION_LEADER));
}

void
serve_leader(struct v3_call *call, const void *message)
{
	const struct v3_leader_request *asked = message;
	const struct v3_range_request range = kv_first_below(&call->request->arena,
	    asked->name);

	kv_begin(call, V3_METHOD_range, &range, found);
}
