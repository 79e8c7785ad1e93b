/*
 * keys.h - all keys of a cluster as of one revision, or of a file of etcd 3, in order.
 *
 * Of a cluster they come a page at a time, each of as many keys as are about PAGE_BYTES.
 */
#ifndef MOOTHALL_CTL_V3_KEYS_H
#define MOOTHALL_CTL_V3_KEYS_H

#include "ctl/etcd_snapshot.h"
#include "ctl/v3/call.h"

struct ctl3_keys {
	/* One of these. */
	struct ctl3 *v3;
	const struct etcd_snapshot *file;
	/* Of the key that came last; owned. */
	struct buf key, value;
	uint64_t lease;			/* 0: none */
	bool ended;			/* there is none any more */
	int64_t revision;		/* of all of them; 0 before the first page */
	/* The rest is keys.c's. */
	size_t place, limit, page_keys, page_bytes;
	bool more;
	struct ctl3_answer answer;
	const struct json *next;
};

/* To the next key, from the first on, or to the end. CTL3_DONE, or it was said and this is the
 * exit code. */
int ctl3_keys_next(struct ctl3_keys *keys) MUST_CHECK;
void ctl3_keys_free(struct ctl3_keys *keys);

#endif
