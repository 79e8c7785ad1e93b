/*
 * supervisor.c - births, deaths and readiness.
 *
 * Deaths are handled at the turn's end, so that a child's last words, which
 * came before its end, have been read.
 */
#include "supervisor/supervisor.h"

#include "common/diag.h"
#include "common/metric_process.h"
#include "common/version.h"
#include "common/xmem.h"
#include "supervisor/control.h"
#include "supervisor/desk.h"
#include "supervisor/log.h"
#include "supervisor/log_level.h"
#include "supervisor/reload.h"
#include "supervisor/resolve.h"
#include "supervisor/setup.h"
#include "supervisor/tls_files.h"
#include "supervisor/upgrade.h"
#include "supervisor/wiring.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define TICK_MS 1000
#define TICK_LATE_MS 1000		/* later than that, and the machine slept */
#define EARLY_ENDS_MAX 3
#define DRAIN_LIMIT_MS 30000

struct process *
supervisor_process(const struct supervisor *supervisor, int role, uint32_t number)
{
	struct process *process;

	TAILQ_FOREACH(process, &supervisor->processes, link) {
		if (process->role == role && process->number == number && !process->retired)
			return process;
	}
	return NULL;
}

struct process *
supervisor_add(struct supervisor *supervisor, int role, uint32_t number)
{
	struct process *process = process_new(&supervisor->world, role, number);

	TAILQ_INSERT_TAIL(&supervisor->processes, process, link);
	process_start(process);
	return process;
}

static void
remove_process(struct supervisor *supervisor, struct process *process)
{
	TAILQ_REMOVE(&supervisor->processes, process, link);
	process_free(&process);
}

/* The connections of one that goes for good are shared out among those that stay. */
static void
hand_over_to_another(struct supervisor *supervisor, struct process *gone, unsigned count)
{
	struct process *process, *chosen = NULL;

	TAILQ_FOREACH(process, &supervisor->processes, link) {
		if (process->role == ROLE_CLIENT && process->state == PROCESS_RUNNING &&
		    !process->retired && process->number <= count &&
		    (chosen == NULL || process->connections < chosen->connections))
			chosen = process;
	}
	if (chosen != NULL)
		wiring_hand_over(gone, chosen);
}

void
supervisor_set_workers(struct supervisor *supervisor, unsigned count)
{
	struct process *process = TAILQ_FIRST(&supervisor->processes);

	while (process != NULL) {
		struct process *next = TAILQ_NEXT(process, link);

		if (process->role == ROLE_CLIENT && process->number > count && !process->retired) {
			process->retired = true;
			hand_over_to_another(supervisor, process, count);
			process_stop(process, STOP_DRAIN, DRAIN_LIMIT_MS);
			if (process->pid == 0)
				remove_process(supervisor, process);
		}
		process = next;
	}
	for (uint32_t number = supervisor->workers + 1; number <= count; number++)
		supervisor_add(supervisor, ROLE_CLIENT, number);
	supervisor->workers = count;
}

static bool
is_running(const struct supervisor *supervisor, int role)
{
	const struct process *process;

	TAILQ_FOREACH(process, &supervisor->processes, link) {
		if (process->role == role && process->state == PROCESS_RUNNING && !process->quiet)
			return true;
	}
	return false;
}

/* Has readiness changed? */
static void
supervisor_look(struct supervisor *supervisor)
{
	const struct node_view *node = &supervisor->node;
	bool serving = is_running(supervisor, ROLE_RAFTD) && is_running(supervisor, ROLE_CLIENT) &&
	    is_running(supervisor, ROLE_PEER);
	bool ready = serving && node->phase == PHASE_MEMBER && node->leader_id != 0;

	if (stop_under_way(supervisor))
		return;
	/* A cluster that starts as a whole has no leader before the others' init
	 * systems have gone on, so they must not wait for one. */
	if (ready != supervisor->ready) {
		supervisor->ready = ready;
		metric_set(METRIC_up, ready);
		if (ready) {
			console_ready(supervisor);
			restart_node_ready(supervisor);
		}
	}
	if (serving && (node->phase == PHASE_MEMBER || node->phase == PHASE_STANDBY))
		service_ready(supervisor);
	service_look(supervisor);
}

static void
process_started(void *argument, struct process *process)
{
	struct supervisor *supervisor = argument;

	wiring_add(&supervisor->processes, process);
	loop_again(supervisor->loop);
}

static void
process_ready(void *argument, struct process *process)
{
	struct supervisor *supervisor = argument;

	/* The one before said why it could not start, or what is true of it no more. */
	if (process->role == ROLE_RAFTD) {
		supervisor->early_ends = 0;
		buf_clear(&supervisor->node.notice);
	}
	restart_process_ready(supervisor, process);
	supervisor_look(supervisor);
}

struct slice
supervisor_member_name(const struct supervisor *supervisor, uint64_t id)
{
	struct reader in = reader_of(buf_slice(&supervisor->node.members));
	struct member_record member;

	while (!reader_done(&in) && member_record_get(&in, &member)) {
		if (member.id == id)
			return member.name;
	}
	return SLICE_EMPTY;
}

size_t
supervisor_member_count(const struct supervisor *supervisor)
{
	struct reader in = reader_of(buf_slice(&supervisor->node.members));
	struct member_record member;
	size_t count = 0;

	while (!reader_done(&in) && member_record_get(&in, &member))
		count++;
	return count;
}

/* With neither -name nor a lock that tells it, only raftd can say who we are. */
static void
learn_name(struct supervisor *supervisor)
{
	struct slice name = supervisor_member_name(supervisor, supervisor->node.node_id);
	char *text;

	if (supervisor->config->name[0] != '\0' || name.size == 0)
		return;
	text = xasprintf("%.*s", SLICE_ARGS(name));
	setup_text(supervisor->config, OPTION_name, text);
	diag_set_node(text);
	free(text);
}

static void
node_state(void *argument, const struct msg_node_state *state)
{
	struct supervisor *supervisor = argument;
	struct node_view *node = &supervisor->node;

	node->phase = state->phase;
	node->node_id = state->node_id;
	node->cluster_id = state->cluster_id;
	node->leader_id = state->leader_id;
	node->term = state->term;
	node->commit = state->commit;
	node->applied = state->applied;
	node->store_index = state->store_index;
	node->role = state->role;
	buf_clear(&node->members);
	buf_append_slice(&node->members, state->members);
	buf_clear(&node->refuses);
	buf_append_slice(&node->refuses, state->refuses);
	learn_name(supervisor);
	if (node->cluster_id != 0 && supervisor->directory != NULL)
		directory_note_name(supervisor->directory, supervisor->config->name);
	desk_note_state(supervisor->desk);
	discard_look(supervisor);
	supervisor_look(supervisor);
}

static void
moved(void *argument, bool done)
{
	struct supervisor *supervisor = argument;

	stop_moved(supervisor);
	restart_moved(supervisor, done);
}

static void
notice(void *argument, struct slice text)
{
	struct supervisor *supervisor = argument;

	buf_clear(&supervisor->node.notice);
	buf_append_slice(&supervisor->node.notice, text);
	supervisor_look(supervisor);
}

static void
reach(void *argument, struct slice members)
{
	struct supervisor *supervisor = argument;

	buf_clear(&supervisor->node.reach);
	buf_append_slice(&supervisor->node.reach, members);
}

static void
resolve(void *argument, struct process *process, uint64_t request_id, struct slice host)
{
	struct supervisor *supervisor = argument;

	resolve_ask(supervisor->resolve, process->pid, request_id, host);
}

/* If the worker that asked is no more, its successor has not asked that. */
static void
resolved(void *argument, pid_t asker, uint64_t request_id, struct slice addresses)
{
	struct supervisor *supervisor = argument;
	struct process *process;

	TAILQ_FOREACH(process, &supervisor->processes, link) {
		if (process->pid == asker && process->channel != NULL) {
			msg_resolved_frame(channel_out(process->channel), request_id,
			    &(struct msg_resolved){ .addresses = addresses });
			loop_again(supervisor->loop);
		}
	}
}

static void
asked(void *argument, struct process *process, uint64_t request_id, const struct msg_ask *ask)
{
	struct supervisor *supervisor = argument;

	desk_asked(supervisor->desk, process, request_id, ask);
}

static void
channel_lost(void *argument, struct process *process, const struct msg_channel_lost *lost)
{
	struct supervisor *supervisor = argument;

	wiring_lost(&supervisor->processes, process, lost);
}

static void
rewire(void *argument, struct process *process)
{
	struct supervisor *supervisor = argument;

	wiring_again(&supervisor->processes, process);
	loop_again(supervisor->loop);
}

static void
end_node(void *argument, enum exit_code code, struct slice sentence)
{
	char *text = xasprintf("%.*s", SLICE_ARGS(sentence));

	stop_with(argument, code, text);
	free(text);
}

/* An end that another start cannot better. */
static bool
ends_node(struct supervisor *supervisor, struct process *process, int status)
{
	int code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
	char *sentence;

	/* A worker has been exposed since then: what it says does not count. */
	if (process->role != ROLE_RAFTD && process->ever_ready)
		return false;
	if (code >= EXIT_USAGE && code <= EXIT_REMOVED &&
	    restart_process_failed(supervisor, process, code))
		return true;
	if (process->role == ROLE_RAFTD && !process->ever_ready && code == EXIT_INTERNAL &&
	    ++supervisor->early_ends < EARLY_ENDS_MAX)
		return false;
	if ((code < EXIT_USAGE || code > EXIT_REMOVED) &&
	    supervisor->early_ends < EARLY_ENDS_MAX)
		return false;
	sentence = xasprintf("%s ended with code %d and cannot be started again; see above",
	    process->role == ROLE_RAFTD ? "raftd" : process->name, code);
	stop_with(supervisor, (enum exit_code)code, sentence);
	free(sentence);
	return true;
}

static void
process_died(void *argument, struct process *process, int status)
{
	struct supervisor *supervisor = argument;

	if (process->role == ROLE_PEER)
		buf_clear(&supervisor->node.reach);
	if (process->role == ROLE_RAFTD) {
		supervisor->node.leader_id = 0;
		supervisor->node.role = 0;
		supervisor->node.phase = PHASE_RECOVERING;
	}
	if (stop_under_way(supervisor)) {
		stop_go_on(supervisor);
		return;
	}
	desk_note_end(supervisor->desk, process, status);
	if (process->retired) {
		restart_process_gone(supervisor, process);
		remove_process(supervisor, process);
		return;
	}
	if (process->renewed) {
		process->restarts++;
		process_start(process);
	} else if (!ends_node(supervisor, process, status)) {
		process_start_later(process);
	} else if (process->retired) {
		remove_process(supervisor, process);
	}
	supervisor_look(supervisor);
}

/* Signals merge: one SIGCHLD may stand for many children. */
static void
reap(struct supervisor *supervisor)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		struct process *process;

		TAILQ_FOREACH(process, &supervisor->processes, link) {
			if (process->pid == pid)
				break;
		}
		if (process != NULL)
			process_reaped(process, status);
		else if (!discard_reaped(supervisor, pid, status))
			upgrade_reaped(supervisor, pid, status);
	}
}

void
supervisor_look_for_ends(struct supervisor *supervisor)
{
	supervisor->children_ended = true;
	loop_again(supervisor->loop);
}

void
supervisor_set_rotation(struct supervisor *supervisor, bool out)
{
	struct process *process;

	if (supervisor->world.out_of_rotation == out)
		return;
	supervisor->world.out_of_rotation = out;
	diag_info("supervisor", out ? "out of rotation: /health says 503" : "in rotation again");
	TAILQ_FOREACH(process, &supervisor->processes, link)
		process_rotate(process);
	supervisor_look(supervisor);
}

static void
turn_end(void *argument)
{
	struct supervisor *supervisor = argument;
	struct process *process;

	if (supervisor->children_ended) {
		supervisor->children_ended = false;
		reap(supervisor);
	}
	TAILQ_FOREACH(process, &supervisor->processes, link) {
		if (process->channel != NULL)
			channel_flush(process->channel);
	}
}

/* Certificates end, and keys of tickets are not for ever. */
static void
look_at_certificates(struct supervisor *supervisor)
{
	struct process *process;

	if (supervisor->tls == NULL || !tls_files_tick(supervisor->tls, loop_now(supervisor->loop)))
		return;
	TAILQ_FOREACH(process, &supervisor->processes, link)
		process_secure(process);
}

static void
tick(void *argument)
{
	struct supervisor *supervisor = argument;
	uint64_t now_ms = loop_now(supervisor->loop).monotonic_ms;
	uint64_t late_ms = now_ms - MIN_OF(supervisor->tick_ms + TICK_MS, now_ms);
	bool late = late_ms > TICK_LATE_MS;
	struct process *process;

	TAILQ_FOREACH(process, &supervisor->processes, link) {
		if (late)
			process_forgive(process, now_ms);
		process_watch(process, now_ms, late_ms);
	}
	if (late)
		diag_warn("supervisor", "was stopped or slept: for_ms=%llu",
		    (unsigned long long)(now_ms - supervisor->tick_ms));
	supervisor->tick_ms = now_ms;
	loop_timer_set(supervisor->tick, TICK_MS);
	metric_process_look(supervisor->itself);
	diag_tick();
	look_at_certificates(supervisor);
	if (!supervisor->ready && !stop_under_way(supervisor))
		console_waiting(supervisor);
	/* A child may have become silent, or have been heard again. */
	if (stop_under_way(supervisor))
		service_look(supervisor);
	else
		supervisor_look(supervisor);
}

static bool
has_terminal(void)
{
	int fd = open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC);

	if (fd == -1)
		return false;
	close(fd);
	return true;
}

static void
signal_caught(void *argument, int number)
{
	struct supervisor *supervisor = argument;

	switch (number) {
	case SIGCHLD:
		supervisor->children_ended = true;
		break;
	case SIGHUP:
		if (supervisor->had_terminal && !has_terminal())
			stop_begin(supervisor, STOP_ORDERLY);
		else
			reload_by_signal(supervisor);
		break;
	case SIGUSR1:
		/* What is wrong is in the log. */
		free(log_reopen(supervisor->log));
		break;
	case SIGQUIT:
		stop_begin(supervisor, STOP_DRAIN);
		break;
	case SIGUSR2:
		upgrade_by_signal(supervisor);
		break;
	default:
		stop_begin(supervisor, STOP_ORDERLY);
		break;
	}
}

bool
supervisor_could_move_leader(const struct supervisor *supervisor)
{
	struct reader in = reader_of(buf_slice(&supervisor->node.members));
	struct member_record member;
	size_t voters = 0;

	while (!reader_done(&in) && member_record_get(&in, &member))
		voters += member.role == MEMBER_VOTER ? 1 : 0;
	return supervisor->node.role == NODE_ROLE_LEADER && voters > 1;
}

void
supervisor_move_leader(struct supervisor *supervisor, struct slice to)
{
	struct process *raftd = supervisor_process(supervisor, ROLE_RAFTD, 0);

	if (raftd == NULL || raftd->channel == NULL)
		return;
	msg_move_leader_frame(channel_out(raftd->channel), 0,
	    &(struct msg_move_leader){ .to = to });
	loop_again(supervisor->loop);
}

static void
watch_signals(struct supervisor *supervisor)
{
	static const int numbers[] = { SIGCHLD, SIGTERM, SIGINT, SIGQUIT, SIGHUP, SIGUSR1,
	    SIGUSR2 };

	for (size_t i = 0; i < ARRAY_COUNT(numbers); i++)
		loop_on_signal(supervisor->loop, numbers[i], signal_caught, supervisor);
	signal(SIGPIPE, SIG_IGN);
}

/* A node without counters is better than no node. */
static void
start_metrics(struct supervisor *supervisor)
{
	const char *version = version_text;

	supervisor->itself = metric_process_new();
	if (supervisor->takeover != NULL)
		supervisor->world.metrics = upgrade_metrics(supervisor->takeover);
	if (supervisor->world.metrics == NULL)
		supervisor->world.metrics = metric_area_new();
	if (supervisor->world.metrics == NULL) {
		diag_warn("supervisor", "nothing is counted: %s", strerror(errno));
		return;
	}
	metric_series_set(metric_series(METRIC_build_info, &version), 1);
	metric_process_begin(supervisor->itself, ROLE_SUPERVISOR, 0, clock_now());
}

struct supervisor *
supervisor_new(const struct supervisor_parts *parts)
{
	struct supervisor *supervisor = xzalloc(sizeof(*supervisor));

	supervisor->loop = parts->loop;
	supervisor->arguments = parts->arguments;
	supervisor->input = parts->input;
	supervisor->config = &parts->arguments->config;
	supervisor->directory = parts->directory;
	supervisor->tls = parts->tls;
	supervisor->log = parts->log;
	supervisor->workers = setup_workers(supervisor->config);
	supervisor->started_ns = parts->started_ns;
	supervisor->had_terminal = has_terminal();
	supervisor->node.phase = PHASE_RECOVERING;
	supervisor->world = (struct process_world){ .loop = parts->loop,
		.config = supervisor->config, .tls = parts->tls, .log = parts->log,
		.build = parts->build, .raftd_path = xstrdup(parts->raftd_path),
		.httpd_path = xstrdup(parts->httpd_path),
		.client_ports = parts->client_ports, .peer_ports = parts->peer_ports,
		.argument = supervisor, .started = process_started,
		.ready = process_ready, .node_state = node_state, .notice = notice,
		.moved = moved, .reach = reach, .resolve = resolve, .asked = asked,
		.end_node = end_node,
		.channel_lost = channel_lost, .rewire = rewire, .died = process_died };
	supervisor->program = parts->program;
	supervisor->rebuild_path = xstrdup(parts->rebuild_path);
	supervisor->takeover = parts->takeover;
	start_metrics(supervisor);
	supervisor->desk = desk_new(supervisor);
	TAILQ_INIT(&supervisor->processes);
	supervisor->resolve = resolve_new(parts->loop, parts->resolver_path,
	    (struct resolve_owner){ .answered = resolved, .argument = supervisor });
	supervisor->tick = loop_timer_new(parts->loop, tick, supervisor);
	supervisor->tick_ms = clock_now().monotonic_ms;
	supervisor->notify = parts->notify;
	watch_signals(supervisor);
	loop_at_turn_end(parts->loop, turn_end, supervisor);
	return supervisor;
}

void
supervisor_free(struct supervisor **supervisor_pointer)
{
	struct supervisor *supervisor = *supervisor_pointer;
	struct process *process;

	if (supervisor == NULL)
		return;
	while ((process = TAILQ_FIRST(&supervisor->processes)) != NULL)
		remove_process(supervisor, process);
	upgrade_free(&supervisor->upgrade);
	control_free(&supervisor->control);
	desk_free(&supervisor->desk);
	resolve_free(&supervisor->resolve);
	metric_process_free(&supervisor->itself);
	metric_area_free(&supervisor->world.metrics);
	loop_timer_free(&supervisor->tick);
	loop_timer_free(&supervisor->stop.limit);
	loop_timer_free(&supervisor->stop.transfer);
	loop_timer_free(&supervisor->restart.limit);
	loop_timer_free(&supervisor->restart.moving);
	service_free(supervisor);
	notify_close(&supervisor->notify);
	log_level_forget(supervisor);
	buf_free(&supervisor->node.members);
	buf_free(&supervisor->node.refuses);
	buf_free(&supervisor->node.notice);
	buf_free(&supervisor->node.reach);
	free(supervisor->waiting_said);
	free(supervisor->rebuild_path);
	free(supervisor->world.raftd_path);
	free(supervisor->world.httpd_path);
	listen_set_close(&supervisor->world.client_ports);
	listen_set_close(&supervisor->world.peer_ports);
	free(supervisor);
	*supervisor_pointer = NULL;
}

static void
start_all(struct supervisor *supervisor)
{
	console_start(supervisor);
	/* raftd first: recovery is what takes longest. */
	supervisor_add(supervisor, ROLE_RAFTD, 0);
	supervisor_add(supervisor, ROLE_PEER, 0);
	for (uint32_t number = 1; number <= supervisor->workers; number++)
		supervisor_add(supervisor, ROLE_CLIENT, number);
}

int
supervisor_run(struct supervisor *supervisor)
{
	if (supervisor->takeover != NULL)
		upgrade_resume(supervisor, supervisor->takeover);
	else
		start_all(supervisor);
	loop_timer_set(supervisor->tick, TICK_MS);
	service_start(supervisor);
	return loop_run(supervisor->loop, EXIT_STOPPED);
}
