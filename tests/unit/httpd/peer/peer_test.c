/*
 * peer_test.c - streams with another node, seen from raftd: who is called, what
 * is relayed, what is told when the node goes and comes.
 */
#include "httpd/peer/peer.h"

#include "httpd/peer/peer_priv.h"
#include "tests/unit/httpd/peer/fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

struct told {
	struct fixture *fixture;
	uint16_t type;
	unsigned count;
};

static bool
was_told(void *argument)
{
	struct told *told = argument;

	return count_frames(&told->fixture->backend.out, told->type) >= told->count;
}

static void
expect_told(struct fixture *fixture, uint16_t type, unsigned count)
{
	struct told told = { fixture, type, count };

	fixture_run(fixture, was_told, &told);
	assert_int_equal(count_frames(&fixture->backend.out, type), count);
}

static bool
has_one_from_peer(void *argument)
{
	return ((struct fixture *)argument)->backend.from_peers.size > 0;
}

/* A started worker that has a stream to server as REMOTE_ID. */
static struct fixture *
connected(struct server *server)
{
	struct fixture *fixture = fixture_new();

	server_open(server, fixture);
	peer_start(&fixture->worker);
	fixture_status(fixture, PHASE_MEMBER, server->url);
	server_request(server);
	server_upgrade(server, CLUSTER_ID, REMOTE_ID);
	expect_told(fixture, MSG_peer_connected, 1);
	return fixture;
}

static void
finish(struct fixture **fixture, struct server *server)
{
	peer_stop(&(*fixture)->worker);
	server_close(server);
	fixture_free(fixture);
}

static void
send_to_peer(struct fixture *fixture, uint16_t type, struct slice payload)
{
	struct frame frame = { type, 0, REMOTE_ID, payload };

	fixture->backend.owner.frame(fixture->backend.owner.argument, &frame);
}

static struct request *
stream_request(struct fixture *fixture, const char *path)
{
	struct request *request = request_make(fixture, METHOD_GET, path);

	request_put_header(request, "Upgrade", "moothall-raft");
	request_put_header(request, "X-Raft-Cluster", "c3");
	request_put_header(request, "X-Raft-From", "b2");
	request_put_header(request, "X-Raft-To", "a1");
	request_put_header(request, "X-Raft-Name", "distant");
	request_put_header(request, "X-Raft-Protocol", "2-2");
	request_put_header(request, "X-Raft-Timing", "50-200");
	return request;
}

/* ---- calling ---------------------------------------------------------------------- */

TEST(a_member_is_called_with_the_whole_handshake)
{
	struct fixture *fixture = fixture_new();
	struct server server;
	char host[64];
	const char *text;

	server_open(&server, fixture);
	peer_start(&fixture->worker);
	fixture_status(fixture, PHASE_MEMBER, server.url);
	text = server_request(&server);
	assert_ptr_equal(strstr(text, "GET /raft/stream HTTP/1.1\r\n"), text);
	snprintf(host, sizeof(host), "\r\nHost: 127.0.0.1:%u\r\n", (unsigned)server.port);
	assert_non_null(strstr(text, host));
	assert_non_null(strstr(text, "\r\nConnection: Upgrade\r\nUpgrade: moothall-raft\r\n"));
	assert_non_null(strstr(text, "\r\nX-Raft-Cluster: 00000000000000c3\r\n"));
	assert_non_null(strstr(text, "\r\nX-Raft-From: 00000000000000a1\r\n"));
	assert_non_null(strstr(text, "\r\nX-Raft-To: 00000000000000b2\r\n"));
	assert_non_null(strstr(text, "\r\nX-Raft-Name: local\r\n"));
	assert_non_null(strstr(text, "\r\nX-Raft-Protocol: 2-2\r\n"));
	assert_non_null(strstr(text, "\r\nX-Raft-Timing: 50-200\r\n"));
	finish(&fixture, &server);
}

TEST(nobody_is_called_before_there_is_a_cluster)
{
	struct fixture *fixture = fixture_new();
	struct server server;

	server_open(&server, fixture);
	peer_start(&fixture->worker);
	fixture_status(fixture, PHASE_JOINING, server.url);
	fixture_settle(fixture);
	assert_int_equal(accept(server.listener, NULL, NULL), -1);
	finish(&fixture, &server);
}

TEST(a_stream_that_answers_as_another_node_is_not_used)
{
	struct fixture *fixture = fixture_new();
	struct server server;

	server_open(&server, fixture);
	peer_start(&fixture->worker);
	fixture_status(fixture, PHASE_MEMBER, server.url);
	server_request(&server);
	server_upgrade(&server, CLUSTER_ID, REMOTE_ID + 1);
	fixture_settle(fixture);
	assert_int_equal(fixture->backend.out.size, 0);
	send_to_peer(fixture, MSG_raft_heartbeat, SLICE_LITERAL("x"));
	fixture_settle(fixture);
	assert_int_equal(fixture->backend.out.size, 0);
	finish(&fixture, &server);
}

TEST(a_stream_of_another_cluster_is_not_used)
{
	struct fixture *fixture = fixture_new();
	struct server server;

	server_open(&server, fixture);
	peer_start(&fixture->worker);
	fixture_status(fixture, PHASE_MEMBER, server.url);
	server_request(&server);
	server_upgrade(&server, CLUSTER_ID + 1, REMOTE_ID);
	fixture_settle(fixture);
	assert_int_equal(fixture->backend.out.size, 0);
	finish(&fixture, &server);
}

TEST(a_member_that_is_joining_still_is_asked_again_soon)
{
	struct fixture *fixture = fixture_new();
	struct server server;

	server_open(&server, fixture);
	peer_start(&fixture->worker);
	fixture_status(fixture, PHASE_MEMBER, server.url);
	for (int i = 0; i < 5; i++) {
		server_request(&server);
		server_answer(&server, 503, "this node is not a member of a cluster yet\n");
	}
	server_request(&server);
	server_upgrade(&server, CLUSTER_ID, REMOTE_ID);
	expect_told(fixture, MSG_peer_connected, 1);
	finish(&fixture, &server);
}

/* ---- relaying ------------------------------------------------------------------------ */

TEST(frames_of_raftd_go_out_in_our_name)
{
	struct server server;
	struct fixture *fixture = connected(&server);
	struct frame frame;
	struct slice bytes;
	size_t used;

	send_to_peer(fixture, MSG_raft_append, SLICE_LITERAL("one"));
	send_to_peer(fixture, MSG_raft_heartbeat, SLICE_LITERAL("two"));
	bytes = server_bytes(&server, 2 * (FRAME_HEADER_BYTES + 3));
	assert_int_equal(frame_parse(bytes, &frame, &used), ERR_NONE);
	assert_int_equal(frame.type, MSG_raft_append);
	assert_true(frame.request_id == LOCAL_ID);
	assert_true(slice_equal(frame.payload, SLICE_LITERAL("one")));
	finish(&fixture, &server);
}

TEST(a_stopped_worker_hears_raftd_no_more)
{
	struct server server;
	struct fixture *fixture = connected(&server);

	peer_stop(&fixture->worker);
	assert_null(fixture->backend.owner.frame);
	assert_null(fixture->backend.owner.status);
	finish(&fixture, &server);
}

TEST(frames_of_a_node_reach_raftd_in_its_name)
{
	struct server server;
	struct fixture *fixture = connected(&server);
	struct buf bytes = BUF_INIT;
	struct frame frame;
	size_t used;

	frame_append(&bytes, MSG_raft_append_reply, 0, REMOTE_ID, SLICE_LITERAL("payload"));
	server_send(&server, buf_slice(&bytes));
	fixture_run(fixture, has_one_from_peer, fixture);
	assert_int_equal(frame_parse(buf_slice(&fixture->backend.from_peers), &frame, &used),
	    ERR_NONE);
	assert_int_equal(frame.type, MSG_raft_append_reply);
	assert_true(frame.request_id == REMOTE_ID);
	assert_true(slice_equal(frame.payload, SLICE_LITERAL("payload")));
	buf_free(&bytes);
	finish(&fixture, &server);
}

TEST(a_frame_right_behind_the_101_is_not_lost)
{
	struct fixture *fixture = fixture_new();
	struct buf bytes = BUF_INIT;
	struct server server;

	server_open(&server, fixture);
	peer_start(&fixture->worker);
	fixture_status(fixture, PHASE_MEMBER, server.url);
	server_request(&server);
	frame_append(&bytes, MSG_raft_vote, 0, REMOTE_ID, SLICE_LITERAL("payload"));
	server_upgrade(&server, CLUSTER_ID, REMOTE_ID);
	server_send(&server, buf_slice(&bytes));
	fixture_run(fixture, has_one_from_peer, fixture);
	assert_int_equal(count_frames(&fixture->backend.from_peers, MSG_raft_vote), 1);
	buf_free(&bytes);
	finish(&fixture, &server);
}

TEST(snapshot_chunks_take_a_connection_of_their_own)
{
	struct fixture *fixture;
	struct server server;
	struct frame frame;
	struct slice bytes;
	size_t used;
	int main_stream;

	fixture = connected(&server);
	main_stream = server.fd;
	server.fd = -1;
	send_to_peer(fixture, MSG_snapshot_chunk, SLICE_LITERAL("first"));
	send_to_peer(fixture, MSG_snapshot_chunk, SLICE_LITERAL("other"));
	assert_non_null(strstr(server_request(&server), "GET /raft/snapshot HTTP/1.1\r\n"));
	server_upgrade(&server, CLUSTER_ID, REMOTE_ID);
	bytes = server_bytes(&server, 2 * (FRAME_HEADER_BYTES + 5));
	assert_int_equal(frame_parse(bytes, &frame, &used), ERR_NONE);
	assert_int_equal(frame.type, MSG_snapshot_chunk);
	assert_true(frame.request_id == LOCAL_ID);
	assert_true(slice_equal(frame.payload, SLICE_LITERAL("first")));
	/* Credits are ordinary frames: on the main stream. */
	send_to_peer(fixture, MSG_snapshot_credit, SLICE_LITERAL("go on"));
	server_hang_up(&server);
	server.fd = main_stream;
	bytes = server_bytes(&server, FRAME_HEADER_BYTES + 5);
	assert_int_equal(frame_parse(bytes, &frame, &used), ERR_NONE);
	assert_int_equal(frame.type, MSG_snapshot_credit);
	finish(&fixture, &server);
}

static void
take_bulk_and_hang_up(struct fixture *fixture, struct server *server)
{
	send_to_peer(fixture, MSG_snapshot_chunk, SLICE_LITERAL("chunk"));
	assert_non_null(strstr(server_request(server), "GET /raft/snapshot HTTP/1.1\r\n"));
	server_upgrade(server, CLUSTER_ID, REMOTE_ID);
	(void)server_bytes(server, FRAME_HEADER_BYTES + 5);
	server_hang_up(server);
}

/* So that the snapshot starts over at once; but not as often as it may break. */
TEST(a_snapshot_stream_that_breaks_alone_is_told_once_a_second)
{
	struct server server;
	struct fixture *fixture = connected(&server);
	int main_stream = server.fd;

	server.fd = -1;
	assert_int_equal(count_frames(&fixture->backend.out, MSG_peer_connected), 1);
	take_bulk_and_hang_up(fixture, &server);
	expect_told(fixture, MSG_peer_connected, 2);
	take_bulk_and_hang_up(fixture, &server);
	fixture_settle(fixture);
	assert_int_equal(count_frames(&fixture->backend.out, MSG_peer_connected), 2);
	server.fd = main_stream;
	finish(&fixture, &server);
}

/* ---- a node that dies and comes back --------------------------------------------------- */

/* Design, dead leader hint: stream closed and the next connect refused. */
TEST(a_closed_stream_and_a_refused_connect_are_told_as_unreachable)
{
	struct server server;
	struct fixture *fixture = connected(&server);

	server_close(&server);
	expect_told(fixture, MSG_peer_unreachable, 1);
	/* Each attempt that is refused says it again. */
	expect_told(fixture, MSG_peer_unreachable, 3);
	finish(&fixture, &server);
}

TEST(a_closed_stream_alone_is_not_told_as_unreachable)
{
	struct server server;
	struct fixture *fixture = connected(&server);

	server_request(&server);
	fixture_settle(fixture);
	assert_int_equal(count_frames(&fixture->backend.out, MSG_peer_unreachable), 0);
	server_upgrade(&server, CLUSTER_ID, REMOTE_ID);
	expect_told(fixture, MSG_peer_connected, 2);
	assert_int_equal(count_frames(&fixture->backend.out, MSG_peer_unreachable), 0);
	finish(&fixture, &server);
}

TEST(a_node_that_comes_back_is_found)
{
	struct server server;
	struct fixture *fixture = connected(&server);

	server_close(&server);
	expect_told(fixture, MSG_peer_unreachable, 2);
	server_reopen(&server);
	server_request(&server);
	server_upgrade(&server, CLUSTER_ID, REMOTE_ID);
	expect_told(fixture, MSG_peer_connected, 2);
	finish(&fixture, &server);
}

TEST(a_node_that_still_has_a_stream_to_us_is_not_unreachable)
{
	struct server server;
	struct fixture *fixture = connected(&server);

	peer_stream_handle(stream_request(fixture, "/raft/stream"));
	assert_true(fixture->upgraded);
	server_close(&server);
	fixture_settle(fixture);
	fixture_settle(fixture);
	assert_int_equal(count_frames(&fixture->backend.out, MSG_peer_unreachable), 0);
	/* Until that one closes too. */
	close(fixture->upgraded_fd);
	fixture->upgraded_fd = -1;
	expect_told(fixture, MSG_peer_unreachable, 1);
	finish(&fixture, &server);
}

/* It is alive; with pauses of a second, as after many refusals, these would take too long. */
TEST(a_node_that_calls_us_is_called_again_and_again_with_short_pauses)
{
	struct server server;
	struct fixture *fixture = connected(&server);

	server_close(&server);
	expect_told(fixture, MSG_peer_unreachable, 11);
	peer_stream_handle(stream_request(fixture, "/raft/stream"));
	close(fixture->upgraded_fd);
	fixture->upgraded_fd = -1;
	expect_told(fixture, MSG_peer_unreachable, 20);
	finish(&fixture, &server);
}

TEST(a_raftd_that_came_newly_learns_which_streams_are_up)
{
	struct server server;
	struct fixture *fixture = connected(&server);

	buf_clear(&fixture->backend.out);
	fixture_status(fixture, PHASE_MEMBER, server.url);
	assert_int_equal(count_frames(&fixture->backend.out, MSG_peer_connected), 0);
	fixture->started_ns++;
	fixture_status(fixture, PHASE_MEMBER, server.url);
	assert_int_equal(count_frames(&fixture->backend.out, MSG_peer_connected), 1);
	finish(&fixture, &server);
}

TEST(streams_stay_while_raftd_recovers)
{
	struct server server;
	struct fixture *fixture = connected(&server);
	struct msg_status nothing = { .phase = PHASE_RECOVERING };

	assert_int_equal(cluster_update(fixture->worker.cluster, &nothing), ERR_NONE);
	fixture->backend.detached = true;
	fixture->backend.owner.status(fixture->backend.owner.argument);
	fixture_settle(fixture);
	send_to_peer(fixture, MSG_raft_append, SLICE_LITERAL("one"));
	(void)server_bytes(&server, FRAME_HEADER_BYTES + 3);
	finish(&fixture, &server);
}

TEST(a_member_that_moved_is_called_at_its_new_address)
{
	struct server server, other;
	struct fixture *fixture = connected(&server);

	server_open(&other, fixture);
	server_close(&server);
	expect_told(fixture, MSG_peer_unreachable, 1);
	fixture_status(fixture, PHASE_MEMBER, other.url);
	server_request(&other);
	server_upgrade(&other, CLUSTER_ID, REMOTE_ID);
	expect_told(fixture, MSG_peer_connected, 2);
	finish(&fixture, &other);
}

TEST(a_node_removed_is_not_called_any_more)
{
	struct server server;
	struct fixture *fixture = connected(&server);

	fixture_status(fixture, PHASE_MEMBER, NULL);
	/* It still learns what raftd has to say to it. */
	send_to_peer(fixture, MSG_raft_append, SLICE_LITERAL("bye"));
	(void)server_bytes(&server, FRAME_HEADER_BYTES + 3);
	server_hang_up(&server);
	fixture_settle(fixture);
	fixture_settle(fixture);
	assert_int_equal(accept(server.listener, NULL, NULL), -1);
	finish(&fixture, &server);
}

/* ---- being called --------------------------------------------------------------------- */

struct upgraded {
	struct fixture *fixture;
	struct buf bytes;
	bool end;
};

static bool
upgraded_has_bytes(void *argument)
{
	struct upgraded *upgraded = argument;
	uint8_t bytes[512];
	ssize_t size = recv(upgraded->fixture->upgraded_fd, bytes, sizeof(bytes), MSG_DONTWAIT);

	if (size > 0)
		buf_append(&upgraded->bytes, bytes, (size_t)size);
	upgraded->end = size == 0;
	return size >= 0;
}

TEST(a_caller_is_answered_with_our_handshake)
{
	struct fixture *fixture = fixture_new();

	peer_start(&fixture->worker);
	fixture_status(fixture, PHASE_MEMBER, NULL);
	peer_stream_handle(stream_request(fixture, "/raft/stream"));
	assert_true(fixture->upgraded);
	buf_append_byte(&fixture->headers, '\0');
	assert_string_equal((const char *)fixture->headers.data,
	    "X-Raft-Cluster: 00000000000000c3\r\nX-Raft-From: 00000000000000a1\r\n"
	    "X-Raft-To: 00000000000000b2\r\nX-Raft-Name: local\r\nX-Raft-Protocol: 2-2\r\n"
	    "X-Raft-Timing: 50-200\r\nX-Raft-Url: http://127.0.0.1:7001\r\n");
	assert_int_equal(count_frames(&fixture->backend.out, MSG_peer_connected), 1);
	peer_stop(&fixture->worker);
	fixture_free(&fixture);
}

TEST(a_caller_whose_address_is_dead_is_reached_on_its_own_stream)
{
	struct fixture *fixture = fixture_new();
	struct upgraded upgraded = { fixture, BUF_INIT, false };
	struct server server;

	server_open(&server, fixture);
	server_close(&server);
	peer_start(&fixture->worker);
	fixture_status(fixture, PHASE_MEMBER, server.url);
	expect_told(fixture, MSG_peer_unreachable, 1);
	peer_stream_handle(stream_request(fixture, "/raft/stream"));
	send_to_peer(fixture, MSG_raft_append, SLICE_LITERAL("one"));
	fixture_run(fixture, upgraded_has_bytes, &upgraded);
	assert_int_equal(count_frames(&upgraded.bytes, MSG_raft_append), 1);
	buf_free(&upgraded.bytes);
	/* Once it can be called as well that is told: another road for messages. */
	assert_int_equal(count_frames(&fixture->backend.out, MSG_peer_connected), 1);
	server_reopen(&server);
	server_request(&server);
	server_upgrade(&server, CLUSTER_ID, REMOTE_ID);
	expect_told(fixture, MSG_peer_connected, 2);
	finish(&fixture, &server);
}

TEST(a_second_stream_of_a_node_replaces_the_first)
{
	struct fixture *fixture = fixture_new();
	struct upgraded upgraded = { fixture, BUF_INIT, false };
	int first;

	peer_start(&fixture->worker);
	fixture_status(fixture, PHASE_MEMBER, NULL);
	peer_stream_handle(stream_request(fixture, "/raft/stream"));
	first = fixture->upgraded_fd;
	peer_stream_handle(stream_request(fixture, "/raft/snapshot"));
	close(fixture->upgraded_fd);
	peer_stream_handle(stream_request(fixture, "/raft/stream"));
	close(fixture->upgraded_fd);
	fixture->upgraded_fd = first;
	fixture_run(fixture, upgraded_has_bytes, &upgraded);
	assert_true(upgraded.end);
	peer_stop(&fixture->worker);
	fixture_free(&fixture);
}

struct refusal {
	const char *header, *value;
	unsigned status;
	const char *words[2];
};

TEST(a_caller_that_does_not_belong_here_is_refused_with_both_values)
{
	static const struct refusal refusals[] = {
		{ "X-Raft-Cluster", "77", 412, { "c3", "77" } },
		{ "X-Raft-To", "a2", 412, { "a1", "a2" } },
		{ "X-Raft-From", "a1", 412, { "a1", "node" } },
		{ "X-Raft-Protocol", "3-9", 412, { "2-2", "3-9" } },
		{ "X-Raft-Cluster", "zz", 400, { "X-Raft-Cluster", "malformed" } },
		{ "X-Raft-From", "0", 400, { "X-Raft-From", "malformed" } },
		{ "X-Raft-Name", "../x", 400, { "X-Raft-Name", "malformed" } },
		{ "X-Raft-Timing", "5", 400, { "X-Raft-Timing", "malformed" } },
		{ "Upgrade", "websocket", 426, { "Upgrade", "moothall-raft" } },
	};
	struct fixture *fixture = fixture_new();

	peer_start(&fixture->worker);
	fixture_status(fixture, PHASE_MEMBER, NULL);
	for (size_t i = 0; i < ARRAY_COUNT(refusals); i++) {
		const struct refusal *refusal = &refusals[i];
		struct request *request = request_make(fixture, METHOD_GET, "/raft/stream");
		struct request *whole = stream_request(fixture, "/raft/stream");

		for (size_t at = 0; at < whole->header_count; at++) {
			char *name = arena_text(&request->arena, whole->headers[at].name);

			request_put_header(request, name, strcmp(name, refusal->header) == 0
				? refusal->value
				: arena_text(&request->arena, whole->headers[at].value));
		}
		request_drop(whole);
		peer_stream_handle(request);
		assert_int_equal(fixture->status, refusal->status);
		assert_non_null(strstr((const char *)fixture->body.data, refusal->words[0]));
		assert_non_null(strstr((const char *)fixture->body.data, refusal->words[1]));
		assert_false(fixture->upgraded);
	}
	peer_stop(&fixture->worker);
	fixture_free(&fixture);
}

/* It may be that this node lost its data: raftd judges. */
TEST(raftd_hears_of_callers_of_another_cluster)
{
	struct fixture *fixture = fixture_new();
	struct request *request = request_make(fixture, METHOD_GET, "/raft/stream");
	struct request *whole = stream_request(fixture, "/raft/stream");

	peer_start(&fixture->worker);
	fixture_status(fixture, PHASE_MEMBER, NULL);
	for (size_t at = 0; at < whole->header_count; at++) {
		char *name = arena_text(&request->arena, whole->headers[at].name);

		request_put_header(request, name, strcmp(name, "X-Raft-Cluster") == 0 ? "77" :
		    arena_text(&request->arena, whole->headers[at].value));
	}
	peer_stream_handle(whole);
	assert_int_equal(count_frames(&fixture->backend.out, MSG_foreign_call), 0);
	peer_stream_handle(request);
	assert_int_equal(count_frames(&fixture->backend.out, MSG_foreign_call), 1);
	peer_stop(&fixture->worker);
	fixture_free(&fixture);
}

TEST(a_caller_is_put_off_while_we_have_no_cluster)
{
	struct fixture *fixture = fixture_new();

	peer_start(&fixture->worker);
	fixture_status(fixture, PHASE_JOINING, NULL);
	peer_stream_handle(stream_request(fixture, "/raft/stream"));
	assert_int_equal(fixture->status, 503);
	peer_stop(&fixture->worker);
	fixture_free(&fixture);
}

TEST(callers_that_are_no_members_are_bounded)
{
	struct fixture *fixture = fixture_new();
	int fds[PEERS_MAX];

	peer_start(&fixture->worker);
	fixture_status(fixture, PHASE_MEMBER, NULL);
	for (unsigned i = 0; i <= PEERS_MAX; i++) {
		struct request *request = stream_request(fixture, "/raft/stream");
		char id[20];

		snprintf(id, sizeof(id), "%x", 0x1000 + i);
		((struct request_header *)(uintptr_t)request->headers)[2].value = slice_text(id);
		fixture->upgraded = false;
		peer_stream_handle(request);
		assert_true(fixture->upgraded == (i < PEERS_MAX));
		if (i < PEERS_MAX)
			fds[i] = fixture->upgraded_fd;
	}
	assert_int_equal(fixture->status, 503);
	peer_stop(&fixture->worker);
	for (unsigned i = 0; i < PEERS_MAX; i++)
		close(fds[i]);
	fixture->upgraded_fd = -1;
	fixture_free(&fixture);
}

/* ---- a node that is alone and has -peers ------------------------------------------ */

#define OTHER_STATUS "{\"name\":\"distant\",\"id\":\"00000000000000b2\",\"clusterId\":" \
	"\"%s\",\"phase\":\"member\",\"term\":3,\"members\":[{\"id\":\"b2\",\"name\":" \
	"\"distant\",\"peerURL\":\"http://127.0.0.1:7002\",\"clientURL\":" \
	"\"http://127.0.0.1:4002\",\"role\":\"voter\"}]}\n"

static void
answer_status_as(struct server *server, const char *cluster)
{
	const char *text = server_request(server);
	char body[512];

	assert_ptr_equal(strstr(text, "GET /v2/admin/status HTTP/1.1\r\n"), text);
	snprintf(body, sizeof(body), OTHER_STATUS, cluster);
	server_answer(server, 200, body);
}

TEST(raftd_hears_of_what_cluster_the_peers_of_a_lonely_node_are)
{
	struct fixture *fixture = fixture_new();
	struct msg_other_cluster other;
	struct server server;
	struct frame frame;
	char *problem;
	size_t used;

	server_open(&server, fixture);
	assert_int_equal(config_set(&fixture->worker.config, OPTION_peers,
	    server.url + strlen("http://"), &problem), ERR_NONE);
	peer_start(&fixture->worker);
	fixture_status(fixture, PHASE_MEMBER, NULL);
	answer_status_as(&server, "00000000000000d4");
	expect_told(fixture, MSG_other_cluster, 1);
	assert_int_equal(frame_parse(buf_slice(&fixture->backend.out), &frame, &used), ERR_NONE);
	assert_int_equal(msg_other_cluster_decode(frame.payload, &other), ERR_NONE);
	assert_true(other.cluster_id == 0xd4);
	assert_int_equal(other.members, 1);
	assert_true(slice_equal(other.address, slice_text(server.url + strlen("http://"))));
	/* With others it is not alone any more, and asks nobody. */
	fixture_status(fixture, PHASE_MEMBER, "http://127.0.0.1:1");
	assert_null(fixture->worker.peers->others);
	finish(&fixture, &server);
}

TEST(a_peer_without_a_cluster_or_of_ours_is_no_news)
{
	static const char *const clusters[] = { "0000000000000000", "00000000000000c3", "words" };

	for (size_t i = 0; i < ARRAY_COUNT(clusters); i++) {
		struct fixture *fixture = fixture_new();
		struct server server;
		char *problem;

		server_open(&server, fixture);
		assert_int_equal(config_set(&fixture->worker.config, OPTION_peers,
		    server.url + strlen("http://"), &problem), ERR_NONE);
		peer_start(&fixture->worker);
		fixture_status(fixture, PHASE_MEMBER, NULL);
		answer_status_as(&server, clusters[i]);
		fixture_settle(fixture);
		assert_int_equal(count_frames(&fixture->backend.out, MSG_other_cluster), 0);
		finish(&fixture, &server);
	}
}

TEST(without_peers_a_lonely_node_asks_nobody)
{
	struct fixture *fixture = fixture_new();

	peer_start(&fixture->worker);
	fixture_status(fixture, PHASE_MEMBER, NULL);
	assert_null(fixture->worker.peers->others);
	peer_stop(&fixture->worker);
	fixture_free(&fixture);
}
