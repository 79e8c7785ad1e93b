/*
 * api_error.h - errors of the API as its clients know them.
 */
#ifndef MOOTHALL_HTTPD_API_ERROR_H
#define MOOTHALL_HTTPD_API_ERROR_H

#include "common/err.h"
#include "httpd/http/request.h"

/* Of WWW-Authenticate, in every 401. */
#define AUTHENTICATE_VALUE "Basic realm=\"etcd\""

/*
 * Answer with {"errorCode":...,"message":...,"cause":...,"index":...}, the
 * status of that code, and X-Etcd-Index.
 *
 *	err	an error of the API; any other is shown as ERR_RAFT_INTERNAL
 *	cause	left out if empty
 *	index	the store index; 0 for what was found without asking the store
 */
void api_error(struct request *request, enum err err, struct slice cause, uint64_t index);

/* The body of such an answer, with its newline, appended. */
void api_error_put(struct buf *out, enum err err, struct slice cause, uint64_t index);

/* X-Etcd-Cluster-ID, once it is known. */
void cluster_id_header(struct request *request);

#endif
