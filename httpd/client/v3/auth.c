/*
 * auth.c - the Auth service of the v3 API, where it shows users and roles.
 *
 * They are this worker's copy. raftd is asked first for the revision, by a quorum: what it has
 * pushed before its answer is in the copy, so nothing that was acknowledged is missing.
 *
 * Source: docs/api.md, "v3".
 */
#include "common/auth/auth.h"
#include "httpd/client/v3/asked.h"
#include "httpd/client/v3/methods.h"
#include "httpd/worker.h"

/* Says what is there; header has the revision. */
typedef void show_function(struct v3_asked *asked, struct v3_response_header *header);

static const struct v3_auth *
auth_of(const struct v3_call *call)
{
	return v3_users_auth(call->request->worker);
}

static void
show(struct v3_asked *asked, const struct msg_outcome *outcome, show_function *say)
{
	struct v3_response_header header = call_header(asked->of, outcome->raft_term);
	struct reader in = reader_of(outcome->event);
	struct v3_state_answer state;

	if (!v3_state_answer_get(&in, &state)) {
		asked_fail(asked);
	} else if (!asked_is_refused(asked, state.error)) {
		header.revision = (int64_t)state.revision;
		say(asked, &header);
	}
}

static void
ask(struct v3_call *call, void (*shown)(struct v3_asked *asked, const struct msg_outcome *outcome),
    struct slice name)
{
	struct v3_asked *asked;

	if (!call_may_ask(call))
		return;
	asked = asked_new_shown(call, shown);
	asked->name = arena_copy(&call->request->arena, name);
	backend_v3_state(call->request->worker->backend, &asked->call,
	    &(struct msg_v3_state){ .what = V3_STATE_FIGURES, .quorum = 1 });
}

/* ---- all of them ------------------------------ */

static void
say_status(struct v3_asked *asked, struct v3_response_header *header)
{
	const struct v3_auth *auth = auth_of(asked->of);

	call_answer(asked->of, &(struct v3_auth_status_response){ .header = header,
	    .enabled = auth->enabled, .authRevision = v3_auth_revision(auth) });
}

static void
show_status(struct v3_asked *asked, const struct msg_outcome *outcome)
{
	show(asked, outcome, say_status);
}

void
serve_auth_status(struct v3_call *call, const void *message UNUSED)
{
	ask(call, show_status, SLICE_EMPTY);
}

static struct v3_slices
names_of(struct v3_call *call, const struct v3_auth_entries *entries)
{
	struct slice *names = arena_alloc(&call->request->arena,
	    (entries->count + 1) * sizeof(*names));

	for (size_t i = 0; i < entries->count; i++)
		names[i] = buf_slice(&entries->items[i]->name);
	return (struct v3_slices){ names, entries->count };
}

static void
say_users(struct v3_asked *asked, struct v3_response_header *header)
{
	call_answer(asked->of, &(struct v3_auth_user_list_response){ .header = header,
	    .users = names_of(asked->of, &auth_of(asked->of)->users) });
}

static void
show_users(struct v3_asked *asked, const struct msg_outcome *outcome)
{
	show(asked, outcome, say_users);
}

void
serve_user_list(struct v3_call *call, const void *message UNUSED)
{
	ask(call, show_users, SLICE_EMPTY);
}

static void
say_roles(struct v3_asked *asked, struct v3_response_header *header)
{
	call_answer(asked->of, &(struct v3_auth_role_list_response){ .header = header,
	    .roles = names_of(asked->of, &auth_of(asked->of)->roles) });
}

static void
show_roles(struct v3_asked *asked, const struct msg_outcome *outcome)
{
	show(asked, outcome, say_roles);
}

void
serve_role_list(struct v3_call *call, const void *message UNUSED)
{
	ask(call, show_roles, SLICE_EMPTY);
}

/* ---- one of them ------------------------------ */

/* Who has not the role root sees himself, and the roles that he has. */
static bool
may_see_user(const struct v3_call *call)
{
	const struct v3_asked *asked = call->state;
	const struct v3_auth_entry *user = call_user(call);

	return v3_auth_is_root(user) ||
	    (user != NULL && slice_equal(buf_slice(&user->name), asked->name));
}

static bool
may_see_role(const struct v3_call *call)
{
	const struct v3_asked *asked = call->state;
	const struct v3_auth_entry *user = call_user(call);

	return v3_auth_is_root(user) ||
	    (user != NULL && v3_auth_has_role(user, asked->name));
}

static void
say_user(struct v3_asked *asked, struct v3_response_header *header)
{
	const struct v3_auth_entry *user = v3_auth_user(auth_of(asked->of), asked->name);
	struct slice *roles;
	struct reader in;
	size_t count = 0;

	if (v3_users_count(asked->of->request->worker) && !may_see_user(asked->of)) {
		call_end(asked->of, v3_status_of(V3_REFUSE_PERMISSION));
		return;
	}
	if (user == NULL) {
		call_end(asked->of, v3_status_of(V3_REFUSE_USER_NOT_FOUND));
		return;
	}
	roles = arena_alloc(&asked->of->request->arena,
	    (auth_list_count(buf_slice(&user->list)) + 1) * sizeof(*roles));
	in = reader_of(buf_slice(&user->list));
	while (auth_list_next(&in, &roles[count]))
		count++;
	call_answer(asked->of, &(struct v3_auth_user_get_response){ .header = header,
	    .roles = { roles, count } });
}

static void
show_user(struct v3_asked *asked, const struct msg_outcome *outcome)
{
	show(asked, outcome, say_user);
}

void
serve_user_get(struct v3_call *call, const void *message)
{
	const struct v3_auth_user_get_request *request = message;

	ask(call, show_user, request->name);
}

static void
say_role(struct v3_asked *asked, struct v3_response_header *header)
{
	const struct v3_auth_entry *role = v3_auth_role(auth_of(asked->of), asked->name);
	struct v3_auth_permission permission;
	struct v3_permission *shown;
	struct reader in;
	size_t count = 0;

	if (v3_users_count(asked->of->request->worker) && !may_see_role(asked->of)) {
		call_end(asked->of, v3_status_of(V3_REFUSE_PERMISSION));
		return;
	}
	if (role == NULL) {
		call_end(asked->of, v3_status_of(V3_REFUSE_ROLE_NOT_FOUND));
		return;
	}
	in = reader_of(buf_slice(&role->list));
	while (v3_auth_next(&in, &permission))
		count++;
	shown = arena_zalloc(&asked->of->request->arena, (count + 1) * sizeof(*shown));
	in = reader_of(buf_slice(&role->list));
	for (size_t i = 0; v3_auth_next(&in, &permission); i++)
		shown[i] = (struct v3_permission){ .permType = permission.type,
			.key = permission.key, .range_end = permission.end };
	call_answer(asked->of, &(struct v3_auth_role_get_response){ .header = header,
	    .perm = { shown, count } });
}

static void
show_role(struct v3_asked *asked, const struct msg_outcome *outcome)
{
	show(asked, outcome, say_role);
}

void
serve_role_get(struct v3_call *call, const void *message)
{
	const struct v3_auth_role_get_request *request = message;

	ask(call, show_role, request->role);
}
