/*
 * members_part.c - the members as a part of the applied state: who joins, goes, moves, and
 * the first of a cluster. What it does to the registry is a write of the store's.
 */
#include "raftd/replica/part.h"

#include "common/node_name.h"
#include "common/url_list.h"
#include "raftd/replica/replica.h"
#include "raftd/replica/state.h"

#include <inttypes.h>
#include <stdio.h>

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

/* A machine joins for which a place was made: it takes it. */
static void
take_place(struct applying *a, const struct command_member *m)
{
	struct places *places = &a->replica->members.places;
	const struct place *place = places_open_at(places, m->peer_url);

	if (place != NULL)
		MUST(places_put(places, &(struct place_values){
		    .id = place->id,
		    .since = place->since,
		    .node = m->id,
		    .peer_urls = slice_text(place->peer_urls) }, a->effects));
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
	take_place(a, m);
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
	struct members *members = &a->replica->members;
	const struct place *place = places_of_node(&members->places, m->id);
	struct store_outcome outcome = apply_outcome(a, ERR_NONE, NULL);

	if (m->name.size > 0)
		outcome = write_registry(a, WRITE_DELETE, m->name, SLICE_EMPTY, SLICE_EMPTY);
	members_remove(members, m->id, m->op == MEMBER_FORGET, a->effects);
	if (place != NULL)
		places_remove(&members->places, place->id, a->entry->index, a->effects);
	a->facts->member = (struct member_fact){ .change = MEMBER_REMOVED, .id = m->id };
	return outcome;
}

/* A member of which only the address was known when the cluster began says who it is, as long as
 * it has not taken part. */
static bool
takes_name(const struct applying *a, const struct member *member, const struct command_member *m)
{
	return member->client_url[0] == '\0' && m->client_url.size > 0 && m->name.size > 0 &&
	    !slice_equal(slice_text(member->name), m->name) && node_name_valid(m->name) &&
	    members_named(&a->replica->members, m->name) == NULL;
}

static struct store_outcome
apply_update(struct applying *a, const struct command_member *m)
{
	const struct member *member = members_find(&a->replica->members, m->id);
	const struct member *other = members_sharing_url(&a->replica->members, m->peer_url,
	    member);
	struct store_outcome outcome;
	struct member_values values;
	bool renamed;

	if (member == NULL)
		return apply_outcome(a, ERR_KEY_NOT_FOUND, "no member of that id");
	if (other != NULL)
		return apply_outcome(a, ERR_PEER_ADDRESS_EXISTS, other->peer_url);
	if (slice_equal(slice_text(member->peer_url), m->peer_url) &&
	    slice_equal(slice_text(member->client_url), m->client_url))
		return apply_outcome(a, ERR_NONE, NULL);
	renamed = takes_name(a, member, m);
	if (renamed) {
		outcome = write_registry(a, WRITE_DELETE, slice_text(member->name), SLICE_EMPTY,
		    SLICE_EMPTY);
		if (outcome.error != ERR_NONE)
			return outcome;
		blob_unref(&outcome.event);
	}
	outcome = write_registry(a, renamed ? WRITE_SET : WRITE_UPDATE,
	    renamed ? m->name : slice_text(member->name), m->peer_url, m->client_url);
	if (outcome.error != ERR_NONE)
		return outcome;
	values = (struct member_values){
		.id = member->id,
		.role = member->role,
		.joined = member->joined,
		.name = renamed ? m->name : slice_text(member->name),
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

/* ---- places ------------------------------------------------------------------- */

/* Does another place or member have one of these URLs? Then an outcome says which. */
static bool
url_exists(struct applying *a, const struct command_place *p, struct store_outcome *outcome)
{
	const struct members *members = &a->replica->members;
	const struct member *self = members_shown_as(members, p->id);
	struct slice urls = p->peer_urls, url;

	while (url_list_next(&urls, &url)) {
		const struct member *member = members_sharing_url(members, url, self);
		const struct place *place = places_open_at(&members->places, url);
		char text[URL_BYTES_MAX + 1];

		if (member == NULL && (place == NULL || place->id == p->id))
			continue;
		snprintf(text, sizeof(text), "%.*s", SLICE_ARGS(url));
		*outcome = apply_outcome(a, ERR_PEER_ADDRESS_EXISTS, text);
		return true;
	}
	return false;
}

static void
note_place(struct applying *a, const struct command_place *p)
{
	a->facts->place = (struct place_fact){
		.op = (enum place_op)p->op,
		.id = p->id,
		.peer_urls = p->peer_urls,
		.asker = p->asker,
	};
}

/* Members and open places together are no more than may join. */
static struct store_outcome
make_place(struct applying *a, const struct command_place *p)
{
	struct members *members = &a->replica->members;
	uint64_t most = a->replica->config.active_size;
	struct store_outcome outcome;
	char cause[64];

	if (places_find(&members->places, p->id) != NULL ||
	    places_was_removed(&members->places, p->id) ||
	    members_find(members, p->id) != NULL || members_was_removed(members, p->id))
		return apply_outcome(a, ERR_KEY_EXISTS, "that id is another one's");
	if (url_exists(a, p, &outcome))
		return outcome;
	snprintf(cause, sizeof(cause), "active size %" PRIu64, most);
	if (members->count + places_open_count(&members->places) >= most ||
	    !places_put(&members->places, &(struct place_values){ .id = p->id,
		.since = a->entry->index, .peer_urls = p->peer_urls }, a->effects))
		return apply_outcome(a, ERR_NO_MORE_PEER, cause);
	note_place(a, p);
	return apply_outcome(a, ERR_NONE, NULL);
}

/* The error of an id that neither a place nor a member has. */
static struct store_outcome
no_such_id(struct applying *a, uint64_t id)
{
	const struct members *members = &a->replica->members;
	bool removed = members_was_removed(members, id) ||
	    places_was_removed(&members->places, id);

	return apply_outcome(a, removed ? ERR_REMOVED : ERR_NOT_FOUND, NULL);
}

static struct store_outcome
move_place(struct applying *a, const struct command_place *p)
{
	struct members *members = &a->replica->members;
	const struct place *place = places_find(&members->places, p->id);
	const struct member *member = members_shown_as(members, p->id);
	struct store_outcome outcome;

	if (member == NULL && place == NULL)
		return no_such_id(a, p->id);
	if (url_exists(a, p, &outcome))
		return outcome;
	if (member == NULL) {
		MUST(places_put(&members->places, &(struct place_values){ .id = p->id,
		    .since = place->since, .peer_urls = p->peer_urls }, a->effects));
		outcome = apply_outcome(a, ERR_NONE, NULL);
	} else {
		if (p->peer_urls.size > URL_BYTES_MAX)
			return apply_outcome(a, ERR_INVALID,
			    "the peer URLs of a member have at most 1024 bytes together");
		outcome = apply_update(a, &(struct command_member){
		    .id = member->id,
		    .peer_url = p->peer_urls,
		    .client_url = slice_text(member->client_url),
		});
	}
	if (outcome.error == ERR_NONE)
		note_place(a, p);
	return outcome;
}

/* Of a member the entry is one of the configuration. Without that, it has become one since its
 * removal was looked at. */
static struct store_outcome
remove_place(struct applying *a, const struct command_place *p)
{
	struct members *members = &a->replica->members;
	const struct member *member;
	struct store_outcome outcome;

	if (a->entry->conf_op == RAFT_CONF_REMOVE) {
		member = members_find(members, a->entry->conf_peer);
		if (member == NULL)
			return no_such_id(a, p->id);
		outcome = apply_remove(a, &(struct command_member){
		    .op = MEMBER_FORGET,
		    .id = member->id,
		    .name = slice_text(member->name),
		});
		note_place(a, p);
		return outcome;
	}
	if (members_shown_as(members, p->id) != NULL)
		return apply_outcome(a, ERR_RAFT_INTERNAL, "membership change in progress");
	if (places_find(&members->places, p->id) == NULL)
		return no_such_id(a, p->id);
	places_remove(&members->places, p->id, a->entry->index, a->effects);
	note_place(a, p);
	return apply_outcome(a, ERR_NONE, NULL);
}

static struct store_outcome
apply_place(struct applying *a, struct reader *body)
{
	struct command_place p;

	if (!command_place_get(body, &p) || !reader_done(body) || !command_is_place(&p) ||
	    (a->entry->conf_op != RAFT_CONF_NONE &&
		(a->entry->conf_op != RAFT_CONF_REMOVE || p.op != PLACE_REMOVE)))
		return apply_malformed(a);
	a->facts->asks_for_member = true;
	switch ((enum place_op)p.op) {
	case PLACE_MAKE:
		return make_place(a, &p);
	case PLACE_MOVE:
		return move_place(a, &p);
	case PLACE_REMOVE:
		return remove_place(a, &p);
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

static const char prefixes[] = { STATE_MEMBER, STATE_REMOVED, STATE_FORGOTTEN, STATE_PLACE,
	'\0' };

static const struct part_command commands[] = {
	{ COMMAND_MEMBER, apply_member, NULL },
	{ COMMAND_CREATE, apply_old_create, NULL },
	{ COMMAND_CREATE_ITEMS, apply_create, NULL },
	{ COMMAND_REFUSED, apply_refused, NULL },
	{ COMMAND_PLACE, apply_place, NULL },
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
