/*
 * daemon.c - see daemon.h. Before the loop, so it may wait.
 */
#include "supervisor/daemon.h"

#include "common/diag_format.h"
#include "common/program.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define SENTENCE_BYTES 1024

/* All that comes until the end, or until it is ready. */
static size_t
hear(int fd, char *text, size_t room)
{
	size_t size = 0;

	for (;;) {
		ssize_t got = read(fd, text + size, room - size);

		if (got == -1 && errno == EINTR)
			continue;
		if (got <= 0)
			return size;
		size += (size_t)got;
		if (text[0] == '\n' || size == room)
			return size;
	}
}

/* The first process: it has nothing of its own to give back. */
NORETURN static void
wait_for(pid_t pid, int fd, const char *log)
{
	char text[SENTENCE_BYTES], line[DIAG_SENTENCE_BYTES_MAX];
	size_t size = hear(fd, text, sizeof(text));
	int status = 0;
	int code;

	if (size > 0 && text[0] == '\n')
		_exit(EXIT_STOPPED);
	while (waitpid(pid, &status, 0) == -1 && errno == EINTR)
		continue;
	code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	if (size > 0) {
		size = diag_escape(line, 0, sizeof(line), slice_of(text, size));
		fprintf(stderr, "%s: %.*s\n", program_own(), (int)size, line);
	} else {
		size = diag_escape(line, 0, sizeof(line), slice_text(log));
		fprintf(stderr, "%s: ended with code %d before it was ready; see %.*s\n",
		    program_own(), code, (int)size, line);
	}
	_exit(code);
}

int
daemon_begin(const char *log)
{
	int ends[2];
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC) == -1)
		return -1;
	pid = fork();
	if (pid == -1) {
		close(ends[0]);
		close(ends[1]);
		return -1;
	}
	if (pid != 0) {
		close(ends[1]);
		wait_for(pid, ends[0], log);
	}
	close(ends[0]);
	(void)setsid();
	return ends[1];
}

void
daemon_detach(void)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (null != -1) {
		(void)dup2(null, STDIN_FILENO);
		(void)dup2(null, STDOUT_FILENO);
		(void)dup2(null, STDERR_FILENO);
		if (null > STDERR_FILENO)
			close(null);
	}
}

void
daemon_tell(int fd, const char *sentence)
{
	/* If the first process is gone, nobody is left who would read it. */
	if (fd != -1 && write(fd, sentence, strlen(sentence)) == -1)
		return;
}
