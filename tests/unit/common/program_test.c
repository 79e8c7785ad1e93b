/* Tests of common/program.c, with names as a package gives them. */
#undef INSTALLED_ETCD
#undef INSTALLED_ETCDCTL
#define INSTALLED_ETCD "moothall"
#define INSTALLED_ETCDCTL "moothallctl"
#include "common/program.c"

#include "tests/lib/test.h"

#include <stdio.h>

static void
called(const char *name)
{
	static char own[32];

	snprintf(own, sizeof(own), "%s", name);
	program_invocation_short_name = own;
}

TEST(a_program_has_the_name_that_it_was_called_by)
{
	called("moothall");
	assert_string_equal(program_own(), "moothall");
	called("mine");
	assert_string_equal(program_own(), "mine");
	called("");
	assert_string_equal(program_own(), "moothall");
}

TEST(the_others_have_the_names_that_are_installed)
{
	called("moothall");
	assert_string_equal(program_etcdctl(), "moothallctl");
	called("mine");
	assert_string_equal(program_etcd(), "moothall");
	called("raftd");
	assert_string_equal(program_etcd(), "moothall");
}

TEST(who_is_called_as_in_the_sources_names_the_others_so)
{
	called("etcd");
	assert_string_equal(program_etcdctl(), "etcdctl");
	called("etcdctl");
	assert_string_equal(program_etcd(), "etcd");
}
