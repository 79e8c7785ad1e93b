/*
 * safe_path.c - see safe_path.h. Called by main.c, directory.c, control.c and
 * log_sink.c.
 */
#include "supervisor/safe_path.h"

#include "common/xmem.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#define LINKS_MAX 40
#define DIRECTORY_FLAGS (O_PATH | O_DIRECTORY | O_CLOEXEC)

/* ---- the way there, as root ------------------------------------------------------------ */

struct walk {
	int fd;			/* the directory we have come to */
	bool trusted;		/* that one, and all before it */
	bool way_trusted;	/* all before it */
	bool is_shared;		/* others may write in it, sticky or not */
	unsigned links;
	char *rest;		/* still to go */
	char name[NAME_MAX + 1];
};

static void
walk_free(struct walk *walk)
{
	if (walk->fd != -1)
		close(walk->fd);
	free(walk->rest);
}

/* Go on in the directory fd, which is taken. */
static int
walk_enter(struct walk *walk, int fd)
{
	struct stat status;
	int error;

	if (fd == -1)
		return errno;
	if (fstat(fd, &status) == -1) {
		error = errno;
		close(fd);
		return error;
	}
	if (walk->fd != -1)
		close(walk->fd);
	walk->fd = fd;
	walk->way_trusted = walk->trusted;
	walk->is_shared = (status.st_mode & 022) != 0;
	walk->trusted = walk->trusted && status.st_uid == 0 &&
	    (!walk->is_shared || (status.st_mode & S_ISVTX) != 0);
	return 0;
}

static int
walk_from_root(struct walk *walk)
{
	walk->trusted = true;
	return walk_enter(walk, open("/", DIRECTORY_FLAGS));
}

/* Take the next name off rest. False: there is none. */
static bool
walk_next(struct walk *walk, bool *is_last)
{
	const char *from = walk->rest + strspn(walk->rest, "/");
	size_t size = strcspn(from, "/");
	size_t rest;

	if (size == 0 || size > NAME_MAX)
		return false;
	memcpy(walk->name, from, size);
	walk->name[size] = '\0';
	from += size;
	from += strspn(from, "/");
	rest = strlen(from);
	memmove(walk->rest, from, rest + 1);
	*is_last = rest == 0;
	return true;
}

/* Those of /proc/PID/fd lead to what has no path. */
static bool
is_link_of_kernel(const struct walk *walk)
{
	struct statfs status;

	return fstatfs(walk->fd, &status) == 0 && status.f_type == PROC_SUPER_MAGIC;
}

/* The link "name" is where the way goes on. */
static int
walk_link(struct walk *walk, const struct stat *status)
{
	char target[PATH_MAX];
	char *rest;
	ssize_t size;

	/* In a sticky directory it need not be root who has put it there. */
	if (!walk->trusted || walk->is_shared || status->st_uid != 0 ||
	    ++walk->links > LINKS_MAX)
		return ELOOP;
	size = readlinkat(walk->fd, walk->name, target, sizeof(target) - 1);
	if (size == -1)
		return errno;
	target[size] = '\0';
	rest = xasprintf("%s/%s", target, walk->rest);
	free(walk->rest);
	walk->rest = rest;
	return target[0] == '/' ? walk_from_root(walk) : 0;
}

/*
 * As far as the last name of path, which need not be there; follow: if it is a link, go
 * on behind it. The place is good as long as walk is.
 */
static int
walk_to(struct walk *walk, const char *path, bool follow, struct safe_place *place)
{
	struct stat status;
	bool is_last;
	int error;

	*walk = (struct walk){ .fd = -1, .rest = xstrdup(path) };
	if (path[0] != '/')
		return ENOENT;
	error = walk_from_root(walk);
	*place = (struct safe_place){ .directory_fd = walk->fd, .name = walk->name };
	while (error == 0) {
		if (!walk_next(walk, &is_last))
			return walk->links > 0 ? ELOOP : EISDIR;
		if (strcmp(walk->name, ".") == 0 && !is_last)
			continue;
		if (strcmp(walk->name, "..") == 0 && !walk->trusted)
			return ELOOP;
		if (fstatat(walk->fd, walk->name, &status, AT_SYMLINK_NOFOLLOW) == -1) {
			if (errno != ENOENT || !is_last)
				return errno;
			break;
		}
		if (S_ISLNK(status.st_mode) && is_last && follow && walk->trusted &&
		    is_link_of_kernel(walk)) {
			place->follow = true;
			break;
		}
		if (is_last && (!S_ISLNK(status.st_mode) || !follow))
			break;
		error = S_ISLNK(status.st_mode) ? walk_link(walk, &status) :
		    walk_enter(walk, openat(walk->fd, walk->name, DIRECTORY_FLAGS | O_NOFOLLOW));
	}
	place->directory_fd = walk->fd;
	place->trusted = walk->trusted;
	/* In a sticky directory it may be another one when it is opened. */
	place->follow = place->follow || (follow && walk->trusted && !walk->is_shared);
	return error;
}

/* ---- who goes there --------------------------------------------------------------------- */

static bool
is_denied(int error)
{
	return error == EACCES || error == EPERM;
}

/* As the path says, with the rights that we have just now. */
static int
act_plainly(const char *path, bool follow, safe_path_action *action, void *argument)
{
	struct safe_place place = { .follow = follow, .trusted = true };
	char *folder = xstrdup(path);
	size_t size = strlen(folder);
	char *slash;
	int error;

	while (size > 1 && folder[size - 1] == '/')
		folder[--size] = '\0';
	slash = strrchr(folder, '/');
	if (slash == NULL) {
		place.name = folder;
		place.directory_fd = open(".", DIRECTORY_FLAGS);
	} else {
		*slash = '\0';
		place.name = slash + 1;
		place.directory_fd = open(slash == folder ? "/" : folder, DIRECTORY_FLAGS);
	}
	if (place.directory_fd == -1) {
		error = errno;
	} else {
		error = action(&place, argument);
		close(place.directory_fd);
	}
	free(folder);
	return error;
}

static int
act_as_root(bool give, const char *path, bool follow, safe_path_action *action, void *argument)
{
	struct safe_place place;
	struct walk walk;
	int error = walk_to(&walk, path, follow, &place);

	if (error == 0 && give && !walk.way_trusted)
		error = EACCES;
	place.give = give;
	if (error == 0)
		error = action(&place, argument);
	walk_free(&walk);
	return error;
}

int
safe_path_act(const struct privileges *privileges, const char *path, bool follow,
    safe_path_action *action, void *argument)
{
	int error, second;

	if (geteuid() != 0)
		return act_plainly(path, follow, action, argument);
	if (privileges == NULL || privileges->user == NULL)
		return act_as_root(false, path, follow, action, argument);
	error = privileges_lend(privileges);
	if (error != 0)
		return error;
	error = act_plainly(path, follow, action, argument);
	privileges_take_back(privileges);
	if (!is_denied(error))
		return error;
	second = act_as_root(true, path, follow, action, argument);
	return second == ELOOP ? error : second;
}

const char *
safe_path_reason(int error)
{
	return error == ELOOP && geteuid() == 0 ?
	    "root follows no link that others can change" : strerror(error);
}

/* ---- directories -------------------------------------------------------------------------- */

struct open_directory {
	int fd;
};

static int
open_directory(const struct safe_place *place, void *argument)
{
	struct open_directory *opened = argument;

	opened->fd = openat(place->directory_fd, place->name, O_RDONLY | O_DIRECTORY | O_CLOEXEC |
	    (place->follow ? 0 : O_NOFOLLOW));
	return opened->fd == -1 ? errno : 0;
}

/* With -user: root's own, if nobody else can change the way to it. */
static bool
open_owned(const char *path, int *fd)
{
	struct safe_place place;
	struct walk walk;
	struct stat status;
	int found = -1;

	if (walk_to(&walk, path, true, &place) == 0 && walk.trusted)
		found = openat(place.directory_fd, place.name,
		    O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	walk_free(&walk);
	if (found == -1)
		return false;
	if (fstat(found, &status) == -1 || status.st_uid != 0) {
		close(found);
		return false;
	}
	*fd = found;
	return true;
}

int
safe_path_open_directory(const struct privileges *privileges, const char *path, int *fd,
    bool *owned)
{
	struct open_directory opened = { .fd = -1 };
	int error;

	*owned = geteuid() == 0 && privileges != NULL && privileges->user != NULL &&
	    open_owned(path, fd);
	if (*owned)
		return 0;
	error = safe_path_act(privileges, path, true, open_directory, &opened);
	if (error == 0)
		*fd = opened.fd;
	return error;
}

/* The entry of what was just made, for good. */
static int
sync_folder(const struct safe_place *place)
{
	int fd = openat(place->directory_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int error = 0;

	/* A user who may write in it but not read it has to do without. */
	if (fd == -1)
		return is_denied(errno) ? 0 : errno;
	if (fsync(fd) == -1 && errno != EINVAL)
		error = errno;
	close(fd);
	return error;
}

struct make_directory {
	const struct privileges *privileges;
	mode_t mode;
};

static int
make_directory(const struct safe_place *place, void *argument)
{
	const struct make_directory *make = argument;
	struct stat status;
	int fd, error = 0;

	/* One that others can change could be another one before it is given away. */
	if (place->give && !place->trusted)
		return fstatat(place->directory_fd, place->name, &status, 0) == 0 ? 0 : EACCES;
	if (mkdirat(place->directory_fd, place->name, 0700) == -1)
		return errno == EEXIST ? 0 : errno;
	fd = openat(place->directory_fd, place->name,
	    O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd == -1)
		return errno;
	if (fstat(fd, &status) == -1 || (place->give &&
	    fchown(fd, make->privileges->uid, make->privileges->gid) == -1))
		error = errno;
	else if (status.st_uid != geteuid())
		error = EACCES;
	else if (fchmod(fd, make->mode) == -1)
		error = errno;
	close(fd);
	return error == 0 ? sync_folder(place) : error;
}

int
safe_path_make_directories(const struct privileges *privileges, const char *path, mode_t mode)
{
	struct make_directory make = { privileges, mode };
	char *copy = xstrdup(path);
	int error = 0;

	for (char *at = copy + 1; error == 0; at++) {
		char end = *at;

		if (end != '/' && end != '\0')
			continue;
		*at = '\0';
		if (at[-1] != '/')
			error = safe_path_act(privileges, copy, true, make_directory, &make);
		*at = end;
		if (end == '\0')
			break;
	}
	free(copy);
	return error;
}

/* ---- files ------------------------------------------------------------------------ */

static int
write_synced(int fd, const char *text)
{
	ssize_t size = write(fd, text, strlen(text));

	if (size == -1)
		return errno;
	if (size != (ssize_t)strlen(text))
		return ENOSPC;
	if (fchmod(fd, 0644) == -1 || (fsync(fd) == -1 && errno != EINVAL))
		return errno;
	return 0;
}

static int
write_file(const struct safe_place *place, void *argument)
{
	char *fresh = xasprintf("%s.new", place->name);
	int fd, error;

	/* What a crash left, or a link that somebody put there. */
	(void)unlinkat(place->directory_fd, fresh, 0);
	fd = openat(place->directory_fd, fresh, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW |
	    O_CLOEXEC, 0644);
	if (fd == -1) {
		error = errno;
	} else {
		error = write_synced(fd, argument);
		close(fd);
		if (error == 0 && renameat(place->directory_fd, fresh, place->directory_fd,
		    place->name) == -1)
			error = errno;
		if (error != 0)
			(void)unlinkat(place->directory_fd, fresh, 0);
	}
	free(fresh);
	return error == 0 ? sync_folder(place) : error;
}

int
safe_path_write_file(const struct privileges *privileges, const char *path, const char *text)
{
	return safe_path_act(privileges, path, false, write_file, (void *)(uintptr_t)text);
}

static int
remove_file(const struct safe_place *place, void *argument UNUSED)
{
	return unlinkat(place->directory_fd, place->name, 0) == 0 || errno == ENOENT ? 0 : errno;
}

int
safe_path_remove_file(const struct privileges *privileges, const char *path)
{
	return safe_path_act(privileges, path, false, remove_file, NULL);
}
