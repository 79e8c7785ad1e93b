/*
 * trace.h - frames as lines of the log, for who asks with "-log-level ipc=trace".
 *
 *	sent to raftd: id=7 bytes=74 msg_write low=7 op=1 flags=0 key="/foo" value="bar" ...
 *	received from client 1: id=7 bytes=74 msg_write low=7 op=1 ...
 *	sent to peer: node=8330bc0ffa66bd11 bytes=150 msg_raft_append term=2 ...
 *
 * Between a worker and raftd the id is the request's, the same in both processes and
 * in the answer. Nothing of it goes to another node: there the key tells, which stands
 * in the beginning of the entry.
 *
 * Of each field of bytes TRACE_BYTES_MAX are shown, escaped, so a frame is one line
 * whatever is in it; with -log-keys=false none, only how many. What message_table.h
 * calls a token or a secret is never shown. Called by channel.c only.
 */
#ifndef MOOTHALL_COMMON_IPC_TRACE_H
#define MOOTHALL_COMMON_IPC_TRACE_H

#include "common/ipc/frame.h"

bool trace_wanted(void);
/*
 *	way	"sent to", "received from"
 *	other	who is at the other end of the channel
 */
void trace_frame(const char *way, const char *other, const struct frame *frame);
/* Each of frames that stand one after the other; the last one goes on in tail, if that is
 * not empty. */
void trace_batch(const char *way, const char *other, struct slice frames, struct slice tail);

#endif
