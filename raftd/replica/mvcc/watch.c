/*
 * watch.c - watches of the key space: live ones, and those that are given the past.
 *
 * What is live gets changes as they are made; one that is behind gets them from the journal, in
 * whole revisions, until it has the newest: in the same call it becomes live, so nothing is
 * lost or told twice in between.
 */
#include "raftd/replica/mvcc/mvcc_priv.h"

enum v3_error
mvcc_watch_add(struct mvcc *mvcc, const struct mvcc_watch *watch, bool *behind)
{
	static const uint8_t zero;
	struct mvcc_watch whole = *watch;
	struct mvcc_span span;
	struct mvcc_watcher *watcher;
	uint64_t next = watch->start_revision == 0 ? mvcc->revision + 1 : watch->start_revision;

	if (whole.key.size == 0)
		whole.key = slice_of(&zero, 1);
	span = mvcc_span_of(whole.key, whole.end);
	if (!span.point && !span.open && slice_compare(span.to, span.from) <= 0)
		return V3_WATCH_RANGE_EMPTY;
	if (watch_set_find(&mvcc->watches, watch->owner, watch->id) != NULL)
		return V3_WATCH_ID_USED;
	/* Below 0 is before all that was. */
	if (next > INT64_MAX || mvcc_int64(next) < mvcc->compacted)
		return V3_COMPACTED;
	watcher = watch_set_add(&mvcc->watches, &whole, next);
	/* A write that is under way is to come, too, and what it did so far is not told again. */
	*behind = next <= mvcc->revision + (mvcc->writing > 0);
	watch_set_is_behind(&mvcc->watches, watcher, *behind);
	return V3_NONE;
}

void
mvcc_watch_remove(struct mvcc *mvcc, uint64_t owner, uint64_t id)
{
	struct mvcc_watcher *watcher = watch_set_find(&mvcc->watches, owner, id);

	if (watcher != NULL)
		watch_set_remove(&mvcc->watches, watcher);
}

void
mvcc_watch_remove_all(struct mvcc *mvcc, uint64_t owner)
{
	watch_set_remove_all(&mvcc->watches, owner);
}

void
mvcc_watch_fall_behind(struct mvcc *mvcc, uint64_t owner, uint64_t id, uint64_t revision,
    bool told)
{
	struct mvcc_watcher *watcher = watch_set_find(&mvcc->watches, owner, id);
	uint64_t next;

	if (watcher == NULL || (!watcher->behind && revision > mvcc->revision))
		return;
	/* What is to come for it, or was not before it began, stays so. */
	next = watcher->behind ? MIN_OF(watcher->next, revision) :
	    MAX_OF(watcher->next, revision);
	if (next <= mvcc->revision)
		watch_set_fall(&mvcc->watches, watcher, next, told);
	else
		watcher->next = next;
}

void
mvcc_watch_want(struct mvcc *mvcc, uint64_t owner, uint64_t id)
{
	struct mvcc_watcher *watcher = watch_set_find(&mvcc->watches, owner, id);

	if (watcher != NULL && watcher->behind)
		watch_set_queue(&mvcc->watches, watcher, MVCC_QUEUE_WANTING);
}

size_t
mvcc_watch_wanting(const struct mvcc *mvcc, uint64_t *owners, size_t most)
{
	const struct mvcc_watch_owner *owner;
	size_t count = 0;

	TAILQ_FOREACH(owner, &mvcc->watches.wanting, by_turn) {
		if (count == most)
			break;
		owners[count++] = owner->id;
	}
	return count;
}

bool
mvcc_watch_first_wanting(const struct mvcc *mvcc, uint64_t owner, uint64_t *id)
{
	const struct mvcc_watch_owner *found = watch_set_owner(&mvcc->watches, owner);

	if (found == NULL || TAILQ_EMPTY(&found->wanting))
		return false;
	*id = TAILQ_FIRST(&found->wanting)->who.id;
	return true;
}

bool
mvcc_watch_take_fallen(struct mvcc *mvcc, struct mvcc_fallen *fallen)
{
	struct mvcc_watcher *watcher = TAILQ_FIRST(&mvcc->watches.fallen);

	if (watcher == NULL)
		return false;
	*fallen = (struct mvcc_fallen){ .owner = watcher->who.owner, .id = watcher->who.id,
		.served = watcher->next - 1 };
	watch_set_queue(&mvcc->watches, watcher, MVCC_QUEUE_NONE);
	return true;
}

size_t
mvcc_watch_owners(const struct mvcc *mvcc, uint64_t *owners, size_t most)
{
	const struct hash *all = &mvcc->watches.owners;
	size_t count = 0;

	for (struct hash_link *link = hash_first(all); link != NULL && count < most;
	    link = hash_next(all, link))
		owners[count++] = CONTAINER_OF(link, struct mvcc_watch_owner, link)->id;
	return count;
}

size_t
mvcc_watch_count_of(const struct mvcc *mvcc, uint64_t owner)
{
	const struct mvcc_watch_owner *found = watch_set_owner(&mvcc->watches, owner);

	return found == NULL ? 0 : found->count;
}

size_t
mvcc_watch_count(const struct mvcc *mvcc)
{
	return mvcc->watches.by_id.count;
}

size_t
mvcc_watch_memory(const struct mvcc *mvcc)
{
	return mvcc->watches.bytes;
}

size_t
mvcc_take_hits(struct mvcc *mvcc, const struct mvcc_hit **hits)
{
	/* No revision in parts. */
	return mvcc->writing > 0 ? 0 : watch_set_take(&mvcc->watches, hits);
}

size_t
mvcc_hits_waiting(const struct mvcc *mvcc)
{
	return mvcc->watches.raw_count;
}

/* ---- the past ------------------------------ */

struct past_step {
	struct mvcc *mvcc;
	struct mvcc_watcher *watcher;
	struct mvcc_past *past;
	uint64_t revision;		/* of what was given last */
	size_t revisions, bytes;
};

/* A change of one of its keys. False: the piece was whole before it. */
static bool
give_one(struct past_step *step, const struct mvcc_change *change)
{
	const struct mvcc_change *previous;

	if (!watch_set_wants(step->watcher, change))
		return true;
	if (change->revision != step->revision) {
		if (step->revisions >= step->past->revisions_max ||
		    step->bytes >= step->past->bytes_max)
			return false;
		step->revision = change->revision;
		step->revisions++;
	}
	previous = mvcc_previous(step->mvcc, change);
	step->bytes += mvcc_change_wire_size(change, false);
	if (previous != NULL && (step->watcher->flags & MVCC_WATCH_PREV_KV) != 0)
		step->bytes += mvcc_change_wire_size(previous, false);
	watch_set_give_past(&step->mvcc->watches, step->watcher, change, previous);
	return true;
}

/* One key: its own changes are enough. Returns the revision that is to be looked at next. */
static uint64_t
past_of_key(struct past_step *step, const struct mvcc_key *key)
{
	struct mvcc_past *past = step->past;
	size_t i = key == NULL ? 0 : mvcc_key_changes_before(key,
	    (struct mvcc_position){ step->watcher->next, 0 });

	for (; key != NULL && i < mvcc_key_changes(key); i++) {
		const struct mvcc_change *change = mvcc_key_change(key, i);

		if (change->revision > step->mvcc->revision ||
		    (past->looks == 0 && change->revision != step->revision) ||
		    !give_one(step, change))
			return change->revision;
		past->looks -= past->looks > 0;
	}
	return step->mvcc->revision + 1;
}

static uint64_t
past_of_range(struct past_step *step, const struct mvcc_span *span)
{
	const struct journal *journal = &step->mvcc->journal;
	struct mvcc_past *past = step->past;
	size_t i = journal_find(journal, (struct mvcc_position){ step->watcher->next, 0 });
	uint64_t before = 0;

	for (; i < journal->count; i++) {
		const struct mvcc_change *change = journal_at(journal, i);

		/* Not in the middle of a revision, nor what is not one yet. */
		if (change->revision > step->mvcc->revision ||
		    (past->looks == 0 && change->revision != before))
			return change->revision;
		before = change->revision;
		past->looks -= past->looks > 0;
		if (mvcc_span_has(span, mvcc_key_name(change->key)) && !give_one(step, change))
			return change->revision;
	}
	return step->mvcc->revision + 1;
}

enum v3_error
mvcc_watch_past(struct mvcc *mvcc, uint64_t owner, uint64_t id, struct mvcc_past *past,
    const struct mvcc_hit **hits, size_t *count)
{
	struct mvcc_watcher *watcher = watch_set_find(&mvcc->watches, owner, id);
	struct past_step step = { .mvcc = mvcc, .watcher = watcher, .past = past };
	struct mvcc_span span;

	ASSERT(past->revisions_max > 0);
	past->live = false;
	past->behind = watcher != NULL && watcher->behind;
	*count = 0;
	if (!past->behind)
		return V3_NONE;
	if (mvcc->compacted >= 0 && watcher->next < (uint64_t)mvcc->compacted) {
		watch_set_remove(&mvcc->watches, watcher);
		return V3_COMPACTED;
	}
	span = watch_set_span(watcher);
	watch_set_begin_past(&mvcc->watches);
	watcher->next = span.point ?
	    past_of_key(&step, mvcc_keys_find(&mvcc->keys, span.from)) :
	    past_of_range(&step, &span);
	*count = watch_set_end_past(&mvcc->watches, hits);
	past->served = watcher->next - 1;
	past->live = watcher->next > mvcc->revision && mvcc->writing == 0;
	watch_set_is_behind(&mvcc->watches, watcher, !past->live);
	/* Whose piece is empty is looked on for, behind others. */
	if (past->live || *count > 0)
		watch_set_queue(&mvcc->watches, watcher, MVCC_QUEUE_NONE);
	else if (watcher->queue == MVCC_QUEUE_WANTING)
		watch_set_queue(&mvcc->watches, watcher, MVCC_QUEUE_WANTING);
	return V3_NONE;
}
