/*
 * etcd3_flags.h - flags of etcd 3 that no option here is like: accepted with a line, or refused
 * with a sentence, so that what starts etcd 3 starts this or says why it does not.
 *
 * Called by arguments.c, which finds them, and by setup.c, which has all of them.
 */
#ifndef MOOTHALL_SUPERVISOR_ETCD3_FLAGS_H
#define MOOTHALL_SUPERVISOR_ETCD3_FLAGS_H

#include "common/base.h"

enum etcd3_flag {
#define ETCD3_FLAG(name, flag, kind, fate, usual, sentence) ETCD3_##name,
#include "supervisor/etcd3_flag_table.h"
	ETCD3_FLAGS,		/* none: one above the last */
};

/* What was given; a zeroed one: nothing. */
struct etcd3_given {
	char *values[ETCD3_FLAGS];	/* NULL: it was not */
	bool by_environment[ETCD3_FLAGS];
};
void etcd3_given_free(struct etcd3_given *given);

/* By the flag without dashes, or its variable; ETCD3_FLAGS: it is none of these. */
enum etcd3_flag etcd3_by_flag(const char *flag);
enum etcd3_flag etcd3_by_environment(const char *variable);
/* May its value be left out? */
bool etcd3_is_bool(enum etcd3_flag flag);
/* The last one counts. */
void etcd3_give(struct etcd3_given *given, enum etcd3_flag flag, const char *value,
    bool by_environment);
/* The first that is refused, "-auto-tls: SENTENCE", freed by the caller; NULL: none is. */
char *etcd3_problem(const struct etcd3_given *given);
/* A line to the log for each that means something there, and nothing here. */
void etcd3_tell(const struct etcd3_given *given);

#endif
