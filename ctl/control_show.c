/*
 * control_show.c - the status of a node (see control_show.h).
 */
#include "ctl/control_show.h"

#include "common/clock.h"

#include <inttypes.h>
#include <time.h>

static void
add_text(struct table *table, const struct json *row, const char *name)
{
	table_add(table, COLOR_NONE, "%.*s", SLICE_ARGS(json_string(row, name)));
}

static void
add_number(struct table *table, const struct json *row, const char *name)
{
	table_add(table, COLOR_NONE, "%" PRIu64, json_u64(row, name));
}

static void
show_members(const struct output *out, const struct json *members)
{
	static const struct table_column columns[] = { { "MEMBER", false, true },
		{ "ROLE", false, false }, { "CLIENT URL", false, false },
		{ "PEER URL", false, false } };
	struct table table;

	table_init(&table, columns, ARRAY_COUNT(columns));
	for (const struct json *i = members == NULL ? NULL : members->first; i != NULL;
	     i = i->next) {
		add_text(&table, i, "name");
		add_text(&table, i, "role");
		add_text(&table, i, "client_url");
		add_text(&table, i, "peer_url");
	}
	if (table.cell_count > 0) {
		output_print(out, "\n");
		table_print(out, &table);
	}
	table_free(&table);
}

/* "2026-11-22T20:52:25Z" to how long ago that was. */
static void
add_age(struct table *table, struct slice since)
{
	struct tm time = { 0 };
	char text[CLOCK_TEXT_BYTES] = "";
	char age[OUTPUT_TEXT_BYTES];
	uint64_t now = clock_now().wall_ns / NS_PER_SECOND;
	uint64_t then;

	memcpy(text, since.data, MIN_OF(since.size, sizeof(text) - 1));
	if (strptime(text, "%Y-%m-%dT%H:%M:%S", &time) == NULL) {
		table_add(table, COLOR_NONE, "-");
		return;
	}
	then = (uint64_t)timegm(&time);
	table_add(table, COLOR_NONE, "%s", output_age(now > then ? now - then : 0, age));
}

static void
show_processes(const struct output *out, const struct json *processes)
{
	static const struct table_column columns[] = { { "PROCESS", false, false },
		{ "STATE", false, false }, { "PID", true, false }, { "AGE", true, false },
		{ "RESTARTS", true, false }, { "CONNECTIONS", true, false },
		{ "MEMORY", true, false } };
	struct table table;

	table_init(&table, columns, ARRAY_COUNT(columns));
	for (const struct json *i = processes == NULL ? NULL : processes->first; i != NULL;
	     i = i->next) {
		bool runs = slice_equal(json_string(i, "state"), SLICE_LITERAL("running"));
		char size[OUTPUT_TEXT_BYTES];

		add_text(&table, i, "name");
		table_add(&table, runs ? COLOR_GOOD : COLOR_BAD, "%.*s",
		    SLICE_ARGS(json_string(i, "state")));
		add_number(&table, i, "pid");
		add_age(&table, json_string(i, "since"));
		add_number(&table, i, "restarts");
		add_number(&table, i, "connections");
		/* Without /proc it is not known. */
		table_add(&table, COLOR_NONE, "%s", json_u64(i, "memory") == 0 ? "-" :
		    output_size(json_u64(i, "memory"), size));
	}
	if (table.cell_count > 0) {
		output_print(out, "\n");
		table_print(out, &table);
	}
	table_free(&table);
}

void
control_show_status(const struct output *out, const struct json *status)
{
	struct slice leader = json_string(status, "leader");

	if (leader.size == 0)
		leader = SLICE_LITERAL("none");
	output_print(out, "%.*s: %.*s, %.*s, term %" PRIu64 ", leader %.*s\n",
	    SLICE_ARGS(json_string(status, "name")), SLICE_ARGS(json_string(status, "state")),
	    SLICE_ARGS(json_string(status, "role")), json_u64(status, "term"),
	    SLICE_ARGS(leader));
	output_print(out, "node %.*s of cluster %.*s\n", SLICE_ARGS(json_string(status, "id")),
	    SLICE_ARGS(json_string(status, "cluster_id")));
	output_print(out, "committed %" PRIu64 ", applied %" PRIu64 ", store index %" PRIu64 "\n",
	    json_u64(status, "commit"), json_u64(status, "applied"),
	    json_u64(status, "store_index"));
	if (json_string(status, "refuses").size > 0)
		output_print(out, "%.*s\n", SLICE_ARGS(json_string(status, "refuses")));
	if (json_string(status, "notice").size > 0)
		output_print(out, "warning: %.*s\n", SLICE_ARGS(json_string(status, "notice")));
	show_members(out, json_member(status, "members"));
	show_processes(out, json_member(status, "processes"));
}
