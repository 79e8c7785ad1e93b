/*
 * stats_test.c - one counter moves by one for each operation.
 */
#include "tests/unit/raftd/replica/store/fixture.h"

TEST(each_operation_counts_under_its_kind)
{
	static const struct {
		const char *command;
		enum store_stat stat;
	} table[] = {
		{ "get /", STAT_GETS_SUCCESS },
		{ "get /x", STAT_GETS_FAIL },
		{ "set /a 1", STAT_SETS_SUCCESS },
		{ "set / 1", STAT_SETS_FAIL },
		{ "set /a refresh ttl=1", STAT_SETS_SUCCESS },
		{ "update /a 2 ttl=1", STAT_UPDATE_SUCCESS },
		{ "update /x 2", STAT_UPDATE_FAIL },
		{ "create /b 1", STAT_CREATE_SUCCESS },
		{ "create /b 1", STAT_CREATE_FAIL },
		{ "post /q 1", STAT_CREATE_SUCCESS },
		{ "post /b 1", STAT_CREATE_FAIL },
		{ "swap /b 2 prev=1", STAT_COMPARE_AND_SWAP_SUCCESS },
		{ "swap /b 2 prev=1", STAT_COMPARE_AND_SWAP_FAIL },
		{ "cad /b prev=1", STAT_COMPARE_AND_DELETE_FAIL },
		{ "cad /q index=1", STAT_COMPARE_AND_DELETE_FAIL },
		{ "cad /b prev=2", STAT_COMPARE_AND_DELETE_SUCCESS },
		{ "delete /b", STAT_DELETE_FAIL },
		{ "delete /_etcd", STAT_DELETE_FAIL },
		{ "expire 5", STAT_EXPIRE_COUNT },
		{ "delete /q recursive", STAT_DELETE_SUCCESS },
		{ "watch 1 1 /a", STAT_WATCHERS },
	};
	struct fixture *f = fixture_new(1);
	uint64_t before[STORE_STAT_COUNT], after[STORE_STAT_COUNT];
	size_t i, j;

	for (i = 0; i < ARRAY_COUNT(table); i++) {
		store_stats(f->store, before);
		fixture_run(f, table[i].command);
		store_stats(f->store, after);
		for (j = 0; j < STORE_STAT_COUNT; j++)
			assert_int_equal(after[j], before[j] + (j == table[i].stat));
	}
	fixture_free(&f);
}

TEST(what_the_server_writes_itself_is_not_counted)
{
	struct fixture *f = fixture_new(1);
	uint64_t numbers[STORE_STAT_COUNT];
	size_t i;

	EXPECT(f, "set /_etcd/machines/a x internal", "201 set /_etcd/machines/a=x m1 c1");
	store_stats(f->store, numbers);
	for (i = 0; i < STORE_STAT_COUNT; i++)
		assert_int_equal(numbers[i], 0);
	fixture_free(&f);
}
