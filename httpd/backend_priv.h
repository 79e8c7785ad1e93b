/*
 * backend_priv.h - inside of the backend: shared by backend.c (the channel),
 * backend_question.c (what is asked and not answered), the files of each kind of question
 * (backend_call.c with backend_write.c and backend_read.c, backend_stats.c,
 * backend_backup.c, backend_watch.c, backend_v3_watch.c) and backend_time.c.
 */
#ifndef MOOTHALL_HTTPD_BACKEND_PRIV_H
#define MOOTHALL_HTTPD_BACKEND_PRIV_H

#include "httpd/backend.h"
#include "httpd/cluster.h"
#include "httpd/silence.h"
#include "httpd/worker.h"

TAILQ_HEAD(question_list, question);

/* Ids of reads, counters and backups begin here: raftd keeps no answer for them. Those of
 * writes are their sequences in the session. */
#define READ_ID (UINT64_C(1) << 63)

/* Two ids are of the same question if they are of the same of these. */
enum question_ids { IDS_CALLS, IDS_WATCHES, IDS_V3_WATCHES, IDS_COUNT };

/* Why raftd will not answer. */
enum question_failure { FAILED_LATE, FAILED_REMOVED };

/* How long a question may wait; each waits longer than the one before. */
enum patience {
	PATIENCE_TIMED,			/* raftd keeps its time, too */
	PATIENCE_QUEUED,		/* it stands in a queue there as long as it takes */
	PATIENCE_ALIVE,			/* as long as raftd gives signs of life */
};

/* What differs: writes and reads, counters, backups, watches. */
struct question_kind {
	enum question_ids ids;
	/* Out with it, again if it was sent before; without a raftd nothing happens. */
	void (*send)(struct backend *backend, struct question *question);
	/* Of one that rests: raftd is gone and what came void. It is asked anew, or over. */
	void (*lost)(struct backend *backend, struct question *question);
	/* It is over, and its owner told. */
	void (*fail)(struct backend *backend, struct question *question,
	    enum question_failure why);
	/* It was over with the backend: free what is the backend's. */
	void (*drop)(struct question *question);
};

struct backend {
	struct worker *worker;
	struct channel *channel;	/* NULL: raftd is gone, the next one is awaited */
	struct shared_index *announced;	/* came with raftd's hello; NULL before */
	uint64_t token;			/* of the present channel */
	bool greeted;			/* raftd said hello on it */
	bool open;			/* requests may be sent: raftd is a member's */
	uint64_t shut_since_ms;		/* not open since then */
	uint64_t open_since_ms;		/* or open since then */
	uint64_t led_until_ms;		/* if no leader is known; at first: it began then */
	struct silence silence;		/* of the raftd that it is open to */
	bool silent;			/* as seen at the last look */
	uint64_t session;
	struct loop_timer *deadline;
	bool ticking;

	size_t writes_bytes;		/* of writes that were sent */
	struct question_list lists[PLACE_COUNT]; /* by place; that of nowhere is empty */
	struct hash by_id[IDS_COUNT];	/* questions */
	size_t call_count;		/* writes and reads */
	size_t collected_bytes;		/* of events that come in pieces */
	uint64_t next_sequence, next_id, next_watch;

	struct buf event;		/* parts of an event that goes on */
	uint64_t taken;			/* past_bytes of events, not told back yet */
	uint64_t announced_index;	/* store index that raftd last announced */
	uint64_t settled_index;		/* no event at or below it is still to come */

	struct buf v3_events;		/* parts of v3_events or v3_past that go on */
	uint64_t v3_revision;		/* up to it live watches of the v3 keys have all; 0: raftd
					 * has not said yet */
	uint64_t v3_term;		/* of raftd, as it said last */
	size_t v3_bytes;		/* of watches of the v3 keys */

	struct backend_changes_owner changes; /* client role */
	struct backend_peer_owner peers; /* peer role */
};

/* raftd broke the protocol: the channel is given up, and with it what came by it. The
 * supervisor makes another, and a new worker if that happens again and again. */
void backend_protocol_error(struct backend *backend, const char *what);
/* Watch the deadlines as long as something waits. */
void backend_tick_soon(struct backend *backend);

#define BACKEND_TICK_MS 100

/* Has what was asked then waited too long? (backend_time.c) */
bool backend_is_overdue(const struct backend *backend, uint64_t asked_ms, enum patience patience,
    uint64_t now_ms);

/* backend_question.c */
void question_start(struct backend *backend);
/* Each is over and dropped; nobody is told. */
void question_finish(struct backend *backend);
/* It begins to wait there; id 0: it gets one later, by question_admit. Its time is limited,
 * nothing has come; the caller may say otherwise. */
void question_begin(struct backend *backend, struct question *question,
    const struct question_kind *kind, uint64_t id, enum question_place place);
/* One that waits has that id now, and a place among the writes. */
void question_admit(struct backend *backend, struct question *question, uint64_t id);
/* It waits at the end of another list, or in none. */
void question_move(struct backend *backend, struct question *question,
    enum question_place place);
void question_leave(struct backend *backend, struct question *question);
/* It is asked on, or anew: its time begins again. */
void question_ask(struct backend *backend, struct question *question);
/* Everything of it is by's from now on, its place and id, too. */
void question_replace(struct backend *backend, struct question *question, struct question *by);
/* In no list and without an id: it may be freed. Accepts one that is over. */
void question_over(struct backend *backend, struct question *question);
/* NULL: there is none of that kind, any more. */
struct question *question_find(const struct backend *backend, const struct question_kind *kind,
    uint64_t id);
/* A raftd is there: writes go out in their order, then all others that wait for it. */
void question_send_all(struct backend *backend);
/* It is gone: those that had begun are lost. */
void question_interrupt(struct backend *backend);
/* The node is removed: all that wait fail. */
void question_fail_all(struct backend *backend);
/* So do those that have waited too long. True if some still wait. */
bool question_expire(struct backend *backend);

/* backend_call.c */
/* A write or a read, at a place of its own; its frame can be made then. */
void backend_call_start(struct backend *backend, struct backend_call *call, uint64_t id,
    enum question_place place);
void backend_call_send(struct backend *backend, struct backend_call *call);
void backend_call_outcome(struct backend *backend, const struct frame *frame,
    const struct msg_outcome *came);
/* raftd is gone: of an answer that came in parts the first ones are void. */
void backend_call_interrupt(struct backend *backend);

/* A call of the v3 keys: collect what comes in pieces. */
void backend_call_collect(struct backend_call *call);

/* backend_write.c */
/* Some were answered, or given up: those that wait may go. */
void backend_write_admit(struct backend *backend);

/* backend_read.c */
/* Of a read with more to come; call NULL: nobody waits for it any more. */
void backend_read_piece(struct backend *backend, struct backend_call *call, uint64_t id,
    const struct msg_outcome *outcome);
/* Nobody wants more of it. */
void backend_read_stop(struct backend *backend, uint64_t id);
/* raftd is gone: a question that had a piece begins anew with the next one. */
void backend_read_lost(struct backend *backend, struct question *question);

/* backend_stats.c */
void backend_stats_came(struct backend *backend, uint64_t id, const struct msg_stats *stats);

/* backend_watch.c */
void backend_watch_start(struct backend *backend);
void backend_watch_finish(struct backend *backend);
/* The channel is open (again): register every watch that was answered. */
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
/* This node is no member any more: each ends by an error. */
void backend_watch_stand_by(struct backend *backend);

/* backend_v3_watch.c */
void backend_v3_watch_start(struct backend *backend);
void backend_v3_watch_finish(struct backend *backend);
/* As those of backend_watch.c. */
void backend_v3_watch_resume(struct backend *backend);
void backend_v3_watch_interrupt(struct backend *backend);
void backend_v3_watch_stand_by(struct backend *backend);
void backend_v3_watching(struct backend *backend, uint64_t id,
    const struct msg_v3_watching *answer);
void backend_v3_events(struct backend *backend, const struct frame *frame,
    const struct msg_v3_events *events);
void backend_v3_past(struct backend *backend, const struct frame *frame,
    const struct msg_v3_past *past);
void backend_v3_progress_came(struct backend *backend, uint64_t id,
    const struct msg_v3_progress *progress);

/* backend_backup.c */
void backend_backup_piece(struct backend *backend, uint64_t id,
    const struct msg_backup_piece *piece);

#endif
