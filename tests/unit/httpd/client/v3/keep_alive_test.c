/*
 * keep_alive_test.c - streams of renewals by the gateway: answered in their order whatever order
 * raftd answers in, asked again of the next raftd, bounded, and ended by what fails. And what is
 * made of the other answers of raftd on leases.
 */
#include "tests/lib/test.h"
#include "tests/unit/httpd/fake_raftd.h"

#include "common/ipc/wire.h"
#include "common/limits.h"
#include "common/v3_error.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define SIDE_BY_SIDE 64			/* of keep_alive.c */

static void
post_text(const struct fake_client *client, const char *path, struct slice body)
{
	struct buf request = BUF_INIT;

	buf_printf(&request, "POST %s HTTP/1.1\r\nHost: h\r\nContent-Length: %zu\r\n\r\n", path,
	    body.size);
	buf_append_slice(&request, body);
	fake_send_all(client, buf_slice(&request));
	buf_free(&request);
}

static void
keep_alive(const struct fake_client *client, unsigned first, unsigned count)
{
	struct buf body = BUF_INIT;

	for (unsigned i = 0; i < count; i++)
		buf_printf(&body, "{\"ID\":\"%u\"}\n", first + i);
	post_text(client, "/v3/lease/keepalive", buf_slice(&body));
	buf_free(&body);
}

/* What raftd is asked next; its request id. */
static uint64_t
asked(struct fake_client *client, uint64_t lease)
{
	const struct fake_frame *frame = fake_next(client->fake);
	struct msg_v3_lease message;

	assert_int_equal(frame->type, MSG_v3_lease);
	assert_int_equal(msg_v3_lease_decode(blob_slice(frame->payload), &message), ERR_NONE);
	assert_int_equal(message.what, V3_LEASE_RENEW);
	assert_int_equal(message.id, lease);
	return frame->request_id;
}

static void
answer(struct fake_client *client, uint64_t id, uint64_t ttl_s)
{
	struct buf event = BUF_INIT;

	v3_lease_answer_put(&event, &(struct v3_lease_answer){ .revision = 9,
	    .found = ttl_s != 0, .left_s = ttl_s });
	fake_outcome(client->fake, id, ERR_NONE, buf_slice(&event), 0);
	buf_free(&event);
}

static void
receive(struct fake_client *client, const char *end)
{
	fake_receive(client->fake, client->fd, &client->in, end);
}

TEST(answers_are_in_the_order_of_the_requests)
{
	struct fake_client client = fake_client_new();
	uint64_t ids[3];

	keep_alive(&client, 1, 3);
	for (unsigned i = 0; i < 3; i++)
		ids[i] = asked(&client, 1 + i);
	answer(&client, ids[2], 30);
	answer(&client, ids[0], 10);
	receive(&client, "\"ID\":\"1\",\"TTL\":\"10\"}}\n\r\n");
	assert_int_equal(fake_count(&client.in, "\"TTL\":\"30\""), 0);
	/* Unknown: no TTL, and no error. */
	answer(&client, ids[1], 0);
	receive(&client, "\"ID\":\"3\",\"TTL\":\"30\"}}\n\r\n0\r\n\r\n");
	assert_int_equal(fake_count(&client.in, "\"ID\":\"2\"}}\n"), 1);
	assert_int_equal(fake_count(&client.in, "\"revision\":\"9\""), 3);
	assert_int_equal(fake_count(&client.in, "HTTP/1.1 200 OK\r\n"), 1);
	fake_client_free(&client);
}

TEST(so_many_are_asked_side_by_side)
{
	struct fake_client client = fake_client_new();
	uint64_t ids[SIDE_BY_SIDE], next;

	keep_alive(&client, 1, SIDE_BY_SIDE + 1);
	for (unsigned i = 0; i < SIDE_BY_SIDE; i++)
		ids[i] = asked(&client, 1 + i);
	assert_true(fake_is_quiet(client.fake));
	/* Out of order none is free: it is kept for its turn. */
	answer(&client, ids[1], 5);
	assert_true(fake_is_quiet(client.fake));
	answer(&client, ids[0], 5);
	next = asked(&client, SIDE_BY_SIDE + 1);
	for (unsigned i = 2; i < SIDE_BY_SIDE; i++)
		answer(&client, ids[i], 5);
	answer(&client, next, 7);
	receive(&client, "\"TTL\":\"7\"}}\n\r\n0\r\n\r\n");
	assert_int_equal(fake_count(&client.in, "\"TTL\":\"5\""), SIDE_BY_SIDE);
	fake_client_free(&client);
}

TEST(the_next_raftd_is_asked_again)
{
	struct fake_client client = fake_client_new();

	keep_alive(&client, 1, 2);
	(void)asked(&client, 1);
	(void)asked(&client, 2);
	fake_detach(client.fake);
	fake_attach(client.fake, PHASE_MEMBER);
	answer(&client, asked(&client, 1), 5);
	answer(&client, asked(&client, 2), 6);
	receive(&client, "\"TTL\":\"6\"}}\n\r\n0\r\n\r\n");
	fake_client_free(&client);
}

TEST(one_that_fails_ends_the_stream)
{
	static const char late[] = "{\"error\":\"etcdserver: request timed out\","
	    "\"message\":\"etcdserver: request timed out\",\"code\":14}";
	struct fake_client client = fake_client_new();
	uint64_t ids[3];

	keep_alive(&client, 1, 1);
	fake_outcome(client.fake, asked(&client, 1), ERR_RAFT_INTERNAL, SLICE_EMPTY, 0);
	receive(&client, late);
	assert_int_equal(fake_count(&client.in, "HTTP/1.1 503 "), 1);
	buf_clear(&client.in);
	keep_alive(&client, 1, 3);
	for (unsigned i = 0; i < 3; i++)
		ids[i] = asked(&client, 1 + i);
	answer(&client, ids[0], 5);
	fake_outcome(client.fake, ids[2], ERR_RAFT_INTERNAL, SLICE_EMPTY, 0);
	receive(&client, "\"http_status\":\"Service Unavailable\"}}\n\r\n0\r\n\r\n");
	assert_int_equal(fake_count(&client.in, "\"TTL\":\"5\"}}\n"), 1);
	/* Of the others nobody hears any more. */
	answer(&client, ids[1], 5);
	assert_true(fake_is_quiet(client.fake));
	fake_client_free(&client);
}

TEST(who_left_is_not_waited_for)
{
	struct fake_client client = fake_client_new();
	uint64_t id;

	keep_alive(&client, 1, 100);
	id = asked(&client, 1);
	close(client.fd);
	client.fd = -1;
	answer(&client, id, 5);
	while (backend_call_count(client.fake->worker.backend) == SIDE_BY_SIDE)
		(void)fake_is_quiet(client.fake);
	fake_client_free(&client);
}

TEST(so_many_wait_in_one_stream)
{
	struct fake_client client = fake_client_new();
	struct buf body = BUF_INIT;
	char byte;

	for (size_t i = 0; i < V3_RENEWALS_WAITING_MAX + SIDE_BY_SIDE; i++)
		buf_append_slice(&body, SLICE_LITERAL("{}"));
	post_text(&client, "/v3/lease/keepalive", buf_slice(&body));
	for (size_t i = 0; i < SIDE_BY_SIDE; i++)
		(void)asked(&client, 0);
	assert_true(fake_is_quiet(client.fake));
	assert_int_equal(recv(client.fd, &byte, 1, MSG_DONTWAIT), -1);
	/* They count for who sent them. */
	assert_true(fake_held(client.fake) > V3_RENEWALS_WAITING_MAX * sizeof(uint64_t));
	fake_client_free(&client);
	client = fake_client_new();
	buf_append_slice(&body, SLICE_LITERAL("{}"));
	post_text(&client, "/v3/lease/keepalive", buf_slice(&body));
	receive(&client, "\"message\":\"etcdserver: too many requests\",\"code\":8}");
	buf_free(&body);
	fake_client_free(&client);
}

/* ---- other questions ------------------------------ */

TEST(what_is_left_of_a_lease_is_shown_with_its_keys_in_order)
{
	struct fake_client client = fake_client_new();
	struct buf event = BUF_INIT, keys = BUF_INIT;
	const struct fake_frame *frame;
	struct msg_v3_lease message;

	post_text(&client, "/v3/kv/lease/timetolive", SLICE_LITERAL("{\"ID\":-7,\"keys\":true}"));
	frame = fake_next(client.fake);
	assert_int_equal(msg_v3_lease_decode(blob_slice(frame->payload), &message), ERR_NONE);
	assert_int_equal(message.what, V3_LEASE_LOOK_KEYS);
	assert_int_equal((int64_t)message.id, -7);
	codec_put_bytes(&keys, SLICE_LITERAL("b"));
	codec_put_bytes(&keys, SLICE_LITERAL("a"));
	v3_lease_answer_put(&event, &(struct v3_lease_answer){ .revision = 9, .found = 1,
	    .left_s = 5, .granted_s = 60, .keys = buf_slice(&keys) });
	/* However it comes. */
	fake_piece(client.fake, frame->request_id, slice_of(event.data, 5), true);
	fake_piece(client.fake, frame->request_id, slice_of(event.data + 5, event.size - 5),
	    false);
	receive(&client, ",\"ID\":\"-7\",\"TTL\":\"5\",\"grantedTTL\":\"60\","
	    "\"keys\":[\"YQ==\",\"Yg==\"]}");
	(void)fake_next_id(client.fake, MSG_read_more);
	buf_clear(&event);
	post_text(&client, "/v3/lease/timetolive", SLICE_LITERAL("{\"ID\":7}"));
	v3_lease_answer_put(&event, &(struct v3_lease_answer){ .error = V3_TOO_MANY_KEYS });
	fake_outcome(client.fake, fake_next_id(client.fake, MSG_v3_lease), ERR_NONE,
	    buf_slice(&event), 0);
	receive(&client, "are the most\",\"code\":8}");
	buf_free(&event);
	buf_free(&keys);
	fake_client_free(&client);
}

TEST(leases_are_listed_by_id)
{
	struct fake_client client = fake_client_new();
	struct buf event = BUF_INIT, ids = BUF_INIT;

	post_text(&client, "/v3/lease/leases", SLICE_EMPTY);
	codec_put_u64(&ids, 9);
	codec_put_u64(&ids, (uint64_t)-3);
	codec_put_u64(&ids, 4);
	v3_state_answer_put(&event, &(struct v3_state_answer){ .revision = 9,
	    .leases = buf_slice(&ids) });
	fake_outcome(client.fake, fake_next_id(client.fake, MSG_v3_state), ERR_NONE,
	    buf_slice(&event), 0);
	receive(&client, ",\"leases\":[{\"ID\":\"-3\"},{\"ID\":\"4\"},{\"ID\":\"9\"}]}");
	buf_free(&event);
	buf_free(&ids);
	fake_client_free(&client);
}

/* First the one, then the other. */
TEST(a_physical_compaction_asks_when_all_is_freed)
{
	struct fake_client client = fake_client_new();
	struct buf event = BUF_INIT;
	const struct fake_frame *frame;
	struct msg_v3_state message;

	post_text(&client, "/v3/kv/compaction",
	    SLICE_LITERAL("{\"revision\":\"5\",\"physical\":true}"));
	v3_answer_put(&event, &(struct v3_answer){ .revision = 9 });
	fake_outcome(client.fake, fake_next_id(client.fake, MSG_v3_compact), ERR_NONE,
	    buf_slice(&event), 0);
	frame = fake_next(client.fake);
	assert_int_equal(msg_v3_state_decode(blob_slice(frame->payload), &message), ERR_NONE);
	assert_int_equal(message.what, V3_STATE_SWEPT);
	assert_int_equal(message.revision, 5);
	buf_clear(&event);
	v3_state_answer_put(&event, &(struct v3_state_answer){ .revision = 10 });
	fake_outcome(client.fake, frame->request_id, ERR_NONE, buf_slice(&event), 0);
	receive(&client, ",\"revision\":\"10\",\"raft_term\":\"3\"}}");
	buf_free(&event);
	fake_client_free(&client);
}
