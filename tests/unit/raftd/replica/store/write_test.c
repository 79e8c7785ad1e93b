/*
 * write_test.c - every operation against the rules of the keys API: answers, error causes, indexes.
 */
#include "tests/unit/raftd/replica/store/fixture.h"

#include "common/limits.h"
#include "common/xmem.h"

#include <stdlib.h>

struct line {
	const char *command, *answer;
};

static void
play(const struct line *lines, size_t count)
{
	struct fixture *f = fixture_new(1);
	size_t i;

	for (i = 0; i < count; i++)
		EXPECT(f, lines[i].command, lines[i].answer);
	fixture_free(&f);
}

#define PLAY(...) \
	do { \
		static const struct line lines[] = { __VA_ARGS__ }; \
		play(lines, ARRAY_COUNT(lines)); \
	} while (0)

TEST(set_makes_replaces_and_forgets_the_expiry)
{
	PLAY({ "set /a 1 ttl=5", "201 set /a=1 m1 c1 @5" },
	    { "set /a 2", "200 set /a=2 m2 c2 < /a=1 m1 c1 @5" },
	    { "get /a", "get /a=2 m2 c2" },
	    { "set /a", "200 set /a= m3 c3 < /a=2 m2 c2" },
	    { "set /x/y/z 1", "201 set /x/y/z=1 m4 c4" },
	    { "get /x recursive", "get /x/ m4 c4 /x/y/ m4 c4 /x/y/z=1 m4 c4" });
}

TEST(set_of_a_directory)
{
	PLAY({ "set /d value dir", "201 set /d/ m1 c1" },
	    { "set /d dir", "error 102 /d" },
	    { "set /d 1", "error 102 /d" },
	    { "set /a 1 ttl=9", "201 set /a=1 m2 c2 @9" },
	    { "set /a dir", "200 set /a/ m3 c3 < /a=1 m2 c2 @9" },
	    { "get /a", "get /a/ m3 c3" },
	    { "set /a/b 1", "201 set /a/b=1 m4 c4" });
}

TEST(create_is_always_new)
{
	PLAY({ "create /a 1 prev=x index=7", "201 create /a=1 m1 c1" },
	    { "create /a 1", "error 105 /a" },
	    { "create /d dir ttl=3", "201 create /d/ m2 c2 @3" },
	    { "create /d dir", "error 105 /d" },
	    { "create /a/b 1", "error 104 /a" });
}

TEST(update_keeps_the_created_index)
{
	PLAY({ "set /a 1 ttl=5", "201 set /a=1 m1 c1 @5" },
	    { "update /a 2", "200 update /a=2 m2 c1 < /a=1 m1 c1 @5" },
	    { "update /a ttl=7", "200 update /a= m3 c1 @7 < /a=2 m2 c1" },
	    { "update /a 3 dir", "200 update /a=3 m4 c1 < /a= m3 c1 @7" },
	    { "update /b 1", "error 100 /b" },
	    { "update /a/b 1", "error 104 /a" });
}

TEST(update_of_a_directory_moves_only_its_expiry)
{
	PLAY({ "set /d/a 1", "201 set /d/a=1 m1 c1" },
	    { "update /d x", "error 102 /d" },
	    { "update /d ttl=100 dir", "200 update /d/ m2 c1 @100 < /d/ m1 c1" },
	    { "get /d", "get /d/ m1 c1 @100 /d/a=1 m1 c1" },
	    { "update /d", "200 update /d/ m3 c1 < /d/ m1 c1 @100" },
	    { "get /d", "get /d/ m1 c1 /d/a=1 m1 c1" });
}

TEST(compare_and_swap_tells_what_did_not_fit)
{
	PLAY({ "set /a one", "201 set /a=one m1 c1" },
	    { "swap /a two prev=one", "200 swap /a=two m2 c1 < /a=one m1 c1" },
	    { "swap /a x prev=one", "error 101 [one != two]" },
	    { "swap /a x index=1", "error 101 [1 != 2]" },
	    { "swap /a x index=1 prev=one", "error 101 [one != two] [1 != 2]" },
	    { "swap /a x index=1 prev=two", "error 101 [1 != 2]" },
	    { "swap /a x index=2 prev=one", "error 101 [one != two]" },
	    { "swap /a x index=18446744073709551615", "error 101 [18446744073709551615 != 2]" },
	    { "swap /a tri index=2 prev=two ttl=4", "200 swap /a=tri m3 c1 @4 < /a=two m2 c1" },
	    { "swap /a 4 index=3", "200 swap /a=4 m4 c1 < /a=tri m3 c1 @4" },
	    { "swap /b x prev=1", "error 100 /b" },
	    { "swap /a/b x prev=1", "error 104 /a" },
	    { "set /d dir", "201 set /d/ m5 c5" },
	    { "swap /d x index=5", "error 102 /d" });
}

TEST(delete_asks_for_dir_or_recursive)
{
	PLAY({ "set /d/_h 1", "201 set /d/_h=1 m1 c1" },
	    { "delete /d", "error 102 /d" },
	    { "delete /d dir", "error 108 /d" },
	    { "delete /d recursive", "200 delete /d/ m2 c1 < /d/ m1 c1" },
	    { "get /d", "error 100 /d" },
	    { "set /e dir ttl=3", "201 set /e/ m3 c3 @3" },
	    { "delete /e dir", "200 delete /e/ m4 c3 < /e/ m3 c3 @3" },
	    { "set /f/a v ttl=9", "201 set /f/a=v m5 c5 @9" },
	    { "delete /f/a dir recursive", "200 delete /f/a m6 c5 < /f/a=v m5 c5 @9" },
	    { "get /f", "get /f/ m5 c5" },
	    { "delete /f/a", "error 100 /f/a" },
	    { "delete /x/y", "error 100 /x" },
	    { "set /a 1", "201 set /a=1 m7 c7" },
	    { "delete /a/b recursive", "error 104 /a" });
}

TEST(compare_and_delete_takes_files_only)
{
	PLAY({ "set /a 1", "201 set /a=1 m1 c1" },
	    { "cad /a prev=2", "error 101 [2 != 1]" },
	    { "cad /a index=9", "error 101 [9 != 1]" },
	    { "cad /a prev=1 index=1", "200 cad /a m2 c1 < /a=1 m1 c1" },
	    { "cad /a prev=1", "error 100 /a" },
	    { "set /d/a 1", "201 set /d/a=1 m3 c3" },
	    { "cad /d index=3 recursive dir", "error 102 /d" });
}

TEST(refresh_keeps_the_value)
{
	PLAY({ "set /a 1", "201 set /a=1 m1 c1" },
	    { "set /a refresh ttl=5", "200 set /a=1 m2 c2 @5 < /a=1 m1 c1" },
	    { "update /a refresh ttl=6", "200 update /a=1 m3 c2 @6 < /a=1 m2 c2 @5" },
	    { "swap /a refresh ttl=7 prev=1", "200 swap /a=1 m4 c2 @7 < /a=1 m3 c2 @6" },
	    { "swap /a refresh ttl=7 prev=2", "error 101 [2 != 1]" },
	    { "get /a", "get /a=1 m4 c2 @7" },
	    { "set /b refresh ttl=5", "error 100 /b" },
	    { "set /x/y refresh ttl=5", "error 100 /x" },
	    { "update /b refresh ttl=5", "error 100 /b" },
	    { "set /d dir ttl=1", "201 set /d/ m5 c5 @1" },
	    { "update /d refresh ttl=2", "200 update /d/ m6 c5 @2 < /d/ m5 c5 @1" },
	    { "set /d refresh ttl=2", "error 102 /d" });
}

TEST(in_order_names_are_twenty_digits_of_the_index)
{
	PLAY({ "post /q 1", "201 create /q/00000000000000000001=1 m1 c1" },
	    { "get /q", "get /q/ m1 c1 /q/00000000000000000001=1 m1 c1" },
	    { "post / x ttl=3", "201 create /00000000000000000002=x m2 c2 @3" },
	    { "post /x/y dir", "201 create /x/y/00000000000000000003/ m3 c3" },
	    { "set /q/00000000000000000005 1", "201 set /q/00000000000000000005=1 m4 c4" },
	    { "post /q 1", "error 105 /q/00000000000000000005" },
	    { "post /q/00000000000000000001 1", "error 104 /q/00000000000000000001" });
}

TEST(the_root_is_read_only)
{
	PLAY({ "get /", "get //" },
	    { "set / 1", "error 107 /" },
	    { "set / dir", "error 107 /" },
	    { "create / 1", "error 107 /" },
	    { "update / 1", "error 107 /" },
	    { "swap / 1 prev=x", "error 107 /" },
	    { "delete /", "error 107 /" },
	    { "delete / recursive", "error 107 /" },
	    { "delete / dir internal", "error 107 /" },
	    { "cad / index=5", "error 102 /" });
}

TEST(the_registry_is_guarded_but_from_ourselves)
{
	PLAY({ "set /_etcd/machines/m1 x", "error 106 /_etcd/machines/m1" },
	    { "set /_etcd/machines/m1 x internal", "201 set /_etcd/machines/m1=x m1 c1" },
	    { "set /_etcd/machines x", "error 106 /_etcd/machines" },
	    { "post /_etcd/machines x", "error 106 /_etcd/machines" },
	    { "update /_etcd/machines/m1 y", "error 106 /_etcd/machines/m1" },
	    { "delete /_etcd/machines/m1", "error 106 /_etcd/machines/m1" },
	    { "create /_etcd/config x", "error 106 /_etcd/config" },
	    { "set /_etcd/config/a x", "error 106 /_etcd/config/a" },
	    { "delete /_etcd recursive", "error 106 /_etcd" },
	    { "delete /_etcd dir", "error 106 /_etcd" },
	    { "cad /_etcd index=1", "error 106 /_etcd" },
	    { "update /_etcd ttl=1", "error 106 /_etcd" },
	    { "update /_etcd", "200 update /_etcd/ m2 c1 < /_etcd/ m1 c1" },
	    { "set /_etcd/machinesque x", "201 set /_etcd/machinesque=x m3 c3" },
	    { "set /_etcd/registry/t/1 x", "201 set /_etcd/registry/t/1=x m4 c4" },
	    { "delete /_etcd/registry recursive",
		"200 delete /_etcd/registry/ m5 c4 < /_etcd/registry/ m4 c4" },
	    { "update /_etcd/machines/m1 y internal",
		"200 update /_etcd/machines/m1=y m6 c1 < /_etcd/machines/m1=x m1 c1" },
	    { "delete /_etcd/machines/m1 internal",
		"200 delete /_etcd/machines/m1 m7 c1 < /_etcd/machines/m1=y m6 c1" });
}

/* Keys API 11. */
TEST(hidden_names_are_left_out_of_listings_only)
{
	PLAY({ "set /v 1", "201 set /v=1 m1 c1" },
	    { "set /_h/x/_y 1", "201 set /_h/x/_y=1 m2 c2" },
	    { "set /a/_i/z 1", "201 set /a/_i/z=1 m3 c3" },
	    { "set /a/b_ 1", "201 set /a/b_=1 m4 c4" },
	    { "get / recursive", "get // /a/ m3 c3 /a/b_=1 m4 c4 /v=1 m1 c1" },
	    { "get /", "get // /a/ m3 c3 /v=1 m1 c1" },
	    { "get /_h recursive", "get /_h/ m2 c2 /_h/x/ m2 c2" },
	    { "get /_h/x/_y", "get /_h/x/_y=1 m2 c2" });
}

TEST(listings_are_in_byte_order)
{
	PLAY({ "set /d/b 1", "201 set /d/b=1 m1 c1" },
	    { "set /d/a/9 1", "201 set /d/a/9=1 m2 c2" },
	    { "set /d/a/10 1", "201 set /d/a/10=1 m3 c3" },
	    { "set /d/a-b 1", "201 set /d/a-b=1 m4 c4" },
	    { "set /d/B 1", "201 set /d/B=1 m5 c5" },
	    { "get /d recursive sorted", "get /d/ m1 c1 /d/B=1 m5 c5 /d/a/ m2 c2 /d/a/10=1 m3 c3 "
		"/d/a/9=1 m2 c2 /d/a-b=1 m4 c4 /d/b=1 m1 c1" });
}

TEST(get_tells_the_first_missing_name_or_the_file_in_the_way)
{
	PLAY({ "get /x/y/z", "error 100 /x" },
	    { "set /a 1", "201 set /a=1 m1 c1" },
	    { "get /a/b/c", "error 104 /a" },
	    { "get /a recursive sorted", "get /a=1 m1 c1" });
}

/* Keys API 9. */
TEST(expiry_goes_by_time_then_age_and_takes_directories_whole)
{
	PLAY({ "set /k3 1 ttl=3", "201 set /k3=1 m1 c1 @3" },
	    { "set /k1 1 ttl=1", "201 set /k1=1 m2 c2 @1" },
	    { "set /d/e 1 ttl=2", "201 set /d/e=1 m3 c3 @2" },
	    { "set /d/l 1 ttl=9", "201 set /d/l=1 m4 c4 @9" },
	    { "update /d ttl=3", "200 update /d/ m5 c3 @3 < /d/ m3 c3" },
	    { "watch 1 1 / recursive stream", "watching" },
	    { "expire 0", "0" },
	    { "expire 3 1", "1" },
	    { "hits", "1[1] expire /k1 m6 c2 < /k1=1 m2 c2 @1" },
	    { "expire 8", "3" },
	    { "hits", "1[1] expire /d/e m7 c3 < /d/e=1 m3 c3 @2; "
		"1[1] expire /k3 m8 c1 < /k3=1 m1 c1 @3; 1[1] expire /d/ m9 c3 < /d/ m3 c3 @3" },
	    { "expire 99", "0" },
	    { "get /d/l", "error 100 /d" });
}

TEST(every_removal_or_replacement_cancels_the_expiry)
{
	PLAY({ "set /a 1 ttl=1", "201 set /a=1 m1 c1 @1" },
	    { "delete /a", "200 delete /a m2 c1 < /a=1 m1 c1 @1" },
	    { "set /a 2", "201 set /a=2 m3 c3" },
	    { "set /d/b 1 ttl=1", "201 set /d/b=1 m4 c4 @1" },
	    { "delete /d recursive", "200 delete /d/ m5 c4 < /d/ m4 c4" },
	    { "set /c 1 ttl=1", "201 set /c=1 m6 c6 @1" },
	    { "set /c dir", "200 set /c/ m7 c7 < /c=1 m6 c6 @1" },
	    { "expire 99", "0" });
}

TEST(a_ttl_past_the_end_of_time_is_none)
{
	PLAY({ "set /a 1 ttl=9223372037", "201 set /a=1 m1 c1" },
	    { "set /a 1 ttl=18446744073709551615", "200 set /a=1 m2 c2 < /a=1 m1 c1" },
	    { "set /b 1 ttl=0", "201 set /b=1 m3 c3 @0" },
	    { "expire 0", "1" },
	    { "get /b", "error 100 /b" });
}

TEST(the_event_counts_its_ttl_from_the_entry_and_never_before_an_expiry)
{
	struct fixture *f = fixture_new(1);
	struct command_write write = {
		.op = WRITE_SET, .flags = WRITE_FLAG_TTL, .key = SLICE_LITERAL("/a"), .ttl_s = 5,
	};
	struct event_record event;
	struct store_outcome outcome;
	struct reader in;

	f->time_ns = 1000;
	outcome = fixture_write(f, &write, false);
	in = reader_of(blob_slice(outcome.event));
	assert_true(event_record_get(&in, &event));
	assert_int_equal(event.now_ns, 1000);
	fixture_outcome_free(&outcome);
	assert_int_equal(store_next_expiry(f->store), 5 * NS_PER_SECOND + 1000);
	/* A cut-off beyond the entry's own time, as after a clock that jumped. */
	assert_int_equal(store_expire(f->store, UINT64_MAX,
	    (struct store_budget){ 1, SIZE_MAX }, 2000, &f->effects).count, 1);
	in = reader_of(blob_slice(store_event(f->store, 2)));
	assert_true(event_record_get(&in, &event));
	assert_int_equal(event.now_ns, 5 * NS_PER_SECOND + 1000);
	assert_int_equal(store_next_expiry(f->store), UINT64_MAX);
	fixture_free(&f);
}

TEST(what_is_no_command_of_ours_fails_and_changes_nothing)
{
	static const char *const keys[] = { "", "a", "/a/", "//", "/a//b", "/.", "/a/.." };
	struct fixture *f = fixture_new(1);
	struct command_write write = { .op = WRITE_SET };
	struct store_outcome outcome;
	struct blob *cause;
	bool behind;
	size_t i;

	for (i = 0; i < ARRAY_COUNT(keys); i++) {
		write.key = slice_text(keys[i]);
		outcome = fixture_write(f, &write, false);
		assert_int_equal(outcome.error, ERR_INTERNAL);
		assert_int_equal(store_get(f->store, write.key, 0, 0, &f->effects, &cause),
		    ERR_INTERNAL);
		assert_int_equal(store_watch(f->store, 1, 1, write.key, 0, 0, &behind, &cause),
		    ERR_INTERNAL);
		assert_false(store_exists(f->store, write.key));
	}
	write.key = SLICE_LITERAL("/a");
	for (i = 0; i < 256; i++) {
		write.op = (uint8_t)i;
		if (i >= WRITE_SET && i <= WRITE_OPS_LAST)
			continue;
		outcome = fixture_write(f, &write, false);
		assert_int_equal(outcome.error, ERR_INTERNAL);
	}
	assert_int_equal(store_index(f->store), 0);
	assert_int_equal(f->disk.count, 0);
	fixture_free(&f);
}

TEST(any_byte_may_stand_in_a_name_and_a_value)
{
	struct fixture *f = fixture_new(1);
	struct command_write write = {
		.op = WRITE_SET,
		.key = slice_of("/\0\xff\"\n", 5),
		.value = slice_of("\0\x80", 2),
	};
	struct store_outcome outcome = fixture_write(f, &write, false);

	assert_int_equal(outcome.error, ERR_NONE);
	fixture_outcome_free(&outcome);
	assert_true(store_exists(f->store, write.key));
	assert_false(store_exists(f->store, slice_of("/\0\xff\"", 4)));
	fixture_free(&f);
}

TEST(a_failed_comparison_of_great_values_still_fits_a_frame)
{
	struct fixture *f = fixture_new(1);
	uint8_t *bytes = xmalloc(VALUE_BYTES_MAX);
	struct command_write write = {
		.op = WRITE_SET, .key = SLICE_LITERAL("/a"),
		.value = slice_of(bytes, VALUE_BYTES_MAX),
	};
	struct store_outcome outcome;

	memset(bytes, 'x', VALUE_BYTES_MAX);
	outcome = fixture_write(f, &write, false);
	assert_int_equal(outcome.error, ERR_NONE);
	fixture_outcome_free(&outcome);
	write.op = WRITE_COMPARE_AND_SWAP;
	write.flags = WRITE_FLAG_PREV_VALUE;
	write.prev_value = slice_of(bytes, VALUE_BYTES_MAX - 1);
	outcome = fixture_write(f, &write, false);
	assert_int_equal(outcome.error, ERR_COMPARE_FAILED);
	assert_int_equal(outcome.cause->size, 2 * CAUSE_VALUE_BYTES_MAX + strlen("[ != ]"));
	fixture_outcome_free(&outcome);
	free(bytes);
	fixture_free(&f);
}

/* A key of that many names and bytes (bytes >= 2 * names), in room. */
static struct slice
key_of(uint8_t *room, size_t names, size_t bytes)
{
	memset(room, 'x', bytes);
	for (size_t i = 0; i < names; i++)
		room[2 * i] = '/';
	return slice_of(room, bytes);
}

static void
expect_write(struct fixture *f, struct slice key, unsigned op, enum err error, const char *cause)
{
	struct command_write write = { .op = (uint8_t)op, .key = key, .value = SLICE_LITERAL("v"),
		.prev_index = op == WRITE_COMPARE_AND_SWAP ? store_index(f->store) : 0 };
	uint64_t before = store_index(f->store);
	size_t records = f->disk.count;
	struct store_outcome outcome = fixture_write(f, &write, false);

	assert_int_equal(outcome.error, error);
	if (error != ERR_NONE) {
		assert_int_equal(store_index(f->store), before);
		assert_int_equal(f->disk.count, records);
		assert_true(slice_equal(blob_slice(outcome.cause), slice_text(cause)));
	}
	fixture_outcome_free(&outcome);
}

TEST(a_key_at_a_limit_is_made_and_one_above_is_not)
{
	static const unsigned ops[] = { WRITE_SET, WRITE_CREATE, WRITE_CREATE_IN_ORDER };
	uint8_t *room = xmalloc(KEY_BYTES_MAX);

	for (size_t i = 0; i < ARRAY_COUNT(ops); i++) {
		size_t added = ops[i] == WRITE_CREATE_IN_ORDER ? 1 : 0;
		struct fixture *f = fixture_new(1);

		expect_write(f, key_of(room, 128 - added, 1000), ops[i], ERR_NONE, NULL);
		expect_write(f, key_of(room, 2, 16384 - 21 * added), ops[i], ERR_NONE, NULL);
		expect_write(f, key_of(room, 129 - added, 1000), ops[i], ERR_INVALID_FORM,
		    "the key has 129 names, more than 128 (maxKeyNames)");
		expect_write(f, key_of(room, 2, 16385 - 21 * added), ops[i], ERR_INVALID_FORM,
		    "the key has 16385 bytes, more than 16384 (maxKeyBytes)");
		store_set_limits(f->store, &KEY_LIMITS_MAX);
		expect_write(f, key_of(room, 1024 - added, 49152 - 21 * added), ops[i], ERR_NONE,
		    NULL);
		expect_write(f, key_of(room, 1025 - added, 3000), ops[i], ERR_INVALID_FORM,
		    "the key has 1025 names, more than 1024");
		fixture_free(&f);
	}
	free(room);
}

/* Limits can be lowered: what is there is read, changed and removed as before. */
TEST(what_is_above_lowered_limits_is_changed_and_removed_but_not_made_anew)
{
	struct fixture *f = fixture_new(1);
	uint8_t *room = xmalloc(KEY_BYTES_MAX);
	struct slice key = key_of(room, 1024, 49152);
	struct buf event = BUF_INIT;
	struct blob *cause = NULL;

	store_set_limits(f->store, &KEY_LIMITS_MAX);
	expect_write(f, key, WRITE_SET, ERR_NONE, NULL);
	store_set_limits(f->store, &(struct key_limits){ KEY_NAMES_MIN, KEY_BYTES_MIN });
	assert_int_equal(store_get(f->store, key, 0, 0, &event, &cause), ERR_NONE);
	expect_write(f, key, WRITE_UPDATE, ERR_NONE, NULL);
	expect_write(f, key, WRITE_COMPARE_AND_SWAP, ERR_NONE, NULL);
	expect_write(f, key, WRITE_SET, ERR_INVALID_FORM,
	    "the key has 49152 bytes, more than 1024 (maxKeyBytes)");
	expect_write(f, key, WRITE_DELETE, ERR_NONE, NULL);
	expect_write(f, SLICE_LITERAL("/a"), WRITE_SET, ERR_NONE, NULL);
	expect_write(f, SLICE_LITERAL("/b/c"), WRITE_SET, ERR_INVALID_FORM,
	    "the key has 2 names, more than 1 (maxKeyNames)");
	buf_free(&event);
	free(room);
	fixture_free(&f);
}

TEST(the_keys_of_the_registry_always_fit)
{
	struct fixture *f = fixture_new(1);

	store_set_limits(f->store, &(struct key_limits){ KEY_NAMES_MIN, KEY_BYTES_MIN });
	EXPECT(f, "create /_etcd/machines/one v internal",
	    "201 create /_etcd/machines/one=v m1 c1");
	fixture_free(&f);
}

TEST(a_value_above_the_limit_is_none_of_ours)
{
	struct fixture *f = fixture_new(1);
	uint8_t *bytes = xzalloc(VALUE_BYTES_MAX + 1);
	struct command_write write = { .op = WRITE_SET, .key = SLICE_LITERAL("/a"),
		.value = slice_of(bytes, VALUE_BYTES_MAX + 1) };
	struct store_outcome outcome = fixture_write(f, &write, false);

	assert_int_equal(outcome.error, ERR_INTERNAL);
	assert_int_equal(store_index(f->store), 0);
	fixture_outcome_free(&outcome);
	free(bytes);
	fixture_free(&f);
}

/* One entry lets so many bytes expire and stops behind the node that reaches them. */
TEST(expiry_stops_at_its_bytes_and_goes_on_where_it_stopped)
{
	struct fixture *f = fixture_new(1);

	EXPECT(f, "set /aaaa vvvvv ttl=1", "201 set /aaaa=vvvvv m1 c1 @1");
	EXPECT(f, "set /bbbb vvvvv ttl=1", "201 set /bbbb=vvvvv m2 c2 @1");
	EXPECT(f, "set /cccc/d vvvvv", "201 set /cccc/d=vvvvv m3 c3");
	EXPECT(f, "update /cccc ttl=1", "200 update /cccc/ m4 c3 @1 < /cccc/ m3 c3");
	EXPECT(f, "set /dddd vvvvv ttl=1", "201 set /dddd=vvvvv m5 c5 @1");
	EXPECT(f, "expire 2 9 0", "0");
	EXPECT(f, "expire 2 9 10", "1");
	EXPECT(f, "expire 2 9 6", "1");
	EXPECT(f, "expire 2 9 15", "2");
	EXPECT(f, "expire 2 9 15", "0");
	fixture_free(&f);
}
