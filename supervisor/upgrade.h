/*
 * upgrade.h - another program takes the supervisor's place: same process, same
 * children, same sockets, same lock.
 *
 * The running program:
 *
 *	none -----> checking	the file where we came from is run with our arguments
 *				and our state, and only looks	[upgrade_begin]
 *	checking -> none	it refused, or said nothing in time: everything
 *				stays as it is			[upgrade_reaped]
 *	checking -> replaced	it is good: exec		[upgrade_reaped]
 *
 * The new one (main.c decides by upgrade_find):
 *
 *	check ----> ended	says on standard error what is wrong, or that it is
 *				good				[upgrade_check]
 *	take -----> serving	what was handed on is used instead of opened and
 *				locked; then all children are replaced, one after
 *				the other			[upgrade_resume]
 *
 * The state is in an anonymous file, whose number stands in the environment
 * (upgrade_table.h is its format). Signals are blocked from before exec until
 * the new program has its handlers, so none is lost and none ends it.
 *
 * What cannot change in a running node - its sockets, its directory, its user,
 * its sandbox - has to be the same in the options that the new program reads, or
 * it refuses.
 *
 * Source: docs/operations.md, "Upgrade".
 */
#ifndef MOOTHALL_SUPERVISOR_UPGRADE_H
#define MOOTHALL_SUPERVISOR_UPGRADE_H

#include "common/buf.h"
#include "supervisor/arguments.h"
#include "supervisor/listen.h"

#include <sys/types.h>

#define CODEC_TABLE "supervisor/upgrade_table.h"
#include "common/ipc/table_declare.h"
#undef CODEC_TABLE

#define UPGRADE_MAGIC UINT32_C(0x4d4f5550)	/* "MOUP" */
#define UPGRADE_FORMAT UINT16_C(2)
#define UPGRADE_FORMAT_ONE_ADDRESS UINT16_C(1)	/* without upgrade_port */
#define UPGRADE_NO_FD UINT32_MAX

#define UPGRADE_VARIABLE "MOOTHALL_UPGRADE"	/* "check", or "take N": descriptor of the state */
#define UPGRADE_GOOD "this program can take over\n"

#define UPGRADE_READY 0x01
#define UPGRADE_HAD_TERMINAL 0x02
#define UPGRADE_OUT_OF_ROTATION 0x04

#define UPGRADE_PROCESS_GREETED 0x01
#define UPGRADE_PROCESS_WAS_READY 0x02
#define UPGRADE_PROCESS_EVER_READY 0x04
#define UPGRADE_PROCESS_RETIRED 0x08
#define UPGRADE_PROCESS_DRAINING 0x10

struct supervisor;

/* ---- the running program (upgrade.c) ------------------------------------------- */

struct upgrade;			/* one that is under way */

/* Where our program was started from, as far as it can be known, so that a file
 * that took its place is found; freed by the caller. NULL: it cannot. */
char *upgrade_program(const char *argv_0);

/*
 * Check the new program, then become it. failed is called once, from the loop, if
 * that is not to be; else this process goes on in upgrade_resume.
 * NULL, or why not now, freed by the caller: then failed is not called.
 */
char *upgrade_begin(struct supervisor *supervisor,
    void (*failed)(void *argument, const char *problem), void *argument) MUST_CHECK;
/* SIGUSR2: the log says what happened. */
void upgrade_by_signal(struct supervisor *supervisor);
bool upgrade_under_way(const struct supervisor *supervisor);
/* A child that is none of the node's has ended. */
void upgrade_reaped(struct supervisor *supervisor, pid_t pid, int status);
/* Accepts NULL in *upgrade. */
void upgrade_free(struct upgrade **upgrade);

/* ---- the new program (upgrade_take.c) -------------------------------------------- */

enum upgrade_mode { UPGRADE_NONE, UPGRADE_CHECK, UPGRADE_TAKE };

struct takeover {
	enum upgrade_mode mode;
	struct buf bytes;
	struct upgrade_state state;	/* slices are of bytes */
	struct listen_set client_ports, peer_ports;
};

/* First thing in main: are we to take somebody's place? Also takes the word out
 * of the environment. NULL, or what is wrong, freed by the caller. */
char *upgrade_find(struct takeover *takeover) MUST_CHECK;
void takeover_free(struct takeover *takeover);

/* Do the options that cannot change fit? Fills in what the one before had worked
 * out. NULL, or what is wrong, freed by the caller. */
char *upgrade_fit(const struct takeover *takeover, struct arguments *arguments) MUST_CHECK;
/* Do these programs run, and are they of this build (build.h)? As above. */
char *upgrade_check_programs(const char *const *paths, size_t count, const char *build)
    MUST_CHECK;
/* Say that all is good, for who checks. */
void upgrade_say_good(void);
/* Close-on-exec again; ASSERTs that they are open. */
void upgrade_own(const struct takeover *takeover);
int upgrade_fd(uint32_t number);

struct metric_area;
/* The counters of the one before, NULL if they cannot be used. */
struct metric_area *upgrade_metrics(const struct takeover *takeover);
/* The children are ours; replace them, one after the other. */
void upgrade_resume(struct supervisor *supervisor, const struct takeover *takeover);

#endif
