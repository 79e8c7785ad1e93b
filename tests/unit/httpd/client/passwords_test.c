/*
 * passwords_test.c - hashes are made and compared in threads, and only those that are made here.
 */
#include "httpd/client/passwords.h"

#include "tests/lib/test.h"

#include <crypt.h>
#include <stdio.h>
#include <stdlib.h>

struct asked {
	struct loop *loop;
	bool right;
	char hash[128];
};

static void
done(void *argument, bool right, const char *hash)
{
	struct asked *asked = argument;

	asked->right = right;
	snprintf(asked->hash, sizeof(asked->hash), "%s", hash == NULL ? "" : hash);
	loop_stop(asked->loop, 0);
}

static struct passwords *
begin(struct asked *asked)
{
	struct passwords *passwords;

	*asked = (struct asked){ .loop = loop_new() };
	passwords = passwords_new(asked->loop);
	passwords_start(passwords);
	return passwords;
}

static void
end(struct asked *asked, struct passwords *passwords)
{
	passwords_free(&passwords);
	loop_free(&asked->loop);
}

static bool
is_right(struct asked *asked, struct passwords *passwords, const char *password, const char *hash)
{
	passwords_check(passwords, slice_text(password), slice_text(hash), done, asked);
	assert_int_equal(loop_run(asked->loop, 0), 0);
	return asked->right;
}

TEST(a_password_is_that_of_its_hash_and_of_no_other)
{
	struct asked asked;
	struct passwords *passwords = begin(&asked);
	char hash[128];

	passwords_hash(passwords, SLICE_LITERAL("secret"), done, &asked);
	assert_int_equal(loop_run(asked.loop, 0), 0);
	assert_true(asked.right);
	memcpy(hash, asked.hash, sizeof(hash));
	assert_true(is_right(&asked, passwords, "secret", hash));
	assert_false(is_right(&asked, passwords, "Secret", hash));
	assert_false(is_right(&asked, passwords, "", hash));
	assert_false(is_right(&asked, passwords, "secret", ""));
	hash[59] = hash[59] == 'a' ? 'b' : 'a';
	assert_false(is_right(&asked, passwords, "secret", hash));
	end(&asked, passwords);
}

/* A hash says how much work it is. It may come from a worker that was taken over, or out of a
 * backup: all others would do that work. */
TEST(a_hash_of_more_work_or_of_another_kind_is_nobodys)
{
	static const struct {
		const char *prefix;
		unsigned long rounds;
		bool taken;
	} rows[] = { { "$2b$", 4, true }, { "$2b$", 10, true }, { "$2b$", 11, false },
		{ "$6$", 5000, false }, { "$2y$", 4, false } };
	struct asked asked;
	struct passwords *passwords = begin(&asked);

	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		char setting[CRYPT_GENSALT_OUTPUT_SIZE];
		struct crypt_data *data = calloc(1, sizeof(*data));

		assert_non_null(crypt_gensalt_rn(rows[i].prefix, rows[i].rounds, NULL, 0, setting,
		    sizeof(setting)));
		assert_int_equal(is_right(&asked, passwords, "secret",
		    crypt_r("secret", setting, data)), rows[i].taken);
		free(data);
	}
	end(&asked, passwords);
}
