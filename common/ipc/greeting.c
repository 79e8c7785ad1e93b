/*
 * greeting.c - see greeting.h.
 */
#include "common/ipc/greeting.h"

#include "common/ipc/wire.h"

void
greeting_put(struct buf *out, const struct msg_hello *own)
{
	struct msg_hello hello = *own;

	hello.magic = WIRE_MAGIC;
	hello.protocol = WIRE_PROTOCOL;
	msg_hello_frame(out, 0, &hello);
}

static bool
is_expected(const struct greeting *expected, const struct msg_hello *hello)
{
	unsigned counts = expected->counts;

	return hello->role == expected->role &&
	    ((counts & GREETING_NUMBER) == 0 || hello->number == expected->number) &&
	    ((counts & GREETING_TOKEN) == 0 || hello->token == expected->token) &&
	    ((counts & GREETING_SESSION) == 0 || hello->session != 0);
}

unsigned
greeting_flaws(const struct frame *frame, const struct greeting *expected,
    struct msg_hello *hello)
{
	unsigned flaws = 0;

	if (frame->type != MSG_hello || msg_hello_decode(frame->payload, hello) != ERR_NONE ||
	    hello->magic != WIRE_MAGIC)
		return FLAW_NO_HELLO;
	if (hello->protocol != WIRE_PROTOCOL)
		flaws |= FLAW_PROTOCOL;
	if (!is_expected(expected, hello))
		flaws |= FLAW_STRANGER;
	return flaws;
}
