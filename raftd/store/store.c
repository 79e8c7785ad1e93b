/*
 * store.c - the replicated tree: life, reads, watches, counters.
 *
 * Owns the parts (store_priv.h). What changes the replicated state is in
 * write.c, what rebuilds it in load.c.
 */
#include "raftd/store/store_priv.h"

#include "common/xmem.h"
#include "raftd/store/path.h"

#include <inttypes.h>
#include <stdlib.h>


struct store *
store_new(uint64_t seed)
{
	struct store *store = xzalloc(sizeof(*store));

	tree_init(&store->tree, seed);
	ttl_init(&store->ttl);
	doomed_init(&store->doomed);
	TAILQ_INIT(&store->views);
	load_init(store, seed);
	history_init(&store->history, seed);
	watch_init(&store->watch, seed);
	return store;
}

void
store_free(struct store **store_pointer)
{
	struct store *store = *store_pointer;

	if (store == NULL)
		return;
	view_lose_all(store);
	watch_free(&store->watch);
	history_free(&store->history);
	ttl_free(&store->ttl);
	doomed_free(&store->doomed, &store->tree);
	tree_free(&store->tree);
	load_free(store);
	effects_free(&store->effects);
	buf_free(&store->event);
	buf_free(&store->path);
	buf_free(&store->view_key);
	tree_walk_free(&store->walk);
	free(store);
	*store_pointer = NULL;
}

/* ---- reads -------------------------------------------------------------------- */

struct blob *
store_search_cause(struct slice path, const struct tree_search *search)
{
	return blob_new(slice_of(path.data, search->size));
}

/* Append the nodes of a listing; false if it becomes too big to be sent. */
static bool
list_nodes(struct store *store, struct node *top, struct slice key, bool recursive,
    struct buf *event)
{
	struct tree_walk *walk = &store->walk;
	size_t begun = event->size;
	struct node *node;

	tree_walk_begin(walk, top, key);
	while ((node = tree_walk_next(walk)) != NULL) {
		uint32_t depth = walk->current.depth;
		struct node_record record;

		if (depth > 0 && path_name_is_hidden(name_of(&node->link)))
			continue;
		record = node_describe(node, tree_walk_path(walk), depth);
		node_record_put(event, &record);
		if (event->overflowed || event->size - begun > ASSEMBLED_BYTES_MAX)
			return false;
		if (node_is_dir(node) && (depth == 0 || recursive))
			tree_walk_enter(walk);
	}
	return true;
}

enum err
store_get(struct store *store, struct slice key, unsigned flags, uint64_t now_ns,
    struct buf *event, struct blob **cause)
{
	bool recursive = (flags & READ_FLAG_RECURSIVE) != 0;
	size_t before = event->size;
	struct tree_search search;
	size_t begun;

	*cause = NULL;
	if (!path_is_canonical(key))
		return ERR_INTERNAL;
	search = tree_find(&store->tree, key);
	stats_get(&store->stats, search.error == ERR_NONE);
	if (search.error != ERR_NONE) {
		*cause = store_search_cause(key, &search);
		return search.error;
	}
	begun = event_begin(event, ACTION_GET, 0, store->index, now_ns);
	/* Children are in byte order anyhow, so sorted=true asks for nothing more. */
	if (!list_nodes(store, search.node, key, recursive, event)) {
		event->size = before;
		*cause = blob_new(SLICE_LITERAL("the listing is too big to be answered"));
		return ERR_RAFT_INTERNAL;
	}
	event_end(event, begun);
	return ERR_NONE;
}

bool
store_exists(const struct store *store, struct slice key)
{
	return path_is_canonical(key) && tree_find(&store->tree, key).error == ERR_NONE;
}

uint64_t
store_next_expiry(struct store *store)
{
	const struct ttl_entry *first = store_first_expiry(store);

	return first == NULL ? UINT64_MAX : first->at_ns;
}

uint64_t
store_index(const struct store *store)
{
	return store->index;
}

size_t
store_key_count(const struct store *store)
{
	return store->tree.count;
}

/* ---- kept events ---------------------------------------------------------------- */

void
store_limit_history(struct store *store, size_t bytes_max, struct buf *effects)
{
	store->effects.out = effects;
	history_limit(&store->history, bytes_max, effects == NULL ? NULL : &store->effects);
	if (effects != NULL)
		effects_index(&store->effects, store->index, history_first(&store->history));
}

void
store_event_retain(struct store *store, uint64_t store_index)
{
	history_retain(&store->history, store_index);
}

void
store_event_release(struct store *store, uint64_t store_index, struct buf *effects)
{
	store->effects.out = effects;
	history_release(&store->history, store_index, &store->effects);
}

struct blob *
store_event(const struct store *store, uint64_t store_index)
{
	const struct event *event = history_find(&store->history, store_index);

	return event == NULL ? NULL : event->record;
}

/* ---- watches ---------------------------------------------------------------------- */

static struct blob *
cleared_cause(uint64_t first, uint64_t since)
{
	struct buf text = BUF_INIT;
	struct blob *cause;

	buf_printf(&text, "the requested history has been cleared [%" PRIu64 "/%" PRIu64 "]",
	    first, since);
	cause = blob_new(buf_slice(&text));
	buf_free(&text);
	return cause;
}

/* Would a watch that waited have been spared it? As watch_deliver does. */
static bool
is_hidden_from(const struct event *event, struct slice key)
{
	return path_last_hidden(event->key) > (slice_equal(key, SLICE_LITERAL("/")) ? 0 : key.size);
}

/* Hit a new watcher with what it missed; true if that was all it wants. */
static bool
look_back(struct store *store, struct watcher *watcher, struct slice key, unsigned flags,
    uint64_t since)
{
	bool recursive = (flags & WATCH_FLAG_RECURSIVE) != 0;
	uint64_t at;

	for (at = since; at <= store->index; at++) {
		const struct event *event = history_at(&store->history, at);

		if (!event_fits_past(event, key, recursive) ||
		    ((flags & WATCH_FLAG_GOES_ON) != 0 && is_hidden_from(event, key)))
			continue;
		watch_hit(&store->watch, watcher, event);
		if ((flags & WATCH_FLAG_STREAM) == 0)
			return true;
	}
	return false;
}

enum err
store_watch(struct store *store, uint64_t owner, uint64_t id, struct slice key, unsigned flags,
    uint64_t since, struct blob **cause)
{
	uint64_t first = history_first(&store->history);
	struct watcher *watcher;

	*cause = NULL;
	if (!path_is_canonical(key))
		return ERR_INTERNAL;
	if (since == 0)
		since = store->index + 1;
	if (since < first) {
		*cause = cleared_cause(first, since);
		return ERR_EVENT_INDEX_CLEARED;
	}
	watcher = watch_new(&store->watch, owner, id, flags);
	if (look_back(store, watcher, key, flags, since))
		return ERR_NONE;
	watch_live(&store->watch, watcher, key, MAX_OF(since, store->index + 1));
	return ERR_NONE;
}

void
store_unwatch(struct store *store, uint64_t owner, uint64_t id)
{
	watch_drop(&store->watch, owner, id);
}

void
store_unwatch_all(struct store *store, uint64_t owner)
{
	watch_drop_all(&store->watch, owner);
}

size_t
store_watch_count(const struct store *store)
{
	return store->watch.live;
}

size_t
store_take_hits(struct store *store, const struct store_hit **hits)
{
	return watch_take(&store->watch, hits);
}

void
store_adopt(struct store *fresh, struct store *old)
{
	struct watch watch = fresh->watch;
	uint64_t first = history_first(&fresh->history);
	uint64_t at;

	fresh->watch = old->watch;
	old->watch = watch;
	fresh->stats = old->stats;
	view_lose_all(old);
	/* The old store gave everyone all there was up to its index, so nobody
	 * waits for less than the next one; who waits for more has said so. */
	if (old->index + 1 < first)
		watch_clear_before(&fresh->watch, first, fresh->index);
	for (at = MAX_OF(old->index + 1, first); at <= fresh->index; at++) {
		const struct event *event = history_at(&fresh->history, at);

		if (!event_is_refresh(event))
			watch_deliver_past(&fresh->watch, event);
	}
}

/* ---- counters ----------------------------------------------------------------------- */

void
store_stats(const struct store *store, uint64_t numbers[STORE_STAT_COUNT])
{
	memcpy(numbers, store->stats.numbers, sizeof(store->stats.numbers));
	numbers[STAT_WATCHERS] = store->watch.live;
}
