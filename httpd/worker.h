/*
 * worker.h - what every part of one httpd process shares.
 */
#ifndef MOOTHALL_HTTPD_WORKER_H
#define MOOTHALL_HTTPD_WORKER_H

#include "common/loop.h"
#include "common/option.h"

struct access;
struct backend;
struct cache;
struct cluster;
struct cors;
struct handover;
struct hosts;
struct child;
struct peers;
struct server;
struct tls;

struct worker {
	struct loop *loop;
	struct config config;		/* from the supervisor, before anything is served */
	int role;			/* ROLE_CLIENT or ROLE_PEER of wire.h */
	uint32_t number;		/* which client worker, from 1; 0: the peer worker */
	struct backend *backend;	/* the channel to raftd */
	struct cache *cache;		/* client role: rendered bodies; else NULL */
	struct cors *cors;		/* client role: -cors; NULL: nothing to do */
	struct hosts *hosts;		/* -host-names; NULL: any */
	struct cluster *cluster;	/* the last status raftd pushed */
	struct child *child;		/* the channel to the supervisor */
	struct server *server;		/* listening socket and connections */
	struct tls *tls;		/* of its port; NULL: plain */
	struct tls *outside_tls;	/* for what is no node: a discovery service; or NULL */
	struct access *access;		/* the access log; NULL: off */
	struct peers *peers;		/* peer role: streams and join; else NULL */
	struct handover *handover;	/* client role: to and from other workers; else NULL */
	bool draining;			/* finish what is there; connections go or are closed */
	bool out_of_rotation;		/* an operator wants no new clients here */
	size_t connections;		/* open now */
};

/* Make the parts; loop, config, role and number are set. listen_fd is taken; -1:
 * none. Nothing is accepted before server_listen. */
void worker_open(struct worker *worker, int listen_fd);
/* Other options, and other texts of those that can change. */
void worker_reconfigure(struct worker *worker, const struct config *config);
/* The end of a turn: cached answers, frames to raftd, answers to clients. */
void worker_turn(struct worker *worker);
void worker_close(struct worker *worker);

/* Have a host looked up; the answer comes to peer_resolved with that id. */
void worker_resolve(struct worker *worker, uint64_t id, const char *host);
/* The channel to raftd of that token has ended (CHANNEL_END_* of wire.h): the supervisor
 * makes another, if raftd lives. */
void worker_lost_raftd(struct worker *worker, uint64_t token, int why);
/* End the whole node: the supervisor says sentence and exits with code. */
void worker_end_node(struct worker *worker, enum exit_code code, const char *sentence);

#endif
