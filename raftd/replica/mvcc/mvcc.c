/*
 * mvcc.c - the key space as a whole: made, freed, put in another's place, asked, checked.
 */
#include "raftd/replica/mvcc/mvcc_priv.h"

#include "common/clock.h"
#include "common/crc32c.h"
#include "common/ipc/codec.h"
#include "common/xmem.h"
#include "raftd/command.h"

#include <stdlib.h>

struct mvcc *
mvcc_new(uint64_t seed)
{
	struct mvcc *mvcc = xzalloc(sizeof(*mvcc));

	mvcc->pool = pool_new();
	mvcc_keys_init(&mvcc->keys, mvcc->pool);
	journal_init(&mvcc->journal, mvcc->pool);
	leases_init(&mvcc->leases, mvcc->pool, seed);
	watch_set_init(&mvcc->watches, seed);
	TAILQ_INIT(&mvcc->answers);
	TAILQ_INIT(&mvcc->unkept);
	mvcc->revision = 1;
	mvcc->compacted = -1;
	return mvcc;
}

void
mvcc_free(struct mvcc **freed)
{
	struct mvcc *mvcc = *freed;

	if (mvcc == NULL)
		return;
	mvcc_answers_lose(mvcc);
	mvcc_under_way_free(mvcc);
	watch_set_free(&mvcc->watches);
	leases_free(&mvcc->leases);
	journal_free(&mvcc->journal);
	mvcc_keys_free(&mvcc->keys, true);
	pool_free(&mvcc->pool);
	free(mvcc);
	*freed = NULL;
}

struct moving {
	struct mvcc *fresh;
	uint64_t given;			/* all up to this revision was */
};

static void
move_watcher(void *argument, struct mvcc_watcher *watcher)
{
	const struct moving *moving = argument;
	uint64_t next = MAX_OF(watcher->next, moving->given + 1);

	if (!watcher->behind && next <= moving->fresh->revision)
		watch_set_fall(&moving->fresh->watches, watcher, next, false);
	else if (!watcher->behind)
		watcher->next = next;
}

void
mvcc_adopt(struct mvcc *fresh, struct mvcc *old)
{
	struct moving moving = { fresh,
		MIN_OF(old->revision, watch_set_first_waiting(&old->watches) - 1) };

	mvcc_answers_lose(old);
	watch_set_move(&fresh->watches, &old->watches);
	watch_set_each(&fresh->watches, move_watcher, &moving);
}

/* ---- questions ------------------------------ */

uint64_t
mvcc_revision(const struct mvcc *mvcc)
{
	return mvcc->revision;
}

int64_t
mvcc_compacted(const struct mvcc *mvcc)
{
	return mvcc->compacted;
}

size_t
mvcc_key_count(const struct mvcc *mvcc)
{
	return mvcc->keys.living;
}

size_t
mvcc_change_count(const struct mvcc *mvcc)
{
	return mvcc->change_count;
}

size_t
mvcc_lease_count(const struct mvcc *mvcc)
{
	return mvcc->leases.by_id.count;
}

size_t
mvcc_size(const struct mvcc *mvcc)
{
	return sizeof(*mvcc) + mvcc->keys.bytes + mvcc->key_bytes + mvcc->change_bytes +
	    mvcc->journal.chunk_count * JOURNAL_CHUNK * sizeof(struct mvcc_change *) +
	    mvcc->leases.by_id.count * sizeof(struct mvcc_lease) +
	    mvcc->leases.key_count * sizeof(struct mvcc_attachment);
}

size_t
mvcc_memory(const struct mvcc *mvcc)
{
	return mvcc_size(mvcc) + mvcc->watches.bytes;
}

/* ---- leases ------------------------------ */

void
mvcc_lead(struct mvcc *mvcc, uint64_t now_ns)
{
	leases_lead(&mvcc->leases, now_ns);
}

enum mvcc_renewal
mvcc_lease_renew(struct mvcc *mvcc, uint64_t id, uint64_t now_ns, uint64_t *ttl_s)
{
	struct mvcc_lease *lease;

	switch (lease_renew(&mvcc->leases, id, now_ns, &lease)) {
	case LEASE_RENEWED:
		*ttl_s = lease->ttl_s;
		return MVCC_RENEWED;
	case LEASE_IS_SETTLED:
		return MVCC_LEASE_SETTLED;
	case LEASE_IS_GONE:
		break;
	}
	return MVCC_LEASE_GONE;
}

size_t
mvcc_leases_due(struct mvcc *mvcc, uint64_t now_ns, uint64_t *ids, size_t ids_max)
{
	return leases_due(&mvcc->leases, now_ns, ids, ids_max);
}

uint64_t
mvcc_lease_next_deadline(const struct mvcc *mvcc)
{
	return leases_next_deadline(&mvcc->leases);
}

size_t
mvcc_leases_to_settle(struct mvcc *mvcc, uint64_t now_ns, uint64_t long_s, size_t leases_max,
    struct buf *out)
{
	struct mvcc_lease **chosen = xmalloc((leases_max + 1) * sizeof(struct mvcc_lease *));
	size_t count = leases_to_settle(&mvcc->leases, now_ns, long_s, 4 * leases_max, chosen,
	    leases_max);

	for (size_t i = 0; i < count; i++)
		command_v3_lease_put(out, &(struct command_v3_lease){ .id = chosen[i]->id,
		    .expiry_ns = chosen[i]->deadline_ns });
	free(chosen);
	return count;
}

bool
mvcc_lease_look(const struct mvcc *mvcc, uint64_t id, uint64_t now_ns,
    struct mvcc_lease_view *view, struct buf *out)
{
	const struct mvcc_lease *lease = lease_find(&mvcc->leases, id);

	if (lease == NULL)
		return false;
	*view = (struct mvcc_lease_view){
		.granted_s = lease->ttl_s,
		.left_s = (lease->deadline_ns - MIN_OF(lease->deadline_ns, now_ns)) /
		    NS_PER_SECOND,
		.key_count = lease->key_count,
	};
	if (out == NULL)
		return true;
	for (const struct mvcc_attachment *at = lease->keys; at != NULL; at = at->next)
		codec_put_bytes(out, mvcc_key_name(at->key));
	return true;
}

void
mvcc_lease_ids(const struct mvcc *mvcc, struct buf *ids)
{
	for (size_t i = 0; i < mvcc_lease_count(mvcc); i++)
		codec_put_u64(ids, leases_any(&mvcc->leases, i)->id);
}

/* ---- checks ------------------------------ */

static uint32_t
hash_leases(const struct mvcc *mvcc, uint32_t sum)
{
	struct mvcc_lease **sorted = leases_sorted(&mvcc->leases);

	for (size_t i = 0; i < mvcc_lease_count(mvcc); i++) {
		const struct mvcc_lease *lease = sorted[i];
		const uint64_t numbers[] = { lease->id, lease->ttl_s, lease->expiry_ns,
			lease->settled, lease->key_count };

		sum = crc32c(sum, slice_of(numbers, sizeof(numbers)));
	}
	free(sorted);
	return sum;
}

static uint32_t
hash_key(const struct mvcc *mvcc, const struct mvcc_key *key, uint32_t sum)
{
	struct buf wire = BUF_INIT;

	for (size_t i = 0; i < mvcc_key_changes(key); i++) {
		const struct mvcc_change *change = mvcc_key_change(key, i);
		const uint64_t numbers[] = { change->revision, change->sub, change->gone };

		if (!mvcc_survives(mvcc, key, i))
			continue;
		buf_clear(&wire);
		mvcc_change_put_wire(change, false, &wire);
		sum = crc32c(sum, slice_of(numbers, sizeof(numbers)));
		sum = crc32c(sum, buf_slice(&wire));
	}
	buf_free(&wire);
	return sum;
}

uint32_t
mvcc_hash(const struct mvcc *mvcc)
{
	const uint64_t numbers[] = { mvcc->revision, (uint64_t)mvcc->compacted };
	uint32_t sum = crc32c(0, slice_of(numbers, sizeof(numbers)));
	struct mvcc_walk walk;

	sum = hash_leases(mvcc, sum);
	for (const struct mvcc_key *key = mvcc_walk_from(&walk, &mvcc->keys, false, SLICE_EMPTY,
	    false); key != NULL; key = mvcc_walk_next(&walk))
		sum = hash_key(mvcc, key, sum);
	return sum;
}

/* A change follows the one before it, if there is one. */
static void
check_change(const struct mvcc *mvcc, const struct mvcc_change *change,
    const struct mvcc_change *before)
{
	struct mvcc_fields fields, old;

	ASSERT(change->revision <= mvcc->revision + (mvcc->writing > 0));
	ASSERT(before == NULL || mvcc_change_is_before(before,
	    (struct mvcc_position){ change->revision, change->sub }));
	ASSERT(before == NULL || !change->gone || !before->gone);
	if (change->gone)
		return;
	mvcc_change_fields(change, &fields);
	ASSERT(fields.mod_revision == change->revision);
	if (before == NULL)
		return;
	if (before->gone) {
		ASSERT(fields.version == 1);
		return;
	}
	mvcc_change_fields(before, &old);
	ASSERT(fields.version == old.version + 1);
	ASSERT(fields.create_revision == old.create_revision);
}

static void
check_changes(const struct mvcc *mvcc, const struct mvcc_key *key)
{
	const struct mvcc_change *before = NULL;

	ASSERT(key->held != 0);
	for (size_t i = 0; i < mvcc_key_changes(key); i++) {
		const struct mvcc_change *change = mvcc_key_change(key, i);

		ASSERT(change->key == key);
		check_change(mvcc, change, before);
		before = change;
	}
}

static void
check_lease(const struct mvcc_key *key)
{
	const struct mvcc_change *living = mvcc_key_living(key);
	const struct mvcc_lease *lease = lease_of_key(key);
	struct mvcc_fields fields = { 0 };

	if (living != NULL)
		mvcc_change_fields(living, &fields);
	ASSERT(fields.lease == (lease == NULL ? 0 : lease->id));
}

static void
check_leases(const struct mvcc *mvcc)
{
	struct mvcc_lease **sorted = leases_sorted(&mvcc->leases);
	size_t all = 0;

	for (size_t i = 0; i < mvcc_lease_count(mvcc); i++) {
		const struct mvcc_lease *lease = sorted[i];
		const struct mvcc_attachment *before = NULL;
		size_t count = 0;

		ASSERT(lease_find(&mvcc->leases, lease->id) == lease);
		ASSERT(lease->deadline_ns >= lease->expiry_ns);
		for (const struct mvcc_attachment *at = lease->keys; at != NULL; at = at->next) {
			ASSERT(at->lease == lease && at->key->attachment == at);
			ASSERT(at->previous == before);
			before = at;
			count++;
		}
		ASSERT(count == lease->key_count);
		all += count;
	}
	ASSERT(all == mvcc->leases.key_count);
	free(sorted);
}

static void
check_journal(const struct mvcc *mvcc)
{
	const struct mvcc_change *before = NULL;
	size_t kept = 0;

	for (size_t i = 0; i < mvcc->journal.count; i++) {
		const struct mvcc_change *change = journal_at(&mvcc->journal, i);

		ASSERT(before == NULL || mvcc_change_is_before(before,
		    (struct mvcc_position){ change->revision, change->sub }));
		ASSERT(mvcc_key_changes_before(change->key,
		    (struct mvcc_position){ change->revision, change->sub }) <
		    mvcc_key_changes(change->key));
		before = change;
		kept++;
	}
	ASSERT(kept <= mvcc->change_count);
	ASSERT(mvcc->cleared <= mvcc->journal.count);
}

void
mvcc_invariants(const struct mvcc *mvcc)
{
	struct mvcc_walk walk;
	size_t changes = 0, change_bytes = 0, key_bytes = 0;

	ASSERT(mvcc->writing == 0 || mvcc_is_under_way(mvcc));
	ASSERT(mvcc->compacted <= (int64_t)mvcc->revision);
	ASSERT(mvcc->answer_count <= V3_ANSWERS_MAX);
	mvcc_keys_invariants(&mvcc->keys);
	for (const struct mvcc_key *key = mvcc_walk_from(&walk, &mvcc->keys, false, SLICE_EMPTY,
	    false); key != NULL; key = mvcc_walk_next(&walk)) {
		check_changes(mvcc, key);
		check_lease(key);
		changes += mvcc_key_changes(key);
		key_bytes += mvcc_key_memory(key);
		for (size_t i = 0; i < mvcc_key_changes(key); i++)
			change_bytes += mvcc_change_memory(mvcc_key_change(key, i));
	}
	ASSERT(changes == mvcc->change_count);
	ASSERT(change_bytes == mvcc->change_bytes);
	ASSERT(key_bytes == mvcc->key_bytes);
	check_leases(mvcc);
	check_journal(mvcc);
	watch_set_invariants(&mvcc->watches);
}
