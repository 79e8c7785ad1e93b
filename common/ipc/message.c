/*
 * message.c - structs, encoders, decoders and printers of every message, all
 * made from message_table.h.
 */
#include "common/ipc/message.h"

/* Node to node; see the table's last part. */
#define PEER_TYPE_FIRST 0x100
#define PEER_TYPE_LAST 0x1ff

#define CODEC_TABLE "common/ipc/message_table.h"
#include "common/ipc/table_define.h"
#undef CODEC_TABLE

#define FIELD(kind, name)
#define RECORD(tag, ...)
#define MESSAGE(tag, number, senders, receiver, ...) \
	void msg_##tag##_frame(struct buf *out, uint64_t request_id, \
	    const struct msg_##tag *message) \
	{ \
		size_t begun = frame_begin(out, number, 0, request_id); \
\
		msg_##tag##_put(out, message); \
		frame_end(out, begun); \
	} \
\
	enum err msg_##tag##_decode(struct slice payload, struct msg_##tag *message) \
	{ \
		struct reader in = reader_of(payload); \
\
		return msg_##tag##_get(&in, message) && reader_done(&in) ? ERR_NONE : \
									   ERR_MALFORMED; \
	} \
\
	static bool print_##tag(FILE *out, struct slice payload, size_t shown) \
	{ \
		struct msg_##tag message; \
\
		if (msg_##tag##_decode(payload, &message) != ERR_NONE) \
			return false; \
		msg_##tag##_print(out, &message, shown); \
		return true; \
	}
#include "common/ipc/message_table.h"

unsigned
message_senders(uint16_t type)
{
	switch (type) {
#define FIELD(kind, name)
#define RECORD(tag, ...)
#define MESSAGE(tag, number, senders, receiver, ...) case number: return senders;
#include "common/ipc/message_table.h"
	default:
		return 0;
	}
}

const char *
message_name(uint16_t type)
{
	switch (type) {
#define FIELD(kind, name)
#define RECORD(tag, ...)
#define MESSAGE(tag, number, senders, receiver, ...) case number: return #tag;
#include "common/ipc/message_table.h"
	default:
		return "unknown";
	}
}

bool
message_is_peer(uint16_t type)
{
	return type >= PEER_TYPE_FIRST && type <= PEER_TYPE_LAST;
}

bool
message_is_bulk(uint16_t type)
{
	return type == MSG_snapshot_chunk;
}

static bool
print_payload(FILE *out, const struct frame *frame, size_t shown)
{
	switch (frame->type) {
#define FIELD(kind, name)
#define RECORD(tag, ...)
#define MESSAGE(tag, number, senders, receiver, ...) \
	case number: return print_##tag(out, frame->payload, shown);
#include "common/ipc/message_table.h"
	default:
		return false;
	}
}

void
message_print(FILE *out, const struct frame *frame, size_t shown)
{
	if (!print_payload(out, frame, shown))
		fprintf(out, "malformed %s type=%u size=%zu", message_name(frame->type),
		    (unsigned)frame->type, frame->payload.size);
}
