/*
 * head.c - the gate before the HTTP parser (see head.h).
 *
 * Grammar: RFC 9112, 3 (request line) and 5 (fields), without what they allow
 * receivers to be lenient about; a host as RFC 9110, 7.2, has it. The target may
 * hold bytes above 0x7f, since clients of the API send raw UTF-8.
 */
#include "httpd/http/head.h"
#include "httpd/http/host.h"

#include <strings.h>

static bool
is_token_byte(uint8_t byte)
{
	return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
	    (byte >= '0' && byte <= '9') ||
	    (byte != '\0' && strchr("!#$%&'*+-.^_`|~", byte) != NULL);
}

static bool
is_digit(uint8_t byte)
{
	return byte >= '0' && byte <= '9';
}

bool
head_name_equal(struct slice a, const char *b)
{
	return a.size == strlen(b) && strncasecmp((const char *)a.data, b, a.size) == 0;
}

static bool
name_begins(struct slice name, const char *beginning)
{
	size_t size = strlen(beginning);

	return name.size > size && strncasecmp((const char *)name.data, beginning, size) == 0;
}

unsigned
head_find_end(struct slice bytes, size_t *scanned, size_t bytes_max, size_t *size)
{
	size_t from = *scanned;

	*size = 0;
	/* What cannot begin a method is no HTTP: a TLS hello would else wait for
	 * a line end that never comes. */
	if (from == 0 && bytes.size > 0 && !is_token_byte(bytes.data[0]))
		return 400;
	while (from < bytes.size) {
		const uint8_t *line_feed = memchr(bytes.data + from, '\n', bytes.size - from);
		size_t at;

		if (line_feed == NULL)
			break;
		at = (size_t)(line_feed - bytes.data);
		if (at == 0 || bytes.data[at - 1] != '\r')
			return 400;
		from = at + 1;
		if (at >= 3 && bytes.data[at - 2] == '\n') {
			*size = from;
			break;
		}
	}
	if ((*size != 0 ? *size : bytes.size) > bytes_max)
		return memchr(bytes.data, '\n', bytes_max) == NULL ? 414 : 431;
	*scanned = *size != 0 ? *size : bytes.size;
	return 0;
}

bool
head_target_is_good(struct slice target, struct slice method)
{
	struct slice host;

	for (size_t i = 0; i < target.size; i++)
		if (target.data[i] <= ' ' || target.data[i] == 0x7f)
			return false;
	if (target.size == 0)
		return false;
	if (target.data[0] == '/')
		return true;
	if (target.size == 1 && target.data[0] == '*')
		return slice_equal(method, SLICE_LITERAL("OPTIONS"));
	if (slice_equal(method, SLICE_LITERAL("CONNECT")))
		return true;
	if (!((target.size > 7 && strncasecmp((const char *)target.data, "http://", 7) == 0) ||
	    (target.size > 8 && strncasecmp((const char *)target.data, "https://", 8) == 0)))
		return false;
	/* Of a URL a host may not be empty. */
	return host_read(host_of_target(target), &host) && host.size > 0;
}

/* The line without its end: method SP target SP version. */
static unsigned
read_request_line(struct slice line, struct head *head)
{
	const uint8_t *end = line.data + line.size;
	const uint8_t *blank = memchr(line.data, ' ', line.size);
	struct slice version;

	if (blank == NULL || blank == line.data)
		return 400;
	head->method = slice_of(line.data, (size_t)(blank - line.data));
	for (size_t i = 0; i < head->method.size; i++)
		if (!is_token_byte(head->method.data[i]))
			return 400;
	head->target.data = blank + 1;
	blank = memchr(blank + 1, ' ', (size_t)(end - blank - 1));
	if (blank == NULL)
		return 400;
	head->target.size = (size_t)(blank - head->target.data);
	if (!head_target_is_good(head->target, head->method))
		return 400;
	version = slice_of(blank + 1, (size_t)(end - blank - 1));
	if (version.size != 8 || !slice_starts_with(version, SLICE_LITERAL("HTTP/")) ||
	    !is_digit(version.data[5]) || version.data[6] != '.' || !is_digit(version.data[7]))
		return 400;
	if (version.data[5] != '1' || version.data[7] > '1')
		return 505;
	head->http_1_0 = version.data[7] == '0';
	return 0;
}

static unsigned
read_field(struct slice line, struct request_header *header)
{
	size_t i = 0;
	size_t end = line.size;

	while (i < line.size && is_token_byte(line.data[i]))
		i++;
	if (i == 0 || i == line.size || line.data[i] != ':')
		return 400;
	header->name = slice_of(line.data, i);
	i++;
	while (i < end && (line.data[i] == ' ' || line.data[i] == '\t'))
		i++;
	while (end > i && (line.data[end - 1] == ' ' || line.data[end - 1] == '\t'))
		end--;
	header->value = slice_of(line.data + i, end - i);
	for (; i < end; i++)
		if ((line.data[i] < ' ' && line.data[i] != '\t') || line.data[i] == 0x7f)
			return 400;
	return 0;
}

static bool
read_length(struct slice value, uint64_t *length)
{
	uint64_t number = 0;

	if (value.size == 0)
		return false;
	for (size_t i = 0; i < value.size; i++) {
		if (!is_digit(value.data[i]))
			return false;
		/* Above any limit, but still a number that the parser takes. */
		if (number > UINT64_C(100000000000000000))
			return false;
		number = number * 10 + (uint64_t)(value.data[i] - '0');
	}
	*length = number;
	return true;
}

/* To the parser, "chunked" and a tab is another coding, and digits and a tab
 * are no number. The value stands in its line, so there is a byte behind it. */
static bool
has_blank_behind(struct slice value)
{
	return value.data[value.size] != '\r';
}

/* What decides where the message ends may be there once, in one form. */
static unsigned
check_framing(struct head *head)
{
	struct slice host;
	size_t hosts = 0;

	for (size_t i = 0; i < head->header_count; i++) {
		const struct request_header *header = &head->headers[i];

		if (head_name_equal(header->name, "host")) {
			if (!host_read(header->value, &host))
				return 400;
			hosts++;
		} else if (head_name_equal(header->name, "content-length")) {
			if (head->has_length || has_blank_behind(header->value) ||
			    !read_length(header->value, &head->content_length))
				return 400;
			head->has_length = true;
		} else if (head_name_equal(header->name, "transfer-encoding")) {
			if (head->chunked || head->http_1_0 || has_blank_behind(header->value) ||
			    !head_name_equal(header->value, "chunked"))
				return 400;
			head->chunked = true;
		} else if (name_begins(header->name, "transfer-encoding")) {
			/* The parser takes it for the thing itself, and refuses. */
			return 400;
		}
	}
	if (hosts > 1 || (hosts == 0 && !head->http_1_0))
		return 400;
	if (head->has_length && head->chunked)
		return 400;
	return 0;
}

unsigned
head_read(struct slice bytes, struct head *head)
{
	unsigned refused;
	size_t lines = 0;
	size_t at = 0;

	head->chunked = false;
	head->has_length = false;
	head->content_length = 0;
	head->header_count = 0;
	for (;;) {
		const uint8_t *line_feed = memchr(bytes.data + at, '\n', bytes.size - at);
		struct slice line;

		if (line_feed == NULL || line_feed == bytes.data + at || line_feed[-1] != '\r')
			return 400;
		line = slice_of(bytes.data + at, (size_t)(line_feed - bytes.data) - at - 1);
		at += line.size + 2;
		if (line.size == 0)
			break;
		if (lines++ == 0) {
			refused = read_request_line(line, head);
		} else {
			if (head->header_count == HEAD_FIELDS_MAX)
				return 431;
			refused = read_field(line, &head->headers[head->header_count++]);
		}
		if (refused != 0)
			return refused;
	}
	if (lines == 0 || at != bytes.size)
		return 400;
	return check_framing(head);
}
