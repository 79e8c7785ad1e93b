/*
 * peer.c - the peer role: which nodes there are, and what passes between their
 * streams and raftd.
 *
 * raftd's status decides who is kept a stream to; raftd's frames go out on our
 * stream to the node or, if that is down, on the one the node opened to us; what
 * comes in goes to raftd unread. Messages may be lost: what cannot be sent now
 * is dropped and counted, the core sends again.
 *
 * raftd learns two things by the way: peer_connected when messages to a node can
 * arrive again, or parts of a snapshot were lost alone, and peer_unreachable when
 * no stream is left and its port refuses connections, so that the whole node is
 * gone and not only slow.
 */
#include "httpd/peer/peer.h"

#include "common/diag.h"
#include "common/ipc/wire.h"
#include "common/url_list.h"
#include "common/xmem.h"
#include "httpd/peer/discovery.h"
#include "httpd/peer/gather.h"
#include "httpd/peer/join.h"
#include "httpd/peer/others.h"
#include "httpd/peer/outbound.h"
#include "httpd/peer/srv.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define SILENCE_MS_MIN 2000
#define BULK_TOLD_MS 1000	/* who breaks each snapshot at once waits for the next */

struct handshake
peers_handshake(const struct peers *peers, uint64_t to)
{
	const struct config *config = &peers->worker->config;
	struct handshake ours = {
		.cluster = peers->cluster_id,
		.from = peers->node_id,
		.to = to,
		.protocol_min = HANDSHAKE_PROTOCOL_MIN,
		.protocol_max = HANDSHAKE_PROTOCOL_MAX,
		.heartbeat_ms = config->peer_heartbeat_interval,
		.election_ms = config->peer_election_timeout,
	};

	snprintf(ours.name, sizeof(ours.name), "%s", config->name);
	snprintf(ours.url, sizeof(ours.url), "%.*s",
	    SLICE_ARGS(url_list_first(slice_text(config->peer_url))));
	return ours;
}

const char *
peers_list_name(const struct peers *peers)
{
	if (peers->discovery != NULL)
		return "the list of the discovery service";
	return peers->worker->config.discovery_srv[0] == '\0' ? "-initial-cluster" :
	    "the SRV records of -discovery-srv";
}

uint64_t
peers_silence_ms(const struct peers *peers)
{
	return MAX_OF(5 * peers->worker->config.peer_election_timeout, (uint64_t)SILENCE_MS_MIN);
}

/* NULL if unknown. */
static struct peer *
find(struct peers *peers, uint64_t id)
{
	struct peer *peer;

	TAILQ_FOREACH(peer, &peers->list, link)
		if (peer->id == id)
			return peer;
	return NULL;
}

/* ---- peers ------------------------------------------------------------------ */

static void peer_on_linger(void *argument);

static struct peer *
peer_new(struct peers *peers, uint64_t id, const char *name)
{
	struct peer *peer = xzalloc(sizeof(*peer));

	peer->peers = peers;
	peer->id = id;
	snprintf(peer->name, sizeof(peer->name), "%s", name);
	peer->linger = loop_timer_new(peers->worker->loop, peer_on_linger, peer);
	TAILQ_INSERT_TAIL(&peers->list, peer, link);
	peers->count++;
	return peer;
}

static void
peer_free(struct peer *peer)
{
	for (int kind = 0; kind < STREAM_KINDS; kind++) {
		outbound_free(&peer->out[kind]);
		stream_free(&peer->in[kind]);
	}
	loop_timer_free(&peer->linger);
	if (peer->active != NULL)
		metric_series_hide(peer->active);
	TAILQ_REMOVE(&peer->peers->list, peer, link);
	peer->peers->count--;
	free(peer);
}

struct peer *
peers_caller(struct peers *peers, uint64_t id, const char *name)
{
	struct peer *peer = find(peers, id);

	if (peer == NULL && peers->count < PEERS_MAX)
		peer = peer_new(peers, id, name);
	return peer;
}

void
peer_release(struct peer *peer)
{
	if (peer->member)
		return;
	for (int kind = 0; kind < STREAM_KINDS; kind++)
		if (peer->in[kind] != NULL || peer->out[kind] != NULL)
			return;
	peer_free(peer);
}

static void
peer_on_linger(void *argument)
{
	struct peer *peer = argument;

	for (int kind = 0; kind < STREAM_KINDS; kind++)
		outbound_free(&peer->out[kind]);
	peer_release(peer);
}

static bool
peer_has_stream(const struct peer *peer)
{
	return outbound_is_up(peer->out[STREAM_MAIN]) || peer->in[STREAM_MAIN] != NULL;
}

void
peer_measure(const struct worker *worker)
{
	struct peer *peer;

	if (worker->peers == NULL)
		return;
	TAILQ_FOREACH(peer, &worker->peers->list, link)
		if (peer->active != NULL)
			metric_series_set(peer->active, peer_has_stream(peer));
}

/* ---- what raftd is told ------------------------------------------------------- */

static void
peer_tell_connected(const struct peer *peer)
{
	struct buf *out = backend_out(peer->peers->worker->backend);

	if (out != NULL)
		msg_peer_connected_frame(out, 0, &(struct msg_peer_connected){ .id = peer->id });
}

/* raftd carries what goes by it from now on, if it can. */
static void
peer_give_stream(struct peer *peer, bool outbound)
{
	struct stream *stream = outbound ? outbound_stream(peer->out[STREAM_MAIN])
					 : peer->in[STREAM_MAIN];
	struct peers *peers = peer->peers;
	struct msg_peer_stream message = { .number = peers->given + 1, .id = peer->id,
	    .local = peers->node_id,
		.flags = (uint8_t)((outbound ? PEER_STREAM_OURS : 0) |
		    (peer->member ? PEER_STREAM_MEMBER : 0)) };
	int fd;

	if (stream == NULL || !stream_may_go(stream))
		return;
	fd = stream_give(stream, &message);
	if (backend_give_stream(peers->worker->backend, &message, fd))
		stream_gone(stream, ++peers->given);
}

void
peer_stream_up(struct peer *peer, enum stream_kind kind, bool outbound)
{
	bool other = outbound ? peer->in[STREAM_MAIN] != NULL
			      : outbound_is_up(peer->out[STREAM_MAIN]);

	diag_info("peer", "stream up: name=%s id=%016" PRIx64 " direction=%s kind=%s", peer->name,
	    peer->id, outbound ? "out" : "in", stream_kind_name(kind));
	if (kind != STREAM_MAIN)
		return;
	peer_give_stream(peer, outbound);
	if (outbound || !other)
		peer_tell_connected(peer);
	/* A node that can call us is alive: no need to wait before we call it. */
	if (!outbound && peer->out[STREAM_MAIN] != NULL)
		outbound_kick(peer->out[STREAM_MAIN]);
}

void
peer_bulk_lost(struct peer *peer)
{
	uint64_t now_ms = loop_now(peer->peers->worker->loop).monotonic_ms;

	/* Without a main stream it is told when that is up again. */
	if (!peer->member || !peer_has_stream(peer) ||
	    (peer->bulk_told_ms != 0 && now_ms - peer->bulk_told_ms < BULK_TOLD_MS))
		return;
	peer->bulk_told_ms = now_ms;
	peer_tell_connected(peer);
}

void
peer_refused(struct peer *peer)
{
	struct buf *out = backend_out(peer->peers->worker->backend);

	if (!peer_has_stream(peer) && out != NULL)
		msg_peer_unreachable_frame(out, 0,
		    &(struct msg_peer_unreachable){ .id = peer->id });
}

/* A raftd that came newly does not know which streams are up. */
static void
peers_tell_raftd(struct peers *peers)
{
	const struct cluster *cluster = peers->worker->cluster;
	struct peer *peer;

	if (peers->told_started_ns == cluster->started_ns && peers->told_phase == cluster->phase)
		return;
	peers->told_started_ns = cluster->started_ns;
	peers->told_phase = cluster->phase;
	TAILQ_FOREACH(peer, &peers->list, link) {
		peer_give_stream(peer, true);
		peer_give_stream(peer, false);
		if (peer_has_stream(peer))
			peer_tell_connected(peer);
	}
	if (peers->join != NULL)
		join_repeat(peers->join);
}

/* ---- frames ------------------------------------------------------------------- */

static uint64_t
now_ns(const struct peer *peer)
{
	return loop_now(peer->peers->worker->loop).monotonic_ns;
}

static void
peer_open_metrics(struct peer *peer)
{
	char id[17], own[17];
	const char *both[] = { own, id };

	snprintf(id, sizeof(id), "%016" PRIx64, peer->id);
	snprintf(own, sizeof(own), "%016" PRIx64, peer->peers->worker->cluster->node_id);
	peer->active = metric_series(METRIC_peer_active, both);
	peer_meter_open(&peer->meter, peer->id);
}

void
peer_frame(void *argument, const struct frame *frame)
{
	struct peer *peer = argument;

	peer_meter_received(&peer->meter, frame, now_ns(peer));
	backend_peer_frame(peer->peers->worker->backend, peer->id, frame);
}

static bool
peer_send(struct peer *peer, const struct frame *frame)
{
	if (message_is_bulk(frame->type)) {
		if (peer->out[STREAM_BULK] == NULL && peer->member && peer->address_count > 0)
			peer->out[STREAM_BULK] = outbound_new(peer, STREAM_BULK);
		return peer->out[STREAM_BULK] != NULL &&
		    outbound_send(peer->out[STREAM_BULK], frame);
	}
	if (outbound_is_up(peer->out[STREAM_MAIN]))
		return outbound_send(peer->out[STREAM_MAIN], frame);
	return peer->in[STREAM_MAIN] != NULL && stream_send(peer->in[STREAM_MAIN], frame);
}

/* raftd has a frame for another node. */
static void
peers_on_frame(void *argument, const struct frame *frame)
{
	struct peers *peers = argument;
	struct peer *peer = find(peers, frame->request_id);

	if (peer == NULL || !message_is_peer(frame->type))
		return;
	if (peer_send(peer, frame)) {
		peer->dropped = 0;
		peer_meter_sent(&peer->meter, frame, now_ns(peer));
		return;
	}
	peer_meter_failed(&peer->meter);
	/* Without a stream that is no news; with one, its queue is full. */
	if (peer->dropped++ == 0 && peer_has_stream(peer))
		diag_warn("peer", "messages dropped, the node takes them too slowly: name=%s "
		    "first=%s", peer->name, message_name(frame->type));
}

/* ---- members ------------------------------------------------------------------- */

static void
peer_take_member(struct peer *peer, const struct cluster_member *member)
{
	bool moved = strcmp(peer->url, member->peer_url) != 0;

	if (!peer->member) {
		peer->member = true;
		peer_open_metrics(peer);
		loop_timer_cancel(peer->linger);
	}
	if (!moved && peer->out[STREAM_MAIN] != NULL)
		return;
	snprintf(peer->name, sizeof(peer->name), "%s", member->name);
	snprintf(peer->url, sizeof(peer->url), "%s", member->peer_url);
	peer->address_count = peer_addresses_parse(slice_text(peer->url), peer->addresses);
	if (peer->address_count == 0) {
		if (moved)
			diag_error("peer", "member has no usable address: name=%s url=%s",
			    peer->name, peer->url);
		outbound_free(&peer->out[STREAM_MAIN]);
		return;
	}
	if (peer->out[STREAM_MAIN] == NULL)
		peer->out[STREAM_MAIN] = outbound_new(peer, STREAM_MAIN);
	else
		outbound_readdress(peer->out[STREAM_MAIN]);
}

/* Bring the peers to what raftd says of the members. */
static void
peers_take_members(struct peers *peers)
{
	const struct cluster *cluster = peers->worker->cluster;
	struct peer *peer, *next;

	for (size_t i = 0; i < cluster->member_count; i++) {
		const struct cluster_member *member = &cluster->members[i];

		if (member->id == peers->node_id || peers->cluster_id == 0)
			continue;
		peer = find(peers, member->id);
		if (peer == NULL)
			peer = peer_new(peers, member->id, member->name);
		peer_take_member(peer, member);
	}
	for (peer = TAILQ_FIRST(&peers->list); peer != NULL; peer = next) {
		next = TAILQ_NEXT(peer, link);
		if (!peer->member || cluster_member(cluster, peer->id) != NULL)
			continue;
		peer->member = false;
		if (outbound_is_up(peer->out[STREAM_MAIN])) {
			loop_timer_set(peer->linger, PEER_LINGER_MS);
		} else {
			outbound_free(&peer->out[STREAM_MAIN]);
			peer_release(peer);
		}
	}
}

static void
peers_drop_all(struct peers *peers)
{
	while (!TAILQ_EMPTY(&peers->list))
		peer_free(TAILQ_FIRST(&peers->list));
}

/* ---- status ------------------------------------------------------------------------ */

/* The service does not help: -peers does, or this node must not start. */
static const char *
peers_without_discovery(struct peers *peers, enum discovery_state state)
{
	const struct worker_owner *owner = &peers->worker->owner;
	const struct config *config = &peers->worker->config;
	const char *reason = state == DISCOVERY_FAILED ? discovery_reason(peers->discovery) :
	    "no machine is registered";
	char sentence[1000];

	if (config->peers[0] != '\0') {
		diag_warn("discovery", "joining through -peers, discovery failed: %s", reason);
		return config->peers;
	}
	if (state == DISCOVERY_ALONE)
		snprintf(sentence, sizeof(sentence), "Discovery found an initialized cluster but "
		    "no reachable peers are registered. Take a new token, or give -peers.");
	else
		snprintf(sentence, sizeof(sentence),
		    "%s, the new instance, must register itself to "
		    "discovery service as required (%.480s); see that -discovery is right and its "
		    "service is up, or give -peers", config->name, reason);
	owner->end_node(owner->argument, EXIT_TROUBLE, sentence);
	return NULL;
}

/* Whom to ask for membership; NULL: nobody, or nobody yet. */
static const char *
peers_to_join(struct peers *peers)
{
	struct buf *out;
	enum discovery_state state;

	if (peers->discovery == NULL)
		return peers->worker->config.peers[0] == '\0' ? NULL : peers->worker->config.peers;
	state = discovery_state(peers->discovery);
	switch (state) {
	case DISCOVERY_ASKING:
		break;
	case DISCOVERY_FIRST:
		out = backend_out(peers->worker->backend);
		if (out != NULL)
			msg_create_cluster_frame(out, 0, &(struct msg_create_cluster){ 0 });
		break;
	case DISCOVERY_FOUND:
		return discovery_machines(peers->discovery);
	case DISCOVERY_TOGETHER:
		peers->initial = discovery_take_cluster(peers->discovery);
		peers->told_token = discovery_token(peers->discovery);
		peers->gather = gather_new(peers);
		break;
	case DISCOVERY_OVER:
		break;
	case DISCOVERY_ALONE:
	case DISCOVERY_FAILED:
		return peers_without_discovery(peers, state);
	}
	return NULL;
}

/* One who was removed asks those it knew, and whom it is told to. */
static void
peers_join_again(struct peers *peers)
{
	const struct cluster *cluster = peers->worker->cluster;
	struct buf list = BUF_INIT;

	buf_append_text(&list, cluster->rejoin);
	buf_append_byte(&list, ',');
	buf_append_text(&list, peers->worker->config.peers);
	buf_append_byte(&list, '\0');
	peers->join = join_again_new(peers, (const char *)list.data, cluster->rejoin_wait_ms);
	buf_free(&list);
}

static void peers_check_join(struct peers *peers);

/* The nodes are those that DNS names: they begin together, or have begun. */
static void
peers_check_srv(struct peers *peers)
{
	const struct config *config = &peers->worker->config;

	if (peers->srv == NULL) {
		peers->srv = srv_new(peers, peers_check_join);
	} else if (srv_is_known(peers->srv) && strcmp(config->initial_cluster_state, "new") == 0) {
		peers->initial = srv_take_cluster(peers->srv);
		peers->told_token = config->initial_cluster_token;
		peers->gather = gather_new(peers);
	} else if (srv_is_known(peers->srv)) {
		peers->join = join_new(peers, srv_others(peers->srv));
	}
}

static void
peers_check_join(struct peers *peers)
{
	const struct cluster *cluster = peers->worker->cluster;
	const char *list;

	if (peers->discovery == NULL && peers->worker->config.discovery[0] != '\0' &&
	    cluster->rejoin[0] == '\0')
		peers->discovery = discovery_new(peers, peers_check_join);
	if ((cluster->phase != PHASE_JOINING && cluster->phase != PHASE_STANDBY) ||
	    cluster->cluster_id != 0) {
		srv_free(&peers->srv);
		join_free(&peers->join);
		gather_free(&peers->gather);
	} else if (peers->join == NULL && cluster->rejoin[0] != '\0') {
		peers_join_again(peers);
	} else if (peers->initial.count > 0) {
		if (peers->gather == NULL)
			peers->gather = gather_new(peers);
	} else if (peers->join == NULL && peers->worker->config.discovery_srv[0] != '\0') {
		peers_check_srv(peers);
	} else if (peers->join == NULL) {
		list = peers_to_join(peers);
		if (list != NULL)
			peers->join = join_new(peers, list);
	}
}

/* Alone, with an operator who named others. */
static void
peers_check_others(struct peers *peers)
{
	const struct cluster *cluster = peers->worker->cluster;
	bool alone = cluster->phase == PHASE_MEMBER && cluster->member_count == 1 &&
	    cluster->members[0].id == peers->node_id && peers->worker->config.peers[0] != '\0';

	if (!alone)
		others_free(&peers->others);
	else if (peers->others == NULL)
		peers->others = others_new(peers);
}

static void
peers_on_status(void *argument)
{
	struct peers *peers = argument;
	const struct cluster *cluster = peers->worker->cluster;

	/* A raftd that still reads its disk knows nothing; what was, stays. */
	if (cluster->phase == PHASE_RECOVERING)
		return;
	if (peers->node_id != cluster->node_id || peers->cluster_id != cluster->cluster_id) {
		peers_drop_all(peers);
		join_free(&peers->join);
		gather_free(&peers->gather);
		others_free(&peers->others);
		peers->node_id = cluster->node_id;
		peers->cluster_id = cluster->cluster_id;
	}
	peers_take_members(peers);
	peers_tell_raftd(peers);
	peers_check_join(peers);
	peers_check_others(peers);
}

/* The first that raftd had by that number; any: by whichever. It is over, and may have been the
 * last of its peer. False: there is none. */
static bool
peers_end_stream(struct peers *peers, uint64_t number, bool any)
{
	struct peer *peer;

	TAILQ_FOREACH(peer, &peers->list, link) {
		struct stream *streams[] = { outbound_stream(peer->out[STREAM_MAIN]),
			peer->in[STREAM_MAIN] };

		for (size_t i = 0; i < ARRAY_COUNT(streams); i++) {
			uint64_t has = streams[i] == NULL ? 0 : stream_number(streams[i]);

			if (has == 0 || (!any && has != number))
				continue;
			stream_ended(streams[i]);
			return true;
		}
	}
	return false;
}

static void
peers_stream_over(void *argument, uint64_t number)
{
	(void)peers_end_stream(argument, number, false);
}

/* What it had read and not written of streams is gone with it: they begin anew. The next one,
 * or the same with another channel, has to be told all. */
static void
peers_lost_raftd(void *argument)
{
	struct peers *peers = argument;

	peers->told_started_ns = 0;
	while (peers_end_stream(peers, 0, true))
		continue;
}

/* The list is good: raftd, which has it as well, would not have started else. */
static void
read_initial(struct peers *peers)
{
	const struct config *config = &peers->worker->config;
	char *problem;

	if (config->initial_cluster[0] == '\0' || strcmp(config->initial_cluster_state, "new") != 0)
		return;
	problem = initial_cluster_read(config, &peers->initial);
	if (problem != NULL)
		diag_error("peer", "-initial-cluster: %s", problem);
	free(problem);
}

void
peer_start(struct worker *worker)
{
	struct peers *peers = xzalloc(sizeof(*peers));

	peers->worker = worker;
	worker->peers = peers;
	TAILQ_INIT(&peers->list);
	read_initial(peers);
	rand_seed(&peers->rand, rand_entropy());
	peers->lookups = lookups_new(worker);
	backend_own_peers(worker->backend, (struct backend_peer_owner){ peers_on_frame,
	    peers_on_status, peers_stream_over, peers_lost_raftd, peers });
	peers_on_status(peers);
}

void
peer_resolved(struct worker *worker, uint64_t id, struct slice addresses)
{
	if (worker->peers != NULL)
		lookups_answer(worker->peers->lookups, id, addresses);
}

void
peer_put_reach(const struct worker *worker, struct buf *out)
{
	const struct peer *peer;

	if (worker->peers == NULL)
		return;
	TAILQ_FOREACH(peer, &worker->peers->list, link) {
		struct reach_record record = { .id = peer->id };

		if (!peer->member)
			continue;
		record.reach = (uint8_t)(peer_has_stream(peer) ? REACH_UP :
		    outbound_reach(peer->out[STREAM_MAIN]));
		reach_record_put(out, &record);
	}
}

void
peer_stop(struct worker *worker)
{
	struct peers *peers = worker->peers;
	struct peer *peer;

	if (peers == NULL)
		return;
	worker->peers = NULL;
	backend_own_peers(worker->backend, (struct backend_peer_owner){ 0 });
	join_free(&peers->join);
	gather_free(&peers->gather);
	others_free(&peers->others);
	initial_cluster_free(&peers->initial);
	srv_free(&peers->srv);
	discovery_free(&peers->discovery);
	TAILQ_FOREACH(peer, &peers->list, link) {
		outbound_leave(peer->out[STREAM_MAIN]);
		stream_leave(&peer->in[STREAM_MAIN]);
	}
	peers_drop_all(peers);
	lookups_free(&peers->lookups);
	free(peers);
}
