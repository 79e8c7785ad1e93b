/*
 * upgrade.c - the running program: checks the one that is to take its place,
 * hands on what it has, and becomes it (see upgrade.h).
 */
#include "supervisor/upgrade.h"

#include "common/diag.h"
#include "common/ipc/wire.h"
#include "common/limits.h"
#include "common/version.h"
#include "common/xmem.h"
#include "supervisor/control.h"
#include "supervisor/log.h"
#include "supervisor/setup.h"
#include "supervisor/spawn.h"
#include "supervisor/supervisor.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define CODEC_TABLE "supervisor/upgrade_table.h"
#include "common/ipc/table_define.h"
#undef CODEC_TABLE

#define CHECK_LIMIT_MS 10000

struct upgrade {
	struct supervisor *supervisor;
	pid_t pid;			/* of the check; 0: it has ended */
	int output_fd;			/* what it says */
	struct buf output;
	bool good;
	struct loop_timer *timer;	/* the check's limit; then: exec */
	void (*failed)(void *argument, const char *problem);
	void *argument;
};

/* ---- where the program is ------------------------------------------------------- */

static bool
same_file(const char *path, const char *other)
{
	struct stat one, two;

	return stat(path, &one) == 0 && stat(other, &two) == 0 && one.st_dev == two.st_dev &&
	    one.st_ino == two.st_ino;
}

char *
upgrade_program(const char *argv_0)
{
	char path[4096];
	ssize_t size;

	/* As it was written, by way of symbolic links that may lead elsewhere later. */
	if (strchr(argv_0, '/') != NULL && same_file(argv_0, "/proc/self/exe"))
		return setup_absolute(argv_0);
	size = readlink("/proc/self/exe", path, sizeof(path) - 1);
	if (size <= 0)
		return NULL;
	path[size] = '\0';
	return xstrdup(path);
}

/* ---- the state -------------------------------------------------------------------- */

static uint32_t
fd_number(int fd)
{
	return fd == -1 ? UPGRADE_NO_FD : (uint32_t)fd;
}

static uint32_t
first_of(const struct listen_set *set)
{
	return set->count == 0 ? UPGRADE_NO_FD : fd_number(set->fds[0]);
}

static void
put_further(const struct listen_set *set, int role, struct buf *out)
{
	for (size_t i = 1; i < set->count; i++)
		upgrade_port_put(out, &(struct upgrade_port){ .role = (uint8_t)role,
		    .fd = fd_number(set->fds[i]) });
}

static void
put_slots(const struct supervisor *supervisor, struct buf *slots)
{
	struct metric_holding holding;

	if (supervisor->world.metrics == NULL)
		return;
	for (uint32_t slot = 0; metric_area_look(supervisor->world.metrics, slot, &holding); slot++)
		upgrade_slot_put(slots, &(struct upgrade_slot){ .role = holding.role,
		    .number = holding.number, .alive = holding.alive });
}

static void
put_processes(const struct supervisor *supervisor, struct buf *processes)
{
	const struct process *process;

	TAILQ_FOREACH(process, &supervisor->processes, link) {
		struct upgrade_process record;

		if (process->pid == 0 || process->channel == NULL)
			continue;
		process_hand_on(process, &record);
		upgrade_process_put(processes, &record);
	}
}

static void
put_node(const struct node_view *node, struct buf *out)
{
	msg_node_state_put(out, &(struct msg_node_state){ .phase = (uint8_t)node->phase,
	    .node_id = node->node_id, .cluster_id = node->cluster_id, .term = node->term,
	    .commit = node->commit, .applied = node->applied, .store_index = node->store_index,
	    .role = (uint8_t)node->role, .leader_id = node->leader_id,
	    .members = buf_slice(&node->members), .refuses = buf_slice(&node->refuses) });
}

static void
put_state(const struct supervisor *supervisor, struct buf *out)
{
	const struct listen_set *client = &supervisor->world.client_ports;
	const struct listen_set *peer = &supervisor->world.peer_ports;
	const struct metric_area *metrics = supervisor->world.metrics;
	struct buf given = BUF_INIT, config = BUF_INIT, node = BUF_INIT, slots = BUF_INIT,
	    processes = BUF_INIT;
	struct upgrade_state state = {
		.magic = UPGRADE_MAGIC,
		.format = client->count > 1 || peer->count > 1 ? UPGRADE_FORMAT :
		    UPGRADE_FORMAT_ONE_ADDRESS,
		.protocol = WIRE_PROTOCOL,
		.version = slice_text(version_text),
		.started_ns = supervisor->started_ns,
		.client_fd = first_of(client),
		.peer_fd = first_of(peer),
		.lock_fd = fd_number(supervisor->directory->lock_fd),
		.metrics_fd = metrics == NULL ? UPGRADE_NO_FD : fd_number(metric_area_fd(metrics)),
		.shown = slice_text(supervisor->directory->shown),
	};
	int control_fd, run_dir_fd, waiter_fd;

	control_descriptors(supervisor->control, &control_fd, &run_dir_fd, &waiter_fd);
	state.control_fd = fd_number(control_fd);
	state.run_dir_fd = fd_number(run_dir_fd);
	state.waiter_fd = fd_number(waiter_fd);
	if (supervisor->ready)
		state.flags |= UPGRADE_READY;
	if (supervisor->had_terminal)
		state.flags |= UPGRADE_HAD_TERMINAL;
	if (supervisor->world.out_of_rotation)
		state.flags |= UPGRADE_OUT_OF_ROTATION;
	config_to_settings(&supervisor->arguments->given, &given);
	config_to_settings(supervisor->config, &config);
	put_node(&supervisor->node, &node);
	put_slots(supervisor, &slots);
	put_processes(supervisor, &processes);
	state.given = buf_slice(&given);
	state.config = buf_slice(&config);
	state.node = buf_slice(&node);
	state.slots = buf_slice(&slots);
	state.processes = buf_slice(&processes);
	upgrade_state_put(out, &state);
	put_further(client, ROLE_CLIENT, out);
	put_further(peer, ROLE_PEER, out);
	buf_free(&given);
	buf_free(&config);
	buf_free(&node);
	buf_free(&slots);
	buf_free(&processes);
}

/* An anonymous file with the state, to be read from its beginning; -1 with errno. */
static int
state_file(const struct supervisor *supervisor)
{
	struct buf bytes = BUF_INIT;
	int fd = memfd_create("etcd-upgrade", MFD_CLOEXEC);
	bool good;
	int saved;

	put_state(supervisor, &bytes);
	good = fd != -1 && write(fd, bytes.data, bytes.size) == (ssize_t)bytes.size &&
	    lseek(fd, 0, SEEK_SET) == 0;
	saved = errno;
	buf_free(&bytes);
	if (good || fd == -1)
		return fd;
	close(fd);
	errno = saved;
	return -1;
}

/* ---- exec --------------------------------------------------------------------------- */

static void
keep_over_exec(uint32_t number, bool keep)
{
	if (number != UPGRADE_NO_FD)
		(void)fcntl((int)number, F_SETFD, keep ? 0 : FD_CLOEXEC);
}

static void
keep_ports_over_exec(const struct listen_set *set, bool keep)
{
	for (size_t i = 0; i < set->count; i++)
		keep_over_exec(fd_number(set->fds[i]), keep);
}

/* All descriptors that are in the state, which is our own. */
static void
keep_all_over_exec(const struct supervisor *supervisor, bool keep)
{
	const struct process *process;
	struct buf bytes = BUF_INIT;
	struct upgrade_state state;
	struct reader in;

	put_state(supervisor, &bytes);
	in = reader_of(buf_slice(&bytes));
	MUST(upgrade_state_get(&in, &state));
	keep_ports_over_exec(&supervisor->world.client_ports, keep);
	keep_ports_over_exec(&supervisor->world.peer_ports, keep);
	keep_over_exec(state.lock_fd, keep);
	keep_over_exec(state.control_fd, keep);
	keep_over_exec(state.run_dir_fd, keep);
	keep_over_exec(state.waiter_fd, keep);
	keep_over_exec(state.metrics_fd, keep);
	TAILQ_FOREACH(process, &supervisor->processes, link) {
		if (process->channel != NULL)
			keep_over_exec((uint32_t)channel_fd(process->channel), keep);
		if (process->lines != NULL && log_source_fd(process->lines) != -1)
			keep_over_exec((uint32_t)log_source_fd(process->lines), keep);
	}
	buf_free(&bytes);
}

/* Half a frame must not stay behind in our memory. */
static bool
all_is_written(const struct supervisor *supervisor)
{
	const struct process *process;

	TAILQ_FOREACH(process, &supervisor->processes, link) {
		if (process->channel == NULL)
			continue;
		channel_flush(process->channel);
		if (channel_queued(process->channel) > 0)
			return false;
	}
	return true;
}

static void
fail(struct upgrade *upgrade, const char *problem)
{
	struct supervisor *supervisor = upgrade->supervisor;
	void (*failed)(void *, const char *) = upgrade->failed;
	void *argument = upgrade->argument;

	diag_error("upgrade", "not done, this program goes on: %s", problem);
	upgrade_free(&supervisor->upgrade);
	if (failed != NULL)
		failed(argument, problem);
}

static void
become(struct upgrade *upgrade)
{
	struct supervisor *supervisor = upgrade->supervisor;
	char *problem, *word;
	sigset_t all, before;
	int fd;

	if (!all_is_written(supervisor)) {
		fail(upgrade, "a child does not take what it is told");
		return;
	}
	fd = state_file(supervisor);
	if (fd == -1) {
		problem = xasprintf("cannot hand on the state: %s", strerror(errno));
		fail(upgrade, problem);
		free(problem);
		return;
	}
	diag_info("upgrade", "the new program takes over: program=%s", supervisor->program);
	word = xasprintf("take %d", fd);
	sigfillset(&all);
	(void)sigprocmask(SIG_SETMASK, &all, &before);
	(void)setenv(UPGRADE_VARIABLE, word, 1);
	keep_over_exec((uint32_t)fd, true);
	keep_all_over_exec(supervisor, true);
	notify_export(&supervisor->notify);
	log_flush(supervisor->log);
	(void)execv(supervisor->program, supervisor->input.argv);
	problem = xasprintf("%s: %s", supervisor->program, strerror(errno));
	notify_hide();
	keep_all_over_exec(supervisor, false);
	(void)unsetenv(UPGRADE_VARIABLE);
	(void)sigprocmask(SIG_SETMASK, &before, NULL);
	close(fd);
	free(word);
	fail(upgrade, problem);
	free(problem);
}

/* ---- the check ------------------------------------------------------------------------ */

static void
read_output(struct upgrade *upgrade)
{
	uint8_t piece[1024];
	ssize_t size;

	while ((size = read(upgrade->output_fd, piece, sizeof(piece))) > 0) {
		if (upgrade->output.size < UPGRADE_OUTPUT_BYTES_MAX)
			buf_append(&upgrade->output, piece, (size_t)size);
	}
}

/* The check's limit is over, or there was no limit any more: exec. */
static void
timer_due(void *argument)
{
	struct upgrade *upgrade = argument;
	char *problem;

	if (upgrade->pid == 0) {
		if (upgrade->good && stop_under_way(upgrade->supervisor)) {
			fail(upgrade, "the node is stopping");
			return;
		}
		if (upgrade->good) {
			become(upgrade);
			return;
		}
		while (upgrade->output.size > 0 &&
		    upgrade->output.data[upgrade->output.size - 1] == '\n')
			upgrade->output.size--;
		problem = xasprintf("the check of %s failed: %.*s", upgrade->supervisor->program,
		    SLICE_ARGS(upgrade->output.size == 0 ? SLICE_LITERAL("it said nothing") :
		    buf_slice(&upgrade->output)));
		fail(upgrade, problem);
	} else {
		(void)kill(upgrade->pid, SIGKILL);
		problem = xasprintf("the check of %s did not end in %d s",
		    upgrade->supervisor->program, CHECK_LIMIT_MS / 1000);
		fail(upgrade, problem);
	}
	free(problem);
}

void
upgrade_reaped(struct supervisor *supervisor, pid_t pid, int status)
{
	struct upgrade *upgrade = supervisor->upgrade;
	size_t size = strlen(UPGRADE_GOOD);

	if (upgrade == NULL || upgrade->pid != pid)
		return;
	upgrade->pid = 0;
	read_output(upgrade);
	/* What runs there may be any program, and many end with 0. */
	upgrade->good = WIFEXITED(status) && WEXITSTATUS(status) == EXIT_STOPPED &&
	    upgrade->output.size >= size &&
	    memcmp(upgrade->output.data + upgrade->output.size - size, UPGRADE_GOOD, size) == 0;
	loop_timer_set(upgrade->timer, 0);
}

/* False with errno: it was not started. */
static bool
start_check(struct upgrade *upgrade)
{
	const struct supervisor *supervisor = upgrade->supervisor;
	struct spawn spawn = { .path = supervisor->program, .argv = supervisor->input.argv };
	int pair[2] = { -1, -1 };
	int saved;

	spawn.control_fd = state_file(supervisor);
	if (spawn.control_fd != -1 && pipe2(pair, O_CLOEXEC) == 0 &&
	    fcntl(pair[0], F_SETFL, O_NONBLOCK) == 0) {
		spawn.stderr_fd = pair[1];
		(void)setenv(UPGRADE_VARIABLE, "check", 1);
		upgrade->pid = spawn_program(&spawn);
		(void)unsetenv(UPGRADE_VARIABLE);
	} else {
		upgrade->pid = -1;
	}
	saved = errno;
	if (spawn.control_fd != -1)
		close(spawn.control_fd);
	if (pair[1] != -1)
		close(pair[1]);
	upgrade->output_fd = pair[0];
	errno = saved;
	return upgrade->pid != -1;
}

bool
upgrade_under_way(const struct supervisor *supervisor)
{
	return supervisor->upgrade != NULL;
}

char *
upgrade_begin(struct supervisor *supervisor, void (*failed)(void *argument, const char *problem),
    void *argument)
{
	struct upgrade *upgrade;
	char *problem;

	if (upgrade_under_way(supervisor) || stop_under_way(supervisor) ||
	    supervisor->restart.step != RESTART_STEP_NONE)
		return xstrdup("a restart, a transfer or a stop is under way");
	if (!supervisor->ever_ready)
		return xstrdup("the node has not been ready yet; stop it and start the new "
		    "program");
	if (supervisor->program == NULL)
		return xstrdup("cannot know which program this is; is /proc mounted?");
	if (access(supervisor->program, X_OK) == -1)
		return xasprintf("cannot run %s: %s", supervisor->program, strerror(errno));
	upgrade = xzalloc(sizeof(*upgrade));
	upgrade->supervisor = supervisor;
	upgrade->output_fd = -1;
	upgrade->failed = failed;
	upgrade->argument = argument;
	upgrade->timer = loop_timer_new(supervisor->loop, timer_due, upgrade);
	supervisor->upgrade = upgrade;
	if (!start_check(upgrade)) {
		problem = xasprintf("cannot start %s: %s", supervisor->program, strerror(errno));
		upgrade->pid = 0;
		upgrade_free(&supervisor->upgrade);
		return problem;
	}
	loop_timer_set(upgrade->timer, CHECK_LIMIT_MS);
	return NULL;
}

void
upgrade_by_signal(struct supervisor *supervisor)
{
	char *problem = upgrade_begin(supervisor, NULL, NULL);

	if (problem != NULL)
		diag_error("upgrade", "not done, this program goes on: %s", problem);
	free(problem);
}

void
upgrade_free(struct upgrade **upgrade_pointer)
{
	struct upgrade *upgrade = *upgrade_pointer;

	*upgrade_pointer = NULL;
	if (upgrade == NULL)
		return;
	if (upgrade->output_fd != -1)
		close(upgrade->output_fd);
	buf_free(&upgrade->output);
	loop_timer_free(&upgrade->timer);
	free(upgrade);
}
