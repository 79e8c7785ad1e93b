/*
 * auth_part.c - users and roles as a part of the applied state: who may change them, and
 * what stands in the records.
 */
#include "raftd/replica/part.h"

#include "common/ipc/wire.h"
#include "raftd/replica/auth_change.h"
#include "raftd/replica/replica.h"

static void *
create(struct replica *replica, uint64_t seed UNUSED)
{
	return replica;
}

static void
destroy(void *state)
{
	auth_clear(&((struct replica *)state)->auth);
}

/* What a list may hold is for the worker to say; here it only has to be one. */
static bool
is_sound(const struct command_auth *change)
{
	bool of_user = change->op == AUTH_PUT_USER;
	struct slice lists[] = { change->first, change->second, change->third, change->fourth };

	for (size_t i = 0; i < ARRAY_COUNT(lists); i++)
		if (of_user ? !auth_roles_are_good(lists[i]) : !auth_patterns_are_good(lists[i]))
			return false;
	return change->name.size <= AUTH_NAME_BYTES_MAX &&
	    change->hash.size <= AUTH_HASH_BYTES_MAX && (change->flags & ~AUTH_FLAG_ALL) == 0;
}

static struct store_outcome
apply_auth(struct applying *a, struct reader *body)
{
	struct auth *auth = &a->replica->auth;
	struct command_auth change;
	struct auth_changed changed;
	struct auth_who who;

	if (!command_auth_get(body, &change) || !reader_done(body) || !is_sound(&change))
		return apply_malformed(a);
	who = (struct auth_who){ .user = change.user, .credential = change.credential };
	if (auth->enabled && !auth_is_root(auth, &who))
		return apply_unauthorized(a);
	auth_change(auth, &change, a->effects, &changed);
	if (changed.error == ERR_NONE)
		a->facts->auth = (struct auth_fact){ .op = change.op, .name = change.name,
			.user = change.user, .what = slice_text(changed.what) };
	return apply_outcome(a, changed.error, changed.cause[0] == '\0' ? NULL : changed.cause);
}

static enum err
load(void *state, struct slice key, struct slice value)
{
	return auth_load(&((struct replica *)state)->auth, key, value);
}

/* Else nobody could ever change anything again. */
static enum err
loaded(void *state, const char **where)
{
	const struct auth *auth = &((struct replica *)state)->auth;

	*where = "users count, and there is no user root";
	return !auth->enabled || auth_user(auth, SLICE_LITERAL(AUTH_ROOT)) != NULL ? ERR_NONE :
	    ERR_CORRUPT;
}

static uint32_t
hash(const void *state)
{
	return auth_hash(&((const struct replica *)state)->auth);
}

static void
invariants(const void *state)
{
	const struct auth *auth = &((const struct replica *)state)->auth;

	ASSERT(auth->user_count <= AUTH_USERS_MAX);
	ASSERT(auth->role_count <= AUTH_ROLES_MAX);
	ASSERT(auth->bytes <= AUTH_BYTES_MAX);
	ASSERT(!auth->enabled || auth_user(auth, SLICE_LITERAL(AUTH_ROOT)) != NULL);
	for (size_t i = 0; i < auth->user_count; i++)
		ASSERT(auth->users[i]->credential <= auth->revision);
}

static const char prefixes[] = { AUTH_PREFIX, '\0' };

static const struct part_command commands[] = {
	{ COMMAND_AUTH, apply_auth, NULL },
	{ 0, NULL, NULL },
};

const struct replica_part auth_part = {
	.name = "auth",
	.prefixes = prefixes,
	.old_prefixes = "",
	.once_prefixes = "",
	.commands = commands,
	.create = create,
	.destroy = destroy,
	.load = load,
	.loaded = loaded,
	.hash = hash,
	.invariants = invariants,
};
