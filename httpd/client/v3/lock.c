/*
 * lock.c - the Lock service of the v3 API: keys with nothing in them that wait for each other.
 *
 * Source: docs/api.md, "Locks and elections of v3".
 */
#include "httpd/client/v3/kv.h"
#include "httpd/client/v3/methods.h"
#include "httpd/client/v3/waiter.h"

static void
locked(struct v3_call *call, const struct waiter_first *first)
{
	call_answer(call, &(struct v3_lock_response){ .header = &first->header,
	    .key = first->key });
}

void
serve_lock(struct v3_call *call, const void *message)
{
	const struct v3_lock_request *asked = message;

	waiter_begin(call, &(struct waiter_wish){ .name = asked->name, .lease = asked->lease,
	    .first = locked, .lost = v3_status_of(V3_REFUSE_LOCK_LOST) });
}

static void
unlocked(struct v3_call *call, struct kv_answer *answer)
{
	struct v3_response_header header = kv_header(call, answer);

	call_answer(call, &(struct v3_unlock_response){ .header = &header });
}

void
serve_unlock(struct v3_call *call, const void *message)
{
	const struct v3_unlock_request *asked = message;

	kv_begin(call, V3_METHOD_delete_range,
	    &(struct v3_delete_range_request){ .key = asked->key }, unlocked);
}
