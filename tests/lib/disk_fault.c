/*
 * disk_fault.c - see disk_fault.h. The real calls are made as system calls, so
 * it does not matter who else (a sanitizer) took over the names.
 */
/* The inline versions of what is defined here would be in its way. */
#undef _FORTIFY_SOURCE

#include "tests/lib/disk_fault.h"

#include "common/xmem.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define FILES_MAX 256
#define TEMPORARIES_MAX 256
#define GATE_WAIT_S 20
#define HALF (-1)	/* no errno */

struct fault {
	unsigned skip, left;	/* let so many pass, then fail so many */
	int errno_value;
};

struct file {
	char path[PATH_MAX];
	off_t synced;	/* so far it was written, but for zeros at its end */
	off_t size;	/* with them */
};

static struct {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	char directory[PATH_MAX];	/* with a slash at the end; empty: not armed */
	struct fault faults[DISK_CALLS];
	unsigned counts[DISK_CALLS];
	bool short_writes;
	uint64_t free_bytes;		/* as arranged, or UINT64_MAX */
	bool gate_closed;
	char gate_suffix[32];
	unsigned at_gate;
	struct file files[FILES_MAX];
	size_t file_count;
} disk = { .free_bytes = UINT64_MAX, .lock = PTHREAD_MUTEX_INITIALIZER,
    .changed = PTHREAD_COND_INITIALIZER };

/* ---- taken over ------------------------------------------------------------ */

static bool
ends_with(const char *text, const char *suffix)
{
	size_t length = strlen(text), wanted = strlen(suffix);

	return length >= wanted && strcmp(text + length - wanted, suffix) == 0;
}

/* The path of fd if it is below the armed directory. Lock held. */
static bool
path_below(int fd, char path[PATH_MAX])
{
	char link[64];
	ssize_t size;

	if (disk.directory[0] == '\0')
		return false;
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	size = readlink(link, path, PATH_MAX - 1);
	if (size <= 0)
		return false;
	path[size] = '\0';
	return strncmp(path, disk.directory, strlen(disk.directory)) == 0;
}

/* Count the call; errno if it shall fail, HALF, or 0: let it pass. Lock held. */
static int
fault_of(enum disk_call call)
{
	struct fault *fault = &disk.faults[call];

	disk.counts[call]++;
	if (fault->left == 0)
		return 0;
	if (fault->skip > 0) {
		fault->skip--;
		return 0;
	}
	fault->left--;
	return fault->errno_value == 0 ? HALF : fault->errno_value;
}

/* For the calls that go to files: what they shall fail with. */
static int
enter(enum disk_call call, int fd)
{
	char path[PATH_MAX];
	int failure = 0;

	pthread_mutex_lock(&disk.lock);
	if (path_below(fd, path))
		failure = fault_of(call);
	pthread_mutex_unlock(&disk.lock);
	return failure;
}

ssize_t
write(int fd, const void *bytes, size_t size)
{
	int failure = enter(DISK_WRITE, fd);

	if (failure == 0)
		return (ssize_t)syscall(SYS_write, fd, bytes, size);
	if (disk.short_writes && size > 1)
		(void)!syscall(SYS_write, fd, bytes, size / 2);
	errno = failure;
	return -1;
}

ssize_t
pwrite(int fd, const void *bytes, size_t size, off_t offset)
{
	char path[PATH_MAX];
	int failure = 0;

	pthread_mutex_lock(&disk.lock);
	if (path_below(fd, path))
		failure = fault_of(ends_with(path, ".log") ? DISK_AHEAD : DISK_PWRITE);
	pthread_mutex_unlock(&disk.lock);
	if (failure == 0)
		return (ssize_t)syscall(SYS_pwrite64, fd, bytes, size, offset);
	errno = failure;
	return -1;
}

ssize_t
read(int fd, void *bytes, size_t size)
{
	int failure = enter(DISK_READ, fd);

	if (failure == HALF && size > 1)
		size /= 2;
	if (failure == 0 || failure == HALF)
		return (ssize_t)syscall(SYS_read, fd, bytes, size);
	errno = failure;
	return -1;
}

/* Where the zeros begin that are the file's end. */
static off_t
written_of(const char *path, off_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	uint8_t bytes[4096];

	ASSERT(fd != -1);
	while (size > 0) {
		off_t from = size > (off_t)sizeof(bytes) ? size - (off_t)sizeof(bytes) : 0;
		ssize_t got = syscall(SYS_pread64, fd, bytes, (size_t)(size - from), from);

		ASSERT(got == size - from);
		while (got > 0 && bytes[got - 1] == 0)
			got--;
		size = from + got;
		if (got > 0)
			break;
	}
	close(fd);
	return size;
}

/* Everything in the file so far is synced. Lock held. */
static void
note_synced(const char *path, off_t size)
{
	size_t i = 0;

	while (i < disk.file_count && strcmp(disk.files[i].path, path) != 0)
		i++;
	ASSERT(i < FILES_MAX);
	if (i == disk.file_count)
		disk.file_count++;
	snprintf(disk.files[i].path, sizeof(disk.files[i].path), "%s", path);
	disk.files[i].synced = ends_with(path, ".log") ? written_of(path, size) : size;
	disk.files[i].size = size;
}

static int
sync_file(int fd, long number)
{
	char path[PATH_MAX];
	struct stat status = { .st_size = 0 };
	int result = 0, failure = 0;
	bool below;

	pthread_mutex_lock(&disk.lock);
	below = path_below(fd, path);
	if (below) {
		fstat(fd, &status);
		failure = fault_of(S_ISDIR(status.st_mode) ? DISK_SYNC_DIRECTORY : DISK_SYNC);
		while (disk.gate_closed && ends_with(path, disk.gate_suffix)) {
			disk.at_gate++;
			pthread_cond_broadcast(&disk.changed);
			pthread_cond_wait(&disk.changed, &disk.lock);
			disk.at_gate--;
		}
	}
	pthread_mutex_unlock(&disk.lock);
	if (failure == 0)
		result = (int)syscall(number, fd);
	if (failure != 0 || result != 0) {
		errno = failure != 0 ? failure : errno;
		return -1;
	}
	pthread_mutex_lock(&disk.lock);
	if (below && S_ISREG(status.st_mode))
		note_synced(path, status.st_size);
	pthread_mutex_unlock(&disk.lock);
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

int
fstatvfs(int fd, struct statvfs *status)
{
	struct statfs real;
	char path[PATH_MAX + 1];
	uint64_t free_bytes = UINT64_MAX;

	if (syscall(SYS_fstatfs, fd, &real) != 0)
		return -1;
	*status = (struct statvfs){
		.f_frsize = (unsigned long)real.f_bsize,
		.f_blocks = real.f_blocks,
		.f_bavail = real.f_bavail,
	};
	pthread_mutex_lock(&disk.lock);
	if (path_below(fd, path)) {
		free_bytes = disk.free_bytes;
		disk.counts[DISK_LOOK]++;
	}
	pthread_mutex_unlock(&disk.lock);
	if (free_bytes != UINT64_MAX)
		*status = (struct statvfs){ .f_frsize = 1, .f_blocks = UINT64_C(1) << 30,
			.f_bavail = free_bytes };
	return 0;
}

/* ---- arranged by tests ------------------------------------------------------ */

void
disk_fault_arm(const char *directory)
{
	char path[PATH_MAX] = "";

	MUST(directory == NULL || realpath(directory, path) != NULL);
	pthread_mutex_lock(&disk.lock);
	memset(disk.faults, 0, sizeof(disk.faults));
	memset(disk.counts, 0, sizeof(disk.counts));
	disk.short_writes = false;
	disk.free_bytes = UINT64_MAX;
	disk.gate_closed = false;
	disk.file_count = 0;
	disk.directory[0] = '\0';
	if (directory != NULL)
		snprintf(disk.directory, sizeof(disk.directory), "%.*s/", PATH_MAX - 2, path);
	pthread_cond_broadcast(&disk.changed);
	pthread_mutex_unlock(&disk.lock);
}

void
disk_fault_fail(enum disk_call call, unsigned nth, unsigned more, int errno_value)
{
	pthread_mutex_lock(&disk.lock);
	disk.faults[call] = (struct fault){ nth - 1, 1 + more, errno_value };
	pthread_mutex_unlock(&disk.lock);
}

void
disk_fault_short_writes(bool on)
{
	pthread_mutex_lock(&disk.lock);
	disk.short_writes = on;
	pthread_mutex_unlock(&disk.lock);
}

void
disk_fault_space(uint64_t free_bytes)
{
	pthread_mutex_lock(&disk.lock);
	disk.free_bytes = free_bytes;
	pthread_mutex_unlock(&disk.lock);
}

unsigned
disk_fault_count(enum disk_call call)
{
	unsigned count;

	pthread_mutex_lock(&disk.lock);
	count = disk.counts[call];
	pthread_mutex_unlock(&disk.lock);
	return count;
}

void
disk_fault_close_gate(const char *suffix)
{
	pthread_mutex_lock(&disk.lock);
	snprintf(disk.gate_suffix, sizeof(disk.gate_suffix), "%s", suffix);
	disk.gate_closed = true;
	pthread_mutex_unlock(&disk.lock);
}

bool
disk_fault_wait_at_gate(void)
{
	struct timespec limit;
	bool waits;

	clock_gettime(CLOCK_REALTIME, &limit);
	limit.tv_sec += GATE_WAIT_S;
	pthread_mutex_lock(&disk.lock);
	while (disk.at_gate == 0 &&
	    pthread_cond_timedwait(&disk.changed, &disk.lock, &limit) != ETIMEDOUT)
		;
	waits = disk.at_gate > 0;
	pthread_mutex_unlock(&disk.lock);
	return waits;
}

void
disk_fault_open_gate(void)
{
	pthread_mutex_lock(&disk.lock);
	disk.gate_closed = false;
	pthread_cond_broadcast(&disk.changed);
	pthread_mutex_unlock(&disk.lock);
}

/* ---- trees ------------------------------------------------------------------- */

/* nftw has no argument: where it copies from and to. */
static const char *copy_from, *copy_to;
static unsigned copy_keep_per_mille;

/* How much of the file the copy shall have, and how long it shall be. */
static off_t
size_to_copy(const char *path, off_t size, off_t *whole)
{
	off_t synced = 0, written = size;

	*whole = size;
	if (copy_keep_per_mille == 1000)
		return size;
	*whole = 0;
	for (size_t i = 0; i < disk.file_count; i++) {
		if (strcmp(disk.files[i].path, path) == 0) {
			synced = disk.files[i].synced;
			*whole = disk.files[i].size;
		}
	}
	/* Not synced by name: LevelDB renames CURRENT, and leaves LOG unsynced. */
	if (synced == 0 && !ends_with(path, ".log"))
		return *whole = size;
	if (ends_with(path, ".log"))
		written = written_of(path, size);
	size = synced + (written - synced) * (off_t)copy_keep_per_mille / 1000;
	*whole = MAX_OF(*whole, size);
	return size;
}

static void
copy_file(const char *from, const char *to, off_t size, off_t whole)
{
	int in = open(from, O_RDONLY | O_CLOEXEC);
	int out = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	char bytes[65536];

	if (in == -1 && errno == ENOENT)	/* deleted meanwhile */
		size = whole = 0;
	else
		ASSERT(in != -1);
	ASSERT(out != -1);
	while (size > 0) {
		size_t want = MIN_OF(sizeof(bytes), (size_t)size);
		ssize_t got = syscall(SYS_read, in, bytes, want);

		ASSERT(got >= 0);
		if (got == 0)
			break;
		MUST(syscall(SYS_write, out, bytes, got) == got);
		size -= got;
	}
	MUST(ftruncate(out, whole) == 0);
	if (in != -1)
		close(in);
	close(out);
}

static int
copy_one(const char *path, const struct stat *status, int kind, struct FTW *place UNUSED)
{
	char *to = xasprintf("%s%s", copy_to, path + strlen(copy_from));
	off_t size, whole;

	if (kind == FTW_D) {
		MUST(mkdir(to, 0700) == 0 || errno == EEXIST);
	} else if (kind == FTW_F) {
		size = size_to_copy(path, status->st_size, &whole);
		copy_file(path, to, size, whole);
	}
	free(to);
	return 0;
}

static void
copy_tree(const char *from, const char *to, unsigned keep_per_mille)
{
	copy_from = from;
	copy_to = to;
	copy_keep_per_mille = keep_per_mille;
	MUST(nftw(from, copy_one, 16, FTW_PHYS) == 0);
}

void
disk_copy_tree(const char *from, const char *to)
{
	copy_tree(from, to, 1000);
}

void
disk_fault_copy(const char *to, unsigned keep_per_mille)
{
	char from[PATH_MAX];

	pthread_mutex_lock(&disk.lock);
	snprintf(from, sizeof(from), "%s", disk.directory);
	from[strlen(from) - 1] = '\0';
	copy_tree(from, to, keep_per_mille);
	pthread_mutex_unlock(&disk.lock);
}

static char *temporaries[TEMPORARIES_MAX];
static size_t temporary_count;
static pid_t temporary_owner;

static int
remove_one(const char *path, const struct stat *status UNUSED, int kind UNUSED,
    struct FTW *place UNUSED)
{
	return remove(path);
}

static void
remove_temporaries(void)
{
	for (size_t i = 0; i < temporary_count; i++) {
		if (getpid() == temporary_owner)
			nftw(temporaries[i], remove_one, 16, FTW_DEPTH | FTW_PHYS);
		free(temporaries[i]);
	}
	temporary_count = 0;
}

const char *
disk_temporary(void)
{
	const char *parent = getenv("TMPDIR");
	char *path = xasprintf("%s/moothall-XXXXXX", parent == NULL ? "/tmp" : parent);

	if (temporary_count == 0) {
		temporary_owner = getpid();
		atexit(remove_temporaries);
	}
	ASSERT(temporary_count < TEMPORARIES_MAX);
	MUST(mkdtemp(path) != NULL);
	temporaries[temporary_count++] = path;
	return path;
}
