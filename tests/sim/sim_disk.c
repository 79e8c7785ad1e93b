/*
 * sim_disk.c - two copies of everything: what was handed in and what is synced.
 */
#include "tests/sim/sim_disk.h"

#include "common/xmem.h"
#include "tests/lib/joined.h"
#include "tests/sim/sim_check.h"
#include "tests/sim/sim_machine.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum op_kind { OP_TURN, OP_INSTALL_BEGIN, OP_INSTALL_RECORDS, OP_INSTALL_COMMIT };

/* One submitted piece; never torn. */
struct sim_op {
	TAILQ_ENTRY(sim_op) link;
	enum op_kind kind;
	uint64_t ticket;
	struct wal_turn turn;		/* entries, effects: own copies */
	struct raft_entry *entries;
	struct blob *records;
	struct raft_position position;
	bool keep_log_after;
};

/* Entries that were asked for, as they were in the log on disk when they were read. */
struct sim_fetch {
	LIST_ENTRY(sim_fetch) link;
	uint64_t id;
	raft_term term;			/* of the asker, when it asked */
	raft_index from;
	size_t bytes_max;
	struct sim_log found;
};

/* The applied state of one moment, being read out. */
struct sim_image {
	LIST_ENTRY(sim_image) link;
	uint64_t id;
	bool taken;
	struct raft_position position;
	struct sim_state state;
	size_t next;
	bool ended;
	bool lost;		/* LevelDB was closed under it */
};

/* ---- logs ----------------------------------------------------------------------- */

raft_index
sim_log_last(const struct sim_log *log)
{
	return log->before.index + log->count;
}

const struct raft_entry *
sim_log_at(const struct sim_log *log, raft_index index)
{
	if (index <= log->before.index || index > sim_log_last(log))
		return NULL;
	return &log->entries[log->start + (size_t)(index - log->before.index) - 1];
}

raft_term
sim_log_term(const struct sim_log *log, raft_index index)
{
	const struct raft_entry *entry;

	if (index == log->before.index)
		return log->before.term;
	entry = sim_log_at(log, index);
	return entry == NULL ? 0 : entry->term;
}

static void
log_truncate(struct sim_log *log, raft_index from)
{
	while (log->count > 0 && sim_log_last(log) >= from) {
		blob_unref(&log->entries[log->start + log->count - 1].payload);
		log->count--;
	}
}

static void
log_drop_before(struct sim_log *log, struct raft_position position)
{
	while (log->count > 0 && log->before.index < position.index) {
		log->before.index++;
		blob_unref(&log->entries[log->start].payload);
		log->start++;
		log->count--;
	}
	log->before = position;
}

static void
log_append(struct sim_log *log, const struct raft_entry *entry)
{
	if (log->start > 64 && log->start > log->count) {
		memmove(log->entries, log->entries + log->start,
		    log->count * sizeof(log->entries[0]));
		log->start = 0;
	}
	log->entries = xgrow(log->entries, &log->capacity, log->start + log->count + 1,
	    sizeof(log->entries[0]));
	log->entries[log->start + log->count] = *entry;
	blob_ref(entry->payload);
	log->count++;
}

static void
log_clear(struct sim_log *log)
{
	log_truncate(log, 0);
	free(log->entries);
	*log = (struct sim_log){ 0 };
}

static void
log_copy(struct sim_log *to, const struct sim_log *from)
{
	log_clear(to);
	to->before = from->before;
	for (size_t i = 0; i < from->count; i++)
		log_append(to, &from->entries[from->start + i]);
}

/* ---- the applied state ------------------------------------------------------------ */

static void
state_clear(struct sim_state *state)
{
	for (size_t i = 0; i < state->count; i++) {
		blob_unref(&state->records[i].key);
		blob_unref(&state->records[i].value);
	}
	free(state->records);
	*state = (struct sim_state){ 0 };
}

static void
state_copy(struct sim_state *to, const struct sim_state *from)
{
	to->records = xmalloc((from->count + 1) * sizeof(to->records[0]));
	to->count = from->count;
	to->capacity = from->count + 1;
	for (size_t i = 0; i < from->count; i++) {
		to->records[i].key = blob_ref(from->records[i].key);
		to->records[i].value = blob_ref(from->records[i].value);
	}
}

/* An empty value deletes. */
static void
state_put(struct sim_state *state, struct slice key, struct slice value)
{
	size_t below = 0, above = state->count;
	bool found;

	while (below < above) {
		size_t middle = below + (above - below) / 2;

		if (slice_compare(blob_slice(state->records[middle].key), key) < 0)
			below = middle + 1;
		else
			above = middle;
	}
	found = below < state->count && slice_equal(blob_slice(state->records[below].key), key);
	if (value.size == 0) {
		if (!found)
			return;
		blob_unref(&state->records[below].key);
		blob_unref(&state->records[below].value);
		state->count--;
		memmove(&state->records[below], &state->records[below + 1],
		    (state->count - below) * sizeof(state->records[0]));
		return;
	}
	if (found) {
		blob_unref(&state->records[below].value);
		state->records[below].value = blob_new(value);
		return;
	}
	state->records = xgrow(state->records, &state->capacity, state->count + 1,
	    sizeof(state->records[0]));
	memmove(&state->records[below + 1], &state->records[below],
	    (state->count - below) * sizeof(state->records[0]));
	state->records[below] = (struct sim_record){ blob_new(key), blob_new(value) };
	state->count++;
}

static void
state_put_list(struct sim_disk *disk, struct sim_state *state, struct slice list)
{
	struct reader in = reader_of(list);
	struct state_record record;

	while (!reader_done(&in)) {
		if (!state_record_get(&in, &record))
			sim_fail(disk->machine->world, disk->machine,
			    "malformed records were given to the disk");
		state_put(state, record.key, record.value);
	}
}

/* ---- life --------------------------------------------------------------------------- */

struct sim_disk *
sim_disk_new(struct machine *machine, const char *name)
{
	struct sim_disk *disk = xzalloc(sizeof(*disk));

	disk->machine = machine;
	disk->is_new = true;
	disk->space = (struct wal_space){ .free_bytes = UINT64_C(1) << 30,
		.total_bytes = UINT64_C(1) << 31 };
	disk->identity.node_id = rand_next(&machine->world->rand) | 1;
	snprintf(disk->identity.name, sizeof(disk->identity.name), "%s", name);
	TAILQ_INIT(&disk->waiting);
	TAILQ_INIT(&disk->syncing);
	LIST_INIT(&disk->fetches);
	LIST_INIT(&disk->images);
	return disk;
}

static void
op_free(struct sim_op *op)
{
	for (size_t i = 0; i < op->turn.entry_count; i++)
		blob_unref(&op->entries[i].payload);
	free(op->entries);
	blob_unref(&op->records);
	free(op);
}

static void
drop_ops(struct sim_ops *ops)
{
	struct sim_op *op;

	while ((op = TAILQ_FIRST(ops)) != NULL) {
		TAILQ_REMOVE(ops, op, link);
		op_free(op);
	}
}

static void
image_free(struct sim_image *image)
{
	LIST_REMOVE(image, link);
	state_clear(&image->state);
	free(image);
}

static void
lose_images(struct sim_disk *disk)
{
	struct sim_image *image;

	LIST_FOREACH(image, &disk->images, link)
		image->lost = true;
}

static void
drop_images(struct sim_disk *disk)
{
	while (!LIST_EMPTY(&disk->images))
		image_free(LIST_FIRST(&disk->images));
}

static void
fetch_free(struct sim_fetch *fetch)
{
	LIST_REMOVE(fetch, link);
	log_clear(&fetch->found);
	free(fetch);
}

/* Nobody is there any more to be answered. */
static void
drop_reads(struct sim_disk *disk)
{
	while (!LIST_EMPTY(&disk->fetches))
		fetch_free(LIST_FIRST(&disk->fetches));
	drop_images(disk);
	disk->reads_until_ms = 0;
}

void
sim_disk_free(struct sim_disk **disk)
{
	if (*disk == NULL)
		return;
	drop_ops(&(*disk)->waiting);
	drop_ops(&(*disk)->syncing);
	drop_reads(*disk);
	log_clear(&(*disk)->log);
	log_clear(&(*disk)->written);
	state_clear(&(*disk)->state);
	state_clear(&(*disk)->next_state);
	free((*disk)->votes);
	free(*disk);
	*disk = NULL;
}

void
sim_disk_recovered(const struct sim_disk *disk, struct wal_recovered *recovered)
{
	*recovered = (struct wal_recovered){
		.identity = disk->identity,
		.is_new = disk->is_new,
		.hard_state = disk->hard_state,
		.compacted = disk->log.before,
		.applied = disk->applied,
		.commit = disk->commit,
	};
	recovered->last.index = sim_log_last(&disk->log);
	recovered->last.term = sim_log_term(&disk->log, recovered->last.index);
}

/* ---- becoming durable ------------------------------------------------------------------ */

static void
apply_turn(struct sim_disk *disk, const struct sim_op *op)
{
	const struct wal_turn *turn = &op->turn;
	const struct world *world = disk->machine->world;

	if (turn->hard_state_set)
		disk->hard_state = turn->hard_state;
	if (turn->truncate_from != 0)
		log_truncate(&disk->log, turn->truncate_from);
	for (size_t i = 0; i < turn->entry_count; i++)
		log_append(&disk->log, &op->entries[i]);
	state_put_list(disk, &disk->state, turn->effects);
	if (turn->applied_set)
		disk->applied = turn->applied;
	if (turn->commit != 0)
		disk->commit = turn->commit;
	if (turn->compact_to != 0)
		log_drop_before(&disk->log, (struct raft_position){
		    turn->compact_to, sim_log_term(&disk->log, turn->compact_to) });
	if (turn->cluster_id != 0)
		disk->identity.cluster_id = turn->cluster_id;
	if (disk->applied.index < disk->log.before.index)
		sim_fail(world, disk->machine, "log on disk begins after the applied state");
	if (disk->applied.index > sim_log_last(&disk->log))
		sim_fail(world, disk->machine, "log on disk ends before the applied state");
}

static void
install_log(struct sim_log *log, struct raft_position position, bool keep_log_after)
{
	if (!keep_log_after)
		log_truncate(log, 0);
	log_drop_before(log, position);
}

static void
op_apply(struct sim_disk *disk, const struct sim_op *op)
{
	disk->is_new = false;
	switch (op->kind) {
	case OP_TURN:
		apply_turn(disk, op);
		break;
	case OP_INSTALL_BEGIN:
		state_clear(&disk->next_state);
		break;
	case OP_INSTALL_RECORDS:
		state_put_list(disk, &disk->next_state, blob_slice(op->records));
		break;
	case OP_INSTALL_COMMIT:
		state_clear(&disk->state);
		disk->state = disk->next_state;
		disk->next_state = (struct sim_state){ 0 };
		disk->applied = op->position;
		disk->commit = MAX_OF(disk->commit, op->position.index);
		install_log(&disk->log, op->position, op->keep_log_after);
		break;
	}
}

void
sim_disk_crash(struct sim_disk *disk)
{
	struct sim_op *op;

	/* What was under way may have made it, in order and whole turns only. */
	while ((op = TAILQ_FIRST(&disk->syncing)) != NULL &&
	    world_chance(disk->machine->world, 500)) {
		op_apply(disk, op);
		TAILQ_REMOVE(&disk->syncing, op, link);
		op_free(op);
	}
	drop_ops(&disk->syncing);
	drop_ops(&disk->waiting);
	drop_reads(disk);
	/* Unfinished installs are dropped by the next begin; see that it is so. */
	disk->life++;
	disk->busy = false;
	log_copy(&disk->written, &disk->log);
	disk->written_hard_state = disk->hard_state;
}

static void begin_sync(struct sim_disk *disk);
static void synced_at(struct sim_disk *disk, uint64_t delay_ms);

static void
synced(struct world *world, struct sim_event *event)
{
	struct sim_disk *disk = event->object;
	struct sim_op *op;
	uint64_t ticket = 0;

	if (disk->life != event->life)
		return;
	if (disk->hangs_until_ms > world->now_ms) {
		synced_at(disk, disk->hangs_until_ms - world->now_ms);
		return;
	}
	if (fault_sync_fails(disk->machine))
		return;
	while ((op = TAILQ_FIRST(&disk->syncing)) != NULL) {
		op_apply(disk, op);
		ticket = op->ticket;
		TAILQ_REMOVE(&disk->syncing, op, link);
		op_free(op);
	}
	disk->busy = false;
	begin_sync(disk);
	node_persisted(disk->machine->node, ticket);
	machine_wake(disk->machine);
	fault_moment(disk->machine, MOMENT_SYNCED);
}

static uint64_t
sync_time_ms(struct world *world)
{
	const struct sim_profile *profile = &world->profile;

	if (!world->healed && world_chance(world, profile->stall))
		return world_between(world, 1, profile->stall_ms);
	return world_between(world, profile->sync_min_ms, profile->sync_max_ms);
}

static void
synced_at(struct sim_disk *disk, uint64_t delay_ms)
{
	struct sim_event *event = world_after(disk->machine->world, delay_ms, synced);

	event->machine = disk->machine;
	event->object = disk;
	event->life = disk->life;
}

static void
begin_sync(struct sim_disk *disk)
{
	if (disk->busy || disk->held || TAILQ_EMPTY(&disk->waiting))
		return;
	TAILQ_CONCAT(&disk->syncing, &disk->waiting, link);
	disk->busy = true;
	synced_at(disk, sync_time_ms(disk->machine->world));
}

void
sim_disk_hang(struct sim_disk *disk, uint64_t until_ms)
{
	disk->hangs_until_ms = until_ms;
}

void
sim_disk_fill(struct sim_disk *disk, bool full, bool held)
{
	disk->space.full = full;
	disk->space.free_bytes = full ? 1 : UINT64_C(1) << 30;
	disk->held = held;
	/* A write that finds no space closes LevelDB, and with it what is read from it. */
	if (held)
		lose_images(disk);
	if (disk->machine->node != NULL) {
		node_disk_space(disk->machine->node, &disk->space);
		machine_wake(disk->machine);
	}
	begin_sync(disk);
}

static uint64_t
queue(struct sim_disk *disk, struct sim_op *op)
{
	op->ticket = ++disk->last_ticket;
	TAILQ_INSERT_TAIL(&disk->waiting, op, link);
	begin_sync(disk);
	return op->ticket;
}

static struct sim_op *
op_new(enum op_kind kind)
{
	struct sim_op *op = xzalloc(sizeof(*op));

	op->kind = kind;
	return op;
}

uint64_t
sim_disk_submit(struct sim_disk *disk, const struct wal_turn *turn)
{
	struct sim_op *op = op_new(OP_TURN);

	check_submit(disk->machine, turn);
	op->turn = *turn;
	op->turn.entries = NULL;
	op->entries = xmalloc((turn->entry_count + 1) * sizeof(op->entries[0]));
	for (size_t i = 0; i < turn->entry_count; i++) {
		op->entries[i] = turn->entries[i];
		blob_ref(op->entries[i].payload);
	}
	op->records = joined(turn->effects, turn->tails);
	if (op->records == NULL)
		sim_fail(disk->machine->world, disk->machine,
		    "malformed records were given to the disk");
	op->turn.effects = blob_slice(op->records);

	if (turn->hard_state_set)
		disk->written_hard_state = turn->hard_state;
	if (turn->truncate_from != 0)
		log_truncate(&disk->written, turn->truncate_from);
	for (size_t i = 0; i < turn->entry_count; i++)
		log_append(&disk->written, &turn->entries[i]);
	/* What is compacted stays in `written`: the checks come after the turn. */
	return queue(disk, op);
}

uint64_t
sim_disk_install_begin(struct sim_disk *disk)
{
	return queue(disk, op_new(OP_INSTALL_BEGIN));
}

uint64_t
sim_disk_install_records(struct sim_disk *disk, struct slice records)
{
	struct sim_op *op = op_new(OP_INSTALL_RECORDS);

	op->records = blob_new(records);
	return queue(disk, op);
}

uint64_t
sim_disk_install_commit(struct sim_disk *disk, struct raft_position position, bool keep_log_after)
{
	struct sim_op *op = op_new(OP_INSTALL_COMMIT);

	world_tell(disk->machine->world, disk->machine,
	    "installs snapshot index=%" PRIu64 " term=%" PRIu64, position.index, position.term);
	disk->machine->world->snapshots++;
	disk->machine->hash_due = true;
	op->position = position;
	op->keep_log_after = keep_log_after;
	install_log(&disk->written, position, keep_log_after);
	return queue(disk, op);
}

/* ---- reading -------------------------------------------------------------------------- */

/* Some take longer than two elections; not those by which a cluster forms, and none
 * beyond the end of the faults. */
static uint64_t
read_time_ms(struct world *world, uint64_t begins_ms)
{
	const struct sim_profile *profile = &world->profile;
	uint64_t time_ms = world_between(world, 0, profile->sync_max_ms);

	if (!world->formed || begins_ms >= profile->fault_ms ||
	    !world_chance(world, profile->slow_reads))
		return time_ms;
	world->disk_faults++;
	time_ms = world_between(world, 2 * profile->election_ms, 30 * profile->election_ms);
	return MIN_OF(time_ms, profile->fault_ms - begins_ms);
}

static struct sim_event *
read_event(struct sim_disk *disk, uint64_t at_ms, void (*run)(struct world *, struct sim_event *))
{
	struct sim_event *event = world_after(disk->machine->world,
	    at_ms - disk->machine->world->now_ms, run);

	event->machine = disk->machine;
	event->object = disk;
	event->life = disk->life;
	return event;
}

/* Queue a read behind the others: number is given to two events, when it looks at the
 * disk, which may be NULL, and when it ends. Returns the latter. */
static struct sim_event *
reading(struct sim_disk *disk, uint64_t number, void (*looks)(struct world *, struct sim_event *),
    void (*ends)(struct world *, struct sim_event *))
{
	struct world *world = disk->machine->world;
	uint64_t begins_ms = MAX_OF(world->now_ms, disk->reads_until_ms);
	struct sim_event *event;

	disk->reads_until_ms = begins_ms + read_time_ms(world, begins_ms);
	if (looks != NULL)
		read_event(disk, world_between(world, begins_ms, disk->reads_until_ms),
		    looks)->number = number;
	event = read_event(disk, disk->reads_until_ms, ends);
	event->number = number;
	return event;
}

static struct sim_fetch *
fetch_find(struct sim_disk *disk, const struct sim_event *event)
{
	struct sim_fetch *fetch;

	if (disk->life != event->life)
		return NULL;
	LIST_FOREACH(fetch, &disk->fetches, link) {
		if (fetch->id == event->number)
			return fetch;
	}
	return NULL;
}

static void
fetch_looks(struct world *world UNUSED, struct sim_event *event)
{
	struct sim_disk *disk = event->object;
	struct sim_fetch *fetch = fetch_find(disk, event);
	const struct raft_entry *entry;
	size_t bytes = 0;

	if (fetch == NULL)
		return;
	fetch->found.before = (struct raft_position){ fetch->from - 1,
		sim_log_term(&disk->log, fetch->from - 1) };
	while ((entry = sim_log_at(&disk->log, fetch->from + fetch->found.count)) != NULL) {
		bytes += blob_slice(entry->payload).size;
		if (fetch->found.count > 0 && bytes > fetch->bytes_max)
			break;
		log_append(&fetch->found, entry);
	}
}

static void
fetch_ends(struct world *world, struct sim_event *event)
{
	struct sim_disk *disk = event->object;
	struct sim_fetch *fetch = fetch_find(disk, event);
	const struct raft *raft;

	if (fetch == NULL)
		return;
	raft = node_raft(disk->machine->node);
	if (raft_role(raft) == RAFT_LEADER && raft_current_term(raft) > fetch->term) {
		world->late_fetches++;
		world_tell(world, disk->machine, "fetch %" PRIu64 " of term %" PRIu64
		    " is answered to the leader of term %" PRIu64 ": %zu from %" PRIu64 " on",
		    fetch->id, fetch->term, raft_current_term(raft), fetch->found.count,
		    fetch->from);
	}
	node_fetched(disk->machine->node, fetch->id, fetch->found.before,
	    sim_log_at(&fetch->found, fetch->from), fetch->found.count);
	fetch_free(fetch);
	machine_wake(disk->machine);
}

void
sim_disk_fetch(struct sim_disk *disk, uint64_t id, raft_index from, size_t bytes_max)
{
	struct sim_fetch *fetch = xzalloc(sizeof(*fetch));

	fetch->id = id;
	fetch->term = raft_current_term(node_raft(disk->machine->node));
	fetch->from = from;
	fetch->bytes_max = bytes_max;
	LIST_INSERT_HEAD(&disk->fetches, fetch, link);
	disk->machine->world->fetches++;
	reading(disk, id, fetch_looks, fetch_ends);
}

static struct sim_image *
image_find(struct sim_disk *disk, uint64_t id)
{
	struct sim_image *image;

	LIST_FOREACH(image, &disk->images, link) {
		if (image->id == id)
			return image;
	}
	return NULL;
}

static void
image_take(struct sim_disk *disk, struct sim_image *image)
{
	if (image->taken)
		return;
	image->taken = true;
	image->position = disk->applied;
	state_copy(&image->state, &disk->state);
}

static void
take_image(struct world *world, struct sim_event *event)
{
	struct sim_disk *disk = event->object;
	struct sim_image *image;

	(void)world;
	if (disk->life != event->life)
		return;
	image = image_find(disk, event->number);
	if (image != NULL)
		image_take(disk, image);
}

uint64_t
sim_disk_snapshot_begin(struct sim_disk *disk)
{
	struct sim_image *image = xzalloc(sizeof(*image));

	image->id = ++disk->last_image;
	LIST_INSERT_HEAD(&disk->images, image, link);
	reading(disk, image->id, NULL, take_image);
	return image->id;
}

static void
read_image(struct world *world, struct sim_event *event)
{
	struct sim_disk *disk = event->object;
	struct buf records = BUF_INIT;
	struct sim_image *image;

	if (disk->life != event->life)
		return;
	image = image_find(disk, event->number);
	if (image == NULL || image->ended)
		return;
	/* Disks that fill do so rarely in the moment of a snapshot: some more of it. */
	if (world->profile.full_ms > 0 && disk->images_lost < 4 &&
	    world_chance(world, 50)) {
		disk->images_lost++;
		image->lost = true;
	}
	if (image->lost) {
		node_snapshot_lost(disk->machine->node, image->id);
		machine_wake(disk->machine);
		return;
	}
	image_take(disk, image);
	while (image->next < image->state.count &&
	    (records.size == 0 || records.size < event->flags)) {
		const struct sim_record *at = &image->state.records[image->next++];
		struct state_record record = { blob_slice(at->key), blob_slice(at->value) };

		state_record_put(&records, &record);
	}
	image->ended = image->next == image->state.count;
	node_snapshot_read(disk->machine->node, image->id, image->position, buf_slice(&records),
	    image->ended);
	buf_free(&records);
	machine_wake(disk->machine);
}

void
sim_disk_snapshot_read(struct sim_disk *disk, uint64_t snapshot, size_t bytes_max)
{
	/* Small pieces, so that a snapshot is many chunks. */
	reading(disk, snapshot, NULL, read_image)->flags = MIN_OF(bytes_max, 4096);
}

void
sim_disk_snapshot_end(struct sim_disk *disk, uint64_t snapshot)
{
	struct sim_image *image = image_find(disk, snapshot);

	if (image != NULL)
		image_free(image);
}
