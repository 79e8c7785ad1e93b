/*
 * fixture.c - a peer worker and who is at its other ends (see fixture.h).
 */
#include "tests/unit/httpd/peer/fixture.h"

#include "common/diag.h"
#include "common/xmem.h"

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define LIMIT_MS 5000
#define TOKEN 42

/* ---- the supervisor ------------------------------------------------------------ */

static void
end_node(void *argument, enum exit_code code, const char *sentence)
{
	struct fixture *fixture = argument;

	fixture->ended = true;
	fixture->end_code = (int)code;
	snprintf(fixture->end_sentence, sizeof(fixture->end_sentence), "%s", sentence);
}

static void
resolve(void *argument, uint64_t id, const char *host)
{
	struct fixture *fixture = argument;

	fixture->asked++;
	fixture->asked_id = id;
	snprintf(fixture->asked_host, sizeof(fixture->asked_host), "%s", host);
}

static void
lost_raftd(void *argument UNUSED, uint64_t token UNUSED, int why UNUSED)
{
}

/* ---- raftd ------------------------------------------------------------------------ */

static void
take_change(struct raftd_end *raftd, const struct frame *frame)
{
	struct msg_config_change config;

	raftd->change_id = frame->request_id;
	buf_clear(&raftd->change_bytes);
	buf_append_slice(&raftd->change_bytes, frame->payload);
	if (frame->type == MSG_member_change) {
		raftd->changes++;
		assert_int_equal(msg_member_change_decode(buf_slice(&raftd->change_bytes),
		    &raftd->change), ERR_NONE);
		return;
	}
	assert_int_equal(msg_config_change_decode(frame->payload, &config), ERR_NONE);
	buf_clear(&raftd->config_items);
	buf_append_slice(&raftd->config_items, config.items);
}

static void
given_end(struct given_stream *given)
{
	loop_io_free(&given->io);
	close(given->fd);
	buf_free(&given->in);
	given->number = 0;
}

static void
given_take(struct given_stream *given)
{
	struct frame frame;
	size_t used;

	while (frame_parse(buf_slice(&given->in), &frame, &used) == ERR_NONE) {
		frame_append(&given->raftd->from_peers, frame.type, frame.flags,
		    frame.request_id, frame.payload);
		buf_consume(&given->in, used);
	}
}

static void
given_ready(void *argument, unsigned events UNUSED)
{
	struct given_stream *given = argument;
	ssize_t got = recv(given->fd, buf_reserve(&given->in, 4096), 4096, MSG_DONTWAIT);

	if (got > 0) {
		buf_added(&given->in, (size_t)got);
		given_take(given);
	} else if (got == 0 || errno != EAGAIN) {
		if (given->raftd->channel != NULL)
			msg_peer_stream_over_frame(channel_out(given->raftd->channel), 0,
			    &(struct msg_peer_stream_over){ .number = given->number });
		given_end(given);
	}
}

static void
take_given(struct raftd_end *raftd, const struct frame *frame, int fd)
{
	struct given_stream *given = raftd->given;

	while (given->number != 0)
		given++;
	assert_true(given < raftd->given + GIVEN_MAX);
	assert_int_not_equal(fd, -1);
	given->raftd = raftd;
	given->fd = fd;
	assert_int_equal(msg_peer_stream_decode(frame->payload, &given->message), ERR_NONE);
	given->number = given->message.number;
	buf_append_slice(&given->in, given->message.in);
	assert_int_equal(send(fd, given->message.out.data, given->message.out.size, MSG_NOSIGNAL),
	    given->message.out.size);
	given->io = loop_io_new(raftd->loop, fd, given_ready, given);
	loop_io_want(given->io, LOOP_READ);
	given_take(given);
}

struct given_stream *
fixture_given(struct fixture *fixture, bool ours)
{
	struct given_stream *last = NULL;

	for (size_t i = 0; i < GIVEN_MAX; i++) {
		struct given_stream *given = &fixture->raftd.given[i];

		if (given->number != 0 && (last == NULL || given->number > last->number) &&
		    ((given->message.flags & PEER_STREAM_OURS) != 0) == ours)
			last = given;
	}
	return last;
}

void
fixture_raftd_sends(struct fixture *fixture, uint16_t type, struct slice payload)
{
	struct given_stream *given = fixture_given(fixture, true);
	struct buf bytes = BUF_INIT;

	if (given == NULL || message_is_bulk(type)) {
		frame_append(channel_out(fixture->raftd.channel), type, 0, REMOTE_ID, payload);
		return;
	}
	frame_append(&bytes, type, 0, LOCAL_ID, payload);
	assert_int_equal(send(given->fd, bytes.data, bytes.size, MSG_NOSIGNAL), bytes.size);
	buf_free(&bytes);
}

static void
frame_came(void *argument, const struct frame *frame, int fd)
{
	struct raftd_end *raftd = argument;
	struct buf *to = message_is_peer(frame->type) ? &raftd->from_peers : &raftd->out;

	if (frame->type == MSG_peer_stream) {
		take_given(raftd, frame, fd);
		return;
	}
	assert_int_equal(fd, -1);
	if (frame->type == MSG_member_change || frame->type == MSG_config_change)
		take_change(raftd, frame);
	else if (frame->type != MSG_hello)
		frame_append(to, frame->type, frame->flags, frame->request_id, frame->payload);
}

static void
channel_closed(void *argument UNUSED, enum err why)
{
	fail_msg("the worker closed the channel to raftd: %s", err_text(why));
}

void
fixture_attach(struct fixture *fixture)
{
	struct raftd_end *raftd = &fixture->raftd;
	int ends[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	raftd->channel = channel_new(fixture->loop, ends[0], (struct channel_owner){
	    .name = "worker", .received = frame_came, .closed = channel_closed,
	    .takes_descriptors = true, .argument = raftd });
	msg_hello_frame(channel_out(raftd->channel), 0, &(struct msg_hello){ .magic = WIRE_MAGIC,
	    .protocol = WIRE_PROTOCOL, .role = ROLE_RAFTD, .token = TOKEN });
	channel_attach(raftd->channel, shared_index_fd(raftd->announced));
	backend_attach(fixture->worker.backend, ends[1], TOKEN);
}

void
fixture_detach(struct fixture *fixture)
{
	for (size_t i = 0; i < GIVEN_MAX; i++)
		if (fixture->raftd.given[i].number != 0)
			given_end(&fixture->raftd.given[i]);
	channel_free(&fixture->raftd.channel);
}

/* ---- clients ------------------------------------------------------------------------ */

static void
handle(struct request *request)
{
	struct fixture *fixture = CONTAINER_OF(request->worker, struct fixture, worker);

	fixture->handle(request);
}

static void
put_lines(const struct request *request UNUSED, struct buf *lines UNUSED)
{
}

static void
answered(const struct request *request UNUSED, unsigned what UNUSED)
{
}

static bool
never(const struct worker *worker UNUSED)
{
	return false;
}

static bool
always(const struct worker *worker UNUSED)
{
	return true;
}

/* One byte at a time: what is behind the head of an upgrade is not read. */
static bool
read_answer(struct fixture *fixture)
{
	const char *length;
	size_t wanted = 0;
	uint8_t byte;

	while (fixture->head.size < 4 || memcmp(fixture->head.data + fixture->head.size - 4,
	    "\r\n\r\n", 4) != 0) {
		if (recv(fixture->client_fd, &byte, 1, MSG_DONTWAIT) != 1)
			return false;
		buf_append_byte(&fixture->head, byte);
	}
	buf_append_byte(&fixture->head, '\0');
	fixture->head.size--;
	length = strstr((const char *)fixture->head.data, "Content-Length: ");
	if (length != NULL)
		wanted = strtoul(length + strlen("Content-Length: "), NULL, 10);
	while (fixture->body.size < wanted) {
		if (recv(fixture->client_fd, &byte, 1, MSG_DONTWAIT) != 1)
			return false;
		buf_append_byte(&fixture->body, byte);
	}
	buf_append_byte(&fixture->body, '\0');
	fixture->status = (unsigned)strtoul((const char *)fixture->head.data +
	    strlen("HTTP/1.1 "), NULL, 10);
	fixture->upgraded = fixture->status == 101;
	if (fixture->upgraded) {
		fixture->upgraded_fd = fixture->client_fd;
		fixture->client_fd = -1;
	}
	return true;
}

static bool
is_answered(void *argument)
{
	struct fixture *fixture = argument;

	return fixture->status != 0 || read_answer(fixture);
}

static bool
is_answered_or_waits(void *argument)
{
	return ((struct fixture *)argument)->raftd.change_id != 0 || is_answered(argument);
}

void
fixture_hang_up(struct fixture *fixture)
{
	if (fixture->client_fd != -1)
		close(fixture->client_fd);
	fixture->client_fd = -1;
}

void
fixture_ask(struct fixture *fixture, const char *method, const char *path,
    const char *headers, const char *body, void (*to)(struct request *request))
{
	struct buf text = BUF_INIT;
	int ends[2];

	fixture_hang_up(fixture);
	buf_clear(&fixture->head);
	buf_clear(&fixture->body);
	fixture->status = 0;
	fixture->upgraded = false;
	fixture->handle = to;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends),
	    0);
	fixture->client_fd = ends[0];
	server_adopt_local(fixture->worker.server, ends[1]);
	buf_printf(&text, "%s %s HTTP/1.1\r\nHost: 127.0.0.1:7001\r\n%s", method, path, headers);
	if (body != NULL)
		buf_printf(&text, "Content-Length: %zu\r\n", strlen(body));
	buf_append_text(&text, "\r\n");
	if (body != NULL)
		buf_append_text(&text, body);
	assert_int_equal(send(ends[0], text.data, text.size, MSG_NOSIGNAL), text.size);
	buf_free(&text);
	fixture_run(fixture, is_answered_or_waits, fixture);
}

void
fixture_outcome(struct fixture *fixture, enum err err, const char *cause)
{
	uint64_t id = fixture->raftd.change_id;

	assert_true(id != 0);
	fixture->raftd.change_id = 0;
	msg_outcome_frame(channel_out(fixture->raftd.channel), id, &(struct msg_outcome){
	    .error = (uint16_t)err, .cause = slice_text(cause), .store_index = 9 });
	if (fixture->client_fd == -1)
		fixture_settle(fixture);
	else
		fixture_run(fixture, is_answered, fixture);
}

/* ---- the fixture ------------------------------------------------------------------ */

static void turn_end(void *argument);

struct fixture *
fixture_new(void)
{
	struct fixture *fixture = xzalloc(sizeof(*fixture));
	struct worker *worker = &fixture->worker;
	char *problem = NULL;

	diag_set_level(DIAG_ERROR);
	fixture->loop = loop_new();
	worker->owner = (struct worker_owner){ .resolve = resolve, .lost_raftd = lost_raftd,
	    .end_node = end_node, .argument = fixture };
	worker->loop = fixture->loop;
	worker->role = ROLE_PEER;
	fixture->upgraded_fd = -1;
	fixture->client_fd = -1;
	fixture->started_ns = 1;
	config_init(&worker->config);
	assert_int_equal(config_set(&worker->config, OPTION_name, "local", &problem), 0);
	assert_int_equal(config_set(&worker->config, OPTION_peer_url, "http://127.0.0.1:7001",
	    &problem), 0);
	assert_int_equal(config_set(&worker->config, OPTION_client_url, "http://127.0.0.1:4001",
	    &problem), 0);
	worker->cluster = cluster_new();
	worker->backend = backend_new(worker);
	worker->server = server_new(&(struct server_owner){ .worker = worker,
	    .loop = worker->loop, .config = &worker->config, .role = worker->role,
	    .handle = handle, .put_lines = put_lines, .answered = answered, .gives = never,
	    .has_room = never, .is_quiet = always });
	fixture->raftd.loop = fixture->loop;
	fixture->raftd.announced = shared_index_new();
	fixture_attach(fixture);
	loop_at_turn_end(fixture->loop, turn_end, fixture);
	return fixture;
}

void
fixture_free(struct fixture **fixture_pointer)
{
	struct fixture *fixture = *fixture_pointer;

	*fixture_pointer = NULL;
	server_free(&fixture->worker.server);
	backend_free(&fixture->worker.backend);
	fixture_detach(fixture);
	shared_index_free(&fixture->raftd.announced);
	buf_free(&fixture->raftd.out);
	buf_free(&fixture->raftd.from_peers);
	buf_free(&fixture->raftd.change_bytes);
	buf_free(&fixture->raftd.config_items);
	buf_free(&fixture->body);
	buf_free(&fixture->head);
	fixture_hang_up(fixture);
	if (fixture->upgraded_fd != -1)
		close(fixture->upgraded_fd);
	cluster_free(&fixture->worker.cluster);
	config_free(&fixture->worker.config);
	loop_free(&fixture->loop);
	free(fixture);
}

struct waiting {
	struct fixture *fixture;
	bool (*condition)(void *argument);
	void *argument;
	struct loop_timer *tick, *limit;
	bool over;
};

/* What a test looks at may change without an event of this loop (a socket it
 * holds the other end of), so look now and then. */
static void
wait_tick(void *argument)
{
	struct waiting *wait = argument;

	loop_timer_set(wait->tick, 1);
}

static void
wait_too_long(void *argument)
{
	struct waiting *wait = argument;

	wait->over = true;
	loop_stop(wait->fixture->loop, 1);
}

/* As a worker ends its turns; then raftd. */
static void
turn_end(void *argument)
{
	struct fixture *fixture = argument;
	struct waiting *wait = fixture->waiting;

	while (fixture->worker.server != NULL && server_flush(fixture->worker.server))
		continue;
	backend_flush(fixture->worker.backend);
	if (fixture->raftd.channel != NULL)
		channel_flush(fixture->raftd.channel);
	if (wait != NULL && wait->condition(wait->argument))
		loop_stop(fixture->loop, 0);
}

void
fixture_run(struct fixture *fixture, bool (*condition)(void *argument), void *argument)
{
	struct waiting wait = { fixture, condition, argument, NULL, NULL, false };

	if (condition(argument))
		return;
	fixture->waiting = &wait;
	wait.tick = loop_timer_new(fixture->loop, wait_tick, &wait);
	wait.limit = loop_timer_new(fixture->loop, wait_too_long, &wait);
	loop_timer_set(wait.tick, 0);
	loop_timer_set(wait.limit, LIMIT_MS);
	(void)loop_run(fixture->loop, 0);
	loop_timer_free(&wait.tick);
	loop_timer_free(&wait.limit);
	fixture->waiting = NULL;
	assert_false(wait.over);
}

static void
settle_due(void *argument)
{
	*(bool *)argument = true;
}

static bool
is_true(void *argument)
{
	return *(bool *)argument;
}

void
fixture_settle(struct fixture *fixture)
{
	struct loop_timer *timer;
	bool due;

	for (int turn = 0; turn < 20; turn++) {
		due = false;
		timer = loop_timer_new(fixture->loop, settle_due, &due);
		loop_timer_set(timer, 0);
		fixture_run(fixture, is_true, &due);
		loop_timer_free(&timer);
	}
}

struct heard {
	struct fixture *fixture;
	uint64_t commit;		/* the status that has it */
};

static bool
has_heard(void *argument)
{
	const struct heard *heard = argument;

	return heard->fixture->worker.cluster->commit == heard->commit;
}

void
fixture_status(struct fixture *fixture, int phase, const char *remote_url)
{
	struct buf members = BUF_INIT, items = BUF_INIT;
	struct heard heard = { fixture, ++fixture->statuses };
	struct msg_status status = { .phase = (uint8_t)phase, .commit = heard.commit };
	struct cluster_config config;

	cluster_config_init(&config);
	config.sync_interval_ms = 1500;
	cluster_config_put(&config, &items);
	if (phase != PHASE_RECOVERING)
		status = (struct msg_status){ .phase = (uint8_t)phase, .commit = heard.commit,
		    .node_id = LOCAL_ID, .cluster_id = phase == PHASE_JOINING ? 0 : CLUSTER_ID,
		    .role = NODE_ROLE_FOLLOWER, .term = 3, .leader_id = REMOTE_ID,
		    .started_ns = fixture->started_ns, .store_index = 17,
		    .config = buf_slice(&items) };
	if (phase != PHASE_JOINING && phase != PHASE_RECOVERING)
		member_record_put(&members, &(struct member_record){ .id = LOCAL_ID,
		    .role = MEMBER_VOTER, .name = slice_text("local"),
		    .peer_url = slice_text("http://127.0.0.1:7001"),
		    .client_url = slice_text("http://127.0.0.1:4001"), .joined = 2 });
	if (remote_url != NULL)
		member_record_put(&members, &(struct member_record){ .id = REMOTE_ID,
		    .role = MEMBER_VOTER, .name = slice_text("distant"),
		    .peer_url = slice_text(remote_url),
		    .client_url = slice_text("http://127.0.0.1:4002"), .joined = 1 });
	status.members = buf_slice(&members);
	msg_status_frame(channel_out(fixture->raftd.channel), 0, &status);
	buf_free(&members);
	buf_free(&items);
	fixture_run(fixture, has_heard, &heard);
}

unsigned
count_frames(const struct buf *buf, uint16_t type)
{
	struct slice rest = buf_slice(buf);
	struct frame frame;
	unsigned count = 0;
	size_t used;

	while (frame_parse(rest, &frame, &used) == ERR_NONE) {
		count += frame.type == type;
		rest = slice_of(rest.data + used, rest.size - used);
	}
	return count;
}

/* ---- another node's port ----------------------------------------------------------- */

static void
remote_listen(struct remote *remote)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(remote->port) };
	socklen_t size = sizeof(address);
	int on = 1;

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	remote->listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	assert_true(remote->listener != -1);
	assert_int_equal(setsockopt(remote->listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)),
	    0);
	assert_int_equal(bind(remote->listener, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(remote->listener, 16), 0);
	assert_int_equal(getsockname(remote->listener, (struct sockaddr *)&address, &size), 0);
	remote->port = ntohs(address.sin_port);
}

void
remote_open(struct remote *remote, struct fixture *fixture)
{
	*remote = (struct remote){ .fixture = fixture, .listener = -1, .fd = -1 };
	remote_listen(remote);
	snprintf(remote->url, sizeof(remote->url), "http://127.0.0.1:%u", (unsigned)remote->port);
}

void
remote_reopen(struct remote *remote)
{
	remote_listen(remote);
}

void
remote_hang_up(struct remote *remote)
{
	if (remote->fd != -1)
		close(remote->fd);
	remote->fd = -1;
	buf_free(&remote->in);
}

void
remote_close(struct remote *remote)
{
	if (remote->listener != -1)
		close(remote->listener);
	remote->listener = -1;
	remote_hang_up(remote);
}

static void
remote_read(struct remote *remote)
{
	uint8_t bytes[4096];
	ssize_t size;

	while ((size = recv(remote->fd, bytes, sizeof(bytes), MSG_DONTWAIT)) > 0)
		buf_append(&remote->in, bytes, (size_t)size);
}

bool
remote_has_request(void *argument)
{
	struct remote *remote = argument;
	const char *length, *end;
	size_t wanted = 0;

	if (remote->fd == -1)
		remote->fd = accept4(remote->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (remote->fd == -1)
		return false;
	remote_read(remote);
	if (remote->in.size == 0)
		return false;
	buf_append_byte(&remote->in, '\0');
	remote->in.size--;
	end = strstr((const char *)remote->in.data, "\r\n\r\n");
	if (end == NULL)
		return false;
	length = strstr((const char *)remote->in.data, "Content-Length: ");
	if (length != NULL && length < end)
		wanted = strtoul(length + 16, NULL, 10);
	return remote->in.size >= (size_t)(end + 4 - (const char *)remote->in.data) + wanted;
}

const char *
remote_request(struct remote *remote)
{
	remote_hang_up(remote);
	fixture_run(remote->fixture, remote_has_request, remote);
	return (const char *)remote->in.data;
}

void
remote_send(struct remote *remote, struct slice bytes)
{
	assert_int_equal(send(remote->fd, bytes.data, bytes.size, MSG_NOSIGNAL), bytes.size);
}

void
remote_answer(struct remote *remote, unsigned status, const char *body)
{
	struct buf text = BUF_INIT;

	buf_printf(&text, "HTTP/1.1 %u Text\r\nContent-Length: %zu\r\n\r\n%s", status,
	    strlen(body), body);
	remote_send(remote, buf_slice(&text));
	buf_free(&text);
	remote_hang_up(remote);
}

void
remote_upgrade(struct remote *remote, uint64_t cluster, uint64_t id)
{
	struct buf text = BUF_INIT;

	buf_printf(&text, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n"
	    "Upgrade: moothall-raft\r\nX-Raft-Cluster: %016" PRIx64 "\r\nX-Raft-From: %016" PRIx64
	    "\r\nX-Raft-To: %016" PRIx64 "\r\nX-Raft-Name: distant\r\nX-Raft-Protocol: 8-8\r\n"
	    "X-Raft-Timing: 50-200\r\n\r\n", cluster, id, LOCAL_ID);
	remote_send(remote, buf_slice(&text));
	buf_free(&text);
	buf_clear(&remote->in);
}

static bool
remote_has_bytes(void *argument)
{
	struct remote *remote = argument;

	remote_read(remote);
	return remote->in.size >= remote->bytes_wanted;
}

struct slice
remote_bytes(struct remote *remote, size_t size)
{
	struct slice bytes;

	remote->bytes_wanted = size;
	fixture_run(remote->fixture, remote_has_bytes, remote);
	bytes = buf_slice(&remote->in);
	remote->in.size = 0;
	return bytes;
}
