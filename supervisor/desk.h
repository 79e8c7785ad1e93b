/*
 * desk.h - what client workers ask the supervisor, for GET /v2/stats/node and what is beside it:
 * the processes, who is reached, what happened lately, the newest lines of the log; and that the
 * lead moves.
 *
 * Answers are made when they are asked for and cost nothing else. A worker is believed in nothing:
 * what it asks is bounded (process.c), and what it may have done is what -member-changes leaves to
 * clients, with a line in the log.
 */
#ifndef MOOTHALL_SUPERVISOR_DESK_H
#define MOOTHALL_SUPERVISOR_DESK_H

#include "common/ipc/message.h"

struct desk;
struct process;
struct supervisor;

struct desk *desk_new(struct supervisor *supervisor);
/* Accepts NULL in *desk. */
void desk_free(struct desk **desk);
/* Answer, now or later. */
void desk_asked(struct desk *desk, const struct process *process, uint64_t request_id,
    const struct msg_ask *ask);
/* raftd has told its state: note who leads, and who came and went. */
void desk_note_state(struct desk *desk);
/* A child has ended, with that status of waitpid, and nobody had stopped the node. */
void desk_note_end(struct desk *desk, const struct process *process, int status);

#endif
