#include "raftd/replica/replica.h"

#include "tests/lib/test.h"

#include "common/ipc/wire.h"
#include "raftd/command.h"

#include <stdio.h>

/* A replica with its log's next index, and what applying an entry gave last. */
struct applied {
	struct replica *replica;
	uint64_t index;
	enum err error;
	char cause[700];
	int made;			/* enum auth_op of a change that was made; else 0 */
	char by[300];			/* and who asked for it */
	struct buf effects;
};

static struct applied
begin(void)
{
	return (struct applied){ .replica = replica_new(1) };
}

static void
end(struct applied *a)
{
	buf_free(&a->effects);
	replica_invariants(a->replica);
	replica_free(&a->replica);
}

static enum err
apply(struct applied *a, struct blob *payload)
{
	struct raft_entry entry = { .index = ++a->index, .term = 1, .time_ns = a->index,
		.type = RAFT_ENTRY_COMMAND, .payload = payload };
	struct replica_facts facts;

	assert_true(replica_apply(a->replica, &entry, SIZE_MAX, &a->effects, &facts));
	a->error = facts.result.error;
	a->made = facts.auth.op;
	snprintf(a->by, sizeof(a->by), "%.*s", SLICE_ARGS(facts.auth.user));
	snprintf(a->cause, sizeof(a->cause), "%.*s", SLICE_ARGS(blob_slice(facts.result.cause)));
	blob_unref(&facts.result.cause);
	blob_unref(&facts.event);
	blob_unref(&payload);
	return a->error;
}

static enum err
change(struct applied *a, struct msg_auth_change message)
{
	return apply(a, command_new_auth(9, a->index + 1, &message));
}

/* key is set by a user with that credential; user "": a guest. */
static enum err
set(struct applied *a, const char *key, const char *user, uint64_t credential)
{
	return apply(a, command_new_write(9, a->index + 1, &(struct msg_write){ .op = WRITE_SET,
	    .key = slice_text(key), .value = SLICE_LITERAL("v"), .user = slice_text(user),
	    .credential = credential }));
}

static enum err
put_user(struct applied *a, const char *name, const char *hash, struct slice granted)
{
	return change(a, (struct msg_auth_change){ .op = AUTH_PUT_USER, .name = slice_text(name),
	    .hash = slice_text(hash), .second = granted });
}

static uint64_t
credential_of(const struct applied *a, const char *name)
{
	return auth_user(&a->replica->auth, slice_text(name))->credential;
}

TEST(rights_are_those_of_the_place_in_the_log)
{
	struct applied a = begin();
	struct buf role = BUF_INIT, patterns = BUF_INIT;
	uint64_t root, al;

	auth_list_add(&role, SLICE_LITERAL("rk"));
	auth_list_add(&patterns, SLICE_LITERAL("/a/*"));
	assert_int_equal(put_user(&a, "root", "h1", SLICE_EMPTY), ERR_NONE);
	assert_string_equal(a.cause, AUTH_MADE_CAUSE);
	assert_int_equal(put_user(&a, "al", "h2", SLICE_EMPTY), ERR_NONE);
	assert_int_equal(put_user(&a, "al", "", buf_slice(&role)), ERR_NONE);
	assert_string_equal(a.cause, "");
	assert_int_equal(change(&a, (struct msg_auth_change){ .op = AUTH_MAKE_ROLE,
	    .name = SLICE_LITERAL("rk"), .second = buf_slice(&patterns) }), ERR_NONE);
	/* Off: nobody is asked. */
	assert_int_equal(set(&a, "/x", "", 0), ERR_NONE);
	assert_int_equal(set(&a, "/x", "nobody", 7), ERR_NONE);
	assert_int_equal(change(&a, (struct msg_auth_change){ .op = AUTH_ENABLE }), ERR_NONE);
	assert_int_equal(a.made, AUTH_ENABLE);
	root = credential_of(&a, "root");
	al = credential_of(&a, "al");
	assert_int_equal(set(&a, "/x", "", 0), ERR_NONE);
	assert_int_equal(set(&a, "/a/k", "al", al), ERR_NONE);
	assert_int_equal(set(&a, "/x", "al", al), ERR_UNAUTHORIZED);
	assert_string_equal(a.cause, "Insufficient credentials");
	assert_int_equal(set(&a, "/a/k", "al", al + 1), ERR_UNAUTHORIZED);
	assert_int_equal(set(&a, "/a/k", "nobody", 0), ERR_UNAUTHORIZED);
	assert_int_equal(set(&a, "/_etcd/x", "", 0), ERR_UNAUTHORIZED);
	/* Changes are root's now. */
	assert_int_equal(change(&a, (struct msg_auth_change){ .op = AUTH_DISABLE }),
	    ERR_UNAUTHORIZED);
	assert_int_equal(a.made, 0);
	assert_int_equal(change(&a, (struct msg_auth_change){ .op = AUTH_REMOVE_USER,
	    .name = SLICE_LITERAL("al"), .user = SLICE_LITERAL("al"), .credential = al }),
	    ERR_UNAUTHORIZED);
	assert_int_equal(change(&a, (struct msg_auth_change){ .op = AUTH_REMOVE_USER,
	    .name = SLICE_LITERAL("root"), .user = SLICE_LITERAL("root"), .credential = root }),
	    ERR_AUTH_FORBIDDEN);
	assert_int_equal(change(&a, (struct msg_auth_change){ .op = AUTH_REMOVE_USER,
	    .name = SLICE_LITERAL("al"), .user = SLICE_LITERAL("root"), .credential = root }),
	    ERR_NONE);
	assert_string_equal(a.by, "root");
	assert_int_equal(set(&a, "/a/k", "al", al), ERR_UNAUTHORIZED);
	/* A user made again is another one. */
	assert_int_equal(change(&a, (struct msg_auth_change){ .op = AUTH_PUT_USER,
	    .name = SLICE_LITERAL("al"), .hash = SLICE_LITERAL("h2"), .first = buf_slice(&role),
	    .user = SLICE_LITERAL("root"), .credential = root }), ERR_NONE);
	assert_int_equal(set(&a, "/a/k", "al", al), ERR_UNAUTHORIZED);
	assert_int_equal(set(&a, "/a/k", "al", credential_of(&a, "al")), ERR_NONE);
	buf_free(&role);
	buf_free(&patterns);
	end(&a);
}

/* Who may write the lock's key may do all with its entries; who may not, nothing. */
TEST(locks_are_whose_the_key_of_the_lock_is)
{
	struct msg_write write = { .op = WRITE_LOCK_ACQUIRE, .flags = WRITE_FLAG_TTL, .ttl_s = 5,
		.value = SLICE_LITERAL("v"), .user = SLICE_LITERAL("al") };
	struct applied a = begin();
	struct buf role = BUF_INIT, patterns = BUF_INIT;

	auth_list_add(&role, SLICE_LITERAL("rk"));
	auth_list_add(&patterns, SLICE_LITERAL("/_etcd/mod/lock/mine"));
	assert_int_equal(put_user(&a, "root", "h1", SLICE_EMPTY), ERR_NONE);
	assert_int_equal(change(&a, (struct msg_auth_change){ .op = AUTH_MAKE_ROLE,
	    .name = SLICE_LITERAL("rk"), .second = buf_slice(&patterns) }), ERR_NONE);
	assert_int_equal(change(&a, (struct msg_auth_change){ .op = AUTH_PUT_USER,
	    .name = SLICE_LITERAL("al"), .hash = SLICE_LITERAL("h2"), .first = buf_slice(&role) }),
	    ERR_NONE);
	assert_int_equal(change(&a, (struct msg_auth_change){ .op = AUTH_ENABLE }), ERR_NONE);
	write.credential = credential_of(&a, "al");
	for (unsigned op = WRITE_LOCK_ACQUIRE; op <= WRITE_LOCK_RELEASE; op++) {
		write.op = (uint8_t)op;
		if (op != WRITE_LOCK_ACQUIRE) {
			write.flags |= WRITE_FLAG_PREV_VALUE;
			write.prev_value = SLICE_LITERAL("v");
		}
		write.key = SLICE_LITERAL("/_etcd/mod/lock/others");
		assert_int_equal(apply(&a, command_new_write(9, a.index + 1, &write)),
		    ERR_UNAUTHORIZED);
		write.key = SLICE_LITERAL("/_etcd/mod/lock/mine");
		assert_int_equal(apply(&a, command_new_write(9, a.index + 1, &write)), ERR_NONE);
	}
	buf_free(&role);
	buf_free(&patterns);
	end(&a);
}

TEST(a_change_is_made_once_and_its_records_make_the_state_again)
{
	struct applied a = begin();
	struct replica *again = replica_new(2);
	struct msg_auth_change made = { .op = AUTH_PUT_USER, .name = SLICE_LITERAL("root"),
		.hash = SLICE_LITERAL("h") };
	struct state_record record;
	struct reader in;
	const char *where;
	uint64_t revision;

	assert_int_equal(apply(&a, command_new_auth(9, 1, &made)), ERR_NONE);
	revision = a.replica->auth.revision;
	/* The same request again, and another one for a user who is there. */
	assert_int_equal(apply(&a, command_new_auth(9, 1, &made)), ERR_NONE);
	assert_string_equal(a.cause, AUTH_MADE_CAUSE);
	assert_int_equal(a.replica->auth.revision, revision);
	assert_int_equal(apply(&a, command_new_auth(9, 2, &made)), ERR_NONE);
	assert_string_equal(a.cause, "");
	assert_int_equal(a.replica->auth.revision, revision + 1);
	assert_int_equal(change(&a, (struct msg_auth_change){ .op = AUTH_ENABLE }), ERR_NONE);
	assert_non_null(auth_role(&a.replica->auth, SLICE_LITERAL(AUTH_GUEST)));
	in = reader_of(buf_slice(&a.effects));
	while (!reader_done(&in)) {
		assert_true(state_record_get(&in, &record));
		if (record.key.data[0] == AUTH_PREFIX)
			assert_int_equal(replica_load(again, record.key, record.value), ERR_NONE);
	}
	assert_int_equal(replica_loaded(again, &where), ERR_NONE);
	assert_int_equal(auth_hash(&again->auth), auth_hash(&a.replica->auth));
	/* Users that count without a user root are of no node. */
	assert_true(auth_remove_user(&again->auth, SLICE_LITERAL("root")));
	assert_int_equal(replica_loaded(again, &where), ERR_CORRUPT);
	assert_string_equal(where, "users count, and there is no user root");
	replica_free(&again);
	end(&a);
}

TEST(a_change_that_makes_no_sense_changes_nothing)
{
	struct applied a = begin();
	uint8_t bytes[300] = { 0 };
	struct slice long_name = slice_of(bytes, sizeof(bytes));
	uint32_t hash = auth_hash(&a.replica->auth);

	memset(bytes, 'n', sizeof(bytes));
	assert_int_equal(change(&a, (struct msg_auth_change){ .op = 99 }), ERR_AUTH_INVALID);
	assert_int_equal(change(&a, (struct msg_auth_change){ .op = AUTH_PUT_USER,
	    .name = long_name, .hash = SLICE_LITERAL("h") }), ERR_RAFT_INTERNAL);
	assert_int_equal(change(&a, (struct msg_auth_change){ .op = AUTH_PUT_USER,
	    .name = SLICE_LITERAL("a"), .hash = long_name }), ERR_RAFT_INTERNAL);
	assert_int_equal(change(&a, (struct msg_auth_change){ .op = AUTH_PUT_USER,
	    .name = SLICE_LITERAL("a/b"), .hash = SLICE_LITERAL("h") }), ERR_AUTH_INVALID);
	assert_int_equal(change(&a, (struct msg_auth_change){ .op = AUTH_MAKE_ROLE,
	    .name = SLICE_LITERAL(""), .first = SLICE_EMPTY }), ERR_AUTH_INVALID);
	assert_int_equal(change(&a, (struct msg_auth_change){ .op = AUTH_MAKE_ROLE,
	    .name = SLICE_LITERAL("r"), .first = SLICE_LITERAL("no list") }), ERR_RAFT_INTERNAL);
	assert_int_equal(change(&a, (struct msg_auth_change){ .op = AUTH_ENABLE }),
	    ERR_AUTH_CONFLICT);
	assert_int_equal(auth_hash(&a.replica->auth), hash);
	end(&a);
}
