/*
 * metric_text.c - the counters of all processes as text (see metric.h).
 *
 * Every record of every slot is taken, sorted by row and name, and those of one
 * name are put together. What stands in a slot was written by another process
 * and is believed in nothing but its numbers.
 *
 * OpenMetrics differs in little: a family of counters is named without _total,
 * bounds are floats, and the end is said.
 *
 * Source: Prometheus text format 0.0.4; OpenMetrics 1.0.0.
 */
#include "common/metric_priv.h"

#include "common/field_list.h"
#include "common/printable.h"
#include "common/xmem.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NS_DIGITS 9
#define TOTAL "_total"

struct sample {
	unsigned row;			/* the first row of its name */
	bool alive;
	size_t name_at, name_bytes;	/* in the texts */
	uint64_t cells[CELLS_MAX];
};

struct samples {
	struct sample *list;
	size_t count, capacity;
	struct buf texts;
};

/* ---- taking ------------------------------------------------------------------------ */

static bool
is_printable(struct slice name)
{
	while (name.size > 0) {
		size_t size = printable_size(name);

		if (size == 0)
			return false;
		name = slice_of(name.data + size, name.size - size);
	}
	return true;
}

/* Does it tell what is now? */
static bool
is_present(const struct metric_row *row)
{
	return row->type == METRIC_IS_GAUGE || row->type == METRIC_IS_NEWEST;
}

static void
take_record(struct samples *samples, const struct metric_record *header, const uint64_t *name,
    const uint64_t *cells, bool alive)
{
	struct sample sample = { .alive = alive, .name_at = samples->texts.size,
		.name_bytes = header->name_bytes };
	struct slice text;

	buf_append(&samples->texts, name, header->name_bytes);
	text = slice_of(samples->texts.data + sample.name_at, sample.name_bytes);
	sample.row = metric_row_of(text, header->row);
	if (sample.row == METRIC_COUNT || !is_printable(text) ||
	    header->cells != metric_cell_count(&metric_rows[sample.row])) {
		samples->texts.size = sample.name_at;
		return;
	}
	for (size_t i = 0; i < header->cells; i++)
		sample.cells[i] = metric_load(&cells[i]);
	if (sample.cells[0] == METRIC_HIDDEN && is_present(&metric_rows[sample.row])) {
		samples->texts.size = sample.name_at;
		return;
	}
	samples->list = xgrow(samples->list, &samples->capacity, samples->count + 1,
	    sizeof(samples->list[0]));
	samples->list[samples->count++] = sample;
}

static void
take_slot(struct samples *samples, const uint64_t *slot, bool alive)
{
	uint64_t used = __atomic_load_n(slot, __ATOMIC_ACQUIRE);
	size_t at = 1;

	if (used > BLOCK_WORDS)
		return;
	while (at < used) {
		uint64_t word = metric_load(&slot[at]);
		struct metric_record header;
		size_t words;

		memcpy(&header, &word, sizeof(header));
		words = 1 + metric_name_words(header.name_bytes) + header.cells;
		if (header.name_bytes == 0 || header.name_bytes > NAME_BYTES_LIMIT ||
		    header.cells > CELLS_MAX || words > used - at)
			return;
		take_record(samples, &header, &slot[at + 1], &slot[at + words - header.cells],
		    alive);
		at += words;
	}
}

static void
take_all(struct samples *samples)
{
	const uint8_t *whole = metric_whole();
	const struct metric_directory *directory = metric_whole();
	uint32_t slots;

	if (whole == NULL)
		return;
	slots = __atomic_load_n(&directory->slots, __ATOMIC_RELAXED);
	for (uint32_t i = 0; i < MIN_OF(slots, SLOTS_MAX); i++) {
		const void *slot = whole + BLOCK_BYTES * (1 + i);

		take_slot(samples, slot,
		    __atomic_load_n(&directory->holders[i].alive, __ATOMIC_RELAXED) != 0);
	}
}

/* ---- putting together ----------------------------------------------------------------- */

static int
compare(const void *a, const void *b, void *argument)
{
	const struct samples *samples = argument;
	const struct sample *left = a, *right = b;
	size_t common = MIN_OF(left->name_bytes, right->name_bytes);
	int result;

	if (left->row != right->row)
		return left->row < right->row ? -1 : 1;
	result = memcmp(samples->texts.data + left->name_at, samples->texts.data + right->name_at,
	    common);
	if (result != 0 || left->name_bytes == right->name_bytes)
		return result;
	return left->name_bytes < right->name_bytes ? -1 : 1;
}

/* What a dead process said of its present is over. */
static uint64_t
value_of(const struct sample *sample)
{
	if (!sample->alive && is_present(&metric_rows[sample->row]))
		return 0;
	return sample->cells[0];
}

static void
merge(struct sample *into, const struct sample *from)
{
	const struct metric_row *row = &metric_rows[into->row];

	if (row->type == METRIC_IS_NEWEST) {
		into->cells[0] = MAX_OF(value_of(into), value_of(from));
	} else if (metric_is_histogram(row)) {
		for (size_t i = 0; i < metric_cell_count(row); i++)
			into->cells[i] += from->cells[i];
	} else {
		into->cells[0] = value_of(into) + value_of(from);
	}
	into->alive = into->alive || from->alive;
}

static void
merge_all(struct samples *samples)
{
	size_t kept = 0;

	qsort_r(samples->list, samples->count, sizeof(samples->list[0]), compare, samples);
	for (size_t i = 0; i < samples->count; i++) {
		struct sample *last = kept == 0 ? NULL : &samples->list[kept - 1];

		if (last != NULL && compare(last, &samples->list[i], samples) == 0)
			merge(last, &samples->list[i]);
		else
			samples->list[kept++] = samples->list[i];
	}
	samples->count = kept;
}

/* ---- writing ------------------------------------------------------------------------------ */

static void
put_seconds(struct buf *out, uint64_t ns)
{
	uint64_t rest = ns % 1000000000;

	buf_append_u64(out, ns / 1000000000);
	if (rest != 0) {
		char digits[NS_DIGITS + 2];
		size_t size = (size_t)snprintf(digits, sizeof(digits), "%09" PRIu64, rest);

		while (digits[size - 1] == '0')
			size--;
		buf_append_byte(out, '.');
		buf_append(out, digits, size);
	}
}

static void
put_number(struct buf *out, const struct metric_row *row, uint64_t value)
{
	if (row->unit == METRIC_IN_NS)
		put_seconds(out, value);
	else
		buf_append_u64(out, value);
}

static const char *
type_name(const struct metric_row *row)
{
	switch (row->type) {
	case METRIC_IS_COUNTER:
		return "counter";
	case METRIC_IS_GAUGE:
	case METRIC_IS_NEWEST:
		return "gauge";
	case METRIC_IS_DISK_TIME:
	case METRIC_IS_SHORT_TIME:
	case METRIC_IS_SIZE:
		return "histogram";
	}
	return "untyped";
}

/* The labels of a sample without their braces. */
static struct slice
labels_of(const struct samples *samples, const struct sample *sample)
{
	size_t skip = strlen(metric_rows[sample->row].name) + 1;

	if (sample->name_bytes <= skip)
		return SLICE_EMPTY;
	return slice_of(samples->texts.data + sample->name_at + skip,
	    sample->name_bytes - skip - 1);
}

static void
put_bucket(struct buf *out, const struct metric_row *row, struct slice labels, unsigned bucket,
    uint64_t count, enum metric_form form)
{
	size_t begun;

	buf_printf(out, "%s_bucket{%.*s%sle=\"", row->name, SLICE_ARGS(labels),
	    labels.size == 0 ? "" : ",");
	begun = out->size;
	if (bucket == metric_bound_count(row))
		buf_append_text(out, "+Inf");
	else
		put_number(out, row, metric_bound(row) << bucket);
	if (form == METRIC_FORM_OPENMETRICS && bucket < metric_bound_count(row) &&
	    memchr(out->data + begun, '.', out->size - begun) == NULL)
		buf_append_text(out, ".0");
	buf_append_text(out, "\"} ");
	buf_append_u64(out, count);
	buf_append_byte(out, '\n');
}

static void
put_part(struct buf *out, const struct metric_row *row, const char *part, struct slice labels)
{
	buf_append_text(out, row->name);
	buf_append_text(out, part);
	if (labels.size > 0)
		buf_printf(out, "{%.*s}", SLICE_ARGS(labels));
	buf_append_byte(out, ' ');
}

static void
put_histogram(struct buf *out, const struct samples *samples, const struct sample *sample,
    enum metric_form form)
{
	const struct metric_row *row = &metric_rows[sample->row];
	struct slice labels = labels_of(samples, sample);
	unsigned bounds = metric_bound_count(row);
	uint64_t count = 0;

	for (unsigned i = 0; i <= bounds; i++) {
		count += sample->cells[i];
		put_bucket(out, row, labels, i, count, form);
	}
	put_part(out, row, "_sum", labels);
	put_number(out, row, sample->cells[bounds + 1]);
	buf_append_byte(out, '\n');
	put_part(out, row, "_count", labels);
	buf_append_u64(out, count);
	buf_append_byte(out, '\n');
}

static void
put_sample(struct buf *out, const struct samples *samples, const struct sample *sample,
    enum metric_form form)
{
	const struct metric_row *row = &metric_rows[sample->row];

	if (metric_is_histogram(row)) {
		put_histogram(out, samples, sample, form);
		return;
	}
	buf_append(out, samples->texts.data + sample->name_at, sample->name_bytes);
	buf_append_byte(out, ' ');
	put_number(out, row, value_of(sample));
	buf_append_byte(out, '\n');
}

static void
put_family(struct buf *out, const struct metric_row *row, enum metric_form form)
{
	int size = (int)strlen(row->name);

	if (form == METRIC_FORM_OPENMETRICS && row->type == METRIC_IS_COUNTER)
		size -= (int)strlen(TOTAL);
	buf_printf(out, "# HELP %.*s %s\n# TYPE %.*s %s\n", size, row->name, row->help, size,
	    row->name, type_name(row));
}

void
metric_render(struct buf *out, enum metric_form form)
{
	struct samples samples = { .list = NULL };
	unsigned row = METRIC_COUNT;

	take_all(&samples);
	if (samples.count > 0)
		merge_all(&samples);
	for (size_t i = 0; i < samples.count; i++) {
		const struct sample *sample = &samples.list[i];

		if (sample->row != row) {
			row = sample->row;
			put_family(out, &metric_rows[row], form);
		}
		put_sample(out, &samples, sample, form);
	}
	if (form == METRIC_FORM_OPENMETRICS)
		buf_append_text(out, "# EOF\n");
	buf_free(&samples.texts);
	free(samples.list);
}

/* ---- reading --------------------------------------------------------------------------------- */

void
metric_look(void (*seen)(void *argument, const struct metric_seen *seen), void *argument)
{
	struct samples samples = { .list = NULL };

	take_all(&samples);
	for (size_t i = 0; i < samples.count; i++) {
		const struct sample *sample = &samples.list[i];

		if (sample->alive || !is_present(&metric_rows[sample->row]))
			seen(argument, &(struct metric_seen){ .row = sample->row,
			    .labels = labels_of(&samples, sample), .cells = sample->cells });
	}
	buf_free(&samples.texts);
	free(samples.list);
}

struct slice
metric_label(struct slice labels, const char *name)
{
	size_t size = strlen(name);

	while (labels.size > size + 2) {
		bool right = memcmp(labels.data, name, size) == 0 && labels.data[size] == '=';
		const uint8_t *begin = memchr(labels.data, '"', labels.size);
		size_t at = begin == NULL ? labels.size : (size_t)(begin - labels.data) + 1;
		size_t end = at;

		while (end < labels.size && labels.data[end] != '"')
			end += labels.data[end] == '\\' ? 2 : 1;
		if (end >= labels.size)
			break;
		if (right)
			return slice_of(labels.data + at, end - at);
		end = MIN_OF(end + 2, labels.size);
		labels = slice_of(labels.data + end, labels.size - end);
	}
	return SLICE_EMPTY;
}

unsigned
metric_bucket_count(unsigned row)
{
	return metric_bound_count(&metric_rows[row]);
}

uint64_t
metric_bucket_bound(unsigned row, unsigned bucket)
{
	return metric_bound(&metric_rows[row]) << bucket;
}

/* ---- which form ------------------------------------------------------------------------------ */

/* "0.75" in thousandths; 0: what is no number. */
static unsigned
weight_of(struct slice text)
{
	unsigned weight = 0, unit = 1000;

	for (size_t i = 0; i < text.size && i < 5; i++) {
		if (text.data[i] == '.' && i == 1)
			continue;
		if (text.data[i] < '0' || text.data[i] > '9')
			return 0;
		weight += (unsigned)(text.data[i] - '0') * unit;
		unit /= 10;
	}
	return MIN_OF(weight, 1000U);
}

enum metric_form
metric_form_accepted(struct slice accept)
{
	unsigned openmetrics = 0, text = 0;

	while (accept.size > 0) {
		struct slice item = field_list_next(&accept, ',');
		struct slice type = field_list_next(&item, ';');
		unsigned weight = 1000;

		while (item.size > 0) {
			struct slice parameter = field_list_next(&item, ';');

			if (slice_starts_with(parameter, SLICE_LITERAL("q=")))
				weight = weight_of(slice_of(parameter.data + 2,
				    parameter.size - 2));
		}
		if (slice_equal(type, SLICE_LITERAL("application/openmetrics-text")))
			openmetrics = MAX_OF(openmetrics, weight);
		else if (slice_equal(type, SLICE_LITERAL("text/plain")))
			text = MAX_OF(text, weight);
	}
	return openmetrics > 0 && openmetrics >= text ? METRIC_FORM_OPENMETRICS : METRIC_FORM_TEXT;
}
