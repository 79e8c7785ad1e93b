/*
 * program.h - what the programs are called here: a package may give etcd and
 * etcdctl other names (--program-transform-name), and a link may, too. Messages
 * name what the reader has typed, or can type.
 */
#ifndef MOOTHALL_COMMON_PROGRAM_H
#define MOOTHALL_COMMON_PROGRAM_H

#include "common/base.h"

/* The name that this process was called by, without its directory. */
const char *program_own(void);
/* etcd and etcdctl as they are installed; but called by one of these two names,
 * which is so in a build tree and by the links of a package, the other has its
 * name as well. */
const char *program_etcd(void);
const char *program_etcdctl(void);

#endif
