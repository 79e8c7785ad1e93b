/*
 * lease.c - the Lease service of the v3 API: granted, revoked.
 *
 * Source: docs/api.md, "v3".
 */
#include "common/rand.h"
#include "httpd/client/v3/asked.h"
#include "httpd/client/v3/methods.h"
#include "httpd/worker.h"

/* The id is chosen before it is asked for: so a repeat is the same grant. */
void
serve_grant(struct v3_call *call, const void *message)
{
	const struct v3_lease_grant_request *grant = message;
	struct v3_asked *asked;

	if (!call_may_ask(call))
		return;
	asked = asked_new(call);
	asked->lease = (uint64_t)grant->ID;
	while (asked->lease == 0)
		asked->lease = rand_entropy() & INT64_MAX;
	backend_v3_grant(call->request->worker->backend, &asked->call,
	    &(struct msg_v3_grant){ .id = asked->lease, .ttl_s = (uint64_t)grant->TTL });
}

void
serve_revoke(struct v3_call *call, const void *message)
{
	const struct v3_lease_revoke_request *revoke = message;

	if (call_may_ask(call))
		backend_v3_revoke(call->request->worker->backend, &asked_new(call)->call,
		    &(struct msg_v3_revoke){ .id = (uint64_t)revoke->ID });
}
