/*
 * discovery_text_test.c - URLs, forms and answers of a discovery service.
 */
#include "httpd/peer/discovery_text.h"

#include "tests/lib/test.h"

static void
expect_url(const char *text, const char *host, uint16_t port, bool https, const char *path)
{
	struct discovery_url url;
	const char *problem;

	assert_int_equal(discovery_url_parse(slice_text(text), &url, &problem), ERR_NONE);
	assert_string_equal(url.address.host, host);
	assert_int_equal(url.address.port, port);
	assert_int_equal(url.address.https, https);
	assert_string_equal(url.path, path);
}

TEST(urls_have_a_port_by_their_scheme_and_no_slash_at_the_end)
{
	expect_url("http://h:4001/v2/keys/_etcd/registry/T", "h", 4001, false,
	    "/v2/keys/_etcd/registry/T");
	expect_url("https://discovery.example/T//", "discovery.example", 443, true, "/T");
	expect_url("http://h", "h", 80, false, "");
	expect_url("http://[::1]/t", "::1", 80, false, "/t");
	expect_url("https://[::1]:7/t/u", "::1", 7, true, "/t/u");
}

TEST(what_is_no_url_is_refused)
{
	static const char *const wrong[] = { "", "h/t", "ftp://h/t", "http:///t", "http://h:0/t",
		"http://h:x/t", "http://u@h/t", "http://h/t?q", "http://h/a b", "http://h/\x7f",
		"http://[::1/t" };
	struct discovery_url url;
	const char *problem;

	for (size_t i = 0; i < ARRAY_COUNT(wrong); i++) {
		problem = NULL;
		if (discovery_url_parse(slice_text(wrong[i]), &url, &problem) != ERR_INVALID)
			fail_msg("taken: %s", wrong[i]);
		assert_non_null(problem);
	}
}

TEST(redirects_never_lead_to_less_than_https)
{
	struct discovery_url from, to;
	struct slice query;
	const char *problem;

	assert_int_equal(discovery_url_parse(SLICE_LITERAL("https://h/t"), &from, &problem),
	    ERR_NONE);
	assert_int_equal(discovery_redirect(&from, SLICE_LITERAL("/u/m?prevExist=false"), &to,
	    &query), ERR_NONE);
	assert_string_equal(to.path, "/u/m");
	assert_true(to.address.https);
	assert_true(slice_equal(query, SLICE_LITERAL("?prevExist=false")));
	assert_int_equal(discovery_redirect(&from, SLICE_LITERAL("https://i/t"), &to, &query),
	    ERR_NONE);
	assert_string_equal(to.address.host, "i");
	assert_int_equal(discovery_redirect(&from, SLICE_LITERAL("http://i/t"), &to, &query),
	    ERR_INVALID);
	assert_int_equal(discovery_redirect(&from, SLICE_LITERAL("/u?a b"), &to, &query),
	    ERR_INVALID);
	assert_int_equal(discovery_redirect(&from, SLICE_EMPTY, &to, &query), ERR_INVALID);
}

TEST(forms_are_escaped)
{
	struct buf out = BUF_INIT;

	discovery_form_put(&out, "value", "http://127.0.0.1:7001");
	discovery_form_put(&out, "ttl", "5 &\xff");
	assert_true(slice_equal(buf_slice(&out),
	    SLICE_LITERAL("value=http%3A%2F%2F127.0.0.1%3A7001&ttl=5%20%26%FF")));
	buf_free(&out);
}

TEST(machines_are_the_children_that_are_not_this_one)
{
	static const char listing[] = "{\"action\":\"get\",\"node\":{\"key\":\"/t\",\"dir\":true,"
	    "\"nodes\":[{\"key\":\"/t/a\",\"value\":\"http://10.0.0.1:7001\"},"
	    "{\"key\":\"/t/me\",\"value\":\"http://10.0.0.9:7001\"},"
	    "{\"key\":\"/t/_state\",\"value\":\"http://10.0.0.8:7001\"},"
	    "{\"key\":\"/t/d\",\"dir\":true,\"nodes\":[{\"key\":\"/t/d/x\",\"value\":\"h:1\"}]},"
	    "{\"key\":\"/t/bad\",\"value\":\"not an address\"},"
	    "{\"value\":\"10.0.0.2:7002\",\"key\":\"/t/b\",\"ttl\":5}]}}";
	static const char *const wrong[] = { "", "Hello, client", "[]", "{\"action\":\"get\"}",
		"{\"action\":\"get\",\"node\":{\"key\":\"/t\",\"value\":\"x\"}}" };
	struct buf out = BUF_INIT;
	size_t count;

	assert_int_equal(discovery_machines_parse(slice_text(listing), "me", &out, &count),
	    ERR_NONE);
	assert_int_equal(count, 2);
	assert_true(slice_equal(buf_slice(&out), SLICE_LITERAL("10.0.0.1:7001,10.0.0.2:7002")));
	for (size_t i = 0; i < ARRAY_COUNT(wrong); i++)
		assert_int_equal(discovery_machines_parse(slice_text(wrong[i]), "me", &out, &count),
		    ERR_MALFORMED);
	buf_free(&out);
}

TEST(events_and_errors_are_told_apart)
{
	assert_true(discovery_is_event(SLICE_LITERAL("{\"action\":\"set\",\"node\":{}}")));
	assert_false(discovery_is_event(SLICE_LITERAL("{\"action\":\"set\",\"node\":1}")));
	assert_true(discovery_is_error(SLICE_LITERAL("{\"errorCode\":105}"), 105));
	assert_false(discovery_is_error(SLICE_LITERAL("{\"errorCode\":\"105\"}"), 105));
	assert_false(discovery_is_error(SLICE_LITERAL("{\"errorCode\":100}"), 105));
}
