/*
 * backend_v3_test.c - requests of the v3 keys on their way to raftd: answers in pieces are put
 * together, as much as may be, and across raftd's restarts.
 */
#include "tests/lib/test.h"
#include "tests/unit/httpd/fake_raftd.h"

#include "common/limits.h"
#include "common/xmem.h"

#include <stdlib.h>

struct test_call {
	struct backend_call call;
	bool answered;
	uint16_t error;
	struct buf event;
};

static void
call_done(struct backend_call *call, const struct msg_outcome *outcome)
{
	struct test_call *test = CONTAINER_OF(call, struct test_call, call);

	assert_false(test->answered);
	test->answered = true;
	test->error = outcome->error;
	buf_append_slice(&test->event, outcome->event);
}

static bool
is_answered(void *argument)
{
	return ((struct test_call *)argument)->answered;
}

static uint64_t
write_one(struct fake *fake, struct test_call *test)
{
	*test = (struct test_call){ .call.done = call_done };
	backend_v3_write(fake->worker.backend, &test->call,
	    &(struct msg_v3_write){ .ops = SLICE_LITERAL("ops") });
	return fake_next_id(fake, MSG_v3_write);
}

static uint64_t
read_one(struct fake *fake, struct test_call *test)
{
	*test = (struct test_call){ .call.done = call_done };
	backend_v3_read(fake->worker.backend, &test->call,
	    &(struct msg_v3_read){ .quorum = 1, .ops = SLICE_LITERAL("ops") });
	return fake_next_id(fake, MSG_v3_read);
}

/* raftd sends a piece, and is asked for the next. */
static void
piece(struct fake *fake, uint64_t id, struct slice bytes)
{
	fake_piece(fake, id, bytes, true);
	assert_true(fake_next_id(fake, MSG_read_more) == id);
}

TEST(each_request_has_its_message)
{
	struct fake *fake = fake_new(ROLE_CLIENT);
	struct backend *backend = fake->worker.backend;
	struct test_call calls[5];
	struct msg_v3_compact compact;
	uint64_t ids[5];

	fake_attach(fake, PHASE_MEMBER);
	ids[0] = write_one(fake, &calls[0]);
	ids[1] = read_one(fake, &calls[1]);
	for (size_t i = 2; i < 5; i++)
		calls[i] = (struct test_call){ .call.done = call_done };
	backend_v3_compact(backend, &calls[2].call, &(struct msg_v3_compact){ .revision = 7 });
	assert_int_equal(msg_v3_compact_decode(blob_slice(fake_next(fake)->payload), &compact),
	    ERR_NONE);
	assert_int_equal(compact.revision, 7);
	/* The first one is not answered. */
	assert_int_equal(compact.low, ids[0]);
	ids[2] = ids[0] + 1;
	backend_v3_grant(backend, &calls[3].call, &(struct msg_v3_grant){ .id = 1 });
	ids[3] = fake_next_id(fake, MSG_v3_grant);
	backend_v3_revoke(backend, &calls[4].call, &(struct msg_v3_revoke){ .id = 1 });
	ids[4] = fake_next_id(fake, MSG_v3_revoke);
	for (size_t i = 0; i < 5; i++) {
		fake_piece(fake, ids[i], SLICE_LITERAL("x"), false);
		fake_until(fake, is_answered, &calls[i]);
		assert_int_equal(calls[i].error, ERR_NONE);
		buf_free(&calls[i].event);
	}
	assert_int_equal(backend_call_count(backend), 0);
	fake_free(&fake);
}

static void
expect_whole(struct fake *fake, struct test_call *test, uint64_t id)
{
	piece(fake, id, SLICE_LITERAL("012"));
	piece(fake, id, SLICE_LITERAL("34"));
	assert_false(test->answered);
	fake_piece(fake, id, SLICE_LITERAL("5"), false);
	fake_until(fake, is_answered, test);
	assert_true(slice_equal(buf_slice(&test->event), SLICE_LITERAL("012345")));
	buf_free(&test->event);
}

TEST(pieces_are_asked_for_and_put_together)
{
	struct fake *fake = fake_new(ROLE_CLIENT);
	struct test_call test;

	fake_attach(fake, PHASE_MEMBER);
	expect_whole(fake, &test, write_one(fake, &test));
	expect_whole(fake, &test, read_one(fake, &test));
	assert_int_equal(backend_call_count(fake->worker.backend), 0);
	fake_free(&fake);
}

TEST(the_next_raftd_answers_from_the_start)
{
	struct fake *fake = fake_new(ROLE_CLIENT);
	struct test_call write, read;
	uint64_t write_id, read_id;

	fake_attach(fake, PHASE_MEMBER);
	write_id = write_one(fake, &write);
	read_id = read_one(fake, &read);
	piece(fake, write_id, SLICE_LITERAL("half"));
	piece(fake, read_id, SLICE_LITERAL("half"));
	fake_detach(fake);
	fake_attach(fake, PHASE_MEMBER);
	assert_true(fake_next_id(fake, MSG_v3_write) == write_id);
	assert_true(fake_next_id(fake, MSG_v3_read) == read_id);
	expect_whole(fake, &write, write_id);
	expect_whole(fake, &read, read_id);
	fake_free(&fake);
}

TEST(an_error_behind_pieces_is_the_answer)
{
	struct fake *fake = fake_new(ROLE_CLIENT);
	struct test_call test;
	uint64_t id;

	fake_attach(fake, PHASE_MEMBER);
	id = read_one(fake, &test);
	piece(fake, id, SLICE_LITERAL("half"));
	fake_outcome(fake, id, ERR_RAFT_INTERNAL, SLICE_EMPTY, 0);
	fake_until(fake, is_answered, &test);
	assert_int_equal(test.error, ERR_RAFT_INTERNAL);
	buf_free(&test.event);
	fake_free(&fake);
}

TEST(raftd_is_told_that_nobody_wants_the_rest)
{
	struct fake *fake = fake_new(ROLE_CLIENT);
	struct backend *backend = fake->worker.backend;
	struct test_call write, read;
	uint64_t write_id, read_id;

	fake_attach(fake, PHASE_MEMBER);
	read_id = read_one(fake, &read);
	piece(fake, read_id, SLICE_LITERAL("half"));
	backend_cancel(backend, &read.call);
	assert_true(fake_next_id(fake, MSG_read_stop) == read_id);
	/* A write is waited for until it is done; what it shows is nobody's. */
	write_id = write_one(fake, &write);
	backend_cancel(backend, &write.call);
	assert_true(fake_is_quiet(fake));
	assert_int_equal(backend_call_count(backend), 1);
	fake_piece(fake, write_id, SLICE_LITERAL("half"), true);
	assert_true(fake_next_id(fake, MSG_read_stop) == write_id);
	assert_int_equal(backend_call_count(backend), 0);
	assert_false(read.answered || write.answered);
	fake_free(&fake);
}

/* ---- how much ------------------------------ */

static void
pieces(struct fake *fake, uint64_t id, size_t bytes)
{
	uint8_t *chunk = xzalloc(MIB);

	for (; bytes > 0; bytes -= MIN_OF(bytes, MIB))
		piece(fake, id, slice_of(chunk, MIN_OF(bytes, MIB)));
	free(chunk);
}

TEST(an_answer_has_so_many_bytes)
{
	struct fake *fake = fake_new(ROLE_CLIENT);
	struct test_call test;
	uint64_t id;

	fake_attach(fake, PHASE_MEMBER);
	id = read_one(fake, &test);
	pieces(fake, id, V3_ANSWER_BYTES_MAX - 1);
	fake_piece(fake, id, SLICE_LITERAL("x"), false);
	fake_until(fake, is_answered, &test);
	assert_int_equal(test.error, ERR_NONE);
	assert_int_equal(test.event.size, V3_ANSWER_BYTES_MAX);
	buf_free(&test.event);
	id = write_one(fake, &test);
	pieces(fake, id, V3_ANSWER_BYTES_MAX);
	fake_piece(fake, id, SLICE_LITERAL("x"), true);
	assert_true(fake_next_id(fake, MSG_read_stop) == id);
	fake_until(fake, is_answered, &test);
	assert_int_equal(test.error, ERR_TOO_BIG);
	buf_free(&test.event);
	fake_free(&fake);
}

TEST(all_answers_have_so_many_bytes_together)
{
	struct fake *fake = fake_new(ROLE_CLIENT);
	struct test_call calls[3];
	uint64_t ids[3];

	fake_attach(fake, PHASE_MEMBER);
	for (size_t i = 0; i < 3; i++)
		ids[i] = read_one(fake, &calls[i]);
	pieces(fake, ids[0], V3_COLLECTED_BYTES_MAX / 2);
	pieces(fake, ids[1], V3_COLLECTED_BYTES_MAX / 2);
	fake_piece(fake, ids[2], SLICE_LITERAL("x"), true);
	fake_until(fake, is_answered, &calls[2]);
	assert_int_equal(calls[2].error, ERR_BUSY);
	assert_true(fake_next_id(fake, MSG_read_stop) == ids[2]);
	/* There is room again when one has ended. */
	fake_outcome(fake, ids[0], ERR_RAFT_INTERNAL, SLICE_EMPTY, 0);
	fake_until(fake, is_answered, &calls[0]);
	ids[2] = read_one(fake, &calls[2]);
	piece(fake, ids[2], SLICE_LITERAL("x"));
	backend_cancel(fake->worker.backend, &calls[1].call);
	backend_cancel(fake->worker.backend, &calls[2].call);
	for (size_t i = 0; i < 3; i++)
		buf_free(&calls[i].event);
	fake_free(&fake);
}

/* Argument: the fake. */
static bool
is_leaderless(void *argument)
{
	return backend_leaderless_ms(((struct fake *)argument)->worker.backend) >= 20;
}

static bool
is_led(void *argument)
{
	return backend_leaderless_ms(((struct fake *)argument)->worker.backend) == 0;
}

TEST(how_long_no_leader_is_known_counts_from_the_last_one)
{
	struct fake *fake = fake_new(ROLE_CLIENT);
	struct backend *backend = fake->worker.backend;

	/* A worker that has just begun. */
	assert_true(backend_leaderless_ms(backend) < 20);
	fake_until(fake, is_leaderless, fake);
	fake_attach(fake, PHASE_MEMBER);
	fake_until(fake, is_led, fake);
	fake_detach(fake);
	fake_until(fake, is_leaderless, fake);
	/* What raftd says without knowing one changes nothing. */
	fake_attach(fake, 0);
	assert_true(fake_is_quiet(fake));
	assert_true(backend_leaderless_ms(backend) >= 20);
	fake_status(fake, PHASE_MEMBER, 5);
	fake_until(fake, is_led, fake);
	fake_free(&fake);
}

TEST(watches_of_a_worker_have_so_many_bytes)
{
	struct fake *fake = fake_new(ROLE_CLIENT);
	const struct backend *backend = fake->worker.backend;
	size_t most = V3_WORKER_WATCHES_BYTES_MAX - V3_WATCH_BYTES;

	assert_true(backend_v3_watch_has_room(backend, most));
	assert_false(backend_v3_watch_has_room(backend, most + 1));
	fake_free(&fake);
}
