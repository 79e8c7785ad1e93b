/*
 * answer_test.c - HTTP answers, whole, cut at every byte, and wrong.
 */
#include "httpd/peer/answer.h"

#include "common/buf.h"
#include "common/limits.h"
#include "tests/lib/test.h"

static const char plain[] = "HTTP/1.1 412 Precondition Failed\r\nContent-Type: text/plain\r\n"
    "X-Raft-From: a1\r\nContent-Length: 5\r\n\r\nother";
static const char upgrade[] = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n"
    "Upgrade: moothall-raft\r\nX-Raft-From: a1\r\n\r\n";
static const char chunked[] = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    "3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n";

static void
expect_whole(const char *text, size_t size, unsigned status, const char *body)
{
	for (size_t cut = 0; cut <= size; cut++) {
		struct answer *answer = answer_new();
		size_t used = 0;
		enum err err = answer_take(answer, slice_of(text, cut), &used);

		if (cut < size) {
			assert_int_equal(err, ERR_AGAIN);
			err = answer_take(answer, slice_of(text + cut, size - cut), &used);
			assert_int_equal(used, size - cut);
		}
		assert_int_equal(err, ERR_NONE);
		assert_int_equal(answer_status(answer), status);
		assert_true(slice_equal(answer_body(answer), slice_text(body)));
		answer_free(&answer);
	}
}

TEST(an_answer_may_come_in_two_pieces_cut_anywhere)
{
	expect_whole(plain, sizeof(plain) - 1, 412, "other");
	expect_whole(chunked, sizeof(chunked) - 1, 200, "abcde");
	expect_whole(upgrade, sizeof(upgrade) - 1, 101, "");
}

TEST(an_answer_may_come_byte_by_byte)
{
	struct answer *answer = answer_new();
	size_t used;

	for (size_t i = 0; i + 2 < sizeof(plain); i++)
		assert_int_equal(answer_take(answer, slice_of(plain + i, 1), &used), ERR_AGAIN);
	assert_int_equal(answer_take(answer, slice_of(plain + sizeof(plain) - 2, 1), &used),
	    ERR_NONE);
	assert_true(slice_equal(answer_header(answer, "x-raft-from"), SLICE_LITERAL("a1")));
	assert_true(slice_equal(answer_header(answer, "CONTENT-TYPE"),
	    SLICE_LITERAL("text/plain")));
	assert_int_equal(answer_header(answer, "X-Raft").size, 0);
	answer_free(&answer);
}

TEST(bytes_behind_an_upgrade_are_left_alone)
{
	struct buf bytes = BUF_INIT;
	struct answer *answer = answer_new();
	size_t used;

	buf_append(&bytes, upgrade, sizeof(upgrade) - 1);
	buf_append(&bytes, "\1\0\0\0frames", 10);
	assert_int_equal(answer_take(answer, buf_slice(&bytes), &used), ERR_NONE);
	assert_int_equal(used, sizeof(upgrade) - 1);
	assert_true(answer_upgraded(answer));
	answer_free(&answer);
	buf_free(&bytes);
}

TEST(an_interim_answer_is_passed_over)
{
	static const char text[] = "HTTP/1.1 100 Continue\r\nX-A: 1\r\n\r\nHTTP/1.1 200 OK\r\n"
	    "Content-Length: 2\r\n\r\n2\n";
	struct answer *answer = answer_new();
	size_t used;

	assert_int_equal(answer_take(answer, slice_text(text), &used), ERR_NONE);
	assert_int_equal(answer_status(answer), 200);
	assert_int_equal(answer_header(answer, "X-A").size, 0);
	answer_free(&answer);
}

TEST(the_end_of_the_connection_completes_a_body_without_length)
{
	struct answer *answer = answer_new();
	size_t used;

	assert_int_equal(answer_take(answer, SLICE_LITERAL("HTTP/1.0 200 OK\r\n\r\n2"), &used),
	    ERR_AGAIN);
	assert_int_equal(answer_ended(answer), ERR_NONE);
	assert_true(slice_equal(answer_body(answer), SLICE_LITERAL("2")));
	answer_free(&answer);
}

TEST(an_end_in_the_middle_is_no_answer)
{
	for (size_t size = 0; size < sizeof(plain) - 1; size++) {
		struct answer *answer = answer_new();
		size_t used;

		assert_int_equal(answer_take(answer, slice_of(plain, size), &used), ERR_AGAIN);
		assert_int_equal(answer_ended(answer), ERR_CLOSED);
		answer_free(&answer);
	}
}

TEST(what_is_no_answer_is_malformed)
{
	static const char *const wrong[] = {
		"GET / HTTP/1.1\r\n\r\n",
		"\x16\x03\x01",
		"HTTP/1.1 x OK\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
	};

	for (size_t i = 0; i < ARRAY_COUNT(wrong); i++) {
		struct answer *answer = answer_new();
		size_t used;

		assert_int_equal(answer_take(answer, slice_text(wrong[i]), &used), ERR_MALFORMED);
		answer_free(&answer);
	}
}

TEST(head_and_body_are_bounded)
{
	struct answer *answer = answer_new();
	enum err err = ERR_AGAIN;
	size_t used;
	char kib[KIB];

	memset(kib, 'x', sizeof(kib));
	assert_int_equal(answer_take(answer, SLICE_LITERAL("HTTP/1.1 200 OK\r\n\r\n"), &used),
	    ERR_AGAIN);
	for (size_t i = 0; i < ANSWER_BODY_BYTES_MAX / KIB; i++)
		assert_int_equal(answer_take(answer, slice_of(kib, sizeof(kib)), &used), ERR_AGAIN);
	assert_int_equal(answer_take(answer, slice_of(kib, 1), &used), ERR_TOO_BIG);
	answer_free(&answer);

	answer = answer_new();
	assert_int_equal(answer_take(answer, SLICE_LITERAL("HTTP/1.1 200 OK\r\n"), &used),
	    ERR_AGAIN);
	for (size_t i = 0; i <= HEAD_FIELDS_MAX && err == ERR_AGAIN; i++)
		err = answer_take(answer, SLICE_LITERAL("A: b\r\n"), &used);
	assert_int_equal(err, ERR_TOO_BIG);
	answer_free(&answer);
}
