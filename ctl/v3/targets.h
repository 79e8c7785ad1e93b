/*
 * targets.h - the endpoints of a command that asks each of them, with their names as they were
 * given.
 */
#ifndef MOOTHALL_CTL_V3_TARGETS_H
#define MOOTHALL_CTL_V3_TARGETS_H

#include "ctl/v3/call.h"

struct ctl3_targets {
	char *names[ENDPOINTS_MAX];	/* as --endpoints or the members have them; owned */
	size_t count;
};

/* Those of --endpoints, or with --cluster those of all members. CTL3_DONE, or it was said. */
int ctl3_targets_open(struct ctl3 *v3, struct ctl3_targets *targets) MUST_CHECK;
void ctl3_targets_free(struct ctl3_targets *targets);
/* Ask that one. What is wrong stands in the answer. */
bool ctl3_targets_ask(struct ctl3 *v3, const char *name, const char *path, struct slice body,
    struct ctl3_answer *answer);

#endif
