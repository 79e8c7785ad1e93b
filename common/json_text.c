/*
 * json_text.c - strings as JSON text (see json_text.h).
 *
 * Runs of bytes that need nothing are copied at once: nearly every key and
 * value is one run.
 */
#include "common/json_text.h"

#include "common/utf8.h"

/* Bytes that are looked at together; by a loop that a compiler makes one step of. */
#define BLOCK_BYTES 32

/* Plain: a character by itself, and nothing that is escaped. */
static bool
is_plain(uint8_t byte)
{
	return byte >= 0x20 && byte < 0x80 && byte != '"' && byte != '\\' && byte != '<' &&
	    byte != '>' && byte != '&';
}

static bool
is_plain_block(const uint8_t *bytes)
{
	uint8_t other = 0;

	for (size_t i = 0; i < BLOCK_BYTES; i++) {
		uint8_t byte = bytes[i];

		other |= (uint8_t)((uint8_t)(byte - 0x20) >= 0x60) | (byte == '"') |
		    (byte == '\\') | (byte == '<') | (byte == '>') | (byte == '&');
	}
	return other == 0;
}

/* How many bytes at the start of text are plain. */
static size_t
plain_bytes(struct slice text)
{
	size_t at = 0;

	while (text.size - at >= BLOCK_BYTES && is_plain_block(text.data + at))
		at += BLOCK_BYTES;
	while (at < text.size && is_plain(text.data[at]))
		at++;
	return at;
}

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
		size = plain_bytes(text);
		if (size == 0)
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

/* How many bytes a character takes that begins with that byte. */
static size_t
json_text_promised(uint8_t byte)
{
	return byte < 0xc2 || byte > 0xf4 ? 1 : byte < 0xe0 ? 2 : byte < 0xf0 ? 3 : 4;
}

/* Append text as it stands between quotes. Unless it is the last that comes, a
 * character that is cut at its end is left: returns how many bytes are. */
static size_t
json_text_run(struct buf *out, struct slice text, bool last)
{
	char escape[8];
	const char *instead;
	size_t run = 0;
	size_t at = 0;
	size_t size;

	for (;;) {
		at += plain_bytes(slice_of(text.data + at, text.size - at));
		if (at == text.size)
			break;
		size = json_text_character(slice_of(text.data + at, text.size - at));
		if (size == 0 && !last && text.size - at < json_text_promised(text.data[at]))
			break;
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
	return text.size - at;
}

void
json_text_put(struct buf *out, struct slice text)
{
	buf_append_byte(out, '"');
	(void)json_text_run(out, text, true);
	buf_append_byte(out, '"');
}

void
json_text_part(struct json_text *state, struct buf *out, struct slice part, bool last)
{
	size_t left;

	/* What was left of the part before, until a character ends with its bytes. */
	while (state->held_size > 0 && (part.size > 0 || last)) {
		if (part.size > 0 && state->held_size < json_text_promised(state->held[0])) {
			state->held[state->held_size++] = part.data[0];
			part = slice_of(part.data + 1, part.size - 1);
			continue;
		}
		left = json_text_character(slice_of(state->held, state->held_size));
		left = state->held_size - MAX_OF(left, 1U);
		(void)json_text_run(out, slice_of(state->held, state->held_size - left), true);
		memmove(state->held, state->held + state->held_size - left, left);
		state->held_size = left;
	}
	left = json_text_run(out, part, last);
	if (left == 0)
		return;
	memcpy(state->held, part.data + part.size - left, left);
	state->held_size = left;
}
