/*
 * border.h - what stands around each request of a worker: who may ask, which header
 * lines every answer has, and what of it is counted and written down.
 *
 * Owned by the worker. The router asks it before anything else; the server of
 * httpd/http/, which knows none of this, calls the rest (server.h).
 */
#ifndef MOOTHALL_HTTPD_BORDER_H
#define MOOTHALL_HTTPD_BORDER_H

#include "httpd/http/request.h"

struct border;

/* By the options of worker, whose texts are borrowed; its role is set. */
struct border *border_new(const struct worker *worker);
/* What was collected is sent first. Accepts NULL in *border. */
void border_free(struct border **border);
/* The options of worker are others. */
void border_reconfigure(struct border *border, const struct worker *worker);

/* True if the request was answered, because it may not be asked: it calls us by another
 * name, or is a write of a page that may not write. */
bool border_refuses(struct request *request) MUST_CHECK;
/* Append the header lines that its answer has whoever made it. */
void border_put_lines(const struct request *request, struct buf *lines);
/* what: ANSWER_* of server.h. */
void border_answered(const struct request *request, unsigned what);
/* Turn end. */
void border_flush(struct border *border);

#endif
