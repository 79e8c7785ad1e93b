/*
 * v3_fuzz.c - any bytes as commands of the v3 keys and of their users, as outcomes that are
 * remembered, and as records of them.
 *
 * A kind, a length of two bytes, and so many bytes are one of: a command, whose body they are;
 * an outcome, of the operations that the last command had; a record of thirteen bytes of key, or
 * of a user or role: "a", its kind, the length of its name. What the commands leave on a disk
 * makes the same again.
 */
#include "tests/fuzz/fuzz.h"

#include "common/xmem.h"
#include "raftd/command.h"
#include "raftd/replica/mvcc/mvcc.h"
#include "raftd/replica/replica.h"

#include <stdlib.h>

#define STEPS_MAX 200
#define OUTCOME 6
#define RECORD_KIND 7
#define RECORD_KEY_BYTES 13
#define COMMAND_OF_USERS 8		/* COMMAND_V3_AS; then COMMAND_V3_AUTH */
#define KINDS 10

struct record {
	struct blob *key, *value;
};

struct work {
	struct replica *replica;
	struct mvcc *loading;		/* of records */
	struct v3_auth users;		/* of records, too */
	bool loads;
	uint64_t index, time_ns;
	struct buf effects;
	struct slice last;		/* body of the last command that writes */
	struct record *records;
	size_t count, capacity;
};

static int
compare_records(const void *a, const void *b)
{
	const struct record *left = a, *right = b;

	return slice_compare(blob_slice(left->key), blob_slice(right->key));
}

/* The disk after all of it, in order. */
static void
make_disk(struct work *work)
{
	struct reader in = reader_of(buf_slice(&work->effects));
	struct state_record record;
	size_t i;

	while (!reader_done(&in)) {
		MUST(state_record_get(&in, &record));
		for (i = 0; i < work->count; i++)
			if (slice_equal(blob_slice(work->records[i].key), record.key))
				break;
		if (i == work->count) {
			work->records = xgrow(work->records, &work->capacity, i + 1,
			    sizeof(work->records[0]));
			work->records[work->count++].key = blob_new(record.key);
			work->records[i].value = NULL;
		}
		blob_unref(&work->records[i].value);
		work->records[i].value = record.value.size == 0 ? NULL : blob_new(record.value);
	}
	if (work->count > 0)
		qsort(work->records, work->count, sizeof(work->records[0]), compare_records);
}

static void
load_again(struct work *work)
{
	struct replica *fresh = replica_new(2);
	const char *where;

	replica_flush(work->replica, &work->effects);
	make_disk(work);
	for (size_t i = 0; i < work->count; i++)
		if (work->records[i].value != NULL)
			MUST(replica_load(fresh, blob_slice(work->records[i].key),
			    blob_slice(work->records[i].value)) == ERR_NONE);
	MUST(replica_loaded(fresh, &where) == ERR_NONE);
	ASSERT(replica_hash(fresh) == replica_hash(work->replica));
	replica_free(&fresh);
}

/* Read to its end. */
static void
read_answer(struct mvcc_answer *answer)
{
	enum mvcc_answer_state state;
	enum v3_error error;
	struct buf out = BUF_INIT;
	uint64_t bytes = 0;
	size_t looks, count;

	do {
		looks = 7;
		state = mvcc_answer_read(answer, &out, 50, &looks, &error);
	} while (state == MVCC_ANSWER_MEASURES || state == MVCC_ANSWER_MORE);
	ASSERT(state == MVCC_ANSWER_END);
	for (size_t i = 0; mvcc_answer_results(answer, &count) != NULL && i < count; i++)
		bytes += mvcc_answer_results(answer, &count)[i].bytes;
	ASSERT(bytes == out.size);
	buf_free(&out);
}

static void
open_answer(struct work *work, const struct mvcc_outcome *outcome)
{
	struct reader in = reader_of(work->last);
	struct command_v3_write write;
	struct mvcc_request *request;
	struct mvcc_answer *answer;

	if (!command_v3_write_get(&in, &write) ||
	    mvcc_request_new(write.compares, write.ops, NULL, &request) != V3_NONE)
		return;
	if (outcome == NULL && mvcc_request_writes(request)) {
		mvcc_request_free(&request);
		return;
	}
	if (mvcc_answer_open(work->replica->mvcc, request, outcome, 0, &answer) == V3_NONE)
		read_answer(answer);
	mvcc_answer_close(&answer);
}

/* Of a user's write *body becomes what is in it. */
static bool
writes(uint8_t kind, struct slice *body)
{
	struct reader in = reader_of(*body);
	struct command_v3_as as;

	if (kind != COMMAND_V3_AS)
		return kind == COMMAND_V3_WRITE;
	if (!command_v3_as_get(&in, &as) || as.kind != COMMAND_V3_WRITE)
		return false;
	*body = as.body;
	return true;
}

static void
apply(struct work *work, uint8_t kind, struct slice body)
{
	struct command_head head = { .kind = (uint8_t)(kind < COMMAND_OF_USERS ?
		COMMAND_V3_WRITE + kind : COMMAND_V3_AS + kind - COMMAND_OF_USERS),
		.session = 1, .sequence = ++work->index, .low = work->index };
	struct buf bytes = BUF_INIT;
	struct blob *payload;
	struct raft_entry entry = { .term = 1, .index = work->index, .type = RAFT_ENTRY_COMMAND,
		.time_ns = work->time_ns += 1000000000 };
	struct replica_facts facts;
	struct mvcc_outcome outcome;
	bool is_write;

	command_head_put(&bytes, &head);
	buf_append_slice(&bytes, body);
	payload = blob_new(buf_slice(&bytes));
	buf_free(&bytes);
	entry.payload = payload;
	MUST(replica_apply(work->replica, &entry, SIZE_MAX, &work->effects, &facts));
	is_write = writes(head.kind, &body);
	if (is_write)
		work->last = body;
	if (is_write && facts.result.error == ERR_NONE) {
		MUST(mvcc_outcome_parse(blob_slice(facts.result.cause), &outcome));
		if (outcome.error == V3_NONE)
			open_answer(work, &outcome);
		mvcc_outcome_free(&outcome);
	}
	open_answer(work, NULL);
	blob_unref(&facts.result.cause);
	blob_unref(&facts.event);
	blob_unref(&payload);
	(void)mvcc_sweep(work->replica->mvcc, 3, &work->effects);
}

/* A record of users and roles. */
static enum err
load_of_users(struct v3_auth *users, struct slice bytes)
{
	size_t size = bytes.size < 3 ? 0 : MIN_OF((size_t)bytes.data[2], bytes.size - 3);
	struct buf key = BUF_INIT;
	enum err err;

	if (bytes.size < 3)
		return ERR_CORRUPT;
	buf_append(&key, bytes.data, 2);
	buf_append(&key, bytes.data + 3, size);
	err = v3_auth_load(users, buf_slice(&key),
	    slice_of(bytes.data + 3 + size, bytes.size - 3 - size));
	buf_free(&key);
	return err;
}

/* Written and read again they are the same; whatever roles they have, each may be asked for. */
static void
check_users(const struct v3_auth *users)
{
	struct v3_auth again = { .enabled = false };
	struct buf records = BUF_INIT;
	struct reader in;
	struct state_record record;

	v3_auth_put(users, &records);
	in = reader_of(buf_slice(&records));
	while (!reader_done(&in)) {
		MUST(state_record_get(&in, &record));
		MUST(v3_auth_load(&again, record.key, record.value) == ERR_NONE);
	}
	ASSERT(v3_auth_hash(&again) == v3_auth_hash(users));
	for (size_t i = 0; i < users->users.count; i++)
		(void)v3_auth_may(users, users->users.items[i], V3_AUTH_READ, SLICE_LITERAL("a"),
		    SLICE_LITERAL("b"));
	v3_auth_clear(&again);
	buf_free(&records);
}

static void
step(struct work *work, uint8_t kind, struct slice bytes)
{
	struct mvcc_outcome outcome;

	if (kind < OUTCOME || kind >= COMMAND_OF_USERS) {
		apply(work, kind, bytes);
	} else if (kind == OUTCOME) {
		/* It was an outcome of ours: only its fit to the request is in doubt. */
		if (mvcc_outcome_parse(bytes, &outcome) &&
		    outcome.revision <= mvcc_revision(work->replica->mvcc) &&
		    outcome.revision >= 2)
			open_answer(work, &outcome);
		mvcc_outcome_free(&outcome);
	} else if (work->loads && bytes.size >= 1 && bytes.data[0] == V3_AUTH_PREFIX) {
		work->loads = load_of_users(&work->users, bytes) == ERR_NONE;
	} else if (work->loads && bytes.size >= 1) {
		size_t size = bytes.data[0] == 'v' ? RECORD_KEY_BYTES :
		    bytes.data[0] == 'L' ? 9 : 1;

		if (bytes.size < size || mvcc_load(work->loading, slice_of(bytes.data, size),
		    slice_of(bytes.data + size, bytes.size - size)) != ERR_NONE)
			work->loads = false;
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct work work = { .replica = replica_new(1), .loading = mvcc_new(1), .loads = true };
	const char *where;

	for (unsigned i = 0; i < STEPS_MAX && size >= 3; i++) {
		size_t length = MIN_OF((size_t)data[1] | (size_t)data[2] << 8, size - 3);

		step(&work, data[0] % KINDS, slice_of(data + 3, length));
		data += 3 + length;
		size -= 3 + length;
	}
	replica_invariants(work.replica);
	load_again(&work);
	if (work.loads && mvcc_loaded(work.loading, &where) == ERR_NONE) {
		mvcc_invariants(work.loading);
		(void)mvcc_hash(work.loading);
	}
	check_users(&work.users);
	v3_auth_clear(&work.users);
	mvcc_free(&work.loading);
	for (size_t i = 0; i < work.count; i++) {
		blob_unref(&work.records[i].key);
		blob_unref(&work.records[i].value);
	}
	free(work.records);
	buf_free(&work.effects);
	replica_free(&work.replica);
	return 0;
}
