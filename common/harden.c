/*
 * harden.c - prctl and setrlimit (see harden.h). Called by the mains, child.c
 * and the supervisor. Failures do no harm that could be repaired here: the
 * calls fail only where the kernel has no such thing. A build with sanitizers may
 * start a thread: the search for leaks, at the end of a process, is made by one.
 */
#include "common/harden.h"

#include "config.h"

#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static void
limit(int resource, rlim_t soft, rlim_t hard)
{
	(void)setrlimit((__rlimit_resource_t)resource,
	    &(struct rlimit){ .rlim_cur = soft, .rlim_max = hard });
}

void
harden_start(int first_foreign)
{
	struct rlimit core;

	umask(077);
	if (first_foreign != -1)
		(void)close_range((unsigned)first_foreign, ~0U, 0);
	(void)prctl(PR_SET_DUMPABLE, 0);
	if (getrlimit(RLIMIT_CORE, &core) == 0)
		limit(RLIMIT_CORE, 0, core.rlim_max);
}

void
harden_core_allow(void)
{
	struct rlimit core;

	(void)prctl(PR_SET_DUMPABLE, 1);
	if (getrlimit(RLIMIT_CORE, &core) == 0)
		limit(RLIMIT_CORE, core.rlim_max, core.rlim_max);
}

void
harden_core_off(void)
{
	limit(RLIMIT_CORE, 0, 0);
}

void
harden_no_new_privileges(void)
{
	(void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
}

void
harden_limits(void)
{
#ifndef WITH_SANITIZERS
	limit(RLIMIT_NPROC, 0, 0);
#endif
	for (int fd = STDOUT_FILENO; fd <= STDERR_FILENO; fd++) {
		struct stat status;

		/* The limit would hold for lines of the log, too. */
		if (fstat(fd, &status) == 0 && S_ISREG(status.st_mode))
			return;
	}
	limit(RLIMIT_FSIZE, 0, 0);
}
