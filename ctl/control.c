/*
 * control.c - "etcdctl control ...": asks the supervisor of the node on this
 * machine over its control socket.
 *
 * Exit codes: 0 done, ready; 1 refused, not ready; 2 wrong usage; 3 no node is
 * running. Source: spec operations.md 6.
 */
#include "common/control_line.h"
#include "common/buf.h"
#include "common/xmem.h"
#include "ctl/command.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <yajl/yajl_gen.h>

#define EXIT_REFUSED 1
#define EXIT_NOT_RUNNING 3
#define ANSWER_BYTES_MAX ((size_t)1 << 20)
#define HOST_NAME_BYTES 256

struct order {
	char *run_dir;
	const char *command;
	char *argument;		/* NULL: none */
	bool json;
};

static int
usage(const char *problem)
{
	fprintf(stderr, "etcdctl: control: %s\ntry 'etcdctl help'\n", problem);
	return EXIT_USAGE;
}

/* Where a node started without options would be. */
static char *
default_run_dir(void)
{
	const char *run_dir = getenv("ETCD_RUN_DIR");
	const char *data_dir = getenv("ETCD_DATA_DIR");
	const char *name = getenv("ETCD_NAME");
	char host[HOST_NAME_BYTES] = "";

	if (run_dir != NULL && run_dir[0] != '\0')
		return xstrdup(run_dir);
	if (data_dir != NULL && data_dir[0] != '\0')
		return xasprintf("%s/run", data_dir);
	if (name != NULL && name[0] != '\0')
		return xasprintf("%s.etcd/run", name);
	if (gethostname(host, sizeof(host) - 1) == -1)
		host[0] = '\0';
	return xasprintf("%s.etcd/run", host);
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

static void
put(yajl_gen gen, const char *name, const char *text)
{
	yajl_gen_string(gen, (const unsigned char *)name, strlen(name));
	yajl_gen_string(gen, (const unsigned char *)text, strlen(text));
}

static bool
send_order(int fd, const struct order *order)
{
	yajl_gen gen = yajl_gen_alloc(NULL);
	struct buf line = BUF_INIT;
	const unsigned char *json;
	size_t size;
	bool sent;

	ASSERT(gen != NULL);
	yajl_gen_map_open(gen);
	put(gen, "command", order->command);
	if (order->argument != NULL)
		put(gen, "argument", order->argument);
	if (!order->json)
		put(gen, "format", "text");
	yajl_gen_map_close(gen);
	yajl_gen_get_buf(gen, &json, &size);
	buf_append(&line, json, size);
	buf_append_byte(&line, '\n');
	/* A request is far below what a socket takes at once. */
	sent = send(fd, line.data, line.size, MSG_NOSIGNAL) == (ssize_t)line.size;
	buf_free(&line);
	yajl_gen_free(gen);
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

static int
show(const struct order *order, struct slice line)
{
	struct control_field fields[] = { { "ok", NULL }, { "ready", NULL }, { "error", NULL },
		{ "text", NULL } };
	bool ok, not_ready;

	if (control_line_read(line, fields, ARRAY_COUNT(fields)) != ERR_NONE) {
		fprintf(stderr, "etcdctl: the node's answer cannot be read\n");
		return EXIT_REFUSED;
	}
	ok = fields[0].value != NULL && strcmp(fields[0].value, "true") == 0;
	not_ready = fields[1].value != NULL && strcmp(fields[1].value, "true") != 0;
	if (!ok)
		fprintf(stderr, "etcdctl: %s: %s\n", order->command,
		    fields[2].value == NULL ? "refused" : fields[2].value);
	else if (order->json)
		printf("%.*s\n", SLICE_ARGS(line));
	else if (fields[3].value != NULL)
		printf("%s", fields[3].value);
	control_line_free(fields, ARRAY_COUNT(fields));
	return !ok || not_ready ? EXIT_REFUSED : EXIT_STOPPED;
}

static int
carry_out(const struct order *order)
{
	struct buf line = { .limit = ANSWER_BYTES_MAX };
	int code = EXIT_REFUSED;
	int fd = connect_to(order->run_dir);

	if (fd == -1) {
		fprintf(stderr, "etcdctl: no node is running in %s: %s\n", order->run_dir,
		    strerror(errno));
		return EXIT_NOT_RUNNING;
	}
	if (!send_order(fd, order) || !read_line(fd, &line))
		fprintf(stderr, "etcdctl: %s: the node ended before it answered\n", order->command);
	else
		code = show(order, buf_slice(&line));
	if (strcmp(order->command, "stop") == 0 && code == EXIT_STOPPED)
		wait_for_end(fd);
	close(fd);
	buf_free(&line);
	return code;
}

/* "-run-dir DIR", "--data-dir=DIR", "-json": how many words it took; 0: wrong. */
static int
take_flag(struct order *order, char **argv, int argc)
{
	const char *name = argv[0] + strspn(argv[0], "-");
	size_t length = strcspn(name, "=");
	const char *value = name[length] == '=' ? name + length + 1 : argc > 1 ? argv[1] : NULL;
	int taken = name[length] == '=' ? 1 : 2;

	if (strcmp(name, "json") == 0) {
		order->json = true;
		return 1;
	}
	if (value == NULL)
		return 0;
	if (strncmp(name, "run-dir", length) == 0 && length == strlen("run-dir")) {
		free(order->run_dir);
		order->run_dir = xstrdup(value);
		return taken;
	}
	if (strncmp(name, "data-dir", length) == 0 && length == strlen("data-dir")) {
		free(order->run_dir);
		order->run_dir = xasprintf("%s/run", value);
		return taken;
	}
	return 0;
}

static void
take_word(struct order *order, const char *word)
{
	if (order->command == NULL) {
		order->command = word;
	} else if (order->argument == NULL) {
		order->argument = xstrdup(word);
	} else {
		char *both = xasprintf("%s %s", order->argument, word);

		free(order->argument);
		order->argument = both;
	}
}

int
ctl_control(int argc, char **argv)
{
	struct order order = { 0 };
	int code;

	for (int i = 0; i < argc;) {
		int taken = 1;

		if (argv[i][0] == '-')
			taken = take_flag(&order, argv + i, argc - i);
		else
			take_word(&order, argv[i]);
		if (taken == 0) {
			free(order.run_dir);
			free(order.argument);
			return usage("unknown flag, or its value is missing");
		}
		i += taken;
	}
	if (order.run_dir == NULL)
		order.run_dir = default_run_dir();
	if (order.command == NULL)
		code = usage("a command is missing");
	else if (strcmp(order.command, "restart") == 0 && order.argument == NULL)
		code = usage("say what to restart");
	else
		code = carry_out(&order);
	free(order.run_dir);
	free(order.argument);
	return code;
}
