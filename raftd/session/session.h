/*
 * session.h - the IPC server: one session per worker.
 *
 * Owns the channels that the supervisor hands over, one for each worker. Trusts
 * no worker: the first frame must be its hello with the token of the pair, each
 * message must be of a kind its role may send and well formed; else the channel
 * is closed with a line. Whatever ends a channel, the supervisor is told, and makes a
 * new pair if the worker lives; the worker goes on by it as after a restart of raftd.
 *
 * Calls node.h with what came; is called back (through main.c's node_io) with
 * what goes out. Everything for one worker leaves in one write per turn. An
 * answer above FRAME_CHUNK_BYTES is cut into frames with FRAME_MORE.
 */
#ifndef MOOTHALL_RAFTD_SESSION_SESSION_H
#define MOOTHALL_RAFTD_SESSION_SESSION_H

#include "common/ipc/channel.h"
#include "common/ipc/wire.h"
#include "raftd/node.h"

struct sessions;

struct sessions *sessions_new(struct loop *loop, struct node *node);
void sessions_free(struct sessions **sessions);
/* lost: the channel of that token has ended; why: CHANNEL_END_* of wire.h. Not for one
 * that another has replaced. */
void sessions_on_lost(struct sessions *sessions,
    void (*lost)(void *argument, uint64_t token, int why), void *argument);
/* A worker's new channel; takes fd. An older one of the same worker ends. */
void sessions_attach(struct sessions *sessions, int role, uint32_t number, uint64_t token, int fd);
/* Turn end: write what is queued, free what is gone. */
void sessions_flush(struct sessions *sessions);
size_t sessions_count(const struct sessions *sessions);
/* Bytes that wait for workers to take them. */
size_t sessions_queued(const struct sessions *sessions);
/* And for other nodes. */
size_t sessions_queued_for_nodes(const struct sessions *sessions);

/* A sign of life, for every worker that looks. */
void sessions_beat(struct sessions *sessions);

/* As node_io has them. */
size_t sessions_queued_for(const struct sessions *sessions, uint64_t session);
void sessions_outcome(struct sessions *sessions, uint64_t session, uint64_t request_id,
    const struct node_outcome *outcome);
void sessions_watching(struct sessions *sessions, uint64_t session, uint64_t watch_id,
    const struct msg_watching *answer);
void sessions_event(struct sessions *sessions, uint64_t session, const uint64_t *watch_ids,
    size_t count, struct slice event, uint64_t past_bytes);
void sessions_v3_watching(struct sessions *sessions, uint64_t session, uint64_t watch_id,
    const struct msg_v3_watching *answer);
void sessions_v3_events(struct sessions *sessions, uint64_t session, uint64_t zero,
    const struct msg_v3_events *events);
void sessions_v3_past(struct sessions *sessions, uint64_t session, uint64_t watch_id,
    const struct msg_v3_past *past);
void sessions_v3_progress(struct sessions *sessions, uint64_t session, uint64_t request_id,
    const struct msg_v3_progress *progress);
void sessions_stats(struct sessions *sessions, uint64_t session, uint64_t request_id,
    const struct msg_stats *stats);
void sessions_backup_piece(struct sessions *sessions, uint64_t session, uint64_t request_id,
    const struct msg_backup_piece *piece);
/* Raises the shared index first, so that every worker knows of it before
 * anything that follows this turn reaches one of them. */
void sessions_changed(struct sessions *sessions, const struct msg_changed *changed);
void sessions_users(struct sessions *sessions, const struct node_users *users);
void sessions_status(struct sessions *sessions, const struct msg_status *status);
/* Where frames for nodes go: with the turn's end to the node's stream, to the peer worker, or
 * nowhere. */
struct buf *sessions_peer_out(struct sessions *sessions);

#endif
