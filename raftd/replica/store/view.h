/*
 * view.h - a listing as it was at one store index, read in pieces.
 *
 * A view is opened by a read whose answer is too big for one turn. It walks the
 * tree in the order of listings and stands still between two pieces, by path and
 * not by pointer, while writes go on. What a write is about to change that the
 * view has not passed yet is kept for it first (view_changing, view_removed), so
 * that all pieces together show the tree of the store index it was opened at:
 *
 *	created later		left out: its created index is above the view's
 *	changed later		as it was kept, before the change
 *	removed later		the same; of a directory, what was in it is held
 *				(doomed.h) and walked where it stood
 *
 * What is kept counts in bytes, a held directory as VIEW_HELD_BYTES; a view for
 * which more than VIEW_KEPT_BYTES_MAX would have to be kept is lost, and says so at
 * its next piece; and of all, when that is more than VIEWS_KEPT_BYTES_MAX, the one
 * with the most. What a held directory weighs is bounded for all together: above twice
 * the tree and VIEWS_HELD_BYTES_MAX the oldest view that holds one is lost, at the next
 * removal. So is one whose store is replaced (store_adopt) or freed.
 *
 * Not replicated. Owned by who opened it (query.c); the store knows all open
 * ones. Deterministic; no clock, no I/O.
 */
#ifndef MOOTHALL_RAFTD_REPLICA_STORE_VIEW_H
#define MOOTHALL_RAFTD_REPLICA_STORE_VIEW_H

#include "common/buf.h"
#include "common/err.h"
#include "raftd/replica/store/store.h"

struct store_view;

enum view_state {
	VIEW_MORE,		/* there is more to read */
	VIEW_END,		/* the last byte was given out */
	VIEW_LOST,		/* too much had to be kept, or the store is gone: no more comes */
};

/*
 * Open a view of what store_get would answer now; the counters count it as one get.
 *
 *	flags	READ_FLAG_*
 *	now_ns	the time that the answer's ttl is counted from
 *
 * ERR_NONE with *view owned by the caller; or an API error with *cause set
 * (returned owned or NULL).
 */
enum err store_view_open(struct store *store, struct slice key, unsigned flags, uint64_t now_ns,
    struct store_view **view, struct blob **cause) MUST_CHECK;

/*
 * Append the next piece. All pieces in a row are one event_record (action get)
 * whose nodes' length reads UINT32_MAX, since it is not known in advance; they may
 * be cut anywhere, in the middle of a value, too.
 *
 *	out		without a limit, or with room for bytes_max
 *	bytes_max	no more than that is appended
 *	steps_max	nodes looked at, those that are hidden too, and one with a long
 *			path counts as several; >= 1
 *
 * VIEW_MORE may come with nothing appended: steps were used up.
 */
enum view_state store_view_read(struct store_view *view, struct buf *out, size_t bytes_max,
    size_t steps_max) MUST_CHECK;

/* The store index it shows. */
uint64_t store_view_index(const struct store_view *view);

/* At any time, also after store_free. Accepts NULL in *view. */
void store_view_close(struct store_view **view);

/* ---- for the store itself ------------------------------------------------------ */

struct doomed;
struct tree_node;

/* The node of that path, still in the tree, is about to be changed or removed. */
void view_changing(struct store *store, const struct tree_node *node, struct slice path);
/* The directory that was at that path is taken out of the tree, with what is in it;
 * view_changing was called for it before. */
void view_removed(struct store *store, struct doomed *doomed, struct slice path);
/* No view can be read on. */
void view_lose_all(struct store *store);

#endif
