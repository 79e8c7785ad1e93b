/*
 * member.c - member list, add, remove, update, promote; move-leader.
 */
#include "common/xmem.h"
#include "ctl/v3/message.h"
#include "ctl/v3/op.h"
#include "ctl/v3/show.h"
#include "ctl/v3/targets.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- list ---------------------------------------------------------------------- */

static const char *const titles[] = { "ID", "STATUS", "NAME", "PEER ADDRS", "CLIENT ADDRS",
	"IS LEARNER" };

static void
join(struct buf *out, const struct json *member, const char *name)
{
	const struct json *first = ctl3_message_first(member, name);

	for (const struct json *url = first; url != NULL; url = url->next)
		buf_printf(out, "%s%.*s", url == first ? "" : ",", SLICE_ARGS(url->text));
}

static void
member_cells(struct ctl3_table *cells, const struct json *member)
{
	struct slice name = json_string(member, "name");
	struct buf peers = BUF_INIT, clients = BUF_INIT;

	join(&peers, member, "peerURLs");
	join(&clients, member, "clientURLs");
	ctl3_table_add(cells, "%" PRIx64, ctl3_message_u64(member, "ID"));
	ctl3_table_add(cells, "%s", name.size == 0 ? "unstarted" : "started");
	ctl3_table_add(cells, "%.*s", SLICE_ARGS(name));
	ctl3_table_add(cells, "%.*s", SLICE_ARGS(peers));
	ctl3_table_add(cells, "%.*s", SLICE_ARGS(clients));
	ctl3_table_add(cells, "%s", json_true(member, "isLearner") ? "true" : "false");
	buf_free(&peers);
	buf_free(&clients);
}

static void
show_member_line(const struct ctl3 *v3, const struct json *member)
{
	struct ctl3_table cells = { 0 };

	member_cells(&cells, member);
	for (size_t i = 0; i < cells.count; i++) {
		output_print(&v3->out, "%s%s", i > 0 ? ", " : "", cells.cells[i]);
		free(cells.cells[i]);
	}
	output_print(&v3->out, "\n");
	free(cells.cells);
}

static void
show_member_fields(const struct ctl3 *v3, const struct json *member)
{
	ctl3_field_u64(v3, "ID", ctl3_message_u64(member, "ID"));
	ctl3_field_text(v3, "Name", json_string(member, "name"));
	for (const struct json *url = ctl3_message_first(member, "peerURLs"); url != NULL;
	     url = url->next)
		ctl3_field_text(v3, "PeerURL", url->text);
	for (const struct json *url = ctl3_message_first(member, "clientURLs"); url != NULL;
	     url = url->next)
		ctl3_field_text(v3, "ClientURL", url->text);
	ctl3_field_bool(v3, "IsLearner", json_true(member, "isLearner"));
	output_print(&v3->out, "\n");
}

static void
show_members(const struct ctl3 *v3, const struct json *root)
{
	struct ctl3_table table = { .titles = titles, .columns = ARRAY_COUNT(titles) };

	if (v3->format == CTL3_JSON) {
		ctl3_show_json(v3, root);
		return;
	}
	if (v3->format == CTL3_FIELDS)
		ctl3_show_header(v3, root);
	for (const struct json *member = ctl3_message_first(root, "members"); member != NULL;
	     member = member->next) {
		if (v3->format == CTL3_SIMPLE)
			show_member_line(v3, member);
		else if (v3->format == CTL3_FIELDS)
			show_member_fields(v3, member);
		else
			member_cells(&table, member);
	}
	if (v3->format == CTL3_TABLE)
		ctl3_table_show(v3, &table);
}

int
ctl3_member_list(struct ctl3 *v3)
{
	struct ctl3_request request = { .path = "/v3/cluster/member/list", .repeatable = true };
	struct ctl3_answer answer = { 0 };
	int code = ctl3_call(v3, &request, &answer);

	if (code == CTL3_DONE)
		show_members(v3, answer.root);
	ctl3_answer_free(&answer);
	return code;
}

/* ---- changes ------------------------------------------------------------------- */

static int
read_id(const struct ctl3 *v3, uint64_t *id)
{
	char *problem;
	int code;

	if (ctl3_read_hex(v3->arguments->words[0], "ParseUint", id, &problem))
		return CTL3_DONE;
	code = output_error(CTL3_BAD_ARGS, "bad member ID arg (%s), expecting ID in Hex", problem);
	free(problem);
	return code;
}

static void
put_u64(struct json_put *json, const char *name, uint64_t number)
{
	char text[32];

	snprintf(text, sizeof(text), "\"%" PRIu64 "\"", number);
	json_put_raw(json, name, text);
}

/* False: there are none. */
static bool
put_peer_urls(const struct ctl3 *v3, struct json_put *json)
{
	const char *list = ctl_arguments_text(v3->arguments, OPT_V3_PEER_URLS);

	if (list == NULL || list[0] == '\0')
		return false;
	json_put_open(json, "peerURLs", '[');
	for (;;) {
		size_t size = strcspn(list, ",");

		json_put_text(json, NULL, slice_of(list, size));
		if (list[size] == '\0')
			break;
		list += size + 1;
	}
	json_put_close(json, ']');
	return true;
}

static int
call_of_member(struct ctl3 *v3, const char *path, uint64_t id, bool urls,
    struct ctl3_answer *answer)
{
	struct ctl3_request request = { .path = path };
	struct buf body = BUF_INIT;
	struct json_put json = json_put_into(&body);
	int code = CTL3_DONE;

	json_put_open(&json, NULL, '{');
	put_u64(&json, "ID", id);
	if (urls && !put_peer_urls(v3, &json))
		code = output_error(CTL3_BAD_ARGS, "member peer urls not provided");
	json_put_close(&json, '}');
	request.body = buf_slice(&body);
	if (code == CTL3_DONE)
		code = ctl3_call(v3, &request, answer);
	buf_free(&body);
	return code;
}

static uint64_t
cluster_of(const struct json *root)
{
	return ctl3_message_u64(json_member(root, "header"), "cluster_id");
}

int
ctl3_member_remove(struct ctl3 *v3)
{
	struct ctl3_answer answer = { 0 };
	uint64_t id = 0;
	int code = read_id(v3, &id);

	if (code == CTL3_DONE)
		code = call_of_member(v3, "/v3/cluster/member/remove", id, false, &answer);
	if (code == CTL3_DONE)
		code = ctl3_show_done(v3, answer.root, false, "Member %16" PRIx64
		    " removed from cluster %16" PRIx64, id, cluster_of(answer.root));
	ctl3_answer_free(&answer);
	return code;
}

int
ctl3_member_update(struct ctl3 *v3)
{
	struct ctl3_answer answer = { 0 };
	uint64_t id = 0;
	int code = read_id(v3, &id);

	if (code == CTL3_DONE)
		code = call_of_member(v3, "/v3/cluster/member/update", id, true, &answer);
	if (code == CTL3_DONE)
		code = ctl3_show_done(v3, answer.root, false, "Member %16" PRIx64
		    " updated in cluster %16" PRIx64, id, cluster_of(answer.root));
	ctl3_answer_free(&answer);
	return code;
}

int
ctl3_member_promote(struct ctl3 *v3)
{
	struct ctl3_answer answer = { 0 };
	uint64_t id = 0;
	int code = read_id(v3, &id);

	if (code == CTL3_DONE)
		code = call_of_member(v3, "/v3/cluster/member/promote", id, false, &answer);
	if (code == CTL3_DONE)
		code = ctl3_show_done(v3, answer.root, false, "Member %16" PRIx64
		    " promoted in cluster %16" PRIx64, id, cluster_of(answer.root));
	ctl3_answer_free(&answer);
	return code;
}

/* ---- add ----------------------------------------------------------------------- */

/* name=URL of each member, and how the new one is started. */
static void
show_start(const struct ctl3 *v3, const struct json *root, uint64_t id)
{
	const char *name = v3->arguments->words[0];
	struct buf members = BUF_INIT, own = BUF_INIT;

	for (const struct json *member = ctl3_message_first(root, "members"); member != NULL;
	     member = member->next) {
		bool is_new = ctl3_message_u64(member, "ID") == id;
		struct slice title = is_new ? slice_text(name) : json_string(member, "name");

		for (const struct json *url = ctl3_message_first(member, "peerURLs"); url != NULL;
		     url = url->next)
			buf_printf(&members, "%s%.*s=%.*s", members.size > 0 ? "," : "",
			    SLICE_ARGS(title), SLICE_ARGS(url->text));
	}
	join(&own, json_member(root, "member"), "peerURLs");
	output_print(&v3->out, "\nETCD_NAME=\"%s\"\nETCD_INITIAL_CLUSTER=\"%.*s\"\n", name,
	    SLICE_ARGS(members));
	output_print(&v3->out, "ETCD_INITIAL_ADVERTISE_PEER_URLS=\"%.*s\"\n"
	    "ETCD_INITIAL_CLUSTER_STATE=\"existing\"\n", SLICE_ARGS(own));
	buf_free(&members);
	buf_free(&own);
}

int
ctl3_member_add(struct ctl3 *v3)
{
	struct ctl3_request request = { .path = "/v3/cluster/member/add" };
	struct ctl3_answer answer = { 0 };
	struct buf body = BUF_INIT;
	struct json_put json = json_put_into(&body);
	int code = CTL3_DONE;
	uint64_t id;

	json_put_open(&json, NULL, '{');
	if (!put_peer_urls(v3, &json))
		code = output_error(CTL3_BAD_ARGS, "member peer urls not provided");
	if (ctl_arguments_flag(v3->arguments, OPT_V3_LEARNER))
		json_put_bool(&json, "isLearner", true);
	json_put_close(&json, '}');
	request.body = buf_slice(&body);
	if (code == CTL3_DONE)
		code = ctl3_call(v3, &request, &answer);
	buf_free(&body);
	id = ctl3_message_u64(json_member(answer.root, "member"), "ID");
	if (code == CTL3_DONE)
		code = ctl3_show_done(v3, answer.root, false, "Member %16" PRIx64
		    " added to cluster %16" PRIx64, id, cluster_of(answer.root));
	if (code == CTL3_DONE && v3->format == CTL3_SIMPLE)
		show_start(v3, answer.root, id);
	ctl3_answer_free(&answer);
	return code;
}

/* ---- move-leader --------------------------------------------------------------- */

/* The endpoint that leads; only it can give that away. CTL3_DONE, or it was said. */
static int
find_leader(struct ctl3 *v3, const struct ctl3_targets *targets, size_t *which, uint64_t *id)
{
	for (size_t i = 0; i < targets->count; i++) {
		struct ctl3_answer answer = { 0 };
		uint64_t member, leader;

		if (!ctl3_targets_ask(v3, targets->names[i], "/v3/maintenance/status", SLICE_EMPTY,
		    &answer)) {
			int code = output_error(answer.exit, "%s", answer.problem);

			ctl3_answer_free(&answer);
			return code;
		}
		member = ctl3_message_u64(json_member(answer.root, "header"), "member_id");
		leader = ctl3_message_u64(answer.root, "leader");
		ctl3_answer_free(&answer);
		if (member == leader) {
			*which = i;
			*id = leader;
			return CTL3_DONE;
		}
	}
	return output_error(CTL3_BAD_ARGS, "no leader endpoint given at %s",
	    ctl_arguments_text(v3->arguments, OPT_V3_ENDPOINTS));
}

int
ctl3_move_leader(struct ctl3 *v3)
{
	struct ctl3_targets targets = { 0 };
	struct ctl3_answer answer = { 0 };
	struct buf body = BUF_INIT;
	struct json_put json = json_put_into(&body);
	char *problem = NULL;
	uint64_t target = 0, leader = 0;
	size_t which = 0;
	int code = CTL3_DONE;

	if (!ctl3_read_hex(v3->arguments->words[0], "ParseUint", &target, &problem)) {
		code = output_error(CTL3_BAD_ARGS, "%s", problem);
		free(problem);
		return code;
	}
	code = ctl3_targets_open(v3, &targets);
	if (code == CTL3_DONE)
		code = find_leader(v3, &targets, &which, &leader);
	json_put_open(&json, NULL, '{');
	put_u64(&json, "targetID", target);
	json_put_close(&json, '}');
	if (code == CTL3_DONE && !ctl3_targets_ask(v3, targets.names[which],
	    "/v3/maintenance/transfer-leadership", buf_slice(&body), &answer))
		code = output_error(answer.exit, "%s", answer.problem);
	if (code == CTL3_DONE)
		code = ctl3_show_done(v3, answer.root, false, "Leadership transferred from %"
		    PRIx64 " to %" PRIx64, leader, target);
	ctl3_answer_free(&answer);
	ctl3_targets_free(&targets);
	buf_free(&body);
	return code;
}
