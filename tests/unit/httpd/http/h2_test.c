/*
 * h2_test.c - requests by HTTP/2 as their handlers see them: whole ones, bodies that stream,
 * answers that wait for a window, ends of all kinds. The owner is a toy; only httpd/http/ and
 * common/ are linked.
 */
#include "common/ipc/message.h"
#include "common/ipc/wire.h"
#include "common/limits.h"
#include "httpd/http/request.h"
#include "httpd/http/server.h"
#include "tests/lib/h2_client.h"
#include "tests/lib/test.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define LIMIT_MS 10000
#define STREAM "x/stream"		/* the content type of bodies that stream */

/* The owner, which the server does not look into. */
struct worker {
	struct loop *loop;
	struct config config;
	struct server *server;
	struct h2_client client;
	bool (*awaited)(void);
	struct request *kept;		/* of "/later" and below */
	size_t took;			/* bytes of a body that streams */
	unsigned handled, begun, over, left, stops, drained, late;
	bool stopped;
};

static struct worker *owner;

/* ---- handlers ------------------------------------------------------------------------- */

static void
left(struct request *request UNUSED)
{
	owner->left++;
	owner->kept = NULL;
}

static void
end_stream(struct request *request)
{
	owner->kept = NULL;
	response_trailer(request, "X-Behind", SLICE_LITERAL("the end"));
	response_stream_end(request);
}

static void
stop(struct request *request)
{
	owner->stops++;
	end_stream(request);
}

static void
drained(struct request *request UNUSED)
{
	owner->drained++;
}

/* Says back what comes. */
static void
echo(struct request *request)
{
	size_t size = request->body.size;

	owner->took += size;
	response_stream_data(request, request->body);
	request_body_used(request, size);
	if (request->body_ended)
		end_stream(request);
}

/* Keeps all that comes, until it has as much as it waits for. */
static void
collect(struct request *request)
{
	size_t size = request->body.size;

	owner->took += size;
	request->collected += size;
	if (request->collected >= request->collects) {
		request->collected = 0;
		request->collects = 0;
	}
	request_body_used(request, size);
	if (request->body_ended)
		response_send(request, 200, "text/plain", SLICE_LITERAL("all"));
}

static void
late(struct request *request)
{
	owner->late++;
	response_send(request, 504, "text/plain", SLICE_LITERAL("late"));
}

static void
begin_echo(struct request *request)
{
	response_stream_begin(request, 200, "text/plain");
	request->more = echo;
	request->drained = drained;
	request->stop = stop;
	echo(request);
}

static void
handle(struct request *request)
{
	owner->handled++;
	if (slice_equal(request->path, SLICE_LITERAL("/whole"))) {
		response_header(request, "X-Odd", "%s", "yes");
		response_send(request, 200, "text/plain", request->body);
		return;
	}
	if (slice_equal(request->path, SLICE_LITERAL("/head"))) {
		response_header(request, "x-status", "%d", 5);
		response_send_head(request, 200, "text/plain");
		return;
	}
	request->gone = left;
	owner->kept = request;
	if (slice_equal(request->path, SLICE_LITERAL("/echo"))) {
		begin_echo(request);
	} else if (slice_equal(request->path, SLICE_LITERAL("/collect"))) {
		request->collects = MIB;
		request->more = collect;
		request->late = late;
		collect(request);
	} else if (slice_equal(request->path, SLICE_LITERAL("/watch"))) {
		response_stream_begin(request, 200, "text/plain");
		request->drained = drained;
		request->stop = stop;
	}
}

static bool
streams(const struct request *request)
{
	return slice_equal(request->content_type, SLICE_LITERAL(STREAM));
}

static void
put_lines(const struct request *request UNUSED, struct buf *lines)
{
	buf_append_text(lines, "X-Of-The-Owner: yes\r\n");
}

static void
answered(const struct request *request UNUSED, unsigned what)
{
	owner->begun += (what & ANSWER_BEGUN) != 0;
	owner->over += (what & ANSWER_OVER) != 0;
}

static bool
gives(const struct worker *worker UNUSED)
{
	return true;
}

static void
give(struct worker *worker UNUSED, const struct msg_handed *handed UNUSED, int fd UNUSED)
{
	fail_msg("a connection of HTTP/2 was given away");
}

static bool
is_quiet(const struct worker *worker UNUSED)
{
	return true;
}

/* ---- the scene -------------------------------------------------------------------------- */

static void
turn_ended(void *argument UNUSED)
{
	while (server_flush(owner->server))
		continue;
	h2_client_pump(&owner->client);
	if (owner->awaited == NULL || owner->awaited())
		loop_stop(owner->loop, 0);
}

static void
too_late(void *argument)
{
	loop_stop(argument, 1);
}

/* Run until that is so; NULL: some turns. */
static void
run(bool (*awaited)(void))
{
	struct loop_timer *limit = loop_timer_new(owner->loop, too_late, owner->loop);

	loop_timer_set(limit, LIMIT_MS);
	for (int turns = awaited == NULL ? 6 : 1; turns > 0; turns--) {
		owner->awaited = awaited;
		loop_again(owner->loop);
		assert_int_equal(loop_run(owner->loop, 0), 0);
	}
	loop_timer_free(&limit);
}

static void
open_scene(uint32_t window)
{
	int ends[2];

	owner = calloc(1, sizeof(*owner));
	assert_non_null(owner);
	owner->loop = loop_new();
	config_init(&owner->config);
	owner->server = server_new(&(struct server_owner){
	    .worker = owner, .loop = owner->loop, .config = &owner->config, .role = ROLE_CLIENT,
	    .handle = handle, .streams = streams, .put_lines = put_lines, .answered = answered,
	    .gives = gives, .has_room = gives, .give = give, .is_quiet = is_quiet });
	loop_at_turn_end(owner->loop, turn_ended, NULL);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends),
	    0);
	server_adopt_local(owner->server, ends[1]);
	h2_client_open(&owner->client, ends[0], window);
}

static void
close_scene(void)
{
	server_free(&owner->server);
	h2_client_close(&owner->client);
	config_free(&owner->config);
	loop_free(&owner->loop);
	free(owner);
	owner = NULL;
}

static struct h2_answer *
ask(const char *method, const char *path, const char *type, bool ends)
{
	return h2_client_ask(&owner->client, method, path, type, ends);
}

static struct h2_answer *
answer(size_t number)
{
	return &owner->client.answers[number];
}

static bool
first_is_over(void)
{
	return answer(0)->ended || answer(0)->reset;
}

static bool
is_closed(void)
{
	return owner->client.closed;
}

static bool
has_field(const struct h2_answer *of, const char *line)
{
	return of->fields.size > 0 && strstr((char *)of->fields.data, line) != NULL;
}

static struct slice
some(size_t size)
{
	static uint8_t bytes[2 * MIB];

	return slice_of(bytes, size);
}

/* ---- whole requests --------------------------------------------------------------------- */

TEST(a_request_has_its_answer_with_names_in_lower_case)
{
	open_scene(65535);
	(void)ask("PUT", "/whole", NULL, false);
	h2_client_send(&owner->client, answer(0), SLICE_LITERAL("the body"), true);
	run(first_is_over);
	assert_int_equal(answer(0)->status, 200);
	assert_true(slice_equal(buf_slice(&answer(0)->body), SLICE_LITERAL("the body")));
	assert_true(has_field(answer(0), "\ncontent-type: text/plain\n") ||
	    has_field(answer(0), "content-type: text/plain\n"));
	assert_true(has_field(answer(0), "x-odd: yes\n"));
	assert_true(has_field(answer(0), "x-of-the-owner: yes\n"));
	assert_true(has_field(answer(0), "content-length: 8\n"));
	assert_false(has_field(answer(0), "connection"));
	assert_int_equal(owner->begun, 1);
	assert_int_equal(owner->over, 1);
	close_scene();
}

TEST(a_head_alone_has_no_length_and_ends_the_stream)
{
	open_scene(65535);
	(void)ask("POST", "/head", STREAM, false);
	run(first_is_over);
	assert_true(answer(0)->ended);
	assert_true(has_field(answer(0), "x-status: 5\n"));
	assert_false(has_field(answer(0), "content-length"));
	close_scene();
}

TEST(answers_do_not_wait_for_those_before_them)
{
	open_scene(65535);
	(void)ask("GET", "/later", NULL, true);
	(void)ask("GET", "/whole", NULL, true);
	run(NULL);
	assert_true(answer(1)->ended);
	assert_false(answer(0)->ended);
	response_send(owner->kept, 200, NULL, SLICE_LITERAL("now"));
	run(first_is_over);
	assert_int_equal(answer(0)->body.size, 3);
	close_scene();
}

TEST(who_breaks_off_is_gone_and_so_is_who_hangs_up)
{
	open_scene(65535);
	(void)ask("GET", "/later", NULL, true);
	run(NULL);
	assert_non_null(owner->kept);
	h2_client_reset(&owner->client, answer(0));
	run(NULL);
	assert_int_equal(owner->left, 1);
	assert_int_equal(owner->over, 1);
	(void)ask("GET", "/later", NULL, true);
	run(NULL);
	assert_int_equal(shutdown(owner->client.fd, SHUT_RDWR), 0);
	run(is_closed);
	run(NULL);
	assert_int_equal(owner->left, 2);
	assert_int_equal(server_connections(owner->server), 0);
	close_scene();
}

/* ---- bodies that stream ------------------------------------------------------------------ */

TEST(a_body_that_streams_comes_as_it_is_sent_and_its_answer_has_lines_behind_it)
{
	open_scene(65535);
	(void)ask("POST", "/echo", STREAM, false);
	run(NULL);
	assert_int_equal(owner->handled, 1);
	assert_int_equal(answer(0)->status, 200);
	for (int i = 0; i < 3; i++) {
		h2_client_send(&owner->client, answer(0), SLICE_LITERAL("piece,"), false);
		run(NULL);
		assert_int_equal(answer(0)->body.size, 6 * (i + 1));
		assert_false(answer(0)->ended);
	}
	h2_client_send(&owner->client, answer(0), SLICE_EMPTY, true);
	run(first_is_over);
	assert_true(answer(0)->ended);
	assert_true(has_field(answer(0), "x-behind: the end\n"));
	assert_true(owner->drained >= 3);
	close_scene();
}

TEST(what_is_used_of_a_body_is_given_back)
{
	open_scene(65535);
	(void)ask("POST", "/echo", STREAM, false);
	h2_client_send(&owner->client, answer(0), some(2 * MIB), true);
	run(first_is_over);
	assert_true(answer(0)->ended);
	assert_int_equal(owner->took, 2 * MIB);
	assert_int_equal(answer(0)->body.size, 2 * MIB);
	assert_int_equal(server_held(owner->server), 0);
	close_scene();
}

TEST(of_a_body_that_nobody_uses_the_window_is_all_that_comes)
{
	open_scene(65535);
	(void)ask("POST", "/later", STREAM, false);
	h2_client_send(&owner->client, answer(0), some(MIB), false);
	run(NULL);
	assert_non_null(owner->kept);
	assert_int_equal(owner->kept->body.size, H2_WINDOW_BYTES);
	assert_int_equal(answer(0)->upload.size, MIB - (size_t)H2_WINDOW_BYTES);
	assert_true(server_held(owner->server) >= (size_t)H2_WINDOW_BYTES);
	close_scene();
}

static bool
first_has_come(void)
{
	return answer(0)->upload.size == 0;
}

/* The first has the place, and the second gets it when the first has all that it waited for. */
TEST(one_body_at_a_time_is_collected_above_its_window)
{
	open_scene(65535);
	(void)ask("POST", "/collect", STREAM, false);
	(void)ask("POST", "/collect", STREAM, false);
	h2_client_send(&owner->client, answer(0), some(MIB - 1), false);
	run(first_has_come);
	h2_client_send(&owner->client, answer(1), some(MIB), true);
	run(NULL);
	assert_int_equal(owner->took, MIB - 1 + (size_t)H2_WINDOW_BYTES);
	assert_false(answer(1)->ended);
	h2_client_send(&owner->client, answer(0), some(1), true);
	run(first_is_over);
	run(NULL);
	assert_int_equal(owner->took, 2 * MIB);
	assert_true(answer(0)->ended && answer(1)->ended);
	close_scene();
}

TEST(the_place_is_free_when_who_has_it_is_gone)
{
	open_scene(65535);
	(void)ask("POST", "/collect", STREAM, false);
	(void)ask("POST", "/collect", STREAM, false);
	(void)ask("POST", "/collect", STREAM, false);
	for (size_t i = 0; i < 3; i++)
		h2_client_send(&owner->client, answer(i), some(MIB - 1), false);
	run(NULL);
	h2_client_reset(&owner->client, answer(1));
	h2_client_reset(&owner->client, answer(0));
	run(NULL);
	h2_client_send(&owner->client, answer(2), some(1), true);
	run(NULL);
	assert_true(answer(2)->ended);
	assert_int_equal(owner->left, 2);
	close_scene();
}

TEST(what_is_collected_has_its_time_and_its_handler_answers)
{
	open_scene(65535);
	owner->config.http_read_timeout = 1;
	(void)ask("POST", "/collect", STREAM, false);
	run(first_is_over);
	assert_int_equal(owner->late, 1);
	assert_int_equal(answer(0)->status, 504);
	close_scene();
}

/* ---- answers that wait ------------------------------------------------------------------- */

TEST(an_answer_waits_for_its_window_and_counts_as_kept)
{
	open_scene(0);
	(void)ask("GET", "/later", NULL, true);
	run(NULL);
	response_send(owner->kept, 200, NULL, some(MIB));
	run(NULL);
	assert_int_equal(answer(0)->status, 200);
	assert_int_equal(answer(0)->body.size, 0);
	assert_true(server_held(owner->server) >= MIB);
	assert_int_equal(nghttp2_submit_window_update(owner->client.session, NGHTTP2_FLAG_NONE,
	    answer(0)->id, (int32_t)MIB), 0);
	run(first_is_over);
	assert_int_equal(answer(0)->body.size, MIB);
	run(NULL);
	assert_int_equal(server_held(owner->server), 0);
	close_scene();
}

TEST(who_does_not_take_an_answer_is_broken_off_alone)
{
	open_scene(0);
	owner->config.http_write_timeout = 1;
	(void)ask("GET", "/watch", NULL, true);
	run(NULL);
	response_stream_data(owner->kept, some(100));
	run(first_is_over);
	assert_true(answer(0)->reset);
	assert_int_equal(answer(0)->code, NGHTTP2_CANCEL);
	assert_int_equal(owner->left, 1);
	(void)ask("GET", "/head", NULL, true);
	run(NULL);
	assert_true(answer(1)->ended);
	close_scene();
}

TEST(what_breaks_off_does_so_behind_what_was_queued)
{
	open_scene(65535);
	(void)ask("GET", "/watch", NULL, true);
	run(NULL);
	response_stream_data(owner->kept, some(1000));
	response_abort(owner->kept);
	run(first_is_over);
	assert_true(answer(0)->reset);
	assert_int_equal(answer(0)->code, NGHTTP2_INTERNAL_ERROR);
	assert_int_equal(answer(0)->body.size, 1000);
	assert_int_equal(owner->left, 0);
	close_scene();
}

TEST(a_backlog_is_of_one_stream_and_a_blob_is_shared)
{
	struct blob *blob = blob_new(some(MIB));

	open_scene(0);
	(void)ask("GET", "/watch", NULL, true);
	run(NULL);
	response_stream_blob(owner->kept, blob);
	run(NULL);
	assert_int_equal(response_backlog(owner->kept), MIB);
	assert_int_equal(response_backlog_beside_one(owner->kept), 0);
	assert_int_equal(blob->references, 2);
	close_scene();
	assert_int_equal(blob->references, 1);
	blob_unref(&blob);
}

/* ---- the end ------------------------------------------------------------------------------ */

static void
server_stopped(struct worker *worker)
{
	worker->stopped = true;
}

static bool
has_stopped(void)
{
	return owner->stopped;
}

static bool
was_told_twice(void)
{
	return owner->client.goaways == 2;
}

TEST(a_server_that_stops_tells_streams_and_finishes_what_is_in_work)
{
	open_scene(65535);
	(void)ask("GET", "/watch", NULL, true);
	run(NULL);
	(void)ask("GET", "/later", NULL, true);
	run(NULL);
	server_stop(owner->server, true, LIMIT_MS, server_stopped);
	run(was_told_twice);
	assert_int_equal(owner->stops, 1);
	assert_true(answer(0)->ended);
	assert_false(answer(1)->ended);
	assert_false(owner->client.closed);
	/* It was the last that was kept. */
	owner->kept = NULL;
	close_scene();
}

TEST(a_server_that_stops_is_done_when_all_is_answered)
{
	open_scene(65535);
	(void)ask("GET", "/later", NULL, true);
	run(NULL);
	server_stop(owner->server, true, LIMIT_MS, server_stopped);
	run(was_told_twice);
	assert_false(owner->stopped);
	response_send(owner->kept, 200, NULL, SLICE_LITERAL("in time"));
	run(has_stopped);
	assert_int_equal(answer(0)->body.size, 7);
	assert_int_equal(owner->client.goaway_code, NGHTTP2_NO_ERROR);
	close_scene();
}

TEST(streams_that_break_off_have_a_number)
{
	open_scene(65535);
	for (int i = 0; i < 40 && !owner->client.closed; i++) {
		owner->client.count = 0;
		for (int k = 0; k < 60; k++) {
			(void)ask("GET", "/later", NULL, true);
			h2_client_reset(&owner->client, answer((size_t)k));
		}
		run(NULL);
		if (owner->client.goaways > 0)
			break;
	}
	assert_int_equal(owner->client.goaway_code, NGHTTP2_ENHANCE_YOUR_CALM);
	run(is_closed);
	close_scene();
}
