/*
 * event.h - events of the keys API for people and programs.
 */
#ifndef MOOTHALL_CTL_EVENT_H
#define MOOTHALL_CTL_EVENT_H

#include "ctl/json_read.h"
#include "ctl/output.h"

/* One of the three forms; index: X-Etcd-Index of the answer. shown: for a terminal, where
 * what has to be one line is one; values keep their bytes, output_text sees to them. */
void api_event_render(const struct json *event, uint64_t index, enum output_format format,
    bool shown, struct buf *text);
/* To standard output. */
void api_event_print(const struct output *out, const struct json *event, uint64_t index);

/*
 * The next node of a listing in the order of a tree, below root; NULL: that was
 * the last. The first is api_event_next(root, root).
 */
const struct json *api_event_next(const struct json *root, const struct json *node);

#endif
