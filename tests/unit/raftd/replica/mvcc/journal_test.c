/*
 * journal_test.c - changes in order, taken from the front.
 */
#include "raftd/replica/mvcc/journal.h"

#include "tests/lib/test.h"

#define REVISIONS 3000u

/* Revision r has r % 3 + 1 changes, from 2 on. */
TEST(a_change_is_found_by_its_position_while_others_leave)
{
	struct pool *pool = pool_new();
	struct mvcc_key *key = mvcc_key_new(pool, SLICE_LITERAL("k"));
	struct journal journal;
	size_t place = 0, added = 0;

	journal_init(&journal, pool);
	for (uint64_t revision = 2; revision < REVISIONS; revision++)
		for (uint32_t sub = 0; sub < revision % 3 + 1; sub++, added++) {
			mvcc_key_add(pool, key, mvcc_change_new_gone(pool, key, revision, sub));
			journal_add(&journal, mvcc_key_newest(key));
			if (added % 5 == 4)
				journal_drop_first(&journal);
		}
	assert_int_equal(journal.count, added - added / 5);
	for (size_t i = 0; i < journal.count; i++) {
		const struct mvcc_change *change = journal_at(&journal, i);
		struct mvcc_position at = { change->revision, change->sub };

		assert_int_equal(journal_find(&journal, at), i);
		assert_true(i == 0 || mvcc_change_is_before(journal_at(&journal, i - 1), at));
	}
	place = journal_find(&journal, (struct mvcc_position){ REVISIONS, 0 });
	assert_int_equal(place, journal.count);
	assert_int_equal(journal_find(&journal, (struct mvcc_position){ 0, 0 }), 0);
	while (journal.count > 0)
		journal_drop_first(&journal);
	assert_true(journal.chunk_count <= 1);
	journal_free(&journal);
	mvcc_key_free(key);
	pool_free(&pool);
}
