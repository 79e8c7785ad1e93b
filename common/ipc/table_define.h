/*
 * table_define.h - the functions that table_declare.h declares.
 *
 * Define CODEC_TABLE, then include this in exactly one .c file.
 *
 * No guard: included once for each table.
 */
#define FIELD(kind, name) codec_put_##kind(out, record->name);
#define RECORD(tag, ...) \
	void tag##_put(struct buf *out, const struct tag *record) \
	{ \
		__VA_ARGS__ \
	}
#define MESSAGE(tag, number, senders, receiver, ...) RECORD(msg_##tag, __VA_ARGS__)
#include CODEC_TABLE
#undef MESSAGE
#undef RECORD
#undef FIELD

#define FIELD(kind, name) && codec_get_##kind(in, &record->name)
#define RECORD(tag, ...) \
	bool tag##_get(struct reader *in, struct tag *record) \
	{ \
		return true __VA_ARGS__; \
	}
#define MESSAGE(tag, number, senders, receiver, ...) RECORD(msg_##tag, __VA_ARGS__)
#include CODEC_TABLE
#undef MESSAGE
#undef RECORD
#undef FIELD

#define FIELD(kind, name) codec_print_##kind(out, #name, record->name, shown);
#define RECORD(tag, ...) \
	void tag##_print(FILE *out, const struct tag *record, size_t shown UNUSED) \
	{ \
		fputs(#tag, out); \
		__VA_ARGS__ \
	}
#define MESSAGE(tag, number, senders, receiver, ...) RECORD(msg_##tag, __VA_ARGS__)
#include CODEC_TABLE
#undef MESSAGE
#undef RECORD
#undef FIELD
