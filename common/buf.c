/*
 * buf.c - bytes that grow.
 *
 * Once an append was refused all later ones are, so what is in the buffer is
 * always a prefix of what should be there.
 */
#include "common/buf.h"
#include "common/xmem.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define CAPACITY_MIN ((size_t)64)

void
buf_init(struct buf *buf, size_t limit)
{
	*buf = (struct buf)BUF_INIT;
	buf->limit = limit;
}

void
buf_free(struct buf *buf)
{
	size_t limit = buf->limit;

	xpiece_free(buf->data);
	buf_init(buf, limit);
}

void
buf_clear(struct buf *buf)
{
	buf->size = 0;
	buf->overflowed = false;
}

void
buf_recycle(struct buf *buf, size_t keep)
{
	if (buf->capacity > keep)
		buf_free(buf);
	else
		buf_clear(buf);
}

uint8_t *
buf_reserve(struct buf *buf, size_t size)
{
	size_t needed;

	if (buf->overflowed || __builtin_add_overflow(buf->size, size, &needed) ||
	    (buf->limit != 0 && needed > buf->limit)) {
		buf->overflowed = true;
		return NULL;
	}
	if (needed > buf->capacity || buf->data == NULL) {
		size_t capacity = MAX_OF(buf->capacity, CAPACITY_MIN);

		/* Twice as much, so that many small pieces are not copied often, and a
		 * quarter more of what is large; for a large one what it needs, and some
		 * room for what stands behind it. */
		if (capacity < XMEM_LARGE_BYTES && needed <= 2 * capacity)
			capacity *= 2;
		else if (capacity <= SIZE_MAX / 2 && needed <= capacity + capacity / 4)
			capacity += capacity / 4;
		else if (__builtin_add_overflow(needed, needed / 8, &capacity))
			capacity = needed;
		/* Of large pages none is used in part. */
		if (capacity >= XMEM_LARGE_BYTES && capacity <= SIZE_MAX - XMEM_LARGE_BYTES)
			capacity += -capacity % XMEM_LARGE_BYTES;
		/* Never below needed, which was found to be within the limit. */
		if (buf->limit != 0)
			capacity = MIN_OF(capacity, buf->limit);
		buf->data = xpiece_resize(buf->data, buf->size, capacity);
		buf->capacity = capacity;
	}
	return buf->data + buf->size;
}

void
buf_added(struct buf *buf, size_t size)
{
	ASSERT(size <= buf->capacity - buf->size);
	buf->size += size;
}

void
buf_append(struct buf *buf, const void *data, size_t size)
{
	uint8_t *room;

	if (size == 0)
		return;
	room = buf_reserve(buf, size);
	if (room == NULL)
		return;
	memcpy(room, data, size);
	buf->size += size;
}

void
buf_append_slice(struct buf *buf, struct slice bytes)
{
	buf_append(buf, bytes.data, bytes.size);
}

void
buf_append_text(struct buf *buf, const char *text)
{
	buf_append(buf, text, strlen(text));
}

void
buf_append_byte(struct buf *buf, uint8_t byte)
{
	buf_append(buf, &byte, 1);
}

static void
append_number(struct buf *buf, uint64_t number, unsigned base)
{
	char digits[20];
	size_t at = sizeof(digits);

	do {
		digits[--at] = "0123456789abcdef"[number % base];
		number /= base;
	} while (number != 0);
	buf_append(buf, digits + at, sizeof(digits) - at);
}

void
buf_append_u64(struct buf *buf, uint64_t number)
{
	append_number(buf, number, 10);
}

void
buf_append_hex(struct buf *buf, uint64_t number)
{
	append_number(buf, number, 16);
}

void
buf_printf(struct buf *buf, const char *format, ...)
{
	va_list arguments;
	uint8_t *room;
	size_t size;
	int length;

	va_start(arguments, format);
	length = vsnprintf(NULL, 0, format, arguments);
	va_end(arguments);
	ASSERT(length >= 0);
	size = (size_t)length;
	/* The NUL that vsnprintf insists on must not count against the limit. */
	if (buf->limit != 0 && size <= buf->limit && buf->size + size == buf->limit) {
		char *text;

		va_start(arguments, format);
		text = xmalloc(size + 1);
		vsnprintf(text, size + 1, format, arguments);
		va_end(arguments);
		buf_append(buf, text, size);
		free(text);
		return;
	}
	room = buf_reserve(buf, size + 1);
	if (room == NULL)
		return;
	va_start(arguments, format);
	vsnprintf((char *)room, size + 1, format, arguments);
	va_end(arguments);
	buf->size += size;
}

void
buf_consume(struct buf *buf, size_t size)
{
	ASSERT(size <= buf->size);
	if (size == 0)
		return;
	buf->size -= size;
	memmove(buf->data, buf->data + size, buf->size);
}
