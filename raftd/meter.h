/*
 * meter.h - what raftd counts for operators: the conductor and its core are
 * pure and only know their figures, this hands them to common/metric.h.
 *
 * Called by main.c. What a new node counts from 0 again is added to what its
 * predecessor counted.
 */
#ifndef MOOTHALL_RAFTD_METER_H
#define MOOTHALL_RAFTD_METER_H

#include "raftd/node.h"

struct meter {
	uint64_t leader;		/* id of the last one that was known; 0: none yet */
	struct node_counts counted;	/* up to here */
	uint64_t applying_ns;		/* monotonic, since when */
};

/* The node pushed its status. */
void meter_status(struct meter *meter, const struct msg_status *status);
/* A watch was answered. */
void meter_watching(const struct msg_watching *answer);
/* How much space there is. */
void meter_space(const struct wal_space *space);
/* The node's turn is over, and none of its answers has gone out yet: a client that sees one
 * and asks for the figures finds it in them. */
void meter_turn(struct meter *meter, const struct node *node);
/* As node_io.h has them. */
void meter_took(void *unused, enum node_span span, uint64_t ns);
void meter_applying(struct meter *meter, bool begins);
/* Append what this node tells others of itself: see node_io.h. */
void meter_condition(void *unused, struct buf *out);
/* The answers went out. queued: bytes that still wait for workers. */
void meter_flushed(size_t queued);

#endif
