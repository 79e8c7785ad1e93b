/*
 * directory.c - the data directory before any child runs. May wait.
 */
#include "supervisor/directory.h"

#include "common/clock.h"
#include "common/data_dir.h"
#include "common/diag.h"
#include "common/limits.h"
#include "common/lock_text.h"
#include "common/node_name.h"
#include "common/program.h"
#include "common/xmem.h"
#include "supervisor/safe_path.h"
#include "supervisor/setup.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define LOCK_WAIT_MS 2000
#define LOCK_STEP_NS (20 * 1000 * 1000)
#define LOCK_FLAGS (O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC)

/* DATA_DIR, opened: what others make of its path meanwhile does not matter. */
struct opened {
	int fd;
	bool owned;		/* root's, which is to give it to the user */
	struct stat status;	/* as it was found */
};

static const char *
user_name(uid_t uid, char *number, size_t size)
{
	const struct passwd *entry = getpwuid(uid);

	if (entry != NULL)
		return entry->pw_name;
	snprintf(number, size, "user %ld", (long)uid);
	return number;
}

static char *
foreign_owner(const char *shown, uid_t owner, uid_t ours)
{
	char owner_number[32], our_number[32];
	char *owner_name = xstrdup(user_name(owner, owner_number, sizeof(owner_number)));
	char *problem = xasprintf("%s belongs to %s, we run as %s; chown it or choose another "
	    "-data-dir%s", shown, owner_name, user_name(ours, our_number, sizeof(our_number)),
	    ours == 0 ? " or -user" : "");

	free(owner_name);
	return problem;
}

static bool
holds(const struct opened *opened, const char *entry)
{
	return faccessat(opened->fd, entry, F_OK, 0) == 0;
}

/* Data of the Go servers; our own FORMAT is checked by raftd. */
static const char *
foreign_data(const struct opened *opened)
{
	if (holds(opened, "FORMAT"))
		return NULL;
	if (holds(opened, "member/wal"))
		return "member/wal";
	if (holds(opened, "member"))
		return "member";
	if (holds(opened, "log") && holds(opened, "conf"))
		return "log and conf";
	return NULL;
}

/* Others could put anything into it before we came. */
static bool
was_open(const struct opened *opened)
{
	return (opened->status.st_mode & 022) != 0;
}

/* For our user only, whatever it was. */
static void
tighten(const struct opened *opened, const char *path)
{
	if ((opened->status.st_mode & 077) == 0)
		return;
	if (fchmod(opened->fd, 0700) == -1)
		diag_warn("directory", "cannot set mode 0700: path=%s error=%s", path,
		    err_text(err_from_errno(errno)));
	else if (was_open(opened))
		diag_warn("directory", "others could write to it, made it mode 0700: path=%s",
		    path);
}

/* The first name behind directory of a path that leads into it, freed by the caller;
 * NULL: it does not. */
static char *
name_within(const char *directory, const char *path)
{
	size_t length = strlen(directory);

	if (strncmp(path, directory, length) != 0 || path[length] != '/')
		return NULL;
	path += length + 1;
	return strndup(path, strcspn(path, "/"));
}

/* What stands in it that is neither ours nor meant by an option, as a sentence has it; freed
 * by the caller. NULL: nothing. */
static char *
strangers_in(const struct config *config, const char *path, const struct opened *opened)
{
	char *expected[OPTION_COUNT + 1] = { NULL };
	char *strangers;
	size_t count = 0;

	for (int id = 0; id < OPTION_COUNT; id++) {
		const struct option_row *row = &option_rows[id];
		bool is_path = row->kind == OPTION_KIND_PATH || id == OPTION_log_output ||
		    id == OPTION_access_log;
		char *whole = is_path && config_text(config, (enum option_id)id)[0] != '\0' ?
		    setup_absolute(config_text(config, (enum option_id)id)) : NULL;

		if (whole == NULL)
			continue;
		expected[count] = name_within(path, whole);
		count += expected[count] != NULL;
		free(whole);
	}
	strangers = data_dir_strangers(opened->fd, (const char *const *)expected);
	while (count > 0)
		free(expected[--count]);
	return strangers;
}

/* What is there is a directory, ours, and holds nobody else's data. Opened in any case
 * but EXIT_USAGE. */
static enum exit_code
examine(const struct config *config, const char *shown, const struct privileges *privileges,
    const char *path, struct opened *opened, char **problem)
{
	const char *foreign;
	char *strangers;
	int error = safe_path_open_directory(privileges, path, &opened->fd, &opened->owned);

	if (error != 0) {
		*problem = error == ENOTDIR || error == ENOENT ?
		    xasprintf("%s (-data-dir) is not a directory", shown) :
		    xasprintf("cannot open %s (-data-dir): %s", shown, safe_path_reason(error));
		return EXIT_USAGE;
	}
	if (fstat(opened->fd, &opened->status) == -1) {
		*problem = xasprintf("cannot look at %s (-data-dir): %s", shown, strerror(errno));
	} else if (opened->status.st_uid != privileges->uid && !opened->owned) {
		*problem = foreign_owner(shown, opened->status.st_uid, privileges->uid);
	} else if ((foreign = foreign_data(opened)) != NULL) {
		*problem = xasprintf("%s holds data of another etcd (%s); choose another "
		    "-data-dir; '%s import' copies the keys of that etcd while it runs", shown,
		    foreign, program_etcdctl());
		return EXIT_DATA;
	} else if ((strangers = strangers_in(config, path, opened)) != NULL) {
		*problem = xasprintf("%s (-data-dir) holds %s: it has to be empty or a node's; "
		    "choose another", shown, strangers);
		free(strangers);
	} else {
		return EXIT_STOPPED;
	}
	close(opened->fd);
	opened->fd = -1;
	return EXIT_USAGE;
}

static enum exit_code
prepare(const struct directory *directory, const struct config *config,
    const struct privileges *privileges, const char *path, struct opened *opened, char **problem)
{
	int error = safe_path_make_directories(privileges, path, 0700);
	enum exit_code code;

	if (error != 0) {
		*problem = xasprintf("cannot make %s (-data-dir): %s", directory->shown,
		    safe_path_reason(error));
		return EXIT_USAGE;
	}
	code = examine(config, directory->shown, privileges, path, opened, problem);
	if (code == EXIT_STOPPED)
		tighten(opened, path);
	return code;
}

/* The lock file: a plain file with one name, ours or root's. With the user's rights, if
 * the directory is the user's: then no link in it leads further than they go. -1: *problem. */
static int
open_lock(const struct directory *directory, const struct privileges *privileges,
    const struct opened *opened, char **problem)
{
	bool lend = privileges->user != NULL && !opened->owned;
	int error = lend ? privileges_lend(privileges) : 0;
	bool made = false;
	struct stat status;
	int fd = -1;

	if (error == 0) {
		fd = openat(opened->fd, "lock", LOCK_FLAGS | O_CREAT | O_EXCL, 0600);
		made = fd != -1;
		if (fd == -1)
			fd = openat(opened->fd, "lock", LOCK_FLAGS);
		error = fd == -1 || fstat(fd, &status) == -1 ? errno : 0;
		if (lend)
			privileges_take_back(privileges);
	}
	if (error == 0 && !made && (!S_ISREG(status.st_mode) || status.st_nlink != 1 ||
	    (status.st_uid != privileges->uid && (status.st_uid != geteuid() ||
	    was_open(opened)))))
		error = ELOOP;
	if (error == ELOOP || error == EISDIR || error == ENXIO)
		*problem = xasprintf("cannot use %s/lock: it is not a file of ours with one name; "
		    "remove it", directory->shown);
	else if (error != 0)
		*problem = xasprintf("cannot open %s/lock: %s%s", directory->shown,
		    err_text(err_from_errno(error)), err_from_errno(error) != ERR_DENIED ? "" :
		    "; like all files there it has to belong to the user that the node runs as");
	if (*problem == NULL)
		return fd;
	if (fd != -1)
		close(fd);
	return -1;
}

static enum exit_code
lock(struct directory *directory, const struct privileges *privileges,
    const struct opened *opened, char **problem)
{
	uint64_t deadline_ms = clock_now().monotonic_ms + LOCK_WAIT_MS;
	struct lock_text text;
	int fd, result;

	*problem = NULL;
	fd = open_lock(directory, privileges, opened, problem);
	if (fd == -1)
		return EXIT_USAGE;
	while ((result = flock(fd, LOCK_EX | LOCK_NB)) == -1 &&
	    (errno == EWOULDBLOCK || errno == EINTR) && clock_now().monotonic_ms < deadline_ms)
		nanosleep(&(struct timespec){ .tv_nsec = LOCK_STEP_NS }, NULL);
	if (result == 0) {
		directory->lock_fd = fd;
		return EXIT_STOPPED;
	}
	if (lock_text_read(fd, &text))
		*problem = xasprintf("data directory %s is in use by process %ld since %s; "
		    "stop it or choose another -data-dir", directory->shown, text.pid, text.since);
	else
		*problem = xasprintf("data directory %s is in use by another process; stop it or "
		    "choose another -data-dir", directory->shown);
	close(fd);
	return EXIT_LOCKED;
}

static char *
host_name(void)
{
	char name[NAME_BYTES_MAX + 1] = "";

	if (gethostname(name, sizeof(name) - 1) == -1)
		name[0] = '\0';
	return xstrdup(name);
}

/* The name by which the default directory is called before it can be read. */
static enum exit_code
choose_name(struct arguments *arguments, char **problem)
{
	struct config *config = &arguments->config;
	char *wrong, *name;

	if (arguments->source[OPTION_name] != OPTION_FROM_DEFAULT)
		return EXIT_STOPPED;
	name = host_name();
	setup_text(config, OPTION_name, name);
	free(name);
	wrong = node_name_problem(config->name);
	if (wrong == NULL)
		return EXIT_STOPPED;
	*problem = xasprintf("host name %s; give a -name", wrong);
	free(wrong);
	return EXIT_USAGE;
}

/* A name that is not that of the data, and all the ways on. */
static char *
other_name(const struct arguments *arguments, const char *shown, const char *theirs)
{
	char *source = arguments_source(arguments, OPTION_name);
	char *sentence = xasprintf("%s: \"%s\", but %s is of \"%s\"; use that name or another "
	    "-data-dir; or, if nothing in it is needed, empty it, and the node begins anew", source,
	    arguments->config.name, shown, theirs);

	free(source);
	return sentence;
}

/* Now that it is locked: the name of what is in it counts. If the lock's text does not
 * tell it, raftd compares it with the node's identity. A text without a name is that of
 * a node which was never a member: it may be called something else. */
static enum exit_code
settle_name(const struct directory *directory, struct arguments *arguments, char **problem)
{
	struct config *config = &arguments->config;
	bool given = arguments->source[OPTION_name] != OPTION_FROM_DEFAULT;
	bool keeps = !directory->is_new && !config->force;
	struct lock_text text;
	bool told = lock_text_read(directory->lock_fd, &text);
	enum err err;

	if (!directory->is_new && !given && (!told || text.name[0] != '\0')) {
		char *wrong = node_name_problem(text.name);

		setup_text(config, OPTION_name, wrong == NULL ? text.name : "");
		free(wrong);
	} else if (keeps && text.name[0] != '\0' && strcmp(text.name, config->name) != 0) {
		*problem = other_name(arguments, directory->shown, text.name);
		return EXIT_USAGE;
	}
	err = lock_text_write(directory->lock_fd, keeps ? text.name : "", config->run_dir);
	if (err != ERR_NONE)
		diag_warn("directory", "cannot write the lock's text: error=%s", err_text(err));
	return EXIT_STOPPED;
}

void
directory_note_name(const struct directory *directory, const char *name)
{
	struct lock_text text;
	enum err err;

	if (name[0] == '\0' || (lock_text_read(directory->lock_fd, &text) &&
	    strcmp(text.name, name) == 0))
		return;
	err = lock_text_write(directory->lock_fd, name, text.run_dir);
	if (err != ERR_NONE)
		diag_warn("directory", "cannot write the lock's text: error=%s", err_text(err));
}

/* 0750: the group may reach the control socket. */
static enum exit_code
make_run_dir(const struct privileges *privileges, const char *path, char **problem)
{
	int error = safe_path_make_directories(privileges, path, 0750);

	if (error == 0)
		return EXIT_STOPPED;
	*problem = xasprintf("cannot make %s (-run-dir): %s", path, safe_path_reason(error));
	return EXIT_USAGE;
}

static enum exit_code
hand_over(const struct directory *directory, const struct privileges *privileges,
    const struct opened *opened, char **problem)
{
	enum err err;

	/* In one that others could write to the lock is all that is known to be ours. */
	if (fchown(directory->lock_fd, privileges->uid, privileges->gid) == -1)
		err = err_from_errno(errno);
	else if (!was_open(opened))
		err = privileges_hand_over(privileges, opened->fd, data_dir_names);
	else
		err = fchown(opened->fd, privileges->uid, privileges->gid) == -1 ?
		    err_from_errno(errno) : ERR_NONE;
	if (err == ERR_NONE)
		return EXIT_STOPPED;
	*problem = xasprintf("cannot give %s to %s (-user): %s", directory->shown,
	    privileges->user, err_text(err));
	return EXIT_USAGE;
}

/* As the operator writes it; freed by the caller. */
static char *
shown_path(const struct config *config)
{
	return config->data_dir[0] == '\0' ? xasprintf("./%s.etcd", config->name) :
	    xstrdup(config->data_dir);
}

static bool
is_locked(const struct opened *opened)
{
	int fd = openat(opened->fd, "lock", LOCK_FLAGS);
	bool locked;

	if (fd == -1)
		return false;
	locked = flock(fd, LOCK_SH | LOCK_NB) == -1 && errno == EWOULDBLOCK;
	close(fd);
	return locked;
}

bool
directory_can_be_made(const char *path)
{
	char *above = xstrdup(path);
	bool possible;

	while (access(above, F_OK) == -1 && strrchr(above, '/') != above)
		*strrchr(above, '/') = '\0';
	if (access(above, F_OK) == -1)
		above[1] = '\0';
	possible = access(above, W_OK | X_OK) == 0;
	free(above);
	return possible;
}

/* As settle_name will find it, if a start can. */
static char *
check_name(const struct arguments *arguments, const struct opened *opened, const char *shown)
{
	const struct config *config = &arguments->config;
	struct lock_text text = { 0 };
	int fd = openat(opened->fd, "lock", LOCK_FLAGS);

	if (fd != -1) {
		if (!lock_text_read(fd, &text))
			text.name[0] = '\0';
		close(fd);
	}
	return arguments->source[OPTION_name] == OPTION_FROM_DEFAULT || config->force ||
	    text.name[0] == '\0' || strcmp(text.name, config->name) == 0 ? NULL :
	    other_name(arguments, shown, text.name);
}

static void
look_into(const struct opened *opened, const char *shown, struct directory_found *found)
{
	found->runs = is_locked(opened);
	found->holds = found->runs || holds(opened, "FORMAT");
	found->summary = xasprintf("%s, %s", shown, found->runs ? "in use by a node that runs" :
	    found->holds ? "which holds a node that goes on" : "empty");
}

enum exit_code
directory_check(struct arguments *arguments, const struct privileges *privileges,
    struct directory_found *found, char **problem)
{
	enum exit_code code = choose_name(arguments, problem);
	char *shown, *path;
	struct opened opened = { .fd = -1 };

	*found = (struct directory_found){ .summary = NULL };
	if (code != EXIT_STOPPED)
		return code;
	shown = shown_path(&arguments->config);
	path = setup_absolute(shown);
	if (access(path, F_OK) == -1) {
		if (directory_can_be_made(path)) {
			found->summary = xasprintf("%s, to be made", shown);
		} else {
			*problem = xasprintf("cannot make %s (-data-dir): no right to", shown);
			code = EXIT_USAGE;
		}
	} else {
		code = examine(&arguments->config, shown, privileges, path, &opened, problem);
		if (code == EXIT_STOPPED && access(path, R_OK | W_OK | X_OK) == -1) {
			*problem = xasprintf("cannot write in %s (-data-dir): %s", shown,
			    strerror(errno));
			code = EXIT_USAGE;
		} else if (code == EXIT_STOPPED) {
			*problem = check_name(arguments, &opened, shown);
			if (*problem == NULL)
				look_into(&opened, shown, found);
			else
				code = EXIT_USAGE;
		}
	}
	if (opened.fd != -1)
		close(opened.fd);
	free(shown);
	free(path);
	return code;
}

enum exit_code
directory_open(struct directory *directory, struct arguments *arguments,
    const struct privileges *privileges, char **problem)
{
	struct config *config = &arguments->config;
	struct opened opened = { .fd = -1 };
	enum exit_code code;
	char *path;

	*directory = (struct directory){ .lock_fd = -1 };
	code = choose_name(arguments, problem);
	if (code != EXIT_STOPPED)
		return code;
	directory->shown = shown_path(config);
	if (config->data_dir[0] == '\0')
		diag_warn("options", "no -data-dir given: using %s of the working directory",
		    directory->shown);
	path = setup_absolute(directory->shown);
	setup_text(config, OPTION_data_dir, path);
	if (config->run_dir[0] == '\0') {
		char *run_dir = xasprintf("%s/run", path);

		setup_text(config, OPTION_run_dir, run_dir);
		free(run_dir);
	}
	code = prepare(directory, config, privileges, path, &opened, problem);
	if (code == EXIT_STOPPED)
		code = lock(directory, privileges, &opened, problem);
	/* One who was removed and begins anew keeps its name. */
	if (code == EXIT_STOPPED)
		directory->is_new = !holds(&opened, "FORMAT") && !holds(&opened, "db.removed");
	if (code == EXIT_STOPPED)
		code = settle_name(directory, arguments, problem);
	if (code == EXIT_STOPPED && opened.owned)
		code = hand_over(directory, privileges, &opened, problem);
	if (code == EXIT_STOPPED)
		code = make_run_dir(privileges, config->run_dir, problem);
	if (opened.fd != -1)
		close(opened.fd);
	free(path);
	return code;
}

void
directory_close(struct directory *directory)
{
	if (directory->lock_fd != -1)
		close(directory->lock_fd);
	free(directory->shown);
	*directory = (struct directory){ .lock_fd = -1 };
}

enum err
directory_clear(const struct directory *directory, const struct config *config)
{
	enum err err = data_dir_remove_removed(config->data_dir);

	if (err == ERR_NONE)
		err = data_dir_remove_state(config->data_dir);
	if (err == ERR_NONE)
		diag_warn("directory", "-force: removed db, db.mark and FORMAT in %s",
		    directory->shown);
	return err;
}
