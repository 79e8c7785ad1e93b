/*
 * json_walk.c - reading JSON from outside (see json_walk.h).
 *
 * The place is kept as text in one bounded array: each level remembers how long
 * it was where the level began.
 */
#include "httpd/json_walk.h"

#include "common/arena.h"
#include "common/json_text.h"

#include <stdio.h>

#include <yajl/yajl_parse.h>

#define PLACE_BYTES 256

struct json_level {
	size_t place_size;
	bool array;
	size_t key_count;
	struct slice keys[PEER_JSON_KEYS_MAX];
};

struct json_state {
	struct json_walker walker;
	const char *problem;
	struct arena arena;		/* keys and levels */
	char place[PLACE_BYTES];
	size_t place_size;
	size_t depth;			/* levels open */
	struct json_level *levels[PEER_JSON_DEPTH_MAX];
};

static bool
place_append(struct json_state *state, const char *text, size_t size)
{
	if (size >= sizeof(state->place) - state->place_size) {
		state->problem = "keys are too long";
		return false;
	}
	memcpy(state->place + state->place_size, text, size);
	state->place_size += size;
	state->place[state->place_size] = '\0';
	return true;
}

/* Set the place of a value that begins now. */
static bool
json_place_value(struct json_state *state)
{
	struct json_level *level;

	if (state->depth == 0)
		return true;
	level = state->levels[state->depth - 1];
	if (!level->array)
		return true;
	state->place_size = level->place_size;
	return place_append(state, "[]", 2);
}

static int
json_value(struct json_state *state, enum json_kind kind, struct slice text)
{
	if (!json_place_value(state))
		return 0;
	if (!state->walker.value(state->walker.argument, state->place, kind, text)) {
		if (state->problem == NULL)
			state->problem = "a member is missing or has a wrong value";
		return 0;
	}
	return 1;
}

static int
json_on_null(void *argument)
{
	return json_value(argument, JSON_NULL, SLICE_EMPTY);
}

static int
json_on_bool(void *argument, int value)
{
	return json_value(argument, JSON_BOOL, slice_text(value != 0 ? "true" : "false"));
}

static int
json_on_number(void *argument, const char *text, size_t size)
{
	return json_value(argument, JSON_NUMBER, slice_of(text, size));
}

static bool
json_text_check(struct json_state *state, struct slice text)
{
	if (json_text_valid(text))
		return true;
	state->problem = "a string is not UTF-8";
	return false;
}

static int
json_on_string(void *argument, const unsigned char *text, size_t size)
{
	struct slice string = slice_of(text, size);

	return json_text_check(argument, string) && json_value(argument, JSON_STRING, string);
}

static int
json_begin(struct json_state *state, enum json_kind kind)
{
	struct json_level *level;

	if (state->depth == PEER_JSON_DEPTH_MAX) {
		state->problem = "it is nested too deeply";
		return 0;
	}
	if (json_value(state, kind, SLICE_EMPTY) == 0)
		return 0;
	level = arena_zalloc(&state->arena, sizeof(*level));
	level->place_size = state->place_size;
	level->array = kind == JSON_ARRAY;
	state->levels[state->depth++] = level;
	return 1;
}

static int
json_end(struct json_state *state, enum json_kind kind)
{
	struct json_level *level = state->levels[--state->depth];

	state->place_size = level->place_size;
	state->place[state->place_size] = '\0';
	return state->walker.value(state->walker.argument, state->place, kind, SLICE_EMPTY);
}

static int
json_on_object(void *argument)
{
	return json_begin(argument, JSON_OBJECT);
}

static int
json_on_object_end(void *argument)
{
	return json_end(argument, JSON_OBJECT_END);
}

static int
json_on_array(void *argument)
{
	return json_begin(argument, JSON_ARRAY);
}

static int
json_on_array_end(void *argument)
{
	return json_end(argument, JSON_ARRAY_END);
}

static bool
key_is_plain(struct slice key)
{
	for (size_t i = 0; i < key.size; i++) {
		uint8_t byte = key.data[i];

		if (!((byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
			(byte >= '0' && byte <= '9') || byte == '_'))
			return false;
	}
	return key.size > 0;
}

static int
json_on_key(void *argument, const unsigned char *text, size_t size)
{
	struct json_state *state = argument;
	struct json_level *level = state->levels[state->depth - 1];
	struct slice key = slice_of(text, size);

	if (!json_text_check(state, key))
		return 0;
	for (size_t i = 0; i < level->key_count; i++) {
		if (slice_equal(level->keys[i], key)) {
			state->problem = "a key stands twice in an object";
			return 0;
		}
	}
	if (level->key_count == PEER_JSON_KEYS_MAX) {
		state->problem = "an object has too many members";
		return 0;
	}
	level->keys[level->key_count++] = arena_copy(&state->arena, key);
	state->place_size = level->place_size;
	if (state->place_size > 0 && !place_append(state, ".", 1))
		return 0;
	return key_is_plain(key) ? place_append(state, (const char *)text, size)
				 : place_append(state, "?", 1);
}

static yajl_callbacks json_callbacks = {
	.yajl_null = json_on_null,
	.yajl_boolean = json_on_bool,
	.yajl_number = json_on_number,
	.yajl_string = json_on_string,
	.yajl_start_map = json_on_object,
	.yajl_map_key = json_on_key,
	.yajl_end_map = json_on_object_end,
	.yajl_start_array = json_on_array,
	.yajl_end_array = json_on_array_end,
};

bool
json_walk_text(enum json_kind kind, struct slice text, char *array, size_t size)
{
	if (kind != JSON_STRING || text.size >= size ||
	    (text.size > 0 && memchr(text.data, '\0', text.size) != NULL))
		return false;
	if (text.size > 0)
		memcpy(array, text.data, text.size);
	array[text.size] = '\0';
	return true;
}

enum err
json_walk(struct slice text, struct json_walker walker, const char **problem)
{
	struct json_state state = { .walker = walker };
	yajl_status status = yajl_status_error;
	yajl_handle handle;

	arena_init(&state.arena);
	handle = yajl_alloc(&json_callbacks, NULL, &state);
	ASSERT(handle != NULL);
	if (text.size > 0)
		status = yajl_parse(handle, text.data, text.size);
	if (status == yajl_status_ok)
		status = yajl_complete_parse(handle);
	yajl_free(handle);
	arena_free(&state.arena);
	if (status == yajl_status_ok)
		return ERR_NONE;
	*problem = state.problem != NULL ? state.problem : "it is not JSON";
	return ERR_MALFORMED;
}
