/*
 * backend_test.c - requests and watches across restarts of raftd: every write
 * once, every event once and in order.
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
get(struct fake *fake, struct test_call *test, const char *key)
{
	*test = (struct test_call){ .call.done = call_done };
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

TEST(an_outcome_in_pieces_is_put_together)
{
	struct fake *fake = fake_new(ROLE_CLIENT);
	struct test_call a, b;
	uint64_t id_a, id_b;

	fake_attach(fake, PHASE_MEMBER);
	get(fake, &a, "/a");
	get(fake, &b, "/b");
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

TEST(a_channel_that_speaks_nonsense_ends_the_worker)
{
	struct fake *fake = fake_new(ROLE_CLIENT);

	fake_attach(fake, PHASE_MEMBER);
	assert_true(fake_is_quiet(fake));
	frame_append(channel_out(fake->channel), MSG_outcome, 0, 1, SLICE_LITERAL("nonsense"));
	loop_again(fake->worker.loop);
	assert_int_equal(loop_run(fake->worker.loop, 0), EXIT_PROTOCOL);
	fake_free(&fake);
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

/* ---- watches --------------------------------------------------------------------------- */

#define SEEN_MAX 16

struct test_watch {
	struct backend_watch watch;
	size_t watching, errors, seen_count;
	uint16_t error;
	uint64_t seen[SEEN_MAX];	/* store indexes of events */
	struct blob *shared;		/* what was found or left there */
};

static void
watching(struct backend_watch *watch, const struct msg_watching *answer)
{
	struct test_watch *test = CONTAINER_OF(watch, struct test_watch, watch);

	if (answer->error == ERR_NONE) {
		test->watching++;
	} else {
		test->errors++;
		test->error = answer->error;
	}
}

static void
event_came(struct backend_watch *watch, struct slice event, struct blob **shared)
{
	struct test_watch *test = CONTAINER_OF(watch, struct test_watch, watch);
	struct reader in = reader_of(event);
	struct event_record record;

	assert_true(event_record_get(&in, &record));
	assert_true(test->seen_count < SEEN_MAX);
	test->seen[test->seen_count++] = record.store_index;
	if (*shared == NULL)
		*shared = blob_new(event);
	test->shared = *shared;
}

static void
event_comes_soon(const struct backend_watch *watch UNUSED)
{
}

static struct test_watch *
watch_new(struct fake *fake, unsigned flags, uint64_t since)
{
	struct test_watch *test = xzalloc(sizeof(*test));

	test->watch.watching = watching;
	test->watch.event = event_came;
	test->watch.soon = event_comes_soon;
	backend_watch(fake->worker.backend, &test->watch, SLICE_LITERAL("/w"), flags, since);
	return test;
}

static void
watch_free(struct fake *fake, struct test_watch *test)
{
	backend_unwatch(fake->worker.backend, &test->watch);
	free(test);
}

static struct msg_watch
next_watch(struct fake *fake)
{
	const struct fake_frame *frame = fake_next(fake);
	struct msg_watch watch;

	assert_int_equal(frame->type, MSG_watch);
	assert_int_equal(msg_watch_decode(blob_slice(frame->payload), &watch), ERR_NONE);
	return watch;
}

static void
send_event(struct fake *fake, struct test_watch *test, uint64_t store_index)
{
	struct buf event = fake_set_event("/w", "v", store_index, 0);

	fake_event(fake, &test->watch.id, 1, buf_slice(&event));
	buf_free(&event);
}

TEST(a_watch_from_now_on_resumes_where_it_began)
{
	struct fake *fake = fake_new(ROLE_CLIENT);
	struct test_watch *watch;

	fake_attach(fake, PHASE_MEMBER);
	watch = watch_new(fake, WATCH_FLAG_STREAM, 0);
	assert_int_equal(next_watch(fake).since, 0);
	fake_watching(fake, watch->watch.id, 30);
	assert_true(fake_is_quiet(fake));
	assert_int_equal(watch->watching, 1);

	fake_detach(fake);
	fake_attach(fake, PHASE_MEMBER);
	assert_int_equal(next_watch(fake).since, 31);
	fake_watching(fake, watch->watch.id, 33);
	send_event(fake, watch, 32);
	send_event(fake, watch, 35);
	assert_true(fake_is_quiet(fake));
	assert_int_equal(watch->watching, 1);
	assert_int_equal(watch->seen_count, 2);

	fake_detach(fake);
	fake_attach(fake, PHASE_MEMBER);
	assert_int_equal(next_watch(fake).since, 36);
	watch_free(fake, watch);
	fake_free(&fake);
}

TEST(a_watch_that_was_not_answered_asks_the_same_again)
{
	struct fake *fake = fake_new(ROLE_CLIENT);
	struct test_watch *now, *past;

	fake_attach(fake, PHASE_MEMBER);
	now = watch_new(fake, 0, 0);
	next_watch(fake);
	past = watch_new(fake, 0, 9);
	next_watch(fake);
	fake_detach(fake);
	fake_attach(fake, PHASE_MEMBER);
	assert_int_equal(next_watch(fake).since + next_watch(fake).since, 9);
	watch_free(fake, now);
	watch_free(fake, past);
	fake_free(&fake);
}

TEST(no_event_comes_twice_or_late)
{
	struct fake *fake = fake_new(ROLE_CLIENT);
	struct test_watch *watch;

	fake_attach(fake, PHASE_MEMBER);
	watch = watch_new(fake, WATCH_FLAG_STREAM, 10);
	next_watch(fake);
	fake_watching(fake, watch->watch.id, 20);
	send_event(fake, watch, 12);
	send_event(fake, watch, 12);
	send_event(fake, watch, 11);
	send_event(fake, watch, 9);
	send_event(fake, watch, 21);
	assert_true(fake_is_quiet(fake));
	assert_int_equal(watch->seen_count, 2);
	assert_int_equal(watch->seen[0], 12);
	assert_int_equal(watch->seen[1], 21);
	watch_free(fake, watch);
	fake_free(&fake);
}

TEST(a_watch_that_is_no_stream_is_over_with_its_event)
{
	struct fake *fake = fake_new(ROLE_CLIENT);
	struct test_watch *watch;

	fake_attach(fake, PHASE_MEMBER);
	watch = watch_new(fake, 0, 0);
	next_watch(fake);
	fake_watching(fake, watch->watch.id, 1);
	send_event(fake, watch, 2);
	send_event(fake, watch, 3);
	assert_true(fake_is_quiet(fake));
	assert_int_equal(watch->seen_count, 1);
	fake_detach(fake);
	fake_attach(fake, PHASE_MEMBER);
	/* Neither asked again, nor taken back. */
	watch_free(fake, watch);
	assert_true(fake_is_quiet(fake));
	fake_free(&fake);
}

TEST(a_client_that_leaves_takes_its_watch_back)
{
	struct fake *fake = fake_new(ROLE_CLIENT);
	struct test_watch *watch;
	uint64_t id;

	fake_attach(fake, PHASE_MEMBER);
	watch = watch_new(fake, 0, 0);
	id = watch->watch.id;
	next_watch(fake);
	watch_free(fake, watch);
	assert_int_equal(fake_next(fake)->type, MSG_unwatch);
	fake_watching(fake, id, 1);
	assert_true(fake_is_quiet(fake));
	fake_free(&fake);
}

TEST(an_event_is_rendered_once_for_all)
{
	struct fake *fake = fake_new(ROLE_CLIENT);
	struct test_watch *one, *two;
	struct buf event = fake_set_event("/w", "v", 5, 0);
	uint64_t ids[3];

	fake_attach(fake, PHASE_MEMBER);
	one = watch_new(fake, WATCH_FLAG_STREAM, 0);
	two = watch_new(fake, WATCH_FLAG_STREAM, 0);
	next_watch(fake);
	next_watch(fake);
	ids[0] = one->watch.id;
	ids[1] = 999;
	ids[2] = two->watch.id;
	fake_watching(fake, ids[0], 4);
	fake_watching(fake, ids[2], 4);
	fake_event(fake, ids, 3, buf_slice(&event));
	assert_true(fake_is_quiet(fake));
	assert_int_equal(one->seen_count, 1);
	assert_int_equal(two->seen_count, 1);
	assert_ptr_equal(one->shared, two->shared);
	buf_free(&event);
	watch_free(fake, one);
	watch_free(fake, two);
	fake_free(&fake);
}

/* Else it would ask for an index that has long left raftd's history. */
TEST(a_quiet_watch_keeps_up_with_what_was_announced)
{
	struct fake *fake = fake_new(ROLE_CLIENT);
	struct test_watch *old, *fresh;

	fake_attach(fake, PHASE_MEMBER);
	old = watch_new(fake, 0, 0);
	next_watch(fake);
	fake_watching(fake, old->watch.id, 10);
	fake_status(fake, PHASE_MEMBER, 2000);
	assert_true(fake_is_quiet(fake));
	/* Registered at 3000, with events from 2500 on still to come. */
	fresh = watch_new(fake, 0, 2500);
	next_watch(fake);
	fake_watching(fake, fresh->watch.id, 3000);
	fake_status(fake, PHASE_MEMBER, 3000);
	assert_true(fake_is_quiet(fake));
	fake_detach(fake);
	fake_attach(fake, PHASE_MEMBER);
	/* All up to 2000 has come; what follows may not have. */
	assert_int_equal(next_watch(fake).since + next_watch(fake).since, 2001 + 2500);
	watch_free(fake, old);
	watch_free(fake, fresh);
	fake_free(&fake);
}

TEST(a_watch_is_not_kept_waiting_for_its_headers)
{
	struct fake *fake = fake_new(ROLE_CLIENT);
	struct test_watch *watch;
	struct test_call call;

	fake->worker.config.backend_wait = 1;
	watch = watch_new(fake, 0, 0);
	get(fake, &call, "/later");
	fake_until(fake, is_answered, &call);
	assert_true(fake_is_quiet(fake));
	assert_int_equal(watch->errors, 1);
	assert_int_equal(watch->error, ERR_RAFT_INTERNAL);
	watch_free(fake, watch);
	free_call(&call);
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
