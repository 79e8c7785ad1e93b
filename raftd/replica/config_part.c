/*
 * config_part.c - the cluster's configuration as a part of the applied state. What of it is
 * the store's to obey is handed on at once.
 */
#include "raftd/replica/part.h"

#include "common/crc32c.h"
#include "raftd/replica/replica.h"
#include "raftd/replica/state.h"
#include "raftd/replica/store/history.h"

/* effects NULL: while loading. */
static void
configure_store(struct replica *replica, struct buf *effects)
{
	store_limit_history(replica->store, &(struct history_limits){
	    .events = replica->config.history_events,
	    .bytes = replica->config.history_bytes }, effects);
	store_set_limits(replica->store, &(struct key_limits){
	    .names = replica->config.max_key_names, .bytes = replica->config.max_key_bytes });
}

static void *
create(struct replica *replica, uint64_t seed UNUSED)
{
	cluster_config_init(&replica->config);
	configure_store(replica, NULL);
	return replica;
}

void
apply_config_changed(struct applying *a)
{
	configure_store(a->replica, a->effects);
	config_state_save(&a->replica->config, a->effects);
	a->facts->config_changed = true;
}

static struct store_outcome
apply_config(struct applying *a, struct reader *body)
{
	struct command_config_items change;

	if (!command_config_items_get(body, &change) || !reader_done(body) ||
	    cluster_config_take(&a->replica->config, change.items) != ERR_NONE)
		return apply_malformed(a);
	apply_config_changed(a);
	return apply_outcome(a, ERR_NONE, NULL);
}

/* In logs begun before there were items: three numbers. */
static struct store_outcome
apply_old_config(struct applying *a, struct reader *body)
{
	struct command_config old;

	if (!command_config_get(body, &old) || !reader_done(body))
		return apply_malformed(a);
	config_state_change(&a->replica->config, &old);
	apply_config_changed(a);
	return apply_outcome(a, ERR_NONE, NULL);
}

static enum err
load(void *state, struct slice key, struct slice value)
{
	struct replica *replica = state;
	enum err err = config_state_load(&replica->config, key, value);

	configure_store(replica, NULL);
	return err;
}

static uint32_t
hash(const void *state)
{
	const struct replica *replica = state;

	return crc32c(0, slice_of(&replica->config, sizeof(replica->config)));
}

static const char prefixes[] = { STATE_CONFIG, '\0' };

static const struct part_command commands[] = {
	{ COMMAND_CONFIG, apply_old_config, NULL },
	{ COMMAND_CONFIG_ITEMS, apply_config, NULL },
	{ 0, NULL, NULL },
};

const struct replica_part config_part = {
	.name = "config",
	.prefixes = prefixes,
	.old_prefixes = "",
	.once_prefixes = "",
	.commands = commands,
	.create = create,
	.load = load,
	.hash = hash,
};
