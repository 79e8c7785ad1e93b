/*
 * member.c - member list, add, remove, update.
 *
 * Servers of the 2.x series change members at /v2/members of a client port. Here a
 * machine becomes a member when it joins, and is removed at a peer port: so a
 * removal is tried at the one place and then at the other.
 */
#include "common/json_put.h"
#include "common/program.h"
#include "common/xmem.h"
#include "ctl/agree.h"
#include "ctl/client.h"
#include "ctl/form.h"
#include "ctl/members.h"

#include <stdlib.h>

static const char json_type[] = "application/json";

/* ---- list ------------------------------------------------------------------------- */

static void
list_as_json(const struct output *out, const struct member_list *members)
{
	struct buf line = BUF_INIT;
	struct json_put json = json_put_into(&line);

	for (size_t i = 0; i < members->count; i++) {
		const struct listed_member *member = &members->list[i];

		json_put_open(&json, NULL, '{');
		json_put_text(&json, "id", member->id);
		json_put_text(&json, "name", member->name);
		json_put_text(&json, "peer_urls", member->peer_urls);
		json_put_text(&json, "client_urls", member->client_urls);
		json_put_bool(&json, "leader", member->leader);
		json_put_close(&json, '}');
		output_json_line(out, &json);
	}
	buf_free(&line);
}

static void
list_as_table(const struct output *out, const struct member_list *members)
{
	static const struct table_column columns[] = { { "ID", false, false },
		{ "NAME", false, true }, { "LEADER", false, false }, { "CLIENT URL", false, false },
		{ "PEER URL", false, false } };
	struct table table;

	table_init(&table, columns, ARRAY_COUNT(columns));
	for (size_t i = 0; i < members->count; i++) {
		const struct listed_member *member = &members->list[i];

		table_add(&table, COLOR_NONE, "%.*s", SLICE_ARGS(member->id));
		/* A place for one that has not joined yet. */
		table_add(&table, COLOR_NONE, "%.*s", SLICE_ARGS(member->name.size == 0 ?
		    slice_text("(place)") : member->name));
		table_add(&table, member->leader ? COLOR_GOOD : COLOR_FAINT, "%s",
		    member->leader ? "leader" : "-");
		table_add(&table, COLOR_NONE, "%.*s", SLICE_ARGS(member->client_urls));
		table_add(&table, COLOR_NONE, "%.*s", SLICE_ARGS(member->peer_urls));
	}
	table_print(out, &table);
	table_free(&table);
}

/* The lines of the 2.x clients. */
static void
list_as_lines(const struct output *out, const struct member_list *members)
{
	for (size_t i = 0; i < members->count; i++) {
		const struct listed_member *member = &members->list[i];

		if (member->name.size == 0) {
			output_print(out, "%.*s[unstarted]: peerURLs=%.*s\n",
			    SLICE_ARGS(member->id), SLICE_ARGS(member->peer_urls));
			continue;
		}
		output_print(out, "%.*s: name=%.*s peerURLs=%.*s clientURLs=%.*s isLeader=%s\n",
		    SLICE_ARGS(member->id), SLICE_ARGS(member->name), SLICE_ARGS(member->peer_urls),
		    SLICE_ARGS(member->client_urls), member->leader ? "true" : "false");
	}
}

static int
with_members(struct ctl *ctl, struct client **client, struct member_list *members)
{
	int code = client_open(ctl, NULL, client);

	*members = (struct member_list){ 0 };
	if (code == CTL_DONE)
		code = member_list_read(*client, members);
	return code;
}

int
ctl_member_list(struct ctl *ctl)
{
	struct client *client = NULL;
	struct member_list members;
	int code = with_members(ctl, &client, &members);
	bool known = code == CTL_DONE;

	if (known && ctl->out.format == FORMAT_JSON)
		list_as_json(&ctl->out, &members);
	else if (known && ctl->out.format == FORMAT_EXTENDED)
		list_as_lines(&ctl->out, &members);
	else if (known)
		list_as_table(&ctl->out, &members);
	if (known)
		code = agree_check(client, &members);
	member_list_free(&members);
	client_free(&client);
	return code;
}

/* ---- changes ------------------------------------------------------------------------ */

/* {"peerURLs":["...",...]} of a list with commas. */
static void
put_urls(struct buf *body, const char *list)
{
	struct json_put json = json_put_into(body);

	json_put_open(&json, NULL, '{');
	json_put_open(&json, "peerURLs", '[');
	while (*list != '\0') {
		size_t size = strcspn(list, ",");

		if (size > 0)
			json_put_text(&json, NULL, slice_of(list, size));
		list += size + (list[size] == ',');
	}
	json_put_close(&json, ']');
	json_put_close(&json, '}');
}

static bool
says(struct slice text, const char *words)
{
	return text.size > 0 && memmem(text.data, text.size, words, strlen(words)) != NULL;
}

/* Says what the server said; instead: what to do, NULL if the server's error tells. */
static int
refused(const struct client_answer *answer, const char *what, const char *instead)
{
	struct json_doc doc;
	struct slice said = slice_text(""), cause = slice_text("");
	bool read = json_doc_read(buf_slice(&answer->body), &doc) == ERR_NONE;
	int code = CTL_SERVER_ERROR;

	if (read) {
		said = json_string(doc.root, "message");
		cause = json_string(doc.root, "cause");
	}
	if (says(cause, "may or may not"))
		code = CTL_UNKNOWN_OUTCOME;
	output_fail(code, "%s: %s answers %u%s%.*s%s%.*s", what, answer->from, answer->status,
	    said.size == 0 ? "" : ": ", SLICE_ARGS(said), cause.size == 0 ? "" : ": ",
	    SLICE_ARGS(cause));
	if (instead != NULL)
		output_fail(code, "%s", instead);
	else if (answer->status == 500)
		output_fail(code, "members change only while a majority answers: start those that "
		    "are down; if their data is lost for good, '%s help recover'", program_own());
	if (read)
		json_doc_free(&doc);
	if (code == CTL_UNKNOWN_OUTCOME)
		return code;
	return answer->status == 401 || answer->status == 403 ? CTL_NOT_AUTHORISED :
								CTL_SERVER_ERROR;
}

/* The settings with which a machine of the 2.x series joins as that member; words: name, URLs. */
static void
print_settings(const struct output *out, const struct member_list *members,
    const char *const words[2], struct slice id)
{
	const char *name = words[0];

	output_print(out, "Added member named %s with ID %.*s to cluster\n\nETCD_NAME=\"%s\"\n"
	       "ETCD_INITIAL_CLUSTER=\"", name, SLICE_ARGS(id), name);
	for (size_t i = 0; i < members->count; i++)
		output_print(out, "%.*s=%.*s,", SLICE_ARGS(members->list[i].name),
		    SLICE_ARGS(members->list[i].peer_urls));
	output_print(out, "%s=%s\"\nETCD_INITIAL_CLUSTER_STATE=\"existing\"\n", name, words[1]);
}

static const char *
without_scheme(const char *url)
{
	const char *slashes = strstr(url, "//");

	return slashes == NULL ? url : slashes + 2;
}

/* "start it there: etcd -name ... -peers ..." */
static char *
how_to_join(const struct member_list *members, const char *name, const char *url)
{
	struct buf text = BUF_INIT;

	buf_printf(&text, "start it there: %s -name %s -peer-addr %s -peers ",
	    program_etcd(), name, without_scheme(url));
	for (size_t i = 0; i < members->count; i++) {
		if (members->list[i].peer_url != NULL)
			buf_printf(&text, "%s%s", i == 0 ? "" : ",",
			    without_scheme(members->list[i].peer_url));
	}
	buf_append_byte(&text, '\0');
	return (char *)text.data;
}

int
ctl_member_add(struct ctl *ctl)
{
	const char *name = ctl->arguments->words[0];
	const char *urls = ctl->arguments->words[1];
	struct client_answer answer = { 0 };
	struct client *client = NULL;
	struct buf body = BUF_INIT;
	enum client_result result;
	struct member_list members;
	struct json_doc doc;
	int code = with_members(ctl, &client, &members);

	if (code == CTL_DONE) {
		put_urls(&body, urls);
		result = client_ask(client, &(struct client_request){ .method = "POST",
		    .path = "/v2/members", .body = buf_slice(&body), .body_type = json_type },
		    &answer);
		code = client_fail(result, &answer);
	}
	if (code == CTL_DONE && answer.status == 201 &&
	    json_doc_read(buf_slice(&answer.body), &doc) == ERR_NONE) {
		print_settings(&ctl->out, &members, ctl->arguments->words,
		    json_string(doc.root, "id"));
		json_doc_free(&doc);
	} else if (code == CTL_DONE) {
		char *how = how_to_join(&members, name, urls);

		code = refused(&answer, "member add", how);
		free(how);
	}
	buf_free(&body);
	client_answer_free(&answer);
	member_list_free(&members);
	client_free(&client);
	return code;
}

static bool
is_no_such_method(unsigned status)
{
	return status == 404 || status == 405 || status == 409 || status == 501;
}

static enum client_result
remove_at_client_port(struct client *client, const struct listed_member *member,
    struct client_answer *answer)
{
	char *path = xasprintf("/v2/members/%.*s", SLICE_ARGS(member->id));
	enum client_result result = client_ask(client,
	    &(struct client_request){ .method = "DELETE", .path = path }, answer);

	free(path);
	return result;
}

/* At the leader's peer port, or at another one that is there. */
static enum client_result
remove_at_peer_port(struct client *client, const struct member_list *members,
    const struct listed_member *member, struct client_answer *answer)
{
	enum client_result result = CLIENT_NO_HOST;
	struct buf path = BUF_INIT;

	buf_append_text(&path, "/v2/admin/machines");
	form_key(&path, member->name);
	/* Otherwise a machine that runs comes back as another member. */
	buf_append_text(&path, "?forget=true");
	buf_append_byte(&path, '\0');
	for (int leaders = 1; leaders >= 0; leaders--) {
		for (size_t i = 0; i < members->count && result == CLIENT_NO_HOST; i++) {
			struct client_request request = { .method = "DELETE",
				.path = (const char *)path.data,
				.only = members->list[i].peer_url };

			if (members->list[i].leader == (leaders == 1) && request.only != NULL)
				result = client_ask(client, &request, answer);
		}
	}
	buf_free(&path);
	return result;
}

static int
remove_member(const struct output *out, struct client *client, const struct member_list *members,
    const struct listed_member *member)
{
	struct client_answer answer = { 0 };
	enum client_result result = remove_at_client_port(client, member, &answer);
	int code;

	if (result == CLIENT_ANSWERED && is_no_such_method(answer.status))
		result = remove_at_peer_port(client, members, member, &answer);
	code = client_fail(result, &answer);
	if (code == CTL_DONE && answer.status != 200 && answer.status != 204)
		code = refused(&answer, "member remove", NULL);
	if (code == CTL_DONE)
		output_print(out, "Removed member %.*s from cluster\n", SLICE_ARGS(member->id));
	client_answer_free(&answer);
	return code;
}

int
ctl_member_remove(struct ctl *ctl)
{
	const char *word = ctl->arguments->words[0];
	struct client *client = NULL;
	struct member_list members;
	int code = with_members(ctl, &client, &members);
	const struct listed_member *member = code == CTL_DONE ? member_list_find(&members, word) :
	    NULL;

	if (code == CTL_DONE && member == NULL)
		code = output_fail(CTL_BAD_ARGUMENTS,
		    "no member has the ID or name \"%s\"; see '%s member list'", word,
		    program_own());
	if (code == CTL_DONE) {
		char *what = xasprintf("remove member %.*s (%.*s) for good: its data there is of "
		    "no use any more, and %zu of %zu members remain", SLICE_ARGS(member->name),
		    SLICE_ARGS(member->id), members.count - 1, members.count);

		if (!output_confirm(&ctl->out, ctl->arguments, what))
			code = CTL_BAD_ARGUMENTS;
		free(what);
	}
	if (code == CTL_DONE)
		code = remove_member(&ctl->out, client, &members, member);
	member_list_free(&members);
	client_free(&client);
	return code;
}

int
ctl_member_update(struct ctl *ctl)
{
	const char *word = ctl->arguments->words[0];
	struct client_answer answer = { 0 };
	struct client *client = NULL;
	struct buf body = BUF_INIT;
	enum client_result result;
	struct member_list members;
	int code = with_members(ctl, &client, &members);
	const struct listed_member *member = code == CTL_DONE ? member_list_find(&members, word) :
	    NULL;
	char *path;

	if (code == CTL_DONE && member == NULL)
		code = output_fail(CTL_BAD_ARGUMENTS,
		    "no member has the ID or name \"%s\"; see '%s member list'", word,
		    program_own());
	if (code == CTL_DONE) {
		put_urls(&body, ctl->arguments->words[1]);
		path = xasprintf("/v2/members/%.*s", SLICE_ARGS(member->id));
		result = client_ask(client, &(struct client_request){ .method = "PUT", .path = path,
		    .body = buf_slice(&body), .body_type = json_type }, &answer);
		code = client_fail(result, &answer);
		free(path);
	}
	if (code == CTL_DONE && (answer.status == 204 || answer.status == 200))
		output_print(&ctl->out, "Updated member with ID %.*s in cluster\n",
		    SLICE_ARGS(member->id));
	else if (code == CTL_DONE)
		code = refused(&answer, "member update",
		    "start that node again with the new -peer-addr, and it registers itself");
	buf_free(&body);
	client_answer_free(&answer);
	member_list_free(&members);
	client_free(&client);
	return code;
}
