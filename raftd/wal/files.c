/*
 * files.c - see files.h. Used by db.c, damage.c and log_ahead.c.
 */
#include "raftd/wal/files.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

DIR *
files_list(int directory_fd)
{
	int fd = openat(directory_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *list = fd == -1 ? NULL : fdopendir(fd);

	if (list == NULL && fd != -1)
		close(fd);
	return list;
}

bool
files_name_ends_with(const char *name, const char *end)
{
	size_t length = strlen(name), end_length = strlen(end);

	return length > end_length && strcmp(name + length - end_length, end) == 0;
}

uint64_t
files_newest_log(int directory_fd, char name[FILES_NAME_BYTES])
{
	DIR *list = files_list(directory_fd);
	struct dirent *file;
	uint64_t newest = 0;

	if (list == NULL)
		return 0;
	while ((file = readdir(list)) != NULL) {
		char *end;
		uint64_t number = strtoull(file->d_name, &end, 10);

		if (strcmp(end, ".log") != 0 || number <= newest ||
		    strlen(file->d_name) >= FILES_NAME_BYTES)
			continue;
		newest = number;
		memcpy(name, file->d_name, strlen(file->d_name) + 1);
	}
	closedir(list);
	return newest;
}
