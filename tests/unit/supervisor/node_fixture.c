/*
 * node_fixture.c - starts, watches and removes a node of fake children.
 */
#include "tests/unit/supervisor/node_fixture.h"

#include "common/clock.h"
#include "common/xmem.h"
#include "tests/lib/test.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define WORDS_MAX 32
#define POLL_MS 5
#define OUTPUT_BYTES_MAX ((size_t)1 << 20)

static char *
program(const char *name)
{
	const char *build = getenv("MOOTHALL_BUILD");

	return xasprintf("%s/%s", build == NULL ? "." : build, name);
}

static void
pause_a_little(void)
{
	nanosleep(&(struct timespec){ .tv_nsec = POLL_MS * 1000 * 1000 }, NULL);
}

static uint64_t
now_ms(void)
{
	return clock_now().monotonic_ms;
}

void
node_make(struct node_fixture *node)
{
	static const char *const names[] = { "raftd", "httpd" };
	char *fake = program("tests/unit/supervisor/fake_child");
	char *real = realpath(fake, NULL);

	memset(node, 0, sizeof(*node));
	snprintf(node->directory, sizeof(node->directory), "/tmp/moothall-node.XXXXXX");
	assert_non_null(mkdtemp(node->directory));
	node->output_fd = -1;
	buf_init(&node->output, OUTPUT_BYTES_MAX);
	assert_non_null(real);
	for (size_t i = 0; i < ARRAY_COUNT(names); i++) {
		char *directory = xasprintf("%s/libexec", node->directory);
		char *link_path = xasprintf("%s/%s", directory, names[i]);

		(void)mkdir(directory, 0700);
		assert_int_equal(symlink(real, link_path), 0);
		free(directory);
		free(link_path);
	}
	free(fake);
	free(real);
}

void
node_start(struct node_fixture *node, const char *const *words)
{
	char *path = program("etcd");
	char *data = xasprintf("%s/data", node->directory);
	char *libexec = xasprintf("%s/libexec", node->directory);
	char *ports = xasprintf("%s/ports", node->directory);
	char *argv[WORDS_MAX] = { "etcd", "-name", "m1", "-data-dir", data, "-libexec-dir", libexec,
		"-addr", "127.0.0.1:0", "-peer-addr", "127.0.0.1:0", "-port-file", ports,
		"-workers", "2" };
	/* A file is to have its own say on the workers. */
	size_t argc = words[0] != NULL && strcmp(words[0], "-config") == 0 ? 13 : 15;
	int pair[2];

	for (size_t i = 0; words[i] != NULL; i++)
		argv[argc++] = (char *)(uintptr_t)words[i];
	if (node->output_fd != -1)
		close(node->output_fd);
	buf_clear(&node->output);
	node->seen = 0;
	(void)unlink(ports);
	assert_int_equal(pipe2(pair, O_CLOEXEC), 0);
	node->pid = fork();
	assert_true(node->pid != -1);
	if (node->pid == 0) {
		/* A test that fails leaves no node behind. */
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		setenv("FAKE_DIR", node->directory, 1);
		dup2(pair[1], STDERR_FILENO);
		/* Some of what a careless parent leaves open. */
		(void)open("/dev/null", O_RDONLY);
		(void)open("/dev/zero", O_RDONLY);
		execv(path, argv);
		_exit(EXIT_USAGE);
	}
	close(pair[1]);
	node->output_fd = pair[0];
	assert_int_equal(fcntl(pair[0], F_SETFL, O_NONBLOCK), 0);
	free(path);
	free(data);
	free(libexec);
	free(ports);
}

static void
read_output(struct node_fixture *node)
{
	uint8_t piece[4096];
	ssize_t size;

	while ((size = read(node->output_fd, piece, sizeof(piece))) > 0)
		buf_append(&node->output, piece, (size_t)size);
}

static void
fail_with(const struct node_fixture *node, const char *what)
{
	fail_msg("%s; the node said:\n%.*s", what, SLICE_ARGS(buf_slice(&node->output)));
}

void
node_wait(struct node_fixture *node, const char *text)
{
	uint64_t deadline_ms = now_ms() + FIXTURE_WAIT_MS;

	for (;;) {
		const uint8_t *found;

		read_output(node);
		found = node->output.size == 0 ? NULL : memmem(node->output.data + node->seen,
		    node->output.size - node->seen, text, strlen(text));
		if (found != NULL) {
			node->seen = (size_t)(found - node->output.data) + strlen(text);
			return;
		}
		if (now_ms() > deadline_ms)
			fail_with(node, text);
		(void)poll(&(struct pollfd){ .fd = node->output_fd, .events = POLLIN }, 1, POLL_MS);
	}
}

int
node_wait_end(struct node_fixture *node)
{
	uint64_t deadline_ms = now_ms() + 2 * FIXTURE_WAIT_MS;

	while (waitpid(node->pid, &node->status, WNOHANG) == 0) {
		if (now_ms() > deadline_ms)
			fail_with(node, "does not end");
		read_output(node);
		pause_a_little();
	}
	node->pid = 0;
	read_output(node);
	return WIFEXITED(node->status) ? WEXITSTATUS(node->status) : -1;
}

static void
remove_tree(const char *path)
{
	char *command = xasprintf("rm -rf '%s'", path);

	assert_int_equal(system(command), 0);
	free(command);
}

void
node_clean(struct node_fixture *node)
{
	if (node->pid != 0) {
		(void)kill(node->pid, SIGKILL);
		(void)waitpid(node->pid, NULL, 0);
	}
	close(node->output_fd);
	buf_free(&node->output);
	remove_tree(node->directory);
}

void
node_plan(const struct node_fixture *node, const char *name, const char *plan)
{
	char *path = xasprintf("%s/plan.%s", node->directory, name);

	if (plan == NULL) {
		(void)unlink(path);
	} else {
		FILE *file = fopen(path, "we");

		assert_non_null(file);
		fprintf(file, "%s\n", plan);
		fclose(file);
	}
	free(path);
}

/* Calls for each event until one is the wanted: its number, or SIZE_MAX. */
static size_t
scan_events(const struct node_fixture *node, const char *start, size_t *count, long *last_pid)
{
	char *path = xasprintf("%s/events", node->directory);
	FILE *file = fopen(path, "re");
	size_t first = SIZE_MAX;
	size_t number = 0;
	char line[256];

	*count = 0;
	*last_pid = 0;
	free(path);
	if (file == NULL)
		return first;
	for (; fgets(line, sizeof(line), file) != NULL; number++) {
		if (strncmp(line, start, strlen(start)) != 0)
			continue;
		if (first == SIZE_MAX)
			first = number;
		*count += 1;
		*last_pid = strtol(strrchr(line, ' ') + 1, NULL, 10);
	}
	fclose(file);
	return first;
}

size_t
node_events(const struct node_fixture *node, const char *start)
{
	size_t count;
	long pid;

	(void)scan_events(node, start, &count, &pid);
	return count;
}

pid_t
node_event_pid(const struct node_fixture *node, const char *start)
{
	size_t count;
	long pid;

	(void)scan_events(node, start, &count, &pid);
	assert_true(pid > 0);
	return (pid_t)pid;
}

size_t
node_event_place(const struct node_fixture *node, const char *start)
{
	size_t count;
	long pid;
	size_t place = scan_events(node, start, &count, &pid);

	assert_true(place != SIZE_MAX);
	return place;
}

void
node_wait_events(const struct node_fixture *node, const char *start, size_t count)
{
	uint64_t deadline_ms = now_ms() + FIXTURE_WAIT_MS;

	while (node_events(node, start) < count) {
		if (now_ms() > deadline_ms)
			fail_with(node, start);
		pause_a_little();
	}
}

bool
process_gone(pid_t pid)
{
	char *path = xasprintf("/proc/%ld/stat", (long)pid);
	FILE *file = fopen(path, "re");
	char state = 'Z';

	free(path);
	if (file == NULL)
		return true;
	if (fscanf(file, "%*d %*[^)]) %c", &state) != 1)
		state = 'Z';
	fclose(file);
	return state == 'Z' || state == 'X';
}

void
wait_gone(pid_t pid, uint64_t limit_ms)
{
	uint64_t deadline_ms = now_ms() + limit_ms;

	while (!process_gone(pid)) {
		if (now_ms() > deadline_ms)
			fail_msg("process %ld still lives", (long)pid);
		pause_a_little();
	}
}

int
node_control(const struct node_fixture *node, const char *words, struct buf *output)
{
	char *path = program("etcdctl");
	char *command = xasprintf("%s control -data-dir %s/data %s 2>&1", path, node->directory,
	    words);
	FILE *pipe = popen(command, "re");
	char piece[4096];
	size_t size;
	int status;

	assert_non_null(pipe);
	while ((size = fread(piece, 1, sizeof(piece), pipe)) > 0)
		buf_append(output, piece, size);
	buf_append_byte(output, '\0');
	status = pclose(pipe);
	free(path);
	free(command);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

char *
node_port(const struct node_fixture *node, const char *which)
{
	char *path = xasprintf("%s/ports", node->directory);
	FILE *file = fopen(path, "re");
	char name[16], address[64];
	char *found = NULL;

	assert_non_null(file);
	while (found == NULL && fscanf(file, "%15s %63s", name, address) == 2) {
		if (strcmp(name, which) == 0)
			found = xstrdup(address);
	}
	fclose(file);
	free(path);
	assert_non_null(found);
	return found;
}
