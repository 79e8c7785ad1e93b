/*
 * policy.h - what raftd keeps when it confines itself: its table of system
 * calls and its places on the disk. Called by main.c; by tests/confinement,
 * which tries what is not in it.
 *
 * In two steps, because LevelDB makes files when it is opened and may start its
 * thread then: first everything but the data directory is given up, and when
 * the database is open everything but DATA_DIR/db.
 * Source: docs/security.md, "Process by process".
 */
#ifndef MOOTHALL_RAFTD_POLICY_H
#define MOOTHALL_RAFTD_POLICY_H

#include "common/sandbox.h"

/* Before the data directory is touched. */
enum err raftd_policy_open(enum sandbox_mode mode, const char *data_dir) MUST_CHECK;
/* When it is open, before our own threads and any byte of a worker. */
enum err raftd_policy_serve(enum sandbox_mode mode, const char *data_dir) MUST_CHECK;

#endif
