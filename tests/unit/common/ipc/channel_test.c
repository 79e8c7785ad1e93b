/*
 * channel_test.c - tests of common/ipc/channel.c over real socket pairs.
 *
 * One end is a channel, the other a second channel or a bare socket that does
 * what no channel of ours would do. The loop runs until the test's condition
 * is met; a limit of turns and a timer end a test that would wait forever.
 */
#include "tests/lib/test.h"

#include "common/buf.h"
#include "common/diag.h"
#include "common/ipc/channel.h"
#include "common/limits.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#define PATIENCE_MS 10000

/* What a channel's owner saw, as text: "1" for a frame of type 1, "2(x)" with a
 * descriptor from which "x" is read, "!CLOSED" for the end. */
struct side {
	struct channel *channel;
	char seen[256];
	size_t bytes;		/* of payload, received, */
	size_t others;		/* and those of them that are not the number of their type */
	unsigned frames;
	bool takes_none;	/* of the descriptors; when it is opened */
	bool free_when_received;
	bool pause_when_received;
};

struct scene {
	struct loop *loop;
	struct loop_timer *patience;
	struct side a, b;
	int bare;		/* the other end of a, if b is none; else -1 */
};

static void
see(struct side *side, const char *what)
{
	size_t size = strlen(side->seen);

	snprintf(side->seen + size, sizeof(side->seen) - size, "%s", what);
}

static void
received(void *argument, const struct frame *frame, int fd)
{
	struct side *side = argument;
	char text[64];

	side->frames++;
	side->bytes += frame->payload.size;
	for (size_t i = 0; i < frame->payload.size; i++)
		side->others += frame->payload.data[i] != (uint8_t)frame->type;
	if (side->frames <= 20) {
		snprintf(text, sizeof(text), "%u", frame->type);
		see(side, text);
	}
	if (fd != -1) {
		ssize_t size = read(fd, text, 8);

		assert_true((fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0);
		text[MAX_OF(size, 0)] = '\0';
		see(side, "(");
		see(side, text);
		see(side, ")");
		close(fd);
	}
	if (side->pause_when_received)
		channel_pause(side->channel, true);
	if (side->free_when_received)
		channel_free(&side->channel);
}

static void
closed(void *argument, enum err why)
{
	struct side *side = argument;

	see(side, "!");
	see(side, why == ERR_CLOSED ? "closed" : err_text(why));
}

static void
out_of_patience(void *argument)
{
	loop_stop(argument, 1);
}

static void
open_side(struct scene *scene, struct side *side, int fd)
{
	side->channel = channel_new(scene->loop, fd, (struct channel_owner){
	    .name = side == &scene->a ? "b" : "a", .received = received, .closed = closed,
	    .takes_descriptors = !side->takes_none, .argument = side });
}

static void
open_scene(struct scene *scene, bool both)
{
	int pair[2];

	*scene = (struct scene){ .loop = loop_new(), .bare = -1 };
	scene->patience = loop_timer_new(scene->loop, out_of_patience, scene->loop);
	loop_timer_set(scene->patience, PATIENCE_MS);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	open_side(scene, &scene->a, pair[0]);
	if (both)
		open_side(scene, &scene->b, pair[1]);
	else
		scene->bare = pair[1];
}

static void
close_scene(struct scene *scene)
{
	channel_free(&scene->a.channel);
	channel_free(&scene->b.channel);
	if (scene->bare != -1)
		close(scene->bare);
	loop_timer_free(&scene->patience);
	loop_free(&scene->loop);
}

struct until {
	struct scene *scene;
	bool (*met)(struct scene *scene);
};

static void
check(void *argument)
{
	struct until *until = argument;

	if (until->met != NULL && until->met(until->scene)) {
		until->met = NULL;
		loop_stop(until->scene->loop, 0);
	}
}

/* Run the loop until the condition holds at the end of a turn. At most 8 times in a test. */
static void
run_until(struct scene *scene, struct until *until, bool (*met)(struct scene *scene))
{
	*until = (struct until){ scene, met };
	loop_at_turn_end(scene->loop, check, until);
	loop_again(scene->loop);
	assert_int_equal(loop_run(scene->loop, 0), 0);
}

static void
stop_loop(void *argument)
{
	loop_stop(argument, 0);
}

/* Run what is ready already, and nothing that is not. */
static void
run_ready(struct scene *scene)
{
	struct loop_timer *timer = loop_timer_new(scene->loop, stop_loop, scene->loop);

	loop_timer_set(timer, 2);
	assert_int_equal(loop_run(scene->loop, 0), 0);
	loop_timer_free(&timer);
}

static void
put_frame(struct side *side, uint16_t type, size_t payload_size)
{
	struct buf *out = channel_out(side->channel);
	size_t begun = frame_begin(out, type, 0, 0);
	uint8_t *room = buf_reserve(out, payload_size);

	if (room != NULL) {
		memset(room, type, payload_size);
		buf_added(out, payload_size);
	}
	frame_end(out, begun);
}

/* A descriptor to read text from, for the other side to show that it has it. */
static int
readable_with(const char *text)
{
	int ends[2];

	assert_int_equal(pipe(ends), 0);
	assert_int_equal(write(ends[1], text, strlen(text)), (ssize_t)strlen(text));
	close(ends[1]);
	return ends[0];
}

static void
put_frame_with_fd(struct side *side, uint16_t type, size_t payload_size, const char *text)
{
	int fd = readable_with(text);

	put_frame(side, type, payload_size);
	channel_attach(side->channel, fd);
	close(fd);
}

static bool
a_saw_the_end(struct scene *scene)
{
	return strchr(scene->a.seen, '!') != NULL;
}

static bool
a_saw_two_frames(struct scene *scene)
{
	return scene->a.frames == 2;
}

static bool
b_saw_five_frames(struct scene *scene)
{
	return scene->b.frames == 5;
}

TEST(frames_go_both_ways_in_order)
{
	struct scene scene;
	struct until first, second;

	open_scene(&scene, true);
	for (uint16_t type = 1; type <= 5; type++)
		put_frame(&scene.a, type, type * 10);
	put_frame(&scene.b, 8, 0);
	put_frame(&scene.b, 9, 100);
	assert_int_equal(channel_queued(scene.a.channel), 5 * 16 + 150);
	channel_flush(scene.a.channel);
	channel_flush(scene.b.channel);
	assert_int_equal(channel_queued(scene.a.channel), 0);
	run_until(&scene, &first, b_saw_five_frames);
	run_until(&scene, &second, a_saw_two_frames);
	assert_string_equal(scene.b.seen, "12345");
	assert_int_equal(scene.b.bytes, 150);
	assert_string_equal(scene.a.seen, "89");
	close_scene(&scene);
}

TEST(a_frame_that_comes_byte_by_byte_is_one_frame)
{
	struct scene scene;
	struct buf bytes = BUF_INIT;

	open_scene(&scene, false);
	frame_append(&bytes, 3, 0, 0, SLICE_LITERAL("abc"));
	frame_append(&bytes, 4, 0, 0, SLICE_EMPTY);
	for (size_t i = 0; i < bytes.size; i++) {
		assert_string_equal(scene.a.seen, i < 19 ? "" : "3");
		assert_int_equal(write(scene.bare, bytes.data + i, 1), 1);
		run_ready(&scene);
	}
	assert_string_equal(scene.a.seen, "34");
	assert_int_equal(scene.a.bytes, 3);
	buf_free(&bytes);
	close_scene(&scene);
}

TEST(a_length_above_the_limit_closes_the_channel_once)
{
	struct scene scene;
	struct until until;

	open_scene(&scene, false);
	assert_int_equal(write(scene.bare, "\xff\xff\xff\xff", 4), 4);
	run_until(&scene, &until, a_saw_the_end);
	assert_int_equal(write(scene.bare, "\xff\xff\xff\xff", 4), 4);
	close(scene.bare);
	scene.bare = -1;
	run_ready(&scene);
	assert_string_equal(scene.a.seen, "!above the limit");
	close_scene(&scene);
}

TEST(frames_before_the_end_are_delivered_before_it)
{
	struct scene scene;
	struct until until;
	struct buf bytes = BUF_INIT;

	open_scene(&scene, false);
	frame_append(&bytes, 1, 0, 0, SLICE_LITERAL("x"));
	frame_append(&bytes, 2, 0, 0, SLICE_LITERAL("y"));
	/* The last one is cut off: it is no frame. */
	assert_int_equal(write(scene.bare, bytes.data, bytes.size - 1), (ssize_t)bytes.size - 1);
	close(scene.bare);
	scene.bare = -1;
	run_until(&scene, &until, a_saw_the_end);
	run_ready(&scene);
	assert_string_equal(scene.a.seen, "1!closed");
	buf_free(&bytes);
	close_scene(&scene);
}

/* A child that ends says why and closes; our own write may fail before we have
 * read that. */
TEST(last_words_are_heard_even_if_a_write_failed_before)
{
	struct scene scene;
	struct until until;
	struct buf bytes = BUF_INIT;

	open_scene(&scene, false);
	frame_append(&bytes, 21, 0, 0, SLICE_LITERAL("last words"));
	assert_int_equal(write(scene.bare, bytes.data, bytes.size), (ssize_t)bytes.size);
	close(scene.bare);
	scene.bare = -1;
	put_frame(&scene.a, 1, 10);
	channel_flush(scene.a.channel);
	put_frame(&scene.a, 2, 10);
	channel_flush(scene.a.channel);
	assert_int_equal(channel_queued(scene.a.channel), 0);
	run_until(&scene, &until, a_saw_the_end);
	assert_string_equal(scene.a.seen, "21!closed");
	buf_free(&bytes);
	close_scene(&scene);
}

TEST(descriptors_ride_on_their_own_frames)
{
	struct scene scene;
	struct until until;

	open_scene(&scene, true);
	put_frame(&scene.a, 1, 5);
	put_frame_with_fd(&scene.a, 2, 100, "two");
	put_frame_with_fd(&scene.a, 3, 0, "three");
	put_frame(&scene.a, 4, 7);
	put_frame_with_fd(&scene.a, 5, 9, "five");
	channel_flush(scene.a.channel);
	run_until(&scene, &until, b_saw_five_frames);
	assert_string_equal(scene.b.seen, "12(two)3(three)45(five)");
	close_scene(&scene);
}

/* A frame with all but its first three bytes in a blob. */
static void
put_frame_with_tail(struct side *side, uint16_t type, struct blob *blob)
{
	struct buf *out = channel_out(side->channel);
	size_t begun = frame_begin(out, type, 0, 0);

	for (int i = 0; i < 3; i++)
		buf_append_byte(out, (uint8_t)type);
	memset(blob->data, type, blob->size);
	frame_end_before(out, begun, blob->size);
	channel_append_tail(side->channel, blob, blob_slice(blob));
}

TEST(tails_are_where_they_belong_and_go_when_they_are_sent)
{
	struct blob *blobs[3] = { blob_alloc(1), blob_alloc(300000), blob_alloc(5 * MIB) };
	struct scene scene;
	struct until until;

	open_scene(&scene, true);
	put_frame_with_tail(&scene.a, 1, blobs[1]);
	put_frame_with_fd(&scene.a, 2, 9, "two");
	put_frame_with_tail(&scene.a, 3, blobs[2]);
	put_frame_with_tail(&scene.a, 4, blobs[0]);
	put_frame_with_fd(&scene.a, 5, 70000, "five");
	assert_int_equal(channel_queued(scene.a.channel), 5 * 16 + 3 * 3 + 1 + 300000 + 5 * MIB +
	    9 + 70000);
	channel_flush(scene.a.channel);
	assert_int_equal(blobs[2]->references, 2);
	run_until(&scene, &until, b_saw_five_frames);
	assert_string_equal(scene.b.seen, "12(two)345(five)");
	assert_int_equal(scene.b.bytes, 3 * 3 + 1 + 300000 + 5 * MIB + 9 + 70000);
	assert_int_equal(scene.b.others, 0);
	assert_int_equal(channel_queued(scene.a.channel), 0);
	/* One that was the last leaves the next turn its limit. */
	put_frame(&scene.a, 2, 70000);
	put_frame_with_tail(&scene.a, 1, blobs[0]);
	channel_flush(scene.a.channel);
	assert_int_equal(channel_queued(scene.a.channel), 0);
	assert_int_equal(channel_out(scene.a.channel)->limit, CHANNEL_QUEUE_BYTES_MAX);
	/* The other side reads no more: what waits goes with the channel. */
	channel_pause(scene.b.channel, true);
	put_frame_with_tail(&scene.a, 6, blobs[2]);
	channel_flush(scene.a.channel);
	put_frame_with_tail(&scene.a, 7, blobs[1]);
	assert_int_equal(blobs[2]->references, 2);
	assert_int_equal(blobs[1]->references, 2);
	channel_free(&scene.a.channel);
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(blobs[i]->references, 1);
		blob_unref(&blobs[i]);
	}
	close_scene(&scene);
}

TEST(descriptors_keep_their_frames_when_the_socket_is_full)
{
	struct scene scene;
	struct until until;

	open_scene(&scene, true);
	put_frame(&scene.a, 1, 3 * MIB);
	put_frame_with_fd(&scene.a, 2, 2 * MIB, "two");
	channel_flush(scene.a.channel);
	assert_true(channel_queued(scene.a.channel) > 0);
	put_frame(&scene.a, 3, 10);
	channel_flush(scene.a.channel);
	put_frame_with_fd(&scene.a, 4, 1 * MIB, "four");
	put_frame(&scene.a, 5, 0);
	channel_flush(scene.a.channel);
	run_until(&scene, &until, b_saw_five_frames);
	assert_string_equal(scene.b.seen, "12(two)34(four)5");
	assert_int_equal(scene.b.bytes, 6 * MIB + 10);
	assert_int_equal(channel_queued(scene.a.channel), 0);
	close_scene(&scene);
}

static void
send_with_fds(int socket, struct slice bytes, const int *fds, size_t count)
{
	union {
		struct cmsghdr header;
		char room[CMSG_SPACE(8 * sizeof(int))];
	} control = { .room = { 0 } };
	struct iovec piece = { (void *)(uintptr_t)bytes.data, bytes.size };
	struct msghdr message = { .msg_iov = &piece, .msg_iovlen = 1, .msg_control = &control,
		.msg_controllen = CMSG_SPACE(count * sizeof(int)) };

	control.header.cmsg_level = SOL_SOCKET;
	control.header.cmsg_type = SCM_RIGHTS;
	control.header.cmsg_len = CMSG_LEN(count * sizeof(int));
	memcpy(CMSG_DATA(&control.header), fds, count * sizeof(int));
	assert_int_equal(sendmsg(socket, &message, 0), (ssize_t)bytes.size);
}

static bool
is_closed_everywhere(int read_end)
{
	struct pollfd poll_fd = { .fd = read_end, .events = POLLIN };

	return poll(&poll_fd, 1, 0) == 1 && (poll_fd.revents & POLLHUP) != 0;
}

TEST(descriptors_nobody_asked_for_are_closed)
{
	struct scene scene;
	struct until until;
	struct buf bytes = BUF_INIT;
	int pipes[5][2], ends[5];

	open_scene(&scene, false);
	for (size_t i = 0; i < 5; i++) {
		assert_int_equal(pipe(pipes[i]), 0);
		ends[i] = pipes[i][1];
	}
	frame_append(&bytes, 1, 0, 0, SLICE_LITERAL("x"));
	/* Five at once, then one with each half of the next frame. */
	send_with_fds(scene.bare, buf_slice(&bytes), ends, 5);
	send_with_fds(scene.bare, slice_of(bytes.data, 8), ends, 1);
	run_ready(&scene);
	send_with_fds(scene.bare, slice_of(bytes.data + 8, bytes.size - 8), ends, 1);
	run_until(&scene, &until, a_saw_two_frames);
	/* One came with each frame: the write end of a pipe, nothing to read. */
	assert_string_equal(scene.a.seen, "1()1()");
	for (size_t i = 0; i < 5; i++) {
		close(pipes[i][1]);
		assert_true(is_closed_everywhere(pipes[i][0]));
		close(pipes[i][0]);
	}
	buf_free(&bytes);
	close_scene(&scene);
}

TEST(descriptors_in_a_channel_that_goes_are_closed)
{
	struct scene scene;
	struct buf bytes = BUF_INIT;
	int came[2], going[2];

	open_scene(&scene, false);
	assert_int_equal(pipe(came), 0);
	assert_int_equal(pipe(going), 0);
	frame_append(&bytes, 1, 0, 0, SLICE_LITERAL("never whole"));
	send_with_fds(scene.bare, slice_of(bytes.data, 5), &came[1], 1);
	run_ready(&scene);
	put_frame(&scene.a, 1, 0);
	channel_attach(scene.a.channel, going[1]);
	close(came[1]);
	close(going[1]);
	assert_false(is_closed_everywhere(came[0]));
	assert_false(is_closed_everywhere(going[0]));
	channel_free(&scene.a.channel);
	assert_true(is_closed_everywhere(came[0]));
	assert_true(is_closed_everywhere(going[0]));
	close(came[0]);
	close(going[0]);
	buf_free(&bytes);
	close_scene(&scene);
}

TEST(an_owner_that_takes_no_descriptors_gets_none)
{
	struct scene scene;
	struct until until;
	struct buf bytes = BUF_INIT;
	int ends[2];

	open_scene(&scene, false);
	channel_free(&scene.a.channel);
	close(scene.bare);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	scene.bare = ends[1];
	scene.a.takes_none = true;
	open_side(&scene, &scene.a, ends[0]);
	frame_append(&bytes, 1, 0, 0, SLICE_LITERAL("x"));
	assert_int_equal(pipe(ends), 0);
	send_with_fds(scene.bare, buf_slice(&bytes), &ends[1], 1);
	send_with_fds(scene.bare, buf_slice(&bytes), &ends[1], 1);
	close(ends[1]);
	run_until(&scene, &until, a_saw_two_frames);
	assert_string_equal(scene.a.seen, "11");
	assert_true(is_closed_everywhere(ends[0]));
	close(ends[0]);
	buf_free(&bytes);
	close_scene(&scene);
}

/* A connection whose last close waits, since much is to be sent and nobody takes it;
 * its other end. */
static int
slow_to_close(int *other)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct linger linger = { .l_onoff = 1, .l_linger = 10 * PATIENCE_MS / 1000 };
	static const char piece[65536];
	socklen_t size = sizeof(address);
	int listener = socket(AF_INET, SOCK_STREAM, 0), fd = socket(AF_INET, SOCK_STREAM, 0);

	assert_int_equal(bind(listener, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(listener, 1), 0);
	assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &size), 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	*other = accept(listener, NULL, NULL);
	assert_int_not_equal(*other, -1);
	close(listener);
	while (send(fd, piece, sizeof(piece), MSG_DONTWAIT) > 0)
		continue;
	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger)), 0);
	return fd;
}

/* Else another process could stop this one for as long as it likes. */
TEST(a_descriptor_that_is_slow_to_close_keeps_nobody_waiting)
{
	static const struct {
		size_t copies;		/* in one message */
		bool read;		/* or the channel goes before */
	} rows[] = { { 1, true }, { 8, true }, { 1, false }, { 8, false } };

	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		uint64_t begun_ms = clock_now().monotonic_ms;
		struct buf bytes = BUF_INIT;
		struct scene scene;
		int fds[8], others[8];

		open_scene(&scene, false);
		frame_append(&bytes, 1, 0, 0, SLICE_LITERAL("x"));
		for (size_t n = 0; n < rows[i].copies; n++)
			fds[n] = slow_to_close(&others[n]);
		/* A frame that is not whole: its descriptors are nobody's yet. */
		send_with_fds(scene.bare, slice_of(bytes.data, 5), fds, rows[i].copies);
		for (size_t n = 0; n < rows[i].copies; n++)
			close(fds[n]);
		if (rows[i].read)
			run_ready(&scene);
		close_scene(&scene);
		assert_true(clock_now().monotonic_ms - begun_ms < PATIENCE_MS);
		for (size_t n = 0; n < rows[i].copies; n++)
			close(others[n]);
		buf_free(&bytes);
	}
}

TEST(who_lets_the_queue_fill_is_cut_off_but_not_inside_a_call)
{
	struct scene scene;
	struct until until;

	open_scene(&scene, false);
	for (size_t bytes = 0; bytes <= CHANNEL_QUEUE_BYTES_MAX; bytes += 8 * MIB) {
		put_frame(&scene.a, 1, 8 * MIB);
		channel_flush(scene.a.channel);
	}
	assert_string_equal(scene.a.seen, "");
	assert_int_equal(channel_queued(scene.a.channel), 0);
	run_until(&scene, &until, a_saw_the_end);
	run_ready(&scene);
	assert_string_equal(scene.a.seen, "!in use");
	close_scene(&scene);
}

TEST(a_turn_that_is_above_the_limit_alone_is_cut_off_too)
{
	struct scene scene;
	struct until until;

	open_scene(&scene, false);
	for (size_t bytes = 0; bytes <= CHANNEL_QUEUE_BYTES_MAX; bytes += 8 * MIB)
		put_frame(&scene.a, 1, 8 * MIB);
	channel_attach(scene.a.channel, STDERR_FILENO);
	channel_flush(scene.a.channel);
	run_until(&scene, &until, a_saw_the_end);
	assert_string_equal(scene.a.seen, "!in use");
	close_scene(&scene);
}

/* Tails count as what is copied. */
TEST(who_lets_tails_pile_up_is_cut_off_and_they_go)
{
	struct blob *blob = blob_alloc(8 * MIB);
	struct scene scene;
	struct until until;

	open_scene(&scene, false);
	for (size_t bytes = 0; bytes <= CHANNEL_QUEUE_BYTES_MAX; bytes += 8 * MIB)
		put_frame_with_tail(&scene.a, 1, blob);
	channel_flush(scene.a.channel);
	assert_int_equal(blob->references, 1);
	run_until(&scene, &until, a_saw_the_end);
	assert_string_equal(scene.a.seen, "!in use");
	blob_unref(&blob);
	close_scene(&scene);
}

TEST(a_channel_may_be_freed_in_its_own_call)
{
	struct scene scene;
	struct buf bytes = BUF_INIT;

	open_scene(&scene, false);
	scene.a.free_when_received = true;
	frame_append(&bytes, 1, 0, 0, SLICE_LITERAL("x"));
	frame_append(&bytes, 2, 0, 0, SLICE_LITERAL("y"));
	assert_int_equal(write(scene.bare, bytes.data, bytes.size), (ssize_t)bytes.size);
	run_ready(&scene);
	assert_string_equal(scene.a.seen, "1");
	assert_null(scene.a.channel);
	buf_free(&bytes);
	close_scene(&scene);
}

TEST(a_paused_channel_delivers_nothing_and_loses_nothing)
{
	struct scene scene;
	struct until until;
	struct buf bytes = BUF_INIT;

	open_scene(&scene, false);
	scene.a.pause_when_received = true;
	frame_append(&bytes, 1, 0, 0, SLICE_LITERAL("x"));
	frame_append(&bytes, 2, 0, 0, SLICE_LITERAL("y"));
	assert_int_equal(write(scene.bare, bytes.data, bytes.size), (ssize_t)bytes.size);
	run_ready(&scene);
	assert_string_equal(scene.a.seen, "1");
	channel_pause(scene.a.channel, false);
	assert_string_equal(scene.a.seen, "1");
	run_until(&scene, &until, a_saw_two_frames);
	assert_string_equal(scene.a.seen, "12");
	buf_free(&bytes);
	close_scene(&scene);
}

TEST(frames_sent_as_bytes_are_the_same_frames)
{
	struct scene scene;
	struct until until;
	struct buf bytes = BUF_INIT;

	open_scene(&scene, true);
	for (uint16_t type = 1; type <= 5; type++) {
		buf_clear(&bytes);
		frame_append(&bytes, type, 0, 0, SLICE_LITERAL("payload"));
		channel_send(scene.a.channel, buf_slice(&bytes));
	}
	channel_flush(scene.a.channel);
	run_until(&scene, &until, b_saw_five_frames);
	assert_string_equal(scene.b.seen, "12345");
	buf_free(&bytes);
	close_scene(&scene);
}

static bool
b_saw_all_and_a_queued_nothing(struct scene *scene)
{
	static unsigned put;

	/* A new frame each turn, so that turns with and without a queue mix. */
	if (put < 200) {
		put++;
		put_frame(&scene->a, (uint16_t)put, put * 1500);
		if (put % 7 == 0)
			put_frame_with_fd(&scene->a, (uint16_t)put, 1, "");
		channel_flush(scene->a.channel);
		loop_again(scene->loop);
	}
	return scene->b.frames == 200 + 200 / 7;
}

TEST(a_long_stream_over_many_turns_arrives_whole)
{
	struct scene scene;
	struct until until;

	open_scene(&scene, true);
	run_until(&scene, &until, b_saw_all_and_a_queued_nothing);
	assert_int_equal(scene.b.bytes, 1500 * 200 * 201 / 2 + 200 / 7);
	close_scene(&scene);
}

static void
note_line(void *argument, const struct diag_record *record)
{
	char *text = argument;
	size_t size = strlen(text);

	snprintf(text + size, 1024 - size, "%.*s\n", SLICE_ARGS(record->text));
}

static bool
b_saw_a_frame(struct scene *scene)
{
	return scene->b.frames > 0;
}

TEST(frames_are_lines_of_the_log_while_that_is_wanted)
{
	struct scene scene;
	struct until until[3];
	struct diag_levels levels;
	char text[1024] = "";

	open_scene(&scene, true);
	diag_set_writer(note_line, text);
	put_frame(&scene.a, 1, 2);
	channel_flush(scene.a.channel);
	run_until(&scene, &until[0], b_saw_a_frame);
	assert_string_equal(text, "");
	assert_null(diag_levels_parse("ipc=trace", &levels));
	diag_set_levels(&levels);
	put_frame(&scene.a, 2, 3);
	put_frame(&scene.a, 3, 0);
	assert_string_equal(text, "");
	channel_flush(scene.a.channel);
	scene.b.frames = 0;
	run_until(&scene, &until[1], b_saw_a_frame);
	assert_string_equal(text,
	    "sent to b: id=0 bytes=19 malformed unknown type=2 size=3\n"
	    "sent to b: id=0 bytes=16 malformed unknown type=3 size=0\n"
	    "received from a: id=0 bytes=19 malformed unknown type=2 size=3\n"
	    "received from a: id=0 bytes=16 malformed unknown type=3 size=0\n");
	text[0] = '\0';
	diag_set_level(DIAG_TRACE);
	put_frame(&scene.a, 2, 3);
	channel_flush(scene.a.channel);
	scene.b.frames = 0;
	run_until(&scene, &until[2], b_saw_a_frame);
	assert_string_equal(text, "");
	diag_set_writer(NULL, NULL);
	close_scene(&scene);
}
