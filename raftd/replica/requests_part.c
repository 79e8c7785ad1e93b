/*
 * requests_part.c - the session table as a part of the applied state. It has no command: what
 * became of any request is recorded (apply.c).
 */
#include "raftd/replica/part.h"

#include "raftd/replica/replica.h"
#include "raftd/replica/state.h"

static void *
create(struct replica *replica, uint64_t seed)
{
	replica->requests = requests_new(seed);
	return replica;
}

static void
destroy(void *state)
{
	struct replica *replica = state;

	requests_free(&replica->requests);
}

static enum err
load(void *state, struct slice key, struct slice value)
{
	const struct replica *replica = state;

	return requests_load(replica->requests, key, value);
}

static enum err
loaded(void *state, const char **where)
{
	struct replica *replica = state;

	if (requests_loaded(replica->requests, replica->store) == ERR_NONE)
		return ERR_NONE;
	*where = "a session that answers are kept for is missing, or an answer is too new";
	return ERR_CORRUPT;
}

static void
flush(void *state, struct buf *effects)
{
	const struct replica *replica = state;

	requests_flush(replica->requests, effects);
}

static uint32_t
hash(const void *state)
{
	const struct replica *replica = state;

	return requests_hash(replica->requests);
}

static void
invariants(const void *state)
{
	const struct replica *replica = state;

	/* Each answer that has an event retains it, and nobody else does. */
	ASSERT(store_invariants(replica->store) ==
	    requests_invariants(replica->requests, replica->store));
}

static const char prefixes[] = { STATE_SESSION, STATE_RESULT, '\0' };
/* Of one request it is kept, until it is forgotten. */
static const char once_prefixes[] = { STATE_RESULT, '\0' };

static const struct part_command commands[] = {
	{ 0, NULL, NULL },
};

const struct replica_part requests_part = {
	.name = "requests",
	.prefixes = prefixes,
	.old_prefixes = "",
	.once_prefixes = once_prefixes,
	.commands = commands,
	.create = create,
	.destroy = destroy,
	.load = load,
	.loaded = loaded,
	.flush = flush,
	.hash = hash,
	.invariants = invariants,
};
