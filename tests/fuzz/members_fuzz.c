/*
 * members_fuzz.c - the JSON by which clients change the members, and ids in paths.
 *
 * Any bytes: what is taken keeps to the bounds, is what a command may have, and comes back from
 * its own text.
 */
#include "tests/fuzz/fuzz.h"

#include "common/json_put.h"
#include "common/limits.h"
#include "httpd/client/roster.h"

static void
put_list(struct buf *text, struct slice urls)
{
	struct json_put json = json_put_into(text);
	size_t count = 0;

	json_put_open(&json, NULL, '{');
	json_put_open(&json, "peerURLs", '[');
	while (urls.size > 0) {
		const uint8_t *comma = memchr(urls.data, ',', urls.size);
		size_t size = comma == NULL ? urls.size : (size_t)(comma - urls.data);

		ASSERT(size > 0);
		ASSERT(size <= URL_BYTES_MAX);
		json_put_text(&json, NULL, slice_of(urls.data, size));
		size = MIN_OF(size + 1, urls.size);
		urls = slice_of(urls.data + size, urls.size - size);
		count++;
	}
	ASSERT(count > 0);
	ASSERT(count <= PLACE_URLS_MAX);
	json_put_close(&json, ']');
	json_put_close(&json, '}');
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf urls = BUF_INIT, text = BUF_INIT, back = BUF_INIT;
	char problem[ROSTER_PROBLEM_BYTES];
	uint64_t id = 0;

	if (roster_id_parse(slice_of(data, size), &id))
		ASSERT(id != 0);
	if (roster_body_parse(slice_of(data, size), &urls, problem) == ERR_NONE) {
		ASSERT(urls.size <= PLACE_URLS_BYTES_MAX);
		for (size_t i = 0; i < urls.size; i++)
			ASSERT(urls.data[i] > ' ' && urls.data[i] < 0x7f);
		put_list(&text, buf_slice(&urls));
		MUST(roster_body_parse(buf_slice(&text), &back, problem) == ERR_NONE);
		ASSERT(slice_equal(buf_slice(&urls), buf_slice(&back)));
	} else {
		ASSERT(memchr(problem, '\0', sizeof(problem)) != NULL);
		ASSERT(problem[0] != '\0');
	}
	buf_free(&urls);
	buf_free(&text);
	buf_free(&back);
	return 0;
}
