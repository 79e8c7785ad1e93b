/*
 * disk_shim.c - a preloaded library: the disk of a running node fails on purpose.
 *
 *	LD_PRELOAD=disk_shim.so MOOTHALL_DISK_SHIM=CONTROL etcd -sandbox off ...
 *
 * CONTROL is a file of struct control, mapped before main by every program, and heeded for
 * files below the directory named in it: what fails, by raftd only; what a power cut takes,
 * by the supervisor, too. The test writes into it while they run (disks.py, which has its
 * layout a second time).
 *
 * For power cuts it remembers how much of each file was synced, and the changes of
 * names since their directory was. What such a change takes away is kept as a hard
 * link in KEPT. What write() writes at the file's end leaves what was synced as it is; before
 * write() to another place, pwrite(), ftruncate() or O_TRUNC change a file its synced content
 * is copied into KEPT, as "s" and its inode.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define FILES_MAX 4096
#define CHANGES_MAX 4096
#define NAME_MAX_BYTES 56
#define HALF (-1)

enum call { CALL_WRITE, CALL_PWRITE, CALL_SYNC, CALL_SYNC_DIRECTORY, CALL_MAKE, CALL_RENAME,
	CALL_UNLINK, CALL_READ, CALL_AHEAD /* pwrite to a log: room */, CALLS };
enum change_kind { CHANGE_NONE, CHANGE_MADE, CHANGE_RENAMED, CHANGE_REMOVED };

struct file {
	uint64_t inode, synced;
	uint64_t copied;		/* 1: what was synced is in KEPT; synced is its size; 2:
					 * and the file was made shorter since */
};

struct directory_change {
	uint32_t kind;			/* CHANGE_NONE: its directory was synced since */
	uint32_t kept;			/* number in KEPT of what was lost; 0: nothing */
	char name[NAME_MAX_BYTES];	/* below the directory, with "db/" if it is there */
	char to[NAME_MAX_BYTES];	/* RENAMED */
};

struct control {
	uint64_t free_bytes;		/* what fstatvfs says, of 1 GiB; UINT64_MAX: the truth */
	uint32_t hang;			/* writes and syncs wait as long as it is not 0 */
	uint32_t full;			/* what needs space has none: ENOSPC */
	uint32_t fail_call;		/* enum call */
	uint32_t fail_nth;		/* it fails, counted from when this is set; 0: none */
	int32_t fail_errno;		/* 0: a read returns half */
	uint32_t failed;		/* how many did */
	uint32_t power;			/* remember what a power cut takes */
	uint32_t kept_last, file_count, change_count;
	uint32_t counts[CALLS];
	uint32_t locked;		/* files and changes: of all processes */
	uint32_t hang_syncs;		/* as hang, but what is written goes through */
	char directory[PATH_MAX];	/* without a slash at its end */
	char kept[PATH_MAX];
	struct file files[FILES_MAX];
	struct directory_change changes[CHANGES_MAX];
};

static struct control *control;
static bool may_fail;			/* raftd */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

__attribute__((constructor)) static void
disk_shim_begin(void)
{
	const char *path = getenv("MOOTHALL_DISK_SHIM");
	void *map;
	int fd;

	may_fail = strcmp(program_invocation_short_name, "raftd") == 0;
	if (path == NULL || (!may_fail && strcmp(program_invocation_short_name, "etcd") != 0))
		return;
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd == -1)
		return;
	map = mmap(NULL, sizeof(*control), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	if (map != MAP_FAILED)
		control = map;
}

/* ---- which files --------------------------------------------------------------- */

/* The part of path below the directory, or NULL. */
static const char *
name_below(const char *path)
{
	size_t length;

	if (control == NULL)
		return NULL;
	length = strlen(control->directory);
	if (length == 0 || strncmp(path, control->directory, length) != 0)
		return NULL;
	if (path[length] == '\0')
		return path + length;
	return path[length] == '/' ? path + length + 1 : NULL;
}

static const char *
name_of(int fd, char path[PATH_MAX])
{
	char link[64];
	ssize_t size;

	if (control == NULL)
		return NULL;
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	size = readlink(link, path, PATH_MAX - 1);
	if (size <= 0)
		return NULL;
	path[size] = '\0';
	return name_below(path);
}

/* What LevelDB says of itself is no data, and may fail. */
static bool
is_data(const char *name)
{
	return name != NULL && strncmp(name, "db/LOG", 6) != 0;
}

/* ---- what fails ------------------------------------------------------------------ */

/* errno if the call shall fail, HALF, or 0. */
static int
fault_of(enum call call)
{
	static const bool takes_space[CALLS] = { [CALL_WRITE] = true, [CALL_PWRITE] = true,
		[CALL_SYNC] = true, [CALL_MAKE] = true, [CALL_RENAME] = true };
	struct timespec pause = { 0, 2000000 };
	int failure = 0;

	if (!may_fail)
		return 0;
	while ((call != CALL_READ && __atomic_load_n(&control->hang, __ATOMIC_ACQUIRE) != 0) ||
	    (call == CALL_SYNC && __atomic_load_n(&control->hang_syncs, __ATOMIC_ACQUIRE) != 0))
		nanosleep(&pause, NULL);
	pthread_mutex_lock(&lock);
	control->counts[call]++;
	if (control->full != 0 && takes_space[call])
		failure = ENOSPC;
	if (control->fail_nth != 0 && control->fail_call == call && --control->fail_nth == 0)
		failure = control->fail_errno == 0 ? HALF : control->fail_errno;
	if (failure != 0)
		control->failed++;
	pthread_mutex_unlock(&lock);
	return failure;
}

/* ---- what a power cut takes -------------------------------------------------------- */

static void
lock_control(void)
{
	struct timespec pause = { 0, 20000 };

	while (__atomic_exchange_n(&control->locked, 1, __ATOMIC_ACQUIRE) != 0)
		nanosleep(&pause, NULL);
}

static void
unlock_control(void)
{
	__atomic_store_n(&control->locked, 0, __ATOMIC_RELEASE);
}

/* With the lock held. NULL: the table is full. */
static struct file *
file_of(uint64_t inode)
{
	uint32_t i = 0;

	while (i < control->file_count && control->files[i].inode != inode)
		i++;
	if (i == FILES_MAX)
		return NULL;
	if (i == control->file_count) {
		control->file_count++;
		control->files[i] = (struct file){ .inode = inode };
	}
	return &control->files[i];
}

static void
copy_path(uint64_t inode, char path[PATH_MAX + 32])
{
	snprintf(path, PATH_MAX + 32, "%s/s%llu", control->kept, (unsigned long long)inode);
}

static void
note_synced(const struct stat *status)
{
	char path[PATH_MAX + 32];
	struct file *file;

	lock_control();
	file = file_of(status->st_ino);
	if (file != NULL) {
		bool copied = file->copied != 0;

		/* In this order: we may be killed between the two. */
		*file = (struct file){ status->st_ino, (uint64_t)status->st_size, 0 };
		if (copied) {
			copy_path(file->inode, path);
			syscall(SYS_unlinkat, AT_FDCWD, path, 0);
		}
	}
	unlock_control();
}

/* The file at fd is to be changed where it was synced; so many bytes stay of it. */
static void
note_overwritten(int fd, uint64_t left)
{
	char path[PATH_MAX + 32], bytes[65536];
	struct file *file;
	struct stat status;
	uint64_t at = 0;
	int copy, from;

	if (fstat(fd, &status) != 0 || !S_ISREG(status.st_mode))
		return;
	lock_control();
	file = file_of(status.st_ino);
	if (file != NULL && file->copied != 0 && left < file->synced)
		file->copied = 2;
	if (file == NULL || file->copied != 0 || file->synced == 0) {
		unlock_control();
		return;
	}
	/* fd may be for writing only. */
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	from = (int)syscall(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC);
	copy_path(file->inode, path);
	copy = (int)syscall(SYS_openat, AT_FDCWD, path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC,
	    0600);
	while (at < file->synced) {
		size_t want = file->synced - at < sizeof(bytes) ? file->synced - at : sizeof(bytes);
		ssize_t size = (ssize_t)syscall(SYS_pread64, from, bytes, want, at);

		if (size <= 0 || syscall(SYS_write, copy, bytes, size) != size)
			break;
		at += (uint64_t)size;
	}
	close(copy);
	close(from);
	file->copied = left < file->synced ? 2 : 1;
	unlock_control();
}

/* A new file may have the inode of one that is gone. */
static void
note_new(int fd)
{
	struct stat status;

	if (fstat(fd, &status) != 0)
		return;
	status.st_size = 0;
	note_synced(&status);
}

/* Keep what is at path. 0: nothing is there. */
static uint32_t
keep(const char *path)
{
	char kept[PATH_MAX + 16];
	uint32_t number;

	lock_control();
	number = ++control->kept_last;
	unlock_control();
	snprintf(kept, sizeof(kept), "%s/%u", control->kept, number);
	return link(path, kept) == 0 ? number : 0;
}

static void
note_change(enum change_kind kind, const char *name, const char *to, uint32_t kept)
{
	lock_control();
	if (control->change_count < CHANGES_MAX) {
		struct directory_change *change = &control->changes[control->change_count++];

		change->kind = kind;
		change->kept = kept;
		snprintf(change->name, sizeof(change->name), "%.*s", NAME_MAX_BYTES - 1, name);
		snprintf(change->to, sizeof(change->to), "%.*s", NAME_MAX_BYTES - 1, to);
	}
	unlock_control();
}

/* directory: "" or "db". */
static void
note_directory_synced(const char *directory)
{
	size_t length = strlen(directory);

	lock_control();
	for (uint32_t i = 0; i < control->change_count; i++) {
		struct directory_change *change = &control->changes[i];
		const char *slash = strchr(change->name, '/');

		if (length == 0 ? slash == NULL : strncmp(change->name, directory, length) == 0 &&
		    change->name[length] == '/')
			change->kind = CHANGE_NONE;
	}
	while (control->change_count > 0 &&
	    control->changes[control->change_count - 1].kind == CHANGE_NONE)
		control->change_count--;
	unlock_control();
}

/* ---- taken over ---------------------------------------------------------------------- */

/* Does a write go to where the file has bytes? A log of LevelDB has room ahead. */
static bool
writes_over(int fd)
{
	struct stat status;
	off_t at = lseek(fd, 0, SEEK_CUR);

	return at != -1 && fstat(fd, &status) == 0 && at < status.st_size;
}

ssize_t
write(int fd, const void *bytes, size_t size)
{
	char path[PATH_MAX];
	bool ours = name_of(fd, path) != NULL;
	int failure = ours ? fault_of(CALL_WRITE) : 0;

	if (failure == 0 && ours && control->power != 0 && writes_over(fd))
		note_overwritten(fd, UINT64_MAX);
	if (failure == 0)
		return (ssize_t)syscall(SYS_write, fd, bytes, size);
	/* As a disk that fills up does. */
	if (failure == ENOSPC && size > 1 && syscall(SYS_write, fd, bytes, size / 2) > 0)
		errno = ENOSPC;
	errno = failure;
	return -1;
}

ssize_t
pwrite(int fd, const void *bytes, size_t size, off_t offset)
{
	char path[PATH_MAX];
	bool ours = name_of(fd, path) != NULL;
	int failure = !ours ? 0 : fault_of(strstr(path, ".log") != NULL ? CALL_AHEAD : CALL_PWRITE);

	if (failure == 0 && ours && control->power != 0)
		note_overwritten(fd, UINT64_MAX);
	if (failure == 0)
		return (ssize_t)syscall(SYS_pwrite64, fd, bytes, size, offset);
	errno = failure;
	return -1;
}

ssize_t
pwrite64(int fd, const void *bytes, size_t size, off_t offset)
{
	return pwrite(fd, bytes, size, offset);
}

int
ftruncate(int fd, off_t size)
{
	char path[PATH_MAX];

	if (name_of(fd, path) != NULL && control->power != 0)
		note_overwritten(fd, (uint64_t)size);
	return (int)syscall(SYS_ftruncate, fd, size);
}

int
ftruncate64(int fd, off64_t size)
{
	return ftruncate(fd, size);
}

ssize_t
read(int fd, void *bytes, size_t size)
{
	char path[PATH_MAX];
	int failure = name_of(fd, path) != NULL ? fault_of(CALL_READ) : 0;

	if (failure > 0) {
		errno = failure;
		return -1;
	}
	return (ssize_t)syscall(SYS_read, fd, bytes, failure == HALF && size > 1 ? size / 2 : size);
}

static int
sync_file(int fd, long number)
{
	char path[PATH_MAX];
	const char *name = name_of(fd, path);
	struct stat status;
	int failure;

	if (name == NULL)
		return (int)syscall(number, fd);
	fstat(fd, &status);
	failure = fault_of(S_ISDIR(status.st_mode) ? CALL_SYNC_DIRECTORY : CALL_SYNC);
	if (failure != 0) {
		errno = failure;
		return -1;
	}
	if (syscall(number, fd) != 0)
		return -1;
	if (control->power != 0 && S_ISDIR(status.st_mode))
		note_directory_synced(name);
	else if (control->power != 0)
		note_synced(&status);
	return 0;
}

int
fsync(int fd)
{
	return sync_file(fd, SYS_fsync);
}

int
fdatasync(int fd)
{
	return sync_file(fd, SYS_fdatasync);
}

/* The whole path of a name in a directory. */
static const char *
whole_path(int directory, const char *name, char path[PATH_MAX])
{
	char link[64];
	size_t length;
	ssize_t size;

	if (control == NULL || directory == AT_FDCWD || name[0] == '/')
		return name;
	snprintf(link, sizeof(link), "/proc/self/fd/%d", directory);
	size = readlink(link, path, PATH_MAX - 1);
	length = size > 0 ? (size_t)size : 0;
	if (strcmp(name, ".") == 0)
		path[length] = '\0';
	else
		snprintf(path + length, PATH_MAX - length, "/%s", name);
	return path;
}

static int
open_file(int directory, const char *path, int flags, mode_t mode)
{
	char buffer[PATH_MAX];
	const char *whole = whole_path(directory, path, buffer);
	const char *name = name_below(whole);
	bool makes = name != NULL && (flags & O_CREAT) != 0;
	bool is_new = makes && access(whole, F_OK) != 0;
	int fd, failure = 0;

	if (is_new && is_data(name))
		failure = fault_of(CALL_MAKE);
	if (failure != 0) {
		errno = failure;
		return -1;
	}
	if (name != NULL && control->power != 0 && !is_new && (flags & O_TRUNC) != 0) {
		fd = (int)syscall(SYS_openat, AT_FDCWD, whole, O_RDONLY | O_CLOEXEC);
		if (fd != -1) {
			note_overwritten(fd, 0);
			close(fd);
		}
	}
	fd = (int)syscall(SYS_openat, directory, path, flags, mode);
	if (fd != -1 && is_new && control->power != 0) {
		note_change(CHANGE_MADE, name, "", 0);
		note_new(fd);
	}
	return fd;
}

#define OPEN(function, directory, ...)					\
int									\
function(__VA_ARGS__ const char *path, int flags, ...)			\
{									\
	va_list arguments;						\
	mode_t mode = 0;						\
									\
	va_start(arguments, flags);					\
	if ((flags & (O_CREAT | __O_TMPFILE)) != 0)			\
		mode = va_arg(arguments, mode_t);			\
	va_end(arguments);						\
	return open_file(directory, path, flags, mode);			\
}
#define COMMA ,

OPEN(open, AT_FDCWD)
OPEN(open64, AT_FDCWD)
OPEN(openat, directory, int directory COMMA)
OPEN(openat64, directory, int directory COMMA)

static int
rename_file(int from_directory, const char *from, int to_directory, const char *to)
{
	char from_buffer[PATH_MAX], to_buffer[PATH_MAX];
	const char *to_whole = whole_path(to_directory, to, to_buffer);
	const char *name = name_below(whole_path(from_directory, from, from_buffer));
	const char *new_name = name_below(to_whole);
	uint32_t kept = 0;
	int failure = is_data(name) ? fault_of(CALL_RENAME) : 0;

	if (failure != 0) {
		errno = failure;
		return -1;
	}
	if (name != NULL && new_name != NULL && control->power != 0)
		kept = keep(to_whole);
	if (syscall(SYS_renameat2, from_directory, from, to_directory, to, 0) != 0)
		return -1;
	if (name != NULL && new_name != NULL && control->power != 0)
		note_change(CHANGE_RENAMED, name, new_name, kept);
	return 0;
}

int
rename(const char *from, const char *to)
{
	return rename_file(AT_FDCWD, from, AT_FDCWD, to);
}

int
renameat(int from_directory, const char *from, int to_directory, const char *to)
{
	return rename_file(from_directory, from, to_directory, to);
}

static int
unlink_file(int directory, const char *path, int flags)
{
	char buffer[PATH_MAX];
	const char *whole = whole_path(directory, path, buffer);
	const char *name = flags == 0 ? name_below(whole) : NULL;
	uint32_t kept = 0;
	int failure = is_data(name) ? fault_of(CALL_UNLINK) : 0;

	if (failure != 0) {
		errno = failure;
		return -1;
	}
	if (name != NULL && control->power != 0)
		kept = keep(whole);
	if (syscall(SYS_unlinkat, directory, path, flags) != 0)
		return -1;
	if (name != NULL && control->power != 0)
		note_change(CHANGE_REMOVED, name, "", kept);
	return 0;
}

int
unlink(const char *path)
{
	return unlink_file(AT_FDCWD, path, 0);
}

int
unlinkat(int directory, const char *path, int flags)
{
	return unlink_file(directory, path, flags);
}

int
fstatvfs(int fd, struct statvfs *status)
{
	struct statfs real;
	uint64_t free_bytes = control == NULL ? UINT64_MAX : control->free_bytes;

	if (syscall(SYS_fstatfs, fd, &real) != 0)
		return -1;
	*status = (struct statvfs){
		.f_bsize = (unsigned long)real.f_bsize,
		.f_frsize = (unsigned long)real.f_bsize,
		.f_blocks = real.f_blocks,
		.f_bavail = real.f_bavail,
	};
	if (free_bytes != UINT64_MAX)
		*status = (struct statvfs){ .f_bsize = 1, .f_frsize = 1,
			.f_blocks = UINT64_C(1) << 30, .f_bavail = free_bytes };
	return 0;
}

int
fstatvfs64(int fd, struct statvfs64 *status)
{
	return fstatvfs(fd, (struct statvfs *)status);
}
