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
	assert_int_equal(arguments_read(&arguments, &(struct arguments_input){ .argc = argc,
	    .argv = argv, .environment = environment }, &problem), ARGUMENTS_RUN);
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
	assert_text(ARGUMENTS("-addr", "a:1", "-bind-addr", "0.0.0.0"), OPTION_bind_addr,
	    "0.0.0.0:1");
	assert_text(ARGUMENTS("-addr", "a:1", "-bind-addr", "b:2"), OPTION_bind_addr, "b:2");
	assert_text(ARGUMENTS("-addr", "a:1", "-bind-addr", "::"), OPTION_bind_addr, "[::]:1");
	assert_text(ARGUMENTS("-addr", "a:1", "-bind-addr", "[::1]"), OPTION_bind_addr, "[::1]:1");
	assert_text(ARGUMENTS("-addr", "a:1", "-bind-addr", "[::1]:3"), OPTION_bind_addr,
	    "[::1]:3");
	assert_text(ARGUMENTS("-peer-bind-addr", "0.0.0.0"), OPTION_peer_bind_addr, "0.0.0.0:7001");
	assert_text(ARGUMENTS("-addr", "a:1", "-bind-addr", " b , c:2,"), OPTION_bind_addr,
	    "b:1,c:2");
	assert_text(ARGUMENTS("-addr", "a:1", "-bind-addr", ","), OPTION_bind_addr, "a:1");
	assert_text(ARGUMENTS("-bind-addr", "a:1,a:2,a:3,a:4,a:5,a:6,a:7,a:8"), OPTION_bind_addr,
	    "a:1,a:2,a:3,a:4,a:5,a:6,a:7,a:8");
	assert_refused("-bind-addr: \"a:1,a:2,a:3,a:4,a:5,a:6,a:7,a:8,a:9\" are more than 8 "
	    "addresses", ARGUMENTS("-bind-addr", "a:1,a:2,a:3,a:4,a:5,a:6,a:7,a:8,a:9"));
	assert_refused("-addr and -peer-addr: both are b:1; choose another -peer-addr",
	    ARGUMENTS("-bind-addr", "a:1,b:1", "-peer-bind-addr", "c:1,b:1"));
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
	assert_text(ARGUMENTS("-peer-election-timeout", "100"), OPTION_peer_election_timeout,
	    "100");
}

TEST(names_have_the_characters_of_a_path_item)
{
	assert_refused("-name: \"a/b\" has a character that is not allowed; allowed are letters "
	    "A-Z and a-z, digits, \".\", \"_\" and \"-\"",
	    ARGUMENTS("-name", "a/b"));
	assert_refused("-name: \"\" is empty", ARGUMENTS("-name", ""));
	assert_refused("-name: \"_a\" may not start with \"_\"", ARGUMENTS("-name", "_a"));
	assert_refused("-name: \".a\" may not start with \".\"", ARGUMENTS("-name", ".a"));
}

TEST(peers_lose_scheme_blanks_and_ourselves)
{
	assert_text(ARGUMENTS("-peers", "http://a:1/, b:2,,127.0.0.1:7001"), OPTION_peers,
	    "a:1,b:2");
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
	assert_refused("-workers: \"x\" is neither a whole number nor auto",
	    ARGUMENTS("-workers", "x"));
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

TEST(certificates_keys_and_authorities_come_together)
{
	assert_refused("-cert-file given without -key-file", ARGUMENTS("-cert-file", "c"));
	assert_refused("-key-file given without -cert-file", ARGUMENTS("-key-file", "k"));
	assert_refused("-ca-file needs -cert-file and -key-file", ARGUMENTS("-ca-file", "a"));
	assert_refused("-peer-cert-file given without -peer-key-file",
	    ARGUMENTS("-peer-cert-file", "c"));
	assert_refused("-peer-key-file given without -peer-cert-file",
	    ARGUMENTS("-peer-key-file", "k"));
	assert_refused("-peer-ca-file needs -peer-cert-file and -peer-key-file",
	    ARGUMENTS("-peer-ca-file", "a"));
}

TEST(files_that_cannot_be_read_are_named)
{
	assert_refused("-cert-file: cannot read /nonexistent/c: No such file or directory",
	    ARGUMENTS("-cert-file", "/nonexistent/c", "-key-file", "/dev/null"));
	assert_refused("-peer-ca-file: cannot read /nonexistent/a: No such file or directory",
	    ARGUMENTS("-peer-cert-file", "/dev/null", "-peer-key-file", "/dev/null",
	    "-peer-ca-file", "/nonexistent/a"));
}

TEST(words_have_to_be_those_of_the_option)
{
	assert_refused("-sandbox: \"x\" is none of on, off, best", ARGUMENTS("-sandbox", "x"));
	assert_refused("-tls-min-version: \"1.1\" is none of 1.2, 1.3",
	    ARGUMENTS("-tls-min-version", "1.1"));
	assert_refused("-log-format: \"xml\" is none of text, json",
	    ARGUMENTS("-log-format", "xml"));
	assert_text(ARGUMENTS("-log-output", "syslog:@name"), OPTION_log_output, "syslog:@name");
	assert_refused("-log-level: \"loud\" is none of error, warn, info, debug, trace",
	    ARGUMENTS("-log-level", "info,raft=loud"));
	assert_text(ARGUMENTS("-sandbox", "on"), OPTION_sandbox, "on");
	assert_text(ARGUMENTS("-tls-min-version", "1.3"), OPTION_tls_min_version, "1.3");
	assert_text(ARGUMENTS("-log-output", "stdout"), OPTION_log_output, "stdout");
	assert_text(ARGUMENTS("-log-output", "/a/log"), OPTION_log_output, "/a/log");
	assert_text(ARGUMENTS("-access-log", "-"), OPTION_access_log, "-");
}

TEST(a_discovery_url_has_a_scheme_and_a_host_and_no_password)
{
	assert_refused("-discovery: \"x/t\" does not begin with http:// or https://",
	    ARGUMENTS("-discovery", "x/t"));
	assert_refused("-discovery: \"https://\" is not a URL http://HOST:PORT/PATH",
	    ARGUMENTS("-discovery", "https://"));
	assert_refused("-discovery: \"http://h/t?a=b\" is not a URL http://HOST:PORT/PATH",
	    ARGUMENTS("-discovery", "http://h/t?a=b"));
	assert_refused("-discovery: a user in the URL is not supported",
	    ARGUMENTS("-discovery", "https://a:b@h/t"));
}

TEST(origins_are_urls_and_switch_the_check_on)
{
	static const char *const wrong[] = { "http://%zz", "console.example", "http://", "://a",
		"http://a b", "http://a,b c" };

	for (size_t i = 0; i < ARRAY_COUNT(wrong) - 1; i++) {
		char *expected = xasprintf("-cors: \"%s\" is not a URL", wrong[i]);

		assert_refused(expected, ARGUMENTS("-cors", wrong[i]));
		free(expected);
	}
	assert_refused("-cors: \"b c\" is not a URL", ARGUMENTS("-cors", wrong[5]));
	assert_text(ARGUMENTS("-cors", "*, https://a.example:8443"), OPTION_cors,
	    "*,https://a.example:8443");
	assert_text(ARGUMENTS("-cors", "http://a"), OPTION_origin_check, "true");
	assert_text(ARGUMENTS("-cors", "http://a", "-origin-check=false"), OPTION_origin_check,
	    "false");
	assert_text(ARGUMENTS("-v"), OPTION_origin_check, "false");
	assert_text(ARGUMENTS("-origin-check"), OPTION_origin_check, "true");
}

TEST(host_names_are_names)
{
	static const char *const wrong[] = { "a:4001", "a b", "*", "[::1]", "http://a", "a/b" };

	for (size_t i = 0; i < ARRAY_COUNT(wrong); i++) {
		char *list = xasprintf("good.example,%s", wrong[i]);
		char *expected = xasprintf("-host-names: \"%s\" is not the name of a host: "
		    "letters, digits, \".\", \"-\" and \"_\", without a port; addresses may "
		    "always be used", wrong[i]);

		assert_refused(expected, ARGUMENTS("-host-names", list));
		free(expected);
		free(list);
	}
	assert_text(ARGUMENTS("-host-names", "a, B-1_c.example"), OPTION_host_names,
	    "a,B-1_c.example");
	assert_text(ARGUMENTS("-v"), OPTION_host_names, "");
}

TEST(the_cluster_options_have_their_bounds)
{
	assert_text(ARGUMENTS("-maxsize", "3"), OPTION_cluster_active_size, "3");
	assert_text(ARGUMENTS("-cluster-remove-delay", "2.5"), OPTION_cluster_remove_delay, "2.5");
	assert_text(ARGUMENTS("-ipc-max-frame", "16M"), OPTION_ipc_max_frame, "16777216");
}
