/*
 * h2_answer.h - the answers of a connection of HTTP/2 on their way to the library.
 *
 * Called by the rows of struct protocol, which response.c uses, and by h2.c.
 */
#ifndef MOOTHALL_HTTPD_HTTP_H2_ANSWER_H
#define MOOTHALL_HTTPD_HTTP_H2_ANSWER_H

#include "httpd/http/h2_stream.h"

#define H2_FRAME_HEAD_BYTES 9

/* Rows of struct protocol. */
void h2_head(struct request *request, unsigned status, const char *content_type, size_t size,
    bool has_body);
struct outqueue *h2_queue(const struct request *request);
void h2_touch(const struct request *request);
void h2_complete(struct request *request);
void h2_abort(struct request *request);

/* The library's callback: a frame's head, and length bytes of its stream behind it, go into the
 * connection's queue, if that is not full for now. */
int h2_send_data(nghttp2_session *session, nghttp2_frame *frame, const uint8_t *head,
    size_t length, nghttp2_data_source *source, void *user);

#endif
