/*
 * install_test.c - a snapshot that comes is a second replica, which takes the place of the
 * first as a whole or not at all; with a part of the state that only tests have, of which the
 * conductor knows nothing.
 */
#include "raftd/node_priv.h"

#include "common/crc32c.h"
#include "common/ipc/wire.h"
#include "tests/lib/test.h"
#include "tests/unit/raftd/replica/store/fixture.h"
#include "tests/unit/raftd/replica/toy.h"
#include "tests/unit/raftd/world.h"

#define LEADER 0xb2
#define OURS 0xa1
#define TERM 2
#define WATCH 5

/* A state as another node would send it. */
struct image {
	struct replica *replica;
	struct raft_position position;
	struct buf effects, records;	/* records: sorted */
};

static void
apply(struct image *image, struct raft_entry entry)
{
	struct replica_facts facts;

	entry.term = 1;
	entry.index = ++image->position.index;
	entry.time_ns = 1000 * entry.index;
	assert_true(replica_apply(image->replica, &entry, SIZE_MAX, &image->effects, &facts));
	assert_int_equal(facts.result.error, ERR_NONE);
	blob_unref(&facts.result.cause);
	blob_unref(&facts.event);
	blob_unref(&entry.payload);
}

static void
join(struct image *image, peer_id id, const char *name)
{
	struct command_member member = { .op = MEMBER_JOIN, .id = id, .name = slice_text(name),
		.peer_url = slice_text(name), .client_url = slice_text(name) };

	apply(image, (struct raft_entry){ .type = RAFT_ENTRY_CONF, .conf_op = RAFT_CONF_ADD_VOTER,
	    .conf_peer = id, .payload = command_new_member(0, 0, 0, &member) });
}

static void
set(struct image *image, const char *key, const char *value)
{
	struct msg_write write = { .op = WRITE_SET, .key = slice_text(key),
		.value = slice_text(value) };

	apply(image, (struct raft_entry){ .type = RAFT_ENTRY_COMMAND,
	    .payload = command_new_write(9, image->position.index, &write) });
}

static void
add(struct image *image, uint8_t letter, uint64_t amount)
{
	apply(image, (struct raft_entry){ .type = RAFT_ENTRY_COMMAND,
	    .payload = toy_new_add(9, image->position.index, letter, amount) });
}

static void
sort_records(struct image *image)
{
	struct disk disk = { .count = 0 };
	struct state_record record;
	struct reader in;

	replica_flush(image->replica, &image->effects);
	in = reader_of(buf_slice(&image->effects));
	while (!reader_done(&in)) {
		assert_true(state_record_get(&in, &record));
		if (record.value.size == 0)
			disk_put(&disk, record.key, SLICE_LITERAL("to be deleted"));
		disk_put(&disk, record.key, record.value);
	}
	buf_clear(&image->records);
	for (size_t i = 0; i < disk.count; i++)
		state_record_put(&image->records, &(struct state_record){
		    blob_slice(disk.records[i].key), blob_slice(disk.records[i].value) });
	disk_free(&disk);
}

static void
image_begin(struct image *image)
{
	*image = (struct image){ .replica = replica_new(3), .position = { 0, 1 } };
	join(image, LEADER, "leader");
	join(image, OURS, "machine1");
	set(image, "/key", "old");
	add(image, 'a', 3);
	sort_records(image);
}

static void
image_end(struct image *image)
{
	replica_free(&image->replica);
	buf_free(&image->effects);
	buf_free(&image->records);
}

/* ---- a node that is sent one -------------------------------------------------------------- */

static void
hear_chunk(struct world *w, struct raft_position position, uint64_t sequence, bool last,
    struct slice records)
{
	struct msg_snapshot_chunk chunk = { .term = TERM, .snapshot_index = position.index,
		.snapshot_term = position.term, .sequence = sequence, .last = last,
		.records = records, .checksum = crc32c(0, records) };
	struct buf bytes = BUF_INIT;
	struct frame frame;
	size_t used;

	msg_snapshot_chunk_frame(&bytes, LEADER, &chunk);
	assert_int_equal(frame_parse(buf_slice(&bytes), &frame, &used), ERR_NONE);
	assert_int_equal(node_peer_frame(w->node, &frame), ERR_NONE);
	buf_free(&bytes);
}

/* Somewhere in the middle, between two records. */
static size_t
middle_of(struct slice records)
{
	struct reader in = reader_of(records);
	struct state_record record;

	while (reader_left(&in) > records.size / 2)
		assert_true(state_record_get(&in, &record));
	return records.size - reader_left(&in);
}

static void
hear_image(struct world *w, const struct image *image)
{
	struct slice records = buf_slice(&image->records);
	size_t half = middle_of(records);

	hear_chunk(w, image->position, 0, false, slice_of(records.data, half));
	hear_chunk(w, image->position, 1, true,
	    slice_of(records.data + half, records.size - half));
}

/* It has the first state, and somebody watches /key. */
static struct world *
world_with(const struct image *image)
{
	struct world *w = world_new(true, 2);

	world_settle(w);
	hear_image(w, image);
	world_settle(w);
	node_watch(w->node, WORLD_SESSION, WATCH, &(struct msg_watch){
	    .key = SLICE_LITERAL("/key") });
	toy_of(w->node->replica)->waiting = 1;
	world_settle(w);
	buf_clear(&w->said);
	return w;
}

static void
expect_state(struct world *w, const struct image *image)
{
	assert_int_equal(node_hash(w->node), replica_hash(image->replica));
	assert_int_equal(w->node->applied.index, image->position.index);
	assert_int_equal(toy_of(w->node->replica)->counts['a'],
	    toy_of(image->replica)->counts['a']);
	assert_int_equal(store_watch_count(w->node->replica->store), 1);
	assert_int_equal(toy_of(w->node->replica)->waiting, 1);
	replica_invariants(w->node->replica);
}

TEST(a_snapshot_takes_the_place_of_the_state_and_who_watches_goes_on)
{
	struct image image;
	struct replica *before;
	struct world *w;

	image_begin(&image);
	w = world_with(&image);
	expect_state(w, &image);
	before = w->node->replica;
	set(&image, "/other", "value");
	add(&image, 'a', 4);
	sort_records(&image);
	hear_image(w, &image);
	assert_ptr_not_equal(w->node->replica, before);
	assert_null(w->node->compaction.install.replica);
	world_settle(w);
	expect_state(w, &image);
	assert_int_equal(toy_of(w->node->replica)->counts['a'], 7);
	assert_int_equal(w->events, 0);

	set(&image, "/key", "new");
	sort_records(&image);
	hear_image(w, &image);
	world_settle(w);
	assert_int_equal(node_hash(w->node), replica_hash(image.replica));
	assert_int_equal(w->events, 1);
	world_free(w);
	image_end(&image);
}

/* ---- one that fails ------------------------------------------------------------------------ */

/* What comes after the first half of a good snapshot, and is none. */
static void
hear_bad_record(struct world *w, struct raft_position position, struct slice rest UNUSED)
{
	hear_chunk(w, position, 1, true, SLICE_LITERAL("\1\2\3"));
}

static void
hear_record_of_nobody(struct world *w, struct raft_position position, struct slice rest UNUSED)
{
	struct buf records = BUF_INIT;

	state_record_put(&records, &(struct state_record){ SLICE_LITERAL("?"),
	    SLICE_LITERAL("v") });
	hear_chunk(w, position, 1, true, buf_slice(&records));
	buf_free(&records);
}

/* All of it is well-formed, and it does not fit together. */
static void
hear_what_does_not_fit(struct world *w, struct raft_position position, struct slice rest)
{
	struct buf records = BUF_INIT;

	buf_append_slice(&records, rest);
	state_record_put(&records, &(struct state_record){ SLICE_LITERAL(TOY_PREFIX "q"),
	    SLICE_LITERAL("\1\0\0\0\0\0\0\0") });
	hear_chunk(w, position, 1, true, buf_slice(&records));
	buf_free(&records);
}

/* The disk gave another image meanwhile, and its sender begins again and goes away. */
static void
hear_another_begin(struct world *w, struct raft_position position, struct slice rest)
{
	position.index++;
	hear_chunk(w, position, 0, false, rest);
	world_turn(w, 10000);
}

static void
hear_nothing_more(struct world *w, struct raft_position position UNUSED,
    struct slice rest UNUSED)
{
	world_turn(w, 10000);
}

TEST(a_snapshot_that_fails_half_way_leaves_the_state_as_it_was)
{
	static void (*const failures[])(struct world *w, struct raft_position position,
	    struct slice rest) = { hear_bad_record, hear_record_of_nobody,
		hear_what_does_not_fit, hear_another_begin, hear_nothing_more };
	struct image image, next;
	struct world *w;

	image_begin(&image);
	image_begin(&next);
	set(&next, "/key", "new");
	add(&next, 'a', 4);
	sort_records(&next);
	w = world_with(&image);
	for (size_t i = 0; i < ARRAY_COUNT(failures); i++) {
		struct replica *before = w->node->replica;
		struct slice records = buf_slice(&next.records);
		size_t half = middle_of(records);

		hear_chunk(w, next.position, 0, false, slice_of(records.data, half));
		assert_non_null(w->node->compaction.install.replica);
		failures[i](w, next.position, slice_of(records.data + half, records.size - half));
		assert_null(w->node->compaction.install.replica);
		assert_ptr_equal(w->node->replica, before);
		world_settle(w);
		expect_state(w, &image);
		assert_int_equal(w->events, 0);
		assert_int_equal(world_read(w, 100 + i, "/key", 0), ERR_NONE);
	}
	/* And the next one that is whole is taken. */
	hear_image(w, &next);
	world_settle(w);
	assert_int_equal(node_hash(w->node), replica_hash(next.replica));
	assert_int_equal(toy_of(w->node->replica)->counts['a'], 7);
	assert_int_equal(w->events, 1);
	world_free(w);
	image_end(&image);
	image_end(&next);
}
