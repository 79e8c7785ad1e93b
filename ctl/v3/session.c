/*
 * session.c - leases kept alive, and queues of keys (see session.h).
 */
#include "ctl/v3/session.h"

#include "common/clock.h"
#include "common/xmem.h"
#include "ctl/interrupt.h"
#include "ctl/v3/follow.h"
#include "ctl/v3/message.h"
#include "ctl/v3/show.h"

#include <inttypes.h>
#include <stdlib.h>

#define RETRY_MS 500

static uint64_t
now_ms(void)
{
	return clock_now().monotonic_ms;
}

static int
say(const struct ctl3_answer *answer)
{
	if (answer->exit == CTL3_INTERRUPTED)
		return CTL3_INTERRUPTED;
	return output_error(answer->exit, "%s", answer->problem);
}

/* ---- the lease ----------------------------------------------------------------- */

static void
note_ttl(struct ctl3_session *session, uint64_t asked_ms, uint64_t ttl_s)
{
	session->ttl_ms = ttl_s * 1000;
	session->renew_at_ms = asked_ms + session->ttl_ms / 3;
	session->dead_at_ms = asked_ms + session->ttl_ms;
}

int
ctl3_session_open(struct ctl3_session *session, struct ctl3 *v3, uint64_t ttl_s)
{
	struct ctl3_answer answer = { 0 };
	uint64_t asked_ms = now_ms();
	int code = ctl3_connect(v3);

	*session = (struct ctl3_session){ .v3 = v3 };
	if (code == CTL3_DONE && !ctl3_ask_of_lease(v3, &(struct ctl3_of_lease){
	    .path = "/v3/lease/grant", .ttl_s = ttl_s }, &answer))
		code = say(&answer);
	if (code == CTL3_DONE) {
		session->lease = ctl3_message_u64(answer.root, "ID");
		note_ttl(session, asked_ms, ctl3_message_u64(answer.root, "TTL"));
	}
	ctl3_answer_free(&answer);
	return code;
}

void
ctl3_session_close(struct ctl3_session *session)
{
	struct ctl3_answer answer = { 0 };

	/* The signal that ends us must not keep us from leaving in order. */
	interrupt_clear();
	if (session->lease != 0 && session->v3->client != NULL)
		(void)ctl3_ask_of_lease(session->v3, &(struct ctl3_of_lease){
		    .path = "/v3/lease/revoke", .id = session->lease }, &answer);
	ctl3_answer_free(&answer);
	free(session->prefix);
	free(session->key);
	*session = (struct ctl3_session){ 0 };
}

bool
ctl3_session_keep(struct ctl3_session *session)
{
	struct ctl3_answer answer = { 0 };
	uint64_t asked_ms = now_ms();
	bool alive = true;

	if (asked_ms < session->renew_at_ms)
		return true;
	if (ctl3_ask_of_lease(session->v3, &(struct ctl3_of_lease){
	    .path = "/v3/lease/keepalive", .id = session->lease }, &answer)) {
		uint64_t ttl_s = ctl3_message_u64(answer.root, "TTL");

		alive = ttl_s > 0;
		if (alive)
			note_ttl(session, asked_ms, ttl_s);
	} else {
		alive = now_ms() < session->dead_at_ms;
		session->renew_at_ms = now_ms() + RETRY_MS;
	}
	ctl3_answer_free(&answer);
	return alive;
}

uint64_t
ctl3_session_free_ms(const struct ctl3_session *session)
{
	uint64_t now = now_ms();

	return now < session->renew_at_ms ? session->renew_at_ms - now : 0;
}

/* ---- the queue ----------------------------------------------------------------- */

/* A range of the prefix: one key, by create revision. */
static void
put_one_of(struct json_put *json, const char *prefix, const char *order, int64_t newest)
{
	struct buf end = BUF_INIT;

	ctl3_prefix_end(slice_text(prefix), &end);
	json_put_open(json, NULL, '{');
	ctl3_put_bytes(json, "key", slice_text(prefix));
	ctl3_put_bytes(json, "range_end", buf_slice(&end));
	ctl3_put_int(json, "limit", 1);
	json_put_text(json, "sort_order", slice_text(order));
	json_put_text(json, "sort_target", SLICE_LITERAL("CREATE"));
	if (newest > 0)
		ctl3_put_int(json, "max_create_revision", newest);
	json_put_close(json, '}');
	buf_free(&end);
}

static bool
ask_one_of(struct ctl3 *v3, const char *prefix, const char *order, int64_t newest,
    struct ctl3_answer *answer)
{
	struct ctl3_request request = { .path = "/v3/kv/range", .repeatable = true };
	struct buf body = BUF_INIT;
	struct json_put json = json_put_into(&body);
	bool good;

	put_one_of(&json, prefix, order, newest);
	request.body = buf_slice(&body);
	good = ctl3_ask(v3, &request, answer);
	buf_free(&body);
	return good;
}

bool
ctl3_session_first(struct ctl3 *v3, const char *prefix, struct ctl3_answer *answer)
{
	return ask_one_of(v3, prefix, "ASCEND", 0, answer);
}

static void
put_entry(struct json_put *json, const struct ctl3_session *session, const char *value)
{
	json_put_open(json, NULL, '{');
	json_put_open(json, "compare", '[');
	json_put_open(json, NULL, '{');
	ctl3_put_bytes(json, "key", slice_text(session->key));
	json_put_text(json, "target", SLICE_LITERAL("CREATE"));
	json_put_raw(json, "create_revision", "0");
	json_put_close(json, '}');
	json_put_close(json, ']');
	json_put_open(json, "success", '[');
	json_put_open(json, NULL, '{');
	json_put_open(json, "request_put", '{');
	ctl3_put_bytes(json, "key", slice_text(session->key));
	ctl3_put_bytes(json, "value", slice_text(value));
	ctl3_put_int(json, "lease", (int64_t)session->lease);
	json_put_close(json, '}');
	json_put_close(json, '}');
	json_put_close(json, ']');
	json_put_close(json, '}');
}

int
ctl3_session_enter(struct ctl3_session *session, const char *name, const char *value)
{
	struct ctl3_request request = { .path = "/v3/kv/txn" };
	struct ctl3_answer answer = { 0 };
	struct buf body = BUF_INIT;
	struct json_put json = json_put_into(&body);
	int code = CTL3_DONE;

	session->prefix = xasprintf("%s/", name);
	session->key = xasprintf("%s/%" PRIx64, name, session->lease);
	put_entry(&json, session, value);
	request.body = buf_slice(&body);
	if (!ctl3_ask(session->v3, &request, &answer))
		code = say(&answer);
	else if (!json_true(answer.root, "succeeded"))
		code = output_error(CTL3_ERROR, "the key %s is there already", session->key);
	session->revision = ctl3_message_i64(json_member(answer.root, "header"), "revision");
	session->answered = session->revision;
	ctl3_answer_free(&answer);
	buf_free(&body);
	return code;
}

/* Until that key is deleted, or the watch ends for a reason that another look will show. */
static int
wait_for_deletion(struct ctl3_session *session, struct ctl3_follow *follow)
{
	for (;;) {
		const struct json *message = NULL;
		enum ctl3_news news = ctl3_follow_next(follow, ctl3_session_free_ms(session),
		    &message);
		const struct json *event;

		if (news == CTL3_SIGNAL)
			return CTL3_INTERRUPTED;
		if (news == CTL3_REFUSED || news == CTL3_ENDED)
			return output_error(CTL3_ERROR, "%s", follow->problem);
		event = news == CTL3_MESSAGE ? ctl3_message_first(message, "events") : NULL;
		if (news == CTL3_MESSAGE && event == NULL)
			return CTL3_DONE;
		for (; event != NULL; event = event->next) {
			if (slice_equal(json_string(event, "type"), SLICE_LITERAL("DELETE")))
				return CTL3_DONE;
		}
		if (!ctl3_session_keep(session))
			return output_error(CTL3_ERROR, "session expired");
	}
}

int
ctl3_session_wait(struct ctl3_session *session)
{
	int code = CTL3_DONE;

	while (code == CTL3_DONE) {
		struct ctl3_follow follow = { .v3 = session->v3 };
		struct ctl3_answer answer = { 0 };
		const struct json *before;

		if (!ask_one_of(session->v3, session->prefix, "DESCEND", session->revision - 1,
		    &answer))
			code = say(&answer);
		before = ctl3_message_first(answer.root, "kvs");
		if (code == CTL3_DONE && before == NULL) {
			ctl3_answer_free(&answer);
			return CTL3_DONE;
		}
		ctl3_message_bytes(before, "key", &follow.key);
		follow.next = ctl3_message_i64(json_member(answer.root, "header"), "revision") + 1;
		ctl3_answer_free(&answer);
		if (code == CTL3_DONE)
			code = wait_for_deletion(session, &follow);
		ctl3_follow_free(&follow);
	}
	return code;
}

int
ctl3_session_show(struct ctl3_session *session)
{
	struct ctl3_request request = { .path = "/v3/kv/range", .repeatable = true };
	struct ctl3_answer answer = { 0 };
	struct buf body = BUF_INIT;
	struct json_put json = json_put_into(&body);
	int code = CTL3_DONE;

	json_put_open(&json, NULL, '{');
	ctl3_put_bytes(&json, "key", slice_text(session->key));
	json_put_close(&json, '}');
	request.body = buf_slice(&body);
	if (!ctl3_ask(session->v3, &request, &answer))
		code = say(&answer);
	else if (ctl3_message_first(answer.root, "kvs") == NULL)
		code = output_error(CTL3_ERROR, "lock lost on init");
	else
		code = ctl3_show_range(session->v3, answer.root, false);
	(void)output_flush();
	ctl3_answer_free(&answer);
	buf_free(&body);
	return code;
}
