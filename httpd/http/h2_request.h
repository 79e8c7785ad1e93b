/*
 * h2_request.h - what comes by a stream of HTTP/2 becomes a request.
 *
 * Called by h2.c as the library tells of fields and bytes.
 */
#ifndef MOOTHALL_HTTPD_HTTP_H2_REQUEST_H
#define MOOTHALL_HTTPD_HTTP_H2_REQUEST_H

#include "httpd/http/h2_stream.h"

/* A head begins: of a new stream. */
void h2_request_new(struct h2 *h2, int32_t id);
/* A field of the head that is being received; of what stands behind a body nothing is kept.
 * False: it is far too long. */
bool h2_request_field(struct h2 *h2, int32_t id, struct slice name, struct slice value) MUST_CHECK;
/* It is whole; ended: and so is the request. */
void h2_request_head(struct h2 *h2, bool ended);
void h2_request_data(struct h2_stream *stream, struct slice data);
void h2_request_ended(struct h2_stream *stream);
/* The stream is over: its head, if that is being received, is forgotten. NULL: of any. */
void h2_request_no_head(struct h2 *h2, const struct h2_stream *stream);

/* Handle what was parked, as far as there is room. True if anything was. */
bool h2_requests_begin(struct h2 *h2);
/* Is something parked that could be handled? */
bool h2_requests_wait(const struct h2 *h2);
/* A clock of the stream is over. */
void h2_request_expired(struct h2_stream *stream, enum conn_limit limit);

/* Rows of struct protocol. */
void h2_body_used(struct request *request, size_t bytes);
void h2_upload_refuse(struct conn *conn);

#endif
