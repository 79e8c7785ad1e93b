/*
 * authenticate.c - Authenticate: a password is shown, and a token is given for it.
 *
 *	asked ---> checked	by a thread, as passwords of /v2 are	[user_password_check]
 *	checked --> made	an entry with the token's digest, so that every member knows of it
 *	made -----> answered	its letters, and the index of that entry
 */
#include "common/limits.h"
#include "httpd/client/v3/user_change.h"
#include "httpd/client/v3/methods.h"
#include "httpd/worker.h"

#include <inttypes.h>
#include <openssl/crypto.h>

static void
show_token(struct v3_asked *asked, const struct msg_outcome *outcome)
{
	struct v3_call *call = asked->of;
	struct v3_response_header header;
	struct slice token;

	if (!user_change_read(asked, outcome, &header))
		return;
	token = slice_text(arena_printf(&call->request->arena, "%.*s.%" PRIu64,
	    SLICE_ARGS(asked->token), outcome->raft_index));
	call_answer(call, &(struct v3_authenticate_response){ .header = &header,
	    .token = token });
}

static void
checked(struct user_password *password, bool right)
{
	struct v3_call *call = password->of;
	uint8_t digest[V3_TOKEN_DIGEST_BYTES];
	char letters[V3_TOKEN_LETTERS + 1];
	struct slice kept;

	if (!right) {
		call_end(call, v3_status_of(V3_REFUSE_AUTH_FAILED));
		return;
	}
	v3_users_make_token(letters, digest);
	kept = arena_copy(&call->request->arena, slice_text(letters));
	OPENSSL_cleanse(letters, sizeof(letters));
	call->state = NULL;
	user_change_ask(call, &(struct msg_v3_auth_change){ .op = V3_AUTH_MAKE_TOKEN,
	    .credential = password->credential,
	    .digest = slice_of(digest, sizeof(digest)) }, show_token);
	if (call->state != NULL)
		((struct v3_asked *)call->state)->token = kept;
}

void
serve_authenticate(struct v3_call *call, const void *message)
{
	const struct v3_authenticate_request *request = message;
	const struct v3_auth_entry *user =
	    v3_auth_user(v3_users_auth(call->request->worker), request->name);
	struct user_password *password;

	if (!v3_users_count(call->request->worker)) {
		call_end(call, v3_status_of(V3_REFUSE_AUTH_OFF));
		return;
	}
	/* As servers of the 3.4 series say it. */
	if (user != NULL && (user->flags & V3_AUTH_NO_PASSWORD) != 0) {
		call_end(call, (struct v3_status){ V3_UNKNOWN, "auth: authentication failed, "
		    "password was given for no password user" });
		return;
	}
	if (request->name.size > V3_AUTH_NAME_BYTES_MAX) {
		call_end(call, v3_status_of(V3_REFUSE_AUTH_FAILED));
		return;
	}
	if (!user_password_is_good(call, request->password))
		return;
	password = user_password_new(call, request->name);
	password->checked = checked;
	password->credential = user == NULL ? 0 : user->credential;
	user_password_check(password, request->password,
	    user == NULL ? SLICE_EMPTY : buf_slice(&user->hash));
}
