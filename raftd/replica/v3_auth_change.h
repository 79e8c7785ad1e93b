/*
 * v3_auth_change.h - a change of users and roles of the v3 API: what may be, and what it makes
 * of them; and a token that is made.
 *
 * Pure and deterministic. Called by v3_auth_part.c.
 */
#ifndef MOOTHALL_RAFTD_REPLICA_V3_AUTH_CHANGE_H
#define MOOTHALL_RAFTD_REPLICA_V3_AUTH_CHANGE_H

#include "common/v3_auth/v3_auth.h"
#include "common/v3_error.h"
#include "raftd/command.h"

/* Make it: effects gets the records that changed. *changed: something has. Else nothing was to be
 * done, or it may not be, for the reason that is returned. Who asks is asked for here, too. */
enum v3_error v3_auth_change(struct v3_auth *auth, const struct command_v3_auth *change,
    struct buf *effects, bool *changed);

#endif
