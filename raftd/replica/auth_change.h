/*
 * auth_change.h - a change of users and roles: what may be, what it makes of them, and the
 * sentence of one that may not be, as clients of 2.x know it.
 *
 * Pure and deterministic. Called by auth_part.c, which looks at who asks.
 */
#ifndef MOOTHALL_RAFTD_REPLICA_AUTH_CHANGE_H
#define MOOTHALL_RAFTD_REPLICA_AUTH_CHANGE_H

#include "common/auth/auth.h"
#include "raftd/command.h"

/* What became of a change. */
struct auth_changed {
	enum err error;			/* ERR_NONE, or ERR_AUTH_* and nothing changed */
	char cause[2 * 255 + 128];	/* a sentence; of a success as wire.h has it */
	const char *what;		/* static, of a success, for a line of the log */
};

_Static_assert(sizeof(((struct auth_changed *)0)->cause) > 2 * AUTH_NAME_BYTES_MAX + 64,
    "a sentence with a user and a role fits");

/* Make it: effects gets the records that changed, and revision rises if any did. */
void auth_change(struct auth *auth, const struct command_auth *change, struct buf *effects,
    struct auth_changed *changed);

#endif
