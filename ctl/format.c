/*
 * format.c - sentences around what others wrote (see format.h).
 */
#include "ctl/format.h"

#include "common/printable.h"

#include <stdio.h>

#define SPEC_BYTES 16

/* A conversion, taken apart: "%-8.3lu". */
struct conversion {
	const char *flags;
	int flag_count;
	int width;		/* 0: none; below: to the left */
	int precision;		/* -1: none */
	char length;		/* 0, 'h', 'l', 'z', or 'L' for ll */
	char kind;
};

/* A va_list that functions may hand on. */
struct values {
	va_list list;
};

static int
read_size(const char **at, struct values *values)
{
	int size = 0;

	if (**at == '*') {
		(*at)++;
		return va_arg(values->list, int);
	}
	for (; **at >= '0' && **at <= '9'; (*at)++)
		size = size * 10 + (**at - '0');
	return size;
}

/* *at stands behind the percent sign, then behind the conversion. */
static struct conversion
read_conversion(const char **at, struct values *values)
{
	struct conversion conversion = { .flags = *at, .precision = -1 };

	conversion.flag_count = (int)strspn(*at, "-+ #0");
	*at += conversion.flag_count;
	conversion.width = read_size(at, values);
	if (**at == '.') {
		(*at)++;
		conversion.precision = read_size(at, values);
	}
	for (; **at != '\0' && strchr("hlz", **at) != NULL; (*at)++)
		conversion.length = conversion.length == 'l' ? 'L' : **at;
	conversion.kind = *(*at)++;
	return conversion;
}

static long long
take_signed(const struct conversion *conversion, struct values *values)
{
	switch (conversion->length) {
	case 'l':
		return va_arg(values->list, long);
	case 'L':
		return va_arg(values->list, long long);
	case 'z':
		return (long long)va_arg(values->list, size_t);
	default:
		return va_arg(values->list, int);
	}
}

static unsigned long long
take_unsigned(const struct conversion *conversion, struct values *values)
{
	switch (conversion->length) {
	case 'l':
		return va_arg(values->list, unsigned long);
	case 'L':
		return va_arg(values->list, unsigned long long);
	case 'z':
		return va_arg(values->list, size_t);
	default:
		return va_arg(values->list, unsigned);
	}
}

/* Numbers hold nothing of anybody: they are left to printf. */
static void
put_number(struct buf *text, const struct conversion *conversion, struct values *values)
{
	char spec[SPEC_BYTES];
	bool is_real = conversion->kind == 'f';
	int length = snprintf(spec, sizeof(spec), "%%%.*s*.*%s%c", conversion->flag_count,
	    conversion->flags, is_real ? "" : "ll", conversion->kind);

	ASSERT(length < SPEC_BYTES);
	if (is_real)
		buf_printf(text, spec, conversion->width, conversion->precision,
		    va_arg(values->list, double));
	else if (conversion->kind == 'd' || conversion->kind == 'i')
		buf_printf(text, spec, conversion->width, conversion->precision,
		    take_signed(conversion, values));
	else
		buf_printf(text, spec, conversion->width, conversion->precision,
		    take_unsigned(conversion, values));
}

static void
put_blanks(struct buf *text, size_t count)
{
	while (count-- > 0)
		buf_append_byte(text, ' ');
}

/* The width counts bytes, as that of printf. */
static void
put_string(struct buf *text, bool shown, const struct conversion *conversion, const char *string)
{
	bool left = conversion->width < 0 ||
	    memchr(conversion->flags, '-', (size_t)conversion->flag_count) != NULL;
	size_t width = (size_t)(conversion->width < 0 ? -conversion->width : conversion->width);
	struct slice bytes = conversion->precision >= 0 ?
	    slice_of(string, (size_t)conversion->precision) : slice_text(string);
	struct buf piece = BUF_INIT;
	size_t blanks;

	if (shown)
		printable_put(&piece, bytes);
	else
		buf_append_slice(&piece, bytes);
	blanks = width > piece.size ? width - piece.size : 0;
	put_blanks(text, left ? 0 : blanks);
	buf_append_slice(text, buf_slice(&piece));
	put_blanks(text, left ? blanks : 0);
	buf_free(&piece);
}

static void
put_conversion(struct buf *text, bool shown, const char **at, struct values *values)
{
	struct conversion conversion = read_conversion(at, values);

	if (conversion.kind == '%') {
		buf_append_byte(text, '%');
	} else if (conversion.kind == 's') {
		put_string(text, shown, &conversion, va_arg(values->list, const char *));
	} else {
		ASSERT(conversion.kind != '\0');
		ASSERT(strchr("diuxXof", conversion.kind) != NULL);
		put_number(text, &conversion, values);
	}
}

void
format_put(struct buf *text, bool shown, const char *format, va_list list)
{
	struct values values;

	va_copy(values.list, list);
	while (*format != '\0') {
		size_t size = strcspn(format, "%");

		buf_append(text, format, size);
		format += size;
		if (*format == '%') {
			format++;
			put_conversion(text, shown, &format, &values);
		}
	}
	va_end(values.list);
}
