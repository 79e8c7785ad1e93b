/*
 * marks.h - what happened to the node lately, for the time axis of a chart.
 *
 * Pure: a ring of the newest MARKS_MAX, each with MARK_TEXT_BYTES_MAX of text at most. Owned by
 * desk.c, and lost with the program.
 */
#ifndef MOOTHALL_SUPERVISOR_MARKS_H
#define MOOTHALL_SUPERVISOR_MARKS_H

#include "common/buf.h"
#include "common/limits.h"

struct past_mark {
	uint64_t time_ns;		/* wall */
	uint8_t kind;			/* MARK_* of wire.h */
	uint8_t text_bytes;
	char text[MARK_TEXT_BYTES_MAX];
};

struct marks {
	struct past_mark list[MARKS_MAX];	/* a ring */
	size_t count;			/* that there ever were */
};

void marks_add(struct marks *marks, uint64_t time_ns, uint8_t kind, const char *text);
/* Append a list of mark_record, the newest last. */
void marks_put(const struct marks *marks, struct buf *out);

#endif
