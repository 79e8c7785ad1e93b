/*
 * removal_test.c - members that are removed, by the leader itself too, and what a node does
 * that hears that it was: it ends, or begins anew.
 */
#include "tests/unit/raftd/world.h"

#include "common/crc32c.h"
#include "common/ipc/wire.h"
#include "common/xmem.h"
#include "raftd/node_priv.h"
#include "raftd/replica/state.h"
#include "raftd/command.h"
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

static void
ask_place(struct world *w, uint64_t sequence, enum place_op op, uint64_t id, const char *urls)
{
	node_place_change(w->node, WORLD_SESSION, sequence, false, &(struct msg_place_change){
	    .low = sequence, .op = (uint8_t)op, .id = id, .peer_urls = slice_text(urls),
	    .asker = SLICE_LITERAL("10.0.0.9:5") });
	world_settle(w);
}

TEST(a_place_takes_the_road_of_a_change_of_members)
{
	struct world *w = world_leading();

	ask_place(w, 1, PLACE_MAKE, 5, "http://mb2:7001");
	assert_int_equal(w->last.error, ERR_NONE);
	assert_int_equal(places_open_count(&w->node->replica->members.places), 1);
	ask_place(w, 1, PLACE_MAKE, 5, "http://mb2:7001");
	assert_int_equal(w->last.error, ERR_NONE);
	ask_place(w, 2, PLACE_MAKE, 6, "http://mb2:7001");
	assert_int_equal(w->last.error, ERR_PEER_ADDRESS_EXISTS);
	join(w, 3, 0xb2);
	world_settle(w);
	assert_int_equal(w->last.error, ERR_NONE);
	assert_int_equal(places_of_node(&w->node->replica->members.places, 0xb2)->id, 5);
	assert_true(raft_is_learner(node_raft(w->node), 0xb2));
	ask_place(w, 4, PLACE_REMOVE, 5, "");
	assert_int_equal(w->last.error, ERR_NONE);
	assert_false(raft_is_learner(node_raft(w->node), 0xb2));
	ask_place(w, 5, PLACE_REMOVE, 5, "");
	assert_int_equal(w->last.error, ERR_REMOVED);
	/* The last one stays. */
	ask_place(w, 6, PLACE_REMOVE, 0xa1, "");
	assert_int_equal(w->last.error, ERR_INVALID);
	world_free(w);
}

/* It waits for its entry: nothing is to be done for it when its own time is over. */
TEST(a_change_that_is_decided_and_not_committed_is_never_due)
{
	struct world *w = world_leading();

	node_place_change(w->node, WORLD_SESSION, 1, false, &(struct msg_place_change){
	    .low = 1, .op = PLACE_MAKE, .id = 5, .peer_urls = SLICE_LITERAL("http://mb2:7001"),
	    .asker = SLICE_LITERAL("10.0.0.9:5") });
	for (int i = 0; i < 20; i++)
		world_turn(w, 400);
	assert_false(TAILQ_EMPTY(&w->node->changes));
	assert_true(node_deadline(w->node) > w->now.monotonic_ms);
	world_settle(w);
	assert_int_equal(places_open_count(&w->node->replica->members.places), 1);
	world_free(w);
}

TEST(a_node_with_member_changes_off_takes_none_of_a_worker)
{
	struct world *w = world_leading();

	w->node->config.members_fixed = true;
	ask_place(w, 1, PLACE_MAKE, 5, "http://mb2:7001");
	assert_int_equal(w->last.error, ERR_RAFT_INTERNAL);
	assert_int_equal(w->node->replica->members.places.count, 0);
	node_config_change(w->node, WORLD_SESSION, 2, false, true,
	    &(struct msg_config_change){ .low = 2 });
	world_turn(w, 0);
	assert_int_equal(w->last.error, ERR_RAFT_INTERNAL);
	node_config_change(w->node, WORLD_SESSION, 3, false, false,
	    &(struct msg_config_change){ .low = 3 });
	world_settle(w);
	assert_int_equal(w->last.error, ERR_NONE);
	world_free(w);
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
put_chunk(struct buf *out, uint64_t from, const void *message)
{
	msg_snapshot_chunk_frame(out, from, message);
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

/* ---- away, or sent away --------------------------------------------------------------- */

/* The log of a cluster of 0xb2, which 0xa1 joins as entry 2 and leaves as entry 4. */
#define LOG_ENTRIES 4

static struct blob *
founding(void)
{
	struct command_create_items create = { .id = 0xb2, .cluster_id = 0xc1,
		.name = SLICE_LITERAL("mb2"), .peer_url = SLICE_LITERAL("http://mb2:7001"),
		.client_url = SLICE_LITERAL("http://mb2:4001") };
	struct cluster_config config;
	struct buf items = BUF_INIT;
	struct blob *payload;

	cluster_config_init(&config);
	config.sync_interval_ms = 7000;
	cluster_config_put(&config, &items);
	create.items = buf_slice(&items);
	payload = command_new_create(&create);
	buf_free(&items);
	return payload;
}

static struct raft_entry
log_entry(raft_index index)
{
	struct command_member member = { .op = index == 2 ? MEMBER_JOIN : MEMBER_REMOVE,
		.id = 0xa1, .name = SLICE_LITERAL("machine1"),
		.peer_url = SLICE_LITERAL("http://ma1:7001"),
		.client_url = SLICE_LITERAL("http://ma1:4001") };
	struct raft_entry entry = { .index = index, .term = 1, .time_ns = index,
		.type = RAFT_ENTRY_CONF };

	switch (index) {
	case 1:
		entry.conf_op = RAFT_CONF_ADD_VOTER;
		entry.conf_peer = 0xb2;
		entry.payload = founding();
		break;
	case 2:
	case 4:
		entry.conf_op = index == 2 ? RAFT_CONF_ADD_LEARNER : RAFT_CONF_REMOVE;
		entry.conf_peer = 0xa1;
		entry.payload = command_new_member(0, 0, 0, &member);
		break;
	default:
		entry.type = RAFT_ENTRY_NOOP;
		break;
	}
	return entry;
}

/* The leader sends the entries first..last, and that so many are committed. */
static void
append(struct world *w, raft_index first, raft_index last, raft_index commit)
{
	struct raft_entry entries[LOG_ENTRIES];
	struct raft_message message = { .type = RAFT_APPEND, .from = 0xb2, .to = 0xa1, .term = 1,
		.log = { first - 1, first > 1 ? 1 : 0 }, .commit = commit,
		.entries = entries, .entry_count = (size_t)(last - first) + 1 };
	struct buf bytes = BUF_INIT, scratch = BUF_INIT;
	struct frame frame;
	size_t used;

	for (raft_index index = first; index <= last; index++)
		entries[index - first] = log_entry(index);
	outbox_encode(&bytes, &scratch, &message);
	assert_int_equal(frame_parse(buf_slice(&bytes), &frame, &used), ERR_NONE);
	frame.request_id = 0xb2;
	assert_int_equal(node_peer_frame(w->node, &frame), ERR_NONE);
	for (size_t i = 0; i < message.entry_count; i++)
		blob_unref(&entries[i].payload);
	buf_free(&bytes);
	buf_free(&scratch);
}

static void
put_heartbeat(struct buf *out, uint64_t from, const void *message)
{
	msg_raft_heartbeat_frame(out, from, message);
}

static void
heartbeat(struct world *w, raft_index commit)
{
	assert_int_equal(hear(w, 0xb2, put_heartbeat, &(struct msg_raft_heartbeat){
	    .term = 1, .commit = commit, .time_ns = 1 }), ERR_NONE);
}

static void
released(struct world *w)
{
	assert_int_equal(hear(w, 0xb2, put_released, &(struct msg_released_told){ .id = 0xa1 }),
	    ERR_NONE);
}

/* It begins anew, in so many ms. */
static void
expect_retired(struct world *w, uint64_t wait_ms)
{
	world_settle(w);
	assert_true(w->retired);
	assert_int_equal(w->retire_wait_ms, wait_ms);
	world_free(w);
}

/* A node that has just been started and heard nobody yet. */
static struct world *
returning(void)
{
	struct world *w = world_new(true, WORLD_TRIM_ENTRIES);

	world_settle(w);
	return w;
}

TEST(who_hears_of_its_removal_by_the_first_append_asks_at_once)
{
	struct world *w = returning();

	append(w, 1, 4, 4);
	expect_retired(w, 0);
}

/* The log comes in pieces, maybe over several turns, and heartbeats come first. */
TEST(who_catches_up_to_its_removal_asks_at_once)
{
	for (raft_index cut = 1; cut < LOG_ENTRIES; cut++) {
		struct world *w = returning();

		heartbeat(w, 0);
		world_settle(w);
		append(w, 1, cut, 4);
		world_settle(w);
		heartbeat(w, cut);
		world_settle(w);
		assert_false(w->retired);
		append(w, cut + 1, 4, 4);
		expect_retired(w, 0);
	}
}

/* A member as of what was committed when it met the leader: its removal came later. */
TEST(who_is_removed_after_it_met_a_leader_waits)
{
	for (raft_index commit = 2; commit < LOG_ENTRIES; commit++) {
		struct world *w = returning();

		append(w, 1, commit, commit);
		world_settle(w);
		append(w, commit + 1, 4, 4);
		expect_retired(w, 7000);
	}
}

/* Also when all of it is applied in one turn. */
TEST(who_is_removed_in_the_turn_in_which_it_met_a_leader_waits)
{
	struct world *w = returning();

	append(w, 1, 4, 3);
	heartbeat(w, 4);
	expect_retired(w, 7000);
}

/* Others than the leader tell it of its removal, and do not say when that was. */
TEST(who_is_told_of_its_removal_while_it_catches_up_asks_at_once)
{
	struct world *w = returning();

	append(w, 1, 2, 4);
	world_settle(w);
	released(w);
	expect_retired(w, 0);
}

TEST(who_is_told_of_its_removal_when_it_had_caught_up_waits)
{
	struct world *w = returning();

	append(w, 1, 2, 2);
	world_settle(w);
	released(w);
	expect_retired(w, 7000);
}

/* The join was answered while it ran, so it was a member, however far it has come. */
TEST(who_is_removed_while_it_joins_waits)
{
	struct world *w = returning();

	node_joined(w->node, &(struct msg_joined){ .cluster_id = 0xc1 });
	append(w, 1, 1, 4);
	world_settle(w);
	released(w);
	expect_retired(w, 7000);
}

/* An image of the state comes instead of the log: the removal may be in it, or behind. */
TEST(who_gets_its_removal_by_a_snapshot_asks_at_once)
{
	static const uint8_t stamp_key = STATE_STAMP;
	struct world *w = returning();
	struct msg_snapshot_chunk chunk = { .term = 1, .snapshot_index = 9, .snapshot_term = 1,
		.last = 1 };
	struct members members = { 0 };
	struct buf records = BUF_INIT, value = BUF_INIT;
	uint8_t key[STATE_KEY_BYTES];

	assert_true(members_put(&members, &(struct member_values){ .id = 0xb2,
	    .role = MEMBER_VOTER, .joined = 1, .name = SLICE_LITERAL("mb2"),
	    .peer_url = SLICE_LITERAL("http://mb2:7001"),
	    .client_url = SLICE_LITERAL("http://mb2:4001") }, &records));
	removed_state_put(&value, &(struct removed_state){ .format = STATE_FORMAT });
	state_effect(&records, state_key(key, STATE_REMOVED, 0xa1), buf_slice(&value));
	buf_clear(&value);
	stamp_state_put(&value, &(struct stamp_state){ .format = STATE_FORMAT, .applied_ns = 9 });
	state_effect(&records, slice_of(&stamp_key, 1), buf_slice(&value));
	chunk.records = buf_slice(&records);
	chunk.checksum = crc32c(0, chunk.records);
	heartbeat(w, 0);
	world_settle(w);
	assert_int_equal(hear(w, 0xb2, put_chunk, &chunk), ERR_NONE);
	members_clear(&members);
	buf_free(&records);
	buf_free(&value);
	expect_retired(w, 0);
}

/* A node that raftd alone was started again of was not away; a new one that took the
 * place of another has no past. */
TEST(a_raftd_that_is_started_again_by_itself_was_not_away)
{
	struct world *w = world_restarted();

	released(w);
	expect_retired(w, 5000);
	w = world_new(true, WORLD_TRIM_ENTRIES);
	released(w);
	expect_retired(w, 0);
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
roster(struct world *w)
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
	node_config_change(w->node, WORLD_SESSION, sequence, false, false,
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
	assert_string_equal(roster(w), "abcde");
	configure(w, 10, &(struct cluster_config){ .active_size = active_size,
	    .remove_delay_ms = 3000 });
	pass(w, 0, all);
	return w;
}

TEST(nobody_is_removed_while_all_are_heard)
{
	struct world *w = led_world(5);

	pass(w, 10000, all);
	assert_string_equal(roster(w), "abcde");
	world_free(w);
}

TEST(a_voter_that_is_silent_for_longer_than_the_delay_is_removed)
{
	static const uint64_t living[] = { 0xb2, 0xd4, 0xe5, 0 };
	struct world *w = led_world(5);

	pass(w, 2900, living);
	assert_string_equal(roster(w), "abcde");
	/* It looks once a second. */
	pass(w, 2200, living);
	assert_string_equal(roster(w), "abde");
	assert_int_equal(world_read(w, 90, "/_etcd/machines/mc3", 0), ERR_KEY_NOT_FOUND);
	assert_int_equal(said_to(w, 0xc3).type, MSG_released_told);
	world_free(w);
}

TEST(nobody_is_removed_when_a_majority_is_silent)
{
	static const uint64_t living[] = { 0xb2, 0 };
	struct world *w = led_world(3);

	pass(w, 10000, living);
	assert_string_equal(roster(w), "abcde");
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
	assert_string_equal(roster(w), "abcde");
	world_free(w);
}

TEST(of_voters_that_keep_up_the_youngest_is_one_too_many)
{
	struct world *w = led_world(4);

	pass(w, 2500, all);
	assert_string_equal(roster(w), "abcd");
	pass(w, 5000, all);
	assert_string_equal(roster(w), "abcd");
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
	assert_string_equal(roster(w), "abde");
	world_free(w);
}
