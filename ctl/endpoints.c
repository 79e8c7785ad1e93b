/*
 * endpoints.c - lists of URLs (see endpoints.h).
 */
#include "ctl/endpoints.h"

#include "common/limits.h"
#include "common/xmem.h"

#include <stdlib.h>

static struct slice
trimmed(struct slice text)
{
	while (text.size > 0 && memchr(" \t\r\n", text.data[0], 4) != NULL)
		text = slice_of(text.data + 1, text.size - 1);
	while (text.size > 0 && memchr(" \t\r\n", text.data[text.size - 1], 4) != NULL)
		text.size--;
	return text;
}

/* A host, perhaps a port, perhaps a path; nothing that a shell or a log would stumble over. */
static bool
is_rest_of_url(struct slice rest)
{
	if (rest.size == 0 || rest.size > URL_BYTES_MAX || rest.data[0] == ':' ||
	    rest.data[0] == '/')
		return false;
	for (size_t i = 0; i < rest.size; i++) {
		if (rest.data[i] <= ' ' || rest.data[i] >= 0x7f ||
		    memchr("\"'<>\\^`{|}?#", rest.data[i], 12) != NULL)
			return false;
	}
	return true;
}

static char *
url_of(struct slice text, bool secure)
{
	struct slice plain = SLICE_LITERAL("http://");
	struct slice tls = SLICE_LITERAL("https://");
	struct slice scheme = secure ? tls : plain;
	struct slice rest = text;

	if (slice_starts_with(text, plain) || slice_starts_with(text, tls)) {
		scheme = slice_starts_with(text, plain) ? plain : tls;
		rest = slice_of(text.data + scheme.size, text.size - scheme.size);
	}
	while (rest.size > 0 && rest.data[rest.size - 1] == '/')
		rest.size--;
	if (!is_rest_of_url(rest) || memmem(rest.data, rest.size, "://", 3) != NULL)
		return NULL;
	return xasprintf("%.*s%.*s", SLICE_ARGS(scheme), SLICE_ARGS(rest));
}

static bool
has(const struct endpoints *endpoints, const char *url)
{
	for (size_t i = 0; i < endpoints->count; i++) {
		if (strcmp(endpoints->urls[i], url) == 0)
			return true;
	}
	return false;
}

enum err
endpoints_add(struct endpoints *endpoints, struct slice list, bool secure, char **bad)
{
	while (list.size > 0) {
		const uint8_t *comma = memchr(list.data, ',', list.size);
		size_t size = comma == NULL ? list.size : (size_t)(comma - list.data);
		struct slice item = trimmed(slice_of(list.data, size));
		char *url = item.size == 0 ? NULL : url_of(item, secure);

		if (item.size > 0 && url == NULL) {
			*bad = xasprintf("%.*s", SLICE_ARGS(item));
			return ERR_INVALID;
		}
		if (url != NULL && endpoints->count < ENDPOINTS_MAX && !has(endpoints, url))
			endpoints->urls[endpoints->count++] = url;
		else
			free(url);
		size += comma != NULL;
		list = slice_of(list.data + size, list.size - size);
	}
	return ERR_NONE;
}

void
endpoints_free(struct endpoints *endpoints)
{
	for (size_t i = 0; i < endpoints->count; i++)
		free(endpoints->urls[i]);
	*endpoints = (struct endpoints){ 0 };
}

void
endpoints_prefer(struct endpoints *endpoints, size_t which)
{
	char *url = endpoints->urls[which];

	memmove(endpoints->urls + 1, endpoints->urls, which * sizeof(url));
	endpoints->urls[0] = url;
}
