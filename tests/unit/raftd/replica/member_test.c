/*
 * member_test.c - the table of members: order, replacement, records.
 */
#include "raftd/replica/member.h"

#include "raftd/replica/state.h"
#include "tests/lib/test.h"

#include <string.h>

static void
put(struct members *members, peer_id id, enum member_role role, uint64_t joined, const char *name,
    struct buf *effects)
{
	struct member_values values = {
		.id = id,
		.role = role,
		.joined = joined,
		.name = slice_text(name),
		.peer_url = slice_text(name),
		.client_url = SLICE_LITERAL("http://c"),
	};

	assert_true(members_put(members, &values, effects));
}

TEST(members_stand_in_the_order_of_joining)
{
	struct members members = { 0 };
	struct buf effects = BUF_INIT;

	put(&members, 9, MEMBER_VOTER, 1, "a", &effects);
	put(&members, 3, MEMBER_VOTER, 7, "c", &effects);
	put(&members, 5, MEMBER_LEARNER, 2, "b", &effects);
	assert_string_equal(members.list[0].name, "a");
	assert_string_equal(members.list[1].name, "b");
	assert_string_equal(members.list[2].name, "c");
	members_clear(&members);
	buf_free(&effects);
}

TEST(the_configuration_is_sorted_by_id)
{
	struct members members = { 0 };
	struct buf effects = BUF_INIT;
	struct raft_conf conf;

	put(&members, 9, MEMBER_VOTER, 1, "a", &effects);
	put(&members, 3, MEMBER_VOTER, 7, "c", &effects);
	put(&members, 5, MEMBER_LEARNER, 2, "b", &effects);
	members_conf(&members, &conf);
	assert_int_equal(conf.voter_count, 2);
	assert_int_equal(conf.voters[0], 3);
	assert_int_equal(conf.voters[1], 9);
	assert_int_equal(conf.learner_count, 1);
	assert_int_equal(conf.learners[0], 5);
	members_clear(&members);
	buf_free(&effects);
}

TEST(a_promotion_from_the_rows_own_text_keeps_it)
{
	struct members members = { 0 };
	struct buf effects = BUF_INIT;
	const struct member *row;

	put(&members, 5, MEMBER_LEARNER, 2, "name", &effects);
	row = members_find(&members, 5);
	put(&members, 5, MEMBER_VOTER, 2, row->name, &effects);
	assert_int_equal(members.count, 1);
	assert_string_equal(members.list[0].name, "name");
	assert_int_equal(members.list[0].role, MEMBER_VOTER);
	members_clear(&members);
	buf_free(&effects);
}

TEST(records_bring_the_table_back)
{
	struct members members = { 0 }, fresh = { 0 };
	struct buf effects = BUF_INIT;
	struct reader in;
	struct state_record record;

	put(&members, 9, MEMBER_VOTER, 1, "a", &effects);
	put(&members, 5, MEMBER_LEARNER, 2, "b", &effects);
	in = reader_of(buf_slice(&effects));
	while (!reader_done(&in)) {
		assert_true(state_record_get(&in, &record));
		assert_int_equal(members_load(&fresh, record.key, record.value), ERR_NONE);
	}
	assert_int_equal(members_hash(&fresh), members_hash(&members));
	members_clear(&members);
	members_clear(&fresh);
	buf_free(&effects);
}

TEST(the_table_has_an_end)
{
	struct members members = { 0 };
	struct buf effects = BUF_INIT;
	struct member_values values = { .id = 1000, .role = MEMBER_LEARNER };

	for (peer_id id = 1; id <= MEMBERS_MAX; id++)
		put(&members, id, MEMBER_LEARNER, id, "n", &effects);
	assert_false(members_put(&members, &values, &effects));
	assert_int_equal(members.count, MEMBERS_MAX);
	members_clear(&members);
	buf_free(&effects);
}

/* Status, reach and the registry have room for such texts and no longer ones. */
TEST(a_text_at_its_limit_is_taken_and_a_longer_one_is_not)
{
	static const struct {
		size_t name, peer_url, client_url;
		bool taken;
	} rows[] = { { NAME_BYTES_MAX, URL_BYTES_MAX, URL_BYTES_MAX, true },
		{ NAME_BYTES_MAX + 1, 1, 1, false }, { 1, URL_BYTES_MAX + 1, 1, false },
		{ 1, 1, URL_BYTES_MAX + 1, false } };
	char text[URL_BYTES_MAX + 1];

	memset(text, 't', sizeof(text));
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		struct slice name = slice_of(text, rows[i].name);
		struct slice peer_url = slice_of(text, rows[i].peer_url);
		struct slice client_url = slice_of(text, rows[i].client_url);
		struct members members = { 0 };
		struct buf bytes = BUF_INIT;
		uint8_t key[STATE_KEY_BYTES];

		member_record_put(&bytes, &(struct member_record){ .id = 1, .role = MEMBER_VOTER,
		    .name = name, .peer_url = peer_url, .client_url = client_url });
		assert_int_equal(members_decode(&members, buf_slice(&bytes)),
		    rows[i].taken ? ERR_NONE : ERR_MALFORMED);
		members_clear(&members);
		buf_clear(&bytes);
		member_state_put(&bytes, &(struct member_state){ .format = STATE_FORMAT,
		    .role = MEMBER_VOTER, .name = name, .peer_url = peer_url,
		    .client_url = client_url });
		assert_int_equal(members_load(&members, state_key(key, STATE_MEMBER, 1),
		    buf_slice(&bytes)), rows[i].taken ? ERR_NONE : ERR_CORRUPT);
		members_clear(&members);
		buf_free(&bytes);
	}
}

TEST(a_list_cut_anywhere_changes_nothing)
{
	struct members members = { 0 }, other = { 0 };
	struct buf effects = BUF_INIT, list = BUF_INIT;

	put(&members, 9, MEMBER_VOTER, 1, "a", &effects);
	members_encode(&members, &list);
	put(&other, 4, MEMBER_VOTER, 1, "z", &effects);
	for (size_t size = 1; size < list.size; size++) {
		assert_int_equal(members_decode(&other, slice_of(list.data, size)), ERR_MALFORMED);
		assert_int_equal(other.list[0].id, 4);
	}
	assert_int_equal(members_decode(&other, buf_slice(&list)), ERR_NONE);
	assert_int_equal(members_hash(&other), members_hash(&members));
	members_clear(&members);
	members_clear(&other);
	buf_free(&effects);
	buf_free(&list);
}

TEST(the_registry_value_is_raft_then_etcd_unescaped)
{
	struct buf value = BUF_INIT;

	members_registry_value(&value, SLICE_LITERAL("http://a:7001"),
	    SLICE_LITERAL("http://a:4001"));
	assert_true(slice_equal(buf_slice(&value),
	    SLICE_LITERAL("raft=http://a:7001&etcd=http://a:4001")));
	buf_free(&value);
}

TEST(a_removed_id_is_remembered_over_a_reload)
{
	struct members members = { 0 }, fresh = { 0 };
	struct buf effects = BUF_INIT;
	struct state_record record;
	struct reader in;

	put(&members, 9, MEMBER_VOTER, 1, "a", &effects);
	buf_clear(&effects);
	members_remove(&members, 9, false, &effects);
	members_remove(&members, 77, false, &effects);
	assert_true(members_was_removed(&members, 9));
	assert_false(members_was_removed(&members, 77));
	in = reader_of(buf_slice(&effects));
	while (!reader_done(&in)) {
		assert_true(state_record_get(&in, &record));
		if (record.value.size > 0)
			assert_int_equal(members_load(&fresh, record.key, record.value), ERR_NONE);
	}
	assert_true(members_was_removed(&fresh, 9));
	assert_int_equal(fresh.count, 0);
	members_clear(&members);
	members_clear(&fresh);
	buf_free(&effects);
}
