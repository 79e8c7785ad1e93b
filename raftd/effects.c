/*
 * effects.c - see effects.h. Pure; called by node.c before effects go to the disk.
 *
 * Under load a key is written, its event pushed out of the window, an answer
 * forgotten again, all before anything goes to the disk: only the last word on
 * each counts.
 */
#include "raftd/effects.h"

#include "common/hash.h"
#include "common/ipc/message.h"
#include "common/xmem.h"

#include <stdlib.h>

struct effect {
	struct hash_link link;
	struct state_record record;	/* borrowed from the list */
	bool last;
};

static bool
match(const struct hash_link *link, struct slice key)
{
	return slice_equal(CONTAINER_OF(link, struct effect, link)->record.key, key);
}

void
effects_squeeze(struct buf *effects, uint64_t seed)
{
	struct reader in = reader_of(buf_slice(effects));
	struct effect *list = NULL;
	size_t count = 0, capacity = 0;
	struct buf kept = BUF_INIT;
	struct hash by_key;

	while (!reader_done(&in)) {
		bool whole;

		list = xgrow(list, &capacity, count + 1, sizeof(*list));
		list[count] = (struct effect){ .last = false };
		whole = state_record_get(&in, &list[count].record);
		ASSERT(whole);
		count++;
	}
	/* The links are in the list, which does not grow any more. */
	hash_init(&by_key, seed, match);
	for (size_t i = count; i-- > 0;) {
		if (hash_find(&by_key, list[i].record.key) != NULL)
			continue;
		list[i].last = true;
		hash_insert(&by_key, &list[i].link, list[i].record.key);
	}
	hash_free(&by_key);
	for (size_t i = 0; i < count; i++)
		if (list[i].last)
			state_record_put(&kept, &list[i].record);
	free(list);
	buf_free(effects);
	*effects = kept;
}
