/*
 * grpc.c - how gRPC carries messages (see grpc.h).
 */
#include "httpd/v3/grpc.h"

#include "common/limits.h"
#include "httpd/v3/protobuf.h"

#include <inttypes.h>

void
grpc_reader_init(struct grpc_reader *reader, size_t message_max)
{
	*reader = (struct grpc_reader){ .message_max = message_max };
	buf_init(&reader->held, message_max);
}

void
grpc_reader_free(struct grpc_reader *reader)
{
	buf_free(&reader->held);
}

bool
grpc_reader_is_between(const struct grpc_reader *reader)
{
	return reader->prefix_size == 0;
}

/* ---- frames ------------------------------------------------------------ */

static size_t
message_size(const struct grpc_reader *reader)
{
	const uint8_t *prefix = reader->prefix;

	return (size_t)prefix[1] << 24 | (size_t)prefix[2] << 16 | (size_t)prefix[3] << 8 |
	    prefix[4];
}

static void
drop(struct slice *piece, size_t size)
{
	/* An empty piece may be NULL, to which nothing may be added, not even 0. */
	if (size == 0)
		return;
	*piece = slice_of(piece->data + size, piece->size - size);
}

/* The texts are those of the original's library. */
static enum err
check_prefix(const struct grpc_reader *reader, struct slice encoding, struct arena *arena,
    struct v3_status *refusal)
{
	if (reader->prefix[0] > 1) {
		*refusal = (struct v3_status){ V3_INTERNAL, arena_printf(arena,
		    "grpc: received unexpected payload format %u", (unsigned)reader->prefix[0]) };
		return ERR_MALFORMED;
	}
	if (message_size(reader) > reader->message_max) {
		*refusal = (struct v3_status){ V3_RESOURCE_EXHAUSTED, arena_printf(arena,
		    "grpc: received message larger than max (%zu vs. %zu)",
		    message_size(reader), reader->message_max) };
		return ERR_TOO_BIG;
	}
	if (reader->prefix[0] == 0)
		return ERR_NONE;
	if (encoding.size == 0 || slice_equal(encoding, SLICE_LITERAL("identity"))) {
		*refusal = (struct v3_status){ V3_INTERNAL,
			"grpc: compressed flag set with identity or empty encoding" };
		return ERR_MALFORMED;
	}
	encoding.size = MIN_OF(encoding.size, (size_t)64);
	*refusal = (struct v3_status){ V3_UNIMPLEMENTED, arena_printf(arena,
	    "grpc: Decompressor is not installed for grpc-encoding \"%.*s\"",
	    SLICE_ARGS(encoding)) };
	return ERR_UNSUPPORTED;
}

enum err
grpc_reader_take(struct grpc_reader *reader, struct slice encoding, struct slice *piece,
    struct arena *arena, struct slice *message, struct v3_status *refusal)
{
	size_t size, missing;
	enum err err;

	if (reader->held_is_given) {
		reader->held_is_given = false;
		buf_recycle(&reader->held, GRPC_KEPT_BYTES);
	}
	while (reader->prefix_size < GRPC_PREFIX_BYTES) {
		if (piece->size == 0)
			return ERR_AGAIN;
		reader->prefix[reader->prefix_size++] = piece->data[0];
		drop(piece, 1);
	}
	err = check_prefix(reader, encoding, arena, refusal);
	if (err != ERR_NONE)
		return err;
	size = message_size(reader);
	if (reader->held.size == 0 && piece->size >= size) {
		*message = slice_of(piece->data, size);
		drop(piece, size);
		reader->prefix_size = 0;
		return ERR_NONE;
	}
	missing = MIN_OF(size - reader->held.size, piece->size);
	buf_append_slice(&reader->held, slice_of(piece->data, missing));
	drop(piece, missing);
	if (reader->held.size < size)
		return ERR_AGAIN;
	*message = buf_slice(&reader->held);
	reader->held_is_given = true;
	reader->prefix_size = 0;
	return ERR_NONE;
}

void
grpc_put_prefix(struct buf *out, size_t size)
{
	uint8_t prefix[GRPC_PREFIX_BYTES] = { 0, (uint8_t)(size >> 24), (uint8_t)(size >> 16),
		(uint8_t)(size >> 8), (uint8_t)size };

	ASSERT(size <= UINT32_MAX);
	buf_append(out, prefix, sizeof(prefix));
}

void
grpc_put(struct buf *out, const struct v3_type *type, const void *message)
{
	grpc_put_prefix(out, v3_protobuf_size(type, message));
	v3_protobuf_put(out, type, message);
}

/* ---- headers ----------------------------------------------------------- */

bool
grpc_timeout_read(struct slice text, uint64_t *ns)
{
	static const struct {
		char letter;
		uint64_t ns;
	} units[] = { { 'H', UINT64_C(3600000000000) }, { 'M', UINT64_C(60000000000) },
		{ 'S', 1000000000 }, { 'm', 1000000 }, { 'u', 1000 }, { 'n', 1 } };
	uint64_t number = 0;

	if (text.size < 2 || text.size > 9)
		return false;
	for (size_t i = 0; i < text.size - 1; i++) {
		uint8_t digit = (uint8_t)(text.data[i] - '0');

		if (digit > 9)
			return false;
		number = number * 10 + digit;
	}
	for (size_t i = 0; i < ARRAY_COUNT(units); i++) {
		if (units[i].letter == (char)text.data[text.size - 1]) {
			if (__builtin_mul_overflow(number, units[i].ns, ns))
				*ns = UINT64_MAX;
			return true;
		}
	}
	return false;
}

void
grpc_put_text(struct buf *out, struct slice text)
{
	static const char digits[] = "0123456789ABCDEF";

	for (size_t i = 0; i < text.size; i++) {
		uint8_t byte = text.data[i];

		if (byte >= 0x20 && byte <= 0x7e && byte != '%') {
			buf_append_byte(out, byte);
			continue;
		}
		buf_append_byte(out, '%');
		buf_append_byte(out, (uint8_t)digits[byte >> 4]);
		buf_append_byte(out, (uint8_t)digits[byte & 15]);
	}
}
