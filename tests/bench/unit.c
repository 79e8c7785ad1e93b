/*
 * unit.c - what a message and its answer between two processes cost on this machine, in ns of CPU:
 * the unit in which bench-check counts, so that figures of two machines can be compared.
 *
 * Prints one number. 200 bytes each way over a socket pair, each side waiting by epoll, as the
 * processes of a node do.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define ROUNDS 10000
#define MESSAGE_BYTES 200

static int
epoll_of(int fd)
{
	struct epoll_event event = { .events = EPOLLIN };
	int poll = epoll_create1(EPOLL_CLOEXEC);

	if (poll == -1 || epoll_ctl(poll, EPOLL_CTL_ADD, fd, &event) != 0)
		exit(2);
	return poll;
}

static void
take(int poll, int fd, char message[MESSAGE_BYTES])
{
	struct epoll_event event;

	if (epoll_wait(poll, &event, 1, -1) != 1 ||
	    recv(fd, message, MESSAGE_BYTES, 0) != MESSAGE_BYTES)
		exit(2);
}

static void
give(int fd, const char message[MESSAGE_BYTES])
{
	if (send(fd, message, MESSAGE_BYTES, 0) != MESSAGE_BYTES)
		exit(2);
}

static uint64_t
cpu_ns(int who)
{
	struct rusage usage;

	if (getrusage(who, &usage) != 0)
		exit(2);
	return (uint64_t)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000000000 +
	    (uint64_t)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1000;
}

int
main(void)
{
	char message[MESSAGE_BYTES] = "";
	int pair[2], poll, status;
	pid_t child;

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) != 0 || (child = fork()) == -1)
		return 2;
	poll = epoll_of(pair[child == 0]);
	for (int i = 0; child == 0 && i < ROUNDS; i++) {
		take(poll, pair[1], message);
		give(pair[1], message);
	}
	if (child == 0)
		_exit(0);
	for (int i = 0; i < ROUNDS; i++) {
		give(pair[0], message);
		take(poll, pair[0], message);
	}
	if (waitpid(child, &status, 0) != child || status != 0)
		return 2;
	printf("%llu\n", (unsigned long long)(cpu_ns(RUSAGE_SELF) + cpu_ns(RUSAGE_CHILDREN)) /
	    ROUNDS);
	return 0;
}
