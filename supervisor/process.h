/*
 * process.h - one child of the supervisor: its life, and what is known of it.
 *
 *	dead -------> starting	forked, channel open		[process_start]
 *	starting ---> running	READY came			[on_ready]
 *	starting, running
 *	-------> stopping	was told to stop		[process_stop]
 *	starting, running, stopping
 *	-------> dead		reaped				[process_reaped]
 *	dead -------> throttled	died too soon: back-off		[process_start_later]
 *	throttled --> starting	back-off is over		[process_start]
 *
 * What decides: supervisor.c, through the world's functions. A child in state
 * stopping is killed when its limit is over; one that gives no sign of life is
 * aborted, then killed [process_watch].
 *
 * Source: docs/operations.md, "Restarts"; pitfalls stopped-raftd, orphan-children,
 * merged-ends, reused-pid and restart-storm.
 */
#ifndef MOOTHALL_SUPERVISOR_PROCESS_H
#define MOOTHALL_SUPERVISOR_PROCESS_H

#include "common/ipc/channel.h"
#include "common/ipc/message.h"
#include "common/ipc/wire.h"
#include "common/loop.h"
#include "common/metric.h"
#include "common/option.h"
#include "supervisor/listen.h"

#include <sys/queue.h>
#include <sys/types.h>

enum process_state {
	PROCESS_DEAD,
	PROCESS_THROTTLED,
	PROCESS_STARTING,
	PROCESS_RUNNING,
	PROCESS_STOPPING,
};

struct log;
struct log_source;
struct process;
struct tls_files;

/* What all children share, and who is told about them. */
struct process_world {
	struct loop *loop;
	const struct config *config;	/* given to each child as it is at its start */
	const struct tls_files *tls;	/* the same; NULL: none */
	const char *build;		/* of this program: those of children should be it */
	char *raftd_path, *httpd_path;
	struct listen_set client_ports, peer_ports; /* listening sockets */
	struct metric_area *metrics;	/* NULL: nothing is counted */
	struct log *log;		/* NULL: their lines go to standard error */
	bool out_of_rotation;		/* an operator wants no new clients here */
	void *argument;
	/* The channel is open: settings are queued, wire it. */
	void (*started)(void *argument, struct process *process);
	void (*ready)(void *argument, struct process *process);
	void (*node_state)(void *argument, const struct msg_node_state *state);
	void (*notice)(void *argument, struct slice text);
	void (*moved)(void *argument, bool done);
	void (*reach)(void *argument, struct slice members);
	void (*resolve)(void *argument, struct process *process, uint64_t request_id,
	    struct slice host);
	/* A client worker asks; the answer may come later. */
	void (*asked)(void *argument, struct process *process, uint64_t request_id,
	    const struct msg_ask *ask);
	void (*end_node)(void *argument, enum exit_code code, struct slice sentence);
	/* A channel between raftd and a worker has ended, says one of them. */
	void (*channel_lost)(void *argument, struct process *process,
	    const struct msg_channel_lost *lost);
	/* It is time to make another for that worker. */
	void (*rewire)(void *argument, struct process *process);
	/* Reaped, state is dead. status as of waitpid. May free the process. */
	void (*died)(void *argument, struct process *process, int status);
};

#define PROCESS_DEATHS_KEPT 5

/* A worker's channel to raftd, as wiring.c knows it. */
struct process_link {
	uint64_t token;			/* of the present pair; 0: not known here */
	uint64_t made_ms;		/* monotonic */
	unsigned breaks;		/* in a row: decides the back-off */
	int why;			/* CHANNEL_END_* while another is to be made; else 0 */
	struct loop_timer *timer;	/* makes it */
};

struct process {
	TAILQ_ENTRY(process) link;
	const struct process_world *world;
	int role;			/* ROLE_* of wire.h */
	uint32_t number;
	char name[24];			/* "raftd", "client 1", "peer" */
	enum process_state state;
	pid_t pid;			/* 0: none */
	struct log_source *lines;	/* NULL: they go to standard error */
	uint32_t metric_slot;		/* METRIC_NO_SLOT: none */
	struct channel *channel;	/* NULL: none */
	struct loop_timer *timer;	/* throttled: start; stopping: kill */
	struct process_link link_to_raftd; /* of a worker */
	uint64_t started_ms;		/* monotonic */
	uint64_t heard_ms;		/* monotonic, last sign of life */
	uint64_t started_wall_ns;
	bool quiet;			/* no sign of life for a while, and this was said */
	bool aborted;			/* the watchdog has sent ABRT */
	bool greeted;			/* in this life: its hello came */
	bool refused;			/* the same: killed for what it sent, not heard */
	bool was_ready;			/* in this life */
	bool ever_ready;
	bool retired;			/* replaced by another: not started again */
	bool renewed;			/* stopped to be started again at once */
	bool draining;			/* stopping, but it has requests to finish */
	uint32_t connections;
	uint64_t memory;		/* resident bytes, as its last sign of life said */
	uint64_t store_index;		/* raftd: as its last sign of life said */
	unsigned restarts;
	unsigned deaths_in_row;		/* decides the back-off */
	uint64_t deaths_ms[PROCESS_DEATHS_KEPT]; /* the last ones, a ring */
	size_t deaths;			/* how many there were in all */
	bool hasty;			/* restarting too fast, and this was said */
	uint64_t hasty_said_ms;
};

TAILQ_HEAD(process_list, process);

struct process *process_new(const struct process_world *world, int role, uint32_t number);
/* Not while it has a pid. */
void process_free(struct process **process);

/* Fork now. Failure counts as a death: it is tried again later. */
void process_start(struct process *process);
/* Start again after a crash: at once, or after the back-off. */
void process_start_later(struct process *process);
/* It gets the configuration as it is now, if it is up. */
void process_configure(struct process *process);
/* It gets the certificates as they are now, if it is up and uses any. */
void process_secure(struct process *process);
/* how: STOP_* of wire.h. KILL after limit_ms. No child: nothing happens. */
void process_stop(struct process *process, int how, uint64_t limit_ms);
void process_kill(struct process *process, int signal_number);
/* For a program that takes our place, and there; a process that lives. The slices
 * of record are the process's. */
struct upgrade_process;
void process_hand_on(const struct process *process, struct upgrade_process *record);
struct process *process_take_over(const struct process_world *world,
    const struct upgrade_process *record);
/* A client worker is told whether the node is out of rotation. */
void process_rotate(struct process *process);
/* waitpid told its end. */
void process_reaped(struct process *process, int status);

/* No sign of life for longer than a child that is up may take. */
bool process_is_silent(const struct process *process, uint64_t now_ms);
/* Say so if it is quiet; abort or kill it if it has been silent too long. own_ms: how
 * much of the time behind us may be our own absence. */
void process_watch(struct process *process, uint64_t now_ms, uint64_t own_ms);
/* The silence was ours (the machine slept): count anew. */
void process_forgive(struct process *process, uint64_t now_ms);

static inline bool
process_is_up(const struct process *process)
{
	return process->state == PROCESS_STARTING || process->state == PROCESS_RUNNING;
}

/* True if a channel between raftd and it makes sense: also for a worker that drains
 * while raftd is restarted, or its last requests would wait for ever. */
static inline bool
process_needs_raftd(const struct process *process)
{
	return process_is_up(process) || (process->state == PROCESS_STOPPING && process->draining);
}

/* For people and scripts: its state, or "silent". */
const char *process_state_name(const struct process *process);

#endif
