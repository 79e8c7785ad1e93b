/*
 * json_put.c - see json_put.h.
 */
#include "ctl/json_put.h"

#include "common/json_text.h"

#include <inttypes.h>

static void
put_name(struct buf *text, const char *name)
{
	if (text->size > 0 && strchr("{[:", text->data[text->size - 1]) == NULL)
		buf_append_byte(text, ',');
	if (name != NULL)
		buf_printf(text, "\"%s\":", name);
}

void
json_put_open(struct buf *text, const char *name, char bracket)
{
	put_name(text, name);
	buf_append_byte(text, (uint8_t)bracket);
}

void
json_put_close(struct buf *text, char bracket)
{
	buf_append_byte(text, (uint8_t)bracket);
}

void
json_put_text(struct buf *text, const char *name, struct slice value)
{
	put_name(text, name);
	json_text_put(text, value);
}

void
json_put_u64(struct buf *text, const char *name, uint64_t value)
{
	put_name(text, name);
	buf_append_u64(text, value);
}

void
json_put_bool(struct buf *text, const char *name, bool value)
{
	put_name(text, name);
	buf_append_text(text, value ? "true" : "false");
}

void
json_put_ms(struct buf *text, const char *name, uint64_t ns)
{
	put_name(text, name);
	buf_printf(text, "%" PRIu64 ".%03" PRIu64, ns / 1000000, ns / 1000 % 1000);
}

void
json_put_line(const struct output *out, struct buf *text)
{
	buf_append_byte(text, '\n');
	output_json(out, buf_slice(text));
	buf_clear(text);
}
