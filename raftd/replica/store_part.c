/*
 * store_part.c - the store as a part of the applied state: writes, and expiry in steps.
 */
#include "raftd/replica/part.h"

#include "common/ipc/wire.h"
#include "raftd/replica/replica.h"
#include "raftd/replica/store/effect.h"

static void *
create(struct replica *replica, uint64_t seed)
{
	replica->store = store_new(seed);
	return replica->store;
}

static void
destroy(void *state)
{
	struct store *store = state;

	store_free(&store);
}

/* How far below its key a write reaches. */
static enum auth_reach
reach_of(const struct command_write *write)
{
	if (write->op == WRITE_CREATE_IN_ORDER)
		return AUTH_CHILD;
	return (write->flags & WRITE_FLAG_RECURSIVE) != 0 ? AUTH_TREE : AUTH_KEY;
}

/* Whoever asked may have lost the right since he did: here it is as it was in the log. */
static struct store_outcome
write_as(struct applying *a, const struct auth_who *who, const struct command_write *write)
{
	const struct auth *auth = &a->replica->auth;

	if (auth->enabled && !auth_may_write(auth, who, write->key, reach_of(write)))
		return apply_unauthorized(a);
	return store_write(a->replica->store, write, a->entry->time_ns, false, a->effects);
}

static struct store_outcome
apply_write(struct applying *a, struct reader *body)
{
	struct command_write write;

	if (!command_write_get(body, &write) || !reader_done(body))
		return apply_malformed(a);
	return write_as(a, &(struct auth_who){ .user = SLICE_EMPTY }, &write);
}

static struct store_outcome
apply_write_as(struct applying *a, struct reader *body)
{
	struct command_write_as write;

	if (!command_write_as_get(body, &write) || !reader_done(body) || write.user.size == 0)
		return apply_malformed(a);
	return write_as(a, &(struct auth_who){ .user = write.user,
	    .credential = write.credential }, &(struct command_write){ .op = write.op,
	    .flags = write.flags, .key = write.key, .value = write.value, .ttl_s = write.ttl_s,
	    .prev_index = write.prev_index, .prev_value = write.prev_value });
}

/*
 * Let expire what is due, as far as those who watch can be told in one turn: each of many
 * keys is told to each of many watches. False: the entry goes on with the next call.
 *
 * How much one entry lets go is the same on every node; the rest is due at once again.
 */
static bool
advance_expire(struct applying *a, struct reader body)
{
	const struct store_budget one = { 1, SIZE_MAX };
	struct store_budget *spent = &a->replica->expired;
	struct command_expire expire;
	struct store_budget step;

	if (!command_expire_get(&body, &expire) || !reader_done(&body))
		return true;
	while (spent->count < EXPIRE_COUNT_MAX && spent->bytes < EXPIRE_BYTES_MAX) {
		if (store_hits_waiting(a->replica->store) >= a->hits_max)
			return false;
		step = store_expire(a->replica->store, expire.cutoff_ns, one, a->entry->time_ns,
		    a->effects);
		if (step.count == 0)
			break;
		spent->count += step.count;
		spent->bytes += step.bytes;
	}
	*spent = (struct store_budget){ 0 };
	return true;
}

/* advance_expire has done it. */
static struct store_outcome
apply_expire(struct applying *a, struct reader *body UNUSED)
{
	return apply_outcome(a, ERR_NONE, NULL);
}

static struct store_outcome
apply_known(struct applying *a, struct reader *body)
{
	struct command_known known;

	if (!command_known_get(body, &known) || !reader_done(body))
		return apply_malformed(a);
	store_agree(a->replica->store, a->effects);
	return apply_outcome(a, ERR_NONE, NULL);
}

static enum err
load(void *state, struct slice key, struct slice value)
{
	return store_load(state, key, value);
}

static enum err
loaded(void *state, const char **where)
{
	return store_loaded(state, where);
}

static void
renew(void *state, void (*take)(void *argument, struct slice records), void *argument)
{
	store_save_nodes(state, take, argument);
}

static void
adopt(void *state, void *old)
{
	store_adopt(state, old);
}

static uint32_t
hash(const void *state)
{
	return store_hash(state);
}

/* What there is most of comes first. */
static const char prefixes[] = { EFFECT_NODE, EFFECT_EVENT, EFFECT_DOOMED, EFFECT_INDEX,
	EFFECT_OLD_NODE, '\0' };
static const char old_prefixes[] = { EFFECT_OLD_NODE, '\0' };
/* Each has an index of its own. */
static const char once_prefixes[] = { EFFECT_EVENT, '\0' };

static const struct part_command commands[] = {
	{ COMMAND_WRITE, apply_write, NULL },
	{ COMMAND_WRITE_AS, apply_write_as, NULL },
	{ COMMAND_EXPIRE, apply_expire, advance_expire },
	{ COMMAND_KNOWN, apply_known, NULL },
	{ 0, NULL, NULL },
};

const struct replica_part store_part = {
	.name = "store",
	.prefixes = prefixes,
	.old_prefixes = old_prefixes,
	.once_prefixes = once_prefixes,
	.commands = commands,
	.create = create,
	.destroy = destroy,
	.load = load,
	.loaded = loaded,
	.renew = renew,
	.adopt = adopt,
	.hash = hash,
	/* With those of the answers, which its events are kept for: requests_part.c. */
	.invariants = NULL,
};
