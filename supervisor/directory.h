/*
 * directory.h - the data directory as the supervisor sees it: made, tightened,
 * locked; and the run directory.
 *
 * DATA_DIR/lock is never removed. Held by flock; its text is for people and for the
 * next start (common/lock_text.h).
 *
 * What is in DATA_DIR/db and DATA_DIR/FORMAT is raftd's business.
 * Source: docs/operations.md, "The data directory".
 */
#ifndef MOOTHALL_SUPERVISOR_DIRECTORY_H
#define MOOTHALL_SUPERVISOR_DIRECTORY_H

#include "supervisor/arguments.h"
#include "supervisor/privileges.h"

struct directory {
	char *shown;		/* as the operator wrote it, for messages */
	int lock_fd;		/* -1: not held */
	bool is_new;		/* holds no node's state yet */
};

/*
 * Choose, make and lock the data directory; settle the node's name: given, or
 * the one of the directory's last run, or the host's; or "" if only what is in
 * the directory knows it. Sets name, data_dir, run_dir of the configuration.
 * May wait two seconds for the lock. It has to belong to the user of privileges; one of
 * root's is given to that user with what root owns in it, if nobody else can change it.
 *
 * EXIT_STOPPED: done; else the code to end with, and *problem.
 */
enum exit_code directory_open(struct directory *directory, struct arguments *arguments,
    const struct privileges *privileges, char **problem) MUST_CHECK;
void directory_close(struct directory *directory);

/* The node is a member of a cluster under that name, which is the directory's from now on.
 * Nothing is written if that is known; one small write otherwise, without a sync. */
void directory_note_name(const struct directory *directory, const char *name);

struct directory_found {
	char *summary;			/* where the data is and whether it is new */
	bool holds;			/* a node, that would go on */
	bool runs;			/* a node holds it now */
};

/*
 * The same checks without making or locking anything. found: out; its summary is freed by
 * the caller, and NULL unless all is good.
 */
enum exit_code directory_check(struct arguments *arguments, const struct privileges *privileges,
    struct directory_found *found, char **problem) MUST_CHECK;

/* The directory can be made: the nearest one above that is there lets us. */
bool directory_can_be_made(const char *path);

/* -force: remove the node's own state, never what is not ours; says what. To be called
 * when root's rights are given up. */
enum err directory_clear(const struct directory *directory, const struct config *config);

#endif
