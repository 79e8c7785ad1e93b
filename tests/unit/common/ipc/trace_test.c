/* Tests of common/ipc/trace.c: what of frames becomes a line of the log. */
#include "tests/lib/test.h"

#include "common/diag.h"
#include "common/diag_format.h"
#include "common/ipc/message.h"
#include "common/ipc/trace.h"
#include "common/limits.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* All lines since begin(), as they would stand behind time and process. */
static char seen[64 * 1024];
static unsigned lines;

static void
take(void *argument UNUSED, const struct diag_record *record)
{
	size_t size = strlen(seen);

	assert_int_equal(record->level, DIAG_TRACE);
	snprintf(seen + size, sizeof(seen) - size, "%.*s: %.*s\n", SLICE_ARGS(record->part),
	    SLICE_ARGS(record->text));
	lines++;
}

static void
begin(const char *level)
{
	struct diag_levels levels;

	assert_null(diag_levels_parse(level, &levels));
	diag_set_levels(&levels);
	diag_set_keys(true);
	diag_set_writer(take, NULL);
	seen[0] = '\0';
	lines = 0;
}

static struct slice
write_frame(struct buf *out, struct slice value)
{
	buf_clear(out);
	msg_write_frame(out, 7, &(struct msg_write){ .low = 5, .op = 1,
	    .key = SLICE_LITERAL("/foo"), .value = value });
	return buf_slice(out);
}

static void
tell(struct slice frames)
{
	trace_batch("sent to", "raftd", frames, SLICE_EMPTY);
}

TEST(a_frame_is_a_line_with_channel_id_and_fields)
{
	struct buf bytes = BUF_INIT;

	begin("info,ipc=trace");
	tell(write_frame(&bytes, SLICE_LITERAL("bar")));
	assert_string_equal(seen, "ipc: sent to raftd: id=7 bytes=73 msg_write low=5 op=1 flags=0 "
	    "key=\"/foo\" value=\"bar\" ttl_s=0 prev_index=0 prev_value=\"\" "
	    "user=\"\" credential=0\n");
	buf_free(&bytes);
}

TEST(a_frame_that_ends_elsewhere_is_told_whole)
{
	struct buf bytes = BUF_INIT;
	struct slice frame = write_frame(&bytes, SLICE_LITERAL("bar"));

	begin("ipc=trace");
	trace_batch("sent to", "raftd", slice_of(frame.data, 40),
	    slice_of(frame.data + 40, frame.size - 40));
	assert_non_null(strstr(seen, "id=7 bytes=73 msg_write low=5"));
	assert_int_equal(lines, 1);
	buf_free(&bytes);
}

TEST(a_frame_for_another_node_has_its_id_and_flags_are_told)
{
	struct buf bytes = BUF_INIT;

	begin("ipc=trace");
	msg_raft_vote_reply_frame(&bytes, UINT64_C(0xabc),
	    &(struct msg_raft_vote_reply){ .term = 2 });
	msg_read_more_frame(&bytes, 3, &(struct msg_read_more){ 0 });
	frame_set_flags(bytes.data + bytes.size - FRAME_HEADER_BYTES - 8, FRAME_MORE | FRAME_AGAIN);
	trace_batch("received from", "peer", buf_slice(&bytes), SLICE_EMPTY);
	assert_string_equal(seen,
	    "ipc: received from peer: node=0000000000000abc bytes=26 msg_raft_vote_reply term=2 "
	    "pre=0 reject=0\n"
	    "ipc: received from peer: id=3 more again bytes=24 msg_read_more unused=0\n");
	buf_free(&bytes);
}

TEST(a_value_is_cut_at_the_limit_and_the_line_stays_short)
{
	char *value = malloc(VALUE_BYTES_MAX);
	struct buf bytes = BUF_INIT;

	assert_non_null(value);
	memset(value, 'v', VALUE_BYTES_MAX);
	begin("ipc=trace");
	tell(write_frame(&bytes, slice_of(value, TRACE_BYTES_MAX)));
	assert_null(strstr(seen, " bytes)"));
	begin("ipc=trace");
	tell(write_frame(&bytes, slice_of(value, TRACE_BYTES_MAX + 1)));
	assert_non_null(strstr(seen, "v\"(129 bytes) ttl_s=0"));
	begin("ipc=trace");
	tell(write_frame(&bytes, slice_of(value, VALUE_BYTES_MAX)));
	assert_non_null(strstr(seen, "v\"(10485760 bytes) ttl_s=0"));
	assert_true(strlen(seen) < DIAG_LINE_BYTES_MAX);
	assert_int_equal(lines, 1);
	buf_free(&bytes);
	free(value);
}

TEST(every_frame_is_told_however_many_there_are)
{
	struct buf bytes = BUF_INIT;

	begin("ipc=trace");
	for (unsigned i = 0; i < 100; i++)
		tell(write_frame(&bytes, SLICE_EMPTY));
	assert_int_equal(lines, 100);
	buf_free(&bytes);
}

TEST(what_is_no_message_is_told_as_that)
{
	begin("ipc=trace");
	trace_frame("received from", "client 1", &(struct frame){ .type = MSG_write,
	    .payload = SLICE_LITERAL("\xff\xff\n") });
	assert_string_equal(seen,
	    "ipc: received from client 1: id=0 bytes=19 malformed write type=32 size=3\n");
}

TEST(without_the_names_of_keys_only_sizes_are_told)
{
	struct buf bytes = BUF_INIT;

	begin("ipc=trace");
	diag_set_keys(false);
	tell(write_frame(&bytes, SLICE_LITERAL("bar")));
	assert_non_null(strstr(seen, "key=(4 bytes) value=(3 bytes)"));
	diag_set_keys(true);
	buf_free(&bytes);
}

TEST(only_who_asks_for_frames_gets_them)
{
	static const char *const levels[] = { "trace", "debug", "trace,ipc=debug", "info",
		"raft=trace", "ipc=info,trace" };
	struct buf bytes = BUF_INIT;

	for (size_t i = 0; i < ARRAY_COUNT(levels); i++) {
		begin(levels[i]);
		assert_false(trace_wanted());
		tell(write_frame(&bytes, SLICE_EMPTY));
		assert_int_equal(lines, 0);
	}
	begin("error,ipc=trace");
	assert_true(trace_wanted());
	buf_free(&bytes);
}
