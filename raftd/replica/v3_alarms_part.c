/*
 * v3_alarms_part.c - alarms of the v3 API as a part of the applied state.
 *
 * What they refuse is refused by those whose commands are refused (mvcc_part.c).
 */
#include "raftd/replica/part.h"

#include "common/crc32c.h"
#include "raftd/replica/replica.h"
#include "raftd/replica/state.h"

static void *
create(struct replica *replica, uint64_t seed UNUSED)
{
	return &replica->v3_alarms;
}

static bool
is_sound(const struct v3_alarm *alarm)
{
	return alarm->type >= ALARM_NOSPACE && alarm->type <= ALARM_TYPES_LAST &&
	    alarm->by <= ALARM_BY_QUOTA;
}

struct store_outcome
apply_v3_alarm(struct applying *a, struct reader *body)
{
	struct v3_alarms *alarms = &a->replica->v3_alarms;
	struct mvcc_outcome outcome = { .error = V3_NONE };
	struct command_v3_alarm command;
	struct v3_alarm alarm;
	size_t before = alarms->count;

	if (!command_v3_alarm_get(body, &command) || !reader_done(body))
		return apply_malformed(a);
	alarm = (struct v3_alarm){ command.member, command.type, command.by };
	if (!is_sound(&alarm) || (command.op != ALARM_RAISE && command.op != ALARM_TAKE))
		return apply_malformed(a);
	if (apply_v3_is_nobodys(a))
		return apply_v3_refused(a, V3_USER_EMPTY);
	if (command.op == ALARM_RAISE)
		outcome.error = v3_alarms_raise(alarms, &alarm, a->effects);
	else if (alarm.by == ALARM_BY_QUOTA)
		outcome.changes = (uint32_t)v3_alarms_take_by(alarms, alarm.by, a->effects);
	else
		outcome.changes = (uint32_t)v3_alarms_take(alarms, alarm.member, alarm.type,
		    a->effects);
	/* What stood before is raised for who asks. */
	if (command.op == ALARM_RAISE)
		outcome.changes = outcome.error == V3_NONE;
	if (alarms->count != before)
		a->facts->v3_alarm = (struct v3_alarm_fact){ command.op, alarm };
	outcome.revision = mvcc_revision(a->replica->mvcc);
	return apply_v3_outcome(a, &outcome);
}

static enum err
load(void *state, struct slice key, struct slice value)
{
	struct reader in = reader_of(value);
	struct v3_alarm_state record;
	struct v3_alarm alarm;
	uint64_t number;

	if (!state_key_parse(key, &alarm.member, &number, 2) ||
	    number > ((uint64_t)ALARM_TYPES_LAST << 8 | ALARM_BY_QUOTA))
		return ERR_CORRUPT;
	alarm.type = (uint8_t)(number >> 8);
	alarm.by = (uint8_t)number;
	if (!is_sound(&alarm) || !v3_alarm_state_get(&in, &record) || !reader_done(&in) ||
	    record.format != STATE_FORMAT || v3_alarms_raise(state, &alarm, NULL) != V3_NONE)
		return ERR_CORRUPT;
	return ERR_NONE;
}

static uint32_t
hash(const void *state)
{
	struct buf bytes = BUF_INIT;
	uint32_t sum;

	v3_alarms_encode(state, &bytes);
	sum = crc32c(0, buf_slice(&bytes));
	buf_free(&bytes);
	return sum;
}

static void
invariants(const void *state)
{
	const struct v3_alarms *alarms = state;

	ASSERT(alarms->count <= V3_ALARMS_MAX);
	for (size_t i = 0; i < alarms->count; i++)
		ASSERT(is_sound(&alarms->list[i]));
}

static const char prefixes[] = { STATE_V3_ALARM, '\0' };

static const struct part_command commands[] = {
	{ COMMAND_V3_ALARM, apply_v3_alarm, NULL },
	{ 0, NULL, NULL },
};

const struct replica_part v3_alarms_part = {
	.name = "v3_alarms",
	.prefixes = prefixes,
	.old_prefixes = "",
	.once_prefixes = "",
	.commands = commands,
	.create = create,
	.load = load,
	.hash = hash,
	.invariants = invariants,
};
