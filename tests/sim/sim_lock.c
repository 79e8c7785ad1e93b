/*
 * sim_lock.c - locks: what the model says of them, and clients that ask for one.
 *
 * A lock is held by the entry with the lowest number for a name, and entries of one are
 * looked for among all paths there ever were.
 */
#include "common/ipc/wire.h"
#include "common/limits.h"
#include "tests/sim/sim_check.h"
#include "tests/sim/sim_model_priv.h"

#include <inttypes.h>

/* One seed of so many, in per mille. */
#define SEEDS 500
#define STREAM UINT64_C(0x6c6f636b6c6f636b)

/* ---- the model -------------------------------------------------------------------------- */

static uint64_t
number_of(struct slice name)
{
	uint64_t number = 0;

	if (name.size > 20)
		return 0;
	for (size_t i = 0; i < name.size; i++) {
		uint64_t digit = (uint64_t)name.data[i] - '0';

		if (name.data[i] < '0' || name.data[i] > '9' ||
		    number > (UINT64_MAX - digit) / 10)
			return 0;
		number = number * 10 + digit;
	}
	return number;
}

struct found {
	struct slice key;		/* empty: none */
	uint64_t number;
};

struct entries {
	struct found holder, before, wanted;
	size_t count;			/* children of any kind */
};

static void
count_in(struct found *found, struct slice key, uint64_t number)
{
	*found = (struct found){ key, number };
}

/* As of that store index. By index, if that is not 0, else by value, if that is not empty. */
static struct entries
entries_of(const struct sim_model *model, struct slice dir, uint64_t index, struct slice value,
    uint64_t store_index)
{
	struct entries all = { .count = 0 };

	for (size_t i = model_place(model, dir); i < model->path_count; i++) {
		struct slice key = model->paths[i]->key;
		const struct model_node *node = model_version(model->paths[i], store_index);
		struct slice name;
		uint64_t number;

		if (!slice_starts_with(key, dir))
			break;
		if (node == NULL || !model_is_below(key, dir))
			continue;
		name = slice_of(key.data + dir.size + 1, key.size - dir.size - 1);
		if (memchr(name.data, '/', name.size) != NULL)
			continue;
		all.count++;
		number = number_of(name);
		if (node->dir || number == 0)
			continue;
		if (all.holder.number == 0 || number < all.holder.number)
			count_in(&all.holder, key, number);
		if (number < index && number > all.before.number)
			count_in(&all.before, key, number);
		if (index != 0 ? number == index && all.wanted.number == 0 :
		    value.size > 0 && slice_equal(blob_slice(node->value), value) &&
		    (all.wanted.number == 0 || number < all.wanted.number))
			count_in(&all.wanted, key, number);
	}
	return all;
}

/* What is in the way of a lock in that directory. */
static enum err
way_to(const struct sim_model *model, struct slice dir, uint64_t store_index)
{
	for (size_t i = 1; i <= dir.size; i++) {
		const struct model_node *node;

		if (i < dir.size && dir.data[i] != '/')
			continue;
		node = model_node(model, slice_of(dir.data, i), store_index);
		if (node == NULL)
			return ERR_KEY_NOT_FOUND;
		if (!node->dir)
			return ERR_NOT_DIR;
	}
	return ERR_NONE;
}

enum err
model_lock(struct sim_model *model, const struct command_write *write, uint64_t time_ns)
{
	struct command_write one = *write;
	bool acquires = write->op == WRITE_LOCK_ACQUIRE;
	struct entries all;
	enum err err;

	if (write->op != WRITE_LOCK_RELEASE) {
		if ((write->flags & WRITE_FLAG_DIR) != 0)
			return ERR_NOT_FILE;
		if ((write->flags & WRITE_FLAG_TTL) == 0)
			return ERR_TTL_NOT_NUMBER;
		if (write->value.size > LOCK_VALUE_BYTES_MAX)
			return ERR_INVALID_FORM;
	}
	err = way_to(model, write->key, UINT64_MAX);
	if (err == ERR_NOT_DIR)
		return err;
	all = entries_of(model, write->key, acquires ? 0 : write->prev_index,
	    acquires ? write->value : write->prev_value, UINT64_MAX);
	if (all.count > LOCK_WAITERS_MAX)
		return ERR_RAFT_INTERNAL;
	if (all.wanted.number == 0) {
		if (!acquires)
			return ERR_KEY_NOT_FOUND;
		if (all.count == LOCK_WAITERS_MAX)
			return ERR_RAFT_INTERNAL;
		one.op = WRITE_CREATE_IN_ORDER;
		return model_carry_out(model, &one, time_ns, true);
	}
	if (write->op == WRITE_LOCK_RELEASE) {
		model_remove(model, all.wanted.key);
		return ERR_NONE;
	}
	if (write->value.size == 0)
		one.value = blob_slice(model_node(model, all.wanted.key, UINT64_MAX)->value);
	model_change(model, all.wanted.key, &one, time_ns);
	return ERR_NONE;
}

const char *
model_compare_lock(const struct sim_model *model, struct slice key, uint64_t index,
    uint64_t store_index, enum err error, struct slice record)
{
	struct entries all = entries_of(model, key, index, SLICE_EMPTY, store_index);
	struct reader in = reader_of(record);
	const struct model_node *holder;
	struct lock_record lock;

	if (error != way_to(model, key, store_index))
		return "error";
	if (error != ERR_NONE)
		return NULL;
	if (!lock_record_get(&in, &lock) || !reader_done(&in))
		return "no lock";
	if (lock.holder != all.holder.number)
		return "who holds it";
	if (lock.before != all.before.number)
		return "who is before";
	if ((lock.exists != 0) != (all.wanted.number != 0))
		return "whether it is there";
	holder = lock.holder == 0 ? NULL : model_node(model, all.holder.key, store_index);
	if (holder != NULL && !slice_equal(lock.holder_value, blob_slice(holder->value)))
		return "the holder's value";
	return NULL;
}

/* ---- clients ------------------------------------------------------------------------------ */

static const char *const lock_keys[] = { "/_etcd/mod/lock/l", "/_etcd/mod/lock/l/m",
	"/_etcd/mod/lock/w" };
static const char *const entry_keys[] = { "/_etcd/mod/lock/l/7", "/_etcd/mod/lock/l/0012",
	"/_etcd/mod/lock/l/m", "/_etcd/mod/lock/l/x", "/_etcd/mod/lock", "/_etcd/mod/lock/l" };
static const char *const values[] = { "", "one", "two", "three" };

void
lock_profile(struct world *world, struct sim_profile *profile)
{
	rand_seed(&world->lock_rand, world->seed ^ STREAM);
	profile->locks = rand_chance(&world->lock_rand, SEEDS);
}

bool
load_wants_lock(struct world *world)
{
	return world->profile.locks && rand_chance(&world->lock_rand, 200);
}

bool
load_wants_look(struct world *world)
{
	return world->profile.locks && rand_chance(&world->lock_rand, 80);
}

static struct slice
lock_key(struct world *world)
{
	return slice_text(lock_keys[rand_below(&world->lock_rand, ARRAY_COUNT(lock_keys))]);
}

/* Now and then one that is there. */
static uint64_t
some_index(struct world *world, struct slice key)
{
	struct entries all = entries_of(world->model, key, 0,
	    slice_text(values[rand_below(&world->lock_rand, ARRAY_COUNT(values))]), UINT64_MAX);

	if (all.wanted.number != 0 && rand_chance(&world->lock_rand, 500))
		return all.wanted.number;
	return all.holder.number != 0 && rand_chance(&world->lock_rand, 800) ? all.holder.number :
	    1 + rand_below(&world->lock_rand, 60);
}

/* Somebody writes where the locks are without asking for one. */
static void
write_beside(struct world *world, struct msg_write *write)
{
	static const uint8_t ops[] = { WRITE_SET, WRITE_DELETE };

	write->key = slice_text(entry_keys[rand_below(&world->lock_rand, ARRAY_COUNT(entry_keys))]);
	write->op = ops[rand_below(&world->lock_rand, ARRAY_COUNT(ops))];
	if (write->op == WRITE_SET)
		write->value = SLICE_LITERAL("beside");
	else if (rand_chance(&world->lock_rand, 500))
		write->flags = WRITE_FLAG_RECURSIVE;
}

void
load_lock_write(struct world *world, struct msg_write *write)
{
	struct slice value = slice_text(values[rand_below(&world->lock_rand, ARRAY_COUNT(values))]);

	if (rand_chance(&world->lock_rand, 100)) {
		write_beside(world, write);
		return;
	}
	write->key = lock_key(world);
	write->op = (uint8_t)(WRITE_LOCK_ACQUIRE + rand_below(&world->lock_rand, 3));
	if (write->op == WRITE_LOCK_ACQUIRE) {
		write->value = value;
	} else if (rand_chance(&world->lock_rand, 500)) {
		write->prev_index = some_index(world, write->key);
		if (write->op == WRITE_LOCK_RENEW && rand_chance(&world->lock_rand, 300))
			write->value = value;
	} else {
		write->flags = WRITE_FLAG_PREV_VALUE;
		write->prev_value = value;
	}
	if (write->op == WRITE_LOCK_RELEASE)
		return;
	write->flags |= WRITE_FLAG_TTL;
	write->ttl_s = 1 + rand_below(&world->lock_rand, 5);
	if (write->op == WRITE_LOCK_RENEW && write->value.size == 0 &&
	    rand_chance(&world->lock_rand, 500))
		write->flags |= WRITE_FLAG_REFRESH;
}

void
load_lock_look(struct world *world, struct msg_lock_look *look)
{
	look->key = lock_key(world);
	look->index = rand_chance(&world->lock_rand, 300) ? 0 : some_index(world, look->key);
}
