/*
 * access.h - the access log of a worker: one line for each request that was
 * answered or given up, and a line in the log for those that took long.
 *
 *	TIME NODE httpd[PID] CLIENT METHOD PATH STATUS in=N out=N ms=N.NNN id=W-N
 *
 * or one JSON object of time, node, proc, pid, client, method, path, status, in,
 * out, ms, id. PATH is as it came, with the names of parameters and without their
 * values; with -log-keys=false the route alone. in, out: bytes of head and body.
 * ms: from the request's first bytes to the end of its answer. STATUS 499: the
 * client left before there was one. id: number of the worker (0: the peer
 * worker) and of the request in it.
 *
 * Lines are collected and leave at the turn's end, as many as fit in one write.
 * Never a header, a body or a value of a parameter.
 * Source: docs/operations.md, "The access log".
 */
#ifndef MOOTHALL_HTTPD_ACCESS_H
#define MOOTHALL_HTTPD_ACCESS_H

#include "httpd/http/request.h"

#define ACCESS_CLIENT_LEFT 499

struct access;

/* NULL: the options say that there is none. Options are looked at here only. */
struct access *access_new(const struct worker *worker);
/* What was collected is sent first. Accepts NULL in *access. */
void access_free(struct access **access);
/* The request is over: all of its answer is queued, or nobody waits for it. */
void access_put(struct access *access, const struct request *request);
/* Turn end. */
void access_flush(struct access *access);

/* The head of its answer was made and took long: tell the time of each stage. */
void access_tell_slow(const struct request *request, uint64_t now_ns);

#endif
