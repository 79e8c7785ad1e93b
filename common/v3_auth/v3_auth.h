/*
 * v3_auth.h - users, roles and their rights of the v3 API: a copy of what the cluster has, and
 * what follows from it for a request.
 *
 * raftd's is part of the applied state (raftd/replica/v3_auth_part.c), a worker's is what raftd
 * gave it (httpd/client/v3_users.c). Knows nothing of the users of /v2 (common/auth), nor they
 * of these. Bounded by limits.h in users, roles, permissions and bytes. Pure: no clock, no I/O;
 * it makes no hash of a password and compares none.
 *
 * A user is known by his credential, which is another one after each change of his password.
 */
#ifndef MOOTHALL_COMMON_V3_AUTH_V3_AUTH_H
#define MOOTHALL_COMMON_V3_AUTH_V3_AUTH_H

#include "common/buf.h"
#include "common/err.h"
#include "common/ipc/wire.h"

#define CODEC_TABLE "common/v3_auth/v3_auth_table.h"
#include "common/ipc/table_declare.h"
#undef CODEC_TABLE

#define V3_AUTH_PREFIX 'a'
#define V3_AUTH_FORMAT 1
#define V3_AUTH_ROOT "root"		/* the user, and the role, that may do everything */

/* A user, with his roles, or a role, with its permissions. */
struct v3_auth_entry {
	struct buf name;
	struct buf hash;		/* of a user */
	struct buf list;		/* of auth_text; of v3_auth_permission */
	uint64_t credential;		/* of a user */
	uint8_t flags;			/* of a user */
};

/* By name. */
struct v3_auth_entries {
	struct v3_auth_entry **items;
	size_t count, capacity;
};

/* Zeros: nobody, not enabled. */
struct v3_auth {
	bool enabled;
	uint64_t changes;		/* see v3_auth_revision */
	uint64_t version;		/* rises with every change, of enabled, too */
	struct v3_auth_entries users, roles;
	size_t bytes;			/* of all records, about */
};

void v3_auth_clear(struct v3_auth *auth);
/* The auth revision, as clients see it: 1 at first. */
static inline uint64_t
v3_auth_revision(const struct v3_auth *auth)
{
	return auth->changes + 1;
}

/* ---- records --------------------------------------------------------------------- */

/* Take a record. ERR_CORRUPT if it is none, or more than may be. */
enum err v3_auth_load(struct v3_auth *auth, struct slice key, struct slice value) MUST_CHECK;
/* Append state_records: of all; of what stands beside users and roles; of one, or that it was
 * removed if there is none of that name. */
void v3_auth_put(const struct v3_auth *auth, struct buf *records);
void v3_auth_put_info(const struct v3_auth *auth, struct buf *records);
void v3_auth_put_user(const struct v3_auth *auth, struct slice name, struct buf *records);
void v3_auth_put_role(const struct v3_auth *auth, struct slice name, struct buf *records);
/* Over all of it. */
uint32_t v3_auth_hash(const struct v3_auth *auth);

/* ---- users and roles ---------------------------------------------------------------- */

/* NULL: there is none. */
const struct v3_auth_entry *v3_auth_user(const struct v3_auth *auth, struct slice name);
const struct v3_auth_entry *v3_auth_user_of(const struct v3_auth *auth, uint64_t credential);
const struct v3_auth_entry *v3_auth_role(const struct v3_auth *auth, struct slice name);
/* Put one in the place of the one of that name, or add it: all of its bytes are copied.
 * ERR_TOO_BIG: above a limit of limits.h, and nothing changed. */
enum err v3_auth_set_user(struct v3_auth *auth, const struct v3_auth_entry *user) MUST_CHECK;
enum err v3_auth_set_role(struct v3_auth *auth, const struct v3_auth_entry *role) MUST_CHECK;
/* False: there is none. */
bool v3_auth_remove_user(struct v3_auth *auth, struct slice name);
bool v3_auth_remove_role(struct v3_auth *auth, struct slice name);

/* The permissions of a role: the next one that reader goes over. False: there is none. */
bool v3_auth_next(struct reader *list, struct v3_auth_permission *permission);
/* Is that a range that may be granted? */
bool v3_auth_is_range(struct slice key, struct slice end);
/* The list with that one in it, in its place, instead of one of the same range. */
void v3_auth_list_put(struct buf *list, const struct v3_auth_permission *permission);
/* Without the one of that range. False: there is none. */
bool v3_auth_list_remove(struct buf *list, struct slice key, struct slice end);

/* ---- rights (access.c) ------------------------------------------------------------------ */

bool v3_auth_has_role(const struct v3_auth_entry *user, struct slice role);
/* Does he have the role root? NULL: nobody, who has none. */
bool v3_auth_is_root(const struct v3_auth_entry *user);
/* May he do that, V3_AUTH_READ or V3_AUTH_WRITE, with all keys of a range, as of the API? All of
 * it has to be granted, by one permission or several. */
bool v3_auth_may(const struct v3_auth *auth, const struct v3_auth_entry *user,
    enum v3_auth_type type, struct slice key, struct slice end);
/* The same of all that is in lists of v3_compare and v3_op, on whatever branch it stands; not of
 * what hangs on leases. */
bool v3_auth_may_ask(const struct v3_auth *auth, const struct v3_auth_entry *user,
    struct slice compares, struct slice ops);

#endif
