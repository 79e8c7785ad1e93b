/*
 * recover.c - "recover" and "restore": new data directories, of what stopped nodes
 * left or of a backup. Asks and explains; the work is done by the program rebuild.
 *
 * Which log is the fullest is Raft's own question, and has its answer: that with
 * the higher term at its end, or with the higher index in the same term. It has
 * everything that a majority had if one of the directories of that majority is
 * here, and nobody can tell whether more was acknowledged.
 * Source: docs/operations.md, "A majority is lost for good".
 */
#include "common/json_put.h"
#include "common/libexec.h"
#include "common/limits.h"
#include "common/node_name.h"
#include "common/program.h"
#include "common/xmem.h"
#include "ctl/ctl.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define BACKUP_FD 3
#define EXIT_NO_EXEC 127
#define LINE_BYTES (URL_BYTES_MAX + NAME_BYTES_MAX)
/* Until it is started with others. */
#define PEER_URL "http://127.0.0.1:7001"
#define CLIENT_URL "http://127.0.0.1:4001"

/* What rebuild says of one directory. */
struct survivor {
	const char *dir;
	bool usable;
	char name[NAME_BYTES_MAX + 1];
	char cluster[24];
	char peer_url[URL_BYTES_MAX + 1], client_url[URL_BYTES_MAX + 1];
	uint64_t term, last, commit, store_index;
	char *members[MEMBERS_MAX];
	size_t member_count;
};

/* ---- running rebuild ------------------------------------------------------------------- */

static int
outcome_of(int status)
{
	if (!WIFEXITED(status))
		return CTL_SERVER_ERROR;
	switch (WEXITSTATUS(status)) {
	case EXIT_STOPPED:
		return CTL_DONE;
	case EXIT_DATA:
		return CTL_BAD_FILE;
	case EXIT_USAGE:
	case EXIT_LOCKED:
		return CTL_BAD_ARGUMENTS;
	default:
		return CTL_SERVER_ERROR;
	}
}

/* The child: out_fd becomes its standard output, backup_fd its BACKUP_FD. */
NORETURN static void
become(const char *program, char **argv, int out_fd, int backup_fd)
{
	/* One that has the number already would be closed by exec. */
	if (backup_fd == BACKUP_FD && fcntl(backup_fd, F_SETFD, 0) != -1)
		backup_fd = -1;
	if ((out_fd == -1 || dup2(out_fd, STDOUT_FILENO) != -1) &&
	    (backup_fd == -1 || dup2(backup_fd, BACKUP_FD) != -1))
		execv(program, argv);
	_exit(output_fail(EXIT_NO_EXEC, "cannot run %s: %s", program, strerror(errno)));
}

static pid_t
start(char **argv, int out_fd, int backup_fd)
{
	char *program = libexec_program("rebuild");
	pid_t pid;

	fflush(NULL);
	pid = fork();
	if (pid == 0)
		become(program, argv, out_fd, backup_fd);
	if (pid == -1)
		output_fail(EXIT_NO_EXEC, "cannot start %s: %s", program, strerror(errno));
	free(program);
	return pid;
}

static int
wait_for(pid_t pid)
{
	int status = 0;
	pid_t result;

	if (pid == -1)
		return CTL_SERVER_ERROR;
	do
		result = waitpid(pid, &status, 0);
	while (result == -1 && errno == EINTR);
	return outcome_of(status);
}

/* Said before anything is read or asked. */
static bool
is_good_name(const char *name)
{
	char *problem = node_name_problem(name);

	if (problem != NULL)
		output_fail(CTL_BAD_ARGUMENTS, "--name: %s", problem);
	free(problem);
	return problem == NULL;
}

/* ---- restore ---------------------------------------------------------------------------- */

int
ctl_restore(struct ctl *ctl)
{
	const struct ctl_arguments *arguments = ctl->arguments;
	const char *file = arguments->words[0], *to = ctl_arguments_text(arguments, OPT_TO);
	const char *name = ctl_arguments_text(arguments, OPT_NODE_NAME);
	char *argv[] = { (char *)(uintptr_t)program_own(), "restore", "new", NULL, NULL, PEER_URL,
		CLIENT_URL, NULL, NULL };
	int fd, code;

	if (to == NULL || name == NULL)
		return output_fail(CTL_BAD_ARGUMENTS, "restore needs --to DIR and --name NAME");
	if (!is_good_name(name))
		return CTL_BAD_ARGUMENTS;
	fd = open(file, O_RDONLY | O_CLOEXEC);
	if (fd == -1)
		return output_fail(CTL_BAD_FILE, "cannot read %s: %s", file, strerror(errno));
	argv[3] = xstrdup(to);
	argv[4] = xstrdup(name);
	argv[7] = xstrdup(file);
	code = wait_for(start(argv, -1, fd));
	close(fd);
	free(argv[3]);
	free(argv[4]);
	free(argv[7]);
	return code;
}

/* ---- looking ------------------------------------------------------------------------------ */

/* Of a list the one that is preferred. */
static void
take_first(char *text, size_t size, const char *urls)
{
	snprintf(text, size, "%.*s", (int)strcspn(urls, ","), urls);
}

static void
take_line(struct survivor *survivor, char *line)
{
	char *value = strchr(line, '=');

	if (value == NULL)
		return;
	*value++ = '\0';
	value[strcspn(value, "\n")] = '\0';
	if (strcmp(line, "name") == 0)
		snprintf(survivor->name, sizeof(survivor->name), "%s", value);
	else if (strcmp(line, "cluster") == 0)
		snprintf(survivor->cluster, sizeof(survivor->cluster), "%s", value);
	else if (strcmp(line, "peer") == 0)
		take_first(survivor->peer_url, sizeof(survivor->peer_url), value);
	else if (strcmp(line, "client") == 0)
		take_first(survivor->client_url, sizeof(survivor->client_url), value);
	else if (strcmp(line, "term") == 0)
		survivor->term = strtoull(value, NULL, 10);
	else if (strcmp(line, "last") == 0)
		survivor->last = strtoull(value, NULL, 10);
	else if (strcmp(line, "commit") == 0)
		survivor->commit = strtoull(value, NULL, 10);
	else if (strcmp(line, "store") == 0)
		survivor->store_index = strtoull(value, NULL, 10);
	else if (strcmp(line, "member") == 0 && survivor->member_count < MEMBERS_MAX)
		survivor->members[survivor->member_count++] = xstrdup(value);
}

static int
look_at(struct survivor *survivor)
{
	char *dir = xstrdup(survivor->dir);
	char *argv[] = { (char *)(uintptr_t)program_own(), "inspect", dir, NULL };
	char line[LINE_BYTES];
	int pipe_fds[2];
	FILE *answer;
	pid_t pid;
	int code;

	if (pipe2(pipe_fds, O_CLOEXEC) == -1) {
		free(dir);
		return output_fail(CTL_SERVER_ERROR, "cannot make a pipe: %s", strerror(errno));
	}
	pid = start(argv, pipe_fds[1], -1);
	close(pipe_fds[1]);
	answer = fdopen(pipe_fds[0], "r");
	ASSERT(answer != NULL);
	while (fgets(line, sizeof(line), answer) != NULL)
		take_line(survivor, line);
	fclose(answer);
	code = wait_for(pid);
	survivor->usable = code == CTL_DONE;
	free(dir);
	return code;
}

static bool
is_fuller(const struct survivor *a, const struct survivor *b)
{
	return a->term != b->term ? a->term > b->term : a->last > b->last;
}

/* NULL: none can be used. */
static const struct survivor *
find_fullest(const struct survivor *survivors, size_t count)
{
	const struct survivor *fullest = NULL;

	for (size_t i = 0; i < count; i++)
		if (survivors[i].usable && (fullest == NULL || is_fuller(&survivors[i], fullest)))
			fullest = &survivors[i];
	return fullest;
}

/* ---- telling ------------------------------------------------------------------------------- */

static void
print_table(const struct ctl *ctl, const struct survivor *survivors, size_t count,
    const struct survivor *fullest)
{
	static const struct table_column columns[] = { { .title = "DIRECTORY" },
		{ .title = "NODE" }, { .title = "TERM", .right = true },
		{ .title = "LAST ENTRY", .right = true }, { .title = "COMMITTED", .right = true },
		{ .title = "STORE INDEX", .right = true }, { .title = "" } };
	struct table table;

	table_init(&table, columns, ARRAY_COUNT(columns));
	for (size_t i = 0; i < count; i++) {
		const struct survivor *survivor = &survivors[i];

		table_add(&table, COLOR_NONE, "%s", survivor->dir);
		table_add(&table, COLOR_NONE, "%s", survivor->usable ? survivor->name : "-");
		if (survivor->usable) {
			table_add(&table, COLOR_NONE, "%" PRIu64, survivor->term);
			table_add(&table, COLOR_NONE, "%" PRIu64, survivor->last);
			table_add(&table, COLOR_NONE, "%" PRIu64, survivor->commit);
			table_add(&table, COLOR_NONE, "%" PRIu64, survivor->store_index);
			table_add(&table, COLOR_GOOD, "%s", survivor == fullest ? "fullest" : "");
		} else {
			for (size_t n = 0; n < 4; n++)
				table_add(&table, COLOR_NONE, "-");
			table_add(&table, COLOR_BAD, "cannot be used");
		}
	}
	table_print(&ctl->out, &table);
	table_free(&table);
}

/* An object of one line for each directory. */
static void
print_json(const struct ctl *ctl, const struct survivor *survivors, size_t count,
    const struct survivor *fullest)
{
	struct buf line = BUF_INIT;
	struct json_put json = json_put_into(&line);

	for (size_t i = 0; i < count; i++) {
		const struct survivor *survivor = &survivors[i];

		json_put_open(&json, NULL, '{');
		json_put_text(&json, "directory", slice_text(survivor->dir));
		json_put_bool(&json, "usable", survivor->usable);
		if (survivor->usable) {
			json_put_text(&json, "node", slice_text(survivor->name));
			json_put_text(&json, "cluster", slice_text(survivor->cluster));
			json_put_number(&json, "term", survivor->term);
			json_put_number(&json, "lastEntry", survivor->last);
			json_put_number(&json, "committed", survivor->commit);
			json_put_number(&json, "storeIndex", survivor->store_index);
			json_put_bool(&json, "fullest", survivor == fullest);
		}
		json_put_close(&json, '}');
		output_json_line(&ctl->out, &json);
	}
	buf_free(&line);
}

static bool
is_here(const struct survivor *survivors, size_t count, const char *name)
{
	for (size_t i = 0; i < count; i++)
		if (survivors[i].usable && strcmp(survivors[i].name, name) == 0)
			return true;
	return false;
}

static void
print_losses(const struct output *out, const struct survivor *survivors, size_t count,
    const struct survivor *fullest)
{
	const char *separator = "";
	size_t here = 0;

	for (size_t i = 0; i < fullest->member_count; i++)
		here += is_here(survivors, count, fullest->members[i]);
	/* Whatever was acknowledged is in one log of any majority. */
	if (2 * here > fullest->member_count) {
		output_print(out, "\nA majority is here, %zu of %zu: nothing is lost. If these "
		    "nodes can be started again, do that instead.\n", here,
		    fullest->member_count);
	} else {
		output_print(out, "\nWhat may be lost: writes behind entry %" PRIu64 " that were "
		    "acknowledged by", fullest->last);
		for (size_t i = 0; i < fullest->member_count; i++) {
			if (is_here(survivors, count, fullest->members[i]))
				continue;
			output_print(out, "%s %s", separator, fullest->members[i]);
			separator = ",";
		}
		output_print(out, ".\n");
	}
	if (fullest->last > fullest->commit)
		output_print(out, "What is kept although it may never have been acknowledged: "
		    "entries %" PRIu64 " to %" PRIu64 ".\n", fullest->commit + 1, fullest->last);
}

/* ---- doing ---------------------------------------------------------------------------------- */

/* HOST:PORT as -addr takes it. */
static const char *
address_of(const char *url)
{
	const char *scheme = strstr(url, "://");

	return url[0] == '\0' ? "HOST:PORT" : scheme == NULL ? url : scheme + 3;
}

static bool
is_secure(const char *url)
{
	return strncmp(url, "https:", 6) == 0;
}

static int
make(const struct ctl *ctl, const struct survivor *fullest, const char *to, const char *name)
{
	char *argv[] = { (char *)(uintptr_t)program_own(), "recover", xstrdup(fullest->dir),
		xstrdup(to), xstrdup(name), NULL };
	int code;

	code = wait_for(start(argv, -1, -1));
	/* Without its addresses it would move to the defaults. */
	if (code == CTL_DONE && ctl->out.format != FORMAT_JSON)
		output_print(&ctl->out, "Now start it:  %s -name %s -data-dir %s -addr %s "
		    "-peer-addr %s%s\n"
		    "If it is a service, put %s in the place of %s, and start the service.\n"
		    "Then let other nodes join it with -peers, each with an empty -data-dir, and "
		    "never start an old directory again.\n", program_etcd(), name, to,
		    address_of(fullest->client_url), address_of(fullest->peer_url),
		    is_secure(fullest->client_url) || is_secure(fullest->peer_url) ?
		    ", and with the options for its certificates" : "", to, fullest->dir);
	free(argv[2]);
	free(argv[3]);
	free(argv[4]);
	return code;
}

static int
consider(const struct ctl *ctl, const struct survivor *survivors, size_t count)
{
	const struct survivor *fullest = find_fullest(survivors, count);
	const char *to = ctl_arguments_text(ctl->arguments, OPT_TO);
	const char *name = ctl_arguments_text(ctl->arguments, OPT_NODE_NAME);
	char *question;
	bool agreed;

	if (fullest == NULL)
		return output_fail(CTL_BAD_FILE, "none of these directories can be used");
	for (size_t i = 0; i < count; i++) {
		if (survivors[i].usable && strcmp(survivors[i].cluster, fullest->cluster) != 0)
			return output_fail(CTL_BAD_ARGUMENTS, "%s is of cluster %s and %s of "
			    "cluster %s: give directories of one cluster", fullest->dir,
			    fullest->cluster, survivors[i].dir, survivors[i].cluster);
	}
	if (ctl->out.format == FORMAT_JSON) {
		print_json(ctl, survivors, count, fullest);
	} else {
		print_table(ctl, survivors, count, fullest);
		print_losses(&ctl->out, survivors, count, fullest);
	}
	if (to == NULL && ctl->out.format == FORMAT_JSON)
		return CTL_DONE;
	if (to == NULL) {
		output_print(&ctl->out, "To make a new data directory of %s give --to DIR.\n",
		    fullest->dir);
		return CTL_DONE;
	}
	question = xasprintf("make %s of %s, as a new cluster with one member", to, fullest->dir);
	agreed = output_confirm(&ctl->out, ctl->arguments, question);
	free(question);
	if (!agreed)
		return CTL_BAD_ARGUMENTS;
	return make(ctl, fullest, to, name == NULL ? fullest->name : name);
}

int
ctl_recover(struct ctl *ctl)
{
	const struct ctl_arguments *arguments = ctl->arguments;
	size_t count = arguments->word_count;
	struct survivor *survivors = xzalloc(count * sizeof(*survivors));
	const char *name = ctl_arguments_text(arguments, OPT_NODE_NAME);
	int code = name == NULL || is_good_name(name) ? CTL_DONE : CTL_BAD_ARGUMENTS;

	/* A node that runs is not lost: that ends it, and was said. */
	for (size_t i = 0; i < count && code != CTL_BAD_ARGUMENTS; i++) {
		survivors[i].dir = arguments->words[i];
		code = look_at(&survivors[i]);
	}
	if (code != CTL_BAD_ARGUMENTS)
		code = consider(ctl, survivors, count);
	for (size_t i = 0; i < count; i++)
		for (size_t n = 0; n < survivors[i].member_count; n++)
			free(survivors[i].members[n]);
	free(survivors);
	return code;
}
