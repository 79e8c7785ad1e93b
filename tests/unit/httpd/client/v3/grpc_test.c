/*
 * grpc_test.c - calls of gRPC: what raftd is asked, answers as frames, how a call ends.
 */
#include "tests/lib/h2_client.h"
#include "tests/lib/test.h"
#include "tests/unit/httpd/fake_raftd.h"

#include "common/ipc/v3.h"
#include "common/ipc/wire.h"
#include "common/limits.h"
#include "common/v3_error.h"
#include "httpd/http/request.h"
#include "httpd/v3/grpc.h"
#include "httpd/v3/method.h"
#include "httpd/v3/protobuf.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define GRPC "application/grpc"
#define PUT "/etcdserverpb.KV/Put"
#define RANGE "/etcdserverpb.KV/Range"
#define WATCH "/etcdserverpb.Watch/Watch"

struct scene {
	struct fake *fake;
	struct h2_client client;
	const struct h2_answer *awaited;
};

static struct scene
open_scene(void)
{
	struct scene scene = { .fake = fake_new(ROLE_CLIENT) };

	fake_attach(scene.fake, PHASE_MEMBER);
	assert_true(fake_is_quiet(scene.fake));
	h2_client_open(&scene.client, fake_connect(scene.fake), 65535);
	return scene;
}

static void
close_scene(struct scene *scene)
{
	h2_client_close(&scene->client);
	fake_free(&scene->fake);
}

static bool
is_over(void *argument)
{
	struct scene *scene = argument;

	h2_client_pump(&scene->client);
	loop_again(scene->fake->worker.loop);
	return scene->awaited->ended || scene->awaited->reset;
}

static void
wait_for(struct scene *scene, const struct h2_answer *answer)
{
	scene->awaited = answer;
	fake_until(scene->fake, is_over, scene);
}

static struct buf
put_frame(size_t value_size)
{
	struct buf frame = BUF_INIT, value = BUF_INIT;

	memset(buf_reserve(&value, value_size + 1), 'v', value_size);
	buf_added(&value, value_size);
	grpc_put(&frame, v3_method(V3_METHOD_put)->request(), &(struct v3_put_request){
	    .key = SLICE_LITERAL("k"), .value = buf_slice(&value) });
	buf_free(&value);
	return frame;
}

static struct h2_answer *
begin(struct scene *scene, const char *path)
{
	return h2_client_ask(&scene->client, "POST", path, GRPC, false);
}

/* What was sent on both sides has come. */
static bool
turns_of(struct scene *scene)
{
	for (size_t i = 0; i < 4; i++) {
		h2_client_pump(&scene->client);
		(void)fake_is_quiet(scene->fake);
	}
	return !scene->client.closed;
}

/* A whole put. */
static struct h2_answer *
call_put(struct scene *scene)
{
	struct h2_answer *answer = begin(scene, PUT);
	struct buf frame = put_frame(1);

	h2_client_send(&scene->client, answer, buf_slice(&frame), true);
	buf_free(&frame);
	return answer;
}

/* What raftd answers to a put. */
static void
answer_put(struct scene *scene, uint64_t id)
{
	struct buf event = BUF_INIT, results = BUF_INIT;

	v3_result_put(&results, &(struct v3_result){ .kind = V3_OP_PUT, .count = 1 });
	v3_answer_put(&event, &(struct v3_answer){ .revision = 9, .results = buf_slice(&results) });
	fake_piece(scene->fake, id, buf_slice(&event), false);
	buf_free(&event);
	buf_free(&results);
}

static void
expect_refusal(struct scene *scene, const struct h2_answer *answer, const char *status,
    const char *text)
{
	char line[256];

	wait_for(scene, answer);
	assert_int_equal(answer->status, 200);
	snprintf(line, sizeof(line), "grpc-status: %s\ngrpc-message: %s\n", status, text);
	if (!answer->ended || strstr((char *)answer->fields.data, line) == NULL)
		fail_msg("%s: %s", line, answer->fields.data);
	assert_int_equal(answer->body.size, 0);
}

TEST(a_put_is_asked_and_its_answer_is_a_frame_with_the_status_behind_it)
{
	struct scene scene = open_scene();
	struct h2_answer *answer = call_put(&scene);
	struct v3_put_response response;
	struct v3_status refusal;
	struct arena arena;

	answer_put(&scene, fake_next_id(scene.fake, MSG_v3_write));
	wait_for(&scene, answer);
	assert_true(answer->ended);
	assert_non_null(strstr((char *)answer->fields.data, "content-type: " GRPC "\n"));
	assert_non_null(strstr((char *)answer->fields.data, "grpc-status: 0\n"));
	assert_null(strstr((char *)answer->fields.data, "grpc-message"));
	assert_memory_equal(answer->body.data, "\0\0\0\0", 4);
	assert_int_equal(answer->body.size, GRPC_PREFIX_BYTES + answer->body.data[4]);
	arena_init(&arena);
	assert_int_equal(v3_protobuf_read(v3_method(V3_METHOD_put)->response(), slice_of(
	    answer->body.data + 5, answer->body.size - 5), &arena, &response, &refusal), ERR_NONE);
	assert_int_equal(response.header->revision, 9);
	assert_int_equal(response.header->cluster_id, 0xabc);
	arena_free(&arena);
	close_scene(&scene);
}

TEST(a_message_in_pieces_is_one_call_and_asked_when_it_is_whole)
{
	struct scene scene = open_scene();
	struct h2_answer *answer = begin(&scene, PUT);
	struct buf frame = put_frame(1000);

	for (size_t at = 0; at < frame.size; at += 100) {
		assert_true(fake_is_quiet(scene.fake));
		h2_client_send(&scene.client, answer, slice_of(frame.data + at,
		    MIN_OF((size_t)100, frame.size - at)), false);
	}
	/* It does not wait for the end of the stream. */
	answer_put(&scene, fake_next_id(scene.fake, MSG_v3_write));
	wait_for(&scene, answer);
	assert_true(answer->ended);
	buf_free(&frame);
	close_scene(&scene);
}

TEST(a_large_message_comes_whole)
{
	struct scene scene = open_scene();
	struct h2_answer *answer = begin(&scene, PUT);
	struct buf frame = put_frame(MIB);
	const struct fake_frame *asked;

	h2_client_send(&scene.client, answer, buf_slice(&frame), true);
	while (answer->upload.size > 0) {
		(void)fake_is_quiet(scene.fake);
		h2_client_pump(&scene.client);
	}
	asked = fake_next(scene.fake);
	assert_int_equal(asked->type, MSG_v3_write);
	assert_true(asked->payload->size > MIB);
	answer_put(&scene, asked->request_id);
	wait_for(&scene, answer);
	assert_true(answer->ended);
	buf_free(&frame);
	close_scene(&scene);
}

TEST(refusals_are_a_head_and_nothing_else)
{
	struct scene scene = open_scene();
	struct h2_answer *answer;

	answer = begin(&scene, RANGE);
	h2_client_send(&scene.client, answer, SLICE_LITERAL("\0\0\0\0\0"), true);
	expect_refusal(&scene, answer, "3", "etcdserver: key is not provided");
	answer = begin(&scene, "/etcdserverpb.KV/No");
	expect_refusal(&scene, answer, "12", "unknown method No for service etcdserverpb.KV");
	answer = begin(&scene, PUT);
	h2_client_send(&scene.client, answer, SLICE_LITERAL("\0\0\0"), true);
	expect_refusal(&scene, answer, "13", "unexpected EOF");
	answer = begin(&scene, PUT);
	h2_client_send(&scene.client, answer, SLICE_LITERAL("\0\0\x20\0\1"), false);
	expect_refusal(&scene, answer, "8",
	    "grpc: received message larger than max (2097153 vs. 2097152)");
	assert_true(fake_is_quiet(scene.fake));
	close_scene(&scene);
}

TEST(who_breaks_off_a_call_is_not_answered)
{
	struct scene scene = open_scene();
	struct h2_answer *answer = call_put(&scene);
	uint64_t id = fake_next_id(scene.fake, MSG_v3_write);

	h2_client_reset(&scene.client, answer);
	assert_true(fake_is_quiet(scene.fake));
	answer_put(&scene, id);
	assert_true(fake_is_quiet(scene.fake));
	/* And before its message is whole. */
	answer = begin(&scene, PUT);
	h2_client_send(&scene.client, answer, SLICE_LITERAL("\0\0\0\0\x50half"), false);
	assert_true(fake_is_quiet(scene.fake));
	h2_client_reset(&scene.client, answer);
	assert_true(fake_is_quiet(scene.fake));
	answer = call_put(&scene);
	answer_put(&scene, fake_next_id(scene.fake, MSG_v3_write));
	wait_for(&scene, answer);
	assert_true(answer->ended);
	close_scene(&scene);
}

TEST(a_call_waits_for_a_new_raftd)
{
	struct scene scene = open_scene();
	struct h2_answer *answer = call_put(&scene);

	(void)fake_next_id(scene.fake, MSG_v3_write);
	fake_detach(scene.fake);
	fake_attach(scene.fake, PHASE_MEMBER);
	answer_put(&scene, fake_next_id(scene.fake, MSG_v3_write));
	wait_for(&scene, answer);
	assert_non_null(strstr((char *)answer->fields.data, "grpc-status: 0\n"));
	close_scene(&scene);
}

/* Of a worker that ends with calls of all kinds in it. */
TEST(what_is_in_work_ends_with_its_worker)
{
	struct scene scene = open_scene();
	struct h2_answer *half = begin(&scene, PUT);

	(void)call_put(&scene);
	h2_client_send(&scene.client, half, SLICE_LITERAL("\0\0\0\0\x50half"), false);
	(void)fake_next_id(scene.fake, MSG_v3_write);
	close_scene(&scene);
}

/* ---- streams ------------------------------ */

static void
send_watch_request(struct scene *scene, struct h2_answer *answer,
    const struct v3_watch_request *request)
{
	struct buf frame = BUF_INIT;

	grpc_put(&frame, v3_method(V3_METHOD_watch)->request(), request);
	h2_client_send(&scene->client, answer, buf_slice(&frame), false);
	buf_free(&frame);
}

static void
ask_progress(struct scene *scene, struct h2_answer *answer)
{
	const struct v3_watch_progress_request empty = { 0 };

	send_watch_request(scene, answer, &(struct v3_watch_request){
	    .which = V3_IS_progress_request, .progress_request = &empty });
	assert_true(turns_of(scene));
}

static void
tell_progress(struct scene *scene, uint64_t id, uint64_t revision)
{
	msg_v3_progress_frame(channel_out(scene->fake->channel), id,
	    &(struct msg_v3_progress){ .revision = revision, .raft_term = 3 });
	assert_true(turns_of(scene));
}

TEST(what_was_asked_before_does_not_answer_who_asks_how_far_it_is)
{
	const struct v3_watch_create_request create = { .key = SLICE_LITERAL("a") };
	struct scene scene = open_scene();
	struct h2_answer *answer = begin(&scene, WATCH);
	uint64_t first, second;
	size_t size;

	send_watch_request(&scene, answer, &(struct v3_watch_request){
	    .which = V3_IS_create_request, .create_request = &create });
	assert_true(turns_of(&scene));
	msg_v3_watching_frame(channel_out(scene.fake->channel),
	    fake_next_id(scene.fake, MSG_v3_watch),
	    &(struct msg_v3_watching){ .revision = 9, .raft_term = 3 });
	ask_progress(&scene, answer);
	first = fake_next_id(scene.fake, MSG_v3_progress_ask);
	/* Since then it has read of a newer one, and asks again, and again. */
	ask_progress(&scene, answer);
	ask_progress(&scene, answer);
	tell_progress(&scene, first, 9);
	size = answer->body.size;
	second = fake_next_id(scene.fake, MSG_v3_progress_ask);
	assert_true(second != first);
	tell_progress(&scene, second, 10);
	/* The revision is in the message that came then, and no more is asked. */
	assert_true(answer->body.size > size);
	assert_non_null(memmem(answer->body.data + size, answer->body.size - size, "\x18\x0a", 2));
	assert_true(fake_is_quiet(scene.fake));
	close_scene(&scene);
}
