/*
 * v3_watch.c - watches of the v3 keys: what happened goes to the workers, in whole revisions.
 *
 * At a turn's end each worker is told, in this order,
 *
 *	what happened	once for all of its watches that are not behind		[send_happened]
 *	who fell behind	since it was too much, or the worker too slow		[tell_fallen]
 *	of the past	a piece for each watch that wants one, a turn's share	[send_past]
 *	how far it is	if it asked, or has not heard for a while		[send_progress]
 *
 * So when a worker reads of a revision, all that its live watches get up to it stands before
 * that on the channel. Nothing here grows with what a worker does not take: above
 * V3_LIVE_QUEUE_BYTES its watches fall behind, and one that is behind has one piece under way,
 * which its worker has asked for.
 *
 * Not replicated. A session's watches go with it.
 */
#include "raftd/node_priv.h"

#include "common/v3_error.h"
#include "common/xmem.h"
#include "raftd/replica/mvcc/key.h"
#include "raftd/replica/mvcc/mvcc.h"

#include <stdlib.h>

#define OWNERS_MAX 64			/* looked at in one go; the others' turn comes */

_Static_assert(V3_WATCH_NO_PUT == MVCC_WATCH_NO_PUT && V3_WATCH_PREV_KV == MVCC_WATCH_PREV_KV &&
    V3_WATCH_NO_DELETE == MVCC_WATCH_NO_DELETE, "flags go through as they are");

struct progress_asker {
	uint64_t session, request_id;
};

void
node_v3_watches_free(struct v3_watches *watches)
{
	free(watches->asked);
	buf_free(&watches->events);
	buf_free(&watches->wire);
	buf_free(&watches->previous);
}

/* ---- what workers say ------------------------------ */

static struct msg_v3_watching
watching_now(const struct node *node)
{
	return (struct msg_v3_watching){
		.revision = mvcc_revision(node->replica->mvcc),
		.raft_term = raft_current_term(node->raft),
	};
}

static bool
has_no_place(const struct node *node, uint64_t session)
{
	const struct mvcc *mvcc = node->replica->mvcc;
	size_t count = mvcc_watch_count(mvcc);

	if (count >= V3_WATCHES_MAX || mvcc_watch_memory(mvcc) >= V3_WATCHES_BYTES_MAX)
		return true;
	return node->client_workers > 1 &&
	    node_takes_too_much(mvcc_watch_count_of(mvcc, session), count, V3_WATCHES_MAX);
}

void
node_v3_watch(struct node *node, uint64_t session, uint64_t watch_id,
    const struct msg_v3_watch *watch)
{
	struct mvcc *mvcc = node->replica->mvcc;
	struct msg_v3_watching answer = watching_now(node);
	bool behind = false;
	enum v3_error error;

	error = has_no_place(node, session) ? V3_TOO_MANY_REQUESTS :
	    mvcc_watch_add(mvcc, &(struct mvcc_watch){ .owner = session, .id = watch_id,
		.key = watch->key, .end = watch->end, .start_revision = watch->start,
		.flags = watch->flags }, &behind);
	answer.error = (uint16_t)error;
	answer.behind = behind;
	if (error == V3_COMPACTED)
		answer.compacted = (uint64_t)mvcc_compacted(mvcc);
	node->io.v3_watching(node->io.argument, session, watch_id, &answer);
}

void
node_v3_unwatch(struct node *node, uint64_t session, uint64_t watch_id)
{
	mvcc_watch_remove(node->replica->mvcc, session, watch_id);
}

void
node_v3_watch_more(struct node *node, uint64_t session, uint64_t watch_id)
{
	mvcc_watch_want(node->replica->mvcc, session, watch_id);
}

void
node_v3_watch_drop(struct node *node, uint64_t session, uint64_t watch_id, uint64_t revision)
{
	mvcc_watch_fall_behind(node->replica->mvcc, session, watch_id, revision, true);
}

void
node_v3_progress_ask(struct node *node, uint64_t session, uint64_t request_id)
{
	struct v3_watches *watches = &node->v3_watches;

	watches->asked = xgrow(watches->asked, &watches->asked_capacity,
	    watches->asked_count + 1, sizeof(watches->asked[0]));
	watches->asked[watches->asked_count++] = (struct progress_asker){ session, request_id };
}

void
node_v3_watches_gone(struct node *node, uint64_t session)
{
	struct v3_watches *watches = &node->v3_watches;

	mvcc_watch_remove_all(node->replica->mvcc, session);
	for (size_t i = watches->asked_count; i > 0; i--)
		if (watches->asked[i - 1].session == session)
			watches->asked[i - 1] = watches->asked[--watches->asked_count];
}

/* ---- bytes ------------------------------ */

static struct slice
wire_of(struct buf *out, const struct mvcc_change *change)
{
	buf_clear(out);
	if (change != NULL)
		mvcc_change_put_wire(change, false, out);
	return buf_slice(out);
}

/* named: with the watches that it is for. */
static void
put_event(struct v3_watches *watches, const struct mvcc_hit *hit, bool named)
{
	v3_change_record_put(&watches->events, &(struct v3_change_record){
	    .flags = hit->change->gone ? V3_CHANGE_DELETE : 0,
	    .revision = hit->change->revision,
	    .key_value = wire_of(&watches->wire, hit->change),
	    .previous = wire_of(&watches->previous, hit->wants_previous ? hit->previous : NULL),
	    .watch_ids = named ? slice_of(hit->ids, hit->id_count * sizeof(hit->ids[0])) :
		SLICE_EMPTY,
	});
}

/* Of previous is sent what is a put: a tombstone is nothing that was. */
static struct mvcc_hit
shown(const struct mvcc_hit *hit)
{
	struct mvcc_hit copy = *hit;

	if (copy.previous != NULL && copy.previous->gone)
		copy.previous = NULL;
	return copy;
}

/* ---- what happened ------------------------------ */

/* Of one worker in this turn. */
struct batch {
	struct node *node;
	uint64_t owner;
	uint64_t revision;		/* of the event that was put last; 0: none */
	size_t whole_bytes;		/* of events before that revision, */
	uint64_t whole_revision;	/* and theirs */
};

static void
send_batch(struct batch *batch, uint64_t revision, size_t bytes)
{
	struct node *node = batch->node;

	if (bytes > 0)
		node->io.v3_events(node->io.argument, batch->owner, 0, &(struct msg_v3_events){
		    .revision = revision,
		    .raft_term = raft_current_term(node->raft),
		    .events = slice_of(node->v3_watches.events.data, bytes),
		});
	buf_clear(&node->v3_watches.events);
	batch->whole_bytes = 0;
}

static bool
is_slow(const struct node *node, uint64_t session)
{
	return node->io.queued != NULL &&
	    node->io.queued(node->io.argument, session) > V3_LIVE_QUEUE_BYTES;
}

/* All that is for this worker from that revision on is history for its watches. */
static void
let_fall(struct batch *batch, const struct mvcc_hit *hits, size_t count, uint64_t revision)
{
	for (size_t i = 0; i < count; i++) {
		const struct mvcc_hit *hit = &hits[i];

		if (hit->owner != batch->owner || hit->change->revision < revision)
			continue;
		for (size_t n = 0; n < hit->id_count; n++)
			mvcc_watch_fall_behind(batch->node->replica->mvcc, hit->owner,
			    hit->ids[n], hit->change->revision, false);
	}
}

static void
send_to(struct node *node, uint64_t owner, const struct mvcc_hit *hits, size_t count)
{
	struct v3_watches *watches = &node->v3_watches;
	struct batch batch = { .node = node, .owner = owner };

	buf_clear(&watches->events);
	for (size_t i = 0; i < count; i++) {
		uint64_t revision = hits[i].change->revision;
		struct mvcc_hit hit = shown(&hits[i]);

		if (hit.owner != owner)
			continue;
		if (revision != batch.revision) {
			batch.whole_bytes = watches->events.size;
			batch.whole_revision = batch.revision;
			if (batch.whole_bytes >= node->v3_watches.piece_bytes)
				send_batch(&batch, batch.whole_revision, batch.whole_bytes);
		}
		batch.revision = revision;
		put_event(watches, &hit, true);
		if (watches->events.size - batch.whole_bytes > V3_EVENTS_BYTES_MAX ||
		    is_slow(node, owner)) {
			let_fall(&batch, hits, count, revision);
			send_batch(&batch, batch.whole_revision, batch.whole_bytes);
			return;
		}
	}
	send_batch(&batch, mvcc_revision(node->replica->mvcc), watches->events.size);
}

static void
send_happened(struct node *node)
{
	const struct mvcc_hit *hits;
	size_t count = mvcc_take_hits(node->replica->mvcc, &hits), known = 0;
	uint64_t *owners = NULL;
	size_t capacity = 0;

	for (size_t i = 0; i < count; i++) {
		size_t n = 0;

		while (n < known && owners[n] != hits[i].owner)
			n++;
		if (n < known)
			continue;
		owners = xgrow(owners, &capacity, known + 1, sizeof(owners[0]));
		owners[known++] = hits[i].owner;
		send_to(node, hits[i].owner, hits, count);
	}
	free(owners);
}

static void
tell_fallen(struct node *node)
{
	struct mvcc_fallen fallen;

	while (mvcc_watch_take_fallen(node->replica->mvcc, &fallen)) {
		struct msg_v3_watching message = watching_now(node);

		message.revision = fallen.served;
		message.behind = true;
		node->io.v3_watching(node->io.argument, fallen.owner, fallen.id, &message);
	}
}

/* ---- the past ------------------------------ */

static bool
has_room(const struct node *node, uint64_t session)
{
	return node->io.queued == NULL ||
	    node->io.queued(node->io.argument, session) < CATCH_UP_QUEUE_BYTES;
}

static void
end_watch(struct node *node, uint64_t owner, uint64_t id, enum v3_error error)
{
	struct msg_v3_watching message = watching_now(node);

	message.error = (uint16_t)error;
	if (error == V3_COMPACTED)
		message.compacted = (uint64_t)mvcc_compacted(node->replica->mvcc);
	mvcc_watch_remove(node->replica->mvcc, owner, id);
	node->io.v3_watching(node->io.argument, owner, id, &message);
}

/* False: it is one revision that is too much. */
static bool
put_past(struct v3_watches *watches, const struct mvcc_hit *hits, size_t count)
{
	buf_clear(&watches->events);
	for (size_t i = 0; i < count; i++) {
		struct mvcc_hit hit = shown(&hits[i]);

		put_event(watches, &hit, false);
		if (watches->events.size > V3_EVENTS_BYTES_MAX)
			return false;
	}
	return true;
}

/* Returns how many bytes went to it. */
static size_t
send_piece(struct node *node, uint64_t owner, uint64_t id, size_t *looks)
{
	struct v3_watches *watches = &node->v3_watches;
	struct mvcc_past past = { .revisions_max = V3_PIECE_REVISIONS,
		.bytes_max = watches->piece_bytes, .looks = *looks };
	const struct mvcc_hit *hits;
	enum v3_error error;
	size_t count;

	error = mvcc_watch_past(node->replica->mvcc, owner, id, &past, &hits, &count);
	*looks = past.looks;
	if (error == V3_NONE && !put_past(watches, hits, count))
		error = V3_REQUEST_TOO_LARGE;
	if (error != V3_NONE) {
		end_watch(node, owner, id, error);
		return 0;
	}
	if (count > 0 || past.live)
		node->io.v3_past(node->io.argument, owner, id, &(struct msg_v3_past){
		    .revision = past.served,
		    .raft_term = raft_current_term(node->raft),
		    .behind = !past.live,
		    .events = buf_slice(&watches->events),
		});
	return watches->events.size;
}

/* A piece for each worker that has room, again and again. While a write is under way there may be
 * nothing to look at. */
static void
send_past(struct node *node)
{
	size_t looks = node->v3_watches.past_looks, bytes = 0, before;
	uint64_t owners[OWNERS_MAX], id;
	bool any = true;

	while (any) {
		size_t count = mvcc_watch_wanting(node->replica->mvcc, owners, OWNERS_MAX);

		any = false;
		before = looks;
		for (size_t i = 0; i < count; i++) {
			if (looks == 0 || bytes >= V3_PAST_BYTES)
				return;
			if (!has_room(node, owners[i]) ||
			    !mvcc_watch_first_wanting(node->replica->mvcc, owners[i], &id))
				continue;
			bytes += send_piece(node, owners[i], id, &looks);
			any = any || looks < before ||
			    !mvcc_is_under_way(node->replica->mvcc);
		}
	}
}

static bool
may_send_past(const struct node *node)
{
	uint64_t owners[OWNERS_MAX];
	size_t count = mvcc_watch_wanting(node->replica->mvcc, owners, OWNERS_MAX);

	for (size_t i = 0; i < count; i++)
		if (has_room(node, owners[i]))
			return true;
	return false;
}

/* ---- how far it is ------------------------------ */

static void
tell_progress(struct node *node, uint64_t session, uint64_t request_id)
{
	node->io.v3_progress(node->io.argument, session, request_id, &(struct msg_v3_progress){
	    .revision = mvcc_revision(node->replica->mvcc),
	    .raft_term = raft_current_term(node->raft),
	});
}

static bool
is_to_tell(const struct node *node)
{
	return mvcc_watch_count(node->replica->mvcc) > 0 &&
	    mvcc_revision(node->replica->mvcc) > node->v3_watches.told_revision;
}

/* Who has heard of a revision does not ask for what was compacted below it. While hits are kept
 * back, by a write that is under way, nobody has all up to the present one. */
static void
send_progress(struct node *node)
{
	struct v3_watches *watches = &node->v3_watches;
	int64_t compacted = mvcc_compacted(node->replica->mvcc);
	uint64_t owners[OWNERS_MAX];
	size_t count;

	if (mvcc_hits_waiting(node->replica->mvcc) > 0)
		return;
	for (size_t i = 0; i < watches->asked_count; i++)
		tell_progress(node, watches->asked[i].session, watches->asked[i].request_id);
	watches->asked_count = 0;
	if (!is_to_tell(node) || (compacted == watches->told_compacted &&
	    node->now.monotonic_ms < watches->told_ms + V3_PROGRESS_MS))
		return;
	count = mvcc_watch_owners(node->replica->mvcc, owners, OWNERS_MAX);
	for (size_t i = 0; i < count; i++)
		tell_progress(node, owners[i], 0);
	watches->told_revision = mvcc_revision(node->replica->mvcc);
	watches->told_compacted = compacted;
	watches->told_ms = node->now.monotonic_ms;
}

/* ---- the turn ------------------------------ */

void
node_v3_watches_init(struct v3_watches *watches, const struct node_config *config)
{
	watches->piece_bytes = config->v3_piece_bytes != 0 ? config->v3_piece_bytes :
	    V3_PIECE_BYTES;
	watches->past_looks = config->v3_past_looks != 0 ? config->v3_past_looks : V3_PAST_LOOKS;
}

void
node_v3_watches_turn(struct node *node)
{
	send_happened(node);
	tell_fallen(node);
	send_past(node);
	send_progress(node);
	buf_recycle(&node->v3_watches.events, 64 * KIB);
	buf_recycle(&node->v3_watches.wire, 64 * KIB);
	buf_recycle(&node->v3_watches.previous, 64 * KIB);
}

uint64_t
node_v3_watches_deadline(const struct node *node)
{
	if (node->v3_watches.asked_count > 0 || may_send_past(node))
		return 0;
	return is_to_tell(node) ? node->v3_watches.told_ms + V3_PROGRESS_MS : UINT64_MAX;
}
