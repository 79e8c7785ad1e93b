/*
 * sandbox.h - a process gives up what it has no use for; Linux only.
 *
 * Two mechanisms of the kernel, neither of which can be taken back: Landlock
 * for files and sockets by place (sandbox_files), seccomp for system calls
 * (sandbox_calls). The tables of what each process keeps are beside its main
 * (policy.c). Needs no_new_privs (harden.h).
 *
 *	off	nothing is done
 *	best	what the kernel has is used; a call that is not in the table
 *		fails with EPERM and is told on standard error with its name
 *	on	all of it or the caller ends; a call that is not in the table
 *		kills the process
 *
 * Whoever opens files, loads libraries or reads time zones does it before.
 * Source: docs/security.md, "Mechanisms".
 */
#ifndef MOOTHALL_COMMON_SANDBOX_H
#define MOOTHALL_COMMON_SANDBOX_H

#include "common/err.h"

enum sandbox_mode { SANDBOX_OFF, SANDBOX_BEST, SANDBOX_ON };

/* "off", "best", "on"; false if the text is none of them. */
bool sandbox_mode_parse(const char *text, enum sandbox_mode *mode);
/* What this kernel or build lacks, as words for a sentence ("Landlock (not in
 * this kernel)"); freed by the caller. NULL: nothing. */
char *sandbox_missing(void);
/* Load what the C library would look for on the disk at its first use. */
void sandbox_prepare(void);

/* ---- files and sockets ---------------------------------------------------- */

enum sandbox_right {
	SANDBOX_READ = 1,	/* read files, list directories */
	SANDBOX_WRITE = 2,	/* write files, make and remove plain ones */
	SANDBOX_MAKE_DIRECTORY = 4,
	SANDBOX_RUN = 8,	/* execute */
};

/* Keep rights below path, or on it if it is a file. A path that is not there
 * is passed over. */
struct sandbox_place {
	const char *path;
	unsigned rights;	/* of sandbox_right */
};

struct sandbox_files {
	const struct sandbox_place *places;
	size_t count;
	bool run_only;		/* only running programs, devices and links is restricted */
	bool keep_connect;	/* may connect by TCP; never bind */
	bool keep_abstract;	/* may connect to abstract Unix sockets of others */
};

/*
 * From here on, in this thread and those it makes: only these. Signals reach
 * processes of the same sandbox only. A second call restricts further.
 *
 * ERR_NONE also if mode lets it be; else the reason, and what was restricted
 * before still is.
 */
enum err sandbox_files(enum sandbox_mode mode, const struct sandbox_files *files) MUST_CHECK;

/* ---- calls ------------------------------------------------------------------ */

#define SANDBOX_TESTS_MAX 2

/* A call is meant if (argument & mask) == value for every test with a mask. */
struct sandbox_test {
	unsigned argument;	/* from 0 */
	uint64_t mask;		/* 0: no test */
	uint64_t value;
};

enum sandbox_answer {
	SANDBOX_ALLOW,
	SANDBOX_UNKNOWN,	/* ENOSYS: the C library has another way */
	SANDBOX_KILL,
};

/* Rows of one call are alternatives. A name this machine has not is passed over. */
struct sandbox_call {
	const char *name;
	enum sandbox_answer answer;
	struct sandbox_test tests[SANDBOX_TESTS_MAX];
};

#define SANDBOX_ARGUMENT(n, bits, is) { (n), (bits), (is) }
/* An int: the kernel does not look at the upper half. */
#define SANDBOX_IS(n, is) SANDBOX_ARGUMENT(n, UINT64_C(0xffffffff), (uint64_t)(uint32_t)(is))
#define SANDBOX_CALL(name) { #name, SANDBOX_ALLOW, { { 0 } } }
#define SANDBOX_CALL_IF(name, ...) { #name, SANDBOX_ALLOW, { __VA_ARGS__ } }
#define SANDBOX_CALL_NOT(name, answer) { #name, answer, { { 0 } } }

struct sandbox_calls {
	const struct sandbox_call *calls;
	size_t count;
	/* False: calls of no row are violations, executing a program kills, and
	 * what every loop does is allowed without a row. True: calls of no row
	 * are allowed (a parent's rows hold for what it executes). Either way
	 * what no process of a node needs kills. */
	bool others_allowed;
};

/* From here on, in all threads: only these. program: "raftd", for the line
 * that tells a violation; kept. ERR_NONE as above. */
enum err sandbox_calls(enum sandbox_mode mode, const struct sandbox_calls *calls,
    const char *program) MUST_CHECK;

#endif
