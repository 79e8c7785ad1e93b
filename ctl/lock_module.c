/*
 * lock_module.c - see lock_module.h.
 *
 * A request that waits ends with its connection, and its entry with it. Another one with the
 * same value has the same entry, as long as it is there: so a place in the queue outlives a
 * connection that breaks, as long as the TTL.
 */
#include "ctl/lock_module.h"

#include "common/clock.h"
#include "common/xmem.h"
#include "ctl/api.h"
#include "ctl/form.h"
#include "ctl/interrupt.h"

#include <stdlib.h>
#include <time.h>

#define AGAIN_MS 200
#define STATUS_NOT_FOUND 404
#define STATUS_BAD 400

static const char form_type[] = "application/x-www-form-urlencoded";

static uint64_t
now_ms(void)
{
	return clock_now().monotonic_ms;
}

static enum client_result
ask(struct client *client, const char *method, const char *name, struct buf *query,
    struct slice body, uint64_t limit_ms, struct client_answer *answer)
{
	struct client_request request = { .method = method, .repeatable = true,
		.limit_ms = limit_ms, .body = body, .body_type = body.size > 0 ? form_type : NULL };
	struct buf path = BUF_INIT;
	enum client_result result;

	buf_append_text(&path, "/mod/v2/lock");
	form_key(&path, slice_text(name));
	if (query != NULL) {
		buf_append_byte(&path, '?');
		buf_append_slice(&path, buf_slice(query));
		buf_free(query);
	}
	buf_append_byte(&path, '\0');
	request.path = (const char *)path.data;
	client_restart_clock(client);
	result = client_ask(client, &request, answer);
	buf_free(&path);
	return result;
}

/* A field that none has is refused where there is a module, whatever the lock is like. */
bool
lock_module_is_served(struct client *client, const char *name)
{
	struct client_answer answer = { 0 };
	struct buf query = BUF_INIT;
	bool served;

	form_add(&query, "field", SLICE_LITERAL("none"));
	served = ask(client, "GET", name, &query, SLICE_EMPTY, 0, &answer) == CLIENT_ANSWERED &&
	    answer.status == STATUS_BAD;
	client_answer_free(&answer);
	return served;
}

static bool
says(const struct client_answer *answer, const char *text)
{
	return slice_starts_with(buf_slice(&answer->body), slice_text(text));
}

static void
pause_a_moment(void)
{
	const struct timespec time = { .tv_nsec = AGAIN_MS * 1000000L };

	(void)nanosleep(&time, NULL);
}

static enum client_result
ask_for_it(struct client *client, const struct lock_module_wish *wish,
    struct client_answer *answer)
{
	uint64_t now = now_ms();
	bool waits = wish->end_ms > now;
	struct buf form = BUF_INIT;
	enum client_result result;

	form_add(&form, "value", slice_text(wish->value));
	form_add_u64(&form, "ttl", wish->ttl_s);
	if (!waits)
		form_add_u64(&form, "timeout", 0);
	result = ask(client, "POST", wish->name, NULL, buf_slice(&form), !waits ? 0 :
	    wish->end_ms == UINT64_MAX ? CLIENT_NO_LIMIT : wish->end_ms - now, answer);
	buf_free(&form);
	return result;
}

/* One sentence about what is no lock; the exit code. */
static int
report(const struct output *out, enum client_result result, struct api_answer *answer)
{
	if (result == CLIENT_INTERRUPTED)
		return 128 + interrupt_signal();
	if (result == CLIENT_ANSWERED)
		api_answer_read(answer);
	return api_report(out, result, answer);
}

enum lock_module_result
lock_module_acquire(const struct output *out, struct client *client,
    const struct lock_module_wish *wish, uint64_t *index, int *code)
{
	struct api_answer answer = { 0 };
	enum lock_module_result came = LOCK_FAILED;
	/* Nothing is heard for so long: then the entry is gone. */
	uint64_t give_up_ms = now_ms() + wish->ttl_s * 1000;

	for (;;) {
		enum client_result result = ask_for_it(client, wish, &answer.answer);
		const struct client_answer *http = &answer.answer;
		bool passes = result == CLIENT_NO_HOST || result == CLIENT_UNKNOWN ||
		    (result == CLIENT_ANSWERED && http->status >= 500);

		if (result == CLIENT_ANSWERED && http->status == 200) {
			*index = http->store_index;
			came = LOCK_HELD;
		} else if (result == CLIENT_ANSWERED && http->status == STATUS_NOT_FOUND) {
			came = LOCK_NO_MODULE;
		} else if ((result == CLIENT_TIMED_OUT || (passes &&
		    says(http, "failed to acquire lock"))) && now_ms() >= wish->end_ms) {
			came = LOCK_BUSY;
		} else if (result == CLIENT_ANSWERED && says(http, "lock watch closed")) {
			/* The entry is gone: a new one, behind all others. Not at once: a node
			 * that ends says so, too. */
			give_up_ms = now_ms() + wish->ttl_s * 1000;
			pause_a_moment();
			continue;
		} else if ((passes || result == CLIENT_TIMED_OUT) && now_ms() < give_up_ms &&
		    now_ms() < wish->end_ms && interrupt_signal() == 0) {
			pause_a_moment();
			continue;
		} else {
			*code = report(out, result, &answer);
		}
		break;
	}
	api_answer_free(&answer);
	return came;
}

void
lock_module_release(struct client *client, const char *name, const char *value)
{
	struct client_answer answer = { 0 };
	struct buf query = BUF_INIT;

	form_add(&query, "value", slice_text(value));
	(void)ask(client, "DELETE", name, &query, SLICE_EMPTY, 0, &answer);
	client_answer_free(&answer);
}

char *
lock_module_holder(struct client *client, const char *name)
{
	struct client_answer answer = { 0 };
	char *holder;

	if (ask(client, "GET", name, NULL, SLICE_EMPTY, 0, &answer) == CLIENT_ANSWERED &&
	    answer.status == 200 && answer.body.size > 0)
		holder = xasprintf("%.*s", SLICE_ARGS(buf_slice(&answer.body)));
	else
		holder = xstrdup("another one");
	client_answer_free(&answer);
	return holder;
}
