/*
 * Tests of common/ipc/dispatch_define.h and receiver_rows.h: a receiver made of the rows of
 * one, and that every row has one.
 */
#include "common/ipc/message.h"

#include "tests/lib/samples.h"
#include "tests/lib/test.h"

struct taker {
	uint16_t type;			/* of the last that was taken */
	uint64_t id;
	enum err answer;
};

static enum err
take(struct taker *taker, const struct frame *frame)
{
	taker->type = frame->type;
	taker->id = frame->request_id;
	return taker->answer;
}

static enum err
on_room(struct taker *taker, const struct frame *frame, const struct msg_room *m)
{
	assert_int_equal(m->connections, 0);
	return take(taker, frame);
}

static enum err
on_handed(struct taker *taker, const struct frame *frame, const struct msg_handed *m)
{
	assert_int_equal(m->in.size, 0);
	return take(taker, frame);
}

#define DISPATCH_TO struct taker
#define TO_LANE DISPATCH_ROW
#include "common/ipc/dispatch_define.h"

static enum err
give(struct taker *taker, unsigned sender, uint16_t type, enum sample sample)
{
	struct buf bytes = BUF_INIT;
	struct frame frame;
	size_t used;
	enum err err;

	sample_put(&bytes, type, sample, 7);
	assert_int_equal(frame_parse(buf_slice(&bytes), &frame, &used), ERR_NONE);
	taker->type = 0;
	err = dispatch(taker, sender, &frame);
	buf_free(&bytes);
	return err;
}

TEST(what_is_of_its_rows_whole_and_of_its_sender_is_taken)
{
	uint16_t type;

	for (size_t i = 0; sample_type(i, &type); i++) {
		bool ours = type == MSG_room || type == MSG_handed;

		for (enum sample sample = 0; sample < SAMPLES; sample++) {
			for (unsigned sender = 1; sender <= FROM_NODE; sender <<= 1) {
				bool taken = ours && sample == SAMPLE_GOOD &&
				    sender == FROM_CLIENT_WORKER;
				struct taker taker = { .answer = ERR_NONE };

				assert_int_equal(give(&taker, sender, type, sample),
				    taken ? ERR_NONE : ERR_MALFORMED);
				assert_int_equal(taker.type, taken ? type : 0);
				assert_int_equal(taker.id, taken ? 7 : 0);
			}
		}
	}
}

TEST(what_a_handler_says_of_the_values_counts)
{
	struct taker taker = { .answer = ERR_BUSY };

	assert_int_equal(give(&taker, FROM_CLIENT_WORKER, MSG_room, SAMPLE_GOOD), ERR_BUSY);
	assert_int_equal(taker.type, MSG_room);
}

/* Rows that somebody takes, one after the other. */
static const uint16_t taken[] = {
#define TO_CHILD(tag, number, senders) number,
#include "common/ipc/receiver_rows.h"
#define TO_PROCESS(tag, number, senders) number,
#include "common/ipc/receiver_rows.h"
#define TO_LOG(tag, number, senders) number,
#include "common/ipc/receiver_rows.h"
#define TO_SESSION(tag, number, senders) number,
#include "common/ipc/receiver_rows.h"
#define TO_STREAMS(tag, number, senders) number,
#include "common/ipc/receiver_rows.h"
#define TO_BACKEND(tag, number, senders) number,
#include "common/ipc/receiver_rows.h"
#define TO_LANE(tag, number, senders) number,
#include "common/ipc/receiver_rows.h"
#define TO_CORE(tag, number, senders) number,
#include "common/ipc/receiver_rows.h"
#define TO_NODE(tag, number, senders) number,
#include "common/ipc/receiver_rows.h"
};

TEST(every_message_but_the_hello_has_one_receiver)
{
	uint16_t type;

	for (size_t i = 0; sample_type(i, &type); i++) {
		size_t receivers = 0;

		for (size_t n = 0; n < ARRAY_COUNT(taken); n++)
			receivers += taken[n] == type;
		assert_int_equal(receivers, message_senders(type) != 0 && type != MSG_hello);
		assert_int_equal(sample_is_of(type, taken, ARRAY_COUNT(taken)), receivers == 1);
	}
}
