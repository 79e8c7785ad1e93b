/*
 * cluster.c - the Cluster service of the v3 API: who is in the cluster.
 *
 * A place for a member that nobody has taken yet is shown as a learner without a name.
 *
 * Source: docs/api.md, "v3".
 */
#include "common/url_list.h"
#include "httpd/client/v3/asked.h"
#include "httpd/client/v3/methods.h"
#include "httpd/cluster.h"
#include "httpd/worker.h"

static struct v3_slices
urls_of(struct arena *arena, const char *list)
{
	struct slice rest = slice_text(list), url, *items;
	struct v3_slices urls = { NULL, 0 };

	while (url_list_next(&rest, &url))
		urls.count++;
	items = arena_alloc(arena, (urls.count + 1) * sizeof(*items));
	rest = slice_text(list);
	for (size_t i = 0; url_list_next(&rest, &url); i++)
		items[i] = url;
	urls.items = items;
	return urls;
}

static void
answer_members(struct v3_call *call, uint64_t raft_term)
{
	const struct cluster *cluster = call->request->worker->cluster;
	struct arena *arena = &call->request->arena;
	struct v3_response_header header = call_header(call, raft_term);
	struct v3_member_list_response response = { .header = &header };
	struct v3_member *items = arena_zalloc(arena,
	    (cluster->member_count + cluster->place_count + 1) * sizeof(*items));
	size_t count = 0;

	for (size_t i = 0; i < cluster->member_count; i++)
		items[count++] = (struct v3_member){
			.ID = cluster->members[i].shown_id,
			.name = slice_text(cluster->members[i].name),
			.peerURLs = urls_of(arena, cluster->members[i].peer_url),
			.clientURLs = urls_of(arena, cluster->members[i].client_url),
			.isLearner = cluster->members[i].role == MEMBER_LEARNER,
		};
	for (size_t i = 0; i < cluster->place_count; i++)
		items[count++] = (struct v3_member){
			.ID = cluster->places[i].id,
			.peerURLs = urls_of(arena, cluster->places[i].peer_urls),
			.isLearner = true,
		};
	response.members.items = items;
	response.members.count = count;
	call_answer(call, &response);
}

/* raftd has pushed before who they are by now. */
static void
show_members(struct v3_asked *asked, const struct msg_outcome *outcome)
{
	answer_members(asked->of, outcome->raft_term);
}

void
serve_member_list(struct v3_call *call, const void *message)
{
	const struct v3_member_list_request *request = message;

	if (!call_may_ask(call))
		return;
	if (request->linearizable)
		backend_v3_state(call->request->worker->backend,
		    &asked_new_shown(call, show_members)->call,
		    &(struct msg_v3_state){ .what = V3_STATE_FIGURES, .quorum = 1 });
	else
		answer_members(call, call->request->worker->cluster->term);
}
