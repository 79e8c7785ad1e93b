/*
 * remembered.c - see remembered.h.
 *
 * The hash is SipHash-2-4 with 128 bits of output, a keyed one made for short texts: with each
 * request it takes 50 ns, HMAC-SHA-256 by OpenSSL took 2 us. Who does not have the key, which
 * never leaves the process, cannot make two headers meet, nor does he ever see a hash.
 * Source: Aumasson, Bernstein, SipHash: a fast short-input PRF, 2012.
 */
#include "httpd/client/remembered.h"

#include "common/hash.h"
#include "common/limits.h"
#include "common/rand.h"
#include "common/xmem.h"

#include <openssl/crypto.h>
#include <stdlib.h>
#include <sys/queue.h>

#define KEY_BYTES 16

struct shown_password {
	struct hash_link link;
	TAILQ_ENTRY(shown_password) by_use;	/* longest unused first */
	uint8_t mac[REMEMBERED_MAC_BYTES];
	uint64_t credential;
	uint64_t used_ms;
	size_t user_bytes;
	uint8_t user[];
};

struct remembered {
	struct hash by_mac;
	TAILQ_HEAD(, shown_password) by_use;
	uint8_t key[KEY_BYTES];
};

/* ---- SipHash ---------------------------------------------------------------------------- */

static uint64_t
rotate(uint64_t word, unsigned bits)
{
	return word << bits | word >> (64 - bits);
}

static void
mix(uint64_t v[4], unsigned rounds)
{
	for (unsigned i = 0; i < rounds; i++) {
		v[0] += v[1];
		v[1] = rotate(v[1], 13) ^ v[0];
		v[0] = rotate(v[0], 32);
		v[2] += v[3];
		v[3] = rotate(v[3], 16) ^ v[2];
		v[0] += v[3];
		v[3] = rotate(v[3], 21) ^ v[0];
		v[2] += v[1];
		v[1] = rotate(v[1], 17) ^ v[2];
		v[2] = rotate(v[2], 32);
	}
}

/* Little-endian, of up to eight bytes. */
static uint64_t
word_of(const uint8_t *bytes, size_t size)
{
	uint64_t word = 0;

	for (size_t i = 0; i < size; i++)
		word |= (uint64_t)bytes[i] << (8 * i);
	return word;
}

static void
put_word(uint8_t *bytes, uint64_t word)
{
	for (size_t i = 0; i < 8; i++)
		bytes[i] = (uint8_t)(word >> (8 * i));
}

void
remembered_mac(const uint8_t key[KEY_BYTES], struct slice bytes,
    uint8_t mac[REMEMBERED_MAC_BYTES])
{
	uint64_t first = word_of(key, 8), second = word_of(key + 8, 8), word;
	uint64_t v[4] = { first ^ UINT64_C(0x736f6d6570736575),
		second ^ UINT64_C(0x646f72616e646f6d) ^ 0xee,
		first ^ UINT64_C(0x6c7967656e657261), second ^ UINT64_C(0x7465646279746573) };
	size_t at = 0;

	for (; at + 8 <= bytes.size; at += 8) {
		word = word_of(bytes.data + at, 8);
		v[3] ^= word;
		mix(v, 2);
		v[0] ^= word;
	}
	word = (uint64_t)bytes.size << 56;
	if (at < bytes.size)
		word |= word_of(bytes.data + at, bytes.size - at);
	v[3] ^= word;
	mix(v, 2);
	v[0] ^= word;
	v[2] ^= 0xee;
	mix(v, 4);
	put_word(mac, v[0] ^ v[1] ^ v[2] ^ v[3]);
	v[1] ^= 0xdd;
	mix(v, 4);
	put_word(mac + 8, v[0] ^ v[1] ^ v[2] ^ v[3]);
}

/* ---- the table ---------------------------------------------------------------------------- */

static bool
match(const struct hash_link *link, struct slice mac)
{
	const struct shown_password *shown =
	    CONTAINER_OF(link, const struct shown_password, link);

	return mac.size == REMEMBERED_MAC_BYTES &&
	    CRYPTO_memcmp(shown->mac, mac.data, REMEMBERED_MAC_BYTES) == 0;
}

struct remembered *
remembered_new(void)
{
	struct remembered *remembered = xzalloc(sizeof(*remembered));

	put_word(remembered->key, rand_entropy());
	put_word(remembered->key + 8, rand_entropy());
	hash_init(&remembered->by_mac, rand_entropy(), match);
	TAILQ_INIT(&remembered->by_use);
	return remembered;
}

static void
drop(struct remembered *remembered, struct shown_password *shown)
{
	hash_remove(&remembered->by_mac, &shown->link);
	TAILQ_REMOVE(&remembered->by_use, shown, by_use);
	free(shown);
}

void
remembered_free(struct remembered **remembered)
{
	if (*remembered == NULL)
		return;
	while (!TAILQ_EMPTY(&(*remembered)->by_use))
		drop(*remembered, TAILQ_FIRST(&(*remembered)->by_use));
	hash_free(&(*remembered)->by_mac);
	OPENSSL_cleanse(*remembered, sizeof(**remembered));
	free(*remembered);
	*remembered = NULL;
}

static struct shown_password *
find(const struct remembered *remembered, const uint8_t mac[REMEMBERED_MAC_BYTES])
{
	struct hash_link *link =
	    hash_find(&remembered->by_mac, slice_of(mac, REMEMBERED_MAC_BYTES));

	return link == NULL ? NULL : CONTAINER_OF(link, struct shown_password, link);
}

static void
forget_unused(struct remembered *remembered, uint64_t now_ms)
{
	struct shown_password *shown;

	while ((shown = TAILQ_FIRST(&remembered->by_use)) != NULL &&
	    shown->used_ms + REMEMBERED_MS <= now_ms)
		drop(remembered, shown);
}

uint64_t
remembered_find(struct remembered *remembered, struct slice header, uint64_t now_ms,
    struct slice *user)
{
	uint8_t mac[REMEMBERED_MAC_BYTES];
	struct shown_password *shown;

	forget_unused(remembered, now_ms);
	if (TAILQ_EMPTY(&remembered->by_use))
		return 0;
	remembered_mac(remembered->key, header, mac);
	shown = find(remembered, mac);
	if (shown == NULL)
		return 0;
	shown->used_ms = now_ms;
	TAILQ_REMOVE(&remembered->by_use, shown, by_use);
	TAILQ_INSERT_TAIL(&remembered->by_use, shown, by_use);
	*user = slice_of(shown->user, shown->user_bytes);
	return shown->credential;
}

void
remembered_add(struct remembered *remembered, struct slice header, struct slice user,
    uint64_t credential, uint64_t now_ms)
{
	uint8_t mac[REMEMBERED_MAC_BYTES];
	struct shown_password *shown;

	remembered_mac(remembered->key, header, mac);
	shown = find(remembered, mac);
	if (shown != NULL)
		drop(remembered, shown);
	shown = xzalloc(sizeof(*shown) + user.size);
	memcpy(shown->mac, mac, REMEMBERED_MAC_BYTES);
	shown->credential = credential;
	shown->used_ms = now_ms;
	shown->user_bytes = user.size;
	memcpy(shown->user, user.data, user.size);
	hash_insert(&remembered->by_mac, &shown->link,
	    slice_of(shown->mac, REMEMBERED_MAC_BYTES));
	TAILQ_INSERT_TAIL(&remembered->by_use, shown, by_use);
	if (remembered->by_mac.count > AUTH_REMEMBERED_MAX)
		drop(remembered, TAILQ_FIRST(&remembered->by_use));
}

size_t
remembered_count(const struct remembered *remembered)
{
	return remembered->by_mac.count;
}
