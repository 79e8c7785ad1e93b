/*
 * v3_auth_part_test.c - users and roles of the v3 API as a part of the replica: what each change
 * is answered, the auth revision, rights where writes are applied, what comes again from records.
 */
#include "common/ipc/wire.h"
#include "common/limits.h"
#include "common/v3_error.h"
#include "raftd/command.h"
#include "raftd/replica/replica.h"
#include "tests/lib/test.h"
#include "tests/unit/raftd/replica/store/fixture.h"

#include <stdio.h>

static const uint8_t digest[V3_TOKEN_DIGEST_BYTES] = { 1, 2, 3 };

struct applied {
	struct replica *replica;
	uint64_t index;
	struct v3_auth_fact fact;	/* of the last entry; its slices are gone */
	struct buf effects;
	struct disk disk;
};

/* Takes payload. */
static enum v3_error
apply(struct applied *a, struct blob *payload)
{
	struct raft_entry entry = { .index = ++a->index, .term = 1, .time_ns = a->index,
		.type = RAFT_ENTRY_COMMAND, .payload = payload };
	struct replica_facts facts;
	struct mvcc_outcome outcome;
	enum v3_error error;

	/* In steps, as if somebody watched. */
	while (!replica_apply(a->replica, &entry, 1, &a->effects, &facts))
		;
	assert_int_equal(facts.result.error, ERR_NONE);
	assert_true(mvcc_outcome_parse(blob_slice(facts.result.cause), &outcome));
	error = outcome.error;
	a->fact = facts.v3_auth;
	mvcc_outcome_free(&outcome);
	blob_unref(&facts.result.cause);
	blob_unref(&facts.event);
	blob_unref(&payload);
	return error;
}

static enum v3_error
change(struct applied *a, struct msg_v3_auth_change message)
{
	message.low = a->index + 1;
	return apply(a, command_new_v3_auth(9, a->index + 1, &message));
}

static uint64_t
revision(const struct applied *a)
{
	return v3_auth_revision(&a->replica->v3_auth);
}

static uint64_t
credential(const struct applied *a, const char *name)
{
	return v3_auth_user(&a->replica->v3_auth, slice_text(name))->credential;
}

#define NAME(text) .name = SLICE_LITERAL(text)
#define ROLE(text) .role = SLICE_LITERAL(text)
#define AS(user) .credential = credential(&a, user)

static void
give(struct applied *a, uint64_t who, const char *role, enum v3_auth_type type, const char *key,
    const char *end)
{
	assert_int_equal(change(a, (struct msg_v3_auth_change){ .op = V3_AUTH_GRANT,
	    .credential = who, .role = slice_text(role), .type = (uint8_t)type,
	    .key = slice_text(key), .end = slice_text(end) }), V3_NONE);
}

/* root; u with the role r: READWRITE on [rw, rx), READ on [s, t). They count. */
static struct applied
begin(void)
{
	struct applied a = { .replica = replica_new(1) };

	assert_int_equal(change(&a, (struct msg_v3_auth_change){ .op = V3_AUTH_ADD_USER,
	    NAME("root"), .hash = SLICE_LITERAL("hash") }), V3_NONE);
	assert_int_equal(change(&a, (struct msg_v3_auth_change){ .op = V3_AUTH_GRANT_ROLE,
	    NAME("root"), ROLE("root") }), V3_NONE);
	assert_int_equal(change(&a, (struct msg_v3_auth_change){ .op = V3_AUTH_ADD_USER,
	    NAME("u"), .hash = SLICE_LITERAL("hash") }), V3_NONE);
	assert_int_equal(change(&a, (struct msg_v3_auth_change){ .op = V3_AUTH_ADD_ROLE,
	    ROLE("r") }), V3_NONE);
	give(&a, 0, "r", V3_AUTH_READWRITE, "rw", "rx");
	give(&a, 0, "r", V3_AUTH_READ, "s", "t");
	assert_int_equal(change(&a, (struct msg_v3_auth_change){ .op = V3_AUTH_GRANT_ROLE,
	    NAME("u"), ROLE("r") }), V3_NONE);
	assert_int_equal(revision(&a), 8);
	assert_int_equal(change(&a, (struct msg_v3_auth_change){ .op = V3_AUTH_ENABLE }), V3_NONE);
	assert_int_equal(revision(&a), 8);
	return a;
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
	assert_int_equal(replica_hash(fresh), replica_hash(a->replica));
	replica_free(&fresh);
	replica_free(&a->replica);
	buf_free(&a->effects);
	disk_free(&a->disk);
}

static enum v3_error
put(struct applied *a, uint64_t who, uint64_t auth_revision, const char *key, uint64_t lease)
{
	struct buf ops = BUF_INIT;
	enum v3_error error;

	mvcc_op_put_put(&ops, &(struct v3_put){ .key = slice_text(key), .lease = lease });
	error = apply(a, command_new_v3_write(9, a->index + 1, &(struct msg_v3_write){
	    .low = a->index + 1, .credential = who, .auth_revision = auth_revision,
	    .ops = buf_slice(&ops) }));
	buf_free(&ops);
	return error;
}

/* ---- changes ------------------------------ */

TEST(they_count_once_there_is_a_root_with_that_role)
{
	struct applied a = { .replica = replica_new(1) };
	struct msg_v3_auth_change enable = { .op = V3_AUTH_ENABLE };
	struct msg_v3_auth_change disable = { .op = V3_AUTH_DISABLE };

	assert_int_equal(revision(&a), 1);
	assert_int_equal(change(&a, enable), V3_ROOT_USER_MISSING);
	assert_int_equal(change(&a, (struct msg_v3_auth_change){ .op = V3_AUTH_ADD_USER,
	    NAME("root") }), V3_NONE);
	assert_int_equal(change(&a, enable), V3_ROOT_ROLE_MISSING);
	assert_int_equal(change(&a, disable), V3_NONE);
	assert_int_equal(revision(&a), 2);
	/* That role need not be there. */
	assert_int_equal(change(&a, (struct msg_v3_auth_change){ .op = V3_AUTH_GRANT_ROLE,
	    NAME("root"), ROLE("root") }), V3_NONE);
	assert_int_equal(change(&a, enable), V3_NONE);
	assert_int_equal(a.fact.op, V3_AUTH_ENABLE);
	assert_int_equal(revision(&a), 3);
	assert_int_equal(change(&a, enable), V3_USER_EMPTY);
	enable.credential = credential(&a, "root");
	assert_int_equal(change(&a, enable), V3_NONE);
	assert_int_equal(a.fact.op, 0);
	assert_int_equal(change(&a, disable), V3_USER_EMPTY);
	disable.credential = credential(&a, "root");
	assert_int_equal(change(&a, disable), V3_NONE);
	assert_int_equal(revision(&a), 4);
	end(&a);
}

TEST(what_may_not_be_is_said_and_changes_nothing)
{
	const struct {
		struct msg_v3_auth_change change;
		enum v3_error error;
	} rows[] = {
		{ { .op = V3_AUTH_ADD_USER, NAME("") }, V3_USER_EMPTY },
		{ { .op = V3_AUTH_ADD_USER, NAME("u") }, V3_USER_EXISTS },
		{ { .op = V3_AUTH_REMOVE_USER, NAME("x") }, V3_USER_NOT_FOUND },
		{ { .op = V3_AUTH_REMOVE_USER, NAME("root") }, V3_AUTH_MANAGEMENT },
		{ { .op = V3_AUTH_SET_PASSWORD, NAME("x") }, V3_USER_NOT_FOUND },
		{ { .op = V3_AUTH_GRANT_ROLE, NAME("x"), ROLE("r") }, V3_USER_NOT_FOUND },
		{ { .op = V3_AUTH_GRANT_ROLE, NAME("u"), ROLE("x") }, V3_ROLE_NOT_FOUND },
		{ { .op = V3_AUTH_GRANT_ROLE, NAME("u"), ROLE("r") }, V3_NONE },
		{ { .op = V3_AUTH_REVOKE_ROLE, NAME("x"), ROLE("r") }, V3_USER_NOT_FOUND },
		{ { .op = V3_AUTH_REVOKE_ROLE, NAME("u"), ROLE("x") }, V3_ROLE_NOT_GRANTED },
		{ { .op = V3_AUTH_REVOKE_ROLE, NAME("root"), ROLE("root") }, V3_AUTH_MANAGEMENT },
		{ { .op = V3_AUTH_ADD_ROLE, ROLE("") }, V3_ROLE_EMPTY },
		{ { .op = V3_AUTH_ADD_ROLE, ROLE("r") }, V3_ROLE_EXISTS },
		{ { .op = V3_AUTH_REMOVE_ROLE, ROLE("x") }, V3_ROLE_NOT_FOUND },
		{ { .op = V3_AUTH_REMOVE_ROLE, ROLE("root") }, V3_AUTH_MANAGEMENT },
		{ { .op = V3_AUTH_GRANT, ROLE("x"), .key = SLICE_LITERAL("k") },
		    V3_ROLE_NOT_FOUND },
		{ { .op = V3_AUTH_GRANT, ROLE("r") }, V3_AUTH_MANAGEMENT },
		{ { .op = V3_AUTH_GRANT, ROLE("r"), .key = SLICE_LITERAL("k"),
		    .end = SLICE_LITERAL("a") }, V3_AUTH_MANAGEMENT },
		{ { .op = V3_AUTH_REVOKE, ROLE("x"), .key = SLICE_LITERAL("k") },
		    V3_ROLE_NOT_FOUND },
		{ { .op = V3_AUTH_REVOKE, ROLE("r"), .key = SLICE_LITERAL("rw") },
		    V3_PERMISSION_NOT_GRANTED },
		{ { .op = V3_AUTH_MAKE_TOKEN, .credential = 77,
		    .digest = { digest, sizeof(digest) } }, V3_AUTH_FAILED },
	};
	struct applied a = begin();
	uint32_t before = v3_auth_hash(&a.replica->v3_auth);

	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		struct msg_v3_auth_change asked = rows[i].change;
		enum v3_error error;

		if (asked.credential == 0)
			asked.credential = credential(&a, "root");
		error = change(&a, asked);
		if (error != rows[i].error)
			fail_msg("row %zu: %s", i, v3_error_text(error));
		assert_int_equal(a.fact.op, 0);
	}
	assert_int_equal(v3_auth_hash(&a.replica->v3_auth), before);
	end(&a);
}

TEST(only_root_changes_them)
{
	struct applied a = begin();
	struct msg_v3_auth_change asked = { .op = V3_AUTH_ADD_ROLE, ROLE("new") };

	assert_int_equal(change(&a, asked), V3_USER_EMPTY);
	asked.credential = credential(&a, "u");
	assert_int_equal(change(&a, asked), V3_PERMISSION);
	asked.credential = 1000;
	assert_int_equal(change(&a, asked), V3_AUTH_TOKEN);
	asked.credential = credential(&a, "root");
	assert_int_equal(change(&a, asked), V3_NONE);
	assert_string_equal(a.fact.by, "root");
	end(&a);
}

TEST(a_role_that_goes_leaves_its_users_by_one_change)
{
	struct applied a = begin();
	uint64_t before = revision(&a);

	assert_int_equal(change(&a, (struct msg_v3_auth_change){ .op = V3_AUTH_REMOVE_ROLE,
	    ROLE("r"), AS("root") }), V3_NONE);
	assert_int_equal(revision(&a), before + 1);
	assert_int_equal(v3_auth_user(&a.replica->v3_auth, SLICE_LITERAL("u"))->list.size, 0);
	end(&a);
}

TEST(a_token_is_of_a_password_that_is_still_his)
{
	struct applied a = begin();
	struct msg_v3_auth_change token = { .op = V3_AUTH_MAKE_TOKEN, AS("u"),
		.digest = slice_of(digest, sizeof(digest)) };
	uint64_t before = revision(&a);

	assert_int_equal(change(&a, token), V3_NONE);
	assert_int_equal(a.fact.op, V3_AUTH_MAKE_TOKEN);
	assert_int_equal(a.fact.credential, token.credential);
	assert_int_equal(revision(&a), before);
	assert_int_equal(change(&a, (struct msg_v3_auth_change){ .op = V3_AUTH_SET_PASSWORD,
	    NAME("u"), .hash = SLICE_LITERAL("other"), AS("root") }), V3_NONE);
	assert_int_not_equal(credential(&a, "u"), token.credential);
	assert_int_equal(change(&a, token), V3_AUTH_FAILED);
	assert_int_equal(a.fact.op, 0);
	assert_int_equal(change(&a, (struct msg_v3_auth_change){ .op = V3_AUTH_DISABLE,
	    AS("root") }), V3_NONE);
	token.credential = credential(&a, "u");
	assert_int_equal(change(&a, token), V3_AUTH_OFF);
	end(&a);
}

TEST(a_user_without_a_password_stays_without)
{
	struct applied a = begin();
	const struct v3_auth_entry *user;

	assert_int_equal(change(&a, (struct msg_v3_auth_change){ .op = V3_AUTH_ADD_USER,
	    NAME("n"), .flags = V3_AUTH_NO_PASSWORD, AS("root") }), V3_NONE);
	assert_int_equal(change(&a, (struct msg_v3_auth_change){ .op = V3_AUTH_SET_PASSWORD,
	    NAME("n"), .hash = SLICE_LITERAL("hash"), AS("root") }), V3_NONE);
	user = v3_auth_user(&a.replica->v3_auth, SLICE_LITERAL("n"));
	assert_int_equal(user->hash.size, 0);
	end(&a);
}

/* ---- rights ------------------------------ */

TEST(rights_are_asked_for_where_a_write_is_applied)
{
	struct applied a = begin();
	uint64_t u = credential(&a, "u"), root = credential(&a, "root"), now = revision(&a);

	/* Who asked before they counted. */
	assert_int_equal(put(&a, 0, 0, "rw", 0), V3_USER_EMPTY);
	assert_int_equal(put(&a, u, now, "rw", 0), V3_NONE);
	assert_int_equal(put(&a, u, now, "rx", 0), V3_PERMISSION);
	assert_int_equal(put(&a, u, now, "s", 0), V3_PERMISSION);
	assert_int_equal(put(&a, root, now, "s", 0), V3_NONE);
	/* They changed between. */
	assert_int_equal(put(&a, root, now - 1, "s", 0), V3_AUTH_OLD_REVISION);
	assert_int_equal(put(&a, 1000, now, "rw", 0), V3_PERMISSION);
	assert_int_equal(mvcc_key_count(a.replica->mvcc), 2);
	/* A user is enough, and one there has to be. */
	assert_int_equal(apply(&a, command_new_v3_compact(9, a.index + 1,
	    &(struct msg_v3_compact){ .low = a.index + 1, .revision = 2 })), V3_USER_EMPTY);
	assert_int_equal(apply(&a, command_new_v3_compact(9, a.index + 1,
	    &(struct msg_v3_compact){ .low = a.index + 1, .revision = 2, .credential = u,
	    .auth_revision = now })), V3_NONE);
	assert_int_equal(apply(&a, command_new_v3_grant(9, a.index + 1,
	    &(struct msg_v3_grant){ .low = a.index + 1, .id = 5, .ttl_s = 50 })), V3_USER_EMPTY);
	end(&a);
}

TEST(a_lease_is_of_who_may_write_what_hangs_on_it)
{
	struct applied a = begin();
	uint64_t u = credential(&a, "u"), root = credential(&a, "root"), now = revision(&a);
	struct msg_v3_revoke revoke = { .id = 5, .credential = u, .auth_revision = now };

	assert_int_equal(apply(&a, command_new_v3_grant(9, a.index + 1,
	    &(struct msg_v3_grant){ .low = a.index + 1, .id = 5, .ttl_s = 50, .credential = u,
	    .auth_revision = now })), V3_NONE);
	assert_int_equal(put(&a, u, now, "rw1", 5), V3_NONE);
	assert_int_equal(put(&a, root, now, "other", 5), V3_NONE);
	assert_int_equal(put(&a, u, now, "rw2", 5), V3_PERMISSION);
	assert_int_equal(put(&a, u, now, "rw2", 0), V3_NONE);
	assert_int_equal(apply(&a, command_new_v3_revoke(9, a.index + 1, &revoke)), V3_PERMISSION);
	assert_int_equal(mvcc_lease_count(a.replica->mvcc), 1);
	revoke.credential = root;
	assert_int_equal(apply(&a, command_new_v3_revoke(9, a.index + 1, &revoke)), V3_NONE);
	assert_int_equal(mvcc_key_count(a.replica->mvcc), 1);
	revoke.credential = u;
	assert_int_equal(apply(&a, command_new_v3_revoke(9, a.index + 1, &revoke)),
	    V3_LEASE_NOT_FOUND);
	end(&a);
}

/* Who has not the role root waits for no longer list than that. */
TEST(a_lease_with_too_many_keys_is_roots)
{
	struct applied a = begin();
	uint64_t u = credential(&a, "u"), root = credential(&a, "root"), now = revision(&a);
	char key[16];

	assert_int_equal(apply(&a, command_new_v3_grant(9, a.index + 1,
	    &(struct msg_v3_grant){ .low = a.index + 1, .id = 5, .ttl_s = 50, .credential = u,
	    .auth_revision = now })), V3_NONE);
	for (size_t i = 0; i < V3_RIGHTS_KEYS_MAX; i++) {
		snprintf(key, sizeof(key), "rw%zu", i);
		assert_int_equal(put(&a, root, now, key, 5), V3_NONE);
	}
	assert_int_equal(put(&a, u, now, "rw", 5), V3_NONE);
	assert_int_equal(put(&a, u, now, "rw", 5), V3_AUTH_LEASE_KEYS);
	assert_int_equal(put(&a, root, now, "rw", 5), V3_NONE);
	end(&a);
}

/* A txn of two puts with each of both, one after the other. */
static enum v3_error
put_with_both(struct applied *a, uint64_t who, uint64_t now, uint64_t first, uint64_t second)
{
	struct buf ops = BUF_INIT, body = BUF_INIT;
	struct blob *payload;

	v3_branch_put(&body, &(struct v3_branch){ .success_end = 5, .failure_end = 5 });
	v3_op_put(&ops, &(struct v3_op){ .kind = V3_OP_TXN, .body = buf_slice(&body) });
	for (size_t i = 0; i < 4; i++) {
		char key[] = "rw0";

		key[2] = (char)('w' + i);
		buf_clear(&body);
		v3_put_put(&body, &(struct v3_put){ .key = slice_text(key),
		    .lease = i % 2 == 0 ? first : second });
		v3_op_put(&ops, &(struct v3_op){ .kind = V3_OP_PUT, .body = buf_slice(&body) });
	}
	payload = command_new_v3_write(9, a->index + 1, &(struct msg_v3_write){
	    .low = a->index + 1, .credential = who, .auth_revision = now,
	    .ops = buf_slice(&ops) });
	buf_free(&ops);
	buf_free(&body);
	return apply(a, payload);
}

/* Each lease counts once, however its puts stand. */
TEST(leases_of_one_write_have_so_many_keys_together)
{
	struct applied a = begin();
	uint64_t u = credential(&a, "u"), root = credential(&a, "root"), now = revision(&a);
	char key[16];

	for (uint64_t id = 5; id < 7; id++) {
		assert_int_equal(apply(&a, command_new_v3_grant(9, a.index + 1,
		    &(struct msg_v3_grant){ .low = a.index + 1, .id = id, .ttl_s = 50,
		    .credential = u, .auth_revision = now })), V3_NONE);
		for (size_t i = 0; i < V3_RIGHTS_KEYS_MAX / 2 - 2; i++) {
			snprintf(key, sizeof(key), "rw%zu-%d", i, (int)id);
			assert_int_equal(put(&a, root, now, key, id), V3_NONE);
		}
	}
	assert_int_equal(put_with_both(&a, u, now, 5, 6), V3_NONE);
	assert_int_equal(put(&a, u, now, "rwa", 5), V3_NONE);
	assert_int_equal(put_with_both(&a, u, now, 5, 6), V3_AUTH_LEASE_KEYS);
	assert_int_equal(put_with_both(&a, u, now, 5, 5), V3_NONE);
	assert_int_equal(put_with_both(&a, root, now, 5, 6), V3_NONE);
	end(&a);
}

/* ---- records ------------------------------ */

TEST(records_that_let_nobody_in_are_corrupt)
{
	struct v3_auth auth = { .enabled = true, .version = 1 };
	struct replica *fresh = replica_new(1);
	struct state_record record;
	struct buf records = BUF_INIT;
	const char *where;
	struct reader in;

	v3_auth_put_info(&auth, &records);
	in = reader_of(buf_slice(&records));
	assert_true(state_record_get(&in, &record));
	assert_int_equal(replica_load(fresh, record.key, record.value), ERR_NONE);
	assert_int_equal(replica_loaded(fresh, &where), ERR_CORRUPT);
	replica_free(&fresh);
	buf_free(&records);
}
