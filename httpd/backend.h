/*
 * backend.h - the worker's end of the channel to raftd: request ids, replies,
 * asking again after a restart.
 *
 * Owns the session id (random, made at start), the sequence counter, every
 * request under way (with the bytes it was sent as) and every open watch (with
 * the next store index it waits for). When raftd dies the supervisor attaches a
 * new channel; then writes go out again with the same session and sequence,
 * reads again, watches with since = next index. Nothing of this shows to
 * clients but the time it takes. A request ends with ERR_RAFT_INTERNAL, and a cause
 * that says whether it may have been applied, when it has waited
 *
 *	-backend-wait		without a channel;
 *	-request-timeout	with a raftd that is silent (silence.h), or, but for a
 *				plain read, with one that did not keep that time itself;
 *	both together		in any case.
 *
 * All frames of one loop turn leave in one write, at the turn's end. The
 * channel is read before clients in every turn (its event has priority).
 */
#ifndef MOOTHALL_HTTPD_BACKEND_H
#define MOOTHALL_HTTPD_BACKEND_H

#include "common/blob.h"
#include "common/buf.h"
#include "common/hash.h"
#include "common/ipc/channel.h"
#include "common/ipc/message.h"
#include "common/ipc/wire.h"
#include "common/limits.h"

#include <sys/queue.h>

struct backend;
struct worker;

/* Needs worker's loop, configuration and cluster. */
struct backend *backend_new(struct worker *worker);
void backend_free(struct backend **backend);
/* A channel to a (new) raftd; takes fd. */
void backend_attach(struct backend *backend, int fd, uint64_t token);
/* Turn end: write what is queued. */
void backend_flush(struct backend *backend);

/* Where a question waits; each but the first is a list in the order of asking. */
enum question_place {
	PLACE_NOWHERE,			/* over; or a watch that is answered */
	PLACE_WRITES,			/* may be at work: by sequence */
	PLACE_WAITING,			/* writes that may not go out yet */
	PLACE_ASKED,			/* anything else that raftd is to answer */
	PLACE_RESTING,			/* a piece came, nobody wants the next one yet */
	PLACE_COUNT
};

/* Asked of raftd and not answered yet: the part that all kinds below have in common. It
 * is embedded in them, and the backend's. */
struct question {
	TAILQ_ENTRY(question) link;
	struct hash_link by_id;
	const struct question_kind *kind;
	uint64_t id;			/* of its frames; 0: it has none yet, or is over */
	uint64_t asked_ms;		/* or asked on, for the next piece */
	uint8_t place;			/* PLACE_* */
	uint8_t patience;		/* PATIENCE_* of backend_priv.h */
	bool begun;			/* what came of it is of this raftd, void with it */
};

/* One request under way; embedded in what asked. */
struct backend_call {
	/* Called once, from the loop: outcome as of msg_outcome (all borrowed), its event
	 * whole; of a read with pieces before, what is behind them. Then the call may be
	 * freed. */
	void (*done)(struct backend_call *call, const struct msg_outcome *outcome);
	/* Of a read: a piece of its event came (borrowed). The next one comes only when it
	 * is asked for, with backend_call_more. The call may be cancelled in it. */
	void (*piece)(struct backend_call *call, const struct msg_outcome *outcome);
	/* Of a read, between pieces: raftd is gone, so what came is void, and the next raftd
	 * will be asked from the start, unless the call is cancelled in this. */
	void (*lost)(struct backend_call *call);
	/* Where to note, once, when raftd is asked (monotonic ns); NULL: nowhere. As
	 * long as the owner waits. */
	uint64_t *sent_ns;
	/* The rest is the backend's. */
	struct question question;
	bool write;			/* may take effect: has a sequence, or waits for one */
	bool sent;			/* to the present or an earlier raftd */
	bool collects;			/* pieces of its event are put together here */
	size_t sent_bytes;		/* of a write with a place: of its frame */
	struct buf frame;
	struct buf event;
};

/* Writes get their sequence (request id) and low here, once they may go out; what low says
 * is not looked at. call->done must be set. */
void backend_write(struct backend *backend, struct backend_call *call,
    const struct msg_write *write);
void backend_member_change(struct backend *backend, struct backend_call *call,
    const struct msg_member_change *change);
void backend_place_change(struct backend *backend, struct backend_call *call,
    const struct msg_place_change *change);
void backend_config_change(struct backend *backend, struct backend_call *call,
    const struct msg_config_change *change);
void backend_auth_change(struct backend *backend, struct backend_call *call,
    const struct msg_auth_change *change);
void backend_read(struct backend *backend, struct backend_call *call, const struct msg_read *read);
/* Of the v3 keys: the outcome's event is a v3_answer with all bytes behind it. There is no
 * piece() and no lost(): what comes in pieces is put together here, V3_ANSWER_BYTES_MAX of one
 * call and V3_COLLECTED_BYTES_MAX of all. More: ERR_TOO_BIG, ERR_BUSY; a write is done then. */
void backend_v3_write(struct backend *backend, struct backend_call *call,
    const struct msg_v3_write *write);
void backend_v3_compact(struct backend *backend, struct backend_call *call,
    const struct msg_v3_compact *compact);
void backend_v3_grant(struct backend *backend, struct backend_call *call,
    const struct msg_v3_grant *grant);
void backend_v3_revoke(struct backend *backend, struct backend_call *call,
    const struct msg_v3_revoke *revoke);
void backend_v3_alarm(struct backend *backend, struct backend_call *call,
    const struct msg_v3_alarm *alarm);
void backend_v3_auth_change(struct backend *backend, struct backend_call *call,
    const struct msg_v3_auth_change *change);
void backend_v3_read(struct backend *backend, struct backend_call *call,
    const struct msg_v3_read *read);
/* The same in pieces, with piece() and lost(): the first begins with the v3_answer. */
void backend_v3_read_on(struct backend *backend, struct backend_call *call,
    const struct msg_v3_read *read);
/* Answered by a v3_lease_answer, or a v3_state_answer, as the outcome's event, whole. */
void backend_v3_lease(struct backend *backend, struct backend_call *call,
    const struct msg_v3_lease *lease);
void backend_v3_state(struct backend *backend, struct backend_call *call,
    const struct msg_v3_state *state);
/* Answered by a lock_record as the outcome's event; no piece() and no lost(). */
void backend_lock_look(struct backend *backend, struct backend_call *call,
    const struct msg_lock_look *look);
/* Did a piece come, and is the next one still to be asked for? */
static inline bool
backend_call_rests(const struct backend_call *call)
{
	return call->question.place == PLACE_RESTING;
}
/* After a piece: the next one. */
void backend_call_more(struct backend *backend, struct backend_call *call);
/* How many are under way; and watches that are open. */
size_t backend_call_count(const struct backend *backend);
size_t backend_watch_count(const struct backend *backend);
/* The newest store index that is known here: what raftd announced to whomever, or told. */
uint64_t backend_store_index(const struct backend *backend);
/* True if as many calls are under way as a worker may have: make no more. */
bool backend_is_full(const struct backend *backend);
/*
 * Has this raftd given no sign of life for RAFTD_SILENT_MS? What could be answered
 * from what the worker knows may be as old as that, too. To be asked at least every
 * ALIVE_INTERVAL_MS; wakes nobody while raftd lives.
 */
bool backend_is_silent(struct backend *backend);
/* Nobody waits any more: done will not be called, call may be freed. A write
 * that was sent goes on, and takes effect once. */
void backend_cancel(struct backend *backend, struct backend_call *call);

/* Counters of raftd; answered with numbers and followers of msg_stats, or with
 * ERR_RAFT_INTERNAL in time. */
struct backend_stats_call {
	void (*done)(struct backend_stats_call *call, const struct msg_stats *stats);
	struct question question;
	int kind;
};
void backend_stats(struct backend *backend, struct backend_stats_call *call, int kind);
void backend_stats_cancel(struct backend *backend, struct backend_stats_call *call);

/* A backup under way; embedded in what asked. */
struct backend_backup {
	/* A piece came (borrowed). Over with one that is the last or has an error;
	 * ERR_CLOSED: that raftd is gone, or silent. */
	void (*piece)(struct backend_backup *backup, const struct msg_backup_piece *piece);
	/* The rest is the backend's. */
	struct question question;
};
/* Begin: the first piece is asked for. False: there is no raftd to ask now. */
bool backend_backup(struct backend *backend, struct backend_backup *backup) MUST_CHECK;
/* Ask for that piece: the one behind the last that came. */
void backend_backup_next(struct backend *backend, struct backend_backup *backup,
    uint64_t sequence);
/* No more is wanted, before it was over; it may be freed. */
void backend_backup_stop(struct backend *backend, struct backend_backup *backup);

/* In so many forms watchers are shown an event. */
#define EVENT_BODIES 2

/* An open watch; embedded in what asked. */
struct backend_watch {
	/* Registered (error ERR_NONE), once at first; or refused or ended by an
	 * error, and then the watch is over. */
	void (*watching)(struct backend_watch *watch, const struct msg_watching *answer);
	/* An event: encoded event_record, and EVENT_BODIES places where the first
	 * watcher leaves what it rendered for the others of the same event (shared,
	 * owned by the backend, dropped after the event's last watcher). Without
	 * WATCH_FLAG_STREAM the watch is over then. */
	void (*event)(struct backend_watch *watch, struct slice event, struct blob **shared);
	/* event() follows soon: fetch what it touches into the cache. */
	void (*soon)(const struct backend_watch *watch);
	/* Users or roles have changed: may who waits go on with it? */
	bool (*may_be_kept)(const struct backend_watch *watch);
	/* The rest is the backend's. */
	struct question question;
	uint64_t next_index;		/* what to ask for after a restart */
	uint64_t registered_index;	/* store index up to which the present raftd has given
					 * it what is past, or will */
	size_t given;			/* bytes of events since raftd was asked for more */
	uint8_t flags;
	bool behind;			/* raftd gives it what is past, in pieces */
	struct slice key;		/* borrowed as long as the watch is open */
};
/* since 0: from now on. key has to last as long as the watch. */
void backend_watch(struct backend *backend, struct backend_watch *watch, struct slice key,
    unsigned flags, uint64_t since);
/* One that was open in another worker, whose next index was that: watching() is
 * called at its end only. */
void backend_watch_on(struct backend *backend, struct backend_watch *watch, struct slice key,
    unsigned flags, uint64_t next_index);
/* Of an open one that was answered: make next_index and flags as good as they can
 * be, for who asks for the rest of it. */
void backend_watch_rest(const struct backend *backend, struct backend_watch *watch);
/* Not over: neither ended by raftd, nor by backend_unwatch. */
static inline bool
backend_watch_is_open(const struct backend_watch *watch)
{
	return watch->question.id != 0;
}
/* Does raftd wait until what it gave of the past is taken? */
static inline bool
backend_watch_is_paused(const struct backend_watch *watch)
{
	return watch->behind && watch->given >= WATCH_PIECE_BYTES;
}
/* The client has taken most of it: ask for the next piece. Only if it is paused. */
void backend_watch_more(struct backend *backend, struct backend_watch *watch);
/* End those that may not be kept, with an error. May call back for them, and for no other. */
void backend_watch_review(struct backend *backend, enum err error, struct slice cause);
/* Over: no callback any more, watch may be freed. Fine after its end too. */
void backend_unwatch(struct backend *backend, struct backend_watch *watch);

/* ---- watches of the v3 keys ---------------------------------------------------- */

/* One change, as it is shown to who watches. Borrowed. */
struct backend_v3_event {
	uint64_t revision;
	bool gone;			/* a delete, else a put */
	struct slice key_value, previous; /* in wire form; previous empty: none */
};

/* In so many forms events are shown: two encodings, with and without what was before. */
#define BACKEND_V3_FORMS 4

/* What a watch is given: whole revisions in order. */
struct backend_v3_batch {
	uint64_t revision;		/* it has all up to this then */
	uint64_t raft_term;
	const struct backend_v3_event *events;
	const uint32_t *items;		/* which of them are for it, */
	size_t count;			/* 1 or more */
	bool past;			/* it was behind, and has asked for these */
	/* Where the first watch leaves what it made of these items for the next ones that get
	 * the same. Owned by the backend. */
	struct blob **shared;		/* BACKEND_V3_FORMS */
};

/* An open watch of the v3 keys; embedded in what asked. All functions are set. */
struct backend_v3_watch {
	/* Registered (error V3_NONE), once at first; or refused or ended, and then it is over. */
	void (*watching)(struct backend_v3_watch *watch, const struct msg_v3_watching *answer);
	/* Something for it; one that is not behind may be dropped in it (backend_v3_watch_drop). */
	void (*events)(struct backend_v3_watch *watch, const struct backend_v3_batch *batch);
	/* It is behind, and gets no more until it is asked for (backend_v3_watch_more); or it is
	 * behind no more. */
	void (*turned)(struct backend_v3_watch *watch);
	/* Users or roles have changed: may who waits go on? */
	bool (*may_be_kept)(const struct backend_v3_watch *watch);
	/* He may not: to be ended here. */
	void (*forbidden)(struct backend_v3_watch *watch);
	/* To be filled in before it is begun; bytes have to last as long as it is open. */
	struct slice key, end;
	uint64_t start;			/* revision; 0: from the next on */
	uint8_t flags;			/* V3_WATCH_* */
	/* The rest is the backend's. */
	bool behind;			/* what is next for it, raftd gives when it is asked */
	bool asked;			/* and it was */
	bool registered;		/* the present raftd has it */
	uint64_t served;		/* see backend_v3_watch_served */
	struct question question;
};
void backend_v3_watch(struct backend *backend, struct backend_v3_watch *watch);
/* One that was open in another worker, and has all up to that revision: watching() is called at
 * its end only. */
void backend_v3_watch_on(struct backend *backend, struct backend_v3_watch *watch,
    uint64_t served);
/* All up to this revision it has been given, or was not to be; of a registered one. */
uint64_t backend_v3_watch_served(const struct backend *backend,
    const struct backend_v3_watch *watch);
/* Of one that is behind: the next piece. Nothing, if it was asked for. */
void backend_v3_watch_more(struct backend *backend, struct backend_v3_watch *watch);
/* Of one that is not: what was to be given now is not taken, it is behind from that revision. */
void backend_v3_watch_drop(struct backend *backend, struct backend_v3_watch *watch,
    uint64_t revision);
static inline bool
backend_v3_watch_is_open(const struct backend_v3_watch *watch)
{
	return watch->question.id != 0;
}
/* Over: no callback any more, it may be freed. Fine after its end too. */
void backend_v3_unwatch(struct backend *backend, struct backend_v3_watch *watch);
size_t backend_v3_watch_count(const struct backend *backend);
/* May this worker have another one of so many bytes? */
bool backend_v3_watch_has_room(const struct backend *backend, size_t bytes);
/* Call forbidden() of those that may not be kept. */
void backend_v3_watch_review(struct backend *backend);
/* The raft term that raftd told last with what it said of watches. */
uint64_t backend_v3_term(const struct backend *backend);

/* How far all watches are that are not behind; embedded in what asks. */
struct backend_v3_progress {
	/* They have all up to this revision; 0: raftd does not answer in time. */
	void (*done)(struct backend_v3_progress *progress, uint64_t revision);
	struct question question;
};
void backend_v3_progress(struct backend *backend, struct backend_v3_progress *progress);
static inline bool
backend_v3_progress_is_asked(const struct backend_v3_progress *progress)
{
	return progress->question.id != 0;
}
void backend_v3_progress_cancel(struct backend *backend, struct backend_v3_progress *progress);

/* ---- client role: what changed ------------------------------------------------ */

struct backend_changes_owner {
	/* Paths that changed; raftd was lost. */
	void (*changed)(void *argument, const struct msg_changed *changed);
	void (*lost)(void *argument);
	/* All users and roles, as they are now; ERR_MALFORMED: they are none. */
	enum err (*auth)(void *argument, const struct msg_auth *auth);
	/* The same of the v3 API, and of its tokens. NULL: it is not served. */
	enum err (*v3_auth)(void *argument, const struct msg_v3_auth *auth);
	enum err (*v3_tokens)(void *argument, const struct msg_v3_tokens *tokens);
	void *argument;
};
void backend_own_changes(struct backend *backend, struct backend_changes_owner owner);
/*
 * Is what the owner knows, as of *store_index, still all that raftd announced?
 * True means that no client of this node can have been told of anything newer.
 * What has come meanwhile is taken first: changed() may raise *store_index. Not
 * from inside a callback of the backend.
 */
bool backend_is_at(struct backend *backend, const uint64_t *store_index) MUST_CHECK;
/* Is that the revision of the users and roles that raftd gave last, to any worker? Also if
 * there is no raftd. */
bool backend_auth_is_at(const struct backend *backend, uint64_t revision);
/* The same of the v3 API, by the version of what came last. */
bool backend_v3_auth_is_at(const struct backend *backend, uint64_t version);

/* ---- peer role ------------------------------------------------------------ */

struct backend_peer_owner {
	/* A frame for another node (request id = its node id), whole with header. */
	void (*frame)(void *argument, const struct frame *frame);
	/* A status was pushed and worker->cluster is up to date. */
	void (*status)(void *argument);
	/* A stream that raftd was given is over; or raftd is gone, and all of them. */
	void (*stream_over)(void *argument, uint64_t number);
	void (*lost)(void *argument);
	void *argument;
};
/* Without functions, before the owner goes: what comes for nodes is dropped. */
void backend_own_peers(struct backend *backend, struct backend_peer_owner owner);
/* A frame that came from a node: goes to raftd with request id = that node's id. Lost
 * while there is none, or none that has sent a status. */
void backend_peer_frame(struct backend *backend, uint64_t from, const struct frame *frame);
/* Give raftd a stream; a copy of fd, which stays the caller's. False: there is no raftd now
 * that could use it. */
bool backend_give_stream(struct backend *backend, const struct msg_peer_stream *stream,
    int fd) MUST_CHECK;
/* Any message without an answer: peer_unreachable, peer_connected, joined. */
struct buf *backend_out(struct backend *backend);	/* NULL: no channel now */
/* True while raftd is attached and has said hello. */
bool backend_connected(const struct backend *backend);
/* For so long, in ms, has no leader been known, or since the worker began; 0: one is. A restart of
 * raftd is seen so, too, and a change of leader. */
uint64_t backend_leaderless_ms(const struct backend *backend);

#endif
