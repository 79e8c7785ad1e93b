/*
 * problems.c - see problems.h.
 */
#include "httpd/client/problems.h"

#include "common/clock.h"
#include "common/ipc/wire.h"
#include "httpd/backend.h"
#include "httpd/cluster.h"
#include "httpd/worker.h"

#include <inttypes.h>
#include <stdio.h>

#define DAY_S UINT64_C(86400)
#define CERTIFICATE_DAYS 30		/* as the log warns */
#define CLOCK_APART_NS NS_PER_SECOND	/* so far from another one is told */
#define SENTENCE_BYTES 512

enum problem_kind {
	NO_RAFTD,
	NO_LEADER,
	DISK_FULL,
	QUOTA,
	ALARM,
	FOREIGN,
	CERTIFICATE_OVER,
	RESTARTS,
	MEMBER_AWAY,
	SLOW_DISK,
	CERTIFICATE_ENDS,
	CLOCK,
	PEERS_IGNORED,
	DRAINING,
	NO_SUPERVISOR,
};

static const struct {
	const char *kind;
	bool error;
	const char *runbook;		/* a heading of docs/operations.md */
} rows[] = {
	[NO_RAFTD] = { "raftd", true, "Restarts" },
	[NO_LEADER] = { "no-leader", true, "A majority is lost for good" },
	[DISK_FULL] = { "disk-full", true, "A full disk" },
	[QUOTA] = { "quota", true, "The quota of the v3 keys" },
	[ALARM] = { "alarm", true, "Alarms of v3" },
	[FOREIGN] = { "foreign", true, "A node that makes a second cluster" },
	[CERTIFICATE_OVER] = { "certificate", true, "Certificates" },
	[RESTARTS] = { "restarts", true, "Restarts" },
	[MEMBER_AWAY] = { "member-away", false, "Silent members" },
	[SLOW_DISK] = { "slow-disk", false, "A slow disk" },
	[CERTIFICATE_ENDS] = { "certificate", false, "Certificates" },
	[CLOCK] = { "clock", false, "Clocks" },
	[PEERS_IGNORED] = { "foreign", false, "Peers that are given too late" },
	[DRAINING] = { "draining", false, "Restarts" },
	[NO_SUPERVISOR] = { "supervisor", false, "The processes" },
};

static void
put(struct json_put *json, enum problem_kind problem, struct slice text)
{
	json_put_open(json, NULL, '{');
	json_put_text(json, "kind", slice_text(rows[problem].kind));
	json_put_text(json, "text", text);
	json_put_text(json, "runbook", slice_text(rows[problem].runbook));
	json_put_text(json, "severity", slice_text(rows[problem].error ? "error" : "warning"));
	json_put_close(json, '}');
}

static bool
is_of_disk(struct slice text)
{
	return slice_starts_with(text, SLICE_LITERAL("disk full"));
}

/* ---- what keeps the node from its work ------------------------------------------------- */

static void
put_leader(const struct problem_facts *facts, struct json_put *json)
{
	const struct cluster *cluster = facts->worker->cluster;
	struct slice waiting = facts->view == NULL ? SLICE_EMPTY : facts->view->waiting;
	char text[SENTENCE_BYTES];

	if (cluster->phase != PHASE_MEMBER || cluster->leader_id != 0)
		return;
	snprintf(text, sizeof(text), "There is no leader, so nothing can be written: %.*s. "
	    "Start the members that are down.", (int)MIN_OF(waiting.size, (size_t)384),
	    waiting.size == 0 ? "" : (const char *)waiting.data);
	put(json, NO_LEADER, waiting.size > 0 ? slice_text(text) : SLICE_LITERAL(
	    "There is no leader, so nothing can be written. Start the members that are down."));
}

static void
put_alarms(const struct problem_facts *facts, struct json_put *json)
{
	char text[SENTENCE_BYTES];

	if (facts->v3_quota != 0 && facts->v3_size > facts->v3_quota) {
		snprintf(text, sizeof(text), "The v3 keys and their history take %" PRIu64
		    " bytes, more than the quota of %" PRIu64 ": nothing is added to them. Compact "
		    "them, delete some, or give all nodes a larger -quota-backend-bytes.",
		    facts->v3_size, facts->v3_quota);
		put(json, QUOTA, slice_text(text));
	} else if (facts->v3_alarms > 0) {
		put(json, ALARM, SLICE_LITERAL("An alarm of v3 stands, so writes of v3 are "
		    "refused: 'etcdctl alarm list' shows it, 'alarm disarm' takes it back."));
	}
}

static void
put_errors(const struct problem_facts *facts, struct json_put *json)
{
	const struct worker *worker = facts->worker;
	struct slice refuses = slice_text(worker->cluster->refuses);
	struct slice notice = facts->view == NULL ? SLICE_EMPTY : facts->view->notice;

	if (!backend_connected(worker->backend) || worker->cluster->phase == PHASE_RECOVERING)
		put(json, NO_RAFTD, SLICE_LITERAL("raftd, which has the data, is not there: it is "
		    "started again by itself; see the log if that takes long."));
	else if (backend_is_silent(worker->backend))
		put(json, NO_RAFTD, SLICE_LITERAL("raftd, which has the data, gives no sign of "
		    "life: it is replaced by itself; see the log if that takes long."));
	else
		put_leader(facts, json);
	if (refuses.size > 0)
		put(json, is_of_disk(refuses) ? DISK_FULL : FOREIGN, refuses);
	else if (is_of_disk(notice))
		put(json, DISK_FULL, notice);
	put_alarms(facts, json);
}

/* ---- what will, or could --------------------------------------------------------------- */

static void
put_certificate(const struct problem_facts *facts, struct json_put *json, const char *port,
    uint64_t ends_s)
{
	uint64_t left = ends_s > facts->now_s ? (ends_s - facts->now_s) / DAY_S : 0;
	char text[SENTENCE_BYTES];

	if (ends_s == 0 || left >= CERTIFICATE_DAYS)
		return;
	if (ends_s <= facts->now_s)
		snprintf(text, sizeof(text), "The certificate of the %s port has expired: replace "
		    "its file, then etcdctl control reload.", port);
	else
		snprintf(text, sizeof(text), "The certificate of the %s port ends in %" PRIu64
		    " days: replace its file, then etcdctl control reload.", port, left);
	put(json, ends_s <= facts->now_s ? CERTIFICATE_OVER : CERTIFICATE_ENDS, slice_text(text));
}

static void
put_processes(const struct problem_facts *facts, struct json_put *json)
{
	struct reader in = reader_of(facts->view->processes);
	struct process_record process;
	char text[SENTENCE_BYTES];

	while (!reader_done(&in) && process_record_get(&in, &process)) {
		if ((process.flags & PROCESS_FLAG_HASTY) == 0)
			continue;
		snprintf(text, sizeof(text), "%.*s ends again and again: the log says why.",
		    (int)MIN_OF(process.name.size, (size_t)24),
		    (const char *)process.name.data);
		put(json, RESTARTS, slice_text(text));
	}
}

static const char *
reach_text(uint8_t reach)
{
	switch (reach) {
	case REACH_REFUSED:
		return "refuses connections";
	case REACH_TIMED_OUT:
		return "does not answer";
	case REACH_NO_HOST:
		return "has a host name that is not known";
	default:
		return "answers wrongly";
	}
}

/* REACH_UP, if the supervisor did not say. */
static int
reach_of(const struct msg_view *view, uint64_t id)
{
	struct reader in = reader_of(view == NULL ? SLICE_EMPTY : view->reach);
	struct reach_record record;

	while (!reader_done(&in) && reach_record_get(&in, &record))
		if (record.id == id)
			return record.reach;
	return REACH_UP;
}

static void
put_reach(const struct problem_facts *facts, struct json_put *json)
{
	struct reader in = reader_of(facts->view->reach);
	struct reach_record record;
	char text[SENTENCE_BYTES];

	while (!reader_done(&in) && reach_record_get(&in, &record)) {
		const struct cluster_member *member =
		    cluster_member(facts->worker->cluster, record.id);

		if (member == NULL || record.reach == REACH_UP || record.reach == REACH_UNKNOWN)
			continue;
		/* Without a leader nobody can be removed. */
		snprintf(text, sizeof(text), "%.255s %s: start it%s.", member->name,
		    reach_text(record.reach), facts->worker->cluster->leader_id == 0 ? "" :
		    ", or remove it if it does not come back");
		put(json, MEMBER_AWAY, slice_text(text));
	}
}

/* Connected, and yet it says nothing. */
static void
put_silent(const struct problem_facts *facts, const struct cluster_member *member,
    const struct progress_record *record, struct json_put *json)
{
	char text[SENTENCE_BYTES];

	if (record->owes_ms < PROBLEM_SILENT_MS || reach_of(facts->view, record->id) != REACH_UP)
		return;
	snprintf(text, sizeof(text), "%.255s is connected, and has not answered for %" PRIu64
	    " s: it hangs or was stopped; look at that machine, and start the node again if it "
	    "stays so.", member->name, record->owes_ms / 1000);
	put(json, MEMBER_AWAY, slice_text(text));
}

static void
put_clock(const struct cluster_member *member, const struct progress_record *record,
    struct json_put *json)
{
	uint64_t apart_ns = MAX_OF(record->ahead_ns, record->behind_ns);
	char text[SENTENCE_BYTES];

	if (apart_ns < CLOCK_APART_NS)
		return;
	snprintf(text, sizeof(text), "The clock of %.255s is %.1f s %s that of this node: "
	    "set both by NTP.", member->name, (double)apart_ns / (double)NS_PER_SECOND,
	    record->ahead_ns > 0 ? "before" : "behind");
	put(json, CLOCK, slice_text(text));
}

/* What the others tell of themselves, or do not. */
static void
put_told(const struct problem_facts *facts, struct json_put *json)
{
	struct reader in = reader_of(facts->progress);
	struct progress_record record;

	while (!reader_done(&in) && progress_record_get(&in, &record)) {
		const struct cluster_member *member =
		    cluster_member(facts->worker->cluster, record.id);

		if (member == NULL)
			continue;
		put_silent(facts, member, &record, json);
		put_clock(member, &record, json);
	}
}

static void
put_warnings(const struct problem_facts *facts, struct json_put *json)
{
	struct slice notice = facts->view == NULL ? SLICE_EMPTY : facts->view->notice;

	if (facts->view == NULL)
		put(json, NO_SUPERVISOR, SLICE_LITERAL(
		    "The supervisor did not answer in time: what it knows is missing here."));
	else
		put_reach(facts, json);
	if (facts->stalls)
		put(json, SLOW_DISK, SLICE_LITERAL("The disk of this node kept the cluster waiting "
		    "within the last minute: see what else writes to it."));
	put_told(facts, json);
	if (notice.size > 0 && !is_of_disk(notice))
		put(json, PEERS_IGNORED, notice);
	if (facts->worker->out_of_rotation)
		put(json, DRAINING, SLICE_LITERAL("This node is out of rotation: "
		    "etcdctl control undrain takes that back."));
}

void
problems_put(const struct problem_facts *facts, struct json_put *json)
{
	json_put_open(json, "problems", '[');
	put_errors(facts, json);
	if (facts->view != NULL)
		put_processes(facts, json);
	for (size_t i = 0; i < facts->own->certificate_count; i++)
		put_certificate(facts, json, facts->own->certificates[i].port,
		    facts->own->certificates[i].ends_s);
	put_warnings(facts, json);
	json_put_close(json, ']');
}
