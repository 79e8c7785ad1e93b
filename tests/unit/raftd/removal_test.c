/*
 * removal_test.c - members that are removed, by the leader itself too, and what a node does
 * that hears that it was: it ends, or begins anew.
 */
#include "tests/unit/raftd/world.h"

#include "common/ipc/wire.h"
#include "common/xmem.h"
#include "tests/lib/test.h"

#include <stdio.h>
#include <string.h>

static void
join(struct world *w, uint64_t sequence, uint64_t id)
{
	char name[16], peer_url[48], client_url[48];
	struct msg_member_change change = { .op = MEMBER_JOIN, .id = id };

	snprintf(name, sizeof(name), "m%x", (unsigned)id);
	snprintf(peer_url, sizeof(peer_url), "http://%s:7001", name);
	snprintf(client_url, sizeof(client_url), "http://%s:4001", name);
	change.name = slice_text(name);
	change.peer_url = slice_text(peer_url);
	change.client_url = slice_text(client_url);
	node_member_change(w->node, WORLD_SESSION, sequence, false, &change);
}

/* What the node says first to one whose stream is new. */
static struct frame
said_to(struct world *w, uint64_t id)
{
	struct frame frame;
	size_t used;

	node_peer_connected(w->node, id);
	assert_int_equal(frame_parse(buf_slice(&w->peer_out), &frame, &used), ERR_NONE);
	assert_int_equal(frame.request_id, id);
	return frame;
}

TEST(a_member_that_was_removed_while_away_is_told_when_it_is_back)
{
	static const uint8_t ops[] = { MEMBER_REMOVE, MEMBER_FORGET };

	for (size_t i = 0; i < ARRAY_COUNT(ops); i++) {
		struct world *w = world_leading();
		struct msg_member_change leave = { .op = ops[i], .name = SLICE_LITERAL("mb2") };
		bool forget = ops[i] == MEMBER_FORGET;
		struct msg_released_told released;
		struct msg_removed_told told;
		struct frame frame;

		join(w, 1, 0xb2);
		world_settle(w);
		assert_int_equal(w->last.error, ERR_NONE);
		frame = said_to(w, 0xb2);
		assert_int_not_equal(frame.type, MSG_removed_told);
		assert_int_not_equal(frame.type, MSG_released_told);
		node_member_change(w->node, WORLD_SESSION, 2, false, &leave);
		world_settle(w);
		assert_int_equal(w->last.error, ERR_NONE);
		frame = said_to(w, 0xb2);
		assert_int_equal(frame.type, forget ? MSG_removed_told : MSG_released_told);
		if (forget)
			assert_int_equal(msg_removed_told_decode(frame.payload, &told), ERR_NONE);
		else
			assert_int_equal(msg_released_told_decode(frame.payload, &released),
			    ERR_NONE);
		assert_int_equal(forget ? told.id : released.id, 0xb2);
		world_free(w);
	}
}

static enum err
hear(struct world *w, uint64_t from, void (*put)(struct buf *, uint64_t, const void *),
    const void *message)
{
	struct buf bytes = BUF_INIT;
	struct frame frame;
	size_t used;
	enum err err;

	put(&bytes, from, message);
	assert_int_equal(frame_parse(buf_slice(&bytes), &frame, &used), ERR_NONE);
	err = node_peer_frame(w->node, &frame);
	buf_free(&bytes);
	return err;
}

static void
put_removed(struct buf *out, uint64_t from, const void *message)
{
	msg_removed_told_frame(out, from, message);
}

static void
put_released(struct buf *out, uint64_t from, const void *message)
{
	msg_released_told_frame(out, from, message);
}

static void
put_reply(struct buf *out, uint64_t from, const void *message)
{
	msg_raft_append_reply_frame(out, from, message);
}

TEST(a_node_that_is_told_of_its_removal_for_good_ends_but_not_for_another)
{
	struct world *w = world_leading();

	assert_int_equal(hear(w, 0xb2, put_removed, &(struct msg_removed_told){ .id = 0xa0 }),
	    ERR_MALFORMED);
	world_settle(w);
	assert_int_equal(w->ended, 0);
	assert_int_equal(hear(w, 0xb2, put_removed, &(struct msg_removed_told){ .id = 0xa1 }),
	    ERR_NONE);
	world_settle(w);
	assert_int_equal(w->ended, EXIT_REMOVED);
	assert_false(w->retired);
	world_free(w);
}

/* It has led, so it does not come back at once. */
TEST(a_node_that_is_told_of_its_removal_begins_anew_but_not_for_another)
{
	struct world *w = world_leading();

	join(w, 1, 0xb2);
	world_settle(w);
	assert_int_equal(hear(w, 0xb2, put_released, &(struct msg_released_told){ .id = 0xa0 }),
	    ERR_MALFORMED);
	world_settle(w);
	assert_false(w->retired);
	assert_int_equal(hear(w, 0xb2, put_released, &(struct msg_released_told){ .id = 0xa1 }),
	    ERR_NONE);
	world_settle(w);
	assert_true(w->retired);
	assert_int_equal(w->retire_wait_ms, 5000);
	assert_string_equal(w->retire_peers, "http://mb2:7001");
	assert_int_equal(w->ended, 0);
	world_free(w);
}

TEST(a_node_that_has_met_no_leader_since_its_start_asks_to_come_back_at_once)
{
	struct world *w = world_new(true, WORLD_TRIM_ENTRIES);

	assert_int_equal(hear(w, 0xb2, put_released, &(struct msg_released_told){ .id = 0xa1 }),
	    ERR_NONE);
	world_settle(w);
	assert_true(w->retired);
	assert_int_equal(w->retire_wait_ms, 0);
	world_free(w);
}

/* The one whose join was answered knows more than the member that refuses a late copy. */
TEST(a_node_whose_id_was_removed_before_it_joined_begins_anew)
{
	struct world *w = world_new(true, WORLD_TRIM_ENTRIES);
	struct world *member = world_leading();

	node_join_removed(member->node, false);
	world_settle(member);
	assert_false(member->retired);
	node_join_removed(w->node, false);
	world_settle(w);
	assert_true(w->retired);
	assert_int_equal(w->retire_wait_ms, 0);
	assert_string_equal(w->retire_peers, "");
	world_free(member);
	world_free(w);
}

/* ---- members that the leader removes ------------------------------------------------ */

static void
reply(struct world *w, uint64_t id, uint64_t index)
{
	assert_int_equal(hear(w, id, put_reply, &(struct msg_raft_append_reply){
	    .term = raft_current_term(node_raft(w->node)), .index = index }), ERR_NONE);
}

/* Time passes; those of the list, which ends with 0, take all they are sent. */
static void
pass(struct world *w, uint64_t ms, const uint64_t *living)
{
	for (uint64_t passed = 0; passed <= ms; passed += 20) {
		for (size_t i = 0; living[i] != 0; i++)
			reply(w, living[i], raft_last(node_raft(w->node)).index);
		world_turn(w, 20);
		world_settle(w);
	}
}

/* Letters of the members' ids in order of joining. */
static const char *
members_text(struct world *w)
{
	static char text[MEMBERS_MAX + 1];
	struct member_record record;
	struct msg_status s;
	struct reader in;
	size_t count = 0;

	node_status(w->node, &s);
	in = reader_of(s.members);
	while (!reader_done(&in)) {
		assert_true(member_record_get(&in, &record));
		assert_int_equal(record.role, MEMBER_VOTER);
		text[count++] = "0123456789abcdef"[record.id >> 4];
	}
	text[count] = '\0';
	return text;
}

static const uint64_t all[] = { 0xb2, 0xc3, 0xd4, 0xe5, 0 };

/* Ask for what is not 0. */
static void
configure(struct world *w, uint64_t sequence, const struct cluster_config *wanted)
{
	struct buf items = BUF_INIT;

	for (size_t i = 0; i < CONFIG_ROWS; i++) {
		uint64_t value = cluster_config_value(wanted, &config_rows[i]);

		if (value != 0)
			cluster_config_put_item(&items, &config_rows[i], value);
	}
	node_config_change(w->node, WORLD_SESSION, sequence, false,
	    &(struct msg_config_change){ .low = sequence, .items = buf_slice(&items) });
	buf_free(&items);
}

/* A leader, 0xa1, and four more voters. */
static struct world *
led_world(uint64_t active_size)
{
	struct world *w = world_leading();

	for (uint64_t i = 0; all[i] != 0; i++) {
		join(w, i + 1, all[i]);
		pass(w, 100, all);
	}
	assert_string_equal(members_text(w), "abcde");
	configure(w, 10, &(struct cluster_config){ .active_size = active_size,
	    .remove_delay_ms = 3000 });
	pass(w, 0, all);
	return w;
}

TEST(nobody_is_removed_while_all_are_heard)
{
	struct world *w = led_world(5);

	pass(w, 10000, all);
	assert_string_equal(members_text(w), "abcde");
	world_free(w);
}

TEST(a_voter_that_is_silent_for_longer_than_the_delay_is_removed)
{
	static const uint64_t living[] = { 0xb2, 0xd4, 0xe5, 0 };
	struct world *w = led_world(5);

	pass(w, 2900, living);
	assert_string_equal(members_text(w), "abcde");
	/* It looks once a second. */
	pass(w, 2200, living);
	assert_string_equal(members_text(w), "abde");
	assert_int_equal(world_read(w, 90, "/_etcd/machines/mc3", 0), ERR_KEY_NOT_FOUND);
	assert_int_equal(said_to(w, 0xc3).type, MSG_released_told);
	world_free(w);
}

TEST(nobody_is_removed_when_a_majority_is_silent)
{
	static const uint64_t living[] = { 0xb2, 0 };
	struct world *w = led_world(3);

	pass(w, 10000, living);
	assert_string_equal(members_text(w), "abcde");
	assert_int_not_equal(raft_role(node_raft(w->node)), RAFT_LEADER);
	world_free(w);
}

TEST(silence_of_a_leader_that_stood_still_itself_is_not_the_others)
{
	static const uint64_t first[] = { 0xb2, 0xc3, 0 };
	struct world *w = led_world(5);

	pass(w, 2000, all);
	world_turn(w, 3500);
	world_settle(w);
	/* Its followers come back one by one. */
	pass(w, 100, first);
	assert_int_equal(raft_role(node_raft(w->node)), RAFT_LEADER);
	pass(w, 1000, first);
	pass(w, 5000, all);
	assert_string_equal(members_text(w), "abcde");
	world_free(w);
}

TEST(of_voters_that_keep_up_the_youngest_is_one_too_many)
{
	struct world *w = led_world(4);

	pass(w, 2500, all);
	assert_string_equal(members_text(w), "abcd");
	pass(w, 5000, all);
	assert_string_equal(members_text(w), "abcd");
	world_free(w);
}

TEST(who_is_furthest_behind_is_one_too_many_before_the_youngest)
{
	static const uint64_t living[] = { 0xb2, 0xd4, 0xe5, 0 };
	struct world *w = led_world(5);
	uint64_t index = raft_last(node_raft(w->node)).index;

	world_write(w, 11, "/a", 0);
	for (uint64_t i = 0; i < 200; i++) {
		if (i == 100)
			configure(w, 12, &(struct cluster_config){ .active_size = 4 });
		reply(w, 0xc3, index);
		pass(w, 0, living);
	}
	assert_string_equal(members_text(w), "abde");
	world_free(w);
}
