/*
 * cluster_config_table.h - what all nodes of a cluster agree on, a row each:
 *	CONFIG(name, number, kind, default, min, max, JSON name, option)
 *
 * number	in the log, in the applied state and in messages, so never reused
 * kind		COUNT, MS (seconds in JSON), BYTES, BOOL (CONFIG_NO, CONFIG_YES)
 * default	of a cluster whose log does not say it: one that was begun before the
 *		row was there. Never changed for a row, since what is applied follows
 *		from the log alone; a new cluster writes all values down
 * min, max	what is applied is brought within them
 * option	of the node that begins the cluster (common/option_table.h)
 *
 * No guard: included many times; undefines its macro at the end.
 */
CONFIG(active_size, 1, COUNT, ACTIVE_SIZE_DEFAULT, ACTIVE_SIZE_MIN, VOTERS_MAX,
    "activeSize", cluster_active_size)
CONFIG(remove_delay_ms, 2, MS, REMOVE_DELAY_MS_DEFAULT, REMOVE_DELAY_MS_MIN, CLUSTER_TIME_MS_MAX,
    "removeDelay", cluster_remove_delay)
CONFIG(sync_interval_ms, 3, MS, SYNC_INTERVAL_MS_DEFAULT, SYNC_INTERVAL_MS_MIN, CLUSTER_TIME_MS_MAX,
    "syncInterval", cluster_sync_interval)
CONFIG(max_key_names, 4, COUNT, KEY_NAMES_DEFAULT, KEY_NAMES_MIN, KEY_NAMES_MAX,
    "maxKeyNames", max_key_names)
CONFIG(max_key_bytes, 5, BYTES, KEY_BYTES_DEFAULT, KEY_BYTES_MIN, KEY_BYTES_MAX,
    "maxKeyBytes", max_key_bytes)
CONFIG(history_bytes, 6, BYTES, HISTORY_BYTES_DEFAULT, HISTORY_BYTES_MIN, HISTORY_BYTES_MAX,
    "historyBytes", history_bytes)
CONFIG(history_events, 7, COUNT, HISTORY_EVENTS_DEFAULT, HISTORY_EVENTS_MIN, HISTORY_EVENTS_MAX,
    "historyEvents", history_events)
CONFIG(strict_members, 8, BOOL, CONFIG_NO, CONFIG_NO, CONFIG_YES,
    "strictMembers", strict_members)
#undef CONFIG
