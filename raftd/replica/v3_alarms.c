/*
 * v3_alarms.c - see v3_alarms.h.
 */
#include "raftd/replica/v3_alarms.h"

#include "common/ipc/message.h"
#include "raftd/replica/state.h"

static int
compare(const struct v3_alarm *a, const struct v3_alarm *b)
{
	if (a->member != b->member)
		return a->member < b->member ? -1 : 1;
	if (a->type != b->type)
		return a->type < b->type ? -1 : 1;
	return (a->by > b->by) - (a->by < b->by);
}

static struct slice
record_key(uint8_t key[STATE_KEY_BYTES], const struct v3_alarm *alarm)
{
	return state_key_pair(key, STATE_V3_ALARM, alarm->member,
	    (uint64_t)alarm->type << 8 | alarm->by);
}

/* The place of the first that is not before it. */
static size_t
place_of(const struct v3_alarms *alarms, const struct v3_alarm *alarm)
{
	size_t place = 0;

	while (place < alarms->count && compare(&alarms->list[place], alarm) < 0)
		place++;
	return place;
}

enum v3_error
v3_alarms_raise(struct v3_alarms *alarms, const struct v3_alarm *alarm, struct buf *effects)
{
	size_t place = place_of(alarms, alarm);
	uint8_t key[STATE_KEY_BYTES];
	struct buf value = BUF_INIT;

	if (place < alarms->count && compare(&alarms->list[place], alarm) == 0)
		return V3_NONE;
	if (alarms->count == V3_ALARMS_MAX)
		return V3_TOO_MANY_REQUESTS;
	memmove(&alarms->list[place + 1], &alarms->list[place],
	    (alarms->count - place) * sizeof(*alarm));
	alarms->list[place] = *alarm;
	alarms->count++;
	if (effects == NULL)
		return V3_NONE;
	v3_alarm_state_put(&value, &(struct v3_alarm_state){ .format = STATE_FORMAT });
	state_effect(effects, record_key(key, alarm), buf_slice(&value));
	buf_free(&value);
	return V3_NONE;
}

static void
take(struct v3_alarms *alarms, size_t place, struct buf *effects)
{
	uint8_t key[STATE_KEY_BYTES];

	state_effect(effects, record_key(key, &alarms->list[place]), SLICE_EMPTY);
	alarms->count--;
	memmove(&alarms->list[place], &alarms->list[place + 1],
	    (alarms->count - place) * sizeof(alarms->list[place]));
}

size_t
v3_alarms_take(struct v3_alarms *alarms, uint64_t member, uint8_t type, struct buf *effects)
{
	size_t taken = 0;

	for (size_t i = alarms->count; i-- > 0;)
		if (alarms->list[i].member == member && alarms->list[i].type == type) {
			take(alarms, i, effects);
			taken++;
		}
	return taken;
}

size_t
v3_alarms_take_by(struct v3_alarms *alarms, uint8_t by, struct buf *effects)
{
	size_t taken = 0;

	for (size_t i = alarms->count; i-- > 0;)
		if (alarms->list[i].by == by) {
			take(alarms, i, effects);
			taken++;
		}
	return taken;
}

bool
v3_alarms_stand(const struct v3_alarms *alarms, uint8_t type)
{
	for (size_t i = 0; i < alarms->count; i++)
		if (alarms->list[i].type == type)
			return true;
	return false;
}

bool
v3_alarms_stand_by(const struct v3_alarms *alarms, uint8_t by)
{
	for (size_t i = 0; i < alarms->count; i++)
		if (alarms->list[i].by == by)
			return true;
	return false;
}

void
v3_alarms_encode(const struct v3_alarms *alarms, struct buf *out)
{
	for (size_t i = 0; i < alarms->count; i++)
		v3_alarm_record_put(out, &(struct v3_alarm_record){
		    .member = alarms->list[i].member, .type = alarms->list[i].type,
		    .by = alarms->list[i].by });
}
