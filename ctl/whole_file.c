/*
 * whole_file.c - see whole_file.h.
 */
#include "ctl/whole_file.h"

#include "common/xmem.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static bool
fail(struct whole_file *file, const char *what, const char *path)
{
	file->failed = what;
	file->path = path;
	return false;
}

bool
whole_file_begin(struct whole_file *file, const char *name)
{
	*file = (struct whole_file){ .name = name,
		.partial = xasprintf("%s.part-%ld", name, (long)getpid()) };
	file->fd = open(file->partial, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	return file->fd != -1 || fail(file, "make", file->partial);
}

static bool
sync_directory(const char *name)
{
	char *copy = xstrdup(name);
	int directory = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	bool good = directory != -1 && fsync(directory) == 0;
	int why = errno;

	free(copy);
	if (directory != -1)
		close(directory);
	errno = why;
	return good;
}

bool
whole_file_keep(struct whole_file *file)
{
	if (fsync(file->fd) == -1)
		return fail(file, "write", file->partial);
	if (rename(file->partial, file->name) == -1)
		return fail(file, "make", file->name);
	free(file->partial);
	file->partial = NULL;
	return sync_directory(file->name) || fail(file, "sync the directory of", file->name);
}

void
whole_file_end(struct whole_file *file)
{
	if (file->fd != -1) {
		close(file->fd);
		if (file->partial != NULL)
			(void)unlink(file->partial);
	}
	free(file->partial);
}
