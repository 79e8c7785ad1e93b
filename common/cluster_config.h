/*
 * cluster_config.h - what all nodes of a cluster agree on: the values of
 * cluster_config_table.h, and their form in the log, on the disk and in messages.
 *
 * Part of the replicated state: it begins with the options of the node that
 * starts the cluster, in the same entry as its first member, and is changed by
 * committed entries only. It is no key and takes no store index.
 *
 * That form is a list of config_item: number and value. A number that no row
 * has is of a newer program; it is kept, so that all nodes have the same state.
 * Pure. Used by raftd, which owns it (struct replica), and by workers.
 *
 * Source: docs/operations.md, "Members"; docs/api.md, /v2/admin/config.
 */
#ifndef MOOTHALL_COMMON_CLUSTER_CONFIG_H
#define MOOTHALL_COMMON_CLUSTER_CONFIG_H

#include "common/buf.h"
#include "common/err.h"
#include "common/limits.h"

enum config_kind { CONFIG_COUNT, CONFIG_MS, CONFIG_BYTES, CONFIG_BOOL };
/* Values of a BOOL: 0 is free for "not given". */
#define CONFIG_NO 1
#define CONFIG_YES 2

/* A row of the table. */
struct config_row {
	const char *name;
	uint16_t number;
	enum config_kind kind;
	uint64_t initial, min, max;
	const char *json;
	size_t offset;			/* of its field in struct cluster_config */
};

enum {
#define CONFIG(name, number, kind, initial, min, max, json, option) CONFIG_ROW_##name,
#include "common/cluster_config_table.h"
	CONFIG_ROWS
};
extern const struct config_row config_rows[CONFIG_ROWS];

struct cluster_config {
#define CONFIG(name, number, kind, initial, min, max, json, option) uint64_t name;
#include "common/cluster_config_table.h"
	struct config_unknown {		/* of a newer program, in order of their numbers */
		uint16_t number;
		uint64_t value;
	} unknown[CONFIG_UNKNOWN_MAX];
	size_t unknown_count;
};

/* The defaults. */
void cluster_config_init(struct cluster_config *config);
/* What a cluster begins with: what is given, and the default where that is 0. */
void cluster_config_begin(struct cluster_config *config, const struct cluster_config *given);
/* The value of a row. */
uint64_t cluster_config_value(const struct cluster_config *config, const struct config_row *row);
/* Set the value of a row; too small or too large becomes the nearest that is allowed. */
void cluster_config_set(struct cluster_config *config, const struct config_row *row,
    uint64_t value);
/*
 * Take a list of config_item, each as cluster_config_set does; of one number
 * that is there twice the last counts. More than CONFIG_UNKNOWN_MAX numbers that
 * no row has: the smallest are kept.
 *
 * ERR_MALFORMED: nothing changed.
 */
enum err cluster_config_take(struct cluster_config *config, struct slice items) MUST_CHECK;
/* Append all values as a list of config_item, in order of their numbers. */
void cluster_config_put(const struct cluster_config *config, struct buf *items);
/* Append one config_item. */
void cluster_config_put_item(struct buf *items, const struct config_row *row, uint64_t value);

#endif
