/* Tests of common/loop.c. */
#include "tests/lib/test.h"

#include "common/loop.h"

#include <arpa/inet.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

/* Notes what happened, and stops the loop after some turns; with 0 as their number
 * turns are not noted. */
struct story {
	struct loop *loop;
	struct loop_timer *timer, *other_timer;
	struct loop_io *io;
	int pipe[2];
	char notes[64];
	size_t count;
	unsigned turns, turns_max;
	uint64_t due_at_ms;
};

static void
note(struct story *story, char what)
{
	assert_true(story->count < sizeof(story->notes) - 1);
	story->notes[story->count++] = what;
}

static void
turn_ends(void *argument)
{
	struct story *story = argument;

	if (story->turns_max == 0)
		return;
	note(story, '.');
	if (++story->turns == story->turns_max)
		loop_stop(story->loop, 5);
}

static void
start(struct story *story, unsigned turns_max)
{
	*story = (struct story){ .loop = loop_new(), .turns_max = turns_max };
	loop_at_turn_end(story->loop, turn_ends, story);
	assert_int_equal(pipe(story->pipe), 0);
}

static void
finish(struct story *story, const char *expected)
{
	assert_string_equal(story->notes, expected);
	loop_io_free(&story->io);
	loop_timer_free(&story->timer);
	loop_timer_free(&story->other_timer);
	loop_free(&story->loop);
	assert_null(story->loop);
	close(story->pipe[0]);
	close(story->pipe[1]);
}

static void
note_a(void *argument)
{
	note(argument, 'a');
}

static void
note_b(void *argument)
{
	note(argument, 'b');
}

static void
note_c_and_stop(void *argument)
{
	struct story *story = argument;

	note(story, 'c');
	loop_stop(story->loop, 5);
}

/* In one turn or two: a slow machine may be late for both. */
TEST(timers_come_in_order_of_time_each_once)
{
	struct story story;

	start(&story, 0);
	story.timer = loop_timer_new(story.loop, note_c_and_stop, &story);
	story.other_timer = loop_timer_new(story.loop, note_b, &story);
	loop_timer_set(story.timer, 1);
	loop_timer_set(story.other_timer, 3);
	loop_timer_set(story.timer, 20);	/* replaces the first setting */
	assert_int_equal(loop_run(story.loop, 0), 5);
	finish(&story, "bc");
}

TEST(a_cancelled_timer_does_not_come)
{
	struct story story;

	start(&story, 1);
	story.timer = loop_timer_new(story.loop, note_a, &story);
	story.other_timer = loop_timer_new(story.loop, note_b, &story);
	loop_timer_set(story.timer, 1);
	loop_timer_set(story.other_timer, 10);
	loop_timer_cancel(story.timer);
	loop_run(story.loop, 0);
	finish(&story, "b.");
}

static void
due(void *argument)
{
	struct story *story = argument;

	story->due_at_ms = loop_now(story->loop).monotonic_ms;
	loop_stop(story->loop, 0);
}

TEST(a_timer_is_never_early)
{
	struct story story;
	uint64_t start_ms;

	start(&story, 100);
	story.timer = loop_timer_new(story.loop, due, &story);
	start_ms = clock_now().monotonic_ms;
	loop_timer_set(story.timer, 7);
	loop_run(story.loop, 0);
	assert_true(story.due_at_ms >= start_ms + 7);
	finish(&story, ".");
}

static void
again_thrice(void *argument)
{
	struct story *story = argument;

	if (story->turns < 4)
		loop_again(story->loop);
}

TEST(again_makes_turns_without_anything_ready)
{
	struct story story;

	start(&story, 4);
	loop_at_turn_end(story.loop, again_thrice, &story);
	loop_again(story.loop);
	loop_run(story.loop, 0);
	finish(&story, "....");
}

static void
ready(void *argument, unsigned events)
{
	struct story *story = argument;
	char byte;

	note(story, (events & LOOP_READ) != 0 ? 'r' : 'w');
	assert_int_equal(read(story->pipe[0], &byte, 1), 1);
}

TEST(what_is_ready_is_told_until_it_is_taken)
{
	struct story story;

	start(&story, 3);
	story.io = loop_io_new(story.loop, story.pipe[0], ready, &story);
	assert_int_equal(write(story.pipe[1], "xyz", 3), 3);
	loop_io_want(story.io, LOOP_READ);
	loop_run(story.loop, 0);
	finish(&story, "r.r.r.");
}

TEST(what_is_not_wanted_is_not_told)
{
	struct story story;

	start(&story, 1);
	story.io = loop_io_new(story.loop, story.pipe[0], ready, &story);
	story.timer = loop_timer_new(story.loop, note_a, &story);
	assert_int_equal(write(story.pipe[1], "x", 1), 1);
	loop_io_want(story.io, LOOP_READ);
	loop_io_want(story.io, 0);
	loop_timer_set(story.timer, 2);
	loop_run(story.loop, 0);
	finish(&story, "a.");
}

/* Both ends of a connection: what it began with was not read, and there is room. */
static void
connect_both(int ends[2])
{
	struct sockaddr_in address = { .sin_family = AF_INET,
	    .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t size = sizeof(address);
	int listening = socket(AF_INET, SOCK_STREAM, 0);

	assert_int_equal(bind(listening, (struct sockaddr *)&address, size), 0);
	assert_int_equal(listen(listening, 1), 0);
	assert_int_equal(getsockname(listening, (struct sockaddr *)&address, &size), 0);
	ends[1] = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(connect(ends[1], (struct sockaddr *)&address, size), 0);
	ends[0] = accept(listening, NULL, NULL);
	assert_true(ends[0] >= 0);
	assert_int_equal(write(ends[1], "x", 1), 1);
	close(listening);
}

static void
hung_up(void *argument, unsigned events)
{
	struct story *story = argument;

	note(story, events == LOOP_HANGUP ? 'h' : '?');
	loop_stop(story->loop, 0);
}

static void
end_other_side(void *argument)
{
	struct story *story = argument;

	note(story, 'e');
	if (story->pipe[1] >= 0)
		close(story->pipe[1]);
	story->pipe[1] = -1;
}

static void
expect_hangup(struct linger linger)
{
	struct story story;

	start(&story, 0);
	close(story.pipe[0]);
	close(story.pipe[1]);
	connect_both(story.pipe);
	assert_int_equal(setsockopt(story.pipe[1], SOL_SOCKET, SO_LINGER, &linger,
	    sizeof(linger)), 0);
	story.io = loop_io_new(story.loop, story.pipe[0], hung_up, &story);
	story.timer = loop_timer_new(story.loop, end_other_side, &story);
	loop_io_want(story.io, LOOP_HANGUP);
	loop_timer_set(story.timer, 5);
	loop_run(story.loop, 0);
	finish(&story, "eh");
}

TEST(who_wants_to_hear_of_the_end_only_hears_of_an_orderly_one)
{
	expect_hangup((struct linger){ 0 });
}

/* And of nothing before: neither of what could be read, nor of room to write. */
TEST(who_wants_to_hear_of_the_end_only_hears_of_a_reset)
{
	expect_hangup((struct linger){ .l_onoff = 1 });
}

static void
writable(void *argument, unsigned events)
{
	struct story *story = argument;

	note(story, events == LOOP_WRITE ? 'w' : '?');
	/* Freeing what is being called is allowed. */
	loop_io_free(&story->io);
}

TEST(an_io_may_be_freed_in_its_own_call)
{
	struct story story;

	start(&story, 1);
	story.io = loop_io_new(story.loop, story.pipe[1], writable, &story);
	loop_io_want(story.io, LOOP_WRITE);
	loop_run(story.loop, 0);
	finish(&story, "w.");
}

static void
caught(void *argument, int signal_number)
{
	note(argument, signal_number == SIGUSR1 ? 's' : '?');
}

TEST(a_signal_is_a_call_of_the_loop)
{
	struct story story;

	start(&story, 1);
	loop_on_signal(story.loop, SIGUSR1, caught, &story);
	assert_int_equal(raise(SIGUSR1), 0);
	assert_int_equal(story.count, 0);
	loop_run(story.loop, 0);
	finish(&story, "s.");
}

static void
wait_out_the_clock(void *argument)
{
	struct story *story = argument;
	struct clock_time now = loop_now(story->loop);
	uint64_t start_ns = clock_monotonic_ns();

	while (clock_monotonic_ns() - start_ns < 3 * NS_PER_MS)
		continue;
	assert_int_equal(loop_now(story->loop).monotonic_ms, now.monotonic_ms);
	assert_true(loop_now(story->loop).wall_ns == now.wall_ns);
	story->due_at_ms = MAX_OF(story->due_at_ms, now.monotonic_ms);
	loop_again(story->loop);
}

TEST(time_stands_still_in_a_turn_and_goes_on_between_turns)
{
	struct story story;
	uint64_t start_ms;

	start(&story, 3);
	loop_at_turn_end(story.loop, wait_out_the_clock, &story);
	start_ms = clock_now().monotonic_ms;
	loop_again(story.loop);
	loop_run(story.loop, 0);
	assert_true(story.due_at_ms >= start_ms + 6);
	finish(&story, "...");
}

TEST(a_stop_before_the_start_counts)
{
	struct story story;

	start(&story, 9);
	loop_stop(story.loop, 3);
	assert_int_equal(loop_run(story.loop, 0), 3);
	finish(&story, "");
}
