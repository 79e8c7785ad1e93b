/*
 * sim_load.c - clients: each does one operation after the other on a few keys,
 * and checks what it is told.
 */
#include "common/ipc/wire.h"
#include "common/xmem.h"
#include "tests/sim/sim_check.h"

#include <inttypes.h>
#include <stdlib.h>

/* Few enough that clients meet, with all kinds of neighbours. */
static const char *const file_keys[] = {
	"/a", "/b", "/c", "/e", "/d/x", "/d/y", "/d/e/z", "/_h/p", "/f/_g/q", "/a/under_a_file",
};
static const char *const dir_keys[] = { "/d", "/d/e", "/_h", "/f", "/q", "/", "/_etcd" };
static const char *const refused_keys[] = { "/", "/_etcd/machines/m1", "/_etcd/machines",
	"/_etcd/config" };

/* What a client remembers of a key, for its conditions. */
struct memory {
	uint64_t modified;
	struct blob *value;
};

struct client {
	struct sim_worker *worker;
	struct sim_event *next;
	struct memory memory[ARRAY_COUNT(file_keys)];
	size_t key;			/* of the operation under way; index into file_keys */
	struct msg_read read;		/* the read under way: key is static text */
	struct msg_lock_look look;	/* the look under way: the same */
};

static void step(struct world *world, struct sim_event *event);

static struct world *
world_of(const struct client *client)
{
	return client->worker->machine->world;
}

static void
step_later(struct client *client)
{
	struct world *world = world_of(client);

	client->next = world_after(world, world_between(world, 0, 2 * world->profile.think_ms),
	    step);
	client->next->object = client;
}

struct client *
client_new(struct sim_worker *worker)
{
	struct client *client = xzalloc(sizeof(*client));

	client->worker = worker;
	step_later(client);
	return client;
}

static void
forget(struct client *client)
{
	for (size_t i = 0; i < ARRAY_COUNT(client->memory); i++) {
		blob_unref(&client->memory[i].value);
		client->memory[i].modified = 0;
	}
}

void
client_free(struct client **client)
{
	forget(*client);
	free(*client);
	*client = NULL;
}

void
client_reset(struct client *client)
{
	forget(client);
	world_cancel(world_of(client), &client->next);
	step_later(client);
}

const char *
load_key(struct world *world)
{
	if (world_chance(world, 350))
		return dir_keys[world_below(world, ARRAY_COUNT(dir_keys))];
	return file_keys[world_below(world, ARRAY_COUNT(file_keys))];
}

/* ---- answers ------------------------------------------------------------------------ */

static void
remember(struct client *client, struct slice bytes)
{
	struct memory *memory = &client->memory[client->key];
	struct reader in = reader_of(bytes);
	struct event_record event;
	struct node_record node;

	if (bytes.size == 0 || !event_record_get(&in, &event))
		return;
	in = reader_of(event.nodes);
	if (!node_record_get(&in, &node) ||
	    !slice_equal(node.key, slice_text(file_keys[client->key])))
		return;
	memory->modified = node.modified;
	blob_unref(&memory->value);
	if (node.value.size > 0)
		memory->value = blob_new(node.value);
}

static void
write_done(struct sim_request *request, const struct msg_outcome *outcome)
{
	struct client *client = request->owner;

	check_write(request, outcome);
	if (outcome != NULL)
		remember(client, outcome->event);
	if (client->next == NULL)
		step_later(client);
}

static void
read_done(struct sim_request *request, const struct msg_outcome *outcome)
{
	struct client *client = request->owner;

	check_read(request, &client->read, outcome);
	if (outcome != NULL)
		remember(client, outcome->event);
	if (client->next == NULL)
		step_later(client);
}

static void
look_done(struct sim_request *request, const struct msg_outcome *outcome)
{
	struct client *client = request->owner;

	check_look(request, &client->look, outcome);
	if (client->next == NULL)
		step_later(client);
}

/* ---- operations ------------------------------------------------------------------------ */

static void
read_something(struct client *client)
{
	struct world *world = world_of(client);
	struct sim_request *request;
	const char *key = file_keys[client->key];

	if (world_chance(world, 300))
		key = load_key(world);
	client->read = (struct msg_read){ .key = slice_text(key) };
	if (world_chance(world, 500))
		client->read.flags |= READ_FLAG_QUORUM;
	if (world_chance(world, 400))
		client->read.flags |= READ_FLAG_RECURSIVE;
	if (world_chance(world, 400))
		client->read.flags |= READ_FLAG_SORTED;
	request = worker_read(client->worker, &client->read);
	request->done = read_done;
	request->owner = client;
	world_tell(world, client->worker->machine, "client: read %" PRIu64 " %s flags=%x",
	    request->id, key, client->read.flags);
}

static void
look_at_a_lock(struct client *client)
{
	struct world *world = world_of(client);
	struct sim_request *request;

	load_lock_look(world, &client->look);
	request = worker_lock_look(client->worker, &client->look);
	request->done = look_done;
	request->owner = client;
	world_tell(world, client->worker->machine, "client: look %" PRIu64 " %.*s %" PRIu64,
	    request->id, SLICE_ARGS(client->look.key), client->look.index);
}

static void
make_value(struct world *world, struct buf *value)
{
	if (world_chance(world, 50))
		return;
	buf_printf(value, "v%" PRIu64, ++world->value_count);
	if (world_chance(world, 30))
		for (uint64_t i = world_below(world, 2000); i > 0; i--)
			buf_append_byte(value, 'x');
}

static void
add_ttl(struct world *world, struct msg_write *write)
{
	static const uint64_t ttls[] = { 0, 1, 1, 2, 3, 5, 3600, UINT64_C(9223372037), UINT64_MAX };

	write->flags |= WRITE_FLAG_TTL;
	write->ttl_s = ttls[world_below(world, ARRAY_COUNT(ttls))];
}

/* Compare with what was seen last, or with something that cannot be. */
static void
add_conditions(struct client *client, struct msg_write *write)
{
	struct world *world = world_of(client);
	const struct memory *memory = &client->memory[client->key];
	unsigned kind = (unsigned)world_below(world, 3);

	if (kind != 0 || memory->value == NULL) {
		write->prev_index = memory->modified == 0 || world_chance(world, 100)
		    ? 1 + world_below(world, 50)
		    : memory->modified;
	}
	if (kind != 1 && memory->value != NULL) {
		write->flags |= WRITE_FLAG_PREV_VALUE;
		write->prev_value = world_chance(world, 100) ? SLICE_LITERAL("other")
							     : blob_slice(memory->value);
	}
}

static void
choose_write(struct client *client, struct msg_write *write)
{
	struct world *world = world_of(client);
	uint64_t dice = world_below(world, 100);

	write->key = slice_text(file_keys[client->key]);
	if (dice < 30) {
		write->op = WRITE_SET;
		if (world_chance(world, 60))
			write->flags |= WRITE_FLAG_DIR;
	} else if (dice < 38) {
		write->op = WRITE_CREATE;
		if (world_chance(world, 200))
			write->flags |= WRITE_FLAG_DIR;
	} else if (dice < 46) {
		write->op = WRITE_UPDATE;
		if (world_chance(world, 200))
			write->key = slice_text(load_key(world));
	} else if (dice < 62) {
		write->op = WRITE_COMPARE_AND_SWAP;
		add_conditions(client, write);
	} else if (dice < 68) {
		write->op = WRITE_COMPARE_AND_DELETE;
		add_conditions(client, write);
	} else if (dice < 80) {
		write->op = WRITE_DELETE;
		if (world_chance(world, 500))
			write->key = slice_text(load_key(world));
		if (world_chance(world, 500))
			write->flags |= WRITE_FLAG_RECURSIVE;
		if (world_chance(world, 300))
			write->flags |= WRITE_FLAG_DIR;
	} else if (dice < 98) {
		write->op = WRITE_CREATE_IN_ORDER;
		write->key = world_chance(world, 900) ? SLICE_LITERAL("/q")
						      : slice_text(load_key(world));
	} else {
		write->op = (uint8_t)world_between(world, WRITE_SET, WRITE_COMPARE_AND_DELETE);
		write->key =
		    slice_text(refused_keys[world_below(world, ARRAY_COUNT(refused_keys))]);
		if (write->op == WRITE_COMPARE_AND_SWAP || write->op == WRITE_COMPARE_AND_DELETE)
			write->prev_index = 1;
	}
}

static bool
takes_value(uint8_t op)
{
	return op != WRITE_DELETE && op != WRITE_COMPARE_AND_DELETE;
}

static bool
takes_refresh(uint8_t op)
{
	return op == WRITE_SET || op == WRITE_UPDATE || op == WRITE_COMPARE_AND_SWAP;
}

static void
write_something(struct client *client)
{
	struct world *world = world_of(client);
	struct msg_write write = { 0 };
	struct buf value = BUF_INIT;
	struct sim_request *request;

	if (load_wants_lock(world))
		load_lock_write(world, &write);
	else
		choose_write(client, &write);
	if (takes_value(write.op) && !slice_starts_with(write.key,
	    SLICE_LITERAL("/_etcd/mod"))) {
		make_value(world, &value);
		write.value = buf_slice(&value);
		if (!slice_equal(write.key, SLICE_LITERAL("/_etcd")) && world_chance(world, 200))
			add_ttl(world, &write);
		if ((write.flags & WRITE_FLAG_TTL) != 0 && takes_refresh(write.op) &&
		    (write.flags & WRITE_FLAG_DIR) == 0 && world_chance(world, 300)) {
			write.flags |= WRITE_FLAG_REFRESH;
			write.value = SLICE_EMPTY;
		}
	}
	request = worker_write(client->worker, &write);
	request->done = write_done;
	request->owner = client;
	world_tell(world, client->worker->machine, "client: write %" PRIu64
	    " op=%u %.*s flags=%x %.*s", request->id, write.op, SLICE_ARGS(write.key), write.flags,
	    (int)MIN_OF(write.value.size, 20), (const char *)write.value.data);
	buf_free(&value);
}

static void
ask_stats(struct client *client)
{
	struct msg_stats_ask ask = {
		.kind = (uint8_t)world_between(world_of(client), STATS_SELF, STATS_PROGRESS),
	};
	struct buf frame = BUF_INIT;

	msg_stats_ask_frame(&frame, worker_new_id(client->worker), &ask);
	worker_send(client->worker, blob_new(buf_slice(&frame)));
	buf_free(&frame);
}

static void
step(struct world *world, struct sim_event *event)
{
	struct client *client = event->object;

	client->next = NULL;
	if (world->healed)
		return;
	world->operations++;
	client->key = world_below(world, ARRAY_COUNT(file_keys));
	if (world_chance(world, 10))
		ask_stats(client);
	if (load_wants_look(world))
		look_at_a_lock(client);
	else if (world_chance(world, world->profile.reads))
		read_something(client);
	else
		write_something(client);
}

struct sim_request *
load_probe(struct sim_worker *worker, void (*done)(struct sim_request *,
    const struct msg_outcome *))
{
	struct world *world = worker->machine->world;
	uint64_t credential = model_credential(world->model, SLICE_LITERAL("root"));
	struct msg_write write = { .op = WRITE_SET, .key = SLICE_LITERAL("/probe"),
		.user = credential == 0 ? SLICE_EMPTY : SLICE_LITERAL("root"),
		.credential = credential };
	struct buf value = BUF_INIT;
	struct sim_request *request;

	buf_printf(&value, "v%" PRIu64, ++world->value_count);
	write.value = buf_slice(&value);
	request = worker_write(worker, &write);
	request->done = done;
	world_tell(world, worker->machine, "probe: write %" PRIu64, request->id);
	buf_free(&value);
	return request;
}
