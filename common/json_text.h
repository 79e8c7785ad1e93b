/*
 * json_text.h - strings as JSON text, the way the original API spells them.
 *
 * Pure; used by json_put.h, and by what renders a text in pieces. No generator of a
 * library escapes like this:
 *
 *	" and \			backslash before it
 *	newline, carriage return	\n \r
 *	other control bytes, < > &	\u00XX
 *	U+2028, U+2029			\u2028 \u2029
 *	a byte that is no UTF-8		\ufffd, one for each
 *	anything else			as it is
 */
#ifndef MOOTHALL_COMMON_JSON_TEXT_H
#define MOOTHALL_COMMON_JSON_TEXT_H

#include "common/buf.h"

/* Append text as a quoted JSON string. */
void json_text_put(struct buf *out, struct slice text);

/* How many bytes the UTF-8 character at the start of text takes, 1 to 4; 0 if
 * there is none: empty, overlong, a surrogate, above U+10FFFF, cut short. */
size_t json_text_character(struct slice text);

/* True if all of it is well-formed UTF-8. */
bool json_text_valid(struct slice text);

/* A text that comes in parts, which may be cut inside of a character. Zeroed at first. */
struct json_text {
	uint8_t held[4];	/* the beginning of a character */
	size_t held_size;
};

/*
 * Append the next part, without quotes; all parts together give what
 * json_text_put gives between its quotes for all their bytes together.
 *
 *	last	no more comes; the state may be used for another text
 */
void json_text_part(struct json_text *state, struct buf *out, struct slice part, bool last);

#endif
