/*
 * bolt.h - the keys and values in a file that etcd 3 keeps its state in (bbolt).
 *
 * A file is pages of one size. Two of them say where the tree of buckets begins, each with a
 * checksum: the one of the later transaction counts. A bucket is a tree of branch and leaf
 * pages, sorted by bytes; a small one stands in the leaf of the tree above. Numbers are those of
 * the machine that wrote it: here, of one with the lowest byte first. Source: the format as
 * documented by bbolt's own tools.
 *
 * Nothing here is believed: pages are in the file, elements in their pages, keys in order, and
 * no tree has more pages, or more keys, than the file has room for. Pure; the file's bytes are
 * the caller's.
 */
#ifndef MOOTHALL_CTL_BOLT_H
#define MOOTHALL_CTL_BOLT_H

#include "common/err.h"
#include "common/slice.h"

struct bolt {
	struct slice file;
	uint64_t page_bytes;
	uint64_t pages;			/* that the file has */
	uint64_t root;			/* page of the tree of buckets */
	const char *why;		/* static: what is wrong, after an error */
};

/* ERR_MALFORMED: it is no such file, see bolt->why. */
enum err bolt_open(struct slice file, struct bolt *bolt) MUST_CHECK;

/*
 * Give all keys of a bucket with their values, in order; those are of the file. take returns
 * false to end. ERR_NOT_FOUND: there is no such bucket; ERR_MALFORMED: see bolt->why, and some
 * may have been given.
 */
enum err bolt_walk(struct bolt *bolt, const char *bucket,
    bool (*take)(void *argument, struct slice key, struct slice value), void *argument)
    MUST_CHECK;

#endif
