/*
 * url_flags_test.c - command lines of etcd 2 and 3, in our words.
 */
#include "supervisor/url_flags.h"

#include "supervisor/setup.h"
#include "tests/lib/test.h"

#include <stdlib.h>

#define WORDS_MAX 24

static struct arguments
arguments_of(const char *const *words, char *const *environment)
{
	static char *none[] = { NULL };
	char *argv[WORDS_MAX + 1] = { "etcd" };
	struct arguments arguments;
	char *problem;
	int argc = 1;

	while (words[argc - 1] != NULL) {
		assert_true(argc < WORDS_MAX);
		argv[argc] = (char *)(uintptr_t)words[argc - 1];
		argc++;
	}
	assert_int_equal(arguments_read(&arguments, &(struct arguments_input){ .argc = argc,
	    .argv = argv, .environment = environment == NULL ? none : environment },
	    &problem), ARGUMENTS_RUN);
	return arguments;
}

#define ARGUMENTS(...) arguments_of((const char *const[]){ __VA_ARGS__, NULL }, NULL)
#define LIST "n1=http://10.0.0.1:2380,n2=http://10.0.0.2:2380,n3=http://10.0.0.3:1"

static void
assert_refused(const char *expected, struct arguments arguments)
{
	char *problem = setup_check(&arguments);

	assert_non_null(problem);
	assert_string_equal(problem, expected);
	free(problem);
	arguments_free(&arguments);
}

struct expected {
	const char *addr, *bind_addr, *peer_addr, *peer_bind_addr, *peers;
};

static void
assert_addresses(struct arguments arguments, struct expected expected)
{
	char *problem = setup_check(&arguments);
	const struct config *config = &arguments.config;

	if (problem != NULL)
		fail_msg("%s", problem);
	assert_string_equal(config->addr, expected.addr);
	assert_string_equal(config->bind_addr, expected.bind_addr);
	assert_string_equal(config->peer_addr, expected.peer_addr);
	assert_string_equal(config->peer_bind_addr, expected.peer_bind_addr);
	assert_string_equal(config->peers, expected.peers == NULL ? "" : expected.peers);
	arguments_free(&arguments);
}

TEST(urls_are_addresses)
{
	assert_addresses(ARGUMENTS("--listen-client-urls", "http://0.0.0.0:2379",
	    "--advertise-client-urls=http://10.0.0.1:2379/", "--listen-peer-urls",
	    "http://[::]:2380", "--initial-advertise-peer-urls", "http://10.0.0.1:2380"),
	    (struct expected){ "10.0.0.1:2379", "0.0.0.0:2379", "10.0.0.1:2380", "[::]:2380", "" });
	/* The first of several is told. */
	assert_addresses(ARGUMENTS("-advertise-client-urls", "http://a:1,http://b:2"),
	    (struct expected){ "a:1", "a:1", "127.0.0.1:2380", "127.0.0.1:2380", "" });
}

TEST(several_are_listened_on_and_the_first_is_told)
{
	assert_addresses(ARGUMENTS("-listen-client-urls", "http://a:1, http://b:2/,,",
	    "-listen-peer-urls", "http://0.0.0.0:1,http://[::1]:1", "-peer-addr", "c:1"),
	    (struct expected){ "a:1", "a:1,b:2", "c:1", "0.0.0.0:1,[::1]:1", "" });
	assert_refused("-listen-client-urls: \"http://a:1,http://a:2,http://a:3,http://a:4,"
	    "http://a:5,http://a:6,http://a:7,http://a:8,http://a:9\" are more than 8 URLs",
	    ARGUMENTS("-listen-client-urls", "http://a:1,http://a:2,http://a:3,http://a:4,"
	    "http://a:5,http://a:6,http://a:7,http://a:8,http://a:9"));
}

TEST(ports_are_those_of_whose_flags_are_used)
{
	assert_addresses(ARGUMENTS("-name", "n1"),
	    (struct expected){ "127.0.0.1:4001", "127.0.0.1:4001", "127.0.0.1:7001",
	    "127.0.0.1:7001", "" });
	assert_addresses(ARGUMENTS("-listen-peer-urls", "http://10.0.0.1:5"),
	    (struct expected){ "127.0.0.1:2379", "127.0.0.1:2379", "10.0.0.1:5", "10.0.0.1:5",
	    "" });
	/* Beside ours. */
	assert_addresses(ARGUMENTS("-listen-peer-urls", "http://10.0.0.1:5", "-addr", "a:1"),
	    (struct expected){ "a:1", "a:1", "10.0.0.1:5", "10.0.0.1:5", "" });
}

TEST(the_list_says_where_this_node_is)
{
	assert_addresses(ARGUMENTS("-name", "n2", "-initial-cluster", LIST),
	    (struct expected){ "127.0.0.1:2379", "127.0.0.1:2379", "10.0.0.2:2380",
	    "10.0.0.2:2380", "" });
	assert_addresses(ARGUMENTS("-initial-cluster", "default=http://localhost:2380"),
	    (struct expected){ "127.0.0.1:2379", "127.0.0.1:2379", "localhost:2380",
	    "localhost:2380", "" });
}

TEST(one_that_exists_is_joined_through_the_others)
{
	assert_addresses(ARGUMENTS("-name", "n2", "-initial-cluster", LIST,
	    "-initial-cluster-state", "existing"),
	    (struct expected){ "127.0.0.1:2379", "127.0.0.1:2379", "10.0.0.2:2380",
	    "10.0.0.2:2380", "10.0.0.1:2380,10.0.0.3:1" });
	assert_refused("-initial-cluster: it names only this node, and -initial-cluster-state "
	    "existing joins the others", ARGUMENTS("-name", "n1", "-initial-cluster",
	    "n1=http://a:1", "-initial-cluster-state", "existing"));
	assert_refused("-initial-cluster-state: \"old\" is neither new nor existing",
	    ARGUMENTS("-initial-cluster-state", "old"));
}

/* As -print-config shows it. */
TEST(two_ways_to_say_one_thing_may_say_the_same)
{
	assert_addresses(ARGUMENTS("-listen-client-urls", "http://a:1", "-bind-addr", "a:1",
	    "-addr", "a:1", "-name", "n2", "-initial-cluster", LIST, "-initial-cluster-state",
	    "existing", "-peers", "10.0.0.1:2380,10.0.0.3:1"),
	    (struct expected){ "a:1", "a:1", "10.0.0.2:2380", "10.0.0.2:2380",
	    "10.0.0.1:2380,10.0.0.3:1" });
}

TEST(two_ways_to_say_different_things_are_refused)
{
	assert_refused("-initial-cluster: -peers says something else; give one of them",
	    ARGUMENTS("-name", "n2", "-initial-cluster", LIST, "-initial-cluster-state",
	    "existing", "-peers", "10.0.0.1:2380"));
	assert_refused("-listen-client-urls: -bind-addr says something else; give one of them",
	    ARGUMENTS("-listen-client-urls", "http://a:1", "-bind-addr", "a:2"));
	assert_refused("-initial-advertise-peer-urls: -peer-addr says something else; give one of "
	    "them",
	    ARGUMENTS("-initial-advertise-peer-urls", "http://a:1", "-peer-addr", "b:1"));
	assert_refused("-initial-cluster: -peers, -peers-file, -discovery and -discovery-srv are "
	    "other ways to find the others; give one of them",
	    ARGUMENTS("-initial-cluster", LIST, "-peers", "10.0.0.1:2380"));
	assert_refused("-initial-cluster: -restore makes a new cluster of this node alone; leave "
	    "out one of them", ARGUMENTS("-initial-cluster", LIST, "-restore", "x"));
}

TEST(what_cannot_be_listened_on_is_refused)
{
	assert_refused("-listen-client-urls: \"unix://a:1\" does not begin with http:// or "
	    "https://; other kinds of addresses are not listened on",
	    ARGUMENTS("-listen-client-urls", "unix://a:1"));
	assert_refused("-listen-client-urls: \"https://b:1\" needs -cert-file and its key",
	    ARGUMENTS("-listen-client-urls", "http://a:1,https://b:1"));
	assert_refused("-listen-client-urls: \"a:1\" is there twice",
	    ARGUMENTS("-listen-client-urls", "http://a:1,http://b:1,http://a:1"));
	assert_refused("-listen-peer-urls: \"0.0.0.0:1\" covers \"a:1\"; leave out one of them",
	    ARGUMENTS("-listen-peer-urls", "http://a:1,http://0.0.0.0:1"));
	assert_refused("-listen-peer-urls: \"[::]:1\" covers \"[::1]:1\"; leave out one of them",
	    ARGUMENTS("-listen-peer-urls", "http://[::1]:1,http://[::]:1"));
	assert_refused("-listen-client-urls: \"https://a:1\" needs -cert-file and its key",
	    ARGUMENTS("-listen-client-urls", "https://a:1"));
	assert_refused("-listen-peer-urls: \"http://a:1\": -peer-cert-file makes this port HTTPS; "
	    "write https://", ARGUMENTS("-listen-peer-urls", "http://a:1", "-peer-cert-file", "x",
	    "-peer-key-file", "y"));
	assert_refused("-listen-peer-urls: \"a\": no port; write host:port",
	    ARGUMENTS("-listen-peer-urls", "http://a"));
}

TEST(all_that_are_advertised_are_told_in_one_spelling)
{
	struct arguments arguments = ARGUMENTS("-advertise-client-urls",
	    "http://a:1/, http://b:2,http://a:1", "-name", "n1", "-initial-cluster",
	    "n1=http://y:1,n2=http://c:1,n1=http://x:1");

	assert_null(setup_check(&arguments));
	assert_string_equal(arguments.config.addr, "a:1");
	assert_string_equal(arguments.config.advertise_client_urls, "http://a:1,http://b:2");
	assert_string_equal(arguments.config.peer_addr, "x:1");
	assert_string_equal(arguments.config.initial_advertise_peer_urls, "http://x:1,http://y:1");
	arguments_free(&arguments);
	assert_refused("-advertise-client-urls: \"https://b:1\" needs -cert-file and its key",
	    ARGUMENTS("-advertise-client-urls", "http://a:1,https://b:1"));
	assert_refused("-advertise-client-urls: \"http://a:1,http://a:2,http://a:3,http://a:4,"
	    "http://a:5,http://a:6,http://a:7,http://a:8,http://a:9\" are more than 8 URLs",
	    ARGUMENTS("-advertise-client-urls", "http://a:1,http://a:2,http://a:3,http://a:4,"
	    "http://a:5,http://a:6,http://a:7,http://a:8,http://a:9"));
	assert_refused("-advertise-client-urls (0.0.0.0:2) is told to clients, who cannot reach "
	    "it; give an address of this machine with -advertise-client-urls",
	    ARGUMENTS("-advertise-client-urls", "http://a:1,http://0.0.0.0:2", "-peers", "a:1"));
}

TEST(everywhere_is_never_told_to_others)
{
	assert_refused("-advertise-client-urls (0.0.0.0:2379) is told to clients, who cannot reach "
	    "it; give an address of this machine with -advertise-client-urls",
	    ARGUMENTS("-advertise-client-urls", "http://0.0.0.0:2379", "-peers", "a:1"));
	assert_refused("-listen-client-urls (0.0.0.0:2379) is told to clients, who cannot reach "
	    "it; give an address of this machine with -advertise-client-urls",
	    ARGUMENTS("-listen-client-urls", "http://0.0.0.0:2379"));
	assert_refused("-initial-advertise-peer-urls ([::]:1) is told to other nodes, who cannot "
	    "reach it; give an address of this machine with -initial-advertise-peer-urls",
	    ARGUMENTS("-initial-advertise-peer-urls", "http://[::]:1", "-initial-cluster",
	    "n1=http://[::]:1,n2=http://10.0.0.2:1", "-name", "n1"));
	assert_refused("-addr (0.0.0.0:4001) is told to clients, who cannot reach it; give an "
	    "address of this machine, and -bind-addr 0.0.0.0",
	    ARGUMENTS("-addr", "0.0.0.0:4001"));
}

/* As etcd's image is started: by its own flags, and alone. */
TEST(a_node_alone_may_tell_everywhere_by_flags_of_etcd)
{
	struct arguments arguments = ARGUMENTS("-name", "s1", "-listen-client-urls",
	    "http://0.0.0.0:2379", "-advertise-client-urls", "http://0.0.0.0:2379",
	    "-listen-peer-urls", "http://0.0.0.0:2380", "-initial-advertise-peer-urls",
	    "http://0.0.0.0:2380", "-initial-cluster", "s1=http://0.0.0.0:2380");

	assert_null(setup_check(&arguments));
	assert_string_equal(arguments.config.addr, "0.0.0.0:2379");
	arguments_free(&arguments);
}

TEST(figures_are_served_at_addresses_of_their_own)
{
	struct arguments arguments = ARGUMENTS("-listen-metrics-urls",
	    "http://127.0.0.1:2381,http://[::1]:2381/");

	assert_null(setup_check(&arguments));
	assert_string_equal(arguments.config.metrics_addr, "127.0.0.1:2381,[::1]:2381");
	arguments_free(&arguments);
	assert_refused("-listen-metrics-urls: \"https://a:1\" does not begin with http://; with "
	    "TLS they are at the client port", ARGUMENTS("-listen-metrics-urls", "https://a:1"));
	assert_refused("-listen-metrics-urls: \"a\": no port; write host:port",
	    ARGUMENTS("-listen-metrics-urls", "http://a"));
}

TEST(certificates_of_clients_are_needed_when_that_is_said)
{
	struct arguments arguments = ARGUMENTS("-trusted-ca-file", "/ca");

	assert_null(url_flags_check(&arguments));
	assert_string_equal(arguments.config.ca_file, "");
	arguments_free(&arguments);
	arguments = ARGUMENTS("-trusted-ca-file", "/ca", "-client-cert-auth");
	assert_null(url_flags_check(&arguments));
	assert_string_equal(arguments.config.ca_file, "/ca");
	/* What was given is what the port's certificates are made of. */
	assert_string_equal(arguments.given.ca_file, "/ca");
	arguments_free(&arguments);
	arguments = ARGUMENTS("-peer-trusted-ca-file", "/ca", "-peer-client-cert-auth");
	assert_null(url_flags_check(&arguments));
	assert_string_equal(arguments.config.peer_ca_file, "/ca");
	arguments_free(&arguments);
	assert_refused("-client-cert-auth: it needs -trusted-ca-file, which says where "
	    "certificates come from", ARGUMENTS("-client-cert-auth"));
}

TEST(other_names_and_words_are_ours)
{
	struct arguments arguments = ARGUMENTS("-heartbeat-interval", "100", "-election-timeout",
	    "1000", "-max-request-bytes", "1572864", "-log-level", "panic", "-log-outputs",
	    "default");

	assert_null(setup_check(&arguments));
	assert_int_equal(arguments.config.peer_heartbeat_interval, 100);
	assert_int_equal(arguments.config.peer_election_timeout, 1000);
	assert_int_equal(arguments.config.max_body_bytes, 1572864);
	assert_string_equal(arguments.config.log_level, "error");
	assert_string_equal(arguments.config.log_output, "stderr");
	arguments_free(&arguments);
}

TEST(the_environment_says_the_same)
{
	static char *environment[] = { "ETCD_LISTEN_CLIENT_URLS=http://0.0.0.0:2379",
		"ETCD_ADVERTISE_CLIENT_URLS=http://a:2379", "ETCD_NAME=n1",
		"ETCD_INITIAL_CLUSTER=n1=http://b:2380", "ETCD_ENABLE_V2=true",
		"ETCD_QUOTA_BACKEND_BYTES=8589934592", NULL };

	assert_addresses(arguments_of((const char *const[]){ NULL }, environment),
	    (struct expected){ "a:2379", "0.0.0.0:2379", "b:2380", "b:2380", "" });
}

TEST(what_would_do_harm_is_refused)
{
	assert_refused("-force-new-cluster: it would drop the other members at each start; stop "
	    "the node, and use 'etcdctl recover' once", ARGUMENTS("-force-new-cluster"));
	assert_refused("-proxy: \"on\": there are no proxies; every node passes on what only the "
	    "leader can do", ARGUMENTS("-proxy", "on"));
}
