/*
 * log_sink.c - writing without waiting (see log_sink.h). Linux only: a pipe that
 * is writable takes PIPE_BUF bytes at once.
 */
#include "supervisor/log_sink.h"

#include "common/buf.h"
#include "common/xmem.h"
#include "supervisor/safe_path.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define SYSLOG_SOCKET "/dev/log"
#define FILE_FLAGS (O_WRONLY | O_APPEND | O_CLOEXEC | O_NOCTTY)
#define TERMINAL_BYTES ((size_t)512)	/* a terminal takes as much when it takes any */

enum sink_kind { SINK_FILE, SINK_SHARED, SINK_SYSLOG };

struct log_sink {
	enum sink_kind kind;
	enum diag_place place;
	char *where;
	const char *path;	/* in where: of a file or socket */
	const struct privileges *privileges;
	int fd;			/* -1: a socket that is not connected */
	bool is_socket;		/* a shared descriptor that is one */
	size_t piece_max;	/* of a shared one: so much at a time */
	struct buf waiting;
	uint64_t dropped;
	int trouble, trouble_told; /* errno; 0: none */
};

static bool
is_journal(int fd)
{
	const char *stream = getenv("JOURNAL_STREAM");
	unsigned long long device, inode;
	struct stat status;

	return stream != NULL && sscanf(stream, "%llu:%llu", &device, &inode) == 2 &&
	    fstat(fd, &status) == 0 && (unsigned long long)status.st_dev == device &&
	    (unsigned long long)status.st_ino == inode;
}

static void
open_shared(struct log_sink *sink, int fd)
{
	struct stat status;

	sink->kind = SINK_SHARED;
	sink->fd = fd;
	sink->piece_max = isatty(fd) ? TERMINAL_BYTES : PIPE_BUF;
	if (fstat(fd, &status) == 0) {
		sink->is_socket = S_ISSOCK(status.st_mode);
		if (S_ISREG(status.st_mode))
			sink->piece_max = SIZE_MAX;
	}
}

struct open_file {
	const struct privileges *privileges;
	int fd;
};

/* Mode 0640 if it is made here: for the group, whatever the umask is. Only what was made
 * here is given away. */
static int
open_file(const struct safe_place *place, void *argument)
{
	struct open_file *file = argument;
	struct stat status;
	int fd = openat(place->directory_fd, place->name, FILE_FLAGS | O_CREAT | O_EXCL, 0640);

	if (fd != -1) {
		if (place->give &&
		    fchown(fd, file->privileges->uid, file->privileges->gid) == -1) {
			int error = errno;

			close(fd);
			return error;
		}
		(void)fchmod(fd, 0640);
		file->fd = fd;
		return 0;
	}
	if (errno != EEXIST)
		return errno;
	fd = openat(place->directory_fd, place->name,
	    FILE_FLAGS | O_NONBLOCK | (place->follow ? 0 : O_NOFOLLOW));
	if (fd == -1)
		return errno;
	/* Another name of some file of root's, or a pipe to who reads the log. */
	if (!place->follow && (fstat(fd, &status) == -1 || !S_ISREG(status.st_mode) ||
	    status.st_nlink != 1 || status.st_uid != geteuid())) {
		close(fd);
		return EACCES;
	}
	file->fd = fd;
	return 0;
}

static char *
open_at(const struct log_sink *sink, int *fd)
{
	struct open_file file = { sink->privileges, -1 };
	int error = safe_path_act(sink->privileges, sink->path, true, open_file, &file);

	*fd = file.fd;
	return error == 0 ? NULL :
	    xasprintf("cannot write %s: %s", sink->path, safe_path_reason(error));
}

/* Nobody may be there yet, or any more: then fd stays -1, with errno, and it is
 * tried again with the next line. */
static void
connect_to_syslog(struct log_sink *sink)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	bool lend = geteuid() == 0 && sink->privileges != NULL && sink->privileges->user != NULL;
	size_t size = strlen(sink->path);
	int fd, saved;

	if (sink->fd != -1)
		return;
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd == -1)
		return;
	memcpy(address.sun_path, sink->path, size);
	if (sink->path[0] == '@')
		address.sun_path[0] = '\0';
	/* To no socket that the user could not reach. */
	saved = lend ? privileges_lend(sink->privileges) : 0;
	if (saved == 0) {
		if (connect(fd, (const struct sockaddr *)&address,
		    (socklen_t)(offsetof(struct sockaddr_un, sun_path) + size)) == -1)
			saved = errno;
		if (lend)
			privileges_take_back(sink->privileges);
	}
	if (saved == 0) {
		sink->fd = fd;
		return;
	}
	close(fd);
	errno = saved;
}

static char *
open_syslog(struct log_sink *sink)
{
	static const struct sockaddr_un address;
	const char *mark = strchr(sink->where, ':');

	sink->kind = SINK_SYSLOG;
	sink->place = DIAG_IN_SYSLOG;
	sink->path = mark == NULL ? SYSLOG_SOCKET : mark + 1;
	if (sink->path[0] == '\0')
		return xstrdup("syslog: needs the path of a socket, or none and no \":\"");
	if (strlen(sink->path) >= sizeof(address.sun_path))
		return xasprintf("%s is longer than a socket's name may be (%zu bytes)", sink->path,
		    sizeof(address.sun_path) - 1);
	return NULL;
}

static char *
open_path(struct log_sink *sink)
{
	sink->kind = SINK_FILE;
	sink->place = DIAG_IN_FILE;
	sink->path = sink->where;
	return open_at(sink, &sink->fd);
}

struct log_sink *
log_sink_open(const char *where, const char *option, const struct privileges *privileges,
    char **problem)
{
	struct log_sink *sink = xzalloc(sizeof(*sink));
	char *why = NULL;

	sink->privileges = privileges;
	sink->where = xstrdup(where);
	sink->fd = -1;
	buf_init(&sink->waiting, SINK_WAITING_BYTES_MAX);
	if (strcmp(where, "stderr") == 0) {
		open_shared(sink, STDERR_FILENO);
		sink->place = is_journal(STDERR_FILENO) ? DIAG_IN_JOURNAL : DIAG_ON_CONSOLE;
	} else if (strcmp(where, "journal") == 0) {
		open_shared(sink, STDERR_FILENO);
		sink->place = DIAG_IN_JOURNAL;
	} else if (strcmp(where, "stdout") == 0 || strcmp(where, "-") == 0) {
		open_shared(sink, STDOUT_FILENO);
		sink->place = DIAG_ON_CONSOLE;
	} else if (strcmp(where, "syslog") == 0 || strncmp(where, "syslog:", 7) == 0) {
		why = open_syslog(sink);
	} else {
		why = open_path(sink);
	}
	if (why == NULL)
		return sink;
	*problem = xasprintf("-%s: %s", option, why);
	free(why);
	log_sink_free(&sink);
	return NULL;
}

void
log_sink_free(struct log_sink **sink)
{
	if (*sink == NULL)
		return;
	if ((*sink)->kind != SINK_SHARED && (*sink)->fd != -1)
		close((*sink)->fd);
	buf_free(&(*sink)->waiting);
	free((*sink)->where);
	free(*sink);
	*sink = NULL;
}

char *
log_sink_reopen(struct log_sink *sink)
{
	char *problem;
	int fd;

	if (sink->kind != SINK_FILE)
		return NULL;
	problem = open_at(sink, &fd);
	if (problem != NULL)
		return problem;
	close(sink->fd);
	sink->fd = fd;
	sink->trouble_told = 0;
	return NULL;
}

void
log_sink_copy(const struct log_sink *sink, int fd)
{
	if (sink->kind == SINK_FILE)
		(void)dup2(sink->fd, fd);
}

const char *
log_sink_where(const struct log_sink *sink)
{
	return sink->where;
}

enum diag_place
log_sink_place(const struct log_sink *sink)
{
	return sink->place;
}

static uint64_t
count_lines(struct slice lines)
{
	uint64_t count = 0;

	for (size_t i = 0; i < lines.size; i++)
		count += lines.data[i] == '\n';
	return MAX_OF(count, UINT64_C(1));
}

void
log_sink_put(struct log_sink *sink, struct slice lines)
{
	bool datagram = sink->kind == SINK_SYSLOG;

	if (lines.size + datagram > SINK_WAITING_BYTES_MAX - sink->waiting.size) {
		sink->dropped += count_lines(lines);
		return;
	}
	buf_append_slice(&sink->waiting, lines);
	/* No line has one inside. */
	if (datagram)
		buf_append_byte(&sink->waiting, '\n');
}

/* The first line that waits, as a datagram. As write_some. */
static ssize_t
send_line(struct log_sink *sink)
{
	const uint8_t *end = memchr(sink->waiting.data, '\n', sink->waiting.size);
	size_t size;

	ASSERT(end != NULL);
	size = (size_t)(end - sink->waiting.data);
	/* The second time after the other end was started again. */
	for (int i = 0; i < 2; i++) {
		connect_to_syslog(sink);
		if (sink->fd == -1)
			break;
		if (send(sink->fd, sink->waiting.data, size, MSG_NOSIGNAL | MSG_DONTWAIT) != -1)
			return (ssize_t)size + 1;
		if (errno == EAGAIN || errno == ENOBUFS) {
			errno = EAGAIN;
			break;
		}
		close(sink->fd);
		sink->fd = -1;
	}
	return -1;
}

/* As write; but -1 with EAGAIN where that would wait. */
static ssize_t
write_some(const struct log_sink *sink)
{
	struct pollfd ready = { .fd = sink->fd, .events = POLLOUT };
	struct slice waiting = buf_slice(&sink->waiting);

	if (sink->kind == SINK_FILE)
		return write(sink->fd, waiting.data, waiting.size);
	if (sink->is_socket)
		return send(sink->fd, waiting.data, waiting.size, MSG_NOSIGNAL | MSG_DONTWAIT);
	if (sink->piece_max != SIZE_MAX && (poll(&ready, 1, 0) != 1 ||
	    (ready.revents & POLLOUT) == 0)) {
		errno = (ready.revents & (POLLERR | POLLHUP)) != 0 ? EPIPE : EAGAIN;
		return -1;
	}
	return write(sink->fd, waiting.data, MIN_OF(waiting.size, sink->piece_max));
}

bool
log_sink_flush(struct log_sink *sink)
{
	while (sink->waiting.size > 0) {
		ssize_t size = sink->kind == SINK_SYSLOG ? send_line(sink) : write_some(sink);

		if (size >= 0) {
			buf_consume(&sink->waiting, (size_t)size);
			sink->trouble_told = 0;
		} else if (errno == EAGAIN) {
			return false;
		} else if (errno != EINTR) {
			/* A full disk may have room again, but not for what came meanwhile. */
			sink->trouble = errno;
			sink->dropped += count_lines(buf_slice(&sink->waiting));
			buf_clear(&sink->waiting);
		}
	}
	return true;
}

uint64_t
log_sink_take_dropped(struct log_sink *sink)
{
	uint64_t dropped = sink->dropped;

	sink->dropped = 0;
	return dropped;
}

const char *
log_sink_take_trouble(struct log_sink *sink)
{
	int trouble = sink->trouble;

	sink->trouble = 0;
	if (trouble == 0 || trouble == sink->trouble_told)
		return NULL;
	sink->trouble_told = trouble;
	return strerror(trouble);
}
