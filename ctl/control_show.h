/*
 * control_show.h - the status of a node as tables.
 */
#ifndef MOOTHALL_CTL_CONTROL_SHOW_H
#define MOOTHALL_CTL_CONTROL_SHOW_H

#include "ctl/json_read.h"
#include "ctl/output.h"

/* status: the object that the node's control socket answers. */
void control_show_status(const struct output *out, const struct json *status);

#endif
