/*
 * compaction.c - history that nobody may read any more is freed, by and by.
 *
 * What is asked for at the compacted revision C or above it stays readable. So of each key
 * goes what another change has followed at or below C, and a tombstone below C; tombstones at C
 * stay, and so does whatever else happened at C: a watch that begins there is given it. The
 * journal is gone over from its front: what is passed leaves it, and with each change goes the
 * one of its key before it. So that costs the same for each change, however many a key has.
 *
 *	journal:  passed (gone) | below C: next to pass | at C: looked at (cleared), stay | above C
 *
 * Answers that are being read, and hits that were not taken yet, hold C back for what is freed,
 * not for what is refused.
 */
#include "raftd/replica/mvcc/mvcc_priv.h"

/* Up to where may be freed now: what is not below it is readable. */
static uint64_t
mark_of(const struct mvcc *mvcc)
{
	uint64_t mark = mvcc->compacted < 0 ? 0 : (uint64_t)mvcc->compacted;
	uint64_t hits = watch_set_first_waiting(&mvcc->watches);

	mark = MIN_OF(mark, mvcc_answers_need(mvcc));
	/* The change before that of a hit is shown, too. */
	return hits == UINT64_MAX ? mark : MIN_OF(mark, hits - 1);
}

bool
mvcc_survives(const struct mvcc *mvcc, const struct mvcc_key *key, size_t i)
{
	const struct mvcc_change *change = mvcc_key_change(key, i);

	if (mvcc->compacted < 0 || change->revision >= (uint64_t)mvcc->compacted)
		return true;
	return !change->gone && (i + 1 == mvcc_key_changes(key) ||
	    mvcc_key_change(key, i + 1)->revision > (uint64_t)mvcc->compacted);
}

const struct mvcc_change *
mvcc_previous(const struct mvcc *mvcc, const struct mvcc_change *change)
{
	const struct mvcc_change *previous;

	if (mvcc->compacted >= 0 && change->revision <= (uint64_t)mvcc->compacted)
		return NULL;
	previous = mvcc_key_before(change->key, change);
	return previous == NULL || previous->gone ? NULL : previous;
}

static void
drop_oldest(struct mvcc *mvcc, struct mvcc_key *key, struct buf *effects)
{
	const struct mvcc_change *oldest = mvcc_key_change(key, 0);

	mvcc_record_change_gone(effects, oldest);
	mvcc->change_count--;
	mvcc->change_bytes -= mvcc_change_memory(oldest);
	mvcc->key_bytes -= mvcc_key_memory(key);
	mvcc_key_drop_oldest(key);
	mvcc->key_bytes += mvcc_key_memory(key);
}

/* What is before that change of its key, and below mark, goes. */
static void
drop_followed(struct mvcc *mvcc, const struct mvcc_change *change, uint64_t mark,
    struct buf *effects)
{
	struct mvcc_key *key = change->key;

	while (mvcc_key_change(key, 0) != change && mvcc_key_change(key, 0)->revision < mark)
		drop_oldest(mvcc, key, effects);
}

/* The first of the journal, which is below mark. */
static void
pass_first(struct mvcc *mvcc, uint64_t mark, struct buf *effects)
{
	struct mvcc_change *change = journal_at(&mvcc->journal, 0);
	struct mvcc_key *key = change->key;

	mvcc->removed = change->revision;
	mvcc->changed = true;
	drop_followed(mvcc, change, mark, effects);
	journal_drop_first(&mvcc->journal);
	mvcc->cleared -= mvcc->cleared > 0;
	if (!change->gone)
		return;
	drop_oldest(mvcc, key, effects);
	if (key->held != 0)
		return;
	mvcc->key_bytes -= mvcc_key_memory(key);
	mvcc_keys_remove(&mvcc->keys, key);
	mvcc_key_free(key);
}

static bool
may_pass(const struct mvcc *mvcc, uint64_t mark)
{
	return mvcc->journal.count > 0 && journal_at(&mvcc->journal, 0)->revision < mark;
}

static bool
may_clear(const struct mvcc *mvcc, uint64_t mark)
{
	return mvcc->cleared < mvcc->journal.count &&
	    journal_at(&mvcc->journal, mvcc->cleared)->revision <= mark;
}

bool
mvcc_has_to_sweep(const struct mvcc *mvcc)
{
	uint64_t mark = mark_of(mvcc);

	return may_pass(mvcc, mark) || may_clear(mvcc, mark);
}

bool
mvcc_sweep(struct mvcc *mvcc, size_t looks_max, struct buf *effects)
{
	uint64_t mark = mark_of(mvcc);

	ASSERT(mvcc->writing == 0);
	for (; looks_max > 0 && may_pass(mvcc, mark); looks_max--)
		pass_first(mvcc, mark, effects);
	/* All that is left up to the mark is at it. */
	for (; looks_max > 0 && may_clear(mvcc, mark); looks_max--)
		drop_followed(mvcc, journal_at(&mvcc->journal, mvcc->cleared++), mark, effects);
	return may_pass(mvcc, mark) || may_clear(mvcc, mark);
}

bool
mvcc_is_swept(const struct mvcc *mvcc, int64_t revision)
{
	uint64_t mark = revision < 0 ? 0 : (uint64_t)revision;

	return !may_pass(mvcc, mark) && !may_clear(mvcc, mark);
}

enum v3_error
mvcc_compact(struct mvcc *mvcc, int64_t revision)
{
	if (revision <= mvcc->compacted)
		return V3_COMPACTED;
	if ((uint64_t)revision > mvcc->revision)
		return V3_FUTURE_REVISION;
	mvcc->compacted = revision;
	mvcc->changed = true;
	return V3_NONE;
}
