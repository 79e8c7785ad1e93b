/*
 * metric.h - counters, gauges and histograms of the whole node (metric_table.h).
 *
 * Counting is a plain add to a word of memory: no lock, no system call. That
 * memory is one anonymous file of the supervisor's, mapped by every child, so
 * any worker can show all of it, and it outlives every process but the
 * supervisor:
 *
 *	directory	who has which slot, and whether he lives; only the
 *			supervisor writes it
 *	slot		of one process: its series, each with its name; only
 *			that process writes it
 *
 * A process that is replaced leaves its slot to its successor, which counts on
 * where it ended: what is shown never falls back. A slot is never given to a
 * process of another name while there is one that nobody had. A client worker
 * that drains and the one that came in its place live side by side and have
 * slots of their own.
 *
 *	new --> taken	a process starts		[metric_area_take]
 *	taken --> left	it is dead: its gauges are not shown any more
 *							[metric_area_leave]
 *	left --> taken	by one of the same name
 *
 * The descriptor comes with the message "metrics", after the supervisor's hello
 * and before the settings: mapped before anything is confined, then closed. The
 * file is sealed, so nobody can shorten it under the others. A process maps its
 * own slot to write and the whole to read. Nobody decides anything by what he
 * reads there, nor finds his own cells by it: a broken process can spoil figures,
 * nothing else. Series are told apart by their names and not by numbers of rows,
 * so parent and child may be of different versions.
 *
 * Each series has one writer: the loop's thread, but for those of the disk,
 * which the thread that writes to it counts. In a process that was given no
 * slot, counting is allowed and goes nowhere.
 *
 * Global state, as diag has: there is one set of counters in a process, and
 * counting must not need a way to it through every argument list.
 */
#ifndef MOOTHALL_COMMON_METRIC_H
#define MOOTHALL_COMMON_METRIC_H

#include "common/buf.h"
#include "common/err.h"

enum metric_id {
#define METRIC(id, owners, type, unit, name, labels, help) METRIC_##id,
#include "common/metric_table.h"
	METRIC_COUNT
};

enum metric_owner {
	METRIC_BY_SUPERVISOR = 1 << 1,	/* 1 << ROLE_* of wire.h */
	METRIC_BY_RAFTD = 1 << 2,
	METRIC_BY_CLIENT = 1 << 3,
	METRIC_BY_PEER = 1 << 4,
	METRIC_BY_WORKER = METRIC_BY_CLIENT | METRIC_BY_PEER,
	METRIC_BY_NODES = METRIC_BY_RAFTD | METRIC_BY_PEER, /* who talks to other nodes */
	METRIC_BY_ALL = METRIC_BY_SUPERVISOR | METRIC_BY_RAFTD | METRIC_BY_WORKER,
};

enum metric_type {
	METRIC_IS_COUNTER,
	METRIC_IS_GAUGE,
	METRIC_IS_NEWEST,
	METRIC_IS_DISK_TIME,
	METRIC_IS_SHORT_TIME,
	METRIC_IS_SIZE,
};

enum metric_unit { METRIC_IN_ONE, METRIC_IN_NS };

struct metric_row {
	unsigned owners;
	enum metric_type type;
	enum metric_unit unit;
	const char *name;
	const char *labels;
	const char *help;
};

extern const struct metric_row metric_rows[METRIC_COUNT];

/* ---- counting: series without labels, or with constant ones ------------------- */

void metric_add(enum metric_id id, uint64_t amount);
void metric_set(enum metric_id id, uint64_t value);
/* A counter that somebody else keeps: it may begin anew below, and is not followed. */
void metric_raise(enum metric_id id, uint64_t value);
/* A histogram; of times in ns. */
void metric_observe(enum metric_id id, uint64_t value);

/* ---- counting: series with values for their labels ------------------------------ */

struct metric_series;

/*
 * The series of that row with these values, in the order of the row's labels;
 * made if there is none yet. Not NULL: with no room left, one that is not
 * shown. Good until the process is given a slot, so it is asked for after the
 * settings came. Keep it: looking for it takes a while.
 */
struct metric_series *metric_series(enum metric_id id, const char *const *values);
void metric_series_add(struct metric_series *series, uint64_t amount);
void metric_series_set(struct metric_series *series, uint64_t value);
void metric_series_observe(struct metric_series *series, uint64_t value);
/* A gauge of what is no more: not shown until it is set again. */
void metric_series_hide(struct metric_series *series);

/* "raftd", "client-1", ...: the value of the label "process". */
#define METRIC_PROCESS_BYTES 24
void metric_process_name(int role, uint32_t number, char name[METRIC_PROCESS_BYTES]);

/* ---- showing ---------------------------------------------------------------------- */

enum metric_form { METRIC_FORM_TEXT, METRIC_FORM_OPENMETRICS };

/* Append everything, of all processes: the text format 0.0.4, or OpenMetrics 1.0.0. */
void metric_render(struct buf *out, enum metric_form form);
/* Which of them an Accept header asks for; the text if it does not say. */
enum metric_form metric_form_accepted(struct slice accept);
#define METRIC_TEXT_TYPE "text/plain; version=0.0.4; charset=utf-8"
#define METRIC_OPENMETRICS_TYPE "application/openmetrics-text; version=1.0.0; charset=utf-8"

/* ---- reading, for who shows a choice of it ------------------------------------------ */

/* A series of one process, as it is now; a gauge of a process that is no more is none. */
struct metric_seen {
	unsigned row;			/* the first of its name, as the table has it */
	struct slice labels;		/* as they are shown, without braces; borrowed */
	const uint64_t *cells;		/* the value; of a histogram see metric_bucket_bound */
};

/* All series of all processes, in no order: the same one may come from several. */
void metric_look(void (*seen)(void *argument, const struct metric_seen *seen), void *argument);
/* The value of that label, as it is shown; empty: there is none. */
struct slice metric_label(struct slice labels, const char *name);
/* How many buckets a histogram has: so many cells, then that of what is above all bounds,
 * then the sum; and the bound of one of them, in the unit that is counted. */
#define METRIC_CELLS_MAX 18
unsigned metric_bucket_count(unsigned row);
uint64_t metric_bucket_bound(unsigned row, unsigned bucket);

/* ---- a child ------------------------------------------------------------------------ */

/*
 * Count in that slot of the area from now on. fd stays the caller's and is not
 * needed any more then. ERR_INVALID: no area, or no such slot; nothing changed.
 */
enum err metric_attach(int fd, uint32_t slot, int role) MUST_CHECK;

/* ---- the supervisor ------------------------------------------------------------------ */

struct metric_area;

#define METRIC_NO_SLOT UINT32_MAX

/* Make the area and count in it, too. NULL with errno. */
struct metric_area *metric_area_new(void);
void metric_area_free(struct metric_area **area);
/* For metric_attach of others; stays the area's. */
int metric_area_fd(const struct metric_area *area);
/* A slot for a process that is about to start, or METRIC_NO_SLOT. again: out:
 * there was one of that name before. */
uint32_t metric_area_take(struct metric_area *area, int role, uint32_t number, bool *again);
/* That process is dead. */
void metric_area_leave(struct metric_area *area, uint32_t slot);

/* The process that has, or had, a slot: for a supervisor that goes on with the area. */
struct metric_holding {
	uint32_t role, number;
	bool alive;
};

/* False: there is no such slot. */
bool metric_area_look(const struct metric_area *area, uint32_t slot,
    struct metric_holding *holding);
/* The area that another program of this process made; takes fd. NULL: it is of
 * another shape, and a new one is to be made. */
struct metric_area *metric_area_resume(int fd, const struct metric_holding *holdings, size_t count);

#endif
