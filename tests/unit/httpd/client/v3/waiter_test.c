/*
 * waiter_test.c - keys of locks and elections that wait: what raftd is asked, whom each waits for,
 * and that a key goes with who waits, however he goes.
 */
#include "tests/lib/h2_client.h"
#include "tests/lib/test.h"
#include "tests/unit/httpd/fake_raftd.h"

#include "common/ipc/v3.h"
#include "common/ipc/wire.h"
#include "common/limits.h"
#include "common/v3_error.h"
#include "common/xmem.h"
#include "httpd/client/v3/waiter.h"
#include "httpd/v3/grpc.h"
#include "httpd/v3/method.h"
#include "httpd/v3/protobuf.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PER_CONNECTION ((size_t)H2_ANSWERS_MAX - 4)	/* calls of gRPC that wait */

#define HEADER(revision) "\"header\":{\"cluster_id\":\"2748\",\"member_id\":\"7\"," \
	"\"revision\":\"" #revision "\",\"raft_term\":\"3\"}"
#define ERROR(text, code) "{\"error\":\"" text "\",\"message\":\"" text "\",\"code\":" code "}"
/* Name "l", lease 7. */
#define LOCK "{\"name\":\"bA==\",\"lease\":\"7\"}"
#define STOPPED ERROR("etcdserver: server stopped", "14")

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
	buf_clear(&client->in);
}

/* ---- what raftd is asked ------------------------------ */

/* One compare of a key's create revision, and the operation if it holds. */
struct choice {
	uint64_t id;
	uint64_t created;
	uint8_t kind;
	struct v3_put put;
	struct v3_range range;
	struct v3_delete delete;
};

static void
take_lists(struct choice *choice, struct slice compares, struct slice ops, const char *key)
{
	struct reader in = reader_of(compares), operations = reader_of(ops), body;
	struct v3_compare compare;
	struct v3_op op;

	assert_true(v3_compare_get(&in, &compare));
	assert_true(reader_done(&in));
	assert_int_equal(compare.target, V3_COMPARE_CREATE);
	assert_int_equal(compare.result, V3_EQUAL);
	if (!slice_equal(compare.key, slice_text(key)))
		fail_msg("%.*s, not %s", SLICE_ARGS(compare.key), key);
	choice->created = compare.number;
	/* The txn itself comes first. */
	assert_true(v3_op_get(&operations, &op));
	assert_int_equal(op.kind, V3_OP_TXN);
	assert_true(v3_op_get(&operations, &op));
	choice->kind = op.kind;
	body = reader_of(op.body);
	if (op.kind == V3_OP_PUT)
		assert_true(v3_put_get(&body, &choice->put));
	else if (op.kind == V3_OP_DELETE)
		assert_true(v3_delete_get(&body, &choice->delete));
	else
		assert_true(v3_range_get(&body, &choice->range));
}

static struct choice
next_write(struct fake *fake, const char *key, uint8_t kind)
{
	const struct fake_frame *frame = fake_next(fake);
	struct choice choice = { .id = frame->request_id };
	struct msg_v3_write write;

	assert_int_equal(frame->type, MSG_v3_write);
	assert_int_equal(msg_v3_write_decode(blob_slice(frame->payload), &write), ERR_NONE);
	take_lists(&choice, write.compares, write.ops, key);
	assert_int_equal(choice.kind, kind);
	return choice;
}

static struct choice
next_look(struct fake *fake, const char *key)
{
	const struct fake_frame *frame = fake_next(fake);
	struct choice choice = { .id = frame->request_id };
	struct msg_v3_read read;

	assert_int_equal(frame->type, MSG_v3_read);
	assert_int_equal(msg_v3_read_decode(blob_slice(frame->payload), &read), ERR_NONE);
	assert_int_equal(read.quorum, 1);
	take_lists(&choice, read.compares, read.ops, key);
	assert_int_equal(choice.kind, V3_OP_RANGE);
	return choice;
}

/* ---- what raftd answers ------------------------------ */

/* A txn with one operation, or with none, that shows a KeyValue, or none. */
static void
answer(struct fake_client *client, uint64_t id, uint64_t revision, bool succeeded, uint8_t kind,
    const struct v3_key_value *shown)
{
	struct buf event = BUF_INIT, results = BUF_INIT, kv = BUF_INIT;

	if (shown != NULL) {
		buf_append_byte(&kv, 0x12);
		buf_append_byte(&kv, (uint8_t)v3_protobuf_size(v3_key_value_type(), shown));
		v3_protobuf_put(&kv, v3_key_value_type(), shown);
	}
	v3_result_put(&results, &(struct v3_result){ .kind = V3_OP_TXN, .revision = revision,
	    .flags = succeeded ? V3_RESULT_SUCCEEDED : 0, .responses = kind != 0 });
	if (kind != 0)
		v3_result_put(&results, &(struct v3_result){ .kind = kind, .revision = revision,
		    .kvs = shown != NULL, .bytes = kv.size });
	v3_answer_put(&event, &(struct v3_answer){ .revision = revision,
	    .results = buf_slice(&results) });
	buf_append_slice(&event, buf_slice(&kv));
	fake_piece(client->fake, id, buf_slice(&event), false);
	buf_free(&event);
	buf_free(&results);
	buf_free(&kv);
}

static void
answer_error(struct fake_client *client, uint64_t id, enum v3_error error)
{
	struct buf event = BUF_INIT;

	v3_answer_put(&event, &(struct v3_answer){ .error = (uint16_t)error });
	fake_piece(client->fake, id, buf_slice(&event), false);
	buf_free(&event);
}

static void
answer_lease(struct fake_client *client, uint64_t id)
{
	struct buf event = BUF_INIT;

	v3_answer_put(&event, &(struct v3_answer){ .revision = 9, .ttl_s = 60 });
	fake_piece(client->fake, id, buf_slice(&event), false);
	buf_free(&event);
}

static void
fail_step(struct fake_client *client, uint64_t id)
{
	msg_outcome_frame(channel_out(client->fake->channel), id, &(struct msg_outcome){
	    .error = ERR_RAFT_INTERNAL,
	    .cause = SLICE_LITERAL("timed out, the write may or may not have been applied") });
}

static void
registered(struct fake_client *client, uint64_t id, enum v3_error error)
{
	msg_v3_watching_frame(channel_out(client->fake->channel), id, &(struct msg_v3_watching){
	    .error = (uint16_t)error, .revision = 9, .raft_term = 3 });
}

static void
is_deleted(struct fake_client *client, uint64_t id, uint64_t revision)
{
	struct buf list = BUF_INIT;

	v3_change_record_put(&list, &(struct v3_change_record){
	    .flags = V3_CHANGE_DELETE, .revision = revision,
	    .key_value = SLICE_LITERAL("\x0a\x01" "a"), .watch_ids = slice_of(&id, sizeof(id)) });
	msg_v3_events_frame(channel_out(client->fake->channel), 0, &(struct msg_v3_events){
	    .revision = revision, .raft_term = 3, .events = buf_slice(&list) });
	buf_free(&list);
}

/* ---- on the way ------------------------------ */

/* Its key is made, at revision 9. */
static void
begin(struct fake_client *client)
{
	post(client, "/v3/lock/lock", LOCK);
	answer(client, next_write(client->fake, "l/7", V3_OP_PUT).id, 9, true, V3_OP_PUT, NULL);
}

static void
answer_before(struct fake_client *client, uint64_t id, const char *before)
{
	answer(client, id, 12, true, V3_OP_RANGE, before == NULL ? NULL :
	    &(struct v3_key_value){ .key = slice_text(before) });
}

/* It waits for l/5; the id of its watch. */
static uint64_t
begin_to_wait(struct fake_client *client)
{
	uint64_t id;

	begin(client);
	answer_before(client, next_look(client->fake, "l/7").id, "l/5");
	(void)fake_next_v3_watch(client->fake, &id);
	registered(client, id, V3_NONE);
	return id;
}

static void
hang_up(struct fake_client *client)
{
	close(client->fd);
	client->fd = dup(0);
}

/* Its key is deleted, if it is the one that was made. */
static struct choice
next_delete(struct fake_client *client)
{
	struct choice choice = next_write(client->fake, "l/7", V3_OP_DELETE);

	assert_true(slice_equal(choice.delete.key, SLICE_LITERAL("l/7")));
	assert_int_equal(choice.delete.end.size, 0);
	assert_int_equal(choice.created, 9);
	return choice;
}

static bool
nobody_is_left(void *argument)
{
	return waiters_count(argument) == 0;
}

/* The key is gone: nothing is kept of it, and raftd is asked nothing more. */
static void
end(struct fake_client *client)
{
	fake_until(client->fake, nobody_is_left, client->fake->worker.waiters);
	assert_true(fake_is_quiet(client->fake));
	fake_client_free(client);
}

TEST(a_lock_that_nobody_has_is_had_at_once)
{
	struct fake_client client = fake_client_new();
	struct choice choice;

	post(&client, "/v3/lock/lock", LOCK);
	choice = next_write(client.fake, "l/7", V3_OP_PUT);
	assert_int_equal(choice.created, 0);
	assert_true(slice_equal(choice.put.key, SLICE_LITERAL("l/7")));
	assert_int_equal(choice.put.value.size, 0);
	assert_int_equal(choice.put.lease, 7);
	answer(&client, choice.id, 9, true, V3_OP_PUT, NULL);
	choice = next_look(client.fake, "l/7");
	assert_int_equal(choice.created, 9);
	assert_true(slice_equal(choice.range.key, SLICE_LITERAL("l/")));
	assert_true(slice_equal(choice.range.end, SLICE_LITERAL("l0")));
	assert_int_equal(choice.range.limit, 1);
	assert_int_equal(choice.range.max_create, 8);
	assert_int_equal(choice.range.order, V3_SORT_DESCEND);
	assert_int_equal(choice.range.target, V3_SORT_CREATE);
	assert_int_equal(choice.range.flags, V3_RANGE_KEYS_ONLY);
	assert_int_equal(waiters_waiting(client.fake->worker.waiters), 1);
	answer_before(&client, choice.id, NULL);
	expect(&client, "HTTP/1.1 200 OK\r\n", "{" HEADER(12) ",\"key\":\"bC83\"}");
	assert_int_equal(waiters_waiting(client.fake->worker.waiters), 0);
	end(&client);
}

TEST(it_waits_for_the_last_one_before_it_and_then_for_the_next)
{
	struct fake_client client = fake_client_new();
	struct msg_v3_watch watch;
	uint64_t id;

	begin(&client);
	answer_before(&client, next_look(client.fake, "l/7").id, "l/5");
	watch = fake_next_v3_watch(client.fake, &id);
	assert_true(slice_equal(watch.key, SLICE_LITERAL("l/5")));
	assert_int_equal(watch.end.size, 0);
	assert_int_equal(watch.start, 13);
	assert_int_equal(watch.flags, V3_WATCH_NO_PUT);
	registered(&client, id, V3_NONE);
	assert_true(fake_is_quiet(client.fake));
	is_deleted(&client, id, 14);
	assert_true(fake_next_id(client.fake, MSG_v3_unwatch) == id);
	answer_before(&client, next_look(client.fake, "l/7").id, "l/3");
	watch = fake_next_v3_watch(client.fake, &id);
	assert_true(slice_equal(watch.key, SLICE_LITERAL("l/3")));
	registered(&client, id, V3_NONE);
	is_deleted(&client, id, 15);
	assert_true(fake_next_id(client.fake, MSG_v3_unwatch) == id);
	answer_before(&client, next_look(client.fake, "l/7").id, NULL);
	expect(&client, "HTTP/1.1 200 OK\r\n", ",\"key\":\"bC83\"}");
	end(&client);
}

TEST(a_watch_that_began_too_early_or_was_refused_for_now_is_looked_at_again)
{
	static const enum v3_error errors[] = { V3_COMPACTED, V3_TIMED_OUT, V3_STOPPED };
	struct fake_client client = fake_client_new();
	uint64_t id;

	begin(&client);
	for (size_t i = 0; i < ARRAY_COUNT(errors); i++) {
		answer_before(&client, next_look(client.fake, "l/7").id, "l/5");
		(void)fake_next_v3_watch(client.fake, &id);
		registered(&client, id, errors[i]);
	}
	/* So is a look that raftd could not answer. */
	fail_step(&client, next_look(client.fake, "l/7").id);
	answer_error(&client, next_look(client.fake, "l/7").id, V3_TOO_MANY_REQUESTS);
	answer_before(&client, next_look(client.fake, "l/7").id, NULL);
	expect(&client, "HTTP/1.1 200 OK\r\n", ",\"key\":\"bC83\"}");
	end(&client);
}

TEST(it_waits_on_at_the_next_raftd)
{
	struct fake_client client = fake_client_new();
	struct msg_v3_watch watch;
	uint64_t id = begin_to_wait(&client), again;

	assert_true(fake_is_quiet(client.fake));
	fake_detach(client.fake);
	fake_attach(client.fake, PHASE_MEMBER);
	watch = fake_next_v3_watch(client.fake, &again);
	assert_true(again == id && slice_equal(watch.key, SLICE_LITERAL("l/5")));
	/* The past has the end of what it waits for. */
	msg_v3_watching_frame(channel_out(client.fake->channel), id, &(struct msg_v3_watching){
	    .revision = 20, .raft_term = 3, .behind = 1 });
	assert_true(fake_next_id(client.fake, MSG_v3_watch_more) == id);
	msg_v3_past_frame(channel_out(client.fake->channel), id, &(struct msg_v3_past){
	    .revision = 20, .raft_term = 3 });
	is_deleted(&client, id, 21);
	assert_true(fake_next_id(client.fake, MSG_v3_unwatch) == id);
	answer_before(&client, next_look(client.fake, "l/7").id, NULL);
	expect(&client, "HTTP/1.1 200 OK\r\n", ",\"key\":\"bC83\"}");
	end(&client);
}

/* ---- who leaves ------------------------------ */

TEST(who_leaves_while_he_waits_leaves_no_key)
{
	struct fake_client client = fake_client_new();
	uint64_t id = begin_to_wait(&client);

	hang_up(&client);
	assert_true(fake_next_id(client.fake, MSG_v3_unwatch) == id);
	answer(&client, next_delete(&client).id, 15, true, V3_OP_DELETE, NULL);
	end(&client);
}

TEST(what_could_not_be_deleted_is_tried_again)
{
	struct fake_client client = fake_client_new();

	(void)begin_to_wait(&client);
	hang_up(&client);
	(void)fake_next_id(client.fake, MSG_v3_unwatch);
	fail_step(&client, next_delete(&client).id);
	answer_error(&client, next_delete(&client).id, V3_NO_LEADER);
	/* Done by the first of them, which was not known: it is not the one that was made. */
	answer(&client, next_delete(&client).id, 15, false, 0, NULL);
	end(&client);
}

TEST(who_leaves_before_there_is_a_key_leaves_none)
{
	struct fake_client client = fake_client_new();
	uint64_t id;

	post(&client, "/v3/lock/lock", LOCK);
	id = next_write(client.fake, "l/7", V3_OP_PUT).id;
	hang_up(&client);
	assert_true(fake_is_quiet(client.fake));
	answer(&client, id, 9, true, V3_OP_PUT, NULL);
	answer(&client, next_delete(&client).id, 15, true, V3_OP_DELETE, NULL);
	end(&client);
}

TEST(who_leaves_while_it_is_looked_leaves_no_key)
{
	struct fake_client client = fake_client_new();

	begin(&client);
	(void)next_look(client.fake, "l/7");
	hang_up(&client);
	answer(&client, next_delete(&client).id, 15, true, V3_OP_DELETE, NULL);
	end(&client);
}

TEST(a_key_that_was_there_stays_when_its_call_goes)
{
	struct fake_client client = fake_client_new();
	struct v3_key_value found = { .key = SLICE_LITERAL("l/7"), .create_revision = 4,
		.lease = 7 };
	uint64_t id;

	post(&client, "/v3/lock/lock", LOCK);
	answer(&client, next_write(client.fake, "l/7", V3_OP_PUT).id, 9, false, V3_OP_RANGE,
	    &found);
	answer_before(&client, next_look(client.fake, "l/7").id, "l/5");
	(void)fake_next_v3_watch(client.fake, &id);
	registered(&client, id, V3_NONE);
	hang_up(&client);
	assert_true(fake_next_id(client.fake, MSG_v3_unwatch) == id);
	end(&client);
}

TEST(a_lease_that_was_granted_goes_with_its_key)
{
	for (unsigned acquired = 0; acquired < 3; acquired++) {
		struct fake_client client = fake_client_new();
		const struct fake_frame *frame;
		struct msg_v3_grant grant;
		struct msg_v3_revoke revoke;
		struct buf key = BUF_INIT;

		post(&client, "/v3/lock/lock", "{\"name\":\"bA==\"}");
		frame = fake_next(client.fake);
		assert_int_equal(msg_v3_grant_decode(blob_slice(frame->payload), &grant),
		    ERR_NONE);
		assert_int_equal(grant.ttl_s, V3_WAITER_TTL_S);
		buf_append_text(&key, "l/");
		buf_append_hex(&key, grant.id);
		buf_append_byte(&key, '\0');
		/* Before it is known to be there; after; and with a key that is not known. */
		if (acquired == 0)
			hang_up(&client);
		answer_lease(&client, frame->request_id);
		if (acquired > 0) {
			uint64_t id = next_write(client.fake, (char *)key.data, V3_OP_PUT).id;

			hang_up(&client);
			assert_true(fake_is_quiet(client.fake));
			if (acquired == 1)
				answer(&client, id, 9, true, V3_OP_PUT, NULL);
			else
				fail_step(&client, id);
		}
		frame = fake_next(client.fake);
		assert_int_equal(frame->type, MSG_v3_revoke);
		assert_int_equal(msg_v3_revoke_decode(blob_slice(frame->payload), &revoke),
		    ERR_NONE);
		assert_true(revoke.id == grant.id);
		answer_lease(&client, frame->request_id);
		buf_free(&key);
		end(&client);
	}
}

/* ---- in vain ------------------------------ */

TEST(what_raftd_refuses_has_its_text)
{
	static const struct {
		enum v3_error error;
		const char *status, *body;
	} rows[] = {
		{ V3_LEASE_NOT_FOUND, "HTTP/1.1 500 ",
		    ERROR("etcdserver: requested lease not found", "2") },
		{ V3_NO_SPACE, "HTTP/1.1 429 ",
		    ERROR("etcdserver: mvcc: database space exceeded", "8") },
		{ V3_NO_LEADER, "HTTP/1.1 503 ", ERROR("etcdserver: no leader", "14") },
	};
	struct fake_client client = fake_client_new();

	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		post(&client, "/v3/lock/lock", LOCK);
		answer_error(&client, next_write(client.fake, "l/7", V3_OP_PUT).id,
		    rows[i].error);
		expect(&client, rows[i].status, rows[i].body);
	}
	end(&client);
}

TEST(who_lost_his_key_is_told)
{
	static const char *const rows[][3] = {
		{ "/v3/lock/lock", LOCK, ERROR("mutex: session is expired", "2") },
		{ "/v3/election/campaign", LOCK, ERROR("election: not leader", "2") },
	};
	struct fake_client client = fake_client_new();

	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		post(&client, rows[i][0], rows[i][1]);
		answer(&client, next_write(client.fake, "l/7", V3_OP_PUT).id, 9, true, V3_OP_PUT,
		    NULL);
		answer(&client, next_look(client.fake, "l/7").id, 12, false, 0, NULL);
		expect(&client, "HTTP/1.1 500 ", rows[i][2]);
	}
	end(&client);
}

TEST(a_worker_that_stops_ends_who_waits_when_his_key_is_gone)
{
	for (unsigned acquired = 0; acquired < 2; acquired++) {
		struct fake_client client = fake_client_new();
		uint64_t id;

		if (acquired == 1) {
			id = begin_to_wait(&client);
			fake_stop(client.fake, false, 5000);
			assert_true(fake_next_id(client.fake, MSG_v3_unwatch) == id);
		} else {
			post(&client, "/v3/lock/lock", LOCK);
			id = next_write(client.fake, "l/7", V3_OP_PUT).id;
			fake_stop(client.fake, false, 5000);
			assert_true(fake_is_quiet(client.fake));
			answer(&client, id, 9, true, V3_OP_PUT, NULL);
		}
		id = next_delete(&client).id;
		assert_true(fake_is_quiet(client.fake));
		answer(&client, id, 15, true, V3_OP_DELETE, NULL);
		expect(&client, "HTTP/1.1 503 ", STOPPED);
		fake_until(client.fake, fake_has_stopped, client.fake);
		end(&client);
	}
}

TEST(a_worker_that_stops_waits_for_the_keys_of_who_has_left)
{
	struct fake_client client = fake_client_new();
	uint64_t id;

	(void)begin_to_wait(&client);
	hang_up(&client);
	(void)fake_next_id(client.fake, MSG_v3_unwatch);
	id = next_delete(&client).id;
	fake_stop(client.fake, false, 5000);
	assert_true(fake_is_quiet(client.fake));
	assert_false(fake_has_stopped(client.fake));
	answer(&client, id, 15, true, V3_OP_DELETE, NULL);
	fake_until(client.fake, fake_has_stopped, client.fake);
	end(&client);
}

TEST(when_users_begin_to_count_who_waits_goes_and_so_does_his_key)
{
	for (unsigned watches = 0; watches < 2; watches++) {
		struct fake_client client = fake_client_new();
		uint64_t id;

		if (watches == 1) {
			id = begin_to_wait(&client);
			fake_close_gate(&client);
			assert_true(fake_next_id(client.fake, MSG_v3_unwatch) == id);
		} else {
			/* The lock is his; but he may not have it. */
			begin(&client);
			id = next_look(client.fake, "l/7").id;
			fake_close_gate(&client);
			answer_before(&client, id, NULL);
		}
		answer(&client, next_delete(&client).id, 15, true, V3_OP_DELETE, NULL);
		expect(&client, "HTTP/1.1 401 Unauthorized\r\n",
		    "{\"message\":\"Insufficient credentials\"}");
		end(&client);
	}
}

/* ---- campaigns ------------------------------ */

#define CAMPAIGN "{\"name\":\"bA==\",\"lease\":\"7\",\"value\":\"dg==\"}"
#define LEADER "\"leader\":{\"name\":\"bA==\",\"key\":\"bC83\",\"rev\":\"4\",\"lease\":\"7\"}}"

TEST(a_second_campaign_has_its_value_put_unless_it_is_the_same)
{
	for (unsigned same = 0; same < 2; same++) {
		struct fake_client client = fake_client_new();
		struct v3_key_value found = { .key = SLICE_LITERAL("l/7"), .create_revision = 4,
			.value = same != 0 ? SLICE_LITERAL("v") : SLICE_LITERAL("w") };
		struct choice choice;

		post(&client, "/v3/election/campaign", CAMPAIGN);
		choice = next_write(client.fake, "l/7", V3_OP_PUT);
		assert_true(slice_equal(choice.put.value, SLICE_LITERAL("v")));
		answer(&client, choice.id, 9, false, V3_OP_RANGE, &found);
		if (same == 0) {
			choice = next_write(client.fake, "l/7", V3_OP_PUT);
			assert_int_equal(choice.created, 4);
			assert_int_equal(choice.put.lease, 7);
			assert_true(slice_equal(choice.put.value, SLICE_LITERAL("v")));
			answer(&client, choice.id, 10, true, V3_OP_PUT, NULL);
		}
		choice = next_look(client.fake, "l/7");
		assert_int_equal(choice.created, 4);
		assert_int_equal(choice.range.max_create, 3);
		answer_before(&client, choice.id, NULL);
		expect(&client, "HTTP/1.1 200 OK\r\n", LEADER);
		end(&client);
	}
}

/* ---- bounds ------------------------------ */

static void
post_named(struct fake_client *client, size_t size)
{
	struct buf request = BUF_INIT;
	size_t groups = size / 3, rest = size % 3;

	buf_printf(&request, "POST /v3/lock/lock HTTP/1.1\r\nHost: h\r\nContent-Length: %zu\r\n\r\n"
	    "{\"lease\":\"7\",\"name\":\"", 23 + 4 * (groups + (rest > 0)));
	for (size_t i = 0; i < groups; i++)
		buf_append_slice(&request, SLICE_LITERAL("YWFh"));
	if (rest > 0)
		buf_append_slice(&request, rest == 1 ? SLICE_LITERAL("YQ==") :
		    SLICE_LITERAL("YWE="));
	buf_append_slice(&request, SLICE_LITERAL("\"}"));
	buf_append_byte(&request, '\0');
	fake_send(client->fd, (char *)request.data);
	buf_free(&request);
}

TEST(a_name_has_so_many_bytes)
{
	struct fake_client client = fake_client_new();
	uint64_t id;

	post_named(&client, V3_WAITER_NAME_BYTES_MAX + 1);
	expect(&client, "HTTP/1.1 400 ", ERROR("etcdserver: request is too large", "3"));
	post_named(&client, V3_WAITER_NAME_BYTES_MAX);
	id = fake_next_id(client.fake, MSG_v3_write);
	assert_true(fake_is_quiet(client.fake));
	/* What was sent, and that twice. */
	assert_true(fake_held(client.fake) > (size_t)3 * V3_WAITER_NAME_BYTES_MAX);
	answer_error(&client, id, V3_LEASE_NOT_FOUND);
	expect(&client, "HTTP/1.1 500 ", ERROR("etcdserver: requested lease not found", "2"));
	end(&client);
}

/* By gRPC: a connection carries many that wait. */
static struct h2_answer *
ask_for_lock(struct h2_client *connection)
{
	struct h2_answer *answer = h2_client_ask(connection, "POST", "/v3lockpb.Lock/Lock",
	    "application/grpc", false);
	struct buf frame = BUF_INIT;

	grpc_put(&frame, v3_method(V3_METHOD_lock)->request(), &(struct v3_lock_request){
	    .name = SLICE_LITERAL("l"), .lease = 7 });
	h2_client_send(connection, answer, buf_slice(&frame), true);
	h2_client_pump(connection);
	buf_free(&frame);
	return answer;
}

static void
wait_by_grpc(struct fake_client *client, struct h2_client *connection)
{
	uint64_t id;

	(void)ask_for_lock(connection);
	answer(client, next_write(client->fake, "l/7", V3_OP_PUT).id, 9, true, V3_OP_PUT, NULL);
	answer_before(client, next_look(client->fake, "l/7").id, "l/5");
	(void)fake_next_v3_watch(client->fake, &id);
	registered(client, id, V3_NONE);
}

static bool
is_too_much(void *argument)
{
	struct h2_answer *answer = argument;

	return answer->ended &&
	    strstr((char *)answer->fields.data, "grpc-status: 8\n"
		"grpc-message: etcdserver: too many requests\n") != NULL;
}

static void
expect_too_much(struct fake_client *client, struct h2_client *connection)
{
	struct h2_answer *answer = ask_for_lock(connection);

	assert_true(fake_is_quiet(client->fake));
	h2_client_pump(connection);
	assert_true(is_too_much(answer));
}

TEST(a_worker_has_so_many_that_wait)
{
	struct h2_client *connections = xzalloc((V3_WAITERS_MAX / PER_CONNECTION + 1) *
	    sizeof(*connections));
	struct fake_client client = fake_client_new();
	struct waiters *waiters = client.fake->worker.waiters;
	struct h2_client *last = &connections[V3_WAITERS_MAX / PER_CONNECTION];
	uint64_t id;

	for (size_t i = 0; i <= V3_WAITERS_MAX / PER_CONNECTION; i++)
		h2_client_open(&connections[i], fake_connect(client.fake), 65535);
	for (size_t i = 0; i < V3_WAITERS_MAX - 1; i++)
		wait_by_grpc(&client, &connections[i / PER_CONNECTION]);
	(void)begin_to_wait(&client);
	assert_int_equal(waiters_count(waiters), V3_WAITERS_MAX);
	expect_too_much(&client, last);
	/* One whose key is being deleted counts. */
	hang_up(&client);
	(void)fake_next_id(client.fake, MSG_v3_unwatch);
	id = next_delete(&client).id;
	expect_too_much(&client, last);
	answer(&client, id, 15, true, V3_OP_DELETE, NULL);
	assert_true(fake_is_quiet(client.fake));
	wait_by_grpc(&client, last);
	assert_int_equal(waiters_count(waiters), V3_WAITERS_MAX);
	for (size_t i = 0; i <= V3_WAITERS_MAX / PER_CONNECTION; i++)
		h2_client_close(&connections[i]);
	free(connections);
	fake_client_free(&client);
}
