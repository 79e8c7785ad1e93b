/*
 * server_test.c - what a server asks and tells its owner. The owner is a toy, and only
 * httpd/http/ and common/ are linked: HTTP needs nothing else of httpd.
 */
#include "httpd/http/server.h"

#include "common/ipc/message.h"
#include "common/ipc/wire.h"
#include "httpd/http/request.h"
#include "tests/lib/test.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define LIMIT_MS 5000

/* The owner, which the server does not look into. */
struct worker {
	struct loop *loop;
	struct config config;
	struct server *server;
	int client;			/* the other end of the only connection */
	struct buf in;			/* what came there */
	const char *awaited;		/* the loop ends when it has */
	struct request *kept;		/* of "/later" and "/watch" */
	unsigned begun, over;		/* as told */
	unsigned status;		/* when it was told last */
	bool left;
	/* The other worker, which takes connections. */
	bool gives;
	struct msg_handed handed;
	struct buf handed_out;
	unsigned given;
	uint64_t went_on;		/* next_index of the request that came from there */
};

static struct worker *owner;

/* ---- what the server asks its owner ------------------------------------------------ */

static void
left(struct request *request UNUSED)
{
	owner->left = true;
	owner->kept = NULL;
}

/* It may go on elsewhere with the number 77. */
static bool
pack(const struct request *request UNUSED, struct msg_handed *handed)
{
	handed->next_index = 77;
	return true;
}

static void
handle(struct request *request)
{
	if (slice_equal(request->path, SLICE_LITERAL("/now"))) {
		response_send(request, 200, "text/plain", SLICE_LITERAL("now"));
		return;
	}
	request->gone = left;
	owner->kept = request;
	if (slice_equal(request->path, SLICE_LITERAL("/watch"))) {
		request->pack = pack;
		response_stream_begin(request, 200, "text/plain");
	}
}

static void
put_lines(const struct request *request UNUSED, struct buf *lines)
{
	buf_append_text(lines, "X-Of-The-Owner: yes\r\n");
}

static void
answered(const struct request *request, unsigned what)
{
	owner->begun += (what & ANSWER_BEGUN) != 0;
	owner->over += (what & ANSWER_OVER) != 0;
	owner->status = request->status;
}

static bool
gives(const struct worker *worker)
{
	return worker->gives;
}

static void
give(struct worker *worker, const struct msg_handed *handed, int fd UNUSED)
{
	worker->given++;
	worker->handed = *handed;
	buf_append_slice(&worker->handed_out, handed->out);
}

static void
go_on(struct request *request, const struct msg_handed *handed)
{
	owner->went_on = handed->next_index;
	response_stream_data(request, SLICE_LITERAL("gone on"));
	response_stream_end(request);
}

static bool
is_quiet(const struct worker *worker UNUSED)
{
	return true;
}

/* ---- the scene ----------------------------------------------------------------------- */

static void
turn_ended(void *argument UNUSED)
{
	char text[4096];
	ssize_t got;

	while (server_flush(owner->server))
		continue;
	while ((got = read(owner->client, text, sizeof(text))) > 0)
		buf_append(&owner->in, text, (size_t)got);
	assert_true(got == 0 || errno == EAGAIN);
	buf_append_byte(&owner->in, '\0');
	owner->in.size--;
	if (owner->awaited == NULL || strstr((char *)owner->in.data, owner->awaited) != NULL)
		loop_stop(owner->loop, 0);
}

static void
too_late(void *argument)
{
	loop_stop(argument, 1);
}

/* Run until that has come; NULL: two turns. */
static void
run(const char *awaited)
{
	struct loop_timer *limit = loop_timer_new(owner->loop, too_late, owner->loop);

	loop_timer_set(limit, LIMIT_MS);
	for (int turns = awaited == NULL ? 2 : 1; turns > 0; turns--) {
		owner->awaited = awaited;
		loop_again(owner->loop);
		assert_int_equal(loop_run(owner->loop, 0), 0);
	}
	loop_timer_free(&limit);
}

static void
ask(const char *text)
{
	assert_int_equal(write(owner->client, text, strlen(text)), strlen(text));
}

static void
open_scene(void)
{
	int ends[2];

	owner = calloc(1, sizeof(*owner));
	assert_non_null(owner);
	owner->loop = loop_new();
	config_init(&owner->config);
	owner->server = server_new(&(struct server_owner){
	    .worker = owner, .loop = owner->loop, .config = &owner->config, .role = ROLE_CLIENT,
	    .handle = handle, .put_lines = put_lines, .answered = answered, .gives = gives,
	    .has_room = gives, .give = give, .go_on = go_on, .is_quiet = is_quiet });
	loop_at_turn_end(owner->loop, turn_ended, NULL);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends),
	    0);
	server_adopt_local(owner->server, ends[1]);
	owner->client = ends[0];
}

static void
close_scene(void)
{
	server_free(&owner->server);
	close(owner->client);
	buf_free(&owner->in);
	buf_free(&owner->handed_out);
	config_free(&owner->config);
	loop_free(&owner->loop);
	free(owner);
	owner = NULL;
}

/* ---- tests ------------------------------------------------------------------------------ */

TEST(a_whole_answer_is_told_once_begun_and_over_together)
{
	open_scene();
	ask("GET /now HTTP/1.1\r\nHost: x\r\n\r\n");
	run("\r\n\r\nnow");
	assert_non_null(strstr((char *)owner->in.data, "\r\nX-Of-The-Owner: yes\r\n"));
	assert_int_equal(owner->begun, 1);
	assert_int_equal(owner->over, 1);
	assert_int_equal(owner->status, 200);
	close_scene();
}

TEST(of_a_stream_the_begin_is_told_at_once_and_the_end_at_its_end)
{
	open_scene();
	ask("GET /watch HTTP/1.1\r\nHost: x\r\n\r\n");
	run("chunked\r\n\r\n");
	assert_int_equal(owner->begun, 1);
	assert_int_equal(owner->over, 0);
	response_stream_data(owner->kept, SLICE_LITERAL("event"));
	response_stream_end(owner->kept);
	run("5\r\nevent\r\n0\r\n\r\n");
	assert_int_equal(owner->begun, 1);
	assert_int_equal(owner->over, 1);
	close_scene();
}

TEST(what_is_refused_before_it_is_a_request_is_told_too_and_has_the_lines)
{
	open_scene();
	ask("no HTTP at all\r\n\r\n");
	run("400 Bad Request");
	assert_non_null(strstr((char *)owner->in.data, "\r\nX-Of-The-Owner: yes\r\n"));
	assert_int_equal(owner->begun, 1);
	assert_int_equal(owner->over, 1);
	assert_int_equal(owner->status, 400);
	close_scene();
}

TEST(who_leaves_before_his_answer_is_told_as_over_with_no_status)
{
	open_scene();
	ask("GET /later HTTP/1.1\r\nHost: x\r\n\r\n");
	while (owner->kept == NULL)
		run(NULL);
	server_free(&owner->server);
	assert_true(owner->left);
	assert_int_equal(owner->begun, 0);
	assert_int_equal(owner->over, 1);
	assert_int_equal(owner->status, 0);
	close_scene();
}

TEST(a_request_that_goes_to_another_worker_is_packed_by_itself_and_not_told)
{
	open_scene();
	ask("GET /watch HTTP/1.1\r\nHost: x\r\n\r\n");
	run("chunked\r\n\r\n");
	owner->gives = true;
	server_stop(owner->server, true, LIMIT_MS, NULL);
	while (owner->given == 0)
		run(NULL);
	assert_int_equal(owner->handed.next_index, 77);
	assert_int_equal(owner->handed.flags, HANDED_SERVED | HANDED_WATCH | HANDED_KEEP_ALIVE);
	assert_true(owner->left);
	assert_int_equal(owner->begun, 1);
	assert_int_equal(owner->over, 0);
	assert_int_equal(server_connections(owner->server), 0);
	close_scene();
}

TEST(one_that_comes_from_another_worker_is_gone_on_with_by_the_owner)
{
	int ends[2];

	open_scene();
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends),
	    0);
	close(owner->client);
	owner->client = ends[0];
	server_take(owner->server, ends[1], &(struct msg_handed){
	    .flags = HANDED_SERVED | HANDED_WATCH | HANDED_KEEP_ALIVE,
	    .target = SLICE_LITERAL("/watch?x=y"), .next_index = 78 });
	run("7\r\ngone on\r\n0\r\n\r\n");
	assert_int_equal(owner->went_on, 78);
	assert_int_equal(owner->begun, 0);
	assert_int_equal(owner->over, 1);
	ask("GET /now HTTP/1.1\r\nHost: x\r\n\r\n");
	run("\r\n\r\nnow");
	close_scene();
}
