/*
 * v3_tokens_test.c - tokens of the v3 API at a node: how long they are known, when they are
 * forgotten, how many there are, and what a worker is told.
 */
#include "tests/unit/raftd/world.h"

#include "common/limits.h"
#include "raftd/node_priv.h"
#include "tests/lib/test.h"

struct tokens_of {
	struct world *w;
	uint64_t sequence;
};

static const struct v3_auth *
auth_of(const struct tokens_of *t)
{
	return &t->w->node->replica->v3_auth;
}

static uint64_t
credential(const struct tokens_of *t, const char *name)
{
	return v3_auth_user(auth_of(t), slice_text(name))->credential;
}

static void
change(struct tokens_of *t, struct msg_v3_auth_change asked)
{
	asked.low = ++t->sequence;
	node_v3_write(t->w->node, WORLD_SESSION, t->sequence, false,
	    command_new_v3_auth(WORLD_SESSION, t->sequence, &asked));
	world_settle(t->w);
	assert_int_equal(t->w->last.error, ERR_NONE);
}

/* The index of a new one. */
static uint64_t
make(struct tokens_of *t, const char *name)
{
	static const uint8_t digest[V3_TOKEN_DIGEST_BYTES];

	change(t, (struct msg_v3_auth_change){ .op = V3_AUTH_MAKE_TOKEN,
	    .credential = credential(t, name), .digest = slice_of(digest, sizeof(digest)) });
	return t->w->last.raft_index;
}

static struct tokens_of
begin(void)
{
	struct tokens_of t = { .w = world_leading() };

	change(&t, (struct msg_v3_auth_change){ .op = V3_AUTH_ADD_USER,
	    .name = SLICE_LITERAL("root") });
	change(&t, (struct msg_v3_auth_change){ .op = V3_AUTH_GRANT_ROLE,
	    .name = SLICE_LITERAL("root"), .role = SLICE_LITERAL("root") });
	change(&t, (struct msg_v3_auth_change){ .op = V3_AUTH_ADD_USER,
	    .name = SLICE_LITERAL("u") });
	change(&t, (struct msg_v3_auth_change){ .op = V3_AUTH_ENABLE });
	return t;
}

/* What a worker that comes now is told; *has: of that one, too. */
static size_t
told(const struct tokens_of *t, uint64_t index, bool *has)
{
	struct v3_token_record record;
	struct msg_v3_tokens tokens;
	struct msg_v3_auth auth;
	struct reader in;
	size_t known = 0;

	node_v3_auth(t->w->node, &auth, &tokens);
	in = reader_of(tokens.added);
	for (*has = false; !reader_done(&in); known++) {
		assert_true(v3_token_record_get(&in, &record));
		*has |= record.index == index;
	}
	return known;
}

static size_t
count(const struct tokens_of *t)
{
	bool has;

	return told(t, 0, &has);
}

static bool
knows(const struct tokens_of *t, uint64_t index)
{
	bool has;

	(void)told(t, index, &has);
	return has;
}

static void
use(struct tokens_of *t, uint64_t index)
{
	struct buf indexes = BUF_INIT;

	codec_put_u64(&indexes, index);
	node_v3_tokens_used(t->w->node, buf_slice(&indexes));
	buf_free(&indexes);
}

/* A worker gives one back, with a digest of its own. */
static enum err
give_back(struct tokens_of *t, uint64_t index, uint64_t of, size_t digest_bytes)
{
	static const uint8_t digest[V3_TOKEN_DIGEST_BYTES + 1] = { 1 };
	struct buf records = BUF_INIT;
	enum err err;

	v3_token_record_put(&records, &(struct v3_token_record){ .index = index,
	    .credential = of, .digest = slice_of(digest, digest_bytes) });
	err = node_v3_tokens_kept(t->w->node, buf_slice(&records));
	buf_free(&records);
	return err;
}

/* As many, from that index on. */
static enum err
give_back_many(struct tokens_of *t, uint64_t first, size_t many)
{
	static const uint8_t digest[V3_TOKEN_DIGEST_BYTES];
	struct buf records = BUF_INIT;
	enum err err;

	for (size_t i = 0; i < many; i++)
		v3_token_record_put(&records, &(struct v3_token_record){ .index = first + i,
		    .credential = credential(t, "u"),
		    .digest = slice_of(digest, sizeof(digest)) });
	err = node_v3_tokens_kept(t->w->node, buf_slice(&records));
	buf_free(&records);
	return err;
}

TEST(a_token_is_known_until_it_is_not_used_for_so_long)
{
	struct tokens_of t = begin();
	uint64_t used = make(&t, "u");

	(void)make(&t, "u");
	assert_int_equal(count(&t), 2);
	world_turn(t.w, V3_TOKEN_MS - 1000);
	use(&t, used);
	world_turn(t.w, 900);
	assert_int_equal(count(&t), 2);
	world_turn(t.w, 200);
	assert_int_equal(count(&t), 1);
	world_turn(t.w, V3_TOKEN_MS);
	assert_int_equal(count(&t), 0);
	/* Of one that is gone nothing is known any more. */
	use(&t, used);
	assert_int_equal(count(&t), 0);
	world_free(t.w);
}

TEST(what_the_raftd_before_had_told_a_worker_gives_back)
{
	struct tokens_of t = begin();
	uint64_t of = credential(&t, "u"), root = credential(&t, "root");
	uint64_t made = make(&t, "u"), applied = t.w->node->applied.index;

	/* Older ones and that one, in whatever order workers come; each is known once. */
	assert_int_equal(give_back(&t, 3, of, V3_TOKEN_DIGEST_BYTES), ERR_NONE);
	assert_int_equal(give_back(&t, 2, root, V3_TOKEN_DIGEST_BYTES), ERR_NONE);
	assert_int_equal(give_back(&t, 3, of, V3_TOKEN_DIGEST_BYTES), ERR_NONE);
	assert_int_equal(give_back(&t, made, of, V3_TOKEN_DIGEST_BYTES), ERR_NONE);
	assert_int_equal(count(&t), 3);
	assert_true(knows(&t, 2) && knows(&t, 3) && knows(&t, made));
	/* None of a user who is not there, nor of an entry that is to come. */
	assert_int_equal(give_back(&t, 1, root + of + 1, V3_TOKEN_DIGEST_BYTES), ERR_NONE);
	assert_int_equal(give_back(&t, applied + 1, of, V3_TOKEN_DIGEST_BYTES), ERR_NONE);
	assert_int_equal(count(&t), 3);
	assert_int_equal(give_back(&t, 1, of, V3_TOKEN_DIGEST_BYTES - 1), ERR_MALFORMED);
	assert_int_equal(give_back(&t, 1, of, V3_TOKEN_DIGEST_BYTES + 1), ERR_MALFORMED);
	assert_int_equal(give_back(&t, 0, of, V3_TOKEN_DIGEST_BYTES), ERR_MALFORMED);
	assert_int_equal(node_v3_tokens_kept(t.w->node, SLICE_LITERAL("x")), ERR_MALFORMED);
	assert_int_equal(count(&t), 3);
	/* They are as old as this raftd, and go with their user. */
	change(&t, (struct msg_v3_auth_change){ .op = V3_AUTH_REMOVE_USER, .credential = root,
	    .name = SLICE_LITERAL("u") });
	assert_int_equal(count(&t), 1);
	world_turn(t.w, V3_TOKEN_MS);
	assert_int_equal(count(&t), 0);
	/* Now one that was forgotten could come back. */
	assert_int_equal(give_back(&t, 2, root, V3_TOKEN_DIGEST_BYTES), ERR_NONE);
	assert_int_equal(count(&t), 0);
	world_free(t.w);
}

TEST(nothing_is_given_back_while_users_do_not_count)
{
	struct tokens_of t = begin();

	change(&t, (struct msg_v3_auth_change){ .op = V3_AUTH_DISABLE,
	    .credential = credential(&t, "root") });
	assert_int_equal(give_back(&t, 3, credential(&t, "u"), V3_TOKEN_DIGEST_BYTES), ERR_NONE);
	change(&t, (struct msg_v3_auth_change){ .op = V3_AUTH_ENABLE });
	assert_int_equal(count(&t), 0);
	world_free(t.w);
}

/* None has to go for those. */
TEST(no_more_are_given_back_than_a_node_may_know)
{
	struct tokens_of t = begin();
	uint64_t mine, first = t.w->node->applied.index + 1;

	for (size_t i = 0; i < V3_TOKENS_MAX; i++)
		change(&t, (struct msg_v3_auth_change){ .op = V3_AUTH_ADD_ROLE,
		    .credential = credential(&t, "root"), .role = SLICE_LITERAL("r") });
	mine = make(&t, "root");
	assert_int_equal(give_back_many(&t, first, V3_TOKENS_MAX - 2), ERR_NONE);
	assert_int_equal(count(&t), V3_TOKENS_MAX - 1);
	assert_int_equal(give_back_many(&t, first + V3_TOKENS_MAX - 2, 2), ERR_NONE);
	assert_int_equal(count(&t), V3_TOKENS_MAX);
	assert_true(knows(&t, mine));
	assert_true(knows(&t, first + V3_TOKENS_MAX - 2));
	assert_false(knows(&t, first + V3_TOKENS_MAX - 1));
	world_free(t.w);
}

TEST(tokens_go_with_their_password_their_user_and_when_users_do_not_count)
{
	struct tokens_of t = begin();
	uint64_t root = credential(&t, "root");

	(void)make(&t, "u");
	(void)make(&t, "root");
	change(&t, (struct msg_v3_auth_change){ .op = V3_AUTH_SET_PASSWORD, .credential = root,
	    .name = SLICE_LITERAL("u") });
	assert_int_equal(count(&t), 1);
	(void)make(&t, "u");
	change(&t, (struct msg_v3_auth_change){ .op = V3_AUTH_ADD_ROLE, .credential = root,
	    .role = SLICE_LITERAL("r") });
	assert_int_equal(count(&t), 2);
	change(&t, (struct msg_v3_auth_change){ .op = V3_AUTH_REMOVE_USER, .credential = root,
	    .name = SLICE_LITERAL("u") });
	assert_int_equal(count(&t), 1);
	change(&t, (struct msg_v3_auth_change){ .op = V3_AUTH_DISABLE, .credential = root });
	assert_int_equal(count(&t), 0);
	world_free(t.w);
}

/* Above it the one goes that is not used for longest. */
TEST(a_user_has_so_many_tokens)
{
	struct tokens_of t = begin();
	uint64_t first = make(&t, "u");

	(void)make(&t, "root");
	for (size_t i = 1; i < V3_TOKENS_USER_MAX; i++) {
		(void)make(&t, "u");
		world_turn(t.w, 1);
	}
	assert_int_equal(count(&t), V3_TOKENS_USER_MAX + 1);
	use(&t, first);
	(void)make(&t, "u");
	assert_int_equal(count(&t), V3_TOKENS_USER_MAX + 1);
	assert_int_equal(t.w->node->v3_tokens.count, V3_TOKENS_USER_MAX + 1);
	use(&t, first);
	world_free(t.w);
}

/* Of so many users that none has as many as he may. */
#define MANY (V3_TOKENS_MAX / V3_TOKENS_USER_MAX + 1)

static const char *
name_of(size_t user)
{
	static const char names[] = "a\0b\0c\0d\0e\0f\0g\0h\0i";

	_Static_assert(sizeof(names) == 2 * MANY, "one for each");
	return names + 2 * user;
}

TEST(a_node_has_so_many_tokens)
{
	struct tokens_of t = begin();
	uint64_t first, second;

	for (size_t i = 0; i < MANY; i++)
		change(&t, (struct msg_v3_auth_change){ .op = V3_AUTH_ADD_USER,
		    .name = slice_text(name_of(i)), .credential = credential(&t, "root") });
	first = make(&t, name_of(0));
	second = make(&t, name_of(1));
	world_turn(t.w, 1);
	for (size_t i = 2; i < V3_TOKENS_MAX; i++)
		(void)make(&t, name_of(i % MANY));
	assert_int_equal(count(&t), V3_TOKENS_MAX);
	assert_true(knows(&t, first));
	assert_true(knows(&t, second));
	world_turn(t.w, 1);
	use(&t, first);
	(void)make(&t, name_of(2));
	assert_int_equal(count(&t), V3_TOKENS_MAX);
	assert_true(knows(&t, first));
	assert_false(knows(&t, second));
	world_free(t.w);
}
