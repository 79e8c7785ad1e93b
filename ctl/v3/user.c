/*
 * user.c - user add, delete, get, list, passwd, grant-role, revoke-role.
 */
#include "common/xmem.h"
#include "ctl/password.h"
#include "ctl/v3/message.h"
#include "ctl/v3/role.h"
#include "ctl/v3/show.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define PASSWORD_BYTES_MAX 1024

/* ---- passwords ----------------------------------------------------------------- */

/* A line of standard input; owned. */
static char *
read_line(void)
{
	char line[PASSWORD_BYTES_MAX + 2] = "";
	char *text;

	if (fgets(line, sizeof(line), stdin) == NULL)
		line[0] = '\0';
	line[strcspn(line, "\n")] = '\0';
	text = xstrdup(line);
	explicit_bzero(line, sizeof(line));
	return text;
}

static void
forget(char *password)
{
	if (password != NULL)
		explicit_bzero(password, strlen(password));
	free(password);
}

/* On the terminal, and from standard input if that is none: as 3.4 does, with its words. */
static char *
ask(const struct ctl3 *v3, const char *name, const char *prompt)
{
	char *both, *password;

	if (isatty(STDIN_FILENO) != 1) {
		output_print(&v3->out, prompt, name);
		password = read_line();
		output_print(&v3->out, "\n");
		return password;
	}
	both = password_ask(name);
	password = xstrdup(both == NULL ? "" : both + strlen(name) + 1);
	forget(both);
	return password;
}

/* NULL: it was said why. */
static char *
ask_twice(const struct ctl3 *v3, const char *name)
{
	char *first = ask(v3, name, "Password of %s: ");
	char *second = ask(v3, name, "Type password of %s again for confirmation: ");

	if (strcmp(first, second) != 0) {
		output_error(CTL3_BAD_ARGS, "given passwords are different");
		forget(first);
		first = NULL;
	}
	forget(second);
	return first;
}

static char *
read_password(const struct ctl3 *v3, const char *name)
{
	if (!ctl_arguments_flag(v3->arguments, OPT_V3_READ_PASSWORD))
		return read_line();
	return ask_twice(v3, name);
}

/* ---- requests ------------------------------------------------------------------ */

struct ctl3_pair {
	const char *name;	/* NULL: none */
	const char *value;
};

static int
call_with_pairs(struct ctl3 *v3, const char *path, const struct ctl3_pair *pairs, size_t count,
    struct ctl3_answer *answer)
{
	struct ctl3_request request = { .path = path };
	struct buf body = BUF_INIT;
	struct json_put json = json_put_into(&body);
	int code;

	json_put_open(&json, NULL, '{');
	for (size_t i = 0; i < count; i++) {
		if (pairs[i].name != NULL)
			json_put_text(&json, pairs[i].name, slice_text(pairs[i].value));
	}
	if (ctl_arguments_flag(v3->arguments, OPT_V3_NO_PASSWORD)) {
		json_put_open(&json, "options", '{');
		json_put_bool(&json, "no_password", true);
		json_put_close(&json, '}');
	}
	json_put_close(&json, '}');
	request.body = buf_slice(&body);
	code = ctl3_call(v3, &request, answer);
	explicit_bzero(body.data, body.size);
	buf_free(&body);
	return code;
}

/* ---- users --------------------------------------------------------------------- */

int
ctl3_user_add(struct ctl3 *v3)
{
	const struct ctl_arguments *arguments = v3->arguments;
	const char *given = ctl_arguments_text(arguments, OPT_V3_NEW_USER_PASSWORD);
	const char *word = arguments->words[0];
	const char *colon = strchr(word, ':');
	bool none = ctl_arguments_flag(arguments, OPT_V3_NO_PASSWORD);
	size_t length = colon == NULL || given != NULL || none ? strlen(word) :
								 (size_t)(colon - word);
	char *name = xasprintf("%.*s", (int)length, word);
	char *password;
	struct ctl3_answer answer = { 0 };
	int code = CTL3_BAD_ARGS;

	if (name[0] == '\0') {
		free(name);
		return output_error(CTL3_BAD_ARGS, "empty user name is not allowed");
	}
	if (none)
		password = xstrdup("");
	else if (given != NULL)
		password = xstrdup(given);
	else if (colon != NULL)
		password = xstrdup(colon + 1);
	else
		password = read_password(v3, name);
	if (password != NULL)
		code = call_with_pairs(v3, "/v3/auth/user/add", (struct ctl3_pair[]){
		    { "name", name }, { none ? NULL : "password", password } }, 2, &answer);
	if (code == CTL3_DONE)
		code = ctl3_show_done(v3, answer.root, false, "User %s created", name);
	ctl3_answer_free(&answer);
	forget(password);
	free(name);
	return code;
}

int
ctl3_user_delete(struct ctl3 *v3)
{
	const char *name = v3->arguments->words[0];
	struct ctl3_answer answer = { 0 };
	int code = call_with_pairs(v3, "/v3/auth/user/delete",
	    &(struct ctl3_pair){ "name", name }, 1, &answer);

	if (code == CTL3_DONE)
		code = ctl3_show_done(v3, answer.root, true, "User %s deleted", name);
	ctl3_answer_free(&answer);
	return code;
}

int
ctl3_user_passwd(struct ctl3 *v3)
{
	const char *name = v3->arguments->words[0];
	char *password = read_password(v3, name);
	struct ctl3_answer answer = { 0 };
	int code = CTL3_BAD_ARGS;

	if (password != NULL)
		code = call_with_pairs(v3, "/v3/auth/user/changepw", (struct ctl3_pair[]){
		    { "name", name }, { "password", password } }, 2, &answer);
	if (code == CTL3_DONE)
		code = ctl3_show_done(v3, answer.root, false, "Password updated");
	ctl3_answer_free(&answer);
	forget(password);
	return code;
}

int
ctl3_user_grant_role(struct ctl3 *v3)
{
	const char *const *words = v3->arguments->words;
	struct ctl3_answer answer = { 0 };
	int code = call_with_pairs(v3, "/v3/auth/user/grant", (struct ctl3_pair[]){
	    { "user", words[0] }, { "role", words[1] } }, 2, &answer);

	if (code == CTL3_DONE)
		code = ctl3_show_done(v3, answer.root, true, "Role %s is granted to user %s",
		    words[1], words[0]);
	ctl3_answer_free(&answer);
	return code;
}

int
ctl3_user_revoke_role(struct ctl3 *v3)
{
	const char *const *words = v3->arguments->words;
	struct ctl3_answer answer = { 0 };
	int code = call_with_pairs(v3, "/v3/auth/user/revoke", (struct ctl3_pair[]){
	    { "name", words[0] }, { "role", words[1] } }, 2, &answer);

	if (code == CTL3_DONE)
		code = ctl3_show_done(v3, answer.root, true, "Role %s is revoked from user %s",
		    words[1], words[0]);
	ctl3_answer_free(&answer);
	return code;
}

/* ---- what there is ------------------------------------------------------------- */

int
ctl3_user_list(struct ctl3 *v3)
{
	struct ctl3_request request = { .path = "/v3/auth/user/list", .repeatable = true };
	struct ctl3_answer answer = { 0 };
	int code = ctl3_call(v3, &request, &answer);

	if (code == CTL3_DONE && v3->format == CTL3_JSON)
		ctl3_show_json(v3, answer.root);
	else if (code == CTL3_DONE && v3->format != CTL3_SIMPLE)
		code = ctl3_unsupported(v3);
	for (const struct json *user = ctl3_message_first(answer.root, "users");
	     user != NULL && v3->format == CTL3_SIMPLE; user = user->next)
		output_print(&v3->out, "%.*s\n", SLICE_ARGS(user->text));
	ctl3_answer_free(&answer);
	return code;
}

/* The roles one after the other, each as role get has it. */
static int
show_detail(struct ctl3 *v3, const char *name, const struct json *root)
{
	int code = CTL3_DONE;

	output_print(&v3->out, "User: %s\n", name);
	for (const struct json *role = ctl3_message_first(root, "roles");
	     role != NULL && code == CTL3_DONE; role = role->next) {
		struct ctl3_answer answer = { 0 };

		output_print(&v3->out, "\n");
		code = ctl3_role_ask(v3, role->text, &answer);
		if (code == CTL3_DONE)
			code = ctl3_role_show(v3, role->text, answer.root);
		ctl3_answer_free(&answer);
	}
	return code;
}

static void
show_roles(const struct ctl3 *v3, const char *name, const struct json *root)
{
	output_print(&v3->out, "User: %s\nRoles:", name);
	for (const struct json *role = ctl3_message_first(root, "roles"); role != NULL;
	     role = role->next)
		output_print(&v3->out, " %.*s", SLICE_ARGS(role->text));
	output_print(&v3->out, "\n");
}

int
ctl3_user_get(struct ctl3 *v3)
{
	const char *name = v3->arguments->words[0];
	struct ctl3_answer answer = { 0 };
	int code = call_with_pairs(v3, "/v3/auth/user/get", &(struct ctl3_pair){ "name", name }, 1,
	    &answer);

	if (code == CTL3_DONE && ctl_arguments_flag(v3->arguments, OPT_V3_DETAIL))
		code = show_detail(v3, name, answer.root);
	else if (code == CTL3_DONE && v3->format == CTL3_JSON)
		ctl3_show_json(v3, answer.root);
	else if (code == CTL3_DONE && v3->format == CTL3_SIMPLE)
		show_roles(v3, name, answer.root);
	else if (code == CTL3_DONE)
		code = ctl3_unsupported(v3);
	ctl3_answer_free(&answer);
	return code;
}
