/*
 * resolve.c - starts resolvers and collects what they say (see resolve.h).
 *
 * The peer worker is not trusted: how many names it may have looked up at once
 * is limited, and a name is checked before it becomes an argument of a program.
 * A resolver is not trusted either: what it said goes on only if it is a list of
 * addresses. Its end is reaped with every child's (supervisor.c).
 */
#include "supervisor/resolve.h"

#include "common/diag.h"
#include "common/host_name.h"
#include "common/ipc/message.h"
#include "common/limits.h"
#include "common/xmem.h"
#include "supervisor/spawn.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <unistd.h>

struct lookup {
	TAILQ_ENTRY(lookup) link;
	struct resolve *resolve;
	pid_t asker;
	uint64_t request_id;
	char host[ADDRESS_HOST_BYTES_MAX + 1];
	int fd;			/* the resolver's words; -1: waiting for its turn */
	struct loop_io *io;
	struct buf answer;
};

TAILQ_HEAD(lookup_list, lookup);

struct resolve {
	struct loop *loop;
	const char *program;
	struct resolve_owner owner;
	struct lookup_list waiting, running;
	size_t waiting_count, running_count;
};

static void start_waiting(struct resolve *resolve);

/* Taken out of its list already. */
static void
lookup_free(struct lookup *lookup)
{
	loop_io_free(&lookup->io);
	if (lookup->fd != -1)
		close(lookup->fd);
	buf_free(&lookup->answer);
	free(lookup);
}

static bool
is_address_list(struct slice bytes)
{
	struct reader in = reader_of(bytes);
	struct address_record record;

	while (!reader_done(&in)) {
		if (!address_record_get(&in, &record))
			return false;
	}
	return true;
}

/* The end comes last, and nothing behind it. */
static bool
is_service_list(struct slice bytes)
{
	struct reader in = reader_of(bytes);
	struct service_record record;

	while (!reader_done(&in)) {
		if (!service_record_get(&in, &record))
			return false;
		if (record.port == 0)
			return reader_done(&in) && record.host.size == 0;
		if (!host_name_valid(record.host))
			return false;
	}
	return false;
}

static bool
is_service(const struct lookup *lookup)
{
	return lookup->host[0] == '_';
}

static void
finish(struct lookup *lookup)
{
	struct resolve *resolve = lookup->resolve;
	struct slice addresses = buf_slice(&lookup->answer);

	TAILQ_REMOVE(&resolve->running, lookup, link);
	resolve->running_count--;
	if (lookup->answer.overflowed || !(is_service(lookup) ? is_service_list(addresses) :
	    is_address_list(addresses)))
		addresses = SLICE_EMPTY;
	resolve->owner.answered(resolve->owner.argument, lookup->asker, lookup->request_id,
	    addresses);
	lookup_free(lookup);
	start_waiting(resolve);
}

static void
answer_ready(void *argument, unsigned events)
{
	struct lookup *lookup = argument;
	uint8_t piece[1024];
	ssize_t size = recv(lookup->fd, piece, sizeof(piece), 0);

	(void)events;
	if (size == -1 && (errno == EAGAIN || errno == EINTR))
		return;
	if (size > 0)
		buf_append(&lookup->answer, piece, (size_t)size);
	if (size <= 0 || lookup->answer.overflowed)
		finish(lookup);
}

/* False: there is no resolver for it. */
static bool
start(struct lookup *lookup)
{
	char *argv[] = { "resolver", lookup->host, NULL };
	struct spawn spawn = { .path = lookup->resolve->program, .argv = argv };
	int pair[2];
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) == -1)
		return false;
	spawn.control_fd = pair[1];
	pid = spawn_program(&spawn);
	close(pair[1]);
	if (pid == -1) {
		close(pair[0]);
		return false;
	}
	lookup->fd = pair[0];
	lookup->io = loop_io_new(lookup->resolve->loop, lookup->fd, answer_ready, lookup);
	loop_io_want(lookup->io, LOOP_READ);
	return true;
}

static void
start_waiting(struct resolve *resolve)
{
	struct lookup *lookup;

	while (resolve->running_count < RESOLVE_RUNNING_MAX &&
	    (lookup = TAILQ_FIRST(&resolve->waiting)) != NULL) {
		TAILQ_REMOVE(&resolve->waiting, lookup, link);
		resolve->waiting_count--;
		if (start(lookup)) {
			TAILQ_INSERT_TAIL(&resolve->running, lookup, link);
			resolve->running_count++;
			continue;
		}
		diag_error("supervisor", "cannot start a resolver: error=%s", strerror(errno));
		resolve->owner.answered(resolve->owner.argument, lookup->asker,
		    lookup->request_id, SLICE_EMPTY);
		lookup_free(lookup);
	}
}

void
resolve_ask(struct resolve *resolve, pid_t asker, uint64_t request_id, struct slice host)
{
	struct lookup *lookup;

	if (!host_name_valid(host) || resolve->waiting_count == RESOLVE_WAITING_MAX) {
		resolve->owner.answered(resolve->owner.argument, asker, request_id, SLICE_EMPTY);
		return;
	}
	lookup = xzalloc(sizeof(*lookup));
	lookup->resolve = resolve;
	lookup->asker = asker;
	lookup->request_id = request_id;
	memcpy(lookup->host, host.data, host.size);
	lookup->fd = -1;
	buf_init(&lookup->answer, is_service(lookup) ? SERVICES_BYTES_MAX :
	    RESOLVE_ANSWER_BYTES_MAX);
	TAILQ_INSERT_TAIL(&resolve->waiting, lookup, link);
	resolve->waiting_count++;
	start_waiting(resolve);
}

struct resolve *
resolve_new(struct loop *loop, const char *program, struct resolve_owner owner)
{
	struct resolve *resolve = xzalloc(sizeof(*resolve));

	resolve->loop = loop;
	resolve->program = program;
	resolve->owner = owner;
	TAILQ_INIT(&resolve->waiting);
	TAILQ_INIT(&resolve->running);
	return resolve;
}

void
resolve_free(struct resolve **resolve_pointer)
{
	struct resolve *resolve = *resolve_pointer;
	struct lookup_list *lists[2];
	struct lookup *lookup;

	if (resolve == NULL)
		return;
	lists[0] = &resolve->waiting;
	lists[1] = &resolve->running;
	for (size_t i = 0; i < ARRAY_COUNT(lists); i++) {
		while ((lookup = TAILQ_FIRST(lists[i])) != NULL) {
			TAILQ_REMOVE(lists[i], lookup, link);
			lookup_free(lookup);
		}
	}
	free(resolve);
	*resolve_pointer = NULL;
}
