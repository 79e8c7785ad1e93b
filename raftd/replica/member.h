/*
 * member.h - who is in the cluster: ids, names, URLs, voter or learner.
 *
 * The replicated table of members, changed only by committed entries, in the
 * order of joining. Raft's configuration and the registry keys under
 * /_etcd/machines follow the same entries. Pure; owned by node.c.
 *
 * Source: docs/architecture.md, "A join"; docs/api.md, "The registry".
 */
#ifndef MOOTHALL_RAFTD_REPLICA_MEMBER_H
#define MOOTHALL_RAFTD_REPLICA_MEMBER_H

#include "common/err.h"
#include "common/ipc/message.h"
#include "common/ipc/wire.h"
#include "raftd/raft/types.h"
#include "raftd/replica/place.h"

struct member {
	peer_id id;
	enum member_role role;
	uint64_t joined;	/* store index of its registry entry */
	char *name;
	char *peer_url;
	char *client_url;
};

/* An id that was a member's once. */
struct removed_id {
	peer_id id;
	bool forgotten;		/* for good: its machine is not to come back by itself */
};

struct members {
	struct removed_id *removed;	/* in order of removal */
	size_t removed_count, removed_capacity;
	struct places places;	/* for those who are to join, and of those who did */
	size_t count;
	struct member list[MEMBERS_MAX];	/* by joined, then id */
};

void members_clear(struct members *members);
const struct member *members_find(const struct members *members, peer_id id);
const struct member *members_named(const struct members *members, struct slice name);
/* One but that (NULL: of all) that has any of these URLs among its own. */
const struct member *members_sharing_url(const struct members *members, struct slice peer_urls,
    const struct member *but);

/* What one entry of the table is to be; slices are copied. */
struct member_values {
	peer_id id;
	enum member_role role;
	uint64_t joined;
	struct slice name, peer_url, client_url;
};

/* Add or replace the member of that id; appends its state record. False if the
 * table is full: nothing changed. */
bool members_put(struct members *members, const struct member_values *values,
    struct buf *effects);
/* Remove it if it is there; its id is remembered and does not come back. forget: nor
 * does its machine, until it is started with an empty directory. */
void members_remove(struct members *members, peer_id id, bool forget, struct buf *effects);
bool members_was_removed(const struct members *members, peer_id id);
bool members_was_forgotten(const struct members *members, peer_id id);
/* The id that clients know that member by: of the place it took, else its own. */
uint64_t members_shown_id(const struct members *members, const struct member *member);
/* The member of that shown id, or of that id; NULL: there is none. */
const struct member *members_shown_as(const struct members *members, uint64_t id);
/* Take a state record ('M', 'U', 'F' or 'P'). */
enum err members_load(struct members *members, struct slice key, struct slice value) MUST_CHECK;

/* The table as Raft's configuration. */
void members_conf(const struct members *members, struct raft_conf *conf);
/* Append it as a list of member_record, in order of joining. */
void members_encode(const struct members *members, struct buf *out);
/* Replace it by a list of member_record (of a join's answer). Not replicated. */
enum err members_decode(struct members *members, struct slice list) MUST_CHECK;
/* Value of the registry key: raft=PEER_URL&etcd=CLIENT_URL, nothing escaped. */
void members_registry_value(struct buf *out, struct slice peer_url, struct slice client_url);
/* "/_etcd/machines/NAME" */
void members_registry_key(struct buf *out, struct slice name);

/* Assert what always holds. */
void members_invariants(const struct members *members);
uint32_t members_hash(const struct members *members);

#endif
