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

uint64_t
hash_bytes(uint64_t seed, struct slice bytes)
{
	/* The key is 128 bits wide; both halves come from the one seed. */
	uint64_t second = rotate_left(seed, 29) * UINT64_C(0x9e3779b97f4a7c15);
	uint64_t v[4] = {
		seed ^ UINT64_C(0x736f6d6570736575), second ^ UINT64_C(0x646f72616e646f6d),
		seed ^ UINT64_C(0x6c7967656e657261), second ^ UINT64_C(0x7465646279746573),
	};
	size_t whole = bytes.size & ~(size_t)7;
	uint64_t word;
	unsigned i;

	for (size_t at = 0; at < whole; at += 8) {
		memcpy(&word, bytes.data + at, 8);
		v[3] ^= word;
		sip_round(v);
		v[0] ^= word;
	}
	word = (uint64_t)bytes.size << 56;
	for (size_t at = whole; at < bytes.size; at++)
		word |= (uint64_t)bytes.data[at] << 8 * (at - whole);
	v[3] ^= word;
	sip_round(v);
	v[0] ^= word;
	v[2] ^= 0xff;
	for (i = 0; i < 3; i++)
		sip_round(v);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
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
	struct hash_link *link;
	uint64_t value;

	if (hash->count == 0)
		return NULL;
	value = hash_bytes(hash->seed, key);
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
