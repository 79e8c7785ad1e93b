/*
 * child.c - a child's end of its control channel.
 *
 * Owns the channel, the configuration and the timer of the sign of life. Called
 * by the mains of raftd and httpd; calls them back from the loop only.
 *
 *	new --------> greeted		supervisor's hello is right	[take_hello]
 *	greeted ----> configured	settings came			[on_settings]
 *	configured -> configured	settings came again		[on_settings]
 *	configured -> stopping		stop, SIGTERM or end-of-file	[stop]
 *	any --------> ended		bytes that are no message of the
 *					supervisor: EXIT_PROTOCOL	[refuse]
 *
 * Before the settings came there is nothing to stop in order: the loop ends.
 */
#include "common/child.h"

#include "common/diag.h"
#include "common/diag_pipe.h"
#include "common/harden.h"
#include "common/ipc/channel.h"
#include "common/ipc/greeting.h"
#include "common/ipc/wire.h"
#include "common/limits.h"
#include "common/metric.h"
#include "common/metric_process.h"
#include "common/xmem.h"

#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>

struct child {
	struct loop *loop;
	struct channel *channel;	/* NULL once the supervisor is gone */
	struct loop_timer *alive;
	uint64_t breathed_ms;	/* monotonic; child_breathe */
	struct metric_process *process;	/* what it says of itself */
	int role;
	uint32_t number;
	struct child_owner owner;
	struct config config;
	struct buf lost;		/* what is said when nobody listens any more */
	uint32_t restarts;
	bool greeted, configured;
	int fd;			/* of the frame that is looked at; -1: none, or taken */
};

static void
stop(struct child *child, int how)
{
	if (child->configured)
		child->owner.stop(child->owner.argument, how);
	else
		loop_stop(child->loop, EXIT_STOPPED);
}

static void
refuse(struct child *child, const char *reason)
{
	diag_error("control", "supervisor sent %s", reason);
	loop_stop(child->loop, EXIT_PROTOCOL);
}

static void
take_hello(struct child *child, const struct frame *frame)
{
	static const struct greeting supervisor = { .role = ROLE_SUPERVISOR };
	struct msg_hello hello;
	unsigned flaws = greeting_flaws(frame, &supervisor, &hello);

	if ((flaws & (FLAW_NO_HELLO | FLAW_STRANGER)) != 0) {
		refuse(child, "an invalid hello");
		return;
	}
	if ((flaws & FLAW_PROTOCOL) != 0) {
		diag_error("control", "supervisor speaks another protocol: its=%u ours=%u",
		    (unsigned)hello.protocol, (unsigned)WIRE_PROTOCOL);
		loop_stop(child->loop, EXIT_PROTOCOL);
		return;
	}
	child->restarts = hello.number;
	child->greeted = true;
}

static void
set_level(const struct config *config)
{
	struct diag_levels levels;
	char *problem = diag_levels_parse(config->log_level, &levels);

	/* The supervisor has checked it. */
	if (problem == NULL)
		diag_set_levels(&levels);
	free(problem);
}

static void
configure(struct child *child)
{
	set_level(&child->config);
	diag_set_json(strcmp(child->config.log_format, "json") == 0);
	diag_set_keys(child->config.log_keys);
	diag_set_node(child->config.name);
	if (child->config.allow_core)
		harden_core_allow();
	else
		harden_core_off();
	child->configured = true;
	child->owner.configured(child->owner.argument, &child->config);
}

/* Whoever took a pointer into the other options may keep it. */
static void
reconfigure(struct child *child, const struct config *fresh)
{
	for (enum option_id id = 0; id < OPTION_COUNT; id++) {
		if (option_reloadable(id))
			config_copy(&child->config, fresh, id);
	}
	set_level(&child->config);
	if (child->owner.reconfigured != NULL)
		child->owner.reconfigured(child->owner.argument, &child->config);
}

/* ---- what comes ------------------------------------------------------------------ */

/* The descriptor that came with the frame is the caller's now. */
static int
take_descriptor(struct child *child)
{
	int fd = child->fd;

	child->fd = -1;
	return fd;
}

/* Without counters it works as well: they go nowhere then. */
static enum err
on_metrics(struct child *child, const struct frame *frame UNUSED, const struct msg_metrics *m)
{
	if (child->configured || child->fd == -1)
		return ERR_MALFORMED;
	if (metric_attach(child->fd, m->slot, child->role) == ERR_NONE)
		metric_process_begin(child->process, child->role, child->number,
		    loop_now(child->loop));
	else
		diag_warn("control", "nothing is counted: slot=%" PRIu32, m->slot);
	return ERR_NONE;
}

static enum err
on_settings(struct child *child, const struct frame *frame UNUSED, const struct msg_settings *m)
{
	struct config fresh;
	enum err err;

	config_init(&fresh);
	err = config_from_settings(child->configured ? &fresh : &child->config, m->settings);
	if (err == ERR_NONE && child->configured)
		reconfigure(child, &fresh);
	else if (err == ERR_NONE)
		configure(child);
	config_free(&fresh);
	return err;
}

static enum err
on_diag_pipe(struct child *child, const struct frame *frame UNUSED,
    const struct msg_diag_pipe *m UNUSED)
{
	if (child->fd == -1)
		return ERR_MALFORMED;
	diag_pipe_open(take_descriptor(child));
	return ERR_NONE;
}

static enum err
on_attach(struct child *child, const struct frame *frame UNUSED, const struct msg_attach *m)
{
	if (!child->configured || child->fd == -1)
		return ERR_MALFORMED;
	child->owner.attached(child->owner.argument, m->role, m->number, m->token,
	    take_descriptor(child));
	return ERR_NONE;
}

static enum err
on_handover(struct child *child, const struct frame *frame UNUSED, const struct msg_handover *m)
{
	if (!child->configured || child->owner.handover == NULL || child->fd == -1)
		return ERR_MALFORMED;
	child->owner.handover(child->owner.argument, m->give != 0, m->token,
	    take_descriptor(child));
	return ERR_NONE;
}

static enum err
on_rotation(struct child *child, const struct frame *frame UNUSED, const struct msg_rotation *m)
{
	if (!child->configured || child->owner.rotation == NULL)
		return ERR_MALFORMED;
	child->owner.rotation(child->owner.argument, m->out != 0);
	return ERR_NONE;
}

static enum err
on_stop(struct child *child, const struct frame *frame UNUSED, const struct msg_stop *m)
{
	stop(child, m->how);
	return ERR_NONE;
}

static enum err
on_move_leader(struct child *child, const struct frame *frame UNUSED,
    const struct msg_move_leader *m)
{
	if (!child->configured || child->owner.move_leader == NULL)
		return ERR_MALFORMED;
	child->owner.move_leader(child->owner.argument, m->to);
	return ERR_NONE;
}

static enum err
on_resolved(struct child *child, const struct frame *frame, const struct msg_resolved *m)
{
	if (!child->configured || child->owner.resolved == NULL)
		return ERR_MALFORMED;
	child->owner.resolved(child->owner.argument, frame->request_id, m->addresses);
	return ERR_NONE;
}

static enum err
on_view(struct child *child, const struct frame *frame, const struct msg_view *m)
{
	if (!child->configured || child->owner.viewed == NULL)
		return ERR_MALFORMED;
	child->owner.viewed(child->owner.argument, frame->request_id, m);
	return ERR_NONE;
}

static enum err
on_told(struct child *child, const struct frame *frame, const struct msg_told *m)
{
	if (!child->configured || child->owner.told == NULL)
		return ERR_MALFORMED;
	child->owner.told(child->owner.argument, frame->request_id, m);
	return ERR_NONE;
}

static enum err
on_tls(struct child *child, const struct frame *frame UNUSED, const struct msg_tls *m)
{
	if (!child->configured || child->owner.secured == NULL || (m->flags & ~TLS_FLAG_ALL) != 0)
		return ERR_MALFORMED;
	child->owner.secured(child->owner.argument, m);
	return ERR_NONE;
}

static enum err
on_tls_tickets(struct child *child, const struct frame *frame UNUSED,
    const struct msg_tls_tickets *m)
{
	if (!child->configured || child->owner.tickets == NULL || m->keys.size == 0 ||
	    m->keys.size % TLS_TICKET_KEY_BYTES != 0 ||
	    m->keys.size > TLS_TICKET_KEYS_MAX * TLS_TICKET_KEY_BYTES)
		return ERR_MALFORMED;
	child->owner.tickets(child->owner.argument, m->keys);
	return ERR_NONE;
}

#define DISPATCH_TO struct child
#define TO_CHILD DISPATCH_ROW
#include "common/ipc/dispatch_define.h"

/* What was sent, in words, if that type is refused. */
static const char *
refused_as(uint16_t type)
{
	switch (type) {
	case MSG_hello:
		return "another hello";
	case MSG_settings:
		return "invalid settings";
	case MSG_attach:
		return "an invalid attach";
	case MSG_stop:
		return "an invalid stop";
	case MSG_move_leader:
		return "an invalid move_leader";
	case MSG_tls:
		return "invalid certificates";
	case MSG_tls_tickets:
		return "invalid ticket keys";
	case MSG_resolved:
		return "an invalid resolved";
	case MSG_metrics:
		return "invalid counters";
	case MSG_handover:
		return "an invalid handover";
	case MSG_rotation:
		return "an invalid rotation";
	case MSG_diag_pipe:
		return "an invalid pipe";
	default:
		return message_name(type);
	}
}

static void
child_received(void *argument, const struct frame *frame, int fd)
{
	struct child *child = argument;

	child->fd = fd;
	/* One hello, and that first. */
	if (!child->greeted && frame->type == MSG_hello)
		take_hello(child, frame);
	else if (!child->greeted)
		refuse(child, "something before its hello");
	else if (dispatch(child, FROM_SUPERVISOR, frame) != ERR_NONE)
		refuse(child, refused_as(frame->type));
	if (child->fd != -1)
		close(take_descriptor(child));
}

static void
child_closed(void *argument, enum err why)
{
	struct child *child = argument;

	channel_free(&child->channel);
	loop_timer_cancel(child->alive);
	if (why == ERR_CLOSED) {
		diag_warn("control", "supervisor is gone, stopping");
		stop(child, STOP_FAST);
		return;
	}
	diag_error("control", "channel of the supervisor failed: %s", err_text(why));
	loop_stop(child->loop, EXIT_PROTOCOL);
}

static void
terminated(void *argument, int signal_number UNUSED)
{
	stop(argument, STOP_FAST);
}

static void
flush(void *argument)
{
	struct child *child = argument;

	if (child->channel != NULL)
		channel_flush(child->channel);
	buf_clear(&child->lost);
}

static void
tell_alive(void *argument)
{
	struct child *child = argument;
	struct msg_alive alive = { 0 };

	if (child->configured && child->owner.alive != NULL)
		child->owner.alive(child->owner.argument, &alive);
	metric_process_look(child->process);
	alive.memory = metric_process_memory(child->process);
	msg_alive_frame(child_out(child), 0, &alive);
	diag_tick();
	diag_pipe_tick();
	loop_timer_set(child->alive, ALIVE_INTERVAL_MS);
}

void
child_breathe(struct child *child)
{
	uint64_t now_ms = clock_now().monotonic_ms;

	if (now_ms - child->breathed_ms < ALIVE_INTERVAL_MS)
		return;
	child->breathed_ms = now_ms;
	msg_alive_frame(child_out(child), 0, &(struct msg_alive){ 0 });
	flush(child);
}

struct child *
child_new(struct loop *loop, int fd, int role, uint32_t number, struct child_owner owner)
{
	static const int ignored[] = { SIGPIPE, SIGINT, SIGQUIT, SIGHUP, SIGUSR1, SIGUSR2 };
	struct child *child = xzalloc(sizeof(*child));

	/* Set before exec too; a program of other rights would have lost it. That the
	 * supervisor died in between is seen as end-of-file on the channel. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (size_t i = 0; i < ARRAY_COUNT(ignored); i++)
		signal(ignored[i], SIG_IGN);
	child->loop = loop;
	child->owner = owner;
	child->role = role;
	child->number = number;
	child->fd = -1;
	child->process = metric_process_new();
	config_init(&child->config);
	child->channel = channel_new(loop, fd, (struct channel_owner){
	    .name = "supervisor", .received = child_received, .closed = child_closed,
	    .takes_descriptors = true, .argument = child });
	child->alive = loop_timer_new(loop, tell_alive, child);
	loop_timer_set(child->alive, ALIVE_INTERVAL_MS);
	loop_on_signal(loop, SIGTERM, terminated, child);
	loop_at_turn_end(loop, flush, child);
	greeting_put(child_out(child),
	    &(struct msg_hello){ .role = (uint8_t)role, .number = number });
	return child;
}

void
child_free(struct child **child)
{
	if (*child == NULL)
		return;
	if ((*child)->channel != NULL)
		channel_flush((*child)->channel);
	channel_free(&(*child)->channel);
	loop_timer_free(&(*child)->alive);
	metric_process_free(&(*child)->process);
	config_free(&(*child)->config);
	buf_free(&(*child)->lost);
	free(*child);
	*child = NULL;
}

int
child_check(char *const argv[], const char *build)
{
	return strtoul(argv[2], NULL, 10) == WIRE_PROTOCOL && strcmp(argv[3], build) == 0 ?
	    EXIT_STOPPED : EXIT_USAGE;
}

uint32_t
child_restarts(const struct child *child)
{
	return child->restarts;
}

struct buf *
child_out(struct child *child)
{
	if (child->channel == NULL)
		return &child->lost;
	/* What a later turn-end function appends must not wait for the next event. */
	loop_again(child->loop);
	return channel_out(child->channel);
}

void
child_ready(struct child *child, const char *text)
{
	msg_ready_frame(child_out(child), 0, &(struct msg_ready){ .text = slice_text(text),
	    .build = child->owner.build == NULL ? SLICE_EMPTY : slice_text(child->owner.build) });
}

void
child_end_node(struct child *child, enum exit_code code, const char *sentence)
{
	msg_end_node_frame(child_out(child), 0, &(struct msg_end_node){
	    .exit_code = (uint8_t)code, .text = slice_text(sentence) });
}
