/*
 * upgrade_take.c - the new program: looks at what the one before has, or takes
 * it (see upgrade.h).
 */
#include "common/limits.h"
#include "supervisor/upgrade.h"

#include "common/diag.h"
#include "common/ipc/wire.h"
#include "common/program.h"
#include "common/version.h"
#include "common/xmem.h"
#include "supervisor/control.h"
#include "supervisor/setup.h"
#include "supervisor/spawn.h"
#include "supervisor/supervisor.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* Sockets, directory, user and sandbox are those of the process, which stays. */
static const enum option_id fixed[] = {
	OPTION_name, OPTION_data_dir, OPTION_run_dir, OPTION_addr, OPTION_bind_addr,
	OPTION_peer_addr, OPTION_peer_bind_addr, OPTION_user, OPTION_group, OPTION_sandbox,
	OPTION_allow_core, OPTION_pid_file, OPTION_listen_metrics_urls,
};

/* What the one before had worked out of them. */
static const enum option_id worked_out[] = {
	OPTION_name, OPTION_data_dir, OPTION_run_dir, OPTION_addr, OPTION_bind_addr,
	OPTION_peer_addr, OPTION_peer_bind_addr, OPTION_client_url, OPTION_peer_url,
	OPTION_listen_metrics_urls, OPTION_metrics_addr,
};

/* ---- reading it --------------------------------------------------------------------- */

static bool
read_all(int fd, struct buf *bytes)
{
	ssize_t size;

	buf_init(bytes, UPGRADE_STATE_BYTES_MAX);
	do {
		uint8_t piece[4096];

		size = read(fd, piece, sizeof(piece));
		if (size > 0)
			buf_append(bytes, piece, (size_t)size);
	} while (size > 0 || (size == -1 && errno == EINTR));
	return size == 0 && !bytes->overflowed;
}

/* False: it is no socket that can be there. */
static bool
add_port(struct takeover *takeover, int role, uint32_t fd)
{
	struct listen_set *set = role == ROLE_CLIENT ? &takeover->client_ports :
	    &takeover->peer_ports;

	if (fd == UPGRADE_NO_FD || set->count == LISTEN_MAX ||
	    (role != ROLE_CLIENT && role != ROLE_PEER))
		return false;
	set->fds[set->count++] = (int)fd;
	return true;
}

/* The rest, behind the fields. */
static bool
read_ports(struct takeover *takeover, struct reader *in)
{
	const struct upgrade_state *state = &takeover->state;
	struct upgrade_port port;

	if (!add_port(takeover, ROLE_CLIENT, state->client_fd) ||
	    !add_port(takeover, ROLE_PEER, state->peer_fd))
		return false;
	while (state->format == UPGRADE_FORMAT && !reader_done(in))
		if (!upgrade_port_get(in, &port) || !add_port(takeover, port.role, port.fd))
			return false;
	return reader_done(in);
}

char *
upgrade_find(struct takeover *takeover)
{
	const char *word = getenv(UPGRADE_VARIABLE);
	int fd = SPAWN_CONTROL_FD;
	struct reader in;
	bool good;

	*takeover = (struct takeover){ .mode = UPGRADE_NONE };
	if (word == NULL)
		return NULL;
	if (strcmp(word, "check") == 0) {
		takeover->mode = UPGRADE_CHECK;
	} else if (strncmp(word, "take ", strlen("take ")) == 0) {
		fd = (int)strtol(word + strlen("take "), NULL, 10);
		takeover->mode = UPGRADE_TAKE;
	} else {
		return xasprintf("%s: \"%s\" is none of the words that a running %s says to its "
		    "successor", UPGRADE_VARIABLE, word, program_own());
	}
	(void)unsetenv(UPGRADE_VARIABLE);
	good = read_all(fd, &takeover->bytes);
	close(fd);
	in = reader_of(buf_slice(&takeover->bytes));
	if (!good || !upgrade_state_get(&in, &takeover->state) ||
	    takeover->state.magic != UPGRADE_MAGIC)
		return xstrdup("cannot read what the running program hands on");
	if (takeover->state.format != UPGRADE_FORMAT &&
	    takeover->state.format != UPGRADE_FORMAT_ONE_ADDRESS)
		return xasprintf("the running program hands on its state in format %u, this one "
		    "takes "
		    "format %u; stop the node and start it", (unsigned)takeover->state.format,
		    (unsigned)UPGRADE_FORMAT);
	if (takeover->state.protocol != WIRE_PROTOCOL)
		return xasprintf("the node's processes speak protocol %u, this program %u; stop "
		    "the node "
		    "and start it", (unsigned)takeover->state.protocol, (unsigned)WIRE_PROTOCOL);
	if (!read_ports(takeover, &in))
		return xstrdup("cannot read what the running program hands on");
	return NULL;
}

void
takeover_free(struct takeover *takeover)
{
	buf_free(&takeover->bytes);
}

/* The value of an option in a list of settings; false: it is not there. */
static bool
find_setting(struct slice settings, enum option_id id, struct slice *value)
{
	struct reader in = reader_of(settings);
	struct setting_record setting;

	while (!reader_done(&in) && setting_record_get(&in, &setting)) {
		if (slice_equal(setting.name, slice_text(option_rows[id].name))) {
			*value = setting.value;
			return true;
		}
	}
	return false;
}

static bool
has_text(struct slice settings, enum option_id id)
{
	struct slice value;

	return find_setting(settings, id, &value) && value.size > 0;
}

char *
upgrade_fit(const struct takeover *takeover, struct arguments *arguments)
{
	static const enum option_id certificates[] = { OPTION_cert_file, OPTION_peer_cert_file };
	struct buf text = BUF_INIT;
	char *problem = NULL;

	for (size_t i = 0; problem == NULL && i < ARRAY_COUNT(fixed); i++) {
		struct slice before;

		buf_clear(&text);
		config_print(&arguments->given, fixed[i], &text);
		if (find_setting(takeover->state.given, fixed[i], &before) &&
		    !slice_equal(before, buf_slice(&text)))
			problem =
			    xasprintf("-%s is \"%.*s\" now and was \"%.*s\" when the node started, "
			    "which cannot change in a running node; stop it and start it",
			    option_rows[fixed[i]].flag, SLICE_ARGS(buf_slice(&text)),
			    SLICE_ARGS(before));
	}
	for (size_t i = 0; problem == NULL && i < ARRAY_COUNT(certificates); i++) {
		bool now = config_text(&arguments->config, certificates[i])[0] != '\0';

		if (now != has_text(takeover->state.given, certificates[i]))
			problem =
			    xasprintf("-%s: whether a port speaks TLS cannot change in a running "
			    "node; stop it and start it", option_rows[certificates[i]].flag);
	}
	for (size_t i = 0; problem == NULL && i < ARRAY_COUNT(worked_out); i++) {
		struct slice value;
		char *copy;

		if (!find_setting(takeover->state.config, worked_out[i], &value))
			continue;
		copy = xasprintf("%.*s", SLICE_ARGS(value));
		setup_text(&arguments->config, worked_out[i], copy);
		free(copy);
	}
	buf_free(&text);
	return problem;
}

/* ---- check ---------------------------------------------------------------------------- */

char *
upgrade_check_programs(const char *const *paths, size_t count, const char *build)
{
	char protocol[16];

	snprintf(protocol, sizeof(protocol), "%u", (unsigned)WIRE_PROTOCOL);
	for (size_t i = 0; i < count; i++) {
		char *name = xstrdup(paths[i]);
		char *own = xstrdup(build);
		char *argv[] = { name, "--check", protocol, own, NULL };
		int status = 0;
		pid_t pid = fork();

		if (pid == 0) {
			execv(paths[i], argv);
			_exit(127);
		}
		free(name);
		free(own);
		if (pid == -1)
			return xasprintf("cannot start %s: %s", paths[i], strerror(errno));
		while (waitpid(pid, &status, 0) == -1 && errno == EINTR)
			continue;
		if (!WIFEXITED(status) || WEXITSTATUS(status) != EXIT_STOPPED)
			return xasprintf("%s does not run, or is of another build than this %s: "
			    "install all programs of one build", paths[i], program_own());
	}
	return NULL;
}

void
upgrade_say_good(void)
{
	fputs(UPGRADE_GOOD, stderr);
}

/* ---- take ------------------------------------------------------------------------------- */

int
upgrade_fd(uint32_t number)
{
	return number == UPGRADE_NO_FD ? -1 : (int)number;
}

static void
own(uint32_t number)
{
	if (number != UPGRADE_NO_FD)
		MUST(fcntl((int)number, F_SETFD, FD_CLOEXEC) == 0);
}

void
upgrade_own(const struct takeover *takeover)
{
	const struct upgrade_state *state = &takeover->state;
	struct reader in = reader_of(state->processes);
	struct upgrade_process process;

	for (size_t i = 0; i < takeover->client_ports.count; i++)
		own((uint32_t)takeover->client_ports.fds[i]);
	for (size_t i = 0; i < takeover->peer_ports.count; i++)
		own((uint32_t)takeover->peer_ports.fds[i]);
	own(state->lock_fd);
	own(state->control_fd);
	own(state->run_dir_fd);
	own(state->waiter_fd);
	own(state->metrics_fd);
	while (!reader_done(&in) && upgrade_process_get(&in, &process)) {
		own(process.channel_fd);
		own(process.lines_fd);
	}
}

struct metric_area *
upgrade_metrics(const struct takeover *takeover)
{
	struct reader in = reader_of(takeover->state.slots);
	int fd = upgrade_fd(takeover->state.metrics_fd);
	struct metric_holding *holdings = NULL;
	size_t count = 0, capacity = 0;
	struct upgrade_slot slot;
	struct metric_area *area;

	if (fd == -1)
		return NULL;
	while (!reader_done(&in) && upgrade_slot_get(&in, &slot)) {
		holdings = xgrow(holdings, &capacity, count + 1, sizeof(*holdings));
		holdings[count++] = (struct metric_holding){ .role = slot.role,
		    .number = slot.number,
			.alive = slot.alive != 0 };
	}
	area = metric_area_resume(fd, holdings, count);
	free(holdings);
	return area;
}

static void
rolled(void *argument, const char *problem)
{
	struct supervisor *supervisor = argument;
	char *text = xasprintf("%s %s\n", program_own(), version_text);

	if (problem == NULL)
		diag_info("upgrade", "done, all processes are of the new program: version=%s",
		    version_text);
	else
		diag_error("upgrade", "this program has taken over, but not all processes were "
		    "replaced: %s", problem);
	control_done(supervisor->control, problem, text);
	free(text);
}

/* Those that are not there any more, or wait to be started again. */
static void
start_missing(struct supervisor *supervisor)
{
	if (supervisor_process(supervisor, ROLE_RAFTD, 0) == NULL)
		supervisor_add(supervisor, ROLE_RAFTD, 0);
	if (supervisor_process(supervisor, ROLE_PEER, 0) == NULL)
		supervisor_add(supervisor, ROLE_PEER, 0);
	for (uint32_t number = 1; number <= supervisor->workers; number++) {
		if (supervisor_process(supervisor, ROLE_CLIENT, number) == NULL)
			supervisor_add(supervisor, ROLE_CLIENT, number);
	}
}

static void
take_processes(struct supervisor *supervisor, struct slice processes)
{
	struct reader in = reader_of(processes);
	struct upgrade_process record;

	while (!reader_done(&in) && upgrade_process_get(&in, &record)) {
		struct process *process = process_take_over(&supervisor->world, &record);

		TAILQ_INSERT_TAIL(&supervisor->processes, process, link);
	}
}

void
upgrade_resume(struct supervisor *supervisor, const struct takeover *takeover)
{
	const struct upgrade_state *state = &takeover->state;
	unsigned workers = supervisor->workers;
	struct reader in = reader_of(state->node);
	struct msg_node_state node;
	struct process *process;
	sigset_t none;

	diag_info("upgrade", "took over: version=%s before=%.*s", version_text,
	    SLICE_ARGS(state->version));
	take_processes(supervisor, state->processes);
	supervisor->ready = (state->flags & UPGRADE_READY) != 0;
	supervisor->ever_ready = true;
	supervisor->served = true;
	supervisor->had_terminal = (state->flags & UPGRADE_HAD_TERMINAL) != 0;
	supervisor->world.out_of_rotation = (state->flags & UPGRADE_OUT_OF_ROTATION) != 0;
	if (msg_node_state_get(&in, &node))
		supervisor->world.node_state(supervisor, &node);
	/* As many as there were; then as many as the options say now. */
	supervisor->workers = 0;
	TAILQ_FOREACH(process, &supervisor->processes, link) {
		if (process->role == ROLE_CLIENT && !process->retired)
			supervisor->workers = MAX_OF(supervisor->workers, process->number);
	}
	start_missing(supervisor);
	if (supervisor->workers != workers)
		supervisor_set_workers(supervisor, workers);
	supervisor_look_for_ends(supervisor);
	sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	if (restart_begin(supervisor, "all", rolled, supervisor) != ERR_NONE)
		rolled(supervisor, "a restart is under way");
}
