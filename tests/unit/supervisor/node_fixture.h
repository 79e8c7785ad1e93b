/*
 * node_fixture.h - a real supervisor, as a program, over fake children.
 *
 * Each node has its own directory under /tmp with data/, libexec/ (links to
 * fake_child), plan and events files (fake_child.c). Waiting is for an event,
 * with a limit; a limit that is over fails the test and shows what was said.
 */
#ifndef MOOTHALL_TESTS_UNIT_SUPERVISOR_NODE_FIXTURE_H
#define MOOTHALL_TESTS_UNIT_SUPERVISOR_NODE_FIXTURE_H

#include "common/buf.h"

#include <sys/types.h>

#define FIXTURE_WAIT_MS 20000

struct node_fixture {
	char directory[64];
	pid_t pid;		/* of the supervisor; 0: ended */
	int output_fd;		/* its standard error */
	struct buf output;	/* what it said */
	size_t seen;		/* how much of it node_wait has passed */
	int status;		/* of waitpid, once it has ended */
};

void node_make(struct node_fixture *node);
/* Start "etcd" with free ports, two workers and these further words. With -config
 * as the first of them the workers are left to the file. */
void node_start(struct node_fixture *node, const char *const *words);
#define NODE_START(node, ...) node_start(node, (const char *const[]){ __VA_ARGS__, NULL })
/* KILL it if it runs, and remove the directory. */
void node_clean(struct node_fixture *node);

/* What the child of that name does at its next starts; NULL: serve. */
void node_plan(const struct node_fixture *node, const char *name, const char *plan);
/* Until text has been said, after what was waited for before. */
void node_wait(struct node_fixture *node, const char *text);
/* Until it has ended by itself; its exit code, -1 if a signal ended it. */
int node_wait_end(struct node_fixture *node);
/* How many lines of the events file begin so ("raftd start"). */
size_t node_events(const struct node_fixture *node, const char *start);
void node_wait_events(const struct node_fixture *node, const char *start, size_t count);
/* The process id in the last event that begins so. */
pid_t node_event_pid(const struct node_fixture *node, const char *start);
/* Place in the events file of the first event that begins so. */
size_t node_event_place(const struct node_fixture *node, const char *start);
/* True once there is no such process (a zombie counts as none). */
bool process_gone(pid_t pid);
void wait_gone(pid_t pid, uint64_t limit_ms);
/* Run "etcdctl control -data-dir ..." with these words: exit code, and output. */
int node_control(const struct node_fixture *node, const char *words, struct buf *output);
/* host:port of "client" or "peer" from the port file; freed by the caller. */
char *node_port(const struct node_fixture *node, const char *which);

#endif
