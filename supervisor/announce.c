/*
 * announce.c - what a person reads at start: few lines, the last one says
 * ready, where, and what to try. Source: spec ecosystem.md 5.
 */
#include "supervisor/supervisor.h"

#include "common/diag.h"
#include "common/xmem.h"
#include "config.h"

#include <inttypes.h>
#include <stdlib.h>

#define PROCESSES_BESIDE_WORKERS 3	/* supervisor, raftd, peer worker */

void
announce_start(const struct supervisor *supervisor)
{
	const struct config *config = supervisor->config;

	diag_say("etcd %s (%s), data in %s (%s), %u processes", PACKAGE_VERSION, PACKAGE_NAME,
	    supervisor->directory->shown, supervisor->directory->is_new ? "new" : "existing",
	    supervisor->workers + PROCESSES_BESIDE_WORKERS);
	/* Scripts of the 0.4 series wait for the next two sentences. */
	diag_info("supervisor", "etcd server [name %s, listen on %s, advertised url %s]", config->name,
	    config->bind_addr, config->client_url);
	diag_info("supervisor", "peer server [name %s, listen on %s, advertised url %s]", config->name,
	    config->peer_bind_addr, config->peer_url);
	diag_say("client %s   peer %s", config->client_url, config->peer_url);
}

char *
announce_place(const struct supervisor *supervisor)
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
announce_ready(struct supervisor *supervisor)
{
	uint64_t took_ms = (clock_monotonic_ns() - supervisor->started_ns) / NS_PER_MS;
	char *place = announce_place(supervisor);

	if (supervisor->ever_ready) {
		diag_info("supervisor", "ready again: %s", place);
	} else {
		diag_say("%s", place);
		diag_say("ready in %" PRIu64 " ms - try: curl %s/v2/keys/message -XPUT -d value=Hello",
		    took_ms, supervisor->config->client_url);
	}
	supervisor->ever_ready = true;
	free(place);
}

char *
announce_reason(const struct supervisor *supervisor)
{
	switch (supervisor->node.phase) {
	case PHASE_RECOVERING:
		return NULL;
	case PHASE_JOINING:
		if (supervisor->config->discovery[0] != '\0')
			return xstrdup("waiting to join a cluster through the discovery service");
		/* Who founds a cluster passes by here too. */
		return supervisor->config->peers[0] == '\0' ? NULL :
		    xasprintf("waiting to join a cluster through %s", supervisor->config->peers);
	case PHASE_REMOVED:
		return xstrdup("waiting to join again: this node was removed from its cluster");
	default:
		return supervisor->node.leader_id != 0 ? NULL :
		    xasprintf("waiting for a leader of a cluster of %zu",
			supervisor_member_count(supervisor));
	}
}

void
announce_waiting(struct supervisor *supervisor)
{
	uint64_t since_ms = (clock_monotonic_ns() - supervisor->started_ns) / NS_PER_MS;
	char *text = announce_reason(supervisor);

	if (text == NULL)
		return;
	if (since_ms >= supervisor->config->start_timeout)
		service_ready(supervisor);
	if (!supervisor->waiting_said && !supervisor->ever_ready) {
		supervisor->waiting_said = true;
		diag_say("%s", text);
	}
	free(text);
}
