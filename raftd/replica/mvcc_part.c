/*
 * mvcc_part.c - the v3 key space as a part of the applied state: its commands.
 *
 * What became of one goes where the cause of an error goes: a v3_outcome, which the session
 * table remembers, so that a request that comes again is answered as the first time.
 */
#include "raftd/replica/part.h"

#include "raftd/replica/mvcc/mvcc.h"
#include "raftd/replica/replica.h"
#include "raftd/replica/state.h"
#include "raftd/replica/v3_rights.h"

static void *
create(struct replica *replica, uint64_t seed)
{
	replica->mvcc = mvcc_new(seed);
	return replica->mvcc;
}

static void
destroy(void *state)
{
	struct mvcc *mvcc = state;

	mvcc_free(&mvcc);
}

struct store_outcome
apply_v3_outcome(const struct applying *a, struct mvcc_outcome *outcome)
{
	struct store_outcome result = apply_outcome(a, ERR_NONE, NULL);

	outcome->revision = mvcc_revision(a->replica->mvcc);
	result.cause = mvcc_outcome_blob(outcome);
	mvcc_outcome_free(outcome);
	return result;
}

bool
apply_v3_is_nobodys(const struct applying *a)
{
	return a->replica->v3_auth.enabled && !a->permitted && !a->of_leader;
}

struct store_outcome
apply_v3_refused(const struct applying *a, enum v3_error error)
{
	struct mvcc_outcome outcome = { .error = error };

	return apply_v3_outcome(a, &outcome);
}

/* What an alarm makes of a command: one that adds, or another. */
static enum v3_error
alarmed(const struct applying *a, bool adds)
{
	const struct v3_alarms *alarms = &a->replica->v3_alarms;

	if (v3_alarms_stand(alarms, ALARM_CORRUPT))
		return V3_CORRUPT;
	return adds && v3_alarms_stand(alarms, ALARM_NOSPACE) ? V3_NO_SPACE : V3_NONE;
}

/* May nobody ask for it, or not now? */
static enum v3_error
refusal(const struct applying *a, bool adds)
{
	return apply_v3_is_nobodys(a) ? V3_USER_EMPTY : alarmed(a, adds);
}

/* How much of it one call does. */
static size_t
step_of(const struct applying *a)
{
	return a->hits_max == SIZE_MAX ? SIZE_MAX :
	    MIN_OF(V3_STEP_CHANGES, MAX_OF(a->hits_max, (size_t)1));
}

/* False: it changes so many keys that it goes on with the next call. */
static bool
advance_write(struct applying *a, struct reader body)
{
	struct mvcc *mvcc = a->replica->mvcc;
	struct command_v3_write write;
	struct mvcc_request *request;

	if (!mvcc_is_under_way(mvcc)) {
		/* What is none, or not to be done, is refused by apply_write. */
		if (!command_v3_write_get(&body, &write) || !reader_done(&body) ||
		    mvcc_request_new(write.compares, write.ops, a->entry->payload,
		    &request) != V3_NONE)
			return true;
		if (refusal(a, mvcc_request_puts(request)) != V3_NONE) {
			mvcc_request_free(&request);
			return true;
		}
		mvcc_write_begin(mvcc, request);
	}
	return mvcc_write_on(mvcc, step_of(a), a->effects);
}

static struct store_outcome
apply_write(struct applying *a, struct reader *body)
{
	struct mvcc_outcome outcome = { .error = V3_NONE };
	struct command_v3_write write;
	struct mvcc_request *request;

	if (mvcc_is_under_way(a->replica->mvcc)) {
		mvcc_write_end(a->replica->mvcc, &outcome);
		return apply_v3_outcome(a, &outcome);
	}
	if (!command_v3_write_get(body, &write) || !reader_done(body))
		return apply_malformed(a);
	outcome.error = mvcc_request_new(write.compares, write.ops, NULL, &request);
	if (outcome.error == V3_NONE) {
		outcome.error = refusal(a, mvcc_request_puts(request));
		mvcc_request_free(&request);
	}
	ASSERT(outcome.error != V3_NONE);
	return apply_v3_outcome(a, &outcome);
}

static struct store_outcome
apply_compact(struct applying *a, struct reader *body)
{
	struct mvcc_outcome outcome = { .error = V3_NONE };
	struct command_v3_compact compact;

	if (!command_v3_compact_get(body, &compact) || !reader_done(body))
		return apply_malformed(a);
	outcome.error = refusal(a, false);
	if (outcome.error == V3_NONE)
		outcome.error = mvcc_compact(a->replica->mvcc, mvcc_int64(compact.revision));
	return apply_v3_outcome(a, &outcome);
}

static struct store_outcome
apply_grant(struct applying *a, struct reader *body)
{
	struct mvcc_outcome outcome = { .error = V3_NONE };
	struct command_v3_grant grant;

	if (!command_v3_grant_get(body, &grant) || !reader_done(body))
		return apply_malformed(a);
	outcome.error = refusal(a, true);
	if (outcome.error == V3_NONE)
		outcome.error = mvcc_lease_grant(a->replica->mvcc, grant.id,
		    mvcc_int64(grant.ttl_s), a->replica->applied_ns, a->effects, &outcome.ttl_s);
	return apply_v3_outcome(a, &outcome);
}

static bool
advance_revoke(struct applying *a, struct reader body)
{
	struct mvcc *mvcc = a->replica->mvcc;
	struct command_v3_revoke revoke;
	size_t left = step_of(a);

	/* What is none, of no lease, or not to be done, is refused by apply_revoke. */
	if (!mvcc_is_under_way(mvcc) && (!command_v3_revoke_get(&body, &revoke) ||
	    !reader_done(&body) || refusal(a, false) != V3_NONE ||
	    mvcc_lease_revoke_begin(mvcc, revoke.id) != V3_NONE))
		return true;
	return mvcc_lease_end_on(mvcc, &left, a->effects);
}

static struct store_outcome
apply_revoke(struct applying *a, struct reader *body)
{
	struct mvcc_outcome outcome = { .error = V3_NONE };
	struct command_v3_revoke revoke;

	if (!command_v3_revoke_get(body, &revoke) || !reader_done(body))
		return apply_malformed(a);
	if (mvcc_is_under_way(a->replica->mvcc)) {
		mvcc_lease_end_end(a->replica->mvcc, a->effects);
		return apply_v3_outcome(a, &outcome);
	}
	outcome.error = refusal(a, false);
	if (outcome.error == V3_NONE)
		outcome.error = V3_LEASE_NOT_FOUND;
	return apply_v3_outcome(a, &outcome);
}

/* ---- of a user ---------------------------------------------------------------- */

static const struct part_command of_users[] = {
	{ COMMAND_V3_WRITE, apply_write, advance_write },
	{ COMMAND_V3_COMPACT, apply_compact, NULL },
	{ COMMAND_V3_GRANT, apply_grant, NULL },
	{ COMMAND_V3_REVOKE, apply_revoke, advance_revoke },
	{ COMMAND_V3_ALARM, apply_v3_alarm, NULL },
};

/* What is in it. NULL: it makes no sense. */
static const struct part_command *
take_as(struct reader *body, struct command_v3_as *as)
{
	if (!command_v3_as_get(body, as) || !reader_done(body))
		return NULL;
	for (size_t i = 0; i < ARRAY_COUNT(of_users); i++)
		if (of_users[i].kind == as->kind)
			return &of_users[i];
	return NULL;
}

/* What is begun was looked at when it was. */
static enum v3_error
ask_for_rights(struct applying *a, const struct command_v3_as *as)
{
	enum v3_error error = V3_NONE;

	if (!mvcc_is_under_way(a->replica->mvcc))
		error = v3_rights_check(a->replica, as);
	a->permitted = error == V3_NONE;
	return error;
}

static bool
advance_as(struct applying *a, struct reader body)
{
	struct command_v3_as as;
	const struct part_command *command = take_as(&body, &as);

	return command == NULL || command->advance == NULL ||
	    ask_for_rights(a, &as) != V3_NONE || command->advance(a, reader_of(as.body));
}

static struct store_outcome
apply_as(struct applying *a, struct reader *body)
{
	struct command_v3_as as;
	const struct part_command *command = take_as(body, &as);
	enum v3_error error;

	if (command == NULL)
		return apply_malformed(a);
	error = ask_for_rights(a, &as);
	if (error != V3_NONE)
		return apply_v3_refused(a, error);
	*body = reader_of(as.body);
	return command->apply(a, body);
}

/* ---- of the leader ------------------------------------------------------------ */

/* Is it a list of that many at most? */
static bool
are_leases(struct slice list)
{
	struct reader in = reader_of(list);
	struct command_v3_lease lease;
	size_t count = 0;

	while (!reader_done(&in))
		if (count++ == V3_EXPIRE_LEASES_MAX || !command_v3_lease_get(&in, &lease))
			return false;
	return true;
}

/* Does what a leader said make sense, and has it weight? Not in the term of another, who may have
 * promised more. */
static bool
counts(const struct applying *a, uint64_t term, struct slice list)
{
	return are_leases(list) && term == a->entry->term;
}

/* False: there are so many keys on them that it goes on with the next call. */
static bool
advance_expire(struct applying *a, struct reader body)
{
	struct mvcc *mvcc = a->replica->mvcc;
	struct command_v3_expire expire;
	struct command_v3_lease lease;
	size_t left = step_of(a);
	struct reader in;

	if (!command_v3_expire_get(&body, &expire) || !reader_done(&body) ||
	    !counts(a, expire.term, expire.leases))
		return true;
	in = reader_of(expire.leases);
	while (!reader_done(&in)) {
		MUST(command_v3_lease_get(&in, &lease));
		/* Those before it are gone, or stay. */
		if (!mvcc_lease_is_ending(mvcc, lease.id) &&
		    (mvcc_is_under_way(mvcc) || !mvcc_lease_expire_begin(mvcc, lease.id,
		    a->replica->applied_ns)))
			continue;
		if (!mvcc_lease_end_on(mvcc, &left, a->effects))
			return false;
		mvcc_lease_end_end(mvcc, a->effects);
	}
	return true;
}

/* advance_expire has done it. */
static struct store_outcome
apply_expire(struct applying *a, struct reader *body)
{
	struct command_v3_expire expire;

	if (!command_v3_expire_get(body, &expire) || !reader_done(body) ||
	    !are_leases(expire.leases))
		return apply_malformed(a);
	return apply_outcome(a, ERR_NONE, NULL);
}

static struct store_outcome
apply_checkpoint(struct applying *a, struct reader *body)
{
	struct command_v3_checkpoint checkpoint;
	struct command_v3_lease lease;
	struct reader in;

	if (!command_v3_checkpoint_get(body, &checkpoint) || !reader_done(body) ||
	    !are_leases(checkpoint.leases))
		return apply_malformed(a);
	in = reader_of(checkpoint.leases);
	while (counts(a, checkpoint.term, checkpoint.leases) && !reader_done(&in)) {
		MUST(command_v3_lease_get(&in, &lease));
		mvcc_lease_checkpoint(a->replica->mvcc, lease.id, lease.expiry_ns, a->effects);
	}
	return apply_outcome(a, ERR_NONE, NULL);
}

/* ---- the part ----------------------------------------------------------------- */

static enum err
load(void *state, struct slice key, struct slice value)
{
	return mvcc_load(state, key, value);
}

static enum err
loaded(void *state, const char **where)
{
	return mvcc_loaded(state, where);
}

static void
flush(void *state, struct buf *effects)
{
	mvcc_flush(state, effects);
}

static void
adopt(void *state, void *old)
{
	mvcc_adopt(state, old);
}

static uint32_t
hash(const void *state)
{
	return mvcc_hash(state);
}

static void
invariants(const void *state)
{
	mvcc_invariants(state);
}

static const char prefixes[] = { STATE_V3_CHANGE, STATE_V3_LEASE, STATE_V3_META, '\0' };
/* Each has a revision and a place in it of its own. */
static const char once_prefixes[] = { STATE_V3_CHANGE, '\0' };

static const struct part_command commands[] = {
	{ COMMAND_V3_WRITE, apply_write, advance_write },
	{ COMMAND_V3_COMPACT, apply_compact, NULL },
	{ COMMAND_V3_GRANT, apply_grant, NULL },
	{ COMMAND_V3_REVOKE, apply_revoke, advance_revoke },
	{ COMMAND_V3_EXPIRE, apply_expire, advance_expire },
	{ COMMAND_V3_CHECKPOINT, apply_checkpoint, NULL },
	{ COMMAND_V3_AS, apply_as, advance_as },
	{ 0, NULL, NULL },
};

const struct replica_part mvcc_part = {
	.name = "mvcc",
	.prefixes = prefixes,
	.old_prefixes = "",
	.once_prefixes = once_prefixes,
	.commands = commands,
	.create = create,
	.destroy = destroy,
	.load = load,
	.loaded = loaded,
	.flush = flush,
	.adopt = adopt,
	.hash = hash,
	.invariants = invariants,
};
