/*
 * process.c - commands of other people (see process.h).
 */
#include "ctl/v3/process.h"

#include "common/xmem.h"
#include "ctl/output.h"

#include <errno.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

void
ctl3_process_set(const char *name, struct slice value)
{
	/* An empty slice may have no bytes at all. */
	char *text = strndup(value.size == 0 ? "" : (const char *)value.data, value.size);

	if (text == NULL || setenv(name, text, 1) == -1)
		abort();
	free(text);
}

pid_t
ctl3_process_start(const char *const *words, size_t count, const sigset_t *mask, char **problem)
{
	char **argv = xzalloc((count + 1) * sizeof(*argv));
	posix_spawnattr_t how;
	sigset_t reset;
	pid_t pid = -1;
	int error;

	for (size_t i = 0; i < count; i++)
		argv[i] = xstrdup(words[i]);
	sigemptyset(&reset);
	sigaddset(&reset, SIGINT);
	sigaddset(&reset, SIGTERM);
	sigaddset(&reset, SIGHUP);
	posix_spawnattr_init(&how);
	posix_spawnattr_setsigmask(&how, mask);
	posix_spawnattr_setsigdefault(&how, &reset);
	posix_spawnattr_setflags(&how, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
	(void)output_flush();
	error = posix_spawnp(&pid, argv[0], NULL, &how, argv, environ);
	posix_spawnattr_destroy(&how);
	if (error == ENOENT && strchr(argv[0], '/') == NULL)
		*problem = xasprintf("exec: \"%s\": executable file not found in $PATH", argv[0]);
	else if (error != 0)
		*problem = xasprintf("fork/exec %s: %s", argv[0], strerror(error));
	for (size_t i = 0; i < count; i++)
		free(argv[i]);
	free(argv);
	return error == 0 ? pid : -1;
}

char *
ctl3_process_problem(int status)
{
	if (WIFEXITED(status))
		return WEXITSTATUS(status) == 0 ? NULL :
		    xasprintf("exit status %d", WEXITSTATUS(status));
	return xasprintf("signal: %s", strsignal(WTERMSIG(status)));
}

char *
ctl3_process_run(const char *const *words, size_t count)
{
	char *problem = NULL;
	sigset_t none;
	int status = 0;
	pid_t pid;

	sigemptyset(&none);
	pid = ctl3_process_start(words, count, &none, &problem);
	if (pid == -1)
		return problem;
	while (waitpid(pid, &status, 0) == -1 && errno == EINTR)
		;
	return ctl3_process_problem(status);
}
