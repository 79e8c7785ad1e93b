/*
 * buf.h - bytes that grow, owned: for building frames, bodies, effects.
 *
 * A buffer has a limit. An append that would pass it changes nothing but the
 * overflowed flag, which stays until buf_clear: check it once, at the end.
 */
#ifndef MOOTHALL_COMMON_BUF_H
#define MOOTHALL_COMMON_BUF_H

#include "common/slice.h"

struct buf {
	uint8_t *data;
	size_t size;		/* <= capacity, <= limit */
	size_t capacity;
	size_t limit;		/* 0: none, for bytes of our own making */
	bool overflowed;
};

#define BUF_INIT { NULL, 0, 0, 0, false }

void buf_init(struct buf *buf, size_t limit);
/* Free the bytes; the buffer may be used again. Accepts a zeroed struct. */
void buf_free(struct buf *buf);
/* Empty it and clear overflowed; memory is kept. */
void buf_clear(struct buf *buf);
/* As buf_clear, but give memory back when capacity is above keep bytes. */
void buf_recycle(struct buf *buf, size_t keep);
/* Room for size more bytes: where to write them, or NULL at the limit. Then buf_added. */
uint8_t *buf_reserve(struct buf *buf, size_t size);
void buf_added(struct buf *buf, size_t size);
void buf_append(struct buf *buf, const void *data, size_t size);
void buf_append_slice(struct buf *buf, struct slice bytes);
void buf_append_text(struct buf *buf, const char *text);
void buf_append_byte(struct buf *buf, uint8_t byte);
void buf_append_u64(struct buf *buf, uint64_t number);	/* decimal text */
void buf_append_hex(struct buf *buf, uint64_t number);	/* hexadecimal text, lower case */
void buf_printf(struct buf *buf, const char *format, ...) PRINTF_LIKE(2, 3);
/* Drop the first size bytes (size <= buf->size). */
void buf_consume(struct buf *buf, size_t size);
/* Borrowed until the next change of the buffer. */
static inline struct slice
buf_slice(const struct buf *buf)
{
	return slice_of(buf->data, buf->size);
}

#endif
