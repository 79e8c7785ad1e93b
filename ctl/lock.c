/*
 * lock.c - lock and elect: one of many at a time, by keys of a cluster.
 *
 * Each who wants the lock NAME makes a key in the directory /_etcd/mod/lock/NAME, in
 * order and with a TTL; the one with the lowest createdIndex has it, the others watch
 * the one before them. It is where lock servers of the 0.3 series kept theirs.
 *
 *	waiting ---> holding	nobody is before us			[wait_for_turn]
 *	asking ----> holding	the node says so			[wait_by_module]
 *	holding ---> released	the command has ended, or a signal came	[release]
 *	any -------> lost	our key is gone, or could not be renewed
 *				for as long as it lives			[renew]
 *
 * Where a node has the module for it, lock waits there; from then on all goes alike. elect
 * does not: the module takes two that ask with one value for one.
 *
 * Whoever loses it ends the command: another may hold it by now. The createdIndex is
 * given to the command; what it writes to can refuse lower ones than it has seen.
 */
#include "common/clock.h"
#include "common/json_put.h"
#include "common/limits.h"
#include "common/rand.h"
#include "common/xmem.h"
#include "ctl/api.h"
#include "ctl/follow.h"
#include "ctl/form.h"
#include "ctl/interrupt.h"
#include "ctl/lock_module.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#define DIRECTORY "/_etcd/mod/lock/"
#define TERM_TO_KILL_MS 5000
#define EXIT_NOT_RUN 127	/* as of a shell */

struct ticket {
	struct ctl *ctl;
	struct client *client;
	const char *name;
	char *directory;
	char *key;		/* NULL: none yet */
	uint64_t index;		/* createdIndex of key */
	uint64_t ttl_s;
	uint64_t renew_at_ms;	/* monotonic */
	uint64_t dead_at_ms;	/* then our key may be gone, as far as we know */
};

static uint64_t
now_ms(void)
{
	return clock_now().monotonic_ms;
}

/* To be called with the time before the request that set the TTL. */
static void
note_renewal(struct ticket *ticket, uint64_t asked_ms)
{
	ticket->renew_at_ms = asked_ms + ticket->ttl_s * 1000 / 3;
	ticket->dead_at_ms = asked_ms + ticket->ttl_s * 1000;
}

static int
enqueue(struct ticket *ticket, const char *value)
{
	struct api_request request = { .method = "POST", .key = slice_text(ticket->directory) };
	struct api_answer answer = { 0 };
	uint64_t asked_ms = now_ms();
	const struct json *node;
	int code;

	form_add(&request.form, "value", slice_text(value));
	form_add_u64(&request.form, "ttl", ticket->ttl_s);
	code = api_do(ticket->client, &ticket->ctl->out, &request, &answer);
	if (code == CTL_DONE) {
		node = json_member(answer.doc.root, "node");
		ticket->key = xasprintf("%.*s", SLICE_ARGS(json_string(node, "key")));
		ticket->index = json_u64(node, "createdIndex");
		note_renewal(ticket, asked_ms);
	}
	api_answer_free(&answer);
	return code;
}

/* True: our key lives on, or may do. */
static bool
renew(struct ticket *ticket)
{
	struct api_request request = { .method = "PUT", .key = slice_text(ticket->key),
		.repeatable = true };
	struct api_answer answer = { 0 };
	uint64_t asked_ms = now_ms();
	bool gone;

	form_add_bool(&request.query, "prevExist", true);
	form_add_bool(&request.query, "refresh", true);
	form_add_u64(&request.form, "ttl", ticket->ttl_s);
	client_restart_clock(ticket->client);
	if (api_ask(ticket->client, &request, &answer) == CLIENT_ANSWERED && answer.error_code == 0)
		note_renewal(ticket, asked_ms);
	else
		ticket->renew_at_ms = now_ms() + 500;
	gone = answer.error_code == 100;
	api_answer_free(&answer);
	return !gone && now_ms() < ticket->dead_at_ms;
}

static void
release(struct ticket *ticket)
{
	struct api_request request = { .method = "DELETE", .repeatable = true };
	struct api_answer answer = { 0 };

	if (ticket->key == NULL)
		return;
	/* A signal has come perhaps, but this has still to be done. */
	interrupt_clear();
	request.key = slice_text(ticket->key);
	client_restart_clock(ticket->client);
	(void)api_ask(ticket->client, &request, &answer);
	api_answer_free(&answer);
	free(ticket->key);
	ticket->key = NULL;
}

/* ---- whose turn it is --------------------------------------------------------------- */

/* In a listing: the last one before index; with UINT64_MAX and first: the lowest of all. */
static const struct json *
entry_before(const struct json *listing, uint64_t index, bool first)
{
	const struct json *root = json_member(listing, "node");
	const struct json *nodes = json_member(root, "nodes");
	const struct json *best = NULL;

	for (const struct json *i = nodes == NULL ? NULL : nodes->first; i != NULL; i = i->next) {
		uint64_t created = json_u64(i, "createdIndex");

		if (created >= index)
			continue;
		if (best == NULL || (created > json_u64(best, "createdIndex")) != first)
			best = i;
	}
	return best;
}

static bool
is_listed(const struct json *listing, uint64_t index)
{
	const struct json *nodes = json_member(json_member(listing, "node"), "nodes");

	for (const struct json *i = nodes == NULL ? NULL : nodes->first; i != NULL; i = i->next) {
		if (json_u64(i, "createdIndex") == index)
			return true;
	}
	return false;
}

static enum client_result
read_queue(struct client *client, const char *directory, struct api_answer *answer)
{
	struct api_request request = { .method = "GET", .key = slice_text(directory),
		.repeatable = true };

	form_add_bool(&request.query, "quorum", true);
	form_add_bool(&request.query, "sorted", true);
	client_restart_clock(client);
	return api_ask(client, &request, answer);
}

/* Waits until the entry in front changes or ours has to be renewed; looks again either way. */
static int
wait_for_change(struct ticket *ticket, struct slice key, uint64_t since, uint64_t end_ms)
{
	uint64_t until = MIN_OF(ticket->renew_at_ms, end_ms);
	uint64_t now = now_ms();
	struct follow follow = { .key = key, .next = since,
		.limit_ms = until > now ? until - now : 1 };
	struct api_answer answer = { 0 };
	enum client_result result = client_follow(ticket->client, &follow, &answer);
	int code = CTL_DONE;

	if (result == CLIENT_INTERRUPTED)
		code = 128 + interrupt_signal();
	/* The window of changes has moved on: then there were some. */
	else if (result == CLIENT_ANSWERED && answer.error_code != 0 && answer.error_code != 401)
		code = api_report(&ticket->ctl->out, result, &answer);
	api_answer_free(&answer);
	if (code == CTL_DONE && now_ms() >= ticket->renew_at_ms && !renew(ticket))
		code = output_fail(CTL_SERVER_ERROR, "%s: our place in the queue was lost",
		    ticket->name);
	return code;
}

static int
held_by_another(const struct ticket *ticket, const struct json *listing)
{
	struct slice holder = json_string(entry_before(listing, UINT64_MAX, true), "value");

	return output_fail(CTL_SERVER_ERROR, "%s is held by %.*s (--wait)", ticket->name,
	    SLICE_ARGS(holder));
}

static int
wait_for_turn(struct ticket *ticket, uint64_t end_ms)
{
	struct api_answer queue = { 0 };
	int code = CTL_DONE;
	bool held = false;

	while (code == CTL_DONE && !held) {
		enum client_result result = read_queue(ticket->client, ticket->directory, &queue);
		const struct json *before;

		code = api_report(&ticket->ctl->out, result, &queue);
		if (code != CTL_DONE)
			break;
		before = entry_before(queue.doc.root, ticket->index, false);
		if (!is_listed(queue.doc.root, ticket->index))
			code = output_fail(CTL_SERVER_ERROR, "%s: our place in the queue was lost",
			    ticket->name);
		else if (before == NULL)
			held = true;
		else if (now_ms() >= end_ms)
			code = held_by_another(ticket, queue.doc.root);
		else
			code = wait_for_change(ticket, json_string(before, "key"),
			    queue.answer.store_index + 1, end_ms);
	}
	api_answer_free(&queue);
	return code;
}

/* ---- by the module --------------------------------------------------------------------- */

/* Ours is a key as any other; to be renewed at once, with what others are to see. */
static int
take_entry(struct ticket *ticket, const char *value)
{
	struct api_request request = { .method = "PUT", .repeatable = true };
	struct api_answer answer = { 0 };
	uint64_t asked_ms = now_ms();
	enum client_result result;
	int code;

	ticket->key = xasprintf("%s/%0*" PRIu64, ticket->directory, KEY_ORDER_DIGITS,
	    ticket->index);
	request.key = slice_text(ticket->key);
	form_add_bool(&request.query, "prevExist", true);
	form_add(&request.form, "value", slice_text(value));
	form_add_u64(&request.form, "ttl", ticket->ttl_s);
	client_restart_clock(ticket->client);
	result = api_ask(ticket->client, &request, &answer);
	if (result == CLIENT_ANSWERED && answer.error_code == 100)
		code = output_fail(CTL_SERVER_ERROR, "%s was lost", ticket->name);
	else
		code = api_report(&ticket->ctl->out, result, &answer);
	note_renewal(ticket, asked_ms);
	api_answer_free(&answer);
	return code;
}

/* CTL_DONE with *served false: the nodes have no module. */
static int
wait_by_module(struct ticket *ticket, const char *value, uint64_t end_ms, bool *served)
{
	/* Nobody else may have it: not even who has our name on another machine of our name. */
	char *own = xasprintf("%s %016" PRIx64, value, rand_entropy());
	struct lock_module_wish wish = { .name = ticket->name, .value = own,
		.ttl_s = ticket->ttl_s, .end_ms = end_ms };
	int code = CTL_SERVER_ERROR;
	enum lock_module_result came = lock_module_acquire(&ticket->ctl->out, ticket->client,
	    &wish, &ticket->index, &code);
	char *holder;

	*served = came != LOCK_NO_MODULE;
	switch (came) {
	case LOCK_HELD:
		code = take_entry(ticket, value);
		break;
	case LOCK_BUSY:
		holder = lock_module_holder(ticket->client, ticket->name);
		code = output_fail(CTL_SERVER_ERROR, "%s is held by %s (--wait)", ticket->name,
		    holder);
		free(holder);
		break;
	case LOCK_NO_MODULE:
		code = CTL_DONE;
		break;
	case LOCK_FAILED:
		break;
	}
	if (came == LOCK_BUSY || came == LOCK_FAILED) {
		interrupt_clear();
		lock_module_release(ticket->client, ticket->name, own);
	}
	free(own);
	return code;
}

/* ---- holding --------------------------------------------------------------------------- */

static void
block_signals(sigset_t *set, sigset_t *before)
{
	sigemptyset(set);
	sigaddset(set, SIGCHLD);
	sigaddset(set, SIGINT);
	sigaddset(set, SIGTERM);
	sigaddset(set, SIGHUP);
	(void)sigprocmask(SIG_BLOCK, set, before);
}

static pid_t
start_command(const struct ticket *ticket, const char *const *words, size_t count,
    const sigset_t *mask)
{
	char **argv = xzalloc((count + 1) * sizeof(*argv));
	char index[24];
	posix_spawnattr_t how;
	sigset_t reset;
	pid_t pid = -1;
	int problem;

	for (size_t i = 0; i < count; i++)
		argv[i] = xstrdup(words[i]);
	snprintf(index, sizeof(index), "%" PRIu64, ticket->index);
	(void)setenv("ETCDCTL_LOCK_KEY", ticket->key, 1);
	(void)setenv("ETCDCTL_LOCK_INDEX", index, 1);
	sigemptyset(&reset);
	sigaddset(&reset, SIGINT);
	sigaddset(&reset, SIGTERM);
	sigaddset(&reset, SIGHUP);
	posix_spawnattr_init(&how);
	posix_spawnattr_setsigmask(&how, mask);
	posix_spawnattr_setsigdefault(&how, &reset);
	posix_spawnattr_setflags(&how, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
	problem = posix_spawnp(&pid, argv[0], NULL, &how, argv, environ);
	posix_spawnattr_destroy(&how);
	if (problem != 0)
		output_fail(EXIT_NOT_RUN, "cannot run %s: %s", argv[0], strerror(problem));
	for (size_t i = 0; i < count; i++)
		free(argv[i]);
	free(argv);
	return problem == 0 ? pid : -1;
}

/* One signal, or none until then; *aimed: at us alone, not at all of a terminal. */
static int
next_signal(const sigset_t *set, uint64_t until_ms, bool *aimed)
{
	uint64_t now = now_ms();
	uint64_t left = until_ms > now ? until_ms - now : 0;
	struct timespec time = { .tv_sec = (time_t)(left / 1000),
		.tv_nsec = (long)(left % 1000) * 1000000 };

	siginfo_t info = { 0 };
	int came = sigtimedwait(set, &info, &time);

	*aimed = info.si_code != SI_KERNEL;
	return came;
}

struct holding {
	pid_t pid;		/* 0: no command */
	int stop_signal;	/* came from outside; 0: none */
	bool lost;
	uint64_t kill_at_ms;
};

static void
end_command(struct holding *holding, int signal_number)
{
	if (holding->pid > 0)
		(void)kill(holding->pid, signal_number);
	holding->kill_at_ms = now_ms() + TERM_TO_KILL_MS;
}

/* True: the command has ended; *status as of wait. */
static bool
has_ended(const struct holding *holding, int *status)
{
	return holding->pid > 0 && waitpid(holding->pid, status, WNOHANG) == holding->pid;
}

/* Until the command has ended, or without one until a signal. The exit code. */
static int
hold(struct ticket *ticket, struct holding *holding, const sigset_t *set)
{
	int status = 0;

	for (;;) {
		uint64_t until = holding->lost ? holding->kill_at_ms : ticket->renew_at_ms;
		bool aimed;
		int came = next_signal(set, until, &aimed);

		if (has_ended(holding, &status))
			break;
		if (came == SIGINT || came == SIGTERM || came == SIGHUP) {
			holding->stop_signal = came;
			if (holding->pid == 0)
				return 128 + came;
			/* CTRL-C has reached the command by itself. */
			if (aimed)
				(void)kill(holding->pid, came);
		}
		if (holding->lost && now_ms() >= holding->kill_at_ms) {
			end_command(holding, SIGKILL);
		} else if (!holding->lost && now_ms() >= ticket->renew_at_ms && !renew(ticket)) {
			holding->lost = true;
			output_fail(CTL_SERVER_ERROR, "%s was lost%s", ticket->name,
			    holding->pid > 0 ? "; the command is ended" : "");
			if (holding->pid == 0)
				return CTL_SERVER_ERROR;
			end_command(holding, SIGTERM);
		}
	}
	if (holding->lost)
		return CTL_SERVER_ERROR;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static int
run_holding(struct ticket *ticket, const char *const *words, size_t count)
{
	struct holding holding = { 0 };
	sigset_t set, before;
	int code;

	block_signals(&set, &before);
	/* One that came before is in nobody's way any more. */
	if (interrupt_signal() != 0) {
		(void)sigprocmask(SIG_SETMASK, &before, NULL);
		return 128 + interrupt_signal();
	}
	if (count > 0) {
		holding.pid = start_command(ticket, words, count, &before);
		if (holding.pid == -1) {
			(void)sigprocmask(SIG_SETMASK, &before, NULL);
			return EXIT_NOT_RUN;
		}
	}
	code = hold(ticket, &holding, &set);
	(void)sigprocmask(SIG_SETMASK, &before, NULL);
	return code;
}

/* ---- the commands -------------------------------------------------------------------------- */

static int
check_name(const char *name)
{
	if (name[0] == '\0' || strchr(name, '/') != NULL)
		return output_fail(CTL_BAD_ARGUMENTS,
		    "\"%s\" is no name of a lock; it must not be empty or have a slash", name);
	return CTL_DONE;
}

/* announce: print the value when it is ours. */
static int
take_and_hold(struct ctl *ctl, const char *value, bool announce, size_t first_word)
{
	const struct ctl_arguments *arguments = ctl->arguments;
	uint64_t wait_ms = ctl_arguments_number(arguments, OPT_WAIT);
	struct ticket ticket = { .ctl = ctl, .name = arguments->words[0],
		.ttl_s = ctl_arguments_number(arguments, OPT_LOCK_TTL) };
	int code = check_name(ticket.name);
	bool served = false;
	uint64_t end_ms;

	if (code == CTL_DONE && ticket.ttl_s < 2)
		code = output_fail(CTL_BAD_ARGUMENTS, "--ttl: %" PRIu64 " is below 2 seconds",
		    ticket.ttl_s);
	if (code == CTL_DONE)
		code = client_open(ctl, NULL, &ticket.client);
	if (code != CTL_DONE)
		return code;
	interrupt_catch();
	end_ms = ctl_arguments_given(arguments, OPT_WAIT) ? now_ms() + wait_ms : UINT64_MAX;
	ticket.directory = xasprintf(DIRECTORY "%s", ticket.name);
	if (!announce && lock_module_is_served(ticket.client, ticket.name))
		code = wait_by_module(&ticket, value, end_ms, &served);
	if (!served)
		code = enqueue(&ticket, value);
	if (!served && code == CTL_DONE)
		code = wait_for_turn(&ticket, end_ms);
	if (code == CTL_DONE) {
		if (announce) {
			output_print(&ctl->out, "%s\n", value);
			(void)output_flush();
		}
		code = run_holding(&ticket, arguments->words + first_word,
		    arguments->word_count - first_word);
	}
	release(&ticket);
	free(ticket.directory);
	client_free(&ticket.client);
	return code;
}

int
ctl_lock(struct ctl *ctl)
{
	char host[256] = "";
	char *value;
	int code;

	if (gethostname(host, sizeof(host) - 1) == -1)
		host[0] = '\0';
	value = xasprintf("%s pid %ld", host, (long)getpid());
	code = take_and_hold(ctl, value, false, 1);
	free(value);
	return code;
}

static void
tell_leader(const struct ctl *ctl, const struct json *entry)
{
	struct buf line = BUF_INIT;
	struct json_put json = json_put_into(&line);

	if (ctl->out.format == FORMAT_JSON) {
		json_put_open(&json, NULL, '{');
		json_put_text(&json, "leader", json_string(entry, "value"));
		json_put_text(&json, "key", json_string(entry, "key"));
		json_put_number(&json, "index", json_u64(entry, "createdIndex"));
		json_put_close(&json, '}');
		output_json_line(&ctl->out, &json);
	} else {
		output_print(&ctl->out, "%.*s\n", SLICE_ARGS(json_string(entry, "value")));
	}
	(void)output_flush();
	buf_free(&line);
}

/* Prints the leader, and each that comes after it. No entry has index 0. */
static int
listen_to(struct ctl *ctl, struct client *client, const char *directory)
{
	struct api_answer queue = { 0 }, change = { 0 };
	uint64_t told = UINT64_MAX;
	int code = CTL_DONE;

	while (code == CTL_DONE) {
		enum client_result result = read_queue(client, directory, &queue);
		const struct json *entry;
		uint64_t index;
		struct follow follow;

		/* Nobody has ever asked for it. */
		if (result != CLIENT_ANSWERED || (queue.error_code != 0 && queue.error_code != 100))
			code = api_report(&ctl->out, result, &queue);
		if (code != CTL_DONE)
			break;
		entry = entry_before(queue.doc.root, UINT64_MAX, true);
		index = json_u64(entry, "createdIndex");
		if (index != told)
			tell_leader(ctl, entry);
		told = index;
		follow = (struct follow){ .key = slice_text(directory), .recursive = true,
			.next = queue.answer.store_index + 1, .limit_ms = CLIENT_NO_LIMIT };
		result = client_follow(client, &follow, &change);
		if (result != CLIENT_ANSWERED ||
		    (change.error_code != 0 && change.error_code != 401))
			code = api_report(&ctl->out, result, &change);
	}
	api_answer_free(&queue);
	api_answer_free(&change);
	return code;
}

int
ctl_elect(struct ctl *ctl)
{
	const struct ctl_arguments *arguments = ctl->arguments;
	struct client *client = NULL;
	char *directory;
	int code;

	if (!ctl_arguments_flag(arguments, OPT_LISTEN)) {
		if (arguments->word_count < 2)
			return output_fail(CTL_BAD_ARGUMENTS,
			    "elect needs NAME VALUE, or --listen NAME");
		return take_and_hold(ctl, arguments->words[1], true, 2);
	}
	if (arguments->word_count > 1)
		return output_fail(CTL_BAD_ARGUMENTS, "elect --listen: \"%s\" is one word too many",
		    arguments->words[1]);
	code = check_name(arguments->words[0]);
	if (code == CTL_DONE)
		code = client_open(ctl, NULL, &client);
	if (code != CTL_DONE)
		return code;
	directory = xasprintf(DIRECTORY "%s", arguments->words[0]);
	code = listen_to(ctl, client, directory);
	free(directory);
	client_free(&client);
	return code;
}
