/*
 * head_fuzz.c - any bytes as the head of a request: what the gate passes, the
 * parser takes too, with the same target, names and values. And any bytes as a
 * host: what may be called so is one, and has nothing in it that a sentence may not.
 */
#include "tests/fuzz/fuzz.h"

#include "common/xmem.h"
#include "httpd/http/head.h"
#include "httpd/http/host.h"

#include <http_parser.h>
#include <stdlib.h>

struct seen {
	const struct head *head;
	size_t headers;
	bool value_came;	/* of the present header */
	bool target_came;
};

static struct slice
trimmed(const char *data, size_t size)
{
	while (size > 0 && (data[size - 1] == ' ' || data[size - 1] == '\t'))
		size--;
	return slice_of(data, size);
}

static int
on_url(http_parser *parser, const char *data, size_t size)
{
	struct seen *seen = parser->data;

	ASSERT(!seen->target_came);
	ASSERT(slice_equal(slice_of(data, size), seen->head->target));
	seen->target_came = true;
	return 0;
}

static int
on_header_field(http_parser *parser, const char *data, size_t size)
{
	struct seen *seen = parser->data;

	ASSERT(seen->headers < seen->head->header_count);
	MUST(slice_equal(slice_of(data, size), seen->head->headers[seen->headers++].name));
	seen->value_came = false;
	return 0;
}

static int
on_header_value(http_parser *parser, const char *data, size_t size)
{
	struct seen *seen = parser->data;

	/* An empty value may come as nothing, or as no bytes. */
	ASSERT(!seen->value_came);
	ASSERT(slice_equal(trimmed(data, size), seen->head->headers[seen->headers - 1].value));
	seen->value_came = true;
	return 0;
}

static int
on_headers_complete(http_parser *parser)
{
	struct seen *seen = parser->data;

	ASSERT(seen->target_came);
	ASSERT(seen->headers == seen->head->header_count);
	ASSERT(((parser->flags & F_CHUNKED) != 0) == seen->head->chunked);
	if (seen->head->has_length)
		ASSERT(parser->content_length == seen->head->content_length);
	parser->upgrade = 0;
	return 0;
}

static int
on_message_complete(http_parser *parser)
{
	http_parser_pause(parser, 1);
	return 0;
}

static void
compare_with_parser(struct slice bytes, const struct head *head)
{
	static const http_parser_settings settings = {
		.on_url = on_url,
		.on_header_field = on_header_field,
		.on_header_value = on_header_value,
		.on_headers_complete = on_headers_complete,
		.on_message_complete = on_message_complete,
	};
	struct seen seen = { .head = head };
	http_parser parser;
	size_t at = 0;
	size_t used;

	http_parser_init(&parser, HTTP_REQUEST);
	parser.data = &seen;
	/* As conn.c does: any method will do. */
	MUST(http_parser_execute(&parser, &settings, "POST", 4) == 4);
	at = head->method.size;
	used = http_parser_execute(&parser, &settings, (const char *)bytes.data + at,
	    bytes.size - at);
	ASSERT(used == bytes.size - at);
	ASSERT(HTTP_PARSER_ERRNO(&parser) == HPE_OK || HTTP_PARSER_ERRNO(&parser) == HPE_PAUSED);
	ASSERT(seen.headers == head->header_count);
}

/* The end is found alike in one piece and byte by byte. */
static size_t
find_end(struct slice bytes)
{
	size_t scanned = 0;
	size_t size, step_size, step_scanned = 0;
	unsigned refused = head_find_end(bytes, &scanned, HEAD_BYTES_MAX, &size);
	unsigned step_refused = 0;

	for (size_t i = 1; i <= bytes.size; i++) {
		step_refused = head_find_end(slice_of(bytes.data, i), &step_scanned, HEAD_BYTES_MAX,
		    &step_size);
		if (step_refused != 0 || step_size != 0)
			break;
	}
	ASSERT(step_refused == refused);
	if (refused != 0 || size == 0)
		return 0;
	ASSERT(step_size == size);
	return size;
}

static void
look_at_host(struct slice value)
{
	struct config config;
	struct hosts *hosts;
	struct slice host;
	char *problem;

	config_init(&config);
	MUST(config_set(&config, OPTION_host_names, "one,two.example", &problem) == ERR_NONE);
	hosts = hosts_new(&config);
	if (host_read(value, &host)) {
		ASSERT(host.size <= value.size);
		for (size_t i = 0; i < value.size; i++)
			ASSERT(value.data[i] > ' ' && value.data[i] < 0x7f);
	} else {
		ASSERT(!hosts_allow(hosts, value));
	}
	hosts_free(&hosts);
	config_free(&config);
}

static void
look_at_hosts(const struct head *head)
{
	struct slice host;

	for (size_t i = 0; i < head->header_count; i++)
		if (head_name_equal(head->headers[i].name, "host"))
			MUST(host_read(head->headers[i].value, &host));
	MUST(host_read(host_of_target(head->target), &host));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice bytes = slice_of(data, size);
	struct head *head;

	look_at_host(bytes);
	if (size == 0)
		return 0;
	bytes.size = find_end(bytes);
	if (bytes.size == 0)
		return 0;
	head = xmalloc(sizeof(*head));
	if (head_read(bytes, head) == 0 &&
	    !slice_equal(head->method, SLICE_LITERAL("CONNECT"))) {
		look_at_hosts(head);
		compare_with_parser(bytes, head);
	}
	free(head);
	return 0;
}
