/*
 * leader.c - /v2/leader: the leader's peer URL.
 */
#include "common/printable.h"
#include "common/url_list.h"
#include "httpd/api_error.h"
#include "httpd/client/handlers.h"
#include "httpd/cluster.h"
#include "httpd/worker.h"

void
leader_handle(struct request *request)
{
	const struct cluster *cluster = request->worker->cluster;
	const struct cluster_member *leader = cluster_member(cluster, cluster->leader_id);
	struct buf body = BUF_INIT;

	if (leader == NULL) {
		api_error(request, ERR_LEADER_ELECT, SLICE_EMPTY, cluster->store_index);
		return;
	}
	printable_put(&body, url_list_first(slice_text(leader->peer_url)));
	response_send(request, 200, "text/plain; charset=utf-8", buf_slice(&body));
	buf_free(&body);
}
