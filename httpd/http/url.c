/*
 * url.c - percent escapes, and paths as the API wants them (see url.h).
 */
#include "httpd/http/url.h"

static int
hex_digit(uint8_t byte)
{
	if (byte >= '0' && byte <= '9')
		return byte - '0';
	if (byte >= 'a' && byte <= 'f')
		return byte - 'a' + 10;
	if (byte >= 'A' && byte <= 'F')
		return byte - 'A' + 10;
	return -1;
}

static bool
needs_decoding(enum url_part part, struct slice text)
{
	if (text.size == 0)
		return false;
	return memchr(text.data, '%', text.size) != NULL ||
	    (part == URL_FORM && memchr(text.data, '+', text.size) != NULL);
}

enum err
url_decode(struct arena *arena, enum url_part part, struct slice text, struct slice *decoded,
    struct slice *broken)
{
	uint8_t *out;
	size_t size = 0;

	if (!needs_decoding(part, text)) {
		*decoded = text;
		return ERR_NONE;
	}
	out = arena_alloc(arena, text.size);
	for (size_t i = 0; i < text.size; i++) {
		uint8_t byte = text.data[i];

		if (byte == '%') {
			size_t left = text.size - i;
			int high = left > 1 ? hex_digit(text.data[i + 1]) : -1;
			int low = left > 2 ? hex_digit(text.data[i + 2]) : -1;

			if (high < 0 || low < 0) {
				*broken = slice_of(text.data + i, MIN_OF(left, (size_t)3));
				return ERR_MALFORMED;
			}
			out[size++] = (uint8_t)(high << 4 | low);
			i += 2;
		} else if (byte == '+' && part == URL_FORM) {
			out[size++] = ' ';
		} else {
			out[size++] = byte;
		}
	}
	*decoded = slice_of(out, size);
	return ERR_NONE;
}

/* Take the next segment off *rest, which begins with "/"; false at the end. */
static bool
next_segment(struct slice *rest, struct slice *segment)
{
	const uint8_t *begin, *end;

	if (rest->size == 0)
		return false;
	begin = rest->data + 1;
	end = rest->size == 1 ? NULL : memchr(begin, '/', rest->size - 1);
	if (end == NULL)
		end = rest->data + rest->size;
	*segment = slice_of(begin, (size_t)(end - begin));
	*rest = slice_of(end, rest->size - 1 - segment->size);
	return true;
}

static bool
is_dot(struct slice segment)
{
	return segment.size == 1 && segment.data[0] == '.';
}

static bool
is_dot_dot(struct slice segment)
{
	return segment.size == 2 && segment.data[0] == '.' && segment.data[1] == '.';
}

bool
url_path_is_clean(struct slice path)
{
	struct slice segment;

	while (next_segment(&path, &segment)) {
		if (segment.size == 0 && path.size > 0)
			return false;
		if (is_dot(segment) || is_dot_dot(segment))
			return false;
	}
	return true;
}

/* As net/url of the original writes a path. */
static bool
stays_in_path(uint8_t byte)
{
	return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
	    (byte >= '0' && byte <= '9') ||
	    (byte != '\0' && strchr("-_.~$&+,/:;=@", byte) != NULL);
}

static bool
is_visible(uint8_t byte)
{
	return byte > ' ' && byte < 0x7f;
}

static void
put_escaped(struct slice text, bool (*stays)(uint8_t byte), struct buf *out)
{
	static const char digits[] = "0123456789ABCDEF";

	for (size_t i = 0; i < text.size; i++) {
		uint8_t byte = text.data[i];

		if (stays(byte)) {
			buf_append_byte(out, byte);
		} else {
			buf_append_byte(out, '%');
			buf_append_byte(out, (uint8_t)digits[byte >> 4]);
			buf_append_byte(out, (uint8_t)digits[byte & 0x0fU]);
		}
	}
}

void
url_put_visible(struct slice text, struct buf *out)
{
	put_escaped(text, is_visible, out);
}

/* Drop the last segment appended behind start. A "/" in out is always one of
 * ours: those of names would have separated them. */
static void
drop_segment(struct buf *out, size_t start)
{
	while (out->size > start && out->data[out->size - 1] != '/')
		out->size--;
	if (out->size > start)
		out->size--;
}

void
url_path_put_clean(struct slice path, struct buf *out)
{
	struct slice segment;
	size_t start = out->size;
	bool trailing = path.size > 0 && path.data[path.size - 1] == '/';

	while (next_segment(&path, &segment)) {
		if (segment.size == 0 || is_dot(segment))
			continue;
		if (is_dot_dot(segment)) {
			drop_segment(out, start);
			continue;
		}
		buf_append_byte(out, '/');
		put_escaped(segment, stays_in_path, out);
	}
	if (out->size == start || trailing)
		buf_append_byte(out, '/');
}
