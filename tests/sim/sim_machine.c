/*
 * sim_machine.c - raftd's process: what main.c is to the real one.
 */
#include "tests/sim/sim_machine.h"

#include "common/ipc/wire.h"
#include "common/limits.h"
#include "common/xmem.h"
#include "tests/sim/sim_check.h"
#include "tests/sim/sim_v3.h"
#include "tests/sim/sim_net.h"
#include "tests/sim/sim_together.h"
#include "tests/sim/sim_operator.h"

#include <inttypes.h>
#include <stdlib.h>

/* 2026-01-01 */
#define WALL_START_NS (UINT64_C(1767225600) * NS_PER_SECOND)

struct machine *
machine_new(struct world *world, size_t number)
{
	struct machine *machine = xzalloc(sizeof(*machine));

	machine->world = world;
	machine->number = number;
	snprintf(machine->name, sizeof(machine->name), "m%zu", number + 1);
	snprintf(machine->peer_url, sizeof(machine->peer_url), "http://10.0.0.%zu:7001",
	    number + 1);
	snprintf(machine->client_url, sizeof(machine->client_url), "http://10.0.0.%zu:4001",
	    number + 1);
	machine->retired = true;
	machine->clock_rate = 1000;
	machine->clock_base_ms = world_below(world, 1000000);
	machine->wall_offset_ns = (int64_t)world_below(world, 200) * 1000000;
	machine->worker_count = 1 + world->profile.workers + (world->profile.senseless_ms != 0);
	machine->workers = xmalloc(machine->worker_count * sizeof(struct sim_worker *));
	for (size_t i = 0; i < machine->worker_count; i++)
		machine->workers[i] = worker_new(machine, i);
	return machine;
}

void
machine_free(struct machine **machine_pointer)
{
	struct machine *machine = *machine_pointer;

	node_free(&machine->node);
	for (size_t i = 0; i < machine->worker_count; i++)
		worker_free(&machine->workers[i]);
	free(machine->workers);
	sim_disk_free(&machine->disk);
	for (size_t i = 0; i < machine->old_count; i++)
		sim_disk_free(&machine->old_disks[i]);
	free(machine->old_disks);
	buf_free(&machine->peer_out);
	free(machine);
	*machine_pointer = NULL;
}

uint64_t
machine_node_id(const struct machine *machine)
{
	return machine->disk == NULL ? 0 : machine->disk->identity.node_id;
}

struct machine *
machine_of_id(struct world *world, uint64_t node_id)
{
	for (size_t i = 0; i < world->machine_count; i++)
		if (node_id != 0 && machine_node_id(world->machines[i]) == node_id)
			return world->machines[i];
	return NULL;
}

static uint64_t
monotonic_ms(const struct machine *machine)
{
	return machine->clock_base_ms +
	    (machine->world->now_ms - machine->clock_since_ms) * machine->clock_rate / 1000;
}

struct clock_time
machine_clock(const struct machine *machine)
{
	return (struct clock_time){
		.monotonic_ms = monotonic_ms(machine),
		.monotonic_ns = monotonic_ms(machine) * NS_PER_MS,
		.wall_ns = (uint64_t)(machine->wall_offset_ns +
		    (int64_t)(WALL_START_NS + machine->world->now_ms * NS_PER_MS)),
	};
}

void
machine_set_rate(struct machine *machine, uint64_t rate)
{
	machine->clock_base_ms = monotonic_ms(machine);
	machine->clock_since_ms = machine->world->now_ms;
	machine->clock_rate = rate;
}

int
machine_phase(const struct machine *machine)
{
	struct msg_status status;

	if (machine->node == NULL)
		return PHASE_RECOVERING;
	node_status(machine->node, &status);
	return status.phase;
}

bool
machine_serves(const struct machine *machine)
{
	return machine_phase(machine) == PHASE_MEMBER;
}

/* ---- node_io -------------------------------------------------------------------- */

#define DISK_ASKS(name, parameters, arguments) \
	static uint64_t io_##name parameters \
	{ \
		struct sim_disk *disk = ((struct machine *)argument)->disk; \
		return sim_disk_##name arguments; \
	}
#define DISK_TELLS(name, parameters, arguments) \
	static void io_##name parameters \
	{ \
		struct sim_disk *disk = ((struct machine *)argument)->disk; \
		sim_disk_##name arguments; \
	}
#include "raftd/node_disk_table.h"

static struct buf *
io_peer_out(void *argument)
{
	struct machine *machine = argument;

	return &machine->peer_out;
}

static struct blob *
take_frame(struct buf *frame)
{
	struct blob *bytes = blob_new(buf_slice(frame));

	buf_free(frame);
	return bytes;
}

static void
io_outcome(void *argument, uint64_t session, uint64_t request_id,
    const struct node_outcome *outcome)
{
	struct machine *machine = argument;
	struct sim_worker *worker = worker_of_session(machine, session);
	struct msg_outcome message = {
		.error = (uint16_t)outcome->error,
		.cause = outcome->cause,
		.store_index = outcome->store_index,
		.raft_index = outcome->raft_index,
		.raft_term = outcome->raft_term,
		.event = outcome->event,
	};
	struct buf frame = BUF_INIT;

	if (session == V3_SESSION)
		v3_answered(machine, request_id, outcome);
	if (worker == NULL)
		return;
	msg_outcome_frame(&frame, request_id, &message);
	if (outcome->more)
		frame_set_flags(frame.data, FRAME_MORE);
	worker_reply(worker, take_frame(&frame));
}

static void
io_watching(void *argument, uint64_t session, uint64_t watch_id, const struct msg_watching *answer)
{
	struct machine *machine = argument;
	struct sim_worker *worker = worker_of_session(machine, session);
	struct buf frame = BUF_INIT;

	if (worker == NULL)
		return;
	msg_watching_frame(&frame, watch_id, answer);
	worker_reply(worker, take_frame(&frame));
}

static void
io_event(void *argument, uint64_t session, const uint64_t *watch_ids, size_t count,
    struct slice event, uint64_t past_bytes)
{
	struct machine *machine = argument;
	struct sim_worker *worker = worker_of_session(machine, session);
	struct buf frame = BUF_INIT, ids = BUF_INIT;

	if (worker == NULL)
		return;
	for (size_t i = 0; i < count; i++)
		codec_put_u64(&ids, watch_ids[i]);
	msg_event_frame(&frame, 0, &(struct msg_event){ buf_slice(&ids), past_bytes, event });
	buf_free(&ids);
	worker_reply(worker, take_frame(&frame));
}

static void
io_stats(void *argument, uint64_t session, uint64_t request_id, const struct msg_stats *stats)
{
	struct machine *machine = argument;
	struct sim_worker *worker = worker_of_session(machine, session);
	struct buf frame = BUF_INIT;

	if (worker == NULL)
		return;
	msg_stats_frame(&frame, request_id, stats);
	worker_reply(worker, take_frame(&frame));
}

/* What it would tell of processes and disks. */
static void
io_condition(void *argument UNUSED, struct buf *out)
{
	condition_record_put(out, &(struct condition_record){ .version = SLICE_LITERAL("sim") });
}

static uint64_t
io_wall_ns(void *argument)
{
	return machine_clock(argument).wall_ns;
}

/* Only a senseless worker asks for backups. */
static void
io_backup_piece(void *argument, uint64_t session, uint64_t request_id,
    const struct msg_backup_piece *piece)
{
	struct machine *machine = argument;
	struct sim_worker *worker = worker_of_session(machine, session);
	struct buf frame = BUF_INIT;

	if (worker == NULL)
		return;
	msg_backup_piece_frame(&frame, request_id, piece);
	worker_reply(worker, take_frame(&frame));
}

static void
drained(struct world *world, struct sim_event *event)
{
	(void)world;
	if (event->machine->life == event->life)
		machine_wake(event->machine);
}

/* A worker is full now and then: then history has to wait until it has room. */
static size_t
io_queued(void *argument, uint64_t session)
{
	struct machine *machine = argument;
	struct world *world = machine->world;
	struct sim_event *event;

	const struct sim_worker *worker = worker_of_session(argument, session);

	if ((world->now_ms + session) % 8 != 0)
		return worker == NULL ? 0 : worker->queued_bytes;
	if (machine->drains_at_ms <= world->now_ms) {
		machine->drains_at_ms = world->now_ms + 1;
		event = world_after(world, 1, drained);
		event->machine = machine;
		event->life = machine->life;
	}
	return CATCH_UP_QUEUE_BYTES;
}

/* Simulated workers keep no rendered bodies. */
static void
io_changed(void *argument UNUSED, const struct msg_changed *changed UNUSED)
{
}

static void
io_status(void *argument, const struct msg_status *status)
{
	struct machine *machine = argument;

	world_tell(machine->world, machine, "status phase=%u role=%u term=%" PRIu64
	    " commit=%" PRIu64 " applied=%" PRIu64 " store=%" PRIu64 " leader=%016" PRIx64,
	    status->phase, status->role, status->term, status->commit, status->applied,
	    status->store_index, status->leader_id);
}

static void
io_note(void *argument, enum diag_level level, const char *format UNUSED, const char *text)
{
	struct machine *machine = argument;

	(void)level;
	world_tell(machine->world, machine, "note: %s", text);
}

static void
io_end(void *argument, enum exit_code code, const char *sentence)
{
	struct machine *machine = argument;

	world_tell(machine->world, machine, "asks to end, code %d: %s", (int)code, sentence);
	machine->ended = true;
	machine->end_code = code;
}

static void
io_retire(void *argument, struct slice peers, uint64_t wait_ms)
{
	struct machine *machine = argument;

	world_tell(machine->world, machine, "gives its id up, to ask %.*s in %" PRIu64 " ms",
	    SLICE_ARGS(peers), wait_ms);
	machine->ended = true;
	machine->end_code = EXIT_RETIRED;
	machine->retire_wait_ms = wait_ms;
	check_retired(machine);
}

static void
io_moved(void *argument, bool done)
{
	struct machine *machine = argument;

	world_tell(machine->world, machine, "leader moved: %s", done ? "yes" : "no");
}

/* ---- turns --------------------------------------------------------------------------- */

static void
send_frames(struct machine *machine)
{
	struct buf out = machine->peer_out;
	struct slice rest = buf_slice(&out);

	machine->peer_out = (struct buf)BUF_INIT;
	while (rest.size > 0) {
		struct frame frame;
		size_t used;
		enum err err = frame_parse(rest, &frame, &used);

		ASSERT(err == ERR_NONE);
		sim_net_send(machine, &frame);
		rest = slice_of(rest.data + used, rest.size - used);
	}
	buf_clear(&out);
	machine->peer_out = out;
}

static void take_turn(struct world *world, struct sim_event *event);

/* One event wakes it at the node's deadline. */
static void
set_timer(struct machine *machine)
{
	uint64_t deadline_ms = node_deadline(machine->node), now_ms = monotonic_ms(machine);
	uint64_t delay_ms;

	world_cancel(machine->world, &machine->timer);
	if (deadline_ms == UINT64_MAX)
		return;
	delay_ms = deadline_ms <= now_ms ? 0 : deadline_ms - now_ms;
	/* Its clock may run at another rate; waking early is harmless, it asks again. */
	delay_ms = MIN_OF(delay_ms, UINT64_C(3600000)) * 1000 / machine->clock_rate;
	if (deadline_ms > now_ms && delay_ms == 0)
		delay_ms = 1;
	machine->timer = world_after(machine->world, delay_ms, take_turn);
	machine->timer->machine = machine;
	machine->timer->flags = 1;
}

static void
run_node_turn(struct machine *machine)
{
	check_spins(machine);
	node_turn(machine->node, machine_clock(machine));
	check_turn(machine);
	send_frames(machine);
	if (machine->ended) {
		operator_ended(machine);
		return;
	}
	set_timer(machine);
}

static void
take_turn(struct world *world, struct sim_event *event)
{
	struct machine *machine = event->machine;

	(void)world;
	if (event->flags == 1)
		machine->timer = NULL;
	else
		machine->turn = NULL;
	run_node_turn(machine);
}

void
machine_wake(struct machine *machine)
{
	if (machine->turn != NULL)
		return;
	machine->turn = world_after(machine->world, 0, take_turn);
	machine->turn->machine = machine;
}

/* ---- birth and death -------------------------------------------------------------------- */

static void
load_disk(struct machine *machine)
{
	const struct sim_disk *disk = machine->disk;
	const char *where = "";

	for (size_t i = 0; i < disk->state.count; i++)
		if (node_load_state(machine->node, blob_slice(disk->state.records[i].key),
		    blob_slice(disk->state.records[i].value)) != ERR_NONE)
			sim_fail(machine->world, machine, "a record of the applied state cannot "
			    "be loaded");
	for (size_t i = 0; i < disk->log.count; i++)
		if (node_load_entry(machine->node, &disk->log.entries[disk->log.start + i]) !=
		    ERR_NONE)
			sim_fail(machine->world, machine, "a log entry cannot be loaded");
	if (node_start(machine->node, machine_clock(machine), &where) != ERR_NONE)
		sim_fail(machine->world, machine, "node does not start: %s", where);
}

/* Nobody looks at it: these workers watch nothing of the v3 keys, but some say anything. */
#define IO_IGNORES(name) \
	static void \
	io_##name(void *argument UNUSED, uint64_t session UNUSED, uint64_t id UNUSED, \
	    const struct msg_##name *m UNUSED) \
	{ \
	}
IO_IGNORES(v3_watching)
IO_IGNORES(v3_events)
IO_IGNORES(v3_past)
IO_IGNORES(v3_progress)

void
machine_start(struct machine *machine)
{
	struct world *world = machine->world;
	const struct initial_cluster *initial;
	struct wal_recovered recovered;
	struct node_io io = {
#define DISK_ASKS(name, parameters, arguments) .name = io_##name,
#define DISK_TELLS(name, parameters, arguments) .name = io_##name,
#include "raftd/node_disk_table.h"
		.peer_out = io_peer_out,
		.outcome = io_outcome,
		.watching = io_watching,
		.event = io_event,
		.v3_watching = io_v3_watching,
		.v3_events = io_v3_events,
		.v3_past = io_v3_past,
		.v3_progress = io_v3_progress,
		.stats = io_stats,
		.backup_piece = io_backup_piece,
		.queued = io_queued,
		.changed = io_changed,
		.status = io_status,
		.note = io_note,
		.end = io_end,
		.retire = io_retire,
		.moved = io_moved,
		.condition = io_condition,
		.wall_ns = io_wall_ns,
		.argument = machine,
	};

	if (machine->node != NULL)
		return;
	if (machine->disk == NULL)
		machine->disk = sim_disk_new(machine, machine->name);
	initial = together_list(machine);
	sim_disk_recovered(machine->disk, &recovered);
	world_tell(world, machine, "raftd starts: id=%016" PRIx64 " term=%" PRIu64
	    " last=%" PRIu64 " applied=%" PRIu64 " commit=%" PRIu64,
	    recovered.identity.node_id, recovered.hard_state.term, recovered.last.index,
	    recovered.applied.index, recovered.commit);
	machine->config = (struct node_config){
		.peer_url = machine->peer_url,
		.client_url = machine->client_url,
		.data_dir = machine->name,
		.heartbeat_ms = world->profile.heartbeat_ms,
		.election_ms = world->profile.election_ms,
		.request_timeout_ms = world->profile.request_timeout_ms,
		.trim_log = world->profile.trim_entries > 0,
		.trim_entries = world->profile.trim_entries,
		.watches_max = 10000,
		.v3_quota_bytes = world->profile.v3_quota_bytes,
		.v3_compact_ms = world->profile.v3_compact_ms,
		.append_bytes_max = world->profile.append_bytes_max,
		.answer_piece_bytes = world->profile.answer_piece_bytes,
		.session_answer_bytes = world->profile.session_answer_bytes,
		.log_memory_bytes = world->profile.log_memory_bytes,
		/* So little in some seeds that a turn ends in the middle of its entries, and
		 * what is removed is freed over many. */
		.effects_bytes_max = world->profile.effects_bytes_max,
		.effects_entries_max = world->profile.effects_entries_max,
		/* In half of them no value is copied. */
		.tail_bytes_min = world->seed % 2,
		.sweep_nodes_max = 2 + world->seed % 4,
		.catch_up_bytes = world->profile.catch_up_bytes,
		.catch_up_looks = world->profile.catch_up_looks,
		.catch_up_untaken = world->profile.catch_up_untaken,
		.watch_piece_bytes = world->profile.watch_piece_bytes,
		.turn_hits_max = world->profile.turn_hits_max,
		.seed = rand_next(&world->rand),
		.new_cluster_id = world->seed | 1,
		.initial = initial,
		.join = machine->join || initial != NULL,
		/* In one seed of four a member that is down for a while is removed. */
		.cluster = {
			.remove_delay_ms = world_removes_silent(world) ? REMOVE_DELAY_MS_MIN : 0,
		},
		.resumes = machine->raftd_died,
	};
	machine->raftd_died = false;
	machine->life++;
	machine->ended = false;
	machine->doomed = false;
	machine->seen_store_index = 0;
	machine->started_ms = world->now_ms;
	machine->node = node_new(&machine->config, io, &recovered);
	load_disk(machine);
	check_started(machine);
	node_disk_space(machine->node, &machine->disk->space);
	send_frames(machine);
	machine_wake(machine);
	for (size_t i = 0; i < machine->worker_count; i++)
		worker_attach(machine->workers[i]);
	sim_net_up(machine);
}

void
machine_crash(struct machine *machine, enum machine_crash_kind kind)
{
	static const char *const kinds[] = { "raftd is killed", "node is killed", "power is cut" };

	if (machine->node == NULL)
		return;
	world_tell(machine->world, machine, "%s", kinds[kind]);
	machine->world->crashes++;
	if (world_chance(machine->world, 500))
		machine->muted_life = machine->life;
	machine->life++;
	node_free(&machine->node);
	buf_free(&machine->peer_out);
	world_cancel(machine->world, &machine->turn);
	world_cancel(machine->world, &machine->timer);
	sim_disk_crash(machine->disk);
	machine->paused_until = 0;
	for (size_t i = 0; i < machine->worker_count; i++) {
		worker_detach(machine->workers[i]);
		if (kind != CRASH_RAFTD)
			worker_die(machine->workers[i]);
	}
	machine->raftd_died = kind == CRASH_RAFTD;
	if (kind == CRASH_NODE)
		sim_net_refused(machine);
}

void
machine_wipe(struct machine *machine)
{
	ASSERT(machine->node == NULL);
	world_tell(machine->world, machine, "data directory is lost");
	machine->disk->lost = true;
	machine->old_disks = xgrow(machine->old_disks, &machine->old_capacity,
	    machine->old_count + 1, sizeof(struct sim_disk *));
	machine->old_disks[machine->old_count++] = machine->disk;
	machine->disk = NULL;
	machine->join = true;
}

void
machine_pause(struct machine *machine, uint64_t ms)
{
	if (machine->node == NULL)
		return;
	world_tell(machine->world, machine, "stands still for %" PRIu64 " ms", ms);
	machine->paused_until = machine->world->now_ms + ms;
}
