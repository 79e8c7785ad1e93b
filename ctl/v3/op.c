/*
 * op.c - put, get and del as messages (see op.h).
 */
#include "ctl/v3/op.h"

#include "common/xmem.h"
#include "ctl/v3/call.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define BOTH_RANGES "`--prefix` and `--from-key` cannot be set at the same time, choose one"
#define TOO_MANY "too many arguments, only accept one argument when `--prefix` or " \
	"`--from-key` is set"
#define NO_VALUE "put command needs 1 argument and input from stdin or 2 arguments"

/* ---- numbers and input --------------------------------------------------------- */

static bool
bad_number(const char *function, const char *text, const char *why, char **problem)
{
	*problem = xasprintf("strconv.%s: parsing \"%s\": %s", function, text, why);
	return false;
}

bool
ctl3_read_i64(const char *text, int64_t *number, char **problem)
{
	char *end;

	errno = 0;
	*number = strtoll(text, &end, 10);
	if (text[0] == '\0' || isspace((unsigned char)text[0]) != 0 || *end != '\0')
		return bad_number("ParseInt", text, "invalid syntax", problem);
	if (errno == ERANGE)
		return bad_number("ParseInt", text, "value out of range", problem);
	return true;
}

bool
ctl3_read_hex(const char *text, const char *function, uint64_t *number, char **problem)
{
	uint64_t sum = 0;

	if (text[0] == '\0')
		return bad_number(function, text, "invalid syntax", problem);
	for (const char *at = text; *at != '\0'; at++) {
		char digit[2] = { *at, '\0' };

		if (isxdigit((unsigned char)*at) == 0)
			return bad_number(function, text, "invalid syntax", problem);
		if (sum > UINT64_MAX >> 4)
			return bad_number(function, text, "value out of range", problem);
		sum = sum << 4 | strtoull(digit, NULL, 16);
	}
	if (strcmp(function, "ParseInt") == 0 && sum > INT64_MAX)
		return bad_number(function, text, "value out of range", problem);
	*number = sum;
	return true;
}

int
ctl3_read_input(struct buf *text)
{
	uint8_t *room;
	size_t size;

	text->limit = CTL_INPUT_BYTES_MAX;
	while ((room = buf_reserve(text, 65536)) != NULL) {
		size = fread(room, 1, 65536, stdin);
		buf_added(text, size);
		if (size == 0 && ferror(stdin) != 0)
			return output_error(CTL3_IO, "cannot read standard input: %s",
			    strerror(errno));
		if (size == 0)
			return CTL3_DONE;
	}
	return output_error(CTL3_BAD_ARGS, "standard input is above %lu bytes",
	    (unsigned long)CTL_INPUT_BYTES_MAX);
}

/* ---- ranges -------------------------------------------------------------------- */

/* key and range_end, as --prefix and --from-key say. */
static int
put_range(const struct ctl_arguments *arguments, struct json_put *json)
{
	bool prefix = ctl_arguments_flag(arguments, OPT_V3_PREFIX);
	bool from_key = ctl_arguments_flag(arguments, OPT_V3_FROM_KEY);
	struct slice key = slice_text(arguments->words[0]);
	struct buf end = BUF_INIT;

	if (prefix && from_key)
		return output_error(CTL3_BAD_ARGS, BOTH_RANGES);
	if (arguments->word_count > 1 && (prefix || from_key))
		return output_error(CTL3_BAD_ARGS, TOO_MANY);
	if (arguments->word_count > 1)
		buf_append_text(&end, arguments->words[1]);
	else if (prefix && key.size > 0)
		ctl3_prefix_end(key, &end);
	else if (prefix || from_key)
		buf_append_byte(&end, 0);
	if (key.size == 0 && (prefix || from_key))
		key = slice_of("", 1);
	ctl3_put_bytes(json, "key", key);
	ctl3_put_bytes(json, "range_end", buf_slice(&end));
	buf_free(&end);
	return CTL3_DONE;
}

int
ctl3_op_del(const struct ctl_arguments *arguments, struct json_put *json)
{
	int code;

	json_put_open(json, NULL, '{');
	code = put_range(arguments, json);
	if (ctl_arguments_flag(arguments, OPT_V3_PREV_KV))
		json_put_bool(json, "prev_kv", true);
	json_put_close(json, '}');
	return code;
}

/* The word in capitals, if it is one of the list; NULL: it is not. */
static const char *
one_of(const char *word, const char *const *list)
{
	for (; *list != NULL; list++) {
		if (strcasecmp(word, *list) == 0)
			return *list;
	}
	return NULL;
}

static int
put_order(const struct ctl_arguments *arguments, struct json_put *json)
{
	static const char *const orders[] = { "ASCEND", "DESCEND", NULL };
	static const char *const targets[] = { "CREATE", "KEY", "MODIFY", "VALUE", "VERSION",
		NULL };
	static const char *const names[] = { "CREATE", "KEY", "MOD", "VALUE", "VERSION" };
	const char *order = ctl_arguments_text(arguments, OPT_V3_ORDER);
	const char *target = ctl_arguments_text(arguments, OPT_V3_SORT_BY);
	const char *known_order = one_of(order, orders);
	const char *known_target = one_of(target, targets);

	if (order[0] != '\0' && known_order == NULL)
		return output_error(CTL3_BAD_FEATURE, "bad sort order %s", order);
	if (target[0] != '\0' && known_target == NULL)
		return output_error(CTL3_BAD_FEATURE, "bad sort target %s", target);
	/* Ascending by key they come anyhow. */
	if (known_order != NULL && (strcmp(known_order, "DESCEND") == 0 ||
	    (known_target != NULL && strcmp(known_target, "KEY") != 0)))
		json_put_text(json, "sort_order", slice_text(known_order));
	for (size_t i = 0; known_target != NULL && targets[i] != NULL; i++) {
		if (targets[i] == known_target)
			json_put_text(json, "sort_target", slice_text(names[i]));
	}
	return CTL3_DONE;
}

int
ctl3_op_get(const struct ctl_arguments *arguments, struct json_put *json)
{
	const char *consistency = ctl_arguments_text(arguments, OPT_V3_CONSISTENCY);
	int code;

	if (strcmp(consistency, "l") != 0 && strcmp(consistency, "s") != 0)
		return output_error(CTL3_BAD_FEATURE, "unknown consistency flag \"%s\"",
		    consistency);
	json_put_open(json, NULL, '{');
	code = put_range(arguments, json);
	if (ctl_arguments_number(arguments, OPT_V3_LIMIT) > 0)
		ctl3_put_int(json, "limit",
		    (int64_t)ctl_arguments_number(arguments, OPT_V3_LIMIT));
	if (ctl_arguments_number(arguments, OPT_V3_REV) > 0)
		ctl3_put_int(json, "revision",
		    (int64_t)ctl_arguments_number(arguments, OPT_V3_REV));
	if (code == CTL3_DONE)
		code = put_order(arguments, json);
	if (strcmp(consistency, "s") == 0)
		json_put_bool(json, "serializable", true);
	if (ctl_arguments_flag(arguments, OPT_V3_KEYS_ONLY))
		json_put_bool(json, "keys_only", true);
	if (ctl_arguments_flag(arguments, OPT_V3_COUNT_ONLY))
		json_put_bool(json, "count_only", true);
	json_put_close(json, '}');
	return code;
}

/* ---- put ----------------------------------------------------------------------- */

static int
put_value(const struct ctl_arguments *arguments, struct json_put *json)
{
	struct buf value = BUF_INIT;
	int code = CTL3_DONE;

	if (arguments->word_count > 1) {
		ctl3_put_bytes(json, "value", slice_text(arguments->words[1]));
		return CTL3_DONE;
	}
	code = ctl3_read_input(&value);
	if (code == CTL3_DONE && value.size == 0)
		code = output_error(CTL3_BAD_ARGS, NO_VALUE);
	ctl3_put_bytes(json, "value", buf_slice(&value));
	buf_free(&value);
	return code;
}

static int
put_lease(const struct ctl_arguments *arguments, struct json_put *json)
{
	const char *text = ctl_arguments_text(arguments, OPT_V3_LEASE);
	char *problem;
	uint64_t id;
	int code;

	if (!ctl3_read_hex(text, "ParseInt", &id, &problem)) {
		code = output_error(CTL3_BAD_ARGS, "bad lease ID (%s), expecting ID in Hex",
		    problem);
		free(problem);
		return code;
	}
	if (id != 0)
		ctl3_put_int(json, "lease", (int64_t)id);
	return CTL3_DONE;
}

int
ctl3_op_put(const struct ctl_arguments *arguments, struct json_put *json)
{
	bool keeps_value = ctl_arguments_flag(arguments, OPT_V3_IGNORE_VALUE);
	int code;

	if (arguments->word_count == 0)
		return output_error(CTL3_BAD_ARGS, NO_VALUE);
	if (keeps_value && arguments->word_count > 1)
		return output_error(CTL3_BAD_ARGS,
		    "put command needs only 1 argument when 'ignore-value' is set");
	json_put_open(json, NULL, '{');
	ctl3_put_bytes(json, "key", slice_text(arguments->words[0]));
	code = keeps_value ? CTL3_DONE : put_value(arguments, json);
	if (code == CTL3_DONE)
		code = put_lease(arguments, json);
	if (ctl_arguments_flag(arguments, OPT_V3_PREV_KV))
		json_put_bool(json, "prev_kv", true);
	if (keeps_value)
		json_put_bool(json, "ignore_value", true);
	if (ctl_arguments_flag(arguments, OPT_V3_IGNORE_LEASE))
		json_put_bool(json, "ignore_lease", true);
	json_put_close(json, '}');
	return code;
}
