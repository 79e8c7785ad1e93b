/*
 * role.c - role add, delete, get, list, grant-permission, revoke-permission.
 */
#include "ctl/v3/role.h"

#include "ctl/v3/message.h"
#include "ctl/v3/show.h"

#include <stdlib.h>

static int
call_with_text(struct ctl3 *v3, const char *path, const char *member, struct slice text,
    bool repeatable, struct ctl3_answer *answer)
{
	struct ctl3_request request = { .path = path, .repeatable = repeatable };
	struct buf body = BUF_INIT;
	struct json_put json = json_put_into(&body);
	int code;

	json_put_open(&json, NULL, '{');
	json_put_text(&json, member, text);
	json_put_close(&json, '}');
	request.body = buf_slice(&body);
	code = ctl3_call(v3, &request, answer);
	buf_free(&body);
	return code;
}

int
ctl3_role_add(struct ctl3 *v3)
{
	const char *name = v3->arguments->words[0];
	struct ctl3_answer answer = { 0 };
	int code = call_with_text(v3, "/v3/auth/role/add", "name", slice_text(name), false,
	    &answer);

	if (code == CTL3_DONE)
		code = ctl3_show_done(v3, answer.root, true, "Role %s created", name);
	ctl3_answer_free(&answer);
	return code;
}

int
ctl3_role_delete(struct ctl3 *v3)
{
	const char *name = v3->arguments->words[0];
	struct ctl3_answer answer = { 0 };
	int code = call_with_text(v3, "/v3/auth/role/delete", "role", slice_text(name), false,
	    &answer);

	if (code == CTL3_DONE)
		code = ctl3_show_done(v3, answer.root, true, "Role %s deleted", name);
	ctl3_answer_free(&answer);
	return code;
}

int
ctl3_role_list(struct ctl3 *v3)
{
	struct ctl3_request request = { .path = "/v3/auth/role/list", .repeatable = true };
	struct ctl3_answer answer = { 0 };
	int code = ctl3_call(v3, &request, &answer);
	const struct json *first = ctl3_message_first(answer.root, "roles");

	if (code == CTL3_DONE && v3->format == CTL3_TABLE)
		code = ctl3_unsupported(v3);
	else if (code == CTL3_DONE && v3->format == CTL3_JSON)
		ctl3_show_json(v3, answer.root);
	else if (code == CTL3_DONE && v3->format == CTL3_FIELDS)
		ctl3_show_header(v3, answer.root);
	if (code == CTL3_DONE && v3->format == CTL3_FIELDS)
		output_print(&v3->out, "\"Roles\" :");
	for (const struct json *role = first; role != NULL && code == CTL3_DONE;
	     role = role->next) {
		struct buf quoted = BUF_INIT;

		ctl3_quote(&quoted, role->text);
		if (v3->format == CTL3_SIMPLE)
			output_print(&v3->out, "%.*s\n", SLICE_ARGS(role->text));
		else if (v3->format == CTL3_FIELDS)
			output_print(&v3->out, " %.*s", SLICE_ARGS(quoted));
		buf_free(&quoted);
	}
	if (code == CTL3_DONE && v3->format == CTL3_FIELDS)
		output_print(&v3->out, "\n");
	ctl3_answer_free(&answer);
	return code;
}

/* ---- rights -------------------------------------------------------------------- */

static bool
is_zero(struct slice bytes)
{
	return bytes.size == 1 && bytes.data[0] == 0;
}

/* "	[a, b) (prefix a)" */
static void
show_right(const struct ctl3 *v3, const struct json *right)
{
	struct buf key = BUF_INIT, end = BUF_INIT, prefix_end = BUF_INIT;

	ctl3_message_bytes(right, "key", &key);
	ctl3_message_bytes(right, "range_end", &end);
	ctl3_prefix_end(buf_slice(&key), &prefix_end);
	if (end.size == 0)
		output_print(&v3->out, "\t%.*s\n", SLICE_ARGS(key));
	else if (is_zero(buf_slice(&end)))
		output_print(&v3->out, "\t[%.*s, <open ended>", SLICE_ARGS(key));
	else
		output_print(&v3->out, "\t[%.*s, %.*s)", SLICE_ARGS(key), SLICE_ARGS(end));
	if (end.size > 0 && !is_zero(buf_slice(&end)) &&
	    slice_equal(buf_slice(&end), buf_slice(&prefix_end)))
		output_print(&v3->out, " (prefix %.*s)", SLICE_ARGS(key));
	if (end.size > 0)
		output_print(&v3->out, "\n");
	buf_free(&key);
	buf_free(&end);
	buf_free(&prefix_end);
}

static struct slice
type_of(const struct json *right)
{
	struct slice type = json_string(right, "permType");

	return type.size == 0 ? SLICE_LITERAL("READ") : type;
}

static void
show_rights(const struct ctl3 *v3, const struct json *root, struct slice other)
{
	for (const struct json *right = ctl3_message_first(root, "perm"); right != NULL;
	     right = right->next) {
		if (!slice_equal(type_of(right), other))
			show_right(v3, right);
	}
}

static void
show_right_fields(const struct ctl3 *v3, const struct json *right)
{
	struct buf key = BUF_INIT, end = BUF_INIT;

	ctl3_message_bytes(right, "key", &key);
	ctl3_message_bytes(right, "range_end", &end);
	output_print(&v3->out, "\"PermType\" :  %.*s\n", SLICE_ARGS(type_of(right)));
	ctl3_field_text(v3, "Key", buf_slice(&key));
	ctl3_field_text(v3, "RangeEnd", buf_slice(&end));
	buf_free(&key);
	buf_free(&end);
}

int
ctl3_role_show(const struct ctl3 *v3, struct slice name, const struct json *root)
{
	switch (v3->format) {
	case CTL3_SIMPLE:
		output_print(&v3->out, "Role %.*s\nKV Read:\n", SLICE_ARGS(name));
		show_rights(v3, root, SLICE_LITERAL("WRITE"));
		output_print(&v3->out, "KV Write:\n");
		show_rights(v3, root, SLICE_LITERAL("READ"));
		return CTL3_DONE;
	case CTL3_FIELDS:
		ctl3_show_header(v3, root);
		for (const struct json *right = ctl3_message_first(root, "perm"); right != NULL;
		     right = right->next)
			show_right_fields(v3, right);
		return CTL3_DONE;
	case CTL3_JSON:
		ctl3_show_json(v3, root);
		return CTL3_DONE;
	case CTL3_TABLE:
		break;
	}
	return ctl3_unsupported(v3);
}

int
ctl3_role_ask(struct ctl3 *v3, struct slice name, struct ctl3_answer *answer)
{
	return call_with_text(v3, "/v3/auth/role/get", "role", name, true, answer);
}

int
ctl3_role_get(struct ctl3 *v3)
{
	struct slice name = slice_text(v3->arguments->words[0]);
	struct ctl3_answer answer = { 0 };
	int code = ctl3_role_ask(v3, name, &answer);

	if (code == CTL3_DONE)
		code = ctl3_role_show(v3, name, answer.root);
	ctl3_answer_free(&answer);
	return code;
}

/* ---- grant, revoke ------------------------------------------------------------- */

/* The range of the words from KEY on, as the options say; key and end are of buf. */
static int
read_range(const struct ctl3 *v3, size_t at, struct buf *key, struct buf *end)
{
	const struct ctl_arguments *arguments = v3->arguments;
	bool prefix = ctl_arguments_flag(arguments, OPT_V3_PREFIX);
	bool from_key = ctl_arguments_flag(arguments, OPT_V3_FROM_KEY);
	bool has_end = arguments->word_count > at + 1;

	if (prefix && from_key)
		return output_error(CTL3_BAD_ARGS,
		    "--from-key and --prefix flags are mutually exclusive");
	if (has_end && (prefix || from_key))
		return output_error(CTL3_BAD_ARGS, "unexpected endkey argument with --%s flag",
		    prefix ? "prefix" : "from-key");
	buf_append_text(key, arguments->words[at]);
	if (has_end)
		buf_append_text(end, arguments->words[at + 1]);
	else if (prefix)
		ctl3_prefix_end(buf_slice(key), end);
	else if (from_key)
		buf_append_byte(end, 0);
	return CTL3_DONE;
}

/* An empty key is the first there is, in what is sent. */
static struct slice
first_if_empty(const struct buf *key, const struct buf *end)
{
	return key->size == 0 && end->size > 0 ? slice_of("", 1) : buf_slice(key);
}

static const char *
type_word(const char *word)
{
	static const char *const types[] = { "READ", "WRITE", "READWRITE" };

	for (size_t i = 0; i < ARRAY_COUNT(types); i++) {
		if (strcasecmp(types[i], word) == 0)
			return types[i];
	}
	return NULL;
}

int
ctl3_role_grant(struct ctl3 *v3)
{
	const struct ctl_arguments *arguments = v3->arguments;
	const char *type = type_word(arguments->words[1]);
	struct ctl3_request request = { .path = "/v3/auth/role/grant" };
	struct ctl3_answer answer = { 0 };
	struct buf body = BUF_INIT, key = BUF_INIT, end = BUF_INIT;
	struct json_put json = json_put_into(&body);
	int code;

	if (type == NULL)
		return output_error(CTL3_BAD_ARGS, "invalid permission type: %s",
		    arguments->words[1]);
	code = read_range(v3, 2, &key, &end);
	json_put_open(&json, NULL, '{');
	json_put_text(&json, "name", slice_text(arguments->words[0]));
	json_put_open(&json, "perm", '{');
	json_put_text(&json, "permType", slice_text(type));
	ctl3_put_bytes(&json, "key", first_if_empty(&key, &end));
	ctl3_put_bytes(&json, "range_end", buf_slice(&end));
	json_put_close(&json, '}');
	json_put_close(&json, '}');
	request.body = buf_slice(&body);
	if (code == CTL3_DONE)
		code = ctl3_call(v3, &request, &answer);
	if (code == CTL3_DONE)
		code = ctl3_show_done(v3, answer.root, true, "Role %s updated",
		    arguments->words[0]);
	ctl3_answer_free(&answer);
	buf_free(&body);
	buf_free(&key);
	buf_free(&end);
	return code;
}

static int
show_revoked(const struct ctl3 *v3, const struct json *root, const struct buf *key,
    const struct buf *end)
{
	const char *role = v3->arguments->words[0];

	if (end->size == 0)
		return ctl3_show_done(v3, root, true,
		    "Permission of key %.*s is revoked from role %s", SLICE_ARGS(*key), role);
	if (is_zero(buf_slice(end)))
		return ctl3_show_done(v3, root, true, "Permission of range [%.*s, <open ended> is "
		    "revoked from role %s", SLICE_ARGS(*key), role);
	return ctl3_show_done(v3, root, true, "Permission of range [%.*s, %.*s) is revoked from "
	    "role %s", SLICE_ARGS(*key), SLICE_ARGS(*end), role);
}

int
ctl3_role_revoke(struct ctl3 *v3)
{
	struct ctl3_request request = { .path = "/v3/auth/role/revoke" };
	struct ctl3_answer answer = { 0 };
	struct buf body = BUF_INIT, key = BUF_INIT, end = BUF_INIT;
	struct json_put json = json_put_into(&body);
	int code = read_range(v3, 1, &key, &end);

	json_put_open(&json, NULL, '{');
	json_put_text(&json, "role", slice_text(v3->arguments->words[0]));
	ctl3_put_bytes(&json, "key", first_if_empty(&key, &end));
	ctl3_put_bytes(&json, "range_end", buf_slice(&end));
	json_put_close(&json, '}');
	request.body = buf_slice(&body);
	if (code == CTL3_DONE)
		code = ctl3_call(v3, &request, &answer);
	if (code == CTL3_DONE)
		code = show_revoked(v3, answer.root, &key, &end);
	ctl3_answer_free(&answer);
	buf_free(&body);
	buf_free(&key);
	buf_free(&end);
	return code;
}
