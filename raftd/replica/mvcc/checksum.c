/*
 * checksum.c - a checksum of history up to a revision, worked out a few changes at a time
 * while writes go on: equal on all nodes at the same revision and compacted revision.
 *
 * Over the keys in their order, and of each the changes in theirs, without those that
 * compaction has freed or will free. What is written meanwhile is above the revision. Only
 * another compaction changes what is below: then it begins anew.
 */
#include "raftd/replica/mvcc/mvcc_priv.h"

#include "common/crc32c.h"

/* A large value is several looks. */
#define LOOK_BYTES ((size_t)4096)

/* Of the next key. */
static void
at_first_change(struct mvcc_checksum *checksum)
{
	checksum->next_revision = 0;
	checksum->next_sub = 0;
}

enum v3_error
mvcc_checksum_begin(const struct mvcc *mvcc, int64_t revision, struct mvcc_checksum *checksum)
{
	if (revision > (int64_t)mvcc->revision)
		return V3_FUTURE_REVISION;
	if (revision <= 0)
		revision = (int64_t)mvcc->revision;
	if (revision < mvcc->compacted)
		return V3_COMPACTED;
	buf_clear(&checksum->key);
	checksum->revision = (uint64_t)revision;
	checksum->compacted = mvcc->compacted;
	at_first_change(checksum);
	checksum->sum = 0;
	return V3_NONE;
}

static uint32_t
add_change(uint32_t sum, const struct mvcc_change *change)
{
	const uint64_t numbers[] = { change->revision, change->sub, change->gone };
	struct slice name = mvcc_key_name(change->key);

	sum = crc32c(sum, slice_of(numbers, sizeof(numbers)));
	sum = crc32c(sum, slice_of(change->key->wire, (size_t)(name.data - change->key->wire)));
	sum = crc32c(sum, name);
	return crc32c(sum, slice_of(change->bytes, change->size));
}

/* True: the key is done; else *looks is 0, and next is where it goes on. */
static bool
add_key(const struct mvcc *mvcc, const struct mvcc_key *key, struct mvcc_checksum *checksum,
    size_t *looks)
{
	size_t i = mvcc_key_changes_before(key,
	    (struct mvcc_position){ checksum->next_revision, checksum->next_sub });

	for (; i < mvcc_key_changes(key); i++) {
		const struct mvcc_change *change = mvcc_key_change(key, i);

		if (change->revision > checksum->revision)
			break;
		if (*looks == 0) {
			checksum->next_revision = change->revision;
			checksum->next_sub = change->sub;
			return false;
		}
		if (mvcc_survives(mvcc, key, i))
			checksum->sum = add_change(checksum->sum, change);
		*looks -= MIN_OF(*looks, 1 + change->size / LOOK_BYTES);
	}
	*looks -= MIN_OF(*looks, 1);
	at_first_change(checksum);
	return true;
}

enum v3_error
mvcc_checksum_go_on(const struct mvcc *mvcc, struct mvcc_checksum *checksum, size_t *looks,
    bool *done)
{
	struct mvcc_walk walk;
	struct mvcc_key *key;
	enum v3_error error;

	*done = false;
	if (mvcc->compacted != checksum->compacted) {
		error = mvcc_checksum_begin(mvcc, (int64_t)checksum->revision, checksum);
		if (error != V3_NONE)
			return error;
	}
	key = mvcc_walk_from(&walk, &mvcc->keys, false, buf_slice(&checksum->key), false);
	/* The one where it stood went with its last change. */
	if (key != NULL && !slice_equal(mvcc_key_name(key), buf_slice(&checksum->key)))
		at_first_change(checksum);
	for (; key != NULL; key = mvcc_walk_next(&walk)) {
		if (*looks == 0 || !add_key(mvcc, key, checksum, looks)) {
			buf_clear(&checksum->key);
			buf_append_slice(&checksum->key, mvcc_key_name(key));
			return V3_NONE;
		}
	}
	*done = true;
	return V3_NONE;
}

void
mvcc_checksum_free(struct mvcc_checksum *checksum)
{
	buf_free(&checksum->key);
}
