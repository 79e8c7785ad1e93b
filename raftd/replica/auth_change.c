/*
 * auth_change.c - what a change makes of users and roles (see auth_change.h).
 *
 * Sentences and their order are those of etcd 2.3.8. Beyond it there are bounds, and a user
 * or role of a name that no path of the API could show is refused.
 */
#include "raftd/replica/auth_change.h"

#include "common/ipc/wire.h"
#include "common/limits.h"

#include <stdarg.h>
#include <stdio.h>

/* A pattern in a sentence: the first bytes tell which it is. */
#define PATTERN_SHOWN 255

static void refuse(struct auth_changed *changed, enum err error, const char *format, ...)
    PRINTF_LIKE(3, 4);

static void
refuse(struct auth_changed *changed, enum err error, const char *format, ...)
{
	va_list arguments;

	changed->error = error;
	va_start(arguments, format);
	vsnprintf(changed->cause, sizeof(changed->cause), format, arguments);
	va_end(arguments);
}

static bool
is_named(struct slice name, const char *text)
{
	return slice_equal(name, slice_text(text));
}

static struct slice
shortened(struct slice text)
{
	return slice_of(text.data, MIN_OF(text.size, (size_t)PATTERN_SHOWN));
}

/* It changed, or it would be too much. */
static bool
done(struct auth_changed *changed, enum err err, const char *what)
{
	if (err == ERR_NONE) {
		changed->what = what;
		return true;
	}
	refuse(changed, ERR_AUTH_FORBIDDEN, "there are too many users, roles or patterns: %d, %d, "
	    "%d for each role and %zu bytes for all of them are the most", AUTH_USERS_MAX,
	    AUTH_ROLES_MAX, AUTH_PATTERNS_MAX, AUTH_BYTES_MAX);
	return false;
}

/* ---- whether they count ---------------------------------------------------------------- */

static void
enable(struct auth *auth, struct buf *effects, struct auth_changed *changed)
{
	struct auth_role guest = { .flags = 0 };
	bool made = true;

	if (auth->enabled) {
		refuse(changed, ERR_AUTH_CONFLICT, "already enabled");
		return;
	}
	if (auth_user(auth, SLICE_LITERAL(AUTH_ROOT)) == NULL) {
		refuse(changed, ERR_AUTH_CONFLICT, "No root user available, please create one");
		return;
	}
	if (auth_role(auth, SLICE_LITERAL(AUTH_GUEST)) == NULL) {
		buf_append_text(&guest.name, AUTH_GUEST);
		auth_list_add(&guest.read, SLICE_LITERAL("/*"));
		auth_list_add(&guest.write, SLICE_LITERAL("/*"));
		made = done(changed, auth_set_role(auth, &guest), "");
		buf_free(&guest.name);
		buf_free(&guest.read);
		buf_free(&guest.write);
		if (!made)
			return;
		auth_put_role(auth, SLICE_LITERAL(AUTH_GUEST), effects);
	}
	auth->enabled = true;
	changed->what = "enabled";
}

static void
disable(struct auth *auth, struct auth_changed *changed)
{
	if (!auth->enabled) {
		refuse(changed, ERR_AUTH_CONFLICT, "already disabled");
		return;
	}
	auth->enabled = false;
	changed->what = "disabled";
}

/* ---- users ------------------------------------------------------------------------------ */

/* Take some out of a list. */
static void
list_remove(struct buf *list, struct slice removed)
{
	struct reader in = reader_of(buf_slice(list));
	struct buf left = BUF_INIT;
	struct slice text;

	while (auth_list_next(&in, &text))
		if (!auth_list_has(removed, text))
			auth_list_add(&left, text);
	buf_free(list);
	*list = left;
}

static void
make_user(struct auth *auth, const struct command_auth *change, struct buf *effects,
    struct auth_changed *changed)
{
	struct auth_user user = { .credential = auth->revision + 1 };

	if (auth_user(auth, change->name) != NULL) {
		refuse(changed, ERR_AUTH_CONFLICT, "User %.*s already exists.",
		    SLICE_ARGS(change->name));
		return;
	}
	if (change->hash.size == 0) {
		refuse(changed, ERR_AUTH_INVALID, "Cannot create user %.*s with an empty password",
		    SLICE_ARGS(change->name));
		return;
	}
	if (change->first.size == 0 && !is_named(change->name, AUTH_ROOT))
		user.flags = AUTH_NO_ROLES;
	buf_append_slice(&user.name, change->name);
	buf_append_slice(&user.hash, change->hash);
	buf_append_slice(&user.roles, change->first);
	if (is_named(change->name, AUTH_ROOT) &&
	    !auth_list_has(change->first, SLICE_LITERAL(AUTH_ROOT)))
		auth_list_add(&user.roles, SLICE_LITERAL(AUTH_ROOT));
	if (done(changed, auth_set_user(auth, &user), "made")) {
		auth_put_user(auth, change->name, effects);
		/* With roles it is made and answered as a change is. */
		if (change->first.size == 0)
			snprintf(changed->cause, sizeof(changed->cause), "%s", AUTH_MADE_CAUSE);
	}
	buf_free(&user.name);
	buf_free(&user.hash);
	buf_free(&user.roles);
}

/* Granted and revoked roles as a new list. False: refused. */
static bool
change_roles(const struct command_auth *change, struct buf *roles, struct auth_changed *changed)
{
	struct reader in = reader_of(change->second);
	struct slice role;

	while (auth_list_next(&in, &role)) {
		if (auth_list_has(buf_slice(roles), role)) {
			refuse(changed, ERR_AUTH_CONFLICT,
			    "Granting duplicate role %.*s for user %.*s", SLICE_ARGS(role),
			    SLICE_ARGS(change->name));
			return false;
		}
		auth_list_add(roles, role);
	}
	in = reader_of(change->third);
	while (auth_list_next(&in, &role)) {
		if (!auth_list_has(buf_slice(roles), role)) {
			refuse(changed, ERR_AUTH_CONFLICT,
			    "Revoking ungranted role %.*s for user %.*s", SLICE_ARGS(role),
			    SLICE_ARGS(change->name));
			return false;
		}
		list_remove(roles, slice_of(role.data - CODEC_LENGTH_BYTES,
		    role.size + CODEC_LENGTH_BYTES));
	}
	auth_list_sort(roles);
	return true;
}

static void
change_user(struct auth *auth, const struct auth_user *old, const struct command_auth *change,
    struct buf *effects, struct auth_changed *changed)
{
	struct auth_user user = { .credential = old->credential };

	buf_append_slice(&user.name, change->name);
	buf_append_slice(&user.hash, change->hash.size > 0 ? change->hash : buf_slice(&old->hash));
	buf_append_slice(&user.roles, buf_slice(&old->roles));
	/* The user root has that role, whatever was taken from him. */
	if (is_named(change->name, AUTH_ROOT) &&
	    !auth_list_has(buf_slice(&old->roles), SLICE_LITERAL(AUTH_ROOT)))
		auth_list_add(&user.roles, SLICE_LITERAL(AUTH_ROOT));
	if (change->hash.size > 0)
		user.credential = auth->revision + 1;
	if (!change_roles(change, &user.roles, changed))
		goto out;
	if (change->hash.size == 0 && user.flags == old->flags &&
	    slice_equal(buf_slice(&user.roles), buf_slice(&old->roles))) {
		refuse(changed, ERR_AUTH_INVALID,
		    "User not updated. Use grant/revoke/password to update the user.");
		goto out;
	}
	if (done(changed, auth_set_user(auth, &user), change->hash.size == 0 ? "roles changed" :
	    "password changed"))
		auth_put_user(auth, change->name, effects);
out:
	buf_free(&user.name);
	buf_free(&user.hash);
	buf_free(&user.roles);
}

static void
put_user(struct auth *auth, const struct command_auth *change, struct buf *effects,
    struct auth_changed *changed)
{
	const struct auth_user *old = auth_user(auth, change->name);

	if (!auth_name_is_good(change->name))
		refuse(changed, ERR_AUTH_INVALID, "a user has a name of 1 to %d bytes, without '/'",
		    AUTH_NAME_BYTES_MAX);
	else if (change->second.size == 0 && change->third.size == 0 &&
	    (old == NULL || change->first.size > 0))
		make_user(auth, change, effects, changed);
	else if (old == NULL)
		refuse(changed, ERR_AUTH_MISSING, "User %.*s does not exist",
		    SLICE_ARGS(change->name));
	else
		change_user(auth, old, change, effects, changed);
}

static void
remove_user(struct auth *auth, struct slice name, struct buf *effects,
    struct auth_changed *changed)
{
	if (auth->enabled && is_named(name, AUTH_ROOT)) {
		refuse(changed, ERR_AUTH_FORBIDDEN,
		    "Cannot delete root user while auth is enabled.");
		return;
	}
	if (!auth_remove_user(auth, name)) {
		refuse(changed, ERR_AUTH_MISSING, "User %.*s does not exist", SLICE_ARGS(name));
		return;
	}
	auth_put_user(auth, name, effects);
	changed->what = "removed";
}

/* ---- roles ------------------------------------------------------------------------------ */

static void
make_role(struct auth *auth, const struct command_auth *change, struct buf *effects,
    struct auth_changed *changed)
{
	struct auth_role role = { .flags = change->flags };

	if (auth_role(auth, change->name) != NULL) {
		refuse(changed, ERR_AUTH_CONFLICT, "Role %.*s already exists.",
		    SLICE_ARGS(change->name));
		return;
	}
	buf_append_slice(&role.name, change->name);
	buf_append_slice(&role.read, change->first);
	buf_append_slice(&role.write, change->second);
	if (done(changed, auth_set_role(auth, &role), "made"))
		auth_put_role(auth, change->name, effects);
	buf_free(&role.name);
	buf_free(&role.read);
	buf_free(&role.write);
}

/* False: refused. What was not granted is revoked without a word. */
static bool
change_patterns(struct buf *patterns, struct slice granted, struct slice revoked,
    const char *kind, struct auth_changed *changed)
{
	struct reader in = reader_of(granted);
	struct slice pattern;

	while (auth_list_next(&in, &pattern)) {
		if (auth_list_has(buf_slice(patterns), pattern)) {
			refuse(changed, ERR_AUTH_CONFLICT,
			    "Granting duplicate %s permission %.*s", kind,
			    SLICE_ARGS(shortened(pattern)));
			return false;
		}
		auth_list_add(patterns, pattern);
	}
	list_remove(patterns, revoked);
	auth_list_sort(patterns);
	return true;
}

static void
change_role(struct auth *auth, const struct command_auth *change, struct buf *effects,
    struct auth_changed *changed)
{
	const struct auth_role *old = auth_role(auth, change->name);
	struct auth_role role = { .flags = 0 };

	if (old == NULL) {
		refuse(changed, ERR_AUTH_MISSING, "Role %.*s does not exist.",
		    SLICE_ARGS(change->name));
		return;
	}
	buf_append_slice(&role.name, change->name);
	buf_append_slice(&role.read, buf_slice(&old->read));
	buf_append_slice(&role.write, buf_slice(&old->write));
	if (!change_patterns(&role.read, change->first, change->third, "read", changed) ||
	    !change_patterns(&role.write, change->second, change->fourth, "write", changed))
		goto out;
	if (role.flags == old->flags &&
	    slice_equal(buf_slice(&role.read), buf_slice(&old->read)) &&
	    slice_equal(buf_slice(&role.write), buf_slice(&old->write))) {
		refuse(changed, ERR_AUTH_INVALID,
		    "Role not updated. Use grant/revoke to update the role.");
		goto out;
	}
	if (done(changed, auth_set_role(auth, &role), "rights changed"))
		auth_put_role(auth, change->name, effects);
out:
	buf_free(&role.name);
	buf_free(&role.read);
	buf_free(&role.write);
}

static void
remove_role(struct auth *auth, struct slice name, struct buf *effects,
    struct auth_changed *changed)
{
	if (!auth_remove_role(auth, name)) {
		refuse(changed, ERR_AUTH_MISSING, "Role %.*s doesn't exist.", SLICE_ARGS(name));
		return;
	}
	auth_put_role(auth, name, effects);
	changed->what = "removed";
}

/* ---- all ---------------------------------------------------------------------------------- */

/* Of roles: the role root is as it is. */
static bool
is_root_role(const struct command_auth *change)
{
	return (change->op == AUTH_MAKE_ROLE || change->op == AUTH_CHANGE_ROLE ||
	    change->op == AUTH_REMOVE_ROLE) && is_named(change->name, AUTH_ROOT);
}

static void
make_change(struct auth *auth, const struct command_auth *change, struct buf *effects,
    struct auth_changed *changed)
{
	switch ((enum auth_op)change->op) {
	case AUTH_ENABLE:
		enable(auth, effects, changed);
		return;
	case AUTH_DISABLE:
		disable(auth, changed);
		return;
	case AUTH_PUT_USER:
		put_user(auth, change, effects, changed);
		return;
	case AUTH_REMOVE_USER:
		remove_user(auth, change->name, effects, changed);
		return;
	case AUTH_MAKE_ROLE:
		if (auth_name_is_good(change->name))
			make_role(auth, change, effects, changed);
		else
			refuse(changed, ERR_AUTH_INVALID,
			    "a role has a name of 1 to %d bytes, without '/'",
			    AUTH_NAME_BYTES_MAX);
		return;
	case AUTH_CHANGE_ROLE:
		change_role(auth, change, effects, changed);
		return;
	case AUTH_REMOVE_ROLE:
		remove_role(auth, change->name, effects, changed);
		return;
	}
	refuse(changed, ERR_AUTH_INVALID, "not a change");
}

void
auth_change(struct auth *auth, const struct command_auth *change, struct buf *effects,
    struct auth_changed *changed)
{
	*changed = (struct auth_changed){ .error = ERR_NONE };
	if (is_root_role(change))
		refuse(changed, ERR_AUTH_FORBIDDEN, "Cannot modify role %s: is root role.",
		    AUTH_ROOT);
	else
		make_change(auth, change, effects, changed);
	if (changed->error != ERR_NONE)
		return;
	auth->revision++;
	auth_put_info(auth, effects);
}
