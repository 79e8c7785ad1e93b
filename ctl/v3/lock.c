/*
 * lock.c - lock and elect: one of many at a time.
 */
#include "common/clock.h"
#include "common/xmem.h"
#include "ctl/interrupt.h"
#include "ctl/v3/follow.h"
#include "ctl/v3/message.h"
#include "ctl/v3/process.h"
#include "ctl/v3/session.h"
#include "ctl/v3/show.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>

#define ELECT_TTL_S 60
#define TERM_TO_KILL_MS 5000

/* ---- holding ------------------------------------------------------------------- */

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

/* The signal that came in that time; 0: none. *aimed: at us alone, not by a terminal. */
static int
next_signal(const sigset_t *set, uint64_t wait_ms, bool *aimed)
{
	struct timespec time = { .tv_sec = (time_t)(wait_ms / 1000),
		.tv_nsec = (long)(wait_ms % 1000) * 1000000 };
	siginfo_t info;
	int came = sigtimedwait(set, &info, &time);

	*aimed = came > 0 && info.si_code <= 0;
	return came > 0 ? came : 0;
}

static int
lost(void)
{
	return output_error(CTL3_ERROR, "session expired");
}

/* Without a command: until a signal. */
static int
hold(struct ctl3_session *session)
{
	sigset_t set, before;
	int code = CTL3_DONE;
	int came = interrupt_signal();
	bool aimed;

	block_signals(&set, &before);
	while (came == 0 || came == SIGCHLD) {
		if (!ctl3_session_keep(session)) {
			code = lost();
			break;
		}
		came = next_signal(&set, ctl3_session_free_ms(session), &aimed);
	}
	(void)sigprocmask(SIG_SETMASK, &before, NULL);
	return code;
}

/* The command goes with the lock: another may hold that by now. */
static int
end_command(pid_t pid, const sigset_t *set)
{
	uint64_t kill_at_ms = clock_now().monotonic_ms + TERM_TO_KILL_MS;
	int status;
	bool aimed;

	(void)kill(pid, SIGTERM);
	while (waitpid(pid, &status, WNOHANG) == 0) {
		uint64_t now_ms = clock_now().monotonic_ms;

		if (now_ms >= kill_at_ms) {
			(void)kill(pid, SIGKILL);
			(void)waitpid(pid, &status, 0);
			break;
		}
		(void)next_signal(set, kill_at_ms - now_ms, &aimed);
	}
	return lost();
}

static int
wait_for_command(struct ctl3_session *session, pid_t pid, const sigset_t *set)
{
	char *problem;
	int status = 0;
	int code;

	while (waitpid(pid, &status, WNOHANG) == 0) {
		bool aimed;
		int came;

		if (!ctl3_session_keep(session))
			return end_command(pid, set);
		came = next_signal(set, ctl3_session_free_ms(session), &aimed);
		/* CTRL-C has reached the command by itself. */
		if (came > 0 && came != SIGCHLD && aimed)
			(void)kill(pid, came);
	}
	problem = ctl3_process_problem(status);
	if (problem == NULL)
		return CTL3_DONE;
	code = output_error(CTL3_ERROR, "%s", problem);
	free(problem);
	return code;
}

static int
hold_for_command(struct ctl3_session *session, const char *const *words, size_t count)
{
	char *problem = NULL;
	char revision[24];
	sigset_t set, before;
	pid_t pid;
	int code;

	snprintf(revision, sizeof(revision), "%" PRId64, session->answered);
	ctl3_process_set("ETCD_LOCK_KEY", slice_text(session->key));
	ctl3_process_set("ETCD_LOCK_REV", slice_text(revision));
	block_signals(&set, &before);
	pid = ctl3_process_start(words, count, &before, &problem);
	if (pid == -1) {
		code = output_error(CTL3_ERROR, "%s", problem);
		free(problem);
	} else {
		code = wait_for_command(session, pid, &set);
	}
	(void)sigprocmask(SIG_SETMASK, &before, NULL);
	return code;
}

/* The command behind NAME. Its first "--" is of who wrote for a parser that needs it; 3.4 takes it
 * away. */
static int
run_holding(struct ctl3_session *session, const struct ctl_arguments *arguments)
{
	const char **words = xzalloc(arguments->word_count * sizeof(*words));
	bool dashes = arguments->dashes_at != CTL_NO_DASHES;
	size_t count = 0;
	int code;

	for (size_t i = 1; i < arguments->word_count; i++) {
		if (dashes || strcmp(arguments->words[i], "--") != 0)
			words[count++] = arguments->words[i];
		else
			dashes = true;
	}
	code = hold_for_command(session, words, count);
	free(words);
	return code;
}

/* An interrupted wait is said as 3.4 says it. */
static int
enter_and_wait(struct ctl3_session *session, const char *name, const char *value)
{
	int code = ctl3_session_enter(session, name, value);

	if (code == CTL3_DONE)
		code = ctl3_session_wait(session);
	if (code == CTL3_INTERRUPTED)
		code = output_error(CTL3_ERROR, "context canceled");
	return code;
}

int
ctl3_lock(struct ctl3 *v3)
{
	const struct ctl_arguments *arguments = v3->arguments;
	struct ctl3_session session;
	int code;

	interrupt_catch();
	code = ctl3_session_open(&session, v3, ctl_arguments_number(arguments, OPT_V3_TTL));
	if (code == CTL3_DONE)
		code = enter_and_wait(&session, arguments->words[0], "");
	if (code == CTL3_DONE && arguments->word_count > 1) {
		code = run_holding(&session, arguments);
	} else if (code == CTL3_DONE) {
		code = ctl3_session_show(&session);
		if (code == CTL3_DONE)
			code = hold(&session);
	}
	ctl3_session_close(&session);
	return code;
}

/* ---- elect --------------------------------------------------------------------- */

/* The leader as Go's client has it: an answer of range with one key, and no count. */
static int
show_leader(const struct ctl3 *v3, const struct json *header, int64_t revision,
    const struct json *kv)
{
	struct buf text = BUF_INIT;
	struct json_put json = json_put_into(&text);
	struct json_doc doc;
	int code = CTL3_DONE;

	json_put_open(&json, NULL, '{');
	json_put_open(&json, "header", '{');
	json_put_number(&json, "cluster_id", ctl3_message_u64(header, "cluster_id"));
	json_put_number(&json, "member_id", ctl3_message_u64(header, "member_id"));
	json_put_number(&json, "revision", (uint64_t)revision);
	json_put_number(&json, "raft_term", ctl3_message_u64(header, "raft_term"));
	json_put_close(&json, '}');
	json_put_open(&json, "kvs", '[');
	ctl3_message_put(&json, NULL, kv);
	json_put_close(&json, ']');
	json_put_close(&json, '}');
	if (json_doc_read(buf_slice(&text), &doc) == ERR_NONE) {
		code = ctl3_show_range(v3, doc.root, false);
		json_doc_free(&doc);
	}
	buf_free(&text);
	return output_flush() ? code : CTL3_IO;
}

/* What a watch tells of a leader, or of who comes: CTL3_DONE until that key is deleted. */
static int
observe_key(struct ctl3 *v3, struct ctl3_follow *follow, bool of_prefix)
{
	for (;;) {
		const struct json *message = NULL;
		enum ctl3_news news = ctl3_follow_next(follow, CLIENT_NO_LIMIT, &message);
		const struct json *header = json_member(message, "header");

		if (news == CTL3_SIGNAL)
			return CTL3_INTERRUPTED;
		if (news != CTL3_MESSAGE)
			return output_error(CTL3_ERROR, "%s", follow->problem);
		if (json_true(message, "canceled"))
			return CTL3_DONE;
		for (const struct json *event = ctl3_message_first(message, "events");
		     event != NULL; event = event->next) {
			int code;

			if (slice_equal(json_string(event, "type"), SLICE_LITERAL("DELETE")) ||
			    of_prefix)
				return CTL3_DONE;
			code = show_leader(v3, header, ctl3_message_i64(header, "revision"),
			    json_member(event, "kv"));
			if (code != CTL3_DONE)
				return code;
		}
	}
}

/* Until the leader changes: the first key of the prefix, or none. */
static int
observe_once(struct ctl3 *v3, const char *prefix)
{
	struct ctl3_follow follow = { .v3 = v3 };
	struct ctl3_answer answer = { 0 };
	const struct json *kv, *header;
	int code = CTL3_DONE;

	if (!ctl3_session_first(v3, prefix, &answer)) {
		code = answer.exit == CTL3_INTERRUPTED ? CTL3_INTERRUPTED :
		    output_error(answer.exit, "%s", answer.problem);
		ctl3_answer_free(&answer);
		return code;
	}
	kv = ctl3_message_first(answer.root, "kvs");
	header = json_member(answer.root, "header");
	follow.next = ctl3_message_i64(header, "revision") + 1;
	if (kv != NULL) {
		ctl3_message_bytes(kv, "key", &follow.key);
		code = show_leader(v3, header, follow.next - 1, kv);
	} else {
		buf_append_text(&follow.key, prefix);
		ctl3_prefix_end(slice_text(prefix), &follow.range_end);
	}
	if (code == CTL3_DONE)
		code = observe_key(v3, &follow, kv == NULL);
	ctl3_answer_free(&answer);
	ctl3_follow_free(&follow);
	return code;
}

static int
observe(struct ctl3 *v3, const char *name)
{
	char *prefix = xasprintf("%s/", name);
	int code = ctl3_connect(v3);

	while (code == CTL3_DONE)
		code = observe_once(v3, prefix);
	free(prefix);
	return code == CTL3_INTERRUPTED ? CTL3_DONE : code;
}

static int
campaign(struct ctl3 *v3, const char *name, const char *value)
{
	struct ctl3_session session;
	int code = ctl3_session_open(&session, v3, ELECT_TTL_S);

	if (code == CTL3_DONE)
		code = enter_and_wait(&session, name, value);
	if (code == CTL3_DONE)
		code = ctl3_session_show(&session);
	if (code == CTL3_DONE)
		code = hold(&session);
	ctl3_session_close(&session);
	return code;
}

int
ctl3_elect(struct ctl3 *v3)
{
	const struct ctl_arguments *arguments = v3->arguments;
	bool listen = ctl_arguments_flag(arguments, OPT_V3_LISTEN);

	if (listen && arguments->word_count > 1)
		return output_error(CTL3_BAD_ARGS, "proposal given but -l is set");
	if (!listen && arguments->word_count == 1)
		return output_error(CTL3_BAD_ARGS, "no proposal argument but -l not set");
	interrupt_catch();
	return listen ? observe(v3, arguments->words[0]) :
	    campaign(v3, arguments->words[0], arguments->words[1]);
}
