/*
 * squeeze.c - see squeeze.h. Pure; called by submit.c before effects go to the disk.
 *
 * Under load a key is written, its event pushed out of the window, an answer
 * forgotten again, all before anything goes to the disk: only the last word on
 * each counts, and of events and answers that came and went nothing. In place:
 * one write of a large value may be all there is, and large.
 */
#include "raftd/squeeze.h"

#include "common/hash.h"
#include "common/ipc/message.h"
#include "common/xmem.h"

#include <stdlib.h>
#include <string.h>

struct effect {
	struct hash_link link;
	struct slice key;		/* borrowed from the list */
	size_t at, size;		/* the whole record in it */
	bool has_tail;
	bool removes;
	bool last;
	bool made_here;			/* last: the first on that key is none that removes */
};

static bool
match(const struct hash_link *link, struct slice key)
{
	return slice_equal(CONTAINER_OF(link, struct effect, link)->key, key);
}

/* The tail at the front goes with its record, or stays with it, which ends there now. */
static void
move_tail(struct tails *tails, size_t from, size_t *kept, size_t end)
{
	struct tail *tail = &tails->list[from];

	if (end == 0) {
		tails->bytes -= tail->bytes.size;
		blob_unref(&tail->blob);
		return;
	}
	tail->at = end;
	tails->list[(*kept)++] = *tail;
}

void
squeeze_effects(struct buf *effects, struct tails *tails, uint64_t seed,
    bool (*once)(struct slice key))
{
	struct reader in = reader_of(buf_slice(effects));
	struct effect *list = NULL;
	size_t count = 0, capacity = 0, kept = 0, tail = 0, tails_kept = 0;
	struct hash by_key;

	while (!reader_done(&in)) {
		struct state_record record;
		size_t left = reader_left(&in);
		bool whole = state_record_get(&in, &record);

		ASSERT(whole);
		list = xgrow(list, &capacity, count + 1, sizeof(*list));
		list[count] = (struct effect){ .key = record.key, .at = effects->size - left,
			.size = left - reader_left(&in), .removes = record.value.size == 0 };
		list[count++].has_tail = tails_next(tails, &tail,
		    effects->size - reader_left(&in)).size > 0;
	}
	/* The links are in the list, which does not grow any more. */
	hash_init(&by_key, seed, match);
	for (size_t i = count; i-- > 0;) {
		struct hash_link *link = hash_find(&by_key, list[i].key);
		struct effect *last = link == NULL ? &list[i] :
		    CONTAINER_OF(link, struct effect, link);

		last->made_here = !list[i].removes;
		if (link != NULL)
			continue;
		last->last = true;
		hash_insert(&by_key, &last->link, last->key);
	}
	hash_free(&by_key);
	tail = 0;
	for (size_t i = 0; i < count; i++) {
		if (list[i].removes && list[i].made_here && once(list[i].key))
			list[i].last = false;
		if (list[i].last) {
			if (kept != list[i].at)
				memmove(effects->data + kept, effects->data + list[i].at,
				    list[i].size);
			kept += list[i].size;
		}
		if (list[i].has_tail)
			move_tail(tails, tail++, &tails_kept, list[i].last ? kept : 0);
	}
	effects->size = kept;
	tails->count = tails_kept;
	free(list);
}
