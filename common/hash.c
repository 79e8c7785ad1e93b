/*
 * hash.c - chained hash table by bytes.
 *
 * The hash is SipHash-1-3 (Aumasson, Bernstein 2012, with the reduced rounds
 * that hash tables use): without the seed nobody outside can make two names
 * fall into one bucket on purpose.
 */
#include "common/hash.h"
#include "common/xmem.h"

#include <stdlib.h>

#define BUCKETS_MIN ((size_t)16)

static uint64_t
rotate_left(uint64_t word, unsigned bits)
{
	return word << bits | word >> (64 - bits);
}

static void
sip_round(uint64_t v[4])
{
	v[0] += v[1];
	v[1] = rotate_left(v[1], 13) ^ v[0];
	v[0] = rotate_left(v[0], 32);
	v[2] += v[3];
	v[3] = rotate_left(v[3], 16) ^ v[2];
	v[0] += v[3];
	v[3] = rotate_left(v[3], 21) ^ v[0];
	v[2] += v[1];
	v[1] = rotate_left(v[1], 17) ^ v[2];
	v[2] = rotate_left(v[2], 32);
}

static void
sip_begin(uint64_t v[4], uint64_t seed)
{
	/* The key is 128 bits wide; both halves come from the one seed. */
	uint64_t second = rotate_left(seed, 29) * UINT64_C(0x9e3779b97f4a7c15);

	v[0] = seed ^ UINT64_C(0x736f6d6570736575);
	v[1] = second ^ UINT64_C(0x646f72616e646f6d);
	v[2] = seed ^ UINT64_C(0x6c7967656e657261);
	v[3] = second ^ UINT64_C(0x7465646279746573);
}

static void
sip_word(uint64_t v[4], uint64_t word)
{
	v[3] ^= word;
	sip_round(v);
	v[0] ^= word;
}

/* One load where bytes lie so. */
static uint64_t
little_endian(const uint8_t *at)
{
	return (uint64_t)at[0] | (uint64_t)at[1] << 8 | (uint64_t)at[2] << 16 |
	    (uint64_t)at[3] << 24 | (uint64_t)at[4] << 32 | (uint64_t)at[5] << 40 |
	    (uint64_t)at[6] << 48 | (uint64_t)at[7] << 56;
}

/* word: the bytes behind the last whole word. */
static uint64_t
sip_end(uint64_t v[4], uint64_t word, size_t size)
{
	sip_word(v, word | (uint64_t)size << 56);
	v[2] ^= 0xff;
	for (unsigned i = 0; i < 3; i++)
		sip_round(v);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

uint64_t
hash_bytes(uint64_t seed, struct slice bytes)
{
	size_t whole = bytes.size & ~(size_t)7;
	uint64_t v[4], word = 0;

	sip_begin(v, seed);
	for (size_t at = 0; at < whole; at += 8)
		sip_word(v, little_endian(bytes.data + at));
	for (size_t at = whole; at < bytes.size; at++)
		word |= (uint64_t)bytes.data[at] << 8 * (at - whole);
	return sip_end(v, word, bytes.size);
}

void
hash_run_begin(struct hash_run *run, uint64_t seed)
{
	sip_begin(run->v, seed);
	run->word = 0;
	run->size = 0;
}

void
hash_run_add(struct hash_run *run, struct slice bytes)
{
	for (size_t i = 0; i < bytes.size; i++) {
		run->word |= (uint64_t)bytes.data[i] << 8 * (run->size % 8);
		run->size++;
		if (run->size % 8 == 0) {
			sip_word(run->v, run->word);
			run->word = 0;
		}
	}
}

uint64_t
hash_run_value(const struct hash_run *run)
{
	uint64_t v[4];

	memcpy(v, run->v, sizeof(v));
	return sip_end(v, run->word, run->size);
}

void
hash_init(struct hash *hash, uint64_t seed, bool (*match)(const struct hash_link *, struct slice))
{
	*hash = (struct hash){ .seed = seed, .match = match };
}

void
hash_free(struct hash *hash)
{
	free(hash->buckets);
	hash->buckets = NULL;
	hash->bucket_count = 0;
	hash->lowest = 0;
	hash->count = 0;
}

static struct hash_link **
bucket_of(const struct hash *hash, uint64_t value)
{
	return &hash->buckets[value & (hash->bucket_count - 1)];
}

struct hash_link *
hash_find(const struct hash *hash, struct slice key)
{
	return hash->count == 0 ? NULL : hash_find_hashed(hash, hash_bytes(hash->seed, key), key);
}

struct hash_link *
hash_find_hashed(const struct hash *hash, uint64_t value, struct slice key)
{
	struct hash_link *link;

	if (hash->count == 0)
		return NULL;
	for (link = *bucket_of(hash, value); link != NULL; link = link->next) {
		if (link->hash == value && hash->match(link, key))
			return link;
	}
	return NULL;
}

static void
put_in_bucket(struct hash *hash, struct hash_link *link)
{
	struct hash_link **bucket = bucket_of(hash, link->hash);

	link->next = *bucket;
	*bucket = link;
	hash->lowest = MIN_OF(hash->lowest, (size_t)(bucket - hash->buckets));
}

static void
grow(struct hash *hash)
{
	struct hash_link **old = hash->buckets;
	size_t old_count = hash->bucket_count;

	hash->bucket_count = MAX_OF(old_count * 2, BUCKETS_MIN);
	hash->lowest = 0;
	hash->buckets = xzalloc(hash->bucket_count * sizeof(struct hash_link *));
	for (size_t i = 0; i < old_count; i++) {
		while (old[i] != NULL) {
			struct hash_link *link = old[i];

			old[i] = link->next;
			put_in_bucket(hash, link);
		}
	}
	free(old);
}

void
hash_insert(struct hash *hash, struct hash_link *link, struct slice key)
{
	if (hash->count >= hash->bucket_count)
		grow(hash);
	link->hash = hash_bytes(hash->seed, key);
	put_in_bucket(hash, link);
	hash->count++;
}

void
hash_remove(struct hash *hash, struct hash_link *link)
{
	struct hash_link **place;

	ASSERT(hash->count > 0);
	place = bucket_of(hash, link->hash);
	while (*place != link) {
		ASSERT(*place != NULL);
		place = &(*place)->next;
	}
	*place = link->next;
	link->next = NULL;
	hash->count--;
}

static struct hash_link *
first_from(const struct hash *hash, size_t bucket)
{
	for (; bucket < hash->bucket_count; bucket++) {
		if (hash->buckets[bucket] != NULL)
			return hash->buckets[bucket];
	}
	return NULL;
}

struct hash_link *
hash_first(const struct hash *hash)
{
	return first_from(hash, hash->lowest);
}

struct hash_link *
hash_next(const struct hash *hash, const struct hash_link *link)
{
	if (link->next != NULL)
		return link->next;
	return first_from(hash, (size_t)(link->hash & (hash->bucket_count - 1)) + 1);
}

struct hash_link *
hash_pop(struct hash *hash)
{
	struct hash_link *link = hash_first(hash);

	if (link == NULL)
		return NULL;
	hash->lowest = (size_t)(link->hash & (hash->bucket_count - 1));
	hash_remove(hash, link);
	return link;
}
