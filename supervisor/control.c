/*
 * control.c - connections of operators.
 *
 *	reading ----> answering	 a line came, its answer is there	[obey]
 *	reading ----> waiting	 restart, transfer, upgrade: done later	[obey]
 *	waiting ----> answering	 it is done, maybe by another program	[control_done]
 *	answering --> reading	 all of it is written			[flush]
 *	any --------> closed	 they closed, or were too long		[drop]
 */
#include "supervisor/control.h"

#include "common/control_line.h"
#include "common/diag.h"
#include "common/json_put.h"
#include "common/limits.h"
#include "common/xmem.h"
#include "supervisor/control_status.h"
#include "supervisor/log.h"
#include "supervisor/log_level.h"
#include "supervisor/reload.h"
#include "supervisor/safe_path.h"
#include "supervisor/supervisor.h"
#include "supervisor/upgrade.h"
#include "supervisor/wiring.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define IDLE_MS_MAX 600000
#define UNDER_WAY "another restart or transfer is under way"

struct connection {
	LIST_ENTRY(connection) link;
	struct control *control;
	int fd;
	struct loop_io *io;
	struct loop_timer *idle;
	struct buf in;			/* up to one line */
	struct buf out;
	bool waiting;			/* its answer comes later */
	int passed_fd;			/* goes with what is in out; -1: none */
};

struct control {
	struct supervisor *supervisor;
	int fd;				/* listening */
	int directory_fd;		/* of the socket's name */
	struct loop_io *io;
	LIST_HEAD(, connection) connections;
	size_t connection_count;
	struct connection *waiter;	/* for the restart under way; NULL: nobody any more */
};

/* A line of an operator. */
struct order {
	const char *argument;		/* empty: none */
	bool as_text;			/* the answer is for a person */
};

static void
drop(struct connection *connection)
{
	struct control *control = connection->control;

	if (control->waiter == connection)
		control->waiter = NULL;
	LIST_REMOVE(connection, link);
	control->connection_count--;
	loop_io_free(&connection->io);
	loop_timer_free(&connection->idle);
	close(connection->fd);
	if (connection->passed_fd != -1)
		close(connection->passed_fd);
	buf_free(&connection->in);
	buf_free(&connection->out);
	free(connection);
}

/* ok, maybe with a text for a person; or why not. */
static void
answer_saying(struct connection *connection, const char *problem, const char *said)
{
	struct json_put json = json_put_into(&connection->out);

	json_put_open(&json, NULL, '{');
	json_put_bool(&json, "ok", problem == NULL);
	if (problem != NULL)
		json_put_text(&json, "error", slice_text(problem));
	else if (said != NULL)
		json_put_text(&json, "text", slice_text(said));
	json_put_close(&json, '}');
	buf_append_byte(&connection->out, '\n');
}

static void
answer(struct connection *connection, const char *problem)
{
	answer_saying(connection, problem, NULL);
}

void
control_done(struct control *control, const char *problem, const char *text)
{
	struct connection *connection = control->waiter;

	if (connection == NULL)
		return;
	control->waiter = NULL;
	connection->waiting = false;
	answer_saying(connection, problem, text);
	loop_io_want(connection->io, LOOP_READ | LOOP_WRITE);
}

static void
restart_done(void *argument, const char *problem)
{
	control_done(argument, problem, NULL);
}

/* ---- commands ------------------------------------------------------------------- */

/* If it goes well the new program answers, which has the connection then. */
static void
obey_upgrade(struct connection *connection, const struct order *order UNUSED)
{
	struct control *control = connection->control;
	char *problem = control->waiter != NULL ? xstrdup(UNDER_WAY) :
	    upgrade_begin(control->supervisor, restart_done, control);

	if (problem == NULL) {
		control->waiter = connection;
		connection->waiting = true;
		return;
	}
	answer(connection, problem);
	free(problem);
}

static void
answer_no_transfer(struct connection *connection)
{
	char *text = restart_no_transfer(connection->control->supervisor);

	answer(connection, text);
	free(text);
}

static void
begin_restart(struct connection *connection, bool transfer, const char *what)
{
	struct control *control = connection->control;
	enum err err;

	if (control->waiter != NULL) {
		answer(connection, UNDER_WAY);
		return;
	}
	control->waiter = connection;
	connection->waiting = true;
	if (transfer)
		err = restart_transfer(control->supervisor, what, restart_done, control);
	else
		err = restart_begin(control->supervisor, what, restart_done, control);
	if (err == ERR_NONE)
		return;
	control->waiter = NULL;
	connection->waiting = false;
	if (err == ERR_BUSY)
		answer(connection, UNDER_WAY ", or the node is stopping");
	else if (transfer)
		answer_no_transfer(connection);
	else
		answer(connection,
		    "no process of that name; say raftd, peer, client, client N or all");
}

static void
put_flags(struct json_put *json, const char *name, const bool *set)
{
	json_put_open(json, name, '[');
	for (enum option_id id = 0; id < OPTION_COUNT; id++)
		if (set[id])
			json_put_text(json, NULL, slice_text(option_rows[id].flag));
	json_put_close(json, ']');
}

static void
obey_reload(struct connection *connection, const struct order *order)
{
	struct json_put json = json_put_into(&connection->out);
	struct buf report_text = BUF_INIT;
	struct reload_report report;
	char *problem = NULL;

	if (reload(connection->control->supervisor, &report, &problem) != ERR_NONE) {
		answer(connection, problem);
		free(problem);
		return;
	}
	json_put_open(&json, NULL, '{');
	json_put_bool(&json, "ok", true);
	if (order->as_text) {
		reload_report_text(&report, &report_text);
		json_put_text(&json, "text", buf_slice(&report_text));
	} else {
		put_flags(&json, "changed", report.changed);
		put_flags(&json, "needs_restart", report.restart);
	}
	json_put_close(&json, '}');
	buf_append_byte(&connection->out, '\n');
	buf_free(&report_text);
}

/* What has been done, or problem, which is freed; text is NULL if nothing is to be said. */
static void
answer_done(struct connection *connection, char *problem, const char *text)
{
	answer_saying(connection, problem, text);
	free(problem);
}

static void
obey_log_level(struct connection *connection, const struct order *order)
{
	struct supervisor *supervisor = connection->control->supervisor;
	char *problem = log_level_set(supervisor, order->argument);
	char *text = xasprintf("%s\n", supervisor->config->log_level);

	answer_done(connection, problem, text);
	free(text);
}

static void
obey_stop(struct connection *connection, const struct order *order)
{
	struct supervisor *supervisor = connection->control->supervisor;

	/* No further answer to this connection: it waits for end-of-file. */
	connection->waiting = true;
	answer(connection, NULL);
	if (strcmp(order->argument, "fast") == 0)
		stop_fast(supervisor);
	else
		stop_begin(supervisor, strcmp(order->argument, "graceful") == 0 ?
		    STOP_DRAIN : STOP_ORDERLY);
}

/* A backup is HTTP with the peer worker: what is asked for here is the way to it. */
static void
obey_backup(struct connection *connection, const struct order *order UNUSED)
{
	if (connection->passed_fd == -1)
		connection->passed_fd = wiring_visit(&connection->control->supervisor->processes);
	answer(connection, connection->passed_fd == -1 ?
	    "the peer worker is not running now; try again" : NULL);
}

static void
set_rotation(struct connection *connection, bool out)
{
	supervisor_set_rotation(connection->control->supervisor, out);
	answer(connection, NULL);
}

static void
obey_status(struct connection *connection, const struct order *order)
{
	control_status(connection->control->supervisor, order->as_text, &connection->out);
}

static void
obey_rotate(struct connection *connection, const struct order *order UNUSED)
{
	answer_done(connection, log_reopen(connection->control->supervisor->log), NULL);
}

static void
obey_restart(struct connection *connection, const struct order *order)
{
	begin_restart(connection, false, order->argument);
}

static void
obey_transfer(struct connection *connection, const struct order *order)
{
	begin_restart(connection, true, order->argument);
}

static void
obey_drain(struct connection *connection, const struct order *order UNUSED)
{
	set_rotation(connection, true);
}

static void
obey_undrain(struct connection *connection, const struct order *order UNUSED)
{
	set_rotation(connection, false);
}

static const struct control_command {
	const char *name;
	bool takes_argument;
	void (*obey)(struct connection *connection, const struct order *order);
} commands[] = {
	{ "status", false, obey_status },
	{ "reload", false, obey_reload },
	{ "rotate", false, obey_rotate },
	{ "log-level", true, obey_log_level },
	{ "restart", true, obey_restart },
	{ "transfer", true, obey_transfer },
	{ "backup", true, obey_backup },
	{ "upgrade", false, obey_upgrade },
	{ "drain", false, obey_drain },
	{ "undrain", false, obey_undrain },
	{ "stop", true, obey_stop },
};

static void
answer_no_argument(struct connection *connection, const struct control_command *command)
{
	char *problem = xasprintf("%s takes no argument", command->name);

	answer(connection, problem);
	free(problem);
}

static void
answer_no_command(struct connection *connection)
{
	struct buf text = BUF_INIT;

	buf_append_text(&text, "no such command; say ");
	for (size_t i = 0; i < ARRAY_COUNT(commands); i++) {
		if (i > 0)
			buf_append_text(&text, i + 1 < ARRAY_COUNT(commands) ? ", " : " or ");
		buf_append_text(&text, commands[i].name);
	}
	buf_append_byte(&text, '\0');
	answer(connection, (const char *)text.data);
	buf_free(&text);
}

static const struct control_command *
command_named(const char *name)
{
	for (size_t i = 0; i < ARRAY_COUNT(commands); i++)
		if (strcmp(commands[i].name, name) == 0)
			return &commands[i];
	return NULL;
}

static void
obey(struct connection *connection, struct slice line)
{
	struct control_field fields[] = { { "command", NULL }, { "argument", NULL },
		{ "format", NULL } };
	const struct control_command *command;
	struct order order;

	if (control_line_read(line, fields, ARRAY_COUNT(fields)) != ERR_NONE) {
		answer(connection, "not a JSON object");
		return;
	}
	command = command_named(fields[0].value == NULL ? "" : fields[0].value);
	order.argument = fields[1].value == NULL ? "" : fields[1].value;
	order.as_text = fields[2].value != NULL && strcmp(fields[2].value, "text") == 0;
	if (command == NULL)
		answer_no_command(connection);
	else if (order.argument[0] != '\0' && !command->takes_argument)
		answer_no_argument(connection, command);
	else
		command->obey(connection, &order);
	control_line_free(fields, ARRAY_COUNT(fields));
}

/* ---- connections ---------------------------------------------------------------- */

/* All whole lines that are there; one at a time while an answer is waited for. */
static void
obey_lines(struct connection *connection)
{
	const uint8_t *end;

	while (!connection->waiting && connection->in.size > 0 &&
	    (end = memchr(connection->in.data, '\n', connection->in.size)) != NULL) {
		size_t size = (size_t)(end - connection->in.data);

		obey(connection, slice_of(connection->in.data, size));
		buf_consume(&connection->in, size + 1);
	}
}

/* As send of all that waits, with the descriptor that goes with it. */
static ssize_t
send_out(struct connection *connection)
{
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = { .bytes = { 0 } };
	struct iovec piece = { connection->out.data, connection->out.size };
	struct msghdr message = { .msg_iov = &piece, .msg_iovlen = 1 };
	ssize_t size;

	if (connection->passed_fd != -1) {
		control.header = (struct cmsghdr){ .cmsg_len = CMSG_LEN(sizeof(int)),
			.cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS };
		memcpy(CMSG_DATA(&control.header), &connection->passed_fd, sizeof(int));
		message.msg_control = control.bytes;
		message.msg_controllen = sizeof(control.bytes);
	}
	size = sendmsg(connection->fd, &message, MSG_NOSIGNAL);
	if (size > 0 && connection->passed_fd != -1) {
		close(connection->passed_fd);
		connection->passed_fd = -1;
	}
	return size;
}

/* False: the connection is gone. */
static bool
flush(struct connection *connection)
{
	while (connection->out.size > 0) {
		ssize_t size = send_out(connection);

		if (size == -1 && (errno == EAGAIN || errno == EINTR))
			break;
		if (size == -1) {
			drop(connection);
			return false;
		}
		buf_consume(&connection->out, (size_t)size);
	}
	loop_io_want(connection->io, LOOP_READ | (connection->out.size > 0 ? LOOP_WRITE : 0));
	return true;
}

static void
connection_ready(void *argument, unsigned events)
{
	struct connection *connection = argument;

	loop_timer_set(connection->idle, IDLE_MS_MAX);
	if ((events & LOOP_READ) != 0) {
		uint8_t piece[1024];
		ssize_t size = recv(connection->fd, piece, sizeof(piece), 0);

		if (size == 0 || (size == -1 && errno != EAGAIN && errno != EINTR)) {
			drop(connection);
			return;
		}
		if (size > 0)
			buf_append(&connection->in, piece, (size_t)size);
		if (connection->in.overflowed) {
			drop(connection);
			return;
		}
	}
	obey_lines(connection);
	(void)flush(connection);
}

static void
idle_over(void *argument)
{
	drop(argument);
}

/* Of root, our user or our group; whatever became of the socket's mode. */
static bool
may_speak(int fd)
{
	struct ucred peer;
	socklen_t size = sizeof(peer);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) == -1)
		return false;
	if (peer.uid == 0 || peer.uid == geteuid() || peer.gid == getegid())
		return true;
	diag_warn("control", "refused a connection to the control socket: uid=%lu gid=%lu pid=%ld",
	    (unsigned long)peer.uid, (unsigned long)peer.gid, (long)peer.pid);
	return false;
}

static struct connection *
add_connection(struct control *control, int fd)
{
	struct loop *loop = control->supervisor->loop;
	struct connection *connection = xzalloc(sizeof(*connection));

	connection->control = control;
	connection->fd = fd;
	connection->passed_fd = -1;
	buf_init(&connection->in, CONTROL_REQUEST_BYTES_MAX);
	connection->io = loop_io_new(loop, fd, connection_ready, connection);
	connection->idle = loop_timer_new(loop, idle_over, connection);
	loop_timer_set(connection->idle, IDLE_MS_MAX);
	loop_io_want(connection->io, LOOP_READ);
	LIST_INSERT_HEAD(&control->connections, connection, link);
	control->connection_count++;
	return connection;
}

static void
accept_ready(void *argument, unsigned events UNUSED)
{
	struct control *control = argument;
	int fd = accept4(control->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (fd == -1)
		return;
	if (control->connection_count == CONTROL_CONNECTIONS_MAX || !may_speak(fd)) {
		close(fd);
		return;
	}
	(void)add_connection(control, fd);
}

/* A path may be longer than sun_path, so we bind from inside the directory. */
static int
bind_in(int directory_fd)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX, .sun_path = CONTROL_SOCKET_NAME };
	int here = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	mode_t mask;
	bool good = false;

	if (fd != -1 && here != -1 && fchdir(directory_fd) == 0) {
		(void)unlink(CONTROL_SOCKET_NAME);
		/* Made with mode 0660: by its name it could be another file already. */
		mask = umask(0117);
		good = bind(fd, (const struct sockaddr *)&address, sizeof(address)) == 0 &&
		    listen(fd, CONTROL_CONNECTIONS_MAX) == 0;
		(void)umask(mask);
		if (fchdir(here) == -1)
			good = false;
	}
	if (here != -1)
		close(here);
	if (good)
		return fd;
	if (fd != -1)
		close(fd);
	return -1;
}

enum err
control_open(struct supervisor *supervisor, struct control **result)
{
	int directory_fd, fd;
	bool owned;
	int error = safe_path_open_directory(NULL, supervisor->config->run_dir, &directory_fd,
	    &owned);

	if (error != 0)
		return err_from_errno(error);
	fd = bind_in(directory_fd);
	if (fd == -1) {
		enum err err = err_from_errno(errno);

		close(directory_fd);
		return err;
	}
	*result = control_adopt(supervisor, fd, directory_fd, -1);
	return ERR_NONE;
}

struct control *
control_adopt(struct supervisor *supervisor, int fd, int directory_fd, int waiter_fd)
{
	struct control *control = xzalloc(sizeof(*control));

	control->supervisor = supervisor;
	control->fd = fd;
	control->directory_fd = directory_fd;
	LIST_INIT(&control->connections);
	control->io = loop_io_new(supervisor->loop, fd, accept_ready, control);
	loop_io_want(control->io, LOOP_READ);
	if (waiter_fd != -1) {
		control->waiter = add_connection(control, waiter_fd);
		control->waiter->waiting = true;
	}
	return control;
}

void
control_descriptors(const struct control *control, int *fd, int *directory_fd, int *waiter_fd)
{
	*fd = control->fd;
	*directory_fd = control->directory_fd;
	*waiter_fd = control->waiter == NULL ? -1 : control->waiter->fd;
}

void
control_free(struct control **control_pointer)
{
	struct control *control = *control_pointer;
	struct connection *connection;

	if (control == NULL)
		return;
	while ((connection = LIST_FIRST(&control->connections)) != NULL)
		drop(connection);
	(void)unlinkat(control->directory_fd, CONTROL_SOCKET_NAME, 0);
	loop_io_free(&control->io);
	close(control->fd);
	close(control->directory_fd);
	free(control);
	*control_pointer = NULL;
}
