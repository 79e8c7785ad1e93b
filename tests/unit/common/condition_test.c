/* Tests of common/condition.c. */
#include "tests/lib/test.h"

#include "common/condition.h"
#include "common/ipc/message.h"
#include "common/limits.h"
#include "common/version.h"

#include <stdio.h>
#include <string.h>

/* As much as there can be of it. */
static struct condition
full(void)
{
	struct condition condition = { .syncs_known = true,
		.restart_count = CONDITION_RESTARTS_MAX,
		.certificate_count = CONDITION_CERTIFICATES_MAX };

	memset(condition.version, 'v', sizeof(condition.version) - 1);
	for (unsigned i = 0; i < metric_bucket_count(METRIC_wal_fsync) + 2; i++)
		condition.syncs[i] = UINT64_MAX - i;
	for (size_t i = 0; i < CONDITION_RESTARTS_MAX; i++) {
		memset(condition.restarts[i].process, 'p', METRIC_PROCESS_BYTES - 1);
		condition.restarts[i].count = i;
	}
	for (size_t i = 0; i < CONDITION_CERTIFICATES_MAX; i++) {
		memset(condition.certificates[i].port, 'c', METRIC_PROCESS_BYTES - 1);
		condition.certificates[i].ends_s = i;
	}
	return condition;
}

TEST(what_is_put_is_read_and_fits_at_its_largest)
{
	struct condition put = full(), got;
	struct buf bytes = BUF_INIT;

	condition_put(&bytes, &put);
	assert_in_range(bytes.size, 1, CONDITION_BYTES_MAX);
	assert_true(condition_get(&got, buf_slice(&bytes)));
	assert_memory_equal(&got, &put, sizeof(got));
	buf_free(&bytes);
}

TEST(bytes_that_are_cut_or_too_many_are_refused_and_leave_nothing)
{
	static const struct condition EMPTY;
	struct condition put = full(), got;
	struct buf bytes = BUF_INIT;

	condition_put(&bytes, &put);
	for (size_t size = 0; size < bytes.size; size++) {
		assert_false(condition_get(&got, slice_of(bytes.data, size)));
		assert_memory_equal(&got, &EMPTY, sizeof(got));
	}
	buf_append_byte(&bytes, 0);
	assert_false(condition_get(&got, buf_slice(&bytes)));
	buf_free(&bytes);
}

TEST(another_version_may_have_more_of_all_and_other_buckets)
{
	struct buf bytes = BUF_INIT, restarts = BUF_INIT;
	char name[64], version[64];
	struct condition got;

	memset(name, 'n', sizeof(name));
	memset(version, 'v', sizeof(version));
	for (uint64_t i = 0; i < CONDITION_RESTARTS_MAX + 2; i++)
		restarts_record_put(&restarts, &(struct restarts_record){
		    .process = SLICE_LITERAL("raftd"), .count = i });
	restarts_record_put(&restarts, &(struct restarts_record){
	    .process = slice_of(name, sizeof(name)) });
	condition_record_put(&bytes, &(struct condition_record){
	    .version = slice_of(version, sizeof(version)), .syncs = SLICE_LITERAL("12345678"),
	    .restarts = buf_slice(&restarts) });
	assert_true(condition_get(&got, buf_slice(&bytes)));
	assert_int_equal(strlen(got.version), CONDITION_VERSION_BYTES - 1);
	assert_false(got.syncs_known);
	assert_int_equal(got.restart_count, CONDITION_RESTARTS_MAX);
	assert_int_equal(got.certificate_count, 0);
	buf_free(&restarts);
	buf_free(&bytes);
}

TEST(a_process_that_counts_nothing_tells_its_version)
{
	struct condition taken;

	condition_take(&taken);
	assert_string_equal(taken.version, version_text);
	assert_true(taken.syncs_known);
	assert_int_equal(taken.restart_count + taken.certificate_count, 0);
}
