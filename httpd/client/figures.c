/*
 * figures.c - see figures.h.
 *
 * A watch is counted among the answers of its route when its head goes out, so reads are what is
 * left of them.
 */
#include "httpd/client/figures.h"

#include "common/clock.h"

#include <stdio.h>
#include <string.h>

/* What is looked for on the way through all series. */
struct look {
	struct node_figures *figures;
	uint64_t asked;			/* GET and HEAD of keys, and watches of the first series */
};

static bool
is(struct slice text, const char *word)
{
	return slice_equal(text, slice_text(word));
}

static void
take_requests(struct look *look, const struct metric_seen *seen)
{
	struct node_figures *figures = look->figures;
	struct slice route = metric_label(seen->labels, "route");
	struct slice method = metric_label(seen->labels, "method");
	struct slice code = metric_label(seen->labels, "code");
	bool read = is(method, "GET") || is(method, "HEAD");
	bool keys = is(route, "/v2/keys") || is(route, "/v1/keys");

	if (is(route, "/v1/watch") || (keys && read))
		look->asked += seen->cells[0];
	else if (keys || (slice_starts_with(route, SLICE_LITERAL("/mod/v2/")) && !read))
		figures->writes += seen->cells[0];
	else
		figures->others += seen->cells[0];
	if (code.size == 3 && code.data[0] == '5')
		figures->failed += seen->cells[0];
}

static void
take_histogram(uint64_t cells[METRIC_CELLS_MAX], const struct metric_seen *seen)
{
	for (unsigned i = 0; i < metric_bucket_count(seen->row) + 2; i++)
		cells[i] += seen->cells[i];
}

static struct figures_process *
process_of(struct node_figures *figures, struct slice name)
{
	struct figures_process *process;

	for (size_t i = 0; i < figures->process_count; i++)
		if (is(name, figures->processes[i].name))
			return &figures->processes[i];
	if (figures->process_count == FIGURES_PROCESSES_MAX || name.size >= METRIC_PROCESS_BYTES)
		return NULL;
	process = &figures->processes[figures->process_count++];
	snprintf(process->name, sizeof(process->name), "%.*s", SLICE_ARGS(name));
	return process;
}

static void
take_process(struct node_figures *figures, const struct metric_seen *seen)
{
	struct figures_process *process =
	    process_of(figures, metric_label(seen->labels, "process"));

	if (process == NULL)
		return;
	if (seen->row == METRIC_process_cpu)
		process->cpu_ns += seen->cells[0];
	else
		process->resident += seen->cells[0];
}

static bool
take_labelled(struct look *look, const struct metric_seen *seen)
{
	struct node_figures *figures = look->figures;

	switch (seen->row) {
	case METRIC_http_requests:
		take_requests(look, seen);
		return true;
	case METRIC_http_client_connections:
		if (is(metric_label(seen->labels, "port"), "client"))
			figures->connections += seen->cells[0];
		return true;
	case METRIC_process_cpu:
	case METRIC_process_resident:
		take_process(figures, seen);
		return true;
	case METRIC_read_time:
		take_histogram(figures->read_time, seen);
		return true;
	case METRIC_proposal_time:
		take_histogram(figures->write_time, seen);
		return true;
	case METRIC_wal_fsync:
		take_histogram(figures->sync_time, seen);
		return true;
	default:
		return false;
	}
}

static void
take(void *argument, const struct metric_seen *seen)
{
	struct look *look = argument;
	struct node_figures *figures = look->figures;
	const struct {
		unsigned row;
		uint64_t *sum;
	} plain[] = {
		{ METRIC_watches_begun, &figures->watches },
		{ METRIC_store_keys, &figures->keys },
		{ METRIC_store_index, &figures->store_index },
		{ METRIC_store_watchers, &figures->watchers },
		{ METRIC_proposals_committed, &figures->committed },
		{ METRIC_proposals_applied, &figures->applied },
		{ METRIC_disk_free, &figures->disk_free },
		{ METRIC_db_size, &figures->disk_data },
		{ METRIC_disk_written, &figures->disk_written },
		{ METRIC_disk_stalls, &figures->disk_stalls },
		{ METRIC_v3_size, &figures->v3_size },
		{ METRIC_v3_quota, &figures->v3_quota },
		{ METRIC_v3_alarms, &figures->v3_alarms },
	};

	if (take_labelled(look, seen))
		return;
	for (size_t i = 0; i < ARRAY_COUNT(plain); i++)
		if (plain[i].row == seen->row)
			*plain[i].sum += seen->cells[0];
}

void
figures_take(struct node_figures *figures)
{
	struct look look = { .figures = figures };

	memset(figures, 0, sizeof(*figures));
	metric_look(take, &look);
	figures->reads = look.asked - MIN_OF(look.asked, figures->watches);
}

struct figures_process
figures_process(const struct node_figures *figures, int role, uint32_t number)
{
	char name[METRIC_PROCESS_BYTES];

	metric_process_name(role, number, name);
	for (size_t i = 0; i < figures->process_count; i++)
		if (strcmp(figures->processes[i].name, name) == 0)
			return figures->processes[i];
	return (struct figures_process){ .name = "" };
}

/* ---- JSON ------------------------------------------------------------------------------- */

static uint64_t
count_of(const uint64_t *cells, unsigned row)
{
	uint64_t count = 0;

	for (unsigned i = 0; i <= metric_bucket_count(row); i++)
		count += cells[i];
	return count;
}

static void
put_histogram(struct json_put *json, const char *name, const uint64_t *cells, unsigned row)
{
	unsigned buckets = metric_bucket_count(row);
	uint64_t count = 0;

	json_put_open(json, name, '{');
	json_put_number(json, "count", count_of(cells, row));
	json_put_decimal(json, "sumSeconds", (double)cells[buckets + 1] / (double)NS_PER_SECOND, 9);
	json_put_open(json, "buckets", '[');
	for (unsigned i = 0; i < buckets; i++) {
		count += cells[i];
		json_put_open(json, NULL, '[');
		json_put_decimal(json, NULL,
		    (double)metric_bucket_bound(row, i) / (double)NS_PER_SECOND, 4);
		json_put_number(json, NULL, count);
		json_put_close(json, ']');
	}
	json_put_close(json, ']');
	json_put_close(json, '}');
}

void
figures_put_syncs(struct json_put *json, const char *name, const uint64_t *cells)
{
	put_histogram(json, name, cells, METRIC_wal_fsync);
}

void
figures_put(const struct node_figures *figures, struct json_put *json)
{
	json_put_open(json, "requests", '{');
	json_put_number(json, "read", figures->reads);
	json_put_number(json, "write", figures->writes);
	json_put_number(json, "watch", figures->watches);
	json_put_number(json, "other", figures->others);
	json_put_number(json, "failed", figures->failed);
	json_put_close(json, '}');
	json_put_open(json, "latency", '{');
	put_histogram(json, "read", figures->read_time, METRIC_read_time);
	put_histogram(json, "write", figures->write_time, METRIC_proposal_time);
	figures_put_syncs(json, "sync", figures->sync_time);
	json_put_close(json, '}');
	json_put_open(json, "disk", '{');
	json_put_number(json, "freeBytes", figures->disk_free);
	json_put_number(json, "dataBytes", figures->disk_data);
	json_put_number(json, "writtenBytes", figures->disk_written);
	json_put_number(json, "syncs", count_of(figures->sync_time, METRIC_wal_fsync));
	json_put_close(json, '}');
}
