/*
 * head_test.c - what the gate before the parser lets through.
 */
#include "httpd/http/head.h"
#include "tests/lib/test.h"

#include <stdlib.h>

#define LINE "GET /v2/keys/a HTTP/1.1\r\n"
#define HOST "Host: h\r\n"

static unsigned
verdict(struct slice bytes, struct head *head)
{
	size_t scanned = 0;
	size_t size;
	unsigned refused = head_find_end(bytes, &scanned, HEAD_BYTES_MAX, &size);

	if (refused != 0)
		return refused;
	if (size == 0)
		return 100;
	return head_read(slice_of(bytes.data, size), head);
}

static unsigned
verdict_of(const char *text)
{
	struct head head;

	return verdict(slice_text(text), &head);
}

TEST(good_heads_pass)
{
	static const char *const heads[] = {
		LINE HOST "\r\n",
		"GET / HTTP/1.0\r\n\r\n",
		"GET / HTTP/1.0\r\nHost: h\r\n\r\n",
		"PUT /v2/keys/a?x=%zz HTTP/1.1\r\nhOST:h\r\nContent-Length: 7\r\n\r\n",
		"PUT /a HTTP/1.1\r\nHost:\r\nTransfer-Encoding: Chunked\r\n\r\n",
		"GET http://h:4001/v2/keys/a HTTP/1.1\r\n" HOST "\r\n",
		"GET HTTP://[::1]:4001 HTTP/1.1\r\n" HOST "\r\n",
		"GET https://h?x HTTP/1.1\r\n" HOST "\r\n",
		"OPTIONS * HTTP/1.1\r\n" HOST "\r\n",
		"put /a HTTP/1.1\r\n" HOST "\r\n",
		"M-SEARCH /a HTTP/1.1\r\n" HOST "\r\n",
		"CONNECT h:1 HTTP/1.1\r\n" HOST "\r\n",
		"GET /\xc3\xa4 HTTP/1.1\r\n" HOST "\r\n",
		LINE HOST "X:\t a\tb \xff\t \r\n\r\n",
		LINE "Host: h:4001\r\n\r\n",
		LINE "Host: \t127.0.0.1:4001 \r\n\r\n",
		LINE "Host: [::1]:4001\r\n\r\n",
		LINE "Host: [fe80::1%25lo]\r\n\r\n",
		LINE "Host: a_b-c.example.\r\n\r\n",
		LINE "Host: h:\r\n\r\n",
		LINE "Host: \r\n\r\n",
		"GET http://h%41:80?x HTTP/1.1\r\n" HOST "\r\n",
	};

	for (size_t i = 0; i < ARRAY_COUNT(heads); i++)
		if (verdict_of(heads[i]) != 0)
			fail_msg("%u for %s", verdict_of(heads[i]), heads[i]);
}

TEST(what_can_be_read_two_ways_is_refused)
{
	static const char *const heads[] = {
		/* line ends */
		"GET / HTTP/1.1\n" HOST "\n",
		LINE "Host: h\n\r\n",
		LINE "Host: h\rX: y\r\n\r\n",
		LINE HOST "A: \rxTransfer-Encoding: chunked\r\n\r\n",
		LINE HOST "\rA: b\r\n\r\n",
		/* names and values */
		LINE HOST "Content-Length : 5\r\n\r\n",
		LINE HOST "Content Length: 5\r\n\r\n",
		LINE "Host : h\r\n\r\n",
		LINE "Host\t: h\r\n\r\n",
		LINE HOST "Host : h\r\n\r\n",
		LINE HOST "X : y\r\n\r\n",
		"GET / HTTP/1.0\r\nHost : h\r\n\r\n",
		LINE HOST ": x\r\n\r\n",
		LINE HOST "X\r\n\r\n",
		LINE HOST "X: a\r\n folded\r\n\r\n",
		LINE HOST "X: a\r\n\tfolded\r\n\r\n",
		LINE HOST "X: \x01\r\n\r\n",
		LINE HOST "X: \x7f\r\n\r\n",
		LINE HOST "\xc3\xa4: x\r\n\r\n",
		/* host */
		LINE "\r\n",
		LINE HOST HOST "\r\n",
		"GET / HTTP/1.0\r\n" HOST "Host: g\r\n\r\n",
		LINE "Host: a b\r\n\r\n",
		LINE "Host: a\tb\r\n\r\n",
		LINE "Host: a, b\r\n\r\n",
		LINE "Host: http://a\r\n\r\n",
		LINE "Host: a/b\r\n\r\n",
		LINE "Host: a@b\r\n\r\n",
		LINE "Host: a:b\r\n\r\n",
		LINE "Host: a:1:2\r\n\r\n",
		LINE "Host: ::1\r\n\r\n",
		LINE "Host: [::1\r\n\r\n",
		LINE "Host: [h]\r\n\r\n",
		LINE "Host: a%\r\n\r\n",
		LINE "Host: \xc3\xa4\r\n\r\n",
		"GET / HTTP/1.0\r\nHost: a b\r\n\r\n",
		/* framing */
		LINE HOST "Content-Length: 5\r\nContent-Length: 5\r\n\r\n",
		LINE HOST "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
		LINE HOST "Content-Length: +5\r\n\r\n",
		LINE HOST "Content-Length: 5\t\r\n\r\n",
		LINE HOST "Content-Length: 5, 5\r\n\r\n",
		LINE HOST "Content-Length: 0x5\r\n\r\n",
		LINE HOST "Content-Length:\r\n\r\n",
		LINE HOST "Content-Length: 99999999999999999999\r\n\r\n",
		LINE HOST "Transfer-Encoding: gzip, chunked\r\n\r\n",
		LINE HOST "Transfer-Encoding: identity\r\n\r\n",
		LINE HOST "Transfer-Encoding-X: chunked\r\n\r\n",
		LINE HOST "Transfer-Encoding: chunked\t\r\n\r\n",
		LINE HOST "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
		"GET / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n",
		/* the request line */
		"\r\n\r\n",
		" GET / HTTP/1.1\r\n" HOST "\r\n",
		"GET  / HTTP/1.1\r\n" HOST "\r\n",
		"GET /  HTTP/1.1\r\n" HOST "\r\n",
		"GET / HTTP/1.1 \r\n" HOST "\r\n",
		"GET /a\tb HTTP/1.1\r\n" HOST "\r\n",
		"GET /a\x7f HTTP/1.1\r\n" HOST "\r\n",
		"GET\t/ HTTP/1.1\r\n" HOST "\r\n",
		"G(T / HTTP/1.1\r\n" HOST "\r\n",
		"GET a HTTP/1.1\r\n" HOST "\r\n",
		"GET * HTTP/1.1\r\n" HOST "\r\n",
		"GET http:///a HTTP/1.1\r\n" HOST "\r\n",
		"GET http://h\\a HTTP/1.1\r\n" HOST "\r\n",
		"GET ftp://h/a HTTP/1.1\r\n" HOST "\r\n",
		"GET http://u@h/a HTTP/1.1\r\n" HOST "\r\n",
		"GET http://h:p/a HTTP/1.1\r\n" HOST "\r\n",
		"GET http://h:1:2/a HTTP/1.1\r\n" HOST "\r\n",
		"GET http://:80/a HTTP/1.1\r\n" HOST "\r\n",
		"GET http://[::1/a HTTP/1.1\r\n" HOST "\r\n",
		"GET http://a]b/a HTTP/1.1\r\n" HOST "\r\n",
		"GET https://?a HTTP/1.1\r\n" HOST "\r\n",
		"GET  HTTP/1.1\r\n" HOST "\r\n",
		"GET /\r\n" HOST "\r\n",
		"GET / http/1.1\r\n" HOST "\r\n",
		"GET / HTTP/1.10\r\n" HOST "\r\n",
		"GET / HTTP/1\r\n" HOST "\r\n",
	};

	for (size_t i = 0; i < ARRAY_COUNT(heads); i++)
		if (verdict_of(heads[i]) != 400)
			fail_msg("%u for %s", verdict_of(heads[i]), heads[i]);
}

TEST(nul_bytes_are_refused)
{
	struct head head;

	assert_int_equal(verdict(SLICE_LITERAL("GET /\0 HTTP/1.1\r\nHost: h\r\n\r\n"), &head), 400);
	assert_int_equal(verdict(SLICE_LITERAL("GET / HTTP/1.1\r\nHost: h\0\r\n\r\n"), &head), 400);
	assert_int_equal(verdict(SLICE_LITERAL("G\0T / HTTP/1.1\r\nHost: h\r\n\r\n"), &head), 400);
}

TEST(other_versions_are_refused_as_such)
{
	assert_int_equal(verdict_of("GET / HTTP/2.0\r\n" HOST "\r\n"), 505);
	assert_int_equal(verdict_of("GET / HTTP/1.2\r\n" HOST "\r\n"), 505);
	assert_int_equal(verdict_of("GET / HTTP/0.9\r\n" HOST "\r\n"), 505);
}

TEST(a_head_is_taken_apart)
{
	struct head head;

	assert_int_equal(verdict(slice_text("PUT /a?b HTTP/1.0\r\nX-Y:  z z \r\n"
					    "content-length: 12\r\n\r\nbody"), &head), 0);
	assert_true(slice_equal(head.method, SLICE_LITERAL("PUT")));
	assert_true(slice_equal(head.target, SLICE_LITERAL("/a?b")));
	assert_true(head.http_1_0);
	assert_false(head.chunked);
	assert_true(head.has_length);
	assert_int_equal(head.content_length, 12);
	assert_int_equal(head.header_count, 2);
	assert_true(slice_equal(head.headers[0].name, SLICE_LITERAL("X-Y")));
	assert_true(slice_equal(head.headers[0].value, SLICE_LITERAL("z z")));
}

TEST(the_end_is_found_byte_by_byte)
{
	static const char text[] = LINE HOST "\r\nGET";
	size_t whole = sizeof(LINE HOST "\r\n") - 1;
	size_t scanned = 0;
	size_t size;

	for (size_t i = 0; i < sizeof(text); i++) {
		assert_int_equal(head_find_end(slice_of(text, i), &scanned, HEAD_BYTES_MAX, &size),
		    0);
		assert_int_equal(size, i >= whole ? whole : 0);
		if (size != 0)
			break;
		assert_int_equal(scanned, i);
	}
	assert_int_equal(size, whole);
}

TEST(garbage_is_refused_before_a_line_is_whole)
{
	size_t scanned = 0;
	size_t size;

	assert_int_equal(head_find_end(SLICE_LITERAL("\x16\x03\x01"), &scanned, 1024, &size), 400);
	scanned = 0;
	assert_int_equal(head_find_end(SLICE_LITERAL("GET / HTTP/1.1\n"), &scanned, 1024, &size),
	    400);
}

TEST(a_head_at_the_limit_passes_and_one_above_does_not)
{
	struct buf text = BUF_INIT;
	struct head head;
	size_t scanned = 0;
	size_t size;

	buf_append_text(&text, LINE HOST "X: ");
	while (text.size < HEAD_BYTES_MAX - 4)
		buf_append_byte(&text, 'x');
	buf_append_text(&text, "\r\n\r\n");
	assert_int_equal(text.size, HEAD_BYTES_MAX);
	assert_int_equal(verdict(buf_slice(&text), &head), 0);
	assert_int_equal(head_find_end(buf_slice(&text), &scanned, HEAD_BYTES_MAX - 1, &size), 431);
	/* The line alone is too long. */
	buf_clear(&text);
	buf_append_text(&text, "GET /");
	while (text.size <= HEAD_BYTES_MAX)
		buf_append_byte(&text, 'x');
	scanned = 0;
	assert_int_equal(head_find_end(buf_slice(&text), &scanned, HEAD_BYTES_MAX, &size), 414);
	buf_free(&text);
}

TEST(a_hundred_headers_pass_and_one_more_does_not)
{
	struct buf text = BUF_INIT;
	struct head head;

	buf_append_text(&text, LINE HOST);
	for (size_t i = 1; i < HEAD_FIELDS_MAX; i++)
		buf_append_text(&text, "a: b\r\n");
	buf_append_text(&text, "\r\n");
	assert_int_equal(verdict(buf_slice(&text), &head), 0);
	assert_int_equal(head.header_count, HEAD_FIELDS_MAX);
	text.size -= 2;
	buf_append_text(&text, "a: b\r\n\r\n");
	assert_int_equal(verdict(buf_slice(&text), &head), 431);
	buf_free(&text);
}
