/*
 * streams_test.c - connections with other nodes that the peer worker gives to raftd: the test
 * is the worker and the other nodes.
 */
#include "raftd/session/streams.h"

#include "tests/unit/raftd/session/fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>

#define OURS 1			/* the node's id in the fixture */
#define THEIRS 7

struct giving {
	struct world *w;
	int worker;
	uint64_t number;	/* of the last one given */
	struct buf in;		/* what raftd said to the worker */
};

static struct giving
begin(void)
{
	struct giving g = { .w = world_new() };

	g.worker = attach(g.w, ROLE_PEER, 0);
	greet(g.w, g.worker, ROLE_PEER, 0, 1234, 5);
	return g;
}

static void
end(struct giving *g)
{
	if (g->worker != -1)
		close(g->worker);
	buf_free(&g->in);
	world_free(g->w);
}

/* A connection over the network of this machine: [0] is the other node's end. */
static void
connect_pair(int ends[2])
{
	struct sockaddr_in address = { .sin_family = AF_INET };
	socklen_t size = sizeof(address);
	int listener = socket(AF_INET, SOCK_STREAM, 0);

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(bind(listener, (struct sockaddr *)&address, size), 0);
	assert_int_equal(listen(listener, 1), 0);
	assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &size), 0);
	ends[0] = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(connect(ends[0], (struct sockaddr *)&address, size), 0);
	ends[1] = accept(listener, NULL, NULL);
	assert_int_not_equal(ends[1], -1);
	assert_int_equal(fcntl(ends[0], F_SETFL, O_NONBLOCK), 0);
	close(listener);
}

/* The worker says so, with that descriptor, which stays the caller's; -1: with none. */
static void
give(struct giving *g, const struct msg_peer_stream *message, int fd)
{
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = { .bytes = { 0 } };
	struct buf frame = BUF_INIT;
	struct iovec piece;
	struct msghdr parts = { .msg_iov = &piece, .msg_iovlen = 1 };

	msg_peer_stream_frame(&frame, 0, message);
	piece = (struct iovec){ frame.data, frame.size };
	if (fd != -1) {
		parts.msg_control = &control;
		parts.msg_controllen = sizeof(control);
		control.header.cmsg_level = SOL_SOCKET;
		control.header.cmsg_type = SCM_RIGHTS;
		control.header.cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(&control.header), &fd, sizeof(fd));
	}
	assert_int_equal(sendmsg(g->worker, &parts, 0), (ssize_t)frame.size);
	buf_free(&frame);
	run(g->w);
}

/* A good one, with those bytes: the other node's end. */
static int
given(struct giving *g, uint64_t id, struct slice in, struct slice out)
{
	int ends[2];

	connect_pair(ends);
	give(g, &(struct msg_peer_stream){ .number = ++g->number, .id = id, .local = OURS,
	    .in = in, .out = out }, ends[1]);
	close(ends[1]);
	return ends[0];
}

/* The number of the stream that the worker was told is over; 0: of none. */
static uint64_t
over(struct giving *g)
{
	uint8_t bytes[4096];
	struct frame frame;
	uint64_t number = 0;
	size_t used;
	ssize_t got;

	run(g->w);
	while ((got = recv(g->worker, bytes, sizeof(bytes), MSG_DONTWAIT)) > 0)
		buf_append(&g->in, bytes, (size_t)got);
	while (frame_parse(buf_slice(&g->in), &frame, &used) == ERR_NONE) {
		struct msg_peer_stream_over message;

		if (frame.type == MSG_peer_stream_over) {
			assert_int_equal(msg_peer_stream_over_decode(frame.payload, &message),
			    ERR_NONE);
			assert_int_equal(number, 0);
			number = message.number;
		}
		buf_consume(&g->in, used);
	}
	return number;
}

static bool
is_closed(int node)
{
	uint8_t bytes[4096];
	ssize_t got;

	while ((got = recv(node, bytes, sizeof(bytes), MSG_DONTWAIT)) > 0)
		continue;
	return got == 0 || errno == ECONNRESET;
}

static void
put_frame(struct buf *out, uint64_t id, struct slice payload)
{
	frame_append(out, MSG_raft_read_index, 0, id, payload);
}

/* raftd has such a frame for that node. */
static void
raftd_sends(struct giving *g, uint64_t to, struct slice payload)
{
	put_frame(sessions_peer_out(g->w->sessions), to, payload);
}

static void
expect_bytes(int node, struct slice expected)
{
	uint8_t *bytes = xmalloc(expected.size + 1);

	assert_int_equal(recv(node, bytes, expected.size + 1, MSG_DONTWAIT), expected.size);
	assert_memory_equal(bytes, expected.data, expected.size);
	free(bytes);
}

TEST(frames_of_raftd_leave_by_the_nodes_stream_in_our_name)
{
	struct giving g = begin();
	int node = given(&g, THEIRS, SLICE_EMPTY, SLICE_LITERAL("HTTP/1.1 101\r\n\r\n"));
	int other = given(&g, 8, SLICE_EMPTY, SLICE_EMPTY);
	struct buf expected = BUF_INIT;

	expect_bytes(node, SLICE_LITERAL("HTTP/1.1 101\r\n\r\n"));
	/* In the order of sending, whatever goes elsewhere in between, and more than fit a call. */
	for (int i = 0; i < 40; i++) {
		raftd_sends(&g, THEIRS, SLICE_LITERAL("one"));
		raftd_sends(&g, 8, SLICE_LITERAL("to another"));
		raftd_sends(&g, THEIRS, SLICE_LITERAL("two"));
		put_frame(&expected, OURS, SLICE_LITERAL("one"));
		put_frame(&expected, OURS, SLICE_LITERAL("two"));
	}
	run(g.w);
	expect_bytes(node, buf_slice(&expected));
	buf_free(&expected);
	close(node);
	close(other);
	end(&g);
}

TEST(what_no_stream_can_carry_goes_to_the_worker)
{
	struct giving g = begin();
	int node = given(&g, THEIRS, SLICE_EMPTY, SLICE_EMPTY), types[8];

	raftd_sends(&g, 9, SLICE_LITERAL("one"));
	frame_append(sessions_peer_out(g.w->sessions), MSG_snapshot_chunk, 0, THEIRS,
	    SLICE_LITERAL("bulk"));
	run(g.w);
	assert_int_equal(hear(g.worker, &g.in, types, 8), 4);
	assert_int_equal(types[2], MSG_raft_read_index);
	assert_int_equal(types[3], MSG_snapshot_chunk);
	assert_int_equal(recv(node, types, 1, MSG_DONTWAIT), -1);
	close(node);
	end(&g);
}

/* Some is there when it is given, some comes later, cut anywhere; bad payloads are the
 * conductor's to refuse, and end nothing. */
TEST(frames_of_the_node_are_read_in_pieces)
{
	struct giving g = begin();
	struct buf bytes = BUF_INIT;
	int node;

	put_frame(&bytes, THEIRS, SLICE_LITERAL("nonsense"));
	put_frame(&bytes, THEIRS, SLICE_LITERAL("more"));
	for (size_t cut = 0; cut <= bytes.size; cut++) {
		node = given(&g, THEIRS, slice_of(bytes.data, cut), SLICE_EMPTY);
		assert_int_equal(send(node, bytes.data + cut, bytes.size - cut, MSG_NOSIGNAL),
		    bytes.size - cut);
		run(g.w);
		assert_false(is_closed(node));
		assert_int_equal(over(&g), 0);
		close(node);
		assert_int_equal(over(&g), g.number);
	}
	buf_free(&bytes);
	end(&g);
}

/* raftd speaks at the end of each turn. */
static void
speak(void *argument)
{
	struct giving *g = argument;

	raftd_sends(g, THEIRS, SLICE_LITERAL("one"));
	sessions_flush(g->w->sessions);
}

TEST(what_came_with_a_stream_is_heard_though_raftd_speaks_first)
{
	struct giving g = begin();
	struct buf bytes = BUF_INIT;
	int node;

	/* Something that shows. */
	frame_append(&bytes, MSG_write, 0, THEIRS, SLICE_LITERAL("not for nodes"));
	loop_at_turn_end(g.w->loop, speak, &g);
	node = given(&g, THEIRS, buf_slice(&bytes), SLICE_EMPTY);
	assert_int_equal(over(&g), g.number);
	buf_free(&bytes);
	close(node);
	end(&g);
}

TEST(what_is_not_for_nodes_or_in_another_name_ends_the_stream)
{
	static const struct {
		uint16_t type, flags;
		uint64_t id;
	} wrong[] = { { MSG_raft_read_index, 0, THEIRS + 1 }, { MSG_raft_read_index, 0, OURS },
		{ MSG_write, 0, THEIRS }, { MSG_peer_stream, 0, THEIRS }, { 0xffff, 0, THEIRS },
		{ MSG_raft_read_index, FRAME_AGAIN, THEIRS } };
	static const uint8_t too_long[FRAME_HEADER_BYTES] = { 0xff, 0xff, 0xff, 0xff };
	struct giving g = begin();
	struct buf bytes = BUF_INIT;
	int node;

	for (size_t i = 0; i < ARRAY_COUNT(wrong); i++) {
		buf_clear(&bytes);
		frame_append(&bytes, wrong[i].type, wrong[i].flags, wrong[i].id,
		    SLICE_LITERAL("payload"));
		/* Behind it when it is given, or later. */
		for (int later = 0; later < 2; later++) {
			node = given(&g, THEIRS, later ? SLICE_EMPTY : buf_slice(&bytes),
			    SLICE_EMPTY);
			if (later)
				assert_int_equal(send(node, bytes.data, bytes.size, MSG_NOSIGNAL),
				    bytes.size);
			assert_int_equal(over(&g), g.number);
			assert_true(is_closed(node));
			close(node);
		}
	}
	node = given(&g, THEIRS, slice_of(too_long, sizeof(too_long)), SLICE_EMPTY);
	assert_int_equal(over(&g), g.number);
	close(node);
	assert_int_equal(sessions_count(g.w->sessions), 1);
	buf_free(&bytes);
	end(&g);
}

/* Nothing else than a connection of a network, whatever a worker gives. */
TEST(other_descriptors_and_streams_of_others_are_not_taken)
{
	struct giving g = begin();
	int local[2], pipes[2], ends[2], file = open("/dev/null", O_RDWR);
	int datagrams = socket(AF_INET, SOCK_DGRAM, 0);

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, local), 0);
	assert_int_equal(pipe(pipes), 0);
	for (int i = 0; i < 4; i++) {
		int fd = i == 0 ? local[1] : i == 1 ? pipes[1] : i == 2 ? file : datagrams;

		give(&g, &(struct msg_peer_stream){ .number = ++g.number, .id = THEIRS,
		    .local = OURS }, fd);
		assert_int_equal(over(&g), g.number);
	}
	for (int i = 0; i < 3; i++) {
		connect_pair(ends);
		give(&g, &(struct msg_peer_stream){ .number = ++g.number,
		    .id = i == 0 ? OURS : i == 1 ? 0 : THEIRS, .local = i == 2 ? 2 : OURS },
		    ends[1]);
		assert_int_equal(over(&g), g.number);
		assert_true(is_closed(ends[0]));
		close(ends[0]);
		close(ends[1]);
	}
	assert_int_equal(sessions_count(g.w->sessions), 1);
	close(local[0]);
	close(local[1]);
	close(pipes[0]);
	close(pipes[1]);
	close(file);
	close(datagrams);
	end(&g);
}

TEST(a_stream_at_its_bounds_is_taken_and_one_above_ends_the_channel)
{
	struct buf bytes = BUF_INIT;
	int ends[2];

	for (int i = 0; i < 6; i++) {
		struct giving g = begin();
		struct msg_peer_stream message = { .number = 1, .id = THEIRS, .local = OURS,
			.flags = PEER_STREAM_ALL };

		/* The beginning of a frame of the largest size. */
		buf_clear(&bytes);
		put_frame(&bytes, THEIRS, SLICE_EMPTY);
		bytes.data[0] = bytes.data[1] = bytes.data[2] = 0xf0;
		while (bytes.size < STREAM_GIVEN_BYTES_MAX + (i == 1 || i == 2))
			buf_append_byte(&bytes, 'x');
		if (i <= 1)
			message.in = buf_slice(&bytes);
		else if (i == 2)
			message.out = buf_slice(&bytes);
		else if (i == 3)
			message.number = 0;
		else if (i == 4)
			message.flags = PEER_STREAM_ALL + 1;
		connect_pair(ends);
		give(&g, &message, i == 5 ? -1 : ends[1]);
		close(ends[1]);
		assert_int_equal(sessions_count(g.w->sessions), i == 0);
		if (i == 0)
			assert_false(is_closed(ends[0]));
		close(ends[0]);
		end(&g);
	}
	buf_free(&bytes);
}

TEST(a_newer_stream_takes_the_place_of_the_older)
{
	struct giving g = begin();
	int older = given(&g, THEIRS, SLICE_EMPTY, SLICE_EMPTY);
	int newer = given(&g, THEIRS, SLICE_EMPTY, SLICE_EMPTY);
	struct buf expected = BUF_INIT;

	assert_int_equal(over(&g), 1);
	assert_true(is_closed(older));
	raftd_sends(&g, THEIRS, SLICE_LITERAL("one"));
	run(g.w);
	put_frame(&expected, OURS, SLICE_LITERAL("one"));
	expect_bytes(newer, buf_slice(&expected));
	buf_free(&expected);
	close(older);
	close(newer);
	end(&g);
}

/* And the next worker hears nothing of what it did not give. */
TEST(streams_outlive_their_worker)
{
	struct giving g = begin();
	int node = given(&g, THEIRS, SLICE_EMPTY, SLICE_EMPTY);
	struct buf expected = BUF_INIT;

	close(g.worker);
	run(g.w);
	assert_int_equal(sessions_count(g.w->sessions), 0);
	raftd_sends(&g, THEIRS, SLICE_LITERAL("one"));
	run(g.w);
	put_frame(&expected, OURS, SLICE_LITERAL("one"));
	expect_bytes(node, buf_slice(&expected));
	g.worker = attach(g.w, ROLE_PEER, 0);
	greet(g.w, g.worker, ROLE_PEER, 0, 1234, 6);
	close(node);
	assert_int_equal(over(&g), 0);
	buf_free(&expected);
	end(&g);
}

/* A node that does not read: what waits for it is bounded, frames are dropped whole, and the
 * rest comes when it reads. */
TEST(a_queue_that_is_full_drops_whole_frames)
{
	struct giving g = begin();
	int node = given(&g, THEIRS, SLICE_EMPTY, SLICE_EMPTY);
	uint8_t *payload = xzalloc(MIB), *room = xmalloc(MIB);
	struct buf in = BUF_INIT;
	struct frame frame;
	size_t frames = 0, used;
	ssize_t got;

	for (int i = 0; i < 60; i++) {
		raftd_sends(&g, THEIRS, slice_of(payload, MIB));
		run(g.w);
	}
	raftd_sends(&g, THEIRS, SLICE_LITERAL("last"));
	for (int idle = 0; idle < 100;) {
		run(g.w);
		got = recv(node, room, MIB, MSG_DONTWAIT);
		idle = got > 0 ? 0 : idle + 1;
		if (got > 0)
			buf_append(&in, room, (size_t)got);
		while (frame_parse(buf_slice(&in), &frame, &used) == ERR_NONE) {
			frames++;
			assert_true(frame.payload.size == MIB || frame.payload.size == 4);
			buf_consume(&in, used);
		}
	}
	assert_int_equal(in.size, 0);
	/* What the sockets hold comes on top. */
	assert_in_range(frames, PEER_QUEUE_BYTES_MAX / MIB - 1, 55);
	/* Small ones have room again. */
	raftd_sends(&g, THEIRS, SLICE_LITERAL("again"));
	run(g.w);
	assert_true(recv(node, room, MIB, MSG_DONTWAIT) > 0);
	free(payload);
	free(room);
	buf_free(&in);
	close(node);
	end(&g);
}

TEST(streams_are_bounded_in_number)
{
	struct giving g = begin();
	int nodes[STREAMS_MAX + 1];

	for (size_t i = 0; i < ARRAY_COUNT(nodes); i++)
		nodes[i] = given(&g, 100 + i, SLICE_EMPTY, SLICE_EMPTY);
	assert_int_equal(over(&g), STREAMS_MAX + 1);
	assert_true(is_closed(nodes[STREAMS_MAX]));
	for (size_t i = 0; i < ARRAY_COUNT(nodes); i++)
		close(nodes[i]);
	end(&g);
}
