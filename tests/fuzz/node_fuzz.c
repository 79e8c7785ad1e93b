/*
 * node_fuzz.c - any bytes as frames of other nodes, to a node that is joining or
 * that leads a cluster of its own: snapshots, appends, votes, proposals.
 *
 * The first byte says which node. Then follow frames: kind, sender and how much
 * time passes, size (two bytes), payload. Another node may be wrong in
 * everything it says; it may not end this one.
 */
#include "tests/fuzz/fuzz.h"

#include "common/xmem.h"
#include "raftd/node.h"

#include <stdlib.h>

#define FRAMES_MAX 200

static const uint16_t types[] = { MSG_raft_vote, MSG_raft_vote_reply, MSG_raft_append,
	MSG_raft_append_reply, MSG_raft_heartbeat, MSG_raft_heartbeat_reply, MSG_raft_read_index,
	MSG_raft_read_index_reply, MSG_raft_timeout_now, MSG_forward_proposal, MSG_forward_refused,
	MSG_removed_told, MSG_snapshot_chunk, MSG_snapshot_credit };

struct world {
	struct node *node;
	struct clock_time now;
	uint64_t tickets;
	struct buf out;
};

static uint64_t
submit(void *argument, const struct wal_turn *turn UNUSED)
{
	return ++((struct world *)argument)->tickets;
}

static void
fetch(void *argument UNUSED, uint64_t peer UNUSED, raft_index from UNUSED, size_t bytes UNUSED)
{
}

static uint64_t
snapshot_begin(void *argument UNUSED)
{
	return 1;
}

static void
snapshot_read(void *argument UNUSED, uint64_t snapshot UNUSED, size_t bytes_max UNUSED)
{
}

static void
snapshot_end(void *argument UNUSED, uint64_t snapshot UNUSED)
{
}

static uint64_t
install_begin(void *argument)
{
	return ++((struct world *)argument)->tickets;
}

static uint64_t
install_records(void *argument, struct slice records UNUSED)
{
	return ++((struct world *)argument)->tickets;
}

static uint64_t
install_commit(void *argument, struct raft_position position UNUSED, bool keep UNUSED)
{
	return ++((struct world *)argument)->tickets;
}

static struct buf *
peer_out(void *argument)
{
	struct world *w = argument;

	buf_clear(&w->out);
	return &w->out;
}

static void
outcome(void *argument UNUSED, uint64_t session UNUSED, uint64_t id UNUSED,
    const struct node_outcome *o UNUSED)
{
}

static void
watching(void *argument UNUSED, uint64_t session UNUSED, uint64_t id UNUSED,
    const struct msg_watching *m UNUSED)
{
}

static void
event(void *argument UNUSED, uint64_t session UNUSED, const uint64_t *ids UNUSED,
    size_t count UNUSED, struct slice bytes UNUSED)
{
}

static void
stats(void *argument UNUSED, uint64_t session UNUSED, uint64_t id UNUSED,
    const struct msg_stats *m UNUSED)
{
}

static void
backup_piece(void *argument UNUSED, uint64_t session UNUSED, uint64_t id UNUSED,
    const struct msg_backup_piece *m UNUSED)
{
}

static void
changed(void *argument UNUSED, const struct msg_changed *m UNUSED)
{
}

static void
status(void *argument UNUSED, const struct msg_status *m UNUSED)
{
}

static void
note(void *argument UNUSED, enum diag_level level UNUSED, const char *format UNUSED,
    const char *text UNUSED)
{
}

static void
end(void *argument UNUSED, enum exit_code code UNUSED, const char *sentence UNUSED)
{
}

static void
moved(void *argument UNUSED, bool done UNUSED)
{
}

static void
turn(struct world *w, uint64_t ms)
{
	w->now.monotonic_ms += ms;
	w->now.monotonic_ns += ms * NS_PER_MS;
	w->now.wall_ns += ms * NS_PER_MS;
	node_turn(w->node, w->now);
	node_persisted(w->node, w->tickets);
	node_turn(w->node, w->now);
}

static void
begin(struct world *w, bool join)
{
	struct node_config config = {
		.peer_url = "http://127.0.0.1:7001",
		.client_url = "http://127.0.0.1:4001",
		.heartbeat_ms = 50,
		.election_ms = 200,
		.request_timeout_ms = 5000,
		.trim_log = true,
		.trim_entries = 4,
		.watches_max = 2,
		.seed = 1,
		.new_cluster_id = 0xc1,
		.join = join,
	};
	struct node_io io = {
		.submit = submit, .fetch = fetch, .snapshot_begin = snapshot_begin,
		.snapshot_read = snapshot_read, .snapshot_end = snapshot_end,
		.install_begin = install_begin, .install_records = install_records,
		.install_commit = install_commit, .peer_out = peer_out, .outcome = outcome,
		.watching = watching, .event = event, .stats = stats, .backup_piece = backup_piece,
		.changed = changed, .status = status, .note = note, .end = end, .moved = moved,
		.argument = w,
	};
	struct wal_recovered recovered = {
		.identity = { .node_id = 0xa1, .name = "machine1" }, .is_new = true };
	const char *where;

	w->now = (struct clock_time){ .monotonic_ms = 1000,
		.monotonic_ns = 1000 * NS_PER_MS, .wall_ns = 1000000 * NS_PER_SECOND };
	w->node = node_new(&config, io, &recovered);
	ASSERT(node_start(w->node, w->now, &where) == ERR_NONE);
	turn(w, 1);
	turn(w, 1);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct world w = { 0 };
	size_t at = 1;

	if (size == 0)
		return 0;
	begin(&w, data[0] % 2 == 0);
	for (size_t i = 0; i < FRAMES_MAX && size - at >= 4; i++) {
		size_t payload = MIN_OF((size_t)(data[at + 2] | data[at + 3] << 8), size - at - 4);
		struct frame frame = {
			.type = types[data[at] % ARRAY_COUNT(types)],
			.request_id = 0xb0 + data[at + 1] % 4,
			.payload = slice_of(data + at + 4, payload),
		};

		/* Malformed or not: its stream would be closed, this node goes on. */
		if (node_peer_frame(w.node, &frame) != ERR_NONE)
			turn(&w, 0);
		if (data[at + 1] >= 0x40)
			turn(&w, data[at + 1] >= 0x80 ? data[at + 1] : 1);
		at += 4 + payload;
	}
	turn(&w, 1);
	turn(&w, 1000);
	buf_free(&w.out);
	node_free(&w.node);
	return 0;
}
