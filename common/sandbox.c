/*
 * sandbox.c - Landlock, and what is common to both mechanisms (see sandbox.h).
 *
 * The C library has no functions for Landlock, and its header may be older than
 * the kernel: the three calls and the attribute are written out here.
 */
#include "common/sandbox.h"

#include "common/diag.h"
#include "common/sandbox_calls.h"
#include "common/xmem.h"
#include "config.h"

#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
#ifndef WITHOUT_LANDLOCK
#include <linux/landlock.h>
#endif

bool
sandbox_mode_parse(const char *text, enum sandbox_mode *mode)
{
	static const char *const names[] = { [SANDBOX_OFF] = "off", [SANDBOX_BEST] = "best",
		[SANDBOX_ON] = "on" };

	for (size_t i = 0; i < ARRAY_COUNT(names); i++) {
		if (strcmp(text, names[i]) == 0) {
			*mode = (enum sandbox_mode)i;
			return true;
		}
	}
	return false;
}

void
sandbox_prepare(void)
{
	void *frames[1];

	/* The first backtrace loads a library, the first date the time zone. */
	(void)backtrace(frames, 1);
	tzset();
}

#ifndef WITHOUT_LANDLOCK

/* Bits that come after those of the oldest header we build with. */
#define FS_REFER (UINT64_C(1) << 13)		/* ABI 2 */
#define FS_TRUNCATE (UINT64_C(1) << 14)		/* ABI 3 */
#define FS_IOCTL_DEVICE (UINT64_C(1) << 15)	/* ABI 5 */
#define NET_BIND_TCP (UINT64_C(1) << 0)		/* ABI 4 */
#define NET_CONNECT_TCP (UINT64_C(1) << 1)
#define SCOPE_ABSTRACT_SOCKET (UINT64_C(1) << 0) /* ABI 6 */
#define SCOPE_SIGNAL (UINT64_C(1) << 1)

#define FS_READ (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
#define FS_WRITE (LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_MAKE_REG | \
	LANDLOCK_ACCESS_FS_REMOVE_FILE | FS_TRUNCATE)
#define FS_STRANGE (LANDLOCK_ACCESS_FS_MAKE_CHAR | LANDLOCK_ACCESS_FS_MAKE_BLOCK | \
	LANDLOCK_ACCESS_FS_MAKE_SYM)
#define FS_ALL ((UINT64_C(1) << 16) - 1)
/* What a rule on a file, not on a directory, may name. */
#define FS_OF_FILE (LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_WRITE_FILE | \
	LANDLOCK_ACCESS_FS_READ_FILE | FS_TRUNCATE | FS_IOCTL_DEVICE)

/* struct landlock_ruleset_attr of ABI 6; older kernels take its beginning. */
struct ruleset {
	uint64_t files;
	uint64_t net;
	uint64_t scope;
};

/* Which Landlock; 0: none. */
static long
landlock_abi(void)
{
	long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);

	return abi < 1 ? 0 : abi;
}

static const char *
files_missing(void)
{
	return landlock_abi() == 0 ? "Landlock (not in this kernel)" : NULL;
}

static uint64_t
rights_of(unsigned rights)
{
	uint64_t bits = 0;

	if ((rights & SANDBOX_READ) != 0)
		bits |= FS_READ;
	if ((rights & SANDBOX_WRITE) != 0)
		bits |= FS_WRITE;
	if ((rights & SANDBOX_MAKE_DIRECTORY) != 0)
		bits |= LANDLOCK_ACCESS_FS_MAKE_DIR;
	if ((rights & SANDBOX_RUN) != 0)
		bits |= LANDLOCK_ACCESS_FS_EXECUTE;
	return bits;
}

/* All that this kernel can restrict of what files does not keep. */
static struct ruleset
choose_ruleset(const struct sandbox_files *files, long abi)
{
	struct ruleset ruleset = { .files = FS_ALL };

	if (files->run_only)
		ruleset.files = LANDLOCK_ACCESS_FS_EXECUTE | FS_STRANGE;
	if (abi < 2)
		ruleset.files &= ~FS_REFER;
	if (abi < 3)
		ruleset.files &= ~FS_TRUNCATE;
	if (abi < 5)
		ruleset.files &= ~FS_IOCTL_DEVICE;
	if (abi >= 4)
		ruleset.net = NET_BIND_TCP | (files->keep_connect ? 0 : NET_CONNECT_TCP);
	if (abi >= 6)
		ruleset.scope = SCOPE_SIGNAL | (files->keep_abstract ? 0 : SCOPE_ABSTRACT_SOCKET);
	return ruleset;
}

static enum err
add_place(int ruleset_fd, const struct sandbox_place *place, uint64_t handled)
{
	struct landlock_path_beneath_attr rule = { .allowed_access = rights_of(place->rights) };
	int fd = open(place->path, O_PATH | O_CLOEXEC);
	enum err err = ERR_NONE;
	struct stat status;

	if (fd == -1)
		return errno == ENOENT ? ERR_NONE : err_from_errno(errno);
	rule.parent_fd = fd;
	if (fstat(fd, &status) == 0 && !S_ISDIR(status.st_mode))
		rule.allowed_access &= FS_OF_FILE;
	rule.allowed_access &= handled;
	if (rule.allowed_access != 0 && syscall(SYS_landlock_add_rule, ruleset_fd,
	    LANDLOCK_RULE_PATH_BENEATH, &rule, 0) == -1)
		err = err_from_errno(errno);
	close(fd);
	return err;
}

static enum err
restrict_files(const struct sandbox_files *files, long abi)
{
	struct ruleset ruleset = choose_ruleset(files, abi);
	size_t size = abi >= 6 ? sizeof(ruleset) : abi >= 4 ? 2 * sizeof(uint64_t) :
	    sizeof(uint64_t);
	int fd = (int)syscall(SYS_landlock_create_ruleset, &ruleset, size, 0);
	enum err err = ERR_NONE;

	if (fd == -1)
		return err_from_errno(errno);
	for (size_t i = 0; err == ERR_NONE && i < files->count; i++)
		err = add_place(fd, &files->places[i], ruleset.files);
	if (err == ERR_NONE && syscall(SYS_landlock_restrict_self, fd, 0) == -1)
		err = err_from_errno(errno);
	close(fd);
	return err;
}
#else

static long
landlock_abi(void)
{
	return 0;
}

static const char *
files_missing(void)
{
	return "Landlock (not in this build)";
}

static enum err
restrict_files(const struct sandbox_files *files, long abi)
{
	(void)files;
	(void)abi;
	return ERR_UNSUPPORTED;
}

#endif

char *
sandbox_missing(void)
{
	const char *calls = sandbox_calls_missing();
	const char *files = files_missing();

	if (calls == NULL && files == NULL)
		return NULL;
	return xasprintf("%s%s%s", calls == NULL ? "" : calls,
	    calls != NULL && files != NULL ? ", " : "", files == NULL ? "" : files);
}

enum err
sandbox_files(enum sandbox_mode mode, const struct sandbox_files *files)
{
	long abi = mode == SANDBOX_OFF ? 0 : landlock_abi();
	enum err err;

	/* That it is missing is said once, by the supervisor. */
	if (abi == 0)
		return mode == SANDBOX_ON ? ERR_UNSUPPORTED : ERR_NONE;
	err = restrict_files(files, abi);
	if (err == ERR_NONE || mode == SANDBOX_ON)
		return err;
	diag_warn("sandbox", "cannot restrict files: error=%s", err_text(err));
	return ERR_NONE;
}
