/*
 * discovery_registry.c - see discovery_registry.h.
 */
#include "httpd/peer/discovery_registry.h"

#include "common/node_name.h"
#include "common/printable.h"
#include "httpd/json_walk.h"
#include "httpd/peer/identity.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define KEY_BYTES 1024			/* of a child that is looked at */
#define VALUE_BYTES (4 * KIB)
#define SHOWN_BYTES 48			/* of what is quoted */

/* What is wrong, with the text that is. */
static enum err
refuse(char problem[REGISTRY_PROBLEM_BYTES], const char *what, struct slice text)
{
	struct buf shown = BUF_INIT;

	printable_put(&shown, slice_of(text.data, MIN_OF(text.size, (size_t)SHOWN_BYTES)));
	snprintf(problem, REGISTRY_PROBLEM_BYTES, "%s: \"%.*s\"", what,
	    (int)MIN_OF(shown.size, (size_t)SHOWN_BYTES), shown.size == 0 ? "" :
	    (const char *)shown.data);
	buf_free(&shown);
	return ERR_MALFORMED;
}

static enum err
refuse_text(char problem[REGISTRY_PROBLEM_BYTES], const char *what)
{
	snprintf(problem, REGISTRY_PROBLEM_BYTES, "%s", what);
	return ERR_MALFORMED;
}

/* ---- _config/size --------------------------------------------------------------------- */

struct size_reader {
	bool found, good;
	uint64_t size;
	char shown[SHOWN_BYTES + 1];
};

static bool
size_value(void *argument, const char *place, enum json_kind kind, struct slice text)
{
	struct size_reader *reader = argument;

	if (strcmp(place, "node.value") != 0)
		return true;
	reader->found = true;
	reader->good = kind == JSON_STRING &&
	    peer_number_parse(text, DISCOVERY_SIZE_MAX, &reader->size) && reader->size > 0;
	snprintf(reader->shown, sizeof(reader->shown), "%.*s",
	    (int)MIN_OF(text.size, (size_t)SHOWN_BYTES), text.size == 0 ? "" :
	    (const char *)text.data);
	return true;
}

enum err
registry_size_parse(struct slice body, unsigned *size, char problem[REGISTRY_PROBLEM_BYTES])
{
	struct size_reader reader = { .found = false };
	char what[64];
	const char *why;

	if (json_walk(body, (struct json_walker){ size_value, &reader }, &why) != ERR_NONE ||
	    !reader.found)
		return refuse_text(problem, "the answer is none of a keys API");
	if (!reader.good) {
		snprintf(what, sizeof(what), "_config/size of the token is not 1 to %d",
		    DISCOVERY_SIZE_MAX);
		return refuse(problem, what, slice_text(reader.shown));
	}
	*size = (unsigned)reader.size;
	return ERR_NONE;
}

/* ---- the machines ----------------------------------------------------------------------- */

struct list_reader {
	struct registry *registry;
	unsigned size;
	bool dir;			/* the node itself is a directory */
	/* Of the child being read: */
	bool child_dir, has_created;
	bool too_long;			/* or no text at all: none of a machine */
	uint64_t created;
	char key[KEY_BYTES + 1];
	char value[VALUE_BYTES + 1];
};

/* NAME=URL, with at most others of the same name behind it. */
static bool
read_value(const char *value, struct registry_entry *entry)
{
	struct peer_address address;

	for (bool first = true; first || *value != '\0'; first = false) {
		size_t size = strcspn(value, ","), name = strcspn(value, "=");
		struct slice url;

		if (name >= size)
			return false;
		url = slice_of(value + name + 1, size - name - 1);
		if (url.size > 0 && url.data[url.size - 1] == '/')
			url.size--;
		if (!node_name_valid(slice_of(value, name)) || url.size > URL_BYTES_MAX ||
		    peer_address_parse(url, false, &address) != ERR_NONE)
			return false;
		if (first) {
			snprintf(entry->name, sizeof(entry->name), "%.*s", (int)name, value);
			snprintf(entry->url, sizeof(entry->url), "%.*s", SLICE_ARGS(url));
		} else if (!slice_equal(slice_of(value, name), slice_text(entry->name))) {
			return false;
		}
		value += size + (value[size] == ',');
	}
	return true;
}

static const char *
last_name(const struct list_reader *reader)
{
	const char *slash = strrchr(reader->key, '/');

	return slash == NULL ? reader->key : slash + 1;
}

/* In its place by creation; what is not among the first falls off. One that is none of a
 * machine has its place as well, or not all would see the same. */
static void
take_child(struct list_reader *reader)
{
	struct registry *registry = reader->registry;
	const char *last = last_name(reader);
	struct registry_entry entry = { .created = reader->created };
	size_t place;

	if (reader->child_dir || last[0] == '_')
		return;
	if (reader->too_long || !reader->has_created ||
	    !peer_id_parse(slice_text(last), &entry.id) || !read_value(reader->value, &entry)) {
		entry.id = 0;
		snprintf(entry.name, sizeof(entry.name), "%.*s", SHOWN_BYTES, last);
	}
	place = registry->count;
	while (place > 0 && registry->first[place - 1].created > entry.created)
		place--;
	if (place == reader->size)
		return;
	if (registry->count < reader->size)
		registry->count++;
	memmove(&registry->first[place + 1], &registry->first[place],
	    (registry->count - 1 - place) * sizeof(entry));
	registry->first[place] = entry;
}

static void
begin_child(struct list_reader *reader)
{
	reader->child_dir = reader->has_created = reader->too_long = false;
	reader->created = UINT64_MAX;
	reader->key[0] = reader->value[0] = '\0';
}

static bool
list_value(void *argument, const char *place, enum json_kind kind, struct slice text)
{
	struct list_reader *reader = argument;

	if (strcmp(place, "node.dir") == 0)
		reader->dir = kind == JSON_BOOL && slice_equal(text, SLICE_LITERAL("true"));
	else if (strcmp(place, "node.nodes[]") == 0 && kind == JSON_OBJECT)
		begin_child(reader);
	else if (strcmp(place, "node.nodes[]") == 0 && kind == JSON_OBJECT_END)
		take_child(reader);
	else if (strcmp(place, "node.nodes[].key") == 0)
		reader->too_long = !json_walk_text(kind, text, reader->key,
		    sizeof(reader->key)) || reader->too_long;
	else if (strcmp(place, "node.nodes[].value") == 0)
		reader->too_long = !json_walk_text(kind, text, reader->value,
		    sizeof(reader->value)) || reader->too_long;
	else if (strcmp(place, "node.nodes[].createdIndex") == 0)
		reader->has_created = kind == JSON_NUMBER &&
		    peer_number_parse(text, UINT64_MAX, &reader->created);
	else if (strcmp(place, "node.nodes[].dir") == 0)
		reader->child_dir = slice_equal(text, SLICE_LITERAL("true"));
	return true;
}

enum err
registry_parse(struct slice body, unsigned size, struct registry *result,
    char problem[REGISTRY_PROBLEM_BYTES])
{
	struct list_reader reader = { .registry = result, .size = size };
	const char *why;

	ASSERT(size > 0 && size <= DISCOVERY_SIZE_MAX);
	result->count = 0;
	if (json_walk(body, (struct json_walker){ list_value, &reader }, &why) != ERR_NONE ||
	    !reader.dir)
		return refuse_text(problem, "the answer lists no directory");
	for (size_t i = 0; i < result->count; i++)
		if (result->first[i].id == 0)
			return refuse(problem, "a key of the token is not ID with a value "
			    "NAME=PEER_URL; remove it, or take another token",
			    slice_text(result->first[i].name));
	return ERR_NONE;
}

const struct registry_entry *
registry_find(const struct registry *registry, uint64_t id)
{
	for (size_t i = 0; i < registry->count; i++)
		if (registry->first[i].id == id)
			return &registry->first[i];
	return NULL;
}
