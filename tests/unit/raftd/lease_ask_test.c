/*
 * lease_ask_test.c - who asks about leases: at a leader that a quorum confirms, and at one that
 * none does; at a member, which asks its leader.
 */
#include "tests/unit/raftd/world.h"

#include "common/ipc/wire.h"
#include "common/v3_error.h"
#include "raftd/node_priv.h"
#include "raftd/replica/mvcc/mvcc.h"
#include "tests/lib/test.h"

#include <stdio.h>
#include <string.h>

#define MEMBER 0xb2
#define READ 1000		/* request ids of questions begin here */

/* ---- a worker ------------------------------ */

static void
grant(struct world *w, uint64_t sequence, uint64_t id, uint64_t ttl_s)
{
	node_v3_grant(w->node, WORLD_SESSION, sequence, false,
	    &(struct msg_v3_grant){ .low = 1, .id = id, .ttl_s = ttl_s });
	world_settle(w);
}

static void
put_keys(struct world *w, uint64_t sequence, uint64_t lease, unsigned first, unsigned count)
{
	struct buf ops = BUF_INIT;
	char key[16];

	mvcc_op_put_branch(&ops, &(struct v3_branch){ .success_end = 1 + count,
	    .failure_end = 1 + count });
	for (unsigned i = 0; i < count; i++) {
		snprintf(key, sizeof(key), "%08u", first + i);
		mvcc_op_put_put(&ops, &(struct v3_put){ .key = slice_text(key),
		    .lease = lease });
	}
	node_v3_change(w->node, WORLD_SESSION, sequence, false,
	    &(struct msg_v3_write){ .low = 1, .ops = buf_slice(&ops) });
	world_settle(w);
	buf_free(&ops);
}

static void
ask(struct world *w, uint64_t id, uint8_t what)
{
	buf_clear(&w->event);
	buf_clear(&w->said);
	node_v3_lease(w->node, WORLD_SESSION, READ,
	    &(struct msg_v3_lease){ .what = what, .id = id });
	world_settle(w);
}

/* keys of the answer are of w->event. */
static struct v3_lease_answer
answer_of(struct world *w)
{
	struct reader in = reader_of(buf_slice(&w->event));
	struct v3_lease_answer answer;

	assert_string_equal(w->last_cause, "");
	assert_int_equal(w->last.error, ERR_NONE);
	assert_true(v3_lease_answer_get(&in, &answer));
	assert_true(reader_done(&in));
	return answer;
}

static bool
is_answered(struct world *w)
{
	static const char answered[] = "outcome 1000";

	return w->said.size > 0 &&
	    memmem(w->said.data, w->said.size, answered, strlen(answered)) != NULL;
}

/* ---- another node ------------------------------ */

static void
give(struct world *w, struct buf *bytes)
{
	struct frame frame;
	size_t used;

	assert_int_equal(frame_parse(buf_slice(bytes), &frame, &used), ERR_NONE);
	assert_int_equal(node_peer_frame(w->node, &frame), ERR_NONE);
	buf_free(bytes);
}

static void
member_asks(struct world *w, uint64_t number, uint64_t id, uint8_t what)
{
	struct buf bytes = BUF_INIT;

	msg_lease_ask_frame(&bytes, MEMBER,
	    &(struct msg_lease_ask){ .number = number, .what = what, .id = id });
	give(w, &bytes);
}

/* The last frame of that type for that node, in all that has gone out since peer_out was
 * cleared. */
static struct slice
frame_for(struct world *w, uint16_t type, uint64_t node)
{
	struct slice rest = buf_slice(&w->peer_out), payload = SLICE_EMPTY;
	struct frame frame;
	size_t used;

	for (; rest.size > 0; rest = slice_of(rest.data + used, rest.size - used)) {
		assert_int_equal(frame_parse(rest, &frame, &used), ERR_NONE);
		if (frame.type == type && frame.request_id == node)
			payload = frame.payload;
	}
	assert_true(payload.size > 0);
	return payload;
}

/* What the member was told last. */
static struct msg_lease_told
told(struct world *w)
{
	struct msg_lease_told message = { .number = 0 };

	assert_int_equal(msg_lease_told_decode(frame_for(w, MSG_lease_told, MEMBER), &message),
	    ERR_NONE);
	return message;
}

/* ---- a leader ------------------------------ */

TEST(a_lease_is_renewed_for_all_of_its_time)
{
	struct world *w = world_leading();

	grant(w, 1, 7, 5);
	for (unsigned i = 0; i < 5; i++) {
		world_turn(w, 4000);
		ask(w, 7, V3_LEASE_RENEW);
		assert_int_equal(answer_of(w).found, 1);
		assert_int_equal(answer_of(w).left_s, 5);
		assert_int_equal(answer_of(w).revision, 1);
	}
	world_turn(w, 4000);
	ask(w, 7, V3_LEASE_LOOK);
	assert_int_equal(answer_of(w).left_s, 1);
	assert_int_equal(answer_of(w).granted_s, 5);
	assert_int_equal(w->node->lease_asks.renewed, 5);
	world_free(w);
}

TEST(who_is_unknown_or_over_is_not_found)
{
	struct world *w = world_leading();

	ask(w, 7, V3_LEASE_RENEW);
	assert_int_equal(answer_of(w).found, 0);
	grant(w, 1, 7, 2);
	/* Not ended yet, but its time is over. */
	w->now.monotonic_ms += 2010;
	w->now.monotonic_ns += 2010 * NS_PER_MS;
	w->now.wall_ns += 2010 * NS_PER_MS;
	ask(w, 7, V3_LEASE_RENEW);
	assert_int_equal(answer_of(w).found, 0);
	world_free(w);
}

TEST(a_lease_that_is_settled_is_renewed_once_that_is_withdrawn)
{
	struct world *w = world_leading();

	grant(w, 1, 7, 600);
	for (unsigned i = 0; i < 70; i++) {
		world_turn(w, 1000);
		world_settle(w);
	}
	ask(w, 7, V3_LEASE_LOOK);
	assert_int_equal(answer_of(w).left_s, 530);
	ask(w, 7, V3_LEASE_RENEW);
	world_turn(w, 1);
	world_settle(w);
	assert_true(is_answered(w));
	assert_int_equal(answer_of(w).left_s, 600);
	world_free(w);
}

TEST(keys_of_a_lease_are_shown_up_to_a_limit)
{
	struct world *w = world_leading();
	unsigned keys = 0;

	grant(w, 1, 7, 600);
	for (uint64_t sequence = 2; keys < V3_LEASE_KEYS_MAX; sequence++, keys += 8192)
		put_keys(w, sequence, 7, keys, 8192);
	ask(w, 7, V3_LEASE_LOOK);
	assert_int_equal(answer_of(w).keys.size, 0);
	ask(w, 7, V3_LEASE_LOOK_KEYS);
	assert_int_equal(answer_of(w).keys.size, V3_LEASE_KEYS_MAX * (4 + 8));
	put_keys(w, 100, 7, keys, 1);
	ask(w, 7, V3_LEASE_LOOK_KEYS);
	assert_int_equal(answer_of(w).error, V3_TOO_MANY_KEYS);
	assert_int_equal(answer_of(w).found, 0);
	world_free(w);
}

TEST(a_member_is_told_by_its_number)
{
	struct world *w = world_leading();

	w->keeps_peer_out = true;
	grant(w, 1, 7, 60);
	member_asks(w, 55, 7, V3_LEASE_RENEW);
	world_turn(w, 0);
	assert_int_equal(told(w).number, 55);
	assert_int_equal(told(w).found, 1);
	assert_int_equal(told(w).left_s, 60);
	world_turn(w, 2500);
	member_asks(w, 56, 7, V3_LEASE_LOOK_KEYS);
	world_turn(w, 0);
	assert_int_equal(told(w).number, 56);
	assert_int_equal(told(w).left_s, 57);
	assert_int_equal(told(w).granted_s, 60);
	assert_int_equal(told(w).index, w->node->applied.index);
	member_asks(w, 57, 8, V3_LEASE_LOOK);
	world_turn(w, 0);
	assert_int_equal(told(w).found, 0);
	world_free(w);
}

TEST(so_many_questions_of_members_wait_and_no_more)
{
	struct world *w = world_leading();

	w->keeps_peer_out = true;
	for (uint64_t i = 0; i < LEASE_ASKS_OF_MEMBERS_MAX + 1; i++)
		member_asks(w, 1 + i, 7, V3_LEASE_LOOK);
	assert_int_equal(w->node->lease_asks.of_members, LEASE_ASKS_OF_MEMBERS_MAX);
	world_turn(w, 0);
	assert_int_equal(told(w).number, LEASE_ASKS_OF_MEMBERS_MAX);
	assert_int_equal(w->node->lease_asks.of_members, 0);
	world_free(w);
}

/* ---- a leader that needs another one ------------------------------ */

static void
reply_append(struct world *w)
{
	struct buf bytes = BUF_INIT;

	msg_raft_append_reply_frame(&bytes, MEMBER, &(struct msg_raft_append_reply){
	    .term = raft_current_term(node_raft(w->node)),
	    .index = raft_last(node_raft(w->node)).index });
	give(w, &bytes);
}

/* The last heartbeat that was sent to it. */
static uint64_t
round_of(struct world *w)
{
	struct msg_raft_heartbeat heartbeat = { .term = 0 };

	assert_int_equal(msg_raft_heartbeat_decode(frame_for(w, MSG_raft_heartbeat, MEMBER),
	    &heartbeat), ERR_NONE);
	return heartbeat.context;
}

/* It answers that round, and those before it. */
static void
reply_heartbeat(struct world *w, uint64_t round)
{
	struct buf bytes = BUF_INIT;

	msg_raft_heartbeat_reply_frame(&bytes, MEMBER, &(struct msg_raft_heartbeat_reply){
	    .term = raft_current_term(node_raft(w->node)), .context = round });
	give(w, &bytes);
	world_turn(w, 0);
}

/* The other one takes what it is sent, and says nothing of rounds. */
static void
pass(struct world *w, unsigned ms)
{
	for (unsigned passed = 0; passed < ms; passed += 20) {
		reply_append(w);
		world_turn(w, 20);
		world_settle(w);
	}
}

/* With a second voter, and lease 7 of 60 s. */
static struct world *
of_two(void)
{
	struct world *w = world_leading();

	w->keeps_peer_out = true;
	grant(w, 1, 7, 60);
	node_member_change(w->node, WORLD_SESSION, 2, false, &(struct msg_member_change){
	    .op = MEMBER_JOIN, .id = MEMBER, .name = SLICE_LITERAL("b"),
	    .peer_url = SLICE_LITERAL("http://b:7001"),
	    .client_url = SLICE_LITERAL("http://b:4001") });
	world_settle(w);
	pass(w, 200);
	assert_false(raft_is_learner(node_raft(w->node), MEMBER));
	buf_clear(&w->said);
	return w;
}

static uint64_t
left_s(struct world *w)
{
	struct mvcc_lease_view view;

	assert_true(mvcc_lease_look(w->node->replica->mvcc, 7, node_time_ns(w->node), &view,
	    NULL));
	return view.left_s;
}

TEST(a_leader_that_nobody_confirms_renews_nothing)
{
	struct world *w = of_two();
	uint64_t before;

	pass(w, 5000);
	before = round_of(w);
	ask(w, 7, V3_LEASE_RENEW);
	pass(w, 100);
	reply_heartbeat(w, before);
	assert_false(is_answered(w));
	assert_true(left_s(w) < 56);
	reply_heartbeat(w, round_of(w));
	assert_int_equal(answer_of(w).left_s, 60);
	assert_int_equal(left_s(w), 60);
	world_free(w);
}

/* What it says so late the next leader has not reckoned with. */
TEST(who_is_confirmed_late_asks_again)
{
	struct world *w = of_two();
	uint64_t late;

	pass(w, 5000);
	ask(w, 7, V3_LEASE_RENEW);
	late = round_of(w);
	pass(w, LEASE_CONFIRMED_MS + 20);
	reply_heartbeat(w, late);
	assert_false(is_answered(w));
	assert_true(left_s(w) < 56);
	/* At once. */
	assert_true(node_deadline(w->node) <= w->now.monotonic_ms);
	world_turn(w, 0);
	assert_true(round_of(w) > late);
	reply_heartbeat(w, round_of(w));
	assert_int_equal(answer_of(w).left_s, 60);
	world_free(w);
}

/* Just in time. */
TEST(who_is_confirmed_within_the_margin_answers)
{
	struct world *w = of_two();
	uint64_t late;

	ask(w, 7, V3_LEASE_RENEW);
	late = round_of(w);
	pass(w, LEASE_CONFIRMED_MS);
	reply_heartbeat(w, late);
	assert_int_equal(answer_of(w).left_s, 60);
	world_free(w);
}

TEST(who_leads_no_more_says_no_more)
{
	struct world *w = of_two();

	ask(w, 7, V3_LEASE_RENEW);
	member_asks(w, 3, 7, V3_LEASE_RENEW);
	for (unsigned i = 0; i < 60 && !is_answered(w); i++) {
		world_turn(w, 100);
		world_settle(w);
	}
	assert_true(is_answered(w));
	assert_int_equal(w->last.error, ERR_RAFT_INTERNAL);
	assert_string_equal(w->last_cause, "no leader");
	world_turn(w, 5000);
	world_settle(w);
	assert_true(TAILQ_EMPTY(&w->node->lease_asks.all));
	world_free(w);
}

/* ---- a follower ------------------------------ */

static void
lead_by(struct world *w, uint64_t leader, uint64_t term)
{
	struct buf bytes = BUF_INIT;

	msg_raft_heartbeat_frame(&bytes, leader,
	    &(struct msg_raft_heartbeat){ .term = term, .time_ns = 1 });
	give(w, &bytes);
	world_settle(w);
}

static struct world *
follower(void)
{
	struct world *w = world_new(true, WORLD_TRIM_ENTRIES);

	w->keeps_peer_out = true;
	world_settle(w);
	lead_by(w, MEMBER, 1);
	return w;
}

/* What it has sent to its leader last. */
static struct msg_lease_ask
sent(struct world *w, uint64_t leader)
{
	struct msg_lease_ask message = { .number = 0 };

	assert_int_equal(msg_lease_ask_decode(frame_for(w, MSG_lease_ask, leader), &message),
	    ERR_NONE);
	return message;
}

static void
leader_tells(struct world *w, const struct msg_lease_told *message)
{
	struct buf bytes = BUF_INIT;

	msg_lease_told_frame(&bytes, MEMBER, message);
	give(w, &bytes);
	world_settle(w);
}

TEST(a_follower_asks_its_leader_and_tells_what_that_said)
{
	struct world *w = follower();
	struct msg_lease_ask asked;

	ask(w, 7, V3_LEASE_RENEW);
	asked = sent(w, MEMBER);
	assert_int_equal(asked.id, 7);
	assert_int_equal(asked.what, V3_LEASE_RENEW);
	assert_false(is_answered(w));
	/* To a number that nobody asked by. */
	leader_tells(w, &(struct msg_lease_told){ .number = asked.number + 1, .found = 1 });
	assert_false(is_answered(w));
	leader_tells(w, &(struct msg_lease_told){ .number = asked.number, .found = 1,
	    .left_s = 60, .granted_s = 60 });
	assert_int_equal(answer_of(w).left_s, 60);
	/* Twice is once. */
	leader_tells(w, &(struct msg_lease_told){ .number = asked.number, .found = 1 });
	assert_int_equal(w->outcomes, 1);
	world_free(w);
}

TEST(what_may_be_lost_is_sent_again)
{
	struct world *w = follower();
	uint64_t number;

	ask(w, 7, V3_LEASE_RENEW);
	number = sent(w, MEMBER).number;
	buf_clear(&w->peer_out);
	lead_by(w, 0xc3, 2);
	assert_int_equal(sent(w, 0xc3).number, number);
	buf_clear(&w->peer_out);
	for (unsigned i = 0; i < 6; i++) {
		world_turn(w, 100);
		lead_by(w, 0xc3, 2);
	}
	assert_int_equal(sent(w, 0xc3).number, number);
	buf_clear(&w->peer_out);
	node_peer_connected(w->node, 0xc3);
	world_turn(w, 0);
	assert_int_equal(sent(w, 0xc3).number, number);
	world_free(w);
}

TEST(a_question_that_no_leader_answers_fails_in_time)
{
	struct world *w = follower();

	ask(w, 7, V3_LEASE_RENEW);
	for (unsigned i = 0; i < 49; i++) {
		world_turn(w, 100);
		lead_by(w, MEMBER, 1);
	}
	assert_false(is_answered(w));
	world_turn(w, 200);
	world_settle(w);
	assert_true(is_answered(w));
	assert_int_equal(w->last.error, ERR_RAFT_INTERNAL);
	assert_string_equal(w->last_cause, "timed out waiting for a quorum");
	world_free(w);
}

/* Its leader has applied more: the keys of the lease may not be here yet. */
TEST(keys_are_told_once_this_member_has_what_its_leader_had)
{
	struct world *w = follower();
	uint64_t number;

	ask(w, 7, V3_LEASE_LOOK_KEYS);
	number = sent(w, MEMBER).number;
	leader_tells(w, &(struct msg_lease_told){ .number = number, .found = 1, .left_s = 5,
	    .granted_s = 60, .index = w->node->applied.index + 1 });
	assert_false(is_answered(w));
	/* It was told once. */
	leader_tells(w, &(struct msg_lease_told){ .number = number });
	assert_false(is_answered(w));
	w->node->applied.index++;
	world_turn(w, 0);
	assert_true(is_answered(w));
	assert_int_equal(answer_of(w).left_s, 5);
	w->node->applied.index--;
	world_free(w);
}

TEST(who_is_gone_is_not_answered)
{
	struct world *w = follower();
	uint64_t number;

	ask(w, 7, V3_LEASE_RENEW);
	number = sent(w, MEMBER).number;
	node_session_gone(w->node, WORLD_SESSION);
	leader_tells(w, &(struct msg_lease_told){ .number = number, .found = 1 });
	assert_false(is_answered(w));
	assert_true(TAILQ_EMPTY(&w->node->lease_asks.all));
	world_free(w);
}
