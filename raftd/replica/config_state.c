/*
 * config_state.c - see config_state.h.
 */
#include "raftd/replica/config_state.h"

#include "raftd/replica/state.h"

void
config_state_change(struct cluster_config *config, const struct command_config *change)
{
	if (change->active_size != 0)
		cluster_config_set(config, &config_rows[CONFIG_ROW_active_size],
		    change->active_size);
	if (change->remove_delay_ms != 0)
		cluster_config_set(config, &config_rows[CONFIG_ROW_remove_delay_ms],
		    change->remove_delay_ms);
	if (change->sync_interval_ms != 0)
		cluster_config_set(config, &config_rows[CONFIG_ROW_sync_interval_ms],
		    change->sync_interval_ms);
}

void
config_state_save(const struct cluster_config *config, struct buf *effects)
{
	static const uint8_t key[] = { STATE_CONFIG };
	struct buf items = BUF_INIT, value = BUF_INIT;

	cluster_config_put(config, &items);
	config_items_state_put(&value, &(struct config_items_state){
	    .format = STATE_FORMAT_CONFIG_ITEMS, .items = buf_slice(&items) });
	state_effect(effects, slice_of(key, sizeof(key)), buf_slice(&value));
	buf_free(&value);
	buf_free(&items);
}

/* A record of before has three numbers; the rest has its defaults then. */
static enum err
load_old(struct cluster_config *config, struct reader *in)
{
	struct config_state state;

	if (!config_state_get(in, &state) || !reader_done(in))
		return ERR_CORRUPT;
	config_state_change(config, &(struct command_config){
	    .active_size = state.active_size,
	    .remove_delay_ms = state.remove_delay_ms,
	    .sync_interval_ms = state.sync_interval_ms });
	return ERR_NONE;
}

enum err
config_state_load(struct cluster_config *config, struct slice key, struct slice value)
{
	struct reader in = reader_of(value);
	struct config_items_state state;

	if (key.size != 1 || value.size == 0)
		return ERR_CORRUPT;
	cluster_config_init(config);
	if (value.data[0] == STATE_FORMAT)
		return load_old(config, &in);
	if (!config_items_state_get(&in, &state) || !reader_done(&in) ||
	    state.format != STATE_FORMAT_CONFIG_ITEMS ||
	    cluster_config_take(config, state.items) != ERR_NONE)
		return ERR_CORRUPT;
	return ERR_NONE;
}
