/*
 * answer.c - bytes -> one HTTP answer (see answer.h).
 *
 * Only what the answers of this program and of the original need; what the
 * parser lets through beyond that does no harm here, because the connection
 * is closed behind the answer or speaks frames from there on.
 */
#include "httpd/peer/answer.h"

#include "common/buf.h"
#include "common/limits.h"
#include "common/xmem.h"

#include <stdlib.h>
#include <strings.h>

#include <http_parser.h>

struct answer {
	http_parser parser;
	struct buf head;		/* names and values, one behind the other */
	struct buf body;
	size_t field_count;
	struct answer_field {
		size_t at, name_size, value_size;
	} fields[HEAD_FIELDS_MAX];
	bool in_value;			/* the last field's value has begun */
	bool complete;
	bool too_big;
};

static int
answer_on_begin(http_parser *parser)
{
	struct answer *answer = parser->data;

	buf_clear(&answer->head);
	buf_clear(&answer->body);
	answer->field_count = 0;
	answer->in_value = false;
	return 0;
}

static int
answer_on_field(http_parser *parser, const char *at, size_t size)
{
	struct answer *answer = parser->data;

	if (answer->field_count == 0 || answer->in_value) {
		if (answer->field_count == HEAD_FIELDS_MAX) {
			answer->too_big = true;
			return 1;
		}
		answer->fields[answer->field_count++] =
		    (struct answer_field){ answer->head.size, 0, 0 };
		answer->in_value = false;
	}
	buf_append(&answer->head, at, size);
	answer->fields[answer->field_count - 1].name_size += size;
	answer->too_big = answer->head.overflowed;
	return answer->too_big;
}

static int
answer_on_value(http_parser *parser, const char *at, size_t size)
{
	struct answer *answer = parser->data;

	if (answer->field_count == 0)
		return 1;
	answer->in_value = true;
	buf_append(&answer->head, at, size);
	answer->fields[answer->field_count - 1].value_size += size;
	answer->too_big = answer->head.overflowed;
	return answer->too_big;
}

static int
answer_on_body(http_parser *parser, const char *at, size_t size)
{
	struct answer *answer = parser->data;

	buf_append(&answer->body, at, size);
	answer->too_big = answer->body.overflowed;
	return answer->too_big;
}

static int
answer_on_complete(http_parser *parser)
{
	struct answer *answer = parser->data;

	if (parser->status_code / 100 == 1 && !parser->upgrade)
		return 0;
	answer->complete = true;
	http_parser_pause(parser, 1);
	return 0;
}

static const http_parser_settings answer_settings = {
	.on_message_begin = answer_on_begin,
	.on_header_field = answer_on_field,
	.on_header_value = answer_on_value,
	.on_body = answer_on_body,
	.on_message_complete = answer_on_complete,
};

struct answer *
answer_new(void)
{
	struct answer *answer = xzalloc(sizeof(*answer));

	http_parser_init(&answer->parser, HTTP_RESPONSE);
	answer->parser.data = answer;
	buf_init(&answer->head, HEAD_BYTES_MAX);
	buf_init(&answer->body, ANSWER_BODY_BYTES_MAX);
	return answer;
}

void
answer_free(struct answer **answer)
{
	if (*answer == NULL)
		return;
	buf_free(&(*answer)->head);
	buf_free(&(*answer)->body);
	free(*answer);
	*answer = NULL;
}

enum err
answer_take(struct answer *answer, struct slice bytes, size_t *used)
{
	if (bytes.size == 0)
		return ERR_AGAIN;
	*used = http_parser_execute(&answer->parser, &answer_settings, (const char *)bytes.data,
	    bytes.size);
	if (answer->complete)
		return ERR_NONE;
	if (answer->too_big || HTTP_PARSER_ERRNO(&answer->parser) == HPE_HEADER_OVERFLOW)
		return ERR_TOO_BIG;
	if (HTTP_PARSER_ERRNO(&answer->parser) != HPE_OK || *used != bytes.size)
		return ERR_MALFORMED;
	return ERR_AGAIN;
}

enum err
answer_ended(struct answer *answer)
{
	(void)http_parser_execute(&answer->parser, &answer_settings, NULL, 0);
	return answer->complete ? ERR_NONE : ERR_CLOSED;
}

unsigned
answer_status(const struct answer *answer)
{
	return answer->parser.status_code;
}

bool
answer_upgraded(const struct answer *answer)
{
	return answer->complete && answer->parser.upgrade;
}

struct slice
answer_body(const struct answer *answer)
{
	return buf_slice(&answer->body);
}

struct slice
answer_header(const struct answer *answer, const char *name)
{
	size_t size = strlen(name);

	for (size_t i = 0; i < answer->field_count; i++) {
		const struct answer_field *field = &answer->fields[i];
		const uint8_t *at = answer->head.data + field->at;

		if (field->name_size == size && strncasecmp((const char *)at, name, size) == 0)
			return slice_of(at + size, field->value_size);
	}
	return SLICE_EMPTY;
}
