/*
 * worker.h - where the parts of one httpd process find each other.
 *
 * A list of places and nothing else: made by parts.c, owned by main.c or a test. What a
 * part wants of who runs the worker it asks by worker->owner.
 */
#ifndef MOOTHALL_HTTPD_WORKER_H
#define MOOTHALL_HTTPD_WORKER_H

#include "common/loop.h"
#include "common/option.h"

struct backend;
struct border;
struct cache;
struct call_tally;
struct cluster;
struct inquiries;
struct gate;
struct handover;
struct locks;
struct msg_ask;
struct peers;
struct server;
struct tls;
struct waiters;

/* What runs the worker: the program httpd, or a test. Functions are called from the loop. */
struct worker_owner {
	/* Have a host looked up; the answer comes to peer_resolved with that id. */
	void (*resolve)(void *argument, uint64_t id, const char *host);
	/* The channel to raftd of that token has ended (CHANNEL_END_* of wire.h): the
	 * supervisor makes another, if raftd lives. */
	void (*lost_raftd)(void *argument, uint64_t token, int why);
	/* Ask the supervisor; the answer comes to inquiry_viewed or inquiry_told with that id. */
	void (*ask)(void *argument, uint64_t id, const struct msg_ask *ask);
	/* End the whole node: the supervisor says sentence and exits with code. */
	void (*end_node)(void *argument, enum exit_code code, const char *sentence);
	void *argument;
};

struct worker {
	struct worker_owner owner;
	struct loop *loop;
	struct config config;		/* from the supervisor, before anything is served */
	int role;			/* ROLE_CLIENT or ROLE_PEER of wire.h */
	uint32_t number;		/* which client worker, from 1; 0: the peer worker */
	bool out_of_rotation;		/* an operator wants no new clients here */
	struct backend *backend;	/* the channel to raftd */
	uint64_t v3_notice_ms;		/* so often a quiet v3 watch hears how far it is */
	struct cluster *cluster;	/* the last status raftd pushed */
	struct server *server;		/* listening socket and connections */
	struct border *border;		/* around each request */
	struct cache *cache;		/* client role: rendered bodies; else NULL */
	struct gate *gate;		/* client role: users and their rights; else NULL */
	struct v3_users *v3_users;	/* the same of the v3 API */
	struct inquiries *inquiries;	/* client role: at the supervisor; else NULL */
	struct locks *locks;		/* client role: who waits for a lock; else NULL */
	struct call_tally *call_tally;	/* client role: of v3; else NULL */
	struct waiters *waiters;	/* client role: keys of v3 that wait; else NULL */
	size_t ranges_in_pieces;	/* of v3, that are asked for or taken (range.c) */
	struct handover *handover;	/* client role: to and from other workers; else NULL */
	struct peers *peers;		/* peer role: streams and join; else NULL */
	struct tls *tls;		/* of its port; NULL: plain */
	struct tls *outside_tls;	/* for what is no node: a discovery service; or NULL */
};

#endif
