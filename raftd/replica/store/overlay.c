/*
 * overlay.c - what a view still has to show and the tree no longer says, by path.
 *
 * Owns the entries, which hold values by reference. Called by view.c only.
 */
#include "raftd/replica/store/overlay.h"

#include "common/limits.h"
#include "common/xmem.h"

#include <stdlib.h>

static inline struct kept_node *
kept_of(struct name_link *link)
{
	return link == NULL ? NULL : CONTAINER_OF(link, struct kept_node, link);
}

void
overlay_key_put(struct buf *out, struct slice path)
{
	uint8_t *at = buf_reserve(out, path.size);
	size_t i;

	for (i = 0; i < path.size; i++) {
		uint8_t byte = path.data[i];

		at[i] = byte == '/' ? 0 : (uint8_t)(byte + (byte < '/'));
	}
	buf_added(out, path.size);
}

void
overlay_path_put(struct buf *out, struct slice key)
{
	uint8_t *at = buf_reserve(out, key.size);
	size_t i;

	for (i = 0; i < key.size; i++) {
		uint8_t byte = key.data[i];

		at[i] = byte == 0 ? '/' : (uint8_t)(byte - (byte <= '/'));
	}
	buf_added(out, key.size);
}

bool
overlay_key_is_at_or_below(struct slice key, struct slice top)
{
	return slice_starts_with(key, top) && (key.size == top.size || key.data[top.size] == 0);
}

struct kept_node *
overlay_find(const struct overlay *overlay, struct slice key)
{
	return kept_of(names_find(overlay->root, key));
}

struct kept_node *
overlay_after(const struct overlay *overlay, struct slice key)
{
	return kept_of(names_after(overlay->root, key));
}

/* What the entry counts for. */
static size_t
weight(const struct kept_node *kept)
{
	return sizeof(*kept) + kept->link.size + blob_slice(kept->value).size +
	    (kept->held == NULL ? 0 : VIEW_HELD_BYTES);
}

struct kept_node *
overlay_add(struct overlay *overlay, struct slice key)
{
	struct kept_node *kept = xzalloc(sizeof(*kept) + key.size);

	if (key.size > 0)
		memcpy(kept->key, key.data, key.size);
	name_init(&kept->link, overlay->seed, offsetof(struct kept_node, key), key);
	names_insert(&overlay->root, &kept->link);
	overlay->bytes += weight(kept);
	return kept;
}

void
overlay_describe(struct overlay *overlay, struct kept_node *kept, const struct tree_node *node)
{
	struct node_record record = tree_describe(node, SLICE_EMPTY, 0);

	ASSERT(!kept->described);
	kept->described = true;
	kept->flags = record.flags;
	kept->modified = record.modified;
	kept->created = record.created;
	kept->expire_at_ns = record.expire_at_ns;
	if (!tree_is_dir(node)) {
		kept->value = blob_ref(node->value);
		overlay->bytes += record.value.size;
	}
}

void
overlay_hold(struct overlay *overlay, struct kept_node *kept, struct doomed_list *list,
    struct doomed *doomed, struct tree_node *dir)
{
	ASSERT(kept->held == NULL);
	doomed_hold(list, doomed);
	kept->held = doomed;
	kept->dir = dir;
	overlay->bytes += VIEW_HELD_BYTES;
	overlay->held++;
}

void
overlay_drop(struct overlay *overlay, struct kept_node *kept, struct doomed_list *list)
{
	overlay->bytes -= weight(kept);
	names_remove(&overlay->root, &kept->link);
	if (kept->held != NULL) {
		doomed_release(list, kept->held);
		overlay->held--;
	}
	blob_unref(&kept->value);
	free(kept);
}

void
overlay_clear(struct overlay *overlay, struct doomed_list *list)
{
	while (overlay->root != NULL)
		overlay_drop(overlay, kept_of(overlay->root), list);
}
