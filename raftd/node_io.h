/*
 * node_io.h - what the conductor asks of the world.
 *
 * Real in main.c (the wal's threads, sessions, the loop), simulated in
 * tests/sim. Every function returns at once; what takes time comes back as an
 * input of node.h in a later turn. Arguments are borrowed until return.
 */
#ifndef MOOTHALL_RAFTD_NODE_IO_H
#define MOOTHALL_RAFTD_NODE_IO_H

#include "common/diag.h"
#include "common/ipc/message.h"
#include "raftd/wal/wal.h"

/* An answer to a request of a worker. */
struct node_outcome {
	enum err error;
	struct slice cause;
	uint64_t store_index;
	uint64_t raft_index;
	uint64_t raft_term;
	struct slice event;	/* one encoded event_record, a piece of one, or empty */
	struct blob *record;	/* the blob that event is in, or NULL: may be referenced */
	bool more;		/* of a read: a piece, the next one comes when it is asked for */
};

/* What is measured. */
enum node_span {
	NODE_SPAN_PROPOSAL,	/* from a worker's write to its being applied or refused */
	NODE_SPAN_READ_INDEX,	/* from a quorum read to its confirmed index */
};

/* What has changed of these; else NULL. */
struct node_users {
	const struct msg_auth *auth;
	const struct msg_v3_auth *v3_auth;
	const struct msg_v3_tokens *v3_tokens;
};

struct node_io {
	/* ---- the disk: as wal.h has them; answered by node_persisted, _fetched, _snapshot_read */
#define DISK_ASKS(name, parameters, arguments) uint64_t (*name) parameters;
#define DISK_TELLS(name, parameters, arguments) void (*name) parameters;
#include "raftd/node_disk_table.h"

	/* ---- other nodes: append whole frames; request id is the receiver's node id.
	 * Frames may be lost. */
	struct buf *(*peer_out)(void *argument);

	/* ---- workers, by their session; unknown sessions are ignored */
	void (*outcome)(void *argument, uint64_t session, uint64_t request_id,
	    const struct node_outcome *outcome);
	void (*watching)(void *argument, uint64_t session, uint64_t watch_id,
	    const struct msg_watching *answer);
	/* past_bytes: to be told back by node_watch_taken once it is worked off. */
	void (*event)(void *argument, uint64_t session, const uint64_t *watch_ids, size_t count,
	    struct slice event, uint64_t past_bytes);
	/* Of the v3 keys; the world cuts what is long. */
	void (*v3_watching)(void *argument, uint64_t session, uint64_t watch_id,
	    const struct msg_v3_watching *answer);
	void (*v3_events)(void *argument, uint64_t session, uint64_t zero,
	    const struct msg_v3_events *events);
	void (*v3_past)(void *argument, uint64_t session, uint64_t watch_id,
	    const struct msg_v3_past *past);
	void (*v3_progress)(void *argument, uint64_t session, uint64_t request_id,
	    const struct msg_v3_progress *progress);
	void (*stats)(void *argument, uint64_t session, uint64_t request_id,
	    const struct msg_stats *stats);
	void (*backup_piece)(void *argument, uint64_t session, uint64_t request_id,
	    const struct msg_backup_piece *piece);
	/* Bytes that wait for that session's worker to take them. When they become fewer
	 * there is a turn. NULL: none ever wait. */
	size_t (*queued)(void *argument, uint64_t session);
	/* To every client worker: paths that changed. No worker may take itself to be
	 * up to date any more once an outcome or event of the turn reaches any. */
	void (*changed)(void *argument, const struct msg_changed *changed);
	/* To every client worker: users and roles, which changed. Before all else of the
	 * turn. NULL: nobody wants it. */
	void (*users)(void *argument, const struct node_users *users);
	/* To every worker, and to the supervisor. Before the turn's outcomes. */
	void (*status)(void *argument, const struct msg_status *status);

	/* ---- operators */
	/* A fact worth a line: fixed words first, then key=value. format, which it was
	 * made with, is static and tells messages apart. */
	void (*note)(void *argument, enum diag_level level, const char *format,
	    const char *text);
	/* What an operator has to know as long as it is true, and that stops nothing: a sentence,
	 * or empty when there is nothing any more. NULL: nobody wants it. */
	void (*notice)(void *argument, const char *text);
	/* The node must end: with that code and sentence. Once, as the next one. */
	void (*end)(void *argument, enum exit_code code, const char *sentence);
	/* The node was removed and may come back: its id is to be given up for good. It is
	 * started again as another one, which asks peers (separated by commas) to join when
	 * wait_ms have passed. Until that is durable it may also be started as it was. */
	void (*retire)(void *argument, struct slice peers, uint64_t wait_ms);
	/* Answer to node_move_leader. */
	void (*moved)(void *argument, bool done);

	/* ---- figures; NULL: nobody wants them */
	/* Append a condition_record of this node, CONDITION_BYTES_MAX at most; set if wall_ns is,
	 * the wall clock as it is now, not when the turn began. */
	void (*condition)(void *argument, struct buf *out);
	uint64_t (*wall_ns)(void *argument);
	/* It took that long: see enum node_span. */
	void (*took)(void *argument, enum node_span span, uint64_t ns);
	/* Committed entries are being applied from now on, or were. */
	void (*applying)(void *argument, bool begins);

	void *argument;
};

#endif
