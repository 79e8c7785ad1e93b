/*
 * greeting.h - the hello, which is the first frame each way on every channel: who is there,
 * and which protocol he speaks.
 *
 * Called by whoever has an end of a channel. Only looks; what follows from a hello that is
 * not as it should be, and with which words it is told, is the receiver's. Pure.
 */
#ifndef MOOTHALL_COMMON_IPC_GREETING_H
#define MOOTHALL_COMMON_IPC_GREETING_H

#include "common/ipc/message.h"

/* Append ours; its magic and protocol are filled in here. */
void greeting_put(struct buf *out, const struct msg_hello *own);

/* Who has to be there. His role always counts; of the rest what is said with counts. */
struct greeting {
	unsigned counts;		/* GREETING_NUMBER, GREETING_TOKEN, GREETING_SESSION */
	int role;			/* ROLE_* of wire.h */
	uint32_t number;
	uint64_t token;
};
#define GREETING_NUMBER 0x01
#define GREETING_TOKEN 0x02
#define GREETING_SESSION 0x04	/* there has to be one, whichever */

/* What may be wrong with a hello. The first excludes the others. */
#define FLAW_NO_HELLO 0x01	/* it is no hello, or not whole */
#define FLAW_PROTOCOL 0x02	/* it is of another protocol */
#define FLAW_STRANGER 0x04	/* it is of somebody else */

/*
 * What is wrong with a channel's first frame; 0: nothing.
 *
 *	hello	out: what it says, but with FLAW_NO_HELLO
 */
unsigned greeting_flaws(const struct frame *frame, const struct greeting *expected,
    struct msg_hello *hello) MUST_CHECK;

#endif
