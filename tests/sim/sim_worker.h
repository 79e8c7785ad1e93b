/*
 * sim_worker.h - httpd's workers as raftd sees them: sessions, request ids,
 * asking again after raftd was restarted, deadlines, the end of a worker.
 *
 * The first worker of a machine is its peer worker: only members are changed
 * through it. The channel keeps order and loses nothing while both ends live;
 * what raftd wrote before it died is still read.
 */
#ifndef MOOTHALL_TESTS_SIM_WORKER_H
#define MOOTHALL_TESTS_SIM_WORKER_H

#include "common/ipc/message.h"
#include "tests/sim/sim_world.h"

#include <sys/queue.h>

struct sim_worker;
struct client;
struct watcher;

/* One request under way. */
struct sim_request {
	TAILQ_ENTRY(sim_request) link;
	struct sim_worker *worker;
	uint64_t id;			/* sequence */
	struct blob *frame;		/* as it was sent, to be sent again */
	uint64_t started_ms;
	uint64_t floor;			/* a store index somebody had seen before it began */
	uint64_t floor_here;		/* the same, seen on this machine since raftd started */
	uint64_t life;			/* of raftd when it began */
	struct sim_event *timer;
	struct buf pieces;		/* what came of an answer with more to come */
	struct sim_event *ask;		/* for the next piece */
	/* Called once; outcome NULL: nobody knows what became of it. The request
	 * is freed afterwards. */
	void (*done)(struct sim_request *request, const struct msg_outcome *outcome);
	void *owner;
};

struct sim_worker {
	struct machine *machine;
	size_t number;
	bool senseless;			/* it was taken over; has neither clients nor watches */
	uint64_t session;		/* new for every life */
	uint64_t next_id;
	bool attached;
	uint64_t reply_life;		/* of the raftd that wrote what is being read */
	uint64_t in_at_ms, out_at_ms;	/* of the last frame, each way: order is kept */
	size_t queued_bytes;		/* that raftd wrote and it has not read */
	TAILQ_HEAD(requests_list, sim_request) requests;
	size_t client_count;
	struct client **clients;
	size_t watch_count;
	struct watcher **watches;
};

struct sim_worker *worker_new(struct machine *machine, size_t number);
void worker_free(struct sim_worker **worker);
/* A worker dies and comes back: new session, new clients. */
void worker_die(struct sim_worker *worker);
/* raftd is there (again), or gone. */
void worker_attach(struct sim_worker *worker);
void worker_detach(struct sim_worker *worker);
/* Who of the machine has that session; NULL: nobody any more. */
struct sim_worker *worker_of_session(struct machine *machine, uint64_t session);

/* Begin a request; the sequence and low are filled in here. */
struct sim_request *worker_write(struct sim_worker *worker, struct msg_write *write);
struct sim_request *worker_read(struct sim_worker *worker, const struct msg_read *read);
struct sim_request *worker_lock_look(struct sim_worker *worker, const struct msg_lock_look *look);
struct sim_request *worker_member_change(struct sim_worker *worker,
    struct msg_member_change *change);
struct sim_request *worker_place_change(struct sim_worker *worker,
    struct msg_place_change *change);
struct sim_request *worker_auth_change(struct sim_worker *worker, struct msg_auth_change *change);
struct sim_request *worker_config_change(struct sim_worker *worker, struct slice items);
/* Nobody waits any more; false if it was answered already. */
bool worker_cancel(struct sim_worker *worker, uint64_t id);
/* A frame to raftd; lost if there is none. Takes the reference. */
void worker_send(struct sim_worker *worker, struct blob *frame);
uint64_t worker_new_id(struct sim_worker *worker);
/* A frame that raftd wrote. Takes the reference. */
void worker_reply(struct sim_worker *worker, struct blob *frame);

/* ---- sim_load.c: clients ------------------------------------------------------ */

struct client *client_new(struct sim_worker *worker);
void client_free(struct client **client);
/* The worker died: forget what was under way and begin anew. */
void client_reset(struct client *client);
/* Some key or directory of the workload; static text. */
const char *load_key(struct world *world);
/* A write that succeeds in a healthy cluster; calls done. */
struct sim_request *load_probe(struct sim_worker *worker,
    void (*done)(struct sim_request *, const struct msg_outcome *));

/* ---- sim_lock.c: what clients ask of locks -------------------------------------- */

/* Only in some seeds, with random numbers of its own. */
void lock_profile(struct world *world, struct sim_profile *profile);
/* True: the next thing that a client does is one of these. */
bool load_wants_lock(struct world *world);
bool load_wants_look(struct world *world);
void load_lock_write(struct world *world, struct msg_write *write);
void load_lock_look(struct world *world, struct msg_lock_look *look);

/* ---- sim_watch.c ----------------------------------------------------------------- */

struct watcher *watcher_new(struct sim_worker *worker);
void watcher_free(struct watcher **watch);
void watcher_reset(struct watcher *watch);
void watcher_attach(struct watcher *watch);
/* False if the id is not its own. */
bool watcher_answered(struct watcher *watch, uint64_t id, const struct msg_watching *answer);
bool watcher_event(struct watcher *watch, uint64_t id, struct slice event);
/* It is registered, and everything up to store_index has been delivered. */
bool watcher_is_complete(const struct watcher *watch, uint64_t store_index);

#endif
