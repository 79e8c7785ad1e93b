/*
 * backup.c - see backup.h.
 *
 *	start --> blocks --> ended	[take_start, take_block]
 *	any ----> failed		[fail]
 *
 * SHA-256 is OpenSSL's; it covers the bytes as they are in the file, so it is
 * fed block by block before the block's meaning is looked at.
 */
#include "common/backup.h"

#include "common/crc32c.h"
#include "common/ipc/message.h"
#include "common/xmem.h"

#include <errno.h>
#include <inttypes.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CODEC_TABLE "common/backup_table.h"
#include "common/ipc/table_define.h"
#undef CODEC_TABLE

#define READ_BYTES (64 * KIB)
#define PROBLEM_BYTES 160

static EVP_MD_CTX *
digest_new(void)
{
	EVP_MD_CTX *digest;

	/* A worker may open no file, and needs no configuration for this. */
	MUST(OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, NULL) == 1);
	digest = EVP_MD_CTX_new();
	ASSERT(digest != NULL);
	MUST(EVP_DigestInit_ex(digest, EVP_sha256(), NULL) == 1);
	return digest;
}

static void
digest_add(EVP_MD_CTX *digest, struct slice bytes)
{
	MUST(EVP_DigestUpdate(digest, bytes.data, bytes.size) == 1);
}

static void
digest_end(EVP_MD_CTX *digest, uint8_t result[BACKUP_DIGEST_BYTES])
{
	unsigned size = 0;

	MUST(EVP_DigestFinal_ex(digest, result, &size) == 1);
	ASSERT(size == BACKUP_DIGEST_BYTES);
}

/* ---- writing ---------------------------------------------------------------- */

struct backup_writer {
	EVP_MD_CTX *sha256;
	uint64_t blocks;
	uint64_t bytes;		/* of the file so far */
};

struct backup_writer *
backup_writer_new(void)
{
	struct backup_writer *writer = xzalloc(sizeof(*writer));

	writer->sha256 = digest_new();
	return writer;
}

void
backup_writer_free(struct backup_writer **writer)
{
	if (*writer == NULL)
		return;
	EVP_MD_CTX_free((*writer)->sha256);
	free(*writer);
	*writer = NULL;
}

/* checksum: of the content. */
static void
put_block(struct backup_writer *writer, enum backup_kind kind, struct slice content,
    uint32_t checksum, struct buf *out)
{
	size_t begun = out->size;

	ASSERT(content.size <= BACKUP_BLOCK_BYTES_MAX);
	codec_put_u32(out, (uint32_t)content.size);
	codec_put_u8(out, (uint8_t)kind);
	checksum = crc32c(checksum, slice_of(out->data + begun, out->size - begun));
	codec_put_u32(out, checksum);
	buf_append_slice(out, content);
	digest_add(writer->sha256, slice_of(out->data + begun, out->size - begun));
	writer->bytes += out->size - begun;
}

void
backup_put_head(struct backup_writer *writer, const struct backup_head *head, struct buf *out)
{
	struct buf content = BUF_INIT;
	size_t begun = out->size;

	buf_append(out, BACKUP_MAGIC, strlen(BACKUP_MAGIC));
	codec_put_u32(out, BACKUP_VERSION);
	digest_add(writer->sha256, slice_of(out->data + begun, out->size - begun));
	writer->bytes += out->size - begun;
	backup_head_put(&content, head);
	put_block(writer, BACKUP_HEAD, buf_slice(&content), crc32c(0, buf_slice(&content)), out);
	buf_free(&content);
}

void
backup_put_records(struct backup_writer *writer, struct slice records, uint32_t checksum,
    struct buf *out)
{
	put_block(writer, BACKUP_RECORDS, records, checksum, out);
	writer->blocks++;
}

/* What it is of all bytes so far; more may follow. */
static void
digest_look(const EVP_MD_CTX *digest, uint8_t result[BACKUP_DIGEST_BYTES])
{
	EVP_MD_CTX *copy = digest_new();

	MUST(EVP_MD_CTX_copy_ex(copy, digest) == 1);
	digest_end(copy, result);
	EVP_MD_CTX_free(copy);
}

void
backup_put_end(struct backup_writer *writer, uint64_t store_index, struct buf *out)
{
	uint8_t sha256[BACKUP_DIGEST_BYTES];
	struct backup_end end = { .blocks = writer->blocks, .store_index = store_index };
	struct buf content = BUF_INIT;

	digest_look(writer->sha256, sha256);
	end.sha256 = slice_of(sha256, sizeof(sha256));
	backup_end_put(&content, &end);
	put_block(writer, BACKUP_END, buf_slice(&content), crc32c(0, buf_slice(&content)), out);
	buf_free(&content);
}

/* How long the last block is. */
static size_t
end_bytes(void)
{
	static const uint8_t sha256[BACKUP_DIGEST_BYTES];
	struct buf content = BUF_INIT;
	size_t size;

	backup_end_put(&content, &(struct backup_end){
	    .sha256 = slice_of(sha256, sizeof(sha256)) });
	size = BACKUP_BLOCK_HEAD_BYTES + content.size;
	buf_free(&content);
	return size;
}

void
backup_put_padded_end(struct backup_writer *writer, uint64_t store_index, struct buf *out,
    uint8_t sha256[BACKUP_DIGEST_BYTES])
{
	static const uint8_t zeros[BACKUP_PADDED_BYTES];
	size_t over = (size_t)((writer->bytes + BACKUP_BLOCK_HEAD_BYTES + end_bytes()) %
	    BACKUP_PADDED_BYTES);
	struct slice padding = slice_of(zeros, (BACKUP_PADDED_BYTES - over) % BACKUP_PADDED_BYTES);

	put_block(writer, BACKUP_PADDING, padding, crc32c(0, padding), out);
	backup_put_end(writer, store_index, out);
	ASSERT(writer->bytes % BACKUP_PADDED_BYTES == 0);
	digest_look(writer->sha256, sha256);
}

/* ---- reading ---------------------------------------------------------------- */

struct backup_reader {
	struct backup_owner owner;
	EVP_MD_CTX *sha256;
	struct buf in;		/* the start, or one block, as far as it is there */
	size_t wanted;		/* bytes of it, as far as is known */
	uint64_t at;		/* where in the file it begins */
	uint64_t blocks;	/* of records */
	bool started;		/* the start was taken */
	bool headed;		/* and the head */
	bool ended;		/* and the end, */
	bool summed;		/* and what clients of the v3 API put behind it */
	char problem[PROBLEM_BYTES];
};

struct backup_reader *
backup_reader_new(struct backup_owner owner)
{
	struct backup_reader *reader = xzalloc(sizeof(*reader));

	reader->owner = owner;
	reader->sha256 = digest_new();
	reader->wanted = BACKUP_START_BYTES;
	return reader;
}

void
backup_reader_free(struct backup_reader **reader)
{
	if (*reader == NULL)
		return;
	EVP_MD_CTX_free((*reader)->sha256);
	buf_free(&(*reader)->in);
	free(*reader);
	*reader = NULL;
}

const char *
backup_reader_problem(const struct backup_reader *reader)
{
	return reader->problem;
}

static enum err fail(struct backup_reader *reader, enum err err, const char *format, ...)
    PRINTF_LIKE(3, 4);

static enum err
fail(struct backup_reader *reader, enum err err, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(reader->problem, sizeof(reader->problem), format, arguments);
	va_end(arguments);
	return err;
}

static enum err
damaged(struct backup_reader *reader, const char *why)
{
	return fail(reader, ERR_CORRUPT, "is damaged at byte %" PRIu64 ": %s", reader->at, why);
}

static enum err
take_start(struct backup_reader *reader)
{
	size_t magic_bytes = strlen(BACKUP_MAGIC);
	struct reader in = reader_of(slice_of(reader->in.data + magic_bytes,
	    reader->in.size - magic_bytes));
	uint32_t version = 0;

	if (memcmp(reader->in.data, BACKUP_MAGIC, magic_bytes) != 0)
		return fail(reader, ERR_FOREIGN, "is no backup file: it does not begin with "
		    BACKUP_MAGIC);
	MUST(codec_get_u32(&in, &version));
	if (version < BACKUP_VERSION_OLDEST || version > BACKUP_VERSION)
		return fail(reader, ERR_UNSUPPORTED, "is a backup of version %" PRIu32
		    ", this program reads %d to %d", version, BACKUP_VERSION_OLDEST,
		    BACKUP_VERSION);
	digest_add(reader->sha256, buf_slice(&reader->in));
	reader->started = true;
	return ERR_NONE;
}

static enum err
take_head(struct backup_reader *reader, struct slice content)
{
	struct reader in = reader_of(content);
	struct backup_head head;

	if (!backup_head_get(&in, &head) || !reader_done(&in) || head.name.size > NAME_BYTES_MAX ||
	    memchr(head.name.data, '\0', head.name.size) != NULL || head.raft_index == 0)
		return damaged(reader, "its head makes no sense");
	reader->headed = true;
	return reader->owner.head == NULL ? ERR_NONE :
	    reader->owner.head(reader->owner.argument, &head);
}

static enum err
take_records(struct backup_reader *reader, struct slice content)
{
	struct reader in = reader_of(content);
	struct state_record record;

	while (!reader_done(&in)) {
		if (!state_record_get(&in, &record) || record.value.size == 0)
			return damaged(reader, "a record makes no sense");
	}
	reader->blocks++;
	return reader->owner.records == NULL ? ERR_NONE :
	    reader->owner.records(reader->owner.argument, content);
}

static enum err
take_end(struct backup_reader *reader, struct slice content)
{
	uint8_t sha256[BACKUP_DIGEST_BYTES];
	struct reader in = reader_of(content);
	struct backup_end end;

	if (!backup_end_get(&in, &end) || !reader_done(&in) ||
	    end.sha256.size != BACKUP_DIGEST_BYTES)
		return damaged(reader, "its end makes no sense");
	if (end.blocks != reader->blocks)
		return damaged(reader, "blocks before the end are missing");
	digest_look(reader->sha256, sha256);
	if (memcmp(sha256, end.sha256.data, sizeof(sha256)) != 0)
		return damaged(reader, "the SHA-256 of all before is another");
	digest_add(reader->sha256, buf_slice(&reader->in));
	reader->ended = true;
	return reader->owner.end == NULL ? ERR_NONE :
	    reader->owner.end(reader->owner.argument, &end);
}

static enum err
take_padding(struct backup_reader *reader, struct slice content)
{
	for (size_t i = 0; i < content.size; i++)
		if (content.data[i] != 0)
			return damaged(reader, "its padding is not of zeros");
	return content.size >= BACKUP_PADDED_BYTES ?
	    damaged(reader, "its padding is longer than any may be") : ERR_NONE;
}

/* Behind the end. */
static enum err
take_sum(struct backup_reader *reader)
{
	uint8_t sha256[BACKUP_DIGEST_BYTES];

	digest_look(reader->sha256, sha256);
	if (memcmp(sha256, reader->in.data, sizeof(sha256)) != 0)
		return damaged(reader, "what follows the end is not its SHA-256");
	reader->summed = true;
	return ERR_NONE;
}

static enum err
take_block(struct backup_reader *reader)
{
	struct reader in = reader_of(buf_slice(&reader->in));
	struct slice sum = slice_of(reader->in.data, sizeof(uint32_t) + sizeof(uint8_t));
	struct slice content = slice_of(reader->in.data + BACKUP_BLOCK_HEAD_BYTES,
	    reader->in.size - BACKUP_BLOCK_HEAD_BYTES);
	uint32_t size = 0, checksum = 0;
	uint8_t kind = 0;

	MUST(codec_get_u32(&in, &size) && codec_get_u8(&in, &kind));
	MUST(codec_get_u32(&in, &checksum));
	if (crc32c(crc32c(0, content), sum) != checksum)
		return damaged(reader, "the checksum of the block that begins there is wrong");
	if ((kind == BACKUP_HEAD) == reader->headed)
		return damaged(reader, "a block is not where it belongs");
	if (kind != BACKUP_END)
		digest_add(reader->sha256, buf_slice(&reader->in));
	switch (kind) {
	case BACKUP_HEAD:
		return take_head(reader, content);
	case BACKUP_RECORDS:
		return take_records(reader, content);
	case BACKUP_PADDING:
		return take_padding(reader, content);
	case BACKUP_END:
		return take_end(reader, content);
	default:
		return damaged(reader, "a block of an unknown kind");
	}
}

/* What wanted bytes were waited for is there: more of the same, or the next. */
static enum err
take(struct backup_reader *reader)
{
	struct reader in = reader_of(buf_slice(&reader->in));
	uint32_t size = 0;
	enum err err;

	if (!reader->started) {
		err = take_start(reader);
	} else if (reader->ended) {
		err = take_sum(reader);
	} else if (reader->wanted == BACKUP_BLOCK_HEAD_BYTES) {
		MUST(codec_get_u32(&in, &size));
		if (size > BACKUP_BLOCK_BYTES_MAX)
			return damaged(reader, "a block is longer than any may be");
		if (size > 0) {
			reader->wanted += size;
			return ERR_NONE;
		}
		err = take_block(reader);
	} else {
		err = take_block(reader);
	}
	reader->at += reader->in.size;
	reader->wanted = reader->ended ? BACKUP_DIGEST_BYTES : BACKUP_BLOCK_HEAD_BYTES;
	buf_recycle(&reader->in, 4 * SNAPSHOT_CHUNK_BYTES);
	return err;
}

enum err
backup_reader_feed(struct backup_reader *reader, struct slice bytes)
{
	enum err err = ERR_NONE;

	while (err == ERR_NONE && bytes.size > 0) {
		size_t size = MIN_OF(bytes.size, reader->wanted - reader->in.size);

		if (reader->summed)
			return damaged(reader, "something follows the end");
		buf_append(&reader->in, bytes.data, size);
		bytes = slice_of(bytes.data + size, bytes.size - size);
		if (reader->in.size == reader->wanted)
			err = take(reader);
	}
	return err;
}

enum err
backup_reader_finish(struct backup_reader *reader)
{
	if (reader->ended && reader->in.size > 0)
		return damaged(reader, "something follows the end");
	if (reader->ended)
		return ERR_NONE;
	return fail(reader, ERR_CLOSED, "is incomplete: it ends at byte %" PRIu64
	    ", the block that begins at byte %" PRIu64 " is not whole",
	    reader->at + reader->in.size, reader->at);
}

enum err
backup_file_read(int fd, const char *shown, struct backup_owner owner, char **sentence)
{
	struct backup_reader *reader = backup_reader_new(owner);
	uint8_t *bytes = xmalloc(READ_BYTES);
	enum err err = ERR_NONE;
	off_t at = 0;
	ssize_t size;

	do {
		size = pread(fd, bytes, READ_BYTES, at);
		if (size == -1 && errno == EINTR)
			continue;
		if (size == -1) {
			err = err_from_errno(errno);
			*sentence = xasprintf("%s: cannot read: %s", shown, strerror(errno));
			break;
		}
		at += size;
		err = size > 0 ? backup_reader_feed(reader, slice_of(bytes, (size_t)size)) :
		    backup_reader_finish(reader);
	} while (err == ERR_NONE && size != 0);
	if (reader->problem[0] != '\0')
		*sentence = xasprintf("%s %s", shown, reader->problem);
	free(bytes);
	backup_reader_free(&reader);
	return err;
}
