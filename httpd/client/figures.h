/*
 * figures.h - the counters of all processes of the node, as far as /v2/stats/node shows them.
 *
 * Everything is cumulative or of now: whoever asks twice has rates. Never of a key or a client.
 */
#ifndef MOOTHALL_HTTPD_CLIENT_FIGURES_H
#define MOOTHALL_HTTPD_CLIENT_FIGURES_H

#include "common/json_put.h"
#include "common/metric.h"

#define FIGURES_PROCESSES_MAX 140

struct node_figures {
	uint64_t reads, writes, watches, others; /* requests that were answered; */
	uint64_t failed;		/* those among them that it was a server's fault */
	uint64_t keys, store_index, watchers, connections;
	uint64_t committed, applied;	/* log indexes */
	uint64_t disk_free, disk_data, disk_written; /* bytes */
	uint64_t disk_stalls;
	uint64_t v3_size, v3_quota, v3_alarms; /* bytes of the v3 keys; alarms that stand */
	uint64_t read_time[METRIC_CELLS_MAX], write_time[METRIC_CELLS_MAX];
	uint64_t sync_time[METRIC_CELLS_MAX];
	struct figures_process {
		char name[METRIC_PROCESS_BYTES];
		uint64_t cpu_ns, resident;
	} processes[FIGURES_PROCESSES_MAX];
	size_t process_count;
};

void figures_take(struct node_figures *figures);
/* Of that process; all 0 if nobody knows it. */
struct figures_process figures_process(const struct node_figures *figures, int role,
    uint32_t number);
/* A histogram of times, in the cells of METRIC_wal_fsync. */
void figures_put_syncs(struct json_put *json, const char *name, const uint64_t *cells);
/* The members requests, latency and disk of /v2/stats/node. */
void figures_put(const struct node_figures *figures, struct json_put *json);

#endif
