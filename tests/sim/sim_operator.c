/*
 * sim_operator.c - forming the cluster, removing, replacing, moving members, places for them.
 *
 * Each machine:
 *
 *	joining --its node asks, is let in, votes--> member
 *	member --asked to be removed--> removing --answered--> removed
 *	removed --after a while, with an empty directory--> joining
 *	removed, not for good, or demoted --its node begins anew--> joining
 *	member --its data is lost--> joining (the same name, another id)
 *
 * A cluster survives the loss of one voter's data only if the others keep
 * theirs and no change of members is on its way: lose_data waits for that.
 */
#include "tests/sim/sim_operator.h"

#include "common/ipc/wire.h"
#include "common/xmem.h"
#include "tests/sim/sim_check.h"
#include "tests/sim/sim_net.h"
#include "tests/sim/sim_together.h"

#include <inttypes.h>
#include <stdlib.h>

#define TICK_MS 100
/* What an earlier change left on its way has come to its end by then. */
#define CHANGE_SETTLE_MS 8000
#define HEARD_MS 1000

enum standing { STAND_NONE, STAND_JOINING, STAND_MEMBER, STAND_REMOVING, STAND_REMOVED };

struct seat {
	enum standing standing;
	bool asking;		/* a request for it is under way */
	bool forget;		/* it is being removed for good */
	uint64_t again_at_ms;	/* next step not before */
};

struct sim_operator {
	struct world *world;
	struct seat seats[SIM_MACHINES_MAX];
	uint64_t changed_ms;	/* when a change was last under way */
	unsigned removals;	/* begun; every other one is for good */
	unsigned retirements;	/* every third one is lost to a power cut first */
	unsigned changes, ticks;
	bool smaller;		/* the active size was lowered, or is to be; until it is raised */
	bool sizing;		/* a request for it is under way */
	uint64_t raise_ms;
};

struct sim_operator *
operator_new(struct world *world)
{
	struct sim_operator *operator = xzalloc(sizeof(*operator));

	operator->world = world;
	return operator;
}

void
operator_free(struct sim_operator **operator)
{
	free(*operator);
	*operator = NULL;
}

static struct seat *
seat_of(const struct machine *machine)
{
	return &machine->world->operator->seats[machine->number];
}

bool
operator_settled(const struct world *world)
{
	if (world->operator->smaller)
		return false;
	for (size_t i = 0; i < world->machine_count; i++)
		if (world->operator->seats[i].standing != STAND_MEMBER)
			return false;
	return true;
}

static bool
is_voter(const struct world *world, peer_id id)
{
	const struct raft_conf *conf = model_conf(world->model);

	for (size_t i = 0; i < conf->voter_count; i++)
		if (conf->voters[i] == id)
			return true;
	return false;
}

static bool
is_in_conf(const struct world *world, peer_id id)
{
	const struct raft_conf *conf = model_conf(world->model);

	for (size_t i = 0; i < conf->learner_count; i++)
		if (conf->learners[i] == id)
			return true;
	return is_voter(world, id);
}

/* A member, other than machine, that can be asked now. */
static struct machine *
somebody(const struct machine *machine)
{
	struct world *world = machine->world;
	size_t first = world_below(world, world->machine_count);

	for (size_t i = 0; i < world->machine_count; i++) {
		struct machine *other = world->machines[(first + i) % world->machine_count];

		if (other != machine && machine_serves(other) && other->workers[0]->attached &&
		    !sim_net_is_cut(world, machine->number, other->number) &&
		    !sim_net_is_cut(world, other->number, machine->number))
			return other;
	}
	return NULL;
}

/* ---- joining ---------------------------------------------------------------------- */

static void
join_answered(struct sim_request *request, const struct msg_outcome *outcome)
{
	struct machine *machine = request->owner;
	struct machine *through = request->worker->machine;
	struct world *world = machine->world;
	struct seat *seat = seat_of(machine);
	struct msg_status status;
	struct msg_joined joined;

	check_member_change(request, outcome);
	seat->asking = false;
	seat->again_at_ms = world->now_ms + world_between(world, 50, 500);
	world_tell(world, machine, "join is answered: %d", outcome == NULL ? -1 : outcome->error);
	if (outcome == NULL || outcome->error != ERR_NONE || machine->node == NULL ||
	    through->node == NULL)
		return;
	node_status(through->node, &status);
	joined = (struct msg_joined){ .cluster_id = status.cluster_id, .members = status.members };
	check_joined(machine);
	node_joined(machine->node, &joined);
	machine_wake(machine);
}

/* ---- places ----------------------------------------------------------------------- */

/* Clients ask at the client port; of one that was taken over nobody gets an answer. */
static struct sim_worker *
for_clients(const struct machine *machine)
{
	return machine->workers[machine->world->profile.workers];
}

static void
place_answered(struct sim_request *request, const struct msg_outcome *outcome)
{
	check_member_change(request, outcome);
}

/* Of a machine that is to join; it takes that, or joins without, whichever comes first. */
static void
ask_for_place(struct machine *machine)
{
	struct machine *through = somebody(machine);
	struct msg_place_change change = { .op = PLACE_MAKE,
		.id = 1 + world_below(machine->world, UINT64_MAX),
		.peer_urls = slice_text(machine->peer_url), .asker = SLICE_LITERAL("operator") };

	if (through == NULL || !for_clients(through)->attached)
		return;
	worker_place_change(for_clients(through), &change)->done = place_answered;
	world_tell(machine->world, machine, "is made a place through %s", through->name);
}

/* A place keeps room, so one goes that no joining machine will take. */
static void
drop_places(struct world *world)
{
	struct machine *asked;
	const char *url;
	size_t at = 0;
	uint64_t id;

	/* Where there is none nothing is drawn. */
	if (model_open_place(world->model, &at, &url) == 0)
		return;
	asked = world->machines[world_below(world, world->machine_count)];
	if (!machine_serves(asked) || !for_clients(asked)->attached)
		return;
	for (at = 0; (id = model_open_place(world->model, &at, &url)) != 0;) {
		struct msg_place_change change = { .op = PLACE_REMOVE, .id = id };
		bool wanted = false;

		for (size_t i = 0; i < world->machine_count; i++)
			wanted = wanted || (world->operator->seats[i].standing == STAND_JOINING &&
			    strcmp(world->machines[i]->peer_url, url) == 0);
		if (!wanted)
			worker_place_change(for_clients(asked), &change)->done = place_answered;
	}
}

static void
ask_to_join(struct machine *machine)
{
	struct machine *through = somebody(machine);
	struct msg_member_change change = {
		.op = MEMBER_JOIN,
		.id = machine_node_id(machine),
		.name = slice_text(machine->name),
		.peer_url = slice_text(machine->peer_url),
		.client_url = slice_text(machine->client_url),
	};
	struct sim_request *request;

	if (through == NULL)
		return;
	request = worker_member_change(through->workers[0], &change);
	request->done = join_answered;
	request->owner = machine;
	seat_of(machine)->asking = true;
	world_tell(machine->world, machine, "asks to join through %s, request %" PRIu64,
	    through->name, request->id);
}

static void
step_joining(struct machine *machine)
{
	struct seat *seat = seat_of(machine);

	if (is_voter(machine->world, machine_node_id(machine)) && machine_serves(machine)) {
		seat->standing = STAND_MEMBER;
		world_tell(machine->world, machine, "is a member");
	} else if (together_waits(machine)) {
		together_step(machine);
	} else if (machine_phase(machine) == PHASE_JOINING && !seat->asking &&
	    seat->again_at_ms <= machine->world->now_ms) {
		ask_to_join(machine);
	}
}

/* ---- leaving ------------------------------------------------------------------------ */

static void
removal_answered(struct sim_request *request, const struct msg_outcome *outcome)
{
	struct machine *machine = request->owner;
	struct world *world = machine->world;
	struct seat *seat = seat_of(machine);

	check_member_change(request, outcome);
	seat->asking = false;
	seat->again_at_ms = world->now_ms + world_between(world, 50, 500);
	world_tell(world, machine, "removal is answered: %d", outcome == NULL ? -1 :
	    outcome->error);
	if (outcome == NULL || seat->standing != STAND_REMOVING ||
	    (outcome->error != ERR_NONE && outcome->error != ERR_KEY_NOT_FOUND &&
	    outcome->error != ERR_NOT_FOUND && outcome->error != ERR_REMOVED))
		return;
	seat->standing = STAND_REMOVED;
	seat->again_at_ms = world->now_ms + world_between(world, 100, 4000);
}

static void
step_removing(struct machine *machine)
{
	struct seat *seat = seat_of(machine);
	struct machine *through = somebody(machine);
	struct msg_member_change change = {
		.op = seat->forget ? MEMBER_FORGET : MEMBER_REMOVE,
		.name = slice_text(machine->name),
	};
	uint64_t place = model_place_of(machine->world->model, machine_node_id(machine));
	struct msg_place_change wish = { .op = PLACE_REMOVE, .id = place };
	struct sim_request *request;

	if (seat->asking || seat->again_at_ms > machine->world->now_ms)
		return;
	/* Operators reach whom they like: itself, or one that is cut off. */
	if (world_chance(machine->world, 500))
		through = machine->world->machines[world_below(machine->world,
		    machine->world->machine_count)];
	if (through == NULL || !machine_serves(through) || !through->workers[0]->attached)
		return;
	/* By the id that clients know it by, if it has one of its own. */
	request = seat->forget && place != 0 && for_clients(through)->attached ?
	    worker_place_change(for_clients(through), &wish) :
	    worker_member_change(through->workers[0], &change);
	request->done = removal_answered;
	request->owner = machine;
	seat->asking = true;
	world_tell(machine->world, machine, "is to be removed, through %s, request %" PRIu64,
	    through->name, request->id);
}

static void
step_removed(struct machine *machine)
{
	struct seat *seat = seat_of(machine);

	if (seat->again_at_ms > machine->world->now_ms)
		return;
	if (is_in_conf(machine->world, machine_node_id(machine)))
		sim_fail(machine->world, machine, "is told to be removed, but is a member");
	machine_crash(machine, CRASH_NODE);
	machine_wipe(machine);
	seat->standing = STAND_JOINING;
	machine->retired = false;
	if (world_chance(machine->world, 500))
		ask_for_place(machine);
	machine_start(machine);
}

/* Its directory becomes that of another node, if it lives long enough to see to it. */
static void
begin_anew(struct machine *machine)
{
	struct seat *seat = seat_of(machine);
	bool lost = machine->world->operator->retirements++ % 3 == 2;

	if (is_in_conf(machine->world, machine_node_id(machine)))
		sim_fail(machine->world, machine, "raftd gives its id up, but is a member");
	machine_crash(machine, lost ? CRASH_POWER : CRASH_RAFTD);
	if (!lost) {
		machine_wipe(machine);
		/* A removal that is not answered yet has to come to its end first. */
		if (seat->standing != STAND_REMOVING)
			seat->standing = STAND_JOINING;
		seat->again_at_ms = machine->world->now_ms + machine->retire_wait_ms;
	}
	machine_start(machine);
}

void
operator_ended(struct machine *machine)
{
	struct seat *seat = seat_of(machine);

	if (machine->end_code == EXIT_RETIRED) {
		begin_anew(machine);
		return;
	}
	if (machine->end_code != EXIT_REMOVED)
		sim_fail(machine->world, machine, "raftd ends with code %d",
		    (int)machine->end_code);
	if (is_in_conf(machine->world, machine_node_id(machine)))
		sim_fail(machine->world, machine, "raftd ends as removed, but is a member");
	machine_crash(machine, CRASH_NODE);
	machine->retired = true;
	if (seat->standing == STAND_REMOVED)
		return;
	seat->standing = STAND_REMOVED;
	seat->again_at_ms = machine->world->now_ms + world_between(machine->world, 100, 4000);
}

/* ---- changes --------------------------------------------------------------------------- */

/* No change of members is in any log that is not committed. */
static bool
no_change_in_logs(const struct world *world)
{
	for (size_t i = 0; i < world->machine_count; i++) {
		const struct sim_disk *disk = world->machines[i]->disk;

		for (raft_index index = check_committed(world) + 1;
		     index <= sim_log_last(&disk->written); index++) {
			const struct raft_entry *entry = sim_log_at(&disk->written, index);

			if (entry != NULL && entry->type == RAFT_ENTRY_CONF)
				return false;
		}
	}
	return true;
}

/* The leader of the day hears all others: it is about to remove none for its silence. */
static bool
all_are_heard(const struct world *world)
{
	const struct machine *leader = NULL;

	for (size_t i = 0; i < world->machine_count; i++) {
		const struct machine *machine = world->machines[i];

		if (machine->node == NULL)
			return false;
		if (raft_role(node_raft(machine->node)) == RAFT_LEADER && (leader == NULL ||
		    raft_current_term(node_raft(machine->node)) >
		    raft_current_term(node_raft(leader->node))))
			leader = machine;
	}
	for (size_t i = 0; leader != NULL && i < world->machine_count; i++) {
		const struct machine *machine = world->machines[i];

		if (machine != leader && raft_heard_ago(node_raft(leader->node),
		    machine_node_id(machine)) > HEARD_MS)
			return false;
	}
	return leader != NULL;
}

/* A disk that is lost while another machine is being removed for its silence would be
 * two losses at a time. */
static bool
may_lose_data(const struct world *world)
{
	return operator_settled(world) && model_conf(world->model)->voter_count >= 3 &&
	    model_conf(world->model)->voter_count == world->machine_count &&
	    world->now_ms >= world->operator->changed_ms + CHANGE_SETTLE_MS &&
	    no_change_in_logs(world) &&
	    (!world_removes_silent(world) || all_are_heard(world));
}

static void
lose_data(struct machine *machine)
{
	machine_crash(machine, CRASH_POWER);
	machine_wipe(machine);
	seat_of(machine)->standing = STAND_JOINING;
	machine_start(machine);
}

static void
odd_answered(struct sim_request *request, const struct msg_outcome *outcome)
{
	const struct machine *machine = request->owner;

	check_member_change(request, outcome);
	if (outcome != NULL && outcome->error == ERR_NONE)
		sim_fail(machine->world, machine,
		    "a change of members that makes no sense succeeds");
}

/* It must be refused: nobody has that name. */
static void
ask_oddly(struct machine *machine)
{
	struct msg_member_change change = { .op = MEMBER_REMOVE, .name = SLICE_LITERAL("nobody") };
	struct sim_request *request;

	if (!machine_serves(machine))
		return;
	request = worker_member_change(machine->workers[0], &change);
	request->done = odd_answered;
	request->owner = machine;
}

/* Back with the old data at another address: the node itself has it changed. */
static void
move(struct machine *machine)
{
	struct world *world = machine->world;

	machine_crash(machine, CRASH_NODE);
	snprintf(machine->peer_url, sizeof(machine->peer_url), "http://10.0.0.%zu:%u",
	    machine->number + 1, (unsigned)world_between(world, 7002, 7999));
	world_tell(world, machine, "moves to %s", machine->peer_url);
	machine_start(machine);
}

/* ---- the size of the cluster ------------------------------------------------------------- */

static void
size_answered(struct sim_request *request, const struct msg_outcome *outcome)
{
	struct world *world = request->worker->machine->world;
	struct sim_operator *operator = world->operator;

	check_member_change(request, outcome);
	operator->sizing = false;
	if (outcome == NULL || outcome->error != ERR_NONE)
		return;
	operator->smaller = operator->raise_ms == 0;
	operator->raise_ms = world->now_ms + world_between(world, 2000, 8000);
}

/* Down to the smallest there is, and up to all again after a while. */
static void
step_size(struct world *world)
{
	struct sim_operator *operator = world->operator;
	struct machine *asked = world->machines[world_below(world, world->machine_count)];
	bool lower = operator->raise_ms == 0;
	uint64_t size = lower ? ACTIVE_SIZE_MIN : world->machine_count;
	struct buf items = BUF_INIT;

	if (operator->sizing || (!lower && world->now_ms < operator->raise_ms) ||
	    !machine_serves(asked) || !asked->workers[0]->attached)
		return;
	operator->sizing = true;
	world_tell(world, asked, "is asked for an active size of %" PRIu64, size);
	cluster_config_put_item(&items, &config_rows[CONFIG_ROW_active_size], size);
	worker_config_change(asked->workers[0], buf_slice(&items))->done = size_answered;
	buf_free(&items);
}

void
operator_change(struct world *world)
{
	struct machine *machine = world->machines[world_below(world, world->machine_count)];

	if (!operator_settled(world))
		return;
	if (world->machine_count > ACTIVE_SIZE_MIN && ++world->operator->changes % 4 == 0) {
		world->operator->smaller = true;
		world->operator->raise_ms = 0;
		return;
	}
	switch (world_below(world, 6)) {
	case 0:
		move(machine);
		break;
	case 1:
		ask_oddly(machine);
		break;
	case 2:
	case 3:
		if (may_lose_data(world))
			lose_data(machine);
		break;
	default:
		seat_of(machine)->forget = world->operator->removals++ % 2 == 0;
		seat_of(machine)->standing = STAND_REMOVING;
		seat_of(machine)->again_at_ms = 0;
		break;
	}
}

static void
tick(struct world *world, struct sim_event *event)
{
	(void)event;
	world->formed = world->formed || operator_settled(world);
	if (world->operator->smaller)
		step_size(world);
	if (world->operator->ticks++ % 16 == 0)
		drop_places(world);
	for (size_t i = 0; i < world->machine_count; i++) {
		struct machine *machine = world->machines[i];

		/* It died before what it had begun with was on its disk. */
		if (together_waits(machine))
			world->operator->seats[i].standing = STAND_JOINING;
		if (world->operator->seats[i].standing != STAND_MEMBER || world->operator->smaller)
			world->operator->changed_ms = world->now_ms;
		switch (world->operator->seats[i].standing) {
		case STAND_JOINING:
			step_joining(machine);
			break;
		case STAND_REMOVING:
			step_removing(machine);
			break;
		case STAND_REMOVED:
			step_removed(machine);
			break;
		case STAND_NONE:
		case STAND_MEMBER:
			break;
		}
	}
	world_after(world, TICK_MS, tick);
}

void
operator_begin(struct world *world)
{
	together_begin(world);
	for (size_t i = 0; i < world->machine_count; i++) {
		struct machine *machine = world->machines[i];

		machine->join = i > 0;
		machine->retired = false;
		world->operator->seats[i].standing = STAND_JOINING;
		machine_start(machine);
	}
	world_after(world, 1, tick);
}
