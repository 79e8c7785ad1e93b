/*
 * grpc.h - the v3 API by gRPC: a carrier of calls (call.h) over HTTP/2.
 *
 * Called by the router, and by who is asked which requests are handled at their heads.
 */
#ifndef MOOTHALL_HTTPD_CLIENT_V3_GRPC_H
#define MOOTHALL_HTTPD_CLIENT_V3_GRPC_H

#include "httpd/http/request.h"

#ifdef WITH_V3
/* A call by its content type: POST of application/grpc, by HTTP/2. */
bool call_is_grpc(const struct request *request);
/* Answer one for a path that no service has; and one to a node that is of no cluster now. */
void call_refuse_unknown(struct request *request);
void call_refuse_leaderless(struct request *request);
#else
static inline bool
call_is_grpc(const struct request *request UNUSED)
{
	return false;
}

static inline void
call_refuse_unknown(struct request *request UNUSED)
{
}

static inline void
call_refuse_leaderless(struct request *request UNUSED)
{
}
#endif

#endif
