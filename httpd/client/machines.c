/*
 * machines.c - /v2/machines: client URLs, the leader's first.
 *
 * Clients split at exactly ", " and take the first for the leader.
 */
#include "common/printable.h"
#include "common/url_list.h"
#include "httpd/client/handlers.h"
#include "httpd/cluster.h"
#include "httpd/worker.h"

static void
put_urls(struct buf *body, const struct cluster_member *member)
{
	struct slice rest = slice_text(member->client_url), url;

	/* None: it has not said where its clients reach it, for it was never started. */
	while (url_list_next(&rest, &url)) {
		if (body->size > 0)
			buf_append(body, ", ", 2);
		printable_put(body, url);
	}
}

void
machines_handle(struct request *request)
{
	const struct cluster *cluster = request->worker->cluster;
	const struct cluster_member *leader = cluster_member(cluster, cluster->leader_id);
	struct buf body = BUF_INIT;

	if (leader != NULL)
		put_urls(&body, leader);
	for (size_t i = 0; i < cluster->member_count; i++)
		if (&cluster->members[i] != leader)
			put_urls(&body, &cluster->members[i]);
	response_send(request, 200, "text/plain; charset=utf-8", buf_slice(&body));
	buf_free(&body);
}
