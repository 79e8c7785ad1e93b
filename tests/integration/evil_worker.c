/*
 * evil_worker.c - a worker that was taken over; for tests/integration/evil.py only.
 *
 * Stands in the place of libexec/httpd and is started by the supervisor as that. With a
 * number (or role) that MOOTHALL_EVIL names it is evil, else it becomes the real worker at
 * once, and so it does when the file MOOTHALL_EVIL_END is there. The channels are the real
 * ones; what is said on them is drawn from MOOTHALL_EVIL_SEED, the worker's number and how
 * often it was started before.
 *
 *	MOOTHALL_EVIL		"2,3,peer"
 *	MOOTHALL_EVIL_HTTPD	the real worker
 *	MOOTHALL_EVIL_HARMLESS	if set, frames of nodes move no cluster
 *
 * Each channel to raftd has a mood, from its beginning to its end, and each life of the
 * process has an end that is drawn as well.
 */
#include "common/child.h"
#include "common/diag.h"
#include "common/ipc/channel.h"
#include "common/ipc/wire.h"
#include "common/limits.h"
#include "common/xmem.h"
#include "tests/lib/senseless.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define TICK_MS 2
#define TICK_FRAMES 200
#define QUEUE_BYTES MIB			/* what waits to be sent, at most */
#define BURST_REQUESTS 8300		/* more than a session may leave unanswered */
#define LINGER_S 4		/* less than a child may be silent: it may be our close */
#define DRAIN_MS 1000

enum mood {
	MOOD_TALKS,		/* senseless, and reads what comes */
	MOOD_DEAF,		/* the same, and reads nothing */
	MOOD_BURST,		/* so many reads of everything, and reads nothing */
	MOOD_VIEWS,		/* hundreds of listings, of which it takes a piece now and then */
	MOOD_WATCHES,		/* thousands of watches from the past */
	MOOD_PASSES,		/* descriptors beside its frames, some slow to close */
	MOOD_RUDE,		/* something wrong in place of a greeting */
	MOOD_SILENT,		/* no greeting */
	MOODS
};

static const char *const mood_names[MOODS] = { "talks", "deaf", "burst", "views", "watches",
	"passes", "rude", "silent" };

struct evil {
	struct loop *loop;
	struct child *child;
	struct loop_timer *timer;
	struct senseless senseless;
	int role;
	uint32_t number;
	bool ready;
	uint64_t ends_ms;		/* of this process, which is killed then */
	uint64_t drained_ms;		/* of one that was told to drain; else 0 */

	struct channel *channel;	/* to raftd */
	uint64_t token;
	enum mood mood;
	bool greeted;
	uint64_t channel_ends_ms;
	size_t sent;			/* frames, on this channel */

	struct channel *lane;		/* to the worker that takes our connections */
	uint64_t lane_token;
};

static bool
chance(struct evil *evil, unsigned per_mille)
{
	return rand_chance(&evil->senseless.rand, per_mille);
}

static uint64_t
below(struct evil *evil, uint64_t bound)
{
	return rand_below(&evil->senseless.rand, bound);
}

/* ---- descriptors -------------------------------------------------------------------- */

/* A connection that holds up whoever closes it last: much is to be sent, nobody takes it. */
static int
slow_to_close(void)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct linger linger = { .l_onoff = 1, .l_linger = LINGER_S };
	static const char piece[65536];
	socklen_t length = sizeof(address);
	int listener = socket(AF_INET, SOCK_STREAM, 0);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);

	if (listener == -1 || fd == -1 ||
	    bind(listener, (struct sockaddr *)&address, sizeof(address)) == -1 ||
	    listen(listener, 1) == -1 ||
	    getsockname(listener, (struct sockaddr *)&address, &length) == -1)
		return -1;
	(void)connect(fd, (struct sockaddr *)&address, sizeof(address));
	/* Its other end stays open here, and is not read. */
	(void)accept(listener, NULL, NULL);
	close(listener);
	while (send(fd, piece, sizeof(piece), MSG_NOSIGNAL | MSG_DONTWAIT) > 0)
		continue;
	(void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
	return fd;
}

/* Of any kind; the caller's. */
static int
any_descriptor(struct evil *evil)
{
	int pair[2] = { -1, -1 };

	switch (below(evil, 5)) {
	case 0:
		if (pipe(pair) == 0)
			close(pair[0]);
		return pair[1];
	case 1:
		if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0)
			close(pair[0]);
		return pair[1];
	case 2:
		return open("/dev/null", O_RDWR);
	case 3:
		return open("/", O_RDONLY | O_DIRECTORY);
	default:
		return slow_to_close();
	}
}

/* Beside the frame that was appended last. */
static void
pass_descriptor(struct evil *evil, struct channel *channel)
{
	int fd = any_descriptor(evil);

	if (fd == -1)
		return;
	channel_attach(channel, fd);
	close(fd);
}

/* ---- raftd -------------------------------------------------------------------------- */

static void
lose_channel(struct evil *evil, int why)
{
	if (evil->channel == NULL)
		return;
	channel_free(&evil->channel);
	msg_channel_lost_frame(child_out(evil->child), 0,
	    &(struct msg_channel_lost){ .token = evil->token, .why = (uint8_t)why });
}

static void
greet(struct evil *evil)
{
	struct msg_hello hello = { .magic = WIRE_MAGIC, .protocol = WIRE_PROTOCOL,
		.role = (uint8_t)evil->role, .number = evil->number, .token = evil->token,
		.session = rand_next(&evil->senseless.rand) | 1 };

	if (evil->mood == MOOD_SILENT)
		return;
	if (evil->mood == MOOD_RUDE) {
		switch (below(evil, 5)) {
		case 0:
			senseless_tame(&evil->senseless, channel_out(evil->channel));
			break;
		case 1:
			hello.token++;
			break;
		case 2:
			hello.number ^= 1;
			break;
		case 3:
			hello.role = ROLE_PEER == evil->role ? ROLE_CLIENT : ROLE_PEER;
			break;
		default:
			hello.session = 0;
			break;
		}
	}
	msg_hello_frame(channel_out(evil->channel), 0, &hello);
	if (chance(evil, 100))
		pass_descriptor(evil, evil->channel);
}

static void
heard(void *argument, const struct frame *frame, int fd)
{
	struct evil *evil = argument;
	struct buf *out = channel_out(evil->channel);
	struct msg_status status;
	struct msg_event event;

	if (fd != -1)
		close(fd);
	if (frame->type == MSG_hello) {
		greet(evil);
		return;
	}
	/* Before, a peer worker says whether this machine may be one of a cluster. */
	if (frame->type == MSG_status && msg_status_decode(frame->payload, &status) == ERR_NONE)
		evil->greeted = evil->greeted || status.phase == PHASE_MEMBER;
	senseless_hear(&evil->senseless, frame);
	if (frame->type == MSG_outcome && (frame->flags & FRAME_MORE) != 0 && chance(evil, 300))
		msg_read_more_frame(out, frame->request_id, &(struct msg_read_more){ 0 });
	if (frame->type == MSG_event && msg_event_decode(frame->payload, &event) == ERR_NONE &&
	    evil->role == ROLE_CLIENT && chance(evil, 300))
		msg_watch_taken_frame(out, 0,
		    &(struct msg_watch_taken){ .past_bytes = event.past_bytes });
}

static void
ended(void *argument, enum err why)
{
	lose_channel(argument, channel_end_of(why));
}

static void
attached(void *argument, int role, uint32_t number UNUSED, uint64_t token, int fd)
{
	static const enum mood moods[] = { MOOD_TALKS, MOOD_TALKS, MOOD_TALKS, MOOD_TALKS,
		MOOD_DEAF, MOOD_BURST, MOOD_VIEWS, MOOD_WATCHES, MOOD_PASSES, MOOD_RUDE,
		MOOD_SILENT };
	struct evil *evil = argument;

	if (role != ROLE_RAFTD) {
		close(fd);
		return;
	}
	channel_free(&evil->channel);
	evil->token = token;
	evil->greeted = false;
	evil->sent = 0;
	evil->mood = moods[below(evil, ARRAY_COUNT(moods))];
	evil->channel_ends_ms = loop_now(evil->loop).monotonic_ms +
	    (evil->mood >= MOOD_RUDE ? 200 : 500 + below(evil, 3000));
	evil->channel = channel_new(evil->loop, fd, (struct channel_owner){
	    .name = "raftd", .received = heard, .closed = ended, .argument = evil });
	diag_info("evil", "channel mood=%s", mood_names[evil->mood]);
	if (!evil->ready)
		child_ready(evil->child, "evil");
	evil->ready = true;
}

/* One frame of the mood. */
static void
put_frame(struct evil *evil)
{
	struct buf *out = channel_out(evil->channel);
	struct senseless *s = &evil->senseless;
	bool client = evil->role == ROLE_CLIENT;

	if (client && evil->mood == MOOD_BURST)
		msg_read_frame(out, s->next_id++, &(struct msg_read){ .key = SLICE_LITERAL("/"),
		    .flags = (uint8_t)below(evil, READ_FLAG_ALL + 1) });
	else if (client && evil->mood == MOOD_VIEWS && chance(evil, 800))
		msg_read_frame(out, s->next_id++, &(struct msg_read){
		    .key = SLICE_LITERAL("/evil"), .flags = READ_FLAG_RECURSIVE });
	else if (client && evil->mood == MOOD_WATCHES && chance(evil, 900))
		msg_watch_frame(out, s->next_id++, &(struct msg_watch){
		    .key = SLICE_LITERAL("/"), .since = 1 + below(evil, s->index + 1),
		    .flags = (uint8_t)below(evil, WATCH_FLAG_ALL + 1) });
	else
		senseless_tame(s, out);
	if (evil->mood == MOOD_PASSES && chance(evil, 100) && evil->sent % 16 == 0)
		pass_descriptor(evil, evil->channel);
	evil->sent++;
}

static void
speak(struct evil *evil)
{
	static const size_t most[MOODS] = { [MOOD_TALKS] = SIZE_MAX, [MOOD_DEAF] = SIZE_MAX,
		[MOOD_BURST] = BURST_REQUESTS, [MOOD_VIEWS] = 2000, [MOOD_WATCHES] = 30000,
		[MOOD_PASSES] = 20000 };
	bool deaf = evil->mood == MOOD_DEAF || evil->mood == MOOD_BURST ||
	    (evil->mood == MOOD_VIEWS && !chance(evil, 20));

	if (evil->channel == NULL || !evil->greeted)
		return;
	channel_pause(evil->channel, deaf);
	for (int i = 0; i < TICK_FRAMES && evil->sent < most[evil->mood] &&
	    channel_queued(evil->channel) < QUEUE_BYTES; i++)
		put_frame(evil);
}

/* ---- the supervisor ----------------------------------------------------------------- */

/* What the table lets it say, with any fields; and what a worker is killed for. */
static void
bother_supervisor(struct evil *evil, bool to_the_death)
{
	struct buf *out = child_out(evil->child);
	struct senseless *s = &evil->senseless;

	if (!to_the_death) {
		msg_alive_frame(out, 0, &(struct msg_alive){ .connections = UINT32_MAX,
		    .term = rand_next(&s->rand), .store_index = rand_next(&s->rand),
		    .memory = UINT64_MAX, .unused_leader = SLICE_LITERAL("\x1b]0;x\a\n") });
		msg_channel_lost_frame(out, rand_next(&s->rand), &(struct msg_channel_lost){
		    .token = rand_next(&s->rand),
		    .why = (uint8_t)(CHANNEL_END_CLOSED + below(evil, CHANNEL_END_SOCKET)) });
		if (chance(evil, 50))
			child_ready(evil->child, "\x1b[2J again\n");
		if (evil->role == ROLE_PEER) {
			struct buf reach = BUF_INIT;

			reach_record_put(&reach, &(struct reach_record){ .id = rand_next(&s->rand),
			    .reach = (uint8_t)below(evil, 256) });
			msg_resolve_frame(out, rand_next(&s->rand), &(struct msg_resolve){
			    .host = chance(evil, 100) ? SLICE_LITERAL("localhost") :
			    SLICE_LITERAL("-h;\n") });
			msg_reach_frame(out, 0, &(struct msg_reach){
			    .members = chance(evil, 500) ? buf_slice(&reach) :
			    SLICE_LITERAL("reach of nobody") });
			buf_free(&reach);
		}
		return;
	}
	switch (below(evil, 6)) {
	case 0:
		msg_end_node_frame(out, 0, &(struct msg_end_node){
		    .exit_code = (uint8_t)below(evil, 256), .text = SLICE_LITERAL("the end") });
		break;
	case 1:
		msg_hello_frame(out, 0, &(struct msg_hello){ .magic = WIRE_MAGIC,
		    .protocol = WIRE_PROTOCOL, .role = ROLE_RAFTD });
		break;
	case 2:
		msg_node_state_frame(out, 0, &(struct msg_node_state){ .phase = 4 });
		break;
	case 3:
		msg_channel_lost_frame(out, 0, &(struct msg_channel_lost){
		    .token = evil->token, .why = 200 });
		break;
	case 4:
		frame_append(out, MSG_alive, 0, 0, SLICE_LITERAL("too short"));
		break;
	default:
		buf_append_slice(out, SLICE_LITERAL("\xff\xff\xff\xff no frame of any kind"));
		break;
	}
}

/* ---- a worker that takes our connections --------------------------------------------- */

static void
lane_heard(void *argument, const struct frame *frame, int fd)
{
	struct evil *evil = argument;
	struct senseless *s = &evil->senseless;
	struct msg_room room;

	if (fd != -1)
		close(fd);
	if (frame->type != MSG_room || msg_room_decode(frame->payload, &room) != ERR_NONE)
		return;
	for (uint32_t i = 0; i < room.connections && i < 40; i++) {
		struct msg_handed handed = {
			.flags = (uint8_t)below(evil, HANDED_ALL + 1),
			.in = chance(evil, 500) ? SLICE_LITERAL("GET /v2/keys/ HTTP/1.1\r\nHost: "
			    "a\r\n\r\n\0\xff{") : SLICE_EMPTY,
			.out = chance(evil, 500) ? SLICE_LITERAL("HTTP/1.1 200 OK\r\n") :
			    SLICE_EMPTY,
			.watch_flags = (uint8_t)below(evil, WATCH_FLAG_ALL + 1),
			.key = chance(evil, 500) ? SLICE_LITERAL("/evil/a") :
			    SLICE_LITERAL("no key//"),
			.next_index = rand_next(&s->rand),
			.target = SLICE_LITERAL("\x1b[2J\n"),
			.route = SLICE_LITERAL("no route"),
			.begun_ns = rand_next(&s->rand),
			.bytes_in = rand_next(&s->rand),
			.bytes_out = rand_next(&s->rand),
		};

		msg_handed_frame(channel_out(evil->lane), 0, &handed);
		pass_descriptor(evil, evil->lane);
	}
}

static void
lane_ended(void *argument, enum err why UNUSED)
{
	channel_free(&((struct evil *)argument)->lane);
}

static void
handover(void *argument, bool give, uint64_t token, int fd)
{
	struct evil *evil = argument;

	if (!give || evil->lane != NULL) {
		close(fd);
		return;
	}
	evil->lane = channel_new(evil->loop, fd, (struct channel_owner){
	    .name = "another client worker", .received = lane_heard, .closed = lane_ended,
	    .argument = evil });
	msg_hello_frame(channel_out(evil->lane), 0, &(struct msg_hello){ .magic = WIRE_MAGIC,
	    .protocol = WIRE_PROTOCOL, .role = ROLE_CLIENT, .number = evil->number,
	    .token = token });
}

/* ---- the process --------------------------------------------------------------------- */

static void
end_channel(struct evil *evil)
{
	if (evil->greeted && chance(evil, 600)) {
		senseless_wild(&evil->senseless, channel_out(evil->channel));
		evil->channel_ends_ms += 500;
	} else {
		lose_channel(evil, CHANNEL_END_CLOSED);
	}
}

static void
tick(void *argument)
{
	struct evil *evil = argument;
	uint64_t now_ms = loop_now(evil->loop).monotonic_ms;

	speak(evil);
	if (evil->channel != NULL && now_ms >= evil->channel_ends_ms)
		end_channel(evil);
	if (evil->ready && chance(evil, 100))
		bother_supervisor(evil, false);
	if (evil->drained_ms != 0 && now_ms >= evil->drained_ms) {
		loop_stop(evil->loop, EXIT_STOPPED);
	} else if (evil->ready && evil->drained_ms == 0 && now_ms >= evil->ends_ms) {
		evil->ends_ms += 1000;
		if (chance(evil, 300))
			loop_stop(evil->loop, (int)below(evil, 100));
		bother_supervisor(evil, true);
	}
	loop_timer_set(evil->timer, TICK_MS);
}

static void
flush(void *argument)
{
	struct evil *evil = argument;

	if (evil->channel != NULL)
		channel_flush(evil->channel);
	if (evil->lane != NULL)
		channel_flush(evil->lane);
}

static void
configured(void *argument, const struct config *config UNUSED)
{
	struct evil *evil = argument;
	struct senseless *s = &evil->senseless;
	const char *seed = getenv("MOOTHALL_EVIL_SEED");
	uint64_t number = seed == NULL ? 1 : strtoull(seed, NULL, 10);

	senseless_init(s, number * 1000003 + evil->number * 1009 + child_restarts(evil->child),
	    evil->role == ROLE_PEER ? FROM_PEER_WORKER : FROM_CLIENT_WORKER, "/evil");
	s->harmless = getenv("MOOTHALL_EVIL_HARMLESS") != NULL;
	s->peers[0] = 0xb2;
	s->peers[1] = 0xc3;
	s->peers[2] = rand_next(&s->rand);
	evil->ends_ms = loop_now(evil->loop).monotonic_ms + 2000 + below(evil, 20000);
	loop_timer_set(evil->timer, TICK_MS);
}

static void
stop(void *argument, int how)
{
	struct evil *evil = argument;

	/* One that drains is left time to give its connections away. */
	if (how != STOP_DRAIN)
		loop_stop(evil->loop, EXIT_STOPPED);
	evil->drained_ms = loop_now(evil->loop).monotonic_ms + DRAIN_MS;
}

static void
secured(void *argument UNUSED, const struct msg_tls *material UNUSED)
{
}

static void
tickets(void *argument UNUSED, struct slice keys UNUSED)
{
}

static void
resolved(void *argument UNUSED, uint64_t request_id UNUSED, struct slice addresses UNUSED)
{
}

static void
rotation(void *argument UNUSED, bool out UNUSED)
{
}

/* Is the name among those with commas between them? */
static bool
is_named(const char *names, const char *name)
{
	size_t size = strlen(name);

	while (names != NULL && names[0] != '\0') {
		if (strncmp(names, name, size) == 0 && (names[size] == ',' || names[size] == '\0'))
			return true;
		names = strchr(names, ',');
		if (names != NULL)
			names++;
	}
	return false;
}

static bool
is_evil(const char *role, const char *number)
{
	const char *end = getenv("MOOTHALL_EVIL_END");

	if (end != NULL && access(end, F_OK) == 0)
		return false;
	return is_named(getenv("MOOTHALL_EVIL"), strcmp(role, "peer") == 0 ? "peer" : number);
}

int
main(int argc, char **argv)
{
	const char *httpd = getenv("MOOTHALL_EVIL_HTTPD");
	struct evil evil = { .role = ROLE_CLIENT };
	int code;

	/* As fork_child of supervisor/process.c says it: --role R --number N ... */
	if (argc < 5 || !is_evil(argv[2], argv[4])) {
		if (httpd != NULL)
			execv(httpd, argv);
		return EXIT_USAGE;
	}
	if (strcmp(argv[2], "peer") == 0)
		evil.role = ROLE_PEER;
	evil.number = (uint32_t)strtoul(argv[4], NULL, 10);
	diag_start("httpd");
	/* It may wait in a close of its own; then it does not end when it is told to, either. */
	signal(SIGABRT, SIG_IGN);
	evil.loop = loop_new();
	evil.timer = loop_timer_new(evil.loop, tick, &evil);
	evil.child = child_new(evil.loop, CHILD_CONTROL_FD, evil.role, evil.number,
	    (struct child_owner){
		.configured = configured,
		.attached = attached,
		.stop = stop,
		.resolved = resolved,
		.secured = secured,
		.tickets = tickets,
		.handover = handover,
		.rotation = rotation,
		.argument = &evil,
	    });
	loop_at_turn_end(evil.loop, flush, &evil);
	code = loop_run(evil.loop, EXIT_STOPPED);
	channel_free(&evil.channel);
	channel_free(&evil.lane);
	senseless_free(&evil.senseless);
	child_free(&evil.child);
	loop_timer_free(&evil.timer);
	loop_free(&evil.loop);
	return code;
}
