#include "common/auth/auth.h"

#include "tests/lib/test.h"

/* A role with such patterns; each text ends with '\0', the last with another. */
static void
add_role(struct auth *auth, const char *name, const char *read, const char *write)
{
	struct auth_role role = { .flags = 0 };

	buf_append_text(&role.name, name);
	for (; *read != '\0'; read += strlen(read) + 1)
		auth_list_add(&role.read, slice_text(read));
	for (; *write != '\0'; write += strlen(write) + 1)
		auth_list_add(&role.write, slice_text(write));
	assert_int_equal(auth_set_role(auth, &role), ERR_NONE);
	buf_free(&role.name);
	buf_free(&role.read);
	buf_free(&role.write);
}

static void
add_user(struct auth *auth, const char *name, const char *role, uint64_t credential)
{
	struct auth_user user = { .credential = credential };

	buf_append_text(&user.name, name);
	buf_append_text(&user.hash, "hash");
	auth_list_add(&user.roles, slice_text(role));
	assert_int_equal(auth_set_user(auth, &user), ERR_NONE);
	buf_free(&user.name);
	buf_free(&user.hash);
	buf_free(&user.roles);
}

static struct auth_who
who(const char *name, uint64_t credential)
{
	return (struct auth_who){ .user = slice_text(name), .credential = credential };
}

static struct auth
some(void)
{
	struct auth auth = { .enabled = true };

	add_role(&auth, "tree", "/a/*\0", "/a/*\0");
	add_role(&auth, "keys", "/k\0/b/deep/key\0", "/k\0");
	add_role(&auth, "start", "/pre*\0", "/pre*\0");
	add_role(&auth, "locks", "/_etcd/mod/lock/a\0/_etcd/mod/lock/b/*\0", "/_etcd/mod/lock/a\0");
	add_role(&auth, "guest", "/*\0", "/_etcd/*\0");
	add_user(&auth, "tree", "tree", 1);
	add_user(&auth, "keys", "keys", 2);
	add_user(&auth, "start", "start", 3);
	add_user(&auth, "locks", "locks", 7);
	add_user(&auth, "all", "root", 4);
	add_user(&auth, "root", "none", 5);
	add_user(&auth, "lost", "no such role", 6);
	return auth;
}

struct row {
	const char *user;
	uint64_t credential;
	const char *key;
	enum auth_read read;
	bool write, write_tree, write_child;
};

TEST(patterns_say_what_may_be_read_and_written)
{
	static const struct row rows[] = {
		{ "tree", 1, "/a/x", AUTH_READ_ALL, true, true, true },
		{ "tree", 1, "/a/x/y", AUTH_READ_ALL, true, true, true },
		/* All below it, and not it itself. */
		{ "tree", 1, "/a", AUTH_READ_SOME, false, false, true },
		{ "tree", 1, "/", AUTH_READ_SOME, false, false, false },
		{ "tree", 1, "/ab", AUTH_READ_NONE, false, false, false },
		{ "tree", 1, "/b", AUTH_READ_NONE, false, false, false },
		{ "keys", 2, "/k", AUTH_READ_SOME, true, false, true },
		{ "keys", 2, "/k/x", AUTH_READ_NONE, false, false, false },
		{ "keys", 2, "/b", AUTH_READ_SOME, false, false, false },
		{ "keys", 2, "/b/deep", AUTH_READ_SOME, false, false, false },
		{ "keys", 2, "/b/de", AUTH_READ_NONE, false, false, false },
		{ "start", 3, "/pre", AUTH_READ_ALL, true, true, true },
		{ "start", 3, "/prefix/x", AUTH_READ_ALL, true, true, true },
		{ "start", 3, "/pr", AUTH_READ_NONE, false, false, false },
		{ "start", 3, "/", AUTH_READ_SOME, false, false, false },
		/* The role root, and the user root without it. */
		{ "all", 4, "/", AUTH_READ_ALL, true, true, true },
		{ "root", 5, "/_etcd/machines", AUTH_READ_ALL, true, true, true },
		{ "all", 4, "/_etcd", AUTH_READ_ALL, true, true, true },
		/* Nobody any more: another credential, another name, a role that is gone. */
		{ "tree", 2, "/a/x", AUTH_READ_NONE, false, false, false },
		{ "root", 4, "/a/x", AUTH_READ_NONE, false, false, false },
		{ "tre", 1, "/a/x", AUTH_READ_NONE, false, false, false },
		{ "lost", 6, "/a/x", AUTH_READ_NONE, false, false, false },
		/* A guest, by the role of that name: everything but what is reserved. */
		{ "", 0, "/", AUTH_READ_ALL, false, false, false },
		{ "", 0, "/x", AUTH_READ_ALL, false, false, false },
		{ "", 0, "/_etcd", AUTH_READ_NONE, false, false, false },
		{ "", 0, "/_etcd/mod/lock", AUTH_READ_NONE, false, false, false },
		{ "", 0, "/_etcd/mod/lock/a", AUTH_READ_NONE, false, false, false },
		/* Locks are whose patterns say so that begin where the locks are. */
		{ "locks", 7, "/_etcd/mod/lock/a", AUTH_READ_SOME, true, false, true },
		{ "locks", 7, "/_etcd/mod/lock/ab", AUTH_READ_NONE, false, false, false },
		{ "locks", 7, "/_etcd/mod/lock/b/c", AUTH_READ_ALL, false, false, false },
		{ "locks", 7, "/_etcd/mod/lock", AUTH_READ_NONE, false, false, false },
		{ "locks", 7, "/_etcd", AUTH_READ_NONE, false, false, false },
		{ "", 0, "/_etcdx", AUTH_READ_ALL, false, false, false },
	};
	struct auth auth = some();

	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		const struct row *row = &rows[i];
		struct auth_who asks = who(row->user, row->credential);
		struct slice key = slice_text(row->key);

		print_message("%s %s\n", row->user, row->key);
		assert_int_equal(auth_may_read(&auth, &asks, key), row->read);
		assert_int_equal(auth_may_write(&auth, &asks, key, AUTH_KEY), row->write);
		assert_int_equal(auth_may_write(&auth, &asks, key, AUTH_TREE), row->write_tree);
		assert_int_equal(auth_may_write(&auth, &asks, key, AUTH_CHILD), row->write_child);
	}
	auth_clear(&auth);
}

TEST(of_a_listing_what_may_be_read_is_shown_and_the_directories_that_lead_there)
{
	struct auth auth = some();
	struct auth_who keys = who("keys", 2), tree = who("tree", 1);

	assert_true(auth_shows(&auth, &keys, SLICE_LITERAL("/"), true));
	assert_true(auth_shows(&auth, &keys, SLICE_LITERAL("/b"), true));
	assert_true(auth_shows(&auth, &keys, SLICE_LITERAL("/b/deep"), true));
	assert_true(auth_shows(&auth, &keys, SLICE_LITERAL("/b/deep/key"), false));
	/* A key of that name has a value. */
	assert_false(auth_shows(&auth, &keys, SLICE_LITERAL("/b/deep"), false));
	assert_false(auth_shows(&auth, &keys, SLICE_LITERAL("/b/deep/other"), false));
	assert_false(auth_shows(&auth, &keys, SLICE_LITERAL("/k/x"), true));
	assert_true(auth_shows(&auth, &tree, SLICE_LITERAL("/a"), true));
	assert_false(auth_shows(&auth, &tree, SLICE_LITERAL("/a"), false));
	assert_true(auth_shows(&auth, &tree, SLICE_LITERAL("/a/x"), false));
	assert_false(auth_shows(&auth, &tree, SLICE_LITERAL("/b"), true));
	auth_clear(&auth);
}

TEST(a_user_is_known_by_name_and_credential)
{
	struct auth auth = some();
	struct auth_who guest = who("", 0), root = who("root", 5), all = who("all", 4);
	struct auth_who tree = who("tree", 1), old = who("tree", 7);

	assert_true(auth_knows(&auth, &guest) && auth_knows(&auth, &tree));
	assert_false(auth_knows(&auth, &old));
	assert_true(auth_is_root(&auth, &root) && auth_is_root(&auth, &all));
	assert_false(auth_is_root(&auth, &guest) || auth_is_root(&auth, &tree));
	assert_true(auth_remove_user(&auth, SLICE_LITERAL("tree")));
	assert_false(auth_remove_user(&auth, SLICE_LITERAL("tree")));
	assert_false(auth_knows(&auth, &tree));
	auth_clear(&auth);
}
