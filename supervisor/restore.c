/*
 * restore.c - see restore.h.
 */
#include "supervisor/restore.h"

#include "common/xmem.h"
#include "supervisor/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

int
restore_open(const struct config *config, char **problem)
{
	int fd = open(config->restore, O_RDONLY | O_CLOEXEC);
	struct stat status;

	if (fd == -1) {
		*problem = xasprintf("-restore: cannot read %s: %s", config->restore, strerror(errno));
		return -1;
	}
	/* It is read twice. */
	if (fstat(fd, &status) == -1 || !S_ISREG(status.st_mode)) {
		*problem = xasprintf("-restore: %s is not a file", config->restore);
		close(fd);
		return -1;
	}
	return fd;
}

enum exit_code
restore_run(const struct config *config, const char *program, int fd, char **problem)
{
	char *argv[] = { "etcd", "restore", "held", config->data_dir, config->name, config->peer_url,
		config->client_url, config->restore, NULL };
	struct spawn spawn = { .path = program, .argv = argv, .control_fd = fd, .listen_fd = -1 };
	pid_t pid = spawn_program(&spawn), result;
	int status = 0;

	*problem = NULL;
	if (pid == -1) {
		*problem = xasprintf("-restore: cannot run %s: %s", program, strerror(errno));
		return EXIT_TROUBLE;
	}
	do
		result = waitpid(pid, &status, 0);
	while (result == -1 && errno == EINTR);
	if (result == pid && WIFEXITED(status))
		return (enum exit_code)WEXITSTATUS(status);
	*problem = xasprintf("-restore: %s was ended by signal %d", program,
	    WIFSIGNALED(status) ? WTERMSIG(status) : 0);
	return EXIT_TROUBLE;
}
