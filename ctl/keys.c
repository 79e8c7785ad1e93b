/*
 * keys.c - the commands on keys: each is one request.
 */
#include "common/limits.h"
#include "ctl/api.h"
#include "ctl/event.h"
#include "ctl/form.h"

#include <errno.h>
#include <stdio.h>

static struct slice
key_of(const struct ctl *ctl)
{
	return ctl->arguments->word_count == 0 ? SLICE_LITERAL("/") :
						 slice_text(ctl->arguments->words[0]);
}

/* ---- asking ---------------------------------------------------------------------- */

/* Sends the request; on success *answer is an event, to be freed either way. */
static int
ask(struct ctl *ctl, struct api_request *request, struct api_answer *answer)
{
	struct client *client = NULL;
	int code = client_open(ctl, NULL, &client);

	if (code == CTL_DONE)
		code = api_do(client, &ctl->out, request, answer);
	buf_free(&request->query);
	buf_free(&request->form);
	client_free(&client);
	return code;
}

static const struct json *
node_of(const struct api_answer *answer)
{
	return json_member(answer->doc.root, "node");
}

/* A write, whose event is printed if there is something in it to see. */
static int
write_key(struct ctl *ctl, struct api_request *request)
{
	struct api_answer answer = { 0 };
	int code = ask(ctl, request, &answer);

	if (code == CTL_DONE &&
	    (ctl->out.format != FORMAT_SIMPLE || !json_true(node_of(&answer), "dir")))
		api_event_print(&ctl->out, answer.doc.root, answer.answer.store_index);
	api_answer_free(&answer);
	return code;
}

static void
add_ttl(const struct ctl *ctl, struct buf *form)
{
	if (ctl_arguments_number(ctl->arguments, OPT_TTL) > 0)
		form_add_u64(form, "ttl", ctl_arguments_number(ctl->arguments, OPT_TTL));
}

/* ---- values ---------------------------------------------------------------------- */

static int
read_standard_input(struct buf *value)
{
	for (;;) {
		uint8_t *room = buf_reserve(value, 65536);
		size_t size;

		if (room == NULL)
			return output_fail(CTL_BAD_ARGUMENTS,
			    "the value on standard input is too long; %zu MiB are allowed",
			    VALUE_BYTES_MAX / MIB);
		size = fread(room, 1, 65536, stdin);
		buf_added(value, size);
		if (size == 0 && ferror(stdin))
			return output_fail(CTL_BAD_ARGUMENTS, "cannot read standard input: %s",
			    strerror(errno));
		if (size == 0)
			break;
	}
	if (value->size == 0)
		return output_fail(CTL_BAD_ARGUMENTS,
		    "value required: as an argument or on standard input");
	return CTL_DONE;
}

/* "value=" of the argument, or of standard input if there is none. */
static int
add_value(const struct ctl *ctl, struct buf *form)
{
	struct buf value = BUF_INIT;
	int code;

	if (ctl->arguments->word_count > 1) {
		form_add(form, "value", slice_text(ctl->arguments->words[1]));
		return CTL_DONE;
	}
	buf_init(&value, VALUE_BYTES_MAX + 65536);
	code = read_standard_input(&value);
	if (code == CTL_DONE)
		form_add(form, "value", buf_slice(&value));
	buf_free(&value);
	return code;
}

/* The conditions of a compare; an empty value would be taken for none by a server. */
static int
add_conditions(const struct ctl *ctl, enum ctl_option_tag value, enum ctl_option_tag index,
    struct buf *query)
{
	const char *text = ctl_arguments_text(ctl->arguments, value);

	if (text != NULL && text[0] == '\0')
		return output_fail(CTL_BAD_ARGUMENTS,
		    "--%s: an empty value cannot be compared with; use --%s", options[value].name,
		    options[index].name);
	if (text != NULL)
		form_add(query, "prevValue", slice_text(text));
	if (ctl_arguments_number(ctl->arguments, index) > 0)
		form_add_u64(query, "prevIndex", ctl_arguments_number(ctl->arguments, index));
	return CTL_DONE;
}

/* ---- the commands ------------------------------------------------------------------ */

static int
read_key(struct ctl *ctl, bool recursive, struct api_answer *answer)
{
	struct api_request request = { .method = "GET", .key = key_of(ctl), .repeatable = true };

	form_add_bool(&request.query, "quorum", ctl_arguments_flag(ctl->arguments, OPT_QUORUM));
	form_add_bool(&request.query, "recursive", recursive);
	form_add_bool(&request.query, "sorted", ctl_arguments_flag(ctl->arguments, OPT_SORT));
	return ask(ctl, &request, answer);
}

int
ctl_get(struct ctl *ctl)
{
	struct api_answer answer = { 0 };
	int code = read_key(ctl, false, &answer);

	if (code == CTL_DONE && json_true(node_of(&answer), "dir")) {
		struct slice key = json_string(node_of(&answer), "key");

		output_say("%.*s: is a directory\n", SLICE_ARGS(key));
		code = CTL_BAD_ARGUMENTS;
	} else if (code == CTL_DONE) {
		api_event_print(&ctl->out, answer.doc.root, answer.answer.store_index);
	}
	api_answer_free(&answer);
	return code;
}

static void
print_names(const struct ctl *ctl, const struct json *root)
{
	bool slash = ctl_arguments_flag(ctl->arguments, OPT_SLASH);
	const struct json *node = json_true(root, "dir") ? api_event_next(root, root) : root;

	while (node != NULL) {
		output_print(&ctl->out, "%.*s%s\n", SLICE_ARGS(json_string(node, "key")),
		    slash && json_true(node, "dir") ? "/" : "");
		node = node == root ? NULL : api_event_next(root, node);
	}
}

int
ctl_ls(struct ctl *ctl)
{
	struct api_answer answer = { 0 };
	int code = read_key(ctl, ctl_arguments_flag(ctl->arguments, OPT_RECURSIVE_LS), &answer);

	if (code == CTL_DONE && ctl->out.format == FORMAT_SIMPLE)
		print_names(ctl, node_of(&answer));
	else if (code == CTL_DONE)
		api_event_print(&ctl->out, answer.doc.root, answer.answer.store_index);
	api_answer_free(&answer);
	return code;
}

int
ctl_set(struct ctl *ctl)
{
	struct api_request request = { .method = "PUT", .key = key_of(ctl) };
	int code = add_conditions(ctl, OPT_SWAP_VALUE, OPT_SWAP_INDEX, &request.query);

	if (code == CTL_DONE)
		code = add_value(ctl, &request.form);
	if (code != CTL_DONE) {
		buf_free(&request.query);
		return code;
	}
	add_ttl(ctl, &request.form);
	return write_key(ctl, &request);
}

int
ctl_mk(struct ctl *ctl)
{
	bool in_order = ctl_arguments_flag(ctl->arguments, OPT_IN_ORDER);
	struct api_request request = { .method = in_order ? "POST" : "PUT", .key = key_of(ctl) };
	int code = add_value(ctl, &request.form);

	if (code != CTL_DONE)
		return code;
	if (!in_order)
		form_add_bool(&request.query, "prevExist", false);
	add_ttl(ctl, &request.form);
	return write_key(ctl, &request);
}

int
ctl_update(struct ctl *ctl)
{
	struct api_request request = { .method = "PUT", .key = key_of(ctl) };
	int code = add_value(ctl, &request.form);

	if (code != CTL_DONE)
		return code;
	form_add_bool(&request.query, "prevExist", true);
	add_ttl(ctl, &request.form);
	return write_key(ctl, &request);
}

int
ctl_mkdir(struct ctl *ctl)
{
	struct api_request request = { .method = "PUT", .key = key_of(ctl) };

	form_add_bool(&request.query, "dir", true);
	form_add_bool(&request.query, "prevExist", false);
	add_ttl(ctl, &request.form);
	return write_key(ctl, &request);
}

int
ctl_setdir(struct ctl *ctl)
{
	struct api_request request = { .method = "PUT", .key = key_of(ctl) };

	form_add_bool(&request.query, "dir", true);
	add_ttl(ctl, &request.form);
	return write_key(ctl, &request);
}

int
ctl_updatedir(struct ctl *ctl)
{
	struct api_request request = { .method = "PUT", .key = key_of(ctl) };

	form_add_bool(&request.query, "dir", true);
	form_add_bool(&request.query, "prevExist", true);
	add_ttl(ctl, &request.form);
	return write_key(ctl, &request);
}

int
ctl_rm(struct ctl *ctl)
{
	struct api_request request = { .method = "DELETE", .key = key_of(ctl) };
	int code = add_conditions(ctl, OPT_WITH_VALUE, OPT_WITH_INDEX, &request.query);

	if (code != CTL_DONE)
		return code;
	if (ctl_arguments_flag(ctl->arguments, OPT_RM_DIR))
		form_add_bool(&request.query, "dir", true);
	if (ctl_arguments_flag(ctl->arguments, OPT_RM_RECURSIVE))
		form_add_bool(&request.query, "recursive", true);
	return write_key(ctl, &request);
}

int
ctl_rmdir(struct ctl *ctl)
{
	struct api_request request = { .method = "DELETE", .key = key_of(ctl) };

	form_add_bool(&request.query, "dir", true);
	return write_key(ctl, &request);
}
