/*
 * stream_test.c - frames on a connection: cut at every byte, foreign, too many.
 */
#include "httpd/peer/stream.h"

#include "common/limits.h"
#include "common/rand.h"
#include "common/xmem.h"
#include "tests/unit/httpd/peer/fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <event2/bufferevent.h>

struct end {
	struct fixture *fixture;
	struct stream *stream;
	int fd;				/* the other side */
	struct buf got;			/* frames, as they were told */
	unsigned count;
	unsigned closed;
	char why[128];
};

static void
on_frame(void *argument, const struct frame *frame)
{
	struct end *end = argument;

	frame_append(&end->got, frame->type, frame->flags, frame->request_id, frame->payload);
	end->count++;
}

static void
on_closed(void *argument, struct stream *stream, const char *why)
{
	struct end *end = argument;

	assert_ptr_equal(stream, end->stream);
	snprintf(end->why, sizeof(end->why), "%s", why);
	end->closed++;
	stream_free(&end->stream);
}

static struct end *
end_new(void)
{
	struct end *end = xzalloc(sizeof(*end));
	struct bufferevent *bev;
	int fds[2];

	end->fixture = fixture_new();
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
	bev = bufferevent_socket_new(loop_base(end->fixture->loop), fds[0],
	    BEV_OPT_CLOSE_ON_FREE | BEV_OPT_DEFER_CALLBACKS);
	end->fd = fds[1];
	end->stream = stream_new(bev,
	    (struct stream_ends){ LOCAL_ID, REMOTE_ID },
	    (struct stream_owner){ on_frame, end, on_closed, end });
	return end;
}

static void
end_free(struct end *end)
{
	stream_free(&end->stream);
	close(end->fd);
	buf_free(&end->got);
	fixture_free(&end->fixture);
	free(end);
}

static void
end_feed(struct end *end, const void *bytes, size_t size)
{
	assert_int_equal(send(end->fd, bytes, size, MSG_NOSIGNAL), size);
}

static bool
is_closed(void *argument)
{
	return ((struct end *)argument)->closed > 0;
}

static bool
has_two(void *argument)
{
	return ((struct end *)argument)->count == 2;
}

static void
put_heartbeat(struct buf *out, uint64_t from, uint64_t term)
{
	msg_raft_heartbeat_frame(out, from, &(struct msg_raft_heartbeat){ .term = term });
}

TEST(frames_cut_anywhere_arrive_whole_and_in_order)
{
	struct buf bytes = BUF_INIT;

	put_heartbeat(&bytes, REMOTE_ID, 1);
	put_heartbeat(&bytes, REMOTE_ID, 2);
	for (size_t cut = 0; cut <= bytes.size; cut++) {
		struct end *end = end_new();

		if (cut > 0)
			end_feed(end, bytes.data, cut);
		fixture_settle(end->fixture);
		assert_int_equal(end->count, cut == bytes.size ? 2 : cut >= bytes.size / 2 ? 1 : 0);
		if (cut < bytes.size)
			end_feed(end, bytes.data + cut, bytes.size - cut);
		fixture_run(end->fixture, has_two, end);
		assert_true(slice_equal(buf_slice(&end->got), buf_slice(&bytes)));
		assert_int_equal(end->closed, 0);
		end_free(end);
	}
	buf_free(&bytes);
}

TEST(a_frame_in_another_name_closes_the_stream)
{
	struct end *end = end_new();
	struct buf bytes = BUF_INIT;

	put_heartbeat(&bytes, REMOTE_ID, 1);
	put_heartbeat(&bytes, LOCAL_ID, 2);
	put_heartbeat(&bytes, REMOTE_ID, 3);
	end_feed(end, bytes.data, bytes.size);
	fixture_run(end->fixture, is_closed, end);
	assert_string_equal(end->why, "it sent a frame in the name of node 00000000000000a1");
	assert_int_equal(end->count, 1);
	end_free(end);
	buf_free(&bytes);
}

TEST(a_frame_that_is_not_for_nodes_closes_the_stream)
{
	static const uint16_t types[] = { MSG_write, MSG_member_change, MSG_status, MSG_hello, 0,
		0xffff };

	for (size_t i = 0; i < ARRAY_COUNT(types); i++) {
		struct end *end = end_new();
		struct buf bytes = BUF_INIT;

		frame_append(&bytes, types[i], 0, REMOTE_ID, SLICE_LITERAL("payload"));
		end_feed(end, bytes.data, bytes.size);
		fixture_run(end->fixture, is_closed, end);
		assert_int_equal(end->count, 0);
		end_free(end);
		buf_free(&bytes);
	}
}

TEST(unknown_flags_close_the_stream)
{
	struct end *end = end_new();
	struct buf bytes = BUF_INIT;

	frame_append(&bytes, MSG_raft_append, 0x8000, REMOTE_ID, SLICE_EMPTY);
	end_feed(end, bytes.data, bytes.size);
	fixture_run(end->fixture, is_closed, end);
	end_free(end);
	buf_free(&bytes);
}

TEST(a_length_above_the_limit_closes_the_stream_at_once)
{
	struct end *end = end_new();
	uint8_t head[FRAME_HEADER_BYTES] = { 0xf1, 0xff, 0xff, 0x00 };

	end_feed(end, head, sizeof(head));
	fixture_run(end->fixture, is_closed, end);
	assert_int_equal(end->count, 0);
	end_free(end);
}

/* Pitfall half-frames: "random bytes; same pid afterwards". */
TEST(garbage_closes_the_stream_or_waits)
{
	struct rand rand;

	rand_seed(&rand, 7);
	for (int round = 0; round < 200; round++) {
		struct end *end = end_new();
		uint8_t bytes[64];

		for (size_t i = 0; i < sizeof(bytes); i++)
			bytes[i] = (uint8_t)rand_next(&rand);
		if (round % 2 == 0)
			bytes[2] = bytes[3] = 0;
		end_feed(end, bytes, sizeof(bytes));
		fixture_settle(end->fixture);
		assert_int_equal(end->count, 0);
		end_free(end);
	}
}

TEST(the_end_of_the_connection_is_told_once_after_its_last_frame)
{
	struct end *end = end_new();
	struct buf bytes = BUF_INIT;

	put_heartbeat(&bytes, REMOTE_ID, 1);
	end_feed(end, bytes.data, bytes.size);
	end_feed(end, bytes.data, 3);
	assert_int_equal(shutdown(end->fd, SHUT_WR), 0);
	fixture_run(end->fixture, is_closed, end);
	fixture_settle(end->fixture);
	assert_int_equal(end->count, 1);
	assert_int_equal(end->closed, 1);
	end_free(end);
	buf_free(&bytes);
}

struct wanted {
	struct end *end;
	struct buf bytes;
	size_t size;
};

static bool
has_arrived(void *argument)
{
	struct wanted *wanted = argument;
	uint8_t bytes[4096];
	ssize_t size;

	while ((size = recv(wanted->end->fd, bytes, sizeof(bytes), MSG_DONTWAIT)) > 0)
		buf_append(&wanted->bytes, bytes, (size_t)size);
	return wanted->bytes.size >= wanted->size;
}

TEST(what_is_sent_bears_our_id_and_the_same_payload)
{
	struct end *end = end_new();
	struct wanted wanted = { end, BUF_INIT, FRAME_HEADER_BYTES + 5 };
	struct frame frame = { MSG_raft_append, FRAME_MORE, REMOTE_ID, SLICE_LITERAL("bytes") };
	struct frame seen;
	size_t used;

	assert_true(stream_send(end->stream, &frame));
	fixture_run(end->fixture, has_arrived, &wanted);
	assert_int_equal(frame_parse(buf_slice(&wanted.bytes), &seen, &used), ERR_NONE);
	assert_int_equal(used, wanted.bytes.size);
	assert_int_equal(seen.type, MSG_raft_append);
	assert_int_equal(seen.flags, FRAME_MORE);
	assert_true(seen.request_id == LOCAL_ID);
	assert_true(slice_equal(seen.payload, frame.payload));
	buf_free(&wanted.bytes);
	end_free(end);
}

TEST(a_queue_that_is_full_drops_the_newest)
{
	struct end *end = end_new();
	size_t size = 1 * MIB;
	void *payload = xzalloc(size);
	struct frame frame = { MSG_raft_append, 0, REMOTE_ID, slice_of(payload, size) };
	unsigned sent = 0;

	while (stream_send(end->stream, &frame))
		sent++;
	/* The socket is not asked before the loop runs. */
	assert_int_equal(sent, PEER_QUEUE_BYTES_MAX / (size + FRAME_HEADER_BYTES));
	assert_true(stream_queued(end->stream) <= PEER_QUEUE_BYTES_MAX);
	/* A small one still fits behind them: what was dropped leaves no hole. */
	frame.payload = SLICE_EMPTY;
	assert_true(stream_send(end->stream, &frame));
	free(payload);
	end_free(end);
}

TEST(a_frame_of_the_largest_size_passes_and_one_more_byte_does_not)
{
	struct end *end = end_new();
	size_t size = FRAME_BYTES_MAX - FRAME_HEADER_BYTES;
	void *payload = xzalloc(size + 1);
	struct frame frame = { MSG_raft_append, 0, REMOTE_ID, slice_of(payload, size + 1) };
	struct wanted wanted = { end, BUF_INIT, FRAME_BYTES_MAX };

	assert_false(stream_send(end->stream, &frame));
	frame.payload.size = size;
	assert_true(stream_send(end->stream, &frame));
	fixture_run(end->fixture, has_arrived, &wanted);
	assert_int_equal(wanted.bytes.size, FRAME_BYTES_MAX);
	buf_free(&wanted.bytes);
	free(payload);
	end_free(end);
}
