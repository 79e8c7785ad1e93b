/*
 * v3.c - what is answered on the v3 keys: at once, or piece by piece.
 *
 *	opened --> answered	it is little				[node_v3_answer_*]
 *	opened --> wanted	it is to be gone over in later turns	[node_v3_begin, keep]
 *	wanted --> sent		a piece is in the worker's channel	[node_v3_turn]
 *	sent ----> wanted	the worker asks for the next		[node_v3_more]
 *	any -----> over		the last piece; nobody wants more; the worker is gone; history that
 *				it needs is; it took too long: a read until it began, what a write
 *				shows until its end
 *
 * What a write shows is opened when it is applied, so it is of that moment; a repeat, also
 * after a restart, opens the same from history. A read is opened when it may be answered. All
 * that is shown of either is of one revision, whatever is written meanwhile.
 *
 * An event is a v3_answer and the bytes behind it (common/ipc/message_table.h).
 */
#include "raftd/node_priv.h"

#include "common/cause.h"
#include "common/v3_error.h"
#include "common/xmem.h"
#include "raftd/command.h"
#include "raftd/replica/mvcc/mvcc.h"

#include <stdlib.h>

struct v3_reading {
	TAILQ_ENTRY(v3_reading) link;
	struct waiting_outcome answer;	/* what it begins with; its cause is owned */
	struct mvcc_answer *shown;
	uint64_t revision;		/* of its head */
	bool write;
	bool begun;			/* its head is made */
	bool wanted;			/* the next piece */
	uint64_t opened_ms;
};

void
node_v3_init(struct v3_readings *readings)
{
	TAILQ_INIT(&readings->list);
}

static void
reading_free(struct v3_readings *readings, struct v3_reading *reading)
{
	TAILQ_REMOVE(&readings->list, reading, link);
	mvcc_answer_close(&reading->shown);
	blob_unref(&reading->answer.cause);
	free(reading);
}

void
node_v3_free(struct v3_readings *readings)
{
	while (!TAILQ_EMPTY(&readings->list))
		reading_free(readings, TAILQ_FIRST(&readings->list));
}

static struct v3_reading *
find(struct node *node, uint64_t session, uint64_t request_id)
{
	struct v3_reading *reading;

	TAILQ_FOREACH(reading, &node->v3.list, link)
		if (reading->answer.session == session &&
		    reading->answer.request_id == request_id)
			return reading;
	return NULL;
}

/* May that session have one more? */
static bool
has_place(const struct node *node, uint64_t session, bool write)
{
	const struct v3_reading *reading;
	size_t count = 0;

	TAILQ_FOREACH(reading, &node->v3.list, link)
		count += reading->answer.session == session && reading->write == write;
	return count < (write ? SESSION_V3_WRITES_MAX : SESSION_V3_MAX);
}

/* ---- bytes ------------------------------ */

static void
put_results(struct buf *out, const struct mvcc_answer *shown)
{
	size_t count;
	const struct mvcc_result *results = mvcc_answer_results(shown, &count);

	for (size_t i = 0; i < count; i++)
		v3_result_put(out, &(struct v3_result){
		    .kind = results[i].kind,
		    .flags = (uint8_t)((results[i].more ? V3_RESULT_MORE : 0) |
			(results[i].succeeded ? V3_RESULT_SUCCEEDED : 0)),
		    .responses = results[i].responses,
		    .revision = results[i].revision,
		    .count = results[i].count,
		    .kvs = results[i].kvs,
		    .bytes = results[i].bytes,
		});
}

/* shown NULL: nothing is. */
static void
put_head(struct buf *out, const struct v3_answer *head, const struct mvcc_answer *shown)
{
	struct v3_answer answer = *head;
	struct buf results = BUF_INIT;

	if (shown != NULL)
		put_results(&results, shown);
	answer.results = buf_slice(&results);
	v3_answer_put(out, &answer);
	buf_free(&results);
}

/* The next piece is appended to out, maybe nothing yet. */
static enum mvcc_answer_state
read_on(struct v3_reading *reading, struct buf *out, size_t bytes_max, size_t *looks,
    enum v3_error *error)
{
	enum mvcc_answer_state state;

	if (!reading->begun) {
		state = mvcc_answer_read(reading->shown, out, 0, looks, error);
		if (state == MVCC_ANSWER_MEASURES || state == MVCC_ANSWER_LOST)
			return state;
		put_head(out, &(struct v3_answer){ .revision = reading->revision },
		    reading->shown);
		reading->begun = true;
	}
	return mvcc_answer_read(reading->shown, out, bytes_max, looks, error);
}

/* ---- writes ------------------------------ */

/* Takes the answer, which shows nothing, and says what became of it. */
static void
answer_bare(struct node *node, struct waiting_outcome answer, const struct v3_answer *head)
{
	struct buf event = BUF_INIT;

	blob_begin(&event);
	put_head(&event, head, NULL);
	answer.event = blob_end(&event, NULL);
	buf_free(&event);
	node_answer(node, answer);
}

/* It was opened: tell it now, or begin to. Takes the answer. */
static void
keep(struct node *node, struct waiting_outcome answer, struct mvcc_answer *shown,
    uint64_t revision)
{
	struct v3_reading *reading = xzalloc(sizeof(*reading));
	size_t share = MIN_OF(node->v3.looks, V3_SMALL_LOOKS), looks = share;
	struct buf event = BUF_INIT;
	enum mvcc_answer_state state;
	enum v3_error error;

	*reading = (struct v3_reading){ .answer = answer, .shown = shown, .revision = revision,
		.write = true, .wanted = true, .opened_ms = node->now.monotonic_ms };
	TAILQ_INSERT_TAIL(&node->v3.list, reading, link);
	blob_begin(&event);
	state = read_on(reading, &event, node->config.answer_piece_bytes, &looks, &error);
	node->v3.looks -= share - looks;
	if (state == MVCC_ANSWER_LOST || !reading->begun) {
		/* What is lost is told in its turn. */
		buf_free(&event);
		return;
	}
	answer.cause = blob_ref(answer.cause);
	answer.event = blob_end(&event, NULL);
	buf_free(&event);
	answer.more = state != MVCC_ANSWER_END;
	node_answer(node, answer);
	reading->wanted = false;
	if (!answer.more)
		reading_free(&node->v3, reading);
}

/* Takes the answer. */
static void
show_write(struct node *node, struct blob *payload, const struct command_v3_write *write,
    struct waiting_outcome answer, const struct mvcc_outcome *outcome)
{
	struct mvcc_request *request;
	struct mvcc_answer *shown;
	enum v3_error error;

	error = mvcc_request_new(write->compares, write->ops, payload, &request);
	if (error == V3_NONE && !has_place(node, answer.session, true)) {
		error = V3_TIMED_OUT;
		mvcc_request_free(&request);
	}
	if (error == V3_NONE)
		error = mvcc_answer_open(node->replica->mvcc, request, outcome,
		    node->now.monotonic_ms, &shown);
	/* It was done: nobody may take it for refused. */
	if (error != V3_NONE)
		answer_bare(node, answer, &(struct v3_answer){ .error = V3_TIMED_OUT });
	else
		keep(node, answer, shown, outcome->revision);
}

void
node_v3_answer_write(struct node *node, struct blob *payload, struct waiting_outcome answer)
{
	struct mvcc_outcome outcome = { .error = V3_NONE };
	struct command_v3_write write;
	struct reader body;
	uint8_t kind = 0;

	if (answer.error != ERR_NONE || answer.cause == NULL ||
	    !mvcc_outcome_parse(blob_slice(answer.cause), &outcome)) {
		node_answer(node, answer);
		return;
	}
	if (command_parse_v3(payload, &kind, &body) && outcome.error == V3_NONE &&
	    kind == COMMAND_V3_WRITE && command_v3_write_get(&body, &write))
		show_write(node, payload, &write, answer, &outcome);
	else
		answer_bare(node, answer, &(struct v3_answer){ .error = (uint16_t)outcome.error,
		    .revision = outcome.revision, .ttl_s = outcome.ttl_s,
		    .alarms = kind == COMMAND_V3_ALARM ? outcome.changes : 0 });
	mvcc_outcome_free(&outcome);
}

/* ---- reads ------------------------------ */

static struct mvcc_request *
request_of(const struct query *query, struct blob *holder)
{
	struct slice lists = slice_of(holder == NULL ? query->key : holder->data,
	    query->key_bytes);
	struct slice compares = slice_of(lists.data, query->compares_bytes);
	struct slice ops = slice_of(lists.data + compares.size, lists.size - compares.size);
	struct mvcc_request *request;

	/* The session has looked at it. */
	MUST(mvcc_request_new(compares, ops, holder, &request) == V3_NONE);
	return request;
}

static void
say(struct node *node, const struct waiting_outcome *answer, struct slice event, bool more)
{
	node->io.outcome(node->io.argument, answer->session, answer->request_id,
	    &(struct node_outcome){
		.error = answer->error,
		.cause = blob_slice(answer->cause),
		.store_index = answer->store_index,
		.raft_index = answer->raft_index,
		.raft_term = answer->raft_term,
		.event = event,
		.more = more,
	    });
}

static struct waiting_outcome
answer_now(const struct node *node, const struct query *query)
{
	return (struct waiting_outcome){
		.session = query->session,
		.request_id = query->request_id,
		.store_index = store_index(node->replica->store),
		.raft_index = node->applied.index,
		.raft_term = raft_current_term(node->raft),
	};
}

static void
refuse(struct node *node, const struct waiting_outcome *answer, enum v3_error error)
{
	buf_clear(&node->event);
	put_head(&node->event, &(struct v3_answer){ .error = (uint16_t)error }, NULL);
	say(node, answer, buf_slice(&node->event), false);
}

/* What a query asks for, as it is now. NULL: it was refused. */
static struct v3_reading *
open_reading(struct node *node, const struct query *query, struct blob *holder)
{
	struct waiting_outcome answer = answer_now(node, query);
	struct v3_reading *reading;
	struct mvcc_answer *shown;
	enum v3_error error;

	error = mvcc_answer_open(node->replica->mvcc, request_of(query, holder), NULL,
	    node->now.monotonic_ms, &shown);
	if (error != V3_NONE) {
		refuse(node, &answer, error);
		return NULL;
	}
	reading = xzalloc(sizeof(*reading));
	*reading = (struct v3_reading){ .answer = answer, .shown = shown, .wanted = true,
		.revision = mvcc_revision(node->replica->mvcc),
		.opened_ms = node->now.monotonic_ms };
	TAILQ_INSERT_TAIL(&node->v3.list, reading, link);
	return reading;
}

bool
node_v3_answer_at_once(struct node *node, const struct query *query, size_t *looks,
    size_t bytes_max, size_t *bytes)
{
	size_t most = query->size == QUERY_SMALL ? V3_SMALL_LOOKS : V3_MIDDLE_LOOKS;
	size_t share = MIN_OF(*looks, most), left = share;
	struct v3_reading *reading = open_reading(node, query, NULL);
	enum mvcc_answer_state state;
	enum v3_error error;

	*bytes = 0;
	if (reading == NULL)
		return true;
	buf_clear(&node->event);
	state = read_on(reading, &node->event, bytes_max, &left, &error);
	*looks -= share - left;
	if (state == MVCC_ANSWER_END) {
		*bytes = node->event.size;
		say(node, &reading->answer, buf_slice(&node->event), false);
	}
	reading_free(&node->v3, reading);
	return state == MVCC_ANSWER_END;
}

bool
node_v3_begin(struct node *node, const struct query *query)
{
	struct blob *holder;

	if (node->v3.ending || !has_place(node, query->session, false))
		return false;
	holder = blob_new(slice_of(query->key, query->key_bytes));
	(void)open_reading(node, query, holder);
	blob_unref(&holder);
	return true;
}

/* ---- pieces ------------------------------ */

void
node_v3_more(struct node *node, uint64_t session, uint64_t request_id)
{
	struct v3_reading *reading = find(node, session, request_id);

	/* None: it was given up, of which the worker hears, or has heard meanwhile. */
	if (reading != NULL)
		reading->wanted = true;
}

bool
node_v3_stop(struct node *node, uint64_t session, uint64_t request_id)
{
	struct v3_reading *reading = find(node, session, request_id);

	if (reading == NULL)
		return false;
	reading_free(&node->v3, reading);
	return true;
}

void
node_v3_session_gone(struct node *node, uint64_t session)
{
	struct v3_reading *reading, *next;

	for (reading = TAILQ_FIRST(&node->v3.list); reading != NULL; reading = next) {
		next = TAILQ_NEXT(reading, link);
		if (reading->answer.session == session)
			reading_free(&node->v3, reading);
	}
}

/* The rest of it, or all, is an error. */
static void
fail(struct node *node, struct v3_reading *reading, enum v3_error error)
{
	if (!reading->begun) {
		refuse(node, &reading->answer, error);
	} else {
		blob_unref(&reading->answer.cause);
		reading->answer.error = ERR_RAFT_INTERNAL;
		reading->answer.cause = blob_new(slice_text(cause_text(CAUSE_ANSWER_ABANDONED)));
		say(node, &reading->answer, SLICE_EMPTY, false);
	}
	reading_free(&node->v3, reading);
}

static void
send_piece(struct node *node, struct v3_reading *reading)
{
	enum mvcc_answer_state state;
	enum v3_error error;

	buf_clear(&node->event);
	state = read_on(reading, &node->event, node->config.answer_piece_bytes, &node->v3.looks,
	    &error);
	TAILQ_REMOVE(&node->v3.list, reading, link);
	TAILQ_INSERT_TAIL(&node->v3.list, reading, link);
	if (state == MVCC_ANSWER_LOST) {
		fail(node, reading, reading->write ? V3_TIMED_OUT : error);
		return;
	}
	if (state != MVCC_ANSWER_END && node->event.size == 0)
		return;
	say(node, &reading->answer, buf_slice(&node->event), state != MVCC_ANSWER_END);
	reading->wanted = false;
	if (state == MVCC_ANSWER_END)
		reading_free(&node->v3, reading);
}

static bool
may_send(const struct node *node, const struct v3_reading *reading)
{
	size_t most = MIN_OF(SESSION_PIECES_BYTES, node->config.session_answer_bytes);

	return reading->wanted && (node->io.queued == NULL ||
	    node->io.queued(node->io.argument, reading->answer.session) < most);
}

static uint64_t
due_ms(const struct v3_reading *reading)
{
	/* A client of a worker takes a long one as fast as it can. */
	if (reading->begun && !reading->write)
		return UINT64_MAX;
	return reading->opened_ms + V3_ANSWER_MS_MAX;
}

void
node_v3_turn_begins(struct node *node)
{
	uint64_t now = node->now.monotonic_ms;

	node->v3.looks = V3_TURN_LOOKS;
	if (now > V3_ANSWER_MS_MAX)
		mvcc_answers_expire(node->replica->mvcc, now - V3_ANSWER_MS_MAX);
}

void
node_v3_turn(struct node *node)
{
	struct v3_reading *reading, *next;
	struct v3_reading *last = TAILQ_LAST(&node->v3.list, v3_reading_list);
	unsigned pieces = 0;

	for (reading = TAILQ_FIRST(&node->v3.list); reading != NULL; reading = next) {
		bool is_last = reading == last;

		next = TAILQ_NEXT(reading, link);
		if (due_ms(reading) <= node->now.monotonic_ms) {
			fail(node, reading, V3_TIMED_OUT);
		} else if (pieces < VIEW_TURN_PIECES && node->v3.looks > 0 &&
		    may_send(node, reading)) {
			send_piece(node, reading);
			pieces++;
		}
		/* Behind it are those that had their turn. */
		if (is_last)
			break;
	}
	buf_recycle(&node->event, 64 * KIB);
}

uint64_t
node_v3_deadline(const struct node *node)
{
	const struct v3_reading *reading;
	uint64_t due = UINT64_MAX;

	TAILQ_FOREACH(reading, &node->v3.list, link) {
		if (may_send(node, reading))
			return 0;
		due = MIN_OF(due, due_ms(reading));
	}
	return due;
}

bool
node_v3_end(struct node *node)
{
	node->v3.ending = true;
	return !TAILQ_EMPTY(&node->v3.list);
}
