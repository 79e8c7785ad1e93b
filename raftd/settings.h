/*
 * settings.h - options whose texts raftd has to read: the supervisor has looked at them.
 */
#ifndef MOOTHALL_RAFTD_SETTINGS_H
#define MOOTHALL_RAFTD_SETTINGS_H

#include "common/option.h"
#include "raftd/node.h"

/* What a new cluster agrees on, who may change its members, how much of the v3 keys is kept. */
void settings_take(const struct config *config, struct node_config *node_config);

#endif
