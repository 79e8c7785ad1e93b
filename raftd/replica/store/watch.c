/*
 * watch.c - who waits for what, and what they got.
 *
 * Owns watchers, the trie of watched paths and the hits. A spot of the trie
 * lives while it has a child or a watcher, even one that is only waiting for
 * its hits to be taken: so nothing that a walk stands on is freed under it.
 */
#include "raftd/replica/store/watch.h"

#include "common/xmem.h"
#include "raftd/replica/store/path.h"

#include <stdlib.h>

/* What the allocator takes for each piece of memory, about. */
#define MEMORY_OVERHEAD 16
#define WATCHER_BYTES (sizeof(struct watcher) + MEMORY_OVERHEAD)

LIST_HEAD(watcher_list, watcher);

/* A watched path, or one above a watched path. */
struct watch_spot {
	struct name_link link;		/* in the parent's children */
	struct watch_spot *parent;	/* NULL: the root */
	struct name_link *children;
	struct watcher_list exact, recursive; /* live ones */
	size_t path_bytes;		/* of this one and all above but the root */
	uint32_t users;			/* children and watchers that point here */
	uint8_t name[];
};

struct watch_owner {
	struct hash_link link;
	uint64_t number;
	struct watcher_list watchers;	/* all, dropped ones too */
	size_t count;			/* of these */
	size_t alone_bytes;		/* of each by itself, with the whole of its path */
	TAILQ_HEAD(, watcher) behind;	/* those that may be given more of the past */
	TAILQ_ENTRY(watch_owner) of_lagging; /* while there is one of them */
	bool has_room;			/* as of the last watch_ask_room */
	uint64_t untaken;		/* cost of what it was given and has not worked off */
};

enum watcher_state {
	WATCHER_NEW,			/* neither live nor hit yet */
	WATCHER_BEHIND,			/* in its owner's list of these */
	WATCHER_PAUSED,			/* behind, but its owner has enough for now */
	WATCHER_LIVE,			/* in a list of its spot */
	WATCHER_HIT,			/* no stream, and has its event */
	WATCHER_DROPPED,		/* not in the table any more */
};

struct watch_key {
	uint64_t owner, id;
};

struct watcher {
	struct hash_link link;
	struct watch_key key;
	struct watch_owner *owner;
	LIST_ENTRY(watcher) of_owner;
	struct watch_spot *spot;	/* NULL: answered from the past */
	LIST_ENTRY(watcher) of_spot;
	TAILQ_ENTRY(watcher) of_behind;
	struct blob *key_kept;		/* past.key, while it is behind */
	struct watch_past past;		/* while it is behind */
	uint64_t since;			/* store index, while it is live */
	uint32_t pending;		/* hits not yet taken */
	uint8_t flags;			/* WATCH_FLAG_* */
	uint8_t state;			/* enum watcher_state */
};

struct watch_raw_hit {
	uint64_t store_index;
	struct watch_key key;		/* the watcher's, which need not be fetched to sort */
	enum store_hit_kind kind;
	struct blob *event;		/* of HIT_EVENT, else NULL */
	size_t cost;			/* in its owner's untaken */
	struct watcher *watcher;
};

/* A treap of spots still to visit, and the tree's directory of these names. */
struct watch_frame {
	struct name_link *link;
	const struct tree_node *dir;		/* NULL: existence is not asked */
};

static inline struct watch_spot *
spot_of(struct name_link *link)
{
	return CONTAINER_OF(link, struct watch_spot, link);
}

static inline struct watcher *
watcher_of(const struct hash_link *link)
{
	return CONTAINER_OF(link, struct watcher, link);
}

static inline struct watch_owner *
owner_of(const struct hash_link *link)
{
	return CONTAINER_OF(link, struct watch_owner, link);
}

static inline struct slice
key_slice(const struct watch_key *key)
{
	return slice_of(key, sizeof(*key));
}

static bool
watcher_match(const struct hash_link *link, struct slice key)
{
	return slice_equal(key_slice(&watcher_of(link)->key), key);
}

static bool
owner_match(const struct hash_link *link, struct slice key)
{
	uint64_t number = owner_of(link)->number;

	return slice_equal(slice_of(&number, sizeof(number)), key);
}

/* ---- spots ------------------------------------------------------------------ */

static size_t
spot_bytes(const struct watch_spot *spot)
{
	return sizeof(*spot) + name_of(&spot->link).size + MEMORY_OVERHEAD;
}

static struct watch_spot *
spot_new(uint64_t seed, struct watch_spot *parent, struct slice name)
{
	struct watch_spot *spot = xzalloc(sizeof(*spot) + name.size);

	name_init(&spot->link, seed, offsetof(struct watch_spot, name), name);
	if (name.size > 0)
		memcpy(spot->name, name.data, name.size);
	spot->parent = parent;
	LIST_INIT(&spot->exact);
	LIST_INIT(&spot->recursive);
	return spot;
}

static struct watch_spot *
spot_child(const struct watch_spot *spot, struct slice name)
{
	struct name_link *link = names_find(spot->children, name);

	return link == NULL ? NULL : spot_of(link);
}

/* The spot of a path, made if need be, with one user more. */
static struct watch_spot *
spot_take(struct watch *watch, struct slice path)
{
	struct watch_spot *spot = watch->root;
	struct path_names names = path_names(path);
	struct slice name;

	while (path_next(&names, &name)) {
		struct watch_spot *child = spot_child(spot, name);

		if (child == NULL) {
			child = spot_new(watch->seed, spot, name);
			names_insert(&spot->children, &child->link);
			child->path_bytes = spot->path_bytes + spot_bytes(child);
			watch->bytes += spot_bytes(child);
			spot->users++;
		}
		spot = child;
	}
	spot->users++;
	return spot;
}

/* One user less; spots without any go, up to the first that has one. */
static void
spot_release(struct watch *watch, struct watch_spot *spot)
{
	spot->users--;
	while (spot->users == 0 && spot->parent != NULL) {
		struct watch_spot *parent = spot->parent;

		names_remove(&parent->children, &spot->link);
		watch->bytes -= spot_bytes(spot);
		free(spot);
		spot = parent;
		spot->users--;
	}
}

/* ---- watchers --------------------------------------------------------------- */

static struct watch_owner *
owner_find(const struct watch *watch, uint64_t number)
{
	struct hash_link *link = hash_find(&watch->owners, slice_of(&number, sizeof(number)));

	return link == NULL ? NULL : owner_of(link);
}

static struct watch_owner *
owner_take(struct watch *watch, uint64_t number)
{
	struct watch_owner *owner = owner_find(watch, number);

	if (owner != NULL)
		return owner;
	owner = xzalloc(sizeof(*owner));
	owner->number = number;
	LIST_INIT(&owner->watchers);
	TAILQ_INIT(&owner->behind);
	hash_insert(&watch->owners, &owner->link, slice_of(&number, sizeof(number)));
	return owner;
}

/* Out of its owner's list of those that may be given more. */
static void
unqueue(struct watch *watch, struct watcher *watcher)
{
	struct watch_owner *owner = watcher->owner;

	TAILQ_REMOVE(&owner->behind, watcher, of_behind);
	if (TAILQ_EMPTY(&owner->behind))
		TAILQ_REMOVE(&watch->lagging, owner, of_lagging);
}

static void
queue(struct watch *watch, struct watcher *watcher)
{
	struct watch_owner *owner = watcher->owner;

	if (TAILQ_EMPTY(&owner->behind))
		TAILQ_INSERT_TAIL(&watch->lagging, owner, of_lagging);
	TAILQ_INSERT_TAIL(&owner->behind, watcher, of_behind);
	watcher->state = WATCHER_BEHIND;
}

/* It gets no more events: neither those that come nor those that were. */
static void
watcher_unlink(struct watch *watch, struct watcher *watcher)
{
	if (watcher->state == WATCHER_LIVE) {
		LIST_REMOVE(watcher, of_spot);
		watch->live--;
	}
	if (watcher->state == WATCHER_BEHIND)
		unqueue(watch, watcher);
	if (watcher->state == WATCHER_BEHIND || watcher->state == WATCHER_PAUSED)
		watch->behind--;
	watch->bytes -= watcher->past.key.size;
	watcher->owner->alone_bytes -= watcher->past.key.size;
	watcher->past.key = SLICE_EMPTY;
	blob_unref(&watcher->key_kept);
}

/* It waits for nothing and is named by no hit. */
static void
watcher_free(struct watch *watch, struct watcher *watcher)
{
	struct watch_owner *owner = watcher->owner;

	ASSERT(watcher->state == WATCHER_HIT || watcher->state == WATCHER_DROPPED);
	ASSERT(watcher->pending == 0);
	if (watcher->state != WATCHER_DROPPED)
		hash_remove(&watch->watchers, &watcher->link);
	LIST_REMOVE(watcher, of_owner);
	if (watcher->spot != NULL) {
		owner->alone_bytes -= watcher->spot->path_bytes;
		spot_release(watch, watcher->spot);
	}
	watch->bytes -= WATCHER_BYTES;
	owner->alone_bytes -= WATCHER_BYTES;
	free(watcher);
	owner->count--;
	if (LIST_EMPTY(&owner->watchers)) {
		hash_remove(&watch->owners, &owner->link);
		free(owner);
	}
}

static void
watcher_drop(struct watch *watch, struct watcher *watcher)
{
	watcher_unlink(watch, watcher);
	hash_remove(&watch->watchers, &watcher->link);
	watcher->state = WATCHER_DROPPED;
	if (watcher->pending == 0)
		watcher_free(watch, watcher);
}

void
watch_init(struct watch *watch, uint64_t seed)
{
	memset(watch, 0, sizeof(*watch));
	watch->seed = seed;
	watch->root = spot_new(seed, NULL, SLICE_EMPTY);
	hash_init(&watch->watchers, seed, watcher_match);
	hash_init(&watch->owners, seed, owner_match);
	TAILQ_INIT(&watch->lagging);
}

void
watch_move(struct watch *to, struct watch *from)
{
	struct watch moved = *to;

	ASSERT(to->watchers.count == 0);
	*to = *from;
	*from = moved;
	/* The first element of a queue points back at its head. */
	TAILQ_INIT(&from->lagging);
	if (TAILQ_EMPTY(&to->lagging))
		TAILQ_INIT(&to->lagging);
	else
		TAILQ_FIRST(&to->lagging)->of_lagging.tqe_prev = &to->lagging.tqh_first;
}

static void
release_hits(struct watch *watch)
{
	size_t i;

	for (i = 0; i < watch->hit_count; i++)
		blob_unref(&watch->hits[i].event);
	watch->hit_count = 0;
}

/* Forget a raw hit but for its event. */
static void
raw_forget(struct watch *watch, struct watch_raw_hit *raw)
{
	struct watcher *watcher = raw->watcher;

	watcher->pending--;
	if (watcher->pending == 0 &&
	    (watcher->state == WATCHER_HIT || watcher->state == WATCHER_DROPPED))
		watcher_free(watch, watcher);
}

void
watch_free(struct watch *watch)
{
	struct hash_link *link;
	size_t i;

	if (watch->root == NULL)
		return;
	for (i = 0; i < watch->raw_count; i++) {
		blob_unref(&watch->raw[i].event);
		raw_forget(watch, &watch->raw[i]);
	}
	while ((link = hash_first(&watch->watchers)) != NULL)
		watcher_drop(watch, watcher_of(link));
	release_hits(watch);
	hash_free(&watch->watchers);
	hash_free(&watch->owners);
	free(watch->root);
	free(watch->raw);
	free(watch->hits);
	free(watch->ids);
	free(watch->frames);
	memset(watch, 0, sizeof(*watch));
}

static void
raw_add(struct watch *watch, struct watcher *watcher, uint64_t store_index,
    enum store_hit_kind kind, struct blob *event, size_t cost)
{
	watch->raw = xgrow(watch->raw, &watch->raw_capacity, watch->raw_count + 1,
	    sizeof(*watch->raw));
	watch->raw[watch->raw_count++] = (struct watch_raw_hit){
		.store_index = store_index,
		.key = watcher->key,
		.kind = kind,
		.event = blob_ref(event),
		.cost = cost,
		.watcher = watcher,
	};
	watcher->owner->untaken += cost;
	watcher->pending++;
}

struct watcher *
watch_new(struct watch *watch, uint64_t owner, uint64_t id, unsigned flags)
{
	struct watcher *watcher = xzalloc(sizeof(*watcher));

	watch_drop(watch, owner, id);
	watcher->key = (struct watch_key){ owner, id };
	watcher->flags = (uint8_t)(flags & WATCH_FLAG_ALL);
	watcher->state = WATCHER_NEW;
	watcher->owner = owner_take(watch, owner);
	watcher->owner->count++;
	watcher->owner->alone_bytes += WATCHER_BYTES;
	watch->bytes += WATCHER_BYTES;
	LIST_INSERT_HEAD(&watcher->owner->watchers, watcher, of_owner);
	hash_insert(&watch->watchers, &watcher->link, key_slice(&watcher->key));
	return watcher;
}

void
watch_live(struct watch *watch, struct watcher *watcher, struct slice key, uint64_t since,
    uint64_t store_index)
{
	struct watch_spot *spot = spot_take(watch, key);

	ASSERT(watcher->state == WATCHER_NEW || watcher->state == WATCHER_BEHIND);
	if (watcher->state == WATCHER_BEHIND)
		raw_add(watch, watcher, store_index, HIT_LIVE, NULL, 0);
	watcher_unlink(watch, watcher);
	watcher->spot = spot;
	watcher->owner->alone_bytes += spot->path_bytes;
	watcher->since = since;
	watcher->state = WATCHER_LIVE;
	if ((watcher->flags & WATCH_FLAG_RECURSIVE) != 0)
		LIST_INSERT_HEAD(&spot->recursive, watcher, of_spot);
	else
		LIST_INSERT_HEAD(&spot->exact, watcher, of_spot);
	watch->live++;
}

void
watch_drop(struct watch *watch, uint64_t owner, uint64_t id)
{
	struct watch_key key = { owner, id };
	struct hash_link *link = hash_find(&watch->watchers, key_slice(&key));

	if (link != NULL)
		watcher_drop(watch, watcher_of(link));
}

void
watch_drop_all(struct watch *watch, uint64_t owner_number)
{
	struct watch_owner *owner = owner_find(watch, owner_number);
	struct watcher *watcher, *next;

	if (owner == NULL)
		return;
	/* The owner goes with its last watcher, but next was read before. */
	for (watcher = LIST_FIRST(&owner->watchers); watcher != NULL; watcher = next) {
		next = LIST_NEXT(watcher, of_owner);
		if (watcher->state != WATCHER_DROPPED)
			watcher_drop(watch, watcher);
	}
}

/* ---- hits ------------------------------------------------------------------- */

static void
watcher_end(struct watch *watch, struct watcher *watcher)
{
	watcher_unlink(watch, watcher);
	watcher->state = WATCHER_HIT;
}

void
watch_hit(struct watch *watch, struct watcher *watcher, const struct event *event, size_t cost)
{
	raw_add(watch, watcher, event->store_index, HIT_EVENT, event->record, cost);
	if ((watcher->flags & WATCH_FLAG_STREAM) == 0)
		watcher_end(watch, watcher);
}

static void
hit_list(struct watch *watch, struct watcher_list *list, const struct event *event)
{
	struct watcher *watcher, *next;

	for (watcher = LIST_FIRST(list); watcher != NULL; watcher = next) {
		next = LIST_NEXT(watcher, of_spot);
		if (watcher->since <= event->store_index)
			watch_hit(watch, watcher, event, 0);
	}
}

static void
frame_push(struct watch *watch, size_t *count, struct name_link *link, const struct tree_node *dir)
{
	if (link == NULL)
		return;
	watch->frames = xgrow(watch->frames, &watch->frame_capacity, *count + 1,
	    sizeof(*watch->frames));
	watch->frames[(*count)++] = (struct watch_frame){ link, dir };
}

/* Hit all who watch below spot; only what is below dir, unless that is NULL. */
static void
hit_below(struct watch *watch, struct watch_spot *spot, const struct tree_node *dir,
    const struct event *event)
{
	size_t count = 0;

	frame_push(watch, &count, spot->children, dir);
	while (count > 0) {
		struct watch_frame frame = watch->frames[--count];
		struct watch_spot *child = spot_of(frame.link);
		const struct tree_node *node = NULL;

		frame_push(watch, &count, frame.link->left, frame.dir);
		frame_push(watch, &count, frame.link->right, frame.dir);
		if (frame.dir != NULL) {
			node = tree_child(frame.dir, name_of(frame.link));
			if (node == NULL)
				continue;
		}
		hit_list(watch, &child->exact, event);
		hit_list(watch, &child->recursive, event);
		frame_push(watch, &count, child->children, node);
	}
}

/* Hit who watches the event's key or recursively above it; hidden is where the
 * last hidden name begins that hides. Returns the spot of the key or NULL. */
static struct watch_spot *
hit_along(struct watch *watch, const struct event *event, size_t hidden)
{
	struct watch_spot *spot = watch->root;
	struct path_names names = path_names(event->key);
	struct slice name;
	size_t seen = 0;		/* bytes of the path that lead to spot */

	while (path_next(&names, &name)) {
		if (hidden <= seen)
			hit_list(watch, &spot->recursive, event);
		spot = spot_child(spot, name);
		if (spot == NULL)
			return NULL;
		seen = (size_t)(names.at - event->key.data);
	}
	hit_list(watch, &spot->exact, event);
	hit_list(watch, &spot->recursive, event);
	return spot;
}

void
watch_deliver(struct watch *watch, const struct event *event, const struct tree_node *removed)
{
	struct watch_spot *spot;

	if (watch->live == 0)
		return;
	spot = hit_along(watch, event, path_last_hidden(event->key));
	if (spot != NULL && removed != NULL)
		hit_below(watch, spot, removed, event);
}

void
watch_deliver_past(struct watch *watch, const struct event *event)
{
	struct watch_spot *spot = hit_along(watch, event, 0);

	if (spot != NULL && event_removes_dir(event))
		hit_below(watch, spot, NULL, event);
}

static const void *
spot_above(const void *place, struct slice *name)
{
	const struct watch_spot *spot = place;

	*name = name_of(&spot->link);
	return spot->parent;
}

void
watch_clear_before(struct watch *watch, uint64_t first, uint64_t store_index,
    bool (*missed)(void *argument, struct slice key, uint64_t since), void *argument)
{
	const struct hash_link *link;
	struct buf path = BUF_INIT;

	for (link = hash_first(&watch->watchers); link != NULL;
	    link = hash_next(&watch->watchers, link)) {
		struct watcher *watcher = watcher_of(link);

		if (watcher->state != WATCHER_LIVE || watcher->since >= first ||
		    !missed(argument, path_build(&path, watcher->spot, spot_above), watcher->since))
			continue;
		watch_clear(watch, watcher, store_index);
	}
	buf_free(&path);
}

/* ---- those that are given the past ------------------------------------------- */

void
watch_behind(struct watch *watch, struct watcher *watcher, struct slice key, uint64_t next,
    uint64_t asked_at)
{
	ASSERT(watcher->state == WATCHER_NEW);
	watcher->key_kept = blob_new(key);
	watcher->past = (struct watch_past){
		.key = blob_slice(watcher->key_kept),
		.flags = watcher->flags,
		.next = next,
		.asked_at = asked_at,
	};
	watch->bytes += key.size;
	watcher->owner->alone_bytes += key.size;
	watch->behind++;
	queue(watch, watcher);
}

bool
watch_may_catch_up(const struct watch *watch, const struct store_catch_up *how)
{
	const struct watch_owner *owner;

	TAILQ_FOREACH(owner, &watch->lagging, of_lagging)
		if (owner->untaken < how->untaken_max &&
		    how->has_room(how->argument, owner->number))
			return true;
	return false;
}

void
watch_ask_room(struct watch *watch, const struct store_catch_up *how)
{
	struct watch_owner *owner;

	TAILQ_FOREACH(owner, &watch->lagging, of_lagging)
		owner->has_room = how->has_room(how->argument, owner->number);
}

struct watch_owner *
watch_next_owner(struct watch *watch, size_t untaken_max)
{
	struct watch_owner *owner;

	TAILQ_FOREACH(owner, &watch->lagging, of_lagging)
		if (owner->has_room && owner->untaken < untaken_max)
			break;
	if (owner == NULL)
		return NULL;
	TAILQ_REMOVE(&watch->lagging, owner, of_lagging);
	TAILQ_INSERT_TAIL(&watch->lagging, owner, of_lagging);
	return owner;
}

struct watcher *
watch_first_behind(const struct watch_owner *owner)
{
	return TAILQ_FIRST(&owner->behind);
}

void
watch_to_back(struct watcher *watcher)
{
	struct watch_owner *owner = watcher->owner;

	ASSERT(watcher->state == WATCHER_BEHIND);
	TAILQ_REMOVE(&owner->behind, watcher, of_behind);
	TAILQ_INSERT_TAIL(&owner->behind, watcher, of_behind);
}

void
watch_taken(struct watch *watch, uint64_t number, uint64_t bytes)
{
	struct watch_owner *owner = owner_find(watch, number);

	/* It may have gone, and come again, meanwhile. */
	if (owner != NULL)
		owner->untaken -= MIN_OF(owner->untaken, bytes);
}

struct watch_past *
watch_past(struct watcher *watcher)
{
	ASSERT(watcher->state == WATCHER_BEHIND);
	return &watcher->past;
}

void
watch_pause(struct watch *watch, struct watcher *watcher)
{
	ASSERT(watcher->state == WATCHER_BEHIND);
	unqueue(watch, watcher);
	watcher->state = WATCHER_PAUSED;
}

void
watch_go_on(struct watch *watch, uint64_t owner, uint64_t id)
{
	struct watch_key key = { owner, id };
	struct hash_link *link = hash_find(&watch->watchers, key_slice(&key));

	if (link == NULL || watcher_of(link)->state != WATCHER_PAUSED)
		return;
	watcher_of(link)->past.given = 0;
	queue(watch, watcher_of(link));
}

void
watch_clear(struct watch *watch, struct watcher *watcher, uint64_t store_index)
{
	raw_add(watch, watcher, store_index, HIT_CLEARED, NULL, 0);
	watcher_end(watch, watcher);
}

size_t
watch_owner_count(const struct watch *watch, uint64_t number)
{
	const struct watch_owner *owner = owner_find(watch, number);

	return owner == NULL ? 0 : owner->count;
}

size_t
watch_owner_bytes(const struct watch *watch, uint64_t number)
{
	const struct watch_owner *owner = owner_find(watch, number);

	return owner == NULL ? 0 : owner->alone_bytes;
}

/* ---- taking them --------------------------------------------------------------- */

static int
compare_raw(const void *a, const void *b)
{
	const struct watch_raw_hit *x = a, *y = b;
	const struct watch_key *key_x = &x->key, *key_y = &y->key;

	if (x->store_index != y->store_index)
		return x->store_index < y->store_index ? -1 : 1;
	if (x->kind != y->kind)
		return x->kind < y->kind ? -1 : 1;
	if (key_x->owner != key_y->owner)
		return key_x->owner < key_y->owner ? -1 : 1;
	return key_x->id < key_y->id ? -1 : key_x->id > key_y->id;
}

/* Add a raw hit, which comes in sorted order, to what is given out. */
static void
give(struct watch *watch, const struct watch_raw_hit *raw, struct blob *event, size_t id_at)
{
	const struct watch_key *key = &raw->key;
	struct store_hit *hit = NULL;

	if (watch->hit_count > 0)
		hit = &watch->hits[watch->hit_count - 1];
	/* One event is one blob, so the same blob means the same index. */
	if (hit == NULL || hit->owner != key->owner || hit->event != event ||
	    hit->kind != raw->kind) {
		watch->hits = xgrow(watch->hits, &watch->hit_capacity, watch->hit_count + 1,
		    sizeof(*watch->hits));
		hit = &watch->hits[watch->hit_count++];
		*hit = (struct store_hit){
			.owner = key->owner,
			.kind = raw->kind,
			.event = blob_ref(event),
			.ids = &watch->ids[id_at],
		};
	}
	watch->ids[id_at] = key->id;
	hit->id_count++;
	hit->past_bytes += raw->cost;
}

size_t
watch_take(struct watch *watch, const struct store_hit **hits)
{
	size_t id_count = 0;
	size_t i;

	release_hits(watch);
	if (watch->raw_count > 0)
		qsort(watch->raw, watch->raw_count, sizeof(*watch->raw), compare_raw);
	/* Room for all ids at once: hits point into the array. */
	watch->ids = xgrow(watch->ids, &watch->id_capacity, watch->raw_count,
	    sizeof(*watch->ids));
	for (i = 0; i < watch->raw_count; i++) {
		struct watch_raw_hit *raw = &watch->raw[i];

		if (raw->watcher->state != WATCHER_DROPPED)
			give(watch, raw, raw->event, id_count++);
		else
			watch_taken(watch, raw->key.owner, raw->cost);
		blob_unref(&raw->event);
		raw_forget(watch, raw);
	}
	watch->raw_count = 0;
	*hits = watch->hits;
	return watch->hit_count;
}
