/*
 * node_fuzz.c - any bytes as frames of other nodes, to a node that is joining or
 * that leads a cluster of its own: snapshots, appends, votes, proposals.
 *
 * The first byte says which node. Then follow frames: kind, sender and how much
 * time passes, size (two bytes), payload. Another node may be wrong in
 * everything it says; it may not end this one.
 */
#include "tests/fuzz/fuzz.h"
#include "tests/unit/raftd/world.h"

#define FRAMES_MAX 200

static const uint16_t types[] = { MSG_raft_vote, MSG_raft_vote_reply, MSG_raft_append,
	MSG_raft_append_reply, MSG_raft_heartbeat, MSG_raft_heartbeat_reply, MSG_raft_read_index,
	MSG_raft_read_index_reply, MSG_raft_timeout_now, MSG_forward_proposal, MSG_forward_refused,
	MSG_removed_told, MSG_snapshot_chunk, MSG_snapshot_credit, MSG_released_told,
	MSG_raft_committed };

/* A turn, and one after what it wrote is on the disk. */
static void
turn(struct world *w, uint64_t ms)
{
	world_turn(w, ms);
	world_sync(w);
	world_turn(w, 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct world *w;
	size_t at = 1;

	if (size == 0)
		return 0;
	w = world_new(data[0] % 2 == 0, 4);
	turn(w, 1);
	turn(w, 1);
	for (size_t i = 0; i < FRAMES_MAX && size - at >= 4; i++) {
		size_t payload = MIN_OF((size_t)(data[at + 2] | data[at + 3] << 8), size - at - 4);
		struct frame frame = {
			.type = types[data[at] % ARRAY_COUNT(types)],
			.request_id = 0xb0 + data[at + 1] % 4,
			.payload = slice_of(data + at + 4, payload),
		};

		/* Malformed or not: its stream would be closed, this node goes on. */
		if (node_peer_frame(w->node, &frame) != ERR_NONE)
			turn(w, 0);
		if (data[at + 1] >= 0x40)
			turn(w, data[at + 1] >= 0x80 ? data[at + 1] : 1);
		at += 4 + payload;
	}
	turn(w, 1);
	turn(w, 1000);
	world_free(w);
	return 0;
}
