/*
 * sim_fault.c - each kind of fault comes again and again by itself; what it
 * broke is mended by an event of its own.
 */
#include "tests/sim/sim_fault.h"

#include "tests/sim/sim_limits.h"
#include "tests/sim/sim_machine.h"
#include "tests/sim/sim_moves.h"
#include "tests/sim/sim_net.h"
#include "tests/sim/sim_operator.h"
#include "tests/sim/sim_senseless.h"
#include "tests/sim/sim_users.h"
#include "tests/sim/sim_v3.h"
#include "tests/sim/sim_worker.h"

#include <inttypes.h>

/* A cluster is let form before the worst begins. */
#define FIRST_FAULT_MS 1000

/* Most seeds leave most faults out, so that the others are met undisturbed. */
static uint64_t
mean_or_none(struct world *world, unsigned per_mille, uint64_t low_ms, uint64_t high_ms)
{
	uint64_t mean_ms = world_between(world, low_ms, high_ms);

	return world_chance(world, per_mille) ? mean_ms : 0;
}

static void
network_profile(struct world *world, struct sim_profile *profile)
{
	profile->latency_min_ms = world_below(world, 3);
	profile->latency_max_ms = profile->latency_min_ms + world_below(world, 15);
	if (world_chance(world, 400)) {
		profile->loss = (unsigned)world_below(world, 100);
		profile->twice = (unsigned)world_below(world, 100);
		profile->reorder = (unsigned)world_below(world, 200);
	}
}

static void
disk_profile(struct world *world, struct sim_profile *profile)
{
	profile->sync_min_ms = world_below(world, 3);
	profile->sync_max_ms = profile->sync_min_ms + 1 + world_below(world, 20);
	if (world_chance(world, 300)) {
		profile->stall = (unsigned)world_below(world, 30);
		profile->stall_ms = 100 + world_below(world, 900);
	}
	profile->hang_ms = mean_or_none(world, 250, 1000, 6000);
	profile->full_ms = mean_or_none(world, 250, 1000, 6000);
	if (world_chance(world, 250))
		profile->slow_reads = 1 + (unsigned)world_below(world, 500);
	if (world_chance(world, 150))
		profile->sync_fails = 1 + (unsigned)world_below(world, 8);
}

/* So many writes that who is cut off for a while is a window of events behind,
 * and needs a snapshot. */
static void
flood_profile(struct world *world, struct sim_profile *profile)
{
	profile->think_ms = 3;
	profile->reads = 100;
	profile->clients = 3;
	profile->workers = 2;
	profile->watches = 2;
	profile->trim_entries = 20;
	profile->fault_ms = MIN_OF(profile->fault_ms, 6000);
	profile->partition_ms = 500;
	profile->latency_max_ms = profile->latency_min_ms + world_below(world, 3);
	profile->sync_max_ms = profile->sync_min_ms + 1 + world_below(world, 3);
}

/* Leaders die just after they were elected, and come back soon; each entry
 * travels alone. Then logs differ as in figure 8 of the Raft paper. */
static void
duel_profile(struct world *world, struct sim_profile *profile)
{
	profile->new_leader_dies = 500 + (unsigned)world_below(world, 400);
	profile->append_bytes_max = 1;
	profile->log_memory_bytes = 0;
	profile->crash_ms = 3000;
	profile->sync_max_ms = profile->sync_min_ms + 1 + world_below(world, 4);
}

/* Who lags needs what only the disk has, and that reads slowly; meanwhile leadership
 * goes away and comes back, and the log is another one. */
static void
lag_profile(struct world *world, struct sim_profile *profile)
{
	profile->slow_reads = 500 + (unsigned)world_below(world, 500);
	profile->trim_entries = 0;
	profile->append_bytes_max = 0;
	profile->log_memory_bytes = 1;
	profile->crash_ms = 0;
	profile->blackout_ms = 0;
	profile->partition_ms = 300 + world_below(world, 900);
	profile->think_ms = 20;
	profile->reads = 200;
	profile->transfer_ms = 200 + world_below(world, 400);
	profile->heartbeat_ms = 20;
	profile->election_ms = 80 + world_below(world, 80);
}

static void
log_profile(struct world *world, struct sim_profile *profile)
{
	if (world_chance(world, 700))
		profile->trim_entries = 3 + world_below(world, world_chance(world, 500) ? 10 : 100);
	if (world_chance(world, 300))
		profile->append_bytes_max = 100 + world_below(world, 1000);
	/* Not both: with one entry for each read of the disk who is behind stays there. */
	else if (world_chance(world, 400))
		profile->log_memory_bytes = world_below(world, 4000) + 1;
}

/* So little at a time that who looks back is behind for long. */
static void
history_profile(const struct world *world, struct sim_profile *profile)
{
	struct rand rand;

	/* Numbers of its own, so that old seeds keep the rest of what they were. */
	rand_seed(&rand, world->seed ^ UINT64_C(0x6869737470726f66));
	if (rand_chance(&rand, 300))
		return;
	profile->catch_up_bytes = 1 + rand_below(&rand, 1000);
	profile->catch_up_looks = 1 + rand_below(&rand, 50);
	profile->catch_up_untaken = 1 + rand_below(&rand, 2000);
	profile->watch_piece_bytes = 1 + rand_below(&rand, 500);
}

/* So few events in a turn that entries are applied in parts, and so few effects of them in a
 * batch that a crash comes between the two. */
static void
hits_profile(const struct world *world, struct sim_profile *profile)
{
	struct rand rand;

	rand_seed(&rand, world->seed ^ UINT64_C(0x6869747370726f71));
	profile->effects_bytes_max = world->seed % 3 == 0 ? 3000 : 0;
	profile->effects_entries_max = world->seed % 4 == 1 ? 20 : 0;
	if (!rand_chance(&rand, 250))
		return;
	profile->turn_hits_max = 1 + rand_below(&rand, 3);
	profile->effects_bytes_max = 100 + rand_below(&rand, 500);
}

/* Answers in small pieces, and little room for what waits to be read. */
static void
read_profile(struct world *world, struct sim_profile *profile)
{
	if (!world_chance(world, 500))
		return;
	profile->answer_piece_bytes = 20 + world_below(world, world_chance(world, 700) ? 60 : 600);
	profile->session_answer_bytes = 100 + world_below(world, 4000);
	if (world_chance(world, 500))
		profile->slow_pieces = (unsigned)world_below(world, 200);
}

void
fault_profile(struct world *world, size_t machines, uint64_t fault_ms)
{
	struct sim_profile *profile = &world->profile;

	profile->machines = machines != 0 ? machines : world_chance(world, 600) ? 3 : 5;
	profile->fault_ms = fault_ms != 0 ? fault_ms : 10000 + world_below(world, 10000);
	network_profile(world, profile);
	disk_profile(world, profile);
	profile->clocks_drift = world_chance(world, 200);
	profile->crash_ms = mean_or_none(world, 600, 500, 4000);
	profile->blackout_ms = mean_or_none(world, 300, 2000, 8000);
	profile->partition_ms = mean_or_none(world, 500, 500, 4000);
	profile->pause_ms = mean_or_none(world, 300, 500, 4000);
	profile->clock_ms = mean_or_none(world, 300, 1000, 5000);
	profile->transfer_ms = mean_or_none(world, 300, 300, 3000);
	profile->member_ms = mean_or_none(world, 400, 1000, 5000);
	profile->worker_ms = mean_or_none(world, 300, 500, 4000);
	profile->workers = 1 + world_below(world, 2);
	profile->clients = 1 + world_below(world, 3);
	profile->watches = world_below(world, 3);
	profile->think_ms = 20 + world_below(world, 200);
	profile->reads = 200 + (unsigned)world_below(world, 500);
	log_profile(world, profile);
	history_profile(world, profile);
	profile->heartbeat_ms = world_chance(world, 700) ? 50 : 20 + world_below(world, 80);
	profile->election_ms = profile->heartbeat_ms * world_between(world, 4, 8);
	profile->request_timeout_ms = 1000 + world_below(world, 3000);
	profile->new_leader_dies = profile->crash_ms != 0 ? 30 : 0;
	read_profile(world, profile);
	if (world_chance(world, 20))
		flood_profile(world, profile);
	else if (world_chance(world, 120))
		duel_profile(world, profile);
	else if (world_chance(world, 80))
		lag_profile(world, profile);
	hits_profile(world, profile);
	limits_profile(world, profile);
	moves_profile(world, profile);
	users_profile(world, profile);
	v3_profile(world, profile);
	senseless_profile(world, profile);
	lock_profile(world, profile);
}

static struct machine *
any_machine(struct world *world)
{
	return world->machines[world_below(world, world->machine_count)];
}

static struct machine *
leader_or_any(struct world *world)
{
	for (size_t i = 0; i < world->machine_count; i++) {
		struct machine *machine = world->machines[i];

		if (machine->node != NULL && raft_role(node_raft(machine->node)) == RAFT_LEADER &&
		    world_chance(world, 700))
			return machine;
	}
	return any_machine(world);
}

/* ---- crashes ------------------------------------------------------------------------ */

static void
restart(struct world *world, struct sim_event *event)
{
	struct machine *machine = event->object;

	(void)world;
	if (!machine->retired)
		machine_start(machine);
}

static void
crash_now(struct machine *machine)
{
	struct world *world = machine->world;
	enum machine_crash_kind kind = (enum machine_crash_kind)world_below(world, 3);
	uint64_t back_ms = kind == CRASH_RAFTD ? world_between(world, 1, 500)
					       : world_between(world, 50, 4000);

	if (world->profile.new_leader_dies > 100)
		back_ms = world_between(world, 1, 1000);

	machine_crash(machine, kind);
	world_after(world, back_ms, restart)->object = machine;
}

static void
crash(struct world *world, struct sim_event *event)
{
	(void)event;
	if (world->healed || world->now_ms >= world->profile.fault_ms)
		return;
	crash_now(leader_or_any(world));
	world_after(world, world_gap(world, world->profile.crash_ms), crash);
}

static void
blackout(struct world *world, struct sim_event *event)
{
	(void)event;
	if (world->now_ms >= world->profile.fault_ms)
		return;
	world_tell(world, NULL, "---- blackout");
	for (size_t i = 0; i < world->machine_count; i++)
		if (world_chance(world, 900))
			crash_now(world->machines[i]);
	world_after(world, world_gap(world, world->profile.blackout_ms), blackout);
}

static void
crash_moment(struct world *world, struct sim_event *event)
{
	struct machine *machine = event->object;

	if (world->now_ms >= world->profile.fault_ms || machine->life != event->life)
		return;
	/* What it sent last is gone with it. */
	machine->muted_life = machine->life;
	crash_now(machine);
}

static void
crash_soon(struct machine *machine, uint64_t delay_ms)
{
	struct sim_event *event = world_after(machine->world, delay_ms, crash_moment);

	event->object = machine;
	event->life = machine->life;
}

void
fault_moment(struct machine *machine, enum fault_moment moment)
{
	struct world *world = machine->world;

	if (world->profile.crash_ms == 0 || world->now_ms < FIRST_FAULT_MS)
		return;
	if (machine->doomed && machine->doom == moment) {
		machine->doomed = false;
		crash_soon(machine, 0);
	} else if (moment == MOMENT_VOTED && world_chance(world, 20)) {
		crash_soon(machine, world_below(world, 20));
	} else if (moment == MOMENT_LEADS && world_chance(world, world->profile.new_leader_dies)) {
		switch (world_below(world, 4)) {
		case 0:
			crash_soon(machine, world_below(world, 40));
			break;
		case 1:
			machine->doomed = true;
			machine->doom = MOMENT_COMMITTED;
			break;
		default:
			machine->doomed = true;
			machine->doom = MOMENT_SYNCED;
			break;
		}
	}
}

/* ---- the network --------------------------------------------------------------------- */

static void
mend(struct world *world, struct sim_event *event)
{
	(void)event;
	for (size_t i = 0; i < world->machine_count; i++)
		for (size_t n = 0; n < world->machine_count; n++)
			sim_net_cut(world, i, n, false);
}

static void
isolate(struct world *world, const struct machine *machine, bool in, bool out)
{
	world_tell(world, machine, "is cut off:%s%s", in ? " in" : "", out ? " out" : "");
	for (size_t i = 0; i < world->machine_count; i++) {
		if (in)
			sim_net_cut(world, i, machine->number, true);
		if (out)
			sim_net_cut(world, machine->number, i, true);
		/* A firewall that refuses makes others think the node is gone. */
		if (i != machine->number && world->machines[i]->node != NULL &&
		    world_chance(world, 200))
			sim_net_false_hint(world->machines[i], machine);
	}
}

static void
split(struct world *world)
{
	uint64_t sides = world_below(world, UINT64_C(1) << world->machine_count);

	world_tell(world, NULL, "network splits %" PRIx64, sides);
	for (size_t i = 0; i < world->machine_count; i++)
		for (size_t n = 0; n < world->machine_count; n++)
			if ((sides >> i & 1) != (sides >> n & 1))
				sim_net_cut(world, i, n, true);
}

static void
scatter(struct world *world)
{
	world_tell(world, NULL, "links break at random");
	for (size_t i = 0; i < world->machine_count; i++)
		for (size_t n = 0; n < world->machine_count; n++)
			if (world_chance(world, 300))
				sim_net_cut(world, i, n, true);
}

static void
partition(struct world *world, struct sim_event *event)
{
	(void)event;
	if (world->now_ms >= world->profile.fault_ms)
		return;
	world->partitions++;
	switch (world_below(world, 6)) {
	case 0:
		split(world);
		break;
	case 1:
		scatter(world);
		break;
	case 2:
		isolate(world, leader_or_any(world), true, false);
		break;
	case 3:
		isolate(world, leader_or_any(world), false, true);
		break;
	default:
		isolate(world, leader_or_any(world), true, true);
		break;
	}
	world_after(world, world_between(world, 50, 4000), mend);
	world_after(world, world_gap(world, world->profile.partition_ms), partition);
}

/* ---- time ----------------------------------------------------------------------------------- */

static void
stand_still(struct world *world, struct sim_event *event)
{
	(void)event;
	if (world->now_ms >= world->profile.fault_ms)
		return;
	machine_pause(leader_or_any(world), world_between(world, 20, 3000));
	world_after(world, world_gap(world, world->profile.pause_ms), stand_still);
}

static void
jump(struct world *world, struct sim_event *event)
{
	static const int64_t jumps_s[] = { 3600, -3600, 5, -5, 1, -1 };
	struct machine *machine = leader_or_any(world);
	int64_t jump_s = jumps_s[world_below(world, ARRAY_COUNT(jumps_s))];

	(void)event;
	if (world->now_ms >= world->profile.fault_ms)
		return;
	world_tell(world, machine, "wall clock jumps by %" PRId64 " s", jump_s);
	machine->wall_offset_ns += jump_s * 1000000000;
	world_after(world, world_gap(world, world->profile.clock_ms), jump);
}

/* ---- disks ---------------------------------------------------------------------------------- */

static void
hang(struct world *world, struct sim_event *event)
{
	struct machine *machine = leader_or_any(world);
	uint64_t ms = world_between(world, 50, 4000);

	(void)event;
	if (world->now_ms >= world->profile.fault_ms)
		return;
	if (machine->disk != NULL) {
		world_tell(world, machine, "disk hangs for %" PRIu64 " ms", ms);
		world->disk_faults++;
		sim_disk_hang(machine->disk, world->now_ms + ms);
	}
	world_after(world, world_gap(world, world->profile.hang_ms), hang);
}

static void
empty(struct world *world, struct sim_event *event)
{
	struct machine *machine = event->object;

	if (machine->disk == NULL || machine->disk->identity.node_id != event->number)
		return;
	world_tell(world, machine, "disk has space again");
	sim_disk_fill(machine->disk, false, false);
}

static void
fill_one(struct machine *machine)
{
	struct world *world = machine->world;
	bool held = world_chance(world, 500);
	struct sim_event *event;

	if (machine->disk == NULL)
		return;
	world_tell(world, machine, "disk is full%s", held ? ", nothing is written" : "");
	world->disk_faults++;
	sim_disk_fill(machine->disk, true, held);
	event = world_after(world, world_between(world, 50, 5000), empty);
	event->object = machine;
	event->number = machine->disk->identity.node_id;
}

static void
fill(struct world *world, struct sim_event *event)
{
	(void)event;
	if (world->now_ms >= world->profile.fault_ms)
		return;
	if (world_chance(world, 200)) {
		for (size_t i = 0; i < world->machine_count; i++)
			fill_one(world->machines[i]);
	} else {
		fill_one(leader_or_any(world));
	}
	world_after(world, world_gap(world, world->profile.full_ms), fill);
}

/* An operator looks at the disk, finds it good and starts the node again. */
bool
fault_sync_fails(struct machine *machine)
{
	struct world *world = machine->world;

	if (world->now_ms < FIRST_FAULT_MS || !world_chance(world, world->profile.sync_fails))
		return false;
	world_tell(world, machine, "sync fails");
	world->disk_faults++;
	machine_crash(machine, CRASH_NODE);
	world_after(world, world_between(world, 50, 3000), restart)->object = machine;
	return true;
}

/* ---- processes and operators ------------------------------------------------------------- */

static void
kill_worker(struct world *world, struct sim_event *event)
{
	struct machine *machine = any_machine(world);

	(void)event;
	if (world->now_ms >= world->profile.fault_ms)
		return;
	worker_die(machine->workers[world_below(world, machine->worker_count)]);
	world_after(world, world_gap(world, world->profile.worker_ms), kill_worker);
}

static void
transfer(struct world *world, struct sim_event *event)
{
	struct machine *machine = leader_or_any(world);

	(void)event;
	if (world->now_ms >= world->profile.fault_ms)
		return;
	if (machine->node != NULL) {
		struct slice to = SLICE_EMPTY;

		if (world_chance(world, 500))
			to = slice_text(any_machine(world)->name);
		world_tell(world, machine, "is to hand over to \"%.*s\"", SLICE_ARGS(to));
		node_move_leader(machine->node, to);
		machine_wake(machine);
	}
	world_after(world, world_gap(world, world->profile.transfer_ms), transfer);
}

static void
change_members(struct world *world, struct sim_event *event)
{
	(void)event;
	if (world->now_ms >= world->profile.fault_ms)
		return;
	operator_change(world);
	world_after(world, world_gap(world, world->profile.member_ms), change_members);
}

static void
begin(struct world *world, uint64_t mean_ms, void (*run)(struct world *, struct sim_event *))
{
	if (mean_ms > 0)
		world_after(world, FIRST_FAULT_MS + world_gap(world, mean_ms), run);
}

void
fault_start(struct world *world)
{
	const struct sim_profile *profile = &world->profile;

	begin(world, profile->crash_ms, crash);
	begin(world, profile->blackout_ms, blackout);
	begin(world, profile->partition_ms, partition);
	begin(world, profile->pause_ms, stand_still);
	begin(world, profile->clock_ms, jump);
	begin(world, profile->hang_ms, hang);
	begin(world, profile->full_ms, fill);
	begin(world, profile->transfer_ms, transfer);
	begin(world, profile->member_ms, change_members);
	begin(world, profile->worker_ms, kill_worker);
	if (profile->clocks_drift)
		for (size_t i = 0; i < world->machine_count; i++)
			machine_set_rate(world->machines[i], world_between(world, 700, 1400));
}

void
fault_heal(struct world *world)
{
	sim_net_heal(world);
	world->profile.stall = 0;
	world->profile.sync_fails = 0;
	world->profile.slow_reads = 0;
	for (size_t i = 0; i < world->machine_count; i++) {
		if (world->machines[i]->disk != NULL) {
			sim_disk_hang(world->machines[i]->disk, 0);
			sim_disk_fill(world->machines[i]->disk, false, false);
		}
		machine_set_rate(world->machines[i], 1000);
		if (!world->machines[i]->retired)
			machine_start(world->machines[i]);
	}
}
