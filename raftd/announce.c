/*
 * announce.c - which paths changed in this turn, told to workers before
 * the turn's outcomes, so that no rendered body in a worker's cache outlives
 * what any client of this node has been told.
 *
 * Each store index has one event, and the window keeps more of them than a turn
 * usually makes; where it does not (or the state was replaced by a snapshot), and
 * where the paths are too much for one frame of moderate size, everything is said
 * to have changed.
 *
 * Users and roles, when they changed, are told before: whatever follows from a change, or
 * came after it, finds workers that know of it.
 */
#include "raftd/node_priv.h"

static void
add_path(struct buf *paths, struct slice path, bool below)
{
	struct path_record record = { .path = path, .below = below };

	path_record_put(paths, &record);
}

/* False: the event is not kept any more. */
static bool
add_event(struct node *node, uint64_t index, struct buf *paths)
{
	const struct blob *blob = store_event(node->replica->store, index);
	struct event_record event;
	struct node_record changed;
	struct reader in;
	bool removed;

	if (blob == NULL)
		return false;
	in = reader_of(blob_slice(blob));
	if (!event_record_get(&in, &event))
		return false;
	in = reader_of(event.nodes);
	if (!node_record_get(&in, &changed))
		return false;
	removed = event.action == ACTION_DELETE || event.action == ACTION_EXPIRE;
	add_path(paths, changed.key, removed && (changed.flags & NODE_DIR) != 0);
	return true;
}

void
announce_turn(struct node *node)
{
	uint64_t last = store_index(node->replica->store);
	struct msg_changed message;
	bool whole = true;

	if (last == node->announced)
		return;
	buf_clear(&node->scratch);
	if (last > node->announced)
		for (uint64_t index = node->announced + 1; whole && index <= last; index++)
			whole = add_event(node, index, &node->scratch) &&
			    node->scratch.size <= ANNOUNCE_BYTES_MAX;
	else
		whole = false;
	if (!whole) {
		buf_clear(&node->scratch);
		add_path(&node->scratch, SLICE_LITERAL("/"), true);
	}
	message = (struct msg_changed){
		.store_index = last,
		.raft_index = node->applied.index,
		.raft_term = raft_current_term(node->raft),
		.paths = buf_slice(&node->scratch),
	};
	node->io.changed(node->io.argument, &message);
	buf_recycle(&node->scratch, 64 * KIB);
	node->announced = last;
}

void
announce_replaced(struct node *node)
{
	node->announced = UINT64_MAX;
	node->auth_told = UINT64_MAX;
	node_v3_tokens_replaced(node);
}

void
node_auth(struct node *node, struct msg_auth *auth)
{
	buf_clear(&node->auth_bytes);
	auth_put(&node->replica->auth, &node->auth_bytes);
	*auth = (struct msg_auth){ .revision = node->replica->auth.revision,
		.records = buf_slice(&node->auth_bytes) };
}

void
announce_auth(struct node *node)
{
	struct msg_auth auth;

	if (node->auth_told == node->replica->auth.revision)
		return;
	node->auth_told = node->replica->auth.revision;
	if (node->io.users == NULL)
		return;
	node_auth(node, &auth);
	node->io.users(node->io.argument, &(struct node_users){ .auth = &auth });
}
