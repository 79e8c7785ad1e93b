/*
 * metric_priv.h - the area to the byte: shared by metric.c (counting),
 * metric_area.c (the supervisor's side) and metric_text.c (showing).
 *
 *	0			directory
 *	BLOCK_BYTES * (1 + n)	slot n
 *
 * Slot: words in use (u64, the first among them), then records, each
 *	u32 row in the table of the writer: where to look first
 *	u16 bytes of the name; u16 cells
 *	name with its labels, as it is shown, filled up to a whole word
 *	cells, a u64 each: the value; of a histogram the buckets, the one above
 *	all bounds, and the sum
 *
 * A record is complete before it is counted among the words in use; it never
 * changes but for its cells, and never goes. Numbers are the machine's.
 */
#ifndef MOOTHALL_COMMON_METRIC_PRIV_H
#define MOOTHALL_COMMON_METRIC_PRIV_H

#include "common/metric.h"

#define METRIC_MAGIC UINT64_C(0x314349525445544d)
#define BLOCK_BYTES ((size_t)64 * 1024)	/* a multiple of every page size */
#define BLOCK_WORDS (BLOCK_BYTES / sizeof(uint64_t))
#define SLOTS_MAX 136			/* 64 client workers, each twice, and the others */
#define AREA_BYTES (BLOCK_BYTES * (1 + SLOTS_MAX))
#define NAME_BYTES_LIMIT 256
#define BOUNDS_MAX 16
#define CELLS_MAX (BOUNDS_MAX + 2)

_Static_assert(CELLS_MAX == METRIC_CELLS_MAX, "who reads knows how many cells there are");

struct metric_directory {
	uint64_t magic;
	uint32_t slots;			/* that were ever taken: the first of them */
	uint32_t unused;
	struct metric_holder {
		uint32_t role;		/* 0: nobody had it yet */
		uint32_t number;
		uint32_t alive;
		uint32_t unused;
	} holders[SLOTS_MAX];
};

_Static_assert(sizeof(struct metric_directory) <= BLOCK_BYTES, "the directory fits in its place");

struct metric_record {
	uint32_t row;
	uint16_t name_bytes;
	uint16_t cells;
};

_Static_assert(sizeof(struct metric_record) == sizeof(uint64_t), "a record begins with a word");

/* What other processes write is read word by word, whole. */
static inline uint64_t
metric_load(const uint64_t *word)
{
	return __atomic_load_n(word, __ATOMIC_RELAXED);
}

static inline void
metric_store(uint64_t *word, uint64_t value)
{
	__atomic_store_n(word, value, __ATOMIC_RELAXED);
}

static inline size_t
metric_name_words(size_t bytes)
{
	return (bytes + sizeof(uint64_t) - 1) / sizeof(uint64_t);
}

/* A gauge that is not there. */
#define METRIC_HIDDEN UINT64_MAX

static inline bool
metric_is_histogram(const struct metric_row *row)
{
	return row->type == METRIC_IS_DISK_TIME || row->type == METRIC_IS_SHORT_TIME ||
	    row->type == METRIC_IS_SIZE;
}

/* The first bound of a histogram, in ns if it is of times; each is twice the one before. */
static inline uint64_t
metric_bound(const struct metric_row *row)
{
	return row->type == METRIC_IS_DISK_TIME ? 1000000 :
	    row->type == METRIC_IS_SHORT_TIME ? 100000 : 1;
}

static inline unsigned
metric_bound_count(const struct metric_row *row)
{
	return row->type == METRIC_IS_SHORT_TIME ? BOUNDS_MAX : 14;
}

static inline unsigned
metric_cell_count(const struct metric_row *row)
{
	return metric_is_histogram(row) ? metric_bound_count(row) + 2 : 1;
}

/* The first row of that name, whatever its labels are; METRIC_COUNT: none, it is of
 * another version. hint: the row to look at first. */
unsigned metric_row_of(struct slice name, uint32_t hint);
/* Everything, to read; NULL: this process was given no slot. */
const void *metric_whole(void);

#endif
