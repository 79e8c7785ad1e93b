/*
 * member.c - the table of members: few, so it is an array that is searched.
 */
#include "raftd/replica/member.h"

#include "common/crc32c.h"
#include "common/url_list.h"
#include "common/xmem.h"
#include "raftd/replica/state.h"

#include <stdlib.h>

static void
member_clear(struct member *member)
{
	free(member->name);
	free(member->peer_url);
	free(member->client_url);
	*member = (struct member){ 0 };
}

void
members_clear(struct members *members)
{
	for (size_t i = 0; i < members->count; i++)
		member_clear(&members->list[i]);
	members->count = 0;
	free(members->removed);
	members->removed = NULL;
	members->removed_count = members->removed_capacity = 0;
	places_clear(&members->places);
}

const struct member *
members_find(const struct members *members, peer_id id)
{
	for (size_t i = 0; i < members->count; i++)
		if (members->list[i].id == id)
			return &members->list[i];
	return NULL;
}

const struct member *
members_named(const struct members *members, struct slice name)
{
	for (size_t i = 0; i < members->count; i++)
		if (slice_equal(slice_text(members->list[i].name), name))
			return &members->list[i];
	return NULL;
}

const struct member *
members_sharing_url(const struct members *members, struct slice peer_urls,
    const struct member *but)
{
	for (size_t i = 0; i < members->count; i++)
		if (&members->list[i] != but &&
		    url_list_shares(slice_text(members->list[i].peer_url), peer_urls))
			return &members->list[i];
	return NULL;
}

uint64_t
members_shown_id(const struct members *members, const struct member *member)
{
	const struct place *place = places_of_node(&members->places, member->id);

	return place == NULL ? member->id : place->id;
}

const struct member *
members_shown_as(const struct members *members, uint64_t id)
{
	const struct place *place = places_find(&members->places, id);

	return members_find(members, place == NULL ? id : place->node);
}

static char *
copy_text(struct slice text)
{
	char *copy = xmalloc(text.size + 1);

	if (text.size > 0)
		memcpy(copy, text.data, text.size);
	copy[text.size] = '\0';
	return copy;
}

static bool
joined_before(const struct member *a, const struct member_values *b)
{
	return a->joined != b->joined ? a->joined < b->joined : a->id < b->id;
}

static void
take_out(struct members *members, size_t place)
{
	member_clear(&members->list[place]);
	members->count--;
	memmove(&members->list[place], &members->list[place + 1],
	    (members->count - place) * sizeof(members->list[0]));
}

/* Put without an effect; the id's old row, if any, goes. */
static bool
set_member(struct members *members, const struct member_values *values)
{
	struct member fresh = {
		.id = values->id,
		.role = values->role,
		.joined = values->joined,
		.name = copy_text(values->name),
		.peer_url = copy_text(values->peer_url),
		.client_url = copy_text(values->client_url),
	};
	size_t place = 0;

	for (size_t i = 0; i < members->count; i++)
		if (members->list[i].id == values->id) {
			take_out(members, i);
			break;
		}
	if (members->count == MEMBERS_MAX) {
		member_clear(&fresh);
		return false;
	}
	while (place < members->count && joined_before(&members->list[place], values))
		place++;
	memmove(&members->list[place + 1], &members->list[place],
	    (members->count - place) * sizeof(members->list[0]));
	members->list[place] = fresh;
	members->count++;
	return true;
}

bool
members_put(struct members *members, const struct member_values *values, struct buf *effects)
{
	struct member_state state = {
		.format = STATE_FORMAT,
		.role = (uint8_t)values->role,
		.joined = values->joined,
		.name = values->name,
		.peer_url = values->peer_url,
		.client_url = values->client_url,
	};
	uint8_t key[STATE_KEY_BYTES];
	struct buf value = BUF_INIT;

	/* Encoded first: the values may point into the row that is replaced. */
	member_state_put(&value, &state);
	if (!set_member(members, values)) {
		buf_free(&value);
		return false;
	}
	state_effect(effects, state_key(key, STATE_MEMBER, values->id), buf_slice(&value));
	buf_free(&value);
	return true;
}

static void
remember_removed(struct members *members, peer_id id, bool forgotten)
{
	members->removed = xgrow(members->removed, &members->removed_capacity,
	    members->removed_count + 1, sizeof(*members->removed));
	members->removed[members->removed_count++] = (struct removed_id){ id, forgotten };
}

static const struct removed_id *
find_removed(const struct members *members, peer_id id)
{
	for (size_t i = 0; i < members->removed_count; i++)
		if (members->removed[i].id == id)
			return &members->removed[i];
	return NULL;
}

bool
members_was_removed(const struct members *members, peer_id id)
{
	return find_removed(members, id) != NULL;
}

bool
members_was_forgotten(const struct members *members, peer_id id)
{
	const struct removed_id *removed = find_removed(members, id);

	return removed != NULL && removed->forgotten;
}

static void
store_removed(struct members *members, peer_id id, bool forget, struct buf *effects)
{
	struct removed_state removed = { .format = STATE_FORMAT };
	struct forgotten_state forgotten = { .format = STATE_FORMAT };
	uint8_t key[STATE_KEY_BYTES];
	struct buf value = BUF_INIT;

	remember_removed(members, id, forget);
	if (forget)
		forgotten_state_put(&value, &forgotten);
	else
		removed_state_put(&value, &removed);
	state_effect(effects, state_key(key, forget ? STATE_FORGOTTEN : STATE_REMOVED, id),
	    buf_slice(&value));
	buf_free(&value);
}

void
members_remove(struct members *members, peer_id id, bool forget, struct buf *effects)
{
	uint8_t key[STATE_KEY_BYTES];

	for (size_t i = 0; i < members->count; i++)
		if (members->list[i].id == id) {
			take_out(members, i);
			state_effect(effects, state_key(key, STATE_MEMBER, id), SLICE_EMPTY);
			store_removed(members, id, forget, effects);
			return;
		}
}

static enum err
load_removed(struct members *members, struct slice key, struct slice value)
{
	struct reader in = reader_of(value);
	bool forgotten = key.data[0] == STATE_FORGOTTEN;
	struct removed_state removed;
	struct forgotten_state forgotten_state;
	uint8_t format;
	peer_id id;

	if (!state_key_parse(key, &id, NULL, 1) || (forgotten ?
	    !forgotten_state_get(&in, &forgotten_state) : !removed_state_get(&in, &removed)))
		return ERR_CORRUPT;
	format = forgotten ? forgotten_state.format : removed.format;
	if (!reader_done(&in) || format != STATE_FORMAT)
		return ERR_CORRUPT;
	remember_removed(members, id, forgotten);
	return ERR_NONE;
}

enum err
members_load(struct members *members, struct slice key, struct slice value)
{
	struct reader in = reader_of(value);
	struct member_state state;
	struct member_values values;

	if (key.size > 0 && (key.data[0] == STATE_REMOVED || key.data[0] == STATE_FORGOTTEN))
		return load_removed(members, key, value);
	if (key.size > 0 && key.data[0] == STATE_PLACE)
		return places_load(&members->places, key, value);
	if (!state_key_parse(key, &values.id, NULL, 1) || !member_state_get(&in, &state) ||
	    !reader_done(&in) || state.format != STATE_FORMAT ||
	    (state.role != MEMBER_VOTER && state.role != MEMBER_LEARNER) ||
	    state.name.size > NAME_BYTES_MAX || state.peer_url.size > URL_BYTES_MAX ||
	    state.client_url.size > URL_BYTES_MAX)
		return ERR_CORRUPT;
	values.role = (enum member_role)state.role;
	values.joined = state.joined;
	values.name = state.name;
	values.peer_url = state.peer_url;
	values.client_url = state.client_url;
	return set_member(members, &values) ? ERR_NONE : ERR_CORRUPT;
}

static void
insert_sorted(peer_id *ids, size_t *count, peer_id id)
{
	size_t place = *count;

	while (place > 0 && ids[place - 1] > id) {
		ids[place] = ids[place - 1];
		place--;
	}
	ids[place] = id;
	(*count)++;
}

void
members_conf(const struct members *members, struct raft_conf *conf)
{
	*conf = (struct raft_conf){ 0 };
	for (size_t i = 0; i < members->count; i++) {
		const struct member *member = &members->list[i];

		if (member->role == MEMBER_VOTER && conf->voter_count < VOTERS_MAX)
			insert_sorted(conf->voters, &conf->voter_count, member->id);
		else
			insert_sorted(conf->learners, &conf->learner_count, member->id);
	}
}

void
members_encode(const struct members *members, struct buf *out)
{
	for (size_t i = 0; i < members->count; i++) {
		const struct member *member = &members->list[i];
		struct member_record record = {
			.id = member->id,
			.role = (uint8_t)member->role,
			.name = slice_text(member->name),
			.peer_url = slice_text(member->peer_url),
			.client_url = slice_text(member->client_url),
			.joined = member->joined,
		};

		member_record_put(out, &record);
	}
}

enum err
members_decode(struct members *members, struct slice list)
{
	struct reader in = reader_of(list);
	struct members fresh = { 0 };

	while (!reader_done(&in)) {
		struct member_record record;
		struct member_values values;

		if (!member_record_get(&in, &record) || record.id == 0 ||
		    (record.role != MEMBER_VOTER && record.role != MEMBER_LEARNER) ||
		    record.name.size > NAME_BYTES_MAX || record.peer_url.size > URL_BYTES_MAX ||
		    record.client_url.size > URL_BYTES_MAX)
			goto malformed;
		values = (struct member_values){
			.id = record.id,
			.role = (enum member_role)record.role,
			.joined = record.joined,
			.name = record.name,
			.peer_url = record.peer_url,
			.client_url = record.client_url,
		};
		if (!set_member(&fresh, &values))
			goto malformed;
	}
	members_clear(members);
	*members = fresh;
	return ERR_NONE;
malformed:
	members_clear(&fresh);
	return ERR_MALFORMED;
}

void
members_registry_value(struct buf *out, struct slice peer_url, struct slice client_url)
{
	buf_append_text(out, "raft=");
	buf_append_slice(out, peer_url);
	buf_append_text(out, "&etcd=");
	buf_append_slice(out, client_url);
}

void
members_registry_key(struct buf *out, struct slice name)
{
	buf_append_text(out, "/_etcd/machines/");
	buf_append_slice(out, name);
}

uint32_t
members_hash(const struct members *members)
{
	struct buf bytes = BUF_INIT;
	uint32_t hash;

	members_encode(members, &bytes);
	places_put_state(&members->places, &bytes);
	hash = crc32c(0, buf_slice(&bytes));
	buf_free(&bytes);
	return hash;
}

void
members_invariants(const struct members *members)
{
	places_invariants(&members->places);
	ASSERT(members->count <= MEMBERS_MAX);
	for (size_t i = 0; i < members->count; i++) {
		const struct member *member = &members->list[i];

		ASSERT(members_find(members, member->id) == member);
		ASSERT(i == 0 || members->list[i - 1].joined < member->joined ||
		    (members->list[i - 1].joined == member->joined &&
		    members->list[i - 1].id < member->id));
	}
}
