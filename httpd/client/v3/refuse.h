/*
 * refuse.h - answers to requests of the v3 API that get no call (call.h): in the form of what
 * carries them, gRPC or JSON of the gateway.
 *
 * Called by the router and the gate, by who is asked which requests are handled at their heads,
 * and by the carriers.
 */
#ifndef MOOTHALL_HTTPD_CLIENT_V3_REFUSE_H
#define MOOTHALL_HTTPD_CLIENT_V3_REFUSE_H

#include "httpd/http/request.h"

#ifdef WITH_V3
#include "httpd/v3/status.h"

/* A call by its content type: POST of application/grpc, by HTTP/2. */
bool call_is_grpc(const struct request *request);
/* Answer one for a path that no service has; and one to a node that is of no cluster now. */
void call_refuse_unknown(struct request *request);
void call_refuse_leaderless(struct request *request);
/* Answer one of gRPC or of the gateway that has waited too long for what its node is to know; one
 * that too many wait like. False: it is neither's. */
bool call_refuse_late(struct request *request);
bool call_refuse_crowded(struct request *request);
/* In the form of gRPC, and of the gateway. */
#define GRPC_CONTENT_TYPE "application/grpc"
void call_refuse_grpc(struct request *request, struct v3_status status);
void call_refuse_json(struct request *request, struct v3_status status);
/* The lines that end a call of gRPC. */
void call_put_status(struct request *request, struct v3_status status,
    void (*put)(struct request *request, const char *name, struct slice value));
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

static inline bool
call_refuse_late(struct request *request UNUSED)
{
	return false;
}

static inline bool
call_refuse_crowded(struct request *request UNUSED)
{
	return false;
}
#endif

#endif
