/*
 * json_text.c - strings as JSON text (see json_text.h).
 *
 * Runs of bytes that need nothing are copied at once: nearly every key and
 * value is one run.
 */
#include "common/json_text.h"

#include "common/utf8.h"

/* Plain: a character by itself, and nothing that is escaped. */
static bool
is_plain(uint8_t byte)
{
	return byte >= 0x20 && byte < 0x80 && byte != '"' && byte != '\\' && byte != '<' &&
	    byte != '>' && byte != '&';
}

/* Eight bytes as a number: the highest bit of each byte, and that value in each byte. */
#define HIGH_BITS 0x8080808080808080U
#define EACH(byte) (0x0101010101010101U * (byte))

/* Not 0 if a byte of word is below that value, which is at most 0x80; bytes of 0x80 and more
 * do not count. What the subtraction borrows from the next byte was below it. */
static uint64_t
has_below(uint64_t word, uint64_t value)
{
	return (word - EACH(value)) & ~word & HIGH_BITS;
}

static uint64_t
has_byte(uint64_t word, uint64_t value)
{
	return has_below(word ^ EACH(value), 1);
}

/* Are eight bytes plain? Two that are told apart by one bit are looked for as one. */
static bool
is_plain_word(const uint8_t *bytes)
{
	uint64_t word;

	_Static_assert(('"' | 4) == '&' && ('<' | 2) == '>', "a pair differs by this bit");
	memcpy(&word, bytes, sizeof(word));
	return ((word & HIGH_BITS) | has_below(word, 0x20) | has_byte(word | EACH(4U), '&') |
	    has_byte(word | EACH(2U), '>') | has_byte(word, '\\')) == 0;
}

/* How many bytes at the start of text are plain. */
static size_t
plain_bytes(struct slice text)
{
	size_t at = 0;

	while (text.size - at >= sizeof(uint64_t) && is_plain_word(text.data + at))
		at += sizeof(uint64_t);
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

	/* An empty slice may be NULL, to which nothing may be added, not even 0. */
	if (text.size == 0)
		return 0;
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
