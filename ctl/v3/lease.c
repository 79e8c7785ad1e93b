/*
 * lease.c - lease grant, revoke, timetolive, list, keep-alive.
 */
#include "common/clock.h"
#include "ctl/interrupt.h"
#include "ctl/v3/call.h"
#include "ctl/v3/message.h"
#include "ctl/v3/op.h"
#include "ctl/v3/show.h"

#include <inttypes.h>
#include <stdlib.h>
#include <time.h>

/* ---- requests ------------------------------------------------------------------ */

static int
read_id(const struct ctl3 *v3, uint64_t *id)
{
	char *problem;
	int code;

	if (ctl3_read_hex(v3->arguments->words[0], "ParseInt", id, &problem))
		return CTL3_DONE;
	code = output_error(CTL3_BAD_ARGS, "bad lease ID arg (%s), expecting ID in Hex", problem);
	free(problem);
	return code;
}

static bool
ask_of_lease(struct ctl3 *v3, const char *path, uint64_t id, bool keys, struct ctl3_answer *answer)
{
	return ctl3_ask_of_lease(v3, &(struct ctl3_of_lease){ .path = path, .id = id,
	    .keys = keys }, answer);
}

/* ---- grant, revoke ------------------------------------------------------------- */

static int
show_grant(const struct ctl3 *v3, const struct json *root)
{
	uint64_t id = ctl3_message_u64(root, "ID");
	int64_t ttl = ctl3_message_i64(root, "TTL");
	struct buf extra = BUF_INIT;

	switch (v3->format) {
	case CTL3_SIMPLE:
		output_print(&v3->out, "lease %016" PRIx64 " granted with TTL(%" PRId64 "s)\n", id,
		    ttl);
		return CTL3_DONE;
	case CTL3_FIELDS:
		ctl3_show_header(v3, root);
		ctl3_field_i64(v3, "ID", (int64_t)id);
		ctl3_field_i64(v3, "TTL", ttl);
		return CTL3_DONE;
	case CTL3_JSON:
		buf_printf(&extra, "\"ID\":%" PRIu64 ",\"TTL\":%" PRId64 ",\"Error\":\"\"", id,
		    ttl);
		ctl3_show_flat(v3, root, buf_slice(&extra));
		buf_free(&extra);
		return CTL3_DONE;
	case CTL3_TABLE:
		break;
	}
	return ctl3_unsupported(v3);
}

int
ctl3_lease_grant(struct ctl3 *v3)
{
	struct ctl3_request request = { .path = "/v3/lease/grant" };
	struct ctl3_answer answer = { 0 };
	struct buf body = BUF_INIT;
	struct json_put json = json_put_into(&body);
	char *problem = NULL;
	int64_t ttl;
	int code;

	if (!ctl3_read_i64(v3->arguments->words[0], &ttl, &problem)) {
		code = output_error(CTL3_BAD_ARGS, "bad TTL (%s)", problem);
		free(problem);
		return code;
	}
	json_put_open(&json, NULL, '{');
	ctl3_put_int(&json, "TTL", ttl);
	json_put_close(&json, '}');
	request.body = buf_slice(&body);
	code = ctl3_call(v3, &request, &answer);
	buf_free(&body);
	if (code == CTL3_DONE)
		code = show_grant(v3, answer.root);
	ctl3_answer_free(&answer);
	return code;
}

int
ctl3_lease_revoke(struct ctl3 *v3)
{
	struct ctl3_answer answer = { 0 };
	uint64_t id = 0;
	int code = read_id(v3, &id);

	if (code == CTL3_DONE)
		code = ctl3_connect(v3);
	if (code == CTL3_DONE && !ask_of_lease(v3, "/v3/lease/revoke", id, false, &answer))
		code = output_error(answer.exit, "failed to revoke lease (%s)", answer.problem);
	if (code == CTL3_DONE)
		code = ctl3_show_done(v3, answer.root, true, "lease %016" PRIx64 " revoked", id);
	ctl3_answer_free(&answer);
	return code;
}

/* ---- timetolive, list ---------------------------------------------------------- */

static void
show_left(const struct ctl3 *v3, const struct json *root, uint64_t id, bool keys)
{
	int64_t ttl = ctl3_message_i64(root, "TTL");
	bool first = true;

	if (ttl == -1) {
		output_print(&v3->out, "lease %016" PRIx64 " already expired\n", id);
		return;
	}
	output_print(&v3->out, "lease %016" PRIx64 " granted with TTL(%" PRId64 "s), remaining(%"
	    PRId64 "s)", id, ctl3_message_i64(root, "grantedTTL"), ttl);
	if (keys)
		output_print(&v3->out, ", attached keys([");
	for (const struct json *key = ctl3_message_first(root, "keys"); key != NULL && keys;
	     key = key->next) {
		struct buf bytes = BUF_INIT;

		ctl3_message_bytes(key, NULL, &bytes);
		output_print(&v3->out, "%s", first ? "" : " ");
		output_text(&v3->out, buf_slice(&bytes));
		buf_free(&bytes);
		first = false;
	}
	output_print(&v3->out, "%s\n", keys ? "])" : "");
}

static void
show_left_fields(const struct ctl3 *v3, const struct json *root, uint64_t id)
{
	ctl3_show_header(v3, root);
	ctl3_field_i64(v3, "ID", (int64_t)id);
	ctl3_field_i64(v3, "TTL", ctl3_message_i64(root, "TTL"));
	ctl3_field_i64(v3, "GrantedTTL", ctl3_message_i64(root, "grantedTTL"));
	for (const struct json *key = ctl3_message_first(root, "keys"); key != NULL;
	     key = key->next) {
		struct buf bytes = BUF_INIT;

		ctl3_message_bytes(key, NULL, &bytes);
		ctl3_field_text(v3, "Key", buf_slice(&bytes));
		buf_free(&bytes);
	}
}

static void
show_left_json(const struct ctl3 *v3, const struct json *root, uint64_t id)
{
	const struct json *keys = json_member(root, "keys");
	struct buf extra = BUF_INIT;
	struct json_put json = json_put_into(&extra);

	buf_printf(&extra, "\"id\":%" PRIu64 ",\"ttl\":%" PRId64 ",\"granted-ttl\":%" PRId64
	    ",\"keys\":", id, ctl3_message_i64(root, "TTL"), ctl3_message_i64(root, "grantedTTL"));
	if (keys == NULL)
		buf_append_text(&extra, "null");
	else
		ctl3_message_put(&json, NULL, keys);
	ctl3_show_flat(v3, root, buf_slice(&extra));
	buf_free(&extra);
}

int
ctl3_lease_timetolive(struct ctl3 *v3)
{
	bool keys = ctl_arguments_flag(v3->arguments, OPT_V3_KEYS);
	struct ctl3_answer answer = { 0 };
	uint64_t id = 0;
	int code = read_id(v3, &id);

	if (code == CTL3_DONE)
		code = ctl3_connect(v3);
	if (code == CTL3_DONE && !ask_of_lease(v3, "/v3/lease/timetolive", id, keys, &answer))
		code = output_error(answer.exit, "%s", answer.problem);
	if (code == CTL3_DONE && v3->format == CTL3_TABLE)
		code = ctl3_unsupported(v3);
	else if (code == CTL3_DONE && v3->format == CTL3_SIMPLE)
		show_left(v3, answer.root, id, keys);
	else if (code == CTL3_DONE && v3->format == CTL3_FIELDS)
		show_left_fields(v3, answer.root, id);
	else if (code == CTL3_DONE)
		show_left_json(v3, answer.root, id);
	ctl3_answer_free(&answer);
	return code;
}

static void
show_leases_json(const struct ctl3 *v3, const struct json *root)
{
	struct buf extra = BUF_INIT;
	struct json_put json = json_put_into(&extra);

	json_put_open(&json, "leases", '[');
	for (const struct json *lease = ctl3_message_first(root, "leases"); lease != NULL;
	     lease = lease->next) {
		json_put_open(&json, NULL, '{');
		json_put_number(&json, "id", ctl3_message_u64(lease, "ID"));
		json_put_close(&json, '}');
	}
	json_put_close(&json, ']');
	ctl3_show_flat(v3, root, buf_slice(&extra));
	buf_free(&extra);
}

int
ctl3_lease_list(struct ctl3 *v3)
{
	struct ctl3_request request = { .path = "/v3/lease/leases", .repeatable = true };
	struct ctl3_answer answer = { 0 };
	int code = ctl3_call(v3, &request, &answer);
	const struct json *first = ctl3_message_first(answer.root, "leases");
	size_t count = 0;

	for (const struct json *lease = first; lease != NULL; lease = lease->next)
		count++;
	if (code == CTL3_DONE && v3->format == CTL3_TABLE)
		code = ctl3_unsupported(v3);
	else if (code == CTL3_DONE && v3->format == CTL3_JSON)
		show_leases_json(v3, answer.root);
	else if (code == CTL3_DONE && v3->format == CTL3_FIELDS)
		ctl3_show_header(v3, answer.root);
	else if (code == CTL3_DONE)
		output_print(&v3->out, "found %zu leases\n", count);
	for (const struct json *lease = first; lease != NULL && code == CTL3_DONE;
	     lease = lease->next) {
		uint64_t id = ctl3_message_u64(lease, "ID");

		if (v3->format == CTL3_FIELDS)
			ctl3_field_i64(v3, "ID", (int64_t)id);
		else if (v3->format == CTL3_SIMPLE)
			output_print(&v3->out, "%016" PRIx64 "\n", id);
	}
	ctl3_answer_free(&answer);
	return code;
}

/* ---- keep-alive ---------------------------------------------------------------- */

static int
show_renewal(const struct ctl3 *v3, const struct json *root, uint64_t id)
{
	int64_t ttl = ctl3_message_i64(root, "TTL");
	struct buf extra = BUF_INIT;

	switch (v3->format) {
	case CTL3_SIMPLE:
		output_print(&v3->out, "lease %016" PRIx64 " keepalived with TTL(%" PRId64 ")\n",
		    id, ttl);
		break;
	case CTL3_FIELDS:
		ctl3_show_header(v3, root);
		ctl3_field_i64(v3, "ID", (int64_t)id);
		ctl3_field_i64(v3, "TTL", ttl);
		break;
	case CTL3_JSON:
		buf_printf(&extra, "\"ID\":%" PRIu64 ",\"TTL\":%" PRId64, id, ttl);
		ctl3_show_flat(v3, root, buf_slice(&extra));
		buf_free(&extra);
		break;
	case CTL3_TABLE:
		return ctl3_unsupported(v3);
	}
	return output_flush() ? CTL3_DONE : CTL3_IO;
}

static void
wait_ms(uint64_t ms)
{
	struct timespec time = { .tv_sec = (time_t)(ms / 1000),
		.tv_nsec = (long)(ms % 1000) * 1000000 };

	(void)nanosleep(&time, NULL);
}

/* Every third of its TTL, until it has ended. */
static int
keep(struct ctl3 *v3, uint64_t id, struct ctl3_answer *answer)
{
	uint64_t dead_at_ms = 0;	/* 0: nobody has renewed it yet */

	for (;;) {
		uint64_t now_ms = clock_now().monotonic_ms;
		uint64_t ttl_ms;
		int code;

		if (!ask_of_lease(v3, "/v3/lease/keepalive", id, false, answer)) {
			bool dead = clock_now().monotonic_ms >= dead_at_ms;

			if (answer->exit == CTL3_INTERRUPTED)
				return 128 + interrupt_signal();
			if (answer->code != 0 || dead)
				return output_error(answer->exit, "%s", answer->problem);
			wait_ms(500);
			continue;
		}
		ttl_ms = ctl3_message_u64(answer->root, "TTL") * 1000;
		if (ttl_ms == 0) {
			output_print(&v3->out, "lease %016" PRIx64 " expired or revoked.\n", id);
			return CTL3_DONE;
		}
		dead_at_ms = now_ms + ttl_ms;
		code = show_renewal(v3, answer->root, id);
		if (code != CTL3_DONE)
			return code;
		wait_ms(MAX_OF(ttl_ms / 3, 500U));
	}
}

int
ctl3_lease_keep_alive(struct ctl3 *v3)
{
	struct ctl3_answer answer = { 0 };
	uint64_t id = 0;
	int code = read_id(v3, &id);

	if (code == CTL3_DONE)
		code = ctl3_connect(v3);
	if (code == CTL3_DONE && !ctl_arguments_flag(v3->arguments, OPT_V3_ONCE))
		code = keep(v3, id, &answer);
	else if (code == CTL3_DONE &&
	    !ask_of_lease(v3, "/v3/lease/keepalive", id, false, &answer))
		code = output_error(CTL3_BAD_CONNECTION, "%s", answer.problem);
	else if (code == CTL3_DONE && ctl3_message_u64(answer.root, "TTL") == 0)
		code = output_error(CTL3_BAD_CONNECTION,
		    "etcdserver: requested lease not found");
	else if (code == CTL3_DONE)
		code = show_renewal(v3, answer.root, id);
	ctl3_answer_free(&answer);
	return code;
}
