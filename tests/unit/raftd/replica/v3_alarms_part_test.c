/*
 * v3_alarms_part_test.c - alarms as a part of the replica: what each refuses, who may raise one,
 * how many stand, what comes again from records, and what is answered to what comes again.
 */
#include "common/ipc/wire.h"
#include "common/limits.h"
#include "common/v3_error.h"
#include "raftd/command.h"
#include "raftd/replica/replica.h"
#include "tests/lib/test.h"
#include "tests/unit/raftd/replica/store/fixture.h"

#define SESSION 9

struct applied {
	struct replica *replica;
	uint64_t index;
	struct v3_alarm_fact fact;	/* of the last entry, */
	uint32_t changes;		/* and what its outcome says */
	struct buf effects;
	struct disk disk;
};

static enum v3_error
apply_again(struct applied *a, struct blob *payload)
{
	struct raft_entry entry = { .index = ++a->index, .term = 1, .time_ns = a->index,
		.type = RAFT_ENTRY_COMMAND, .payload = payload };
	struct replica_facts facts;
	struct mvcc_outcome outcome;
	enum v3_error error;

	while (!replica_apply(a->replica, &entry, 1, &a->effects, &facts))
		;
	assert_int_equal(facts.result.error, ERR_NONE);
	assert_true(mvcc_outcome_parse(blob_slice(facts.result.cause), &outcome));
	error = outcome.error;
	a->changes = outcome.changes;
	a->fact = facts.v3_alarm;
	mvcc_outcome_free(&outcome);
	blob_unref(&facts.result.cause);
	blob_unref(&facts.event);
	return error;
}

/* Takes payload. */
static enum v3_error
apply(struct applied *a, struct blob *payload)
{
	enum v3_error error = apply_again(a, payload);

	blob_unref(&payload);
	return error;
}

#define NEXT(a) SESSION, (a)->index + 1

static enum v3_error
alarm_is(struct applied *a, uint8_t op, uint8_t type, uint64_t member)
{
	return apply(a, command_new_v3_alarm(NEXT(a), &(struct msg_v3_alarm){ .low = 1,
	    .op = op, .type = type, .member = member }));
}

/* A put, or a txn whose failure alone puts, or a delete. */
enum written { PUT, FAILURE_PUTS, DELETES };

static struct blob *
new_write(struct applied *a, enum written what)
{
	struct buf compares = BUF_INIT, ops = BUF_INIT;
	struct blob *payload;

	if (what == FAILURE_PUTS) {
		v3_compare_put(&compares, &(struct v3_compare){ .key = SLICE_LITERAL("a"),
		    .target = V3_COMPARE_CREATE, .result = V3_GREATER });
		mvcc_op_put_branch(&ops, &(struct v3_branch){ .compares = 1, .success_end = 2,
		    .failure_end = 3 });
	}
	if (what != PUT)
		mvcc_op_put_delete(&ops, &(struct v3_delete){ .key = SLICE_LITERAL("a") });
	if (what != DELETES)
		mvcc_op_put_put(&ops, &(struct v3_put){ .key = SLICE_LITERAL("a"),
		    .value = SLICE_LITERAL("1") });
	payload = command_new_v3_write(NEXT(a), &(struct msg_v3_write){ .low = 1,
	    .compares = buf_slice(&compares), .ops = buf_slice(&ops) });
	buf_free(&compares);
	buf_free(&ops);
	return payload;
}

static enum v3_error
write_is(struct applied *a, enum written what)
{
	return apply(a, new_write(a, what));
}

static enum v3_error
grant_is(struct applied *a, uint64_t id)
{
	return apply(a, command_new_v3_grant(NEXT(a), &(struct msg_v3_grant){
	    .low = 1, .id = id, .ttl_s = 60 }));
}

static enum v3_error
revoke_is(struct applied *a, uint64_t id)
{
	return apply(a, command_new_v3_revoke(NEXT(a), &(struct msg_v3_revoke){
	    .low = 1, .id = id }));
}

static enum v3_error
compact_is(struct applied *a, uint64_t revision)
{
	return apply(a, command_new_v3_compact(NEXT(a), &(struct msg_v3_compact){
	    .low = 1, .revision = revision }));
}

/* What went to the disk makes the same again. */
static void
end(struct applied *a)
{
	struct replica *fresh = replica_new(99);
	struct state_record record;
	const char *where;
	struct reader in;

	replica_invariants(a->replica);
	replica_flush(a->replica, &a->effects);
	in = reader_of(buf_slice(&a->effects));
	while (!reader_done(&in)) {
		assert_true(state_record_get(&in, &record));
		disk_put(&a->disk, record.key, record.value);
	}
	for (size_t i = 0; i < a->disk.count; i++)
		assert_int_equal(replica_load(fresh, blob_slice(a->disk.records[i].key),
		    blob_slice(a->disk.records[i].value)), ERR_NONE);
	assert_int_equal(replica_loaded(fresh, &where), ERR_NONE);
	assert_int_equal(fresh->v3_alarms.count, a->replica->v3_alarms.count);
	assert_int_equal(replica_hash(fresh), replica_hash(a->replica));
	replica_free(&fresh);
	disk_free(&a->disk);
	buf_free(&a->effects);
	replica_free(&a->replica);
}

TEST(nospace_refuses_what_adds_and_nothing_else)
{
	struct applied a = { .replica = replica_new(1) };

	assert_int_equal(write_is(&a, PUT), V3_NONE);
	assert_int_equal(grant_is(&a, 1), V3_NONE);
	assert_int_equal(alarm_is(&a, ALARM_RAISE, ALARM_NOSPACE, 7), V3_NONE);
	assert_int_equal(a.changes, 1);
	assert_int_equal(a.fact.op, ALARM_RAISE);
	assert_int_equal(write_is(&a, PUT), V3_NO_SPACE);
	assert_int_equal(write_is(&a, FAILURE_PUTS), V3_NO_SPACE);
	assert_int_equal(grant_is(&a, 2), V3_NO_SPACE);
	assert_int_equal(mvcc_revision(a.replica->mvcc), 2);
	assert_int_equal(write_is(&a, DELETES), V3_NONE);
	assert_int_equal(revoke_is(&a, 1), V3_NONE);
	assert_int_equal(compact_is(&a, 2), V3_NONE);
	assert_int_equal(alarm_is(&a, ALARM_TAKE, ALARM_NOSPACE, 7), V3_NONE);
	assert_int_equal(a.changes, 1);
	assert_int_equal(write_is(&a, PUT), V3_NONE);
	end(&a);
}

TEST(corrupt_refuses_every_command_of_clients)
{
	struct applied a = { .replica = replica_new(1) };

	assert_int_equal(grant_is(&a, 1), V3_NONE);
	assert_int_equal(write_is(&a, PUT), V3_NONE);
	assert_int_equal(alarm_is(&a, ALARM_RAISE, ALARM_CORRUPT, 7), V3_NONE);
	assert_int_equal(write_is(&a, PUT), V3_CORRUPT);
	assert_int_equal(write_is(&a, DELETES), V3_CORRUPT);
	assert_int_equal(grant_is(&a, 2), V3_CORRUPT);
	assert_int_equal(revoke_is(&a, 1), V3_CORRUPT);
	assert_int_equal(compact_is(&a, 2), V3_CORRUPT);
	assert_int_equal(mvcc_revision(a.replica->mvcc), 2);
	assert_int_equal(alarm_is(&a, ALARM_TAKE, ALARM_CORRUPT, 7), V3_NONE);
	assert_int_equal(write_is(&a, DELETES), V3_NONE);
	end(&a);
}

TEST(what_comes_again_is_answered_as_the_first_time)
{
	struct applied a = { .replica = replica_new(1) };
	struct blob *done = new_write(&a, PUT), *refused;

	assert_int_equal(apply_again(&a, done), V3_NONE);
	assert_int_equal(alarm_is(&a, ALARM_RAISE, ALARM_NOSPACE, 7), V3_NONE);
	refused = new_write(&a, PUT);
	assert_int_equal(apply_again(&a, refused), V3_NO_SPACE);
	assert_int_equal(alarm_is(&a, ALARM_TAKE, ALARM_NOSPACE, 7), V3_NONE);
	assert_int_equal(apply_again(&a, done), V3_NONE);
	assert_int_equal(apply_again(&a, refused), V3_NO_SPACE);
	assert_int_equal(mvcc_revision(a.replica->mvcc), 2);
	blob_unref(&done);
	blob_unref(&refused);
	end(&a);
}

TEST(an_alarm_stands_once_and_is_taken_back_by_member_and_type)
{
	struct applied a = { .replica = replica_new(1) };

	assert_int_equal(alarm_is(&a, ALARM_RAISE, ALARM_NOSPACE, 7), V3_NONE);
	assert_int_equal(alarm_is(&a, ALARM_RAISE, ALARM_NOSPACE, 7), V3_NONE);
	assert_int_equal(a.changes, 1);
	assert_int_equal(a.fact.op, 0);
	assert_int_equal(a.replica->v3_alarms.count, 1);
	assert_int_equal(alarm_is(&a, ALARM_TAKE, ALARM_NOSPACE, 8), V3_NONE);
	assert_int_equal(a.changes, 0);
	assert_int_equal(alarm_is(&a, ALARM_TAKE, ALARM_CORRUPT, 7), V3_NONE);
	assert_int_equal(a.changes, 0);
	assert_int_equal(write_is(&a, PUT), V3_NO_SPACE);
	end(&a);
}

TEST(the_quota_takes_back_its_own_and_a_client_both)
{
	struct applied a = { .replica = replica_new(1) };

	assert_int_equal(alarm_is(&a, ALARM_RAISE, ALARM_NOSPACE, 7), V3_NONE);
	assert_int_equal(apply(&a, command_new_v3_quota(ALARM_RAISE, 7)), V3_NONE);
	assert_int_equal(a.replica->v3_alarms.count, 2);
	assert_int_equal(apply(&a, command_new_v3_quota(ALARM_TAKE, 8)), V3_NONE);
	assert_int_equal(a.replica->v3_alarms.count, 1);
	assert_int_equal(write_is(&a, PUT), V3_NO_SPACE);
	assert_int_equal(apply(&a, command_new_v3_quota(ALARM_RAISE, 7)), V3_NONE);
	assert_int_equal(alarm_is(&a, ALARM_TAKE, ALARM_NOSPACE, 7), V3_NONE);
	assert_int_equal(a.replica->v3_alarms.count, 0);
	assert_int_equal(write_is(&a, PUT), V3_NONE);
	end(&a);
}

TEST(so_many_alarms_stand_and_no_more)
{
	struct applied a = { .replica = replica_new(1) };

	for (uint64_t member = 0; member < V3_ALARMS_MAX; member++)
		assert_int_equal(alarm_is(&a, ALARM_RAISE, ALARM_NOSPACE, 1000 - member), V3_NONE);
	assert_int_equal(alarm_is(&a, ALARM_RAISE, ALARM_NOSPACE, 1), V3_TOO_MANY_REQUESTS);
	assert_int_equal(a.changes, 0);
	assert_int_equal(alarm_is(&a, ALARM_RAISE, ALARM_NOSPACE, 1000), V3_NONE);
	assert_int_equal(a.changes, 1);
	end(&a);
}

TEST(while_users_count_it_is_for_root_and_the_leader)
{
	struct applied a = { .replica = replica_new(1) };
	struct msg_v3_alarm alarm = { .low = 1, .op = ALARM_RAISE, .type = ALARM_NOSPACE,
		.member = 7 };
	static const struct {
		uint8_t op;
		const char *name, *role;
	} changes[] = {
		{ V3_AUTH_ADD_USER, "root", "" }, { V3_AUTH_GRANT_ROLE, "root", "root" },
		{ V3_AUTH_ADD_USER, "u", "" }, { V3_AUTH_ENABLE, "", "" },
	};

	for (size_t i = 0; i < ARRAY_COUNT(changes); i++)
		assert_int_equal(apply(&a, command_new_v3_auth(NEXT(&a),
		    &(struct msg_v3_auth_change){ .low = 1, .op = changes[i].op,
		    .name = slice_text(changes[i].name), .role = slice_text(changes[i].role),
		    .hash = SLICE_LITERAL("hash") })), V3_NONE);
	assert_int_equal(alarm_is(&a, ALARM_RAISE, ALARM_NOSPACE, 7), V3_USER_EMPTY);
	alarm.auth_revision = v3_auth_revision(&a.replica->v3_auth);
	alarm.credential = v3_auth_user(&a.replica->v3_auth, SLICE_LITERAL("u"))->credential;
	alarm.low = 1;
	assert_int_equal(apply(&a, command_new_v3_alarm(NEXT(&a), &alarm)), V3_PERMISSION);
	assert_int_equal(a.replica->v3_alarms.count, 0);
	alarm.credential = v3_auth_user(&a.replica->v3_auth, SLICE_LITERAL("root"))->credential;
	alarm.low = 1;
	assert_int_equal(apply(&a, command_new_v3_alarm(NEXT(&a), &alarm)), V3_NONE);
	assert_int_equal(a.replica->v3_alarms.count, 1);
	assert_int_equal(apply(&a, command_new_v3_quota(ALARM_RAISE, 7)), V3_NONE);
	assert_int_equal(apply(&a, command_new_v3_auto_compact(1)), V3_NONE);
	assert_int_equal(mvcc_compacted(a.replica->mvcc), 1);
	end(&a);
}

TEST(records_that_are_no_alarm_are_refused)
{
	static const uint8_t sound[17] = { 'N', [16] = 0, [15] = ALARM_NOSPACE };
	static const uint8_t format[] = { 1 };
	uint8_t key[18];
	struct replica *replica = replica_new(1);

	memcpy(key, sound, sizeof(sound));
	assert_int_equal(replica_load(replica, slice_of(key, 17), slice_of(format, 1)), ERR_NONE);
	assert_int_equal(replica_load(replica, slice_of(key, 16), slice_of(format, 1)),
	    ERR_CORRUPT);
	assert_int_equal(replica_load(replica, slice_of(key, 17), SLICE_EMPTY), ERR_CORRUPT);
	key[15] = ALARM_TYPES_LAST + 1;
	assert_int_equal(replica_load(replica, slice_of(key, 17), slice_of(format, 1)),
	    ERR_CORRUPT);
	key[15] = ALARM_NOSPACE;
	key[16] = ALARM_BY_QUOTA + 1;
	assert_int_equal(replica_load(replica, slice_of(key, 17), slice_of(format, 1)),
	    ERR_CORRUPT);
	replica_free(&replica);
}
