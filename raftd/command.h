/*
 * command.h - a replicated command: what a payload of the log says.
 *
 * Structs and codecs are made from command_table.h. Made by whoever proposes, taken apart by
 * whoever applies or looks at what is forwarded; neither a node nor a store is known here.
 */
#ifndef MOOTHALL_RAFTD_COMMAND_H
#define MOOTHALL_RAFTD_COMMAND_H

#include "common/blob.h"
#include "common/ipc/message.h"
#include "common/ipc/wire.h"

enum command_kind {
	COMMAND_WRITE = 1,
	COMMAND_EXPIRE = 2,
	COMMAND_MEMBER = 3,
	COMMAND_CONFIG = 4,
	COMMAND_CREATE = 5,
	COMMAND_REFUSED = 6,
	COMMAND_CONFIG_ITEMS = 7,
	COMMAND_CREATE_ITEMS = 8,
	COMMAND_KNOWN = 9,
	COMMAND_PLACE = 10,
	COMMAND_AUTH = 11,
	COMMAND_WRITE_AS = 12,
	COMMAND_V3_WRITE = 13,
	COMMAND_V3_COMPACT = 14,
	COMMAND_V3_GRANT = 15,
	COMMAND_V3_REVOKE = 16,
	COMMAND_V3_EXPIRE = 17,
	COMMAND_V3_CHECKPOINT = 18,
	COMMAND_V3_AS = 19,
	COMMAND_V3_AUTH = 20,
	COMMAND_V3_ALARM = 21,
	COMMAND_KINDS,			/* none: one above the last */
};

#define CODEC_TABLE "raftd/command_table.h"
#include "common/ipc/table_declare.h"
#undef CODEC_TABLE

/*
 * A command as a payload, returned owned: head, then the record of its kind. session and
 * sequence say whose it is and which of his, 0 and 0: the leader's own; below low the
 * session's answers may be forgotten.
 */
struct blob *command_new_write(uint64_t session, uint64_t sequence,
    const struct msg_write *write);
struct blob *command_new_member(uint64_t session, uint64_t sequence, uint64_t low,
    const struct command_member *member);
struct blob *command_new_expire(uint64_t cutoff_ns);
struct blob *command_new_known(void);
struct blob *command_new_config(uint64_t session, uint64_t sequence, uint64_t low,
    struct slice items);
struct blob *command_new_create(const struct command_create_items *create);
struct blob *command_new_refused(uint64_t session, uint64_t sequence, uint64_t low,
    const struct command_refused *refused);
struct blob *command_new_place(uint64_t session, uint64_t sequence, uint64_t low,
    const struct command_place *place);
struct blob *command_new_auth(uint64_t session, uint64_t sequence,
    const struct msg_auth_change *change);

/* Of the v3 key space; of a user if it has a credential, then in a command_v3_as. */
struct blob *command_new_v3_write(uint64_t session, uint64_t sequence,
    const struct msg_v3_write *write);
struct blob *command_new_v3_compact(uint64_t session, uint64_t sequence,
    const struct msg_v3_compact *compact);
struct blob *command_new_v3_grant(uint64_t session, uint64_t sequence,
    const struct msg_v3_grant *grant);
struct blob *command_new_v3_revoke(uint64_t session, uint64_t sequence,
    const struct msg_v3_revoke *revoke);
struct blob *command_new_v3_alarm(uint64_t session, uint64_t sequence,
    const struct msg_v3_alarm *alarm);
struct blob *command_new_v3_auth(uint64_t session, uint64_t sequence,
    const struct msg_v3_auth_change *change);
/* Of the leader itself: NOSPACE of the quota, of that member; op: enum alarm_op. */
struct blob *command_new_v3_quota(uint8_t op, uint64_t member);
/* The same: history below the revision is gone. */
struct blob *command_new_v3_auto_compact(uint64_t revision);
/* The same: those leases are over. */
struct blob *command_new_v3_expire(uint64_t term, const uint64_t *ids, size_t count);
/* The same: they expire then; the caller appended the list of command_v3_lease. */
struct blob *command_new_v3_checkpoint(uint64_t term, struct slice leases);

/* Is it one of a worker's on the v3 keys, or their users? */
bool command_is_v3(const struct blob *payload);
/* Take a payload apart; false: malformed. body is the reader behind the head. */
bool command_parse(const struct blob *payload, struct command_head *head, struct reader *body);
/* The same; one of a v3 user is looked through: kind and body are of what is in it. */
bool command_parse_v3(const struct blob *payload, uint8_t *kind, struct reader *body);
/* Do its texts fit what is said of members everywhere? It may be a node's invention. */
bool command_is_member(const struct command_member *m);
/* The same of places. */
bool command_is_place(const struct command_place *p);

#endif
