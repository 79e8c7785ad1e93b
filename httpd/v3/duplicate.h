/*
 * duplicate.h - does a txn put a key twice, or put and delete it?
 *
 * Pure. A txn has one revision, in which a key changes once. As the original sees it: within a
 * branch, with all that is nested in it, no key is put twice, nor put where a delete of the
 * same level, of one around it or of a txn before it takes it. The two branches of a txn know
 * nothing of each other.
 *
 * The cost is that of sorting: deletes are held as intervals that do not touch.
 */
#ifndef MOOTHALL_HTTPD_V3_DUPLICATE_H
#define MOOTHALL_HTTPD_V3_DUPLICATE_H

#include "common/arena.h"

/* An operation of a flat list: a txn stands before those of its success, and these before
 * those of its failure. */
struct v3_flat_op {
	uint8_t kind;			/* enum v3_op_kind */
	const void *message;		/* its request */
	struct slice key, end;		/* of what is put or deleted */
	uint32_t compares;		/* of a txn: how many it has, */
	uint32_t success_end, failure_end; /* and the places behind its branches */
};

/* The first one is a txn, and the whole. arena: of what is needed meanwhile. */
bool v3_has_duplicate(const struct v3_flat_op *ops, size_t count, struct arena *arena) MUST_CHECK;

#endif
