/*
 * watch_move.h - watches of the v3 API that go from one worker to another.
 */
#ifndef MOOTHALL_HTTPD_CLIENT_V3_WATCH_MOVE_H
#define MOOTHALL_HTTPD_CLIENT_V3_WATCH_MOVE_H

#include "common/ipc/message.h"

struct v3_call;

/* Go on with a stream whose head, and more, another worker has sent: a new call of that
 * method. It may be over behind this. */
void watch_move_take(struct v3_call *call, const struct msg_handed *handed);

#endif
