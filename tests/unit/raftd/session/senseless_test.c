/*
 * senseless_test.c - workers that were taken over beside one that was not, around the real
 * sessions and conductor: sequences of frames from a seed, virtual time, a disk and images
 * that answer when chance likes.
 *
 *	MOOTHALL_SENSELESS_SEEDS	how many seeds, 16 if not given
 *	MOOTHALL_SENSELESS_FIRST	the first of them, 1
 *
 * The bystander is a client worker that asks one thing at a time. It has to be answered in
 * time and rightly, and its watch has every event once. A peer worker speaks for nodes, in
 * some seeds without any restraint; then only raftd's life is looked at.
 */
#include "raftd/session/session.h"

#include "common/ipc/shared_index.h"
#include "common/limits.h"
#include "common/xmem.h"
#include "tests/lib/senseless.h"
#include "tests/lib/test.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define TOKEN 1234
#define STEPS 1500
#define EVIL 3			/* two client workers and the peer worker */
#define IMAGES 8
/* A session that no forged command has by chance: it could be told that it is done. */
#define BYSTANDER UINT64_C(0x6279737461746572)
#define WATCH_ID 1000000
#define WATCHES_MAX 500

struct party {
	int fd;
	int role;
	uint32_t number;
	uint64_t session;
	struct senseless senseless;
	struct buf out, in;
	bool deaf;
};

/* An image of the applied state that is being read. */
struct image {
	uint64_t id;			/* 0: none */
	bool asked;
	unsigned pieces;
};

struct life {
	uint64_t seed;
	struct rand rand;
	struct loop *loop;
	struct node *node;
	struct sessions *sessions;
	struct clock_time now;
	uint64_t tickets, synced, image_last;
	struct image images[IMAGES];
	struct buf nowhere;
	struct party evil[EVIL];
	bool reckless, ended;

	struct party by;		/* the bystander */
	uint64_t asked_ms;		/* 0: nothing is asked */
	uint64_t id, written, told, heard;
};

/* ---- the world ----------------------------------------------------------------------- */

static uint64_t
submit(void *argument, const struct wal_turn *turn UNUSED)
{
	return ++((struct life *)argument)->tickets;
}

static void
fetch(void *argument UNUSED, uint64_t id UNUSED, raft_index from UNUSED, size_t bytes_max UNUSED)
{
}

static struct image *
image_of(struct life *life, uint64_t id)
{
	for (size_t i = 0; i < IMAGES; i++)
		if (life->images[i].id == id)
			return &life->images[i];
	return NULL;
}

static uint64_t
snapshot_begin(void *argument)
{
	struct life *life = argument;
	struct image *image = image_of(life, 0);

	assert_non_null(image);
	*image = (struct image){ .id = ++life->image_last };
	return image->id;
}

static void
snapshot_read(void *argument, uint64_t snapshot, size_t bytes_max UNUSED)
{
	struct image *image = image_of(argument, snapshot);

	assert_non_null(image);
	assert_false(image->asked);
	image->asked = true;
}

static void
snapshot_end(void *argument, uint64_t snapshot)
{
	struct image *image = image_of(argument, snapshot);

	assert_non_null(image);
	*image = (struct image){ 0 };
}

static uint64_t
install_begin(void *argument)
{
	return submit(argument, NULL);
}

static uint64_t
install_records(void *argument, struct slice records UNUSED)
{
	return submit(argument, NULL);
}

static uint64_t
install_commit(void *argument, struct raft_position position UNUSED, bool keep UNUSED)
{
	return submit(argument, NULL);
}

static struct buf *
peer_out(void *argument)
{
	return sessions_peer_out(((struct life *)argument)->sessions);
}

static void
outcome(void *argument, uint64_t session, uint64_t id, const struct node_outcome *o)
{
	sessions_outcome(((struct life *)argument)->sessions, session, id, o);
}

static void
watching(void *argument, uint64_t session, uint64_t id, const struct msg_watching *m)
{
	sessions_watching(((struct life *)argument)->sessions, session, id, m);
}

static void
event(void *argument, uint64_t session, const uint64_t *ids, size_t count, struct slice bytes,
    uint64_t past_bytes)
{
	sessions_event(((struct life *)argument)->sessions, session, ids, count, bytes, past_bytes);
}

/* What goes to one worker as it is. */
#define TELLS(name) \
	static void \
	name(void *argument, uint64_t session, uint64_t id, const struct msg_##name *m) \
	{ \
		sessions_##name(((struct life *)argument)->sessions, session, id, m); \
	}
TELLS(v3_watching)
TELLS(v3_events)
TELLS(v3_past)
TELLS(v3_progress)
TELLS(stats)
TELLS(backup_piece)

static size_t
queued(void *argument, uint64_t session)
{
	return sessions_queued_for(((struct life *)argument)->sessions, session);
}

static void
changed(void *argument, const struct msg_changed *m)
{
	sessions_changed(((struct life *)argument)->sessions, m);
}

static void
status(void *argument, const struct msg_status *m)
{
	sessions_status(((struct life *)argument)->sessions, m);
}

static void
note(void *argument UNUSED, enum diag_level level UNUSED, const char *format UNUSED,
    const char *text UNUSED)
{
}

/* Only who speaks for nodes may bring it about. */
static void
end(void *argument, enum exit_code code, const char *sentence)
{
	struct life *life = argument;

	if (!life->reckless)
		fail_msg("seed %" PRIu64 " ends the node: %d, %s", life->seed, (int)code, sentence);
	life->ended = true;
}

static void
retire(void *argument, struct slice peers UNUSED, uint64_t wait_ms UNUSED)
{
	end(argument, EXIT_REMOVED, "it retires");
}

static void
moved(void *argument UNUSED, bool done UNUSED)
{
}

static void
open_node(struct life *life)
{
	struct node_config config = {
		.peer_url = "http://127.0.0.1:7001",
		.client_url = "http://127.0.0.1:4001",
		.heartbeat_ms = 50,
		.election_ms = 200,
		.request_timeout_ms = 5000,
		.trim_log = true,
		.trim_entries = 200,
		.watches_max = WATCHES_MAX,
		.seed = life->seed,
		.new_cluster_id = 0xc1,
	};
	struct node_io io = {
		.submit = submit, .fetch = fetch, .snapshot_begin = snapshot_begin,
		.snapshot_read = snapshot_read, .snapshot_end = snapshot_end,
		.install_begin = install_begin, .install_records = install_records,
		.install_commit = install_commit, .peer_out = peer_out, .outcome = outcome,
		.watching = watching, .event = event, .v3_watching = v3_watching,
		.v3_events = v3_events, .v3_past = v3_past, .v3_progress = v3_progress,
		.stats = stats,
		.backup_piece = backup_piece, .queued = queued, .changed = changed,
		.status = status, .note = note, .end = end, .retire = retire, .moved = moved,
		.argument = life,
	};
	struct wal_recovered recovered = {
		.identity = { .node_id = 0xa1, .name = "machine1" }, .is_new = true };
	const char *where;

	life->now = (struct clock_time){ .monotonic_ms = 1000, .monotonic_ns = 1000 * NS_PER_MS,
		.wall_ns = 1000000 * NS_PER_SECOND };
	life->node = node_new(&config, io, &recovered);
	life->sessions = sessions_new(life->loop, life->node);
	assert_int_equal(node_start(life->node, life->now, &where), ERR_NONE);
}

static void
stop_loop(void *argument)
{
	loop_stop(argument, 0);
}

/* The disk does what it was asked to, some of it. */
static void
disk_turn(struct life *life)
{
	for (size_t i = 0; i < IMAGES; i++) {
		struct image *image = &life->images[i];
		bool last = image->pieces >= 2;

		if (image->id == 0 || !image->asked || rand_chance(&life->rand, 500))
			continue;
		image->asked = false;
		image->pieces++;
		if (rand_chance(&life->rand, 50))
			node_snapshot_lost(life->node, image->id);
		else
			node_snapshot_read(life->node, image->id, (struct raft_position){ 1, 1 },
			    SLICE_EMPTY, last);
	}
	if (life->synced < life->tickets && rand_chance(&life->rand, 600)) {
		life->synced += 1 + rand_below(&life->rand, life->tickets - life->synced);
		node_persisted(life->node, life->synced);
	}
}

static void
turn(struct life *life, uint64_t later_ms)
{
	life->now.monotonic_ms += later_ms;
	life->now.monotonic_ns += later_ms * NS_PER_MS;
	life->now.wall_ns += later_ms * NS_PER_MS;
	/* One turn of the loop: what came is given to the node. */
	loop_again(life->loop);
	loop_run(life->loop, 0);
	disk_turn(life);
	node_turn(life->node, life->now);
	sessions_flush(life->sessions);
}

/* ---- workers ----------------------------------------------------------------------------- */

static void
attach(struct life *life, struct party *party)
{
	struct msg_hello hello = { .magic = WIRE_MAGIC, .protocol = WIRE_PROTOCOL,
		.role = (uint8_t)party->role, .number = party->number, .token = TOKEN };
	int pair[2];

	if (party->fd != -1)
		close(party->fd);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
	sessions_attach(life->sessions, party->role, party->number, TOKEN, pair[0]);
	party->fd = pair[1];
	party->deaf = false;
	buf_clear(&party->in);
	buf_clear(&party->out);
	hello.session = party->session;
	msg_hello_frame(&party->out, 0, &hello);
}

/* False: the channel is closed. */
static bool
write_out(struct party *party)
{
	while (party->out.size > 0) {
		ssize_t sent = send(party->fd, party->out.data, party->out.size, MSG_NOSIGNAL);

		if (sent == -1)
			return errno == EAGAIN;
		buf_consume(&party->out, (size_t)sent);
	}
	return true;
}

static bool
read_in(struct party *party)
{
	for (;;) {
		uint8_t *room = buf_reserve(&party->in, 65536);
		ssize_t got = read(party->fd, room, 65536);

		if (got <= 0)
			return got == -1 && errno == EAGAIN;
		buf_added(&party->in, (size_t)got);
	}
}

/* What it answers to what it hears, now and then. */
static void
evil_hears(struct party *party)
{
	struct senseless *s = &party->senseless;
	struct frame frame;
	size_t used;

	while (frame_parse(buf_slice(&party->in), &frame, &used) == ERR_NONE) {
		senseless_hear(s, &frame);
		if (frame.type == MSG_outcome && (frame.flags & FRAME_MORE) != 0 &&
		    rand_chance(&s->rand, 500))
			msg_read_more_frame(&party->out, frame.request_id,
			    &(struct msg_read_more){ 0 });
		buf_consume(&party->in, used);
	}
}

static void
evil_turn(struct life *life, struct party *party)
{
	struct senseless *s = &party->senseless;
	size_t count = rand_below(&s->rand, 30);

	if (rand_chance(&s->rand, 20))
		party->deaf = !party->deaf;
	for (size_t i = 0; i < count && party->out.size < MIB; i++)
		senseless_tame(s, &party->out);
	if (rand_chance(&s->rand, 5))
		senseless_wild(s, &party->out);
	if (!write_out(party) || (!party->deaf && !read_in(party)) || rand_chance(&s->rand, 2)) {
		/* At times with the session it had. */
		if (rand_chance(&s->rand, 700))
			party->session = rand_next(&s->rand) | 1;
		attach(life, party);
	}
	evil_hears(party);
}

/* ---- the bystander ------------------------------------------------------------------------- */

static void
by_asks(struct life *life)
{
	struct buf *out = &life->by.out;
	char value[24];

	life->id++;
	life->asked_ms = life->now.monotonic_ms;
	if (life->written == life->told) {
		snprintf(value, sizeof(value), "%" PRIu64, ++life->written);
		msg_write_frame(out, life->id, &(struct msg_write){ .low = life->id,
		    .op = WRITE_SET, .key = SLICE_LITERAL("/by"), .value = slice_text(value) });
	} else {
		msg_read_frame(out, life->id, &(struct msg_read){ .key = SLICE_LITERAL("/by"),
		    .flags = rand_chance(&life->rand, 500) ? READ_FLAG_QUORUM : 0 });
	}
}

/* The value of the event's node, as a number. */
static uint64_t
value_in(struct slice bytes)
{
	struct reader in = reader_of(bytes);
	struct event_record record;
	struct node_record node;
	char text[24];

	assert_true(event_record_get(&in, &record));
	in = reader_of(record.nodes);
	assert_true(node_record_get(&in, &node));
	assert_true(node.value.size < sizeof(text));
	memcpy(text, node.value.data, node.value.size);
	text[node.value.size] = '\0';
	return strtoull(text, NULL, 10);
}

static void
by_hears(struct life *life)
{
	struct msg_outcome outcome_said;
	struct msg_watching watching_said;
	struct msg_event event_said;
	struct frame frame;
	size_t used;

	while (frame_parse(buf_slice(&life->by.in), &frame, &used) == ERR_NONE) {
		if (frame.type == MSG_outcome) {
			assert_int_equal(msg_outcome_decode(frame.payload, &outcome_said),
			    ERR_NONE);
			assert_int_equal(frame.request_id, life->id);
			assert_int_equal(outcome_said.error, ERR_NONE);
			assert_int_equal(value_in(outcome_said.event), life->written);
			/* After a write its value is read. */
			life->told = life->told == life->written ? life->told : life->told + 1;
			life->asked_ms = 0;
		} else if (frame.type == MSG_watching) {
			assert_int_equal(msg_watching_decode(frame.payload, &watching_said),
			    ERR_NONE);
			assert_int_equal(watching_said.error, ERR_NONE);
		} else if (frame.type == MSG_event) {
			assert_int_equal(msg_event_decode(frame.payload, &event_said), ERR_NONE);
			assert_int_equal(value_in(event_said.event), ++life->heard);
		}
		buf_consume(&life->by.in, used);
	}
}

static void
by_turn(struct life *life)
{
	if (life->asked_ms == 0)
		by_asks(life);
	assert_true(write_out(&life->by));
	assert_true(read_in(&life->by));
	by_hears(life);
	assert_true(life->asked_ms == 0 || life->now.monotonic_ms - life->asked_ms < 5000);
}

/* ---- lives --------------------------------------------------------------------------------- */

static void
open_parties(struct life *life)
{
	static const int roles[EVIL] = { ROLE_CLIENT, ROLE_CLIENT, ROLE_PEER };

	life->by = (struct party){ .fd = -1, .role = ROLE_CLIENT, .number = 1,
		.session = BYSTANDER };
	attach(life, &life->by);
	msg_watch_frame(&life->by.out, WATCH_ID, &(struct msg_watch){ .flags = WATCH_FLAG_STREAM,
	    .since = 1, .key = SLICE_LITERAL("/by") });
	for (size_t i = 0; i < EVIL; i++) {
		struct party *party = &life->evil[i];
		bool peer = roles[i] == ROLE_PEER;

		*party = (struct party){ .fd = -1, .role = roles[i],
			.number = peer ? 0 : (uint32_t)i + 2, .session = 1000 + i };
		senseless_init(&party->senseless, life->seed * 31 + i,
		    peer ? FROM_PEER_WORKER : FROM_CLIENT_WORKER, "/evil");
		party->senseless.big_per_mille = life->seed % 10 == 0 ? 3 : 0;
		party->senseless.harmless = !life->reckless;
		party->senseless.peers[0] = 0xb2;
		party->senseless.peers[1] = 0xc3;
		party->senseless.peers[2] = 0xa1;
		attach(life, party);
	}
}

/* What raftd holds for workers. */
static void
check_bounds(const struct life *life)
{
	struct node_counts counts;

	node_count(life->node, &counts);
	assert_true(counts.proposals + counts.reads_pending + counts.reads_under_way <=
	    (EVIL + 1) * (SESSION_REQUESTS_MAX + SESSION_VIEWS_MAX));
	assert_true(counts.reads_under_way <= (EVIL + 1) * SESSION_VIEWS_MAX);
	assert_true(sessions_count(life->sessions) <= 2 * (EVIL + 1));
	assert_true(sessions_queued(life->sessions) <= (EVIL + 1) *
	    (SESSION_QUEUE_BYTES + ASSEMBLED_BYTES_MAX));
}

static void
close_party(struct party *party)
{
	close(party->fd);
	buf_free(&party->in);
	buf_free(&party->out);
	senseless_free(&party->senseless);
}

/* With the workers everything that they had goes. */
static void
check_end(struct life *life)
{
	struct node_counts counts;

	close_party(&life->by);
	for (size_t i = 0; i < EVIL; i++)
		close_party(&life->evil[i]);
	for (int i = 0; i < 20 && !life->ended; i++)
		turn(life, 1);
	if (life->ended)
		return;
	node_count(life->node, &counts);
	assert_int_equal(sessions_count(life->sessions), 0);
	assert_int_equal(counts.proposals, 0);
	assert_int_equal(counts.reads_pending, 0);
	assert_int_equal(counts.reads_under_way, 0);
	assert_int_equal(counts.store[STAT_WATCHERS], 0);
}

static void
live(uint64_t seed)
{
	struct life life = { .seed = seed, .reckless = seed % 4 == 3 };

	rand_seed(&life.rand, seed);
	life.loop = loop_new();
	loop_at_turn_end(life.loop, stop_loop, life.loop);
	open_node(&life);
	/* As long as it belongs to no cluster, the peer worker says whether it may. */
	while (raft_role(node_raft(life.node)) != RAFT_LEADER || life.synced < life.tickets)
		turn(&life, 1);
	open_parties(&life);
	for (size_t i = 0; i < STEPS && !life.ended; i++) {
		for (size_t n = 0; n < EVIL; n++)
			evil_turn(&life, &life.evil[n]);
		if (!life.reckless)
			by_turn(&life);
		turn(&life, rand_below(&life.rand, 4));
		if (!life.reckless)
			check_bounds(&life);
	}
	if (!life.reckless)
		assert_true(life.heard + 1 >= life.told && life.told > 20);
	check_end(&life);
	sessions_free(&life.sessions);
	node_free(&life.node);
	loop_free(&life.loop);
	buf_free(&life.nowhere);
}

static uint64_t
number_of(const char *name, uint64_t otherwise)
{
	const char *text = getenv(name);

	return text == NULL ? otherwise : strtoull(text, NULL, 10);
}

TEST(workers_that_were_taken_over_harm_nobody)
{
	uint64_t first = number_of("MOOTHALL_SENSELESS_FIRST", 1);
	uint64_t count = number_of("MOOTHALL_SENSELESS_SEEDS", 16);

	for (uint64_t seed = first; seed < first + count; seed++) {
		print_message("# seed %" PRIu64 "\n", seed);
		live(seed);
	}
}
