/*
 * etcd3_words.h - values of options as etcd 3 has them, turned into ours: levels and outputs of the
 * log, versions and ciphers of TLS, names of hosts.
 *
 * Called by url_flags.c before anything looks at the values.
 */
#ifndef MOOTHALL_SUPERVISOR_ETCD3_WORDS_H
#define MOOTHALL_SUPERVISOR_ETCD3_WORDS_H

#include "supervisor/arguments.h"

/* NULL, or what is wrong, freed by the caller. */
char *etcd3_words_take(struct arguments *arguments) MUST_CHECK;

#endif
