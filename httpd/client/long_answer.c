/*
 * long_answer.c - see long_answer.h.
 *
 *	waiting ---> streaming	the requests before it are answered	[up]
 *	streaming -> streaming	the client took most of it: the next piece	[drained]
 *	streaming -> answered	that was the last piece
 *	streaming -> cut	the event makes no sense
 *	any -------> left	the client hung up			[gone]
 *
 * The connection calls drained once for each time that the client takes some, so one
 * turn renders one piece of each such answer.
 */
#include "httpd/client/long_answer.h"

#include "common/ipc/wire.h"
#include "common/limits.h"
#include "httpd/client/event_json.h"

/* In the request's arena. */
struct long_answer {
	struct buf event;		/* encoded */
	size_t at;			/* so much of it is rendered */
	struct event_json *json;
	bool created;
};

bool
long_answer_wanted(struct slice event)
{
	return event.size > ANSWER_WHOLE_BYTES;
}

static void
let_go(struct request *request)
{
	struct long_answer *answer = request->state;

	request->gone = NULL;
	request->drained = NULL;
	event_json_free(&answer->json);
	buf_free(&answer->event);
	request_keeps(request, 0);
}

/* Render the next piece into out. */
static enum err
render(struct long_answer *answer, struct buf *out)
{
	size_t size = MIN_OF(answer->event.size - answer->at, (size_t)ANSWER_PIECE_BYTES);
	struct slice piece = slice_of(answer->event.data + answer->at, size);
	enum err err;

	answer->at += size;
	err = event_json_feed(answer->json, piece, out);
	if (err == ERR_NONE && answer->at == answer->event.size)
		err = event_json_end(answer->json, out);
	return err;
}

static void
go_on(struct request *request)
{
	struct long_answer *answer = request->state;
	struct buf out = BUF_INIT;

	if (response_backlog(request) > ANSWER_PIECE_BYTES)
		return;
	if (render(answer, &out) != ERR_NONE) {
		let_go(request);
		response_abort(request);
	} else if (answer->at < answer->event.size) {
		response_stream_data(request, buf_slice(&out));
	} else {
		let_go(request);
		response_stream_data(request, buf_slice(&out));
		response_stream_end(request);
	}
	buf_free(&out);
}

static void
begin(struct request *request)
{
	struct long_answer *answer = request->state;

	request->finite = true;
	response_stream_begin(request, answer->created ? 201 : 200,
	    event_json_type(EVENT_FORM_V2));
	request->drained = go_on;
	go_on(request);
}

void
long_answer_begin(struct request *request, struct slice event)
{
	struct long_answer *answer = arena_zalloc(&request->arena, sizeof(*answer));
	struct reader in = reader_of(event);
	struct event_record record;

	buf_append_slice(&answer->event, event);
	answer->json = event_json_new(EVENT_FORM_V2);
	answer->created = event_record_get(&in, &record) && (record.flags & EVENT_CREATED) != 0;
	request->state = answer;
	request->gone = let_go;
	request_keeps(request, answer->event.capacity);
	if (request_is_first(request))
		begin(request);
	else
		request->up = begin;
}
