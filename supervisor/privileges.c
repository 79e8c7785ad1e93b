/*
 * privileges.c - see privileges.h. May wait: for the user data base. Linux only.
 *
 * Capabilities are dropped by the bare calls; a library for three of them would
 * be one more to trust.
 */
#include "supervisor/privileges.h"

#include "common/err.h"
#include "common/harden.h"
#include "common/xmem.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static void
find_groups(struct privileges *privileges)
{
	int count = getgroups(0, NULL);

	if (count <= 0)
		return;
	privileges->groups = xmalloc((size_t)count * sizeof(*privileges->groups));
	privileges->group_count = MAX_OF(getgroups(count, privileges->groups), 0);
}

const char *
privileges_user_text(uid_t uid, char text[PRIVILEGES_NAME_BYTES])
{
	const struct passwd *user = getpwuid(uid);

	if (user == NULL)
		snprintf(text, PRIVILEGES_NAME_BYTES, "%lu", (unsigned long)uid);
	else
		snprintf(text, PRIVILEGES_NAME_BYTES, "%s", user->pw_name);
	return text;
}

const char *
privileges_group_text(gid_t gid, char text[PRIVILEGES_NAME_BYTES])
{
	const struct group *group = getgrgid(gid);

	if (group == NULL)
		snprintf(text, PRIVILEGES_NAME_BYTES, "%lu", (unsigned long)gid);
	else
		snprintf(text, PRIVILEGES_NAME_BYTES, "%s", group->gr_name);
	return text;
}

char *
privileges_find(struct privileges *privileges, const struct config *config)
{
	const struct passwd *user = NULL;
	const struct group *group = NULL;

	*privileges = (struct privileges){ .uid = geteuid(), .gid = getegid() };
	if (config->user[0] == '\0' && config->group[0] == '\0')
		return NULL;
	if (config->user[0] == '\0')
		return xstrdup("-group given without -user");
	user = getpwnam(config->user);
	if (user == NULL)
		return xasprintf("-user: \"%s\" is no user of this machine", config->user);
	privileges->uid = user->pw_uid;
	privileges->gid = user->pw_gid;
	if (config->group[0] != '\0') {
		group = getgrnam(config->group);
		if (group == NULL)
			return xasprintf("-group: \"%s\" is no group of this machine",
			    config->group);
		privileges->gid = group->gr_gid;
	}
	/* The same options serve root and the user itself. */
	if (privileges->uid == geteuid() && (group == NULL || privileges->gid == getegid())) {
		privileges->gid = getegid();
		return NULL;
	}
	if (geteuid() != 0)
		return xasprintf("-user: only root can become %s", config->user);
	if (privileges->uid == 0)
		return xstrdup("-group: root keeps its own group; give another -user");
	privileges->user = xstrdup(config->user);
	find_groups(privileges);
	return NULL;
}

void
privileges_free(struct privileges *privileges)
{
	free(privileges->user);
	free(privileges->groups);
	privileges->user = NULL;
	privileges->groups = NULL;
}

int
privileges_lend(const struct privileges *privileges)
{
	int error;

	ASSERT(geteuid() == 0);
	if (initgroups(privileges->user, privileges->gid) == 0 &&
	    setegid(privileges->gid) == 0 && seteuid(privileges->uid) == 0)
		return 0;
	error = errno;
	privileges_take_back(privileges);
	return error;
}

void
privileges_take_back(const struct privileges *privileges)
{
	MUST(seteuid(0) == 0);
	MUST(setegid(getgid()) == 0);
	(void)setgroups((size_t)privileges->group_count, privileges->groups);
}

static enum err
give(const struct privileges *privileges, int fd)
{
	return fchownat(fd, "", privileges->uid, privileges->gid, AT_EMPTY_PATH) == -1 ?
	    err_from_errno(errno) : ERR_NONE;
}

static enum err
hand_over_entry(const struct privileges *privileges, int directory_fd, const char *name,
    bool with_files);

static enum err
hand_over_files(const struct privileges *privileges, int directory_fd)
{
	int fd = openat(directory_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *stream = fd == -1 ? NULL : fdopendir(fd);
	const struct dirent *entry;
	enum err err = ERR_NONE;

	if (stream == NULL) {
		err = err_from_errno(errno);
		if (fd != -1)
			close(fd);
		return err;
	}
	while (err == ERR_NONE && (entry = readdir(stream)) != NULL) {
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			err = hand_over_entry(privileges, fd, entry->d_name, false);
	}
	closedir(stream);
	return err;
}

/*
 * A file of root's with one name; with_files: or a directory of root's, with the files in it
 * if nobody else may write there. What is in a directory first, so that whoever finds the
 * directory given finds all of it given. A node makes no directory below those in its data
 * directory.
 */
static enum err
hand_over_entry(const struct privileges *privileges, int directory_fd, const char *name,
    bool with_files)
{
	int fd = openat(directory_fd, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	enum err err = ERR_NONE;
	struct stat status;
	bool is_directory;

	/* It may have gone, as a socket of the last run. */
	if (fd == -1)
		return errno == ENOENT ? ERR_NONE : err_from_errno(errno);
	if (fstat(fd, &status) == -1) {
		err = err_from_errno(errno);
	} else if (status.st_uid == 0) {
		is_directory = with_files && S_ISDIR(status.st_mode);
		if (is_directory && (status.st_mode & 022) == 0)
			err = hand_over_files(privileges, fd);
		if (err == ERR_NONE && (is_directory ||
		    (S_ISREG(status.st_mode) && status.st_nlink == 1)))
			err = give(privileges, fd);
	}
	close(fd);
	return err;
}

enum err
privileges_hand_over(const struct privileges *privileges, int directory_fd,
    const char *const *names)
{
	enum err err = ERR_NONE;

	for (; err == ERR_NONE && *names != NULL; names++)
		err = hand_over_entry(privileges, directory_fd, *names, true);
	return err == ERR_NONE ? give(privileges, directory_fd) : err;
}

static void
drop_capabilities(void)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = { { 0 } };

	/* The bounding set first, while we may; without it root's children would
	 * have to rely on no_new_privs alone. */
	for (int capability = 0; capability <= CAP_LAST_CAP; capability++)
		(void)prctl(PR_CAPBSET_DROP, capability, 0, 0, 0);
	(void)prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	(void)syscall(SYS_capset, &header, none);
}

/* The calls that answer tell what counts: not that they were made. */
static bool
has_capabilities(void)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct sets[_LINUX_CAPABILITY_U32S_3];

	if (syscall(SYS_capget, &header, sets) == -1)
		return true;
	for (size_t i = 0; i < ARRAY_COUNT(sets); i++) {
		if (sets[i].effective != 0 || sets[i].permitted != 0)
			return true;
	}
	return false;
}

static bool
become(const struct privileges *privileges)
{
	uid_t uid = privileges->uid;
	gid_t gid = privileges->gid;

	/* The user's further groups count: keys may be readable by one of them. */
	if (initgroups(privileges->user, gid) == -1 || setresgid(gid, gid, gid) == -1)
		return false;
	/* Bounding set before the user is another: it needs what root has. */
	for (int capability = 0; capability <= CAP_LAST_CAP; capability++)
		(void)prctl(PR_CAPBSET_DROP, capability, 0, 0, 0);
	return setresuid(uid, uid, uid) == 0;
}

char *
privileges_drop(const struct privileges *privileges)
{
	if (privileges->user != NULL && !become(privileges))
		return xasprintf("cannot become %s (-user): %s", privileges->user,
		    strerror(errno));
	drop_capabilities();
	harden_no_new_privileges();
	if (has_capabilities())
		return xstrdup("cannot give up capabilities");
	if (privileges->user != NULL && (setuid(0) != -1 || setgid(0) != -1))
		return xasprintf("became %s (-user), but could be root again", privileges->user);
	return NULL;
}
