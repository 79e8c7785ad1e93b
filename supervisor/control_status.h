/*
 * control_status.h - the answer of the control socket to "status".
 */
#ifndef MOOTHALL_SUPERVISOR_CONTROL_STATUS_H
#define MOOTHALL_SUPERVISOR_CONTROL_STATUS_H

#include "common/buf.h"

struct supervisor;

/*
 * Append one line of JSON. Members: ok, ready, name, state, id, cluster_id,
 * term, commit, applied, store_index, role, leader, members[], processes[]; or,
 * as_text, only ok, ready and text, the same for people.
 */
void control_status(const struct supervisor *supervisor, bool as_text, struct buf *out);

#endif
