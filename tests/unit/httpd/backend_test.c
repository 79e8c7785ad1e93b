/*
 * backend_test.c - requests across restarts of raftd and of the channel to it: every
 * write once. Watches are in backend_watch_test.c.
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
	struct buf cause, event;
	size_t pieces, lost;
	struct backend *leaves;		/* when raftd is lost; NULL: it stays */
};

static void
call_done(struct backend_call *call, const struct msg_outcome *outcome)
{
	struct test_call *test = CONTAINER_OF(call, struct test_call, call);

	assert_false(test->answered);
	test->answered = true;
	test->error = outcome->error;
	buf_append_slice(&test->cause, outcome->cause);
	buf_append_slice(&test->event, outcome->event);
}

static void
call_piece(struct backend_call *call, const struct msg_outcome *outcome)
{
	struct test_call *test = CONTAINER_OF(call, struct test_call, call);

	test->pieces++;
	buf_append_slice(&test->event, outcome->event);
}

static void
call_lost(struct backend_call *call)
{
	struct test_call *test = CONTAINER_OF(call, struct test_call, call);

	test->lost++;
	buf_clear(&test->event);
	if (test->leaves != NULL)
		backend_cancel(test->leaves, call);
}

static bool
has_piece(void *argument)
{
	return backend_call_rests(&((struct test_call *)argument)->call);
}

static bool
is_answered(void *argument)
{
	return ((struct test_call *)argument)->answered;
}

static void
put(struct fake *fake, struct test_call *test, const char *key)
{
	*test = (struct test_call){ .call.done = call_done };
	backend_write(fake->worker.backend, &test->call,
	    &(struct msg_write){ .op = WRITE_SET, .key = slice_text(key) });
}

static void
put_sized(struct fake *fake, struct test_call *test, size_t value_bytes)
{
	uint8_t *value = xzalloc(value_bytes);

	*test = (struct test_call){ .call.done = call_done };
	backend_write(fake->worker.backend, &test->call, &(struct msg_write){ .op = WRITE_SET,
	    .key = SLICE_LITERAL("/sized"), .value = slice_of(value, value_bytes) });
	free(value);
}

static void
get(struct fake *fake, struct test_call *test, const char *key)
{
	*test = (struct test_call){ .call.done = call_done, .call.piece = call_piece,
		.call.lost = call_lost };
	backend_read(fake->worker.backend, &test->call,
	    &(struct msg_read){ .key = slice_text(key) });
}

static void
free_call(struct test_call *test)
{
	buf_free(&test->cause);
	buf_free(&test->event);
}

static struct msg_write
next_write(struct fake *fake, uint64_t *id)
{
	const struct fake_frame *frame = fake_next(fake);
	struct msg_write write;

	assert_int_equal(frame->type, MSG_write);
	assert_int_equal(msg_write_decode(blob_slice(frame->payload), &write), ERR_NONE);
	*id = frame->request_id;
	return write;
}

/* ---- calls ----------------------------------------------------------------------- */

TEST(hello_tells_who_we_are)
{
	struct fake *fake = fake_new(ROLE_CLIENT);
	struct msg_hello first, second;

	fake_attach(fake, PHASE_MEMBER);
	assert_true(fake_is_quiet(fake));
	assert_true(backend_connected(fake->worker.backend));
	assert_int_equal(fake->worker.cluster->phase, PHASE_MEMBER);
	assert_int_equal(fake->worker.cluster->member_count, 2);
	assert_int_equal(fake->frame_count, 1);
	assert_int_equal(msg_hello_decode(blob_slice(fake->frames[0].payload), &first), ERR_NONE);
	assert_int_equal(first.role, ROLE_CLIENT);
	assert_int_equal(first.number, 1);
	assert_int_equal(first.token, 42);
	assert_true(first.session != 0);
	fake_detach(fake);
	fake_attach(fake, PHASE_MEMBER);
	assert_true(fake_is_quiet(fake));
	assert_int_equal(fake->frame_count, 2);
	assert_int_equal(msg_hello_decode(blob_slice(fake->frames[1].payload), &second), ERR_NONE);
	/* The session outlives raftd: that is what makes a repeated write harmless. */
	assert_true(second.session == first.session);
	fake_free(&fake);
}

TEST(requests_wait_until_raftd_is_a_member)
{
	struct fake *fake = fake_new(ROLE_CLIENT);
	struct test_call write;
	uint64_t id;

	put(fake, &write, "/a");
	fake_attach(fake, PHASE_RECOVERING);
	assert_true(fake_is_quiet(fake));
	fake_status(fake, PHASE_MEMBER, 5);
	next_write(fake, &id);
	fake_outcome(fake, id, ERR_NONE, SLICE_LITERAL("e"), 0);
	fake_until(fake, is_answered, &write);
	free_call(&write);
	fake_free(&fake);
}

/* It was removed: what it was asked nobody can answer, and nothing goes to the new one. */
TEST(what_is_under_way_ends_when_the_node_stands_by)
{
	struct fake *fake = fake_new(ROLE_CLIENT);
	struct test_call sent, late, read;
	uint64_t id;

	fake_attach(fake, PHASE_MEMBER);
	put(fake, &sent, "/a");
	next_write(fake, &id);
	get(fake, &read, "/b");
	fake_next(fake);
	fake_detach(fake);
	assert_true(fake_is_quiet(fake));
	put(fake, &late, "/c");
	fake_attach(fake, PHASE_STANDBY);
	fake_until(fake, is_answered, &late);
	assert_true(sent.answered && read.answered);
	assert_int_equal(sent.error, ERR_RAFT_INTERNAL);
	assert_int_equal(late.error, ERR_RAFT_INTERNAL);
	assert_int_equal(read.error, ERR_RAFT_INTERNAL);
	assert_non_null(memmem(sent.cause.data, sent.cause.size, "may or may not", 14));
	assert_non_null(memmem(late.cause.data, late.cause.size, "was not applied", 15));
	assert_true(fake_is_quiet(fake));
	free_call(&sent);
	free_call(&late);
	free_call(&read);
	/* A member again, it goes on with its session. */
	fake_status(fake, PHASE_MEMBER, 5);
	put(fake, &sent, "/d");
	next_write(fake, &id);
	fake_outcome(fake, id, ERR_NONE, SLICE_LITERAL("e"), 0);
	fake_until(fake, is_answered, &sent);
	free_call(&sent);
	fake_free(&fake);
}

TEST(writes_are_repeated_in_order_with_their_sequence)
{
	struct fake *fake = fake_new(ROLE_CLIENT);
	struct test_call writes[4], read;
	uint64_t ids[4], id, read_id;

	fake_attach(fake, PHASE_MEMBER);
	assert_true(fake_is_quiet(fake));
	put(fake, &writes[0], "/0");
	get(fake, &read, "/r");
	put(fake, &writes[1], "/1");
	put(fake, &writes[2], "/2");
	next_write(fake, &ids[0]);
	assert_int_equal(fake_next(fake)->type, MSG_read);
	next_write(fake, &ids[1]);
	next_write(fake, &ids[2]);
	assert_true(ids[0] < ids[1] && ids[1] < ids[2]);
	fake_outcome(fake, ids[1], ERR_NONE, SLICE_LITERAL("e"), 0);
	fake_until(fake, is_answered, &writes[1]);

	fake_detach(fake);
	put(fake, &writes[3], "/3");
	fake_attach(fake, PHASE_MEMBER);
	/* Only what was not answered, and what came meanwhile. */
	assert_true(slice_equal(next_write(fake, &id).key, SLICE_LITERAL("/0")));
	assert_true(id == ids[0]);
	assert_true(slice_equal(next_write(fake, &id).key, SLICE_LITERAL("/2")));
	assert_true(id == ids[2]);
	assert_true(slice_equal(next_write(fake, &ids[3]).key, SLICE_LITERAL("/3")));
	assert_true(ids[3] == ids[2] + 1);
	read_id = fake_next(fake)->request_id;
	assert_true(fake_is_quiet(fake));
	/* In any order, and twice. */
	fake_outcome(fake, read_id, ERR_KEY_NOT_FOUND, SLICE_EMPTY, 0);
	fake_outcome(fake, ids[3], ERR_NONE, SLICE_LITERAL("e"), 0);
	fake_outcome(fake, ids[3], ERR_NONE, SLICE_LITERAL("e"), 0);
	fake_outcome(fake, ids[2], ERR_NONE, SLICE_LITERAL("e"), 0);
	fake_outcome(fake, ids[0], ERR_NONE, SLICE_LITERAL("e"), 0);
	fake_until(fake, is_answered, &writes[0]);
	assert_true(writes[2].answered && writes[3].answered && read.answered);
	assert_int_equal(read.error, ERR_KEY_NOT_FOUND);
	for (size_t i = 0; i < 4; i++)
		free_call(&writes[i]);
	free_call(&read);
	fake_free(&fake);
}

TEST(low_is_the_lowest_sequence_not_answered)
{
	struct fake *fake = fake_new(ROLE_CLIENT);
	struct test_call a, b, c, d;
	uint64_t id_a, id_b, id_c, id;

	fake_attach(fake, PHASE_MEMBER);
	put(fake, &a, "/a");
	put(fake, &b, "/b");
	assert_int_equal(next_write(fake, &id_a).low, 1);
	assert_int_equal(next_write(fake, &id_b).low, 1);
	fake_outcome(fake, id_b, ERR_NONE, SLICE_EMPTY, 0);
	fake_until(fake, is_answered, &b);
	put(fake, &c, "/c");
	assert_true(next_write(fake, &id_c).low == id_a);
	fake_outcome(fake, id_a, ERR_NONE, SLICE_EMPTY, 0);
	fake_until(fake, is_answered, &a);
	put(fake, &d, "/d");
	assert_true(next_write(fake, &id).low == id_c);
	backend_cancel(fake->worker.backend, &c.call);
	backend_cancel(fake->worker.backend, &d.call);
	fake_free(&fake);
}

/* raftd keeps so many answers of a session; a write beyond them waits. */
TEST(no_write_goes_beyond_the_window)
{
	struct fake *fake = fake_new(ROLE_CLIENT);
	struct test_call stuck, other;
	uint64_t stuck_id, id;

	/* However slow the machine: this is not about time. */
	fake->worker.config.request_timeout = 3600000;
	fake_attach(fake, PHASE_MEMBER);
	put(fake, &stuck, "/stuck");
	next_write(fake, &stuck_id);
	for (size_t i = 1; i < SESSION_RESULTS_MAX; i++) {
		put(fake, &other, "/other");
		next_write(fake, &id);
		fake_outcome(fake, id, ERR_NONE, SLICE_EMPTY, 0);
		fake_until(fake, is_answered, &other);
	}
	put(fake, &other, "/beyond");
	assert_true(fake_is_quiet(fake));
	fake_outcome(fake, stuck_id, ERR_NONE, SLICE_EMPTY, 0);
	assert_true(slice_equal(next_write(fake, &id).key, SLICE_LITERAL("/beyond")));
	assert_true(id == stuck_id + SESSION_RESULTS_MAX);
	fake_outcome(fake, id, ERR_NONE, SLICE_EMPTY, 0);
	fake_until(fake, is_answered, &other);
	fake_free(&fake);
}

/* raftd has each write more than once: of great ones so much is with it. */
TEST(writes_that_are_sent_and_not_answered_are_bounded_in_bytes)
{
	for (size_t over = 0; over <= 1; over++) {
		struct fake *fake = fake_new(ROLE_CLIENT);
		struct test_call calls[3];
		const struct backend_call *first;
		uint64_t id;
		size_t rest;

		fake->worker.config.request_timeout = 3600000;
		fake_attach(fake, PHASE_MEMBER);
		put_sized(fake, &calls[0], WRITES_SENT_BYTES / 2);
		first = &calls[0].call;
		/* The frame of the second is as much larger than its value as that of the first. */
		rest = WRITES_SENT_BYTES - 1 + over - first->frame.size -
		    (first->frame.size - WRITES_SENT_BYTES / 2);
		put_sized(fake, &calls[1], rest);
		put_sized(fake, &calls[2], 1);
		assert_int_equal(calls[2].call.question.id != 0, over == 0);
		for (size_t i = 0; i < 3; i++) {
			next_write(fake, &id);
			fake_outcome(fake, id, ERR_NONE, SLICE_EMPTY, 0);
			fake_until(fake, is_answered, &calls[i]);
		}
		fake_free(&fake);
	}
}

/* What is written into a frame afterwards stands where the tables have it, in all of them. */
TEST(whatever_waited_goes_out_with_its_sequence_and_the_lowest_one_not_answered)
{
	struct fake *fake = fake_new(ROLE_PEER);
	struct test_call great[2], calls[3];
	struct msg_member_change member;
	struct msg_config_change config;
	struct msg_write write;
	const struct fake_frame *frame;
	uint64_t first, id;

	fake->worker.config.request_timeout = 3600000;
	fake_attach(fake, PHASE_MEMBER);
	for (size_t i = 0; i < 2; i++)
		put_sized(fake, &great[i], WRITES_SENT_BYTES / 2);
	next_write(fake, &first);
	next_write(fake, &id);
	for (size_t i = 0; i < 3; i++)
		calls[i] = (struct test_call){ .call.done = call_done };
	backend_member_change(fake->worker.backend, &calls[0].call, &(struct msg_member_change){
	    .op = MEMBER_REMOVE, .name = SLICE_LITERAL("one") });
	backend_config_change(fake->worker.backend, &calls[1].call,
	    &(struct msg_config_change){ .items = SLICE_LITERAL("two") });
	backend_write(fake->worker.backend, &calls[2].call,
	    &(struct msg_write){ .op = WRITE_SET, .key = SLICE_LITERAL("/three") });
	assert_true(fake_is_quiet(fake));
	fake_outcome(fake, first, ERR_NONE, SLICE_EMPTY, 0);
	frame = fake_next(fake);
	assert_int_equal(frame->type, MSG_member_change);
	assert_int_equal(frame->request_id, first + 2);
	assert_int_equal(msg_member_change_decode(blob_slice(frame->payload), &member), ERR_NONE);
	assert_int_equal(member.low, first + 1);
	assert_int_equal(member.op, MEMBER_REMOVE);
	assert_true(slice_equal(member.name, SLICE_LITERAL("one")));
	frame = fake_next(fake);
	assert_int_equal(frame->type, MSG_config_change);
	assert_int_equal(frame->request_id, first + 3);
	assert_int_equal(msg_config_change_decode(blob_slice(frame->payload), &config), ERR_NONE);
	assert_int_equal(config.low, first + 1);
	assert_true(slice_equal(config.items, SLICE_LITERAL("two")));
	write = next_write(fake, &id);
	assert_int_equal(id, first + 4);
	assert_int_equal(write.low, first + 1);
	assert_true(slice_equal(write.key, SLICE_LITERAL("/three")));
	for (size_t i = 0; i < 4; i++)
		fake_outcome(fake, first + 1 + i, ERR_NONE, SLICE_EMPTY, 0);
	fake_until(fake, is_answered, &calls[2]);
	fake_free(&fake);
}

TEST(a_write_whose_client_left_is_still_repeated)
{
	struct fake *fake = fake_new(ROLE_CLIENT);
	struct test_call left, later;
	uint64_t left_id, id;

	fake_attach(fake, PHASE_MEMBER);
	put(fake, &left, "/left");
	next_write(fake, &left_id);
	backend_cancel(fake->worker.backend, &left.call);
	fake_detach(fake);
	fake_attach(fake, PHASE_MEMBER);
	assert_true(slice_equal(next_write(fake, &id).key, SLICE_LITERAL("/left")));
	assert_true(id == left_id);
	put(fake, &later, "/later");
	assert_true(next_write(fake, &id).low == left_id);
	fake_outcome(fake, left_id, ERR_NONE, SLICE_EMPTY, 0);
	fake_outcome(fake, id, ERR_NONE, SLICE_EMPTY, 0);
	fake_until(fake, is_answered, &later);
	assert_false(left.answered);
	fake_free(&fake);
}

TEST(a_cancelled_read_is_not_repeated)
{
	struct fake *fake = fake_new(ROLE_CLIENT);
	struct test_call left;
	uint64_t id;

	fake_attach(fake, PHASE_MEMBER);
	get(fake, &left, "/left");
	id = fake_next(fake)->request_id;
	backend_cancel(fake->worker.backend, &left.call);
	fake_outcome(fake, id, ERR_NONE, SLICE_EMPTY, 0);
	assert_true(fake_is_quiet(fake));
	fake_detach(fake);
	fake_attach(fake, PHASE_MEMBER);
	assert_true(fake_is_quiet(fake));
	assert_false(left.answered);
	fake_free(&fake);
}

TEST(an_outcome_of_a_write_in_pieces_is_put_together)
{
	struct fake *fake = fake_new(ROLE_CLIENT);
	struct test_call a, b;
	uint64_t id_a, id_b;

	fake_attach(fake, PHASE_MEMBER);
	put(fake, &a, "/a");
	put(fake, &b, "/b");
	id_a = fake_next(fake)->request_id;
	id_b = fake_next(fake)->request_id;
	/* The first raftd dies in the middle of it. */
	fake_outcome(fake, id_a, ERR_NONE, SLICE_LITERAL("0123456789"), 3);
	channel_out(fake->channel)->size -= FRAME_HEADER_BYTES + 1;
	assert_true(fake_is_quiet(fake));
	fake_detach(fake);
	fake_attach(fake, PHASE_MEMBER);
	assert_true(fake_next(fake)->request_id == id_a);
	fake_outcome(fake, id_a, ERR_NONE, SLICE_LITERAL("0123456789"), 3);
	fake_outcome(fake, id_b, ERR_NONE, SLICE_LITERAL("x"), 0);
	fake_until(fake, is_answered, &b);
	assert_true(slice_equal(buf_slice(&a.event), SLICE_LITERAL("0123456789")));
	assert_true(slice_equal(buf_slice(&b.event), SLICE_LITERAL("x")));
	free_call(&a);
	free_call(&b);
	fake_free(&fake);
}

/* ---- reads in pieces ----------------------------------------------------------------- */

static uint64_t
begin_pieces(struct fake *fake, struct test_call *read, const char *key)
{
	uint64_t id;

	get(fake, read, key);
	id = fake_next_id(fake, MSG_read);
	fake_piece(fake, id, SLICE_LITERAL("012"), true);
	fake_until(fake, has_piece, read);
	return id;
}

TEST(a_piece_comes_when_it_is_asked_for)
{
	struct fake *fake = fake_new(ROLE_CLIENT);
	struct test_call read;
	uint64_t id;

	fake_attach(fake, PHASE_MEMBER);
	id = begin_pieces(fake, &read, "/a");
	assert_true(fake_is_quiet(fake));
	backend_call_more(fake->worker.backend, &read.call);
	assert_true(fake_next_id(fake, MSG_read_more) == id);
	fake_piece(fake, id, SLICE_LITERAL("34"), true);
	fake_until(fake, has_piece, &read);
	backend_call_more(fake->worker.backend, &read.call);
	assert_true(fake_next_id(fake, MSG_read_more) == id);
	fake_piece(fake, id, SLICE_LITERAL("5"), false);
	fake_until(fake, is_answered, &read);
	assert_int_equal(read.pieces, 2);
	assert_true(slice_equal(buf_slice(&read.event), SLICE_LITERAL("012345")));
	assert_true(fake_is_quiet(fake));
	assert_int_equal(backend_call_count(fake->worker.backend), 0);
	free_call(&read);
	fake_free(&fake);
}

TEST(raftd_is_told_when_nobody_wants_the_rest)
{
	struct fake *fake = fake_new(ROLE_CLIENT);
	struct test_call read;
	uint64_t id;

	fake_attach(fake, PHASE_MEMBER);
	id = begin_pieces(fake, &read, "/a");
	backend_cancel(fake->worker.backend, &read.call);
	assert_true(fake_next_id(fake, MSG_read_stop) == id);
	free_call(&read);
	/* One that had no piece yet when it was cancelled. */
	get(fake, &read, "/b");
	id = fake_next_id(fake, MSG_read);
	backend_cancel(fake->worker.backend, &read.call);
	fake_piece(fake, id, SLICE_LITERAL("012"), true);
	assert_true(fake_next_id(fake, MSG_read_stop) == id);
	assert_true(fake_is_quiet(fake));
	free_call(&read);
	fake_free(&fake);
}

TEST(the_next_raftd_is_asked_from_the_start)
{
	struct fake *fake = fake_new(ROLE_CLIENT);
	struct test_call rests, asked, leaves;
	uint64_t id_rests, id_asked;

	fake_attach(fake, PHASE_MEMBER);
	id_rests = begin_pieces(fake, &rests, "/rests");
	id_asked = begin_pieces(fake, &asked, "/asked");
	begin_pieces(fake, &leaves, "/leaves");
	leaves.leaves = fake->worker.backend;
	backend_call_more(fake->worker.backend, &asked.call);
	fake_next_id(fake, MSG_read_more);
	fake_detach(fake);
	assert_true(fake_is_quiet(fake));
	assert_int_equal(rests.lost, 1);
	assert_int_equal(asked.lost, 1);
	assert_int_equal(leaves.lost, 1);
	fake_attach(fake, PHASE_MEMBER);
	/* Which of them first is of no concern. */
	for (unsigned i = 0; i < 2; i++) {
		uint64_t id = fake_next_id(fake, MSG_read);

		assert_true(id == id_rests || id == id_asked);
		fake_piece(fake, id, SLICE_LITERAL("whole"), false);
	}
	fake_until(fake, is_answered, &rests);
	fake_until(fake, is_answered, &asked);
	assert_true(slice_equal(buf_slice(&rests.event), SLICE_LITERAL("whole")));
	assert_true(slice_equal(buf_slice(&asked.event), SLICE_LITERAL("whole")));
	assert_true(fake_is_quiet(fake));
	free_call(&rests);
	free_call(&asked);
	free_call(&leaves);
	fake_free(&fake);
}

/* A client may take its time, raftd may not. */
TEST(only_a_piece_that_was_asked_for_is_late)
{
	struct fake *fake = fake_new(ROLE_CLIENT);
	struct test_call rests, asked;

	fake->worker.config.backend_wait = 100;
	fake->worker.config.request_timeout = 100;
	fake_attach(fake, PHASE_MEMBER);
	begin_pieces(fake, &rests, "/rests");
	begin_pieces(fake, &asked, "/asked");
	backend_call_more(fake->worker.backend, &asked.call);
	fake_until(fake, is_answered, &asked);
	assert_int_equal(asked.error, ERR_RAFT_INTERNAL);
	assert_false(rests.answered);
	backend_cancel(fake->worker.backend, &rests.call);
	free_call(&rests);
	free_call(&asked);
	fake_free(&fake);
}

/* ---- time -------------------------------------------------------------------------------- */

TEST(without_raftd_requests_end_in_time_and_say_what_is_known)
{
	struct fake *fake = fake_new(ROLE_CLIENT);
	struct test_call sent, unsent, read;
	uint64_t id;

	fake->worker.config.backend_wait = 1;
	fake_attach(fake, PHASE_MEMBER);
	put(fake, &sent, "/sent");
	next_write(fake, &id);
	fake_detach(fake);
	assert_true(fake_is_quiet(fake));
	put(fake, &unsent, "/unsent");
	get(fake, &read, "/read");
	fake_until(fake, is_answered, &read);
	assert_true(sent.answered && unsent.answered);
	assert_int_equal(sent.error, ERR_RAFT_INTERNAL);
	assert_int_equal(unsent.error, ERR_RAFT_INTERNAL);
	assert_int_equal(read.error, ERR_RAFT_INTERNAL);
	buf_append_byte(&sent.cause, '\0');
	buf_append_byte(&unsent.cause, '\0');
	assert_non_null(strstr((char *)sent.cause.data, "may or may not have been applied"));
	assert_non_null(strstr((char *)unsent.cause.data, "was not applied"));
	free_call(&sent);
	free_call(&unsent);
	free_call(&read);
	fake_free(&fake);
}

TEST(a_raftd_that_does_not_answer_ends_requests_too)
{
	struct fake *fake = fake_new(ROLE_CLIENT);
	struct test_call write;

	fake->worker.config.backend_wait = 1;
	fake->worker.config.request_timeout = 1;
	fake_attach(fake, PHASE_MEMBER);
	put(fake, &write, "/a");
	fake_until(fake, is_answered, &write);
	assert_int_equal(write.error, ERR_RAFT_INTERNAL);
	free_call(&write);
	fake_free(&fake);
}

static bool
is_lost(void *argument)
{
	return ((struct fake *)argument)->lost_why != 0;
}

/* Whatever ends the channel, what was under way goes on by the next one. */
TEST(a_channel_that_breaks_is_told_and_the_next_one_goes_on)
{
	static const struct {
		uint16_t type;
		struct slice payload;
		int why;
	} ends[] = {
		{ MSG_outcome, { (const uint8_t *)"nonsense", 8 }, CHANNEL_END_RULES },
		{ MSG_event, { (const uint8_t *)"", 0 }, CHANNEL_END_RULES },
		{ MSG_write, { NULL, 0 }, CHANNEL_END_RULES },
		{ MSG_hello, { NULL, 0 }, CHANNEL_END_RULES },
		{ 0, { NULL, 0 }, CHANNEL_END_CLOSED },
	};

	for (size_t i = 0; i < ARRAY_COUNT(ends); i++) {
		struct fake *fake = fake_new(ROLE_CLIENT);
		struct test_call call;
		uint64_t id, again;

		fake_attach(fake, PHASE_MEMBER);
		put(fake, &call, "/a");
		next_write(fake, &id);
		assert_int_equal(fake->lost_why, 0);
		if (ends[i].type != 0)
			frame_append(channel_out(fake->channel), ends[i].type, 0, 1,
			    ends[i].payload);
		else
			fake_detach(fake);
		loop_again(fake->worker.loop);
		fake_until(fake, is_lost, fake);
		assert_int_equal(fake->lost_why, ends[i].why);
		assert_true(fake_is_quiet(fake));
		fake->lost_why = 0;
		fake_detach(fake);
		fake_attach(fake, PHASE_MEMBER);
		next_write(fake, &again);
		assert_true(again == id);
		fake_outcome(fake, id, ERR_NONE, SLICE_LITERAL("e"), 0);
		fake_until(fake, is_answered, &call);
		assert_int_equal(fake->lost_why, 0);
		free_call(&call);
		fake_free(&fake);
	}
}

TEST(frames_for_nodes_are_dropped_while_nobody_owns_them)
{
	struct fake *fake = fake_new(ROLE_PEER);

	fake_attach(fake, PHASE_MEMBER);
	assert_true(fake_is_quiet(fake));
	frame_append(channel_out(fake->channel), MSG_raft_heartbeat, 0, 8, SLICE_LITERAL("x"));
	loop_again(fake->worker.loop);
	assert_true(fake_is_quiet(fake));
	fake_free(&fake);
}

/* ---- counters and peers -------------------------------------------------------------------- */

struct test_stats {
	struct backend_stats_call call;
	bool answered;
	uint16_t error;
};

static void
stats_done(struct backend_stats_call *call, const struct msg_stats *stats)
{
	struct test_stats *test = CONTAINER_OF(call, struct test_stats, call);

	test->answered = true;
	test->error = stats->error;
}

static bool
stats_answered(void *argument)
{
	return ((struct test_stats *)argument)->answered;
}

TEST(counters_are_asked_for_again_too)
{
	struct fake *fake = fake_new(ROLE_CLIENT);
	struct test_stats stats = { .call.done = stats_done };
	const struct fake_frame *frame;

	fake_attach(fake, PHASE_MEMBER);
	backend_stats(fake->worker.backend, &stats.call, STATS_LEADER);
	assert_int_equal(fake_next(fake)->type, MSG_stats_ask);
	fake_detach(fake);
	fake_attach(fake, PHASE_MEMBER);
	frame = fake_next(fake);
	assert_int_equal(frame->type, MSG_stats_ask);
	msg_stats_frame(channel_out(fake->channel), frame->request_id,
	    &(struct msg_stats){ .kind = STATS_LEADER, .error = ERR_NOT_LEADER });
	fake_until(fake, stats_answered, &stats);
	assert_int_equal(stats.error, ERR_NOT_LEADER);
	fake_free(&fake);
}

struct test_peers {
	size_t frames, statuses;
	uint64_t to;
};

static void
peer_frame(void *argument, const struct frame *frame)
{
	struct test_peers *peers = argument;

	peers->frames++;
	peers->to = frame->request_id;
}

static void
peer_status(void *argument)
{
	((struct test_peers *)argument)->statuses++;
}

/* It may be another node than the one that the streams were made for. */
TEST(a_raftd_that_has_not_said_who_it_is_gets_no_frame_of_a_node)
{
	struct fake *fake = fake_new(ROLE_PEER);
	struct buf encoded = BUF_INIT;
	struct frame frame;
	size_t used;

	msg_raft_heartbeat_frame(&encoded, 7, &(struct msg_raft_heartbeat){ 0 });
	assert_int_equal(frame_parse(buf_slice(&encoded), &frame, &used), ERR_NONE);
	fake_attach(fake, PHASE_MEMBER);
	assert_true(fake_is_quiet(fake));
	fake_detach(fake);
	fake_attach(fake, 0);
	assert_true(fake_is_quiet(fake));
	assert_true(backend_connected(fake->worker.backend));
	backend_peer_frame(fake->worker.backend, 8, &frame);
	assert_true(fake_is_quiet(fake));
	fake_status(fake, PHASE_MEMBER, 5);
	assert_true(fake_is_quiet(fake));
	backend_peer_frame(fake->worker.backend, 9, &frame);
	assert_int_equal(fake_next(fake)->request_id, 9);
	buf_free(&encoded);
	fake_free(&fake);
}

TEST(frames_of_nodes_pass_both_ways)
{
	struct fake *fake = fake_new(ROLE_PEER);
	struct test_peers peers = { 0 };
	struct buf encoded = BUF_INIT;
	struct frame frame;
	size_t used;

	backend_own_peers(fake->worker.backend, (struct backend_peer_owner){ .frame = peer_frame,
	    .status = peer_status, .argument = &peers });
	assert_null(backend_out(fake->worker.backend));
	fake_attach(fake, PHASE_MEMBER);
	msg_raft_heartbeat_frame(channel_out(fake->channel), 8, &(struct msg_raft_heartbeat){ 0 });
	assert_true(fake_is_quiet(fake));
	assert_int_equal(peers.frames, 1);
	assert_int_equal(peers.to, 8);
	assert_int_equal(peers.statuses, 1);
	msg_raft_heartbeat_reply_frame(&encoded, 7, &(struct msg_raft_heartbeat_reply){ 0 });
	assert_int_equal(frame_parse(buf_slice(&encoded), &frame, &used), ERR_NONE);
	backend_peer_frame(fake->worker.backend, 8, &frame);
	assert_int_equal(fake_next(fake)->request_id, 8);
	assert_non_null(backend_out(fake->worker.backend));
	buf_free(&encoded);
	fake_free(&fake);
}
