/*
 * token_name_test.c - which keys are of machines that use a directory of GET /new.
 */
#include "httpd/client/token_name.h"

#include "tests/lib/test.h"

#define TOKEN "/_etcd/registry/0123456789abcdef0123456789abcdef"

static void
check(const char *key, bool used)
{
	struct slice directory = SLICE_EMPTY;

	assert_int_equal(token_is_used_by(slice_text(key), &directory), used);
	if (used)
		assert_true(slice_equal(directory, slice_text(TOKEN)));
}

TEST(a_key_below_a_token_uses_it)
{
	check(TOKEN "/1", true);
	check(TOKEN "/n1/x", true);
	check(TOKEN "/_state", true);
	check(TOKEN "/_configure", true);
}

TEST(the_token_and_its_configuration_do_not)
{
	check(TOKEN, false);
	check(TOKEN "/", false);
	check(TOKEN "/_config", false);
	check(TOKEN "/_config/size", false);
}

TEST(what_new_did_not_make_is_no_token)
{
	check("/", false);
	check("/_etcd/registry/my-token/n1", false);
	check("/_etcd/registry/0123456789abcdef0123456789abcde/n1", false);
	check("/_etcd/registry/0123456789abcdef0123456789abcdeF/n1", false);
	check("/_etcd/registry/0123456789abcdef0123456789abcdef0/n1", false);
	check("/x" TOKEN "/n1", false);
}
