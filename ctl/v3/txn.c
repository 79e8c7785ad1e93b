/*
 * txn.c - txn: comparisons, and what is done if they hold or not, from standard input.
 *
 * Three parts, an empty line behind each. What is read is a line of a put, get or del, with
 * the options of those commands.
 */
#include "ctl/v3/call.h"
#include "ctl/v3/op.h"
#include "ctl/v3/show.h"
#include "ctl/v3/txn_text.h"

#include <stdio.h>
#include <stdlib.h>

struct txn_reading {
	struct ctl3 *v3;
	struct json_put json;
	size_t bytes;		/* of lines, until now */
	char *line;		/* of getline */
	size_t capacity;
};

/* The next line without blanks around it; NULL: there is none, and it was said. */
static char *
next_line(struct txn_reading *reading, int *code)
{
	ssize_t size = getline(&reading->line, &reading->capacity, stdin);
	char *at = reading->line;

	/* 3.4 wants the newline too. */
	if (size <= 0 || reading->line[size - 1] != '\n') {
		*code = output_error(CTL3_INVALID_INPUT, "EOF");
		return NULL;
	}
	reading->bytes += (size_t)size;
	if (reading->bytes > CTL_INPUT_BYTES_MAX) {
		*code = output_error(CTL3_INVALID_INPUT, "the transaction is above %lu bytes",
		    (unsigned long)CTL_INPUT_BYTES_MAX);
		return NULL;
	}
	while (size > 0 && strchr(" \t\r\n", at[size - 1]) != NULL)
		at[--size] = '\0';
	return at + strspn(at, " \t");
}

static int
read_compares(struct txn_reading *reading)
{
	int code = CTL3_DONE;
	char *line;

	json_put_open(&reading->json, "compare", '[');
	while ((line = next_line(reading, &code)) != NULL && line[0] != '\0') {
		char *problem = NULL;

		if (ctl3_compare_read(line, &reading->json, &problem) != ERR_NONE) {
			code = output_error(CTL3_INVALID_INPUT, "%s", problem);
			free(problem);
			return code;
		}
	}
	json_put_close(&reading->json, ']');
	return code;
}

/* ---- operations ---------------------------------------------------------------- */

static char *
no_environment(const char *name UNUSED)
{
	return NULL;
}

static const struct {
	const char *command, *member;
	int (*put)(const struct ctl_arguments *arguments, struct json_put *json);
} operations[] = {
	{ "put", "request_put", ctl3_op_put },
	{ "get", "request_range", ctl3_op_get },
	{ "del", "request_delete_range", ctl3_op_del },
};

/* Options of all commands say nothing about one operation. */
static bool
has_global_option(const struct ctl_arguments *arguments)
{
	for (size_t i = arguments->grammar->first_option; i < arguments->grammar->option_end; i++) {
		if (arguments->values[i].source == SOURCE_FLAG &&
		    strcmp(options[i].commands, "*") == 0)
			return true;
	}
	return false;
}

static int
put_operation(struct txn_reading *reading, const struct ctl_arguments *arguments,
    const char *line)
{
	int code;

	for (size_t i = 0; i < ARRAY_COUNT(operations); i++) {
		if (arguments->command == NULL || has_global_option(arguments) ||
		    strcmp(arguments->command->name, operations[i].command) != 0)
			continue;
		/* What is not given would come from standard input, which is this. */
		if (i == 0 && arguments->word_count < 2 &&
		    !ctl_arguments_flag(arguments, OPT_V3_IGNORE_VALUE))
			return output_error(CTL3_BAD_ARGS,
			    "put command needs 1 argument and input from stdin or 2 arguments");
		json_put_open(&reading->json, NULL, '{');
		json_put_name(&reading->json, operations[i].member);
		code = operations[i].put(arguments, &reading->json);
		json_put_close(&reading->json, '}');
		return code;
	}
	return output_error(CTL3_INVALID_INPUT, "invalid txn request: %s", line);
}

static int
read_operation(struct txn_reading *reading, const char *line)
{
	struct ctl_arguments arguments;
	struct ctl3_words words;
	char *problem = NULL;
	int code;

	if (ctl3_words_read(line, &words, &problem) != ERR_NONE) {
		code = output_error(CTL3_INVALID_INPUT, "invalid txn request: %s (%s)", line,
		    problem);
		free(problem);
		return code;
	}
	if (ctl_arguments_read(&arguments, &ctl_grammar_v3, (int)words.count, words.words,
	    no_environment, &problem) == ERR_NONE)
		code = put_operation(reading, &arguments, line);
	else
		code = output_error(CTL3_INVALID_INPUT, "invalid txn request: %s (%s)", line,
		    problem);
	free(problem);
	ctl_arguments_free(&arguments);
	ctl3_words_free(&words);
	return code;
}

static int
read_operations(struct txn_reading *reading, const char *member)
{
	int code = CTL3_DONE;
	char *line;

	json_put_open(&reading->json, member, '[');
	while (code == CTL3_DONE && (line = next_line(reading, &code)) != NULL && line[0] != '\0')
		code = read_operation(reading, line);
	json_put_close(&reading->json, ']');
	return code;
}

static void
prompt(const struct ctl3 *v3, const char *text)
{
	if (!ctl_arguments_flag(v3->arguments, OPT_V3_INTERACTIVE))
		return;
	output_print(&v3->out, "%s\n", text);
	(void)output_flush();
}

static int
read_transaction(struct txn_reading *reading)
{
	int code;

	json_put_open(&reading->json, NULL, '{');
	prompt(reading->v3, "compares:");
	code = read_compares(reading);
	if (code == CTL3_DONE) {
		prompt(reading->v3, "success requests (get, put, del):");
		code = read_operations(reading, "success");
	}
	if (code == CTL3_DONE) {
		prompt(reading->v3, "failure requests (get, put, del):");
		code = read_operations(reading, "failure");
	}
	json_put_close(&reading->json, '}');
	return code;
}

int
ctl3_txn(struct ctl3 *v3)
{
	struct ctl3_request request = { .path = "/v3/kv/txn" };
	struct ctl3_answer answer = { 0 };
	struct buf body = BUF_INIT;
	struct txn_reading reading = { .v3 = v3, .json = json_put_into(&body) };
	int code = read_transaction(&reading);

	request.body = buf_slice(&body);
	if (code == CTL3_DONE)
		code = ctl3_call(v3, &request, &answer);
	if (code == CTL3_DONE)
		code = ctl3_show_txn(v3, answer.root);
	ctl3_answer_free(&answer);
	buf_free(&body);
	free(reading.line);
	return code;
}
