/*
 * toy.c - see toy.h: the command's maker, the state machine, its row.
 */
#include "tests/unit/raftd/replica/toy.h"

#include "common/crc32c.h"
#include "common/xmem.h"
#include "raftd/replica/state.h"

#include <stdlib.h>

struct blob *
toy_new_add(uint64_t session, uint64_t sequence, uint8_t letter, uint64_t amount)
{
	struct command_head head = { .kind = TOY_ADD, .session = session, .sequence = sequence };
	struct buf bytes = BUF_INIT;
	struct blob *payload;

	command_head_put(&bytes, &head);
	codec_put_u8(&bytes, letter);
	codec_put_u64(&bytes, amount);
	payload = blob_new(buf_slice(&bytes));
	buf_free(&bytes);
	return payload;
}

struct toy *
toy_of(const struct replica *replica)
{
	return replica->states[part_row_count - 1];
}

/* ---- the state machine ---------------------------------------------------------- */

/* letters: how many of the letter go into the key, 1 or 0. */
static void
put(struct buf *effects, uint8_t letter, size_t letters, uint64_t count)
{
	const uint8_t key[] = { (uint8_t)TOY_PREFIX[0], letter };
	struct buf value = BUF_INIT;

	if (count != 0)
		codec_put_u64(&value, count);
	state_effect(effects, slice_of(key, 1 + letters), buf_slice(&value));
	buf_free(&value);
}

static void *
create(struct replica *replica UNUSED, uint64_t seed UNUSED)
{
	struct toy *toy = xzalloc(sizeof(*toy));

	toy->looks = xzalloc(sizeof(*toy->looks));
	return toy;
}

static void
destroy(void *state)
{
	struct toy *toy = state;

	free(toy->looks);
	free(toy);
}

static struct store_outcome
apply_add(struct applying *a, struct reader *body)
{
	struct toy *toy = a->state;
	uint64_t amount;
	uint8_t letter;

	if (!codec_get_u8(body, &letter) || !codec_get_u64(body, &amount) || !reader_done(body))
		return apply_malformed(a);
	toy->sum -= amount == 0 ? toy->counts[letter] : 0;
	toy->counts[letter] = amount == 0 ? 0 : toy->counts[letter] + amount;
	toy->sum += amount;
	put(a->effects, letter, 1, toy->counts[letter]);
	return apply_outcome(a, ERR_NONE, NULL);
}

/* What is to be told first may be too much for one call. */
static bool
advance_add(struct applying *a, struct reader body UNUSED)
{
	return a->hits_max > 0;
}

static enum err
load(void *state, struct slice key, struct slice value)
{
	struct toy *toy = state;
	struct reader in = reader_of(value);
	uint64_t count;

	if (key.size > 2 || !codec_get_u64(&in, &count) || !reader_done(&in))
		return ERR_CORRUPT;
	*(key.size == 1 ? &toy->sum : &toy->counts[key.data[1]]) = count;
	return ERR_NONE;
}

static uint64_t
sum_of(const struct toy *toy)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < ARRAY_COUNT(toy->counts); i++)
		sum += toy->counts[i];
	return sum;
}

static enum err
loaded(void *state, const char **where)
{
	struct toy *toy = state;

	*where = "the toy's sum is not that of its counters";
	return sum_of(toy) == toy->sum ? ERR_NONE : ERR_CORRUPT;
}

static void
flush(void *state, struct buf *effects)
{
	put(effects, 0, 0, ((struct toy *)state)->sum);
}

static void
adopt(void *state, void *old)
{
	((struct toy *)state)->waiting = ((struct toy *)old)->waiting;
}

static uint32_t
hash(const void *state)
{
	const struct toy *toy = state;

	return crc32c(0, slice_of(toy->counts, sizeof(toy->counts)));
}

static void
invariants(const void *state)
{
	const struct toy *toy = state;

	ASSERT(sum_of(toy) == toy->sum);
	++*toy->looks;
}

/* ---- the row ----------------------------------------------------------------------- */

static const struct part_command commands[] = {
	{ TOY_ADD, apply_add, advance_add },
	{ 0, NULL, NULL },
};

static const struct replica_part toy_part = {
	.name = "toy",
	.prefixes = TOY_PREFIX,
	.old_prefixes = "",
	.once_prefixes = "",
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

const struct replica_part *const part_rows[] = {
#define PART(name) &name##_part,
#include "raftd/replica/part_table.h"
	&toy_part,
};
const size_t part_row_count = ARRAY_COUNT(part_rows);
