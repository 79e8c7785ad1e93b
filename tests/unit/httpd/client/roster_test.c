/*
 * roster_test.c - bodies that change members, in the words of the 2.x series, and ids.
 */
#include "httpd/client/roster.h"

#include "common/limits.h"
#include "tests/lib/test.h"

#include <stdio.h>
#include <string.h>

static void
check(const char *body, const char *urls, const char *problem)
{
	struct buf got = BUF_INIT;
	char why[ROSTER_PROBLEM_BYTES];
	enum err err = roster_body_parse(slice_text(body), &got, why);

	if (problem == NULL) {
		assert_int_equal(err, ERR_NONE);
		assert_true(slice_equal(buf_slice(&got), slice_text(urls)));
	} else {
		assert_int_equal(err, ERR_MALFORMED);
		assert_string_equal(why, problem);
	}
	buf_free(&got);
}

TEST(a_body_has_peer_urls)
{
	check("{\"peerURLs\":[\"http://h:1\"]}", "http://h:1", NULL);
	check(" {\"name\":\"n\",\"peerURLs\":[\"http://h:1\",\" https://[::1]:2 \"],\"x\":[{}]}",
	    "http://h:1,https://[::1]:2", NULL);
	check("{\"peerURLs\":[\"http://h:1\",\"http://h:1\",\"http://a.b-c_d:65535\"]}",
	    "http://h:1,http://a.b-c_d:65535", NULL);
}

TEST(another_body_is_refused_with_a_sentence)
{
	static const char *const form = "URL address does not have the form \"host:port\": ";
	static const char *const addresses[] = { "http://h", "http://h:", "http://:1", "http://h:0",
		"http://h:65536", "http://h:123456", "http://h:1x", "http://", "http://u@h:1",
		"http://h,g:1", "http://h?x:1", "http://[]:1", "http://h h:1", "http://::1:1" };
	char body[256], why[256];

	check("{\"peerURLs\":[\"foo\"]}", NULL, "URL scheme must be http or https: foo");
	check("{\"peerURLs\":[\"unix://h:1\"]}", NULL,
	    "URL scheme must be http or https: unix://h:1");
	check("{\"peerURLs\":[\"\"]}", NULL, "URL scheme must be http or https: ");
	check("{\"peerURLs\":[\"http://h:1/\"]}", NULL, "URL must not contain a path: http://h:1/");
	for (size_t i = 0; i < ARRAY_COUNT(addresses); i++) {
		snprintf(body, sizeof(body), "{\"peerURLs\":[\"%s\"]}", addresses[i]);
		snprintf(why, sizeof(why), "%s%s", form, addresses[i]);
		check(body, NULL, why);
	}
	check("{}", NULL, "no valid URLs given");
	check("{\"peerURLs\":[]}", NULL, "no valid URLs given");
	check("{\"peerURLs\":\"http://h:1\"}", NULL, "peerURLs is not a list: ");
	check("{\"peerURLs\":[1]}", NULL, "a peer URL is not a string: ");
	check("[]", NULL, "not an object: ");
	check("", NULL, "body refused: it is not JSON");
}

TEST(a_list_of_urls_is_bounded)
{
	struct buf body = BUF_INIT, urls = BUF_INIT;
	char why[ROSTER_PROBLEM_BYTES];

	for (size_t count = PLACE_URLS_MAX; count <= PLACE_URLS_MAX + 1; count++) {
		buf_clear(&body);
		buf_clear(&urls);
		buf_append_text(&body, "{\"peerURLs\":[\"http://h:1\"");
		for (size_t i = 1; i < count; i++)
			buf_printf(&body, ",\"http://h:%zu\"", i + 1);
		buf_append_text(&body, "]}");
		assert_int_equal(roster_body_parse(buf_slice(&body), &urls, why),
		    count == PLACE_URLS_MAX ? ERR_NONE : ERR_MALFORMED);
	}
	assert_string_equal(why, "more peer URLs than a member may have: http://h:9");
	for (size_t size = URL_BYTES_MAX; size <= URL_BYTES_MAX + 1; size++) {
		buf_clear(&body);
		buf_clear(&urls);
		buf_append_text(&body, "{\"peerURLs\":[\"http://");
		for (size_t i = 0; i < size - strlen("http://:1"); i++)
			buf_append_byte(&body, 'h');
		buf_append_text(&body, ":1\"]}");
		assert_int_equal(roster_body_parse(buf_slice(&body), &urls, why),
		    size == URL_BYTES_MAX ? ERR_NONE : ERR_MALFORMED);
	}
	/* Few, and too long together. */
	buf_clear(&body);
	buf_clear(&urls);
	buf_append_text(&body, "{\"peerURLs\":[");
	for (size_t i = 0; i < 5; i++) {
		buf_printf(&body, "%s\"http://", i == 0 ? "" : ",");
		for (size_t j = 0; j < 1000; j++)
			buf_append_byte(&body, 'h');
		buf_printf(&body, ":%zu\"", i + 1);
	}
	buf_append_text(&body, "]}");
	assert_int_equal(roster_body_parse(buf_slice(&body), &urls, why), ERR_MALFORMED);
	assert_true(urls.size <= PLACE_URLS_BYTES_MAX);
	buf_free(&body);
	buf_free(&urls);
}

TEST(ids_are_hexadecimal)
{
	static const char *const wrong[] = { "", "0", "0000", "g", "0x1", "-1", " 1",
		"00000000000000001", "1/", "1 " };
	uint64_t id = 0;

	assert_true(roster_id_parse(slice_text("8e9e05c52164694d"), &id));
	assert_true(id == UINT64_C(0x8e9e05c52164694d));
	assert_true(roster_id_parse(slice_text("00ABCdef"), &id));
	assert_true(id == 0xabcdef);
	for (size_t i = 0; i < ARRAY_COUNT(wrong); i++)
		assert_false(roster_id_parse(slice_text(wrong[i]), &id));
}
