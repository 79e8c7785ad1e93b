/*
 * precedence.c - see precedence.h.
 *
 * The scheduler of today (EEVDF) lets who runs finish a slice of some milliseconds, whatever
 * its priority, unless who wakes up has asked for slices that are shorter.
 */
#include "common/precedence.h"

#include "common/base.h"

#include <errno.h>
#include <linux/sched.h>
#include <linux/sched/types.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#define SLICE_NS UINT64_C(100000)	/* the shortest that the kernel knows */

void
precedence_take(void)
{
	struct sched_attr attributes = {
		.size = sizeof(attributes),
		.sched_policy = SCHED_NORMAL,
		.sched_flags = SCHED_FLAG_RESET_ON_FORK,
		.sched_runtime = SLICE_NS,
	};
	int nice;

	errno = 0;
	nice = getpriority(PRIO_PROCESS, 0);
	if (errno != 0 || syscall(SYS_sched_getscheduler, 0) != SCHED_NORMAL)
		return;
	attributes.sched_nice = nice;
	(void)syscall(SYS_sched_setattr, 0, &attributes, 0);
}
