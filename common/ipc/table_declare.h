/*
 * table_declare.h - structs and prototypes made from a table of records.
 *
 * Define CODEC_TABLE as the table's file name, then include this. For each row
 *	RECORD(tag, FIELD(kind, name) ...)
 * it makes struct tag and:
 *	void tag_put(struct buf *, const struct tag *)	append the fields
 *	bool tag_get(struct reader *, struct tag *)	take the next record;
 *		false: malformed, *record is then undefined
 *	void tag_print(FILE *, const struct tag *, size_t shown)	see codec.h
 * Slices of a record that was got are borrowed from the reader's memory. A
 * list is a bytes field that holds records of one kind one after the other.
 *
 * A row MESSAGE(tag, number, senders, receiver, FIELD(kind, name) ...) is a record msg_tag.
 *
 * No guard: included once for each table.
 */
#include "common/ipc/codec.h"

#define FIELD(kind, name) CODEC_TYPE_##kind name;
#define RECORD(tag, ...) \
	struct tag { \
		__VA_ARGS__ \
	}; \
	void tag##_put(struct buf *out, const struct tag *record); \
	bool tag##_get(struct reader *in, struct tag *record) MUST_CHECK; \
	void tag##_print(FILE *out, const struct tag *record, size_t shown);
#define MESSAGE(tag, number, senders, receiver, ...) RECORD(msg_##tag, __VA_ARGS__)
#include CODEC_TABLE
#undef MESSAGE
#undef RECORD
#undef FIELD
