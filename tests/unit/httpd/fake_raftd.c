/*
 * fake_raftd.c - a worker in a test (see fake_raftd.h).
 */
#include "tests/unit/httpd/fake_raftd.h"
#include "common/auth/auth.h"
#include "common/ipc/wire.h"
#include "common/limits.h"
#include "common/v3_auth/v3_auth.h"
#include "common/xmem.h"
#include "httpd/http/budget.h"
#include "tests/lib/test.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/sha.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define LIMIT_MS 10000
#define TOKEN 42

static void
flush(void *argument)
{
	struct fake *fake = argument;

	parts_turn(&fake->worker);
	if (fake->channel != NULL)
		channel_flush(fake->channel);
	if (fake->condition != NULL && fake->condition(fake->argument))
		loop_stop(fake->worker.loop, 0);
}

static void
too_late(void *argument)
{
	struct fake *fake = argument;

	loop_stop(fake->worker.loop, 1);
}

void
fake_until(struct fake *fake, bool (*condition)(void *argument), void *argument)
{
	struct loop_timer *limit = loop_timer_new(fake->worker.loop, too_late, fake);

	fake->condition = condition;
	fake->argument = argument;
	loop_timer_set(limit, LIMIT_MS);
	loop_again(fake->worker.loop);
	assert_int_equal(loop_run(fake->worker.loop, 0), 0);
	loop_timer_free(&limit);
	fake->condition = NULL;
}

/* ---- what the worker asks of main.c ------------------------------------------- */

/* No test of the client role asks for an address. */
static void
resolve(void *argument UNUSED, uint64_t id UNUSED, const char *host)
{
	fail_msg("an address is asked for: %s", host);
}

static void
lost_raftd(void *argument, uint64_t token, int why)
{
	struct fake *fake = argument;

	assert_int_equal(token, TOKEN);
	fake->lost_why = why;
}

static void
end_node(void *argument UNUSED, enum exit_code code UNUSED, const char *sentence)
{
	fail_msg("the node was ended: %s", sentence);
}

struct fake *
fake_new(int role)
{
	struct fake *fake = xzalloc(sizeof(*fake));
	struct worker *worker = &fake->worker;

	worker->loop = loop_new();
	worker->role = role;
	worker->number = 1;
	config_init(&worker->config);
	worker->owner = (struct worker_owner){ .resolve = resolve, .lost_raftd = lost_raftd,
	    .end_node = end_node, .argument = fake };
	parts_open(worker);
	fake->announced = shared_index_new();
	loop_at_turn_end(worker->loop, flush, fake);
	return fake;
}

void
fake_free(struct fake **fake_pointer)
{
	struct fake *fake = *fake_pointer;

	*fake_pointer = NULL;
	parts_close(&fake->worker);
	channel_free(&fake->channel);
	shared_index_free(&fake->announced);
	config_free(&fake->worker.config);
	loop_free(&fake->worker.loop);
	for (size_t i = 0; i < fake->frame_count; i++)
		blob_unref(&fake->frames[i].payload);
	free(fake->frames);
	free(fake);
}

static void
frame_came(void *argument, const struct frame *frame, int fd)
{
	struct fake *fake = argument;

	assert_int_equal(fd, -1);
	fake->frames = xgrow(fake->frames, &fake->frame_capacity, fake->frame_count + 1,
	    sizeof(fake->frames[0]));
	fake->frames[fake->frame_count++] = (struct fake_frame){ frame->type, frame->request_id,
		blob_new(frame->payload) };
}

static void
worker_closed(void *argument, enum err why UNUSED)
{
	struct fake *fake = argument;

	channel_free(&fake->channel);
}

void
fake_attach(struct fake *fake, int phase)
{
	int ends[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	fake->channel = channel_new(fake->worker.loop, ends[0], (struct channel_owner){
	    .name = "worker", .received = frame_came, .closed = worker_closed, .argument = fake });
	msg_hello_frame(channel_out(fake->channel), 0, &(struct msg_hello){ .magic = WIRE_MAGIC,
	    .protocol = WIRE_PROTOCOL, .role = ROLE_RAFTD, .token = TOKEN });
	channel_attach(fake->channel, shared_index_fd(fake->announced));
	if (phase != 0)
		fake_status(fake, phase, 0);
	backend_attach(fake->worker.backend, ends[1], TOKEN);
}

static void
send_status(struct fake *fake, int phase, uint64_t store_index, bool alone)
{
	struct buf members = BUF_INIT;

	member_record_put(&members, &(struct member_record){ .id = 7, .role = MEMBER_VOTER,
	    .name = SLICE_LITERAL("one"), .peer_url = SLICE_LITERAL("http://one:7001"),
	    .client_url = SLICE_LITERAL("http://one:4001") });
	if (!alone)
		member_record_put(&members, &(struct member_record){ .id = 8,
		    .role = MEMBER_LEARNER, .name = SLICE_LITERAL("two"),
		    .peer_url = SLICE_LITERAL("http://two:7001"),
		    .client_url = SLICE_LITERAL("http://two:4001") });
	msg_status_frame(channel_out(fake->channel), 0, &(struct msg_status){
	    .phase = (uint8_t)phase, .node_id = 7, .cluster_id = 0xabc, .role = NODE_ROLE_FOLLOWER,
	    .store_index = store_index, .leader_id = alone ? 7 : 8,
	    .members = buf_slice(&members) });
	buf_free(&members);
}

void
fake_status(struct fake *fake, int phase, uint64_t store_index)
{
	send_status(fake, phase, store_index, false);
}

void
fake_status_alone(struct fake *fake, int phase)
{
	send_status(fake, phase, 0, true);
}

void
fake_detach(struct fake *fake)
{
	channel_free(&fake->channel);
	fake->taken = fake->frame_count;
}

static bool
has_frame(void *argument)
{
	struct fake *fake = argument;

	while (fake->taken < fake->frame_count && fake->frames[fake->taken].type == MSG_hello)
		fake->taken++;
	return fake->taken < fake->frame_count;
}

const struct fake_frame *
fake_next(struct fake *fake)
{
	if (!has_frame(fake))
		fake_until(fake, has_frame, fake);
	return &fake->frames[fake->taken++];
}

uint64_t
fake_next_id(struct fake *fake, uint16_t type)
{
	const struct fake_frame *frame = fake_next(fake);

	assert_int_equal(frame->type, type);
	return frame->request_id;
}

struct turns {
	struct fake *fake;
	int left;
};

static bool
turns_passed(void *argument)
{
	struct turns *turns = argument;

	/* Nothing may be ready, and nothing is waited for. */
	loop_again(turns->fake->worker.loop);
	return --turns->left == 0;
}

bool
fake_is_quiet(struct fake *fake)
{
	/* One finds what was sent, one sends what follows, one finds that. */
	struct turns turns = { fake, 4 };

	fake_until(fake, turns_passed, &turns);
	return !has_frame(fake);
}

void
fake_outcome(struct fake *fake, uint64_t id, enum err error, struct slice event,
    size_t piece_bytes)
{
	struct msg_outcome outcome = {
		.error = (uint16_t)error,
		.cause = error == ERR_NONE ? SLICE_EMPTY : SLICE_LITERAL("/x"),
		.store_index = 17,
		.raft_index = 20,
		.raft_term = 3,
	};
	struct buf *out = channel_out(fake->channel);
	size_t at = 0;

	do {
		size_t size = event.size - at;
		size_t begun;

		if (piece_bytes != 0)
			size = MIN_OF(size, piece_bytes);
		outcome.event = size == 0 ? SLICE_EMPTY : slice_of(event.data + at, size);
		at += size;
		begun = frame_begin(out, MSG_outcome, at < event.size ? FRAME_MORE : 0, id);
		msg_outcome_put(out, &outcome);
		frame_end(out, begun);
	} while (at < event.size);
}

void
fake_piece(struct fake *fake, uint64_t id, struct slice bytes, bool more)
{
	struct buf *out = channel_out(fake->channel);
	size_t begun = frame_begin(out, MSG_outcome, more ? FRAME_MORE : 0, id);

	msg_outcome_put(out, &(struct msg_outcome){ .store_index = 17, .raft_index = 20,
	    .raft_term = 3, .event = bytes });
	frame_end(out, begun);
}

void
fake_watching(struct fake *fake, uint64_t id, uint64_t store_index)
{
	msg_watching_frame(channel_out(fake->channel), id,
	    &(struct msg_watching){ .store_index = store_index, .raft_index = 20, .raft_term = 3 });
}

void
fake_watching_behind(struct fake *fake, uint64_t id, uint64_t store_index)
{
	msg_watching_frame(channel_out(fake->channel), id,
	    &(struct msg_watching){ .store_index = store_index, .raft_index = 20, .raft_term = 3,
	    .behind = 1 });
}

void
fake_event(struct fake *fake, const uint64_t *ids, size_t count, struct slice event)
{
	struct buf list = BUF_INIT;

	for (size_t i = 0; i < count; i++)
		codec_put_u64(&list, ids[i]);
	msg_event_frame(channel_out(fake->channel), 0,
	    &(struct msg_event){ .watch_ids = buf_slice(&list), .event = event });
	buf_free(&list);
}

struct buf
fake_set_event(const char *key, const char *value, uint64_t store_index, unsigned flags)
{
	struct buf nodes = BUF_INIT;
	struct buf event = BUF_INIT;

	node_record_put(&nodes, &(struct node_record){ .flags = NODE_VALUE,
	    .key = slice_text(key), .value = slice_text(value), .modified = store_index,
	    .created = store_index });
	event_record_put(&event, &(struct event_record){ .action = ACTION_SET,
	    .flags = (uint8_t)flags, .store_index = store_index, .nodes = buf_slice(&nodes) });
	buf_free(&nodes);
	return event;
}

void
fake_send_set(struct fake *fake, uint64_t id, const char *value, uint64_t store_index)
{
	struct buf event = fake_set_event("/k", value, store_index, 0);

	fake_event(fake, &id, 1, buf_slice(&event));
	buf_free(&event);
}

/* ---- clients ---------------------------------------------------------------------- */

static int
connect_with_room(struct fake *fake, const int *send_bytes)
{
	int ends[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends),
	    0);
	if (send_bytes != NULL)
		assert_int_equal(setsockopt(ends[1], SOL_SOCKET, SO_SNDBUF, send_bytes,
		    sizeof(*send_bytes)), 0);
	server_adopt_local(fake->worker.server, ends[1]);
	return ends[0];
}

int
fake_connect(struct fake *fake)
{
	return connect_with_room(fake, NULL);
}

int
fake_connect_narrow(struct fake *fake)
{
	/* The kernel makes it the least it allows, some 4 KiB. */
	return connect_with_room(fake, &(int){ 1 });
}

void
fake_send(int fd, const char *text)
{
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
}

struct expectation {
	int fd;
	struct buf *in;
	const char *end;	/* NULL: until closed */
	bool closed;
};

static bool
received(void *argument)
{
	struct expectation *expected = argument;
	struct buf *in = expected->in;

	while (!expected->closed) {
		ssize_t got = read(expected->fd, buf_reserve(in, 4096), 4096);

		if (got == -1 && errno == EAGAIN)
			break;
		if (got <= 0)
			expected->closed = true;
		else
			buf_added(in, (size_t)got);
	}
	buf_append_byte(in, '\0');
	in->size--;
	if (expected->end == NULL)
		return expected->closed;
	return expected->closed || strstr((char *)in->data, expected->end) != NULL;
}

/* What the worker sends is written at the end of a turn, before the condition
 * is asked, so it is seen in the same turn. */
void
fake_receive(struct fake *fake, int fd, struct buf *in, const char *end)
{
	struct expectation expected = { fd, in, end, false };

	if (!received(&expected))
		fake_until(fake, received, &expected);
	assert_non_null(strstr((char *)in->data, end));
}

void
fake_receive_all(struct fake *fake, int fd, struct buf *in)
{
	struct expectation expected = { fd, in, NULL, false };

	if (!received(&expected))
		fake_until(fake, received, &expected);
}

size_t
fake_count(const struct buf *in, const char *text)
{
	size_t found = 0;

	for (const char *at = (char *)in->data; (at = strstr(at, text)) != NULL; at++)
		found++;
	return found;
}

static void
note_stopped(struct worker *worker)
{
	worker->number = 0;
}

void
fake_stop(struct fake *fake, bool keep_idle, uint64_t limit_ms)
{
	server_stop(fake->worker.server, keep_idle, limit_ms, note_stopped);
}

bool
fake_has_stopped(void *fake)
{
	return ((struct fake *)fake)->worker.number == 0;
}

struct fake_client
fake_client_new(void)
{
	struct fake_client client = { .fake = fake_new(ROLE_CLIENT) };

	fake_attach(client.fake, PHASE_MEMBER);
	assert_true(fake_is_quiet(client.fake));
	client.fd = fake_connect(client.fake);
	return client;
}

size_t
fake_held(const struct fake *fake)
{
	return budget_bytes(server_budget(fake->worker.server));
}

void
fake_client_free(struct fake_client *client)
{
	close(client->fd);
	buf_free(&client->in);
	fake_free(&client->fake);
}

void
fake_send_all(const struct fake_client *client, struct slice bytes)
{
	for (size_t at = 0; at < bytes.size;) {
		ssize_t sent = write(client->fd, bytes.data + at, bytes.size - at);

		at += sent > 0 ? (size_t)sent : 0;
		/* Let the worker read. */
		if (sent <= 0)
			(void)fake_is_quiet(client->fake);
	}
}

static void
put_record(struct buf *records, const char *key, const struct buf *value)
{
	state_record_put(records, &(struct state_record){ .key = slice_text(key),
	    .value = buf_slice(value) });
}

void
fake_close_gate(struct fake_client *client)
{
	struct buf records = BUF_INIT, value = BUF_INIT, roles = BUF_INIT;

	auth_info_put(&value, &(struct auth_info){ .format = 1, .enabled = 1, .revision = 3 });
	put_record(&records, "Ae", &value);
	buf_clear(&value);
	auth_text_put(&roles, &(struct auth_text){ .text = SLICE_LITERAL("root") });
	auth_user_state_put(&value, &(struct auth_user_state){ .format = 1, .credential = 2,
	    .hash = SLICE_LITERAL("*"), .roles = buf_slice(&roles) });
	put_record(&records, "Auroot", &value);
	shared_index_set_auth(client->fake->announced, 3);
	msg_auth_frame(channel_out(client->fake->channel), 0,
	    &(struct msg_auth){ .revision = 3, .records = buf_slice(&records) });
	buf_free(&records);
	buf_free(&value);
	buf_free(&roles);
}

static struct v3_auth_entry
v3_entry(const char *name, uint64_t credential)
{
	struct v3_auth_entry entry = { .credential = credential };

	buf_append_text(&entry.name, name);
	return entry;
}

static void
set_v3_user(struct v3_auth *auth, const char *name, uint64_t credential, const char *role)
{
	struct v3_auth_entry user = v3_entry(name, credential);

	auth_list_add(&user.list, slice_text(role));
	assert_int_equal(v3_auth_set_user(auth, &user), ERR_NONE);
	buf_free(&user.name);
	buf_free(&user.list);
}

static void
set_v3_role(struct v3_auth *auth, const char *below)
{
	struct v3_auth_entry role = v3_entry("r", 0);
	char *end = xstrdup(below);

	if (below[0] != '\0') {
		end[strlen(end) - 1] = '/' + 1;
		v3_auth_list_put(&role.list, &(struct v3_auth_permission){
		    .type = V3_AUTH_READWRITE, .key = slice_text(below),
		    .end = slice_text(end) });
	}
	assert_int_equal(v3_auth_set_role(auth, &role), ERR_NONE);
	free(end);
	buf_free(&role.name);
	buf_free(&role.list);
}

void
fake_tell_v3_token(const struct fake *fake)
{
	uint8_t digest[V3_TOKEN_DIGEST_BYTES];
	struct buf added = BUF_INIT;

	SHA256((const uint8_t *)FAKE_LETTERS, V3_TOKEN_LETTERS, digest);
	v3_token_record_put(&added, &(struct v3_token_record){ .index = 5,
	    .credential = FAKE_CREDENTIAL, .digest = slice_of(digest, sizeof(digest)) });
	msg_v3_tokens_frame(channel_out(fake->channel), 0, &(struct msg_v3_tokens){
	    .version = fake->v3_version, .added = buf_slice(&added) });
	buf_free(&added);
}

void
fake_count_v3_users(struct fake *fake, const char *below)
{
	struct v3_auth auth = { .enabled = true, .changes = 10 + fake->v3_version,
		.version = 11 + fake->v3_version };
	struct buf records = BUF_INIT;
	bool first = fake->v3_version++ == 0;

	set_v3_user(&auth, "root", 2, "root");
	if (below != NULL) {
		set_v3_role(&auth, below);
		set_v3_user(&auth, "u", FAKE_CREDENTIAL, "r");
	}
	v3_auth_put(&auth, &records);
	msg_v3_auth_frame(channel_out(fake->channel), 0, &(struct msg_v3_auth){
	    .version = fake->v3_version, .records = buf_slice(&records) });
	if (first)
		fake_tell_v3_token(fake);
	shared_index_set_v3_auth(fake->announced, fake->v3_version);
	buf_free(&records);
	v3_auth_clear(&auth);
}

void
fake_begin_with_v3_users(struct fake *fake, const char *below)
{
	fake_count_v3_users(fake, below);
	msg_v3_tokens_frame(channel_out(fake->channel), 0, &(struct msg_v3_tokens){
	    .version = fake->v3_version, .all = 1 });
}

struct msg_v3_watch
fake_next_v3_watch(struct fake *fake, uint64_t *id)
{
	const struct fake_frame *frame = fake_next(fake);
	struct msg_v3_watch watch;

	assert_int_equal(frame->type, MSG_v3_watch);
	assert_int_equal(msg_v3_watch_decode(blob_slice(frame->payload), &watch), ERR_NONE);
	*id = frame->request_id;
	return watch;
}
