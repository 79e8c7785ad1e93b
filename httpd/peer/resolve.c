/*
 * resolve.c - host names to addresses, off the loop (see resolve.h).
 *
 * The thread owns one end of a socket pair and a copy of the name. It writes
 * one struct resolved and closes; if the call was cancelled meanwhile its write
 * fails and that is all. So nothing needs a lock, and nobody waits for a
 * name server when the process ends.
 */
#include "httpd/peer/resolve.h"

#include "common/xmem.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <unistd.h>

#define RESOLVE_KEPT 16
#define RESOLVE_KEPT_MS 30000
#define RESOLVE_STACK_BYTES ((size_t)256 * 1024)

struct resolver {
	struct loop *loop;
	struct kept_name {
		char host[ADDRESS_HOST_BYTES_MAX + 1];
		uint64_t until_ms;		/* 0: never used */
		struct resolved resolved;	/* ports are 0 */
	} kept[RESOLVE_KEPT];
};

struct resolve_call {
	struct resolver *resolver;
	struct peer_address address;
	void (*done)(void *argument, const struct resolved *resolved);
	void *argument;
	int fd;
	struct loop_io *io;
};

/* What the thread gets; it frees it. */
struct resolve_job {
	char host[ADDRESS_HOST_BYTES_MAX + 1];
	int fd;
};

static void *
resolve_thread(void *argument)
{
	struct resolve_job *job = argument;
	struct addrinfo hints = { .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM };
	struct addrinfo *list = NULL;
	struct resolved resolved;

	memset(&resolved, 0, sizeof(resolved));
	if (getaddrinfo(job->host, NULL, &hints, &list) == 0) {
		for (struct addrinfo *at = list; at != NULL && resolved.count < RESOLVED_MAX;
		     at = at->ai_next) {
			if (at->ai_addrlen > sizeof(resolved.found[0].address))
				continue;
			memcpy(&resolved.found[resolved.count].address, at->ai_addr,
			    at->ai_addrlen);
			resolved.found[resolved.count].size = at->ai_addrlen;
			resolved.count++;
		}
		freeaddrinfo(list);
	}
	/* Far below what a socket takes at once; fails if nobody waits any more. */
	(void)!send(job->fd, &resolved, sizeof(resolved), MSG_NOSIGNAL);
	close(job->fd);
	free(job);
	return NULL;
}

/* A detached thread with all signals blocked: they are the loop's. */
static bool
resolve_spawn(struct resolve_job *job)
{
	pthread_attr_t attributes;
	pthread_t thread;
	sigset_t all, before;
	bool done;

	if (pthread_attr_init(&attributes) != 0)
		return false;
	(void)pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
	(void)pthread_attr_setstacksize(&attributes, RESOLVE_STACK_BYTES);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	done = pthread_create(&thread, &attributes, resolve_thread, job) == 0;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&attributes);
	return done;
}

static void
resolved_set_port(struct resolved *resolved, uint16_t port)
{
	for (size_t i = 0; i < resolved->count; i++) {
		struct sockaddr_storage *address = &resolved->found[i].address;

		if (address->ss_family == AF_INET)
			((struct sockaddr_in *)(void *)address)->sin_port = htons(port);
		else if (address->ss_family == AF_INET6)
			((struct sockaddr_in6 *)(void *)address)->sin6_port = htons(port);
	}
}

static void
resolver_keep(struct resolver *resolver, const char *host, const struct resolved *resolved)
{
	struct kept_name *oldest = &resolver->kept[0];

	for (size_t i = 0; i < RESOLVE_KEPT; i++) {
		struct kept_name *kept = &resolver->kept[i];

		if (strcasecmp(kept->host, host) == 0) {
			oldest = kept;
			break;
		}
		if (kept->until_ms < oldest->until_ms)
			oldest = kept;
	}
	snprintf(oldest->host, sizeof(oldest->host), "%s", host);
	oldest->resolved = *resolved;
	oldest->until_ms = loop_now(resolver->loop).monotonic_ms + RESOLVE_KEPT_MS;
}

bool
resolve_known(struct resolver *resolver, const struct peer_address *address,
    struct resolved *resolved)
{
	struct sockaddr_in *in = (struct sockaddr_in *)(void *)&resolved->found[0].address;
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)(void *)&resolved->found[0].address;
	uint64_t now_ms = loop_now(resolver->loop).monotonic_ms;

	memset(resolved, 0, sizeof(*resolved));
	if (inet_pton(AF_INET, address->host, &in->sin_addr) == 1) {
		in->sin_family = AF_INET;
		resolved->found[0].size = sizeof(*in);
		resolved->count = 1;
	} else if (inet_pton(AF_INET6, address->host, &in6->sin6_addr) == 1) {
		in6->sin6_family = AF_INET6;
		resolved->found[0].size = sizeof(*in6);
		resolved->count = 1;
	}
	for (size_t i = 0; i < RESOLVE_KEPT && resolved->count == 0; i++)
		if (resolver->kept[i].until_ms > now_ms &&
		    strcasecmp(resolver->kept[i].host, address->host) == 0)
			*resolved = resolver->kept[i].resolved;
	resolved_set_port(resolved, address->port);
	return resolved->count > 0;
}

static void
resolve_finish(void *argument, unsigned events UNUSED)
{
	struct resolve_call *call = argument;
	void (*done)(void *, const struct resolved *) = call->done;
	void *done_argument = call->argument;
	struct resolved resolved;

	/* Nothing or not all of it: there was no thread, so nothing was found. */
	if (recv(call->fd, &resolved, sizeof(resolved), 0) != (ssize_t)sizeof(resolved))
		resolved.count = 0;
	if (resolved.count > 0)
		resolver_keep(call->resolver, call->address.host, &resolved);
	resolved_set_port(&resolved, call->address.port);
	resolve_cancel(&call);
	done(done_argument, &resolved);
}

struct resolver *
resolver_new(struct loop *loop)
{
	struct resolver *resolver = xzalloc(sizeof(*resolver));

	resolver->loop = loop;
	return resolver;
}

void
resolver_free(struct resolver **resolver)
{
	free(*resolver);
	*resolver = NULL;
}

struct resolve_call *
resolve_start(struct resolver *resolver, const struct peer_address *address,
    void (*done)(void *argument, const struct resolved *resolved), void *argument)
{
	struct resolve_call *call;
	struct resolve_job *job;
	int fds[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) == -1)
		return NULL;
	job = xzalloc(sizeof(*job));
	memcpy(job->host, address->host, sizeof(job->host));
	job->fd = fds[1];
	if (!resolve_spawn(job)) {
		close(job->fd);
		free(job);
	}
	call = xzalloc(sizeof(*call));
	*call = (struct resolve_call){ resolver, *address, done, argument, fds[0], NULL };
	call->io = loop_io_new(resolver->loop, call->fd, resolve_finish, call);
	loop_io_want(call->io, LOOP_READ);
	return call;
}

void
resolve_cancel(struct resolve_call **call)
{
	if (*call == NULL)
		return;
	loop_io_free(&(*call)->io);
	close((*call)->fd);
	free(*call);
	*call = NULL;
}
