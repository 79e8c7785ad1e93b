/*
 * v3_auth_change.c - see v3_auth_change.h.
 *
 * What may be, and the order in which it is asked, is that of servers of the 3.4 series.
 */
#include "raftd/replica/v3_auth_change.h"

#include "common/auth/auth.h"
#include "common/ipc/wire.h"
#include "common/limits.h"

static bool
is_root(struct slice name)
{
	return slice_equal(name, SLICE_LITERAL(V3_AUTH_ROOT));
}

/* ---- whether they count ---------------------------------------------------------------- */

static enum v3_error
enable(struct v3_auth *auth)
{
	const struct v3_auth_entry *root = v3_auth_user(auth, SLICE_LITERAL(V3_AUTH_ROOT));

	if (auth->enabled)
		return V3_NONE;
	if (root == NULL)
		return V3_ROOT_USER_MISSING;
	if (!v3_auth_is_root(root))
		return V3_ROOT_ROLE_MISSING;
	auth->enabled = true;
	auth->version++;
	return V3_NONE;
}

static enum v3_error
make_token(const struct v3_auth *auth, const struct command_v3_auth *change)
{
	if (!auth->enabled)
		return V3_AUTH_OFF;
	return v3_auth_user_of(auth, change->credential) == NULL ? V3_AUTH_FAILED : V3_NONE;
}

/* ---- users ------------------------------------------------------------------------------ */

static struct v3_auth_entry
copy_of(const struct v3_auth_entry *entry)
{
	struct v3_auth_entry copy = { .credential = entry->credential, .flags = entry->flags };

	buf_append_slice(&copy.name, buf_slice(&entry->name));
	buf_append_slice(&copy.hash, buf_slice(&entry->hash));
	buf_append_slice(&copy.list, buf_slice(&entry->list));
	return copy;
}

/* Takes the bytes of the user. */
static enum v3_error
save_user(struct v3_auth *auth, struct v3_auth_entry *user, struct buf *effects)
{
	enum err err = v3_auth_set_user(auth, user);

	if (err == ERR_NONE) {
		auth->changes++;
		v3_auth_put_user(auth, buf_slice(&user->name), effects);
	}
	buf_free(&user->name);
	buf_free(&user->hash);
	buf_free(&user->list);
	return err == ERR_NONE ? V3_NONE : V3_AUTH_TOO_MUCH;
}

static enum v3_error
add_user(struct v3_auth *auth, const struct command_v3_auth *change, struct buf *effects)
{
	struct v3_auth_entry user = { .flags = change->flags };

	if (change->name.size == 0)
		return V3_USER_EMPTY;
	if (v3_auth_user(auth, change->name) != NULL)
		return V3_USER_EXISTS;
	user.credential = v3_auth_revision(auth) + 1;
	buf_append_slice(&user.name, change->name);
	buf_append_slice(&user.hash, change->hash);
	return save_user(auth, &user, effects);
}

static enum v3_error
remove_user(struct v3_auth *auth, struct slice name, struct buf *effects)
{
	if (auth->enabled && is_root(name))
		return V3_AUTH_MANAGEMENT;
	if (!v3_auth_remove_user(auth, name))
		return V3_USER_NOT_FOUND;
	auth->changes++;
	v3_auth_put_user(auth, name, effects);
	return V3_NONE;
}

/* Of one who has none it stays so, but what he has shown counts no more. */
static enum v3_error
set_password(struct v3_auth *auth, const struct command_v3_auth *change, struct buf *effects)
{
	const struct v3_auth_entry *old = v3_auth_user(auth, change->name);
	struct v3_auth_entry user;

	if (old == NULL)
		return V3_USER_NOT_FOUND;
	user = copy_of(old);
	user.credential = v3_auth_revision(auth) + 1;
	if ((user.flags & V3_AUTH_NO_PASSWORD) == 0) {
		buf_clear(&user.hash);
		buf_append_slice(&user.hash, change->hash);
	}
	return save_user(auth, &user, effects);
}

static enum v3_error
grant_role(struct v3_auth *auth, const struct command_v3_auth *change, struct buf *effects)
{
	const struct v3_auth_entry *old = v3_auth_user(auth, change->name);
	struct v3_auth_entry user;

	if (old == NULL)
		return V3_USER_NOT_FOUND;
	if (!is_root(change->role) && v3_auth_role(auth, change->role) == NULL)
		return V3_ROLE_NOT_FOUND;
	if (v3_auth_has_role(old, change->role))
		return V3_NONE;
	user = copy_of(old);
	auth_list_add(&user.list, change->role);
	auth_list_sort(&user.list);
	return save_user(auth, &user, effects);
}

/* The user without that role, which he has. */
static enum v3_error
take_role(struct v3_auth *auth, const struct v3_auth_entry *old, struct slice role,
    struct buf *effects)
{
	struct v3_auth_entry user = copy_of(old);
	struct reader in = reader_of(buf_slice(&old->list));
	struct slice other;

	buf_clear(&user.list);
	while (auth_list_next(&in, &other))
		if (!slice_equal(other, role))
			auth_list_add(&user.list, other);
	return save_user(auth, &user, effects);
}

static enum v3_error
revoke_role(struct v3_auth *auth, const struct command_v3_auth *change, struct buf *effects)
{
	const struct v3_auth_entry *old;

	if (auth->enabled && is_root(change->name) && is_root(change->role))
		return V3_AUTH_MANAGEMENT;
	old = v3_auth_user(auth, change->name);
	if (old == NULL)
		return V3_USER_NOT_FOUND;
	if (!v3_auth_has_role(old, change->role))
		return V3_ROLE_NOT_GRANTED;
	return take_role(auth, old, change->role, effects);
}

/* ---- roles ------------------------------------------------------------------------------ */

/* Takes the bytes of the role. */
static enum v3_error
save_role(struct v3_auth *auth, struct v3_auth_entry *role, struct buf *effects)
{
	enum err err = v3_auth_set_role(auth, role);

	if (err == ERR_NONE) {
		auth->changes++;
		v3_auth_put_role(auth, buf_slice(&role->name), effects);
	}
	buf_free(&role->name);
	buf_free(&role->list);
	return err == ERR_NONE ? V3_NONE : V3_AUTH_TOO_MUCH;
}

static enum v3_error
add_role(struct v3_auth *auth, struct slice name, struct buf *effects)
{
	struct v3_auth_entry role = { .flags = 0 };

	if (name.size == 0)
		return V3_ROLE_EMPTY;
	if (v3_auth_role(auth, name) != NULL)
		return V3_ROLE_EXISTS;
	buf_append_slice(&role.name, name);
	return save_role(auth, &role, effects);
}

/* All of it is one change, of users, too. */
static enum v3_error
remove_role(struct v3_auth *auth, struct slice name, struct buf *effects)
{
	uint64_t changes = auth->changes;

	if (auth->enabled && is_root(name))
		return V3_AUTH_MANAGEMENT;
	if (!v3_auth_remove_role(auth, name))
		return V3_ROLE_NOT_FOUND;
	v3_auth_put_role(auth, name, effects);
	for (size_t i = 0; i < auth->users.count; i++)
		if (v3_auth_has_role(auth->users.items[i], name))
			(void)take_role(auth, auth->users.items[i], name, effects);
	auth->changes = changes + 1;
	return V3_NONE;
}

static enum v3_error
grant(struct v3_auth *auth, const struct command_v3_auth *change, struct buf *effects)
{
	const struct v3_auth_entry *old = v3_auth_role(auth, change->role);
	struct v3_auth_entry role;

	if (!v3_auth_is_range(change->key, change->end))
		return V3_AUTH_MANAGEMENT;
	if (old == NULL)
		return V3_ROLE_NOT_FOUND;
	role = copy_of(old);
	v3_auth_list_put(&role.list, &(struct v3_auth_permission){ .type = change->type,
	    .key = change->key, .end = change->end });
	return save_role(auth, &role, effects);
}

static enum v3_error
revoke(struct v3_auth *auth, const struct command_v3_auth *change, struct buf *effects)
{
	const struct v3_auth_entry *old = v3_auth_role(auth, change->role);
	struct v3_auth_entry role;

	if (old == NULL)
		return V3_ROLE_NOT_FOUND;
	role = copy_of(old);
	if (v3_auth_list_remove(&role.list, change->key, change->end))
		return save_role(auth, &role, effects);
	buf_free(&role.name);
	buf_free(&role.list);
	return V3_PERMISSION_NOT_GRANTED;
}

/* ---- all ---------------------------------------------------------------------------------- */

/* May he who asks have that? */
static enum v3_error
ask_who(const struct v3_auth *auth, const struct command_v3_auth *change)
{
	const struct v3_auth_entry *user;

	if (!auth->enabled || change->op == V3_AUTH_MAKE_TOKEN)
		return V3_NONE;
	if (change->credential == 0)
		return V3_USER_EMPTY;
	user = v3_auth_user_of(auth, change->credential);
	if (user == NULL)
		return V3_AUTH_TOKEN;
	return v3_auth_is_root(user) ? V3_NONE : V3_PERMISSION;
}

static enum v3_error
make_change(struct v3_auth *auth, const struct command_v3_auth *change, struct buf *effects)
{
	switch ((enum v3_auth_op)change->op) {
	case V3_AUTH_ENABLE:
		return enable(auth);
	case V3_AUTH_DISABLE:
		auth->changes += auth->enabled;
		auth->enabled = false;
		return V3_NONE;
	case V3_AUTH_MAKE_TOKEN:
		return make_token(auth, change);
	case V3_AUTH_ADD_USER:
		return add_user(auth, change, effects);
	case V3_AUTH_REMOVE_USER:
		return remove_user(auth, change->name, effects);
	case V3_AUTH_SET_PASSWORD:
		return set_password(auth, change, effects);
	case V3_AUTH_GRANT_ROLE:
		return grant_role(auth, change, effects);
	case V3_AUTH_REVOKE_ROLE:
		return revoke_role(auth, change, effects);
	case V3_AUTH_ADD_ROLE:
		return add_role(auth, change->role, effects);
	case V3_AUTH_REMOVE_ROLE:
		return remove_role(auth, change->role, effects);
	case V3_AUTH_GRANT:
		return grant(auth, change, effects);
	case V3_AUTH_REVOKE:
		return revoke(auth, change, effects);
	}
	return V3_MALFORMED;
}

enum v3_error
v3_auth_change(struct v3_auth *auth, const struct command_v3_auth *change, struct buf *effects,
    bool *changed)
{
	uint64_t changes = auth->changes, version = auth->version;
	enum v3_error error = ask_who(auth, change);

	*changed = false;
	if (error == V3_NONE)
		error = make_change(auth, change, effects);
	auth->version += auth->changes != changes;
	*changed = auth->version != version;
	if (*changed)
		v3_auth_put_info(auth, effects);
	return error;
}
