/*
 * gate_test.c - requests that wait for users and roles that raftd has announced.
 */
#include "httpd/client/gate.h"

#include "tests/lib/test.h"
#include "tests/unit/httpd/fake_raftd.h"

#include <unistd.h>

#define HOST " HTTP/1.1\r\nHost: h\r\n\r\n"
#define LIMIT_MS 300

/* raftd has newer users and roles than this worker. */
static struct fake_client
client_that_waits(void)
{
	struct fake_client client = fake_client_new();

	client.fake->worker.config.request_timeout = LIMIT_MS;
	shared_index_set_auth(client.fake->announced, 5);
	return client;
}

static uint64_t
now_ms(void)
{
	return clock_now().monotonic_ms;
}

TEST(who_waits_for_users_and_roles_is_answered_in_time_and_nothing_was_done)
{
	struct fake_client client = client_that_waits();
	uint64_t begun_ms = now_ms();

	fake_send(client.fd, "PUT /v2/keys/k" HOST "GET /version" HOST);
	assert_true(fake_is_quiet(client.fake));
	fake_receive(client.fake, client.fd, &client.in, "\"etcdserver\"");
	assert_true(now_ms() - begun_ms >= LIMIT_MS);
	assert_true(now_ms() - begun_ms < 10 * LIMIT_MS);
	assert_int_equal(fake_count(&client.in, "HTTP/1.1 500 "), 1);
	assert_int_equal(fake_count(&client.in, "\"errorCode\":300"), 1);
	assert_int_equal(fake_count(&client.in, "no users and roles in time, nothing was done"), 1);
	fake_client_free(&client);
}

TEST(each_that_waits_has_its_own_time)
{
	struct fake_client client = client_that_waits();
	struct buf in = BUF_INIT;
	int other;

	fake_send(client.fd, "GET /v2/keys/a" HOST);
	assert_true(fake_is_quiet(client.fake));
	other = fake_connect(client.fake);
	/* Who hangs up is not answered, and the time of the others is theirs. */
	close(client.fd);
	fake_send(other, "GET /v2/keys/b" HOST);
	fake_receive(client.fake, other, &in, "nothing was done");
	assert_int_equal(fake_count(&in, "HTTP/1.1 500 "), 1);
	buf_free(&in);
	client.fd = other;
	fake_client_free(&client);
}

TEST(users_and_roles_that_come_in_time_let_all_go_on)
{
	struct fake_client client = client_that_waits();

	fake_send(client.fd, "GET /v2/keys/k" HOST);
	assert_true(fake_is_quiet(client.fake));
	shared_index_set_auth(client.fake->announced, 0);
	msg_auth_frame(channel_out(client.fake->channel), 0, &(struct msg_auth){ .revision = 0 });
	(void)fake_next_id(client.fake, MSG_read);
	fake_client_free(&client);
}
