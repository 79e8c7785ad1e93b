/*
 * observe_test.c - streams of leaders: each leader and each value once, over restarts of raftd and
 * for who reads slowly.
 */
#include "tests/lib/test.h"
#include "tests/unit/httpd/fake_raftd.h"

#include "common/ipc/v3.h"
#include "common/ipc/wire.h"
#include "common/limits.h"
#include "common/v3_error.h"
#include "httpd/v3/protobuf.h"

#include <string.h>
#include <unistd.h>

#define ASK "POST /v3/election/observe HTTP/1.1\r\nHost: h\r\nContent-Length: 15\r\n\r\n" \
	"{\"name\":\"ZQ==\"}"

static struct v3_key_value
leader(const char *key, int64_t created, int64_t modified, struct slice value)
{
	return (struct v3_key_value){ .key = slice_text(key), .create_revision = created,
		.mod_revision = modified, .value = value };
}

static struct buf
bytes_of(const struct v3_key_value *kv)
{
	struct buf bytes = BUF_INIT;

	v3_protobuf_put(&bytes, v3_key_value_type(), kv);
	return bytes;
}

/* The range that raftd is asked for next: the first below the name. NULL: there is none. */
static void
answer_look(struct fake_client *client, uint64_t revision, const struct v3_key_value *kv)
{
	struct buf event = BUF_INIT, results = BUF_INIT, bytes = BUF_INIT;
	const struct fake_frame *frame = fake_next(client->fake);
	struct msg_v3_read read;
	struct v3_range range;
	struct reader in;
	struct v3_op op;

	assert_int_equal(frame->type, MSG_v3_read);
	assert_int_equal(msg_v3_read_decode(blob_slice(frame->payload), &read), ERR_NONE);
	in = reader_of(read.ops);
	assert_true(v3_op_get(&in, &op));
	in = reader_of(op.body);
	assert_true(v3_range_get(&in, &range));
	assert_true(slice_equal(range.key, SLICE_LITERAL("e/")));
	assert_true(slice_equal(range.end, SLICE_LITERAL("e0")));
	assert_int_equal(range.limit, 1);
	assert_int_equal(range.order, V3_SORT_ASCEND);
	assert_int_equal(range.target, V3_SORT_CREATE);
	assert_int_equal(read.quorum, 1);
	if (kv != NULL)
		bytes = bytes_of(kv);
	v3_result_put(&results, &(struct v3_result){ .kind = V3_OP_RANGE, .revision = revision,
	    .count = kv != NULL, .kvs = kv != NULL, .bytes = bytes.size + 2 });
	v3_answer_put(&event, &(struct v3_answer){ .revision = revision,
	    .results = buf_slice(&results) });
	if (kv != NULL) {
		buf_append_byte(&event, 0x12);
		buf_append_byte(&event, (uint8_t)bytes.size);
		buf_append_slice(&event, buf_slice(&bytes));
	}
	fake_piece(client->fake, frame->request_id, buf_slice(&event), false);
	buf_free(&event);
	buf_free(&results);
	buf_free(&bytes);
}

/* raftd is asked to watch that from there on. */
static uint64_t
next_watch(struct fake_client *client, const char *key, const char *end, uint64_t start)
{
	const struct fake_frame *frame = fake_next(client->fake);
	struct msg_v3_watch watch;

	assert_int_equal(frame->type, MSG_v3_watch);
	assert_int_equal(msg_v3_watch_decode(blob_slice(frame->payload), &watch), ERR_NONE);
	assert_true(slice_equal(watch.key, slice_text(key)));
	assert_true(slice_equal(watch.end, slice_text(end)));
	assert_int_equal(watch.start, start);
	return frame->request_id;
}

static void
registered(struct fake_client *client, uint64_t id, enum v3_error error)
{
	msg_v3_watching_frame(channel_out(client->fake->channel), id, &(struct msg_v3_watching){
	    .error = (uint16_t)error, .revision = 20, .raft_term = 3 });
}

static void
put_change(struct buf *list, uint64_t id, const struct v3_key_value *kv, bool gone)
{
	struct buf bytes = bytes_of(kv);

	v3_change_record_put(list, &(struct v3_change_record){
	    .flags = gone ? V3_CHANGE_DELETE : 0, .revision = (uint64_t)kv->mod_revision,
	    .key_value = buf_slice(&bytes),
	    .watch_ids = slice_of(&id, id == 0 ? 0 : sizeof(id)) });
	buf_free(&bytes);
}

static void
happens(struct fake_client *client, uint64_t id, const struct v3_key_value *kv, bool gone)
{
	struct buf list = BUF_INIT;

	put_change(&list, id, kv, gone);
	msg_v3_events_frame(channel_out(client->fake->channel), 0, &(struct msg_v3_events){
	    .revision = (uint64_t)kv->mod_revision, .raft_term = 3,
	    .events = buf_slice(&list) });
	buf_free(&list);
}

#define LINE(revision, key, created, modified, more) \
	"{\"result\":{\"header\":{\"cluster_id\":\"2748\",\"member_id\":\"7\",\"revision\":\"" \
	#revision "\",\"raft_term\":\"3\"},\"kv\":{\"key\":\"" key "\",\"create_revision\":\"" \
	#created "\",\"mod_revision\":\"" #modified "\"" more "}}}\n"

static void
expect(struct fake_client *client, const char *text)
{
	fake_receive(client->fake, client->fd, &client->in, text);
	assert_int_equal(fake_count(&client->in, "{\"result\":"), 1);
	buf_clear(&client->in);
}

/* Of e/1, which leads since revision 5. */
static uint64_t
begin(struct fake_client *client)
{
	struct v3_key_value kv = leader("e/1", 5, 6, SLICE_LITERAL("v"));
	uint64_t id;

	fake_send(client->fd, ASK);
	answer_look(client, 9, &kv);
	id = next_watch(client, "e/1", "", 10);
	expect(client, LINE(9, "ZS8x", 5, 6, ",\"value\":\"dg==\""));
	registered(client, id, V3_NONE);
	return id;
}

TEST(values_and_leaders_are_told_in_turn)
{
	struct fake_client client = fake_client_new();
	struct v3_key_value kv = leader("e/1", 5, 10, SLICE_EMPTY);
	uint64_t id = begin(&client);

	happens(&client, id, &kv, false);
	expect(&client, LINE(10, "ZS8x", 5, 10, ""));
	kv = leader("e/1", 0, 11, SLICE_EMPTY);
	happens(&client, id, &kv, true);
	assert_true(fake_next_id(client.fake, MSG_v3_unwatch) == id);
	kv = leader("e/2", 7, 7, SLICE_EMPTY);
	answer_look(&client, 12, &kv);
	(void)next_watch(&client, "e/2", "", 13);
	expect(&client, LINE(12, "ZS8y", 7, 7, ""));
	fake_client_free(&client);
}

TEST(who_asks_before_there_is_a_leader_is_told_of_the_first)
{
	struct fake_client client = fake_client_new();
	struct v3_key_value kv = leader("e/3", 21, 21, SLICE_EMPTY);
	uint64_t id;

	fake_send(client.fd, ASK);
	answer_look(&client, 9, NULL);
	id = next_watch(&client, "e/", "e0", 10);
	registered(&client, id, V3_NONE);
	happens(&client, id, &kv, false);
	assert_true(fake_next_id(client.fake, MSG_v3_unwatch) == id);
	(void)next_watch(&client, "e/3", "", 22);
	expect(&client, LINE(21, "ZS8z", 21, 21, ""));
	fake_client_free(&client);
}

TEST(what_was_told_is_not_told_again_after_a_gap)
{
	static const enum v3_error errors[] = { V3_COMPACTED, V3_TIMED_OUT };
	struct fake_client client = fake_client_new();
	struct v3_key_value kv = leader("e/1", 5, 6, SLICE_LITERAL("v"));
	uint64_t id = begin(&client);

	for (size_t i = 0; i < ARRAY_COUNT(errors); i++) {
		registered(&client, id, errors[i]);
		answer_look(&client, 30, &kv);
		id = next_watch(&client, "e/1", "", 31);
		registered(&client, id, V3_NONE);
	}
	kv.mod_revision = 32;
	happens(&client, id, &kv, false);
	expect(&client, LINE(32, "ZS8x", 5, 32, ",\"value\":\"dg==\""));
	fake_client_free(&client);
}

TEST(at_the_next_raftd_it_goes_on_where_it_was)
{
	struct fake_client client = fake_client_new();
	struct v3_key_value kv = leader("e/1", 5, 15, SLICE_EMPTY);
	uint64_t id = begin(&client);

	happens(&client, id, &kv, false);
	expect(&client, LINE(15, "ZS8x", 5, 15, ""));
	fake_detach(client.fake);
	fake_attach(client.fake, PHASE_MEMBER);
	assert_true(next_watch(&client, "e/1", "", 16) == id);
	registered(&client, id, V3_NONE);
	kv.mod_revision = 40;
	happens(&client, id, &kv, false);
	expect(&client, LINE(40, "ZS8x", 5, 40, ""));
	fake_client_free(&client);
}

/* Above so much that he has not taken, what follows is history: a piece each time when he has
 * taken most of it. */
TEST(who_reads_slowly_is_held_a_bound_of_memory_and_misses_nothing)
{
	struct fake_client client = fake_client_new();
	struct buf text = BUF_INIT, list = BUF_INIT;
	struct v3_key_value kv = leader("e/1", 5, 20, SLICE_EMPTY);
	uint64_t id;

	close(client.fd);
	client.fd = fake_connect_narrow(client.fake);
	id = begin(&client);
	memset(buf_reserve(&text, 256 * KIB), 'x', 256 * KIB);
	buf_added(&text, 256 * KIB);
	kv.value = buf_slice(&text);
	/* base64 makes a third more of them: four pass the bound. */
	for (unsigned i = 0; i < 4; i++) {
		kv.mod_revision++;
		happens(&client, id, &kv, false);
	}
	assert_true(fake_is_quiet(client.fake));
	kv.mod_revision++;
	happens(&client, id, &kv, false);
	assert_true(fake_next_id(client.fake, MSG_v3_watch_drop) == id);
	assert_true(fake_is_quiet(client.fake));
	fake_receive(client.fake, client.fd, &client.in, "\"mod_revision\":\"24\"");
	assert_true(fake_next_id(client.fake, MSG_v3_watch_more) == id);
	put_change(&list, 0, &kv, false);
	msg_v3_past_frame(channel_out(client.fake->channel), id, &(struct msg_v3_past){
	    .revision = 25, .raft_term = 3, .events = buf_slice(&list) });
	fake_receive(client.fake, client.fd, &client.in, "\"mod_revision\":\"25\"");
	buf_free(&text);
	buf_free(&list);
	fake_client_free(&client);
}

TEST(who_leaves_is_watched_for_no_more)
{
	struct fake_client client = fake_client_new();
	uint64_t id = begin(&client);

	close(client.fd);
	assert_true(fake_next_id(client.fake, MSG_v3_unwatch) == id);
	assert_true(fake_is_quiet(client.fake));
	client.fd = dup(0);
	fake_client_free(&client);
}

TEST(it_ends_when_the_worker_stops_and_when_raftd_has_no_room)
{
	struct fake_client client = fake_client_new();
	uint64_t id = begin(&client);

	registered(&client, id, V3_TOO_MANY_REQUESTS);
	fake_receive(client.fake, client.fd, &client.in, "{\"error\":{\"grpc_code\":8,"
	    "\"http_code\":429,\"message\":\"etcdserver: too many requests\",");
	fake_client_free(&client);
	client = fake_client_new();
	(void)begin(&client);
	fake_stop(client.fake, true, 5000);
	fake_receive(client.fake, client.fd, &client.in, "{\"error\":{\"grpc_code\":14,"
	    "\"http_code\":503,\"message\":\"etcdserver: server stopped\",");
	fake_client_free(&client);
}
