/*
 * lock_test.c - who holds a lock, who is before whom, and what its entries are looked for by.
 */
#include "tests/unit/raftd/replica/store/fixture.h"

#include "common/limits.h"
#include "common/xmem.h"

#include <stdlib.h>

#define L "/_etcd/mod/lock/l"
#define E(number) L "/000000000000000000" number

TEST(an_entry_is_made_in_order_with_its_ttl)
{
	struct fixture *f = fixture_new(1);

	EXPECT(f, "look " L, "error 100 " L);
	EXPECT(f, "acquire " L " one ttl=5", "201 create " E("01") "=one m1 c1 @5");
	EXPECT(f, "acquire " L " ttl=5", "201 create " E("02") "= m2 c2 @5");
	EXPECT(f, "acquire " L " ttl=5", "201 create " E("03") "= m3 c3 @5");
	EXPECT(f, "look " L, "holder 1=one");
	EXPECT(f, "look " L " index=3", "holder 1=one before 2 there");
	EXPECT(f, "look " L " index=1", "holder 1=one there");
	EXPECT(f, "look " L " index=9", "holder 1=one before 3");
	EXPECT(f, "release " L " index=1",
	    "200 delete " E("01") " m4 c1 < " E("01") "=one m1 c1 @5");
	EXPECT(f, "look " L " index=2", "holder 2= there");
	EXPECT(f, "look " L " index=1", "holder 2=");
	fixture_free(&f);
}

TEST(who_asks_twice_with_a_value_has_one_entry)
{
	struct fixture *f = fixture_new(1);

	EXPECT(f, "acquire " L " one ttl=5", "201 create " E("01") "=one m1 c1 @5");
	EXPECT(f, "acquire " L " two ttl=5", "201 create " E("02") "=two m2 c2 @5");
	EXPECT(f, "acquire " L " two ttl=9",
	    "200 update " E("02") "=two m3 c2 @9 < " E("02") "=two m2 c2 @5");
	/* No value is nobody's. */
	EXPECT(f, "acquire " L " ttl=5", "201 create " E("04") "= m4 c4 @5");
	EXPECT(f, "acquire " L " ttl=5", "201 create " E("05") "= m5 c5 @5");
	EXPECT(f, "renew " L " prev= ttl=5", "error 100 Renew");
	EXPECT(f, "release " L " prev=", "error 100 Release");
	fixture_free(&f);
}

/* By their bytes 10 is before 9. */
TEST(the_lowest_number_holds_it)
{
	struct fixture *f = fixture_new(1);

	EXPECT(f, "set " L "/10 ten", "201 set " L "/10=ten m1 c1");
	EXPECT(f, "set " L "/9 nine", "201 set " L "/9=nine m2 c2");
	EXPECT(f, "look " L " index=10", "holder 9=nine before 9 there");
	EXPECT(f, "look " L " index=9", "holder 9=nine there");
	EXPECT(f, "delete " L "/9", "200 delete " L "/9 m3 c2 < " L "/9=nine m2 c2");
	EXPECT(f, "look " L " index=10", "holder 10=ten there");
	fixture_free(&f);
}

TEST(what_is_no_number_or_no_file_is_no_entry)
{
	struct fixture *f = fixture_new(1);

	EXPECT(f, "set " L "/x v", "201 set " L "/x=v m1 c1");
	EXPECT(f, "set " L "/1x v", "201 set " L "/1x=v m2 c2");
	EXPECT(f, "set " L "/0 v", "201 set " L "/0=v m3 c3");
	EXPECT(f, "set " L "/18446744073709551616 v", "201 set " L
	    "/18446744073709551616=v m4 c4");
	EXPECT(f, "set " L "/000000000000000000003 v", "201 set " L
	    "/000000000000000000003=v m5 c5");
	EXPECT(f, "delete " L "/000000000000000000003", "200 delete " L
	    "/000000000000000000003 m6 c5 < " L "/000000000000000000003=v m5 c5");
	EXPECT(f, "set " L "/2/y v", "201 set " L "/2/y=v m7 c7");
	EXPECT(f, "look " L, "nobody");
	EXPECT(f, "renew " L " prev=v ttl=5", "error 100 Renew");
	EXPECT(f, "release " L " index=2", "error 100 " L "/2");
	/* A lock below a lock: neither is in the other's way. */
	EXPECT(f, "acquire " L "/2 below ttl=5",
	    "201 create " L "/2/00000000000000000008=below m8 c8 @5");
	EXPECT(f, "acquire " L " v ttl=5", "201 create " E("09") "=v m9 c9 @5");
	EXPECT(f, "look " L "/2", "holder 8=below");
	EXPECT(f, "look " L, "holder 9=v");
	EXPECT(f, "acquire " E("09") " v ttl=5", "error 104 " E("09"));
	EXPECT(f, "look " E("09"), "error 104 " E("09"));
	EXPECT(f, "release " E("09") "/a prev=v", "error 104 " E("09"));
	fixture_free(&f);
}

TEST(a_renewal_sets_the_ttl_and_with_an_index_the_value)
{
	struct fixture *f = fixture_new(1);

	EXPECT(f, "renew " L " index=1 ttl=5", "error 100 " L "/1");
	EXPECT(f, "acquire " L " one ttl=5", "201 create " E("01") "=one m1 c1 @5");
	EXPECT(f, "renew " L " index=1 ttl=7",
	    "200 update " E("01") "=one m2 c1 @7 < " E("01") "=one m1 c1 @5");
	EXPECT(f, "renew " L " uno index=1 ttl=8",
	    "200 update " E("01") "=uno m3 c1 @8 < " E("01") "=one m2 c1 @7");
	EXPECT(f, "renew " L " prev=uno ttl=9",
	    "200 update " E("01") "=uno m4 c1 @9 < " E("01") "=uno m3 c1 @8");
	EXPECT(f, "renew " L " prev=one ttl=9", "error 100 Renew");
	EXPECT(f, "renew " L " index=2 ttl=9", "error 100 " L "/2");
	EXPECT(f, "get " E("01"), "get " E("01") "=uno m4 c1 @9");
	fixture_free(&f);
}

/* Those who wait behind it are not woken. */
TEST(a_refresh_of_an_entry_is_not_seen_by_who_watches_it)
{
	struct fixture *f = fixture_new(1);

	EXPECT(f, "acquire " L " one ttl=5", "201 create " E("01") "=one m1 c1 @5");
	EXPECT(f, "watch 7 1 " E("01") " since=2", "watching");
	EXPECT(f, "renew " L " index=1 ttl=7 refresh",
	    "200 update " E("01") "=one m2 c1 @7 < " E("01") "=one m1 c1 @5");
	EXPECT(f, "hits", "none");
	EXPECT(f, "expire 7", "1");
	EXPECT(f, "hits", "7[1] expire " E("01") " m3 c1 < " E("01") "=one m2 c1 @7");
	EXPECT(f, "look " L, "nobody");
	fixture_free(&f);
}

TEST(an_entry_is_released_by_index_or_by_value)
{
	struct fixture *f = fixture_new(1);

	EXPECT(f, "release " L " index=1", "error 100 " L "/1");
	EXPECT(f, "release " L " prev=one", "error 100 Release");
	EXPECT(f, "acquire " L " one ttl=5", "201 create " E("01") "=one m1 c1 @5");
	EXPECT(f, "acquire " L " two ttl=5", "201 create " E("02") "=two m2 c2 @5");
	EXPECT(f, "release " L " prev=two",
	    "200 delete " E("02") " m3 c2 < " E("02") "=two m2 c2 @5");
	EXPECT(f, "release " L " prev=two", "error 100 Release");
	EXPECT(f, "look " L, "holder 1=one");
	fixture_free(&f);
}

TEST(only_what_is_a_lock_is_written_as_one)
{
	struct fixture *f = fixture_new(1);

	EXPECT(f, "acquire /a one ttl=5", "error 106 /a");
	EXPECT(f, "acquire / one ttl=5", "error 107 /");
	EXPECT(f, "acquire /_etcd/mod/lock one ttl=5", "error 106 /_etcd/mod/lock");
	EXPECT(f, "renew /_etcd/machines index=1 ttl=5", "error 106 /_etcd/machines");
	EXPECT(f, "set /a/1 v", "201 set /a/1=v m1 c1");
	EXPECT(f, "release /a index=1", "error 106 /a");
	EXPECT(f, "acquire " L " one", "error 202 " L);
	EXPECT(f, "acquire " L " one dir ttl=5", "error 102 " L);
	fixture_free(&f);
}

static enum err
acquire(struct fixture *f, struct slice value)
{
	struct store_outcome outcome = fixture_write(f, &(struct command_write){
	    .op = WRITE_LOCK_ACQUIRE, .flags = WRITE_FLAG_TTL, .ttl_s = 5,
	    .key = SLICE_LITERAL(L), .value = value }, false);
	enum err err = outcome.error;

	fixture_outcome_free(&outcome);
	return err;
}

TEST(so_many_may_wait_and_no_more)
{
	struct fixture *f = fixture_new(1);

	for (int i = 0; i < LOCK_WAITERS_MAX - 1; i++)
		assert_int_equal(acquire(f, SLICE_EMPTY), ERR_NONE);
	assert_int_equal(acquire(f, SLICE_LITERAL("last")), ERR_NONE);
	EXPECT(f, "acquire " L " more ttl=5", "error 300 1000 wait for this lock, and no more may");
	/* Who is among them is found, and may go. */
	EXPECT(f, "look " L " index=1000", "holder 1= before 999 there");
	assert_int_equal(acquire(f, SLICE_LITERAL("last")), ERR_NONE);
	/* By another way there may be more: then nothing is looked for. */
	EXPECT(f, "set " L "/x v", "201 set " L "/x=v m1002 c1002");
	EXPECT(f, "look " L, "error 300 the lock's directory holds more than 1000 entries");
	EXPECT(f, "release " L " prev=last",
	    "error 300 the lock's directory holds more than 1000 entries");
	EXPECT(f, "acquire " L " last ttl=5",
	    "error 300 the lock's directory holds more than 1000 entries");
	EXPECT(f, "delete " L "/x", "200 delete " L "/x m1003 c1002 < " L "/x=v m1002 c1002");
	EXPECT(f, "release " L " index=7", "200 delete " L "/00000000000000000007 m1004 c7 < " L
	    "/00000000000000000007= m7 c7 @5");
	assert_int_equal(acquire(f, SLICE_LITERAL("more")), ERR_NONE);
	fixture_free(&f);
}

TEST(a_value_has_so_many_bytes_and_no_more)
{
	char *value = xmalloc(LOCK_VALUE_BYTES_MAX + 1);
	struct fixture *f = fixture_new(1);
	struct store_outcome outcome;

	memset(value, 'v', LOCK_VALUE_BYTES_MAX + 1);
	assert_int_equal(acquire(f, slice_of(value, LOCK_VALUE_BYTES_MAX)), ERR_NONE);
	assert_int_equal(acquire(f, slice_of(value, LOCK_VALUE_BYTES_MAX + 1)), ERR_INVALID_FORM);
	outcome = fixture_write(f, &(struct command_write){ .op = WRITE_SET,
	    .key = SLICE_LITERAL(E("01")), .value = slice_of(value, LOCK_VALUE_BYTES_MAX + 1) },
	    false);
	assert_int_equal(outcome.error, ERR_NONE);
	fixture_outcome_free(&outcome);
	EXPECT(f, "look " L, "error 300 the holder's value is longer than 64 KiB");
	free(value);
	fixture_free(&f);
}
