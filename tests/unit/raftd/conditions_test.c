/*
 * conditions_test.c - what the members tell each other of themselves, for people.
 */
#include "tests/unit/raftd/world.h"

#include "common/ipc/wire.h"
#include "common/limits.h"
#include "common/xmem.h"
#include "tests/lib/test.h"

#include <stdlib.h>

#define OTHER UINT64_C(0xb2)
#define STRANGER UINT64_C(0xc3)

static struct world *
world_of_two(void)
{
	struct world *w = world_leading();

	node_member_change(w->node, WORLD_SESSION, 9, false, &(struct msg_member_change){
	    .op = MEMBER_JOIN, .id = OTHER, .name = SLICE_LITERAL("machine2"),
	    .peer_url = SLICE_LITERAL("http://m2:7001"),
	    .client_url = SLICE_LITERAL("http://m2:4001") });
	world_settle(w);
	assert_int_equal(w->last.error, ERR_NONE);
	buf_clear(&w->peer_out);
	return w;
}

/* The questions that went to the other one since that was asked last; *asked_ns: in the last. */
static size_t
questions(struct world *w, uint64_t *asked_ns)
{
	struct slice rest = buf_slice(&w->peer_out);
	struct msg_condition_ask ask;
	struct frame frame;
	size_t used, count = 0;

	while (frame_parse(rest, &frame, &used) == ERR_NONE) {
		if (frame.type == MSG_condition_ask) {
			assert_int_equal(frame.request_id, OTHER);
			assert_int_equal(msg_condition_ask_decode(frame.payload, &ask), ERR_NONE);
			*asked_ns = ask.asked_ns;
			count++;
		}
		rest = slice_of(rest.data + used, rest.size - used);
	}
	buf_clear(&w->peer_out);
	return count;
}

/* Somebody looks; what is known of the other one. */
static struct progress_record
look(struct world *w)
{
	struct progress_record record = { 0 };
	struct reader in;

	node_stats(w->node, WORLD_SESSION, 5, STATS_PROGRESS);
	assert_int_equal(w->stats.error, ERR_NONE);
	in = reader_of(buf_slice(&w->progress));
	assert_true(progress_record_get(&in, &record) && reader_done(&in));
	assert_int_equal(record.id, OTHER);
	return record;
}

static enum err
hear(struct world *w, uint64_t from, const struct msg_condition *m)
{
	struct buf bytes = BUF_INIT;
	struct frame frame;
	size_t used;
	enum err err;

	msg_condition_frame(&bytes, from, m);
	assert_int_equal(frame_parse(buf_slice(&bytes), &frame, &used), ERR_NONE);
	err = node_peer_frame(w->node, &frame);
	buf_free(&bytes);
	return err;
}

TEST(who_looks_has_the_others_asked_and_sees_what_they_tell)
{
	struct world *w = world_of_two();
	uint64_t asked_ns = 0;
	struct progress_record seen = look(w);

	assert_int_equal(seen.condition.size, 0);
	assert_int_equal(questions(w, &asked_ns), 1);
	assert_int_equal(asked_ns, w->now.wall_ns);
	world_turn(w, 3);
	assert_int_equal(hear(w, OTHER, &(struct msg_condition){ .asked_ns = asked_ns,
	    .wall_ns = asked_ns + NS_PER_MS, .applied = 7, .facts = SLICE_LITERAL("told") }),
	    ERR_NONE);
	seen = look(w);
	assert_true(slice_equal(seen.condition, SLICE_LITERAL("told")));
	assert_int_equal(seen.applied, 7);
	/* Between the question and the answer: its clock may be right. */
	assert_int_equal(seen.ahead_ns, 0);
	assert_int_equal(seen.behind_ns, 0);
	/* Somebody who asks all the time has nobody asked more often, */
	for (int i = 0; i < 10; i++) {
		world_turn(w, 80);
		look(w);
	}
	assert_int_equal(questions(w, &asked_ns), 0);
	world_turn(w, 100);
	look(w);
	assert_int_equal(questions(w, &asked_ns), 1);
	/* and what was told is forgotten. */
	world_turn(w, 5000);
	assert_int_equal(look(w).condition.size, 0);
	world_free(w);
}

TEST(nobody_is_asked_while_nobody_looks)
{
	struct world *w = world_of_two();
	uint64_t asked_ns;

	for (int i = 0; i < 100; i++)
		world_turn(w, 100);
	assert_int_equal(questions(w, &asked_ns), 0);
	world_free(w);
}

TEST(who_does_not_answer_owes_it_since_the_first_question)
{
	struct world *w = world_of_two();
	uint64_t asked_ns = 0;

	assert_int_equal(look(w).owes_ms, 0);
	for (int i = 0; i < 4; i++) {
		world_turn(w, 1000);
		assert_int_equal(look(w).owes_ms, 1000 * (i + 1));
	}
	assert_int_equal(questions(w, &asked_ns), 1);
	assert_int_equal(hear(w, OTHER, &(struct msg_condition){ .asked_ns = asked_ns,
	    .facts = SLICE_LITERAL("told") }), ERR_NONE);
	assert_int_equal(look(w).owes_ms, 0);
	world_turn(w, 1000);
	look(w);
	world_turn(w, 500);
	assert_int_equal(look(w).owes_ms, 500);
	world_free(w);
}

TEST(a_clock_that_is_before_or_behind_shows_by_how_much_at_least)
{
	struct world *w = world_of_two();
	struct msg_condition told = { .facts = SLICE_LITERAL("told") };
	struct progress_record seen;

	look(w);
	assert_int_equal(questions(w, &told.asked_ns), 1);
	world_turn(w, 20);
	told.wall_ns = told.asked_ns + 50 * NS_PER_MS;
	assert_int_equal(hear(w, OTHER, &told), ERR_NONE);
	seen = look(w);
	assert_int_equal(seen.ahead_ns, 30 * NS_PER_MS);
	assert_int_equal(seen.behind_ns, 0);
	world_turn(w, 1000);
	look(w);
	assert_int_equal(questions(w, &told.asked_ns), 1);
	world_turn(w, 20);
	told.wall_ns = told.asked_ns - 40 * NS_PER_MS;
	assert_int_equal(hear(w, OTHER, &told), ERR_NONE);
	seen = look(w);
	assert_int_equal(seen.ahead_ns, 0);
	assert_int_equal(seen.behind_ns, 40 * NS_PER_MS);
	world_free(w);
}

TEST(what_was_not_asked_for_is_not_taken_and_too_much_is_refused)
{
	struct world *w = world_of_two();
	uint8_t *facts = xzalloc(CONDITION_BYTES_MAX + 1);
	struct msg_condition told = { .facts = SLICE_LITERAL("told") };

	assert_int_equal(hear(w, OTHER, &told), ERR_NONE);
	assert_int_equal(look(w).condition.size, 0);
	assert_int_equal(questions(w, &told.asked_ns), 1);
	/* Of a stranger, and another question's. */
	assert_int_equal(hear(w, STRANGER, &told), ERR_NONE);
	told.asked_ns++;
	assert_int_equal(hear(w, OTHER, &told), ERR_NONE);
	assert_int_equal(look(w).condition.size, 0);
	told.asked_ns--;
	told.facts = slice_of(facts, CONDITION_BYTES_MAX + 1);
	assert_int_equal(hear(w, OTHER, &told), ERR_MALFORMED);
	assert_int_equal(look(w).condition.size, 0);
	told.facts.size = CONDITION_BYTES_MAX;
	assert_int_equal(hear(w, OTHER, &told), ERR_NONE);
	assert_int_equal(look(w).condition.size, CONDITION_BYTES_MAX);
	/* Once. */
	told.facts.size = 1;
	assert_int_equal(hear(w, OTHER, &told), ERR_NONE);
	assert_int_equal(look(w).condition.size, CONDITION_BYTES_MAX);
	free(facts);
	world_free(w);
}

/* How often this node told of itself since that was asked last. */
static size_t
answers(struct world *w)
{
	struct slice rest = buf_slice(&w->peer_out);
	struct msg_condition told;
	struct frame frame;
	size_t used, count = 0;

	while (frame_parse(rest, &frame, &used) == ERR_NONE) {
		if (frame.type == MSG_condition) {
			assert_int_equal(frame.request_id, OTHER);
			assert_int_equal(msg_condition_decode(frame.payload, &told), ERR_NONE);
			assert_int_equal(told.asked_ns, 77);
			assert_int_equal(told.wall_ns, w->now.wall_ns);
			assert_true(slice_equal(told.facts, SLICE_LITERAL("condition")));
			count++;
		}
		rest = slice_of(rest.data + used, rest.size - used);
	}
	buf_clear(&w->peer_out);
	return count;
}

TEST(a_member_is_told_at_once_a_stranger_never_and_it_is_not_looked_up_each_time)
{
	struct world *w = world_of_two();
	struct buf bytes = BUF_INIT;
	struct frame frame;
	size_t used;

	msg_condition_ask_frame(&bytes, OTHER, &(struct msg_condition_ask){ .asked_ns = 77 });
	assert_int_equal(frame_parse(buf_slice(&bytes), &frame, &used), ERR_NONE);
	for (int i = 0; i < 100; i++) {
		assert_int_equal(node_peer_frame(w->node, &frame), ERR_NONE);
		assert_int_equal(answers(w), 1);
	}
	assert_int_equal(w->conditions, 1);
	world_turn(w, 500);
	assert_int_equal(node_peer_frame(w->node, &frame), ERR_NONE);
	assert_int_equal(answers(w), 1);
	assert_int_equal(w->conditions, 2);
	frame.request_id = STRANGER;
	assert_int_equal(node_peer_frame(w->node, &frame), ERR_NONE);
	assert_int_equal(answers(w), 0);
	buf_free(&bytes);
	world_free(w);
}
