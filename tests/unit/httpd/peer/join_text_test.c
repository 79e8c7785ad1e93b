/*
 * join_text_test.c - JSON of the join, and the rules for JSON from outside.
 */
#include "httpd/peer/join_text.h"

#include "common/ipc/message.h"
#include "common/ipc/wire.h"
#include "httpd/cluster.h"
#include "httpd/json_walk.h"
#include "tests/lib/test.h"

#include <stdio.h>

static bool
take_all(void *argument, const char *place, enum json_kind kind, struct slice text)
{
	struct buf *seen = argument;

	if (kind != JSON_OBJECT_END && kind != JSON_ARRAY_END)
		buf_printf(seen, "%s=%d:%.*s;", place, (int)kind, (int)text.size,
		    text.size > 0 ? (const char *)text.data : "");
	return true;
}

static enum err
walk(const char *text, const char **problem)
{
	struct buf seen = BUF_INIT;
	struct json_walker walker = { take_all, &seen };
	enum err err = json_walk(slice_text(text), walker, problem);

	buf_free(&seen);
	return err;
}

TEST(each_value_comes_with_its_place)
{
	struct buf seen = BUF_INIT;
	const char *problem;

	assert_int_equal(json_walk(
	    SLICE_LITERAL("{\"a\":{\"b\":[1,[true],{\"c\":null}]},\"d.e\":\"x\"}"),
	    (struct json_walker){ take_all, &seen }, &problem), ERR_NONE);
	buf_append_byte(&seen, '\0');
	assert_string_equal((const char *)seen.data,
	    "=4:;a=4:;a.b=6:;a.b[]=2:1;a.b[]=6:;a.b[][]=1:true;a.b[]=4:;a.b[].c=0:;?=3:x;");
	buf_free(&seen);
}

TEST(json_from_outside_keeps_to_the_rules)
{
	static const char *const wrong[] = { "", " ", "{", "{}{}", "{\"a\":1,\"a\":2}", "nope",
		"[1,]",
		"\"\xff\"", "{\"\xc0\x80\":1}", "{\"a\" 1}", "\"\\udc00\"" };
	char deep[200];
	const char *problem;

	for (size_t i = 0; i < ARRAY_COUNT(wrong); i++)
		assert_int_equal(walk(wrong[i], &problem), ERR_MALFORMED);
	memset(deep, '[', sizeof(deep));
	deep[32] = '\0';
	memset(deep + 32, ']', 32);
	deep[64] = '\0';
	assert_int_equal(walk(deep, &problem), ERR_NONE);
	memset(deep, '[', 33);
	memset(deep + 33, ']', 33);
	deep[66] = '\0';
	assert_int_equal(walk(deep, &problem), ERR_MALFORMED);
	assert_string_equal(problem, "it is nested too deeply");
}

static struct join_request
sample(void)
{
	return (struct join_request){ .protocol_min = 1, .protocol_max = 1, .id = 0xa1,
		.name = "one", .peer_url = "http://127.0.0.1:7001",
		.client_url = "http://127.0.0.1:4001" };
}

TEST(a_join_request_comes_back)
{
	struct join_request request = sample();
	struct join_request back;
	struct buf body = BUF_INIT;
	const char *problem;

	join_request_put(&body, &request);
	assert_true(slice_equal(buf_slice(&body), SLICE_LITERAL(
	    "{\"protocol\":{\"min\":1,\"max\":1},"
	    "\"id\":\"00000000000000a1\",\"name\":\"one\",\"peerURL\":\"http://127.0.0.1:7001\","
	    "\"clientURL\":\"http://127.0.0.1:4001\"}\n")));
	assert_int_equal(join_request_parse(buf_slice(&body), &back, &problem), ERR_NONE);
	assert_true(back.protocol_min == request.protocol_min);
	assert_true(back.protocol_max == request.protocol_max);
	assert_true(back.id == request.id);
	assert_string_equal(back.name, request.name);
	assert_string_equal(back.peer_url, request.peer_url);
	assert_string_equal(back.client_url, request.client_url);
	buf_free(&body);
}

TEST(a_cut_join_request_is_refused_at_every_length)
{
	struct join_request request = sample();
	struct join_request back;
	struct buf body = BUF_INIT;
	const char *problem;

	join_request_put(&body, &request);
	for (size_t size = 0; size < body.size - 1; size++)
		assert_int_equal(join_request_parse(slice_of(body.data, size), &back, &problem),
		    ERR_MALFORMED);
	buf_free(&body);
}

#define URLS ",\"peerURL\":\"http://h:1\",\"clientURL\":\"http://h:2\"}"
#define PROTOCOL "{\"protocol\":{\"min\":1,\"max\":1},"

TEST(a_wrong_join_request_is_refused)
{
	static const char *const bodies[] = {
		"[]",
		"1",
		"{}",
		"{\"protocol\":{\"min\":2,\"max\":1},\"id\":\"a\",\"name\":\"n\"" URLS,
		"{\"protocol\":{\"min\":1.5,\"max\":1},\"id\":\"a\",\"name\":\"n\"" URLS,
		"{\"id\":\"a\",\"name\":\"n\"" URLS,
		PROTOCOL "\"id\":\"0\",\"name\":\"n\"" URLS,
		PROTOCOL "\"id\":10,\"name\":\"n\"" URLS,
		PROTOCOL "\"id\":\"a\",\"name\":\"_n\"" URLS,
		PROTOCOL "\"id\":\"a\",\"name\":\"n\\u0000\"" URLS,
		PROTOCOL "\"id\":\"a\",\"name\":\"n\",\"name\":\"n\"" URLS,
		PROTOCOL "\"id\":\"a\",\"name\":\"n\",\"peerURL\":\"http://h:1\"}",
		PROTOCOL "\"id\":\"a\",\"name\":\"n\",\"peerURL\":\"h:1\","
			 "\"clientURL\":\"http://h:2\"}",
		PROTOCOL "\"id\":\"a\",\"name\":\"n\",\"peerURL\":\"http://h:1\","
			 "\"clientURL\":\"http://h\"}",
	};
	struct join_request request;
	const char *problem;

	for (size_t i = 0; i < ARRAY_COUNT(bodies); i++) {
		problem = NULL;
		assert_int_equal(join_request_parse(slice_text(bodies[i]), &request, &problem),
		    ERR_MALFORMED);
		assert_non_null(problem);
	}
}

TEST(a_join_of_the_old_form_is_known)
{
	struct join_request request;
	const char *problem;

	assert_int_equal(join_request_parse(SLICE_LITERAL("{\"minVersion\":2,\"maxVersion\":2,"
	    "\"name\":\"m\",\"raftURL\":\"http://h:7001\",\"etcdURL\":\"http://h:4001\"}"),
	    &request, &problem), ERR_UNSUPPORTED);
}

TEST(a_long_join_request_is_refused_unread)
{
	struct buf body = BUF_INIT;
	struct join_request request;
	const char *problem;

	while (body.size <= JOIN_BODY_BYTES_MAX)
		buf_append_text(&body, "                ");
	assert_int_equal(join_request_parse(buf_slice(&body), &request, &problem), ERR_MALFORMED);
	assert_string_equal(problem, "it is too long");
	buf_free(&body);
}

TEST(a_join_answer_becomes_member_records_in_order)
{
	const struct cluster_member members[] = {
		{ 0xb2, MEMBER_VOTER, "two", "http://h:7002", "http://h:4002" },
		{ 0xa1, MEMBER_LEARNER, "one", "http://h:7001", "http://h:4001" },
	};
	struct cluster cluster = { .cluster_id = 0xc3, .member_count = 2, .members = members };
	struct buf body = BUF_INIT;
	struct buf records = BUF_INIT;
	struct member_record record;
	struct reader in;
	const char *problem;
	uint64_t id;

	join_answer_put(&body, &cluster);
	assert_int_equal(join_answer_parse(buf_slice(&body), &id, &records, &problem), ERR_NONE);
	assert_true(id == 0xc3);
	in = reader_of(buf_slice(&records));
	assert_true(member_record_get(&in, &record));
	assert_true(record.id == 0xb2 && record.role == MEMBER_VOTER && record.joined == 1);
	assert_true(slice_equal(record.name, SLICE_LITERAL("two")));
	assert_true(member_record_get(&in, &record));
	assert_true(record.id == 0xa1 && record.role == MEMBER_LEARNER && record.joined == 2);
	assert_true(slice_equal(record.client_url, SLICE_LITERAL("http://h:4001")));
	assert_true(reader_done(&in));
	for (size_t size = 0; size < body.size - 1; size++) {
		buf_clear(&records);
		assert_int_equal(join_answer_parse(slice_of(body.data, size), &id, &records,
		    &problem), ERR_MALFORMED);
	}
	buf_free(&body);
	buf_free(&records);
}

TEST(a_wrong_join_answer_is_refused)
{
	static const char *const bodies[] = {
		"{}",
		"{\"clusterId\":\"c3\",\"members\":[]}",
		"{\"clusterId\":\"0\",\"members\":[]}",
		"{\"clusterId\":\"c3\",\"members\":{}}", "{\"clusterId\":\"c3\",\"members\":[1]}",
		"{\"clusterId\":\"c3\",\"members\":[{\"id\":\"1\",\"name\":\"n\"}]}",
		"{\"clusterId\":\"c3\",\"members\":[{\"id\":\"1\",\"name\":\"n\","
		"\"role\":\"king\"" URLS "]}",
	};
	struct buf records = BUF_INIT;
	const char *problem;
	uint64_t id;

	for (size_t i = 0; i < ARRAY_COUNT(bodies); i++)
		assert_int_equal(join_answer_parse(slice_text(bodies[i]), &id, &records, &problem),
		    ERR_MALFORMED);
	buf_free(&records);
}

TEST(an_error_of_the_api_is_read)
{
	struct join_error error;

	assert_int_equal(join_error_parse(SLICE_LITERAL("{\"errorCode\":109,\"message\":"
	    "\"Peer address has existed\",\"cause\":\"http://h:1\",\"index\":3}\n"), &error),
	    ERR_NONE);
	assert_int_equal(error.code, 109);
	assert_string_equal(error.text, "Peer address has existed: http://h:1");
	assert_int_equal(join_error_parse(SLICE_LITERAL("{\"message\":\"x\"}"), &error),
	    ERR_MALFORMED);
	assert_int_equal(join_error_parse(SLICE_LITERAL("<html>"), &error), ERR_MALFORMED);
}

TEST(machines_are_counted_and_the_leader_is_found)
{
	const char *problem;
	char leader[URL_BYTES_MAX + 1];
	size_t count;

	assert_int_equal(join_machines_parse(SLICE_LITERAL("[{\"name\":\"a\",\"state\":\"leader\","
	    "\"clientURL\":\"http://127.0.0.1:4001\"},{\"name\":\"b\",\"state\":\"follower\","
	    "\"clientURL\":\"http://127.0.0.1:4002\"}]\n"), &count, leader, &problem), ERR_NONE);
	assert_int_equal(count, 2);
	assert_string_equal(leader, "http://127.0.0.1:4001");
	/* Clients are sent there, so it has to be a URL. */
	assert_int_equal(join_machines_parse(SLICE_LITERAL("[{\"name\":\"a\",\"state\":\"leader\","
	    "\"clientURL\":\"javascript:x\"}]"), &count, leader, &problem), ERR_NONE);
	assert_string_equal(leader, "");
	assert_int_equal(join_machines_parse(SLICE_LITERAL("[]"), &count, leader, &problem),
	    ERR_NONE);
	assert_int_equal(count, 0);
	assert_int_equal(join_machines_parse(SLICE_LITERAL("[{}]"), &count, leader, &problem),
	    ERR_MALFORMED);
	assert_int_equal(join_machines_parse(SLICE_LITERAL("{}"), &count, leader, &problem),
	    ERR_MALFORMED);
}

TEST(the_interval_of_a_cluster_is_read_within_its_bounds)
{
	assert_true(join_sync_interval_ms(SLICE_LITERAL("{\"syncInterval\":1.5}")) == 1500);
	assert_true(join_sync_interval_ms(SLICE_LITERAL("{\"syncInterval\":0}")) ==
	    SYNC_INTERVAL_MS_MIN);
	assert_true(join_sync_interval_ms(SLICE_LITERAL("{\"syncInterval\":1e99}")) ==
	    CLUSTER_TIME_MS_MAX);
	assert_true(join_sync_interval_ms(SLICE_LITERAL("{\"syncInterval\":\"x\"}")) ==
	    SYNC_INTERVAL_MS_DEFAULT);
	assert_true(join_sync_interval_ms(SLICE_LITERAL("<html>")) == SYNC_INTERVAL_MS_DEFAULT);
}
