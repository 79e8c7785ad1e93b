/*
 * parallel.c - a fixed number of handles over curl_multi (see parallel.h).
 */
#include "ctl/parallel.h"

#include "common/clock.h"
#include "common/xmem.h"
#include "ctl/client_curl.h"
#include "ctl/interrupt.h"

#include <stdlib.h>

#define POLL_MS 200

struct slot {
	CURL *curl;
	bool busy;
	uint64_t tag;
	uint64_t begun_ns;
	char *url;
	struct buf body;
	struct curl_slist *headers;
	struct client_answer answer;
};

struct parallel {
	const struct client *client;
	CURLM *multi;
	struct slot *slots;
	size_t count, busy_count;
	size_t next_endpoint;
};

struct parallel *
parallel_new(const struct client *client, size_t count)
{
	struct parallel *parallel = xzalloc(sizeof(*parallel));

	ASSERT(count >= 1);
	ASSERT(count <= PARALLEL_MAX);
	parallel->client = client;
	parallel->multi = curl_multi_init();
	ASSERT(parallel->multi != NULL);
	parallel->slots = xzalloc(count * sizeof(*parallel->slots));
	parallel->count = count;
	for (size_t i = 0; i < count; i++) {
		parallel->slots[i].curl = client_handle(client);
		curl_easy_setopt(parallel->slots[i].curl, CURLOPT_PRIVATE, &parallel->slots[i]);
	}
	/* A connection for each, kept. */
	curl_multi_setopt(parallel->multi, CURLMOPT_MAXCONNECTS, (long)count);
	return parallel;
}

static void
let_go(struct parallel *parallel, struct slot *slot)
{
	if (!slot->busy)
		return;
	curl_multi_remove_handle(parallel->multi, slot->curl);
	curl_easy_setopt(slot->curl, CURLOPT_HTTPHEADER, NULL);
	curl_slist_free_all(slot->headers);
	slot->headers = NULL;
	slot->busy = false;
	parallel->busy_count--;
}

void
parallel_free(struct parallel **parallel_pointer)
{
	struct parallel *parallel = *parallel_pointer;

	if (parallel == NULL)
		return;
	for (size_t i = 0; i < parallel->count; i++) {
		struct slot *slot = &parallel->slots[i];

		let_go(parallel, slot);
		curl_easy_cleanup(slot->curl);
		client_answer_free(&slot->answer);
		buf_free(&slot->body);
		free(slot->url);
	}
	curl_multi_cleanup(parallel->multi);
	free(parallel->slots);
	free(parallel);
	*parallel_pointer = NULL;
}

bool
parallel_is_full(const struct parallel *parallel)
{
	return parallel->busy_count == parallel->count;
}

static struct slot *
free_slot(struct parallel *parallel)
{
	for (size_t i = 0; i < parallel->count; i++) {
		if (!parallel->slots[i].busy)
			return &parallel->slots[i];
	}
	return NULL;
}

void
parallel_start(struct parallel *parallel, const struct client_request *request, uint64_t tag)
{
	struct slot *slot = free_slot(parallel);
	size_t endpoint = parallel->next_endpoint++ % client_endpoint_count(parallel->client);
	struct client_request copy = *request;

	ASSERT(slot != NULL);
	free(slot->url);
	slot->url = xasprintf("%s%s", request->only != NULL ? request->only :
	    client_endpoint(parallel->client, endpoint), request->path);
	buf_clear(&slot->body);
	buf_append_slice(&slot->body, request->body);
	copy.body = buf_slice(&slot->body);
	buf_clear(&slot->answer.body);
	slot->answer.body.limit = CLIENT_BODY_BYTES_MAX;
	slot->answer.status = 0;
	slot->tag = tag;
	slot->headers = client_prepare(slot->curl, &copy, slot->url, &slot->answer);
	curl_easy_setopt(slot->curl, CURLOPT_TIMEOUT_MS, (long)(request->limit_ms != 0 ?
	    request->limit_ms : client_total_ms(parallel->client)));
	slot->begun_ns = clock_monotonic_ns();
	slot->busy = true;
	parallel->busy_count++;
	(void)curl_multi_add_handle(parallel->multi, slot->curl);
}

/* True: one has ended. */
static bool
take_done(struct parallel *parallel, struct parallel_done *done)
{
	int left;
	CURLMsg *message;

	while ((message = curl_multi_info_read(parallel->multi, &left)) != NULL) {
		struct slot *slot = NULL;
		long status = 0;

		if (message->msg != CURLMSG_DONE)
			continue;
		done->answered = message->data.result == CURLE_OK;
		curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &slot);
		curl_easy_getinfo(message->easy_handle, CURLINFO_RESPONSE_CODE, &status);
		slot->answer.status = (unsigned)status;
		slot->answer.took_ns = clock_monotonic_ns() - slot->begun_ns;
		done->tag = slot->tag;
		done->answer = &slot->answer;
		let_go(parallel, slot);
		return true;
	}
	return false;
}

bool
parallel_wait(struct parallel *parallel, struct parallel_done *done)
{
	while (parallel->busy_count > 0 && interrupt_signal() == 0) {
		int running;

		if (take_done(parallel, done))
			return true;
		(void)curl_multi_perform(parallel->multi, &running);
		if (take_done(parallel, done))
			return true;
		(void)curl_multi_poll(parallel->multi, NULL, 0, POLL_MS, NULL);
	}
	return false;
}
