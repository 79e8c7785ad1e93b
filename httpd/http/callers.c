/*
 * callers.c - how many connections there are from each address (see callers.h).
 */
#include "httpd/http/callers.h"

#include "common/hash.h"
#include "common/rand.h"
#include "common/xmem.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#define KEY_BYTES 16
#define NETWORK_BYTES 8

struct caller {
	struct hash_link link;
	uint8_t key[KEY_BYTES];
	uint64_t connections;
	uint64_t held;			/* bytes */
};

struct callers {
	struct hash by_key;
};

static bool
match(const struct hash_link *link, struct slice key)
{
	const struct caller *caller = CONTAINER_OF(link, const struct caller, link);

	return slice_equal(slice_of(caller->key, KEY_BYTES), key);
}

struct callers *
callers_new(void)
{
	struct callers *callers = xzalloc(sizeof(*callers));

	hash_init(&callers->by_key, rand_entropy(), match);
	return callers;
}

void
callers_free(struct callers **callers)
{
	if (*callers == NULL)
		return;
	ASSERT((*callers)->by_key.count == 0);
	hash_free(&(*callers)->by_key);
	free(*callers);
	*callers = NULL;
}

/* IPv4 as it stands in IPv6; of IPv6 only the network. */
static bool
make_key(const struct sockaddr_storage *address, uint8_t key[KEY_BYTES])
{
	struct sockaddr_in6 six;
	struct sockaddr_in four;

	memset(key, 0, KEY_BYTES);
	switch (address->ss_family) {
	case AF_INET:
		memcpy(&four, address, sizeof(four));
		key[10] = 0xff;
		key[11] = 0xff;
		memcpy(key + 12, &four.sin_addr, 4);
		return true;
	case AF_INET6:
		memcpy(&six, address, sizeof(six));
		memcpy(key, &six.sin6_addr, IN6_IS_ADDR_V4MAPPED(&six.sin6_addr) ? KEY_BYTES :
		    NETWORK_BYTES);
		return true;
	default:
		return false;
	}
}

bool
callers_enter(struct callers *callers, const struct sockaddr_storage *address, uint64_t most,
    struct caller **result)
{
	uint8_t key[KEY_BYTES];
	struct hash_link *link;
	struct caller *caller;

	*result = NULL;
	if (!make_key(address, key))
		return true;
	link = hash_find(&callers->by_key, slice_of(key, KEY_BYTES));
	if (link == NULL) {
		caller = xzalloc(sizeof(*caller));
		memcpy(caller->key, key, KEY_BYTES);
		hash_insert(&callers->by_key, &caller->link, slice_of(key, KEY_BYTES));
	} else {
		caller = CONTAINER_OF(link, struct caller, link);
		if (most != 0 && caller->connections >= most)
			return false;
	}
	caller->connections++;
	*result = caller;
	return true;
}

void
callers_leave(struct callers *callers, struct caller **caller_pointer)
{
	struct caller *caller = *caller_pointer;

	*caller_pointer = NULL;
	if (caller == NULL || --caller->connections > 0)
		return;
	hash_remove(&callers->by_key, &caller->link);
	free(caller);
}

void
callers_hold(struct caller *caller, size_t before, size_t now)
{
	ASSERT(caller->held >= before);
	caller->held = caller->held - before + now;
}

uint64_t
callers_held(const struct caller *caller)
{
	return caller->held;
}
