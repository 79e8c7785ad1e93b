/*
 * v3_auth_part.c - users and roles of the v3 API as a part of the applied state.
 *
 * Tokens are not of it: that one was made is a fact of its entry, for each node that applies it
 * to keep (raftd/v3_tokens.c).
 */
#include "raftd/replica/part.h"

#include "common/ipc/wire.h"
#include "common/limits.h"
#include "raftd/replica/replica.h"
#include "raftd/replica/v3_auth_change.h"

static void *
create(struct replica *replica, uint64_t seed UNUSED)
{
	return replica;
}

static void
destroy(void *state)
{
	v3_auth_clear(&((struct replica *)state)->v3_auth);
}

static bool
is_sound(const struct command_v3_auth *change)
{
	return change->op >= V3_AUTH_ENABLE && change->op <= V3_AUTH_OPS_LAST &&
	    (change->flags & ~V3_AUTH_NO_PASSWORD) == 0 && change->type <= V3_AUTH_READWRITE &&
	    change->name.size <= V3_AUTH_NAME_BYTES_MAX &&
	    change->role.size <= V3_AUTH_NAME_BYTES_MAX &&
	    change->hash.size <= AUTH_HASH_BYTES_MAX &&
	    change->key.size <= V3_AUTH_KEY_BYTES_MAX &&
	    change->end.size <= V3_AUTH_KEY_BYTES_MAX &&
	    (change->op != V3_AUTH_MAKE_TOKEN || change->digest.size == V3_TOKEN_DIGEST_BYTES);
}

/* Who asked, as he is called: before the change, which may be of him. */
static struct v3_auth_fact
fact_of(const struct v3_auth *auth, const struct command_v3_auth *change)
{
	const struct v3_auth_entry *user = v3_auth_user_of(auth, change->credential);
	struct v3_auth_fact fact = { .op = change->op, .name = change->name,
		.role = change->role, .credential = change->credential,
		.digest = change->digest };

	if (user != NULL)
		memcpy(fact.by, user->name.data, user->name.size);
	return fact;
}

static struct store_outcome
apply_auth(struct applying *a, struct reader *body)
{
	struct v3_auth *auth = &a->replica->v3_auth;
	struct mvcc_outcome outcome = { .error = V3_NONE };
	struct command_v3_auth change;
	struct v3_auth_fact fact;
	bool changed;

	if (!command_v3_auth_get(body, &change) || !reader_done(body) || !is_sound(&change))
		return apply_malformed(a);
	fact = fact_of(auth, &change);
	outcome.error = v3_auth_change(auth, &change, a->effects, &changed);
	if (changed || (change.op == V3_AUTH_MAKE_TOKEN && outcome.error == V3_NONE))
		a->facts->v3_auth = fact;
	return apply_v3_outcome(a, &outcome);
}

static enum err
load(void *state, struct slice key, struct slice value)
{
	return v3_auth_load(&((struct replica *)state)->v3_auth, key, value);
}

static const struct v3_auth_entry *
root_of(const struct v3_auth *auth)
{
	return v3_auth_user(auth, SLICE_LITERAL(V3_AUTH_ROOT));
}

/* Else nobody could ever change anything again; and each password was a change. */
static enum err
loaded(void *state, const char **where)
{
	const struct v3_auth *auth = &((struct replica *)state)->v3_auth;

	*where = "users of the v3 API count, and there is no user root with that role";
	if (auth->enabled && !v3_auth_is_root(root_of(auth)))
		return ERR_CORRUPT;
	*where = "a user of the v3 API is of a change that is to come";
	for (size_t i = 0; i < auth->users.count; i++)
		if (auth->users.items[i]->credential > v3_auth_revision(auth))
			return ERR_CORRUPT;
	return ERR_NONE;
}

static uint32_t
hash(const void *state)
{
	return v3_auth_hash(&((const struct replica *)state)->v3_auth);
}

static void
invariants(const void *state)
{
	const struct v3_auth *auth = &((const struct replica *)state)->v3_auth;

	ASSERT(auth->users.count <= V3_AUTH_USERS_MAX);
	ASSERT(auth->roles.count <= V3_AUTH_ROLES_MAX);
	ASSERT(auth->bytes <= V3_AUTH_BYTES_MAX);
	ASSERT(!auth->enabled || v3_auth_is_root(root_of(auth)));
	for (size_t i = 0; i < auth->users.count; i++) {
		uint64_t credential = auth->users.items[i]->credential;

		ASSERT(credential <= v3_auth_revision(auth));
		ASSERT(v3_auth_user_of(auth, credential) == auth->users.items[i]);
	}
}

static const char prefixes[] = { V3_AUTH_PREFIX, '\0' };

static const struct part_command commands[] = {
	{ COMMAND_V3_AUTH, apply_auth, NULL },
	{ 0, NULL, NULL },
};

const struct replica_part v3_auth_part = {
	.name = "v3_auth",
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
