/*
 * alloc_shim.c - a preloaded library: one allocation of a running process fails.
 *
 *	LD_PRELOAD=alloc_shim.so MOOTHALL_ALLOC_SHIM=CONTROL etcd -sandbox off ...
 *
 * CONTROL is a file of struct control, mapped before main by the programs that are
 * called as it says. The test writes into it (test_memory.py, which has its layout a
 * second time). Each process counts from its own start.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

struct control {
	uint32_t nth;			/* it fails, once in all processes; 0: none */
	uint32_t failed;		/* how many did */
	char program[24];
};

/* The C library's own, under the names that it keeps for such libraries. */
extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *old, size_t size);

static struct control *control;
static uint32_t count;

__attribute__((constructor)) static void
alloc_shim_begin(void)
{
	const char *path = getenv("MOOTHALL_ALLOC_SHIM");
	struct control *map;
	int fd;

	if (path == NULL)
		return;
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd == -1)
		return;
	map = mmap(NULL, sizeof(*map), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	if (map != MAP_FAILED && strcmp(program_invocation_short_name, map->program) == 0)
		control = map;
}

static bool
fails(void)
{
	if (control == NULL || __atomic_add_fetch(&count, 1, __ATOMIC_RELAXED) !=
	    __atomic_load_n(&control->nth, __ATOMIC_RELAXED))
		return false;
	__atomic_store_n(&control->nth, 0, __ATOMIC_RELEASE);
	__atomic_add_fetch(&control->failed, 1, __ATOMIC_RELEASE);
	errno = ENOMEM;
	return true;
}

void *
malloc(size_t size)
{
	return fails() ? NULL : __libc_malloc(size);
}

void *
calloc(size_t number, size_t size)
{
	return fails() ? NULL : __libc_calloc(number, size);
}

void *
realloc(void *old, size_t size)
{
	return fails() ? NULL : __libc_realloc(old, size);
}
