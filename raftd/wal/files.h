/*
 * files.h - the files of a LevelDB, by their names.
 */
#ifndef MOOTHALL_RAFTD_WAL_FILES_H
#define MOOTHALL_RAFTD_WAL_FILES_H

#include "common/base.h"

#include <dirent.h>

#define FILES_NAME_BYTES 64

/* List the directory, whose descriptor stays as it is; NULL: it cannot be. closedir. */
DIR *files_list(int directory_fd) MUST_CHECK;
bool files_name_ends_with(const char *name, const char *end);
/*
 * The number of the log that was begun last, and its name; 0: there is none. Reads the
 * directory, a few hundred names at most.
 */
uint64_t files_newest_log(int directory_fd, char name[FILES_NAME_BYTES]);

#endif
