/*
 * show.h - what raftd answers on the v3 keys, as a response of the API.
 *
 * Pure. The bytes are those of an outcome's event: a v3_answer, and the KeyValues behind it.
 */
#ifndef MOOTHALL_HTTPD_V3_SHOW_H
#define MOOTHALL_HTTPD_V3_SHOW_H

#include "common/arena.h"
#include "common/err.h"
#include "common/v3_error.h"
#include "httpd/v3/message.h"
#include "httpd/v3/method.h"

/* Any response of a method that raftd answers so. */
union v3_shown {
	struct v3_range_response range;
	struct v3_put_response put;
	struct v3_delete_range_response delete_range;
	struct v3_txn_response txn;
	struct v3_compaction_response compact;
	struct v3_lease_grant_response grant;
	struct v3_lease_revoke_response revoke;
};

/*
 * Make the response to a request of that method.
 *
 *	event	borrowed by the response
 *	arena	what the response points to is of it
 *	header	in: cluster, member and term; out: with the revision. Borrowed by the response
 *	shown	the response, if *error is V3_NONE
 *
 * ERR_MALFORMED: these are no such bytes, or they answer another method.
 */
enum err v3_show(enum v3_method_tag method, struct slice event, struct arena *arena,
    struct v3_response_header *header, union v3_shown *shown, enum v3_error *error) MUST_CHECK;

#endif
