/*
 * control.h - the operator's socket, RUN_DIR/control.sock.
 *
 * One JSON line in, one out (common/control_line.h), and again. Only root, our
 * own user and our own group may speak. A connection that asked for stop stays
 * open until the node has ended: its end-of-file says so.
 * Source: docs/operations.md, "The control socket".
 */
#ifndef MOOTHALL_SUPERVISOR_CONTROL_H
#define MOOTHALL_SUPERVISOR_CONTROL_H

#include "common/err.h"

struct control;
struct supervisor;

/* The lock is held, so a socket that is there is a dead one's. */
enum err control_open(struct supervisor *supervisor, struct control **result) MUST_CHECK;
/* For a program that takes our place: the socket, its directory, and the connection
 * that waits for what was begun; -1: none. */
void control_descriptors(const struct control *control, int *fd, int *directory_fd, int *waiter_fd);
/* And there; takes them. */
struct control *control_adopt(struct supervisor *supervisor, int fd, int directory_fd,
    int waiter_fd);
/* Answer who waits, if anybody does: why not, or that it is done, with a text. */
void control_done(struct control *control, const char *problem, const char *text);
/* Closes all connections and removes the socket. */
void control_free(struct control **control);

#endif
