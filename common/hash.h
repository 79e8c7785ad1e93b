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

void hash_init(struct hash *hash, uint64_t seed,
    bool (*match)(const struct hash_link *, struct slice));
/* Free the buckets; members are the caller's. */
void hash_free(struct hash *hash);
/* The member of that key or NULL. */
struct hash_link *hash_find(const struct hash *hash, struct slice key);
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
