/*
 * watch.c - watch: changes printed, and a command run at each.
 *
 * With -i lines "watch KEY ..." come from standard input, and each begins a watch of its own;
 * all of them go on until the input ends.
 */
#include "common/xmem.h"
#include "ctl/v3/follow.h"
#include "ctl/v3/message.h"
#include "ctl/v3/process.h"
#include "ctl/v3/show.h"
#include "ctl/v3/txn_text.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define INPUT_POLL_MS 20

struct watch_order {
	struct ctl3 *v3;
	struct ctl3_follow follow;
	const char *const *command;	/* NULL: none */
	size_t command_words;
};

/* ---- what was asked for -------------------------------------------------------- */

/* The words before "--"; the environment stands in for a key. NULL, or what is wrong. */
static const char *
take_words(struct watch_order *order, const struct ctl_arguments *arguments)
{
	size_t count = MIN_OF(arguments->dashes_at, arguments->word_count);
	bool prefix = ctl_arguments_flag(arguments, OPT_V3_PREFIX);
	const char *key = count > 0 ? arguments->words[0] : getenv("ETCDCTL_WATCH_KEY");
	const char *end = count > 1 ? arguments->words[1] : NULL;

	if (count == 0)
		end = getenv("ETCDCTL_WATCH_RANGE_END");
	if (count > 2 || key == NULL || (count == 0 && key[0] == '\0'))
		return "bad number of arguments";
	if (end != NULL && prefix)
		return "`range_end` and `--prefix` are mutually exclusive";
	buf_append_text(&order->follow.key, key);
	if (end != NULL)
		buf_append_text(&order->follow.range_end, end);
	else if (prefix)
		ctl3_prefix_end(slice_text(key), &order->follow.range_end);
	if (key[0] == '\0' && prefix)
		buf_append_byte(&order->follow.key, 0);
	if (arguments->dashes_at < arguments->word_count) {
		order->command = arguments->words + arguments->dashes_at;
		order->command_words = arguments->word_count - arguments->dashes_at;
	}
	order->follow.v3 = order->v3;
	order->follow.prev_kv = ctl_arguments_flag(arguments, OPT_V3_PREV_KV);
	order->follow.next = (int64_t)ctl_arguments_number(arguments, OPT_V3_REV);
	return NULL;
}

/* ---- what came ----------------------------------------------------------------- */

static const char *
type_of(const struct json *event)
{
	return slice_equal(json_string(event, "type"), SLICE_LITERAL("DELETE")) ? "DELETE" : "PUT";
}

static void
show_event(const struct ctl3 *v3, const struct json *event)
{
	const struct json *before = json_member(event, "prev_kv");
	const struct json *kv = json_member(event, "kv");

	if (v3->format == CTL3_FIELDS) {
		output_print(&v3->out, "\"Type\" : %s\n", type_of(event));
		if (before != NULL)
			ctl3_field_kv(v3, "Prev", before);
		ctl3_field_kv(v3, "", kv);
		return;
	}
	output_print(&v3->out, "%s\n", type_of(event));
	if (before != NULL)
		ctl3_show_kv(v3, before, false);
	ctl3_show_kv(v3, kv, false);
}

/* As the struct of Go's client has it. */
static void
show_json(const struct ctl3 *v3, const struct json *message)
{
	const struct json *header = json_member(message, "header");
	const struct json *events = json_member(message, "events");
	struct buf line = BUF_INIT;
	struct json_put json = json_put_into(&line);

	json_put_open(&json, NULL, '{');
	json_put_open(&json, "Header", '{');
	ctl3_message_put_members(&json, header);
	json_put_close(&json, '}');
	if (events != NULL) {
		ctl3_message_put(&json, "Events", events);
	} else {
		json_put_open(&json, "Events", '[');
		json_put_close(&json, ']');
	}
	json_put_number(&json, "CompactRevision", ctl3_message_u64(message, "compact_revision"));
	json_put_bool(&json, "Canceled", json_true(message, "canceled"));
	json_put_bool(&json, "Created", json_true(message, "created"));
	json_put_close(&json, '}');
	output_json_line(&v3->out, &json);
	buf_free(&line);
}

static int
show_message(const struct ctl3 *v3, const struct json *message)
{
	if (v3->format == CTL3_TABLE)
		return ctl3_unsupported(v3);
	if (v3->format == CTL3_JSON)
		show_json(v3, message);
	if (v3->format == CTL3_FIELDS)
		ctl3_show_header(v3, message);
	if (v3->format != CTL3_JSON) {
		for (const struct json *event = ctl3_message_first(message, "events");
		     event != NULL; event = event->next)
			show_event(v3, event);
	}
	return output_flush() ? CTL3_DONE : output_error(CTL3_IO,
	    "cannot write standard output: %s", strerror(errno));
}

static void
set_quoted(const char *name, struct slice text)
{
	struct buf quoted = BUF_INIT;

	ctl3_quote(&quoted, text);
	ctl3_process_set(name, buf_slice(&quoted));
	buf_free(&quoted);
}

static void
set_variables(const struct json *message, const struct json *event)
{
	const struct json *kv = json_member(event, "kv");
	struct buf key = BUF_INIT, value = BUF_INIT;
	char revision[24];

	snprintf(revision, sizeof(revision), "%" PRId64,
	    ctl3_message_i64(json_member(message, "header"), "revision"));
	ctl3_message_bytes(kv, "key", &key);
	ctl3_message_bytes(kv, "value", &value);
	ctl3_process_set("ETCD_WATCH_REVISION", slice_text(revision));
	set_quoted("ETCD_WATCH_EVENT_TYPE", slice_text(type_of(event)));
	set_quoted("ETCD_WATCH_KEY", buf_slice(&key));
	set_quoted("ETCD_WATCH_VALUE", buf_slice(&value));
	buf_free(&key);
	buf_free(&value);
}

/* command ["sh" "-c" "exit 3"] error (exit status 3) */
static int
say_command(const struct watch_order *order, const char *problem)
{
	struct buf line = BUF_INIT;

	for (size_t i = 0; i < order->command_words; i++) {
		if (i > 0)
			buf_append_byte(&line, ' ');
		ctl3_quote(&line, slice_text(order->command[i]));
	}
	output_say("command [%.*s] error (%s)\n", SLICE_ARGS(line), problem);
	buf_free(&line);
	return CTL3_ERROR;
}

static int
run_commands(const struct watch_order *order, const struct json *message)
{
	int code = CTL3_DONE;

	for (const struct json *event = ctl3_message_first(message, "events");
	     event != NULL && code == CTL3_DONE && order->command != NULL; event = event->next) {
		char *problem;

		set_variables(message, event);
		problem = ctl3_process_run(order->command, order->command_words);
		if (problem != NULL)
			code = say_command(order, problem);
		free(problem);
	}
	return code;
}

/* The server has ended the watch. */
static int
say_canceled(const struct watch_order *order, const struct json *message)
{
	struct slice reason = json_string(message, "cancel_reason");
	bool compacted = ctl3_message_u64(message, "compact_revision") > 0;

	if (compacted)
		reason = SLICE_LITERAL("etcdserver: mvcc: required revision has been compacted");
	output_say("watch was canceled (%.*s)\n", SLICE_ARGS(reason));
	if (compacted && order->v3->format != CTL3_SIMPLE) {
		int code = show_message(order->v3, message);

		if (code != CTL3_DONE)
			return code;
	}
	return CTL3_INTERRUPTED;
}

/* CTL3_DONE: the watch goes on. */
static int
take_news(struct watch_order *order, enum ctl3_news news, const struct json *message)
{
	int code;

	if (news == CTL3_NOTHING)
		return CTL3_DONE;
	if (news == CTL3_SIGNAL)
		return CTL3_INTERRUPTED;
	if (news != CTL3_MESSAGE)
		return output_error(CTL3_ERROR, "%s%s", news == CTL3_ENDED ?
		    "no endpoint can be reached (--endpoints): " : "", order->follow.problem);
	if (json_true(message, "canceled"))
		return say_canceled(order, message);
	code = show_message(order->v3, message);
	return code == CTL3_DONE ? run_commands(order, message) : code;
}

/* ---- from standard input ------------------------------------------------------- */

struct watch_input {
	struct ctl3 *v3;
	struct {
		struct watch_order order;
		struct ctl_arguments arguments;
		struct ctl3_words words;
	} watches[CTL_WATCHES_MAX];
	size_t count;
	struct buf text;	/* read, and not a line yet */
};

static char *
no_environment(const char *name UNUSED)
{
	return NULL;
}

/* True: there is one watch more. A line that is none is said and passed over. */
static bool
add_watch(struct watch_input *input, const char *line)
{
	struct ctl_arguments *arguments = &input->watches[input->count].arguments;
	struct ctl3_words *words = &input->watches[input->count].words;
	struct watch_order *order = &input->watches[input->count].order;
	const char *wrong = NULL;
	char *problem = NULL;

	if (ctl3_words_read(line, words, &problem) != ERR_NONE) {
		output_say("Invalid command %s (%s)\n", line, problem);
		free(problem);
		return false;
	}
	if (words->count == 0 || strcmp(words->words[0], "watch") != 0) {
		if (words->count != 1 || strcmp(words->words[0], "progress") != 0)
			output_say("Invalid command %s (only support watch)\n", line);
		ctl3_words_free(words);
		return false;
	}
	*order = (struct watch_order){ .v3 = input->v3 };
	if (ctl_arguments_read(arguments, &ctl_grammar_v3, (int)words->count, words->words,
	    no_environment, &problem) == ERR_NONE) {
		wrong = words->count == 1 ? "command type or key is not provided" :
		    take_words(order, arguments);
		if (wrong == NULL)
			return true;
	}
	output_say("Invalid command %s (%s)\n", line, problem == NULL ? wrong : problem);
	free(problem);
	ctl3_follow_free(&order->follow);
	ctl_arguments_free(arguments);
	ctl3_words_free(words);
	return false;
}

static int
take_line(struct watch_input *input, const char *line)
{
	if (line[strspn(line, " \t\r")] == '\0')
		return CTL3_DONE;
	if (input->count == CTL_WATCHES_MAX)
		return output_error(CTL3_INVALID_INPUT, "more than %d watches", CTL_WATCHES_MAX);
	input->count += add_watch(input, line);
	return CTL3_DONE;
}

static int
take_lines(struct watch_input *input)
{
	uint8_t *end;
	int code = CTL3_DONE;

	while (code == CTL3_DONE && input->text.size > 0 &&
	    (end = memchr(input->text.data, '\n', input->text.size)) != NULL) {
		*end = '\0';
		code = take_line(input, (const char *)input->text.data);
		buf_consume(&input->text, (size_t)(end - input->text.data) + 1);
	}
	return code;
}

/* CTL3_DONE: go on. */
static int
read_input(struct watch_input *input)
{
	struct pollfd in = { .fd = STDIN_FILENO, .events = POLLIN };
	uint8_t *room;
	ssize_t size;

	if (poll(&in, 1, INPUT_POLL_MS) <= 0)
		return CTL3_DONE;
	input->text.limit = CTL_LINE_BYTES_MAX;
	room = buf_reserve(&input->text, 4096);
	if (room == NULL)
		return output_error(CTL3_INVALID_INPUT, "a line is above %d bytes",
		    CTL_LINE_BYTES_MAX);
	size = read(STDIN_FILENO, room, 4096);
	if (size < 0)
		return errno == EINTR ? CTL3_DONE : output_error(CTL3_INVALID_INPUT,
		    "Error reading watch request line: %s", strerror(errno));
	if (size == 0)
		return output_error(CTL3_INVALID_INPUT, "Error reading watch request line: EOF");
	buf_added(&input->text, (size_t)size);
	return take_lines(input);
}

static int
watch_input(struct ctl3 *v3)
{
	struct watch_input *input = xzalloc(sizeof(*input));
	int code = CTL3_DONE;

	input->v3 = v3;
	while (code == CTL3_DONE) {
		code = read_input(input);
		for (size_t i = 0; code == CTL3_DONE && i < input->count; i++) {
			struct watch_order *order = &input->watches[i].order;
			const struct json *message = NULL;
			enum ctl3_news news = ctl3_follow_next(&order->follow, 1, &message);

			code = take_news(order, news, message);
		}
	}
	for (size_t i = 0; i < input->count; i++) {
		ctl3_follow_free(&input->watches[i].order.follow);
		ctl_arguments_free(&input->watches[i].arguments);
		ctl3_words_free(&input->watches[i].words);
	}
	buf_free(&input->text);
	free(input);
	return code;
}

/* ---- the command --------------------------------------------------------------- */

int
ctl3_watch(struct ctl3 *v3)
{
	struct watch_order order = { .v3 = v3 };
	const char *wrong;
	int code = ctl3_connect(v3);

	if (code == CTL3_DONE && ctl_arguments_flag(v3->arguments, OPT_V3_INTERACTIVE))
		return watch_input(v3);
	wrong = code == CTL3_DONE ? take_words(&order, v3->arguments) : NULL;
	if (wrong != NULL)
		code = output_error(CTL3_BAD_ARGS, "%s", wrong);
	while (code == CTL3_DONE) {
		const struct json *message = NULL;
		enum ctl3_news news = ctl3_follow_next(&order.follow, CLIENT_NO_LIMIT, &message);

		code = take_news(&order, news, message);
	}
	if (code == CTL3_INTERRUPTED)
		output_error(code, "watch is canceled by the server");
	ctl3_follow_free(&order.follow);
	return code;
}
