/*
 * reading.h - a view that is read in pieces, beside what store_get answered when
 * it was opened: each piece has to go on with that, to the byte.
 */
#ifndef MOOTHALL_TESTS_UNIT_RAFTD_STORE_READING_H
#define MOOTHALL_TESTS_UNIT_RAFTD_STORE_READING_H

#include "common/buf.h"
#include "raftd/replica/store/view.h"
#include "tests/lib/test.h"

struct reading {
	struct store_view *view;
	struct buf expected;		/* with the length of a view's nodes */
	struct buf out;
};

/* The key exists. */
void reading_open(struct reading *reading, struct store *store, struct slice key, unsigned flags,
    uint64_t now_ns);
enum view_state reading_read(struct reading *reading, size_t bytes_max, size_t steps_max);
/* Read the rest in pieces of that size, to the end; then close. */
void reading_end(struct reading *reading, size_t bytes_max);
void reading_close(struct reading *reading);

#endif
