/*
 * lock_text.h - what is written in DATA_DIR/lock.
 *
 * The file is held by flock; its text is for people and for the next start:
 *
 *	process id
 *	start time, UTC
 *	name of the node
 *	where its control socket is: the directory, or nothing if that is not to be said
 *	CRC32C of the four lines with their ends, 8 hexadecimal digits
 *
 * Written in place and not synced: another file could not take the place of one that is
 * locked. So a crash may leave any part of it, and a text that does not check says
 * nothing; neither does that of an earlier version, which had three lines and no check. What is
 * in it is known elsewhere: the name is part of the node's identity.
 */
#ifndef MOOTHALL_COMMON_LOCK_TEXT_H
#define MOOTHALL_COMMON_LOCK_TEXT_H

#include "common/clock.h"
#include "common/err.h"
#include "common/limits.h"
#include "common/slice.h"

#define LOCK_PATH_BYTES_MAX 4095

struct lock_text {
	long pid;
	char since[CLOCK_TEXT_BYTES];
	char name[NAME_BYTES_MAX + 1];
	char run_dir[LOCK_PATH_BYTES_MAX + 1];
};

/* False: it says nothing, and *text is all zeros. */
bool lock_text_parse(struct slice bytes, struct lock_text *text);
/* As it is in the file that is open at fd. */
bool lock_text_read(int fd, struct lock_text *text);
/* Of this process, from now on. run_dir: absolute; "" if there is none. One with a newline
 * in it, or that is too long, is not said. */
enum err lock_text_write(int fd, const char *name, const char *run_dir) MUST_CHECK;

#endif
