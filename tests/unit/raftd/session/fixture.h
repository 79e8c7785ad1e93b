/*
 * fixture.h - raftd's end of workers' channels around a real node; the worker's end is a
 * bare socket.
 */
#ifndef MOOTHALL_TESTS_UNIT_RAFTD_SESSION_FIXTURE_H
#define MOOTHALL_TESTS_UNIT_RAFTD_SESSION_FIXTURE_H

#include "raftd/session/session.h"

#include "common/ipc/shared_index.h"
#include "common/limits.h"
#include "common/xmem.h"
#include "tests/lib/test.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct world {
	struct loop *loop;
	struct node *node;
	struct sessions *sessions;
	struct buf nowhere;
};

struct world *world_new(void);
void world_free(struct world *w);
/* Turns of the loop until it has nothing to do at once. */
void run(struct world *w);
/* The worker's end of a new pair. */
int attach(struct world *w, int role, uint32_t number);
void say(int fd, const struct buf *frames);
void greet(struct world *w, int fd, int role, uint32_t number, uint64_t token, uint64_t session);
/* Types of the frames that came, in order; -1 at the end if the channel closed. */
size_t hear(int fd, struct buf *in, int *types, size_t max);
/* The only channel was closed, and is forgotten. */
void expect_closed(struct world *w, int fd);

#endif
