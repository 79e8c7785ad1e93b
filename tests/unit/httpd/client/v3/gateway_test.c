/*
 * gateway_test.c - the gateway's requests: what raftd is asked, answers and errors to the byte.
 */
#include "tests/lib/test.h"
#include "tests/unit/httpd/fake_raftd.h"

#include "common/ipc/v3.h"
#include "common/ipc/wire.h"
#include "common/limits.h"
#include "common/v3_error.h"

#include <string.h>
#include <unistd.h>

static void
post(const struct fake_client *client, const char *path, const char *json)
{
	struct buf request = BUF_INIT;

	buf_printf(&request, "POST %s HTTP/1.1\r\nHost: h\r\nContent-Length: %zu\r\n\r\n%s", path,
	    strlen(json), json);
	buf_append_byte(&request, '\0');
	fake_send(client->fd, (char *)request.data);
	buf_free(&request);
}

static void
expect(struct fake_client *client, const char *status, const char *body)
{
	fake_receive(client->fake, client->fd, &client->in, body);
	if (fake_count(&client->in, status) != 1)
		fail_msg("%.*s", SLICE_ARGS(client->in));
	assert_int_equal(fake_count(&client->in, "Content-Type: application/json\r\n"), 1);
	assert_int_equal(fake_count(&client->in, "Content-Length: "), 1);
	buf_clear(&client->in);
}

#define ERROR(text, code) "{\"error\":\"" text "\",\"message\":\"" text "\",\"code\":" code "}"

/* What raftd answers to a put, a delete or the like. */
static void
answer(struct fake_client *client, uint64_t id, enum v3_error error, uint8_t kind)
{
	struct buf event = BUF_INIT, results = BUF_INIT;

	if (error == V3_NONE && kind != 0)
		v3_result_put(&results, &(struct v3_result){ .kind = kind, .count = 2 });
	v3_answer_put(&event, &(struct v3_answer){ .error = (uint16_t)error, .revision = 9,
	    .ttl_s = 60, .results = buf_slice(&results) });
	fake_piece(client->fake, id, buf_slice(&event), false);
	buf_free(&event);
	buf_free(&results);
}

TEST(each_path_asks_its_question)
{
	static const struct {
		const char *path, *json;
		uint16_t type;
		uint8_t kind;
		const char *end;
	} rows[] = {
		{ "/v3/kv/put", "{\"key\":\"YQ==\"}", MSG_v3_write, V3_OP_PUT, "\"}}" },
		{ "/v3beta/kv/put", "{\"key\":\"YQ==\"}", MSG_v3_write, V3_OP_PUT, "\"}}" },
		{ "/v3/kv/deleterange", "{\"key\":\"YQ==\"}", MSG_v3_write, V3_OP_DELETE,
		    ",\"deleted\":\"2\"}" },
		{ "/v3/kv/range", "{\"key\":\"YQ==\"}", MSG_v3_read, V3_OP_RANGE,
		    ",\"count\":\"2\"}" },
		{ "/v3/kv/txn", "{}", MSG_v3_read, V3_OP_TXN, "\"}}" },
		{ "/v3/kv/txn", "{\"success\":[{\"request_put\":{\"key\":\"YQ==\"}}]}",
		    MSG_v3_write, V3_OP_TXN, "\"}}" },
		{ "/v3/kv/compaction", "{\"revision\":\"5\"}", MSG_v3_compact, 0, "\"}}" },
		{ "/v3/lease/grant", "{\"TTL\":60,\"ID\":\"7\"}", MSG_v3_grant, 0,
		    ",\"ID\":\"7\",\"TTL\":\"60\"}" },
		{ "/v3/lease/revoke", "{\"ID\":\"7\"}", MSG_v3_revoke, 0, "\"}}" },
		{ "/v3/kv/lease/revoke", "{\"ID\":\"7\"}", MSG_v3_revoke, 0, "\"}}" },
	};
	struct fake_client client = fake_client_new();

	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		post(&client, rows[i].path, rows[i].json);
		answer(&client, fake_next_id(client.fake, rows[i].type), V3_NONE, rows[i].kind);
		expect(&client, "HTTP/1.1 200 OK\r\n", rows[i].end);
	}
	fake_client_free(&client);
}

TEST(a_range_waits_for_a_quorum_unless_it_says_otherwise)
{
	struct fake_client client = fake_client_new();

	for (unsigned serializable = 0; serializable < 2; serializable++) {
		const struct fake_frame *frame;
		struct msg_v3_read read;

		post(&client, "/v3/kv/range", serializable != 0 ?
		    "{\"key\":\"YQ==\",\"serializable\":true}" : "{\"key\":\"YQ==\"}");
		frame = fake_next(client.fake);
		assert_int_equal(msg_v3_read_decode(blob_slice(frame->payload), &read), ERR_NONE);
		assert_int_equal(read.quorum, serializable == 0);
		answer(&client, frame->request_id, V3_NONE, V3_OP_RANGE);
		expect(&client, "HTTP/1.1 200 OK\r\n", "\"count\":\"2\"}");
	}
	fake_client_free(&client);
}

/* An id of its own is chosen before it is asked for, so a repeat has the same. */
TEST(a_lease_without_an_id_gets_one)
{
	struct fake_client client = fake_client_new();
	const struct fake_frame *frame;
	struct msg_v3_grant first, again;
	char wanted[64];

	post(&client, "/v3/lease/grant", "{\"TTL\":60}");
	frame = fake_next(client.fake);
	assert_int_equal(msg_v3_grant_decode(blob_slice(frame->payload), &first), ERR_NONE);
	assert_true(first.id > 0 && first.id <= INT64_MAX);
	fake_detach(client.fake);
	fake_attach(client.fake, PHASE_MEMBER);
	frame = fake_next(client.fake);
	assert_int_equal(msg_v3_grant_decode(blob_slice(frame->payload), &again), ERR_NONE);
	assert_true(again.id == first.id);
	answer(&client, frame->request_id, V3_NONE, 0);
	snprintf(wanted, sizeof(wanted), ",\"ID\":\"%llu\",\"TTL\":\"60\"}",
	    (unsigned long long)first.id);
	expect(&client, "HTTP/1.1 200 OK\r\n", wanted);
	fake_client_free(&client);
}

TEST(what_the_state_refuses_has_its_text)
{
	static const struct {
		enum v3_error error;
		const char *status, *body;
	} rows[] = {
		{ V3_COMPACTED, "HTTP/1.1 400 Bad Request\r\n",
		    ERROR("etcdserver: mvcc: required revision has been compacted", "11") },
		{ V3_LEASE_NOT_FOUND, "HTTP/1.1 404 Not Found\r\n",
		    ERROR("etcdserver: requested lease not found", "5") },
		{ V3_TIMED_OUT, "HTTP/1.1 503 Service Unavailable\r\n",
		    ERROR("etcdserver: request timed out", "14") },
	};
	struct fake_client client = fake_client_new();

	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		post(&client, "/v3/kv/range", "{\"key\":\"YQ==\"}");
		answer(&client, fake_next_id(client.fake, MSG_v3_read), rows[i].error, 0);
		expect(&client, rows[i].status, rows[i].body);
	}
	fake_client_free(&client);
}

static void
fail_write(struct fake_client *client, uint64_t id, const char *cause)
{
	msg_outcome_frame(channel_out(client->fake->channel), id, &(struct msg_outcome){
	    .error = ERR_RAFT_INTERNAL, .cause = slice_text(cause) });
}

/* A client repeats what certainly was not done, and may take nothing else for that. */
TEST(what_did_not_come_to_an_end_says_whether_it_may_have_been_done)
{
	static const struct {
		const char *cause, *status, *body;
	} rows[] = {
		{ "no leader, the write was not applied", "HTTP/1.1 503 ",
		    ERROR("etcdserver: no leader", "14") },
		{ "timed out, the write may or may not have been applied", "HTTP/1.1 503 ",
		    ERROR("etcdserver: request timed out", "14") },
		{ "no leader", "HTTP/1.1 503 ", ERROR("etcdserver: request timed out", "14") },
		{ "too much is being written at once, the write was not applied",
		    "HTTP/1.1 429 ", ERROR("etcdserver: too many requests", "8") },
		{ "too large for one entry of the log, the write was not applied",
		    "HTTP/1.1 400 ", ERROR("etcdserver: request is too large", "3") },
		{ "disk full, the write was not applied", "HTTP/1.1 429 ",
		    ERROR("etcdserver: mvcc: database space exceeded", "8") },
		{ "disk full at the leader, the write may or may not have been applied",
		    "HTTP/1.1 503 ", ERROR("etcdserver: request timed out", "14") },
	};
	struct fake_client client = fake_client_new();

	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		post(&client, "/v3/kv/put", "{\"key\":\"YQ==\"}");
		fail_write(&client, fake_next_id(client.fake, MSG_v3_write), rows[i].cause);
		expect(&client, rows[i].status, rows[i].body);
	}
	fake_client_free(&client);
}

TEST(what_is_wrong_by_itself_is_not_asked)
{
	static const struct {
		const char *path, *json, *body;
	} rows[] = {
		{ "/v3/kv/range", "", ERROR("etcdserver: key is not provided", "3") },
		{ "/v3/kv/range", "key=a", "\"code\":3}" },
		{ "/v3/kv/put", "{\"key\":\"%\"}", "\"code\":3}" },
		{ "/v3/kv/txn", "{\"success\":[{}]}", ERROR("etcdserver: key not found", "3") },
	};
	struct fake_client client = fake_client_new();

	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		post(&client, rows[i].path, rows[i].json);
		expect(&client, "HTTP/1.1 400 Bad Request\r\n", rows[i].body);
	}
	assert_true(fake_is_quiet(client.fake));
	fake_client_free(&client);
}

TEST(other_paths_are_not_there)
{
	static const char *const paths[] = { "/v3", "/v3/", "/v3/kv/nothing", "/v3/watches",
		"/v3alpha/kv/range", "/v3/kv/range/x" };
	struct fake_client client = fake_client_new();

	for (size_t i = 0; i < ARRAY_COUNT(paths); i++) {
		post(&client, paths[i], "{}");
		fake_receive(client.fake, client.fd, &client.in, "ound\n");
		assert_int_equal(fake_count(&client.in, "HTTP/1.1 404 Not Found\r\n"), 1);
		buf_clear(&client.in);
	}
	fake_client_free(&client);
}

TEST(what_is_not_served_is_said_so)
{
	struct fake_client client = fake_client_new();

	post(&client, "/v3/maintenance/downgrade", "{}");
	expect(&client, "HTTP/1.1 501 Not Implemented\r\n",
	    ERROR("unknown method Downgrade for service etcdserverpb.Maintenance", "12"));
	assert_true(fake_is_quiet(client.fake));
	fake_client_free(&client);
}

TEST(who_asked_before_users_counted_is_not_shown_what_came_after)
{
	struct fake_client client = fake_client_new();
	uint64_t id;

	post(&client, "/v3/kv/range", "{\"key\":\"YQ==\"}");
	id = fake_next_id(client.fake, MSG_v3_read);
	fake_close_gate(&client);
	answer(&client, id, V3_NONE, V3_OP_RANGE);
	expect(&client, "HTTP/1.1 401 Unauthorized\r\n",
	    "{\"message\":\"Insufficient credentials\"}");
	post(&client, "/v3/kv/range", "{\"key\":\"YQ==\"}");
	expect(&client, "HTTP/1.1 401 Unauthorized\r\n",
	    "{\"message\":\"Insufficient credentials\"}");
	assert_true(fake_is_quiet(client.fake));
	fake_client_free(&client);
}

/* Another worker may have answered a change that this one has not read yet. */
TEST(members_are_shown_as_raftd_has_told_before_it_answers)
{
	static const char *const requests[] = {
		"GET /v2/members HTTP/1.1\r\nHost: h\r\n\r\n",
		"POST /v3/cluster/member/list HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\n{}",
	};
	struct fake_client client = fake_client_new();

	for (size_t i = 0; i < ARRAY_COUNT(requests); i++) {
		const struct fake_frame *frame;
		struct msg_v3_state asked;
		struct buf figures = BUF_INIT;

		fake_status(client.fake, PHASE_MEMBER, 0);
		fake_send(client.fd, requests[i]);
		frame = fake_next(client.fake);
		assert_int_equal(msg_v3_state_decode(blob_slice(frame->payload), &asked), ERR_NONE);
		assert_int_equal(asked.what, V3_STATE_FIGURES);
		assert_int_equal(asked.quorum, 0);
		fake_status_alone(client.fake, PHASE_MEMBER);
		v3_state_answer_put(&figures, &(struct v3_state_answer){ .revision = 9 });
		fake_piece(client.fake, frame->request_id, buf_slice(&figures), false);
		buf_free(&figures);
		expect(&client, "HTTP/1.1 200 OK\r\n", "http://one:4001\"]}]}");
	}
	fake_client_free(&client);
}

/* A put whose request has so many bytes as protobuf. */
static void
post_sized(const struct fake_client *client, size_t bytes)
{
	/* Key: 3 bytes; value: tag, three of length, itself. base64 has 4 for each 3. */
	size_t value = bytes - 3 - 4;
	struct buf request = BUF_INIT;
	size_t groups = value / 3, rest = value % 3;

	buf_printf(&request, "POST /v3/kv/put HTTP/1.1\r\nHost: h\r\nContent-Length: %zu\r\n\r\n"
	    "{\"key\":\"YQ==\",\"value\":\"", 25 + 4 * (groups + (rest > 0)));
	for (size_t i = 0; i < groups; i++)
		buf_append_slice(&request, SLICE_LITERAL("YWFh"));
	if (rest > 0)
		buf_append_slice(&request, rest == 1 ? SLICE_LITERAL("YQ==") :
		    SLICE_LITERAL("YWE="));
	buf_append_slice(&request, SLICE_LITERAL("\"}"));
	fake_send_all(client, buf_slice(&request));
	buf_free(&request);
}

TEST(a_request_has_so_many_bytes)
{
	struct fake_client client = fake_client_new();

	post_sized(&client, V3_WRITE_BYTES_MAX);
	answer(&client, fake_next_id(client.fake, MSG_v3_write), V3_NONE, V3_OP_PUT);
	expect(&client, "HTTP/1.1 200 OK\r\n", "\"}}");
	post_sized(&client, V3_WRITE_BYTES_MAX + 1);
	expect(&client, "HTTP/1.1 400 Bad Request\r\n",
	    ERROR("etcdserver: request is too large", "3"));
	post_sized(&client, V3_MESSAGE_BYTES_MAX);
	expect(&client, "HTTP/1.1 400 Bad Request\r\n",
	    ERROR("etcdserver: request is too large", "3"));
	post_sized(&client, V3_MESSAGE_BYTES_MAX + 1);
	expect(&client, "HTTP/1.1 429 Too Many Requests\r\n",
	    ERROR("grpc: received message larger than max (2097153 vs. 2097152)", "8"));
	fake_client_free(&client);
}
