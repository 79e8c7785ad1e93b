/*
 * replica.h - the applied state: what the log makes of nothing, the same on every node
 * at the same applied index.
 *
 * It is what effects, the disk, snapshots and backups hold, as records, each of which belongs
 * to one of its parts (part.h) but for the stamp's. Knows neither consensus nor the world: an
 * entry of the log goes in, facts come out. A snapshot makes a second one, which takes the
 * place of the first when it is whole (compact.c).
 *
 *	new -----> loading	replica_load for each record	[replica_new]
 *	loading -> whole	what was loaded fits together	[replica_loaded]
 *	whole ---> adopted	who watches the old one watches this	[replica_adopt]
 */
#ifndef MOOTHALL_RAFTD_REPLICA_REPLICA_H
#define MOOTHALL_RAFTD_REPLICA_REPLICA_H

#include "common/auth/auth.h"
#include "common/buf.h"
#include "common/v3_auth/v3_auth.h"
#include "common/limits.h"
#include "raftd/command.h"
#include "raftd/replica/config_state.h"
#include "raftd/replica/member.h"
#include "raftd/replica/mvcc/mvcc.h"
#include "raftd/replica/requests.h"
#include "raftd/replica/store/store.h"
#include "raftd/replica/v3_alarms.h"

struct replica {
	/* Of its parts, what others ask. */
	struct store *store;
	struct requests *requests;
	struct members members;
	struct cluster_config config;
	struct auth auth;
	struct v3_auth v3_auth;
	struct v3_alarms v3_alarms;
	struct mvcc *mvcc;
	uint64_t applied_ns;		/* stamp of the last applied entry, never falls */
	bool within_entry;		/* it is applied in part */
	struct store_budget expired;	/* by the entry that is applied in part; else zeros */
	void *states[];			/* of all parts, by their rows */
};

enum member_change { MEMBER_STAYED, MEMBER_JOINED, MEMBER_MOVED, MEMBER_PROMOTED, MEMBER_REMOVED };

/* What happened to a member; the replica has it as it is now. */
struct member_fact {
	enum member_change change;
	peer_id id;
	uint64_t cluster_id;		/* not 0: he founded that cluster, or so the entry says */
};

/* What a client had done to a place, or to the member that has its id. */
struct place_fact {
	enum place_op op;
	uint64_t id;			/* 0: nothing */
	struct slice peer_urls, asker;	/* in the entry */
};

/* A change of users and roles that was made; both are in the entry. */
struct auth_fact {
	int op;				/* enum auth_op; 0: none */
	struct slice name;
	struct slice user;		/* who asked; empty: nobody has to be asked */
	struct slice what;		/* static: "password roles" */
};

/* The same of the v3 API. */
struct v3_auth_fact {
	int op;				/* enum v3_auth_op; 0: none */
	struct slice name, role;	/* in the entry */
	char by[V3_AUTH_NAME_BYTES_MAX + 1]; /* who asked; "": nobody has to be asked */
	/* V3_AUTH_MAKE_TOKEN: */
	uint64_t credential;
	struct slice digest;		/* in the entry */
};

/* An alarm of the v3 API that was not there is, or one that was there is not any more. */
struct v3_alarm_fact {
	int op;				/* enum alarm_op; 0: nothing */
	struct v3_alarm alarm;
};

/* What the application of an entry was, for those who own what follows from it. */
struct replica_facts {
	struct member_fact member;
	struct place_fact place;	/* beside it, if it was a client's wish */
	bool asks_for_member;		/* a change of members was asked for, whatever came of it */
	bool config_changed;		/* the cluster's */
	struct auth_fact auth;
	struct v3_auth_fact v3_auth;
	struct v3_alarm_fact v3_alarm;
	/* Of a command. A repeat changed nothing: its result is that of the first time. */
	uint64_t session, sequence;	/* whose; 0: nobody's */
	enum request_seen seen;
	struct request_result result;	/* cause is owned; nothing if it is forgotten */
	struct blob *event;		/* owned; NULL: none, or it is not kept any more */
};

/* An empty one. seed: of hash tables. */
struct replica *replica_new(uint64_t seed);
/* Accepts NULL. */
void replica_free(struct replica **replica);
/* Give a record to the part that it belongs to; they come in the order of their keys. ERR_CORRUPT
 * if none has it, too. */
enum err replica_load(struct replica *replica, struct slice key, struct slice value) MUST_CHECK;
/* All were given: ERR_CORRUPT with *where (static) if they do not fit together. */
enum err replica_loaded(struct replica *replica, const char **where) MUST_CHECK;
/* Has that record a form that is read and not written any more? Of a backup of before. */
bool replica_record_is_old(struct slice key);
/* Is a record with that key only ever written where there is none, and then removed? What was
 * both since the disk was told last, the disk need not be told of. */
bool replica_writes_once(struct slice key);
/* Give what was loaded of such records as records of today, in pieces of whole ones. */
void replica_renew(struct replica *replica, void (*take)(void *argument, struct slice records),
    void *argument);
/* fresh takes old's place: what is not replicated, as who watches, goes on there. old is of
 * no use from here on but to be freed. */
void replica_adopt(struct replica *fresh, struct replica *old);
/*
 * Apply the next entry. False: it is applied in part only, as so many hits wait already to
 * be taken by those who watch. Then it is to be given again, before any other, when they
 * were; until it is done no effects may go to the disk: what is there is the state at an
 * entry. Never false if nobody watches.
 *
 *	hits_max	1 or more
 *	effects		appended: records of all that changed
 *	facts		set; the caller drops its blobs
 */
bool replica_apply(struct replica *replica, const struct raft_entry *entry, size_t hits_max,
    struct buf *effects, struct replica_facts *facts) MUST_CHECK;
bool replica_is_within_entry(const struct replica *replica);
/* Append what was kept back until effects go to the disk, last the stamp of what was
 * applied: with it all effects so far are a state. */
void replica_flush(struct replica *replica, struct buf *effects);
/* Assert what always holds between entries. Walks everything: tests and checks only. */
void replica_invariants(const struct replica *replica);
/* CRC32C over all of it. Walks everything: tests and checks only. */
uint32_t replica_hash(const struct replica *replica);

#endif
