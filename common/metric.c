/*
 * metric.c - counting: the series of this process in its slot (see metric.h).
 *
 * The reader of another process may look at any moment, so a record is written
 * first and made known then, and a cell is stored as one word. Since each cell
 * has one writer, adding is a load, an add and a store, which the compiler
 * makes one instruction of.
 *
 * Whoever maps the area could write into our slot, too. So where a cell lies is
 * kept outside of it, and what is read of a record is read once and checked.
 */
#include "common/metric_priv.h"

#include "common/diag.h"
#include "common/ipc/wire.h"
#include "common/xmem.h"

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

const struct metric_row metric_rows[METRIC_COUNT] = {
#define METRIC(id, owners, type, unit, name, labels, help) \
	[METRIC_##id] = { METRIC_BY_##owners, METRIC_IS_##type, METRIC_IN_##unit, name, labels, \
	    help },
#include "common/metric_table.h"
};

struct metric_series {
	struct metric_series *next;
	const struct metric_row *row;
	uint64_t *cells;
};

/* Where is counted what is not shown. */
static uint64_t nowhere[CELLS_MAX];

/* There is one set of counters in a process. */
static struct {
	const void *whole;
	uint64_t *slot;			/* NULL: none */
	bool full;			/* and this was said */
	uint64_t *cells[METRIC_COUNT];
	struct metric_series *series;	/* all that were ever asked for */
} metrics = {
	.cells = {
#define METRIC(id, owners, type, unit, name, labels, help) [METRIC_##id] = nowhere,
#include "common/metric_table.h"
	},
};

const void *
metric_whole(void)
{
	return metrics.whole;
}

/* ---- counting ----------------------------------------------------------------- */

static void
add(uint64_t *cell, uint64_t amount)
{
	metric_store(cell, metric_load(cell) + amount);
}

static void
observe(const struct metric_row *row, uint64_t *cells, uint64_t value)
{
	uint64_t first = metric_bound(row);
	unsigned count = metric_bound_count(row);
	unsigned bucket = 0;

	if (value > first)
		bucket = MIN_OF(64U - (unsigned)__builtin_clzll((value - 1) / first), count);
	add(&cells[bucket], 1);
	add(&cells[count + 1], value);
}

void
metric_add(enum metric_id id, uint64_t amount)
{
	add(metrics.cells[id], amount);
}

void
metric_set(enum metric_id id, uint64_t value)
{
	metric_store(metrics.cells[id], value);
}

void
metric_raise(enum metric_id id, uint64_t value)
{
	if (metric_load(metrics.cells[id]) < value)
		metric_store(metrics.cells[id], value);
}

void
metric_observe(enum metric_id id, uint64_t value)
{
	observe(&metric_rows[id], metrics.cells[id], value);
}

void
metric_series_add(struct metric_series *series, uint64_t amount)
{
	add(series->cells, amount);
}

void
metric_series_set(struct metric_series *series, uint64_t value)
{
	metric_store(series->cells, value);
}

void
metric_series_observe(struct metric_series *series, uint64_t value)
{
	observe(series->row, series->cells, value);
}

void
metric_series_hide(struct metric_series *series)
{
	metric_store(series->cells, METRIC_HIDDEN);
}

/* ---- series -------------------------------------------------------------------- */

static void
put_value(struct buf *out, const char *value)
{
	for (; *value != '\0'; value++) {
		if (*value == '\n') {
			buf_append(out, "\\n", 2);
			continue;
		}
		if (*value == '\\' || *value == '"')
			buf_append_byte(out, '\\');
		buf_append_byte(out, (uint8_t)*value);
	}
}

/* name{label="value",...}; values as many as the row has labels. */
static void
put_name(struct buf *out, const struct metric_row *row, const char *const *values)
{
	const char *label = row->labels;

	buf_append_text(out, row->name);
	if (label[0] == '\0')
		return;
	buf_append_byte(out, '{');
	if (strchr(label, '=') != NULL) {
		buf_append_text(out, label);
		label = "";
	}
	while (label[0] != '\0') {
		size_t size = strcspn(label, ",");

		buf_append(out, label, size);
		buf_append_text(out, "=\"");
		put_value(out, *values++);
		buf_append_byte(out, '"');
		label += size;
		if (label[0] == ',') {
			buf_append_byte(out, ',');
			label++;
		}
	}
	buf_append_byte(out, '}');
}

struct found_record {
	struct slice name;
	uint64_t *cells;
	size_t cell_count;
};

/*
 * A predecessor wrote this slot, maybe of another version, and maybe one that
 * had gone wrong: what does not look like a record ends them.
 */
static bool
next_record(size_t *at, size_t used, struct found_record *found)
{
	uint64_t *words = metrics.slot + *at;
	struct metric_record header;
	uint64_t first;
	size_t count;

	if (*at >= used)
		return false;
	first = metric_load(words);
	memcpy(&header, &first, sizeof(header));
	count = 1 + metric_name_words(header.name_bytes) + header.cells;
	if (header.name_bytes == 0 || header.cells == 0 || header.cells > CELLS_MAX ||
	    count > used - *at)
		return false;
	found->name = slice_of(words + 1, header.name_bytes);
	found->cells = words + count - header.cells;
	found->cell_count = header.cells;
	*at += count;
	return true;
}

static size_t
used_words(void)
{
	uint64_t used = metric_load(metrics.slot);

	return used < 1 || used > BLOCK_WORDS ? 1 : (size_t)used;
}

static uint64_t *
find_cells(const struct metric_row *row, struct slice name)
{
	size_t used = used_words();
	size_t at = 1;
	struct found_record found;

	while (next_record(&at, used, &found))
		if (slice_equal(found.name, name) && found.cell_count == metric_cell_count(row))
			return found.cells;
	return NULL;
}

/* Is name that of the row, with labels or without? */
static bool
is_of_row(struct slice name, const struct metric_row *row)
{
	size_t size = strlen(row->name);

	return slice_starts_with(name, slice_of(row->name, size)) &&
	    (name.size == size || (name.data[size] == '{' && name.data[name.size - 1] == '}'));
}

unsigned
metric_row_of(struct slice name, uint32_t hint)
{
	unsigned row = 0;

	if (hint < METRIC_COUNT && is_of_row(name, &metric_rows[hint]))
		row = hint;
	else
		while (row < METRIC_COUNT && !is_of_row(name, &metric_rows[row]))
			row++;
	while (row > 0 && row < METRIC_COUNT &&
	    strcmp(metric_rows[row].name, metric_rows[row - 1].name) == 0)
		row--;
	return row;
}

/* NULL: no room. */
static uint64_t *
make_cells(const struct metric_row *row, struct slice name)
{
	size_t used = used_words();
	size_t name_words = metric_name_words(name.size);
	size_t words = 1 + name_words + metric_cell_count(row);
	uint64_t *at = metrics.slot + used;
	struct metric_record header = {
		.row = (uint32_t)(row - metric_rows),
		.name_bytes = (uint16_t)name.size,
		.cells = (uint16_t)metric_cell_count(row),
	};

	if (words > BLOCK_WORDS - used)
		return NULL;
	memset(at, 0, words * sizeof(*at));
	memcpy(at, &header, sizeof(header));
	memcpy(at + 1, name.data, name.size);
	__atomic_store_n(metrics.slot, used + words, __ATOMIC_RELEASE);
	return at + 1 + name_words;
}

static uint64_t *
open_cells(const struct metric_row *row, const char *const *values)
{
	struct buf name = { .limit = NAME_BYTES_LIMIT };
	uint64_t *cells = NULL;

	if (metrics.slot == NULL)
		return nowhere;
	put_name(&name, row, values);
	if (!name.overflowed) {
		cells = find_cells(row, buf_slice(&name));
		if (cells == NULL)
			cells = make_cells(row, buf_slice(&name));
	}
	buf_free(&name);
	if (cells != NULL)
		return cells;
	if (!metrics.full)
		diag_warn("metrics", "no room for another series: name=%s", row->name);
	metrics.full = true;
	return nowhere;
}

struct metric_series *
metric_series(enum metric_id id, const char *const *values)
{
	const struct metric_row *row = &metric_rows[id];
	uint64_t *cells = open_cells(row, values);
	struct metric_series *series;

	for (series = metrics.series; series != NULL; series = series->next)
		if (series->cells == cells && series->row == row)
			return series;
	series = xmalloc(sizeof(*series));
	*series = (struct metric_series){ metrics.series, row, cells };
	metrics.series = series;
	return series;
}

void
metric_process_name(int role, uint32_t number, char name[METRIC_PROCESS_BYTES])
{
	if (role == ROLE_CLIENT)
		snprintf(name, METRIC_PROCESS_BYTES, "client-%u", (unsigned)number);
	else
		snprintf(name, METRIC_PROCESS_BYTES, "%s", role == ROLE_RAFTD ? "raftd" :
		    role == ROLE_PEER ? "peer" : "supervisor");
}

/* ---- the slot ------------------------------------------------------------------- */

_Static_assert(METRIC_BY_SUPERVISOR == 1 << ROLE_SUPERVISOR, "owners follow the roles");
_Static_assert(METRIC_BY_RAFTD == 1 << ROLE_RAFTD, "owners follow the roles");
_Static_assert(METRIC_BY_CLIENT == 1 << ROLE_CLIENT, "owners follow the roles");
_Static_assert(METRIC_BY_PEER == 1 << ROLE_PEER, "owners follow the roles");

/* What a predecessor said of its present is over. */
static void
clear_gauges(void)
{
	size_t used = used_words();
	size_t at = 1;
	struct found_record found;

	while (next_record(&at, used, &found)) {
		unsigned row = metric_row_of(found.name, METRIC_COUNT);

		if (row < METRIC_COUNT && (metric_rows[row].type == METRIC_IS_GAUGE ||
		    metric_rows[row].type == METRIC_IS_NEWEST))
			metric_store(found.cells, 0);
	}
	/* Behind the last good record there is nothing. */
	__atomic_store_n(metrics.slot, at, __ATOMIC_RELEASE);
}

/* Those without values for labels are shown from the start, as 0. */
static void
open_plain_series(int role)
{
	for (size_t i = 0; i < METRIC_COUNT; i++) {
		const struct metric_row *row = &metric_rows[i];
		bool plain = row->labels[0] == '\0' || strchr(row->labels, '=') != NULL;

		if (plain && (row->owners & (1U << role)) != 0)
			metrics.cells[i] = open_cells(row, NULL);
		else
			metrics.cells[i] = nowhere;
	}
}

enum err
metric_attach(int fd, uint32_t slot, int role)
{
	const struct metric_directory *whole;
	struct stat status;
	uint64_t *own;

	if (slot >= SLOTS_MAX || fstat(fd, &status) == -1 || status.st_size != (off_t)AREA_BYTES)
		return ERR_INVALID;
	whole = mmap(NULL, AREA_BYTES, PROT_READ, MAP_SHARED, fd, 0);
	if (whole == MAP_FAILED)
		return ERR_INVALID;
	own = mmap(NULL, BLOCK_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
	    (off_t)(BLOCK_BYTES * (1 + slot)));
	if (own == MAP_FAILED || whole->magic != METRIC_MAGIC) {
		munmap((void *)(uintptr_t)whole, AREA_BYTES);
		if (own != MAP_FAILED)
			munmap(own, BLOCK_BYTES);
		return ERR_INVALID;
	}
	metrics.whole = whole;
	metrics.slot = own;
	metrics.full = false;
	clear_gauges();
	open_plain_series(role);
	return ERR_NONE;
}
