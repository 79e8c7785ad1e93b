/*
 * printable.h - text from outside as people may be shown it.
 *
 * A terminal obeys control characters, and a text with characters that turn it
 * round or cannot be seen is not what it seems to be. So all that is shown is
 * made of characters with a look of their own. The others are spelled, each of
 * their bytes as \xNN:
 *
 *	C0 and C1 controls, DEL		U+0000..U+001F, U+007F..U+009F
 *	line, paragraph separator	U+2028, U+2029
 *	format controls			all of category Cf: marks, embeddings, overrides
 *					and isolates of direction, zero-width spaces and
 *					joiners, soft hyphen, byte order mark, tags
 *	other characters without a look	those that Unicode calls default ignorable, but
 *					for U+FE00..U+FE0F, which choose the look of the
 *					one before them, as many emoji need it
 *	a byte that is no UTF-8		alone, overlong, a surrogate, cut short
 *
 * A backslash stays as it is: the spelling is for eyes, nobody reads it back.
 * Pure.
 * Source: Unicode 15, DerivedGeneralCategory.txt and DerivedCoreProperties.txt.
 */
#ifndef MOOTHALL_COMMON_PRINTABLE_H
#define MOOTHALL_COMMON_PRINTABLE_H

#include "common/buf.h"

/* Bytes of the character at the start of text, 1 to 4, if it may be shown as it is; else 0,
 * and its first byte is to be spelled. */
size_t printable_size(struct slice text);

/* Append text as a part of one line. */
void printable_put(struct buf *out, struct slice text);
/* Append text that may have lines: newline and tab stay as they are, too. */
void printable_put_lines(struct buf *out, struct slice text);

/*
 * Append JSON whose strings hold anything: what is not printable becomes \uNNNN, which
 * means the same to who reads it; a byte that is no UTF-8 becomes \ufffd, a carriage
 * return, which stands between two tokens, a blank. Newline and tab stay.
 */
void printable_put_json(struct buf *out, struct slice json);

#define PRINTABLE_ESCAPE_BYTES 13	/* two \uNNNN and a NUL */
/* \uNNNN for the character at the start of text, which is not empty. Returns its bytes in
 * text. */
size_t printable_json_escape(struct slice text, char escape[PRINTABLE_ESCAPE_BYTES]);

#endif
