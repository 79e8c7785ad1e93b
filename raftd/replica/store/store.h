/*
 * store.h - the replicated tree: nodes, expiry, history, watches.
 *
 * Deterministic and single-threaded; time is an argument. Everything that
 * changes the replicated part (tree, expiry, history, store index) is called
 * only for a committed entry, in log order, and appends what it changed to
 * effects as state_records, so that the disk and other nodes can rebuild the
 * same store from records alone (store_load).
 *
 * Not replicated: watchers and counters.
 *
 * Source: docs/api.md, "Keys"; the servers of the 0.4 series where it is silent.
 */
#ifndef MOOTHALL_RAFTD_REPLICA_STORE_STORE_H
#define MOOTHALL_RAFTD_REPLICA_STORE_STORE_H

#include "common/blob.h"
#include "common/err.h"
#include "common/ipc/message.h"
#include "common/ipc/wire.h"
#include "common/key_limits.h"
#include "raftd/command.h"
#include "raftd/replica/store/hit.h"

struct store;
struct history_limits;			/* history.h */
struct tails;

/* seed: of the hash tables, random in production. */
struct store *store_new(uint64_t seed);
void store_free(struct store **store);

/* How large a key may be that a write makes, by the cluster's configuration: set
 * before the first entry is applied and when an entry changed it. */
void store_set_limits(struct store *store, const struct key_limits *limits);

/* ---- replicated: called in log order --------------------------------------- */

/* What a command did. */
struct store_outcome {
	enum err error;		/* ERR_NONE or an API error */
	struct blob *cause;	/* error: its cause, returned owned; may be NULL */
	uint64_t store_index;	/* success: the index it took; error: the present one */
	struct blob *event;	/* success: one encoded event_record, returned owned */
};

/*
 * Carry out a write (set, create, update, ... of wire.h's write_op).
 *
 *	write	borrowed; key is canonical ("/" or "/a/b"): others are ERR_INTERNAL
 *	time_ns	the entry's stamp: expiry = time_ns + ttl_s, none past 2^63 - 1 ns
 *	effects	appended: state_records of all that changed
 *
 * A key above the limits is ERR_INVALID_FORM with the cause of key_limits.h.
 * Of a lock key is the directory; more than LOCK_WAITERS_MAX entries, or a value above
 * LOCK_VALUE_BYTES_MAX, are ERR_RAFT_INTERNAL and ERR_INVALID_FORM.
 * Keys under /_etcd/machines and /_etcd/config, and deletes of /_etcd, are
 * refused here (106) unless internal is true: then it is the registry's own.
 * The event goes to the history, and to watchers by store_take_hits.
 */
struct store_outcome store_write(struct store *store, const struct command_write *write,
    uint64_t time_ns, bool internal, struct buf *effects);

/* How much one call may do: so many nodes, until the keys and values of those that are
 * done are so many bytes. */
struct store_budget {
	size_t count, bytes;
};

/* Expire what is due at or before cutoff_ns, within the budget, in order of
 * (expiration, created, depth), one index and event each. Returns what was spent. */
struct store_budget store_expire(struct store *store, uint64_t cutoff_ns,
    struct store_budget budget, uint64_t time_ns, struct buf *effects);

/* How many events waitIndex can reach, and how much they may weigh; part of the cluster's
 * configuration. effects NULL: while loading. */
void store_limit_history(struct store *store, const struct history_limits *limits,
    struct buf *effects);

/* Data of before an upgrade does not say what was removed from which directory, and nodes are
 * upgraded one after the other: from this entry on all take the same removals for known. Does
 * nothing if they do. */
void store_agree(struct store *store, struct buf *effects);
bool store_is_agreed(const struct store *store);

/* From now on large values of what is appended to effects have their tails there (tails.h),
 * borrowed; a store that adopts this one's watchers goes on with them. Without this call
 * all is in effects. */
void store_use_tails(struct store *store, struct tails *tails);

/* What was removed is gone for everybody, but is freed by and by: free up to nodes_max
 * nodes of it, and about SWEEP_BYTES_MAX, in memory and on the disk. True if more is left.
 * Not replicated; may be called at any time between entries. */
bool store_sweep(struct store *store, size_t nodes_max, struct buf *effects);
bool store_has_to_sweep(const struct store *store);

/* An answer kept for a session refers to this event: its record stays on disk
 * and in memory until store_event_release, even past the window. Counted: as many
 * releases as retains. Indexes without an event are ignored. After store_loaded
 * nothing is retained yet: who keeps the answers retains their events again. */
void store_event_retain(struct store *store, uint64_t store_index);
void store_event_release(struct store *store, uint64_t store_index, struct buf *effects);
/* The encoded event of that index, if it is kept (window or retained); borrowed. A
 * retained one goes, too, when all that are retained weigh too much. */
struct blob *store_event(const struct store *store, uint64_t store_index);

/* The expiration that comes first; UINT64_MAX: nothing expires. */
uint64_t store_next_expiry(struct store *store);
uint64_t store_index(const struct store *store);
/* Keys and directories, hidden ones too, without the root; and what is still to be
 * swept. */
size_t store_key_count(const struct store *store);

/* Bytes of nodes, values, events and watches, about. */
size_t store_memory(const struct store *store);

/* CRC32C over all replicated state in a canonical order: equal on every node at
 * the same applied index. Walks everything: tests and checks only. */
uint32_t store_hash(const struct store *store);
/* Assert what always holds between entries. Walks everything: tests and checks only. Returns
 * how often events are retained for answers, all together. */
size_t store_invariants(const struct store *store);

/* ---- rebuilding -------------------------------------------------------------- */

/* True if it is the record of the store index, and then that. */
bool store_record_index(struct slice key, struct slice value, uint64_t *index);
/* Take one state_record of the disk or a snapshot; they come in the order of their
 * keys. ERR_CORRUPT if it cannot be, or is not the store's. */
enum err store_load(struct store *store, struct slice key, struct slice value) MUST_CHECK;
/* All records were given: check that they fit together (the window is whole).
 * ERR_CORRUPT, with *where set to a static sentence. */
enum err store_loaded(struct store *store, const char **where) MUST_CHECK;
/* Give the records of all nodes, in their present form, in pieces of whole records. */
void store_save_nodes(struct store *store, void (*take)(void *argument, struct slice records),
    void *argument);
/* After a snapshot: new takes over old's watchers and counters; old's views are lost. Each
 * watcher gets what it missed from new's history, or error 400 (WATCHER_CLEARED) if the
 * window does not reach back to what it waits for; both come by store_take_hits. */
void store_adopt(struct store *fresh, struct store *old);

/* ---- reads --------------------------------------------------------------------- */

/*
 * Answer a get, with everything below for a recursive one, hidden names left out.
 *
 *	flags	READ_FLAG_*
 *	now_ns	the time that the answer's ttl is counted from
 *	event	appended: one encoded event_record (action get)
 *
 * ERR_NONE or an API error with *cause set (returned owned or NULL).
 */
enum err store_get(struct store *store, struct slice key, unsigned flags, uint64_t now_ns,
    struct buf *event, struct blob **cause) MUST_CHECK;

/*
 * As store_get, if the answer is a small one: else ERR_AGAIN, and nothing is
 * appended or counted.
 *
 *	bytes_max	of the event, about
 *	nodes		in: how many may be looked at, hidden ones too; >= 1
 *			out: how many of these are left
 */
enum err store_get_small(struct store *store, struct slice key, unsigned flags, uint64_t now_ns,
    size_t bytes_max, size_t *nodes, struct buf *event, struct blob **cause) MUST_CHECK;

/*
 * What a lock is like whose directory is key, and where the entry index is in it (0: none is
 * asked for).
 *
 *	nodes	less by as many as were looked at, but never below 0
 *	record	appended: one lock_record
 *
 * ERR_NONE; ERR_KEY_NOT_FOUND: nobody has ever asked for it; ERR_NOT_DIR;
 * ERR_RAFT_INTERNAL: more entries, or a longer value of the holder, than a lock may have.
 * *cause is set (returned owned).
 */
enum err store_lock_look(struct store *store, struct slice key, uint64_t index, size_t *nodes,
    struct buf *record, struct blob **cause) MUST_CHECK;

/* Is there a node of that name? For checks of raftd itself. */
bool store_exists(const struct store *store, struct slice key);

/* ---- watches ---------------------------------------------------------------------- */

/*
 * Begin a watch.
 *
 *	owner	which session asks; with id unique while the watch lives
 *	flags	WATCH_FLAG_*
 *	since	store index, 0: from now on
 *
 *	behind	out: the history has, or may have, something for it, which comes by
 *		store_catch_up; else it waits from now on
 *
 * Looking back shows hidden names, waiting does not; with WATCH_FLAG_GOES_ON what
 * is past counts as if it had been waited for. What happens while a watch is behind
 * counts as waited for.
 *
 * ERR_NONE: it is registered. ERR_EVENT_INDEX_CLEARED: *cause is set (returned
 * owned), nothing is registered.
 */
enum err store_watch(struct store *store, uint64_t owner, uint64_t id, struct slice key,
    unsigned flags, uint64_t since, bool *behind, struct blob **cause) MUST_CHECK;
/* One that was given a piece of the past may get the next (others are ignored). */
void store_watch_more(struct store *store, uint64_t owner, uint64_t id);
/* Hits of so many past_bytes have been worked off by their owner. */
void store_watch_taken(struct store *store, uint64_t owner, uint64_t bytes);
/* End one watch (unknown ones are ignored), or all of an owner. */
void store_unwatch(struct store *store, uint64_t owner, uint64_t id);
void store_unwatch_all(struct store *store, uint64_t owner);
/* Those that wait, and those that are behind; and the memory of them, about. */
size_t store_watch_count(const struct store *store);
size_t store_watch_count_of(const struct store *store, uint64_t owner);
size_t store_watch_bytes(const struct store *store);
/* Of those of one owner, each with the whole of its path: not less than they take together. */
size_t store_watch_bytes_of(const struct store *store, uint64_t owner);

/*
 * Give those that are behind the next events of the history, owners and their
 * watches in turn; those that want the same event get it together. All comes with
 * store_take_hits, in the order of indexes with what else there is; so nothing may be
 * applied between the two.
 *
 * A watch that has reached the store index waits from now on, and is told so
 * (HIT_LIVE). One whose next event has left the history is ended (HIT_CLEARED).
 */
void store_catch_up(struct store *store, const struct store_catch_up *how);
/* Would it do anything? */
bool store_may_catch_up(const struct store *store, const struct store_catch_up *how) MUST_CHECK;

/*
 * Hits since the last call, in index order and, for each index, one for each
 * owner. A watch that is no stream is gone once hit. Borrowed until the next
 * call of any function of the store.
 */
size_t store_take_hits(struct store *store, const struct store_hit **hits);

/* How many watches store_take_hits would tell of an event, each event counted. */
size_t store_hits_waiting(const struct store *store);

/* ---- counters, for /v2/stats/store -------------------------------------------------- */

/* numbers[STORE_STAT_COUNT], in wire.h's order. Writes and gets count themselves. */
void store_stats(const struct store *store, uint64_t numbers[STORE_STAT_COUNT]);

#endif
