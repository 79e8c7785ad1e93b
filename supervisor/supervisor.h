/*
 * supervisor.h - the parent of a node's processes.
 *
 * Owns the children (process.h), decides when one is started again and when
 * the node ends, knows how far the node is (node_state of raftd). Stopping is
 * stop.c, restarts that an operator asks for are restart.c, what is told to
 * people is console.c, to the service manager service.c, the operator's socket control.c, a
 * new configuration reload.c, old data discard.c.
 *
 *	starting --> ready	raftd, the peer worker and a client worker are
 *				ready, member with a known leader	[supervisor_look]
 *	ready -----> starting	one of these is lost			[supervisor_look]
 *	any -------> stopping	signal, operator, or a child that must
 *				not be started again			[stop_begin, stop_with]
 *
 * Source: docs/testing.md, "What shows what"; docs/operations.md.
 */
#ifndef MOOTHALL_SUPERVISOR_SUPERVISOR_H
#define MOOTHALL_SUPERVISOR_SUPERVISOR_H

#include "common/loop.h"
#include "supervisor/arguments.h"
#include "supervisor/directory.h"
#include "supervisor/listen.h"
#include "supervisor/notify.h"
#include "supervisor/process.h"
#include "supervisor/service.h"

struct control;
struct desk;
struct log;
struct resolve;
struct takeover;
struct upgrade;

/* The last node_state of raftd. */
struct node_view {
	int phase;			/* PHASE_* of wire.h */
	uint64_t node_id, cluster_id, leader_id;
	uint64_t term, commit, applied, store_index;
	int role;			/* NODE_ROLE_* */
	struct buf members;		/* list of member_record */
	struct buf refuses;		/* why clients' writes are refused; empty: they are not */
	struct buf notice;		/* for operators, of what stops nothing; or empty */
	struct buf reach;		/* list of reach_record, of the peer worker */
};

enum stop_step {
	STOP_STEP_NONE,			/* not stopping */
	STOP_STEP_CLIENTS,
	STOP_STEP_TRANSFER,
	STOP_STEP_RAFTD,
	STOP_STEP_PEER,
	STOP_STEP_ALL,			/* fast: all at once */
};

struct stop {
	enum stop_step step;
	enum exit_code code;		/* to end with */
	struct loop_timer *limit;	/* of the whole stop: then KILL */
	struct loop_timer *transfer;	/* of moving the leader */
};

/* One restart or transfer asked for by an operator. */
#define RESTART_TARGETS_MAX 80
enum restart_step {
	RESTART_STEP_NONE,		/* nothing under way */
	RESTART_STEP_MOVING,		/* the leader goes elsewhere */
	RESTART_STEP_WAITING,		/* for READY of the new process */
	RESTART_STEP_TRANSFER,		/* only the leader is moved */
};

struct restart {
	enum restart_step step;
	struct process *targets[RESTART_TARGETS_MAX]; /* those still to do; NULL: has gone */
	size_t target_count, next;
	struct process *current;	/* whose READY is awaited */
	struct process *replaced;	/* client worker that drains then; else NULL */
	bool was_ready;			/* the node, when it began: so it has to be again */
	struct loop_timer *limit;
	struct loop_timer *moving;	/* RESTART_STEP_MOVING goes on without an answer */
	/* problem: NULL, or why it failed. */
	void (*done)(void *argument, const char *problem);
	void *argument;
};

/* What the service manager was told (service.c). */
struct service {
	struct loop_timer *watchdog;	/* NULL: nobody watches */
	char *status;			/* NULL: nothing yet */
	uint64_t extended_ms;		/* monotonic, when more time was asked for */
};

struct supervisor {
	struct loop *loop;
	struct arguments *arguments;
	struct arguments_input input;	/* where they were read from */
	struct config *config;		/* of arguments */
	struct directory *directory;
	struct tls_files *tls;
	struct log *log;
	char *log_level_configured;	/* NULL: the level in use is that */
	struct process_world world;
	struct process_list processes;
	unsigned workers;
	struct node_view node;
	bool voter;			/* as of the last state; restarts are not looked at */
	char *rebuild_path;
	pid_t discarding;		/* the child of discard.c; 0: none */
	struct stop stop;
	struct restart restart;
	struct notify notify;
	struct service service;
	struct control *control;
	struct desk *desk;		/* what workers ask */
	struct resolve *resolve;
	struct upgrade *upgrade;	/* under way; else NULL */
	const struct takeover *takeover; /* NULL: this program has started the node */
	const char *program;		/* the file that an upgrade runs; NULL: not known */
	struct metric_process *itself;	/* what the supervisor says of itself */
	struct loop_timer *tick;
	uint64_t tick_ms;		/* monotonic; when it was last due */
	uint64_t started_ns;		/* monotonic, of the program */
	bool children_ended;		/* SIGCHLD since the last turn's end */
	bool had_terminal;
	bool ready;
	bool ever_ready;
	bool at_terminal;		/* start and end are lines for people only */
	bool served;			/* READY=1 was sent */
	char *waiting_said;		/* NULL: nothing yet */
	uint64_t waiting_said_ms;	/* monotonic */
	unsigned early_ends;		/* of raftd by EXIT_INTERNAL before its first READY */
};

/*
 * All is borrowed and outlives the supervisor. client_ports, peer_ports:
 * listening sockets; these and notify are the supervisor's from then on. Starts nothing yet.
 */
struct supervisor_parts {
	struct loop *loop;
	struct arguments *arguments;
	struct arguments_input input;
	struct directory *directory;
	struct tls_files *tls;
	struct log *log;
	const char *raftd_path, *httpd_path, *resolver_path, *rebuild_path;
	const char *program, *build;	/* build: of this program, see build.h */
	const struct takeover *takeover;
	struct listen_set client_ports, peer_ports;
	struct notify notify;
	uint64_t started_ns;
};

struct supervisor *supervisor_new(const struct supervisor_parts *parts);
void supervisor_free(struct supervisor **supervisor);
/* Start the children and run until the node has ended; returns the exit code. */
int supervisor_run(struct supervisor *supervisor);

/* The one of that role and number, the newest if it is being replaced; or NULL. */
struct process *supervisor_process(const struct supervisor *supervisor, int role, uint32_t number);
/* A further process, started at once. */
struct process *supervisor_add(struct supervisor *supervisor, int role, uint32_t number);
/* Start more client workers, or let the last ones finish. */
void supervisor_set_workers(struct supervisor *supervisor, unsigned count);
/* True if this node leads and somebody else could. */
bool supervisor_could_move_leader(const struct supervisor *supervisor);
/* Ask raftd; to: a name or empty. Answered by world.moved. */
void supervisor_move_leader(struct supervisor *supervisor, struct slice to);
/* SIGCHLD may have been missed. */
void supervisor_look_for_ends(struct supervisor *supervisor);
/* Out of rotation: the workers answer /health with 503, and nothing else changes. */
void supervisor_set_rotation(struct supervisor *supervisor, bool out);
/* Name of that member, borrowed until the next node_state; empty if unknown. */
struct slice supervisor_member_name(const struct supervisor *supervisor, uint64_t id);
size_t supervisor_member_count(const struct supervisor *supervisor);

/* ---- stop.c ---- */

/* how: STOP_ORDERLY or STOP_DRAIN. A second call stops fast. */
void stop_begin(struct supervisor *supervisor, int how);
void stop_fast(struct supervisor *supervisor);
/* The node cannot go on: say sentence, stop fast, end with code. Once. */
void stop_with(struct supervisor *supervisor, enum exit_code code, const char *sentence);
/* A child died, or the leader has moved. */
void stop_go_on(struct supervisor *supervisor);
void stop_moved(struct supervisor *supervisor);
static inline bool
stop_under_way(const struct supervisor *supervisor)
{
	return supervisor->stop.step != STOP_STEP_NONE;
}

/* ---- restart.c ---- */

/*
 * what: "raftd", "peer", "client", "client N" or "all". done is called once,
 * maybe from inside. ERR_BUSY while another one is under way, ERR_INVALID if
 * nothing is called so: done is not called then.
 */
enum err restart_begin(struct supervisor *supervisor, const char *what,
    void (*done)(void *argument, const char *problem), void *argument) MUST_CHECK;
/* Leadership to that node, or to whoever is best if to is empty. As above. */
enum err restart_transfer(struct supervisor *supervisor, const char *to,
    void (*done)(void *argument, const char *problem), void *argument) MUST_CHECK;
/* Why it was ERR_INVALID, for a person; freed by the caller. */
char *restart_no_transfer(const struct supervisor *supervisor);
/* One that was to replace another ended before it was ready, for good. True if
 * that ends the restart and not the node: the other serves on. */
bool restart_process_failed(struct supervisor *supervisor, struct process *process, int code)
    MUST_CHECK;
/* What happened; each does nothing if it has no part in a restart. */
void restart_process_ready(struct supervisor *supervisor, struct process *process);
void restart_node_ready(struct supervisor *supervisor);
void restart_process_gone(struct supervisor *supervisor, const struct process *process);
void restart_moved(struct supervisor *supervisor, bool moved);
void restart_give_up(struct supervisor *supervisor, const char *problem);

/* ---- discard.c ---- */

/* raftd's state has changed. */
void discard_look(struct supervisor *supervisor);
/* True if it was the child that removes old data. */
bool discard_reaped(struct supervisor *supervisor, pid_t pid, int status);

/* ---- console.c ---- */

/* Before anything is started. */
void console_start(struct supervisor *supervisor);
/* Ready for the first time, or again. */
void console_ready(struct supervisor *supervisor);
/* The stop begins. */
void console_stop(struct supervisor *supervisor);
/* What the node waits for, when that has changed. */
void console_waiting(struct supervisor *supervisor);
/* "leader of a cluster of 3, term 4"; freed by the caller. */
char *console_place(const struct supervisor *supervisor);
/* What a node that is not ready waits for; freed by the caller. NULL: for itself. */
char *console_reason(const struct supervisor *supervisor);

#endif
