/*
 * v3_rights.h - may a user of the v3 API have that command, as it is applied?
 *
 * His worker has asked the same before, of what was there then; what hangs on a lease only this
 * knows. Pure and deterministic. Called by mvcc_part.c.
 */
#ifndef MOOTHALL_RAFTD_REPLICA_V3_RIGHTS_H
#define MOOTHALL_RAFTD_REPLICA_V3_RIGHTS_H

#include "common/v3_error.h"
#include "raftd/command.h"

struct replica;

/* V3_NONE: he may, or users do not count, or it is none that could be carried out. Else
 * V3_AUTH_OLD_REVISION, V3_PERMISSION, V3_AUTH_LEASE_KEYS. */
enum v3_error v3_rights_check(const struct replica *replica, const struct command_v3_as *as);

#endif
