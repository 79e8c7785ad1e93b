/*
 * shared_index.h - numbers that raftd writes and every worker can read at any
 * moment: the store index up to which changes were announced, the revision of
 * users and roles that workers were given, and how often raftd has shown that it
 * is alive.
 *
 * raftd raises it before anything that follows from those changes leaves for
 * any worker. So a worker that has taken the announcement of this very index
 * knows that nobody has been told of anything newer, however much of its
 * channel it has still to read. The revision is raised in the same way. What the
 * signs of life mean is in httpd/silence.h; they wake nobody.
 *
 * A page of shared memory; its descriptor goes to a worker with raftd's hello.
 */
#ifndef MOOTHALL_COMMON_IPC_SHARED_INDEX_H
#define MOOTHALL_COMMON_IPC_SHARED_INDEX_H

#include "common/err.h"

struct shared_index;

/* The writer's, at 0. Ends the process if there is no memory for it. */
struct shared_index *shared_index_new(void);
/* To be passed on; the writer's as long as it lives. */
int shared_index_fd(const struct shared_index *shared);
void shared_index_set(struct shared_index *shared, uint64_t index);
void shared_index_set_auth(struct shared_index *shared, uint64_t revision);
/* The same of the v3 API's: a version of what workers were given of these, and of tokens. */
void shared_index_set_v3_auth(struct shared_index *shared, uint64_t version);
/* One more sign of life. */
void shared_index_beat(struct shared_index *shared);

/* A reader's, of a descriptor that came from outside; takes fd in any case.
 * ERR_MALFORMED if it is no such thing. */
enum err shared_index_open(int fd, struct shared_index **result) MUST_CHECK;
uint64_t shared_index_get(const struct shared_index *shared);
uint64_t shared_index_auth(const struct shared_index *shared);
uint64_t shared_index_v3_auth(const struct shared_index *shared);
uint64_t shared_index_beats(const struct shared_index *shared);

/* Either's; accepts NULL in *shared. */
void shared_index_free(struct shared_index **shared);

#endif
