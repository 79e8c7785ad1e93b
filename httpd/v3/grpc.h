/*
 * grpc.h - how gRPC carries messages: their frames, its deadline, its texts.
 *
 * Pure: bytes of a call's body in, messages out; HTTP/2 is not known here. A frame is
 *
 *	offset 0	1 byte: 1 if the message is compressed, which none of ours is; else 0
 *	offset 1	4 bytes: its size, big endian
 *	offset 5	the message
 *
 * Source: "gRPC over HTTP2", of the gRPC project.
 */
#ifndef MOOTHALL_HTTPD_V3_GRPC_H
#define MOOTHALL_HTTPD_V3_GRPC_H

#include "common/arena.h"
#include "common/buf.h"
#include "common/err.h"
#include "httpd/v3/message.h"
#include "httpd/v3/status.h"

#define GRPC_PREFIX_BYTES ((size_t)5)

/* Of one call: what has come of a frame that is not whole. */
struct grpc_reader {
	size_t message_max;
	size_t prefix_size;		/* bytes of the prefix that have come */
	uint8_t prefix[GRPC_PREFIX_BYTES];
	struct buf held;		/* and of the message; empty while it came in one piece */
	bool held_is_given;		/* the message in it was handed out */
};

void grpc_reader_init(struct grpc_reader *reader, size_t message_max);
void grpc_reader_free(struct grpc_reader *reader);

/*
 * Take the next message of *piece, which becomes what is behind it.
 *
 *	encoding	what the call's grpc-encoding says, or empty
 *	message		borrowed: from the piece, or from the reader until it is called again
 *	refusal		its text is of the arena, or static
 *
 * ERR_NONE; ERR_AGAIN: the piece is used up, and more of a message has to come;
 * ERR_TOO_BIG, ERR_UNSUPPORTED, ERR_MALFORMED: refused, which is known of the prefix alone.
 */
enum err grpc_reader_take(struct grpc_reader *reader, struct slice encoding, struct slice *piece,
    struct arena *arena, struct slice *message, struct v3_status *refusal) MUST_CHECK;
/* Has the body ended well, if it ends now: not inside of a frame? */
bool grpc_reader_is_between(const struct grpc_reader *reader);

/* The prefix of a message of that size, at most UINT32_MAX, which whoever sends it in pieces
 * knows beforehand. */
void grpc_put_prefix(struct buf *out, size_t size);
/* A message with its prefix. */
void grpc_put(struct buf *out, const struct v3_type *type, const void *message);

/* grpc-timeout, and the gateway's Grpc-Timeout: 1 to 8 digits and one of H M S m u n, in
 * nanoseconds, at most UINT64_MAX. False: it is none. */
bool grpc_timeout_read(struct slice text, uint64_t *ns) MUST_CHECK;

/* grpc-message: what is not printable ASCII, and %, as %XX. */
void grpc_put_text(struct buf *out, struct slice text);

#endif
