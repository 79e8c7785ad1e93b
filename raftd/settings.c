/*
 * settings.c - see settings.h. Called by main.c.
 */
#include "raftd/settings.h"

#include "common/metric.h"
#include "common/retain.h"

#include <string.h>

void
settings_take(const struct config *config, struct node_config *node_config)
{
	struct retention retention;
	bool mode_is_wrong;

	initial_cluster_options(config, &node_config->cluster);
	MUST(retain_quota_parse(config->quota_backend_bytes, &node_config->v3_quota_bytes) == NULL);
	MUST(retain_history_parse(config->auto_compaction_mode, config->auto_compaction_retention,
	    &retention, &mode_is_wrong) == NULL);
	node_config->v3_compact_ms = retention.ms;
	node_config->v3_compact_revisions = retention.revisions;
	node_config->members_fixed = strcmp(config->member_changes, "off") == 0;
	metric_set(METRIC_v3_quota, node_config->v3_quota_bytes);
}
