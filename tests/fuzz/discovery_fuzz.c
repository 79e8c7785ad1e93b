/*
 * discovery_fuzz.c - any bytes as what a discovery service answers, as where it
 * redirects to, and as the URL that names it.
 */
#include "tests/fuzz/fuzz.h"

#include "httpd/peer/discovery_registry.h"
#include "httpd/peer/discovery_text.h"

#include "common/node_name.h"

#include <string.h>

/* What was taken goes into a request line: it has nothing in it that ends one. */
static void
check_path(const char *path)
{
	for (const char *at = path; *at != '\0'; at++)
		ASSERT(*at > ' ' && *at < 0x7f);
}

static void
try_url(struct slice text)
{
	struct discovery_url url, next;
	struct slice query;
	const char *problem = NULL;

	if (discovery_url_parse(text, &url, &problem) != ERR_NONE) {
		ASSERT(problem != NULL);
		return;
	}
	check_path(url.path);
	check_path(url.address.host);
	ASSERT(url.address.port != 0);
	if (discovery_redirect(&url, text, &next, &query) == ERR_NONE)
		ASSERT(next.address.https || !url.address.https);
}

static void
try_redirect(struct slice text)
{
	struct discovery_url from, next;
	struct slice query;
	const char *problem;

	MUST(discovery_url_parse(SLICE_LITERAL("https://h/t"), &from, &problem) == ERR_NONE);
	if (discovery_redirect(&from, text, &next, &query) != ERR_NONE)
		return;
	check_path(next.path);
	ASSERT(next.address.https);
	for (size_t i = 0; i < query.size; i++)
		ASSERT(query.data[i] > ' ' && query.data[i] < 0x7f);
}

/* Each machine of a listing can be called. */
static void
try_listing(struct slice text)
{
	struct buf out = BUF_INIT;
	struct peer_address address;
	size_t count, found = 0;

	(void)discovery_is_error(text, 105);
	if (discovery_machines_parse(text, "machine1", &out, &count) == ERR_NONE) {
		struct slice rest = buf_slice(&out);

		while (rest.size > 0) {
			const uint8_t *comma = memchr(rest.data, ',', rest.size);
			size_t size = comma == NULL ? rest.size : (size_t)(comma - rest.data);

			MUST(peer_address_parse(slice_of(rest.data, size), true, &address) ==
			    ERR_NONE);
			found++;
			size += comma != NULL;
			rest = slice_of(rest.data + size, rest.size - size);
		}
		ASSERT(found == count);
	}
	buf_free(&out);
}

/* Each that is among the first can be a member, and they are in order. */
static void
try_registry(struct slice text)
{
	char problem[REGISTRY_PROBLEM_BYTES];
	struct peer_address address;
	struct registry registry;
	unsigned size = 0;

	if (registry_size_parse(text, &size, problem) == ERR_NONE)
		ASSERT(size > 0 && size <= DISCOVERY_SIZE_MAX);
	for (size = 1; size <= DISCOVERY_SIZE_MAX; size += 10) {
		if (registry_parse(text, size, &registry, problem) != ERR_NONE) {
			ASSERT(strlen(problem) < sizeof(problem));
			continue;
		}
		ASSERT(registry.count <= size);
		for (size_t i = 0; i < registry.count; i++) {
			const struct registry_entry *entry = &registry.first[i];

			ASSERT(entry->id != 0);
			ASSERT(node_name_valid(slice_text(entry->name)));
			ASSERT(i == 0 || registry.first[i - 1].created <= entry->created);
			MUST(peer_address_parse(slice_text(entry->url), false, &address) ==
			    ERR_NONE);
		}
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice text = slice_of(data, size);

	try_url(text);
	try_redirect(text);
	try_listing(text);
	try_registry(text);
	return 0;
}
