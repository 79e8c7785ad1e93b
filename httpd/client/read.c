/*
 * read.c - a GET that raftd answers: at once, or in pieces (see read.h).
 *
 *	asked -----> answered	all of it came			[done]
 *	asked -----> collecting	a piece came, and it is this request's turn on
 *				its connection			[piece]
 *	asked -----> waiting	a piece came, but others are to be answered first:
 *				it is dropped			[piece]
 *	waiting ---> asked	the others are			[its_turn]
 *	collecting -> answered	the last piece came: an answer with its length [done]
 *	collecting -> streaming	it is a long one: what there is goes out, as a
 *				stream				[hand_on]
 *	streaming -> streaming	the client took most of it: the next piece	[drained]
 *	streaming -> answered	the last piece			[done]
 *	collecting -> asked	raftd is gone, the next one is asked	[lost]
 *	streaming -> cut	raftd is gone, or gave the answer up: nobody
 *				takes a body that is cut for whole	[lost, done]
 *
 * So memory holds a piece or two of each connection's answer, and nothing is
 * rendered before the client takes what was: a piece at a time, as it comes.
 *
 * Source: docs/api.md, "Answers".
 */
#include "httpd/client/read.h"

#include "common/ipc/wire.h"
#include "common/limits.h"
#include "httpd/api_error.h"
#include "httpd/backend.h"
#include "httpd/client/cache.h"
#include "httpd/client/gate.h"
#include "httpd/worker.h"

/* In the request's arena. */
struct piece_reading {
	struct backend_call call;
	struct request *request;
	struct slice key;
	unsigned flags;			/* READ_FLAG_* */
	enum event_form form;
	/* Of an answer in pieces: */
	struct event_json *event;	/* NULL: none came */
	struct buf body;		/* rendered, and not handed on */
	uint64_t store_index, raft_index, raft_term;
	bool filtered;			/* not all of it may be read */
};

static void
put_headers(struct request *request, uint64_t store_index, uint64_t raft_index,
    uint64_t raft_term)
{
	cluster_id_header(request);
	response_header_number(request, "X-Etcd-Index", store_index);
	response_header_number(request, "X-Raft-Index", raft_index);
	response_header_number(request, "X-Raft-Term", raft_term);
}

/* Nothing came, as far as the next answer is concerned. */
static void
clear(struct piece_reading *reading)
{
	event_json_free(&reading->event);
	buf_free(&reading->body);
	request_keeps(reading->request, 0);
}

/* The backend has nothing to do with the request any more. */
static void
let_go(struct request *request)
{
	request->gone = NULL;
	request->drained = NULL;
	clear(request->state);
}

static void
gone(struct request *request)
{
	struct piece_reading *reading = request->state;

	backend_cancel(request->worker->backend, &reading->call);
	clear(reading);
}

static void
gone_waiting(struct request *request)
{
	clear(request->state);
}

static void
fail(struct request *request, enum err err, struct slice cause, uint64_t store_index)
{
	let_go(request);
	if (request->streaming)
		response_abort(request);
	else
		api_error(request, err, cause, store_index);
}

/* As it is when raftd's answer is there: no right of it is older than that. The first series
 * knows no listings with less than all. */
static bool
may_read(struct piece_reading *reading)
{
	enum auth_read may = gate_may_read(reading->request, reading->key);

	if (may == AUTH_READ_SOME && reading->event == NULL && reading->form == EVENT_FORM_V2)
		reading->filtered = true;
	return may == AUTH_READ_ALL || (may == AUTH_READ_SOME && reading->filtered);
}

static bool
shows(void *argument, struct slice key, bool is_directory)
{
	return gate_shows(argument, key, is_directory);
}

static struct event_json_filter
filter_of(const struct piece_reading *reading)
{
	return (struct event_json_filter){ shows, reading->request };
}

static void
refuse_bytes(struct piece_reading *reading, enum err err, uint64_t store_index)
{
	if (err == ERR_DENIED)
		fail(reading->request, ERR_UNAUTHORIZED, SLICE_LITERAL("Insufficient credentials"),
		    0);
	else
		fail(reading->request, ERR_RAFT_INTERNAL, SLICE_LITERAL("raftd sent no event"),
		    store_index);
}

/* Of a directory that may be read in part: nobody else's, so it is not kept. */
static void
answer_shown(struct piece_reading *reading, const struct msg_outcome *outcome)
{
	struct event_json_filter filter = filter_of(reading);
	struct buf body = BUF_INIT;
	enum err err = event_json_put_shown(&body, outcome->event, &filter);

	if (err != ERR_NONE) {
		refuse_bytes(reading, err, outcome->store_index);
	} else {
		put_headers(reading->request, outcome->store_index, outcome->raft_index,
		    outcome->raft_term);
		response_send(reading->request, 200, "application/json", buf_slice(&body));
	}
	buf_free(&body);
}

static void
answer_whole(struct piece_reading *reading, const struct msg_outcome *outcome)
{
	struct request *request = reading->request;
	struct buf body = BUF_INIT;

	blob_begin(&body);
	if (event_json_put(&body, reading->form, outcome->event, NULL) != ERR_NONE) {
		api_error(request, ERR_RAFT_INTERNAL, SLICE_LITERAL("raftd sent no event"),
		    outcome->store_index);
		buf_free(&body);
		return;
	}
	if (reading->form == EVENT_FORM_V2)
		cache_fill(request->worker->cache, reading->key,
		    (reading->flags & READ_FLAG_RECURSIVE) != 0, outcome->event,
		    blob_built(&body), outcome);
	put_headers(request, outcome->store_index, outcome->raft_index, outcome->raft_term);
	response_send_built(request, 200, event_json_type(reading->form), &body);
}

/* Render what came behind what was rendered and not handed on. */
static enum err
take(struct piece_reading *reading, struct slice bytes)
{
	enum err err;

	if (reading->event == NULL) {
		reading->event = event_json_new(reading->form);
		if (reading->filtered)
			event_json_show(reading->event, filter_of(reading));
	}
	err = event_json_feed(reading->event, bytes, &reading->body);
	request_keeps(reading->request, reading->body.capacity);
	return err;
}

static void
answer_end(struct piece_reading *reading, const struct msg_outcome *outcome)
{
	struct request *request = reading->request;
	enum err err = take(reading, outcome->event);
	struct buf body;

	if (err == ERR_NONE)
		err = event_json_end(reading->event, &reading->body);
	if (err != ERR_NONE) {
		refuse_bytes(reading, err, outcome->store_index);
		return;
	}
	body = reading->body;
	reading->body = (struct buf)BUF_INIT;
	let_go(request);
	if (request->streaming) {
		response_stream_data(request, buf_slice(&body));
		response_stream_end(request);
	} else {
		put_headers(request, reading->store_index, reading->raft_index,
		    reading->raft_term);
		response_send(request, 200, event_json_type(reading->form), buf_slice(&body));
	}
	buf_free(&body);
}

static void
done(struct backend_call *call, const struct msg_outcome *outcome)
{
	struct piece_reading *reading = CONTAINER_OF(call, struct piece_reading, call);

	if (outcome->error != ERR_NONE)
		fail(reading->request, err_from_number(outcome->error), outcome->cause,
		    outcome->store_index);
	else if (!may_read(reading))
		refuse_bytes(reading, ERR_DENIED, 0);
	else if (reading->event == NULL && reading->filtered)
		answer_shown(reading, outcome);
	else if (reading->event == NULL)
		answer_whole(reading, outcome);
	else
		answer_end(reading, outcome);
}

static void
ask_on_if_drained(struct piece_reading *reading)
{
	if (backend_call_rests(&reading->call) &&
	    response_backlog(reading->request) <= ANSWER_PIECE_BYTES)
		backend_call_more(reading->request->worker->backend, &reading->call);
}

static void
drained(struct request *request)
{
	ask_on_if_drained(request->state);
}

static void
begin_stream(struct piece_reading *reading)
{
	struct request *request = reading->request;

	put_headers(request, reading->store_index, reading->raft_index, reading->raft_term);
	request->finite = true;
	response_stream_begin(request, 200, event_json_type(reading->form));
	request->drained = drained;
}

/* A client that asked for the head only gets no more than it. */
static void
end_of_head(struct piece_reading *reading)
{
	struct request *request = reading->request;

	backend_cancel(request->worker->backend, &reading->call);
	let_go(request);
	response_stream_end(request);
}

/* Keep it, if it may become an answer with a length, or send it. */
static void
hand_on(struct piece_reading *reading)
{
	struct request *request = reading->request;

	if (!request->streaming) {
		if (reading->body.size <= ANSWER_WHOLE_BYTES && !request_is_pressed(request)) {
			backend_call_more(request->worker->backend, &reading->call);
			return;
		}
		begin_stream(reading);
		if (request->method == METHOD_HEAD) {
			end_of_head(reading);
			return;
		}
	}
	response_stream_data(request, buf_slice(&reading->body));
	buf_free(&reading->body);
	request_keeps(request, 0);
	ask_on_if_drained(reading);
}

static void ask(struct piece_reading *reading);

static void
its_turn(struct request *request)
{
	ask(request->state);
}

static void
piece(struct backend_call *call, const struct msg_outcome *outcome)
{
	struct piece_reading *reading = CONTAINER_OF(call, struct piece_reading, call);
	struct request *request = reading->request;
	enum err err;

	if (!request_is_first(request)) {
		backend_cancel(request->worker->backend, call);
		request->gone = gone_waiting;
		request->up = its_turn;
		return;
	}
	reading->store_index = outcome->store_index;
	reading->raft_index = outcome->raft_index;
	reading->raft_term = outcome->raft_term;
	err = may_read(reading) ? take(reading, outcome->event) : ERR_DENIED;
	if (err == ERR_NONE) {
		hand_on(reading);
		return;
	}
	backend_cancel(request->worker->backend, call);
	refuse_bytes(reading, err, outcome->store_index);
}

static void
lost(struct backend_call *call)
{
	struct piece_reading *reading = CONTAINER_OF(call, struct piece_reading, call);

	if (!reading->request->streaming) {
		clear(reading);
		return;
	}
	backend_cancel(reading->request->worker->backend, call);
	let_go(reading->request);
	response_abort(reading->request);
}

static void
ask(struct piece_reading *reading)
{
	struct request *request = reading->request;

	request->gone = gone;
	backend_read(request->worker->backend, &reading->call,
	    &(struct msg_read){ .flags = (uint8_t)reading->flags, .key = reading->key });
}

void
read_begin(struct request *request, struct slice key, unsigned flags, enum event_form form)
{
	struct piece_reading *reading;
	enum auth_read may = gate_may_read(request, key);

	if (may == AUTH_READ_NONE || (may == AUTH_READ_SOME && form == EVENT_FORM_V1)) {
		gate_refuse_key(request);
		return;
	}
	if (backend_is_full(request->worker->backend)) {
		keys_refuse_full(request);
		return;
	}
	reading = arena_zalloc(&request->arena, sizeof(*reading));
	reading->request = request;
	reading->key = key;
	reading->flags = flags;
	reading->form = form;
	reading->call.done = done;
	reading->call.piece = piece;
	reading->call.lost = lost;
	reading->call.sent_ns = &request->sent_ns;
	request->state = reading;
	ask(reading);
}
