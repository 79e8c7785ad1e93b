/*
 * records_test.c - records of the v3 keys that cannot be, or do not fit together.
 */
#include "raftd/replica/mvcc/mvcc.h"

#include "tests/lib/test.h"

struct record {
	const char *key;
	size_t key_size;
	const char *value;
	size_t value_size;
};

#define RECORD_OF(key, value) { key, sizeof(key) - 1, value, sizeof(value) - 1 }
#define META RECORD_OF("V", "\1" "\3\0\0\0\0\0\0\0" "\377\377\377\377\377\377\377\377" \
    "\0\0\0\0\0\0\0\0")
#define PUT_2 RECORD_OF("v\0\0\0\0\0\0\0\2\0\0\0\0", "\1\n\1k\20\2\30\2\40\1")
#define LEASE RECORD_OF("L\0\0\0\0\0\0\0\5", \
    "\1\0" "\12\0\0\0\0\0\0\0" "\1\0\0\0\0\0\0\0")

static enum err
load_records(const struct record *records, size_t count)
{
	struct mvcc *mvcc = mvcc_new(1);
	const char *where = NULL;
	enum err err = ERR_NONE;

	for (size_t i = 0; err == ERR_NONE && i < count && records[i].key != NULL; i++)
		err = mvcc_load(mvcc, slice_of(records[i].key, records[i].key_size),
		    slice_of(records[i].value, records[i].value_size));
	if (err == ERR_NONE)
		err = mvcc_loaded(mvcc, &where);
	if (err == ERR_NONE)
		mvcc_invariants(mvcc);
	mvcc_free(&mvcc);
	return err;
}

TEST(records_that_do_not_fit_together_are_damage)
{
	static const struct record good[] = { LEASE, META, PUT_2,
		RECORD_OF("v\0\0\0\0\0\0\0\3\0\0\0\0", "\1\n\1k\20\2\30\3\40\2\60\5") };
	static const struct record bad[][4] = {
		/* No meta; twice; a revision that is to come; the newest is missing. */
		{ PUT_2 },
		{ META, META },
		{ META, PUT_2, RECORD_OF("v\0\0\0\0\0\0\0\4\0\0\0\0", "\1\n\1k\20\2\30\4\40\2") },
		{ META, PUT_2 },
		/* Not in order; another revision in the value; a version that does not follow; a
		 * lease that is missing; two tombstones. */
		{ META, RECORD_OF("v\0\0\0\0\0\0\0\3\0\0\0\0", "\1\n\1k\20\3\30\3\40\1"), PUT_2 },
		{ META, RECORD_OF("v\0\0\0\0\0\0\0\3\0\0\0\0", "\1\n\1k\20\2\30\2\40\1") },
		{ META, PUT_2, RECORD_OF("v\0\0\0\0\0\0\0\3\0\0\0\0", "\1\n\1k\20\2\30\3\40\3") },
		{ META, PUT_2, RECORD_OF("v\0\0\0\0\0\0\0\3\0\0\0\0",
		    "\1\n\1k\20\2\30\3\40\2\60\5") },
		{ META, RECORD_OF("v\0\0\0\0\0\0\0\2\0\0\0\0", "\2\n\1k\30\2"),
		    RECORD_OF("v\0\0\0\0\0\0\0\3\0\0\0\0", "\2\n\1k\30\3") },
		/* Of no kind; nothing; a long way to write 2; a short key; no key. */
		{ META, RECORD_OF("v\0\0\0\0\0\0\0\3\0\0\0\0", "\3\n\1k\30\3") },
		{ META, RECORD_OF("v\0\0\0\0\0\0\0\3\0\0\0\0", "\1") },
		{ META, RECORD_OF("v\0\0\0\0\0\0\0\3\0\0\0\0", "\1\n\1k\20\202\0\30\3\40\1") },
		{ META, RECORD_OF("v\0\0\0\0\0\0\0\3", "\1\n\1k\20\3\30\3\40\1") },
		{ RECORD_OF("", "x") },
		/* Leases: none of id 0, twice, of no TTL. */
		{ RECORD_OF("L\0\0\0\0\0\0\0\0", "\1\0" "\12\0\0\0\0\0\0\0" "\1\0\0\0\0\0\0\0") },
		{ LEASE, LEASE },
		{ RECORD_OF("L\0\0\0\0\0\0\0\1", "\1\0" "\1\0\0\0\0\0\0\0" "\1\0\0\0\0\0\0\0") },
		/* Compacted above the revision; removed above compacted. */
		{ RECORD_OF("V", "\1" "\3\0\0\0\0\0\0\0" "\4\0\0\0\0\0\0\0" "\0\0\0\0\0\0\0\0") },
		{ RECORD_OF("V", "\1" "\3\0\0\0\0\0\0\0" "\1\0\0\0\0\0\0\0" "\2\0\0\0\0\0\0\0") },
	};

	assert_int_equal(load_records(good, ARRAY_COUNT(good)), ERR_NONE);
	for (size_t i = 0; i < ARRAY_COUNT(bad); i++)
		if (load_records(bad[i], ARRAY_COUNT(bad[i])) != ERR_CORRUPT)
			fail_msg("case %zu is loaded", i);
}
