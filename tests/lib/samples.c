/*
 * samples.c - see samples.h.
 */
#include "tests/lib/samples.h"

#include "common/diag.h"
#include "common/diag_rate.h"
#include "common/ipc/v3.h"
#include "common/ipc/wire.h"
#include "common/limits.h"
#include "tests/lib/test.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>

static const uint16_t types[] = {
#define RECORD(tag, ...)
#define FIELD(kind, name)
#define MESSAGE(tag, number, ...) number,
#include "common/ipc/message_table.h"
	/* Of nobody. */
	0, 0x0f, 0x29, 0xff, 0x1ff, 0x200, 0x7777, UINT16_MAX,
};

bool
sample_type(size_t place, uint16_t *type)
{
	if (place >= ARRAY_COUNT(types))
		return false;
	*type = types[place];
	return true;
}

bool
sample_is_of(uint16_t type, const uint16_t *among, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (among[i] == type)
			return true;
	return false;
}

static void
put_v3_range(struct buf *ops)
{
	struct buf body = BUF_INIT;

	v3_range_put(&body, &(struct v3_range){ .key = SLICE_LITERAL("a") });
	v3_op_put(ops, &(struct v3_op){ .kind = V3_OP_RANGE, .body = buf_slice(&body) });
	buf_free(&body);
}

/* Those of which something is looked at. */
static bool
put_meant(struct buf *out, uint16_t type, uint64_t id)
{
	static const uint8_t keys[TLS_TICKET_KEY_BYTES];
	const struct slice key = SLICE_LITERAL("/a");
	struct buf list = BUF_INIT;

	switch (type) {
	case MSG_settings:
		/* Or the search for leaks at the end of a test is given no rights. */
		setting_record_put(&list, &(struct setting_record){
		    .name = SLICE_LITERAL("allow_core"), .value = SLICE_LITERAL("true") });
		msg_settings_frame(out, id, &(struct msg_settings){ .settings = buf_slice(&list) });
		break;
	case MSG_tls_tickets:
		msg_tls_tickets_frame(out, id,
		    &(struct msg_tls_tickets){ .keys = slice_of(keys, sizeof(keys)) });
		break;
	case MSG_ask:
		msg_ask_frame(out, id, &(struct msg_ask){ .what = ASK_LOG, .lines = 1 });
		break;
	case MSG_end_node:
		msg_end_node_frame(out, id, &(struct msg_end_node){ .exit_code = EXIT_TROUBLE });
		break;
	case MSG_channel_lost:
		msg_channel_lost_frame(out, id,
		    &(struct msg_channel_lost){ .why = CHANNEL_END_CLOSED });
		break;
	case MSG_access_lines:
		msg_access_lines_frame(out, id,
		    &(struct msg_access_lines){ .lines = SLICE_LITERAL("line\n") });
		break;
	case MSG_write:
		msg_write_frame(out, id, &(struct msg_write){ .op = WRITE_SET, .key = key });
		break;
	case MSG_read:
		msg_read_frame(out, id, &(struct msg_read){ .key = key });
		break;
	case MSG_v3_write:
		put_v3_range(&list);
		msg_v3_write_frame(out, id, &(struct msg_v3_write){ .ops = buf_slice(&list) });
		break;
	case MSG_v3_read:
		put_v3_range(&list);
		msg_v3_read_frame(out, id, &(struct msg_v3_read){ .ops = buf_slice(&list) });
		break;
	case MSG_v3_grant:
		msg_v3_grant_frame(out, id, &(struct msg_v3_grant){ .id = 1 });
		break;
	case MSG_v3_alarm:
		msg_v3_alarm_frame(out, id, &(struct msg_v3_alarm){ .op = ALARM_RAISE,
		    .type = ALARM_NOSPACE });
		break;
	case MSG_v3_lease:
		msg_v3_lease_frame(out, id, &(struct msg_v3_lease){ .what = V3_LEASE_RENEW });
		break;
	case MSG_v3_state:
		msg_v3_state_frame(out, id, &(struct msg_v3_state){ .what = V3_STATE_FIGURES });
		break;
	case MSG_lease_ask:
		msg_lease_ask_frame(out, id, &(struct msg_lease_ask){ .number = 1,
		    .what = V3_LEASE_RENEW });
		break;
	case MSG_watch:
		msg_watch_frame(out, id, &(struct msg_watch){ .key = key });
		break;
	case MSG_member_change:
		msg_member_change_frame(out, id, &(struct msg_member_change){ .op = MEMBER_REMOVE,
		    .name = SLICE_LITERAL("x") });
		break;
	case MSG_place_change:
		msg_place_change_frame(out, id, &(struct msg_place_change){ .op = PLACE_REMOVE,
		    .id = 1 });
		break;
	case MSG_foreign_call:
		msg_foreign_call_frame(out, id, &(struct msg_foreign_call){ .cluster_id = 1,
		    .name = SLICE_LITERAL("x") });
		break;
	case MSG_other_cluster:
		msg_other_cluster_frame(out, id, &(struct msg_other_cluster){ .cluster_id = 1,
		    .members = 1, .address = SLICE_LITERAL("127.0.0.1:7001") });
		break;
	case MSG_event:
		event_record_put(&list, &(struct event_record){ .store_index = 1 });
		msg_event_frame(out, id, &(struct msg_event){ .event = buf_slice(&list) });
		break;
	case MSG_removed_told:
		msg_removed_told_frame(out, id, &(struct msg_removed_told){ .id = 0xa1 });
		break;
	case MSG_released_told:
		msg_released_told_frame(out, id, &(struct msg_released_told){ .id = 0xa1 });
		break;
	default:
		return false;
	}
	buf_free(&list);
	return true;
}

static void
put_good(struct buf *out, uint16_t type, uint64_t id)
{
	if (put_meant(out, type, id))
		return;
	switch (type) {
#define RECORD(tag, ...)
#define FIELD(kind, name)
#define MESSAGE(tag, number, ...) \
	case number: \
		msg_##tag##_frame(out, id, &(struct msg_##tag){ 0 }); \
		return;
#include "common/ipc/message_table.h"
	default:
		frame_append(out, type, 0, id, SLICE_EMPTY);
	}
}

/* What the frame in good is, cut or with something behind it. */
static void
put_wrong(struct buf *out, const struct buf *good, bool cut)
{
	struct buf payload = BUF_INIT;
	struct frame frame;
	size_t used;

	assert_int_equal(frame_parse(buf_slice(good), &frame, &used), ERR_NONE);
	buf_append_slice(&payload, frame.payload);
	if (cut)
		payload.size -= payload.size > 0 ? 1 : 0;
	else
		buf_append_byte(&payload, '\0');
	frame_append(out, frame.type, frame.flags, frame.request_id, buf_slice(&payload));
	buf_free(&payload);
}

void
sample_put(struct buf *out, uint16_t type, enum sample sample, uint64_t id)
{
	struct buf good = BUF_INIT;

	if (sample == SAMPLE_GOOD) {
		put_good(out, type, id);
		return;
	}
	put_good(&good, type, id);
	put_wrong(out, &good, sample == SAMPLE_CUT);
	buf_free(&good);
}

void
sample_hello(struct buf *out, enum hello_flaw flaw, const struct msg_hello *good)
{
	struct msg_hello hello = *good;
	struct buf frame = BUF_INIT;

	hello.magic = flaw == HELLO_MAGIC ? WIRE_MAGIC + 1 : WIRE_MAGIC;
	hello.protocol = WIRE_PROTOCOL;
	if (flaw == HELLO_PROTOCOL || flaw == HELLO_PROTOCOL_AND_ROLE)
		hello.protocol++;
	if (flaw == HELLO_ROLE || flaw == HELLO_PROTOCOL_AND_ROLE)
		hello.role = HELLO_OTHER_ROLE;
	if (flaw == HELLO_NUMBER)
		hello.number++;
	if (flaw == HELLO_TOKEN)
		hello.token++;
	if (flaw == HELLO_SESSION)
		hello.session = hello.session == 0 ? 5 : 0;
	msg_hello_frame(&frame, 0, &hello);
	if (flaw == HELLO_CUT || flaw == HELLO_LONG)
		put_wrong(out, &frame, flaw == HELLO_CUT);
	else
		buf_append_slice(out, buf_slice(&frame));
	buf_free(&frame);
}

/* ---- what is said ------------------------------------------------------------------------- */

static struct {
	char text[4096];
	size_t size;
	bool deaf;
	unsigned others;
} heard;

static void
hear(void *argument UNUSED, const struct diag_record *record)
{
	int size;

	if (heard.deaf || record->level > DIAG_WARN)
		return;
	size = snprintf(heard.text + heard.size, sizeof(heard.text) - heard.size, "%.*s: %.*s\n",
	    SLICE_ARGS(record->part), SLICE_ARGS(record->text));
	assert_true(size > 0 && (size_t)size < sizeof(heard.text) - heard.size);
	heard.size += (size_t)size;
}

/* The same message is written so often only, unless that many others came in between. */
static void
say_others(void)
{
	char text[32];

	for (int i = 0; i < DIAG_RATE_MESSAGES; i++) {
		snprintf(text, sizeof(text), "other %u=", heard.others++);
		diag_made_line(DIAG_ERROR, "control", DIAG_RATE_MADE, text);
	}
}

void
said_begin(void)
{
	diag_set_level(DIAG_INFO);
	diag_set_writer(hear, NULL);
	heard.deaf = true;
	say_others();
	heard.deaf = false;
	heard.size = 0;
	heard.text[0] = '\0';
}

const char *
said(void)
{
	return heard.text;
}

size_t
sample_open_files(void)
{
	DIR *directory = opendir("/proc/self/fd");
	size_t count = 0;

	assert_non_null(directory);
	while (readdir(directory) != NULL)
		count++;
	closedir(directory);
	return count;
}
