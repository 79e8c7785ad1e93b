/*
 * h2_fuzz.c - any bytes behind the preface of a connection of HTTP/2, to handlers that answer at
 * once, later, in pieces, and as the body comes.
 *
 * The first byte is how large the pieces are in which they come. However they end: each request
 * that was begun is over once, nobody is told twice, and nothing is kept.
 */
#include "tests/fuzz/fuzz.h"

#include "common/ipc/message.h"
#include "common/ipc/wire.h"
#include "common/limits.h"
#include "httpd/http/request.h"
#include "httpd/http/server.h"

#include <sys/socket.h>
#include <unistd.h>

#define BEGIN "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0"
#define PIECES_MAX 64			/* an input takes no more turns than some of these */
#define KEPT_MAX 1024

struct worker {
	struct loop *loop;
	struct config config;
	struct server *server;
	struct request *kept[KEPT_MAX];	/* that wait for their answer */
	size_t kept_count;
	unsigned handled, over;
};

static struct worker *owner;

static void
forget(const struct request *request)
{
	for (size_t i = 0; i < owner->kept_count; i++)
		if (owner->kept[i] == request) {
			owner->kept[i] = owner->kept[--owner->kept_count];
			return;
		}
	ASSERT(false);
}

static void
left(struct request *request)
{
	forget(request);
}

static void
end_stream(struct request *request)
{
	forget(request);
	response_trailer(request, "X-End", SLICE_LITERAL("yes"));
	response_stream_end(request);
}

static void
echo(struct request *request)
{
	response_stream_data(request, request->body);
	request_body_used(request, request->body.size);
	if (request->body_ended)
		end_stream(request);
}

static void
late(struct request *request)
{
	forget(request);
	response_abort(request);
}

static void
keep(struct request *request)
{
	if (owner->kept_count == KEPT_MAX) {
		response_plain_error(request, 503, "too many");
		return;
	}
	owner->kept[owner->kept_count++] = request;
	request->gone = left;
	if (!request->body_streams)
		return;
	response_stream_begin(request, 200, "text/plain");
	request->collects = 1;
	request->more = echo;
	request->late = late;
	request->stop = end_stream;
	echo(request);
}

static void
handle(struct request *request)
{
	owner->handled++;
	ASSERT(request->path.size > 0 && request->target.size > 0);
	for (size_t i = 0; i < request->header_count; i++)
		ASSERT(request->headers[i].name.size > 0 &&
		    request->headers[i].name.data[0] != ':');
	if (request->body_streams || request->path.size % 2 == 0)
		keep(request);
	else
		response_send(request, 200, "text/plain", request->body);
}

/* A type of any length that is odd. */
static bool
streams(const struct request *request)
{
	return request->content_type.size % 2 == 1;
}

static void
put_lines(const struct request *request UNUSED, struct buf *lines UNUSED)
{
}

static void
answered(const struct request *request UNUSED, unsigned what)
{
	owner->over += (what & ANSWER_OVER) != 0;
}

static bool
never(const struct worker *worker UNUSED)
{
	return false;
}

static bool
is_quiet(const struct worker *worker UNUSED)
{
	return true;
}

static void
turn_ended(void *argument UNUSED)
{
	while (server_flush(owner->server))
		continue;
	loop_stop(owner->loop, 0);
}

static void
turn_alone(void)
{
	loop_again(owner->loop);
	(void)loop_run(owner->loop, 0);
}

static void
turn(int client)
{
	char text[65536];

	turn_alone();
	while (read(client, text, sizeof(text)) > 0)
		continue;
}

static int
open_connection(void)
{
	int ends[2];

	config_init(&owner->config);
	owner->loop = loop_new();
	owner->server = server_new(&(struct server_owner){
	    .worker = owner, .loop = owner->loop, .config = &owner->config, .role = ROLE_CLIENT,
	    .handle = handle, .streams = streams, .put_lines = put_lines, .answered = answered,
	    .gives = never, .has_room = never, .is_quiet = is_quiet });
	loop_at_turn_end(owner->loop, turn_ended, NULL);
	MUST(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) == 0);
	server_adopt_local(owner->server, ends[1]);
	return ends[0];
}

static void
say(int client, struct slice bytes)
{
	/* It may be closed already. */
	(void)!send(client, bytes.data, bytes.size, MSG_NOSIGNAL);
	turn(client);
}

/* Answer half of those that wait. */
static void
answer_some(void)
{
	for (size_t left_over = owner->kept_count / 2; owner->kept_count > left_over;) {
		struct request *request = owner->kept[owner->kept_count - 1];

		if (request->streaming) {
			end_stream(request);
			continue;
		}
		forget(request);
		response_send(request, 200, NULL, SLICE_LITERAL("later"));
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct worker worker = { .kept_count = 0 };
	size_t piece;
	int client;

	if (size == 0)
		return 0;
	owner = &worker;
	client = open_connection();
	piece = MAX_OF((size_t)data[0] + 1, size / PIECES_MAX);
	say(client, slice_of(BEGIN, sizeof(BEGIN) - 1));
	for (size_t at = 1; at < size; at += piece)
		say(client, slice_of(data + at, MIN_OF(piece, size - at)));
	answer_some();
	turn(client);
	if ((data[0] & 1) != 0)
		server_stop(worker.server, true, 1000, NULL);
	turn(client);
	close(client);
	turn_alone();
	ASSERT(server_connections(worker.server) == 0);
	ASSERT(server_held(worker.server) == 0);
	ASSERT(worker.kept_count == 0);
	server_free(&worker.server);
	loop_free(&worker.loop);
	config_free(&worker.config);
	return 0;
}
