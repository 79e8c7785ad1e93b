/*
 * damage.c - see damage.h. Called by db.c when LevelDB reports damage.
 *
 * Formats of LevelDB, as far as their checksums go. Numbers are little-endian, CRCs
 * are CRC32C, rotated and moved (masked):
 *
 *	log, manifest	blocks of 32 KiB of records: crc u32, length u16, type u8, data;
 *			the crc is of type and data; less than 7 bytes at the end of a
 *			block are unused; a record that the file cuts off is its end,
 *			as a crash leaves it, or has a damaged length
 *	table		blocks: data, type u8, crc u32 of both; index block: its entries'
 *			values are (offset, size) of the blocks; the last 48 bytes are two
 *			such handles as varints, padding, magic u64
 *
 * What is read here is damaged by definition: every number is checked.
 */
#include "raftd/wal/damage.h"

#include "common/crc32c.h"
#include "common/xmem.h"
#include "raftd/wal/files.h"

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define LOG_BLOCK_BYTES ((size_t)32768)
#define LOG_HEAD_BYTES ((size_t)7)
#define LOG_WHOLE 1		/* types of a piece: all of a record, its first, its last */
#define LOG_FIRST 2
#define LOG_LAST 4
#define BLOCK_TAIL_BYTES ((size_t)5)
#define FOOTER_BYTES ((size_t)48)
#define MAGIC_BYTES ((size_t)8)
#define MAGIC UINT64_C(0xdb4775248b80fb57)
#define NOWHERE SIZE_MAX

static uint64_t
number_at(const uint8_t *bytes, size_t count)
{
	uint64_t number = 0;

	for (size_t i = 0; i < count; i++)
		number |= (uint64_t)bytes[i] << 8 * i;
	return number;
}

static bool
crc_matches(const uint8_t *stored, struct slice bytes)
{
	uint32_t crc = crc32c(0, bytes);

	return (uint32_t)number_at(stored, 4) == ((crc >> 15 | crc << 17) + UINT32_C(0xa282ead8));
}

/* ---- logs ------------------------------------------------------------------------ */

/* Nothing was written from at on: room that the log was given (log_ahead.h). */
static bool
is_unwritten(struct slice file, size_t at)
{
	for (; at < file.size; at++) {
		if (file.data[at] != 0)
			return false;
	}
	return true;
}

/* Offset of the first record that does not match, or else that the file cuts off. */
static size_t
check_log(struct slice file, bool *cut_off)
{
	size_t at = 0;

	while (at + LOG_HEAD_BYTES <= file.size) {
		size_t left = LOG_BLOCK_BYTES - at % LOG_BLOCK_BYTES, length, rest;

		if (left < LOG_HEAD_BYTES) {
			at += left;
			continue;
		}
		length = (size_t)number_at(file.data + at + 4, 2);
		rest = MIN_OF(left, file.size - at);
		if (LOG_HEAD_BYTES + length > rest) {
			*cut_off = rest < left;
			return at;
		}
		if (!crc_matches(file.data + at, slice_of(file.data + at + 6, length + 1)))
			return is_unwritten(file, at) ? NOWHERE : at;
		at += LOG_HEAD_BYTES + length;
	}
	return NOWHERE;
}

/* A piece at at is all there, and is what was written. */
static bool
is_good_piece(struct slice file, size_t at, size_t end)
{
	size_t length;

	if (at + LOG_HEAD_BYTES > end)
		return false;
	length = (size_t)number_at(file.data + at + 4, 2);
	return at + LOG_HEAD_BYTES + length <= end && file.data[at + 6] != 0 &&
	    crc_matches(file.data + at, slice_of(file.data + at + 6, length + 1));
}

/* The length of the piece at from is not to be believed: another record may begin
 * anywhere up to the end of the block. */
static bool
begins_within(struct slice file, size_t from, size_t end)
{
	for (size_t at = from + 1; at + LOG_HEAD_BYTES <= end; at++) {
		uint8_t type = file.data[at + 6];

		if ((type == LOG_WHOLE || type == LOG_FIRST) && is_good_piece(file, at, end))
			return true;
	}
	return false;
}

/* Where the record begins that damage is in, if no other one begins behind the damage;
 * else NOWHERE. A record may be in pieces, in blocks one after the other. */
static size_t
find_torn_record(struct slice file)
{
	size_t at = 0, begin = NOWHERE, torn = NOWHERE;

	while (at + LOG_HEAD_BYTES <= file.size) {
		size_t left = LOG_BLOCK_BYTES - at % LOG_BLOCK_BYTES, length;
		size_t end = MIN_OF(at + left, file.size);
		uint8_t type;

		if (left < LOG_HEAD_BYTES) {
			at += left;
			continue;
		}
		length = (size_t)number_at(file.data + at + 4, 2);
		type = file.data[at + 6];
		if (is_good_piece(file, at, end)) {
			bool begins = type == LOG_WHOLE || type == LOG_FIRST;

			if (begins && torn != NOWHERE)
				return NOWHERE;
			if (begins || type == LOG_LAST)
				begin = type == LOG_FIRST ? at : NOWHERE;
			at += LOG_HEAD_BYTES + length;
			continue;
		}
		if (torn == NOWHERE && begin == NOWHERE && is_unwritten(file, at))
			return NOWHERE;
		if (torn == NOWHERE)
			torn = begin == NOWHERE ? at : begin;
		if (type != 0 && at + LOG_HEAD_BYTES + length <= end) {
			at += LOG_HEAD_BYTES + length;
		} else if (begins_within(file, at, end)) {
			return NOWHERE;
		} else {
			at += left;
		}
	}
	return torn;
}

/* ---- tables ------------------------------------------------------------------------ */

/* Take a varint from the front of *bytes. */
static bool
take_varint(struct slice *bytes, uint64_t *number)
{
	*number = 0;
	for (unsigned i = 0; i < 10 && bytes->size > 0; i++) {
		uint8_t byte = bytes->data[0];

		*number |= (uint64_t)(byte & 0x7f) << 7 * i;
		*bytes = slice_of(bytes->data + 1, bytes->size - 1);
		if (byte < 0x80)
			return true;
	}
	return false;
}

/* The block whose handle is at the front of *handle, without its tail. False, and where:
 * it is not all in the file, or does not match. */
static bool
take_block(struct slice file, struct slice *handle, struct slice *block, size_t *where)
{
	uint64_t offset, size;

	if (!take_varint(handle, &offset) || !take_varint(handle, &size) || offset > file.size ||
	    size > file.size || offset + size + BLOCK_TAIL_BYTES > file.size) {
		*where = file.size - FOOTER_BYTES;
		return false;
	}
	*block = slice_of(file.data + offset, (size_t)size);
	*where = (size_t)offset;
	return crc_matches(block->data + size + 1, slice_of(block->data, (size_t)size + 1));
}

static size_t
check_table(struct slice file)
{
	struct slice footer, block, index;
	size_t where;

	if (file.size < FOOTER_BYTES)
		return 0;
	where = file.size - FOOTER_BYTES;
	if (number_at(file.data + file.size - MAGIC_BYTES, MAGIC_BYTES) != MAGIC)
		return where;
	footer = slice_of(file.data + where, FOOTER_BYTES - MAGIC_BYTES);
	if (!take_block(file, &footer, &block, &where) ||
	    !take_block(file, &footer, &index, &where))
		return where;
	/* Behind the entries stand the restart points, and their number. */
	if (index.size >= 4) {
		uint64_t tail = 4 * (number_at(index.data + index.size - 4, 4) + 1);

		index.size = tail <= index.size ? index.size - (size_t)tail : 0;
	}
	while (index.size > 0) {
		uint64_t shared, own, size;
		struct slice handle;

		if (!take_varint(&index, &shared) || !take_varint(&index, &own) ||
		    !take_varint(&index, &size) || own > index.size || size > index.size - own)
			return where;
		handle = slice_of(index.data + own, (size_t)size);
		index = slice_of(index.data + own + size, index.size - (size_t)(own + size));
		if (!take_block(file, &handle, &block, &where))
			return where;
	}
	return NOWHERE;
}

/* ---- files ---------------------------------------------------------------------------- */

static bool
is_manifest(const char *name)
{
	return strncmp(name, "MANIFEST-", 9) == 0;
}

/* Offset of the first damage, or NOWHERE; cut_off if it may as well be none. */
static size_t
check_file(int directory, const char *name, bool *cut_off)
{
	bool is_table = files_name_ends_with(name, ".ldb");
	bool is_log = files_name_ends_with(name, ".log") || is_manifest(name);
	size_t where = NOWHERE;
	struct stat status;
	void *map;
	int fd;

	*cut_off = false;
	if (!is_table && !is_log)
		return NOWHERE;
	fd = openat(directory, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (fd == -1)
		return NOWHERE;
	if (fstat(fd, &status) == 0 && S_ISREG(status.st_mode) && status.st_size > 0) {
		map = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
		if (map != MAP_FAILED) {
			struct slice file = slice_of(map, (size_t)status.st_size);

			where = is_table ? check_table(file) : check_log(file, cut_off);
			munmap(map, (size_t)status.st_size);
		}
	}
	close(fd);
	return where;
}

/* "NAME at byte OFFSET" of the first file that is damaged; torn: of the first log
 * that is cut off, which is no damage to LevelDB but in a manifest. */
static char *
find(const char *path, bool torn)
{
	DIR *list = opendir(path);
	struct dirent *file;
	char *found = NULL;

	if (list == NULL)
		return NULL;
	while (found == NULL && (file = readdir(list)) != NULL) {
		bool cut_off;
		size_t where;

		if (torn && !files_name_ends_with(file->d_name, ".log"))
			continue;
		where = check_file(dirfd(list), file->d_name, &cut_off);
		if (where != NOWHERE && (torn ? cut_off : !cut_off || is_manifest(file->d_name)))
			found = xasprintf("%s at byte %zu", file->d_name, where);
	}
	closedir(list);
	return found;
}

char *
damage_find(const char *path)
{
	return find(path, false);
}

char *
damage_find_torn_log(const char *path)
{
	return find(path, true);
}

/* ---- what a power cut tore ---------------------------------------------------------------- */

/* False: nothing was cut off. */
static bool
cut_torn_file(int directory, const char *name, size_t *where)
{
	int fd = openat(directory, name, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
	struct stat status;
	bool cut = false;
	void *map;

	if (fd == -1)
		return false;
	if (fstat(fd, &status) == 0 && S_ISREG(status.st_mode) && status.st_size > 0) {
		map = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
		if (map != MAP_FAILED) {
			*where = find_torn_record(slice_of(map, (size_t)status.st_size));
			munmap(map, (size_t)status.st_size);
			/* The first record of a manifest is synced before anything names it. */
			cut = *where != NOWHERE && (*where > 0 || !is_manifest(name)) &&
			    ftruncate(fd, (off_t)*where) == 0 &&
			    fsync(fd) == 0;
		}
	}
	close(fd);
	return cut;
}

/* What CURRENT names; owned by the caller. */
static char *
find_manifest(int directory)
{
	char name[64];
	int fd = openat(directory, "CURRENT", O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	ssize_t size = fd == -1 ? -1 : read(fd, name, sizeof(name) - 1);

	if (fd != -1)
		close(fd);
	if (size <= 0)
		return NULL;
	name[size] = '\0';
	name[strcspn(name, "\n")] = '\0';
	return is_manifest(name) && strchr(name, '/') == NULL ? xstrdup(name) : NULL;
}

char *
damage_cut_torn(const char *path)
{
	DIR *list = opendir(path);
	char *names[2] = { NULL, NULL }, *found = NULL, newest[FILES_NAME_BYTES];

	if (list == NULL)
		return NULL;
	names[0] = find_manifest(dirfd(list));
	if (files_newest_log(dirfd(list), newest) != 0)
		names[1] = xstrdup(newest);
	for (size_t i = 0; i < ARRAY_COUNT(names); i++) {
		size_t where;

		if (names[i] != NULL && cut_torn_file(dirfd(list), names[i], &where)) {
			free(found);
			found = xasprintf("%s at byte %zu", names[i], where);
		}
		free(names[i]);
	}
	closedir(list);
	return found;
}
