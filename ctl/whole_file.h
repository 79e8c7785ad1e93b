/*
 * whole_file.h - a file that gets its name when all of it is there and on the disk.
 *
 * Until then it is a new file beside it, mode 0600, of a name with the number of this process: no
 * other one's file is written to, nor what a link of that name points to.
 *
 *	begun ---> kept		synced, renamed, the directory synced	[whole_file_keep]
 *	begun ---> (none)	removed					[whole_file_end]
 */
#ifndef MOOTHALL_CTL_WHOLE_FILE_H
#define MOOTHALL_CTL_WHOLE_FILE_H

#include "common/base.h"

struct whole_file {
	const char *name;		/* borrowed */
	char *partial;
	int fd;				/* -1: none */
	const char *failed;		/* static: what could not be done, "write" ... */
	const char *path;		/* and to what */
};

/* False: file->failed, path and errno say why. Either way whole_file_end frees it. */
bool whole_file_begin(struct whole_file *file, const char *name) MUST_CHECK;
/* The same. */
bool whole_file_keep(struct whole_file *file) MUST_CHECK;
/* What was not kept is removed. */
void whole_file_end(struct whole_file *file);

#endif
