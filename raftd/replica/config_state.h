/*
 * config_state.h - the configuration of the cluster as commands and as a record
 * of the applied state, in the forms of today and of before.
 *
 * Pure; called by config_part.c and members_part.c. The values themselves are those of
 * common/cluster_config.h.
 */
#ifndef MOOTHALL_RAFTD_REPLICA_CONFIG_STATE_H
#define MOOTHALL_RAFTD_REPLICA_CONFIG_STATE_H

#include "common/cluster_config.h"
#include "raftd/command.h"

/* Take what is not 0 of a command of before. */
void config_state_change(struct cluster_config *config, const struct command_config *change);
/* Append its state record. */
void config_state_save(const struct cluster_config *config, struct buf *effects);
/* Take a state record of STATE_CONFIG. */
enum err config_state_load(struct cluster_config *config, struct slice key,
    struct slice value) MUST_CHECK;

#endif
