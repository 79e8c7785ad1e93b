#include "common/auth/auth.h"

#include "tests/lib/test.h"

#include "common/ipc/message.h"
#include "common/limits.h"

#include <stdio.h>

/* One with so many roles or patterns; of that size. */
static enum err
set_user(struct auth *auth, const char *name, size_t hash_bytes, size_t roles)
{
	struct auth_user user = { .credential = 1 };
	enum err err;

	buf_append_text(&user.name, name);
	for (size_t i = 0; i < hash_bytes; i++)
		buf_append_byte(&user.hash, 'h');
	for (size_t i = 0; i < roles; i++)
		auth_list_add(&user.roles, SLICE_LITERAL("r"));
	err = auth_set_user(auth, &user);
	buf_free(&user.name);
	buf_free(&user.hash);
	buf_free(&user.roles);
	return err;
}

static enum err
set_role(struct auth *auth, const char *name, size_t patterns, size_t pattern_bytes)
{
	struct auth_role role = { .flags = AUTH_NO_WRITE };
	struct buf pattern = BUF_INIT;
	enum err err;

	buf_append_text(&role.name, name);
	for (size_t i = 0; i < pattern_bytes; i++)
		buf_append_byte(&pattern, 'p');
	for (size_t i = 0; i < patterns; i++)
		auth_list_add(&role.read, buf_slice(&pattern));
	err = auth_set_role(auth, &role);
	buf_free(&role.name);
	buf_free(&role.read);
	buf_free(&pattern);
	return err;
}

static void
load_all(struct auth *auth, struct slice records)
{
	struct reader in = reader_of(records);
	struct state_record record;

	while (!reader_done(&in)) {
		assert_true(state_record_get(&in, &record));
		assert_int_equal(auth_load(auth, record.key, record.value), ERR_NONE);
	}
}

TEST(records_make_the_same_again)
{
	struct auth auth = { .enabled = true, .revision = 7 }, again = { .enabled = false };
	struct buf records = BUF_INIT;

	assert_int_equal(set_user(&auth, "b", 60, 2), ERR_NONE);
	assert_int_equal(set_user(&auth, "a", 60, 0), ERR_NONE);
	assert_int_equal(set_role(&auth, "r", 3, 10), ERR_NONE);
	auth_put(&auth, &records);
	load_all(&again, buf_slice(&records));
	assert_int_equal(auth_hash(&again), auth_hash(&auth));
	assert_true(again.enabled && again.revision == 7 && again.bytes == auth.bytes);
	assert_true(slice_equal(buf_slice(&again.users[0]->name), SLICE_LITERAL("a")));
	assert_int_equal(auth_role(&again, SLICE_LITERAL("r"))->flags, AUTH_NO_WRITE);
	assert_true(auth_remove_role(&again, SLICE_LITERAL("r")));
	assert_int_not_equal(auth_hash(&again), auth_hash(&auth));
	buf_free(&records);
	auth_clear(&auth);
	auth_clear(&again);
}

TEST(a_record_that_is_none_is_damage)
{
	static const struct slice keys[] = { { (const uint8_t *)"A", 1 },
		{ (const uint8_t *)"Ax", 2 }, { (const uint8_t *)"Aex", 3 },
		{ (const uint8_t *)"Au", 2 }, { (const uint8_t *)"Aua/b", 5 },
		{ (const uint8_t *)"Bub", 3 } };
	struct auth auth = { .enabled = false };
	struct buf value = BUF_INIT;

	auth_user_state_put(&value, &(struct auth_user_state){ .format = AUTH_FORMAT });
	for (size_t i = 0; i < ARRAY_COUNT(keys); i++)
		assert_int_equal(auth_load(&auth, keys[i], buf_slice(&value)), ERR_CORRUPT);
	assert_int_equal(auth_load(&auth, SLICE_LITERAL("Auab"), buf_slice(&value)), ERR_NONE);
	for (size_t size = 0; size < value.size; size++)
		assert_int_equal(auth_load(&auth, SLICE_LITERAL("Auab"),
		    slice_of(value.data, size)), ERR_CORRUPT);
	value.data[0] = AUTH_FORMAT + 1;
	assert_int_equal(auth_load(&auth, SLICE_LITERAL("Auab"), buf_slice(&value)), ERR_CORRUPT);
	buf_free(&value);
	auth_clear(&auth);
}

TEST(each_limit_is_taken_and_one_above_it_is_not)
{
	struct auth auth = { .enabled = false };
	char name[AUTH_NAME_BYTES_MAX + 2];

	memset(name, 'n', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	assert_int_equal(set_user(&auth, name, 1, 0), ERR_TOO_BIG);
	assert_int_equal(set_role(&auth, name, 0, 0), ERR_TOO_BIG);
	name[AUTH_NAME_BYTES_MAX] = '\0';
	assert_int_equal(set_user(&auth, name, 1, 0), ERR_NONE);
	assert_int_equal(set_role(&auth, name, 0, 0), ERR_NONE);
	assert_int_equal(set_user(&auth, "u", AUTH_HASH_BYTES_MAX, AUTH_USER_ROLES_MAX), ERR_NONE);
	assert_int_equal(set_user(&auth, "u", AUTH_HASH_BYTES_MAX + 1, 0), ERR_TOO_BIG);
	assert_int_equal(set_user(&auth, "u", 1, AUTH_USER_ROLES_MAX + 1), ERR_TOO_BIG);
	assert_int_equal(set_role(&auth, "r", AUTH_PATTERNS_MAX, 8), ERR_NONE);
	assert_int_equal(set_role(&auth, "r", AUTH_PATTERNS_MAX + 1, 8), ERR_TOO_BIG);
	assert_int_equal(set_role(&auth, "r", 1, AUTH_PATTERN_BYTES_MAX), ERR_NONE);
	assert_int_equal(set_role(&auth, "r", 1, AUTH_PATTERN_BYTES_MAX + 1), ERR_TOO_BIG);
	assert_int_equal(set_role(&auth, "r", 1, 0), ERR_TOO_BIG);
	auth_clear(&auth);
}

TEST(there_are_so_many_users_roles_and_bytes_and_no_more)
{
	struct auth auth = { .enabled = false };
	char name[16];
	size_t bytes;

	for (int i = 0; i < AUTH_USERS_MAX; i++) {
		snprintf(name, sizeof(name), "%d", i);
		assert_int_equal(set_user(&auth, name, 60, 1), ERR_NONE);
	}
	assert_int_equal(set_user(&auth, "more", 60, 1), ERR_TOO_BIG);
	assert_int_equal(set_user(&auth, "7", 60, 2), ERR_NONE);
	for (int i = 0; i < AUTH_ROLES_MAX; i++) {
		snprintf(name, sizeof(name), "%d", i);
		assert_int_equal(set_role(&auth, name, 1, 8), ERR_NONE);
	}
	assert_int_equal(set_role(&auth, "more", 1, 8), ERR_TOO_BIG);
	for (int i = 0; auth.bytes + AUTH_PATTERN_BYTES_MAX <= AUTH_BYTES_MAX; i++) {
		snprintf(name, sizeof(name), "%d", i);
		assert_int_equal(set_role(&auth, name, 1, AUTH_PATTERN_BYTES_MAX), ERR_NONE);
	}
	bytes = auth.bytes;
	assert_int_equal(set_role(&auth, "999", 1, AUTH_PATTERN_BYTES_MAX), ERR_TOO_BIG);
	assert_int_equal(auth.bytes, bytes);
	auth_clear(&auth);
	assert_int_equal(auth.bytes, 0);
}

TEST(a_list_is_sorted_and_each_text_is_there_once)
{
	struct buf list = BUF_INIT;
	struct reader in;
	struct slice text;
	const char *expected[] = { "a", "aa", "b" };

	auth_list_add(&list, SLICE_LITERAL("b"));
	auth_list_add(&list, SLICE_LITERAL("aa"));
	auth_list_add(&list, SLICE_LITERAL("b"));
	auth_list_add(&list, SLICE_LITERAL("a"));
	auth_list_sort(&list);
	assert_int_equal(auth_list_count(buf_slice(&list)), 3);
	in = reader_of(buf_slice(&list));
	for (size_t i = 0; i < 3; i++) {
		assert_true(auth_list_next(&in, &text));
		assert_true(slice_equal(text, slice_text(expected[i])));
	}
	assert_false(auth_list_next(&in, &text));
	buf_free(&list);
}
