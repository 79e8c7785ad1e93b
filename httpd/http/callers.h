/*
 * callers.h - how many connections there are from each address, and bytes for them.
 *
 * An address is one of IPv4, also if it comes as one of IPv6, or a network of
 * 64 bits of IPv6: whoever has one of its addresses has them all.
 *
 * Owned by the server; a connection keeps its caller until it ends.
 */
#ifndef MOOTHALL_HTTPD_HTTP_CALLERS_H
#define MOOTHALL_HTTPD_HTTP_CALLERS_H

#include "common/base.h"

#include <sys/socket.h>

struct caller;
struct callers;

struct callers *callers_new(void);
/* No caller may be left. Accepts NULL. */
void callers_free(struct callers **callers);

/*
 * One more connection from there.
 *
 *	address	as accept gave it; of another family than IP nothing is counted
 *	most	connections that an address may have; 0: any number
 *	caller	out: for callers_leave; NULL: not counted
 *
 * False: it has as many as it may have, nothing changed.
 */
bool callers_enter(struct callers *callers, const struct sockaddr_storage *address, uint64_t most,
    struct caller **caller) MUST_CHECK;
/* For one of its connections so many bytes are kept now, instead of before. */
void callers_hold(struct caller *caller, size_t before, size_t now);
/* Bytes kept for all of them. */
uint64_t callers_held(const struct caller *caller);
/* A connection ended. Accepts NULL in *caller. */
void callers_leave(struct callers *callers, struct caller **caller);

#endif
