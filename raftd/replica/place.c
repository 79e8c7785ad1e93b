/*
 * place.c - the table of places: few, so it is an array that is searched.
 */
#include "raftd/replica/place.h"

#include "common/url_list.h"
#include "common/xmem.h"
#include "raftd/replica/state.h"

#include <stdlib.h>

void
places_clear(struct places *places)
{
	for (size_t i = 0; i < places->count; i++)
		free(places->list[i].peer_urls);
	free(places->removed);
	*places = (struct places){ 0 };
}

const struct place *
places_find(const struct places *places, uint64_t id)
{
	for (size_t i = 0; i < places->count; i++)
		if (places->list[i].id == id)
			return &places->list[i];
	return NULL;
}

const struct place *
places_of_node(const struct places *places, peer_id node)
{
	for (size_t i = 0; i < places->count; i++)
		if (places->list[i].node == node)
			return &places->list[i];
	return NULL;
}

const struct place *
places_open_at(const struct places *places, struct slice peer_url)
{
	for (size_t i = 0; i < places->count; i++) {
		struct slice urls = slice_text(places->list[i].peer_urls), url;

		while (places->list[i].node == 0 && url_list_next(&urls, &url))
			if (slice_equal(url, peer_url))
				return &places->list[i];
	}
	return NULL;
}

size_t
places_open_count(const struct places *places)
{
	size_t open = 0;

	for (size_t i = 0; i < places->count; i++)
		open += places->list[i].node == 0;
	return open;
}

bool
places_was_removed(const struct places *places, uint64_t id)
{
	for (size_t i = 0; i < places->removed_count; i++)
		if (places->removed[i].id == id)
			return true;
	return false;
}

static void
take_out(struct places *places, size_t at)
{
	free(places->list[at].peer_urls);
	places->count--;
	memmove(&places->list[at], &places->list[at + 1],
	    (places->count - at) * sizeof(places->list[0]));
}

static bool
is_before(uint64_t since, uint64_t id, uint64_t other_since, uint64_t other_id)
{
	return since != other_since ? since < other_since : id < other_id;
}

/* Put without an effect; the id's old row, if any, goes. */
static bool
set_place(struct places *places, const struct place_values *values)
{
	struct place fresh = { .id = values->id, .since = values->since, .node = values->node };
	const struct place *old = places_find(places, values->id);
	size_t at = 0;

	if (old == NULL && places->count == PLACES_MAX)
		return false;
	fresh.peer_urls = xmalloc(values->peer_urls.size + 1);
	memcpy(fresh.peer_urls, values->peer_urls.data, values->peer_urls.size);
	fresh.peer_urls[values->peer_urls.size] = '\0';
	if (old != NULL)
		take_out(places, (size_t)(old - places->list));
	while (at < places->count && is_before(places->list[at].since, places->list[at].id,
	    fresh.since, fresh.id))
		at++;
	memmove(&places->list[at + 1], &places->list[at],
	    (places->count - at) * sizeof(places->list[0]));
	places->list[at] = fresh;
	places->count++;
	return true;
}

static void
save(uint64_t id, const struct place_state *state, struct buf *effects)
{
	uint8_t key[STATE_KEY_BYTES];
	struct buf value = BUF_INIT;

	place_state_put(&value, state);
	state_effect(effects, state_key(key, STATE_PLACE, id), buf_slice(&value));
	buf_free(&value);
}

bool
places_put(struct places *places, const struct place_values *values, struct buf *effects)
{
	if (!set_place(places, values))
		return false;
	save(values->id, &(struct place_state){
	    .format = STATE_FORMAT,
	    .phase = values->node == 0 ? PLACE_IS_OPEN : PLACE_IS_TAKEN,
	    .since = values->since,
	    .node = values->node,
	    .peer_urls = slice_text(places_find(places, values->id)->peer_urls),
	}, effects);
	return true;
}

static void
remember(struct places *places, uint64_t id, uint64_t since)
{
	size_t at = places->removed_count;

	places->removed = xgrow(places->removed, &places->removed_capacity,
	    places->removed_count + 1, sizeof(*places->removed));
	while (at > 0 && is_before(since, id, places->removed[at - 1].since,
	    places->removed[at - 1].id))
		at--;
	memmove(&places->removed[at + 1], &places->removed[at],
	    (places->removed_count - at) * sizeof(places->removed[0]));
	places->removed[at] = (struct removed_place){ id, since };
	places->removed_count++;
}

void
places_remove(struct places *places, uint64_t id, uint64_t since, struct buf *effects)
{
	const struct place *place = places_find(places, id);
	uint8_t key[STATE_KEY_BYTES];

	if (place == NULL)
		return;
	take_out(places, (size_t)(place - places->list));
	if (places->removed_count == PLACES_REMOVED_MAX) {
		state_effect(effects, state_key(key, STATE_PLACE, places->removed[0].id),
		    SLICE_EMPTY);
		places->removed_count--;
		memmove(&places->removed[0], &places->removed[1],
		    places->removed_count * sizeof(places->removed[0]));
	}
	remember(places, id, since);
	save(id, &(struct place_state){ .format = STATE_FORMAT, .phase = PLACE_IS_REMOVED,
	    .since = since }, effects);
}

static bool
is_sound(const struct place_state *state)
{
	struct slice urls = state->peer_urls;

	return state->format == STATE_FORMAT && state->phase >= PLACE_IS_OPEN &&
	    state->phase <= PLACE_IS_REMOVED &&
	    (state->node != 0) == (state->phase == PLACE_IS_TAKEN) &&
	    (urls.size != 0) == (state->phase != PLACE_IS_REMOVED) &&
	    urls.size <= PLACE_URLS_BYTES_MAX &&
	    (urls.size == 0 || memchr(urls.data, '\0', urls.size) == NULL);
}

enum err
places_load(struct places *places, struct slice key, struct slice value)
{
	struct reader in = reader_of(value);
	struct place_state state;
	struct place_values values;

	if (!state_key_parse(key, &values.id, NULL, 1) || values.id == 0 ||
	    !place_state_get(&in, &state) || !reader_done(&in) || !is_sound(&state) ||
	    places_find(places, values.id) != NULL || places_was_removed(places, values.id))
		return ERR_CORRUPT;
	if (state.phase == PLACE_IS_REMOVED) {
		if (places->removed_count == PLACES_REMOVED_MAX)
			return ERR_CORRUPT;
		remember(places, values.id, state.since);
		return ERR_NONE;
	}
	values.since = state.since;
	values.node = state.node;
	values.peer_urls = state.peer_urls;
	return set_place(places, &values) ? ERR_NONE : ERR_CORRUPT;
}

void
places_encode(const struct places *places, struct buf *out)
{
	for (size_t i = 0; i < places->count; i++)
		place_record_put(out, &(struct place_record){
		    .id = places->list[i].id,
		    .node = places->list[i].node,
		    .peer_urls = slice_text(places->list[i].peer_urls),
		});
}

void
places_put_state(const struct places *places, struct buf *out)
{
	places_encode(places, out);
	for (size_t i = 0; i < places->count; i++)
		codec_put_u64(out, places->list[i].since);
	for (size_t i = 0; i < places->removed_count; i++) {
		codec_put_u64(out, places->removed[i].id);
		codec_put_u64(out, places->removed[i].since);
	}
}

void
places_invariants(const struct places *places)
{
	ASSERT(places->count <= PLACES_MAX);
	ASSERT(places->removed_count <= PLACES_REMOVED_MAX);
	for (size_t i = 0; i < places->count; i++) {
		const struct place *place = &places->list[i];

		ASSERT(place->peer_urls[0] != '\0');
		ASSERT(places_find(places, place->id) == place);
		ASSERT(!places_was_removed(places, place->id));
		ASSERT(place->node == 0 || places_of_node(places, place->node) == place);
	}
}
