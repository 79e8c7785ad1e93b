/*
 * peer_meter.h - what is counted of the traffic with another node, by whoever carries it.
 *
 * Only for members: whoever calls us would else be given series, one after the other.
 */
#ifndef MOOTHALL_COMMON_PEER_METER_H
#define MOOTHALL_COMMON_PEER_METER_H

#include "common/ipc/frame.h"
#include "common/metric.h"

/* Zeroed: not open, and counts nothing. */
struct peer_meter {
	struct metric_series *sent, *received, *failures, *round_trip;
	uint64_t heartbeat_ns;		/* monotonic, of the one that is timed; 0: none */
};

void peer_meter_open(struct peer_meter *meter, uint64_t node);
/* A frame left, came, or was dropped; now_ns: monotonic. */
void peer_meter_sent(struct peer_meter *meter, const struct frame *frame, uint64_t now_ns);
void peer_meter_received(struct peer_meter *meter, const struct frame *frame, uint64_t now_ns);
void peer_meter_failed(struct peer_meter *meter);

#endif
