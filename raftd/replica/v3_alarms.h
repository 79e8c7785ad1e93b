/*
 * v3_alarms.h - alarms of the v3 API that stand: what is wrong with a member, by itself or since a
 * client said so.
 *
 * While one of a type stands, commands on the v3 keys are refused where they are applied
 * (mvcc_part.c), so that every node does the same and a request that comes again is answered
 * as the first time. Part of the applied state, changed by committed entries only; pure.
 *
 *	(none) --raised--> stands	[v3_alarms_raise]
 *	stands --taken---> (none)	[v3_alarms_take, v3_alarms_take_by]
 *
 * Source: docs/decisions.md, "An alarm is replicated, and the quota raises one".
 */
#ifndef MOOTHALL_RAFTD_REPLICA_V3_ALARMS_H
#define MOOTHALL_RAFTD_REPLICA_V3_ALARMS_H

#include "common/buf.h"
#include "common/err.h"
#include "common/ipc/wire.h"
#include "common/limits.h"
#include "common/v3_error.h"

struct v3_alarm {
	uint64_t member;		/* as clients know it, or whatever they said */
	uint8_t type;			/* enum alarm_type */
	uint8_t by;			/* enum alarm_by */
};

/* A zeroed one is empty. */
struct v3_alarms {
	size_t count;
	struct v3_alarm list[V3_ALARMS_MAX];	/* by member, type, by */
};

/* One that stands already is raised, too. V3_TOO_MANY_REQUESTS: V3_ALARMS_MAX stand. */
enum v3_error v3_alarms_raise(struct v3_alarms *alarms, const struct v3_alarm *alarm,
    struct buf *effects) MUST_CHECK;
/* Take back that type of that member, whoever raised it. How many stood. */
size_t v3_alarms_take(struct v3_alarms *alarms, uint64_t member, uint8_t type,
    struct buf *effects);
/* All that were raised so. */
size_t v3_alarms_take_by(struct v3_alarms *alarms, uint8_t by, struct buf *effects);
bool v3_alarms_stand(const struct v3_alarms *alarms, uint8_t type);
bool v3_alarms_stand_by(const struct v3_alarms *alarms, uint8_t by);
/* Append all as a list of v3_alarm_record. */
void v3_alarms_encode(const struct v3_alarms *alarms, struct buf *out);

#endif
