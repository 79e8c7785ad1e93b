/*
 * grpc_fuzz.c - any bytes as the body of a gRPC call, and as its headers.
 *
 * The first byte is how large the pieces are in which they come: all messages are those of
 * the same bytes in one piece, and the end is the same.
 */
#include "tests/fuzz/fuzz.h"

#include "common/limits.h"
#include "httpd/v3/grpc.h"

#define MESSAGE_MAX ((size_t)1000)

/* All messages, one behind the other, into out. */
static enum err
read_in_pieces(struct slice body, size_t piece_size, struct buf *out)
{
	struct v3_status refusal = { V3_OK, NULL };
	struct grpc_reader reader;
	enum err err = ERR_AGAIN;
	struct slice message;
	struct arena arena;

	arena_init(&arena);
	grpc_reader_init(&reader, MESSAGE_MAX);
	while (body.size > 0 && err == ERR_AGAIN) {
		struct slice piece = slice_of(body.data, MIN_OF(piece_size, body.size));

		body = slice_of(body.data + piece.size, body.size - piece.size);
		while ((err = grpc_reader_take(&reader, SLICE_LITERAL("gzip"), &piece, &arena,
			    &message, &refusal)) == ERR_NONE) {
			ASSERT(message.size <= MESSAGE_MAX);
			grpc_put_prefix(out, message.size);
			buf_append_slice(out, message);
		}
	}
	if (err != ERR_AGAIN)
		ASSERT(refusal.code != V3_OK);
	else if (!grpc_reader_is_between(&reader))
		err = ERR_CLOSED;
	grpc_reader_free(&reader);
	arena_free(&arena);
	return err;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf whole = BUF_INIT, pieces = BUF_INIT, text = BUF_INIT;
	enum err whole_end, pieces_end;
	struct slice body;
	uint64_t ns;

	if (size == 0)
		return 0;
	body = slice_of(data + 1, size - 1);
	whole_end = read_in_pieces(body, SIZE_MAX, &whole);
	pieces_end = read_in_pieces(body, (size_t)data[0] + 1, &pieces);
	ASSERT(whole_end == pieces_end);
	ASSERT(slice_equal(buf_slice(&whole), buf_slice(&pieces)));
	/* They were not compressed, so what was taken stands in the body as it is. */
	ASSERT(slice_starts_with(body, buf_slice(&whole)));
	(void)!grpc_timeout_read(body, &ns);
	grpc_put_text(&text, body);
	for (size_t i = 0; i < text.size; i++)
		ASSERT(text.data[i] >= 0x20 && text.data[i] <= 0x7e);
	buf_free(&whole);
	buf_free(&pieces);
	buf_free(&text);
	return 0;
}
