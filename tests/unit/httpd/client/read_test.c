/*
 * read_test.c - answers of raftd in pieces, as clients see them: with a length or
 * as a stream, in the order of requests, across restarts, read slowly or not.
 */
#include "tests/lib/test.h"
#include "tests/unit/httpd/fake_raftd.h"

#include "common/limits.h"
#include "common/xmem.h"

#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define HOST " HTTP/1.1\r\nHost: h\r\n\r\n"
#define GET(path) "GET " path HOST
#define HEAD_BYTES 22		/* of an event_record, before its nodes */

struct client {
	struct fake *fake;
	int fd;
	struct buf in;
	struct buf event;		/* the answer that raftd has, */
	size_t given;			/* of which it gave so much */
};

static struct client
client_new(bool narrow)
{
	struct client client = { .fake = fake_new(ROLE_CLIENT) };

	fake_attach(client.fake, PHASE_MEMBER);
	assert_true(fake_is_quiet(client.fake));
	client.fd = narrow ? fake_connect_narrow(client.fake) : fake_connect(client.fake);
	return client;
}

static void
client_free(struct client *client)
{
	close(client->fd);
	buf_free(&client->in);
	buf_free(&client->event);
	fake_free(&client->fake);
}

/* What raftd will answer: /k with a value of so many bytes, the last of them "end". */
static void
prepare(struct client *client, size_t value_bytes)
{
	char *value = xmalloc(value_bytes + 1);

	memset(value, 'v', value_bytes);
	memcpy(value + value_bytes - 3, "end", 4);
	buf_free(&client->event);
	client->event = fake_set_event("/k", value, 3, 0);
	client->given = 0;
	client->event.data[0] = ACTION_GET;
	memset(client->event.data + HEAD_BYTES - 4, 0xff, 4);
	free(value);
}

/* The next piece. True if there are more. */
static bool
give(struct client *client, uint64_t id)
{
	size_t size = MIN_OF(client->event.size - client->given, ANSWER_PIECE_BYTES);
	bool more = client->given + size < client->event.size;

	fake_piece(client->fake, id, slice_of(client->event.data + client->given, size), more);
	client->given += size;
	return more;
}

/* Read what there is, once. Returns how much that was. */
static size_t
take_some(struct client *client)
{
	ssize_t got = read(client->fd, buf_reserve(&client->in, 16384), 16384);

	if (got <= 0)
		return 0;
	buf_added(&client->in, (size_t)got);
	return (size_t)got;
}

/* The next piece is asked for, maybe not before the client has read. */
static void
expect_more(struct client *client, uint64_t id)
{
	while (fake_is_quiet(client->fake))
		while (take_some(client) > 0)
			continue;
	assert_true(fake_next_id(client->fake, MSG_read_more) == id);
}

/* All of it, as it is asked for. */
static void
give_all(struct client *client, uint64_t id)
{
	while (give(client, id))
		expect_more(client, id);
}

static size_t
body_bytes(const struct client *client)
{
	size_t count = 0;

	for (size_t i = 0; i < client->in.size; i++)
		count += client->in.data[i] == 'v';
	return count;
}

TEST(an_answer_that_is_not_long_has_its_length)
{
	struct client client = client_new(false);

	prepare(&client, 700000);
	fake_send(client.fd, GET("/v2/keys/k"));
	give_all(&client, fake_next_id(client.fake, MSG_read));
	fake_receive(client.fake, client.fd, &client.in, "end\"");
	assert_int_equal(fake_count(&client.in, "Content-Length: 700"), 1);
	assert_int_equal(fake_count(&client.in, "chunked"), 0);
	assert_int_equal(fake_count(&client.in, "X-Etcd-Index: 17\r\n"), 1);
	client_free(&client);
}

TEST(a_long_answer_is_a_stream)
{
	struct client client = client_new(false);

	prepare(&client, 3000000);
	fake_send(client.fd, GET("/v2/keys/k") GET("/nothing"));
	give_all(&client, fake_next_id(client.fake, MSG_read));
	fake_receive(client.fake, client.fd, &client.in, "404 page not found");
	assert_int_equal(fake_count(&client.in, "Content-Length"), 1);
	assert_int_equal(fake_count(&client.in, "Transfer-Encoding: chunked\r\n"), 1);
	assert_int_equal(fake_count(&client.in, "\r\n0\r\n\r\nHTTP/1.1 404"), 1);
	assert_in_range(body_bytes(&client), 3000000 - 3, 3000000 + 40);
	client_free(&client);
}

TEST(an_old_client_gets_a_stream_to_the_end_of_the_connection)
{
	struct client client = client_new(false);

	prepare(&client, 3000000);
	fake_send(client.fd, "GET /v2/keys/k HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
	give_all(&client, fake_next_id(client.fake, MSG_read));
	fake_receive_all(client.fake, client.fd, &client.in);
	assert_int_equal(fake_count(&client.in, "chunked"), 0);
	assert_int_equal(fake_count(&client.in, "end\",\"modifiedIndex\":3"), 1);
	client_free(&client);
}

TEST(who_asks_for_the_head_gets_no_more)
{
	struct client client = client_new(false);
	uint64_t id;

	prepare(&client, 700000);
	fake_send(client.fd, "HEAD /v2/keys/k" HOST "HEAD /v2/keys/k" HOST);
	id = fake_next_id(client.fake, MSG_read);
	fake_next_id(client.fake, MSG_read);
	give_all(&client, id);
	fake_receive(client.fake, client.fd, &client.in, "Content-Length: 700");
	client_free(&client);

	client = client_new(false);
	prepare(&client, 9000000);
	fake_send(client.fd, "HEAD /v2/keys/k" HOST);
	id = fake_next_id(client.fake, MSG_read);
	while (client.given < ANSWER_WHOLE_BYTES) {
		assert_true(give(&client, id));
		if (client.given < ANSWER_WHOLE_BYTES)
			fake_next_id(client.fake, MSG_read_more);
	}
	/* The rest is not read. */
	assert_true(fake_next_id(client.fake, MSG_read_stop) == id);
	fake_receive(client.fake, client.fd, &client.in, "chunked\r\n\r\n");
	fake_send(client.fd, GET("/nothing"));
	fake_receive(client.fake, client.fd, &client.in, "404 page not found");
	client_free(&client);
}

/* Who closes his side of the connection may wait for the answer. */
TEST(a_half_closed_connection_gets_its_stream)
{
	struct client client = client_new(false);
	uint64_t id;

	prepare(&client, 3000000);
	fake_send(client.fd, GET("/v2/keys/k"));
	id = fake_next_id(client.fake, MSG_read);
	assert_int_equal(shutdown(client.fd, SHUT_WR), 0);
	give_all(&client, id);
	fake_receive_all(client.fake, client.fd, &client.in);
	assert_int_equal(fake_count(&client.in, "\r\n0\r\n\r\n"), 1);
	client_free(&client);
}

TEST(no_piece_is_asked_for_before_the_client_takes_what_there_is)
{
	struct client client = client_new(true);
	size_t taken = 0;
	uint64_t id;

	prepare(&client, 6000000);
	fake_send(client.fd, GET("/v2/keys/k"));
	id = fake_next_id(client.fake, MSG_read);
	while (client.given < ANSWER_WHOLE_BYTES) {
		assert_true(give(&client, id));
		if (client.given < ANSWER_WHOLE_BYTES)
			fake_next_id(client.fake, MSG_read_more);
	}
	assert_true(fake_is_quiet(client.fake));
	/* Now it reads. */
	while (fake_is_quiet(client.fake))
		taken += take_some(&client);
	assert_in_range(taken, ANSWER_WHOLE_BYTES / 2, 3 * ANSWER_WHOLE_BYTES / 2);
	assert_true(fake_next_id(client.fake, MSG_read_more) == id);
	/* And leaves. */
	close(client.fd);
	client.fd = -1;
	(void)give(&client, id);
	assert_true(fake_next_id(client.fake, MSG_read_stop) == id);
	client.fd = fake_connect(client.fake);
	client_free(&client);
}

TEST(who_is_not_first_gives_way_and_keeps_the_order)
{
	struct client client = client_new(false);
	uint64_t first, second, third, again;

	prepare(&client, 700000);
	fake_send(client.fd, GET("/v2/keys/1") GET("/v2/keys/2") GET("/v2/keys/3"));
	first = fake_next_id(client.fake, MSG_read);
	second = fake_next_id(client.fake, MSG_read);
	third = fake_next_id(client.fake, MSG_read);
	assert_true(give(&client, second));
	assert_true(fake_next_id(client.fake, MSG_read_stop) == second);
	fake_outcome(client.fake, third, ERR_KEY_NOT_FOUND, SLICE_EMPTY, 0);
	assert_true(fake_is_quiet(client.fake));
	fake_outcome(client.fake, first, ERR_NOT_DIR, SLICE_EMPTY, 0);
	again = fake_next_id(client.fake, MSG_read);
	assert_true(again != second);
	client.given = 0;
	give_all(&client, again);
	fake_receive(client.fake, client.fd, &client.in, "404 Not Found");
	assert_non_null(strstr((char *)client.in.data, "\"errorCode\":104"));
	assert_non_null(strstr(strstr((char *)client.in.data, "\"errorCode\":104"),
	    "Content-Length: 700"));
	assert_int_equal(fake_count(&client.in, "HTTP/1.1 "), 3);
	client_free(&client);
}

/* As long as nothing has gone out a client does not see that raftd was away. */
TEST(an_answer_that_has_not_begun_is_asked_for_again)
{
	struct client client = client_new(false);
	uint64_t id;

	prepare(&client, 700000);
	fake_send(client.fd, GET("/v2/keys/k"));
	id = fake_next_id(client.fake, MSG_read);
	assert_true(give(&client, id));
	fake_next_id(client.fake, MSG_read_more);
	assert_true(give(&client, id));
	fake_next_id(client.fake, MSG_read_more);
	fake_detach(client.fake);
	assert_true(fake_is_quiet(client.fake));
	fake_attach(client.fake, PHASE_MEMBER);
	assert_true(fake_next_id(client.fake, MSG_read) == id);
	client.given = 0;
	give_all(&client, id);
	fake_receive(client.fake, client.fd, &client.in, "end\"");
	assert_int_equal(fake_count(&client.in, "Content-Length: 700"), 1);
	client_free(&client);
}

static void
stream_begun(struct client *client, uint64_t *id)
{
	prepare(client, 6000000);
	fake_send(client->fd, GET("/v2/keys/k") GET("/v2/keys/other"));
	*id = fake_next_id(client->fake, MSG_read);
	fake_next_id(client->fake, MSG_read);
	while (client->given <= 2 * ANSWER_WHOLE_BYTES) {
		assert_true(give(client, *id));
		expect_more(client, *id);
	}
}

TEST(a_stream_that_cannot_go_on_is_cut)
{
	for (unsigned how = 0; how < 3; how++) {
		struct client client = client_new(false);
		uint64_t id;

		stream_begun(&client, &id);
		if (how == 0)
			fake_detach(client.fake);
		else if (how == 1)
			fake_outcome(client.fake, id, ERR_RAFT_INTERNAL, SLICE_EMPTY, 0);
		else
			/* Less than the whole of it. */
			fake_piece(client.fake, id, SLICE_LITERAL("vvv"), false);
		fake_receive_all(client.fake, client.fd, &client.in);
		assert_int_equal(fake_count(&client.in, "HTTP/1.1 "), 1);
		assert_int_equal(fake_count(&client.in, "\r\n0\r\n\r\n"), 0);
		assert_true(body_bytes(&client) > ANSWER_WHOLE_BYTES);
		client_free(&client);
	}
}

TEST(an_answer_that_is_given_up_before_it_began_is_an_error)
{
	struct client client = client_new(false);
	uint64_t id;

	prepare(&client, 700000);
	fake_send(client.fd, GET("/v2/keys/k"));
	id = fake_next_id(client.fake, MSG_read);
	assert_true(give(&client, id));
	fake_next_id(client.fake, MSG_read_more);
	fake_outcome(client.fake, id, ERR_RAFT_INTERNAL, SLICE_EMPTY, 0);
	fake_receive(client.fake, client.fd, &client.in, "\"errorCode\":300");
	assert_int_equal(fake_count(&client.in, "HTTP/1.1 500"), 1);
	client_free(&client);
}

/* Answers that wait count, whichever request they are of. */
TEST(no_more_is_parsed_while_much_waits)
{
	struct client client = client_new(true);
	size_t asked = 0;

	prepare(&client, 200000);
	memcpy(client.event.data + HEAD_BYTES - 4,
	    &(uint32_t){ (uint32_t)(client.event.size - HEAD_BYTES) }, 4);
	/* The first one is not answered, so none of the others can be written. */
	fake_send(client.fd, GET("/v2/keys/k"));
	fake_next_id(client.fake, MSG_read);
	for (;;) {
		fake_send(client.fd, GET("/v2/keys/k"));
		if (fake_is_quiet(client.fake))
			break;
		asked++;
		fake_outcome(client.fake, fake_next_id(client.fake, MSG_read), ERR_NONE,
		    buf_slice(&client.event), 0);
		assert_true(fake_is_quiet(client.fake));
	}
	/* Memory comes in powers of two. */
	assert_in_range(asked, 3, 6);
	client_free(&client);
}
