/*
 * join.c - asking to become a member (see join.h).
 *
 * One attempt asks each peer in turn until one says yes:
 *
 *	version  -->  machines	it answers 2; or no number: a client port says then
 *				where the peer port is		 [join_version]
 *	machines -->  join	it knows a cluster		 [join_machines]
 *	join     -->  joined	200 and the members		 [join_answered]
 *	join     -->  join	no leader now, or our name's old owner may be just
 *				dead: again, for 2 election timeouts (1 s at least)
 *	machines -->  pause	who was removed does not ask yet: it knows the leader now
 *	join     -->  config	the cluster is full: how often to ask, and from then on
 *				without end, the node standing by	 [join_full]
 *	join     -->  over	our id was removed meanwhile: raftd sees to it
 *	any      -->  next	anything else; after the last one a pause, then
 *				the next attempt		 [join_failed]
 *	any      -->  over	refused by a guard, or no attempt left [join_give_up]
 *
 * The node id is in what we send and stays the same, so asking twice does no
 * harm. When it is over the node ends: EXIT_USAGE if a guard refused (the name
 * or the address belongs to a member: nothing changes by itself), EXIT_TROUBLE
 * if the peers could not be reached or could not answer (which may pass).
 */
#include "httpd/peer/join.h"

#include "common/diag.h"
#include "common/limits.h"
#include "common/port_text.h"
#include "common/url_list.h"
#include "common/xmem.h"
#include "httpd/peer/address_list.h"
#include "httpd/peer/discovery.h"
#include "httpd/peer/http_client.h"
#include "httpd/peer/join_text.h"
#include "httpd/peer/peer_priv.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include <event2/bufferevent.h>

#define JOIN_CONNECT_MS 1000
#define JOIN_ANSWER_MS 5000
#define JOIN_AGAIN_MS 100	/* before the same peer is asked again */
#define JOIN_PATIENCE_MS 1000	/* at least, with the same peer */
#define JOIN_PAUSE_MS_MIN 2500
#define JOIN_PAUSE_MS_MAX 5000

enum join_step { JOIN_VERSION, JOIN_MACHINES, JOIN_ASK, JOIN_CONFIG };

struct join {
	struct peers *peers;
	struct address_list list;	/* whom to ask */
	size_t at;
	enum join_step step;
	struct peer_address target;	/* list.items[at], or where a redirect led */
	unsigned redirects;
	bool patient;			/* this peer has asked us to wait, */
	uint64_t patience_until_ms;	/* which we do until then */
	uint64_t attempts;		/* begun */
	uint64_t pause_ms;		/* drawn once; standing by: the cluster's interval */
	bool standby;			/* the cluster was full once, or we were removed */
	bool full;			/* the cluster was, when it was asked last */
	bool placeless;			/* it has room, but none for us */
	bool no_version;		/* what it said is none of a peer port */
	bool looking;			/* this attempt is only to find the leader */
	char leader[URL_BYTES_MAX + 1];	/* its client URL, by the last list of machines; or "" */
	struct http_call *call;
	struct loop_timer *timer;
	struct buf body;		/* of PUT /join */
	uint64_t cluster_id;		/* of the answer; 0: none yet */
	struct buf members;		/* of the answer */
	char reason[640];		/* of the last failure */
};

static void join_step(struct join *join);

static struct worker *
join_worker(const struct join *join)
{
	return join->peers->worker;
}

/* End the node with that sentence; nothing more is asked. */
static void
join_give_up(struct join *join, enum exit_code code, const char *sentence)
{
	const struct worker_owner *owner = &join_worker(join)->owner;

	loop_timer_cancel(join->timer);
	owner->end_node(owner->argument, code, sentence);
}

static void
join_attempt(struct join *join)
{
	join->attempts++;
	join->leader[0] = '\0';
	join->at = 0;
	join->target = join->list.items[0];
	join->redirects = 0;
	join->patient = false;
	join->step = JOIN_VERSION;
	join_step(join);
}

/* Where clients of a node without room are sent, as far as the attempt found out. */
static void
join_tell_standby(struct join *join)
{
	struct buf *out = backend_out(join_worker(join)->backend);

	if (out != NULL)
		msg_standby_frame(out, 0, &(struct msg_standby){
		    .leader_url = slice_text(join->leader) });
}

/* The attempt brought nothing. */
static void
join_pause(struct join *join)
{
	uint64_t limit = join->standby ? 0 : join_worker(join)->config.max_retry_attempts;
	char sentence[1400];

	join->looking = false;
	if (join->standby)
		join_tell_standby(join);
	if (limit == 0 || join->attempts < limit) {
		join->step = JOIN_VERSION;
		join->at = join->list.count;
		loop_timer_set(join->timer, join->pause_ms);
		return;
	}
	snprintf(sentence, sizeof(sentence),
	    "fail joining the cluster via given peers after %" PRIu64 " retries (%s)%s",
	    join->attempts, join->reason, join->peers->discovery == NULL ? "" :
	    discovery_hint(join->peers->discovery));
	join_give_up(join, EXIT_TROUBLE, sentence);
}

/* This peer did not make us a member: the next one, or the end of the attempt. */
static void
join_failed(struct join *join, const char *reason, bool rejected)
{
	char text[ADDRESS_TEXT_BYTES];

	peer_address_text(&join->target, text);
	snprintf(join->reason, sizeof(join->reason), "%.*s: %.300s", (int)sizeof(text), text,
	    reason);
	diag_info("peer", "%s attempted to join via %s failed: %s", join_worker(join)->config.name,
	    text, reason);
	join->at++;
	if (rejected || join->at == join->list.count) {
		join_pause(join);
		return;
	}
	join->target = join->list.items[join->at];
	join->redirects = 0;
	join->patient = false;
	join->step = JOIN_VERSION;
	join_step(join);
}

static void
join_failed_http(struct join *join, const struct answer *answer, const char *what)
{
	struct slice body = answer_body(answer);
	char reason[320];

	while (body.size > 0 && body.data[body.size - 1] == '\n')
		body.size--;
	body.size = MIN_OF(body.size, (size_t)200);
	snprintf(reason, sizeof(reason), "%s: status %u: %.*s", what, answer_status(answer),
	    (int)body.size, body.size > 0 ? (const char *)body.data : "");
	join_failed(join, reason, false);
}

/* Ask the same peer again for a while. False: it has had its time. */
static bool
join_again(struct join *join)
{
	const struct worker *worker = join_worker(join);
	uint64_t now_ms = loop_now(worker->loop).monotonic_ms;
	uint64_t patience_ms = MAX_OF(2 * worker->config.peer_election_timeout,
	    (uint64_t)JOIN_PATIENCE_MS);

	if (!join->patient) {
		join->patient = true;
		join->patience_until_ms = now_ms + patience_ms;
	}
	if (now_ms >= join->patience_until_ms)
		return false;
	loop_timer_set(join->timer, JOIN_AGAIN_MS);
	return true;
}

static void
join_version(struct join *join, const struct answer *answer)
{
	struct slice body = answer_body(answer);
	char reason[96];
	uint64_t version;

	if (answer_status(answer) != 200) {
		join_failed_http(join, answer, "no version");
		return;
	}
	while (body.size > 0 && body.data[body.size - 1] == '\n')
		body.size--;
	/* A client port has a version of another form, and says on being asked for the
	 * machines where the peer port is. */
	join->no_version = !peer_number_parse(body, UINT32_MAX, &version);
	if (join->no_version) {
		join->step = JOIN_MACHINES;
		join_step(join);
		return;
	}
	if (version != 2) {
		snprintf(reason, sizeof(reason), "it has internal version %" PRIu64
		    ", this node has 2", version);
		join_failed(join, reason, true);
		return;
	}
	join->step = JOIN_MACHINES;
	join_step(join);
}

/* It is no peer port. */
static void
join_failed_port(struct join *join, const struct answer *answer)
{
	struct slice start = SLICE_LITERAL(PORT_IS_OTHER "client port; the peer port is ");
	struct slice body = answer_body(answer);
	char reason[320];

	while (body.size > 0 && body.data[body.size - 1] == '\n')
		body.size--;
	if (answer_status(answer) != 404 || !slice_starts_with(body, start)) {
		join_failed(join, "its version is not a number", false);
		return;
	}
	body = slice_of(body.data + start.size, MIN_OF(body.size - start.size, (size_t)200));
	snprintf(reason, sizeof(reason), "it is a client port; peers listen on %.*s",
	    SLICE_ARGS(body));
	join_failed(join, reason, false);
}

static void
join_machines(struct join *join, const struct answer *answer)
{
	const char *problem;
	char reason[160];
	size_t count;

	if (join->no_version) {
		join_failed_port(join, answer);
		return;
	}
	if (answer_status(answer) != 200) {
		join_failed_http(join, answer, "no list of machines");
		return;
	}
	if (join_machines_parse(answer_body(answer), &count, join->leader, &problem) != ERR_NONE) {
		snprintf(reason, sizeof(reason), "its list of machines is wrong: %s", problem);
		join_failed(join, reason, false);
		return;
	}
	if (count == 0) {
		join_failed(join, "it is not a member of a cluster itself", false);
		return;
	}
	if (join->looking) {
		join_pause(join);
		return;
	}
	join->step = JOIN_ASK;
	join_step(join);
}

/* Another node is the one to ask; method and body stay. */
static void
join_redirected(struct join *join, const struct answer *answer)
{
	struct slice location = answer_header(answer, "Location");
	size_t end = location.size;

	if (end > 5 && memcmp(location.data + end - 5, "/join", 5) == 0)
		end -= 5;
	if (join->redirects++ == JOIN_REDIRECTS_MAX ||
	    peer_address_parse(slice_of(location.data, end), false, &join->target) != ERR_NONE) {
		join_failed(join, "it redirects to nowhere", false);
		return;
	}
	join_step(join);
}

/* We were let in, did not hear of it, and were removed again. True if that is so. */
static bool
join_removed(struct join *join, const struct join_error *error)
{
	struct buf *out = backend_out(join_worker(join)->backend);
	bool forgotten = strstr(error->text, JOIN_FORGOTTEN_CAUSE) != NULL;

	if (out == NULL || (!forgotten && strstr(error->text, JOIN_REMOVED_CAUSE) == NULL))
		return false;
	msg_join_removed_frame(out, 0, &(struct msg_join_removed){ .forgotten = forgotten });
	return true;
}

static void
join_refused(struct join *join, const struct answer *answer)
{
	char text[ADDRESS_TEXT_BYTES];
	struct join_error error;
	char sentence[800];
	const char *hint;

	if (join_error_parse(answer_body(answer), &error) != ERR_NONE) {
		join_failed_http(join, answer, "join refused");
		return;
	}
	if (join_removed(join, &error))
		return;
	if ((error.code == ERR_RAFT_INTERNAL || error.code == ERR_LEADER_ELECT ||
		error.code == ERR_KEY_EXISTS) && join_again(join))
		return;
	if (error.code == ERR_NO_MORE_PEER) {
		join->placeless = strstr(error.text, JOIN_NO_PLACE_CAUSE) != NULL;
		join->step = JOIN_CONFIG;
		join_step(join);
		return;
	}
	if (error.code != ERR_KEY_EXISTS && error.code != ERR_PEER_ADDRESS_EXISTS) {
		join_failed(join, error.text, false);
		return;
	}
	hint = error.code == ERR_KEY_EXISTS ? "choose another -name, or stop that member first"
					    : "choose another -peer-addr, or remove that member";
	peer_address_text(&join->target, text);
	snprintf(sentence, sizeof(sentence), "cannot join the cluster via %s: %.400s; %s",
	    text, error.text, hint);
	join_give_up(join, EXIT_USAGE, sentence);
}

/* There is no room. This node stands by, and looks again and again. */
static void
join_full(struct join *join, const struct answer *answer)
{
	join->pause_ms = join_sync_interval_ms(answer_body(answer));
	if (!join->full && join->placeless)
		diag_info("peer",
		    "%s stands by: no place was made for it, and the cluster lets nobody else "
		    "join (-strict-members); asking again every %" PRIu64 " ms",
		    join_worker(join)->config.name, join->pause_ms);
	else if (!join->full)
		diag_info("peer",
		    "%s stands by: the cluster has as many members as it wants; asking "
		    "again every %" PRIu64 " ms", join_worker(join)->config.name, join->pause_ms);
	join->standby = join->full = true;
	join_pause(join);
}

static void
join_tell(struct join *join)
{
	struct buf *out = backend_out(join_worker(join)->backend);

	if (out != NULL)
		msg_joined_frame(out, 0, &(struct msg_joined){
		    .cluster_id = join->cluster_id, .members = buf_slice(&join->members) });
}

static void
join_answered(struct join *join, const struct answer *answer)
{
	char text[ADDRESS_TEXT_BYTES];
	const char *problem;
	char reason[160];

	if (answer_status(answer) == 307) {
		join_redirected(join, answer);
		return;
	}
	if (answer_status(answer) != 200) {
		join_refused(join, answer);
		return;
	}
	buf_clear(&join->members);
	if (join_answer_parse(answer_body(answer), &join->cluster_id, &join->members, &problem) !=
	    ERR_NONE) {
		snprintf(reason, sizeof(reason), "its answer to the join is wrong: %s", problem);
		join_failed(join, reason, false);
		return;
	}
	peer_address_text(&join->target, text);
	diag_info("peer", "joined a cluster: id=%016" PRIx64 " via=%s", join->cluster_id, text);
	join_tell(join);
}

static void
join_done(void *argument, const struct http_result *result)
{
	struct join *join = argument;

	join->call = NULL;
	if (result->err != ERR_NONE) {
		join_failed(join, result->why, false);
		return;
	}
	if (result->upgraded != NULL) {
		bufferevent_free(result->upgraded);
		join_failed(join, "it changes the protocol unasked", false);
		return;
	}
	switch (join->step) {
	case JOIN_VERSION:
		join_version(join, result->answer);
		break;
	case JOIN_MACHINES:
		join_machines(join, result->answer);
		break;
	case JOIN_ASK:
		join_answered(join, result->answer);
		break;
	case JOIN_CONFIG:
		join_full(join, result->answer);
		break;
	}
}

/* Send the request of the present step to the present target. */
static void
join_step(struct join *join)
{
	static const char *const paths[] = {
		[JOIN_VERSION] = "/version",
		[JOIN_MACHINES] = "/v2/admin/machines",
		[JOIN_ASK] = "/join",
		[JOIN_CONFIG] = "/v2/admin/config",
	};
	struct worker *worker = join_worker(join);
	bool asks = join->step == JOIN_ASK;
	struct http_request request = {
		.address = join->target,
		.method = asks ? "PUT" : "GET",
		.path = paths[join->step],
		.body = asks ? buf_slice(&join->body) : SLICE_EMPTY,
		.connect_ms = JOIN_CONNECT_MS,
		/* A member that gives up answers why: be there to hear it. */
		.answer_ms = asks ? worker->config.request_timeout + JOIN_CONNECT_MS
				  : JOIN_ANSWER_MS,
		.silence_ms = peers_silence_ms(join->peers),
		.tls = worker->tls,
	};

	join->call = http_start(join->peers->lookups, worker->loop, &request, join_done, join);
}

static void
join_on_timer(void *argument)
{
	struct join *join = argument;

	if (join->list.count == 0)
		join_give_up(join, EXIT_USAGE, "-peers names only this machine");
	else if (join->at == join->list.count)
		join_attempt(join);
	else
		join_step(join);
}

struct join *
join_new(struct peers *peers, const char *list)
{
	const struct config *config = &peers->worker->config;
	struct join *join = xzalloc(sizeof(*join));
	struct join_request request = { .protocol_min = HANDSHAKE_PROTOCOL_MIN,
		.protocol_max = HANDSHAKE_PROTOCOL_MAX, .id = peers->node_id };

	join->peers = peers;
	join->timer = loop_timer_new(peers->worker->loop, join_on_timer, join);
	join->list = address_list_read(list, config->peer_addr);
	snprintf(request.name, sizeof(request.name), "%s", config->name);
	/* Once it is a member it registers the others as well. */
	snprintf(request.peer_url, sizeof(request.peer_url), "%.*s",
	    SLICE_ARGS(url_list_first(slice_text(config->peer_url))));
	snprintf(request.client_url, sizeof(request.client_url), "%.*s",
	    SLICE_ARGS(url_list_first(slice_text(config->client_url))));
	join_request_put(&join->body, &request);
	join->pause_ms = config->retry_interval;
	if (join->pause_ms == 0)
		join->pause_ms = JOIN_PAUSE_MS_MIN +
		    rand_below(&peers->rand, JOIN_PAUSE_MS_MAX - JOIN_PAUSE_MS_MIN);
	/* From the loop: what comes of it may free us. */
	join->at = join->list.count;
	loop_timer_set(join->timer, 0);
	return join;
}

struct join *
join_again_new(struct peers *peers, const char *list, uint64_t wait_ms)
{
	struct join *join = join_new(peers, list);

	join->standby = true;
	if (wait_ms > 0) {
		join->pause_ms = wait_ms;
		join->looking = true;
		diag_info("peer", "%s stands by: it was removed from the cluster; asking to join "
		    "again in_ms=%" PRIu64, peers->worker->config.name, wait_ms);
	}
	return join;
}

void
join_free(struct join **join)
{
	if (*join == NULL)
		return;
	http_cancel(&(*join)->call);
	loop_timer_free(&(*join)->timer);
	buf_free(&(*join)->body);
	buf_free(&(*join)->members);
	address_list_free(&(*join)->list);
	free(*join);
	*join = NULL;
}

void
join_repeat(struct join *join)
{
	if (join->cluster_id != 0)
		join_tell(join);
}
