/*
 * cluster_config.h - what all nodes of a cluster agree on about its size.
 *
 * Part of the replicated state: it begins with the options of the node that
 * starts the cluster, in the same entry as its first member, and is changed by
 * committed entries only. It is no key and takes no store index. Pure; owned by
 * node.c as part of struct replica.
 *
 * Source: docs/operations.md, "Members"; docs/api.md, /v2/admin/config.
 */
#ifndef MOOTHALL_RAFTD_CLUSTER_CONFIG_H
#define MOOTHALL_RAFTD_CLUSTER_CONFIG_H

#include "common/buf.h"
#include "common/err.h"
#include "raftd/store/command.h"

struct cluster_config {
	uint64_t active_size;		/* members that may join */
	uint64_t remove_delay_ms;
	uint64_t sync_interval_ms;
};

/* What a cluster has that never said anything else. */
void cluster_config_init(struct cluster_config *config);
/* Take what is not 0; too small or too large becomes the nearest that is allowed. */
void cluster_config_change(struct cluster_config *config, const struct command_config *change);
/* Append its state record. */
void cluster_config_save(const struct cluster_config *config, struct buf *effects);
/* Take a state record of STATE_CONFIG. */
enum err cluster_config_load(struct cluster_config *config, struct slice key,
    struct slice value) MUST_CHECK;

#endif
