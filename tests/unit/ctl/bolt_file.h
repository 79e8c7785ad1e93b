/*
 * bolt_file.h - makes files as etcd 3 keeps its state in, page by page, for tests.
 */
#ifndef MOOTHALL_TESTS_UNIT_CTL_BOLT_FILE_H
#define MOOTHALL_TESTS_UNIT_CTL_BOLT_FILE_H

#include "common/buf.h"

#define BOLT_PAGE 512

/* Pages as they come; the two first say what the last one of bolt_file_end says. */
struct bolt_file {
	struct buf bytes;
};

/* What goes into a page: keys with values, or with pages. */
struct bolt_item {
	struct slice key, value;
	uint64_t child;
	bool is_bucket;
};

void bolt_file_begin(struct bolt_file *file);
/* A page of that kind (1: branch, 2: leaf) with these; its number. Grows over as many pages as it
 * needs. */
uint64_t bolt_file_page(struct bolt_file *file, unsigned kind, const struct bolt_item *items,
    size_t count);
/* The same without a place of its own: of a small bucket, behind its 16 bytes. */
void bolt_small_bucket(struct buf *value, const struct bolt_item *items, size_t count);
/* The tree of buckets begins there. */
void bolt_file_end(struct bolt_file *file, uint64_t root);
/* What a file is checked by, behind it. */
void bolt_file_sum(struct bolt_file *file);

void bolt_put_number(struct buf *out, uint64_t value, size_t size);
/* The value of a bucket whose tree begins there. */
void bolt_bucket(struct buf *value, uint64_t root);

#endif
