/*
 * endpoint.c - endpoint health, status, hashkv; defrag: each endpoint by itself.
 */
#include "common/clock.h"
#include "common/xmem.h"
#include "ctl/v3/message.h"
#include "ctl/v3/show.h"
#include "ctl/v3/targets.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/* {"Endpoint":...,"Status":{...}} of each that answered, as one array. */
struct ctl3_listing {
	struct ctl3 *v3;
	struct ctl3_targets targets;
	struct buf text;
	struct json_put json;
	struct ctl3_table table;
	int code;
};

static int
begin(struct ctl3_listing *listing, struct ctl3 *v3, const char *const *titles, size_t columns)
{
	*listing = (struct ctl3_listing){ .v3 = v3 };
	listing->json = json_put_into(&listing->text);
	listing->table = (struct ctl3_table){ .titles = titles, .columns = columns };
	listing->code = ctl3_targets_open(v3, &listing->targets);
	json_put_open(&listing->json, NULL, '[');
	return listing->code;
}

/* The endings of the forms that are not printed line by line. */
static int
end(struct ctl3_listing *listing, bool print)
{
	json_put_close(&listing->json, ']');
	if (print && listing->v3->format == CTL3_JSON)
		output_json_line(&listing->v3->out, &listing->json);
	if (print && listing->v3->format == CTL3_TABLE)
		ctl3_table_show(listing->v3, &listing->table);
	ctl3_targets_free(&listing->targets);
	buf_free(&listing->text);
	return listing->code;
}

/* ---- health -------------------------------------------------------------------- */

static const char *const health_titles[] = { "ENDPOINT", "HEALTH", "TOOK", "ERROR" };

static void
show_health(struct ctl3_listing *listing, const char *name, bool healthy, const char *took,
    const char *problem)
{
	struct ctl3 *v3 = listing->v3;

	switch (v3->format) {
	case CTL3_SIMPLE:
		if (healthy)
			output_say("%s is healthy: successfully committed proposal: took = %s\n",
			    name, took);
		else
			output_say("%s is unhealthy: failed to commit proposal: %s\n", name,
			    problem);
		return;
	case CTL3_FIELDS:
		ctl3_field_text(v3, "Endpoint", slice_text(name));
		ctl3_field_bool(v3, "Health", healthy);
		output_print(&v3->out, "\"Took\" : %s\n\"Error\" : %s\n\n", took, problem);
		return;
	case CTL3_JSON:
		json_put_open(&listing->json, NULL, '{');
		json_put_text(&listing->json, "endpoint", slice_text(name));
		json_put_bool(&listing->json, "health", healthy);
		json_put_text(&listing->json, "took", slice_text(took));
		if (!healthy)
			json_put_text(&listing->json, "error", slice_text(problem));
		json_put_close(&listing->json, '}');
		return;
	case CTL3_TABLE:
		ctl3_table_add(&listing->table, "%s", name);
		ctl3_table_add(&listing->table, "%s", healthy ? "true" : "false");
		ctl3_table_add(&listing->table, "%s", took);
		ctl3_table_add(&listing->table, "%s", problem);
		return;
	}
}

/* A read that a majority confirms; that it is not allowed shows that it was. */
static bool
is_healthy(struct ctl3 *v3, const char *name, struct ctl3_answer *answer)
{
	if (ctl3_targets_ask(v3, name, "/v3/kv/range", SLICE_LITERAL("{\"key\":\"aGVhbHRo\"}"),
	    answer))
		return true;
	return strcmp(answer->problem, "etcdserver: permission denied") == 0;
}

int
ctl3_endpoint_health(struct ctl3 *v3)
{
	struct ctl3_listing listing;
	bool all = true;

	if (begin(&listing, v3, health_titles, ARRAY_COUNT(health_titles)) != CTL3_DONE)
		return end(&listing, false);
	for (size_t i = 0; i < listing.targets.count; i++) {
		const char *name = listing.targets.names[i];
		uint64_t begun_ns = clock_monotonic_ns();
		struct ctl3_answer answer = { 0 };
		struct buf took = BUF_INIT;
		bool healthy = is_healthy(v3, name, &answer);

		ctl3_duration(&took, clock_monotonic_ns() - begun_ns);
		buf_append_byte(&took, '\0');
		show_health(&listing, name, healthy, (const char *)took.data,
		    healthy ? "" : answer.problem);
		all = all && healthy;
		buf_free(&took);
		ctl3_answer_free(&answer);
	}
	end(&listing, true);
	return all ? CTL3_DONE : output_error(CTL3_ERROR, "unhealthy cluster");
}

/* ---- status -------------------------------------------------------------------- */

static const char *const status_titles[] = { "ENDPOINT", "ID", "VERSION", "DB SIZE", "IS LEADER",
	"IS LEARNER", "RAFT TERM", "RAFT INDEX", "RAFT APPLIED INDEX", "ERRORS" };

/* The texts of the columns, in their order. */
static void
status_cells(struct ctl3_table *cells, const char *name, const struct json *status)
{
	uint64_t id = ctl3_message_u64(json_member(status, "header"), "member_id");
	struct buf size = BUF_INIT, errors = BUF_INIT;

	ctl3_size(&size, ctl3_message_u64(status, "dbSize"));
	for (const struct json *error = ctl3_message_first(status, "errors"); error != NULL;
	     error = error->next)
		buf_printf(&errors, "%s%.*s", errors.size > 0 ? ", " : "", SLICE_ARGS(error->text));
	ctl3_table_add(cells, "%s", name);
	ctl3_table_add(cells, "%" PRIx64, id);
	ctl3_table_add(cells, "%.*s", SLICE_ARGS(json_string(status, "version")));
	ctl3_table_add(cells, "%.*s", SLICE_ARGS(size));
	ctl3_table_add(cells, "%s", ctl3_message_u64(status, "leader") == id ? "true" : "false");
	ctl3_table_add(cells, "%s", json_true(status, "isLearner") ? "true" : "false");
	ctl3_table_add(cells, "%" PRIu64, ctl3_message_u64(status, "raftTerm"));
	ctl3_table_add(cells, "%" PRIu64, ctl3_message_u64(status, "raftIndex"));
	ctl3_table_add(cells, "%" PRIu64, ctl3_message_u64(status, "raftAppliedIndex"));
	ctl3_table_add(cells, "%.*s", SLICE_ARGS(errors));
	buf_free(&size);
	buf_free(&errors);
}

static void
show_status_line(const struct ctl3 *v3, const char *name, const struct json *status)
{
	struct ctl3_table cells = { 0 };

	status_cells(&cells, name, status);
	for (size_t i = 0; i < cells.count; i++) {
		output_print(&v3->out, "%s%s", i > 0 ? ", " : "", cells.cells[i]);
		free(cells.cells[i]);
	}
	output_print(&v3->out, "\n");
	free(cells.cells);
}

static void
show_status_fields(const struct ctl3 *v3, const char *name, const struct json *status)
{
	bool first = true;

	ctl3_show_header(v3, status);
	ctl3_field_text(v3, "Version", json_string(status, "version"));
	ctl3_field_u64(v3, "DBSize", ctl3_message_u64(status, "dbSize"));
	ctl3_field_u64(v3, "Leader", ctl3_message_u64(status, "leader"));
	ctl3_field_bool(v3, "IsLearner", json_true(status, "isLearner"));
	ctl3_field_u64(v3, "RaftIndex", ctl3_message_u64(status, "raftIndex"));
	ctl3_field_u64(v3, "RaftTerm", ctl3_message_u64(status, "raftTerm"));
	ctl3_field_u64(v3, "RaftAppliedIndex", ctl3_message_u64(status, "raftAppliedIndex"));
	output_print(&v3->out, "\"Errors\" : [");
	for (const struct json *error = ctl3_message_first(status, "errors"); error != NULL;
	     error = error->next) {
		output_print(&v3->out, "%s%.*s", first ? "" : " ", SLICE_ARGS(error->text));
		first = false;
	}
	output_print(&v3->out, "]\n");
	ctl3_field_text(v3, "Endpoint", slice_text(name));
	output_print(&v3->out, "\n");
}

static void
show_status(struct ctl3_listing *listing, const char *name, const struct json *status)
{
	switch (listing->v3->format) {
	case CTL3_SIMPLE:
		show_status_line(listing->v3, name, status);
		return;
	case CTL3_FIELDS:
		show_status_fields(listing->v3, name, status);
		return;
	case CTL3_JSON:
		json_put_open(&listing->json, NULL, '{');
		json_put_text(&listing->json, "Endpoint", slice_text(name));
		ctl3_message_put(&listing->json, "Status", status);
		json_put_close(&listing->json, '}');
		return;
	case CTL3_TABLE:
		status_cells(&listing->table, name, status);
		return;
	}
}

int
ctl3_endpoint_status(struct ctl3 *v3)
{
	struct ctl3_listing listing;

	if (begin(&listing, v3, status_titles, ARRAY_COUNT(status_titles)) != CTL3_DONE)
		return end(&listing, false);
	for (size_t i = 0; i < listing.targets.count; i++) {
		const char *name = listing.targets.names[i];
		struct ctl3_answer answer = { 0 };

		if (ctl3_targets_ask(v3, name, "/v3/maintenance/status", SLICE_EMPTY, &answer)) {
			show_status(&listing, name, answer.root);
		} else {
			output_say("Failed to get the status of endpoint %s (%s)\n", name,
			    answer.problem);
			listing.code = CTL3_ERROR;
		}
		ctl3_answer_free(&answer);
	}
	return end(&listing, true);
}

/* ---- hashkv -------------------------------------------------------------------- */

static const char *const hash_titles[] = { "ENDPOINT", "HASH" };

static void
show_hash(struct ctl3_listing *listing, const char *name, const struct json *root)
{
	uint64_t hash = ctl3_message_u64(root, "hash");
	struct ctl3 *v3 = listing->v3;

	switch (v3->format) {
	case CTL3_SIMPLE:
		output_print(&v3->out, "%s, %" PRIu64 "\n", name, hash);
		return;
	case CTL3_FIELDS:
		ctl3_show_header(v3, root);
		ctl3_field_text(v3, "Endpoint", slice_text(name));
		ctl3_field_u64(v3, "Hash", hash);
		output_print(&v3->out, "\n");
		return;
	case CTL3_JSON:
		json_put_open(&listing->json, NULL, '{');
		json_put_text(&listing->json, "Endpoint", slice_text(name));
		ctl3_message_put(&listing->json, "HashKV", root);
		json_put_close(&listing->json, '}');
		return;
	case CTL3_TABLE:
		ctl3_table_add(&listing->table, "%s", name);
		ctl3_table_add(&listing->table, "%" PRIu64, hash);
		return;
	}
}

/* Of 3.5 /v3/maintenance/hash is HashKV; of 3.4 it is another hash, which is not to be taken for
 * that. */
static bool
ask_hash(struct ctl3 *v3, const char *name, struct slice body, struct ctl3_answer *answer)
{
	if (ctl3_targets_ask(v3, name, "/v3/maintenance/hashkv", body, answer))
		return true;
	if (answer->http.status != 404 ||
	    !ctl3_targets_ask(v3, name, "/v3/maintenance/status", SLICE_EMPTY, answer))
		return false;
	if (!slice_starts_with(json_string(answer->root, "version"), SLICE_LITERAL("3.4.")))
		return ctl3_targets_ask(v3, name, "/v3/maintenance/hash", body, answer);
	ctl3_answer_free(answer);
	answer->problem = xstrdup("the gateway of etcd 3.4 does not have it");
	answer->exit = CTL3_ERROR;
	return false;
}

int
ctl3_endpoint_hashkv(struct ctl3 *v3)
{
	struct buf body = BUF_INIT;
	struct json_put json = json_put_into(&body);
	char *problem = NULL;
	struct ctl3_listing listing;

	json_put_open(&json, NULL, '{');
	ctl3_put_int(&json, "revision",
	    (int64_t)ctl_arguments_number(v3->arguments, OPT_V3_REV));
	json_put_close(&json, '}');
	(void)begin(&listing, v3, hash_titles, ARRAY_COUNT(hash_titles));
	for (size_t i = 0; listing.code != CTL3_BAD_ARGS && i < listing.targets.count; i++) {
		const char *name = listing.targets.names[i];
		struct ctl3_answer answer = { 0 };

		if (ask_hash(v3, name, buf_slice(&body), &answer)) {
			show_hash(&listing, name, answer.root);
		} else {
			output_say("Failed to get the hash of endpoint %s (%s)\n", name,
			    answer.problem);
			free(problem);
			problem = xstrdup(answer.problem);
		}
		ctl3_answer_free(&answer);
	}
	end(&listing, true);
	buf_free(&body);
	if (problem != NULL)
		listing.code = output_error(CTL3_ERROR, "%s", problem);
	free(problem);
	return listing.code;
}

/* ---- defrag -------------------------------------------------------------------- */

int
ctl3_defrag(struct ctl3 *v3)
{
	struct ctl3_targets targets;
	int code = ctl3_targets_open(v3, &targets);

	for (size_t i = 0; i < targets.count; i++) {
		struct ctl3_answer answer = { 0 };

		if (ctl3_targets_ask(v3, targets.names[i], "/v3/maintenance/defragment",
		    SLICE_EMPTY, &answer)) {
			output_print(&v3->out, "Finished defragmenting etcd member[%s]\n",
			    targets.names[i]);
		} else {
			output_say("Failed to defragment etcd member[%s] (%s)\n", targets.names[i],
			    answer.problem);
			code = CTL3_ERROR;
		}
		ctl3_answer_free(&answer);
	}
	ctl3_targets_free(&targets);
	return code;
}
