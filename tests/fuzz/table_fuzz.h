/*
 * table_fuzz.h - for each record of a table a function that tries to decode
 * bytes as a list of it.
 *
 * What is decoded must encode to the very bytes it came from: there is one way
 * to write each record. Define CODEC_TABLE and TRY_ALL, the name of a function
 * to make that tries every row, then include this.
 *
 * No guard: included once for each table.
 */
#define FIELD(kind, name)
#define RECORD(tag, ...) \
	static void try_##tag(struct slice bytes) \
	{ \
		struct reader in = reader_of(bytes); \
		struct buf again = BUF_INIT; \
		const uint8_t *start = in.at; \
		struct tag record; \
\
		while (!reader_done(&in) && tag##_get(&in, &record)) { \
			buf_clear(&again); \
			tag##_put(&again, &record); \
			ASSERT(slice_equal(buf_slice(&again), \
			    slice_of(start, (size_t)(in.at - start)))); \
			start = in.at; \
		} \
		buf_free(&again); \
	}
#define MESSAGE(tag, number, senders, receiver, ...) RECORD(msg_##tag, __VA_ARGS__)
#include CODEC_TABLE
#undef MESSAGE
#undef RECORD
#undef FIELD

static void
TRY_ALL(struct slice bytes)
{
#define FIELD(kind, name)
#define RECORD(tag, ...) try_##tag(bytes);
#define MESSAGE(tag, number, senders, receiver, ...) RECORD(msg_##tag, __VA_ARGS__)
#include CODEC_TABLE
#undef MESSAGE
#undef RECORD
#undef FIELD
}
