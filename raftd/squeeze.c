/*
 * squeeze.c - see squeeze.h. Pure; called by submit.c before effects go to the disk.
 *
 * Under load a key is written, its event pushed out of the window, an answer
 * forgotten again, all before anything goes to the disk: only the last word on
 * each counts. In place: one write of a large value may be all there is, and large.
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
	bool last;
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
squeeze_effects(struct buf *effects, struct tails *tails, uint64_t seed)
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
			.size = left - reader_left(&in) };
		list[count++].has_tail = tails_next(tails, &tail,
		    effects->size - reader_left(&in)).size > 0;
	}
	/* The links are in the list, which does not grow any more. */
	hash_init(&by_key, seed, match);
	for (size_t i = count; i-- > 0;) {
		if (hash_find(&by_key, list[i].key) != NULL)
			continue;
		list[i].last = true;
		hash_insert(&by_key, &list[i].link, list[i].key);
	}
	hash_free(&by_key);
	tail = 0;
	for (size_t i = 0; i < count; i++) {
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
