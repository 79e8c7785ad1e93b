/*
 * sim_limits.c - operators who change what a key may have and what the history keeps, and
 * clients whose keys and values are just within that, or just above.
 *
 * What comes of it the model says (sim_model.c, sim_window.c); check_limits looks that every
 * node has the same from the same entry on.
 */
#include "tests/sim/sim_limits.h"

#include "common/cluster_config.h"
#include "common/ipc/wire.h"
#include "common/limits.h"
#include "tests/sim/sim_check.h"
#include "tests/sim/sim_course.h"

#include <inttypes.h>

/* One seed of so many, in per mille. */
#define SEEDS 250
#define STREAM UINT64_C(0x6b65796c696d6975)

void
limits_profile(const struct world *world, struct sim_profile *profile)
{
	struct rand rand;

	rand_seed(&rand, world->seed ^ STREAM);
	if (!rand_chance(&rand, SEEDS))
		return;
	profile->limits_ms = 50 + rand_below(&rand, 400);
}

/* ---- the configuration ------------------------------------------------------------ */

static void
configured(struct sim_request *request, const struct msg_outcome *outcome)
{
	check_member_change(request, outcome);
	if (outcome != NULL && outcome->error == ERR_NONE)
		request->worker->machine->world->limits++;
}

static void
put_some(struct rand *rand, struct buf *items, size_t row, uint64_t value)
{
	if (rand_chance(rand, 600))
		cluster_config_put_item(items, &config_rows[row], value);
}

static void
configure(struct machine *machine, struct rand *rand)
{
	static const uint64_t names[] = { 1, 2, 2, 3, 3, 4, KEY_NAMES_DEFAULT, KEY_NAMES_MAX };
	static const uint64_t bytes[] = { KEY_BYTES_MIN, KEY_BYTES_MIN + 1, 1100, 1500,
		KEY_BYTES_MAX };
	struct buf items = BUF_INIT;

	put_some(rand, &items, CONFIG_ROW_max_key_names,
	    names[rand_below(rand, ARRAY_COUNT(names))]);
	put_some(rand, &items, CONFIG_ROW_max_key_bytes,
	    bytes[rand_below(rand, ARRAY_COUNT(bytes))]);
	put_some(rand, &items, CONFIG_ROW_history_events,
	    HISTORY_EVENTS_MIN + rand_below(rand, rand_chance(rand, 500) ? 4 : 900));
	put_some(rand, &items, CONFIG_ROW_history_bytes,
	    HISTORY_BYTES_MIN + rand_below(rand, rand_chance(rand, 500) ? 4 : 2 * MIB));
	if (items.size > 0) {
		world_tell(machine->world, machine, "is asked for other limits");
		worker_config_change(machine->workers[0], buf_slice(&items))->done = configured;
	}
	buf_free(&items);
}

/* ---- clients ------------------------------------------------------------------------ */

static void
written(struct sim_request *request, const struct msg_outcome *outcome)
{
	check_write(request, outcome);
}

/* One or two apart from the limit, either way, or anywhere near. */
static uint64_t
about(struct rand *rand, uint64_t limit)
{
	uint64_t apart = rand_below(rand, 5);

	return limit + apart > 3 ? limit + apart - 2 : 1;
}

static void
make_key(struct rand *rand, const struct key_limits *limits, struct buf *key)
{
	uint64_t size;

	if (rand_chance(rand, 500)) {
		for (uint64_t left = about(rand, MIN_OF(limits->names, 8)); left > 0; left--)
			buf_append_text(key, rand_chance(rand, 800) ? "/n" : "/m");
		return;
	}
	/* Few that are long, so that they meet again. */
	size = MIN_OF(about(rand, limits->bytes), KEY_BYTES_MAX - KEY_ORDER_DIGITS - 1);
	if (rand_chance(rand, 300))
		size -= KEY_ORDER_DIGITS + 1;
	buf_append_text(key, "/l");
	while (key->size < size)
		buf_append_byte(key, 'l');
}

static void
make_value(struct rand *rand, struct buf *value)
{
	uint64_t size = rand_chance(rand, 150) ? rand_below(rand, 300 * KIB) :
	    rand_below(rand, 100);

	while (value->size < size)
		buf_append_byte(value, (uint8_t)('a' + size % 26));
}

static void
write_at_limits(struct machine *machine, struct rand *rand)
{
	static const uint8_t ops[] = { WRITE_SET, WRITE_SET, WRITE_SET, WRITE_CREATE,
		WRITE_CREATE_IN_ORDER, WRITE_CREATE_IN_ORDER, WRITE_UPDATE, WRITE_DELETE };
	struct world *world = machine->world;
	struct sim_worker *worker = machine->workers[1 + rand_below(rand, world->profile.workers)];
	struct key_limits limits = model_limits(world->model);
	struct msg_write write = { .op = ops[rand_below(rand, ARRAY_COUNT(ops))] };
	struct buf key = BUF_INIT, value = BUF_INIT;
	struct sim_request *request;

	make_key(rand, &limits, &key);
	if (write.op != WRITE_DELETE)
		make_value(rand, &value);
	write.key = buf_slice(&key);
	write.value = buf_slice(&value);
	if (write.op == WRITE_DELETE && rand_chance(rand, 300))
		write.flags = WRITE_FLAG_RECURSIVE | WRITE_FLAG_DIR;
	request = worker_write(worker, &write);
	request->done = written;
	world_tell(world, machine, "client at the limits: write %" PRIu64
	    " op=%u key of %zu bytes, value of %zu", request->id, write.op, key.size, value.size);
	buf_free(&key);
	buf_free(&value);
}

/* ---- the course of it ----------------------------------------------------------------- */

static void
act(struct machine *machine, struct rand *rand)
{
	if (rand_chance(rand, 200))
		configure(machine, rand);
	else
		write_at_limits(machine, rand);
}

void
limits_start(struct world *world)
{
	static const struct sim_course course = { STREAM, act };

	course_start(world, &course, world->profile.limits_ms);
}
