/*
 * backend_watch_test.c - watches across restarts of raftd: every event once and in
 * order, and of the past no more than was asked for.
 */
#include "tests/lib/test.h"
#include "tests/unit/httpd/fake_raftd.h"

#include "common/limits.h"
#include "common/xmem.h"

#include <stdlib.h>

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

static bool
may_be_kept(const struct backend_watch *watch UNUSED)
{
	return true;
}

static struct test_watch *
watch_new(struct fake *fake, unsigned flags, uint64_t since)
{
	struct test_watch *test = xzalloc(sizeof(*test));

	test->watch.watching = watching;
	test->watch.event = event_came;
	test->watch.soon = event_comes_soon;
	test->watch.may_be_kept = may_be_kept;
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

	fake_event(fake, &test->watch.question.id, 1, buf_slice(&event));
	buf_free(&event);
}

TEST(a_watch_from_now_on_resumes_where_it_began)
{
	struct fake *fake = fake_new(ROLE_CLIENT);
	struct test_watch *watch;

	fake_attach(fake, PHASE_MEMBER);
	watch = watch_new(fake, WATCH_FLAG_STREAM, 0);
	assert_int_equal(next_watch(fake).since, 0);
	fake_watching(fake, watch->watch.question.id, 30);
	assert_true(fake_is_quiet(fake));
	assert_int_equal(watch->watching, 1);

	fake_detach(fake);
	fake_attach(fake, PHASE_MEMBER);
	assert_int_equal(next_watch(fake).since, 31);
	fake_watching_behind(fake, watch->watch.question.id, 33);
	send_event(fake, watch, 32);
	fake_watching(fake, watch->watch.question.id, 33);
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
	fake_watching_behind(fake, watch->watch.question.id, 20);
	send_event(fake, watch, 12);
	send_event(fake, watch, 12);
	send_event(fake, watch, 11);
	send_event(fake, watch, 9);
	fake_watching(fake, watch->watch.question.id, 20);
	send_event(fake, watch, 20);
	send_event(fake, watch, 21);
	assert_true(fake_is_quiet(fake));
	assert_int_equal(watch->seen_count, 2);
	assert_int_equal(watch->seen[0], 12);
	assert_int_equal(watch->seen[1], 21);
	watch_free(fake, watch);
	fake_free(&fake);
}

/* What others get says nothing of one that is behind, until it has caught up. */
TEST(a_watch_that_is_behind_asks_for_all_that_it_has_not_had)
{
	struct fake *fake = fake_new(ROLE_CLIENT);
	struct test_watch *behind, *live;
	struct msg_watch asked;

	fake_attach(fake, PHASE_MEMBER);
	behind = watch_new(fake, WATCH_FLAG_STREAM, 10);
	next_watch(fake);
	live = watch_new(fake, WATCH_FLAG_STREAM, 0);
	next_watch(fake);
	fake_watching_behind(fake, behind->watch.question.id, 20);
	fake_watching(fake, live->watch.question.id, 20);
	send_event(fake, behind, 12);
	fake_status(fake, PHASE_MEMBER, 30);
	send_event(fake, live, 30);
	fake_status(fake, PHASE_MEMBER, 40);
	send_event(fake, live, 40);
	assert_true(fake_is_quiet(fake));
	assert_int_equal(behind->watching, 1);
	fake_detach(fake);
	backend_unwatch(fake->worker.backend, &live->watch);
	fake_attach(fake, PHASE_MEMBER);
	asked = next_watch(fake);
	assert_int_equal(asked.since, 13);
	assert_int_equal(asked.flags, WATCH_FLAG_STREAM);

	/* It has all up to 45, though nothing in it was for it. */
	fake_watching_behind(fake, behind->watch.question.id, 41);
	send_event(fake, behind, 42);
	fake_watching(fake, behind->watch.question.id, 45);
	assert_true(fake_is_quiet(fake));
	assert_int_equal(behind->watching, 1);
	assert_int_equal(behind->seen_count, 2);
	fake_detach(fake);
	fake_attach(fake, PHASE_MEMBER);
	asked = next_watch(fake);
	assert_int_equal(asked.since, 46);
	assert_int_equal(asked.flags, WATCH_FLAG_STREAM | WATCH_FLAG_GOES_ON);
	watch_free(fake, behind);
	watch_free(fake, live);
	fake_free(&fake);
}

TEST(more_of_the_past_is_asked_for_piece_by_piece)
{
	struct fake *fake = fake_new(ROLE_CLIENT);
	size_t size = WATCH_PIECE_BYTES / 2;
	char *value = xzalloc(size + 1);
	struct buf event;
	struct test_watch *watch;

	memset(value, 'v', size);
	event = fake_set_event("/w", value, 12, 0);
	fake_attach(fake, PHASE_MEMBER);
	watch = watch_new(fake, WATCH_FLAG_STREAM, 10);
	next_watch(fake);
	fake_watching_behind(fake, watch->watch.question.id, 20);
	fake_event(fake, &watch->watch.question.id, 1, buf_slice(&event));
	assert_true(fake_is_quiet(fake));
	assert_false(backend_watch_is_paused(&watch->watch));
	/* One that comes twice counts: raftd has counted it. */
	fake_event(fake, &watch->watch.question.id, 1, buf_slice(&event));
	assert_true(fake_is_quiet(fake));
	assert_true(backend_watch_is_paused(&watch->watch));
	backend_watch_more(fake->worker.backend, &watch->watch);
	assert_true(fake_next_id(fake, MSG_watch_more) == watch->watch.question.id);
	assert_false(backend_watch_is_paused(&watch->watch));
	/* A new raftd counts anew, and one that is live is not paused. */
	fake_event(fake, &watch->watch.question.id, 1, buf_slice(&event));
	fake_detach(fake);
	fake_attach(fake, PHASE_MEMBER);
	next_watch(fake);
	fake_watching_behind(fake, watch->watch.question.id, 20);
	fake_event(fake, &watch->watch.question.id, 1, buf_slice(&event));
	assert_true(fake_is_quiet(fake));
	assert_false(backend_watch_is_paused(&watch->watch));
	fake_watching(fake, watch->watch.question.id, 20);
	fake_event(fake, &watch->watch.question.id, 1, buf_slice(&event));
	assert_true(fake_is_quiet(fake));
	assert_false(backend_watch_is_paused(&watch->watch));
	watch_free(fake, watch);
	buf_free(&event);
	free(value);
	fake_free(&fake);
}

TEST(a_watch_that_is_no_stream_is_over_with_its_event)
{
	struct fake *fake = fake_new(ROLE_CLIENT);
	struct test_watch *watch;

	fake_attach(fake, PHASE_MEMBER);
	watch = watch_new(fake, 0, 0);
	next_watch(fake);
	fake_watching(fake, watch->watch.question.id, 1);
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
	id = watch->watch.question.id;
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
	ids[0] = one->watch.question.id;
	ids[1] = 999;
	ids[2] = two->watch.question.id;
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
	fake_watching(fake, old->watch.question.id, 10);
	fake_status(fake, PHASE_MEMBER, 2000);
	assert_true(fake_is_quiet(fake));
	/* Registered at 3000, with events from 2500 on still to come. */
	fresh = watch_new(fake, 0, 2500);
	next_watch(fake);
	fake_watching_behind(fake, fresh->watch.question.id, 3000);
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

static bool
has_error(void *argument)
{
	return ((struct test_watch *)argument)->errors != 0;
}

TEST(a_watch_is_not_kept_waiting_for_its_headers)
{
	struct fake *fake = fake_new(ROLE_CLIENT);
	struct test_watch *watch;

	fake->worker.config.backend_wait = 1;
	watch = watch_new(fake, 0, 0);
	fake_until(fake, has_error, watch);
	assert_true(fake_is_quiet(fake));
	assert_int_equal(watch->errors, 1);
	assert_int_equal(watch->error, ERR_RAFT_INTERNAL);
	watch_free(fake, watch);
	fake_free(&fake);
}

/* raftd may still come to what it was asked, and would keep it for ever. */
TEST(a_watch_that_was_not_answered_in_time_is_taken_back)
{
	struct fake *fake = fake_new(ROLE_CLIENT);
	struct test_watch *watch;
	uint64_t id;

	fake->worker.config.backend_wait = 1;
	fake_attach(fake, PHASE_MEMBER);
	watch = watch_new(fake, 0, 0);
	id = watch->watch.question.id;
	next_watch(fake);
	fake_until(fake, has_error, watch);
	assert_int_equal(watch->error, ERR_RAFT_INTERNAL);
	assert_true(fake_next_id(fake, MSG_unwatch) == id);
	watch_free(fake, watch);
	assert_true(fake_is_quiet(fake));
	fake_free(&fake);
}
