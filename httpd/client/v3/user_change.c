/*
 * user_change.c - the changes of the Auth service: users, roles, whether they count.
 *
 * raftd decides, when a change is applied. Passwords go no further than to a hash of them.
 */
#include "httpd/client/v3/user_change.h"

#include "common/limits.h"
#include "common/v3_error.h"
#include "httpd/client/gate.h"
#include "httpd/client/v3/methods.h"
#include "httpd/worker.h"

/* ---- asked of raftd ------------------------------ */

bool
user_change_read(const struct v3_asked *asked, const struct msg_outcome *outcome,
    struct v3_response_header *header)
{
	struct reader in = reader_of(outcome->event);
	struct v3_answer answer;

	if (!v3_answer_get(&in, &answer)) {
		asked_fail(asked);
		return false;
	}
	if (asked_is_refused(asked, answer.error))
		return false;
	*header = call_header(asked->of, outcome->raft_term);
	header->revision = (int64_t)answer.revision;
	return true;
}

/* All responses to changes are a header alone. */
static void
show_done(struct v3_asked *asked, const struct msg_outcome *outcome)
{
	struct v3_response_header header;

	if (user_change_read(asked, outcome, &header))
		call_answer(asked->of, &(struct v3_auth_enable_response){ .header = &header });
}

void
user_change_ask(struct v3_call *call, const struct msg_v3_auth_change *change,
    void (*show)(struct v3_asked *asked, const struct msg_outcome *outcome))
{
	struct msg_v3_auth_change asked = *change;

	/* Longer ones nobody has, and nobody gets. */
	if (asked.name.size > V3_AUTH_NAME_BYTES_MAX || asked.role.size > V3_AUTH_NAME_BYTES_MAX) {
		call_end(call, (struct v3_status){ V3_INVALID_ARGUMENT,
		    "the name of a user or role has at most 255 bytes" });
		return;
	}
	if (!call_may_ask(call))
		return;
	if (asked.credential == 0)
		asked.credential = call->who.credential;
	call->decided = true;
	backend_v3_auth_change(call->request->worker->backend,
	    &asked_new_shown(call, show == NULL ? show_done : show)->call, &asked);
}

/* ---- passwords ------------------------------ */

static void
password_over(struct user_password *password)
{
	if (password->waiter != NULL)
		gate_forget(password->waiter);
	password->waiter = NULL;
	loop_timer_free(&password->rest);
}

static void
password_gone(struct v3_call *call)
{
	password_over(call->state);
}

struct user_password *
user_password_new(struct v3_call *call, struct slice name)
{
	struct user_password *password = arena_zalloc(&call->request->arena, sizeof(*password));

	password->of = call;
	password->name = arena_copy(&call->request->arena, name);
	call->state = password;
	call->gone = password_gone;
	return password;
}

bool
user_password_is_good(struct v3_call *call, struct slice password)
{
	if (password.size <= AUTH_PASSWORD_BYTES_MAX &&
	    (password.size == 0 || memchr(password.data, '\0', password.size) == NULL))
		return true;
	call_end(call, (struct v3_status){ V3_INVALID_ARGUMENT,
	    "a password has at most 72 bytes, and no zero byte" });
	return false;
}

static void
rested(void *argument)
{
	struct user_password *password = argument;

	password_over(password);
	call_end(password->of, v3_status_of(V3_REFUSE_TOO_MANY_REQUESTS));
}

static void
rest(struct user_password *password)
{
	password->rest = loop_timer_new(password->of->request->worker->loop, rested, password);
	loop_timer_set(password->rest, AUTH_REFUSED_MS);
}

static void
checked(void *argument, bool right)
{
	struct user_password *password = argument;

	password->waiter = NULL;
	password->checked(password, right);
}

static void
hashed(void *argument, const char *hash)
{
	struct user_password *password = argument;

	password->waiter = NULL;
	if (hash == NULL)
		call_end(password->of, (struct v3_status){ V3_INTERNAL,
		    "no hash can be made of the password" });
	else
		password->hashed(password, hash);
}

void
user_password_check(struct user_password *password, struct slice text, struct slice hash)
{
	password->waiter = gate_check_for_call(password->of->request, password->name, text, hash,
	    checked, password);
	if (password->waiter == NULL)
		rest(password);
}

void
user_password_hash(struct user_password *password, struct slice text)
{
	password->waiter = gate_hash_for_call(password->of->request, text, hashed, password);
	if (password->waiter == NULL)
		rest(password);
}

/* ---- whether they count ------------------------------ */

void
serve_auth_enable(struct v3_call *call, const void *message UNUSED)
{
	user_change_ask(call, &(struct msg_v3_auth_change){ .op = V3_AUTH_ENABLE }, NULL);
}

void
serve_auth_disable(struct v3_call *call, const void *message UNUSED)
{
	user_change_ask(call, &(struct msg_v3_auth_change){ .op = V3_AUTH_DISABLE }, NULL);
}

/* ---- users ------------------------------ */

static void
add_user(struct user_password *password, const char *hash)
{
	user_change_ask(password->of, &(struct msg_v3_auth_change){ .op = V3_AUTH_ADD_USER,
	    .name = password->name, .hash = slice_text(hash) }, NULL);
}

static void
change_password(struct user_password *password, const char *hash)
{
	user_change_ask(password->of, &(struct msg_v3_auth_change){ .op = V3_AUTH_SET_PASSWORD,
	    .name = password->name, .hash = slice_text(hash) }, NULL);
}

/* hashedPassword is not looked at: whoever may add users knows their passwords. */
void
serve_user_add(struct v3_call *call, const void *message)
{
	const struct v3_auth_user_add_request *request = message;
	struct user_password *password;

	/* No hash is made for nobody. */
	if (request->name.size == 0) {
		call_end(call, v3_status_of(V3_REFUSE_USER_EMPTY));
		return;
	}
	if (request->options != NULL && request->options->no_password) {
		user_change_ask(call, &(struct msg_v3_auth_change){ .op = V3_AUTH_ADD_USER,
		    .name = request->name, .flags = V3_AUTH_NO_PASSWORD }, NULL);
		return;
	}
	if (!user_password_is_good(call, request->password))
		return;
	password = user_password_new(call, request->name);
	password->hashed = add_user;
	user_password_hash(password, request->password);
}

void
serve_user_change_password(struct v3_call *call, const void *message)
{
	const struct v3_auth_user_change_password_request *request = message;
	struct user_password *password;

	if (!user_password_is_good(call, request->password))
		return;
	password = user_password_new(call, request->name);
	password->hashed = change_password;
	user_password_hash(password, request->password);
}

void
serve_user_delete(struct v3_call *call, const void *message)
{
	const struct v3_auth_user_delete_request *request = message;

	user_change_ask(call, &(struct msg_v3_auth_change){ .op = V3_AUTH_REMOVE_USER,
	    .name = request->name }, NULL);
}

void
serve_user_grant_role(struct v3_call *call, const void *message)
{
	const struct v3_auth_user_grant_role_request *request = message;

	user_change_ask(call, &(struct msg_v3_auth_change){ .op = V3_AUTH_GRANT_ROLE,
	    .name = request->user, .role = request->role }, NULL);
}

void
serve_user_revoke_role(struct v3_call *call, const void *message)
{
	const struct v3_auth_user_revoke_role_request *request = message;

	user_change_ask(call, &(struct msg_v3_auth_change){ .op = V3_AUTH_REVOKE_ROLE,
	    .name = request->name, .role = request->role }, NULL);
}

/* ---- roles ------------------------------ */

void
serve_role_add(struct v3_call *call, const void *message)
{
	const struct v3_auth_role_add_request *request = message;

	user_change_ask(call, &(struct msg_v3_auth_change){ .op = V3_AUTH_ADD_ROLE,
	    .role = request->name }, NULL);
}

void
serve_role_delete(struct v3_call *call, const void *message)
{
	const struct v3_auth_role_delete_request *request = message;

	user_change_ask(call, &(struct msg_v3_auth_change){ .op = V3_AUTH_REMOVE_ROLE,
	    .role = request->role }, NULL);
}

/* False: the call is over. */
static bool
is_range(struct v3_call *call, struct slice key, struct slice end)
{
	if (key.size <= V3_AUTH_KEY_BYTES_MAX && end.size <= V3_AUTH_KEY_BYTES_MAX)
		return true;
	call_end(call, (struct v3_status){ V3_INVALID_ARGUMENT,
	    "a permission has at most 4096 bytes of key and of range_end" });
	return false;
}

void
serve_role_grant_permission(struct v3_call *call, const void *message)
{
	const struct v3_auth_role_grant_permission_request *request = message;
	const struct v3_permission *perm = request->perm;

	if (perm == NULL)
		call_end(call, v3_status_of(V3_REFUSE_PERMISSION_NOT_GIVEN));
	else if (perm->permType < V3_PERMISSION_READ || perm->permType > V3_PERMISSION_READWRITE)
		call_end(call, v3_status_of(V3_REFUSE_AUTH_MANAGEMENT));
	else if (is_range(call, perm->key, perm->range_end))
		user_change_ask(call, &(struct msg_v3_auth_change){ .op = V3_AUTH_GRANT,
		    .role = request->name, .type = (uint8_t)perm->permType, .key = perm->key,
		    .end = perm->range_end }, NULL);
}

void
serve_role_revoke_permission(struct v3_call *call, const void *message)
{
	const struct v3_auth_role_revoke_permission_request *request = message;

	if (is_range(call, request->key, request->range_end))
		user_change_ask(call, &(struct msg_v3_auth_change){ .op = V3_AUTH_REVOKE,
		    .role = request->role, .key = request->key, .end = request->range_end },
		    NULL);
}
