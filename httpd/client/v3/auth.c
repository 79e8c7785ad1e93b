/*
 * auth.c - the Auth service of the v3 API: it is off, and says so.
 *
 * Source: docs/api.md, "v3".
 */
#include "httpd/client/v3/call.h"
#include "httpd/client/v3/methods.h"
#include "httpd/cluster.h"
#include "httpd/worker.h"

void
serve_authenticate(struct v3_call *call, const void *message UNUSED)
{
	call_end(call, v3_status_of(V3_REFUSE_AUTH_OFF));
}

void
serve_auth_status(struct v3_call *call, const void *message UNUSED)
{
	struct v3_response_header header = call_header(call, call->request->worker->cluster->term);

	call_answer(call, &(struct v3_auth_status_response){ .header = &header,
	    .authRevision = 1 });
}
