/*
 * backend_priv.h - inside of the backend: shared by backend.c (channel, calls),
 * backend_read.c (reads), backend_watch.c (watches), backend_backup.c (backups) and
 * backend_time.c.
 */
#ifndef MOOTHALL_HTTPD_BACKEND_PRIV_H
#define MOOTHALL_HTTPD_BACKEND_PRIV_H

#include "httpd/backend.h"
#include "httpd/cluster.h"
#include "httpd/silence.h"
#include "httpd/worker.h"

TAILQ_HEAD(backend_call_list, backend_call);

struct backend {
	struct worker *worker;
	struct channel *channel;	/* NULL: raftd is gone, the next one is awaited */
	struct shared_index *announced;	/* came with raftd's hello; NULL before */
	uint64_t token;			/* of the present channel */
	bool greeted;			/* raftd said hello on it */
	bool open;			/* requests may be sent: raftd is a member's */
	uint64_t shut_since_ms;		/* not open since then */
	uint64_t open_since_ms;		/* or open since then */
	struct silence silence;		/* of the raftd that it is open to */
	bool silent;			/* as seen at the last look */
	uint64_t session;
	struct loop_timer *deadline;
	bool ticking;

	size_t writes_bytes;		/* of writes */
	struct backend_call_list writes; /* by sequence */
	struct backend_call_list waiting; /* writes beyond the window, by start */
	struct backend_call_list reads;	/* by the time they were asked, or asked on */
	struct backend_call_list resting; /* reads whose next piece nobody wants yet */
	struct hash calls;		/* writes and reads by id */
	size_t call_count;		/* all four */
	uint64_t next_sequence;
	uint64_t next_read;
	TAILQ_HEAD(, backend_stats_call) stats;
	TAILQ_HEAD(, backend_backup) backups;

	struct hash watches;
	TAILQ_HEAD(, backend_watch) unanswered; /* watches, by start */
	uint64_t next_watch;
	struct buf event;		/* parts of an event that goes on */
	uint64_t taken;			/* past_bytes of events, not told back yet */
	uint64_t announced_index;	/* store index that raftd last announced */
	uint64_t settled_index;		/* no event at or below it is still to come */

	struct backend_changes_owner changes; /* client role */
	struct backend_peer_owner peers; /* peer role */
};

/* raftd broke the protocol: the channel is given up, and with it what came by it. The
 * supervisor makes another, and a new worker if that happens again and again. */
void backend_protocol_error(struct backend *backend, const char *what);
/* Watch the deadlines as long as something waits. */
void backend_tick_soon(struct backend *backend);

#define BACKEND_TICK_MS 100

/* How raftd keeps the time of a request itself: it has a deadline there, too, or
 * stands in a queue as long as it takes. */
enum backend_wait { BACKEND_WAIT_TIMED, BACKEND_WAIT_QUEUED };
/* Has what began then waited too long? (backend_time.c) */
bool backend_is_overdue(const struct backend *backend, uint64_t started_ms,
    enum backend_wait wait, uint64_t now_ms);

/* backend_write.c */
/* Some were answered, or given up: those that wait may go. */
void backend_write_admit(struct backend *backend);

/* backend.c, for reads and writes: a call's place among the others, and its frame to raftd
 * if it is there. */
void backend_call_start(struct backend *backend, struct backend_call *call);
void backend_call_send(struct backend *backend, struct backend_call *call);

/* backend_read.c */
/* Of a read with more to come; call NULL: nobody waits for it any more. */
void backend_read_piece(struct backend *backend, struct backend_call *call, uint64_t id,
    const struct msg_outcome *outcome);
/* Nobody wants more of it. */
void backend_read_stop(struct backend *backend, uint64_t id);
/* raftd is gone: whoever had a piece begins anew with the next one. */
void backend_read_interrupt(struct backend *backend);

/* backend_watch.c */
void backend_watch_start(struct backend *backend);
void backend_watch_finish(struct backend *backend);
/* The channel is open (again): register every watch. */
void backend_watch_resume(struct backend *backend);
/* It closed: what was half received is void. */
void backend_watch_interrupt(struct backend *backend);
void backend_watch_watching(struct backend *backend, uint64_t id,
    const struct msg_watching *answer);
void backend_watch_event(struct backend *backend, const struct frame *frame,
    const struct msg_event *event);
/* Turn end: tell raftd what was worked off. */
void backend_watch_flush(struct backend *backend);
/* raftd announced its store index, before the events of its turn. */
void backend_watch_announced(struct backend *backend, uint64_t store_index);
/* End what was not answered in time. True if some still wait. */
/* This node is no member any more: each ends by an error. */
void backend_watch_stand_by(struct backend *backend);
bool backend_watch_expire(struct backend *backend, uint64_t now_ms);


/* backend_backup.c */
void backend_backup_piece(struct backend *backend, uint64_t id,
    const struct msg_backup_piece *piece);
/* End what a silent raftd owes for too long. True if some still wait. */
bool backend_backup_expire(struct backend *backend, uint64_t now_ms);
/* The channel closed. */
void backend_backup_lost(struct backend *backend);

#endif
