/*
 * host_test.c - what Host may hold, and which names are this node's.
 */
#include "httpd/http/host.h"

#include "tests/lib/test.h"

#include <stdlib.h>

TEST(a_host_is_a_name_or_an_address_and_a_port_may_follow)
{
	static const struct {
		const char *value, *host;
	} good[] = {
		{ "", "" },
		{ "h", "h" },
		{ "h:4001", "h" },
		{ "h:", "h" },
		{ ":4001", "" },
		{ "4001", "4001" },
		{ "Node-1_a.example.:1", "Node-1_a.example." },
		{ "a%41b~!$&'()*+,;=", "a%41b~!$&'()*+,;=" },
		{ "127.0.0.1", "127.0.0.1" },
		{ "127.0.0.1:4001", "127.0.0.1" },
		{ "[::1]", "::1" },
		{ "[::1]:4001", "::1" },
		{ "[::ffff:127.0.0.1]:1", "::ffff:127.0.0.1" },
		{ "[fe80::1%eth0]:1", "fe80::1%eth0" },
		{ "[fe80::1%25eth0]", "fe80::1%25eth0" },
	};
	static const char *const bad[] = {
		"a b", "a\tb", "a/b", "a?b", "a#b", "a@b", "u:p@h", "a\\b", "a\"b", "<a>", "a^b",
		"a`b", "{a}", "a|b", "h:4001:", "h:1:2", "h:x", "h:+1", "h:-1", "h: 1",
		"::1", "::1:4001", "[::1", "::1]", "[::1]x", "[::1]:x", "[]", "[]:1", "[h]",
		"[127.0.0.1]", "[::1]]", "[[::1]]", "[::g]", "[:]",
		"[1:2:3:4:5:6:7:8:9]", "[v1.a]", "[::1%]", "[::1%a b]", "[%eth0]", "[::1%e/0]",
		"[::1 ]", "%", "a%4", "a%4g", "\xc3\xa4", "h\x7f", "\x01",
	};
	struct slice host;

	for (size_t i = 0; i < ARRAY_COUNT(good); i++)
		if (!host_read(slice_text(good[i].value), &host) ||
		    !slice_equal(host, slice_text(good[i].host)))
			fail_msg("\"%s\"", good[i].value);
	for (size_t i = 0; i < ARRAY_COUNT(bad); i++)
		if (host_read(slice_text(bad[i]), &host))
			fail_msg("\"%s\"", bad[i]);
	assert_false(host_read(SLICE_LITERAL("h\0"), &host));
	assert_false(host_read(SLICE_LITERAL("[::1\0]"), &host));
}

TEST(the_host_of_a_target)
{
	static const struct {
		const char *target, *host;
	} targets[] = {
		{ "/v2/keys/a?http://h/", "" },
		{ "*", "" },
		{ "http://h:1/a?b", "h:1" },
		{ "HTTP://[::1]", "[::1]" },
		{ "https://h?x", "h" },
		{ "HTTPS://h/", "h" },
	};

	for (size_t i = 0; i < ARRAY_COUNT(targets); i++)
		if (!slice_equal(host_of_target(slice_text(targets[i].target)),
		    slice_text(targets[i].host)))
			fail_msg("%s", targets[i].target);
}

static void
expect(const char *list, const char *const *allowed, const char *const *others)
{
	struct config config;
	struct hosts *hosts;
	char *problem;

	config_init(&config);
	assert_int_equal(config_set(&config, OPTION_host_names, list, &problem), ERR_NONE);
	assert_int_equal(config_set(&config, OPTION_addr, "client.example:4001", &problem),
	    ERR_NONE);
	assert_int_equal(config_set(&config, OPTION_peer_addr, "[::1]:7001", &problem), ERR_NONE);
	hosts = hosts_new(&config);
	assert_non_null(hosts);
	for (; *allowed != NULL; allowed++)
		if (!hosts_allow(hosts, slice_text(*allowed)))
			fail_msg("%s is refused", *allowed);
	for (; *others != NULL; others++)
		if (hosts_allow(hosts, slice_text(*others)))
			fail_msg("%s is allowed", *others);
	hosts_free(&hosts);
	config_free(&config);
}

TEST(listed_names_our_own_and_what_no_page_can_have_are_allowed)
{
	static const char *const allowed[] = { "one", "ONE:80", "two.example", "Two.Example.:1",
		"localhost", "LOCALHOST:4001", "localhost.", "127.0.0.1", "10.1.2.3:4001",
		"[::1]:4001", "[2001:db8::1]", "client.example", "client.example:9", "", ":4001",
		NULL };
	static const char *const others[] = { "evil.example", "one.evil.example", "on", "onee",
		"one..", "two", "two.example,one", "one,two.example", "localhost.evil.example",
		"1.2.3", "127.1", "0x7f.0.0.1", "2130706433", "a127.0.0.1", "127.0.0.1.",
		"example:4001", "%6fne", "*", ".", NULL };

	expect("one,two.example.", allowed, others);
	expect(",one,,two.example,", allowed, others);
}

TEST(without_the_option_any_name_will_do)
{
	struct config config;

	config_init(&config);
	assert_null(hosts_new(&config));
	config_free(&config);
}
