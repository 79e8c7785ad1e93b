/*
 * restart.c - restarts and leader transfers that an operator asked for, one at
 * a time.
 *
 *	none -----> waiting	client worker: a second one was started
 *				peer worker: stopped, renewed	    [restart_next]
 *	none -----> moving	raftd that leads		    [restart_next]
 *	moving ---> waiting	moved, or not in time: raftd is
 *				stopped, renewed		    [restart_moved]
 *	waiting --> next	READY; the old client worker drains, and its
 *				successor gets its connections; after
 *				raftd the node is ready again [restart_process_ready]
 *	none -----> transfer	only the leader moves		    [restart_transfer]
 *	any ------> none	all done, or given up		    [restart_finish]
 *
 * A client worker is replaced before it goes, so no connection is refused.
 * Source: docs/operations.md, "Restarts".
 */
#include "supervisor/supervisor.h"

#include "common/xmem.h"
#include "supervisor/upgrade.h"
#include "supervisor/wiring.h"

#include <stdlib.h>
#include <string.h>

#define TARGET_LIMIT_MS 30000	/* for one process to be READY again */
#define DRAIN_LIMIT_MS 30000
#define RAFTD_LIMIT_MS 8000	/* listings that are being read end first */
#define PEER_LIMIT_MS 2000

static void
restart_finish(struct supervisor *supervisor, const char *problem)
{
	struct restart *restart = &supervisor->restart;
	void (*done)(void *, const char *) = restart->done;

	if (restart->step == RESTART_STEP_NONE)
		return;
	/* The one that was to be replaced serves on; its successor is of no use. */
	if (problem != NULL && restart->replaced != NULL) {
		restart->replaced->retired = false;
		restart->current->retired = true;
		process_stop(restart->current, STOP_FAST, PEER_LIMIT_MS);
	}
	restart->step = RESTART_STEP_NONE;
	restart->current = NULL;
	restart->replaced = NULL;
	loop_timer_cancel(restart->limit);
	loop_timer_cancel(restart->moving);
	done(restart->argument, problem);
}

void
restart_give_up(struct supervisor *supervisor, const char *problem)
{
	restart_finish(supervisor, problem);
}

static void
limit_over(void *argument)
{
	struct supervisor *supervisor = argument;
	const struct process *current = supervisor->restart.current;
	char *problem = current == NULL ? xstrdup("leadership was not taken over in time") :
	    xasprintf("%s is not ready after %d s", current->name, TARGET_LIMIT_MS / 1000);

	restart_finish(supervisor, problem);
	free(problem);
}

static void
moving_over(void *argument)
{
	restart_moved(argument, false);
}

static void
restart_start(struct supervisor *supervisor, enum restart_step step,
    void (*done)(void *argument, const char *problem), void *argument)
{
	struct restart *restart = &supervisor->restart;

	if (restart->limit == NULL) {
		restart->limit = loop_timer_new(supervisor->loop, limit_over, supervisor);
		restart->moving = loop_timer_new(supervisor->loop, moving_over, supervisor);
	}
	restart->step = step;
	restart->was_ready = supervisor->ready;
	restart->done = done;
	restart->argument = argument;
	restart->current = NULL;
	restart->replaced = NULL;
	loop_timer_set(restart->limit, TARGET_LIMIT_MS);
}

/* Stop it and have it started again; one that is down is started now. */
static void
renew(struct process *process, uint64_t limit_ms)
{
	process->renewed = true;
	if (process->pid == 0)
		process_start(process);
	else
		process_stop(process, STOP_ORDERLY, limit_ms);
}

static bool
is_busy(const struct supervisor *supervisor)
{
	return supervisor->restart.step != RESTART_STEP_NONE || stop_under_way(supervisor) ||
	    upgrade_under_way(supervisor);
}

static void
restart_next(struct supervisor *supervisor)
{
	struct restart *restart = &supervisor->restart;
	struct process *target = NULL;

	while (target == NULL && restart->next < restart->target_count)
		target = restart->targets[restart->next++];
	if (target == NULL) {
		restart_finish(supervisor, NULL);
		return;
	}
	restart->step = RESTART_STEP_WAITING;
	restart->current = target;
	loop_timer_set(restart->limit, TARGET_LIMIT_MS);
	if (target->role == ROLE_CLIENT) {
		restart->replaced = target;
		target->retired = true;
		restart->current = supervisor_add(supervisor, ROLE_CLIENT, target->number);
		restart->current->restarts = target->restarts + 1;
	} else if (target->role == ROLE_PEER) {
		renew(target, PEER_LIMIT_MS);
	} else if (supervisor_could_move_leader(supervisor)) {
		restart->step = RESTART_STEP_MOVING;
		loop_timer_set(restart->moving, 2 * supervisor->config->peer_election_timeout);
		supervisor_move_leader(supervisor, SLICE_EMPTY);
	} else {
		renew(target, RAFTD_LIMIT_MS);
	}
}

void
restart_process_ready(struct supervisor *supervisor, struct process *process)
{
	struct restart *restart = &supervisor->restart;

	if (restart->step != RESTART_STEP_WAITING || restart->current != process)
		return;
	/* It has yet to find a leader: the next node of the cluster must not go before. */
	if (process->role == ROLE_RAFTD && restart->was_ready && !supervisor->ready)
		return;
	if (restart->replaced != NULL && restart->replaced->pid != 0) {
		wiring_hand_over(restart->replaced, process);
		process_stop(restart->replaced, STOP_DRAIN, DRAIN_LIMIT_MS);
	}
	restart->replaced = NULL;
	restart_next(supervisor);
}

void
restart_node_ready(struct supervisor *supervisor)
{
	struct process *current = supervisor->restart.current;

	if (current != NULL && current->role == ROLE_RAFTD && current->state == PROCESS_RUNNING)
		restart_process_ready(supervisor, current);
}

bool
restart_process_failed(struct supervisor *supervisor, struct process *process, int code)
{
	struct restart *restart = &supervisor->restart;
	char *problem;

	if (restart->step != RESTART_STEP_WAITING || restart->current != process ||
	    restart->replaced == NULL)
		return false;
	problem =
	    xasprintf("the new %s ended with code %d before it was ready; the old one serves on",
	    process->name, code);
	restart_finish(supervisor, problem);
	free(problem);
	return true;
}

void
restart_process_gone(struct supervisor *supervisor, const struct process *process)
{
	struct restart *restart = &supervisor->restart;

	if (restart->replaced == process)
		restart->replaced = NULL;
	for (size_t i = 0; i < restart->target_count; i++) {
		if (restart->targets[i] == process)
			restart->targets[i] = NULL;
	}
}

void
restart_moved(struct supervisor *supervisor, bool moved)
{
	struct restart *restart = &supervisor->restart;

	if (restart->step == RESTART_STEP_TRANSFER) {
		restart_finish(supervisor, moved ? NULL : "no other node could take the lead");
	} else if (restart->step == RESTART_STEP_MOVING) {
		loop_timer_cancel(restart->moving);
		restart->step = RESTART_STEP_WAITING;
		renew(restart->current, RAFTD_LIMIT_MS);
	}
}

static void
add_targets(struct supervisor *supervisor, int role, uint32_t number)
{
	struct restart *restart = &supervisor->restart;
	struct process *process;

	TAILQ_FOREACH(process, &supervisor->processes, link) {
		if (process->role == role && !process->retired &&
		    (number == 0 || process->number == number) &&
		    restart->target_count < RESTART_TARGETS_MAX)
			restart->targets[restart->target_count++] = process;
	}
}

static void
choose_targets(struct supervisor *supervisor, const char *what)
{
	bool all = strcmp(what, "all") == 0;
	unsigned long number;
	char *end;

	supervisor->restart.target_count = 0;
	supervisor->restart.next = 0;
	if (all || strcmp(what, "client") == 0)
		add_targets(supervisor, ROLE_CLIENT, 0);
	if (all || strcmp(what, "peer") == 0)
		add_targets(supervisor, ROLE_PEER, 0);
	if (all || strcmp(what, "raftd") == 0)
		add_targets(supervisor, ROLE_RAFTD, 0);
	if (strncmp(what, "client ", strlen("client ")) != 0)
		return;
	number = strtoul(what + strlen("client "), &end, 10);
	if (*end == '\0' && number > 0 && number <= supervisor->workers)
		add_targets(supervisor, ROLE_CLIENT, (uint32_t)number);
}

enum err
restart_begin(struct supervisor *supervisor, const char *what,
    void (*done)(void *argument, const char *problem), void *argument)
{
	if (is_busy(supervisor))
		return ERR_BUSY;
	choose_targets(supervisor, what);
	if (supervisor->restart.target_count == 0)
		return ERR_INVALID;
	restart_start(supervisor, RESTART_STEP_WAITING, done, argument);
	restart_next(supervisor);
	return ERR_NONE;
}

enum err
restart_transfer(struct supervisor *supervisor, const char *to,
    void (*done)(void *argument, const char *problem), void *argument)
{
	if (is_busy(supervisor))
		return ERR_BUSY;
	if (!supervisor_could_move_leader(supervisor))
		return ERR_INVALID;
	restart_start(supervisor, RESTART_STEP_TRANSFER, done, argument);
	supervisor_move_leader(supervisor, slice_text(to));
	return ERR_NONE;
}

char *
restart_no_transfer(const struct supervisor *supervisor)
{
	struct slice leader = supervisor_member_name(supervisor, supervisor->node.leader_id);

	if (supervisor->node.role == NODE_ROLE_LEADER)
		return xstrdup("there is no other voting member that could lead");
	if (leader.size == 0)
		return xstrdup("this node does not lead, and knows of no leader now");
	return xasprintf("this node does not lead: %.*s does, run it there", SLICE_ARGS(leader));
}
