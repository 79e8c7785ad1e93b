/*
 * console.c - what a person reads at start: few lines, the last one says
 * ready, where, and what to try.
 */
#include "supervisor/supervisor.h"

#include "common/diag.h"
#include "common/program.h"
#include "common/url_list.h"
#include "common/version.h"
#include "common/xmem.h"
#include "supervisor/setup.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define REACH_WAIT_MS 4000	/* before we say whom we wait for, not knowing all */
#define WAITING_STEP_MS 10000	/* between two such sentences */
#define LEVEL_USUAL "info"
#define LEVEL_QUIET "warn"
#define PROCESSES_BESIDE_WORKERS 3	/* supervisor, raftd, peer worker */

/* Of this process and of its children. */
static void
set_level(struct supervisor *supervisor, const char *name)
{
	struct process *process;
	enum diag_level level;

	setup_text(supervisor->config, OPTION_log_level, name);
	if (diag_level_parse(name, &level))
		diag_set_level(level);
	TAILQ_FOREACH(process, &supervisor->processes, link)
		process_configure(process);
}

/*
 * At a terminal the start is a few lines for whoever looks at it; what a log has
 * of the same begins when it is over, and ends with the last line for people.
 * Elsewhere nothing is left out.
 */
static void
begin_quietly(struct supervisor *supervisor)
{
	struct config *config = supervisor->config;

	supervisor->at_terminal = isatty(STDERR_FILENO) == 1 &&
	    supervisor->arguments->source[OPTION_log_level] == OPTION_FROM_DEFAULT &&
	    strcmp(config->log_level, LEVEL_USUAL) == 0;
	if (supervisor->at_terminal)
		set_level(supervisor, LEVEL_QUIET);
}

static void
end_quiet(struct supervisor *supervisor)
{
	/* Unless it was set meanwhile. */
	if (supervisor->at_terminal && strcmp(supervisor->config->log_level, LEVEL_QUIET) == 0)
		set_level(supervisor, LEVEL_USUAL);
}

void
console_stop(struct supervisor *supervisor)
{
	if (supervisor->at_terminal && strcmp(supervisor->config->log_level, LEVEL_USUAL) == 0)
		set_level(supervisor, LEVEL_QUIET);
}

void
console_start(struct supervisor *supervisor)
{
	const struct config *config = supervisor->config;

	diag_say("%s %s (moothall), data in %s (%s), %u processes", program_own(), version_text,
	    supervisor->directory->shown, supervisor->directory->is_new ? "new" : "existing",
	    supervisor->workers + PROCESSES_BESIDE_WORKERS);
	begin_quietly(supervisor);
	/* Scripts of the 0.4 series wait for the next two sentences. */
	diag_info("supervisor", "etcd server [name %s, listen on %s, advertised url %s]",
	    config->name, config->bind_addr, config->client_url);
	diag_info("supervisor", "peer server [name %s, listen on %s, advertised url %s]",
	    config->name, config->peer_bind_addr, config->peer_url);
	diag_say("client %s   peer %s", config->client_url, config->peer_url);
	if (strcmp(config->ui, "off") != 0)
		diag_say("page %.*s/ui/",
		    SLICE_ARGS(url_list_first(slice_text(config->client_url))));
}

char *
console_place(const struct supervisor *supervisor)
{
	const struct node_view *node = &supervisor->node;
	bool is_new = supervisor->directory->is_new && !supervisor->ever_ready &&
	    supervisor->config->peers[0] == '\0';
	size_t members = supervisor_member_count(supervisor);
	struct slice leader = supervisor_member_name(supervisor, node->leader_id);
	char *cluster = members == 1 ? xasprintf("%sone-node cluster", is_new ? "new " : "") :
	    xasprintf("cluster of %zu", members);
	char *text;

	if (node->role == NODE_ROLE_LEADER)
		text = xasprintf("leader of a %s, term %" PRIu64, cluster, node->term);
	else
		text = xasprintf("%s of %.*s in a %s, term %" PRIu64,
		    node->role == NODE_ROLE_LEARNER ? "learner" : "follower", SLICE_ARGS(leader),
		    cluster, node->term);
	free(cluster);
	return text;
}

void
console_ready(struct supervisor *supervisor)
{
	uint64_t took_ms = (clock_monotonic_ns() - supervisor->started_ns) / NS_PER_MS;
	char *place = console_place(supervisor);

	if (supervisor->ever_ready) {
		diag_info("supervisor", "ready again: %s", place);
	} else {
		diag_say("%s", place);
		diag_say("ready in %" PRIu64 " ms - try: "
		    "curl %.*s/v2/keys/message -XPUT -d value=Hello", took_ms,
		    SLICE_ARGS(url_list_first(slice_text(supervisor->config->client_url))));
	}
	supervisor->ever_ready = true;
	end_quiet(supervisor);
	free(place);
}

static const char *
reach_text(uint8_t reach)
{
	switch (reach) {
	case REACH_REFUSED:
		return "refused";
	case REACH_TIMED_OUT:
		return "timed out";
	case REACH_NO_HOST:
		return "has no such host";
	case REACH_WRONG:
		return "answers wrongly";
	default:
		return "not tried yet";
	}
}

/* "1 of 3 members reachable (machine2 refused, machine3 timed out)" */
static char *
reach_sentence(const struct supervisor *supervisor)
{
	struct reader in = reader_of(buf_slice(&supervisor->node.reach));
	struct buf rest = BUF_INIT;
	struct reach_record record;
	size_t up = 1;
	char *text;

	while (!reader_done(&in) && reach_record_get(&in, &record)) {
		struct slice name = supervisor_member_name(supervisor, record.id);

		if (record.reach == REACH_UP)
			up++;
		else
			buf_printf(&rest, "%s%.*s %s", rest.size == 0 ? " (" : ", ",
			    SLICE_ARGS(name), reach_text(record.reach));
	}
	text = xasprintf("%zu of %zu members reachable%.*s%s", up,
	    supervisor_member_count(supervisor), SLICE_ARGS(buf_slice(&rest)),
	    rest.size == 0 ? "" : ")");
	buf_free(&rest);
	return text;
}

/* Each member was tried; or nobody knows, as while the peer worker restarts. */
static bool
reach_known(const struct supervisor *supervisor)
{
	struct reader in = reader_of(buf_slice(&supervisor->node.reach));
	struct reach_record record;
	size_t known = 1;

	while (!reader_done(&in) && reach_record_get(&in, &record))
		known += record.reach == REACH_UNKNOWN ? 0 : 1;
	return known >= supervisor_member_count(supervisor);
}

char *
console_reason(const struct supervisor *supervisor)
{
	char *reach, *text;

	switch (supervisor->node.phase) {
	case PHASE_RECOVERING:
		return NULL;
	case PHASE_JOINING:
		if (supervisor->config->discovery[0] != '\0')
			return xstrdup("waiting to join a cluster through the discovery service");
		/* A node that founds a cluster passes by here too. */
		if (supervisor->config->peers[0] == '\0')
			return supervisor->config->discovery_srv[0] != '\0' ?
			    xstrdup("waiting for a majority of the nodes of -discovery-srv") :
			    supervisor->config->initial_cluster[0] == '\0' ? NULL :
			    xstrdup("waiting for a majority of -initial-cluster");
		return xasprintf("waiting to join a cluster through %s",
		    supervisor->config->peers);
	case PHASE_STANDBY:
		return xstrdup("standing by: asking the cluster for room now and then");
	case PHASE_REMOVED:
		return xstrdup("waiting to join again: this node was removed from its cluster");
	default:
		break;
	}
	if (supervisor->node.leader_id != 0)
		return NULL;
	if (supervisor_member_count(supervisor) < 2)
		return xstrdup("waiting for a leader");
	reach = reach_sentence(supervisor);
	text = xasprintf("waiting for a leader: %s", reach);
	free(reach);
	return text;
}

void
console_waiting(struct supervisor *supervisor)
{
	uint64_t since_ms = (clock_monotonic_ns() - supervisor->started_ns) / NS_PER_MS;
	uint64_t now_ms = loop_now(supervisor->loop).monotonic_ms;
	char *text = console_reason(supervisor);

	if (text == NULL)
		return;
	if (since_ms >= supervisor->config->start_timeout)
		service_ready(supervisor);
	if (supervisor->ever_ready || (!reach_known(supervisor) && since_ms < REACH_WAIT_MS) ||
	    (supervisor->waiting_said != NULL && (strcmp(supervisor->waiting_said, text) == 0 ||
	    now_ms - supervisor->waiting_said_ms < WAITING_STEP_MS))) {
		free(text);
		return;
	}
	free(supervisor->waiting_said);
	supervisor->waiting_said = text;
	supervisor->waiting_said_ms = now_ms;
	diag_say("%s", text);
	end_quiet(supervisor);
}
