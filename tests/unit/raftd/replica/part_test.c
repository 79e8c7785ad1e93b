/*
 * part_test.c - the rows of the applied state, and a state machine that is one row more: it
 * is applied, written down, loaded, added up and checked as all others, by code that does not
 * know it.
 */
#include "raftd/replica/part.h"

#include "common/ipc/wire.h"
#include "common/rand.h"
#include "raftd/replica/replica.h"
#include "raftd/replica/state.h"
#include "tests/lib/test.h"
#include "tests/unit/raftd/replica/store/fixture.h"
#include "tests/unit/raftd/replica/toy.h"

#define SESSION 7
#define ENTRIES 300

/* One who applies, and what his disk has. */
struct applier {
	struct replica *replica;
	raft_index index;
	struct buf effects;
	struct disk disk;
};

static void
begin(struct applier *a, uint64_t seed)
{
	*a = (struct applier){ .replica = replica_new(seed) };
}

static void
end(struct applier *a)
{
	replica_free(&a->replica);
	buf_free(&a->effects);
	disk_free(&a->disk);
}

/* Takes payload. What came of it; the cause is compared, if it is not NULL. */
static enum err
apply(struct applier *a, struct blob *payload, const char *cause)
{
	struct raft_entry entry = { .term = 1, .index = ++a->index, .time_ns = a->index,
		.type = RAFT_ENTRY_COMMAND, .payload = payload };
	struct replica_facts facts;
	enum err error;

	assert_true(replica_apply(a->replica, &entry, SIZE_MAX, &a->effects, &facts));
	error = facts.result.error;
	if (cause != NULL)
		assert_true(slice_equal(blob_slice(facts.result.cause), slice_text(cause)));
	blob_unref(&facts.result.cause);
	blob_unref(&facts.event);
	blob_unref(&payload);
	return error;
}

static enum err
add(struct applier *a, uint64_t sequence, uint8_t letter, uint64_t amount)
{
	return apply(a, toy_new_add(SESSION, sequence, letter, amount), NULL);
}

/* The sum is deleted also if it was not there: a disk takes that. */
static void
to_disk(struct applier *a)
{
	struct reader in;
	struct state_record record;

	replica_flush(a->replica, &a->effects);
	in = reader_of(buf_slice(&a->effects));
	while (!reader_done(&in)) {
		assert_true(state_record_get(&in, &record));
		if (record.value.size == 0)
			disk_put(&a->disk, record.key, SLICE_LITERAL("to be deleted"));
		disk_put(&a->disk, record.key, record.value);
	}
	buf_clear(&a->effects);
}

static enum err
load(struct replica *replica, const struct disk *disk, const char **where)
{
	for (size_t i = 0; i < disk->count; i++)
		if (replica_load(replica, blob_slice(disk->records[i].key),
		    blob_slice(disk->records[i].value)) != ERR_NONE)
			return ERR_CORRUPT;
	return replica_loaded(replica, where);
}

/* ---- the table ------------------------------------------------------------------------ */

TEST(no_two_parts_have_one_prefix)
{
	unsigned owners[256] = { [STATE_STAMP] = 1 };

	for (size_t i = 0; i < part_row_count; i++) {
		assert_true(part_rows[i]->prefixes[0] != '\0');
		for (const char *at = part_rows[i]->prefixes; *at != '\0'; at++)
			assert_int_equal(owners[(uint8_t)*at]++, 0);
		for (const char *at = part_rows[i]->old_prefixes; *at != '\0'; at++)
			assert_non_null(strchr(part_rows[i]->prefixes, *at));
		for (const char *at = part_rows[i]->once_prefixes; *at != '\0'; at++)
			assert_non_null(strchr(part_rows[i]->prefixes, *at));
		assert_int_equal(part_rows[i]->old_prefixes[0] != '\0',
		    part_rows[i]->renew != NULL);
	}
}

TEST(every_command_is_that_of_one_part)
{
	unsigned owners[256] = { 0 };

	for (size_t i = 0; i < part_row_count; i++)
		for (const struct part_command *command = part_rows[i]->commands;
		    command->kind != 0; command++) {
			assert_non_null(command->apply);
			assert_int_equal(owners[command->kind]++, 0);
		}
	for (unsigned kind = COMMAND_WRITE; kind < COMMAND_KINDS; kind++)
		assert_int_equal(owners[kind], 1);
	assert_int_equal(owners[TOY_ADD], 1);
}

/* ---- one row more ------------------------------------------------------------------------ */

TEST(a_row_more_is_applied_once_for_each_request)
{
	struct command_head head = { .kind = TOY_ADD, .session = SESSION, .sequence = 3 };
	struct command_head unknown = { .kind = TOY_ADD + 1, .session = SESSION, .sequence = 4 };
	struct buf bytes = BUF_INIT;
	struct applier a;

	begin(&a, 1);
	assert_int_equal(add(&a, 1, 'a', 5), ERR_NONE);
	assert_int_equal(add(&a, 2, 'a', 2), ERR_NONE);
	assert_int_equal(add(&a, 1, 'a', 5), ERR_NONE);
	assert_int_equal(toy_of(a.replica)->counts['a'], 7);
	command_head_put(&bytes, &head);
	assert_int_equal(apply(&a, blob_new(buf_slice(&bytes)), "malformed command"),
	    ERR_RAFT_INTERNAL);
	/* Its answer is remembered, too. */
	assert_int_equal(apply(&a, toy_new_add(SESSION, 3, 'a', 1), "malformed command"),
	    ERR_RAFT_INTERNAL);
	buf_clear(&bytes);
	command_head_put(&bytes, &unknown);
	assert_int_equal(apply(&a, blob_new(buf_slice(&bytes)), "unknown command"),
	    ERR_RAFT_INTERNAL);
	assert_int_equal(toy_of(a.replica)->counts['a'], 7);
	buf_free(&bytes);
	end(&a);
}

/* Keys and counters in turn, at random; a counter that is taken away leaves no record. */
static void
some_work(struct applier *a, struct rand *rand, size_t i)
{
	char key[] = "/k";
	struct msg_write write = { .op = WRITE_SET, .key = SLICE_EMPTY,
		.value = SLICE_LITERAL("value") };

	if (rand_chance(rand, 500)) {
		assert_int_equal(add(a, i, (uint8_t)('a' + rand_below(rand, 5)),
		    rand_below(rand, 4)), ERR_NONE);
		return;
	}
	key[1] = (char)('a' + rand_below(rand, 5));
	write.key = slice_text(key);
	assert_int_equal(apply(a, command_new_write(SESSION, i, &write), NULL), ERR_NONE);
}

TEST(an_entry_of_a_row_more_may_take_several_calls)
{
	struct blob *payload = toy_new_add(SESSION, 1, 'a', 5);
	struct raft_entry entry = { .term = 1, .index = 1, .time_ns = 1,
		.type = RAFT_ENTRY_COMMAND, .payload = payload };
	struct replica_facts facts;
	struct applier a;

	begin(&a, 1);
	for (size_t i = 0; i < 2; i++) {
		assert_false(replica_apply(a.replica, &entry, 0, &a.effects, &facts));
		assert_true(replica_is_within_entry(a.replica));
		replica_invariants(a.replica);
	}
	assert_true(replica_apply(a.replica, &entry, 1, &a.effects, &facts));
	assert_false(replica_is_within_entry(a.replica));
	assert_int_equal(facts.result.error, ERR_NONE);
	blob_unref(&facts.result.cause);
	blob_unref(&payload);
	end(&a);
}

TEST(a_row_more_is_in_what_one_writes_and_another_loads)
{
	struct applier a;
	struct replica *other;
	const char *where = NULL;
	struct rand rand;

	rand_seed(&rand, 11);
	begin(&a, 1);
	for (size_t i = 1; i <= ENTRIES; i++) {
		some_work(&a, &rand, i);
		if (i % 20 != 0)
			continue;
		to_disk(&a);
		other = replica_new(i);
		assert_int_equal(load(other, &a.disk, &where), ERR_NONE);
		assert_int_equal(replica_hash(other), replica_hash(a.replica));
		assert_memory_equal(toy_of(other)->counts, toy_of(a.replica)->counts,
		    sizeof(toy_of(other)->counts));
		replica_invariants(other);
		assert_int_equal(*toy_of(other)->looks, 1);
		replica_free(&other);
	}
	assert_int_not_equal(toy_of(a.replica)->sum, 0);
	end(&a);
}

TEST(a_row_more_is_in_the_checksum)
{
	struct applier a, b;

	begin(&a, 1);
	begin(&b, 2);
	assert_int_equal(replica_hash(a.replica), replica_hash(b.replica));
	add(&a, 1, 'a', 5);
	add(&b, 1, 'b', 5);
	assert_int_not_equal(replica_hash(a.replica), replica_hash(b.replica));
	end(&a);
	end(&b);
}

TEST(what_a_row_more_finds_wrong_is_damage)
{
	struct applier a;
	struct replica *other = replica_new(2);
	const char *where = NULL;

	begin(&a, 1);
	add(&a, 1, 'a', 5);
	to_disk(&a);
	disk_put(&a.disk, SLICE_LITERAL("xa"), SLICE_LITERAL("\4\0\0\0\0\0\0\0"));
	assert_int_equal(load(other, &a.disk, &where), ERR_CORRUPT);
	assert_string_equal(where, "the toy's sum is not that of its counters");
	assert_int_equal(replica_load(other, SLICE_LITERAL("xa"), SLICE_LITERAL("?")), ERR_CORRUPT);
	replica_free(&other);
	end(&a);
}

TEST(who_waits_for_a_row_more_waits_on_at_the_replica_that_takes_its_place)
{
	struct replica *old = replica_new(1), *fresh = replica_new(2);

	toy_of(old)->waiting = 3;
	replica_adopt(fresh, old);
	replica_free(&old);
	assert_int_equal(toy_of(fresh)->waiting, 3);
	replica_free(&fresh);
}

TEST(a_record_that_is_no_parts_is_damage)
{
	struct replica *replica = replica_new(1);

	assert_int_equal(replica_load(replica, SLICE_LITERAL("?"), SLICE_LITERAL("v")),
	    ERR_CORRUPT);
	assert_int_equal(replica_load(replica, SLICE_LITERAL("\0a"), SLICE_LITERAL("v")),
	    ERR_CORRUPT);
	assert_int_equal(replica_load(replica, SLICE_EMPTY, SLICE_LITERAL("v")), ERR_CORRUPT);
	assert_int_equal(replica_load(replica, SLICE_LITERAL("T2"), SLICE_LITERAL("v")),
	    ERR_CORRUPT);
	replica_free(&replica);
}
