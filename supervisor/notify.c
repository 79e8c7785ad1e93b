/*
 * notify.c - one connected datagram socket; a name beginning with "@" is in
 * the abstract space.
 */
#include "supervisor/notify.h"

#include "common/xmem.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define MESSAGE_BYTES_MAX 1024

/* A connected socket, or -1. */
static int
connect_to(const char *name)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	size_t length = strlen(name);
	int fd;

	if ((name[0] != '/' && name[0] != '@') || length >= sizeof(address.sun_path))
		return -1;
	memcpy(address.sun_path, name, length);
	if (name[0] == '@')
		address.sun_path[0] = '\0';
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd != -1 && connect(fd, (const struct sockaddr *)&address,
	    (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length)) == -1) {
		close(fd);
		return -1;
	}
	return fd;
}

/* 0 if nobody watches, or if it is not us who is watched. */
static uint64_t
watchdog_us(void)
{
	const char *text = getenv("WATCHDOG_USEC");
	const char *pid = getenv("WATCHDOG_PID");
	unsigned long long us = 0;
	char *end;

	if (text != NULL && text[0] >= '0' && text[0] <= '9') {
		us = strtoull(text, &end, 10);
		if (*end != '\0')
			us = 0;
	}
	if (pid != NULL && strtol(pid, NULL, 10) != (long)getpid())
		us = 0;
	return us;
}

void
notify_open(struct notify *notify, const int ready_fds[NOTIFY_READY_FDS])
{
	const char *name = getenv("NOTIFY_SOCKET");

	*notify = (struct notify){ .fd = -1 };
	memcpy(notify->ready_fds, ready_fds, sizeof(notify->ready_fds));
	if (name != NULL) {
		notify->fd = connect_to(name);
		notify->socket_name = xstrdup(name);
	}
	if (notify->fd != -1)
		notify->watchdog_us = watchdog_us();
	notify_hide();
}

void
notify_hide(void)
{
	unsetenv("NOTIFY_SOCKET");
	unsetenv("WATCHDOG_USEC");
	unsetenv("WATCHDOG_PID");
}

static void
close_ready_fds(struct notify *notify)
{
	for (size_t i = 0; i < NOTIFY_READY_FDS; i++) {
		if (notify->ready_fds[i] != -1)
			close(notify->ready_fds[i]);
		notify->ready_fds[i] = -1;
	}
}

void
notify_close(struct notify *notify)
{
	if (notify->fd != -1)
		close(notify->fd);
	notify->fd = -1;
	close_ready_fds(notify);
	free(notify->socket_name);
	notify->socket_name = NULL;
}

void
notify_export(const struct notify *notify)
{
	char text[32];

	if (notify->socket_name != NULL)
		setenv("NOTIFY_SOCKET", notify->socket_name, 1);
	if (notify->watchdog_us != 0) {
		snprintf(text, sizeof(text), "%llu", (unsigned long long)notify->watchdog_us);
		setenv("WATCHDOG_USEC", text, 1);
	}
}

void
notify_send(const struct notify *notify, const char *format, ...)
{
	char text[MESSAGE_BYTES_MAX];
	va_list arguments;

	if (notify->fd == -1)
		return;
	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	(void)send(notify->fd, text, strlen(text), MSG_NOSIGNAL);
}

void
notify_send_fd(const struct notify *notify, int fd, const char *text)
{
	union {
		struct cmsghdr header;
		uint8_t bytes[CMSG_SPACE(sizeof(int))];
	} control = { .bytes = { 0 } };
	struct iovec piece = { (void *)(uintptr_t)text, strlen(text) };
	struct msghdr message = { .msg_iov = &piece, .msg_iovlen = 1, .msg_control = &control,
		.msg_controllen = sizeof(control) };
	struct cmsghdr *header = CMSG_FIRSTHDR(&message);

	if (notify->fd == -1)
		return;
	header->cmsg_level = SOL_SOCKET;
	header->cmsg_type = SCM_RIGHTS;
	header->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(header), &fd, sizeof(int));
	(void)sendmsg(notify->fd, &message, MSG_NOSIGNAL);
}

void
notify_ready(struct notify *notify)
{
	notify_send(notify, "READY=1");
	for (size_t i = 0; i < NOTIFY_READY_FDS; i++) {
		/* A reader that closed the other end does not want to know any more. */
		if (notify->ready_fds[i] != -1 && write(notify->ready_fds[i], "\n", 1) == -1)
			continue;
	}
	close_ready_fds(notify);
}
