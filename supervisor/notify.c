/*
 * notify.c - one connected datagram socket; a name beginning with "@" is in
 * the abstract space.
 */
#include "supervisor/notify.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define MESSAGE_BYTES_MAX 1024

void
notify_open(struct notify *notify)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	const char *name = getenv("NOTIFY_SOCKET");
	size_t length;

	notify->fd = -1;
	if (name == NULL)
		return;
	length = strlen(name);
	if ((name[0] == '/' || name[0] == '@') && length < sizeof(address.sun_path)) {
		memcpy(address.sun_path, name, length);
		if (name[0] == '@')
			address.sun_path[0] = '\0';
		notify->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
		if (notify->fd != -1 && connect(notify->fd, (const struct sockaddr *)&address,
			(socklen_t)(offsetof(struct sockaddr_un, sun_path) + length)) == -1)
			notify_close(notify);
	}
	unsetenv("NOTIFY_SOCKET");
}

void
notify_close(struct notify *notify)
{
	if (notify->fd != -1)
		close(notify->fd);
	notify->fd = -1;
}

void
notify_send(const struct notify *notify, const char *format, ...)
{
	char text[MESSAGE_BYTES_MAX];
	va_list arguments;
	int size;

	if (notify->fd == -1)
		return;
	va_start(arguments, format);
	size = vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	if (size > 0)
		(void)send(notify->fd, text, MIN_OF((size_t)size, sizeof(text) - 1), MSG_NOSIGNAL);
}
