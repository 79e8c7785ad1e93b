/*
 * spawn.c - the few lines between fork and exec: only async-signal-safe calls.
 *
 * All signals are blocked around fork. A signal that came to the child before
 * its handlers are reset would run our handler there, and that would write
 * into the pipe that it shares with our loop.
 */
#include "supervisor/spawn.h"

#include "common/program.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#define FREE_FROM (SPAWN_LISTEN_FD + LISTEN_MAX) /* above every number that is given away */
#define EXIT_NO_EXEC 127

NORETURN static void
give_up(const char *what)
{
	/* Nothing is left to do about a failed write. */
	(void)dprintf(STDERR_FILENO, "%s: %s\n", program_own(), what);
	_exit(EXIT_NO_EXEC);
}

static void
reset_signals(void)
{
	struct sigaction action = { .sa_handler = SIG_DFL };
	sigset_t none;

	for (int number = 1; number < NSIG; number++)
		(void)sigaction(number, &action, NULL);
	/* Ctrl-C goes to the whole group; who stops when is decided by us. */
	action.sa_handler = SIG_IGN;
	(void)sigaction(SIGINT, &action, NULL);
	(void)sigaction(SIGPIPE, &action, NULL);
	sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
}

/* Put fd at number, which something else may hold; the copy survives exec. */
static void
place(int fd, int number)
{
	if (dup2(fd, number) == -1)
		give_up("cannot pass a descriptor on");
}

NORETURN static void
become(const struct spawn *spawn, pid_t parent)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	int control = fcntl(spawn->control_fd, F_DUPFD_CLOEXEC, FREE_FROM);
	size_t listeners = spawn->listen == NULL ? 0 : spawn->listen->count;
	int listen[LISTEN_MAX];
	int words = -1;

	/* The order matters: the parent may have died before the first call. */
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(EXIT_STOPPED);
	for (size_t i = 0; i < listeners; i++)
		if ((listen[i] = fcntl(spawn->listen->fds[i], F_DUPFD_CLOEXEC, FREE_FROM)) == -1)
			give_up("cannot copy a listening socket");
	if (spawn->stderr_fd != 0)
		words = fcntl(spawn->stderr_fd, F_DUPFD_CLOEXEC, FREE_FROM);
	if (null == -1 || control == -1 || (spawn->stderr_fd != 0 && words == -1))
		give_up("cannot copy a descriptor");
	place(null, STDIN_FILENO);
	if (words != -1)
		place(words, STDERR_FILENO);
	place(control, SPAWN_CONTROL_FD);
	for (size_t i = 0; i < listeners; i++)
		place(listen[i], SPAWN_LISTEN_FD + (int)i);
	if (close_range(SPAWN_LISTEN_FD + (unsigned)listeners, ~0U, 0) == -1)
		give_up("cannot close descriptors");
	reset_signals();
	execv(spawn->path, spawn->argv);
	give_up("cannot run a program of this node; see -libexec-dir");
}

pid_t
spawn_program(const struct spawn *spawn)
{
	pid_t parent = getpid();
	sigset_t all, before;
	pid_t pid;
	int saved;

	sigfillset(&all);
	if (sigprocmask(SIG_SETMASK, &all, &before) == -1)
		return -1;
	pid = fork();
	if (pid == 0)
		become(spawn, parent);
	saved = errno;
	(void)sigprocmask(SIG_SETMASK, &before, NULL);
	errno = saved;
	return pid;
}
