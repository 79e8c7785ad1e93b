/*
 * access.c - what a user of the v3 API may do with a range of keys (see v3_auth.h).
 *
 * The permissions of a role stand in the order of their keys. So a range is gone over once: from
 * its beginning, as far as a permission reaches that begins there or before, and on from there;
 * each role has a place behind which its permissions begin later.
 */
#include "common/v3_auth/v3_auth.h"

#include "common/auth/auth.h"
#include "common/ipc/v3.h"
#include "common/limits.h"

/* How far a range reaches: up to end, or without an end. */
struct reached {
	struct slice end;
	bool open;
};

/* A role that is gone over. */
struct cursor {
	struct reader in;
	struct v3_auth_permission next;
	bool done;
};

bool
v3_auth_has_role(const struct v3_auth_entry *user, struct slice role)
{
	return auth_list_has(buf_slice(&user->list), role);
}

bool
v3_auth_is_root(const struct v3_auth_entry *user)
{
	return user != NULL && v3_auth_has_role(user, SLICE_LITERAL(V3_AUTH_ROOT));
}

static bool
is_open(struct slice end)
{
	return end.size == 1 && end.data[0] == 0;
}

static void
move_on(struct cursor *cursor)
{
	cursor->done = !v3_auth_next(&cursor->in, &cursor->next);
}

/* Does text come right behind key, with nothing between them? */
static bool
is_successor(struct slice text, struct slice key)
{
	return text.size == key.size + 1 && text.data[key.size] == 0 &&
	    memcmp(text.data, key.data, key.size) == 0;
}

/* What begins at or before at makes *reach longer, if it ends behind that. Points do not count for
 * more than themselves. */
static void
extend(const struct v3_auth_permission *permission, struct reached *reach)
{
	if (is_open(permission->end)) {
		reach->open = true;
	} else if (permission->end.size > 0 && slice_compare(permission->end, reach->end) > 0) {
		reach->end = permission->end;
	}
}

/* How far what begins at or before at goes, taken together. */
static void
go_on(struct cursor *cursors, size_t count, enum v3_auth_type type, struct slice at,
    struct reached *reach)
{
	for (size_t i = 0; i < count; i++)
		for (; !cursors[i].done && slice_compare(cursors[i].next.key, at) <= 0;
		    move_on(&cursors[i]))
			if (cursors[i].next.type == (uint8_t)type ||
			    cursors[i].next.type == V3_AUTH_READWRITE)
				extend(&cursors[i].next, reach);
}

static size_t
begin(const struct v3_auth *auth, const struct v3_auth_entry *user,
    struct cursor cursors[V3_AUTH_USER_ROLES_MAX])
{
	struct reader in = reader_of(buf_slice(&user->list));
	const struct v3_auth_entry *role;
	struct slice name;
	size_t count = 0;

	while (auth_list_next(&in, &name)) {
		role = v3_auth_role(auth, name);
		if (role == NULL)
			continue;
		cursors[count].in = reader_of(buf_slice(&role->list));
		move_on(&cursors[count++]);
	}
	return count;
}

static bool
has_point(struct cursor *cursors, size_t count, enum v3_auth_type type, struct slice key)
{
	for (size_t i = 0; i < count; i++)
		for (; !cursors[i].done; move_on(&cursors[i])) {
			const struct v3_auth_permission *p = &cursors[i].next;
			int order = slice_compare(p->key, key);

			if (order > 0)
				break;
			if (p->type != (uint8_t)type && p->type != V3_AUTH_READWRITE)
				continue;
			if (p->end.size == 0 ? order == 0 :
			    is_open(p->end) || slice_compare(key, p->end) < 0)
				return true;
		}
	return false;
}

bool
v3_auth_may(const struct v3_auth *auth, const struct v3_auth_entry *user,
    enum v3_auth_type type, struct slice key, struct slice end)
{
	struct cursor cursors[V3_AUTH_USER_ROLES_MAX];
	struct reached reach = { .end = key };
	struct slice at;
	size_t count;

	if (user == NULL)
		return false;
	if (v3_auth_is_root(user))
		return true;
	count = begin(auth, user, cursors);
	/* [key, key and a zero byte) is that key alone; of what has no keys, he has to have one. */
	if (end.size == 0 || is_successor(end, key) ||
	    (!is_open(end) && slice_compare(end, key) <= 0))
		return has_point(cursors, count, type, key);
	do {
		at = reach.end;
		go_on(cursors, count, type, at, &reach);
		if (reach.open || (!is_open(end) && slice_compare(reach.end, end) >= 0))
			return true;
	} while (slice_compare(reach.end, at) > 0);
	return false;
}

/* ---- requests ----------------------------------------------------------------------------- */

/* A user who asks. */
struct who_asks {
	const struct v3_auth *auth;
	const struct v3_auth_entry *user;
};

static bool
may(const struct who_asks *asker, enum v3_auth_type type, struct slice key, struct slice end)
{
	return v3_auth_may(asker->auth, asker->user, type, key, end);
}

static bool
may_range(const struct who_asks *asker, struct reader *body)
{
	struct v3_range range;

	return v3_range_get(body, &range) && may(asker, V3_AUTH_READ, range.key, range.end);
}

static bool
may_put(const struct who_asks *asker, struct reader *body)
{
	struct v3_put put;

	return v3_put_get(body, &put) && may(asker, V3_AUTH_WRITE, put.key, SLICE_EMPTY) &&
	    ((put.flags & V3_PUT_PREV_KV) == 0 ||
		may(asker, V3_AUTH_READ, put.key, SLICE_EMPTY));
}

static bool
may_delete(const struct who_asks *asker, struct reader *body)
{
	struct v3_delete gone;

	return v3_delete_get(body, &gone) && may(asker, V3_AUTH_WRITE, gone.key, gone.end) &&
	    ((gone.flags & V3_DELETE_PREV_KV) == 0 ||
		may(asker, V3_AUTH_READ, gone.key, gone.end));
}

static bool
may_op(const struct who_asks *asker, const struct v3_op *op)
{
	struct reader body = reader_of(op->body);

	switch ((enum v3_op_kind)op->kind) {
	case V3_OP_RANGE:
		return may_range(asker, &body);
	case V3_OP_PUT:
		return may_put(asker, &body);
	case V3_OP_DELETE:
		return may_delete(asker, &body);
	case V3_OP_TXN:
		return true;
	}
	return false;
}

bool
v3_auth_may_ask(const struct v3_auth *auth, const struct v3_auth_entry *user,
    struct slice compares, struct slice ops)
{
	const struct who_asks asker = { auth, user };
	struct reader in = reader_of(compares);
	struct v3_compare compare;
	struct v3_op op;

	if (user == NULL)
		return false;
	if (v3_auth_is_root(user))
		return true;
	while (!reader_done(&in))
		if (!v3_compare_get(&in, &compare) ||
		    !may(&asker, V3_AUTH_READ, compare.key, compare.end))
			return false;
	in = reader_of(ops);
	while (!reader_done(&in))
		if (!v3_op_get(&in, &op) || !may_op(&asker, &op))
			return false;
	return true;
}
