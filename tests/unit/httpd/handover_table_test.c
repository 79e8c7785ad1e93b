/*
 * handover_table_test.c - every message of the table at both ends of a channel between two
 * client workers; the test plays the other one.
 */
#include "tests/lib/samples.h"
#include "tests/lib/test.h"
#include "tests/unit/httpd/fake_raftd.h"

#include "common/ipc/wire.h"
#include "httpd/handover.h"

#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#define TOKEN UINT64_C(99)

struct fixture {
	struct fake *fake;
	struct channel *other;
	bool dropped;			/* this worker has given the channel up */
	size_t room;			/* that was lent to the other */
};

static void
came(void *argument, const struct frame *frame, int fd)
{
	struct fixture *fixture = argument;
	struct msg_room room;

	assert_int_equal(fd, -1);
	if (frame->type != MSG_room)
		return;
	assert_int_equal(msg_room_decode(frame->payload, &room), ERR_NONE);
	fixture->room += room.connections;
}

static void
closed(void *argument, enum err why UNUSED)
{
	((struct fixture *)argument)->dropped = true;
}

static void
settle(struct fixture *fixture)
{
	channel_flush(fixture->other);
	loop_again(fixture->fake->worker.loop);
	(void)fake_is_quiet(fixture->fake);
}

static void
fixture_open(struct fixture *fixture, bool give)
{
	int ends[2];

	*fixture = (struct fixture){ .fake = fake_new(ROLE_CLIENT) };
	fake_attach(fixture->fake, PHASE_MEMBER);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	fixture->other = channel_new(fixture->fake->worker.loop, ends[0], (struct channel_owner){
	    .name = "worker", .received = came, .closed = closed, .argument = fixture });
	handover_attach(fixture->fake->worker.handover, give, TOKEN, ends[1]);
	settle(fixture);
}

static void
fixture_close(struct fixture *fixture)
{
	fake_free(&fixture->fake);
	channel_free(&fixture->other);
}

static void
send_hello(struct fixture *fixture, enum hello_flaw flaw)
{
	sample_hello(channel_out(fixture->other), flaw,
	    &(struct msg_hello){ .role = ROLE_CLIENT, .number = 2, .token = TOKEN });
	settle(fixture);
}

struct attempt {
	bool give;
	uint16_t type;
	enum sample sample;
	bool carries;			/* a connection */
};

/* NULL: it is taken. */
static const char *
expected(const struct attempt *attempt)
{
	bool good = attempt->sample == SAMPLE_GOOD;

	switch (attempt->type) {
	case MSG_room:
		return attempt->give && good ? NULL : "invalid room";
	case MSG_handed:
		return !attempt->give && good ? NULL : "an invalid connection";
	default:
		return message_name(attempt->type);
	}
}

static void
try(const struct attempt *attempt)
{
	const char *wrong = expected(attempt);
	size_t files = sample_open_files();
	struct fixture fixture;
	int ends[2];

	fixture_open(&fixture, attempt->give);
	send_hello(&fixture, HELLO_GOOD);
	assert_int_equal(fixture.room > 0, !attempt->give);
	said_begin();
	sample_put(channel_out(fixture.other), attempt->type, attempt->sample, 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
	if (attempt->carries)
		channel_attach(fixture.other, ends[0]);
	close(ends[0]);
	settle(&fixture);
	if (wrong != NULL)
		assert_said("handover: another worker sent %s\n", wrong);
	else if (attempt->type == MSG_handed && !attempt->carries)
		assert_said("handover: a connection was lost: no descriptor is left for it\n");
	else
		assert_said("%s", "");
	assert_int_equal(fixture.dropped, wrong != NULL);
	assert_int_equal(server_connections(fixture.fake->worker.server),
	    wrong == NULL && attempt->type == MSG_handed && attempt->carries);
	close(ends[1]);
	fixture_close(&fixture);
	assert_int_equal(sample_open_files(), files);
}

TEST(another_worker_is_heard_with_what_is_its_to_say_and_no_more)
{
	struct attempt attempt = { 0 };

	for (size_t i = 0; sample_type(i, &attempt.type); i++)
		for (attempt.sample = 0; attempt.sample < SAMPLES; attempt.sample++)
			for (int way = 0; way < 4; way++) {
				attempt.give = way % 2 != 0;
				attempt.carries = way / 2 != 0;
				try(&attempt);
			}
}

TEST(nothing_is_heard_before_the_hello)
{
	uint16_t type;

	for (size_t i = 0; sample_type(i, &type); i++) {
		struct fixture fixture;

		fixture_open(&fixture, i % 2 == 0);
		said_begin();
		sample_put(channel_out(fixture.other), type, SAMPLE_GOOD, 0);
		settle(&fixture);
		assert_said("handover: another worker sent an invalid hello\n");
		assert_true(fixture.dropped);
		assert_int_equal(fixture.room, 0);
		fixture_close(&fixture);
	}
}

#define NONE "handover: another worker sent an invalid hello\n"

TEST(a_hello_is_of_the_other_worker_or_none)
{
	static const char *const text[HELLO_FLAWS] = {
		[HELLO_GOOD] = "", [HELLO_CUT] = NONE, [HELLO_LONG] = NONE, [HELLO_MAGIC] = NONE,
		[HELLO_ROLE] = NONE, [HELLO_PROTOCOL_AND_ROLE] = NONE, [HELLO_NUMBER] = "",
		[HELLO_TOKEN] = NONE, [HELLO_SESSION] = "",
		[HELLO_PROTOCOL] =
		    "handover: another worker speaks another protocol: its=9 ours=8\n",
	};

	for (enum hello_flaw flaw = 0; flaw < HELLO_FLAWS; flaw++) {
		struct fixture fixture;

		fixture_open(&fixture, false);
		said_begin();
		send_hello(&fixture, flaw);
		assert_string_equal(said(), text[flaw]);
		assert_int_equal(fixture.dropped, text[flaw][0] != '\0');
		assert_int_equal(fixture.room > 0, text[flaw][0] == '\0');
		fixture_close(&fixture);
	}
}
