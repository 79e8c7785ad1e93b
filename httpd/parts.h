/*
 * parts.h - the parts of one httpd process put together: what main.c runs, and what
 * tests run with a raftd of their own.
 *
 * The only file that knows them all: it makes each part of struct worker, tells the
 * server whom to ask, and frees them in the order in which they need each other.
 */
#ifndef MOOTHALL_HTTPD_PARTS_H
#define MOOTHALL_HTTPD_PARTS_H

#include "httpd/worker.h"

/* Make the parts; owner, loop, config, role, number and tls are set. its ports are given
 * to the server, and nothing is accepted before server_listen. */
void parts_open(struct worker *worker);
/* Other options, and other texts of those that can change. */
void parts_reconfigure(struct worker *worker, const struct config *config);
/* The end of a turn: cached answers, frames to raftd, answers to clients. */
void parts_turn(struct worker *worker);
void parts_close(struct worker *worker);

#endif
