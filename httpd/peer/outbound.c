/*
 * outbound.c - the stream we keep open to one member (see outbound.h).
 *
 * Every line about a member that cannot be reached is written once and again
 * only when the reason changes: the attempts go on for as long as it is down.
 */
#include "httpd/peer/outbound.h"

#include "common/diag.h"
#include "common/xmem.h"
#include "httpd/peer/http_client.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include <event2/bufferevent.h>

#define OUTBOUND_CONNECT_MS 1000
#define OUTBOUND_ANSWER_MS 5000	/* a peer worker that restarts has connections wait */
#define OUTBOUND_STEP_MS 2	/* a node that dies resets before it refuses */
#define OUTBOUND_PAUSE_MS 1000
#define OUTBOUND_JOINING_MS 100	/* the other side is about to become a member */
#define OUTBOUND_WRONG_MS 5000
#define OUTBOUND_STEADY_MS 1000	/* a stream that lasted was no accident */
#define OUTBOUND_BULK_IDLE_MS 30000

struct outbound {
	struct peer *peer;
	enum stream_kind kind;
	struct http_call *call;		/* asking */
	struct stream *stream;		/* up */
	struct loop_timer *timer;	/* waiting; or a bulk stream's rest */
	uint64_t pause_ms;		/* before the next attempt but one */
	uint64_t up_since_ms;
	enum reach reach;		/* how the last attempt ended */
	bool wrong;			/* the last answer was not from whom we look for */
	size_t at;			/* the address of the peer that is asked, or was last */
	size_t failed, refused;		/* of its addresses, since all were tried */
	struct buf pending;		/* bulk: whole frames until the stream is up */
	char problem[HANDSHAKE_SENTENCE_BYTES];	/* last one told */
};

static void outbound_ask(struct outbound *outbound);

static struct loop *
outbound_loop(const struct outbound *outbound)
{
	return outbound->peer->peers->worker->loop;
}

/* Tell a new problem; the same one is not told again. */
static void
outbound_complain(struct outbound *outbound, enum diag_level level, const char *problem)
{
	const struct peer *peer = outbound->peer;

	if (strcmp(outbound->problem, problem) == 0)
		return;
	snprintf(outbound->problem, sizeof(outbound->problem), "%s", problem);
	diag_line(level, "peer", "no stream to member: name=%s url=%s: %s", peer->name, peer->url,
	    problem);
}

/* Wait, longer each time, at most limit_ms; a bulk stream gives up instead. */
static void
outbound_retry(struct outbound *outbound, uint64_t limit_ms)
{
	struct peer *peer = outbound->peer;
	uint64_t pause_ms = MIN_OF(outbound->pause_ms, limit_ms);
	uint64_t wait_ms;

	if (outbound->kind == STREAM_BULK) {
		outbound_free(&peer->out[STREAM_BULK]);
		return;
	}
	outbound->pause_ms = MIN_OF(MAX_OF(2 * pause_ms, (uint64_t)OUTBOUND_STEP_MS), limit_ms);
	pause_ms = MAX_OF(pause_ms, (uint64_t)OUTBOUND_STEP_MS);
	wait_ms = pause_ms - pause_ms / 4 + rand_below(&peer->peers->rand, pause_ms / 2);
	loop_timer_set(outbound->timer, wait_ms);
}

/* This address leads nowhere now. True: another one has not been tried, and is asked at once. */
static bool
outbound_turn(struct outbound *outbound)
{
	const struct peer *peer = outbound->peer;

	outbound->at = (outbound->at + 1) % MAX_OF(peer->address_count, (size_t)1);
	if (++outbound->failed < peer->address_count) {
		loop_timer_set(outbound->timer, 0);
		return true;
	}
	outbound->failed = 0;
	return false;
}

static void
outbound_closed(void *argument, struct stream *stream UNUSED, const char *why)
{
	struct outbound *outbound = argument;
	struct peer *peer = outbound->peer;
	enum stream_kind kind = outbound->kind;
	uint64_t now_ms = loop_now(outbound_loop(outbound)).monotonic_ms;

	stream_free(&outbound->stream);
	diag_info("peer", "stream closed: name=%s direction=out kind=%s: %s", peer->name,
	    stream_kind_name(kind), why);
	if (kind == STREAM_BULK)
		peer_bulk_lost(peer);
	if (kind == STREAM_BULK || !peer->member) {
		outbound_free(&peer->out[kind]);
		peer_release(peer);
		return;
	}
	if (now_ms - outbound->up_since_ms >= OUTBOUND_STEADY_MS)
		outbound->pause_ms = 0;
	if (outbound->pause_ms == 0) {
		outbound->pause_ms = OUTBOUND_STEP_MS;
		outbound_ask(outbound);
	} else {
		outbound_retry(outbound, OUTBOUND_PAUSE_MS);
	}
}

/* Frames that came while a bulk stream was not up yet. */
static void
outbound_send_pending(struct outbound *outbound)
{
	struct slice rest = buf_slice(&outbound->pending);
	struct frame frame;
	size_t used;

	while (frame_parse(rest, &frame, &used) == ERR_NONE) {
		(void)stream_send(outbound->stream, &frame);
		rest = slice_of(rest.data + used, rest.size - used);
	}
	buf_free(&outbound->pending);
}

static void
outbound_up(struct outbound *outbound, struct bufferevent *bev)
{
	struct peer *peer = outbound->peer;
	struct stream_ends ends = { peer->peers->node_id, peer->id };
	struct stream_owner owner = { peer_frame, peer, outbound_closed, outbound };

	outbound->stream = stream_new(bev, ends, owner);
	outbound->up_since_ms = loop_now(outbound_loop(outbound)).monotonic_ms;
	outbound->wrong = false;
	outbound->failed = outbound->refused = 0;
	outbound->reach = REACH_UP;
	outbound->problem[0] = '\0';
	loop_timer_cancel(outbound->timer);
	if (outbound->kind == STREAM_BULK) {
		outbound_send_pending(outbound);
		loop_timer_set(outbound->timer, OUTBOUND_BULK_IDLE_MS);
	}
	peer_stream_up(peer, outbound->kind, true);
}

static struct slice
answer_lookup(const void *source, const char *header)
{
	return answer_header(source, header);
}

/* Is this 101 from the node we look for? */
static enum err
outbound_check(struct outbound *outbound, const struct answer *answer,
    char sentence[HANDSHAKE_SENTENCE_BYTES])
{
	struct handshake ours = peers_handshake(outbound->peer->peers, outbound->peer->id);
	struct handshake theirs;
	const char *header;

	if (handshake_read(answer_lookup, answer, &theirs, &header) != ERR_NONE) {
		snprintf(sentence, HANDSHAKE_SENTENCE_BYTES, "its answer has no valid %s header",
		    header);
		return ERR_MALFORMED;
	}
	if (outbound->kind == STREAM_MAIN && handshake_timing_differs(&ours, &theirs))
		diag_warn("peer", "member has other times: name=%s heartbeat_ms=%" PRIu64
		    " election_ms=%" PRIu64 " ours=%" PRIu64 ",%" PRIu64
		    "; use the same -peer-heartbeat-interval and -peer-election-timeout",
		    theirs.name, theirs.heartbeat_ms, theirs.election_ms, ours.heartbeat_ms,
		    ours.election_ms);
	return handshake_check(&ours, &theirs, sentence);
}

/* An answer that is no 101. */
static void
outbound_declined(struct outbound *outbound, const struct answer *answer)
{
	struct slice body = answer_body(answer);
	char problem[HANDSHAKE_SENTENCE_BYTES];
	bool joining = answer_status(answer) == 503;

	while (body.size > 0 && body.data[body.size - 1] == '\n')
		body.size--;
	body.size = MIN_OF(body.size, (size_t)400);
	snprintf(problem, sizeof(problem), "it answers %u: %.*s", answer_status(answer),
	    (int)body.size, body.size > 0 ? (const char *)body.data : "");
	outbound->wrong = !joining;
	outbound->reach = REACH_WRONG;
	outbound_complain(outbound, joining ? DIAG_DEBUG : DIAG_WARN, problem);
	outbound_retry(outbound, joining ? OUTBOUND_JOINING_MS : OUTBOUND_WRONG_MS);
}

static enum reach
reach_of(enum err err)
{
	if (err == ERR_REFUSED)
		return REACH_REFUSED;
	if (err == ERR_NOT_FOUND)
		return REACH_NO_HOST;
	/* Closed, no route, no answer: the reason stands in the log. */
	return err == ERR_FOREIGN || err == ERR_MALFORMED ? REACH_WRONG : REACH_TIMED_OUT;
}

static void
outbound_done(void *argument, const struct http_result *result)
{
	struct outbound *outbound = argument;
	char sentence[HANDSHAKE_SENTENCE_BYTES];

	outbound->call = NULL;
	if (result->err != ERR_NONE) {
		struct peer *peer = outbound->peer;
		bool main = outbound->kind == STREAM_MAIN;
		bool gone;

		outbound->refused += result->err == ERR_REFUSED ? 1 : 0;
		if (outbound_turn(outbound)) {
			diag_debug("peer", "another URL of the member is tried: name=%s: %s",
			    peer->name, result->why);
			return;
		}
		/* Who listens nowhere any more. */
		gone = outbound->refused >= peer->address_count;
		outbound->refused = 0;
		outbound->wrong = result->err == ERR_FOREIGN;
		outbound->reach = reach_of(result->err);
		outbound_complain(outbound, outbound->wrong ? DIAG_WARN : DIAG_INFO, result->why);
		outbound_retry(outbound, outbound->wrong ? OUTBOUND_WRONG_MS : OUTBOUND_PAUSE_MS);
		if (gone && main)
			peer_refused(peer);
		return;
	}
	if (result->upgraded == NULL) {
		outbound_declined(outbound, result->answer);
		return;
	}
	if (outbound_check(outbound, result->answer, sentence) != ERR_NONE) {
		bufferevent_free(result->upgraded);
		if (outbound_turn(outbound))
			return;
		outbound->wrong = true;
		outbound->reach = REACH_WRONG;
		outbound_complain(outbound, DIAG_WARN, sentence);
		outbound_retry(outbound, OUTBOUND_WRONG_MS);
		return;
	}
	outbound_up(outbound, result->upgraded);
}

static void
put_header_line(void *argument, const char *header, const char *value)
{
	buf_printf(argument, "%s: %s\r\n", header, value);
}

static void
outbound_ask(struct outbound *outbound)
{
	struct peers *peers = outbound->peer->peers;
	struct handshake ours = peers_handshake(peers, outbound->peer->id);
	struct buf headers = BUF_INIT;
	struct http_request request = {
		.address = outbound->peer->addresses[outbound->at],
		.method = "GET",
		.path = outbound->kind == STREAM_BULK ? "/raft/snapshot" : "/raft/stream",
		.upgrade = HANDSHAKE_UPGRADE,
		.connect_ms = OUTBOUND_CONNECT_MS,
		.answer_ms = OUTBOUND_ANSWER_MS,
		.silence_ms = peers_silence_ms(peers),
		.tls = peers->worker->tls,
	};

	loop_timer_cancel(outbound->timer);
	handshake_write(&ours, put_header_line, &headers);
	request.headers = buf_slice(&headers);
	outbound->call = http_start(peers->lookups, peers->worker->loop, &request, outbound_done,
	    outbound);
	buf_free(&headers);
}

static void
outbound_on_timer(void *argument)
{
	struct outbound *outbound = argument;
	struct peer *peer = outbound->peer;

	if (outbound->stream == NULL) {
		outbound_ask(outbound);
	} else if (stream_queued(outbound->stream) > 0) {
		loop_timer_set(outbound->timer, OUTBOUND_BULK_IDLE_MS);
	} else {
		outbound_free(&peer->out[STREAM_BULK]);
		peer_release(peer);
	}
}

struct outbound *
outbound_new(struct peer *peer, enum stream_kind kind)
{
	struct outbound *outbound = xzalloc(sizeof(*outbound));

	outbound->peer = peer;
	outbound->kind = kind;
	if (kind == STREAM_BULK && peer->out[STREAM_MAIN] != NULL)
		outbound->at = peer->out[STREAM_MAIN]->at;
	outbound->timer = loop_timer_new(peer->peers->worker->loop, outbound_on_timer, outbound);
	buf_init(&outbound->pending, PEER_QUEUE_BYTES_MAX);
	outbound_ask(outbound);
	return outbound;
}

void
outbound_free(struct outbound **outbound)
{
	if (*outbound == NULL)
		return;
	http_cancel(&(*outbound)->call);
	stream_free(&(*outbound)->stream);
	loop_timer_free(&(*outbound)->timer);
	buf_free(&(*outbound)->pending);
	free(*outbound);
	*outbound = NULL;
}

struct stream *
outbound_stream(const struct outbound *outbound)
{
	return outbound == NULL ? NULL : outbound->stream;
}

void
outbound_leave(struct outbound *outbound)
{
	if (outbound != NULL)
		stream_leave(&outbound->stream);
}

enum reach
outbound_reach(const struct outbound *outbound)
{
	return outbound == NULL ? REACH_UNKNOWN : outbound->reach;
}

bool
outbound_is_up(const struct outbound *outbound)
{
	return outbound != NULL && outbound->stream != NULL;
}

void
outbound_kick(struct outbound *outbound)
{
	outbound->pause_ms = 0;
	if (outbound->call == NULL && outbound->stream == NULL && !outbound->wrong)
		outbound_ask(outbound);
}

void
outbound_readdress(struct outbound *outbound)
{
	outbound->pause_ms = 0;
	outbound->wrong = false;
	outbound->at = outbound->failed = outbound->refused = 0;
	if (outbound->stream != NULL)
		return;
	http_cancel(&outbound->call);
	outbound_ask(outbound);
}

bool
outbound_send(struct outbound *outbound, const struct frame *frame)
{
	if (outbound->stream != NULL) {
		if (outbound->kind == STREAM_BULK)
			loop_timer_set(outbound->timer, OUTBOUND_BULK_IDLE_MS);
		return stream_send(outbound->stream, frame);
	}
	if (outbound->kind == STREAM_MAIN)
		return false;
	if (FRAME_HEADER_BYTES + frame->payload.size >
	    PEER_QUEUE_BYTES_MAX - outbound->pending.size)
		return false;
	frame_append(&outbound->pending, frame->type, frame->flags, frame->request_id,
	    frame->payload);
	return true;
}
