/*
 * marks.c - see marks.h.
 */
#include "supervisor/marks.h"

#include "common/ipc/message.h"

#include <string.h>

_Static_assert(MARK_TEXT_BYTES_MAX <= UINT8_MAX, "a byte says how long a text is");

void
marks_add(struct marks *marks, uint64_t time_ns, uint8_t kind, const char *text)
{
	struct past_mark *mark = &marks->list[marks->count++ % MARKS_MAX];

	mark->time_ns = time_ns;
	mark->kind = kind;
	mark->text_bytes = (uint8_t)MIN_OF(strlen(text), MARK_TEXT_BYTES_MAX);
	memcpy(mark->text, text, mark->text_bytes);
}

void
marks_put(const struct marks *marks, struct buf *out)
{
	size_t first = marks->count > MARKS_MAX ? marks->count - MARKS_MAX : 0;

	for (size_t i = first; i < marks->count; i++) {
		const struct past_mark *mark = &marks->list[i % MARKS_MAX];

		mark_record_put(out, &(struct mark_record){ .time_ns = mark->time_ns,
		    .kind = mark->kind, .text = slice_of(mark->text, mark->text_bytes) });
	}
}
