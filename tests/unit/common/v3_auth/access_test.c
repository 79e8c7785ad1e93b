/*
 * access_test.c - rights of users of the v3 API: points, ranges, what several permissions make
 * together; lists of permissions; records, and what they may not hold.
 */
#include "common/v3_auth/v3_auth.h"

#include "common/auth/auth.h"
#include "common/ipc/message.h"
#include "common/ipc/v3.h"
#include "common/limits.h"
#include "common/rand.h"
#include "tests/lib/test.h"

#include <stdio.h>

static const uint8_t zero;
#define OPEN slice_of(&zero, 1)

struct granted {
	enum v3_auth_type type;
	const char *key, *end;		/* end "*": no end */
};

static struct slice
end_of(const char *end)
{
	return strcmp(end, "*") == 0 ? OPEN : slice_text(end);
}

static void
set_role(struct v3_auth *auth, const char *name, const struct granted *list, size_t count)
{
	struct v3_auth_entry role = { .flags = 0 };

	buf_append_text(&role.name, name);
	for (size_t i = 0; i < count; i++)
		v3_auth_list_put(&role.list, &(struct v3_auth_permission){
		    .type = (uint8_t)list[i].type, .key = slice_text(list[i].key),
		    .end = end_of(list[i].end) });
	assert_int_equal(v3_auth_set_role(auth, &role), ERR_NONE);
	buf_free(&role.name);
	buf_free(&role.list);
}

static enum err
set_user(struct v3_auth *auth, const char *name, uint64_t credential, const char *const *roles,
    size_t count)
{
	struct v3_auth_entry user = { .credential = credential };
	enum err err;

	buf_append_text(&user.name, name);
	for (size_t i = 0; i < count; i++)
		auth_list_add(&user.list, slice_text(roles[i]));
	err = v3_auth_set_user(auth, &user);
	buf_free(&user.name);
	buf_free(&user.list);
	return err;
}

static struct v3_auth
some(void)
{
	static const struct granted one[] = { { V3_AUTH_READ, "a", "c" },
		{ V3_AUTH_WRITE, "p", "" }, { V3_AUTH_READWRITE, "x", "y" } };
	static const struct granted two[] = { { V3_AUTH_READWRITE, "b", "f" },
		{ V3_AUTH_READ, "f", "h" } };
	static const struct granted all[] = { { V3_AUTH_READ, "m", "*" } };
	static const char *const both[] = { "one", "two" }, *const first[] = { "one" },
	    *const open[] = { "all", "gone" }, *const root[] = { "root" };
	struct v3_auth auth = { .enabled = true };

	set_role(&auth, "one", one, 3);
	set_role(&auth, "two", two, 2);
	set_role(&auth, "all", all, 1);
	assert_int_equal(set_user(&auth, "both", 1, both, 2), ERR_NONE);
	assert_int_equal(set_user(&auth, "first", 2, first, 1), ERR_NONE);
	assert_int_equal(set_user(&auth, "open", 3, open, 2), ERR_NONE);
	assert_int_equal(set_user(&auth, "chief", 4, root, 1), ERR_NONE);
	assert_int_equal(set_user(&auth, "root", 5, NULL, 0), ERR_NONE);
	return auth;
}

TEST(a_range_lies_in_what_is_granted_together)
{
	static const struct {
		const char *user;
		enum v3_auth_type type;
		const char *key, *end;
		bool may;
	} rows[] = {
		{ "first", V3_AUTH_READ, "a", "", true },
		{ "first", V3_AUTH_READ, "b", "", true },
		{ "first", V3_AUTH_READ, "c", "", false },
		{ "first", V3_AUTH_READ, "A", "", false },
		{ "first", V3_AUTH_READ, "a", "c", true },
		{ "first", V3_AUTH_READ, "aa", "bb", true },
		{ "first", V3_AUTH_READ, "a", "c0", false },
		{ "first", V3_AUTH_READ, "a", "*", false },
		{ "first", V3_AUTH_WRITE, "a", "", false },
		{ "first", V3_AUTH_WRITE, "p", "", true },
		{ "first", V3_AUTH_READ, "p", "", false },
		{ "first", V3_AUTH_WRITE, "pp", "", false },
		{ "first", V3_AUTH_WRITE, "p", "q", false },
		{ "first", V3_AUTH_READ, "x", "y", true },
		{ "first", V3_AUTH_WRITE, "x", "y", true },
		/* One ends within another; one begins where another ends. */
		{ "both", V3_AUTH_READ, "a", "h", true },
		{ "both", V3_AUTH_READ, "a", "i", false },
		{ "both", V3_AUTH_WRITE, "b", "f", true },
		{ "both", V3_AUTH_WRITE, "b", "g", false },
		{ "both", V3_AUTH_WRITE, "a", "c", false },
		{ "both", V3_AUTH_READ, "g", "y", false },
		/* Nothing is in it: who has its beginning may ask. */
		{ "both", V3_AUTH_READ, "c", "b", true },
		{ "both", V3_AUTH_READ, "z", "b", false },
		{ "open", V3_AUTH_READ, "m", "*", true },
		{ "open", V3_AUTH_READ, "n", "o", true },
		{ "open", V3_AUTH_READ, "l", "*", false },
		{ "open", V3_AUTH_WRITE, "m", "*", false },
		{ "chief", V3_AUTH_WRITE, "a", "*", true },
		/* The name alone is nothing. */
		{ "root", V3_AUTH_READ, "a", "", false },
	};
	struct v3_auth auth = some();

	for (size_t i = 0; i < ARRAY_COUNT(rows); i++)
		if (v3_auth_may(&auth, v3_auth_user(&auth, slice_text(rows[i].user)), rows[i].type,
		    slice_text(rows[i].key), end_of(rows[i].end)) != rows[i].may)
			fail_msg("row %zu: %s %s %s", i, rows[i].user, rows[i].key, rows[i].end);
	assert_false(v3_auth_may(&auth, NULL, V3_AUTH_READ, slice_text("a"), SLICE_EMPTY));
	/* [key, key and a zero byte) is the key. */
	assert_true(v3_auth_may(&auth, v3_auth_user(&auth, slice_text("first")), V3_AUTH_WRITE,
	    slice_text("p"), slice_of("p", 2)));
	v3_auth_clear(&auth);
}

/* Against the plain definition: each key of the range is in something that is granted. */
TEST(ranges_are_covered_as_their_keys_are)
{
	struct rand rand;

	rand_seed(&rand, 7);
	for (unsigned round = 0; round < 3000; round++) {
		struct v3_auth auth = { .enabled = true };
		static const char *const roles[] = { "r0", "r1", "r2" };
		bool may[26] = { false }, wanted = true;
		unsigned from = (unsigned)rand_below(&rand, 25);
		unsigned to = from + 1 + (unsigned)rand_below(&rand, 25 - from);
		char key[2] = { (char)('a' + from) }, end[2] = { (char)('a' + to) };

		for (unsigned r = 0; r < 3; r++) {
			struct granted list[4];
			char texts[4][2][2] = { 0 };
			size_t count = 1 + rand_below(&rand, 4);

			for (size_t i = 0; i < count; i++) {
				unsigned low = (unsigned)rand_below(&rand, 25);
				unsigned high = low + 1 + (unsigned)rand_below(&rand, 8);

				high = MIN_OF(high, 25u);
				texts[i][0][0] = (char)('a' + low);
				texts[i][1][0] = (char)('a' + high);
				list[i] = (struct granted){ V3_AUTH_READ, texts[i][0],
					texts[i][1] };
				for (unsigned at = low; at < high; at++)
					may[at] = true;
			}
			set_role(&auth, roles[r], list, count);
		}
		assert_int_equal(set_user(&auth, "u", 1, roles, 3), ERR_NONE);
		for (unsigned at = from; at < to; at++)
			wanted = wanted && may[at];
		assert_int_equal(v3_auth_may(&auth, auth.users.items[0], V3_AUTH_READ,
		    slice_text(key), slice_text(end)), wanted);
		v3_auth_clear(&auth);
	}
}

static void
add_op(struct buf *ops, uint8_t kind, struct buf *body)
{
	v3_op_put(ops, &(struct v3_op){ .kind = kind, .body = buf_slice(body) });
	buf_clear(body);
}

static bool
may_ask(const struct v3_auth *auth, const char *user, struct buf *compares, struct buf *ops)
{
	bool may = v3_auth_may_ask(auth, v3_auth_user(auth, slice_text(user)),
	    buf_slice(compares), buf_slice(ops));

	buf_free(compares);
	buf_free(ops);
	return may;
}

TEST(all_of_a_request_is_asked_for)
{
	struct buf compares = BUF_INIT, ops = BUF_INIT, body = BUF_INIT;
	struct v3_auth auth = some();

	/* A put that shows what was there reads it. */
	v3_put_put(&body, &(struct v3_put){ .key = slice_text("p") });
	add_op(&ops, V3_OP_PUT, &body);
	assert_true(may_ask(&auth, "first", &compares, &ops));
	v3_put_put(&body, &(struct v3_put){ .key = slice_text("p"), .flags = V3_PUT_PREV_KV });
	add_op(&ops, V3_OP_PUT, &body);
	assert_false(may_ask(&auth, "first", &compares, &ops));
	v3_delete_put(&body, &(struct v3_delete){ .key = slice_text("p"),
	    .flags = V3_DELETE_PREV_KV });
	add_op(&ops, V3_OP_DELETE, &body);
	assert_false(may_ask(&auth, "first", &compares, &ops));
	v3_delete_put(&body, &(struct v3_delete){ .key = slice_text("x"), .end = slice_text("y"),
	    .flags = V3_DELETE_PREV_KV });
	add_op(&ops, V3_OP_DELETE, &body);
	assert_true(may_ask(&auth, "first", &compares, &ops));
	/* So does a comparison, and what stands on a branch that is not taken. */
	v3_compare_put(&compares, &(struct v3_compare){ .key = slice_text("p") });
	v3_branch_put(&body, &(struct v3_branch){ .compares = 1, .success_end = 1,
	    .failure_end = 1 });
	add_op(&ops, V3_OP_TXN, &body);
	assert_false(may_ask(&auth, "first", &compares, &ops));
	v3_branch_put(&body, &(struct v3_branch){ .success_end = 1, .failure_end = 2 });
	add_op(&ops, V3_OP_TXN, &body);
	v3_range_put(&body, &(struct v3_range){ .key = slice_text("q") });
	add_op(&ops, V3_OP_RANGE, &body);
	assert_false(may_ask(&auth, "first", &compares, &ops));
	assert_false(v3_auth_may_ask(&auth, NULL, SLICE_EMPTY, SLICE_EMPTY));
	buf_free(&body);
	v3_auth_clear(&auth);
}

TEST(a_range_has_one_permission)
{
	struct v3_auth_permission permission;
	struct buf list = BUF_INIT;
	struct reader in;

	for (unsigned i = 0; i < 2; i++) {
		v3_auth_list_put(&list, &(struct v3_auth_permission){ .type = V3_AUTH_READ,
		    .key = slice_text("m") });
		v3_auth_list_put(&list, &(struct v3_auth_permission){ .type = V3_AUTH_WRITE,
		    .key = slice_text("a"), .end = slice_text("b") });
	}
	v3_auth_list_put(&list, &(struct v3_auth_permission){ .type = V3_AUTH_READWRITE,
	    .key = slice_text("m") });
	in = reader_of(buf_slice(&list));
	assert_true(v3_auth_next(&in, &permission));
	assert_int_equal(permission.type, V3_AUTH_WRITE);
	assert_true(v3_auth_next(&in, &permission));
	assert_int_equal(permission.type, V3_AUTH_READWRITE);
	assert_false(v3_auth_next(&in, &permission));
	assert_false(v3_auth_list_remove(&list, slice_text("a"), SLICE_EMPTY));
	assert_true(v3_auth_list_remove(&list, slice_text("a"), slice_text("b")));
	assert_true(v3_auth_list_remove(&list, slice_text("m"), SLICE_EMPTY));
	assert_int_equal(list.size, 0);
	buf_free(&list);
	assert_false(v3_auth_is_range(SLICE_EMPTY, SLICE_EMPTY));
	assert_false(v3_auth_is_range(slice_text("b"), slice_text("a")));
	assert_false(v3_auth_is_range(slice_text("b"), slice_text("b")));
	assert_true(v3_auth_is_range(slice_text("b"), OPEN));
}

/* ---- bounds ------------------------------ */

TEST(so_many_users_roles_and_permissions_and_no_more)
{
	char roles_text[V3_AUTH_USER_ROLES_MAX + 1][8];
	const char *roles[V3_AUTH_USER_ROLES_MAX + 1];
	struct v3_auth_entry role = { .flags = 0 };
	struct v3_auth auth = { .enabled = false };
	char name[V3_AUTH_NAME_BYTES_MAX + 2];

	for (unsigned i = 0; i <= V3_AUTH_USER_ROLES_MAX; i++) {
		snprintf(roles_text[i], sizeof(roles_text[i]), "r%02u", i);
		roles[i] = roles_text[i];
	}
	assert_int_equal(set_user(&auth, "u", 1, roles, V3_AUTH_USER_ROLES_MAX + 1), ERR_TOO_BIG);
	assert_int_equal(set_user(&auth, "u", 1, roles, V3_AUTH_USER_ROLES_MAX), ERR_NONE);
	memset(name, 'n', sizeof(name));
	name[V3_AUTH_NAME_BYTES_MAX + 1] = '\0';
	assert_int_equal(set_user(&auth, name, 2, NULL, 0), ERR_TOO_BIG);
	name[V3_AUTH_NAME_BYTES_MAX] = '\0';
	assert_int_equal(set_user(&auth, name, 2, NULL, 0), ERR_NONE);
	assert_int_equal(set_user(&auth, "", 3, NULL, 0), ERR_TOO_BIG);
	for (unsigned i = 3; i <= V3_AUTH_USERS_MAX; i++) {
		snprintf(name, sizeof(name), "u%u", i);
		assert_int_equal(set_user(&auth, name, i, NULL, 0), ERR_NONE);
	}
	assert_int_equal(set_user(&auth, "one more", 5000, NULL, 0), ERR_TOO_BIG);
	assert_int_equal(set_user(&auth, "u", 5000, NULL, 0), ERR_NONE);
	for (unsigned i = 0; i < V3_AUTH_ROLES_MAX; i++) {
		snprintf(name, sizeof(name), "r%u", i);
		set_role(&auth, name, NULL, 0);
	}
	buf_append_text(&role.name, "r0");
	for (unsigned i = 0; i < V3_AUTH_PERMISSIONS_MAX; i++) {
		snprintf(name, sizeof(name), "%03u", i);
		v3_auth_list_put(&role.list, &(struct v3_auth_permission){
		    .key = slice_text(name) });
	}
	assert_int_equal(v3_auth_set_role(&auth, &role), ERR_NONE);
	v3_auth_list_put(&role.list, &(struct v3_auth_permission){ .key = slice_text("more") });
	assert_int_equal(v3_auth_set_role(&auth, &role), ERR_TOO_BIG);
	buf_clear(&role.list);
	buf_append_text(&role.name, "one more");
	assert_int_equal(v3_auth_set_role(&auth, &role), ERR_TOO_BIG);
	buf_free(&role.name);
	buf_free(&role.list);
	v3_auth_clear(&auth);
}

TEST(all_records_together_are_bounded)
{
	struct v3_auth auth = { .enabled = false };
	struct buf key = BUF_INIT;
	unsigned count = 0;
	enum err err = ERR_NONE;

	for (unsigned i = 0; i < V3_AUTH_KEY_BYTES_MAX; i++)
		buf_append_byte(&key, 'k');
	for (; err == ERR_NONE && count < V3_AUTH_ROLES_MAX; count++) {
		struct v3_auth_entry role = { .flags = 0 };

		buf_printf(&role.name, "%u", count);
		v3_auth_list_put(&role.list, &(struct v3_auth_permission){
		    .key = buf_slice(&key) });
		err = v3_auth_set_role(&auth, &role);
		buf_free(&role.name);
		buf_free(&role.list);
	}
	assert_int_equal(err, ERR_TOO_BIG);
	assert_true(auth.bytes <= V3_AUTH_BYTES_MAX);
	assert_true(auth.bytes > V3_AUTH_BYTES_MAX - V3_AUTH_KEY_BYTES_MAX - 200);
	buf_free(&key);
	v3_auth_clear(&auth);
}

/* ---- records ------------------------------ */

TEST(records_make_the_same_again)
{
	struct v3_auth auth = some(), again = { .enabled = false };
	struct buf records = BUF_INIT;
	struct state_record record;
	struct reader in;

	auth.changes = 9;
	auth.version = 12;
	v3_auth_put(&auth, &records);
	in = reader_of(buf_slice(&records));
	while (!reader_done(&in)) {
		assert_true(state_record_get(&in, &record));
		assert_int_equal(v3_auth_load(&again, record.key, record.value), ERR_NONE);
		/* Cut, it is none. */
		for (size_t size = 0; size < record.value.size; size++) {
			struct v3_auth cut = { .enabled = false };

			assert_int_equal(v3_auth_load(&cut, record.key,
			    slice_of(record.value.data, size)), ERR_CORRUPT);
			v3_auth_clear(&cut);
		}
	}
	assert_int_equal(v3_auth_hash(&again), v3_auth_hash(&auth));
	assert_true(again.enabled);
	assert_int_equal(v3_auth_revision(&again), 10);
	assert_int_equal(again.version, 12);
	assert_ptr_equal(v3_auth_user_of(&again, 4), v3_auth_user(&again, slice_text("chief")));
	assert_null(v3_auth_user_of(&again, 0));
	buf_free(&records);
	v3_auth_clear(&again);
	v3_auth_clear(&auth);
}
