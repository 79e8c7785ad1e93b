/*
 * policy.c - the supervisor's table (see policy.h).
 *
 * Programs are named by their directories: an upgrade puts new files into them,
 * and Landlock knows files by inode. The C library's loader is executed by the
 * kernel with each of them.
 */
#include "supervisor/policy.h"

#include "common/xmem.h"

#include <elf.h>
#include <libgen.h>
#include <link.h>
#include <stdlib.h>
#include <string.h>

/* Beside what no process needs (sandbox_calls.c). */
static const struct sandbox_call calls[] = {
	SANDBOX_CALL_NOT(setns, SANDBOX_KILL), SANDBOX_CALL_NOT(unshare, SANDBOX_KILL),
	SANDBOX_CALL_NOT(chroot, SANDBOX_KILL), SANDBOX_CALL_NOT(mknod, SANDBOX_KILL),
	SANDBOX_CALL_NOT(mknodat, SANDBOX_KILL),
	SANDBOX_CALL_NOT(settimeofday, SANDBOX_KILL), SANDBOX_CALL_NOT(clock_settime, SANDBOX_KILL),
	SANDBOX_CALL_NOT(swapon, SANDBOX_KILL), SANDBOX_CALL_NOT(swapoff, SANDBOX_KILL),
	SANDBOX_CALL_NOT(acct, SANDBOX_KILL), SANDBOX_CALL_NOT(quotactl, SANDBOX_KILL),
};

/* The directory in which path really is; freed by the caller. NULL: there is none. */
static char *
directory_of(const char *path)
{
	char *real = realpath(path, NULL);
	char *directory;

	if (real == NULL)
		return NULL;
	directory = xstrdup(dirname(real));
	free(real);
	return directory;
}

/* The first object is the program, which names its loader. */
static int
find_loader(struct dl_phdr_info *object, size_t size, void *argument)
{
	const char **loader = argument;

	(void)size;
	for (size_t i = 0; i < object->dlpi_phnum; i++) {
		if (object->dlpi_phdr[i].p_type == PT_INTERP)
			*loader = (const char *)(object->dlpi_addr + object->dlpi_phdr[i].p_vaddr);
	}
	return 1;
}

enum err
supervisor_policy(enum sandbox_mode mode, const char *raftd_path, const char *httpd_path,
    const char *own_path)
{
	const char *loader = NULL;
	char *directories[4];
	struct sandbox_place places[ARRAY_COUNT(directories)];
	struct sandbox_files files = { .places = places, .run_only = true, .keep_connect = true,
		.keep_abstract = true };
	enum err err;

	(void)dl_iterate_phdr(find_loader, &loader);
	directories[0] = directory_of(raftd_path);
	directories[1] = directory_of(httpd_path);
	directories[2] = loader == NULL ? NULL : directory_of(loader);
	directories[3] = own_path == NULL ? NULL : directory_of(own_path);
	for (size_t i = 0; i < ARRAY_COUNT(directories); i++) {
		if (directories[i] != NULL)
			places[files.count++] = (struct sandbox_place){ directories[i],
			    SANDBOX_RUN };
	}
	err = sandbox_files(mode, &files);
	for (size_t i = 0; i < ARRAY_COUNT(directories); i++)
		free(directories[i]);
	if (err != ERR_NONE)
		return err;
	return sandbox_calls(mode, &(struct sandbox_calls){ .calls = calls,
	    .count = ARRAY_COUNT(calls), .others_allowed = true }, "etcd");
}

enum err
resolver_policy(enum sandbox_mode mode)
{
	static const struct sandbox_place readable = { "/", SANDBOX_READ };

	return sandbox_files(mode, &(struct sandbox_files){ .places = &readable, .count = 1,
	    .keep_connect = true, .keep_abstract = true });
}
