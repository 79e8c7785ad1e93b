/*
 * lock_wait_test.c - a request that waits for a lock: what it asks raftd for, step by step, and
 * what its client is told; when it waits on over a restart, and when its entry is given back.
 */
#include "tests/lib/test.h"
#include "tests/unit/httpd/fake_raftd.h"

#include "common/limits.h"
#include "httpd/client/lock_wait.h"
#include "httpd/handover.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define KEY "/_etcd/mod/lock/l"
#define NAME "00000000000000000009"
#define HOST " HTTP/1.1\r\nHost: h\r\n\r\n"
#define POST(query) "POST /mod/v2/lock/l?" query HOST

static void
set_option(struct fake *fake, enum option_id id, const char *text)
{
	char *problem = NULL;

	assert_int_equal(config_set(&fake->worker.config, id, text, &problem), ERR_NONE);
}

static struct fake_client
new_client(void)
{
	struct fake_client client = fake_client_new();

	set_option(client.fake, OPTION_modules, "lock,leader");
	return client;
}

/* The next frame is that write of the lock's directory; its id. */
static uint64_t
next_write(struct fake *fake, unsigned op, uint64_t index)
{
	const struct fake_frame *frame = fake_next(fake);
	struct msg_write write;

	assert_int_equal(frame->type, MSG_write);
	assert_int_equal(msg_write_decode(blob_slice(frame->payload), &write), ERR_NONE);
	assert_int_equal(write.op, op);
	assert_true(slice_equal(write.key, SLICE_LITERAL(KEY)));
	assert_true(write.prev_index == index);
	return frame->request_id;
}

static void
answer_write(struct fake *fake, uint64_t id, unsigned flags)
{
	struct buf event = fake_set_event(KEY "/" NAME, "v", 9, flags);

	fake_outcome(fake, id, ERR_NONE, buf_slice(&event), 0);
	buf_free(&event);
}

static uint64_t
next_look(struct fake *fake)
{
	const struct fake_frame *frame = fake_next(fake);
	struct msg_lock_look look;

	assert_int_equal(frame->type, MSG_lock_look);
	assert_int_equal(msg_lock_look_decode(blob_slice(frame->payload), &look), ERR_NONE);
	assert_true(slice_equal(look.key, SLICE_LITERAL(KEY)));
	assert_true(look.index == 9);
	return frame->request_id;
}

static void
answer_look(struct fake *fake, uint64_t id, uint64_t before, bool exists)
{
	struct buf record = BUF_INIT;
	char name[24] = "";

	if (before != 0)
		snprintf(name, sizeof(name), "%020d", (int)before);
	lock_record_put(&record, &(struct lock_record){ .before = before,
	    .before_name = slice_text(name), .exists = exists, .holder = before == 0 ? 9 : 3,
	    .holder_value = SLICE_LITERAL("h") });
	fake_outcome(fake, id, ERR_NONE, buf_slice(&record), 0);
	buf_free(&record);
}

/* The next frame is a watch of that entry, from behind the look; its id. */
static uint64_t
next_watch(struct fake *fake, uint64_t before)
{
	const struct fake_frame *frame = fake_next(fake);
	struct msg_watch watch;
	char key[64];

	snprintf(key, sizeof(key), KEY "/%020d", (int)before);
	assert_int_equal(frame->type, MSG_watch);
	assert_int_equal(msg_watch_decode(blob_slice(frame->payload), &watch), ERR_NONE);
	assert_true(slice_equal(watch.key, slice_text(key)));
	assert_int_equal(watch.flags, 0);
	assert_true(watch.since == 18);		/* outcomes of the fake are of index 17 */
	return frame->request_id;
}

/* It asks, and has an entry, 9. */
static void
enter(struct fake_client *client, const char *request)
{
	struct fake *fake = client->fake;

	fake_send(client->fd, request);
	answer_write(fake, next_write(fake, WRITE_LOCK_ACQUIRE, 0), EVENT_CREATED);
}

/* The same, and it watches the one before; the watch's id. */
static uint64_t
wait_behind(struct fake_client *client, const char *request, uint64_t before)
{
	struct fake *fake = client->fake;
	uint64_t watch;

	enter(client, request);
	answer_look(fake, next_look(fake), before, true);
	watch = next_watch(fake, before);
	fake_watching(fake, watch, 17);
	assert_true(fake_is_quiet(fake));
	assert_int_equal(locks_waiting(fake->worker.locks), 1);
	return watch;
}

static void
expect(struct fake_client *client, const char *status, const char *end)
{
	fake_receive(client->fake, client->fd, &client->in, end);
	assert_int_equal(fake_count(&client->in, status), 1);
	assert_int_equal(locks_waiting(client->fake->worker.locks), 0);
}

/* It looks, none is before it, and it is told. */
static void
expect_held(struct fake_client *client)
{
	struct fake *fake = client->fake;

	answer_look(fake, next_look(fake), 0, true);
	assert_int_equal(client->in.size, 0);
	answer_write(fake, next_write(fake, WRITE_LOCK_RENEW, 9), 0);
	expect(client, "HTTP/1.1 200 OK", "\r\n\r\n9");
}

TEST(who_is_first_has_it_once_its_ttl_was_set_anew)
{
	struct fake_client client = new_client();
	struct fake *fake = client.fake;

	enter(&client, POST("ttl=5&value=v"));
	expect_held(&client);
	assert_int_equal(fake_count(&client.in, "X-Etcd-Index: 9\r\n"), 1);
	assert_true(fake_is_quiet(fake));
	fake_client_free(&client);
}

/* Whatever happens to the one before it: it has the lock when nobody is before it. */
TEST(after_each_event_it_looks_again)
{
	struct fake_client client = new_client();
	struct fake *fake = client.fake;
	uint64_t watch = wait_behind(&client, POST("ttl=60"), 7);
	struct buf event = fake_set_event(KEY "/00000000000000000007", "v", 20, 0);

	fake_event(fake, &watch, 1, buf_slice(&event));
	answer_look(fake, next_look(fake), 7, true);
	watch = next_watch(fake, 7);
	fake_watching(fake, watch, 17);
	fake_event(fake, &watch, 1, buf_slice(&event));
	/* That one went, and another one is before it. */
	answer_look(fake, next_look(fake), 4, true);
	watch = next_watch(fake, 4);
	fake_watching(fake, watch, 17);
	assert_int_equal(client.in.size, 0);
	fake_event(fake, &watch, 1, buf_slice(&event));
	expect_held(&client);
	buf_free(&event);
	fake_client_free(&client);
}

/* What makes no sense is no success. */
TEST(a_look_or_an_entry_that_is_none_is_an_error)
{
	for (int step = 0; step < 2; step++) {
		struct fake_client client = new_client();
		struct fake *fake = client.fake;
		struct msg_outcome nothing = { .store_index = 17, .raft_term = 3 };

		fake_send(client.fd, POST("ttl=60"));
		if (step == 0) {
			msg_outcome_frame(channel_out(fake->channel),
			    next_write(fake, WRITE_LOCK_ACQUIRE, 0), &nothing);
		} else {
			answer_write(fake, next_write(fake, WRITE_LOCK_ACQUIRE, 0), EVENT_CREATED);
			msg_outcome_frame(channel_out(fake->channel), next_look(fake), &nothing);
		}
		expect(&client, "HTTP/1.1 500 ", "raftd sent no lock");
		fake_client_free(&client);
	}
}

TEST(a_history_that_is_gone_is_a_reason_to_look)
{
	struct fake_client client = new_client();
	struct fake *fake = client.fake;
	uint64_t watch;

	enter(&client, POST("ttl=60"));
	answer_look(fake, next_look(fake), 7, true);
	watch = next_watch(fake, 7);
	msg_watching_frame(channel_out(fake->channel), watch, &(struct msg_watching){
	    .error = ERR_EVENT_INDEX_CLEARED, .raft_term = 3 });
	expect_held(&client);
	fake_client_free(&client);
}

TEST(too_many_watches_are_said_and_the_entry_goes)
{
	struct fake_client client = new_client();
	struct fake *fake = client.fake;
	uint64_t watch;

	enter(&client, POST("ttl=60"));
	answer_look(fake, next_look(fake), 7, true);
	watch = next_watch(fake, 7);
	msg_watching_frame(channel_out(fake->channel), watch, &(struct msg_watching){
	    .error = ERR_RAFT_INTERNAL, .cause = SLICE_LITERAL("too many watches"),
	    .raft_term = 3 });
	answer_write(fake, next_write(fake, WRITE_LOCK_RELEASE, 9), 0);
	expect(&client, "HTTP/1.1 500 ", "\"cause\":\"too many watches\",\"index\":0}\n");
	fake_client_free(&client);
}

TEST(an_entry_that_is_gone_ends_the_waiting)
{
	struct fake_client client = new_client();
	struct fake *fake = client.fake;
	uint64_t watch = wait_behind(&client, POST("ttl=60"), 7);

	fake_send_set(fake, watch, "v", 20);
	answer_look(fake, next_look(fake), 7, false);
	expect(&client, "HTTP/1.1 500 ", "lock watch closed\n");
	assert_true(fake_is_quiet(fake));
	fake_client_free(&client);
}

/* Twice in the time that it lives; by raftd's error it learns that it does no more. */
TEST(it_is_refreshed_while_it_waits)
{
	struct fake_client client = new_client();
	struct fake *fake = client.fake;
	uint64_t id;

	(void)wait_behind(&client, POST("ttl=1"), 7);
	answer_write(fake, next_write(fake, WRITE_LOCK_RENEW, 9), EVENT_REFRESH);
	id = next_write(fake, WRITE_LOCK_RENEW, 9);
	assert_int_equal(client.in.size, 0);
	fake_outcome(fake, id, ERR_KEY_NOT_FOUND, SLICE_EMPTY, 0);
	expect(&client, "HTTP/1.1 500 ", "lock watch closed\n");
	assert_int_equal(fake_next(fake)->type, MSG_unwatch);
	assert_true(fake_is_quiet(fake));
	fake_client_free(&client);
}

TEST(who_is_not_to_wait_gives_its_entry_back)
{
	struct fake_client client = new_client();
	struct fake *fake = client.fake;
	uint64_t id;

	enter(&client, POST("ttl=5&timeout=0"));
	answer_look(fake, next_look(fake), 7, true);
	id = next_write(fake, WRITE_LOCK_RELEASE, 9);
	assert_true(fake_is_quiet(fake));
	assert_int_equal(client.in.size, 0);
	answer_write(fake, id, 0);
	expect(&client, "HTTP/1.1 500 ", "failed to acquire lock\n");
	fake_client_free(&client);
}

TEST(when_its_time_is_over_it_gives_its_entry_back)
{
	struct fake_client client = new_client();
	struct fake *fake = client.fake;

	(void)wait_behind(&client, POST("ttl=60&timeout=1"), 7);
	assert_int_equal(fake_next(fake)->type, MSG_unwatch);
	answer_write(fake, next_write(fake, WRITE_LOCK_RELEASE, 9), 0);
	expect(&client, "HTTP/1.1 500 ", "lock watch closed\n");
	fake_client_free(&client);
}

TEST(what_was_there_before_is_not_given_back)
{
	struct fake_client client = new_client();
	struct fake *fake = client.fake;

	fake_send(client.fd, POST("ttl=5&timeout=0&value=v"));
	answer_write(fake, next_write(fake, WRITE_LOCK_ACQUIRE, 0), 0);
	answer_look(fake, next_look(fake), 7, true);
	expect(&client, "HTTP/1.1 500 ", "failed to acquire lock\n");
	assert_true(fake_is_quiet(fake));
	fake_client_free(&client);
}

/* At each of its steps; that of one whose entry is not known yet goes once it is. */
TEST(a_client_that_hangs_up_gives_its_entry_back)
{
	for (int step = 0; step < 4; step++) {
		struct fake_client client = new_client();
		struct fake *fake = client.fake;
		uint64_t id;

		fake_send(client.fd, POST("ttl=60"));
		id = next_write(fake, WRITE_LOCK_ACQUIRE, 0);
		if (step > 0) {
			answer_write(fake, id, EVENT_CREATED);
			id = next_look(fake);
		}
		if (step > 1)
			answer_look(fake, id, step == 2 ? 7 : 0, true);
		if (step == 2)
			fake_watching(fake, next_watch(fake, 7), 17);
		if (step == 3)
			(void)next_write(fake, WRITE_LOCK_RENEW, 9);
		/* Closed on one side only: nobody would be told any more. */
		assert_int_equal(shutdown(client.fd, SHUT_WR), 0);
		if (step == 0) {
			assert_true(fake_is_quiet(fake));
			assert_int_equal(locks_waiting(fake->worker.locks), 0);
			answer_write(fake, id, EVENT_CREATED);
		}
		if (step == 2)
			assert_int_equal(fake_next(fake)->type, MSG_unwatch);
		answer_write(fake, next_write(fake, WRITE_LOCK_RELEASE, 9), 0);
		assert_true(fake_is_quiet(fake));
		assert_int_equal(backend_call_count(fake->worker.backend), step == 3 ? 1 : 0);
		fake_client_free(&client);
	}
}

TEST(it_waits_on_over_a_restart_of_raftd)
{
	struct fake_client client = new_client();
	struct fake *fake = client.fake;
	uint64_t watch = wait_behind(&client, POST("ttl=60"), 7);

	fake_detach(fake);
	assert_true(fake_is_quiet(fake));
	fake_attach(fake, PHASE_MEMBER);
	assert_true(fake_next_id(fake, MSG_watch) == watch);
	fake_watching(fake, watch, 30);
	fake_send_set(fake, watch, "v", 31);
	(void)next_look(fake);
	/* It goes again while a question is under way. */
	fake_detach(fake);
	assert_true(fake_is_quiet(fake));
	fake_attach(fake, PHASE_MEMBER);
	expect_held(&client);
	fake_client_free(&client);
}

/* A look or a renewal without a quorum is asked again; an acquisition is not. */
TEST(what_passes_by_itself_is_asked_again)
{
	struct fake_client client = new_client();
	struct fake *fake = client.fake;

	enter(&client, POST("ttl=60"));
	fake_outcome(fake, next_look(fake), ERR_RAFT_INTERNAL, SLICE_EMPTY, 0);
	answer_look(fake, next_look(fake), 0, true);
	fake_outcome(fake, next_write(fake, WRITE_LOCK_RENEW, 9), ERR_RAFT_INTERNAL, SLICE_EMPTY,
	    0);
	expect_held(&client);
	buf_clear(&client.in);
	fake_send(client.fd, POST("ttl=60"));
	fake_outcome(fake, next_write(fake, WRITE_LOCK_ACQUIRE, 0), ERR_RAFT_INTERNAL, SLICE_EMPTY,
	    0);
	expect(&client, "HTTP/1.1 500 ", "\"errorCode\":300,\"message\":\"Raft Internal Error\","
	    "\"cause\":\"/x\",\"index\":0}\n");
	fake_client_free(&client);
}

/* It waits in one worker and goes to another, which is returned. */
static struct fake *
wait_and_move(struct fake_client *client)
{
	struct fake *from = client->fake, *to = fake_new(ROLE_CLIENT);
	int ends[2];

	set_option(to, OPTION_modules, "lock");
	fake_attach(to, PHASE_MEMBER);
	assert_true(fake_is_quiet(to));
	(void)wait_behind(client, POST("ttl=60&timeout=600"), 7);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	handover_attach(from->worker.handover, true, 99, ends[0]);
	handover_attach(to->worker.handover, false, 99, ends[1]);
	fake_stop(from, true, 5000);
	for (int i = 0; i < 12; i++) {
		(void)fake_is_quiet(from);
		(void)fake_is_quiet(to);
	}
	assert_true(fake_has_stopped(from));
	assert_int_equal(locks_waiting(from->worker.locks), 0);
	assert_int_equal(locks_waiting(to->worker.locks), 1);
	/* Its entry stays. */
	assert_int_equal(fake_next(from)->type, MSG_unwatch);
	assert_true(fake_is_quiet(from));
	return to;
}

TEST(it_goes_to_another_worker_and_waits_on_there)
{
	struct fake_client client = new_client();
	struct fake *to = wait_and_move(&client);
	uint64_t look = next_look(to);

	/* How long ago it was refreshed is not known there. */
	answer_write(to, next_write(to, WRITE_LOCK_RENEW, 9), EVENT_REFRESH);
	answer_look(to, look, 0, true);
	answer_write(to, next_write(to, WRITE_LOCK_RENEW, 9), 0);
	fake_receive(to, client.fd, &client.in, "\r\n\r\n9");
	assert_int_equal(fake_count(&client.in, "HTTP/1.1 200 OK"), 1);
	/* And the connection serves on. */
	buf_clear(&client.in);
	fake_send(client.fd, "GET /nothing" HOST);
	fake_receive(to, client.fd, &client.in, "404 page not found");
	fake_free(&to);
	fake_client_free(&client);
}

TEST(there_its_entry_goes_with_its_client_too)
{
	struct fake_client client = new_client();
	struct fake *to = wait_and_move(&client);
	uint64_t look = next_look(to);

	answer_write(to, next_write(to, WRITE_LOCK_RENEW, 9), EVENT_REFRESH);
	answer_look(to, look, 7, true);
	fake_watching(to, next_watch(to, 7), 17);
	assert_int_equal(shutdown(client.fd, SHUT_WR), 0);
	assert_int_equal(fake_next(to)->type, MSG_unwatch);
	answer_write(to, next_write(to, WRITE_LOCK_RELEASE, 9), 0);
	assert_int_equal(locks_waiting(to->worker.locks), 0);
	fake_free(&to);
	fake_client_free(&client);
}

/* Nobody takes its connection over: its entry goes before the worker does. */
TEST(when_the_server_stops_it_is_told_so)
{
	struct fake_client client = new_client();
	struct fake *fake = client.fake;

	(void)wait_behind(&client, POST("ttl=60"), 7);
	fake_stop(fake, false, 5000);
	assert_int_equal(fake_next(fake)->type, MSG_unwatch);
	answer_write(fake, next_write(fake, WRITE_LOCK_RELEASE, 9), 0);
	expect(&client, "HTTP/1.1 500 ", "lock watch closed\n");
	fake_client_free(&client);
}
