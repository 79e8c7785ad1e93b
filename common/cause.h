/*
 * cause.h - why a request came to no end, and what became of it; made from cause_table.h, which
 * raftd and the workers share. Pure.
 */
#ifndef MOOTHALL_COMMON_CAUSE_H
#define MOOTHALL_COMMON_CAUSE_H

#include "common/slice.h"

enum cause {
#define CAUSE(tag, fate, text) CAUSE_##tag,
#include "common/cause_table.h"
};

enum fate {
	FATE_UNKNOWN,		/* it may have been done, or may yet be */
	FATE_NOT_DONE,		/* it was not, and will not be: ask another node */
	FATE_BUSY,		/* the same, there was no room for it */
	FATE_DISK_FULL,		/* the same */
	FATE_TOO_LARGE,		/* the same, and will not be if it comes again */
};

/* Static. */
const char *cause_text(enum cause cause);
/* FATE_UNKNOWN of a text that no row has. */
enum fate cause_fate(struct slice text);

#endif
