/*
 * libexec.c - see libexec.h.
 */
#include "common/libexec.h"

#include "common/xmem.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

char *
libexec_beside(void)
{
	char path[4096];
	ssize_t size = readlink("/proc/self/exe", path, sizeof(path) - 1);
	char *slash;

	if (size <= 0)
		return xstrdup(PKGLIBEXECDIR);
	path[size] = '\0';
	slash = strrchr(path, '/');
	ASSERT(slash != NULL);
	return xasprintf("%.*s/libexec", (int)(slash - path), path);
}

char *
libexec_program(const char *name)
{
	char *beside = libexec_beside();
	char *path = xasprintf("%s/%s", beside, name);

	free(beside);
	if (access(path, X_OK) == 0)
		return path;
	free(path);
	return xasprintf("%s/%s", PKGLIBEXECDIR, name);
}
