/*
 * silence_test.c - who is silent, who only seems so, and what a worker does then.
 */
#include "httpd/silence.h"

#include "tests/lib/test.h"
#include "tests/unit/httpd/fake_raftd.h"

#include "common/limits.h"

#include <stdlib.h>
#include <unistd.h>

struct looks {
	struct silence silence;
	uint64_t now_ms, beats;
};

static struct looks
begin(void)
{
	struct looks looks = { .now_ms = 5000, .beats = 7 };

	silence_begin(&looks.silence, looks.now_ms, looks.beats);
	return looks;
}

static bool
look_after(struct looks *looks, uint64_t ms)
{
	looks->now_ms += ms;
	return silence_look(&looks->silence, looks->now_ms, looks->beats);
}

TEST(who_beats_every_second_is_never_silent)
{
	struct looks looks = begin();

	for (int i = 0; i < 100; i++) {
		/* The worst: each sign comes just behind a look. */
		assert_false(look_after(&looks, 0));
		looks.beats++;
		for (int step = 0; step < 10; step++)
			assert_false(look_after(&looks, ALIVE_INTERVAL_MS / 10));
	}
}

TEST(who_stops_is_silent_after_the_limit_and_not_before)
{
	struct looks looks = begin();
	uint64_t waited_ms = 0;

	while (!look_after(&looks, 100)) {
		waited_ms += 100;
		assert_true(silence_is_suspected(&looks.silence));
	}
	assert_int_equal(waited_ms + 100, RAFTD_SILENT_MS);
	assert_false(silence_is_suspected(&looks.silence));
	assert_true(look_after(&looks, 0));
	assert_true(look_after(&looks, 60000));
	looks.beats++;
	assert_false(look_after(&looks, 1));
	assert_false(silence_is_suspected(&looks.silence));
}

/* Of looks that are ALIVE_INTERVAL_MS apart the first makes it suspect. */
TEST(an_idle_worker_suspects_at_its_next_look)
{
	struct looks looks = begin();

	assert_false(look_after(&looks, ALIVE_INTERVAL_MS));
	assert_true(silence_is_suspected(&looks.silence));
}

/* The machine slept, or all of the node was stopped: at any point of raftd's second,
 * for any time. The worker is there first. */
TEST(the_workers_own_absence_is_nobodys_silence)
{
	static const uint64_t pauses_ms[] = { 800, 1000, 1500, 2000, 5000, 3600000 };

	for (size_t i = 0; i < ARRAY_COUNT(pauses_ms); i++) {
		for (uint64_t since_ms = 0; since_ms <= ALIVE_INTERVAL_MS; since_ms += 100) {
			struct looks looks = begin();

			for (uint64_t ms = 0; ms < since_ms; ms += 100)
				assert_false(look_after(&looks, 100));
			assert_false(look_after(&looks, pauses_ms[i]));
		}
	}
}

/* ---- what a worker does then ------------------------------------------------------------- */

struct test_call {
	struct backend_call call;
	bool answered;
	uint16_t error;
	struct buf cause;
};

static void
call_done(struct backend_call *call, const struct msg_outcome *outcome)
{
	struct test_call *test = CONTAINER_OF(call, struct test_call, call);

	test->answered = true;
	test->error = outcome->error;
	buf_append_slice(&test->cause, outcome->cause);
}

static void
call_piece(struct backend_call *call UNUSED, const struct msg_outcome *outcome UNUSED)
{
}

static void
call_lost(struct backend_call *call UNUSED)
{
	fail_msg("raftd was not lost");
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
get(struct fake *fake, struct test_call *test, const char *key, unsigned flags)
{
	*test = (struct test_call){ .call.done = call_done, .call.piece = call_piece,
		.call.lost = call_lost };
	backend_read(fake->worker.backend, &test->call,
	    &(struct msg_read){ .flags = (uint8_t)flags, .key = slice_text(key) });
}

static void
free_call(struct test_call *test)
{
	buf_free(&test->cause);
}

struct test_stats {
	struct backend_stats_call call;
	uint16_t error;
};

static void
stats_done(struct backend_stats_call *call, const struct msg_stats *stats)
{
	CONTAINER_OF(call, struct test_stats, call)->error = stats->error;
}

struct test_backup {
	struct backend_backup backup;
	uint16_t error;
};

static void
piece_came(struct backend_backup *backup, const struct msg_backup_piece *piece)
{
	CONTAINER_OF(backup, struct test_backup, backup)->error = piece->error;
}

static bool
is_silent(void *argument)
{
	loop_again(((struct fake *)argument)->worker.loop);
	return backend_is_silent(((struct fake *)argument)->worker.backend);
}

static bool
is_heard(void *argument)
{
	return !is_silent(argument);
}

/* It answers everything else in time itself, but a plain read may stand in a queue. */
TEST(only_a_plain_read_may_wait_longer_for_a_raftd_that_lives)
{
	struct fake *fake = fake_new(ROLE_CLIENT);
	struct test_call plain, write, quorum;

	fake->worker.config.request_timeout = 1;
	fake_attach(fake, PHASE_MEMBER);
	assert_true(fake_is_quiet(fake));
	get(fake, &plain, "/p", 0);
	put(fake, &write, "/w");
	get(fake, &quorum, "/q", READ_FLAG_QUORUM);
	fake_until(fake, is_answered, &quorum);
	assert_true(write.answered);
	assert_int_equal(quorum.error, ERR_RAFT_INTERNAL);
	assert_false(plain.answered);
	backend_cancel(fake->worker.backend, &plain.call);
	free_call(&write);
	free_call(&quorum);
	fake_free(&fake);
}

/* What was asked, of any kind, ends by -request-timeout and not by both timeouts. */
TEST(a_silent_raftd_owes_no_answer_longer_than_the_request_timeout)
{
	struct fake *fake = fake_new(ROLE_PEER);
	struct test_call plain, write, quorum, pieces;
	struct test_stats stats = { .call.done = stats_done };
	struct test_backup backup = { .backup.piece = piece_came };

	fake->worker.config.request_timeout = RAFTD_SILENT_MS;
	fake->worker.config.backend_wait = 3600000;
	fake_attach(fake, PHASE_MEMBER);
	assert_true(fake_is_quiet(fake));
	assert_false(backend_is_silent(fake->worker.backend));
	/* In the middle of a big answer. */
	get(fake, &pieces, "/big", 0);
	fake_piece(fake, fake_next_id(fake, MSG_read), SLICE_LITERAL("012"), true);
	fake_until(fake, has_piece, &pieces);
	backend_call_more(fake->worker.backend, &pieces.call);
	get(fake, &plain, "/p", 0);
	put(fake, &write, "/w");
	get(fake, &quorum, "/q", READ_FLAG_QUORUM);
	backend_stats(fake->worker.backend, &stats.call, STATS_SELF);
	assert_true(backend_backup(fake->worker.backend, &backup.backup));
	fake_until(fake, is_answered, &plain);
	assert_true(backend_is_silent(fake->worker.backend));
	assert_true(write.answered && quorum.answered && pieces.answered);
	assert_int_equal(plain.error, ERR_RAFT_INTERNAL);
	assert_int_equal(pieces.error, ERR_RAFT_INTERNAL);
	assert_int_equal(stats.error, ERR_RAFT_INTERNAL);
	assert_int_equal(backup.error, ERR_CLOSED);
	assert_non_null(memmem(write.cause.data, write.cause.size, "may or may not", 14));
	free_call(&plain);
	free_call(&write);
	free_call(&quorum);
	free_call(&pieces);
	fake_free(&fake);
}

TEST(silence_ends_with_the_first_sign_of_life_or_with_another_raftd)
{
	struct fake *fake = fake_new(ROLE_CLIENT);

	fake_attach(fake, PHASE_MEMBER);
	assert_true(fake_is_quiet(fake));
	fake_until(fake, is_silent, fake);
	shared_index_beat(fake->announced);
	assert_false(backend_is_silent(fake->worker.backend));
	fake_until(fake, is_silent, fake);
	fake_detach(fake);
	fake_until(fake, is_heard, fake);
	fake_attach(fake, PHASE_MEMBER);
	assert_true(fake_is_quiet(fake));
	assert_false(backend_is_silent(fake->worker.backend));
	fake_free(&fake);
}

/* One answer to all: a body that was rendered before may be as old as the silence. */
TEST(plain_reads_are_refused_at_once_and_others_are_not)
{
	struct fake *fake = fake_new(ROLE_CLIENT);
	struct buf event = fake_set_event("/k", "v", 3, 0), in = BUF_INIT;
	int fd;

	fake_attach(fake, PHASE_MEMBER);
	assert_true(fake_is_quiet(fake));
	fd = fake_connect(fake);
	fake_send(fd, "GET /v2/keys/k HTTP/1.1\r\nHost: h\r\n\r\n");
	fake_outcome(fake, fake_next_id(fake, MSG_read), ERR_NONE, buf_slice(&event), 0);
	fake_receive(fake, fd, &in, "\n");
	fake_receive(fake, fd, &in, "}\n");
	fake_until(fake, is_silent, fake);
	fake_send(fd, "GET /v2/keys/k HTTP/1.1\r\nHost: h\r\n\r\n"
	    "HEAD /v2/keys/other HTTP/1.1\r\nHost: h\r\n\r\n"
	    "GET /health HTTP/1.1\r\nHost: h\r\n\r\n");
	fake_receive(fake, fd, &in, "{\"health\": \"false\", "
	    "\"reason\": \"raftd gives no sign of life\"}");
	assert_int_equal(fake_count(&in, "HTTP/1.1 500 "), 2);
	assert_int_equal(fake_count(&in, "\"errorCode\":300"), 1);
	assert_int_equal(fake_count(&in, "\"cause\":\"raftd gives no sign of life\""), 1);
	assert_true(fake_is_quiet(fake));
	fake_send(fd, "GET /v2/keys/k?quorum=true HTTP/1.1\r\nHost: h\r\n\r\n");
	fake_outcome(fake, fake_next_id(fake, MSG_read), ERR_NONE, buf_slice(&event), 0);
	fake_receive(fake, fd, &in, "\"v\"");
	shared_index_beat(fake->announced);
	in.size = 0;
	fake_send(fd, "GET /v2/keys/other HTTP/1.1\r\nHost: h\r\n\r\n");
	fake_outcome(fake, fake_next_id(fake, MSG_read), ERR_NONE, buf_slice(&event), 0);
	fake_receive(fake, fd, &in, "}\n");
	assert_int_equal(fake_count(&in, "HTTP/1.1 200 "), 1);
	close(fd);
	buf_free(&in);
	buf_free(&event);
	fake_free(&fake);
}
