/*
 * problems.h - what is wrong with the node or its cluster, as a list for /v2/stats/node.
 *
 * Of what the worker knows and what it was told: the last status of raftd, the supervisor's view,
 * what the members tell of themselves. Each problem has a sentence with what to do, and the
 * heading of docs/operations.md that has the rest.
 */
#ifndef MOOTHALL_HTTPD_CLIENT_PROBLEMS_H
#define MOOTHALL_HTTPD_CLIENT_PROBLEMS_H

#include "common/condition.h"
#include "common/ipc/message.h"
#include "common/json_put.h"

#define PROBLEM_SILENT_MS 3000		/* a member that has not answered for so long is silent */

struct worker;

struct problem_facts {
	const struct worker *worker;
	const struct msg_view *view;	/* NULL: the supervisor did not answer */
	const struct condition *own;	/* of this node */
	struct slice progress;		/* list of progress_record: of the other members */
	bool stalls;			/* its disk has kept the cluster waiting lately */
	uint64_t v3_size, v3_quota;	/* bytes of the v3 keys; 0: no quota */
	uint64_t v3_alarms;		/* that stand */
	uint64_t now_s;			/* wall */
};

/* The member problems; what is an error first. */
void problems_put(const struct problem_facts *facts, struct json_put *json);

#endif
