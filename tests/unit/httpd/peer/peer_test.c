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

	return count_frames(&told->fixture->raftd.out, told->type) >= told->count;
}

static void
expect_told(struct fixture *fixture, uint16_t type, unsigned count)
{
	struct told told = { fixture, type, count };

	fixture_run(fixture, was_told, &told);
	assert_int_equal(count_frames(&fixture->raftd.out, type), count);
}

static bool
has_one_from_peer(void *argument)
{
	return ((struct fixture *)argument)->raftd.from_peers.size > 0;
}

/* A started worker that has a stream to remote as REMOTE_ID. */
static struct fixture *
connected(struct remote *remote)
{
	struct fixture *fixture = fixture_new();

	remote_open(remote, fixture);
	peer_start(&fixture->worker);
	fixture_status(fixture, PHASE_MEMBER, remote->url);
	remote_request(remote);
	remote_upgrade(remote, CLUSTER_ID, REMOTE_ID);
	expect_told(fixture, MSG_peer_connected, 1);
	return fixture;
}

static void
finish(struct fixture **fixture, struct remote *remote)
{
	peer_stop(&(*fixture)->worker);
	remote_close(remote);
	fixture_free(fixture);
}

/* Another node asks for a stream, with that value of one of its headers. */
static void
call_with(struct fixture *fixture, const char *path, const char *header, const char *value)
{
	static const char *const lines[][2] = { { "Connection", "Upgrade" },
		{ "Upgrade", "moothall-raft" }, { "X-Raft-Cluster", "c3" },
		{ "X-Raft-From", "b2" }, { "X-Raft-To", "a1" }, { "X-Raft-Name", "distant" },
		{ "X-Raft-Protocol", "8-8" }, { "X-Raft-Timing", "50-200" } };
	struct buf headers = BUF_INIT;

	for (size_t i = 0; i < ARRAY_COUNT(lines); i++)
		buf_printf(&headers, "%s: %s\r\n", lines[i][0],
		    strcmp(lines[i][0], header) == 0 ? value : lines[i][1]);
	buf_append_byte(&headers, '\0');
	fixture_ask(fixture, "GET", path, (const char *)headers.data, NULL, peer_stream_handle);
	buf_free(&headers);
}

static void
call(struct fixture *fixture, const char *path)
{
	call_with(fixture, path, "", "");
}

/* ---- calling ---------------------------------------------------------------------- */

TEST(a_member_is_called_with_the_whole_handshake)
{
	struct fixture *fixture = fixture_new();
	struct remote remote;
	char host[64];
	const char *text;

	remote_open(&remote, fixture);
	peer_start(&fixture->worker);
	fixture_status(fixture, PHASE_MEMBER, remote.url);
	text = remote_request(&remote);
	assert_ptr_equal(strstr(text, "GET /raft/stream HTTP/1.1\r\n"), text);
	snprintf(host, sizeof(host), "\r\nHost: 127.0.0.1:%u\r\n", (unsigned)remote.port);
	assert_non_null(strstr(text, host));
	assert_non_null(strstr(text, "\r\nConnection: Upgrade\r\nUpgrade: moothall-raft\r\n"));
	assert_non_null(strstr(text, "\r\nX-Raft-Cluster: 00000000000000c3\r\n"));
	assert_non_null(strstr(text, "\r\nX-Raft-From: 00000000000000a1\r\n"));
	assert_non_null(strstr(text, "\r\nX-Raft-To: 00000000000000b2\r\n"));
	assert_non_null(strstr(text, "\r\nX-Raft-Name: local\r\n"));
	assert_non_null(strstr(text, "\r\nX-Raft-Protocol: 8-8\r\n"));
	assert_non_null(strstr(text, "\r\nX-Raft-Timing: 50-200\r\n"));
	finish(&fixture, &remote);
}

TEST(nobody_is_called_before_there_is_a_cluster)
{
	struct fixture *fixture = fixture_new();
	struct remote remote;

	remote_open(&remote, fixture);
	peer_start(&fixture->worker);
	fixture_status(fixture, PHASE_JOINING, remote.url);
	fixture_settle(fixture);
	assert_int_equal(accept(remote.listener, NULL, NULL), -1);
	finish(&fixture, &remote);
}

TEST(a_stream_that_answers_as_another_node_is_not_used)
{
	struct fixture *fixture = fixture_new();
	struct remote remote;

	remote_open(&remote, fixture);
	peer_start(&fixture->worker);
	fixture_status(fixture, PHASE_MEMBER, remote.url);
	remote_request(&remote);
	remote_upgrade(&remote, CLUSTER_ID, REMOTE_ID + 1);
	fixture_settle(fixture);
	assert_int_equal(fixture->raftd.out.size, 0);
	fixture_raftd_sends(fixture, MSG_raft_heartbeat, SLICE_LITERAL("x"));
	fixture_settle(fixture);
	assert_int_equal(fixture->raftd.out.size, 0);
	finish(&fixture, &remote);
}

TEST(a_stream_of_another_cluster_is_not_used)
{
	struct fixture *fixture = fixture_new();
	struct remote remote;

	remote_open(&remote, fixture);
	peer_start(&fixture->worker);
	fixture_status(fixture, PHASE_MEMBER, remote.url);
	remote_request(&remote);
	remote_upgrade(&remote, CLUSTER_ID + 1, REMOTE_ID);
	fixture_settle(fixture);
	assert_int_equal(fixture->raftd.out.size, 0);
	finish(&fixture, &remote);
}

TEST(a_member_that_is_joining_still_is_asked_again_soon)
{
	struct fixture *fixture = fixture_new();
	struct remote remote;

	remote_open(&remote, fixture);
	peer_start(&fixture->worker);
	fixture_status(fixture, PHASE_MEMBER, remote.url);
	for (int i = 0; i < 5; i++) {
		remote_request(&remote);
		remote_answer(&remote, 503, "this node is not a member of a cluster yet\n");
	}
	remote_request(&remote);
	remote_upgrade(&remote, CLUSTER_ID, REMOTE_ID);
	expect_told(fixture, MSG_peer_connected, 1);
	finish(&fixture, &remote);
}

/* ---- relaying ------------------------------------------------------------------------ */

/* A stream over a network has frames of both sides without this worker. */
TEST(raftd_is_given_a_plain_stream)
{
	struct remote remote;
	struct fixture *fixture = connected(&remote);
	const struct given_stream *given = fixture_given(fixture, true);
	struct frame frame;
	size_t used;

	assert_non_null(given);
	assert_true(given->message.id == REMOTE_ID && given->message.local == LOCAL_ID);
	assert_int_equal(given->message.flags, PEER_STREAM_OURS | PEER_STREAM_MEMBER);
	assert_null(fixture_given(fixture, false));
	fixture_raftd_sends(fixture, MSG_raft_append, SLICE_LITERAL("one"));
	assert_int_equal(frame_parse(remote_bytes(&remote, FRAME_HEADER_BYTES + 3), &frame,
	    &used), ERR_NONE);
	assert_true(frame.request_id == LOCAL_ID);
	/* What raftd has no stream for any more, as far as it knows, is lost. */
	frame_append(channel_out(fixture->raftd.channel), MSG_raft_append, 0, REMOTE_ID,
	    SLICE_LITERAL("two"));
	fixture_settle(fixture);
	assert_int_equal(recv(remote.fd, &(uint8_t){ 0 }, 1, MSG_DONTWAIT), -1);
	finish(&fixture, &remote);
}

TEST(a_stream_that_raftd_has_outlives_the_worker)
{
	struct remote remote;
	struct fixture *fixture = connected(&remote);

	peer_stop(&fixture->worker);
	fixture_settle(fixture);
	fixture_raftd_sends(fixture, MSG_raft_append, SLICE_LITERAL("one"));
	(void)remote_bytes(&remote, FRAME_HEADER_BYTES + 3);
	remote_close(&remote);
	fixture_free(&fixture);
}

static bool
is_closed(void *argument)
{
	const struct remote *remote = argument;

	return recv(remote->fd, &(uint8_t){ 0 }, 1, MSG_DONTWAIT) == 0;
}

/* What it had read of a stream, and not written, is gone with it. */
TEST(streams_that_a_raftd_had_begin_anew_with_the_next)
{
	struct remote remote;
	struct fixture *fixture = connected(&remote);

	fixture_detach(fixture);
	fixture_run(fixture, is_closed, &remote);
	remote_hang_up(&remote);
	remote_request(&remote);
	remote_upgrade(&remote, CLUSTER_ID, REMOTE_ID);
	fixture_attach(fixture);
	/* It does not say yet who it is. */
	fixture_status(fixture, PHASE_RECOVERING, NULL);
	fixture_settle(fixture);
	assert_null(fixture_given(fixture, true));
	fixture_status(fixture, PHASE_MEMBER, remote.url);
	expect_told(fixture, MSG_peer_connected, 2);
	assert_non_null(fixture_given(fixture, true));
	finish(&fixture, &remote);
}

TEST(a_stopped_worker_hears_raftd_no_more)
{
	struct remote remote;
	struct fixture *fixture = connected(&remote);
	uint8_t byte;

	peer_stop(&fixture->worker);
	frame_append(channel_out(fixture->raftd.channel), MSG_snapshot_chunk, 0, REMOTE_ID,
	    SLICE_LITERAL("one"));
	fixture_settle(fixture);
	assert_true(recv(remote.fd, &byte, sizeof(byte), MSG_DONTWAIT) <= 0);
	finish(&fixture, &remote);
}

TEST(frames_of_a_node_reach_raftd_by_its_stream)
{
	struct remote remote;
	struct fixture *fixture = connected(&remote);
	struct buf bytes = BUF_INIT;
	struct frame frame;
	size_t used;

	frame_append(&bytes, MSG_raft_append_reply, 0, REMOTE_ID, SLICE_LITERAL("payload"));
	remote_send(&remote, buf_slice(&bytes));
	fixture_run(fixture, has_one_from_peer, fixture);
	assert_int_equal(frame_parse(buf_slice(&fixture->raftd.from_peers), &frame, &used),
	    ERR_NONE);
	assert_int_equal(frame.type, MSG_raft_append_reply);
	assert_true(frame.request_id == REMOTE_ID);
	assert_true(slice_equal(frame.payload, SLICE_LITERAL("payload")));
	buf_free(&bytes);
	finish(&fixture, &remote);
}

TEST(a_frame_right_behind_the_101_is_not_lost)
{
	struct fixture *fixture = fixture_new();
	struct buf bytes = BUF_INIT;
	struct remote remote;

	remote_open(&remote, fixture);
	peer_start(&fixture->worker);
	fixture_status(fixture, PHASE_MEMBER, remote.url);
	remote_request(&remote);
	frame_append(&bytes, MSG_raft_vote, 0, REMOTE_ID, SLICE_LITERAL("payload"));
	remote_upgrade(&remote, CLUSTER_ID, REMOTE_ID);
	remote_send(&remote, buf_slice(&bytes));
	fixture_run(fixture, has_one_from_peer, fixture);
	assert_int_equal(count_frames(&fixture->raftd.from_peers, MSG_raft_vote), 1);
	buf_free(&bytes);
	finish(&fixture, &remote);
}

TEST(snapshot_chunks_take_a_connection_of_their_own)
{
	struct fixture *fixture;
	struct remote remote;
	struct frame frame;
	struct slice bytes;
	size_t used;
	int main_stream;

	fixture = connected(&remote);
	main_stream = remote.fd;
	remote.fd = -1;
	fixture_raftd_sends(fixture, MSG_snapshot_chunk, SLICE_LITERAL("first"));
	fixture_raftd_sends(fixture, MSG_snapshot_chunk, SLICE_LITERAL("other"));
	assert_non_null(strstr(remote_request(&remote), "GET /raft/snapshot HTTP/1.1\r\n"));
	remote_upgrade(&remote, CLUSTER_ID, REMOTE_ID);
	bytes = remote_bytes(&remote, 2 * (FRAME_HEADER_BYTES + 5));
	assert_int_equal(frame_parse(bytes, &frame, &used), ERR_NONE);
	assert_int_equal(frame.type, MSG_snapshot_chunk);
	assert_true(frame.request_id == LOCAL_ID);
	assert_true(slice_equal(frame.payload, SLICE_LITERAL("first")));
	/* Credits are ordinary frames: on the main stream. */
	fixture_raftd_sends(fixture, MSG_snapshot_credit, SLICE_LITERAL("go on"));
	remote_hang_up(&remote);
	remote.fd = main_stream;
	bytes = remote_bytes(&remote, FRAME_HEADER_BYTES + 5);
	assert_int_equal(frame_parse(bytes, &frame, &used), ERR_NONE);
	assert_int_equal(frame.type, MSG_snapshot_credit);
	finish(&fixture, &remote);
}

static void
take_bulk_and_hang_up(struct fixture *fixture, struct remote *remote)
{
	fixture_raftd_sends(fixture, MSG_snapshot_chunk, SLICE_LITERAL("chunk"));
	assert_non_null(strstr(remote_request(remote), "GET /raft/snapshot HTTP/1.1\r\n"));
	remote_upgrade(remote, CLUSTER_ID, REMOTE_ID);
	(void)remote_bytes(remote, FRAME_HEADER_BYTES + 5);
	remote_hang_up(remote);
}

/* So that the snapshot starts over at once; but not as often as it may break. */
TEST(a_snapshot_stream_that_breaks_alone_is_told_once_a_second)
{
	struct remote remote;
	struct fixture *fixture = connected(&remote);
	int main_stream = remote.fd;

	remote.fd = -1;
	assert_int_equal(count_frames(&fixture->raftd.out, MSG_peer_connected), 1);
	take_bulk_and_hang_up(fixture, &remote);
	expect_told(fixture, MSG_peer_connected, 2);
	take_bulk_and_hang_up(fixture, &remote);
	fixture_settle(fixture);
	assert_int_equal(count_frames(&fixture->raftd.out, MSG_peer_connected), 2);
	remote.fd = main_stream;
	finish(&fixture, &remote);
}

/* ---- a node that dies and comes back --------------------------------------------------- */

/* Design, dead leader hint: stream closed and the next connect refused. */
TEST(a_closed_stream_and_a_refused_connect_are_told_as_unreachable)
{
	struct remote remote;
	struct fixture *fixture = connected(&remote);

	remote_close(&remote);
	expect_told(fixture, MSG_peer_unreachable, 1);
	/* Each attempt that is refused says it again. */
	expect_told(fixture, MSG_peer_unreachable, 3);
	finish(&fixture, &remote);
}

TEST(a_closed_stream_alone_is_not_told_as_unreachable)
{
	struct remote remote;
	struct fixture *fixture = connected(&remote);

	remote_request(&remote);
	fixture_settle(fixture);
	assert_int_equal(count_frames(&fixture->raftd.out, MSG_peer_unreachable), 0);
	remote_upgrade(&remote, CLUSTER_ID, REMOTE_ID);
	expect_told(fixture, MSG_peer_connected, 2);
	assert_int_equal(count_frames(&fixture->raftd.out, MSG_peer_unreachable), 0);
	finish(&fixture, &remote);
}

TEST(a_node_that_comes_back_is_found)
{
	struct remote remote;
	struct fixture *fixture = connected(&remote);

	remote_close(&remote);
	expect_told(fixture, MSG_peer_unreachable, 2);
	remote_reopen(&remote);
	remote_request(&remote);
	remote_upgrade(&remote, CLUSTER_ID, REMOTE_ID);
	expect_told(fixture, MSG_peer_connected, 2);
	finish(&fixture, &remote);
}

TEST(a_node_that_still_has_a_stream_to_us_is_not_unreachable)
{
	struct remote remote;
	struct fixture *fixture = connected(&remote);

	call(fixture, "/raft/stream");
	assert_true(fixture->upgraded);
	remote_close(&remote);
	fixture_settle(fixture);
	fixture_settle(fixture);
	assert_int_equal(count_frames(&fixture->raftd.out, MSG_peer_unreachable), 0);
	/* Until that one closes too. */
	close(fixture->upgraded_fd);
	fixture->upgraded_fd = -1;
	expect_told(fixture, MSG_peer_unreachable, 1);
	finish(&fixture, &remote);
}

/* It is alive; with pauses of a second, as after many refusals, these would take too long. */
TEST(a_node_that_calls_us_is_called_again_and_again_with_short_pauses)
{
	struct remote remote;
	struct fixture *fixture = connected(&remote);

	remote_close(&remote);
	expect_told(fixture, MSG_peer_unreachable, 11);
	call(fixture, "/raft/stream");
	close(fixture->upgraded_fd);
	fixture->upgraded_fd = -1;
	expect_told(fixture, MSG_peer_unreachable, 20);
	finish(&fixture, &remote);
}

TEST(a_raftd_that_came_newly_learns_which_streams_are_up)
{
	struct remote remote;
	struct fixture *fixture = connected(&remote);

	buf_clear(&fixture->raftd.out);
	fixture_status(fixture, PHASE_MEMBER, remote.url);
	fixture_settle(fixture);
	assert_int_equal(count_frames(&fixture->raftd.out, MSG_peer_connected), 0);
	fixture->started_ns++;
	fixture_status(fixture, PHASE_MEMBER, remote.url);
	expect_told(fixture, MSG_peer_connected, 1);
	finish(&fixture, &remote);
}

TEST(a_member_that_moved_is_called_at_its_new_address)
{
	struct remote remote, other;
	struct fixture *fixture = connected(&remote);

	remote_open(&other, fixture);
	remote_close(&remote);
	expect_told(fixture, MSG_peer_unreachable, 1);
	fixture_status(fixture, PHASE_MEMBER, other.url);
	remote_request(&other);
	remote_upgrade(&other, CLUSTER_ID, REMOTE_ID);
	expect_told(fixture, MSG_peer_connected, 2);
	finish(&fixture, &other);
}

TEST(a_node_removed_is_not_called_any_more)
{
	struct remote remote;
	struct fixture *fixture = connected(&remote);

	fixture_status(fixture, PHASE_MEMBER, NULL);
	/* It still learns what raftd has to say to it. */
	fixture_raftd_sends(fixture, MSG_raft_append, SLICE_LITERAL("bye"));
	(void)remote_bytes(&remote, FRAME_HEADER_BYTES + 3);
	remote_hang_up(&remote);
	fixture_settle(fixture);
	fixture_settle(fixture);
	assert_int_equal(accept(remote.listener, NULL, NULL), -1);
	finish(&fixture, &remote);
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
	call(fixture, "/raft/stream");
	assert_true(fixture->upgraded);
	assert_non_null(strstr((const char *)fixture->head.data,
	    "X-Raft-Cluster: 00000000000000c3\r\nX-Raft-From: 00000000000000a1\r\n"
	    "X-Raft-To: 00000000000000b2\r\nX-Raft-Name: local\r\nX-Raft-Protocol: 8-8\r\n"
	    "X-Raft-Timing: 50-200\r\nX-Raft-Url: http://127.0.0.1:7001\r\n"));
	expect_told(fixture, MSG_peer_connected, 1);
	peer_stop(&fixture->worker);
	fixture_free(&fixture);
}

TEST(a_caller_whose_address_is_dead_is_reached_on_its_own_stream)
{
	struct fixture *fixture = fixture_new();
	struct upgraded upgraded = { fixture, BUF_INIT, false };
	struct remote remote;

	remote_open(&remote, fixture);
	remote_close(&remote);
	peer_start(&fixture->worker);
	fixture_status(fixture, PHASE_MEMBER, remote.url);
	expect_told(fixture, MSG_peer_unreachable, 1);
	call(fixture, "/raft/stream");
	fixture_raftd_sends(fixture, MSG_raft_append, SLICE_LITERAL("one"));
	fixture_run(fixture, upgraded_has_bytes, &upgraded);
	assert_int_equal(count_frames(&upgraded.bytes, MSG_raft_append), 1);
	buf_free(&upgraded.bytes);
	/* Once it can be called as well that is told: another road for messages. */
	assert_int_equal(count_frames(&fixture->raftd.out, MSG_peer_connected), 1);
	remote_reopen(&remote);
	remote_request(&remote);
	remote_upgrade(&remote, CLUSTER_ID, REMOTE_ID);
	expect_told(fixture, MSG_peer_connected, 2);
	finish(&fixture, &remote);
}

/* A connection that is not of a network stays with the worker, which passes frames on. */
TEST(frames_of_a_stream_that_raftd_cannot_have_are_passed_on)
{
	struct fixture *fixture = fixture_new();
	struct upgraded upgraded = { fixture, BUF_INIT, false };
	struct buf bytes = BUF_INIT;
	struct frame frame;
	size_t used;

	peer_start(&fixture->worker);
	fixture_status(fixture, PHASE_MEMBER, NULL);
	call(fixture, "/raft/stream");
	assert_null(fixture_given(fixture, false));
	frame_append(&bytes, MSG_raft_append_reply, 0, REMOTE_ID, SLICE_LITERAL("payload"));
	assert_int_equal(send(fixture->upgraded_fd, bytes.data, bytes.size, MSG_NOSIGNAL),
	    bytes.size);
	fixture_run(fixture, has_one_from_peer, fixture);
	assert_int_equal(frame_parse(buf_slice(&fixture->raftd.from_peers), &frame, &used),
	    ERR_NONE);
	assert_int_equal(frame.type, MSG_raft_append_reply);
	assert_true(frame.request_id == REMOTE_ID);
	assert_true(slice_equal(frame.payload, SLICE_LITERAL("payload")));
	/* It stays while raftd recovers. */
	fixture_detach(fixture);
	fixture_settle(fixture);
	fixture_attach(fixture);
	fixture_status(fixture, PHASE_RECOVERING, NULL);
	fixture_settle(fixture);
	fixture_raftd_sends(fixture, MSG_raft_append, SLICE_LITERAL("one"));
	fixture_run(fixture, upgraded_has_bytes, &upgraded);
	assert_int_equal(frame_parse(buf_slice(&upgraded.bytes), &frame, &used), ERR_NONE);
	assert_int_equal(frame.type, MSG_raft_append);
	assert_true(frame.request_id == LOCAL_ID);
	assert_true(slice_equal(frame.payload, SLICE_LITERAL("one")));
	buf_free(&upgraded.bytes);
	buf_free(&bytes);
	peer_stop(&fixture->worker);
	fixture_free(&fixture);
}

TEST(a_second_stream_of_a_node_replaces_the_first)
{
	struct fixture *fixture = fixture_new();
	struct upgraded upgraded = { fixture, BUF_INIT, false };
	int first;

	peer_start(&fixture->worker);
	fixture_status(fixture, PHASE_MEMBER, NULL);
	call(fixture, "/raft/stream");
	first = fixture->upgraded_fd;
	call(fixture, "/raft/snapshot");
	close(fixture->upgraded_fd);
	call(fixture, "/raft/stream");
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
		{ "X-Raft-Protocol", "9-10", 412, { "8-8", "9-10" } },
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

		call_with(fixture, "/raft/stream", refusal->header, refusal->value);
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

	peer_start(&fixture->worker);
	fixture_status(fixture, PHASE_MEMBER, NULL);
	call(fixture, "/raft/stream");
	fixture_settle(fixture);
	assert_int_equal(count_frames(&fixture->raftd.out, MSG_foreign_call), 0);
	close(fixture->upgraded_fd);
	fixture->upgraded_fd = -1;
	call_with(fixture, "/raft/stream", "X-Raft-Cluster", "77");
	expect_told(fixture, MSG_foreign_call, 1);
	peer_stop(&fixture->worker);
	fixture_free(&fixture);
}

TEST(a_caller_is_put_off_while_we_have_no_cluster)
{
	struct fixture *fixture = fixture_new();

	peer_start(&fixture->worker);
	fixture_status(fixture, PHASE_JOINING, NULL);
	call(fixture, "/raft/stream");
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
		char id[20];

		snprintf(id, sizeof(id), "%x", 0x1000 + i);
		call_with(fixture, "/raft/stream", "X-Raft-From", id);
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
answer_status_as(struct remote *remote, const char *cluster)
{
	const char *text = remote_request(remote);
	char body[512];

	assert_ptr_equal(strstr(text, "GET /v2/admin/status HTTP/1.1\r\n"), text);
	snprintf(body, sizeof(body), OTHER_STATUS, cluster);
	remote_answer(remote, 200, body);
}

TEST(raftd_hears_of_what_cluster_the_peers_of_a_lonely_node_are)
{
	struct fixture *fixture = fixture_new();
	struct msg_other_cluster other;
	struct remote remote;
	struct frame frame;
	char *problem;
	size_t used;

	remote_open(&remote, fixture);
	assert_int_equal(config_set(&fixture->worker.config, OPTION_peers,
	    remote.url + strlen("http://"), &problem), ERR_NONE);
	peer_start(&fixture->worker);
	fixture_status(fixture, PHASE_MEMBER, NULL);
	answer_status_as(&remote, "00000000000000d4");
	expect_told(fixture, MSG_other_cluster, 1);
	assert_int_equal(frame_parse(buf_slice(&fixture->raftd.out), &frame, &used), ERR_NONE);
	assert_int_equal(msg_other_cluster_decode(frame.payload, &other), ERR_NONE);
	assert_true(other.cluster_id == 0xd4);
	assert_int_equal(other.members, 1);
	assert_true(slice_equal(other.address, slice_text(remote.url + strlen("http://"))));
	/* With others it is not alone any more, and asks nobody. */
	fixture_status(fixture, PHASE_MEMBER, "http://127.0.0.1:1");
	assert_null(fixture->worker.peers->others);
	finish(&fixture, &remote);
}

TEST(a_peer_without_a_cluster_or_of_ours_is_no_news)
{
	static const char *const clusters[] = { "0000000000000000", "00000000000000c3", "words" };

	for (size_t i = 0; i < ARRAY_COUNT(clusters); i++) {
		struct fixture *fixture = fixture_new();
		struct remote remote;
		char *problem;

		remote_open(&remote, fixture);
		assert_int_equal(config_set(&fixture->worker.config, OPTION_peers,
		    remote.url + strlen("http://"), &problem), ERR_NONE);
		peer_start(&fixture->worker);
		fixture_status(fixture, PHASE_MEMBER, NULL);
		answer_status_as(&remote, clusters[i]);
		fixture_settle(fixture);
		assert_int_equal(count_frames(&fixture->raftd.out, MSG_other_cluster), 0);
		finish(&fixture, &remote);
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
