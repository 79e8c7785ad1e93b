/*
 * auth_fuzz.c - what clients send about users and roles: bodies of /v2/auth, and the header
 * that shows who they are.
 *
 * Any bytes: what is taken keeps to the limits, and is a user or role that can be kept.
 */
#include "tests/fuzz/fuzz.h"

#include "common/auth/auth.h"
#include "httpd/client/auth_text.h"

static void
try_user(struct slice body)
{
	struct text_user text = { .name = BUF_INIT };
	struct auth user_of = { .enabled = false };

	if (text_user_read(body, &text) == ERR_NONE) {
		ASSERT(text.name.size <= AUTH_NAME_BYTES_MAX);
		ASSERT(text.password.size <= AUTH_PASSWORD_BYTES_MAX);
		if (auth_name_is_good(buf_slice(&text.name)))
			MUST(auth_set_user(&user_of, &(struct auth_user){ .name = text.name,
			    .roles = text.roles }) == ERR_NONE);
		auth_list_sort(&text.grant);
		ASSERT(auth_roles_are_good(buf_slice(&text.grant)));
	}
	auth_clear(&user_of);
	text_user_free(&text);
}

static void
try_role(struct slice body)
{
	struct text_role text = { .name = BUF_INIT };
	struct auth role_of = { .enabled = true };
	struct auth_who guest = { .user = SLICE_EMPTY };

	if (text_role_read(body, &text) == ERR_NONE) {
		struct auth_role role = { .name = text.name, .read = text.permissions.read,
			.write = text.permissions.write };

		if (auth_name_is_good(buf_slice(&text.name)))
			MUST(auth_set_role(&role_of, &role) == ERR_NONE);
		/* Whatever its patterns are, what may be written may be asked for. */
		(void)auth_may_read(&role_of, &guest, SLICE_LITERAL("/a/b"));
		ASSERT(!auth_may_write(&role_of, &guest, SLICE_LITERAL("/_etcd/x"), AUTH_KEY));
	}
	auth_clear(&role_of);
	text_role_free(&text);
}

static void
try_header(struct slice header)
{
	struct text_basic basic;

	if (!text_basic_read(header, &basic))
		return;
	ASSERT(auth_name_is_good(text_basic_user(&basic)));
	ASSERT(text_basic_password(&basic).size <= AUTH_PASSWORD_BYTES_MAX);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice bytes = slice_of(data, size);

	try_user(bytes);
	try_role(bytes);
	try_header(bytes);
	return 0;
}
