/*
 * machines.c - /v2/machines: client URLs, the leader's first.
 *
 * Clients split at exactly ", " and take the first for the leader.
 */
#include "common/printable.h"
#include "httpd/client/handlers.h"
#include "httpd/cluster.h"
#include "httpd/worker.h"

static void
put_url(struct buf *body, const struct cluster_member *member)
{
	/* It has not said where its clients reach it: it was never started. */
	if (member->client_url[0] == '\0')
		return;
	if (body->size > 0)
		buf_append(body, ", ", 2);
	printable_put(body, slice_text(member->client_url));
}

void
machines_handle(struct request *request)
{
	const struct cluster *cluster = request->worker->cluster;
	const struct cluster_member *leader = cluster_member(cluster, cluster->leader_id);
	struct buf body = BUF_INIT;

	if (leader != NULL)
		put_url(&body, leader);
	for (size_t i = 0; i < cluster->member_count; i++)
		if (&cluster->members[i] != leader)
			put_url(&body, &cluster->members[i]);
	response_send(request, 200, "text/plain; charset=utf-8", buf_slice(&body));
	buf_free(&body);
}
