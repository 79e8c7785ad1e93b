/*
 * conn_test.c - HTTP as clients see it: order, framing, limits, streams. A real
 * worker over socket pairs; the test plays clients and raftd.
 */
#include "tests/lib/test.h"
#include "tests/unit/httpd/fake_raftd.h"

#include "common/limits.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define HOST " HTTP/1.1\r\nHost: h\r\n"
#define GET(path) "GET " path HOST "\r\n"

/* Answer a request with that value; created: as a write that made the node. */
static void
answer(struct fake_client *client, uint64_t id, const char *value, bool created)
{
	struct buf event = fake_set_event("/k", value, 3, created ? EVENT_CREATED : 0);

	fake_outcome(client->fake, id, ERR_NONE, buf_slice(&event), 0);
	buf_free(&event);
}

static bool
before(const struct fake_client *client, const char *first, const char *second)
{
	const char *at = strstr((char *)client->in.data, first);

	return at != NULL && strstr(at, second) != NULL;
}

/* Send a request without an answer of raftd and read to the end of the connection. */
static struct fake_client
refused(const char *request)
{
	struct fake_client client = fake_client_new();

	fake_send(client.fd, request);
	fake_receive_all(client.fake, client.fd, &client.in);
	return client;
}

static void
expect_refusal(const char *request, const char *status)
{
	struct fake_client client = refused(request);

	if (strncmp((char *)client.in.data, status, strlen(status)) != 0)
		fail_msg("%s\n-> %s", request, (char *)client.in.data);
	assert_int_equal(fake_count(&client.in, "HTTP/1.1 "), 1);
	assert_int_equal(fake_count(&client.in, "Connection: close\r\n"), 1);
	fake_client_free(&client);
}

static bool
no_connections(void *argument)
{
	return server_connections(((struct fake *)argument)->worker.server) == 0;
}

/* ---- order --------------------------------------------------------------------------- */

TEST(answers_keep_the_order_of_requests)
{
	struct fake_client client = fake_client_new();
	uint64_t first, second;

	fake_send(client.fd, GET("/v2/keys/1") GET("/v2/keys/2") GET("/nothing"));
	first = fake_next_id(client.fake, MSG_read);
	second = fake_next_id(client.fake, MSG_read);
	answer(&client, second, "second", false);
	assert_true(fake_is_quiet(client.fake));
	answer(&client, first, "first", false);
	fake_receive(client.fake, client.fd, &client.in, "404 page not found");
	assert_true(before(&client, "\"first\"", "\"second\""));
	assert_true(before(&client, "\"second\"", "404 page not found"));
	assert_int_equal(fake_count(&client.in, "HTTP/1.1 200 OK"), 2);
	fake_client_free(&client);
}

TEST(only_so_many_requests_are_in_work)
{
	struct fake_client client = fake_client_new();
	uint64_t ids[40];
	char value[32];

	for (int i = 0; i < 40; i++)
		fake_send(client.fd, GET("/v2/keys/k?quorum=true"));
	for (int i = 0; i < 32; i++)
		ids[i] = fake_next_id(client.fake, MSG_read);
	assert_true(fake_is_quiet(client.fake));
	for (int i = 0; i < 40; i++) {
		if (i >= 32)
			ids[i] = fake_next_id(client.fake, MSG_read);
		snprintf(value, sizeof(value), "value-%02d", i);
		answer(&client, ids[i], value, false);
	}
	fake_receive(client.fake, client.fd, &client.in, "value-39");
	assert_int_equal(fake_count(&client.in, "HTTP/1.1 200 OK"), 40);
	fake_client_free(&client);
}

TEST(a_request_may_come_byte_by_byte)
{
	static const char request[] = "PUT /v2/keys/k" HOST
	    "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 7\r\n\r\nvalue=x";
	struct fake_client client = fake_client_new();
	const struct fake_frame *frame;
	struct msg_write write;

	for (size_t i = 0; i < sizeof(request) - 1; i++) {
		assert_int_equal(send(client.fd, request + i, 1, 0), 1);
		assert_true(i + 2 >= sizeof(request) || fake_is_quiet(client.fake));
	}
	frame = fake_next(client.fake);
	assert_int_equal(frame->type, MSG_write);
	assert_int_equal(msg_write_decode(blob_slice(frame->payload), &write), ERR_NONE);
	assert_int_equal(write.op, WRITE_SET);
	assert_true(slice_equal(write.key, SLICE_LITERAL("/k")));
	assert_true(slice_equal(write.value, SLICE_LITERAL("x")));
	answer(&client, frame->request_id, "x", true);
	fake_receive(client.fake, client.fd, &client.in, "\"x\"");
	assert_int_equal(fake_count(&client.in, "HTTP/1.1 201 Created"), 1);
	assert_int_equal(fake_count(&client.in, "X-Etcd-Cluster-ID: 0000000000000abc\r\n"), 1);
	assert_int_equal(fake_count(&client.in, "X-Etcd-Index: 17\r\n"), 1);
	assert_int_equal(fake_count(&client.in, "X-Raft-Index: 20\r\n"), 1);
	assert_int_equal(fake_count(&client.in, "X-Raft-Term: 3\r\n"), 1);
	fake_client_free(&client);
}

/* ---- framing -------------------------------------------------------------------------- */

TEST(a_chunked_body_is_read_and_nothing_behind_it)
{
	struct fake_client client = fake_client_new();
	const struct fake_frame *frame;
	struct msg_write write;

	fake_send(client.fd, "PUT /v2/keys/k" HOST
	    "Content-Type: application/x-www-form-urlencoded\r\nTransfer-Encoding: chunked\r\n\r\n"
	    "4\r\nvalu\r\n5\r\ne=xyz\r\n0\r\n\r\n" GET("/v2/keys/smuggled"));
	frame = fake_next(client.fake);
	assert_int_equal(msg_write_decode(blob_slice(frame->payload), &write), ERR_NONE);
	assert_true(slice_equal(write.value, SLICE_LITERAL("xyz")));
	assert_true(fake_is_quiet(client.fake));
	answer(&client, frame->request_id, "xyz", false);
	fake_receive_all(client.fake, client.fd, &client.in);
	assert_int_equal(fake_count(&client.in, "HTTP/1.1 "), 1);
	assert_int_equal(fake_count(&client.in, "Connection: close\r\n"), 1);
	fake_client_free(&client);
}

TEST(expect_is_answered_before_the_body_comes)
{
	struct fake_client client = fake_client_new();

	fake_send(client.fd, "PUT /v2/keys/k" HOST
	    "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 7\r\n"
	    "Expect: 100-Continue\r\n\r\n");
	fake_receive(client.fake, client.fd, &client.in, "HTTP/1.1 100 Continue\r\n\r\n");
	fake_send(client.fd, "value=x");
	answer(&client, fake_next_id(client.fake, MSG_write), "x", true);
	fake_receive(client.fake, client.fd, &client.in, "201 Created");
	fake_client_free(&client);
	expect_refusal("PUT /v2/keys/k" HOST "Content-Length: 7\r\nExpect: tea\r\n\r\n",
	    "HTTP/1.1 417 ");
}

TEST(head_is_get_without_the_body)
{
	struct fake_client client = fake_client_new();

	fake_send(client.fd, "HEAD /v2/keys/k" HOST "\r\n" GET("/nothing"));
	answer(&client, fake_next_id(client.fake, MSG_read), "x", false);
	fake_receive(client.fake, client.fd, &client.in, "404 page not found");
	assert_int_equal(fake_count(&client.in, "HTTP/1.1 200 OK"), 1);
	assert_int_equal(fake_count(&client.in, "\"x\""), 0);
	/* {"action":"set","node":{"key":"/k","value":"x","modifiedIndex":3,"createdIndex":3}} */
	assert_int_equal(fake_count(&client.in, "Content-Length: 84\r\n"), 1);
	fake_client_free(&client);
}

TEST(http_1_0_is_closed_unless_it_asks)
{
	struct fake_client client = fake_client_new();

	fake_send(client.fd, "GET /nothing HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
	fake_receive(client.fake, client.fd, &client.in, "404 page not found\n");
	assert_int_equal(fake_count(&client.in, "Connection: keep-alive\r\n"), 1);
	fake_send(client.fd, "GET /nothing HTTP/1.0\r\n\r\n");
	fake_receive_all(client.fake, client.fd, &client.in);
	assert_int_equal(fake_count(&client.in, "HTTP/1.0 404 "), 2);
	assert_int_equal(fake_count(&client.in, "Connection: close\r\n"), 1);
	fake_client_free(&client);
}

TEST(what_is_no_request_is_refused_and_closed)
{
	struct buf big = BUF_INIT;

	expect_refusal("\x16\x03\x01", "HTTP/1.1 400 ");
	expect_refusal("GET / HTTP/1.1\r\n\r\n", "HTTP/1.1 400 ");
	expect_refusal("GET / HTTP/2.0\r\nHost: h\r\n\r\n", "HTTP/1.1 505 ");
	expect_refusal(GET("/v2/keys/a%zz"), "HTTP/1.1 400 ");
	expect_refusal("CONNECT h:1" HOST "\r\n", "HTTP/1.1 405 ");
	expect_refusal("PUT /v2/keys/a" HOST "Content-Length: 10485761\r\n\r\n", "HTTP/1.1 413 ");
	expect_refusal("PUT /v2/keys/a" HOST "Transfer-Encoding: chunked\r\n\r\nzz\r\n",
	    "HTTP/1.1 400 ");
	buf_append_text(&big, "GET /");
	while (big.size <= HEAD_BYTES_MAX)
		buf_append_byte(&big, 'x');
	buf_append_byte(&big, '\0');
	expect_refusal((char *)big.data, "HTTP/1.1 414 ");
	buf_free(&big);
}

TEST(a_chunked_body_above_the_limit_is_refused)
{
	struct fake_client client = fake_client_new();

	client.fake->worker.config.max_body_bytes = 8;
	fake_send(client.fd, "PUT /v2/keys/a" HOST "Transfer-Encoding: chunked\r\n\r\n"
	    "5\r\n12345\r\n5\r\n12345\r\n0\r\n\r\n");
	fake_receive_all(client.fake, client.fd, &client.in);
	assert_int_equal(fake_count(&client.in, "HTTP/1.1 413 "), 1);
	fake_client_free(&client);
}

TEST(a_refusal_waits_for_its_turn)
{
	struct fake_client client = fake_client_new();

	fake_send(client.fd, GET("/v2/keys/k") "bad\r\n\r\n");
	answer(&client, fake_next_id(client.fake, MSG_read), "x", false);
	fake_receive_all(client.fake, client.fd, &client.in);
	assert_true(before(&client, "\"x\"", "HTTP/1.1 400 "));
	fake_client_free(&client);
}

/* ---- routes ------------------------------------------------------------------------------ */

TEST(paths_and_methods_are_routed)
{
	static const struct {
		const char *request, *answer;
	} rows[] = {
		{ GET("/v2/keysfoo"), "HTTP/1.1 404 " },
		{ GET("/"), "HTTP/1.1 404 " },
		{ GET("/v2/machines/"), "HTTP/1.1 404 " },
		{ GET("/join"), "HTTP/1.1 404 " },
		{ "PATCH /v2/keys/a" HOST "\r\n", "HTTP/1.1 405 " },
		{ "put /v2/keys/a" HOST "\r\n", "Allow: HEAD,GET,PUT,POST,DELETE\r\n" },
		{ "TRACE /v2/keys/a" HOST "\r\n", "\r\n\r\nMethod Not Allowed\n" },
		{ "POST /v2/machines" HOST "\r\n", "Allow: HEAD,GET\r\n" },
		{ "OPTIONS /nothing" HOST "\r\n", "HTTP/1.1 200 " },
		{ "OPTIONS *" HOST "\r\n", "HTTP/1.1 200 " },
		{ GET("/v2/keys//a?b=%zz"), "Location: /v2/keys/a?b=%zz\r\n" },
		{ "PUT /v2/keys/x/../a" HOST "\r\n", "HTTP/1.1 301 " },
		{ GET("http://h:1/v2/machines"), "\r\n\r\nhttp://two:4001, http://one:4001" },
		{ GET("/v1/leader"), "\r\n\r\nhttp://two:7001" },
		{ GET("/v2/members/leader"), "{\"id\":\"0000000000000008\",\"name\":\"two\","
		    "\"peerURLs\":[\"http://two:7001\"],\"clientURLs\":[\"http://two:4001\"]}\n" },
		{ GET("/version"), "{\"etcdserver\":\"" },
		{ GET("/health"), "{\"health\": \"true\"}" },
		{ GET("/v2/keys/a?prevIndex=x"), "X-Etcd-Index: 0\r\n" },
		{ GET("/v2/keys/a?wait=x"), "{\"errorCode\":209,\"message\":\"Invalid field\","
		    "\"cause\":\"invalid value for \\\"wait\\\"\",\"index\":0}\n" },
	};
	struct fake_client client = fake_client_new();

	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		buf_clear(&client.in);
		fake_send(client.fd, rows[i].request);
		fake_receive(client.fake, client.fd, &client.in, rows[i].answer);
		/* Nothing of it asked raftd, or waits for the next. */
		assert_true(fake_is_quiet(client.fake));
	}
	fake_client_free(&client);
}

TEST(counters_are_shown_as_the_original_shows_them)
{
	struct fake_client client = fake_client_new();
	struct buf numbers = BUF_INIT;
	struct buf followers = BUF_INIT;

	for (uint64_t i = 0; i < STORE_STAT_COUNT; i++)
		codec_put_u64(&numbers, i + 1);
	follower_record_put(&followers, &(struct follower_record){ .name = SLICE_LITERAL("two"),
	    .latency_current = 630000, .latency_sum = 4000000, .latency_square_sum_us = 10000000,
	    .latency_minimum = 1000000, .latency_maximum = 3000000, .successes = 2,
	    .failures = 1 });
	fake_send(client.fd,
	    GET("/v2/stats/store") GET("/v2/stats/leader") GET("/v1/stats/leader"));
	msg_stats_frame(channel_out(client.fake->channel), fake_next_id(client.fake, MSG_stats_ask),
	    &(struct msg_stats){ .kind = STATS_STORE, .numbers = buf_slice(&numbers) });
	msg_stats_frame(channel_out(client.fake->channel), fake_next_id(client.fake, MSG_stats_ask),
	    &(struct msg_stats){ .kind = STATS_LEADER, .followers = buf_slice(&followers) });
	msg_stats_frame(channel_out(client.fake->channel), fake_next_id(client.fake, MSG_stats_ask),
	    &(struct msg_stats){ .kind = STATS_LEADER, .error = ERR_NOT_LEADER });
	fake_receive(client.fake, client.fd, &client.in, "{\"message\":\"not current leader\"}");
	assert_int_equal(fake_count(&client.in,
	    "{\"getsSuccess\":1,\"getsFail\":2,\"setsSuccess\":3,"
	    "\"setsFail\":4,\"deleteSuccess\":5,\"deleteFail\":6,\"updateSuccess\":7,"
	    "\"updateFail\":8,\"createSuccess\":9,\"createFail\":10,"
	    "\"compareAndSwapSuccess\":11,\"compareAndSwapFail\":12,"
	    "\"compareAndDeleteSuccess\":13,\"compareAndDeleteFail\":14,"
	    "\"expireCount\":15,\"watchers\":16}"), 1);
	assert_int_equal(fake_count(&client.in,
	    "\"followers\":{\"0000000000000008\":{\"name\":\"two\",\"latency\":{\"current\":0.63,"
	    "\"average\":2,\"standardDeviation\":1,\"minimum\":1,\"maximum\":3},"
	    "\"counts\":{\"fail\":1,\"success\":2}}}}"), 1);
	assert_int_equal(fake_count(&client.in, "HTTP/1.1 403 "), 1);
	buf_free(&numbers);
	buf_free(&followers);
	fake_client_free(&client);
}

TEST(a_node_that_joins_says_so)
{
	struct fake_client client = fake_client_new();

	fake_status(client.fake, PHASE_JOINING, 0);
	assert_true(fake_is_quiet(client.fake));
	fake_send(client.fd, GET("/v2/keys/a"));
	fake_receive(client.fake, client.fd, &client.in, "{\"errorCode\":300,\"message\":"
	    "\"Raft Internal Error\",\"cause\":\"joining\",\"index\":0}\n");
	assert_int_equal(fake_count(&client.in, "HTTP/1.1 500 "), 1);
	fake_client_free(&client);
}

/* ---- watches -------------------------------------------------------------------------------- */

/* It passes by itself, which a client of the 0.4 series knows by the 500. */
TEST(who_stands_by_and_knows_no_leader_answers_500)
{
	static const char *const requests[] = { GET("/v2/keys/a"), GET("/v2/keys/a?wait=true"),
		"PUT /v2/keys/a" HOST "Content-Length: 0\r\n\r\n", GET("/v2/leader"), GET("/no") };

	for (size_t i = 0; i < ARRAY_COUNT(requests); i++) {
		struct fake_client client = fake_client_new();

		fake_status(client.fake, PHASE_STANDBY, 0);
		assert_true(fake_is_quiet(client.fake));
		fake_send(client.fd, requests[i]);
		fake_receive(client.fake, client.fd, &client.in, "\"index\":0}\n");
		assert_int_equal(fake_count(&client.in, "HTTP/1.1 500 "), 1);
		assert_int_equal(fake_count(&client.in, "\"errorCode\":301"), 1);
		assert_int_equal(fake_count(&client.in,
		    "\"cause\":\"standing by: the leader is not known yet\""), 1);
		fake_client_free(&client);
	}
}

TEST(a_long_poll_has_headers_at_once_and_keeps_the_connection)
{
	struct fake_client client = fake_client_new();
	uint64_t id;

	fake_send(client.fd, GET("/v2/keys/k?wait=true"));
	id = fake_next_id(client.fake, MSG_watch);
	fake_watching(client.fake, id, 9);
	fake_receive(client.fake, client.fd, &client.in, "\r\n\r\n");
	assert_int_equal(fake_count(&client.in, "X-Etcd-Index: 9\r\n"), 1);
	assert_int_equal(fake_count(&client.in, "Transfer-Encoding: chunked\r\n"), 1);
	fake_send_set(client.fake, id, "x", 10);
	fake_receive(client.fake, client.fd, &client.in, "\r\n0\r\n\r\n");
	assert_int_equal(fake_count(&client.in, "\"value\":\"x\""), 1);
	fake_send(client.fd, GET("/nothing"));
	fake_receive(client.fake, client.fd, &client.in, "404 page not found");
	fake_client_free(&client);
}

TEST(what_of_a_long_polls_answer_has_no_room_follows)
{
	struct fake_client client = fake_client_new();
	char value[3900];
	uint64_t id;

	close(client.fd);
	client.fd = fake_connect_narrow(client.fake);
	memset(value, 'v', sizeof(value));
	memcpy(value + sizeof(value) - 5, "end!", 5);
	fake_send(client.fd, GET("/v2/keys/k?wait=true"));
	id = fake_next_id(client.fake, MSG_watch);
	fake_watching(client.fake, id, 9);
	assert_true(fake_is_quiet(client.fake));
	fake_send_set(client.fake, id, value, 10);
	/* Nothing is read until the worker has come to a full buffer. */
	assert_true(fake_is_quiet(client.fake));
	fake_receive(client.fake, client.fd, &client.in, "\r\n0\r\n\r\n");
	assert_int_equal(fake_count(&client.in, value), 1);
	assert_int_equal(fake_count(&client.in, "\"value\":"), 1);
	fake_send(client.fd, GET("/nothing"));
	fake_receive(client.fake, client.fd, &client.in, "404 page not found");
	fake_client_free(&client);
}

TEST(a_request_behind_a_long_poll_waits_for_it)
{
	struct fake_client client = fake_client_new();
	uint64_t watch, read;

	fake_send(client.fd, GET("/v2/keys/k?wait=true") GET("/v2/keys/k"));
	watch = fake_next_id(client.fake, MSG_watch);
	read = fake_next_id(client.fake, MSG_read);
	answer(&client, read, "later", false);
	fake_watching(client.fake, watch, 9);
	assert_true(fake_is_quiet(client.fake));
	fake_send_set(client.fake, watch, "event", 10);
	fake_receive(client.fake, client.fd, &client.in, "\"later\"");
	assert_true(before(&client, "\"event\"", "0\r\n\r\nHTTP/1.1 200 OK"));
	fake_client_free(&client);
}

TEST(a_stream_of_http_1_0_ends_with_the_connection)
{
	struct fake_client client = fake_client_new();
	uint64_t id;

	fake_send(client.fd, "GET /v2/keys/k?wait=true HTTP/1.0\r\n\r\n");
	id = fake_next_id(client.fake, MSG_watch);
	fake_watching(client.fake, id, 9);
	fake_send_set(client.fake, id, "x", 10);
	fake_receive_all(client.fake, client.fd, &client.in);
	assert_int_equal(fake_count(&client.in, "chunked"), 0);
	assert_int_equal(fake_count(&client.in, "\r\n\r\n{\"action\""), 1);
	fake_client_free(&client);
}

TEST(a_client_that_hangs_up_ends_its_watch)
{
	struct fake_client client = fake_client_new();
	uint64_t id;

	fake_send(client.fd, GET("/v2/keys/k?wait=true&stream=true"));
	id = fake_next_id(client.fake, MSG_watch);
	fake_watching(client.fake, id, 9);
	fake_receive(client.fake, client.fd, &client.in, "\r\n\r\n");
	close(client.fd);
	assert_true(fake_next_id(client.fake, MSG_unwatch) == id);
	fake_until(client.fake, no_connections, client.fake);
	client.fd = fake_connect(client.fake);
	fake_client_free(&client);
}

TEST(who_hangs_up_before_the_headers_ends_its_watch_too)
{
	struct fake_client client = fake_client_new();
	uint64_t id;

	fake_send(client.fd, GET("/v2/keys/k?wait=true"));
	id = fake_next_id(client.fake, MSG_watch);
	close(client.fd);
	assert_true(fake_is_quiet(client.fake));
	fake_watching(client.fake, id, 9);
	assert_true(fake_next_id(client.fake, MSG_unwatch) == id);
	fake_until(client.fake, no_connections, client.fake);
	client.fd = fake_connect(client.fake);
	fake_client_free(&client);
}

TEST(who_closes_its_half_still_gets_the_answer)
{
	struct fake_client client = fake_client_new();

	fake_send(client.fd, GET("/v2/keys/k"));
	assert_int_equal(shutdown(client.fd, SHUT_WR), 0);
	answer(&client, fake_next_id(client.fake, MSG_read), "x", false);
	fake_receive_all(client.fake, client.fd, &client.in);
	assert_int_equal(fake_count(&client.in, "\"x\""), 1);
	fake_client_free(&client);
}

static bool
is_cut_off(void *argument)
{
	const struct fake_client *client = argument;

	return client->fake->frames[client->fake->frame_count - 1].type == MSG_unwatch;
}

TEST(a_stream_that_is_not_read_is_cut_off)
{
	struct fake_client client = fake_client_new();
	char *value = malloc(100001);
	uint64_t id;

	assert_non_null(value);
	memset(value, 'v', 100000);
	value[100000] = '\0';
	fake_send(client.fd, GET("/v2/keys/k?wait=true&stream=true"));
	id = fake_next_id(client.fake, MSG_watch);
	fake_watching(client.fake, id, 9);
	/* More than what may wait, and what the socket takes. */
	for (uint64_t i = 10; i < 40; i++)
		fake_send_set(client.fake, id, value, i);
	fake_until(client.fake, is_cut_off, &client);
	fake_receive_all(client.fake, client.fd, &client.in);
	assert_int_equal(fake_count(&client.in, "{\"errorCode\":401,"), 1);
	free(value);
	fake_client_free(&client);
}

/* The value of each is more than may wait for a slow reader. */
static void
send_large(struct fake_client *client, uint64_t id, uint64_t index, size_t size, char letter)
{
	char *value = malloc(size + 1);

	assert_non_null(value);
	memset(value, letter, size);
	value[size] = '\0';
	fake_send_set(client->fake, id, value, index);
	free(value);
}

TEST(an_event_larger_than_what_may_wait_cuts_nobody_off)
{
	struct fake_client client = fake_client_new();
	uint64_t id;

	client.fake->worker.config.max_watch_backlog = 100 * 1024;
	fake_send(client.fd, GET("/v2/keys/k?wait=true&stream=true"));
	id = fake_next_id(client.fake, MSG_watch);
	fake_watching(client.fake, id, 9);
	/* The second waits behind the first, and small ones behind it. */
	send_large(&client, id, 10, 2 * MIB, 'a');
	fake_send_set(client.fake, id, "small", 11);
	fake_send_set(client.fake, id, "last", 12);
	assert_true(fake_is_quiet(client.fake));
	fake_receive(client.fake, client.fd, &client.in, "\"last\"");
	assert_int_equal(fake_count(&client.in, "errorCode"), 0);
	/* Two that wait are one too many when a third comes. */
	send_large(&client, id, 13, 2 * MIB, 'b');
	send_large(&client, id, 14, 2 * MIB, 'c');
	fake_send_set(client.fake, id, "never", 15);
	fake_until(client.fake, is_cut_off, &client);
	fake_receive_all(client.fake, client.fd, &client.in);
	assert_int_equal(fake_count(&client.in, "{\"errorCode\":401,"), 1);
	assert_int_equal(fake_count(&client.in, "never"), 0);
	fake_client_free(&client);
}

TEST(more_of_the_past_is_asked_for_when_the_client_has_read)
{
	struct fake_client client = fake_client_new();
	uint64_t id;

	fake_send(client.fd, GET("/v2/keys/k?wait=true&stream=true&recursive=true&waitIndex=1"));
	id = fake_next_id(client.fake, MSG_watch);
	fake_watching_behind(client.fake, id, 9);
	for (uint64_t i = 1; i <= 6; i++) {
		char mark[8];

		/* Nothing is asked for as long as it is not read. */
		send_large(&client, id, i, 1 * MIB, (char)('0' + i));
		assert_true(fake_is_quiet(client.fake));
		snprintf(mark, sizeof(mark), "%c%c\"", (char)('0' + i), (char)('0' + i));
		fake_receive(client.fake, client.fd, &client.in, mark);
		assert_true(fake_next_id(client.fake, MSG_watch_more) == id);
	}
	assert_int_equal(fake_count(&client.in, "errorCode"), 0);
	/* Behind no more, it asks for nothing. */
	fake_watching(client.fake, id, 9);
	send_large(&client, id, 10, 1 * MIB, 'x');
	fake_receive(client.fake, client.fd, &client.in, "xx\"");
	assert_true(fake_is_quiet(client.fake));
	fake_client_free(&client);
}

/* ---- time and the end ------------------------------------------------------------------------ */

TEST(slow_heads_and_bodies_time_out)
{
	struct fake_client client = fake_client_new();

	client.fake->worker.config.header_timeout = 1;
	fake_send(client.fd, "GET /v2");
	fake_receive_all(client.fake, client.fd, &client.in);
	assert_int_equal(fake_count(&client.in, "HTTP/1.1 408 "), 1);
	fake_client_free(&client);

	client = fake_client_new();
	client.fake->worker.config.http_read_timeout = 1;
	fake_send(client.fd, "PUT /v2/keys/a" HOST "Content-Length: 5\r\n\r\nab");
	fake_receive_all(client.fake, client.fd, &client.in);
	assert_int_equal(fake_count(&client.in, "HTTP/1.1 408 "), 1);
	fake_client_free(&client);
}

TEST(who_rests_too_long_is_closed_without_a_word)
{
	struct fake_client client = fake_client_new();

	client.fake->worker.config.idle_timeout = 1;
	fake_send(client.fd, GET("/nothing"));
	fake_receive_all(client.fake, client.fd, &client.in);
	assert_int_equal(fake_count(&client.in, "HTTP/1.1 "), 1);
	assert_int_equal(fake_count(&client.in, "HTTP/1.1 404 "), 1);
	fake_client_free(&client);
}

TEST(a_stop_finishes_requests_and_ends_watches)
{
	struct fake_client client = fake_client_new();
	int watcher = fake_connect(client.fake);
	int idle = fake_connect(client.fake);
	struct buf watched = BUF_INIT;
	struct buf nothing = BUF_INIT;
	uint64_t read, watch;

	fake_send(idle, GET("/nothing"));
	fake_receive(client.fake, idle, &nothing, "404 page not found");
	buf_clear(&nothing);
	fake_send(client.fd, GET("/v2/keys/k"));
	read = fake_next_id(client.fake, MSG_read);
	fake_send(watcher, GET("/v2/keys/k?wait=true&stream=true"));
	watch = fake_next_id(client.fake, MSG_watch);
	fake_watching(client.fake, watch, 9);
	fake_receive(client.fake, watcher, &watched, "\r\n\r\n");

	fake_stop(client.fake, false, 5000);
	fake_receive_all(client.fake, idle, &nothing);
	assert_int_equal(nothing.size, 0);
	fake_receive_all(client.fake, watcher, &watched);
	assert_non_null(strstr((char *)watched.data, "\r\n\r\n0\r\n\r\n"));
	assert_true(fake_next_id(client.fake, MSG_unwatch) == watch);
	assert_false(fake_has_stopped(client.fake));
	answer(&client, read, "x", false);
	fake_receive_all(client.fake, client.fd, &client.in);
	assert_int_equal(fake_count(&client.in, "Connection: close\r\n"), 1);
	assert_int_equal(fake_count(&client.in, "\"x\""), 1);
	fake_until(client.fake, fake_has_stopped, client.fake);
	close(watcher);
	close(idle);
	buf_free(&watched);
	buf_free(&nothing);
	fake_client_free(&client);
}

TEST(a_drain_answers_one_more_request)
{
	struct fake_client client = fake_client_new();

	fake_send(client.fd, GET("/nothing"));
	fake_receive(client.fake, client.fd, &client.in, "404 page not found");
	fake_stop(client.fake, true, 5000);
	assert_true(fake_is_quiet(client.fake));
	fake_send(client.fd, GET("/nothing"));
	fake_receive_all(client.fake, client.fd, &client.in);
	assert_int_equal(fake_count(&client.in, "HTTP/1.1 404 "), 2);
	assert_int_equal(fake_count(&client.in, "Connection: close\r\n"), 1);
	fake_until(client.fake, fake_has_stopped, client.fake);
	fake_client_free(&client);
}

TEST(a_stop_cuts_what_does_not_end)
{
	struct fake_client client = fake_client_new();

	fake_send(client.fd, GET("/v2/keys/k"));
	fake_next_id(client.fake, MSG_read);
	fake_stop(client.fake, false, 1);
	fake_until(client.fake, fake_has_stopped, client.fake);
	fake_client_free(&client);
}

TEST(a_restart_of_raftd_is_only_a_pause)
{
	struct fake_client client = fake_client_new();
	uint64_t id;

	fake_send(client.fd, GET("/v2/keys/k"));
	id = fake_next_id(client.fake, MSG_read);
	fake_detach(client.fake);
	assert_true(fake_is_quiet(client.fake));
	fake_attach(client.fake, PHASE_RECOVERING);
	assert_true(fake_is_quiet(client.fake));
	fake_status(client.fake, PHASE_MEMBER, 20);
	assert_true(fake_next_id(client.fake, MSG_read) == id);
	answer(&client, id, "x", false);
	fake_receive(client.fake, client.fd, &client.in, "\"x\"");
	fake_client_free(&client);
}

TEST(what_is_pipelined_behind_a_write_waits_for_it)
{
	struct fake_client client = fake_client_new();
	uint64_t id;

	fake_send(client.fd, "DELETE /v2/keys/k" HOST "\r\n" GET("/v2/keys/k"));
	id = fake_next_id(client.fake, MSG_write);
	assert_true(fake_is_quiet(client.fake));
	answer(&client, id, "gone", false);
	answer(&client, fake_next_id(client.fake, MSG_read), "after", false);
	fake_receive(client.fake, client.fd, &client.in, "after");
	fake_client_free(&client);
}

TEST(a_write_waits_for_what_is_before_it)
{
	struct fake_client client = fake_client_new();
	uint64_t first, second;

	fake_send(client.fd, GET("/v2/keys/1") GET("/v2/keys/2") "DELETE /v2/keys/k" HOST "\r\n");
	first = fake_next_id(client.fake, MSG_read);
	second = fake_next_id(client.fake, MSG_read);
	assert_true(fake_is_quiet(client.fake));
	answer(&client, first, "first", false);
	answer(&client, second, "second", false);
	answer(&client, fake_next_id(client.fake, MSG_write), "last", false);
	fake_receive(client.fake, client.fd, &client.in, "last");
	fake_client_free(&client);
}

TEST(who_hangs_up_behind_requests_that_wait_is_noticed)
{
	struct fake_client client = fake_client_new();

	fake_send(client.fd, GET("/v2/keys/k?wait=true") "DELETE /v2/keys/k" HOST "\r\n");
	fake_watching(client.fake, fake_next_id(client.fake, MSG_watch), 5);
	fake_receive(client.fake, client.fd, &client.in, "\r\n\r\n");
	shutdown(client.fd, SHUT_RDWR);
	fake_until(client.fake, no_connections, client.fake);
	fake_client_free(&client);
}
