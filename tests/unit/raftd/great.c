/*
 * great.c - any message of the table, with fields as large as a frame can hold.
 */
#include "tests/unit/raftd/great.h"

#define COUNT_u8 0
#define COUNT_u16 0
#define COUNT_u32 0
#define COUNT_u64 0
#define COUNT_bytes 1
#define COUNT_token 0
#define COUNT_secret 1

/* How many fields of bytes each message has. */
enum {
#define RECORD(tag, ...)
#define FIELD(kind, name) + COUNT_##kind
#define MESSAGE(tag, number, senders, receiver, ...) FIELDS_##tag = 0 __VA_ARGS__,
#include "common/ipc/message_table.h"
};

#define FILL_u8(name) m.name = (uint8_t)number;
#define FILL_u16(name) m.name = (uint16_t)number;
#define FILL_u32(name) m.name = (uint32_t)number;
#define FILL_u64(name) m.name = number;
#define FILL_bytes(name) m.name = slice_of(bytes.data, bytes.size / fields);
#define FILL_token(name) FILL_u64(name)
#define FILL_secret(name) FILL_bytes(name)

bool
great_frame(struct buf *out, uint16_t type, unsigned sender, uint64_t id, uint64_t number,
    struct slice bytes)
{
	switch (type) {
#define RECORD(tag, ...)
#define FIELD(kind, name) FILL_##kind(name)
#define MESSAGE(tag, number_of_type, senders, receiver, ...) \
	case number_of_type: { \
		struct msg_##tag m; \
		size_t fields = FIELDS_##tag; \
\
		if (((senders) & sender) == 0 || fields == 0) \
			return false; \
		__VA_ARGS__ \
		msg_##tag##_frame(out, id, &m); \
		return true; \
	}
#include "common/ipc/message_table.h"
	default:
		return false;
	}
}
