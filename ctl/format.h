/*
 * format.h - sentences around what others wrote: a printf that knows which is which.
 *
 * The words of the format are ours, with their newlines; a string that is put into them
 * may be anybody's. Pure.
 */
#ifndef MOOTHALL_CTL_FORMAT_H
#define MOOTHALL_CTL_FORMAT_H

#include "common/buf.h"

#include <stdarg.h>

/*
 * Append as printf does, but for strings:
 *
 *	shown	they are spelled as a part of one line (printable.h); else they are as they are
 *	%.*s	is so many bytes, NULs among them: SLICE_ARGS. Without a precision a C string.
 *
 * Known are s, d, i, u, x, X, o, f and %, with all flags, widths and lengths.
 */
void format_put(struct buf *text, bool shown, const char *format, va_list values)
    PRINTF_LIKE(3, 0);

#endif
