/* Tests of common/ipc/greeting.c: whose hello it is, and by which protocol. */
#include "common/ipc/greeting.h"

#include "common/ipc/wire.h"
#include "tests/lib/samples.h"
#include "tests/lib/test.h"

static unsigned
flaws_of(const struct buf *bytes, unsigned counts, struct msg_hello *hello)
{
	struct greeting expected = { .counts = counts, .role = ROLE_CLIENT, .number = 3,
		.token = 77 };
	struct frame frame;
	size_t used;

	assert_int_equal(frame_parse(buf_slice(bytes), &frame, &used), ERR_NONE);
	return greeting_flaws(&frame, &expected, hello);
}

TEST(each_flaw_is_found_if_it_counts)
{
	static const struct {
		unsigned flaws;
		unsigned counts;	/* 0: in any case */
	} of[HELLO_FLAWS] = {
		[HELLO_CUT] = { FLAW_NO_HELLO, 0 },
		[HELLO_LONG] = { FLAW_NO_HELLO, 0 },
		[HELLO_MAGIC] = { FLAW_NO_HELLO, 0 },
		[HELLO_PROTOCOL] = { FLAW_PROTOCOL, 0 },
		[HELLO_ROLE] = { FLAW_STRANGER, 0 },
		[HELLO_NUMBER] = { FLAW_STRANGER, GREETING_NUMBER },
		[HELLO_TOKEN] = { FLAW_STRANGER, GREETING_TOKEN },
		[HELLO_SESSION] = { FLAW_STRANGER, GREETING_SESSION },
		[HELLO_PROTOCOL_AND_ROLE] = { FLAW_PROTOCOL | FLAW_STRANGER, 0 },
	};
	const struct msg_hello good = { .role = ROLE_CLIENT, .number = 3, .token = 77,
		.session = 5 };

	for (enum hello_flaw flaw = 0; flaw < HELLO_FLAWS; flaw++) {
		for (unsigned counts = 0; counts < 8; counts++) {
			bool found = of[flaw].counts == 0 || (counts & of[flaw].counts) != 0;
			struct buf bytes = BUF_INIT;
			struct msg_hello hello;

			sample_hello(&bytes, flaw, &good);
			assert_int_equal(flaws_of(&bytes, counts, &hello),
			    found ? of[flaw].flaws : 0);
			buf_free(&bytes);
		}
	}
}

TEST(nothing_else_is_a_hello)
{
	uint16_t type;

	for (size_t i = 0; sample_type(i, &type); i++) {
		struct buf bytes = BUF_INIT;
		struct msg_hello hello;

		sample_put(&bytes, type, SAMPLE_GOOD, 0);
		assert_int_equal(flaws_of(&bytes, 0, &hello), FLAW_NO_HELLO);
		buf_free(&bytes);
	}
}

TEST(what_we_say_is_what_is_heard)
{
	struct buf bytes = BUF_INIT;
	struct msg_hello hello;

	greeting_put(&bytes, &(struct msg_hello){ .role = ROLE_CLIENT, .number = 3, .token = 77,
	    .session = 9 });
	assert_int_equal(flaws_of(&bytes, GREETING_NUMBER | GREETING_TOKEN | GREETING_SESSION,
	    &hello), 0);
	assert_int_equal(hello.magic, WIRE_MAGIC);
	assert_int_equal(hello.protocol, WIRE_PROTOCOL);
	assert_int_equal(hello.session, 9);
	buf_free(&bytes);
}
