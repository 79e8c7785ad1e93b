/*
 * stream.c - streams over libcurl's multi interface (see stream.h).
 *
 * Only one transfer at a time, but multi hands over what has come while it waits for more. The
 * bytes that have come are bounded by those of one line: while a line is there, nothing is
 * read.
 */
#include "ctl/v3/stream.h"

#include "common/clock.h"
#include "common/xmem.h"
#include "ctl/client_curl.h"
#include "ctl/interrupt.h"

#include <stdlib.h>

#define POLL_MS 200

struct ctl3_stream {
	CURLM *multi;
	CURL *curl;
	struct curl_slist *headers;
	char *url;
	struct buf body;
	struct client_answer answer;	/* what came and was not handed over */
	size_t searched;		/* bytes of it that have no newline */
	struct json_doc doc;
	char *problem;
	bool done;
	CURLcode code;
	long status;
	char error[CURL_ERROR_SIZE];
};

static void
set_keepalive(CURL *curl, const struct ctl_arguments *arguments)
{
	uint64_t idle_ms = ctl_arguments_number(arguments, OPT_V3_KEEPALIVE_TIME);
	uint64_t wait_ms = ctl_arguments_number(arguments, OPT_V3_KEEPALIVE_TIMEOUT);

	curl_easy_setopt(curl, CURLOPT_TCP_KEEPIDLE, (long)MAX_OF(idle_ms / 1000, 1U));
	curl_easy_setopt(curl, CURLOPT_TCP_KEEPINTVL, (long)MAX_OF(wait_ms / 3000, 1U));
#if LIBCURL_VERSION_NUM >= 0x080900
	curl_easy_setopt(curl, CURLOPT_TCP_KEEPCNT, 3L);
#endif
}

struct ctl3_stream *
ctl3_stream_open(struct ctl3 *v3, size_t endpoint, const char *path, struct slice body)
{
	struct ctl3_stream *stream = xzalloc(sizeof(*stream));
	struct client_request request = { .method = "POST", .path = path,
		.body_type = "application/json", .authorization = v3->token };

	stream->multi = curl_multi_init();
	ASSERT(stream->multi != NULL);
	stream->curl = client_handle(v3->client);
	stream->url = xasprintf("%s%s", client_endpoint(v3->client, endpoint), path);
	buf_append_slice(&stream->body, body);
	request.body = buf_slice(&stream->body);
	stream->answer.body.limit = CTL_MESSAGE_BYTES_MAX;
	stream->headers = client_prepare(stream->curl, &request, stream->url, &stream->answer);
	curl_easy_setopt(stream->curl, CURLOPT_ERRORBUFFER, stream->error);
	set_keepalive(stream->curl, v3->arguments);
	(void)curl_multi_add_handle(stream->multi, stream->curl);
	return stream;
}

void
ctl3_stream_close(struct ctl3_stream **stream_pointer)
{
	struct ctl3_stream *stream = *stream_pointer;

	if (stream == NULL)
		return;
	curl_multi_remove_handle(stream->multi, stream->curl);
	curl_easy_cleanup(stream->curl);
	curl_multi_cleanup(stream->multi);
	curl_slist_free_all(stream->headers);
	client_answer_free(&stream->answer);
	json_doc_free(&stream->doc);
	buf_free(&stream->body);
	free(stream->url);
	free(stream->problem);
	free(stream);
	*stream_pointer = NULL;
}

const char *
ctl3_stream_problem(const struct ctl3_stream *stream)
{
	return stream->problem == NULL ? "" : stream->problem;
}

/* ---- what came ----------------------------------------------------------------- */

static enum ctl3_news
end(struct ctl3_stream *stream, enum ctl3_news news, char *problem)
{
	free(stream->problem);
	stream->problem = problem;
	return news;
}

/* Bytes of the first line with its newline; at the end of it all also without. 0: none. */
static size_t
line_size(struct ctl3_stream *stream)
{
	const struct buf *body = &stream->answer.body;
	size_t left = body->size - stream->searched;
	const uint8_t *newline = left == 0 ? NULL :
	    memchr(body->data + stream->searched, '\n', left);

	if (newline != NULL)
		return (size_t)(newline - body->data) + 1;
	stream->searched = body->size;
	return stream->done ? body->size : 0;
}

static enum ctl3_news
take_line(struct ctl3_stream *stream, size_t size, const struct json **message)
{
	unsigned code;
	struct slice said;

	json_doc_free(&stream->doc);
	if (json_doc_read(slice_of(stream->answer.body.data, size), &stream->doc) != ERR_NONE)
		return end(stream, CTL3_ENDED, xasprintf("%s: what comes is no JSON", stream->url));
	buf_consume(&stream->answer.body, size);
	stream->searched = 0;
	*message = json_member(stream->doc.root, "result");
	if (*message != NULL)
		return CTL3_MESSAGE;
	said = ctl3_said(stream->doc.root, &code);
	if (said.size == 0)
		return end(stream, CTL3_ENDED, xasprintf("%s: what comes is no answer of v3",
		    stream->url));
	/* That member cannot; others may. */
	return end(stream, code == 14 ? CTL3_ENDED : CTL3_REFUSED,
	    xasprintf("%.*s", SLICE_ARGS(said)));
}

static void
take_end(struct ctl3_stream *stream)
{
	int left;
	CURLMsg *message;

	while ((message = curl_multi_info_read(stream->multi, &left)) != NULL) {
		if (message->msg != CURLMSG_DONE)
			continue;
		stream->done = true;
		stream->code = message->data.result;
		curl_easy_getinfo(stream->curl, CURLINFO_RESPONSE_CODE, &stream->status);
	}
}

static enum ctl3_news
say_end(struct ctl3_stream *stream)
{
	const char *why = stream->error[0] != '\0' ? stream->error :
						     curl_easy_strerror(stream->code);

	if (stream->answer.body.overflowed)
		return end(stream, CTL3_REFUSED, xasprintf("%s: a message is above %lu bytes",
		    stream->url, (unsigned long)CTL_MESSAGE_BYTES_MAX));
	if (stream->code == CURLE_ABORTED_BY_CALLBACK)
		return CTL3_SIGNAL;
	if (stream->status == 404)
		return end(stream, CTL3_REFUSED, xasprintf("%s answers 404", stream->url));
	return end(stream, CTL3_ENDED, xasprintf("%s: %s", stream->url,
	    stream->code == CURLE_OK ? "the server ended it" : why));
}

enum ctl3_news
ctl3_stream_next(struct ctl3_stream *stream, uint64_t limit_ms, const struct json **message)
{
	uint64_t begun_ms = clock_now().monotonic_ms;

	for (;;) {
		size_t size = line_size(stream);
		uint64_t gone_ms = clock_now().monotonic_ms - begun_ms;
		int running;

		if (size > 0 && stream->status != 404 && !stream->answer.body.overflowed)
			return take_line(stream, size, message);
		if (stream->done)
			return say_end(stream);
		if (interrupt_signal() != 0)
			return CTL3_SIGNAL;
		if (gone_ms > 0 && gone_ms >= limit_ms)
			return CTL3_NOTHING;
		(void)curl_multi_perform(stream->multi, &running);
		take_end(stream);
		if (line_size(stream) == 0 && !stream->done)
			(void)curl_multi_poll(stream->multi, NULL, 0,
			    (int)MIN_OF(limit_ms - gone_ms, (uint64_t)POLL_MS), NULL);
	}
}
