/*
 * lease.h - leases: keys that go together when nobody keeps them.
 *
 * Replicated of a lease is its TTL, a time of expiry in cluster time, and whether that time is
 * settled. The leader alone knows of renewals: they are not in the log. Its deadline of a lease
 * is never before the one of expiry.
 *
 *	granted ---> kept	the leader answers a renewal: deadline = now + TTL  [lease_renew]
 *	kept ------> due	the deadline has passed: no renewal any more	    [leases_due]
 *	due -------> gone	an entry with its id was applied		    [lease_free]
 *
 * Who becomes leader does not know what was promised last: to it a lease lives on for its whole
 * TTL (leases_lead). Late, never early; but a long one that nobody renews would be longer by
 * each change of the leader. So it is settled: an entry says when it expires (checkpoint), and
 * from then on it is renewed only after another one has withdrawn that.
 *
 *	open -----> settling	the leader has chosen it for a checkpoint	[leases_to_settle]
 *	settling -> settled	the checkpoint was applied			[lease_settle]
 *	settled --> open	a checkpoint withdrew it			[lease_settle]
 *
 * Keys hang on a lease as a list of attachments: few keys do, so they have no room for it
 * themselves. Pure; times are arguments.
 */
#ifndef MOOTHALL_RAFTD_REPLICA_MVCC_LEASE_H
#define MOOTHALL_RAFTD_REPLICA_MVCC_LEASE_H

#include "common/hash.h"
#include "common/heap.h"
#include "raftd/replica/mvcc/key.h"

struct mvcc_lease {
	struct hash_link link;
	struct heap_link by_deadline;
	uint64_t id;			/* any 64 bits but 0 */
	uint64_t ttl_s;
	uint64_t expiry_ns;		/* cluster time, replicated */
	uint64_t deadline_ns;		/* >= expiry_ns; of a leader: what it has promised */
	bool settled;			/* replicated */
	bool settling;			/* of a leader: a checkpoint of it is under way */
	struct mvcc_attachment *keys;	/* newest first */
	size_t key_count;
};

struct leases {
	struct pool *pool;		/* of attachments, borrowed */
	size_t key_count;		/* that hang on any */
	struct hash by_id;
	struct heap by_deadline;	/* all of them; equal ones by id */
	uint64_t next_settled;		/* where leases_to_settle goes on */
};

void leases_init(struct leases *leases, struct pool *pool, uint64_t seed);
/* The keys that hang on them are not touched. */
void leases_free(struct leases *leases);
struct mvcc_lease *lease_find(const struct leases *leases, uint64_t id);
/* There is none of that id, which is not 0. */
struct mvcc_lease *lease_new(struct leases *leases, uint64_t id, uint64_t ttl_s,
    uint64_t expiry_ns, bool settled);
/* No key hangs on it. */
void lease_free(struct leases *leases, struct mvcc_lease *lease);

/* A key hangs on that lease from now on, and on no other; NULL: on none. */
void lease_hang(struct leases *leases, struct mvcc_lease *lease, struct mvcc_key *key);
/* NULL: it hangs on none. */
static inline struct mvcc_lease *
lease_of_key(const struct mvcc_key *key)
{
	return key->attachment == NULL ? NULL : key->attachment->lease;
}
/* Its keys in any order; returned owned (free), NULL if there are none. */
struct mvcc_key **lease_keys(const struct mvcc_lease *lease);
/* The same in byte order. */
struct mvcc_key **lease_keys_sorted(const struct mvcc_lease *lease);
/* All behind place are a heap, the first by name in front: so is what begins at place, then. */
void lease_keys_sift(struct mvcc_key **keys, size_t count, size_t place);
/* All of them by id; as lease_keys. */
struct mvcc_lease **leases_sorted(const struct leases *leases);

/* The i-th of them, by deadlines but in no order; good until one changes. */
const struct mvcc_lease *leases_any(const struct leases *leases, size_t i);

/* A checkpoint was applied. expiry_ns 0: it withdraws what was settled. */
void lease_settle(struct leases *leases, struct mvcc_lease *lease, uint64_t expiry_ns);
/* This node leads from now on. */
void leases_lead(struct leases *leases, uint64_t now_ns);

enum lease_renewal {
	LEASE_RENEWED,
	LEASE_IS_GONE,			/* or due: it is as good as gone */
	LEASE_IS_SETTLED,		/* first a checkpoint has to withdraw that */
};
/* Of the leader, once a quorum has confirmed that it is. */
enum lease_renewal lease_renew(struct leases *leases, uint64_t id, uint64_t now_ns,
    struct mvcc_lease **lease);
/* The ids of those that are due, up to ids_max, in the order of their deadlines. */
size_t leases_due(struct leases *leases, uint64_t now_ns, uint64_t *ids, size_t ids_max);
/* UINT64_MAX: there is none. */
uint64_t leases_next_deadline(const struct leases *leases);
/* Some leases that a checkpoint is worth for: of a TTL of more than long_s, and for so long
 * not renewed. They are settling from here on. looks_max leases are looked at. */
size_t leases_to_settle(struct leases *leases, uint64_t now_ns, uint64_t long_s,
    size_t looks_max, struct mvcc_lease **chosen, size_t chosen_max);

#endif
