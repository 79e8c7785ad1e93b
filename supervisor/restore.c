/*
 * restore.c - see restore.h.
 */
#include "supervisor/restore.h"

#include "common/program.h"
#include "common/xmem.h"
#include "supervisor/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define LOOK_NS (20 * 1000 * 1000)
#define EXTEND_EVERY 250	/* looks: five seconds */
#define EXTEND_US 30000000

int
restore_open(const struct config *config, char **problem)
{
	int fd = open(config->restore, O_RDONLY | O_CLOEXEC);
	struct stat status;

	if (fd == -1) {
		*problem = xasprintf("-restore: cannot read %s: %s", config->restore,
		    strerror(errno));
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

/* As waitpid; the service manager is given no reason to lose patience. */
static pid_t
wait_for(pid_t pid, int *status, const struct notify *notify)
{
	pid_t result = 0;

	notify_send(notify, "STATUS=restoring a backup");
	for (unsigned looks = 1; result == 0 || (result == -1 && errno == EINTR); looks++) {
		nanosleep(&(struct timespec){ .tv_nsec = LOOK_NS }, NULL);
		if (looks % EXTEND_EVERY == 0)
			notify_send(notify, "EXTEND_TIMEOUT_USEC=%d", EXTEND_US);
		result = waitpid(pid, status, WNOHANG);
	}
	return result;
}

enum exit_code
restore_run(const struct config *config, const char *program, int fd,
    const struct notify *notify, char **problem)
{
	char *argv[] = { (char *)(uintptr_t)program_own(), "restore", "held", config->data_dir,
		config->name, config->peer_url, config->client_url, config->restore, NULL };
	struct spawn spawn = { .path = program, .argv = argv, .control_fd = fd };
	pid_t pid = spawn_program(&spawn);
	int status = 0;

	*problem = NULL;
	if (pid == -1) {
		*problem = xasprintf("-restore: cannot run %s: %s", program, strerror(errno));
		return EXIT_TROUBLE;
	}
	if (wait_for(pid, &status, notify) == pid && WIFEXITED(status))
		return (enum exit_code)WEXITSTATUS(status);
	*problem = xasprintf("-restore: %s was ended by signal %d", program,
	    WIFSIGNALED(status) ? WTERMSIG(status) : 0);
	return EXIT_TROUBLE;
}
