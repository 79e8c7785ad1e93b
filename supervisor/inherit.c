/*
 * inherit.c - see inherit.h.
 */
#include "supervisor/inherit.h"

#include "common/diag.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FIRST_FD 3

/* The value of a variable that is a whole number; -1 if it is none. */
static long
number_in(const char *variable)
{
	const char *text = getenv(variable);
	long number;
	char *end;

	if (text == NULL || text[0] < '0' || text[0] > '9')
		return -1;
	errno = 0;
	number = strtol(text, &end, 10);
	return errno != 0 || *end != '\0' ? -1 : number;
}

/* False: there is no such descriptor. */
static bool
prepare(int fd)
{
	int flags = fcntl(fd, F_GETFL);

	return flags != -1 && fcntl(fd, F_SETFD, FD_CLOEXEC) != -1 &&
	    fcntl(fd, F_SETFL, flags | O_NONBLOCK) != -1;
}

void
inherit_read(struct inherited *inherited)
{
	const char *names = getenv("LISTEN_FDNAMES");
	long count = number_in("LISTEN_FDS");

	*inherited = (struct inherited){ 0 };
	if (number_in("LISTEN_PID") != (long)getpid())
		count = 0;
	for (long i = 0; i < count && i < INHERIT_MAX; i++) {
		struct inherited_fd *entry = &inherited->fds[inherited->count];
		size_t length = names == NULL ? 0 : strcspn(names, ":");

		if (prepare(FIRST_FD + (int)i)) {
			entry->fd = FIRST_FD + (int)i;
			memcpy(entry->name, names == NULL ? "" : names,
			    MIN_OF(length, sizeof(entry->name) - 1));
			inherited->count++;
		}
		if (names != NULL)
			names = names[length] == ':' ? names + length + 1 : NULL;
	}
	unsetenv("LISTEN_PID");
	unsetenv("LISTEN_FDS");
	unsetenv("LISTEN_FDNAMES");
	unsetenv("LISTEN_PIDFDID");
}

int
inherit_take(struct inherited *inherited, const char *name)
{
	for (size_t i = 0; i < inherited->count; i++) {
		struct inherited_fd *entry = &inherited->fds[i];
		int fd = entry->fd;

		if (fd != -1 && strcmp(entry->name, name) == 0) {
			entry->fd = -1;
			return fd;
		}
	}
	return -1;
}

void
inherit_close(struct inherited *inherited)
{
	for (size_t i = 0; i < inherited->count; i++) {
		const struct inherited_fd *entry = &inherited->fds[i];
		bool known = strncmp(entry->name, "client", 6) == 0 ||
		    strncmp(entry->name, "peer", 4) == 0;

		if (entry->fd == -1)
			continue;
		if (!known)
			diag_warn("supervisor",
			    "descriptor from the service manager is not used, its "
			    "name has to be client or peer: name=\"%s\"", entry->name);
		close(entry->fd);
	}
	inherited->count = 0;
}
