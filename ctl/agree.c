/*
 * agree.c - cluster ids and leaders compared (see agree.h).
 *
 * /v2/members/leader has both: the id of the cluster as a header, the leader as its body.
 * All are asked side by side, so those that are gone cost their time once.
 */
#include "ctl/agree.h"

#include "common/clock.h"
#include "common/xmem.h"
#include "ctl/endpoints.h"
#include "ctl/interrupt.h"
#include "ctl/parallel.h"

#include <stdlib.h>
#include <unistd.h>

#define VIEWS_MAX (ENDPOINTS_MAX + MEMBERS_SHOWN_MAX)
/* A leader changes in less, but for a cluster with very long time-outs. */
#define AGAIN_FOR_NS (3 * NS_PER_SECOND)
#define AGAIN_EVERY_US 300000

/* What one of them says; empty: nothing. */
struct view {
	const char *url;		/* borrowed */
	char *cluster, *leader_id, *leader;
};

struct views {
	struct view list[VIEWS_MAX];
	size_t count;
};

static void
forget(struct view *view)
{
	free(view->cluster);
	free(view->leader_id);
	free(view->leader);
	*view = (struct view){ .url = view->url };
}

static void
add_url(struct views *views, const char *url)
{
	if (url == NULL)
		return;
	for (size_t i = 0; i < views->count; i++)
		if (strcmp(views->list[i].url, url) == 0)
			return;
	views->list[views->count++] = (struct view){ .url = url };
}

static char *
copy(struct slice text)
{
	return xasprintf("%.*s", SLICE_ARGS(text));
}

static void
take(struct view *view, const struct client_answer *answer)
{
	struct json_doc doc;

	if (answer->cluster_id[0] != '\0')
		view->cluster = xstrdup(answer->cluster_id);
	if (answer->status != 200 ||
	    json_doc_read(buf_slice(&answer->body), &doc) != ERR_NONE)
		return;
	view->leader_id = copy(json_string(doc.root, "id"));
	view->leader = copy(json_string(doc.root, "name"));
	json_doc_free(&doc);
}

static void
ask_all(struct client *client, struct views *views)
{
	struct parallel *parallel = parallel_new(client, views->count);
	struct parallel_done done;

	for (size_t i = 0; i < views->count; i++) {
		forget(&views->list[i]);
		parallel_start(parallel, &(struct client_request){ .method = "GET",
		    .path = "/v2/members/leader", .only = views->list[i].url,
		    .repeatable = true, .limit_ms = client_connect_ms(client) }, i);
	}
	while (parallel_wait(parallel, &done))
		if (done.answered)
			take(&views->list[done.tag], done.answer);
	parallel_free(&parallel);
}

static bool
ids_differ(const char *a, const char *b)
{
	return a != NULL && b != NULL && a[0] != '\0' && b[0] != '\0' &&
	    !members_same_id(slice_text(a), slice_text(b));
}

static bool
clusters_differ(const struct views *views)
{
	for (size_t i = 0; i < views->count; i++)
		for (size_t j = 0; j < i; j++)
			if (ids_differ(views->list[i].cluster, views->list[j].cluster))
				return true;
	return false;
}

static bool
leaders_differ(const struct views *views)
{
	for (size_t i = 0; i < views->count; i++)
		for (size_t j = 0; j < i; j++)
			if (ids_differ(views->list[i].leader_id, views->list[j].leader_id))
				return true;
	return false;
}

static const char *
shown(const char *text, const char *otherwise)
{
	return text == NULL || text[0] == '\0' ? otherwise : text;
}

static int
say(const struct views *views)
{
	for (size_t i = 0; i < views->count; i++) {
		const struct view *view = &views->list[i];

		if (view->cluster == NULL && view->leader_id == NULL)
			output_say("  %s: no answer\n", view->url);
		else
			output_say("  %s: cluster %s, leader %s\n", view->url,
			    shown(view->cluster, "unknown"), shown(view->leader, "none"));
	}
	if (clusters_differ(views))
		return output_fail(CTL_DIFFERENT, "these are different clusters; a machine that "
		    "lost its data is started with -peers HOST:PORT of another member");
	return output_fail(CTL_DIFFERENT, "these have different leaders, which cannot last: ask "
	    "again, and then see whether the members reach one another");
}

int
agree_check(struct client *client, const struct members *members)
{
	uint64_t end_ns = clock_monotonic_ns() + AGAIN_FOR_NS;
	struct views *views = xzalloc(sizeof(*views));
	int code = CTL_DONE;
	bool differ;

	for (size_t i = 0; i < client_endpoint_count(client); i++)
		add_url(views, client_endpoint(client, i));
	for (size_t i = 0; i < members->count; i++)
		add_url(views, members->list[i].client_url);
	do {
		ask_all(client, views);
		differ = clusters_differ(views) || leaders_differ(views);
	} while (differ && interrupt_signal() == 0 && clock_monotonic_ns() < end_ns &&
	    usleep(AGAIN_EVERY_US) == 0);
	if (interrupt_signal() != 0)
		code = 128 + interrupt_signal();
	else if (differ)
		code = say(views);
	for (size_t i = 0; i < views->count; i++)
		forget(&views->list[i]);
	free(views);
	return code;
}
