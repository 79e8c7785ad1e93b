/*
 * watch_test.c - streams of watches over the gateway: what raftd is asked, in which order the
 * client is answered, and what becomes of who reads too slowly.
 */
#include "tests/lib/test.h"
#include "tests/unit/httpd/fake_raftd.h"

#include "common/auth/auth.h"
#include "common/limits.h"
#include "common/v3_error.h"
#include "common/xmem.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define HEADER(revision) "\"header\":{\"cluster_id\":\"2748\",\"member_id\":\"7\"," \
	"\"revision\":\"" #revision "\",\"raft_term\":\"3\"}"
#define LINE(revision, more) "{\"result\":{" HEADER(revision) more "}}\n"
#define CREATE(members) "{\"create_request\":{\"key\":\"YQ==\"" members "}}"

static void
post(const struct fake_client *client, const char *json)
{
	struct buf request = BUF_INIT;

	buf_printf(&request, "POST /v3/watch HTTP/1.1\r\nHost: h\r\nContent-Length: %zu\r\n\r\n%s",
	    strlen(json), json);
	for (size_t at = 0; at < request.size;) {
		ssize_t written = write(client->fd, request.data + at, request.size - at);

		assert_true(written > 0 || errno == EAGAIN);
		at += written > 0 ? (size_t)written : 0;
		/* The worker reads, too. */
		if (at < request.size)
			(void)fake_is_quiet(client->fake);
	}
	buf_free(&request);
}

static void
expect(struct fake_client *client, const char *text)
{
	fake_receive(client->fake, client->fd, &client->in, text);
	buf_clear(&client->in);
}

static void
watching(struct fake *fake, uint64_t id, const struct msg_v3_watching *answer)
{
	struct msg_v3_watching message = *answer;

	message.raft_term = 3;
	msg_v3_watching_frame(channel_out(fake->channel), id, &message);
}

static void
registered(struct fake *fake, uint64_t id, uint64_t revision, bool behind)
{
	watching(fake, id, &(struct msg_v3_watching){ .revision = revision, .behind = behind });
}

/* {key: "a", mod_revision: revision} */
static void
put_change(struct buf *list, uint64_t revision, bool gone, uint64_t previous, uint64_t id)
{
	uint8_t wire[2][5] = { { 0x0a, 1, 'a', 0x18, (uint8_t)revision },
		{ 0x0a, 1, 'a', 0x18, (uint8_t)previous } };

	v3_change_record_put(list, &(struct v3_change_record){
	    .flags = gone ? V3_CHANGE_DELETE : 0,
	    .revision = revision,
	    .key_value = slice_of(wire[0], 5),
	    .previous = slice_of(wire[1], previous == 0 ? 0 : 5),
	    .watch_ids = slice_of(&id, id == 0 ? 0 : sizeof(id)),
	});
}

/* A put for two watches. */
static void
put_for_both(struct buf *list, uint64_t revision, uint64_t previous, const uint64_t *ids)
{
	const uint8_t wire[2][5] = { { 0x0a, 1, 'a', 0x18, (uint8_t)revision },
		{ 0x0a, 1, 'a', 0x18, (uint8_t)previous } };

	v3_change_record_put(list, &(struct v3_change_record){ .revision = revision,
	    .key_value = slice_of(wire[0], 5), .previous = slice_of(wire[1], 5),
	    .watch_ids = slice_of(ids, 2 * sizeof(ids[0])) });
}

static void
send_events(struct fake *fake, uint64_t revision, const struct buf *list)
{
	msg_v3_events_frame(channel_out(fake->channel), 0, &(struct msg_v3_events){
	    .revision = revision, .raft_term = 3, .events = buf_slice(list) });
}

/* One put, for one watch. */
static void
happens(struct fake *fake, uint64_t id, uint64_t revision)
{
	struct buf list = BUF_INIT;

	put_change(&list, revision, false, 0, id);
	send_events(fake, revision, &list);
	buf_free(&list);
}

static void
past(struct fake *fake, uint64_t id, uint64_t from, uint64_t to, bool behind)
{
	struct buf list = BUF_INIT;

	for (uint64_t revision = from; revision <= to; revision++)
		put_change(&list, revision, false, 0, 0);
	msg_v3_past_frame(channel_out(fake->channel), id, &(struct msg_v3_past){
	    .revision = to, .raft_term = 3, .behind = behind, .events = buf_slice(&list) });
	buf_free(&list);
}

static void
progress(struct fake *fake, uint64_t revision)
{
	uint64_t id = fake_next_id(fake, MSG_v3_progress_ask);

	msg_v3_progress_frame(channel_out(fake->channel), id,
	    &(struct msg_v3_progress){ .revision = revision, .raft_term = 3 });
}

#define EVENT(revision) "{\"kv\":{\"key\":\"YQ==\",\"mod_revision\":\"" #revision "\"}}"

TEST(a_watch_asks_for_what_it_says)
{
	struct fake_client client = fake_client_new();
	struct msg_v3_watch watch;
	uint64_t id;

	post(&client, CREATE(",\"range_end\":\"Yg==\",\"start_revision\":\"5\",\"prev_kv\":true,"
	    "\"filters\":[\"NODELETE\",0,7]"));
	watch = fake_next_v3_watch(client.fake, &id);
	assert_true(slice_equal(watch.key, SLICE_LITERAL("a")));
	assert_true(slice_equal(watch.end, SLICE_LITERAL("b")));
	assert_int_equal(watch.start, 5);
	assert_int_equal(watch.flags, V3_WATCH_PREV_KV | V3_WATCH_NO_PUT | V3_WATCH_NO_DELETE);
	registered(client.fake, id, 9, false);
	expect(&client, LINE(9, ",\"created\":true"));
	close(client.fd);
	assert_true(fake_next_id(client.fake, MSG_v3_unwatch) == id);
	client.fd = dup(0);
	fake_client_free(&client);
}

TEST(events_come_with_what_was_before_for_who_wants_that)
{
	struct fake_client client = fake_client_new();
	struct buf list = BUF_INIT;
	uint64_t ids[2];

	post(&client, CREATE("") CREATE(",\"prev_kv\":true"));
	(void)fake_next_v3_watch(client.fake, &ids[0]);
	(void)fake_next_v3_watch(client.fake, &ids[1]);
	registered(client.fake, ids[0], 9, false);
	registered(client.fake, ids[1], 9, false);
	expect(&client, LINE(9, ",\"watch_id\":\"1\",\"created\":true"));
	put_change(&list, 10, false, 0, ids[0]);
	put_change(&list, 11, true, 10, ids[1]);
	send_events(client.fake, 12, &list);
	expect(&client, LINE(12, ",\"watch_id\":\"1\",\"events\":[{\"type\":\"DELETE\","
	    "\"kv\":{\"key\":\"YQ==\",\"mod_revision\":\"11\"},"
	    "\"prev_kv\":{\"key\":\"YQ==\",\"mod_revision\":\"10\"}}]"));
	buf_clear(&list);
	put_for_both(&list, 13, 12, ids);
	send_events(client.fake, 13, &list);
	fake_receive(client.fake, client.fd, &client.in, LINE(13, ",\"watch_id\":\"1\","
	    "\"events\":[{\"kv\":{\"key\":\"YQ==\",\"mod_revision\":\"13\"},"
	    "\"prev_kv\":{\"key\":\"YQ==\",\"mod_revision\":\"12\"}}]"));
	assert_int_equal(fake_count(&client.in, LINE(13, ",\"events\":[" EVENT(13) "]")), 1);
	buf_free(&list);
	fake_client_free(&client);
}

TEST(what_waits_for_raftd_is_answered_in_order)
{
	struct fake_client client = fake_client_new();
	uint64_t ids[3];

	post(&client, CREATE("") CREATE(",\"watch_id\":\"-7\"") CREATE(",\"watch_id\":-7")
	    "{\"cancel_request\":{\"watch_id\":\"-7\"}}" CREATE(",\"watch_id\":\"-7\"")
	    "{\"progress_request\":{}}");
	for (size_t i = 0; i < 3; i++)
		(void)fake_next_v3_watch(client.fake, &ids[i]);
	assert_true(fake_is_quiet(client.fake));
	registered(client.fake, ids[0], 9, false);
	registered(client.fake, ids[1], 9, false);
	assert_true(fake_next_id(client.fake, MSG_v3_unwatch) == ids[1]);
	registered(client.fake, ids[2], 9, false);
	progress(client.fake, 9);
	fake_receive(client.fake, client.fd, &client.in, LINE(9, ",\"watch_id\":\"-1\""));
	buf_append_byte(&client.in, '\0');
	/* The one with the id, the other that is refused, its cancel, another with its id. */
	assert_non_null(strstr((char *)client.in.data, LINE(9, ",\"created\":true")));
	assert_int_equal(fake_count(&client.in,
	    LINE(9, ",\"watch_id\":\"-7\",\"created\":true")), 2);
	assert_true(strstr((char *)client.in.data, LINE(9, ",\"watch_id\":\"-1\",\"created\":true,"
	    "\"canceled\":true,\"cancel_reason\":"
	    "\"mvcc: duplicate watch ID provided on the WatchStream\"")) <
	    strstr((char *)client.in.data, LINE(9, ",\"watch_id\":\"-7\",\"canceled\":true")));
	fake_client_free(&client);
}

TEST(a_watch_that_is_refused_is_created_and_canceled)
{
	static const struct {
		const char *create;
		enum v3_error error;
		const char *answer;
	} rows[] = {
		{ CREATE(",\"range_end\":\"YQ==\""), V3_WATCH_RANGE_EMPTY, LINE(9,
		    ",\"watch_id\":\"-1\",\"created\":true,\"canceled\":true,\"cancel_reason\":"
		    "\"mvcc: watcher range is empty\"") },
		{ CREATE(",\"start_revision\":\"-1\""), V3_COMPACTED, LINE(9,
		    ",\"watch_id\":\"-1\",\"created\":true,\"canceled\":true,\"cancel_reason\":"
		    "\"etcdserver: mvcc: required revision has been compacted\"") },
		{ CREATE(""), V3_TOO_MANY_REQUESTS, LINE(9,
		    ",\"watch_id\":\"-1\",\"created\":true,\"canceled\":true,\"cancel_reason\":"
		    "\"etcdserver: too many requests\"") },
		{ CREATE(",\"start_revision\":\"2\""), V3_COMPACTED, LINE(9,
		    ",\"canceled\":true,\"compact_revision\":\"5\"") },
	};

	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		struct fake_client client = fake_client_new();
		uint64_t id;

		post(&client, rows[i].create);
		(void)fake_next_v3_watch(client.fake, &id);
		watching(client.fake, id, &(struct msg_v3_watching){ .revision = 9,
		    .error = (uint16_t)rows[i].error, .compacted = 5 });
		fake_receive(client.fake, client.fd, &client.in, rows[i].answer);
		/* Nothing is left that could come. */
		fake_receive(client.fake, client.fd, &client.in, "\r\n0\r\n\r\n");
		fake_client_free(&client);
	}
}

TEST(one_that_is_refused_need_not_be_canceled)
{
	struct fake_client client = fake_client_new();
	uint64_t id;

	post(&client, CREATE(",\"start_revision\":\"2\"") "{\"cancel_request\":{}}" CREATE(""));
	(void)fake_next_v3_watch(client.fake, &id);
	watching(client.fake, id, &(struct msg_v3_watching){ .revision = 9,
	    .error = V3_COMPACTED, .compacted = 5 });
	registered(client.fake, fake_next_id(client.fake, MSG_v3_watch), 9, false);
	fake_receive(client.fake, client.fd, &client.in,
	    LINE(9, ",\"watch_id\":\"1\",\"created\":true"));
	assert_int_equal(fake_count(&client.in, "{\"result\":"), 3);
	assert_int_equal(fake_count(&client.in,
	    LINE(9, ",\"canceled\":true,\"compact_revision\":\"5\"")), 1);
	fake_client_free(&client);
}

TEST(what_an_ended_raftd_did_not_answer_ends_the_stream)
{
	struct fake_client client = fake_client_new();
	uint64_t id;

	post(&client, CREATE(""));
	(void)fake_next_v3_watch(client.fake, &id);
	watching(client.fake, id, &(struct msg_v3_watching){ .error = V3_STOPPED });
	expect(&client, "{\"error\":\"etcdserver: server stopped\",\"message\":"
	    "\"etcdserver: server stopped\",\"code\":14}");
	fake_client_free(&client);
}

TEST(pieces_of_the_past_are_asked_for_one_after_the_other)
{
	struct fake_client client = fake_client_new();
	uint64_t id;

	post(&client, CREATE(",\"start_revision\":\"2\""));
	(void)fake_next_v3_watch(client.fake, &id);
	registered(client.fake, id, 9, true);
	assert_true(fake_next_id(client.fake, MSG_v3_watch_more) == id);
	past(client.fake, id, 2, 3, true);
	expect(&client, LINE(3, ",\"events\":[" EVENT(2) "," EVENT(3) "]"));
	assert_true(fake_next_id(client.fake, MSG_v3_watch_more) == id);
	/* What raftd sent it as a live one is of before. */
	happens(client.fake, id, 9);
	past(client.fake, id, 4, 9, false);
	expect(&client, EVENT(9) "]}}\n");
	assert_true(fake_is_quiet(client.fake));
	happens(client.fake, id, 10);
	expect(&client, LINE(10, ",\"events\":[" EVENT(10) "]"));
	fake_client_free(&client);
}

TEST(of_many_that_are_behind_some_are_asked_on_at_a_time)
{
	struct fake_client client = fake_client_new();
	uint64_t ids[V3_STREAM_PIECES_MAX + 1];
	struct buf body = BUF_INIT;

	for (size_t i = 0; i < ARRAY_COUNT(ids); i++)
		buf_append_text(&body, CREATE(",\"start_revision\":\"2\""));
	buf_append_byte(&body, '\0');
	post(&client, (char *)body.data);
	for (size_t i = 0; i < ARRAY_COUNT(ids); i++) {
		(void)fake_next_v3_watch(client.fake, &ids[i]);
		registered(client.fake, ids[i], 9, true);
	}
	for (size_t i = 0; i < V3_STREAM_PIECES_MAX; i++)
		assert_true(fake_next_id(client.fake, MSG_v3_watch_more) == ids[i]);
	assert_true(fake_is_quiet(client.fake));
	past(client.fake, ids[1], 2, 9, false);
	assert_true(fake_next_id(client.fake, MSG_v3_watch_more) == ids[V3_STREAM_PIECES_MAX]);
	assert_true(fake_is_quiet(client.fake));
	buf_free(&body);
	fake_client_free(&client);
}

/* As much as makes a client slow, and two events more. */
static uint64_t
flood(struct fake *fake, uint64_t id)
{
	uint8_t *wire = xzalloc(200 * KIB);
	uint64_t revision = 10;

	/* {key: 200 KiB without head} */
	memcpy(wire, "\x0a\xfc\xbf\x0c", 4);
	for (; revision < 20; revision++) {
		struct buf list = BUF_INIT;

		v3_change_record_put(&list, &(struct v3_change_record){ .revision = revision,
		    .key_value = slice_of(wire, 200 * KIB),
		    .watch_ids = slice_of(&id, sizeof(id)) });
		send_events(fake, revision, &list);
		buf_free(&list);
	}
	free(wire);
	return revision;
}

TEST(who_reads_too_slowly_is_put_behind_and_gets_the_rest_when_he_reads_on)
{
	struct fake_client client = fake_client_new();
	const struct fake_frame *frame;
	struct msg_v3_watch_drop drop;
	uint64_t id;

	close(client.fd);
	client.fd = fake_connect_narrow(client.fake);
	post(&client, CREATE(""));
	(void)fake_next_v3_watch(client.fake, &id);
	registered(client.fake, id, 9, false);
	expect(&client, LINE(9, ",\"created\":true"));
	(void)flood(client.fake, id);
	frame = fake_next(client.fake);
	assert_int_equal(frame->type, MSG_v3_watch_drop);
	assert_int_equal(msg_v3_watch_drop_decode(blob_slice(frame->payload), &drop), ERR_NONE);
	/* Four of these are as much as may wait. */
	assert_in_range(drop.revision, 14, 18);
	assert_true(fake_is_quiet(client.fake));
	fake_receive(client.fake, client.fd, &client.in, "\"events\"");
	while (fake_count(&client.in, "\"events\"") + 10 < drop.revision) {
		(void)fake_is_quiet(client.fake);
		fake_receive(client.fake, client.fd, &client.in, "\"events\"");
	}
	assert_true(fake_next_id(client.fake, MSG_v3_watch_more) == id);
	fake_client_free(&client);
}

TEST(how_far_a_stream_is_waits_for_all_of_its_watches)
{
	struct fake_client client = fake_client_new();
	uint64_t ids[2];

	post(&client, CREATE(",\"start_revision\":\"2\"") CREATE(",\"start_revision\":\"12\"")
	    "{\"progress_request\":{}}");
	(void)fake_next_v3_watch(client.fake, &ids[0]);
	(void)fake_next_v3_watch(client.fake, &ids[1]);
	registered(client.fake, ids[0], 9, true);
	registered(client.fake, ids[1], 9, false);
	assert_true(fake_next_id(client.fake, MSG_v3_watch_more) == ids[0]);
	assert_true(fake_is_quiet(client.fake));
	past(client.fake, ids[0], 2, 9, false);
	/* And for the revision before the one that the other begins at. */
	progress(client.fake, 10);
	progress(client.fake, 11);
	fake_receive(client.fake, client.fd, &client.in, LINE(11, ",\"watch_id\":\"-1\""));
	assert_int_equal(fake_count(&client.in, "\"watch_id\":\"-1\""), 1);
	fake_client_free(&client);
}

TEST(a_watch_that_ends_does_not_hold_up_how_far_the_others_are)
{
	struct fake_client client = fake_client_new();
	uint64_t ids[2];

	post(&client, CREATE("") CREATE(",\"start_revision\":\"2\"")
	    "{\"progress_request\":{}}");
	(void)fake_next_v3_watch(client.fake, &ids[0]);
	(void)fake_next_v3_watch(client.fake, &ids[1]);
	registered(client.fake, ids[0], 9, false);
	registered(client.fake, ids[1], 9, true);
	assert_true(fake_next_id(client.fake, MSG_v3_watch_more) == ids[1]);
	assert_true(fake_is_quiet(client.fake));
	watching(client.fake, ids[1], &(struct msg_v3_watching){
	    .error = V3_COMPACTED, .revision = 9, .compacted = 8 });
	progress(client.fake, 9);
	fake_receive(client.fake, client.fd, &client.in, LINE(9, ",\"watch_id\":\"-1\""));
	fake_client_free(&client);
}

TEST(who_is_put_behind_meanwhile_has_its_events_before_how_far_it_is)
{
	struct fake_client client = fake_client_new();
	uint64_t id, asked;
	const char *text;

	post(&client, CREATE("") "{\"progress_request\":{}}");
	(void)fake_next_v3_watch(client.fake, &id);
	registered(client.fake, id, 9, false);
	asked = fake_next_id(client.fake, MSG_v3_progress_ask);
	/* It was too much for raftd at once, which says so before it says how far it is. */
	registered(client.fake, id, 9, true);
	msg_v3_progress_frame(channel_out(client.fake->channel), asked,
	    &(struct msg_v3_progress){ .revision = 11, .raft_term = 3 });
	assert_true(fake_next_id(client.fake, MSG_v3_watch_more) == id);
	past(client.fake, id, 10, 11, false);
	progress(client.fake, 11);
	fake_receive(client.fake, client.fd, &client.in, "\"watch_id\":\"-1\"");
	buf_append_byte(&client.in, '\0');
	text = (const char *)client.in.data;
	assert_true(strstr(text, EVENT(11)) != NULL);
	assert_true(strstr(text, EVENT(11)) < strstr(text, "\"-1\""));
	fake_client_free(&client);
}

/* What a new raftd is asked first is left to the worker. */
static void
answer_in_any_order(struct fake *fake, uint64_t id, uint64_t revision)
{
	for (size_t i = 0; i < 2; i++) {
		const struct fake_frame *frame = fake_next(fake);

		if (frame->type == MSG_v3_watch) {
			assert_true(frame->request_id == id);
			registered(fake, id, revision, false);
			continue;
		}
		assert_int_equal(frame->type, MSG_v3_progress_ask);
		msg_v3_progress_frame(channel_out(fake->channel), frame->request_id,
		    &(struct msg_v3_progress){ .revision = revision, .raft_term = 3 });
	}
}

TEST(a_raftd_that_begins_again_does_not_say_how_far_watches_are_that_it_has_not)
{
	struct fake_client client = fake_client_new();
	uint64_t id;

	post(&client, CREATE("") "{\"progress_request\":{}}");
	(void)fake_next_v3_watch(client.fake, &id);
	registered(client.fake, id, 9, false);
	(void)fake_next_id(client.fake, MSG_v3_progress_ask);
	happens(client.fake, id, 10);
	fake_receive(client.fake, client.fd, &client.in, EVENT(10));
	buf_clear(&client.in);
	fake_detach(client.fake);
	fake_attach(client.fake, PHASE_MEMBER);
	/* It has not applied all that it had. */
	answer_in_any_order(client.fake, id, 8);
	progress(client.fake, 9);
	assert_true(fake_is_quiet(client.fake));
	assert_int_equal(fake_count(&client.in, "\"-1\""), 0);
	progress(client.fake, 10);
	fake_receive(client.fake, client.fd, &client.in, LINE(10, ",\"watch_id\":\"-1\""));
	fake_client_free(&client);
}

TEST(one_that_is_canceled_before_it_began_says_no_revision_to_come)
{
	struct fake_client client = fake_client_new();
	uint64_t id;

	post(&client, CREATE(",\"start_revision\":\"40\"") "{\"cancel_request\":{}}");
	(void)fake_next_v3_watch(client.fake, &id);
	registered(client.fake, id, 9, false);
	expect(&client, LINE(9, ",\"canceled\":true"));
	fake_client_free(&client);
}

TEST(a_quiet_watch_hears_now_and_then_how_far_it_is)
{
	struct fake_client client = fake_client_new();
	uint64_t ids[2];

	assert_int_equal(client.fake->worker.v3_notice_ms, V3_NOTICE_MS);
	client.fake->worker.v3_notice_ms = 200;
	post(&client, CREATE(",\"progress_notify\":true") CREATE(",\"progress_notify\":true")
	    CREATE(""));
	(void)fake_next_v3_watch(client.fake, &ids[0]);
	(void)fake_next_v3_watch(client.fake, &ids[1]);
	registered(client.fake, ids[0], 9, false);
	registered(client.fake, ids[1], 9, false);
	registered(client.fake, fake_next_id(client.fake, MSG_v3_watch), 9, false);
	happens(client.fake, ids[0], 10);
	expect(&client, LINE(10, ",\"events\":[" EVENT(10) "]"));
	progress(client.fake, 11);
	fake_receive(client.fake, client.fd, &client.in, LINE(11, ",\"watch_id\":\"1\""));
	assert_true(fake_is_quiet(client.fake));
	assert_int_equal(fake_count(&client.in, LINE(11, "")), 0);
	buf_clear(&client.in);
	progress(client.fake, 12);
	fake_receive(client.fake, client.fd, &client.in, "\"watch_id\":\"1\"}}\n");
	fake_receive(client.fake, client.fd, &client.in, LINE(12, ""));
	assert_int_equal(fake_count(&client.in, "\"watch_id\":\"2\""), 0);
	fake_client_free(&client);
}

TEST(a_stream_has_so_many_watches)
{
	struct fake_client client = fake_client_new();
	struct buf body = BUF_INIT;

	for (size_t i = 0; i < V3_STREAM_WATCHES_MAX + 1; i++)
		buf_append_text(&body, CREATE(""));
	buf_append_byte(&body, '\0');
	post(&client, (char *)body.data);
	for (size_t i = 0; i < V3_STREAM_WATCHES_MAX; i++)
		registered(client.fake, fake_next_id(client.fake, MSG_v3_watch), 9, false);
	fake_receive(client.fake, client.fd, &client.in, "etcdserver: too many requests");
	assert_int_equal(fake_count(&client.in, "\"created\":true}}\n"), V3_STREAM_WATCHES_MAX);
	assert_int_equal(backend_v3_watch_count(client.fake->worker.backend),
	    V3_STREAM_WATCHES_MAX);
	buf_free(&body);
	fake_client_free(&client);
}

TEST(so_many_requests_of_a_stream_wait_for_raftd)
{
	for (size_t more = 0; more < 2; more++) {
		struct fake_client client = fake_client_new();
		struct buf body = BUF_INIT;

		buf_append_text(&body, CREATE(""));
		for (size_t i = 1; i < V3_STREAM_TURNS_MAX + more; i++)
			buf_append_text(&body, "{\"progress_request\":{}}");
		buf_append_byte(&body, '\0');
		post(&client, (char *)body.data);
		(void)fake_next_id(client.fake, MSG_v3_watch);
		if (more > 0) {
			expect(&client, "etcdserver: too many requests");
		} else {
			assert_true(fake_is_quiet(client.fake));
			/* They count for who sent them, beside what he sent. */
			assert_true(fake_held(client.fake) >
			    body.size + V3_STREAM_TURNS_MAX * 2 * sizeof(void *));
		}
		buf_free(&body);
		fake_client_free(&client);
	}
}

/* ---- another raftd ------------------------------ */

TEST(a_new_raftd_is_asked_for_what_was_not_told)
{
	struct fake_client client = fake_client_new();
	uint64_t ids[3], id;

	post(&client, CREATE("") CREATE(",\"start_revision\":\"2\"")
	    CREATE(",\"start_revision\":\"40\""));
	for (size_t i = 0; i < 3; i++) {
		(void)fake_next_v3_watch(client.fake, &ids[i]);
		registered(client.fake, ids[i], 9, i == 1);
	}
	assert_true(fake_next_id(client.fake, MSG_v3_watch_more) == ids[1]);
	past(client.fake, ids[1], 2, 4, true);
	(void)fake_next_id(client.fake, MSG_v3_watch_more);
	happens(client.fake, ids[0], 10);
	msg_v3_progress_frame(channel_out(client.fake->channel), 0,
	    &(struct msg_v3_progress){ .revision = 15, .raft_term = 3 });
	assert_true(fake_is_quiet(client.fake));
	fake_detach(client.fake);
	fake_attach(client.fake, PHASE_MEMBER);
	for (size_t i = 0; i < 3; i++) {
		struct msg_v3_watch watch = fake_next_v3_watch(client.fake, &id);

		assert_int_equal(watch.start, id == ids[0] ? 16 : id == ids[1] ? 5 : 40);
	}
	registered(client.fake, ids[0], 15, false);
	registered(client.fake, ids[1], 15, true);
	assert_true(fake_next_id(client.fake, MSG_v3_watch_more) == ids[1]);
	past(client.fake, ids[1], 5, 16, false);
	expect(&client, EVENT(16) "]}}\n");
	happens(client.fake, ids[0], 16);
	expect(&client, LINE(16, ",\"events\":[" EVENT(16) "]"));
	fake_client_free(&client);
}

TEST(one_that_raftd_puts_behind_goes_on_from_there)
{
	struct fake_client client = fake_client_new();
	uint64_t id;

	post(&client, CREATE(""));
	(void)fake_next_v3_watch(client.fake, &id);
	registered(client.fake, id, 9, false);
	expect(&client, LINE(9, ",\"created\":true"));
	registered(client.fake, id, 11, true);
	assert_true(fake_next_id(client.fake, MSG_v3_watch_more) == id);
	past(client.fake, id, 12, 13, false);
	expect(&client, LINE(13, ",\"events\":[" EVENT(12) "," EVENT(13) "]"));
	fake_client_free(&client);
}

TEST(a_watch_that_is_compacted_later_ends)
{
	struct fake_client client = fake_client_new();
	uint64_t id;

	post(&client, CREATE(",\"start_revision\":\"2\""));
	(void)fake_next_v3_watch(client.fake, &id);
	registered(client.fake, id, 9, true);
	(void)fake_next_id(client.fake, MSG_v3_watch_more);
	watching(client.fake, id, &(struct msg_v3_watching){ .error = V3_COMPACTED,
	    .revision = 9, .compacted = 7 });
	fake_receive(client.fake, client.fd, &client.in,
	    LINE(9, ",\"canceled\":true,\"compact_revision\":\"7\""));
	fake_receive(client.fake, client.fd, &client.in, "\r\n0\r\n\r\n");
	fake_client_free(&client);
}

TEST(a_stream_ends_when_the_worker_stops)
{
	struct fake_client client = fake_client_new();
	uint64_t id;

	post(&client, CREATE(""));
	(void)fake_next_v3_watch(client.fake, &id);
	registered(client.fake, id, 9, false);
	expect(&client, LINE(9, ",\"created\":true"));
	fake_stop(client.fake, false, 1000);
	fake_receive(client.fake, client.fd, &client.in, "{\"error\":{\"grpc_code\":14,"
	    "\"http_code\":503,\"message\":\"etcdserver: server stopped\",");
	fake_client_free(&client);
}
