/*
 * printable.c - text from outside as people may be shown it (see printable.h).
 */
#include "common/printable.h"

#include "common/utf8.h"

#include <stdio.h>

/* In order. Ranges of one kind beside each other are one. */
static const struct {
	uint32_t first, last;
} hidden[] = {
	{ 0x0000, 0x001f }, { 0x007f, 0x009f },	/* controls */
	{ 0x00ad, 0x00ad },			/* soft hyphen */
	{ 0x034f, 0x034f },			/* grapheme joiner */
	{ 0x0600, 0x0605 }, { 0x061c, 0x061c }, { 0x06dd, 0x06dd }, { 0x070f, 0x070f },
	{ 0x0890, 0x0891 }, { 0x08e2, 0x08e2 },	/* Arabic and Syriac format controls */
	{ 0x115f, 0x1160 },			/* Hangul fillers */
	{ 0x17b4, 0x17b5 },			/* Khmer vowels without a look */
	{ 0x180b, 0x180f },			/* Mongolian selectors, vowel separator */
	{ 0x200b, 0x200f },			/* zero-width, direction marks */
	{ 0x2028, 0x202e },			/* separators, embeddings, overrides */
	{ 0x2060, 0x206f },			/* word joiner, invisible operators, isolates */
	{ 0x3164, 0x3164 },			/* Hangul filler */
	{ 0xfeff, 0xfeff },			/* byte order mark */
	{ 0xffa0, 0xffa0 },			/* Hangul filler */
	{ 0xfff0, 0xfffb },			/* interlinear annotations */
	{ 0x110bd, 0x110bd }, { 0x110cd, 0x110cd },	/* Kaithi number signs */
	{ 0x13430, 0x1343f },			/* hieroglyph format controls */
	{ 0x1bca0, 0x1bca3 },			/* shorthand format controls */
	{ 0x1d173, 0x1d17a },			/* musical beams, ties, slurs */
	{ 0xe0000, 0xe0fff },			/* tags, more selectors */
};

static bool
is_hidden(uint32_t code)
{
	for (size_t i = 0; i < ARRAY_COUNT(hidden) && code >= hidden[i].first; i++) {
		if (code <= hidden[i].last)
			return true;
	}
	return false;
}

size_t
printable_size(struct slice text)
{
	uint32_t code = 0;
	size_t size = utf8_read(text, &code);

	return size == 0 || is_hidden(code) ? 0 : size;
}

/* Bytes at the start of text that stay as they are. */
static size_t
run_size(struct slice text, const char *also)
{
	size_t at = 0;

	while (at < text.size) {
		uint8_t byte = text.data[at];
		size_t size = 1;

		if (byte < 0x20 || byte >= 0x7f)
			size = printable_size(slice_of(text.data + at, text.size - at));
		if (size == 0 && (byte == '\0' || strchr(also, byte) == NULL))
			break;
		at += MAX_OF(size, 1U);
	}
	return at;
}

static void
put(struct buf *out, struct slice text, const char *also)
{
	while (text.size > 0) {
		size_t size = run_size(text, also);

		buf_append(out, text.data, size);
		if (size < text.size)
			buf_printf(out, "\\x%02x", text.data[size++]);
		text = slice_of(text.data + size, text.size - size);
	}
}

void
printable_put(struct buf *out, struct slice text)
{
	put(out, text, "");
}

void
printable_put_lines(struct buf *out, struct slice text)
{
	put(out, text, "\n\t");
}

size_t
printable_json_escape(struct slice text, char escape[PRINTABLE_ESCAPE_BYTES])
{
	uint32_t code = 0xfffd;
	size_t size = utf8_read(text, &code);

	if (code < 0x10000)
		snprintf(escape, PRINTABLE_ESCAPE_BYTES, "\\u%04x", code & 0xffffU);
	else
		snprintf(escape, PRINTABLE_ESCAPE_BYTES, "\\u%04x\\u%04x",
		    0xd7c0U + (code >> 10 & 0x7ffU), 0xdc00U + (code & 0x3ffU));
	return MAX_OF(size, 1U);
}

void
printable_put_json(struct buf *out, struct slice json)
{
	while (json.size > 0) {
		size_t size = run_size(json, "\n\t");
		char escape[PRINTABLE_ESCAPE_BYTES];

		buf_append(out, json.data, size);
		json = slice_of(json.data + size, json.size - size);
		if (json.size == 0)
			break;
		size = printable_json_escape(json, escape);
		buf_append_text(out, json.data[0] == '\r' ? " " : escape);
		json = slice_of(json.data + size, json.size - size);
	}
}
