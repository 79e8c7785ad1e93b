/*
 * store.c - the replicated tree: life, reads, watches, counters.
 *
 * Owns the parts (store_priv.h). What changes the replicated state is in
 * write.c, what rebuilds it in load.c.
 */
#include "raftd/replica/store/store_priv.h"

#include "common/xmem.h"
#include "raftd/replica/store/path.h"

#include <inttypes.h>
#include <stdlib.h>


struct store *
store_new(uint64_t seed)
{
	struct store *store = xzalloc(sizeof(*store));

	store->limits = KEY_LIMITS_DEFAULT;
	store->agreed = true;
	tree_init(&store->tree, seed);
	ttl_init(&store->ttl, store->tree.pool);
	doomed_init(&store->doomed);
	load_init(store, seed);
	TAILQ_INIT(&store->views);
	history_init(&store->history, seed, store->tree.pool);
	watch_init(&store->watch, seed);
	store->looks = CATCH_UP_LOOKS;
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

void
store_set_limits(struct store *store, const struct key_limits *limits)
{
	store->limits = *limits;
}

/* ---- reads -------------------------------------------------------------------- */

struct blob *
store_search_cause(struct slice path, const struct tree_search *search)
{
	return blob_new(slice_of(path.data, search->size));
}

/* Append the nodes of a listing; false if they are more than that. */
static bool
list_nodes(struct store *store, struct tree_node *top, struct slice key, bool recursive,
    size_t bytes_max, size_t *nodes, struct buf *event)
{
	struct tree_walk *walk = &store->walk;
	size_t begun = event->size;
	struct tree_node *node;

	tree_walk_begin(walk, top, key);
	while ((node = tree_walk_next(walk)) != NULL) {
		uint32_t depth = walk->current.depth;
		struct node_record record;

		if (*nodes == 0)
			return false;
		--*nodes;
		if (depth > 0 && path_name_is_hidden(name_of(&node->link)))
			continue;
		record = tree_describe(node, tree_walk_path(walk), depth);
		if (event->size - begun + record.value.size > bytes_max)
			return false;
		node_record_put(event, &record);
		if (tree_is_dir(node) && (depth == 0 || recursive))
			tree_walk_enter(walk);
	}
	return true;
}

enum err
store_get_small(struct store *store, struct slice key, unsigned flags, uint64_t now_ns,
    size_t bytes_max, size_t *nodes, struct buf *event, struct blob **cause)
{
	bool recursive = (flags & READ_FLAG_RECURSIVE) != 0;
	size_t before = event->size;
	struct tree_search search;
	size_t begun;

	*cause = NULL;
	if (!path_is_canonical(key))
		return ERR_INTERNAL;
	search = tree_find(&store->tree, key);
	if (search.error != ERR_NONE) {
		stats_get(&store->stats, false);
		*cause = store_search_cause(key, &search);
		return search.error;
	}
	begun = event_begin(event, ACTION_GET, 0, store->index, now_ns);
	/* Children are in byte order anyhow, so sorted=true asks for nothing more. */
	if (!list_nodes(store, search.node, key, recursive, bytes_max, nodes, event)) {
		event->size = before;
		return ERR_AGAIN;
	}
	stats_get(&store->stats, true);
	event_end(event, begun);
	return ERR_NONE;
}

enum err
store_get(struct store *store, struct slice key, unsigned flags, uint64_t now_ns,
    struct buf *event, struct blob **cause)
{
	size_t nodes = SIZE_MAX;

	return store_get_small(store, key, flags, now_ns, SIZE_MAX, &nodes, event, cause);
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

size_t
store_memory(const struct store *store)
{
	return store->tree.bytes + store->history.bytes + store->history.kept_bytes +
	    store->watch.bytes;
}

/* ---- kept events ---------------------------------------------------------------- */

void
store_limit_history(struct store *store, const struct history_limits *limits, struct buf *effects)
{
	store->effects.out = effects;
	history_limit(&store->history, limits, effects == NULL ? NULL : &store->effects);
	if (effects != NULL)
		store_put_bounds(store);
}

void
store_agree(struct store *store, struct buf *effects)
{
	if (store->agreed)
		return;
	store->effects.out = effects;
	store->known_from = store->index;
	store->agreed = true;
	store_put_bounds(store);
}

bool
store_is_agreed(const struct store *store)
{
	return store->agreed;
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

/* Is that event of the past for it? What came after it was asked for, it has
 * waited for. */
static bool
is_for(const struct watch_past *past, const struct event *event)
{
	bool waited = (past->flags & WATCH_FLAG_GOES_ON) != 0 ||
	    event->store_index > past->asked_at;

	return event_fits_past(event, past->key, (past->flags & WATCH_FLAG_RECURSIVE) != 0) &&
	    !(waited && is_hidden_from(event, past->key));
}

/* The next event for it, looked for from past->next on, which moves there; NULL:
 * there is none, or *looks are used up. */
static const struct event *
look_back(const struct store *store, struct watch_past *past, size_t *looks)
{
	for (; past->next <= store->index && *looks > 0; past->next++) {
		const struct event *event = history_at(&store->history, past->next);

		(*looks)--;
		if (is_for(past, event))
			return event;
	}
	return NULL;
}

/*
 * Is it sure that nothing happened since then that who watches key would have got? Of the
 * node at key, or else of the last directory on the way to it, more is known than the window
 * holds; and of all that was there before it, it remembers that it went, or it is younger.
 */
static bool
is_nothing_missed(const struct store *store, struct slice key, uint64_t since)
{
	struct tree_search search = tree_find(&store->tree, key);

	return tree_last_event(&search) < since &&
	    (!tree_is_dir(search.node) || store->known_from < since);
}

enum err
store_watch(struct store *store, uint64_t owner, uint64_t id, struct slice key, unsigned flags,
    uint64_t since, bool *behind, struct blob **cause)
{
	uint64_t first = history_first(&store->history);
	struct watch_past past = { .key = key, .flags = flags, .next = since,
		.asked_at = store->index };
	struct watcher *watcher;

	*cause = NULL;
	*behind = false;
	if (!path_is_canonical(key))
		return ERR_INTERNAL;
	if (since == 0)
		past.next = store->index + 1;
	if (past.next < first) {
		if (!is_nothing_missed(store, key, since)) {
			*cause = cleared_cause(first, since);
			return ERR_EVENT_INDEX_CLEARED;
		}
		past.next = store->index + 1;
	}
	watcher = watch_new(&store->watch, owner, id, flags);
	/* Most who look back find nothing, and wait from now on without another word. */
	*behind = look_back(store, &past, &store->looks) != NULL || past.next <= store->index;
	if (*behind)
		watch_behind(&store->watch, watcher, key, past.next, store->index);
	else
		watch_live(&store->watch, watcher, key, past.next, store->index);
	return ERR_NONE;
}

void
store_watch_more(struct store *store, uint64_t owner, uint64_t id)
{
	watch_go_on(&store->watch, owner, id);
}

void
store_watch_taken(struct store *store, uint64_t owner, uint64_t bytes)
{
	watch_taken(&store->watch, owner, bytes);
}

/* What one store_catch_up has left. */
struct catch_up {
	const struct store_catch_up *how;
	size_t looks;
	size_t bytes;			/* given so far */
};

/* What comes next for one that is behind. NULL: nothing, and whatever there was to
 * do instead is done. */
static const struct event *
next_event(struct store *store, struct watcher *watcher, struct catch_up *left)
{
	struct watch_past *past = watch_past(watcher);
	const struct event *event = NULL;
	size_t looks = left->looks - 1;

	if (past->next < history_first(&store->history) &&
	    is_nothing_missed(store, past->key, past->next))
		past->next = store->index + 1;
	if (past->next < history_first(&store->history))
		watch_clear(&store->watch, watcher, store->index);
	else if ((event = look_back(store, past, &left->looks)) == NULL &&
	    past->next > store->index)
		watch_live(&store->watch, watcher, past->key, past->next, store->index);
	else if (event == NULL)
		watch_to_back(watcher);
	/* One that has nothing left to look at was a look, too. */
	left->looks = MIN_OF(left->looks, looks);
	return event;
}

static void
give_event(struct store *store, struct watcher *watcher, const struct event *event, size_t cost,
    struct catch_up *left)
{
	struct watch_past *past = watch_past(watcher);

	past->next++;
	past->given += blob_slice(event->record).size;
	left->bytes += cost;
	if ((past->flags & WATCH_FLAG_STREAM) != 0 && past->given >= left->how->piece_bytes)
		watch_pause(&store->watch, watcher);
	else
		watch_to_back(watcher);
	watch_hit(&store->watch, watcher, event, cost);
}

/* The next event of the owner's first, for it and those behind it who want the same. */
static void
catch_up_owner(struct store *store, const struct watch_owner *owner, struct catch_up *left)
{
	const struct event *given = NULL;
	struct watcher *watcher;
	size_t shared = 0;		/* bytes that sharing has cost */

	while (left->looks > 0 && shared < left->how->bytes_max &&
	    (watcher = watch_first_behind(owner)) != NULL) {
		const struct event *event = next_event(store, watcher, left);
		size_t cost;

		if (event == NULL)
			continue;
		if (given != NULL && event != given)
			return;
		cost = blob_slice(event->record).size;
		if (given != NULL) {
			cost = MIN_OF(cost, CATCH_UP_SHARED_BYTES);
			shared += cost;
		}
		given = event;
		give_event(store, watcher, event, cost, left);
	}
}

void
store_catch_up(struct store *store, const struct store_catch_up *how)
{
	struct catch_up left = { .how = how, .looks = how->looks_max };
	const struct watch_owner *owner;

	store->looks = how->looks_max;
	watch_ask_room(&store->watch, how);
	while (left.looks > 0 && left.bytes < how->bytes_max &&
	    (owner = watch_next_owner(&store->watch, how->untaken_max)) != NULL)
		catch_up_owner(store, owner, &left);
}

bool
store_may_catch_up(const struct store *store, const struct store_catch_up *how)
{
	return watch_may_catch_up(&store->watch, how);
}

void
store_use_tails(struct store *store, struct tails *tails)
{
	store->effects.tails = tails;
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
	return store->watch.live + store->watch.behind;
}

size_t
store_watch_count_of(const struct store *store, uint64_t owner)
{
	return watch_owner_count(&store->watch, owner);
}

size_t
store_watch_bytes(const struct store *store)
{
	return store->watch.bytes;
}

size_t
store_watch_bytes_of(const struct store *store, uint64_t owner)
{
	return watch_owner_bytes(&store->watch, owner);
}

size_t
store_take_hits(struct store *store, const struct store_hit **hits)
{
	return watch_take(&store->watch, hits);
}

size_t
store_hits_waiting(const struct store *store)
{
	return store->watch.raw_count;
}

struct missed {
	const struct store *store;
	uint64_t since;			/* what was before has been seen */
};

static bool
may_have_missed(void *argument, struct slice key, uint64_t since)
{
	const struct missed *missed = argument;

	return !is_nothing_missed(missed->store, key, MAX_OF(since, missed->since));
}

/* Those who may have missed something before the window, whose first event comes next. */
static void
clear_missed(struct store *fresh, uint64_t since)
{
	struct missed missed = { .store = fresh, .since = since };

	watch_clear_before(&fresh->watch, history_first(&fresh->history), fresh->index,
	    may_have_missed, &missed);
}

void
store_adopt(struct store *fresh, struct store *old)
{
	uint64_t first = history_first(&fresh->history);
	uint64_t at;

	watch_move(&fresh->watch, &old->watch);
	fresh->stats = old->stats;
	fresh->looks = old->looks;
	fresh->effects.tails = old->effects.tails;
	view_lose_all(old);
	/* The old store gave all who are live what there was up to its index, so none of
	 * them waits for less than the next one; who waits for more has said so. Those
	 * that are behind go on in the new history, or find that it begins later. */
	if (old->index + 1 < first)
		clear_missed(fresh, old->index + 1);
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
	numbers[STAT_WATCHERS] = store_watch_count(store);
}
