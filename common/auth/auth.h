/*
 * auth.h - users, roles and their rights: a copy of what the cluster has, and what follows
 * from it for a request.
 *
 * raftd's is part of the applied state (raftd/replica/auth_part.c), a worker's is what raftd
 * gave it (httpd/client/gate.c): both are made of the same records, and both ask the same
 * questions. Bounded by limits.h in users, roles, patterns and bytes. Pure: no clock, no I/O;
 * it makes no hash of a password and compares none.
 *
 * A pattern is a key, or a beginning of keys with a '*' behind it. Nothing below AUTH_RESERVED
 * is anybody's but the role root's, whatever patterns say.
 */
#ifndef MOOTHALL_COMMON_AUTH_AUTH_H
#define MOOTHALL_COMMON_AUTH_AUTH_H

#include "common/buf.h"
#include "common/err.h"

#define CODEC_TABLE "common/auth/auth_table.h"
#include "common/ipc/table_declare.h"
#undef CODEC_TABLE

#define AUTH_PREFIX 'A'
#define AUTH_FORMAT 1
#define AUTH_ROOT "root"
#define AUTH_GUEST "guest"
#define AUTH_RESERVED "/_etcd"
#define AUTH_LOCKS "/_etcd/mod/lock/"

/* Lists that nobody has given yet, which clients see as null. */
#define AUTH_NO_ROLES 0x01
#define AUTH_NO_READ 0x01
#define AUTH_NO_WRITE 0x02

struct auth_user {
	struct buf name;
	struct buf hash;
	struct buf roles;		/* list of auth_text */
	uint64_t credential;
	uint8_t flags;
};

struct auth_role {
	struct buf name;
	struct buf read, write;		/* list of auth_text */
	uint8_t flags;
};

/* Zeros: nobody, not enabled. */
struct auth {
	bool enabled;
	uint64_t revision;		/* rises with each change */
	struct auth_user **users;	/* both by name */
	struct auth_role **roles;
	size_t user_count, user_capacity, role_count, role_capacity;
	size_t bytes;			/* of all records, as auth_put makes them */
};

/* Whose a request is. */
struct auth_who {
	struct slice user;		/* empty: guest */
	uint64_t credential;		/* of the password that was checked */
};

void auth_clear(struct auth *auth);

/* ---- records --------------------------------------------------------------------- */

/* Take a record. ERR_CORRUPT if it is none, or more than may be. */
enum err auth_load(struct auth *auth, struct slice key, struct slice value) MUST_CHECK;
/* Append state_records: of all; of what stands beside users and roles; of one, or that it
 * was removed if there is none of that name. */
void auth_put(const struct auth *auth, struct buf *records);
void auth_put_info(const struct auth *auth, struct buf *records);
void auth_put_user(const struct auth *auth, struct slice name, struct buf *records);
void auth_put_role(const struct auth *auth, struct slice name, struct buf *records);
/* Over all of it. */
uint32_t auth_hash(const struct auth *auth);

/* ---- users and roles ---------------------------------------------------------------- */

/* NULL: there is none. The role root is none of them: it is always there. */
const struct auth_user *auth_user(const struct auth *auth, struct slice name);
const struct auth_role *auth_role(const struct auth *auth, struct slice name);
/* Put one in the place of the one of that name, or add it: all of its bytes are copied.
 * ERR_TOO_BIG: above a limit of limits.h, and nothing changed. */
enum err auth_set_user(struct auth *auth, const struct auth_user *user) MUST_CHECK;
enum err auth_set_role(struct auth *auth, const struct auth_role *role) MUST_CHECK;
/* False: there is none. */
bool auth_remove_user(struct auth *auth, struct slice name);
bool auth_remove_role(struct auth *auth, struct slice name);

/* A name that a user or role may have: not empty, no '/', no control bytes, not too long. */
bool auth_name_is_good(struct slice name);
/* Are those texts each good, and not too many? */
bool auth_roles_are_good(struct slice list);
bool auth_patterns_are_good(struct slice list);

/* ---- lists --------------------------------------------------------------------------- */

void auth_list_add(struct buf *list, struct slice text);
/* The next text of a list that reader goes over. False: there is none. */
bool auth_list_next(struct reader *list, struct slice *text);
bool auth_list_has(struct slice list, struct slice text);
size_t auth_list_count(struct slice list);
/* The same texts in order, each once. */
void auth_list_sort(struct buf *list);

/* ---- rights (access.c) ------------------------------------------------------------------ */

/* Is he a user, with that password? A guest is. */
bool auth_knows(const struct auth *auth, const struct auth_who *who);
/* Does he have the role root? The user root has. */
bool auth_is_root(const struct auth *auth, const struct auth_who *who);
bool auth_user_has(const struct auth_user *user, struct slice role);

enum auth_read {
	AUTH_READ_NONE,			/* nothing of it may be read */
	AUTH_READ_SOME,			/* what auth_shows says of each node */
	AUTH_READ_ALL,
};
/* May he read a key and all below it, or wait for them? */
enum auth_read auth_may_read(const struct auth *auth, const struct auth_who *who,
    struct slice key);
/* Of what may be read in part: that node? A directory is if something below it may be. */
bool auth_shows(const struct auth *auth, const struct auth_who *who, struct slice key,
    bool is_directory);

enum auth_reach {
	AUTH_KEY,			/* the key itself */
	AUTH_TREE,			/* and all below it */
	AUTH_CHILD,			/* a key below it that is chosen later */
};
bool auth_may_write(const struct auth *auth, const struct auth_who *who, struct slice key,
    enum auth_reach reach);

#endif
