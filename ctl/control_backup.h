/*
 * control_backup.h - "etcdctl control backup FILE": a backup of the node on this
 * machine, by way of its control socket.
 *
 * A user who may speak there may have one, without certificates: the supervisor gives us
 * one end of a connection to its peer worker.
 */
#ifndef MOOTHALL_CTL_CONTROL_BACKUP_H
#define MOOTHALL_CTL_CONTROL_BACKUP_H

#include "ctl/ctl.h"

/*
 * Over fd, a connection to the control socket; stays the caller's.
 *
 *	file	an absolute path
 *
 * Returns the exit code of the program; what went wrong was said.
 */
int control_backup(const struct ctl *ctl, int fd, const char *file);
/* The absolute path of a file; freed by the caller. */
char *control_backup_path(const char *file);

#endif
