/*
 * stop.c - the order in which a node ends.
 *
 *	none -------> clients	 finish requests, end watches		[stop_begin]
 *	clients ----> transfer	 all gone; we lead, others could	[stop_go_on]
 *	clients ----> raftd	 all gone; nothing to hand over		[stop_go_on]
 *	transfer ---> raftd	 moved, or an election time-out is over	[stop_moved]
 *	raftd ------> peer	 last batch is on disk			[stop_go_on]
 *	peer -------> ended					 	[stop_go_on]
 *	any --------> all	 second signal, or the node cannot go
 *				 on: all at once			[stop_fast, stop_with]
 *	all --------> ended					 	[stop_go_on]
 *
 * Each step has a limit (process_stop) and the whole one too; then KILL.
 * Source: docs/operations.md, "Stop".
 */
#include "supervisor/supervisor.h"

#include "common/diag.h"
#include "common/program.h"
#include "supervisor/control.h"

#include <signal.h>

#define CLIENTS_LIMIT_MS 5000
#define DRAIN_LIMIT_MS 30000
#define RAFTD_LIMIT_MS 3000
#define PEER_LIMIT_MS 1000
#define WHOLE_LIMIT_MS 9500
#define FAST_LIMIT_MS 800	/* a node that cannot go on is gone within a second */

static void
kill_all(void *argument)
{
	struct supervisor *supervisor = argument;
	struct process *process;

	TAILQ_FOREACH(process, &supervisor->processes, link)
		process_kill(process, SIGKILL);
}

static bool
any_left(const struct supervisor *supervisor, int role)
{
	const struct process *process;

	TAILQ_FOREACH(process, &supervisor->processes, link) {
		if ((role == 0 || process->role == role) && process->pid != 0)
			return true;
	}
	return false;
}

static void
stop_role(struct supervisor *supervisor, int role, int how, uint64_t limit_ms)
{
	struct process *process;

	TAILQ_FOREACH(process, &supervisor->processes, link) {
		if (role == 0 || process->role == role)
			process_stop(process, how, limit_ms);
	}
}

static void
stop_end(struct supervisor *supervisor)
{
	listen_set_close(&supervisor->world.client_ports);
	listen_set_close(&supervisor->world.peer_ports);
	if (supervisor->stop.code == EXIT_STOPPED)
		diag_say("stopped, all data on disk");
	loop_stop(supervisor->loop, (int)supervisor->stop.code);
}

static void
stop_raftd(struct supervisor *supervisor)
{
	loop_timer_cancel(supervisor->stop.transfer);
	supervisor->stop.step = STOP_STEP_RAFTD;
	stop_role(supervisor, ROLE_RAFTD, STOP_ORDERLY, RAFTD_LIMIT_MS);
	stop_go_on(supervisor);
}

static void
transfer_over(void *argument)
{
	stop_raftd(argument);
}

static void
clients_gone(struct supervisor *supervisor)
{
	/* Nobody accepts any more: new connections are to be refused, not to wait. */
	listen_set_close(&supervisor->world.client_ports);
	if (any_left(supervisor, ROLE_RAFTD) && supervisor_could_move_leader(supervisor)) {
		supervisor->stop.step = STOP_STEP_TRANSFER;
		loop_timer_set(supervisor->stop.transfer,
		    supervisor->config->peer_election_timeout);
		supervisor_move_leader(supervisor, SLICE_EMPTY);
	} else {
		stop_raftd(supervisor);
	}
}

void
stop_go_on(struct supervisor *supervisor)
{
	switch (supervisor->stop.step) {
	case STOP_STEP_NONE:
		break;
	case STOP_STEP_CLIENTS:
		if (!any_left(supervisor, ROLE_CLIENT))
			clients_gone(supervisor);
		break;
	case STOP_STEP_TRANSFER:
		if (!any_left(supervisor, ROLE_RAFTD))
			stop_raftd(supervisor);
		break;
	case STOP_STEP_RAFTD:
		if (any_left(supervisor, ROLE_RAFTD))
			break;
		supervisor->stop.step = STOP_STEP_PEER;
		stop_role(supervisor, ROLE_PEER, STOP_ORDERLY, PEER_LIMIT_MS);
		stop_go_on(supervisor);
		break;
	case STOP_STEP_PEER:
	case STOP_STEP_ALL:
		if (!any_left(supervisor, 0))
			stop_end(supervisor);
		break;
	}
}

void
stop_moved(struct supervisor *supervisor)
{
	if (supervisor->stop.step == STOP_STEP_TRANSFER)
		stop_raftd(supervisor);
}

static void
begin(struct supervisor *supervisor)
{
	supervisor->ready = false;
	if (supervisor->stop.limit == NULL) {
		supervisor->stop.limit = loop_timer_new(supervisor->loop, kill_all, supervisor);
		supervisor->stop.transfer = loop_timer_new(supervisor->loop, transfer_over,
		    supervisor);
	}
}

void
stop_begin(struct supervisor *supervisor, int how)
{
	bool drain = how == STOP_DRAIN;
	uint64_t limit_ms = WHOLE_LIMIT_MS + (drain ? DRAIN_LIMIT_MS : 0);

	if (stop_under_way(supervisor)) {
		stop_fast(supervisor);
		return;
	}
	console_stop(supervisor);
	diag_info("supervisor", "stopping: how=%s", drain ? "graceful" : "orderly");
	begin(supervisor);
	supervisor->stop.step = STOP_STEP_CLIENTS;
	supervisor->stop.code = EXIT_STOPPED;
	service_stopping(supervisor, limit_ms);
	loop_timer_set(supervisor->stop.limit, limit_ms);
	restart_give_up(supervisor, "the node is stopping");
	stop_role(supervisor, ROLE_CLIENT, how, drain ? DRAIN_LIMIT_MS : CLIENTS_LIMIT_MS);
	stop_go_on(supervisor);
}

void
stop_fast(struct supervisor *supervisor)
{
	begin(supervisor);
	supervisor->stop.step = STOP_STEP_ALL;
	service_stopping(supervisor, FAST_LIMIT_MS);
	loop_timer_cancel(supervisor->stop.transfer);
	loop_timer_set(supervisor->stop.limit, FAST_LIMIT_MS);
	restart_give_up(supervisor, "the node is stopping");
	stop_role(supervisor, 0, STOP_FAST, FAST_LIMIT_MS);
	stop_go_on(supervisor);
}

void
stop_with(struct supervisor *supervisor, enum exit_code code, const char *sentence)
{
	/* What ended the node first is the reason. */
	if (supervisor->stop.code != EXIT_STOPPED)
		return;
	supervisor->stop.code = code;
	diag_say_failure("%s: %s", program_own(), sentence);
	stop_fast(supervisor);
}
