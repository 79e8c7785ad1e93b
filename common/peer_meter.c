/*
 * peer_meter.c - see peer_meter.h.
 */
#include "common/peer_meter.h"

#include "common/clock.h"
#include "common/ipc/message.h"
#include "common/limits.h"

#include <inttypes.h>
#include <stdio.h>

#define HEARTBEAT_LOST_NS (5 * NS_PER_SECOND)

void
peer_meter_open(struct peer_meter *meter, uint64_t node)
{
	char id[17];
	const char *label = id;

	snprintf(id, sizeof(id), "%016" PRIx64, node);
	meter->sent = metric_series(METRIC_peer_sent, &label);
	meter->received = metric_series(METRIC_peer_received, &label);
	meter->failures = metric_series(METRIC_peer_failures, &label);
	meter->round_trip = metric_series(METRIC_peer_round_trip, &label);
}

/* The first heartbeat that is not answered is timed; one that got lost gives way. */
void
peer_meter_sent(struct peer_meter *meter, const struct frame *frame, uint64_t now_ns)
{
	if (meter->sent == NULL)
		return;
	metric_series_add(meter->sent, FRAME_HEADER_BYTES + frame->payload.size);
	if (frame->type == MSG_raft_heartbeat && (meter->heartbeat_ns == 0 ||
	    now_ns - meter->heartbeat_ns > HEARTBEAT_LOST_NS))
		meter->heartbeat_ns = now_ns;
}

void
peer_meter_received(struct peer_meter *meter, const struct frame *frame, uint64_t now_ns)
{
	if (meter->received == NULL)
		return;
	metric_series_add(meter->received, FRAME_HEADER_BYTES + frame->payload.size);
	if (frame->type != MSG_raft_heartbeat_reply || meter->heartbeat_ns == 0)
		return;
	metric_series_observe(meter->round_trip, now_ns - meter->heartbeat_ns);
	meter->heartbeat_ns = 0;
}

void
peer_meter_failed(struct peer_meter *meter)
{
	if (meter->failures != NULL)
		metric_series_add(meter->failures, 1);
}
