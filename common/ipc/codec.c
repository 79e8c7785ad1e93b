/*
 * codec.c - fields to bytes and back.
 *
 * Byte order is written out instead of cast, so the same bytes come out on
 * every machine; compilers make one instruction of it.
 */
#include "common/ipc/codec.h"

#include "common/printable.h"

#include <inttypes.h>

/* The next size bytes, or NULL and the reader stays failed: at its end. */
static const uint8_t *
take(struct reader *in, size_t size)
{
	const uint8_t *at = in->at;

	if (reader_left(in) < size)
		return NULL;
	in->at += size;
	return at;
}

static bool
get_number(struct reader *in, size_t size, uint64_t *value)
{
	const uint8_t *at = take(in, size);
	uint64_t number = 0;

	if (at == NULL)
		return false;
	for (size_t i = 0; i < size; i++)
		number |= (uint64_t)at[i] << 8 * i;
	*value = number;
	return true;
}

bool
codec_get_u8(struct reader *in, uint8_t *value)
{
	uint64_t number;

	if (!get_number(in, 1, &number))
		return false;
	*value = (uint8_t)number;
	return true;
}

bool
codec_get_u16(struct reader *in, uint16_t *value)
{
	uint64_t number;

	if (!get_number(in, 2, &number))
		return false;
	*value = (uint16_t)number;
	return true;
}

bool
codec_get_u32(struct reader *in, uint32_t *value)
{
	uint64_t number;

	if (!get_number(in, 4, &number))
		return false;
	*value = (uint32_t)number;
	return true;
}

bool
codec_get_u64(struct reader *in, uint64_t *value)
{
	return get_number(in, 8, value);
}

bool
codec_get_bytes(struct reader *in, struct slice *value)
{
	uint32_t size;
	const uint8_t *at;

	if (!codec_get_u32(in, &size))
		return false;
	at = take(in, size);
	if (at == NULL)
		return false;
	*value = slice_of(at, size);
	return true;
}

static void
put_number(struct buf *out, size_t size, uint64_t value)
{
	uint8_t bytes[8];

	for (size_t i = 0; i < size; i++)
		bytes[i] = (uint8_t)(value >> 8 * i);
	buf_append(out, bytes, size);
}

void
codec_put_u8(struct buf *out, uint8_t value)
{
	put_number(out, 1, value);
}

void
codec_put_u16(struct buf *out, uint16_t value)
{
	put_number(out, 2, value);
}

void
codec_put_u32(struct buf *out, uint32_t value)
{
	put_number(out, 4, value);
}

void
codec_put_u64(struct buf *out, uint64_t value)
{
	put_number(out, 8, value);
}

void
codec_put_bytes(struct buf *out, struct slice value)
{
	ASSERT(value.size <= UINT32_MAX);
	codec_put_u32(out, (uint32_t)value.size);
	buf_append_slice(out, value);
}

void
codec_set_length(struct buf *out, size_t at, size_t size)
{
	if (out->overflowed)
		return;
	ASSERT(at >= CODEC_LENGTH_BYTES && at <= out->size);
	ASSERT(size <= UINT32_MAX);
	for (size_t i = 0; i < CODEC_LENGTH_BYTES; i++)
		out->data[at - CODEC_LENGTH_BYTES + i] = (uint8_t)(size >> (8 * i));
}

void
codec_print_number(FILE *out, const char *name, uint64_t value, size_t shown UNUSED)
{
	fprintf(out, " %s=%" PRIu64, name, value);
}

/* A quote or a backslash of the text is not taken for one of ours. */
static void
print_quoted(FILE *out, struct slice text)
{
	fputc('"', out);
	while (text.size > 0) {
		size_t size = printable_size(text);

		if (size == 0)
			fprintf(out, "\\x%02x", text.data[0]);
		else
			fprintf(out, "%s%.*s",
			    text.data[0] == '"' || text.data[0] == '\\' ? "\\" : "", (int)size,
			    (const char *)text.data);
		size = MAX_OF(size, (size_t)1);
		text = slice_of(text.data + size, text.size - size);
	}
	fputc('"', out);
}

void
codec_print_bytes(FILE *out, const char *name, struct slice value, size_t shown)
{
	fprintf(out, " %s=", name);
	if (shown > 0)
		print_quoted(out, slice_of(value.data, MIN_OF(value.size, shown)));
	if (shown == 0 || value.size > shown)
		fprintf(out, "(%zu bytes)", value.size);
}

void
codec_print_token(FILE *out, const char *name, uint64_t value UNUSED, size_t shown UNUSED)
{
	fprintf(out, " %s=(secret)", name);
}

void
codec_print_secret(FILE *out, const char *name, struct slice value, size_t shown UNUSED)
{
	codec_print_bytes(out, name, value, 0);
}
