/*
 * session_test.c - raftd's end of a worker's channel: who may say what, and
 * what goes out in which order. The worker's end is a bare socket.
 */
#include "raftd/session/session.h"

#include "common/ipc/shared_index.h"
#include "common/limits.h"
#include "common/xmem.h"
#include "tests/lib/test.h"
#include "tests/unit/raftd/great.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct world {
	struct loop *loop;
	struct node *node;
	struct sessions *sessions;
	struct buf nowhere;
};

static uint64_t
submit(void *argument UNUSED, const struct wal_turn *turn UNUSED)
{
	return 1;
}

static struct buf *
peer_out(void *argument)
{
	struct world *w = argument;

	buf_clear(&w->nowhere);
	return &w->nowhere;
}

static void
note(void *argument UNUSED, enum diag_level level UNUSED, const char *format UNUSED,
    const char *text UNUSED)
{
}

static void
watching(void *argument, uint64_t session, uint64_t watch_id, const struct msg_watching *answer)
{
	struct world *w = argument;

	sessions_watching(w->sessions, session, watch_id, answer);
}

static void
stats(void *argument, uint64_t session, uint64_t request_id, const struct msg_stats *m)
{
	struct world *w = argument;

	sessions_stats(w->sessions, session, request_id, m);
}

static struct world *
world_new(void)
{
	struct world *w = xzalloc(sizeof(*w));
	struct node_config config = {
		.peer_url = "http://p", .client_url = "http://c", .heartbeat_ms = 50,
		.election_ms = 200, .request_timeout_ms = 1000, .watches_max = 10, .seed = 1,
		.new_cluster_id = 1, .join = true };
	struct node_io io = { .submit = submit, .peer_out = peer_out, .note = note,
		.watching = watching, .stats = stats, .argument = w };
	struct wal_recovered recovered = { .identity = { .node_id = 1, .name = "n" } };
	const char *where;

	w->loop = loop_new();
	w->node = node_new(&config, io, &recovered);
	assert_int_equal(node_start(w->node, loop_now(w->loop), &where), ERR_NONE);
	w->sessions = sessions_new(w->loop, w->node);
	return w;
}

static void
world_free(struct world *w)
{
	sessions_free(&w->sessions);
	node_free(&w->node);
	loop_free(&w->loop);
	buf_free(&w->nowhere);
	free(w);
}

/* Turns of the loop until it has nothing to do at once. */
static void
stop(void *argument)
{
	loop_stop(argument, 0);
}

static void
run(struct world *w)
{
	struct loop_timer *timer = loop_timer_new(w->loop, stop, w->loop);

	sessions_flush(w->sessions);
	loop_timer_set(timer, 1);
	loop_run(w->loop, 0);
	loop_timer_free(&timer);
	sessions_flush(w->sessions);
}

/* The worker's end of a new pair. */
static int
attach(struct world *w, int role, uint32_t number)
{
	int pair[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
	sessions_attach(w->sessions, role, number, 1234, pair[0]);
	return pair[1];
}

static void
say(int fd, const struct buf *frames)
{
	assert_int_equal(write(fd, frames->data, frames->size), (ssize_t)frames->size);
}

static void
greet(struct world *w, int fd, int role, uint32_t number, uint64_t token, uint64_t session)
{
	struct msg_hello hello = { .magic = WIRE_MAGIC, .protocol = WIRE_PROTOCOL,
		.role = (uint8_t)role, .number = number, .token = token, .session = session };
	struct buf out = BUF_INIT;

	msg_hello_frame(&out, 0, &hello);
	say(fd, &out);
	buf_free(&out);
	run(w);
}

/* Types of the frames that came, in order; -1 at the end if the channel closed. */
static size_t
hear(int fd, struct buf *in, int *types, size_t max)
{
	size_t count = 0, used;
	struct frame frame;
	ssize_t got;

	for (;;) {
		uint8_t *room = buf_reserve(in, 65536);

		got = read(fd, room, 65536);
		if (got <= 0)
			break;
		buf_added(in, (size_t)got);
	}
	while (count < max && frame_parse(buf_slice(in), &frame, &used) == ERR_NONE) {
		types[count++] = frame.type;
		buf_consume(in, used);
	}
	if (got == 0 && count < max)
		types[count++] = -1;
	return count;
}

/* Outcomes that came: how many; what they hold of an event is added to it. left: so many
 * frames, the last without FRAME_MORE. */
static size_t
hear_outcomes(int fd, struct buf *in, struct buf *event, size_t left)
{
	size_t count = 0, used;
	struct frame frame;

	(void)hear(fd, in, NULL, 0);
	while (frame_parse(buf_slice(in), &frame, &used) == ERR_NONE) {
		struct reader body = reader_of(frame.payload);
		struct msg_outcome outcome;

		assert_int_equal(frame.type, MSG_outcome);
		assert_int_equal(frame.flags, ++count < left ? FRAME_MORE : 0);
		assert_true(msg_outcome_get(&body, &outcome) && reader_done(&body));
		assert_true(slice_equal(outcome.cause, SLICE_LITERAL("cause")));
		assert_int_equal(outcome.store_index, 3);
		buf_append_slice(event, outcome.event);
		buf_consume(in, used);
	}
	return count;
}

static void
expect_closed(struct world *w, int fd)
{
	struct buf in = BUF_INIT;
	int types[8];
	size_t count;

	run(w);
	count = hear(fd, &in, types, ARRAY_COUNT(types));
	assert_true(count > 0);
	assert_int_equal(types[count - 1], -1);
	assert_int_equal(sessions_count(w->sessions), 0);
	buf_free(&in);
	close(fd);
}

TEST(a_hello_with_the_token_opens_and_gets_the_status)
{
	struct world *w = world_new();
	int fd = attach(w, ROLE_CLIENT, 1), types[8];
	struct buf in = BUF_INIT;

	greet(w, fd, ROLE_CLIENT, 1, 1234, 5);
	assert_int_equal(hear(fd, &in, types, 8), 2);
	assert_int_equal(types[0], MSG_hello);
	assert_int_equal(types[1], MSG_status);
	buf_free(&in);
	close(fd);
	world_free(w);
}

TEST(a_hello_with_another_token_role_or_number_is_refused)
{
	struct world *w = world_new();
	int fd;

	fd = attach(w, ROLE_CLIENT, 1);
	greet(w, fd, ROLE_CLIENT, 1, 999, 5);
	expect_closed(w, fd);
	fd = attach(w, ROLE_CLIENT, 1);
	greet(w, fd, ROLE_PEER, 1, 1234, 5);
	expect_closed(w, fd);
	fd = attach(w, ROLE_CLIENT, 1);
	greet(w, fd, ROLE_CLIENT, 2, 1234, 5);
	expect_closed(w, fd);
	world_free(w);
}

TEST(anything_before_the_hello_is_refused)
{
	struct world *w = world_new();
	struct msg_read read = { .key = SLICE_LITERAL("/a") };
	struct buf out = BUF_INIT;
	int fd = attach(w, ROLE_CLIENT, 1);

	msg_read_frame(&out, 1, &read);
	say(fd, &out);
	expect_closed(w, fd);
	buf_free(&out);
	world_free(w);
}

/* Every message that a client worker may not send ends its channel. */
TEST(a_client_worker_may_not_speak_for_nodes_or_members)
{
	for (uint16_t type = 1; type < 0x200; type++) {
		struct world *w;
		struct buf out = BUF_INIT;
		int fd;

		if (message_senders(type) == 0 || (message_senders(type) & FROM_CLIENT_WORKER) != 0)
			continue;
		w = world_new();
		fd = attach(w, ROLE_CLIENT, 1);
		greet(w, fd, ROLE_CLIENT, 1, 1234, 5);
		frame_append(&out, type, 0, 7, SLICE_EMPTY);
		say(fd, &out);
		expect_closed(w, fd);
		buf_free(&out);
		world_free(w);
	}
}

TEST(a_message_that_breaks_the_rules_ends_the_channel)
{
	static const struct msg_write bad[] = {
		{ .op = 0, .key = { (const uint8_t *)"/a", 2 } },
		{ .op = WRITE_CREATE_IN_ORDER + 1, .key = { (const uint8_t *)"/a", 2 } },
		{ .op = WRITE_SET, .flags = 0x80, .key = { (const uint8_t *)"/a", 2 } },
		{ .op = WRITE_SET, .key = { (const uint8_t *)"a", 1 } },
		{ .op = WRITE_SET, .key = { (const uint8_t *)"/a/", 3 } },
		{ .op = WRITE_SET, .key = { (const uint8_t *)"//a", 3 } },
		{ .op = WRITE_SET, .key = { NULL, 0 } },
	};

	for (size_t i = 0; i < ARRAY_COUNT(bad); i++) {
		struct world *w = world_new();
		struct buf out = BUF_INIT;
		int fd = attach(w, ROLE_CLIENT, 1);

		greet(w, fd, ROLE_CLIENT, 1, 1234, 5);
		msg_write_frame(&out, 1, &bad[i]);
		say(fd, &out);
		expect_closed(w, fd);
		buf_free(&out);
		world_free(w);
	}
}

/* A frame of any size: the channel is read meanwhile. */
static void
say_much(struct world *w, int fd, const struct buf *frame)
{
	size_t at = 0;

	while (at < frame->size && sessions_count(w->sessions) > 0) {
		ssize_t put = write(fd, frame->data + at, frame->size - at);

		if (put > 0)
			at += (size_t)put;
		else if (errno != EAGAIN)
			return;
		run(w);
	}
}

static void
expect_taken(const struct msg_write *write, bool taken)
{
	struct world *w = world_new();
	struct buf out = BUF_INIT;
	int fd = attach(w, ROLE_CLIENT, 1);

	greet(w, fd, ROLE_CLIENT, 1, 1234, 5);
	msg_write_frame(&out, 1, write);
	say_much(w, fd, &out);
	run(w);
	assert_int_equal(sessions_count(w->sessions), taken ? 1 : 0);
	buf_free(&out);
	close(fd);
	world_free(w);
}

/* Each of the three is allowed as it is; all together have to be one entry of the log. */
TEST(a_write_whose_parts_are_too_much_together_ends_the_channel)
{
	uint8_t *bytes = xzalloc(VALUE_BYTES_MAX);
	struct msg_write write = { .op = WRITE_COMPARE_AND_SWAP, .flags = WRITE_FLAG_PREV_VALUE,
		.key = SLICE_LITERAL("/a"), .value = slice_of(bytes, VALUE_BYTES_MAX),
		.prev_value = slice_of(bytes, WRITE_BYTES_MAX - VALUE_BYTES_MAX - 2) };

	expect_taken(&write, true);
	write.prev_value.size++;
	expect_taken(&write, false);
	free(bytes);
}

TEST(no_message_of_a_worker_however_large_ends_more_than_its_channel)
{
	static const uint64_t numbers[] = { 0, 1, UINT64_MAX };
	static const struct {
		int role;
		unsigned sender;
	} senders[] = { { ROLE_CLIENT, FROM_CLIENT_WORKER }, { ROLE_PEER, FROM_PEER_WORKER } };
	uint8_t *bytes = xzalloc(GREAT_BYTES_MAX);
	size_t sent = 0;

	bytes[0] = '/';
	memset(bytes + 1, 'x', GREAT_BYTES_MAX - 1);
	for (uint16_t type = 1; type < 0x100; type++)
		for (size_t i = 0; i < ARRAY_COUNT(senders) * ARRAY_COUNT(numbers); i++) {
			int role = senders[i % 2].role;
			struct buf frame = BUF_INIT;
			struct world *w;
			int fd;

			if (!great_frame(&frame, type, senders[i % 2].sender, 9, numbers[i / 2],
			    slice_of(bytes, GREAT_BYTES_MAX)))
				continue;
			w = world_new();
			fd = attach(w, role, role == ROLE_PEER ? 0 : 1);
			greet(w, fd, role, role == ROLE_PEER ? 0 : 1, 1234, 5);
			say_much(w, fd, &frame);
			run(w);
			/* What means nothing at this time is left aside. */
			assert_true(sessions_count(w->sessions) == 0 ||
			    type == MSG_joined || type == MSG_config_change);
			sent++;
			buf_free(&frame);
			close(fd);
			world_free(w);
		}
	assert_true(sent >= 7 * ARRAY_COUNT(numbers));
	free(bytes);
}

TEST(a_key_above_the_maximum_ends_the_channel)
{
	char *room = xmalloc(KEY_BYTES_MAX + 1);
	const struct {
		size_t names, bytes;
		bool taken;
	} keys[] = { { 1024, 3000, true }, { 1025, 3000, false }, { 2, KEY_BYTES_MAX, true },
		{ 2, KEY_BYTES_MAX + 1, false } };

	for (size_t i = 0; i < ARRAY_COUNT(keys); i++) {
		struct slice key = slice_of(room, keys[i].bytes);

		memset(room, 'x', keys[i].bytes);
		for (size_t name = 0; name < keys[i].names; name++)
			room[2 * name] = '/';
		expect_taken(&(struct msg_write){ .op = WRITE_SET, .key = key }, keys[i].taken);
		/* With the name that is added it would be too much. */
		expect_taken(&(struct msg_write){ .op = WRITE_CREATE_IN_ORDER, .key = key },
		    false);
		expect_taken(&(struct msg_write){ .op = WRITE_DELETE, .key = key },
		    keys[i].taken);
	}
	free(room);
}

TEST(a_bad_frame_of_a_node_does_not_end_the_peer_worker)
{
	struct world *w = world_new();
	struct buf out = BUF_INIT, in = BUF_INIT;
	int fd = attach(w, ROLE_PEER, 0), types[8];

	greet(w, fd, ROLE_PEER, 0, 1234, 5);
	frame_append(&out, MSG_raft_append, 0, 7, SLICE_LITERAL("nonsense"));
	say(fd, &out);
	run(w);
	assert_int_equal(sessions_count(w->sessions), 1);
	assert_int_equal(hear(fd, &in, types, 8), 2);
	buf_free(&out);
	buf_free(&in);
	close(fd);
	world_free(w);
}

TEST(a_new_channel_of_a_worker_replaces_its_old_one)
{
	struct world *w = world_new();
	struct buf in = BUF_INIT;
	int old = attach(w, ROLE_CLIENT, 1), fresh, types[8];
	size_t count;

	greet(w, old, ROLE_CLIENT, 1, 1234, 5);
	fresh = attach(w, ROLE_CLIENT, 1);
	greet(w, fresh, ROLE_CLIENT, 1, 1234, 5);
	count = hear(old, &in, types, 8);
	assert_int_equal(types[count - 1], -1);
	assert_int_equal(sessions_count(w->sessions), 1);
	buf_free(&in);
	close(old);
	close(fresh);
	world_free(w);
}

TEST(a_worker_that_drains_keeps_its_channel_beside_its_successor)
{
	struct world *w = world_new();
	struct node_outcome outcome = { .store_index = 3 };
	struct buf in = BUF_INIT;
	int old = attach(w, ROLE_CLIENT, 1), fresh, types[8];

	greet(w, old, ROLE_CLIENT, 1, 1234, 5);
	fresh = attach(w, ROLE_CLIENT, 1);
	greet(w, fresh, ROLE_CLIENT, 1, 1234, 6);
	assert_int_equal(hear(old, &in, types, 8), 2);
	sessions_outcome(w->sessions, 5, 9, &outcome);
	run(w);
	assert_int_equal(hear(old, &in, types, 8), 1);
	assert_int_equal(types[0], MSG_outcome);
	assert_int_equal(sessions_count(w->sessions), 2);
	buf_free(&in);
	close(old);
	close(fresh);
	world_free(w);
}

TEST(a_large_answer_comes_in_pieces_that_fit_frames)
{
	static const size_t last_pieces[] = { 5, TAIL_BYTES_MIN - 1, TAIL_BYTES_MIN };
	struct world *w = world_new();
	struct buf in = BUF_INIT, event = BUF_INIT;
	int fd = attach(w, ROLE_CLIENT, 1), types[8];

	greet(w, fd, ROLE_CLIENT, 1, 1234, 5);
	assert_int_equal(hear(fd, &in, types, 8), 2);
	/* With the blob that holds it, and without. */
	for (size_t i = 0; i < 2 * ARRAY_COUNT(last_pieces); i++) {
		struct blob *record = blob_alloc(3 * FRAME_CHUNK_BYTES + last_pieces[i / 2]);
		struct node_outcome outcome = { .cause = SLICE_LITERAL("cause"),
			.store_index = 3, .event = blob_slice(record),
			.record = i % 2 == 0 ? NULL : record };
		size_t frames = 0;

		for (size_t k = 0; k < record->size; k++)
			record->data[k] = (uint8_t)(k >> 8 ^ k);
		sessions_outcome(w->sessions, 5, 9, &outcome);
		buf_clear(&event);
		while (frames < 4) {
			run(w);
			frames += hear_outcomes(fd, &in, &event, 4 - frames);
		}
		assert_true(slice_equal(buf_slice(&event), blob_slice(record)));
		assert_int_equal(record->references, 1);
		blob_unref(&record);
	}
	buf_free(&event);
	buf_free(&in);
	close(fd);
	world_free(w);
}

/* The shared index that came with raftd's hello. */
static struct shared_index *
take_index(int fd)
{
	struct shared_index *shared;
	uint8_t bytes[65536];
	union {
		struct cmsghdr header;
		char room[CMSG_SPACE(sizeof(int))];
	} control;
	struct iovec piece = { bytes, sizeof(bytes) };
	struct msghdr message = { .msg_iov = &piece, .msg_iovlen = 1, .msg_control = &control,
		.msg_controllen = sizeof(control) };
	int passed;

	assert_true(recvmsg(fd, &message, 0) > 0);
	assert_int_equal(control.header.cmsg_type, SCM_RIGHTS);
	memcpy(&passed, CMSG_DATA(&control.header), sizeof(passed));
	assert_int_equal(shared_index_open(passed, &shared), ERR_NONE);
	return shared;
}

/* ---- what one worker may have ------------------------------------------------------ */

struct lost {
	uint64_t token;
	int why;
	unsigned count;
};

static void
note_lost(void *argument, uint64_t token, int why)
{
	struct lost *lost = argument;

	*lost = (struct lost){ token, why, lost->count + 1 };
}

/* The supervisor is told of each end but of those that have a successor. */
TEST(the_end_of_a_channel_is_told_with_its_reason)
{
	struct world *w = world_new();
	struct lost lost = { 0 };
	struct buf out = BUF_INIT;
	int fd, fresh;

	sessions_on_lost(w->sessions, note_lost, &lost);
	fd = attach(w, ROLE_CLIENT, 1);
	greet(w, fd, ROLE_CLIENT, 1, 1234, 5);
	frame_append(&out, MSG_settings, 0, 7, SLICE_EMPTY);
	say(fd, &out);
	run(w);
	assert_int_equal(lost.count, 1);
	assert_int_equal(lost.why, CHANNEL_END_RULES);
	assert_int_equal(lost.token, 1234);
	close(fd);
	fd = attach(w, ROLE_PEER, 0);
	greet(w, fd, ROLE_PEER, 0, 1234, 6);
	buf_clear(&out);
	for (size_t i = 0; i < FRAME_HEADER_BYTES; i++)
		buf_append_byte(&out, 0xff);
	say(fd, &out);
	run(w);
	assert_int_equal(lost.count, 2);
	assert_int_equal(lost.why, CHANNEL_END_BYTES);
	close(fd);
	fd = attach(w, ROLE_CLIENT, 1);
	greet(w, fd, ROLE_CLIENT, 1, 1234, 5);
	fresh = attach(w, ROLE_CLIENT, 1);
	greet(w, fresh, ROLE_CLIENT, 1, 1234, 5);
	assert_int_equal(lost.count, 2);
	close(fresh);
	run(w);
	assert_int_equal(lost.count, 3);
	assert_int_equal(lost.why, CHANNEL_END_CLOSED);
	buf_free(&out);
	close(fd);
	world_free(w);
}

/* One that hangs is cut off, its memory is given back, and a channel that it does not
 * answer yet costs nothing. */
TEST(a_worker_that_takes_nothing_is_cut_off_at_its_limit)
{
	struct world *w = world_new();
	struct lost lost = { 0 };
	uint8_t *value = xzalloc(8 * MIB);
	const uint64_t id = 3;
	struct msg_changed changed = { .store_index = 3 };
	size_t queued = 0;
	int fd, fresh;

	sessions_on_lost(w->sessions, note_lost, &lost);
	fd = attach(w, ROLE_CLIENT, 1);
	greet(w, fd, ROLE_CLIENT, 1, 1234, 5);
	/* Up to the limit it is waited for. */
	while (sessions_queued_for(w->sessions, 5) + 9 * MIB <= CHANNEL_QUEUE_BYTES_MAX) {
		sessions_event(w->sessions, 5, &id, 1, slice_of(value, 8 * MIB), 0);
		sessions_flush(w->sessions);
		queued = sessions_queued_for(w->sessions, 5);
	}
	run(w);
	assert_int_equal(lost.count, 0);
	assert_true(queued > CHANNEL_QUEUE_BYTES_MAX - 9 * MIB);
	for (unsigned i = 0; i < 2; i++)
		sessions_event(w->sessions, 5, &id, 1, slice_of(value, 8 * MIB), 0);
	run(w);
	assert_int_equal(lost.count, 1);
	assert_int_equal(lost.why, CHANNEL_END_QUEUE);
	assert_int_equal(sessions_queued(w->sessions), 0);
	assert_int_equal(sessions_count(w->sessions), 0);
	fresh = attach(w, ROLE_CLIENT, 1);
	run(w);
	for (unsigned i = 0; i < 100; i++) {
		sessions_event(w->sessions, 5, &id, 1, slice_of(value, 8 * MIB), 0);
		sessions_changed(w->sessions, &changed);
	}
	assert_int_equal(sessions_queued(w->sessions), 0);
	greet(w, fresh, ROLE_CLIENT, 1, 1234, 5);
	assert_int_equal(sessions_count(w->sessions), 1);
	assert_int_equal(lost.count, 1);
	free(value);
	close(fd);
	close(fresh);
	world_free(w);
}

/* A name is part of a key, and stands in lines for people. */
TEST(who_joins_has_a_name_that_a_machine_may_have)
{
	static const struct {
		struct slice name;
		uint8_t op;
		bool good;
	} rows[] = {
		{ { (const uint8_t *)"machine2", 8 }, MEMBER_JOIN, true },
		{ { (const uint8_t *)"a/b", 3 }, MEMBER_JOIN, false },
		{ { (const uint8_t *)"..", 2 }, MEMBER_JOIN, false },
		{ { (const uint8_t *)"m\0x", 3 }, MEMBER_JOIN, false },
		{ { (const uint8_t *)"\n", 1 }, MEMBER_JOIN, false },
		/* Nobody is called so, which the answer says. */
		{ { (const uint8_t *)"a/b", 3 }, MEMBER_REMOVE, true },
	};

	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		struct world *w = world_new();
		struct buf out = BUF_INIT;
		int fd = attach(w, ROLE_PEER, 0);

		greet(w, fd, ROLE_PEER, 0, 1234, 5);
		msg_member_change_frame(&out, 1, &(struct msg_member_change){ .op = rows[i].op,
		    .id = 7, .name = rows[i].name, .peer_url = SLICE_LITERAL("http://p"),
		    .client_url = SLICE_LITERAL("http://c") });
		say(fd, &out);
		if (rows[i].good) {
			run(w);
			assert_int_equal(sessions_count(w->sessions), 1);
			close(fd);
		} else {
			expect_closed(w, fd);
		}
		buf_free(&out);
		world_free(w);
	}
}

/* A worker that has been taken over may ask for anything, as often as it likes. */
TEST(requests_that_are_not_answered_are_bounded)
{
	struct world *w = world_new();
	struct msg_read read = { .flags = READ_FLAG_QUORUM, .key = SLICE_LITERAL("/a") };
	struct node_outcome outcome = { .error = ERR_RAFT_INTERNAL };
	struct buf out = BUF_INIT, in = BUF_INIT;
	int fd = attach(w, ROLE_CLIENT, 1), types[64];
	size_t answers = 0;

	/* No turn of the node: none is answered but by this test. */
	greet(w, fd, ROLE_CLIENT, 1, 1234, 5);
	for (size_t i = 0; i < SESSION_REQUESTS_MAX; i++) {
		msg_read_frame(&out, i + 1, &read);
		if (out.size > 4096) {
			say(fd, &out);
			buf_clear(&out);
			run(w);
		}
	}
	/* At the limit it is read no further. */
	msg_stats_ask_frame(&out, 9, &(struct msg_stats_ask){ .kind = STATS_STORE });
	say(fd, &out);
	run(w);
	run(w);
	assert_int_equal(hear(fd, &in, types, ARRAY_COUNT(types)), 2);
	/* Nor by pieces of an answer, which may be many. */
	outcome.more = true;
	for (int i = 0; i < 20; i++)
		sessions_outcome(w->sessions, 5, 1, &outcome);
	run(w);
	run(w);
	assert_int_equal(hear(fd, &in, types, ARRAY_COUNT(types)), 20);
	outcome.more = false;
	sessions_outcome(w->sessions, 5, 1, &outcome);
	run(w);
	run(w);
	answers = hear(fd, &in, types, ARRAY_COUNT(types));
	assert_int_equal(answers, 2);
	assert_int_equal(types[0], MSG_outcome);
	assert_int_equal(types[1], MSG_stats);
	assert_int_equal(sessions_count(w->sessions), 1);
	buf_free(&out);
	buf_free(&in);
	close(fd);
	world_free(w);
}

TEST(answers_that_are_not_taken_are_bounded)
{
	struct world *w = world_new();
	struct buf out = BUF_INIT;
	uint8_t *value = xzalloc(16 * MIB);
	struct node_outcome outcome = { .event = slice_of(value, 8 * MIB) };
	struct msg_stats_ask ask = { .kind = STATS_STORE };
	int fd = attach(w, ROLE_CLIENT, 1);
	size_t before;

	greet(w, fd, ROLE_CLIENT, 1, 1234, 5);
	while (sessions_queued(w->sessions) <= SESSION_QUEUE_BYTES - 8 * MIB)
		sessions_outcome(w->sessions, 5, 1, &outcome);
	run(w);
	/* Just below the limit: it is read no further than it takes to pass it. */
	outcome.event.size = SESSION_QUEUE_BYTES - sessions_queued(w->sessions) - 2048;
	sessions_outcome(w->sessions, 5, 1, &outcome);
	run(w);
	before = sessions_queued(w->sessions);
	assert_true(before > SESSION_QUEUE_BYTES - 2048 && before <= SESSION_QUEUE_BYTES);
	for (size_t i = 0; i < 1000; i++)
		msg_stats_ask_frame(&out, i + 1, &ask);
	say(fd, &out);
	run(w);
	assert_true(sessions_queued(w->sessions) > SESSION_QUEUE_BYTES);
	assert_true(sessions_queued(w->sessions) < SESSION_QUEUE_BYTES + 1024);
	buf_free(&out);
	free(value);
	close(fd);
	world_free(w);
}

/* A million watches of one key are no reason for a frame that no channel takes. */
TEST(an_event_for_more_watches_than_a_frame_names_comes_again)
{
	static const size_t counts[] = { EVENT_IDS_MAX, EVENT_IDS_MAX + 1, 1000000 };

	for (size_t i = 0; i < ARRAY_COUNT(counts); i++) {
		struct world *w = world_new();
		size_t count = counts[i], seen = 0, frames = 0, used;
		uint64_t *ids = xmalloc(count * sizeof(*ids));
		struct buf in = BUF_INIT;
		struct frame frame;
		int fd = attach(w, ROLE_CLIENT, 1), types[4];

		greet(w, fd, ROLE_CLIENT, 1, 1234, 5);
		assert_int_equal(hear(fd, &in, types, 4), 2);
		for (size_t id = 0; id < count; id++)
			ids[id] = id;
		sessions_event(w->sessions, 5, ids, count, SLICE_LITERAL("event"), 0);
		while (seen < count) {
			run(w);
			(void)hear(fd, &in, types, 0);
			while (frame_parse(buf_slice(&in), &frame, &used) == ERR_NONE) {
				struct msg_event event;

				assert_int_equal(frame.type, MSG_event);
				assert_int_equal(msg_event_decode(frame.payload, &event), ERR_NONE);
				assert_true(slice_equal(event.event, SLICE_LITERAL("event")));
				assert_memory_equal(event.watch_ids.data, ids + seen,
				    event.watch_ids.size);
				seen += event.watch_ids.size / sizeof(*ids);
				frames++;
				buf_consume(&in, used);
			}
		}
		assert_int_equal(seen, count);
		assert_int_equal(frames, (count + EVENT_IDS_MAX - 1) / EVENT_IDS_MAX);
		free(ids);
		buf_free(&in);
		close(fd);
		world_free(w);
	}
}

TEST(every_worker_sees_a_change_announced_before_any_outcome_leaves)
{
	struct world *w = world_new();
	struct msg_changed changed = { .store_index = 3 };
	struct node_outcome outcome = { .store_index = 3 };
	struct shared_index *shared[2];
	struct buf in[2] = { BUF_INIT, BUF_INIT };
	int fd[2], types[8];

	for (uint32_t i = 0; i < 2; i++) {
		fd[i] = attach(w, ROLE_CLIENT, i + 1);
		greet(w, fd[i], ROLE_CLIENT, i + 1, 1234, 5 + i);
		shared[i] = take_index(fd[i]);
		assert_true(shared_index_get(shared[i]) == 0);
		hear(fd[i], &in[i], types, 8);
	}
	sessions_changed(w->sessions, &changed);
	sessions_outcome(w->sessions, 5, 1, &outcome);
	for (uint32_t i = 0; i < 2; i++) {
		assert_true(shared_index_get(shared[i]) == 3);
		assert_int_equal(hear(fd[i], &in[i], types, 8), 0);
	}
	sessions_flush(w->sessions);
	assert_int_equal(hear(fd[0], &in[0], types, 8), 2);
	assert_int_equal(types[0], MSG_changed);
	assert_int_equal(types[1], MSG_outcome);
	assert_int_equal(hear(fd[1], &in[1], types, 8), 1);
	assert_int_equal(types[0], MSG_changed);
	for (uint32_t i = 0; i < 2; i++) {
		shared_index_free(&shared[i]);
		buf_free(&in[i]);
		close(fd[i]);
	}
	world_free(w);
}
