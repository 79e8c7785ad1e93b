/*
 * backup_test.c - backup files: what is written is read, and nothing else is.
 */
#include "common/backup.h"

#include "common/crc32c.h"
#include "common/ipc/message.h"
#include "tests/lib/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What a reader was told. */
struct told {
	struct backup_head head;
	char name[32];
	struct buf records;
	unsigned blocks;
	struct backup_end end;
	bool headed, ended;
};

static enum err
on_head(void *argument, const struct backup_head *head)
{
	struct told *told = argument;

	told->head = *head;
	told->headed = true;
	snprintf(told->name, sizeof(told->name), "%.*s", SLICE_ARGS(head->name));
	return ERR_NONE;
}

static enum err
on_records(void *argument, struct slice records)
{
	struct told *told = argument;

	buf_append_slice(&told->records, records);
	told->blocks++;
	return ERR_NONE;
}

static enum err
on_end(void *argument, const struct backup_end *end)
{
	struct told *told = argument;

	told->end = *end;
	told->ended = true;
	return ERR_NONE;
}

static struct backup_owner
owner_of(struct told *told)
{
	return (struct backup_owner){ .head = on_head, .records = on_records, .end = on_end,
		.argument = told };
}

static void
put_record(struct buf *out, const char *key, const char *value)
{
	state_record_put(out, &(struct state_record){ slice_text(key), slice_text(value) });
}

/* Two blocks of records; *records is what is in them. */
static void
make(struct buf *file, struct buf *records)
{
	struct backup_writer *writer = backup_writer_new();
	struct buf block = BUF_INIT;

	backup_put_head(writer, &(struct backup_head){ .cluster_id = 7, .node_id = 8,
	    .name = slice_text("machine1"), .raft_index = 41, .raft_term = 3, .made_ns = 5,
	    .program = slice_text("1.2") }, file);
	for (int i = 0; i < 2; i++) {
		buf_clear(&block);
		put_record(&block, "na", "value");
		put_record(&block, "nb", i == 0 ? "x" : "y");
		buf_append_slice(records, buf_slice(&block));
		backup_put_records(writer, buf_slice(&block), crc32c(0, buf_slice(&block)), file);
	}
	backup_put_end(writer, 99, file);
	buf_free(&block);
	backup_writer_free(&writer);
}

static enum err
read_pieces(struct slice file, size_t piece, struct told *told, char problem[200])
{
	struct backup_reader *reader = backup_reader_new(owner_of(told));
	enum err err = ERR_NONE;

	while (err == ERR_NONE && file.size > 0) {
		size_t size = MIN_OF(piece, file.size);

		err = backup_reader_feed(reader, slice_of(file.data, size));
		file = slice_of(file.data + size, file.size - size);
	}
	if (err == ERR_NONE)
		err = backup_reader_finish(reader);
	snprintf(problem, 200, "%s", backup_reader_problem(reader));
	backup_reader_free(&reader);
	return err;
}

TEST(what_was_written_is_read_in_pieces_of_any_size)
{
	struct buf file = BUF_INIT, records = BUF_INIT;
	char problem[200];

	make(&file, &records);
	for (size_t piece = 1; piece <= file.size; piece++) {
		struct told told = { .blocks = 0 };

		assert_int_equal(read_pieces(buf_slice(&file), piece, &told, problem), ERR_NONE);
		assert_string_equal(problem, "");
		assert_string_equal(told.name, "machine1");
		assert_int_equal(told.head.raft_index, 41);
		assert_int_equal(told.head.raft_term, 3);
		assert_int_equal(told.head.cluster_id, 7);
		assert_int_equal(told.blocks, 2);
		assert_true(slice_equal(buf_slice(&told.records), buf_slice(&records)));
		assert_int_equal(told.end.store_index, 99);
		buf_free(&told.records);
	}
	buf_free(&file);
	buf_free(&records);
}

TEST(any_changed_byte_is_found_before_the_end_is_told)
{
	struct buf file = BUF_INIT, records = BUF_INIT;
	char problem[200];

	make(&file, &records);
	for (size_t at = 0; at < file.size; at++) {
		for (int bit = 0; bit < 8; bit++) {
			struct told told = { .blocks = 0 };

			file.data[at] ^= (uint8_t)(1U << bit);
			assert_int_not_equal(read_pieces(buf_slice(&file), 64, &told, problem),
			    ERR_NONE);
			assert_string_not_equal(problem, "");
			assert_false(told.ended);
			buf_free(&told.records);
			file.data[at] ^= (uint8_t)(1U << bit);
		}
	}
	buf_free(&file);
	buf_free(&records);
}

TEST(the_place_of_the_damage_is_told)
{
	struct buf file = BUF_INIT, records = BUF_INIT;
	struct told told = { .blocks = 0 };
	char problem[200], wanted[200];
	size_t second;

	make(&file, &records);
	/* From the end: the last block, then the second of records. */
	second = file.size - BACKUP_BLOCK_HEAD_BYTES - 8 - 8 - 4 - BACKUP_DIGEST_BYTES -
	    BACKUP_BLOCK_HEAD_BYTES - records.size / 2;
	file.data[second + BACKUP_BLOCK_HEAD_BYTES + 5] ^= 1;
	assert_int_equal(read_pieces(buf_slice(&file), 7, &told, problem), ERR_CORRUPT);
	snprintf(wanted, sizeof(wanted), "is damaged at byte %zu: the checksum of the block that "
	    "begins there is wrong", second);
	assert_string_equal(problem, wanted);
	assert_int_equal(told.blocks, 1);
	buf_free(&told.records);
	buf_free(&file);
	buf_free(&records);
}

TEST(every_cut_makes_it_incomplete)
{
	struct buf file = BUF_INIT, records = BUF_INIT;
	char problem[200];

	make(&file, &records);
	for (size_t size = 0; size < file.size; size++) {
		struct told told = { .blocks = 0 };

		assert_int_equal(read_pieces(slice_of(file.data, size), 16, &told, problem),
		    ERR_CLOSED);
		assert_non_null(strstr(problem, "is incomplete: it ends at byte"));
		assert_false(told.ended);
		buf_free(&told.records);
	}
	buf_free(&file);
	buf_free(&records);
}

TEST(nothing_may_follow_the_end)
{
	struct buf file = BUF_INIT, records = BUF_INIT;
	struct told told = { .blocks = 0 };
	char problem[200];

	make(&file, &records);
	buf_append_byte(&file, 0);
	assert_int_equal(read_pieces(buf_slice(&file), 4096, &told, problem), ERR_CORRUPT);
	assert_non_null(strstr(problem, "something follows the end"));
	buf_free(&told.records);
	buf_free(&file);
	buf_free(&records);
}

/* A file with so many bytes in its records, as clients of the v3 API save it. */
static void
make_padded(struct buf *file, size_t bytes)
{
	struct backup_writer *writer = backup_writer_new();
	uint8_t sha256[BACKUP_DIGEST_BYTES];
	struct buf block = BUF_INIT, value = BUF_INIT;

	memset(buf_reserve(&value, bytes), 'v', bytes);
	buf_added(&value, bytes);
	state_record_put(&block, &(struct state_record){ SLICE_LITERAL("k"), buf_slice(&value) });
	backup_put_head(writer, &(struct backup_head){ .cluster_id = 7, .node_id = 8,
	    .name = slice_text("machine1"), .raft_index = 41, .raft_term = 3 }, file);
	backup_put_records(writer, buf_slice(&block), crc32c(0, buf_slice(&block)), file);
	backup_put_padded_end(writer, 9, file, sha256);
	assert_int_equal(file->size % BACKUP_PADDED_BYTES, 0);
	buf_append(file, sha256, sizeof(sha256));
	backup_writer_free(&writer);
	buf_free(&block);
	buf_free(&value);
}

TEST(a_padded_file_is_read_with_its_sum_and_without)
{
	struct buf file = BUF_INIT;
	char problem[200];

	/* Each rest that there may be. */
	for (size_t bytes = 1; bytes <= BACKUP_PADDED_BYTES; bytes++) {
		struct told told = { .blocks = 0 };

		buf_clear(&file);
		make_padded(&file, bytes);
		for (size_t cut = 0; cut <= BACKUP_DIGEST_BYTES; cut += BACKUP_DIGEST_BYTES) {
			told.ended = false;
			assert_int_equal(read_pieces(slice_of(file.data, file.size - cut), 100,
			    &told, problem), ERR_NONE);
			assert_true(told.ended);
			assert_int_equal(told.end.store_index, 9);
		}
		buf_free(&told.records);
	}
	buf_free(&file);
}

TEST(a_padding_and_a_sum_that_are_none_are_found)
{
	static const struct {
		size_t from_end;	/* the byte that changes */
		const char *problem;
	} rows[] = {
		{ 1, "what follows the end is not its SHA-256" },
		{ BACKUP_DIGEST_BYTES, "what follows the end is not its SHA-256" },
	};
	struct buf file = BUF_INIT;
	struct told told = { .blocks = 0 };
	char problem[200];

	make_padded(&file, 100);
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		file.data[file.size - rows[i].from_end] ^= 1;
		assert_int_equal(read_pieces(buf_slice(&file), 4096, &told, problem), ERR_CORRUPT);
		assert_non_null(strstr(problem, rows[i].problem));
		file.data[file.size - rows[i].from_end] ^= 1;
	}
	/* A part of a sum, and more than one. */
	assert_int_equal(read_pieces(slice_of(file.data, file.size - 1), 4096, &told, problem),
	    ERR_CORRUPT);
	assert_non_null(strstr(problem, "something follows the end"));
	buf_append_byte(&file, 0);
	assert_int_equal(read_pieces(buf_slice(&file), 4096, &told, problem), ERR_CORRUPT);
	assert_non_null(strstr(problem, "something follows the end"));
	buf_free(&told.records);
	buf_free(&file);
}

/* Two blocks change places: every CRC is right, the SHA-256 is not. */
TEST(blocks_in_another_order_are_found)
{
	struct buf file = BUF_INIT, records = BUF_INIT;
	size_t block, last, first;
	struct told told = { .blocks = 0 };
	uint8_t *kept;
	char problem[200];

	make(&file, &records);
	block = BACKUP_BLOCK_HEAD_BYTES + records.size / 2;
	last = BACKUP_BLOCK_HEAD_BYTES + 8 + 8 + 4 + BACKUP_DIGEST_BYTES;
	first = file.size - last - 2 * block;
	kept = malloc(block);
	assert_non_null(kept);
	memcpy(kept, file.data + first, block);
	memcpy(file.data + first, file.data + first + block, block);
	memcpy(file.data + first + block, kept, block);
	free(kept);
	assert_int_equal(read_pieces(buf_slice(&file), 4096, &told, problem), ERR_CORRUPT);
	assert_non_null(strstr(problem, "SHA-256"));
	buf_free(&told.records);
	buf_free(&file);
	buf_free(&records);
}

TEST(another_version_and_another_file_are_told_apart)
{
	struct buf file = BUF_INIT, records = BUF_INIT;
	struct told told = { .blocks = 0 };
	char problem[200];

	make(&file, &records);
	file.data[8] = BACKUP_VERSION + 1;
	assert_int_equal(read_pieces(buf_slice(&file), 1, &told, problem), ERR_UNSUPPORTED);
	assert_string_equal(problem, "is a backup of version 7, this program reads 1 to 6");
	assert_int_equal(read_pieces(SLICE_LITERAL("{\"action\":\"get\"}"), 1, &told, problem),
	    ERR_FOREIGN);
	assert_non_null(strstr(problem, "is no backup file"));
	assert_false(told.headed);
	buf_free(&file);
	buf_free(&records);
}

TEST(a_damaged_checksum_of_the_disk_is_carried_on)
{
	struct backup_writer *writer = backup_writer_new();
	struct buf file = BUF_INIT, block = BUF_INIT;
	struct told told = { .blocks = 0 };
	char problem[200];

	backup_put_head(writer, &(struct backup_head){ .raft_index = 1 }, &file);
	put_record(&block, "na", "value");
	/* Changed in memory on its way from the disk to the file. */
	backup_put_records(writer, buf_slice(&block), crc32c(0, buf_slice(&block)) ^ 1, &file);
	backup_put_end(writer, 1, &file);
	assert_int_equal(read_pieces(buf_slice(&file), 64, &told, problem), ERR_CORRUPT);
	assert_int_equal(told.blocks, 0);
	buf_free(&told.records);
	buf_free(&block);
	buf_free(&file);
	backup_writer_free(&writer);
}

TEST(a_file_is_read_and_named_in_what_is_said)
{
	struct buf file = BUF_INIT, records = BUF_INIT;
	struct told told = { .blocks = 0 };
	char path[] = "/tmp/moothall-backup-XXXXXX";
	int fd = mkstemp(path);
	char *sentence = NULL;

	assert_true(fd != -1);
	unlink(path);
	make(&file, &records);
	assert_int_equal(write(fd, file.data, file.size), (ssize_t)file.size);
	assert_int_equal(backup_file_read(fd, "b.file", owner_of(&told), &sentence), ERR_NONE);
	assert_null(sentence);
	assert_true(told.ended);
	assert_int_equal(ftruncate(fd, (off_t)file.size - 1), 0);
	assert_int_equal(backup_file_read(fd, "b.file", owner_of(&told), &sentence), ERR_CLOSED);
	assert_int_equal(strncmp(sentence, "b.file is incomplete", 20), 0);
	free(sentence);
	close(fd);
	buf_free(&told.records);
	buf_free(&file);
	buf_free(&records);
}
