/*
 * ask.h - requests of the KV service as raftd is asked them: lists of operations and compares
 * (common/ipc/v3_table.h).
 *
 * Pure. What no state of the keys makes right is refused here, by the texts and in the order
 * of the original: raftd takes a list that it could not carry out for a mistake of ours.
 */
#ifndef MOOTHALL_HTTPD_V3_ASK_H
#define MOOTHALL_HTTPD_V3_ASK_H

#include "common/arena.h"
#include "common/buf.h"
#include "httpd/v3/message.h"
#include "httpd/v3/method.h"
#include "httpd/v3/status.h"

struct v3_ask {
	bool writes;
	bool serializable;		/* of what does not write: may be answered at once */
	struct buf compares, ops;
};

/*
 * Make the lists of a request.
 *
 *	method	range, put, delete_range or txn
 *	request	its message
 *	most	operations on any path through a txn, at most V3_OPS_MAX
 *	arena	of what is needed meanwhile
 *	ask	zeroed before; freed by the caller in any case
 *
 * V3_OK, or why it is refused.
 */
struct v3_status v3_ask_make(enum v3_method_tag method, const void *request, size_t most,
    struct arena *arena, struct v3_ask *ask) MUST_CHECK;
void v3_ask_free(struct v3_ask *ask);

#endif
