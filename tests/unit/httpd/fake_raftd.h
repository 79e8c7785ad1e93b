/*
 * fake_raftd.h - a worker in a test: its loop and backend, a server without a
 * listening socket, and raftd's end of the channel, which the test plays.
 *
 * Nothing sleeps: fake_until runs turns of the loop until a condition holds,
 * and fails the test after some seconds.
 */
#ifndef MOOTHALL_TESTS_UNIT_HTTPD_FAKE_RAFTD_H
#define MOOTHALL_TESTS_UNIT_HTTPD_FAKE_RAFTD_H

#include "common/ipc/shared_index.h"
#include "httpd/backend.h"
#include "httpd/cluster.h"
#include "httpd/http/server.h"
#include "httpd/parts.h"

struct fake_frame {
	uint16_t type;
	uint64_t request_id;
	struct blob *payload;
};

struct fake {
	struct worker worker;
	struct channel *channel;	/* raftd's end; NULL: raftd is down */
	struct shared_index *announced;	/* what raftd has announced */
	struct fake_frame *frames;	/* that came from the worker, in order */
	size_t frame_count, frame_capacity;
	size_t taken;			/* frames that fake_next gave out */
	uint64_t v3_version;		/* of users of the v3 API that it was given */
	int lost_why;			/* CHANNEL_END_* of the last channel; 0: none was lost */
	bool (*condition)(void *argument);
	void *argument;
};

/* role: ROLE_CLIENT or ROLE_PEER. raftd is not there yet. */
struct fake *fake_new(int role);
void fake_free(struct fake **fake);

/* raftd starts: channel, hello and a status of that phase (0: no status). */
void fake_attach(struct fake *fake, int phase);
void fake_status(struct fake *fake, int phase, uint64_t store_index);
/* The same of a cluster that has the first of its two members only. */
void fake_status_alone(struct fake *fake, int phase);
/* raftd dies, with what it had not read. */
void fake_detach(struct fake *fake);

void fake_until(struct fake *fake, bool (*condition)(void *argument), void *argument);
/* The next frame of the worker that is no hello; waits for it. */
const struct fake_frame *fake_next(struct fake *fake);
/* The request id of the next frame, which is of that type. */
uint64_t fake_next_id(struct fake *fake, uint16_t type);
/* True if a few turns pass without another frame. */
bool fake_is_quiet(struct fake *fake);

/* A piece of the answer of a read; if not more, the last one. */
void fake_piece(struct fake *fake, uint64_t id, struct slice bytes, bool more);
/* Answer an outcome with an event (or SLICE_EMPTY), in pieces of that size if not 0. */
void fake_outcome(struct fake *fake, uint64_t id, enum err error, struct slice event,
    size_t piece_bytes);
void fake_watching(struct fake *fake, uint64_t id, uint64_t store_index);
/* The same of one that is given the past first. */
void fake_watching_behind(struct fake *fake, uint64_t id, uint64_t store_index);
void fake_event(struct fake *fake, const uint64_t *ids, size_t count, struct slice event);
/* To one watch: /k was set to value. */
void fake_send_set(struct fake *fake, uint64_t id, const char *value, uint64_t store_index);

/* An encoded event: action set on key with value, at that store index, with
 * EVENT_* flags. Freed by buf_free. */
struct buf fake_set_event(const char *key, const char *value, uint64_t store_index, unsigned flags);

/* A connection to the worker: the client's end, non-blocking. */
int fake_connect(struct fake *fake);
/* The same with next to no room for what the worker writes. */
int fake_connect_narrow(struct fake *fake);
void fake_send(int fd, const char *text);
/* Read until text holds the expected end, or fail; appended to in. */
void fake_receive(struct fake *fake, int fd, struct buf *in, const char *end);
/* Read until the worker closes. */
void fake_receive_all(struct fake *fake, int fd, struct buf *in);
/* How often text is in what was received. */
size_t fake_count(const struct buf *in, const char *text);

/* Stop the server as the worker does: its number is 0 when that is over. */
void fake_stop(struct fake *fake, bool keep_idle, uint64_t limit_ms);
bool fake_has_stopped(void *fake);
/* Bytes that are counted for its connections (budget.h). */
size_t fake_held(const struct fake *fake);

/* A client of a worker that has a raftd, a member of a cluster. */
struct fake_client {
	struct fake *fake;
	int fd;
	struct buf in;			/* the test's: what came */
};

struct fake_client fake_client_new(void);
void fake_client_free(struct fake_client *client);
/* All of it, also if it is more than the socket holds. */
void fake_send_all(const struct fake_client *client, struct slice bytes);
/* Users count from now on: there is root. */
void fake_close_gate(struct fake_client *client);
/* Users of the v3 API count from now on: root, and u, who shows FAKE_TOKEN and may do all with keys
 * below of, which ends with a slash; "": with none; NULL: there is no u any more. */
#define FAKE_LETTERS "AAAAAAAAAAAAAAAA"
#define FAKE_TOKEN FAKE_LETTERS ".5"
#define FAKE_CREDENTIAL 3
void fake_count_v3_users(struct fake *fake, const char *below);
/* FAKE_TOKEN is known. */
void fake_tell_v3_token(const struct fake *fake);
/* It begins with those users and no token, as a raftd that was started again. */
void fake_begin_with_v3_users(struct fake *fake, const char *below);
/* Of the v3 keys; the next frame has to be one. */
struct msg_v3_watch fake_next_v3_watch(struct fake *fake, uint64_t *id);

#endif
