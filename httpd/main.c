/*
 * main.c - one worker: arguments, the channels to supervisor and raftd, the loop.
 *
 *	httpd --role client|peer --number N --control-fd 3 --listen-fd 4 --listen-count N
 *
 * Owns struct worker, which everything else shares.
 *
 *	started ----> configured	settings came			[configured]
 *	configured -> serving		a first status of raftd that is not
 *					recovering any more: the listening sockets
 *					are served, the supervisor told	[turn_ended]
 *	any --------> stopping		answers are finished, or connections go
 *					to another worker		[stop]
 *	stopping ---> ended		no connection is left, or it is time [stopped]
 */
#include "common/build.h"
#include "common/child.h"
#include "common/diag.h"
#include "common/harden.h"
#include "common/ipc/wire.h"
#include "common/limits.h"
#include "common/loop.h"
#include "common/precedence.h"
#include "common/program.h"
#include "common/title.h"
#include "common/xmem.h"
#include "httpd/backend.h"
#include "httpd/cluster.h"
#include "httpd/client/inquiry.h"
#include "httpd/client/gate.h"
#include "httpd/handover.h"
#include "httpd/http/server.h"
#include "httpd/http/tls.h"
#include "httpd/parts.h"
#include "httpd/peer/peer.h"
#include "httpd/policy.h"

#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdlib.h>

#define ORDERLY_MS 5000
#define DRAIN_MS 30000
#define TRIM_CONNECTIONS 256

struct worker_program {
	struct worker worker;
	struct child *child;		/* the channel to the supervisor */
	int listen_fd;			/* the first of them */
	size_t listen_count;
	bool serving;
	struct buf reach;		/* as it was told last */
	size_t peak;			/* connections since the last trim */
};

/* Open now; none before there is a server. */
static size_t
connections(const struct worker *worker)
{
	return worker->server == NULL ? 0 : server_connections(worker->server);
}

static void
set_title(const struct worker *worker)
{
	if (worker->role == ROLE_PEER)
		title_set("%s: httpd peer (%zu connections)", program_etcd(), connections(worker));
	else
		title_set("%s: httpd client %" PRIu32 " (%zu connections)", program_etcd(),
		    worker->number, connections(worker));
}

static void
resolve(void *argument, uint64_t id, const char *host)
{
	const struct worker_program *program = argument;

	msg_resolve_frame(child_out(program->child), id,
	    &(struct msg_resolve){ .host = slice_text(host) });
}

static void
lost_raftd(void *argument, uint64_t token, int why)
{
	const struct worker_program *program = argument;

	msg_channel_lost_frame(child_out(program->child), 0,
	    &(struct msg_channel_lost){ .token = token, .why = (uint8_t)why });
}

static void
ask(void *argument, uint64_t id, const struct msg_ask *message)
{
	const struct worker_program *program = argument;

	msg_ask_frame(child_out(program->child), id, message);
}

static void
end_node(void *argument, enum exit_code code, const char *sentence)
{
	const struct worker_program *program = argument;

	child_end_node(program->child, code, sentence);
}

/* Before anything comes from a client or a peer. False: the worker has to end. */
static bool
confine(const struct worker *worker)
{
	enum sandbox_mode mode = SANDBOX_BEST;
	enum err err;

	MUST(sandbox_mode_parse(worker->config.sandbox, &mode));
	err = httpd_policy_files(mode, worker->role);
	/* The last that are made: after it there are no files for them, before it they could. */
	if (err == ERR_NONE && worker->gate != NULL)
		gate_start(worker->gate);
	precedence_take();
	harden_limits();
	if (err == ERR_NONE)
		err = httpd_policy_calls(mode, worker->role);
	if (err == ERR_NONE)
		return true;
	diag_error("sandbox", "cannot confine itself (-sandbox on): %s", err_text(err));
	return false;
}

static void
resolved(void *argument, uint64_t request_id, struct slice addresses)
{
	struct worker_program *program = argument;

	peer_resolved(&program->worker, request_id, addresses);
}

/* Is its port to speak TLS? */
static bool
has_certificate(const struct worker *worker)
{
	const struct config *config = &worker->config;

	return (worker->role == ROLE_PEER ? config->peer_cert_file : config->cert_file)[0] != '\0';
}

static void
viewed(void *argument, uint64_t request_id, const struct msg_view *view)
{
	inquiry_viewed(((struct worker_program *)argument)->worker.inquiries, request_id, view);
}

static void
told(void *argument, uint64_t request_id, const struct msg_told *answer)
{
	inquiry_told(((struct worker_program *)argument)->worker.inquiries, request_id, answer);
}

/* Those of -listen-metrics-urls are the last. */
static void
add_ports(const struct worker_program *program)
{
	const struct worker *worker = &program->worker;
	const char *metrics = worker->role == ROLE_CLIENT ? worker->config.metrics_addr : "";
	size_t of_metrics = metrics[0] != '\0';

	for (; *metrics != '\0'; metrics++)
		of_metrics += *metrics == ',';
	for (size_t i = 0; i < program->listen_count; i++) {
		int fd = program->listen_fd + (int)i;

		if (i + of_metrics >= program->listen_count)
			server_add_metrics_port(worker->server, fd);
		else
			server_add_port(worker->server, fd);
	}
}

static void
configured(void *argument, const struct config *config)
{
	struct worker_program *program = argument;
	struct worker *worker = &program->worker;

	/* The child keeps the texts until it is freed, and it is freed last. */
	worker->config = *config;
	if (has_certificate(worker))
		worker->tls = tls_new(worker->role);
	/* Now, because OpenSSL reads files when it is used first. */
	if (worker->role == ROLE_PEER && strncmp(config->discovery, "https://", 8) == 0)
		worker->outside_tls = tls_new(worker->role);
	parts_open(worker);
	add_ports(program);
	if (!confine(worker)) {
		loop_stop(worker->loop, EXIT_USAGE);
		return;
	}
	if (worker->role == ROLE_PEER)
		peer_start(worker);
}

/* The supervisor has checked it all, so this fails by a mistake of ours only. */
static void
secured(void *argument, const struct msg_tls *material)
{
	struct worker_program *program = argument;
	struct worker *worker = &program->worker;
	char *problem;

	if ((material->flags & TLS_FLAG_OUTSIDE) != 0) {
		if (worker->outside_tls == NULL ||
		    tls_take(worker->outside_tls, material, &problem) == ERR_NONE)
			return;
		diag_error("tls", "authorities are not used: %s", problem);
		free(problem);
		return;
	}
	if (worker->tls == NULL || tls_take(worker->tls, material, &problem) == ERR_NONE)
		return;
	diag_error("tls", "certificates are not used: %s", problem);
	if (!tls_is_ready(worker->tls))
		child_end_node(program->child, EXIT_USAGE, problem);
	free(problem);
}

static void
tickets(void *argument, struct slice keys)
{
	struct worker *worker = &((struct worker_program *)argument)->worker;

	if (worker->tls != NULL)
		tls_take_tickets(worker->tls, keys);
}

static void
reconfigured(void *argument, const struct config *config)
{
	struct worker_program *program = argument;

	parts_reconfigure(&program->worker, config);
}

static void
attached(void *argument, int role, uint32_t number UNUSED, uint64_t token, int fd)
{
	struct worker_program *program = argument;

	if (role == ROLE_SUPERVISOR)
		server_adopt_local(program->worker.server, fd);
	else
		backend_attach(program->worker.backend, fd, token);
}

static void
handover(void *argument, bool give, uint64_t token, int fd)
{
	struct worker_program *program = argument;

	handover_attach(program->worker.handover, give, token, fd);
}

static void
rotation(void *argument, bool out)
{
	((struct worker_program *)argument)->worker.out_of_rotation = out;
}

static void
stopped(struct worker *worker)
{
	loop_stop(worker->loop, EXIT_STOPPED);
}

static void
stop(void *argument, int how)
{
	struct worker_program *program = argument;
	struct worker *worker = &program->worker;

	if (how != STOP_ORDERLY && how != STOP_DRAIN) {
		loop_stop(worker->loop, EXIT_STOPPED);
		return;
	}
	peer_stop(worker);
	server_stop(worker->server, how == STOP_DRAIN, how == STOP_DRAIN ? DRAIN_MS : ORDERLY_MS,
	    stopped);
}

/* Thousands of connections that went leave their memory with the allocator. */
static void
trim(struct worker_program *program)
{
	size_t open = connections(&program->worker);

	program->peak = MAX_OF(program->peak, open);
	if (program->peak < TRIM_CONNECTIONS || open > program->peak / 2)
		return;
	xtrim();
	program->peak = open;
}

/* Of other members, when it has changed. */
static void
tell_reach(struct worker_program *program)
{
	struct buf reach = BUF_INIT;

	peer_put_reach(&program->worker, &reach);
	if (!slice_equal(buf_slice(&reach), buf_slice(&program->reach))) {
		msg_reach_frame(child_out(program->child), 0,
		    &(struct msg_reach){ .members = buf_slice(&reach) });
		buf_clear(&program->reach);
		buf_append_slice(&program->reach, buf_slice(&reach));
	}
	buf_free(&reach);
}

static void
tell_alive(void *argument, struct msg_alive *alive)
{
	struct worker_program *program = argument;

	alive->connections = (uint32_t)connections(&program->worker);
	set_title(&program->worker);
	if (program->worker.backend != NULL)
		(void)backend_is_silent(program->worker.backend);
	if (program->worker.role == ROLE_PEER)
		tell_reach(program);
	trim(program);
}

/* A worker serves once raftd knows who the node is; until then connections
 * wait in the kernel's queue. */
static void
serve(struct worker_program *program)
{
	struct worker *worker = &program->worker;

	if (program->serving || server_is_stopping(worker->server) ||
	    !backend_connected(worker->backend) || worker->cluster->phase < PHASE_JOINING ||
	    (worker->tls != NULL && !tls_is_ready(worker->tls)))
		return;
	program->serving = true;
	server_listen(worker->server);
	child_ready(program->child, "");
	set_title(worker);
}

static void
turn_ended(void *argument)
{
	struct worker_program *program = argument;
	struct worker *worker = &program->worker;

	if (worker->backend == NULL)
		return;
	serve(program);
	parts_turn(worker);
}

static bool
read_number(const char *text, unsigned long max, unsigned long *number)
{
	char *end;

	*number = strtoul(text, &end, 10);
	return text[0] >= '0' && text[0] <= '9' && *end == '\0' && *number <= max;
}

static bool
read_arguments(int argc, char **argv, struct worker_program *program, int *control_fd)
{
	static const struct option options[] = {
		{ "role", required_argument, NULL, 'r' },
		{ "number", required_argument, NULL, 'n' },
		{ "control-fd", required_argument, NULL, 'c' },
		{ "listen-fd", required_argument, NULL, 'l' },
		{ "listen-count", required_argument, NULL, 'k' },
		{ NULL, 0, NULL, 0 },
	};
	unsigned long number;
	int which;

	while ((which = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (which == 'r') {
			if (strcmp(optarg, "peer") == 0)
				program->worker.role = ROLE_PEER;
			else if (strcmp(optarg, "client") == 0)
				program->worker.role = ROLE_CLIENT;
			else
				return false;
			continue;
		}
		if (which == '?' || !read_number(optarg, INT32_MAX, &number))
			return false;
		if (which == 'n')
			program->worker.number = (uint32_t)number;
		else if (which == 'c')
			*control_fd = (int)number;
		else if (which == 'k')
			program->listen_count = number;
		else
			program->listen_fd = (int)number;
	}
	return optind == argc && program->worker.role != 0 && program->listen_fd != -1 &&
	    program->listen_count <= LISTEN_MAX;
}

/* Other workers may have taken what made a socket readable. False: there is none. */
static bool
prepare_listener(int fd)
{
	int flags = fcntl(fd, F_GETFL);

	if (flags != -1 && fcntl(fd, F_SETFL, flags | O_NONBLOCK) == 0 &&
	    fcntl(fd, F_SETFD, FD_CLOEXEC) == 0)
		return true;
	diag_say("httpd: descriptor %d is not open", fd);
	return false;
}

int
main(int argc, char **argv)
{
	struct worker_program program = { .listen_fd = -1 };
	struct worker *worker = &program.worker;
	int control_fd = CHILD_CONTROL_FD;
	bool good;
	int code;

	/* An upgrade asks before it replaces anything. */
	if (argc == 4 && strcmp(argv[1], "--check") == 0)
		return child_check(argv, build_text);
	good = read_arguments(argc, argv, &program, &control_fd);
	harden_start(good ? program.listen_fd + (int)program.listen_count : -1);
	xmem_start();
	title_start(argc, argv);
	diag_start("httpd");
	if (!good) {
		diag_say("httpd: is started by %s, with --role client|peer --number N "
			 "--control-fd FD --listen-fd FD --listen-count N", program_etcd());
		return EXIT_USAGE;
	}
	for (size_t i = 0; i < program.listen_count; i++)
		if (!prepare_listener(program.listen_fd + (int)i))
			return EXIT_USAGE;
	worker->loop = loop_new();
	worker->owner = (struct worker_owner){ .resolve = resolve, .lost_raftd = lost_raftd,
	    .ask = ask, .end_node = end_node, .argument = &program };
	program.child = child_new(worker->loop, control_fd, worker->role, worker->number,
	    (struct child_owner){
		.build = build_text,
		.configured = configured,
		.reconfigured = reconfigured,
		.attached = attached,
		.secured = secured,
		.tickets = tickets,
		.handover = worker->role == ROLE_CLIENT ? handover : NULL,
		.rotation = worker->role == ROLE_CLIENT ? rotation : NULL,
		.viewed = worker->role == ROLE_CLIENT ? viewed : NULL,
		.told = worker->role == ROLE_CLIENT ? told : NULL,
		.stop = stop,
		.alive = tell_alive,
		.resolved = worker->role == ROLE_PEER ? resolved : NULL,
		.argument = &program,
	    });
	loop_at_turn_end(worker->loop, turn_ended, &program);
	set_title(worker);
	code = loop_run(worker->loop, EXIT_STOPPED);
	if (worker->backend != NULL) {
		peer_stop(worker);
		parts_close(worker);
	}
	tls_free(&worker->tls);
	tls_free(&worker->outside_tls);
	buf_free(&program.reach);
	child_free(&program.child);
	loop_free(&worker->loop);
	return code;
}
