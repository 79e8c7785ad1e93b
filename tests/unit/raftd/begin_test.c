/*
 * begin_test.c - a cluster that begins with the nodes of which the worker was told.
 */
#include "tests/unit/raftd/world.h"

#include "common/ipc/wire.h"
#include "tests/lib/test.h"

#include <stdio.h>

#define SELF "http://127.0.0.1:7001"

static void
put(struct buf *nodes, uint64_t id, const char *name, const char *url)
{
	told_record_put(nodes, &(struct told_record){ .id = id, .name = slice_text(name),
	    .peer_url = slice_text(url) });
}

/* Takes the nodes. */
static enum err
begin(struct world *w, struct buf *nodes)
{
	enum err err = node_begin_cluster(w->node, &(struct msg_begin_cluster){
	    .token = SLICE_LITERAL("t"), .nodes = buf_slice(nodes) });

	buf_free(nodes);
	world_settle(w);
	return err;
}

static struct msg_status
status_of(struct world *w)
{
	struct msg_status status;

	node_status(w->node, &status);
	return status;
}

static size_t
members_of(struct world *w)
{
	struct msg_status status = status_of(w);
	struct reader in = reader_of(status.members);
	struct member_record member;
	size_t count = 0;

	while (member_record_get(&in, &member))
		count++;
	return count;
}

TEST(all_that_were_told_are_members_with_the_ids_they_told)
{
	struct world *w = world_new(true, WORLD_TRIM_ENTRIES);
	struct buf nodes = BUF_INIT;
	uint64_t cluster_id;

	put(&nodes, 0xb2, "machine2", "http://10.0.0.2:7001");
	put(&nodes, 0xa1, "machine1", SELF);
	assert_int_equal(begin(w, &nodes), ERR_NONE);
	assert_int_equal(members_of(w), 2);
	assert_true(status_of(w).node_id == 0xa1);
	cluster_id = status_of(w).cluster_id;
	assert_true(cluster_id != 0);
	/* Said again, and of others: it has begun. */
	put(&nodes, 0xa1, "machine1", SELF);
	assert_int_equal(begin(w, &nodes), ERR_NONE);
	assert_int_equal(members_of(w), 2);
	assert_true(status_of(w).cluster_id == cluster_id);
	world_free(w);
}

/* The name of the only member; in a buffer of the caller. */
static const char *
name_of(struct world *w, char name[NAME_BYTES_MAX + 1])
{
	struct msg_status status = status_of(w);
	struct reader in = reader_of(status.members);
	struct member_record member;

	assert_true(member_record_get(&in, &member));
	snprintf(name, NAME_BYTES_MAX + 1, "%.*s", SLICE_ARGS(member.name));
	return name;
}

TEST(who_was_known_by_its_address_says_its_name)
{
	struct world *w = world_new(true, WORLD_TRIM_ENTRIES);
	char name[NAME_BYTES_MAX + 1];
	struct buf nodes = BUF_INIT;

	put(&nodes, 0xa1, "127.0.0.1-7001", SELF);
	assert_int_equal(begin(w, &nodes), ERR_NONE);
	for (int i = 0; i < 100 && strcmp(name_of(w, name), "machine1") != 0; i++) {
		world_turn(w, 100);
		world_settle(w);
	}
	assert_string_equal(name_of(w, name), "machine1");
	assert_int_equal(world_read(w, 1, "/_etcd/machines/machine1", 0), ERR_NONE);
	assert_int_equal(world_read(w, 2, "/_etcd/machines/127.0.0.1-7001", 0),
	    ERR_KEY_NOT_FOUND);
	world_free(w);
}

TEST(a_list_without_this_node_as_it_is_begins_nothing)
{
	static const struct { uint64_t id; const char *name, *url; } wrong[] = {
		{ 0xa2, "machine1", SELF }, { 0xa1, "machine2", SELF },
		{ 0xa1, "machine1", "http://127.0.0.1:7002" }, { 0, "machine1", SELF },
		{ 0xa1, "machine1", "127.0.0.1:7001" }, { 0xa1, "", SELF },
		{ 0xa1, "127.0.0.1-7002", SELF },
	};
	struct world *w = world_new(true, WORLD_TRIM_ENTRIES);
	struct buf nodes = BUF_INIT;

	for (size_t i = 0; i < ARRAY_COUNT(wrong); i++) {
		put(&nodes, wrong[i].id, wrong[i].name, wrong[i].url);
		assert_int_equal(begin(w, &nodes), ERR_NONE);
		assert_true(status_of(w).cluster_id == 0);
	}
	/* Nor does one of nobody. */
	assert_int_equal(begin(w, &nodes), ERR_NONE);
	assert_true(status_of(w).cluster_id == 0);
	put(&nodes, 0xa1, "machine1", SELF);
	put(&nodes, 0xa1, "machine2", "http://10.0.0.2:7001");
	assert_int_equal(begin(w, &nodes), ERR_NONE);
	assert_true(status_of(w).cluster_id == 0);
	world_free(w);
}

TEST(a_list_above_a_limit_is_malformed)
{
	struct world *w = world_new(true, WORLD_TRIM_ENTRIES);
	struct buf nodes = BUF_INIT;
	char text[URL_BYTES_MAX + 2];

	for (unsigned i = 0; i <= VOTERS_MAX; i++)
		put(&nodes, i + 1, "n", "http://h:1");
	assert_int_equal(begin(w, &nodes), ERR_MALFORMED);
	memset(text, 'n', sizeof(text));
	text[NAME_BYTES_MAX] = '\0';
	put(&nodes, 1, text, "http://h:1");
	assert_int_equal(begin(w, &nodes), ERR_NONE);
	text[NAME_BYTES_MAX] = 'n';
	text[NAME_BYTES_MAX + 1] = '\0';
	put(&nodes, 1, text, "http://h:1");
	assert_int_equal(begin(w, &nodes), ERR_MALFORMED);
	memset(text, 'n', sizeof(text));
	text[URL_BYTES_MAX] = '\0';
	put(&nodes, 1, "n", text);
	assert_int_equal(begin(w, &nodes), ERR_NONE);
	text[URL_BYTES_MAX] = 'n';
	text[URL_BYTES_MAX + 1] = '\0';
	put(&nodes, 1, "n", text);
	assert_int_equal(begin(w, &nodes), ERR_MALFORMED);
	put(&nodes, 0xa1, "machine1", SELF);
	nodes.size--;
	assert_int_equal(begin(w, &nodes), ERR_MALFORMED);
	assert_true(status_of(w).cluster_id == 0);
	world_free(w);
}

TEST(who_leads_a_cluster_begins_no_other_one)
{
	struct world *w = world_leading();
	struct buf nodes = BUF_INIT;

	put(&nodes, 0xa1, "machine1", SELF);
	put(&nodes, 0xb2, "machine2", "http://10.0.0.2:7001");
	assert_int_equal(begin(w, &nodes), ERR_NONE);
	assert_int_equal(members_of(w), 1);
	world_free(w);
}
