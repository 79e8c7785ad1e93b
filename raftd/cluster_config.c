/*
 * cluster_config.c - three numbers, their bounds and their record.
 */
#include "raftd/cluster_config.h"

#include "common/limits.h"
#include "raftd/state.h"

static uint64_t
within(uint64_t value, uint64_t min, uint64_t max)
{
	return MIN_OF(MAX_OF(value, min), max);
}

void
cluster_config_init(struct cluster_config *config)
{
	*config = (struct cluster_config){
		.active_size = ACTIVE_SIZE_DEFAULT,
		.remove_delay_ms = REMOVE_DELAY_MS_DEFAULT,
		.sync_interval_ms = SYNC_INTERVAL_MS_DEFAULT,
	};
}

void
cluster_config_change(struct cluster_config *config, const struct command_config *change)
{
	if (change->active_size != 0)
		config->active_size = within(change->active_size, ACTIVE_SIZE_MIN, VOTERS_MAX);
	if (change->remove_delay_ms != 0)
		config->remove_delay_ms = within(change->remove_delay_ms, REMOVE_DELAY_MS_MIN,
		    CLUSTER_TIME_MS_MAX);
	if (change->sync_interval_ms != 0)
		config->sync_interval_ms = within(change->sync_interval_ms, SYNC_INTERVAL_MS_MIN,
		    CLUSTER_TIME_MS_MAX);
}

void
cluster_config_save(const struct cluster_config *config, struct buf *effects)
{
	static const uint8_t key[] = { STATE_CONFIG };
	struct config_state state = {
		.format = STATE_FORMAT,
		.active_size = config->active_size,
		.remove_delay_ms = config->remove_delay_ms,
		.sync_interval_ms = config->sync_interval_ms,
	};
	struct buf value = BUF_INIT;

	config_state_put(&value, &state);
	state_effect(effects, slice_of(key, sizeof(key)), buf_slice(&value));
	buf_free(&value);
}

enum err
cluster_config_load(struct cluster_config *config, struct slice key, struct slice value)
{
	struct reader in = reader_of(value);
	struct config_state state;

	if (key.size != 1 || !config_state_get(&in, &state) || !reader_done(&in) ||
	    state.format != STATE_FORMAT)
		return ERR_CORRUPT;
	cluster_config_init(config);
	cluster_config_change(config, &(struct command_config){
	    .active_size = state.active_size,
	    .remove_delay_ms = state.remove_delay_ms,
	    .sync_interval_ms = state.sync_interval_ms });
	return ERR_NONE;
}
