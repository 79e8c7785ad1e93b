/*
 * process.c - the child's state table; see process.h.
 *
 * Calls the world from the loop only, never from process_start or process_stop
 * but for started, which comes from inside process_start.
 */
#include "supervisor/process.h"

#include "common/build.h"
#include "common/diag.h"
#include "common/ipc/greeting.h"
#include "common/limits.h"
#include "common/xmem.h"
#include "supervisor/log.h"
#include "supervisor/spawn.h"
#include "supervisor/tls_files.h"
#include "supervisor/upgrade.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define BACK_OFF_FIRST_MS 100
#define BACK_OFF_MAX_MS 5000
#define LIFE_LONG_ENOUGH_MS 60000	/* after it the back-off begins anew */
#define HASTY_WINDOW_MS 60000
#define SILENCE_MAX_MS 10000
#define RAFTD_SILENCE_MAX_MS 30000	/* its disk may be slow */
#define ABORT_TO_KILL_MS 2000
#define TAKEN_STOP_LIMIT_MS 30000	/* for one that another program had told to stop */

static void
timer_due(void *argument)
{
	struct process *process = argument;

	switch (process->state) {
	case PROCESS_DEAD:
	case PROCESS_THROTTLED:
		process_start(process);
		break;
	case PROCESS_STOPPING:
		diag_warn("supervisor", "does not stop in time, killed: process=%s pid=%ld",
		    process->name, (long)process->pid);
		process_kill(process, SIGKILL);
		break;
	case PROCESS_STARTING:
	case PROCESS_RUNNING:
		break;
	}
}

static void
link_due(void *argument)
{
	struct process *process = argument;

	process->world->rewire(process->world->argument, process);
}

struct process *
process_new(const struct process_world *world, int role, uint32_t number)
{
	struct process *process = xzalloc(sizeof(*process));

	process->world = world;
	process->role = role;
	process->number = number;
	process->metric_slot = METRIC_NO_SLOT;
	if (role == ROLE_CLIENT)
		snprintf(process->name, sizeof(process->name), "client %u", (unsigned)number);
	else
		snprintf(process->name, sizeof(process->name), "%s",
		    role == ROLE_RAFTD ? "raftd" : "peer");
	process->timer = loop_timer_new(world->loop, timer_due, process);
	process->link_to_raftd.timer = loop_timer_new(world->loop, link_due, process);
	return process;
}

void
process_free(struct process **process)
{
	if (*process == NULL)
		return;
	ASSERT((*process)->pid == 0);
	channel_free(&(*process)->channel);
	log_source_free(&(*process)->lines);
	loop_timer_free(&(*process)->timer);
	loop_timer_free(&(*process)->link_to_raftd.timer);
	free(*process);
	*process = NULL;
}

/* Sent what its role may not send, or no message at all. */
static void
refuse(struct process *process, const char *what)
{
	diag_error("supervisor", "child breaks the protocol, killed: process=%s pid=%ld message=%s",
	    process->name, (long)process->pid, what);
	process->refused = true;
	process_kill(process, SIGKILL);
}

static unsigned
sender_of(const struct process *process)
{
	switch (process->role) {
	case ROLE_RAFTD:
		return FROM_RAFTD;
	case ROLE_CLIENT:
		return FROM_CLIENT_WORKER;
	default:
		return FROM_PEER_WORKER;
	}
}

static bool
take_hello(const struct process *process, const struct frame *frame)
{
	const struct greeting child = { .counts = GREETING_NUMBER, .role = process->role,
		.number = process->number };
	struct msg_hello hello;
	unsigned flaws = greeting_flaws(frame, &child, &hello);

	if (flaws == FLAW_PROTOCOL)
		diag_error("supervisor", "child speaks another protocol: process=%s its=%u "
		    "ours=%u", process->name, (unsigned)hello.protocol, (unsigned)WIRE_PROTOCOL);
	return flaws == 0;
}

static enum err
on_ready(struct process *process, const struct frame *frame UNUSED, const struct msg_ready *m)
{
	diag_debug("supervisor", "child is ready: process=%s pid=%ld text=%.*s", process->name,
	    (long)process->pid, SLICE_ARGS(m->text));
	if (m->build.size > BUILD_TEXT_BYTES_MAX)
		return ERR_MALFORMED;
	if (process->world->build != NULL &&
	    !slice_equal(m->build, slice_text(process->world->build)))
		diag_warn("supervisor", "a program of another build: process=%s its=%.*s ours=%s; "
		    "install all programs of one build, then: etcdctl control upgrade",
		    process->name, SLICE_ARGS(m->build), process->world->build);
	/* One that is to stop may have been faster with this. */
	if (process->state == PROCESS_STARTING)
		process->state = PROCESS_RUNNING;
	process->was_ready = true;
	process->ever_ready = true;
	if (process->state == PROCESS_RUNNING)
		process->world->ready(process->world->argument, process);
	return ERR_NONE;
}

static enum err
on_alive(struct process *process, const struct frame *frame UNUSED, const struct msg_alive *m)
{
	process->connections = m->connections;
	process->store_index = m->store_index;
	process->memory = m->memory;
	return ERR_NONE;
}

static enum err
on_node_state(struct process *process, const struct frame *frame UNUSED,
    const struct msg_node_state *m)
{
	process->world->node_state(process->world->argument, m);
	return ERR_NONE;
}

static enum err
on_notice(struct process *process, const struct frame *frame UNUSED, const struct msg_notice *m)
{
	process->world->notice(process->world->argument, m->text);
	return ERR_NONE;
}

static enum err
on_moved(struct process *process, const struct frame *frame UNUSED, const struct msg_moved *m)
{
	process->world->moved(process->world->argument, m->done != 0);
	return ERR_NONE;
}

static enum err
on_reach(struct process *process, const struct frame *frame UNUSED, const struct msg_reach *m)
{
	process->world->reach(process->world->argument, m->members);
	return ERR_NONE;
}

static enum err
on_resolve(struct process *process, const struct frame *frame, const struct msg_resolve *m)
{
	process->world->resolve(process->world->argument, process, frame->request_id, m->host);
	return ERR_NONE;
}

static enum err
on_ask(struct process *process, const struct frame *frame, const struct msg_ask *m)
{
	if (m->what < ASK_VIEW || m->what > ASK_LEAD || m->name.size > NAME_BYTES_MAX ||
	    m->asker.size > ASKER_BYTES_MAX ||
	    channel_queued(process->channel) > DESK_QUEUED_BYTES_MAX)
		return ERR_MALFORMED;
	process->world->asked(process->world->argument, process, frame->request_id, m);
	return ERR_NONE;
}

static enum err
on_channel_lost(struct process *process, const struct frame *frame UNUSED,
    const struct msg_channel_lost *m)
{
	if (m->why < CHANNEL_END_CLOSED || m->why > CHANNEL_END_SOCKET)
		return ERR_MALFORMED;
	process->world->channel_lost(process->world->argument, process, m);
	return ERR_NONE;
}

static enum err
on_end_node(struct process *process, const struct frame *frame UNUSED,
    const struct msg_end_node *m)
{
	if (m->exit_code < EXIT_TROUBLE || m->exit_code > EXIT_REMOVED)
		return ERR_MALFORMED;
	process->world->end_node(process->world->argument, m->exit_code, m->text);
	return ERR_NONE;
}

#define DISPATCH_TO struct process
#define TO_PROCESS DISPATCH_ROW
#include "common/ipc/dispatch_define.h"

static void
heard(struct process *process)
{
	uint64_t now_ms = loop_now(process->world->loop).monotonic_ms;

	if (process->quiet)
		diag_info("supervisor", "child gives signs of life again: process=%s pid=%ld "
		    "silent_ms=%llu", process->name, (long)process->pid,
		    (unsigned long long)(now_ms - MIN_OF(process->heard_ms, now_ms)));
	process->quiet = false;
	process->heard_ms = now_ms;
}

static void
process_received(void *argument, const struct frame *frame, int fd UNUSED)
{
	struct process *process = argument;
	bool good;

	if (process->refused)
		return;
	heard(process);
	/* One hello, and that first. */
	if (process->greeted) {
		good = dispatch(process, sender_of(process), frame) == ERR_NONE;
	} else {
		good = take_hello(process, frame);
		process->greeted = good;
	}
	if (!good)
		refuse(process, message_name(frame->type));
}

/* Its death follows, or the watchdog sees that it does not. */
static void
process_closed(void *argument, enum err why)
{
	struct process *process = argument;

	channel_free(&process->channel);
	if (why != ERR_CLOSED)
		refuse(process, err_text(why));
}

static pid_t
fork_child(const struct process *process, int control_fd)
{
	const struct process_world *world = process->world;
	const struct listen_set *listen = process->role == ROLE_CLIENT ? &world->client_ports :
	    &world->peer_ports;
	char number[16], control[16], first[16], count[16];
	char *raftd_argv[] = { "raftd", "--control-fd", control, NULL };
	char *httpd_argv[] = { "httpd", "--role", process->role == ROLE_CLIENT ? "client" : "peer",
		"--number", number, "--control-fd", control, "--listen-fd", first,
		"--listen-count", count, NULL };
	struct spawn spawn = { .control_fd = control_fd,
		.stderr_fd = world->log == NULL ? 0 : log_crash_fd(world->log) };

	snprintf(number, sizeof(number), "%u", (unsigned)process->number);
	snprintf(control, sizeof(control), "%d", SPAWN_CONTROL_FD);
	snprintf(first, sizeof(first), "%d", SPAWN_LISTEN_FD);
	snprintf(count, sizeof(count), "%zu", listen->count);
	if (process->role == ROLE_RAFTD) {
		spawn.path = world->raftd_path;
		spawn.argv = raftd_argv;
	} else {
		spawn.path = world->httpd_path;
		spawn.argv = httpd_argv;
		spawn.listen = listen;
	}
	return spawn_program(&spawn);
}

static const char *
program_of(const struct process *process)
{
	return process->role == ROLE_RAFTD ? "raftd" : "httpd";
}

/* A pipe for its lines, which the log reads. */
static void
give_pipe(struct process *process)
{
	int child_fd;

	if (process->world->log == NULL)
		return;
	process->lines = log_source_new(process->world->log, program_of(process), process->pid,
	    &child_fd);
	if (process->lines == NULL) {
		diag_warn("supervisor", "no pipe for the lines of a child, they go to standard "
		    "error: process=%s error=%s", process->name, strerror(errno));
		return;
	}
	msg_diag_pipe_frame(channel_out(process->channel), 0, &(struct msg_diag_pipe){ 0 });
	channel_attach(process->channel, child_fd);
	close(child_fd);
}

/* A place to count in: that of who had the name before. */
static void
give_metrics(struct process *process)
{
	struct metric_area *area = process->world->metrics;
	char name[METRIC_PROCESS_BYTES];
	const char *label = name;
	struct metric_series *restarts;
	bool again;

	if (area == NULL)
		return;
	process->metric_slot = metric_area_take(area, process->role, process->number, &again);
	metric_process_name(process->role, process->number, name);
	restarts = metric_series(METRIC_process_restarts, &label);
	if (again)
		metric_series_add(restarts, 1);
	if (process->metric_slot == METRIC_NO_SLOT)
		return;
	msg_metrics_frame(channel_out(process->channel), 0,
	    &(struct msg_metrics){ .slot = process->metric_slot });
	channel_attach(process->channel, metric_area_fd(area));
}

static void
send_settings(struct process *process)
{
	struct buf settings = BUF_INIT;

	config_to_settings(process->world->config, &settings);
	msg_settings_frame(channel_out(process->channel), 0,
	    &(struct msg_settings){ .settings = buf_slice(&settings) });
	buf_free(&settings);
}

static void
tell_rotation(struct process *process)
{
	if (process->role == ROLE_CLIENT)
		msg_rotation_frame(channel_out(process->channel), 0,
		    &(struct msg_rotation){ .out = process->world->out_of_rotation });
}

static void
greet(struct process *process)
{
	greeting_put(channel_out(process->channel),
	    &(struct msg_hello){ .role = ROLE_SUPERVISOR, .number = process->restarts });
	give_pipe(process);
	give_metrics(process);
	send_settings(process);
	tls_files_give(process->world->tls, process->role, channel_out(process->channel));
	if (process->world->out_of_rotation)
		tell_rotation(process);
}

void
process_rotate(struct process *process)
{
	if (!process_is_up(process) || process->channel == NULL)
		return;
	tell_rotation(process);
	loop_again(process->world->loop);
}

void
process_secure(struct process *process)
{
	if (!process_is_up(process) || process->channel == NULL)
		return;
	tls_files_give(process->world->tls, process->role, channel_out(process->channel));
	loop_again(process->world->loop);
}

void
process_configure(struct process *process)
{
	if (!process_is_up(process) || process->channel == NULL)
		return;
	send_settings(process);
	loop_again(process->world->loop);
}

void
process_start(struct process *process)
{
	const struct process_world *world = process->world;
	struct clock_time now = loop_now(world->loop);
	int pair[2] = { -1, -1 };

	ASSERT(process->pid == 0);
	loop_timer_cancel(process->timer);
	process->started_ms = now.monotonic_ms;
	process->started_wall_ns = now.wall_ns;
	process->heard_ms = now.monotonic_ms;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == -1 ||
	    (process->pid = fork_child(process, pair[1])) == -1) {
		diag_error("supervisor", "cannot start a child: process=%s error=%s", process->name,
		    strerror(errno));
		process->pid = 0;
		if (pair[0] != -1) {
			close(pair[0]);
			close(pair[1]);
		}
		process_start_later(process);
		return;
	}
	close(pair[1]);
	process->aborted = false;
	process->quiet = false;
	process->link_to_raftd.breaks = 0;
	process->greeted = false;
	process->refused = false;
	process->was_ready = false;
	process->renewed = false;
	process->draining = false;
	process->connections = 0;
	process->memory = 0;
	process->state = PROCESS_STARTING;
	process->channel = channel_new(world->loop, pair[0], (struct channel_owner){
	    .name = process->name, .received = process_received, .closed = process_closed,
	    .argument = process });
	greet(process);
	world->started(world->argument, process);
}

static void
tell_haste(struct process *process, uint64_t now_ms)
{
	size_t oldest = process->deaths % PROCESS_DEATHS_KEPT;
	bool hasty = process->deaths >= PROCESS_DEATHS_KEPT &&
	    now_ms - process->deaths_ms[oldest] < HASTY_WINDOW_MS;

	if (!hasty) {
		process->hasty = false;
		return;
	}
	if (process->hasty && now_ms - process->hasty_said_ms < HASTY_WINDOW_MS)
		return;
	diag_error("supervisor", "restarting too fast: process=%s deaths=%zu", process->name,
	    process->deaths);
	process->hasty = true;
	process->hasty_said_ms = now_ms;
}

void
process_start_later(struct process *process)
{
	uint64_t now_ms = loop_now(process->world->loop).monotonic_ms;
	uint64_t delay_ms = 0;

	if (now_ms - process->started_ms >= LIFE_LONG_ENOUGH_MS)
		process->deaths_in_row = 0;
	if (process->deaths_in_row > 0)
		delay_ms = MIN_OF((uint64_t)BACK_OFF_MAX_MS,
		    (uint64_t)BACK_OFF_FIRST_MS << MIN_OF(process->deaths_in_row - 1, 10U));
	process->deaths_in_row++;
	process->deaths_ms[process->deaths++ % PROCESS_DEATHS_KEPT] = now_ms;
	process->restarts++;
	process->state = delay_ms == 0 ? PROCESS_DEAD : PROCESS_THROTTLED;
	loop_timer_set(process->timer, delay_ms);
	tell_haste(process, now_ms);
	if (!process->hasty)
		diag_warn("supervisor", "starting it again: process=%s in_ms=%llu", process->name,
		    (unsigned long long)delay_ms);
}

/* Do not start it any more. */
static void
cancel(struct process *process)
{
	if (process->pid != 0)
		return;
	loop_timer_cancel(process->timer);
	process->state = PROCESS_DEAD;
}

void
process_stop(struct process *process, int how, uint64_t limit_ms)
{
	if (process->pid == 0) {
		cancel(process);
		return;
	}
	process->state = PROCESS_STOPPING;
	process->draining = how == STOP_DRAIN;
	loop_timer_set(process->timer, limit_ms);
	if (process->channel != NULL)
		msg_stop_frame(channel_out(process->channel), 0,
		    &(struct msg_stop){ .how = (uint8_t)how });
	else
		process_kill(process, SIGTERM);
	loop_again(process->world->loop);
}

void
process_kill(struct process *process, int signal_number)
{
	/* Not reaped yet, so the number is still its own. */
	if (process->pid != 0)
		(void)kill(process->pid, signal_number);
}

/* "code 70" or "signal 9 (Killed)"; freed by the caller. */
static char *
end_text(int status)
{
	if (WIFSIGNALED(status))
		return xasprintf("signal %d (%s)", WTERMSIG(status), strsignal(WTERMSIG(status)));
	return xasprintf("code %d", WEXITSTATUS(status));
}

void
process_reaped(struct process *process, int status)
{
	bool asked = process->state == PROCESS_STOPPING;
	char *text = end_text(status);
	bool clean = asked && WIFEXITED(status) && WEXITSTATUS(status) == 0;

	/* Its last words stand before its end. */
	log_source_free(&process->lines);
	diag_line(clean ? DIAG_DEBUG : DIAG_WARN, "supervisor",
	    "child ended: process=%s pid=%ld by=%s", process->name, (long)process->pid, text);
	free(text);
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS)
		diag_error("supervisor", "child was killed for a system call that its sandbox "
		    "forbids, see the kernel's log: process=%s", process->name);
	loop_timer_cancel(process->timer);
	channel_free(&process->channel);
	process->pid = 0;
	process->quiet = false;
	process->state = PROCESS_DEAD;
	if (process->world->metrics != NULL)
		metric_area_leave(process->world->metrics, process->metric_slot);
	process->metric_slot = METRIC_NO_SLOT;
	process->world->died(process->world->argument, process, status);
}

/* ---- another program in our place --------------------------------------------------- */

static const struct flag {
	uint8_t bit;
	size_t place;			/* of the bool in struct process */
} flags[] = {
	{ UPGRADE_PROCESS_GREETED, offsetof(struct process, greeted) },
	{ UPGRADE_PROCESS_WAS_READY, offsetof(struct process, was_ready) },
	{ UPGRADE_PROCESS_EVER_READY, offsetof(struct process, ever_ready) },
	{ UPGRADE_PROCESS_RETIRED, offsetof(struct process, retired) },
	{ UPGRADE_PROCESS_DRAINING, offsetof(struct process, draining) },
};

void
process_hand_on(const struct process *process, struct upgrade_process *record)
{
	*record = (struct upgrade_process){
		.role = (uint8_t)process->role,
		.number = process->number,
		.pid = (uint32_t)process->pid,
		.state = (uint8_t)process->state,
		.channel_fd = (uint32_t)channel_fd(process->channel),
		.unread = channel_unread(process->channel),
		.lines_fd = UPGRADE_NO_FD,
		.started_ms = process->started_ms,
		.started_wall_ns = process->started_wall_ns,
		.restarts = process->restarts,
		.deaths_in_row = process->deaths_in_row,
		.connections = process->connections,
		.store_index = process->store_index,
		.metric_slot = process->metric_slot,
	};
	if (process->lines != NULL && log_source_fd(process->lines) != -1) {
		record->lines_fd = (uint32_t)log_source_fd(process->lines);
		record->unread_lines = log_source_unread(process->lines);
	}
	for (size_t i = 0; i < ARRAY_COUNT(flags); i++) {
		if (*(const bool *)((const char *)process + flags[i].place))
			record->flags |= flags[i].bit;
	}
}

struct process *
process_take_over(const struct process_world *world, const struct upgrade_process *record)
{
	struct process *process = process_new(world, record->role, record->number);

	process->pid = (pid_t)record->pid;
	process->state = (enum process_state)record->state;
	process->started_ms = record->started_ms;
	process->started_wall_ns = record->started_wall_ns;
	process->heard_ms = loop_now(world->loop).monotonic_ms;
	process->restarts = record->restarts;
	process->deaths_in_row = record->deaths_in_row;
	process->connections = record->connections;
	process->store_index = record->store_index;
	process->metric_slot = record->metric_slot;
	for (size_t i = 0; i < ARRAY_COUNT(flags); i++)
		*(bool *)((char *)process + flags[i].place) = (record->flags & flags[i].bit) != 0;
	process->channel = channel_new(world->loop, (int)record->channel_fd, (struct channel_owner){
	    .name = process->name, .received = process_received, .closed = process_closed,
	    .argument = process });
	channel_feed(process->channel, record->unread);
	if (record->lines_fd != UPGRADE_NO_FD)
		process->lines = log_source_resume(world->log, program_of(process), process->pid,
		    (int)record->lines_fd, record->unread_lines);
	if (process->state == PROCESS_STOPPING)
		loop_timer_set(process->timer, TAKEN_STOP_LIMIT_MS);
	return process;
}

/* ---- watchdog ----------------------------------------------------------------------- */

static uint64_t
silence_limit_ms(const struct process *process)
{
	return process->role == ROLE_RAFTD ? RAFTD_SILENCE_MAX_MS : SILENCE_MAX_MS;
}

bool
process_is_silent(const struct process *process, uint64_t now_ms)
{
	return process_is_up(process) &&
	    now_ms - MIN_OF(process->heard_ms, now_ms) >= silence_limit_ms(process);
}

void
process_watch(struct process *process, uint64_t now_ms, uint64_t own_ms)
{
	uint64_t limit_ms = silence_limit_ms(process);
	uint64_t silent_ms = now_ms - MIN_OF(process->heard_ms, now_ms);

	if (process->state == PROCESS_RUNNING && !process->quiet &&
	    silent_ms >= RAFTD_SILENT_MS + own_ms) {
		diag_warn("supervisor", "child gives no sign of life: process=%s pid=%ld "
		    "silent_ms=%llu", process->name, (long)process->pid,
		    (unsigned long long)silent_ms);
		process->quiet = true;
	}
	if (!process_is_silent(process, now_ms))
		return;
	if (!process->aborted) {
		diag_error("supervisor", "child gives no sign of life, aborted: process=%s pid=%ld "
		    "silent_ms=%llu", process->name, (long)process->pid,
		    (unsigned long long)silent_ms);
		process->aborted = true;
		process_kill(process, SIGABRT);
	} else if (silent_ms >= limit_ms + ABORT_TO_KILL_MS) {
		process_kill(process, SIGKILL);
	}
}

void
process_forgive(struct process *process, uint64_t now_ms)
{
	process->heard_ms = now_ms;
	process->quiet = false;
}

const char *
process_state_name(const struct process *process)
{
	if (process->quiet)
		return "silent";
	switch (process->state) {
	case PROCESS_DEAD:
		return "dead";
	case PROCESS_THROTTLED:
		return "throttled";
	case PROCESS_STARTING:
		return "starting";
	case PROCESS_RUNNING:
		return "running";
	case PROCESS_STOPPING:
		return "stopping";
	}
	return "unknown";
}
