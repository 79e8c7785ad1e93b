/*
 * join_test.c - joining through -peers: the order of requests, what is tried
 * again, what ends the node, and with which words.
 */
#include "httpd/peer/peer.h"

#include "common/port_text.h"
#include "httpd/peer/peer_priv.h"
#include "tests/unit/httpd/peer/fixture.h"

#include <stdio.h>

#define MEMBERS "{\"clusterId\":\"c3\",\"members\":[{\"id\":\"b2\",\"name\":\"distant\"," \
	"\"peerURL\":\"http://127.0.0.1:7002\",\"clientURL\":\"http://127.0.0.1:4002\"," \
	"\"role\":\"voter\"},{\"id\":\"a1\",\"name\":\"local\",\"peerURL\":" \
	"\"http://127.0.0.1:7001\",\"clientURL\":\"http://127.0.0.1:4001\"," \
	"\"role\":\"learner\"}]}\n"
#define MACHINES "[{\"name\":\"distant\",\"state\":\"leader\",\"clientURL\":" \
	"\"http://127.0.0.1:4002\",\"peerURL\":\"http://127.0.0.1:7002\"}]\n"

static void
set(struct fixture *fixture, enum option_id option, const char *text)
{
	char *problem;

	assert_int_equal(config_set(&fixture->worker.config, option, text, &problem), ERR_NONE);
}

/* A worker that begins to join through these peers. */
static struct fixture *
joining(const char *peers)
{
	struct fixture *fixture = fixture_new();

	set(fixture, OPTION_peers, peers);
	set(fixture, OPTION_retry_interval, "0.01");
	peer_start(&fixture->worker);
	fixture_status(fixture, PHASE_JOINING, NULL);
	return fixture;
}

static struct fixture *
joining_through(struct remote *remote)
{
	struct fixture *fixture = fixture_new();

	remote_open(remote, fixture);
	set(fixture, OPTION_peers, remote->url + strlen("http://"));
	set(fixture, OPTION_retry_interval, "0.01");
	peer_start(&fixture->worker);
	fixture_status(fixture, PHASE_JOINING, NULL);
	return fixture;
}

static void
finish(struct fixture **fixture, struct remote *remote)
{
	peer_stop(&(*fixture)->worker);
	if (remote != NULL)
		remote_close(remote);
	fixture_free(fixture);
}

static bool
has_ended(void *argument)
{
	return ((struct fixture *)argument)->ended;
}

static bool
has_joined(void *argument)
{
	return count_frames(&((struct fixture *)argument)->raftd.out, MSG_joined) > 0;
}

static bool
was_removed(void *argument)
{
	return count_frames(&((struct fixture *)argument)->raftd.out, MSG_join_removed) > 0;
}

static void
expect_request(struct remote *remote, const char *line)
{
	const char *text = remote_request(remote);

	assert_ptr_equal(strstr(text, line), text);
}

/* The first two steps, as a good member answers them. */
static const char *
serve_to_join(struct remote *remote)
{
	expect_request(remote, "GET /version HTTP/1.1\r\n");
	remote_answer(remote, 200, "2");
	expect_request(remote, "GET /v2/admin/machines HTTP/1.1\r\n");
	remote_answer(remote, 200, MACHINES);
	return remote_request(remote);
}

TEST(a_join_asks_version_and_machines_and_then_to_join)
{
	struct remote remote;
	struct fixture *fixture = joining_through(&remote);
	const char *text = serve_to_join(&remote);
	struct msg_joined joined;
	struct frame frame;
	size_t used;

	assert_ptr_equal(strstr(text, "PUT /join HTTP/1.1\r\n"), text);
	assert_non_null(strstr(text, "\r\n\r\n{\"protocol\":{\"min\":8,\"max\":8},"
	    "\"id\":\"00000000000000a1\",\"name\":\"local\",\"peerURL\":\"http://127.0.0.1:7001\","
	    "\"clientURL\":\"http://127.0.0.1:4001\"}\n"));
	remote_answer(&remote, 200, MEMBERS);
	fixture_run(fixture, has_joined, fixture);
	assert_int_equal(frame_parse(buf_slice(&fixture->raftd.out), &frame, &used), ERR_NONE);
	assert_int_equal(frame.type, MSG_joined);
	assert_int_equal(msg_joined_decode(frame.payload, &joined), ERR_NONE);
	assert_true(joined.cluster_id == CLUSTER_ID);
	assert_true(joined.members.size > 0);
	fixture_status(fixture, PHASE_MEMBER, NULL);
	assert_null(fixture->worker.peers->join);
	finish(&fixture, &remote);
}

TEST(a_raftd_that_died_before_it_wrote_is_told_again)
{
	struct remote remote;
	struct fixture *fixture = joining_through(&remote);

	serve_to_join(&remote);
	remote_answer(&remote, 200, MEMBERS);
	fixture_run(fixture, has_joined, fixture);
	fixture_status(fixture, PHASE_JOINING, NULL);
	fixture_settle(fixture);
	assert_int_equal(count_frames(&fixture->raftd.out, MSG_joined), 1);
	fixture->started_ns++;
	fixture_status(fixture, PHASE_JOINING, NULL);
	fixture_settle(fixture);
	assert_int_equal(count_frames(&fixture->raftd.out, MSG_joined), 2);
	finish(&fixture, &remote);
}

TEST(without_peers_nothing_is_asked)
{
	struct fixture *fixture = joining("");

	assert_null(fixture->worker.peers->join);
	finish(&fixture, NULL);
}

TEST(the_next_peer_is_asked_when_one_does_not_help)
{
	/* Without a version it is asked for the machines: a client port says where they are. */
	static const struct {
		unsigned status;
		const char *body, *machines;
	} useless[] = {
		{ 404, "404 page not found\n", NULL },
		{ 200, "etcd 0.3", "404 page not found\n" },
		{ 200, "{\"etcdserver\":\"0.1\"}", PORT_IS_OTHER "client port; the peer port is "
		    "http://127.0.0.1:7001\n" },
		{ 500, "", NULL },
	};

	for (size_t i = 0; i < ARRAY_COUNT(useless); i++) {
		struct fixture *fixture = fixture_new();
		struct remote first, second;
		char list[64];

		remote_open(&first, fixture);
		remote_open(&second, fixture);
		snprintf(list, sizeof(list), "127.0.0.1:%u,http://127.0.0.1:%u",
		    (unsigned)first.port, (unsigned)second.port);
		set(fixture, OPTION_peers, list);
		peer_start(&fixture->worker);
		fixture_status(fixture, PHASE_JOINING, NULL);
		expect_request(&first, "GET /version ");
		remote_answer(&first, useless[i].status, useless[i].body);
		if (useless[i].machines != NULL) {
			expect_request(&first, "GET /v2/admin/machines ");
			remote_answer(&first, 404, useless[i].machines);
		}
		expect_request(&second, "GET /version ");
		remote_close(&second);
		finish(&fixture, &first);
	}
}

TEST(a_list_of_machines_that_is_none_is_no_cluster)
{
	struct remote remote;
	struct fixture *fixture = joining_through(&remote);

	for (int i = 0; i < 3; i++) {
		expect_request(&remote, "GET /version ");
		remote_answer(&remote, 200, "2");
		expect_request(&remote, "GET /v2/admin/machines ");
		remote_answer(&remote, 200, i == 0 ? "[]\n" : i == 1 ? "null" : "{\"a\":[");
	}
	fixture_run(fixture, has_ended, fixture);
	assert_int_equal(fixture->end_code, EXIT_TROUBLE);
	finish(&fixture, &remote);
}

TEST(a_node_that_finds_nobody_ends_after_its_attempts)
{
	struct fixture *fixture = fixture_new();
	struct remote remote;

	remote_open(&remote, fixture);
	remote_close(&remote);
	set(fixture, OPTION_peers, remote.url + strlen("http://"));
	set(fixture, OPTION_retry_interval, "0.01");
	set(fixture, OPTION_max_retry_attempts, "4");
	peer_start(&fixture->worker);
	fixture_status(fixture, PHASE_JOINING, NULL);
	fixture_run(fixture, has_ended, fixture);
	assert_int_equal(fixture->end_code, EXIT_TROUBLE);
	assert_non_null(strstr(fixture->end_sentence,
	    "fail joining the cluster via given peers after 4 retries"));
	assert_non_null(strstr(fixture->end_sentence, "connection refused"));
	finish(&fixture, NULL);
}

TEST(another_internal_version_ends_the_attempt)
{
	struct remote remote;
	struct fixture *fixture = joining_through(&remote);

	for (int i = 0; i < 3; i++) {
		expect_request(&remote, "GET /version ");
		remote_answer(&remote, 200, "3");
	}
	fixture_run(fixture, has_ended, fixture);
	assert_int_equal(fixture->end_code, EXIT_TROUBLE);
	assert_non_null(strstr(fixture->end_sentence, "version 3"));
	finish(&fixture, &remote);
}

TEST(the_same_peer_is_asked_again_while_it_has_no_leader)
{
	struct remote remote;
	struct fixture *fixture = joining_through(&remote);

	serve_to_join(&remote);
	remote_answer(&remote, 500, "{\"errorCode\":300,\"message\":\"Raft Internal Error\","
	    "\"cause\":\"no leader\",\"index\":0}\n");
	expect_request(&remote, "PUT /join ");
	remote_answer(&remote, 500,
	    "{\"errorCode\":301,\"message\":\"During Leader Election\",\"index\":0}\n");
	expect_request(&remote, "PUT /join ");
	remote_answer(&remote, 200, MEMBERS);
	fixture_run(fixture, has_joined, fixture);
	finish(&fixture, &remote);
}

TEST(an_address_that_a_member_has_ends_the_node_at_once)
{
	struct remote remote;
	struct fixture *fixture = joining_through(&remote);

	serve_to_join(&remote);
	remote_answer(&remote, 400, "{\"errorCode\":109,\"message\":\"Peer address has existed\","
	    "\"cause\":\"http://127.0.0.1:7001\",\"index\":4}\n");
	fixture_run(fixture, has_ended, fixture);
	assert_int_equal(fixture->end_code, EXIT_USAGE);
	assert_non_null(strstr(fixture->end_sentence,
	    "Peer address has existed: http://127.0.0.1:7001"));
	finish(&fixture, &remote);
}

/* The join repeated, or the end of the node. */
static bool
has_ended_or_asks(void *argument)
{
	struct remote *remote = argument;

	return remote->fixture->ended || remote_has_request(remote);
}

/* A name whose old process just died is free two election
 * timeouts later; one that is alive is not. */
TEST(a_name_in_use_is_asked_for_again_before_the_node_ends)
{
	struct remote remote;
	struct fixture *fixture = joining_through(&remote);
	unsigned asked = 0;

	serve_to_join(&remote);
	while (!fixture->ended) {
		asked++;
		remote_answer(&remote, 412, "{\"errorCode\":105,\"message\":\"Key already exists\","
		    "\"cause\":\"local is in use at http://127.0.0.1:7005\",\"index\":4}\n");
		fixture_run(fixture, has_ended_or_asks, &remote);
	}
	assert_true(asked > 1);
	assert_int_equal(fixture->end_code, EXIT_USAGE);
	assert_non_null(strstr(fixture->end_sentence, "local is in use at"));
	finish(&fixture, &remote);
}

TEST(a_full_cluster_is_asked_again_and_clients_are_sent_to_its_leader)
{
	struct remote remote;
	struct fixture *fixture = joining_through(&remote);

	serve_to_join(&remote);
	remote_answer(&remote, 400, "{\"errorCode\":103,\"message\":"
	    "\"Reached the max number of peers in the cluster\",\"index\":4}\n");
	expect_request(&remote, "GET /v2/admin/config ");
	remote_answer(&remote, 200, "{\"activeSize\":3,\"removeDelay\":1800,\"syncInterval\":1}\n");
	serve_to_join(&remote);
	assert_int_equal(count_frames(&fixture->raftd.out, MSG_standby), 1);
	assert_non_null(memmem(fixture->raftd.out.data, fixture->raftd.out.size,
	    "http://127.0.0.1:4002", strlen("http://127.0.0.1:4002")));
	remote_answer(&remote, 200, MEMBERS);
	fixture_run(fixture, has_joined, fixture);
	finish(&fixture, &remote);
}

TEST(raftd_hears_that_its_id_was_removed_meanwhile)
{
	static const char *const causes[] = { JOIN_REMOVED_CAUSE, JOIN_FORGOTTEN_CAUSE };

	for (size_t i = 0; i < ARRAY_COUNT(causes); i++) {
		struct remote remote;
		struct fixture *fixture = joining_through(&remote);
		struct msg_join_removed removed;
		struct frame frame;
		char body[256];
		size_t used;

		serve_to_join(&remote);
		snprintf(body, sizeof(body),
		    "{\"errorCode\":300,\"message\":\"Raft Internal Error\","
		    "\"cause\":\"%s\",\"index\":4}\n", causes[i]);
		remote_answer(&remote, 500, body);
		fixture_run(fixture, was_removed, fixture);
		assert_int_equal(frame_parse(buf_slice(&fixture->raftd.out), &frame, &used),
		    ERR_NONE);
		assert_int_equal(msg_join_removed_decode(frame.payload, &removed), ERR_NONE);
		assert_int_equal(removed.forgotten, i);
		assert_false(fixture->ended);
		finish(&fixture, &remote);
	}
}

TEST(a_redirect_is_followed_with_method_and_body)
{
	struct remote remote, other;
	struct fixture *fixture = joining_through(&remote);
	char text[256];

	remote_open(&other, fixture);
	serve_to_join(&remote);
	snprintf(text, sizeof(text), "HTTP/1.1 307 Temporary Redirect\r\nLocation: %s/join\r\n"
	    "Content-Length: 0\r\n\r\n", other.url);
	remote_send(&remote, slice_text(text));
	expect_request(&other, "PUT /join ");
	assert_non_null(strstr((const char *)other.in.data, "\"id\":\"00000000000000a1\""));
	remote_answer(&other, 200, MEMBERS);
	fixture_run(fixture, has_joined, fixture);
	remote_close(&other);
	finish(&fixture, &remote);
}

TEST(redirects_in_a_circle_come_to_an_end)
{
	struct remote remote;
	struct fixture *fixture = joining_through(&remote);
	char text[256];
	unsigned followed = 0;

	snprintf(text, sizeof(text), "HTTP/1.1 307 Temporary Redirect\r\nLocation: %s/join\r\n"
	    "Content-Length: 0\r\n\r\n", remote.url);
	serve_to_join(&remote);
	while (strstr((const char *)remote.in.data, "PUT /join ") != NULL) {
		remote_send(&remote, slice_text(text));
		followed++;
		remote_request(&remote);
	}
	assert_int_equal(followed, 11);
	finish(&fixture, &remote);
}

TEST(answers_that_are_garbage_do_no_harm)
{
	static const char *const garbage[] = { "\x16\x03\x01\x02\x00", "HTTP/1.1 200 OK\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n",
		"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n" };
	struct fixture *fixture = fixture_new();
	struct remote remote;

	remote_open(&remote, fixture);
	set(fixture, OPTION_peers, remote.url);
	set(fixture, OPTION_retry_interval, "0.01");
	set(fixture, OPTION_max_retry_attempts, "4");
	peer_start(&fixture->worker);
	fixture_status(fixture, PHASE_JOINING, NULL);
	for (size_t i = 0; i < ARRAY_COUNT(garbage); i++) {
		expect_request(&remote, "GET /version ");
		remote_send(&remote, slice_text(garbage[i]));
		remote_hang_up(&remote);
	}
	fixture_run(fixture, has_ended, fixture);
	assert_int_equal(fixture->end_code, EXIT_TROUBLE);
	finish(&fixture, &remote);
}

TEST(peers_that_name_only_this_machine_end_the_node)
{
	struct fixture *fixture = joining("127.0.0.1:7001,http://127.0.0.1:7001");

	fixture_run(fixture, has_ended, fixture);
	assert_int_equal(fixture->end_code, EXIT_USAGE);
	assert_non_null(strstr(fixture->end_sentence, "-peers names only this machine"));
	finish(&fixture, NULL);
}

static bool
has_asked(void *argument)
{
	return ((struct fixture *)argument)->asked > 0;
}

static void
resolved(struct fixture *fixture, uint64_t id, unsigned family, const void *bytes, size_t size)
{
	struct buf addresses = BUF_INIT;

	address_record_put(&addresses, &(struct address_record){ .family = (uint8_t)family,
	    .address = slice_of(bytes, size) });
	peer_resolved(&fixture->worker, id, buf_slice(&addresses));
	buf_free(&addresses);
}

/* The supervisor looks it up; what it says to no question of ours, or what is no
 * address, leads nowhere. */
TEST(a_peer_may_be_given_by_name)
{
	static const uint8_t loopback[] = { 127, 0, 0, 1 };
	struct fixture *fixture = fixture_new();
	struct remote remote;
	char name[64];

	remote_open(&remote, fixture);
	snprintf(name, sizeof(name), "localhost:%u", (unsigned)remote.port);
	set(fixture, OPTION_peers, name);
	peer_start(&fixture->worker);
	fixture_status(fixture, PHASE_JOINING, NULL);
	fixture_run(fixture, has_asked, fixture);
	assert_string_equal(fixture->asked_host, "localhost");
	resolved(fixture, fixture->asked_id + 1, 4, loopback, sizeof(loopback));
	fixture_settle(fixture);
	assert_int_equal(fixture->asked, 1);
	resolved(fixture, fixture->asked_id, 4, loopback, sizeof(loopback));
	for (int i = 0; i < 2; i++) {
		expect_request(&remote, i == 0 ? "GET /version " : "GET /v2/admin/machines ");
		remote_answer(&remote, 200, "2");
	}
	/* The second time it was still known. */
	assert_int_equal(fixture->asked, 1);
	resolved(fixture, fixture->asked_id, 4, loopback, sizeof(loopback));
	finish(&fixture, &remote);
}

TEST(a_name_without_a_right_address_is_not_found)
{
	struct fixture *fixture = fixture_new();

	set(fixture, OPTION_peers, "localhost:7001");
	set(fixture, OPTION_max_retry_attempts, "1");
	peer_start(&fixture->worker);
	fixture_status(fixture, PHASE_JOINING, NULL);
	fixture_run(fixture, has_asked, fixture);
	resolved(fixture, fixture->asked_id, 6, "1234", 4);
	fixture_run(fixture, has_ended, fixture);
	assert_int_equal(fixture->end_code, EXIT_TROUBLE);
	peer_stop(&fixture->worker);
	fixture_free(&fixture);
}
