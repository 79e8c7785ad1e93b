/*
 * share_test.c - what one worker may have, and what others are told when it has too much.
 */
#include "tests/unit/raftd/session/fixture.h"

#include <sys/socket.h>

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
	assert_int_equal(hear(fd, &in, types, ARRAY_COUNT(types)), 5);
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
		int fd = attach(w, ROLE_CLIENT, 1), types[6];

		greet(w, fd, ROLE_CLIENT, 1, 1234, 5);
		assert_int_equal(hear(fd, &in, types, 6), 5);
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

/* Two workers, of which the index is seen and nothing was said yet. */
struct pair {
	struct world *w;
	struct shared_index *shared[2];
	struct buf in[2];
	int fd[2];
};

static void
pair_open(struct pair *pair)
{
	int types[8];

	*pair = (struct pair){ .w = world_new(), .in = { BUF_INIT, BUF_INIT } };
	for (uint32_t i = 0; i < 2; i++) {
		pair->fd[i] = attach(pair->w, ROLE_CLIENT, i + 1);
		greet(pair->w, pair->fd[i], ROLE_CLIENT, i + 1, 1234, 5 + i);
		pair->shared[i] = take_index(pair->fd[i]);
		assert_true(shared_index_get(pair->shared[i]) == 0);
		hear(pair->fd[i], &pair->in[i], types, 8);
	}
}

static void
pair_close(struct pair *pair)
{
	for (size_t i = 0; i < 2; i++) {
		shared_index_free(&pair->shared[i]);
		buf_free(&pair->in[i]);
		close(pair->fd[i]);
	}
	world_free(pair->w);
}

/* Store index so much changed these bytes of paths. */
static void
change(struct pair *pair, uint64_t index, struct slice path)
{
	struct path_record record = { .path = path };
	struct buf paths = BUF_INIT;

	path_record_put(&paths, &record);
	sessions_changed(pair->w->sessions, &(struct msg_changed){ .store_index = index,
	    .paths = buf_slice(&paths) });
	buf_free(&paths);
}

/* The next frame that this worker gets is of changes up to that index: of so many paths,
 * the first is this one. */
static void
expect_changed(struct pair *pair, size_t worker, uint64_t index, size_t count, const char *first)
{
	struct buf *in = &pair->in[worker];
	struct frame frame;
	struct msg_changed changed;
	struct path_record path;
	struct reader paths;
	size_t used, found = 0;

	sessions_flush(pair->w->sessions);
	run(pair->w);
	for (;;) {
		ssize_t got = read(pair->fd[worker], buf_reserve(in, 512 * KIB), 512 * KIB);

		if (got <= 0)
			break;
		buf_added(in, (size_t)got);
	}
	assert_int_equal(frame_parse(buf_slice(in), &frame, &used), ERR_NONE);
	assert_int_equal(frame.type, MSG_changed);
	assert_int_equal(msg_changed_decode(frame.payload, &changed), ERR_NONE);
	assert_true(changed.store_index == index);
	for (paths = reader_of(changed.paths); !reader_done(&paths); found++) {
		assert_true(path_record_get(&paths, &path));
		if (found == 0)
			assert_true(slice_equal(path.path, slice_text(first)));
	}
	assert_int_equal(found, count);
	buf_consume(in, used);
}

TEST(every_worker_sees_a_change_announced_before_any_outcome_leaves)
{
	struct node_outcome outcome = { .store_index = 3 };
	struct pair pair;
	int types[8];

	pair_open(&pair);
	change(&pair, 3, SLICE_LITERAL("/a"));
	sessions_outcome(pair.w->sessions, 5, 1, &outcome);
	for (uint32_t i = 0; i < 2; i++) {
		assert_true(shared_index_get(pair.shared[i]) == 3);
		assert_int_equal(hear(pair.fd[i], &pair.in[i], types, 8), 0);
	}
	expect_changed(&pair, 0, 3, 1, "/a");
	assert_int_equal(hear(pair.fd[0], &pair.in[0], types, 8), 1);
	assert_int_equal(types[0], MSG_outcome);
	pair_close(&pair);
}

/* It wakes up for nothing else; what it was not told it is told before all that follows. */
TEST(a_worker_that_nobody_reads_at_is_told_of_changes_with_what_comes_next)
{
	struct node_outcome outcome = { .store_index = 4 };
	struct pair pair;
	int types[8];

	pair_open(&pair);
	change(&pair, 3, SLICE_LITERAL("/a"));
	change(&pair, 4, SLICE_LITERAL("/b"));
	sessions_flush(pair.w->sessions);
	run(pair.w);
	assert_int_equal(hear(pair.fd[1], &pair.in[1], types, 8), 0);
	sessions_outcome(pair.w->sessions, 6, 1, &outcome);
	expect_changed(&pair, 1, 4, 2, "/a");
	assert_int_equal(hear(pair.fd[1], &pair.in[1], types, 8), 1);
	assert_int_equal(types[0], MSG_outcome);
	sessions_outcome(pair.w->sessions, 6, 2, &outcome);
	sessions_flush(pair.w->sessions);
	assert_int_equal(hear(pair.fd[1], &pair.in[1], types, 8), 1);
	assert_int_equal(types[0], MSG_outcome);
	pair_close(&pair);
}

TEST(a_worker_that_asked_for_a_key_lately_is_told_of_changes_at_once)
{
	struct buf out = BUF_INIT;
	struct pair pair;

	pair_open(&pair);
	change(&pair, 3, SLICE_LITERAL("/a"));
	msg_read_frame(&out, 1, &(struct msg_read){ .key = SLICE_LITERAL("/a") });
	say(pair.fd[1], &out);
	run(pair.w);
	change(&pair, 4, SLICE_LITERAL("/b"));
	expect_changed(&pair, 1, 3, 1, "/a");
	expect_changed(&pair, 1, 4, 1, "/b");
	buf_free(&out);
	pair_close(&pair);
}

TEST(what_a_worker_was_not_told_is_bounded_and_then_all_has_changed)
{
	/* A path and its length, of which one more would be too many. */
	enum { PATHS = 63 };
	static uint8_t name[KIB];
	struct node_outcome outcome = { .store_index = 0 };
	struct pair pair;

	memset(name, 'x', sizeof(name));
	name[0] = '/';
	pair_open(&pair);
	for (uint64_t last = PATHS; last <= PATHS + 1; last++) {
		for (uint64_t i = 1; i <= last; i++)
			change(&pair, i, slice_of(name, sizeof(name)));
		outcome.store_index = last;
		sessions_outcome(pair.w->sessions, 6, 1, &outcome);
		if (last == PATHS) {
			char first[sizeof(name) + 1] = "";

			memcpy(first, name, sizeof(name));
			expect_changed(&pair, 1, last, PATHS, first);
		} else {
			expect_changed(&pair, 1, last, 1, "/");
		}
		buf_clear(&pair.in[1]);
	}
	pair_close(&pair);
}
