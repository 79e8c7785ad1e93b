/*
 * auth.c - auth, user, role: who may do what, in the words of the 2.x clients.
 *
 * What is printed is theirs to the letter; a sentence of the server goes to standard error.
 */
#include "common/json_put.h"
#include "common/xmem.h"
#include "ctl/client.h"
#include "ctl/form.h"
#include "ctl/json_read.h"
#include "ctl/password.h"

#include <stdlib.h>

#define ENABLE "/v2/auth/enable"
#define USERS "/v2/auth/users"
#define ROLES "/v2/auth/roles"

/* One request and what came of it. */
struct auth_answer {
	struct client_answer answer;
	struct json_doc doc;
	bool read;			/* there is a doc */
};

static void
auth_answer_free(struct auth_answer *asked)
{
	if (asked->read)
		json_doc_free(&asked->doc);
	client_answer_free(&asked->answer);
}

/* Says why it was refused. */
static int
refused(const struct auth_answer *asked)
{
	struct slice said = SLICE_EMPTY;

	if (asked->read)
		said = json_string(asked->doc.root, "message");
	if (asked->read && said.size > 0 && json_string(asked->doc.root, "cause").size > 0)
		said = json_string(asked->doc.root, "cause");
	if (said.size == 0)
		return output_fail(CTL_SERVER_ERROR, "%s answers %u%s", asked->answer.from,
		    asked->answer.status, asked->answer.status == 404 ? "; an etcd of the 3.x "
		    "series has users of this kind if it is started with --enable-v2" : "");
	return output_fail(asked->answer.status == 401 || asked->answer.status == 403 ?
	    CTL_NOT_AUTHORISED : CTL_SERVER_ERROR, "%.*s", SLICE_ARGS(said));
}

/* directory and name, or directory alone; body empty: none. */
static int
ask(struct ctl *ctl, const char *method, const char *directory, const char *name,
    struct slice body, struct auth_answer *asked)
{
	struct client *client = NULL;
	struct buf path = BUF_INIT;
	int code = client_open(ctl, NULL, &client);

	*asked = (struct auth_answer){ .read = false };
	if (code != CTL_DONE)
		return code;
	buf_append_text(&path, directory);
	if (name != NULL)
		form_key(&path, slice_text(name));
	buf_append_byte(&path, '\0');
	code = client_fail(client_ask(client, &(struct client_request){ .method = method,
	    .path = (const char *)path.data, .body = body,
	    .body_type = body.size == 0 ? NULL : "application/json",
	    .repeatable = body.size == 0 && strcmp(method, "GET") == 0 }, &asked->answer),
	    &asked->answer);
	asked->read = code == CTL_DONE &&
	    json_doc_read(buf_slice(&asked->answer.body), &asked->doc) == ERR_NONE;
	if (code == CTL_DONE && asked->answer.status != 200 && asked->answer.status != 201)
		code = refused(asked);
	buf_free(&path);
	client_free(&client);
	return code;
}

/* A change without a body; words are printed if it was made. */
static int
change(struct ctl *ctl, const char *method, const char *words, const char *directory)
{
	struct auth_answer asked;
	int code = ask(ctl, method, directory, NULL, SLICE_EMPTY, &asked);

	if (code == CTL_DONE)
		output_print(&ctl->out, "%s\n", words);
	auth_answer_free(&asked);
	return code;
}

/* ---- auth -------------------------------------------------------------------------------- */

int
ctl_auth_enable(struct ctl *ctl)
{
	return change(ctl, "PUT", "Authentication Enabled", ENABLE);
}

int
ctl_auth_disable(struct ctl *ctl)
{
	return change(ctl, "DELETE", "Authentication Disabled", ENABLE);
}

int
ctl_auth_status(struct ctl *ctl)
{
	struct auth_answer asked;
	int code = ask(ctl, "GET", ENABLE, NULL, SLICE_EMPTY, &asked);

	if (code == CTL_DONE)
		output_print(&ctl->out, "Authentication %s\n",
		    asked.read && json_true(asked.doc.root, "enabled") ? "Enabled" : "Disabled");
	auth_answer_free(&asked);
	return code;
}

/* ---- what is shown ------------------------------------------------------------------------ */

/* The names of what stands in that list of a whole answer. */
static int
list_names(struct ctl *ctl, const char *directory, const char *list, const char *name)
{
	struct auth_answer asked;
	int code = ask(ctl, "GET", directory, NULL, SLICE_EMPTY, &asked);
	const struct json *all = asked.read ? json_member(asked.doc.root, list) : NULL;

	for (const struct json *one = all == NULL ? NULL : all->first;
	    code == CTL_DONE && one != NULL; one = one->next)
		output_print(&ctl->out, "%.*s\n", SLICE_ARGS(json_string(one, name)));
	auth_answer_free(&asked);
	return code;
}

/* ---- users -------------------------------------------------------------------------------- */

/* NAME[:PASSWORD]; asks for a password that is missing. NULL: there is nobody to ask. */
static char *
name_and_password(const char *word)
{
	return strchr(word, ':') != NULL ? xstrdup(word) : password_ask(word);
}

static int
put_password(struct ctl *ctl, bool is_new)
{
	const char *word = ctl->arguments->words[0];
	char *both = name_and_password(word);
	struct buf body = BUF_INIT;
	struct json_put json = json_put_into(&body);
	struct auth_answer asked;
	char *colon;
	int code;

	if (both == NULL)
		return output_fail(CTL_BAD_ARGUMENTS, "no password for \"%s\": write NAME:PASSWORD",
		    word);
	colon = strchr(both, ':');
	*colon = '\0';
	code = ask(ctl, "GET", USERS, both, SLICE_EMPTY, &asked);
	if (is_new && code == CTL_DONE)
		code = output_fail(CTL_BAD_ARGUMENTS, "User %s already exists", both);
	else if (is_new && asked.answer.status == 404)
		code = CTL_DONE;
	auth_answer_free(&asked);
	if (code == CTL_DONE) {
		json_put_open(&json, NULL, '{');
		json_put_text(&json, "user", slice_text(both));
		json_put_text(&json, "password", slice_text(colon + 1));
		json_put_close(&json, '}');
		code = ask(ctl, "PUT", USERS, both, buf_slice(&body), &asked);
		auth_answer_free(&asked);
	}
	if (code == CTL_DONE && is_new)
		output_print(&ctl->out, "User %s created\n", both);
	else if (code == CTL_DONE)
		output_print(&ctl->out, "Password updated\n");
	if (body.size > 0)
		explicit_bzero(body.data, body.size);
	explicit_bzero(colon + 1, strlen(colon + 1));
	buf_free(&body);
	free(both);
	return code;
}

int
ctl_user_add(struct ctl *ctl)
{
	return put_password(ctl, true);
}

int
ctl_user_passwd(struct ctl *ctl)
{
	return put_password(ctl, false);
}

int
ctl_user_list(struct ctl *ctl)
{
	return list_names(ctl, USERS, "users", "user");
}

int
ctl_user_get(struct ctl *ctl)
{
	struct auth_answer asked;
	int code = ask(ctl, "GET", USERS, ctl->arguments->words[0], SLICE_EMPTY, &asked);
	const struct json *roles = asked.read ? json_member(asked.doc.root, "roles") : NULL;

	if (code == CTL_DONE) {
		output_print(&ctl->out, "User: %.*s\nRoles: ",
		    SLICE_ARGS(json_string(asked.doc.root, "user")));
		for (const struct json *role = roles == NULL ? NULL : roles->first; role != NULL;
		    role = role->next)
			output_print(&ctl->out, "%s%.*s", role == roles->first ? "" : " ",
			    SLICE_ARGS(json_string(role, "role")));
		output_print(&ctl->out, "\n");
	}
	auth_answer_free(&asked);
	return code;
}

int
ctl_user_remove(struct ctl *ctl)
{
	const char *name = ctl->arguments->words[0];
	struct auth_answer asked;
	int code = ask(ctl, "DELETE", USERS, name, SLICE_EMPTY, &asked);

	if (code == CTL_DONE)
		output_print(&ctl->out, "User %s removed\n", name);
	auth_answer_free(&asked);
	return code;
}

/* The roles of --roles, as that member: "grant" or "revoke". */
static int
change_roles(struct ctl *ctl, const char *member)
{
	const char *name = ctl->arguments->words[0];
	const char *roles = ctl_arguments_text(ctl->arguments, OPT_ROLES);
	struct buf body = BUF_INIT;
	struct json_put json = json_put_into(&body);
	struct auth_answer asked;
	int code;

	if (roles == NULL)
		return output_fail(CTL_BAD_ARGUMENTS, "No roles specified; please use `--roles`");
	json_put_open(&json, NULL, '{');
	json_put_text(&json, "user", slice_text(name));
	json_put_open(&json, member, '[');
	while (*roles != '\0') {
		size_t size = strcspn(roles, ",");

		if (size > 0)
			json_put_text(&json, NULL, slice_of(roles, size));
		roles += size + (roles[size] == ',');
	}
	json_put_close(&json, ']');
	json_put_close(&json, '}');
	code = ask(ctl, "PUT", USERS, name, buf_slice(&body), &asked);
	if (code == CTL_DONE)
		output_print(&ctl->out, "User %s updated\n", name);
	auth_answer_free(&asked);
	buf_free(&body);
	return code;
}

int
ctl_user_grant(struct ctl *ctl)
{
	return change_roles(ctl, "grant");
}

int
ctl_user_revoke(struct ctl *ctl)
{
	return change_roles(ctl, "revoke");
}

/* ---- roles --------------------------------------------------------------------------------- */

int
ctl_role_list(struct ctl *ctl)
{
	return list_names(ctl, ROLES, "roles", "role");
}

int
ctl_role_add(struct ctl *ctl)
{
	const char *name = ctl->arguments->words[0];
	struct buf body = BUF_INIT;
	struct json_put json = json_put_into(&body);
	struct auth_answer asked;
	int code;

	json_put_open(&json, NULL, '{');
	json_put_text(&json, "role", slice_text(name));
	json_put_close(&json, '}');
	code = ask(ctl, "PUT", ROLES, name, buf_slice(&body), &asked);
	if (code == CTL_DONE)
		output_print(&ctl->out, "Role %s created\n", name);
	auth_answer_free(&asked);
	buf_free(&body);
	return code;
}

int
ctl_role_remove(struct ctl *ctl)
{
	const char *name = ctl->arguments->words[0];
	struct auth_answer asked;
	int code = ask(ctl, "DELETE", ROLES, name, SLICE_EMPTY, &asked);

	if (code == CTL_DONE)
		output_print(&ctl->out, "Role %s removed\n", name);
	auth_answer_free(&asked);
	return code;
}

static void
print_patterns(const struct output *out, const struct json *kv, const char *name)
{
	const struct json *patterns = json_member(kv, name);

	for (const struct json *one = patterns == NULL ? NULL : patterns->first; one != NULL;
	    one = one->next)
		output_print(out, "\t%.*s\n", SLICE_ARGS(one->text));
}

int
ctl_role_get(struct ctl *ctl)
{
	struct auth_answer asked;
	int code = ask(ctl, "GET", ROLES, ctl->arguments->words[0], SLICE_EMPTY, &asked);
	const struct json *kv = asked.read ?
	    json_member(json_member(asked.doc.root, "permissions"), "kv") : NULL;

	if (code == CTL_DONE) {
		output_print(&ctl->out, "Role: %.*s\nKV Read:\n",
		    SLICE_ARGS(json_string(asked.doc.root, "role")));
		print_patterns(&ctl->out, kv, "read");
		output_print(&ctl->out, "KV Write:\n");
		print_patterns(&ctl->out, kv, "write");
	}
	auth_answer_free(&asked);
	return code;
}

static void
put_pattern(struct json_put *json, const char *name, const char *pattern)
{
	json_put_open(json, name, '[');
	json_put_text(json, NULL, slice_text(pattern));
	json_put_close(json, ']');
}

/* --path for --read, --write or --readwrite, as that member: "grant" or "revoke". */
static int
change_rights(struct ctl *ctl, const char *member)
{
	const struct ctl_arguments *arguments = ctl->arguments;
	const char *name = arguments->words[0];
	const char *pattern = ctl_arguments_text(arguments, OPT_AUTH_PATH);
	bool both = ctl_arguments_flag(arguments, OPT_READWRITE) ||
	    ctl_arguments_flag(arguments, OPT_RW);
	bool read = ctl_arguments_flag(arguments, OPT_READ);
	bool write = ctl_arguments_flag(arguments, OPT_WRITE);
	struct buf body = BUF_INIT;
	struct json_put json = json_put_into(&body);
	struct auth_answer asked;
	int code;

	if (pattern == NULL)
		return output_fail(CTL_BAD_ARGUMENTS, "No path specified; please use `--path`");
	if (pattern[0] != '/')
		return output_fail(CTL_BAD_ARGUMENTS,
		    "Not canonical path; please use `--path=/%s`", pattern);
	if (both + read + write != 1)
		return output_fail(CTL_BAD_ARGUMENTS,
		    "Please specify exactly one of --read, --write or --readwrite");
	json_put_open(&json, NULL, '{');
	json_put_text(&json, "role", slice_text(name));
	json_put_open(&json, member, '{');
	json_put_open(&json, "kv", '{');
	if (read || both)
		put_pattern(&json, "read", pattern);
	if (write || both)
		put_pattern(&json, "write", pattern);
	json_put_close(&json, '}');
	json_put_close(&json, '}');
	json_put_close(&json, '}');
	code = ask(ctl, "PUT", ROLES, name, buf_slice(&body), &asked);
	if (code == CTL_DONE)
		output_print(&ctl->out, "Role %s updated\n", name);
	auth_answer_free(&asked);
	buf_free(&body);
	return code;
}

int
ctl_role_grant(struct ctl *ctl)
{
	return change_rights(ctl, "grant");
}

int
ctl_role_revoke(struct ctl *ctl)
{
	return change_rights(ctl, "revoke");
}
