/*
 * main.c - the program "etcd": arguments -> configuration -> data directory ->
 * listening sockets -> children -> loop.
 *
 * What may wait or fail happens here, before the first child is forked. Every
 * failure is one sentence on standard error and an exit code of base.h.
 */
#include "common/build.h"
#include "common/diag.h"
#include "common/harden.h"
#include "common/libexec.h"
#include "common/printable.h"
#include "common/program.h"
#include "common/version.h"
#include "common/xmem.h"
#include "supervisor/addresses.h"
#include "supervisor/config_file.h"
#include "supervisor/control.h"
#include "supervisor/daemon.h"
#include "supervisor/help.h"
#include "supervisor/inherit.h"
#include "supervisor/inspect.h"
#include "supervisor/listeners.h"
#include "supervisor/log.h"
#include "supervisor/policy.h"
#include "supervisor/privileges.h"
#include "supervisor/restore.h"
#include "supervisor/safe_path.h"
#include "supervisor/service.h"
#include "supervisor/setup.h"
#include "supervisor/supervisor.h"
#include "supervisor/tls_files.h"
#include "supervisor/upgrade.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

extern char **environ;

/* All that is to be given back in the end. */
struct node_program {
	struct arguments arguments;
	struct arguments_input input;
	struct directory directory;
	struct tls_files *tls;
	struct log *log;
	struct loop *loop;
	struct supervisor *supervisor;
	struct privileges privileges;
	struct inherited inherited;
	struct notify notify;
	struct takeover takeover;
	char *own_path;				/* what an upgrade runs; NULL: not known */
	char *raftd_path, *httpd_path, *resolver_path, *rebuild_path;
	struct listeners listeners;
	int backup_fd;		/* of -restore; -1: none */
	int daemon_fd;		/* who started us waits there; -1: nobody */
	uint64_t started_ns;
};

/* Takes problem. */
static enum exit_code
fail(const struct node_program *program, enum exit_code code, char *problem)
{
	daemon_tell(program->daemon_fd, problem);
	diag_say_failure("%s: %s", program_own(), problem);
	if (code == EXIT_USAGE)
		diag_say_failure("try '%s -help'", program_own());
	free(problem);
	return code;
}

static bool
is_program(const char *path)
{
	struct stat status;

	return stat(path, &status) == 0 && S_ISREG(status.st_mode) && access(path, X_OK) == 0;
}

static bool
programs_in(struct node_program *program, const char *directory)
{
	program->raftd_path = xasprintf("%s/raftd", directory);
	program->httpd_path = xasprintf("%s/httpd", directory);
	program->resolver_path = xasprintf("%s/resolver", directory);
	program->rebuild_path = xasprintf("%s/rebuild", directory);
	if (is_program(program->raftd_path) && is_program(program->httpd_path))
		return true;
	free(program->raftd_path);
	free(program->httpd_path);
	free(program->resolver_path);
	free(program->rebuild_path);
	program->raftd_path = NULL;
	program->httpd_path = NULL;
	program->resolver_path = NULL;
	program->rebuild_path = NULL;
	return false;
}

static enum exit_code
find_programs(struct node_program *program)
{
	const char *given = program->arguments.config.libexec_dir;
	char *beside = libexec_beside();
	bool found;

	if (given[0] != '\0')
		found = programs_in(program, given);
	else
		found = programs_in(program, beside) || programs_in(program, PKGLIBEXECDIR);
	free(beside);
	if (found)
		return EXIT_STOPPED;
	return fail(program, EXIT_USAGE,
	    xasprintf("cannot find raftd and httpd in %s; give a -libexec-dir",
	    given[0] != '\0' ? given : PKGLIBEXECDIR));
}

/* The scheme, the further ones of urls_id, and the port that was bound where 0 was asked for. */
static void
set_url(struct config *config, enum option_id url_id, enum option_id address_id,
    enum option_id certificate_id, enum option_id urls_id, const char *bound)
{
	const char *address = config_text(config, address_id);
	const char *further = strchr(config_text(config, urls_id), ',');
	const char *port = strrchr(address, ':');
	char *first = xasprintf("%.*s", (int)strcspn(bound, ","), bound);
	char *told = strcmp(port, ":0") == 0 ?
	    xasprintf("%.*s%s", (int)(port - address), address, strrchr(first, ':')) :
	    xstrdup(address);
	bool https = config_text(config, certificate_id)[0] != '\0';
	char *url = xasprintf("%s://%s%s", https ? "https" : "http", told,
	    further == NULL ? "" : further);

	setup_text(config, address_id, told);
	setup_text(config, url_id, url);
	free(first);
	free(told);
	free(url);
}

static enum exit_code
open_listeners(struct node_program *program)
{
	struct config *config = &program->arguments.config;
	struct listeners *listeners = &program->listeners;
	enum exit_code code;
	char *problem;

	code = listeners_open(listeners, &program->arguments, &program->inherited,
	    &program->notify, &problem);
	if (code != EXIT_STOPPED)
		return fail(program, code, problem);
	set_url(config, OPTION_client_url, OPTION_addr, OPTION_cert_file,
	    OPTION_advertise_client_urls, listeners->client_bound);
	set_url(config, OPTION_peer_url, OPTION_peer_addr, OPTION_peer_cert_file,
	    OPTION_initial_advertise_peer_urls, listeners->peer_bound);
	return EXIT_STOPPED;
}

/* "client HOST:PORT", a line for each. */
static void
put_ports(struct buf *out, const char *name, const char *bound)
{
	struct addresses list;

	MUST(addresses_read(bound, &list));
	for (size_t i = 0; i < list.count; i++)
		buf_printf(out, "%s %s\n", name, list.items[i]);
	addresses_free(&list);
}

static enum exit_code
write_port_file(const struct node_program *program)
{
	const char *path = program->arguments.config.port_file;
	struct buf text = BUF_INIT;
	int error;

	if (path[0] == '\0')
		return EXIT_STOPPED;
	put_ports(&text, "client", program->listeners.client_bound);
	put_ports(&text, "peer", program->listeners.peer_bound);
	buf_append_byte(&text, '\0');
	error = safe_path_write_file(&program->privileges, path, (const char *)text.data);
	buf_free(&text);
	return error == 0 ? EXIT_STOPPED : fail(program, EXIT_USAGE,
	    xasprintf("-port-file: cannot write %s: %s", path, safe_path_reason(error)));
}

static enum exit_code
write_files(const struct node_program *program)
{
	const struct config *config = &program->arguments.config;
	int error;
	char *text;

	if (config->pid_file[0] != '\0') {
		text = xasprintf("%ld\n", (long)getpid());
		error = safe_path_write_file(&program->privileges, config->pid_file, text);
		free(text);
		if (error != 0)
			return fail(program, EXIT_USAGE, xasprintf("-pid-file: cannot write %s: %s",
			    config->pid_file, safe_path_reason(error)));
	}
	return write_port_file(program);
}

static void
remove_pid_file(const struct node_program *program)
{
	const struct config *config = &program->arguments.config;

	/* The user may not be allowed to. */
	if (program->supervisor != NULL && config->pid_file[0] != '\0' &&
	    safe_path_remove_file(NULL, config->pid_file) != 0)
		diag_debug("supervisor", "the pid file stays: path=%s", config->pid_file);
}

/* A worker has a descriptor for each connection: as many as we may have. */
static void
raise_limits(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &limit);
	}
}

/* As -user, whose the files are to be; before it gives up the rest. */
static enum exit_code
restore_backup(struct node_program *program)
{
	char *problem;
	enum exit_code code;

	if (program->backup_fd == -1)
		return EXIT_STOPPED;
	code = restore_run(&program->arguments.config, program->rebuild_path, program->backup_fd,
	    &program->notify, &problem);
	close(program->backup_fd);
	program->backup_fd = -1;
	program->directory.is_new = false;
	return problem == NULL ? code : fail(program, code, problem);
}

/* -force. As -user: the user has had every chance to put links there. */
static enum exit_code
clear_directory(struct node_program *program)
{
	const struct config *config = &program->arguments.config;

	if (!config->force)
		return EXIT_STOPPED;
	if (directory_clear(&program->directory, config) != ERR_NONE)
		return fail(program, EXIT_USAGE, xasprintf("-force: cannot remove the state in %s",
		    program->directory.shown));
	program->directory.is_new = true;
	return EXIT_STOPPED;
}

/* Nothing needs root any more; nothing that lasts was forked yet. */
static enum exit_code
drop_rights(struct node_program *program)
{
	const struct config *config = &program->arguments.config;
	enum sandbox_mode mode = SANDBOX_BEST;
	char *problem, *missing;
	enum exit_code code;
	enum err err;

	raise_limits();
	problem = privileges_drop(&program->privileges);
	if (problem != NULL)
		return fail(program, EXIT_USAGE, problem);
	if (access(config->data_dir, R_OK | W_OK | X_OK) == -1)
		return fail(program, EXIT_USAGE, xasprintf("cannot use %s (-data-dir): %s",
		    program->directory.shown, strerror(errno)));
	code = clear_directory(program);
	if (code == EXIT_STOPPED)
		code = restore_backup(program);
	if (code != EXIT_STOPPED)
		return code;
	if (config->allow_core)
		harden_core_allow();
	else
		harden_core_off();
	MUST(sandbox_mode_parse(config->sandbox, &mode));
	missing = mode == SANDBOX_OFF ? NULL : sandbox_missing();
	if (missing != NULL && mode == SANDBOX_ON) {
		problem = xasprintf("-sandbox on: missing here: %s", missing);
		free(missing);
		return fail(program, EXIT_USAGE, problem);
	}
	if (missing != NULL)
		diag_warn("sandbox", "the processes are less confined than they could be: "
		    "missing=\"%s\"", missing);
	free(missing);
	err = supervisor_policy(mode, program->raftd_path, program->httpd_path, program->own_path);
	if (err != ERR_NONE)
		return fail(program, EXIT_USAGE, xasprintf("-sandbox on: %s", err_text(err)));
	return EXIT_STOPPED;
}

/* Everything between good options and a running node. */
static enum exit_code
prepare(struct node_program *program)
{
	struct config *config = &program->arguments.config;
	char *problem = NULL;
	enum exit_code code;

	code = find_programs(program);
	if (code != EXIT_STOPPED)
		return code;
	if (config->restore[0] != '\0') {
		program->backup_fd = restore_open(config, &problem);
		if (program->backup_fd == -1)
			return fail(program, EXIT_USAGE, problem);
	}
	code = directory_open(&program->directory, &program->arguments, &program->privileges,
	    &problem);
	if (code != EXIT_STOPPED)
		return fail(program, code, problem);
	diag_set_node(config->name[0] == '\0' ? "-" : config->name);
	code = open_listeners(program);
	if (code == EXIT_STOPPED)
		code = write_files(program);
	if (code == EXIT_STOPPED)
		code = drop_rights(program);
	return code;
}

/* Instead of prepare: it is all there. */
static enum exit_code
take_over(struct node_program *program)
{
	const struct upgrade_state *state = &program->takeover.state;
	struct arguments *arguments = &program->arguments;
	enum exit_code code = find_programs(program);
	char *problem;

	if (code != EXIT_STOPPED)
		return code;
	problem = upgrade_fit(&program->takeover, arguments);
	if (problem != NULL)
		return fail(program, EXIT_USAGE, problem);
	upgrade_own(&program->takeover);
	/* Who we are stays over exec, what harden_start has just taken does not. */
	if (arguments->config.allow_core)
		harden_core_allow();
	program->listeners.client = program->takeover.client_ports;
	program->listeners.peer = program->takeover.peer_ports;
	program->directory.lock_fd = upgrade_fd(state->lock_fd);
	program->directory.shown = xasprintf("%.*s", SLICE_ARGS(state->shown));
	program->started_ns = state->started_ns;
	diag_set_node(arguments->config.name[0] == '\0' ? "-" : arguments->config.name);
	return EXIT_STOPPED;
}

static struct tls_reader
reader_of_files(const struct node_program *program)
{
	return (struct tls_reader){ program->privileges.uid, program->privileges.gid };
}

/* For the running program, which waits for what we say on standard error. */
static enum exit_code
check_upgrade(struct node_program *program)
{
	enum exit_code code = find_programs(program);
	char *problem;

	if (code != EXIT_STOPPED)
		return code;
	problem = upgrade_fit(&program->takeover, &program->arguments);
	if (problem == NULL)
		program->tls = tls_files_load(&program->arguments, reader_of_files(program),
		    &problem);
	if (problem == NULL)
		problem = upgrade_check_programs(
		    (const char *const[]){ program->raftd_path, program->httpd_path }, 2,
		    build_text);
	if (problem != NULL)
		return fail(program, EXIT_USAGE, problem);
	upgrade_say_good();
	return EXIT_STOPPED;
}

/* Lines whose values may be anything: in a file as they are, for eyes printable. */
static void
print(const struct buf *text)
{
	struct buf shown = BUF_INIT;

	if (isatty(STDOUT_FILENO) == 1)
		printable_put_lines(&shown, buf_slice(text));
	else
		buf_append_slice(&shown, buf_slice(text));
	fwrite(shown.data, 1, shown.size, stdout);
	buf_free(&shown);
}

/* -print-config: options alone, whether or not the machine could run them. */
static enum exit_code
print_config(const struct node_program *program)
{
	struct buf text = BUF_INIT;

	config_file_print(&program->arguments, &text);
	print(&text);
	buf_free(&text);
	return EXIT_STOPPED;
}

static enum exit_code
check_config(struct node_program *program)
{
	enum exit_code code = find_programs(program);
	struct buf text = BUF_INIT;
	char *problem;

	if (code != EXIT_STOPPED)
		return code;
	problem = inspect(&program->arguments, &program->privileges, &(struct inspect_programs){
	    .raftd = program->raftd_path, .httpd = program->httpd_path, .build = build_text },
	    &text);
	if (problem == NULL)
		print(&text);
	buf_free(&text);
	return problem == NULL ? EXIT_STOPPED : fail(program, EXIT_USAGE, problem);
}

/* What is told when the node is ready. */
static enum exit_code
open_notify(struct node_program *program)
{
	const struct config *config = &program->arguments.config;
	int ready_fds[NOTIFY_READY_FDS] = { -1, -1 };

	/* It was said by the program before us. */
	if (program->takeover.mode == UPGRADE_TAKE) {
		notify_open(&program->notify, ready_fds);
		return EXIT_STOPPED;
	}
	if (config->ready_fd[0] != '\0') {
		ready_fds[0] = (int)strtol(config->ready_fd, NULL, 10);
		if (fcntl(ready_fds[0], F_SETFD, FD_CLOEXEC) == -1)
			return fail(program, EXIT_USAGE,
			    xasprintf("-ready-fd: %d is not open here: %s", ready_fds[0],
			    strerror(errno)));
	}
	if (config->daemon) {
		program->daemon_fd = daemon_begin(config->log_output);
		if (program->daemon_fd == -1)
			return fail(program, EXIT_TROUBLE,
			    xasprintf("-daemon: %s", strerror(errno)));
		ready_fds[1] = program->daemon_fd;
	}
	notify_open(&program->notify, ready_fds);
	return EXIT_STOPPED;
}

static enum err
open_control(const struct node_program *program)
{
	const struct upgrade_state *state = &program->takeover.state;
	struct supervisor *supervisor = program->supervisor;

	if (program->takeover.mode != UPGRADE_TAKE)
		return control_open(supervisor, &supervisor->control);
	supervisor->control = control_adopt(supervisor, upgrade_fd(state->control_fd),
	    upgrade_fd(state->run_dir_fd), upgrade_fd(state->waiter_fd));
	return ERR_NONE;
}

static enum exit_code
run(struct node_program *program)
{
	struct supervisor *supervisor;
	enum err err;

	signal(SIGPIPE, SIG_IGN);
	program->loop = loop_new();
	log_run(program->log, program->loop);
	supervisor = supervisor_new(&(struct supervisor_parts){ .loop = program->loop,
	    .arguments = &program->arguments, .input = program->input,
	    .directory = &program->directory,
	    .tls = program->tls, .log = program->log,
	    .raftd_path = program->raftd_path, .httpd_path = program->httpd_path,
	    .resolver_path = program->resolver_path, .rebuild_path = program->rebuild_path,
	    .program = program->own_path, .build = build_text,
	    .takeover = program->takeover.mode == UPGRADE_TAKE ? &program->takeover : NULL,
	    .client_ports = program->listeners.client, .peer_ports = program->listeners.peer,
	    .notify = program->notify, .started_ns = program->started_ns });
	program->supervisor = supervisor;
	program->listeners.client.count = 0;
	program->listeners.peer.count = 0;
	program->notify = (struct notify){ .fd = -1, .ready_fds = { -1, -1 } };
	err = open_control(program);
	if (err != ERR_NONE)
		return fail(program, EXIT_USAGE,
		    xasprintf("cannot make the control socket in %s (-run-dir): %s",
		    program->arguments.config.run_dir, err_text(err)));
	return (enum exit_code)supervisor_run(supervisor);
}

static enum exit_code
serve(struct node_program *program)
{
	const struct config *config = &program->arguments.config;
	enum exit_code code = open_notify(program);
	char *problem;

	if (code != EXIT_STOPPED)
		return code;
	if (config->daemon && program->takeover.mode != UPGRADE_TAKE)
		daemon_detach();
	/* A log that is rotated just now is no reason to end. */
	signal(SIGUSR1, SIG_IGN);
	signal(SIGUSR2, SIG_IGN);
	program->log = log_new(&program->privileges);
	problem = log_prepare(program->log, config);
	if (problem != NULL)
		return fail(program, EXIT_USAGE, problem);
	log_apply(program->log, config);
	if (config->daemon)
		log_take_standard(program->log);
	setup_tell_ineffective(&program->arguments);
	program->tls = tls_files_load(&program->arguments, reader_of_files(program), &problem);
	if (program->tls == NULL)
		return fail(program, EXIT_USAGE, problem);
	code = program->takeover.mode == UPGRADE_TAKE ? take_over(program) : prepare(program);
	return code == EXIT_STOPPED ? run(program) : code;
}

static void
program_free(struct node_program *program)
{
	remove_pid_file(program);
	supervisor_free(&program->supervisor);
	notify_close(&program->notify);
	tls_files_free(&program->tls);
	log_free(&program->log);
	loop_free(&program->loop);
	if (program->backup_fd != -1)
		close(program->backup_fd);
	listeners_close(&program->listeners);
	free(program->raftd_path);
	free(program->httpd_path);
	free(program->resolver_path);
	free(program->rebuild_path);
	free(program->own_path);
	takeover_free(&program->takeover);
	privileges_free(&program->privileges);
	directory_close(&program->directory);
	arguments_free(&program->arguments);
}

int
main(int argc, char **argv)
{
	struct node_program program = { .directory = { .lock_fd = -1 },
		.backup_fd = -1, .daemon_fd = -1,
		.notify = { .fd = -1, .ready_fds = { -1, -1 } },
		.started_ns = clock_monotonic_ns() };
	enum exit_code code;
	char *problem = NULL;

	inherit_read(&program.inherited);
	harden_start(-1);
	diag_start(program_own());
	program.own_path = upgrade_program(argv[0]);
	problem = upgrade_find(&program.takeover);
	if (problem != NULL) {
		code = fail(&program, EXIT_USAGE, problem);
		goto end;
	}
	program.input = (struct arguments_input){ .argc = argc, .argv = argv,
		.environment = environ, .system_file = SYSTEM_FILE };
	code = EXIT_STOPPED;
	switch (arguments_read(&program.arguments, &program.input, &problem)) {
	case ARGUMENTS_HELP:
		help_print();
		goto end;
	case ARGUMENTS_HELP_ALL:
		help_print_all();
		goto end;
	case ARGUMENTS_VERSION:
		printf("%s version %s\n", program_own(), version_text);
		goto end;
	case ARGUMENTS_WRONG:
		code = fail(&program, EXIT_USAGE, problem);
		goto end;
	case ARGUMENTS_RUN:
		break;
	}
	problem = setup_check(&program.arguments);
	if (problem == NULL)
		problem = privileges_find(&program.privileges, &program.arguments.config);
	if (problem != NULL) {
		code = fail(&program, EXIT_USAGE, problem);
	} else if (program.takeover.mode == UPGRADE_CHECK) {
		code = check_upgrade(&program);
	} else if (program.arguments.config.print_config) {
		code = print_config(&program);
	} else if (program.arguments.config.check_config) {
		code = check_config(&program);
	} else {
		code = serve(&program);
	}
end:
	program_free(&program);
	return (int)code;
}
