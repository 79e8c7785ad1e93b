/*
 * fixture.h - a peer worker with its channel to raftd and its port, and who is at the
 * other ends: the test plays raftd, the supervisor, other nodes, and the clients that ask.
 */
#ifndef MOOTHALL_TESTS_UNIT_HTTPD_PEER_FIXTURE_H
#define MOOTHALL_TESTS_UNIT_HTTPD_PEER_FIXTURE_H

#include "tests/lib/test.h"

#include "common/ipc/channel.h"
#include "common/ipc/message.h"
#include "common/ipc/shared_index.h"
#include "httpd/backend.h"
#include "httpd/cluster.h"
#include "httpd/http/request.h"
#include "httpd/http/server.h"
#include "httpd/worker.h"

#define LOCAL_ID UINT64_C(0xa1)
#define REMOTE_ID UINT64_C(0xb2)
#define CLUSTER_ID UINT64_C(0xc3)

#define GIVEN_MAX 8

/* A stream that raftd was given. */
struct given_stream {
	struct raftd_end *raftd;
	uint64_t number;		/* 0: none */
	struct msg_peer_stream message;	/* without its bytes */
	int fd;
	struct loop_io *io;
	struct buf in;
};

/* raftd's end of the channel. */
struct raftd_end {
	struct loop *loop;
	struct given_stream given[GIVEN_MAX];
	struct channel *channel;	/* NULL: raftd is down */
	struct shared_index *announced;
	struct buf out;			/* frames of the worker's own */
	struct buf from_peers;		/* frames of other nodes, id = from */
	uint64_t change_id;		/* of the last change that is not answered; 0: none */
	struct buf change_bytes;	/* what change and config_items are in */
	struct msg_member_change change;
	unsigned changes;
	struct buf config_items;	/* of the last config_change */
};

struct fixture {
	struct loop *loop;
	struct worker worker;
	struct raftd_end raftd;
	uint64_t statuses;		/* that were sent */
	/* end_node() of the worker's owner */
	bool ended;
	int end_code;
	char end_sentence[1024];
	/* and resolve() */
	unsigned asked;			/* how many names */
	uint64_t asked_id;		/* of the last one */
	char asked_host[256];
	/* The last request, and its answer. */
	void (*handle)(struct request *request);
	int client_fd;			/* the client's end; -1: none */
	struct buf head;		/* of the answer, as far as it came; then with a NUL */
	unsigned status;		/* 0: it is not answered */
	struct buf body;		/* with a NUL */
	bool upgraded;
	int upgraded_fd;		/* the client's end then */
	uint64_t started_ns;		/* of raftd, in the next status */
	struct waiting *waiting;	/* fixture_run's */
};

struct fixture *fixture_new(void);
void fixture_free(struct fixture **fixture);

/* Run the loop until the condition holds; fails the test after 5 s. */
void fixture_run(struct fixture *fixture, bool (*condition)(void *argument), void *argument);
/* Run that many turns that find nothing more to do. */
void fixture_settle(struct fixture *fixture);

/* raftd says how it is, and the worker has heard it. A member list: local first, then the
 * remote with that URL (NULL: none); while it recovers none at all. */
void fixture_status(struct fixture *fixture, int phase, const char *remote_url);
/* raftd dies; and another one is there, which has said hello. */
void fixture_detach(struct fixture *fixture);
void fixture_attach(struct fixture *fixture);

/* The stream of that opener that raftd was given last and still has; NULL: none. */
struct given_stream *fixture_given(struct fixture *fixture, bool ours);
/* raftd has a frame for the remote: by its stream, if it was given one. */
void fixture_raftd_sends(struct fixture *fixture, uint16_t type, struct slice payload);

/* How many frames of that type stand in buf, whatever their ids. */
unsigned count_frames(const struct buf *buf, uint16_t type);

/* Another node's port on 127.0.0.1, chosen by the kernel; one connection at a time. */
struct remote {
	struct fixture *fixture;
	int listener;			/* -1: closed, connections are refused */
	int fd;				/* the connection; -1: none */
	uint16_t port;
	char url[64];			/* http://127.0.0.1:PORT */
	struct buf in;			/* of this connection, NUL-terminated when whole */
	size_t bytes_wanted;
};

void remote_open(struct remote *remote, struct fixture *fixture);
/* Close both sockets: from now on connections are refused. */
void remote_close(struct remote *remote);
/* Open again on the same port. */
void remote_reopen(struct remote *remote);
/* Take a new connection and wait for a whole request on it: its text. */
const char *remote_request(struct remote *remote);
/* The same as a condition for fixture_run: argument is the remote. */
bool remote_has_request(void *argument);
void remote_send(struct remote *remote, struct slice bytes);
/* An answer with a body; the connection is closed behind it. */
void remote_answer(struct remote *remote, unsigned status, const char *body);
/* 101 as the node of that id in that cluster. */
void remote_upgrade(struct remote *remote, uint64_t cluster, uint64_t id);
/* Bytes that came behind the request, at least that many; then they are forgotten. */
struct slice remote_bytes(struct remote *remote, size_t size);
/* Close the connection only. */
void remote_hang_up(struct remote *remote);

/*
 * A request comes on a connection of its own and goes to that handler. Returns when it is
 * answered or upgraded, or a change of it has come to raftd.
 *
 *	headers	more lines, each with its end
 *	body	NULL: none
 */
void fixture_ask(struct fixture *fixture, const char *method, const char *path,
    const char *headers, const char *body, void (*handle)(struct request *request));
/* raftd answers the change that it was asked for, and the client gets its answer. */
void fixture_outcome(struct fixture *fixture, enum err err, const char *cause);
/* The client hangs up. */
void fixture_hang_up(struct fixture *fixture);

#endif
