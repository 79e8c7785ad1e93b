/*
 * place_test.c - places for members: made, taken by who joins, removed, remembered; as the
 * table, as its records, and by commands of the log.
 */
#include "raftd/replica/place.h"

#include "raftd/command.h"
#include "raftd/replica/replica.h"
#include "raftd/replica/state.h"
#include "tests/lib/test.h"

#include <stdio.h>
#include <string.h>

#define SESSION 7
#define FIRST 0xa1
#define NEXT 0xb2

/* One who applies. */
struct applier {
	struct replica *replica;
	raft_index index;
	struct buf effects;		/* of all that was applied */
	struct place_fact fact;		/* of the last entry */
	char cause[128];
};

/* Takes payload. */
static enum err
apply(struct applier *a, enum raft_conf_op op, peer_id peer, struct blob *payload)
{
	struct raft_entry entry = { .term = 1, .index = ++a->index, .time_ns = a->index,
		.type = op == RAFT_CONF_NONE ? RAFT_ENTRY_COMMAND : RAFT_ENTRY_CONF,
		.conf_op = op, .conf_peer = peer, .payload = payload };
	struct replica_facts facts;

	assert_true(replica_apply(a->replica, &entry, SIZE_MAX, &a->effects, &facts));
	replica_invariants(a->replica);
	a->fact = facts.place;
	a->cause[0] = '\0';
	if (facts.result.cause != NULL)
		snprintf(a->cause, sizeof(a->cause), "%.*s",
		    SLICE_ARGS(blob_slice(facts.result.cause)));
	blob_unref(&facts.result.cause);
	blob_unref(&facts.event);
	blob_unref(&payload);
	return facts.result.error;
}

static enum err
change(struct applier *a, enum place_op op, uint64_t id, const char *urls)
{
	struct command_place place = { .op = (uint8_t)op, .id = id, .peer_urls = slice_text(urls),
		.asker = SLICE_LITERAL("127.0.0.1:5") };

	return apply(a, RAFT_CONF_NONE, 0, command_new_place(SESSION, a->index + 1, 0, &place));
}

static enum err
join(struct applier *a, peer_id id, const char *name, const char *peer_url)
{
	struct command_member member = { .op = MEMBER_JOIN, .id = id, .name = slice_text(name),
		.peer_url = slice_text(peer_url), .client_url = SLICE_LITERAL("http://c:1") };

	return apply(a, id == FIRST ? RAFT_CONF_ADD_VOTER : RAFT_CONF_ADD_LEARNER, id,
	    command_new_member(SESSION, a->index + 1, 0, &member));
}

/* As the leader does with a PLACE_REMOVE of a member. */
static enum err
remove_member(struct applier *a, peer_id node, uint64_t id)
{
	struct command_place place = { .op = PLACE_REMOVE, .id = id };

	return apply(a, RAFT_CONF_REMOVE, node,
	    command_new_place(SESSION, a->index + 1, 0, &place));
}

static struct applier
begin(void)
{
	struct applier a = { .replica = replica_new(1) };

	assert_int_equal(join(&a, FIRST, "first", "http://first:1"), ERR_NONE);
	return a;
}

static void
end(struct applier *a)
{
	replica_free(&a->replica);
	buf_free(&a->effects);
}

static const struct members *
members_of(const struct applier *a)
{
	return &a->replica->members;
}

TEST(who_joins_with_the_url_of_a_place_takes_it)
{
	struct applier a = begin();
	const struct member *member;

	assert_int_equal(change(&a, PLACE_MAKE, 5, "http://b:1,http://b:2"), ERR_NONE);
	assert_int_equal(a.fact.op, PLACE_MAKE);
	assert_int_equal(members_of(&a)->count, 1);
	assert_int_equal(places_open_count(&members_of(&a)->places), 1);
	assert_int_equal(join(&a, NEXT, "next", "http://b:2"), ERR_NONE);
	member = members_find(members_of(&a), NEXT);
	assert_int_equal(members_shown_id(members_of(&a), member), 5);
	assert_ptr_equal(members_shown_as(members_of(&a), 5), member);
	assert_ptr_equal(members_shown_as(members_of(&a), NEXT), member);
	assert_int_equal(places_open_count(&members_of(&a)->places), 0);
	/* Another one has none. */
	assert_int_equal(join(&a, 9, "other", "http://b:1"), ERR_NONE);
	assert_int_equal(members_shown_id(members_of(&a), members_find(members_of(&a), 9)), 9);
	/* It goes with its member, and both ids are known afterwards. */
	assert_int_equal(remove_member(&a, NEXT, 5), ERR_NONE);
	assert_int_equal(a.fact.op, PLACE_REMOVE);
	assert_true(members_was_forgotten(members_of(&a), NEXT));
	assert_int_equal(change(&a, PLACE_REMOVE, 5, ""), ERR_REMOVED);
	assert_int_equal(change(&a, PLACE_MOVE, NEXT, "http://x:1"), ERR_REMOVED);
	assert_int_equal(change(&a, PLACE_REMOVE, 6, ""), ERR_NOT_FOUND);
	assert_int_equal(change(&a, PLACE_MOVE, 6, "http://x:1"), ERR_NOT_FOUND);
	assert_int_equal(a.fact.id, 0);
	end(&a);
}

TEST(a_url_is_one_machines)
{
	struct applier a = begin();

	assert_int_equal(change(&a, PLACE_MAKE, 5, "http://b:1"), ERR_NONE);
	assert_int_equal(change(&a, PLACE_MAKE, 6, "http://c:1,http://b:1"),
	    ERR_PEER_ADDRESS_EXISTS);
	assert_string_equal(a.cause, "http://b:1");
	assert_int_equal(change(&a, PLACE_MAKE, 6, "http://first:1"), ERR_PEER_ADDRESS_EXISTS);
	assert_int_equal(change(&a, PLACE_MAKE, 5, "http://d:1"), ERR_KEY_EXISTS);
	assert_int_equal(change(&a, PLACE_MAKE, FIRST, "http://d:1"), ERR_KEY_EXISTS);
	assert_int_equal(change(&a, PLACE_MAKE, 6, "http://c:1"), ERR_NONE);
	assert_int_equal(change(&a, PLACE_MOVE, 6, "http://b:1"), ERR_PEER_ADDRESS_EXISTS);
	assert_int_equal(change(&a, PLACE_MOVE, 6, "http://c:1,http://c:2"), ERR_NONE);
	assert_int_equal(change(&a, PLACE_MOVE, FIRST, "http://c:2"), ERR_PEER_ADDRESS_EXISTS);
	assert_int_equal(change(&a, PLACE_MOVE, FIRST, "http://e:1,http://c:2"),
	    ERR_PEER_ADDRESS_EXISTS);
	assert_int_equal(change(&a, PLACE_MOVE, FIRST, "http://e:1,http://e:2"), ERR_NONE);
	assert_string_equal(members_find(members_of(&a), FIRST)->peer_url,
	    "http://e:1,http://e:2");
	assert_int_equal(change(&a, PLACE_MAKE, 7, "http://e:2"), ERR_PEER_ADDRESS_EXISTS);
	end(&a);
}

TEST(the_urls_of_a_member_have_so_many_bytes_together_and_not_one_more)
{
	struct applier a = begin();
	char urls[URL_BYTES_MAX + 2];
	int size = snprintf(urls, sizeof(urls), "http://e:1,http://");

	memset(urls + size, 'h', sizeof(urls) - (size_t)size);
	urls[URL_BYTES_MAX + 1] = '\0';
	assert_int_equal(change(&a, PLACE_MOVE, FIRST, urls), ERR_INVALID);
	assert_string_equal(a.cause, "the peer URLs of a member have at most 1024 bytes together");
	urls[URL_BYTES_MAX] = '\0';
	assert_int_equal(change(&a, PLACE_MOVE, FIRST, urls), ERR_NONE);
	assert_string_equal(members_find(members_of(&a), FIRST)->peer_url, urls);
	end(&a);
}

TEST(places_and_members_together_are_no_more_than_may_join)
{
	struct applier a = begin();
	char url[32];

	for (uint64_t id = 1; id < ACTIVE_SIZE_DEFAULT; id++) {
		snprintf(url, sizeof(url), "http://m%u:1", (unsigned)id);
		assert_int_equal(change(&a, PLACE_MAKE, id, url), ERR_NONE);
	}
	assert_int_equal(change(&a, PLACE_MAKE, 99, "http://m99:1"), ERR_NO_MORE_PEER);
	assert_string_equal(a.cause, "active size 9");
	assert_int_equal(change(&a, PLACE_REMOVE, 1, ""), ERR_NONE);
	assert_int_equal(change(&a, PLACE_MAKE, 99, "http://m99:1"), ERR_NONE);
	end(&a);
}

TEST(removed_places_are_remembered_up_to_a_bound)
{
	struct applier a = begin();

	for (uint64_t id = 1; id <= PLACES_REMOVED_MAX; id++) {
		assert_int_equal(change(&a, PLACE_MAKE, 1000 + id, "http://b:1"), ERR_NONE);
		assert_int_equal(change(&a, PLACE_REMOVE, 1000 + id, ""), ERR_NONE);
	}
	assert_int_equal(change(&a, PLACE_REMOVE, 1001, ""), ERR_REMOVED);
	assert_int_equal(change(&a, PLACE_MAKE, 1, "http://b:1"), ERR_NONE);
	assert_int_equal(change(&a, PLACE_REMOVE, 1, ""), ERR_NONE);
	assert_int_equal(change(&a, PLACE_REMOVE, 1001, ""), ERR_NOT_FOUND);
	assert_int_equal(change(&a, PLACE_REMOVE, 1002, ""), ERR_REMOVED);
	assert_int_equal(members_of(&a)->places.removed_count, PLACES_REMOVED_MAX);
	end(&a);
}

/* The last record of each key, in the order of keys, as a disk has them. */
static void
load_places(struct members *fresh, const struct buf *effects)
{
	for (unsigned id = 0; id < 64; id++) {
		struct reader in = reader_of(buf_slice(effects));
		struct state_record record, last = { .value = SLICE_EMPTY };
		uint64_t number;

		while (!reader_done(&in)) {
			assert_true(state_record_get(&in, &record));
			if (record.key.data[0] == STATE_PLACE &&
			    state_key_parse(record.key, &number, NULL, 1) && number == id)
				last = record;
		}
		if (last.value.size > 0)
			assert_int_equal(members_load(fresh, last.key, last.value), ERR_NONE);
	}
}

TEST(records_bring_places_back)
{
	struct applier a = begin();
	struct members fresh = { 0 };
	struct buf want = BUF_INIT, got = BUF_INIT;

	/* Neither in the order of their ids. */
	assert_int_equal(change(&a, PLACE_MAKE, 9, "http://i:1"), ERR_NONE);
	assert_int_equal(change(&a, PLACE_MAKE, 3, "http://c:1"), ERR_NONE);
	assert_int_equal(change(&a, PLACE_MAKE, 4, "http://d:1"), ERR_NONE);
	assert_int_equal(change(&a, PLACE_MAKE, 2, "http://b:1"), ERR_NONE);
	assert_int_equal(join(&a, NEXT, "next", "http://i:1"), ERR_NONE);
	assert_int_equal(change(&a, PLACE_MOVE, 3, "http://cc:1"), ERR_NONE);
	assert_int_equal(change(&a, PLACE_REMOVE, 4, ""), ERR_NONE);
	assert_int_equal(change(&a, PLACE_REMOVE, 2, ""), ERR_NONE);
	load_places(&fresh, &a.effects);
	places_invariants(&fresh.places);
	places_put_state(&members_of(&a)->places, &want);
	places_put_state(&fresh.places, &got);
	assert_true(slice_equal(buf_slice(&want), buf_slice(&got)));
	assert_int_equal(fresh.places.list[0].id, 9);
	assert_int_equal(fresh.places.list[0].node, NEXT);
	buf_free(&want);
	buf_free(&got);
	members_clear(&fresh);
	end(&a);
}

TEST(a_command_at_its_bounds_is_taken_and_one_above_is_not)
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
		{ PLACE_MAKE, 1, 0, 0, false },
		{ PLACE_MOVE, 1, 0, 0, false },
		{ PLACE_REMOVE, 1, 0, 0, true },
		{ PLACE_REMOVE, 1, 1, 0, false },
		{ 0, 1, 1, 0, false },
		{ PLACE_REMOVE + 1, 1, 1, 0, false },
	};

	memset(text, 'u', sizeof(text));
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		struct command_place place = { .op = rows[i].op, .id = rows[i].id,
			.peer_urls = slice_of(text, rows[i].urls),
			.asker = slice_of(text, rows[i].asker) };

		assert_int_equal(command_is_place(&place), rows[i].taken);
	}
	text[3] = '\0';
	assert_false(command_is_place(&(struct command_place){ .op = PLACE_MAKE, .id = 1,
	    .peer_urls = slice_of(text, 5) }));
}

TEST(a_record_of_a_place_that_makes_no_sense_is_damage)
{
	static const struct {
		uint8_t format, phase;
		uint64_t node;
		const char *urls;
		bool taken;
	} rows[] = {
		{ 1, PLACE_IS_OPEN, 0, "http://b:1", true },
		{ 1, PLACE_IS_TAKEN, 4, "http://b:1", true },
		{ 1, PLACE_IS_REMOVED, 0, "", true },
		{ 2, PLACE_IS_OPEN, 0, "http://b:1", false },
		{ 1, PLACE_IS_OPEN, 4, "http://b:1", false },
		{ 1, PLACE_IS_OPEN, 0, "", false },
		{ 1, PLACE_IS_TAKEN, 0, "http://b:1", false },
		{ 1, PLACE_IS_REMOVED, 0, "http://b:1", false },
		{ 1, 0, 0, "http://b:1", false },
		{ 1, 4, 0, "", false },
	};

	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		struct members members = { 0 };
		struct buf value = BUF_INIT;
		uint8_t key[STATE_KEY_BYTES];

		place_state_put(&value, &(struct place_state){ .format = rows[i].format,
		    .phase = rows[i].phase, .node = rows[i].node, .since = 3,
		    .peer_urls = slice_text(rows[i].urls) });
		assert_int_equal(members_load(&members, state_key(key, STATE_PLACE, 8),
		    buf_slice(&value)), rows[i].taken ? ERR_NONE : ERR_CORRUPT);
		/* Nor is one of an id that is there. */
		if (rows[i].taken)
			assert_int_equal(members_load(&members, state_key(key, STATE_PLACE, 8),
			    buf_slice(&value)), ERR_CORRUPT);
		members_clear(&members);
		buf_free(&value);
	}
}
