/*
 * sink.c - writes to the target (see sink.h).
 *
 *	unknown ---> kept	a key hangs on it, or the source lists it; granted here	[know]
 *	kept ------> kept	a third of its TTL is over, and the source has it	[renew]
 *	kept ------> gone	the source has it not: revoked here			[renew]
 *
 * A lease that is gone stays known, so that no late change grants it again.
 */
#include "ctl/v3/sink.h"

#include "common/clock.h"
#include "common/xmem.h"
#include "ctl/interrupt.h"
#include "ctl/v3/message.h"

#include <stdlib.h>

#define OPS_MAX 100			/* fewer than any etcd takes */
#define OPS_BYTES (512 * KIB)
#define RENEWALS_MAX 16			/* at a time */
#define LEASE_EXISTS "etcdserver: lease already exists"
#define LEASE_NOT_FOUND "etcdserver: requested lease not found"

struct ctl3_sink_lease {
	struct hash_link link;
	uint64_t id;
	uint64_t ttl_s;			/* 0: gone */
	uint64_t due_ms;		/* then it is renewed */
};

struct changed_key {
	struct hash_link link;
	struct buf name;
};

static bool
match_key(const struct hash_link *link, struct slice key)
{
	return slice_equal(buf_slice(&CONTAINER_OF(link, struct changed_key, link)->name), key);
}

static struct slice
id_key(const uint64_t *id)
{
	return slice_of(id, sizeof(*id));
}

static bool
match_lease(const struct hash_link *link, struct slice key)
{
	return slice_equal(id_key(&CONTAINER_OF(link, struct ctl3_sink_lease, link)->id), key);
}

void
ctl3_sink_init(struct ctl3_sink *sink)
{
	*sink = (struct ctl3_sink){ .target = NULL };
	hash_init(&sink->changed, 0, match_key);
	hash_init(&sink->known, 0, match_lease);
}

static void
forget_changed(struct ctl3_sink *sink)
{
	struct hash_link *link;

	while ((link = hash_pop(&sink->changed)) != NULL) {
		struct changed_key *key = CONTAINER_OF(link, struct changed_key, link);

		buf_free(&key->name);
		free(key);
	}
	buf_clear(&sink->ops);
	sink->op_count = 0;
}

void
ctl3_sink_free(struct ctl3_sink *sink)
{
	forget_changed(sink);
	for (size_t i = 0; i < sink->lease_count; i++)
		free(sink->by_turn[i]);
	free(sink->by_turn);
	hash_free(&sink->changed);
	hash_free(&sink->known);
	buf_free(&sink->ops);
}

/* A first signal waits until what was begun is done: that is asked for again. */
static bool
is_to_repeat(struct ctl3_sink *sink, bool good, const struct ctl3_answer *answer)
{
	if (good || answer->exit != CTL3_INTERRUPTED || sink->signal != 0)
		return false;
	sink->signal = interrupt_signal();
	interrupt_clear();
	return true;
}

static bool
ask(struct ctl3_sink *sink, struct ctl3 *v3, const struct ctl3_request *request,
    struct ctl3_answer *answer)
{
	bool good = ctl3_ask(v3, request, answer);

	return is_to_repeat(sink, good, answer) ? ctl3_ask(v3, request, answer) : good;
}

/* ---- leases ------------------------------ */

static uint64_t
now_ms(void)
{
	return clock_now().monotonic_ms;
}

/* An answer with a problem is the caller's to look at. */
static bool
ask_of_lease(struct ctl3_sink *sink, struct ctl3 *v3, const char *path, uint64_t id,
    uint64_t ttl_s, struct ctl3_answer *answer)
{
	struct ctl3_of_lease what = { .path = path, .id = id, .ttl_s = ttl_s };
	bool good = ctl3_ask_of_lease(v3, &what, answer);

	return is_to_repeat(sink, good, answer) ? ctl3_ask_of_lease(v3, &what, answer) : good;
}

/* 0: there is none. */
static uint64_t
ttl_in_file(const struct etcd_snapshot *file, uint64_t id)
{
	size_t low = 0, high = file->lease_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (file->leases[middle].id < id)
			low = middle + 1;
		else
			high = middle;
	}
	return low < file->lease_count && file->leases[low].id == id ? file->leases[low].ttl_s : 0;
}

/* One that has run out has -1 left. *ttl_s 0: there is none. */
static int
ttl_at_source(struct ctl3_sink *sink, uint64_t id, uint64_t *ttl_s)
{
	struct ctl3_answer answer = { 0 };
	int code = CTL3_DONE;

	*ttl_s = sink->file == NULL ? 0 : ttl_in_file(sink->file, id);
	if (sink->file != NULL)
		return CTL3_DONE;
	if (!ask_of_lease(sink, sink->source, "/v3/lease/timetolive", id, 0, &answer))
		code = output_error(answer.exit, "a lease of the source: %s", answer.problem);
	else if (ctl3_message_i64(answer.root, "TTL") > 0)
		*ttl_s = ctl3_message_u64(answer.root, "grantedTTL");
	ctl3_answer_free(&answer);
	return code;
}

static int
grant(struct ctl3_sink *sink, struct ctl3_sink_lease *lease)
{
	struct ctl3_answer answer = { 0 };
	int code = CTL3_DONE;

	if (ask_of_lease(sink, sink->target, "/v3/lease/grant", lease->id, lease->ttl_s, &answer))
		sink->leases++;
	else if (strcmp(answer.problem, LEASE_EXISTS) != 0)
		code = output_error(answer.exit, "a lease: %s", answer.problem);
	ctl3_answer_free(&answer);
	lease->due_ms = now_ms() + lease->ttl_s * 1000 / 3;
	return code;
}

static int
know(struct ctl3_sink *sink, uint64_t id, struct ctl3_sink_lease **known)
{
	struct hash_link *link = hash_find(&sink->known, id_key(&id));
	struct ctl3_sink_lease *lease;
	uint64_t ttl_s;
	int code;

	if (link != NULL) {
		*known = CONTAINER_OF(link, struct ctl3_sink_lease, link);
		return CTL3_DONE;
	}
	code = ttl_at_source(sink, id, &ttl_s);
	if (code != CTL3_DONE)
		return code;
	lease = xzalloc(sizeof(*lease));
	lease->id = id;
	lease->ttl_s = ttl_s;
	hash_insert(&sink->known, &lease->link, id_key(&lease->id));
	sink->by_turn = xgrow(sink->by_turn, &sink->lease_capacity, sink->lease_count + 1,
	    sizeof(sink->by_turn[0]));
	sink->by_turn[sink->lease_count++] = lease;
	*known = lease;
	return ttl_s == 0 ? CTL3_DONE : grant(sink, lease);
}

int
ctl3_sink_all_leases(struct ctl3_sink *sink)
{
	struct ctl3_request request = { .path = "/v3/lease/leases", .repeatable = true };
	struct ctl3_answer answer = { 0 };
	struct ctl3_sink_lease *lease;
	int code = CTL3_DONE;

	for (size_t i = 0; sink->file != NULL && i < sink->file->lease_count; i++) {
		code = know(sink, sink->file->leases[i].id, &lease);
		if (code != CTL3_DONE)
			return code;
	}
	if (sink->file != NULL)
		return CTL3_DONE;
	if (!ask(sink, sink->source, &request, &answer))
		code = output_error(answer.exit, "the leases of the source: %s", answer.problem);
	for (const struct json *each = code != CTL3_DONE ? NULL :
	     ctl3_message_first(answer.root, "leases"); each != NULL && code == CTL3_DONE;
	     each = each->next)
		code = know(sink, ctl3_message_u64(each, "ID"), &lease);
	ctl3_answer_free(&answer);
	return code;
}

static int
renew(struct ctl3_sink *sink, struct ctl3_sink_lease *lease)
{
	struct ctl3_answer answer = { 0 };
	uint64_t ttl_s;
	bool good;
	int code = ttl_at_source(sink, lease->id, &ttl_s);

	if (code != CTL3_DONE)
		return code;
	good = ask_of_lease(sink, sink->target,
	    ttl_s > 0 ? "/v3/lease/keepalive" : "/v3/lease/revoke", lease->id, 0, &answer);
	if (!good && strcmp(answer.problem, LEASE_NOT_FOUND) != 0)
		code = output_error(answer.exit, "a lease: %s", answer.problem);
	ctl3_answer_free(&answer);
	lease->ttl_s = ttl_s;
	lease->due_ms = now_ms() + ttl_s * 1000 / 3;
	return code;
}

int
ctl3_sink_renew(struct ctl3_sink *sink)
{
	uint64_t now = now_ms();
	size_t renewed = 0;

	for (size_t i = 0; i < sink->lease_count && renewed < RENEWALS_MAX; i++) {
		struct ctl3_sink_lease *lease = sink->by_turn[sink->turn++ % sink->lease_count];
		int code;

		if (lease->ttl_s == 0 || lease->due_ms > now)
			continue;
		renewed++;
		code = renew(sink, lease);
		if (code != CTL3_DONE)
			return code;
	}
	return CTL3_DONE;
}

/* ---- keys ------------------------------ */

/* One was not renewed in time, and is gone here. */
static int
grant_again(struct ctl3_sink *sink)
{
	for (size_t i = 0; i < sink->lease_count; i++) {
		int code = sink->by_turn[i]->ttl_s == 0 ? CTL3_DONE :
		    grant(sink, sink->by_turn[i]);

		if (code != CTL3_DONE)
			return code;
	}
	return CTL3_DONE;
}

int
ctl3_sink_flush(struct ctl3_sink *sink)
{
	struct ctl3_request request = { .path = "/v3/kv/txn", .repeatable = true };
	struct ctl3_answer answer = { 0 };
	int code = CTL3_DONE;

	if (sink->op_count == 0)
		return CTL3_DONE;
	buf_append(&sink->ops, "]}", 2);
	request.body = buf_slice(&sink->ops);
	if (!ask(sink, sink->target, &request, &answer)) {
		if (strcmp(answer.problem, LEASE_NOT_FOUND) == 0)
			code = grant_again(sink);
		if (code == CTL3_DONE && !ask(sink, sink->target, &request, &answer))
			code = output_error(answer.exit, "%s", answer.problem);
	}
	ctl3_answer_free(&answer);
	forget_changed(sink);
	return code;
}

/* Room for one more of that key: no transaction changes a key twice. */
static int
begin_op(struct ctl3_sink *sink, struct slice key, struct json_put *json)
{
	struct changed_key *changed;

	if (sink->op_count == OPS_MAX || sink->ops.size >= OPS_BYTES ||
	    hash_find(&sink->changed, key) != NULL) {
		int code = ctl3_sink_flush(sink);

		if (code != CTL3_DONE)
			return code;
	}
	changed = xzalloc(sizeof(*changed));
	buf_append_slice(&changed->name, key);
	hash_insert(&sink->changed, &changed->link, buf_slice(&changed->name));
	buf_append_text(&sink->ops, sink->op_count == 0 ? "{\"success\":[" : ",");
	*json = json_put_into(&sink->ops);
	sink->op_count++;
	return CTL3_DONE;
}

int
ctl3_sink_put(struct ctl3_sink *sink, struct slice key, struct slice value, uint64_t lease)
{
	struct ctl3_sink_lease *known = NULL;
	struct json_put json;
	int code = lease == 0 ? CTL3_DONE : know(sink, lease, &known);

	if (code == CTL3_DONE)
		code = begin_op(sink, key, &json);
	if (code != CTL3_DONE)
		return code;
	json_put_open(&json, NULL, '{');
	json_put_open(&json, "request_put", '{');
	ctl3_put_bytes(&json, "key", key);
	ctl3_put_bytes(&json, "value", value);
	if (known != NULL && known->ttl_s > 0)
		ctl3_put_int(&json, "lease", (int64_t)lease);
	json_put_close(&json, '}');
	json_put_close(&json, '}');
	sink->puts++;
	return CTL3_DONE;
}

int
ctl3_sink_delete(struct ctl3_sink *sink, struct slice key)
{
	struct json_put json;
	int code = begin_op(sink, key, &json);

	if (code != CTL3_DONE)
		return code;
	json_put_open(&json, NULL, '{');
	json_put_open(&json, "request_delete_range", '{');
	ctl3_put_bytes(&json, "key", key);
	json_put_close(&json, '}');
	json_put_close(&json, '}');
	sink->deletes++;
	return CTL3_DONE;
}
