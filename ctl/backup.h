/*
 * backup.h - fetching a backup of a node into a file.
 *
 * What comes is checked while it comes. It is written under another name, mode
 * 0600, and gets its own when all of it is there, right and synced; so a file of
 * that name is whole, or it is the one that was there before.
 * Source: docs/operations.md, "Backup".
 */
#ifndef MOOTHALL_CTL_BACKUP_H
#define MOOTHALL_CTL_BACKUP_H

#include "ctl/ctl.h"

struct backup_order {
	const struct ctl *ctl;	/* for certificates and the terminal */
	const char *file;
	const char *peer_url;	/* of the node; "http://" may be left out */
	int connected_fd;	/* a connection to its peer port that is there already, without TLS
				 * whatever peer_url says; taken. -1: make one */
};

/* Says how it went; returns the exit code of the program. */
int ctl_backup_fetch(const struct backup_order *order);

#endif
