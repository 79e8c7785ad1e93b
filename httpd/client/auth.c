/*
 * auth.c - /v2/auth: users, roles, and whether they count.
 *
 * Reads are answered from the worker's copy. A change goes to raftd, which decides when it is
 * applied; its sentence comes back as the cause. The copy is newer than the change then, so
 * what is shown of a user or role is as it is now.
 *
 * Source: docs/api.md, "Users and roles"; answers as etcd 2.3.8 gives them.
 */
#include "common/ipc/wire.h"
#include "common/json_put.h"
#include "common/limits.h"
#include "httpd/api_error.h"
#include "httpd/backend.h"
#include "httpd/client/auth_text.h"
#include "httpd/client/gate.h"
#include "httpd/client/handlers.h"
#include "httpd/cluster.h"
#include "httpd/worker.h"

#include <stdio.h>

#define AUTH_PATH_SIZE (sizeof("/v2/auth") - 1)
#define BAD_JSON "Invalid JSON in request body."

struct auth_call {
	struct backend_call call;
	struct request *request;
	int op;				/* enum auth_op */
	struct slice name;
	/* Of a user, until his password has a hash: */
	struct slice lists[3];
};

/* ---- what is shown ------------------------------------------------------------------ */

static void
put_list(struct json_put *json, const char *name, struct slice list, bool none)
{
	struct reader in = reader_of(list);
	struct slice text;

	if (none) {
		json_put_raw(json, name, "null");
		return;
	}
	json_put_open(json, name, '[');
	while (auth_list_next(&in, &text))
		json_put_text(json, NULL, text);
	json_put_close(json, ']');
}

/* False: there is no such role. */
static bool
put_role(struct json_put *json, const struct auth *auth, struct slice name)
{
	const struct auth_role *role = auth_role(auth, name);
	bool root = slice_equal(name, SLICE_LITERAL(AUTH_ROOT));
	struct buf all = BUF_INIT;

	if (role == NULL && !root)
		return false;
	auth_list_add(&all, SLICE_LITERAL("/*"));
	json_put_open(json, NULL, '{');
	json_put_text(json, "role", name);
	json_put_open(json, "permissions", '{');
	json_put_open(json, "kv", '{');
	put_list(json, "read", buf_slice(root ? &all : &role->read),
	    !root && (role->flags & AUTH_NO_READ) != 0);
	put_list(json, "write", buf_slice(root ? &all : &role->write),
	    !root && (role->flags & AUTH_NO_WRITE) != 0);
	json_put_close(json, '}');
	json_put_close(json, '}');
	json_put_close(json, '}');
	buf_free(&all);
	return true;
}

/* The user root has the role root, whether it stands there or not. */
static bool
lacks_root(const struct auth_user *user)
{
	return auth_user_has(user, SLICE_LITERAL(AUTH_ROOT)) &&
	    !auth_list_has(buf_slice(&user->roles), SLICE_LITERAL(AUTH_ROOT));
}

/* With his roles as they are; those that do not exist are left out. */
static void
put_user(struct json_put *json, const struct auth *auth, const struct auth_user *user)
{
	struct reader in = reader_of(buf_slice(&user->roles));
	struct buf roles = BUF_INIT;
	struct json_put inner = json_put_into(&roles);
	struct slice role;

	while (auth_list_next(&in, &role))
		(void)put_role(&inner, auth, role);
	if (lacks_root(user))
		(void)put_role(&inner, auth, SLICE_LITERAL(AUTH_ROOT));
	json_put_open(json, NULL, '{');
	json_put_text(json, "user", buf_slice(&user->name));
	if (roles.size > 0) {
		json_put_open(json, "roles", '[');
		buf_append_slice(json->out, buf_slice(&roles));
		json_put_close(json, ']');
	}
	json_put_close(json, '}');
	buf_free(&roles);
}

static void
put_all_users(struct json_put *json, const struct auth *auth)
{
	json_put_open(json, NULL, '{');
	if (auth->user_count == 0) {
		json_put_raw(json, "users", "null");
	} else {
		json_put_open(json, "users", '[');
		for (size_t i = 0; i < auth->user_count; i++)
			put_user(json, auth, auth->users[i]);
		json_put_close(json, ']');
	}
	json_put_close(json, '}');
}

/* In the order of names, and root is one of them. */
static void
put_all_roles(struct json_put *json, const struct auth *auth)
{
	bool root = false;

	json_put_open(json, NULL, '{');
	json_put_open(json, "roles", '[');
	for (size_t i = 0; i < auth->role_count; i++) {
		struct slice name = buf_slice(&auth->roles[i]->name);

		if (!root && slice_compare(name, SLICE_LITERAL(AUTH_ROOT)) > 0)
			root = put_role(json, auth, SLICE_LITERAL(AUTH_ROOT));
		(void)put_role(json, auth, name);
	}
	if (!root)
		(void)put_role(json, auth, SLICE_LITERAL(AUTH_ROOT));
	json_put_close(json, ']');
	json_put_close(json, '}');
}

static void
send_body(struct request *request, unsigned status, struct buf *body)
{
	if (body->size > 0)
		buf_append_byte(body, '\n');
	cluster_id_header(request);
	response_send(request, status, "application/json", buf_slice(body));
	buf_free(body);
}

static void
send_refusal(struct request *request, unsigned status, const char *format, struct slice text)
{
	struct buf sentence = BUF_INIT;

	buf_printf(&sentence, format, SLICE_ARGS(text));
	gate_send_message(request, status, buf_slice(&sentence));
	buf_free(&sentence);
}

/* ---- changes ------------------------------------------------------------------------ */

/* 0: the error is none of these. */
static unsigned
status_of(enum err error)
{
	switch ((int)error) {
	case ERR_AUTH_INVALID:
		return 400;
	case ERR_AUTH_FORBIDDEN:
		return 403;
	case ERR_AUTH_MISSING:
		return 404;
	case ERR_AUTH_CONFLICT:
		return 409;
	default:
		return 0;
	}
}

static void
put_changed_user(struct buf *body, const struct auth *auth, struct slice name)
{
	const struct auth_user *user = auth_user(auth, name);
	struct json_put json = json_put_into(body);

	json_put_open(&json, NULL, '{');
	json_put_text(&json, "user", name);
	/* He may be gone again. */
	if (user == NULL)
		json_put_raw(&json, "roles", "null");
	else
		put_list(&json, "roles", buf_slice(&user->roles),
		    (user->flags & AUTH_NO_ROLES) != 0);
	json_put_close(&json, '}');
}

static void
send_changed(const struct auth_call *asked, bool created)
{
	struct request *request = asked->request;
	const struct auth *auth = gate_auth(request->worker);
	struct buf body = BUF_INIT;
	struct json_put json = json_put_into(&body);

	if (asked->op == AUTH_PUT_USER)
		put_changed_user(&body, auth, asked->name);
	else if (asked->op == AUTH_MAKE_ROLE || asked->op == AUTH_CHANGE_ROLE)
		(void)put_role(&json, auth, asked->name);
	send_body(request, created || asked->op == AUTH_MAKE_ROLE ? 201 : 200, &body);
}

static void
changed(struct backend_call *call, const struct msg_outcome *outcome)
{
	const struct auth_call *asked = CONTAINER_OF(call, struct auth_call, call);
	struct request *request = asked->request;
	enum err error = err_from_number(outcome->error);

	request->gone = NULL;
	if (error == ERR_NONE)
		send_changed(asked, slice_equal(outcome->cause, SLICE_LITERAL(AUTH_MADE_CAUSE)));
	else if (status_of(error) != 0)
		send_refusal(request, status_of(error), "auth: %.*s", outcome->cause);
	else if (error == ERR_UNAUTHORIZED)
		gate_refuse(request);
	else
		api_error(request, error, outcome->cause, outcome->store_index);
}

static void
gone(struct request *request)
{
	struct auth_call *asked = request->state;

	backend_cancel(request->worker->backend, &asked->call);
}

static struct auth_call *
call_new(struct request *request, int op, struct slice name)
{
	struct auth_call *asked = arena_zalloc(&request->arena, sizeof(*asked));

	asked->request = request;
	asked->op = op;
	asked->name = arena_copy(&request->arena, name);
	asked->call.done = changed;
	asked->call.sent_ns = &request->sent_ns;
	return asked;
}

static void
send_change(struct auth_call *asked, struct msg_auth_change *change)
{
	struct request *request = asked->request;

	if (backend_is_full(request->worker->backend)) {
		api_error(request, ERR_RAFT_INTERNAL,
		    SLICE_LITERAL("too many requests are under way"), 0);
		return;
	}
	request->state = asked;
	request->gone = gone;
	change->op = (uint8_t)asked->op;
	change->name = asked->name;
	change->user = request->user;
	change->credential = request->credential;
	backend_auth_change(request->worker->backend, &asked->call, change);
	request_drop_body(request);
}

static void
change_plainly(struct request *request, int op, struct slice name)
{
	struct msg_auth_change change = { .op = (uint8_t)op };

	/* A name that no user can have goes no further: it would be of no use in the log. */
	if (name.size > AUTH_NAME_BYTES_MAX)
		send_refusal(request, 404, "auth: %.*s... does not exist", slice_of(name.data, 64));
	else
		send_change(call_new(request, op, name), &change);
}

/* ---- users -------------------------------------------------------------------------- */

static void
send_user_change(struct auth_call *asked, struct slice hash)
{
	struct msg_auth_change change = { .hash = hash, .first = asked->lists[0],
		.second = asked->lists[1], .third = asked->lists[2] };

	send_change(asked, &change);
}

static void
hashed(void *argument, const char *hash)
{
	struct auth_call *asked = argument;

	if (hash == NULL)
		api_error(asked->request, ERR_RAFT_INTERNAL,
		    SLICE_LITERAL("no hash of the password can be made"), 0);
	else
		send_user_change(asked, slice_text(hash));
}

static void
put_user_text(struct request *request, struct slice name, const struct text_user *user)
{
	struct auth_call *asked;

	if (!slice_equal(buf_slice(&user->name), name)) {
		gate_send_message(request, 400,
		    SLICE_LITERAL("User JSON name does not match the name in the URL"));
		return;
	}
	if (user->roles.size > 0 && (user->grant.size > 0 || user->revoke.size > 0)) {
		gate_send_message(request, 400,
		    SLICE_LITERAL("User JSON contains both roles and grant/revoke"));
		return;
	}
	asked = call_new(request, AUTH_PUT_USER, name);
	asked->lists[0] = arena_copy(&request->arena, buf_slice(&user->roles));
	asked->lists[1] = arena_copy(&request->arena, buf_slice(&user->grant));
	asked->lists[2] = arena_copy(&request->arena, buf_slice(&user->revoke));
	if (user->password.size == 0)
		send_user_change(asked, SLICE_EMPTY);
	else
		gate_hash(request, buf_slice(&user->password), hashed, asked);
}

static void
refuse_body(struct request *request, enum err err)
{
	char sentence[256];

	if (err == ERR_MALFORMED) {
		gate_send_message(request, 400, SLICE_LITERAL(BAD_JSON));
		return;
	}
	snprintf(sentence, sizeof(sentence), "auth: too long or too many: names have 1 to %d "
	    "bytes, passwords at most %d and no zero byte, patterns 1 to %zu, a user %d roles, a "
	    "role %d patterns to read and to write, a body %zu bytes", AUTH_NAME_BYTES_MAX,
	    AUTH_PASSWORD_BYTES_MAX, AUTH_PATTERN_BYTES_MAX, AUTH_USER_ROLES_MAX,
	    AUTH_PATTERNS_MAX, AUTH_BODY_BYTES_MAX);
	gate_send_message(request, 400, slice_text(sentence));
}

static void
put_user_body(struct request *request, struct slice name)
{
	struct text_user user = { .name = BUF_INIT };
	enum err err = text_user_read(request->body, &user);

	if (err != ERR_NONE)
		refuse_body(request, err);
	else
		put_user_text(request, name, &user);
	text_user_free(&user);
}

static void
send_user(struct request *request, struct slice name)
{
	const struct auth *auth = gate_auth(request->worker);
	const struct auth_user *user = auth_user(auth, name);
	struct buf body = BUF_INIT;
	struct json_put json = json_put_into(&body);

	if (user == NULL) {
		send_refusal(request, 404, "auth: User %.*s does not exist",
		    slice_of(name.data, MIN_OF(name.size, (size_t)AUTH_NAME_BYTES_MAX)));
		return;
	}
	put_user(&json, auth, user);
	send_body(request, 200, &body);
}

/* ---- roles -------------------------------------------------------------------------- */

static bool
is_empty(const struct text_patterns *patterns)
{
	return patterns->read.size == 0 && patterns->write.size == 0;
}

static void
put_role_text(struct request *request, struct slice name, const struct text_role *role)
{
	bool make = is_empty(&role->grant) && is_empty(&role->revoke);
	struct msg_auth_change change = { .low = 0 };

	if (!slice_equal(buf_slice(&role->name), name)) {
		gate_send_message(request, 400,
		    SLICE_LITERAL("Role JSON name does not match the name in the URL"));
		return;
	}
	if (!make && !is_empty(&role->permissions)) {
		gate_send_message(request, 400,
		    SLICE_LITERAL("Role JSON contains both permissions and grant/revoke"));
		return;
	}
	if (make) {
		change.first = buf_slice(&role->permissions.read);
		change.second = buf_slice(&role->permissions.write);
		change.flags = (uint8_t)((role->permissions.has_read ? 0 : AUTH_FLAG_NO_READ) |
		    (role->permissions.has_write ? 0 : AUTH_FLAG_NO_WRITE));
	} else {
		change.first = buf_slice(&role->grant.read);
		change.second = buf_slice(&role->grant.write);
		change.third = buf_slice(&role->revoke.read);
		change.fourth = buf_slice(&role->revoke.write);
	}
	send_change(call_new(request, make ? AUTH_MAKE_ROLE : AUTH_CHANGE_ROLE, name), &change);
}

static void
put_role_body(struct request *request, struct slice name)
{
	struct text_role role = { .name = BUF_INIT };
	enum err err = text_role_read(request->body, &role);

	if (err != ERR_NONE)
		refuse_body(request, err);
	else
		put_role_text(request, name, &role);
	text_role_free(&role);
}

static void
send_role(struct request *request, struct slice name)
{
	struct buf body = BUF_INIT;
	struct json_put json = json_put_into(&body);

	if (put_role(&json, gate_auth(request->worker), name))
		send_body(request, 200, &body);
	else
		send_refusal(request, 404, "auth: Role %.*s does not exist.",
		    slice_of(name.data, MIN_OF(name.size, (size_t)AUTH_NAME_BYTES_MAX)));
}

/* ---- paths -------------------------------------------------------------------------- */

static bool
is_read(const struct request *request)
{
	return (request->method & (METHOD_GET | METHOD_HEAD)) != 0;
}

static void
handle_enable(struct request *request)
{
	struct buf body = BUF_INIT;

	if (is_read(request)) {
		buf_append_text(&body, gate_is_closed(request->worker) ? "{\"enabled\":true}" :
		    "{\"enabled\":false}");
		send_body(request, 200, &body);
	} else if (!gate_is_root(request)) {
		gate_refuse(request);
	} else {
		change_plainly(request, request->method == METHOD_PUT ? AUTH_ENABLE :
		    AUTH_DISABLE, SLICE_EMPTY);
	}
}

static void
handle_all(struct request *request, bool users)
{
	const struct auth *auth = gate_auth(request->worker);
	struct buf body = BUF_INIT;
	struct json_put json = json_put_into(&body);

	if (!is_read(request)) {
		response_header(request, "Allow", "GET");
		response_plain_error(request, 405, "Method Not Allowed");
		return;
	}
	if (users)
		put_all_users(&json, auth);
	else
		put_all_roles(&json, auth);
	send_body(request, 200, &body);
}

static void
handle_user(struct request *request, struct slice name)
{
	if (is_read(request))
		send_user(request, name);
	else if (request->method == METHOD_PUT)
		put_user_body(request, name);
	else
		change_plainly(request, AUTH_REMOVE_USER, name);
}

static void
handle_role(struct request *request, struct slice name)
{
	if (is_read(request))
		send_role(request, name);
	else if (request->method == METHOD_PUT)
		put_role_body(request, name);
	else
		change_plainly(request, AUTH_REMOVE_ROLE, name);
}

/* What stands behind directory in rest: nothing, or a name behind a '/'. */
static bool
is_in(struct slice rest, const char *directory, struct slice *name)
{
	struct slice prefix = slice_text(directory);

	if (!slice_starts_with(rest, prefix))
		return false;
	*name = slice_of(rest.data + prefix.size, rest.size - prefix.size);
	if (name->size > 0 && name->data[0] != '/')
		return false;
	if (name->size > 0)
		*name = slice_of(name->data + 1, name->size - 1);
	return true;
}

void
auth_handle(struct request *request)
{
	struct slice rest = slice_of(request->path.data + AUTH_PATH_SIZE,
	    request->path.size - AUTH_PATH_SIZE);
	struct slice name;
	bool users;

	if (rest.size > 0 && rest.data[rest.size - 1] == '/')
		rest.size--;
	if (slice_equal(rest, SLICE_LITERAL("/enable"))) {
		handle_enable(request);
		return;
	}
	users = is_in(rest, "/users", &name);
	if (!users && !is_in(rest, "/roles", &name)) {
		response_plain_error(request, 404, "404 page not found");
		return;
	}
	if (!gate_is_root(request))
		gate_refuse(request);
	else if (name.size == 0)
		handle_all(request, users);
	else if (memchr(name.data, '/', name.size) != NULL)
		gate_send_message(request, 400, SLICE_LITERAL("Invalid path"));
	else if (users)
		handle_user(request, name);
	else
		handle_role(request, name);
}
