/*
 * codec.h - fields to bytes and back: what the tables' encoders are made of.
 *
 * Little-endian fixed-width integers; bytes are a u32 length and the bytes.
 * A reader never passes its end: a get that would returns false and the reader
 * stays failed. Decoded bytes are borrowed from the reader's memory.
 */
#ifndef MOOTHALL_COMMON_IPC_CODEC_H
#define MOOTHALL_COMMON_IPC_CODEC_H

#include "common/buf.h"

#include <stdio.h>

struct reader {
	const uint8_t *at;
	const uint8_t *end;
};

/* The C type of a field kind. */
#define CODEC_TYPE_u8 uint8_t
#define CODEC_TYPE_u16 uint16_t
#define CODEC_TYPE_u32 uint32_t
#define CODEC_TYPE_u64 uint64_t
#define CODEC_TYPE_bytes struct slice
/* The same as u64 and bytes, but never shown: tokens, keys of certificates. */
#define CODEC_TYPE_token uint64_t
#define CODEC_TYPE_secret struct slice

static inline struct reader
reader_of(struct slice bytes)
{
	/* An empty slice may be NULL, to which nothing may be added, not even 0. */
	return (struct reader){ bytes.data,
	    bytes.size == 0 ? bytes.data : bytes.data + bytes.size };
}

static inline size_t
reader_left(const struct reader *in)
{
	return (size_t)(in->end - in->at);
}

static inline bool
reader_done(const struct reader *in)
{
	return in->at == in->end;
}

bool codec_get_u8(struct reader *in, uint8_t *value) MUST_CHECK;
bool codec_get_u16(struct reader *in, uint16_t *value) MUST_CHECK;
bool codec_get_u32(struct reader *in, uint32_t *value) MUST_CHECK;
bool codec_get_u64(struct reader *in, uint64_t *value) MUST_CHECK;
bool codec_get_bytes(struct reader *in, struct slice *value) MUST_CHECK;

void codec_put_u8(struct buf *out, uint8_t value);
void codec_put_u16(struct buf *out, uint16_t value);
void codec_put_u32(struct buf *out, uint32_t value);
void codec_put_u64(struct buf *out, uint64_t value);
void codec_put_bytes(struct buf *out, struct slice value);

/* The length of bytes, as they stand in front of them. */
#define CODEC_LENGTH_BYTES 4
/* A bytes field that was put empty has that size: what it holds stands, or will, from
 * place at on. */
void codec_set_length(struct buf *out, size_t at, size_t size);

#define codec_get_token codec_get_u64
#define codec_get_secret codec_get_bytes
#define codec_put_token codec_put_u64
#define codec_put_secret codec_put_bytes

/*
 * For people, " name=...": numbers in decimal; of bytes the first ones, in quotes and
 * printable (printable.h, and \" \\), and how many there are if that is not all.
 *
 *	shown	so many bytes of each field; 0: none, only how many
 */
void codec_print_number(FILE *out, const char *name, uint64_t value, size_t shown);
void codec_print_bytes(FILE *out, const char *name, struct slice value, size_t shown);
void codec_print_token(FILE *out, const char *name, uint64_t value, size_t shown);
void codec_print_secret(FILE *out, const char *name, struct slice value, size_t shown);
#define codec_print_u8 codec_print_number
#define codec_print_u16 codec_print_number
#define codec_print_u32 codec_print_number
#define codec_print_u64 codec_print_number

#endif
