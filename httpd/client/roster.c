/*
 * roster.c - see roster.h.
 */
#include "httpd/client/roster.h"

#include "common/limits.h"
#include "httpd/json_walk.h"

#include <stdio.h>
#include <string.h>

struct body_reader {
	struct buf *urls;
	size_t count;
	bool listed;			/* there was a list, maybe an empty one */
	char *problem;
};

static bool
complain(struct body_reader *reader, const char *what, struct slice url)
{
	snprintf(reader->problem, ROSTER_PROBLEM_BYTES, "%s: %.*s", what,
	    (int)MIN_OF(url.size, (size_t)200), url.size > 0 ? (const char *)url.data : "");
	return false;
}

static struct slice
trim(struct slice text)
{
	while (text.size > 0 && text.data[0] == ' ')
		text = slice_of(text.data + 1, text.size - 1);
	while (text.size > 0 && text.data[text.size - 1] == ' ')
		text.size--;
	return text;
}

/* HOST:PORT with a host of letters that no list, log or terminal takes for something else. */
static bool
is_address(struct slice text)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
	    "0123456789.-_";
	const uint8_t *colon = memrchr(text.data, ':', text.size);
	size_t host = colon == NULL ? 0 : (size_t)(colon - text.data);
	bool literal = host > 2 && text.data[0] == '[' && text.data[host - 1] == ']';
	unsigned port = 0;

	if (host == 0 || text.size - host < 2 || text.size - host > 6)
		return false;
	for (size_t i = literal ? 1 : 0; i < (literal ? host - 1 : host); i++)
		if ((text.data[i] == '\0' || strchr(letters, text.data[i]) == NULL) &&
		    (!literal || (text.data[i] != ':' && text.data[i] != '%')))
			return false;
	for (size_t i = host + 1; i < text.size; i++) {
		if (text.data[i] < '0' || text.data[i] > '9')
			return false;
		port = port * 10 + (unsigned)(text.data[i] - '0');
	}
	return port > 0 && port <= 65535;
}

static bool
has_url(const struct buf *urls, struct slice url)
{
	struct slice rest = buf_slice(urls);

	while (rest.size > 0) {
		const uint8_t *comma = memchr(rest.data, ',', rest.size);
		size_t size = comma == NULL ? rest.size : (size_t)(comma - rest.data);

		if (slice_equal(slice_of(rest.data, size), url))
			return true;
		size = MIN_OF(size + 1, rest.size);
		rest = slice_of(rest.data + size, rest.size - size);
	}
	return false;
}

static bool
take_url(struct body_reader *reader, struct slice text)
{
	static const struct slice schemes[] = { { (const uint8_t *)"http://", 7 },
		{ (const uint8_t *)"https://", 8 } };
	struct slice url = trim(text), rest = SLICE_EMPTY;
	const uint8_t *end;

	for (size_t i = 0; i < ARRAY_COUNT(schemes); i++)
		if (slice_starts_with(url, schemes[i]))
			rest = slice_of(url.data + schemes[i].size, url.size - schemes[i].size);
	if (rest.data == NULL)
		return complain(reader, "URL scheme must be http or https", url);
	if (url.size > URL_BYTES_MAX)
		return complain(reader, "URL is longer than 1024 bytes", url);
	end = memchr(rest.data, '/', rest.size);
	if (!is_address(end == NULL ? rest : slice_of(rest.data, (size_t)(end - rest.data))))
		return complain(reader, "URL address does not have the form \"host:port\"", url);
	if (end != NULL)
		return complain(reader, "URL must not contain a path", url);
	if (has_url(reader->urls, url))
		return true;
	if (reader->count++ == PLACE_URLS_MAX ||
	    reader->urls->size + 1 + url.size > PLACE_URLS_BYTES_MAX)
		return complain(reader, "more peer URLs than a member may have", url);
	if (reader->urls->size > 0)
		buf_append_byte(reader->urls, ',');
	buf_append_slice(reader->urls, url);
	return true;
}

static bool
take_value(void *argument, const char *place, enum json_kind kind, struct slice text)
{
	struct body_reader *reader = argument;

	if (strcmp(place, "") == 0 && kind != JSON_OBJECT && kind != JSON_OBJECT_END)
		return complain(reader, "not an object", SLICE_EMPTY);
	if (strcmp(place, "peerURLs") == 0) {
		if (kind != JSON_ARRAY && kind != JSON_ARRAY_END)
			return complain(reader, "peerURLs is not a list", SLICE_EMPTY);
		reader->listed = true;
	}
	if (strcmp(place, "peerURLs[]") != 0)
		return true;
	if (kind != JSON_STRING)
		return complain(reader, "a peer URL is not a string", SLICE_EMPTY);
	return take_url(reader, text);
}

enum err
roster_urls_take(const struct slice *list, size_t count, struct buf *urls,
    char problem[ROSTER_PROBLEM_BYTES])
{
	struct body_reader reader = { .urls = urls, .problem = problem };

	for (size_t i = 0; i < count; i++)
		if (!take_url(&reader, list[i]))
			return ERR_MALFORMED;
	return reader.count > 0 ? ERR_NONE : ERR_MALFORMED;
}

enum err
roster_body_parse(struct slice body, struct buf *urls, char problem[ROSTER_PROBLEM_BYTES])
{
	struct body_reader reader = { .urls = urls, .problem = problem };
	const char *broken = NULL;

	problem[0] = '\0';
	if (json_walk(body, (struct json_walker){ take_value, &reader }, &broken) != ERR_NONE) {
		if (problem[0] == '\0')
			snprintf(problem, ROSTER_PROBLEM_BYTES, "body refused: %s", broken);
		return ERR_MALFORMED;
	}
	if (!reader.listed || urls->size == 0) {
		snprintf(problem, ROSTER_PROBLEM_BYTES, "no valid URLs given");
		return ERR_MALFORMED;
	}
	return ERR_NONE;
}

bool
roster_id_parse(struct slice text, uint64_t *id)
{
	uint64_t number = 0;

	if (text.size == 0 || text.size > 16)
		return false;
	for (size_t i = 0; i < text.size; i++) {
		static const char digits[] = "0123456789abcdef";
		int byte = text.data[i] >= 'A' && text.data[i] <= 'F' ?
		    text.data[i] - 'A' + 'a' : text.data[i];
		const char *digit = byte == '\0' ? NULL : strchr(digits, byte);

		if (digit == NULL)
			return false;
		number = number << 4 | (uint64_t)(digit - digits);
	}
	*id = number;
	return number != 0;
}

void
roster_put_urls(struct json_put *json, const char *name, const char *urls)
{
	json_put_open(json, name, '[');
	while (urls[0] != '\0') {
		size_t size = strcspn(urls, ",");

		json_put_text(json, NULL, slice_of(urls, size));
		urls += size + (urls[size] == ',');
	}
	json_put_close(json, ']');
}
