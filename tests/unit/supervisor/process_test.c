/*
 * process_test.c - every message of the table at the supervisor's end of a child's control
 * channel. The child is the test; node_test has real ones.
 */
#include "supervisor/process.h"

#include "common/build.h"
#include "common/xmem.h"
#include "supervisor/upgrade.h"
#include "tests/lib/samples.h"
#include "tests/lib/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define IDLE 100		/* what the loop ends with when nothing more comes */

struct fixture {
	struct loop *loop;
	struct process_world world;
	struct process *process;
	int fd;				/* the child's end */
	unsigned told;			/* of these the world heard: by their type */
};

static const struct party {
	int role;
	uint32_t number;
	const char *name;
	uint16_t types[8];		/* what it may say once it is greeted */
} parties[] = {
	{ ROLE_RAFTD, 0, "raftd", { MSG_ready, MSG_alive, MSG_end_node, MSG_moved, MSG_node_state,
	    MSG_notice, MSG_channel_lost } },
	{ ROLE_CLIENT, 1, "client 1", { MSG_ready, MSG_alive, MSG_channel_lost, MSG_ask } },
	{ ROLE_PEER, 0, "peer", { MSG_ready, MSG_alive, MSG_end_node, MSG_resolve, MSG_reach,
	    MSG_channel_lost } },
};

static void
tell(void *argument, uint16_t type)
{
	((struct fixture *)argument)->told = type;
}

static void
ready(void *argument, struct process *process UNUSED)
{
	tell(argument, MSG_ready);
}

static void
node_state(void *argument, const struct msg_node_state *state UNUSED)
{
	tell(argument, MSG_node_state);
}

static void
notice(void *argument, struct slice text UNUSED)
{
	tell(argument, MSG_notice);
}

static void
moved(void *argument, bool done UNUSED)
{
	tell(argument, MSG_moved);
}

static void
reach(void *argument, struct slice members UNUSED)
{
	tell(argument, MSG_reach);
}

static void
resolve(void *argument, struct process *process UNUSED, uint64_t id, struct slice host UNUSED)
{
	assert_int_equal(id, 7);
	tell(argument, MSG_resolve);
}

static void
asked(void *argument, struct process *process UNUSED, uint64_t id, const struct msg_ask *ask)
{
	assert_int_equal(id, 7);
	assert_in_range(ask->what, ASK_VIEW, ASK_LEAD);
	assert_in_range(ask->name.size, 0, NAME_BYTES_MAX);
	tell(argument, MSG_ask);
}

static void
end_node(void *argument, enum exit_code code, struct slice sentence UNUSED)
{
	assert_in_range(code, EXIT_TROUBLE, EXIT_REMOVED);
	tell(argument, MSG_end_node);
}

static void
channel_lost(void *argument, struct process *process UNUSED, const struct msg_channel_lost *lost)
{
	assert_in_range(lost->why, CHANNEL_END_CLOSED, CHANNEL_END_SOCKET);
	tell(argument, MSG_channel_lost);
}

static void
fixture_open(struct fixture *fixture, const struct party *party, bool greeted)
{
	struct upgrade_process record = { .role = (uint8_t)party->role, .number = party->number,
		.state = PROCESS_RUNNING, .lines_fd = UPGRADE_NO_FD,
		.flags = greeted ? UPGRADE_PROCESS_GREETED : 0, .metric_slot = METRIC_NO_SLOT };
	int pair[2];

	*fixture = (struct fixture){ .loop = loop_new() };
	fixture->world = (struct process_world){ .loop = fixture->loop, 
		.argument = fixture, .ready = ready, .node_state = node_state,
		.notice = notice, .moved = moved, .reach = reach, .resolve = resolve,
		.asked = asked, .end_node = end_node, .channel_lost = channel_lost };
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	fixture->fd = pair[1];
	record.channel_fd = (uint32_t)pair[0];
	/* One that is taken over needs no program, and without a pid nobody is killed. */
	fixture->process = process_take_over(&fixture->world, &record);
}

static void
fixture_close(struct fixture *fixture)
{
	process_free(&fixture->process);
	close(fixture->fd);
	loop_free(&fixture->loop);
}

static void
idle(void *argument)
{
	loop_stop(argument, IDLE);
}

static void
child_says(struct fixture *fixture, const struct buf *bytes)
{
	struct loop_timer *timer = loop_timer_new(fixture->loop, idle, fixture->loop);

	said_begin();
	assert_int_equal(write(fixture->fd, bytes->data, bytes->size), (ssize_t)bytes->size);
	loop_timer_set(timer, 1);
	assert_int_equal(loop_run(fixture->loop, 0), IDLE);
	loop_timer_free(&timer);
}

static void
send_sample(const struct party *party, bool greeted, uint16_t type, enum sample sample)
{
	struct fixture fixture;
	struct buf out = BUF_INIT;

	fixture_open(&fixture, party, greeted);
	sample_put(&out, type, sample, 7);
	child_says(&fixture, &out);
	if (greeted && sample == SAMPLE_GOOD && type != 0 &&
	    sample_is_of(type, party->types, ARRAY_COUNT(party->types))) {
		assert_said("%s", "");
		/* Of a sign of life nobody is told. */
		assert_int_equal(fixture.told, type == MSG_alive ? 0 : type);
	} else {
		assert_said("supervisor: child breaks the protocol, killed: process=%s pid=0 "
		    "message=%s\n", party->name, message_name(type));
		assert_int_equal(fixture.told, 0);
	}
	buf_free(&out);
	fixture_close(&fixture);
}

TEST(each_child_is_heard_with_what_is_its_to_say_and_no_more)
{
	uint16_t type;

	for (size_t party = 0; party < ARRAY_COUNT(parties); party++)
		for (size_t i = 0; sample_type(i, &type); i++)
			for (enum sample sample = 0; sample < SAMPLES; sample++)
				send_sample(&parties[party], true, type, sample);
}

/* Heard, or a breach of the protocol? */
static void
expect_heard(const struct buf *frame, uint16_t type, bool heard)
{
	struct fixture fixture;

	fixture_open(&fixture, &parties[0], true);
	child_says(&fixture, frame);
	assert_int_equal(fixture.told, heard ? type : 0);
	if (heard)
		assert_said("%s", "");
	else
		assert_said("supervisor: child breaks the protocol, killed: process=raftd pid=0 "
		    "message=%s\n", message_name(type));
	fixture_close(&fixture);
}

TEST(values_are_taken_up_to_their_limits_and_not_beyond)
{
	uint8_t *build = xzalloc(BUILD_TEXT_BYTES_MAX + 1);
	struct buf frame = BUF_INIT;

	for (unsigned why = CHANNEL_END_CLOSED - 1; why <= CHANNEL_END_SOCKET + 1; why++) {
		msg_channel_lost_frame(&frame, 0, &(struct msg_channel_lost){
		    .why = (uint8_t)why });
		expect_heard(&frame, MSG_channel_lost,
		    why >= CHANNEL_END_CLOSED && why <= CHANNEL_END_SOCKET);
		buf_clear(&frame);
	}
	for (unsigned code = EXIT_STOPPED; code <= EXIT_REMOVED + 1; code++) {
		msg_end_node_frame(&frame, 0, &(struct msg_end_node){
		    .exit_code = (uint8_t)code });
		expect_heard(&frame, MSG_end_node, code >= EXIT_TROUBLE && code <= EXIT_REMOVED);
		buf_clear(&frame);
	}
	for (size_t more = 0; more <= 1; more++) {
		msg_ready_frame(&frame, 0, &(struct msg_ready){
		    .build = slice_of(build, BUILD_TEXT_BYTES_MAX + more) });
		expect_heard(&frame, MSG_ready, more == 0);
		buf_clear(&frame);
	}
	buf_free(&frame);
	free(build);
}

/* A client worker asks, with so many bytes of answers that it has not taken. */
static void
expect_asked(size_t queued, size_t name, size_t asker, bool heard)
{
	uint8_t *text = xzalloc(LOG_KEPT_BYTES_MAX);
	struct fixture fixture;
	struct buf frame = BUF_INIT;

	fixture_open(&fixture, &parties[1], true);
	for (size_t bytes = 0; bytes < queued; bytes += LOG_KEPT_BYTES_MAX)
		msg_told_frame(channel_out(fixture.process->channel), 7,
		    &(struct msg_told){ .text = slice_of(text, LOG_KEPT_BYTES_MAX) });
	msg_ask_frame(&frame, 7, &(struct msg_ask){ .what = ASK_LEAD,
	    .name = slice_of(text, name), .asker = slice_of(text, asker) });
	child_says(&fixture, &frame);
	assert_int_equal(fixture.told, heard ? MSG_ask : 0);
	buf_free(&frame);
	fixture_close(&fixture);
	free(text);
}

TEST(questions_are_bounded_and_so_are_answers_that_are_not_taken)
{
	expect_asked(0, NAME_BYTES_MAX, ASKER_BYTES_MAX, true);
	expect_asked(0, NAME_BYTES_MAX + 1, 0, false);
	expect_asked(0, 0, ASKER_BYTES_MAX + 1, false);
	expect_asked(DESK_CALLS_MAX * LOG_KEPT_BYTES_MAX, 0, 0, true);
	/* The socket takes less than a MiB of it. */
	expect_asked(DESK_QUEUED_BYTES_MAX - MIB, 0, 0, true);
	expect_asked(DESK_QUEUED_BYTES_MAX + MIB, 0, 0, false);
}

TEST(nothing_is_heard_before_the_hello)
{
	uint16_t type;

	for (size_t party = 0; party < ARRAY_COUNT(parties); party++)
		for (size_t i = 0; sample_type(i, &type); i++)
			send_sample(&parties[party], false, type, SAMPLE_GOOD);
}

#define BREAKS "supervisor: child breaks the protocol, killed: process=client 1 pid=0 " \
	"message=hello\n"

TEST(a_hello_is_of_the_child_that_was_started_or_none)
{
	static const char *const text[HELLO_FLAWS] = {
		[HELLO_GOOD] = "", [HELLO_CUT] = BREAKS, [HELLO_LONG] = BREAKS,
		[HELLO_MAGIC] = BREAKS, [HELLO_ROLE] = BREAKS, [HELLO_NUMBER] = BREAKS,
		[HELLO_TOKEN] = "", [HELLO_SESSION] = "", [HELLO_PROTOCOL_AND_ROLE] = BREAKS,
		[HELLO_PROTOCOL] = "supervisor: child speaks another protocol: process=client 1 "
		    "its=9 ours=8\n" BREAKS,
	};

	for (enum hello_flaw flaw = 0; flaw < HELLO_FLAWS; flaw++) {
		struct fixture fixture;
		struct buf out = BUF_INIT;

		fixture_open(&fixture, &parties[1], false);
		sample_hello(&out, flaw, &(struct msg_hello){ .role = ROLE_CLIENT, .number = 1 });
		child_says(&fixture, &out);
		assert_string_equal(said(), text[flaw]);
		assert_int_equal(fixture.process->greeted, text[flaw][0] == '\0');
		/* There is one hello, and who was refused is not heard any more. */
		buf_clear(&out);
		sample_hello(&out, HELLO_GOOD,
		    &(struct msg_hello){ .role = ROLE_CLIENT, .number = 1 });
		child_says(&fixture, &out);
		assert_string_equal(said(), fixture.process->greeted ? BREAKS : "");
		assert_int_equal(fixture.process->greeted, text[flaw][0] == '\0');
		assert_int_equal(fixture.told, 0);
		buf_free(&out);
		fixture_close(&fixture);
	}
}
