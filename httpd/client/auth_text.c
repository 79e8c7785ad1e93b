/*
 * auth_text.c - see auth_text.h.
 */
#include "httpd/client/auth_text.h"

#include "common/auth/auth.h"
#include "common/base64.h"
#include "httpd/json_walk.h"

#include <openssl/crypto.h>
#include <strings.h>

/* ---- basic authentication --------------------------------------------------------------- */

bool
text_basic_read(struct slice header, struct text_basic *basic)
{
	static const char scheme[] = "Basic ";
	const uint8_t *colon;
	size_t size;

	if (header.size < sizeof(scheme) - 1 || header.size > AUTH_HEADER_BYTES_MAX ||
	    strncasecmp((const char *)header.data, scheme, sizeof(scheme) - 1) != 0)
		return false;
	header = slice_of(header.data + sizeof(scheme) - 1, header.size - (sizeof(scheme) - 1));
	while (header.size > 0 && header.data[0] == ' ')
		header = slice_of(header.data + 1, header.size - 1);
	if (!base64_read(header, basic->bytes, &size))
		return false;
	colon = memchr(basic->bytes, ':', size);
	if (colon == NULL)
		return false;
	basic->user_bytes = (size_t)(colon - basic->bytes);
	basic->password_at = basic->user_bytes + 1;
	basic->password_bytes = size - basic->password_at;
	/* What no user can have need not be looked for. */
	return auth_name_is_good(text_basic_user(basic)) &&
	    basic->password_bytes <= AUTH_PASSWORD_BYTES_MAX &&
	    memchr(colon, '\0', basic->password_bytes + 1) == NULL;
}

struct slice
text_basic_user(const struct text_basic *basic)
{
	return slice_of(basic->bytes, basic->user_bytes);
}

struct slice
text_basic_password(const struct text_basic *basic)
{
	return slice_of(basic->bytes + basic->password_at, basic->password_bytes);
}

void
text_basic_wipe(struct text_basic *basic)
{
	OPENSSL_cleanse(basic, sizeof(*basic));
}

void
text_wipe(struct buf *buf)
{
	if (buf->data != NULL)
		OPENSSL_cleanse(buf->data, buf->capacity);
	buf_free(buf);
}

/* ---- bodies --------------------------------------------------------------------------------- */

/* A member of a body: where it stands, and where it goes. */
struct body_member {
	const char *place;
	struct buf *text;		/* a string; */
	struct buf *list;		/* or items of a list of strings, at place[] */
	bool *given;			/* with list: set if there is one; may be NULL */
};

struct body {
	const struct body_member *members;
	size_t count;
};

static bool
is_items(const char *place, const char *list)
{
	size_t size = strlen(list);

	return strncmp(place, list, size) == 0 && strcmp(place + size, "[]") == 0;
}

/* What a member may be; null is as if it were not there. */
static bool
take(const struct body_member *member, const char *place, enum json_kind kind, struct slice text)
{
	if (is_items(place, member->place)) {
		if (kind != JSON_STRING)
			return false;
		auth_list_add(member->list, text);
		return true;
	}
	if (kind == JSON_NULL)
		return true;
	if (member->text != NULL) {
		buf_clear(member->text);
		buf_append_slice(member->text, text);
		return kind == JSON_STRING;
	}
	if (member->given != NULL)
		*member->given = true;
	return kind == JSON_ARRAY || kind == JSON_ARRAY_END;
}

/* Others than ours are left out, as 2.x does; what stands around ours is an object. */
static bool
value(void *argument, const char *place, enum json_kind kind, struct slice text)
{
	const struct body *body = argument;

	for (size_t i = 0; i < body->count; i++) {
		const struct body_member *member = &body->members[i];
		size_t size = strlen(place);

		if (strcmp(place, member->place) == 0 ||
		    (member->list != NULL && is_items(place, member->place)))
			return take(member, place, kind, text);
		if (size == 0 || (strncmp(member->place, place, size) == 0 &&
		    member->place[size] == '.'))
			return kind == JSON_OBJECT || kind == JSON_OBJECT_END ||
			    (kind == JSON_NULL && size > 0);
	}
	return true;
}

static enum err
read_body(struct slice text, const struct body_member *members, size_t count)
{
	struct body body = { members, count };
	const char *problem;

	if (text.size > AUTH_BODY_BYTES_MAX)
		return ERR_TOO_BIG;
	return json_walk(text, (struct json_walker){ value, &body }, &problem);
}

enum err
text_user_read(struct slice body, struct text_user *user)
{
	const struct body_member members[] = {
		{ "user", &user->name, NULL, NULL },
		{ "password", &user->password, NULL, NULL },
		{ "roles", NULL, &user->roles, NULL },
		{ "grant", NULL, &user->grant, NULL },
		{ "revoke", NULL, &user->revoke, NULL },
	};
	enum err err = read_body(body, members, ARRAY_COUNT(members));

	if (err != ERR_NONE)
		return err;
	return user->name.size <= AUTH_NAME_BYTES_MAX &&
	    user->password.size <= AUTH_PASSWORD_BYTES_MAX &&
	    (user->password.size == 0 ||
	    memchr(user->password.data, '\0', user->password.size) == NULL) &&
	    auth_roles_are_good(buf_slice(&user->roles)) &&
	    auth_roles_are_good(buf_slice(&user->grant)) &&
	    auth_roles_are_good(buf_slice(&user->revoke)) ? ERR_NONE : ERR_TOO_BIG;
}

static bool
patterns_are_good(const struct text_patterns *patterns)
{
	return auth_patterns_are_good(buf_slice(&patterns->read)) &&
	    auth_patterns_are_good(buf_slice(&patterns->write));
}

enum err
text_role_read(struct slice body, struct text_role *role)
{
	const struct body_member members[] = {
		{ "role", &role->name, NULL, NULL },
		{ "permissions.kv.read", NULL, &role->permissions.read,
		    &role->permissions.has_read },
		{ "permissions.kv.write", NULL, &role->permissions.write,
		    &role->permissions.has_write },
		{ "grant.kv.read", NULL, &role->grant.read, &role->grant.has_read },
		{ "grant.kv.write", NULL, &role->grant.write, &role->grant.has_write },
		{ "revoke.kv.read", NULL, &role->revoke.read, &role->revoke.has_read },
		{ "revoke.kv.write", NULL, &role->revoke.write, &role->revoke.has_write },
	};
	enum err err = read_body(body, members, ARRAY_COUNT(members));

	if (err != ERR_NONE)
		return err;
	return role->name.size <= AUTH_NAME_BYTES_MAX && patterns_are_good(&role->permissions) &&
	    patterns_are_good(&role->grant) && patterns_are_good(&role->revoke) ? ERR_NONE :
	    ERR_TOO_BIG;
}

void
text_user_free(struct text_user *user)
{
	text_wipe(&user->password);
	buf_free(&user->name);
	buf_free(&user->roles);
	buf_free(&user->grant);
	buf_free(&user->revoke);
}

static void
patterns_free(struct text_patterns *patterns)
{
	buf_free(&patterns->read);
	buf_free(&patterns->write);
}

void
text_role_free(struct text_role *role)
{
	buf_free(&role->name);
	patterns_free(&role->permissions);
	patterns_free(&role->grant);
	patterns_free(&role->revoke);
}
