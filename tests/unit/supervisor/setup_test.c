/*
 * setup_test.c - what options mean together.
 */
#include "supervisor/setup.h"

#include "common/xmem.h"
#include "tests/lib/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define WORDS_MAX 8

static struct arguments
arguments_of(const char *const *words)
{
	char *argv[WORDS_MAX + 1] = { "etcd" };
	char *environment[] = { NULL };
	struct arguments arguments;
	char *problem;
	int argc = 1;

	while (words[argc - 1] != NULL) {
		argv[argc] = (char *)(uintptr_t)words[argc - 1];
		argc++;
	}
	assert_int_equal(arguments_read(&arguments, argc, argv, environment, &problem), ARGUMENTS_RUN);
	return arguments;
}

#define ARGUMENTS(...) arguments_of((const char *const[]){ __VA_ARGS__, NULL })

static void
assert_refused(const char *expected, struct arguments arguments)
{
	char *problem = setup_check(&arguments);

	assert_non_null(problem);
	assert_string_equal(problem, expected);
	free(problem);
	arguments_free(&arguments);
}

static void
assert_text(struct arguments arguments, enum option_id id, const char *expected)
{
	char *problem = setup_check(&arguments);
	struct buf out = BUF_INIT;

	assert_null(problem);
	config_print(&arguments.config, id, &out);
	assert_true(slice_equal(buf_slice(&out), slice_text(expected)));
	buf_free(&out);
	arguments_free(&arguments);
}

TEST(listening_follows_the_advertised_address)
{
	assert_text(ARGUMENTS("-addr", "a:1"), OPTION_bind_addr, "a:1");
	assert_text(ARGUMENTS("-addr", "a:1", "-bind-addr", "0.0.0.0"), OPTION_bind_addr, "0.0.0.0:1");
	assert_text(ARGUMENTS("-addr", "a:1", "-bind-addr", "b:2"), OPTION_bind_addr, "b:2");
	assert_text(ARGUMENTS("-addr", "a:1", "-bind-addr", "::"), OPTION_bind_addr, "[::]:1");
	assert_text(ARGUMENTS("-addr", "a:1", "-bind-addr", "[::1]"), OPTION_bind_addr, "[::1]:1");
	assert_text(ARGUMENTS("-addr", "a:1", "-bind-addr", "[::1]:3"), OPTION_bind_addr, "[::1]:3");
	assert_text(ARGUMENTS("-peer-bind-addr", "0.0.0.0"), OPTION_peer_bind_addr, "0.0.0.0:7001");
	assert_refused("-bind-addr: Listen Host: IP required can't use a port only",
	    ARGUMENTS("-bind-addr", ":4001"));
	assert_refused("-bind-addr: \"a:x\": \"x\" is not a port", ARGUMENTS("-bind-addr", "a:x"));
}

TEST(one_address_for_both_ports_is_refused)
{
	assert_refused("-addr and -peer-addr: both are 127.0.0.1:7001; choose another -peer-addr",
	    ARGUMENTS("-addr", "127.0.0.1:7001"));
}

TEST(port_0_needs_a_port_file)
{
	assert_refused("-addr: port 0 needs -port-file", ARGUMENTS("-addr", "a:0"));
	assert_refused("-peer-addr: port 0 needs -port-file", ARGUMENTS("-peer-addr", "a:0"));
	assert_text(ARGUMENTS("-addr", "a:0", "-peer-addr", "a:0", "-port-file", "/x"),
	    OPTION_bind_addr, "a:0");
}

TEST(an_election_needs_time_for_two_heartbeats)
{
	assert_refused("-peer-election-timeout (100) must be at least twice "
	    "-peer-heartbeat-interval (500)",
	    ARGUMENTS("-peer-election-timeout", "100", "-peer-heartbeat-interval", "500"));
	assert_text(ARGUMENTS("-peer-election-timeout", "100"), OPTION_peer_election_timeout, "100");
}

TEST(names_have_the_characters_of_a_path_item)
{
	char *problem;

	assert_refused("-name: \"a/b\" has a character that is not allowed", ARGUMENTS("-name", "a/b"));
	assert_refused("-name: \"\" is empty", ARGUMENTS("-name", ""));
	assert_refused("-name: \"_a\" may not start with \"_\"", ARGUMENTS("-name", "_a"));
	assert_refused("-name: \".a\" may not start with \".\"", ARGUMENTS("-name", ".a"));
	problem = setup_name_problem("machine-1.A_z");
	assert_null(problem);
}

TEST(peers_lose_scheme_blanks_and_ourselves)
{
	assert_text(ARGUMENTS("-peers", "http://a:1/, b:2,,127.0.0.1:7001"), OPTION_peers, "a:1,b:2");
	assert_text(ARGUMENTS("-peers", ""), OPTION_peers, "");
	assert_text(ARGUMENTS("-peers", " , "), OPTION_peers, "");
	assert_refused("-peers names only this machine", ARGUMENTS("-peers", "127.0.0.1:7001,"));
	assert_refused("-peers: \"a\": no port; write host:port", ARGUMENTS("-peers", "b:1,a"));
}

TEST(the_peers_file_replaces_the_list)
{
	char path[] = "/tmp/peers_test.XXXXXX";
	int fd = mkstemp(path);

	assert_true(fd != -1);
	assert_int_equal(write(fd, "a:1\nb:2,c:3\n\n", 13), 13);
	close(fd);
	assert_text(ARGUMENTS("-peers", "z:9", "-peers-file", path), OPTION_peers, "a:1,b:2,c:3");
	unlink(path);
	assert_refused("-peers-file: cannot read /nowhere/x: No such file or directory",
	    ARGUMENTS("-peers-file", "/nowhere/x"));
}

TEST(a_retry_interval_is_drawn_unless_given)
{
	struct arguments drawn = ARGUMENTS("-name", "a");
	char *problem = setup_check(&drawn);

	assert_null(problem);
	assert_in_range(drawn.config.retry_interval, 2500, 5000);
	arguments_free(&drawn);
	assert_text(ARGUMENTS("-retry-interval", "0"), OPTION_retry_interval, "0");
}

TEST(workers_are_1_to_64_or_auto)
{
	struct arguments arguments = ARGUMENTS("-workers", "7");

	assert_int_equal(setup_workers(&arguments.config), 7);
	arguments_free(&arguments);
	assert_refused("-workers: 0 is below the minimum 1", ARGUMENTS("-workers", "0"));
	assert_refused("-workers: 65 is above the maximum 64", ARGUMENTS("-workers", "65"));
	assert_refused("-workers: \"x\" is neither a whole number nor auto", ARGUMENTS("-workers", "x"));
}

TEST(verbosity_is_a_log_level)
{
	assert_text(ARGUMENTS("-v"), OPTION_log_level, "debug");
	assert_text(ARGUMENTS("-vv"), OPTION_log_level, "trace");
	assert_text(ARGUMENTS("-trace", "*"), OPTION_log_level, "trace");
	assert_refused("-log-level: \"loud\" is none of error, warn, info, debug, trace",
	    ARGUMENTS("-log-level", "loud"));
}

TEST(paths_become_absolute)
{
	char *here = getcwd(NULL, 0);
	char *expected = xasprintf("%s/x", here);

	assert_text(ARGUMENTS("-pid-file", "x"), OPTION_pid_file, expected);
	assert_text(ARGUMENTS("-pid-file", "/x"), OPTION_pid_file, "/x");
	free(here);
	free(expected);
}
