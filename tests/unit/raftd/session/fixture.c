/*
 * fixture.c - see fixture.h.
 */
#include "tests/unit/raftd/session/fixture.h"

#include <sys/socket.h>

static uint64_t
submit(void *argument UNUSED, const struct wal_turn *turn UNUSED)
{
	return 1;
}

static struct buf *
peer_out(void *argument)
{
	struct world *w = argument;

	if (w->sessions != NULL)
		return sessions_peer_out(w->sessions);
	buf_clear(&w->nowhere);
	return &w->nowhere;
}

static void
note(void *argument UNUSED, enum diag_level level UNUSED, const char *format UNUSED,
    const char *text UNUSED)
{
}

static void
watching(void *argument, uint64_t session, uint64_t watch_id, const struct msg_watching *answer)
{
	struct world *w = argument;

	sessions_watching(w->sessions, session, watch_id, answer);
}

/* What goes to one worker as it is. */
#define TELLS(name) \
	static void \
	name(void *argument, uint64_t session, uint64_t id, const struct msg_##name *m) \
	{ \
		sessions_##name(((struct world *)argument)->sessions, session, id, m); \
	}
TELLS(v3_watching)
TELLS(v3_events)
TELLS(v3_past)
TELLS(v3_progress)
TELLS(stats)

struct world *
world_new(void)
{
	struct world *w = xzalloc(sizeof(*w));
	struct node_config config = {
		.peer_url = "http://p", .client_url = "http://c", .heartbeat_ms = 50,
		.election_ms = 200, .request_timeout_ms = 1000, .watches_max = 10, .seed = 1,
		.new_cluster_id = 1, .join = true };
	struct node_io io = { .submit = submit, .peer_out = peer_out, .note = note,
		.watching = watching, .v3_watching = v3_watching, .v3_events = v3_events,
		.v3_past = v3_past, .v3_progress = v3_progress, .stats = stats,
		.argument = w };
	struct wal_recovered recovered = { .identity = { .node_id = 1, .name = "n" } };
	const char *where;

	w->loop = loop_new();
	w->node = node_new(&config, io, &recovered);
	assert_int_equal(node_start(w->node, loop_now(w->loop), &where), ERR_NONE);
	w->sessions = sessions_new(w->loop, w->node);
	return w;
}

void
world_free(struct world *w)
{
	sessions_free(&w->sessions);
	node_free(&w->node);
	loop_free(&w->loop);
	buf_free(&w->nowhere);
	free(w);
}

static void
stop(void *argument)
{
	loop_stop(argument, 0);
}

void
run(struct world *w)
{
	struct loop_timer *timer = loop_timer_new(w->loop, stop, w->loop);

	sessions_flush(w->sessions);
	loop_timer_set(timer, 1);
	loop_run(w->loop, 0);
	loop_timer_free(&timer);
	sessions_flush(w->sessions);
}

int
attach(struct world *w, int role, uint32_t number)
{
	int pair[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
	sessions_attach(w->sessions, role, number, 1234, pair[0]);
	return pair[1];
}

void
say(int fd, const struct buf *frames)
{
	assert_int_equal(write(fd, frames->data, frames->size), (ssize_t)frames->size);
}

void
greet(struct world *w, int fd, int role, uint32_t number, uint64_t token, uint64_t session)
{
	struct msg_hello hello = { .magic = WIRE_MAGIC, .protocol = WIRE_PROTOCOL,
		.role = (uint8_t)role, .number = number, .token = token, .session = session };
	struct buf out = BUF_INIT;

	msg_hello_frame(&out, 0, &hello);
	say(fd, &out);
	buf_free(&out);
	run(w);
}

size_t
hear(int fd, struct buf *in, int *types, size_t max)
{
	size_t count = 0, used;
	struct frame frame;
	ssize_t got;

	for (;;) {
		uint8_t *room = buf_reserve(in, 65536);

		got = read(fd, room, 65536);
		if (got <= 0)
			break;
		buf_added(in, (size_t)got);
	}
	while (count < max && frame_parse(buf_slice(in), &frame, &used) == ERR_NONE) {
		types[count++] = frame.type;
		buf_consume(in, used);
	}
	if (got == 0 && count < max)
		types[count++] = -1;
	return count;
}

void
expect_closed(struct world *w, int fd)
{
	struct buf in = BUF_INIT;
	int types[8];
	size_t count;

	run(w);
	count = hear(fd, &in, types, ARRAY_COUNT(types));
	assert_true(count > 0);
	assert_int_equal(types[count - 1], -1);
	assert_int_equal(sessions_count(w->sessions), 0);
	buf_free(&in);
	close(fd);
}
