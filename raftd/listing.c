/*
 * listing.c - answers of reads that are too big for one message, piece by piece.
 *
 *	wanted --> sent		a piece is in the worker's channel	[views_turn]
 *	sent ----> wanted	the worker asks for the next		[views_more]
 *	any -----> over		the last piece; nobody wants more; the worker is gone;
 *				it is not read on, or what it shows changed too much
 *
 * A turn sends a few pieces, round robin, and none to a worker that has not taken
 * what waits for it: so neither a big listing nor many of them keep anything else
 * waiting. All pieces show the store index of the first one (store/view.h), for which
 * the store keeps what is changed meanwhile; so one that is not read on is not
 * kept for long, and less long while others wait for its place.
 */
#include "raftd/node_priv.h"

#include "common/xmem.h"
#include "raftd/replica/store/view.h"

#include <stdlib.h>

/* A piece behind which none is asked for within this time is the last one; */
#define PIECE_WAIT_MS 60000
/* if another listing waits for its place, within this. */
#define PIECE_WAIT_CROWDED_MS 2000

struct view_read {
	TAILQ_ENTRY(view_read) link;
	uint64_t session, request_id;
	struct store_view *view;
	uint64_t raft_index, raft_term;	/* when it was opened */
	bool wanted;			/* the next piece */
	uint64_t sent_ms;		/* when the last one was */
};

void
views_init(struct views *views)
{
	TAILQ_INIT(&views->list);
}

static void
view_free(struct views *views, struct view_read *read)
{
	TAILQ_REMOVE(&views->list, read, link);
	views->count--;
	store_view_close(&read->view);
	free(read);
}

void
views_free(struct views *views)
{
	while (!TAILQ_EMPTY(&views->list))
		view_free(views, TAILQ_FIRST(&views->list));
}

static struct view_read *
find(struct node *node, uint64_t session, uint64_t request_id)
{
	struct view_read *read;

	TAILQ_FOREACH(read, &node->views.list, link)
		if (read->session == session && read->request_id == request_id)
			return read;
	return NULL;
}

/* The rest of the answer is an error. */
static void
fail(struct node *node, struct view_read *read, const char *cause)
{
	node->io.outcome(node->io.argument, read->session, read->request_id,
	    &(struct node_outcome){
		.error = ERR_RAFT_INTERNAL,
		.cause = slice_text(cause),
		.store_index = store_index(node->replica->store),
		.raft_index = node->applied.index,
		.raft_term = raft_current_term(node->raft),
	    });
	view_free(&node->views, read);
}

/* Is there a place for one more of that session? The one that was not read on for
 * the longest time makes room, or will. */
static bool
has_place(struct node *node, uint64_t session, uint64_t *retry_ms)
{
	struct view_read *read, *oldest = NULL;
	size_t count = 0;

	TAILQ_FOREACH(read, &node->views.list, link) {
		if (read->session != session)
			continue;
		count++;
		if (!read->wanted && (oldest == NULL || read->sent_ms < oldest->sent_ms))
			oldest = read;
	}
	if (count < SESSION_VIEWS_MAX)
		return true;
	if (oldest == NULL)
		return false;
	if (node->now.monotonic_ms - oldest->sent_ms < PIECE_WAIT_CROWDED_MS) {
		*retry_ms = oldest->sent_ms + PIECE_WAIT_CROWDED_MS;
		return false;
	}
	fail(node, oldest, "the listing was read too slowly, others waited");
	return true;
}

bool
views_begin(struct node *node, const struct query *query, uint64_t *retry_ms)
{
	struct node_outcome outcome = {
		.store_index = store_index(node->replica->store),
		.raft_index = node->applied.index,
		.raft_term = raft_current_term(node->raft),
	};
	struct store_view *view;
	struct view_read *read;
	struct blob *cause = NULL;

	*retry_ms = UINT64_MAX;
	if (node->views.ending || !has_place(node, query->session, retry_ms))
		return false;
	outcome.error = store_view_open(node->replica->store,
	    slice_of(query->key, query->key_bytes), query->flags, node_time_ns(node), &view,
	    &cause);
	if (outcome.error != ERR_NONE) {
		/* It was there when it waited for a place. */
		outcome.cause = blob_slice(cause);
		node->io.outcome(node->io.argument, query->session, query->request_id, &outcome);
		blob_unref(&cause);
		return true;
	}
	read = xzalloc(sizeof(*read));
	read->session = query->session;
	read->request_id = query->request_id;
	read->view = view;
	read->raft_index = outcome.raft_index;
	read->raft_term = outcome.raft_term;
	read->wanted = true;
	TAILQ_INSERT_TAIL(&node->views.list, read, link);
	node->views.count++;
	return true;
}

void
views_more(struct node *node, uint64_t session, uint64_t request_id)
{
	struct view_read *read = find(node, session, request_id);

	/* None: it was given up, of which the worker hears, or has heard meanwhile. */
	if (read != NULL)
		read->wanted = true;
}

bool
views_stop(struct node *node, uint64_t session, uint64_t request_id)
{
	struct view_read *read = find(node, session, request_id);

	if (read == NULL)
		return false;
	view_free(&node->views, read);
	return true;
}

void
views_session_gone(struct node *node, uint64_t session)
{
	struct view_read *read, *next;

	for (read = TAILQ_FIRST(&node->views.list); read != NULL; read = next) {
		next = TAILQ_NEXT(read, link);
		if (read->session == session)
			view_free(&node->views, read);
	}
}

/* The next piece, or what a turn's share finds of it: behind many hidden names
 * there may be none yet. */
static void
send_piece(struct node *node, struct view_read *read)
{
	struct node_outcome outcome = {
		.store_index = store_view_index(read->view),
		.raft_index = read->raft_index,
		.raft_term = read->raft_term,
	};
	enum view_state state;

	buf_clear(&node->event);
	state = store_view_read(read->view, &node->event, node->config.answer_piece_bytes,
	    VIEW_PIECE_NODES);
	TAILQ_REMOVE(&node->views.list, read, link);
	TAILQ_INSERT_TAIL(&node->views.list, read, link);
	if (state == VIEW_LOST) {
		fail(node, read, "too much was changed while the listing was read");
		return;
	}
	if (state == VIEW_MORE && node->event.size == 0)
		return;
	outcome.event = buf_slice(&node->event);
	outcome.more = state == VIEW_MORE;
	node->io.outcome(node->io.argument, read->session, read->request_id, &outcome);
	read->wanted = false;
	read->sent_ms = node->now.monotonic_ms;
	if (state == VIEW_END)
		view_free(&node->views, read);
}

static bool
may_send(const struct node *node, const struct view_read *read)
{
	size_t most = MIN_OF(SESSION_PIECES_BYTES, node->config.session_answer_bytes);

	return read->wanted && node->io.queued(node->io.argument, read->session) < most;
}

void
views_turn(struct node *node)
{
	struct view_read *read, *next, *last = TAILQ_LAST(&node->views.list, view_read_list);
	unsigned pieces = 0;

	for (read = TAILQ_FIRST(&node->views.list); read != NULL; read = next) {
		bool is_last = read == last;

		next = TAILQ_NEXT(read, link);
		if (!read->wanted && node->now.monotonic_ms - read->sent_ms >= PIECE_WAIT_MS) {
			fail(node, read, "the listing was not read on");
		} else if (pieces < VIEW_TURN_PIECES && may_send(node, read)) {
			send_piece(node, read);
			pieces++;
		}
		/* Behind it are those that had their turn. */
		if (is_last)
			break;
	}
	buf_recycle(&node->event, 64 * KIB);
}

uint64_t
views_deadline(const struct node *node)
{
	const struct view_read *read;
	uint64_t due = UINT64_MAX;

	TAILQ_FOREACH(read, &node->views.list, link) {
		if (!read->wanted)
			due = MIN_OF(due, read->sent_ms + PIECE_WAIT_MS);
		else if (may_send(node, read))
			return 0;
	}
	return due;
}

bool
views_end(struct node *node)
{
	node->views.ending = true;
	return !TAILQ_EMPTY(&node->views.list);
}
