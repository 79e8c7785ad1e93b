/*
 * child_test.c - every message of the table at a child's end of its control channel. The
 * supervisor is the test.
 */
#include "common/child.h"

#include "common/diag_pipe.h"
#include "common/ipc/channel.h"
#include "common/ipc/wire.h"
#include "tests/lib/samples.h"
#include "tests/lib/test.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#define IDLE 100		/* what the loop ends with when nothing more comes */

enum stage { SILENT, GREETED, CONFIGURED, STAGES };

/* What a supervisor may say, and what is said of it if it is wrong. */
static const struct row {
	uint16_t type;
	bool later;		/* only once the settings came, */
	bool first;		/* or only before */
	bool carries;		/* a descriptor */
	bool owned;		/* if the child has a use for it */
	const char *wrong;
} rows[] = {
	{ .type = MSG_settings, .wrong = "invalid settings" },
	{ .type = MSG_stop, .wrong = "an invalid stop" },
	{ .type = MSG_attach, .later = true, .carries = true, .wrong = "an invalid attach" },
	{ .type = MSG_handover, .later = true, .carries = true, .owned = true,
	    .wrong = "an invalid handover" },
	{ .type = MSG_rotation, .later = true, .owned = true,
	    .wrong = "an invalid rotation" },
	{ .type = MSG_move_leader, .later = true, .owned = true,
	    .wrong = "an invalid move_leader" },
	{ .type = MSG_resolved, .later = true, .owned = true,
	    .wrong = "an invalid resolved" },
	{ .type = MSG_tls, .later = true, .owned = true, .wrong = "invalid certificates" },
	{ .type = MSG_tls_tickets, .later = true, .owned = true,
	    .wrong = "invalid ticket keys" },
	{ .type = MSG_metrics, .first = true, .carries = true, .wrong = "invalid counters" },
	{ .type = MSG_diag_pipe, .carries = true, .wrong = "an invalid pipe" },
	/* The sample's has not even the magic number. */
	{ .type = MSG_hello, .wrong = "an invalid hello" },
};

struct fixture {
	struct loop *loop;
	struct child *child;
	struct channel *channel;	/* the supervisor's end */
	struct loop_timer *timer;
	bool looked;			/* the loop has had a turn with what was sent */
	unsigned told;			/* of these the owner heard: by their type */
};

static void
tell(void *argument, unsigned type)
{
	((struct fixture *)argument)->told = type;
}

static void
configured(void *argument, const struct config *config UNUSED)
{
	tell(argument, MSG_settings);
}

static void
attached(void *argument, int role UNUSED, uint32_t number UNUSED, uint64_t token UNUSED, int fd)
{
	close(fd);
	tell(argument, MSG_attach);
}

static void
stop(void *argument, int how UNUSED)
{
	tell(argument, MSG_stop);
}

static void
move_leader(void *argument, struct slice to UNUSED)
{
	tell(argument, MSG_move_leader);
}

static void
resolved(void *argument, uint64_t request_id, struct slice addresses UNUSED)
{
	assert_int_equal(request_id, 7);
	tell(argument, MSG_resolved);
}

static void
secured(void *argument, const struct msg_tls *material UNUSED)
{
	tell(argument, MSG_tls);
}

static void
tickets(void *argument, struct slice keys)
{
	assert_in_range(keys.size, TLS_TICKET_KEY_BYTES,
	    TLS_TICKET_KEYS_MAX * TLS_TICKET_KEY_BYTES);
	tell(argument, MSG_tls_tickets);
}

static void
handover(void *argument, bool give UNUSED, uint64_t token UNUSED, int fd)
{
	close(fd);
	tell(argument, MSG_handover);
}

static void
rotation(void *argument, bool out UNUSED)
{
	tell(argument, MSG_rotation);
}

static void
came(void *argument UNUSED, const struct frame *frame UNUSED, int fd)
{
	assert_int_equal(fd, -1);
}

static void
closed(void *argument UNUSED, enum err why UNUSED)
{
}

/* Not in the turn in which the child may have stopped the loop: its code would be lost. */
static void
idle(void *argument)
{
	struct fixture *fixture = argument;

	if (fixture->looked)
		loop_stop(fixture->loop, IDLE);
	fixture->looked = true;
	loop_timer_set(fixture->timer, 1);
}

/* What was queued goes, and what it brings about; the code that the loop ends with. */
static int
turn(struct fixture *fixture)
{
	int code;

	fixture->timer = loop_timer_new(fixture->loop, idle, fixture);
	fixture->looked = false;
	channel_flush(fixture->channel);
	loop_timer_set(fixture->timer, 1);
	code = loop_run(fixture->loop, 0);
	loop_timer_free(&fixture->timer);
	return code;
}

/* busy: there is a use for all that a supervisor may say. */
static void
fixture_open(struct fixture *fixture, bool busy, enum stage stage)
{
	struct child_owner owner = { .configured = configured, .reconfigured = configured,
		.attached = attached, .stop = stop, .argument = fixture };
	struct buf hello = BUF_INIT;
	int pair[2];

	if (busy) {
		owner.move_leader = move_leader;
		owner.resolved = resolved;
		owner.secured = secured;
		owner.tickets = tickets;
		owner.handover = handover;
		owner.rotation = rotation;
	}
	*fixture = (struct fixture){ .loop = loop_new() };
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	fixture->child = child_new(fixture->loop, pair[0], ROLE_CLIENT, 1, owner);
	fixture->channel = channel_new(fixture->loop, pair[1], (struct channel_owner){
	    .name = "child", .received = came, .closed = closed });
	sample_hello(&hello, HELLO_GOOD, &(struct msg_hello){ .role = ROLE_SUPERVISOR,
	    .number = 3 });
	if (stage >= GREETED)
		channel_send(fixture->channel, buf_slice(&hello));
	if (stage == CONFIGURED)
		sample_put(channel_out(fixture->channel), MSG_settings, SAMPLE_GOOD, 0);
	buf_free(&hello);
	assert_int_equal(turn(fixture), IDLE);
	fixture->told = 0;
}

static void
fixture_close(struct fixture *fixture)
{
	child_free(&fixture->child);
	channel_free(&fixture->channel);
	loop_free(&fixture->loop);
}

struct attempt {
	bool busy;
	enum stage stage;
	uint16_t type;
	enum sample sample;
	bool carries;
};

/* What the supervisor is said to have sent; NULL: it is taken. */
static const char *
expected(const struct attempt *attempt)
{
	const struct row *row = NULL;

	for (size_t i = 0; i < ARRAY_COUNT(rows); i++)
		if (rows[i].type == attempt->type)
			row = &rows[i];
	if (attempt->stage == SILENT && attempt->type != MSG_hello)
		return "something before its hello";
	if (attempt->stage != SILENT && attempt->type == MSG_hello)
		return "another hello";
	if (row == NULL)
		return message_name(attempt->type);
	if (attempt->sample == SAMPLE_GOOD && attempt->type != MSG_hello &&
	    (!row->carries || attempt->carries) && (!row->owned || attempt->busy) &&
	    (!row->later || attempt->stage == CONFIGURED) &&
	    (!row->first || attempt->stage != CONFIGURED))
		return NULL;
	return row->wrong;
}

static void
check_taken(const struct attempt *attempt, const struct fixture *fixture, int code)
{
	bool stops = attempt->type == MSG_stop && attempt->stage != CONFIGURED;

	if (attempt->type == MSG_metrics)
		assert_said("control: nothing is counted: slot=0\n");
	else
		assert_said("%s", "");
	assert_int_equal(code, stops ? EXIT_STOPPED : IDLE);
	if (!stops && attempt->type != MSG_metrics && attempt->type != MSG_diag_pipe)
		assert_int_equal(fixture->told, attempt->type);
}

static void
try(const struct attempt *attempt)
{
	const char *text = expected(attempt);
	size_t files = sample_open_files();
	struct fixture fixture;
	int code, fd;

	fixture_open(&fixture, attempt->busy, attempt->stage);
	said_begin();
	sample_put(channel_out(fixture.channel), attempt->type, attempt->sample, 7);
	if (attempt->carries) {
		fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
		assert_true(fd != -1);
		channel_attach(fixture.channel, fd);
		close(fd);
	}
	code = turn(&fixture);
	if (text == NULL) {
		check_taken(attempt, &fixture, code);
	} else {
		assert_said("control: supervisor sent %s\n", text);
		assert_int_equal(code, EXIT_PROTOCOL);
		assert_int_equal(fixture.told, 0);
	}
	fixture_close(&fixture);
	/* Nobody keeps a descriptor that he had no use for. */
	assert_int_equal(sample_open_files(), files);
}

/* It keeps one pipe, the last. */
static void
open_first_pipe(void)
{
	diag_pipe_open(open("/dev/null", O_WRONLY | O_CLOEXEC));
}

TEST(a_supervisor_is_heard_with_what_is_its_to_say_and_no_more)
{
	struct attempt attempt = { .busy = true };

	open_first_pipe();
	for (attempt.stage = 0; attempt.stage < STAGES; attempt.stage++)
		for (size_t i = 0; sample_type(i, &attempt.type); i++)
			for (attempt.sample = 0; attempt.sample < SAMPLES; attempt.sample++)
				for (int carries = 0; carries < 2; carries++) {
					attempt.carries = carries != 0;
					try(&attempt);
				}
}

TEST(what_a_child_has_no_use_for_is_not_said_to_it)
{
	struct attempt attempt = { .stage = CONFIGURED, .carries = true };

	open_first_pipe();
	for (size_t i = 0; sample_type(i, &attempt.type); i++)
		try(&attempt);
}

/* Taken by the child as that type, or refused with these words? */
static void
expect_taken(const struct buf *frame, uint16_t type, const char *refused)
{
	struct fixture fixture;

	fixture_open(&fixture, true, CONFIGURED);
	said_begin();
	channel_send(fixture.channel, buf_slice(frame));
	assert_int_equal(turn(&fixture), refused == NULL ? IDLE : EXIT_PROTOCOL);
	assert_int_equal(fixture.told, refused == NULL ? type : 0);
	if (refused == NULL)
		assert_said("%s", "");
	else
		assert_said("control: supervisor sent %s\n", refused);
	fixture_close(&fixture);
}

TEST(values_are_taken_up_to_their_limits_and_not_beyond)
{
	static uint8_t keys[(TLS_TICKET_KEYS_MAX + 1) * TLS_TICKET_KEY_BYTES];
	struct buf frame = BUF_INIT;

	for (uint8_t more = 0; more <= 1; more++) {
		msg_tls_frame(&frame, 0, &(struct msg_tls){
		    .flags = (uint8_t)(TLS_FLAG_ALL + more) });
		expect_taken(&frame, MSG_tls, more == 0 ? NULL : "invalid certificates");
		buf_clear(&frame);
	}
	for (size_t size = 0; size <= sizeof(keys); size++) {
		bool good = size > 0 && size % TLS_TICKET_KEY_BYTES == 0 &&
		    size <= TLS_TICKET_KEYS_MAX * TLS_TICKET_KEY_BYTES;

		msg_tls_tickets_frame(&frame, 0, &(struct msg_tls_tickets){
		    .keys = slice_of(keys, size) });
		expect_taken(&frame, MSG_tls_tickets, good ? NULL : "invalid ticket keys");
		buf_clear(&frame);
	}
	buf_free(&frame);
}

#define NONE "control: supervisor sent an invalid hello\n"

TEST(a_hello_is_of_a_supervisor_or_none)
{
	static const char *const text[HELLO_FLAWS] = {
		[HELLO_GOOD] = "", [HELLO_CUT] = NONE, [HELLO_LONG] = NONE, [HELLO_MAGIC] = NONE,
		[HELLO_ROLE] = NONE, [HELLO_PROTOCOL_AND_ROLE] = NONE, [HELLO_NUMBER] = "",
		[HELLO_TOKEN] = "", [HELLO_SESSION] = "",
		[HELLO_PROTOCOL] =
		    "control: supervisor speaks another protocol: its=9 ours=8\n",
	};

	for (enum hello_flaw flaw = 0; flaw < HELLO_FLAWS; flaw++) {
		struct fixture fixture;

		fixture_open(&fixture, true, SILENT);
		sample_hello(channel_out(fixture.channel), flaw,
		    &(struct msg_hello){ .role = ROLE_SUPERVISOR, .number = 3 });
		said_begin();
		assert_int_equal(turn(&fixture), text[flaw][0] == '\0' ? IDLE : EXIT_PROTOCOL);
		assert_string_equal(said(), text[flaw]);
		if (text[flaw][0] == '\0')
			assert_int_equal(child_restarts(fixture.child),
			    flaw == HELLO_NUMBER ? 4 : 3);
		fixture_close(&fixture);
	}
}

/* It is to know for good whether it was started before. */
TEST(there_is_one_hello)
{
	struct fixture fixture;

	fixture_open(&fixture, true, SILENT);
	for (uint32_t number = 3; number <= 4; number++) {
		sample_hello(channel_out(fixture.channel), HELLO_GOOD,
		    &(struct msg_hello){ .role = ROLE_SUPERVISOR, .number = number });
		said_begin();
		assert_int_equal(turn(&fixture), number == 3 ? IDLE : EXIT_PROTOCOL);
	}
	assert_string_equal(said(), "control: supervisor sent another hello\n");
	assert_int_equal(child_restarts(fixture.child), 3);
	fixture_close(&fixture);
}
