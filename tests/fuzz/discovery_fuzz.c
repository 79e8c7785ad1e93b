/*
 * discovery_fuzz.c - any bytes as what a discovery service answers, as where it
 * redirects to, and as the URL that names it.
 */
#include "tests/fuzz/fuzz.h"

#include "httpd/peer/discovery_text.h"

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

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice text = slice_of(data, size);

	try_url(text);
	try_redirect(text);
	try_listing(text);
	return 0;
}
