/*
 * hash.h - intrusive hash table by bytes, with a random seed so that names
 * chosen outside cannot make it slow.
 *
 * A member embeds struct hash_link. The table owns its buckets, not its
 * members. Not ordered: nothing that must be deterministic may walk it.
 */
#ifndef MOOTHALL_COMMON_HASH_H
#define MOOTHALL_COMMON_HASH_H

#include "common/slice.h"

struct hash_link {
	struct hash_link *next;
	uint64_t hash;
};

struct hash {
	struct hash_link **buckets;
	size_t bucket_count;		/* a power of two, or 0 when never used */
	size_t lowest;			/* no bucket before it has members: pop goes on there */
	size_t count;
	uint64_t seed;
	bool (*match)(const struct hash_link *link, struct slice key);
};

/* Seeded 64-bit hash of bytes. */
uint64_t hash_bytes(uint64_t seed, struct slice bytes);

/* The same hash of bytes that come one after the other, so that those of all
 * beginnings of a name cost no more than the name. */
struct hash_run {
	uint64_t v[4];
	uint64_t word;			/* bytes that are not 8 yet */
	size_t size;
};

void hash_run_begin(struct hash_run *run, uint64_t seed);
void hash_run_add(struct hash_run *run, struct slice bytes);
/* hash_bytes of all that was added so far; more may be added after it. */
uint64_t hash_run_value(const struct hash_run *run);

void hash_init(struct hash *hash, uint64_t seed,
    bool (*match)(const struct hash_link *, struct slice));
/* Free the buckets; members are the caller's. */
void hash_free(struct hash *hash);
/* The member of that key or NULL. */
struct hash_link *hash_find(const struct hash *hash, struct slice key);
/* The same with its hash, made with the table's seed. */
struct hash_link *hash_find_hashed(const struct hash *hash, uint64_t value, struct slice key);
/* The key must not be in the table. Grows by doubling, never shrinks. */
void hash_insert(struct hash *hash, struct hash_link *link, struct slice key);
/* The link must be in the table. */
void hash_remove(struct hash *hash, struct hash_link *link);
/* Any first, then the next member; NULL at the end. Removing the returned
 * one before asking for the next is allowed only through hash_pop. */
struct hash_link *hash_first(const struct hash *hash);
struct hash_link *hash_next(const struct hash *hash, const struct hash_link *link);
/* Take some member out; NULL when empty. For tearing a table down. */
struct hash_link *hash_pop(struct hash *hash);

#endif
