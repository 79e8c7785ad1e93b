/*
 * members_part.c - the members as a part of the applied state: who joins, goes, moves, and
 * the first of a cluster. What it does to the registry is a write of the store's.
 */
#include "raftd/replica/part.h"

#include "raftd/replica/replica.h"
#include "raftd/replica/state.h"

static void *
create(struct replica *replica, uint64_t seed UNUSED)
{
	return &replica->members;
}

static void
destroy(void *state)
{
	members_clear(state);
}

/* ---- commands --------------------------------------------------------------- */

static struct store_outcome
write_registry(struct applying *a, enum write_op op, struct slice name, struct slice peer_url,
    struct slice client_url)
{
	struct buf key = BUF_INIT, value = BUF_INIT;
	struct command_write write = { .op = (uint8_t)op };
	struct store_outcome outcome;

	members_registry_key(&key, name);
	if (op != WRITE_DELETE)
		members_registry_value(&value, peer_url, client_url);
	write.key = buf_slice(&key);
	write.value = buf_slice(&value);
	outcome = store_write(a->replica->store, &write, a->entry->time_ns, true,
	    a->effects);
	buf_free(&key);
	buf_free(&value);
	return outcome;
}

/* A joiner whose name has a registry entry left replaces a dead member: the
 * entry keeps its createdIndex. */
static struct store_outcome
apply_join(struct applying *a, const struct command_member *m, enum member_role role)
{
	struct buf key = BUF_INIT;
	struct store_outcome outcome;
	struct member_values values = {
		.id = m->id,
		.role = role,
		.name = m->name,
		.peer_url = m->peer_url,
		.client_url = m->client_url,
	};
	bool known;

	members_registry_key(&key, m->name);
	known = store_exists(a->replica->store, buf_slice(&key));
	buf_free(&key);
	outcome = write_registry(a, known ? WRITE_UPDATE : WRITE_CREATE, m->name, m->peer_url,
	    m->client_url);
	if (outcome.error != ERR_NONE)
		return outcome;
	values.joined = outcome.store_index;
	members_put(&a->replica->members, &values, a->effects);
	a->facts->member = (struct member_fact){
		.change = MEMBER_JOINED,
		.id = m->id,
		.cluster_id = m->cluster_id,
	};
	return outcome;
}

/* With an empty name the registry entry stays: the member is being replaced. */
static struct store_outcome
apply_remove(struct applying *a, const struct command_member *m)
{
	struct store_outcome outcome = apply_outcome(a, ERR_NONE, NULL);

	if (m->name.size > 0)
		outcome = write_registry(a, WRITE_DELETE, m->name, SLICE_EMPTY, SLICE_EMPTY);
	members_remove(&a->replica->members, m->id, m->op == MEMBER_FORGET, a->effects);
	a->facts->member = (struct member_fact){ .change = MEMBER_REMOVED, .id = m->id };
	return outcome;
}

static struct store_outcome
apply_update(struct applying *a, const struct command_member *m)
{
	const struct member *member = members_find(&a->replica->members, m->id);
	const struct member *other = members_at_peer_url(&a->replica->members, m->peer_url);
	struct store_outcome outcome;
	struct member_values values;

	if (member == NULL)
		return apply_outcome(a, ERR_KEY_NOT_FOUND, "no member of that id");
	if (other != NULL && other != member)
		return apply_outcome(a, ERR_PEER_ADDRESS_EXISTS, other->peer_url);
	if (slice_equal(slice_text(member->peer_url), m->peer_url) &&
	    slice_equal(slice_text(member->client_url), m->client_url))
		return apply_outcome(a, ERR_NONE, NULL);
	outcome = write_registry(a, WRITE_UPDATE, slice_text(member->name), m->peer_url,
	    m->client_url);
	if (outcome.error != ERR_NONE)
		return outcome;
	values = (struct member_values){
		.id = member->id,
		.role = member->role,
		.joined = member->joined,
		.name = slice_text(member->name),
		.peer_url = m->peer_url,
		.client_url = m->client_url,
	};
	members_put(&a->replica->members, &values, a->effects);
	a->facts->member = (struct member_fact){ .change = MEMBER_MOVED, .id = m->id };
	return outcome;
}

static struct store_outcome
apply_member(struct applying *a, struct reader *body)
{
	struct command_member m;

	if (!command_member_get(body, &m) || !reader_done(body) || !command_is_member(&m))
		return apply_malformed(a);
	a->facts->asks_for_member = true;
	switch (a->entry->conf_op) {
	case RAFT_CONF_ADD_VOTER:
		return apply_join(a, &m, MEMBER_VOTER);
	case RAFT_CONF_ADD_LEARNER:
		return apply_join(a, &m, MEMBER_LEARNER);
	case RAFT_CONF_REMOVE:
		return apply_remove(a, &m);
	case RAFT_CONF_NONE:
		return apply_update(a, &m);
	case RAFT_CONF_PROMOTE:
		break;
	}
	return apply_malformed(a);
}

/* The session remembers the error as what became of the request. */
static struct store_outcome
apply_refused(struct applying *a, struct reader *body)
{
	struct command_refused refused;
	struct store_outcome outcome;

	if (!command_refused_get(body, &refused) || !reader_done(body) ||
	    refused.cause.size > CAUSE_BYTES_MAX)
		return apply_malformed(a);
	outcome = apply_outcome(a, err_from_number(refused.error), NULL);
	if (refused.cause.size > 0)
		outcome.cause = blob_new(refused.cause);
	return outcome;
}

/*
 * The first member, and what its options say of the cluster, by one entry. rest: of a command
 * of before, whose three numbers are no items; else zeros.
 */
static struct store_outcome
begin_cluster(struct applying *a, const struct command_create_items *create,
    const struct command_config *rest)
{
	struct cluster_config *config = &a->replica->config;
	struct command_member member = {
		.op = MEMBER_JOIN,
		.id = create->id,
		.cluster_id = create->cluster_id,
		.name = create->name,
		.peer_url = create->peer_url,
		.client_url = create->client_url,
	};

	if (a->entry->conf_op != RAFT_CONF_ADD_VOTER || !command_is_member(&member) ||
	    cluster_config_take(config, create->items) != ERR_NONE)
		return apply_malformed(a);
	config_state_change(config, rest);
	apply_config_changed(a);
	return apply_join(a, &member, MEMBER_VOTER);
}

static struct store_outcome
apply_create(struct applying *a, struct reader *body)
{
	const struct command_config none = { .active_size = 0 };
	struct command_create_items create;

	if (!command_create_items_get(body, &create) || !reader_done(body))
		return apply_malformed(a);
	return begin_cluster(a, &create, &none);
}

/* In logs begun before there were items. */
static struct store_outcome
apply_old_create(struct applying *a, struct reader *body)
{
	struct command_create old;

	if (!command_create_get(body, &old) || !reader_done(body))
		return apply_malformed(a);
	return begin_cluster(a, &(struct command_create_items){ .id = old.id,
	    .cluster_id = old.cluster_id, .name = old.name,
	    .peer_url = old.peer_url, .client_url = old.client_url },
	    &(struct command_config){ .active_size = old.active_size,
	    .remove_delay_ms = old.remove_delay_ms,
	    .sync_interval_ms = old.sync_interval_ms });
}

void
apply_promotion(struct applying *a)
{
	peer_id id = a->entry->conf_peer;
	const struct member *member = members_find(&a->replica->members, id);
	struct member_values values;

	if (member == NULL)
		return;
	values = (struct member_values){
		.id = id,
		.role = MEMBER_VOTER,
		.joined = member->joined,
		.name = slice_text(member->name),
		.peer_url = slice_text(member->peer_url),
		.client_url = slice_text(member->client_url),
	};
	members_put(&a->replica->members, &values, a->effects);
	a->facts->member = (struct member_fact){ .change = MEMBER_PROMOTED, .id = id };
}

/* ---- the part ----------------------------------------------------------------- */

static enum err
load(void *state, struct slice key, struct slice value)
{
	return members_load(state, key, value);
}

static uint32_t
hash(const void *state)
{
	return members_hash(state);
}

static void
invariants(const void *state)
{
	members_invariants(state);
}

static const char prefixes[] = { STATE_MEMBER, STATE_REMOVED, STATE_FORGOTTEN, '\0' };

static const struct part_command commands[] = {
	{ COMMAND_MEMBER, apply_member, NULL },
	{ COMMAND_CREATE, apply_old_create, NULL },
	{ COMMAND_CREATE_ITEMS, apply_create, NULL },
	{ COMMAND_REFUSED, apply_refused, NULL },
	{ 0, NULL, NULL },
};

const struct replica_part members_part = {
	.name = "members",
	.prefixes = prefixes,
	.old_prefixes = "",
	.once_prefixes = "",
	.commands = commands,
	.create = create,
	.destroy = destroy,
	.load = load,
	.hash = hash,
	.invariants = invariants,
};
