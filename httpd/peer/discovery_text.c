/*
 * discovery_text.c - what a node and a discovery service say to each other (see
 * discovery_text.h).
 */
#include "httpd/peer/discovery_text.h"

#include "common/limits.h"
#include "httpd/peer/join_text.h"
#include "httpd/json_walk.h"

#include <stdio.h>
#include <string.h>

static const char unescaped[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";

/* ---- URLs ------------------------------------------------------------------ */

/* Without the slashes at its end. */
static enum err
take_path(struct slice path, struct discovery_url *url)
{
	while (path.size > 0 && path.data[path.size - 1] == '/')
		path.size--;
	if (path.size > DISCOVERY_PATH_BYTES_MAX)
		return ERR_INVALID;
	for (size_t i = 0; i < path.size; i++)
		if (path.data[i] <= ' ' || path.data[i] >= 0x7f || path.data[i] == '#')
			return ERR_INVALID;
	if (path.size > 0)
		memcpy(url->path, path.data, path.size);
	url->path[path.size] = '\0';
	return ERR_NONE;
}

/* "host", "host:port", "[literal]", "[literal]:port" behind "http://" or "https://". */
static enum err
take_authority(const char *scheme, struct slice authority, struct discovery_url *url)
{
	char text[ADDRESS_TEXT_BYTES + sizeof("https://") + sizeof(":443")];
	bool has_port = false;

	if (authority.size >= ADDRESS_TEXT_BYTES)
		return ERR_INVALID;
	for (size_t i = authority.size; i > 0 && authority.data[i - 1] != ']'; i--)
		has_port = has_port || authority.data[i - 1] == ':';
	snprintf(text, sizeof(text), "%s%.*s%s", scheme, SLICE_ARGS(authority),
	    has_port ? "" : strcmp(scheme, "https://") == 0 ? ":443" : ":80");
	return peer_address_parse(slice_text(text), false, &url->address);
}

enum err
discovery_url_parse(struct slice text, struct discovery_url *url, const char **problem)
{
	static const char *const schemes[] = { "http://", "https://" };
	struct slice authority, path;
	const char *scheme = NULL;
	const uint8_t *slash;

	for (size_t i = 0; i < ARRAY_COUNT(schemes); i++)
		if (slice_starts_with(text, slice_text(schemes[i])))
			scheme = schemes[i];
	*problem = "it does not begin with http:// or https://";
	if (scheme == NULL)
		return ERR_INVALID;
	authority = slice_of(text.data + strlen(scheme), text.size - strlen(scheme));
	slash = authority.size == 0 ? NULL : memchr(authority.data, '/', authority.size);
	path = SLICE_EMPTY;
	if (slash != NULL) {
		path = slice_of(slash, authority.size - (size_t)(slash - authority.data));
		authority.size = (size_t)(slash - authority.data);
	}
	*problem = "a user in it is not supported";
	if (authority.size > 0 && memchr(authority.data, '@', authority.size) != NULL)
		return ERR_INVALID;
	*problem = "its host or port is wrong";
	if (take_authority(scheme, authority, url) != ERR_NONE)
		return ERR_INVALID;
	*problem = "its path is wrong or too long";
	if (path.size > 0 && memchr(path.data, '?', path.size) != NULL)
		return ERR_INVALID;
	return take_path(path, url);
}

enum err
discovery_redirect(const struct discovery_url *from, struct slice location,
    struct discovery_url *to, struct slice *query)
{
	const uint8_t *mark = location.size == 0 ? NULL : memchr(location.data, '?', location.size);
	const char *problem;
	enum err err;

	*query = SLICE_EMPTY;
	if (mark != NULL) {
		*query = slice_of(mark, location.size - (size_t)(mark - location.data));
		location.size = (size_t)(mark - location.data);
	}
	for (size_t i = 0; i < query->size; i++)
		if (query->data[i] <= ' ' || query->data[i] >= 0x7f)
			return ERR_INVALID;
	if (query->size > DISCOVERY_PATH_BYTES_MAX)
		return ERR_INVALID;
	if (location.size > 0 && location.data[0] == '/') {
		to->address = from->address;
		return take_path(location, to);
	}
	err = discovery_url_parse(location, to, &problem);
	if (err == ERR_NONE && from->address.https && !to->address.https)
		return ERR_INVALID;
	return err;
}

void
discovery_form_put(struct buf *out, const char *name, const char *value)
{
	buf_printf(out, "%s%s=", out->size == 0 ? "" : "&", name);
	for (; *value != '\0'; value++) {
		if (strchr(unescaped, *value) != NULL)
			buf_append_byte(out, (uint8_t)*value);
		else
			buf_printf(out, "%%%02X", (unsigned)(uint8_t)*value);
	}
}

/* ---- answers ----------------------------------------------------------------- */

struct event_reader {
	bool action, node, error;
	uint64_t code;
};

static bool
event_value(void *argument, const char *place, enum json_kind kind, struct slice text)
{
	struct event_reader *reader = argument;

	if (strcmp(place, "action") == 0)
		reader->action = kind == JSON_STRING;
	else if (strcmp(place, "node") == 0)
		reader->node = kind == JSON_OBJECT || kind == JSON_OBJECT_END;
	else if (strcmp(place, "errorCode") == 0)
		reader->error = kind == JSON_NUMBER &&
		    peer_number_parse(text, UINT32_MAX, &reader->code);
	return true;
}

static struct event_reader
read_event(struct slice body)
{
	struct event_reader reader = { 0 };
	const char *problem;

	if (json_walk(body, (struct json_walker){ event_value, &reader }, &problem) != ERR_NONE)
		return (struct event_reader){ 0 };
	return reader;
}

bool
discovery_is_event(struct slice body)
{
	struct event_reader reader = read_event(body);

	return reader.action && reader.node;
}

bool
discovery_is_error(struct slice body, uint64_t code)
{
	struct event_reader reader = read_event(body);

	return reader.error && reader.code == code;
}

struct listing_reader {
	const char *name;		/* who is left out */
	struct buf *out;
	size_t count;
	bool dir;			/* the node itself is a directory */
	/* Of the child being read: */
	bool child_dir, too_long;	/* what does not fit leaves the child out */
	char key[KEY_BYTES_MAX / 16];
	char value[URL_BYTES_MAX + 1];
};

static void
take_child(struct listing_reader *reader)
{
	const char *slash = strrchr(reader->key, '/');
	const char *last = slash == NULL ? reader->key : slash + 1;
	char text[ADDRESS_TEXT_BYTES];
	struct peer_address address;

	if (reader->child_dir || reader->too_long || last[0] == '_' ||
	    strcmp(last, reader->name) == 0 || reader->count == DISCOVERY_MACHINES_MAX ||
	    peer_address_parse(slice_text(reader->value), true, &address) != ERR_NONE)
		return;
	peer_address_text(&address, text);
	buf_printf(reader->out, "%s%s", reader->count == 0 ? "" : ",", text);
	reader->count++;
}

static bool
listing_value(void *argument, const char *place, enum json_kind kind, struct slice text)
{
	struct listing_reader *reader = argument;

	if (strcmp(place, "node.dir") == 0) {
		reader->dir = kind == JSON_BOOL && slice_equal(text, SLICE_LITERAL("true"));
	} else if (strcmp(place, "node.nodes[]") == 0 && kind == JSON_OBJECT) {
		reader->child_dir = reader->too_long = false;
		reader->key[0] = reader->value[0] = '\0';
	} else if (strcmp(place, "node.nodes[]") == 0 && kind == JSON_OBJECT_END) {
		take_child(reader);
	} else if (strcmp(place, "node.nodes[].key") == 0) {
		reader->too_long = !json_walk_text(kind, text, reader->key,
		    sizeof(reader->key)) || reader->too_long;
	} else if (strcmp(place, "node.nodes[].value") == 0) {
		reader->too_long = !json_walk_text(kind, text, reader->value,
		    sizeof(reader->value)) || reader->too_long;
	} else if (strcmp(place, "node.nodes[].dir") == 0) {
		reader->child_dir = slice_equal(text, SLICE_LITERAL("true"));
	}
	return true;
}

enum err
discovery_machines_parse(struct slice body, const char *name, struct buf *out, size_t *count)
{
	struct listing_reader reader = { .name = name, .out = out };
	const char *problem;

	if (!discovery_is_event(body) ||
	    json_walk(body, (struct json_walker){ listing_value, &reader }, &problem) != ERR_NONE ||
	    !reader.dir)
		return ERR_MALFORMED;
	*count = reader.count;
	return ERR_NONE;
}
