/*
 * control_backup.c - see control_backup.h.
 */
#include "ctl/control_backup.h"

#include "common/control_line.h"
#include "common/xmem.h"
#include "ctl/backup.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define ANSWER_BYTES ((size_t)4096)

/* The answer, one line, and the descriptor beside its first byte; -1: none. */
static ssize_t
receive(int fd, char *line, size_t size, int *passed)
{
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = { .bytes = { 0 } };
	struct iovec piece = { line, size };
	struct msghdr message = { .msg_iov = &piece, .msg_iovlen = 1, .msg_control = control.bytes,
		.msg_controllen = sizeof(control.bytes) };
	const struct cmsghdr *header;
	ssize_t received;

	do
		received = recvmsg(fd, &message, MSG_CMSG_CLOEXEC);
	while (received == -1 && errno == EINTR);
	header = received > 0 ? CMSG_FIRSTHDR(&message) : NULL;
	if (header != NULL && header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_RIGHTS &&
	    header->cmsg_len == CMSG_LEN(sizeof(int)))
		memcpy(passed, CMSG_DATA(header), sizeof(int));
	return received;
}

static int
refused(struct slice line)
{
	struct control_field fields[] = { { "error", NULL } };

	if (control_line_read(line, fields, ARRAY_COUNT(fields)) == ERR_NONE &&
	    fields[0].value != NULL)
		output_fail(CTL_SERVER_ERROR, "backup: %s", fields[0].value);
	else
		output_fail(CTL_SERVER_ERROR, "backup: the node gave no connection");
	control_line_free(fields, ARRAY_COUNT(fields));
	return CTL_SERVER_ERROR;
}

int
control_backup(const struct ctl *ctl, int fd, const char *file)
{
	static const char order[] = "{\"command\":\"backup\"}\n";
	struct backup_order backup = { .ctl = ctl, .file = file, .peer_url = "",
		.connected_fd = -1 };
	char line[ANSWER_BYTES];
	ssize_t size;

	if (send(fd, order, sizeof(order) - 1, MSG_NOSIGNAL) != (ssize_t)sizeof(order) - 1)
		return output_fail(CTL_SERVER_ERROR, "backup: the node does not listen: %s",
		    strerror(errno));
	size = receive(fd, line, sizeof(line), &backup.connected_fd);
	if (size <= 0)
		return output_fail(CTL_SERVER_ERROR, "backup: the node ended before it answered");
	if (backup.connected_fd == -1)
		return refused(slice_of(line, (size_t)size));
	return ctl_backup_fetch(&backup);
}

char *
control_backup_path(const char *file)
{
	char *here, *path;

	if (file[0] == '/')
		return xstrdup(file);
	here = getcwd(NULL, 0);
	path = here == NULL ? xstrdup(file) : xasprintf("%s/%s", here, file);
	free(here);
	return path;
}
