/*
 * privileges.h - who the node runs as: -user and -group, and the end of root.
 *
 * As root the supervisor opens the listening sockets, reads the key files and
 * gives the data directory to the user; then it becomes that user, for good.
 * Whoever it runs as, it keeps no capability, and neither do its children.
 * Source: docs/security.md, "Files" and "Process by process".
 */
#ifndef MOOTHALL_SUPERVISOR_PRIVILEGES_H
#define MOOTHALL_SUPERVISOR_PRIVILEGES_H

#include "common/option.h"

#include <sys/types.h>

struct privileges {
	char *user;		/* to become; NULL: we stay who we are */
	uid_t uid;		/* who will own the node's files */
	gid_t gid;
};

/* Look the names up. NULL, or what is wrong, freed by the caller. */
char *privileges_find(struct privileges *privileges, const struct config *config) MUST_CHECK;
void privileges_free(struct privileges *privileges);
/*
 * Give what root owns in that directory, two levels deep, to the user. Follows
 * no symbolic link and leaves files that have other names alone: who owns the
 * directory may have put anything into it. Nothing to do if we stay who we are.
 */
enum err privileges_hand_over(const struct privileges *privileges, const char *directory)
    MUST_CHECK;
/* Become the user, drop every capability, allow no new ones. NULL, or what is
 * wrong, freed by the caller. */
char *privileges_drop(const struct privileges *privileges) MUST_CHECK;

#endif
