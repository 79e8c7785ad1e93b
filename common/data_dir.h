/*
 * data_dir.h - which directory may become a node's data directory, or is one.
 *
 * It is empty, or ours: what a node makes stands in it, and nothing else before there is
 * a FORMAT. Whoever has a FORMAT of ours may have more: that was put there later. Nothing
 * else is taken over, so that a wrong -data-dir costs nobody his files.
 */
#ifndef MOOTHALL_COMMON_DATA_DIR_H
#define MOOTHALL_COMMON_DATA_DIR_H

#include "common/err.h"

#include <stdbool.h>

/* Names that a node, a restore or an upgrade makes in it; up to a NULL. */
extern const char *const data_dir_names[];

/*
 * What stands in the directory open at fd that makes it somebody else's.
 *
 *	expected	names that may be there, too, up to a NULL; NULL: none
 *
 * Up to three names for a sentence, freed by the caller: "a", "b", "c" and 7 more.
 * NULL: there are none, or it is ours, or it cannot be read.
 */
char *data_dir_strangers(int fd, const char *const *expected) MUST_CHECK;

/* Remove a node's own state, never what is not ours: it may be in use by nobody. */
enum err data_dir_remove_state(const char *data_dir) MUST_CHECK;
/* The same of what a node that was removed left there under names with ".removed" (raftd's
 * retire.h), if it did. */
enum err data_dir_remove_removed(const char *data_dir) MUST_CHECK;

/* Is there any of that? */
bool data_dir_has_removed(const char *data_dir) MUST_CHECK;

/*
 * The lock of what such a node left: who removes it, and who puts more there, holds it. A
 * descriptor, which is the lock until it is closed, also where it was inherited. Of an empty
 * file that nobody else may open: who may only read the directory could hold its lock.
 *
 *	wait	until it is free
 *
 * -1 with errno: EWOULDBLOCK if it is not free.
 */
int data_dir_lock_removed(const char *data_dir, bool wait) MUST_CHECK;

#endif
