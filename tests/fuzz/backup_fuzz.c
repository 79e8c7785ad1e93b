/*
 * backup_fuzz.c - any bytes as a backup file; and, with right checksums around
 * them, as what stands in its blocks.
 */
#include "tests/fuzz/fuzz.h"

#include "common/backup.h"
#include "common/crc32c.h"

#define CODEC_TABLE "common/backup_table.h"
#define TRY_ALL try_blocks
#include "tests/fuzz/table_fuzz.h"

static struct backup_reader *
reader_new(void)
{
	return backup_reader_new((struct backup_owner){ .argument = NULL });
}

static void
try_file(struct slice bytes, size_t piece)
{
	struct backup_reader *reader = reader_new();
	enum err err = ERR_NONE;

	while (err == ERR_NONE && bytes.size > 0) {
		size_t size = MIN_OF(piece, bytes.size);

		err = backup_reader_feed(reader, slice_of(bytes.data, size));
		bytes = slice_of(bytes.data + size, bytes.size - size);
	}
	if (err == ERR_NONE)
		err = backup_reader_finish(reader);
	ASSERT((err == ERR_NONE) == (backup_reader_problem(reader)[0] == '\0'));
	backup_reader_free(&reader);
}

/* Whatever the records are: the checksums around them are right. */
static void
try_records(struct slice bytes)
{
	struct backup_head head = { .raft_index = 1, .name = SLICE_LITERAL("n") };
	struct backup_writer *writer = backup_writer_new();
	struct backup_reader *reader = reader_new();
	struct buf file = BUF_INIT;
	enum err err;

	backup_put_head(writer, &head, &file);
	backup_put_records(writer, bytes, crc32c(0, bytes), &file);
	backup_put_end(writer, bytes.size, &file);
	err = backup_reader_feed(reader, buf_slice(&file));
	ASSERT(err == ERR_NONE || err == ERR_CORRUPT);
	if (err == ERR_NONE)
		MUST(backup_reader_finish(reader) == ERR_NONE);
	backup_reader_free(&reader);
	backup_writer_free(&writer);
	buf_free(&file);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice bytes = slice_of(data, size);

	try_blocks(bytes);
	try_file(bytes, size == 0 ? 1 : 1 + (size_t)data[size - 1] % 64);
	try_records(bytes);
	return 0;
}
