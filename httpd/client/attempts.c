/*
 * attempts.c - see attempts.h.
 *
 * Addresses from which something waits or runs stand in a queue and take turns. Others are
 * kept for their wrong passwords, those of longest ago go first.
 */
#include "httpd/client/attempts.h"

#include "common/hash.h"
#include "common/limits.h"
#include "common/rand.h"
#include "common/xmem.h"

#include <arpa/inet.h>
#include <stdlib.h>

#define KEY_BYTES 16
#define NETWORK_BYTES 8

struct attempt_address {
	struct hash_link link;
	TAILQ_ENTRY(attempt_address) turn; /* in busy or idle */
	uint8_t key[KEY_BYTES];
	TAILQ_HEAD(, password_attempt) waiting;
	size_t count;			/* that wait */
	bool running;			/* one of it */
	unsigned wrong;			/* since then, in a minute */
	uint64_t since_ms;
	uint64_t ready_ms;		/* its next may run then */
};

TAILQ_HEAD(address_list, attempt_address);

struct attempts {
	struct hash by_key;
	struct address_list busy;	/* whose turn is next first */
	struct address_list idle;	/* longest unused first */
	size_t count;			/* that wait, of all */
	size_t running, at_once;	/* that run, and how many may */
};

static bool
match(const struct hash_link *link, struct slice key)
{
	const struct attempt_address *address =
	    CONTAINER_OF(link, const struct attempt_address, link);

	return slice_equal(slice_of(address->key, KEY_BYTES), key);
}

struct attempts *
attempts_new(size_t at_once)
{
	struct attempts *attempts = xzalloc(sizeof(*attempts));

	ASSERT(at_once > 0);
	attempts->at_once = at_once;
	hash_init(&attempts->by_key, rand_entropy(), match);
	TAILQ_INIT(&attempts->busy);
	TAILQ_INIT(&attempts->idle);
	return attempts;
}

static void
forget(struct attempts *attempts, struct attempt_address *address)
{
	hash_remove(&attempts->by_key, &address->link);
	TAILQ_REMOVE(&attempts->idle, address, turn);
	free(address);
}

void
attempts_free(struct attempts **attempts)
{
	if (*attempts == NULL)
		return;
	ASSERT(TAILQ_EMPTY(&(*attempts)->busy));
	while (!TAILQ_EMPTY(&(*attempts)->idle))
		forget(*attempts, TAILQ_FIRST(&(*attempts)->idle));
	hash_free(&(*attempts)->by_key);
	free(*attempts);
	*attempts = NULL;
}

/* As for connections: of IPv6 only the network, which a client may have all of. Who has no
 * address has one together. */
static void
make_key(const char *from, uint8_t key[KEY_BYTES])
{
	char host[INET6_ADDRSTRLEN];
	const char *end = strrchr(from, ':');
	size_t size = end == NULL ? 0 : (size_t)(end - from);
	struct in6_addr six;

	memset(key, 0, KEY_BYTES);
	if (size > 2 && from[0] == '[') {
		from++;
		size -= 2;
	}
	if (size == 0 || size >= sizeof(host))
		return;
	memcpy(host, from, size);
	host[size] = '\0';
	if (inet_pton(AF_INET, host, key + 12) == 1)
		key[10] = key[11] = 0xff;
	else if (inet_pton(AF_INET6, host, &six) == 1)
		memcpy(key, &six, IN6_IS_ADDR_V4MAPPED(&six) ? KEY_BYTES : NETWORK_BYTES);
}

/* Its place, after what waits or runs of it has changed. */
static void
settle(struct attempts *attempts, struct attempt_address *address, bool was_busy)
{
	bool busy = address->running || address->count > 0;

	TAILQ_REMOVE(was_busy ? &attempts->busy : &attempts->idle, address, turn);
	if (busy)
		TAILQ_INSERT_TAIL(&attempts->busy, address, turn);
	else
		TAILQ_INSERT_TAIL(&attempts->idle, address, turn);
}

static struct attempt_address *
address_of(struct attempts *attempts, const char *from)
{
	uint8_t key[KEY_BYTES];
	struct attempt_address *address;
	struct hash_link *link;

	make_key(from, key);
	link = hash_find(&attempts->by_key, slice_of(key, KEY_BYTES));
	if (link != NULL)
		return CONTAINER_OF(link, struct attempt_address, link);
	if (attempts->by_key.count >= AUTH_ADDRESSES_MAX && !TAILQ_EMPTY(&attempts->idle))
		forget(attempts, TAILQ_FIRST(&attempts->idle));
	address = xzalloc(sizeof(*address));
	memcpy(address->key, key, KEY_BYTES);
	TAILQ_INIT(&address->waiting);
	hash_insert(&attempts->by_key, &address->link, slice_of(address->key, KEY_BYTES));
	TAILQ_INSERT_TAIL(&attempts->idle, address, turn);
	return address;
}

enum attempt_answer
attempts_add(struct attempts *attempts, struct password_attempt *attempt, const char *from,
    uint64_t now_ms)
{
	struct attempt_address *address;
	bool was_busy;

	if (attempts->count >= AUTH_CHECKS_MAX)
		return ATTEMPT_FULL;
	address = address_of(attempts, from);
	if (address->count >= AUTH_CHECKS_ADDRESS_MAX)
		return ATTEMPT_ADDRESS_FULL;
	if (now_ms - address->since_ms >= AUTH_WRONG_MS) {
		address->since_ms = now_ms;
		address->wrong = 0;
	}
	was_busy = address->running || address->count > 0;
	TAILQ_INSERT_TAIL(&address->waiting, attempt, link);
	attempt->address = address;
	attempt->running = false;
	address->count++;
	attempts->count++;
	if (!was_busy)
		settle(attempts, address, false);
	return ATTEMPT_WAITS;
}

struct password_attempt *
attempts_next(struct attempts *attempts, uint64_t now_ms, uint64_t *again_ms)
{
	struct attempt_address *address;
	struct password_attempt *attempt;

	*again_ms = UINT64_MAX;
	if (attempts->running == attempts->at_once)
		return NULL;
	TAILQ_FOREACH(address, &attempts->busy, turn) {
		if (address->running)
			continue;
		if (address->ready_ms <= now_ms)
			break;
		*again_ms = MIN_OF(*again_ms, address->ready_ms);
	}
	if (address == NULL)
		return NULL;
	attempt = TAILQ_FIRST(&address->waiting);
	TAILQ_REMOVE(&address->waiting, attempt, link);
	attempt->running = true;
	address->running = true;
	attempts->running++;
	address->count--;
	attempts->count--;
	settle(attempts, address, true);
	return attempt;
}

static void
count_wrong(struct attempt_address *address, uint64_t now_ms)
{
	unsigned above;

	address->wrong++;
	if (address->wrong < AUTH_WRONG_MAX)
		return;
	above = MIN_OF(address->wrong - AUTH_WRONG_MAX, 16u);
	address->ready_ms = now_ms + MIN_OF((uint64_t)AUTH_DELAY_MS << above,
	    (uint64_t)AUTH_DELAY_MS_MAX);
}

void
attempts_over(struct attempts *attempts, struct password_attempt *attempt, bool wrong,
    uint64_t now_ms)
{
	struct attempt_address *address = attempt->address;

	ASSERT(attempt->running);
	if (wrong)
		count_wrong(address, now_ms);
	attempt->running = false;
	attempt->address = NULL;
	address->running = false;
	attempts->running--;
	settle(attempts, address, true);
}

void
attempts_cancel(struct attempts *attempts, struct password_attempt *attempt)
{
	struct attempt_address *address = attempt->address;

	if (address == NULL)
		return;
	attempt->address = NULL;
	if (attempt->running) {
		attempt->running = false;
		address->running = false;
		attempts->running--;
	} else {
		TAILQ_REMOVE(&address->waiting, attempt, link);
		address->count--;
		attempts->count--;
	}
	settle(attempts, address, true);
}

size_t
attempts_count(const struct attempts *attempts)
{
	return attempts->count;
}
