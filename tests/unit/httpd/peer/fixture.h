/*
 * fixture.h - a peer worker without the rest of httpd: the channel to raftd,
 * the HTTP server and the supervisor are doubles that write down what they are
 * asked; sockets, timers and the loop are real.
 */
#ifndef MOOTHALL_TESTS_UNIT_HTTPD_PEER_FIXTURE_H
#define MOOTHALL_TESTS_UNIT_HTTPD_PEER_FIXTURE_H

#include "tests/lib/test.h"

#include "common/ipc/message.h"
#include "httpd/backend.h"
#include "httpd/cluster.h"
#include "httpd/http/request.h"
#include "httpd/worker.h"

#define LOCAL_ID UINT64_C(0xa1)
#define REMOTE_ID UINT64_C(0xb2)
#define CLUSTER_ID UINT64_C(0xc3)

/* The double of the channel to raftd. */
struct backend {
	struct backend_peer_owner owner;
	struct buf out;			/* frames of backend_out */
	struct buf from_peers;		/* frames of backend_peer_frame, id = from */
	struct backend_call *call;	/* the last one asked and not cancelled */
	struct buf change_name;		/* of the last member_change */
	struct msg_member_change change;
	unsigned changes;
	struct buf config_items;	/* of the last config_change */
	bool detached;
};

struct fixture {
	struct loop *loop;
	struct worker worker;
	struct backend backend;
	/* end_node() of the worker's owner */
	bool ended;
	int end_code;
	char end_sentence[1024];
	/* and resolve() */
	unsigned asked;			/* how many names */
	uint64_t asked_id;		/* of the last one */
	char asked_host[256];
	/* The last answer of a handler. */
	unsigned status;
	struct buf body;
	struct buf headers;
	bool upgraded;
	int upgraded_fd;		/* the client's end */
	uint64_t started_ns;		/* of raftd, in the next status */
	struct waiting *waiting;	/* fixture_run's */
	bool hooked;
};

struct fixture *fixture_new(void);
void fixture_free(struct fixture **fixture);

/* Run the loop until the condition holds; fails the test after 5 s. */
void fixture_run(struct fixture *fixture, bool (*condition)(void *argument), void *argument);
/* Run that many turns that find nothing more to do. */
void fixture_settle(struct fixture *fixture);

/* A member list: local first, then the remote with that URL (NULL: none). */
void fixture_status(struct fixture *fixture, int phase, const char *remote_url);

/* How many frames of that type stand in buf, whatever their ids. */
unsigned count_frames(const struct buf *buf, uint16_t type);

/* Another node's port on 127.0.0.1, chosen by the kernel; one connection at a time. */
struct server {
	struct fixture *fixture;
	int listener;			/* -1: closed, connections are refused */
	int fd;				/* the connection; -1: none */
	uint16_t port;
	char url[64];			/* http://127.0.0.1:PORT */
	struct buf in;			/* of this connection, NUL-terminated when whole */
	size_t bytes_wanted;
};

void server_open(struct server *server, struct fixture *fixture);
/* Close both sockets: from now on connections are refused. */
void server_close(struct server *server);
/* Open again on the same port. */
void server_reopen(struct server *server);
/* Take a new connection and wait for a whole request on it: its text. */
const char *server_request(struct server *server);
/* The same as a condition for fixture_run: argument is the server. */
bool server_has_request(void *argument);
void server_send(struct server *server, struct slice bytes);
/* An answer with a body; the connection is closed behind it. */
void server_answer(struct server *server, unsigned status, const char *body);
/* 101 as the node of that id in that cluster. */
void server_upgrade(struct server *server, uint64_t cluster, uint64_t id);
/* Bytes that came behind the request, at least that many; then they are forgotten. */
struct slice server_bytes(struct server *server, size_t size);
/* Close the connection only. */
void server_hang_up(struct server *server);

/* A request for a handler; freed by the fixture's double of the answer or by request_drop. */
struct request *request_make(struct fixture *fixture, enum request_method method, const char *path);
void request_put_header(struct request *request, const char *name, const char *value);
void request_drop(struct request *request);

#endif
