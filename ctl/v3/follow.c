/*
 * follow.c - watches over breaks (see follow.h).
 */
#include "ctl/v3/follow.h"

#include "common/clock.h"
#include "common/xmem.h"
#include "ctl/interrupt.h"
#include "ctl/v3/message.h"

#include <stdlib.h>
#include <time.h>

#define RETRY_MS 500		/* after nobody could be asked */
#define SLEEP_MS 50

static uint64_t
now_ms(void)
{
	return clock_now().monotonic_ms;
}

void
ctl3_follow_free(struct ctl3_follow *follow)
{
	ctl3_stream_close(&follow->stream);
	buf_free(&follow->key);
	buf_free(&follow->range_end);
	free(follow->problem);
	*follow = (struct ctl3_follow){ 0 };
}

static void
note(struct ctl3_follow *follow, const char *problem)
{
	free(follow->problem);
	follow->problem = xstrdup(problem);
}

/* False: there is no token for the user, for the reason that is noted. */
static bool
open_stream(struct ctl3_follow *follow)
{
	struct ctl3_answer answer = { 0 };
	struct buf body = BUF_INIT;
	struct json_put json = json_put_into(&body);

	client_restart_clock(follow->v3->client);
	if (!ctl3_log_in(follow->v3, NULL, &answer)) {
		note(follow, answer.problem);
		ctl3_answer_free(&answer);
		return false;
	}
	ctl3_answer_free(&answer);
	json_put_open(&json, NULL, '{');
	json_put_open(&json, "create_request", '{');
	ctl3_put_bytes(&json, "key", buf_slice(&follow->key));
	ctl3_put_bytes(&json, "range_end", buf_slice(&follow->range_end));
	if (follow->next > 0)
		ctl3_put_int(&json, "start_revision", follow->next);
	if (follow->prev_kv)
		json_put_bool(&json, "prev_kv", true);
	json_put_close(&json, '}');
	json_put_close(&json, '}');
	follow->stream = ctl3_stream_open(follow->v3, follow->endpoint, "/v3/watch",
	    buf_slice(&body));
	buf_free(&body);
	return true;
}

/* True: it is of interest; else it told only where the watch is. */
static bool
take(struct ctl3_follow *follow, const struct json *message)
{
	const struct json *event = ctl3_message_first(message, "events");
	int64_t revision = ctl3_message_i64(json_member(message, "header"), "revision");

	follow->began = true;
	follow->renewed = false;
	follow->failed = 0;
	if (json_true(message, "canceled"))
		return true;
	/* From here on nothing may be missed. */
	if (follow->next == 0 && json_true(message, "created"))
		follow->next = revision + 1;
	for (const struct json *each = event; each != NULL; each = each->next) {
		int64_t changed = ctl3_message_i64(json_member(each, "kv"), "mod_revision");

		follow->next = MAX_OF(follow->next, changed + 1);
	}
	return event != NULL;
}

/* The stream is closed. False: nobody was there from the beginning. */
static bool
go_on(struct ctl3_follow *follow)
{
	size_t count = client_endpoint_count(follow->v3->client);

	ctl3_stream_close(&follow->stream);
	follow->endpoint = (follow->endpoint + 1) % count;
	follow->failed++;
	if (follow->failed < count)
		return true;
	if (!follow->began)
		return false;
	follow->retry_at_ms = now_ms() + RETRY_MS;
	follow->failed = 0;
	return true;
}

/* Some of that time. */
static void
pause_for(uint64_t ms)
{
	struct timespec time = { .tv_nsec = (long)MIN_OF(ms, (uint64_t)SLEEP_MS) * 1000000 };

	(void)nanosleep(&time, NULL);
}

/* One step; CTL3_NOTHING: there is more to do. */
static enum ctl3_news
step(struct ctl3_follow *follow, uint64_t left_ms, const struct json **message)
{
	uint64_t now = now_ms();
	enum ctl3_news news;

	if (now < follow->retry_at_ms) {
		pause_for(MIN_OF(follow->retry_at_ms - now, left_ms));
		return interrupt_signal() != 0 ? CTL3_SIGNAL : CTL3_NOTHING;
	}
	if (follow->stream == NULL && !open_stream(follow)) {
		if (!follow->began)
			return CTL3_REFUSED;
		return go_on(follow) ? CTL3_NOTHING : CTL3_REFUSED;
	}
	news = ctl3_stream_next(follow->stream, left_ms, message);
	if (news == CTL3_MESSAGE)
		return take(follow, *message) ? CTL3_MESSAGE : CTL3_NOTHING;
	if (news == CTL3_ENDED) {
		note(follow, ctl3_stream_problem(follow->stream));
		return go_on(follow) ? CTL3_NOTHING : CTL3_ENDED;
	}
	if (news == CTL3_REFUSED) {
		note(follow, ctl3_stream_problem(follow->stream));
		ctl3_stream_close(&follow->stream);
		if (!follow->renewed &&
		    ctl3_token_was_refused(follow->v3, slice_text(follow->problem))) {
			follow->renewed = true;
			return CTL3_NOTHING;
		}
	}
	return news;
}

enum ctl3_news
ctl3_follow_next(struct ctl3_follow *follow, uint64_t limit_ms, const struct json **message)
{
	uint64_t begun_ms = now_ms();

	for (;;) {
		uint64_t gone_ms = now_ms() - begun_ms;
		uint64_t left_ms = gone_ms < limit_ms ? limit_ms - gone_ms : 0;
		enum ctl3_news news = step(follow, left_ms, message);

		if (news != CTL3_NOTHING)
			return news;
		if (left_ms == 0 || now_ms() - begun_ms >= limit_ms)
			return CTL3_NOTHING;
	}
}
