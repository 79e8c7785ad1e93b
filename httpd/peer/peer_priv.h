/*
 * peer_priv.h - the state of the peer role, shared by the files of this directory.
 *
 * struct peers is the worker's one object of this role; struct peer is another
 * node: a member, or a node that only called us (it knows of a membership that
 * has not come to our raftd yet, or does not know that it is over).
 */
#ifndef MOOTHALL_HTTPD_PEER_PEER_PRIV_H
#define MOOTHALL_HTTPD_PEER_PEER_PRIV_H

#include "common/initial_cluster.h"
#include "common/limits.h"
#include "common/peer_meter.h"
#include "common/rand.h"
#include "httpd/backend.h"
#include "httpd/cluster.h"
#include "httpd/peer/handshake.h"
#include "httpd/peer/identity.h"
#include "httpd/peer/lookup.h"
#include "httpd/peer/stream.h"
#include "httpd/worker.h"

#include <sys/queue.h>

#define PEER_LINGER_MS 2000		/* a removed node's stream: it has to learn of it */

enum stream_kind { STREAM_MAIN, STREAM_BULK, STREAM_KINDS };

static inline const char *
stream_kind_name(enum stream_kind kind)
{
	return kind == STREAM_BULK ? "snapshot" : "main";
}

struct discovery;
struct gather;
struct outbound;
struct join;
struct others;
struct peers;
struct srv;

struct peer {
	TAILQ_ENTRY(peer) link;
	struct peers *peers;
	uint64_t id;
	bool member;			/* in raftd's list of members now */
	char name[NAME_BYTES_MAX + 1];	/* for people */
	char url[URL_BYTES_MAX + 1];	/* of a member, as registered: a list */
	struct peer_address addresses[URLS_MAX]; /* the same, taken apart */
	size_t address_count;		/* 0: none is usable */
	struct outbound *out[STREAM_KINDS];	/* NULL: none wanted */
	struct stream *in[STREAM_KINDS];	/* the last that the node opened, or NULL */
	struct loop_timer *linger;	/* from the end of membership on */
	uint64_t dropped;		/* frames, since a stream took one */
	uint64_t bulk_told_ms;		/* when the loss of a bulk stream was; 0: never */
	struct peer_meter meter;	/* open once it is a member, */
	struct metric_series *active;	/* and not NULL then */
};

struct peers {
	struct worker *worker;
	struct lookups *lookups;
	struct rand rand;		/* jitter */
	TAILQ_HEAD(peer_list, peer) list;
	size_t count;
	uint64_t node_id, cluster_id;	/* in our handshakes; 0: none yet */
	uint64_t given;			/* streams that raftd was given, ever */
	uint64_t told_started_ns;	/* the raftd that knows which streams are up, */
	int told_phase;			/* and its phase then */
	struct discovery *discovery;	/* NULL without -discovery */
	struct initial_cluster initial;	/* empty unless it begins with others, as they do */
	const char *told_token;		/* of a list that was found; borrowed. Else NULL */
	struct srv *srv;		/* NULL unless it looks for one by -discovery-srv */
	struct gather *gather;		/* NULL unless it asks them whether it may */
	struct join *join;		/* NULL unless this node asks to join */
	struct others *others;		/* NULL unless it is alone and has -peers */
};

/* Ours, towards that node (0: whoever called). */
struct handshake peers_handshake(const struct peers *peers, uint64_t to);
/* What the list is of that this node begins with, for people. */
const char *peers_list_name(const struct peers *peers);
/* How long the other side may be silent on the network: for stream_socket_options. */
uint64_t peers_silence_ms(const struct peers *peers);
/* A node that calls us: found or made. NULL at the limit. */
struct peer *peers_caller(struct peers *peers, uint64_t id, const char *name);

/* A stream with that node came up; it is in its place already. */
void peer_stream_up(struct peer *peer, enum stream_kind kind, bool outbound);
/* Our stream for snapshots to it was up and broke. */
void peer_bulk_lost(struct peer *peer);
/* Its port refuses connections. */
void peer_refused(struct peer *peer);
/* A frame of that node, for raftd; argument is the struct peer. */
void peer_frame(void *argument, const struct frame *frame);
/* Forget a node that is no member and has no stream. Call last. */
void peer_release(struct peer *peer);

#endif
