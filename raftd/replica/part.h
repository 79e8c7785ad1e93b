/*
 * part.h - what a part of the applied state is: a state machine beside the others, as a row.
 *
 * Each part has commands of the log that are its own, and records of the applied state that
 * are its own, known by the first byte of their keys. Everything else goes over the rows, or
 * carries the records as they are, and knows no part: the log, the disk, snapshots, backups,
 * what is made of them (rebuild), checksums, invariants.
 *
 *	an entry of the log ------------> the part whose command it is  [apply] --> its records
 *	a record of disk, snapshot, ----> the part whose prefix it has  [load]
 *	backup
 *
 * Another one is a row of part_table.h and a file as members_part.c is; numbers for its commands in
 * raftd/command.h; its records in docs/formats.md. What others are to ask it for, the conductor
 * to answer a read or a part to stand on it, has a field in struct replica.
 * A part is as deterministic as all of the replica: no clock, no I/O, no chance.
 */
#ifndef MOOTHALL_RAFTD_REPLICA_PART_H
#define MOOTHALL_RAFTD_REPLICA_PART_H

#include "common/buf.h"
#include "common/v3_error.h"
#include "raftd/command.h"
#include "raftd/raft/types.h"
#include "raftd/replica/store/store.h"

struct mvcc_outcome;
struct replica;
struct replica_facts;

/* An entry that is being applied. */
struct applying {
	struct replica *replica;
	void *state;			/* of the part whose command it is */
	const struct raft_entry *entry;
	size_t hits_max;		/* see replica_apply */
	bool of_leader;			/* no client asked: of the leader itself */
	bool permitted;			/* of the v3 keys: who asks was asked for his rights */
	struct buf *effects;		/* appended: records of all that changed */
	struct replica_facts *facts;	/* what follows from it for the conductor */
};

struct part_command {
	uint8_t kind;			/* enum command_kind; 0: the list ends */
	/* Do what the body asks for. What it returns is remembered as the answer to the request;
	 * a command that makes no sense is refused, on every node alike. */
	struct store_outcome (*apply)(struct applying *a, struct reader *body);
	/* Of one that may take several calls of replica_apply: what comes before apply. False:
	 * the rest comes with the next call. NULL: nothing. */
	bool (*advance)(struct applying *a, struct reader body);
};

/* Its functions get what create returned; those may be NULL that say so. */
struct replica_part {
	const char *name;
	const char *prefixes;		/* first bytes of the keys of its records */
	const char *old_prefixes;	/* those of them that are read and not written any more */
	/* Those of them whose records are written where there is none, and then removed, and
	 * never written over another: see replica_writes_once. */
	const char *once_prefixes;
	const struct part_command *commands;

	/* Empty; seed is that of hash tables. Returns its state, or the replica, if the others
	 * need that: the state of a part that others ask is a field there. */
	void *(*create)(struct replica *replica, uint64_t seed);
	void (*destroy)(void *state);	/* may be NULL */
	/* Take a record of its own: of the disk, a snapshot or a backup, in the order of keys.
	 * ERR_CORRUPT if it cannot be, whatever its bytes are. */
	enum err (*load)(void *state, struct slice key, struct slice value);
	/* May be NULL. All parts have their records: ERR_CORRUPT with *where (static) if they do
	 * not fit together. Those of the rows before are checked. */
	enum err (*loaded)(void *state, const char **where);
	/* May be NULL. Give what records of old prefixes held, as records of today. */
	void (*renew)(void *state, void (*take)(void *argument, struct slice records),
	    void *argument);
	/* May be NULL. Append what apply kept back until effects go to the disk. */
	void (*flush)(void *state, struct buf *effects);
	/* May be NULL. The state takes old's place: see replica_adopt. */
	void (*adopt)(void *state, void *old);
	/* Over all that is replicated; equal on every node, whatever the seed. */
	uint32_t (*hash)(const void *state);
	/* May be NULL. Assert what always holds between entries. */
	void (*invariants)(const void *state);
};

/* Made from part_table.h by parts.c alone, so that a test may have more of them. */
extern const struct replica_part *const part_rows[];
extern const size_t part_row_count;

#define PART(name) extern const struct replica_part name##_part;
#include "raftd/replica/part_table.h"

/* What a command without an event did: ERR_NONE, or why nothing. cause may be NULL. */
struct store_outcome apply_outcome(const struct applying *a, enum err error, const char *cause);
/* Of one whose body makes no sense. */
struct store_outcome apply_malformed(const struct applying *a);
/* Of one whose asker may not have it. */
struct store_outcome apply_unauthorized(const struct applying *a);
/* What became of a command of the v3 API, for the session table: a v3_outcome. */
struct store_outcome apply_v3_outcome(const struct applying *a, struct mvcc_outcome *outcome);
/* mvcc_part.c: nobody asks for a change of the v3 keys, and users count: then nothing is done. The
 * leader itself, whose commands have no session, is not asked. */
bool apply_v3_is_nobodys(const struct applying *a);
struct store_outcome apply_v3_refused(const struct applying *a, enum v3_error error);
/* v3_alarms_part.c: COMMAND_V3_ALARM. */
struct store_outcome apply_v3_alarm(struct applying *a, struct reader *body);
/* members_part.c: a learner votes from now on, by an entry that has no command. */
void apply_promotion(struct applying *a);
/* config_part.c: the configuration was changed, by whatever command. */
void apply_config_changed(struct applying *a);

#endif
