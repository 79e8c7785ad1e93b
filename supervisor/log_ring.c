/*
 * log_ring.c - see log_ring.h.
 */
#include "supervisor/log_ring.h"

#include "common/limits.h"

#include <string.h>

void
log_ring_free(struct log_ring *ring)
{
	buf_free(&ring->lines);
}

/* Of the newest lines those that are together no more than that. */
static struct slice
newest(struct slice lines, size_t bytes_max)
{
	const uint8_t *end;
	size_t skip;

	if (lines.size <= bytes_max)
		return lines;
	/* From behind the end of the line that is there, or ends there. */
	skip = lines.size - bytes_max - 1;
	end = memchr(lines.data + skip, '\n', lines.size - skip);
	if (end == NULL)
		return SLICE_EMPTY;
	skip = (size_t)(end - lines.data) + 1;
	return slice_of(lines.data + skip, lines.size - skip);
}

void
log_ring_put(struct log_ring *ring, struct slice line)
{
	if (ring->lines.size + line.size > 2 * LOG_KEPT_BYTES_MAX)
		buf_consume(&ring->lines, ring->lines.size -
		    newest(buf_slice(&ring->lines), LOG_KEPT_BYTES_MAX).size);
	buf_append_slice(&ring->lines, line);
}

struct slice
log_ring_tail(const struct log_ring *ring, size_t count)
{
	struct slice lines = newest(buf_slice(&ring->lines), LOG_KEPT_BYTES_MAX);
	size_t at = lines.size;

	while (at > 0 && count > 0) {
		const uint8_t *end = at < 2 ? NULL : memrchr(lines.data, '\n', at - 1);

		at = end == NULL ? 0 : (size_t)(end - lines.data) + 1;
		count--;
	}
	return slice_of(lines.data + at, lines.size - at);
}
