/*
 * session_test.c - raftd's end of a worker's channel: who may say what, and
 * what goes out in which order.
 */
#include "tests/unit/raftd/session/fixture.h"

#include "tests/unit/raftd/great.h"

#include <errno.h>

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

TEST(a_hello_with_the_token_opens_and_gets_the_status)
{
	struct world *w = world_new();
	int fd = attach(w, ROLE_CLIENT, 1), types[8];
	struct buf in = BUF_INIT;

	greet(w, fd, ROLE_CLIENT, 1, 1234, 5);
	/* With a status it begins to serve: by then it has to know the users. */
	assert_int_equal(hear(fd, &in, types, 8), 5);
	assert_int_equal(types[0], MSG_hello);
	assert_int_equal(types[1], MSG_auth);
	assert_int_equal(types[2], MSG_v3_auth);
	assert_int_equal(types[3], MSG_v3_tokens);
	assert_int_equal(types[4], MSG_status);
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
		{ .op = WRITE_OPS_LAST + 1, .key = { (const uint8_t *)"/a", 2 } },
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
			assert_true(sessions_count(w->sessions) == 0 || type == MSG_joined);
			sent++;
			buf_free(&frame);
			close(fd);
			world_free(w);
		}
	assert_true(sent >= 7 * ARRAY_COUNT(numbers));
	free(bytes);
}

TEST(items_of_a_configuration_above_the_maximum_end_the_channel)
{
	uint8_t *bytes = xzalloc(CONFIG_ITEMS_BYTES_MAX + 1);

	for (size_t more = 0; more <= 1; more++) {
		struct world *w = world_new();
		struct buf out = BUF_INIT;
		int fd = attach(w, ROLE_PEER, 0);

		greet(w, fd, ROLE_PEER, 0, 1234, 5);
		msg_config_change_frame(&out, 1, &(struct msg_config_change){
		    .items = slice_of(bytes, CONFIG_ITEMS_BYTES_MAX + more) });
		say_much(w, fd, &out);
		run(w);
		assert_int_equal(sessions_count(w->sessions), more == 0 ? 1 : 0);
		buf_free(&out);
		close(fd);
		world_free(w);
	}
	free(bytes);
}

TEST(a_change_of_places_at_its_bounds_is_taken_and_one_above_ends_the_channel)
{
	static char text[PLACE_URLS_BYTES_MAX + 1];
	static const struct {
		uint8_t op;
		uint64_t id;
		size_t urls, asker;
		bool taken;
	} rows[] = {
		{ PLACE_MAKE, 1, PLACE_URLS_BYTES_MAX, ASKER_BYTES_MAX, true },
		{ PLACE_MAKE, 1, PLACE_URLS_BYTES_MAX + 1, 0, false },
		{ PLACE_MAKE, 1, 1, ASKER_BYTES_MAX + 1, false },
		{ PLACE_MAKE, 0, 1, 0, false },
		{ PLACE_MOVE, 1, 0, 0, false },
		{ PLACE_REMOVE, 1, 0, 0, true },
		{ PLACE_REMOVE, 1, 1, 0, false },
		{ PLACE_REMOVE + 1, 1, 1, 0, false },
	};

	memset(text, 'u', sizeof(text));
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		struct world *w = world_new();
		int fd = attach(w, ROLE_CLIENT, 1);
		struct buf out = BUF_INIT;

		greet(w, fd, ROLE_CLIENT, 1, 1234, 5);
		msg_place_change_frame(&out, 7, &(struct msg_place_change){ .op = rows[i].op,
		    .id = rows[i].id, .peer_urls = slice_of(text, rows[i].urls),
		    .asker = slice_of(text, rows[i].asker) });
		say_much(w, fd, &out);
		run(w);
		assert_int_equal(sessions_count(w->sessions), rows[i].taken ? 1 : 0);
		buf_free(&out);
		close(fd);
		world_free(w);
	}
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
		expect_taken(&(struct msg_write){ .op = WRITE_LOCK_ACQUIRE, .key = key },
		    false);
		expect_taken(&(struct msg_write){ .op = WRITE_LOCK_RELEASE, .key = key },
		    keys[i].taken);
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
	assert_int_equal(hear(old, &in, types, 8), 5);
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
	assert_int_equal(hear(fd, &in, types, 8), 5);
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
