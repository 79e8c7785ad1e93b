/*
 * cluster.c - the last status that raftd pushed (see cluster.h).
 *
 * Members and their texts live in an arena that is made anew with each list
 * that differs; most statuses only move an index.
 */
#include "httpd/cluster.h"
#include "common/arena.h"
#include "common/limits.h"
#include "common/xmem.h"

#include <stdio.h>
#include <stdlib.h>

/* What cluster.h shows is the first member, so one is found from the other. */
struct cluster_state {
	struct cluster shown;
	struct buf members, places;	/* as they came */
	struct arena arena;
	struct buf rejoin, refuses;	/* with a NUL */
};

struct cluster *
cluster_new(void)
{
	struct cluster_state *state = xzalloc(sizeof(*state));

	state->shown.phase = PHASE_RECOVERING;
	state->shown.role = NODE_ROLE_FOLLOWER;
	cluster_config_init(&state->shown.config);
	buf_init(&state->members, 0);
	buf_init(&state->places, 0);
	arena_init(&state->arena);
	buf_init(&state->rejoin, 0);
	state->shown.rejoin = "";
	buf_init(&state->refuses, 0);
	state->shown.refuses = "";
	return &state->shown;
}

void
cluster_free(struct cluster **cluster)
{
	struct cluster_state *state;

	if (*cluster == NULL)
		return;
	state = CONTAINER_OF(*cluster, struct cluster_state, shown);
	*cluster = NULL;
	buf_free(&state->members);
	buf_free(&state->places);
	arena_free(&state->arena);
	buf_free(&state->rejoin);
	buf_free(&state->refuses);
	free(state);
}

/* Rows that live as long as the arena; NULL: there are none. */
static const void *
keep_rows(struct arena *arena, const void *rows, size_t bytes)
{
	return bytes == 0 ? NULL : arena_copy(arena, slice_of(rows, bytes)).data;
}

/* Places that were taken give their id to who has them. */
static enum err
read_places(struct arena *arena, struct slice list, struct cluster_member *members,
    size_t member_count, struct cluster_place *open, size_t *open_count)
{
	struct reader in = reader_of(list);

	*open_count = 0;
	while (!reader_done(&in)) {
		struct place_record record;

		if (*open_count == PLACES_MAX || !place_record_get(&in, &record))
			return ERR_MALFORMED;
		if (record.node == 0)
			open[(*open_count)++] = (struct cluster_place){ record.id,
				arena_text(arena, record.peer_urls) };
		for (size_t i = 0; i < member_count; i++)
			if (record.node != 0 && members[i].id == record.node)
				members[i].shown_id = record.id;
	}
	return ERR_NONE;
}

static enum err
read_members(struct arena *arena, struct slice list, struct cluster_member *members, size_t *count)
{
	struct reader in = reader_of(list);

	*count = 0;
	while (!reader_done(&in)) {
		struct member_record record;

		if (*count == MEMBERS_MAX || !member_record_get(&in, &record))
			return ERR_MALFORMED;
		members[(*count)++] = (struct cluster_member){
			.id = record.id,
			.shown_id = record.id,
			.role = record.role,
			.name = arena_text(arena, record.name),
			.peer_url = arena_text(arena, record.peer_url),
			.client_url = arena_text(arena, record.client_url),
		};
	}
	return ERR_NONE;
}

static enum err
take_members(struct cluster_state *state, struct slice list, struct slice places)
{
	struct cluster_member members[MEMBERS_MAX];
	struct cluster_place open[PLACES_MAX];
	size_t count, open_count = 0;
	struct arena arena;
	enum err err;

	if (slice_equal(list, buf_slice(&state->members)) &&
	    slice_equal(places, buf_slice(&state->places)))
		return ERR_NONE;
	arena_init(&arena);
	err = read_members(&arena, list, members, &count);
	if (err == ERR_NONE)
		err = read_places(&arena, places, members, count, open, &open_count);
	if (err != ERR_NONE) {
		arena_free(&arena);
		return err;
	}
	state->shown.members = keep_rows(&arena, members, count * sizeof(members[0]));
	state->shown.member_count = count;
	state->shown.places = keep_rows(&arena, open, open_count * sizeof(open[0]));
	state->shown.place_count = open_count;
	arena_free(&state->arena);
	state->arena = arena;
	buf_clear(&state->members);
	buf_append_slice(&state->members, list);
	buf_clear(&state->places);
	buf_append_slice(&state->places, places);
	return ERR_NONE;
}

static const char *
keep_text(struct buf *kept, struct slice text)
{
	buf_clear(kept);
	buf_append_slice(kept, text);
	buf_append_byte(kept, '\0');
	return (const char *)kept->data;
}

enum err
cluster_update(struct cluster *cluster, const struct msg_status *status)
{
	struct cluster_state *state = CONTAINER_OF(cluster, struct cluster_state, shown);
	struct cluster_config config;
	enum err err;

	cluster_config_init(&config);
	err = cluster_config_take(&config, status->config);
	if (err == ERR_NONE)
		err = take_members(state, status->members, status->places);
	if (err != ERR_NONE)
		return err;
	cluster->phase = status->phase;
	cluster->node_id = status->node_id;
	cluster->cluster_id = status->cluster_id;
	cluster->role = status->role;
	cluster->term = status->term;
	cluster->commit = status->commit;
	cluster->applied = status->applied;
	cluster->store_index = status->store_index;
	cluster->leader_id = status->leader_id;
	cluster->leader_since_ns = status->leader_since_ns;
	cluster->started_ns = status->started_ns;
	cluster->config = config;
	snprintf(cluster->standby_url, sizeof(cluster->standby_url), "%.*s",
	    SLICE_ARGS(status->standby_url));
	cluster->rejoin = keep_text(&state->rejoin, status->rejoin);
	cluster->rejoin_wait_ms = status->rejoin_wait_ms;
	cluster->refuses = keep_text(&state->refuses, status->refuses);
	return ERR_NONE;
}

void
cluster_stale(struct cluster *cluster)
{
	cluster->phase = PHASE_RECOVERING;
	cluster->role = NODE_ROLE_FOLLOWER;
	cluster->leader_id = 0;
	cluster->leader_since_ns = 0;
}

const struct cluster_member *
cluster_member(const struct cluster *cluster, uint64_t id)
{
	for (size_t i = 0; i < cluster->member_count; i++)
		if (cluster->members[i].id == id)
			return &cluster->members[i];
	return NULL;
}

const struct cluster_member *
cluster_member_named(const struct cluster *cluster, struct slice name)
{
	for (size_t i = 0; i < cluster->member_count; i++)
		if (slice_equal(slice_text(cluster->members[i].name), name))
			return &cluster->members[i];
	return NULL;
}

bool
cluster_disk_is_full(const struct cluster *cluster)
{
	return slice_starts_with(slice_text(cluster->refuses), SLICE_LITERAL("disk full"));
}
