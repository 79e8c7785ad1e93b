/*
 * view.c - a listing as it was at one store index, read in pieces.
 *
 * Owns the views. Called by query.c to read, and by write.c before it changes what
 * an open view may still have to show.
 *
 * The cursor is the path of the node that was looked at last; what comes up to it in
 * the order of listings is passed, the rest is not. While a view is read nothing
 * changes, so it walks the tree by pointers; the next reading finds the way again by
 * the cursor's names [seek]. The walk is a merge of two sequences in the same order:
 *
 *	the walk	the tree, and the removed directories that it enters
 *	the overlay	nodes as they were before their first change, by path
 *
 * At one path the overlay's entry wins. What only the walk has is shown as it is,
 * unless it is younger than the view: then it is no part of it, nor what is below.
 * Why that is enough: a node that is not younger was there at the view's index, at
 * the same path, as was every directory above; and it has not been changed since, or
 * it had an entry.
 *
 * The last record may have been given out in part. Its rest is in the view itself,
 * so it counts as passed.
 */
#include "raftd/replica/store/view.h"

#include "common/xmem.h"
#include "raftd/replica/store/overlay.h"
#include "raftd/replica/store/path.h"
#include "raftd/replica/store/store_priv.h"

#include <stdlib.h>

#define RECORD_ROOM 64			/* a node_record without key and value is smaller */
#define RECORD_LENGTH_BYTES 4		/* of its value, before it */
#define RECORD_TAIL_BYTES 24		/* modified, created, expire_at_ns: behind its value */
#define LOOK_BYTES 1024			/* of a path: that many more are another step */

/* A record that is given out in parts: text up to value_at, the value, the rest of text. */
struct part {
	struct buf text;
	size_t value_at;
	struct blob *value;
	size_t given;			/* bytes of all that are out */
	size_t counted;			/* bytes of the value that only this view keeps */
};

struct store_view {
	TAILQ_ENTRY(store_view) link;
	struct store *store;		/* NULL: at its end, or lost */
	enum view_state state;
	uint64_t index;
	bool recursive;
	struct buf top;			/* path of the node asked for; here the root's is empty */
	struct buf top_key;		/* overlay.h's keys of paths */
	bool begun;			/* there is a cursor */
	struct buf path;		/* of the cursor */
	struct buf key;
	bool enters;			/* what is in the cursor's node comes next */
	struct overlay overlay;
	struct part part;
	struct buf room;		/* to build a key in */
};

/* ---- life --------------------------------------------------------------------- */

/* There is no more to be read: end or lost. */
static void
finish(struct store_view *view, enum view_state state)
{
	overlay_clear(&view->overlay, &view->store->doomed);
	TAILQ_REMOVE(&view->store->views, view, link);
	view->store = NULL;
	view->state = state;
	buf_free(&view->top);
	buf_free(&view->top_key);
	buf_free(&view->path);
	buf_free(&view->key);
	buf_free(&view->part.text);
	blob_unref(&view->part.value);
	buf_free(&view->room);
}

enum err
store_view_open(struct store *store, struct slice key, unsigned flags, uint64_t now_ns,
    struct store_view **result, struct blob **cause)
{
	struct tree_search search;
	struct store_view *view;
	struct buf *text;

	*cause = NULL;
	if (!path_is_canonical(key))
		return ERR_INTERNAL;
	search = tree_find(&store->tree, key);
	stats_get(&store->stats, search.error == ERR_NONE);
	if (search.error != ERR_NONE) {
		*cause = store_search_cause(key, &search);
		return search.error;
	}
	view = xzalloc(sizeof(*view));
	view->store = store;
	TAILQ_INSERT_TAIL(&store->views, view, link);
	view->state = VIEW_MORE;
	view->index = store->index;
	view->recursive = (flags & READ_FLAG_RECURSIVE) != 0;
	view->overlay.seed = store->tree.seed;
	if (!path_is_root(key))
		buf_append_slice(&view->top, key);
	overlay_key_put(&view->top_key, buf_slice(&view->top));
	text = &view->part.text;
	view->part.value_at = event_begin(text, ACTION_GET, 0, store->index, now_ns);
	/* How much follows the length is not known. */
	memset(text->data + text->size - RECORD_LENGTH_BYTES, 0xff, RECORD_LENGTH_BYTES);
	*result = view;
	return ERR_NONE;
}

uint64_t
store_view_index(const struct store_view *view)
{
	return view->index;
}

void
store_view_close(struct store_view **view)
{
	if (*view == NULL)
		return;
	if ((*view)->store != NULL)
		finish(*view, VIEW_END);
	free(*view);
	*view = NULL;
}

void
view_lose_all(struct store *store)
{
	while (!TAILQ_EMPTY(&store->views))
		finish(TAILQ_FIRST(&store->views), VIEW_LOST);
}

/* The names of a path behind its first size bytes, which are the path of a directory
 * above it or its own. */
static struct path_names
names_below(struct slice path, size_t size)
{
	/* An empty path may be NULL, to which nothing may be added. */
	if (path.size == size)
		return (struct path_names){ NULL, NULL };
	return (struct path_names){ path.data + size, path.data + path.size };
}

/* ---- what writes are about to change ------------------------------------------------ */

/* Is it shown by the view, if there is a node at that path? */
static bool
covers(const struct store_view *view, struct slice path)
{
	size_t top_size = view->top.size;

	if (top_size > 0 && !path_is_at_or_below(path, buf_slice(&view->top)))
		return false;
	if (path_last_hidden(path) > top_size)
		return false;
	return view->recursive || path.size <= top_size + 1 ||
	    memchr(path.data + top_size + 1, '/', path.size - top_size - 1) == NULL;
}

static bool
is_passed(const struct store_view *view, struct slice key)
{
	return view->begun && slice_compare(key, buf_slice(&view->key)) <= 0;
}

static void
keep_node(struct store_view *view, const struct tree_node *node, struct slice path,
    struct slice key)
{
	if (node->created > view->index || !covers(view, path))
		return;
	if (!is_passed(view, key)) {
		if (overlay_find(&view->overlay, key) == NULL)
			overlay_describe(&view->overlay, overlay_add(&view->overlay, key), node);
	} else if (view->part.value != NULL && slice_equal(key, buf_slice(&view->key))) {
		view->part.counted = view->part.value->size;
	}
}

/* Keep what is in a directory that is out of the tree. */
static void
keep_children(struct store_view *view, struct doomed *doomed, struct tree_node *dir,
    struct slice path, struct slice key)
{
	struct slice cursor = buf_slice(&view->key);
	struct kept_node *kept;

	if (dir->created > view->index || !tree_is_dir(dir) || !covers(view, path) ||
	    (!view->recursive && key.size > view->top_key.size))
		return;
	if (is_passed(view, key) && (!overlay_key_is_at_or_below(cursor, key) ||
	    (cursor.size == key.size && !view->enters)))
		return;
	kept = overlay_find(&view->overlay, key);
	if (kept == NULL)
		kept = overlay_add(&view->overlay, key);
	overlay_hold(&view->overlay, kept, &view->store->doomed, doomed, dir);
}

static size_t
kept_bytes(const struct store_view *view)
{
	return view->overlay.bytes + view->part.counted;
}

/* Lose each view for which too much is kept; and while that is too much for all
 * together, the one with the most. */
static void
bound(struct store *store)
{
	struct store_view *view, *next, *most;
	size_t all;

	for (view = TAILQ_FIRST(&store->views); view != NULL; view = next) {
		next = TAILQ_NEXT(view, link);
		if (kept_bytes(view) > VIEW_KEPT_BYTES_MAX)
			finish(view, VIEW_LOST);
	}
	for (;;) {
		all = 0;
		most = NULL;
		TAILQ_FOREACH(view, &store->views, link) {
			all += kept_bytes(view);
			if (most == NULL || kept_bytes(view) > kept_bytes(most))
				most = view;
		}
		if (all <= VIEWS_KEPT_BYTES_MAX)
			break;
		finish(most, VIEW_LOST);
	}
}

/* The oldest view that holds a directory, or NULL. */
static struct store_view *
first_holder(struct store *store)
{
	struct store_view *view;

	TAILQ_FOREACH(view, &store->views, link)
		if (view->overlay.held > 0)
			break;
	return view;
}

/*
 * What a removed directory weighs is not known without counting what is in it, which
 * takes too long here. But the weight of all nodes is known, in the tree or not. With
 * the bound that views may hold as much again as the tree was when the first of them
 * held something, and VIEWS_HELD_BYTES_MAX, one that goes on for long cannot keep one
 * generation of a tree after the other: above that the oldest lets go. One at a time,
 * since what it held is freed later.
 */
static void
bound_held(struct store *store)
{
	struct store_view *view = first_holder(store);

	if (view != NULL && store->tree.bytes > 2 * store->views_base + VIEWS_HELD_BYTES_MAX)
		finish(view, VIEW_LOST);
}

void
view_changing(struct store *store, const struct tree_node *node, struct slice path)
{
	struct store_view *view;

	if (TAILQ_EMPTY(&store->views))
		return;
	buf_clear(&store->view_key);
	overlay_key_put(&store->view_key, path);
	TAILQ_FOREACH(view, &store->views, link)
		keep_node(view, node, path, buf_slice(&store->view_key));
	bound(store);
}

/* The node where the view begins, which is below that one; NULL: there is none. */
static struct tree_node *
find_top(const struct store_view *view, struct tree_node *node, struct slice path)
{
	struct path_names names = names_below(buf_slice(&view->top), path.size);
	struct slice name;

	while (node != NULL && path_next(&names, &name))
		node = tree_child(node, name);
	return node;
}

void
view_removed(struct store *store, struct doomed *doomed, struct slice path)
{
	struct store_view *view;

	if (TAILQ_EMPTY(&store->views))
		return;
	if (first_holder(store) == NULL)
		store->views_base = store->tree.bytes;
	buf_clear(&store->view_key);
	overlay_key_put(&store->view_key, path);
	TAILQ_FOREACH(view, &store->views, link) {
		struct slice key = buf_slice(&store->view_key);
		struct slice top = buf_slice(&view->top);
		struct tree_node *node = doomed_top(doomed);

		if (!path_is_below(top, path)) {
			keep_children(view, doomed, node, path, key);
		} else if ((node = find_top(view, node, path)) != NULL) {
			key = buf_slice(&view->top_key);
			keep_node(view, node, top, key);
			keep_children(view, doomed, node, top, key);
		}
	}
	bound(store);
	bound_held(store);
}

/* ---- a record in parts ------------------------------------------------------------- */

static bool
part_is_out(const struct part *part)
{
	return part->given == part->text.size + blob_slice(part->value).size;
}

/* Nothing of the record is out yet. */
static void
part_begin(struct part *part, const struct node_record *record, struct blob *value)
{
	struct node_record empty = *record;
	struct buf *text = &part->text;
	size_t i;

	buf_clear(text);
	empty.value = SLICE_EMPTY;
	node_record_put(text, &empty);
	part->value_at = text->size - RECORD_TAIL_BYTES;
	for (i = 0; i < RECORD_LENGTH_BYTES; i++)
		text->data[part->value_at - RECORD_LENGTH_BYTES + i] =
		    (uint8_t)(record->value.size >> (8 * i));
	part->value = blob_ref(value);
	part->given = 0;
}

/* Append of bytes, but for the first *skip of them, up to *left; both go down. */
static void
give(struct buf *out, struct slice bytes, size_t *skip, size_t *left)
{
	size_t begun = MIN_OF(*skip, bytes.size);
	size_t size = MIN_OF(bytes.size - begun, *left);

	*skip -= begun;
	*left -= size;
	if (size > 0)
		buf_append(out, bytes.data + begun, size);
}

static void
part_give(struct part *part, struct buf *out, size_t *left)
{
	struct slice text = buf_slice(&part->text);
	size_t skip = part->given, before = *left;

	if (part_is_out(part))
		return;
	give(out, slice_of(text.data, part->value_at), &skip, left);
	give(out, blob_slice(part->value), &skip, left);
	give(out, slice_of(text.data + part->value_at, text.size - part->value_at), &skip, left);
	part->given += before - *left;
	if (part_is_out(part)) {
		blob_unref(&part->value);
		buf_recycle(&part->text, KIB);
		part->value_at = 0;
		part->given = 0;
		part->counted = 0;
	}
}

/* ---- the walk ----------------------------------------------------------------------- */

/* Where the reading is. */
struct pass {
	struct store_view *view;
	struct tree_walk *walk;
	struct kept_node *ahead;		/* the overlay's next entry, or NULL */
	bool enters;			/* the node looked at last */
};

static struct tree_node *
unless_younger(const struct store_view *view, struct tree_node *node)
{
	return node == NULL || node->created > view->index ? NULL : node;
}

/* The node where the view begins, with what was in it; NULL: it is in the tree no
 * more, and nothing was in it. */
static struct tree_node *
top_node(const struct store_view *view)
{
	struct kept_node *kept = overlay_find(&view->overlay, buf_slice(&view->top_key));
	struct slice path = view->top.size == 0 ? SLICE_LITERAL("/") : buf_slice(&view->top);
	struct tree_search search;

	if (kept != NULL && kept->dir != NULL)
		return kept->dir;
	search = tree_find(&view->store->tree, path);
	return search.error == ERR_NONE ? unless_younger(view, search.node) : NULL;
}

/* Put on the walk's stack what comes behind the cursor, from the top down to it. */
static void
seek(struct store_view *view, struct tree_walk *walk)
{
	struct slice path = buf_slice(&view->path);
	struct path_names names = names_below(path, view->top.size);
	struct tree_node *node = top_node(view);
	uint32_t depth = 1, size = (uint32_t)view->top.size;
	/* Up to the cursor, entries are left only of directories that it is in. */
	struct kept_node *kept = overlay_after(&view->overlay, buf_slice(&view->top_key));
	struct slice name;

	for (; path_next(&names, &name); depth++) {
		if (node != NULL && tree_is_dir(node))
			tree_walk_add(walk, node, name, depth, size);
		size = (uint32_t)(names.at - path.data);
		if (kept != NULL && kept->link.size == size &&
		    slice_starts_with(buf_slice(&view->key), kept_key(kept))) {
			node = kept->dir;
			kept = overlay_after(&view->overlay, kept_key(kept));
		} else if (node != NULL) {
			node = unless_younger(view, tree_child(node, name));
		}
	}
	if (view->enters && node != NULL && tree_is_dir(node))
		tree_walk_add(walk, node, SLICE_EMPTY, depth, size);
}

static void
pass_begin(struct pass *pass, struct store_view *view)
{
	struct tree_walk *walk = &view->store->walk;
	struct tree_node *top;

	*pass = (struct pass){ .view = view, .walk = walk, .enters = view->enters };
	tree_walk_clear(walk);
	if (!view->begun) {
		/* In the overlay, the top is where everything below comes behind. */
		pass->ahead = overlay_find(&view->overlay, buf_slice(&view->top_key));
		if (pass->ahead == NULL)
			pass->ahead = overlay_after(&view->overlay, buf_slice(&view->top_key));
		top = top_node(view);
		tree_walk_stand(walk, buf_slice(&view->top), 0);
		if (top != NULL)
			tree_walk_begin(walk, top, buf_slice(&view->top));
		return;
	}
	pass->ahead = overlay_after(&view->overlay, buf_slice(&view->key));
	tree_walk_stand(walk, buf_slice(&view->path), 0);
	seek(view, walk);
}

/* The order of the walk's next node and the overlay's next entry; below zero if only
 * the walk has one, above if only the overlay. */
static int
pass_order(struct pass *pass)
{
	const struct tree_walk *walk = pass->walk;
	struct buf *key = &pass->view->room;
	const struct tree_step *step;

	if (pass->ahead == NULL)
		return -1;
	if (walk->count == 0)
		return 1;
	step = &walk->steps[walk->count - 1];
	buf_clear(key);
	if (step->depth == 0) {
		overlay_key_put(key, buf_slice(&walk->path));
	} else {
		overlay_key_put(key, slice_of(walk->path.data, step->path_size));
		buf_append_byte(key, 0);
		overlay_key_put(key, name_of(&step->node->link));
	}
	return slice_compare(buf_slice(key), kept_key(pass->ahead));
}

/* Stand at an entry's path, of which the walk knows nothing. */
static void
stand_at(struct pass *pass, const struct kept_node *kept)
{
	struct slice key = kept_key(kept);
	struct buf *path = &pass->view->room;
	uint32_t depth = 0;
	size_t i;

	for (i = pass->view->top_key.size; i < key.size; i++)
		depth += key.data[i] == 0;
	buf_clear(path);
	overlay_path_put(path, key);
	tree_walk_stand(pass->walk, buf_slice(path), depth);
}

/* What a look found. */
struct sight {
	bool shown;
	struct node_record record;
	struct blob *value;		/* of record, borrowed */
	bool value_is_kept;		/* by the overlay only, perhaps */
};

/* Look at the next node; false: there is none. */
static bool
look(struct pass *pass, struct sight *sight)
{
	struct store_view *view = pass->view;
	struct tree_walk *walk = pass->walk;
	struct kept_node *kept = NULL;
	struct tree_node *node = NULL;
	int order = pass_order(pass);
	uint32_t depth;

	memset(sight, 0, sizeof(*sight));
	if (order >= 0) {
		kept = pass->ahead;
		ASSERT(kept->described);
		pass->ahead = overlay_after(&view->overlay, kept_key(kept));
	}
	if (order > 0)
		stand_at(pass, kept);
	else if ((node = tree_walk_next(walk)) == NULL)
		return false;
	depth = walk->current.depth;
	pass->enters = false;
	if (kept != NULL) {
		sight->record = (struct node_record){
			.flags = kept->flags,
			.value = blob_slice(kept->value),
			.modified = kept->modified,
			.created = kept->created,
			.expire_at_ns = kept->expire_at_ns,
		};
		sight->value = kept->value;
		sight->value_is_kept = true;
		node = kept->dir != NULL ? kept->dir : unless_younger(view, node);
	} else if (node->created > view->index ||
	    (depth > 0 && path_name_is_hidden(name_of(&node->link)))) {
		return true;
	} else {
		sight->record = tree_describe(node, SLICE_EMPTY, 0);
		sight->value = tree_is_dir(node) ? NULL : node->value;
	}
	sight->shown = true;
	sight->record.key = tree_walk_path(walk);
	sight->record.depth = (uint16_t)depth;
	pass->enters = (sight->record.flags & NODE_DIR) != 0 && (depth == 0 || view->recursive);
	if (pass->enters && node != NULL && tree_is_dir(node))
		tree_walk_add(walk, node, SLICE_EMPTY, depth + 1, (uint32_t)walk->path.size);
	return true;
}

/* The cursor is where the walk is; forget what is passed by that. */
static void
pass_end(struct pass *pass)
{
	struct store_view *view = pass->view;
	struct kept_node *kept = overlay_find(&view->overlay, buf_slice(&view->top_key));
	struct slice cursor;

	view->begun = true;
	view->enters = pass->enters;
	buf_clear(&view->path);
	buf_append_slice(&view->path, buf_slice(&pass->walk->path));
	buf_clear(&view->key);
	overlay_key_put(&view->key, buf_slice(&view->path));
	cursor = buf_slice(&view->key);
	if (kept == NULL)
		kept = overlay_after(&view->overlay, buf_slice(&view->top_key));
	while (kept != NULL && slice_compare(kept_key(kept), cursor) <= 0) {
		struct kept_node *next = overlay_after(&view->overlay, kept_key(kept));
		bool is_in = overlay_key_is_at_or_below(cursor, kept_key(kept)) &&
		    (kept->link.size < cursor.size || view->enters);

		if (kept->dir == NULL || !is_in)
			overlay_drop(&view->overlay, kept, &view->store->doomed);
		kept = next;
	}
}

/* What one look costs, in steps. */
static size_t
cost(const struct pass *pass)
{
	return 1 + pass->walk->path.size / LOOK_BYTES;
}

/* Append the record; false if a part of it has to wait. */
static bool
show(struct store_view *view, const struct sight *sight, struct buf *out, size_t *left)
{
	const struct node_record *record = &sight->record;
	size_t before = out->size;

	if (record->key.size + record->value.size + RECORD_ROOM <= *left) {
		node_record_put(out, record);
		*left -= out->size - before;
		return true;
	}
	part_begin(&view->part, record, sight->value);
	part_give(&view->part, out, left);
	if (part_is_out(&view->part))
		return true;
	if (sight->value_is_kept)
		view->part.counted = record->value.size;
	return false;
}

enum view_state
store_view_read(struct store_view *view, struct buf *out, size_t bytes_max, size_t steps_max)
{
	size_t left = bytes_max, steps = 0;
	struct sight sight;
	struct pass pass;

	ASSERT(steps_max > 0);
	if (view->store == NULL)
		return view->state;
	part_give(&view->part, out, &left);
	if (!part_is_out(&view->part))
		return VIEW_MORE;
	pass_begin(&pass, view);
	while (steps < steps_max) {
		if (!look(&pass, &sight)) {
			finish(view, VIEW_END);
			return VIEW_END;
		}
		steps += cost(&pass);
		if (!sight.shown)
			continue;
		if (!show(view, &sight, out, &left))
			break;
	}
	pass_end(&pass);
	return VIEW_MORE;
}
