/*
 * backend_table_test.c - every message of the table at a worker's end of its channel to raftd,
 * which the test plays.
 */
#include "tests/lib/samples.h"
#include "tests/lib/test.h"
#include "tests/unit/httpd/fake_raftd.h"

#include "common/ipc/wire.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#define TOKEN 42		/* as fake_raftd.c has it */

/* What raftd may say, and what is said of it if it is wrong. */
static const struct {
	uint16_t type;
	const char *wrong;
} rows[] = {
	{ MSG_status, "an invalid status" }, { MSG_outcome, "an invalid outcome" },
	{ MSG_stats, "invalid stats" }, { MSG_watching, "watching" }, { MSG_event, "event" },
	{ MSG_peer_stream_over, "peer_stream_over" },
	{ MSG_changed, "changed" }, { MSG_backup_piece, "backup_piece" },
	{ MSG_auth, "auth" }, { MSG_v3_auth, "v3_auth" }, { MSG_v3_tokens, "v3_tokens" },
	{ MSG_v3_watching, "v3_watching" }, { MSG_v3_events, "v3_events" },
	{ MSG_v3_past, "v3_past" }, { MSG_v3_progress, "v3_progress" },
};

static void
came(void *argument UNUSED, const struct frame *frame UNUSED, int fd)
{
	assert_int_equal(fd, -1);
}

static void
shut(void *argument, enum err why UNUSED)
{
	struct fake *fake = argument;

	channel_free(&fake->channel);
}

/* raftd has not said anything yet. */
static struct fake *
open_silent(int role)
{
	struct fake *fake = fake_new(role);
	int ends[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	fake->channel = channel_new(fake->worker.loop, ends[0], (struct channel_owner){
	    .name = "worker", .received = came, .closed = shut, .argument = fake });
	backend_attach(fake->worker.backend, ends[1], TOKEN);
	return fake;
}

static void
settle(struct fake *fake)
{
	loop_again(fake->worker.loop);
	(void)fake_is_quiet(fake);
}

static void
expect_given_up(struct fake *fake, const char *what)
{
	assert_said("backend: raftd sent %s\n", what);
	assert_int_equal(fake->lost_why, CHANNEL_END_RULES);
	assert_false(backend_connected(fake->worker.backend));
}

/* NULL: it is taken. */
static const char *
expected(int role, uint16_t type, enum sample sample)
{
	/* For another node, or from one: raftd looks into it. */
	if (role == ROLE_PEER && (message_senders(type) & FROM_NODE) != 0)
		return NULL;
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++)
		if (rows[i].type == type)
			return sample == SAMPLE_GOOD ? NULL : rows[i].wrong;
	return type == MSG_hello ? "an invalid hello" : message_name(type);
}

static void
send_sample(int role, uint16_t type, enum sample sample)
{
	struct fake *fake = fake_new(role);
	const char *wrong = expected(role, type, sample);

	fake_attach(fake, PHASE_MEMBER);
	settle(fake);
	said_begin();
	sample_put(channel_out(fake->channel), type, sample, 7);
	settle(fake);
	if (wrong == NULL) {
		assert_said("%s", "");
		assert_int_equal(fake->lost_why, 0);
		assert_true(backend_connected(fake->worker.backend));
	} else {
		expect_given_up(fake, wrong);
	}
	fake_free(&fake);
}

TEST(raftd_is_heard_with_what_is_its_to_say_and_no_more)
{
	static const int roles[] = { ROLE_CLIENT, ROLE_PEER };
	uint16_t type;

	for (size_t role = 0; role < ARRAY_COUNT(roles); role++)
		for (size_t i = 0; sample_type(i, &type); i++)
			for (enum sample sample = 0; sample < SAMPLES; sample++)
				send_sample(roles[role], type, sample);
}

TEST(nothing_is_heard_before_the_hello)
{
	uint16_t type;

	for (size_t i = 0; sample_type(i, &type); i++) {
		struct fake *fake = open_silent(ROLE_PEER);

		said_begin();
		sample_put(channel_out(fake->channel), type, SAMPLE_GOOD, 7);
		settle(fake);
		expect_given_up(fake, type == MSG_hello ? "an invalid hello" : "no hello");
		fake_free(&fake);
	}
}

/* Whatever carries a descriptor: none is kept that nobody asked for. */
static void
send_with_file(struct fake *fake, int fd, enum hello_flaw flaw)
{
	sample_hello(channel_out(fake->channel), flaw,
	    &(struct msg_hello){ .role = ROLE_RAFTD, .token = TOKEN });
	if (fd != -1)
		channel_attach(fake->channel, fd);
}

#define NONE "backend: raftd sent an invalid hello\n"
#define ANOTHER "backend: raftd speaks another protocol: its=9 ours=8\n"

TEST(a_hello_is_of_this_raftd_or_none)
{
	static const char *const text[HELLO_FLAWS] = {
		[HELLO_GOOD] = "", [HELLO_CUT] = NONE, [HELLO_LONG] = NONE, [HELLO_MAGIC] = NONE,
		[HELLO_PROTOCOL] = ANOTHER, [HELLO_ROLE] = NONE, [HELLO_NUMBER] = "",
		[HELLO_TOKEN] = NONE, [HELLO_SESSION] = "", [HELLO_PROTOCOL_AND_ROLE] = ANOTHER,
	};

	for (enum hello_flaw flaw = 0; flaw < HELLO_FLAWS; flaw++) {
		bool protocol = text[flaw][0] != '\0' && strcmp(text[flaw], NONE) != 0;

		for (int with_page = 0; with_page < 2; with_page++) {
			size_t files = sample_open_files();
			struct fake *fake = open_silent(ROLE_CLIENT);
			const char *said_of_it = with_page || protocol ? text[flaw] : NONE;

			said_begin();
			send_with_file(fake, with_page ? shared_index_fd(fake->announced) : -1,
			    flaw);
			channel_flush(fake->channel);
			if (protocol)
				/* The worker ends: as what, is the code of its loop. */
				assert_int_equal(loop_run(fake->worker.loop, 0), EXIT_PROTOCOL);
			else
				settle(fake);
			assert_string_equal(said(), said_of_it);
			assert_int_equal(backend_connected(fake->worker.backend),
			    said_of_it[0] == '\0');
			assert_int_equal(fake->lost_why,
			    strcmp(said_of_it, NONE) == 0 ? CHANNEL_END_RULES : 0);
			fake_free(&fake);
			assert_int_equal(sample_open_files(), files);
		}
	}
}

TEST(no_descriptor_of_a_second_hello_is_kept)
{
	size_t files = sample_open_files();
	struct fake *fake = open_silent(ROLE_CLIENT);

	send_with_file(fake, shared_index_fd(fake->announced), HELLO_GOOD);
	settle(fake);
	assert_true(backend_connected(fake->worker.backend));
	said_begin();
	send_with_file(fake, shared_index_fd(fake->announced), HELLO_GOOD);
	settle(fake);
	expect_given_up(fake, "an invalid hello");
	fake_free(&fake);
	assert_int_equal(sample_open_files(), files);
}
