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

/* Takes the outcome. */
static struct store_outcome
end(const struct applying *a, struct mvcc_outcome *outcome)
{
	struct store_outcome result = apply_outcome(a, ERR_NONE, NULL);

	outcome->revision = mvcc_revision(a->replica->mvcc);
	result.cause = mvcc_outcome_blob(outcome);
	mvcc_outcome_free(outcome);
	return result;
}

static struct store_outcome
apply_write(struct applying *a, struct reader *body)
{
	struct mvcc_outcome outcome = { .error = V3_NONE };
	struct command_v3_write write;
	struct mvcc_request *request;

	if (!command_v3_write_get(body, &write) || !reader_done(body))
		return apply_malformed(a);
	outcome.error = mvcc_request_new(write.compares, write.ops, NULL, &request);
	if (outcome.error == V3_NONE)
		mvcc_write(a->replica->mvcc, request, a->effects, &outcome);
	mvcc_request_free(&request);
	return end(a, &outcome);
}

static struct store_outcome
apply_compact(struct applying *a, struct reader *body)
{
	struct mvcc_outcome outcome = { .error = V3_NONE };
	struct command_v3_compact compact;

	if (!command_v3_compact_get(body, &compact) || !reader_done(body))
		return apply_malformed(a);
	outcome.error = mvcc_compact(a->replica->mvcc, mvcc_int64(compact.revision));
	return end(a, &outcome);
}

static struct store_outcome
apply_grant(struct applying *a, struct reader *body)
{
	struct mvcc_outcome outcome = { .error = V3_NONE };
	struct command_v3_grant grant;

	if (!command_v3_grant_get(body, &grant) || !reader_done(body))
		return apply_malformed(a);
	outcome.error = mvcc_lease_grant(a->replica->mvcc, grant.id, mvcc_int64(grant.ttl_s),
	    a->replica->applied_ns, a->effects, &outcome.ttl_s);
	return end(a, &outcome);
}

static struct store_outcome
apply_revoke(struct applying *a, struct reader *body)
{
	struct mvcc_outcome outcome = { .error = V3_NONE };
	struct command_v3_revoke revoke;

	if (!command_v3_revoke_get(body, &revoke) || !reader_done(body))
		return apply_malformed(a);
	outcome.error = mvcc_lease_revoke(a->replica->mvcc, revoke.id, a->effects);
	return end(a, &outcome);
}

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

/* What a leader said has no weight in the term of another, who may have promised more. */
static struct store_outcome
apply_to_leases(struct applying *a, uint64_t term, struct slice list,
    void (*apply)(struct applying *a, const struct command_v3_lease *lease))
{
	struct reader in = reader_of(list);
	struct command_v3_lease lease;

	if (!are_leases(list))
		return apply_malformed(a);
	while (term == a->entry->term && !reader_done(&in)) {
		MUST(command_v3_lease_get(&in, &lease));
		apply(a, &lease);
	}
	return apply_outcome(a, ERR_NONE, NULL);
}

static void
expire_one(struct applying *a, const struct command_v3_lease *lease)
{
	mvcc_lease_expire(a->replica->mvcc, lease->id, a->replica->applied_ns, a->effects);
}

static void
settle_one(struct applying *a, const struct command_v3_lease *lease)
{
	mvcc_lease_checkpoint(a->replica->mvcc, lease->id, lease->expiry_ns, a->effects);
}

static struct store_outcome
apply_expire(struct applying *a, struct reader *body)
{
	struct command_v3_expire expire;

	if (!command_v3_expire_get(body, &expire) || !reader_done(body))
		return apply_malformed(a);
	return apply_to_leases(a, expire.term, expire.leases, expire_one);
}

static struct store_outcome
apply_checkpoint(struct applying *a, struct reader *body)
{
	struct command_v3_checkpoint checkpoint;

	if (!command_v3_checkpoint_get(body, &checkpoint) || !reader_done(body))
		return apply_malformed(a);
	return apply_to_leases(a, checkpoint.term, checkpoint.leases, settle_one);
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
	{ COMMAND_V3_WRITE, apply_write, NULL },
	{ COMMAND_V3_COMPACT, apply_compact, NULL },
	{ COMMAND_V3_GRANT, apply_grant, NULL },
	{ COMMAND_V3_REVOKE, apply_revoke, NULL },
	{ COMMAND_V3_EXPIRE, apply_expire, NULL },
	{ COMMAND_V3_CHECKPOINT, apply_checkpoint, NULL },
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
