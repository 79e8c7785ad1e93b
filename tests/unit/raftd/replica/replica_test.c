/*
 * replica_test.c - the same log makes the same state, whoever applies it: one who sees it
 * all, and one whose state comes from a snapshot now and then.
 */
#include "raftd/replica/replica.h"

#include "common/cluster_config.h"
#include "common/rand.h"
#include "tests/lib/joined.h"
#include "tests/lib/test.h"
#include "tests/unit/raftd/replica/store/fixture.h"

#include <stdlib.h>

#define LOGS 40
#define ENTRIES 400
#define IDS 5
#define SESSIONS 3

static const char *const keys[] = { "/a", "/b", "/dir", "/dir/a", "/dir/b", "/dir/deep/c", "/_h" };

struct writer {
	struct rand rand;
	uint64_t time_ns;
	raft_index index;
	uint64_t next[SESSIONS];	/* sequence of each */
};

/* One who applies, and what his disk has. */
struct applier {
	struct replica *replica;
	struct buf effects;
	struct tails tails;
	struct disk disk;
};

static unsigned
below(struct writer *w, unsigned bound)
{
	return (unsigned)rand_below(&w->rand, bound);
}

static struct slice
some_value(struct writer *w)
{
	static const char text[] = "a value of some length, or the beginning of it";

	return slice_of(text, below(w, sizeof(text)));
}

/* Now and then one that was there before: a repeat, or forgotten. */
static uint64_t
some_sequence(struct writer *w, unsigned session)
{
	if (w->next[session] > 0 && rand_chance(&w->rand, 150))
		return 1 + rand_below(&w->rand, w->next[session]);
	return ++w->next[session];
}

static uint64_t
low_of(struct writer *w, unsigned session)
{
	return w->next[session] > 8 && rand_chance(&w->rand, 300) ? w->next[session] - 8 : 1;
}

static struct blob *
some_write(struct writer *w)
{
	unsigned session = below(w, SESSIONS);
	uint64_t sequence = some_sequence(w, session);
	struct msg_write write = {
		.low = low_of(w, session),
		.op = (uint8_t)(WRITE_SET + below(w, 7)),
		.flags = (uint8_t)(below(w, 4) == 0 ? below(w, WRITE_FLAG_ALL + 1) : 0),
		.key = slice_text(keys[below(w, ARRAY_COUNT(keys))]),
		.value = some_value(w),
		.ttl_s = 1 + below(w, 20),
		.prev_index = below(w, 3) == 0 ? below(w, (unsigned)w->index + 1) : 0,
		.prev_value = some_value(w),
	};

	return command_new_write(session + 1, sequence, &write);
}

static struct blob *
some_member(struct writer *w, struct raft_entry *entry)
{
	static const enum raft_conf_op ops[] = { RAFT_CONF_ADD_LEARNER, RAFT_CONF_ADD_VOTER,
		RAFT_CONF_REMOVE, RAFT_CONF_NONE };
	static const char *const names[] = { "one", "two", "" };
	static const char *const urls[] = { "http://h:1", "http://h:2", "http://h:3" };
	static const char *const client_urls[] = { "http://h:1", "http://h:2", "" };
	enum raft_conf_op op = ops[below(w, ARRAY_COUNT(ops))];
	struct command_member member = {
		.op = op == RAFT_CONF_REMOVE ? (uint8_t)(below(w, 2) == 0 ? MEMBER_REMOVE :
		    MEMBER_FORGET) : op == RAFT_CONF_NONE ? MEMBER_UPDATE : MEMBER_JOIN,
		.id = 1 + below(w, IDS),
		.name = slice_text(names[below(w, ARRAY_COUNT(names))]),
		.peer_url = slice_text(urls[below(w, ARRAY_COUNT(urls))]),
		.client_url = slice_text(client_urls[below(w, ARRAY_COUNT(client_urls))]),
	};
	unsigned session = below(w, SESSIONS);

	entry->type = op == RAFT_CONF_NONE ? RAFT_ENTRY_COMMAND : RAFT_ENTRY_CONF;
	entry->conf_op = op;
	entry->conf_peer = member.id;
	return command_new_member(session + 1, some_sequence(w, session), 1, &member);
}

static struct blob *
some_config(struct writer *w)
{
	struct cluster_config config;
	struct buf items = BUF_INIT;
	unsigned session = below(w, SESSIONS);
	struct blob *payload;

	cluster_config_init(&config);
	cluster_config_set(&config, &config_rows[CONFIG_ROW_history_bytes],
	    (uint64_t)below(w, 4) * MIB);
	cluster_config_set(&config, &config_rows[CONFIG_ROW_history_events],
	    100 + below(w, 20));
	cluster_config_set(&config, &config_rows[CONFIG_ROW_max_key_names], 1 + below(w, 4));
	cluster_config_put(&config, &items);
	payload = command_new_config(session + 1, some_sequence(w, session), 1, buf_slice(&items));
	buf_free(&items);
	return payload;
}

static struct raft_entry
some_entry(struct writer *w)
{
	struct raft_entry entry = { .term = 1, .index = ++w->index, .type = RAFT_ENTRY_COMMAND };
	unsigned what = below(w, 100);

	w->time_ns += rand_below(&w->rand, 2 * NS_PER_SECOND);
	entry.time_ns = w->time_ns;
	if (what < 75)
		entry.payload = some_write(w);
	else if (what < 82)
		entry.payload = some_member(w, &entry);
	else if (what < 85)
		entry.payload = some_config(w);
	else if (what < 95)
		entry.payload = command_new_expire(w->time_ns);
	else if (what < 98)
		entry.payload = command_new_refused(1, some_sequence(w, 0), 1,
		    &(struct command_refused){ .error = ERR_BUSY, .cause = some_value(w) });
	else if (what < 99)
		entry.payload = blob_new(some_value(w));
	else
		entry = (struct raft_entry){ .term = 1, .index = w->index,
			.time_ns = w->time_ns, .type = RAFT_ENTRY_CONF,
			.conf_op = RAFT_CONF_PROMOTE, .conf_peer = 1 + below(w, IDS) };
	return entry;
}

static void
begin(struct applier *a, uint64_t seed)
{
	a->replica = replica_new(seed);
	a->tails.min = 16;
	store_use_tails(a->replica->store, &a->tails);
}

static void
end(struct applier *a)
{
	replica_free(&a->replica);
	buf_free(&a->effects);
	tails_free(&a->tails);
	disk_free(&a->disk);
}

/* A state that deletes what is not there is one, too: requests that came and went. */
static void
to_disk(struct applier *a)
{
	struct blob *list;
	struct reader in;
	struct state_record record;

	replica_flush(a->replica, &a->effects);
	list = joined(buf_slice(&a->effects), &a->tails);
	assert_non_null(list);
	in = reader_of(blob_slice(list));
	while (!reader_done(&in)) {
		assert_true(state_record_get(&in, &record));
		disk_put(&a->disk, record.key, record.value);
	}
	blob_unref(&list);
	buf_clear(&a->effects);
	tails_clear(&a->tails);
}

static void
apply(struct applier *a, const struct raft_entry *entry, struct replica_facts *facts)
{
	assert_true(replica_apply(a->replica, entry, SIZE_MAX, &a->effects, facts));
	replica_invariants(a->replica);
	/* Nobody watches. */
	assert_false(replica_is_within_entry(a->replica));
}

/* A second replica is built of what is on the disk, and takes the first one's place. */
static void
take_snapshot(struct applier *a, uint64_t seed)
{
	struct replica *fresh = replica_new(seed);
	const char *where = NULL;

	to_disk(a);
	for (size_t i = 0; i < a->disk.count; i++)
		assert_int_equal(replica_load(fresh, blob_slice(a->disk.records[i].key),
		    blob_slice(a->disk.records[i].value)), ERR_NONE);
	assert_int_equal(replica_loaded(fresh, &where), ERR_NONE);
	assert_int_equal(replica_hash(fresh), replica_hash(a->replica));
	assert_int_equal(fresh->applied_ns, a->replica->applied_ns);
	replica_adopt(fresh, a->replica);
	replica_free(&a->replica);
	a->replica = fresh;
}

static void
expect_same(const struct replica_facts *a, const struct replica_facts *b)
{
	assert_int_equal(a->member.change, b->member.change);
	assert_int_equal(a->member.id, b->member.id);
	assert_int_equal(a->config_changed, b->config_changed);
	assert_int_equal(a->session, b->session);
	assert_int_equal(a->sequence, b->sequence);
	assert_int_equal(a->seen, b->seen);
	assert_int_equal(a->result.error, b->result.error);
	assert_int_equal(a->result.store_index, b->result.store_index);
	assert_true(slice_equal(blob_slice(a->result.cause), blob_slice(b->result.cause)));
	assert_true(slice_equal(blob_slice(a->event), blob_slice(b->event)));
}

/* What happened at all: logs in which nothing does would prove nothing. */
struct happened {
	unsigned changes[MEMBER_REMOVED + 1], seen[REQUEST_FORGOTTEN + 1];
	unsigned configs, successes, refusals;
	uint64_t expiries;
};

static void
count(struct happened *happened, const struct replica_facts *facts)
{
	happened->changes[facts->member.change]++;
	happened->seen[facts->seen]++;
	happened->configs += facts->config_changed;
	happened->successes += facts->event != NULL;
	happened->refusals += facts->result.error != ERR_NONE;
}

static void
expect_everything(const struct happened *happened)
{
	for (size_t i = 0; i < ARRAY_COUNT(happened->changes); i++)
		assert_int_not_equal(happened->changes[i], 0);
	for (size_t i = 0; i < ARRAY_COUNT(happened->seen); i++)
		assert_int_not_equal(happened->seen[i], 0);
	assert_int_not_equal(happened->configs, 0);
	assert_int_not_equal(happened->expiries, 0);
	assert_int_not_equal(happened->successes, 0);
	assert_int_not_equal(happened->refusals, 0);
}

static void
drop(struct replica_facts *facts)
{
	blob_unref(&facts->result.cause);
	blob_unref(&facts->event);
}

TEST(the_same_log_makes_the_same_state_also_from_a_snapshot)
{
	struct happened happened = { .configs = 0 };

	for (uint64_t seed = 1; seed <= LOGS; seed++) {
		struct writer w = { .time_ns = NS_PER_SECOND };
		struct applier one = { 0 }, other = { 0 };
		uint64_t stats[STORE_STAT_COUNT];

		rand_seed(&w.rand, seed);
		begin(&one, seed);
		begin(&other, ~seed);
		for (size_t i = 0; i < ENTRIES; i++) {
			struct raft_entry entry = some_entry(&w);
			struct replica_facts facts[2];

			apply(&one, &entry, &facts[0]);
			apply(&other, &entry, &facts[1]);
			expect_same(&facts[0], &facts[1]);
			count(&happened, &facts[0]);
			drop(&facts[0]);
			drop(&facts[1]);
			if (rand_chance(&w.rand, 50))
				take_snapshot(&other, rand_next(&w.rand));
			if (i % 10 == 0)
				assert_int_equal(replica_hash(one.replica),
				    replica_hash(other.replica));
			blob_unref(&entry.payload);
		}
		assert_int_equal(replica_hash(one.replica), replica_hash(other.replica));
		store_stats(one.replica->store, stats);
		happened.expiries += stats[STAT_EXPIRE_COUNT];
		end(&one);
		end(&other);
	}
	expect_everything(&happened);
}

/* Given up by who asked before its entry came, or a copy of one that was refused: Raft counts
 * with a change of its configuration in any case. */
TEST(members_follow_the_configuration_whatever_became_of_the_request)
{
	static const struct command_refused refusal = { .error = ERR_BUSY };
	struct command_member joiner = { .op = MEMBER_JOIN, .id = 7, .name = slice_text("one"),
		.peer_url = slice_text("http://h:1"), .client_url = slice_text("http://h:2") };
	struct msg_write write = { .op = WRITE_SET, .key = SLICE_LITERAL("/a"), .low = 5 };
	struct blob *payloads[] = { command_new_write(1, 5, &write),
		command_new_refused(2, 3, 1, &refusal) };
	struct blob *joins[] = { command_new_member(1, 3, 1, &joiner),
		command_new_member(2, 3, 1, &joiner) };
	static const enum request_seen seen[] = { REQUEST_FORGOTTEN, REQUEST_KNOWN };

	for (size_t i = 0; i < ARRAY_COUNT(joins); i++) {
		struct applier a = { 0 };
		struct replica_facts facts;

		begin(&a, i);
		apply(&a, &(struct raft_entry){ .term = 1, .index = 1, .time_ns = 1,
		    .type = RAFT_ENTRY_COMMAND, .payload = payloads[i] }, &facts);
		drop(&facts);
		apply(&a, &(struct raft_entry){ .term = 1, .index = 2, .time_ns = 2,
		    .type = RAFT_ENTRY_CONF, .conf_op = RAFT_CONF_ADD_LEARNER, .conf_peer = 7,
		    .payload = joins[i] }, &facts);
		assert_int_equal(facts.seen, seen[i]);
		assert_int_equal(facts.result.error, i == 0 ? ERR_NONE : ERR_BUSY);
		assert_int_equal(facts.member.change, MEMBER_JOINED);
		assert_int_equal(a.replica->members.count, 1);
		assert_int_equal(a.replica->members.list[0].id, 7);
		assert_true(store_exists(a.replica->store,
		    SLICE_LITERAL("/_etcd/machines/one")));
		drop(&facts);
		end(&a);
		blob_unref(&payloads[i]);
		blob_unref(&joins[i]);
	}
}
