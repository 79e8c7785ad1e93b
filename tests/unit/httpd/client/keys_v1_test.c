/*
 * keys_v1_test.c - the requests of the first series: what raftd is asked, and
 * answers to the byte.
 */
#include "tests/lib/test.h"
#include "tests/unit/httpd/fake_raftd.h"

#include "common/ipc/wire.h"
#include "common/xmem.h"

#include <stdlib.h>
#include <unistd.h>

#define HOST " HTTP/1.1\r\nHost: h\r\n"
#define GET(path) "GET " path HOST "\r\n"
#define TEXT "Content-Type: text/plain; charset=utf-8\r\n"

static void
send_form(const struct fake_client *client, const char *line, const char *form)
{
	struct buf request = BUF_INIT;

	buf_printf(&request, "%s" HOST "Content-Type: application/x-www-form-urlencoded\r\n"
	    "Content-Length: %zu\r\n\r\n%s", line, strlen(form), form);
	buf_append_byte(&request, '\0');
	fake_send(client->fd, (char *)request.data);
	buf_free(&request);
}

/* raftd's answer to a question; the client gets expected behind the head. */
static void
expect_answer(struct fake_client *client, uint64_t id, unsigned flags, const char *expected)
{
	struct buf event = fake_set_event("/k", "x", 3, flags);
	struct buf body = BUF_INIT;

	buf_printf(&body, "\r\n\r\n%s", expected);
	buf_append_byte(&body, '\0');
	fake_outcome(client->fake, id, ERR_NONE, buf_slice(&event), 0);
	fake_receive(client->fake, client->fd, &client->in, (char *)body.data);
	assert_int_equal(fake_count(&client->in, "HTTP/1.1 200 OK\r\n"), 1);
	assert_int_equal(fake_count(&client->in, TEXT), 1);
	buf_clear(&client->in);
	buf_free(&event);
	buf_free(&body);
}

TEST(a_write_is_asked_as_its_parameters_say)
{
	static const struct {
		const char *line, *form;
		uint8_t op, flags;
		const char *prev_value;
	} rows[] = {
		{ "POST /v1/keys/k", "value=v", WRITE_SET, 0, "" },
		{ "PUT /v1/keys/k/", "value=v&ttl=5", WRITE_SET, WRITE_FLAG_TTL, "" },
		{ "PUT /v1/keys/k", "value=v&prevValue=p", WRITE_COMPARE_AND_SWAP,
		    WRITE_FLAG_PREV_VALUE, "p" },
		{ "PUT /v1/keys/k", "value=v&prevValue=", WRITE_CREATE, 0, "" },
		/* Of no meaning in this series. */
		{ "PUT /v1/keys/k?dir=true&prevExist=true&prevIndex=7&refresh=true", "value=v",
		    WRITE_SET, 0, "" },
		{ "DELETE /v1/keys/k?recursive=true&dir=true&prevValue=p", "", WRITE_DELETE, 0,
		    "" },
	};
	struct fake_client client = fake_client_new();

	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		const struct fake_frame *frame;
		struct msg_write write;

		send_form(&client, rows[i].line, rows[i].form);
		frame = fake_next(client.fake);
		assert_int_equal(frame->type, MSG_write);
		assert_int_equal(msg_write_decode(blob_slice(frame->payload), &write), ERR_NONE);
		assert_int_equal(write.op, rows[i].op);
		assert_int_equal(write.flags, rows[i].flags);
		assert_true(slice_equal(write.key, SLICE_LITERAL("/k")));
		assert_true(slice_equal(write.prev_value, slice_text(rows[i].prev_value)));
		assert_int_equal(write.prev_index, 0);
		assert_int_equal(write.ttl_s, (rows[i].flags & WRITE_FLAG_TTL) != 0 ? 5 : 0);
		assert_true(write.op == WRITE_DELETE ||
		    slice_equal(write.value, SLICE_LITERAL("v")));
		expect_answer(&client, frame->request_id, i == 0 ? EVENT_CREATED : 0, i == 0 ?
		    "{\"action\":\"set\",\"key\":\"/k\",\"value\":\"x\",\"newKey\":true,"
		    "\"index\":3}" :
		    "{\"action\":\"set\",\"key\":\"/k\",\"value\":\"x\",\"index\":3}");
	}
	fake_client_free(&client);
}

TEST(what_is_wrong_with_a_request_is_told_with_the_index_of_the_store)
{
	static const struct {
		const char *line, *form, *answer;
	} rows[] = {
		{ "POST /v1/keys/k", "", "{\"errorCode\":200,\"message\":\"Value is Required in "
		    "POST form\",\"cause\":\"Set\",\"index\":41}\n" },
		{ "POST /v1/keys/k", "value=v&ttl=x", "{\"errorCode\":202,\"message\":\"The given "
		    "TTL in POST form is not a number\",\"cause\":\"Set\",\"index\":41}\n" },
		{ "POST /v1/watch/k", "index=x", "{\"errorCode\":203,\"message\":\"The given index "
		    "in POST form is not a number\",\"cause\":\"Watch From Index\","
		    "\"index\":41}\n" },
		{ "POST /v1/keys/k", "value=%zz", "{\"errorCode\":210,\"message\":\"Invalid POST "
		    "form\",\"cause\":\"invalid URL escape \\\"%zz\\\"\",\"index\":41}\n" },
	};
	struct fake_client client = fake_client_new();

	shared_index_set(client.fake->announced, 41);
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		send_form(&client, rows[i].line, rows[i].form);
		fake_receive(client.fake, client.fd, &client.in, rows[i].answer);
		assert_int_equal(fake_count(&client.in, "HTTP/1.1 400 "), 1);
		assert_int_equal(fake_count(&client.in, "X-Etcd-Index: 41\r\n"), 1);
		assert_int_equal(fake_count(&client.in, "Content-Type: application/json\r\n"), 1);
		buf_clear(&client.in);
		assert_true(fake_is_quiet(client.fake));
	}
	fake_client_free(&client);
}

/* It shows the index of the store, which is another one after any write. */
TEST(a_read_asks_raftd_each_time)
{
	static const char *const requests[] = { GET("/v1/keys/k?recursive=true"),
		GET("/v2/keys/k"), GET("/v1/keys/k") };
	struct fake_client client = fake_client_new();
	struct buf event = fake_set_event("/k", "x", 3, 0);

	event.data[0] = ACTION_GET;
	for (size_t i = 0; i < ARRAY_COUNT(requests); i++) {
		const struct fake_frame *frame;
		struct msg_read ask;

		fake_send(client.fd, requests[i]);
		frame = fake_next(client.fake);
		assert_int_equal(frame->type, MSG_read);
		assert_int_equal(msg_read_decode(blob_slice(frame->payload), &ask), ERR_NONE);
		assert_int_equal(ask.flags, READ_FLAG_SORTED);
		fake_outcome(client.fake, frame->request_id, ERR_NONE, buf_slice(&event), 0);
		fake_receive(client.fake, client.fd, &client.in, i == 1 ? "\"createdIndex\":3}}\n" :
		    "\r\n\r\n{\"action\":\"get\",\"key\":\"/k\",\"value\":\"x\",\"index\":3}");
		buf_clear(&client.in);
	}
	/* Nor did it spoil what the cache knows. */
	fake_send(client.fd, "HEAD /v1/keys/k" HOST "\r\n" GET("/nothing"));
	fake_outcome(client.fake, fake_next_id(client.fake, MSG_read), ERR_NONE,
	    buf_slice(&event), 0);
	fake_receive(client.fake, client.fd, &client.in, "404 page not found");
	assert_int_equal(fake_count(&client.in, "Content-Length: 49\r\n"), 1);
	assert_int_equal(fake_count(&client.in, "\"action\""), 0);
	buf_free(&event);
	fake_client_free(&client);
}

TEST(a_long_answer_comes_in_pieces_of_the_same_form)
{
	struct fake_client client = fake_client_new();
	size_t size = 3000000, given = 0, count = 0;
	char *value = xmalloc(size + 1);
	struct buf event;
	uint64_t id;

	memset(value, 'v', size);
	value[size] = '\0';
	event = fake_set_event("/k", value, 3, 0);
	event.data[0] = ACTION_GET;
	fake_send(client.fd, GET("/v1/keys/k"));
	id = fake_next_id(client.fake, MSG_read);
	while (given < event.size) {
		size_t piece = MIN_OF(event.size - given, ANSWER_PIECE_BYTES);

		fake_piece(client.fake, id, slice_of(event.data + given, piece),
		    given + piece < event.size);
		given += piece;
		while (given < event.size && fake_is_quiet(client.fake)) {
			char bytes[65536];
			ssize_t got = read(client.fd, bytes, sizeof(bytes));

			if (got > 0)
				buf_append(&client.in, bytes, (size_t)got);
		}
		if (given < event.size)
			assert_true(fake_next_id(client.fake, MSG_read_more) == id);
	}
	fake_receive(client.fake, client.fd, &client.in, "\"index\":3}\r\n0\r\n\r\n");
	assert_int_equal(fake_count(&client.in, TEXT), 1);
	assert_int_equal(fake_count(&client.in,
	    "{\"action\":\"get\",\"key\":\"/k\",\"value\":\"v"), 1);
	for (size_t i = 0; i < client.in.size; i++)
		count += client.in.data[i] == 'v';
	assert_true(count >= size);
	buf_free(&event);
	free(value);
	fake_client_free(&client);
}

/* ---- watches ------------------------------------------------------------------------ */

TEST(watches_of_both_series_share_an_event_each_in_its_form)
{
	static const char *const requests[] = {
		GET("/v1/watch/k?index=7&recursive=true&stream=true"), GET("/v2/keys/k?wait=true"),
		"POST /v1/watch/k?index=7" HOST "\r\n", GET("/v2/keys/k?wait=true") };
	struct fake_client client = fake_client_new();
	struct buf in[ARRAY_COUNT(requests)] = { BUF_INIT };
	uint64_t ids[ARRAY_COUNT(requests)];
	int fds[ARRAY_COUNT(requests)];
	struct buf event = fake_set_event("/k", "x", 10, EVENT_CREATED);

	for (size_t i = 0; i < ARRAY_COUNT(requests); i++) {
		const struct fake_frame *frame;
		struct msg_watch watch;

		fds[i] = fake_connect(client.fake);
		fake_send(fds[i], requests[i]);
		frame = fake_next(client.fake);
		assert_int_equal(frame->type, MSG_watch);
		assert_int_equal(msg_watch_decode(blob_slice(frame->payload), &watch), ERR_NONE);
		assert_true(slice_equal(watch.key, SLICE_LITERAL("/k")));
		assert_int_equal(watch.flags, 0);
		assert_int_equal(watch.since, i == 2 ? 7 : 0);
		ids[i] = frame->request_id;
		fake_watching(client.fake, ids[i], 9);
		fake_receive(client.fake, fds[i], &in[i], "\r\n\r\n");
		assert_int_equal(fake_count(&in[i], TEXT), i % 2 == 0);
		assert_int_equal(fake_count(&in[i], "X-Etcd-Index: 9\r\n"), 1);
	}
	fake_event(client.fake, ids, ARRAY_COUNT(ids), buf_slice(&event));
	for (size_t i = 0; i < ARRAY_COUNT(requests); i++) {
		fake_receive(client.fake, fds[i], &in[i], "\r\n0\r\n\r\n");
		assert_int_equal(fake_count(&in[i], i % 2 == 0 ?
		    "\r\n{\"action\":\"set\",\"key\":\"/k\",\"value\":\"x\",\"newKey\":true,"
		    "\"index\":10}\r\n" : "\"createdIndex\":10}}\n\r\n"), 1);
		buf_free(&in[i]);
		close(fds[i]);
	}
	buf_free(&event);
	fake_client_free(&client);
}

TEST(a_head_of_a_watch_is_the_head_alone)
{
	struct fake_client client = fake_client_new();
	uint64_t id;

	fake_send(client.fd, "HEAD /v1/watch/k" HOST "\r\n" GET("/nothing"));
	id = fake_next_id(client.fake, MSG_watch);
	fake_watching(client.fake, id, 9);
	fake_receive(client.fake, client.fd, &client.in, "404 page not found");
	assert_true(fake_next_id(client.fake, MSG_unwatch) == id);
	assert_int_equal(fake_count(&client.in, "X-Etcd-Index: 9\r\n"), 1);
	fake_client_free(&client);
}
