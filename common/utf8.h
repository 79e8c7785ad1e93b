/*
 * utf8.h - characters as UTF-8.
 *
 * Source: RFC 3629.
 */
#ifndef MOOTHALL_COMMON_UTF8_H
#define MOOTHALL_COMMON_UTF8_H

#include "common/slice.h"

/* How many bytes the character at the start of text takes, 1 to 4; 0 if there
 * is none: empty, overlong, a surrogate, above U+10FFFF, cut short. */
size_t utf8_size(struct slice text);
/* The same; *code is the code point, untouched if there is none. */
size_t utf8_read(struct slice text, uint32_t *code);

#endif
