/*
 * dispatch_define.h - a receiver's way from a frame to its handlers, made of message_table.h.
 *
 * Define DISPATCH_TO, the type that the handlers belong to, and TO_X, X being the receiver
 * in the table, as DISPATCH_ROW; then include this, behind the handlers:
 *
 *	#define DISPATCH_TO struct lane
 *	#define TO_LANE DISPATCH_ROW
 *	#include "common/ipc/dispatch_define.h"
 *
 * It makes
 *
 *	static enum err dispatch(struct lane *to, unsigned sender, const struct frame *frame)
 *
 * which calls, if the frame is of one of the receiver's rows,
 *
 *	static enum err on_TAG(struct lane *to, const struct frame *frame,
 *	    const struct msg_TAG *message)
 *
 * and returns what that returns. Otherwise ERR_MALFORMED, and nothing was called: not a
 * message to this receiver, not one that every sender (FROM_* of message.h) may send, bytes missing
 * or left over. So a row without its handler does not compile, and a handler needs to look at
 * nothing but the values.
 *
 * No guard: included once in a file; undefines its macros at the end.
 */
#define DISPATCH_ROW(tag, number, senders) \
	case number: { \
		struct msg_##tag message; \
\
		if ((sender & ~(unsigned)(senders)) != 0 || \
		    msg_##tag##_decode(frame->payload, &message) != ERR_NONE) \
			return ERR_MALFORMED; \
		return on_##tag(to, frame, &message); \
	}

static enum err
dispatch(DISPATCH_TO *to, unsigned sender, const struct frame *frame)
{
	switch (frame->type) {
#include "common/ipc/receiver_rows.h"
	default:
		return ERR_MALFORMED;
	}
}

#undef DISPATCH_ROW
#undef DISPATCH_TO
