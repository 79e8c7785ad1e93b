/*
 * health.c - cluster-health, in the words of the 2.x clients.
 *
 * A member that answers that it is healthy has a leader and a majority. Members of two
 * clusters may all be healthy, so what they tell of their cluster is compared.
 */
#include "common/json_put.h"
#include "ctl/agree.h"
#include "ctl/client.h"
#include "ctl/members.h"

#include <unistd.h>

#define CHECK_EVERY_S 10

enum health { HEALTHY, UNHEALTHY, UNREACHABLE };

/* Servers say {"health":"true"} or {"health":true}. */
static enum health
health_of(struct client *client, const struct listed_member *member, struct client_answer *answer)
{
	struct client_request request = { .method = "GET", .path = "/health",
		.only = member->client_url, .repeatable = true };
	enum health health = UNHEALTHY;
	struct json_doc doc;

	if (member->client_url == NULL ||
	    client_ask(client, &request, answer) != CLIENT_ANSWERED)
		return UNREACHABLE;
	if (json_doc_read(buf_slice(&answer->body), &doc) != ERR_NONE)
		return UNHEALTHY;
	if (json_true(doc.root, "health") ||
	    slice_equal(json_string(doc.root, "health"), SLICE_LITERAL("true")))
		health = HEALTHY;
	json_doc_free(&doc);
	return health;
}

/* One of ours says why it is not healthy; doc owns the text. Empty: it does not. */
static struct slice
reason_of(const struct client_answer *answer, enum health health, struct json_doc *doc)
{
	if (health != UNHEALTHY || json_doc_read(buf_slice(&answer->body), doc) != ERR_NONE)
		return slice_text("");
	return json_string(doc->root, "reason");
}

static void
say(const struct ctl *ctl, const struct listed_member *member, enum health health,
    const struct client_answer *answer)
{
	static const char *const words[] = { [HEALTHY] = "healthy", [UNHEALTHY] = "unhealthy",
		[UNREACHABLE] = "unreachable" };
	struct json_doc doc = { 0 };
	struct slice reason = reason_of(answer, health, &doc);
	struct buf line = BUF_INIT;
	struct json_put json = json_put_into(&line);

	if (ctl->out.format == FORMAT_JSON) {
		json_put_open(&json, NULL, '{');
		json_put_text(&json, "id", member->id);
		json_put_text(&json, "name", member->name);
		json_put_text(&json, "health", slice_text(words[health]));
		if (reason.size > 0)
			json_put_text(&json, "reason", reason);
		json_put_close(&json, '}');
		output_json_line(&ctl->out, &json);
		buf_free(&line);
		json_doc_free(&doc);
		return;
	}
	if (member->client_url == NULL)
		output_print(&ctl->out, "member %.*s is unreachable: no available published client "
		    "urls\n", SLICE_ARGS(member->id));
	else if (health == UNREACHABLE)
		output_print(&ctl->out, "failed to check the health of member %.*s on %s\n"
		    "member %.*s is unreachable: [%.*s] are all unreachable\n",
		    SLICE_ARGS(member->id), answer->problem == NULL ? "" : answer->problem,
		    SLICE_ARGS(member->id), SLICE_ARGS(member->client_urls));
	else
		output_print(&ctl->out, "member %.*s is %s: got %s result from %s%s%.*s\n",
		    SLICE_ARGS(member->id), words[health], words[health], member->client_url,
		    reason.size == 0 ? "" : ": ", SLICE_ARGS(reason));
	json_doc_free(&doc);
}

static int
check(struct ctl *ctl, struct client *client, const struct member_list *members)
{
	struct client_answer answer = { 0 };
	size_t healthy = 0;
	int code;

	for (size_t i = 0; i < members->count; i++) {
		enum health health;

		client_restart_clock(client);
		health = health_of(client, &members->list[i], &answer);
		say(ctl, &members->list[i], health, &answer);
		healthy += health == HEALTHY;
	}
	client_answer_free(&answer);
	code = agree_check(client, members);
	if (ctl->out.format != FORMAT_JSON)
		output_print(&ctl->out, "cluster is %s\n", healthy == 0 || code != CTL_DONE ?
		    "unhealthy" : healthy < members->count ? "degraded" : "healthy");
	return code == CTL_DONE && healthy == 0 ? CTL_SERVER_ERROR : code;
}

int
ctl_cluster_health(struct ctl *ctl)
{
	bool forever = ctl_arguments_flag(ctl->arguments, OPT_FOREVER_HEALTH);
	struct client *client = NULL;
	struct member_list members = { 0 };
	int code = client_open(ctl, NULL, &client);

	if (code == CTL_DONE)
		code = member_list_read(client, &members);
	if (code == CTL_DONE) {
		while (code = check(ctl, client, &members), forever) {
			if (ctl->out.format != FORMAT_JSON)
				output_print(&ctl->out, "\nnext check after %d seconds...\n\n",
				    CHECK_EVERY_S);
			(void)output_flush();
			sleep(CHECK_EVERY_S);
		}
	} else if (ctl->out.format != FORMAT_JSON) {
		output_print(&ctl->out, "cluster may be unhealthy: failed to list members\n");
	}
	member_list_free(&members);
	client_free(&client);
	return code;
}
