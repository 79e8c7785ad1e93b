/*
 * lookup.c - host names to addresses, off the loop (see lookup.h).
 *
 * Every call is a question to the supervisor, known by an id that is never used
 * twice, and waits in a list for its answer. What answers are kept is bounded;
 * the oldest one makes room.
 */
#include "httpd/peer/lookup.h"

#include "common/ipc/message.h"
#include "common/limits.h"
#include "common/xmem.h"
#include "httpd/worker.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/queue.h>

#define LOOKUPS_KEPT_MS 30000

struct lookups {
	struct worker *worker;
	TAILQ_HEAD(, lookup_call) calls;
	uint64_t last_id;
	struct kept_name {
		char host[ADDRESS_HOST_BYTES_MAX + 1];
		uint64_t until_ms;		/* 0: never used */
		struct resolved resolved;	/* ports are 0 */
	} kept[RESOLVED_KEPT];
};

struct lookup_call {
	TAILQ_ENTRY(lookup_call) link;
	struct lookups *lookups;
	uint64_t id;
	struct peer_address address;
	void (*done)(void *argument, const struct resolved *resolved);
	void (*services)(void *argument, bool told, struct slice services); /* instead */
	void *argument;
};

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
lookups_keep(struct lookups *lookups, const char *host, const struct resolved *resolved)
{
	struct kept_name *oldest = &lookups->kept[0];

	for (size_t i = 0; i < RESOLVED_KEPT; i++) {
		struct kept_name *kept = &lookups->kept[i];

		if (strcasecmp(kept->host, host) == 0) {
			oldest = kept;
			break;
		}
		if (kept->until_ms < oldest->until_ms)
			oldest = kept;
	}
	snprintf(oldest->host, sizeof(oldest->host), "%s", host);
	oldest->resolved = *resolved;
	oldest->until_ms = loop_now(lookups->worker->loop).monotonic_ms + LOOKUPS_KEPT_MS;
}

bool
lookup_known(struct lookups *lookups, const struct peer_address *address,
    struct resolved *resolved)
{
	struct sockaddr_in *in = (struct sockaddr_in *)(void *)&resolved->found[0].address;
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)(void *)&resolved->found[0].address;
	uint64_t now_ms = loop_now(lookups->worker->loop).monotonic_ms;

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
	for (size_t i = 0; i < RESOLVED_KEPT && resolved->count == 0; i++)
		if (lookups->kept[i].until_ms > now_ms &&
		    strcasecmp(lookups->kept[i].host, address->host) == 0)
			*resolved = lookups->kept[i].resolved;
	resolved_set_port(resolved, address->port);
	return resolved->count > 0;
}

/* False: an address that is none. */
static bool
resolved_add(struct resolved *resolved, const struct address_record *record)
{
	struct sockaddr_storage *address = &resolved->found[resolved->count].address;
	struct sockaddr_in *in = (struct sockaddr_in *)(void *)address;
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)(void *)address;

	memset(address, 0, sizeof(*address));
	if (record->family == 4 && record->address.size == sizeof(in->sin_addr)) {
		in->sin_family = AF_INET;
		memcpy(&in->sin_addr, record->address.data, sizeof(in->sin_addr));
		resolved->found[resolved->count++].size = sizeof(*in);
		return true;
	}
	if (record->family == 6 && record->address.size == sizeof(in6->sin6_addr)) {
		in6->sin6_family = AF_INET6;
		in6->sin6_scope_id = record->scope;
		memcpy(&in6->sin6_addr, record->address.data, sizeof(in6->sin6_addr));
		resolved->found[resolved->count++].size = sizeof(*in6);
		return true;
	}
	return false;
}

static void
lookup_finish(struct lookup_call *call, struct slice addresses)
{
	void (*done)(void *, const struct resolved *) = call->done;
	void *argument = call->argument;
	struct reader in = reader_of(addresses);
	struct resolved resolved;
	struct address_record record;

	memset(&resolved, 0, sizeof(resolved));
	while (resolved.count < RESOLVED_MAX && !reader_done(&in)) {
		if (!address_record_get(&in, &record) || !resolved_add(&resolved, &record))
			break;
	}
	if (resolved.count > 0)
		lookups_keep(call->lookups, call->address.host, &resolved);
	resolved_set_port(&resolved, call->address.port);
	lookup_cancel(&call);
	done(argument, &resolved);
}

/* Without the end of the list it is none. */
static void
lookup_finish_services(struct lookup_call *call, struct slice list)
{
	void (*done)(void *, bool, struct slice) = call->services;
	void *argument = call->argument;
	struct reader in = reader_of(list);
	struct service_record record;
	struct slice services = SLICE_EMPTY;
	bool told = false;

	while (!told && !reader_done(&in) && service_record_get(&in, &record)) {
		told = record.port == 0;
		if (!told)
			services = slice_of(list.data, (size_t)(in.at - list.data));
	}
	lookup_cancel(&call);
	done(argument, told, services);
}

void
lookups_answer(struct lookups *lookups, uint64_t id, struct slice addresses)
{
	struct lookup_call *call;

	TAILQ_FOREACH(call, &lookups->calls, link) {
		if (call->id == id) {
			if (call->services != NULL)
				lookup_finish_services(call, addresses);
			else
				lookup_finish(call, addresses);
			return;
		}
	}
}

struct lookups *
lookups_new(struct worker *worker)
{
	struct lookups *lookups = xzalloc(sizeof(*lookups));

	lookups->worker = worker;
	TAILQ_INIT(&lookups->calls);
	return lookups;
}

void
lookups_free(struct lookups **lookups)
{
	free(*lookups);
	*lookups = NULL;
}

struct lookup_call *
lookup_start(struct lookups *lookups, const struct peer_address *address,
    void (*done)(void *argument, const struct resolved *resolved), void *argument)
{
	const struct worker_owner *owner = &lookups->worker->owner;
	struct lookup_call *call = xzalloc(sizeof(*call));

	call->lookups = lookups;
	call->id = ++lookups->last_id;
	call->address = *address;
	call->done = done;
	call->argument = argument;
	TAILQ_INSERT_TAIL(&lookups->calls, call, link);
	owner->resolve(owner->argument, call->id, call->address.host);
	return call;
}

struct lookup_call *
lookup_services(struct lookups *lookups, const char *name,
    void (*done)(void *argument, bool told, struct slice services), void *argument)
{
	const struct worker_owner *owner = &lookups->worker->owner;
	struct lookup_call *call = xzalloc(sizeof(*call));

	call->lookups = lookups;
	call->id = ++lookups->last_id;
	call->services = done;
	call->argument = argument;
	TAILQ_INSERT_TAIL(&lookups->calls, call, link);
	owner->resolve(owner->argument, call->id, name);
	return call;
}

void
lookup_cancel(struct lookup_call **call)
{
	if (*call == NULL)
		return;
	TAILQ_REMOVE(&(*call)->lookups->calls, *call, link);
	free(*call);
	*call = NULL;
}
