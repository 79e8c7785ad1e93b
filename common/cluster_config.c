/*
 * cluster_config.c - see cluster_config.h.
 */
#include "common/cluster_config.h"

#include "common/ipc/message.h"

#include <stddef.h>
#include <string.h>

const struct config_row config_rows[CONFIG_ROWS] = {
#define CONFIG(name, number, kind, initial, min, max, json, option) \
	{ #name, number, CONFIG_##kind, initial, min, max, json, \
		offsetof(struct cluster_config, name) },
#include "common/cluster_config_table.h"
};

#define CONFIG(name, number, kind, initial, min, max, json, option) \
	_Static_assert((min) > 0 && (min) <= (initial) && (initial) <= (max), \
	    "the default of " #name " is within its bounds, and 0 is free for \"not given\"");
#include "common/cluster_config_table.h"

static uint64_t *
field_of(struct cluster_config *config, const struct config_row *row)
{
	return (uint64_t *)(void *)((char *)config + row->offset);
}

uint64_t
cluster_config_value(const struct cluster_config *config, const struct config_row *row)
{
	return *(const uint64_t *)(const void *)((const char *)config + row->offset);
}

void
cluster_config_set(struct cluster_config *config, const struct config_row *row, uint64_t value)
{
	*field_of(config, row) = MIN_OF(MAX_OF(value, row->min), row->max);
}

void
cluster_config_init(struct cluster_config *config)
{
	*config = (struct cluster_config){ 0 };
	for (size_t i = 0; i < CONFIG_ROWS; i++)
		*field_of(config, &config_rows[i]) = config_rows[i].initial;
}

void
cluster_config_begin(struct cluster_config *config, const struct cluster_config *given)
{
	cluster_config_init(config);
	for (size_t i = 0; i < CONFIG_ROWS; i++) {
		uint64_t value = cluster_config_value(given, &config_rows[i]);

		if (value != 0)
			cluster_config_set(config, &config_rows[i], value);
	}
}

static const struct config_row *
row_of(uint16_t number)
{
	for (size_t i = 0; i < CONFIG_ROWS; i++)
		if (config_rows[i].number == number)
			return &config_rows[i];
	return NULL;
}

static void
keep_unknown(struct cluster_config *config, uint16_t number, uint64_t value)
{
	struct config_unknown *unknown = config->unknown;
	size_t at = 0;

	while (at < config->unknown_count && unknown[at].number < number)
		at++;
	if (at == CONFIG_UNKNOWN_MAX)
		return;
	if (at == config->unknown_count || unknown[at].number != number) {
		size_t moved;

		if (config->unknown_count < CONFIG_UNKNOWN_MAX)
			config->unknown_count++;
		moved = config->unknown_count - 1 - at;
		memmove(&unknown[at + 1], &unknown[at], moved * sizeof(unknown[0]));
	}
	unknown[at] = (struct config_unknown){ .number = number, .value = value };
}

enum err
cluster_config_take(struct cluster_config *config, struct slice items)
{
	struct cluster_config taken = *config;
	struct reader in = reader_of(items);

	while (!reader_done(&in)) {
		const struct config_row *row;
		struct config_item item;

		if (!config_item_get(&in, &item))
			return ERR_MALFORMED;
		row = row_of(item.number);
		if (row != NULL)
			cluster_config_set(&taken, row, item.value);
		else
			keep_unknown(&taken, item.number, item.value);
	}
	*config = taken;
	return ERR_NONE;
}

void
cluster_config_put_item(struct buf *items, const struct config_row *row, uint64_t value)
{
	config_item_put(items, &(struct config_item){ .number = row->number, .value = value });
}

/* Numbers of rows rise along the table, and those of newer programs lie above. */
void
cluster_config_put(const struct cluster_config *config, struct buf *items)
{
	for (size_t i = 0; i < CONFIG_ROWS; i++)
		cluster_config_put_item(items, &config_rows[i],
		    cluster_config_value(config, &config_rows[i]));
	for (size_t i = 0; i < config->unknown_count; i++)
		config_item_put(items, &(struct config_item){
		    .number = config->unknown[i].number, .value = config->unknown[i].value });
}
