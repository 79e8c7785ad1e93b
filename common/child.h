/*
 * child.h - a child's end of its control channel (descriptor 3): what raftd and
 * httpd have in common as children of the supervisor.
 *
 * Says hello and checks the supervisor's, takes the settings, receives channel
 * ends, sends alive once a second, and stops the loop in order when the
 * supervisor closes (it died) or asks. Sets PR_SET_PDEATHSIG, ignores SIGPIPE
 * and SIGINT, and turns SIGTERM into stop(STOP_FAST). Core files are off (the
 * main's harden_start) until the settings allow them.
 */
#ifndef MOOTHALL_COMMON_CHILD_H
#define MOOTHALL_COMMON_CHILD_H

#include "common/ipc/message.h"
#include "common/loop.h"
#include "common/option.h"

#define CHILD_CONTROL_FD 3

struct child;

struct child_owner {
	/* Once, first of all: the effective configuration; it stays as it is
	 * until child_free, but for what reconfigured tells. Level and node name of
	 * diag are set already. */
	void (*configured)(void *argument, const struct config *config);
	/* The options that option_reloadable tells may have changed: their texts are
	 * other ones, nothing else is. NULL if the child reads them where they are. */
	void (*reconfigured)(void *argument, const struct config *config);
	/* One end of a socket pair with the process of that role and number; fd is
	 * the callee's now. raftd gets one per worker, a worker one per raftd's life. */
	void (*attached)(void *argument, int role, uint32_t number, uint64_t token, int fd);
	/* Stop (STOP_* of wire.h), ending with loop_stop. */
	void (*stop)(void *argument, int how);
	/* raftd: lead somewhere else; answer with child_out and msg_moved. NULL in httpd. */
	void (*move_leader)(void *argument, struct slice to);
	/* What the supervisor found for a resolve of that id. NULL but in the peer worker. */
	void (*resolved)(void *argument, uint64_t request_id, struct slice addresses);
	/* What the port shows and trusts, at the start and when it changed; and the
	 * keys of session tickets. All borrowed. NULL in raftd. */
	void (*secured)(void *argument, const struct msg_tls *material);
	void (*tickets)(void *argument, struct slice keys);
	/* One end of a pair with another client worker: give it our connections when
	 * we drain, or take its own; fd is the callee's now. NULL but in a client worker. */
	void (*handover)(void *argument, bool give, uint64_t token, int fd);
	/* Is the node out of rotation? NULL but in a client worker. */
	void (*rotation)(void *argument, bool out);
	/* Answers to what was asked by that id. NULL but in a client worker. */
	void (*viewed)(void *argument, uint64_t request_id, const struct msg_view *view);
	void (*told)(void *argument, uint64_t request_id, const struct msg_told *told);
	/* Which build this program is of (build.h). NULL: not to be said. */
	const char *build;
	/* Fill in what alive tells. */
	void (*alive)(void *argument, struct msg_alive *alive);
	void *argument;
};

/* role, number: as hello says them. Before this loop_new and diag_start. */
struct child *child_new(struct loop *loop, int fd, int role, uint32_t number,
    struct child_owner owner);
void child_free(struct child **child);
/* "raftd --check N BUILD": does this program speak protocol N, and is it of that build, as it
 * says it is of build? The exit code. */
int child_check(char *const argv[], const char *build);
/* Ready to serve. text: for the operator. */
void child_ready(struct child *child, const char *text);
/* A sign of life, at most once a second, from within work that takes longer than
 * a turn: reading a large state back. */
void child_breathe(struct child *child);
/* The node as a whole has to end: tell the supervisor, which says sentence and
 * ends with code. This process should wait to be stopped. */
void child_end_node(struct child *child, enum exit_code code, const char *sentence);
/* How often the supervisor has started this process before; known once configured. */
uint32_t child_restarts(const struct child *child);
/* For msg_node_state, msg_moved, msg_resolve and msg_ask. */
struct buf *child_out(struct child *child);

#endif
