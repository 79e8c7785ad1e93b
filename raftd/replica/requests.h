/*
 * requests.h - the replicated session table: what was applied, its result (at
 * most once).
 *
 * A write carries (session, sequence, low). Its result is kept until the same
 * session says that everything below some low was answered, so a copy that
 * comes again (lost channel, restart, new leader) takes effect once and gets
 * the first answer. A copy below low is dropped: its answer was taken.
 *
 * Sessions end by a replicated rule: when there are more than SESSIONS_MAX,
 * the one whose last command has the lowest raft index goes. A retry comes
 * within seconds, the rule needs that many new workers meanwhile. A session
 * keeps at most SESSION_RESULTS_MAX results; the oldest go.
 *
 * A success refers to its event in the store's history (retained there until
 * forgotten here), so no answer is stored twice.
 *
 * Pure; called by apply.c in log order. Source: thesis 6.3.
 */
#ifndef MOOTHALL_RAFTD_REPLICA_REQUESTS_H
#define MOOTHALL_RAFTD_REPLICA_REQUESTS_H

#include "common/err.h"
#include "raftd/raft/types.h"
#include "raftd/replica/store/store.h"

struct requests;

struct request_result {
	enum err error;
	struct blob *cause;	/* NULL: none; of a command of the v3 keys its v3_outcome */
	uint64_t store_index;
	raft_index raft_index;
	raft_term raft_term;
	bool event;		/* the store has the event of store_index for us */
};

struct requests *requests_new(uint64_t seed);
void requests_free(struct requests **requests);

enum request_seen {
	REQUEST_NEW,		/* never applied: apply it */
	REQUEST_KNOWN,		/* *result is what it did; borrowed until the next change */
	REQUEST_FORGOTTEN,	/* answered long ago: do nothing */
};
enum request_seen requests_find(const struct requests *requests, uint64_t session,
    uint64_t sequence, const struct request_result **result);

/*
 * A new request was applied as entry result->raft_index. Takes result->cause.
 * Forgets what low allows. Effects are appended; the session's own record
 * waits for requests_flush.
 */
void requests_record(struct requests *requests, struct store *store, uint64_t session,
    uint64_t sequence, uint64_t low, struct request_result result, struct buf *effects);

/* Append the session records that changed since the last flush. To be called
 * before effects go to the disk. */
void requests_flush(struct requests *requests, struct buf *effects);

/* Rebuild from state records ('S' and 'R'), in any order; then loaded. */
enum err requests_load(struct requests *requests, struct slice key, struct slice value) MUST_CHECK;
/* Retains the events that results refer to, as far as they are kept. ERR_CORRUPT if a
 * session's own record is missing, or an answer is of an index that is to come. */
enum err requests_loaded(struct requests *requests, struct store *store) MUST_CHECK;

/* Assert what always holds. Returns how many answers have their event in the store. */
size_t requests_invariants(const struct requests *requests, const struct store *store);
/* Independent of the order and seed of tables. */
uint32_t requests_hash(const struct requests *requests);

#endif
