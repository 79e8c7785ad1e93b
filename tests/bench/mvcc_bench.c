/*
 * mvcc_bench.c - what the v3 keys cost: memory and time of each thing that is done with them,
 * as a table. No test: built by "make tests/bench/mvcc_bench" and run by hand.
 *
 *	mvcc_bench [KEYS]	keys of 49 bytes with values of 128, in order and scattered
 */
#include "common/ipc/message.h"
#include "common/ipc/wire.h"
#include "common/rand.h"
#include "common/xmem.h"
#include "raftd/replica/mvcc/mvcc_priv.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define KEY_BYTES 49
#define NAME_ROOM 64
#define VALUE_BYTES 128
#define LOOKS 200000
#define RANGE_KEYS 1000

struct bench {
	struct mvcc *mvcc;
	size_t keys;
	struct buf effects, ops, records;
	struct rand rand;
};

static double
now_s(void)
{
	struct timespec time;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
	return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static size_t
resident_bytes(void)
{
	unsigned long all = 0, resident = 0;
	FILE *file = fopen("/proc/self/statm", "r");

	if (file != NULL) {
		if (fscanf(file, "%lu %lu", &all, &resident) != 2)
			resident = 0;
		fclose(file);
	}
	return resident * (size_t)sysconf(_SC_PAGESIZE);
}

static void
report(const char *what, double seconds, size_t count, const char *unit)
{
	printf("%-52s %10.3f us for each %s\n", what, seconds / (double)count * 1e6, unit);
	fflush(stdout);
}

/* The numbers below 2^20, each once, in another order. */
static size_t
scattered(size_t i)
{
	return i * UINT64_C(0x9e3779b1) & ((1u << 20) - 1);
}

static struct slice
name_of(size_t i, char name[NAME_ROOM])
{
	snprintf(name, NAME_ROOM, "/registry/things/some-namespace/%017zu", i);
	return slice_of(name, KEY_BYTES);
}

static void
write_ops(struct bench *b)
{
	struct mvcc_outcome outcome;
	struct mvcc_request *request;

	MUST(mvcc_request_new(SLICE_EMPTY, buf_slice(&b->ops), NULL, &request) == V3_NONE);
	mvcc_write_begin(b->mvcc, request);
	MUST(mvcc_write_on(b->mvcc, SIZE_MAX, &b->effects));
	mvcc_write_end(b->mvcc, &outcome);
	ASSERT(outcome.error == V3_NONE);
	mvcc_outcome_free(&outcome);
}

static void
put(struct bench *b, size_t i)
{
	static const uint8_t value[VALUE_BYTES] = { 'v' };
	char name[NAME_ROOM];

	buf_clear(&b->ops);
	mvcc_op_put_put(&b->ops, &(struct v3_put){ .key = name_of(i, name),
	    .value = slice_of(value, sizeof(value)) });
	write_ops(b);
	if (b->effects.size > MIB) {
		buf_append_slice(&b->records, buf_slice(&b->effects));
		buf_clear(&b->effects);
	}
}

static void
put_all(struct bench *b, bool in_order, const char *what)
{
	double begun = now_s();

	for (size_t i = 0; i < b->keys; i++)
		put(b, in_order ? i : scattered(i));
	report(what, now_s() - begun, b->keys, "put");
}

static void
look_up(struct bench *b)
{
	double begun = now_s();
	char name[NAME_ROOM];
	size_t found = 0;

	for (size_t i = 0; i < LOOKS; i++)
		found += mvcc_keys_find(&b->mvcc->keys, name_of(scattered(rand_below(&b->rand,
		    b->keys)), name)) != NULL;
	report("look-up", now_s() - begun, LOOKS, "key");
	ASSERT(found == LOOKS);
}

static void
read_range(struct bench *b, const struct v3_range *range, uint64_t expected)
{
	struct mvcc_request *request;
	struct mvcc_answer *answer;
	struct buf out = BUF_INIT;
	size_t looks = SIZE_MAX, count;
	enum v3_error error;

	buf_clear(&b->ops);
	mvcc_op_put_range(&b->ops, range);
	MUST(mvcc_request_new(SLICE_EMPTY, buf_slice(&b->ops), NULL, &request) == V3_NONE);
	MUST(mvcc_answer_open(b->mvcc, request, NULL, 0, &answer) == V3_NONE);
	MUST(mvcc_answer_read(answer, &out, SIZE_MAX, &looks, &error) == MVCC_ANSWER_END);
	MUST(mvcc_answer_results(answer, &count)->count == expected);
	mvcc_answer_close(&answer);
	buf_free(&out);
}

static void
read_ranges(struct bench *b)
{
	static const uint8_t zero;
	struct v3_range all = { .key = slice_of(&zero, 1), .end = slice_of(&zero, 1) };
	double begun;

	all.limit = RANGE_KEYS;
	begun = now_s();
	for (size_t i = 0; i < 200; i++)
		read_range(b, &all, b->keys);
	report("range, limit 1000, and the count of all", now_s() - begun, 200, "range");
	all.limit = 0;
	all.flags = V3_RANGE_COUNT_ONLY;
	begun = now_s();
	for (size_t i = 0; i < 1000; i++)
		read_range(b, &all, b->keys);
	report("count of all now", now_s() - begun, 1000, "count");
	all.revision = b->mvcc->revision;
	put(b, 0);
	begun = now_s();
	read_range(b, &all, b->keys);
	report("walk: count of all in the past", now_s() - begun, b->keys, "key");
	all.revision = 0;
	all.flags = 0;
	begun = now_s();
	read_range(b, &all, b->keys);
	report("range of all, with values", now_s() - begun, b->keys, "key");
}

static void
compact(struct bench *b)
{
	size_t before = mvcc_change_count(b->mvcc);
	double begun, longest = 0, turn;

	MUST(mvcc_compact(b->mvcc, (int64_t)b->mvcc->revision) == V3_NONE);
	begun = now_s();
	do {
		turn = now_s();
		buf_clear(&b->effects);
		(void)mvcc_sweep(b->mvcc, V3_REMOVED_CHANGES_MAX, &b->effects);
		longest = MAX_OF(longest, now_s() - turn);
	} while (mvcc_has_to_sweep(b->mvcc));
	report("compaction", now_s() - begun, before - mvcc_change_count(b->mvcc),
	    "change freed");
	printf("%-52s %10.3f us\n", "    longest turn of it", longest * 1e6);
}

/* One revision, in one step. */
static void
delete_all(struct bench *b)
{
	static const uint8_t zero;
	double begun;

	buf_clear(&b->ops);
	buf_free(&b->effects);
	mvcc_op_put_delete(&b->ops, &(struct v3_delete){ .key = slice_of(&zero, 1),
	    .end = slice_of(&zero, 1) });
	begun = now_s();
	write_ops(b);
	report("delete of all by one request", now_s() - begun, b->keys, "key");
	printf("%-52s %10.1f bytes for each key\n", "    its records",
	    (double)b->effects.size / (double)b->keys);
}

static void
load(struct bench *b)
{
	struct mvcc *fresh = mvcc_new(2);
	struct reader in;
	struct state_record record;
	struct buf meta = BUF_INIT;
	double begun;
	size_t count = 0;
	const char *where;

	b->mvcc->changed = true;
	mvcc_flush(b->mvcc, &meta);
	in = reader_of(buf_slice(&meta));
	MUST(state_record_get(&in, &record));
	MUST(mvcc_load(fresh, record.key, record.value) == ERR_NONE);
	in = reader_of(buf_slice(&b->records));
	begun = now_s();
	for (; !reader_done(&in); count++) {
		MUST(state_record_get(&in, &record));
		MUST(mvcc_load(fresh, record.key, record.value) == ERR_NONE);
	}
	MUST(mvcc_loaded(fresh, &where) == ERR_NONE);
	report("a start: loaded again", now_s() - begun, count, "change");
	mvcc_free(&fresh);
	buf_free(&meta);
}

static void
memory(const struct bench *b, size_t before, const char *what)
{
	size_t resident = resident_bytes() - before - b->records.capacity - b->effects.capacity;
	double own = (double)(KEY_BYTES + VALUE_BYTES);

	printf("%-52s %10.1f bytes by its own count, %.1f resident\n", what,
	    (double)mvcc_memory(b->mvcc) / (double)b->keys - own,
	    (double)resident / (double)b->keys - own);
}

static void
run(size_t keys, bool in_order)
{
	size_t before = resident_bytes();
	struct bench b = { .mvcc = mvcc_new(1), .keys = keys };

	rand_seed(&b.rand, 1);
	printf("%zu keys, %s\n", keys, in_order ? "in order" : "scattered");
	put_all(&b, in_order, "put, new");
	buf_append_slice(&b.records, buf_slice(&b.effects));
	buf_clear(&b.effects);
	memory(&b, before, "memory of a key beyond key and value");
	load(&b);
	if (!in_order)
		look_up(&b);
	read_ranges(&b);
	put_all(&b, in_order, "put, again");
	put_all(&b, in_order, "put, a third time");
	buf_free(&b.records);
	compact(&b);
	memory(&b, before, "memory after it");
	delete_all(&b);
	mvcc_free(&b.mvcc);
	buf_free(&b.effects);
	buf_free(&b.ops);
	buf_free(&b.records);
}

int
main(int argc, char **argv)
{
	size_t keys = argc > 1 ? strtoul(argv[1], NULL, 10) : 100000;

	xmem_start();
	run(keys, true);
	run(keys, false);
	return 0;
}
