/*
 * handover_test.c - connections go from one worker to another: nothing that a
 * client or raftd sees tells of it. Two real workers over socket pairs; the test
 * plays the clients, raftd and the supervisor.
 */
#include "tests/lib/test.h"
#include "tests/unit/httpd/fake_raftd.h"

#include "common/ipc/wire.h"
#include "common/limits.h"
#include "httpd/handover.h"
#include "httpd/http/budget.h"
#include "httpd/http/conn_priv.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define HOST " HTTP/1.1\r\nHost: h\r\n"
#define GET(path) "GET " path HOST "\r\n"
#define TOKEN UINT64_C(99)
#define ROUNDS 12

struct pair {
	struct fake *from, *to;
	int client;
	struct buf in;
};

static struct pair
pair_new(void)
{
	struct pair pair = { .from = fake_new(ROLE_CLIENT), .to = fake_new(ROLE_CLIENT) };

	fake_attach(pair.from, PHASE_MEMBER);
	fake_attach(pair.to, PHASE_MEMBER);
	assert_true(fake_is_quiet(pair.from));
	assert_true(fake_is_quiet(pair.to));
	pair.client = fake_connect(pair.from);
	return pair;
}

static void
pair_free(struct pair *pair)
{
	close(pair->client);
	buf_free(&pair->in);
	fake_free(&pair->from);
	fake_free(&pair->to);
}

/* Turns of both until nothing moves any more. */
static void
both(struct pair *pair)
{
	for (int i = 0; i < ROUNDS; i++) {
		(void)fake_is_quiet(pair->from);
		(void)fake_is_quiet(pair->to);
	}
}

static void
connect_workers(struct pair *pair)
{
	int ends[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	handover_attach(pair->from->worker.handover, true, TOKEN, ends[0]);
	handover_attach(pair->to->worker.handover, false, TOKEN, ends[1]);
}

static void
hand_over(struct pair *pair)
{
	connect_workers(pair);
	fake_stop(pair->from, true, 5000);
	both(pair);
}

TEST(a_connection_at_rest_goes_and_its_client_is_told_nothing)
{
	struct pair pair = pair_new();

	fake_send(pair.client, GET("/nothing"));
	fake_receive(pair.from, pair.client, &pair.in, "404 page not found");
	hand_over(&pair);
	assert_true(fake_has_stopped(pair.from));
	assert_int_equal(server_connections(pair.to->worker.server), 1);
	fake_send(pair.client, GET("/nothing"));
	buf_clear(&pair.in);
	fake_receive(pair.to, pair.client, &pair.in, "404 page not found");
	assert_int_equal(fake_count(&pair.in, "Connection: close"), 0);
	pair_free(&pair);
}

TEST(what_was_read_of_a_request_goes_too)
{
	struct pair pair = pair_new();

	fake_send(pair.client, "GET /noth");
	(void)fake_is_quiet(pair.from);
	hand_over(&pair);
	assert_true(fake_has_stopped(pair.from));
	fake_send(pair.client, "ing" HOST "\r\n");
	fake_receive(pair.to, pair.client, &pair.in, "404 page not found");
	assert_int_equal(fake_count(&pair.in, "HTTP/1.1 404 "), 1);
	pair_free(&pair);
}

TEST(a_request_in_work_is_answered_first_and_then_the_connection_goes)
{
	struct pair pair = pair_new();
	struct buf event = fake_set_event("/k", "x", 3, 0);
	uint64_t id;

	fake_send(pair.client, GET("/v2/keys/k") GET("/nothing"));
	id = fake_next_id(pair.from, MSG_read);
	hand_over(&pair);
	assert_false(fake_has_stopped(pair.from));
	assert_int_equal(server_connections(pair.to->worker.server), 0);
	fake_outcome(pair.from, id, ERR_NONE, buf_slice(&event), 0);
	both(&pair);
	assert_true(fake_has_stopped(pair.from));
	assert_int_equal(server_connections(pair.to->worker.server), 1);
	fake_send(pair.client, GET("/version"));
	fake_receive(pair.to, pair.client, &pair.in, "etcdserver");
	assert_int_equal(fake_count(&pair.in, "HTTP/1.1 200 OK"), 2);
	assert_int_equal(fake_count(&pair.in, "HTTP/1.1 404 "), 1);
	assert_int_equal(fake_count(&pair.in, "Connection: close"), 0);
	buf_free(&event);
	pair_free(&pair);
}

TEST(a_stream_goes_on_with_the_next_event)
{
	struct pair pair = pair_new();
	const struct fake_frame *frame;
	struct msg_watch watch;
	uint64_t id;

	fake_send(pair.client, GET("/v2/keys/k?wait=true&stream=true&recursive=true"));
	id = fake_next_id(pair.from, MSG_watch);
	fake_watching(pair.from, id, 9);
	fake_send_set(pair.from, id, "first", 12);
	fake_receive(pair.from, pair.client, &pair.in, "\"first\"");
	hand_over(&pair);
	assert_true(fake_next_id(pair.from, MSG_unwatch) == id);
	assert_true(fake_has_stopped(pair.from));
	frame = fake_next(pair.to);
	assert_int_equal(frame->type, MSG_watch);
	assert_int_equal(msg_watch_decode(blob_slice(frame->payload), &watch), ERR_NONE);
	assert_true(slice_equal(watch.key, SLICE_LITERAL("/k")));
	assert_int_equal(watch.flags, WATCH_FLAG_STREAM | WATCH_FLAG_RECURSIVE |
	    WATCH_FLAG_GOES_ON);
	assert_int_equal(watch.since, 13);
	id = frame->request_id;
	fake_watching_behind(pair.to, id, 14);
	fake_send_set(pair.to, id, "second", 13);
	fake_watching(pair.to, id, 14);
	fake_send_set(pair.to, id, "third", 15);
	fake_receive(pair.to, pair.client, &pair.in, "\"third\"");
	assert_int_equal(fake_count(&pair.in, "HTTP/1.1 200 OK"), 1);
	assert_int_equal(fake_count(&pair.in, "\"first\""), 1);
	assert_int_equal(fake_count(&pair.in, "\"second\""), 1);
	assert_int_equal(fake_count(&pair.in, "\r\n0\r\n"), 0);
	pair_free(&pair);
}

TEST(a_long_poll_ends_over_there_and_keeps_its_connection)
{
	struct pair pair = pair_new();
	uint64_t id;

	fake_send(pair.client, GET("/v2/keys/k?wait=true"));
	id = fake_next_id(pair.from, MSG_watch);
	fake_watching(pair.from, id, 9);
	hand_over(&pair);
	id = fake_next_id(pair.to, MSG_watch);
	fake_watching(pair.to, id, 9);
	fake_send_set(pair.to, id, "x", 10);
	fake_receive(pair.to, pair.client, &pair.in, "\r\n0\r\n\r\n");
	assert_int_equal(fake_count(&pair.in, "\"value\":\"x\""), 1);
	fake_send(pair.client, GET("/nothing"));
	fake_receive(pair.to, pair.client, &pair.in, "404 page not found");
	assert_int_equal(fake_count(&pair.in, "Connection: close"), 0);
	pair_free(&pair);
}

/* It was asked for by POST, and is answered in the form of its series. */
TEST(a_watch_of_the_first_series_goes_on_as_such)
{
	struct pair pair = pair_new();
	struct msg_watch watch;
	const struct fake_frame *frame;
	uint64_t id;

	fake_send(pair.client, "POST /v1/watch/k?index=7" HOST "Content-Length: 0\r\n\r\n");
	frame = fake_next(pair.from);
	assert_int_equal(msg_watch_decode(blob_slice(frame->payload), &watch), ERR_NONE);
	assert_int_equal(watch.since, 7);
	assert_int_equal(watch.flags, 0);
	id = frame->request_id;
	fake_watching(pair.from, id, 9);
	hand_over(&pair);
	id = fake_next_id(pair.to, MSG_watch);
	fake_watching(pair.to, id, 9);
	fake_send_set(pair.to, id, "x", 10);
	fake_receive(pair.to, pair.client, &pair.in, "\r\n0\r\n\r\n");
	assert_int_equal(fake_count(&pair.in, "Content-Type: text/plain; charset=utf-8\r\n"), 1);
	assert_int_equal(fake_count(&pair.in, "\r\n{\"action\":\"set\",\"key\":\"/k\","
	    "\"value\":\"x\",\"index\":10}\r\n"), 1);
	fake_send(pair.client, GET("/nothing"));
	fake_receive(pair.to, pair.client, &pair.in, "404 page not found");
	assert_int_equal(fake_count(&pair.in, "Connection: close"), 0);
	pair_free(&pair);
}

TEST(a_watch_goes_when_its_headers_are_out_and_not_before)
{
	struct pair pair = pair_new();
	uint64_t id;

	fake_send(pair.client, "GET /v2/keys/k?wait=true HTTP/1.0\r\n\r\n");
	id = fake_next_id(pair.from, MSG_watch);
	hand_over(&pair);
	assert_int_equal(server_connections(pair.to->worker.server), 0);
	fake_watching(pair.from, id, 9);
	both(&pair);
	assert_int_equal(server_connections(pair.to->worker.server), 1);
	id = fake_next_id(pair.to, MSG_watch);
	fake_watching(pair.to, id, 9);
	fake_send_set(pair.to, id, "x", 10);
	fake_receive_all(pair.to, pair.client, &pair.in);
	assert_int_equal(fake_count(&pair.in, "\r\n\r\n{\"action\""), 1);
	pair_free(&pair);
}

TEST(what_raftd_announced_counts_for_the_next_event)
{
	struct pair pair = pair_new();
	struct msg_watch watch;
	uint64_t id;

	fake_send(pair.client, GET("/v2/keys/k?wait=true"));
	id = fake_next_id(pair.from, MSG_watch);
	fake_watching(pair.from, id, 9);
	fake_status(pair.from, PHASE_MEMBER, 2000);
	fake_status(pair.from, PHASE_MEMBER, 2001);
	(void)fake_is_quiet(pair.from);
	hand_over(&pair);
	assert_int_equal(msg_watch_decode(blob_slice(fake_next(pair.to)->payload), &watch),
	    ERR_NONE);
	assert_int_equal(watch.since, 2001);
	pair_free(&pair);
}

TEST(a_watch_that_raftd_has_not_taken_asks_the_next_raftd_the_same)
{
	struct pair pair = pair_new();
	struct msg_watch watch;
	uint64_t id;

	fake_send(pair.client, GET("/v2/keys/k?wait=true"));
	id = fake_next_id(pair.from, MSG_watch);
	fake_watching(pair.from, id, 9);
	hand_over(&pair);
	/* Announced to the new worker before raftd has read of the watch. */
	fake_status(pair.to, PHASE_MEMBER, 20);
	fake_status(pair.to, PHASE_MEMBER, 21);
	(void)fake_is_quiet(pair.to);
	fake_detach(pair.to);
	fake_attach(pair.to, PHASE_MEMBER);
	assert_int_equal(msg_watch_decode(blob_slice(fake_next(pair.to)->payload), &watch),
	    ERR_NONE);
	assert_int_equal(watch.since, 10);
	pair_free(&pair);
}

TEST(bytes_that_were_not_written_go_too)
{
	struct pair pair = pair_new();
	char *value = malloc(600001);
	size_t events = 0;
	uint64_t id;

	assert_non_null(value);
	memset(value, 'v', 600000);
	value[600000] = '\0';
	fake_send(pair.client, GET("/v2/keys/k?wait=true&stream=true"));
	id = fake_next_id(pair.from, MSG_watch);
	fake_watching(pair.from, id, 9);
	fake_send_set(pair.from, id, value, 10);
	(void)fake_is_quiet(pair.from);
	hand_over(&pair);
	assert_true(fake_has_stopped(pair.from));
	id = fake_next_id(pair.to, MSG_watch);
	fake_watching(pair.to, id, 10);
	fake_send_set(pair.to, id, "last", 11);
	fake_receive(pair.to, pair.client, &pair.in, "\"last\"");
	for (size_t i = 0; i < pair.in.size; i++)
		events += pair.in.data[i] == 'v';
	assert_true(events >= 600000);
	free(value);
	pair_free(&pair);
}

TEST(more_connections_than_may_be_under_way_all_go)
{
	struct pair pair = pair_new();
	int clients[3 * HANDOVER_WINDOW];
	struct buf in = BUF_INIT;

	for (size_t i = 0; i < ARRAY_COUNT(clients); i++)
		clients[i] = fake_connect(pair.from);
	hand_over(&pair);
	assert_true(fake_has_stopped(pair.from));
	assert_int_equal(server_connections(pair.to->worker.server), ARRAY_COUNT(clients) + 1);
	for (size_t i = 0; i < ARRAY_COUNT(clients); i++) {
		fake_send(clients[i], GET("/nothing"));
		fake_receive(pair.to, clients[i], &in, "404 page not found");
		buf_clear(&in);
		close(clients[i]);
	}
	buf_free(&in);
	pair_free(&pair);
}

TEST(with_nobody_there_the_worker_drains_as_it_does_alone)
{
	struct pair pair = pair_new();
	int ends[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	handover_attach(pair.from->worker.handover, true, TOKEN, ends[0]);
	fake_stop(pair.from, true, 5000);
	(void)fake_is_quiet(pair.from);
	close(ends[1]);
	assert_true(fake_is_quiet(pair.from));
	fake_send(pair.client, GET("/nothing"));
	fake_receive_all(pair.from, pair.client, &pair.in);
	assert_int_equal(fake_count(&pair.in, "Connection: close"), 1);
	fake_until(pair.from, fake_has_stopped, pair.from);
	pair_free(&pair);
}

TEST(one_that_gives_and_takes_passes_all_of_it_on)
{
	struct pair first = pair_new();
	struct pair second = { .from = first.to, .to = fake_new(ROLE_CLIENT) };

	fake_attach(second.to, PHASE_MEMBER);
	connect_workers(&first);
	connect_workers(&second);
	/* The one in the middle drains before it has been given anything. */
	fake_stop(second.from, true, 5000);
	both(&second);
	assert_false(fake_has_stopped(second.from));
	fake_stop(first.from, true, 5000);
	for (int i = 0; i < ROUNDS; i++) {
		both(&first);
		both(&second);
	}
	assert_int_equal(server_connections(second.to->worker.server), 1);
	/* It ends when the one before it has. */
	assert_true(fake_has_stopped(first.from));
	assert_false(fake_has_stopped(second.from));
	handover_free(&first.from->worker.handover);
	fake_until(second.from, fake_has_stopped, second.from);
	fake_send(first.client, GET("/nothing"));
	fake_receive(second.to, first.client, &first.in, "404 page not found");
	fake_free(&second.to);
	pair_free(&first);
}

TEST(a_stranger_is_given_nothing)
{
	struct pair pair = pair_new();
	int ends[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	handover_attach(pair.from->worker.handover, true, TOKEN, ends[0]);
	handover_attach(pair.to->worker.handover, false, TOKEN + 1, ends[1]);
	fake_stop(pair.from, true, 5000);
	both(&pair);
	assert_int_equal(server_connections(pair.to->worker.server), 0);
	assert_int_equal(server_connections(pair.from->worker.server), 1);
	pair_free(&pair);
}

/* One that was taken over: a worker that is handed what cannot be served goes on. */
TEST(what_is_no_connection_or_no_watch_is_not_taken)
{
	static const struct {
		enum { A_CONNECTION, A_PIPE, A_DIRECTORY } what;
		const char *key;	/* of a watch; NULL: none */
		bool good;
	} rows[] = {
		{ A_CONNECTION, NULL, true }, { A_CONNECTION, "/k", true },
		{ A_PIPE, NULL, false }, { A_DIRECTORY, NULL, false },
		{ A_CONNECTION, "", false }, { A_CONNECTION, "k", false },
		{ A_CONNECTION, "/k/", false }, { A_CONNECTION, "//k", false },
		{ A_CONNECTION, "/k/..", false },
	};

	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		struct pair pair = pair_new();
		struct msg_handed handed = { .flags = rows[i].key == NULL ? 0 : HANDED_WATCH,
			.key = rows[i].key == NULL ? SLICE_EMPTY : slice_text(rows[i].key) };
		int ends[2];

		connect_workers(&pair);
		both(&pair);
		if (rows[i].what == A_CONNECTION)
			assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
		else if (rows[i].what == A_PIPE)
			assert_int_equal(pipe(ends), 0);
		else
			ends[0] = dup(ends[1] = open("/", O_RDONLY | O_DIRECTORY));
		handover_send(pair.from->worker.handover, &handed, ends[0]);
		handover_flush(pair.from->worker.handover);
		both(&pair);
		assert_int_equal(server_connections(pair.to->worker.server), rows[i].good);
		assert_int_equal(handover_gives(pair.from->worker.handover), rows[i].good);
		close(ends[0]);
		close(ends[1]);
		pair_free(&pair);
	}
}

TEST(what_is_no_waiter_for_a_lock_is_not_taken)
{
	static const struct {
		uint8_t flags, lock_flags;
		uint64_t index, ttl_s;
		bool good;
	} rows[] = {
		{ HANDED_LOCK | HANDED_WATCH, HANDED_LOCK_OWN, 1, 1, true },
		{ HANDED_LOCK | HANDED_WATCH, 0, 1, LOCK_SECONDS_MAX, true },
		{ HANDED_LOCK, 0, 1, 1, false },
		{ HANDED_LOCK | HANDED_WATCH, HANDED_LOCK_ALL + 1, 1, 1, false },
		{ HANDED_LOCK | HANDED_WATCH, 0, 0, 1, false },
		{ HANDED_LOCK | HANDED_WATCH, 0, 1, 0, false },
		{ HANDED_LOCK | HANDED_WATCH, 0, 1, LOCK_SECONDS_MAX + 1, false },
	};

	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		struct pair pair = pair_new();
		struct msg_handed handed = { .flags = rows[i].flags, .key = SLICE_LITERAL("/k"),
			.route = SLICE_LITERAL("/mod/v2/lock"), .lock_flags = rows[i].lock_flags,
			.next_index = rows[i].index, .lock_ttl_s = rows[i].ttl_s };
		int ends[2];

		connect_workers(&pair);
		both(&pair);
		assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
		handover_send(pair.from->worker.handover, &handed, ends[0]);
		handover_flush(pair.from->worker.handover);
		both(&pair);
		assert_int_equal(server_connections(pair.to->worker.server), rows[i].good);
		assert_int_equal(handover_gives(pair.from->worker.handover), rows[i].good);
		close(ends[0]);
		close(ends[1]);
		pair_free(&pair);
	}
}

#ifdef WITH_V3
TEST(what_are_no_watches_of_the_v3_keys_is_not_taken)
{
	static const struct {
		uint8_t flags, handed_flags;
		uint64_t served;
		size_t cut;
		bool good;
	} rows[] = {
		{ V3_HANDED_ALL, HANDED_WATCH, INT64_MAX, 0, true },
		{ V3_HANDED_ALL + 1, HANDED_WATCH, 1, 0, false },
		{ 0, HANDED_WATCH, (uint64_t)INT64_MAX + 1, 0, false },
		{ 0, HANDED_WATCH, 1, 1, false },
		{ 0, HANDED_WATCH | HANDED_LOCK, 1, 0, false },
	};

	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		struct pair pair = pair_new();
		struct msg_handed handed = { .flags = rows[i].handed_flags, .next_index = 1,
			.route = SLICE_LITERAL("/v3"), .lock_ttl_s = 1 };
		struct buf list = BUF_INIT;
		int ends[2];

		connect_workers(&pair);
		both(&pair);
		v3_handed_watch_put(&list, &(struct v3_handed_watch){ .id = 5,
		    .flags = rows[i].flags, .served = rows[i].served,
		    .key = SLICE_LITERAL("k") });
		handed.v3_watches = slice_of(list.data, list.size - rows[i].cut);
		assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
		handover_send(pair.from->worker.handover, &handed, ends[0]);
		handover_flush(pair.from->worker.handover);
		both(&pair);
		assert_int_equal(server_connections(pair.to->worker.server), rows[i].good);
		assert_int_equal(backend_v3_watch_count(pair.to->worker.backend), rows[i].good);
		assert_int_equal(handover_gives(pair.from->worker.handover), rows[i].good);
		buf_free(&list);
		close(ends[0]);
		close(ends[1]);
		pair_free(&pair);
	}
}
#endif

/* Each alone is too much to be true, and their sum is small again. */
TEST(what_another_worker_counted_is_bounded)
{
	struct pair pair = pair_new();
	struct msg_handed handed = { .flags = HANDED_WATCH, .key = SLICE_LITERAL("/k"),
		.bytes_in = (UINT64_MAX >> 1) + 4096 };
	int ends[3][2];

	connect_workers(&pair);
	both(&pair);
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends[i]), 0);
		handover_send(pair.from->worker.handover, &handed, ends[i][0]);
		close(ends[i][0]);
	}
	handover_flush(pair.from->worker.handover);
	both(&pair);
	assert_int_equal(server_connections(pair.to->worker.server), 3);
	assert_true(budget_bytes(server_budget(pair.to->worker.server)) <=
	    3 * (HEAD_BYTES_MAX + BODY_BYTES_MAX));
	for (size_t i = 0; i < 3; i++)
		close(ends[i][1]);
	both(&pair);
	assert_int_equal(server_connections(pair.to->worker.server), 0);
	pair_free(&pair);
}
