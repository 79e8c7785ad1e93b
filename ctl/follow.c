/*
 * follow.c - long polls in a row (see follow.h).
 *
 * The index in the headers of a watch says where it begins, also if nothing came:
 * so a watch "from now on" that breaks is resumed where it began.
 */
#include "ctl/follow.h"

#include "common/clock.h"
#include "ctl/form.h"
#include "ctl/interrupt.h"

#include <time.h>

#define PAUSE_MS_FIRST 50
#define PAUSE_MS_MAX 1000

static void
pause_ms(unsigned ms)
{
	struct timespec time = { .tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000 };

	(void)nanosleep(&time, NULL);
}

static enum client_result
poll_once(struct client *client, const struct follow *follow, uint64_t limit_ms,
    struct api_answer *answer)
{
	struct api_request request = { .method = "GET", .key = follow->key, .repeatable = true,
		.limit_ms = limit_ms };

	form_add_bool(&request.query, "wait", true);
	if (follow->recursive)
		form_add_bool(&request.query, "recursive", true);
	if (follow->next > 0)
		form_add_u64(&request.query, "waitIndex", follow->next);
	return api_ask(client, &request, answer);
}

/* True: an event, or an error that another try would not change. */
static bool
is_final(enum client_result result, const struct api_answer *answer)
{
	if (result == CLIENT_INTERRUPTED)
		return true;
	if (result != CLIENT_ANSWERED)
		return false;
	if (answer->error_code == 0)
		return true;
	/* A server that stops ends its watches with nothing. */
	return answer->answer.status >= 300 && answer->answer.status < 500;
}

enum client_result
client_follow(struct client *client, struct follow *follow, struct api_answer *answer)
{
	uint64_t end_ms = follow->limit_ms == CLIENT_NO_LIMIT ? UINT64_MAX :
	    clock_now().monotonic_ms + follow->limit_ms;
	uint64_t give_up_ms = 0;
	unsigned wait_ms = PAUSE_MS_FIRST;

	for (;;) {
		uint64_t now_ms = clock_now().monotonic_ms;
		uint64_t left_ms = now_ms < end_ms ? end_ms - now_ms : 1;
		enum client_result result = poll_once(client, follow,
		    end_ms == UINT64_MAX ? CLIENT_NO_LIMIT : left_ms, answer);
		bool began = answer->answer.store_index > 0;

		if (follow->next == 0 && began)
			follow->next = answer->answer.store_index + 1;
		if (is_final(result, answer)) {
			if (result == CLIENT_ANSWERED && answer->error_code == 0) {
				const struct json *node = json_member(answer->doc.root, "node");

				follow->next = json_u64(node, "modifiedIndex") + 1;
			}
			return result;
		}
		now_ms = clock_now().monotonic_ms;
		if (now_ms >= end_ms)
			return CLIENT_TIMED_OUT;
		if (began || give_up_ms == 0) {
			client_restart_clock(client);
			give_up_ms = now_ms + client_total_ms(client);
			wait_ms = PAUSE_MS_FIRST;
		}
		/* Nobody was there from the beginning: no reason to wait for them. */
		if (now_ms >= give_up_ms || (follow->next == 0 && result == CLIENT_NO_HOST))
			return result;
		pause_ms(wait_ms);
		wait_ms = MIN_OF(wait_ms * 2, PAUSE_MS_MAX);
		if (interrupt_signal() != 0)
			return CLIENT_INTERRUPTED;
	}
}
