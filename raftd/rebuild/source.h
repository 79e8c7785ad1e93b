/*
 * source.h - the data directory of a stopped node, read without a trace.
 *
 * Opening a LevelDB writes to it, so what is opened is a copy; of the directory
 * itself only the lock is taken, which fails while a node runs on it. The copy
 * needs as much room as DATA_DIR/db, in $TMPDIR or /var/tmp, until it is closed.
 */
#ifndef MOOTHALL_RAFTD_REBUILD_SOURCE_H
#define MOOTHALL_RAFTD_REBUILD_SOURCE_H

#include "common/err.h"
#include "raftd/wal/wal.h"

struct source;

/* stopped is asked now and then: true ends it with ERR_CLOSED.
 * ERR_NONE; ERR_BUSY: a node runs on it; ERR_FOREIGN, ERR_CORRUPT, or what the disk
 * said. Then *sentence is for the operator, owned by the caller. */
enum err source_open(const char *data_dir, bool (*stopped)(void), struct source **source,
    char **sentence) MUST_CHECK;
/* Removes the copy. Accepts NULL. */
void source_close(struct source **source);
const struct wal_recovered *source_recovered(const struct source *source);
/* As wal_recover: every record of the applied state, then every entry of the log. */
enum err source_read(struct source *source,
    enum err (*state)(void *argument, struct slice key, struct slice value),
    enum err (*entry)(void *argument, const struct raft_entry *entry), void *argument,
    char **sentence) MUST_CHECK;

#endif
