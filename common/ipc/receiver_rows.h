/*
 * receiver_rows.h - those rows of message_table.h that one receiver takes.
 *
 * Define TO_X, X being the receiver there, as a macro of (tag, number, senders), then
 * include this: it is expanded for each of its rows, and undefined at the end.
 *
 * No guard: included once for each list that is made of them.
 */
#define RECEIVER_OTHER(tag, number, senders)

#define TO_ALL RECEIVER_OTHER
#ifndef TO_CHILD
#define TO_CHILD RECEIVER_OTHER
#endif
#ifndef TO_PROCESS
#define TO_PROCESS RECEIVER_OTHER
#endif
#ifndef TO_LOG
#define TO_LOG RECEIVER_OTHER
#endif
#ifndef TO_SESSION
#define TO_SESSION RECEIVER_OTHER
#endif
#ifndef TO_STREAMS
#define TO_STREAMS RECEIVER_OTHER
#endif
#ifndef TO_BACKEND
#define TO_BACKEND RECEIVER_OTHER
#endif
#ifndef TO_LANE
#define TO_LANE RECEIVER_OTHER
#endif
#ifndef TO_CORE
#define TO_CORE RECEIVER_OTHER
#endif
#ifndef TO_NODE
#define TO_NODE RECEIVER_OTHER
#endif

#define FIELD(kind, name)
#define RECORD(tag, ...)
#define MESSAGE(tag, number, senders, receiver, ...) receiver(tag, number, senders)
#include "common/ipc/message_table.h"

#undef TO_ALL
#undef TO_CHILD
#undef TO_PROCESS
#undef TO_LOG
#undef TO_SESSION
#undef TO_STREAMS
#undef TO_BACKEND
#undef TO_LANE
#undef TO_CORE
#undef TO_NODE
#undef RECEIVER_OTHER
