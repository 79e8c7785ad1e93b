/*
 * safe_path.h - what root makes and opens at paths that other users can change.
 *
 * A user who may write in a folder decides what each name in it leads to, from one moment to
 * the next. So as long as the supervisor is root it goes by these rules:
 *
 *	-user is given	With the rights of that user, so that no link leads further than
 *			the user could go alone. If these rights do not suffice, as
 *			root: then nobody but root may be able to change the way there.
 *			What root makes so is given to the user by its descriptor.
 *	root stays root	The way is opened directory by directory. Behind the first
 *			that others can change no link is followed and no ".." taken.
 *	anybody else	As the path says: there is no right to lend out.
 *
 * A directory that nobody but root can change belongs to root, and others may not
 * write in it, or only with the sticky bit, which leaves root's entries alone.
 *
 * Everywhere privileges may be NULL: as who we are.
 * Source: docs/security.md, "What root touches".
 */
#ifndef MOOTHALL_SUPERVISOR_SAFE_PATH_H
#define MOOTHALL_SUPERVISOR_SAFE_PATH_H

#include "common/err.h"
#include "supervisor/privileges.h"

struct safe_place {
	int directory_fd;	/* O_PATH: of the folder */
	const char *name;	/* in it */
	bool follow;		/* what is there may be opened whatever it is, also a link */
	bool give;		/* we are root: what is made is the user's */
	bool trusted;		/* nobody else can change the folder */
};

/* What a function below said, for a sentence. */
const char *safe_path_reason(int error);

/* Do something at a place. 0, or what errno said. */
typedef int safe_path_action(const struct safe_place *place, void *argument);

/*
 * Do it at path, by the rules above; after EACCES or EPERM with the user's rights it may
 * be called a second time. 0, or what errno said.
 *
 *	follow	if the last name is a link, what it leads to is meant
 */
int safe_path_act(const struct privileges *privileges, const char *path, bool follow,
    safe_path_action *action, void *argument) MUST_CHECK;

/*
 * Open a directory to be read. owned: out, it is root's, and root may give it away; for
 * who is not root it is false. 0, or what errno said.
 */
int safe_path_open_directory(const struct privileges *privileges, const char *path, int *fd,
    bool *owned) MUST_CHECK;
/* As mkdir -p, with mode, whatever the umask is; what is made is on the disk, and the
 * user's. */
int safe_path_make_directories(const struct privileges *privileges, const char *path,
    mode_t mode) MUST_CHECK;
/* Write text to path, mode 0644, by way of a new file and for good: nobody reads half of
 * it, nor does a crash leave half. */
int safe_path_write_file(const struct privileges *privileges, const char *path,
    const char *text) MUST_CHECK;
/* Remove the file. One that is not there is no failure. */
int safe_path_remove_file(const struct privileges *privileges, const char *path) MUST_CHECK;

#endif
