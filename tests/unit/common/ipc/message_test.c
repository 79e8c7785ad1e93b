/*
 * message_test.c - tests of common/ipc/message.c: each row of the table becomes
 * a test of its own.
 */
#include "tests/lib/test.h"

#include "common/ipc/message.h"
#include "common/limits.h"
#include "common/rand.h"

#include <stdlib.h>
#include <string.h>

/* Random values of each kind; bytes point into a fixed text. */
static const char text[] = "The quick brown fox jumps over the lazy dog";

#define FILL_NUMBER(kind) \
	static void fill_##kind(struct rand *rand, CODEC_TYPE_##kind *value) \
	{ \
		*value = (CODEC_TYPE_##kind)rand_next(rand); \
	} \
	static void compare_##kind(CODEC_TYPE_##kind a, CODEC_TYPE_##kind b) \
	{ \
		assert_true(a == b); \
	}
FILL_NUMBER(u8)
FILL_NUMBER(u16)
FILL_NUMBER(u32)
FILL_NUMBER(u64)

static void
fill_bytes(struct rand *rand, struct slice *value)
{
	*value = slice_of(text, (size_t)rand_below(rand, sizeof(text)));
}

static void
compare_bytes(struct slice a, struct slice b)
{
	assert_true(slice_equal(a, b));
}

#define fill_token fill_u64
#define compare_token compare_u64
#define fill_secret fill_bytes
#define compare_secret compare_bytes

/* For each record its fill and compare functions. */
#define FIELD(kind, name) fill_##kind(rand, &record->name);
#define RECORD(tag, ...) \
	static void tag##_fill(struct rand *rand, struct tag *record) \
	{ \
		__VA_ARGS__ \
	}
#define MESSAGE(tag, number, senders, receiver, ...) RECORD(msg_##tag, __VA_ARGS__)
#include "common/ipc/message_table.h"

#define FIELD(kind, name) compare_##kind(a->name, b->name);
#define RECORD(tag, ...) \
	static void tag##_compare(const struct tag *a, const struct tag *b) \
	{ \
		__VA_ARGS__ \
	}
#define MESSAGE(tag, number, senders, receiver, ...) RECORD(msg_##tag, __VA_ARGS__)
#include "common/ipc/message_table.h"

/* A copy of exactly size bytes, so that a sanitizer sees a read beyond it. */
static struct slice
cut_copy(const struct buf *bytes, size_t size)
{
	uint8_t *copy = malloc(MAX_OF(size, (size_t)1));

	assert_non_null(copy);
	if (size > 0)
		memcpy(copy, bytes->data, size);
	return slice_of(copy, size);
}

static void
free_copy(struct slice copy)
{
	free((void *)(uintptr_t)copy.data);
}

#define FIELD(kind, name)
#define RECORD(tag, ...) \
	TEST(tag##_comes_back_as_it_was_and_every_cut_is_refused) \
	{ \
		struct buf bytes = BUF_INIT; \
		struct tag sent, got; \
		struct reader in; \
		struct rand rand; \
\
		rand_seed(&rand, sizeof(#tag)); \
		for (unsigned i = 0; i < 8; i++) { \
			tag##_fill(&rand, &sent); \
			buf_clear(&bytes); \
			tag##_put(&bytes, &sent); \
			in = reader_of(buf_slice(&bytes)); \
			assert_true(tag##_get(&in, &got)); \
			assert_true(reader_done(&in)); \
			tag##_compare(&sent, &got); \
			for (size_t cut = 0; cut < bytes.size; cut++) { \
				struct slice part = cut_copy(&bytes, cut); \
\
				in = reader_of(part); \
				assert_false(tag##_get(&in, &got)); \
				free_copy(part); \
			} \
		} \
		buf_free(&bytes); \
	}
#define MESSAGE(tag, number, senders, receiver, ...) RECORD(msg_##tag, __VA_ARGS__)
#include "common/ipc/message_table.h"

#define FIELD(kind, name)
#define RECORD(tag, ...)
#define MESSAGE(tag, number, senders, receiver, ...) \
	TEST(frame_of_##tag##_is_decoded_whole_and_only_whole) \
	{ \
		struct buf bytes = BUF_INIT; \
		struct msg_##tag sent, got; \
		struct frame frame; \
		struct rand rand; \
		size_t used; \
\
		rand_seed(&rand, number); \
		msg_##tag##_fill(&rand, &sent); \
		msg_##tag##_frame(&bytes, 99, &sent); \
		assert_int_equal(frame_parse(buf_slice(&bytes), &frame, &used), ERR_NONE); \
		assert_int_equal(used, bytes.size); \
		assert_int_equal(frame.type, number); \
		assert_int_equal(frame.type, MSG_##tag); \
		assert_int_equal(frame.flags, 0); \
		assert_int_equal(frame.request_id, 99); \
		assert_int_equal(msg_##tag##_decode(frame.payload, &got), ERR_NONE); \
		msg_##tag##_compare(&sent, &got); \
		buf_append_byte(&bytes, 0); \
		assert_int_equal(msg_##tag##_decode(slice_of(bytes.data + FRAME_HEADER_BYTES, \
		    bytes.size - FRAME_HEADER_BYTES), &got), ERR_MALFORMED); \
		assert_int_equal(message_senders(number), senders); \
		assert_string_equal(message_name(number), #tag); \
		assert_int_equal(message_is_peer(number), (senders) == FROM_NODE); \
		buf_free(&bytes); \
	}
#include "common/ipc/message_table.h"

TEST(a_type_without_a_row_has_no_sender_and_no_name)
{
	assert_int_equal(message_senders(0), 0);
	assert_int_equal(message_senders(UINT16_MAX), 0);
	assert_string_equal(message_name(0), "unknown");
	assert_false(message_is_peer(0xff));
	assert_false(message_is_peer(0x200));
	assert_false(message_is_bulk(MSG_raft_append));
	assert_true(message_is_bulk(MSG_snapshot_chunk));
}

static void
assert_printed(const struct frame *frame, size_t shown, const char *expected)
{
	char printed[256] = "";
	FILE *out = fmemopen(printed, sizeof(printed), "w");

	assert_non_null(out);
	message_print(out, frame, shown);
	fclose(out);
	assert_string_equal(printed, expected);
}

TEST(a_message_is_printed_with_its_fields_and_as_many_bytes_as_asked_for)
{
	struct buf bytes = BUF_INIT;
	struct msg_read read = { .flags = 3, .key = SLICE_LITERAL("/secret") };
	struct frame frame;
	size_t used;

	msg_read_frame(&bytes, 1, &read);
	assert_int_equal(frame_parse(buf_slice(&bytes), &frame, &used), ERR_NONE);
	assert_printed(&frame, 0, "msg_read flags=3 key=(7 bytes)");
	assert_printed(&frame, 6, "msg_read flags=3 key=\"/secre\"(7 bytes)");
	assert_printed(&frame, 7, "msg_read flags=3 key=\"/secret\"");
	frame.payload.size--;
	assert_printed(&frame, 7, "malformed read type=33 size=11");
	frame.type = 0xfff;
	assert_printed(&frame, 7, "malformed unknown type=4095 size=11");
	buf_free(&bytes);
}

/* Nothing of what opens a channel, a port or a session of TLS is for a log. */
TEST(no_message_shows_a_token_or_a_secret)
{
	struct slice secret = SLICE_LITERAL("s3cret");
	struct buf bytes = BUF_INIT;
	struct frame frame;
	size_t used;

	msg_tls_frame(&bytes, 0, &(struct msg_tls){ .key = secret });
	msg_tls_tickets_frame(&bytes, 0, &(struct msg_tls_tickets){ .keys = secret });
	msg_settings_frame(&bytes, 0, &(struct msg_settings){ .settings = secret });
	msg_handed_frame(&bytes, 0, &(struct msg_handed){ .in = secret, .out = secret,
	    .target = secret });
	msg_hello_frame(&bytes, 0, &(struct msg_hello){ .token = 424242 });
	msg_attach_frame(&bytes, 0, &(struct msg_attach){ .token = 424242 });
	msg_handover_frame(&bytes, 0, &(struct msg_handover){ .token = 424242 });
	msg_channel_lost_frame(&bytes, 0, &(struct msg_channel_lost){ .token = 424242 });
	for (size_t at = 0; at < bytes.size; at += used) {
		char printed[512] = "";
		FILE *out = fmemopen(printed, sizeof(printed), "w");

		assert_int_equal(frame_parse(slice_of(bytes.data + at, bytes.size - at), &frame,
		    &used), ERR_NONE);
		assert_non_null(out);
		message_print(out, &frame, 128);
		fclose(out);
		assert_null(strstr(printed, "s3cret"));
		assert_null(strstr(printed, "424242"));
		assert_non_null(strstr(printed, message_name(frame.type)));
	}
	buf_free(&bytes);
}
