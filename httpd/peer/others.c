/*
 * others.c - of what cluster are the nodes that -peers name (see others.h)?
 *
 *	asking --> asking	one has answered or failed: the next one	[done]
 *	asking --> waiting	it was the last one				[done]
 *	waiting -> asking	a while later					[on_timer]
 *
 * One who does not answer, is in no cluster or in ours is no news. What another one says
 * is told to raftd each time.
 */
#include "httpd/peer/others.h"

#include "common/xmem.h"
#include "httpd/peer/address_list.h"
#include "httpd/peer/http_client.h"
#include "httpd/peer/join_text.h"
#include "httpd/peer/peer_priv.h"

#include <stdlib.h>

#include <event2/bufferevent.h>

#define OTHERS_PAUSE_MS 5000
#define OTHERS_CONNECT_MS 1000
#define OTHERS_ANSWER_MS 5000

struct others {
	struct peers *peers;
	struct address_list list;
	size_t at;			/* who is being asked; count: nobody, it is a pause */
	struct http_call *call;
	struct loop_timer *timer;
};

static void ask(struct others *others);

static uint32_t
count_members(const struct buf *members)
{
	struct reader in = reader_of(buf_slice(members));
	struct member_record member;
	uint32_t count = 0;

	while (!reader_done(&in) && member_record_get(&in, &member))
		count++;
	return count;
}

/* GET /v2/admin/status has what the answer to a join has, and more. */
static void
take_answer(struct others *others, const struct answer *answer)
{
	struct buf *out = backend_out(others->peers->worker->backend);
	char address[ADDRESS_TEXT_BYTES];
	struct buf members = BUF_INIT;
	const char *problem;
	uint64_t cluster_id;

	if (answer_status(answer) == 200 && out != NULL &&
	    join_answer_parse(answer_body(answer), &cluster_id, &members, &problem) == ERR_NONE &&
	    cluster_id != others->peers->cluster_id) {
		peer_address_text(&others->list.items[others->at], address);
		msg_other_cluster_frame(out, 0, &(struct msg_other_cluster){
		    .cluster_id = cluster_id, .members = count_members(&members),
		    .address = slice_text(address) });
	}
	buf_free(&members);
}

static void
done(void *argument, const struct http_result *result)
{
	struct others *others = argument;

	others->call = NULL;
	if (result->upgraded != NULL)
		bufferevent_free(result->upgraded);
	else if (result->err == ERR_NONE)
		take_answer(others, result->answer);
	others->at++;
	if (others->at < others->list.count)
		ask(others);
	else
		loop_timer_set(others->timer, OTHERS_PAUSE_MS);
}

static void
ask(struct others *others)
{
	struct worker *worker = others->peers->worker;
	struct http_request request = {
		.address = others->list.items[others->at],
		.method = "GET",
		.path = "/v2/admin/status",
		.connect_ms = OTHERS_CONNECT_MS,
		.answer_ms = OTHERS_ANSWER_MS,
		.silence_ms = peers_silence_ms(others->peers),
		.tls = worker->tls,
	};

	others->call = http_start(others->peers->lookups, worker->loop, &request, done, others);
}

static void
on_timer(void *argument)
{
	struct others *others = argument;

	others->at = 0;
	if (others->list.count > 0)
		ask(others);
}

struct others *
others_new(struct peers *peers)
{
	const struct config *config = &peers->worker->config;
	struct others *others = xzalloc(sizeof(*others));

	others->peers = peers;
	others->list = address_list_read(config->peers, config->peer_addr);
	others->timer = loop_timer_new(peers->worker->loop, on_timer, others);
	loop_timer_set(others->timer, 0);
	return others;
}

void
others_free(struct others **others)
{
	if (*others == NULL)
		return;
	http_cancel(&(*others)->call);
	loop_timer_free(&(*others)->timer);
	address_list_free(&(*others)->list);
	free(*others);
	*others = NULL;
}
