/*
 * cors_test.c - which web pages may read and write.
 */
#include "httpd/client/cors.h"

#include "httpd/worker.h"
#include "tests/lib/test.h"

#include <stdlib.h>
#include <string.h>

#define METHODS "Access-Control-Allow-Methods: POST, GET, OPTIONS, PUT, DELETE\r\n" \
	"Access-Control-Allow-Headers: accept, content-type, authorization\r\n"

struct page {
	struct config config;
	struct cors *cors;
	struct worker worker;
	struct request request;
	struct request_header headers[3];
	struct buf lines;
};

/* origin: NULL: not from a page. */
static struct page *
page_new(const char *list, bool check, enum request_method method, const char *origin)
{
	struct page *page = calloc(1, sizeof(*page));
	char *problem;

	assert_non_null(page);
	config_init(&page->config);
	assert_int_equal(config_set(&page->config, OPTION_cors, list, &problem), ERR_NONE);
	assert_int_equal(config_set(&page->config, OPTION_host_names, "node", &problem), ERR_NONE);
	page->config.origin_check = check;
	page->worker.config = page->config;	/* borrowed */
	page->cors = cors_new(&page->config);
	page->request.method = method;
	page->request.worker = &page->worker;
	page->request.headers = page->headers;
	page->headers[0] = (struct request_header){ SLICE_LITERAL("Host"),
		SLICE_LITERAL("node:4001") };
	page->request.header_count = 1;
	if (origin != NULL) {
		page->headers[1] = (struct request_header){ SLICE_LITERAL("ORIGIN"),
			slice_text(origin) };
		page->request.header_count = 2;
	}
	return page;
}

static void
page_free(struct page *page)
{
	cors_free(&page->cors);
	buf_free(&page->lines);
	config_free(&page->config);
	free(page);
}

static void
expect_lines(const char *list, const char *origin, const char *lines)
{
	struct page *page = page_new(list, false, METHOD_GET, origin);

	cors_put(page->cors, &page->request, &page->lines);
	buf_append_byte(&page->lines, '\0');
	assert_string_equal((char *)page->lines.data, lines);
	page_free(page);
}

static bool
forbids(const char *list, bool check, enum request_method method, const char *origin)
{
	struct page *page = page_new(list, check, method, origin);
	bool result = page->cors != NULL && cors_forbids(page->cors, &page->request);

	page_free(page);
	return result;
}

TEST(nothing_is_done_if_nothing_was_asked_for)
{
	struct page *page = page_new("", false, METHOD_GET, NULL);

	assert_null(page->cors);
	page_free(page);
}

TEST(a_star_allows_every_origin_and_none)
{
	expect_lines("*", NULL, "Access-Control-Allow-Origin: *\r\n" METHODS);
	expect_lines("http://a,*", "http://b", "Access-Control-Allow-Origin: *\r\n" METHODS);
}

TEST(an_origin_of_the_list_is_allowed_as_it_stands)
{
	expect_lines("http://a,https://b:81", "https://b:81",
	    "Access-Control-Allow-Origin: https://b:81\r\nVary: Origin\r\n" METHODS);
	expect_lines("http://a", "http://a",
	    "Access-Control-Allow-Origin: http://a\r\nVary: Origin\r\n" METHODS);
}

TEST(what_is_not_in_the_list_gets_no_line)
{
	expect_lines("http://a,http://b", NULL, "");
	expect_lines("http://a,http://b", "http://c", "");
	expect_lines("http://a,http://b", "HTTP://A", "");
	expect_lines("http://a,http://b", "http://a,http://b", "");
	expect_lines("http://ab", "http://a", "");
	expect_lines("http://a", "http://a/", "");
}

TEST(only_writes_of_other_pages_are_forbidden)
{
	assert_true(forbids("http://a", true, METHOD_PUT, "http://b"));
	assert_true(forbids("http://a", true, METHOD_POST, "null"));
	assert_true(forbids("http://a", true, METHOD_DELETE, "http://b"));
	assert_true(forbids("", true, METHOD_PUT, "http://b"));
	assert_false(forbids("http://a", true, METHOD_GET, "http://b"));
	assert_false(forbids("http://a", true, METHOD_PUT, "http://a"));
	assert_false(forbids("http://a", true, METHOD_PUT, NULL));
	assert_false(forbids("*", true, METHOD_PUT, "http://b"));
	assert_false(forbids("http://a", false, METHOD_PUT, "http://b"));
}

TEST(the_own_page_may_write_and_is_known_by_scheme_and_host)
{
	assert_false(forbids("http://a", true, METHOD_PUT, "http://node:4001"));
	assert_false(forbids("", true, METHOD_DELETE, "http://node:4001"));
	assert_true(forbids("", true, METHOD_PUT, "https://node:4001"));
	assert_true(forbids("", true, METHOD_PUT, "http://node"));
	assert_true(forbids("", true, METHOD_PUT, "http://node:40011"));
	assert_true(forbids("", true, METHOD_PUT, "http://NODE:4001"));
	assert_true(forbids("", true, METHOD_PUT, "http://"));
	assert_true(forbids("", true, METHOD_PUT, "http:"));
}

/* A page whose name was changed to our address calls us by that name. */
TEST(who_calls_us_by_another_name_is_not_the_own_page)
{
	struct page *page = page_new("", true, METHOD_PUT, "http://evil.example:4001");

	page->headers[0].value = SLICE_LITERAL("evil.example:4001");
	assert_true(cors_forbids(page->cors, &page->request));
	page->headers[0].value = SLICE_LITERAL("127.0.0.1:4001");
	page->headers[1].value = SLICE_LITERAL("http://127.0.0.1:4001");
	assert_false(cors_forbids(page->cors, &page->request));
	page_free(page);
}

/* A form of any page is sent with what the browser keeps for us. */
TEST(a_page_of_others_does_not_write_as_the_user_of_the_browser)
{
	struct page *page = page_new("", false, METHOD_POST, "http://evil.example");

	assert_null(page->cors);
	assert_false(cors_forbids(page->cors, &page->request));
	page->headers[2] = (struct request_header){ SLICE_LITERAL("Authorization"),
		SLICE_LITERAL("Basic cm9vdDpzZWNyZXQ=") };
	page->request.header_count = 3;
	assert_true(cors_forbids(page->cors, &page->request));
	page->headers[1].value = SLICE_LITERAL("null");
	assert_true(cors_forbids(page->cors, &page->request));
	page->headers[1].value = SLICE_LITERAL("http://node:4001");
	assert_false(cors_forbids(page->cors, &page->request));
	page->request.method = METHOD_GET;
	page->headers[1].value = SLICE_LITERAL("http://evil.example");
	assert_false(cors_forbids(page->cors, &page->request));
	page_free(page);

	page = page_new("http://a", false, METHOD_POST, "http://a");
	page->headers[2] = (struct request_header){ SLICE_LITERAL("Authorization"),
		SLICE_LITERAL("Basic cm9vdDpzZWNyZXQ=") };
	page->request.header_count = 3;
	assert_false(cors_forbids(page->cors, &page->request));
	page_free(page);
}
