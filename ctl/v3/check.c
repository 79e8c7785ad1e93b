/*
 * check.c - check perf: a minute of writes at a rate, and whether that was fast enough.
 *
 * The loads and bounds are those of etcdctl 3.4.
 */
#include "common/clock.h"
#include "common/xmem.h"
#include "ctl/interrupt.h"
#include "ctl/parallel.h"
#include "ctl/v3/message.h"
#include "ctl/v3/show.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define KEY_BYTES 256
#define VALUE_BYTES 1024
#define SECONDS 60
#define SLOWEST_NS (500 * NS_PER_MS)
#define STDDEV_S 0.1

static const struct ctl3_load {
	const char *names[4];	/* the last is NULL */
	uint64_t writes_per_s;
	size_t clients;
} loads[] = {
	{ { "s", "small" }, 150, 50 },
	{ { "m", "medium" }, 1000, 200 },
	{ { "l", "large" }, 8000, 500 },
	{ { "xl", "xLarge" }, 15000, 1000 },
};

struct perf {
	struct ctl3 *v3;
	const struct ctl3_load *load;
	const char *prefix;
	uint64_t started, good, bad;
	uint64_t slowest_ns;
	double sum_s, squares_s;
	char *refusal;		/* the first; owned */
};

static const struct ctl3_load *
find_load(const char *name)
{
	for (size_t i = 0; i < ARRAY_COUNT(loads); i++) {
		for (size_t j = 0; loads[i].names[j] != NULL; j++) {
			if (strcmp(loads[i].names[j], name) == 0)
				return &loads[i];
		}
	}
	return NULL;
}

/* ---- requests ------------------------------------------------------------------ */

static void
put_prefix(const struct perf *perf, struct json_put *json)
{
	struct buf end = BUF_INIT;

	ctl3_prefix_end(slice_text(perf->prefix), &end);
	json_put_open(json, NULL, '{');
	ctl3_put_bytes(json, "key", slice_text(perf->prefix));
	ctl3_put_bytes(json, "range_end", buf_slice(&end));
	buf_free(&end);
}

/* Other people's keys must not be there: they would be deleted in the end. */
static int
check_prefix(struct perf *perf)
{
	struct ctl3_request request = { .path = "/v3/kv/range", .repeatable = true };
	struct ctl3_answer answer = { 0 };
	struct buf body = BUF_INIT;
	struct json_put json = json_put_into(&body);
	int code;

	put_prefix(perf, &json);
	ctl3_put_int(&json, "limit", 1);
	json_put_close(&json, '}');
	request.body = buf_slice(&body);
	code = ctl3_call(perf->v3, &request, &answer);
	if (code == CTL3_DONE && ctl3_message_first(answer.root, "kvs") != NULL)
		code = output_error(CTL3_INVALID_INPUT, "prefix \"%s\" has keys. Delete with "
		    "`etcdctl del --prefix %s` first", perf->prefix, perf->prefix);
	ctl3_answer_free(&answer);
	buf_free(&body);
	return code;
}

/* -1: it failed, and it was said. */
static int64_t
delete_prefix(struct perf *perf)
{
	struct ctl3_request request = { .path = "/v3/kv/deleterange", .patient = true,
		.repeatable = true };
	struct ctl3_answer answer = { 0 };
	struct buf body = BUF_INIT;
	struct json_put json = json_put_into(&body);
	int64_t revision = -1;

	put_prefix(perf, &json);
	json_put_close(&json, '}');
	request.body = buf_slice(&body);
	if (ctl3_call(perf->v3, &request, &answer) == CTL3_DONE)
		revision = ctl3_message_i64(json_member(answer.root, "header"), "revision");
	ctl3_answer_free(&answer);
	buf_free(&body);
	return revision;
}

static void
start_one(struct perf *perf, struct parallel *parallel)
{
	struct client_request request = { .method = "POST", .path = "/v3/kv/put",
		.body_type = "application/json", .authorization = perf->v3->token };
	struct buf key = BUF_INIT, body = BUF_INIT;
	struct json_put json = json_put_into(&body);
	uint8_t value[VALUE_BYTES];

	memset(value, 'v', sizeof(value));
	buf_printf(&key, "%s%0*" PRIu64, perf->prefix, KEY_BYTES, perf->started);
	json_put_open(&json, NULL, '{');
	ctl3_put_bytes(&json, "key", buf_slice(&key));
	ctl3_put_bytes(&json, "value", slice_of(value, sizeof(value)));
	json_put_close(&json, '}');
	request.body = buf_slice(&body);
	parallel_start(parallel, &request, perf->started++);
	buf_free(&key);
	buf_free(&body);
}

static void
take_one(struct perf *perf, const struct parallel_done *done)
{
	double took_s = (double)done->answer->took_ns / (double)NS_PER_SECOND;

	if (!done->answered || done->answer->status != 200) {
		if (perf->refusal == NULL)
			perf->refusal = done->answered ?
			    xasprintf("it answers %u", done->answer->status) :
			    xstrdup("a request got no answer");
		perf->bad++;
		return;
	}
	perf->good++;
	perf->slowest_ns = MAX_OF(perf->slowest_ns, done->answer->took_ns);
	perf->sum_s += took_s;
	perf->squares_s += took_s * took_s;
}

/* ---- the minute ---------------------------------------------------------------- */

static void
show_progress(const struct perf *perf, uint64_t second)
{
	output_print(&perf->v3->out, " %" PRIu64 " / %d %7.2f%%%s\n", second, SECONDS,
	    (double)second * 100 / SECONDS, second == SECONDS ? " 1m0s" : "");
	(void)output_flush();
}

static void
run(struct perf *perf, struct parallel *parallel)
{
	uint64_t begun_ns = clock_monotonic_ns();
	uint64_t shown = 0;

	for (;;) {
		uint64_t gone_ns = clock_monotonic_ns() - begun_ns;
		double due = (double)gone_ns / (double)NS_PER_SECOND *
		    (double)perf->load->writes_per_s;
		bool over = gone_ns >= SECONDS * NS_PER_SECOND;
		struct timespec pause = { .tv_nsec = 1000000 };
		struct parallel_done done;

		for (; shown < MIN_OF(gone_ns / NS_PER_SECOND, (uint64_t)SECONDS); shown++)
			show_progress(perf, shown + 1);
		if (interrupt_signal() != 0)
			return;
		while (!over && (double)perf->started < due && !parallel_is_full(parallel))
			start_one(perf, parallel);
		if (parallel_wait(parallel, &done))
			take_one(perf, &done);
		else if (over)
			return;
		else
			(void)nanosleep(&pause, NULL);
	}
}

/* By Newton's steps, from above. */
static double
root_of(double square)
{
	double root = square > 1 ? square : 1;

	for (unsigned i = 0; i < 64 && square > 0; i++)
		root = (root + square / root) / 2;
	return square > 0 ? root : 0;
}

static bool
judge(const struct perf *perf)
{
	double count = (double)MAX_OF(perf->good, 1U);
	double mean = perf->sum_s / count;
	double variance = perf->squares_s / count - mean * mean;
	double stddev = root_of(variance);
	uint64_t throughput = (perf->good + SECONDS / 2) / SECONDS;
	bool fast = (double)throughput >= (double)perf->load->writes_per_s * 0.9;
	bool quick = perf->slowest_ns <= SLOWEST_NS;
	bool steady = stddev <= STDDEV_S;
	const struct output *out = &perf->v3->out;

	if (perf->bad > 0)
		output_print(out, "FAIL: too many errors\nFAIL: ERROR(%s) -> %" PRIu64 "\n",
		    perf->refusal, perf->bad);
	output_print(out, fast ? "PASS: Throughput is %" PRIu64 " writes/s\n" :
	    "FAIL: Throughput too low: %" PRIu64 " writes/s\n", throughput);
	output_print(out, quick ? "PASS: Slowest request took %fs\n" :
	    "Slowest request took too long: %fs\n",
	    (double)perf->slowest_ns / (double)NS_PER_SECOND);
	output_print(out, steady ? "PASS: Stddev is %fs\n" : "Stddev too high: %fs\n", stddev);
	return perf->bad == 0 && fast && quick && steady;
}

/* What the options ask for behind the deletion. */
static int
tidy(struct perf *perf, int64_t revision)
{
	struct ctl3 *v3 = perf->v3;
	struct ctl3_answer answer = { 0 };
	struct buf body = BUF_INIT;
	struct ctl3_request compact = { .path = "/v3/kv/compaction", .patient = true };
	int code = CTL3_DONE;

	if (ctl_arguments_flag(v3->arguments, OPT_V3_AUTO_COMPACT)) {
		buf_printf(&body, "{\"revision\":\"%" PRId64 "\",\"physical\":true}", revision);
		compact.body = buf_slice(&body);
		code = ctl3_call(v3, &compact, &answer);
		if (code == CTL3_DONE)
			output_print(&v3->out, "Compacted with revision %" PRId64 "\n", revision);
	}
	ctl3_answer_free(&answer);
	buf_free(&body);
	if (code == CTL3_DONE && ctl_arguments_flag(v3->arguments, OPT_V3_AUTO_DEFRAG))
		code = ctl3_defrag(v3);
	return code;
}

int
ctl3_check_perf(struct ctl3 *v3)
{
	const char *name = ctl_arguments_text(v3->arguments, OPT_V3_LOAD);
	struct perf perf = { .v3 = v3, .load = find_load(name),
		.prefix = ctl_arguments_text(v3->arguments, OPT_V3_PERF_PREFIX) };
	struct parallel *parallel;
	int64_t revision;
	bool good;
	int code;

	if (perf.load == NULL)
		return output_error(CTL3_BAD_FEATURE, "unknown load option %s", name);
	code = check_prefix(&perf);
	if (code != CTL3_DONE)
		return code;
	interrupt_catch();
	parallel = parallel_new(v3->client, perf.load->clients);
	run(&perf, parallel);
	parallel_free(&parallel);
	if (interrupt_signal() != 0)
		code = 128 + interrupt_signal();
	interrupt_clear();
	revision = delete_prefix(&perf);
	if (code == CTL3_DONE && revision >= 0)
		code = tidy(&perf, revision);
	good = code == CTL3_DONE && judge(&perf);
	if (code == CTL3_DONE)
		output_print(&v3->out, "%s\n", good ? "PASS" : "FAIL");
	free(perf.refusal);
	return code == CTL3_DONE && !good ? CTL3_ERROR : code;
}
