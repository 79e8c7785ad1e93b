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
	gid_t *groups;		/* root's further ones, for when its rights come back */
	int group_count;
};

/* What they are called, or their number if they have no name. */
#define PRIVILEGES_NAME_BYTES 64	/* more is cut off */
const char *privileges_user_text(uid_t uid, char text[PRIVILEGES_NAME_BYTES]);
const char *privileges_group_text(gid_t gid, char text[PRIVILEGES_NAME_BYTES]);
/* Look the names up. NULL, or what is wrong, freed by the caller. */
char *privileges_find(struct privileges *privileges, const struct config *config) MUST_CHECK;
void privileges_free(struct privileges *privileges);
/*
 * Act with the user's rights from here on, and with root's again: of files only, since
 * all else goes by the real ids, which stay root's. 0, or what errno said: nothing has
 * changed. Only for root with a user to become.
 */
int privileges_lend(const struct privileges *privileges) MUST_CHECK;
void privileges_take_back(const struct privileges *privileges);
/*
 * Give a directory of root's to the user, and of what root owns in it these names (up to a
 * NULL) with what is in them; the directory last, so that a crash leaves it root's. To be
 * called only for one that nobody else can change. Follows no symbolic link, leaves files
 * that have other names alone, and all that is in a directory where others may write or have
 * written: any of it may have been put there by them.
 */
enum err privileges_hand_over(const struct privileges *privileges, int directory_fd,
    const char *const *names) MUST_CHECK;
/* Become the user, drop every capability, allow no new ones. NULL, or what is
 * wrong, freed by the caller. */
char *privileges_drop(const struct privileges *privileges) MUST_CHECK;

#endif
