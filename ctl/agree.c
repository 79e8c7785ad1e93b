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

#define OPINIONS_MAX (ENDPOINTS_MAX + MEMBERS_SHOWN_MAX)
/* A leader changes in less, but for a cluster with very long time-outs. */
#define AGAIN_FOR_NS (3 * NS_PER_SECOND)
#define AGAIN_EVERY_US 300000

/* What one of them says; empty: nothing. */
struct opinion {
	const char *url;		/* borrowed */
	char *cluster, *leader_id, *leader;
};

struct opinions {
	struct opinion list[OPINIONS_MAX];
	size_t count;
};

static void
forget(struct opinion *opinion)
{
	free(opinion->cluster);
	free(opinion->leader_id);
	free(opinion->leader);
	*opinion = (struct opinion){ .url = opinion->url };
}

static void
add_url(struct opinions *opinions, const char *url)
{
	if (url == NULL)
		return;
	for (size_t i = 0; i < opinions->count; i++)
		if (strcmp(opinions->list[i].url, url) == 0)
			return;
	opinions->list[opinions->count++] = (struct opinion){ .url = url };
}

static char *
copy(struct slice text)
{
	return xasprintf("%.*s", SLICE_ARGS(text));
}

static void
take(struct opinion *opinion, const struct client_answer *answer)
{
	struct json_doc doc;

	if (answer->cluster_id[0] != '\0')
		opinion->cluster = xstrdup(answer->cluster_id);
	if (answer->status != 200 ||
	    json_doc_read(buf_slice(&answer->body), &doc) != ERR_NONE)
		return;
	opinion->leader_id = copy(json_string(doc.root, "id"));
	opinion->leader = copy(json_string(doc.root, "name"));
	json_doc_free(&doc);
}

static void
ask_all(struct client *client, struct opinions *opinions)
{
	struct parallel *parallel = parallel_new(client, opinions->count);
	struct parallel_done done;

	for (size_t i = 0; i < opinions->count; i++) {
		forget(&opinions->list[i]);
		parallel_start(parallel, &(struct client_request){ .method = "GET",
		    .path = "/v2/members/leader", .only = opinions->list[i].url,
		    .repeatable = true, .limit_ms = client_connect_ms(client) }, i);
	}
	while (parallel_wait(parallel, &done))
		if (done.answered)
			take(&opinions->list[done.tag], done.answer);
	parallel_free(&parallel);
}

static bool
ids_differ(const char *a, const char *b)
{
	return a != NULL && b != NULL && a[0] != '\0' && b[0] != '\0' &&
	    !member_list_same_id(slice_text(a), slice_text(b));
}

static bool
clusters_differ(const struct opinions *opinions)
{
	for (size_t i = 0; i < opinions->count; i++)
		for (size_t j = 0; j < i; j++)
			if (ids_differ(opinions->list[i].cluster, opinions->list[j].cluster))
				return true;
	return false;
}

static bool
leaders_differ(const struct opinions *opinions)
{
	for (size_t i = 0; i < opinions->count; i++)
		for (size_t j = 0; j < i; j++)
			if (ids_differ(opinions->list[i].leader_id, opinions->list[j].leader_id))
				return true;
	return false;
}

static const char *
shown(const char *text, const char *otherwise)
{
	return text == NULL || text[0] == '\0' ? otherwise : text;
}

static int
say(const struct opinions *opinions)
{
	for (size_t i = 0; i < opinions->count; i++) {
		const struct opinion *opinion = &opinions->list[i];

		if (opinion->cluster == NULL && opinion->leader_id == NULL)
			output_say("  %s: no answer\n", opinion->url);
		else
			output_say("  %s: cluster %s, leader %s\n", opinion->url,
			    shown(opinion->cluster, "unknown"), shown(opinion->leader, "none"));
	}
	if (clusters_differ(opinions))
		return output_fail(CTL_DIFFERENT, "these are different clusters; a machine that "
		    "lost its data is started with -peers HOST:PORT of another member");
	return output_fail(CTL_DIFFERENT, "these have different leaders, which cannot last: ask "
	    "again, and then see whether the members reach one another");
}

int
agree_check(struct client *client, const struct member_list *members)
{
	uint64_t end_ns = clock_monotonic_ns() + AGAIN_FOR_NS;
	struct opinions *opinions = xzalloc(sizeof(*opinions));
	int code = CTL_DONE;
	bool differ;

	for (size_t i = 0; i < client_endpoint_count(client); i++)
		add_url(opinions, client_endpoint(client, i));
	for (size_t i = 0; i < members->count; i++)
		add_url(opinions, members->list[i].client_url);
	do {
		ask_all(client, opinions);
		differ = clusters_differ(opinions) || leaders_differ(opinions);
	} while (differ && interrupt_signal() == 0 && clock_monotonic_ns() < end_ns &&
	    usleep(AGAIN_EVERY_US) == 0);
	if (interrupt_signal() != 0)
		code = 128 + interrupt_signal();
	else if (differ)
		code = say(opinions);
	for (size_t i = 0; i < opinions->count; i++)
		forget(&opinions->list[i]);
	free(opinions);
	return code;
}
