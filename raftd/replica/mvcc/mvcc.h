/*
 * mvcc.h - the v3 key space: keys with their history, leases, watches.
 *
 * Beside the tree of /v2 in the same log, and with nothing of it in common but that: a command
 * of one never moves the other's numbers. Every write that changes something makes one
 * revision, however much it changes; what was stays readable until it is compacted.
 *
 *	a command of the log --> mvcc_write ...	changes, records of them as effects, an outcome
 *	a question -----------> mvcc_answer_*	bytes in the wire form of KeyValues, in pieces
 *	an outcome -----------> mvcc_answer_*	what its writer is shown, again from history
 *	a change -------------> mvcc_take_hits	who watches it
 *	between entries ------> mvcc_sweep	what was compacted is freed, by and by
 *
 * Deterministic and single-threaded; time is an argument. What changes the replicated part is
 * called for a committed entry only, in log order, and appends records to effects from which
 * mvcc_load makes the same again. Not replicated: watches, answers under way, what a leader
 * knows of leases, and how far freeing has come.
 *
 * For a session (raftd/session, raftd/node.h):
 *
 *	a write		its command goes the road of all writes; what comes back is the cause of
 *			its outcome: a v3_outcome. What a put, delete or txn is to show beside it is
 *			opened in the same turn (mvcc_answer_open), before more is applied, and read
 *			in pieces in this turn and later ones.
 *	a read		the same without an outcome, when the read may be answered (ReadIndex).
 *	a watch		mvcc_watch_add; what happens comes by mvcc_take_hits in the turn of it; of
 *			one that began in the past, or was too slow, by mvcc_watch_past, which the
 *			session calls as its queue has room.
 *
 * Source: the v3 API of the 3.4 series as its clients see it (docs/decisions.md).
 */
#ifndef MOOTHALL_RAFTD_REPLICA_MVCC_MVCC_H
#define MOOTHALL_RAFTD_REPLICA_MVCC_MVCC_H

#include "common/err.h"
#include "raftd/replica/mvcc/hit.h"
#include "raftd/replica/mvcc/request.h"

struct mvcc;
struct mvcc_answer;

/* seed: of the hash tables, random in production. */
struct mvcc *mvcc_new(uint64_t seed);
void mvcc_free(struct mvcc **mvcc);

/* ---- replicated: called in log order ------------------------------ */

/* What a command did; a v3_outcome that owns its bytes. A zeroed one is empty. */
struct mvcc_outcome {
	enum v3_error error;
	uint64_t revision;
	uint32_t changes;
	uint64_t ttl_s;
	struct buf path, counts;
};
void mvcc_outcome_free(struct mvcc_outcome *outcome);
/* As a blob of one v3_outcome, returned owned. */
struct blob *mvcc_outcome_blob(const struct mvcc_outcome *outcome);
/* False: malformed, and *outcome is empty. */
bool mvcc_outcome_parse(struct slice bytes, struct mvcc_outcome *outcome) MUST_CHECK;

/*
 * Carry out a put, a delete or a txn, in one go or, if it changes many keys, in steps: begin, on
 * until it says that all is done, end. Until then nothing else is written, no read is opened and
 * no watch is told of it; what was opened before is read on as it was.
 *
 * Begin looks at everything that may fail, on the path that is taken: V3_KEY_NOT_FOUND,
 * V3_LEASE_NOT_FOUND, V3_COMPACTED, V3_FUTURE_REVISION, V3_REQUEST_TOO_LARGE,
 * V3_TOO_MANY_OPERATIONS (compares of too many keys): then nothing is done, and end says so.
 *
 *	request		taken; with a holder
 *	changes_max	of this step; puts of one request may pass it
 *	outcome		filled in, to be freed
 */
void mvcc_write_begin(struct mvcc *mvcc, struct mvcc_request *request);
bool mvcc_write_on(struct mvcc *mvcc, size_t changes_max, struct buf *effects) MUST_CHECK;
void mvcc_write_end(struct mvcc *mvcc, struct mvcc_outcome *outcome);
/* A write, or the end of a lease, is begun and not ended. */
bool mvcc_is_under_way(const struct mvcc *mvcc);
/* What is below that revision, an int64, is refused from now on and freed by and by.
 * V3_COMPACTED, V3_FUTURE_REVISION. */
enum v3_error mvcc_compact(struct mvcc *mvcc, int64_t revision);

/* now_ns: cluster time. ttl_s: an int64; what was granted is in *granted_s.
 * V3_LEASE_NOT_FOUND (id 0), V3_LEASE_TTL_TOO_LARGE, V3_LEASE_EXISTS. */
enum v3_error mvcc_lease_grant(struct mvcc *mvcc, uint64_t id, int64_t ttl_s, uint64_t now_ns,
    struct buf *effects, uint64_t *granted_s);
/* A lease ends with its keys, in their order, by one revision; in steps, as a write: begun, on
 * until it says that all are gone, end. V3_LEASE_NOT_FOUND. */
enum v3_error mvcc_lease_revoke_begin(struct mvcc *mvcc, uint64_t id) MUST_CHECK;
/* The same because nobody renewed it. False: it is unknown, or is not to expire yet by what is
 * replicated: it stays. */
bool mvcc_lease_expire_begin(struct mvcc *mvcc, uint64_t id, uint64_t now_ns) MUST_CHECK;
/* *changes_max: of this step; out: what is left. */
bool mvcc_lease_end_on(struct mvcc *mvcc, size_t *changes_max, struct buf *effects) MUST_CHECK;
/* Is it that one? */
bool mvcc_lease_is_ending(const struct mvcc *mvcc, uint64_t id);
void mvcc_lease_end_end(struct mvcc *mvcc, struct buf *effects);
/* It expires then; 0: what was said of that is withdrawn. Unknown ones are ignored. */
void mvcc_lease_checkpoint(struct mvcc *mvcc, uint64_t id, uint64_t expiry_ns,
    struct buf *effects);

/* Append what is kept back until effects go to the disk. */
void mvcc_flush(struct mvcc *mvcc, struct buf *effects);

/* ---- rebuilding ------------------------------ */

/* A record of the disk or a snapshot; they come in the order of their keys. ERR_CORRUPT. */
enum err mvcc_load(struct mvcc *mvcc, struct slice key, struct slice value) MUST_CHECK;
/* All were given: ERR_CORRUPT with *where (static) if they do not fit together. */
enum err mvcc_loaded(struct mvcc *mvcc, const char **where) MUST_CHECK;
/* After a snapshot: fresh takes over who watches old. They go on from where they were. Answers
 * that are read from old are lost. */
void mvcc_adopt(struct mvcc *fresh, struct mvcc *old);

/* ---- questions ------------------------------ */

uint64_t mvcc_revision(const struct mvcc *mvcc);
/* -1: never. */
int64_t mvcc_compacted(const struct mvcc *mvcc);
size_t mvcc_key_count(const struct mvcc *mvcc);		/* that live */
size_t mvcc_change_count(const struct mvcc *mvcc);	/* with history */
size_t mvcc_lease_count(const struct mvcc *mvcc);
/* Bytes of all of it, about. */
size_t mvcc_memory(const struct mvcc *mvcc);
/* The same without watches: of what is replicated, with what compaction has not freed yet. */
size_t mvcc_size(const struct mvcc *mvcc);
/* CRC32C over all that is replicated, in a canonical order, without what compaction has not
 * freed yet. Walks everything: tests and checks only. */
uint32_t mvcc_hash(const struct mvcc *mvcc);
/* Assert what always holds between entries. Walks everything: tests and checks only. */
void mvcc_invariants(const struct mvcc *mvcc);

/* ---- answers ------------------------------ */

/*
 * What one operation of an answer shows. Bytes of keys come apart from it: KeyValues, each
 * behind a tag and a length, as they stand in the response of the API (kvs of a range and
 * prev_kv of a put: field 2, prev_kvs of a delete: field 3).
 */
struct mvcc_result {
	uint8_t kind;			/* enum v3_op_kind */
	bool more;			/* range: there were more than limit */
	bool succeeded;			/* txn */
	uint32_t responses;		/* txn: the results behind it that are its own, and not
					 * of a txn in it */
	uint64_t revision;		/* of the header; 0: of a txn within another, it has none */
	uint64_t count;			/* range: keys; delete: keys that went */
	uint64_t kvs, bytes;		/* how many KeyValues, and how long with tags */
};

enum mvcc_answer_state {
	MVCC_ANSWER_MEASURES,		/* mvcc_answer_results says nothing yet: read on */
	MVCC_ANSWER_MORE,		/* bytes follow */
	MVCC_ANSWER_END,
	MVCC_ANSWER_LOST,		/* V3_TIMED_OUT */
};

/*
 * Open the answer to a request: outcome NULL for one that writes nothing, as of now; else of a
 * write that was applied, from what history has of it. Keeps its revision from being freed
 * until it is closed, or lost.
 *
 *	request	taken; with a holder if it outlives the call
 *	now_ms	of any clock that mvcc_answers_expire is given, too
 *
 * V3_COMPACTED, V3_FUTURE_REVISION (reads); V3_TIMED_OUT: history does not have it any more;
 * V3_TOO_MANY_REQUESTS: of V3_ANSWERS_MAX. Then *answer is NULL.
 */
enum v3_error mvcc_answer_open(struct mvcc *mvcc, struct mvcc_request *request,
    const struct mvcc_outcome *outcome, uint64_t now_ms, struct mvcc_answer **answer) MUST_CHECK;
/*
 * Go on: first all is measured, as the length of a message comes before it, then its bytes are
 * appended in pieces, which may be cut anywhere.
 *
 *	bytes_max	of this piece; one KeyValue may pass it
 *	*looks		keys that may be looked at; out: what is left
 *
 * V3_TOO_MANY_REQUESTS in *error, with MVCC_ANSWER_LOST: more than V3_SORTED_KEYS_MAX are to be
 * put in another order.
 */
enum mvcc_answer_state mvcc_answer_read(struct mvcc_answer *answer, struct buf *out,
    size_t bytes_max, size_t *looks, enum v3_error *error) MUST_CHECK;
/* Once measured. Borrowed until it is closed. */
const struct mvcc_result *mvcc_answer_results(const struct mvcc_answer *answer, size_t *count);
/* At any time, also after mvcc_free. Accepts NULL in *answer. */
void mvcc_answer_close(struct mvcc_answer **answer);
/* For those that were opened before then history is not kept any more. One that is measured and
 * shows nothing in another order goes on until what it needs is compacted; others are lost. */
void mvcc_answers_expire(struct mvcc *mvcc, uint64_t before_ms);

/* ---- compaction ------------------------------ */

/* Free what compaction allows and no answer needs: look at up to looks_max changes. True if
 * more is left that may go now. Between entries only. */
bool mvcc_sweep(struct mvcc *mvcc, size_t looks_max, struct buf *effects);
bool mvcc_has_to_sweep(const struct mvcc *mvcc);
/* Is all freed that was compacted up to that revision? What "physical" waits for. */
bool mvcc_is_swept(const struct mvcc *mvcc, int64_t revision);

/* ---- checksums ------------------------------ */

/* Of all that is readable at a revision and below it, worked out in slices. */
struct mvcc_checksum {
	uint64_t revision;		/* up to which */
	int64_t compacted;		/* as it is; -1: never */
	struct buf key;			/* where it goes on, and from which change of it */
	uint64_t next_revision;
	uint32_t next_sub;
	uint32_t sum;			/* CRC32C, once it is done */
};

/* revision: an int64; 0 and below: the present one. checksum: zeroed, or used before.
 * V3_COMPACTED, V3_FUTURE_REVISION. */
enum v3_error mvcc_checksum_begin(const struct mvcc *mvcc, int64_t revision,
    struct mvcc_checksum *checksum) MUST_CHECK;
/* Between entries only. *looks: changes that may be looked at, a large value counts as several;
 * out: what is left. V3_COMPACTED: it was meanwhile. */
enum v3_error mvcc_checksum_go_on(const struct mvcc *mvcc, struct mvcc_checksum *checksum,
    size_t *looks, bool *done) MUST_CHECK;
void mvcc_checksum_free(struct mvcc_checksum *checksum);

/* ---- leases, at the leader ------------------------------ */

/* This node leads from now on; to be called before any lease is renewed or found due. */
void mvcc_lead(struct mvcc *mvcc, uint64_t now_ns);
enum mvcc_renewal {
	MVCC_RENEWED,
	MVCC_LEASE_GONE,		/* unknown, or as good as expired: answer TTL 0 */
	MVCC_LEASE_SETTLED,		/* propose a checkpoint of it with expiry 0, then renew */
};
/* Only a leader that a quorum has confirmed since it was asked may answer. */
enum mvcc_renewal mvcc_lease_renew(struct mvcc *mvcc, uint64_t id, uint64_t now_ns,
    uint64_t *ttl_s);
/* Ids for command_new_v3_expire, in the order of expiry. Those stay due until it is applied: one
 * such entry at a time. */
size_t mvcc_leases_due(struct mvcc *mvcc, uint64_t now_ns, uint64_t *ids, size_t ids_max);
/* UINT64_MAX: none. */
uint64_t mvcc_lease_next_deadline(const struct mvcc *mvcc);
/* Append a list for command_new_v3_checkpoint: leases of a TTL above long_s that nobody has
 * renewed for so long. Returns how many. */
size_t mvcc_leases_to_settle(struct mvcc *mvcc, uint64_t now_ns, uint64_t long_s,
    size_t leases_max, struct buf *leases);

struct mvcc_lease_view {
	uint64_t granted_s;
	uint64_t left_s;		/* whole seconds, by what this node knows: the leader's is
					 * right, another's may be too low */
	size_t key_count;
};
/* False: there is none. keys: NULL, or appended: list of u32 length and bytes, in no order. */
bool mvcc_lease_look(const struct mvcc *mvcc, uint64_t id, uint64_t now_ns,
    struct mvcc_lease_view *view, struct buf *keys);
/* Append the ids of all, 8 bytes each, in no order. */
void mvcc_lease_ids(const struct mvcc *mvcc, struct buf *ids);

/* ---- watches ------------------------------ */

/*
 * Begin a watch; bytes are copied. *behind: the past has something for it, maybe, which comes
 * by mvcc_watch_past alone; until that has said that it is live nothing comes by itself.
 *
 * V3_WATCH_ID_USED, V3_WATCH_RANGE_EMPTY; V3_COMPACTED: it begins below mvcc_compacted, or below 0
 * as an int64.
 */
enum v3_error mvcc_watch_add(struct mvcc *mvcc, const struct mvcc_watch *watch, bool *behind)
    MUST_CHECK;
/* Unknown ones are ignored; hits of it that were not taken are lost. */
void mvcc_watch_remove(struct mvcc *mvcc, uint64_t owner, uint64_t id);
void mvcc_watch_remove_all(struct mvcc *mvcc, uint64_t owner);
/* It was not given what came at that revision and later: it is behind from there. told: its owner
 * knows, else it is one of the fallen. */
void mvcc_watch_fall_behind(struct mvcc *mvcc, uint64_t owner, uint64_t id, uint64_t revision,
    bool told);
size_t mvcc_watch_count(const struct mvcc *mvcc);
size_t mvcc_watch_count_of(const struct mvcc *mvcc, uint64_t owner);
/* Whoever has a watch, in no order that counts; how many, up to most. */
size_t mvcc_watch_owners(const struct mvcc *mvcc, uint64_t *owners, size_t most);
size_t mvcc_watch_memory(const struct mvcc *mvcc);

/*
 * Who is behind gets the past piece by piece, each when its owner wants it.
 *
 *	want		the owner of one that is behind would take a piece
 *	wanting		owners of such, whose turn it is first; how many, up to most
 *	first_wanting	of one owner; false: there is none
 *	take_fallen	one that is behind since too much happened at once, or a snapshot came,
 *			which its owner does not know; false: no more. Behind the hits of the turn
 */
struct mvcc_fallen {
	uint64_t owner, id;
	uint64_t served;		/* it has all up to this revision */
};
void mvcc_watch_want(struct mvcc *mvcc, uint64_t owner, uint64_t id);
size_t mvcc_watch_wanting(const struct mvcc *mvcc, uint64_t *owners, size_t most);
bool mvcc_watch_first_wanting(const struct mvcc *mvcc, uint64_t owner, uint64_t *id);
bool mvcc_watch_take_fallen(struct mvcc *mvcc, struct mvcc_fallen *fallen);

/* Of all that was applied since the last call: by revision and sub, for each by owners. Nothing
 * while a write is under way. */
size_t mvcc_take_hits(struct mvcc *mvcc, const struct mvcc_hit **hits);
/* Changes times watches that wait to be taken. */
size_t mvcc_hits_waiting(const struct mvcc *mvcc);

struct mvcc_past {
	size_t revisions_max;		/* that have something for it, in one piece; >= 1 */
	size_t bytes_max;		/* of their KeyValues; one revision may pass it */
	size_t looks;			/* changes that may be looked at; out: left */
	/* Out: */
	uint64_t served;		/* all up to this revision is in what it was given */
	bool live;			/* it waits from now on */
	bool behind;			/* false: there is no such watch that is behind */
};
/*
 * The next piece of the past for one that is behind, of whole revisions: hits as above.
 * V3_COMPACTED: what it waits for is gone, and so is the watch.
 */
enum v3_error mvcc_watch_past(struct mvcc *mvcc, uint64_t owner, uint64_t id,
    struct mvcc_past *past, const struct mvcc_hit **hits, size_t *count) MUST_CHECK;

#endif
