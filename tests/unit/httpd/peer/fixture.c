/*
 * fixture.c - a peer worker without the rest of httpd (see fixture.h).
 */
#include "tests/unit/httpd/peer/fixture.h"

#include "common/diag.h"
#include "common/xmem.h"
#include "httpd/api_error.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include <event2/bufferevent.h>

#define LIMIT_MS 5000

static struct fixture *
fixture_of(const struct worker *worker)
{
	return CONTAINER_OF(worker, struct fixture, worker);
}

/* ---- doubles: supervisor and raftd ------------------------------------------- */

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

void
backend_own_peers(struct backend *backend, struct backend_peer_owner owner)
{
	backend->owner = owner;
}

void
backend_peer_frame(struct backend *backend, uint64_t from, const struct frame *frame)
{
	frame_append(&backend->from_peers, frame->type, frame->flags, from, frame->payload);
}

struct buf *
backend_out(struct backend *backend)
{
	return backend->detached ? NULL : &backend->out;
}

void
backend_member_change(struct backend *backend, struct backend_call *call,
    const struct msg_member_change *change)
{
	backend->call = call;
	backend->changes++;
	buf_clear(&backend->change_name);
	buf_append_slice(&backend->change_name, change->name);
	backend->change = *change;
	backend->change.name = buf_slice(&backend->change_name);
}

void
backend_config_change(struct backend *backend, struct backend_call *call,
    const struct msg_config_change *change)
{
	backend->call = call;
	buf_clear(&backend->config_items);
	buf_append_slice(&backend->config_items, change->items);
}

void
backend_cancel(struct backend *backend, struct backend_call *call)
{
	assert_ptr_equal(backend->call, call);
	backend->call = NULL;
}

/* ---- doubles: requests and answers -------------------------------------------- */

struct request *
request_make(struct fixture *fixture, enum request_method method, const char *path)
{
	struct request *request = xzalloc(sizeof(*request));
	const char *query = strchr(path, '?');

	request->worker = &fixture->worker;
	request->method = method;
	arena_init(&request->arena);
	request->path = slice_text(path);
	if (query != NULL) {
		request->path.size = (size_t)(query - path);
		request->query = slice_text(query + 1);
	}
	return request;
}

void
request_put_header(struct request *request, const char *name, const char *value)
{
	struct request_header *headers = arena_alloc(&request->arena,
	    (request->header_count + 1) * sizeof(*headers));

	if (request->header_count > 0)
		memcpy(headers, request->headers, request->header_count * sizeof(*headers));
	headers[request->header_count].name = slice_text(arena_text(&request->arena,
	    slice_text(name)));
	headers[request->header_count].value = slice_text(arena_text(&request->arena,
	    slice_text(value)));
	request->headers = headers;
	request->header_count++;
}

void
request_drop(struct request *request)
{
	if (request->gone != NULL)
		request->gone(request);
	arena_free(&request->arena);
	free(request);
}

struct slice
request_header(const struct request *request, const char *name)
{
	size_t size = strlen(name);

	for (size_t i = 0; i < request->header_count; i++)
		if (request->headers[i].name.size == size &&
		    strncasecmp((const char *)request->headers[i].name.data, name, size) == 0)
			return request->headers[i].value;
	return SLICE_EMPTY;
}

void
response_header(struct request *request, const char *name, const char *format, ...)
{
	struct fixture *fixture = fixture_of(request->worker);
	char value[1024];
	va_list list;

	va_start(list, format);
	vsnprintf(value, sizeof(value), format, list);
	va_end(list);
	buf_printf(&fixture->headers, "%s: %s\r\n", name, value);
}

/* The request is freed, as the contract allows: a handler that touches it later
 * is found by the address sanitizer. */
static void
answer(struct request *request, unsigned status, struct slice body)
{
	struct fixture *fixture = fixture_of(request->worker);

	fixture->status = status;
	buf_clear(&fixture->body);
	buf_append_slice(&fixture->body, body);
	buf_append_byte(&fixture->body, '\0');
	assert_true(request->gone == NULL);
	request_drop(request);
}

void
response_send(struct request *request, unsigned status, const char *content_type UNUSED,
    struct slice body)
{
	answer(request, status, body);
}

void
response_plain_error(struct request *request, unsigned status, const char *text)
{
	answer(request, status, slice_text(text));
}

void
api_error(struct request *request, enum err error, struct slice cause, uint64_t store_index UNUSED)
{
	char *text = arena_printf(&request->arena, "%d %.*s", (int)error, SLICE_ARGS(cause));

	answer(request, err_http_status(error), slice_text(text));
}

struct bufferevent *
response_upgrade(struct request *request, const char *protocol UNUSED)
{
	struct fixture *fixture = fixture_of(request->worker);
	struct bufferevent *bev;
	int fds[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
	bev = bufferevent_socket_new(loop_base(fixture->loop), fds[0],
	    BEV_OPT_CLOSE_ON_FREE | BEV_OPT_DEFER_CALLBACKS);
	fixture->upgraded = true;
	fixture->upgraded_fd = fds[1];
	request_drop(request);
	return bev;
}

/* ---- the fixture ------------------------------------------------------------------ */

struct fixture *
fixture_new(void)
{
	struct fixture *fixture = xzalloc(sizeof(*fixture));
	char *problem = NULL;

	diag_set_level(DIAG_ERROR);
	fixture->loop = loop_new();
	fixture->worker.owner = (struct worker_owner){ .resolve = resolve, .end_node = end_node,
	    .argument = fixture };
	fixture->worker.loop = fixture->loop;
	fixture->worker.role = ROLE_PEER;
	fixture->worker.backend = &fixture->backend;
	fixture->worker.cluster = cluster_new();
	fixture->upgraded_fd = -1;
	fixture->started_ns = 1;
	config_init(&fixture->worker.config);
	assert_int_equal(config_set(&fixture->worker.config, OPTION_name, "local", &problem), 0);
	assert_int_equal(config_set(&fixture->worker.config, OPTION_peer_url,
	    "http://127.0.0.1:7001", &problem), 0);
	assert_int_equal(config_set(&fixture->worker.config, OPTION_client_url,
	    "http://127.0.0.1:4001", &problem), 0);
	return fixture;
}

void
fixture_free(struct fixture **fixture_pointer)
{
	struct fixture *fixture = *fixture_pointer;

	*fixture_pointer = NULL;
	buf_free(&fixture->backend.out);
	buf_free(&fixture->backend.from_peers);
	buf_free(&fixture->backend.change_name);
	buf_free(&fixture->backend.config_items);
	buf_free(&fixture->body);
	buf_free(&fixture->headers);
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

static void
wait_turn_end(void *argument)
{
	struct fixture *fixture = argument;
	struct waiting *wait = fixture->waiting;

	if (wait != NULL && wait->condition(wait->argument))
		loop_stop(fixture->loop, 0);
}

void
fixture_run(struct fixture *fixture, bool (*condition)(void *argument), void *argument)
{
	struct waiting wait = { fixture, condition, argument, NULL, NULL, false };

	if (condition(argument))
		return;
	if (!fixture->hooked)
		loop_at_turn_end(fixture->loop, wait_turn_end, fixture);
	fixture->hooked = true;
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

void
fixture_status(struct fixture *fixture, int phase, const char *remote_url)
{
	struct buf members = BUF_INIT, items = BUF_INIT;
	struct msg_status status = {
		.phase = (uint8_t)phase,
		.node_id = LOCAL_ID,
		.cluster_id = phase == PHASE_JOINING ? 0 : CLUSTER_ID,
		.role = NODE_ROLE_FOLLOWER,
		.term = 3,
		.leader_id = REMOTE_ID,
		.started_ns = fixture->started_ns,
		.store_index = 17,
	};
	struct cluster_config config;

	cluster_config_init(&config);
	config.sync_interval_ms = 1500;
	cluster_config_put(&config, &items);
	status.config = buf_slice(&items);
	if (phase != PHASE_JOINING)
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
	assert_int_equal(cluster_update(fixture->worker.cluster, &status), ERR_NONE);
	buf_free(&members);
	buf_free(&items);
	if (fixture->backend.owner.status != NULL)
		fixture->backend.owner.status(fixture->backend.owner.argument);
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
server_listen(struct server *server)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(server->port) };
	socklen_t size = sizeof(address);
	int on = 1;

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	server->listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	assert_true(server->listener != -1);
	assert_int_equal(setsockopt(server->listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)),
	    0);
	assert_int_equal(bind(server->listener, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(server->listener, 16), 0);
	assert_int_equal(getsockname(server->listener, (struct sockaddr *)&address, &size), 0);
	server->port = ntohs(address.sin_port);
}

void
server_open(struct server *server, struct fixture *fixture)
{
	*server = (struct server){ .fixture = fixture, .listener = -1, .fd = -1 };
	server_listen(server);
	snprintf(server->url, sizeof(server->url), "http://127.0.0.1:%u", (unsigned)server->port);
}

void
server_reopen(struct server *server)
{
	server_listen(server);
}

void
server_hang_up(struct server *server)
{
	if (server->fd != -1)
		close(server->fd);
	server->fd = -1;
	buf_free(&server->in);
}

void
server_close(struct server *server)
{
	if (server->listener != -1)
		close(server->listener);
	server->listener = -1;
	server_hang_up(server);
}

static void
server_read(struct server *server)
{
	uint8_t bytes[4096];
	ssize_t size;

	while ((size = recv(server->fd, bytes, sizeof(bytes), MSG_DONTWAIT)) > 0)
		buf_append(&server->in, bytes, (size_t)size);
}

bool
server_has_request(void *argument)
{
	struct server *server = argument;
	const char *length, *end;
	size_t wanted = 0;

	if (server->fd == -1)
		server->fd = accept4(server->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (server->fd == -1)
		return false;
	server_read(server);
	if (server->in.size == 0)
		return false;
	buf_append_byte(&server->in, '\0');
	server->in.size--;
	end = strstr((const char *)server->in.data, "\r\n\r\n");
	if (end == NULL)
		return false;
	length = strstr((const char *)server->in.data, "Content-Length: ");
	if (length != NULL && length < end)
		wanted = strtoul(length + 16, NULL, 10);
	return server->in.size >= (size_t)(end + 4 - (const char *)server->in.data) + wanted;
}

const char *
server_request(struct server *server)
{
	server_hang_up(server);
	fixture_run(server->fixture, server_has_request, server);
	return (const char *)server->in.data;
}

void
server_send(struct server *server, struct slice bytes)
{
	assert_int_equal(send(server->fd, bytes.data, bytes.size, MSG_NOSIGNAL), bytes.size);
}

void
server_answer(struct server *server, unsigned status, const char *body)
{
	struct buf text = BUF_INIT;

	buf_printf(&text, "HTTP/1.1 %u Text\r\nContent-Length: %zu\r\n\r\n%s", status,
	    strlen(body), body);
	server_send(server, buf_slice(&text));
	buf_free(&text);
	server_hang_up(server);
}

void
server_upgrade(struct server *server, uint64_t cluster, uint64_t id)
{
	struct buf text = BUF_INIT;

	buf_printf(&text, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n"
	    "Upgrade: moothall-raft\r\nX-Raft-Cluster: %016" PRIx64 "\r\nX-Raft-From: %016" PRIx64
	    "\r\nX-Raft-To: %016" PRIx64 "\r\nX-Raft-Name: distant\r\nX-Raft-Protocol: 2-2\r\n"
	    "X-Raft-Timing: 50-200\r\n\r\n", cluster, id, LOCAL_ID);
	server_send(server, buf_slice(&text));
	buf_free(&text);
	buf_clear(&server->in);
}

static bool
server_has_bytes(void *argument)
{
	struct server *server = argument;

	server_read(server);
	return server->in.size >= server->bytes_wanted;
}

struct slice
server_bytes(struct server *server, size_t size)
{
	struct slice bytes;

	server->bytes_wanted = size;
	fixture_run(server->fixture, server_has_bytes, server);
	bytes = buf_slice(&server->in);
	server->in.size = 0;
	return bytes;
}
