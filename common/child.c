/*
 * child.c - a child's end of its control channel.
 *
 * Owns the channel, the configuration and the timer of the sign of life. Called
 * by the mains of raftd and httpd; calls them back from the loop only.
 *
 *	new --------> greeted		supervisor's hello is right	[take_hello]
 *	greeted ----> configured	settings came			[take_settings]
 *	configured -> configured	settings came again		[take_settings]
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
take_hello(struct child *child, struct slice payload)
{
	struct msg_hello hello;

	if (msg_hello_decode(payload, &hello) != ERR_NONE || hello.magic != WIRE_MAGIC ||
	    hello.role != ROLE_SUPERVISOR) {
		refuse(child, "a hello that is none");
		return;
	}
	if (hello.protocol != WIRE_PROTOCOL) {
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

/* Without counters it works as well: they go nowhere then. */
static void
take_metrics(struct child *child, struct slice payload, int fd)
{
	struct msg_metrics metrics;

	if (child->configured || fd == -1 || msg_metrics_decode(payload, &metrics) != ERR_NONE) {
		refuse(child, "counters that are none");
	} else if (metric_attach(fd, metrics.slot, child->role) == ERR_NONE) {
		metric_process_begin(child->process, child->role, child->number,
		    loop_now(child->loop));
	} else {
		diag_warn("control", "nothing is counted: slot=%" PRIu32, metrics.slot);
	}
	if (fd != -1)
		close(fd);
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

static void
take_settings(struct child *child, struct slice payload)
{
	struct msg_settings settings;
	struct config fresh;

	config_init(&fresh);
	if (msg_settings_decode(payload, &settings) != ERR_NONE ||
	    config_from_settings(child->configured ? &fresh : &child->config,
	    settings.settings) != ERR_NONE)
		refuse(child, "settings that are none");
	else if (child->configured)
		reconfigure(child, &fresh);
	else
		configure(child);
	config_free(&fresh);
}

static void
take_diag_pipe(struct child *child, struct slice payload, int fd)
{
	struct msg_diag_pipe message;

	if (fd == -1 || msg_diag_pipe_decode(payload, &message) != ERR_NONE) {
		if (fd != -1)
			close(fd);
		refuse(child, "a pipe that is none");
		return;
	}
	diag_pipe_open(fd);
}

static void
take_attach(struct child *child, struct slice payload, int fd)
{
	struct msg_attach attach;

	if (!child->configured || fd == -1 || msg_attach_decode(payload, &attach) != ERR_NONE) {
		if (fd != -1)
			close(fd);
		refuse(child, "an attach that is none");
		return;
	}
	child->owner.attached(child->owner.argument, attach.role, attach.number, attach.token, fd);
}

static void
take_handover(struct child *child, struct slice payload, int fd)
{
	struct msg_handover handover;

	if (!child->configured || child->owner.handover == NULL || fd == -1 ||
	    msg_handover_decode(payload, &handover) != ERR_NONE) {
		if (fd != -1)
			close(fd);
		refuse(child, "a handover that is none");
		return;
	}
	child->owner.handover(child->owner.argument, handover.give != 0, handover.token, fd);
}

static void
take_rotation(struct child *child, struct slice payload)
{
	struct msg_rotation rotation;

	if (!child->configured || child->owner.rotation == NULL ||
	    msg_rotation_decode(payload, &rotation) != ERR_NONE) {
		refuse(child, "a rotation that is none");
		return;
	}
	child->owner.rotation(child->owner.argument, rotation.out != 0);
}

static void
take_stop(struct child *child, struct slice payload)
{
	struct msg_stop order;

	if (msg_stop_decode(payload, &order) != ERR_NONE) {
		refuse(child, "a stop that is none");
		return;
	}
	stop(child, order.how);
}

static void
take_move_leader(struct child *child, struct slice payload)
{
	struct msg_move_leader order;

	if (!child->configured || child->owner.move_leader == NULL ||
	    msg_move_leader_decode(payload, &order) != ERR_NONE) {
		refuse(child, "a move_leader that is none");
		return;
	}
	child->owner.move_leader(child->owner.argument, order.to);
}

static void
take_resolved(struct child *child, const struct frame *frame)
{
	struct msg_resolved answer;

	if (!child->configured || child->owner.resolved == NULL ||
	    msg_resolved_decode(frame->payload, &answer) != ERR_NONE) {
		refuse(child, "a resolved that is none");
		return;
	}
	child->owner.resolved(child->owner.argument, frame->request_id, answer.addresses);
}

static void
take_tls(struct child *child, struct slice payload)
{
	struct msg_tls material;

	if (!child->configured || child->owner.secured == NULL ||
	    msg_tls_decode(payload, &material) != ERR_NONE ||
	    (material.flags & ~TLS_FLAG_ALL) != 0) {
		refuse(child, "certificates that are none");
		return;
	}
	child->owner.secured(child->owner.argument, &material);
}

static void
take_tls_tickets(struct child *child, struct slice payload)
{
	struct msg_tls_tickets tickets;

	if (!child->configured || child->owner.tickets == NULL ||
	    msg_tls_tickets_decode(payload, &tickets) != ERR_NONE || tickets.keys.size == 0 ||
	    tickets.keys.size % TLS_TICKET_KEY_BYTES != 0 ||
	    tickets.keys.size > TLS_TICKET_KEYS_MAX * TLS_TICKET_KEY_BYTES) {
		refuse(child, "ticket keys that are none");
		return;
	}
	child->owner.tickets(child->owner.argument, tickets.keys);
}

static void
child_received(void *argument, const struct frame *frame, int fd)
{
	struct child *child = argument;

	if (frame->type == MSG_attach && child->greeted) {
		take_attach(child, frame->payload, fd);
		return;
	}
	if (frame->type == MSG_handover && child->greeted) {
		take_handover(child, frame->payload, fd);
		return;
	}
	if (frame->type == MSG_metrics && child->greeted) {
		take_metrics(child, frame->payload, fd);
		return;
	}
	if (frame->type == MSG_diag_pipe && child->greeted) {
		take_diag_pipe(child, frame->payload, fd);
		return;
	}
	if (fd != -1)
		close(fd);
	if (!child->greeted && frame->type != MSG_hello)
		refuse(child, "something before its hello");
	else if (frame->type == MSG_hello)
		take_hello(child, frame->payload);
	else if (frame->type == MSG_settings)
		take_settings(child, frame->payload);
	else if (frame->type == MSG_rotation)
		take_rotation(child, frame->payload);
	else if (frame->type == MSG_stop)
		take_stop(child, frame->payload);
	else if (frame->type == MSG_move_leader)
		take_move_leader(child, frame->payload);
	else if (frame->type == MSG_resolved)
		take_resolved(child, frame);
	else if (frame->type == MSG_tls)
		take_tls(child, frame->payload);
	else if (frame->type == MSG_tls_tickets)
		take_tls_tickets(child, frame->payload);
	else
		refuse(child, message_name(frame->type));
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
	child->process = metric_process_new();
	config_init(&child->config);
	child->channel = channel_new(loop, fd, (struct channel_owner){
	    .name = "supervisor", .received = child_received, .closed = child_closed,
	    .takes_descriptors = true, .argument = child });
	child->alive = loop_timer_new(loop, tell_alive, child);
	loop_timer_set(child->alive, ALIVE_INTERVAL_MS);
	loop_on_signal(loop, SIGTERM, terminated, child);
	loop_at_turn_end(loop, flush, child);
	msg_hello_frame(child_out(child), 0, &(struct msg_hello){ .magic = WIRE_MAGIC,
	    .protocol = WIRE_PROTOCOL, .role = (uint8_t)role, .number = number });
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
