/*
 * watch.c - watch and exec-watch.
 */
#include "common/xmem.h"
#include "ctl/event.h"
#include "ctl/follow.h"

#include <errno.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#define CHILDREN_MAX 64		/* commands of exec-watch at one time; then it waits for one */

static struct follow
follow_of(const struct ctl *ctl)
{
	uint64_t after = ctl_arguments_number(ctl->arguments, OPT_AFTER_INDEX);

	return (struct follow){ .key = slice_text(ctl->arguments->words[0]),
		.recursive = ctl_arguments_flag(ctl->arguments, OPT_RECURSIVE_WATCH),
		.next = after == 0 || after == UINT64_MAX ? 0 : after + 1,
		.limit_ms = CLIENT_NO_LIMIT };
}

static const struct json *
node_of(const struct api_answer *answer)
{
	return json_member(answer->doc.root, "node");
}

/* False: nobody can be shown anything any more. */
static bool
show(const struct ctl *ctl, const struct api_answer *answer)
{
	if (ctl_arguments_flag(ctl->arguments, OPT_RECURSIVE_WATCH) &&
	    ctl->out.format != FORMAT_JSON) {
		output_print(&ctl->out, "[%.*s] %.*s\n",
		    SLICE_ARGS(json_string(answer->doc.root, "action")),
		    SLICE_ARGS(json_string(node_of(answer), "key")));
	}
	api_event_print(&ctl->out, answer->doc.root, answer->answer.store_index);
	/* Whoever reads a pipe wants it now. */
	return output_flush();
}

int
ctl_watch(struct ctl *ctl)
{
	struct follow follow = follow_of(ctl);
	struct api_answer answer = { 0 };
	struct client *client = NULL;
	int code = client_open(ctl, NULL, &client);
	bool more = true;

	while (code == CTL_DONE && more) {
		code = api_report(&ctl->out, client_follow(client, &follow, &answer), &answer);
		/* As ever: the making and removing of directories is not told. */
		if (code == CTL_DONE && !json_true(node_of(&answer), "dir")) {
			more = show(ctl, &answer) && ctl_arguments_flag(ctl->arguments,
			    OPT_FOREVER);
		}
	}
	api_answer_free(&answer);
	client_free(&client);
	return code;
}

/* ---- exec-watch ---------------------------------------------------------------------- */

static void
set_variable(const char *name, struct slice value)
{
	/* An empty slice may have no bytes at all. */
	char *text = strndup(value.size == 0 ? "" : (const char *)value.data, value.size);

	if (text == NULL || setenv(name, text, 1) == -1)
		abort();
	free(text);
}

static void
set_variables(const struct json *event)
{
	const struct json *node = json_member(event, "node");
	char index[24];

	snprintf(index, sizeof(index), "%llu", (unsigned long long)json_u64(node, "modifiedIndex"));
	set_variable("ETCD_WATCH_ACTION", json_string(event, "action"));
	set_variable("ETCD_WATCH_KEY", json_string(node, "key"));
	set_variable("ETCD_WATCH_VALUE", json_string(node, "value"));
	set_variable("ETCD_WATCH_MODIFIED_INDEX", slice_text(index));
}

/* Takes note of those that have ended; waits for one when there are too many. */
static void
reap(size_t *children)
{
	while (*children > 0 &&
	    waitpid(-1, NULL, *children < CHILDREN_MAX ? WNOHANG : 0) > 0)
		(*children)--;
}

/* The command line of the tail is NULL-terminated where argv ended. */
static int
run_command(const struct ctl *ctl, size_t *children)
{
	const struct ctl_arguments *arguments = ctl->arguments;
	size_t count = arguments->word_count - 1;
	char **argv = xzalloc((count + 1) * sizeof(*argv));
	pid_t pid;
	int problem;

	for (size_t i = 0; i < count; i++)
		argv[i] = xstrdup(arguments->words[i + 1]);
	reap(children);
	problem = posix_spawnp(&pid, argv[0], NULL, NULL, argv, environ);
	if (problem == 0)
		(*children)++;
	else
		output_fail(CTL_BAD_ARGUMENTS, "cannot run %s: %s", argv[0], strerror(problem));
	for (size_t i = 0; i < count; i++)
		free(argv[i]);
	free(argv);
	return problem == 0 ? CTL_DONE : CTL_BAD_ARGUMENTS;
}

int
ctl_exec_watch(struct ctl *ctl)
{
	struct follow follow = follow_of(ctl);
	struct api_answer answer = { 0 };
	struct client *client = NULL;
	size_t children = 0;
	int code = client_open(ctl, NULL, &client);

	while (code == CTL_DONE) {
		code = api_report(&ctl->out, client_follow(client, &follow, &answer), &answer);
		if (code != CTL_DONE)
			break;
		if (json_true(node_of(&answer), "dir")) {
			output_say("Ignored dir %.*s change\n",
			    SLICE_ARGS(json_string(node_of(&answer), "key")));
			continue;
		}
		set_variables(answer.doc.root);
		code = run_command(ctl, &children);
	}
	api_answer_free(&answer);
	client_free(&client);
	return code;
}
