/*
 * call_test.c - calls of users of the v3 API: what raftd is told of who asks, and that nobody is
 * shown, or keeps, what he may not have any more.
 */
#include "tests/lib/h2_client.h"
#include "tests/lib/test.h"
#include "tests/unit/httpd/fake_raftd.h"

#include "common/ipc/v3.h"
#include "common/ipc/wire.h"
#include "common/limits.h"
#include "common/v3_error.h"
#include "httpd/client/v3/waiter.h"
#include "httpd/v3/grpc.h"
#include "httpd/v3/method.h"
#include "httpd/v3/protobuf.h"

#include <string.h>
#include <unistd.h>

#define LIMIT_MS 300
#define BELOW "l/"
#define DENIED "grpc-status: 7\ngrpc-message: etcdserver: permission denied\n"
#define NO_TOKEN "grpc-status: 16\ngrpc-message: etcdserver: invalid auth token\n"
#define NOBODY "grpc-status: 3\ngrpc-message: etcdserver: user name is empty\n"

struct scene {
	struct fake *fake;
	struct h2_client client;
	const struct h2_answer *awaited;
	size_t bytes;			/* that are awaited of it; 0: its end */
};

/* u shows his token, and may do all below l/. */
static struct scene
open_scene(void)
{
	struct scene scene = { .fake = fake_new(ROLE_CLIENT) };

	fake_attach(scene.fake, PHASE_MEMBER);
	fake_count_v3_users(scene.fake, BELOW);
	assert_true(fake_is_quiet(scene.fake));
	h2_client_open(&scene.client, fake_connect(scene.fake), 65535);
	scene.client.token = FAKE_TOKEN;
	return scene;
}

static bool
nobody_waits(void *argument)
{
	const struct fake *fake = argument;

	return waiters_count(fake->worker.waiters) == 0;
}

/* raftd is asked nothing more. */
static void
close_scene(struct scene *scene)
{
	fake_until(scene->fake, nobody_waits, scene->fake);
	assert_true(fake_is_quiet(scene->fake));
	h2_client_close(&scene->client);
	fake_free(&scene->fake);
}

static bool
has_come(void *argument)
{
	struct scene *scene = argument;
	const struct h2_answer *answer = scene->awaited;

	h2_client_pump(&scene->client);
	loop_again(scene->fake->worker.loop);
	return answer->ended || answer->reset ||
	    (scene->bytes > 0 && answer->body.size >= scene->bytes);
}

static void
wait_for_bytes(struct scene *scene, const struct h2_answer *answer, size_t bytes)
{
	scene->awaited = answer;
	scene->bytes = bytes;
	fake_until(scene->fake, has_come, scene);
}

static void
expect(struct scene *scene, const struct h2_answer *answer, const char *end)
{
	wait_for_bytes(scene, answer, 0);
	if (!answer->ended || strstr((char *)answer->fields.data, end) == NULL)
		fail_msg("%s", (char *)answer->fields.data);
}

static void
send_message(struct scene *scene, struct h2_answer *answer, const struct v3_type *type,
    const void *message, bool ends)
{
	struct buf frame = BUF_INIT;

	grpc_put(&frame, type, message);
	h2_client_send(&scene->client, answer, buf_slice(&frame), ends);
	buf_free(&frame);
}

static struct h2_answer *
ask(struct scene *scene, enum v3_method_tag tag, const char *path, const void *message)
{
	struct h2_answer *answer = h2_client_ask(&scene->client, "POST", path,
	    "application/grpc", false);

	send_message(scene, answer, v3_method(tag)->request(), message, true);
	return answer;
}

static struct h2_answer *
ask_range(struct scene *scene, const char *key, const char *end)
{
	return ask(scene, V3_METHOD_range, "/etcdserverpb.KV/Range", &(struct v3_range_request){
	    .key = slice_text(key), .range_end = slice_text(end) });
}

static struct h2_answer *
ask_put(struct scene *scene, const char *key)
{
	return ask(scene, V3_METHOD_put, "/etcdserverpb.KV/Put", &(struct v3_put_request){
	    .key = slice_text(key) });
}

static struct h2_answer *
ask_lock(struct scene *scene, const char *name, int64_t lease)
{
	return ask(scene, V3_METHOD_lock, "/v3lockpb.Lock/Lock", &(struct v3_lock_request){
	    .name = slice_text(name), .lease = lease });
}

/* ---- what raftd is asked ------------------------------ */

/* A frame of that type. The first of all says that a token is used. */
static const struct fake_frame *
next_frame(struct scene *scene, uint16_t type)
{
	const struct fake_frame *frame = fake_next(scene->fake);

	if (frame->type == MSG_v3_tokens_used)
		frame = fake_next(scene->fake);
	assert_int_equal(frame->type, type);
	return frame;
}

static bool
is_asked_nothing(struct scene *scene)
{
	bool quiet = fake_is_quiet(scene->fake);

	return quiet || (fake_next(scene->fake)->type == MSG_v3_tokens_used &&
	    fake_is_quiet(scene->fake));
}

/* A write of u, as he was at that revision. */
static uint64_t
next_write(struct scene *scene, uint64_t auth_revision)
{
	const struct fake_frame *frame = next_frame(scene, MSG_v3_write);
	struct msg_v3_write write;

	assert_int_equal(msg_v3_write_decode(blob_slice(frame->payload), &write), ERR_NONE);
	assert_int_equal(write.credential, FAKE_CREDENTIAL);
	assert_int_equal(write.auth_revision, auth_revision);
	return frame->request_id;
}

/* ---- what it answers ------------------------------ */

static void
answer_error(struct scene *scene, uint64_t id, enum v3_error error)
{
	struct buf event = BUF_INIT;

	v3_answer_put(&event, &(struct v3_answer){ .error = (uint16_t)error });
	fake_piece(scene->fake, id, buf_slice(&event), false);
	buf_free(&event);
}

/* A range that finds nothing. */
static void
answer_range(struct scene *scene, uint64_t id)
{
	struct buf event = BUF_INIT, results = BUF_INIT;

	v3_result_put(&results, &(struct v3_result){ .kind = V3_OP_RANGE, .revision = 9 });
	v3_answer_put(&event, &(struct v3_answer){ .revision = 9,
	    .results = buf_slice(&results) });
	fake_piece(scene->fake, id, buf_slice(&event), false);
	buf_free(&event);
	buf_free(&results);
}

/* A txn of one operation that was done, at revision 9; of a range, with what it found. */
static void
answer_choice(struct scene *scene, uint64_t id, uint8_t kind, const char *found)
{
	const struct v3_key_value kv = { .key = slice_text(found) };
	struct buf event = BUF_INIT, results = BUF_INIT, shown = BUF_INIT;

	if (kind == V3_OP_RANGE && found[0] != '\0') {
		buf_append_byte(&shown, 0x12);
		buf_append_byte(&shown, (uint8_t)v3_protobuf_size(v3_key_value_type(), &kv));
		v3_protobuf_put(&shown, v3_key_value_type(), &kv);
	}
	v3_result_put(&results, &(struct v3_result){ .kind = V3_OP_TXN, .revision = 9,
	    .flags = V3_RESULT_SUCCEEDED, .responses = 1 });
	v3_result_put(&results, &(struct v3_result){ .kind = kind, .revision = 9,
	    .kvs = shown.size > 0, .bytes = shown.size });
	v3_answer_put(&event, &(struct v3_answer){ .revision = 9,
	    .results = buf_slice(&results) });
	buf_append_slice(&event, buf_slice(&shown));
	fake_piece(scene->fake, id, buf_slice(&event), false);
	buf_free(&event);
	buf_free(&results);
	buf_free(&shown);
}

/* ---- keys ------------------------------ */

TEST(raftd_is_told_whose_a_write_is_and_is_not_asked_what_he_may_not)
{
	struct scene scene = open_scene();
	const struct h2_answer *answer = ask_put(&scene, "l/a");

	answer_error(&scene, next_write(&scene, 11), V3_AUTH_OLD_REVISION);
	expect(&scene, answer, "grpc-status: 3\n"
	    "grpc-message: etcdserver: revision of auth store is old\n");
	expect(&scene, ask_put(&scene, "m"), DENIED);
	expect(&scene, ask_range(&scene, "l/", "m"), DENIED);
	scene.client.token = FAKE_LETTERS ".4";
	expect(&scene, ask_put(&scene, "l/a"), NO_TOKEN);
	scene.client.token = "BAAAAAAAAAAAAAAA.5";
	expect(&scene, ask_put(&scene, "l/a"), NO_TOKEN);
	scene.client.token = NULL;
	expect(&scene, ask_put(&scene, "l/a"), NOBODY);
	close_scene(&scene);
}

TEST(what_is_read_is_shown_by_the_rights_of_the_moment_of_its_answer)
{
	static const char *const rights[] = { BELOW, "", NULL };
	static const char *const ends[] = { "grpc-status: 0\n", DENIED, NO_TOKEN };
	struct scene scene = open_scene();

	for (size_t i = 0; i < ARRAY_COUNT(rights); i++) {
		const struct h2_answer *answer;
		uint64_t id;

		fake_count_v3_users(scene.fake, BELOW);
		answer = ask_range(&scene, "l/", "l0");
		id = next_frame(&scene, MSG_v3_read)->request_id;
		fake_count_v3_users(scene.fake, rights[i]);
		answer_range(&scene, id);
		expect(&scene, answer, ends[i]);
		assert_int_equal(answer->body.size > 0, i == 0);
	}
	close_scene(&scene);
}

/* It was done by what he could then. */
TEST(what_became_of_a_write_is_told_also_who_may_not_write_any_more)
{
	struct scene scene = open_scene();
	const struct h2_answer *answer = ask_put(&scene, "l/a");
	uint64_t id = next_write(&scene, 11);
	struct buf event = BUF_INIT, results = BUF_INIT;

	fake_count_v3_users(scene.fake, NULL);
	v3_result_put(&results, &(struct v3_result){ .kind = V3_OP_PUT, .revision = 9 });
	v3_answer_put(&event, &(struct v3_answer){ .revision = 9,
	    .results = buf_slice(&results) });
	fake_piece(scene.fake, id, buf_slice(&event), false);
	expect(&scene, answer, "grpc-status: 0\n");
	buf_free(&event);
	buf_free(&results);
	close_scene(&scene);
}

TEST(a_range_in_pieces_ends_with_the_right_to_it)
{
	struct scene scene = open_scene();
	const struct h2_answer *answer = ask_range(&scene, "l/", "l0");
	uint64_t id = next_frame(&scene, MSG_v3_read)->request_id;
	struct buf event = BUF_INIT, results = BUF_INIT;
	char piece[1000];
	size_t shown;

	memset(piece, 'v', sizeof(piece));
	v3_result_put(&results, &(struct v3_result){ .kind = V3_OP_RANGE, .revision = 9,
	    .count = 1, .kvs = 1, .bytes = 2 * sizeof(piece) });
	v3_answer_put(&event, &(struct v3_answer){ .revision = 9,
	    .results = buf_slice(&results) });
	buf_append(&event, piece, sizeof(piece));
	fake_piece(scene.fake, id, buf_slice(&event), true);
	wait_for_bytes(&scene, answer, sizeof(piece));
	shown = answer->body.size;
	assert_true(fake_next_id(scene.fake, MSG_read_more) == id);
	fake_count_v3_users(scene.fake, "");
	fake_piece(scene.fake, id, slice_of(piece, sizeof(piece)), true);
	expect(&scene, answer, DENIED);
	assert_int_equal(answer->body.size, shown);
	assert_true(fake_next_id(scene.fake, MSG_read_stop) == id);
	assert_int_equal(scene.fake->worker.ranges_in_pieces, 0);
	buf_free(&event);
	buf_free(&results);
	close_scene(&scene);
}

/* ---- locks, leaders, leases ------------------------------ */

/* No lease is granted, and no key made. */
TEST(who_may_not_have_the_key_does_not_wait)
{
	struct scene scene = open_scene();

	expect(&scene, ask_lock(&scene, "m", 7), DENIED);
	expect(&scene, ask_lock(&scene, "m", 0), DENIED);
	scene.client.token = NULL;
	expect(&scene, ask_lock(&scene, "l", 0), NOBODY);
	assert_true(is_asked_nothing(&scene));
	close_scene(&scene);
}

/* Behind l/5; the id of the watch. */
static uint64_t
begin_to_wait(struct scene *scene)
{
	uint64_t id;

	answer_choice(scene, next_write(scene, 11), V3_OP_PUT, "");
	answer_choice(scene, next_frame(scene, MSG_v3_read)->request_id, V3_OP_RANGE, "l/5");
	(void)fake_next_v3_watch(scene->fake, &id);
	msg_v3_watching_frame(channel_out(scene->fake->channel), id,
	    &(struct msg_v3_watching){ .revision = 9, .raft_term = 3 });
	assert_true(fake_is_quiet(scene->fake));
	return id;
}

TEST(who_may_not_wait_any_more_leaves_the_queue)
{
	struct scene scene = open_scene();
	const struct h2_answer *answer = ask_lock(&scene, "l", 7);
	uint64_t id = begin_to_wait(&scene);

	fake_count_v3_users(scene.fake, "");
	assert_true(fake_next_id(scene.fake, MSG_v3_unwatch) == id);
	/* Rights change again, before it is done: it is asked for once more, by those. */
	id = next_write(&scene, 12);
	fake_count_v3_users(scene.fake, BELOW);
	answer_error(&scene, id, V3_AUTH_OLD_REVISION);
	expect(&scene, answer, DENIED);
	answer_choice(&scene, next_write(&scene, 13), V3_OP_DELETE, "");
	close_scene(&scene);
}

TEST(who_is_the_first_when_he_may_not_have_it_any_more_gets_nothing)
{
	struct scene scene = open_scene();
	const struct h2_answer *answer = ask_lock(&scene, "l", 7);
	uint64_t id;

	answer_choice(&scene, next_write(&scene, 11), V3_OP_PUT, "");
	id = next_frame(&scene, MSG_v3_read)->request_id;
	fake_count_v3_users(scene.fake, "");
	answer_choice(&scene, id, V3_OP_RANGE, "");
	/* He may not do this either: then the key goes with its lease. */
	answer_error(&scene, next_write(&scene, 12), V3_PERMISSION);
	expect(&scene, answer, DENIED);
	assert_int_equal(answer->body.size, 0);
	close_scene(&scene);
}

TEST(who_waits_in_vain_of_his_own_lease_has_it_revoked_as_himself)
{
	struct scene scene = open_scene();
	const struct fake_frame *frame;
	struct h2_answer *answer = ask_lock(&scene, "l", 0);
	struct msg_v3_grant grant;
	struct msg_v3_revoke revoke;
	struct buf event = BUF_INIT;

	frame = next_frame(&scene, MSG_v3_grant);
	assert_int_equal(msg_v3_grant_decode(blob_slice(frame->payload), &grant), ERR_NONE);
	assert_int_equal(grant.credential, FAKE_CREDENTIAL);
	v3_answer_put(&event, &(struct v3_answer){ .revision = 9, .ttl_s = 60 });
	fake_piece(scene.fake, frame->request_id, buf_slice(&event), false);
	(void)begin_to_wait(&scene);
	h2_client_reset(&scene.client, answer);
	h2_client_pump(&scene.client);
	(void)next_frame(&scene, MSG_v3_unwatch);
	frame = next_frame(&scene, MSG_v3_revoke);
	assert_int_equal(msg_v3_revoke_decode(blob_slice(frame->payload), &revoke), ERR_NONE);
	assert_int_equal(revoke.id, grant.id);
	assert_int_equal(revoke.credential, FAKE_CREDENTIAL);
	fake_piece(scene.fake, frame->request_id, buf_slice(&event), false);
	buf_free(&event);
	close_scene(&scene);
}

TEST(who_may_not_see_leaders_any_more_is_told_of_none)
{
	struct scene scene = open_scene();
	const struct v3_leader_request of = { .name = SLICE_LITERAL("l") };
	const struct v3_leader_request other = { .name = SLICE_LITERAL("m") };
	const struct h2_answer *answer;
	uint64_t id;

	expect(&scene, ask(&scene, V3_METHOD_observe, "/v3electionpb.Election/Observe", &other),
	    DENIED);
	answer = ask(&scene, V3_METHOD_observe, "/v3electionpb.Election/Observe", &of);
	answer_range(&scene, next_frame(&scene, MSG_v3_read)->request_id);
	(void)fake_next_v3_watch(scene.fake, &id);
	fake_count_v3_users(scene.fake, "");
	expect(&scene, answer, DENIED);
	assert_true(fake_next_id(scene.fake, MSG_v3_unwatch) == id);
	expect(&scene, ask(&scene, V3_METHOD_leader, "/v3electionpb.Election/Leader", &of), DENIED);
	close_scene(&scene);
}

TEST(what_a_leader_does_is_asked_for_as_any_write)
{
	struct scene scene = open_scene();
	const struct v3_leader_key key = { .name = SLICE_LITERAL("l"), .rev = 9, .lease = 7,
		.key = SLICE_LITERAL("l/7") };
	const struct v3_leader_key other = { .name = SLICE_LITERAL("m"), .rev = 9, .lease = 7,
		.key = SLICE_LITERAL("m/7") };
	const struct v3_proclaim_request proclaim = { .leader = &key };
	const struct v3_resign_request resign = { .leader = &key };
	const struct h2_answer *answer;

	answer = ask(&scene, V3_METHOD_proclaim, "/v3electionpb.Election/Proclaim", &proclaim);
	answer_choice(&scene, next_write(&scene, 11), V3_OP_PUT, "");
	expect(&scene, answer, "grpc-status: 0\n");
	answer = ask(&scene, V3_METHOD_resign, "/v3electionpb.Election/Resign", &resign);
	answer_error(&scene, next_write(&scene, 11), V3_PERMISSION);
	expect(&scene, answer, DENIED);
	expect(&scene, ask(&scene, V3_METHOD_proclaim, "/v3electionpb.Election/Proclaim",
	    &(struct v3_proclaim_request){ .leader = &other }), DENIED);
	expect(&scene, ask(&scene, V3_METHOD_unlock, "/v3lockpb.Lock/Unlock",
	    &(struct v3_unlock_request){ .key = SLICE_LITERAL("m/7") }), DENIED);
	close_scene(&scene);
}

TEST(nothing_is_renewed_for_who_is_no_user_any_more)
{
	struct scene scene = open_scene();
	const struct v3_type *type = v3_method(V3_METHOD_lease_keep_alive)->request();
	struct h2_answer *answer = h2_client_ask(&scene.client, "POST",
	    "/etcdserverpb.Lease/LeaseKeepAlive", "application/grpc", false);
	struct buf event = BUF_INIT;

	send_message(&scene, answer, type, &(struct v3_lease_keep_alive_request){ .ID = 7 }, false);
	v3_lease_answer_put(&event, &(struct v3_lease_answer){ .revision = 9, .found = 1,
	    .left_s = 60 });
	fake_outcome(scene.fake, next_frame(&scene, MSG_v3_lease)->request_id, ERR_NONE,
	    buf_slice(&event), 0);
	wait_for_bytes(&scene, answer, 1);
	fake_count_v3_users(scene.fake, NULL);
	assert_true(fake_is_quiet(scene.fake));
	send_message(&scene, answer, type, &(struct v3_lease_keep_alive_request){ .ID = 7 }, false);
	expect(&scene, answer, NO_TOKEN);
	buf_free(&event);
	close_scene(&scene);
}

/* ---- another raftd ------------------------------ */

TEST(the_next_raftd_is_given_the_tokens_and_asked_until_it_tells_them)
{
	struct scene scene = open_scene();
	struct fake *fake = scene.fake;
	const struct h2_answer *answer;
	const struct fake_frame *frame;
	struct msg_v3_tokens_kept kept;
	struct v3_token_record record;
	struct reader in;

	fake_detach(fake);
	fake_attach(fake, PHASE_MEMBER);
	fake_begin_with_v3_users(fake, BELOW);
	frame = fake_next(fake);
	assert_int_equal(frame->type, MSG_v3_tokens_kept);
	assert_int_equal(msg_v3_tokens_kept_decode(blob_slice(frame->payload), &kept), ERR_NONE);
	in = reader_of(kept.tokens);
	assert_true(v3_token_record_get(&in, &record) && reader_done(&in));
	assert_int_equal(record.index, 5);
	assert_int_equal(record.credential, FAKE_CREDENTIAL);

	answer = ask_range(&scene, "l/a", "");
	frame = next_frame(&scene, MSG_v3_state);
	fake_tell_v3_token(fake);
	fake_piece(fake, frame->request_id, SLICE_EMPTY, false);
	answer_range(&scene, next_frame(&scene, MSG_v3_read)->request_id);
	expect(&scene, answer, "grpc-status: 0\n");
	/* One that it does not take is none. */
	fake_detach(fake);
	fake_attach(fake, PHASE_MEMBER);
	fake_begin_with_v3_users(fake, BELOW);
	(void)next_frame(&scene, MSG_v3_tokens_kept);
	answer = ask_range(&scene, "l/a", "");
	fake_piece(fake, next_frame(&scene, MSG_v3_state)->request_id, SLICE_EMPTY, false);
	expect(&scene, answer, NO_TOKEN);
	close_scene(&scene);
}

/* ---- late ------------------------------ */

/* raftd has newer users of either set than this worker. */
TEST(who_waits_for_users_too_long_is_told_so_as_calls_are)
{
	static const char json[] = "POST /v3/kv/put HTTP/1.1\r\nHost: h\r\n"
	    "Content-Length: 14\r\n\r\n{\"key\":\"bC9h\"}";
	struct scene scene = open_scene();
	int other = fake_connect(scene.fake);
	struct buf in = BUF_INIT;

	scene.fake->worker.config.request_timeout = LIMIT_MS;
	shared_index_set_v3_auth(scene.fake->announced, 99);
	expect(&scene, ask_put(&scene, "l/a"), "grpc-status: 14\n"
	    "grpc-message: etcdserver: request timed out\n");
	fake_send(other, json);
	fake_receive(scene.fake, other, &in, "\"code\":14}");
	assert_int_equal(fake_count(&in, "HTTP/1.1 503 "), 1);
	assert_int_equal(fake_count(&in, "{\"error\":\"etcdserver: request timed out\""), 1);
	buf_free(&in);
	close(other);
	close_scene(&scene);
}
