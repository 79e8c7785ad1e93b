/*
 * json_text.c - strings as JSON text (see json_text.h).
 *
 * Runs of bytes that need nothing are copied at once: nearly every key and
 * value is one run.
 */
#include "common/json_text.h"

#include "common/utf8.h"

size_t
json_text_character(struct slice text)
{
	return utf8_size(text);
}

bool
json_text_valid(struct slice text)
{
	size_t size;

	while (text.size > 0) {
		size = json_text_character(text);
		if (size == 0)
			return false;
		text = slice_of(text.data + size, text.size - size);
	}
	return true;
}

/* What stands for the character of that size at the start of text; NULL: itself. */
static const char *
json_text_escape(struct slice text, size_t size, char escape[8])
{
	static const char digits[] = "0123456789abcdef";
	uint8_t byte = text.data[0];

	if (size == 0)
		return "\\ufffd";
	if (size == 3 && byte == 0xe2 && text.data[1] == 0x80 && (text.data[2] & 0xfeU) == 0xa8)
		return text.data[2] == 0xa8 ? "\\u2028" : "\\u2029";
	switch (byte) {
	case '"':
		return "\\\"";
	case '\\':
		return "\\\\";
	case '\n':
		return "\\n";
	case '\r':
		return "\\r";
	case '<':
	case '>':
	case '&':
		break;
	default:
		if (byte >= 0x20)
			return NULL;
		break;
	}
	memcpy(escape, "\\u00", 4);
	escape[4] = digits[byte >> 4];
	escape[5] = digits[byte & 0x0fU];
	escape[6] = '\0';
	return escape;
}

void
json_text_put(struct buf *out, struct slice text)
{
	char escape[8];
	const char *instead;
	size_t run = 0;
	size_t at = 0;
	size_t size;

	buf_append_byte(out, '"');
	while (at < text.size) {
		size = json_text_character(slice_of(text.data + at, text.size - at));
		instead = json_text_escape(slice_of(text.data + at, text.size - at), size, escape);
		if (instead != NULL) {
			buf_append(out, text.data + run, at - run);
			buf_append_text(out, instead);
			run = at + MAX_OF(size, 1U);
		}
		at += MAX_OF(size, 1U);
	}
	if (at > run)
		buf_append(out, text.data + run, at - run);
	buf_append_byte(out, '"');
}
