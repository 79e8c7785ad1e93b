/*
 * parallel.h - requests side by side, for loads and copies; over libcurl's multi
 * interface. Nothing is repeated here.
 */
#ifndef MOOTHALL_CTL_PARALLEL_H
#define MOOTHALL_CTL_PARALLEL_H

#include "common/limits.h"
#include "ctl/client.h"

struct parallel;

struct parallel_done {
	uint64_t tag;		/* as it was started with */
	bool answered;
	const struct client_answer *answer;	/* borrowed until the next call */
};

/* count requests at a time, 1 to PARALLEL_MAX. The client is borrowed until the end. */
struct parallel *parallel_new(const struct client *client, size_t count);
/* What is under way is dropped. */
void parallel_free(struct parallel **parallel);

bool parallel_is_full(const struct parallel *parallel);
/* To the one that it names, or to one endpoint after the other. Path and body are
 * copied. Asserts that it is not full. */
void parallel_start(struct parallel *parallel, const struct client_request *request,
    uint64_t tag);
/* Waits until one has ended. False: none is under way, or a signal came. */
bool parallel_wait(struct parallel *parallel, struct parallel_done *done);

#endif
