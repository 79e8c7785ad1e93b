/*
 * world.c - see world.h.
 */
#include "tests/unit/raftd/world.h"

#include "common/ipc/wire.h"
#include "common/xmem.h"

#include <stdio.h>
#include <stdlib.h>

size_t world_v3_piece_bytes;

static uint64_t
submit(void *argument, const struct wal_turn *turn)
{
	struct world *w = argument;

	if (turn != NULL && turn->applied_set)
		w->stored = turn->applied.index;
	return ++w->tickets;
}

static void
fetch(void *argument UNUSED, uint64_t id UNUSED, raft_index from UNUSED, size_t bytes_max UNUSED)
{
}

static uint64_t
install_begin(void *argument)
{
	return submit(argument, NULL);
}

static uint64_t
install_records(void *argument, struct slice records UNUSED)
{
	return submit(argument, NULL);
}

static uint64_t
install_commit(void *argument, struct raft_position position UNUSED, bool keep UNUSED)
{
	return submit(argument, NULL);
}

static struct buf *
peer_out(void *argument)
{
	struct world *w = argument;

	if (!w->keeps_peer_out)
		buf_clear(&w->peer_out);
	return &w->peer_out;
}

static void
outcome(void *argument, uint64_t session, uint64_t request_id, const struct node_outcome *o)
{
	struct world *w = argument;

	ASSERT(session != 0);
	w->last = *o;
	w->last_session = session;
	buf_append_slice(&w->event, o->event);
	snprintf(w->last_cause, sizeof(w->last_cause), "%.*s", SLICE_ARGS(o->cause));
	w->outcomes++;
	buf_printf(&w->said, "%s %u %d; ", o->more ? "piece" : "outcome", (unsigned)request_id,
	    (int)o->error);
}

static size_t
queued(void *argument, uint64_t session)
{
	const struct world *w = argument;

	return session == (w->queued_session != 0 ? w->queued_session : WORLD_SESSION) ?
	    w->queued : 0;
}

static void
watching(void *argument, uint64_t session UNUSED, uint64_t watch_id, const struct msg_watching *m)
{
	struct world *w = argument;

	buf_printf(&w->said, "watching %u %d; ", (unsigned)watch_id, (int)m->error);
}

static void
event(void *argument, uint64_t session UNUSED, const uint64_t *ids, size_t count,
    struct slice bytes UNUSED, uint64_t past_bytes UNUSED)
{
	struct world *w = argument;

	for (size_t i = 0; i < count; i++)
		buf_printf(&w->said, "event %u; ", (unsigned)ids[i]);
	w->events += count;
}

static void
v3_watching(void *argument, uint64_t session UNUSED, uint64_t id, const struct msg_v3_watching *m)
{
	struct world *w = argument;

	buf_printf(&w->said, "watching %u %d at %u%s", (unsigned)id, (int)m->error,
	    (unsigned)m->revision, m->behind ? " behind" : "");
	if (m->compacted != 0)
		buf_printf(&w->said, " compacted %u", (unsigned)m->compacted);
	buf_append_text(&w->said, "; ");
}

/* Each as revision and kind; with what was before, if that is told; and for whom. */
static void
v3_changes(struct world *w, struct slice list)
{
	struct reader in = reader_of(list), ids;
	struct v3_change_record record;
	uint64_t id;

	while (!reader_done(&in)) {
		MUST(v3_change_record_get(&in, &record));
		buf_printf(&w->said, " %u%s%s", (unsigned)record.revision,
		    (record.flags & V3_CHANGE_DELETE) != 0 ? "-" : "+",
		    record.previous.size > 0 ? "p" : "");
		ids = reader_of(record.watch_ids);
		for (char before = ':'; codec_get_u64(&ids, &id); before = ',')
			buf_printf(&w->said, "%c%u", before, (unsigned)id);
		w->v3_bytes += record.key_value.size + record.previous.size;
	}
}

static void
v3_events(void *argument, uint64_t session UNUSED, uint64_t zero UNUSED,
    const struct msg_v3_events *m)
{
	struct world *w = argument;

	buf_append_text(&w->said, "events");
	v3_changes(w, m->events);
	buf_printf(&w->said, " to %u; ", (unsigned)m->revision);
}

static void
v3_past(void *argument, uint64_t session UNUSED, uint64_t id, const struct msg_v3_past *m)
{
	struct world *w = argument;

	buf_printf(&w->said, "past %u", (unsigned)id);
	v3_changes(w, m->events);
	buf_printf(&w->said, " to %u%s; ", (unsigned)m->revision, m->behind ? " behind" : "");
}

static void
v3_progress(void *argument, uint64_t session UNUSED, uint64_t id, const struct msg_v3_progress *m)
{
	struct world *w = argument;

	buf_printf(&w->said, "progress %u %u; ", (unsigned)id, (unsigned)m->revision);
}

static void
changed(void *argument, const struct msg_changed *m)
{
	struct world *w = argument;
	struct reader in = reader_of(m->paths);
	struct path_record record;

	while (!reader_done(&in)) {
		MUST(path_record_get(&in, &record));
		buf_printf(&w->said, "changed %.*s%s; ", SLICE_ARGS(record.path),
		    record.below ? " and below" : "");
	}
}

static void
notice(void *argument, const char *text)
{
	struct world *w = argument;

	snprintf(w->notice, sizeof(w->notice), "%s", text);
}

static void
status(void *argument, const struct msg_status *m)
{
	struct world *w = argument;

	buf_printf(&w->said, "status %u %u; ", m->phase, m->role);
}

static void
note(void *argument UNUSED, enum diag_level level UNUSED, const char *format UNUSED,
    const char *text UNUSED)
{
}

static void
end(void *argument, enum exit_code code, const char *sentence)
{
	struct world *w = argument;

	w->ended = code;
	snprintf(w->end_sentence, sizeof(w->end_sentence), "%s", sentence);
}

static void
retire(void *argument, struct slice peers, uint64_t wait_ms)
{
	struct world *w = argument;

	ASSERT(!w->retired);
	w->retired = true;
	w->retire_wait_ms = wait_ms;
	snprintf(w->retire_peers, sizeof(w->retire_peers), "%.*s", SLICE_ARGS(peers));
}

static void
moved(void *argument UNUSED, bool done UNUSED)
{
}

static void
stats(void *argument, uint64_t session UNUSED, uint64_t id UNUSED, const struct msg_stats *m)
{
	struct world *w = argument;

	w->stats = *m;
	buf_clear(&w->progress);
	buf_append_slice(&w->progress, m->followers);
}

static void
condition(void *argument, struct buf *out)
{
	struct world *w = argument;

	w->conditions++;
	buf_append_text(out, "condition");
}

static uint64_t
wall_ns(void *argument)
{
	return ((struct world *)argument)->now.wall_ns;
}

static uint64_t
snapshot_begin(void *argument)
{
	struct world *w = argument;

	w->images++;
	return 500;
}

static void
snapshot_read(void *argument, uint64_t snapshot, size_t bytes_max UNUSED)
{
	struct world *w = argument;

	ASSERT(snapshot == 500);
	w->image_reads++;
}

static void
snapshot_end(void *argument, uint64_t snapshot UNUSED)
{
	struct world *w = argument;

	w->images--;
}

static void
backup_piece(void *argument, uint64_t session, uint64_t request_id,
    const struct msg_backup_piece *m)
{
	struct world *w = argument;

	ASSERT(session == WORLD_SESSION);
	if (m->error != ERR_NONE) {
		w->piece_error = err_from_number(m->error);
		return;
	}
	ASSERT(request_id == 9);
	w->piece = *m;
	w->pieces++;
}

/* resumes: with an entry in its log, in a raftd that is not the first of its node. */
static struct world *
make(bool join, uint64_t trim_entries, bool resumes, const char *peers)
{
	struct world *w = xzalloc(sizeof(*w));
	struct node_config config = {
		.v3_piece_bytes = world_v3_piece_bytes,
		.peer_url = "http://127.0.0.1:7001",
		.client_url = "http://127.0.0.1:4001",
		.data_dir = "m1",
		.heartbeat_ms = 50,
		.election_ms = 200,
		.request_timeout_ms = 5000,
		.trim_log = true,
		.trim_entries = trim_entries,
		.watches_max = 2,
		.seed = 1,
		.new_cluster_id = 0xc1,
		.join = join,
		.peers = peers,
		.resumes = resumes,
	};
	struct node_io io = {
		.submit = submit, .fetch = fetch, .snapshot_begin = snapshot_begin,
		.snapshot_read = snapshot_read, .snapshot_end = snapshot_end,
		.install_begin = install_begin, .install_records = install_records,
		.install_commit = install_commit, .peer_out = peer_out, .outcome = outcome,
		.queued = queued, .watching = watching, .event = event,
		.v3_watching = v3_watching, .v3_events = v3_events, .v3_past = v3_past,
		.v3_progress = v3_progress, .stats = stats,
		.backup_piece = backup_piece,
		.changed = changed, .status = status, .notice = notice, .note = note,
		.end = end, .retire = retire,
		.moved = moved, .condition = condition, .wall_ns = wall_ns,
		.argument = w,
	};
	struct wal_recovered recovered = {
		.identity = { .node_id = 0xa1, .name = "machine1" }, .is_new = !resumes };
	struct raft_entry entry = { .term = 1, .index = 1, .type = RAFT_ENTRY_NOOP };
	const char *where;

	if (resumes)
		recovered.last = (struct raft_position){ 1, 1 };

	w->now = (struct clock_time){ .monotonic_ms = 1000,
		.monotonic_ns = 1000 * NS_PER_MS, .wall_ns = 1000000 * NS_PER_SECOND };
	w->node = node_new(&config, io, &recovered);
	if (resumes)
		MUST(node_load_entry(w->node, &entry) == ERR_NONE);
	MUST(node_start(w->node, w->now, &where) == ERR_NONE);
	return w;
}

struct world *
world_new(bool join, uint64_t trim_entries)
{
	return make(join, trim_entries, false, NULL);
}

struct world *
world_restarted(void)
{
	return make(true, WORLD_TRIM_ENTRIES, true, NULL);
}

void
world_free(struct world *w)
{
	node_free(&w->node);
	buf_free(&w->peer_out);
	buf_free(&w->said);
	buf_free(&w->progress);
	buf_free(&w->event);
	free(w);
}

void
world_turn(struct world *w, uint64_t later_ms)
{
	w->now.monotonic_ms += later_ms;
	w->now.monotonic_ns += later_ms * NS_PER_MS;
	w->now.wall_ns += later_ms * NS_PER_MS;
	node_turn(w->node, w->now);
}

void
world_sync(struct world *w)
{
	if (w->synced < w->tickets) {
		w->synced = w->tickets;
		node_persisted(w->node, w->synced);
	}
}

void
world_settle(struct world *w)
{
	do {
		world_sync(w);
		world_turn(w, 0);
	} while (w->synced < w->tickets);
}

void
world_write(struct world *w, uint64_t sequence, const char *key, uint64_t ttl_s)
{
	struct msg_write write = {
		.low = sequence,
		.op = WRITE_SET,
		.flags = ttl_s > 0 ? WRITE_FLAG_TTL : 0,
		.key = slice_text(key),
		.value = SLICE_LITERAL("v"),
		.ttl_s = ttl_s,
	};

	node_write(w->node, WORLD_SESSION, sequence, false, &write);
}

enum err
world_read(struct world *w, uint64_t id, const char *key, uint8_t flags)
{
	struct msg_read read = { .flags = flags, .key = slice_text(key) };
	size_t before = w->outcomes;

	node_read(w->node, WORLD_SESSION, id, &read);
	world_settle(w);
	ASSERT(w->outcomes == before + 1);
	return w->last.error;
}

const char *
world_said(struct world *w)
{
	buf_append_byte(&w->said, 0);
	return (const char *)w->said.data;
}

struct world *
world_leading(void)
{
	return world_leading_with(NULL);
}

struct world *
world_leading_with(const char *peers)
{
	struct world *w = make(false, WORLD_TRIM_ENTRIES, false, peers);

	world_settle(w);
	ASSERT(raft_role(node_raft(w->node)) == RAFT_LEADER);
	buf_clear(&w->said);
	return w;
}
