/*
 * bench.c - bench: a small load on the cluster, first writes, then reads of what was
 * written.
 *
 * Each connection has one request under way. What a request takes is measured from
 * here, so the time of this program is in it. The keys lie in a hidden directory that is
 * removed at the end.
 */
#include "common/clock.h"
#include "common/json_put.h"
#include "common/limits.h"
#include "common/program.h"
#include "common/xmem.h"
#include "ctl/api.h"
#include "ctl/form.h"
#include "ctl/interrupt.h"
#include "ctl/parallel.h"

#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

#define KEYS_MAX 1000000

struct load {
	struct ctl *ctl;
	struct client *client;
	char *directory;
	struct buf form;
	bool writes;
	uint64_t keys;
	size_t connections;
	uint64_t time_ns;
};

struct figures {
	uint64_t *took_ns;	/* of the good ones; sorted at the end */
	size_t count, capacity;
	uint64_t failed;
	uint64_t elapsed_ns;
	unsigned bad_status;	/* of the last failed one; 0: no answer */
};

static void
start_one(const struct load *load, struct parallel *parallel, uint64_t number)
{
	bool quorum = ctl_arguments_flag(load->ctl->arguments, OPT_BENCH_QUORUM);
	char *path = xasprintf("/v2/keys%s/%" PRIu64 "%s", load->directory, number % load->keys,
	    load->writes || !quorum ? "" : "?quorum=true");
	struct client_request request = { .method = load->writes ? "PUT" : "GET", .path = path,
		.repeatable = true };

	if (load->writes) {
		request.body = buf_slice(&load->form);
		request.body_type = "application/x-www-form-urlencoded";
	}
	parallel_start(parallel, &request, number);
	free(path);
}

static void
take(struct figures *figures, const struct parallel_done *done)
{
	if (!done->answered || done->answer->status >= 300) {
		figures->failed++;
		figures->bad_status = done->answered ? done->answer->status : 0;
		return;
	}
	figures->took_ns = xgrow(figures->took_ns, &figures->capacity, figures->count + 1,
	    sizeof(*figures->took_ns));
	figures->took_ns[figures->count++] = done->answer->took_ns;
}

static int
compare(const void *a, const void *b)
{
	uint64_t left = *(const uint64_t *)a;
	uint64_t right = *(const uint64_t *)b;

	return left < right ? -1 : left > right;
}

/* Until the time is over and everything under way has ended. */
static struct figures
run(const struct load *load)
{
	struct parallel *parallel = parallel_new(load->client, load->connections);
	struct figures figures = { 0 };
	uint64_t begun_ns = clock_monotonic_ns();
	struct output_progress progress;
	struct parallel_done done;
	uint64_t number = 0;

	output_progress_begin(&progress, &load->ctl->out, load->writes ? "writes" : "reads");
	do {
		while (!parallel_is_full(parallel) &&
		    clock_monotonic_ns() - begun_ns < load->time_ns)
			start_one(load, parallel, number++);
		if (!parallel_wait(parallel, &done))
			break;
		take(&figures, &done);
		output_progress_show(&progress, figures.count, 0);
	} while (interrupt_signal() == 0);
	output_progress_end(&progress);
	figures.elapsed_ns = clock_monotonic_ns() - begun_ns;
	parallel_free(&parallel);
	if (figures.count > 0)
		qsort(figures.took_ns, figures.count, sizeof(*figures.took_ns), compare);
	return figures;
}

/* The time that so many of a thousand stay below. */
static uint64_t
quantile(const struct figures *figures, size_t of_thousand)
{
	if (figures->count == 0)
		return 0;
	return figures->took_ns[MIN_OF(figures->count * of_thousand / 1000, figures->count - 1)];
}

static double
rate_of(const struct figures *figures)
{
	return figures->elapsed_ns == 0 ? 0 :
	    (double)figures->count * 1e9 / (double)figures->elapsed_ns;
}

static void
put_row(struct table *table, const char *name, const struct figures *figures, uint64_t size)
{
	static const size_t quantiles[] = { 500, 900, 990, 1000 };
	char text[OUTPUT_TEXT_BYTES];
	double rate = rate_of(figures);

	table_add(table, COLOR_NONE, "%s", name);
	table_add(table, COLOR_NONE, "%zu", figures->count);
	table_add(table, figures->failed == 0 ? COLOR_NONE : COLOR_BAD, "%" PRIu64,
	    figures->failed);
	table_add(table, COLOR_NONE, "%.0f/s", rate);
	table_add(table, COLOR_NONE, "%s/s", output_size((uint64_t)(rate * (double)size), text));
	for (size_t i = 0; i < ARRAY_COUNT(quantiles); i++)
		table_add(table, COLOR_NONE, "%s",
		    output_time(quantile(figures, quantiles[i]), text));
}

static void
put_json(const char *name, const struct figures *figures, const struct load *load, uint64_t size)
{
	struct buf line = BUF_INIT;
	struct json_put json = json_put_into(&line);

	json_put_open(&json, NULL, '{');
	json_put_text(&json, "operation", slice_text(name));
	json_put_number(&json, "requests", figures->count);
	json_put_number(&json, "failed", figures->failed);
	json_put_number(&json, "connections", load->connections);
	json_put_number(&json, "value_bytes", size);
	json_put_ms(&json, "elapsed_ms", figures->elapsed_ns);
	json_put_number(&json, "rate_per_s", (uint64_t)rate_of(figures));
	json_put_ms(&json, "p50_ms", quantile(figures, 500));
	json_put_ms(&json, "p90_ms", quantile(figures, 900));
	json_put_ms(&json, "p99_ms", quantile(figures, 990));
	json_put_ms(&json, "max_ms", quantile(figures, 1000));
	json_put_close(&json, '}');
	output_json_line(&load->ctl->out, &json);
	buf_free(&line);
}

static int
clear_away(const struct load *load)
{
	struct api_request request = { .method = "DELETE", .key = slice_text(load->directory),
		.repeatable = true };
	struct api_answer answer = { 0 };
	int code = CTL_DONE;

	interrupt_clear();
	form_add_bool(&request.query, "recursive", true);
	client_restart_clock(load->client);
	if (api_ask(load->client, &request, &answer) != CLIENT_ANSWERED ||
	    (answer.error_code != 0 && answer.error_code != 100))
		code = output_fail(CTL_SERVER_ERROR, "%s could not be removed; remove it with "
		    "'%s rm -r %s'", load->directory, program_own(), load->directory);
	api_answer_free(&answer);
	return code;
}

/* One write before the many: what is wrong with all of them is said of it. */
static int
make_directory(struct load *load)
{
	struct api_request request = { .method = "PUT", .key = slice_text(load->directory) };
	struct api_answer answer = { 0 };
	int code;

	form_add_bool(&request.query, "dir", true);
	form_add_bool(&request.query, "prevExist", false);
	code = api_do(load->client, &load->ctl->out, &request, &answer);
	api_answer_free(&answer);
	return code;
}

static int
bench(struct load *load, uint64_t size)
{
	static const struct table_column columns[] = { { "", false, false },
		{ "REQUESTS", true, false }, { "FAILED", true, false }, { "RATE", true, false },
		{ "VALUES", true, false }, { "P50", true, false }, { "P90", true, false },
		{ "P99", true, false }, { "MAX", true, false } };
	struct table table;
	int code = CTL_DONE;

	table_init(&table, columns, ARRAY_COUNT(columns));
	for (int writes = 1; writes >= 0 && code == CTL_DONE; writes--) {
		struct figures figures;

		load->writes = writes == 1;
		figures = run(load);
		if (load->ctl->out.format == FORMAT_JSON)
			put_json(load->writes ? "put" : "get", &figures, load, size);
		else
			put_row(&table, load->writes ? "put" : "get", &figures, size);
		if (interrupt_signal() != 0)
			code = 128 + interrupt_signal();
		else if (figures.failed > 0)
			code = output_fail(CTL_SERVER_ERROR,
			    "%" PRIu64 " of the %s failed, the last with status %u (0: no answer)",
			    figures.failed, load->writes ? "writes" : "reads", figures.bad_status);
		/* Only what is there can be read. */
		load->keys = MAX_OF(1U, MIN_OF(load->keys, figures.count));
		free(figures.took_ns);
	}
	if (load->ctl->out.format != FORMAT_JSON)
		table_print(&load->ctl->out, &table);
	table_free(&table);
	return code;
}

int
ctl_bench(struct ctl *ctl)
{
	const struct ctl_arguments *arguments = ctl->arguments;
	uint64_t size = ctl_arguments_number(arguments, OPT_BENCH_SIZE);
	uint64_t connections = ctl_arguments_number(arguments, OPT_BENCH_CONNECTIONS);
	struct load load = { .ctl = ctl, .keys = ctl_arguments_number(arguments, OPT_BENCH_KEYS),
		.time_ns = ctl_arguments_number(arguments, OPT_BENCH_TIME) * NS_PER_MS };
	int code, cleared;

	if (connections < 1 || connections > PARALLEL_MAX)
		return output_fail(CTL_BAD_ARGUMENTS, "--connections: %" PRIu64
		    " is not allowed; write 1 to %d", connections, PARALLEL_MAX);
	if (size > MIB)
		return output_fail(CTL_BAD_ARGUMENTS, "--size: %" PRIu64
		    " is not allowed; write 0 to %zu", size, MIB);
	if (load.keys < 1 || load.keys > KEYS_MAX)
		return output_fail(CTL_BAD_ARGUMENTS, "--keys: %" PRIu64
		    " is not allowed; write 1 to %d", load.keys, KEYS_MAX);
	code = client_open(ctl, NULL, &load.client);
	if (code != CTL_DONE)
		return code;
	interrupt_catch();
	load.connections = (size_t)connections;
	load.directory = xasprintf("/_bench-%ld-%" PRIx64, (long)getpid(), clock_now().wall_ns);
	form_add(&load.form, "value", SLICE_EMPTY);
	for (uint64_t i = 0; i < size; i++)
		buf_append_byte(&load.form, (uint8_t)('a' + i % 26));
	code = make_directory(&load);
	cleared = CTL_DONE;
	if (code == CTL_DONE) {
		code = bench(&load, size);
		cleared = clear_away(&load);
	}
	buf_free(&load.form);
	free(load.directory);
	client_free(&load.client);
	return code != CTL_DONE ? code : cleared;
}
