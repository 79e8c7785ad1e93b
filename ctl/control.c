/*
 * control.c - "etcdctl control ...": asks the supervisor of the node on this
 * machine over its control socket.
 *
 * A command goes to the node as it is, so a word that no table here has may still be
 * one that the node knows. Exit codes: 0 done, ready; 1 refused, not ready, not permitted;
 * 3 no node is running.
 */
#include "common/control_line.h"
#include "common/json_put.h"
#include "common/limits.h"
#include "common/lock_text.h"
#include "common/xmem.h"
#include "ctl/control_backup.h"
#include "ctl/control_show.h"
#include "ctl/ctl.h"
#include "ctl/json_read.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define EXIT_REFUSED 1
#define EXIT_NOT_RUNNING 3
#define HOST_NAME_BYTES 256

struct sent_order {
	char *run_dir;
	bool searched;		/* nobody said where; run_dir is where a node would be */
	const char *command;
	char *argument;		/* NULL: none */
	bool json;		/* the answer is wanted as it is */
};

/* A node says in its data directory where its socket is; a user who may not read that is not to
 * know, or the node is of an earlier version: it is where it is by default. */
static char *
run_dir_of(const char *data_dir)
{
	char *path = xasprintf("%s/lock", data_dir);
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	struct lock_text text = { 0 };

	free(path);
	if (fd != -1) {
		(void)lock_text_read(fd, &text);
		close(fd);
	}
	return text.run_dir[0] != '\0' ? xstrdup(text.run_dir) : xasprintf("%s/run", data_dir);
}

/* What was given, or where a node started without options would be; else the service. */
static char *
find_run_dir(const struct ctl_arguments *arguments, bool *searched)
{
	const struct ctl_option_value *run_dir = &arguments->values[OPT_RUN_DIR];
	const struct ctl_option_value *data_dir = &arguments->values[OPT_DATA_DIR];
	const char *name = getenv("ETCD_NAME");
	char host[HOST_NAME_BYTES] = "";
	char *here, *found;

	if (run_dir->source != SOURCE_NONE && run_dir->source >= data_dir->source)
		return xstrdup(run_dir->text);
	if (data_dir->source != SOURCE_NONE)
		return run_dir_of(data_dir->text);
	if (name != NULL && name[0] != '\0') {
		here = xasprintf("%s.etcd", name);
		found = run_dir_of(here);
		free(here);
		return found;
	}
	*searched = true;
	if (gethostname(host, sizeof(host) - 1) == -1)
		host[0] = '\0';
	here = xasprintf("%s.etcd", host);
	found = access(here, F_OK) == 0 || access(SERVICE_RUN_DIR, F_OK) == -1 ?
	    run_dir_of(here) : xstrdup(SERVICE_RUN_DIR);
	free(here);
	return found;
}

/* A relative name from inside the directory: its path may be longer than sun_path. */
static int
connect_to(const char *run_dir)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX, .sun_path = CONTROL_SOCKET_NAME };
	int fd;

	if (chdir(run_dir) == -1)
		return -1;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd == -1)
		return -1;
	if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0)
		return fd;
	close(fd);
	return -1;
}

static bool
send_order(int fd, const struct sent_order *order)
{
	struct buf line = BUF_INIT;
	struct json_put json = json_put_into(&line);
	bool sent;

	json_put_open(&json, NULL, '{');
	json_put_text(&json, "command", slice_text(order->command));
	if (order->argument != NULL)
		json_put_text(&json, "argument", slice_text(order->argument));
	/* The status is shown as tables of our own. */
	if (!order->json && strcmp(order->command, "status") != 0)
		json_put_text(&json, "format", SLICE_LITERAL("text"));
	json_put_close(&json, '}');
	buf_append_byte(&line, '\n');
	/* A request is far below what a socket takes at once. */
	sent = send(fd, line.data, line.size, MSG_NOSIGNAL) == (ssize_t)line.size;
	buf_free(&line);
	return sent;
}

/* One line, without its end. False: the node ended before it. */
static bool
read_line(int fd, struct buf *line)
{
	for (;;) {
		uint8_t piece[4096];
		ssize_t size = recv(fd, piece, sizeof(piece), 0);

		if (size == -1 && errno == EINTR)
			continue;
		if (size <= 0)
			return false;
		buf_append(line, piece, (size_t)size);
		if (line->overflowed)
			return false;
		if (line->data[line->size - 1] == '\n') {
			line->size--;
			return true;
		}
	}
}

/* A stopping node keeps the connection until it has ended. */
static void
wait_for_end(int fd)
{
	uint8_t piece[64];
	ssize_t size;

	do
		size = recv(fd, piece, sizeof(piece), 0);
	while (size > 0 || (size == -1 && errno == EINTR));
}

static void
show_json(const struct output *out, struct slice line)
{
	output_json(out, line);
	output_print(out, "\n");
}

static int
show(const struct ctl *ctl, const struct sent_order *order, struct slice line)
{
	struct json_doc doc;
	struct slice text;
	bool ok, not_ready;

	if (json_doc_read(line, &doc) != ERR_NONE) {
		output_fail(EXIT_REFUSED, "%s: the node's answer cannot be read", order->command);
		return EXIT_REFUSED;
	}
	ok = json_true(doc.root, "ok");
	not_ready = json_member(doc.root, "ready") != NULL && !json_true(doc.root, "ready");
	text = json_string(doc.root, ok ? "text" : "error");
	if (!ok)
		output_fail(EXIT_REFUSED, "%s: %.*s", order->command,
		    text.size == 0 ? (int)strlen("refused") : (int)text.size,
		    text.size == 0 ? "refused" : (const char *)text.data);
	else if (order->json)
		show_json(&ctl->out, line);
	else if (strcmp(order->command, "status") == 0)
		control_show_status(&ctl->out, doc.root);
	else
		output_text(&ctl->out, text);
	json_doc_free(&doc);
	return !ok || not_ready ? EXIT_REFUSED : CTL_DONE;
}

static int
carry_out(const struct ctl *ctl, const struct sent_order *order)
{
	struct buf line = { .limit = CONTROL_ANSWER_BYTES_MAX };
	int code = EXIT_REFUSED;
	int fd = connect_to(order->run_dir);

	if (fd == -1 && (errno == EACCES || errno == EPERM))
		return output_fail(EXIT_REFUSED, "%s: you may not speak to the node in %s: be "
		    "root, the user that it runs as, or one of its group", order->command,
		    order->run_dir);
	if (fd == -1 && order->searched && strcmp(order->run_dir, SERVICE_RUN_DIR) != 0)
		return output_fail(EXIT_NOT_RUNNING,
		    "no node is running in %s, nor as a service in %s; if it is elsewhere, give "
		    "-data-dir or -run-dir", order->run_dir, SERVICE_RUN_DIR);
	if (fd == -1)
		return output_fail(EXIT_NOT_RUNNING,
		    "no node is running in %s (-run-dir, -data-dir): %s", order->run_dir,
		    strerror(errno));
	if (strcmp(order->command, "backup") == 0)
		code = control_backup(ctl, fd, order->argument);
	else if (!send_order(fd, order) || !read_line(fd, &line))
		output_fail(code, "%s: the node ended before it answered", order->command);
	else
		code = show(ctl, order, buf_slice(&line));
	if (strcmp(order->command, "stop") == 0 && code == CTL_DONE)
		wait_for_end(fd);
	close(fd);
	buf_free(&line);
	return code;
}

/* Words with blanks between them. */
static char *
joined(const char *const *words, size_t count)
{
	struct buf text = BUF_INIT;

	for (size_t i = 0; i < count; i++)
		buf_printf(&text, "%s%s", i == 0 ? "" : " ", words[i]);
	buf_append_byte(&text, '\0');
	return (char *)text.data;
}

int
ctl_control(struct ctl *ctl)
{
	const struct ctl_arguments *arguments = ctl->arguments;
	const char *named = strchr(arguments->command->name, ' ');
	size_t used = named == NULL ? 1 : 0;
	struct sent_order order = { .command = named == NULL ? arguments->words[0] : named + 1 };
	int code;

	order.run_dir = find_run_dir(arguments, &order.searched);
	order.json = ctl_arguments_flag(arguments, OPT_JSON) || ctl->out.format == FORMAT_JSON;
	if (arguments->word_count > used)
		order.argument = joined(arguments->words + used, arguments->word_count - used);
	/* From where we are now: the socket is reached from its own directory. */
	if (order.argument != NULL && strcmp(order.command, "backup") == 0) {
		char *file = control_backup_path(order.argument);

		free(order.argument);
		order.argument = file;
	}
	code = carry_out(ctl, &order);
	free(order.run_dir);
	free(order.argument);
	return code;
}
