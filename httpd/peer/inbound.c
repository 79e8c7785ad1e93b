/*
 * inbound.c - streams that other nodes open to us.
 *
 * A request for a stream is refused with one sentence that names both values,
 * or becomes the node's inbound stream. A node has one of each kind: when it
 * asks again its old one is dead, whether we have seen that or not.
 *
 *	400	a header of the handshake is missing or malformed
 *	412	other cluster, not for this node, no protocol in common
 *	426	no upgrade asked for
 *	503	we are no member yet, or keep too many nodes: ask again
 *
 * Besides, a node of our -initial-cluster that has not begun asks what we know of it.
 */
#include "httpd/peer/peer.h"

#include "common/diag.h"
#include "httpd/peer/outbound.h"

#include <inttypes.h>
#include <stdio.h>
#include <strings.h>

#include <event2/bufferevent.h>

/* The place of a stream in its peer, and the peer. */
static enum stream_kind
inbound_kind(const struct peer *peer, const struct stream *stream)
{
	return peer->in[STREAM_BULK] == stream ? STREAM_BULK : STREAM_MAIN;
}

static void
inbound_closed(void *argument, struct stream *stream, const char *why)
{
	struct peer *peer = argument;
	enum stream_kind kind = inbound_kind(peer, stream);

	diag_info("peer", "stream closed: name=%s direction=in kind=%s: %s", peer->name,
	    stream_kind_name(kind), why);
	stream_free(&peer->in[kind]);
	/* Whether the node is dead or only the stream, the next connect tells. */
	if (kind == STREAM_MAIN && peer->out[STREAM_MAIN] != NULL)
		outbound_kick(peer->out[STREAM_MAIN]);
	peer_release(peer);
}

/* Make an upgraded connection the node's inbound stream; an older one is closed. */
static void
adopt(struct peer *peer, enum stream_kind kind, struct bufferevent *bev)
{
	struct stream_ends ends = { peer->peers->node_id, peer->id };
	struct stream_owner owner = { peer_frame, peer, inbound_closed, peer };

	stream_socket_options((int)bufferevent_getfd(bev), peers_silence_ms(peer->peers));
	stream_free(&peer->in[kind]);
	peer->in[kind] = stream_new(bev, ends, owner);
	peer_stream_up(peer, kind, false);
}

static struct slice
request_lookup(const void *source, const char *header)
{
	return request_header(source, header);
}

static void
put_response_header(void *argument, const char *header, const char *value)
{
	response_header(argument, header, "%s", value);
}

static bool
asks_for_upgrade(const struct request *request)
{
	struct slice upgrade = request_header(request, "Upgrade");

	return upgrade.size == sizeof(HANDSHAKE_UPGRADE) - 1 &&
	    strncasecmp((const char *)upgrade.data, HANDSHAKE_UPGRADE, upgrade.size) == 0;
}

/* This node may have lost its data and started a cluster where it had a place in one. */
static void
tell_foreign_call(struct worker *worker, const struct handshake *theirs)
{
	struct buf *out = backend_out(worker->backend);

	if (out != NULL)
		msg_foreign_call_frame(out, 0, &(struct msg_foreign_call){
		    .cluster_id = theirs->cluster, .name = slice_text(theirs->name),
		    .peer_url = slice_text(theirs->url) });
}

/* The peer that calls, if it may; else the request is answered and NULL comes back. */
static struct peer *
inbound_caller(struct request *request, struct handshake *theirs)
{
	struct peers *peers = request->worker->peers;
	char sentence[HANDSHAKE_SENTENCE_BYTES];
	struct handshake ours;
	const char *header;
	struct peer *peer;

	if (!asks_for_upgrade(request)) {
		response_header(request, "Upgrade", "%s", HANDSHAKE_UPGRADE);
		response_plain_error(request, 426,
		    "frames only: ask with Upgrade: " HANDSHAKE_UPGRADE);
		return NULL;
	}
	if (peers == NULL || peers->cluster_id == 0) {
		response_plain_error(request, 503, "this node is not a member of a cluster yet");
		return NULL;
	}
	if (handshake_read(request_lookup, request, theirs, &header) != ERR_NONE) {
		snprintf(sentence, sizeof(sentence), "header %s is missing or malformed", header);
		response_plain_error(request, 400, sentence);
		return NULL;
	}
	ours = peers_handshake(peers, 0);
	if (handshake_is_foreign(&ours, theirs))
		tell_foreign_call(request->worker, theirs);
	if (handshake_check(&ours, theirs, sentence) != ERR_NONE) {
		diag_warn("peer", "stream refused: name=%s: %s", theirs->name, sentence);
		response_plain_error(request, 412, sentence);
		return NULL;
	}
	peer = peers_caller(peers, theirs->from, theirs->name);
	if (peer == NULL)
		response_plain_error(request, 503, "too many nodes have streams to this one");
	return peer;
}

void
peer_stream_handle(struct request *request)
{
	bool bulk = slice_equal(request->path, SLICE_LITERAL("/raft/snapshot"));
	struct handshake theirs, ours;
	struct bufferevent *bev;
	struct peer *peer = inbound_caller(request, &theirs);

	if (peer == NULL)
		return;
	ours = peers_handshake(peer->peers, peer->id);
	if (!bulk && handshake_timing_differs(&ours, &theirs))
		diag_warn("peer", "caller has other times: name=%s heartbeat_ms=%" PRIu64
		    " election_ms=%" PRIu64 " ours=%" PRIu64 ",%" PRIu64
		    "; use the same -peer-heartbeat-interval and -peer-election-timeout",
		    theirs.name, theirs.heartbeat_ms, theirs.election_ms, ours.heartbeat_ms,
		    ours.election_ms);
	handshake_write(&ours, put_response_header, request);
	bev = response_upgrade(request, HANDSHAKE_UPGRADE);
	if (bev == NULL) {
		peer_release(peer);
		return;
	}
	adopt(peer, bulk ? STREAM_BULK : STREAM_MAIN, bev);
}

/* ---- a node that asks whether it may begin (gather.h) ----------------------------- */

/* Is it of another cluster? Then both sides learn of it. */
static bool
is_refused(struct request *request, const struct handshake *ours, const struct handshake *theirs)
{
	bool found = request->worker->peers->discovery != NULL;
	char sentence[HANDSHAKE_SENTENCE_BYTES];

	if (theirs->cluster == ours->cluster)
		return false;
	if (initial_cluster_same_list(theirs->cluster, ours->cluster))
		snprintf(sentence, sizeof(sentence), "%s and %s do not have the same options of "
		    "the cluster (-cluster-active-size, -history-bytes and such)", ours->name,
		    theirs->name);
	else
		snprintf(sentence, sizeof(sentence), "%s is of cluster %016" PRIx64 ", %s of %016"
		    PRIx64 ": not the same %s",
		    ours->name, ours->cluster, theirs->name, theirs->cluster, found ?
		    "-discovery token" : "-initial-cluster or -initial-cluster-token");
	diag_warn("peer", "does not begin with this node: name=%s: %s", theirs->name, sentence);
	response_plain_error(request, 412, sentence);
	return true;
}

void
peer_begin_handle(struct request *request)
{
	const struct peers *peers = request->worker->peers;
	const struct cluster *cluster = request->worker->cluster;
	const struct cluster_member *member;
	struct handshake ours, theirs;
	char sentence[HANDSHAKE_SENTENCE_BYTES];
	const char *header, *word;

	if (handshake_read(request_lookup, request, &theirs, &header) != ERR_NONE) {
		snprintf(sentence, sizeof(sentence), "header %s is missing or malformed", header);
		response_plain_error(request, 400, sentence);
		return;
	}
	/* One who was removed knows that the cluster has begun, and does not wait to begin. */
	if (peers == NULL || peers->node_id == 0 || cluster->phase == PHASE_RECOVERING ||
	    (peers->cluster_id == 0 && (peers->initial.count == 0 ||
	    cluster->phase != PHASE_JOINING || cluster->rejoin[0] != '\0'))) {
		response_plain_error(request, 503, "this node is not a member of a cluster yet");
		return;
	}
	ours = peers_handshake(peers, 0);
	if (ours.cluster == 0)
		ours.cluster = peers->initial.cluster_id;
	if (is_refused(request, &ours, &theirs))
		return;
	member = cluster_member(cluster, theirs.from);
	if (peers->cluster_id == 0)
		word = "waiting\n";
	else if (member == NULL)
		word = "gone\n";
	else
		word = member->client_url[0] == '\0' ? "open\n" : "known\n";
	response_send(request, 200, "text/plain; charset=utf-8", slice_text(word));
}
